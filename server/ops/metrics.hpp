// Counters, gauges and histograms, and their text for Prometheus (exposition format 0.0.4). Names and units by its
// conventions: "boathouse_..._total" counts, "_seconds" and "_bytes" measure.
//
// Declare everything before the server starts: a family with its label names, then any thread counts. A family has at
// most kMaxSeries series, or as many as it was declared with; what comes after them is counted under "other" in every
// label, so that nothing from outside can make it grow. Counting an existing series takes no lock but a shared one.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace boathouse::ops {

inline constexpr std::size_t kMaxSeries = 200;

using LabelValues = std::vector<std::string>;

class Counter {
 public:
  void add(std::uint64_t more = 1) { value_.fetch_add(more, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

class Histogram {
 public:
  // Upper bounds, ascending; +Inf is added.
  explicit Histogram(std::span<const double> bounds);
  void observe(double value);

 private:
  friend class Registry;
  std::vector<double> bounds_;
  std::vector<std::atomic<std::uint64_t>> buckets_;  // one more than bounds, not cumulative
  std::atomic<double> sum_ = 0;
};

// Some of one name, told apart by the values of its labels.
template <typename Metric>
class Family {
 public:
  // The series with these values, one for each label; the reference stays good.
  Metric& with(const LabelValues& values) {
    {
      const std::shared_lock lock(mutex_);
      if (const auto found = series_.find(values); found != series_.end()) return *found->second;
    }
    const std::unique_lock lock(mutex_);
    const bool full = series_.size() >= max_series_ && !series_.contains(values);
    auto& slot = series_[full ? LabelValues(labels_.size(), "other") : values];
    if (!slot) slot = make_();
    return *slot;
  }

 private:
  friend class Registry;
  Family(std::vector<std::string> labels, std::size_t max_series, std::function<std::unique_ptr<Metric>()> make)
      : labels_(std::move(labels)), max_series_(max_series), make_(std::move(make)) {}

  std::vector<std::string> labels_;
  std::size_t max_series_;
  std::function<std::unique_ptr<Metric>()> make_;
  mutable std::shared_mutex mutex_;
  std::map<LabelValues, std::unique_ptr<Metric>> series_;
};

// One value of a gauge or counter that is read when somebody asks.
struct Sample {
  LabelValues labels;
  double value = 0;
};

class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // Requires a name of [A-Za-z0-9_] that is not there yet (else std::invalid_argument: a bug); labels the same.
  // References stay good as long as the registry. `max_series`: larger than kMaxSeries only for labels that the
  // program's own words fill, so that they end before it.
  Family<Counter>& counters(const std::string& name, const std::string& help, std::vector<std::string> labels,
                            std::size_t max_series = kMaxSeries);
  Counter& counter(const std::string& name, const std::string& help);
  Family<Histogram>& histograms(const std::string& name, const std::string& help, std::vector<std::string> labels,
                                std::span<const double> bounds);
  // Called by text(), from any thread; must not call the registry. `counts`: it only grows, so it is a counter.
  void collect(const std::string& name, const std::string& help, std::vector<std::string> labels,
               std::function<std::vector<Sample>()> read, bool counts = false);

  // The same for families whose values come of one question: text() asks it once. `read` gives samples for each of
  // them, in order, or for none.
  struct Description {
    std::string name;
    std::string help;
    std::vector<std::string> labels;
    bool counts = false;
  };
  void collect_together(std::vector<Description> families, std::function<std::vector<std::vector<Sample>>()> read);

  // In the order of declaration; series by their labels.
  [[nodiscard]] std::string text() const;

 private:
  struct Declared;
  Declared& declare(const std::string& name, const std::string& help, const std::vector<std::string>& labels,
                    std::string_view type);
  std::vector<std::unique_ptr<Declared>> all_;
};

inline constexpr const char* kMetricsMediaType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace boathouse::ops
