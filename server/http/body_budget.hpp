// How many bytes of request bodies may be brought into memory: by all requests together, and by those of one client.
// Thread rule: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "server/http/worker_pool.hpp"

namespace boathouse::http {

class BodyBudget {
 public:
  // A share of the budget, given back when it dies; it may outlive the budget.
  using Share = std::shared_ptr<void>;

  enum class Refusal : std::uint8_t {
    none,
    by_all,     // all requests together would pass the budget
    by_client,  // this client's would pass what one client may hold
  };

  struct Taken {
    Share share;  // nullptr: refused
    Refusal refusal = Refusal::none;
  };

  BodyBudget(std::size_t most, std::size_t most_of_a_client);

  // A client that holds nothing may take one body of any size that the whole budget has room for.
  Taken take(WorkerPool::Key client, std::size_t bytes);

 private:
  struct State;

  const std::size_t most_;
  const std::size_t most_of_a_client_;
  const std::shared_ptr<State> state_;
};

}  // namespace boathouse::http
