#include "core/db/damaged_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <set>

namespace boathouse::db {
namespace {

constexpr std::size_t kPageSize = 4096;
constexpr std::size_t kMaxPayload = std::size_t{4} << 20;
// Of the rows of one page: eight of those that go on in other pages fit, each of at most 2 MiB in a file of ours. A
// damaged page may claim the same bytes for very many.
constexpr std::size_t kMaxPagePayload = std::size_t{16} << 20;
constexpr std::size_t kMaxRecordHeader = 512;
constexpr std::uint32_t kLockPage = 262'145;  // the page of SQLite's locks, never written
constexpr std::uint32_t kPagesPerMap = kPageSize / 5 + 1;
constexpr std::uint8_t kFreeByMap = 2;

constexpr std::uint8_t kIndexInterior = 2;
constexpr std::uint8_t kTableInterior = 5;
constexpr std::uint8_t kIndexLeaf = 10;
constexpr std::uint8_t kTableLeaf = 13;

constexpr std::size_t kLogHeader = 32;
constexpr std::size_t kFrameHeader = 24;
constexpr std::size_t kFrame = kFrameHeader + kPageSize;

std::uint32_t big_u16(base::ByteView bytes, std::size_t at) {
  return static_cast<std::uint32_t>(bytes[at] << 8 | bytes[at + 1]);
}
std::uint32_t big_u32(base::ByteView bytes, std::size_t at) {
  return big_u16(bytes, at) << 16 | big_u16(bytes, at + 2);
}

// Reads SQLite's numbers and never past the end.
class Reader {
 public:
  explicit Reader(base::ByteView bytes, std::size_t at = 0) : bytes_(bytes), at_(std::min(at, bytes.size())) {}
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t position() const { return at_; }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int i = 0; i < 9; ++i) {
      if (at_ == bytes_.size()) {
        ok_ = false;
        return 0;
      }
      const std::uint64_t byte = bytes_[at_++];
      if (i == 8) return value << 8 | byte;
      value = value << 7 | (byte & 0x7f);
      if (byte < 0x80) return value;
    }
    return value;
  }

 private:
  base::ByteView bytes_;
  std::size_t at_;
  bool ok_ = true;
};

bool is_map(std::uint32_t page) { return page >= 2 && (page - 2) % kPagesPerMap == 0; }
bool is_leaf(std::uint8_t type) { return type == kIndexLeaf || type == kTableLeaf; }
bool is_tree(std::uint8_t type) { return is_leaf(type) || type == kIndexInterior || type == kTableInterior; }

// The first bytes of a cell: how long it is, and where what it holds begins.
struct CellHead {
  std::size_t payload_at = 0;
  std::size_t payload = 0;  // bytes of the row
  std::size_t local = 0;    // of these in the page
  std::int64_t rowid = 0;
  std::size_t size = 0;  // of the cell
};

std::optional<CellHead> read_head(base::ByteView page, std::uint8_t type, std::size_t at) {
  CellHead head;
  Reader reader(page, is_leaf(type) ? at : at + 4);
  if (type != kTableInterior) {
    const std::uint64_t payload = reader.varint();
    if (payload > kMaxPayload) return std::nullopt;
    head.payload = static_cast<std::size_t>(payload);
  }
  if (type == kTableLeaf || type == kTableInterior) head.rowid = static_cast<std::int64_t>(reader.varint());
  if (!reader.ok()) return std::nullopt;
  head.payload_at = reader.position();
  const std::size_t most = type == kTableLeaf ? kPageSize - 35 : (kPageSize - 12) * 64 / 255 - 23;
  const std::size_t least = (kPageSize - 12) * 32 / 255 - 23;
  head.local = head.payload;
  if (head.payload > most) {
    const std::size_t fitting = least + (head.payload - least) % (kPageSize - 4);
    head.local = fitting <= most ? fitting : least;
  }
  head.size = head.payload_at - at + head.local + (head.local < head.payload ? 4 : 0);
  if (at + head.size > page.size()) return std::nullopt;
  head.size = std::max<std::size_t>(head.size, 4);
  return head;
}

std::int64_t read_integer(base::ByteView bytes) {
  std::uint64_t value = bytes[0] >= 0x80 ? ~std::uint64_t{0} : 0;
  for (const std::uint8_t byte : bytes) value = value << 8 | byte;
  return static_cast<std::int64_t>(value);
}

// False: the payload is no record.
bool split_record(base::ByteView payload, std::vector<FoundValue>& values) {
  Reader header(payload);
  const std::uint64_t header_size = header.varint();
  if (!header.ok() || header_size > payload.size() || header_size > kMaxRecordHeader) return false;
  std::size_t at = static_cast<std::size_t>(header_size);
  while (header.position() < header_size) {
    const std::uint64_t type = header.varint();
    if (!header.ok()) return false;
    constexpr std::array<std::size_t, 10> kSizes{0, 1, 2, 3, 4, 6, 8, 8, 0, 0};
    if (type == 10 || type == 11) return false;
    const std::uint64_t size = type < 10 ? kSizes[static_cast<std::size_t>(type)] : (type - 12) / 2;
    if (size > payload.size() - at) return false;
    FoundValue& value = values.emplace_back();
    const base::ByteView bytes = payload.subspan(at, static_cast<std::size_t>(size));
    at += static_cast<std::size_t>(size);
    if (type >= 12) {
      value.kind = type % 2 == 0 ? FoundValue::Kind::blob : FoundValue::Kind::text;
      value.bytes = bytes;
    } else if (type == 7) {
      value.kind = FoundValue::Kind::real;
    } else if (type != 0) {
      value.kind = FoundValue::Kind::integer;
      value.integer = type >= 8 ? static_cast<std::int64_t>(type - 8) : read_integer(bytes);
    }
  }
  return header.position() == header_size && at == payload.size();
}

// The sums of the log's header and frames.
struct LogSum {
  std::uint32_t first = 0;
  std::uint32_t second = 0;
  bool operator==(const LogSum&) const = default;
};

LogSum sum_of(base::ByteView bytes, LogSum from, bool big_endian) {
  const auto word = [&](std::size_t at) {
    const std::uint32_t value = big_u32(bytes, at);
    return big_endian ? value : value >> 24 | (value >> 8 & 0xff00) | (value << 8 & 0xff0000) | value << 24;
  };
  for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
    from.first += word(at) + from.second;
    from.second += word(at + 4) + from.first;
  }
  return from;
}

// Bytes that cannot be read are zero; how many could be.
std::size_t read_at(int file, std::uint64_t offset, std::span<std::uint8_t> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = ::pread(file, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  std::fill(out.begin() + static_cast<std::ptrdiff_t>(done), out.end(), std::uint8_t{0});
  return done;
}

std::uint64_t size_of(int file) {
  struct stat facts {};
  return file >= 0 && ::fstat(file, &facts) == 0 ? static_cast<std::uint64_t>(facts.st_size) : 0;
}

// "3, 4, 9 and 12 more"
std::string list_of(const std::vector<std::uint32_t>& pages) {
  constexpr std::size_t kShown = 10;
  std::string text;
  for (std::size_t i = 0; i < std::min(pages.size(), kShown); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(pages[i]);
  }
  if (pages.size() > kShown) text += " and " + std::to_string(pages.size() - kShown) + " more";
  return text;
}

}  // namespace

// The cells of a page of a tree. `whole`: they, what is free and the page's own bytes fill it to the last byte, so no
// cell is missing.
struct DamagedFile::Layout {
  std::vector<std::size_t> cells;
  bool whole = false;

  Layout(base::ByteView page, std::uint32_t number) {
    const std::size_t header = number == 1 ? 100 : 0;
    const std::uint8_t type = page[header];
    const std::size_t count = big_u16(page, header + 3);
    const std::size_t content = big_u16(page, header + 5);
    const std::size_t pointers = header + (is_leaf(type) ? 8 : 12);
    std::set<std::size_t> seen;
    std::vector<std::pair<std::size_t, std::size_t>> taken;
    whole = pointers + 2 * count <= content && content <= kPageSize;
    for (std::size_t i = 0; i < count && pointers + 2 * i + 2 <= kPageSize; ++i) {
      const std::size_t at = big_u16(page, pointers + 2 * i);
      const auto head = at < pointers ? std::nullopt : read_head(page, type, at);
      if (!head || !seen.insert(at).second) {
        whole = false;
        continue;
      }
      cells.push_back(at);
      taken.emplace_back(at, at + head->size);
    }
    std::size_t block = big_u16(page, header + 1);
    while (whole && block != 0) {
      const bool inside = block >= content && block + 4 <= kPageSize;
      if (!inside || big_u16(page, block + 2) < 4) {
        whole = false;
        break;
      }
      taken.emplace_back(block, block + big_u16(page, block + 2));
      const std::size_t next = big_u16(page, block);
      if (next != 0 && next <= block) whole = false;
      block = next;
    }
    std::sort(taken.begin(), taken.end());
    std::size_t filled = page[header + 7];
    std::size_t before = content;
    for (const auto& [begin, end] : taken) {
      if (begin < before) whole = false;
      before = end;
      filled += end - begin;
    }
    if (before > kPageSize || content + filled != kPageSize) whole = false;
  }
};

base::Result<DamagedFile> DamagedFile::open(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return base::Error{base::ErrorCode::io, "cannot read " + path + ": " + std::strerror(errno)};
  const std::string log_path = path + "-wal";
  const int log = ::open(log_path.c_str(), O_RDONLY | O_CLOEXEC);
  DamagedFile opened(file, log);
  if (log < 0 && errno != ENOENT) {
    opened.problems_.push_back("the write-ahead log cannot be read (" + std::string(std::strerror(errno)) +
                               "): what was recorded last may be missing");
  }
  opened.find_images();
  opened.find_free_pages();
  return opened;
}

DamagedFile::DamagedFile(DamagedFile&& other) noexcept
    : file_(std::exchange(other.file_, -1)),
      log_(std::exchange(other.log_, -1)),
      images_(std::move(other.images_)),
      current_(std::move(other.current_)),
      free_(std::move(other.free_)),
      overflow_(std::move(other.overflow_)),
      unreadable_(std::move(other.unreadable_)),
      doubtful_(std::move(other.doubtful_)),
      problems_(std::move(other.problems_)) {}

DamagedFile::~DamagedFile() {
  if (file_ >= 0) ::close(file_);
  if (log_ >= 0) ::close(log_);
}

DamagedFile::Page DamagedFile::load(const Image& image) const {
  Page page;
  read_at(image.in_log ? log_ : file_, image.offset, page);
  return page;
}

std::optional<DamagedFile::Page> DamagedFile::load_current(std::uint32_t page) const {
  if (page == 0 || page >= current_.size()) return std::nullopt;
  return load(images_[current_[page]]);
}

void DamagedFile::find_images() {
  const std::uint64_t size = size_of(file_);
  const auto in_file = static_cast<std::uint32_t>(std::min<std::uint64_t>((size + kPageSize - 1) / kPageSize, ~0u));
  if (in_file == 0) problems_.push_back("the file is empty: everything that it held is missing");
  images_.resize(std::size_t{in_file} + 1);
  images_[0].offset = std::uint64_t{in_file} * kPageSize;  // of pages that are nowhere: behind the end
  current_.resize(images_.size());
  for (std::uint32_t page = 1; page <= in_file; ++page) {
    images_[page] = {page, false, (std::uint64_t{page} - 1) * kPageSize, true};
    current_[page] = page;
  }
  std::uint32_t pages = read_log();
  if (pages == 0) {
    const Page first = load(images_.size() > 1 ? images_[1] : Image{});
    // The count holds when its two stamps agree.
    if (std::memcmp(first.data(), "SQLite format 3", 16) == 0 && big_u32(first, 24) == big_u32(first, 92)) {
      pages = big_u32(first, 28);
    }
  }
  if (pages >= current_.size()) {
    problems_.push_back(std::to_string(pages + 1 - current_.size()) +
                        " page(s) are missing at the file's end: recordings may be missing");
  }
}

// The pages that the log holds in place of the file's. How many pages the database has by the newest transaction in it;
// 0 = there is none. As each frame's sum goes on from the one before, one that is damaged does not hide those behind
// it.
std::uint32_t DamagedFile::read_log() {
  std::array<std::uint8_t, kLogHeader> header{};
  const std::uint64_t size = size_of(log_);
  if (size < kLogHeader + kFrame) return 0;
  read_at(log_, 0, header);
  const bool big_endian = big_u32(header, 0) == 0x377f0683;
  LogSum before{big_u32(header, 24), big_u32(header, 28)};
  base::Bytes salts(header.begin() + 16, header.begin() + 24);
  std::array<std::uint8_t, kFrame> frame{};
  if (sum_of(base::ByteView(header).first(24), {}, big_endian) != before) {
    problems_.push_back("the write-ahead log's header is damaged: what was recorded last may be missing");
    read_at(log_, kLogHeader, frame);
    salts.assign(frame.begin() + 8, frame.begin() + 16);
  }
  struct Found {
    std::uint32_t page = 0;
    std::uint64_t offset = 0;
    bool ours = false;  // of this log's run; behind it older ones may lie
    bool good = false;
  };
  std::vector<Found> frames;
  std::size_t counted = 0;  // up to the last whole transaction
  std::size_t ours = 0;
  std::uint32_t pages = 0;
  for (std::uint64_t at = kLogHeader; at + kFrame <= size; at += kFrame) {
    read_at(log_, at, frame);
    const base::ByteView bytes(frame);
    const LogSum stored{big_u32(bytes, 16), big_u32(bytes, 20)};
    const LogSum sum = sum_of(bytes.subspan(kFrameHeader), sum_of(bytes.first(8), before, big_endian), big_endian);
    before = stored;
    Found& found = frames.emplace_back();
    found.page = big_u32(bytes, 0);
    found.offset = at + kFrameHeader;
    found.ours = std::equal(salts.begin(), salts.end(), frame.begin() + 8);
    found.good = found.ours && sum == stored && found.page != 0;
    if (found.ours) ours = frames.size();
    if (found.good && big_u32(bytes, 4) != 0) {
      counted = frames.size();
      pages = big_u32(bytes, 4);
    }
  }
  std::size_t damaged = 0;
  // A page that a damaged frame names may be another one.
  const std::uint64_t most = current_.size() + frames.size();
  for (std::size_t i = 0; i < ours; ++i) {
    const Found& found = frames[i];
    const bool counts = found.good && i < counted && found.page <= most;
    if (!found.good) ++damaged;
    images_.push_back({found.page, true, found.offset, counts});
    if (!counts) continue;
    if (found.page >= current_.size()) current_.resize(std::size_t{found.page} + 1, 0);
    current_[found.page] = images_.size() - 1;
  }
  if (damaged > 0) {
    problems_.push_back(std::to_string(damaged) +
                        " page(s) of the write-ahead log are damaged or were never wholly written: what was recorded "
                        "last may be missing");
  }
  // What lies in the file behind the database's end is of earlier.
  if (pages != 0 && current_.size() > std::size_t{pages} + 1) current_.resize(std::size_t{pages} + 1);
  return pages;
}

bool DamagedFile::is_free_by_map(std::uint32_t page) const {
  if (page < 3 || page >= current_.size()) return false;
  const std::uint32_t map = (page - 2) / kPagesPerMap * kPagesPerMap + 2;
  const auto bytes = load_current(map);
  return page > map && bytes && (*bytes)[5 * (page - map - 1)] == kFreeByMap;
}

// Free is what both of SQLite's lists call free: one of them may be damaged.
void DamagedFile::find_free_pages() {
  free_.assign(current_.size(), false);
  overflow_.assign(current_.size(), false);
  const auto first = load_current(1);
  if (!first) return;
  std::uint32_t trunk = big_u32(*first, 32);
  for (std::size_t steps = 0; is_free_by_map(trunk) && !free_[trunk] && steps < current_.size(); ++steps) {
    free_[trunk] = true;
    const auto bytes = load_current(trunk);
    const std::size_t count = std::min<std::size_t>(big_u32(*bytes, 4), kPageSize / 4 - 2);
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t page = big_u32(*bytes, 8 + 4 * i);
      if (is_free_by_map(page)) free_[page] = true;
    }
    trunk = big_u32(*bytes, 0);
  }
}

std::optional<FoundRow> DamagedFile::read_cell(const Page& page, std::size_t image, std::size_t cell,
                                               std::vector<std::uint32_t>* overflow) const {
  const std::uint8_t type = page[images_[image].page == 1 ? 100 : 0];
  const auto head = read_head(page, type, cell);
  if (!head) return std::nullopt;
  FoundRow row;
  row.of_table = type == kTableLeaf;
  row.rowid = head->rowid;
  row.place = {image, cell};
  const auto* local = page.data() + head->payload_at;
  row.payload.assign(local, local + head->local);
  if (head->local < head->payload) {
    std::uint32_t next = big_u32(page, head->payload_at + head->local);
    while (row.payload.size() < head->payload) {
      const auto more = load_current(next);
      if (!more) return std::nullopt;
      if (overflow != nullptr) overflow->push_back(next);
      const std::size_t count = std::min(head->payload - row.payload.size(), kPageSize - 4);
      row.payload.insert(row.payload.end(), more->begin() + 4, more->begin() + 4 + static_cast<std::ptrdiff_t>(count));
      next = big_u32(*more, 0);
    }
    if (next != 0) return std::nullopt;
  }
  if (!split_record(row.payload, row.values)) return std::nullopt;
  return row;
}

bool DamagedFile::read_image(std::size_t index, const TakePage& take) {
  const Image& image = images_[index];
  const Page page = load(image);
  const std::uint8_t type = page[image.page == 1 ? 100 : 0];
  if (!is_tree(type)) return false;
  const Layout layout(page, image.page);
  const bool free = image.current && free_[image.page];
  bool whole = layout.whole;
  std::vector<FoundRow> rows;
  std::size_t payload = 0;
  if (type != kTableInterior) {
    for (const std::size_t cell : layout.cells) {
      if (payload > kMaxPagePayload) {
        whole = false;
        break;
      }
      std::vector<std::uint32_t> overflow;
      auto row = read_cell(page, index, cell, &overflow);
      for (const std::uint32_t one : overflow) overflow_[one] = overflow_[one] || !free;
      if (row) {
        payload += row->payload.size();
        rows.push_back(std::move(*row));
      } else {
        whole = false;
      }
    }
  }
  if (image.current && !free && !whole) doubtful_.push_back(image.page);
  if (!rows.empty()) take({rows, free});
  return true;
}

void DamagedFile::read(const TakePage& take) {
  std::vector<std::uint32_t> no_tree;
  for (std::uint32_t page = 1; page < current_.size(); ++page) {
    if (page == kLockPage || is_map(page)) continue;
    if (!read_image(current_[page], take) && !free_[page]) no_tree.push_back(page);
  }
  for (std::size_t index = 0; index < images_.size(); ++index) {
    if (images_[index].in_log && !images_[index].current) (void)read_image(index, take);
  }
  std::copy_if(no_tree.begin(), no_tree.end(), std::back_inserter(unreadable_),
               [this](std::uint32_t page) { return !overflow_[page] && !is_free_by_map(page); });
}

std::optional<FoundRow> DamagedFile::read_again(const RowPlace& place) const {
  return read_cell(load(images_[place.image]), place.image, place.cell, nullptr);
}

std::vector<std::string> DamagedFile::problems() const {
  std::vector<std::string> list = problems_;
  if (!unreadable_.empty()) {
    list.push_back(std::to_string(unreadable_.size()) + " page(s) cannot be read (" + list_of(unreadable_) +
                   "): recordings may be missing");
  }
  if (!doubtful_.empty()) {
    list.push_back(std::to_string(doubtful_.size()) + " page(s) are damaged (" + list_of(doubtful_) +
                   "): recordings may be missing");
  }
  return list;
}

}  // namespace boathouse::db
