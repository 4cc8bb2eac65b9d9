// POST /v1/sync/verify: do both sides count the same. docs/protocol.md section 6.6.
#include "core/wire/verify.hpp"

#include <algorithm>
#include <utility>

#include "core/wire/batch.hpp"
#include "server/intake/admission.hpp"
#include "server/intake/calls.hpp"

namespace boathouse::intake {
namespace {

using http::Request;
using http::Response;
using wire::VerifyResult;

// The first range alone tells: no others are asked for.
bool is_whole(const ledger::HeldStream& held, std::uint64_t count) {
  return count == 0 || (!held.have.empty() && held.have.front().from == 0 && held.have.front().to >= count);
}

// A difference is told before anything else: a person must look, whatever else is missing.
VerifyResult result_of(const wire::VerifyQuestion& question, const ledger::Held& held) {
  switch (held.whose) {
    case ledger::Whose::nobodys:
    case ledger::Whose::foreign:
      return VerifyResult::unknown;
    case ledger::Whose::purged:
      return VerifyResult::gone;
    case ledger::Whose::own:
      break;
  }
  if (held.put_off) {
    return VerifyResult::stored;  // as far as the receipts say: the device asks again, and forgets nothing until then
  }
  bool complete = true;
  bool visible = true;
  bool gone = false;
  for (const auto& [stream, sealed] : question.streams) {
    const ledger::HeldStream& of_stream = held.streams.at(stream);
    if (!of_stream.gone.empty()) {
      gone = true;
    } else if (!is_whole(of_stream, sealed.count)) {
      complete = false;
    } else if (of_stream.records != sealed.count || of_stream.root != sealed.root) {
      return VerifyResult::different;
    }
    visible = visible && of_stream.visible == of_stream.records;
  }
  if (gone) {
    return VerifyResult::gone;
  }
  if (!complete) {
    return VerifyResult::incomplete;
  }
  return visible ? VerifyResult::verified : VerifyResult::stored;
}

wire::VerifyAnswer answer_to_question(const wire::VerifyQuestion& question, const ledger::Held& held) {
  wire::VerifyAnswer answer;
  answer.rec_id = question.rec_id;
  answer.result = result_of(question, held);
  if (held.whose == ledger::Whose::own && !held.put_off) {
    for (const auto& [stream, sealed] : question.streams) {
      const ledger::HeldStream& of_stream = held.streams.at(stream);
      answer.streams[stream] = {of_stream.records, of_stream.root, of_stream.visible};
    }
  }
  return answer;
}

const std::uint64_t* find(const Records& records, rowing::Stream stream, const base::Uuid& rec_id) {
  const auto of_stream = records.find(stream);
  if (of_stream == records.end()) {
    return nullptr;
  }
  const auto found = of_stream->second.find(rec_id);
  return found == of_stream->second.end() ? nullptr : &found->second;
}

// What the ledger has seen loaded may be gone from where queries read: the answer `verified` is theirs to give.
// `source` is in the ledger alone.
void ask_queries(const base::Uuid& athlete, const Options& options, const std::vector<wire::VerifyQuestion>& asked,
                 const std::vector<ledger::Held>& held, std::vector<wire::VerifyAnswer>& answers) {
  Records up_to;
  Starts started_ms;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (answers[i].result != VerifyResult::verified) {
      continue;
    }
    started_ms[asked[i].rec_id] = held[i].started_ms;
    for (const auto& [stream, sealed] : asked[i].streams) {
      if (stream != rowing::Stream::source && sealed.count > 0) {
        up_to[stream][asked[i].rec_id] = sealed.count;
      }
    }
  }
  if (up_to.empty()) {
    return;
  }
  const Records counted = options.count_visible ? options.count_visible(athlete, up_to, started_ms) : Records();
  std::vector<base::Uuid> miscounted;
  for (wire::VerifyAnswer& answer : answers) {
    if (answer.result != VerifyResult::verified) {
      continue;
    }
    bool known = true;
    bool equal = true;
    for (auto& [stream, verified] : answer.streams) {
      if (find(up_to, stream, answer.rec_id) == nullptr) {
        continue;
      }
      if (const std::uint64_t* const visible = find(counted, stream, answer.rec_id)) {
        verified.visible = *visible;
        equal = equal && verified.visible == verified.count;
      } else {
        known = false;
      }
    }
    if (!known || !equal) {
      answer.result = VerifyResult::stored;
    }
    if (!equal) {
      miscounted.push_back(answer.rec_id);
    }
  }
  if (!miscounted.empty() && options.on_miscounted) {
    options.on_miscounted(miscounted);
  }
}

Response handle_verify(ledger::Ledger& ledger, const Options& options, const Request& request) {
  const auto caller = caller_of(request);
  if (!caller) {
    return http::problem_response(request, caller.error());
  }
  const auto asked = wire::decode_verify(request.body);
  if (!asked) {
    return body_problem(request, asked.error());
  }
  if (const auto once = each_named_once(*asked); !once) {
    return body_problem(request, once.error());
  }
  std::vector<ledger::Question> questions;
  questions.reserve(asked->size());
  for (const wire::VerifyQuestion& question : *asked) {
    ledger::Question& one = questions.emplace_back();
    one.rec_id = question.rec_id;
    for (const auto& [stream, sealed] : question.streams) {
      one.up_to[stream] = sealed.count;
    }
  }
  const auto held = ledger.held(caller->athlete, questions, 0);
  if (!held) {
    return ledger_problem(request, ledger, held.error());
  }
  wire::VerifyReply reply{ledger.epoch(), caller->replica, {}};
  for (std::size_t i = 0; i < asked->size(); ++i) {
    reply.results.push_back(answer_to_question((*asked)[i], (*held)[i]));
  }
  ask_queries(caller->athlete, options, *asked, *held, reply.results);
  return json_response(wire::encode_verify_reply(reply));
}

}  // namespace

base::Status add_verify(const Parts& parts, const Options& options) {
  http::Route route;
  route.method = http::Method::post;
  route.pattern = "/v1/sync/verify";
  route.name = "syncVerify";
  route.summary = "Compare counts and roots of sealed recordings with what the server holds";
  route.handler = http::Handler(
      [&ledger = parts.ledger, options](const Request& request) { return handle_verify(ledger, options, request); });
  route.scope = control::name(control::Scope::sessions_write);
  route.admit = admit_caller(parts.accounts, {"application/json"});
  route.max_body_bytes = wire::kMaxRequestBytes;
  route.admission = http::Admission::bulk;  // up to a second's work
  return parts.routes.add(std::move(route));
}

}  // namespace boathouse::intake
