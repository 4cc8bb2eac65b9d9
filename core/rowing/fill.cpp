#include "core/rowing/fill.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/rowing/survey.hpp"

namespace boathouse::rowing {
namespace {

using Next = base::Result<std::optional<PlacedRecord>>;

class Filler {
 public:
  Filler(RecordSource primary, RecordSource other, std::int64_t usual_step)
      : primary_{std::move(primary), std::nullopt, false},
        other_{std::move(other), std::nullopt, false},
        step_(std::max<std::int64_t>(usual_step, 1)) {}

  Next next() {
    BOATHOUSE_TRY(primary_.look());
    const std::optional<Position> until = primary_.position();
    // A record without a place of its own stays behind the one before it.
    const bool unplaced = primary_.ahead && !until;
    while (!unplaced) {
      BOATHOUSE_TRY(other_.look());
      if (!other_.ahead) break;
      const std::optional<Position> at = other_.position();
      if (at && until && !before(*at, *until)) break;
      if (at && (!reached_ || before(*reached_, *at)) && in_a_hole(until)) return other_.take();
      other_.ahead.reset();
    }
    if (until) reached_ = reached_ ? std::max(*reached_, *until) : *until;
    return primary_.take();
  }

 private:
  struct Lane {
    RecordSource source;
    std::optional<PlacedRecord> ahead;
    bool ended = false;

    base::Status look() {
      if (ahead || ended) return {};
      auto next = source();
      if (!next) return next.error();
      ahead = std::move(*next);
      ended = !ahead;
      return {};
    }
    [[nodiscard]] std::optional<Position> position() const { return ahead ? position_of(ahead->record) : std::nullopt; }
    Next take() { return std::exchange(ahead, std::nullopt); }
  };

  // Far enough to be another moment.
  [[nodiscard]] bool before(const Position& a, const Position& b) const {
    return a.interval != b.interval ? a.interval < b.interval : 2 * (b.at - a.at) >= step_;
  }
  // Between what the primary has given and its next record. From one interval to another nobody knows how long it is.
  [[nodiscard]] bool in_a_hole(const std::optional<Position>& until) const {
    return !reached_ || !until || reached_->interval != until->interval || is_hole(until->at - reached_->at, step_);
  }

  Lane primary_;
  Lane other_;
  std::int64_t step_;
  std::optional<Position> reached_;  // the furthest that the primary has come
};

}  // namespace

RecordSource fill_holes(RecordSource primary, RecordSource other, std::int64_t usual_step) {
  const auto filler = std::make_shared<Filler>(std::move(primary), std::move(other), usual_step);
  return [filler] { return filler->next(); };
}

}  // namespace boathouse::rowing
