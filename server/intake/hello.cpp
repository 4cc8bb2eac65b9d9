// POST /v1/sync/hello: who is there, and what the server wants. docs/protocol.md section 6.1.
#include "core/wire/hello.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/json.hpp"
#include "core/wire/batch.hpp"
#include "server/intake/admission.hpp"
#include "server/intake/calls.hpp"

namespace boathouse::intake {
namespace {

using http::Request;
using http::Response;

// Versions N and N - 1 are spoken; there is no version 0.
constexpr std::uint32_t kHighestProtocol = wire::kProtocolVersion;
constexpr std::uint32_t kLowestProtocol = std::max<std::uint32_t>(1, kHighestProtocol - 1);

Response no_common_version(const Request& request, const wire::HelloRequest& asked) {
  Response response = problem(request, 426, "protocol-version", "Device and server have no protocol version in common",
                              "the device speaks versions " + std::to_string(asked.lowest_protocol) + " to " +
                                  std::to_string(asked.highest_protocol) + ", this server " +
                                  std::to_string(kLowestProtocol) + " to " + std::to_string(kHighestProtocol) +
                                  ": update the " + (asked.highest_protocol < kLowestProtocol ? "device" : "server"));
  // The extension member that the protocol has in this problem; a problem's JSON is one object.
  std::string range;
  base::JsonWriter(range).begin_array().value(kLowestProtocol).value(kHighestProtocol).end_array();
  response.body.insert(response.body.size() - 1, ",\"protocol\":" + range);
  return response;
}

// With such a device nothing can be exchanged until the operator has begun a new epoch. Only this one waits, for a
// device may lie; the ledger itself does not.
Response device_is_ahead(const Request& request, const Options& options, const Ahead& ahead) {
  if (options.on_ahead) {
    options.on_ahead(ahead);
  }
  return went_back_problem(request, "the device has seen server_seq " + std::to_string(ahead.known_seq) +
                                        " of this epoch, the ledger has " + std::to_string(ahead.server_seq) +
                                        ": it was put back to an earlier state. The device keeps everything; the "
                                        "server's operator must begin a new epoch (boathouse reload --new-epoch)");
}

Response handle_hello(ledger::Ledger& ledger, const Options& options, const Request& request) {
  const auto caller = caller_of(request);
  if (!caller) {
    return http::problem_response(request, caller.error());
  }
  const auto asked = wire::decode_hello_request(request.body);
  if (!asked) {
    return body_problem(request, asked.error());
  }
  if (asked->lowest_protocol > kHighestProtocol || asked->highest_protocol < kLowestProtocol) {
    return no_common_version(request, *asked);
  }
  ledger::Hello hello;
  hello.athlete = caller->athlete;
  hello.replica = caller->replica;
  hello.salt = asked->salt;
  hello.pending_recordings = asked->pending_recordings;
  hello.pending_items = asked->pending_items;
  hello.pending_bytes = asked->pending_bytes;
  hello.oldest_age_s = asked->oldest_age_s;
  // Before the newest number is read: never safer than what is told to be there.
  const auto purge_safe_seq = ledger.purge_safe_seq();
  if (!purge_safe_seq) {
    return ledger_problem(request, ledger, purge_safe_seq.error());
  }
  // Asked second: should another backup be noted in between, its gaps go with the shorter reach of the one before.
  const auto lacking = ledger.first_lacking_seq(caller->athlete);
  if (!lacking) {
    return ledger_problem(request, ledger, lacking.error());
  }
  const auto state = ledger.hello(hello);
  if (!state) {
    return ledger_problem(request, ledger, state.error());
  }
  const std::int64_t known = std::max(asked->cursor, asked->newest_seq);
  if (asked->epoch == ledger.epoch() && known > state->server_seq) {
    return device_is_ahead(request, options, {caller->athlete, known, state->server_seq});
  }
  wire::HelloReply reply;
  reply.epoch = ledger.epoch();
  reply.replica_id = caller->replica;
  reply.athlete = caller->athlete;
  reply.batch_bytes = options.batch_bytes;
  reply.batch_items = options.batch_items;
  reply.in_flight = options.in_flight;
  reply.retry_base_ms = options.retry_base_ms;
  reply.retry_cap_ms = options.retry_cap_ms;
  reply.server_time_ms = state->now_ms;
  reply.server_seq = state->server_seq;
  reply.purge_safe_seq = options.backed_up_of ? options.backed_up_of(*purge_safe_seq) : *purge_safe_seq;
  if (*lacking) {
    reply.purge_safe_seq = std::min(reply.purge_safe_seq, **lacking - 1);
  }
  reply.backoff_s = options.backoff_s;
  reply.fork = state->fork;
  return json_response(wire::encode_hello_reply(reply));
}

}  // namespace

base::Status add_hello(const Parts& parts, const Options& options) {
  http::Route route;
  route.method = http::Method::post;
  route.pattern = "/v1/sync/hello";
  route.name = "syncHello";
  route.summary = "Begin a session of sync: limits, versions, what is safe to remove";
  route.handler = http::Handler(
      [&ledger = parts.ledger, options](const Request& request) { return handle_hello(ledger, options, request); });
  route.scope = control::name(control::Scope::sessions_write);
  route.admit = admit_caller(parts.accounts, {"application/json"});
  route.max_body_bytes = wire::kMaxRequestBytes;
  return parts.routes.add(std::move(route));
}

}  // namespace boathouse::intake
