#include "apps/boathouse/device_commands.hpp"

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>

#include "apps/boathouse/output.hpp"
#include "core/base/clock.hpp"
#include "core/base/hex.hpp"
#include "core/base/json.hpp"
#include "core/base/random.hpp"
#include "core/base/utc_time.hpp"
#include "device/import/import.hpp"
#include "device/store/line_feeder.hpp"
#include "device/store/recorder.hpp"
#include "device/store/store.hpp"
#include "device/transport/sync_runner.hpp"

namespace boathouse::app {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;

// A store and what it needs, for the length of one command.
struct Device {
  base::SystemClock clock;
  base::SystemRandom random;
  base::UuidV7Source ids{clock, random};
  std::optional<store::Store> store;

  base::Status open(const std::string& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) return Error{ErrorCode::io, "cannot make " + folder + ": " + error.message()};
    auto opened = store::Store::open(folder, ids, random);
    if (!opened) return opened.error();
    store.emplace(std::move(*opened));
    const auto crashed = store->end_crashed();
    if (!crashed) return crashed.error();
    if (*crashed > 0) {
      std::fprintf(stderr, "%llu recording(s) that a crash had left open are sealed and kept\n",
                   static_cast<unsigned long long>(*crashed));
    }
    return base::Done{};
  }
};

std::string session_id(const base::Uuid& id) { return "ses_" + id.text(); }

void print_line(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
}

template <typename Counts>
void write_stream_counts(base::JsonWriter& json, const Counts& records) {
  json.begin_object();
  for (const rowing::Stream stream : rowing::kStreams) {
    const auto count = records[static_cast<std::size_t>(stream)];
    if (count > 0) json.key(rowing::name(stream)).value(count);
  }
  json.end_object();
}

std::string recording_json(const store::Recorder& recorder, const store::LineFeeder& feeder, const std::string& file) {
  std::string out;
  base::JsonWriter json(out);
  const store::RecorderCounters& counters = recorder.counters();
  json.begin_object().key("file").value(file).key("sessions").begin_array();
  for (const base::Uuid& id : recorder.recordings()) json.value(session_id(id));
  json.end_array();
  json.key("lines").value(feeder.counters().lines).key("skipped").value(feeder.counters().skipped);
  json.key("rejected_lines").value(feeder.counters().rejected);
  json.key("notifications").value(counters.notifications).key("decoded").value(counters.decoded);
  json.key("refused").value(counters.refused()).key("idle").value(counters.idle + counters.refused_idle);
  json.key("records");
  write_stream_counts(json, counters.records);
  json.end_object();
  return out;
}

void print_rejected(const store::LineFeeder& feeder, const std::string& file) {
  for (const store::RejectedLine& rejected : feeder.rejected()) {
    std::fprintf(stderr, "%s:%llu: %s\n", file.c_str(), static_cast<unsigned long long>(rejected.line),
                 rejected.reason.c_str());
  }
}

std::string offset_text(std::uint64_t done, std::uint64_t total) {
  return std::to_string(done) + "/" + std::to_string(total);
}

}  // namespace

int device_replay(const DeviceOptions& options, const InputOptions& input) {
  Device device;
  if (const auto opened = device.open(options.data); !opened) return fail(opened.error());
  int exit_code = kDone;
  for (const std::string& file : input.files) {
    const auto content = import::read_file(file);
    if (!content) return fail(content.error());
    store::RecorderOptions recorder_options;
    recorder_options.origin = rowing::Origin::replay;
    recorder_options.source_name = fs::path(file).filename().string();
    recorder_options.started_known = false;
    store::Recorder recorder(*device.store, device.clock, device.ids, recorder_options);
    store::LineFeeder feeder(recorder);
    if (const auto fed = feeder.feed_all(*content); !fed) return fail(fed.error());
    if (const auto stopped = recorder.stop(rowing::EndReason::end_of_input); !stopped) return fail(stopped.error());
    print_rejected(feeder, file);
    if (feeder.counters().rejected > 0 || recorder.counters().refused() > 0) exit_code = kFailed;
    if (options.json) {
      print_line(recording_json(recorder, feeder, file));
      continue;
    }
    std::printf("%s: %zu session(s), %llu notifications\n", file.c_str(), recorder.recordings().size(),
                static_cast<unsigned long long>(recorder.counters().notifications));
    for (const base::Uuid& id : recorder.recordings()) std::printf("  %s\n", session_id(id).c_str());
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
  std::string line;
  while (std::getline(in, line)) {
    if (const auto fed = feeder.feed(line, device.clock.monotonic_ms()); !fed) return fail(fed.error());
  }
  if (const auto stopped = recorder.stop(rowing::EndReason::stopped); !stopped) return fail(stopped.error());
  print_rejected(feeder, source);
  print_line(recording_json(recorder, feeder, source));
  return feeder.counters().rejected == 0 ? kDone : kFailed;
}

int device_import(const DeviceOptions& options, const InputOptions& input) {
  Device device;
  if (const auto opened = device.open(options.data); !opened) return fail(opened.error());
  for (const std::string& file : input.files) {
    const auto content = import::read_file(file);
    if (!content) return fail(content.error());
    import::ImportOptions import_options;
    import_options.time_zone = input.time_zone;
    const auto report = import::import_file(*device.store, device.ids, device.clock, fs::path(file).filename().string(),
                                            *content, import_options);
    if (!report) return fail(report.error().within(file));
    for (const import::ImportProblem& problem : report->problems) {
      std::fprintf(stderr, "%s:%llu: %s%s%s\n", file.c_str(), static_cast<unsigned long long>(problem.line),
                   problem.column.c_str(), problem.column.empty() ? "" : ": ", problem.text.c_str());
    }
    if (options.json) {
      std::string out;
      base::JsonWriter json(out);
      json.begin_object().key("file").value(file).key("dialect").value(report->dialect);
      json.key("already_imported").value(report->already_imported);
      json.key("rows").value(report->rows).key("rejected_values").value(report->rejected_values);
      json.key("rejected_lines").value(report->rejected_lines).key("sessions").begin_array();
      for (const base::Uuid& id : report->recordings) json.value(session_id(id));
      json.end_array().key("records");
      write_stream_counts(json, report->records);
      json.end_object();
      print_line(out);
      continue;
    }
    if (report->already_imported) {
      std::printf("%s: imported before, nothing new (%zu session(s))\n", file.c_str(), report->recordings.size());
      continue;
    }
    std::printf("%s: %s, %zu session(s), %llu rows, %llu value(s) and %llu line(s) rejected\n", file.c_str(),
                report->dialect.c_str(), report->recordings.size(), static_cast<unsigned long long>(report->rows),
                static_cast<unsigned long long>(report->rejected_values),
                static_cast<unsigned long long>(report->rejected_lines));
  }
  return kDone;
}

int device_status(const DeviceOptions& options) {
  Device device;
  if (const auto opened = device.open(options.data); !opened) return fail(opened.error());
  const auto status = device.store->status();
  if (!status) return fail(status.error());
  const auto refused = device.store->refused();
  if (!refused) return fail(refused.error());
  if (options.json) {
    std::string out;
    base::JsonWriter json(out);
    json.begin_object().key("replica").value(device.store->identity().replica_id.text());
    json.key("recordings").value(status->recordings).key("open_recordings").value(status->open_recordings);
    json.key("records").value(status->records).key("items").value(status->items);
    json.key("pending_items").value(status->pending_items).key("pending_bytes").value(status->pending_bytes);
    json.key("refused_items").value(status->refused_items).key("server_epoch").value(status->server_epoch).end_object();
    print_line(out);
    return kDone;
  }
  std::printf(
      "recordings  %llu (%llu open)\nrecords     %llu\npending     %llu item(s), %llu bytes\nrefused     %llu\n",
      static_cast<unsigned long long>(status->recordings), static_cast<unsigned long long>(status->open_recordings),
      static_cast<unsigned long long>(status->records), static_cast<unsigned long long>(status->pending_items),
      static_cast<unsigned long long>(status->pending_bytes), static_cast<unsigned long long>(status->refused_items));
  for (const store::RefusedItem& item : *refused) {
    std::printf("  refused: %s of %s: %s (%s)\n", std::string(wire::name(item.kind)).c_str(),
                session_id(item.rec_id).c_str(), item.detail.c_str(), std::string(wire::name(item.outcome)).c_str());
  }
  return kDone;
}

int device_sessions(const DeviceOptions& options) {
  Device device;
  if (const auto opened = device.open(options.data); !opened) return fail(opened.error());
  const auto recordings = device.store->recordings();
  if (!recordings) return fail(recordings.error());
  std::string out;
  base::JsonWriter json(out);
  json.begin_array();
  for (const store::RecordingInfo& info : *recordings) {
    if (options.json) {
      json.begin_object().key("id").value(session_id(info.birth.rec_id));
      json.key("started_at").value(base::format_utc_ms(info.birth.started_ms));
      json.key("started_known").value(info.birth.started_known).key("ended").value(info.ended);
      json.key("source_name").value(info.birth.source_name).key("dialect").value(info.birth.dialect);
      json.key("safe").value(info.safe()).key("items").value(info.items).key("pending_items").value(info.pending_items);
      json.key("refused_items").value(info.refused_items).key("records").begin_object();
      for (const auto& [stream, counts] : info.streams) json.key(rowing::name(stream)).value(counts.records);
      json.end_object().end_object();
      continue;
    }
    std::printf("%s  %s  %-9s %s\n", session_id(info.birth.rec_id).c_str(),
                base::format_utc_ms(info.birth.started_ms).substr(0, 16).c_str(),
                info.safe() ? "in cloud" : offset_text(info.items - info.pending_items, info.items).c_str(),
                info.birth.source_name.c_str());
  }
  json.end_array();
  if (options.json) print_line(out);
  return kDone;
}

int device_source(const DeviceOptions& options, const std::string& session, const std::string& out_file) {
  Device device;
  if (const auto opened = device.open(options.data); !opened) return fail(opened.error());
  const auto id = base::Uuid::parse(std::string_view(session).substr(session.starts_with("ses_") ? 4 : 0));
  if (!id) return wrong_use("not a session: " + session + " (device sessions lists them)");
  const auto info = device.store->recording(*id);
  if (!info) return fail(info.error());
  if (!info->birth.source_sha256) return fail("this session does not come from an imported file");
  // A season file is shared out over its recordings: together, in order, they are the file.
  const auto parts = device.store->imported(*info->birth.source_sha256);
  if (!parts) return fail(parts.error());
  std::string content;
  for (const base::Uuid& part : *parts) {
    const auto blocks =
        device.store->records(part, rowing::Stream::source, 0, import::kMaxFile / rowing::kMaxSourceBlock + 1);
    if (!blocks) return fail(blocks.error());
    for (const rowing::Record& block : *blocks) content += block.bytes;
  }
  if (base::sha256(base::as_bytes(content)) != *info->birth.source_sha256)
    return fail("the bytes do not have the file's hash");
  if (out_file.empty() || out_file == "-") {
    std::fwrite(content.data(), 1, content.size(), stdout);
    return kDone;
  }
  std::ofstream out(out_file, std::ios::binary | std::ios::trunc);
  out << content;
  out.close();
  return out ? kDone : fail("cannot write " + out_file);
}

int device_verify(const DeviceOptions& options) {
  Device device;
  if (const auto opened = device.open(options.data); !opened) return fail(opened.error());
  const auto recordings = device.store->recordings();
  if (!recordings) return fail(recordings.error());
  std::map<rowing::Stream, std::uint64_t> records;
  std::map<rowing::Stream, std::uint64_t> acknowledged;
  std::uint64_t problems = 0;
  for (const store::RecordingInfo& info : *recordings) {
    const auto report = device.store->verify(info.birth.rec_id);
    if (!report) return fail(report.error());
    for (const auto& [stream, check] : report->streams) {
      records[stream] += check.records;
      acknowledged[stream] += check.acknowledged;
    }
    for (const std::string& problem : report->problems) {
      ++problems;
      std::fprintf(stderr, "%s: %s\n", session_id(info.birth.rec_id).c_str(), problem.c_str());
    }
  }
  if (options.json) {
    std::string out;
    base::JsonWriter json(out);
    json.begin_object().key("recordings").value(recordings->size()).key("problems").value(problems);
    json.key("records").begin_object();
    for (const auto& [stream, count] : records) json.key(rowing::name(stream)).value(count);
    json.end_object().key("acknowledged").begin_object();
    for (const auto& [stream, count] : acknowledged) json.key(rowing::name(stream)).value(count);
    json.end_object().end_object();
    print_line(out);
  } else {
    std::printf("%zu recording(s), %llu problem(s)\n", recordings->size(), static_cast<unsigned long long>(problems));
    for (const auto& [stream, count] : records) {
      std::printf("  %-12s %10llu records %10llu acknowledged\n", std::string(rowing::name(stream)).c_str(),
                  static_cast<unsigned long long>(count), static_cast<unsigned long long>(acknowledged[stream]));
    }
  }
  return problems == 0 ? kDone : kFailed;
}

namespace {

base::Result<transport::SyncRunner> make_runner(Device& device, const SyncOptions& sync) {
  transport::SyncRunnerOptions options;
  options.server = sync.server;
  options.key = sync.key;
  return transport::SyncRunner::create(*device.store, device.clock, device.random, std::move(options));
}

}  // namespace

int device_sync(const DeviceOptions& options, const SyncOptions& sync) {
  Device device;
  if (const auto opened = device.open(options.data); !opened) return fail(opened.error());
  auto runner = make_runner(device, sync);
  if (!runner) return fail(runner.error());
  transport::DrainLimits limits;
  limits.deadline_ms = std::int64_t{1000} * sync.deadline_s;
  const sync::Status status = runner->drain(limits);
  if (options.json) {
    std::string out;
    base::JsonWriter json(out);
    json.begin_object().key("state").value(sync::name(status.state)).key("reason").value(status.reason);
    json.key("pending_items").value(status.pending_items).key("refused_items").value(status.refused_items);
    json.key("sent_items").value(status.sent_items).key("sent_bytes").value(status.sent_bytes);
    json.key("stored_items").value(status.stored_items).key("duplicate_items").value(status.duplicate_items);
    json.key("failed_requests").value(status.failed_requests).key("last_error").value(status.last_error).end_object();
    print_line(out);
  } else {
    std::printf("%s: %llu item(s) stored, %llu known before, %llu pending, %llu refused%s%s\n",
                std::string(sync::name(status.state)).c_str(), static_cast<unsigned long long>(status.stored_items),
                static_cast<unsigned long long>(status.duplicate_items),
                static_cast<unsigned long long>(status.pending_items),
                static_cast<unsigned long long>(status.refused_items), status.reason.empty() ? "" : ": ",
                status.reason.c_str());
    if (!status.last_error.empty()) std::fprintf(stderr, "last error: %s\n", status.last_error.c_str());
  }
  return status.state == sync::State::up_to_date ? kDone : kFailed;
}

int device_run(const DeviceOptions& options, const SyncOptions& sync) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  Device device;
  if (const auto opened = device.open(options.data); !opened) return fail(opened.error());
  auto runner = make_runner(device, sync);
  if (!runner) return fail(runner.error());
  std::thread worker([&] { runner->run(); });
  int signal = 0;
  sigwait(&signals, &signal);
  runner->stop();
  worker.join();
  return kDone;
}

}  // namespace boathouse::app
