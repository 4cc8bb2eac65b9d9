#include "apps/boathouse/webhook_commands.hpp"

#include "apps/boathouse/answers.hpp"
#include "apps/boathouse/output.hpp"
#include "core/base/json.hpp"

namespace boathouse::app {

using base::JsonValue;

int webhook_list(const ServerOptions& server) {
  const auto text = call(server, "GET", "/v1/webhooks");
  if (!text) return fail(text.error());
  const auto list = base::parse_json(*text);
  const JsonValue* data = list ? list->find("data") : nullptr;
  if (data == nullptr || data->array() == nullptr) return fail("the server's answer has no data");
  if (server.json) {
    print(*text + "\n");
    return kDone;
  }
  for (const JsonValue& webhook : *data->array()) {
    std::string line = text_of(webhook, "id");
    for (const char* field : {"url", "events", "failing_since", "disabled_reason"}) {
      line += "  " + text_of(webhook, field);
    }
    print(line + (text_of(webhook, "enabled") == "yes" ? "\n" : "  disabled\n"));
  }
  return kDone;
}

int webhook_deliveries(const ServerOptions& server, const std::string& id) {
  return print_list(server, "/v1/webhooks/" + id + "/deliveries",
                    {"id", "created_at", "type", "state", "attempts", "status", "next_attempt_at", "error"});
}

int webhook_replay(const ServerOptions& server, const std::string& id, const std::string& since) {
  std::int64_t replayed = 0;
  while (true) {
    const auto answer = call_json(server, "POST", "/v1/webhooks/" + id + "/replay", one_field_object("since", since));
    if (!answer) return fail(answer.error());
    const JsonValue* count = answer->find("replayed");
    const JsonValue* has_more = answer->find("has_more");
    if (count == nullptr || !count->integer() || has_more == nullptr || !has_more->boolean()) {
      return fail("the server's answer is no replay");
    }
    replayed += *count->integer();
    if (!*has_more->boolean()) break;
  }
  const std::string number = std::to_string(replayed);
  print(server.json ? "{\"replayed\":" + number + "}\n" : number + " deliveries are sent again\n");
  return kDone;
}

}  // namespace boathouse::app
