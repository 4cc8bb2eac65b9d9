#include "server/control/audit_log.hpp"

#include <utility>

namespace boathouse::control {
namespace {

// Of what was asked for, so before anything was changed. All others are the database's or ours.
bool is_refusal(base::ErrorCode code) {
  using enum base::ErrorCode;
  return code == invalid_input || code == not_found || code == conflict || code == unauthenticated ||
         code == forbidden || code == too_large || code == unsupported;
}

}  // namespace

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

void AuditedAct::failed(const base::Error& error) {
  finish(is_refusal(error.code) ? "failed" : "unknown", "error=" + std::string(base::name(error.code)));
}

void AuditedAct::finish(const std::string& step, const std::string& what) {
  act_.what = "step=" + step + " intent=" + std::to_string(intent_) + (what.empty() ? "" : " " + what);
  (void)log_.append(act_);
}

}  // namespace boathouse::control
