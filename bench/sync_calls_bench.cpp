// Devices that send nothing, for bench/run_load: one that offers and verifies all that the server has of its key, again
// and again as fast as it can (it learns from the feed what that is; bench-bulk --greedy sends some), or one that says
// hello at ease, whose time is that of the others. See --help.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "apps/boathouse/percentile.hpp"
#include "bench/child.hpp"
#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/uuid.hpp"
#include "core/wire/changes.hpp"
#include "core/wire/facts.hpp"
#include "core/wire/hello.hpp"
#include "core/wire/offer.hpp"
#include "core/wire/verify.hpp"
#include "device/transport/http_client.hpp"

namespace boathouse {
namespace {

using bench::need;
using bench::seconds;

struct Options {
  std::string server;
  std::string key;
  int seconds = 30;
  int hellos = 0;  // a second on each connection; 0 = offer and verify
  std::size_t connections = 4;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Asked {
  std::vector<wire::OfferedRecording> offer;
  std::vector<wire::VerifyQuestion> verify;
  std::size_t chunks = 0;
};

// The first recordings of the feed, as many as one call may name.
Asked read_feed(const Options& options, const Headers& headers) {
  std::map<base::Uuid, wire::OfferedRecording> offered;
  std::map<base::Uuid, wire::VerifyQuestion> questions;
  Asked asked;
  transport::HttpClient client;
  std::int64_t since = 0;
  for (bool more = true; more;) {
    const auto reply =
        need(client.request("GET", options.server + "/v1/sync/changes?since=" + std::to_string(since), headers, {}));
    if (reply.status != 200) need(base::Status(base::Error{base::ErrorCode::internal, reply.body}));
    const auto page = need(wire::decode_changes(reply.body, since));
    for (const wire::Change& change : page.changes) {
      if (change.kind == wire::ChangeKind::birth && offered.size() < wire::kMaxOfferRecordings) {
        offered[change.rec_id].rec_id = change.rec_id;
      }
      const auto known = offered.find(change.rec_id);
      if (known == offered.end()) continue;
      if (change.kind == wire::ChangeKind::chunk) {
        ++asked.chunks;
        auto& ranges = known->second.streams[*change.stream];
        if (!ranges.empty() && ranges.back().to == change.from) {
          ranges.back().to = change.to;
        } else {
          ranges.push_back({change.from, change.to});
        }
      } else if (change.kind == wire::ChangeKind::seal) {
        questions[change.rec_id] = {change.rec_id, change.revision, need(wire::decode_seal(change.json)).streams};
      }
    }
    since = page.next;
    more = page.more;
  }
  for (auto& [rec_id, recording] : offered) asked.offer.push_back(std::move(recording));
  for (auto& [rec_id, question] : questions) asked.verify.push_back(std::move(question));
  return asked;
}

int ask(const Options& options) {
  base::SystemClock clock;
  base::SystemRandom random;
  Headers headers{{"Authorization", "Bearer " + options.key},
                  {"Boathouse-Replica", base::UuidV7Source(clock, random).next().text()}};
  const Asked asked = options.hellos > 0 ? Asked() : read_feed(options, headers);
  headers.emplace_back("Content-Type", "application/json");
  std::vector<std::pair<std::string, std::string>> calls;
  if (options.hellos > 0) {
    calls = {{"/v1/sync/hello", wire::encode_hello_request({})}};
  } else {
    calls = {{"/v1/sync/offer", wire::encode_offer(asked.offer)},
             {"/v1/sync/verify", wire::encode_verify(asked.verify)}};
  }
  const double until = seconds() + options.seconds;
  std::mutex mutex;
  std::vector<double> took_ms;
  std::size_t told_to_wait = 0;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < options.connections; ++i) {
    threads.emplace_back([&, i] {
      transport::HttpClient client;
      for (std::size_t n = i; seconds() < until; ++n) {
        const auto& [path, body] = calls[n % calls.size()];
        if (options.hellos > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1000 / options.hellos));
        const double begun = seconds();
        const auto reply = need(client.post(options.server + path, headers, base::as_bytes(body)));
        const std::lock_guard lock(mutex);
        if (reply.status == 429 || reply.status == 503) {
          ++told_to_wait;  // and does not: it is greedy
        } else if (reply.status == 200) {
          took_ms.push_back((seconds() - begun) * 1000);
        } else {
          need(base::Status(base::Error{base::ErrorCode::internal, reply.body}));
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::size_t answered = took_ms.size();
  std::printf("{\"recordings\":%zu,\"chunks\":%zu,\"requests\":%zu,\"told_to_wait\":%zu,\"p50_ms\":%s,\"p99_ms\":%s}\n",
              asked.offer.size(), asked.chunks, answered, told_to_wait,
              app::tenths(app::percentile(took_ms, 0.5)).c_str(), app::tenths(app::percentile(took_ms, 0.99)).c_str());
  return answered > 0 ? 0 : 1;
}

constexpr const char* kUsage =
    "bench-sync-calls --server URL --key KEY [--hellos N] [--seconds N] [--connections N]\n"
    "  --hellos       say so many a second on each connection (0: offer and verify instead, as many as it can)\n"
    "  --seconds      for so long (30)\n"
    "  --connections  at a time (4)\n";

}  // namespace
}  // namespace boathouse

int main(int argc, char** argv) {
  boathouse::Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--server") {
      options.server = value;
    } else if (name == "--key") {
      options.key = value;
    } else if (name == "--hellos") {
      options.hellos = std::atoi(value.c_str());
    } else if (name == "--seconds") {
      options.seconds = std::atoi(value.c_str());
    } else if (name == "--connections") {
      options.connections = static_cast<std::size_t>(std::strtoul(value.c_str(), nullptr, 10));
    }
  }
  if (options.server.empty() || options.key.empty() || options.connections == 0) {
    std::fputs(boathouse::kUsage, stderr);
    return 2;
  }
  return boathouse::ask(options);
}
