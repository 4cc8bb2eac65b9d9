#include "server/control/audit_log.hpp"

#include <utility>

namespace boathouse::control {

base::Result<AuditedAct> AuditedAct::begin(AuditLog& log, Act act) {
  Act intent = act;
  intent.what = "step=intent" + (act.what.empty() ? "" : " " + act.what);
  const auto written = log.append(intent);
  if (!written) {
    return base::Error{base::ErrorCode::unavailable,
                       "this could not be written down, so it was not done: try again in some seconds"};
  }
  return AuditedAct(log, std::move(act), *written);
}

void AuditedAct::done(const std::optional<base::Uuid>& athlete, const std::string& what) {
  if (athlete) {
    act_.athlete = athlete;
  }
  finish("done", what);
}

void AuditedAct::failed(const base::Error& error) { finish("failed", "error=" + std::string(base::name(error.code))); }

void AuditedAct::finish(const std::string& step, const std::string& what) {
  act_.what = "step=" + step + " intent=" + std::to_string(intent_) + (what.empty() ? "" : " " + what);
  (void)log_.append(act_);
}

}  // namespace boathouse::control
