#include "server/ops/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <stdexcept>
#include <thread>

#include "server/ops/process.hpp"

namespace boathouse::ops {
namespace {

using testing::HasSubstr;

constexpr std::array kBounds{0.1, 1.0};

TEST(Metrics, TextIsPrometheus) {
  Registry registry;
  auto& items = registry.counters("boathouse_items_total", "Items by result.", {"kind", "result"});
  items.with({"chunk", "stored"}).add(3);
  items.with({"chunk", "duplicate"}).add();
  auto& seconds = registry.histograms("boathouse_ack_seconds", "Request to answer.", {"route"}, kBounds);
  seconds.with({"sync"}).observe(0.05);
  seconds.with({"sync"}).observe(0.1);
  seconds.with({"sync"}).observe(0.5);
  seconds.with({"sync"}).observe(7);
  registry.collect("boathouse_up", "1: it is.", {}, [] { return std::vector<Sample>{{{}, 1}}; });
  EXPECT_EQ(registry.text(),
            "# HELP boathouse_items_total Items by result.\n"
            "# TYPE boathouse_items_total counter\n"
            "boathouse_items_total{kind=\"chunk\",result=\"duplicate\"} 1\n"
            "boathouse_items_total{kind=\"chunk\",result=\"stored\"} 3\n"
            "# HELP boathouse_ack_seconds Request to answer.\n"
            "# TYPE boathouse_ack_seconds histogram\n"
            "boathouse_ack_seconds_bucket{route=\"sync\",le=\"0.1\"} 2\n"
            "boathouse_ack_seconds_bucket{route=\"sync\",le=\"1\"} 3\n"
            "boathouse_ack_seconds_bucket{route=\"sync\",le=\"+Inf\"} 4\n"
            "boathouse_ack_seconds_sum{route=\"sync\"} 7.65\n"
            "boathouse_ack_seconds_count{route=\"sync\"} 4\n"
            "# HELP boathouse_up 1: it is.\n"
            "# TYPE boathouse_up gauge\n"
            "boathouse_up 1\n");
}

TEST(Metrics, OneQuestionIsAskedOnceForAllItsFamilies) {
  Registry registry;
  int asked = 0;
  bool answers = true;
  registry.collect_together({{"boats", "", {"seen"}}, {"crews_total", "", {}, true}},
                            [&]() -> std::vector<std::vector<Sample>> {
                              ++asked;
                              if (!answers) return {};
                              return {{{{"1d"}, 2}, {{"older"}, 3}}, {{{}, 5}}};
                            });
  EXPECT_EQ(registry.text(),
            "# HELP boats \n# TYPE boats gauge\nboats{seen=\"1d\"} 2\nboats{seen=\"older\"} 3\n"
            "# HELP crews_total \n# TYPE crews_total counter\ncrews_total 5\n");
  EXPECT_EQ(asked, 1);
  answers = false;
  EXPECT_EQ(registry.text(), "# HELP boats \n# TYPE boats gauge\n# HELP crews_total \n# TYPE crews_total counter\n");
  EXPECT_EQ(asked, 2);
}

TEST(Metrics, WhatComesFromOutsideIsEscapedAndBounded) {
  Registry registry;
  auto& family = registry.counters("seen_total", "a \\ b\nc", {"what"});
  family.with({"\"quoted\"\n\\"}).add();
  EXPECT_THAT(registry.text(), HasSubstr("# HELP seen_total a \\\\ b\\nc\n"));
  EXPECT_THAT(registry.text(), HasSubstr("seen_total{what=\"\\\"quoted\\\"\\n\\\\\"} 1\n"));
  for (std::size_t i = 0; i < 3 * kMaxSeries; ++i) family.with({std::to_string(i)}).add();
  EXPECT_EQ(family.with({"5"}).value(), 1U);
  EXPECT_EQ(family.with({"other"}).value(), 2 * kMaxSeries + 1);
}

TEST(Metrics, AFamilyOfTheProgramsOwnWordsMayBeLarger) {
  Registry registry;
  auto& family = registry.counters("answers_total", "", {"route", "status"}, 2 * kMaxSeries);
  for (std::size_t i = 0; i < 2 * kMaxSeries; ++i) family.with({std::to_string(i), "404"}).add();
  EXPECT_EQ(family.with({std::to_string(2 * kMaxSeries - 1), "404"}).value(), 1U);
  family.with({"0", "500"}).add();
  EXPECT_EQ(family.with({"other", "other"}).value(), 1U);
}

TEST(Metrics, AWrongNameIsABug) {
  Registry registry;
  registry.counter("good_total", "");
  EXPECT_THROW(registry.counter("good_total", ""), std::invalid_argument);
  EXPECT_THROW(registry.counter("Bad-name", ""), std::invalid_argument);
  EXPECT_THROW(registry.counters("other_total", "", {"a b"}), std::invalid_argument);
}

TEST(Metrics, ManyThreadsLoseNoCount) {
  Registry registry;
  auto& family = registry.counters("n_total", "", {"thread"});
  Counter& all = registry.counter("all_total", "");
  std::array<std::thread, 4> threads;
  for (std::size_t t = 0; t < threads.size(); ++t) {
    threads[t] = std::thread([&, t] {
      for (int i = 0; i < 1000; ++i) {
        family.with({std::to_string(t)}).add();
        all.add();
        if (i % 100 == 0) (void)registry.text();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(all.value(), 4000U);
  EXPECT_EQ(family.with({"3"}).value(), 1000U);
}

TEST(Metrics, AProcessHasMemoryFilesAndAStart) {
  Registry registry;
  add_process_metrics(registry);
  const std::string text = registry.text();
  for (const char* name : {"process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds"}) {
    const std::size_t at = text.find("\n" + std::string(name) + " ");
    ASSERT_NE(at, std::string::npos) << name;
    EXPECT_GT(std::stod(text.substr(at + 2 + std::string(name).size())), 0) << name;
  }
  EXPECT_THAT(text, HasSubstr("# TYPE process_cpu_seconds_total counter\n"));
}

}  // namespace
}  // namespace boathouse::ops
