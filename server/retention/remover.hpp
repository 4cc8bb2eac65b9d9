// Removes what applied plans name, as a job: from the ledger in transactions of bounded size, each recording's figures
// kept first; ClickHouse follows. Stops and goes on where it was, whatever ends in between.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string_view>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "server/jobs/runner.hpp"
#include "server/ledger/ledger.hpp"
#include "server/timeseries/clickhouse_client.hpp"

namespace boathouse::retention {

class Remover {
 public:
  struct Options {
    std::filesystem::path backups = {};  // as of Parts in routes.hpp
  };
  // Gives `runner` its handler. All must outlive the runner's threads. `log` gets what is not removed, and why.
  Remover(Options options, ledger::Ledger& ledger, timeseries::ClickHouseClient& client, jobs::Runner& runner,
          base::Clock& clock, std::function<void(std::string_view)> log);

  // Something is to be removed, or may be (at the start of a server).
  base::Status order();

 private:
  struct Attempt;
  jobs::Outcome work(jobs::Runner::Context& context);
  jobs::Outcome remove_all(jobs::Runner::Context& context, Attempt& attempt);
  void tell(const Attempt& attempt);
  base::Result<ledger::FiguresToKeep> figures_of(const base::Uuid& rec_id, bool reckoned_from,
                                                 std::span<const ledger::FiguresToKeep> before);

  const Options options_;
  ledger::Ledger& ledger_;
  timeseries::ClickHouseClient& client_;
  jobs::Runner& runner_;
  base::Clock& clock_;
  const std::function<void(std::string_view)> log_;
};

}  // namespace boathouse::retention
