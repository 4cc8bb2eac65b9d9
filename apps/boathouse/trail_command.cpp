#include "apps/boathouse/trail_command.hpp"

#include <cstdio>

#include "apps/boathouse/answers.hpp"
#include "apps/boathouse/output.hpp"
#include "core/base/json.hpp"
#include "core/base/uuid.hpp"

namespace boathouse::app {
namespace {

using base::JsonValue;

// "-" when there is nothing.
std::string fact_of(const JsonValue* value) {
  if (value == nullptr || value->is_null()) return "-";
  if (value->text() != nullptr) return *value->text();
  if (const auto number = value->integer()) return std::to_string(*number);
  if (const auto flag = value->boolean()) return *flag ? "yes" : "no";
  return "-";
}
std::string fact_of(const JsonValue& object, std::string_view key) { return fact_of(object.find(key)); }

// "[0, 240) [300, 360)"
std::string ranges_of(const JsonValue* ranges) {
  std::string text;
  if (ranges == nullptr || ranges->array() == nullptr) return text;
  for (const JsonValue& range : *ranges->array()) {
    if (range.array() == nullptr || range.array()->size() != 2) continue;
    text += (text.empty() ? "[" : " [") + fact_of(&range.array()->at(0)) + ", " + fact_of(&range.array()->at(1)) + ")";
  }
  return text;
}

template <typename Print>
void each(const JsonValue& object, std::string_view key, Print print_one) {
  const JsonValue* list = object.find(key);
  if (list == nullptr || list->array() == nullptr) return;
  for (const JsonValue& entry : *list->array()) print_one(entry);
}

void print_stored(const JsonValue& found, const JsonValue& birth) {
  if (fact_of(birth, "monitor_serial") != "-" || fact_of(birth, "monitor_firmware") != "-") {
    print("monitor " + fact_of(birth, "monitor_serial") + ", firmware " + fact_of(birth, "monitor_firmware") + "\n");
  }
  print("device " + fact_of(birth, "device") + ", started " + fact_of(birth, "started_at") + ", first here " +
        fact_of(birth, "received_at") + " as number " + fact_of(birth, "server_seq") + "\n");
  const JsonValue* seal = found.find("seal");
  print(seal == nullptr || seal->is_null()
            ? "not sealed\n"
            : "seal revision " + fact_of(*seal, "revision") + ", here " + fact_of(*seal, "received_at") + "\n");
  print("stream           sealed    records  chunks     loaded    waiting  clickhouse\n");
  each(found, "streams", [](const JsonValue& stream) {
    char line[128];
    std::snprintf(line, sizeof line, "%-12s %10s %10s %7s %10s %10s %11s\n", fact_of(stream, "stream").c_str(),
                  fact_of(stream, "sealed").c_str(), fact_of(stream, "records").c_str(),
                  fact_of(stream, "chunks").c_str(), fact_of(stream, "loaded_records").c_str(),
                  fact_of(stream, "waiting_records").c_str(), fact_of(stream, "clickhouse").c_str());
    print(line);
    for (const char* name : {"missing", "removed"}) {
      if (const std::string ranges = ranges_of(stream.find(name)); !ranges.empty()) {
        print("  " + std::string(name) + " " + ranges + "\n");
      }
    }
  });
  if (const JsonValue* session = found.find("session")) {
    const bool deleted = fact_of(*session, "deleted") == "yes";
    print("session " + fact_of(*session, "id") + (deleted ? " (deleted)" : "") + ": written " +
          fact_of(*session, "written") + ", waiting " + fact_of(*session, "waiting") + "\n");
  }
  each(found, "quarantined", [](const JsonValue& item) {
    std::string what = fact_of(item, "kind");
    if (item.find("stream") != nullptr) {
      what += " " + fact_of(item, "stream") + " [" + fact_of(item, "from") + ", " + fact_of(item, "to") + ")";
    }
    print("kept aside " + fact_of(item, "received_at") + "  " + what + ": " + fact_of(item, "reason") + "\n");
  });
}

}  // namespace

int trail(const ServerOptions& server, const std::string& id) {
  const std::string_view plain = id.starts_with("rec_") || id.starts_with("ses_") ? std::string_view(id).substr(4) : id;
  if (!base::Uuid::parse(plain)) return wrong_use("a recording is named by its rec_ id, or by its session's ses_ id");
  const auto text = call(server, "GET", "/v1/recordings/rec_" + std::string(plain) + "/trail");
  if (!text) return fail(text.error());
  if (server.json) {
    print(*text + "\n");
    return kDone;
  }
  const auto found = base::parse_json(*text, {64, std::size_t{64} << 20});
  if (!found) return fail(found.error());
  print(fact_of(*found, "recording") + " of " + fact_of(*found, "athlete") + "\n" + fact_of(*found, "where") + "\n");
  if (const JsonValue* birth = found->find("birth")) print_stored(*found, *birth);
  each(*found, "refused", [](const JsonValue& record) {
    print("refused " + fact_of(record, "at") + "  " + fact_of(record, "what") + "\n");
  });
  return kDone;
}

}  // namespace boathouse::app
