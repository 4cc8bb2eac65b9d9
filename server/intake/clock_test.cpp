// A device whose clock is ten years ahead, against the real intake: nothing of its recordings depends on the clock, and
// its edits do not win for ten years.
#include <gtest/gtest.h>

#include "device/store/store.hpp"
#include "device/sync/session.hpp"
#include "server/intake/test_intake.hpp"

namespace boathouse::intake {
namespace {

constexpr std::int64_t kServerNow = 1'700'000'000'000;
constexpr std::int64_t kTenYearsMs = std::int64_t{10} * 365 * 24 * 3600 * 1000;
constexpr std::int64_t kMinuteMs = 60'000;

struct Device {
  Device(const http::RouteTable& routes, const std::string& key, std::uint64_t seed, std::int64_t now_ms)
      : routes_(routes), clock(now_ms, 5000), random(seed) {
    auto opened = store::Store::open(folder_.path(), ids, random);
    EXPECT_TRUE(opened) << opened.error().text;
    store.emplace(std::move(*opened));
    session.emplace(*store, clock, random, key, "anna");
  }

  // Until it has nothing to ask any more.
  void sync() {
    auto request = session->take(started_ ? sync::Event(sync::SyncNow{}) : sync::Event(sync::Start{}));
    started_ = true;
    while (request) {
      control::Call call;
      call.method = request->method == "GET" ? http::Method::get : http::Method::post;
      call.target = request->path;
      for (const auto& [name, value] : request->headers) call.headers.add(name, value);
      call.body = base::as_text(request->body);
      const http::Response answer = control::call(routes_, std::move(call));
      sync::HttpResponse response;
      response.request_id = request->request_id;
      response.status = answer.status;
      response.body = answer.body;
      request = session->take(std::move(response));
    }
  }

  base::Uuid record() {
    rowing::Birth birth;
    birth.rec_id = ids.next();
    birth.started_ms = clock.utc_ms();
    birth.origin = rowing::Origin::simulated;
    EXPECT_TRUE(store->begin(birth, "anna"));
    EXPECT_TRUE(store->append(birth.rec_id, records(Stream::sample, 300)));
    EXPECT_TRUE(store->end(birth.rec_id, rowing::EndReason::stopped));
    return birth.rec_id;
  }

  void write_title(const base::Uuid& session_id, const std::string& title) {
    rowing::Edit edit;
    edit.op_id = ids.next();
    edit.session = session_id;
    edit.text = title;
    const auto made = store->edit(edit, clock.utc_ms());
    EXPECT_TRUE(made) << made.error().text;
  }
  std::string title(const base::Uuid& session_id) { return store->fields(session_id)->title.value_or(""); }

 private:
  const http::RouteTable& routes_;
  control::TemporaryFolder folder_;
  bool started_ = false;

 public:
  base::ManualClock clock;
  base::SeededRandom random;
  base::UuidV7Source ids{clock, random};
  std::optional<store::Store> store;
  std::optional<sync::Session> session;
};

class ClockTest : public IntakeTest {
 protected:
  std::string key_ = accounts_->create_athlete_key("Carla")->text;
};

TEST_F(ClockTest, ADeviceTenYearsAheadKeepsItsRecordingsSyncsThemAndDoesNotWinForTenYears) {
  Device wrong(routes_, key_, 1, kServerNow + kTenYearsMs);
  const base::Uuid rec_id = wrong.record();
  wrong.sync();
  EXPECT_EQ(wrong.session->status().state, sync::State::up_to_date) << wrong.session->status().reason;
  EXPECT_EQ(wrong.store->status()->pending_items, 0u);
  EXPECT_EQ(wrong.store->status()->refused_items, 0u);
  EXPECT_TRUE(wrong.store->recording(rec_id)->safe());
  Device right(routes_, key_, 2, kServerNow);
  right.sync();
  EXPECT_EQ(*right.store->fetch(rec_id), 2u);
  right.sync();
  EXPECT_EQ(right.store->records(rec_id, Stream::sample, 0, 1000)->size(), 300u);

  // Neither has seen the other's. The server places the first at its own time, so the later one is the last.
  wrong.write_title(rec_id, "from the future");
  wrong.sync();
  clock_.advance_ms(10 * kMinuteMs);
  right.clock.advance_ms(10 * kMinuteMs);
  right.write_title(rec_id, "from now");
  right.sync();
  wrong.sync();
  EXPECT_EQ(right.title(rec_id), "from now");
  EXPECT_EQ(wrong.title(rec_id), "from now");
  EXPECT_EQ(right.store->fields(rec_id)->other_title, "from the future");  // and the loser is kept

  // Put right, its clock counts again.
  wrong.clock.set_utc_ms(kServerNow + 20 * kMinuteMs);
  clock_.advance_ms(10 * kMinuteMs);
  right.clock.advance_ms(10 * kMinuteMs);
  wrong.write_title(rec_id, "with a right clock");
  wrong.sync();
  right.sync();
  EXPECT_EQ(right.title(rec_id), "with a right clock");
}

}  // namespace
}  // namespace boathouse::intake
