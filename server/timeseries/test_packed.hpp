// For tests that play ClickHouse: session rows as its column `packed` gives them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/rowing/record.hpp"
#include "server/timeseries/native.hpp"

namespace boathouse::timeseries {

// Of what table `session` has: all in RowBinary, in the block's order.
inline NativeBlock packed_sessions(const NativeBlock& sessions) {
  NativeBlock packed{sessions.rows, {{"packed", "String", {}, {}, {}, {}, {}}}};
  for (std::size_t row = 0; row < sessions.rows; ++row) {
    base::ByteWriter out;
    const auto integer = [&out](std::string_view type, std::int64_t value) {
      const std::size_t bytes = type.find("Int8") != type.npos    ? 1
                                : type.find("Int16") != type.npos ? 2
                                : type.find("Int32") != type.npos ? 4
                                                                  : 8;
      for (std::size_t i = 0; i < bytes; ++i) out.u8(static_cast<std::uint8_t>(value >> (8 * i)));
    };
    const auto text = [&out](const std::string& value) {
      out.varint(value.size());
      out.bytes(base::as_bytes(value));
    };
    const auto uuid = [&out](const base::Uuid& value) {
      for (const std::size_t half : {std::size_t{0}, std::size_t{8}}) {
        for (std::size_t i = 0; i < 8; ++i) out.u8(value.bytes[half + 7 - i]);
      }
    };
    const auto all = [&out](const auto& values, const auto& write) {
      out.varint(values.size());
      for (const auto& value : values) write(value);
    };
    for (const NativeColumn& column : sessions.columns) {
      if (!column.integers.empty()) {
        const std::int64_t value = column.integers[row];
        if (column.type.starts_with("Nullable(")) out.u8(value == rowing::kNull ? 1 : 0);
        if (!column.type.starts_with("Nullable(") || value != rowing::kNull) integer(column.type, value);
      } else if (!column.texts.empty()) {
        text(column.texts[row]);
      } else if (!column.uuids.empty()) {
        uuid(column.uuids[row]);
      } else if (!column.text_arrays.empty()) {
        all(column.text_arrays[row], text);
      } else if (!column.uuid_arrays.empty()) {
        all(column.uuid_arrays[row], uuid);
      } else {
        all(column.arrays[row], [&](std::int64_t value) { integer(column.type, value); });
      }
    }
    packed.columns[0].texts.emplace_back(base::as_text(out.view()));
  }
  return packed;
}

}  // namespace boathouse::timeseries
