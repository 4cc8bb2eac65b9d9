#include "core/wire/changes.hpp"

#include <array>
#include <utility>

#include "core/base/hex.hpp"
#include "core/base/json.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/edit.hpp"
#include "core/wire/facts.hpp"
#include "core/wire/json_fields.hpp"

namespace boathouse::wire {
namespace {

using base::ErrorCode;
using base::JsonValue;
using base::JsonWriter;
using base::Result;

constexpr std::array kKinds{
    std::pair{ChangeKind::birth, std::string_view("birth")}, std::pair{ChangeKind::chunk, std::string_view("chunk")},
    std::pair{ChangeKind::seal, std::string_view("seal")},   std::pair{ChangeKind::edit, std::string_view("edit")},
    std::pair{ChangeKind::gone, std::string_view("gone")},
};

void put_range(JsonWriter& json, const Change& change) {
  if (change.stream) {
    json.key("stream").value(rowing::name(*change.stream));
    json.key("from").value(change.from).key("to").value(change.to);
  }
}

void put_change(JsonWriter& json, const Change& change) {
  json.begin_object();
  json.key("seq").value(change.seq);
  json.key("kind").value(name(change.kind));
  json.key("rec_id").value(change.rec_id.text());
  if (change.kind != ChangeKind::gone) {
    json.key("sha256").value(base::to_hex(change.sha256));
  }
  switch (change.kind) {
    case ChangeKind::birth:
      json.key("json").value(change.json);
      break;
    case ChangeKind::chunk:
      put_range(json, change);
      json.key("version").value(change.version).key("bytes").value(change.bytes);
      break;
    case ChangeKind::seal:
      json.key("revision").value(change.revision).key("json").value(change.json);
      break;
    case ChangeKind::edit:
      json.key("op_id").value(change.op_id.text()).key("json").value(change.json);
      if (change.effective) {
        put_stamp(json.key("effective"), *change.effective);
      }
      break;
    case ChangeKind::gone:
      put_range(json, change);
      break;
  }
  json.end_object();
}

void read_range(JsonFields& fields, Change& change) {
  change.from = fields.count("from");
  change.to = fields.count("to");
  if (change.from >= change.to) {
    fields.fail(ErrorCode::invalid_input, "to", "must be greater than \"from\"");
  }
}

// The bytes go into the store as they are, so they must be those that the hash names.
void read_json(JsonFields& fields, Change& change, std::size_t max_bytes) {
  const JsonValue* value = fields.find("json", true);
  if (value == nullptr || value->text() == nullptr) {
    return fields.fail(ErrorCode::invalid_input, "json", "must be text");
  }
  if (value->text()->size() > max_bytes) {
    return fields.fail(ErrorCode::too_large, "json", "has more than " + std::to_string(max_bytes) + " bytes");
  }
  change.json = *value->text();
  if (base::sha256(base::as_bytes(change.json)) != change.sha256) {
    fields.fail(ErrorCode::invalid_input, "json", "has another hash than \"sha256\"");
  }
}

Result<Change> change_of(const JsonValue& value, std::string place, std::int64_t before) {
  JsonFields fields(value, std::move(place));
  Change change;
  change.seq = fields.sequence("seq", 1);
  BOATHOUSE_TRY(fields.status());
  if (change.seq <= before) {
    fields.fail(ErrorCode::invalid_input, "seq", "must be greater than " + std::to_string(before));
  }
  change.kind = fields.one_of("kind", kKinds);
  change.rec_id = fields.uuid("rec_id");
  if (change.kind != ChangeKind::gone) {
    change.sha256 = fields.digest("sha256", true).value_or(base::Digest{});
  }
  BOATHOUSE_TRY(fields.status());
  switch (change.kind) {
    case ChangeKind::birth:
      read_json(fields, change, kMaxFactsBytes);
      break;
    case ChangeKind::chunk:
      change.stream = fields.stream("stream", true);
      read_range(fields, change);
      if (change.to - change.from > kMaxChunkRecords) {
        fields.fail(ErrorCode::invalid_input, "to",
                    "ends a chunk of more than " + std::to_string(kMaxChunkRecords) + " records");
      }
      change.version = fields.u32("version", 1);
      change.bytes = static_cast<std::uint64_t>(
          fields.integer("bytes", 1, static_cast<std::int64_t>(kMaxChunkBody), true).value_or(1));
      break;
    case ChangeKind::seal:
      change.revision = fields.u32("revision", 1);
      read_json(fields, change, kMaxFactsBytes);
      break;
    case ChangeKind::edit:
      change.op_id = fields.uuid("op_id");
      read_json(fields, change, kMaxEditBytes);
      change.effective = fields.stamp("effective", false);
      break;
    case ChangeKind::gone:
      change.stream = fields.stream("stream", false);
      if (change.stream) {
        read_range(fields, change);
      }
      break;
  }
  BOATHOUSE_TRY(fields.status());
  return change;
}

}  // namespace

std::string_view name(ChangeKind kind) { return name_in(kKinds, kind); }

std::string encode_changes(const ChangesReply& reply) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  put_envelope(json, reply.epoch, reply.replica_id);
  json.key("since").value(reply.since);
  json.key("changes").begin_array();
  for (const Change& change : reply.changes) {
    put_change(json, change);
  }
  json.end_array();
  json.key("next").value(reply.next).key("more").value(reply.more);
  json.end_object();
  return out;
}

Result<ChangesReply> decode_changes(std::string_view text, std::int64_t since) {
  const auto parsed = parse_object(text, kMaxReplyBytes, "changes");
  if (!parsed.ok()) {
    return parsed.error();
  }
  JsonFields fields(*parsed, "changes");
  ChangesReply reply;
  fields.envelope(reply.epoch, reply.replica_id);
  reply.since = fields.sequence("since", 0);
  const JsonValue::Array& entries = fields.array("changes", kMaxChanges);
  reply.next = fields.sequence("next", 0);
  reply.more = fields.boolean("more");
  if (reply.since != since) {
    fields.fail(ErrorCode::invalid_input, "since",
                "is " + std::to_string(reply.since) + ", asked was " + std::to_string(since));
  }
  BOATHOUSE_TRY(fields.status());
  std::int64_t last = since;
  for (const JsonValue& entry : entries) {
    auto change = change_of(entry, "changes, entry " + std::to_string(reply.changes.size()), last);
    if (!change.ok()) {
      return change.error();
    }
    last = change->seq;
    reply.changes.push_back(std::move(*change));
  }
  // A cursor that goes back, or asks for more where it stands, would have the device ask for ever.
  if (reply.next < last) {
    fields.fail(ErrorCode::invalid_input, "next", "must be at least " + std::to_string(last));
  }
  if (reply.more && reply.next == since) {
    fields.fail(ErrorCode::invalid_input, "more", "is true, but \"next\" goes on from nowhere");
  }
  BOATHOUSE_TRY(fields.status());
  return reply;
}

}  // namespace boathouse::wire
