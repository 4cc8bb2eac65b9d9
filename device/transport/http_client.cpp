#include "device/transport/http_client.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <string_view>

namespace boathouse::transport {
namespace {

constexpr std::size_t kMaxHeaderBytes = std::size_t{64} * 1024;  // of one answer

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, ListDeleter>;

// What the callbacks of one exchange write to.
struct Exchange {
  HttpReply reply;
  std::size_t max_body = 0;
  std::size_t header_bytes = 0;
  bool over_limit = false;
  const std::atomic<bool>* cancelled = nullptr;
};

bool is_clean(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

// The callbacks are called by C code: nothing may be thrown through it. Running out of memory ends the exchange.
std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) noexcept {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::size_t bytes = size * count;
  if (exchange.reply.body.size() + bytes > exchange.max_body) {
    exchange.over_limit = true;
    return 0;
  }
  try {
    exchange.reply.body.append(data, bytes);
  } catch (...) {
    return 0;
  }
  return bytes;
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) noexcept {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::string_view line(data, size * count);
  exchange.header_bytes += line.size();
  if (exchange.header_bytes > kMaxHeaderBytes) {
    exchange.over_limit = true;
    return 0;
  }
  try {
    // A 1xx answer comes before the real one.
    if (line.starts_with("HTTP/")) exchange.reply.headers.clear();
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && colon > 0) {
      std::string name(line.substr(0, colon));
      std::ranges::transform(name, name.begin(),
                             [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
      exchange.reply.headers.emplace_back(std::move(name), trimmed(line.substr(colon + 1)));
    }
  } catch (...) {
    return 0;
  }
  return line.size();
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
  return static_cast<Exchange*>(user)->cancelled->load() ? 1 : 0;
}

// What a person can do about it; "" = nothing that would be known here.
std::string fix_of(CURLcode code, const std::string& text) {
  if (code == CURLE_PEER_FAILED_VERIFICATION) {
    return " (if the server has a certificate of a private CA, name the CA's file: --ca-file FILE or CURL_CA_BUNDLE)";
  }
  if (code == CURLE_SSL_CONNECT_ERROR && text.find("wrong version number") != std::string::npos) {
    return " (does the server speak plain HTTP there? then its address begins with http://)";
  }
  return {};
}

// Of the server's own certificate, the first of its chain.
std::string certificate_expires(CURL* curl) {
  constexpr std::string_view kField = "Expire date:";
  curl_certinfo* info = nullptr;
  if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &info) != CURLE_OK || info == nullptr || info->num_of_certs < 1) {
    return {};
  }
  for (const curl_slist* field = info->certinfo[0]; field != nullptr; field = field->next) {
    const std::string_view text(field->data);
    if (text.starts_with(kField)) return std::string(text.substr(kField.size()));
  }
  return {};
}

base::Error failed(CURLcode code, const char* detail, const Exchange& exchange) {
  if (exchange.over_limit) return {base::ErrorCode::too_large, "the answer is longer than allowed"};
  if (code == CURLE_ABORTED_BY_CALLBACK) return {base::ErrorCode::unavailable, "stopped"};
  const std::string text = detail[0] != '\0' ? detail : curl_easy_strerror(code);
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_SSL_CACERT_BADFILE) {
    return {base::ErrorCode::invalid_input, text};
  }
  return {base::ErrorCode::unavailable, text + fix_of(code, text)};
}

}  // namespace

std::string trusted_ca_file(const std::string& ca_file) {
  if (!ca_file.empty()) return ca_file;
  for (const char* name : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
    const char* const value = std::getenv(name);
    if (value != nullptr && value[0] != '\0') return value;
  }
  return {};
}

struct HttpClient::Impl {
  struct CurlDeleter {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  };

  HttpClientOptions options;
  std::unique_ptr<CURL, CurlDeleter> handle;  // kept: so is its connection
  std::atomic<bool> cancelled = false;
};

HttpClient::HttpClient(const HttpClientOptions& options) : impl_(std::make_unique<Impl>()) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  impl_->options = options;
  impl_->handle.reset(curl_easy_init());
}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

void HttpClient::cancel() { impl_->cancelled = true; }

base::Result<HttpReply> HttpClient::post(const std::string& url,
                                         const std::vector<std::pair<std::string, std::string>>& headers,
                                         base::ByteView body) {
  return request("POST", url, headers, body);
}

base::Result<HttpReply> HttpClient::request(const std::string& method, const std::string& url,
                                            const std::vector<std::pair<std::string, std::string>>& headers,
                                            base::ByteView body) {
  CURL* const curl = impl_->handle.get();
  if (curl == nullptr) return base::Error{base::ErrorCode::unavailable, "libcurl cannot be started"};
  HeaderList list;
  const auto add = [&](const std::string& line) {
    curl_slist* const longer = curl_slist_append(list.get(), line.c_str());
    if (longer != nullptr) {
      static_cast<void>(list.release());
      list.reset(longer);
    }
    return longer != nullptr;
  };
  bool added = add("Expect:");  // no round trip before the body
  for (const auto& [name, value] : headers) {
    if (!is_clean(name) || !is_clean(value))
      return base::Error{base::ErrorCode::invalid_input, "a line end in header " + name};
    std::string line = name;
    line.append(": ").append(value);
    added = added && add(line);
  }
  if (!added) return base::Error{base::ErrorCode::unavailable, "out of memory"};

  Exchange exchange;
  exchange.max_body = impl_->options.max_response_bytes;
  exchange.cancelled = &impl_->cancelled;
  char detail[CURL_ERROR_SIZE] = "";
  curl_easy_reset(curl);  // keeps connections
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (const std::string ca_file = trusted_ca_file(impl_->options.ca_file); !ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file.c_str());
    curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);  // nobody else is trusted then
  }
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(impl_->options.connect_timeout_ms));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(impl_->options.total_timeout_ms));
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "boathouse-device");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list.get());
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method.c_str());
  if (method != "GET" && method != "HEAD" && method != "DELETE") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.empty() ? "" : reinterpret_cast<const char*>(body.data()));
  }
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_CERTINFO, impl_->options.read_certificate ? 1L : 0L);
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) {
    base::Error error = failed(code, detail, exchange);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, nullptr);
    return error;
  }
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, nullptr);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  exchange.reply.status = static_cast<int>(status);
  if (impl_->options.read_certificate) exchange.reply.certificate_expires = certificate_expires(curl);
  return std::move(exchange.reply);
}

}  // namespace boathouse::transport
