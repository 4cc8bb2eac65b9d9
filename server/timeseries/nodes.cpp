#include "server/timeseries/nodes.hpp"

#include <algorithm>
#include <utility>

namespace boathouse::timeseries {

Nodes::Nodes(std::vector<Endpoint> endpoints, std::int64_t cool_off_ms, const base::Clock& clock)
    : cool_off_ms_(cool_off_ms), clock_(clock) {
  set(std::move(endpoints));
}

void Nodes::set(std::vector<Endpoint> endpoints) {
  const std::lock_guard lock(mutex_);
  nodes_.clear();
  for (Endpoint& endpoint : endpoints) nodes_.push_back({std::move(endpoint)});
}

std::vector<Endpoint> Nodes::in_turn() {
  const std::lock_guard lock(mutex_);
  const std::int64_t now = clock_.monotonic_ms();
  std::vector<Endpoint> well;
  std::vector<Endpoint> resting;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[(next_ + i) % nodes_.size()];
    (node.rests_until_ms > now ? resting : well).push_back(node.endpoint);
  }
  ++next_;
  well.insert(well.end(), resting.begin(), resting.end());
  return well;
}

Nodes::Node* Nodes::find(const std::string& url) {
  const auto found = std::ranges::find_if(nodes_, [&url](const Node& node) { return node.endpoint.url == url; });
  return found == nodes_.end() ? nullptr : &*found;
}

void Nodes::failed(const std::string& url) {
  const std::lock_guard lock(mutex_);
  if (Node* node = find(url)) node->rests_until_ms = clock_.monotonic_ms() + cool_off_ms_;
}

void Nodes::answered(const std::string& url) {
  const std::lock_guard lock(mutex_);
  if (Node* node = find(url)) node->rests_until_ms = 0;
}

}  // namespace boathouse::timeseries
