// Bytes as a damaged SQLite file and its log: the first two say how many of the rest, in units of 8, are the log. What
// is found lies within its row's payload and is read again as the same, and problems are told in bounded words.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/base/bytes.hpp"
#include "core/db/damaged_file.hpp"

using namespace boathouse;

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

// In memory where there is such a folder; gone with the process.
class Files {
 public:
  Files() {
    std::string folder =
        (::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp") + std::string("/boathouse-fuzz-XXXXXX");
    must(::mkdtemp(folder.data()) != nullptr);
    folder_ = folder;
  }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  ~Files() {
    ::unlink(path().c_str());
    ::unlink(log().c_str());
    ::rmdir(folder_.c_str());
  }
  [[nodiscard]] std::string path() const { return folder_ + "/file.db"; }
  [[nodiscard]] std::string log() const { return path() + "-wal"; }

  static void write(const std::string& path, base::ByteView bytes) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(file >= 0 && ::write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    ::close(file);
  }

 private:
  std::string folder_;
};

bool lies_within(base::ByteView part, base::ByteView whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check(const db::DamagedFile& file, const db::FoundRow& row) {
  for (const db::FoundValue& value : row.values) {
    must(value.bytes.empty() || value.kind == db::FoundValue::Kind::text || value.kind == db::FoundValue::Kind::blob);
    must(lies_within(value.bytes, row.payload));
  }
  const auto again = file.read_again(row.place);
  must(again && again->rowid == row.rowid && again->of_table == row.of_table && again->payload == row.payload);
  must(again->values.size() == row.values.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  static const Files files;
  const base::ByteView rest(data + 2, size - 2);
  const std::size_t log_bytes = std::min<std::size_t>(rest.size(), std::size_t{8} * (data[0] + 256U * data[1]));
  Files::write(files.path(), rest.first(rest.size() - log_bytes));
  Files::write(files.log(), rest.last(log_bytes));
  auto file = db::DamagedFile::open(files.path());
  must(file.ok());
  file->read([&](const db::FoundPage& page) {
    for (const db::FoundRow& row : page.rows) check(*file, row);
  });
  for (const std::string& problem : file->problems()) must(!problem.empty() && problem.size() < 1000);
  return 0;
}
