#include "apps/boathouse/device_actions.hpp"

#include <map>

#include "core/base/hex.hpp"
#include "core/base/json.hpp"
#include "core/base/utc_time.hpp"
#include "device/import/import.hpp"
#include "device/page/actions.hpp"
#include "device/page/conflicts.hpp"
#include "device/page/session_list.hpp"
#include "device/sync/run_log.hpp"
#include "device/sync/word.hpp"

namespace boathouse::app {
namespace {

using base::Error;
using base::ErrorCode;
using base::JsonWriter;
using page::session_id;

page::Tools tools(Device& device) { return {*device.store, device.clock, device.ids}; }

template <typename Counts>
void write_by_stream_number(JsonWriter& json, const Counts& records) {
  json.begin_object();
  for (const rowing::Stream stream : rowing::kStreams) {
    const auto count = records[static_cast<std::size_t>(stream)];
    if (count > 0) json.key(rowing::name(stream)).value(count);
  }
  json.end_object();
}

base::Result<std::string> status_json(Device& device) {
  BOATHOUSE_TRY(device.store->check_there());
  const auto status = device.store->status();
  if (!status) return status.error();
  const auto refused = device.store->refused();
  if (!refused) return refused.error();
  const auto runs = device.store->runs();
  if (!runs) return runs.error();
  const auto space = device.store->space();
  if (!space) return space.error();
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("replica").value(device.store->identity().replica_id.text());
  json.key("recordings").value(status->recordings).key("open_recordings").value(status->open_recordings);
  json.key("records").value(status->records).key("items").value(status->items);
  json.key("pending_items").value(status->pending_items).key("pending_bytes").value(status->pending_bytes);
  json.key("pending_chunks").value(status->pending_chunks);
  json.key("pending_recordings").value(status->pending_recordings);
  json.key("last_success_at");
  if (const auto success_ms = sync::last_success_ms(*runs)) {
    json.value(base::format_utc_ms(*success_ms));
  } else {
    json.null();
  }
  json.key("last_run");
  if (runs->empty()) {
    json.null();
  } else {
    sync::write_run(json, runs->front());
  }
  const std::int64_t age_ms = status->oldest_pending_ms > 0 ? device.clock.utc_ms() - status->oldest_pending_ms : 0;
  json.key("oldest_pending_s").value(std::max<std::int64_t>(age_ms, 0) / 1000);
  json.key("open_rows").value(status->open_rows).key("unconfirmed_items").value(status->unconfirmed_items);
  json.key("open_conflicts").value(status->open_conflicts);
  json.key("refused_items").value(status->refused_items).key("server_epoch").value(status->server_epoch);
  json.key("refused").begin_array();
  for (const store::RefusedItem& item : *refused) {
    json.begin_object().key("session").value(session_id(item.rec_id)).key("kind").value(wire::name(item.kind));
    json.key("outcome").value(wire::name(item.outcome)).key("detail").value(item.detail).end_object();
  }
  json.end_array().key("space").begin_object();
  page::write_space(json, *space);
  json.end_object().end_object();
  return out;
}

base::Result<std::string> log_text(Device& device, const std::string& form) {
  const auto runs = device.store->runs();
  if (!runs) return runs.error();
  return form == "text" ? sync::runs_text(*runs) : sync::runs_json(*runs);
}

base::Result<std::string> verify_json(Device& device) {
  const auto recordings = device.store->recordings();
  if (!recordings) return recordings.error();
  std::map<rowing::Stream, std::uint64_t> records;
  std::map<rowing::Stream, std::uint64_t> acknowledged;
  std::vector<std::string> details;
  std::string contents;  // of each recording what a server's answer to the same question can be held against
  JsonWriter of_each(contents);
  of_each.begin_array();
  for (const store::RecordingInfo& info : *recordings) {
    const auto report = device.store->verify(info.birth.rec_id);
    if (!report) return report.error();
    of_each.begin_object().key("recording").value("rec_" + info.birth.rec_id.text()).key("streams").begin_object();
    for (const auto& [stream, check] : report->streams) {
      of_each.key(rowing::name(stream)).begin_object().key("records").value(check.records);
      of_each.key("root").value(base::to_hex(check.root)).end_object();
      records[stream] += check.records;
      acknowledged[stream] += check.acknowledged;
    }
    for (const std::string& problem : report->problems)
      details.push_back(session_id(info.birth.rec_id) + ": " + problem);
    of_each.end_object().end_object();
  }
  of_each.end_array();
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("recordings").value(recordings->size()).key("problems").value(details.size());
  json.key("details").begin_array();
  for (const std::string& detail : details) json.value(detail);
  json.end_array().key("records").begin_object();
  for (const auto& [stream, count] : records) json.key(rowing::name(stream)).value(count);
  json.end_object().key("acknowledged").begin_object();
  for (const auto& [stream, count] : acknowledged) json.key(rowing::name(stream)).value(count);
  json.end_object().end_object();
  out.insert(out.size() - 1, ",\"contents\":" + contents);
  return out;
}

base::Result<std::string> offer_refused_json(Device& device) {
  const auto offered = device.store->offer_refused_again();
  if (!offered) return offered.error();
  std::string out;
  JsonWriter(out).begin_object().key("offered_items").value(*offered).end_object();
  return out;
}

// A season file is shared out over its recordings: together, in order, they are the file.
base::Result<std::string> source_bytes(Device& device, const std::string& session) {
  const auto id = page::parse_session(session);
  if (!id) return id.error();
  const auto info = device.store->recording(*id);
  if (!info) return info.error();
  if (!info->birth.source_sha256)
    return Error{ErrorCode::not_found, "this session does not come from an imported file"};
  const auto parts = device.store->imported(*info->birth.source_sha256);
  if (!parts) return parts.error();
  std::string content;
  for (const base::Uuid& part : *parts) {
    const auto blocks =
        device.store->records(part, rowing::Stream::source, 0, import::kMaxFile / rowing::kMaxSourceBlock + 1);
    if (!blocks) return blocks.error();
    for (const rowing::Record& block : *blocks) content += block.bytes;
  }
  if (base::sha256(base::as_bytes(content)) != *info->birth.source_sha256) {
    return Error{ErrorCode::corrupt, "the bytes do not have the file's hash"};
  }
  return content;
}

base::Result<std::string> replay_json(Device& device, const Action& action) {
  store::RecorderOptions options;
  options.origin = rowing::Origin::replay;
  options.source_name = action.argument;
  options.started_known = false;
  options.monitor_serial = action.monitor;
  store::Recorder recorder(*device.store, device.clock, device.ids, options);
  store::LineFeeder feeder(recorder);
  BOATHOUSE_TRY(feeder.feed_all(action.content));
  BOATHOUSE_TRY(recorder.stop(rowing::EndReason::end_of_input));
  return recorded_json(recorder, feeder, action.argument);
}

base::Result<std::string> import_json(Device& device, const Action& action) {
  import::ImportOptions options;
  options.time_zone = action.time_zone;
  const auto report =
      import::import_file(*device.store, device.ids, device.clock, action.argument, action.content, options);
  if (!report) return report.error().within(action.argument);
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("file").value(action.argument).key("dialect").value(report->dialect);
  json.key("already_imported").value(report->already_imported);
  json.key("rows").value(report->rows).key("rejected_values").value(report->rejected_values);
  json.key("rejected_lines").value(report->rejected_lines).key("sessions").begin_array();
  for (const base::Uuid& id : report->recordings) json.value(session_id(id));
  json.end_array().key("records");
  write_by_stream_number(json, report->records);
  json.key("problems").begin_array();
  for (const import::ImportProblem& problem : report->problems) {
    json.begin_object().key("line").value(problem.line);
    json.key("text").value((problem.column.empty() ? "" : problem.column + ": ") + problem.text).end_object();
  }
  json.end_array().end_object();
  return out;
}

}  // namespace

base::Result<std::string> perform(Device& device, const Action& action) {
  if (action.name == "status") return status_json(device);
  if (action.name == "log") return log_text(device, action.argument);
  if (action.name == "sessions") return page::sessions_json(tools(device), {});
  if (action.name == "verify") return verify_json(device);
  if (action.name == "source") return source_bytes(device, action.argument);
  if (action.name == "replay") return replay_json(device, action);
  if (action.name == "edit") return page::edit_session(tools(device), action.argument, action.content);
  if (action.name == "link") return page::link_sessions(tools(device), action.argument, action.content);
  if (action.name == "unlink") return page::unlink_sessions(tools(device), action.argument, action.content);
  if (action.name == "conflicts") return page::conflicts_json(tools(device));
  if (action.name == "answer") return page::answer_conflict(tools(device), action.argument, action.content);
  if (action.name == "fetch") return page::fetch_session(tools(device), action.argument);
  if (action.name == "storage") return page::storage(tools(device), action.content);
  if (action.name == "forget-account") {
    BOATHOUSE_TRY(device.store->forget_account(""));
    return std::string("{}");
  }
  if (action.name == "offer-refused") return offer_refused_json(device);
  if (action.name == "import") return import_json(device, action);
  return Error{ErrorCode::not_found, "a device cannot be asked for " + action.name};
}

std::string recorded_json(const store::Recorder& recorder, const store::LineFeeder& feeder, const std::string& file) {
  std::string out;
  JsonWriter json(out);
  const store::RecorderCounters& counters = recorder.counters();
  json.begin_object().key("file").value(file).key("sessions").begin_array();
  for (const base::Uuid& id : recorder.recordings()) json.value(session_id(id));
  json.end_array();
  json.key("lines").value(feeder.counters().lines).key("skipped").value(feeder.counters().skipped);
  json.key("rejected_lines").value(feeder.counters().rejected);
  json.key("notifications").value(counters.notifications).key("decoded").value(counters.decoded);
  json.key("refused").value(counters.refused()).key("idle").value(counters.idle + counters.refused_idle);
  json.key("erased_sessions").value(counters.erased).key("records");
  write_by_stream_number(json, counters.records);
  json.key("problems").begin_array();
  for (const store::RejectedLine& rejected : feeder.rejected()) {
    json.begin_object().key("line").value(rejected.line).key("text").value(rejected.reason).end_object();
  }
  json.end_array().end_object();
  return out;
}

std::string saved_json(const store::Recorder& recorder) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("saved");
  write_by_stream_number(json, recorder.counters().records);
  json.end_object();
  return out;
}

std::string sync_json(const sync::Status& status) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("state").value(sync::name(status.state)).key("reason").value(status.reason);
  json.key("pending_items").value(status.pending_items).key("refused_items").value(status.refused_items);
  json.key("sent_items").value(status.sent_items).key("sent_bytes").value(status.sent_bytes);
  json.key("received_changes").value(status.received_changes).key("fetched_chunks").value(status.fetched_chunks);
  json.key("verified_recordings").value(status.verified_recordings);
  json.key("uncounted_recordings").value(status.uncounted).key("requests").value(status.requests);
  json.key("stored_items").value(status.stored_items).key("duplicate_items").value(status.duplicate_items);
  json.key("failed_requests").value(status.failed_requests).key("last_error").value(status.last_error);
  json.key("error_domain").value(sync::name(status.failure.domain)).key("error_code").value(status.failure.code);
  json.key("error_transient").value(status.failure.transient);
  json.key("done_bytes").value(status.done_bytes).key("total_bytes").value(status.total_bytes).end_object();
  return out;
}

}  // namespace boathouse::app
