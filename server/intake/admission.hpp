// What every call of the sync protocol shares: who is let in, and how a request is refused. Pure functions, but for
// admit_caller.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "server/control/accounts.hpp"
#include "server/http/message.hpp"
#include "server/http/problem.hpp"
#include "server/http/router.hpp"
#include "server/ledger/ledger.hpp"

namespace boathouse::intake {

// What a route's body and address must be.
struct Body {
  std::string_view media_type;  // "" = the call has none
  bool may_be_packed = false;   // Content-Encoding: zstd
  bool takes_query = false;     // else a parameter in the address is refused
};

// An athlete's key (the operator owns no data), the media type, the coding, Boathouse-Replica; all before the body is
// read. `accounts` and the text of media_type must outlive the routes.
http::Admit admit_caller(control::Accounts& accounts, Body body);

struct Caller {
  base::Uuid athlete;
  base::Uuid replica;
  base::Uuid key;
};
// Of a request that admit_caller let in. internal: it did not.
base::Result<Caller> caller_of(const http::RequestHead& head);

http::Response problem(const http::RequestHead& head, int status, std::string id, std::string title,
                       std::string detail);
// 400 with one wrong place, as of http::FieldError.
http::Response wrong_place(const http::RequestHead& head, std::string pointer, std::string detail);
http::Response unsupported_media(const http::RequestHead& head, std::string detail);
// The ledger was put back to an earlier state: `detail` says how that was seen.
http::Response went_back_problem(const http::RequestHead& head, std::string detail);
// Of a call that the ledger did not answer.
http::Response ledger_problem(const http::RequestHead& head, ledger::Ledger& ledger, const base::Error& error);
// Of a body that cannot be read: docs/protocol.md section 6.7.
http::Response body_problem(const http::RequestHead& head, const base::Error& error);
// 422: Content-Digest is malformed, or not that of the body.
http::Response digest_problem(const http::RequestHead& head, const base::Error& error);
http::Response json_response(std::string json);

// Decimal digits alone, at most `max`; nullopt otherwise.
std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max);

}  // namespace boathouse::intake
