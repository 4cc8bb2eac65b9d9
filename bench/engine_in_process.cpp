// Native blocks into libchdb in this very process: the baseline for the engine behind HTTP.
//   bench-engine-in-process DIRECTORY FOLDER CONNECTIONS
// DIRECTORY: a store in which the engine has made the tables; FOLDER: what `bench-timeseries native-blocks` wrote.
// Prints seconds.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/database.hpp"

namespace boathouse::engine {
namespace {

namespace fs = std::filesystem;

void need(const base::Status& status) {
  if (status) return;
  std::fprintf(stderr, "bench-engine-in-process: %s\n", status.error().text.c_str());
  std::_Exit(1);
}

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void insert(Database& database, const std::string& sql, const std::string& rows, const std::string& token) {
  auto session = database.lease(std::chrono::seconds(60));
  if (!session) return need(session.error());
  need(session->configure("", {{"insert_deduplication_token", token}, {"insert_deduplicate", "1"}}));
  auto stream = session->insert(sql, "Native", {});
  if (!stream) return need(stream.error());
  need(stream->append(rows));
  const auto done = stream->finish();
  if (!done) need(done.error());
}

int run(const fs::path& directory, const fs::path& folder, std::size_t connections) {
  Database::Options options;
  options.directory = fs::absolute(directory);
  options.max_threads = std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
  auto opened = Database::open(options);
  if (!opened) {
    need(opened.error());
    return 1;
  }
  Database& database = **opened;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".native") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  std::vector<std::string> blocks;
  for (const fs::path& file : files) blocks.push_back(read(file));
  std::string sql;
  std::getline(std::ifstream(folder / "insert.sql"), sql);
  {
    auto session = database.lease(std::chrono::seconds(60));
    if (!session) need(session.error());
    const auto emptied = session->query("TRUNCATE TABLE sample", "Null", {});
    if (!emptied) need(emptied.error());
  }
  std::atomic<std::size_t> next = 0;
  std::vector<std::thread> threads;
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t c = 0; c < connections; ++c) {
    threads.emplace_back([&] {
      for (std::size_t i = next++; i < blocks.size(); i = next++) {
        insert(database, sql, blocks[i], files[i].filename().string());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::printf("%.6f\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  std::fflush(stdout);
  opened->reset();
  std::_Exit(0);  // without the destructors of globals, as the engine ends
}

}  // namespace
}  // namespace boathouse::engine

int main(int count, char** arguments) {
  if (count != 4) {
    std::fprintf(stderr, "bench-engine-in-process DIRECTORY FOLDER CONNECTIONS\n");
    return 2;
  }
  return boathouse::engine::run(arguments[1], arguments[2], std::strtoul(arguments[3], nullptr, 10));
}
