// The C ABI's calls on a store as a whole: opening, sleeping, guests, room, files of other tools.
#include <cstddef>

#include "device/capi/bridge.hpp"
#include "device/import/import.hpp"
#include "device/store/salvage.hpp"

namespace capi = boathouse::capi;
namespace base = boathouse::base;
using boathouse::base::Status;

namespace {

Status open_store(const char* folder, const boathouse_store_options* given, boathouse_store** store) {
  BOATHOUSE_TRY(capi::need(store, "store"));
  *store = nullptr;
  BOATHOUSE_TRY(capi::need(folder, "folder"));
  if (given != nullptr) BOATHOUSE_TRY(capi::need_struct(given, "options"));
  auto device = std::make_shared<capi::Device>();
  boathouse::store::StoreOptions options;
  options.ballast_bytes = boathouse::store::kBallastBytes;
  options.nonce = [given] { return std::string(given != nullptr ? capi::text_of(given->nonce) : ""); };
  auto opened = boathouse::store::Store::open(folder, device->ids, device->random, options);
  if (!opened) return opened.error();
  device->store.emplace(std::move(*opened));
  if (const auto crashed = device->store->end_crashed(); !crashed) return crashed.error();
  *store = new boathouse_store{std::move(device)};
  return {};
}

}  // namespace

boathouse_code boathouse_store_open(const char* folder, boathouse_store** store, boathouse_error* error) {
  return capi::guarded(error, nullptr, [&] { return open_store(folder, nullptr, store); });
}

boathouse_code boathouse_store_open_with(const char* folder, const boathouse_store_options* options,
                                         boathouse_store** store, boathouse_error* error) {
  return capi::guarded(error, nullptr, [&] { return open_store(folder, options, store); });
}

boathouse_code boathouse_device_salvage(const char* folder, const char* output, char** report, boathouse_error* error) {
  capi::put<char*>(report, nullptr);
  return capi::guarded(error, nullptr, [&]() -> Status {
    BOATHOUSE_TRY(capi::need(folder, "folder"));
    BOATHOUSE_TRY(capi::need(output, "output"));
    BOATHOUSE_TRY(capi::need(report, "report"));
    capi::Device device;
    const auto saved = boathouse::store::salvage(folder, output, device.ids, device.random);
    if (!saved) return saved.error();
    *report = capi::copy_out(boathouse::store::to_json(*saved));
    return {};
  });
}

void boathouse_store_free(boathouse_store* store) { delete store; }

boathouse_code boathouse_store_suspend(boathouse_store* store, boathouse_error* error) {
  return capi::on_store(store, error, [](capi::Device&, boathouse::store::Store& opened) {
    opened.suspend();
    return Status();
  });
}

boathouse_code boathouse_store_resume(boathouse_store* store, boathouse_error* error) {
  return capi::on_store(store, error, [](capi::Device&, boathouse::store::Store& opened) {
    opened.resume();
    return Status();
  });
}

boathouse_code boathouse_store_claim_guests(boathouse_store* store, const char* athlete, uint64_t* claimed,
                                            boathouse_error* error) {
  capi::put<uint64_t>(claimed, 0);
  return capi::on_store(store, error, [&](capi::Device&, boathouse::store::Store& opened) -> Status {
    BOATHOUSE_TRY(capi::check_utf8(capi::text_of(athlete), "athlete"));
    const auto count = opened.claim_guests(capi::text_of(athlete));
    if (!count) return count.error();
    capi::put<uint64_t>(claimed, *count);
    return {};
  });
}

boathouse_code boathouse_store_space(boathouse_store* store, boathouse_space* space, boathouse_error* error) {
  return capi::on_store(store, error, [&](capi::Device&, boathouse::store::Store& opened) -> Status {
    BOATHOUSE_TRY(capi::need_struct(space, "space", offsetof(boathouse_space, disk_low)));
    const auto found = opened.space();
    if (!found) return found.error();
    boathouse_space given = BOATHOUSE_INIT(boathouse_space);
    given.used = found->used;
    given.cap = found->cap;
    given.freeable = found->freeable;
    given.unsent = found->unsent;
    given.unverified = found->unverified;
    given.not_backed_up = found->not_backed_up;
    given.disk_low = found->disk_low;
    given.running = found->running;
    given.no_backup = found->no_backup;
    capi::give_struct(space, given);
    return {};
  });
}

boathouse_code boathouse_store_set_cap(boathouse_store* store, uint64_t bytes, boathouse_error* error) {
  return capi::on_store(store, error,
                        [&](capi::Device&, boathouse::store::Store& opened) { return opened.set_cap(bytes); });
}

boathouse_code boathouse_store_free_space(boathouse_store* store, uint64_t bytes, uint64_t* freed,
                                          boathouse_error* error) {
  capi::put<uint64_t>(freed, 0);
  return capi::on_store(store, error, [&](capi::Device&, boathouse::store::Store& opened) -> Status {
    const auto gone = opened.free_space(bytes);
    if (!gone) return gone.error();
    capi::put<uint64_t>(freed, *gone);
    return {};
  });
}

boathouse_code boathouse_import(boathouse_store* store, const char* name, const uint8_t* bytes, size_t size,
                                const char* time_zone, const char* athlete, boathouse_import_report* report,
                                boathouse_error* error) {
  return capi::on_store(store, error, [&](capi::Device& device, boathouse::store::Store& opened) -> Status {
    BOATHOUSE_TRY(capi::need(name, "name"));
    BOATHOUSE_TRY(capi::check_utf8(name, "name"));
    BOATHOUSE_TRY(capi::check_utf8(capi::text_of(athlete), "athlete"));
    if (report != nullptr) BOATHOUSE_TRY(capi::need_struct(report, "report"));
    const auto content = capi::bytes_of(bytes, size);
    if (!content) return content.error();
    boathouse::import::ImportOptions options;
    options.time_zone = capi::text_of(time_zone);
    options.athlete = capi::text_of(athlete);
    const auto done =
        boathouse::import::import_file(opened, device.ids, device.clock, name, base::as_text(*content), options);
    if (!done) return done.error();
    if (report == nullptr) return {};
    boathouse_import_report given = BOATHOUSE_INIT(boathouse_import_report);
    given.already_imported = done->already_imported;
    given.sessions = done->recordings.size();
    given.rows = done->rows;
    given.rejected_values = done->rejected_values;
    given.rejected_lines = done->rejected_lines;
    capi::give_struct(report, given);
    return {};
  });
}
