// The bytes of a reply's head. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "engine/http/http_request.hpp"

namespace boathouse::engine_http {

struct ReplyHead {
  int status = 200;
  std::string_view content_type = "text/plain; charset=UTF-8";
  std::vector<Field> headers;
  std::optional<std::uint64_t> content_length;  // nothing: the body comes in chunks
  bool keep_alive = true;
};

std::string render_head(const ReplyHead& head);

// Head for an error's text as the body: status and X-ClickHouse-Exception-Code follow from the text.
ReplyHead error_head(const base::Error& error, bool keep_alive);

// The frame of one chunk: its length line, to be followed by the data and "\r\n".
std::string chunk_size_line(std::size_t size);

// What libchdb tells of a statement; names and shape of X-ClickHouse-Summary.
struct Summary {
  std::uint64_t read_rows = 0;  // from tables
  std::uint64_t read_bytes = 0;
  std::uint64_t written_rows = 0;  // also those that a dedup token made the table drop
  std::uint64_t written_bytes = 0;
  std::uint64_t result_rows = 0;
  std::uint64_t result_bytes = 0;  // in memory, not in the reply's format
  std::uint64_t elapsed_ns = 0;
};

std::string to_json(const Summary& summary);

}  // namespace boathouse::engine_http
