// The outbox side of the store: what waits for the server, and what the server said.
#include <string>
#include <utility>

#include "core/base/planted.hpp"
#include "device/store/store_internal.hpp"

namespace boathouse::store {
namespace {

// The numbers are in the file.
static_assert(static_cast<int>(wire::ItemKind::birth) == 1 && static_cast<int>(wire::ItemKind::chunk) == 2 &&
              static_cast<int>(wire::ItemKind::seal) == 3 && static_cast<int>(wire::ItemKind::edit) == 4);
constexpr int kStored = 0;
constexpr int kDuplicate = 1;
constexpr int kMismatch = 2;
constexpr int kRejected = 3;

// Columns: id, kind, stream, first, past, version, sha256, body, rec_id, op_id.
base::Result<PendingItem> read_item(const db::Statement& row) {
  PendingItem item;
  item.id = row.integer(0);
  item.kind = static_cast<wire::ItemKind>(row.integer(1));
  if (item.kind == wire::ItemKind::chunk) {
    const auto stream = rowing::stream_from_number(static_cast<std::uint64_t>(row.integer(2)));
    if (!stream) return damaged("an unknown stream number");
    item.stream = *stream;
    item.from = static_cast<std::uint64_t>(row.integer(3));
    item.to = static_cast<std::uint64_t>(row.integer(4));
    item.version = static_cast<std::uint32_t>(row.integer(5));
  } else if (item.kind == wire::ItemKind::seal) {
    item.revision = static_cast<std::uint32_t>(row.integer(3));
  } else if (item.kind == wire::ItemKind::edit && !copy_exact(row.blob(9), item.op_id.bytes)) {
    return damaged("an edit without its id");
  }
  const base::ByteView body = row.blob(7);
  if (!copy_exact(row.blob(6), item.sha256) || !copy_exact(row.blob(8), item.rec_id.bytes) || body.empty()) {
    return damaged("an outbox item without hash, recording or body");
  }
  item.body.assign(body.begin(), body.end());
  return item;
}

}  // namespace

base::Result<std::string> read_epoch(db::Connection& connection) {
  auto select = connection.prepare("SELECT server_epoch FROM replica");
  if (!select) return select.error();
  auto there = select->step();
  if (!there) return there.error();
  if (!*there) return damaged("its own identity is missing");
  return std::string(select->text(0));
}

base::Status forget_other_epochs(db::Connection& connection, std::string_view epoch) {
  const auto known = read_epoch(connection);
  if (!known) return known.error();
  if (*known == epoch) return {};
  auto update = connection.prepare("UPDATE replica SET server_epoch = ?1");
  if (!update) return update.error();
  BOATHOUSE_TRY(update->bind(1, epoch).run());
  // What is not on this device cannot be offered; it keeps its old receipt, which proves nothing under the new epoch.
  auto forget = connection.prepare(
      "UPDATE item SET outcome = NULL, server_seq = NULL, epoch = NULL, detail = NULL WHERE outcome IS NOT NULL AND "
      "epoch <> ?1 AND here = 1");
  if (!forget) return forget.error();
  return forget->bind(1, epoch).run();
}

base::Status acknowledge_item(db::Connection& connection, std::string_view epoch, const Acknowledgement& answer) {
  if (answer.outcome == wire::Outcome::later) return {};
  const bool receipt = answer.outcome == wire::Outcome::stored || answer.outcome == wire::Outcome::duplicate;
  int outcome = answer.outcome == wire::Outcome::stored ? kStored : kDuplicate;
  if (!receipt) outcome = answer.outcome == wire::Outcome::mismatch ? kMismatch : kRejected;
  // A refusal may still become a receipt; a receipt is never taken back.
  auto update = connection.prepare(
      "UPDATE item SET outcome = ?2, server_seq = ?3, epoch = ?4, detail = ?5 "
      "WHERE id = ?1 AND (outcome IS NULL OR (outcome >= 2 AND ?2 < 2) OR epoch <> ?4)");
  if (!update) return update.error();
  update->bind(1, answer.id).bind(2, outcome).bind(4, epoch);
  if (receipt) {
    update->bind(3, answer.server_seq).bind(5, nullptr);
  } else {
    update->bind(3, nullptr).bind(5, answer.detail);
  }
  return update->run();
}

wire::Item PendingItem::item() const {
  wire::Item view;
  view.kind = kind;
  view.rec_id = rec_id;
  view.stream = stream;
  view.from = from;
  view.to = to;
  view.version = version;
  view.revision = revision;
  view.op_id = op_id;
  view.sha256 = sha256;
  view.body = body;
  return view;
}

base::Result<std::vector<PendingItem>> Store::pending(const PendingQuery& query) {
  const std::lock_guard guard(impl_->mutex);
  // The index gives the order, so that a long backlog is read only as far as the batch goes.
  constexpr std::string_view kItems =
      "SELECT i.id, i.kind, i.stream, i.first, i.past, i.version, i.sha256, b.body, r.rec_id, e.op_id "
      "FROM item AS i INDEXED BY outbox CROSS JOIN recording AS r ON r.id = i.recording CROSS JOIN body AS b ON b.item "
      "= i.id LEFT JOIN edit AS e ON e.item = i.id WHERE i.outcome IS NULL AND ";
  constexpr std::string_view kOrder = " ORDER BY i.recording DESC, i.kind, i.id";
  std::string_view own = "r.athlete = ?1";
  if (base::planted(base::Plant::any_key)) own = "?1 IS NOT NULL";
  auto select = impl_->connection.prepare(std::string(kItems).append(own).append(kOrder));
  if (!select) return select.error();
  select->bind(1, query.athlete);
  std::vector<PendingItem> items;
  std::size_t bytes = 0;
  while (items.size() < query.max_items) {
    auto there = select->step();
    if (!there) return there.error();
    if (!*there) break;
    if (query.skip_items.contains(select->integer(0))) continue;
    auto item = read_item(*select);
    if (!item) return item.error();
    if (query.skip_recordings.contains(item->rec_id)) continue;
    if (!items.empty() && bytes + item->body.size() > query.max_bytes) break;
    bytes += item->body.size();
    items.push_back(std::move(*item));
  }
  return items;
}

base::Result<PendingItem> Store::birth_item(const base::Uuid& rec_id) {
  const std::lock_guard guard(impl_->mutex);
  auto select = impl_->connection.prepare(
      "SELECT i.id, i.kind, i.stream, i.first, i.past, i.version, i.sha256, b.body, r.rec_id, NULL FROM recording AS r "
      "JOIN item AS i ON i.recording = r.id AND i.kind = 1 JOIN body AS b ON b.item = i.id WHERE r.rec_id = ?1");
  if (!select) return select.error();
  auto there = select->bind(1, base::ByteView(rec_id.bytes)).step();
  if (!there) return there.error();
  if (!*there) return base::Error{base::ErrorCode::not_found, "no birth of recording " + rec_id.text() + " here"};
  return read_item(*select);
}

base::Result<std::vector<KnownItem>> Store::find_items(std::span<const wire::Item> items) {
  const std::lock_guard guard(impl_->mutex);
  auto by_place = impl_->connection.prepare(
      "SELECT i.id, i.outcome IS NULL FROM item AS i JOIN recording AS r ON r.id = i.recording WHERE r.rec_id = ?1 AND "
      "i.kind = ?2 AND i.stream = ?3 AND i.first = ?4 AND i.past = ?5 AND i.sha256 = ?6");
  if (!by_place) return by_place.error();
  auto by_op = impl_->connection.prepare(
      "SELECT i.id, i.outcome IS NULL FROM edit AS e JOIN item AS i ON i.id = e.item WHERE e.op_id = ?1 AND i.sha256 = "
      "?2");
  if (!by_op) return by_op.error();
  std::vector<KnownItem> known;
  known.reserve(items.size());
  for (const wire::Item& item : items) {
    const bool is_edit = item.kind == wire::ItemKind::edit;
    const bool is_chunk = item.kind == wire::ItemKind::chunk;
    db::Statement& select = is_edit ? *by_op : *by_place;
    if (is_edit) {
      select.bind(1, base::ByteView(item.op_id.bytes)).bind(2, base::ByteView(item.sha256));
    } else {
      select.bind(1, base::ByteView(item.rec_id.bytes)).bind(2, static_cast<int>(item.kind));
      select.bind(3, is_chunk ? static_cast<int>(item.stream) : 0);
      select.bind(4, is_chunk ? item.from : item.revision).bind(5, item.to).bind(6, base::ByteView(item.sha256));
    }
    auto there = select.step();
    if (!there) return there.error();
    known.push_back(*there ? KnownItem{select.integer(0), select.integer(1) != 0} : KnownItem{});
    select.reset();
  }
  return known;
}

base::Result<ToDo> Store::to_do(std::string_view athlete) {
  const std::lock_guard guard(impl_->mutex);
  auto select = impl_->connection.prepare(
      "SELECT count(DISTINCT i.recording), count(*), coalesce(sum(i.bytes), 0), min(r.rec_id), "
      "(SELECT coalesce(sum(w.bytes), 0) FROM item AS w INDEXED BY wanted CROSS JOIN recording AS o ON o.id = "
      "w.recording WHERE w.wanted = 1 AND w.here = 0 AND o.athlete = ?1) "
      "FROM item AS i INDEXED BY outbox CROSS JOIN recording AS r ON r.id = i.recording "
      "WHERE i.outcome IS NULL AND r.athlete = ?1");
  if (!select) return select.error();
  auto row = select->bind(1, athlete).step();
  if (!row) return row.error();
  ToDo to_do;
  to_do.pending_recordings = static_cast<std::uint64_t>(select->integer(0));
  to_do.pending_items = static_cast<std::uint64_t>(select->integer(1));
  to_do.pending_bytes = static_cast<std::uint64_t>(select->integer(2));
  to_do.oldest_pending_ms = made_ms(select->blob(3));
  to_do.fetch_bytes = static_cast<std::uint64_t>(select->integer(4));
  return to_do;
}

base::Result<std::vector<PendingRange>> Store::pending_ranges(std::string_view athlete, std::size_t limit) {
  const std::lock_guard guard(impl_->mutex);
  auto select = impl_->connection.prepare(
      "SELECT i.id, r.rec_id, i.stream, i.first, i.past FROM item AS i INDEXED BY outbox CROSS JOIN recording AS r ON "
      "r.id = i.recording WHERE i.outcome IS NULL AND i.kind = 2 AND r.athlete = ?1 "
      "ORDER BY i.recording DESC, i.kind, i.id LIMIT ?2");
  if (!select) return select.error();
  select->bind(1, athlete).bind(2, limit);
  std::vector<PendingRange> ranges;
  for (;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return ranges;
    PendingRange& range = ranges.emplace_back();
    range.id = select->integer(0);
    const auto stream = rowing::stream_from_number(static_cast<std::uint64_t>(select->integer(2)));
    if (!stream || !copy_exact(select->blob(1), range.rec_id.bytes)) return damaged("a chunk without its recording");
    range.stream = *stream;
    range.from = static_cast<std::uint64_t>(select->integer(3));
    range.to = static_cast<std::uint64_t>(select->integer(4));
  }
}

base::Status Store::acknowledge(std::string_view epoch, std::span<const Acknowledgement> answers) {
  if (epoch.empty()) {
    return base::Error{base::ErrorCode::invalid_input, "the server's answer names no epoch"};
  }
  const std::lock_guard guard(impl_->mutex);
  db::Connection& connection = impl_->connection;
  return in_transaction(connection, [&]() -> base::Status {
    BOATHOUSE_TRY(forget_other_epochs(connection, epoch));
    for (const Acknowledgement& answer : answers) {
      BOATHOUSE_TRY(acknowledge_item(connection, epoch, answer));
    }
    return withdraw_erasures(connection);
  });
}

base::Result<std::string> Store::server_epoch() {
  const std::lock_guard guard(impl_->mutex);
  return read_epoch(impl_->connection);
}

base::Result<std::uint64_t> Store::offer_refused_again() {
  const std::lock_guard guard(impl_->mutex);
  auto update =
      impl_->connection.prepare("UPDATE item SET outcome = NULL, epoch = NULL, detail = NULL WHERE outcome >= 2");
  if (!update) return update.error();
  BOATHOUSE_TRY(update->run());
  return static_cast<std::uint64_t>(impl_->connection.changes());
}

base::Result<std::vector<RefusedItem>> Store::refused() {
  const std::lock_guard guard(impl_->mutex);
  auto select = impl_->connection.prepare(
      "SELECT i.kind, i.stream, i.first, i.past, i.outcome, i.detail, r.rec_id FROM item AS i JOIN recording AS r ON "
      "r.id = i.recording "
      "WHERE i.outcome >= 2 ORDER BY i.id");
  if (!select) return select.error();
  std::vector<RefusedItem> items;
  for (;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return items;
    RefusedItem& item = items.emplace_back();
    item.kind = static_cast<wire::ItemKind>(select->integer(0));
    if (item.kind == wire::ItemKind::chunk) {
      const auto stream = rowing::stream_from_number(static_cast<std::uint64_t>(select->integer(1)));
      if (!stream) return damaged("an unknown stream number");
      item.stream = *stream;
      item.from = static_cast<std::uint64_t>(select->integer(2));
      item.to = static_cast<std::uint64_t>(select->integer(3));
    } else if (item.kind == wire::ItemKind::seal) {
      item.revision = static_cast<std::uint32_t>(select->integer(2));
    }
    item.outcome = select->integer(4) == kMismatch ? wire::Outcome::mismatch : wire::Outcome::rejected;
    item.detail = select->text(5);
    if (!copy_exact(select->blob(6), item.rec_id.bytes)) return damaged("a recording without an id");
  }
}

}  // namespace boathouse::store
