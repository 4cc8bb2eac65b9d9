#include "device/sync/reply.hpp"

#include <set>

#include "core/base/json.hpp"
#include "core/base/utf8.hpp"
#include "device/sync/retry_after.hpp"

namespace boathouse::sync {
namespace {

constexpr std::size_t kMaxDetail = 250;

// The longest beginning of `text` within `limit` bytes that does not end inside a code point.
std::string cut(const std::string& text, std::size_t limit) {
  std::size_t end = 0;
  while (end < text.size()) {
    const std::size_t length = base::utf8_step(std::string_view(text).substr(end)).length;
    if (end + length > limit) break;
    end += length;
  }
  return text.substr(0, end);
}

}  // namespace

std::string describe_error(const HttpResponse& response) {
  const std::string status = std::to_string(response.status);
  const auto type = find_header(response.headers, "content-type");
  if (!type || !type->starts_with("application/problem+json")) return status;
  const auto problem = base::parse_json(response.body);
  if (!problem) return status;
  for (const char* const key : {"detail", "title"}) {
    const base::JsonValue* const value = problem->find(key);
    if (value != nullptr && value->text() != nullptr && !value->text()->empty()) {
      return status + " (" + cut(*value->text(), kMaxDetail) + ")";
    }
  }
  return status;
}

void put_off_orphans(std::span<const InFlight> items, std::span<wire::ItemResult> results) {
  std::set<base::Uuid> births_wait;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].kind == wire::ItemKind::birth && results[i].outcome == wire::Outcome::later)
      births_wait.insert(items[i].rec_id);
  }
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (results[i].outcome == wire::Outcome::rejected && births_wait.contains(items[i].rec_id))
      results[i].outcome = wire::Outcome::later;
  }
}

}  // namespace boathouse::sync
