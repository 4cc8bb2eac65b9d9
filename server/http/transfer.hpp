// How far the bytes of one request's body and of its response have come. Thread rule: one thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "server/http/response_writer.hpp"
#include "server/http/server.hpp"

namespace boathouse::http {

// Body bytes on their way in, framing included.
class Incoming {
 public:
  using Clock = std::chrono::steady_clock;

  void begin(std::uint64_t body_limit) { *this = Incoming{body_limit}; }
  void add(std::size_t bytes) { bytes_ += bytes; }

  // By when the next bytes must be there.
  [[nodiscard]] Clock::time_point deadline(const Timeouts& timeouts) const {
    return started_ + timeouts.body + std::chrono::seconds(bytes_ / timeouts.body_bytes_per_second);
  }

  // Chunks of one byte each need 6; more than that is padding (chunk extensions), which no limit on the body sees.
  [[nodiscard]] bool is_padded() const { return bytes_ > 8 * body_limit_ + 64 * 1024; }

  Incoming() = default;

 private:
  explicit Incoming(std::uint64_t body_limit) : body_limit_(body_limit) {}

  std::uint64_t body_limit_ = 0;
  std::uint64_t bytes_ = 0;
  Clock::time_point started_ = Clock::now();
};

// A response on its way out, in pieces that one write time-out covers.
class Outgoing {
 public:
  static constexpr std::size_t kPieceBytes = 64 * 1024;

  // The next part to send. Completes the head, if there is one: `may_keep_alive` is false when the server stops.
  void load(WireResponse response, bool may_keep_alive) {
    response_ = std::move(response);
    body_sent_ = 0;
    if (response_.head.empty()) {
      return;
    }
    status_ = response_.status;
    keep_alive_ = response_.keep_alive && may_keep_alive;
    response_.head += keep_alive_ ? "\r\n" : "Connection: close\r\n\r\n";
  }

  // What to write next; both empty = nothing is left of this part. Valid until sent().
  [[nodiscard]] std::string_view head() const { return response_.head; }
  [[nodiscard]] std::string_view piece() const {
    return std::string_view(response_.body).substr(body_sent_, kPieceBytes);
  }

  // head() and piece() went out, `bytes` together.
  void sent(std::size_t bytes) {
    body_sent_ += piece().size();
    response_.head.clear();
    bytes_ += bytes;
  }

  [[nodiscard]] bool part_is_done() const { return head().empty() && piece().empty(); }
  [[nodiscard]] bool has_more_parts() const { return static_cast<bool>(response_.source); }
  // To be pulled; the next load() brings it back.
  [[nodiscard]] WireResponse take() { return std::exchange(response_, {}); }

  [[nodiscard]] bool keep_alive() const { return keep_alive_; }
  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  WireResponse response_;
  std::size_t body_sent_ = 0;
  std::uint64_t bytes_ = 0;
  int status_ = 0;
  bool keep_alive_ = false;
};

}  // namespace boathouse::http
