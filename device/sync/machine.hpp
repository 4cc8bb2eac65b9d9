// One step of the engine at work: what engine.cpp, requests.cpp and replies.cpp share. Only for the sources of this
// folder.
#pragma once

#include <string>
#include <vector>

#include "device/sync/engine.hpp"

namespace boathouse::sync {

class Machine {
 public:
  Machine(EngineState& state, const Moment& moment, std::vector<Command>& commands)
      : state_(state), status_(state.status), moment_(moment), commands_(commands) {}

  // engine.cpp: what happens, waiting, failing.
  void on(const Start&);
  void on(const Tick&);
  void on(const NetworkUp&);
  void on(const NetworkDown&);
  void on(const DataAdded&);
  void on(const SyncNow&);
  void on(const KeyChanged& event);
  void on(const Pause&);
  void on(const Resume&);
  void on(const Foreground&);
  void on(const Stored&);
  void on(const StoreFailed& event);
  // requests.cpp: from what there is to do to the next call.
  void on(const Loaded& event);
  // replies.cpp: what an answer means.
  void on(const HttpResponse& event);
  void on(const HttpFailed& event);

 private:
  [[nodiscard]] std::int64_t now() const { return moment_.monotonic_ms; }
  [[nodiscard]] bool is_awaited(std::uint64_t request_id) const {
    return state_.phase == Phase::sending && request_id + 1 == state_.next_request_id;
  }

  void next();
  void wait(std::int64_t until_ms);
  void show(State shown, std::string reason);
  void fail(State shown, Obstacle obstacle, const std::string& error, std::int64_t least_pause_ms = 0);
  void blame(ErrorDomain domain, int code, bool transient) { status_.failure = {domain, code, transient}; }
  void clear_delay();
  void slow_down();
  void measure(std::uint64_t to_do_bytes);
  [[nodiscard]] std::int64_t backoff_ms(std::uint64_t tries) const;

  void send(Call call, std::string method, std::string path, std::string_view media_type, base::Bytes body);
  void send_hello(const Loaded& work);
  void send_offer(const Loaded& work);
  void send_changes(const Loaded& work);
  void send_batch(const Loaded& work);
  bool send_fetch(const Loaded& work);
  bool send_verify(const Loaded& work);
  void nothing_to_send(const Loaded& work);

  void take_hello(const HttpResponse& response);
  void take_offer(const HttpResponse& response);
  void take_changes(const HttpResponse& response);
  void take_batch(const HttpResponse& response);
  void take_chunk(const HttpResponse& response);
  void take_verified(const HttpResponse& response);
  void take_refusal(const HttpResponse& response);
  void nonsense(const std::string& why);
  void other_ledger();
  void too_large();
  void defer(const base::Uuid& recording, std::int64_t ms);
  void grow_batches();
  void store(Command command);

  EngineState& state_;
  Status& status_;
  const Moment& moment_;
  std::vector<Command>& commands_;
};

}  // namespace boathouse::sync
