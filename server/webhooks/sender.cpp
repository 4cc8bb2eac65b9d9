#include "server/webhooks/sender.hpp"

#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "core/base/retry_after.hpp"

namespace boathouse::webhooks {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

struct HandleEnd {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct ListEnd {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListEnd>;

void append(List& list, const std::string& text) {
  curl_slist* longer = curl_slist_append(list.get(), text.c_str());
  if (longer != nullptr) {
    (void)list.release();
    list.reset(longer);
  }
}

std::size_t drop_body(char* /*data*/, std::size_t size, std::size_t count, void* target) {
  auto& dropped = *static_cast<std::size_t*>(target);
  dropped += size * count;
  return dropped <= kMaxAnswer ? size * count : 0;
}

Address address_of(const curl_sockaddr& from) {
  Address address;
  if (from.family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &from.addr, std::min(sizeof v6, sizeof from.addr + sizeof(sockaddr_in6) - sizeof(sockaddr)));
    address.v6 = true;
    std::memcpy(address.bytes.data(), &v6.sin6_addr, 16);
  } else {
    sockaddr_in v4{};
    std::memcpy(&v4, &from.addr, sizeof v4);
    std::memcpy(address.bytes.data(), &v4.sin_addr, 4);
  }
  return address;
}

// The last door: whatever curl has made of the host, only these addresses are connected to.
curl_socket_t open_socket(void* allowed, curlsocktype /*purpose*/, curl_sockaddr* to) {
  const auto& addresses = *static_cast<const std::vector<Address>*>(allowed);
  const bool is_ip = to->family == AF_INET || to->family == AF_INET6;
  if (!is_ip || std::find(addresses.begin(), addresses.end(), address_of(*to)) == addresses.end()) {
    return CURL_SOCKET_BAD;
  }
  return ::socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

// "host:port:address,address": what curl takes instead of asking for the name itself.
std::string pin_of(const Post& post) {
  std::string pin = post.target.host + ":" + std::to_string(post.target.port) + ":";
  for (const Address& address : post.addresses) {
    pin += (pin.back() == ':' ? "" : ",") + (address.v6 ? "[" + address.text() + "]" : address.text());
  }
  return pin;
}

// "" if the answer has no such field.
std::string_view field_of(CURL* curl, const char* name) {
  curl_header* field = nullptr;
  return curl_easy_header(curl, name, 0, CURLH_HEADER, -1, &field) == CURLHE_OK ? field->value : "";
}

}  // namespace

Result<Answer> send_with_curl(const Post& post) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, HandleEnd> handle(started == CURLE_OK ? curl_easy_init() : nullptr);
  if (!handle) {
    return Error{ErrorCode::internal, "curl_easy_init failed"};
  }
  CURL* curl = handle.get();
  const std::string url = post.target.url();
  const std::vector<Address> addresses = post.addresses;
  List headers;
  for (const auto& [name, value] : post.headers) {
    append(headers, name + ": " + value);
  }
  append(headers, "Content-Type: application/json");
  append(headers, "Expect:");
  List pins;
  if (!post.target.literal) {
    append(pins, pin_of(post));
  }
  std::size_t dropped = 0;
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, post.target.https ? "https" : "http");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl, CURLOPT_RESOLVE, pins.get());
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, const_cast<std::vector<Address>*>(&addresses));
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(kConnectTimeoutMs));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(post.timeout_ms));
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "Boathouse-Webhooks/1");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_POST, 1L);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, post.body.data());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(post.body.size()));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &drop_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &dropped);

  const CURLcode outcome = curl_easy_perform(curl);
  long status = 0;
  curl_off_t duration_us = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME_T, &duration_us);
  // Who answers at length has answered.
  const bool answered = outcome == CURLE_OK || (outcome == CURLE_WRITE_ERROR && dropped > kMaxAnswer);
  if (!answered) {
    return Error{ErrorCode::unavailable, curl_easy_strerror(outcome)};
  }
  return Answer{
      static_cast<int>(status), duration_us / 1000,
      base::retry_after_ms(field_of(curl, "Retry-After"), field_of(curl, "Date"), kLongestRetryAfterMs).value_or(0)};
}

}  // namespace boathouse::webhooks
