// Removes what applied plans name, as a job: from the ledger in transactions of bounded size, each recording's figures
// kept first; ClickHouse follows. Stops and goes on where it was, whatever ends in between. Figures are kept for good,
// so what they would be made of must be in ClickHouse as the ledger counts it: until then the recording waits, and the
// others do not.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "server/jobs/runner.hpp"
#include "server/ledger/ledger.hpp"
#include "server/timeseries/clickhouse_client.hpp"

namespace boathouse::retention {

class Remover {
 public:
  struct Options {
    std::filesystem::path backups = {};  // as of Parts in routes.hpp
    // ClickHouse has other records of these than the ledger: they are to be compared, and what is missing loaded again.
    // At most 500; some may only be on their way.
    std::function<void(const std::vector<base::Uuid>&)> look_at = [](const std::vector<base::Uuid>&) {};
  };
  // Gives `runner` its handler. All must outlive the runner's threads. `log` gets what is not removed, and why.
  Remover(Options options, ledger::Ledger& ledger, timeseries::ClickHouseClient& client, jobs::Runner& runner,
          base::Clock& clock, std::function<void(std::string_view)> log);

  // Something is to be removed, or may be (at the start of a server).
  base::Status order();

 private:
  struct Attempt;
  struct Figures;
  jobs::Outcome work(jobs::Runner::Context& context);
  jobs::Outcome remove_all(jobs::Runner::Context& context, Attempt& attempt);
  void tell(const Attempt& attempt);
  base::Result<Figures> figures_of(const base::Uuid& rec_id, bool reckoned_from,
                                   std::span<const ledger::FiguresToKeep> before);

  const Options options_;
  ledger::Ledger& ledger_;
  timeseries::ClickHouseClient& client_;
  jobs::Runner& runner_;
  base::Clock& clock_;
  const std::function<void(std::string_view)> log_;
  // Of one attempt at a time.
  std::string said_;  // what was waited for
  std::int64_t said_ms_ = 0;
};

}  // namespace boathouse::retention
