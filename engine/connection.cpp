#include "engine/connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "engine/http/exception.hpp"

namespace boathouse::engine {
namespace {

using engine_http::exception;
using engine_http::Framing;

constexpr std::size_t kFirstBuffer = 16 * 1024;
constexpr time_t kReceiveSeconds = 30;
constexpr time_t kSendSeconds = 60;
constexpr std::size_t kLingerBytes = 64 * 1024 * 1024;

void set_timeout(int socket, int option, time_t seconds) {
  const timeval time{seconds, 0};
  setsockopt(socket, SOL_SOCKET, option, &time, sizeof time);
}

base::Error receive_error() {
  if (errno == EAGAIN || errno == EWOULDBLOCK) {
    return exception(engine_http::kSocketTimeout,
                     "the request stood still for " + std::to_string(kReceiveSeconds) + " s");
  }
  return exception(engine_http::kNetworkError, std::string("receiving failed: ") + std::strerror(errno));
}

}  // namespace

Connection::Connection(int socket) : socket_(socket), buffer_(kFirstBuffer) {
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  set_timeout(socket_, SO_RCVTIMEO, kReceiveSeconds);
  set_timeout(socket_, SO_SNDTIMEO, kSendSeconds);
}

Connection::~Connection() { close(socket_); }

// Leaves end_ as it was when the client has ended its side.
base::Status Connection::receive_more(std::size_t at_most, bool whole) {
  while (true) {
    const ssize_t got = recv(socket_, buffer_.data() + end_, at_most, whole ? MSG_WAITALL : 0);
    if (got >= 0) {
      end_ += static_cast<std::size_t>(got);
      return base::Done{};
    }
    if (errno != EINTR) {
      return receive_error();
    }
  }
}

base::Result<std::optional<engine_http::HttpRequest>> Connection::read_request(std::chrono::milliseconds idle) {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    pollfd waiting{socket_, POLLIN, 0};
    if (poll(&waiting, 1, static_cast<int>(idle.count())) <= 0) {
      return std::optional<engine_http::HttpRequest>();
    }
  } else {  // a client that did not wait for our last reply
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= std::exchange(begin_, 0);
  }
  while (true) {
    const std::string_view have(buffer_.data(), end_);
    if (const auto size = engine_http::head_size(have.substr(0, engine_http::kMaxHeadBytes))) {
      begin_ = *size;
      auto request = engine_http::parse_head(have.substr(0, *size));
      if (!request) return request.error();
      return std::optional(std::move(*request));
    }
    if (end_ >= engine_http::kMaxHeadBytes) {
      return exception(engine_http::kQueryIsTooLarge, "address and headers of the request have more than " +
                                                          std::to_string(engine_http::kMaxHeadBytes) + " bytes");
    }
    if (end_ == buffer_.size()) {
      buffer_.resize(buffer_.size() * 2);
    }
    const std::size_t before = end_;
    BOATHOUSE_TRY(receive_more(buffer_.size() - end_, false));
    if (end_ == before) {
      if (before == 0) {
        return std::optional<engine_http::HttpRequest>();
      }
      return exception(engine_http::kCannotReadAllData, "the client left in the middle of the request's head");
    }
  }
}

base::Result<std::string_view> Connection::peek(std::size_t want, bool whole) {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (buffer_.size() < kPiece) {
      buffer_.resize(kPiece);
    }
    want = std::min(want, kPiece);
    BOATHOUSE_TRY(receive_more(want, whole));
  }
  return std::string_view(buffer_.data() + begin_, std::min(end_ - begin_, want));
}

base::Status Connection::send(std::string_view first, std::string_view second, std::string_view third) {
  std::array<iovec, 3> parts{};
  std::size_t left = 0;
  std::size_t used = 0;
  for (const std::string_view part : {first, second, third}) {
    parts[used++] = iovec{const_cast<char*>(part.data()), part.size()};
    left += part.size();
  }
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  while (left > 0) {
    const ssize_t sent = sendmsg(socket_, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) {
      continue;
    }
    if (sent < 0) {
      return exception(engine_http::kNetworkError, std::string("sending failed: ") + std::strerror(errno));
    }
    left -= static_cast<std::size_t>(sent);
    for (auto gone = static_cast<std::size_t>(sent); gone > 0;) {
      iovec& part = *message.msg_iov;
      const std::size_t step = std::min(gone, part.iov_len);
      part.iov_base = static_cast<char*>(part.iov_base) + step;
      part.iov_len -= step;
      gone -= step;
      if (part.iov_len == 0 && message.msg_iovlen > 1) {
        ++message.msg_iov;
        --message.msg_iovlen;
      }
    }
  }
  return base::Done{};
}

void Connection::linger() {
  shutdown(socket_, SHUT_WR);
  set_timeout(socket_, SO_RCVTIMEO, 2);
  for (std::size_t total = 0; total < kLingerBytes;) {
    begin_ = end_ = 0;
    if (!receive_more(buffer_.size(), false) || end_ == 0) {
      return;
    }
    total += end_;
  }
}

BodyReader::BodyReader(Connection& connection, const engine_http::HttpRequest& request)
    : connection_(connection),
      framing_(request.framing),
      left_(request.content_length),
      continue_wanted_(request.expects_continue) {}

bool BodyReader::ended() const {
  switch (framing_) {
    case Framing::length:
      return left_ == 0;
    case Framing::chunked:
      return chunks_.ended();
    default:
      return true;
  }
}

base::Result<std::string_view> BodyReader::next_encoded() {
  while (!ended()) {
    if (std::exchange(continue_wanted_, false)) {
      BOATHOUSE_TRY(connection_.send("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    const bool length = framing_ == Framing::length;
    const auto want =
        length ? static_cast<std::size_t>(std::min<std::uint64_t>(left_, Connection::kPiece)) : Connection::kPiece;
    const auto input = connection_.peek(want, length);
    if (!input) return input.error();
    if (input->empty()) {
      return exception(engine_http::kCannotReadAllData, "the request's body was cut off; nothing of it counts");
    }
    if (length) {
      connection_.consume(input->size());
      left_ -= input->size();
      return *input;
    }
    const auto step = chunks_.next(*input);
    if (!step) return step.error();
    connection_.consume(step->consumed);
    if (!step->data.empty()) {
      return step->data;
    }
  }
  return std::string_view();
}

base::Result<std::string_view> BodyReader::next() {
  if (decoder_ == nullptr) {
    return next_encoded();
  }
  decoded_.resize(Connection::kPiece);
  std::size_t filled = 0;
  while (filled < decoded_.size()) {
    const auto step = decoder_->decode(encoded_, std::span(decoded_).subspan(filled));
    if (!step) return step.error();
    encoded_.remove_prefix(step->consumed);
    filled += step->produced;
    if (step->consumed != 0 || step->produced != 0) {
      continue;
    }
    const auto more = next_encoded();
    if (!more) return more.error();
    if (more->empty()) {
      if (decoding_) {
        BOATHOUSE_TRY(decoder_->finish());
      }
      break;
    }
    decoding_ = true;
    encoded_ = *more;  // all before it was taken: a decoder that has input and room goes on
  }
  return std::string_view(decoded_.data(), filled);
}

base::Status ReplyWriter::whole(engine_http::ReplyHead head, std::string_view body) {
  begun_ = true;
  std::string encoded;
  if (encoder_ != nullptr && !body.empty()) {
    encoded = encoder_->encode(body, true);
    body = encoded;
    head.headers.push_back({"Content-Encoding", std::string(encoder_->name())});
  }
  head.content_length = body.size();
  head.keep_alive = keep_alive_;
  return connection_.send(engine_http::render_head(head), body);
}

base::Status ReplyWriter::error(const base::Error& error, bool keep_alive) {
  keep_alive_ = keep_alive_ && keep_alive;
  encoder_.reset();
  return whole(engine_http::error_head(error, keep_alive_), error.text + "\n");
}

base::Status ReplyWriter::begin(engine_http::ReplyHead head) {
  begun_ = true;
  head.keep_alive = keep_alive_;
  if (encoder_ != nullptr) {
    head.headers.push_back({"Content-Encoding", std::string(encoder_->name())});
  }
  return connection_.send(engine_http::render_head(head));
}

base::Status ReplyWriter::chunk(std::string_view data) {
  if (encoder_ == nullptr) {
    return send_chunk(data);
  }
  const std::string encoded = encoder_->encode(data, false);
  return encoded.empty() ? base::Status() : send_chunk(encoded);
}

base::Status ReplyWriter::end() {
  if (encoder_ != nullptr) {
    BOATHOUSE_TRY(send_chunk(encoder_->encode({}, true)));
  }
  return connection_.send("0\r\n\r\n");
}

base::Status ReplyWriter::send_chunk(std::string_view data) {
  return connection_.send(engine_http::chunk_size_line(data.size()), data, "\r\n");
}

}  // namespace boathouse::engine
