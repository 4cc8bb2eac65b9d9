#include "tests/simulation/test_cases.hpp"

#include <malloc.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

#include "core/db/sqlite.hpp"
#include "device/store/test_store.hpp"

namespace boathouse::simulation {
namespace {

// Each case makes files of megabytes in memory: what one gives back the next one takes, without asking the system.
[[maybe_unused]] const bool keeps_memory =
    ::mallopt(M_MMAP_THRESHOLD, 1 << 30) + ::mallopt(M_TRIM_THRESHOLD, 1 << 30) > 0;

void note(Problems& problems, std::string_view what, const base::Status& status) {
  if (!status) problems.push_back(std::string(what) + ": " + status.error().text);
}

void check_integrity(World& world) {
  db::Options options;
  options.vfs = world.disk.name();
  auto connection = db::Connection::open(kDatabase, options);
  if (!connection) return note(world.problems, "integrity", connection.error());
  auto check = connection->prepare("PRAGMA integrity_check");
  if (!check) return note(world.problems, "integrity", check.error());
  const auto row = check->step();
  if (!row) return note(world.problems, "integrity", row.error());
  if (check->text(0) != "ok") world.problems.push_back("integrity: " + std::string(check->text(0)));
}

// The script until its end or the end of the power. Steps that cannot be done are done when the fault is over.
void play(const Act& act, World& world, App& app) {
  std::vector<const Step*> undone;
  for (const Step& step : act.steps) {
    if (!world.disk.powered()) return;
    auto status = step.run(app);
    if (status || step.kind == Step::Kind::passing || !world.disk.powered()) continue;
    status = step.run(app);
    if (status || !world.disk.powered()) continue;
    if (step.kind == Step::Kind::first) {
      world.disk.disarm();
      note(world.problems, step.name + " after the fault", step.run(app));
    } else {
      undone.push_back(&step);
    }
  }
  if (!world.disk.powered()) return;
  // A fault that has come is over; one that is planned for the close is yet to come.
  if (world.disk.faults() > 0) world.disk.disarm();
  for (const Step* step : undone) note(world.problems, step->name + " after the fault", step->run(app));
}

// The new process goes on with whatever is there, and everything gets to the server once more.
void go_on(const Act& act, World& world, App& app) {
  const auto crashed = app.store().end_crashed();
  if (!crashed) return note(world.problems, "end_crashed", crashed.error());

  rowing::Birth birth;
  birth.rec_id.bytes = {0x01, 0x8b, 0xcf, 0xe5, 0x69, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 9};
  birth.started_ms = 1'700'000'100'000;
  note(world.problems, "begin", app.begin(birth));
  note(world.problems, "append", app.append(birth.rec_id, 0, store::make_samples(0, 12)));
  note(world.problems, "end", app.end(birth.rec_id));
  for (const Step& step : act.steps) {
    if (step.name == "import") note(world.problems, "import", step.run(app));
  }
  // A server that was restored from a backup: it hears of everything again, under a new epoch.
  world.server.expect_everything_again();
  note(world.problems, "acknowledge", app.store().acknowledge("restored", {}));
  const auto items = app.store().pending(everything());
  if (!items) return note(world.problems, "pending", items.error());
  const auto answers = world.server.take(*items, world.problems);
  note(world.problems, "acknowledge", app.store().acknowledge("restored", answers));
  world.server.check_everything_came(world.problems);
  const auto infos = app.store().recordings();
  if (!infos) return note(world.problems, "recordings", infos.error());
  for (const store::RecordingInfo& info : *infos) {
    if (!info.safe()) world.problems.push_back(info.birth.rec_id.text() + " is not safe in the end");
    const auto report = app.store().verify(info.birth.rec_id);
    if (!report) note(world.problems, "verify", report.error());
    if (report && !report->ok()) world.problems.push_back("in the end: " + report->problems.front());
  }
  check_integrity(world);
}

}  // namespace

const std::vector<Variant>& variants() {
  constexpr unsigned kReadBit = bit(IoKind::read);
  static const std::vector<Variant> all{
      {"io_once", false, {0, false, kIoPoints, DiskError::io}},
      {"full_once", false, {0, false, kIoPoints, DiskError::full}},
      {"io_from_then_on", false, {0, true, kIoPoints, DiskError::io}},
      {"full_from_then_on", false, {0, true, kIoPoints, DiskError::full}},
      {"read_once", false, {0, false, kReadBit, DiskError::io}},
      {"read_from_then_on", false, {0, true, kReadBit, DiskError::io}},
      {"power_off", true, {}},
  };
  return all;
}

std::string Case::text() const {
  return act + "/" + variant + "/" + std::to_string(point) + "/" + std::to_string(seed);
}

std::optional<Case> Case::parse(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t to = std::min(text.find('/', from), text.size());
    parts.push_back(text.substr(from, to - from));
    from = to + 1;
  }
  if (parts.size() != 4) return std::nullopt;
  Case that{parts[0], parts[1], 0, 0};
  const auto number = [](const std::string& digits, std::uint64_t& out) {
    const char* const end = digits.data() + digits.size();
    return std::from_chars(digits.data(), end, out).ptr == end;
  };
  if (!number(parts[2], that.point) || !number(parts[3], that.seed)) return std::nullopt;
  return that;
}

Outcome run(const Case& that, Planted planted) {
  const Act& act = act_named(that.act);
  const auto variant = std::ranges::find(variants(), that.variant, &Variant::name);
  if (variant == variants().end()) throw std::runtime_error("no variant is called " + that.variant);
  World world(that.seed + 1);
  world.disk.load(act.disk);
  world.server = act.server;
  world.model = act.model;
  world.believes_early = planted == Planted::early_belief;
  world.disk.set_ignores_syncs(planted == Planted::lying_disk);
  if (variant->power_off) {
    world.disk.power_off_at(that.point);
  } else {
    FaultPlan fault = variant->fault;
    fault.at = that.point;
    world.disk.arm(fault);
  }
  App app(world, act.id_seed);
  play(act, world, app);

  // What comes after an error is harder when the power goes too: what a failed sync has left must not matter.
  const bool complete = world.disk.powered();
  const bool struck_before_close = world.disk.faults() > 0;
  if (complete && struck_before_close && that.seed % 2 == 1) world.disk.power_off();
  app.close();
  Outcome outcome;
  outcome.struck = world.disk.faults() > 0 || !world.disk.powered();
  if (world.disk.powered() && that.seed % 4 == 2) world.disk.power_off();
  world.disk.disarm();
  if (!world.disk.powered()) world.disk.power_on(that.seed);

  App next(world, act.id_seed + 50);
  if (const auto opened = next.open(); !opened) {
    note(world.problems, "open again", opened);
  } else {
    fetch_all(next.store(), world.server, world.problems);
    world.model.check(next.store(), act.truths, act.imports, complete, world.problems);
    go_on(act, world, next);
  }
  outcome.problems = std::move(world.problems);
  return outcome;
}

}  // namespace boathouse::simulation
