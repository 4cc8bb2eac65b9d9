// The servers that a ClickHouseClient speaks to, and whose turn it is: calls are spread over them, and one that failed
// rests for a while, as long as another is there.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/clock.hpp"

namespace boathouse::timeseries {

struct Endpoint {
  std::string url;  // http://host:port, no trailing slash
  std::string user = "default";
  std::string password{};
  std::string database = "default";
  std::string settings{};  // said with every statement: "&name=value&..."
};

// Thread rule: any thread.
class Nodes {
 public:
  // `clock` must outlive it.
  Nodes(std::vector<Endpoint> endpoints, std::int64_t cool_off_ms, const base::Clock& clock);

  void set(std::vector<Endpoint> endpoints);

  // All of them in the order to ask: each call begins with the next one; who rests comes last, but comes.
  std::vector<Endpoint> in_turn();

  // One that is not there any more is passed over.
  void failed(const std::string& url);
  void answered(const std::string& url);

 private:
  struct Node {
    Endpoint endpoint;
    std::int64_t rests_until_ms = 0;  // on the monotonic clock; 0 = is well
  };
  Node* find(const std::string& url);

  const std::int64_t cool_off_ms_;
  const base::Clock& clock_;
  std::mutex mutex_;
  std::vector<Node> nodes_;
  std::size_t next_ = 0;
};

}  // namespace boathouse::timeseries
