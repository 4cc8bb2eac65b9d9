// Another history begins in a ledger that was put back: receipts of the one before say nothing about it.
#include <array>
#include <string>

#include "core/base/hex.hpp"
#include "server/backup/restore.hpp"
#include "server/backup/tables.hpp"
#include "server/ledger/writer.hpp"

namespace boathouse::backup {

base::Result<std::string> begin_new_epoch(const Database& ledger, base::Clock& clock, base::RandomSource& random) {
  auto connection = open_alone(ledger.place);
  if (!connection) {
    return connection.error();
  }
  BOATHOUSE_TRY(sql::migrate(*connection, *ledger.schema));
  auto writing = Writing::begin(*connection);
  if (!writing) {
    return writing.error();
  }
  std::array<std::uint8_t, 16> bytes{};
  random.fill(bytes);
  const std::string epoch = base::to_hex(bytes);
  auto update = connection->prepare("UPDATE state SET epoch = ?1");
  if (!update) {
    return update.error();
  }
  BOATHOUSE_TRY(update->bind(1, epoch).run());
  BOATHOUSE_TRY(connection->execute("DELETE FROM backup_mark; DELETE FROM not_in_backup"));
  ledger::Epoch begun({epoch, 0}, {}, {});  // nobody has seen anything of it
  auto writer = ledger::Writer::begin(*connection, clock.utc_ms(), begun, begun.seen_seq());
  if (!writer) {
    return writer.error();
  }
  BOATHOUSE_TRY(writer->note_restore("by=other-means epoch=" + epoch));
  BOATHOUSE_TRY(writer->finish());
  BOATHOUSE_TRY(writing->commit());
  return epoch;
}

}  // namespace boathouse::backup
