#include "server/timeseries/reply.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>

namespace boathouse::timeseries {
namespace {

using base::Error;
using base::ErrorCode;

constexpr std::string_view kCode = "Code: ";
constexpr std::size_t kMaxErrorText = 500;
constexpr std::size_t kMostReserved = std::size_t{64} << 20;  // whatever length a reply claims

// ClickHouse's own numbers (system.errors) that a later try of the same call can mend.
constexpr std::array kTransientCodes = {
    std::pair{159, Remedy::elsewhere},     // TIMEOUT_EXCEEDED
    std::pair{202, Remedy::elsewhere},     // TOO_MANY_SIMULTANEOUS_QUERIES
    std::pair{209, Remedy::another_node},  // SOCKET_TIMEOUT
    std::pair{210, Remedy::another_node},  // NETWORK_ERROR
    std::pair{236, Remedy::another_node},  // ABORTED: it is being stopped
    std::pair{241, Remedy::elsewhere},     // MEMORY_LIMIT_EXCEEDED
    std::pair{242, Remedy::another_node},  // TABLE_IS_READ_ONLY: it has lost its Keeper
    std::pair{243, Remedy::elsewhere},     // NOT_ENOUGH_SPACE
    std::pair{252, Remedy::later},         // TOO_MANY_PARTS: its copies have as many
    std::pair{279, Remedy::another_node},  // ALL_CONNECTION_TRIES_FAILED
    std::pair{285, Remedy::later},         // TOO_FEW_LIVE_REPLICAS
    std::pair{319, Remedy::elsewhere},     // UNKNOWN_STATUS_OF_INSERT: its token says whether it was
    std::pair{394, Remedy::elsewhere},     // QUERY_WAS_CANCELLED: by an operator, or because it is being stopped
    std::pair{516, Remedy::another_node},  // AUTHENTICATION_FAILED: while a password changes others know ours
    std::pair{519, Remedy::later},         // NO_REMOTE_SHARD_AVAILABLE: what asks all replicas needs all
    std::pair{667, Remedy::another_node},  // NOT_INITIALIZED: of a table that is still being started
    std::pair{999, Remedy::another_node},  // KEEPER_EXCEPTION
};

constexpr std::string_view kNarrow = "ask for less at once: a shorter time, fewer sessions, fewer fields";
constexpr std::string_view kReload =
    "a part of a table is damaged and nothing is lost, the ledger has it: stop the server and run `boathouse reload "
    "--data DIR`; on a cluster see \"Restore ClickHouse\" in docs/operations/runbooks.md";
constexpr std::string_view kLikelyReload =
    "most likely a part of a table is damaged, `boathouse doctor --data DIR` says so. Nothing is lost then, the ledger "
    "has it: stop the server and run `boathouse reload --data DIR`; on a cluster see \"Restore ClickHouse\" in "
    "docs/operations/runbooks.md";

// What to do about it. Damage comes under whichever number the reader of a part happened to stumble with.
constexpr std::array kHints = {
    std::pair{32, kReload},   // ATTEMPT_TO_READ_AFTER_EOF
    std::pair{33, kReload},   // CANNOT_READ_ALL_DATA
    std::pair{39, kReload},   // TOO_LARGE_SIZE_COMPRESSED: that of a block, which nobody wrote so
    std::pair{40, kReload},   // CHECKSUM_DOESNT_MATCH
    std::pair{74, kReload},   // CANNOT_READ_FROM_FILE_DESCRIPTOR: the disk's own error
    std::pair{91, kReload},   // SIZES_OF_MARKS_FILES_ARE_INCONSISTENT
    std::pair{107, kReload},  // FILE_DOESNT_EXIST
    std::pair{158, kNarrow},  // TOO_MANY_ROWS
    std::pair{159, kNarrow},  // TIMEOUT_EXCEEDED
    std::pair{202, std::string_view("it has too much to do at the moment: try again")},
    std::pair{226, kReload},  // NO_FILE_IN_DATA_PART
    std::pair{228, kReload},  // BAD_SIZE_OF_FILE_IN_DATA_PART
    std::pair{241, std::string_view("ask for less at once (a shorter time, fewer sessions), or give ClickHouse more "
                                    "memory; what waits to be loaded is tried again")},
    std::pair{243,
              std::string_view("its disk is full: free or grow it. Uploads go on, nothing is lost, and loading goes "
                               "on by itself")},
    std::pair{246, kReload},  // CORRUPTED_DATA
    std::pair{252, std::string_view("it does not keep up with merging; the loader waits and tries again. If it lasts: "
                                    "\"InsertsRejected\" in docs/operations/runbooks.md")},
    std::pair{271, kReload},  // CANNOT_DECOMPRESS
    std::pair{285, std::string_view("a replica is away, and a block must be on each: \"ClickHouseDown\" in "
                                    "docs/operations/runbooks.md")},
    std::pair{307, kNarrow},  // TOO_MANY_BYTES
    std::pair{396, kNarrow},  // TOO_MANY_ROWS_OR_BYTES
    std::pair{432, kReload},  // UNKNOWN_CODEC
    std::pair{497, std::string_view("its user lacks a right: deploy/clickhouse/users.xml has what is needed")},
    std::pair{516, std::string_view("it knows another password, or no such user: \"Secrets\" in "
                                    "docs/operations/runbooks.md says how one is changed")},
    std::pair{519, std::string_view("a replica is away, and a deletion needs all of them: \"ClickHouseDown\" in "
                                    "docs/operations/runbooks.md")},
    std::pair{740, kReload},  // POTENTIALLY_BROKEN_DATA_PART
    // STD_EXCEPTION: whatever a library threw; of all that we saw, a file of a part that is not there.
    std::pair{1001, kLikelyReload},
};

int number_in(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

int code_in(std::string_view text) {
  const std::size_t at = text.find(kCode);
  return at == std::string_view::npos ? 0 : number_in(text.substr(at + kCode.size()));
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
  return text;
}

std::string_view hint_for(int code) {
  const auto hint = std::ranges::find(kHints, code, &std::pair<int, std::string_view>::first);
  return hint == kHints.end() ? std::string_view() : hint->second;
}

Failure failure(long status, int code, std::string_view text) {
  std::string what =
      "ClickHouse answered " + std::to_string(status) + ": " + std::string(trimmed(text.substr(0, kMaxErrorText)));
  if (const std::string_view hint = hint_for(code); !hint.empty()) what += " -> " + std::string(hint);
  const auto known = std::ranges::find(kTransientCodes, code, &std::pair<int, Remedy>::first);
  if (known != kTransientCodes.end()) return {{ErrorCode::unavailable, what}, known->second};
  // A proxy in front of a server that is away says these, and so does a server that is full; a bare 500 is nothing that
  // ClickHouse says of a statement.
  if (status == 502 || status == 503 || status == 504 || (status == 500 && code == 0))
    return {{ErrorCode::unavailable, what}, Remedy::another_node};
  return {{ErrorCode::internal, what}, Remedy::none};
}

Failure not_whole(const std::string& why) {
  return {{ErrorCode::unavailable, "ClickHouse answered half a result: " + why}, Remedy::another_node};
}

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

// {"read_rows":"1", ... "result_rows":"7", ...}
std::optional<std::uint64_t> rows_of_summary(std::string_view json) {
  constexpr std::string_view kName = "\"result_rows\":\"";
  const std::size_t at = json.find(kName);
  if (at == std::string_view::npos) return std::nullopt;
  std::uint64_t rows = 0;
  const std::string_view digits = json.substr(at + kName.size());
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), rows);
  return error == std::errc() ? std::optional(rows) : std::nullopt;
}

}  // namespace

void read_header(Reply& reply, std::string_view line) {
  if (line.starts_with("HTTP/")) {
    reply = {};
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (same_word(name, "Content-Length")) {
    reply.has_framing = true;
    reply.body.reserve(std::min(static_cast<std::size_t>(std::max(number_in(value), 0)), kMostReserved));
  } else if (same_word(name, "Transfer-Encoding") && same_word(value, "chunked")) {
    reply.has_framing = true;
  } else if (same_word(name, "X-ClickHouse-Exception-Code")) {
    reply.exception_code = number_in(value);
  } else if (same_word(name, "X-ClickHouse-Exception-Tag")) {
    reply.exception_tag = value;
  } else if (same_word(name, "X-ClickHouse-Summary")) {
    reply.result_rows = rows_of_summary(value);
  }
}

std::optional<Failure> failure_of(const Reply& reply) {
  if (reply.status != 200 || reply.exception_code != 0) {
    return failure(reply.status, reply.exception_code != 0 ? reply.exception_code : code_in(reply.body), reply.body);
  }
  if (!reply.has_framing) return not_whole("its end is not marked (no length, no chunks)");
  if (!reply.exception_tag.empty()) {
    const std::size_t at = reply.body.find("__exception__\r\n" + reply.exception_tag);
    if (at != std::string::npos) {
      const std::string_view text = std::string_view(reply.body).substr(at);
      Failure late = failure(reply.status, code_in(text), text);
      // Rows went out before it: a try of its own decides, whatever the code.
      late.error.code = ErrorCode::unavailable;
      if (late.remedy == Remedy::none) late.remedy = Remedy::elsewhere;
      return late;
    }
  }
  return std::nullopt;
}

std::optional<Failure> failure_of_question(const Reply& reply) {
  std::optional<Failure> failure = failure_of(reply);
  if (!failure) return failure;
  if (is_damage(failure->error)) failure->remedy = Remedy::whole_copy;
  return failure;
}

std::optional<Failure> wrong_row_count(const Reply& reply, std::uint64_t rows) {
  // 0 can also mean that the server had not counted them yet when it wrote the head.
  if (!reply.result_rows || *reply.result_rows == 0 || *reply.result_rows == rows) return std::nullopt;
  return not_whole(std::to_string(rows) + " rows of " + std::to_string(*reply.result_rows));
}

bool is_overloaded(const base::Error& error) {
  constexpr std::array kCodes = {159, 202, 241, 252};
  return std::ranges::find(kCodes, code_in(error.text)) != kCodes.end();
}

bool is_damage(const base::Error& error) {
  const std::string_view hint = hint_for(code_in(error.text));
  return hint == kReload || hint == kLikelyReload;
}

bool is_too_large_result(const base::Error& error) { return code_in(error.text) == 396; }

bool is_unknown_column(const base::Error& error) {
  constexpr std::array kCodes = {8, 16, 47};
  return std::ranges::find(kCodes, code_in(error.text)) != kCodes.end();
}

bool is_too_much(const base::Error& error) {
  constexpr std::array kCodes = {158, 159, 241, 307, 396};
  return std::ranges::find(kCodes, code_in(error.text)) != kCodes.end();
}

}  // namespace boathouse::timeseries
