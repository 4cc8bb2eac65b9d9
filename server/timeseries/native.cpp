#include "server/timeseries/native.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>

#include "core/rowing/record.hpp"

namespace boathouse::timeseries {
namespace {

using base::ByteReader;
using base::ByteView;
using base::ByteWriter;
using base::Error;
using base::ErrorCode;
using rowing::kNull;

enum class Kind : std::uint8_t { integer, text, uuid, float64 };

struct Type {
  Kind kind = Kind::integer;  // in an array: of its elements
  bool nullable = false;
  unsigned width = 0;  // bytes of an integer
  bool is_signed = false;
  bool is_array = false;
};

std::optional<std::string_view> inside(std::string_view type, std::string_view wrapper) {
  if (!type.starts_with(wrapper) || !type.ends_with(')')) return std::nullopt;
  return type.substr(wrapper.size(), type.size() - wrapper.size() - 1);
}

std::optional<Type> parse_type(std::string_view text) {
  if (const auto inner = inside(text, "Nullable(")) {
    auto type = parse_type(*inner);
    if (!type || type->nullable || type->is_array) return std::nullopt;
    type->nullable = true;
    return type;
  }
  if (const auto inner = inside(text, "Array(")) {
    auto type = parse_type(*inner);
    if (!type || type->kind == Kind::float64 || type->nullable || type->is_array) return std::nullopt;
    type->is_array = true;
    return type;
  }
  if (text == "String") return Type{Kind::text};
  if (text == "UUID") return Type{Kind::uuid};
  if (text == "Float64") return Type{Kind::float64, false, 8, true};
  if (text.starts_with("DateTime64(")) return Type{Kind::integer, false, 8, true};
  if (text == "DateTime" || text.starts_with("DateTime(")) return Type{Kind::integer, false, 4, false};
  static constexpr std::array<std::pair<std::string_view, Type>, 9> kIntegers{{
      {"UInt8", {Kind::integer, false, 1, false}},
      {"UInt16", {Kind::integer, false, 2, false}},
      {"UInt32", {Kind::integer, false, 4, false}},
      {"UInt64", {Kind::integer, false, 8, false}},
      {"Int8", {Kind::integer, false, 1, true}},
      {"Int16", {Kind::integer, false, 2, true}},
      {"Int32", {Kind::integer, false, 4, true}},
      {"Int64", {Kind::integer, false, 8, true}},
      {"Bool", {Kind::integer, false, 1, false}},
  }};
  for (const auto& [name, type] : kIntegers) {
    if (name == text) return type;
  }
  return std::nullopt;
}

void write_text(ByteWriter& out, std::string_view text) {
  out.varint(text.size());
  out.bytes(base::as_bytes(text));
}

void write_integer(ByteWriter& out, const Type& type, std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  switch (type.width) {
    case 1:
      out.u8(static_cast<std::uint8_t>(bits));
      break;
    case 2:
      out.u16(static_cast<std::uint16_t>(bits));
      break;
    case 4:
      out.u32(static_cast<std::uint32_t>(bits));
      break;
    default:
      out.u64(bits);
      break;
  }
}

std::int64_t read_integer(ByteReader& in, const Type& type) {
  switch (type.width) {
    case 1:
      return type.is_signed ? static_cast<std::int8_t>(in.u8()) : std::int64_t{in.u8()};
    case 2:
      return type.is_signed ? static_cast<std::int16_t>(in.u16()) : std::int64_t{in.u16()};
    case 4:
      return type.is_signed ? static_cast<std::int32_t>(in.u32()) : std::int64_t{in.u32()};
    default:
      return static_cast<std::int64_t>(in.u64());
  }
}

// ClickHouse keeps a UUID as two 64-bit halves, each little-endian, the first half of the text first.
void write_uuid(ByteWriter& out, const base::Uuid& uuid) {
  for (const std::size_t half : {std::size_t{0}, std::size_t{8}}) {
    for (std::size_t i = 0; i < 8; ++i) out.u8(uuid.bytes[half + 7 - i]);
  }
}

base::Uuid read_uuid(ByteReader& in) {
  base::Uuid uuid;
  for (const std::size_t half : {std::size_t{0}, std::size_t{8}}) {
    for (std::size_t i = 0; i < 8; ++i) uuid.bytes[half + 7 - i] = in.u8();
  }
  return uuid;
}

// `value` of each row as little-endian bytes, many rows at once: a block of the loader has tens of millions of values.
template <std::size_t kWidth, typename Value>
void write_values(ByteWriter& out, std::size_t rows, Value value) {
  constexpr std::size_t kRowsAtOnce = 1024;
  std::array<std::uint8_t, kRowsAtOnce * kWidth> raw;
  for (std::size_t begin = 0; begin < rows; begin += kRowsAtOnce) {
    const std::size_t count = std::min(kRowsAtOnce, rows - begin);
    for (std::size_t i = 0; i < count; ++i) {
      const auto bits = static_cast<std::uint64_t>(value(begin + i));
      for (std::size_t byte = 0; byte < kWidth; ++byte) {
        raw[i * kWidth + byte] = static_cast<std::uint8_t>(bits >> (8 * byte));
      }
    }
    out.bytes(base::ByteView(raw).first(count * kWidth));
  }
}

void write_integers(ByteWriter& out, const NativeColumn& column, const Type& type, std::size_t rows) {
  const auto value = [&column, nullable = type.nullable](std::size_t row) {
    return nullable && column.integers[row] == kNull ? 0 : column.integers[row];
  };
  switch (type.width) {
    case 1:
      return write_values<1>(out, rows, value);
    case 2:
      return write_values<2>(out, rows, value);
    case 4:
      return write_values<4>(out, rows, value);
    default:
      return write_values<8>(out, rows, value);
  }
}

// Where each row's elements end, then all of them.
template <typename Element, typename Write>
void write_elements(ByteWriter& out, const std::vector<std::vector<Element>>& arrays, std::size_t rows, Write write) {
  std::uint64_t end = 0;
  for (std::size_t row = 0; row < rows; ++row) out.u64(end += arrays[row].size());
  for (std::size_t row = 0; row < rows; ++row) {
    for (const Element& element : arrays[row]) write(element);
  }
}

void write_arrays(ByteWriter& out, const NativeColumn& column, const Type& type, std::size_t rows) {
  if (type.kind == Kind::text) {
    write_elements(out, column.text_arrays, rows, [&out](const std::string& text) { write_text(out, text); });
  } else if (type.kind == Kind::uuid) {
    write_elements(out, column.uuid_arrays, rows, [&out](const base::Uuid& uuid) { write_uuid(out, uuid); });
  } else {
    write_elements(out, column.arrays, rows, [&](std::int64_t value) { write_integer(out, type, value); });
  }
}

void write_column(ByteWriter& out, const NativeColumn& column, std::size_t rows) {
  const Type type = parse_type(column.type).value();
  write_text(out, column.name);
  write_text(out, column.type);
  if (type.nullable) {
    write_values<1>(out, rows, [&column](std::size_t row) { return column.integers[row] == kNull ? 1 : 0; });
  }
  if (type.is_array) return write_arrays(out, column, type, rows);
  switch (type.kind) {
    case Kind::integer:
      write_integers(out, column, type, rows);
      break;
    case Kind::text:
      for (std::size_t row = 0; row < rows; ++row) write_text(out, column.texts[row]);
      break;
    case Kind::uuid:
      for (std::size_t row = 0; row < rows; ++row) write_uuid(out, column.uuids[row]);
      break;
    case Kind::float64:
      for (std::size_t row = 0; row < rows; ++row) out.u64(std::bit_cast<std::uint64_t>(column.doubles[row]));
      break;
  }
}

std::string read_text(ByteReader& in) { return std::string(base::as_text(in.bytes(in.varint()))); }

// No element is shorter than a byte.
template <typename Element, typename Read>
base::Status read_elements(ByteReader& in, std::vector<std::vector<Element>>& arrays, std::size_t rows, Read read) {
  std::vector<std::uint64_t> ends(rows);
  for (auto& end : ends) end = in.u64();
  std::uint64_t begin = 0;
  for (const std::uint64_t end : ends) {
    if (!in.ok() || end < begin || end - begin > in.remaining()) return Error{ErrorCode::corrupt, "bad array"};
    std::vector<Element> values;
    for (; begin < end && in.ok(); ++begin) values.push_back(read());
    arrays.push_back(std::move(values));
  }
  if (!in.ok()) return Error{ErrorCode::corrupt, "a column of the reply is cut short"};
  return base::Done{};
}

base::Status read_arrays(ByteReader& in, NativeColumn& column, const Type& type, std::size_t rows) {
  if (type.kind == Kind::text) return read_elements(in, column.text_arrays, rows, [&in] { return read_text(in); });
  if (type.kind == Kind::uuid) return read_elements(in, column.uuid_arrays, rows, [&in] { return read_uuid(in); });
  return read_elements(in, column.arrays, rows, [&] { return read_integer(in, type); });
}

// Where one block's values of a column of one width lie in the reply. `marks`: of Nullable, one a row.
struct Piece {
  ByteView marks;
  ByteView values;
  std::size_t rows = 0;
};

// Of all blocks at once: a vector that grew with each would be copied again and again.
template <typename Value, typename Wide>
void read_pieces(const std::vector<Piece>& pieces, Wide null, std::vector<Wide>& out, std::size_t rows) {
  out.resize(rows);
  Wide* to = out.data();
  for (const Piece& piece : pieces) {
    for (std::size_t row = 0; row < piece.rows; ++row) {
      Value value;
      std::memcpy(&value, &piece.values[row * sizeof value], sizeof value);
      *to++ = !piece.marks.empty() && piece.marks[row] != 0 ? null : static_cast<Wide>(value);
    }
  }
}

void read_pieces(const std::vector<Piece>& pieces, const Type& type, NativeColumn& column, std::size_t rows) {
  if (type.kind == Kind::float64) {
    return read_pieces<double>(pieces, std::numeric_limits<double>::quiet_NaN(), column.doubles, rows);
  }
  auto& out = column.integers;
  switch (type.width) {
    case 1:
      return type.is_signed ? read_pieces<std::int8_t>(pieces, kNull, out, rows)
                            : read_pieces<std::uint8_t>(pieces, kNull, out, rows);
    case 2:
      return type.is_signed ? read_pieces<std::int16_t>(pieces, kNull, out, rows)
                            : read_pieces<std::uint16_t>(pieces, kNull, out, rows);
    case 4:
      return type.is_signed ? read_pieces<std::int32_t>(pieces, kNull, out, rows)
                            : read_pieces<std::uint32_t>(pieces, kNull, out, rows);
    default:
      return read_pieces<std::int64_t>(pieces, kNull, out, rows);
  }
}

// A column while the reply is read: what has one width is only found, the rest is read at once.
struct ColumnReader {
  Type type{};
  NativeColumn column{};
  std::vector<Piece> pieces{};

  base::Status read(ByteReader& in, std::size_t rows) {
    const ByteView marks = type.nullable ? in.bytes(rows) : ByteView();
    if (type.is_array) return read_arrays(in, column, type, rows);
    switch (type.kind) {
      case Kind::text:
        for (std::size_t row = 0; row < rows && in.ok(); ++row) column.texts.push_back(read_text(in));
        break;
      case Kind::uuid:
        for (std::size_t row = 0; row < rows && in.ok(); ++row) column.uuids.push_back(read_uuid(in));
        break;
      case Kind::integer:
      case Kind::float64:
        pieces.push_back({marks, in.bytes(rows * type.width), rows});
        break;
    }
    if (!in.ok()) return Error{ErrorCode::corrupt, "a column of the reply is cut short"};
    return base::Done{};
  }
};

// No element is shorter than a byte.
template <typename Element, typename Read>
void read_elements_of_row(ByteReader& in, std::vector<std::vector<Element>>& arrays, Read read) {
  std::vector<Element>& values = arrays.emplace_back();
  const std::uint64_t count = in.varint();
  values.reserve(std::min<std::uint64_t>(count, in.remaining()));
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) values.push_back(read());
}

void read_value_of_row(ByteReader& in, const Type& type, NativeColumn& column) {
  if (type.is_array && type.kind == Kind::text) {
    read_elements_of_row(in, column.text_arrays, [&in] { return read_text(in); });
  } else if (type.is_array && type.kind == Kind::uuid) {
    read_elements_of_row(in, column.uuid_arrays, [&in] { return read_uuid(in); });
  } else if (type.is_array) {
    read_elements_of_row(in, column.arrays, [&] { return read_integer(in, type); });
  } else if (type.kind == Kind::text) {
    column.texts.push_back(read_text(in));
  } else if (type.kind == Kind::uuid) {
    column.uuids.push_back(read_uuid(in));
  } else {
    const bool is_null = type.nullable && in.u8() != 0;
    column.integers.push_back(is_null ? kNull : read_integer(in, type));
  }
}

}  // namespace

const NativeColumn* NativeBlock::find(std::string_view name) const {
  const auto found = std::ranges::find(columns, name, &NativeColumn::name);
  return found == columns.end() ? nullptr : &*found;
}

std::int64_t NativeBlock::integer(std::string_view name, std::size_t row) const { return find(name)->integers.at(row); }

void write_native(ByteWriter& out, const NativeBlock& block) {
  std::size_t a_row = 0;  // of what has one length; texts and arrays add to it
  std::size_t names = 0;
  for (const NativeColumn& column : block.columns) {
    const Type type = parse_type(column.type).value();
    a_row += (type.kind == Kind::uuid ? sizeof(base::Uuid) : std::max(type.width, 1U)) + (type.nullable ? 1 : 0);
    names += column.name.size() + column.type.size() + 4;
  }
  out.reserve(out.size() + a_row * block.rows + names + 20);
  out.varint(block.columns.size());
  out.varint(block.rows);
  for (const NativeColumn& column : block.columns) write_column(out, column, block.rows);
}

base::Result<NativeBlock> read_native(base::ByteView reply) {
  ByteReader in(reply);
  NativeBlock all;
  std::vector<ColumnReader> columns;
  bool first = true;
  while (!in.at_end()) {
    const std::uint64_t column_count = in.varint();
    const std::uint64_t rows = in.varint();
    if (!in.ok() || column_count > 1000 || rows > reply.size()) return Error{ErrorCode::corrupt, "not a Native block"};
    if (!first && column_count != columns.size()) return Error{ErrorCode::corrupt, "blocks of different shape"};
    for (std::size_t i = 0; i < column_count; ++i) {
      std::string name = read_text(in);
      std::string type_text = read_text(in);
      if (first) {
        const auto type = parse_type(type_text);
        if (!in.ok() || !type) return Error{ErrorCode::corrupt, "column " + name + " has unknown type " + type_text};
        columns.push_back({*type, {std::move(name), std::move(type_text), {}, {}, {}, {}, {}}});
      } else if (columns[i].column.type != type_text) {
        return Error{ErrorCode::corrupt, "column " + name + " has another type in a later block"};
      }
      BOATHOUSE_TRY(columns[i].read(in, rows));
    }
    all.rows += rows;
    first = false;
  }
  if (!in.ok()) return Error{ErrorCode::corrupt, "the reply is cut short"};
  for (ColumnReader& read : columns) {
    if (!read.pieces.empty()) read_pieces(read.pieces, read.type, read.column, all.rows);
    all.columns.push_back(std::move(read.column));
  }
  return all;
}

base::Result<NativeBlock> read_row_binary(std::span<const std::string> rows, const NativeBlock& layout) {
  NativeBlock all;
  std::vector<Type> types;
  for (const NativeColumn& column : layout.columns) {
    const auto type = parse_type(column.type);
    if (!type || type->kind == Kind::float64) {
      return Error{ErrorCode::corrupt, "column " + column.name + " has unknown type " + column.type};
    }
    types.push_back(*type);
    all.columns.push_back({column.name, column.type, {}, {}, {}, {}, {}});
  }
  for (const std::string& row : rows) {
    ByteReader in(base::as_bytes(row));
    for (std::size_t i = 0; i < types.size(); ++i) read_value_of_row(in, types[i], all.columns[i]);
    if (!in.ok() || !in.at_end()) return Error{ErrorCode::corrupt, "a packed row is not one of its columns"};
    ++all.rows;
  }
  return all;
}

}  // namespace boathouse::timeseries
