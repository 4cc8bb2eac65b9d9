#include "server/timeseries/eraser.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace boathouse::timeseries {
namespace {

using base::Error;
using base::ErrorCode;

// A list as a parameter: [1,2] or, quoted, ['a','b'].
class List {
 public:
  void add(const base::Uuid& id) { put("'" + id.text() + "'"); }
  void add(std::uint64_t number) { put(std::to_string(number)); }
  [[nodiscard]] std::string text() const { return "[" + items_ + "]"; }

 private:
  void put(const std::string& item) { items_ += (items_.empty() ? "" : ",") + item; }
  std::string items_;
};

// What a table is asked for and rid of. The athletes lead to the rows by the tables' key.
struct Target {
  std::string table;
  std::string_view condition;
  Parameters parameters;
};

constexpr std::string_view kRecords =
    "athlete IN {athletes:Array(UUID)} AND (athlete IN {whole:Array(UUID)} OR (rec_id IN {ids:Array(UUID)} AND "
    "arrayExists((id, low, past) -> id = rec_id AND seq >= low AND seq < past, {ids:Array(UUID)}, "
    "{lows:Array(UInt64)}, {pasts:Array(UInt64)})))";
// Tombstones stay, but for those of an athlete who is erased.
constexpr std::string_view kSessions =
    "athlete IN {athletes:Array(UUID)} AND (athlete IN {whole:Array(UUID)} OR (session IN {ids:Array(UUID)} AND "
    "is_deleted = 0))";

// `stream` nullopt: table session, which has nothing of a range.
std::optional<Target> target_of(std::span<const ledger::RowsToErase> rows, std::optional<rowing::Stream> stream) {
  List athletes;
  List whole;
  List ids;
  List lows;
  List pasts;
  bool any = false;
  for (const ledger::RowsToErase& one : rows) {
    if (one.rec_id && one.stream && one.stream != stream) continue;
    any = true;
    athletes.add(one.athlete);
    if (!one.rec_id) {
      whole.add(one.athlete);
      continue;
    }
    ids.add(*one.rec_id);
    lows.add(one.range.from);
    pasts.add(one.range.to);
  }
  if (!any) return std::nullopt;
  Target target{stream ? std::string(rowing::name(*stream)) : "session", stream ? kRecords : kSessions, {}};
  target.parameters = {{"athletes", athletes.text()}, {"whole", whole.text()}, {"ids", ids.text()}};
  if (stream) {
    target.parameters.emplace_back("lows", lows.text());
    target.parameters.emplace_back("pasts", pasts.text());
  }
  return target;
}

// An insert that its client gave up on, or whose loader was killed, may still be at work: its rows would come after
// nobody was seen to have any.
base::Result<bool> inserts_are_running(ClickHouseClient& client, const Layout& layout) {
  const auto running = client.select("SELECT query_id FROM " + on_all_replicas("system.processes", layout) +
                                     " WHERE query_kind = 'Insert' AND current_database = currentDatabase() LIMIT 1");
  if (!running) return running.error();
  return running->rows > 0;
}

base::Result<bool> erase_from(ClickHouseClient& client, const Target& target, const Layout& layout) {
  const std::string stored = stored_table(target.table, layout);
  const std::string condition(target.condition);
  const auto left = client.select(
      "SELECT athlete FROM " + on_all_replicas(stored, layout) + " WHERE " + condition + " LIMIT 1", target.parameters);
  if (!left) return left.error();
  if (left->rows == 0) return true;
  const auto running = client.select("SELECT latest_fail_reason FROM " + on_all_replicas("system.mutations", layout) +
                                         " WHERE database = currentDatabase() AND table = "
                                         "{table:String} AND NOT is_done ORDER BY create_time LIMIT 1",
                                     {{"table", stored}});
  if (!running) return running.error();
  if (running->rows > 0) {
    const std::string& why = running->find("latest_fail_reason")->texts.at(0);
    if (why.empty()) return false;
    return Error{ErrorCode::unavailable, "ClickHouse cannot change table " + target.table + ": " + why.substr(0, 300)};
  }
  BOATHOUSE_TRY(client.execute(
      "ALTER TABLE " + stored + (layout.sharded ? on_cluster(layout) : "") + " DELETE WHERE " + condition,
      target.parameters));
  return false;
}

}  // namespace

base::Result<bool> erase_rows(ClickHouseClient& client, std::span<const ledger::RowsToErase> rows,
                              const Layout& layout) {
  const auto inserting = inserts_are_running(client, layout);
  if (!inserting) return inserting.error();
  if (*inserting) return false;
  bool done = true;
  for (const rowing::Stream stream : rowing::kStreams) {
    if (!has_table(stream)) continue;
    const auto target = target_of(rows, stream);
    if (!target) continue;
    const auto none = erase_from(client, *target, layout);
    if (!none) return none.error();
    done = done && *none;
  }
  if (const auto sessions = target_of(rows, std::nullopt)) {
    const auto none = erase_from(client, *sessions, layout);
    if (!none) return none.error();
    done = done && *none;
  }
  return done;
}

base::Result<std::vector<ledger::TableCount>> rows_of_athlete(ClickHouseClient& client, const base::Uuid& athlete,
                                                              const Layout& layout) {
  std::vector<std::string> tables;
  for (const rowing::Stream stream : rowing::kStreams) {
    if (has_table(stream)) tables.emplace_back(rowing::name(stream));
  }
  tables.emplace_back("session");
  std::vector<ledger::TableCount> counts;
  for (const std::string& table : tables) {
    const auto block =
        client.select("SELECT count() AS n FROM " + on_all_replicas(stored_table(table, layout), layout) +
                          " WHERE athlete = {athlete:UUID}",
                      {{"athlete", athlete.text()}});
    if (!block) return block.error();
    if (block->rows != 1) return Error{ErrorCode::corrupt, "ClickHouse answered a count with no number"};
    counts.push_back({table, static_cast<std::uint64_t>(block->integer("n", 0))});
  }
  return counts;
}

}  // namespace boathouse::timeseries
