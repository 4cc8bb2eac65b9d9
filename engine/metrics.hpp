// GET /metrics: what a ClickHouse server's own Prometheus endpoint says, under the same names, so that the same
// dashboards and alerts serve both. libchdb has no asynchronous metrics: the ones that alerts use are computed here.
#pragma once

#include <string_view>

namespace boathouse::engine {

inline constexpr std::string_view kMetricsQuery = R"sql(
SELECT 'ClickHouseMetrics_' || metric AS name, toFloat64(value) AS value, description AS help, 'gauge' AS type
FROM system.metrics
UNION ALL
SELECT 'ClickHouseProfileEvents_' || event, toFloat64(value), description, 'counter' FROM system.events
UNION ALL
SELECT 'ClickHouseAsyncMetrics_Uptime', toFloat64(uptime()), 'Seconds since the engine started', 'gauge'
UNION ALL
SELECT 'ClickHouseAsyncMetrics_MaxPartCountForPartition', toFloat64(max(parts)), 'Most active parts in one partition',
  'gauge' FROM (SELECT count() AS parts FROM system.parts WHERE active GROUP BY database, table, partition_id)
UNION ALL
SELECT 'ClickHouseAsyncMetrics_' || tupleElement(part, 1), tupleElement(part, 2), tupleElement(part, 3), 'gauge' FROM (
  SELECT arrayJoin([
    ('TotalPartsOfMergeTreeTables', toFloat64(count()), 'Active parts of all tables'),
    ('TotalRowsOfMergeTreeTables', toFloat64(sum(rows)), 'Rows in all tables, not yet merged duplicates included'),
    ('TotalBytesOfMergeTreeTables', toFloat64(sum(bytes_on_disk)), 'Bytes of all tables on disk')]) AS part
  FROM system.parts WHERE active)
UNION ALL
SELECT 'ClickHouseAsyncMetrics_' || tupleElement(part, 1) || '_' || name, tupleElement(part, 2), tupleElement(part, 3),
  'gauge' FROM (
  SELECT name, arrayJoin([
    ('DiskTotal', toFloat64(total_space), 'Size of the disk in bytes'),
    ('DiskAvailable', toFloat64(free_space), 'Free bytes on the disk'),
    ('DiskUsed', toFloat64(total_space - free_space), 'Used bytes on the disk')]) AS part
  FROM system.disks)
SETTINGS system_events_show_zero_values = 1
FORMAT Prometheus)sql";

}  // namespace boathouse::engine
