// The Concept2 Logbook's season export: one row for each workout, which becomes a recording with one summary. Its three
// forms differ in their first and last columns (2016: no ID; 2019 to 2021: "ID"; now: "Log ID" and "Date Entered"). The
// date is local, without a zone, and that of the END.
#pragma once

#include "device/import/dialect.hpp"

namespace boathouse::import {

extern const Dialect kLogbookSeason;

}  // namespace boathouse::import
