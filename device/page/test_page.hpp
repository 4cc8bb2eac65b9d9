// What tests of the page share: a page over a store of its own, with an engine that they play themselves.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/json.hpp"
#include "device/page/page.hpp"
#include "device/store/test_store.hpp"

namespace boathouse::page {

struct TestPage {
  // What `name` of the table answers, as JSON; an error is told by its code.
  base::Result<base::JsonValue> ask(std::string_view name, Question question = {}) {
    for (const Endpoint& endpoint : Page::endpoints()) {
      if (endpoint.name != name) continue;
      const auto answer = page.answer(endpoint, question);
      if (!answer) return answer.error();
      return base::parse_json(*answer);
    }
    throw std::invalid_argument("no endpoint " + std::string(name));
  }

  store::TestStore store;
  sync::Status status;
  std::vector<std::string> asked;  // of the device around the store
  std::optional<base::Uuid> rowing;
  std::uint64_t disk_free = std::uint64_t{10} << 30;

  Controls controls() {
    Controls made;
    made.status = [this] { return status; };
    made.sync_now = [this] { asked.emplace_back("sync"); };
    made.pause = [this](bool paused) { asked.emplace_back(paused ? "pause" : "resume"); };
    made.data_added = [this] { asked.emplace_back("data"); };
    made.sign_in = [this](const std::string& key) {
      asked.push_back("key " + key);
      return key.empty() ? base::Status(base::Error{base::ErrorCode::invalid_input, "no key"}) : base::Status();
    };
    made.rowing = [this] { return rowing; };
    made.disk_free_bytes = [this] { return disk_free; };
    return made;
  }

  Page page{Tools{*store, store.clock, store.ids}, controls()};
};

}  // namespace boathouse::page
