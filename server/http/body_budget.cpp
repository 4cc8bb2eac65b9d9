#include "server/http/body_budget.hpp"

#include <mutex>
#include <unordered_map>

namespace boathouse::http {

struct BodyBudget::State {
  std::mutex mutex;
  std::size_t held = 0;
  std::unordered_map<WorkerPool::Key, std::size_t> of_client;  // those that hold something

  void give_back(WorkerPool::Key client, std::size_t bytes) {
    const std::lock_guard lock(mutex);
    held -= bytes;
    const auto found = of_client.find(client);
    found->second -= bytes;
    if (found->second == 0) {
      of_client.erase(found);
    }
  }
};

BodyBudget::BodyBudget(std::size_t most, std::size_t most_of_a_client)
    : most_(most), most_of_a_client_(most_of_a_client), state_(std::make_shared<State>()) {}

BodyBudget::Taken BodyBudget::take(WorkerPool::Key client, std::size_t bytes) {
  const std::lock_guard lock(state_->mutex);
  if (bytes > most_ || state_->held > most_ - bytes) {
    return {nullptr, Refusal::by_all};
  }
  const auto found = state_->of_client.find(client);
  const std::size_t own = found == state_->of_client.end() ? 0 : found->second;
  if (own > 0 && (bytes > most_of_a_client_ || own > most_of_a_client_ - bytes)) {
    return {nullptr, Refusal::by_client};
  }
  Taken taken{Share(state_.get(), [state = state_, client, bytes](void*) { state->give_back(client, bytes); }),
              Refusal::none};
  state_->held += bytes;
  state_->of_client[client] += bytes;
  return taken;
}

}  // namespace boathouse::http
