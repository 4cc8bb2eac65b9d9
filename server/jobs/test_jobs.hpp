// For tests of the jobs: a queue on the database that is named, and another process's view of it.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "server/jobs/queue.hpp"
#include "server/sql/test_postgres.hpp"
#include "tests/support/temporary_folder.hpp"

namespace boathouse::jobs {

inline void make_queue(const sql::Place& place) {
  base::SeededRandom random{8};
  if (!Queue::open(place, random)) std::abort();
}

class JobsTest : public testing::TestWithParam<sql::Dialect> {
 protected:
  static constexpr std::int64_t kLease = 1000;

  JobsTest() : database_(GetParam(), folder_.file("jobs.db"), make_queue) {}

  void SetUp() override {
    ASSERT_EQ(database_.missing(), "");
    queue_ = open();
    other_ = open();
  }

  std::unique_ptr<Queue> open() {
    auto opened = Queue::open(database_.place(), random_);
    EXPECT_TRUE(opened) << opened.error().text;
    return std::move(*opened);
  }

  std::int64_t add(const std::string& payload, std::int64_t due_ms = 0, const std::string& dedupe = "") {
    const auto id = queue_->add({"test", payload, dedupe, due_ms}, now());
    EXPECT_TRUE(id) << id.error().text;
    return id ? *id : 0;
  }
  Job job(std::int64_t id) {
    const auto found = queue_->find(id);
    EXPECT_TRUE(found && *found);
    return **found;
  }
  [[nodiscard]] std::int64_t now() const { return clock_.utc_ms(); }

  test_support::TemporaryFolder folder_;
  sql::TestDatabase database_;
  base::ManualClock clock_{1'700'000'000'000};
  base::SeededRandom random_{7};
  std::unique_ptr<Queue> queue_;
  std::unique_ptr<Queue> other_;  // of another worker
};

inline auto both_databases() { return testing::Values(sql::Dialect::sqlite, sql::Dialect::postgres); }
inline std::string database_name(const testing::TestParamInfo<sql::Dialect>& info) {
  return info.param == sql::Dialect::sqlite ? "sqlite" : "postgres";
}

}  // namespace boathouse::jobs
