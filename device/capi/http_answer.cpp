#include "device/capi/http_answer.hpp"

#include "device/capi/bridge.hpp"

namespace boathouse::capi {

base::Result<sync::HttpResponse> response_of(std::int32_t status, const boathouse_header* headers,
                                             std::size_t header_count, const std::uint8_t* body,
                                             std::size_t body_size) {
  if (status < 100 || status > 599) return refused("status is not 100 to 599; without an answer there is none");
  if (header_count > kMaxHeaders) return refused("more than 1000 headers");
  if (header_count > 0) BOATHOUSE_TRY(need(headers, "headers"));
  if (body_size > kMaxResponse) {
    return base::Error{base::ErrorCode::too_large, "an answer of more than 4 MiB is none of a Boathouse server's"};
  }
  const auto bytes = bytes_of(body, body_size);
  if (!bytes) return bytes.error();
  sync::HttpResponse response;
  response.status = status;
  for (std::size_t i = 0; i < header_count; ++i) {
    BOATHOUSE_TRY(need(headers[i].name, "a header's name"));
    BOATHOUSE_TRY(need(headers[i].value, "a header's value"));
    response.headers.emplace_back(headers[i].name, headers[i].value);
  }
  response.body = base::as_text(*bytes);
  return response;
}

}  // namespace boathouse::capi
