// Size and speed of the chunk codec on a real recording (2400 samples of 51 fields, an ErgStick's "all metrics" file),
// beside two named baselines in the same run:
//   json_gzip            one JSON object a sample, gzip level 6
//   delta_varint_zstd    every column as varints of its differences, zstd level 3
// bytes/sample counts what is stored and sent; MB/s is of raw columns, 4 bytes a value, hashing and compression
// included.
#include <benchmark/benchmark.h>
#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "core/base/decimal.hpp"
#include "core/base/json.hpp"
#include "core/base/sha256.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/compression.hpp"

namespace boathouse::wire {
namespace {

constexpr const char* kFile = "rowingdata_ergstick_all_metrics.csv";
constexpr double kBytesPerValue = 4;

struct Recording {
  std::vector<std::string> names;
  Columns columns;
};

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, ',');) {
    cells.push_back(cell.ends_with('\r') ? cell.substr(0, cell.size() - 1) : cell);
  }
  return cells;
}

std::ifstream open_recording() {
  const char* folder = std::getenv("BOATHOUSE_SHARED_DATA");
  return std::ifstream(std::string(folder != nullptr ? folder : "../shared/data") + "/" + kFile);
}

// The file's values as integers at each column's own number of decimals.
std::optional<Recording> load() {
  std::ifstream file = open_recording();
  std::string line;
  if (!file.is_open() || !std::getline(file, line)) {
    return std::nullopt;
  }
  Recording recording;
  recording.names = split(line);
  std::vector<std::vector<std::string>> rows;
  while (std::getline(file, line)) {
    rows.push_back(split(line));
  }
  recording.columns.rows = rows.size();
  for (std::size_t column = 0; column < recording.names.size(); ++column) {
    int shift = 0;
    for (const auto& row : rows) {
      const std::size_t point = row.at(column).find('.');
      const std::size_t digits = point == std::string::npos ? 0 : row[column].size() - point - 1;
      shift = std::max(shift, static_cast<int>(digits));
    }
    auto& values = recording.columns.columns.emplace_back();
    for (const auto& row : rows) {
      const auto value = base::parse_scaled(row[column], shift);
      if (!value.ok()) {
        return std::nullopt;
      }
      values.push_back(value->value);
    }
  }
  return recording;
}

const std::optional<Recording>& recording() {
  static const std::optional<Recording> kRecording = load();
  return kRecording;
}

std::vector<Columns> cut(const Columns& all, std::size_t rows_a_chunk) {
  std::vector<Columns> chunks;
  for (std::size_t from = 0; from < all.rows; from += rows_a_chunk) {
    const std::size_t to = std::min(all.rows, from + rows_a_chunk);
    Columns& chunk = chunks.emplace_back();
    chunk.rows = to - from;
    for (const auto& column : all.columns) {
      chunk.columns.emplace_back(column.begin() + static_cast<std::ptrdiff_t>(from),
                                 column.begin() + static_cast<std::ptrdiff_t>(to));
    }
  }
  return chunks;
}

base::Bytes sealed(const Columns& chunk) {
  const base::Bytes canonical = encode_columns(rowing::Stream::sample, 1, 0, chunk);
  benchmark::DoNotOptimize(base::sha256(canonical));
  return compress(canonical);
}

base::Bytes delta_varint_zstd(const Columns& chunk) {
  base::ByteWriter out;
  for (const auto& column : chunk.columns) {
    std::int64_t before = 0;
    for (const std::int64_t value : column) {
      out.zigzag(value - before);
      before = value;
    }
  }
  const base::Bytes plain = out.take();
  benchmark::DoNotOptimize(base::sha256(plain));
  return compress(plain);
}

base::Bytes json_gzip(const Columns& chunk) {
  std::string text;
  base::JsonWriter json(text);
  json.begin_array();
  for (std::size_t row = 0; row < chunk.rows; ++row) {
    json.begin_object();
    for (std::size_t column = 0; column < chunk.columns.size(); ++column) {
      json.key(recording()->names[column]).value(chunk.columns[column][row]);
    }
    json.end_object();
  }
  json.end_array();
  benchmark::DoNotOptimize(base::sha256(base::as_bytes(text)));
  uLongf size = compressBound(text.size());
  base::Bytes out(size);
  compress2(out.data(), &size, reinterpret_cast<const Bytef*>(text.data()), text.size(), 6);
  out.resize(size + 12);  // gzip's header and trailer are that much longer than zlib's
  return out;
}

using Encoder = base::Bytes (*)(const Columns&);

double bytes_per_sample(Encoder encoder, const std::vector<Columns>& chunks, std::size_t rows) {
  std::size_t total = 0;
  for (const Columns& chunk : chunks) {
    total += encoder(chunk).size();
  }
  return static_cast<double>(total) / static_cast<double>(rows);
}

void count_raw_bytes(benchmark::State& state, double rows, double columns) {
  const double megabytes = rows * columns * kBytesPerValue / 1e6;
  state.counters["MB/s"] = benchmark::Counter(megabytes, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["samples/s"] = benchmark::Counter(rows, benchmark::Counter::kIsIterationInvariantRate);
}

void encode(benchmark::State& state, Encoder encoder) {
  if (!recording()) {
    state.SkipWithError("no rowingdata_ergstick_all_metrics.csv: name its folder in BOATHOUSE_SHARED_DATA");
    return;
  }
  const Columns& all = recording()->columns;
  const auto chunks = cut(all, static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    for (const Columns& chunk : chunks) {
      benchmark::DoNotOptimize(encoder(chunk));
    }
  }
  const double size = bytes_per_sample(encoder, chunks, all.rows);
  count_raw_bytes(state, static_cast<double>(all.rows), static_cast<double>(all.columns.size()));
  state.counters["bytes/sample"] = size;
  state.counters["vs_json_gzip"] = size / bytes_per_sample(json_gzip, chunks, all.rows);
  state.counters["vs_delta_zstd"] = size / bytes_per_sample(delta_varint_zstd, chunks, all.rows);
}

void decode(benchmark::State& state) {
  if (!recording()) {
    state.SkipWithError("no rowingdata_ergstick_all_metrics.csv: name its folder in BOATHOUSE_SHARED_DATA");
    return;
  }
  const Columns& all = recording()->columns;
  std::vector<base::Bytes> bodies;
  for (const Columns& chunk : cut(all, static_cast<std::size_t>(state.range(0)))) {
    bodies.push_back(sealed(chunk));
  }
  for (auto _ : state) {
    for (const base::Bytes& body : bodies) {
      const auto canonical = decompress(body, kMaxCanonicalBytes);
      benchmark::DoNotOptimize(base::sha256(*canonical));
      benchmark::DoNotOptimize(decode_columns(*canonical));
    }
  }
  count_raw_bytes(state, static_cast<double>(all.rows), static_cast<double>(all.columns.size()));
}

// Records of stream `sample` as the recorder makes them, sealed and opened again: with the catalogue's range checks.
std::vector<rowing::Record> records(std::size_t rows) {
  std::vector<rowing::Record> made(rows);
  const std::size_t width = rowing::metrics(rowing::Stream::sample).size();
  for (std::size_t row = 0; row < rows; ++row) {
    made[row].values.assign(width, 0);
    for (std::size_t column = 0; column < width; ++column) {
      const auto step = static_cast<std::int64_t>(row);
      made[row].values[column] = column < 4 ? step * 25 : column % 3 == 0 ? step / 10 % 200 : 5;
    }
  }
  return made;
}

void seal_records(benchmark::State& state) {
  const auto made = records(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    benchmark::DoNotOptimize(seal_chunk(rowing::Stream::sample, 0, made));
  }
  count_raw_bytes(state, static_cast<double>(made.size()), static_cast<double>(made[0].values.size()));
}

void open_records(benchmark::State& state) {
  const auto chunk = seal_chunk(rowing::Stream::sample, 0, records(static_cast<std::size_t>(state.range(0))));
  for (auto _ : state) {
    benchmark::DoNotOptimize(open_chunk(chunk->body, chunk->sha256));
  }
  const double columns = static_cast<double>(rowing::metrics(rowing::Stream::sample).size());
  count_raw_bytes(state, static_cast<double>(state.range(0)), columns);
}

BENCHMARK_CAPTURE(encode, chunk_codec, sealed)->Arg(256)->Arg(120);
BENCHMARK_CAPTURE(encode, delta_varint_zstd, delta_varint_zstd)->Arg(256)->Arg(120);
BENCHMARK_CAPTURE(encode, json_gzip, json_gzip)->Arg(256)->Arg(120);
BENCHMARK(decode)->Name("decode/chunk_codec")->Arg(256)->Arg(120);
BENCHMARK(seal_records)->Arg(256);
BENCHMARK(open_records)->Arg(256);

}  // namespace
}  // namespace boathouse::wire
