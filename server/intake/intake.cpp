#include "server/intake/intake.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/wire/batch.hpp"
#include "server/control/authenticator.hpp"
#include "server/http/problem.hpp"
#include "server/intake/content.hpp"
#include "server/intake/item_check.hpp"

namespace boathouse::intake {
namespace {

using base::Error;
using base::Result;
using http::Response;

constexpr std::string_view kReplicaHeader = "Boathouse-Replica";

http::Problem problem(int status, std::string id, std::string title, std::string detail) {
  http::Problem problem;
  problem.status = status;
  problem.id = std::move(id);
  problem.title = std::move(title);
  problem.detail = std::move(detail);
  return problem;
}

Response unsupported_media(const http::RequestHead& head, std::string detail) {
  return http::problem_response(head, problem(415, "unsupported-media-type",
                                              "The body is of another kind than this route takes", std::move(detail)));
}

std::string_view essence_of(const std::string* content_type) {
  return content_type == nullptr ? std::string_view()
                                 : std::string_view(*content_type).substr(0, content_type->find_first_of("; \t"));
}

std::optional<base::Uuid> replica_of(const http::RequestHead& head) {
  const std::string* text = head.headers.find(kReplicaHeader);
  if (text == nullptr) {
    return std::nullopt;
  }
  const auto id = base::Uuid::parse(*text);
  return id ? std::optional(*id) : std::nullopt;
}

// What the headers tell, after the key.
std::optional<Response> refuse_head(const http::RequestHead& head) {
  if (!http::equals_ignoring_case(essence_of(head.headers.find("Content-Type")), wire::kBatchMediaType)) {
    return unsupported_media(head, std::string("Content-Type must be ") + wire::kBatchMediaType);
  }
  if (const auto coding = content_coding(head.headers.joined("Content-Encoding")); !coding) {
    Response response = unsupported_media(head, coding.error().text);
    response.headers.set("Accept-Encoding", "zstd, identity");
    return response;
  }
  if (!replica_of(head)) {
    http::Problem refusal = http::make_problem(http::ProblemKind::invalid_input,
                                               "the header Boathouse-Replica must be the device store's UUID");
    refusal.errors.push_back({"header:Boathouse-Replica", refusal.detail});
    return http::problem_response(head, refusal);
  }
  return std::nullopt;
}

// A batch between its reading and its answer.
struct Batch {
  http::RequestHead head;  // for a problem's instance and request id
  http::Reply reply;
  std::vector<wire::Item> items;  // without bodies
  std::vector<wire::ItemResult> results;
  std::vector<std::size_t> submitted;  // indices of the items that went to the ledger
};

void answer(const Batch& batch, const std::string& epoch) {
  Response response =
      http::make_response(200, "application/json", wire::encode_reply({epoch, batch.results}, batch.items));
  response.headers.set("Cache-Control", "no-store");
  batch.reply(std::move(response));
}

// The whole submission failed. Whatever the reason, the device should keep its data and come again.
Response ledger_failure(const http::RequestHead& head, const Error& error) {
  http::Problem failure = http::make_problem(http::ProblemKind::unavailable,
                                             "nothing of this batch was stored for certain: send the same bytes again");
  failure.note = error.text;
  return http::problem_response(head, failure);
}

Result<base::Bytes> content_of(const http::Request& request) {
  const base::ByteView body = base::as_bytes(request.body);
  const auto coding = content_coding(request.headers.joined("Content-Encoding"));
  if (!coding) {
    return coding.error();
  }
  return decode_content(*coding, body, wire::kMaxBatchBytes);
}

// docs/protocol.md section 6 has the statuses.
Response batch_problem(const http::RequestHead& head, const Error& error) {
  return error.code == base::ErrorCode::unsupported ? unsupported_media(head, error.text)
                                                    : http::problem_response(head, error);
}

void handle_batch(ledger::Ledger& ledger, http::Request request, http::Reply reply) {
  const control::Identity* identity = control::identity_of(request);
  const auto replica = replica_of(request);
  if (identity == nullptr || !identity->athlete || !replica) {
    reply(http::problem_response(request, Error{base::ErrorCode::internal, "a batch passed without its admission"}));
    return;
  }
  const std::string digest = request.headers.joined("Content-Digest");
  if (const auto status = check_content_digest(digest, base::as_bytes(request.body)); !status) {
    reply(http::problem_response(
        request, problem(422, "digest-mismatch", "The body is not the one that was sent", status.error().text)));
    return;
  }
  const auto content = content_of(request);
  if (!content) {
    reply(batch_problem(request, content.error()));
    return;
  }
  auto items = wire::parse_batch(*content);
  if (!items) {
    reply(batch_problem(request, items.error()));
    return;
  }
  ledger::Submission submission;
  submission.athlete = *identity->athlete;
  submission.replica = *replica;

  const auto batch = std::make_shared<Batch>();
  batch->reply = std::move(reply);
  batch->items = std::move(*items);
  batch->results.resize(batch->items.size());
  for (std::size_t i = 0; i < batch->items.size(); ++i) {
    auto checked = check_item(batch->items[i]);
    batch->items[i].body = {};  // the bytes it shows end with this call
    if (auto* entry = std::get_if<ledger::Entry>(&checked)) {
      submission.entries.push_back(std::move(*entry));
      batch->submitted.push_back(i);
    } else {
      batch->results[i] = std::get<wire::ItemResult>(std::move(checked));
    }
  }
  request.body.clear();
  batch->head = std::move(request);
  if (batch->submitted.empty()) {
    answer(*batch, ledger.epoch());
    return;
  }
  ledger.submit(std::move(submission), [batch, &ledger](Result<std::vector<wire::ItemResult>> results) {
    if (!results) {
      batch->reply(ledger_failure(batch->head, results.error()));
      return;
    }
    for (std::size_t i = 0; i < batch->submitted.size(); ++i) {
      batch->results[batch->submitted[i]] = std::move((*results)[i]);
    }
    answer(*batch, ledger.epoch());
  });
}

}  // namespace

base::Status add_routes(http::RouteTable& routes, control::Accounts& accounts, ledger::Ledger& ledger) {
  http::Route route;
  route.method = http::Method::post;
  route.pattern = "/v1/sync/batch";
  route.name = "syncBatch";
  route.summary = "Bring births, chunks and seals; one result per item, in order";
  route.handler = http::AsyncHandler([&ledger](http::Request request, http::Reply reply) {
    handle_batch(ledger, std::move(request), std::move(reply));
  });
  route.admit = [admit = control::admit_athlete(accounts)](http::RequestHead& head) -> std::optional<Response> {
    if (auto refusal = admit(head)) {
      return refusal;
    }
    return refuse_head(head);
  };
  route.max_body_bytes = wire::kMaxBatchBytes;
  return routes.add(std::move(route));
}

}  // namespace boathouse::intake
