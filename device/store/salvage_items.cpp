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
    std::set<std::int64_t> ids;
    for (const auto& [id, versions] : findings_.items) ids.insert(id);
    for (const auto& [id, key] : findings_.keys) ids.insert(id);
    for (const auto& [id, place] : findings_.bodies) ids.insert(id);
    for (const std::int64_t id : ids) check_item(id);
    find_numbers();
    place_entries();
    for (Birth& birth : births_) place_birth(std::move(birth));
    for (Seal& seal : seals_) place_seal(std::move(seal));
    for (Edit& edit : edits_) place_edit(std::move(edit));
    for (const std::int64_t number : contested_) {
      for (SavedChunk& chunk : saved_[number].chunks) chunk.sure = false;
    }
    name_all();
    return std::move(saved_);
  }

 private:
  // A body that is as its hash says, and what number its item is under.
  struct Text {
    SavedText saved;
    std::optional<rowing::Stamp> stamp;
    std::int64_t number = 0;      // 0: nothing says it
    std::int64_t key_number = 0;  // by the index
    bool sure = false;            // row and index say the same
  };
  struct Birth : Text {
    rowing::Birth birth;
  };
  struct Seal : Text {
    rowing::Seal seal;
  };
  struct Edit : Text {
    rowing::Edit edit;
  };
  struct NamedItem {
    std::int64_t number = 0;
    bool receipt = false;
    std::string text;
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
      if (item.kind == ItemKind::chunk ? sure && take_chunk(id, item, twice) : take_text(id, item, sure && twice))
        return;
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

  bool take_text(std::int64_t id, const FoundItem& item, bool sure) {
    for (const db::RowPlace& place : bodies_of(id)) {
      const base::Bytes body = read_body(file_, place);
      if (base::sha256(body) == item.sha256) return take_body(id, item.recording, sure, body);
    }
    return false;
  }

  // A body that is a birth, a seal or an edit.
  bool take_body(std::int64_t id, std::int64_t number, bool sure, base::ByteView body) {
    Text text;
    text.saved.json = base::as_text(body);
    text.saved.sha256 = base::sha256(body);
    text.number = number;
    if (const auto key = findings_.keys.find(id); key != findings_.keys.end()) text.key_number = key->second[0];
    text.sure = sure;
    if (const auto stamp = findings_.stamps.find(id); stamp != findings_.stamps.end()) text.stamp = stamp->second;
    if (auto seal = wire::decode_seal(text.saved.json)) {
      seals_.push_back({std::move(text), std::move(*seal)});
    } else if (auto edit = wire::decode_edit(text.saved.json)) {
      edits_.push_back({std::move(text), std::move(*edit)});
    } else if (auto birth = wire::decode_birth(text.saved.json)) {
      births_.push_back({std::move(text), std::move(*birth)});
    } else {
      return false;
    }
    return true;
  }

  // An item whose row is gone, from its body and the index's copy of its key.
  bool rebuild(std::int64_t id, const ItemKey* key) {
    for (const db::RowPlace& place : bodies_of(id)) {
      const base::Bytes body = read_body(file_, place);
      if (take_body(id, key == nullptr ? 0 : (*key)[0], false, body)) return true;
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

  // Of the recording that has that number, when it is known which that is.
  void name(std::int64_t number, bool receipt, std::string text) {
    named_.push_back({number, receipt, std::move(text)});
  }
  void name_recording(const base::Uuid& rec_id, std::string text) {
    Damage damage;
    damage.rec_id = rec_id;
    damage.text = std::move(text);
    damages_.push_back(std::move(damage));
  }
  void name_all() {
    for (NamedItem& named : named_) {
      Damage damage;
      if (const auto found = saved_.find(named.number); found != saved_.end()) damage.rec_id = found->second.rec_id;
      damage.from_server = named.receipt;
      damage.text = std::move(named.text);
      damages_.push_back(std::move(damage));
    }
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

  // --- Which number is whose ---

  // False: the number is another recording's.
  bool claim(const base::Uuid& rec_id, std::int64_t number) {
    if (numbers_.contains(rec_id)) return true;
    if (number <= 0 || !owners_.emplace(number, rec_id).second) return false;
    numbers_.emplace(rec_id, number);
    return true;
  }

  std::int64_t unused_number() const {
    std::int64_t last = 0;
    if (!owners_.empty()) last = std::max(last, owners_.rbegin()->first);
    if (!saved_.empty()) last = std::max(last, saved_.rbegin()->first);
    if (!findings_.rows.empty()) last = std::max(last, findings_.rows.rbegin()->first);
    if (!findings_.streams.empty()) last = std::max(last, findings_.streams.rbegin()->first);
    return last + 1;
  }

  bool entry_says(const base::Uuid& rec_id, std::int64_t number) const {
    const auto found = findings_.recordings.find(number);
    return found != findings_.recordings.end() &&
           std::ranges::find(found->second, rec_id, &FoundRecording::rec_id) != found->second.end();
  }

  // No hash covers a number, so what two places say goes first: the rows of an item and of the index, or one of them
  // and the recording's entry. Then what is said by the item of a birth alone, and last by an entry alone.
  void find_numbers() {
    for (const Birth& one : births_) {
      if (one.sure) claim_contested(one.birth.rec_id, one.number);
    }
    for (const Birth& one : births_) {
      for (const std::int64_t number : {one.number, one.key_number}) {
        if (entry_says(one.birth.rec_id, number)) claim_contested(one.birth.rec_id, number);
      }
    }
    for (const Seal& one : seals_) {
      if (one.sure) (void)claim(one.seal.rec_id, one.number);
    }
    for (const Edit& one : edits_) {
      if (one.sure) (void)claim(one.edit.session, one.number);
    }
    for (const Birth& one : births_) {
      if (!numbers_.contains(one.birth.rec_id) && claim(one.birth.rec_id, one.number)) contested_.insert(one.number);
    }
  }
  // The number's chunks may be of either.
  void claim_contested(const base::Uuid& rec_id, std::int64_t number) {
    if (!claim(rec_id, number)) contested_.insert(number);
  }

  // The number of the recording of that id; `number` says its item, 0 = nothing does.
  std::int64_t number_of(const base::Uuid& rec_id, std::int64_t number) {
    if (!claim(rec_id, number)) (void)claim(rec_id, unused_number());
    return numbers_.at(rec_id);
  }

  // --- What is under which number ---

  void place_entries() {
    std::vector<const FoundRecording*> strangers;  // under the number of another recording
    for (const auto& [number, entries] : findings_.recordings) {
      for (const FoundRecording& entry : entries) {
        if (claim(entry.rec_id, number)) {
          place_entry(numbers_.at(entry.rec_id), entry);
        } else {
          strangers.push_back(&entry);
        }
      }
    }
    for (const FoundRecording* entry : strangers) place_stranger(*entry);
  }

  void place_entry(std::int64_t number, const FoundRecording& entry) {
    SavedRecording& saved = saved_[number];
    if (saved.entry && !is_further_on(entry, *saved.entry)) return;
    saved.entry = entry;
    saved.entry->id = number;
    saved.rec_id = entry.rec_id;
  }

  void place_stranger(const FoundRecording& entry) {
    SavedRecording& there = saved_[entry.id];
    const base::Uuid& owner = owners_.at(entry.id);
    if (!there.entry && !entry_elsewhere(owner)) {
      there.entry = entry;
      there.entry->rec_id = owner;
      there.rec_id = owner;
      name_recording(owner, "its entry has another recording's id: whose label it is and how it ended may be wrong");
    } else if (entry.purged) {
      // There is nothing but that it was erased, which no number is needed for.
      place_entry(number_of(entry.rec_id, 0), entry);
    } else {
      contested_.insert(entry.id);
      name_recording(entry.rec_id, "its entry is under the number of recording " + owner.text() +
                                       ", and nothing else says which it has: what was of it is left out");
    }
  }

  bool entry_elsewhere(const base::Uuid& rec_id) const {
    return std::ranges::any_of(findings_.recordings, [&](const auto& one) { return entry_says(rec_id, one.first); });
  }

  SavedRecording& place(const base::Uuid& rec_id, std::int64_t number) {
    SavedRecording& saved = saved_[number_of(rec_id, number)];
    saved.rec_id = rec_id;
    return saved;
  }

  void place_birth(Birth one) {
    const bool known = numbers_.contains(one.birth.rec_id);
    SavedRecording& saved = place(one.birth.rec_id, one.number);
    if (!known && one.number > 0) {
      name_recording(one.birth.rec_id, "its birth is under the number of recording " + owners_.at(one.number).text() +
                                           ", and nothing else says which it has: its records may be left out");
    }
    saved.birth = std::move(one.birth);
    saved.birth_text = std::move(one.saved);
  }

  void place_seal(Seal one) {
    SavedRecording& saved = place(one.seal.rec_id, one.number);
    const bool known = std::ranges::any_of(
        saved.seals, [&](const SavedSeal& other) { return other.seal.revision == one.seal.revision; });
    if (known) return;
    SavedSeal seal;
    static_cast<SavedText&>(seal) = std::move(one.saved);
    seal.seal = std::move(one.seal);
    saved.seals.push_back(std::move(seal));
  }

  void place_edit(Edit one) {
    SavedRecording& saved = place(one.edit.session, one.number);
    const auto [known, added] = edits_by_id_.emplace(one.edit.op_id, one.saved.sha256);
    if (!added) {
      if (known->second != one.saved.sha256) {
        name_recording(one.edit.session,
                       "two edits are under the id " + one.edit.op_id.text() + "; the second is left out");
      }
      return;
    }
    SavedEdit edit;
    static_cast<SavedText&>(edit) = std::move(one.saved);
    edit.effective = one.stamp.value_or(one.edit.stamp);
    edit.edit = std::move(one.edit);
    saved.edits.push_back(std::move(edit));
  }

  const db::DamagedFile& file_;
  const Findings& findings_;
  std::vector<Damage>& damages_;
  std::map<std::int64_t, SavedRecording> saved_;
  std::map<base::Uuid, std::int64_t> numbers_;
  std::map<std::int64_t, base::Uuid> owners_;  // numbers_ the other way round
  std::set<std::int64_t> contested_;           // numbers whose chunks may be another recording's
  std::vector<Birth> births_;
  std::vector<Seal> seals_;
  std::vector<Edit> edits_;
  std::map<base::Uuid, base::Digest> edits_by_id_;
  std::vector<NamedItem> named_;
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
