#include "apps/boathouse/trail_command.hpp"

#include <cstdio>

#include "apps/boathouse/output.hpp"
#include "core/base/json.hpp"
#include "core/base/uuid.hpp"

namespace boathouse::app {
namespace {

using base::JsonValue;

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

// "-" when there is nothing.
std::string text_of(const JsonValue* value) {
  if (value == nullptr || value->is_null()) return "-";
  if (value->text() != nullptr) return *value->text();
  if (const auto number = value->integer()) return std::to_string(*number);
  if (const auto flag = value->boolean()) return *flag ? "yes" : "no";
  return "-";
}
std::string text_of(const JsonValue& object, std::string_view key) { return text_of(object.find(key)); }

// "[0, 240) [300, 360)"
std::string ranges_of(const JsonValue* ranges) {
  std::string text;
  if (ranges == nullptr || ranges->array() == nullptr) return text;
  for (const JsonValue& range : *ranges->array()) {
    if (range.array() == nullptr || range.array()->size() != 2) continue;
    text += (text.empty() ? "[" : " [") + text_of(&range.array()->at(0)) + ", " + text_of(&range.array()->at(1)) + ")";
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
  if (text_of(birth, "monitor_serial") != "-" || text_of(birth, "monitor_firmware") != "-") {
    print("monitor " + text_of(birth, "monitor_serial") + ", firmware " + text_of(birth, "monitor_firmware") + "\n");
  }
  print("device " + text_of(birth, "device") + ", started " + text_of(birth, "started_at") + ", first here " +
        text_of(birth, "received_at") + " as number " + text_of(birth, "server_seq") + "\n");
  const JsonValue* seal = found.find("seal");
  print(seal == nullptr || seal->is_null()
            ? "not sealed\n"
            : "seal revision " + text_of(*seal, "revision") + ", here " + text_of(*seal, "received_at") + "\n");
  print("stream           sealed    records  chunks     loaded    waiting  clickhouse\n");
  each(found, "streams", [](const JsonValue& stream) {
    char line[128];
    std::snprintf(line, sizeof line, "%-12s %10s %10s %7s %10s %10s %11s\n", text_of(stream, "stream").c_str(),
                  text_of(stream, "sealed").c_str(), text_of(stream, "records").c_str(),
                  text_of(stream, "chunks").c_str(), text_of(stream, "loaded_records").c_str(),
                  text_of(stream, "waiting_records").c_str(), text_of(stream, "clickhouse").c_str());
    print(line);
    for (const char* name : {"missing", "removed"}) {
      if (const std::string ranges = ranges_of(stream.find(name)); !ranges.empty()) {
        print("  " + std::string(name) + " " + ranges + "\n");
      }
    }
  });
  if (const JsonValue* session = found.find("session")) {
    const bool deleted = text_of(*session, "deleted") == "yes";
    print("session " + text_of(*session, "id") + (deleted ? " (deleted)" : "") + ": written " +
          text_of(*session, "written") + ", waiting " + text_of(*session, "waiting") + "\n");
  }
  each(found, "quarantined", [](const JsonValue& item) {
    std::string what = text_of(item, "kind");
    if (item.find("stream") != nullptr) {
      what += " " + text_of(item, "stream") + " [" + text_of(item, "from") + ", " + text_of(item, "to") + ")";
    }
    print("kept aside " + text_of(item, "received_at") + "  " + what + ": " + text_of(item, "reason") + "\n");
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
  print(text_of(*found, "recording") + " of " + text_of(*found, "athlete") + "\n" + text_of(*found, "where") + "\n");
  if (const JsonValue* birth = found->find("birth")) print_stored(*found, *birth);
  each(*found, "refused", [](const JsonValue& record) {
    print("refused " + text_of(record, "at") + "  " + text_of(record, "what") + "\n");
  });
  return kDone;
}

}  // namespace boathouse::app
