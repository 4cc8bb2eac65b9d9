#include "server/ledger/backup_mark.hpp"

#include <algorithm>

#include "server/ledger/epoch.hpp"
#include "server/ledger/writer.hpp"

namespace boathouse::ledger {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

namespace {

constexpr std::size_t kLostTogether = 256;  // acknowledgements wait meanwhile

Status set_lacking(sql::Connection& connection, std::span<const std::int64_t> lacking) {
  BOATHOUSE_TRY(connection.execute("DELETE FROM not_in_backup"));
  auto insert = connection.prepare("INSERT INTO not_in_backup (server_seq) VALUES (?1)");
  if (!insert) {
    return insert.error();
  }
  for (const std::int64_t server_seq : lacking) {
    BOATHOUSE_TRY(insert->bind(1, server_seq).run());
  }
  return {};
}

}  // namespace

Result<std::optional<BackupMark>> backup_mark(sql::Connection& connection) {
  auto select = connection.prepare("SELECT name, up_to_seq, made_ms FROM backup_mark");
  if (!select) {
    return select.error();
  }
  const auto row = select->step();
  if (!row) {
    return row.error();
  }
  if (!*row) {
    return std::optional<BackupMark>();
  }
  return std::optional(BackupMark{std::string(select->text(0)), select->integer(1), select->integer(2)});
}

Status note_backup(sql::Connection& connection, const std::string& epoch, const BackupMark& mark,
                   std::span<const std::int64_t> lacking) {
  auto transaction = sql::Transaction::begin(connection);
  if (!transaction) {
    return transaction.error();
  }
  {
    auto select = connection.prepare("SELECT epoch FROM state");
    if (!select) {
      return select.error();
    }
    const auto row = select->step();
    if (!row) {
      return row.error();
    }
    if (!*row || select->text(0) != epoch) {
      return Error{ErrorCode::conflict, "backup " + mark.name + " is of another epoch than the ledger"};
    }
  }
  auto note = connection.prepare(
      "INSERT INTO backup_mark (id, name, up_to_seq, made_ms) VALUES (1, ?1, ?2, ?3) "
      "ON CONFLICT (id) DO UPDATE SET name = ?1, up_to_seq = ?2, made_ms = ?3 WHERE backup_mark.up_to_seq <= ?2");
  if (!note) {
    return note.error();
  }
  BOATHOUSE_TRY(note->bind(1, mark.name).bind(2, mark.up_to_seq).bind(3, mark.made_ms).run());
  if (connection.changes() > 0) {
    BOATHOUSE_TRY(set_lacking(connection, lacking));
  }
  return transaction->commit();
}

Result<bool> take_back_backup(sql::Connection& connection, const std::string& name,
                              const std::optional<BackupMark>& instead, std::span<const std::int64_t> lacking) {
  auto transaction = sql::Transaction::begin(connection);
  if (!transaction) {
    return transaction.error();
  }
  auto change = connection.prepare(instead ? "UPDATE backup_mark SET name = ?2, up_to_seq = ?3, made_ms = ?4 "
                                             "WHERE name = ?1"
                                           : "DELETE FROM backup_mark WHERE name = ?1");
  if (!change) {
    return change.error();
  }
  change->bind(1, name);
  if (instead) {
    change->bind(2, instead->name).bind(3, instead->up_to_seq).bind(4, instead->made_ms);
  }
  BOATHOUSE_TRY(change->run());
  const bool changed = connection.changes() > 0;
  if (changed) {
    BOATHOUSE_TRY(set_lacking(connection, lacking));
  }
  BOATHOUSE_TRY(transaction->commit());
  return changed;
}

Status note_lost(sql::Connection& connection, const std::string& epoch, std::span<const LostBody> bodies,
                 std::int64_t now_ms) {
  Epoch served({epoch, 0}, {}, {});  // nobody here has seen anything of it
  for (std::size_t first = 0; first < bodies.size(); first += kLostTogether) {
    auto transaction = sql::Transaction::begin(connection);
    if (!transaction) {
      return transaction.error();
    }
    auto writer = Writer::begin(connection, now_ms, served, served.seen_seq());
    if (!writer) {
      return writer.error();
    }
    for (const LostBody& body : bodies.subspan(first, std::min(kLostTogether, bodies.size() - first))) {
      BOATHOUSE_TRY(writer->lose_body(body.server_seq, body.reason));
    }
    BOATHOUSE_TRY(writer->finish());
    BOATHOUSE_TRY(transaction->commit());
  }
  return {};
}

}  // namespace boathouse::ledger
