// What `boathouse` takes on its command line: the options of all commands, and the command that was chosen. Its parts
// are in command_line.cpp (server, devices, monitor, load) and operator_command_line.cpp (what is asked of a server or
// its data).
#pragma once

#include <functional>
#include <string>

#include "apps/boathouse/account_commands.hpp"
#include "apps/boathouse/audit_commands.hpp"
#include "apps/boathouse/backup_commands.hpp"
#include "apps/boathouse/cost_command.hpp"
#include "apps/boathouse/device_commands.hpp"
#include "apps/boathouse/doctor.hpp"
#include "apps/boathouse/pm5_command.hpp"
#include "apps/boathouse/retention_commands.hpp"
#include "apps/boathouse/serve.hpp"
#include "apps/boathouse/server_client.hpp"
#include "apps/boathouse/simulate_command.hpp"
#include "server/backup/backup.hpp"

namespace CLI {
class App;
}

namespace boathouse::app {

// Options of all commands, and the one that was chosen.
struct CommandLine {
  ServeOptions serve;
  bool clickhouse_sharded = false;
  DeviceOptions device;
  InputOptions input;
  SyncOptions sync;
  EditOptions edit;
  StorageOptions room;
  ServerOptions server;
  AuditOptions audit;
  BackupOptions backup;
  DoctorOptions doctor;
  CostOptions cost;
  RetentionOptions retention;
  SimulateOptions simulate;
  MonitorOptions monitor;
  std::string key_file;
  AccountOptions account;
  std::string athlete;
  std::string team;
  std::string name;
  std::string id;
  std::string stream;
  std::string other_id;
  std::string answer;
  std::string out_file;
  std::string since;
  std::string pm5_file = "-";
  int wait_s = 0;
  std::function<int()> chosen;

  void add_serve(CLI::App& app);
  void add_device(CLI::App& app);
  void add_pm5(CLI::App& app);
  void add_simulate(CLI::App& app);
  void add_server_commands(CLI::App& app);
  void add_audit(CLI::App& app);
  void add_webhooks(CLI::App& app);
  void add_backup(CLI::App& app);
  void add_box(CLI::App& app);
  void add_retention(CLI::App& app);

 private:
  CLI::App* command(CLI::App& parent, const std::string& name, const std::string& help, std::function<int()> action);
  void add_server_options(CLI::App& command);
};

void add_ca_file(CLI::App& command, std::string& file);
// --keep-daily and so on, which backups stay.
void with_keep(CLI::App& command, const std::string& prefix, backup::Keep& keep);

}  // namespace boathouse::app
