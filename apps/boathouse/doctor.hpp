// `boathouse doctor`: is all well with this box? Reads the data folder, asks the server when it is named, changes
// nothing.
#pragma once

#include <string>
#include <vector>

#include "apps/boathouse/doctor_checks.hpp"
#include "apps/boathouse/server_client.hpp"

namespace boathouse::app {

struct DoctorOptions {
  std::string data;       // of the server
  std::string ledger;     // as `serve` has it; empty = ledger.db in `data`
  std::string backup_to;  // as `serve` has it; empty = only the ledger is asked about backups
  ServerOptions server{
      .server = {}, .key = {}, .key_file = {}, .ca_file = {}};  // no URL = only the folder is looked at
  bool json = false;
};

// What was found, in the order in which it is to be put right.
std::vector<Finding> examine(const DoctorOptions& options);

// Prints a line each. Exit 1 when one of them is a failure.
int doctor(DoctorOptions options);

}  // namespace boathouse::app
