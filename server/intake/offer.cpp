// POST /v1/sync/offer: which ranges the server lacks. docs/protocol.md section 6.2.
#include "core/wire/offer.hpp"

#include <algorithm>
#include <utility>

#include "server/intake/admission.hpp"
#include "server/intake/calls.hpp"

namespace boathouse::intake {
namespace {

using http::Request;
using http::Response;
using wire::OfferResult;
using wire::Range;

// Of all `have` and `gone` of one reply: they stay within its 2 MiB, and no more are read. What is left out is sent
// again, and is a duplicate.
constexpr std::size_t kMaxRanges = 20'000;

// Requires ascending ranges in both.
bool covers(const std::vector<Range>& held, const std::vector<Range>& offered) {
  auto at = held.begin();
  return std::all_of(offered.begin(), offered.end(), [&](const Range& range) {
    at = std::find_if(at, held.end(), [&range](const Range& one) { return one.to >= range.to; });
    return at != held.end() && at->from <= range.from;
  });
}

std::vector<Range> together(std::vector<Range> a, const std::vector<Range>& b) {
  a.insert(a.end(), b.begin(), b.end());
  std::sort(a.begin(), a.end());
  std::vector<Range> merged;
  for (const Range& range : a) {
    if (!merged.empty() && merged.back().to >= range.from) {
      merged.back().to = std::max(merged.back().to, range.to);
    } else {
      merged.push_back(range);
    }
  }
  return merged;
}

void cut(std::vector<Range>& ranges, std::size_t& left) {
  ranges.resize(std::min(ranges.size(), left));
  left -= ranges.size();
}

wire::OfferAnswer answer_to_offer(const wire::OfferedRecording& offered, ledger::Held held, std::size_t& ranges_left) {
  wire::OfferAnswer answer;
  answer.rec_id = offered.rec_id;
  switch (held.whose) {
    case ledger::Whose::nobodys:
      answer.result = OfferResult::want;
      return answer;
    case ledger::Whose::foreign:
      answer.result = OfferResult::mismatch;
      return answer;
    case ledger::Whose::purged:
      answer.result = OfferResult::gone;
      return answer;
    case ledger::Whose::own:
      break;
  }
  answer.birth = true;
  if (held.put_off) {
    answer.result = OfferResult::want;
    return answer;
  }
  answer.result = OfferResult::have;
  answer.revision = held.revision;
  for (const auto& [stream, ranges] : offered.streams) {
    ledger::HeldStream& of_stream = held.streams[stream];
    if (!covers(together(of_stream.have, of_stream.gone), ranges)) {
      answer.result = OfferResult::want;
    }
    cut(of_stream.have, ranges_left);
    cut(of_stream.gone, ranges_left);
    answer.streams[stream] = {std::move(of_stream.have), std::move(of_stream.gone)};
  }
  return answer;
}

Response handle_offer(ledger::Ledger& ledger, const Request& request) {
  const auto caller = caller_of(request);
  if (!caller) {
    return http::problem_response(request, caller.error());
  }
  const auto offered = wire::decode_offer(request.body);
  if (!offered) {
    return body_problem(request, offered.error());
  }
  if (const auto once = each_named_once(*offered); !once) {
    return body_problem(request, once.error());
  }
  std::vector<ledger::Question> questions;
  questions.reserve(offered->size());
  for (const wire::OfferedRecording& recording : *offered) {
    questions.push_back({recording.rec_id, {}});
  }
  auto held = ledger.held(caller->athlete, questions, kMaxRanges);
  if (!held) {
    return ledger_problem(request, ledger, held.error());
  }
  wire::OfferReply reply{ledger.epoch(), caller->replica, {}};
  std::size_t ranges_left = kMaxRanges;
  for (std::size_t i = 0; i < offered->size(); ++i) {
    reply.results.push_back(answer_to_offer((*offered)[i], std::move((*held)[i]), ranges_left));
  }
  return json_response(wire::encode_offer_reply(reply));
}

}  // namespace

base::Status add_offer(const Parts& parts) {
  http::Route route;
  route.method = http::Method::post;
  route.pattern = "/v1/sync/offer";
  route.name = "syncOffer";
  route.summary = "Ask which ranges of recordings the server lacks";
  route.handler =
      http::Handler([&ledger = parts.ledger](const Request& request) { return handle_offer(ledger, request); });
  route.scope = control::name(control::Scope::sessions_write);
  route.admit = admit_caller(parts.accounts, {"application/json"});
  route.max_body_bytes = wire::kMaxRequestBytes;
  route.admission = http::Admission::bulk;  // up to a second's work
  return parts.routes.add(std::move(route));
}

}  // namespace boathouse::intake
