// What the calls of the C ABI are made of: handles, errors, texts, structs. Only for the sources of this folder.
#pragma once

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "device/capi/boathouse_device.h"
#include "device/store/store.hpp"

namespace boathouse::capi {

// An open store and what it needs; shared by all handles that were made from it.
struct Device {
  base::SystemClock clock;
  base::SystemRandom random;
  base::UuidV7Source ids{clock, random};
  std::optional<store::Store> store;
};

inline base::Error refused(std::string text) { return {base::ErrorCode::invalid_input, std::move(text)}; }

void put_text(char* to, std::size_t size, std::string_view text);
void fill(boathouse_error* error, boathouse_code code, std::string_view text) noexcept;
boathouse_code code_of(const base::Error& error, const Device* device);

// The body of every call that can fail: `work` gives a base::Status, and whatever it throws ends here. `device`, which
// may be null, tells a suspended store from a busy one.
template <typename Work>
boathouse_code guarded(boathouse_error* error, const Device* device, Work work) noexcept {
  try {
    const base::Status status = work();
    if (status) {
      fill(error, BOATHOUSE_OK, "");
      return BOATHOUSE_OK;
    }
    const boathouse_code code = code_of(status.error(), device);
    fill(error, code, status.error().text);
    return code;
  } catch (const std::bad_alloc&) {
    fill(error, BOATHOUSE_OUT_OF_MEMORY, "there is no memory; nothing was changed");
    return BOATHOUSE_OUT_OF_MEMORY;
  } catch (const std::exception& thrown) {
    fill(error, BOATHOUSE_INTERNAL, thrown.what());
  } catch (...) {
    fill(error, BOATHOUSE_INTERNAL, "an exception of unknown type");
  }
  return BOATHOUSE_INTERNAL;
}

// A pointer that must not be NULL.
template <typename T>
base::Status need(const T* pointer, const char* name) {
  if (pointer != nullptr) return {};
  return refused(std::string(name) + " is NULL");
}

// A struct from or for the host. `smallest`: its size before members were appended.
template <typename T>
base::Status need_struct(const T* pointer, const char* name, std::size_t smallest = sizeof(T)) {
  BOATHOUSE_TRY(need(pointer, name));
  if (pointer->struct_size >= smallest) return {};
  return refused(std::string(name) + ": struct_size is not set (BOATHOUSE_INIT)");
}

// Gives the host a struct: an older host the members it knows; those that a newer one knows stay as they were.
template <typename T>
void give_struct(T* to, T from) {
  from.struct_size = to->struct_size;
  std::memcpy(to, &from, std::min(to->struct_size, sizeof(T)));
}

// Text that may be NULL.
inline std::string_view text_of(const char* text) { return text == nullptr ? std::string_view() : text; }
// Valid UTF-8, else invalid_input.
base::Status check_utf8(std::string_view text, const char* name);
// A copy that boathouse_free() gives back. Throws std::bad_alloc.
char* copy_out(std::string_view text);

// A body or a notification: NULL is good for no bytes alone.
base::Result<base::ByteView> bytes_of(const std::uint8_t* bytes, std::size_t size);

std::string session_id(const base::Uuid& id);
base::Result<base::Uuid> parse_session(const char* text);

}  // namespace boathouse::capi

struct boathouse_store {
  std::shared_ptr<boathouse::capi::Device> device;
};

namespace boathouse::capi {

// The frame of calls on a store: `work` takes the device and its store.
template <typename Work>
boathouse_code on_store(const boathouse_store* store, boathouse_error* error, Work work) noexcept {
  Device* const device = store == nullptr ? nullptr : store->device.get();
  return guarded(error, device, [&]() -> base::Status {
    BOATHOUSE_TRY(need(store, "store"));
    return work(*device, *device->store);
  });
}

// An output that may be NULL.
template <typename T>
void put(T* to, T value) {
  if (to != nullptr) *to = value;
}

}  // namespace boathouse::capi
