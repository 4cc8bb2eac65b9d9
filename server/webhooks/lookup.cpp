#include "server/webhooks/lookup.hpp"

#include <algorithm>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace boathouse::webhooks {
namespace {

using base::Error;
using base::ErrorCode;
using Addresses = base::Result<std::vector<Address>>;

class Lookups {
 public:
  explicit Lookups(Resolver resolve) : resolve_(std::move(resolve)) {}
  Lookups(const Lookups&) = delete;
  Lookups& operator=(const Lookups&) = delete;
  ~Lookups() {
    for (auto& [host, one] : running_) {
      one.thread.join();
    }
  }

  // Of the look-up of this name that runs, or of a new one. Not valid: too many run, or the system has no thread left.
  std::shared_future<Addresses> begin(const base::Uuid& athlete, const std::string& host) {
    const std::lock_guard lock(mutex_);
    // A thread that has its answer is at its end.
    for (auto one = running_.begin(); one != running_.end();) {
      if (one->second.answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
        one->second.thread.join();
        one = running_.erase(one);
      } else {
        ++one;
      }
    }
    if (const auto found = running_.find(host); found != running_.end()) {
      return found->second.answer;
    }
    const auto of_athlete =
        std::ranges::count_if(running_, [&athlete](const auto& one) { return one.second.athlete == athlete; });
    if (running_.size() >= kMaxLookups || static_cast<std::size_t>(of_athlete) >= kLookupsOfAthlete) {
      return {};
    }
    std::packaged_task<Addresses()> task([this, host] { return resolve_(host); });
    std::shared_future<Addresses> answer = task.get_future().share();
    try {
      running_.emplace(host, Lookup{athlete, answer, std::thread(std::move(task))});
    } catch (const std::system_error&) {
      return {};
    }
    return answer;
  }

 private:
  struct Lookup {
    base::Uuid athlete;  // who began it
    std::shared_future<Addresses> answer;
    std::thread thread;
  };

  const Resolver resolve_;
  std::mutex mutex_;
  std::map<std::string, Lookup> running_;  // by host
};

}  // namespace

LookUp resolve_within(std::chrono::milliseconds most, Resolver resolve) {
  return [most, lookups = std::make_shared<Lookups>(std::move(resolve))](const base::Uuid& athlete,
                                                                         const std::string& host) -> Addresses {
    const std::shared_future<Addresses> answer = lookups->begin(athlete, host);
    if (!answer.valid()) {
      return Error{ErrorCode::no_room, "too many names are being looked up that nobody answers for"};
    }
    if (answer.wait_for(most) != std::future_status::ready) {
      return Error{ErrorCode::unavailable, "nobody answered for the host's name in time"};
    }
    return answer.get();
  };
}

}  // namespace boathouse::webhooks
