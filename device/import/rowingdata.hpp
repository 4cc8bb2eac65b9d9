// rowingdata's own CSV (also written by rowsandall), and the same with eight more columns as Painsled for iOS writes
// it. One row for each stroke, with a Unix time; names have a blank before them.
#pragma once

#include "device/import/dialect.hpp"

namespace boathouse::import {

extern const Dialect kRowingdata;
extern const Dialect kPainsled;

}  // namespace boathouse::import
