#include "server/ops/metrics.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace boathouse::ops {
namespace {

using Question = std::function<std::vector<std::vector<Sample>>()>;

bool is_name(std::string_view text) {
  return !text.empty() && (text[0] < '0' || text[0] > '9') && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

// Backslash and line end everywhere, the quote in label values.
std::string escaped(std::string_view text, bool quotes) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
  return out;
}

// {a="1",b="2"}, with `extra` (already in its form) behind them; "" without any.
std::string braces(const std::vector<std::string>& names, const LabelValues& values, const std::string& extra = {}) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    out += (out.empty() ? "" : ",") + names[i] + "=\"" + escaped(i < values.size() ? values[i] : "", true) + "\"";
  }
  if (!extra.empty()) out += (out.empty() ? "" : ",") + extra;
  return out.empty() ? out : "{" + out + "}";
}

}  // namespace

Histogram::Histogram(std::span<const double> bounds)
    : bounds_(bounds.begin(), bounds.end()), buckets_(bounds.size() + 1) {}

void Histogram::observe(double value) {
  const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  buckets_[static_cast<std::size_t>(bound - bounds_.begin())].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

struct Registry::Declared {
  std::string name;
  std::string help;
  std::string type;
  std::vector<std::string> labels;
  // One of these.
  std::unique_ptr<Family<Counter>> counters;
  std::unique_ptr<Family<Histogram>> histograms;
  std::shared_ptr<const Question> question;
  std::size_t answer = 0;  // which of its
};

Registry::Registry() = default;
Registry::~Registry() = default;

Registry::Declared& Registry::declare(const std::string& name, const std::string& help,
                                      const std::vector<std::string>& labels, std::string_view type) {
  const bool taken = std::ranges::any_of(all_, [&name](const auto& other) { return other->name == name; });
  if (taken || !is_name(name) || !std::ranges::all_of(labels, is_name)) {
    throw std::invalid_argument("a metric cannot be called " + name);
  }
  Declared& made = *all_.emplace_back(std::make_unique<Declared>());
  made.name = name;
  made.help = help;
  made.type = type;
  made.labels = labels;
  return made;
}

Family<Counter>& Registry::counters(const std::string& name, const std::string& help, std::vector<std::string> labels,
                                    std::size_t max_series) {
  Declared& made = declare(name, help, labels, "counter");
  made.counters.reset(new Family<Counter>(std::move(labels), max_series, [] { return std::make_unique<Counter>(); }));
  return *made.counters;
}

Counter& Registry::counter(const std::string& name, const std::string& help) {
  return counters(name, help, {}).with({});
}

Family<Histogram>& Registry::histograms(const std::string& name, const std::string& help,
                                        std::vector<std::string> labels, std::span<const double> bounds) {
  Declared& made = declare(name, help, labels, "histogram");
  made.histograms.reset(new Family<Histogram>(
      std::move(labels), kMaxSeries,
      [kept = std::vector<double>(bounds.begin(), bounds.end())] { return std::make_unique<Histogram>(kept); }));
  return *made.histograms;
}

void Registry::collect(const std::string& name, const std::string& help, std::vector<std::string> labels,
                       std::function<std::vector<Sample>()> read, bool counts) {
  collect_together({{name, help, std::move(labels), counts}},
                   [read = std::move(read)] { return std::vector<std::vector<Sample>>{read()}; });
}

void Registry::collect_together(std::vector<Description> families,
                                std::function<std::vector<std::vector<Sample>>()> read) {
  const auto question = std::make_shared<const Question>(std::move(read));
  for (std::size_t i = 0; i < families.size(); ++i) {
    const Description& one = families[i];
    Declared& made = declare(one.name, one.help, one.labels, one.counts ? "counter" : "gauge");
    made.question = question;
    made.answer = i;
  }
}

std::string Registry::text() const {
  std::string out;
  std::map<const Question*, std::vector<std::vector<Sample>>> asked;
  for (const auto& one : all_) {
    const std::string& name = one->name;
    out += "# HELP " + name + " " + escaped(one->help, false) + "\n# TYPE " + name + " " + one->type + "\n";
    if (one->question) {
      const auto [found, is_new] = asked.try_emplace(one->question.get());
      if (is_new) found->second = (*one->question)();
      if (one->answer < found->second.size()) {
        for (const Sample& sample : found->second[one->answer]) {
          out += name + braces(one->labels, sample.labels) + " " + number(sample.value) + "\n";
        }
      }
    } else if (one->counters) {
      const std::shared_lock lock(one->counters->mutex_);
      for (const auto& [values, counter] : one->counters->series_) {
        out += name + braces(one->labels, values) + " " + std::to_string(counter->value()) + "\n";
      }
    } else {
      const std::shared_lock lock(one->histograms->mutex_);
      for (const auto& [values, histogram] : one->histograms->series_) {
        std::uint64_t below = 0;
        for (std::size_t i = 0; i < histogram->buckets_.size(); ++i) {
          below += histogram->buckets_[i].load(std::memory_order_relaxed);
          const std::string bound = i < histogram->bounds_.size() ? number(histogram->bounds_[i]) : "+Inf";
          out += name + "_bucket" + braces(one->labels, values, "le=\"" + bound + "\"") + " " + std::to_string(below) +
                 "\n";
        }
        out += name + "_sum" + braces(one->labels, values) + " " +
               number(histogram->sum_.load(std::memory_order_relaxed)) + "\n";
        out += name + "_count" + braces(one->labels, values) + " " + std::to_string(below) + "\n";
      }
    }
  }
  return out;
}

}  // namespace boathouse::ops
