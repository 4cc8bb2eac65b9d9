// The C ABI's calls on what awaits a person's choice.
#include <string>
#include <vector>

#include "device/capi/bridge.hpp"

namespace capi = boathouse::capi;
namespace store = boathouse::store;
using boathouse::base::Status;

static_assert(static_cast<int>(store::ConflictKind::title) == BOATHOUSE_TWO_TITLES);
static_assert(static_cast<int>(store::ConflictKind::notes) == BOATHOUSE_TWO_NOTES);
static_assert(static_cast<int>(store::ConflictKind::overlap) == BOATHOUSE_OVERLAP);
static_assert(static_cast<int>(store::ConflictKind::suggestion) == BOATHOUSE_SUGGESTION);
static_assert(static_cast<int>(store::Answer::mine) == BOATHOUSE_MINE);
static_assert(static_cast<int>(store::Answer::theirs) == BOATHOUSE_THEIRS);
static_assert(static_cast<int>(store::Answer::both) == BOATHOUSE_BOTH);
static_assert(static_cast<int>(store::Answer::other) == BOATHOUSE_OTHERWISE);

struct boathouse_conflicts {
  struct Side {
    std::string recording;
    boathouse_conflict_side given = BOATHOUSE_INIT(boathouse_conflict_side);
  };
  struct Entry {
    store::Conflict conflict;
    std::string session;
    Side mine;
    Side theirs;
  };
  std::vector<Entry> entries;
};

namespace {

// Points into both, which must stay where they are.
void fill_side(boathouse_conflicts::Side& side, const store::Conflict& conflict, const store::ConflictSide& from) {
  const bool is_text = conflict.kind == store::ConflictKind::title || conflict.kind == store::ConflictKind::notes;
  if (!is_text) side.recording = capi::session_id(from.rec_id);
  side.given.text = from.text.c_str();
  side.given.recording = side.recording.c_str();
  side.given.started_utc_ms = from.started_ms;
  side.given.elapsed_cs = from.elapsed_cs.value_or(-1);
  side.given.distance_dm = from.distance_dm.value_or(-1);
  side.given.device = from.device.c_str();
}

}  // namespace

boathouse_code boathouse_conflicts_list(boathouse_store* store, boathouse_conflicts** conflicts,
                                        boathouse_error* error) {
  capi::put<boathouse_conflicts*>(conflicts, nullptr);
  return capi::on_store(store, error, [&](capi::Device&, store::Store& opened) -> Status {
    BOATHOUSE_TRY(capi::need(conflicts, "conflicts"));
    auto found = opened.conflicts();
    if (!found) return found.error();
    auto list = std::make_unique<boathouse_conflicts>();
    list->entries.reserve(found->size());
    for (store::Conflict& conflict : *found) {
      boathouse_conflicts::Entry& entry = list->entries.emplace_back();
      entry.conflict = std::move(conflict);
      entry.session = capi::session_id(entry.conflict.session);
      fill_side(entry.mine, entry.conflict, entry.conflict.mine);
      fill_side(entry.theirs, entry.conflict, entry.conflict.theirs);
    }
    *conflicts = list.release();
    return {};
  });
}

size_t boathouse_conflicts_count(const boathouse_conflicts* conflicts) {
  return conflicts == nullptr ? 0 : conflicts->entries.size();
}

boathouse_code boathouse_conflicts_get(const boathouse_conflicts* conflicts, size_t index, boathouse_conflict* conflict,
                                       boathouse_error* error) {
  return capi::guarded(error, nullptr, [&]() -> Status {
    BOATHOUSE_TRY(capi::need(conflicts, "conflicts"));
    BOATHOUSE_TRY(capi::need_struct(conflict, "conflict"));
    if (index >= conflicts->entries.size()) return capi::refused("there is no conflict of this index");
    const boathouse_conflicts::Entry& entry = conflicts->entries[index];
    boathouse_conflict given = BOATHOUSE_INIT(boathouse_conflict);
    given.id = entry.conflict.id.c_str();
    given.kind = static_cast<std::int32_t>(entry.conflict.kind);
    if (entry.conflict.answered) given.answered = static_cast<std::int32_t>(*entry.conflict.answered);
    given.session = entry.session.c_str();
    given.reason = entry.conflict.reason.c_str();
    given.since_utc_ms = entry.conflict.since_ms;
    given.answered_utc_ms = entry.conflict.answered_ms;
    given.mine = &entry.mine.given;
    given.theirs = &entry.theirs.given;
    capi::give_struct(conflict, given);
    return {};
  });
}

void boathouse_conflicts_free(boathouse_conflicts* conflicts) { delete conflicts; }

boathouse_code boathouse_conflict_answer(boathouse_store* store, const char* conflict, int32_t answer,
                                         boathouse_error* error) {
  return capi::on_store(store, error, [&](capi::Device& device, store::Store& opened) -> Status {
    BOATHOUSE_TRY(capi::need(conflict, "conflict"));
    BOATHOUSE_TRY(capi::check_utf8(conflict, "conflict"));
    if (answer < BOATHOUSE_MINE || answer > BOATHOUSE_BOTH) {
      return capi::refused("the answer must be BOATHOUSE_MINE, _THEIRS or _BOTH");
    }
    return opened.answer(conflict, static_cast<store::Answer>(answer), device.clock.utc_ms());
  });
}
