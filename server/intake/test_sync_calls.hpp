// The calls with JSON bodies, for their tests.
#pragma once

#include <string>
#include <vector>

#include "core/wire/hello.hpp"
#include "core/wire/offer.hpp"
#include "core/wire/verify.hpp"
#include "server/intake/test_intake.hpp"

namespace boathouse::intake {

class SyncCallsTest : public IntakeTest {
 protected:
  wire::HelloReply hello(std::uint8_t salt = 1) {
    wire::HelloRequest request;
    request.salt[0] = salt;
    const auto response = json("/v1/sync/hello", wire::encode_hello_request(request));
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(*response.headers.find("Cache-Control"), "no-store");
    auto reply = wire::decode_hello_reply(response.body);
    EXPECT_TRUE(reply) << reply.error().text;
    EXPECT_EQ(reply->epoch, ledger_->epoch());
    EXPECT_EQ(reply->replica_id.text(), kReplica);
    return *reply;
  }
  std::vector<wire::OfferAnswer> offer(const std::vector<wire::OfferedRecording>& recordings) {
    const auto response = json("/v1/sync/offer", wire::encode_offer(recordings));
    EXPECT_EQ(response.status, 200) << response.body;
    std::vector<base::Uuid> asked;
    for (const auto& recording : recordings) {
      asked.push_back(recording.rec_id);
    }
    auto reply = wire::decode_offer_reply(response.body, asked);
    EXPECT_TRUE(reply) << reply.error().text;
    EXPECT_EQ(reply->replica_id.text(), kReplica);
    return reply->results;
  }
  wire::VerifyAnswer verify(const base::Uuid& rec_id, Stream stream, const rowing::StreamSeal& sealed) {
    const auto response = json("/v1/sync/verify", wire::encode_verify({{rec_id, 1, {{stream, sealed}}}}));
    EXPECT_EQ(response.status, 200) << response.body;
    auto reply = wire::decode_verify_reply(response.body, {rec_id});
    EXPECT_TRUE(reply) << reply.error().text;
    EXPECT_EQ(reply->epoch, ledger_->epoch());
    return reply->results.at(0);
  }
  void purge(const base::Uuid& session) {
    send({flag(session, uuid(201), rowing::EditField::deleted), flag(session, uuid(202), rowing::EditField::purged)});
  }
};

}  // namespace boathouse::intake
