// Opens one item of a batch and checks everything that can be known without the ledger. Pure functions.
#pragma once

#include "core/wire/batch.hpp"
#include "server/ledger/ledger.hpp"

namespace boathouse::intake {

inline constexpr std::int64_t kRetryNewerVersionS = 3600;

// What the chunks of one batch may unpack to, together. Honest ones stay far below; without it a few kilobytes could
// keep a worker busy for seconds.
inline constexpr std::size_t kMaxUnpackedBytes = std::size_t{256} << 20;
inline constexpr std::int64_t kRetryUnpackedS = 1;

// What check_item() will unpack.
std::size_t unpacked_bytes(const wire::Item& item);

// `later`, unopened: the items before it in its batch unpack to kMaxUnpackedBytes.
ledger::Entry put_off_item(const wire::Item& item);

// What goes to the ledger. With a refusal, and then without a body: rejected with the place that is wrong, or `later`
// for a version that this server does not know yet, so that the device keeps the item and sends it again when the
// server has been updated.
ledger::Entry check_item(const wire::Item& item);

}  // namespace boathouse::intake
