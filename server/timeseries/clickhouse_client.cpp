#include "server/timeseries/clickhouse_client.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <mutex>

namespace boathouse::timeseries {
namespace {

using base::Error;
using base::ErrorCode;

constexpr long kConnectTimeoutMs = 3'000;
constexpr long kCallTimeoutMs = 120'000;
constexpr std::size_t kMaxReply = std::size_t{1} << 30;

// Codes after which the same call may succeed later (docs: clickhouse error codes; the list is the project's research).
constexpr std::array kTransientCodes{159, 202, 209, 210, 241, 242, 252, 279, 285, 319, 999};

std::string percent_encode(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || c == '-' ||
        c == '_' || c == '.' || c == '~') {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 0xF];
    }
  }
  return out;
}

// Parameter values are read with TSV escapes.
std::string escape_parameter(std::string_view value) {
  std::string out;
  for (const char c : value) {
    switch (c) {
      case '\\':
        out += "\\\\";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\0':
        out += "\\0";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string parameter_query(const Parameters& parameters) {
  std::string out;
  for (const auto& [name, value] : parameters) {
    out += "&param_" + percent_encode(name) + "=" + percent_encode(escape_parameter(value));
  }
  return out;
}

std::size_t append_body(char* data, std::size_t size, std::size_t count, void* target) {
  auto& out = *static_cast<std::string*>(target);
  if (out.size() + size * count > kMaxReply) return 0;
  out.append(data, size * count);
  return size * count;
}

struct UploadBody {
  std::string_view rest;
};

std::size_t read_body(char* target, std::size_t size, std::size_t count, void* source) {
  auto& body = *static_cast<UploadBody*>(source);
  const std::size_t n = std::min(size * count, body.rest.size());
  std::copy_n(body.rest.data(), n, target);
  body.rest.remove_prefix(n);
  return n;
}

// curl may have to send a body again when a kept-alive connection turns out to be dead.
int seek_body(void* source, curl_off_t offset, int origin) {
  auto& [all, upload] = *static_cast<std::pair<std::string_view, UploadBody>*>(source);
  if (origin != SEEK_SET || offset < 0 || static_cast<std::size_t>(offset) > all.size()) return CURL_SEEKFUNC_FAIL;
  upload.rest = all.substr(static_cast<std::size_t>(offset));
  return CURL_SEEKFUNC_OK;
}

int clickhouse_code(std::string_view reply) {
  constexpr std::string_view kPrefix = "Code: ";
  const auto at = reply.find(kPrefix);
  int code = 0;
  if (at != std::string_view::npos) {
    std::from_chars(reply.data() + at + kPrefix.size(), reply.data() + reply.size(), code);
  }
  return code;
}

Error error_of_reply(long status, std::string_view reply) {
  const int code = clickhouse_code(reply);
  const bool transient = status == 503 || std::ranges::find(kTransientCodes, code) != kTransientCodes.end();
  return {transient ? ErrorCode::unavailable : ErrorCode::internal,
          "ClickHouse answered " + std::to_string(status) + ": " + std::string(reply.substr(0, 500))};
}

}  // namespace

struct ClickHouseClient::Pool {
  explicit Pool(Endpoint where) : endpoint(std::move(where)) { curl_global_init(CURL_GLOBAL_DEFAULT); }
  ~Pool() {
    for (CURL* handle : idle) curl_easy_cleanup(handle);
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  CURL* take() {
    const std::lock_guard lock(mutex);
    if (idle.empty()) return curl_easy_init();
    CURL* handle = idle.back();
    idle.pop_back();
    return handle;
  }
  void give_back(CURL* handle) {
    curl_easy_reset(handle);
    const std::lock_guard lock(mutex);
    idle.push_back(handle);
  }
  Endpoint where() {
    const std::lock_guard lock(mutex);
    return endpoint;
  }

  std::mutex mutex;
  Endpoint endpoint;
  std::vector<CURL*> idle;
};

ClickHouseClient::ClickHouseClient(Endpoint endpoint) : pool_(std::make_unique<Pool>(std::move(endpoint))) {}
ClickHouseClient::~ClickHouseClient() = default;

void ClickHouseClient::set_endpoint(Endpoint endpoint) {
  const std::lock_guard lock(pool_->mutex);
  pool_->endpoint = std::move(endpoint);
}

base::Result<std::string> ClickHouseClient::call(std::string_view query_string, std::string_view body,
                                                 bool body_is_sql) {
  const Endpoint endpoint = pool_->where();
  if (endpoint.url.empty()) return Error{ErrorCode::unavailable, "ClickHouse is not started"};
  CURL* handle = pool_->take();
  if (handle == nullptr) return Error{ErrorCode::internal, "curl_easy_init failed"};

  const std::string url = endpoint.url + "/?database=" + percent_encode(endpoint.database) + std::string(query_string);
  std::pair<std::string_view, UploadBody> upload{body, {body}};
  std::string reply;
  curl_slist* headers = nullptr;
  headers = curl_slist_append(headers, ("X-ClickHouse-User: " + endpoint.user).c_str());
  headers = curl_slist_append(headers, ("X-ClickHouse-Key: " + endpoint.password).c_str());
  headers = curl_slist_append(headers, "Expect:");
  headers = curl_slist_append(
      headers, body_is_sql ? "Content-Type: text/plain; charset=utf-8" : "Content-Type: application/octet-stream");
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, kCallTimeoutMs);
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(handle, CURLOPT_POST, 1L);
  curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, 1L << 20);
  curl_easy_setopt(handle, CURLOPT_READFUNCTION, &read_body);
  curl_easy_setopt(handle, CURLOPT_READDATA, &upload.second);
  curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, &seek_body);
  curl_easy_setopt(handle, CURLOPT_SEEKDATA, &upload);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &append_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &reply);

  const CURLcode outcome = curl_easy_perform(handle);
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  curl_slist_free_all(headers);
  pool_->give_back(handle);
  if (outcome != CURLE_OK) {
    return Error{ErrorCode::unavailable, std::string("ClickHouse is not reached: ") + curl_easy_strerror(outcome)};
  }
  if (status != 200) return error_of_reply(status, reply);
  return reply;
}

base::Status ClickHouseClient::execute(std::string_view sql, const Parameters& parameters) {
  const auto reply = call("&wait_end_of_query=1" + parameter_query(parameters), sql, true);
  if (!reply) return reply.error();
  return base::Done{};
}

base::Result<NativeBlock> ClickHouseClient::select(std::string_view sql, const Parameters& parameters) {
  const std::string text = std::string(sql) + " FORMAT Native";
  const auto reply = call("&wait_end_of_query=1" + parameter_query(parameters), text, true);
  if (!reply) return reply.error();
  return read_native(base::as_bytes(*reply));
}

base::Status ClickHouseClient::insert(std::string_view sql, base::ByteView native_body, std::string_view token) {
  const std::string query =
      "&wait_end_of_query=1&async_insert=0&insert_deduplicate=1&insert_deduplication_token=" + percent_encode(token) +
      "&query=" + percent_encode(std::string(sql) + " FORMAT Native");
  const auto reply = call(query, base::as_text(native_body), false);
  if (!reply) return reply.error();
  return base::Done{};
}

base::Status ClickHouseClient::ping() {
  const auto reply = call("", "SELECT 1", true);
  if (!reply) return reply.error();
  return base::Done{};
}

}  // namespace boathouse::timeseries
