#include "core/wire/hello.hpp"

#include <algorithm>

#include "core/base/hex.hpp"
#include "core/base/json.hpp"
#include "core/wire/batch.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/json_fields.hpp"

namespace boathouse::wire {
namespace {

using base::ErrorCode;
using base::JsonValue;
using base::JsonWriter;
using base::Result;

constexpr std::string_view kAthletePrefix = "ath_";
constexpr std::uint64_t kMinBatchBytes = 1024;
constexpr std::int64_t kMinRetryMs = 100;
constexpr std::int64_t kMaxRetryMs = std::int64_t{3600} * 1000;
constexpr std::int64_t kMaxBackoffS = std::int64_t{24} * 3600;

void read_protocol(JsonFields& fields, HelloRequest& request) {
  const JsonValue* value = fields.find("protocol", true);
  const JsonValue::Array* pair = value != nullptr ? value->array() : nullptr;
  const auto lowest = pair != nullptr && pair->size() == 2 ? pair->front().integer() : std::nullopt;
  const auto highest = pair != nullptr && pair->size() == 2 ? pair->back().integer() : std::nullopt;
  if (!lowest || !highest || *lowest < 1 || *lowest > *highest || *highest > UINT32_MAX) {
    return fields.fail(ErrorCode::invalid_input, "protocol", "must be [lowest, highest] version, from 1");
  }
  request.lowest_protocol = static_cast<std::uint32_t>(*lowest);
  request.highest_protocol = static_cast<std::uint32_t>(*highest);
}

void read_salt(JsonFields& fields, HelloRequest& request) {
  const JsonValue* value = fields.find("salt", true);
  const std::string* text = value != nullptr ? value->text() : nullptr;
  if (text != nullptr && text->size() == 2 * request.salt.size()) {
    if (const auto bytes = base::from_hex(*text); bytes.ok() && base::to_hex(*bytes) == *text) {
      std::copy(bytes->begin(), bytes->end(), request.salt.begin());
      return;
    }
  }
  fields.fail(ErrorCode::invalid_input, "salt", "must be 16 lower-case hex digits");
}

void read_athlete(JsonFields& fields, HelloReply& reply) {
  const JsonValue* value = fields.find("athlete", true);
  const std::string* text = value != nullptr ? value->text() : nullptr;
  if (text != nullptr && text->starts_with(kAthletePrefix)) {
    if (const auto id = base::Uuid::parse(std::string_view(*text).substr(kAthletePrefix.size())); id.ok()) {
      reply.athlete = *id;
      return;
    }
  }
  fields.fail(ErrorCode::invalid_input, "athlete", "must be \"ath_\" and a UUID in lower case");
}

}  // namespace

std::string encode_hello_request(const HelloRequest& request) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.key("protocol").begin_array().value(request.lowest_protocol).value(request.highest_protocol).end_array();
  json.key("salt").value(base::to_hex(request.salt));
  json.key("epoch").value(request.epoch);
  json.key("cursor").value(request.cursor);
  json.key("newest_seq").value(request.newest_seq);
  json.key("pending").begin_object();
  json.key("recordings").value(request.pending_recordings);
  json.key("items").value(request.pending_items);
  json.key("bytes").value(request.pending_bytes);
  json.key("oldest_age_s").value(request.oldest_age_s);
  json.end_object().end_object();
  return out;
}

Result<HelloRequest> decode_hello_request(std::string_view text) {
  const auto parsed = parse_object(text, kMaxRequestBytes, "hello");
  if (!parsed.ok()) {
    return parsed.error();
  }
  JsonFields fields(*parsed, "hello");
  HelloRequest request;
  read_protocol(fields, request);
  read_salt(fields, request);
  request.epoch = fields.text("epoch", kMaxEpoch);
  request.cursor = fields.sequence("cursor", 0);
  request.newest_seq = fields.integer("newest_seq", 0, static_cast<std::int64_t>(kMaxSequence), false).value_or(0);
  JsonFields pending(fields.object("pending"), "hello, pending");
  BOATHOUSE_TRY(fields.status());
  request.pending_recordings = pending.count("recordings");
  request.pending_items = pending.count("items");
  request.pending_bytes = pending.count("bytes");
  request.oldest_age_s = pending.sequence("oldest_age_s", 0);
  BOATHOUSE_TRY(pending.status());
  return request;
}

std::string encode_hello_reply(const HelloReply& reply) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  put_envelope(json, reply.epoch, reply.replica_id);
  json.key("athlete").value(std::string(kAthletePrefix) + reply.athlete.text());
  json.key("limits").begin_object();
  json.key("batch_bytes").value(reply.batch_bytes).key("batch_items").value(reply.batch_items);
  json.key("in_flight").value(reply.in_flight);
  json.end_object();
  json.key("retry").begin_object();
  json.key("base_ms").value(reply.retry_base_ms).key("cap_ms").value(reply.retry_cap_ms);
  json.end_object();
  json.key("server_time_ms").value(reply.server_time_ms);
  json.key("server_seq").value(reply.server_seq);
  json.key("purge_safe_seq").value(reply.purge_safe_seq);
  json.key("backoff_s").value(reply.backoff_s);
  json.key("fork").value(reply.fork);
  json.end_object();
  return out;
}

Result<HelloReply> decode_hello_reply(std::string_view text) {
  const auto parsed = parse_object(text, kMaxReplyBytes, "hello reply");
  if (!parsed.ok()) {
    return parsed.error();
  }
  JsonFields fields(*parsed, "hello reply");
  HelloReply reply;
  fields.envelope(reply.epoch, reply.replica_id);
  read_athlete(fields, reply);
  JsonFields limits(fields.object("limits"), "hello reply, limits");
  JsonFields retry(fields.object("retry"), "hello reply, retry");
  reply.server_time_ms = fields.sequence("server_time_ms", 0);
  reply.server_seq = fields.sequence("server_seq", 0);
  reply.purge_safe_seq = fields.sequence("purge_safe_seq", 0);
  reply.backoff_s = std::min(fields.sequence("backoff_s", 0), kMaxBackoffS);
  reply.fork = fields.boolean("fork");
  BOATHOUSE_TRY(fields.status());
  reply.batch_bytes = std::clamp<std::uint64_t>(limits.count("batch_bytes"), kMinBatchBytes, kMaxBatchBytes);
  reply.batch_items = std::clamp<std::uint64_t>(limits.count("batch_items"), 1, kMaxBatchItems);
  const auto in_flight = limits.integer("in_flight", 0, static_cast<std::int64_t>(kMaxSequence), false).value_or(1);
  reply.in_flight = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(in_flight), 1, kMaxInFlight);
  BOATHOUSE_TRY(limits.status());
  reply.retry_base_ms = std::clamp(retry.sequence("base_ms", 0), kMinRetryMs, kMaxRetryMs);
  // A cap below the base would make the pauses shorter than the shortest.
  reply.retry_cap_ms = std::clamp(retry.sequence("cap_ms", 0), reply.retry_base_ms, kMaxRetryMs);
  BOATHOUSE_TRY(retry.status());
  return reply;
}

}  // namespace boathouse::wire
