#include "server/timeseries/reconciler.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/timeseries/schema.hpp"
#include "server/timeseries/uuid_order.hpp"

namespace boathouse::timeseries {
namespace {

using CountOf = std::map<base::Uuid, std::uint64_t>;

// Recordings of a question to ClickHouse, or up to kRecordingsAtOnce of one athlete with more: what is read and what is
// kept in memory does not grow with the number of athletes.
constexpr std::size_t kPage = 500;
constexpr std::size_t kAthletesAtOnce = 10'000;

// What is on its way out of ClickHouse: rows too many of it are no difference.
struct Leaving {
  std::set<base::Uuid> recordings;
  std::set<base::Uuid> athletes;
  std::uint64_t removals = 0;
};

// Athletes that follow one another in ClickHouse's order, with all of their recordings. All pages together have every
// row that there is, also of athletes that the ledger does not know.
struct Page {
  std::optional<base::Uuid> athlete = {};  // this one alone
  std::optional<base::Uuid> after = {};
  std::optional<base::Uuid> up_to = {};
  std::optional<base::Uuid> before = {};
  // Of one athlete alone, a part of their recordings: behind, and up to. In the order of their bytes, which is that of
  // their text and the ledger's, not ClickHouse's.
  std::optional<base::Uuid> after_recording = {};
  std::optional<base::Uuid> up_to_recording = {};
  std::vector<ledger::RecordingState> recordings = {};
};

std::uint64_t loaded(const ledger::RecordingState& recording, rowing::Stream stream) {
  const auto found = std::ranges::find(recording.streams, stream, &ledger::StreamState::stream);
  return found == recording.streams.end() ? 0 : found->loaded_records;
}

class Pass {
 public:
  Pass(ledger::Ledger& ledger, ClickHouseClient& client, std::size_t at_once)
      : ledger_(ledger), client_(client), at_once_(at_once) {}

  base::Result<Reconciliation> of_athlete(const base::Uuid& athlete, const std::function<bool()>& enough);
  base::Result<Reconciliation> of_all(const std::optional<base::Uuid>& after, const std::function<bool()>& enough);

 private:
  base::Result<Reconciliation> run(const std::function<base::Status()>& look);
  base::Status add_leaving();
  base::Result<std::vector<base::Uuid>> athletes(const std::optional<base::Uuid>& after);
  base::Result<bool> add_recordings(const base::Uuid& athlete, Page& page);
  base::Status look_at_athlete(const base::Uuid& athlete, const std::function<bool()>& enough);
  base::Status look_at_some(const std::optional<base::Uuid>& after, const std::function<bool()>& enough);
  base::Status look_at(const Page& page);
  base::Status count(const ledger::RecordingState& recording, std::uint64_t places);
  base::Status compare(const Page& page, StreamCount& total);
  base::Status note_difference(const base::Uuid& rec_id, rowing::Stream stream, std::uint64_t rows);
  // `sql` with the page's athletes as its condition, but for some, and its part of their recordings if `recording` is
  // their column, and `rest` behind it.
  base::Result<NativeBlock> select(std::string sql, const Page& page, const std::set<base::Uuid>& but_not,
                                   const std::string& recording, std::string_view rest);
  base::Result<CountOf> rows_in_clickhouse(rowing::Stream stream, const Page& page);
  base::Result<CountOf> places_in_sessions(const Page& page);
  base::Result<bool> is_deleted(const base::Uuid& rec_id);

  ledger::Ledger& ledger_;
  ClickHouseClient& client_;
  const std::size_t at_once_;
  Leaving leaving_;
  Reconciliation result_;
};

base::Status Pass::add_leaving() {
  constexpr std::size_t kMost = 100'000;
  const auto rows = ledger_.rows_to_erase(kMost);
  if (!rows) return rows.error();
  leaving_.removals = rows->size();
  for (const ledger::RowsToErase& one : *rows) {
    one.rec_id ? leaving_.recordings.insert(*one.rec_id) : leaving_.athletes.insert(one.athlete);
  }
  return {};
}

// Those behind `after`, in ClickHouse's order.
base::Result<std::vector<base::Uuid>> Pass::athletes(const std::optional<base::Uuid>& after) {
  std::vector<base::Uuid> all;
  while (true) {
    const auto some = ledger_.athletes(all.empty() ? std::nullopt : std::optional(all.back()), kAthletesAtOnce);
    if (!some) return some.error();
    all.insert(all.end(), some->begin(), some->end());
    if (some->size() < kAthletesAtOnce) break;
  }
  if (after) std::erase_if(all, [&after](const base::Uuid& one) { return !is_before(*after, one); });
  std::ranges::sort(all, is_before);
  return all;
}

// Those behind page.after_recording, at_once_ at most; false: there are more.
base::Result<bool> Pass::add_recordings(const base::Uuid& athlete, Page& page) {
  std::optional<base::Uuid> after = page.after_recording;
  std::size_t left = at_once_;
  while (true) {
    auto some = ledger_.recordings(athlete, after, std::min(kPage, left + 1));
    if (!some) return some.error();
    const bool all = some->size() < std::min(kPage, left + 1);
    const std::size_t taken = std::min(some->size(), left);
    for (std::size_t i = 0; i < taken; ++i) {
      for (ledger::StreamState& stream : (*some)[i].streams) stream.have = {};  // not compared, and of any length
      page.recordings.push_back(std::move((*some)[i]));
    }
    if (taken < some->size()) return false;
    if (all) return true;
    left -= taken;
    after = page.recordings.back().rec_id;
  }
}

base::Result<NativeBlock> Pass::select(std::string sql, const Page& page, const std::set<base::Uuid>& but_not,
                                       const std::string& recording, std::string_view rest) {
  Parameters parameters;
  const auto add = [&](std::string_view condition, std::string name, std::string value) {
    sql += (parameters.empty() ? " WHERE " : " AND ") + std::string(condition);
    parameters.emplace_back(std::move(name), std::move(value));
  };
  if (page.athlete) add("athlete = {athlete:UUID}", "athlete", page.athlete->text());
  if (page.after) add("athlete > {after:UUID}", "after", page.after->text());
  if (page.up_to) add("athlete <= {up_to:UUID}", "up_to", page.up_to->text());
  if (page.before) add("athlete < {before:UUID}", "before", page.before->text());
  const auto add_recording = [&](const std::optional<base::Uuid>& limit, std::string_view compares, std::string name) {
    if (!limit || recording.empty()) return;
    const std::string condition = "toString(" + recording + ")" + std::string(compares) + "{" + name + ":String}";
    add(condition, std::move(name), limit->text());
  };
  add_recording(page.after_recording, " > ", "after_recording");
  add_recording(page.up_to_recording, " <= ", "up_to_recording");
  if (!but_not.empty()) {
    std::string ids;
    for (const base::Uuid& one : but_not) ids += (ids.empty() ? "'" : ",'") + one.text() + "'";
    add("athlete NOT IN {but_not:Array(UUID)}", "but_not", "[" + ids + "]");
  }
  return client_.select(sql + std::string(rest), parameters);
}

// Distinct positions, so that a row written twice can never hide a missing one.
base::Result<CountOf> Pass::rows_in_clickhouse(rowing::Stream stream, const Page& page) {
  const auto block = select("SELECT rec_id, count() AS n FROM " + std::string(rowing::name(stream)) + " FINAL", page,
                            leaving_.athletes, "rec_id", " GROUP BY rec_id");
  if (!block) return block.error();
  CountOf counts;
  for (std::size_t row = 0; row < block->rows; ++row) {
    counts[block->find("rec_id")->uuids[row]] = static_cast<std::uint64_t>(block->integer("n", row));
  }
  return counts;
}

// In how many session rows each recording is.
base::Result<CountOf> Pass::places_in_sessions(const Page& page) {
  if (!page.after_recording) {  // once of each athlete, for a session's recordings may be in several parts
    const auto sessions = select("SELECT count() AS n FROM session FINAL", page, {}, "", "");
    if (!sessions) return sessions.error();
    if (sessions->rows > 0) result_.sessions += static_cast<std::uint64_t>(sessions->integer("n", 0));
  }
  const auto block = select("SELECT recording, count() AS n FROM session FINAL ARRAY JOIN recordings AS recording",
                            page, {}, "recording", " GROUP BY recording");
  if (!block) return block.error();
  CountOf places;
  for (std::size_t row = 0; row < block->rows; ++row) {
    places[block->find("recording")->uuids[row]] = static_cast<std::uint64_t>(block->integer("n", row));
  }
  return places;
}

// Not what cannot be read: its row is missing for another reason.
base::Result<bool> Pass::is_deleted(const base::Uuid& rec_id) {
  const auto around = ledger_.sessions_around(rec_id);
  if (!around && around.error().code == base::ErrorCode::corrupt) return false;
  if (!around) return around.error();
  return std::ranges::any_of(around->sessions, [&](const ledger::SessionState& session) {
    return session.deleted && session.recordings.front().rec_id == rec_id;
  });
}

// What the ledger says of it, and in how many session rows it is.
base::Status Pass::count(const ledger::RecordingState& recording, std::uint64_t places) {
  ++result_.recordings;
  if (places != 1) {
    const auto deleted = is_deleted(recording.rec_id);
    if (!deleted) return deleted.error();
    ++(*deleted && places == 0 ? result_.deleted : result_.misplaced);
  }
  for (StreamCount& total : result_.streams) {
    if (recording.seal && recording.seal->streams.contains(total.stream)) {
      total.sealed += recording.seal->streams.at(total.stream).count;
    }
  }
  for (const auto& [stream, records] : recording.removed) {
    result_.streams[static_cast<std::size_t>(stream) - 1].removed += records;
  }
  for (const ledger::StreamState& state : recording.streams) {
    result_.streams[static_cast<std::size_t>(state.stream) - 1].ledger += state.records;
  }
  return {};
}

// The ledger is asked anew: the page is from before ClickHouse was, and neither knows of what the other was told since.
base::Status Pass::note_difference(const base::Uuid& rec_id, rowing::Stream stream, std::uint64_t rows) {
  const auto now = ledger_.recording(rec_id);
  if (!now) return now.error();
  const std::uint64_t expected = *now ? loaded(**now, stream) : 0;
  if (rows != expected) result_.differences.push_back({rec_id, stream, expected, rows});
  return {};
}

base::Status Pass::compare(const Page& page, StreamCount& total) {
  auto rows = rows_in_clickhouse(total.stream, page);
  if (!rows) return rows.error();
  for (const auto& [rec_id, count] : *rows) total.clickhouse += count;
  for (const ledger::RecordingState& recording : page.recordings) {
    const auto found = rows->find(recording.rec_id);
    const std::uint64_t there = found == rows->end() ? 0 : found->second;
    if (found != rows->end()) rows->erase(found);
    if (there != loaded(recording, total.stream)) {
      BOATHOUSE_TRY(note_difference(recording.rec_id, total.stream, there));
    }
  }
  // Rows of recordings that the ledger does not know.
  for (const auto& [rec_id, count] : *rows) BOATHOUSE_TRY(note_difference(rec_id, total.stream, count));
  return {};
}

base::Status Pass::look_at(const Page& page) {
  auto places = places_in_sessions(page);
  if (!places) return places.error();
  for (const ledger::RecordingState& recording : page.recordings) {
    BOATHOUSE_TRY(count(recording, (*places)[recording.rec_id]));
  }
  for (StreamCount& total : result_.streams) {
    if (has_table(total.stream)) BOATHOUSE_TRY(compare(page, total));
  }
  return {};
}

base::Status Pass::look_at_athlete(const base::Uuid& athlete, const std::function<bool()>& enough) {
  std::optional<base::Uuid> after;
  while (true) {
    Page page{.athlete = athlete, .after_recording = after};
    const auto all = add_recordings(athlete, page);
    if (!all) return all.error();
    if (!*all) page.up_to_recording = page.recordings.back().rec_id;
    BOATHOUSE_TRY(look_at(page));
    if (*all) return {};
    if (enough()) {
      return base::Error{base::ErrorCode::too_large,
                         "these are more recordings than are compared in one go; whoever runs the server can compare "
                         "them with `boathouse reconcile`"};
    }
    after = page.up_to_recording;
  }
}

base::Status Pass::look_at_some(const std::optional<base::Uuid>& after, const std::function<bool()>& enough) {
  const auto all = athletes(after);
  if (!all) return all.error();
  Page page{.after = after};
  for (const base::Uuid& athlete : *all) {
    const std::size_t of_others = page.recordings.size();
    const auto all_of_them = add_recordings(athlete, page);
    if (!all_of_them) return all_of_them.error();
    if (*all_of_them && page.recordings.size() < kPage) continue;
    if (*all_of_them) {
      page.up_to = athlete;
      BOATHOUSE_TRY(look_at(page));
    } else {
      page.recordings.resize(of_others);
      page.before = athlete;
      BOATHOUSE_TRY(look_at(page));
      page.recordings.clear();
      BOATHOUSE_TRY(look_at_athlete(athlete, [] { return false; }));
    }
    if (enough()) {
      result_.next = athlete;
      return {};
    }
    page = {.after = athlete};
  }
  return look_at(page);  // to the end: behind the last are athletes that the ledger does not know
}

base::Result<Reconciliation> Pass::of_athlete(const base::Uuid& athlete, const std::function<bool()>& enough) {
  return run([&] { return look_at_athlete(athlete, enough); });
}

base::Result<Reconciliation> Pass::of_all(const std::optional<base::Uuid>& after, const std::function<bool()>& enough) {
  return run([&] { return look_at_some(after, enough); });
}

base::Result<Reconciliation> Pass::run(const std::function<base::Status()>& look) {
  for (const rowing::Stream stream : rowing::kStreams) result_.streams.push_back({stream, 0, 0, 0, 0});
  // Before and after ClickHouse is asked: what leaves, or has left, meanwhile was or is among them.
  BOATHOUSE_TRY(add_leaving());
  const auto waited = ledger_.counts();
  if (!waited) return waited.error();
  BOATHOUSE_TRY(look());
  BOATHOUSE_TRY(add_leaving());
  result_.removals_to_erase = leaving_.removals;
  std::erase_if(result_.differences, [this](const Difference& one) {
    return one.clickhouse > one.ledger && leaving_.recordings.contains(one.rec_id);
  });
  std::ranges::sort(result_.differences, {}, [](const Difference& one) { return std::pair(one.rec_id, one.stream); });
  const auto counts = ledger_.counts();
  if (!counts) return counts.error();
  // One that was loaded meanwhile is in the ledger's total and may not be in ClickHouse's.
  result_.unloaded_chunks = std::max(waited->unloaded_chunks, counts->unloaded_chunks);
  return std::move(result_);
}

}  // namespace

base::Result<Reconciliation> reconcile_athlete(ledger::Ledger& ledger, ClickHouseClient& client,
                                               const base::Uuid& athlete, const std::function<bool()>& enough,
                                               std::size_t at_once) {
  return Pass(ledger, client, at_once).of_athlete(athlete, enough);
}

base::Result<Reconciliation> reconcile_some(ledger::Ledger& ledger, ClickHouseClient& client,
                                            const std::optional<base::Uuid>& after, const std::function<bool()>& enough,
                                            std::size_t at_once) {
  return Pass(ledger, client, at_once).of_all(after, enough);
}

}  // namespace boathouse::timeseries
