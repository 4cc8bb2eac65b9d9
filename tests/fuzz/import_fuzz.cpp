// Bytes as a file to import, and as a time zone's. The first byte chooses what is put before the rest: the header of a
// dialect, so that rows are reached, or nothing. Nothing is committed: what an import would store is checked on its way
// into the transaction, which is dropped.
#include <stdlib.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "device/import/dialect.hpp"

using namespace boathouse;

namespace {

constexpr std::array<std::string_view, 8> kHeaders{
    "Total elapsed time (s),Total average power (W),Workout type,Piece duration (s),Piece distance (m),Total distance "
    "(m),Stroke count,Split/interval number\n",
    "TimeStamp (sec), lapIdx, ElapsedTime (sec), DriveTime (ms), Cadence (stokes/min)\n",
    "TimeStamp (sec), ElapsedTime (sec), ElapsedTimeAtDrive (sec)\n",
    "Date,Piece,Distance,Split,Watts,Stroke Rate,Drag Factor,Stroke Length,Potential Split\n",
    "Number,\"Time (seconds)\",\"Distance (meters)\",\"Pace (seconds)\",Watts,Cal/Hr\n",
    "\"Stroke Number\",\"Time (seconds)\",\"Distance (meters)\"\n",
    "\"Log ID\",Date,Description,\"Work Time (Formatted)\",\"Rest Time (Seconds)\",\"Work Distance\",Pace,Type\n",
    ""};

void must(bool holds) {
  if (!holds) std::abort();
}

std::string make_folder() {
  std::string folder = (std::filesystem::temp_directory_path() / "boathouse-fuzz-XXXXXX").string();
  must(::mkdtemp(folder.data()) != nullptr);
  return folder;
}

store::Store open(const std::string& folder, base::UuidV7Source& ids, base::RandomSource& random) {
  auto opened = store::Store::open(folder, ids, random);
  must(opened.ok());
  return std::move(*opened);
}

struct Device {
  Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device() { std::filesystem::remove_all(folder); }

  base::ManualClock clock{1'700'000'000'000};
  base::SeededRandom random{1};
  base::UuidV7Source ids{clock, random};
  std::string folder = make_folder();
  store::Store store = open(folder, ids, random);
};

void read_as_file(Device& device, std::string_view content) {
  import::CsvReader reader(content);
  import::CsvRow first;
  const auto read = reader.next(first);
  if (!read.ok() || !*read) return;
  const import::Header header(first);
  for (const import::Dialect& dialect : import::all_dialects()) {
    if (!dialect.recognises(header)) continue;
    auto transaction = device.store.begin_import({});
    must(transaction.ok());
    import::ImportReport report;
    const auto zone = import::TimeZone::find("+05:45", "");
    must(zone.ok());
    import::ImportSink sink(*transaction, device.ids, {}, "", content, report);
    import::Input input{reader, header, *zone, sink};
    const auto ran = dialect.run(input);
    const auto finished = ran.ok() ? sink.finish() : ran;
    // Bad input is told as such; nothing that a dialect makes may be refused by the store.
    must(finished.ok() || finished.error().code == base::ErrorCode::invalid_input);
    must(finished.ok() || !finished.error().text.starts_with("record of stream"));
    must(!finished.ok() || !report.recordings.empty());
    must(!finished.ok() || report.records[static_cast<std::size_t>(rowing::Stream::source)] > 0);
    return;
  }
}

void read_as_zone(std::string_view content) {
  const auto zone = import::TimeZone::parse_tzif("fuzz", content);
  const auto rule = import::ZoneRule::parse(content);
  for (const std::int64_t second :
       std::initializer_list<std::int64_t>{-62'000'000'000, -1'000'000'000, 0, 1'700'000'000, 250'000'000'000}) {
    if (zone.ok()) static_cast<void>(zone->to_utc_ms(second * 1000));
    if (rule) static_cast<void>(rule->offset_at(second));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Device device;
  const std::string_view text = base::as_text({data, size});
  read_as_zone(text);
  if (text.empty()) return 0;
  read_as_file(device, std::string(kHeaders[data[0] % kHeaders.size()]) + std::string(text.substr(1)));
  return 0;
}
