#include "apps/boathouse/device_commands.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "apps/boathouse/device_actions.hpp"
#include "apps/boathouse/device_door.hpp"
#include "apps/boathouse/output.hpp"
#include "core/base/json.hpp"
#include "device/import/import.hpp"
#include "device/sync/engine.hpp"

namespace boathouse::app {
namespace {

namespace fs = std::filesystem;
using base::JsonValue;

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

int code_of_recording(const JsonValue& answer) {
  return number(answer, "rejected_lines") + number(answer, "refused") > 0 ? kFailed : kDone;
}

}  // namespace

int device_replay(const DeviceOptions& options, const InputOptions& input) {
  int exit_code = kDone;
  for (const std::string& file : input.files) {
    auto content = import::read_file(file);
    if (!content) return fail(content.error());
    const Action action{"replay", fs::path(file).filename().string(), "", std::move(*content)};
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
  const std::string source = input.files.empty() ? "-" : input.files.front();
  std::ifstream file;
  if (source != "-") {
    file.open(source);
    if (!file) return fail("cannot read " + source);
  }
  std::istream& in = source == "-" ? std::cin : file;

  // SIGTERM and SIGINT end the input, so that the running recording is sealed.
  struct sigaction action {};
  action.sa_handler = [](int) { ::close(STDIN_FILENO); };
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);

  store::Recorder recorder(*device.store, device.clock, device.ids, {});
  store::LineFeeder feeder(recorder);
  // A store that fails (a full disk) ends nothing: the recorder keeps what it has and tries again at every line.
  std::string trouble;
  const auto watch = [&trouble](const base::Status& status) {
    const std::string now = status ? "" : status.error().text;
    if (now != trouble) say(now.empty() ? "everything is saved again" : "still recording, but cannot save: " + now);
    trouble = now;
  };
  std::string line;
  while (std::getline(in, line)) watch(feeder.feed(line, device.clock.monotonic_ms()));
  if (const auto stopped = recorder.stop(rowing::EndReason::stopped); !stopped) {
    say(std::to_string(recorder.unsaved()) + " record(s) could not be saved");
    return fail(stopped.error());
  }
  const std::string answer = recorded_json(recorder, feeder, source);
  print_line(answer);
  const auto value = base::parse_json(answer);
  if (!value) return fail(value.error());
  print_problems(*value, source);
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
        "recordings  %lld (%lld open)\nrecords     %lld\npending     %lld item(s), %lld bytes\nrefused     %lld\n",
        number(answer, "recordings"), number(answer, "open_recordings"), number(answer, "records"),
        number(answer, "pending_items"), number(answer, "pending_bytes"), number(answer, "refused_items"));
    for (const JsonValue& item : list(answer, "refused")) {
      std::printf("  refused: %s of %s: %s (%s)\n", text(item, "kind").c_str(), text(item, "session").c_str(),
                  text(item, "detail").c_str(), text(item, "outcome").c_str());
    }
    return kDone;
  });
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
      std::printf("%s  %s  %-9s %s\n", text(session, "id").c_str(), text(session, "started_at").substr(0, 16).c_str(),
                  progress.c_str(), text(session, "source_name").c_str());
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
