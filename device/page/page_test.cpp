#include "device/page/page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/wire/changes.hpp"
#include "device/page/actions.hpp"
#include "device/page/records.hpp"
#include "device/page/test_page.hpp"

namespace boathouse::page {
namespace {

using base::ErrorCode;
using base::JsonValue;
using store::ok;
using testing::ElementsAre;
using testing::HasSubstr;

// The text of a value at a path of keys; numbers and booleans as they are written.
std::string at(const JsonValue& value, std::initializer_list<std::string_view> keys) {
  const JsonValue* found = &value;
  for (const std::string_view key : keys) {
    found = found->find(key);
    if (found == nullptr) return "nothing at " + std::string(key);
  }
  if (found->is_null()) return "null";
  if (found->text() != nullptr) return *found->text();
  if (found->boolean()) return *found->boolean() ? "true" : "false";
  return found->integer() ? std::to_string(*found->integer()) : std::to_string(found->number().value_or(-1));
}

class PageTest : public testing::Test {
 protected:
  base::Uuid add(std::size_t samples, bool end = true) {
    const rowing::Birth birth = store::make_birth(page.store.ids);
    EXPECT_TRUE(ok(page.store->begin(birth, "")));
    EXPECT_TRUE(ok(page.store->append(birth.rec_id, store::make_samples(0, samples))));
    if (end) {
      EXPECT_TRUE(ok(page.store->end(birth.rec_id, rowing::EndReason::logged)));
    }
    return birth.rec_id;
  }
  JsonValue get(std::string_view name, Question question = {}) {
    auto answer = page.ask(name, std::move(question));
    EXPECT_TRUE(ok(answer)) << name;
    return answer ? std::move(*answer) : JsonValue();
  }
  JsonValue status() { return get("getStatus"); }
  ErrorCode refusal(std::string_view name, Question question) {
    const auto answer = page.ask(name, std::move(question));
    EXPECT_FALSE(answer) << name;
    return answer ? ErrorCode::internal : answer.error().code;
  }
  static Question with_body(std::string body, std::string id = "") { return {std::move(id), {}, std::move(body)}; }

  TestPage page;
};

TEST_F(PageTest, TheTableNamesEachCallOnce) {
  std::set<std::string_view> names;
  std::set<std::pair<bool, std::string_view>> places;
  for (const Endpoint& endpoint : Page::endpoints()) {
    EXPECT_TRUE(names.insert(endpoint.name).second) << endpoint.name;
    EXPECT_TRUE(places.insert({endpoint.changes, endpoint.pattern}).second) << endpoint.pattern;
    EXPECT_EQ(endpoint.max_body > 0, endpoint.changes) << endpoint.name;
  }
}

TEST_F(PageTest, StatusOfAnEmptyDevice) {
  page.status.state = sync::State::up_to_date;
  const JsonValue now = status();
  EXPECT_EQ(at(now, {"word"}), "synced");
  EXPECT_EQ(at(now, {"rowing"}), "null");
  EXPECT_EQ(at(now, {"last_success_at"}), "null");
  EXPECT_EQ(at(now, {"progress", "total"}), "0");
}

TEST_F(PageTest, StatusSaysWhatWaitsAndWhenTheNextTryIs) {
  const base::Uuid running = add(300, false);
  add(10);
  page.rowing = running;
  page.status.state = sync::State::waiting;
  page.status.obstacle = sync::Obstacle::away;
  page.status.next_try_ms = page.store.clock.monotonic_ms() + 40'000;
  page.status.last_success_utc_ms = page.store.clock.utc_ms() - 120'000;
  const JsonValue now = status();
  EXPECT_EQ(at(now, {"word"}), "server_away");
  EXPECT_EQ(at(now, {"now"}), "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(at(now, {"next_try_at"}), "2023-11-14T22:14:00.000Z");
  EXPECT_EQ(at(now, {"last_success_at"}), "2023-11-14T22:11:20.000Z");
  EXPECT_EQ(at(now, {"rowing"}), session_id(running));
  EXPECT_EQ(at(now, {"pending_recordings"}), "2");
}

TEST_F(PageTest, ProgressIsCountedFromTheMostThatWaited) {
  add(10);
  add(10);
  EXPECT_EQ(at(status(), {"progress", "total"}), "2");
  std::vector<store::Acknowledgement> answers;
  const auto pending = page.store->pending({});
  ASSERT_TRUE(ok(pending));
  for (std::size_t i = 0; i < 3; ++i) answers.push_back({(*pending)[i].id, wire::Outcome::stored, 1, ""});
  ASSERT_TRUE(ok(page.store->acknowledge("epoch", answers)));
  const JsonValue half = status();
  EXPECT_EQ(at(half, {"progress", "done"}), "1");
  EXPECT_EQ(at(half, {"progress", "total"}), "2");
  page.status.done_bytes = 20;
  page.status.total_bytes = 90;
  EXPECT_EQ(at(status(), {"progress", "done_bytes"}), "20");
  EXPECT_EQ(at(status(), {"progress", "total_bytes"}), "90");
  for (std::size_t i = 3; i < pending->size(); ++i) answers.push_back({(*pending)[i].id, wire::Outcome::stored, 1, ""});
  ASSERT_TRUE(ok(page.store->acknowledge("epoch", answers)));
  EXPECT_EQ(at(status(), {"progress", "total"}), "0") << "nothing waits: the next backlog is counted anew";
}

TEST_F(PageTest, TheListsMarkMovesWithEveryChange) {
  std::set<std::string> marks{at(status(), {"list"})};
  const base::Uuid id = add(10);
  EXPECT_TRUE(marks.insert(at(status(), {"list"})).second);
  ASSERT_TRUE(page.ask("editSession", with_body(R"({"title":"x"})", session_id(id))));
  EXPECT_TRUE(marks.insert(at(status(), {"list"})).second) << "an edit";
  ASSERT_TRUE(
      ok(page.store->acknowledge("epoch", std::vector<store::Acknowledgement>{{1, wire::Outcome::stored, 1, ""}})));
  EXPECT_TRUE(marks.insert(at(status(), {"list"})).second) << "a receipt";
  page.status.verified_recordings = 1;
  EXPECT_TRUE(marks.insert(at(status(), {"list"})).second) << "a verification";
}

TEST_F(PageTest, SessionsHaveASafetyAndWhatWasWritten) {
  const base::Uuid id = add(10);
  add(10, false);
  const auto change = R"({"title":"Früh","notes":"<b>","add_tags":["wind"]})";
  ASSERT_TRUE(page.ask("editSession", with_body(change, session_id(id))));
  EXPECT_THAT(page.asked, ElementsAre("data"));
  const JsonValue list = get("listSessions");
  ASSERT_EQ(list.array()->size(), 2u);
  const JsonValue& older = list.array()->back();
  EXPECT_EQ(at(older, {"id"}), session_id(id));
  EXPECT_EQ(at(older, {"title"}), "Früh");
  EXPECT_EQ(at(older, {"notes"}), "<b>");
  EXPECT_EQ(at(older, {"safety"}), "on_this_device");
  EXPECT_EQ(at(older, {"records", "sample"}), "10");
  EXPECT_GT(older.find("pending_bytes")->integer().value_or(0), 0);
  EXPECT_EQ(at(list.array()->front(), {"ended"}), "false");
  EXPECT_EQ(get("listSessions", {"", {{"limit", "1"}}, ""}).array()->size(), 1u);
  EXPECT_EQ(refusal("listSessions", {"", {{"limit", "-1"}}, ""}), ErrorCode::invalid_input);
  EXPECT_EQ(refusal("listSessions", {"", {{"limit", "10001"}}, ""}), ErrorCode::invalid_input);
}

TEST_F(PageTest, PendingIsWhatWaitsAndWhatWasRefusedWithTheReason) {
  add(10);
  std::vector<store::Acknowledgement> answers;
  for (const store::PendingItem& item : *page.store->pending({}))
    answers.push_back({item.id, wire::Outcome::stored, 1, ""});
  ASSERT_TRUE(ok(page.store->acknowledge("epoch", answers)));
  EXPECT_EQ(get("listPending").array()->size(), 0u) << "the first is safe";
  const base::Uuid refused = add(10);
  EXPECT_EQ(get("listPending").array()->size(), 1u);
  answers.clear();
  for (const store::PendingItem& item : *page.store->pending({}))
    answers.push_back({item.id, wire::Outcome::rejected, 0, "it is not of this world"});
  ASSERT_TRUE(ok(page.store->acknowledge("epoch", answers)));
  const JsonValue list = get("listPending");
  ASSERT_EQ(list.array()->size(), 1u);
  EXPECT_EQ(at(list.array()->front(), {"id"}), session_id(refused));
  EXPECT_EQ(at(list.array()->front(), {"refusal"}), "it is not of this world");
  EXPECT_EQ(at(status(), {"refused_sessions"}), "1");
  EXPECT_EQ(at(get("offerRefused", with_body("{}")), {"offered_items"}), "3");
  EXPECT_EQ(at(status(), {"refused_sessions"}), "0");
}

TEST_F(PageTest, RecordsForAChartGrowFromAPlaceOn) {
  const base::Uuid id = add(3, false);
  const Question from_one{
      session_id(id), {{"stream", "sample"}, {"fields", "at_s,distance_m,heart_rate_bpm"}, {"from", "1"}}, ""};
  const JsonValue tail = get("getRecords", from_one);
  EXPECT_EQ(at(tail, {"from"}), "1");
  EXPECT_EQ(at(tail, {"next"}), "3");
  const JsonValue::Array& rows = *tail.find("rows")->array();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ((*rows[0].array())[0].number(), 0.5);
  EXPECT_EQ((*rows[0].array())[1].number(), 2.1);
  EXPECT_TRUE((*rows[0].array())[2].is_null());
  ASSERT_TRUE(ok(page.store->append(id, store::make_samples(3, 2))));
  Question rest = from_one;
  rest.query[2].second = "3";
  EXPECT_EQ(at(get("getRecords", rest), {"next"}), "5");
  rest.query[2].second = "99";
  EXPECT_EQ(at(get("getRecords", rest), {"next"}), "99");
}

TEST_F(PageTest, APaceIsShownForTheMachinesDistance) {
  const rowing::Birth birth = store::make_birth(page.store.ids);
  ASSERT_TRUE(ok(page.store->begin(birth, "")));
  const auto bike = store::make_record(rowing::Stream::sample, {{"at_ms", 0}, {"erg_machine_type", 192}});
  ASSERT_TRUE(ok(page.store->append(birth.rec_id, std::vector{bike, store::make_samples(1, 1)[0]})));
  const Question all{session_id(birth.rec_id), {{"stream", "sample"}, {"fields", "at_s"}}, ""};
  EXPECT_EQ(at(get("getRecords", all), {"pace_m"}), "1000");
  add(1);
  const JsonValue list = get("listSessions");
  EXPECT_EQ(at(list.array()->front(), {"pace_m"}), "500");
}

TEST_F(PageTest, ACopyHasEveryRecordAndField) {
  const std::string id = session_id(add(kMaxRows + 2));
  for (const Endpoint& endpoint : Page::endpoints()) {
    if (endpoint.name != "copyRecords") continue;
    const auto copy = page.page.answer(endpoint, {id, {{"stream", "sample"}}, ""});
    ASSERT_TRUE(ok(copy));
    EXPECT_THAT(*copy, testing::StartsWith("seq,at_s,interval,elapsed_s,distance_m,"));
    EXPECT_THAT(*copy, HasSubstr("\r\n2,1.000,,1.00,4.2,"));
    EXPECT_EQ(std::ranges::count(*copy, '\n'), static_cast<std::ptrdiff_t>(kMaxRows) + 3);
    EXPECT_FALSE(page.page.answer(endpoint, {id, {{"stream", "all"}}, ""}));
  }
}

TEST_F(PageTest, TheLogKnowsTheLastSyncOfAnEarlierProcess) {
  store::Run run;
  run.started_ms = run.ended_ms = 1'600'000'000'000;
  run.report = R"({"last_success_ms":1600000000000})";
  ASSERT_TRUE(ok(page.store->put_run(run)));
  EXPECT_EQ(at(status(), {"last_success_at"}), "2020-09-13T12:26:40.000Z");
  for (const Endpoint& endpoint : Page::endpoints()) {
    if (endpoint.name != "getLog") continue;
    EXPECT_THAT(*page.page.answer(endpoint, {}), HasSubstr("2020-09-13"));
  }
}

TEST_F(PageTest, AnAnswerOfRecordsHasALimit) {
  const base::Uuid id = add(kMaxRows + 10);
  const Question all{session_id(id), {{"stream", "sample"}, {"fields", "at_s"}}, ""};
  EXPECT_EQ(at(get("getRecords", all), {"next"}), std::to_string(kMaxRows));
}

TEST_F(PageTest, BadQuestionsAreNamed) {
  const std::string id = session_id(add(1));
  const auto records = [&](const char* stream, const char* fields, const char* from) {
    return refusal("getRecords", {id, {{"stream", stream}, {"fields", fields}, {"from", from}}, ""});
  };
  EXPECT_EQ(records("samples", "at_s", ""), ErrorCode::invalid_input);
  EXPECT_EQ(records("sample", "", ""), ErrorCode::invalid_input);
  EXPECT_EQ(records("sample", "at_s,password", ""), ErrorCode::invalid_input);
  EXPECT_EQ(records("sample", "at_s", "1x"), ErrorCode::invalid_input);
  EXPECT_EQ(records("sample", "at_s", "99999999999999999999"), ErrorCode::invalid_input);
  EXPECT_EQ(refusal("getRecords", {"ses_nobody", {}, ""}), ErrorCode::invalid_input);
  EXPECT_EQ(refusal("editSession", with_body("{}", session_id(base::Uuid()))), ErrorCode::not_found);
  for (const char* body : {"", "[]", "{", R"({"title":1})", R"({"add_tags":"x"})", R"({"add_tags":[1]})",
                           R"({"deleted":"yes"})", R"({"athlete_id":"x"})"}) {
    EXPECT_EQ(refusal("editSession", with_body(body, id)), ErrorCode::invalid_input) << body;
  }
  for (const char* body : {R"({"cap_bytes":-1})", R"({"cap_bytes":1.5})", R"({"cap_bytes":"1"})", R"({"cap":1})"}) {
    EXPECT_EQ(refusal("changeStorage", with_body(body)), ErrorCode::invalid_input) << body;
  }
  EXPECT_EQ(refusal("syncNow", with_body(R"({"now":true})")), ErrorCode::invalid_input);
  EXPECT_THAT(page.asked, ElementsAre()) << "nothing was done";
}

TEST_F(PageTest, WhatAPersonAsksReachesTheDevice) {
  for (const char* name : {"syncNow", "pauseSync", "resumeSync"}) get(name, with_body("{}"));
  EXPECT_THAT(page.asked, ElementsAre("sync", "pause", "resume"));
  page.store.clock.advance_ms(60'000);
  page.status.state = sync::State::paused;
  EXPECT_EQ(at(status(), {"paused_at"}), "2023-11-14T22:13:20.000Z");
  get("signIn", with_body(R"({"key":"abc"})"));
  EXPECT_EQ(page.asked.back(), "key abc");
  EXPECT_EQ(refusal("signIn", with_body("{}")), ErrorCode::invalid_input);
}

TEST_F(PageTest, TheCapIsSetAndWhatMustStayIsSaid) {
  add(2000);
  const std::string cap = std::to_string(page.store->space()->used - 1);
  const JsonValue room = get("changeStorage", with_body(R"({"cap_bytes":)" + cap + R"(,"free_bytes":1000000})"));
  EXPECT_EQ(at(room, {"cap"}), cap);
  EXPECT_EQ(at(room, {"freed"}), "0");
  EXPECT_NE(at(room, {"unsent"}), "0");
  EXPECT_EQ(at(status(), {"word"}), "storage_low");
  EXPECT_EQ(at(get("getStorage"), {"cap"}), cap);
  EXPECT_EQ(refusal("changeStorage", with_body(R"({"cap_bytes":1000})")), ErrorCode::invalid_input);
  EXPECT_EQ(at(get("getStorage"), {"cap"}), cap) << "a cap that cannot be kept changes nothing";
  const JsonValue::Array& stays = *room.find("stays")->array();
  std::int64_t sum = 0;
  for (const JsonValue& part : stays) sum += *part.find("bytes")->integer();
  EXPECT_EQ(std::to_string(sum), at(room, {"used"})) << "every byte has its reason";
  get("changeStorage", with_body(R"({"cap_bytes":0})"));
  page.status.state = sync::State::up_to_date;
  EXPECT_EQ(at(status(), {"word"}), "pending_online");
}

TEST_F(PageTest, WhatIsAwayIsFetchedOnDemand) {
  const base::Uuid id = add(10);
  EXPECT_EQ(at(get("fetchSession", with_body("{}", session_id(id))), {"wanted_chunks"}), "0");
  EXPECT_THAT(page.asked, ElementsAre("data"));
}

// A title and notes that two devices wrote without knowing of each other.
class ConflictTest : public PageTest {
 protected:
  ConflictTest() : id(add(1)) {
    const auto write = R"({"title":"mine","notes":"my notes"})";
    EXPECT_TRUE(ok(page.store->take_hello("", hello())));
    EXPECT_TRUE(page.ask("editSession", with_body(write, session_id(id))));
    wire::ChangesReply reply;
    reply.epoch = "epoch";
    reply.replica_id = page.store->identity().replica_id;
    store::TestStore other{8};
    const auto info = page.store->recording(id);
    EXPECT_TRUE(ok(other->begin(info->birth, "")));
    for (const auto field : {rowing::EditField::title, rowing::EditField::notes}) {
      rowing::Edit edit;
      edit.op_id = other.ids.next();
      edit.op_id.bytes[15] ^= 1;
      edit.session = id;
      edit.field = field;
      edit.text = field == rowing::EditField::title ? "theirs" : "their notes";
      EXPECT_TRUE(ok(other->edit(edit, 1)));
    }
    for (const store::PendingItem& item : *other->pending({})) {
      if (item.kind == wire::ItemKind::edit) reply.changes.push_back(store::change_of(item, ++reply.next));
    }
    EXPECT_TRUE(ok(page.store->take_changes("", 0, reply)));
  }
  wire::HelloReply hello() {
    wire::HelloReply reply;
    reply.epoch = "epoch";
    reply.replica_id = page.store->identity().replica_id;
    reply.athlete.bytes[0] = 1;
    return reply;
  }
  JsonValue answer(const std::string& kind, const std::string& keep) {
    return get("answerConflict", with_body(R"({"keep":")" + keep + "\"}", id_of(kind)));
  }
  // Of the conflict of this kind.
  std::string id_of(std::string_view kind) {
    const JsonValue log = get("listConflicts");
    for (const JsonValue& conflict : *log.find("conflicts")->array()) {
      if (at(conflict, {"kind"}) == kind) return at(conflict, {"id"});
    }
    ADD_FAILURE() << "no conflict of the " << kind;
    return "";
  }
  store::SessionFields fields() { return *page.store->fields(id); }

  base::Uuid id;
};

TEST_F(ConflictTest, BothVersionsAreListed) {
  const JsonValue log = get("listConflicts");
  EXPECT_EQ(at(log, {"open"}), "2");
  const auto& list = *log.find("conflicts")->array();
  ASSERT_EQ(list.size(), 2u);
  const auto title = std::ranges::find_if(list, [](const JsonValue& one) { return at(one, {"kind"}) == "title"; });
  ASSERT_NE(title, list.end());
  EXPECT_EQ(at(*title, {"mine", "text"}), "mine");
  EXPECT_EQ(at(*title, {"theirs", "text"}), "theirs");
  EXPECT_EQ(at(status(), {"conflicts"}), "2");
  EXPECT_EQ(at(status(), {"word"}), "conflict");
}

TEST_F(ConflictTest, AnAnswerEndsItAndTravelsOn) {
  EXPECT_EQ(at(answer("title", "theirs"), {"open"}), "1");
  EXPECT_EQ(fields().title, "theirs");
  EXPECT_EQ(fields().other_title, std::nullopt);
  EXPECT_EQ(at(answer("notes", "both"), {"open"}), "0");
  EXPECT_EQ(fields().notes, "my notes\n\ntheir notes");
  EXPECT_EQ(at(status(), {"conflicts"}), "0");
  EXPECT_EQ(page.asked.back(), "data");
}

TEST_F(ConflictTest, MineStaysAndABadAnswerChangesNothing) {
  const std::string place = id_of("title");
  for (const char* body : {"{}", R"({"keep":"none"})", R"({"keep":1})"}) {
    EXPECT_EQ(refusal("answerConflict", with_body(body, place)), ErrorCode::invalid_input) << body;
  }
  EXPECT_EQ(at(answer("title", "mine"), {"open"}), "1");
  EXPECT_EQ(fields().title, "mine");
  EXPECT_EQ(at(answer("title", "mine"), {"open"}), "1") << "the same again changes nothing";
  EXPECT_EQ(refusal("answerConflict", with_body(R"({"keep":"mine"})", place + "x")), ErrorCode::not_found);
}

}  // namespace
}  // namespace boathouse::page
