// Opens one item of a batch and checks everything that can be known without the ledger. Pure functions.
#pragma once

#include "core/wire/batch.hpp"
#include "server/ledger/ledger.hpp"

namespace boathouse::intake {

inline constexpr std::int64_t kRetryNewerVersionS = 3600;

// What goes to the ledger. With a refusal, and then without a body: rejected with the place that is wrong, or `later`
// for a version that this server does not know yet, so that the device keeps the item and sends it again when the
// server has been updated.
ledger::Entry check_item(const wire::Item& item);

}  // namespace boathouse::intake
