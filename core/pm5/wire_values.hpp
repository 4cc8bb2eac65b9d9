// The wire values that a monitor has for one stream, set by column name: what the simulated PM5 encodes and what its
// truth is made of. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/pm5/notification.hpp"
#include "core/rowing/record.hpp"

namespace boathouse::pm5 {

class WireValues {
 public:
  explicit WireValues(rowing::Stream stream);

  // A value that does not fit its field stays at the field's largest, as on the monitor. The column must exist.
  WireValues& set(std::string_view column, std::int64_t value);
  WireValues& set_null(std::string_view column);

  // As encode() takes them.
  [[nodiscard]] const std::vector<std::int64_t>& values() const { return values_; }
  // As a perfect recorder has them: by the null rules, without what the form does not carry.
  [[nodiscard]] rowing::Record record(Form form) const;

 private:
  rowing::Stream stream_;
  std::vector<std::int64_t> values_;
};

}  // namespace boathouse::pm5
