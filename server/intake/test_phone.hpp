// For tests of the intake: a device through its C ABI, whose requests the test takes to a route table.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/pm5/simulated_monitor.hpp"
#include "device/capi/boathouse_device.h"
#include "server/control/test_call.hpp"

namespace boathouse::intake {

// One installed app: a store, and a sync whose requests wait for the test.
struct Phone {
  Phone(const std::string& folder, const std::string& api_key) : key(api_key) {
    EXPECT_EQ(boathouse_store_open(folder.c_str(), &store, &error), BOATHOUSE_OK) << error.text;
    boathouse_callbacks callbacks = BOATHOUSE_INIT(boathouse_callbacks);
    callbacks.context = this;
    callbacks.send = [](void* context, const boathouse_request* request) {
      static_cast<Phone*>(context)->take(*request);
    };
    callbacks.wake = [](void*, std::int64_t) {};
    EXPECT_EQ(boathouse_sync_new(store, key.c_str(), "carla", &callbacks, &sync, &error), BOATHOUSE_OK) << error.text;
  }
  Phone(const Phone&) = delete;
  Phone& operator=(const Phone&) = delete;
  ~Phone() {
    boathouse_sync_free(sync);
    boathouse_store_free(store);
  }

  void take(const boathouse_request& request) {
    id = request.id;
    waiting = true;
    call = {};
    call.method = std::string_view(request.method) == "GET" ? http::Method::get : http::Method::post;
    call.target = request.path;
    for (std::size_t i = 0; i < request.header_count; ++i)
      call.headers.add(request.headers[i].name, request.headers[i].value);
    call.body.assign(reinterpret_cast<const char*>(request.body), request.body_size);
  }
  void tell(boathouse_event event) { EXPECT_EQ(boathouse_sync_tell(sync, event, &error), BOATHOUSE_OK) << error.text; }
  // Until it has nothing to ask any more.
  void talk(const http::RouteTable& routes) {
    while (std::exchange(waiting, false)) {
      const http::Response answer = control::call(routes, call);
      const auto* body = reinterpret_cast<const std::uint8_t*>(answer.body.data());
      EXPECT_EQ(boathouse_sync_http_response(sync, id, answer.status, nullptr, 0, body, answer.body.size(), &error),
                BOATHOUSE_OK)
          << error.text;
    }
  }
  // A minute on the erg; two pieces are the same measured workout only if they have the same number.
  std::string row(int piece = 1) {
    boathouse_recorder_options options = BOATHOUSE_INIT(boathouse_recorder_options);
    options.athlete = "carla";
    boathouse_recorder* recorder = nullptr;
    EXPECT_EQ(boathouse_recorder_new(store, &options, &recorder, &error), BOATHOUSE_OK) << error.text;
    pm5::SimulationOptions rowing;
    rowing.seed = static_cast<std::uint64_t>(piece);
    rowing.rower.power_w = 150.0 + 20 * piece;
    rowing.local_start_ms += std::int64_t{3'600'000} * piece;
    auto monitor = pm5::SimulatedMonitor::create(pm5::sample_workout(5, 6000), rowing);
    pm5::TimedNotification one;
    while (monitor->next(one))
      boathouse_recorder_feed(recorder, one.characteristic, one.payload.data(), one.payload.size(), one.at_ms, &error);
    EXPECT_EQ(boathouse_recorder_stop(recorder, &error), BOATHOUSE_OK) << error.text;
    boathouse_recorder_status made = BOATHOUSE_INIT(boathouse_recorder_status);
    EXPECT_EQ(boathouse_recorder_get_status(recorder, &made, &error), BOATHOUSE_OK);
    boathouse_recorder_free(recorder);
    return made.session;
  }
  boathouse_device_status status() {
    boathouse_device_status now = BOATHOUSE_INIT(boathouse_device_status);
    EXPECT_EQ(boathouse_store_status(store, sync, UINT64_MAX, &now, &error), BOATHOUSE_OK) << error.text;
    return now;
  }
  std::string samples(const std::string& session) {
    char* json = nullptr;
    EXPECT_EQ(boathouse_session_records(store, session.c_str(), "sample", 0, 100'000, &json, &error), BOATHOUSE_OK)
        << error.text;
    std::string text(json == nullptr ? "" : json);
    boathouse_free(json);
    return text;
  }

  std::string key;
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  boathouse_store* store = nullptr;
  boathouse_sync* sync = nullptr;
  control::Call call;
  std::uint64_t id = 0;
  bool waiting = false;
};

}  // namespace boathouse::intake
