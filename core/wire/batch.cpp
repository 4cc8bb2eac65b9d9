// The framing of core/wire/batch.hpp.
#include "core/wire/batch.hpp"

#include <algorithm>
#include <array>

#include "core/wire/chunk.hpp"
#include "core/wire/edit.hpp"
#include "core/wire/facts.hpp"

namespace boathouse::wire {
namespace {

using base::ByteReader;
using base::Bytes;
using base::ByteView;
using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

// On the wire: never change.
constexpr std::array<std::uint8_t, 3> kBatchMagic{'B', 'H', 'B'};
constexpr std::size_t kHeaderSize = 6;  // magic, protocol version, number of items
constexpr std::size_t kCountAt = 4;
constexpr std::size_t kLengthSize = 4;   // before each item
constexpr std::size_t kItemPrefix = 49;  // kind, rec_id, SHA-256

Bytes empty_batch() {
  Bytes header(kHeaderSize);
  std::copy(kBatchMagic.begin(), kBatchMagic.end(), header.begin());
  header[kBatchMagic.size()] = kProtocolVersion;
  return header;
}

std::size_t item_size(const Item& item) {
  std::size_t size = kItemPrefix + item.body.size();
  if (item.kind == ItemKind::chunk) {
    size += 1 + base::varint_size(item.from) + base::varint_size(item.to) + base::varint_size(item.version);
  } else if (item.kind == ItemKind::seal) {
    size += base::varint_size(item.revision);
  } else if (item.kind == ItemKind::edit) {
    size += item.op_id.bytes.size();
  }
  return size;
}

std::string place(std::size_t item, std::size_t offset) {
  return "batch, item " + std::to_string(item) + " at byte " + std::to_string(offset) + ": ";
}

Error wrong(std::string text) { return {ErrorCode::invalid_input, std::move(text)}; }

// Each fills in what follows the prefix; an error is Item::refusal.
Status read_chunk(ByteReader& in, Item& item) {
  const std::uint8_t stream = in.u8();
  item.from = in.varint();
  item.to = in.varint();
  const std::uint64_t version = in.varint();
  if (!in.ok()) {
    return wrong("the chunk's key is cut off, or a number is not in its one form");
  }
  const auto known_stream = rowing::stream_from_number(stream);
  if (!known_stream) {
    return Error{ErrorCode::unsupported, "stream " + std::to_string(stream) + " is not known here"};
  }
  item.stream = *known_stream;
  if (item.from >= item.to || item.to > kMaxSequence || item.to - item.from > kMaxChunkRecords) {
    return wrong("records [" + std::to_string(item.from) + ", " + std::to_string(item.to) + ") are no range of 1 to " +
                 std::to_string(kMaxChunkRecords));
  }
  if (version == 0 || version > UINT32_MAX) {
    return wrong("there is no catalogue version " + std::to_string(version));
  }
  item.version = static_cast<std::uint32_t>(version);
  if (in.remaining() > kMaxChunkBody) {
    return Error{ErrorCode::too_large, "a chunk has at most " + std::to_string(kMaxChunkBody) + " bytes"};
  }
  return {};
}

Status read_facts(ByteReader& in, Item& item) {
  if (item.kind == ItemKind::seal) {
    const std::uint64_t revision = in.varint();
    if (!in.ok() || revision == 0 || revision > UINT32_MAX) {
      return wrong("a seal's revision is a number from 1");
    }
    item.revision = static_cast<std::uint32_t>(revision);
  }
  if (in.remaining() > kMaxFactsBytes) {
    return Error{ErrorCode::too_large, "birth and seal have at most " + std::to_string(kMaxFactsBytes) + " bytes"};
  }
  return {};
}

Status read_edit(ByteReader& in, Item& item) {
  const ByteView op_id = in.bytes(item.op_id.bytes.size());
  if (!in.ok()) {
    return wrong("the edit's op_id is cut off");
  }
  std::copy(op_id.begin(), op_id.end(), item.op_id.bytes.begin());
  if (in.remaining() > kMaxEditBytes) {
    return Error{ErrorCode::too_large, "an edit has at most " + std::to_string(kMaxEditBytes) + " bytes"};
  }
  return {};
}

// `frame` has at least kItemPrefix bytes.
Item read_item(ByteView frame) {
  ByteReader in(frame);
  Item item;
  const std::uint8_t kind = in.u8();
  const ByteView rec_id = in.bytes(item.rec_id.bytes.size());
  std::copy(rec_id.begin(), rec_id.end(), item.rec_id.bytes.begin());
  const ByteView sha256 = in.bytes(item.sha256.size());
  std::copy(sha256.begin(), sha256.end(), item.sha256.begin());
  Status status;
  switch (static_cast<ItemKind>(kind)) {
    case ItemKind::chunk:
      item.kind = ItemKind::chunk;
      status = read_chunk(in, item);
      break;
    case ItemKind::birth:
    case ItemKind::seal:
      item.kind = static_cast<ItemKind>(kind);
      status = read_facts(in, item);
      break;
    case ItemKind::edit:
      item.kind = ItemKind::edit;
      status = read_edit(in, item);
      break;
    default:
      status = Error{ErrorCode::unsupported, "items of kind " + std::to_string(kind) + " are not known here"};
      break;
  }
  if (!status.ok()) {
    item.refusal = status.error();
  }
  item.body = in.bytes(in.remaining());
  return item;
}

}  // namespace

std::string_view name(ItemKind kind) {
  switch (kind) {
    case ItemKind::birth:
      return "birth";
    case ItemKind::chunk:
      return "chunk";
    case ItemKind::seal:
      return "seal";
    case ItemKind::edit:
      return "edit";
  }
  return "unknown";
}

BatchWriter::BatchWriter() : out_(empty_batch()) {}

std::size_t BatchWriter::size_with(const Item& item) const { return size() + kLengthSize + item_size(item); }

void BatchWriter::add(const Item& item) {
  out_.u32(static_cast<std::uint32_t>(item_size(item)));
  out_.u8(static_cast<std::uint8_t>(item.kind));
  out_.bytes(item.rec_id.bytes);
  out_.bytes(item.sha256);
  if (item.kind == ItemKind::chunk) {
    out_.u8(static_cast<std::uint8_t>(item.stream));
    out_.varint(item.from);
    out_.varint(item.to);
    out_.varint(item.version);
  } else if (item.kind == ItemKind::seal) {
    out_.varint(item.revision);
  } else if (item.kind == ItemKind::edit) {
    out_.bytes(item.op_id.bytes);
  }
  out_.bytes(item.body);
  ++items_;
}

Bytes BatchWriter::take() {
  Bytes body = out_.take();
  body[kCountAt] = static_cast<std::uint8_t>(items_ & 0xff);
  body[kCountAt + 1] = static_cast<std::uint8_t>(items_ >> 8);
  *this = BatchWriter();
  return body;
}

Result<std::vector<Item>> parse_batch(ByteView body) {
  const auto refused = [](std::string text) { return Error{ErrorCode::invalid_input, std::move(text)}; };
  if (body.size() > kMaxBatchBytes) {
    return Error{ErrorCode::too_large,
                 "batch: more than " + std::to_string(kMaxBatchBytes) + " bytes; send fewer items"};
  }
  ByteReader in(body);
  const ByteView magic = in.bytes(kBatchMagic.size());
  const std::uint8_t version = in.u8();
  const std::size_t count = in.u16();
  if (!in.ok() || !std::ranges::equal(magic, kBatchMagic)) {
    return refused("batch: does not begin with \"BHB\", a version and the number of items");
  }
  if (version != kProtocolVersion) {
    return Error{ErrorCode::unsupported, "batch: protocol version " + std::to_string(version) +
                                             " is not known here, only " + std::to_string(kProtocolVersion)};
  }
  if (count == 0) {
    return refused("batch: without any item");
  }
  if (count > kMaxBatchItems) {
    return Error{ErrorCode::too_large, "batch: more than " + std::to_string(kMaxBatchItems) + " items; send fewer"};
  }
  std::vector<Item> items;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t offset = in.position();
    const std::uint32_t length = in.u32();
    if (!in.ok()) {
      return refused(place(i, offset) + "cut off, " + std::to_string(count) + " items were announced");
    }
    if (length < kItemPrefix) {
      return refused(place(i, offset) + "has " + std::to_string(length) + " bytes, at least " +
                     std::to_string(kItemPrefix) + " are needed");
    }
    if (length > in.remaining()) {
      return refused(place(i, offset) + "has " + std::to_string(length) + " bytes, only " +
                     std::to_string(in.remaining()) + " are there");
    }
    items.push_back(read_item(in.bytes(length)));
  }
  if (!in.at_end()) {
    return refused("batch: " + std::to_string(in.remaining()) + " bytes follow its last item at byte " +
                   std::to_string(in.position()));
  }
  return items;
}

}  // namespace boathouse::wire
