#include "server/http/dispatcher.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <functional>
#include <utility>

#include "core/base/hex.hpp"
#include "core/base/random.hpp"
#include "server/http/negotiation.hpp"
#include "server/http/trace_context.hpp"
#include "server/http/uri.hpp"

namespace boathouse::http {
namespace {

std::string make_request_id() {
  std::array<std::uint8_t, 12> bytes;
  base::SystemRandom().fill(bytes);
  return base::to_hex(bytes);
}

// What a device sends while somebody rows is smaller by far; a backlog's batches and files are not. A body that does
// not say its length counts as the most that the route takes.
constexpr std::uint64_t kLargeBody = std::uint64_t{64} << 10;

WorkerPool::Lane lane_of(const Exchange& exchange) {
  return exchange.route->admission == Admission::bulk || exchange.announced_bytes > kLargeBody
             ? WorkerPool::Lane::bulk
             : WorkerPool::Lane::normal;
}

// One client's requests take turns with another's before anybody knows whose they are. A made-up key gets turns of its
// own too, but its work ends with the admission that does not find it. A good one is the same in either header, however
// many blanks are before it and however its scheme is written.
WorkerPool::Key queue_key_of(const RequestHead& head) {
  const std::hash<std::string> hash;
  for (const std::string_view name : {"Authorization", "X-API-Key"}) {
    if (const std::string* key = head.headers.find(name)) {
      return hash(key->substr(key->find_last_of(' ') + 1));
    }
  }
  return hash(head.remote_address);
}

// write_response(), and a cut connection if memory is short even for that.
WireResponse compose(Response response, const ResponseContext& context) noexcept {
  try {
    return write_response(std::move(response), context);
  } catch (...) {
    WireResponse wire;
    wire.broken = true;
    return wire;
  }
}

Response internal_error(const Exchange& exchange, std::string note) {
  return problem_response(exchange.context.problem_head, base::Error{base::ErrorCode::internal, std::move(note)});
}

}  // namespace

bool is_sane_request_id(std::string_view text) {
  return text.size() >= 8 && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
         });
}

base::Status validate(const Options& options) {
  if (options.io_threads == 0 || options.worker_threads == 0 || options.queue_length == 0 || options.queue_share == 0 ||
      options.timeouts.body_bytes_per_second == 0) {
    return base::Error{
        base::ErrorCode::invalid_input,
        "io_threads, worker_threads, queue_length, queue_share and body_bytes_per_second must be at least 1"};
  }
  return base::Done{};
}

// One asynchronous request that waits for its Reply. Whoever holds the Reply may keep it longer than the server lives:
// `dispatcher_` is touched behind the gate only.
class Dispatcher::Pending {
 public:
  Pending(Dispatcher& dispatcher, ExchangePtr exchange, Send send)
      : dispatcher_(dispatcher), gate_(dispatcher.gate_), exchange_(std::move(exchange)), send_(std::move(send)) {}

  ~Pending() {
    if (!answered_) {
      answer(internal_error(*exchange_, "an asynchronous handler dropped its reply"));
    }
  }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;

  void answer(Response response) {
    if (answered_.exchange(true)) {
      gate_->run([this] { dispatcher_.report(exchange_.get(), "an asynchronous handler replied twice"); });
      return;
    }
    if (needs_work(response, exchange_->context)) {
      gate_->run([&] {
        auto task = [&dispatcher = dispatcher_, exchange = exchange_, send = send_, response = std::move(response)] {
          dispatcher.answer(*exchange, response, send);
        };
        dispatcher_.pool_of(*exchange_).submit_continuation(lane_of(*exchange_), exchange_->queue_key, std::move(task));
      });
      return;
    }
    gate_->run([&] { dispatcher_.answer(*exchange_, std::move(response), send_); });
  }

 private:
  Dispatcher& dispatcher_;
  const std::shared_ptr<Gate> gate_;
  const ExchangePtr exchange_;
  const Send send_;
  std::atomic<bool> answered_{false};
};

Dispatcher::Dispatcher(RouteTable routes, const Options& options)
    : routes_(std::move(routes)),
      limits_(options.limits),
      admission_lasts_(options.timeouts.admission),
      hooks_(options.hooks),
      throttle_(options.throttle),
      body_budget_(options.limits.body_bytes_in_flight, options.limits.body_bytes_share),
      pool_(options.worker_threads, options.queue_length, options.queue_share),
      waiting_pool_(options.worker_threads, options.queue_length, options.queue_share) {}

std::optional<WireResponse> Dispatcher::open(Exchange& exchange, RawHead raw) {
  Request& request = exchange.request;
  exchange.method = parse_method(raw.method);
  exchange.body_unread = raw.has_body();
  exchange.context.head_only = exchange.method == Method::head;
  exchange.context.http11 = raw.http11;
  exchange.context.over_tls = raw.over_tls;
  exchange.context.keep_alive = raw.keep_alive && raw.http11;
  request.method = exchange.method;
  request.headers = std::move(raw.headers);
  request.remote_address = raw.remote_address;
  exchange.queue_key = queue_key_of(request);
  const std::string* id = request.headers.find("Request-Id");
  request.request_id = id != nullptr && is_sane_request_id(*id) ? *id : make_request_id();
  request.trace_id = trace_id_of(request.headers);
  exchange.context.problem_head.request_id = request.request_id;
  exchange.context.problem_head.trace_id = request.trace_id;
  exchange.context.accepts_gzip = choose_coding(request.headers.joined("Accept-Encoding")) == Coding::gzip;

  auto answer = answer_at_once(exchange, raw);
  if (answer) {
    if (auto refusal = charge(exchange)) {
      exchange.context.keep_alive &= !exchange.body_unread;
      return compose(std::move(*refusal), exchange.context);
    }
  }
  return answer;
}

std::optional<WireResponse> Dispatcher::answer_at_once(Exchange& exchange, const RawHead& raw) {
  if (auto refusal = check(exchange, raw)) {
    return refusal;
  }
  if (auto answer = route(exchange)) {
    return answer;
  }
  return measure_body(exchange, raw);
}

std::optional<WireResponse> Dispatcher::check(Exchange& exchange, const RawHead& raw) {
  const Headers& headers = exchange.request.headers;
  if (headers.count("Transfer-Encoding") > 0) {
    // Anything but this one form, and the next request could be read out of this one's body.
    if (headers.count("Transfer-Encoding") > 1 || !raw.http11 || !raw.chunked ||
        !equals_ignoring_case(*headers.find("Transfer-Encoding"), "chunked")) {
      exchange.body_unread = true;
      return refuse(exchange, ProblemKind::transfer_coding, "Transfer-Encoding may only be \"chunked\", in HTTP/1.1.");
    }
  }
  if (raw.target.size() > limits_.target_bytes) {
    return refuse(exchange, ProblemKind::target_too_long,
                  "The request target may have " + std::to_string(limits_.target_bytes) + " bytes.");
  }
  auto target = parse_target(raw.target);
  if (!target) {
    return refuse(exchange, ProblemKind::malformed_request, target.error().text);
  }
  exchange.request.path = std::move(target->path);
  exchange.request.segments = std::move(target->segments);
  exchange.request.query = std::move(target->query);
  exchange.context.problem_head.path = exchange.request.path;
  if (raw.http11 && headers.count("Host") != 1) {
    return refuse(exchange, ProblemKind::malformed_request, "Exactly one Host header is needed.");
  }
  if (const std::string* expect = headers.find("Expect")) {
    if (!equals_ignoring_case(*expect, "100-continue")) {
      return refuse(exchange, ProblemKind::expectation_failed, "The only expectation known is 100-continue.");
    }
    exchange.expects_continue = raw.http11 && raw.has_body();
  }
  return std::nullopt;
}

std::optional<WireResponse> Dispatcher::route(Exchange& exchange) {
  Request& request = exchange.request;
  const bool whole_server = request.path == "*";
  if (whole_server && request.method != Method::options) {
    return refuse(exchange, ProblemKind::malformed_request, "Only OPTIONS may ask for '*'.");
  }
  Match match;
  if (whole_server) {
    match.outcome = Match::Outcome::wrong_method;
    match.allow = routes_.allow_all();
  } else {
    match = routes_.match(request.method, request.segments);
  }
  switch (match.outcome) {
    case Match::Outcome::found:
      exchange.route = match.route;
      request.path_parameters = std::move(match.parameters);
      request.scope = match.route->scope;
      return std::nullopt;
    case Match::Outcome::not_found:
      return refuse(exchange, ProblemKind::not_found, "No resource has the path " + request.path + ".");
    case Match::Outcome::wrong_method:
      break;
  }
  Response response;
  response.status = 204;
  if (request.method != Method::options) {
    response = problem_response(
        request, make_problem(ProblemKind::method_not_allowed, "Methods that are allowed here: " + match.allow + "."));
  }
  response.headers.set("Allow", match.allow);
  exchange.context.keep_alive &= !exchange.body_unread;
  return compose(std::move(response), exchange.context);
}

std::optional<WireResponse> Dispatcher::measure_body(Exchange& exchange, const RawHead& raw) {
  if (!raw.has_body()) {
    return std::nullopt;
  }
  exchange.body_limit = exchange.route->max_body_bytes;
  if (exchange.body_limit == 0) {
    return refuse(exchange, ProblemKind::too_large, "No request body is taken here.");
  }
  if (raw.content_length > exchange.body_limit) {
    return refuse(exchange, ProblemKind::too_large,
                  "The body has " + std::to_string(raw.content_length) + " bytes; " +
                      std::to_string(exchange.body_limit) + " are the most here.");
  }
  exchange.announced_bytes = raw.chunked ? exchange.body_limit : raw.content_length;
  return std::nullopt;
}

WireResponse Dispatcher::refuse(Exchange& exchange, ProblemKind kind, std::string detail) {
  RequestHead& head = exchange.context.problem_head;
  if (head.request_id.empty()) {
    head.request_id = make_request_id();
  }
  exchange.context.keep_alive &= !exchange.body_unread;
  return compose(problem_response(head, make_problem(kind, std::move(detail))), exchange.context);
}

void Dispatcher::admit(const ExchangePtr& exchange, std::function<void()> admitted, Send send) {
  submit(exchange, send, [this, exchange, admitted = std::move(admitted), send] {
    if (auto refusal = ask_admission(*exchange)) {
      answer(*exchange, std::move(*refusal), send);
    } else {
      admitted();
    }
  });
}

void Dispatcher::run(const ExchangePtr& exchange, Send send) {
  if (exchange->route->admission == Admission::probe) {
    serve(exchange, send);
    return;
  }
  submit(exchange, send, [this, exchange, send] { serve(exchange, send); });
}

void Dispatcher::pull(const ExchangePtr& exchange, WireResponse response, Send send) {
  auto task = [this, exchange, send = std::move(send), response = std::move(response)]() mutable {
    try {
      http::pull(response);
    } catch (...) {
      response.broken = true;
      response.failure = "out of memory in a streamed body";
    }
    if (!response.failure.empty()) {
      report(exchange.get(), response.failure);
      response.failure.clear();
    }
    send(std::move(response));
  };
  pool_of(*exchange).submit_continuation(lane_of(*exchange), exchange->queue_key, std::move(task));
}

void Dispatcher::submit(const ExchangePtr& exchange, const Send& send, WorkerPool::Task task) {
  if (!pool_of(*exchange).try_submit(lane_of(*exchange), exchange->queue_key, std::move(task))) {
    send(refuse(*exchange, ProblemKind::overloaded, "Too many requests are waiting; try again."));
  }
}

std::optional<Response> Dispatcher::ask_admission(Exchange& exchange) {
  if (exchange.admitted || exchange.route->admission == Admission::probe) {
    return std::nullopt;
  }
  exchange.admitted = true;
  std::optional<Response> refusal = ask_route(exchange);
  exchange.admitted_at = std::chrono::steady_clock::now();
  // Refused or not: who asks too often hears that instead.
  if (auto quota_exceeded = charge(exchange)) {
    refusal = std::move(quota_exceeded);
  }
  if (!refusal && exchange.body_unread) {
    refusal = reserve_body(exchange);
  }
  if (refusal && exchange.body_unread) {
    exchange.context.keep_alive = false;
  }
  return refusal;
}

// Of a request whose body was waited for.
std::optional<Response> Dispatcher::ask_again(Exchange& exchange) const {
  if (std::chrono::steady_clock::now() - exchange.admitted_at < admission_lasts_) {
    return std::nullopt;
  }
  return ask_route(exchange);
}

std::optional<Response> Dispatcher::ask_route(Exchange& exchange) const {
  if (!exchange.route->admit) {
    return std::nullopt;
  }
  std::optional<Response> refusal;
  try {
    refusal = exchange.route->admit(exchange.request);
  } catch (const std::exception& exception) {
    refusal = internal_error(exchange, std::string("admission threw: ") + exception.what());
  } catch (...) {
    refusal = internal_error(exchange, "admission threw");
  }
  exchange.context.problem_head.caller = exchange.request.caller;
  exchange.context.problem_head.replica = exchange.request.replica;
  return refusal;
}

std::optional<Response> Dispatcher::charge(Exchange& exchange) const {
  if (throttle_ == nullptr) {
    return std::nullopt;
  }
  auto refusal = throttle_->charge(exchange.request, exchange.announced_bytes, exchange.charge);
  exchange.context.fields = exchange.charge.fields;
  return refusal;
}

// Only now: a request that is not let in brings nothing into memory, and an account is one client however many keys it
// has and however these were spelled.
std::optional<Response> Dispatcher::reserve_body(Exchange& exchange) {
  const std::string& account = exchange.request.account;
  const WorkerPool::Key client = account.empty() ? exchange.queue_key : std::hash<std::string>()(account);
  BodyBudget::Taken taken = body_budget_.take(client, exchange.announced_bytes);
  exchange.body_share = std::move(taken.share);
  switch (taken.refusal) {
    case BodyBudget::Refusal::none:
      return std::nullopt;
    case BodyBudget::Refusal::by_client:
      return problem_response(exchange.request,
                              make_problem(ProblemKind::overloaded,
                                           "Too many large requests of this client at the same time; wait for the "
                                           "answers of those that run, then try again."));
    case BodyBudget::Refusal::by_all:
      break;
  }
  return problem_response(
      exchange.request, make_problem(ProblemKind::overloaded, "Too many large requests at the same time; try again."));
}

void Dispatcher::serve(const ExchangePtr& exchange, const Send& send) {
  if (auto refusal = exchange->admitted ? ask_again(*exchange) : ask_admission(*exchange)) {
    answer(*exchange, std::move(*refusal), send);
    return;
  }
  std::shared_ptr<Pending> pending;
  Response response;
  try {
    if (const auto* handler = std::get_if<Handler>(&exchange->route->handler)) {
      response = (*handler)(exchange->request);
    } else {
      pending = std::make_shared<Pending>(*this, exchange, send);
      std::get<AsyncHandler>(exchange->route->handler)(
          std::move(exchange->request), [pending](Response reply) { pending->answer(std::move(reply)); });
      return;
    }
  } catch (const std::exception& exception) {
    response = internal_error(*exchange, std::string("a handler threw: ") + exception.what());
  } catch (...) {
    response = internal_error(*exchange, "a handler threw");
  }
  if (pending) {
    pending->answer(std::move(response));
  } else {
    answer(*exchange, std::move(response), send);
  }
}

void Dispatcher::answer(const Exchange& exchange, Response response, const Send& send) const {
  WireResponse wire = compose(std::move(response), exchange.context);
  if (!wire.failure.empty()) {
    report(&exchange, wire.failure);
    wire.failure.clear();
  }
  send(std::move(wire));
}

void Dispatcher::finished(Exchange& exchange, int status, std::uint64_t bytes, bool complete) const {
  Throttle::settle(exchange.charge, exchange.body_bytes, status);
  if (!hooks_.access) {
    return;
  }
  AccessRecord record;
  record.method = exchange.method;
  record.route = exchange.route == nullptr ? std::string_view() : std::string_view(exchange.route->name);
  record.status = status;
  record.ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - exchange.started).count();
  record.bytes = bytes;
  record.body_bytes = exchange.body_bytes;
  record.request_id = exchange.context.problem_head.request_id;
  record.trace_id = exchange.context.problem_head.trace_id;
  record.caller = exchange.context.problem_head.caller;
  record.replica = exchange.context.problem_head.replica;
  record.limited_by = exchange.charge.refused_by;
  record.complete = complete;
  hooks_.access(record);
}

void Dispatcher::report(const Exchange* exchange, std::string_view text) const {
  if (!hooks_.failure) {
    return;
  }
  FailureRecord record;
  if (exchange != nullptr) {
    record.route = exchange->route == nullptr ? std::string_view() : std::string_view(exchange->route->name);
    record.request_id = exchange->context.problem_head.request_id;
    record.trace_id = exchange->context.problem_head.trace_id;
  }
  record.text = text;
  hooks_.failure(record);
}

void Dispatcher::stop() {
  pool_.stop();
  waiting_pool_.stop();
  gate_->close();
}

}  // namespace boathouse::http
