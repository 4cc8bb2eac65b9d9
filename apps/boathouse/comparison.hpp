// What a server says of ledger and ClickHouse (GET /v1/reconcile), all of its pages summed up.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/boathouse/server_client.hpp"
#include "core/base/result.hpp"

namespace boathouse::app {

struct Comparison {
  struct Stream {
    std::string name;
    std::int64_t sealed = 0;
    std::int64_t removed = 0;
    std::int64_t ledger = 0;
    std::optional<std::int64_t> clickhouse;  // nullopt: it is in the ledger alone
  };
  struct Difference {
    std::string recording;
    std::string stream;
    std::int64_t ledger = 0;
    std::int64_t clickhouse = 0;
  };
  std::int64_t recordings = 0;
  std::int64_t sessions = 0;
  std::int64_t deleted = 0;
  std::int64_t misplaced = 0;
  // Of the whole server, as each page has them: the most of any page.
  std::int64_t unloaded_chunks = 0;
  std::int64_t removals_to_erase = 0;
  std::vector<Stream> streams;  // every page names the same ones
  std::vector<Difference> differences;

  [[nodiscard]] bool equal() const;
  // As the server writes a page, without its cursor.
  [[nodiscard]] std::string json() const;
  // For a person, in lines.
  [[nodiscard]] std::string text() const;
};

// One page after the other, and says on stderr how far it is. `wait`: so long in all it asks again for pages that are
// not equal yet, or when the server is unavailable. Errors: as of call(), invalid_input for what is no reconciliation.
base::Result<Comparison> compare_all(const ServerOptions& server, std::chrono::milliseconds wait);

}  // namespace boathouse::app
