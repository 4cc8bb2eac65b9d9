#include "core/rowing/session_figures.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "core/rowing/catalogue.hpp"
#include "core/rowing/enumerations.hpp"
#include "core/rowing/formulas.hpp"

namespace boathouse::rowing {
namespace {

constexpr std::size_t kMaxStrokeKeys = 200'000;  // of more, a repeated one counts as another
constexpr std::int64_t kCountedIntervals = 0x10000;
const WorkEnds kNoEnds;

struct SampleColumns {
  static std::size_t of(std::string_view name) { return column_index(Stream::sample, name); }
  std::size_t at_ms = of("at_ms");
  std::size_t interval = of("interval");
  std::size_t elapsed = of("elapsed_cs");
  std::size_t distance = of("distance_dm");
  std::size_t workout_type = of("workout_type");
  std::size_t workout_state = of("workout_state");
  std::size_t rowing_state = of("rowing_state");
  std::size_t total_work = of("total_work_distance_m");
  std::size_t drag = of("drag_factor");
  std::size_t rate = of("stroke_rate_spm");
  std::size_t heart_rate = of("heart_rate_bpm");
  std::size_t pace = of("pace_cs_per_500m");
  std::size_t rest_distance = of("rest_distance_m");
  std::size_t rest_time = of("rest_time_cs");
  std::size_t machine = of("erg_machine_type");
  std::size_t interval_count = of("interval_count");
  std::size_t calories = of("total_calories");
};
const SampleColumns& sample_columns() {
  static const SampleColumns kColumns;
  return kColumns;
}

struct StrokeColumns {
  static std::size_t of(std::string_view name) { return column_index(Stream::stroke, name); }
  std::size_t at_ms = of("at_ms");
  std::size_t interval = of("interval");
  std::size_t elapsed = of("elapsed_cs");
  std::size_t distance = of("distance_dm");
  std::size_t count = of("stroke_count");
  std::size_t power = of("stroke_power_w");
};
const StrokeColumns& stroke_columns() {
  static const StrokeColumns kColumns;
  return kColumns;
}

struct SplitColumns {
  static std::size_t of(std::string_view name) { return column_index(Stream::split, name); }
  std::size_t interval = of("interval");
  std::size_t time = of("split_time_ds");
  std::size_t distance = of("split_distance_m");
  std::size_t rest_time = of("rest_time_s");
  std::size_t rest_distance = of("rest_distance_m");
  std::size_t type = of("split_type");
  std::size_t number = of("split_number");
};
const SplitColumns& split_columns() {
  static const SplitColumns kColumns;
  return kColumns;
}

std::int64_t or_else(std::int64_t first, std::int64_t second) { return first == kNull ? second : first; }
std::int64_t larger(std::int64_t a, std::int64_t b) { return std::max(a, b); }  // kNull is the smallest
std::int64_t smaller(std::int64_t a, std::int64_t b) {
  return a == kNull || b == kNull ? or_else(a, b) : std::min(a, b);
}

Figure derived(std::int64_t value) { return {value, value == kNull ? FigureSource::none : FigureSource::derived}; }

void say(Figure& figure, std::int64_t word) {
  if (word != kNull) figure = {word, FigureSource::monitor};
}

void add(Figure& sum, std::int64_t value) {
  if (value != kNull) sum = derived(or_else(sum.value, 0) + value);
}

// Of a split that is work.
bool is_set_by_time(std::int64_t type) { return type == kNull || type == 0 || type == 3; }
bool is_set_by_distance(std::int64_t type) { return type == kNull || type == 1 || type == 4; }
bool is_work(std::int64_t type) { return type != 2 && type != 5; }

IntervalMoment moment_of(const Record& sample, bool rests) {
  const SampleColumns& at = sample_columns();
  return {.at_ms = sample.values[at.at_ms],
          .interval = or_else(sample.values[at.interval], 0),
          .elapsed_cs = sample.values[at.elapsed],
          .distance_dm = sample.values[at.distance],
          .total_work_distance_m = sample.values[at.total_work],
          .interval_count = sample.values[at.interval_count],
          .rests = rests};
}

std::int64_t power_of_pace(std::int64_t pace_cs_per_500m, std::int64_t machine) {
  const double watts = power_w(static_cast<double>(pace_cs_per_500m) / 50'000.0, machine);
  return watts < 65'535.0 ? std::lround(watts) : 65'535;
}

}  // namespace

std::span<const std::string_view> figure_columns(Stream stream) {
  static constexpr std::string_view kSample[] = {
      "at_ms",           "interval",         "elapsed_cs",       "distance_dm",
      "workout_type",    "workout_state",    "rowing_state",     "drag_factor",
      "stroke_rate_spm", "heart_rate_bpm",   "pace_cs_per_500m", "rest_distance_m",
      "rest_time_cs",    "erg_machine_type", "total_calories",   "total_work_distance_m",
      "interval_count"};
  static constexpr std::string_view kStroke[] = {"at_ms",       "interval",     "elapsed_cs",
                                                 "distance_dm", "stroke_count", "stroke_power_w"};
  static constexpr std::string_view kSplit[] = {"interval",        "split_time_ds", "split_distance_m", "rest_time_s",
                                                "rest_distance_m", "split_type",    "split_number"};
  static constexpr std::string_view kSummary[] = {
      "elapsed_cs",      "distance_dm",         "workout_type",       "erg_machine_type",      "avg_pace_ds_per_500m",
      "avg_power_w",     "avg_stroke_rate_spm", "total_calories",     "total_rest_distance_m", "work_time_ds",
      "rest_time_ds",    "stroke_count",        "avg_heart_rate_bpm", "min_heart_rate_bpm",    "max_heart_rate_bpm",
      "avg_drag_factor", "split_count"};
  static constexpr std::string_view kEvent[] = {"kind"};
  switch (stream) {
    case Stream::sample:
      return kSample;
    case Stream::stroke:
      return kStroke;
    case Stream::split:
      return kSplit;
    case Stream::summary:
      return kSummary;
    case Stream::event:
      return kEvent;
    case Stream::force_curve:
    case Stream::source:
      break;
  }
  return {};
}

void SessionReckoner::Mean::add(std::int64_t value) {
  sum += value;
  ++count;
}

Figure SessionReckoner::Mean::rounded() const {
  return count == 0 ? Figure{} : derived((2 * sum + count) / (2 * count));
}

void SessionReckoner::observe(const Record& record) {
  static const std::size_t kKind = column_index(Stream::event, "kind");
  switch (record.stream) {
    case Stream::sample:
      return observe_sample(record);
    case Stream::stroke:
      return observe_stroke(record);
    case Stream::split:
      splits_.insert_or_assign(record.values[split_columns().number], record);
      return;
    case Stream::summary:
      summary_ = record;
      return;
    case Stream::event:
      if (record.values[kKind] == static_cast<std::int64_t>(EventKind::gap)) ++figures_.gaps;
      return;
    case Stream::force_curve:
    case Stream::source:
      return;
  }
}

std::int64_t SessionReckoner::summary_value(std::string_view column) const {
  return summary_ ? summary_->values[column_index(Stream::summary, column)] : kNull;
}

std::int64_t SessionReckoner::workout_type() const {
  return or_else(summary_value("workout_type"), figures_.workout_type);
}

const WorkEnds& SessionReckoner::interval_ends() {
  if (ends_known_ || workout_type() == kNull) return ends_;
  ends_known_ = true;
  if (!has_intervals(workout_type())) return ends_;
  const SplitColumns& at = split_columns();
  for (const auto& [number, split] : splits_) {
    const std::int64_t time_ds = split.values[at.time];
    const std::int64_t distance_m = split.values[at.distance];
    if (time_ds == kNull || distance_m == kNull || !is_work(split.values[at.type])) continue;
    ends_.try_emplace(or_else(split.values[at.interval], 0), time_ds * 10, distance_m * 10);
  }
  return ends_;
}

std::optional<WorkEnd> SessionReckoner::whole_piece() const {
  const std::int64_t elapsed_cs = summary_value("elapsed_cs");
  const std::int64_t distance_dm = summary_value("distance_dm");
  // A file may not tell the type, but the rest between intervals.
  const bool rested = summary_value("rest_time_ds") > 0 || summary_value("total_rest_distance_m") > 0;
  if (has_intervals(workout_type()) || rested || elapsed_cs == kNull || distance_dm <= 0) return std::nullopt;
  return WorkEnd{elapsed_cs, distance_dm};
}

void SessionReckoner::end_samples() {
  if (samples_ended_) return;
  samples_ended_ = true;
  end_rest();
  of_samples_.finish(interval_ends(), whole_piece());
  power_of_pace_.finish(of_samples_.reached());
}

void SessionReckoner::observe_sample(const Record& record) {
  const SampleColumns& at = sample_columns();
  const std::int64_t state = record.values[at.workout_state];
  figures_.workout_type = or_else(record.values[at.workout_type], figures_.workout_type);
  figures_.erg_machine_type = or_else(record.values[at.machine], figures_.erg_machine_type);
  const std::int64_t silence_cs = observe_silence_cs(record.values[at.at_ms], state);
  // Who ends a piece in its rest has drifted: the counters then say more than the work was.
  const bool ended = state >= static_cast<std::int64_t>(WorkoutState::workout_end);
  if (ended && silence_cs > kOvertakenCs && has_intervals(workout_type())) {
    ended_in_silence_ = true;  // it may have been in a rest
    of_samples_.end_interval(interval_ends());
  }
  const bool ended_in_rest = ended && (rest_ || ended_in_silence_);
  const bool works = !is_rest(state) && !ended_in_rest;
  const std::int64_t heart_rate = record.values[at.heart_rate];
  if (heart_rate != kNull) {
    heart_rate_.add(heart_rate);
    figures_.min_heart_rate_bpm = derived(smaller(figures_.min_heart_rate_bpm.value, heart_rate));
    figures_.max_heart_rate_bpm = derived(larger(figures_.max_heart_rate_bpm.value, heart_rate));
  }
  if (record.values[at.drag] != kNull) drag_.add(record.values[at.drag]);
  if (works) {
    end_rest();
    observe_work(record, silence_cs > kSilenceCs);
  } else if (!ended_in_rest) {
    is_of_an_interval(record, true);
    of_samples_.rest();
    observe_rest(record);
  }
  observe_calories(record);
  observe_times(record, works);
  last_interval_ = or_else(record.values[at.interval], 0);
}

// How long nothing was heard before this one. A file may have a sample a stroke, and no state: there it is a pause.
std::int64_t SessionReckoner::observe_silence_cs(std::int64_t at_ms, std::int64_t workout_state) {
  if (workout_state == kNull) return 0;
  const std::int64_t silence_cs = at_ms == kNull || last_state_ms_ == kNull ? 0 : (at_ms - last_state_ms_) / 10;
  last_state_ms_ = at_ms;
  return silence_cs;
}

bool SessionReckoner::is_of_an_interval(const Record& record, bool rests) {
  const IntervalMoment now = moment_of(record, rests);
  if (now.elapsed_cs == kNull || now.distance_dm == kNull || !has_intervals(workout_type())) return true;
  const IntervalWatch::Verdict verdict = watch_.observe(now);
  if (verdict == IntervalWatch::Verdict::another) {
    end_rest();
    const bool counted = now.interval != last_interval_;
    of_samples_.end_interval(counted ? interval_ends() : kNoEnds);  // which split is whose was not known either
    if (!counted && uncounted_ms_.size() < kMaxSplits) {
      uncounted_ms_.push_back(last_at_ms_ + (now.at_ms - last_at_ms_) / 2);
    }
    calories_restart_ = true;
  }
  return verdict != IntervalWatch::Verdict::unclear;
}

void SessionReckoner::observe_work(const Record& record, bool silence) {
  const SampleColumns& at = sample_columns();
  if (record.values[at.rate] > 0) rate_.add(record.values[at.rate]);
  const std::int64_t elapsed_cs = record.values[at.elapsed];
  if (!is_of_an_interval(record, false) || elapsed_cs == kNull) return;
  const std::int64_t interval = interval_at(record.values[at.interval], record.values[at.at_ms]);
  const std::uint64_t lines = of_samples_.lines();
  if (record.values[at.distance] != kNull) {
    if (!of_samples_.work(interval, elapsed_cs, record.values[at.distance], interval_ends())) ++figures_.clock_jumps;
  }
  if (of_samples_.lines() != lines) power_of_pace_.finish(of_samples_.reached());
  const std::int64_t pace = record.values[at.pace];
  const bool rows = record.values[at.rowing_state] != 0 && pace != kNull;
  const std::int64_t watts = rows ? power_of_pace(pace, or_else(figures_.erg_machine_type, 0)) : 0;
  power_of_pace_.hold(interval, elapsed_cs, watts, of_samples_.reached(), silence);
}

std::int64_t SessionReckoner::interval_at(std::int64_t interval, std::int64_t at_ms) const {
  const auto uncounted = std::ranges::lower_bound(uncounted_ms_, at_ms) - uncounted_ms_.begin();
  return or_else(interval, 0) + uncounted * kCountedIntervals;
}

void SessionReckoner::observe_rest(const Record& record) {
  const SampleColumns& at = sample_columns();
  const std::int64_t interval = or_else(record.values[at.interval], 0);
  if (rest_ && rest_->interval != interval) end_rest();
  if (!rest_) rest_ = Rest{.interval = interval};
  rest_->distance_m = larger(rest_->distance_m, record.values[at.rest_distance]);
  rest_->most_left_cs = larger(rest_->most_left_cs, record.values[at.rest_time]);
  rest_->least_left_cs = smaller(rest_->least_left_cs, record.values[at.rest_time]);
}

void SessionReckoner::end_rest() {
  if (!rest_) return;
  Rested& rested = rests_[rest_->interval];
  add(rested.distance_m, rest_->distance_m);
  if (rest_->most_left_cs != kNull) add(rested.time_cs, rest_->most_left_cs - rest_->least_left_cs);
  rest_.reset();
}

void SessionReckoner::observe_calories(const Record& record) {
  const std::int64_t calories = record.values[sample_columns().calories];
  const std::int64_t interval = or_else(record.values[sample_columns().interval], 0);
  if (calories == kNull) return;
  const bool fell = interval != last_interval_ && calories_ != kNull && calories < calories_;
  if ((fell || calories_restart_) && calories_ != kNull) {
    calories_over_ += calories_;
    calories_ = kNull;
  }
  calories_restart_ = false;
  calories_ = larger(calories_, calories);
}

void SessionReckoner::observe_times(const Record& record, bool works) {
  const SampleColumns& at = sample_columns();
  const std::int64_t at_ms = record.values[at.at_ms];
  const std::int64_t elapsed_cs = record.values[at.elapsed];
  const std::int64_t interval = or_else(record.values[at.interval], 0);
  std::int64_t held_ms = 0;
  if (at_ms != kNull && last_at_ms_ != kNull) {
    held_ms = at_ms - last_at_ms_;
    if (held_ms < 0) ++figures_.clock_jumps;
  } else if (elapsed_cs != kNull && last_elapsed_cs_ != kNull && interval == last_interval_) {
    held_ms = (elapsed_cs - last_elapsed_cs_) * 10;
  }
  held_ms = std::clamp<std::int64_t>(held_ms, 0, kLongestHoldCs * 10);
  const std::int64_t heart_rate = record.values[at.heart_rate];
  const std::int64_t pace = record.values[at.pace];
  if (heart_rate != kNull && held_ms > 0) figures_.heart_rate_ms[heart_rate] += held_ms;
  if (works && record.values[at.rowing_state] != 0 && pace != kNull && held_ms > 0) {
    figures_.pace_ms[pace / 100] += held_ms;
  }
  last_at_ms_ = at_ms;
  last_elapsed_cs_ = elapsed_cs;
}

void SessionReckoner::observe_stroke(const Record& record) {
  end_samples();
  const StrokeColumns& at = stroke_columns();
  const std::int64_t interval = interval_at(record.values[at.interval], record.values[at.at_ms]);
  const std::int64_t count = record.values[at.count];
  if (count == kNull || stroke_keys_.size() == kMaxStrokeKeys) {
    ++strokes_without_key_;
  } else {
    stroke_keys_.push_back(static_cast<std::uint64_t>(interval) << 16 | static_cast<std::uint64_t>(count));
  }
  const std::int64_t watts = record.values[at.power];
  figures_.max_power_w = derived(larger(figures_.max_power_w.value, watts));
  const std::int64_t elapsed_cs = record.values[at.elapsed];
  if (elapsed_cs == kNull) return;
  if (of_samples_.empty() && record.values[at.distance] != kNull) {
    of_strokes_.work(interval, elapsed_cs, record.values[at.distance], interval_ends());
  }
  if (interval != last_stroke_interval_ && progress().begins(interval)) power_of_strokes_.finish(progress().reached());
  if (watts == kNull) return;  // one whose power was lost is covered by the next
  const bool lost = strokes_were_lost(interval, count);
  power_of_strokes_.hold(interval, elapsed_cs, watts, progress().reached(), lost);
  last_stroke_interval_ = interval;
  last_stroke_count_ = count;
}

bool SessionReckoner::strokes_were_lost(std::int64_t interval, std::int64_t count) const {
  if (count == kNull) return false;
  if (interval != last_stroke_interval_) return count > 1;
  return last_stroke_count_ != kNull && count > last_stroke_count_ + 1;
}

const ProgressBests& SessionReckoner::progress() const { return of_samples_.empty() ? of_strokes_ : of_samples_; }

void SessionReckoner::take_samples(SessionFigures& figures) const {
  if (!progress().empty()) {
    figures.work_time_cs = derived(progress().time_cs());
    figures.work_distance_dm = derived(progress().distance_dm());
  }
  figures.avg_stroke_rate_spm = rate_.rounded();
  figures.avg_heart_rate_bpm = heart_rate_.rounded();
  figures.avg_drag_factor = drag_.rounded();
  if (calories_ != kNull) figures.total_calories = derived(calories_over_ + calories_);
  std::vector<std::uint64_t> keys = stroke_keys_;
  std::ranges::sort(keys);
  const auto repeats = std::ranges::unique(keys);
  const auto strokes = static_cast<std::int64_t>(repeats.begin() - keys.begin()) + strokes_without_key_;
  if (strokes > 0) figures.stroke_count = derived(strokes);
}

// None is missing between them, and none behind the last one that is here.
bool SessionReckoner::splits_are_complete() const {
  const auto count = static_cast<std::int64_t>(splits_.size());
  if (count == 0 || splits_.begin()->first != 1 || splits_.rbegin()->first != count) return false;
  const std::int64_t told = summary_value("split_count");
  return count > last_interval_ + static_cast<std::int64_t>(uncounted_ms_.size()) && (told == kNull || count >= told);
}

void SessionReckoner::take_rests(SessionFigures& figures) const {
  const SplitColumns& at = split_columns();
  const auto take = [&](Figure& figure, std::size_t column, std::int64_t unit, Figure Rested::*shown) {
    std::map<std::int64_t, Figure> told;  // by interval
    bool complete = splits_are_complete();
    for (const auto& [number, split] : splits_) {
      const std::int64_t value = split.values[column];
      if (value == kNull) complete = false;
      if (value != kNull) add(told[or_else(split.values[at.interval], 0)], value * unit);
    }
    if (!complete) {
      for (const auto& [interval, rested] : rests_) told.try_emplace(interval, rested.*shown);
    }
    for (const auto& [interval, part] : told) add(figure, part.value);
    if (complete) say(figure, figure.value);
  };
  take(figures.rest_time_cs, at.rest_time, 100, &Rested::time_cs);
  take(figures.rest_distance_m, at.rest_distance, 1, &Rested::distance_m);
}

void SessionReckoner::take_summary(SessionFigures& figures) const {
  // After a hasty abort the monitor sends a summary with no distance: it is kept in the stream, but says nothing about
  // the work.
  figures.has_summary = summary_value("distance_dm") > 0;
  if (figures.has_summary) {
    say(figures.work_time_cs, summary_value("elapsed_cs"));
    say(figures.work_distance_dm, summary_value("distance_dm"));
    const std::int64_t pace_ds = summary_value("avg_pace_ds_per_500m");
    if (pace_ds != kNull) say(figures.avg_pace_cs_per_500m, pace_ds * 10);
    say(figures.avg_power_w, summary_value("avg_power_w"));
    say(figures.avg_stroke_rate_spm, summary_value("avg_stroke_rate_spm"));
    say(figures.total_calories, summary_value("total_calories"));
    say(figures.rest_distance_m, summary_value("total_rest_distance_m"));
  }
  const std::int64_t work_ds = summary_value("work_time_ds");
  const std::int64_t rest_ds = summary_value("rest_time_ds");
  if (work_ds != kNull) say(figures.work_time_cs, work_ds * 10);
  if (rest_ds != kNull) say(figures.rest_time_cs, rest_ds * 10);
  say(figures.stroke_count, summary_value("stroke_count"));
  say(figures.avg_heart_rate_bpm, summary_value("avg_heart_rate_bpm"));
  say(figures.min_heart_rate_bpm, summary_value("min_heart_rate_bpm"));
  say(figures.max_heart_rate_bpm, summary_value("max_heart_rate_bpm"));
  say(figures.avg_drag_factor, summary_value("avg_drag_factor"));
  figures.workout_type = or_else(summary_value("workout_type"), figures.workout_type);
  figures.erg_machine_type = or_else(summary_value("erg_machine_type"), figures.erg_machine_type);
}

namespace {

void derive_pace_and_power(SessionFigures& figures) {
  const std::int64_t time_cs = figures.work_time_cs.value;
  const std::int64_t distance_dm = figures.work_distance_dm.value;
  if (time_cs == kNull || distance_dm == kNull || distance_dm <= 0) return;
  // 500 m in 0.1 m is 5,000.
  if (figures.avg_pace_cs_per_500m.value == kNull) {
    figures.avg_pace_cs_per_500m = derived(time_cs * 5000 / distance_dm);
  }
  const double seconds_per_metre = static_cast<double>(time_cs) / 10.0 / static_cast<double>(distance_dm);
  if (figures.avg_power_w.value == kNull && seconds_per_metre > 0.03) {
    const std::int64_t machine = or_else(figures.erg_machine_type, 0);  // without a word: a RowErg
    figures.avg_power_w = derived(std::lround(power_w(seconds_per_metre, machine)));
  }
}

// Better than what is known, or as good in the monitor's own words.
void offer_time(Figure& best, std::int64_t time_cs) {
  if (time_cs != kNull && (best.value == kNull || time_cs <= best.value)) say(best, time_cs);
}
void offer_distance(Figure& best, std::int64_t distance_dm) {
  if (distance_dm != kNull && distance_dm >= best.value) say(best, distance_dm);
}

}  // namespace

void SessionReckoner::take_bests(SessionFigures& figures) const {
  const SplitColumns& at = split_columns();
  const std::optional<WorkEnd> whole = whole_piece();
  for (std::size_t i = 0; i < kBestDistancesM.size(); ++i) {
    Figure& best = figures.best_times_cs[i];
    best = derived(progress().times_cs()[i]);
    for (const auto& [number, split] : splits_) {
      const bool is_it = split.values[at.distance] == kBestDistancesM[i] && is_set_by_distance(split.values[at.type]);
      if (is_it && split.values[at.time] > 0) offer_time(best, split.values[at.time] * 10);
    }
    if (whole && whole->distance_dm == kBestDistancesM[i] * 10) say(best, whole->elapsed_cs);
  }
  for (std::size_t i = 0; i < kBestTimesS.size(); ++i) {
    Figure& best = figures.best_distances_dm[i];
    best = derived(progress().distances_dm()[i]);
    for (const auto& [number, split] : splits_) {
      const bool is_it = split.values[at.time] == kBestTimesS[i] * 10 && is_set_by_time(split.values[at.type]);
      if (is_it && split.values[at.distance] > 0) offer_distance(best, split.values[at.distance] * 10);
    }
    if (whole && whole->elapsed_cs == kBestTimesS[i] * 100) say(best, whole->distance_dm);
  }
  const bool of_strokes = !power_of_strokes_.empty();
  if (!of_strokes && power_of_pace_.empty()) return;
  figures.power_from = of_strokes ? PowerSource::strokes : PowerSource::pace;
  for (const std::int64_t watts : (of_strokes ? power_of_strokes_ : power_of_pace_).watts()) {
    if (watts != kNull) figures.power_w.push_back(watts);
  }
}

SessionFigures SessionReckoner::finish() {
  end_samples();
  of_strokes_.finish(interval_ends(), whole_piece());
  power_of_strokes_.finish(progress().reached());
  SessionFigures figures = figures_;
  take_samples(figures);
  take_rests(figures);
  take_summary(figures);
  derive_pace_and_power(figures);
  take_bests(figures);
  return figures;
}

}  // namespace boathouse::rowing
