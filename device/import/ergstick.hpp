// ErgStick's "all metrics" file: 51 columns, one row for each notification of a PM5 with the latest of every metric.
// Strokes and splits are repeated on each row until they change; they come out once, with their last values.
#pragma once

#include "device/import/dialect.hpp"

namespace boathouse::import {

extern const Dialect kErgStick;

}  // namespace boathouse::import
