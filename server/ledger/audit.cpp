#include "server/ledger/audit.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/base/hex.hpp"
#include "core/base/utf8.hpp"

namespace boathouse::ledger {
namespace {

std::string id_text(const std::optional<base::Uuid>& id) { return id ? id->text() : "-"; }

}  // namespace

base::Digest audit_hash(const base::Digest& previous, const AuditRecord& record) {
  std::string text = "boathouse audit 1\n";
  const auto line = [&text](std::string_view value) { text.append(value).push_back('\n'); };
  line(std::to_string(record.n));
  line(std::to_string(record.at_ms));
  line(record.entry.kind);
  line(id_text(record.entry.key));
  line(id_text(record.entry.athlete));
  line(id_text(record.entry.replica));
  line(record.entry.what);
  base::Sha256 sha;
  sha.update(previous);
  sha.update(base::as_bytes(text));
  return sha.finish();
}

std::string audit_text(std::string_view text, std::size_t max_bytes) {
  std::string plain;
  while (!text.empty()) {
    const base::Utf8Step step = base::utf8_step(text);
    std::string_view point = text.substr(0, step.length);
    text.remove_prefix(step.length);
    if (!step.valid) {
      point = "?";
    } else if (static_cast<unsigned char>(point.front()) < 0x20 || point.front() == 0x7f) {
      point = " ";
    }
    if (plain.size() + point.size() > max_bytes) {
      break;
    }
    plain += point;
  }
  return plain;
}

bool is_audit_kind(std::string_view text) { return std::ranges::find(kAuditKinds, text) != kAuditKinds.end(); }

std::string audit_kinds_text() {
  std::string text;
  for (const std::string_view kind : kAuditKinds) {
    text += (text.empty() ? "" : ", ") + std::string(kind);
  }
  return text;
}

std::string text_of(const AuditHead& head) { return std::to_string(head.n) + ":" + base::to_hex(head.hash); }

base::Result<AuditHead> parse_audit_head(std::string_view text) {
  const std::string_view number = text.substr(0, text.find(':'));
  const auto hash = base::from_hex(text.substr(std::min(number.size() + 1, text.size())));
  AuditHead head;
  const auto [end, code] = std::from_chars(number.data(), number.data() + number.size(), head.n);
  if (code != std::errc() || end != number.data() + number.size() || head.n < 1 || !hash ||
      hash->size() != head.hash.size()) {
    return base::Error{base::ErrorCode::invalid_input, "an anchor is N:HASH, as `boathouse audit verify` prints it"};
  }
  std::copy(hash->begin(), hash->end(), head.hash.begin());
  return head;
}

base::Result<AuditVerdict> check_audit(const AuditState& state, const AuditPages& pages,
                                       const std::optional<AuditHead>& anchor) {
  AuditHead last;
  const auto differs = [&](std::int64_t n, std::string text) {
    return AuditVerdict{last.n, state.head, AuditDifference{n, "record " + std::to_string(n) + " " + std::move(text)}};
  };
  while (last.n < state.head.n) {
    const auto page = pages(last.n, kMaxAuditPage);
    if (!page) {
      return page.error();
    }
    const AuditHead before = last;
    for (const AuditRecord& record : *page) {
      if (record.n > state.head.n) {
        break;
      }
      if (record.n != last.n + 1) {
        return differs(last.n + 1,
                       "is missing: after " + std::to_string(last.n) + " comes " + std::to_string(record.n));
      }
      if (audit_hash(last.hash, record) != record.hash) {
        return differs(record.n, "is not what was written, or the one before it is not: its hash is another");
      }
      if (anchor && anchor->n == record.n && anchor->hash != record.hash) {
        return differs(record.n, "is not the one of the anchor: its hash is another");
      }
      last = {record.n, record.hash};
    }
    if (last == before) {
      break;
    }
  }
  if (last.n < state.head.n) {
    return differs(last.n + 1, "is missing: the ledger has written " + std::to_string(state.head.n) +
                                   " records, the last that follows from the first is " + std::to_string(last.n));
  }
  if (last != state.head) {
    return differs(state.head.n, "is not the last that the ledger has written: its hash is another");
  }
  if (state.newest > state.head.n) {
    return differs(state.head.n + 1, "is there, but the ledger has written only " + std::to_string(state.head.n));
  }
  if (anchor && anchor->n > state.head.n) {
    return differs(anchor->n, "is the anchor's, but the ledger has only " + std::to_string(state.head.n) +
                                  ": its tail is gone, or it was restored from an older backup");
  }
  return AuditVerdict{last.n, state.head, std::nullopt};
}

}  // namespace boathouse::ledger
