// A server that is killed at any moment: its audit tells of each act whether it was done, once, and it is so; and a
// call that comes again is not done twice.
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "apps/boathouse/ledger_audit_log.hpp"
#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "server/control/accounts.hpp"
#include "server/control/act_settler.hpp"
#include "server/control/ids.hpp"
#include "server/ledger/ledger.hpp"
#include "server/sql/rows.hpp"
#include "server/sql/test_postgres.hpp"
#include "server/webhooks/store.hpp"
#include "tests/support/killed_child.hpp"
#include "tests/support/temporary_folder.hpp"

namespace boathouse::app {
namespace {

constexpr int kKills = 20;
constexpr std::uint64_t kMostReports = 30;

sql::Place place_of(const std::string& folder, const sql::Place& postgres, const char* file) {
  return postgres.postgres_url.empty() ? sql::Place{.sqlite_file = folder + "/" + file} : postgres;
}

// The first column of all rows.
std::vector<std::string> column_of(const sql::Place& place, const std::string& sql) {
  std::vector<std::string> values;
  auto connection = sql::Connection::open(place);
  auto select = connection->prepare(sql);
  EXPECT_TRUE(select) << select.error().text;
  EXPECT_TRUE(
      sql::each_row(*select, [&](const sql::Statement& row) { values.push_back(sql::uuid_of(row.blob(0)).text()); }));
  return values;
}

// What of a server the acts need.
struct Server {
  Server(const std::string& folder, const sql::Place& postgres) {
    const auto at = [&](const char* file) { return place_of(folder, postgres, file); };
    ledger = *ledger::Ledger::open({.place = at("ledger.db")}, clock, random);
    accounts = *control::Accounts::open(folder, clock, random, at("control.db"));
    webhooks = *webhooks::Store::open(at("webhooks.db"), clock, random);
    log = std::make_unique<LedgerAuditLog>(*ledger, [](std::string_view) {});
    settler = std::make_unique<control::ActSettler>(
        *log, std::vector<control::Outcomes*>{&accounts->outcomes(), &webhooks->outcomes()});
  }

  base::ManualClock clock{1'700'000'000'000};
  base::SystemRandom random;
  std::unique_ptr<ledger::Ledger> ledger;
  std::unique_ptr<control::Accounts> accounts;
  std::unique_ptr<webhooks::Store> webhooks;
  std::unique_ptr<LedgerAuditLog> log;
  std::unique_ptr<control::ActSettler> settler;
};

control::IdempotentCall call_of(int round) { return {"round-" + std::to_string(round), base::Digest{}}; }

// Settles, makes the round's call, then acts for ever, until it is killed, and says so at every step: before an act,
// between its commit and the audit, after it.
[[noreturn]] void run_child(const std::string& folder, const sql::Place& postgres, int round, int pipe) {
  const auto tell = [pipe] {
    if (write(pipe, "x", 1) != 1) {
      _exit(4);
    }
  };
  tell();
  Server server(folder, postgres);
  tell();
  if (!server.settler->settle()) {
    _exit(5);
  }
  const auto act = [&](control::Outcomes& outcomes, const char* kind, auto work) {
    auto begun = control::AuditedAct::begin(*server.log, outcomes, {kind, {}, {}, ""});
    if (!begun) {
      _exit(6);
    }
    tell();
    const auto result = work(&*begun);
    tell();
    if (!result) {
      _exit(7);
    }
    begun->ended(result);
    tell();
  };
  const auto keys_of = [&](control::AuditedAct* one) { return server.accounts->create_athlete_key("Anna", {}, one); };
  const auto webhook_of = [&](control::AuditedAct* one) {
    const base::Uuid athlete = base::UuidV7Source(server.clock, server.random).next();
    return server.webhooks->create(std::nullopt, athlete, "https://example.com/", {}, one);
  };
  act(server.accounts->outcomes(), "key.create", [&](control::AuditedAct* one) {
    return server.accounts->create_athlete_key(call_of(round), "Anna", {.label = call_of(round).key}, one);
  });
  while (true) {
    act(server.accounts->outcomes(), "key.create", keys_of);
    act(server.webhooks->outcomes(), "webhook.create", webhook_of);
  }
}

// The word after `name` in a record.
std::string word_of(const std::string& what, const std::string& name) {
  const std::size_t at = (" " + what).find(" " + name + "=");
  return at == std::string::npos ? "" : what.substr(at + name.size() + 1, what.find(' ', at) - at - name.size() - 1);
}

class ActsCrash : public testing::TestWithParam<sql::Dialect> {};

TEST_P(ActsCrash, EveryIntentHasOneOutcomeAndItIsTrue) {
  const test_support::TemporaryFolder folder;
  const sql::TestDatabase database(GetParam(), folder.file("unused.db"));
  ASSERT_EQ(database.missing(), "");
  const sql::Place accounts_place = place_of(folder.path(), database.place(), "control.db");
  const sql::Place webhooks_place = place_of(folder.path(), database.place(), "webhooks.db");
  { const Server server(folder.path(), database.place()); }  // makes the tables
  std::size_t left_behind = 0;
  base::SeededRandom dice(4711);
  for (int i = 0; i < kKills; ++i) {
    ASSERT_NO_FATAL_FAILURE(test_support::kill_after<char>(
        2 + dice.below(kMostReports), [&](int pipe) { run_child(folder.path(), database.place(), i, pipe); },
        [](char) {}));
    left_behind += column_of(accounts_place, "SELECT key_id FROM act_outcome WHERE kind IS NOT NULL").size();
    left_behind += column_of(webhooks_place, "SELECT key_id FROM webhook_outcome WHERE kind IS NOT NULL").size();
  }
  EXPECT_GT(left_behind, 0U) << "nobody was killed between an act and the audit";
  Server server(folder.path(), database.place());
  ASSERT_TRUE(server.settler->settle());

  std::map<std::int64_t, std::string> outcomes;  // of an intent its step
  std::set<std::string> keys;
  std::set<std::string> webhooks;
  std::int64_t after = 0;
  while (true) {
    const auto page = server.ledger->audit(after, ledger::kMaxAuditPage);
    ASSERT_TRUE(page) << page.error().text;
    if (page->empty()) {
      break;
    }
    for (const ledger::AuditRecord& record : *page) {
      after = record.n;
      const std::string& what = record.entry.what;
      const std::string step = word_of(what, "step");
      if (step == "intent") {
        outcomes[record.n];
        continue;
      }
      std::string& outcome = outcomes[std::stoll(word_of(what, "intent"))];
      EXPECT_EQ(outcome, "") << "a second one: " << what;
      outcome = step;
      if (step == "done") {
        (record.entry.kind == "key.create" ? keys.insert(word_of(what, "key"))
                                           : webhooks.insert(word_of(what, "webhook")));
      }
    }
  }
  std::size_t done = 0;
  for (const auto& [intent, step] : outcomes) {
    EXPECT_TRUE(step == "done" || step == "failed") << intent << " " << step;
    done += step == "done" ? 1U : 0U;
  }
  EXPECT_GT(done, static_cast<std::size_t>(kKills));
  EXPECT_LT(done, outcomes.size()) << "nobody was killed before an act was done";
  EXPECT_EQ(done, keys.size() + webhooks.size());
  std::set<std::string> keys_there;
  for (const control::Key& key : *server.accounts->keys(std::nullopt, 10'000)) {
    keys_there.insert(control::format_id(control::kKeyPrefix, key.id));
  }
  EXPECT_EQ(keys, keys_there);
  const auto ids = column_of(webhooks_place, "SELECT id FROM endpoint");
  EXPECT_EQ(webhooks, std::set<std::string>(ids.begin(), ids.end()));
  EXPECT_FALSE(server.ledger->verify_audit()->difference);

  // Whose answer was lost sends the call again, and has one key, whether it was made before or not.
  std::size_t were_made = 0;
  for (int round = 0; round < kKills; ++round) {
    const auto again = server.accounts->create_athlete_key(call_of(round), "Anna", {.label = call_of(round).key});
    ASSERT_TRUE(again && *again) << round;
    were_made += keys_there.contains(control::format_id(control::kKeyPrefix, (*again)->key.id)) ? 1U : 0U;
    EXPECT_TRUE(server.accounts->authenticate((*again)->text)) << round;
  }
  EXPECT_GT(were_made, 0U);
  std::map<std::string, int> labels;
  for (const control::Key& key : *server.accounts->keys(std::nullopt, 10'000)) ++labels[key.label];
  for (int round = 0; round < kKills; ++round) EXPECT_EQ(labels[call_of(round).key], 1) << round;
}

INSTANTIATE_TEST_SUITE_P(Databases, ActsCrash, testing::Values(sql::Dialect::sqlite, sql::Dialect::postgres),
                         [](const auto& of) { return of.param == sql::Dialect::sqlite ? "sqlite" : "postgres"; });

}  // namespace
}  // namespace boathouse::app
