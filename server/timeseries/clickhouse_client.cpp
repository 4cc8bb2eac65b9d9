#include "server/timeseries/clickhouse_client.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <mutex>

namespace boathouse::timeseries {
namespace {

using base::Error;
using base::ErrorCode;

constexpr long kConnectTimeoutMs = 3'000;
constexpr long kReceiveBuffer = 512L << 10;              // the most that curl takes; an answer has some megabytes
constexpr std::size_t kMaxReply = std::size_t{1} << 30;  // unless a call has less

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

std::string seconds_text(std::int64_t ms) {
  const std::string rest = std::to_string(1000 + ms % 1000);
  return std::to_string(ms / 1000) + "." + rest.substr(1);
}

// What comes, and how much of it may.
struct Download {
  Reply reply{};
  std::size_t most_bytes = kMaxReply;
  bool too_large = false;
};

std::size_t append_body(char* data, std::size_t size, std::size_t count, void* target) {
  auto& download = *static_cast<Download*>(target);
  std::string& out = download.reply.body;
  download.too_large = out.size() + size * count > download.most_bytes;
  if (download.too_large) return 0;
  out.append(data, size * count);
  return size * count;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* target) {
  read_header(static_cast<Download*>(target)->reply, {data, size * count});
  return size * count;
}

Failure not_reached(const std::string& why) {
  return {{ErrorCode::unavailable, "ClickHouse is not reached: " + why}, Remedy::another_node};
}

Error too_large(std::size_t most_bytes) {
  return {ErrorCode::too_large, "the result has more than " + std::to_string(most_bytes) + " bytes"};
}

// What is sent, and how far it is.
struct UploadBody {
  std::span<const base::ByteView> pieces;
  std::size_t piece = 0;
  std::size_t at = 0;  // in that piece

  [[nodiscard]] std::size_t size() const {
    std::size_t all = 0;
    for (const base::ByteView one : pieces) all += one.size();
    return all;
  }
};

std::size_t read_body(char* target, std::size_t size, std::size_t count, void* source) {
  auto& body = *static_cast<UploadBody*>(source);
  std::size_t filled = 0;
  while (filled < size * count && body.piece < body.pieces.size()) {
    const base::ByteView rest = body.pieces[body.piece].subspan(body.at);
    if (rest.empty()) {
      ++body.piece;
      body.at = 0;
      continue;
    }
    const std::size_t n = std::min(size * count - filled, rest.size());
    std::memcpy(target + filled, rest.data(), n);  // copy_n would go byte by byte from one type to the other
    filled += n;
    body.at += n;
  }
  return filled;
}

// curl may have to send a body again when a kept-alive connection turns out to be dead.
int seek_body(void* source, curl_off_t offset, int origin) {
  auto& body = *static_cast<UploadBody*>(source);
  if (origin != SEEK_SET || offset < 0 || static_cast<std::size_t>(offset) > body.size()) return CURL_SEEKFUNC_FAIL;
  body.piece = 0;
  body.at = static_cast<std::size_t>(offset);
  while (body.piece < body.pieces.size() && body.at >= body.pieces[body.piece].size()) {
    body.at -= body.pieces[body.piece++].size();
  }
  return CURL_SEEKFUNC_OK;
}

const base::SystemClock& system_clock() {
  static const base::SystemClock kClock;
  return kClock;
}

}  // namespace

struct ClickHouseClient::Pool {
  Pool(std::vector<Endpoint> where, Options how, const base::Clock& its_clock)
      : options(how), clock(its_clock), nodes(std::move(where), how.cool_off_ms, clock) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
  }
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

  const Options options;
  const base::Clock& clock;
  Nodes nodes;
  std::mutex mutex;
  std::vector<CURL*> idle;
};

struct ClickHouseClient::Call {
  std::string_view path;  // with the query string
  std::span<const base::ByteView> body;
  bool body_is_sql = true;
  long timeout_ms = 0;
  bool is_get = false;
  bool for_all_nodes = false;              // timeout_ms: of all that are asked together
  std::optional<std::int64_t> limit_ms{};  // after that ClickHouse itself ends it: all nodes together, too
  std::optional<std::size_t> result_bytes{};
};

ClickHouseClient::ClickHouseClient(Endpoint endpoint) : ClickHouseClient({std::move(endpoint)}, {}, system_clock()) {}
ClickHouseClient::ClickHouseClient(std::vector<Endpoint> nodes, Options options, const base::Clock& clock)
    : pool_(std::make_unique<Pool>(std::move(nodes), options, clock)) {}
ClickHouseClient::~ClickHouseClient() = default;

void ClickHouseClient::set_endpoint(Endpoint endpoint) { pool_->nodes.set({std::move(endpoint)}); }

// `problem` is nothing when a whole reply came.
Reply ClickHouseClient::perform(const Endpoint& endpoint, const Call& call, std::optional<Failure>& problem) {
  Download download;
  if (call.result_bytes) download.most_bytes = *call.result_bytes;
  CURL* handle = pool_->take();
  if (handle == nullptr) {
    problem = not_reached("curl_easy_init failed");
    return {};
  }
  std::string limits = call.limit_ms ? "&max_execution_time=" + seconds_text(*call.limit_ms) : std::string();
  if (call.result_bytes) {
    limits += "&max_result_bytes=" + std::to_string(*call.result_bytes) + "&result_overflow_mode=throw";
  }
  const std::string url =
      endpoint.url + std::string(call.path) + limits +
      (call.is_get ? std::string() : "&database=" + percent_encode(endpoint.database) + endpoint.settings);
  UploadBody upload{call.body};
  curl_slist* headers = nullptr;
  headers = curl_slist_append(headers, ("X-ClickHouse-User: " + endpoint.user).c_str());
  headers = curl_slist_append(headers, ("X-ClickHouse-Key: " + endpoint.password).c_str());
  headers = curl_slist_append(headers, "Expect:");
  headers = curl_slist_append(
      headers, call.body_is_sql ? "Content-Type: text/plain; charset=utf-8" : "Content-Type: application/octet-stream");
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, call.timeout_ms);
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
  if (!call.is_get) {
    curl_easy_setopt(handle, CURLOPT_POST, 1L);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(upload.size()));
    curl_easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, 1L << 20);
    curl_easy_setopt(handle, CURLOPT_READFUNCTION, &read_body);
    curl_easy_setopt(handle, CURLOPT_READDATA, &upload);
    curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, &seek_body);
    curl_easy_setopt(handle, CURLOPT_SEEKDATA, &upload);
  }
  curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, kReceiveBuffer);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &append_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &download);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &take_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &download);

  const CURLcode outcome = curl_easy_perform(handle);
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &download.reply.status);
  curl_slist_free_all(headers);
  pool_->give_back(handle);
  if (download.too_large) {
    problem = Failure{too_large(download.most_bytes), Remedy::none};
  } else if (outcome != CURLE_OK) {
    problem = not_reached(curl_easy_strerror(outcome));
  }
  return std::move(download.reply);
}

base::Status ClickHouseClient::on_some_node(const Call& call, const Judge& judge) {
  Error last{ErrorCode::unavailable, "ClickHouse is not started"};
  const std::int64_t begun_ms = pool_->clock.monotonic_ms();
  std::int64_t passed_ms = 0;  // with nodes that were asked before; 0 for the first
  for (const Endpoint& endpoint : pool_->nodes.in_turn()) {
    if (endpoint.url.empty()) continue;
    Call one = call;
    if (call.for_all_nodes) one.timeout_ms -= static_cast<long>(passed_ms);
    if (call.limit_ms) one.limit_ms = *call.limit_ms - passed_ms;
    // Nothing is left; 0 would be for ever.
    if (one.timeout_ms <= 0 || (one.limit_ms && *one.limit_ms <= 0)) break;
    std::optional<Failure> failure;
    const Reply reply = perform(endpoint, one, failure);
    if (!failure) failure = judge(reply);
    if (!failure) {
      pool_->nodes.answered(endpoint.url);
      return base::Done{};
    }
    last = std::move(failure->error);
    if (failure->remedy == Remedy::another_node) pool_->nodes.failed(endpoint.url);
    // It does not rest: what else it has is whole.
    if (failure->remedy == Remedy::whole_copy && pool_->options.on_damage) pool_->options.on_damage(endpoint.url, last);
    if (failure->remedy == Remedy::later || failure->remedy == Remedy::none) break;
    passed_ms = pool_->clock.monotonic_ms() - begun_ms;
  }
  return last;
}

base::Status ClickHouseClient::execute(std::string_view sql, const Parameters& parameters, std::string_view settings) {
  const std::string path = "/?wait_end_of_query=1" + std::string(settings) + parameter_query(parameters);
  const base::ByteView text = base::as_bytes(sql);
  return on_some_node({path, {&text, 1}, true, static_cast<long>(pool_->options.call_timeout_ms)}, failure_of);
}

base::Result<NativeBlock> ClickHouseClient::select(std::string_view sql, const Parameters& parameters,
                                                   const SelectBounds& bounds) {
  const std::string text = std::string(sql) + " FORMAT Native";
  const std::string path = "/?wait_end_of_query=1" + parameter_query(parameters);
  const base::ByteView body = base::as_bytes(text);
  Call call{path, {&body, 1}, true, static_cast<long>(pool_->options.check_timeout_ms)};
  // A CHECK TABLE reads as long as there is something to read.
  const bool checks = sql.starts_with("CHECK");
  if (!checks) {
    call.for_all_nodes = true;
    call.timeout_ms = static_cast<long>(bounds.within_ms.value_or(pool_->options.select_timeout_ms));
    call.limit_ms =
        bounds.within_ms ? std::max<std::int64_t>(*bounds.within_ms * 3 / 4, 1) : pool_->options.select_limit_ms;
  }
  call.result_bytes = bounds.result_bytes;
  NativeBlock block;
  const base::Status status =
      on_some_node(call, [&block, checks, &bounds](const Reply& reply) -> std::optional<Failure> {
        if (auto failure = checks ? failure_of(reply) : failure_of_question(reply)) {
          if (bounds.result_bytes && is_too_large_result(failure->error)) {
            return Failure{too_large(*bounds.result_bytes), Remedy::none};
          }
          // What is left of the time is too short for another node, and what it then does not say is no fault of it.
          if (bounds.within_ms && is_too_much(failure->error)) failure->remedy = Remedy::later;
          return failure;
        }
        auto read = read_native(base::as_bytes(reply.body));
        if (!read) {
          return Failure{{ErrorCode::unavailable, "ClickHouse answered half a result: " + read.error().text},
                         Remedy::another_node};
        }
        block = std::move(*read);
        return wrong_row_count(reply, block.rows);
      });
  if (!status) return status.error();
  return block;
}

base::Status ClickHouseClient::insert(std::string_view sql, std::span<const base::ByteView> native_body,
                                      std::string_view token) {
  // Whatever a server's profile says: in a table before the answer comes, and counted once. (deduplicate_insert is the
  // later word for it and goes before the other; known since 26.2.) Any number of partitions: recordings of one block
  // may be of as many years as clocks are wrong, and a block that is refused for them would be refused for ever.
  const std::string path =
      "/?wait_end_of_query=1&async_insert=0&insert_deduplicate=1&deduplicate_insert=enable"
      "&max_partitions_per_insert_block=0"
      "&insert_deduplication_token=" +
      percent_encode(token) + "&query=" + percent_encode(std::string(sql) + " FORMAT Native");
  return on_some_node({path, native_body, false, static_cast<long>(pool_->options.call_timeout_ms)}, failure_of);
}

base::Status ClickHouseClient::ping() {
  const base::ByteView text = base::as_bytes(std::string_view("SELECT 1"));
  return on_some_node({"/?wait_end_of_query=1", {&text, 1}, true, static_cast<long>(pool_->options.ping_timeout_ms)},
                      failure_of);
}

base::Status ClickHouseClient::knock() {
  // Who says that he is full is alive.
  const auto any = [](const Reply&) { return std::optional<Failure>(); };
  return on_some_node({"/ping", {}, true, static_cast<long>(pool_->options.ping_timeout_ms), true}, any);
}

}  // namespace boathouse::timeseries
