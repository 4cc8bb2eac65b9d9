#include "apps/boathouse/light_crew.hpp"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <queue>
#include <string>
#include <vector>

#include "apps/boathouse/light_connection.hpp"
#include "apps/boathouse/light_workout.hpp"
#include "apps/boathouse/output.hpp"
#include "apps/boathouse/percentile.hpp"
#include "apps/boathouse/server_client.hpp"
#include "core/base/clock.hpp"
#include "core/base/json.hpp"
#include "core/base/random.hpp"
#include "core/wire/batch.hpp"
#include "core/wire/content_digest.hpp"

namespace boathouse::app {
namespace {

constexpr std::uint64_t kWorkouts = 8;          // different ones among the crew
constexpr std::int64_t kBatchMs = 60'000;       // of erg time between two batches of one device
constexpr std::int64_t kFailureRetryMs = 1000;  // after a failure without a Retry-After
constexpr std::int64_t kAnswerMs = 60'000;      // without an answer for so long a request has failed
constexpr std::int64_t kLimitMs = 600'000;      // after the last batch was due: what is not acknowledged then is lost
constexpr std::uint64_t kErrorsShown = 10;
constexpr int kSentAtOnce = 64;  // then the answers have a turn

std::int64_t now_us() {
  using namespace std::chrono;
  return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
}

struct LightDevice {
  std::string key;
  base::Uuid replica;
  base::Uuid rec_id;
  std::int64_t started_ms = 0;
  const LightWorkout* workout = nullptr;
  std::size_t minute = 0;  // the next to send
  LightConnection connection;
  bool waiting = false;       // for an answer
  std::int64_t due_ms = 0;    // when its minute was over
  std::int64_t begun_us = 0;  // when it was sent
};

// One a device; an athlete each.
base::Result<std::vector<std::string>> crew_keys(const SimulateOptions& options) {
  const auto count = static_cast<std::size_t>(options.ergs);
  std::vector<std::string> keys;
  std::ifstream in(options.keys_file);
  for (std::string line; keys.size() < count && std::getline(in, line);) keys.push_back(line);
  if (keys.size() == count) return keys;

  keys.clear();
  ServerOptions as_operator;
  as_operator.server = options.server;
  as_operator.key = options.key;
  as_operator.ca_file = options.ca_file;
  while (keys.size() < count) {
    auto key = make_athlete_key(as_operator, "sim-" + std::to_string(keys.size() + 1));
    if (!key) return key.error();
    keys.push_back(std::move(*key));
    if (keys.size() % 1000 == 0) say(std::to_string(keys.size()) + " devices have a key");
  }
  if (options.keys_file.empty()) return keys;
  const mode_t before = ::umask(077);
  std::ofstream out(options.keys_file, std::ios::trunc);
  ::umask(before);
  for (const std::string& key : keys) out << key << '\n';
  out.close();
  if (!out) return base::Error{base::ErrorCode::io, "cannot write " + options.keys_file};
  return keys;
}

class LightCrew {
 public:
  explicit LightCrew(const SimulateOptions& options) : options_(options) {}
  LightCrew(const LightCrew&) = delete;
  LightCrew& operator=(const LightCrew&) = delete;
  ~LightCrew() {
    if (epoll_ >= 0) ::close(epoll_);
  }

  base::Status prepare();
  void row();
  int report();

 private:
  struct Due {
    std::int64_t at_ms;
    std::size_t device;
    bool operator>(const Due& other) const { return at_ms > other.at_ms; }
  };

  void work_off(std::int64_t last_due_ms);
  void send(const Due& due);
  void go_on(std::size_t index);
  void finish(std::size_t index);
  void again(std::size_t index, const std::string& why);
  void look_for_silence(std::int64_t now_ms);
  // Wall time between two batches of a device.
  [[nodiscard]] std::int64_t minute_ms() const {
    return options_.speed > 0 ? static_cast<std::int64_t>(kBatchMs / options_.speed) : 0;
  }

  const SimulateOptions& options_;
  base::SystemClock clock_;
  base::SystemRandom random_;
  base::UuidV7Source ids_{clock_, random_};
  std::vector<LightWorkout> workouts_;
  std::vector<LightDevice> devices_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  LightServer server_;
  int epoll_ = -1;
  std::uint64_t waiting_ = 0;
  std::int64_t looked_ms_ = 0;
  bool storming_ = false;
  std::vector<double> ack_ms_;
  std::vector<double> storm_ack_ms_;
  std::int64_t storm_took_ms_ = 0;
  std::uint64_t records_ = 0;
  std::uint64_t acked_ = 0;
  std::uint64_t errors_ = 0;
  std::uint64_t bytes_ = 0;
  std::int64_t took_ms_ = 0;
};

base::Status LightCrew::prepare() {
  auto server = resolve_server(options_.server, options_.ca_file);
  if (!server) return server.error();
  server_ = std::move(*server);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return base::Error{base::ErrorCode::unavailable, "the system gives no epoll"};
  for (std::uint64_t i = 0; i < kWorkouts; ++i) {
    auto made = LightWorkout::make(options_.seed + i, options_.hz, options_.minutes);
    if (!made) return made.error();
    workouts_.push_back(std::move(*made));
  }
  auto keys = crew_keys(options_);
  if (!keys) return keys.error();
  devices_.resize(keys->size());
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    LightDevice& device = devices_[i];
    device.key = std::move((*keys)[i]);
    device.replica = ids_.next();
    device.rec_id = ids_.next();
    device.workout = &workouts_[i % workouts_.size()];
    records_ += device.workout->records;
  }
  return base::Done{};
}

void LightCrew::send(const Due& due) {
  LightDevice& device = devices_[due.device];
  if (device.started_ms == 0) device.started_ms = clock_.utc_ms();
  const base::Bytes body = device.workout->batch(device.minute, device.rec_id, device.started_ms);
  std::string request = "POST /v1/sync/batch HTTP/1.1\r\nHost: light\r\nAuthorization: Bearer " + device.key +
                        "\r\nBoathouse-Replica: " + device.replica.text() +
                        "\r\nContent-Type: " + wire::kBatchMediaType +
                        "\r\nAccept: application/json\r\nContent-Digest: " + wire::make_content_digest(body) +
                        "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  request += base::as_text(body);
  bytes_ += request.size();
  device.due_ms = due.at_ms;
  device.begun_us = now_us();
  device.waiting = true;
  ++waiting_;
  const base::Status begun = device.connection.begin(server_, epoll_, due.device, std::move(request));
  if (!begun) again(due.device, begun.error().text);
}

void LightCrew::again(std::size_t index, const std::string& why) {
  LightDevice& device = devices_[index];
  device.waiting = false;
  --waiting_;
  if (++errors_ <= kErrorsShown) say(why);
  const std::int64_t told_ms = device.connection.retry_after_s() * 1000;
  due_.push({clock_.monotonic_ms() + std::max(kFailureRetryMs, told_ms), index});
}

void LightCrew::go_on(std::size_t index) {
  LightDevice& device = devices_[index];
  const LightConnection::Progress progress = device.connection.go_on();
  if (!device.waiting) return;
  if (progress == LightConnection::Progress::failed) again(index, device.connection.error());
  if (progress == LightConnection::Progress::answered) finish(index);
}

void LightCrew::finish(std::size_t index) {
  LightDevice& device = devices_[index];
  const LightConnection& answer = device.connection;
  if (answer.status() != 200) {
    return again(index, "HTTP " + std::to_string(answer.status()) + ": " + std::string(answer.body().substr(0, 200)));
  }
  const auto reply = wire::decode_reply(answer.body(), device.workout->items(device.minute));
  if (!reply) return again(index, reply.error().text);
  for (const wire::ItemResult& result : reply->results) {
    if (result.outcome != wire::Outcome::stored && result.outcome != wire::Outcome::duplicate) {
      return again(index, std::string(wire::name(result.outcome)) + ": " + result.detail);
    }
  }
  device.waiting = false;
  --waiting_;
  const double took_ms = static_cast<double>(now_us() - device.begun_us) / 1000.0;
  (storming_ ? storm_ack_ms_ : ack_ms_).push_back(took_ms);
  acked_ += device.workout->records_of(device.minute);
  ++device.minute;
  if (device.minute + (options_.storm && !storming_ ? 1 : 0) < device.workout->minutes.size()) {
    due_.push({device.due_ms + minute_ms(), index});
  }
}

void LightCrew::look_for_silence(std::int64_t now_ms) {
  if (now_ms - looked_ms_ < kAnswerMs / 10) return;
  looked_ms_ = now_ms;
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    if (!devices_[i].waiting || now_us() - devices_[i].begun_us < kAnswerMs * 1000) continue;
    devices_[i].connection.close();
    again(i, "no answer within a minute");
  }
}

void LightCrew::row() {
  const std::int64_t begun_ms = clock_.monotonic_ms();
  // Their minutes begin at different moments.
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    due_.push({begun_ms + static_cast<std::int64_t>(i) * minute_ms() / static_cast<std::int64_t>(devices_.size()), i});
  }
  work_off(begun_ms);
  took_ms_ = clock_.monotonic_ms() - begun_ms;
  if (!options_.storm) return;
  storming_ = true;
  const std::int64_t storm_ms = clock_.monotonic_ms();
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    devices_[i].connection.close();
    if (devices_[i].minute < devices_[i].workout->minutes.size()) due_.push({storm_ms, i});
  }
  work_off(storm_ms);
  storm_took_ms_ = clock_.monotonic_ms() - storm_ms;
}

// Until nothing is due and nobody waits.
void LightCrew::work_off(std::int64_t last_due_ms) {
  std::array<epoll_event, 256> events{};
  while (!due_.empty() || waiting_ > 0) {
    const std::int64_t now_ms = clock_.monotonic_ms();
    for (int sent = 0; sent < kSentAtOnce && !due_.empty() && due_.top().at_ms <= now_ms; ++sent) {
      const Due next = due_.top();
      due_.pop();
      last_due_ms = std::max(last_due_ms, next.at_ms);
      send(next);
    }
    if (now_ms - last_due_ms > kLimitMs) break;
    look_for_silence(now_ms);
    const std::int64_t wait_ms = due_.empty() ? 1000 : std::clamp<std::int64_t>(due_.top().at_ms - now_ms, 0, 1000);
    const int ready = ::epoll_wait(epoll_, events.data(), events.size(), static_cast<int>(wait_ms));
    for (int i = 0; i < ready; ++i) go_on(static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.u64));
  }
}

int LightCrew::report() {
  std::string out;
  base::JsonWriter json(out);
  json.begin_object().key("ergs").value(devices_.size()).key("records").value(records_).key("acked").value(acked_);
  json.key("errors").value(errors_).key("requests").value(ack_ms_.size()).key("bytes").value(bytes_);
  json.key("seconds").number(tenths(static_cast<double>(took_ms_) / 1000.0)).key("ack_ms").begin_object();
  for (const auto& [name, share] : {std::pair("p50", 0.50), std::pair("p99", 0.99), std::pair("p999", 0.999)}) {
    json.key(name).number(tenths(percentile(ack_ms_, share)));
  }
  json.end_object();
  if (options_.storm) {
    json.key("storm").begin_object().key("requests").value(storm_ack_ms_.size());
    json.key("seconds").number(tenths(static_cast<double>(storm_took_ms_) / 1000.0));
    json.key("p50").number(tenths(percentile(storm_ack_ms_, 0.50)));
    json.key("p99").number(tenths(percentile(storm_ack_ms_, 0.99))).end_object();
  }
  json.end_object();
  std::printf("%s\n", out.c_str());
  return records_ > 0 && acked_ == records_ ? kDone : kFailed;
}

}  // namespace

int simulate_light(const SimulateOptions& options) {
  LightCrew crew(options);
  if (const auto ready = crew.prepare(); !ready) return fail(ready.error());
  crew.row();
  return crew.report();
}

}  // namespace boathouse::app
