#include "apps/boathouse/server_client.hpp"

#include <cstdlib>
#include <fstream>
#include <utility>
#include <vector>

#include "device/transport/http_client.hpp"

namespace boathouse::app {

using base::Error;
using base::ErrorCode;
using base::JsonValue;

namespace {

constexpr std::size_t kMaxAnswer = std::size_t{1} << 30;  // an export of years

// The answer's body of a 2xx; otherwise the problem's own words.
base::Result<std::string> send(const ServerOptions& server, const std::string& method, const std::string& path,
                               Extra headers, const std::string& body) {
  transport::HttpClientOptions options;
  options.max_response_bytes = kMaxAnswer;
  options.ca_file = server.ca_file;
  transport::HttpClient client(options);
  if (!body.empty()) headers.emplace_back("Content-Type", "application/json");
  auto reply = client.request(method, server.server + path, headers, base::as_bytes(body));
  if (!reply) return reply.error();
  if (reply->status >= 200 && reply->status < 300) return std::move(reply->body);
  const auto problem = base::parse_json(reply->body);
  const JsonValue* detail = problem ? problem->find("detail") : nullptr;
  const std::string text = detail != nullptr && detail->text() != nullptr ? *detail->text() : "no explanation";
  ErrorCode code = ErrorCode::internal;
  if (reply->status == 400) code = ErrorCode::invalid_input;
  if (reply->status == 401) code = ErrorCode::unauthenticated;
  if (reply->status == 403) code = ErrorCode::forbidden;
  // 502 and 504 are those of a proxy before it.
  if (reply->status >= 502 && reply->status <= 504) code = ErrorCode::unavailable;
  return Error{code, "the server answered " + std::to_string(reply->status) + ": " + text};
}

}  // namespace

std::string key_of(const std::string& key, const std::string& key_file) {
  if (!key.empty()) return key;
  if (!key_file.empty()) {
    std::ifstream in(key_file);
    std::string line;
    std::getline(in, line);
    return line;
  }
  const char* from_environment = std::getenv("BOATHOUSE_KEY");
  return from_environment == nullptr ? "" : from_environment;
}

base::Result<std::string> call(const ServerOptions& server, const std::string& method, const std::string& path,
                               const std::string& body, const Extra& extra) {
  const std::string key = key_of(server.key, server.key_file);
  if (key.empty()) {
    return Error{ErrorCode::unauthenticated, "no API key: give --key KEY, --key-file FILE or BOATHOUSE_KEY"};
  }
  Extra headers = extra;
  headers.emplace_back("Authorization", "Bearer " + key);
  return send(server, method, path, std::move(headers), body);
}

base::Result<std::string> call_without_key(const ServerOptions& server, const std::string& method,
                                           const std::string& path, const std::string& body) {
  return send(server, method, path, {}, body);
}

base::Result<JsonValue> call_json(const ServerOptions& server, const std::string& method, const std::string& path,
                                  const std::string& body) {
  const auto text = call(server, method, path, body);
  if (!text) return text.error();
  return base::parse_json(*text, {64, std::size_t{64} << 20});
}

std::string one_field_object(std::string_view key, std::string_view value) {
  std::string body;
  base::JsonWriter(body).begin_object().key(key).value(value).end_object();
  return body;
}

base::Result<std::string> make_athlete_key(const ServerOptions& server, const std::string& athlete) {
  const bool is_id = athlete.starts_with("ath_");
  const auto made =
      call_json(server, "POST", "/v1/keys", one_field_object(is_id ? "athlete" : "athlete_name", athlete));
  if (!made) return made.error();
  const JsonValue* key = made->find("key");
  if (key == nullptr || key->text() == nullptr) return Error{ErrorCode::internal, "the server's answer holds no key"};
  return *key->text();
}

}  // namespace boathouse::app
