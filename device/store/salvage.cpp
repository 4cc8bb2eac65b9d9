#include "device/store/salvage.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "core/base/json.hpp"
#include "core/wire/chunk.hpp"
#include "device/store/salvage_items.hpp"
#include "device/store/salvage_part.hpp"
#include "device/store/schema.hpp"

namespace boathouse::store {
namespace {

using Records = std::map<std::uint64_t, rowing::Record>;

// Of a receipt that is not believed: no server has it.
constexpr std::string_view kSalvagedEpoch = "salvaged";

// How far a stream of a recording was saved.
struct SavedStream {
  std::uint64_t end = 0;  // past its last chunk
  bool whole = true;      // no record is missing before `end`, nor a chunk behind it
  std::vector<base::Digest> hashes;
};

class Saver {
 public:
  Saver(const db::DamagedFile& file, const Findings& findings, db::Connection& connection, SalvageReport& report)
      : file_(file), findings_(findings), to_(connection), report_(report) {
    for (const auto& [id, key] : findings.keys) {
      if (key[1] != static_cast<int>(wire::ItemKind::chunk) || key[3] < 0) continue;
      std::uint64_t& last = last_chunks_[{key[0], key[2]}];
      last = std::max(last, static_cast<std::uint64_t>(key[3]));
    }
  }

  base::Status save() {
    auto recordings = check_items(file_, findings_, report_.damages);
    for (const auto& [number, rows] : findings_.rows) recordings.try_emplace(number);
    for (const auto& [number, rows] : findings_.streams) recordings.try_emplace(number);
    for (auto& [number, saved] : recordings) {
      if (!saved.rec_id || !rec_ids_.insert(*saved.rec_id).second) {
        name_unknown(number, saved);
      } else {
        BOATHOUSE_TRY(save_recording(number, saved));
      }
    }
    BOATHOUSE_TRY(save_imports(recordings));
    name_missing(recordings);
    return settle_all(to_);
  }

 private:
  void name(const SavedRecording& saved, std::string text) {
    Damage damage;
    damage.rec_id = saved.rec_id;
    damage.text = std::move(text);
    report_.damages.push_back(std::move(damage));
  }
  void name_range(const SavedRecording& saved, rowing::Stream stream, std::uint64_t from, std::uint64_t to,
                  bool from_server, std::string text) {
    Damage damage;
    damage.rec_id = saved.rec_id;
    damage.stream = stream;
    damage.from = from;
    damage.to = to;
    damage.from_server = from_server;
    damage.text = std::move(text);
    report_.damages.push_back(std::move(damage));
  }

  void name_unknown(std::int64_t number, const SavedRecording& saved) {
    std::uint64_t records = 0;
    for (const SavedChunk& chunk : saved.chunks) records += chunk.item.past - chunk.item.first;
    if (const auto rows = findings_.rows.find(number); rows != findings_.rows.end()) {
      for (const auto& [stream, list] : rows->second) records += list.size();
    }
    name({}, "nothing says which recording number " + std::to_string(number) + " is: its " + std::to_string(records) +
                 " records are left out");
  }

  // Numbers are given without holes.
  void name_missing(const std::map<std::int64_t, SavedRecording>& recordings) {
    const auto known = static_cast<std::int64_t>(std::ranges::count_if(
        recordings, [&](const auto& one) { return one.first >= 1 && one.first <= findings_.recordings_begun; }));
    if (known >= findings_.recordings_begun) return;
    name({}, std::to_string(findings_.recordings_begun - known) + " of the " +
                 std::to_string(findings_.recordings_begun) + " recordings that this store began cannot be found");
  }

  base::Status insert(const FoundRecording& entry) {
    auto insert = to_.prepare(
        "INSERT INTO recording(id, rec_id, athlete, ended, reason, revision, purged, from_feed) VALUES (?1, ?2, ?3, "
        "?4, ?5, ?6, ?7, ?8)");
    if (!insert) return insert.error();
    insert->bind(1, entry.id).bind(2, base::ByteView(entry.rec_id.bytes)).bind(3, entry.athlete);
    insert->bind(4, entry.ended ? 1 : (entry.elsewhere ? 2 : 0)).bind(5, static_cast<int>(entry.reason));
    return insert->bind(6, entry.revision).bind(7, entry.purged).bind(8, entry.from_feed).run();
  }

  base::Status put_text(std::int64_t recording, wire::ItemKind kind, std::uint64_t first, const SavedText& text) {
    NewItem item;
    item.recording = recording;
    item.kind = kind;
    item.first = first;
    item.sha256 = text.sha256;
    item.body = base::as_bytes(text.json);
    auto id = put_item(to_, item);
    return id ? base::Status() : base::Status(id.error());
  }

  base::Status save_recording(std::int64_t number, SavedRecording& saved) {
    FoundRecording entry = saved.entry.value_or(FoundRecording());
    entry.id = number;
    entry.rec_id = *saved.rec_id;
    if (!saved.entry) {
      name(saved, "its entry cannot be read: it has no athlete's label now, as a guest's");
      // Whoever has rows of it has begun it.
      entry.elsewhere = !findings_.rows.contains(number);
    }
    if (entry.purged && !saved.birth && saved.chunks.empty()) {
      entry.ended = true;
      BOATHOUSE_TRY(insert(entry));
      return save_edits(number, saved);
    }
    if (entry.purged) {
      name(saved, "its entry says that its owner erased it, but it is here: it stays until the server says so again");
      entry.purged = false;
    }
    std::ranges::sort(saved.seals, {}, [](const SavedSeal& one) { return one.seal.revision; });
    const bool had_ended = entry.ended || !saved.seals.empty();
    entry.ended = false;
    BOATHOUSE_TRY(insert(entry));
    ++report_.recordings;
    if (saved.birth) BOATHOUSE_TRY(put_text(number, wire::ItemKind::birth, 0, saved.birth_text));
    auto streams = save_streams(number, saved, had_ended);
    if (!streams) return streams.error();
    name_unsure(saved, *streams);
    for (const SavedSeal& seal : saved.seals) {
      BOATHOUSE_TRY(put_text(number, wire::ItemKind::seal, seal.seal.revision, seal));
    }
    BOATHOUSE_TRY(save_edits(number, saved));
    return had_ended ? save_end(entry, saved, *streams) : save_open(entry, saved, *streams);
  }

  base::Status save_edits(std::int64_t number, const SavedRecording& saved) {
    for (const SavedEdit& edit : saved.edits) {
      if (auto id = put_edit(to_, number, edit.edit, edit.effective, edit.json); !id) return id.error();
      ++report_.edits;
    }
    return {};
  }

  // --- Records ---

  base::Result<std::map<rowing::Stream, SavedStream>> save_streams(std::int64_t number, SavedRecording& saved,
                                                                   bool had_ended) {
    std::map<rowing::Stream, SavedStream> streams;
    for (const rowing::Stream stream : rowing::kStreams) {
      std::vector<SavedChunk> chunks;
      for (const SavedChunk& chunk : saved.chunks) {
        if (chunk.item.stream == static_cast<int>(stream)) chunks.push_back(chunk);
      }
      auto found = save_stream(number, saved, stream, std::move(chunks), had_ended);
      if (!found) return found.error();
      if (found->end > 0 || !found->whole) streams[stream] = std::move(*found);
    }
    return streams;
  }

  // How many records the recording had by all that says so.
  std::uint64_t expected_end(std::int64_t number, const SavedRecording& saved, rowing::Stream stream) const {
    std::uint64_t end = row_of(number, stream).next_seq;
    for (const SavedSeal& seal : saved.seals) {
      const auto sealed = seal.seal.streams.find(stream);
      if (sealed != seal.seal.streams.end()) end = std::max(end, sealed->second.count);
    }
    const auto last = last_chunks_.find({number, static_cast<std::int64_t>(stream)});
    return last == last_chunks_.end() ? end : std::max(end, last->second + 1);
  }

  StreamRow row_of(std::int64_t number, rowing::Stream stream) const {
    const auto rows = findings_.streams.find(number);
    if (rows == findings_.streams.end()) return {};
    const auto row = rows->second.find(stream);
    return row == rows->second.end() ? StreamRow() : row->second;
  }

  base::Result<SavedStream> save_stream(std::int64_t number, const SavedRecording& saved, rowing::Stream stream,
                                        std::vector<SavedChunk> chunks, bool had_ended) {
    // Those that are here first, where two say that they are of the same records.
    std::ranges::sort(chunks, {}, [](const SavedChunk& one) { return std::pair(one.item.first, !one.body); });
    const bool elsewhere = saved.entry && (saved.entry->elsewhere || saved.entry->from_feed);
    SavedStream out;
    Records rows = rows_of(number, stream);
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      const SavedChunk& chunk = chunks[i];
      const std::uint64_t next = i + 1 < chunks.size() ? chunks[i + 1].item.first : chunk.item.past;
      // The end of a chunk that is not here is only the directory's word.
      if (!chunk.body && next > chunk.item.first && next < chunk.item.past) {
        name_range(saved, stream, chunk.item.first, next, chunk.item.receipt,
                   "the directory's entry of these records is damaged");
        continue;
      }
      if (chunk.item.first < out.end) {
        out.whole = false;
        name_range(saved, stream, chunk.item.first, chunk.item.past, chunk.item.receipt,
                   "two chunks are said to be of these records; the second is left out");
        continue;
      }
      BOATHOUSE_TRY(fill(number, saved, stream, rows, chunk.item.first, elsewhere, out));
      if (const auto again = chunk.damaged ? remake(chunk.item, stream, rows) : std::nullopt) {
        BOATHOUSE_TRY(store::put_chunk(to_, number, *again));
        ++report_.chunks;
        out.hashes.push_back(again->sha256);
        out.end = again->to;
        continue;
      }
      if (chunk.damaged && !chunk.item.receipt) {
        BOATHOUSE_TRY(fill(number, saved, stream, rows, chunk.item.past, false, out));
        continue;
      }
      if (chunk.damaged) {
        name_range(saved, stream, chunk.item.first, chunk.item.past, true,
                   "the chunk's bytes are damaged; the server had confirmed it, and the next sync fetches it");
      }
      BOATHOUSE_TRY(put_chunk(number, chunk));
      out.hashes.push_back(chunk.item.sha256);
      out.end = chunk.item.past;
    }
    const std::uint64_t expected = expected_end(number, saved, stream);
    rows.erase(rows.begin(), rows.lower_bound(out.end));
    if (had_ended || elsewhere || !out.whole) {
      BOATHOUSE_TRY(fill_to_the_end(number, saved, stream, rows, expected, elsewhere, out));
    } else {
      BOATHOUSE_TRY(keep_open(number, saved, stream, rows, expected, out));
    }
    if (out.end > 0) BOATHOUSE_TRY(put_stream(to_, number, stream, {out.end, out.end}));
    return out;
  }

  base::Status fill_to_the_end(std::int64_t number, const SavedRecording& saved, rowing::Stream stream,
                               const Records& rows, std::uint64_t expected, bool from_server, SavedStream& out) {
    if (!rows.empty()) {
      BOATHOUSE_TRY(fill(number, saved, stream, rows, rows.rbegin()->first + 1, from_server, out));
    }
    if (expected <= out.end) return {};
    out.whole = false;
    name_range(saved, stream, out.end, expected, from_server, "these records cannot be read");
    return {};
  }

  // The very chunk, out of rows that are still somewhere in the file.
  static std::optional<wire::Chunk> remake(const FoundItem& item, rowing::Stream stream, const Records& rows) {
    std::vector<rowing::Record> run;
    for (auto next = rows.find(item.first);
         next != rows.end() && next->first < item.past && next->first == item.first + run.size(); ++next) {
      run.push_back(next->second);
    }
    if (run.size() != item.past - item.first) return std::nullopt;
    auto chunk = wire::seal_chunk(stream, item.first, run);
    if (!chunk || chunk->sha256 != item.sha256) return std::nullopt;
    return std::move(*chunk);
  }

  Records rows_of(std::int64_t number, rowing::Stream stream) const {
    const auto recording = findings_.rows.find(number);
    if (recording == findings_.rows.end()) return {};
    const auto rows = recording->second.find(stream);
    return rows == recording->second.end() ? Records() : rows->second;
  }

  // Records [out.end, until) out of rows, into chunks as the recording would have sealed them; what is not there is
  // named.
  base::Status fill(std::int64_t number, const SavedRecording& saved, rowing::Stream stream, const Records& rows,
                    std::uint64_t until, bool from_server, SavedStream& out) {
    while (out.end < until) {
      auto next = rows.lower_bound(out.end);
      const std::uint64_t there = next == rows.end() ? until : std::min(next->first, until);
      if (there > out.end) {
        out.whole = false;
        name_range(saved, stream, out.end, there, from_server, "these records cannot be read");
        out.end = there;
        continue;
      }
      std::vector<rowing::Record> run;
      ChunkCut cut;
      while (next != rows.end() && next->first == out.end + run.size() && next->first < until &&
             cut.take(next->second)) {
        run.push_back(next->second);
        ++next;
      }
      auto chunk = wire::seal_chunk(stream, out.end, run);
      if (!chunk) {
        out.whole = false;
        name_range(saved, stream, out.end, out.end + run.size(), from_server,
                   "these records fit no chunk (" + chunk.error().text + ")");
        out.end += run.size();
        continue;
      }
      BOATHOUSE_TRY(store::put_chunk(to_, number, *chunk));
      out.hashes.push_back(chunk->sha256);
      report_.rows += run.size();
      out.end = chunk->to;
    }
    return {};
  }

  // Rows of a recording that ran, up to the first that is missing; what comes after a hole is sealed as it is.
  base::Status keep_open(std::int64_t number, const SavedRecording& saved, rowing::Stream stream, const Records& rows,
                         std::uint64_t expected, SavedStream& out) {
    std::vector<rowing::Record> run;
    for (auto next = rows.begin(); next != rows.end() && next->first == out.end + run.size(); ++next) {
      run.push_back(next->second);
    }
    const std::uint64_t end = out.end + run.size();
    const std::uint64_t last = rows.empty() ? 0 : rows.rbegin()->first + 1;
    // Records that were in a chunk may have been sent: without them there is no end that all agree on.
    if (last > end || row_of(number, stream).sealed_to > end) {
      return fill_to_the_end(number, saved, stream, rows, expected, false, out);
    }
    if (expected > end) {
      name_range(saved, stream, end, expected, false, "these records cannot be read; the recording ends before them");
    }
    open_[number][stream] = std::move(run);
    return {};
  }

  base::Status put_chunk(std::int64_t number, const SavedChunk& chunk) {
    NewItem item;
    item.recording = number;
    item.kind = wire::ItemKind::chunk;
    item.stream = chunk.item.stream;
    item.first = chunk.item.first;
    item.past = chunk.item.past;
    item.version = chunk.item.version;
    item.sha256 = chunk.item.sha256;
    base::Bytes body;
    if (chunk.body) {
      body = read_body(file_, *chunk.body);
      item.body = body;
    } else {
      item.away_bytes = chunk.item.bytes;
    }
    auto id = put_item(to_, item);
    if (!id) return id.error();
    if (chunk.body) {
      ++report_.chunks;
      return {};
    }
    ++report_.away_chunks;
    auto update = to_.prepare("UPDATE item SET outcome = 1, epoch = ?2, wanted = ?3 WHERE id = ?1");
    if (!update) return update.error();
    return update->bind(1, *id).bind(2, kSalvagedEpoch).bind(3, chunk.damaged || chunk.item.wanted).run();
  }

  // Chunks that may be another recording's: one place alone says whose they are, and no seal does.
  void name_unsure(const SavedRecording& saved, const std::map<rowing::Stream, SavedStream>& streams) {
    for (const SavedChunk& chunk : saved.chunks) {
      const auto stream = rowing::stream_from_number(static_cast<std::uint64_t>(chunk.item.stream));
      if (chunk.sure || !stream || !streams.contains(*stream)) continue;
      const base::Digest root = wire::stream_root(streams.at(*stream).hashes);
      const bool sealed = std::ranges::any_of(saved.seals, [&](const SavedSeal& seal) {
        const auto one = seal.seal.streams.find(*stream);
        return one != seal.seal.streams.end() && one->second.root == root;
      });
      if (!sealed) {
        name_range(saved, *stream, chunk.item.first, chunk.item.past, chunk.item.receipt,
                   "these records are taken over, but only one place says that they are this recording's");
      }
    }
  }

  // --- The end of a recording ---

  static bool fits(const rowing::Seal& seal, const std::map<rowing::Stream, SavedStream>& streams) {
    if (seal.streams.size() != streams.size()) return false;
    return std::ranges::all_of(seal.streams, [&](const auto& one) {
      const auto found = streams.find(one.first);
      return found != streams.end() && found->second.whole && found->second.end == one.second.count &&
             wire::stream_root(found->second.hashes) == one.second.root;
    });
  }

  base::Status save_end(FoundRecording& entry, const SavedRecording& saved,
                        const std::map<rowing::Stream, SavedStream>& streams) {
    const rowing::Seal* newest = saved.seals.empty() ? nullptr : &saved.seals.back().seal;
    if (newest != nullptr && (entry.from_feed || fits(*newest, streams))) {
      return set_sealed(to_, entry, newest->reason, newest->revision);
    }
    const bool whole = std::ranges::all_of(streams, [](const auto& one) { return one.second.whole; });
    const bool lost_seal = newest == nullptr || entry.revision > newest->revision;
    if (whole && lost_seal && !entry.from_feed) {
      name(saved, "its seal of revision " + std::to_string(entry.revision) +
                      " cannot be read; all its records are here, and a new one was made");
      if (newest != nullptr) entry.revision = std::max(entry.revision, newest->revision);
      if (entry.reason < rowing::EndReason::logged) entry.reason = rowing::EndReason::crashed;
      return put_seal(to_, entry, entry.reason);
    }
    if (whole && newest != nullptr) name(saved, "its chunks are not those that were sealed");
    if (newest != nullptr) return set_sealed(to_, entry, newest->reason, newest->revision);
    name(saved, "its seal cannot be read");
    return leave_unsealed(entry);
  }

  // One that ran goes on to its end as after a crash, if no record is missing in it.
  base::Status save_open(FoundRecording& entry, const SavedRecording& saved,
                         const std::map<rowing::Stream, SavedStream>& streams) {
    if (entry.elsewhere) return {};
    const bool whole = std::ranges::all_of(streams, [](const auto& one) { return one.second.whole; });
    for (auto& [stream, run] : open_[entry.id]) {
      BOATHOUSE_TRY(append_rows(to_, entry.id, run));
      report_.rows += run.size();
    }
    std::vector<rowing::Record> tail;
    if (const auto found = findings_.tails.find(entry.id); found != findings_.tails.end()) {
      for (const auto& [position, record] : found->second) tail.push_back(record);
    }
    report_.rows += tail.size();
    if (whole) return put_tail(to_, entry.id, tail);
    BOATHOUSE_TRY(append_rows(to_, entry.id, tail));
    BOATHOUSE_TRY(seal_rows(to_, entry.id, true));
    name(saved, "it was running and has a hole: it stays without a seal");
    return leave_unsealed(entry);
  }

  base::Status leave_unsealed(const FoundRecording& entry) {
    auto update = to_.prepare("UPDATE recording SET ended = 2 WHERE id = ?1");
    if (!update) return update.error();
    return update->bind(1, entry.id).run();
  }

  // A file whose recordings are all whole is not imported again.
  base::Status save_imports(const std::map<std::int64_t, SavedRecording>& recordings) {
    std::set<base::Digest> doubtful;
    for (const Damage& damage : report_.damages) {
      for (const auto& [number, saved] : recordings) {
        if (damage.rec_id && saved.rec_id == damage.rec_id && saved.birth && saved.birth->source_sha256) {
          doubtful.insert(*saved.birth->source_sha256);
        }
      }
    }
    std::map<base::Digest, int> parts;
    auto insert = to_.prepare("INSERT INTO import(source_sha256, part, recording) VALUES (?1, ?2, ?3)");
    if (!insert) return insert.error();
    for (const auto& [number, saved] : recordings) {
      const bool ours = saved.birth && saved.birth->source_sha256 && !(saved.entry && saved.entry->from_feed);
      if (!ours || doubtful.contains(*saved.birth->source_sha256) || (saved.entry && saved.entry->purged)) continue;
      insert->bind(1, base::ByteView(*saved.birth->source_sha256));
      BOATHOUSE_TRY(insert->bind(2, parts[*saved.birth->source_sha256]++).bind(3, number).run());
    }
    return {};
  }

  const db::DamagedFile& file_;
  const Findings& findings_;
  db::Connection& to_;
  SalvageReport& report_;
  std::map<std::pair<std::int64_t, std::int64_t>, std::uint64_t> last_chunks_;  // by the index: where the last begins
  std::set<base::Uuid> rec_ids_;
  std::map<std::int64_t, std::map<rowing::Stream, std::vector<rowing::Record>>> open_;
};

void name_file(SalvageReport& report, std::string text) {
  Damage damage;
  damage.text = std::move(text);
  report.damages.push_back(std::move(damage));
}

// What people wrote, and what belongs together, is found out anew by opening the store.
base::Status finish(const std::string& folder, base::UuidV7Source& ids, base::RandomSource& random) {
  auto store = Store::open(folder, ids, random);
  if (!store) return store.error();
  auto ended = store->end_crashed();
  if (!ended) return ended.error();
  for (std::uint64_t before = ~std::uint64_t{0};;) {
    auto left = store->find_overlaps();
    if (!left) return left.error();
    if (*left == 0 || *left >= before) return {};
    before = *left;
  }
}

base::Result<SalvageReport> fill_store(db::DamagedFile& file, const std::string& folder, base::UuidV7Source& ids,
                                       base::RandomSource& random) {
  // Its identity comes first.
  if (auto made = Store::open(folder, ids, random); !made) return made.error();
  SalvageReport report;
  Findings findings;
  file.read([&](const db::FoundPage& page) { findings.take(page); });
  for (std::string& problem : file.problems()) name_file(report, "device.db: " + std::move(problem));
  if (findings.odd_rows > 0) {
    name_file(report, "device.db: " + std::to_string(findings.odd_rows) +
                          " row(s) are damaged or a newer program's: recordings may be missing");
  }
  {
    auto connection = db::Connection::open(folder + "/device.db");
    if (!connection) return connection.error();
    // All or nothing: a part of it would look like all there is.
    BOATHOUSE_TRY(in_transaction(*connection, [&] { return Saver(file, findings, *connection, report).save(); }));
  }
  BOATHOUSE_TRY(finish(folder, ids, random));
  return report;
}

}  // namespace

base::Result<SalvageReport> salvage(const std::string& folder, const std::string& output, base::UuidV7Source& ids,
                                    base::RandomSource& random) {
  auto lock = FolderLock::take_if_there(folder);
  if (!lock) return lock.error();
  auto file = db::DamagedFile::open(folder + "/device.db");
  if (!file) return file.error();
  auto part = SalvagePart::make(output);
  if (!part) return part.error();
  auto report = fill_store(*file, part->path(), ids, random);
  if (report) BOATHOUSE_TRY(part->move_into_output());
  return report;
}

std::string to_json(const SalvageReport& report) {
  std::string text;
  base::JsonWriter json(text);
  json.begin_object();
  json.key("ok").value(report.ok());
  json.key("recordings").value(report.recordings);
  json.key("chunks").value(report.chunks);
  json.key("away_chunks").value(report.away_chunks);
  json.key("rows").value(report.rows);
  json.key("edits").value(report.edits);
  json.key("damages").begin_array();
  for (const Damage& damage : report.damages) {
    json.begin_object();
    if (damage.rec_id) json.key("recording").value("rec_" + damage.rec_id->text());
    if (damage.stream) {
      json.key("stream").value(rowing::name(*damage.stream));
      json.key("from").value(damage.from).key("to").value(damage.to);
    }
    json.key("from_server").value(damage.from_server);
    json.key("text").value(damage.text);
    json.end_object();
  }
  json.end_array().end_object();
  return text;
}

}  // namespace boathouse::store
