// For this folder's tests alone: notifications from column names, and what a recorder makes of a stream of them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/pm5/notification.hpp"
#include "core/pm5/wire_values.hpp"
#include "core/rowing/record.hpp"

namespace boathouse::pm5 {

using ColumnValues = std::initializer_list<std::pair<std::string_view, std::int64_t>>;

// The payload of a characteristic with these columns; the others are null (0 or all ones on the wire).
inline base::Bytes payload_of(std::uint8_t characteristic, ColumnValues columns, Form form = Form::direct) {
  WireValues values(rowing::find_characteristic(characteristic)->stream);
  for (const auto& [column, value] : columns) values.set(column, value);
  return encode(characteristic, form, values.values()).value();
}

// Decodes what must be good. `payload` must outlive the answer (its tail is a view).
inline Notification decoded(std::uint16_t characteristic, base::ByteView payload) {
  Notification notification;
  const DecodeStatus status = decode(characteristic, payload, notification);
  if (status != DecodeStatus::ok)
    throw std::runtime_error("a test's notification is refused: " + std::string(name(status)));
  return notification;
}

// The value of a record's column.
inline std::int64_t at(const rowing::Record& record, std::string_view column) {
  return record.values[rowing::column_index(record.stream, column)];
}

inline std::vector<rowing::Record> of_stream(const std::vector<rowing::Record>& records, rowing::Stream stream) {
  std::vector<rowing::Record> result;
  for (const rowing::Record& record : records) {
    if (record.stream == stream) result.push_back(record);
  }
  return result;
}

}  // namespace boathouse::pm5
