// The scripts. Times are the monitor's own; nothing here depends on a clock.
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "core/base/sha256.hpp"
#include "core/pm5/simulated_monitor.hpp"
#include "device/store/test_store.hpp"
#include "tests/simulation/test_app.hpp"
#include "tests/support/paths.hpp"

namespace boathouse::simulation {
namespace {

using rowing::EndReason;
using rowing::Record;
using rowing::Stream;

bool is_status(std::uint16_t characteristic) { return characteristic >= 0x31 && characteristic <= 0x33; }

// A workout of `seconds` as the phone hears it. In the minute behind it, while the belt takes the recovery heart rate,
// the status that stands still comes only once in ten seconds, to keep the script short.
std::vector<pm5::TimedNotification> workout(std::int64_t seconds, std::uint64_t seed) {
  pm5::SimulatedWorkout plan;
  plan.type = 5;  // a time with splits
  plan.goal = pm5::Goal::time;
  plan.length = seconds * 100;
  plan.split = seconds * 50;
  pm5::SimulationOptions options;
  options.seed = seed;
  options.sample_hz = 1;
  auto monitor = pm5::SimulatedMonitor::create(plan, options);
  if (!monitor) throw std::runtime_error(monitor.error().text);
  std::vector<pm5::TimedNotification> heard;
  pm5::TimedNotification next;
  while (monitor->next(next)) {
    const std::int64_t over_ms = monitor->truth().begins_at_ms.value_or(0) + seconds * 1000 + 8000;
    if (next.at_ms > over_ms && is_status(next.characteristic) && next.at_ms / 1000 % 10 != 0) continue;
    heard.push_back(next);
  }
  return heard;
}

rowing::Birth birth_of(std::uint8_t last, rowing::Origin origin) {
  rowing::Birth birth;
  birth.rec_id.bytes = {0x01, 0x8b, 0xcf, 0xe5, 0x68, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, last};
  birth.started_ms = 1'700'000'000'000;
  birth.origin = origin;
  return birth;
}

void add(Act& act, std::string name, Step::Kind kind, std::function<base::Status(App&)> run) {
  act.steps.push_back({std::move(name), kind, std::move(run)});
}

void add_feed(Act& act, const pm5::TimedNotification& heard) {
  add(act, "feed", Step::Kind::passing, [heard](App& app) { return app.feed(heard); });
}

Act row() {
  constexpr std::int64_t kSeconds = 20;
  Act act;
  act.name = "row";
  act.id_seed = 11;
  add(act, "open", Step::Kind::first, [](App& app) { return app.open(); });
  bool checkpointed = false;
  bool uploaded = false;
  for (const pm5::TimedNotification& heard : workout(kSeconds, 1)) {
    if (!checkpointed && heard.at_ms > kSeconds * 500) {
      checkpointed = true;
      add(act, "checkpoint", Step::Kind::again, [](App& app) { return app.checkpoint(); });
    }
    if (!uploaded && heard.at_ms > kSeconds * 1000 + 20'000) {
      uploaded = true;
      add(act, "tick", Step::Kind::passing, [at = heard.at_ms](App& app) { return app.tick(at); });
      add(act, "upload", Step::Kind::again, [](App& app) { return app.upload(false); });
    }
    add_feed(act, heard);
  }
  add(act, "stop", Step::Kind::again, [](App& app) { return app.stop(EndReason::stopped); });
  add(act, "upload late parts", Step::Kind::again, [](App& app) { return app.upload(true); });
  return act;
}

Act more(const Act& before) {
  Act act;
  act.name = "more";
  act.id_seed = 12;
  act.disk = before.disk_after;
  act.server = before.server_after;
  act.model = before.model_after;
  add(act, "open", Step::Kind::first, [](App& app) { return app.open(); });
  const auto heard = workout(60, 2);
  for (const pm5::TimedNotification& one : heard) {
    if (one.at_ms < 24'000) add_feed(act, one);
  }
  add(act, "stop", Step::Kind::again, [](App& app) { return app.stop(EndReason::stopped); });

  const rowing::Birth birth = birth_of(1, rowing::Origin::live);
  add(act, "begin", Step::Kind::again, [birth](App& app) { return app.begin(birth); });
  const auto append = [&](std::size_t from, std::size_t count) {
    add(act, "append", Step::Kind::again,
        [id = birth.rec_id, from, count](App& app) { return app.append(id, from, store::make_samples(from, count)); });
  };
  append(0, 20);
  append(20, 12);
  add(act, "seal", Step::Kind::again, [id = birth.rec_id](App& app) { return app.store().seal(id, true); });
  append(32, 5);
  add(act, "upload", Step::Kind::again, [](App& app) { return app.upload(true); });
  add(act, "end", Step::Kind::again, [id = birth.rec_id](App& app) { return app.end(id); });
  append(37, 3);

  std::vector<ImportedRecording> file;
  file.push_back({birth_of(2, rowing::Origin::import), store::make_samples(0, 40)});
  Record block = store::make_record(Stream::source, {});
  base::SeededRandom random(3);
  base::Bytes noise(20'000);
  random.fill(noise);
  block.bytes = std::string(base::as_text(noise));
  file.push_back({birth_of(3, rowing::Origin::import), {std::move(block)}});
  for (const ImportedRecording& recording : file) act.imports.push_back(recording.birth.rec_id);
  const base::Digest source = base::sha256(base::as_bytes("a file"));
  add(act, "import", Step::Kind::again, [source, file](App& app) { return app.import(source, file); });
  add(act, "upload the rest", Step::Kind::again, [](App& app) { return app.upload(true); });
  return act;
}

// What another device has sent: a recording that is longer than a chunk, and a title.
std::vector<store::PendingItem> sent_elsewhere() {
  World world(1);
  App tablet(world, 21);
  const rowing::Birth birth = birth_of(4, rowing::Origin::simulated);
  const auto must = [](const base::Status& status) {
    if (!status) throw std::runtime_error("the other device: " + status.error().text);
  };
  must(tablet.open());
  must(tablet.begin(birth));
  must(tablet.append(birth.rec_id, 0, store::make_samples(0, 300)));
  must(tablet.end(birth.rec_id));
  must(tablet.edit(birth.rec_id, "from the tablet"));
  auto items = tablet.store().pending(everything());
  if (!items) throw std::runtime_error(items.error().text);
  return std::move(*items);
}

Act room(const Act& before) {
  Act act;
  act.name = "room";
  act.id_seed = 13;
  act.disk = before.disk_after;
  act.server = before.server_after;
  act.model = before.model_after;
  act.imports = before.imports;
  act.server.take_from_elsewhere(sent_elsewhere());
  const base::Uuid theirs = birth_of(4, rowing::Origin::simulated).rec_id;
  const base::Uuid ours = birth_of(1, rowing::Origin::live).rec_id;
  add(act, "open", Step::Kind::first, [](App& app) { return app.open(); });
  add(act, "hear", Step::Kind::again, [](App& app) { return app.hear(); });
  add(act, "fetch", Step::Kind::again, [](App& app) { return app.fetch(); });
  add(act, "edit", Step::Kind::again, [theirs](App& app) { return app.edit(theirs, "from the phone"); });
  add(act, "edit", Step::Kind::again, [ours](App& app) { return app.edit(ours, "mine"); });
  add(act, "upload", Step::Kind::again, [](App& app) { return app.upload(false); });
  add(act, "verified", Step::Kind::again, [](App& app) { return app.verified(); });
  add(act, "make room", Step::Kind::again, [](App& app) { return app.make_room(); });
  add(act, "fetch again", Step::Kind::again, [](App& app) { return app.fetch(); });
  add(act, "make room again", Step::Kind::again, [](App& app) { return app.make_room(); });
  return act;
}

// A store of version 1 with a queue in it.
Act old() {
  Act act;
  act.name = "old";
  act.id_seed = 14;
  const auto path = test_support::source_dir() / "tests/data/stores/device_v1.db";
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (bytes.empty()) throw std::runtime_error("no store of version 1 at " + path.string());
  act.disk[kDatabase] = base::Bytes(bytes.begin(), bytes.end());
  {
    World world(1);
    world.disk.load(act.disk);
    App app(world, act.id_seed);
    if (const auto opened = app.open(); !opened) throw std::runtime_error(opened.error().text);
    act.model.found(app.store(), world.problems);
  }
  add(act, "open", Step::Kind::first, [](App& app) { return app.open(); });
  add(act, "end crashed", Step::Kind::again, [](App& app) {
    auto ended = app.store().end_crashed();
    return ended ? base::Status() : base::Status(ended.error());
  });
  add(act, "upload", Step::Kind::again, [](App& app) { return app.upload(true); });
  add(act, "upload the rest", Step::Kind::again, [](App& app) { return app.upload(true); });
  return act;
}

// Without faults: what is right is what is then in the store. That it is right is what device/store's tests are for.
Act rehearse(Act act) {
  World world(act.id_seed);
  world.disk.load(act.disk);
  world.server = act.server;
  world.model = act.model;
  App app(world, act.id_seed);
  for (const Step& step : act.steps) {
    if (const auto status = step.run(app); !status) throw std::runtime_error(step.name + ": " + status.error().text);
  }
  act.disk_killed = world.disk.contents();
  app.close();
  act.points = world.disk.points();
  act.reads = world.disk.count(IoKind::read);
  act.disk_after = world.disk.contents();
  act.server_after = world.server;
  act.model_after = world.model;
  // What was removed is with the server: it is as true as before.
  if (const auto opened = app.open(); !opened) throw std::runtime_error(opened.error().text);
  fetch_all(app.store(), world.server, world.problems);
  act.truths = read_all(app.store(), world.problems);
  app.close();
  for (const std::string& problem : world.problems) throw std::runtime_error(act.name + ": " + problem);
  return act;
}

}  // namespace

const std::vector<Act>& acts() {
  static const std::vector<Act> all = [] {
    std::vector<Act> made;
    made.push_back(rehearse(row()));
    made.push_back(rehearse(more(made.front())));
    made.push_back(rehearse(room(made.back())));
    made.push_back(rehearse(old()));
    return made;
  }();
  return all;
}

const Act& act_named(const std::string& name) {
  for (const Act& act : acts()) {
    if (act.name == name) return act;
  }
  throw std::runtime_error("no act is called " + name);
}

}  // namespace boathouse::simulation
