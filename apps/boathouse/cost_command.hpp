// `boathouse cost`: what this box's data takes by grain, and what a month of it costs on AWS over five years.
#pragma once

#include <string>
#include <vector>

#include "apps/boathouse/backup_commands.hpp"

namespace boathouse::app {

struct CostOptions {
  BackupOptions box;  // data, ledger, to (the backups' folder), and which ClickHouse; `data` empty: nothing is measured
  std::string prices;  // file like deploy/prices.json; empty = those of this program
  std::string size = "small";
  double athletes = 0;              // 0 = as many as the box has
  double hours_a_week = 0;          // 0 = as prices.json assumes
  std::vector<std::string> months;  // SIZE:ATHLETES:YEARS[:HOURS]: only these, as JSON
};

int cost(const CostOptions& options);

}  // namespace boathouse::app
