// The rows that lie in a damaged SQLite file, page by page. Nothing has to lead to them: no header, schema, root or
// index is needed, so that what is broken loses only what lies in it. For files of Connection's making (pages of 4096
// bytes, auto-vacuum, WAL) and of at most 4 MiB a row. The file and its write-ahead log are only read, and no lock is
// taken: nobody may write to them meanwhile.
//
// What is found is only as true as the file: whoever takes it checks it. What cannot be read is in problems().
//
// Thread rule: one thread at a time. https://sqlite.org/fileformat2.html
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace boathouse::db {

struct FoundValue {
  enum class Kind : std::uint8_t { null, integer, real, text, blob };
  Kind kind = Kind::null;
  std::int64_t integer = 0;
  base::ByteView bytes;  // text, blob: of the row's payload
};

// Where a row lies, to read it again.
struct RowPlace {
  std::size_t image = 0;
  std::size_t cell = 0;  // its offset in the page
};

struct FoundRow {
  FoundRow() = default;
  FoundRow(FoundRow&&) noexcept = default;
  FoundRow& operator=(FoundRow&&) noexcept = default;

  bool of_table = false;   // false: of an index, or of a table WITHOUT ROWID
  std::int64_t rowid = 0;  // of_table
  std::vector<FoundValue> values;
  RowPlace place;
  base::Bytes payload;
};

struct FoundPage {
  std::span<const FoundRow> rows;
  bool free = false;  // what it holds was removed or lies elsewhere now
};

class DamagedFile {
 public:
  // io: it cannot be opened. Parts that the disk does not give count as damaged.
  static base::Result<DamagedFile> open(const std::string& path);
  DamagedFile(DamagedFile&& other) noexcept;
  DamagedFile& operator=(DamagedFile&&) = delete;
  ~DamagedFile();

  // Each page that has rows, once. A row may come in several versions: from a free page, and as damaged parts of the
  // log may hold older or newer ones.
  using TakePage = std::function<void(const FoundPage&)>;
  void read(const TakePage& take);
  [[nodiscard]] std::optional<FoundRow> read_again(const RowPlace& place) const;

  // In words, after read(); each says that rows may be missing, whatever was read in spite of it. Empty: every page is
  // accounted for.
  [[nodiscard]] std::vector<std::string> problems() const;

 private:
  static constexpr std::size_t kPage = 4096;
  using Page = std::array<std::uint8_t, kPage>;

  // A page as it lies in the file, or in the log.
  struct Image {
    std::uint32_t page = 0;
    bool in_log = false;
    std::uint64_t offset = 0;
    bool current = true;  // false: of a part of the log that does not count, or is damaged
  };
  struct Layout;  // of the cells of a page

  DamagedFile(int file, int log) : file_(file), log_(log) {}
  void find_images();
  std::uint32_t read_log();
  void find_free_pages();
  [[nodiscard]] bool is_free_by_map(std::uint32_t page) const;
  // Zeros where there is nothing.
  [[nodiscard]] Page load(const Image& image) const;
  [[nodiscard]] std::optional<Page> load_current(std::uint32_t page) const;
  // False: it is no page of a tree.
  bool read_image(std::size_t index, const TakePage& take);
  std::optional<FoundRow> read_cell(const Page& page, std::size_t image, std::size_t cell,
                                    std::vector<std::uint32_t>* overflow) const;

  int file_ = -1;
  int log_ = -1;
  std::vector<Image> images_;
  std::vector<std::size_t> current_;  // by page number: index into images_
  std::vector<bool> free_;            // by page number
  std::vector<bool> overflow_;        // by page number: a row goes on there
  std::vector<std::uint32_t> unreadable_;
  std::vector<std::uint32_t> doubtful_;  // read, but rows may be missing
  std::vector<std::string> problems_;
};

}  // namespace boathouse::db
