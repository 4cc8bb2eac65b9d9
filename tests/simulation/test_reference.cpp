#include "tests/simulation/test_reference.hpp"

#include <algorithm>
#include <utility>

#include "core/base/sha256.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/facts.hpp"
#include "device/store/test_store.hpp"

namespace boathouse::simulation {

using rowing::Stream;
using store::Acknowledgement;
using wire::ItemKind;

namespace {

bool is_receipt(const Acknowledgement& answer) {
  return answer.outcome == wire::Outcome::stored || answer.outcome == wire::Outcome::duplicate;
}

std::string number(std::uint64_t value) { return std::to_string(value); }

// Nobody but the hash decides what an item is, so it must be right before the server looks at anything else.
bool has_its_hash(const store::PendingItem& item) {
  if (item.kind == ItemKind::chunk) return wire::open_chunk(item.body, item.sha256).ok();
  return base::sha256(item.body) == item.sha256;
}

// Once each: what the sync engine meets of refusals.
wire::Outcome first_answer(const store::PendingItem& item) {
  if (item.kind != ItemKind::chunk || item.from != 0) return wire::Outcome::stored;
  if (item.stream == Stream::stroke) return wire::Outcome::mismatch;
  if (item.stream == Stream::summary) return wire::Outcome::rejected;
  if (item.stream == Stream::split) return wire::Outcome::later;
  return wire::Outcome::stored;
}

}  // namespace

store::PendingQuery everything() {
  store::PendingQuery query;
  query.max_bytes = std::size_t{1} << 40;
  query.max_items = 1'000'000;
  query.athlete = kAthlete;
  return query;
}

Truths read_all(store::Store& store, Problems& problems) {
  Truths truths;
  const auto infos = store.recordings();
  if (!infos) {
    problems.push_back("recordings: " + infos.error().text);
    return truths;
  }
  for (const store::RecordingInfo& info : *infos) {
    Truth& truth = truths[info.birth.rec_id];
    truth.birth = wire::encode_birth(info.birth);
    for (const auto& [stream, counts] : info.streams) {
      auto records = store.records(info.birth.rec_id, stream, 0, 1'000'000);
      if (!records) {
        problems.push_back("records: " + records.error().text);
        continue;
      }
      if (records->size() != counts.records) {
        problems.push_back(std::string(rowing::name(stream)) + ": " + number(records->size()) +
                           " records are there, counted are " + number(counts.records));
      }
      truth.records[stream] = std::move(*records);
    }
  }
  return truths;
}

// ---- The server ----

std::vector<Acknowledgement> ReferenceServer::take(std::span<const store::PendingItem> items, Problems& problems) {
  std::vector<Acknowledgement> answers;
  for (const store::PendingItem& item : items) {
    const Key key = key_of(item);
    const std::string what = std::string(wire::name(item.kind)) + " " + std::string(rowing::name(item.stream)) + " " +
                             number(std::get<3>(key)) + " of " + item.rec_id.text();
    offered_.insert(key);
    Acknowledgement& answer = answers.emplace_back();
    answer.id = item.id;
    if (const auto found = ledger_.find(key); found != ledger_.end()) {
      if (found->second.sha256 != item.sha256) problems.push_back(what + ": offered with another content than before");
      answer.outcome = wire::Outcome::duplicate;
      answer.server_seq = found->second.seq;
      continue;
    }
    if (!has_its_hash(item)) problems.push_back(what + ": the body does not have its hash");
    answer.outcome = refuses_ && refused_.insert(key).second ? first_answer(item) : wire::Outcome::stored;
    if (answer.outcome == wire::Outcome::stored) {
      answer.server_seq = static_cast<std::int64_t>(ledger_.size()) + 1;
      ledger_[key] = {item.sha256, answer.server_seq, item.body};
    } else {
      answer.detail = "not the first time";
    }
  }
  return answers;
}

ReferenceServer::Key ReferenceServer::key_of(const store::PendingItem& item) {
  if (item.kind == ItemKind::edit) return {item.op_id, item.kind, Stream::sample, 0};
  return {item.rec_id, item.kind, item.stream, item.kind == ItemKind::seal ? item.revision : item.from};
}

void ReferenceServer::take_from_elsewhere(std::span<const store::PendingItem> items) {
  for (const store::PendingItem& item : items) {
    const std::int64_t seq = static_cast<std::int64_t>(ledger_.size()) + 1;
    ledger_[key_of(item)] = {item.sha256, seq, item.body, true};
    feed_.push_back(store::change_of(item, seq));
  }
}

base::ByteView ReferenceServer::body(const store::AwayChunk& chunk) const {
  const auto found = ledger_.find({chunk.rec_id, ItemKind::chunk, chunk.stream, chunk.from});
  return found == ledger_.end() ? base::ByteView() : base::ByteView(found->second.body);
}

void fetch_all(store::Store& store, const ReferenceServer& server, Problems& problems) {
  const auto infos = store.recordings();
  if (!infos) return;
  for (const store::RecordingInfo& info : *infos) {
    if (const auto wanted = store.fetch(info.birth.rec_id); !wanted)
      problems.push_back("fetch: " + wanted.error().text);
  }
  const auto wanted = store.wanted(kAthlete, 100'000);
  if (!wanted) return problems.push_back("wanted: " + wanted.error().text);
  for (const store::AwayChunk& chunk : *wanted) {
    const base::ByteView body = server.body(chunk);
    if (body.empty()) {
      problems.push_back("removed here, and not with the server: " + std::string(rowing::name(chunk.stream)) + " of " +
                         chunk.rec_id.text());
    } else if (const auto taken = store.take_body(chunk.id, body); !taken) {
      problems.push_back("a fetched chunk: " + taken.error().text);
    }
  }
}

void ReferenceServer::check_everything_came(Problems& problems) const {
  for (const auto& [key, stored] : ledger_) {
    if (!stored.elsewhere && !offered_.contains(key)) {
      problems.push_back("the device has lost " + std::string(wire::name(std::get<1>(key))) + " " +
                         std::string(rowing::name(std::get<2>(key))) + " " + number(std::get<3>(key)) + " of " +
                         std::get<0>(key).text());
    }
  }
}

// ---- The model ----

void Model::found(store::Store& store, Problems& problems) {
  const auto infos = store.recordings();
  const auto status = store.status();
  if (!infos || !status) return problems.push_back("what is there before the script cannot be read");
  for (const store::RecordingInfo& info : *infos) {
    Promise& promise = promises_[info.birth.rec_id];
    promise.begun = true;
    promise.ended = info.ended;
    for (const auto& [stream, counts] : info.streams) {
      promise.records[static_cast<std::size_t>(stream)] = counts.records;
    }
  }
  // Of an epoch that ends with the script's first answer.
  feeding(status->items - status->pending_items - status->refused_items);
}

void Model::acknowledging(std::span<const Acknowledgement> answers) {
  for (const Acknowledgement& answer : answers) {
    if (is_receipt(answer)) {
      receipts_maybe_.insert(answer.id);
    } else if (answer.outcome != wire::Outcome::later) {
      refused_maybe_.insert(answer.id);
    }
  }
}

void Model::acknowledged(std::span<const Acknowledgement> answers) {
  for (const Acknowledgement& answer : answers) {
    if (is_receipt(answer)) receipts_.insert(answer.id);
  }
}

void Model::check(store::Store& store, const Truths& truths, const std::vector<base::Uuid>& imports, bool complete,
                  Problems& problems) const {
  const Truths found = read_all(store, problems);
  const auto infos = store.recordings();
  if (!infos) return;
  for (const store::RecordingInfo& info : *infos) {
    const auto truth = truths.find(info.birth.rec_id);
    if (truth == truths.end()) {
      problems.push_back("a recording that nobody made: " + info.birth.rec_id.text());
      continue;
    }
    const bool whole = complete || std::ranges::find(imports, info.birth.rec_id) != imports.end();
    check_recording(info, found.at(info.birth.rec_id), truth->second, whole, problems);
  }
  for (const auto& [rec_id, promise] : promises_) {
    if (promise.begun && !found.contains(rec_id)) problems.push_back("recording " + rec_id.text() + " is lost");
  }
  for (const auto& [rec_id, truth] : truths) {
    if (complete && !found.contains(rec_id)) problems.push_back("recording " + rec_id.text() + " is missing");
  }
  const auto is_there = [&](const base::Uuid& rec_id) { return found.contains(rec_id); };
  const auto there = static_cast<std::size_t>(std::ranges::count_if(imports, is_there));
  if (there != 0 && there != imports.size()) problems.push_back("a part of an import");
  if (there < imported_.size()) problems.push_back("a committed import is lost");
  check_receipts(store, problems);
}

void Model::check_recording(const store::RecordingInfo& info, const Truth& found, const Truth& truth, bool complete,
                            Problems& problems) const {
  const std::string who = info.birth.rec_id.text() + ": ";
  Promise promise;
  if (const auto known = promises_.find(info.birth.rec_id); known != promises_.end()) promise = known->second;
  if (found.birth != truth.birth) problems.push_back(who + "another birth: " + found.birth);
  if ((promise.ended || complete) && !info.ended) problems.push_back(who + "not ended");
  std::uint64_t total = 0;
  for (const Stream stream : rowing::kStreams) {
    static const std::vector<rowing::Record> kNone;
    const auto has = found.records.find(stream);
    const auto should = truth.records.find(stream);
    const auto& records = has == found.records.end() ? kNone : has->second;
    const auto& expected = should == truth.records.end() ? kNone : should->second;
    const std::string where = who + std::string(rowing::name(stream)) + ": ";
    const std::uint64_t promised = complete ? expected.size() : promise.records[static_cast<std::size_t>(stream)];
    total += records.size();
    if (records.size() < promised) {
      problems.push_back(where + number(records.size()) + " records, promised were " + number(promised));
    }
    if (records.size() > expected.size()) {
      problems.push_back(where + number(records.size()) + " records, there were only " + number(expected.size()));
    } else if (!std::equal(records.begin(), records.end(), expected.begin())) {
      problems.push_back(where + "other records than were given");
    }
  }
  if (total < promise.total) {
    problems.push_back(who + number(total) + " records in all, promised were " + number(promise.total));
  }
}

// Each item is pending, refused or has a receipt; pending are exactly those that no answer has reached.
void Model::check_receipts(store::Store& store, Problems& problems) const {
  const auto status = store.status();
  const auto pending = store.pending(everything());
  if (!status || !pending) {
    problems.push_back("the outbox cannot be read: " + (status ? pending.error() : status.error()).text);
    return;
  }
  for (const store::PendingItem& item : *pending) {
    if (receipts_.contains(item.id)) problems.push_back("item " + std::to_string(item.id) + " has lost its receipt");
  }
  if (pending->size() != status->pending_items) {
    problems.push_back(number(pending->size()) + " items pending, the status says " + number(status->pending_items));
  }
  const std::uint64_t receipts = status->items - status->pending_items - status->refused_items;
  const std::uint64_t least = receipts_.size() + receipts_more_;
  const std::uint64_t most = receipts_maybe_.size() + receipts_maybe_more_;
  if (receipts < least || receipts > most) {
    problems.push_back(number(receipts) + " items with a receipt, told were " + number(least) + " to " + number(most));
  }
  if (status->refused_items > refused_maybe_.size()) {
    problems.push_back(number(status->refused_items) + " items refused, told were " + number(refused_maybe_.size()));
  }
}

}  // namespace boathouse::simulation
