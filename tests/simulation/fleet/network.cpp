#include "tests/simulation/fleet/network.hpp"

#include <array>

#include "core/wire/batch.hpp"

namespace boathouse::simulation {
namespace {

constexpr std::int64_t kTimeoutMs = 10'000;

std::string path_of(const sync::Send& request) { return request.path.substr(0, request.path.find('?')); }

// One item of a batch is refused, for ever as it seems, although the service has it.
bool refuse_one(const sync::Send& request, std::uint64_t which, std::string& body) {
  const auto items = wire::parse_batch(request.body);
  if (!items) return false;
  auto reply = wire::decode_reply(body, items->size());
  if (!reply) return false;
  wire::ItemResult& result = reply->results[which % items->size()];
  result = {};
  result.detail = "the front does not like it";
  body = wire::encode_reply(*reply, *items);
  return true;
}

}  // namespace

void Network::put(std::int64_t at_ms, Delivery delivery) {
  under_way_.emplace(std::pair{at_ms, next_++}, std::move(delivery));
}

std::optional<std::int64_t> Network::next_ms() const {
  if (under_way_.empty()) return std::nullopt;
  return under_way_.begin()->first.first;
}

std::optional<Delivery> Network::take(std::int64_t now_ms) {
  if (under_way_.empty() || under_way_.begin()->first.first > now_ms) return std::nullopt;
  Delivery delivery = std::move(under_way_.begin()->second);
  under_way_.erase(under_way_.begin());
  return delivery;
}

void Network::send(std::int64_t now_ms, std::size_t device, std::size_t athlete, std::uint64_t connection,
                   sync::Send request) {
  const auto there_ms = now_ms + 5 + static_cast<std::int64_t>(random_.below(200));
  Delivery failure{Delivery::Kind::failure, device, athlete, connection, {}, true, {}, "timeout"};
  failure.response.request_id = request.request_id;
  if (!healed_ && plan_.hostile_front && chance(25)) {
    if (auto response = front_answer(failure, request)) {
      ++faults_;
      put(there_ms, {Delivery::Kind::response, device, athlete, connection, {}, true, std::move(*response), ""});
      return;
    }
  }
  Delivery arrival{Delivery::Kind::request, device, athlete, connection, std::move(request), true, {}, ""};
  if (!healed_ && plan_.lossy_network && chance(30)) {
    ++faults_;
    switch (random_.below(4)) {
      case 0:  // the request is lost
        put(now_ms + kTimeoutMs, std::move(failure));
        return;
      case 1:  // the reply is lost
        arrival.answered = false;
        put(now_ms + kTimeoutMs, std::move(failure));
        break;
      case 2:  // the request comes when nobody waits for its answer any more
        put(now_ms + kTimeoutMs, std::move(failure));
        put(now_ms + kTimeoutMs + static_cast<std::int64_t>(random_.below(200'000)), std::move(arrival));
        return;
      default:  // the request comes twice
        put(there_ms + static_cast<std::int64_t>(random_.below(60'000)), arrival);
        break;
    }
  }
  put(there_ms, std::move(arrival));
}

void Network::answer(std::int64_t now_ms, const Delivery& request, const std::optional<http::Response>& response) {
  if (!request.answered) return;
  const auto back_ms = now_ms + 5 + static_cast<std::int64_t>(random_.below(200));
  Delivery delivery{Delivery::Kind::failure, request.device, request.athlete, request.connection, {}, true, {},
                    "connection refused"};
  delivery.response.request_id = request.request.request_id;
  if (response) {
    delivery.kind = Delivery::Kind::response;
    delivery.response.status = response->status;
    for (const http::Header& header : response->headers)
      delivery.response.headers.emplace_back(header.name, header.value);
    delivery.response.body = response->body;
    if (!healed_ && plan_.hostile_front && chance(10)) {
      ++faults_;
      distort(request.request, delivery.response);
    }
    last_bodies_[path_of(request.request)] = {request.device, request.athlete, response->body};
  }
  put(back_ms, std::move(delivery));
}

// The service never hears of it.
std::optional<sync::HttpResponse> Network::front_answer(const Delivery& asked, const sync::Send& request) {
  sync::HttpResponse response{request.request_id, 200, {}, ""};
  static constexpr std::array<int, 9> kStatuses{400, 401, 403, 404, 413, 426, 429, 500, 503};
  switch (random_.below(4)) {
    case 0:  // a captive portal
      response.headers = {{"content-type", "text/html"}};
      response.body = "<html><body>Welcome to the hotel</body></html>";
      return response;
    case 1: {
      response.status = kStatuses[random_.below(kStatuses.size())];
      if (chance(50)) response.headers = {{"Retry-After", std::to_string(random_.below(120))}};
      return response;
    }
    case 2: {  // a reply of another time, or for another device
      const auto old = last_bodies_.find(path_of(request));
      if (old == last_bodies_.end()) return std::nullopt;
      // A batch's reply says which device it is for, but not which of its batches: HTTP keeps those apart.
      const bool same_device = old->second.device == asked.device;
      if (request.path == "/v1/sync/batch" && same_device) return std::nullopt;
      // Nor which of its athletes it is for: a front that keeps answers keeps them by key (RFC 9111, 3.5).
      if (same_device && old->second.athlete != asked.athlete) return std::nullopt;
      response.body = old->second.body;
      return response;
    }
    default:  // JSON, but not ours
      response.headers = {{"content-type", "application/json"}};
      response.body = chance(50) ? "{}" : "{\"epoch\":\"\",\"results\":[]}";
      return response;
  }
}

// The service has done it, but its word is not what arrives.
void Network::distort(const sync::Send& request, sync::HttpResponse& response) {
  if (response.body.empty()) return;
  if (request.path == "/v1/sync/batch" && response.status == 200 && chance(30)) {
    if (refuse_one(request, random_.u64(), response.body)) return;
  }
  if (chance(50)) {
    response.body.resize(random_.below(response.body.size()));
  } else {
    response.status = 502;
    response.body = "bad gateway";
  }
}

}  // namespace boathouse::simulation
