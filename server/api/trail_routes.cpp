#include "server/api/trail_routes.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/hex.hpp"
#include "core/base/json.hpp"
#include "core/base/utc_time.hpp"
#include "server/api/parameters.hpp"
#include "server/api/session_json.hpp"
#include "server/control/authenticator.hpp"
#include "server/control/ids.hpp"
#include "server/http/problem.hpp"
#include "server/timeseries/schema.hpp"
#include "server/timeseries/trail.hpp"

namespace boathouse::api {
namespace {

using base::Error;
using base::ErrorCode;
using base::JsonWriter;
using http::Request;
using http::Response;
using ledger::Trail;
using rowing::Stream;
using timeseries::CountedRows;
using timeseries::SessionOf;

constexpr std::size_t kMaxRanges = 200;  // of a list

void write_time(JsonWriter& json, const std::optional<std::int64_t>& ms) {
  if (ms) {
    json.value(base::format_utc_ms(*ms));
  } else {
    json.null();
  }
}

void write_count(JsonWriter& json, const std::optional<std::uint64_t>& count) {
  if (count) {
    json.value(*count);
  } else {
    json.null();
  }
}

// "" = not known.
void write_text(JsonWriter& json, const std::string& text) {
  if (text.empty()) {
    json.null();
  } else {
    json.value(text);
  }
}

void write_ranges(JsonWriter& json, const std::vector<wire::Range>& ranges) {
  json.begin_array();
  for (std::size_t i = 0; i < std::min(ranges.size(), kMaxRanges); ++i) {
    json.begin_array().value(ranges[i].from).value(ranges[i].to).end_array();
  }
  json.end_array();
}

template <typename Map>
typename Map::mapped_type value_or_empty(const Map& map, Stream stream) {
  const auto found = map.find(stream);
  return found == map.end() ? typename Map::mapped_type() : found->second;
}

void write_stream(JsonWriter& json, const Trail& trail, const std::optional<CountedRows>& counted,
                  const ledger::StreamState& stream) {
  json.begin_object().key("stream").value(rowing::name(stream.stream));
  const auto missing = timeseries::missing(trail, stream.stream);
  write_count(json.key("sealed"),
              missing ? std::optional(trail.state->seal->streams.at(stream.stream).count) : std::nullopt);
  json.key("records").value(stream.records).key("chunks").value(stream.chunks);
  write_ranges(json.key("have"), stream.have);
  write_ranges(json.key("missing"), missing.value_or(std::vector<wire::Range>()));
  write_ranges(json.key("removed"), value_or_empty(trail.gone, stream.stream));
  const ledger::Waiting waiting = value_or_empty(trail.waiting, stream.stream);
  json.key("waiting_records").value(waiting.records).key("waiting_chunks").value(waiting.chunks);
  json.key("chunks_on_their_way").value(waiting.in_blocks);
  // An imported file's own bytes stay in the ledger.
  const bool has_table = timeseries::has_table(stream.stream);
  write_count(json.key("loaded_records"), has_table ? std::optional(stream.loaded_records) : std::nullopt);
  write_count(json.key("clickhouse"), has_table && counted.has_value()
                                          ? std::optional(value_or_empty(counted->streams, stream.stream))
                                          : std::nullopt);
  json.end_object();
}

// Those with records here, and those of which the seal says that there are some, or that retention took.
void write_streams(JsonWriter& json, const Trail& trail, const std::optional<CountedRows>& counted) {
  json.begin_array();
  for (const Stream stream : rowing::kStreams) {
    const auto& streams = trail.state->streams;
    const auto found = std::find_if(streams.begin(), streams.end(),
                                    [stream](const ledger::StreamState& state) { return state.stream == stream; });
    ledger::StreamState none;
    none.stream = stream;
    const auto missing = timeseries::missing(trail, stream);
    if (found != streams.end()) {
      write_stream(json, trail, counted, *found);
    } else if ((missing && !missing->empty()) || trail.gone.contains(stream)) {
      write_stream(json, trail, counted, none);
    }
  }
  json.end_array();
}

void write_stored(JsonWriter& json, const Trail& trail, const SessionOf& session,
                  const std::optional<CountedRows>& counted) {
  const ledger::RecordingState& recording = *trail.state;
  json.key("birth").begin_object().key("device").value(trail.replica.text());
  json.key("started_at").value(base::format_utc_ms(recording.birth.started_ms));
  write_text(json.key("monitor_serial"), recording.birth.monitor_serial);
  write_text(json.key("monitor_firmware"), recording.birth.monitor_firmware);
  json.key("received_at").value(base::format_utc_ms(recording.received_ms));
  json.key("server_seq").value(trail.birth_seq).end_object().key("seal");
  if (recording.seal) {
    json.begin_object().key("revision").value(recording.seal->revision).key("received_at");
    write_time(json, trail.seal_received_ms);
    json.end_object();
  } else {
    json.null();
  }
  write_streams(json.key("streams"), trail, counted);
  json.key("quarantined_items").value(recording.quarantined).key("quarantined").begin_array();
  for (const ledger::Quarantined& item : trail.quarantined) {
    json.begin_object().key("kind").value(wire::name(item.kind));
    if (item.kind == wire::ItemKind::chunk) {
      json.key("stream").value(rowing::name(item.stream)).key("from").value(item.range.from);
      json.key("to").value(item.range.to);
    } else if (item.kind == wire::ItemKind::seal) {
      json.key("revision").value(item.revision);
    }
    json.key("sha256").value(base::to_hex(item.sha256));
    json.key("received_at").value(base::format_utc_ms(item.received_ms)).key("reason").value(item.reason).end_object();
  }
  json.end_array().key("session").begin_object();
  json.key("id").value(control::format_id(kSessionPrefix, session.key.session));
  json.key("deleted").value(session.deleted).key("written");
  if (counted) {
    json.value(counted->session);
  } else {
    json.null();
  }
  json.key("waiting").value(trail.session_waits).end_object();
}

std::string trail_json(const Trail& trail, const std::optional<SessionOf>& session,
                       const std::optional<CountedRows>& counted, const ledger::DataVersion& version) {
  const timeseries::WhereItIs where = timeseries::where_it_is(trail, session, counted);
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("recording").value(control::format_id(kRecordingPrefix, trail.rec_id)).key("athlete");
  if (trail.athlete) {
    json.value(control::format_id(control::kAthletePrefix, *trail.athlete));
  } else {
    json.null();
  }
  json.key("place").value(timeseries::name(where.place)).key("where").value(where.sentence).key("purged_at");
  write_time(json, trail.purged_ms);
  json.key("athletes_data").begin_object().key("accepted_seq").value(version.accepted_seq);
  json.key("visible_seq").value(version.visible_seq).end_object();
  if (session) {
    json.key("clickhouse_answered").value(counted.has_value());
    write_stored(json, trail, *session, counted);
  }
  json.key("refused").begin_array();
  for (const ledger::AuditRecord& record : trail.refused) {
    json.begin_object().key("n").value(record.n).key("at").value(base::format_utc_ms(record.at_ms));
    json.key("what").value(record.entry.what).end_object();
  }
  json.end_array().end_object();
  return body;
}

base::Result<base::Uuid> recording_of(const Request& request) {
  const std::string_view text = request.path_parameter("rec_id");
  if (const auto plain = base::Uuid::parse(text)) return plain;
  return control::parse_id(kRecordingPrefix, text);
}

base::Result<Response> trail_of(const Request& request, ledger::Ledger& ledger, timeseries::ClickHouseClient& client) {
  BOATHOUSE_TRY(check_names(request.query, {}));
  const auto rec_id = recording_of(request);
  if (!rec_id) return rec_id.error();
  const auto trail = ledger.trail(control::identity_of(request)->athlete, *rec_id);
  if (!trail) return trail.error();
  if (!*trail) {
    return Error{ErrorCode::not_found,
                 "nothing of this recording has ever come here: it is on its device still, or the id is another"};
  }
  ledger::DataVersion version;
  if ((*trail)->athlete) {
    const auto found = ledger.data_version(*(*trail)->athlete);
    if (!found) return found.error();
    version = *found;
  }
  std::optional<SessionOf> session;
  std::optional<CountedRows> counted;
  std::string note;
  if (const auto& state = (*trail)->state) {
    const auto found = timeseries::session_of(ledger, *state);
    if (!found) return found.error();
    session = *found;
    if (const auto rows = timeseries::count_rows(client, *state, session->key)) {
      counted = *rows;
    } else {
      note = rows.error().text;
    }
  }
  Response response = http::make_response(200, "application/json", trail_json(**trail, session, counted, version));
  response.headers.set("Cache-Control", "no-store");
  response.note = std::move(note);
  return response;
}

}  // namespace

base::Status add_trail_routes(http::RouteTable& routes, control::Accounts& accounts, ledger::Ledger& ledger,
                              timeseries::ClickHouseClient& client) {
  http::Route route;
  route.method = http::Method::get;
  route.pattern = "/v1/recordings/{rec_id}/trail";
  route.name = "getTrail";
  route.summary = "Where one recording is on its way from the monitor to the queries";
  route.handler = http::Handler([&ledger, &client](const Request& request) {
    auto response = trail_of(request, ledger, client);
    return response ? *std::move(response) : http::problem_response(request, response.error());
  });
  route.scope = control::name(control::Scope::sessions_read);
  route.admit = control::admit_any(accounts);
  route.waits_elsewhere = true;
  return routes.add(std::move(route));
}

}  // namespace boathouse::api
