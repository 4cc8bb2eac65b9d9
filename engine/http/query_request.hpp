// What one HTTP request asks of the engine, in ClickHouse's own names: the URL parameters `query`, `database`,
// `default_format`, `query_id`, `user`, `password`, `wait_end_of_query`, `param_x`, and every other one a setting; the
// headers X-ClickHouse-User, -Key, -Database, -Format and Authorization: Basic. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "engine/http/http_request.hpp"

namespace boathouse::engine_http {

struct QueryRequest {
  std::optional<std::string> query;  // of the URL; without it the body is the SQL text
  std::string database;              // empty: the default one
  std::string format;                // where the SQL text names none: default_format, X-ClickHouse-Format; may be empty
  std::string query_id;              // empty: the caller makes one
  bool wait_end_of_query = false;
  std::vector<Field> parameters;  // of {name:Type}, without the prefix param_; values in TSV escaping
  std::vector<Field> settings;    // names checked: [a-z0-9_]+
};

// Code 408 for a setting's name or a query_id that cannot be one, 73 for a format's name.
base::Result<QueryRequest> read_query_request(const HttpRequest& request);

// Done where `password` (not empty) came with the request, for the user `default` or without a name; otherwise why
// not, code 516. Of several ways the first counts: X-ClickHouse-Key, Authorization, URL. Takes the same time for every
// wrong password of the right length.
base::Status check_password(const HttpRequest& request, std::string_view password);

// A client that takes compressed results gets them, unless it says enable_http_compression=0: ClickHouse's default is 1
// since 25.10.
bool may_be_compressed(const QueryRequest& request);

// "SET a = '1', b = 'x'"; nothing to set = empty text. Values are quoted.
std::string set_statement(const std::vector<Field>& settings);

// For a place where a name stands: `a\`b`.
std::string quote_identifier(std::string_view name);

// The Content-Type of a result in one of ClickHouse's formats.
std::string_view content_type(std::string_view format);

// A result in this format may be sent block by block: the blocks' texts, one behind the other, are the whole. (libchdb
// makes of each block a document of its own, so formats with a head, a foot or totals need the whole result.)
bool is_streamable(std::string_view format);

}  // namespace boathouse::engine_http
