#include "server/control/act_settler.hpp"

#include <string>

namespace boathouse::control {

base::Status ActSettler::settle() {
  const auto newest = log_.newest();
  if (!newest) {
    return newest.error();
  }
  const std::int64_t up_to = seen_.value_or(*newest);
  seen_ = *newest;
  BOATHOUSE_TRY(move_waiting());
  if (up_to == settled_) {
    return {};
  }
  while (true) {
    const auto open = log_.open_intents(up_to);
    if (!open) {
      return open.error();
    }
    if (open->empty()) {
      break;
    }
    // From here on none of them is committed any more; those that were are in the audit when move_waiting() returns,
    // and have their outcome. The others were not done.
    for (const Outcome& intent : *open) {
      for (Outcomes* outcomes : outcomes_) {
        BOATHOUSE_TRY(outcomes->give_up(intent.intent));
      }
    }
    BOATHOUSE_TRY(move_waiting());
    for (Outcome outcome : *open) {
      outcome.act.what = "step=failed intent=" + std::to_string(outcome.intent) + " error=given_up";
      BOATHOUSE_TRY(log_.append(outcome));
    }
  }
  BOATHOUSE_TRY(log_.settle(up_to));
  settled_ = up_to;
  return {};
}

base::Status ActSettler::move_waiting() {
  for (Outcomes* outcomes : outcomes_) {
    while (true) {
      const auto waiting = outcomes->waiting();
      if (!waiting) {
        return waiting.error();
      }
      if (waiting->empty()) {
        break;
      }
      for (const Outcome& outcome : *waiting) {
        BOATHOUSE_TRY(log_.append(outcome));
        BOATHOUSE_TRY(outcomes->remove(outcome.intent));
      }
    }
  }
  return {};
}

}  // namespace boathouse::control
