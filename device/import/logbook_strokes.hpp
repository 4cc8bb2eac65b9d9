// The Concept2 Logbook's file of one workout's strokes (concept2-result-ID.csv), and the older one of ErgData. Neither
// has a date. Time and distance restart at each interval.
#pragma once

#include "device/import/dialect.hpp"

namespace boathouse::import {

extern const Dialect kLogbookStrokes;
extern const Dialect kErgData;

}  // namespace boathouse::import
