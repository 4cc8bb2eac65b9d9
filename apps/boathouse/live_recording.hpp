// Records what a monitor says, line by line, as it comes.
#pragma once

#include <functional>
#include <string>

#include "core/base/result.hpp"
#include "device/store/line_feeder.hpp"
#include "device/store/recorder.hpp"

namespace boathouse::app {

// A file, a pipe, or "-" = standard input, open for reading; closes what it opened.
class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source();

  base::Status open(const std::string& name);
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_ = -1;
};

// Feeds the lines until they end or `stopped` says so (asked at least twice a second, and after each line), then seals
// the running recording. A store that fails ends nothing: the recorder keeps what it has, tries again, and the trouble
// is said on stderr; the answer is what the last try came to. `step` is called after each line or half a second of
// silence.
base::Status record_live(const Source& source, store::Recorder& recorder, store::LineFeeder& feeder, base::Clock& clock,
                         const std::function<bool()>& stopped, const std::function<void()>& step);

}  // namespace boathouse::app
