#include "apps/boathouse/answers.hpp"

#include <cstdio>

#include "apps/boathouse/output.hpp"

namespace boathouse::app {

using base::JsonValue;

std::string text_of(const JsonValue& value, std::string_view key) {
  const std::size_t dot = key.find('.');
  const JsonValue* found = value.find(key.substr(0, dot));
  if (found != nullptr && dot != std::string_view::npos) return text_of(*found, key.substr(dot + 1));
  if (found == nullptr || found->is_null()) return "-";
  if (found->text() != nullptr) return found->text()->empty() ? "-" : *found->text();
  if (const auto integer = found->integer()) return std::to_string(*integer);
  if (const auto number = found->number()) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", *number);
    return text;
  }
  if (const auto flag = found->boolean()) return *flag ? "yes" : "no";
  std::string list;
  for (const JsonValue& entry : found->array() == nullptr ? JsonValue::Array() : *found->array()) {
    if (entry.text() != nullptr) list += (list.empty() ? "" : ",") + *entry.text();
  }
  return list.empty() ? "-" : list;
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

int print_list(const ServerOptions& server, const std::string& path, std::initializer_list<std::string_view> fields,
               const std::string& query) {
  std::string cursor;
  do {
    const auto text =
        call(server, "GET",
             path + "?limit=200" + (query.empty() ? "" : "&" + query) + (cursor.empty() ? "" : "&cursor=" + cursor));
    if (!text) return fail(text.error());
    const auto page = base::parse_json(*text, {64, std::size_t{64} << 20});
    if (!page) return fail(page.error());
    const JsonValue* data = page->find("data");
    if (data == nullptr || data->array() == nullptr) return fail("the server's answer has no data");
    if (server.json) {
      print(*text + "\n");
    } else {
      for (const JsonValue& entry : *data->array()) {
        std::string line;
        for (const std::string_view field : fields) line += (line.empty() ? "" : "  ") + text_of(entry, field);
        print(line + "\n");
      }
    }
    const JsonValue* paging = page->find("page");
    const JsonValue* next = paging == nullptr ? nullptr : paging->find("next_cursor");
    cursor = next != nullptr && next->text() != nullptr ? *next->text() : "";
  } while (!cursor.empty());
  return kDone;
}

}  // namespace boathouse::app
