// For tests of both sides: what the feed says of an item that the server stored.
#pragma once

#include <cstdint>

#include "core/wire/batch.hpp"
#include "core/wire/changes.hpp"

namespace boathouse::wire {

inline Change change_of(const Item& item, std::int64_t seq) {
  Change change;
  change.seq = seq;
  change.rec_id = item.rec_id;
  change.sha256 = item.sha256;
  if (item.kind == ItemKind::chunk) {
    change.kind = ChangeKind::chunk;
    change.stream = item.stream;
    change.from = item.from;
    change.to = item.to;
    change.version = item.version;
    change.bytes = item.body.size();
    return change;
  }
  if (item.kind == ItemKind::birth) change.kind = ChangeKind::birth;
  if (item.kind == ItemKind::seal) change.kind = ChangeKind::seal;
  if (item.kind == ItemKind::edit) change.kind = ChangeKind::edit;
  change.revision = item.revision;
  change.op_id = item.op_id;
  change.json = base::as_text(item.body);
  return change;
}

}  // namespace boathouse::wire
