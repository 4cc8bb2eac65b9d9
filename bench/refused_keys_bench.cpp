// Whether the time of a refusal says how near a wrong API key is to a good one. Three kinds of wrong key, in turns:
//   first     of a key that is here, its secret wrong from the first digit on (the baseline)
//   last      the same, wrong in the last digit alone
//   unknown   of an id that this server never made
// For each: the median time of Accounts::authenticate(), as a ratio to `first`, and Welch's t of the two (Reparaz et
// al., "dude, is my code constant time?", 2017: below 4.5 nothing is seen). The slowest tenth, interrupts, is left out.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "server/control/accounts.hpp"
#include "server/control/api_key.hpp"

namespace boathouse::control {
namespace {

constexpr std::size_t kKinds = 3;
constexpr std::size_t kRounds = 200'000;
constexpr std::size_t kKeys = 256;  // of each kind
constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::uint64_t kSeed = 7;
constexpr std::size_t kSecretEnd = 84;  // of the text of a key (api_key.hpp)
constexpr std::size_t kSecretBegin = kSecretEnd - 43;

// Gives the digits of one secret again, so that make_api_key() makes a key with the check that belongs to them.
class OneSecret final : public base::RandomSource {
 public:
  explicit OneSecret(std::string secret) : secret_(std::move(secret)) {}
  void fill(std::span<std::uint8_t> out) override {
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = i < secret_.size() ? static_cast<std::uint8_t>(kDigits.find(secret_[i])) : 0;
    }
  }

 private:
  std::string secret_;
};

std::string with_secret(const base::Uuid& id, const std::string& secret) {
  OneSecret random(secret);
  return make_api_key(id, random);
}

char another(char digit, std::mt19937_64& random) {
  char drawn = digit;
  while (drawn == digit) drawn = kDigits[random() % kDigits.size()];
  return drawn;
}

struct Times {
  double median = 0;
  double mean = 0;
  double variance_of_mean = 0;
};

Times times_of(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  all.resize(all.size() * 9 / 10);
  Times times;
  times.median = all[all.size() / 2];
  for (const double one : all) times.mean += one / static_cast<double>(all.size());
  double squares = 0;
  for (const double one : all) squares += (one - times.mean) * (one - times.mean);
  const auto n = static_cast<double>(all.size());
  times.variance_of_mean = squares / (n - 1) / n;
  return times;
}

void RefusedKeys(benchmark::State& state) {
  const std::string folder =
      (std::filesystem::temp_directory_path() / ("boathouse-keys-" + std::to_string(getpid()))).string();
  std::filesystem::create_directory(folder);
  base::SystemClock clock;
  base::SystemRandom random;
  {
    auto accounts = Accounts::open(folder, clock, random);
    const auto key = accounts ? (*accounts)->create_athlete_key("Ida") : accounts.error();
    if (!key) {
      state.SkipWithError(key.error().text.c_str());
      return;
    }
    const base::Uuid id = *parse_api_key(key->text);
    const std::string secret = key->text.substr(kSecretBegin, kSecretEnd - kSecretBegin);
    std::mt19937_64 turns(kSeed);
    base::Uuid unknown = id;
    unknown.bytes.back() ^= 1;
    std::array<std::vector<std::string>, kKinds> keys;
    for (std::size_t i = 0; i < kKeys; ++i) {
      std::string first = secret;
      for (char& digit : first) digit = another(digit, turns);
      std::string last = secret;
      last.back() = another(last.back(), turns);
      keys[0].push_back(with_secret(id, first));
      keys[1].push_back(with_secret(id, last));
      keys[2].push_back(with_secret(unknown, first));
    }
    const auto is_let_in = [&](const std::string& one) { return (*accounts)->authenticate(one).ok(); };
    if (!is_let_in(with_secret(id, secret)) || std::any_of(keys.begin(), keys.end(), [&](const auto& kind) {
          return std::any_of(kind.begin(), kind.end(), is_let_in);
        })) {
      state.SkipWithError("the good key is refused, or a wrong one is let in");
      return;
    }
    std::string sent = keys[0].front();  // every key from the same place in memory
    for (auto _ : state) {
      std::array<std::vector<double>, kKinds> taken;
      for (std::size_t i = 0; i < kRounds; ++i) {
        const std::size_t kind = turns() % kKinds;
        const std::string& wrong = keys[kind][turns() % kKeys];
        std::copy(wrong.begin(), wrong.end(), sent.begin());
        const auto begun = std::chrono::steady_clock::now();
        benchmark::DoNotOptimize((*accounts)->authenticate(sent));
        taken[kind].push_back(
            std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begun).count());
      }
      const Times baseline = times_of(taken[0]);
      const Times last_digit = times_of(taken[1]);
      const Times nobody = times_of(taken[2]);
      const auto t = [&](const Times& other) {
        return (other.mean - baseline.mean) / std::sqrt(other.variance_of_mean + baseline.variance_of_mean);
      };
      state.counters["first_ns"] = baseline.median;
      state.counters["last_ratio"] = last_digit.median / baseline.median;
      state.counters["last_t"] = t(last_digit);
      state.counters["unknown_ratio"] = nobody.median / baseline.median;
      state.counters["unknown_t"] = t(nobody);
    }
  }
  std::filesystem::remove_all(folder);
}
BENCHMARK(RefusedKeys)->Iterations(1)->Repetitions(5)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace boathouse::control
