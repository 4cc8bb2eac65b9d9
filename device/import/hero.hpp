// Hero's stroke file: a header and one row about the whole piece, a blank row, then a header and one row for each
// stroke. Forces are in newtons, lengths in centimetres; the date has an offset and is that of the start.
#pragma once

#include "device/import/dialect.hpp"

namespace boathouse::import {

extern const Dialect kHero;

}  // namespace boathouse::import
