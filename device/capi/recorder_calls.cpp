// The C ABI's recorder.
#include <mutex>

#include "core/base/json.hpp"
#include "core/rowing/enumerations.hpp"
#include "device/capi/bridge.hpp"
#include "device/store/recorder.hpp"

namespace capi = boathouse::capi;
namespace base = boathouse::base;
namespace rowing = boathouse::rowing;
using boathouse::base::Status;
using boathouse::store::Recorder;
using boathouse::store::RecorderOptions;

struct boathouse_recorder {
  std::shared_ptr<capi::Device> device;  // before the recorder, which needs it
  std::mutex mutex;
  Recorder recorder;
};

namespace {

constexpr std::size_t kMaxDetail = 10'000;  // bytes

base::Result<RecorderOptions> options_of(const boathouse_recorder_options* given) {
  RecorderOptions options;
  if (given == nullptr) return options;
  BOATHOUSE_TRY(capi::need_struct(given, "options"));
  options.athlete = capi::text_of(given->athlete);
  options.zone = capi::text_of(given->time_zone);
  options.monitor_serial = capi::text_of(given->monitor_serial);
  options.monitor_firmware = capi::text_of(given->monitor_firmware);
  for (const std::string& text : {options.athlete, options.zone, options.monitor_serial, options.monitor_firmware})
    BOATHOUSE_TRY(capi::check_utf8(text, "a text of the options"));
  if (given->offset_known == 0) return options;
  if (given->offset_minutes < -1080 || given->offset_minutes > 1080)
    return capi::refused("offset_minutes is not within -1080 to 1080");
  options.offset_minutes = given->offset_minutes;
  return options;
}

template <typename Work>
boathouse_code on_recorder(boathouse_recorder* recorder, boathouse_error* error, Work work) noexcept {
  return capi::guarded(error, recorder == nullptr ? nullptr : recorder->device.get(), [&]() -> Status {
    BOATHOUSE_TRY(capi::need(recorder, "recorder"));
    const std::lock_guard guard(recorder->mutex);
    return work(recorder->recorder);
  });
}

}  // namespace

boathouse_code boathouse_recorder_new(boathouse_store* store, const boathouse_recorder_options* options,
                                      boathouse_recorder** recorder, boathouse_error* error) {
  if (recorder != nullptr) *recorder = nullptr;
  return capi::on_store(store, error, [&](capi::Device& device, boathouse::store::Store& opened) -> Status {
    BOATHOUSE_TRY(capi::need(recorder, "recorder"));
    auto wanted = options_of(options);
    if (!wanted) return wanted.error();
    if (wanted->athlete.size() > boathouse::store::kMaxAthleteLabel)
      return capi::refused("an athlete's label has at most 200 bytes");
    *recorder =
        new boathouse_recorder{store->device, {}, Recorder(opened, device.clock, device.ids, std::move(*wanted))};
    return {};
  });
}

void boathouse_recorder_free(boathouse_recorder* recorder) { delete recorder; }

boathouse_code boathouse_recorder_feed(boathouse_recorder* recorder, uint16_t characteristic, const uint8_t* bytes,
                                       size_t size, int64_t at_ms, boathouse_error* error) {
  return on_recorder(recorder, error, [&](Recorder& one) -> Status {
    const auto payload = capi::bytes_of(bytes, size);
    if (!payload) return payload.error();
    return one.feed(characteristic, *payload, at_ms == BOATHOUSE_NO_TIME ? std::nullopt : std::optional(at_ms));
  });
}

boathouse_code boathouse_recorder_tick(boathouse_recorder* recorder, int64_t at_ms, boathouse_error* error) {
  return on_recorder(recorder, error, [&](Recorder& one) { return one.tick(at_ms); });
}

boathouse_code boathouse_recorder_note_reconnect(boathouse_recorder* recorder, const char* detail,
                                                 boathouse_error* error) {
  return on_recorder(recorder, error, [&](Recorder& one) -> Status {
    const std::string_view text = detail == nullptr ? "{}" : detail;
    const auto json = base::parse_json(text, {16, kMaxDetail});
    if (!json) return json.error().within("detail");
    if (json->object() == nullptr) return capi::refused("detail is no JSON object");
    return one.note(rowing::EventKind::reconnected, text);
  });
}

boathouse_code boathouse_recorder_seal(boathouse_recorder* recorder, boathouse_error* error) {
  return on_recorder(recorder, error, [](Recorder& one) { return one.seal(); });
}

boathouse_code boathouse_recorder_stop(boathouse_recorder* recorder, boathouse_error* error) {
  return on_recorder(recorder, error, [](Recorder& one) { return one.stop(rowing::EndReason::stopped); });
}

boathouse_code boathouse_recorder_get_status(boathouse_recorder* recorder, boathouse_recorder_status* status,
                                             boathouse_error* error) {
  return on_recorder(recorder, error, [&](const Recorder& one) -> Status {
    BOATHOUSE_TRY(capi::need_struct(status, "status"));
    boathouse_recorder_status given = BOATHOUSE_INIT(boathouse_recorder_status);
    given.running = one.running();
    given.unsaved = one.unsaved();
    given.sessions = one.recordings().size();
    if (!one.recordings().empty())
      capi::put_text(given.session, sizeof(given.session), capi::session_id(one.recordings().back()));
    capi::give_struct(status, given);
    return {};
  });
}
