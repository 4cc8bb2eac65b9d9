#include "server/control/audit_log.hpp"

#include <utility>

#include "server/control/outcomes.hpp"

namespace boathouse::control {

base::Result<AuditedAct> AuditedAct::begin(AuditLog& log, Outcomes& outcomes, Act act) {
  Act intent = act;
  intent.what = "step=intent" + (act.what.empty() ? "" : " " + act.what);
  const auto written = log.append(intent);
  if (!written) {
    const bool is_full = written.error().code == base::ErrorCode::no_room;
    return base::Error{is_full ? base::ErrorCode::no_room : base::ErrorCode::unavailable,
                       is_full ? "the disk is full, so this could not be written down and was not done: free disk "
                                 "space on it, then try again"
                               : "this could not be written down, so it was not done: try again in some seconds"};
  }
  return AuditedAct(log, outcomes, std::move(act), *written);
}

base::Status commit(sql::Transaction& transaction, sql::Connection& connection, AuditedAct* act, const Learnt& learnt) {
  if (act == nullptr) {
    return transaction.commit();
  }
  if (learnt.athlete) {
    act->act_.athlete = learnt.athlete;
  }
  act->act_.what += (act->act_.what.empty() || learnt.what.empty() ? "" : " ") + learnt.what;
  BOATHOUSE_TRY(act->outcomes_.put(connection, act->outcome("done", act->act_.what)));
  act->state_ = AuditedAct::State::committing;
  BOATHOUSE_TRY(transaction.commit());
  act->state_ = AuditedAct::State::done;
  return {};
}

Outcome AuditedAct::outcome(const std::string& step, const std::string& what) const {
  Outcome outcome{intent_, act_};
  outcome.act.what = "step=" + step + " intent=" + std::to_string(intent_) + (what.empty() ? "" : " " + what);
  return outcome;
}

// What cannot be written now is the settler's: the row says that it was done, no row that it was not.
void AuditedAct::end(const base::Error* error) {
  switch (state_) {
    case State::begun:
      (void)log_.append(error == nullptr ? outcome("unchanged", "")
                                         : outcome("failed", "error=" + std::string(base::name(error->code))));
      break;
    case State::committing:
      break;
    case State::done:
      if (log_.append(outcome("done", act_.what))) {
        (void)outcomes_.remove(intent_);
      }
      break;
  }
}

}  // namespace boathouse::control
