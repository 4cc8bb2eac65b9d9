// A backlog of complete sessions, counted until queries see it, beside the limit: the same rows, already decoded, put
// straight into an engine in large Native blocks over as many connections. Every round measures both, each with a new
// engine. See --help; exit 1 if a row was lost.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "apps/boathouse/light_workout.hpp"
#include "apps/boathouse/percentile.hpp"
#include "apps/boathouse/server_client.hpp"
#include "bench/child.hpp"
#include "core/base/clock.hpp"
#include "core/base/json.hpp"
#include "core/base/random.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/wire/batch.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/content_digest.hpp"
#include "core/wire/facts.hpp"
#include "device/transport/http_client.hpp"
#include "server/timeseries/blocks.hpp"
#include "server/timeseries/clickhouse_client.hpp"
#include "server/timeseries/schema.hpp"

namespace boathouse {
namespace {

namespace fs = std::filesystem;
using bench::Folder;
using bench::need;
using bench::Process;
using bench::seconds;
using bench::Used;
using bench::used_by;
using rowing::Stream;

constexpr int kHz = 10;
constexpr std::array kStreams{Stream::sample, Stream::stroke,  Stream::force_curve,
                              Stream::split,  Stream::summary, Stream::event};

struct Options {
  std::uint64_t rows = 30'000'000;  // samples
  std::uint64_t block = 1'000'000;  // rows of the limit's blocks
  std::size_t connections = 2;      // of the client, and of the limit's inserters
  double minutes = 60;              // of a session
  int rounds = 1;
  std::string programs;  // folder of boathouse
  std::string engine;    // empty = boathouse-engine beside it
  std::string server;    // --greedy: a running one
  std::string key;
  int greedy_s = 0;
  std::string session_file;
  std::string numbers_file;
};

struct Session {
  app::LightWorkout workout;
  std::map<Stream, std::uint64_t> rows;
};

Session make_session(double minutes) {
  Session session{need(app::LightWorkout::make(1, kHz, minutes)), {}};
  for (const auto& minute : session.workout.minutes) {
    for (const store::PendingItem& chunk : minute) session.rows[chunk.stream] += chunk.to - chunk.from;
  }
  return session;
}

// ---- the limit ----

// One insert's body, whose rows can be made another recording's.
struct Body {
  std::string sql;
  base::Bytes native;
  std::uint64_t rows = 0;
  std::size_t athlete_at = 0;
  std::size_t rec_id_at = 0;

  void become(std::uint64_t number) {
    for (std::uint64_t row = 0; row < rows; ++row) {
      std::memcpy(native.data() + athlete_at + row * 16, &number, sizeof number);
      std::memcpy(native.data() + rec_id_at + row * 16, &number, sizeof number);
    }
  }
};

// The bodies of `sessions` sessions, one a stream.
std::vector<Body> make_bodies(const Session& session, std::uint64_t sessions) {
  base::SeededRandom random(1);
  std::vector<Body> bodies;
  for (const Stream stream : kStreams) {
    ledger::LoadBlock block;
    block.stream = stream;
    for (std::uint64_t i = 0; i < sessions; ++i) {
      base::Uuid rec_id;
      random.fill(rec_id.bytes);
      for (const auto& minute : session.workout.minutes) {
        for (const store::PendingItem& chunk : minute) {
          if (chunk.stream != stream) continue;
          ledger::LoadItem item;
          item.server_seq = static_cast<std::int64_t>(i) + 1;
          item.athlete = rec_id;
          item.rec_id = rec_id;
          item.started_ms = 1'700'000'000'000;
          item.stream = stream;
          item.from = chunk.from;
          item.to = chunk.to;
          item.sha256 = chunk.sha256;
          item.body = chunk.body;
          block.items.push_back(std::move(item));
        }
      }
    }
    if (block.items.empty()) continue;
    Body& body = bodies.emplace_back();
    const timeseries::InsertBody insert = need(timeseries::make_insert(block));
    body.sql = insert.sql;
    body.native = insert.joined();
    body.rows = insert.rows;
    // Columns athlete, started, rec_id come first: a name, a type, the values.
    base::ByteReader in(body.native);
    in.varint();
    in.varint();
    const auto skip_texts = [&in] {
      for (int i = 0; i < 2; ++i) in.bytes(in.varint());
    };
    skip_texts();
    body.athlete_at = body.native.size() - in.remaining();
    in.bytes(body.rows * 16);
    skip_texts();
    in.bytes(body.rows * 8);
    skip_texts();
    body.rec_id_at = body.native.size() - in.remaining();
  }
  return bodies;
}

struct Result {
  double samples = 0;
  double took_s = 0;
  double client_cpu_s = 0;
  Used server;
  Used engine;
  double acked_s = 0;  // until the last acknowledgement
  double requests = 0;
  double repeated = 0;  // after 429 or 503
  std::vector<double> ack_ms;
  double ledger_bytes = 0;
  double table_bytes = 0;
  bool whole = false;
};

timeseries::Endpoint endpoint_of(const Process& engine) { return {engine.url()}; }

std::uint64_t count_samples(timeseries::ClickHouseClient& client) {
  const auto counted = client.select("SELECT count() AS n FROM sample");
  return counted && counted->rows == 1 ? static_cast<std::uint64_t>(counted->integer("n", 0)) : 0;
}

Process start_engine(const Options& options, const Folder& folder) {
  return Process(options.engine.empty() ? options.programs + "/boathouse-engine" : options.engine,
                 {"--path", folder.file("clickhouse"), "--listen", "127.0.0.1:0"});
}

Result insert_straight(const Options& options, const Session& session) {
  const std::uint64_t per_session = session.rows.at(Stream::sample);
  const std::uint64_t sessions = (options.rows + per_session - 1) / per_session;
  const std::uint64_t together = std::clamp<std::uint64_t>(options.block / per_session, 1, sessions);
  const std::uint64_t groups = (sessions + together - 1) / together;
  const Folder folder;
  const Process engine = start_engine(options, folder);
  timeseries::ClickHouseClient client(endpoint_of(engine));
  need(timeseries::migrate(client));
  std::vector<std::vector<Body>> bodies(options.connections, make_bodies(session, together));
  std::atomic<std::uint64_t> next{0};
  std::vector<std::thread> inserters;
  const Used before = engine.used();
  const double client_before = used_by(::getpid()).cpu_s;
  const double begun = seconds();
  for (std::size_t i = 0; i < options.connections; ++i) {
    inserters.emplace_back([&, i] {
      for (std::uint64_t group = next++; group < groups; group = next++) {
        for (Body& body : bodies[i]) {
          body.become(group + 1);
          need(client.insert(body.sql, body.native, std::to_string(group) + "-" + body.sql.substr(12, 8)));
        }
      }
    });
  }
  for (std::thread& inserter : inserters) inserter.join();
  Result result;
  result.samples = static_cast<double>(groups * together * per_session);
  result.whole = count_samples(client) == groups * together * per_session;
  result.took_s = seconds() - begun;
  result.client_cpu_s = used_by(::getpid()).cpu_s - client_before;
  result.engine = engine.used();
  result.engine.cpu_s -= before.cpu_s;
  result.table_bytes = folder.bytes("clickhouse");
  return result;
}

// ---- the whole way ----

using Batches = std::vector<base::Bytes>;

// A session as its device would send it, in batches of about 256 KiB.
Batches make_batches(const Session& session, const base::Uuid& rec_id, std::int64_t started_ms) {
  const app::LightWorkout& workout = session.workout;
  Batches batches;
  wire::BatchWriter writer;
  std::size_t bytes = 0;
  std::size_t items = 0;
  const auto add = [&](const wire::Item& item) {
    if (bytes > wire::kTargetBatchBytes || items + 1 >= wire::kMaxBatchItems) {
      batches.push_back(writer.take());
      writer = {};
      bytes = items = 0;
    }
    writer.add(item);
    bytes += item.body.size();
    ++items;
  };
  rowing::Birth birth = workout.birth;
  birth.rec_id = rec_id;
  birth.started_ms = started_ms;
  const std::string birth_json = wire::encode_birth(birth);
  wire::Item item;
  item.kind = wire::ItemKind::birth;
  item.rec_id = rec_id;
  item.body = base::as_bytes(birth_json);
  item.sha256 = base::sha256(item.body);
  add(item);
  for (const auto& minute : workout.minutes) {
    for (const store::PendingItem& chunk : minute) {
      wire::Item sent = chunk.item();
      sent.rec_id = rec_id;
      add(sent);
    }
  }
  rowing::Seal seal = workout.seal;
  seal.rec_id = rec_id;
  const std::string seal_json = wire::encode_seal(seal);
  wire::Item last;
  last.kind = wire::ItemKind::seal;
  last.rec_id = rec_id;
  last.revision = seal.revision;
  last.body = base::as_bytes(seal_json);
  last.sha256 = base::sha256(last.body);
  add(last);
  batches.push_back(writer.take());
  return batches;
}

// One connection. Sends a batch until it is acknowledged.
class Sender {
 public:
  Sender(std::string server, std::string key, const base::Uuid& replica)
      : server_(std::move(server)), key_(std::move(key)), replica_(replica.text()) {}

  void send(const base::Bytes& batch, Result& result, std::mutex& mutex) {
    const std::vector<std::pair<std::string, std::string>> headers{
        {"Authorization", "Bearer " + key_},
        {"Boathouse-Replica", replica_},
        {"Content-Type", std::string(wire::kBatchMediaType)},
        {"Content-Digest", wire::make_content_digest(batch)}};
    while (true) {
      const double begun = seconds();
      auto reply = client_.post(server_ + "/v1/sync/batch", headers, batch);
      const double took_ms = (seconds() - begun) * 1000;
      if (reply && reply->status == 200 && reply->body.find("\"rejected\"") == std::string::npos &&
          reply->body.find("\"later\"") == std::string::npos) {
        const std::lock_guard lock(mutex);
        ++result.requests;
        result.ack_ms.push_back(took_ms);
        return;
      }
      const bool again = !reply || reply->status == 429 || reply->status == 503;
      if (!again) need(base::Status(base::Error{base::ErrorCode::internal, reply->body.substr(0, 500)}));
      double wait_s = 0.2;
      for (const auto& [name, value] : reply ? reply->headers : decltype(reply->headers){}) {
        if (name == "retry-after") wait_s = std::strtod(value.c_str(), nullptr);
      }
      {
        const std::lock_guard lock(mutex);
        ++result.repeated;
      }
      std::this_thread::sleep_for(std::chrono::duration<double>(wait_s));
    }
  }

 private:
  std::string server_;
  std::string key_;
  std::string replica_;
  transport::HttpClient client_;
};

std::string first_line(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

Result send_backlog(const Options& options, const Session& session) {
  base::SystemClock clock;
  base::SystemRandom random;
  base::UuidV7Source ids{clock, random};
  const std::uint64_t per_session = session.rows.at(Stream::sample);
  const std::uint64_t sessions = (options.rows + per_session - 1) / per_session;
  const Folder folder;
  const Process engine = start_engine(options, folder);
  timeseries::ClickHouseClient client(endpoint_of(engine));
  need(timeseries::migrate(client));
  const Process server(options.programs + "/boathouse", {"serve", "--data", folder.file("cloud"), "--listen",
                                                         "127.0.0.1:0", "--clickhouse", engine.url()});
  app::ServerOptions as_operator;
  as_operator.server = server.url();
  as_operator.key = first_line(folder.file("cloud/operator.key"));
  std::vector<Sender> senders;
  for (std::size_t i = 0; i < options.connections; ++i) {
    const auto key = need(app::make_athlete_key(as_operator, "bulk-" + std::to_string(i + 1)));
    senders.emplace_back(server.url(), key, ids.next());
  }
  std::vector<Batches> backlog;
  for (std::uint64_t i = 0; i < sessions; ++i) {
    backlog.push_back(make_batches(session, ids.next(), clock.utc_ms() - static_cast<std::int64_t>(i) * 86'400'000));
  }

  Result result;
  std::mutex mutex;
  std::atomic<std::uint64_t> next{0};
  const Used engine_before = engine.used();
  const Used server_before = server.used();
  const double client_before = used_by(::getpid()).cpu_s;
  const double begun = seconds();
  std::vector<std::thread> threads;
  for (Sender& sender : senders) {
    threads.emplace_back([&] {
      for (std::uint64_t i = next++; i < sessions; i = next++) {
        for (const base::Bytes& batch : backlog[i]) sender.send(batch, result, mutex);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  result.acked_s = seconds() - begun;
  result.samples = static_cast<double>(sessions * per_session);
  const double give_up = seconds() + 3600;
  while (!result.whole && seconds() < give_up) {
    result.whole = count_samples(client) == sessions * per_session;
    if (!result.whole) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  result.took_s = seconds() - begun;
  result.client_cpu_s = used_by(::getpid()).cpu_s - client_before;
  result.engine = engine.used();
  result.engine.cpu_s -= engine_before.cpu_s;
  result.server = server.used();
  result.server.cpu_s -= server_before.cpu_s;
  result.ledger_bytes = folder.bytes("cloud");
  result.table_bytes = folder.bytes("clickhouse");
  return result;
}

// ---- a greedy device ----

// All that one key can get for some seconds. What it sends are sessions; nothing is counted.
int be_greedy(const Options& options) {
  base::SystemClock clock;
  base::SystemRandom random;
  base::UuidV7Source ids{clock, random};
  const Session session = make_session(options.minutes);
  const base::Uuid replica = ids.next();
  const double until = seconds() + options.greedy_s;
  Result result;
  std::mutex mutex;
  std::mutex id_mutex;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < options.connections; ++i) {
    threads.emplace_back([&] {
      Sender sender(options.server, options.key, replica);
      while (seconds() < until) {
        base::Uuid rec_id;
        {
          const std::lock_guard lock(id_mutex);
          rec_id = ids.next();
        }
        for (const base::Bytes& batch : make_batches(session, rec_id, clock.utc_ms())) {
          sender.send(batch, result, mutex);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::printf("{\"requests\":%.0f,\"told_to_wait\":%.0f,\"p99_ms\":%s}\n", result.requests, result.repeated,
              app::tenths(app::percentile(result.ack_ms, 0.99)).c_str());
  return 0;
}

// ---- the table ----

void print(const char* what, Result& result) {
  std::printf(
      "%-34s %8.0f k/s %8.1f s  CPU s: client %6.1f server %6.1f engine %6.1f  most MB: server %5.0f engine %5.0f",
      what, result.samples / result.took_s / 1e3, result.took_s, result.client_cpu_s, result.server.cpu_s,
      result.engine.cpu_s, result.server.most_mb, result.engine.most_mb);
  if (result.requests > 0) {
    std::printf(
        "\n%-34s acknowledged after %.1f s; %.0f batches, %.0f sent again; ack p50 %s p99 %s ms; disk MB: ledger "
        "%.0f, tables %.0f",
        "", result.acked_s, result.requests, result.repeated, app::tenths(app::percentile(result.ack_ms, 0.5)).c_str(),
        app::tenths(app::percentile(result.ack_ms, 0.99)).c_str(), result.ledger_bytes / 1e6, result.table_bytes / 1e6);
  }
  std::printf("%s\n", result.whole ? "" : "  ROWS ARE MISSING");
  std::fflush(stdout);
}

// The session's records as JSON lines, for other programs.
void write_session(const Session& session, const std::string& file) {
  std::ofstream out(file);
  for (const auto& minute : session.workout.minutes) {
    for (const store::PendingItem& item : minute) {
      const auto chunk = need(wire::open_chunk(item.body));
      std::uint64_t seq = chunk.from;
      for (const rowing::Record& record : wire::records_of(chunk)) {
        std::string line;
        base::JsonWriter json(line);
        json.begin_object().key("stream").value(rowing::name(chunk.stream)).key("seq").value(seq++);
        const auto metrics = rowing::metrics(chunk.stream);
        for (std::size_t m = 0; m < metrics.size(); ++m) {
          if (record.values[m] != rowing::kNull) json.key(metrics[m].column).value(record.values[m]);
        }
        if (!record.points.empty()) {
          json.key("points").begin_array();
          for (const std::int64_t point : record.points) json.value(point);
          json.end_array();
        }
        json.end_object();
        out << line << '\n';
      }
    }
  }
}

// For bench/run_peers.
void write_numbers(const Session& session, Result& way, const std::string& file) {
  double rows = 0;
  for (const auto& [stream, count] : session.rows) rows += static_cast<double>(count);
  rows *= way.samples / static_cast<double>(session.rows.at(Stream::sample));
  std::ofstream out(file);
  out << "rows " << std::fixed << rows << "\nacked_s " << way.acked_s << "\ncounted_s " << way.took_s << "\nack_p99_ms "
      << app::percentile(way.ack_ms, 0.99) << "\nledger_bytes " << way.ledger_bytes << "\ntable_bytes "
      << way.table_bytes << '\n';
}

int measure(const Options& options) {
  const Session session = make_session(options.minutes);
  if (!options.session_file.empty()) write_session(session, options.session_file);
  std::uint64_t rows = 0;
  for (const auto& [stream, count] : session.rows) rows += count;
  std::printf(
      "Backlog of complete sessions: %.0f minutes at %d Hz each, %llu samples and %llu other records; %llu samples in "
      "all.\n"
      "The limit inserts blocks of %llu rows over %zu connections, ready made; the whole way has %zu uploading "
      "connections,\n"
      "prebuilt batches of at most about 256 KiB, the ledger fsyncs each group of batches. Until SELECT count() sees "
      "all.\n",
      options.minutes, kHz, static_cast<unsigned long long>(session.rows.at(Stream::sample)),
      static_cast<unsigned long long>(rows - session.rows.at(Stream::sample)),
      static_cast<unsigned long long>(options.rows), static_cast<unsigned long long>(options.block),
      options.connections, options.connections);
  std::vector<double> ratios;
  bool whole = true;
  for (int round = 0; round < options.rounds; ++round) {
    Result limit = insert_straight(options, session);
    print("limit: straight into the engine", limit);
    Result way = send_backlog(options, session);
    print("backlog until it is counted", way);
    whole = whole && limit.whole && way.whole;
    if (!options.numbers_file.empty()) write_numbers(session, way, options.numbers_file);
    ratios.push_back((way.samples / way.took_s) / (limit.samples / limit.took_s));
  }
  std::ranges::sort(ratios);
  const double ratio = ratios[ratios.size() / 2];
  std::printf("ratio to the limit, median of %d: %.3f (target >= 0.75: %s)\n", options.rounds, ratio,
              ratio >= 0.75 ? "met" : "MISSED");
  return whole ? 0 : 1;
}

constexpr const char* kUsage =
    "bench-bulk [--rows N] [--block ROWS] [--connections N] [--minutes M] [--rounds N] [--programs DIR]\n"
    "bench-bulk --greedy SECONDS --server URL --key KEY [--connections N] [--minutes M]\n"
    "  --rows         samples to send (30,000,000)\n"
    "  --block        rows of the limit's blocks (1,000,000)\n"
    "  --connections  of the client, and as many inserters of the limit (2)\n"
    "  --minutes      of a session (60)\n"
    "  --session      write a session's records there, as JSON lines\n"
    "  --numbers      write the backlog's numbers there, one a line\n"
    "  --programs     folder of boathouse (this program's)\n"
    "  --engine       the boathouse-engine program (in that folder)\n"
    "  --greedy       only send to a running server, with one key, as much as it takes\n";

}  // namespace
}  // namespace boathouse

int main(int argc, char** argv) {
  boathouse::Options options;
  std::error_code error;
  options.programs = boathouse::fs::read_symlink("/proc/self/exe", error).parent_path().string();
  const std::map<std::string, std::string*> texts{
      {"--programs", &options.programs}, {"--engine", &options.engine},        {"--server", &options.server},
      {"--key", &options.key},           {"--session", &options.session_file}, {"--numbers", &options.numbers_file}};
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--help" || i + 1 >= argc) {
      std::fputs(boathouse::kUsage, name == "--help" ? stdout : stderr);
      return name == "--help" ? 0 : 2;
    }
    const std::string value = argv[++i];
    const auto number = std::strtoull(value.c_str(), nullptr, 10);
    if (name == "--rows") {
      options.rows = number;
    } else if (name == "--block") {
      options.block = number;
    } else if (name == "--connections") {
      options.connections = number;
    } else if (name == "--minutes") {
      options.minutes = std::strtod(value.c_str(), nullptr);
    } else if (name == "--rounds") {
      options.rounds = static_cast<int>(number);
    } else if (name == "--greedy") {
      options.greedy_s = static_cast<int>(number);
    } else if (texts.contains(name)) {
      *texts.at(name) = value;
    } else {
      std::fputs(boathouse::kUsage, stderr);
      return 2;
    }
  }
  if (options.rows == 0 || options.block == 0 || options.connections == 0 || options.minutes <= 0 ||
      options.rounds < 1) {
    std::fputs(boathouse::kUsage, stderr);
    return 2;
  }
  return options.greedy_s > 0 ? boathouse::be_greedy(options) : boathouse::measure(options);
}
