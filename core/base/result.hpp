// Result<T>: a value or an Error. Expected failures are returned, never thrown; exceptions stay for broken
// preconditions and for std::bad_alloc, and never cross a thread, a C ABI or an HTTP handler.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace boathouse::base {

// What kind of failure it is: decides exit codes and HTTP status at the edges. Add only what some caller acts on.
enum class ErrorCode : std::uint8_t {
  invalid_input,    // bytes or arguments from outside are wrong; retrying the same cannot help
  not_found,        //
  conflict,         // the same identity with other content
  unauthenticated,  // no key, or one that is not known
  forbidden,        // known, but not allowed
  too_large,        // over a stated limit
  unavailable,      // a peer is away or busy; retrying can help
  unsupported,      // a version or feature that this build does not know
  io,               // disk or operating system
  corrupt,          // stored data that fails its own check
  internal,         // a bug
  no_room,          // a full disk, or a limit on what is stored is reached
};

// The stable name of a code, e.g. "invalid_input".
std::string_view name(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string text;  // for a person: what is wrong, where, and what mends it

  // The same error with "context: " put before its text.
  [[nodiscard]] Error within(std::string_view context) const { return Error{code, std::string(context) + ": " + text}; }
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Requires ok().
  [[nodiscard]] T& value() & { return std::get<0>(state_); }
  [[nodiscard]] const T& value() const& { return std::get<0>(state_); }
  // A value, not a reference into a temporary: `for (x : *f())` is safe.
  [[nodiscard]] T value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // Requires !ok().
  [[nodiscard]] const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

struct Done {};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Done) {}
  Result(Error error) : error_(std::move(error)), ok_(false) {}

  [[nodiscard]] bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  Error error_;
  bool ok_ = true;
};

using Status = Result<void>;

}  // namespace boathouse::base

// Returns the error of `expression` from the enclosing function; otherwise goes on.
#define BOATHOUSE_TRY(expression)                                              \
  do {                                                                         \
    if (const auto& boathouse_status = (expression); !boathouse_status.ok()) { \
      return boathouse_status.error();                                         \
    }                                                                          \
  } while (false)
