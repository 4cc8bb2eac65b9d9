#include "device/store/salvage_items.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "core/base/sha256.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/edit.hpp"
#include "core/wire/facts.hpp"

namespace boathouse::store {
namespace {

using wire::ItemKind;

// Of a chunk's body that opens; nullopt: it does not, or not as these.
std::optional<wire::Decoded> open_body(base::ByteView body, const base::Digest* sha256) {
  auto chunk = sha256 == nullptr ? wire::open_chunk(body) : wire::open_chunk(body, *sha256);
  return chunk ? std::optional(std::move(*chunk)) : std::nullopt;
}

bool is_chunk(const FoundItem& item, const wire::Decoded& chunk) {
  return static_cast<int>(chunk.stream) == item.stream && chunk.from == item.first &&
         chunk.from + chunk.columns.rows == item.past && chunk.version == item.version;
}

class Checker {
 public:
  Checker(const db::DamagedFile& file, const Findings& findings, std::vector<Damage>& damages)
      : file_(file), findings_(findings), damages_(damages) {}

  std::map<std::int64_t, SavedRecording> check() {
    for (const auto& [number, entry] : findings_.recordings) {
      saved_[number].entry = entry;
      numbers_.emplace(entry.rec_id, number);
    }
    std::set<std::int64_t> ids;
    for (const auto& [id, versions] : findings_.items) ids.insert(id);
    for (const auto& [id, key] : findings_.keys) ids.insert(id);
    for (const auto& [id, place] : findings_.bodies) ids.insert(id);
    for (const std::int64_t id : ids) check_item(id);
    // Births first: they say which recording the others are of.
    for (auto& [number, text] : births_) place_birth(number, std::move(text));
    for (auto& [number, text] : seals_) place_seal(number, std::move(text));
    for (auto& [number, text] : edits_) place_edit(number, std::move(text));
    for (auto& [number, one] : saved_) {
      if (!one.rec_id && one.entry) one.rec_id = one.entry->rec_id;
    }
    return std::move(saved_);
  }

 private:
  struct Text {
    SavedText saved;
    std::optional<rowing::Stamp> stamp;
  };

  std::vector<db::RowPlace> bodies_of(std::int64_t id) const {
    std::vector<db::RowPlace> places;
    const auto [first, last] = findings_.bodies.equal_range(id);
    for (auto found = first; found != last; ++found) places.push_back(found->second);
    return places;
  }

  void check_item(std::int64_t id) {
    const auto versions = findings_.items.find(id);
    const auto key = findings_.keys.find(id);
    if (versions == findings_.items.end()) {
      if (!rebuild(id, key == findings_.keys.end() ? nullptr : &key->second)) name_lost(id);
      return;
    }
    bool receipt = false;
    for (const FoundItem& item : versions->second) receipt = receipt || item.receipt;
    for (FoundItem item : versions->second) {
      item.receipt = receipt;
      const bool sure = key == findings_.keys.end() || is_of(key->second, item);
      // The index cannot tell the keys of the first few items (Findings::take_key_row).
      const bool twice = key != findings_.keys.end() || id == item.stream;
      if (item.kind == ItemKind::chunk ? sure && take_chunk(id, item, twice) : take_text(id, item)) return;
    }
    name_damaged(id, versions->second.front(), receipt, key == findings_.keys.end() ? nullptr : &key->second);
  }

  static bool is_of(const ItemKey& key, const FoundItem& item) {
    return key[0] == item.recording && key[1] == static_cast<int>(item.kind) && key[2] == item.stream &&
           std::cmp_equal(key[3], item.first);
  }

  static bool has_range(const FoundItem& item) {
    return rowing::stream_from_number(static_cast<std::uint64_t>(item.stream)) && item.past > item.first;
  }

  bool take_chunk(std::int64_t id, const FoundItem& item, bool sure) {
    if (!has_range(item)) return false;
    for (const db::RowPlace& place : bodies_of(id)) {
      const auto chunk = open_body(read_body(file_, place), &item.sha256);
      if (!chunk || !is_chunk(item, *chunk)) continue;
      saved_[item.recording].chunks.push_back({item, place, false, sure});
      return true;
    }
    if (item.here) return false;
    saved_[item.recording].chunks.push_back({item, std::nullopt, false, sure});
    return true;
  }

  bool take_text(std::int64_t id, const FoundItem& item) {
    for (const db::RowPlace& place : bodies_of(id)) {
      const base::Bytes body = read_body(file_, place);
      if (base::sha256(body) == item.sha256) return take_body(id, item.recording, body);
    }
    return false;
  }

  // A body that is a birth, a seal or an edit.
  bool take_body(std::int64_t id, std::int64_t recording, base::ByteView body) {
    Text text;
    text.saved.json = base::as_text(body);
    text.saved.sha256 = base::sha256(body);
    if (const auto stamp = findings_.stamps.find(id); stamp != findings_.stamps.end()) text.stamp = stamp->second;
    if (wire::decode_seal(text.saved.json)) {
      seals_.emplace_back(recording, std::move(text));
    } else if (wire::decode_edit(text.saved.json)) {
      edits_.emplace_back(recording, std::move(text));
    } else if (wire::decode_birth(text.saved.json)) {
      births_.emplace_back(recording, std::move(text));
    } else {
      return false;
    }
    return true;
  }

  // An item whose row is gone, from its body and the index's copy of its key.
  bool rebuild(std::int64_t id, const ItemKey* key) {
    for (const db::RowPlace& place : bodies_of(id)) {
      const base::Bytes body = read_body(file_, place);
      if (take_body(id, key == nullptr ? 0 : (*key)[0], body)) return true;
      const auto chunk = open_body(body, nullptr);
      if (!chunk || key == nullptr || (*key)[2] != static_cast<int>(chunk->stream) ||
          !std::cmp_equal((*key)[3], chunk->from)) {
        continue;
      }
      FoundItem item;
      item.recording = (*key)[0];
      item.stream = static_cast<int>(chunk->stream);
      item.first = chunk->from;
      item.past = chunk->from + chunk->columns.rows;
      item.version = chunk->version;
      item.sha256 = base::sha256(wire::encode_columns(chunk->stream, chunk->version, chunk->from, chunk->columns));
      item.bytes = body.size();
      saved_[item.recording].chunks.push_back({item, place, false, false});
      return true;
    }
    return false;
  }

  void name(std::int64_t recording, bool receipt, std::string text) {
    Damage damage;
    if (const auto found = findings_.recordings.find(recording); found != findings_.recordings.end()) {
      damage.rec_id = found->second.rec_id;
    }
    damage.from_server = receipt;
    damage.text = std::move(text);
    damages_.push_back(std::move(damage));
  }

  // Neither row nor body are there, or one without the other.
  void name_lost(std::int64_t id) {
    const auto key = findings_.keys.find(id);
    const auto places = bodies_of(id);
    std::optional<wire::Decoded> chunk;
    if (!places.empty()) chunk = open_body(read_body(file_, places.front()), nullptr);
    if (key == findings_.keys.end()) {
      name(0, false,
           chunk ? std::to_string(chunk->columns.rows) + " records of " + std::string(rowing::name(chunk->stream)) +
                       " from " + std::to_string(chunk->from) +
                       " on are readable, but nothing says which recording they belong to"
                 : "an item of the outbox cannot be read");
      return;
    }
    // What a chunk held shows as a hole.
    if (key->second[1] == static_cast<int>(ItemKind::chunk)) return;
    const auto kind = static_cast<ItemKind>(key->second[1]);
    name(key->second[0], false, "its " + std::string(wire::name(kind)) + " cannot be read");
  }

  void name_damaged(std::int64_t id, FoundItem item, bool receipt, const ItemKey* key) {
    if (item.kind != ItemKind::chunk) {
      name(item.recording, receipt, "its " + std::string(wire::name(item.kind)) + " is damaged");
    } else if (!has_range(item)) {
      name(item.recording, receipt, "the directory's entry of chunk " + std::to_string(id) + " is damaged");
    } else if (key != nullptr && !is_of(*key, item)) {
      name(item.recording, receipt,
           "the directory's entry of chunk " + std::to_string(id) + " is damaged: " +
               std::to_string(item.past - item.first) + " records of stream " + std::to_string(item.stream) + " from " +
               std::to_string(item.first) + " on may be this recording's or another's");
    } else {
      item.receipt = receipt;
      saved_[item.recording].chunks.push_back({item, std::nullopt, true, true});
    }
  }

  // The number of the recording of that id; `number` says its item, 0 = nothing does.
  std::int64_t number_of(const base::Uuid& rec_id, std::int64_t number) {
    if (const auto known = numbers_.find(rec_id); known != numbers_.end()) return known->second;
    if (number <= 0) number = std::max<std::int64_t>(saved_.empty() ? 0 : saved_.rbegin()->first, 0) + 1;
    return numbers_.emplace(rec_id, number).first->second;
  }

  void place_birth(std::int64_t number, Text text) {
    rowing::Birth birth = *wire::decode_birth(text.saved.json);
    SavedRecording& saved = saved_[number_of(birth.rec_id, number)];
    if (saved.birth && saved.birth->rec_id != birth.rec_id) {
      name(number, false, "two recordings are under one number; that of " + birth.rec_id.text() + " is left out");
      return;
    }
    saved.rec_id = birth.rec_id;
    saved.birth = std::move(birth);
    saved.birth_text = std::move(text.saved);
  }

  void place_seal(std::int64_t number, Text text) {
    SavedSeal seal;
    static_cast<SavedText&>(seal) = std::move(text.saved);
    seal.seal = *wire::decode_seal(seal.json);
    SavedRecording& saved = saved_[number_of(seal.seal.rec_id, number)];
    if (!saved.rec_id && !saved.entry) saved.rec_id = seal.seal.rec_id;
    const bool known = std::ranges::any_of(
        saved.seals, [&](const SavedSeal& other) { return other.seal.revision == seal.seal.revision; });
    if (!known) saved.seals.push_back(std::move(seal));
  }

  void place_edit(std::int64_t number, Text text) {
    SavedEdit edit;
    static_cast<SavedText&>(edit) = std::move(text.saved);
    edit.edit = *wire::decode_edit(edit.json);
    edit.effective = text.stamp.value_or(edit.edit.stamp);
    SavedRecording& saved = saved_[number_of(edit.edit.session, number)];
    if (!saved.rec_id && !saved.entry) saved.rec_id = edit.edit.session;
    const bool known =
        std::ranges::any_of(saved.edits, [&](const SavedEdit& other) { return other.edit.op_id == edit.edit.op_id; });
    if (!known) saved.edits.push_back(std::move(edit));
  }

  const db::DamagedFile& file_;
  const Findings& findings_;
  std::vector<Damage>& damages_;
  std::map<std::int64_t, SavedRecording> saved_;
  std::map<base::Uuid, std::int64_t> numbers_;
  std::vector<std::pair<std::int64_t, Text>> births_;
  std::vector<std::pair<std::int64_t, Text>> seals_;
  std::vector<std::pair<std::int64_t, Text>> edits_;
};

}  // namespace

base::Bytes read_body(const db::DamagedFile& file, const db::RowPlace& place) {
  const auto row = file.read_again(place);
  if (!row || row->values.size() != 2) return {};
  return {row->values[1].bytes.begin(), row->values[1].bytes.end()};
}

std::map<std::int64_t, SavedRecording> check_items(const db::DamagedFile& file, const Findings& findings,
                                                   std::vector<Damage>& damages) {
  return Checker(file, findings, damages).check();
}

}  // namespace boathouse::store
