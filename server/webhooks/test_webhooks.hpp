// For tests of the webhooks: a store and a queue on the database that is named, calls that go nowhere.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "server/jobs/runner.hpp"
#include "server/sql/test_postgres.hpp"
#include "server/webhooks/delivery.hpp"
#include "server/webhooks/sender.hpp"
#include "server/webhooks/store.hpp"
#include "tests/support/temporary_folder.hpp"

namespace boathouse::webhooks {

inline base::Uuid uuid(std::uint8_t number) {
  base::Uuid id;
  id.bytes[15] = number;
  return id;
}

inline const std::string& header(const Post& post, std::string_view name) {
  static const std::string none;
  for (const auto& [one, value] : post.headers) {
    if (one == name) {
      return value;
    }
  }
  return none;
}

// Both parts' tables: on PostgreSQL they share a database.
inline void make_tables(const sql::Place& place) {
  base::ManualClock clock{1'700'000'000'000};
  base::SeededRandom random{8};
  if (!Store::open(place, clock, random) || !jobs::Queue::open(place, random)) std::abort();
}

class WebhooksFixture : public testing::Test {
 protected:
  explicit WebhooksFixture(sql::Dialect dialect) : database_(dialect, folder_.file("webhooks.db"), make_tables) {}

  void SetUp() override {
    ASSERT_EQ(database_.missing(), "");
    auto store = Store::open(database_.place(), clock_, random_);
    ASSERT_TRUE(store) << store.error().text;
    store_ = std::move(*store);
    auto queue = jobs::Queue::open(jobs_place(), random_);
    ASSERT_TRUE(queue) << queue.error().text;
    queue_ = std::move(*queue);
    runner_ =
        std::make_unique<jobs::Runner>(*queue_, clock_, random_, jobs::Runner::Options{}, [](std::string_view) {});
    deliverer_ = std::make_unique<Deliverer>(
        *store_, clock_, random_, Policy{},
        [this](const base::Uuid&, const std::string& host) { return resolve(host); },
        [this](const Post& post) { return send(post); }, [this](CallResult result) { ++calls_[result]; });
    runner_->handle(
        std::string(kDeliveryJob), [this](jobs::Runner::Context& context) { return deliverer_->run(context); },
        kCallPlaces, kLongestWaitMs);
  }

  sql::Place jobs_place() {
    sql::Place place = database_.place();
    if (!place.sqlite_file.empty()) {
      place.sqlite_file = folder_.file("jobs.db");
    }
    return place;
  }
  virtual base::Result<std::vector<Address>> resolve(const std::string& host) {
    resolved_.push_back(host);
    return std::vector{*Address::parse("8.8.8.8")};
  }
  // Answers what `answers_` has, 0 = none; 204 when it is empty.
  virtual base::Result<Answer> send(const Post& post) {
    posts_.push_back(post);
    int status = 204;
    if (!answers_.empty()) {
      status = answers_.front();
      answers_.pop_front();
    }
    if (status == 0) {
      return base::Error{base::ErrorCode::unavailable, "no answer"};
    }
    return Answer{status, 12, retry_after_ms_};
  }

  Endpoint endpoint(const std::string& url = "https://example.com/in", const std::vector<std::string>& events = {}) {
    auto made = store_->create(kAnna, url, events);
    EXPECT_TRUE(made) << made.error().text;
    return *made;
  }
  std::vector<base::Uuid> tell(const std::string& event_id, const std::string& type = "session.created") {
    return tell(kAnna, event_id, type);
  }
  // The deliveries of it that wait.
  std::vector<base::Uuid> tell(const base::Uuid& athlete, const std::string& event_id,
                               const std::string& type = "session.created") {
    const Store::News news{athlete, {event_id, type, R"({"type":")" + type + "\"}"}};
    const auto endpoints = store_->fan_out({&news, 1});
    EXPECT_TRUE(endpoints) << endpoints.error().text;
    std::vector<base::Uuid> ids;
    for (const base::Uuid& endpoint : *endpoints) {
      for (const Delivery& delivery : *store_->deliveries(athlete, endpoint, {}, kAll)) {
        if (delivery.event_id == event_id) {
          ids.push_back(delivery.id);
          endpoint_of_[delivery.id] = endpoint;
        }
      }
    }
    return ids;
  }
  // As the dispatcher does.
  void order_all(const std::vector<base::Uuid>& ids) {
    for (const base::Uuid& id : ids) {
      const jobs::Order order = Deliverer::order(endpoint_of_.at(id), clock_.utc_ms());
      EXPECT_TRUE(runner_->add({&order, 1}));
    }
  }
  void send_all(const std::vector<base::Uuid>& ids) {
    order_all(ids);
    work();
  }
  // The job of an endpoint, beside the queue.
  jobs::Outcome run(const base::Uuid& endpoint) {
    jobs::Job job;
    job.payload = Deliverer::order(endpoint, 0).payload;
    return run(job);
  }
  jobs::Outcome run(const jobs::Job& job) {
    jobs::Runner::Context context(*runner_, job);
    return deliverer_->run(context);
  }
  void work() {
    while (true) {
      const auto worked = runner_->step();
      ASSERT_TRUE(worked) << worked.error().text;
      if (!*worked) {
        return;
      }
    }
  }
  Delivery delivery(const base::Uuid& id) {
    const auto found = find(id);
    EXPECT_TRUE(found);
    return found.value_or(Delivery());
  }
  std::optional<Delivery> find(const base::Uuid& id) {
    for (const base::Uuid& athlete : {kAnna, kBen}) {
      for (const Endpoint& endpoint : *store_->endpoints(athlete)) {
        for (Delivery& delivery : *store_->deliveries(athlete, endpoint.id, {}, kAll)) {
          if (delivery.id == id) {
            return std::move(delivery);
          }
        }
      }
    }
    return std::nullopt;
  }

  static inline const base::Uuid kAnna = uuid(1);
  static inline const base::Uuid kBen = uuid(2);
  static constexpr std::size_t kAll = 1'000'000;

  test_support::TemporaryFolder folder_;
  sql::TestDatabase database_;
  base::ManualClock clock_{1'700'000'000'000};
  base::SeededRandom random_{7};
  std::unique_ptr<Store> store_;
  std::unique_ptr<jobs::Queue> queue_;
  std::unique_ptr<jobs::Runner> runner_;
  std::unique_ptr<Deliverer> deliverer_;
  std::deque<int> answers_;
  std::int64_t retry_after_ms_ = 0;  // of every answer
  std::vector<Post> posts_;
  std::vector<std::string> resolved_;
  std::map<CallResult, int> calls_;
  std::map<base::Uuid, base::Uuid> endpoint_of_;  // by delivery
};

class WebhooksTest : public WebhooksFixture, public testing::WithParamInterface<sql::Dialect> {
 protected:
  WebhooksTest() : WebhooksFixture(GetParam()) {}
};

inline auto both_databases() { return testing::Values(sql::Dialect::sqlite, sql::Dialect::postgres); }
inline std::string database_name(const testing::TestParamInfo<sql::Dialect>& info) {
  return info.param == sql::Dialect::sqlite ? "sqlite" : "postgres";
}

}  // namespace boathouse::webhooks
