#include "device/import/time_zone.hpp"

#include <algorithm>
#include <fstream>

#include "core/base/bytes.hpp"

namespace boathouse::import {
namespace {

constexpr std::int64_t kMaxOffset = 18 * 3600;
constexpr std::size_t kMaxZoneFile = std::size_t{1} << 20;
constexpr std::size_t kMaxName = 64;

base::Error unknown(std::string_view text) {
  return {base::ErrorCode::invalid_input,
          "unknown time zone \"" + std::string(text.substr(0, kMaxName)) +
              "\": give an IANA name such as Europe/Berlin, or an offset such as +01:00"};
}

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

// "+hh:mm", "-hh:mm", "Z".
std::optional<std::int64_t> parse_offset(std::string_view text) {
  if (text == "Z") return 0;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  for (const std::size_t i : {1u, 2u, 4u, 5u}) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
  }
  const auto pair = [&](std::size_t at) { return std::int64_t{text[at] - '0'} * 10 + (text[at + 1] - '0'); };
  const std::int64_t seconds = pair(1) * 3600 + pair(4) * 60;
  if (pair(4) > 59 || seconds > kMaxOffset) return std::nullopt;
  return text[0] == '-' ? -seconds : seconds;
}

// A name that can only be below the zone folder.
bool is_zone_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '+' || c == '/';
  };
  return !name.empty() && name.size() <= kMaxName && name.front() != '/' && name.back() != '/' &&
         std::ranges::all_of(name, allowed);
}

// Big-endian, as TZif is.
std::int64_t big_endian(base::ByteView bytes) {
  std::uint64_t value = (bytes[0] & 0x80) != 0 ? ~std::uint64_t{0} : 0;
  for (const std::uint8_t byte : bytes) value = value << 8 | byte;
  return static_cast<std::int64_t>(value);
}

struct TzifHeader {
  std::uint8_t version = 0;
  std::size_t isut = 0, isstd = 0, leap = 0, time = 0, type = 0, chars = 0;

  [[nodiscard]] std::size_t body_size(std::size_t time_size) const {
    return time * (time_size + 1) + type * 6 + chars + leap * (time_size + 4) + isstd + isut;
  }
};

std::optional<TzifHeader> read_header(base::ByteReader& in) {
  if (base::as_text(in.bytes(4)) != "TZif") return std::nullopt;
  TzifHeader header;
  header.version = in.u8();
  in.bytes(15);
  for (std::size_t* const count :
       {&header.isut, &header.isstd, &header.leap, &header.time, &header.type, &header.chars}) {
    const base::ByteView bytes = in.bytes(4);
    if (!in.ok()) return std::nullopt;
    const std::int64_t value = big_endian(bytes);
    if (value < 0 || value > static_cast<std::int64_t>(kMaxZoneFile)) return std::nullopt;
    *count = static_cast<std::size_t>(value);
  }
  return header.type > 0 ? std::optional(header) : std::nullopt;
}

}  // namespace

base::Result<TimeZone> TimeZone::find(std::string_view text, const std::string& zoneinfo_folder) {
  TimeZone zone;
  if (text.empty()) return zone;
  if (const auto offset = parse_offset(text)) {
    zone.known_ = true;
    zone.first_offset_s_ = *offset;
    return zone;
  }
  if (!is_zone_name(text)) return unknown(text);
  std::ifstream in(zoneinfo_folder + "/" + std::string(text), std::ios::binary);
  std::string file(kMaxZoneFile + 1, '\0');
  in.read(file.data(), static_cast<std::streamsize>(file.size()));  // nothing from a folder
  file.resize(static_cast<std::size_t>(in.gcount()));
  if (!file.starts_with("TZif")) return unknown(text);  // not there, a folder, or one of the tables beside the zones
  return parse_tzif(text, file);
}

base::Result<TimeZone> TimeZone::parse_tzif(std::string_view name, std::string_view file) {
  const base::Error corrupt{base::ErrorCode::corrupt, "the zone file of " + std::string(name) + " cannot be read"};
  if (file.size() > kMaxZoneFile) return corrupt;
  base::ByteReader in(base::as_bytes(file));
  auto header = read_header(in);
  if (!header) return corrupt;
  std::size_t time_size = 4;
  if (header->version >= '2') {
    // The first body has 32-bit times; the second header and body are the same with 64 bits.
    in.bytes(header->body_size(4));
    header = read_header(in);
    if (!header) return corrupt;
    time_size = 8;
  }
  const base::ByteView times = in.bytes(header->time * time_size);
  const base::ByteView kinds = in.bytes(header->time);
  const base::ByteView types = in.bytes(header->type * 6);
  in.bytes(header->body_size(time_size) - header->time * (time_size + 1) - header->type * 6);
  if (!in.ok()) return corrupt;

  const auto offset_of = [&](std::size_t type) { return big_endian(types.subspan(type * 6, 4)); };
  TimeZone zone;
  zone.known_ = true;
  zone.name_ = name;
  zone.first_offset_s_ = offset_of(0);
  for (std::size_t i = 0; i < header->time; ++i) {
    if (kinds[i] >= header->type) return corrupt;
    zone.changes_.push_back({big_endian(times.subspan(i * time_size, time_size)), offset_of(kinds[i])});
  }
  if (!std::ranges::is_sorted(zone.changes_, {}, &Change::from_s)) return corrupt;
  if (time_size == 8 && in.remaining() > 2) {
    const std::string_view footer = base::as_text(in.bytes(in.remaining()));
    const std::size_t end = footer.find('\n', 1);
    if (footer.front() == '\n' && end != std::string_view::npos)
      zone.rule_ = ZoneRule::parse(footer.substr(1, end - 1));
  }
  return zone;
}

std::int64_t TimeZone::offset_at(std::int64_t utc_s) const {
  if (changes_.empty()) return rule_ ? rule_->offset_at(utc_s) : first_offset_s_;
  if (utc_s >= changes_.back().from_s && rule_) return rule_->offset_at(utc_s);
  const auto after = std::ranges::upper_bound(changes_, utc_s, {}, &Change::from_s);
  return after == changes_.begin() ? first_offset_s_ : std::prev(after)->offset_s;
}

std::int64_t TimeZone::to_utc_ms(std::int64_t local_ms) const {
  const std::int64_t local_s = floor_div(local_ms, 1000);
  const std::int64_t before = offset_at(local_s - kDayS);
  const std::int64_t after = offset_at(local_s + kDayS);
  const bool by_before = offset_at(local_s - before) == before;
  const bool by_after = offset_at(local_s - after) == after;
  std::int64_t offset = before;
  if (by_before && by_after) {
    offset = std::max(before, after);  // the earlier moment
  } else if (by_after) {
    offset = after;
  }
  return local_ms - offset * 1000;
}

std::optional<int> TimeZone::offset_minutes_at(std::int64_t utc_ms) const {
  if (!known_) return std::nullopt;
  const std::int64_t offset = offset_at(floor_div(utc_ms, 1000));
  return static_cast<int>(floor_div(offset + 30, 60));
}

}  // namespace boathouse::import
