// Where administrative acts are written down. They are done in another database than that of the list, so each has two
// records: the intent, without which it is not done, and the outcome, which names the intent's number. The outcome is
// committed in the act's own transaction (outcomes.hpp), and goes from there to the list: at once, or, when the server
// ended meanwhile, at its next start (act_settler.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::control {

class Outcomes;

// `kind`: lower-case words with dots, e.g. "key.create". `what`: name=value words; ids and numbers, never a name, a
// label or a secret, for a record is never removed.
struct Act {
  std::string kind;
  std::optional<base::Uuid> key;      // whose word it is; nullopt: the server itself
  std::optional<base::Uuid> athlete;  // whose account it is about, if that is known
  std::string what;
};

// The second record of an act, its number still to come.
struct Outcome {
  std::int64_t intent = 0;
  Act act;
};

// Any thread, but none that holds what the list's own commits need. What is written is durable when a call returns.
class AuditLog {
 public:
  virtual ~AuditLog() = default;
  // An intent. The record's number, from 1.
  virtual base::Result<std::int64_t> append(const Act& act) = 0;
  // Unless the intent has one: then nothing is done.
  virtual base::Status append(const Outcome& outcome) = 0;

  // The last record's number; 0: there is none.
  virtual base::Result<std::int64_t> newest() = 0;
  // The intents up to that number without an outcome, but for the settled ones: some of them, the oldest first, each
  // with its act as it was appended. Empty: there is none.
  virtual base::Result<std::vector<Outcome>> open_intents(std::int64_t up_to) = 0;
  // All up to that have theirs: they are not looked at again.
  virtual base::Status settle(std::int64_t up_to) = 0;
};

// What an act has found out about itself.
struct Learnt {
  std::optional<base::Uuid> athlete = {};  // whom it is about
  std::string what = {};                   // words, besides those of the intent
};

// The two records of an act. Between them the caller does it. One thread at a time.
class AuditedAct {
 public:
  // Writes the intent; unavailable, or no_room for a full disk, if that cannot be done: then nothing may be done.
  // `outcomes` are in the database that the act is to change.
  static base::Result<AuditedAct> begin(AuditLog& log, Outcomes& outcomes, Act act);

  // Writes the outcome, if anything is left to write. `result` is what the caller's work gave: a Status or a Result.
  // step=done: commit() was called and did it, whatever failed afterwards. step=failed: it was not done.
  // step=unchanged: there was nothing to do. Nothing, if nobody can say yet whether a commit that failed has taken
  // place.
  template <typename Result>
  void ended(const Result& result) {
    end(result.ok() ? nullptr : &result.error());
  }

 private:
  friend base::Status commit(sql::Transaction& transaction, sql::Connection& connection, AuditedAct* act,
                             const Learnt& learnt);
  enum class State { begun, committing, done };

  AuditedAct(AuditLog& log, Outcomes& outcomes, Act act, std::int64_t intent)
      : log_(log), outcomes_(outcomes), act_(std::move(act)), intent_(intent) {}
  [[nodiscard]] Outcome outcome(const std::string& step, const std::string& what) const;
  void end(const base::Error* error);

  AuditLog& log_;
  Outcomes& outcomes_;
  Act act_;
  std::int64_t intent_;
  State state_ = State::begun;
};

// Commits a transaction of `connection`, together with the outcome of the act that it does: nullptr, if that is not an
// audited one. unavailable, besides what the commit may say: the act was given up, and is not done.
base::Status commit(sql::Transaction& transaction, sql::Connection& connection, AuditedAct* act,
                    const Learnt& learnt = {});

}  // namespace boathouse::control
