// The audit: what was done to the ledger's data and to the accounts, an append-only list in which each record carries
// a hash over itself and the hash of the one before. docs/audit.md has the form and what it proves. Plain values and,
// but for the last, pure functions; pages come from whoever has them (the ledger, or a server over HTTP).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/sha256.hpp"
#include "core/base/uuid.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::ledger {

inline constexpr std::size_t kMaxAuditBytes = 1000;  // of AuditEntry::what
inline constexpr std::size_t kMaxAuditPage = 1000;

// Every kind of record that there is (docs/audit.md).
inline constexpr std::array<std::string_view, 37> kAuditKinds{"submission",
                                                              "refused",
                                                              "purge",
                                                              "retention",
                                                              "retention.rule",
                                                              "retention.hold",
                                                              "retention.release",
                                                              "retention.apply",
                                                              "erasure.ask",
                                                              "erasure.restore",
                                                              "erasure.begin",
                                                              "erasure.done",
                                                              "athlete.create",
                                                              "athlete.update",
                                                              "key.create",
                                                              "key.rotate",
                                                              "key.revoke",
                                                              "pairing.create",
                                                              "pairing.claim",
                                                              "team.create",
                                                              "team.rename",
                                                              "team.delete",
                                                              "team.invite",
                                                              "team.invite.end",
                                                              "team.join",
                                                              "team.member.add",
                                                              "team.member.remove",
                                                              "team.coach.add",
                                                              "team.coach.remove",
                                                              "webhook.create",
                                                              "webhook.update",
                                                              "webhook.rotate",
                                                              "webhook.delete",
                                                              "webhook.replay",
                                                              "export",
                                                              "backup",
                                                              "restore"};
bool is_audit_kind(std::string_view text);
// "submission, refused, ...": for whoever asked for another.
std::string audit_kinds_text();

// What is to be written down. `kind`: one of kAuditKinds; `what`: name=value words, what is free text last.
struct AuditEntry {
  std::string kind;
  std::optional<base::Uuid> key;      // whose word it was: the API key; nullopt: the server itself
  std::optional<base::Uuid> athlete;  // whose data or account it is about
  std::optional<base::Uuid> replica;
  std::string what;
};

struct AuditRecord {
  std::int64_t n = 0;      // 1, 2, 3, ... without holes
  std::int64_t at_ms = 0;  // the ledger's clock
  AuditEntry entry;
  base::Digest hash{};
};

// The last record. Whoever keeps it can prove later that nothing up to it was changed. n = 0: there is none, `hash` is
// zero.
struct AuditHead {
  std::int64_t n = 0;
  base::Digest hash{};
  bool operator==(const AuditHead&) const = default;
};

// "N:HASH", the hash as 64 hex digits; parse: n from 1, otherwise invalid_input.
std::string text_of(const AuditHead& head);
base::Result<AuditHead> parse_audit_head(std::string_view text);

// The list's end as the ledger noted it, and the largest n that is there.
struct AuditState {
  AuditHead head;
  std::int64_t newest = 0;
};

// Which records: those of one athlete, those of one kind; both empty: all.
struct AuditFilter {
  std::optional<base::Uuid> athlete;
  std::string kind;
};

// SHA-256 over the hash of the record before (of the first: 32 zero bytes) and the record without its hash.
base::Digest audit_hash(const base::Digest& previous, const AuditRecord& record);

// `text` as it may stand in a record: valid UTF-8 without control characters (a blank or "?" instead), at most
// `max_bytes`.
std::string audit_text(std::string_view text, std::size_t max_bytes = kMaxAuditBytes);

// The first place where a list is not what was written.
struct AuditDifference {
  std::int64_t n = 0;
  std::string text;
};
struct AuditVerdict {
  std::int64_t records = 0;  // that are as they were written, from the first
  AuditHead head;
  std::optional<AuditDifference> difference;
};

// Up to `limit` records after `after`, in order of n.
using AuditPages = std::function<base::Result<std::vector<AuditRecord>>(std::int64_t after, std::size_t limit)>;

// Reads the list once from its beginning. What is appended after `state` was read is not looked at. An error is that
// of `pages`.
base::Result<AuditVerdict> check_audit(const AuditState& state, const AuditPages& pages,
                                       const std::optional<AuditHead>& anchor = {});

// The same for the ledger at `place`, without opening it: reads alone, also beside a server that runs. Errors as of
// server/sql; unsupported: a ledger of before the audit; io: there is none.
base::Result<AuditVerdict> check_audit_at(const sql::Place& place, const std::optional<AuditHead>& anchor = {});

}  // namespace boathouse::ledger
