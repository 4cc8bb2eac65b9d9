// Where is my workout, over REST: who may ask, and what is answered while ClickHouse is away.
#include "server/api/trail_routes.hpp"

#include <gmock/gmock.h>

#include <future>

#include "core/base/hex.hpp"
#include "core/base/json.hpp"
#include "core/wire/facts.hpp"
#include "server/api/test_routes.hpp"
#include "server/control/scopes.hpp"

namespace boathouse::api {
namespace {

using base::JsonValue;
using rowing::Stream;
using testing::HasSubstr;
using testing::Not;

class TrailRoutesTest : public RoutesFixture {
 protected:
  TrailRoutesTest() {
    rec_.bytes[6] = 0x70;
    EXPECT_TRUE(add_trail_routes(routes_, *accounts_, *ledger_, client_));
  }

  ledger::Entry entry(wire::ItemKind kind, const std::string& body) {
    ledger::Entry made;
    made.kind = kind;
    made.rec_id = rec_;
    made.body.assign(body.begin(), body.end());
    made.sha256 = base::sha256(made.body);
    return made;
  }
  ledger::Entry chunk(Stream stream, std::uint64_t from, std::uint64_t to, const std::string& body) {
    ledger::Entry made = entry(wire::ItemKind::chunk, body);
    made.stream = stream;
    made.from = from;
    made.to = to;
    return made;
  }
  void submit(std::vector<ledger::Entry> entries) {
    std::promise<void> done;
    ledger_->submit({anna_, rec_, std::move(entries)},
                    [&done](base::Result<std::vector<wire::ItemResult>>) { done.set_value(); });
    done.get_future().wait();
  }
  // A birth, 20 of 30 strokes in two chunks, a seal, and another content of the first chunk.
  void row() {
    rowing::Birth birth;
    birth.rec_id = rec_;
    birth.started_ms = 1'700'000'000'000;
    birth.monitor_serial = "430000000";
    rowing::Seal seal;
    seal.rec_id = rec_;
    seal.streams[Stream::stroke] = {30, base::Digest{}};
    seal.streams[Stream::sample] = {5, base::Digest{}};
    ledger::Entry sealed = entry(wire::ItemKind::seal, wire::encode_seal(seal));
    sealed.revision = 1;
    submit({entry(wire::ItemKind::birth, wire::encode_birth(birth)), chunk(Stream::stroke, 0, 10, "a"),
            chunk(Stream::stroke, 20, 30, "b"), sealed, chunk(Stream::stroke, 0, 10, "other")});
  }
  http::Response get(const std::string& id, const std::string& key) {
    return RoutesFixture::get("/v1/recordings/" + id + "/trail", key);
  }

  timeseries::ClickHouseClient client_{timeseries::Endpoint{}};  // not there
  base::Uuid rec_;
};

TEST_F(TrailRoutesTest, AnAthleteAsksForTheOwnRecordingAlone) {
  row();
  const std::string id = "rec_" + rec_.text();
  EXPECT_TRUE(control::check_scopes(routes_));
  EXPECT_EQ(get(id, anna_key_).status, 200);
  EXPECT_EQ(get(rec_.text(), anna_key_).body, get(id, anna_key_).body);
  EXPECT_EQ(get(id, operator_).body, get(id, anna_key_).body);
  EXPECT_EQ(get(id, "nonsense").status, 401);
  const auto foreign = get(id, ben_key_);
  EXPECT_EQ(foreign.status, 404);
  const auto nobodys = get("rec_018bcfe5-6800-7abc-8def-0123456789ab", ben_key_);
  EXPECT_EQ(nobodys.status, 404);
  const auto detail = [](const http::Response& response) {
    return *base::parse_json(response.body)->find("detail")->text();
  };
  EXPECT_EQ(detail(foreign), detail(nobodys));
  EXPECT_EQ(get("ath_" + rec_.text(), anna_key_).status, 400);
  EXPECT_EQ(get("x", anna_key_).status, 400);
  const auto uploads_only = accounts_->create_athlete_key(
      anna_, control::KeyOptions{.scopes = control::Scopes().add(control::Scope::sessions_write)});
  EXPECT_EQ(get(id, uploads_only->text).status, 403);
}

TEST_F(TrailRoutesTest, SaysWhatIsHereWhatIsMissingAndThatClickHouseIsAway) {
  row();
  const auto response = get(rec_.text(), anna_key_);
  const auto trail = base::parse_json(response.body);
  ASSERT_TRUE(trail) << response.body;
  EXPECT_EQ(*trail->find("place")->text(), "on_device");
  EXPECT_EQ(*trail->find("where")->text(),
            "not complete: the device still has sample 0 to 4, stroke 10 to 19; 1 item with other content is kept "
            "aside, see quarantined");
  EXPECT_EQ(*trail->find("clickhouse_answered")->boolean(), false);
  EXPECT_FALSE(response.note.empty());
  EXPECT_THAT(response.body,
              HasSubstr("\"birth\":{\"device\":\"" + rec_.text() +
                        "\",\"started_at\":\"2023-11-14T22:13:20.000Z\",\"monitor_serial\":\"430000000\",\"monitor_"
                        "firmware\":null,\"received_at\":\"2023-11-14T22:15:00.000Z\","
                        "\"server_seq\":1},\"seal\":{\"revision\":1,\"received_at\":\"2023-11-14T22:15:00.000Z\"}"));
  EXPECT_THAT(response.body,
              HasSubstr("{\"stream\":\"stroke\",\"sealed\":30,\"records\":20,\"chunks\":2,\"have\":[[0,10],[20,30]],"
                        "\"missing\":[[10,20]],\"removed\":[],\"waiting_records\":20,\"waiting_chunks\":2,"
                        "\"chunks_on_their_way\":0,\"loaded_records\":0,\"clickhouse\":null}"));
  EXPECT_THAT(response.body, HasSubstr("{\"stream\":\"sample\",\"sealed\":5,\"records\":0,\"chunks\":0,\"have\":[],"
                                       "\"missing\":[[0,5]]"));
  EXPECT_THAT(response.body, HasSubstr("\"quarantined_items\":1,\"quarantined\":[{\"kind\":\"chunk\",\"stream\":"
                                       "\"stroke\",\"from\":0,\"to\":10,\"sha256\":\"" +
                                       base::to_hex(base::sha256(base::as_bytes("other")))));
  EXPECT_THAT(response.body,
              HasSubstr("\"session\":{\"id\":\"ses_" + rec_.text() +
                        "\",\"deleted\":false,\"written\":null,\"waiting\":true},\"refused\":[{\"n\":2,"));
}

TEST_F(TrailRoutesTest, OfWhatWasRefusedTheReasonIsThere) {
  submit({chunk(Stream::stroke, 0, 10, "a")});
  const auto response = get(rec_.text(), anna_key_);
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, HasSubstr("\"place\":\"refused\""));
  EXPECT_THAT(response.body, HasSubstr("reason=unknown recording: send its birth first"));
  EXPECT_THAT(response.body, Not(HasSubstr("\"birth\"")));
  EXPECT_EQ(get(rec_.text(), ben_key_).status, 404);
}

}  // namespace
}  // namespace boathouse::api
