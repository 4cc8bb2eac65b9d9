#include "apps/boathouse/command_line.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <functional>
#include <map>
#include <string>

#include "apps/boathouse/account_command_line.hpp"
#include "apps/boathouse/command_line_parts.hpp"
#include "apps/boathouse/device_key.hpp"
#include "apps/boathouse/output.hpp"
#include "core/rowing/metrics_document.hpp"
#include "server/timeseries/schema.hpp"

namespace boathouse::app {
namespace {

// CLI11's form: empty = good.
std::string is_cluster_name(const std::string& text) {
  return timeseries::cluster_name(text) ? "" : "a cluster's name has letters, digits, _ and -, at most 64";
}

std::string is_quorum(const std::string& text) {
  const bool number = !text.empty() && text.size() <= 2 && text.find_first_not_of("0123456789") == std::string::npos;
  return number || text == "auto" ? "" : "a quorum is auto or a number of replicas";
}

}  // namespace

void add_ca_file(CLI::App& command, std::string& file) {
  command.add_option(
      "--ca-file", file,
      "PEM file of the CA to trust with https:// (else CURL_CA_BUNDLE or SSL_CERT_FILE, else the system's)");
}

void with_keep(CLI::App& command, const std::string& prefix, backup::Keep& keep) {
  const auto add = [&](const std::string& name, int& count, const std::string& what) {
    command.add_option(prefix + name, count, "Of so many " + what + " that have backups one each stays")
        ->check(CLI::Range(0, 10'000))
        ->capture_default_str();
  };
  add("-daily", keep.days, "days");
  add("-weekly", keep.weeks, "weeks");
  add("-monthly", keep.months, "months");
}

CLI::App* CommandLine::command(CLI::App& parent, const std::string& command_name, const std::string& help,
                               std::function<int()> action) {
  CLI::App* made = parent.add_subcommand(command_name, help);
  made->callback([this, action = std::move(action)] { chosen = action; });
  return made;
}

void CommandLine::add_server_options(CLI::App& command) {
  command.add_option("--server", server.server, "URL of the server")->capture_default_str();
  command.add_option("--key", server.key, "API key (else --key-file, else BOATHOUSE_KEY)");
  command.add_option("--key-file", server.key_file, "File whose first line is the API key");
  add_ca_file(command, server.ca_file);
  command.add_flag("--json", server.json, "JSON output");
}

void CommandLine::add_serve(CLI::App& app) {
  CLI::App* serve_command = command(app, "serve", "Run the cloud side", [this] { return app::serve(serve); });
  serve_command->add_option("--data", serve.data, "Folder of ledger, keys and ClickHouse")->required();
  serve_command->add_option("--listen", serve.listen, "ADDR:PORT; port 0 = a free one")->capture_default_str();
  CLI::Option* certificate =
      serve_command->add_option("--tls-cert", serve.tls_certificate,
                                "Speak TLS: PEM file of the certificate and its chain; SIGHUP reads it again");
  CLI::Option* tls_key =
      serve_command->add_option("--tls-key", serve.tls_key, "PEM file of its key, which not everybody may read");
  certificate->needs(tls_key);
  tls_key->needs(certificate);
  serve_command
      ->add_option("--max-connections", serve.max_connections, "Connections at a time; more are answered with 503")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  serve_command
      ->add_option("--max-connections-per-address", serve.max_connections_per_address,
                   "Of them, from one address (0 = all; not counted when listening on loopback)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  serve_command->add_option("--limit-requests", serve.limit_requests, "Requests of one key in a minute (0 = no limit)")
      ->capture_default_str();
  serve_command
      ->add_option("--limit-bytes", serve.limit_bytes, "Bytes that one key may send in a minute (0 = no limit)")
      ->capture_default_str();
  serve_command
      ->add_option_function<std::string>(
          "--log-format", [this](const std::string& format) { serve.log_json = format == "json"; },
          "text, or json: one object a line")
      ->check(CLI::IsMember({"text", "json"}))
      ->default_str("text");
  serve_command->add_option(
      "--ledger", serve.ledger,
      "sqlite:FILE, or postgresql://USER@HOST/DATABASE for several nodes (default: ledger.db in the data folder)");
  CLI::Option* clickhouse = serve_command->add_option("--clickhouse", serve.clickhouse,
                                                      "URL of a ClickHouse server, instead of boathouse-engine; with "
                                                      "--clickhouse-cluster the URLs of its replicas: URL,URL,...");
  serve_command->add_option("--clickhouse-user", serve.clickhouse_user, "Its user")->capture_default_str();
  serve_command
      ->add_option("--clickhouse-read-user", serve.clickhouse_read_user,
                   "Its user for the questions of athletes and coaches, who need not be able to change anything; with "
                   "the same password (default: that of --clickhouse-user)")
      ->needs(clickhouse);
  serve_command->add_option("--clickhouse-password-file", serve.clickhouse_password_file,
                            "File with the password of both");
  CLI::Option* cluster_name =
      serve_command
          ->add_option("--clickhouse-cluster", serve.clickhouse_cluster,
                       "Name of the cluster, as in the server's remote_servers, on which the tables are "
                       "replicated; for --clickhouse alone")
          ->check(is_cluster_name)
          ->needs(clickhouse);
  serve_command
      ->add_option(
          "--clickhouse-quorum", serve.clickhouse_quorum,
          "On how many replicas a block must be before it counts as loaded: all of them, so that a read of any "
          "finds it; auto: more than half, which of two are both; 0: one, while the other is away for long")
      ->capture_default_str()
      ->check(is_quorum)
      ->needs(cluster_name);
  serve_command->add_option("--engine", serve.engine_binary, "The boathouse-engine program (default: beside this one)");
  serve_command->add_flag("--purge-without-backup", serve.purge_without_backup,
                          "Let devices remove recordings as soon as this server has them, even though no backup of it "
                          "does: if its disk dies, they are lost");
  serve_command->add_flag("--webhook-allow-private", serve.webhook_allow_private,
                          "Let webhooks go to addresses of private networks too: every athlete can then make this "
                          "server call hosts of yours");
  serve_command->add_flag("--webhook-allow-http-loopback", serve.webhook_allow_http_loopback,
                          "Let webhooks go to http://127.0.0.1 and the like, for tests and development");
  serve_command->add_option("--backup-to", serve.backup_to,
                            "Folder, on another disk, for backups of the ledger and the accounts");
  const auto add_period = [serve_command](const std::string& option, std::int64_t& seconds, const std::string& help,
                                          const std::string& usual) {
    serve_command->add_option(option, seconds, help + ", e.g. " + usual + "; s, m, h or d")
        ->transform(
            CLI::AsNumberWithUnit(std::map<std::string, std::int64_t>{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86'400}},
                                  CLI::AsNumberWithUnit::UNIT_REQUIRED))
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{31 * 86'400}))
        ->default_str(usual);
  };
  add_period("--backup-every", serve.backup_every_s, "How often", "24h");
  with_keep(*serve_command, "--backup-keep", serve.backup_keep);
  serve_command
      ->add_option("--clickhouse-backup-to", serve.clickhouse_backup_to,
                   "URL of a folder in S3 that the ClickHouse server writes its part of the backups to, with its own "
                   "credentials; for --clickhouse alone")
      ->needs(clickhouse);
  const CLI::Range days(std::int64_t{1}, std::int64_t{36'500});
  serve_command
      ->add_option(
          "--clickhouse-backup-days", serve.clickhouse_backup_days,
          "Days after which the lifecycle of that bucket has removed a copy: so long an erasure's proof names it "
          "(default: for ever)")
      ->check(days);
  serve_command
      ->add_option("--backups-elsewhere-days", serve.backups_elsewhere_days,
                   "Others back this server up and keep what they make for at most so many days, which an erasure's "
                   "proof says")
      ->check(days);
  serve_command->add_option("--segments", serve.segments,
                            "Folder for bodies that have left the ledger (default: segments in the data folder); of "
                            "several nodes all need the same one");
  serve_command->add_flag("--keep-bodies-in-ledger", serve.keep_bodies_in_ledger,
                          "Move no more bodies out of the ledger; what lies in segments stays there");
  serve_command
      ->add_option("--segment-bytes", serve.segment_bytes, "Bytes of bodies in a segment; less stays in the ledger")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{64} << 20))
      ->capture_default_str();
  add_period("--segments-every", serve.segments_every_s, "How often bodies are moved", "1h");
  add_period("--reconcile-every", serve.reconcile_every_s, "How often ledger and ClickHouse are compared", "1h");
  serve_command->set_config("--config", "", "TOML file with these options");
}

void CommandLine::add_device(CLI::App& app) {
  CLI::App* group = app.add_subcommand("device", "An athlete's device: record, import, sync, prove");
  group->require_subcommand(1);
  const auto add = [&](const std::string& command_name, const std::string& help, std::function<int()> action) {
    CLI::App* made = command(*group, command_name, help, std::move(action));
    made->add_option("--data", device.data, "Folder of the device's store")->required();
    return made;
  };
  const auto with_json = [&](CLI::App* made) { made->add_flag("--json", device.json, "JSON output"); };
  const auto with_sync = [&](CLI::App* made) {
    made->add_option("--server", sync.server, "URL of the server (default: the one that the device is paired with)");
    made->add_option("--key", sync.key,
                     "The athlete's API key (else --key-file, else BOATHOUSE_KEY, else that of `device pair`)");
    made->add_option("--key-file", key_file, "File whose first line is the API key");
    add_ca_file(*made, sync.ca_file);
  };
  const auto with_key = [this](auto action) {
    return [this, action] {
      sync.key = key_of(sync.key, key_file);
      if (sync.server.empty() || sync.key.empty()) {
        const auto paired = read_device_key(device.data);
        if (!paired) return fail(paired.error());
        if (sync.server.empty() && *paired) sync.server = (*paired)->server;
        // A key is for its server alone.
        if (sync.key.empty() && *paired && (*paired)->server == sync.server) sync.key = (*paired)->key;
      }
      if (sync.server.empty()) return wrong_use("no server: give --server URL, or pair the device (device pair)");
      if (sync.key.empty()) {
        return wrong_use(
            "no API key: give --key KEY, --key-file FILE or BOATHOUSE_KEY, or pair the device (device pair)");
      }
      return action();
    };
  };

  CLI::App* record = add("record", "Record live notifications (JSON lines) from standard input or a pipe",
                         [this] { return device_record(device, input); });
  record->add_option("file", input.files, "Pipe or file; - = standard input")->expected(0, 1);
  record->add_flag("--progress", input.progress, "Print a line of JSON after each commit");
  const auto with_monitor = [this](CLI::App* made) {
    made->add_option("--monitor-serial", input.monitor, "The monitor's serial number, if it is known");
  };
  with_monitor(record);
  CLI::App* replay =
      add("replay", "Record captured notifications (JSON lines)", [this] { return device_replay(device, input); });
  replay->add_option("file", input.files, "Captured files")->required();
  with_monitor(replay);
  with_json(replay);
  CLI::App* import_command =
      add("import", "Import files of other tools", [this] { return device_import(device, input); });
  import_command->add_option("file", input.files, "CSV files")->required();
  import_command->add_option("--time-zone", input.time_zone, "IANA name or +hh:mm, for files with local times");
  with_json(import_command);
  with_json(add("status", "What is here, what is pending", [this] { return device_status(device); }));
  with_json(add("log", "The last sync runs, as text to send to support", [this] { return device_log(device); }));
  with_json(add("sessions", "List the sessions", [this] { return device_sessions(device); }));
  CLI::App* source = add("source", "Take out the file that a session was imported from, byte by byte",
                         [this] { return device_source(device, id, out_file); });
  source->add_option("session", id, "ses_ id")->required();
  source->add_option("-o,--out", out_file, "File (default: standard output)");
  CLI::App* edit_command =
      add("edit", "Title, notes and tags of a session", [this] { return device_edit(device, edit); });
  edit_command->add_option("session", edit.session, "ses_ id")->required();
  edit_command->add_option("--title", edit.title, "At most 200 characters; \"\" = none");
  edit_command->add_option("--notes", edit.notes, "At most 10,000 characters; \"\" = none");
  edit_command->add_option("--tag", edit.add_tags, "Add a tag; may be repeated")->take_all();
  edit_command->add_option("--untag", edit.remove_tags, "Take a tag away; may be repeated")->take_all();
  edit_command->add_flag("--delete", edit.remove, "Hide the session; reversible for 30 days");
  edit_command->add_flag("--restore", edit.restore, "Take the deletion back");
  with_json(edit_command);
  CLI::App* link_command = add("link", "Make two sessions one: they are of the same workout",
                               [this] { return device_link(device, id, other_id); });
  link_command->add_option("session", id, "ses_ id")->required();
  link_command->add_option("other", other_id, "ses_ id")->required();
  with_json(link_command);
  CLI::App* unlink_command = add("unlink", "Take a recording out of a session, for good",
                                 [this] { return device_unlink(device, id, other_id); });
  unlink_command->add_option("session", id, "ses_ id of the session, or of a recording that stays in it")->required();
  unlink_command->add_option("other", other_id, "ses_ id of the recording that leaves")->required();
  with_json(unlink_command);
  with_json(
      add("conflicts", "What awaits your choice, and what was chosen", [this] { return device_conflicts(device); }));
  CLI::App* answer_command =
      add("answer", "Settle a conflict on all devices", [this] { return device_answer(device, id, answer); });
  answer_command->add_option("conflict", id, "As `device conflicts` shows it")->required();
  answer_command
      ->add_option("keep", answer, "mine, theirs or both (two recordings: both = they are two sessions, for good)")
      ->required()
      ->check(CLI::IsMember({"mine", "theirs", "both"}));
  with_json(answer_command);
  CLI::App* fetch_command = add("fetch", "Get a session's data back onto this device with the next sync",
                                [this] { return device_fetch(device, id); });
  fetch_command->add_option("session", id, "ses_ id")->required();
  with_json(fetch_command);
  CLI::App* storage_command = add("storage", "What the sessions take here, and what can be freed",
                                  [this] { return device_storage(device, room); });
  storage_command->add_option("--cap", room.cap_bytes, "What they may take, e.g. 500MB; 0 = no cap")
      ->transform(CLI::AsSizeValue(false));
  storage_command->add_option("--free", room.free_bytes, "Remove so much of what is safe in the cloud, oldest first")
      ->transform(CLI::AsSizeValue(false));
  with_json(storage_command);
  with_json(add("verify", "Read everything back and count it", [this] { return device_verify(device); }));
  CLI::App* salvage_command = add("salvage",
                                  "Save what can be read of a damaged store into a new one, and name the rest; the "
                                  "damaged folder is only read",
                                  [this] { return device_salvage(device, out_file); });
  salvage_command->add_option("--output", out_file, "Folder of the new store; made when it is not there")->required();
  with_json(salvage_command);
  CLI::App* pair_command =
      add("pair", "Get a key for this device with a code from the server, and keep it here", [this] {
        ServerOptions to;
        to.server = sync.server;
        to.ca_file = sync.ca_file;
        return device_pair(device.data, to, id, name);
      });
  pair_command->add_option("code", id, "The code that `pair create` printed")->required();
  pair_command->add_option("--server", sync.server, "URL of the server")->required();
  add_ca_file(*pair_command, sync.ca_file);
  pair_command->add_option("--name", name, "What the key is called in lists (default: this machine's name)");
  CLI::App* sync_command = add("sync", "Send what is pending", with_key([this] { return device_sync(device, sync); }));
  with_sync(sync_command);
  sync_command->add_option("--deadline", sync.deadline_s, "Give up after so many seconds")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
  sync_command->add_flag("--other-athlete", sync.other_athlete,
                         "The key may belong to another athlete than before (a server that was built anew)");
  sync_command->add_flag("--refused-again", sync.refused_again, "Offer once more what the server refused");
  with_json(sync_command);
  CLI::App* run_command =
      add("run", "Keep syncing until SIGTERM", with_key([this] { return device_run(device, sync); }));
  with_sync(run_command);
  run_command
      ->add_option("--listen", device.listen, "ADDR:PORT of the page and for the other commands; port 0 = a free one")
      ->capture_default_str();
  run_command->add_option("--record", device.record,
                          "Also record live notifications (JSON lines) from this pipe or file; - = standard input");
}

void CommandLine::add_pm5(CLI::App& app) {
  CLI::App* group = app.add_subcommand("pm5", "The monitor's notifications");
  group->require_subcommand(1);
  command(*group, "decode", "Decode notifications: one JSON line out per line in",
          [this] { return pm5_decode(pm5_file); })
      ->add_option("file", pm5_file, "JSON lines; - = standard input")
      ->capture_default_str();
  command(app, "metrics", "Print docs/metrics.md: every metric, its unit and its source", [] {
    std::fputs(rowing::metrics_document().c_str(), stdout);
    return kDone;
  });
  CLI::App* schema = command(app, "schema", "Print the statements that make ClickHouse's tables", [this] {
    const timeseries::Layout layout(serve.clickhouse_cluster, clickhouse_sharded);
    for (const std::string& statement : timeseries::all_statements(layout)) {
      std::printf("%s;\n", statement.c_str());
    }
    return kDone;
  });
  CLI::Option* cluster =
      schema->add_option("--cluster", serve.clickhouse_cluster, "Replicated on this cluster")->check(is_cluster_name);
  schema->add_flag("--sharded", clickhouse_sharded, "The cluster has several shards: Distributed tables besides")
      ->needs(cluster);
  CLI::App* made =
      command(*group, "simulate", "Print a simulated monitor's notifications as JSON lines, for `device record`",
              [this] { return pm5_simulate(monitor); });
  made->add_option("--type", monitor.workout_type, "Workout type, the monitor's number 0 to 12")
      ->check(CLI::Range(0, 12))
      ->capture_default_str();
  made->add_option("--machine", monitor.machine, "row, ski or bike")
      ->check(CLI::IsMember({"row", "ski", "bike"}))
      ->capture_default_str();
  made->add_option("--minutes", monitor.minutes, "About so many minutes of work")
      ->check(CLI::Range(0.1, 600.0))
      ->capture_default_str();
  made->add_option("--hz", monitor.hz, "Samples a second")->check(CLI::IsMember({1, 2, 4, 10}))->capture_default_str();
  made->add_option("--power", monitor.power_w, "The rower's watts")
      ->check(CLI::Range(20.0, 1000.0))
      ->capture_default_str();
  made->add_option("--lost", monitor.lost, "Probability of each notification to be lost")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  made->add_flag("--multiplexed", monitor.multiplexed, "Everything through characteristic 0x0080");
  made->add_option("--seed", monitor.seed, "Seed; the same seed gives the same notifications")->capture_default_str();
}

void CommandLine::add_simulate(CLI::App& app) {
  CLI::App* made = command(app, "simulate", "Row a crew of simulated monitors into a server", [this] {
    simulate.key = key_of(simulate.key, key_file);
    if (simulate.key.empty()) return wrong_use("no API key: give --key KEY, --key-file FILE or BOATHOUSE_KEY");
    return app::simulate(simulate);
  });
  made->add_option("--ergs", simulate.ergs, "How many")->check(CLI::Range(1, 100'000))->capture_default_str();
  made->add_flag("--light", simulate.light,
                 "Load alone: devices without a store, each with a connection of its own and a batch a minute");
  made->add_option("--hz", simulate.hz, "Samples a second: 1, 2, 4 or 10")
      ->check(CLI::IsMember({1, 2, 4, 10}))
      ->capture_default_str();
  made->add_option("--speed", simulate.speed, "Erg seconds a second; 0 = as fast as possible")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  made->add_option("--minutes", simulate.minutes, "Erg minutes")->check(CLI::PositiveNumber)->capture_default_str();
  made->add_option("--seed", simulate.seed, "Seed of the crew")->capture_default_str();
  made->add_option("--server", simulate.server, "URL of the server")->required();
  made->add_option("--key", simulate.key, "The operator's API key (else --key-file, else BOATHOUSE_KEY)");
  made->add_option("--key-file", key_file, "File whose first line is the API key");
  add_ca_file(*made, simulate.ca_file);
  made->add_option("--data", simulate.data, "Folder for the devices' stores (default: a temporary one)");
  made->add_option("--keys", simulate.keys_file,
                   "With --light: file of the crew's keys, read, or written when it is not there");
  made->add_flag("--storm", simulate.storm,
                 "With --light: before its last batch every device loses its connection, and all come back at once");
}

int run(int argc, char** argv) {
  CLI::App app{"Boathouse: the place where rowing training data is kept", "boathouse"};
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("boathouse ") + BOATHOUSE_VERSION);
  CommandLine line;
  line.add_serve(app);
  line.add_device(app);
  line.add_pm5(app);
  line.add_simulate(app);
  add_account_commands(app, line.account, line.chosen);
  line.add_server_commands(app);
  line.add_audit(app);
  line.add_webhooks(app);
  line.add_backup(app);
  line.add_box(app);
  line.add_retention(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kWrongUse;
  }
  return line.chosen();
}

}  // namespace boathouse::app
