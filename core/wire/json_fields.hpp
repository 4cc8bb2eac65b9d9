// Reads the members of the protocol's JSON: bounded, and with errors that name the place. Internal to core/wire.
// Thread rule: a reader belongs to one thread at a time; the functions are pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/json.hpp"
#include "core/base/result.hpp"
#include "core/base/sha256.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/edit.hpp"
#include "core/rowing/stream.hpp"
#include "core/wire/batch.hpp"

namespace boathouse::wire {

inline constexpr std::size_t kMaxEpoch = 255;  // code points

// A JSON object; arrays and objects at most eight deep.
base::Result<base::JsonValue> parse_object(std::string_view json, std::size_t max_bytes, std::string_view place);

// nullopt unless [from, to) pairs up to kMaxSequence, ascending, with room between.
std::optional<std::vector<Range>> ranges_of(const base::JsonValue& value);
inline constexpr std::string_view kWrongRanges = "must be ascending pairs [from, to)";

void put_ranges(base::JsonWriter& json, const std::vector<Range>& ranges);
void put_stamp(base::JsonWriter& json, const rowing::Stamp& stamp);

// What every reply begins with.
void put_envelope(base::JsonWriter& json, const std::string& epoch, const base::Uuid& replica_id);

// The word of `value` in a table of (value, word).
template <typename Table, typename T>
std::string_view name_in(const Table& table, T value) {
  for (const auto& [number, name] : table) {
    if (number == value) {
      return name;
    }
  }
  return "unknown";
}

// Reads the members of one object; the first thing that is wrong stays in status(), and what is read after it is of no
// meaning. A member that is null is absent.
class JsonFields {
 public:
  // `object` must outlive the reader; `place` stands before each error.
  JsonFields(const base::JsonValue& object, std::string place) : object_(object), place_(std::move(place)) {}

  [[nodiscard]] const base::Status& status() const { return status_; }
  void fail(base::ErrorCode code, std::string_view key, std::string_view problem);
  // An error that names its place itself.
  void fail(base::Error error);

  const base::JsonValue* find(std::string_view key, bool required = false);
  // At most `max` code points; "" if it is absent and not required. A required text is not empty.
  std::string text(std::string_view key, std::size_t max, bool required = false);
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t min, std::int64_t max, bool required);
  // Required, to kMaxSequence: a number that JSON holds exactly.
  std::int64_t sequence(std::string_view key, std::int64_t min);
  std::uint64_t count(std::string_view key, std::uint64_t min = 0);
  // Required, 32 bits.
  std::uint32_t u32(std::string_view key, std::uint32_t min);
  bool boolean(std::string_view key);
  base::Uuid uuid(std::string_view key);
  std::optional<base::Digest> digest(std::string_view key, bool required);
  std::optional<rowing::Stamp> stamp(std::string_view key, bool required);
  std::optional<rowing::Stream> stream(std::string_view key, bool required);
  std::vector<Range> ranges(std::string_view key);
  // Required; too_large if it has more than `max` entries.
  const base::JsonValue::Array& array(std::string_view key, std::size_t max);
  // Required, an object.
  const base::JsonValue& object(std::string_view key);

  // Required: an object whose keys are names of streams. take(stream, value, place) reads each, up to the first error.
  template <typename Take>
  void streams(std::string_view key, Take take) {
    for (const auto& [stream_name, value] : *object(key).object()) {
      if (const auto stream = known_stream(stream_name); stream && status_.ok()) {
        status_ = take(*stream, value, place_ + ", stream " + stream_name);
      }
    }
  }

  template <typename Table>
  auto one_of(std::string_view key, const Table& table) {
    const base::JsonValue* value = find(key, true);
    const std::string* text = value != nullptr ? value->text() : nullptr;
    for (const auto& [number, name] : table) {
      if (text != nullptr && *text == name) {
        return number;
      }
    }
    fail(text != nullptr ? base::ErrorCode::unsupported : base::ErrorCode::invalid_input, key,
         "has no name that is known here");
    return table.front().first;
  }

  // put_envelope's members: a protocol that is known, an epoch, whom it is for.
  void envelope(std::string& epoch, base::Uuid& replica_id);
  // The array of answers, exactly one for each thing asked.
  const base::JsonValue::Array& results(std::size_t expected, std::string_view asked_for);

 private:
  std::optional<rowing::Stream> known_stream(const std::string& stream_name);

  const base::JsonValue& object_;
  std::string place_;
  base::Status status_;
};

// A reply that answers each thing asked, in order: answer_of(value, place, asked) reads one.
template <typename Reply, typename Read>
base::Result<Reply> read_answers(std::string_view text, std::size_t max_bytes, const std::string& place,
                                 const std::vector<base::Uuid>& asked, Read answer_of) {
  const auto parsed = parse_object(text, max_bytes, place);
  if (!parsed.ok()) {
    return parsed.error();
  }
  JsonFields fields(*parsed, place);
  Reply reply;
  fields.envelope(reply.epoch, reply.replica_id);
  const base::JsonValue::Array& results = fields.results(asked.size(), "recordings");
  BOATHOUSE_TRY(fields.status());
  for (const base::JsonValue& value : results) {
    const std::size_t index = reply.results.size();
    auto answer = answer_of(value, place + ", result " + std::to_string(index), asked[index]);
    if (!answer.ok()) {
      return answer.error();
    }
    reply.results.push_back(std::move(*answer));
  }
  return reply;
}

}  // namespace boathouse::wire
