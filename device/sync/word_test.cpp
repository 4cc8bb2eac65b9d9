#include "device/sync/word.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace boathouse::sync {
namespace {

struct Case {
  Word word;
  std::function<void(Facts&)> make;
};

// In the order of precedence, each by itself.
const std::vector<Case>& cases() {
  static const std::vector<Case> kCases{
      {Word::storage_low, [](Facts& facts) { facts.disk_free_bytes = 1; }},
      {Word::sign_in_needed, [](Facts& facts) { facts.sync.state = State::needs_auth; }},
      {Word::conflict, [](Facts& facts) { facts.outbox.open_conflicts = 1; }},
      {Word::rejected, [](Facts& facts) { facts.outbox.refused_items = 1; }},
      {Word::limited, [](Facts& facts) { facts.sync.obstacle = Obstacle::limited; }},
      {Word::partial, [](Facts& facts) { facts.outbox.unconfirmed_items = 1; }},
      {Word::pending_online, [](Facts& facts) { facts.outbox.pending_items = 1; }},
      {Word::saved_locally, [](Facts& facts) { facts.outbox.open_rows = 1; }},
  };
  return kCases;
}

Facts quiet() {
  Facts facts;
  facts.sync.state = State::up_to_date;
  return facts;
}

TEST(Word, NothingLeftIsSynced) { EXPECT_EQ(word_of(quiet()), Word::synced); }

TEST(Word, EachFactHasItsWordAndTheEarlierOneGoesFirst) {
  for (std::size_t i = 0; i < cases().size(); ++i) {
    Facts facts = quiet();
    cases()[i].make(facts);
    EXPECT_EQ(word_of(facts), cases()[i].word) << name(cases()[i].word);
    for (std::size_t j = i + 1; j < cases().size(); ++j) {
      Facts both = quiet();
      cases()[j].make(both);
      cases()[i].make(both);
      const Word expected = cases()[i].word == Word::saved_locally ? cases()[j].word : cases()[i].word;
      EXPECT_EQ(word_of(both), expected) << name(cases()[i].word) << " and " << name(cases()[j].word);
    }
  }
}

TEST(Word, StatesOfTheEngine) {
  const std::vector<std::pair<State, Word>> states{
      {State::needs_auth, Word::sign_in_needed}, {State::paused, Word::paused},   {State::offline, Word::offline},
      {State::syncing, Word::syncing},           {State::blocked, Word::partial}, {State::up_to_date, Word::synced}};
  for (const auto& [state, word] : states) {
    Facts facts = quiet();
    facts.sync.state = state;
    EXPECT_EQ(word_of(facts), word) << name(state);
  }
  Facts away = quiet();
  away.sync.state = State::waiting;
  away.sync.obstacle = Obstacle::away;
  EXPECT_EQ(word_of(away), Word::server_away);
  away.sync.state = State::syncing;
  EXPECT_EQ(word_of(away), Word::server_away) << "a try is no answer yet";
  Facts alone = away;
  alone.sync.obstacle = Obstacle::no_network;
  EXPECT_EQ(word_of(alone), Word::offline) << "tries go on, and each is no sign of a network";
  Facts broken = quiet();
  broken.sync.state = State::blocked;
  broken.sync.obstacle = Obstacle::store;
  EXPECT_EQ(word_of(broken), Word::partial) << "no fault of the server's";
}

TEST(Word, AFullCapIsLowOnlyIfNothingCanBeFreed) {
  Facts facts = quiet();
  facts.space.cap = 100;
  facts.space.used = 100;
  EXPECT_EQ(word_of(facts), Word::storage_low);
  facts.space.freeable = 10;
  EXPECT_EQ(word_of(facts), Word::synced);
}

TEST(Word, WithoutAnEngineWhatIsHereIsSavedHere) {
  Facts facts;
  facts.engine_runs = false;
  EXPECT_EQ(word_of(facts), Word::synced);
  facts.outbox.pending_items = 1;
  EXPECT_EQ(word_of(facts), Word::saved_locally);
}

// I12: synced is never said while anything is left, whatever else holds.
TEST(Word, SyncedOnlyIfNothingIsLeft) {
  for (int bits = 0; bits < 64; ++bits) {
    for (const State state : {State::offline, State::waiting, State::syncing, State::up_to_date, State::paused,
                              State::blocked, State::needs_auth}) {
      Facts facts;
      facts.sync.state = state;
      facts.outbox.pending_items = bits & 1;
      facts.outbox.open_rows = bits >> 1 & 1;
      facts.outbox.refused_items = bits >> 2 & 1;
      facts.outbox.unconfirmed_items = bits >> 3 & 1;
      facts.outbox.open_conflicts = bits >> 4 & 1;
      facts.engine_runs = (bits >> 5 & 1) == 0;
      const bool left = (bits & 3) != 0 || (facts.engine_runs && (bits & 28) != 0);
      if (left) {
        EXPECT_NE(word_of(facts), Word::synced) << bits << name(state);
      }
    }
  }
}

TEST(Safety, OfOneSession) {
  store::RecordingInfo info;
  info.items = 4;
  info.pending_items = 4;
  EXPECT_EQ(safety_of(info), Safety::on_this_device);
  info.pending_items = 2;
  EXPECT_EQ(safety_of(info), Safety::partly);
  info.pending_items = 0;
  EXPECT_EQ(safety_of(info), Safety::partly) << "it still runs";
  info.ended = true;
  EXPECT_EQ(safety_of(info), Safety::safe);
  info.verified = true;
  EXPECT_EQ(safety_of(info), Safety::verified);
  info.refused_items = 1;
  EXPECT_EQ(safety_of(info), Safety::partly);
}

}  // namespace
}  // namespace boathouse::sync
