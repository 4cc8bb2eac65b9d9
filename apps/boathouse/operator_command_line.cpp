#include <CLI/CLI.hpp>

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "apps/boathouse/command_line_parts.hpp"
#include "apps/boathouse/operator_commands.hpp"
#include "apps/boathouse/trail_command.hpp"
#include "apps/boathouse/webhook_commands.hpp"

namespace boathouse::app {
namespace {

// A number of the ledger; CLI11's own checks name the largest double as their bound.
const CLI::Range kCount{std::int64_t{0}, std::numeric_limits<std::int64_t>::max()};

}  // namespace

void CommandLine::add_server_commands(CLI::App& app) {
  CLI::App* sessions =
      command(app, "sessions", "List sessions in the cloud", [this] { return session_list(server, athlete, team); });
  CLI::Option* of_athlete = sessions->add_option("--athlete", athlete, "Those of an athlete whom you coach: ath_ id");
  sessions->add_option("--team", team, "Those of a team's members: team_ id")->excludes(of_athlete);
  add_server_options(*sessions);
  CLI::App* export_command = command(app, "export", "Take a session out as CSV with every metric",
                                     [this] { return export_session(server, id, stream, out_file); });
  export_command->add_option("session", id, "ses_ id")->required();
  export_command->add_option("--stream", stream, "One stream only: summary, split, stroke, force_curve, sample, event");
  export_command->add_option("-o,--out", out_file, "File (default: standard output)");
  add_server_options(*export_command);
  CLI::App* reconcile_command = command(app, "reconcile", "Compare what ledger and ClickHouse count",
                                        [this] { return app::reconcile(server, wait_s); });
  reconcile_command->add_option("--wait", wait_s, "Wait up to so many seconds for what is on its way")
      ->check(CLI::Range(0, 86'400))
      ->capture_default_str();
  add_server_options(*reconcile_command);
}

void CommandLine::add_audit(CLI::App& app) {
  CLI::App* group =
      app.add_subcommand("audit", "What was done to the data and the accounts, as the ledger wrote it down");
  group->require_subcommand(1);
  CLI::App* show =
      command(*group, "show", "List the records, oldest first", [this] { return audit_show(server, audit); });
  show->add_option("--athlete", audit.athlete, "Those about one athlete: ath_ id");
  show->add_option("--kind", audit.kind, "Those of one kind: submission, refused, purge, retention, key.create, ...");
  show->add_option("--after", audit.after, "Those after record N")->check(kCount);
  show->add_option("--limit", audit.limit, "At most so many; they are asked for 500 at a time")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000}))
      ->capture_default_str();
  add_server_options(*show);
  CLI::App* verify = command(*group, "verify", "Check that no record was changed, removed or put in; exit 1 if one was",
                             [this] { return audit_verify(server, audit); });
  CLI::Option* data = verify->add_option("--data", audit.data, "Folder of a server: read its ledger.db and ask nobody");
  CLI::Option* ledger =
      verify->add_option("--ledger", audit.ledger, "sqlite:FILE or postgresql://USER@HOST/DATABASE, as `serve` has it");
  data->excludes(ledger);
  verify->add_option("--anchor", audit.anchor, "N:HASH that an earlier `audit verify` printed");
  add_server_options(*verify);
  CLI::App* way = command(app, "trail", "Where is my workout? One recording's way from its monitor to the queries",
                          [this] { return app::trail(server, id); });
  way->add_option("recording", id, "rec_ id; a session's ses_ id means the recording that it was born with")
      ->required();
  add_server_options(*way);
}

void CommandLine::add_webhooks(CLI::App& app) {
  CLI::App* group = app.add_subcommand("webhook", "What an athlete's own programs are told, with the athlete's key");
  group->require_subcommand(1);
  const auto with_id = [this](CLI::App* made) {
    made->add_option("id", id, "whk_ id, as `webhook list` shows it")->required();
    add_server_options(*made);
    return made;
  };
  add_server_options(*command(*group, "list", "List the webhooks", [this] { return webhook_list(server); }));
  with_id(command(*group, "deliveries", "What a webhook was told, the newest first",
                  [this] { return webhook_deliveries(server, id); }));
  with_id(command(*group, "replay", "Send again what has failed", [this] { return webhook_replay(server, id, since); }))
      ->add_option("--since", since, "Of what was made then or later, e.g. 2026-11-28T07:30:00Z")
      ->required();
}

void CommandLine::add_backup(CLI::App& app) {
  CLI::App* group = app.add_subcommand("backup", "Backups of the ledger and the accounts");
  group->require_subcommand(1);
  const auto with_json = [this](CLI::App* made) { made->add_flag("--json", backup.json, "JSON output"); };
  const auto with_data = [this](CLI::App* made, const std::string& help) {
    made->add_option("--data", backup.data, help)->required();
    made->add_option("--ledger", backup.ledger, "postgresql://USER@HOST/DATABASE or sqlite:FILE, as `serve` has it");
    made->add_option("--segments", backup.segments, "Folder of segments, as `serve` has it");
  };
  const auto with_destination = [this](CLI::App* made) {
    made->add_option("--to", backup.to, "Folder of the backups")->required();
  };
  const auto with_source = [this](CLI::App* made, const std::string& which) {
    made->add_option("--from", backup.from, "A backup, or a folder of backups: " + which)->required();
  };
  CLI::App* create =
      command(*group, "create", "Make one and verify it; the server may run", [this] { return backup_create(backup); });
  with_data(create, "Folder of the server");
  with_destination(create);
  create->add_flag("--full", backup.full, "Write everything again, though an earlier backup has it");
  const auto with_server = [this](CLI::App* made) {
    CLI::Option* url =
        made->add_option("--clickhouse", backup.clickhouse, "URL of a ClickHouse server, as `serve` has it");
    made->add_option("--clickhouse-user", backup.clickhouse_user, "Its user")->capture_default_str();
    made->add_option("--clickhouse-password-file", backup.clickhouse_password_file, "File with that user's password");
    return url;
  };
  const auto with_clickhouse = [this, &with_server](CLI::App* made, const std::string& without) {
    if (!without.empty()) made->add_flag("--without-clickhouse", backup.without_clickhouse, without);
    made->add_option("--engine", backup.engine_binary, "The boathouse-engine program (default: beside this one)");
    return with_server(made);
  };
  CLI::Option* clickhouse = with_clickhouse(create, "Of ledger and accounts alone: a restore loads ClickHouse again");
  create
      ->add_option("--clickhouse-backup-to", backup.clickhouse_backup_to,
                   "URL of a folder in S3 that this ClickHouse server writes its part to, with its own credentials")
      ->needs(clickhouse);
  with_json(create);
  CLI::App* list =
      command(*group, "list", "List the backups, the newest first", [this] { return backup_list(backup); });
  with_destination(list);
  with_json(list);
  CLI::App* verify = command(*group, "verify", "Read every byte of a backup; exit 1 if anything differs",
                             [this] { return backup_verify(backup); });
  with_source(verify, "its newest");
  verify->add_flag("--without-clickhouse", backup.without_clickhouse, "Leave ClickHouse's part in S3, if it has one");
  verify->add_option(
      "--data", backup.data,
      "Folder of the server: if it differs, its ledger no longer says that devices may remove what is in it");
  verify->add_option("--ledger", backup.ledger, "The same, of a ledger as `serve --ledger` has it");
  with_server(verify);
  with_json(verify);
  CLI::App* prune = command(*group, "prune", "Say which old backups would be removed; --apply removes them",
                            [this] { return backup_prune(backup); });
  with_destination(prune);
  prune->add_flag("--apply", backup.apply, "Remove them");
  with_keep(*prune, "--keep", backup.keep);
  with_json(prune);
  CLI::App* restore_command =
      command(app, "restore", "Make a server's data from a backup", [this] { return app::restore(backup); });
  with_source(restore_command, "the one that reaches farthest, if all are of one ledger");
  with_data(restore_command, "A new folder for the server");
  CLI::Option* at = restore_command->add_option(
      "--at", backup.at, "As it was then, e.g. 2026-11-28T07:30:00Z: --from a folder of backups");
  restore_command->add_option("--seq", backup.server_seq, "As it was after that server_seq, as the audit shows them")
      ->check(kCount)
      ->excludes(at);
  with_clickhouse(restore_command, "Leave ClickHouse's part: the server loads it from the ledger when it starts");
  with_json(restore_command);
  CLI::App* reload_command =
      command(app, "reload", "Have a stopped server load again what its ClickHouse lacks or has damaged",
              [this] { return app::reload(backup); });
  with_data(reload_command, "Folder of the server");
  with_clickhouse(reload_command, "");
  reload_command->add_flag("--new-epoch", backup.new_epoch,
                           "The ledger was put back to an earlier state by other means than `restore`: devices are to "
                           "offer again whatever they hold");
  with_json(reload_command);
  CLI::App* migrate_command = command(app, "migrate", "Move a stopped server's ledger to PostgreSQL, or back",
                                      [this] { return app::migrate(backup); });
  with_data(migrate_command, "Folder of the server");
  migrate_command->add_option("--to-ledger", backup.to_ledger,
                              "postgresql://USER@HOST/DATABASE or sqlite:FILE (default: ledger.db in --data)");
  with_json(migrate_command);
}

// What an operator asks of one box.
void CommandLine::add_box(CLI::App& app) {
  CLI::App* examined =
      command(app, "doctor", "Look whether all is well with a server's box; exit 1 if something is not", [this] {
        doctor.server.key = server.key;
        doctor.server.key_file = server.key_file;
        doctor.json = server.json;
        return app::doctor(doctor);
      });
  add_server_options(*examined);
  examined->remove_option(examined->get_option("--server"));
  examined->add_option("--server", doctor.server.server, "URL of the server (default: only the folder is looked at)");
  examined->add_option("--data", doctor.data, "Folder of the server")->required();
  examined->add_option("--ledger", doctor.ledger, "As `serve` has it");
  examined->add_option("--backup-to", doctor.backup_to, "Folder of the backups, as `serve` has it");

  CLI::App* costs = command(app, "cost", "What this data takes, and what it costs on AWS over five years",
                            [this] { return app::cost(cost); });
  costs->add_option("--data", cost.box.data,
                    "Folder of a server: measure what it has (default: the prices file's bytes)");
  costs->add_option("--ledger", cost.box.ledger, "As `serve` has it");
  costs->add_option("--backup-to", cost.box.to, "Folder of the backups, as `serve` has it");
  costs->add_option("--engine", cost.box.engine_binary, "The boathouse-engine program (default: beside this one)");
  costs->add_option("--clickhouse", cost.box.clickhouse, "URL of a ClickHouse server, as `serve` has it");
  costs->add_option("--clickhouse-user", cost.box.clickhouse_user, "Its user")->capture_default_str();
  costs->add_option("--clickhouse-password-file", cost.box.clickhouse_password_file, "File with that user's password");
  costs->add_option("--prices", cost.prices, "File like deploy/prices.json (default: as this program was built with)");
  costs->add_option("--size", cost.size, "As deploy/aws/sizes.json names them")->capture_default_str();
  costs->add_option("--athletes", cost.athletes, "How many (default: as many as the data has)")
      ->check(CLI::Range(1.0, 1e9));
  costs->add_option("--hours-a-week", cost.hours_a_week, "Of each athlete")->check(CLI::Range(0.1, 168.0));
  costs->add_option("--month", cost.months, "SIZE:ATHLETES:YEARS[:HOURS_A_WEEK]: only these months, as JSON");
  costs->add_flag("--json", cost.box.json, "JSON output");
}

void CommandLine::add_retention(CLI::App& app) {
  CLI::App* group = app.add_subcommand("retention", "What is removed after years, and what never is");
  group->require_subcommand(1);
  const auto add = [&](const std::string& command_name, const std::string& help, std::function<int()> action) {
    CLI::App* made = command(*group, command_name, help, std::move(action));
    add_server_options(*made);
    return made;
  };
  const auto with_scope = [this](CLI::App* made, const std::string& help) {
    made->add_option("--scope", retention.scope, help)->capture_default_str();
  };
  add("show", "The rules, the legal holds, and what is being removed", [this] { return retention_show(server); });
  CLI::App* set = add("set", "How long records are kept", [this] { return retention_set(server, retention); });
  with_scope(set, "all, team:team_... or athlete:ath_...; the most specific rule counts");
  set->add_option("--grain", retention.grains, "sample, stroke, force_curve, split, event, source; may be repeated")
      ->required();
  set->add_option("--years", retention.years, "So many years after the start, or the receipt if that is later")
      ->check(CLI::Range(1, 100));
  set->add_flag("--for-ever", retention.for_ever, "Never remove them");
  CLI::App* hold = add("hold", "Keep everything, whatever the rules say, and refuse erasure and purge",
                       [this] { return retention_hold(server, retention); });
  with_scope(hold, "all, athlete:ath_..., or team:team_...: everybody who is a member now");
  hold->add_option("--reason", retention.reason, "Shown with the hold")->required();
  with_scope(add("release", "End a legal hold", [this] { return retention_release(server, retention); }),
             "all, or athlete:ath_...");
  add("plan", "What the rules would remove now, in records, bytes and money; removes nothing",
      [this] { return retention_plan(server); });
  CLI::App* apply = add("apply", "Remove exactly what a plan showed; refused when a part of it is in no backup",
                        [this] { return retention_apply(server, retention); });
  apply->add_option("--plan", retention.plan, "Its id");
  apply->add_flag("--yes", retention.yes, "The plan of now, without showing it first");

  CLI::App& athletes = *app.get_subcommand("athlete");
  CLI::App* erase = command(athletes, "erase", "Erase an athlete: hidden at once, removed everywhere after 30 days",
                            [this] { return athlete_erase(server, retention); });
  erase->add_option("athlete", retention.athlete, "ath_ id")->required();
  erase->add_flag("--yes", retention.yes, "It is meant");
  erase->add_flag("--proof", retention.proof,
                  "How far it is: the rows of each table, the backups; exit 1 if any is left");
  add_server_options(*erase);
  CLI::App* restore = command(athletes, "restore", "Take an erasure back, within the 30 days",
                              [this] { return athlete_restore(server, retention); });
  restore->add_option("athlete", retention.athlete, "ath_ id")->required();
  add_server_options(*restore);
}

}  // namespace boathouse::app
