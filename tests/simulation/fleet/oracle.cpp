#include "tests/simulation/fleet/oracle.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "device/sync/word.hpp"
#include "tests/simulation/fleet/feed.hpp"
#include "tests/simulation/fleet/violation.hpp"

namespace boathouse::simulation {
namespace {

using rowing::Stream;

constexpr std::size_t kEverything = 100'000;

std::string text_of(const base::Uuid& rec_id, Stream stream) {
  return rec_id.text() + " " + std::string(rowing::name(stream));
}

// Whatever order a file, a crash or a disk had: the samples are those that were written.
void check_handmade(Device& device, const base::Uuid& rec_id, std::uint64_t count) {
  const auto found =
      read(device.store().records(rec_id, Stream::sample, 0, kEverything), "samples of " + rec_id.text());
  if (found.size() < count) throw Violation("I1: " + rec_id.text() + " has lost samples");
  if (found != handmade_samples(rec_id, 0, found.size()))
    throw Violation("I3: " + rec_id.text() + " has other samples");
}

void check_whole(Device& device, const store::RecordingInfo& info) {
  const base::Uuid& rec_id = info.birth.rec_id;
  const auto report = read(device.store().verify(rec_id), "recording " + rec_id.text());
  if (!report.ok()) throw Violation("I6: " + rec_id.text() + ": " + report.problems.front());
  for (const auto& [stream, check] : report.streams) {
    if (check.away > 0) throw Violation("I2: " + text_of(rec_id, stream) + " cannot be fetched again");
  }
  if (sync::safety_of(info) != sync::Safety::verified) {
    throw Violation("I7: " + rec_id.text() + " is " + std::string(sync::name(sync::safety_of(info))) +
                    ", not verified");
  }
}

// I8: which recordings are one session is told by the links, the same on every device. I5: it counts one of them for
// each stream, the same everywhere.
void check_sessions(const std::string& athlete, const std::vector<store::SessionInfo>& sessions, const Feed& feed,
                    const std::set<base::Uuid>& recordings, std::map<base::Uuid, store::SessionInfo>& agreed) {
  std::set<std::set<base::Uuid>> found;
  for (const store::SessionInfo& session : sessions) {
    if (session.recordings.empty()) throw Violation("I8: a session without recordings");
    if (session.recordings.front().athlete != athlete) continue;
    std::set<base::Uuid> members;
    for (const store::RecordingInfo& info : session.recordings) members.insert(info.birth.rec_id);
    if (session.id != *members.begin()) throw Violation("I8: a session has another id");
    for (const auto& [stream, primary] : session.primaries) {
      if (!members.contains(primary)) throw Violation("I5: a session counts a recording that is not in it");
    }
    const auto [first, is_first] = agreed.try_emplace(session.id, session);
    if (first->second.primaries != session.primaries || first->second.elapsed_cs != session.elapsed_cs ||
        first->second.distance_dm != session.distance_dm) {
      throw Violation("I5: devices count " + session.id.text() + " differently");
    }
    found.insert(std::move(members));
  }
  if (found != feed.sessions(recordings)) throw Violation("I8: sessions are not what the links say");
}

using Ledger = std::map<base::Uuid, ledger::RecordingState>;

// What devices and feeds say of the same thing.
struct Agreed {
  std::map<base::Uuid, Feed> feeds;  // by athlete
  std::map<base::Uuid, store::SessionFields> fields;
  std::map<base::Uuid, store::SessionInfo> sessions;
};

// One recording of a device, as the server and the other devices of its athlete have it.
void check_recording(Device& device, const store::RecordingInfo& info, const ledger::RecordingState& state,
                     const Feed& feed, Agreed& agreed) {
  const base::Uuid& rec_id = info.birth.rec_id;
  for (const ledger::StreamState& stream : state.streams) {
    const auto counts = info.streams.find(stream.stream);
    if (counts == info.streams.end() || counts->second.records != stream.records) {
      throw Violation("I13: a device does not know all of " + text_of(rec_id, stream.stream));
    }
  }
  check_whole(device, info);
  const auto fields = read(device.store().fields(rec_id), "fields of " + rec_id.text());
  const auto [first, is_first] = agreed.fields.try_emplace(rec_id, fields);
  if (first->second.title != fields.title || first->second.tags != fields.tags ||
      first->second.other_title != fields.other_title || first->second.deleted != fields.deleted) {
    throw Violation("I8: devices do not agree on the fields of " + rec_id.text());
  }
  if (const auto title = feed.title(rec_id); title && *title != fields.title) {
    throw Violation("I9: the title of " + rec_id.text() + " is not that of the newest edit");
  }
  if (feed.deleted(rec_id) != fields.deleted) {
    throw Violation("I9: " + rec_id.text() + " is not hidden or shown as its edits say");
  }
}

// All that a device has of one of its athletes.
void check_athlete(Device& device, const Tenants::Tenant& athlete, const std::vector<store::RecordingInfo>& recordings,
                   const std::vector<store::SessionInfo>& sessions, const Ledger& ledger, Agreed& agreed) {
  const Feed& feed = agreed.feeds.at(athlete.athlete);
  std::set<base::Uuid> there;
  for (const store::RecordingInfo& info : recordings) {
    if (info.athlete != athlete.label) continue;
    const base::Uuid& rec_id = info.birth.rec_id;
    const auto state = ledger.find(rec_id);
    if (state == ledger.end()) throw Violation("I10: " + rec_id.text() + " is on a device, but not with the server");
    if (state->second.athlete != athlete.athlete) throw Violation("a device has another athlete's " + rec_id.text());
    there.insert(rec_id);
    check_recording(device, info, state->second, feed, agreed);
  }
  check_sessions(athlete.label, sessions, feed, there, agreed.sessions);
  for (const auto& [rec_id, state] : ledger) {
    if (state.athlete == athlete.athlete && !there.contains(rec_id)) {
      throw Violation("I13: a device does not know of " + rec_id.text());
    }
  }
}

bool has_athlete(const Device& device, const std::string& label) {
  return std::ranges::any_of(device.athletes(), [&](const Tenants::Tenant* one) { return one->label == label; });
}

}  // namespace

void Oracle::check_device(Device& device) {
  if (!device.running()) return;
  auto recordings = device.store().recordings();
  if (!recordings) return;  // a fault of the disk, which is none of the data
  Kept kept;
  for (const store::RecordingInfo& info : *recordings) {
    if (!info.problem.empty()) throw Violation("I1: " + info.birth.rec_id.text() + ": " + info.problem);
    auto& counts = kept[info.birth.rec_id];
    for (const auto& [stream, one] : info.streams) counts[stream] = one.records;
  }
  check_kept(device.promises(), kept, "the device");
}

// Of each promise all records are in its recordings, together.
void Oracle::check_kept(const Promises& promises, Kept& kept, const std::string& where) const {
  for (const Promise& promise : promises) {
    if (std::ranges::any_of(promise.recordings, [&](const auto& rec_id) { return erasable_.contains(rec_id); }))
      continue;
    if (promise.handmade && !kept.contains(promise.recordings.front())) {
      throw Violation("I1: " + where + " does not have recording " + promise.recordings.front().text());
    }
    for (const auto& [stream, count] : promise.records) {
      std::uint64_t there = 0;
      for (const base::Uuid& rec_id : promise.recordings) there += kept[rec_id][stream];
      if (there < count) {
        throw Violation("I1: " + std::to_string(count) + " records were promised, " + where + " has " +
                        std::to_string(there) + " of " + text_of(promise.recordings.front(), stream));
      }
    }
  }
}

bool Oracle::check_server(Service& service) {
  if (!service.up()) return false;
  auto recordings = service.ledger().recordings(std::nullopt, std::nullopt, kEverything);
  if (!recordings) return false;
  if (service.restores() != restores_) {
    restores_ = service.restores();
    held_.clear();
  }
  owners_.clear();
  std::map<StreamKey, std::uint64_t> held;
  for (const ledger::RecordingState& recording : *recordings) {
    owners_[recording.rec_id] = recording.athlete;
    if (recording.quarantined != 0) throw Violation("I3: " + recording.rec_id.text() + " has two contents");
    for (const ledger::StreamState& stream : recording.streams)
      held[{recording.rec_id, stream.stream}] = stream.records;
  }
  for (const auto& [key, records] : held_) {
    if (!erasable_.contains(key.first) && held[key] < records) {
      throw Violation("I4: the server held " + std::to_string(records) + " records of " +
                      text_of(key.first, key.second) + ", now " + std::to_string(held[key]));
    }
  }
  held_ = std::move(held);
  return true;
}

void Oracle::check_safety(Service& service, Device& device) const {
  if (!service.up() || !device.running()) return;
  auto outbox = device.store().status();
  auto recordings = device.store().recordings();
  if (!outbox || !recordings || outbox->server_epoch != service.ledger().epoch()) return;
  for (const store::RecordingInfo& info : *recordings) {
    if (!info.safe() || erasable_.contains(info.birth.rec_id)) continue;
    for (const auto& [stream, counts] : info.streams) {
      const auto held = held_.find({info.birth.rec_id, stream});
      if (counts.records > 0 && (held == held_.end() || held->second < counts.records)) {
        throw Violation("I12: a device calls " + text_of(info.birth.rec_id, stream) +
                        " safe, the server lacks some of it");
      }
    }
  }
}

void Oracle::check_owners(Device& device) const {
  for (const Promise& promise : device.promises()) {
    for (const base::Uuid& rec_id : promise.recordings) {
      const auto owner = owners_.find(rec_id);
      if (owner == owners_.end()) continue;
      if (owner->second != promise.owner->athlete) {
        throw Violation(promise.owner->label + "'s " + rec_id.text() + " is in another athlete's account");
      }
      if (promise.guest && !claimed_.contains(rec_id)) {
        throw Violation("a guest's " + rec_id.text() + " was sent before anybody claimed it");
      }
    }
  }
}

void Oracle::check_quiet(Service& service, Devices& devices) {
  if (!check_server(service)) throw Violation("I7: the server cannot be read");
  const auto audit = read(service.ledger().verify_audit(), "the audit");
  if (audit.difference) throw Violation("the audit is broken: " + audit.difference->text);
  std::map<base::Uuid, ledger::RecordingState> ledger;
  for (auto& state : read(service.ledger().recordings(std::nullopt, std::nullopt, kEverything), "the ledger")) {
    const base::Uuid rec_id = state.rec_id;
    ledger.emplace(rec_id, std::move(state));
  }
  Kept kept;
  for (const auto& [rec_id, state] : ledger) {
    auto& counts = kept[rec_id];
    for (const ledger::StreamState& stream : state.streams) counts[stream.stream] = stream.records;
  }
  for (const auto& device : devices) {
    check_device(*device);
    check_kept(device->promises(), kept, "the server");
  }
  for (const auto& [rec_id, state] : ledger) {
    for (const ledger::StreamState& stream : state.streams) {
      if (stream.have != std::vector<wire::Range>{{0, stream.records}}) {
        throw Violation("I6: the server has holes in " + text_of(rec_id, stream.stream));
      }
      if (stream.stream == Stream::source) continue;
      const auto rows = service.rows().find({rec_id, stream.stream});
      const std::uint64_t counted = rows == service.rows().end() ? 0 : rows->second.size();
      if (counted != stream.records) {
        throw Violation("I5: queries count " + std::to_string(counted) + " of " + std::to_string(stream.records) +
                        " records of " + text_of(rec_id, stream.stream));
      }
    }
  }
  Agreed agreed;
  for (const auto& device : devices) {
    check_owners(*device);
    const auto recordings = read(device->store().recordings(), "a device's recordings");
    const auto sessions = read(device->store().sessions(), "a device's sessions");
    for (const Tenants::Tenant* athlete : device->athletes()) {
      agreed.feeds.try_emplace(athlete->athlete, service.ledger(), athlete->athlete);
      check_athlete(*device, *athlete, recordings, sessions, ledger, agreed);
    }
    std::set<base::Uuid> there;
    for (const store::RecordingInfo& info : recordings) {
      there.insert(info.birth.rec_id);
      if (!has_athlete(*device, info.athlete)) {
        throw Violation(info.birth.rec_id.text() + " is nobody's who uses its device: \"" + info.athlete + "\"");
      }
    }
    for (const Promise& promise : device->promises()) {
      if (!promise.handmade || !there.contains(promise.recordings.front())) continue;
      const auto samples = promise.records.find(Stream::sample);
      check_handmade(*device, promise.recordings.front(), samples == promise.records.end() ? 0 : samples->second);
    }
    for (const auto& [op_id, session] : device->edits()) {
      if (erasable_.contains(session)) continue;
      const auto state = ledger.find(session);
      if (state == ledger.end() || !agreed.feeds.at(state->second.athlete).edits().contains(op_id)) {
        throw Violation("I9: an edit of " + session.text() + " never came to the server");
      }
    }
  }
}

}  // namespace boathouse::simulation
