#include "server/timeseries/part_check.hpp"

#include "server/timeseries/schema.hpp"

namespace boathouse::timeseries {
namespace {

std::string our_tables() {
  std::string tables = "['session'";
  for (const rowing::Stream stream : rowing::kStreams) {
    if (has_table(stream)) tables += ",'" + std::string(rowing::name(stream)) + "'";
  }
  return tables + "]";
}

// Parameters have no place in this statement; the names are ClickHouse's own, letters, digits and _.
base::Result<bool> is_whole(ClickHouseClient& client, const std::string& table, const std::string& part) {
  const auto found =
      client.select("CHECK TABLE " + table + " PART '" + part + "' SETTINGS check_query_single_value_result = 1");
  if (found) return found->rows == 1 && found->integer("result", 0) == 1;
  if (found.error().text.find("NO_SUCH_DATA_PART") != std::string::npos) return true;
  if (is_transient(found.error())) return found.error();
  return false;  // it cannot even be opened
}

}  // namespace

base::Result<PartsRead> read_parts(ClickHouseClient& client, const std::function<bool()>& go_on) {
  const auto parts = client.select(
      "SELECT table, name FROM system.parts WHERE active AND database = currentDatabase() AND table IN "
      "{tables:Array(String)} AND match(name, '^[A-Za-z0-9_]+$') ORDER BY rand()",
      {{"tables", our_tables()}});
  if (!parts) return parts.error();
  PartsRead result;
  result.there = parts->rows;
  for (; result.read < result.there && go_on(); ++result.read) {
    const std::string& table = parts->find("table")->texts[result.read];
    const std::string& part = parts->find("name")->texts[result.read];
    const auto whole = is_whole(client, table, part);
    if (!whole) return whole.error();
    if (!*whole) result.damaged.push_back({table, part});
  }
  return result;
}

}  // namespace boathouse::timeseries
