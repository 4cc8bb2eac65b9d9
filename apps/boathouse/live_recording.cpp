#include "apps/boathouse/live_recording.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "apps/boathouse/line_reader.hpp"
#include "apps/boathouse/output.hpp"

namespace boathouse::app {
namespace {

constexpr int kTickMs = 500;

}  // namespace

Source::~Source() {
  if (fd_ > STDIN_FILENO) ::close(fd_);
}

base::Status Source::open(const std::string& name) {
  fd_ = name == "-" ? STDIN_FILENO : ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) return base::Error{base::ErrorCode::io, "cannot read " + name};
  return {};
}

base::Status record_live(const Source& source, store::Recorder& recorder, store::LineFeeder& feeder, base::Clock& clock,
                         const std::function<bool()>& stopped, const std::function<void()>& step) {
  std::string trouble;
  const auto watch = [&](const base::Status& status) {
    const std::string now = status ? "" : status.error().text;
    const char* const how = recorder.start_refused() ? "not recording: " : "still recording, but cannot save: ";
    if (now != trouble) say(now.empty() ? "everything is saved again" : how + now);
    trouble = now;
  };
  LineReader lines(source.fd());
  std::string line;
  for (auto next = LineReader::Next::nothing_yet; next != LineReader::Next::end && !stopped();) {
    next = lines.next(line, kTickMs);
    if (next == LineReader::Next::line) watch(feeder.feed(line, clock.monotonic_ms()));
    // A monitor that says nothing must not keep what it said from being committed.
    if (next == LineReader::Next::nothing_yet) watch(feeder.tick(clock.monotonic_ms()));
    step();
  }
  base::Status ended = recorder.stop(rowing::EndReason::stopped);
  if (const auto erased = recorder.counters().erased; erased > 0) {
    say(std::to_string(erased) + " session(s) were erased by their owner while they were rowed, and end there");
  }
  if (!ended) say(std::to_string(recorder.unsaved()) + " record(s) could not be saved");
  return ended;
}

}  // namespace boathouse::app
