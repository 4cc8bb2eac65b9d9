// The sync engine: events in, commands out. One request is in flight at a time; what an answer means is decided here,
// what it changes is committed by the store before the next request goes out. Nothing pending is ever dropped: an item
// leaves the outbox by a receipt only, or is set aside, visibly, because the server refused it.
//
// Each round the engine loads what there is to do and makes the first call that is needed: hello (at the start, after a
// new epoch, when a person asks, else every kHelloEveryMs), offer (after a new epoch: what the server lacks goes first,
// the receipts of the rest come with the feed), changes (until the feed is read), batch (until nothing is pending), one
// fetched chunk, verify. docs/protocol.md section 6 has the calls.
//
// A driver executes the commands in order, each to its end, and reports back with the event named beside it. Pure; any
// thread, one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "device/store/store.hpp"
#include "device/store/types.hpp"

namespace boathouse::sync {

inline constexpr std::int64_t kBackoffBaseMs = 1000;  // full jitter: random(0, min(cap, base * 2^failures))
inline constexpr std::int64_t kBackoffCapMs = 300 * 1000;
inline constexpr std::int64_t kMinTryMs = 5000;  // between tries when the network comes and goes
inline constexpr std::int64_t kMaxRetryAfterMs = 3600 * 1000;
inline constexpr std::int64_t kOversizeRetryMs = 3600 * 1000;  // an item that is alone too large for the server
inline constexpr std::int64_t kOutdatedRetryMs = 3600 * 1000;  // after a 426; a person's wish goes before
inline constexpr std::int64_t kMinLaterMs = 1000;
inline constexpr std::int64_t kHelloEveryMs = 15 * 60 * 1000;  // for what other devices did
inline constexpr std::int64_t kVerifyBaseMs = 2000;  // until queries count what was stored; doubles up to kBackoffCapMs
inline constexpr std::uint32_t kGrowAfter = 8;       // good batches before one that was halved (413) is doubled again
inline constexpr std::size_t kMinBatchBytes = 1024;
inline constexpr std::size_t kMaxDeferred = 10'000;  // recordings or items; more make everything wait

enum class State : std::uint8_t {
  offline,  // the host says there is no network, or the last try found none; such tries go on
  waiting,  // for the next try (next_try_ms) or for open rows to be sealed
  syncing,
  up_to_date,  // nothing pending, nothing refused, nothing unsealed, under the server's current epoch
  paused,      // by a person
  blocked,     // see reason; something must be done about it, retries go on where they make sense
  needs_auth,  // the server does not take the key; no retries until it changes
};
std::string_view name(State state);

// What the last try ended at; none after a good answer.
enum class Obstacle : std::uint8_t {
  none,
  away,       // no answer, not one of this protocol, or the server's own trouble (5xx)
  limited,    // the server asked for a pause: 429, Retry-After, hello's wish
  refused,    // the request as such: 4xx
  store,      // this device's database
  no_network  // no answer, and nothing shows that there is a network at all
};

// Where the last failure happened, and what the numbers of its code are.
enum class ErrorDomain : std::uint8_t {
  none,
  network,   // no answer; no code
  http,      // the answer's status
  protocol,  // an answer that is none of this protocol: its status
  store      // base::ErrorCode
};
std::string_view name(ErrorDomain domain);

struct Failure {
  ErrorDomain domain = ErrorDomain::none;
  int code = 0;
  bool transient = false;  // may pass by itself; otherwise somebody has to do something
  bool operator==(const Failure&) const = default;
};

struct Status {
  State state = State::waiting;
  Obstacle obstacle = Obstacle::none;
  std::string reason;               // for a person; "" when there is nothing to say
  std::uint64_t pending_items = 0;  // in the outbox, as of the last look
  std::uint64_t pending_bytes = 0;
  std::uint64_t open_rows = 0;      // recorded, not yet sealed
  std::uint64_t refused_items = 0;  // by the server; kept and shown
  std::uint64_t wanted_chunks = 0;  // to be fetched, as of the last look (at least)
  std::uint64_t unproven = 0;       // recordings that the server counts differently than this device
  std::uint64_t uncounted = 0;      // recordings that the server has, but queries do not count yet, at the last rest
  bool deferred =
      false;  // some of the pending items wait longer: the server said `later`, or an item is too large for it
  std::uint64_t requests = 0;  // of this engine's life, as are the following
  std::uint64_t sent_items = 0;
  std::uint64_t sent_bytes = 0;  // of request bodies
  std::uint64_t stored_items = 0;
  std::uint64_t duplicate_items = 0;
  std::uint64_t mismatched_items = 0;
  std::uint64_t rejected_items = 0;
  std::uint64_t received_changes = 0;  // entries of the feed
  std::uint64_t fetched_chunks = 0;
  std::uint64_t verified_recordings = 0;
  std::uint64_t failed_requests = 0;   // no answer, or not a good one
  std::uint64_t nonsense_replies = 0;  // of these: an answer that is not this protocol (captive portal, broken proxy)
  std::uint64_t consecutive_failures = 0;
  std::optional<std::int64_t> next_try_ms;  // on the driver's monotonic clock
  std::optional<std::int64_t> last_success_ms;
  std::optional<std::int64_t> last_success_utc_ms;  // the same moment by the wall clock, for show
  std::string last_error;                           // "" = none since the last success
  Failure failure;                                  // the same for programs
  // A run is what is done from one rest to the next: tries that fail and the pauses between them belong to it.
  std::uint64_t runs = 0;         // begun; the next two are of the last one
  std::uint64_t done_bytes = 0;   // of bodies, both ways; never goes back
  std::uint64_t total_bytes = 0;  // grows with what is added meanwhile; equals done_bytes when nothing is left to do

  bool operator==(const Status&) const = default;
};

// --- events ---
struct Start {};
struct Tick {};
struct NetworkUp {};
struct NetworkDown {};
struct DataAdded {};  // the outbox may have grown
struct SyncNow {};    // a person asks: ignores the back-off, never a Retry-After
struct KeyChanged {
  std::string key;  // "" = signed out
};
struct Pause {};
struct Resume {};
struct Foreground {};  // a person looks: clears the back-off once, as a network that comes back does
struct Loaded {        // after Load; `outbox` is to be read first, so that what comes in between is in what follows
  store::StoreStatus outbox;
  store::Account account;
  std::vector<store::PendingItem> items;
  std::vector<store::AwayChunk> wanted;
  std::vector<wire::VerifyQuestion> unverified;  // only if there are no items: they go first
  std::vector<store::PendingRange> ranges;       // only if they were asked for
  store::ToDo to_do;                             // for this athlete; told to the server
  std::int64_t oldest_age_s = 0;                 // of what is pending in it, by the device's clock; decides nothing
};
struct Stored {};  // after each of the Store... commands
struct StoreFailed {
  base::Error error;
};                     // after Load and each of the Store... commands
struct HttpResponse {  // after Send
  std::uint64_t request_id = 0;
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};
struct HttpFailed {  // after Send: no answer
  std::uint64_t request_id = 0;
  std::string error;
  bool no_network = false;  // the driver sees no network that could have led to the server
};

using Event = std::variant<Start, Tick, NetworkUp, NetworkDown, DataAdded, SyncNow, KeyChanged, Pause, Resume,
                           Foreground, Loaded, Stored, StoreFailed, HttpResponse, HttpFailed>;

// --- commands ---
struct Load {
  store::PendingQuery query;
  std::size_t max_ranges = 0;  // how many pending ranges, too
};                             // answer: Loaded or StoreFailed
struct Send {                  // answer: HttpResponse or HttpFailed
  std::uint64_t request_id = 0;
  std::string method;
  std::string path;
  std::vector<std::pair<std::string, std::string>> headers;
  base::Bytes body;
};
// Each is one call of the store of the same meaning; answer: Stored or StoreFailed.
struct StoreHello {
  wire::HelloReply reply;
};
struct StoreChanges {
  std::int64_t since = 0;
  wire::ChangesReply reply;
};
struct StoreAcks {
  std::string epoch;
  std::vector<store::Acknowledgement> answers;
};
struct StoreBody {
  std::int64_t id = 0;
  base::Bytes body;
};
struct StoreGivenUp {
  std::int64_t id = 0;
};
struct StoreVerified {
  std::string epoch;
  std::vector<store::VerifiedRecording> verified;
  std::vector<base::Uuid> offer_again;  // the server lacks what it had confirmed
};
struct WaitUntil {
  std::int64_t monotonic_ms = 0;
};  // answer: Tick then (earlier ones do no harm)
struct StatusChanged {
  Status status;
};  // no answer

using Command = std::variant<Load, Send, StoreHello, StoreChanges, StoreAcks, StoreBody, StoreGivenUp, StoreVerified,
                             WaitUntil, StatusChanged>;

// Comes in with each event.
struct Moment {
  std::int64_t monotonic_ms = 0;
  std::uint64_t random = 0;  // 64 even bits, new each time
  std::int64_t utc_ms = 0;   // for show: decides nothing
};

enum class Phase : std::uint8_t { idle, loading, sending, storing };
enum class Call : std::uint8_t { hello, offer, changes, batch, fetch, verify };

struct InFlight {
  std::int64_t id = 0;
  wire::ItemKind kind = wire::ItemKind::chunk;
  base::Uuid rec_id;
};

// What the running Store... command will have brought, once it is durable.
struct Tally {
  std::uint64_t stored = 0;
  std::uint64_t duplicate = 0;
  std::uint64_t mismatched = 0;
  std::uint64_t rejected = 0;
  std::uint64_t changes = 0;
  std::uint64_t chunks = 0;
  std::uint64_t verified = 0;
};

// Everything the engine remembers. Copyable; not to be changed by others. What must survive a restart is in the store.
struct EngineState {
  store::Identity identity;
  std::string key;
  std::string athlete;  // label of the key in the store
  Phase phase = Phase::idle;
  Call call = Call::hello;  // of the running request
  std::string sent_key;     // with it
  bool started = false;
  bool paused = false;
  bool online = true;
  Status status;
  std::size_t batch_bytes = wire::kTargetBatchBytes;
  std::size_t batch_items = wire::kMaxBatchItems;
  std::uint64_t next_request_id = 1;
  std::vector<InFlight> in_flight;                         // of the running request, in the order of the batch
  std::map<std::int64_t, std::int64_t> deferred_items;     // not before: alone too large for the server
  std::map<base::Uuid, std::int64_t> deferred_recordings;  // not before: the server said `later`
  Tally tally;
  bool hello_due = true;
  bool changes_due = false;
  bool offer_due = false;
  std::vector<store::PendingRange> offered;  // by the running offer
  std::set<std::int64_t> held;               // items that the server has: the feed brings their receipts
  std::int64_t next_hello_ms = 0;
  std::int64_t since = 0;         // of the running changes
  std::int64_t fetching = 0;      // item of the running fetch
  std::vector<base::Uuid> asked;  // of the running verify, in its order
  std::map<base::Uuid, std::uint32_t> asked_revisions;
  std::set<base::Uuid> unproven;                            // not asked again before the next hello
  std::set<base::Uuid> uncounted;                           // answered `stored`: their turn is after the others'
  std::size_t verify_at_once = wire::kMaxVerifyRecordings;  // fewer while the server counts none of so many
  std::int64_t verify_at_ms = 0;                            // not before
  std::uint64_t verify_pauses = 0;                          // in a row
  std::int64_t retry_base_ms = kBackoffBaseMs;
  std::int64_t retry_cap_ms = kBackoffCapMs;
  std::size_t max_batch_bytes = wire::kTargetBatchBytes;  // of the server and this program
  std::size_t max_batch_items = wire::kMaxBatchItems;
  std::optional<std::int64_t> last_try_ms;
  std::int64_t soft_until_ms = 0;  // back-off
  std::int64_t hard_until_ms = 0;  // Retry-After
  bool data_added = false;         // while the outbox was being read
  bool key_refused = false;
  std::uint32_t good_batches = 0;  // since the batch size was last changed
  std::uint64_t slow_downs = 0;    // replies in a row that brought nothing forward
  std::string epoch;               // of the last good reply
  bool resting = true;             // no run is going on
  std::uint64_t to_do_bytes = 0;   // as of the last look
};

EngineState make_engine(const store::Identity& identity, std::string key, std::string athlete);

struct Step {
  EngineState state;
  std::vector<Command> commands;
};

Step step(EngineState state, const Event& event, const Moment& moment);

}  // namespace boathouse::sync
