#include "device/capi/test_peer.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "core/pm5/simulated_monitor.hpp"
#include "core/wire/batch.hpp"
#include "core/wire/changes.hpp"
#include "core/wire/hello.hpp"
#include "core/wire/offer.hpp"
#include "core/wire/test_change.hpp"
#include "core/wire/verify.hpp"

namespace base = boathouse::base;
namespace pm5 = boathouse::pm5;
namespace wire = boathouse::wire;

struct test_monitor {
  pm5::SimulatedMonitor monitor;
  pm5::TimedNotification last;
};

struct test_server {
  using Key = std::tuple<base::Uuid, wire::ItemKind, int, std::uint64_t, base::Uuid>;

  std::string epoch = "epoch-1";
  std::map<Key, std::int64_t> held;
  std::set<base::Uuid> born;
  std::vector<wire::Change> feed;  // in order
  std::size_t rejected = 0;
  std::string answer;

  int call(std::string_view path, const base::Uuid& replica, std::string_view body);
  int take_batch(const base::Uuid& replica, std::string_view body);
};

int test_server::take_batch(const base::Uuid& replica, std::string_view body) {
  const auto items = wire::parse_batch(base::as_bytes(body));
  if (!items) return 400;
  wire::Reply reply;
  reply.epoch = epoch;
  reply.replica_id = replica;
  for (const wire::Item& item : *items) {
    wire::ItemResult& result = reply.results.emplace_back();
    if (item.kind == wire::ItemKind::birth) born.insert(item.rec_id);
    if (item.kind != wire::ItemKind::edit && !born.contains(item.rec_id)) {
      result.detail = "its birth is not here";
      ++rejected;
      continue;
    }
    const auto next = static_cast<std::int64_t>(held.size()) + 1;
    const auto [place, is_new] = held.insert(
        {{item.rec_id, item.kind, static_cast<int>(item.stream), item.from + item.revision, item.op_id}, next});
    result.outcome = is_new ? wire::Outcome::stored : wire::Outcome::duplicate;
    result.server_seq = place->second;
    if (is_new) feed.push_back(wire::change_of(item, next));
  }
  answer = wire::encode_reply(reply, *items);
  return 200;
}

int test_server::call(std::string_view path, const base::Uuid& replica, std::string_view body) {
  if (path == "/v1/sync/batch") return take_batch(replica, body);
  if (path == "/v1/sync/hello") {
    wire::HelloReply hello;
    hello.epoch = epoch;
    hello.replica_id = replica;
    hello.athlete.bytes[0] = 1;
    hello.batch_bytes = wire::kTargetBatchBytes;
    hello.batch_items = wire::kMaxBatchItems;
    hello.retry_base_ms = 1000;
    hello.retry_cap_ms = 60'000;
    answer = wire::encode_hello_reply(hello);
  } else if (path == "/v1/sync/offer") {
    const auto offered = wire::decode_offer(body);
    if (!offered) return 400;
    wire::OfferReply reply;
    reply.epoch = epoch;
    reply.replica_id = replica;
    for (const wire::OfferedRecording& one : *offered) {
      wire::OfferAnswer& result = reply.results.emplace_back();
      result.rec_id = one.rec_id;
      result.result = wire::OfferResult::want;
    }
    answer = wire::encode_offer_reply(reply);
  } else if (path.starts_with("/v1/sync/changes?since=")) {
    wire::ChangesReply changes;
    changes.epoch = epoch;
    changes.replica_id = replica;
    changes.since = std::stoll(std::string(path.substr(path.find('=') + 1)));
    changes.next = changes.since;
    for (const wire::Change& change : feed) {
      if (change.seq > changes.next) changes.changes.push_back(change);
    }
    if (!feed.empty()) changes.next = std::max(changes.next, feed.back().seq);
    answer = wire::encode_changes(changes);
  } else if (path == "/v1/sync/verify") {
    const auto questions = wire::decode_verify(body);
    if (!questions) return 400;
    wire::VerifyReply reply;
    reply.epoch = epoch;
    reply.replica_id = replica;
    for (const wire::VerifyQuestion& one : *questions)
      reply.results.push_back({one.rec_id, wire::VerifyResult::verified, {}});
    answer = wire::encode_verify_reply(reply);
  } else {
    return 404;
  }
  return 200;
}

test_monitor* test_monitor_new(int seconds) {
  return new test_monitor{pm5::SimulatedMonitor::create(pm5::sample_workout(5, seconds * 100), {}).value(), {}};
}

bool test_monitor_next(test_monitor* monitor, test_notification* notification) {
  if (!monitor->monitor.next(monitor->last)) return false;
  *notification = {monitor->last.at_ms, monitor->last.characteristic, monitor->last.payload.data(),
                   monitor->last.payload.size()};
  return true;
}

void test_monitor_free(test_monitor* monitor) { delete monitor; }

test_server* test_server_new(void) { return new test_server; }

int test_server_answer(test_server* server, const char* path, const char* replica, const uint8_t* body, size_t size,
                       const char** answer, size_t* answer_size) {
  server->answer.clear();
  const auto id = base::Uuid::parse(replica);
  const int status = id ? server->call(path, *id, base::as_text({body, size})) : 400;
  *answer = server->answer.data();
  *answer_size = server->answer.size();
  return status;
}

size_t test_server_items(const test_server* server) { return server->held.size(); }
size_t test_server_rejected(const test_server* server) { return server->rejected; }
void test_server_new_epoch(test_server* server) { server->epoch += "x"; }
void test_server_free(test_server* server) { delete server; }
