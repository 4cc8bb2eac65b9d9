// Reading answers: what one that is no success says, and what one to a batch means beyond its words.
#pragma once

#include <span>
#include <string>

#include "core/wire/batch.hpp"
#include "device/sync/engine.hpp"

namespace boathouse::sync {

// "403 (this key may not write)": the status and, from a problem document (RFC 9457), its detail or title. Never longer
// than 300 bytes; other bodies (HTML of a proxy) are not repeated.
std::string describe_error(const HttpResponse& response);

// A chunk or seal whose birth has to wait is no item to refuse, whatever the server says about it: `rejected` becomes
// `later`. As many results as items, in their order.
void put_off_orphans(std::span<const InFlight> items, std::span<wire::ItemResult> results);

}  // namespace boathouse::sync
