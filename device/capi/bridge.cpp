#include "device/capi/bridge.hpp"

#include <cstdlib>

#include "core/base/utf8.hpp"

namespace boathouse::capi {

using base::ErrorCode;

// The C codes are the C++ ones, from 1.
static_assert(static_cast<int>(ErrorCode::invalid_input) + 1 == BOATHOUSE_INVALID_INPUT);
static_assert(static_cast<int>(ErrorCode::not_found) + 1 == BOATHOUSE_NOT_FOUND);
static_assert(static_cast<int>(ErrorCode::conflict) + 1 == BOATHOUSE_CONFLICT);
static_assert(static_cast<int>(ErrorCode::unauthenticated) + 1 == BOATHOUSE_UNAUTHENTICATED);
static_assert(static_cast<int>(ErrorCode::forbidden) + 1 == BOATHOUSE_FORBIDDEN);
static_assert(static_cast<int>(ErrorCode::too_large) + 1 == BOATHOUSE_TOO_LARGE);
static_assert(static_cast<int>(ErrorCode::unavailable) + 1 == BOATHOUSE_UNAVAILABLE);
static_assert(static_cast<int>(ErrorCode::unsupported) + 1 == BOATHOUSE_UNSUPPORTED);
static_assert(static_cast<int>(ErrorCode::io) + 1 == BOATHOUSE_IO);
static_assert(static_cast<int>(ErrorCode::corrupt) + 1 == BOATHOUSE_CORRUPT);
static_assert(static_cast<int>(ErrorCode::internal) + 1 == BOATHOUSE_INTERNAL);

// Cut, if it must be, between two code points.
void put_text(char* to, std::size_t size, std::string_view text) {
  std::size_t end = 0;
  while (end < text.size()) {
    const std::size_t length = base::utf8_step(text.substr(end)).length;
    if (end + length >= size) break;
    end += length;
  }
  std::copy_n(text.data(), end, to);
  to[end] = '\0';
}

void fill(boathouse_error* error, boathouse_code code, std::string_view text) noexcept {
  if (error == nullptr || error->struct_size < sizeof(boathouse_error)) return;
  error->code = code;
  error->transient = code == BOATHOUSE_UNAVAILABLE || code == BOATHOUSE_SUSPENDED || code == BOATHOUSE_IO ||
                     code == BOATHOUSE_OUT_OF_MEMORY;
  put_text(error->text, sizeof(error->text), text);
}

boathouse_code code_of(const base::Error& error, const Device* device) {
  const bool suspended = device != nullptr && device->store && device->store->suspended();
  if (error.code == ErrorCode::unavailable && suspended) return BOATHOUSE_SUSPENDED;
  if (error.code == ErrorCode::no_room) return BOATHOUSE_NO_ROOM;
  return static_cast<boathouse_code>(error.code) + 1;
}

base::Status check_utf8(std::string_view text, const char* name) {
  if (base::is_valid_utf8(text)) return {};
  return refused(std::string(name) + " is not UTF-8");
}

char* copy_out(std::string_view text) {
  char* const copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (copy == nullptr) throw std::bad_alloc();
  std::copy(text.begin(), text.end(), copy);
  copy[text.size()] = '\0';
  return copy;
}

base::Result<base::ByteView> bytes_of(const std::uint8_t* bytes, std::size_t size) {
  if (bytes == nullptr && size > 0) return refused("bytes is NULL");
  return base::ByteView(bytes, size);
}

std::string session_id(const base::Uuid& id) { return "ses_" + id.text(); }

base::Result<base::Uuid> parse_session(const char* text) {
  BOATHOUSE_TRY(need(text, "session"));
  std::string_view id(text);
  if (id.starts_with("ses_")) id.remove_prefix(4);
  const auto parsed = base::Uuid::parse(id);
  if (!parsed) return refused("not a session: " + parsed.error().text);
  return *parsed;
}

}  // namespace boathouse::capi

const char* boathouse_error_text(const boathouse_error* error) { return error == nullptr ? "" : error->text; }
const char* boathouse_status_reason(const boathouse_device_status* status) {
  return status == nullptr ? "" : status->reason;
}
void boathouse_free(void* memory) { std::free(memory); }
