// The sync protocol's door: every call of docs/protocol.md section 6.
//
// Before a body is read: the key (an athlete's; the operator owns no data), the media type, the size, the content
// coding. Items (of a batch, or a chunk's PUT) are opened and checked on a pool thread; what is wrong in one item
// refuses that item alone. All go to the ledger in one submission, the refused ones for its audit alone, and the
// ledger's committer completes the request: the answer is the receipt. The other calls ask the ledger and answer from
// the pool thread.
//
// An athlete sees the own recordings alone; another's is `unknown` or 404, and `mismatch` where it is offered, as its
// birth would be refused.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "core/base/result.hpp"
#include "core/wire/batch.hpp"
#include "server/control/accounts.hpp"
#include "server/http/router.hpp"
#include "server/ledger/ledger.hpp"

namespace boathouse::intake {

// Called once for each item of every answer, from any thread; quick, and throws nothing. Empty = nobody listens.
// An item and what became of it.
struct Taken {
  wire::ItemKind kind = wire::ItemKind::chunk;
  wire::Outcome outcome = wire::Outcome::stored;
  std::size_t bytes = 0;           // of its body, as it came
  std::size_t unpacked_bytes = 0;  // chunk: of its canonical form, as its frame states
};
using OnResult = std::function<void(const Taken&)>;

// A device has seen more of this epoch than the ledger has: the ledger was put back without a new one. As OnResult; not
// where the ledger has noticed by itself (Ledger::went_back()).
struct Ahead {
  base::Uuid athlete;
  std::int64_t known_seq = 0;   // the newest that the device knows
  std::int64_t server_seq = 0;  // the ledger's newest
};
using OnAhead = std::function<void(const Ahead&)>;

// How many records before this number queries count now, of each stream and recording of an athlete; what is missing
// in the answer is not to be known in a moment. `started_ms`: of each of the recordings, ledger::Held's. From any
// thread; throws nothing.
using Records = std::map<rowing::Stream, std::map<base::Uuid, std::uint64_t>>;
using Starts = std::map<base::Uuid, std::int64_t>;
using CountVisible = std::function<Records(const base::Uuid& athlete, const Records& up_to, const Starts& started_ms)>;
// Recordings of which queries count fewer records than the ledger has seen loaded. As OnResult.
using OnMiscounted = std::function<void(const std::vector<base::Uuid>& recordings)>;

// What hello tells the devices, and who is asked and told.
struct Options {
  std::uint64_t batch_bytes = wire::kMaxBatchBytes;
  std::uint64_t batch_items = wire::kMaxBatchItems;
  // So many of the largest batches have room in one key's share of the ledger's queue.
  std::uint64_t in_flight = ledger::Ledger::Options{}.max_queued_bytes_of_a_key / wire::kMaxBatchBytes;
  std::int64_t retry_base_ms = 1000;
  std::int64_t retry_cap_ms = std::int64_t{5} * 60 * 1000;
  std::int64_t backoff_s = 0;
  // Of the receipts that a verified backup covers by the ledger's word, how far it still does; empty: the word counts.
  // From any thread, quick.
  std::function<std::int64_t(std::int64_t told_seq)> backed_up_of = {};
  OnResult on_result = {};
  OnAhead on_ahead = {};
  CountVisible count_visible = {};  // empty: nobody knows, and nothing is `verified`
  OnMiscounted on_miscounted = {};
};

// Accounts and ledger must outlive the routes and every request that they took.
base::Status add_routes(http::RouteTable& routes, control::Accounts& accounts, ledger::Ledger& ledger,
                        const Options& options = {});

}  // namespace boathouse::intake
