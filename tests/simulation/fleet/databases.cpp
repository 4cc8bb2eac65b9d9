#include "tests/simulation/fleet/databases.hpp"

#include <optional>
#include <stdexcept>
#include <utility>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/db/sqlite.hpp"
#include "server/jobs/queue.hpp"
#include "server/ledger/ledger.hpp"
#include "server/sql/test_postgres.hpp"
#include "server/webhooks/store.hpp"
#include "tests/simulation/simulated_disk.hpp"

namespace boathouse::simulation {
namespace {

void must(const base::Status& done, const std::string& what) {
  if (!done) throw std::runtime_error(what + ": " + done.error().text);
}

template <typename T>
T must(base::Result<T> result, const std::string& what) {
  if (!result) throw std::runtime_error(what + ": " + result.error().text);
  return std::move(*result);
}

class Disk final : public Databases {
 public:
  explicit Disk(std::uint64_t seed) : disk_(seed) {}

  [[nodiscard]] sql::Place place(const std::string& file) const override {
    sql::Place place;
    place.sqlite_file = "/sim/" + file;
    place.sqlite.vfs = disk_.name();
    return place;
  }
  [[nodiscard]] std::size_t nodes() const override { return 1; }

  void power_off() override { disk_.power_off(); }
  void power_off_at(std::uint64_t n) override { disk_.power_off_at(n); }
  [[nodiscard]] bool powered() const override { return disk_.powered(); }
  void power_on(std::uint64_t seed) override { disk_.power_on(seed); }
  void fail_at(std::uint64_t n) override { disk_.arm({.at = n, .error = DiskError::full}); }
  [[nodiscard]] bool has_fault() const override { return !powered(); }

  void keep() override {
    kept_ = disk_.contents();
    // As the real one: jobs are made anew from the webhooks' log.
    std::erase_if(*kept_, [](const auto& file) { return file.first.starts_with("/sim/jobs.db"); });
  }
  [[nodiscard]] bool has_kept() const override { return kept_.has_value(); }
  void set_back(const std::string& epoch) override {
    if (!powered()) power_on(1);
    power_off_at(0);
    disk_.load(*kept_);
    // What the operator's restore command does.
    db::Options options;
    options.vfs = disk_.name();
    auto connection = must(db::Connection::open("/sim/ledger.db", options), "the restored ledger");
    auto update = must(connection.prepare("UPDATE state SET epoch = ?1"), "the ledger's state");
    must(update.bind(1, epoch).run(), "the ledger's state");
  }

 private:
  SimulatedDisk disk_;
  std::optional<Medium::Contents> kept_;
};

// A trigger on every table counts the statements that change something, and on the audit, which every submission writes
// to, the commits: the one whose number is in doom_target ends its session or fails. A sequence counts on whatever is
// rolled back.
constexpr const char* kDoom = R"sql(
CREATE SEQUENCE doom_count;
CREATE TABLE doom_target (at BIGINT NOT NULL, ends_session BOOLEAN NOT NULL);
INSERT INTO doom_target VALUES (0, FALSE);
CREATE FUNCTION doom() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  ends BOOLEAN;
BEGIN
  SELECT ends_session INTO ends FROM doom_target WHERE at = nextval('doom_count');
  IF ends THEN
    PERFORM pg_terminate_backend(pg_backend_pid());
  ELSIF ends IS NOT NULL THEN
    RAISE EXCEPTION 'no room left, says the simulation' USING ERRCODE = 'disk_full';
  END IF;
  RETURN NULL;
END $$;
DO $$
DECLARE
  name TEXT;
BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'doom_target' LOOP
    EXECUTE format('CREATE TRIGGER doom AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH STATEMENT EXECUTE FUNCTION '
                   'doom()', name);
  END LOOP;
END $$;
CREATE CONSTRAINT TRIGGER doom_commit AFTER INSERT ON audit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE
  FUNCTION doom();
)sql";

// A backup is a copy of all tables in a schema of their own; jobs are made anew from the webhooks' log, as by the real
// one.
constexpr const char* kKeep = R"sql(
DROP SCHEMA IF EXISTS kept CASCADE;
CREATE SCHEMA kept;
DO $$
DECLARE
  name TEXT;
BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('doom_target', 'job') LOOP
    EXECUTE format('CREATE TABLE kept.%1$I AS TABLE public.%1$I', name);
  END LOOP;
END $$;
)sql";

// Ids go on behind the last one that is there, as after a restore. No trigger takes part.
constexpr const char* kSetBack = R"sql(
SET session_replication_role = replica;
DO $$
DECLARE
  name TEXT;
  id RECORD;
BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'doom_target' LOOP
    EXECUTE format('DELETE FROM public.%I', name);
  END LOOP;
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'kept' LOOP
    EXECUTE format('INSERT INTO public.%1$I SELECT * FROM kept.%1$I', name);
  END LOOP;
  FOR id IN SELECT table_name AS of, column_name AS col FROM information_schema.columns
      WHERE table_schema = 'public' AND is_identity = 'YES' LOOP
    EXECUTE format('SELECT setval(pg_get_serial_sequence(%1$L, %2$L), coalesce(max(%2$I), 0) + 1, false) FROM %1$I',
                   id.of, id.col);
  END LOOP;
END $$;
)sql";

class Postgres final : public Databases {
 public:
  explicit Postgres(sql::Place place) : place_(std::move(place)) {}
  ~Postgres() override { sql::TestPostgres::get().drop_database(place_); }
  Postgres(const Postgres&) = delete;
  Postgres& operator=(const Postgres&) = delete;

  [[nodiscard]] sql::Place place(const std::string&) const override { return place_; }
  [[nodiscard]] std::size_t nodes() const override { return 2; }

  // It is there again at once: what its nodes have to come to terms with is that their sessions are dead.
  void power_off() override { sql::TestPostgres::get().kill_and_restart(); }
  void power_off_at(std::uint64_t n) override { doom(n, true); }
  [[nodiscard]] bool powered() const override { return true; }
  void power_on(std::uint64_t) override {}
  void fail_at(std::uint64_t n) override { doom(n, false); }
  [[nodiscard]] bool has_fault() const override { return armed_; }

  void keep() override {
    execute(kKeep);
    kept_ = true;
  }
  [[nodiscard]] bool has_kept() const override { return kept_; }
  void set_back(const std::string& epoch) override {
    doom(0, false);
    execute(kSetBack + ("UPDATE state SET epoch = '" + epoch + "'"));
  }

 private:
  void execute(const std::string& sql) {
    auto connection = must(sql::Connection::open(place_), "the simulation's own session");
    must(connection.execute(sql), "the simulation's own session");
  }

  void doom(std::uint64_t n, bool ends_session) {
    if (n == 0 && !armed_) return;
    armed_ = n > 0;
    // A sequence of which nothing was taken has the last value 1, and is not called.
    const std::string at =
        n == 0 ? "0" : "(SELECT last_value + " + std::to_string(n) + " - (NOT is_called)::int FROM doom_count)";
    execute("UPDATE doom_target SET at = " + at + ", ends_session = " + (ends_session ? "TRUE" : "FALSE"));
  }

  sql::Place place_;
  bool armed_ = false;
  bool kept_ = false;
};

}  // namespace

std::unique_ptr<Databases> make_disk(std::uint64_t seed) { return std::make_unique<Disk>(seed); }

PostgresTemplate::PostgresTemplate() {
  sql::TestPostgres& server = sql::TestPostgres::get();
  if (!server.missing().empty()) throw std::runtime_error(server.missing());
  place_ = server.make_database();
  base::ManualClock clock(1'700'000'000'000);
  base::SeededRandom random(1);
  ledger::Ledger::Options options;
  options.place = place_;
  must(ledger::Ledger::open(options, clock, random), "the ledger's tables").reset();
  must(webhooks::Store::open(place_, clock, random), "the webhooks' tables").reset();
  must(jobs::Queue::open(place_, random), "the jobs' tables").reset();
  auto connection = must(sql::Connection::open(place_), "the template");
  must(connection.execute(kDoom), "the triggers of the simulation");
}

PostgresTemplate::~PostgresTemplate() { sql::TestPostgres::get().end(); }

std::unique_ptr<Databases> PostgresTemplate::copy() const {
  return std::make_unique<Postgres>(sql::TestPostgres::get().copy_database(place_));
}

}  // namespace boathouse::simulation
