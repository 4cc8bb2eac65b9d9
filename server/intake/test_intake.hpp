// For tests of the intake: items with bodies that open, and a fixture with accounts, a real ledger and the routes.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/json.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/wire/batch.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/edit.hpp"
#include "core/wire/facts.hpp"
#include "server/control/test_call.hpp"
#include "server/intake/intake.hpp"

namespace boathouse::intake {

using rowing::Stream;
using wire::ItemKind;
using wire::ItemResult;
using wire::Outcome;

inline constexpr const char* kReplica = "018bcfe5-6800-7abc-8def-0123456789ab";

inline base::Uuid uuid(std::uint8_t last) {
  base::Uuid id;
  id.bytes[6] = 0x70;
  id.bytes[15] = last;
  return id;
}

// An item with its body.
struct Owned {
  wire::Item item;
  base::Bytes body;
};

inline Owned birth(const base::Uuid& rec_id) {
  rowing::Birth facts;
  facts.rec_id = rec_id;
  facts.started_ms = 1'700'000'000'000;
  const std::string json = wire::encode_birth(facts);
  Owned owned;
  owned.item.kind = ItemKind::birth;
  owned.item.rec_id = rec_id;
  owned.body.assign(json.begin(), json.end());
  owned.item.sha256 = base::sha256(owned.body);
  return owned;
}

inline Owned seal(const base::Uuid& rec_id, std::uint32_t revision) {
  rowing::Seal facts;
  facts.rec_id = rec_id;
  facts.revision = revision;
  facts.streams[Stream::sample] = {10, base::Digest{}};
  const std::string json = wire::encode_seal(facts);
  Owned owned;
  owned.item.kind = ItemKind::seal;
  owned.item.rec_id = rec_id;
  owned.item.revision = revision;
  owned.body.assign(json.begin(), json.end());
  owned.item.sha256 = base::sha256(owned.body);
  return owned;
}

inline Owned edit_of(rowing::Edit facts, const base::Uuid& session, const base::Uuid& op_id) {
  facts.op_id = op_id;
  facts.op_seq = 1;
  facts.stamp = {1'700'000'000'000, 0};
  facts.session = session;
  const std::string json = wire::encode_edit(facts);
  Owned owned;
  owned.item.kind = ItemKind::edit;
  owned.item.rec_id = session;
  owned.item.op_id = op_id;
  owned.body.assign(json.begin(), json.end());
  owned.item.sha256 = base::sha256(owned.body);
  return owned;
}

inline Owned edit(const base::Uuid& session, const base::Uuid& op_id, const std::string& title = "5 x 500") {
  rowing::Edit facts;
  facts.text = title;
  return edit_of(facts, session, op_id);
}

inline Owned note(const base::Uuid& session, const base::Uuid& op_id, const std::string& notes) {
  rowing::Edit facts;
  facts.field = rowing::EditField::notes;
  facts.text = notes;
  return edit_of(facts, session, op_id);
}

// True for `deleted` or `purged`.
inline Owned flag(const base::Uuid& session, const base::Uuid& op_id, rowing::EditField field) {
  rowing::Edit facts;
  facts.field = field;
  facts.flag = true;
  return edit_of(facts, session, op_id);
}

inline std::vector<rowing::Record> records(Stream stream, std::size_t count, std::int64_t first = 1) {
  std::vector<rowing::Record> result;
  for (std::size_t i = 0; i < count; ++i) {
    rowing::Record record;
    record.stream = stream;
    if (stream == Stream::source) {
      record.bytes = std::to_string(first) + "," + std::to_string(i);
    } else {
      record.values.assign(rowing::metrics(stream).size(), rowing::kNull);
      record.values[0] = first + static_cast<std::int64_t>(i);
    }
    result.push_back(std::move(record));
  }
  return result;
}

inline Owned chunk(const base::Uuid& rec_id, Stream stream, std::uint64_t from, std::size_t count,
                   std::int64_t first = 1) {
  const auto sealed = wire::seal_chunk(stream, from, records(stream, count, first));
  EXPECT_TRUE(sealed) << sealed.error().text;
  Owned owned;
  owned.item.kind = ItemKind::chunk;
  owned.item.rec_id = rec_id;
  owned.item.stream = stream;
  owned.item.from = sealed->from;
  owned.item.to = sealed->to;
  owned.item.version = sealed->version;
  owned.item.sha256 = sealed->sha256;
  owned.body = sealed->body;
  return owned;
}

inline std::string batch_of(const std::vector<Owned>& items) {
  wire::BatchWriter writer;
  for (const Owned& owned : items) {
    wire::Item item = owned.item;
    item.body = owned.body;
    writer.add(item);
  }
  const base::Bytes bytes = writer.take();
  return {bytes.begin(), bytes.end()};
}

class IntakeTest : public testing::Test {
 protected:
  IntakeTest() {
    accounts_ = *control::Accounts::open(folder_.path(), clock_, random_);
    ledger_ = *ledger::Ledger::open({.place = {.sqlite_file = folder_.file("ledger.db")},
                                     .check_key =
                                         [this](const base::Uuid& key) {
                                           before_storing_();
                                           return accounts_->check_in_force(key);
                                         }},
                                    clock_, random_);
    operator_key_ = accounts_->create_operator_key()->text;
    const auto anna = accounts_->create_athlete_key("Anna");
    anna_ = anna->key.athlete->id;
    anna_key_ = anna->key.id;
    headers_.add("Authorization", "Bearer " + anna->text);
    headers_.add("Content-Type", wire::kBatchMediaType);
    headers_.add("Boathouse-Replica", kReplica);
    Options options;
    options.backed_up_of = [this](std::int64_t told_seq) { return std::min(told_seq, backed_up_); };
    options.count_visible = [this](const base::Uuid& athlete, const Records& up_to, const Starts& started_ms) {
      EXPECT_EQ(athlete, anna_);
      started_ms_ = started_ms;
      ++counts_asked_;
      return visible_ ? visible_(up_to) : up_to;
    };
    options.on_miscounted = [this](const std::vector<base::Uuid>& recordings) { miscounted_ = recordings; };
    EXPECT_TRUE(add_routes(routes_, *accounts_, *ledger_, options));
  }

  http::Response post(std::string body) { return post(std::move(body), headers_); }
  http::Response post(std::string body, http::Headers headers) {
    return control::call(routes_, {.method = http::Method::post,
                                   .target = "/v1/sync/batch",
                                   .headers = std::move(headers),
                                   .body = std::move(body)});
  }
  http::Headers with(std::string_view name, std::string_view value) {
    http::Headers headers = headers_;
    headers.set(name, value);
    return headers;
  }
  std::vector<ItemResult> results(const http::Response& response, std::size_t count) {
    EXPECT_EQ(response.status, 200) << response.body;
    auto reply = wire::decode_reply(response.body, count);
    EXPECT_TRUE(reply) << reply.error().text;
    EXPECT_EQ(reply->epoch, ledger_->epoch());
    EXPECT_EQ(reply->replica_id.text(), kReplica);
    return reply->results;
  }
  std::vector<ItemResult> send(const std::vector<Owned>& items) { return results(post(batch_of(items)), items.size()); }
  // A call without a body of its own media type: JSON up, or nothing.
  http::Response json(const std::string& target, std::string body) {
    http::Headers headers = with("Content-Type", "application/json");
    return control::call(routes_, {http::Method::post, target, std::move(headers), std::move(body)});
  }
  http::Response get(const std::string& target) {
    return control::call(routes_, {http::Method::get, target, headers_, ""});
  }
  // As if ClickHouse had it all; what it counts of it is `visible_`.
  void load_everything() {
    while (true) {
      const auto block = *ledger_->next_block(1'000'000, 1'000'000);
      if (!block) {
        return;
      }
      EXPECT_TRUE(ledger_->finish_block(block->block_id));
    }
  }
  // From now on Ben calls.
  void become_ben() { headers_.set("Authorization", "Bearer " + accounts_->create_athlete_key("Ben")->text); }
  static std::string detail(const http::Response& response) {
    const auto problem = base::parse_json(response.body);
    EXPECT_TRUE(problem) << response.body;
    const auto* text = problem ? problem->find("detail") : nullptr;
    return text != nullptr && text->text() != nullptr ? *text->text() : "";
  }

  control::TemporaryFolder folder_;
  base::ManualClock clock_{1'700'000'000'000};
  base::SystemRandom random_;
  std::unique_ptr<control::Accounts> accounts_;
  std::function<void()> before_storing_ = [] {};  // on the committer's thread
  std::unique_ptr<ledger::Ledger> ledger_;
  // What ClickHouse counts; empty: all that the ledger has seen loaded.
  std::function<Records(const Records& up_to)> visible_;
  int counts_asked_ = 0;
  Starts started_ms_;  // that it was asked with
  std::vector<base::Uuid> miscounted_;
  http::RouteTable routes_;
  http::Headers headers_;
  std::int64_t backed_up_ = std::numeric_limits<std::int64_t>::max();  // how far backups are there
  base::Uuid anna_;
  base::Uuid anna_key_;
  std::string operator_key_;
};

}  // namespace boathouse::intake
