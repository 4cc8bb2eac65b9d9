// What the writer puts into the audit, in the transaction of what it is about.
#include <array>
#include <string>
#include <utility>

#include "core/base/hex.hpp"
#include "server/ledger/rows.hpp"
#include "server/ledger/writer.hpp"

namespace boathouse::ledger {
namespace {

using wire::ItemKind;
using wire::ItemResult;
using wire::Outcome;

constexpr std::array kOutcomes{Outcome::stored, Outcome::duplicate, Outcome::mismatch, Outcome::rejected,
                               Outcome::later};
constexpr std::size_t kMaxReasonBytes = 400;

// An item as its sender names it.
std::string identity_of(const Entry& entry) {
  std::string text = std::string(wire::name(entry.kind)) + " " + entry.rec_id.text();
  switch (entry.kind) {
    case ItemKind::birth:
      break;
    case ItemKind::chunk:
      text += " " + std::string(rowing::name(entry.stream)) + " " + std::to_string(entry.from) + "-" +
              std::to_string(entry.to);
      break;
    case ItemKind::seal:
      text += " " + std::to_string(entry.revision);
      break;
    case ItemKind::edit:
      text += " " + entry.op_id.text();
      break;
  }
  return text;
}

// What digests are made of.
std::string line_of(const Entry& entry, Outcome outcome) {
  return identity_of(entry) + " " + base::to_hex(entry.sha256) + " " + std::string(wire::name(outcome)) + "\n";
}

bool is_refused(Outcome outcome) { return outcome != Outcome::stored && outcome != Outcome::duplicate; }

// Counts and, over all items in order, one digest of what came and what was answered: docs/audit.md.
std::string summary_of(const Submission& submission, std::span<const ItemResult> results) {
  std::array<std::size_t, kOutcomes.size()> counts{};
  base::Sha256 sha;
  for (std::size_t i = 0; i < results.size(); ++i) {
    ++counts.at(static_cast<std::size_t>(results[i].outcome));
    sha.update(base::as_bytes(line_of(submission.entries[i], results[i].outcome)));
  }
  std::string text = "items=" + std::to_string(results.size());
  for (const Outcome outcome : kOutcomes) {
    text += " " + std::string(wire::name(outcome)) + "=" + std::to_string(counts.at(static_cast<std::size_t>(outcome)));
  }
  return text + " digest=" + base::to_hex(sha.finish());
}

}  // namespace

using base::Result;
using base::Status;

Result<std::int64_t> Writer::append_audit(const AuditEntry& entry) {
  AuditRecord record{counters_.audit.n + 1, now_ms_, entry, {}};
  record.entry.what = audit_text(entry.what);
  record.hash = audit_hash(counters_.audit.hash, record);
  auto insert = connection_->prepare(
      "INSERT INTO audit (n, at_ms, kind, key_id, athlete, replica, what, hash) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  if (!insert) {
    return insert.error();
  }
  const auto bind_id = [&insert](int parameter, const std::optional<base::Uuid>& id) {
    id ? insert->bind(parameter, id->bytes) : insert->bind(parameter, nullptr);
  };
  insert->bind(1, record.n).bind(2, record.at_ms).bind(3, record.entry.kind);
  bind_id(4, record.entry.key);
  bind_id(5, record.entry.athlete);
  bind_id(6, record.entry.replica);
  BOATHOUSE_TRY(insert->bind(7, record.entry.what).bind(8, record.hash).run());
  counters_.audit = {record.n, record.hash};
  return record.n;
}

// Whoever moves an outcome here may do so twice: a node that was cut off before it noted that it had, two nodes at
// once.
Status Writer::append_outcome(const AuditEntry& outcome, std::int64_t intent) {
  auto select =
      connection_->prepare("SELECT n FROM audit WHERE kind = ?1 AND n > ?2 AND what || ' ' LIKE ?3 ORDER BY n LIMIT 1");
  if (!select) {
    return select.error();
  }
  select->bind(1, outcome.kind).bind(2, intent).bind(3, "step=% intent=" + std::to_string(intent) + " %");
  const auto row = select->step();
  if (!row) {
    return row.error();
  }
  if (*row) {
    return {};
  }
  const auto written = append_audit(outcome);
  return written ? Status() : Status(written.error());
}

Status Writer::settle_intents(std::int64_t up_to) {
  auto update = connection_->prepare("UPDATE state SET acts_settled = ?1 WHERE acts_settled < ?1");
  return update ? update->bind(1, up_to).run() : Status(update.error());
}

// Whether those acts were done that had no outcome then, the accounts know, which may be of another time.
Status Writer::note_restore(const std::string& what) {
  const auto record = append_audit({"restore", {}, {}, {}, what});
  if (!record) {
    return record.error();
  }
  BOATHOUSE_TRY(settle_intents(*record));
  auto update = connection_->prepare("UPDATE state SET restored_ms = ?1");
  return update ? update->bind(1, now_ms_).run() : Status(update.error());
}

Status Writer::audit_submission(const Submission& submission, std::span<const ItemResult> results,
                                std::int64_t seq_before) {
  if (results.empty()) {
    return {};
  }
  AuditEntry entry{"submission", submission.key, submission.athlete, submission.replica,
                   summary_of(submission, results)};
  if (counters_.last_seq > seq_before) {
    entry.what += " seq=" + std::to_string(seq_before + 1) + "-" + std::to_string(counters_.last_seq);
  }
  if (const auto written = append_audit(entry); !written) {
    return written.error();
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (is_refused(results[i].outcome)) {
      BOATHOUSE_TRY(audit_refusal(submission, submission.entries[i], results[i]));
    }
  }
  return {};
}

// A device may send again what is refused, for ever: the same item of the same store and key, refused for the same
// reason, is named once. The submission's record counts it each time.
Status Writer::audit_refusal(const Submission& submission, const Entry& refused, const ItemResult& result) {
  const std::string reason = audit_text(result.detail, kMaxReasonBytes);
  base::Sha256 sha;
  sha.update(submission.athlete.bytes);
  sha.update(submission.key.value_or(base::Uuid{}).bytes);
  sha.update(submission.replica.bytes);
  sha.update(base::as_bytes(line_of(refused, result.outcome) + reason));
  auto insert = connection_->prepare(
      "INSERT INTO refusal (n, athlete, rec_id, digest) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (digest) DO NOTHING");
  if (!insert) {
    return insert.error();
  }
  insert->bind(1, counters_.audit.n + 1).bind(2, submission.athlete.bytes).bind(3, refused.rec_id.bytes);
  BOATHOUSE_TRY(insert->bind(4, sha.finish()).run());
  if (connection_->changes() == 0) {
    return {};
  }
  const std::string what = "outcome=" + std::string(wire::name(result.outcome)) + " item=" + identity_of(refused) +
                           " sha256=" + base::to_hex(refused.sha256) + " reason=" + reason;
  const auto written = append_audit({"refused", submission.key, submission.athlete, submission.replica, what});
  return written ? Status() : Status(written.error());
}

Status Writer::audit_removal(const base::Uuid& athlete, const Removal& removal, const Remover& by,
                             std::int64_t chunks) {
  std::string what = "recording=" + removal.rec_id.text();
  if (removal.stream) {
    what += " stream=" + std::string(rowing::name(*removal.stream)) + " range=" + std::to_string(removal.range.from) +
            "-" + std::to_string(removal.range.to);
  }
  what += " chunks=" + std::to_string(chunks);
  what += by.plan.empty() ? "" : " plan=" + by.plan;
  const auto written = append_audit({removal.stream ? "retention" : "purge", by.key, athlete, by.replica, what});
  return written ? Status() : Status(written.error());
}

}  // namespace boathouse::ledger
