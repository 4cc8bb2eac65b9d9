// One session as one CSV file with every metric: a row per record of every stream, told apart by the first column
// `stream`; columns are all edge fields of the catalogue (a name that several streams share is one column). With one
// stream chosen: its columns alone.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/rowing/stream.hpp"
#include "server/query/sessions.hpp"

namespace boathouse::exports {

struct CsvOptions {
  std::optional<rowing::Stream> stream;  // nullopt = all that have a table
  bool superseded = false;               // also split and summary records that a later one replaced
};

// Column names in file order.
std::vector<std::string> csv_header(const std::optional<rowing::Stream>& stream);

// Reads the session in pages while it is taken: memory does not grow with the session. One thread at a time.
class SessionCsv {
 public:
  // `client` must outlive the object.
  SessionCsv(timeseries::ClickHouseClient& client, query::RecordKeys keys, CsvOptions options);
  ~SessionCsv();
  SessionCsv(SessionCsv&&) noexcept;
  SessionCsv& operator=(SessionCsv&&) noexcept;

  // Appends the next piece; false when that was all.
  base::Result<bool> next(std::string& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace boathouse::exports
