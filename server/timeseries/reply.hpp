// What came back over ClickHouse's HTTP interface: whether it is whole, what it says is wrong, and who could mend that.
// Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace boathouse::timeseries {

struct Reply {
  long status = 0;
  bool has_framing = false;  // a length or chunks: only then does the connection's end tell a cut body from a whole one
  int exception_code = 0;    // X-ClickHouse-Exception-Code; 0 = none
  std::string exception_tag{};                 // X-ClickHouse-Exception-Tag: what marks an error behind the first rows
  std::optional<std::uint64_t> result_rows{};  // of X-ClickHouse-Summary
  std::string body{};
};

// One line of the head, with or without its CR LF. A status line begins a new reply's head.
void read_header(Reply& reply, std::string_view line);

// What mends a failure.
enum class Remedy {
  another_node,  // this one is not well: let it rest
  elsewhere,     // the call may go through on another node, or later here
  whole_copy,    // what it has on disk is damaged: another node may have it whole
  later,         // no node has it better: wait
  none,          // the same call fails again
};

struct Failure {
  base::Error error;  // unavailable unless the remedy is none
  Remedy remedy = Remedy::none;
};

// Nothing of a whole reply that tells of no error.
std::optional<Failure> failure_of(const Reply& reply);
// The same of a question. Only there do numbers of damage mean the node's own bytes: of an insert they mean what was
// sent.
std::optional<Failure> failure_of_question(const Reply& reply);

// Nothing when the reply's head tells the same number of rows, or none.
std::optional<Failure> wrong_row_count(const Reply& reply, std::uint64_t rows);

// ClickHouse has more than it can digest (too many parts, no memory, too many queries, out of time): fewer and larger
// inserts help.
bool is_overloaded(const base::Error& error);

// What it has on disk of what was asked for is damaged; of other rows it may have an answer.
bool is_damage(const base::Error& error);

// Its result has more bytes than the question allowed.
bool is_too_large_result(const base::Error& error);

// A table has not a column that the question names: an older program made it.
bool is_unknown_column(const base::Error& error);

// One question was more than its limits of rows, bytes, memory or time: asking for less helps, and others may be
// answered.
bool is_too_much(const base::Error& error);

}  // namespace boathouse::timeseries
