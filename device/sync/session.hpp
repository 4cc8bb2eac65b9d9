// What every driver of the engine shares: its steps, the calls of the store that it commands, and the log of its runs.
// Left to the driver: to send requests, to wake it in time, to show its status.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "device/store/store.hpp"
#include "device/sync/engine.hpp"
#include "device/sync/run_log.hpp"

namespace boathouse::sync {

// What a key must look like to go into a header: printable ASCII without blanks, else invalid_input.
base::Status check_key(std::string_view key);

// Thread rule: one thread at a time.
class Session {
 public:
  // All must outlive the session. `athlete`: the key's label in the store.
  Session(store::Store& store, base::Clock& clock, base::RandomSource& random, std::string key, std::string athlete);

  // Does all that follows from an event but for the request to send, if there is one; its answer is the next event but
  // for those from outside. status() tells the rest: call again with Tick at next_try_ms.
  std::optional<Send> take(Event event);

  [[nodiscard]] const Status& status() const { return engine_.status; }
  // A request runs, whose answer is awaited.
  [[nodiscard]] bool busy() const { return engine_.phase != Phase::idle; }

 private:
  void handle_all();
  void handle(const Event& event);
  [[nodiscard]] bool is_left_behind() const;
  [[nodiscard]] Event resumption() const;
  base::Result<Loaded> load(const Load& command);
  void stored(const base::Status& result);
  void execute(Load& command);
  void execute(Send& command) { request_ = std::move(command); }
  void execute(StoreHello& command) { stored(store_.take_hello(engine_.athlete, command.reply)); }
  void execute(StoreChanges& command) { stored(store_.take_changes(engine_.athlete, command.since, command.reply)); }
  void execute(StoreAcks& command) { stored(store_.acknowledge(command.epoch, command.answers)); }
  void execute(StoreBody& command) { stored(store_.take_body(command.id, command.body)); }
  void execute(StoreGivenUp& command) { stored(store_.give_up_fetching(command.id)); }
  void execute(StoreVerified& command) {
    stored(store_.take_verified(command.epoch, command.verified, command.offer_again));
  }
  void execute(WaitUntil&) {}      // status() has it
  void execute(StatusChanged&) {}  // the same

  store::Store& store_;
  base::Clock& clock_;
  base::RandomSource& random_;
  EngineState engine_;
  RunLog log_;
  std::deque<Event> events_;
  std::optional<Send> request_;
  bool interrupted_ = false;  // an exception (no memory) left the engine waiting for an answer that nobody gives
};

}  // namespace boathouse::sync
