#include "server/intake/item_check.hpp"

#include <string>
#include <utility>

#include "core/base/hex.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/compression.hpp"
#include "core/wire/edit.hpp"
#include "core/wire/facts.hpp"

namespace boathouse::intake {
namespace {

using base::Error;
using base::ErrorCode;
using base::Status;

Error wrong(std::string text) { return Error{ErrorCode::invalid_input, std::move(text)}; }

Error differs(std::string_view what, const std::string& stated, const std::string& actual) {
  return wrong(std::string(what) + ": the item says " + stated + ", its body " + actual);
}

Error too_far(const std::string& what) {
  return wrong(what + " beyond " + std::to_string(wire::kMaxStreamRecords) + ", the most that a stream may have");
}

Status check_chunk(const wire::Item& item) {
  const std::string range = "the range [" + std::to_string(item.from) + ", " + std::to_string(item.to) + ")";
  if (item.from >= item.to) {
    return wrong(range + " is empty");
  }
  if (item.to > wire::kMaxStreamRecords) {
    return too_far(range + " reaches");
  }
  const auto chunk = wire::read_chunk(item.body, item.sha256);
  if (!chunk) {
    return chunk.error();
  }
  if (chunk->stream != item.stream) {
    return differs("stream", std::string(rowing::name(item.stream)), std::string(rowing::name(chunk->stream)));
  }
  if (chunk->version != item.version) {
    return differs("catalogue version", std::to_string(item.version), std::to_string(chunk->version));
  }
  if (chunk->from != item.from) {
    return differs("first record", std::to_string(item.from), std::to_string(chunk->from));
  }
  if (chunk->columns.rows() != item.to - item.from) {
    return differs("records", std::to_string(item.to - item.from), std::to_string(chunk->columns.rows()));
  }
  return {};
}

Status check_facts_bytes(const wire::Item& item) {
  const base::Digest actual = base::sha256(item.body);
  if (actual != item.sha256) {
    return differs("SHA-256", base::to_hex(item.sha256), base::to_hex(actual));
  }
  return {};
}

Status check_birth(const wire::Item& item, ledger::Entry& entry) {
  BOATHOUSE_TRY(check_facts_bytes(item));
  const auto birth = wire::decode_birth(base::as_text(item.body));
  if (!birth) {
    return birth.error();
  }
  if (birth->rec_id != item.rec_id) {
    return differs("rec_id", item.rec_id.text(), birth->rec_id.text());
  }
  entry.started_ms = birth->started_ms;
  return {};
}

Status check_seal(const wire::Item& item) {
  BOATHOUSE_TRY(check_facts_bytes(item));
  const auto seal = wire::decode_seal(base::as_text(item.body));
  if (!seal) {
    return seal.error();
  }
  if (seal->rec_id != item.rec_id) {
    return differs("rec_id", item.rec_id.text(), seal->rec_id.text());
  }
  if (seal->revision != item.revision) {
    return differs("revision", std::to_string(item.revision), std::to_string(seal->revision));
  }
  for (const auto& [stream, facts] : seal->streams) {
    if (facts.count > wire::kMaxStreamRecords) {
      return too_far("the count " + std::to_string(facts.count) + " of " + std::string(rowing::name(stream)) + " is");
    }
  }
  return {};
}

Status check_edit(const wire::Item& item, ledger::Entry& entry) {
  BOATHOUSE_TRY(check_facts_bytes(item));
  auto edit = wire::decode_edit(base::as_text(item.body));
  if (!edit) {
    return edit.error();
  }
  if (edit->session != item.rec_id) {
    return differs("session", item.rec_id.text(), edit->session.text());
  }
  if (edit->op_id != item.op_id) {
    return differs("op_id", item.op_id.text(), edit->op_id.text());
  }
  BOATHOUSE_TRY(rowing::check_new_edit(*edit));
  entry.edit = std::move(*edit);
  return {};
}

Status check(const wire::Item& item, ledger::Entry& entry) {
  if (item.refusal) {
    return *item.refusal;
  }
  switch (item.kind) {
    case wire::ItemKind::birth:
      return check_birth(item, entry);
    case wire::ItemKind::chunk:
      return check_chunk(item);
    case wire::ItemKind::seal:
      return check_seal(item);
    case wire::ItemKind::edit:
      return check_edit(item, entry);
  }
  return wrong("no such kind of item");
}

wire::ItemResult refusal_of(const Error& error) {
  wire::ItemResult result;
  if (error.code == ErrorCode::unsupported) {
    result.outcome = wire::Outcome::later;
    result.retry_after_s = kRetryNewerVersionS;
  } else {
    result.outcome = wire::Outcome::rejected;
  }
  result.detail = error.text;
  return result;
}

// All but body and refusal.
ledger::Entry entry_of(const wire::Item& item) {
  ledger::Entry entry;
  entry.kind = item.kind;
  entry.rec_id = item.rec_id;
  entry.stream = item.stream;
  entry.from = item.from;
  entry.to = item.to;
  entry.version = item.version;
  entry.revision = item.revision;
  entry.op_id = item.op_id;
  entry.sha256 = item.sha256;
  return entry;
}

}  // namespace

std::size_t unpacked_bytes(const wire::Item& item) {
  // What states more is refused before it is unpacked.
  const std::size_t size = item.kind == wire::ItemKind::chunk && !item.refusal ? wire::stated_size(item.body) : 0;
  return size <= wire::kMaxCanonicalBytes ? size : 0;
}

ledger::Entry put_off_item(const wire::Item& item) {
  ledger::Entry entry = entry_of(item);
  entry.refusal.emplace();
  entry.refusal->outcome = wire::Outcome::later;
  entry.refusal->retry_after_s = kRetryUnpackedS;
  entry.refusal->detail = "the batch unpacks to more than " + std::to_string(kMaxUnpackedBytes) +
                          " bytes: send the rest of it in another one";
  return entry;
}

ledger::Entry check_item(const wire::Item& item) {
  ledger::Entry entry = entry_of(item);
  if (const Status status = check(item, entry); status) {
    entry.body.assign(item.body.begin(), item.body.end());
  } else {
    entry.refusal = refusal_of(status.error());
  }
  return entry;
}

}  // namespace boathouse::intake
