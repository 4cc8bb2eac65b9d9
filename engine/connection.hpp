// One client's TCP connection: requests in, replies out. Waits are bounded (30 s for bytes that should come, 60 s for a
// reader that does not read), so no client holds a thread for ever. Thread rule: one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "engine/http/chunked_body.hpp"
#include "engine/http/content_coding.hpp"
#include "engine/http/http_reply.hpp"
#include "engine/http/http_request.hpp"

namespace boathouse::engine {

class Connection {
 public:
  // How much is read from the socket at once, and handed to the engine at once.
  static constexpr std::size_t kPiece = 1024 * 1024;

  // Takes the socket over.
  explicit Connection(int socket);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Nothing when the client left, or was silent for `idle`, between two requests.
  base::Result<std::optional<engine_http::HttpRequest>> read_request(std::chrono::milliseconds idle);

  // Bytes that came, at least one, at most kPiece, without taking them; empty when the client has ended its side.
  // `whole`: waits until `want` bytes are there. Valid until the next call.
  base::Result<std::string_view> peek(std::size_t want, bool whole);
  void consume(std::size_t count) { begin_ += count; }

  // One after the other in as few packets as the system can.
  base::Status send(std::string_view first, std::string_view second = {}, std::string_view third = {});

  // For a reply to a body that was not read: ends our side and reads on for a while, since closing at once would make
  // the system throw the reply away.
  void linger();

 private:
  base::Status receive_more(std::size_t at_most, bool whole);

  int socket_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // [begin_, end_) of the buffer came and is not consumed
  std::size_t end_ = 0;
};

// The body of one request: framing and Content-Encoding taken off, in pieces of up to Connection::kPiece.
class BodyReader {
 public:
  BodyReader(Connection& connection, const engine_http::HttpRequest& request);

  // Before the first next(), if the body is encoded.
  void decode_with(std::unique_ptr<engine_http::ContentDecoder> decoder) { decoder_ = std::move(decoder); }

  // The next bytes, valid until the next call; empty at the end. Sends 100 Continue where the client waits for it.
  // Code 33: the client left before the end.
  base::Result<std::string_view> next();

  // Nothing of this request is left in the connection.
  [[nodiscard]] bool ended() const;
  [[nodiscard]] bool has_framing() const { return framing_ != engine_http::Framing::none; }

 private:
  base::Result<std::string_view> next_encoded();

  Connection& connection_;
  engine_http::Framing framing_;
  std::uint64_t left_;  // with Framing::length
  engine_http::ChunkedBody chunks_;
  bool continue_wanted_;
  std::unique_ptr<engine_http::ContentDecoder> decoder_;
  bool decoding_ = false;     // it got a byte: no body at all is no damaged body
  std::string_view encoded_;  // what of the last encoded piece the decoder has not taken
  std::vector<char> decoded_;
};

// One reply, sent whole or in chunks.
class ReplyWriter {
 public:
  ReplyWriter(Connection& connection, bool keep_alive) : connection_(connection), keep_alive_(keep_alive) {}

  // Before the reply, of a result: an error goes out as it is.
  void encode_with(std::unique_ptr<engine_http::ContentEncoder> encoder) { encoder_ = std::move(encoder); }

  base::Status whole(engine_http::ReplyHead head, std::string_view body);
  base::Status error(const base::Error& error, bool keep_alive);
  base::Status begin(engine_http::ReplyHead head);
  base::Status chunk(std::string_view data);  // not empty
  base::Status end();

  // A head is out: an error can only be told by breaking the connection off.
  [[nodiscard]] bool begun() const { return begun_; }
  [[nodiscard]] bool keep_alive() const { return keep_alive_; }

 private:
  base::Status send_chunk(std::string_view data);

  Connection& connection_;
  bool keep_alive_;
  bool begun_ = false;
  std::unique_ptr<engine_http::ContentEncoder> encoder_;
};

}  // namespace boathouse::engine
