#include "server/webhooks/signature.hpp"

#include "core/base/base64.hpp"

namespace boathouse::webhooks {

Secret new_secret(base::RandomSource& random) {
  Secret secret{};
  random.fill(secret);
  return secret;
}

std::string secret_text(const Secret& secret) { return "whsec_" + base::to_base64(secret); }

std::string signatures(std::span<const Secret> secrets, std::string_view message_id, std::int64_t timestamp_s,
                       std::string_view body) {
  std::string content(message_id);
  content.append(".").append(std::to_string(timestamp_s)).append(".").append(body);
  std::string text;
  for (const Secret& secret : secrets) {
    text += (text.empty() ? "v1," : " v1,") + base::to_base64(control::keyed_hash(secret, content));
  }
  return text;
}

}  // namespace boathouse::webhooks
