#include "server/intake/admission.hpp"

#include <charconv>
#include <utility>

#include "server/control/authenticator.hpp"
#include "server/intake/content.hpp"

namespace boathouse::intake {
namespace {

using base::Error;
using base::ErrorCode;
using http::Response;

constexpr std::string_view kReplicaHeader = "Boathouse-Replica";

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

std::optional<Response> refuse_coding(const http::RequestHead& head, bool may_be_packed) {
  const auto coding = content_coding(head.headers.joined("Content-Encoding"));
  if (coding && (may_be_packed || *coding == Coding::identity)) {
    return std::nullopt;
  }
  Response response =
      unsupported_media(head, may_be_packed ? coding.error().text : "Content-Encoding must be identity or not there");
  response.headers.set("Accept-Encoding", may_be_packed ? "zstd, identity" : "identity");
  return response;
}

// What the headers tell, after the key.
std::optional<Response> refuse_head(const http::RequestHead& head, const Body& body) {
  if (!body.media_type.empty()) {
    if (!http::equals_ignoring_case(essence_of(head.headers.find("Content-Type")), body.media_type)) {
      return unsupported_media(head, "Content-Type must be " + std::string(body.media_type));
    }
    if (auto refusal = refuse_coding(head, body.may_be_packed)) {
      return refusal;
    }
  }
  if (!body.takes_query && !head.query.empty()) {
    return wrong_place(head, "query:" + head.query.front().name.substr(0, 100),
                       "this call takes no parameters in the address");
  }
  if (!replica_of(head)) {
    return wrong_place(head, "header:Boathouse-Replica",
                       "the header Boathouse-Replica must be the device store's UUID");
  }
  return std::nullopt;
}

}  // namespace

http::Admit admit_caller(control::Accounts& accounts, Body body) {
  return [admit = control::admit_athlete(accounts), body](http::RequestHead& head) -> std::optional<Response> {
    if (auto refusal = admit(head)) {
      return refusal;
    }
    if (const auto replica = replica_of(head)) {
      head.replica = replica->text();
    }
    return refuse_head(head, body);
  };
}

base::Result<Caller> caller_of(const http::RequestHead& head) {
  const control::Identity* identity = control::identity_of(head);
  const auto replica = replica_of(head);
  if (identity == nullptr || !identity->athlete || !replica) {
    return Error{ErrorCode::internal, "a call passed without its admission"};
  }
  return Caller{*identity->athlete, *replica, identity->key_id};
}

Response problem(const http::RequestHead& head, int status, std::string id, std::string title, std::string detail) {
  http::Problem problem;
  problem.status = status;
  problem.id = std::move(id);
  problem.title = std::move(title);
  problem.detail = std::move(detail);
  return http::problem_response(head, problem);
}

Response wrong_place(const http::RequestHead& head, std::string pointer, std::string detail) {
  http::Problem refusal = http::make_problem(http::ProblemKind::invalid_input, std::move(detail));
  refusal.errors.push_back({std::move(pointer), refusal.detail});
  return http::problem_response(head, refusal);
}

Response unsupported_media(const http::RequestHead& head, std::string detail) {
  return problem(head, 415, "unsupported-media-type", "The body is of another kind than this route takes",
                 std::move(detail));
}

// Receipts of what the ledger no longer has would count as good, and its numbers be given a second time.
Response went_back_problem(const http::RequestHead& head, std::string detail) {
  return problem(head, 503, "ledger-went-back", "The ledger is older than what was seen of it", std::move(detail));
}

Response ledger_problem(const http::RequestHead& head, ledger::Ledger& ledger, const Error& error) {
  const auto went_back = ledger.went_back();
  return went_back ? went_back_problem(head, went_back->text()) : http::problem_response(head, error);
}

Response body_problem(const http::RequestHead& head, const Error& error) {
  return error.code == ErrorCode::unsupported ? unsupported_media(head, error.text)
                                              : http::problem_response(head, error);
}

Response digest_problem(const http::RequestHead& head, const Error& error) {
  return problem(head, 422, "digest-mismatch", "The body is not the one that was sent", error.text);
}

Response json_response(std::string json) {
  Response response = http::make_response(200, "application/json", std::move(json));
  response.headers.set("Cache-Control", "no-store");
  return response;
}

std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > max) {
    return std::nullopt;
  }
  return number;
}

}  // namespace boathouse::intake
