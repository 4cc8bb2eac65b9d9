#include "server/ledger/body_mover.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "core/base/hex.hpp"
#include "core/base/utc_time.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/compression.hpp"

namespace boathouse::ledger {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

namespace {

constexpr std::size_t kMaxLostAtOnce = 1000;

// The name in a key: what stands behind the last slash.
std::string_view name_of(std::string_view key) { return key.substr(key.rfind('/') + 1); }

bool is_damage(ErrorCode code) { return code == ErrorCode::corrupt || code == ErrorCode::not_found; }

}  // namespace

bool is_body_of(base::ByteView body, const base::Digest& sha256) {
  const auto canonical = wire::decompress(body, wire::kMaxCanonicalBytes);
  return canonical && base::sha256(*canonical) == sha256;
}

BodyMover::BodyMover(Bodies& bodies, segments::ChunkStore& store, std::string epoch, base::Clock& clock,
                     base::RandomSource& random, Options options, Find find, Check check)
    : bodies_(bodies),
      store_(store),
      prefix_(epoch.substr(0, 16) + "-"),
      clock_(clock),
      random_(random),
      options_(options),
      find_(std::move(find)),
      check_(std::move(check)) {}

Result<BodyMover::Report> BodyMover::run(const std::function<Status()>& watch) {
  report_ = {};
  watch_ = &watch;
  BOATHOUSE_TRY(tidy());
  if (options_.move) {
    BOATHOUSE_TRY(move());
  }
  BOATHOUSE_TRY(keep());
  BOATHOUSE_TRY(bring_back());
  return report_;
}

Status BodyMover::watch() { return (*watch_)(); }

std::string BodyMover::new_key(std::int64_t first, std::int64_t last) {
  std::array<std::uint8_t, 8> bytes{};
  random_.fill(bytes);
  const std::string utc = base::format_utc_ms(clock_.utc_ms());  // YYYY-MM-DD...
  return utc.substr(0, 4) + "/" + utc.substr(5, 2) + "/" + prefix_ + std::to_string(first) + "-" +
         std::to_string(last) + "-" + base::to_hex(bytes) + ".seg";
}

Result<std::vector<SegmentRow>> BodyMover::all_segments() {
  constexpr std::size_t kPage = 1000;
  std::vector<SegmentRow> all;
  while (true) {
    const auto page = bodies_.segment_rows(all.empty() ? 0 : all.back().id, kPage);
    if (!page) {
      return page.error();
    }
    all.insert(all.end(), page->begin(), page->end());
    if (page->size() < kPage) {
      return all;
    }
  }
}

// What runs before this one have left unfinished. Objects are listed before the rows are read: whoever has made an
// object since then has a row that is read, and one that has none will never have one.
Status BodyMover::tidy() {
  const auto keys = store_.list();
  if (!keys) {
    return keys.error();
  }
  const auto rows = all_segments();
  if (!rows) {
    return rows.error();
  }
  std::set<std::string> named;
  for (const SegmentRow& row : *rows) {
    named.insert(row.key);
    const bool empty = row.live == 0 && row.since_ms + options_.empty_ms <= clock_.utc_ms();
    if (row.state != SegmentState::whole || empty) {
      BOATHOUSE_TRY(remove_segment(row));
    }
  }
  for (const std::string& key : *keys) {
    if (!named.contains(key) && name_of(key).starts_with(prefix_)) {
      BOATHOUSE_TRY(store_.remove(key));
      ++report_.removed;
    }
  }
  return watch();
}

Status BodyMover::remove_segment(const SegmentRow& segment) {
  const Status doomed = bodies_.doom_segment(segment.id);
  if (!doomed && doomed.error().code == ErrorCode::conflict) {
    return {};  // somebody has put a body there meanwhile, or has forgotten it
  }
  BOATHOUSE_TRY(doomed);
  BOATHOUSE_TRY(store_.remove(segment.key));
  ++report_.removed;
  return bodies_.forget_segment(segment.id);
}

Status BodyMover::move() {
  while (true) {
    const auto movable = bodies_.movable(options_.segment_bytes);
    if (!movable) {
      return movable.error();
    }
    if (movable->empty()) {
      return {};
    }
    const auto taken = take(*movable);
    if (!taken) {
      return taken.error();
    }
    if (taken->empty()) {
      return {};  // none of them can be read: the next run asks again
    }
    BOATHOUSE_TRY(write(*taken));
    BOATHOUSE_TRY(watch());
  }
}

// Only what is what the ledger says: the rest is named as lost and stays where it is.
Result<std::vector<BodyMover::Taken>> BodyMover::take(std::span<const MovableBody> bodies) {
  std::vector<Taken> taken;
  std::vector<LostBody> lost;
  for (const MovableBody& movable : bodies) {
    auto body = bodies_.body(movable.server_seq);
    if (!body) {
      if (!is_damage(body.error().code)) {
        return body.error();
      }
      continue;  // removed meanwhile, or lost, which the ledger has noted
    }
    if (check_(*body, movable.sha256)) {
      taken.push_back({movable.server_seq, std::move(*body)});
    } else {
      lost.push_back({.server_seq = movable.server_seq,
                      .rec_id = {},
                      .from = 0,
                      .to = 0,
                      .reason = "what is stored has not the chunk's hash"});
    }
  }
  if (!lost.empty()) {
    BOATHOUSE_TRY(bodies_.lose_bodies(lost));
  }
  return taken;
}

Status BodyMover::write(std::span<const Taken> bodies) {
  if (bodies.empty()) {
    return {};
  }
  segments::SegmentBuilder builder;
  for (const Taken& taken : bodies) {
    builder.add(taken.server_seq, taken.body);
  }
  const std::vector<segments::Place> places = builder.places();
  const base::Bytes content = builder.finish();
  const std::string key = new_key(places.front().server_seq, places.back().server_seq);
  const auto id = bodies_.begin_segment(key);
  if (!id) {
    return id.error();
  }
  BOATHOUSE_TRY(store_.put(key, content));
  const auto written = store_.read_all(key, content.size());
  if (!written) {
    return written.error();
  }
  if (*written != content) {
    return Error{ErrorCode::io, "segment " + key + " is not what was written: look at its disk"};
  }
  for (std::size_t first = 0; first < places.size(); first += options_.at_once) {
    const std::size_t count = std::min(options_.at_once, places.size() - first);
    const std::span<const segments::Place> slice = std::span(places).subspan(first, count);
    BOATHOUSE_TRY(bodies_.place_bodies(*id, content.size(), places.size(), slice));
    report_.moved += count;
  }
  ++report_.written;
  return {};
}

// Without what was purged in it.
Status BodyMover::rewrite(const SegmentRow& segment) {
  const auto movable = bodies_.in_segment(segment.id);
  if (!movable) {
    return movable.error();
  }
  const auto taken = take(*movable);
  if (!taken) {
    return taken.error();
  }
  return write(*taken);
}

// Whether to write it anew without what was purged. Not while a lost body should lie in it: its object may be put back.
Result<bool> BodyMover::is_to_be_thinned(const SegmentRow& segment, std::span<const LostBody> lost) {
  if (segment.live == segment.bodies || lost.size() == kMaxLostAtOnce) {
    return false;  // nothing was purged, or not all that is lost is known
  }
  const auto bodies = bodies_.in_segment(segment.id);
  if (!bodies) {
    return bodies.error();
  }
  return std::ranges::none_of(*bodies, [lost](const MovableBody& body) {
    return std::ranges::find(lost, body.server_seq, &LostBody::server_seq) != lost.end();
  });
}

Status BodyMover::keep() {
  const auto lost = bodies_.lost(kMaxLostAtOnce);
  if (!lost) {
    return lost.error();
  }
  const auto rows = all_segments();
  if (!rows) {
    return rows.error();
  }
  std::size_t checks = 0;
  for (const SegmentRow& row : *rows) {
    if (row.state != SegmentState::whole || row.live == 0) {
      continue;
    }
    const auto thin = is_to_be_thinned(row, *lost);
    if (!thin) {
      return thin.error();
    }
    if (*thin) {
      BOATHOUSE_TRY(rewrite(row));
    } else if (row.since_ms + options_.check_ms <= clock_.utc_ms() && checks++ < options_.checks) {
      BOATHOUSE_TRY(look_at(row));
    }
    BOATHOUSE_TRY(watch());
  }
  return {};
}

Status BodyMover::look_at(const SegmentRow& segment) {
  const auto content = store_.read_all(segment.key, segment.bytes);
  if (!content && !is_damage(content.error().code) && content.error().code != ErrorCode::too_large) {
    return content.error();
  }
  if (content && segments::check_segment(*content)) {
    return bodies_.segment_is_well(segment.id);
  }
  ++report_.damaged;
  return rewrite(segment);  // what can be read still; the rest is noted as lost by the way
}

Status BodyMover::bring_back() {
  const auto lost = bodies_.lost(kMaxLostAtOnce);
  if (!lost) {
    return lost.error();
  }
  std::vector<LostBody> wanted;
  for (const LostBody& one : *lost) {
    const auto body = bodies_.body(one.server_seq);  // its object may have been put back
    if (body && check_(*body, one.sha256)) {
      BOATHOUSE_TRY(bodies_.body_is_back(one.server_seq, *body));
      ++report_.back;
    } else {
      wanted.push_back(one);
    }
  }
  report_.lost = wanted.size();
  if (wanted.empty() || !find_) {
    return {};
  }
  const auto found = find_(wanted);
  if (!found) {
    return found.error();
  }
  for (const LostBody& one : wanted) {
    const auto body = found->find(one.server_seq);
    if (body != found->end() && check_(body->second, one.sha256)) {
      BOATHOUSE_TRY(bodies_.body_is_back(one.server_seq, body->second));
      ++report_.back;
      --report_.lost;
    }
  }
  return watch();
}

}  // namespace boathouse::ledger
