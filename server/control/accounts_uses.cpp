// When keys were used, on its way from memory to the database. With many devices these are many rows a minute, and
// nobody waits for one of them: so no transaction of ours has them, which on PostgreSQL would stand in the row of the
// ledger's commits, but statements that are each a transaction by themselves.
#include <algorithm>
#include <cstddef>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "server/control/accounts.hpp"

namespace boathouse::control {
namespace {

using base::Status;

constexpr std::size_t kKeysAtOnce = 256;

// Of several nodes that save the same key the newest time stays. On PostgreSQL a row that somebody changes just now is
// not waited for: another node saves much the same time, and what would wait for each other in a circle cannot.
std::string update_for(bool shared) {
  std::string sql = "WITH used (id, ms) AS (VALUES ";
  for (std::size_t i = 0; i < kKeysAtOnce; ++i) {
    sql += (i == 0 ? "(?" : ", (?") + std::to_string(2 * i + 1) + ", ?" + std::to_string(2 * i + 2) + ")";
  }
  sql += ")";
  if (shared) {
    sql +=
        ", mine AS (SELECT id FROM api_key WHERE id IN (SELECT id FROM used) ORDER BY id "
        "FOR NO KEY UPDATE SKIP LOCKED)";
  }
  sql +=
      " UPDATE api_key SET last_used_ms = used.ms FROM used "
      "WHERE api_key.id = used.id AND (last_used_ms IS NULL OR last_used_ms < used.ms)";
  return shared ? sql + " AND api_key.id IN (SELECT id FROM mine)" : sql;
}

// At most kKeysAtOnce, but some. One text for any number of keys, so that it is prepared once: the last one fills up.
Status save(sql::Connection& connection, const std::string& sql, std::span<const KeyRing::Use> uses) {
  auto update = connection.prepare(sql);
  if (!update) {
    return update.error();
  }
  for (std::size_t i = 0; i < kKeysAtOnce; ++i) {
    const auto& [id, used_ms] = uses[std::min(i, uses.size() - 1)];
    const int parameter = static_cast<int>(2 * i + 1);
    update->bind(parameter, id.bytes).bind(parameter + 1, used_ms);
  }
  return update->run();
}

}  // namespace

Status Accounts::save_uses() {
  const std::lock_guard lock(saving_mutex_);
  const std::string sql = update_for(shared());
  const std::vector<KeyRing::Use> uses = ring_.take_uses();
  for (std::span<const KeyRing::Use> rest(uses); !rest.empty();) {
    const auto some = rest.first(std::min(rest.size(), kKeysAtOnce));
    if (const Status saved = save(saving_, sql, some); !saved) {
      ring_.put_back(rest);
      return saved;
    }
    rest = rest.subspan(some.size());
  }
  return {};
}

}  // namespace boathouse::control
