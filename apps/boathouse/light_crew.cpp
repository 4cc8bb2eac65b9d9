#include "apps/boathouse/light_crew.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <vector>

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

constexpr std::uint64_t kWorkouts = 8;      // different ones among the crew
constexpr std::int64_t kMinuteMs = 60'000;  // of erg time between two batches of one device
constexpr std::int64_t kRetryMs = 1000;     // after a failure without a Retry-After
constexpr std::int64_t kLimitMs = 600'000;  // after the last batch was due: what is not acknowledged then is lost
constexpr std::size_t kMaxAnswer = std::size_t{1} << 20;
constexpr std::size_t kMaxUnderWay = 2000;

struct EasyDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct MultiDeleter {
  void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

struct LightDevice {
  std::string key;
  base::Uuid replica;
  base::Uuid rec_id;
  std::int64_t started_ms = 0;
  const LightWorkout* workout = nullptr;
  std::size_t minute = 0;  // the next to send
};

// One request on its way.
struct UnderWay {
  std::unique_ptr<CURL, EasyDeleter> easy{curl_easy_init()};
  std::unique_ptr<curl_slist, ListDeleter> headers;
  std::unique_ptr<curl_slist, ListDeleter> connect_to;
  std::size_t device = 0;
  std::int64_t due_ms = 0;    // when its minute was over
  std::int64_t begun_us = 0;  // when it was sent
  base::Bytes body;
  std::string answer;
  std::string retry_after;
};

std::int64_t now_us() {
  using namespace std::chrono;
  return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) noexcept {
  auto& answer = static_cast<UnderWay*>(user)->answer;
  if (answer.size() + size * count > kMaxAnswer) return 0;
  try {
    answer.append(data, size * count);
  } catch (...) {
    return 0;
  }
  return size * count;
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) noexcept {
  constexpr std::string_view kName = "retry-after:";
  const std::string_view line(data, size * count);
  const bool same =
      line.size() > kName.size() && std::ranges::equal(line.substr(0, kName.size()), kName, [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
      });
  try {
    if (same) static_cast<UnderWay*>(user)->retry_after = line.substr(kName.size());
  } catch (...) {
    return 0;
  }
  return line.size();
}

class LightCrew {
 public:
  explicit LightCrew(const SimulateOptions& options) : options_(options) {}

  base::Status prepare();
  void row();
  int report();

 private:
  struct Due {
    std::int64_t at_ms;
    std::size_t device;
    bool operator>(const Due& other) const { return at_ms > other.at_ms; }
  };

  void send(const Due& due);
  void finish(UnderWay& request, CURLcode code);
  void again(UnderWay& request, std::string_view why);
  void put_headers(UnderWay& request, const LightDevice& device);
  // Wall time between two batches of a device.
  [[nodiscard]] std::int64_t minute_ms() const {
    return options_.speed > 0 ? static_cast<std::int64_t>(kMinuteMs / options_.speed) : 0;
  }

  const SimulateOptions& options_;
  base::SystemClock clock_;
  base::SystemRandom random_;
  base::UuidV7Source ids_{clock_, random_};
  std::vector<LightWorkout> workouts_;
  std::vector<LightDevice> devices_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::unique_ptr<CURLM, MultiDeleter> multi_;
  std::map<CURL*, std::unique_ptr<UnderWay>> under_way_;
  std::vector<std::unique_ptr<UnderWay>> idle_;
  std::vector<double> ack_ms_;
  std::uint64_t records_ = 0;
  std::uint64_t acked_ = 0;
  std::uint64_t errors_ = 0;
  std::uint64_t bytes_ = 0;
  std::int64_t took_ms_ = 0;
};

base::Status LightCrew::prepare() {
  if (options_.server.find("://") == std::string::npos) {
    return base::Error{base::ErrorCode::invalid_input, "--server must be http://ADDR:PORT or https://ADDR:PORT"};
  }
  for (std::uint64_t i = 0; i < kWorkouts; ++i) {
    auto made = LightWorkout::make(options_.seed + i, options_.hz, options_.minutes);
    if (!made) return made.error();
    workouts_.push_back(std::move(*made));
  }
  ServerOptions server;
  server.server = options_.server;
  server.key = options_.key;
  devices_.resize(static_cast<std::size_t>(options_.ergs));
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    auto key = make_athlete_key(server, "sim-" + std::to_string(i + 1));
    if (!key) return key.error();
    LightDevice& device = devices_[i];
    device.key = std::move(*key);
    device.replica = ids_.next();
    device.rec_id = ids_.next();
    device.workout = &workouts_[i % workouts_.size()];
    records_ += device.workout->records;
    if (i % 1000 == 999) say(std::to_string(i + 1) + " devices have a key");
  }
  multi_.reset(curl_multi_init());
  if (!multi_) return base::Error{base::ErrorCode::unavailable, "libcurl cannot be started"};
  curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(devices_.size()));
  return base::Done{};
}

void LightCrew::put_headers(UnderWay& request, const LightDevice& device) {
  request.headers.reset();
  for (const std::string& line :
       {std::string("Expect:"), "Authorization: Bearer " + device.key, "Boathouse-Replica: " + device.replica.text(),
        std::string("Content-Type: ") + wire::kBatchMediaType, std::string("Accept: application/json"),
        "Content-Digest: " + wire::make_content_digest(request.body)}) {
    curl_slist* const longer = curl_slist_append(request.headers.get(), line.c_str());
    static_cast<void>(request.headers.release());
    request.headers.reset(longer);
  }
}

void LightCrew::send(const Due& due) {
  LightDevice& device = devices_[due.device];
  if (device.started_ms == 0) device.started_ms = clock_.utc_ms();
  std::unique_ptr<UnderWay> request;
  if (idle_.empty()) {
    request = std::make_unique<UnderWay>();
  } else {
    request = std::move(idle_.back());
    idle_.pop_back();
  }
  request->device = due.device;
  request->due_ms = due.at_ms;
  request->answer.clear();
  request->retry_after.clear();
  request->body = device.workout->batch(device.minute, device.rec_id, device.started_ms);
  put_headers(*request, device);
  CURL* const easy = request->easy.get();
  curl_easy_reset(easy);
  // A host name of its own for each device, so that libcurl does not let two of them share a connection.
  const std::size_t host = options_.server.find("://") + 3;
  std::string address = options_.server.substr(host);
  while (address.ends_with('/')) address.pop_back();
  const std::string url =
      options_.server.substr(0, host) + "sim-" + std::to_string(due.device + 1) + ".invalid/v1/sync/batch";
  const std::string where = "::" + address;
  request->connect_to.reset(curl_slist_append(nullptr, where.c_str()));
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_CONNECT_TO, request->connect_to.get());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 60'000L);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers.get());
  curl_easy_setopt(easy, CURLOPT_POST, 1L);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request->body.size()));
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, reinterpret_cast<const char*>(request->body.data()));
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, request.get());
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, request.get());
  request->begun_us = now_us();
  bytes_ += request->body.size();
  curl_multi_add_handle(multi_.get(), easy);
  under_way_.emplace(easy, std::move(request));
}

void LightCrew::again(UnderWay& request, std::string_view why) {
  if (++errors_ <= 10) fail(base::Error{base::ErrorCode::unavailable, std::string(why)});
  const long seconds = std::strtol(request.retry_after.c_str(), nullptr, 10);
  due_.push({clock_.monotonic_ms() + std::max<std::int64_t>(kRetryMs, seconds * 1000), request.device});
}

void LightCrew::finish(UnderWay& request, CURLcode code) {
  LightDevice& device = devices_[request.device];
  long status = 0;
  curl_easy_getinfo(request.easy.get(), CURLINFO_RESPONSE_CODE, &status);
  if (code != CURLE_OK) return again(request, curl_easy_strerror(code));
  if (status != 200) return again(request, "HTTP " + std::to_string(status) + ": " + request.answer.substr(0, 200));
  const auto reply = wire::decode_reply(request.answer, device.workout->items(device.minute));
  if (!reply) return again(request, reply.error().text);
  for (const wire::ItemResult& result : reply->results) {
    if (result.outcome != wire::Outcome::stored && result.outcome != wire::Outcome::duplicate) {
      return again(request, std::string(wire::name(result.outcome)) + ": " + result.detail);
    }
  }
  ack_ms_.push_back(static_cast<double>(now_us() - request.begun_us) / 1000.0);
  acked_ += device.workout->records_of(device.minute);
  if (++device.minute < device.workout->minutes.size()) {
    due_.push({request.due_ms + minute_ms(), request.device});
  }
}

void LightCrew::row() {
  const std::int64_t begun_ms = clock_.monotonic_ms();
  // Their minutes begin at different moments.
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    due_.push({begun_ms + static_cast<std::int64_t>(i) * minute_ms() / static_cast<std::int64_t>(devices_.size()), i});
  }
  std::int64_t last_due_ms = begun_ms;
  while (!due_.empty() || !under_way_.empty()) {
    const std::int64_t now_ms = clock_.monotonic_ms();
    while (!due_.empty() && due_.top().at_ms <= now_ms && under_way_.size() < kMaxUnderWay) {
      const Due next = due_.top();
      due_.pop();
      last_due_ms = std::max(last_due_ms, next.at_ms);
      send(next);
    }
    int running = 0;
    curl_multi_perform(multi_.get(), &running);
    int left = 0;
    while (CURLMsg* const message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* const easy = message->easy_handle;
      const CURLcode code = message->data.result;
      curl_multi_remove_handle(multi_.get(), easy);
      auto done = under_way_.extract(easy);
      finish(*done.mapped(), code);
      idle_.push_back(std::move(done.mapped()));
    }
    if (clock_.monotonic_ms() - last_due_ms > kLimitMs) break;
    std::int64_t wait_ms = 1000;
    if (!due_.empty()) wait_ms = std::clamp<std::int64_t>(due_.top().at_ms - clock_.monotonic_ms(), 0, 1000);
    curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(wait_ms), nullptr);
  }
  took_ms_ = clock_.monotonic_ms() - begun_ms;
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
  json.end_object().end_object();
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
