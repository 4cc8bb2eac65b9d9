#include "apps/boathouse/retention_service.hpp"

#include <utility>
#include <vector>

#include "server/retention/routes.hpp"

namespace boathouse::app {
namespace {

using ledger::TableCount;
using Counts = base::Result<std::vector<TableCount>>;

// Every database beside the ledger and ClickHouse that has something of an athlete.
std::vector<retention::Room> rooms_of(const RetentionService::Parts& parts) {
  control::Accounts& accounts = parts.accounts;
  webhooks::Store& webhooks = parts.webhooks;
  return {{"accounts", [&accounts](const base::Uuid& athlete) { return accounts.forget(athlete); },
           [&accounts](const base::Uuid& athlete) -> Counts {
             const auto rows = accounts.count_of(athlete);
             if (!rows) return rows.error();
             return std::vector<TableCount>{{"athlete", rows->athletes},
                                            {"api_key", rows->keys},
                                            {"team_person", rows->teams},
                                            {"pairing", rows->pairings},
                                            {"account_call", rows->calls}};
           }},
          {"webhooks", [&webhooks](const base::Uuid& athlete) { return webhooks.forget(athlete); },
           [&webhooks](const base::Uuid& athlete) -> Counts {
             const auto rows = webhooks.count_of(athlete);
             if (!rows) return rows.error();
             return std::vector<TableCount>{{"endpoint", rows->endpoints}, {"delivery", rows->deliveries}};
           }}};
}

}  // namespace

RetentionService::RetentionService(const Parts& parts, const retention::BackupsKept& backups, std::string cluster,
                                   std::function<void(const std::vector<base::Uuid>&)> look_at,
                                   std::function<void(std::string_view)> log)
    : parts_(parts),
      backups_(backups.folder),
      cluster_(std::move(cluster)),
      remover_({backups.folder, std::move(look_at)}, parts.ledger, parts.client, parts.runner, parts.clock, log),
      eraser_({rooms_of(parts), backups, cluster_}, parts.ledger, parts.client, parts.runner, parts.clock,
              std::move(log)) {}

base::Status RetentionService::add_routes(http::RouteTable& routes) {
  return retention::add_routes(
      routes, {parts_.accounts, parts_.ledger, parts_.client, remover_, eraser_, parts_.clock, backups_, cluster_});
}

base::Status RetentionService::start() {
  BOATHOUSE_TRY(eraser_.start());
  const auto left = parts_.ledger.retirements(1);
  if (!left) return left.error();
  return left->empty() ? base::Status() : remover_.order();
}

}  // namespace boathouse::app
