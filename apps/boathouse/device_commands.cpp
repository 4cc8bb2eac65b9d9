#include "apps/boathouse/device_commands.hpp"

#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "apps/boathouse/device_actions.hpp"
#include "apps/boathouse/device_door.hpp"
#include "apps/boathouse/live_recording.hpp"
#include "apps/boathouse/output.hpp"
#include "core/base/json.hpp"
#include "device/import/import.hpp"
#include "device/store/salvage.hpp"
#include "device/sync/engine.hpp"

namespace boathouse::app {
namespace {

namespace fs = std::filesystem;
using base::JsonValue;

volatile sig_atomic_t stop_recording = 0;

void print_line(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
}

// Our own JSON, so the keys are there.
const JsonValue& at(const JsonValue& value, std::string_view key) {
  static const JsonValue kNothing;
  const JsonValue* found = value.find(key);
  return found == nullptr ? kNothing : *found;
}
long long number(const JsonValue& value, std::string_view key) { return at(value, key).integer().value_or(0); }
std::string text(const JsonValue& value, std::string_view key) {
  const std::string* found = at(value, key).text();
  return found == nullptr ? "" : *found;
}
const JsonValue::Array& list(const JsonValue& value, std::string_view key) {
  static const JsonValue::Array kEmpty;
  const JsonValue::Array* found = at(value, key).array();
  return found == nullptr ? kEmpty : *found;
}

// Shows an answer: as it is with --json, else by `show`, which also gives the exit code.
template <typename Show>
int present(const DeviceOptions& options, const base::Result<std::string>& answer, Show show) {
  if (!answer) return fail(answer.error());
  const auto value = base::parse_json(*answer, {64, std::size_t{256} << 20});
  if (!value) return fail(value.error());
  if (options.json) print_line(*answer);
  return show(*value, options.json);
}

template <typename Show>
int ask(const DeviceOptions& options, const Action& action, Show show) {
  return present(options, ask_device(options.data, action), show);
}

// Each on its line of stderr, as compilers do.
void print_problems(const JsonValue& answer, const std::string& file) {
  for (const JsonValue& problem : list(answer, "problems")) {
    std::fprintf(stderr, "%s:%lld: %s\n", file.c_str(), number(problem, "line"), text(problem, "text").c_str());
  }
}

// "rec_...: sample [0, 256): why (comes back with the next sync)"
std::string damage_text(const JsonValue& damage) {
  std::string line;
  if (const std::string recording = text(damage, "recording"); !recording.empty()) line = recording + ": ";
  if (const std::string stream = text(damage, "stream"); !stream.empty()) {
    line +=
        stream + " [" + std::to_string(number(damage, "from")) + ", " + std::to_string(number(damage, "to")) + "): ";
  }
  line += text(damage, "text");
  return at(damage, "from_server").boolean().value_or(false) ? line + " (the server had confirmed it)" : line;
}

int code_of_recording(const JsonValue& answer) {
  return number(answer, "rejected_lines") + number(answer, "refused") > 0 ? kFailed : kDone;
}

}  // namespace

int device_replay(const DeviceOptions& options, const InputOptions& input) {
  int exit_code = kDone;
  for (const std::string& file : input.files) {
    auto content = import::read_file(file);
    if (!content) return fail(content.error());
    const Action action{"replay", fs::path(file).filename().string(), "", std::move(*content), input.monitor};
    const int code = ask(options, action, [&](const JsonValue& answer, bool quiet) {
      print_problems(answer, file);
      if (!quiet) {
        std::printf("%s: %zu session(s), %lld notifications\n", file.c_str(), list(answer, "sessions").size(),
                    number(answer, "notifications"));
        for (const JsonValue& session : list(answer, "sessions")) std::printf("  %s\n", session.text()->c_str());
      }
      return code_of_recording(answer);
    });
    exit_code = std::max(exit_code, code);
  }
  return exit_code;
}

int device_record(const DeviceOptions& options, const InputOptions& input) {
  Device device;
  if (const auto opened = device.open(options.data); !opened) return fail(opened.error());
  const std::string name = input.files.empty() ? "-" : input.files.front();
  Source source;
  if (const auto readable = source.open(name); !readable) return fail(readable.error());

  // SIGTERM and SIGINT end the input, so that the running recording is sealed.
  struct sigaction action {};
  action.sa_handler = [](int) { stop_recording = 1; };
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);

  store::RecorderOptions recorder_options;
  recorder_options.monitor_serial = input.monitor;
  store::Recorder recorder(*device.store, device.clock, device.ids, std::move(recorder_options));
  store::LineFeeder feeder(recorder);
  std::string told;
  const auto tell_progress = [&] {
    if (!input.progress) return;
    std::string saved = saved_json(recorder);
    if (saved == told) return;
    print_line(saved);
    std::fflush(stdout);
    told = std::move(saved);
  };
  // Whoever is not told before the first stroke would row for nothing.
  const auto over = [&] { return stop_recording != 0 || recorder.start_refused(); };
  const auto recorded = record_live(source, recorder, feeder, device.clock, over, tell_progress);
  if (!recorded) return fail(recorded.error());
  const std::string answer = recorded_json(recorder, feeder, name);
  print_line(answer);
  const auto value = base::parse_json(answer);
  if (!value) return fail(value.error());
  print_problems(*value, name);
  return feeder.counters().rejected == 0 ? kDone : kFailed;
}

int device_import(const DeviceOptions& options, const InputOptions& input) {
  for (const std::string& file : input.files) {
    auto content = import::read_file(file);
    if (!content) return fail(content.error());
    const Action action{"import", fs::path(file).filename().string(), input.time_zone, std::move(*content)};
    const int code = ask(options, action, [&](const JsonValue& answer, bool quiet) {
      print_problems(answer, file);
      const std::size_t sessions = list(answer, "sessions").size();
      if (quiet) return kDone;
      if (at(answer, "already_imported").boolean().value_or(false)) {
        std::printf("%s: imported before, nothing new (%zu session(s))\n", file.c_str(), sessions);
      } else {
        std::printf("%s: %s, %zu session(s), %lld rows, %lld value(s) and %lld line(s) rejected\n", file.c_str(),
                    text(answer, "dialect").c_str(), sessions, number(answer, "rows"),
                    number(answer, "rejected_values"), number(answer, "rejected_lines"));
      }
      return kDone;
    });
    if (code != kDone) return code;
  }
  return kDone;
}

int device_status(const DeviceOptions& options) {
  return ask(options, {"status", "", "", ""}, [](const JsonValue& answer, bool quiet) {
    if (quiet) return kDone;
    std::printf(
        "recordings  %lld (%lld open)\nrecords     %lld\npending     %lld item(s), %lld bytes\nrefused     %lld\n"
        "conflicts   %lld open\n",
        number(answer, "recordings"), number(answer, "open_recordings"), number(answer, "records"),
        number(answer, "pending_items"), number(answer, "pending_bytes"), number(answer, "refused_items"),
        number(answer, "open_conflicts"));
    for (const JsonValue& item : list(answer, "refused")) {
      std::printf("  refused: %s of %s: %s (%s)\n", text(item, "kind").c_str(), text(item, "session").c_str(),
                  text(item, "detail").c_str(), text(item, "outcome").c_str());
    }
    return kDone;
  });
}

int device_log(const DeviceOptions& options) {
  const auto answer = ask_device(options.data, {"log", options.json ? "json" : "text", "", ""});
  if (!answer) return fail(answer.error());
  std::fwrite(answer->data(), 1, answer->size(), stdout);
  if (options.json) std::fputc('\n', stdout);
  return kDone;
}

int device_sessions(const DeviceOptions& options) {
  return ask(options, {"sessions", "", "", ""}, [](const JsonValue& answer, bool quiet) {
    if (quiet || answer.array() == nullptr) return kDone;
    for (const JsonValue& session : *answer.array()) {
      const long long items = number(session, "items");
      const std::string progress =
          at(session, "safe").boolean().value_or(false)
              ? "in cloud"
              : std::to_string(items - number(session, "pending_items")) + "/" + std::to_string(items);
      const std::size_t recordings = list(session, "recordings").size();
      std::printf("%s  %s  %-9s %s%s\n", text(session, "id").c_str(), text(session, "started_at").substr(0, 16).c_str(),
                  progress.c_str(), text(session, "source_name").c_str(),
                  recordings == 1 ? "" : (" (" + std::to_string(recordings) + " recordings)").c_str());
    }
    return kDone;
  });
}

int device_verify(const DeviceOptions& options) {
  return ask(options, {"verify", "", "", ""}, [](const JsonValue& answer, bool quiet) {
    for (const JsonValue& detail : list(answer, "details")) std::fprintf(stderr, "%s\n", detail.text()->c_str());
    if (!quiet) {
      std::printf("%lld recording(s), %lld problem(s)\n", number(answer, "recordings"), number(answer, "problems"));
      const JsonValue::Object* records = at(answer, "records").object();
      for (std::size_t i = 0; records != nullptr && i < records->size(); ++i) {
        const auto& [stream, count] = (*records)[i];
        std::printf("  %-12s %10lld records %10lld acknowledged\n", stream.c_str(),
                    static_cast<long long>(count.integer().value_or(0)), number(at(answer, "acknowledged"), stream));
      }
    }
    return number(answer, "problems") == 0 ? kDone : kFailed;
  });
}

int device_salvage(const DeviceOptions& options, const std::string& output) {
  Device device;  // its clock and its ids: the store's own folder is only read
  const auto report = store::salvage(options.data, output, device.ids, device.random);
  if (!report) return fail(report.error());
  return present(options, store::to_json(*report), [&](const JsonValue& answer, bool quiet) {
    if (!quiet) {
      std::printf("saved    %lld recording(s), %lld chunk(s), %lld record(s) outside of chunks, %lld edit(s) in %s\n",
                  number(answer, "recordings"), number(answer, "chunks"), number(answer, "rows"),
                  number(answer, "edits"), output.c_str());
      if (number(answer, "away_chunks") > 0) {
        std::printf("away     %lld chunk(s) that the server has\n", number(answer, "away_chunks"));
      }
      for (const JsonValue& damage : list(answer, "damages")) std::printf("damaged  %s\n", damage_text(damage).c_str());
      if (report->ok()) std::printf("nothing is damaged\n");
    }
    return report->ok() ? kDone : kFailed;
  });
}

int device_edit(const DeviceOptions& options, const EditOptions& edit) {
  if (edit.remove && edit.restore) return wrong_use("--delete and --restore together");
  std::string fields;
  base::JsonWriter json(fields);
  json.begin_object();
  const auto put_text = [&json](std::string_view key, const std::optional<std::string>& value) {
    if (!value) return;
    json.key(key);
    if (value->empty()) {
      json.null();
    } else {
      json.value(*value);
    }
  };
  const auto put_list = [&json](std::string_view key, const std::vector<std::string>& values) {
    json.key(key).begin_array();
    for (const std::string& value : values) json.value(value);
    json.end_array();
  };
  put_text("title", edit.title);
  put_text("notes", edit.notes);
  put_list("add_tags", edit.add_tags);
  put_list("remove_tags", edit.remove_tags);
  if (edit.remove || edit.restore) json.key("deleted").value(edit.remove);
  json.end_object();
  return ask(options, {"edit", edit.session, "", fields}, [](const JsonValue& answer, bool quiet) {
    if (quiet) return kDone;
    const auto line = [&](const char* name, std::string_view key) {
      if (at(answer, key).text() != nullptr) std::printf("%-12s %s\n", name, text(answer, key).c_str());
    };
    line("title", "title");
    line("other title", "other_title");
    line("notes", "notes");
    line("other notes", "other_notes");
    for (const JsonValue& tag : list(answer, "tags")) std::printf("tag          %s\n", tag.text()->c_str());
    if (at(answer, "deleted").boolean().value_or(false)) std::printf("deleted; --restore brings it back\n");
    return kDone;
  });
}

namespace {

int print_session(const JsonValue& answer, bool quiet) {
  if (quiet) return kDone;
  std::printf("%s is of %zu recording(s)\n", text(answer, "session").c_str(), list(answer, "recordings").size());
  for (const JsonValue& recording : list(answer, "recordings")) std::printf("  %s\n", recording.text()->c_str());
  return kDone;
}

std::string side_text(const JsonValue& side) {
  if (at(side, "text").text() != nullptr) return "\"" + text(side, "text") + "\"";
  std::string line = text(side, "recording") + " of " + text(side, "started_at").substr(0, 16);
  char total[64];
  for (const auto& [key, format] : {std::pair("elapsed_s", ", %.1f s"), std::pair("distance_m", ", %.1f m")}) {
    const auto value = at(side, key).number();
    if (value && std::snprintf(total, sizeof total, format, *value) > 0) line += total;
  }
  const std::string device = text(side, "device");
  return device.empty() ? line : line + ", " + device;
}

}  // namespace

int device_link(const DeviceOptions& options, const std::string& session, const std::string& other) {
  return ask(options, {"link", session, "", other}, print_session);
}

int device_unlink(const DeviceOptions& options, const std::string& session, const std::string& other) {
  return ask(options, {"unlink", session, "", other}, print_session);
}

int device_conflicts(const DeviceOptions& options) {
  return ask(options, {"conflicts", "", "", ""}, [](const JsonValue& answer, bool quiet) {
    if (quiet) return kDone;
    for (const JsonValue& conflict : list(answer, "conflicts")) {
      const std::string answered = text(conflict, "answered");
      std::printf("%s  %-10s of %s, %s\n  mine    %s\n  theirs  %s\n", text(conflict, "id").c_str(),
                  text(conflict, "kind").c_str(), text(conflict, "session").c_str(),
                  answered.empty() ? "open" : ("answered: " + answered).c_str(),
                  side_text(at(conflict, "mine")).c_str(), side_text(at(conflict, "theirs")).c_str());
      if (const std::string reason = text(conflict, "reason"); !reason.empty())
        std::printf("  why     %s\n", reason.c_str());
    }
    std::printf("%lld open (device answer ID mine|theirs|both)\n", number(answer, "open"));
    return kDone;
  });
}

int device_answer(const DeviceOptions& options, const std::string& conflict, const std::string& answer) {
  return ask(options, {"answer", conflict, "", answer}, [](const JsonValue& left, bool quiet) {
    if (!quiet) std::printf("%lld conflict(s) left\n", number(left, "open"));
    return kDone;
  });
}

int device_fetch(const DeviceOptions& options, const std::string& session) {
  return ask(options, {"fetch", session, "", ""}, [](const JsonValue& answer, bool quiet) {
    if (!quiet) std::printf("%lld chunk(s) come with the next sync\n", number(answer, "wanted_chunks"));
    return kDone;
  });
}

int device_storage(const DeviceOptions& options, const StorageOptions& storage) {
  std::string request;
  base::JsonWriter json(request);
  json.begin_object();
  if (storage.cap_bytes) json.key("cap_bytes").value(*storage.cap_bytes);
  if (storage.free_bytes) json.key("free_bytes").value(*storage.free_bytes);
  json.end_object();
  const auto answered = ask_device(options.data, {"storage", "", "", request});
  if (!answered && answered.error().code == base::ErrorCode::invalid_input) return wrong_use(answered.error().text);
  return present(options, answered, [&](const JsonValue& answer, bool quiet) {
    const long long freed = number(answer, "freed");
    if (!quiet) {
      if (storage.free_bytes) std::printf("freed          %12lld bytes\n", freed);
      const long long cap = number(answer, "cap");
      std::printf("used           %12lld bytes of %s\n", number(answer, "used"),
                  cap == 0 ? "no cap" : (std::to_string(cap) + " bytes").c_str());
      std::printf("can be freed   %12lld bytes\n", number(answer, "freeable"));
      for (const JsonValue& part : list(answer, "stays")) {
        std::printf("must stay      %12lld bytes: %s\n", number(part, "bytes"), text(part, "text").c_str());
      }
    }
    return storage.free_bytes && freed < static_cast<long long>(*storage.free_bytes) ? kFailed : kDone;
  });
}

int device_source(const DeviceOptions& options, const std::string& session, const std::string& out_file) {
  const auto content = ask_device(options.data, {"source", session, "", ""});
  if (!content) return fail(content.error());
  if (out_file.empty() || out_file == "-") {
    std::fwrite(content->data(), 1, content->size(), stdout);
    return kDone;
  }
  std::ofstream out(out_file, std::ios::binary | std::ios::trunc);
  out << *content;
  out.close();
  return out ? kDone : fail("cannot write " + out_file);
}

int device_sync(const DeviceOptions& options, const SyncOptions& sync) {
  if (sync.other_athlete) {
    if (const auto forgotten = ask_device(options.data, {"forget-account", "", "", ""}); !forgotten) {
      return fail(forgotten.error());
    }
  }
  if (sync.refused_again) {
    if (const auto offered = ask_device(options.data, {"offer-refused", "", "", ""}); !offered) {
      return fail(offered.error());
    }
  }
  return present(options, sync_device(options.data, sync), [](const JsonValue& answer, bool quiet) {
    const std::string state = text(answer, "state");
    if (!quiet) {
      const std::string reason = text(answer, "reason");
      std::printf("%s: %lld item(s) stored, %lld known before, %lld pending, %lld refused%s%s\n", state.c_str(),
                  number(answer, "stored_items"), number(answer, "duplicate_items"), number(answer, "pending_items"),
                  number(answer, "refused_items"), reason.empty() ? "" : ": ", reason.c_str());
      const std::string error = text(answer, "last_error");
      if (!error.empty()) std::fprintf(stderr, "last error: %s\n", error.c_str());
    }
    return state == sync::name(sync::State::up_to_date) ? kDone : kFailed;
  });
}

}  // namespace boathouse::app
