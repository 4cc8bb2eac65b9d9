#include "server/intake/submission.hpp"

#include <memory>
#include <string>
#include <utility>

#include "server/http/problem.hpp"
#include "server/intake/item_check.hpp"

namespace boathouse::intake {
namespace {

using base::Error;
using base::Result;

// Items between their check and their answer.
struct Batch {
  http::RequestHead head;
  http::Reply reply;
  OnResult on_result;
  base::Uuid replica;             // whose answer it is
  std::vector<wire::Item> items;  // without bodies
  std::vector<Taken> taken;       // of each item, but for its outcome
};

void answer(const Batch& batch, const std::string& epoch, std::vector<wire::ItemResult> results) {
  for (std::size_t i = 0; batch.on_result && i < batch.items.size(); ++i) {
    Taken taken = batch.taken[i];
    taken.outcome = results[i].outcome;
    batch.on_result(taken);
  }
  batch.reply(json_response(wire::encode_reply({epoch, batch.replica, std::move(results)}, batch.items)));
}

// The whole submission failed. Whatever the reason, the device should keep its data and come again.
http::Response ledger_failure(const http::RequestHead& head, ledger::Ledger& ledger, const Error& error) {
  // The key came to its end while the batch waited: as if it had come with it now.
  if (error.code == base::ErrorCode::unauthenticated || error.code == base::ErrorCode::forbidden) {
    return http::problem_response(head, error);
  }
  if (const auto went_back = ledger.went_back()) {
    return went_back_problem(head, went_back->text());
  }
  http::Problem failure = http::make_problem(http::ProblemKind::unavailable,
                                             "nothing of this batch was stored for certain: send the same bytes again");
  failure.note = error.text;
  return http::problem_response(head, failure);
}

}  // namespace

void submit_items(ledger::Ledger& ledger, const OnResult& on_result, const Caller& caller, http::RequestHead head,
                  std::vector<wire::Item> items, http::Reply reply) {
  ledger::Submission submission;
  submission.athlete = caller.athlete;
  submission.replica = caller.replica;
  submission.key = caller.key;

  const auto batch = std::make_shared<Batch>();
  batch->head = std::move(head);
  batch->reply = std::move(reply);
  batch->on_result = on_result;
  batch->replica = caller.replica;
  batch->items = std::move(items);
  submission.entries.reserve(batch->items.size());
  std::size_t unpacked = 0;
  for (wire::Item& item : batch->items) {
    batch->taken.push_back({item.kind, wire::Outcome::stored, item.body.size(), unpacked_bytes(item)});
    unpacked += batch->taken.back().unpacked_bytes;
    submission.entries.push_back(unpacked <= kMaxUnpackedBytes ? check_item(item) : put_off_item(item));
    item.body = {};  // the bytes it shows end with this call
  }
  ledger.submit(std::move(submission), [batch, &ledger](Result<std::vector<wire::ItemResult>> results) {
    if (!results) {
      batch->reply(ledger_failure(batch->head, ledger, results.error()));
      return;
    }
    answer(*batch, ledger.epoch(), std::move(*results));
  });
}

}  // namespace boathouse::intake
