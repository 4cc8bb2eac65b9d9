// The function behind `boathouse pm5 decode`: one line of captured notifications in, one line of JSON out. Pure, safe
// from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace boathouse::pm5 {

struct DecodedLine {
  std::string json;       // without a line feed
  bool is_error = false;  // the line was {"line", "error"}
};

// `line` as for parse_notification_line(); `number` is its line number, from 1. Out comes one of
//   {"line", "char", "form", "fields", "values", "tail"}
//   {"line", "error"}      refused, with the reason
//   {"line", "skipped"}    blank, meta and foreign lines, with the reason
// char: 0x00xx, inside 0x0080 that of the id byte. form: "direct" or "mux". fields: wire integers or null by
// catalogue column, of the fields that the characteristic has in this form. values: the same as shown at the edge
// (rowing/edge.hpp), decimals exact; null where a short packet or the null rule gives none. tail: hex of appended
// bytes. 0x003D has packets, points_here, sequence and force_lbf (a list) in both.
DecodedLine decode_line(std::uint64_t number, std::string_view line);

}  // namespace boathouse::pm5
