// Looks at one SQL text as far as the HTTP interface must: is it an INSERT whose rows come in the body, and in which
// format. Rows never travel inside the SQL text here: libchdb ends inline data at a blank line and runs what follows as
// SQL, so a text with inline data is refused, and so is a second statement. This reads words, quotes and comments as
// ClickHouse's lexer does, not the grammar; the engine's own parser gives a second opinion on the number of statements
// (chdb_classify_query_n) before anything runs. Errors: code 62, 48 for files. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace boathouse::engine_http {

struct Statement {
  bool takes_data = false;  // INSERT INTO t [...] FORMAT x, VALUES, or an INSERT with neither: rows are the body
  bool is_select = false;   // begins with SELECT or WITH: its result may be streamed
  // What to run: the whole text, or with takes_data what stands before FORMAT or VALUES.
  std::string sql;
  // The name in the FORMAT clause ("Values" for VALUES), empty if there is none. For a statement that takes no data it
  // is a guess good for a header: `ORDER BY format DESC` counts as one.
  std::string format;
};

base::Result<Statement> read_statement(std::string_view sql);

}  // namespace boathouse::engine_http
