// Where administrative acts are written down. They are done in another transaction than the one of the list, so each
// has two records: the intent, without which it is not done, and the outcome, which names the intent's number. An
// intent without an outcome: the server ended between the two, the act may have been done or not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "core/base/result.hpp"
#include "core/base/uuid.hpp"

namespace boathouse::control {

// `kind`: lower-case words with dots, e.g. "key.create". `what`: name=value words; ids and numbers, never a name, a
// label or a secret, for a record is never removed.
struct Act {
  std::string kind;
  std::optional<base::Uuid> key;      // whose word it is; nullopt: the server itself
  std::optional<base::Uuid> athlete;  // whose account it is about, if that is known
  std::string what;
};

class AuditLog {
 public:
  virtual ~AuditLog() = default;
  // The record's number; durable when it returns. Any thread, but none that holds what the list's own commits need.
  virtual base::Result<std::int64_t> append(const Act& act) = 0;
};

// The two records of an act. Between them the caller does it.
class AuditedAct {
 public:
  // Writes the intent; unavailable if that cannot be done: then nothing may be done.
  static base::Result<AuditedAct> begin(AuditLog& log, Act act);
  // Writes the outcome; `what` is what is known now. It was done, or refused, whether this can be written or not: a
  // failure is the log's to report.
  void done(const std::optional<base::Uuid>& athlete, const std::string& what);
  // It was not done; `step=unknown` for an error that may also have come at or after the act's commit.
  void failed(const base::Error& error);

 private:
  AuditedAct(AuditLog& log, Act act, std::int64_t intent) : log_(log), act_(std::move(act)), intent_(intent) {}
  void finish(const std::string& step, const std::string& what);

  AuditLog& log_;
  Act act_;
  std::int64_t intent_;
};

}  // namespace boathouse::control
