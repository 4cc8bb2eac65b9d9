// Items on their way into the ledger, and the reply of docs/protocol.md section 5 that the commit completes.
#pragma once

#include <vector>

#include "core/wire/batch.hpp"
#include "server/http/router.hpp"
#include "server/intake/admission.hpp"
#include "server/intake/intake.hpp"
#include "server/ledger/ledger.hpp"

namespace boathouse::intake {

// Opens and checks each item (their bodies must live until this returns), submits them all, the refused ones for the
// audit, and replies with one result per item, in order: from the committer's thread.
// `head` is for a problem's instance and request id. `ledger` must outlive the reply. Any thread.
void submit_items(ledger::Ledger& ledger, const OnResult& on_result, const Caller& caller, http::RequestHead head,
                  std::vector<wire::Item> items, http::Reply reply);

}  // namespace boathouse::intake
