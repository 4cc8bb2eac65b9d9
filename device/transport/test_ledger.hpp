// The calls of the sync protocol as a server answers them that takes everything.
#pragma once

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <tuple>

#include "core/wire/batch.hpp"
#include "core/wire/changes.hpp"
#include "core/wire/hello.hpp"
#include "core/wire/verify.hpp"
#include "device/store/test_store.hpp"
#include "device/transport/test_server.hpp"

namespace boathouse::transport {

using store::ok;

// Keeps what it is given, by identity, as a server would.
class Ledger {
 public:
  explicit Ledger(const base::Uuid& device) : device_(device) {}
  std::string take(const SeenRequest& request) {
    if (request.head.starts_with("POST /v1/sync/batch ")) return take_batch(request);
    if (request.head.starts_with("POST /v1/sync/hello ")) {
      wire::HelloReply hello;
      hello.epoch = "epoch-1";
      hello.replica_id = device_;
      hello.athlete = device_;
      hello.batch_bytes = wire::kTargetBatchBytes;
      hello.batch_items = wire::kMaxBatchItems;
      hello.retry_base_ms = 100;
      hello.retry_cap_ms = 1000;
      return json(wire::encode_hello_reply(hello));
    }
    if (request.head.starts_with("GET /v1/sync/changes?since=0 ")) {
      wire::ChangesReply changes;
      changes.epoch = "epoch-1";
      changes.replica_id = device_;
      return json(wire::encode_changes(changes));
    }
    if (request.head.starts_with("POST /v1/sync/verify ")) {
      wire::VerifyReply verified;
      verified.epoch = "epoch-1";
      verified.replica_id = device_;
      const auto questions = wire::decode_verify(request.body);
      EXPECT_TRUE(ok(questions));
      for (const wire::VerifyQuestion& question : *questions) {
        const bool counted = uncounted_verifies == 0;
        verified.results.push_back(
            {question.rec_id, counted ? wire::VerifyResult::verified : wire::VerifyResult::stored, {}});
      }
      if (uncounted_verifies > 0) --uncounted_verifies;
      return json(wire::encode_verify_reply(verified));
    }
    return TestServer::reply("404 Not Found", "");
  }
  std::set<std::tuple<base::Uuid, wire::ItemKind, rowing::Stream, std::uint64_t>> held;
  int uncounted_verifies = 0;  // how often it says yet that queries do not count what it has

 private:
  static std::string json(const std::string& body) {
    return TestServer::reply("200 OK", body, "Content-Type: application/json\r\n");
  }
  std::string take_batch(const SeenRequest& request) {
    const auto items = wire::parse_batch(base::as_bytes(request.body));
    if (!items) return TestServer::reply("400 Bad Request", items.error().text);
    wire::Reply reply;
    reply.epoch = "epoch-1";
    reply.replica_id = device_;
    for (const wire::Item& item : *items) {
      wire::ItemResult& result = reply.results.emplace_back();
      result.outcome = held.insert({item.rec_id, item.kind, item.stream, item.from + item.revision}).second
                           ? wire::Outcome::stored
                           : wire::Outcome::duplicate;
      result.server_seq = static_cast<std::int64_t>(held.size());
    }
    return json(wire::encode_reply(reply, *items));
  }

  base::Uuid device_;  // whose items come: the reply names it
};

}  // namespace boathouse::transport
