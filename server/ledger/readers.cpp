#include "server/ledger/readers.hpp"

#include <cstddef>
#include <utility>

namespace boathouse::ledger {
namespace {

// Of these, one key's requests hold half at most: they hold at most a quarter of the server's workers
// (server/http/worker_pool.hpp), two of eight.
constexpr std::size_t kForCalls = 4;

base::Status open_into(std::vector<Reader>& readers, const sql::Place& place, std::size_t count) {
  while (readers.size() < count) {
    auto connection = sql::Connection::open(place);
    if (!connection) {
      return connection.error();
    }
    readers.emplace_back(std::move(*connection));
  }
  return {};
}

}  // namespace

base::Result<Readers> open_readers(const sql::Place& place) {
  Readers readers;
  BOATHOUSE_TRY(open_into(readers.for_calls, place, kForCalls));
  BOATHOUSE_TRY(open_into(readers.for_upkeep, place, 1));
  BOATHOUSE_TRY(open_into(readers.for_watch, place, 1));
  return readers;
}

}  // namespace boathouse::ledger
