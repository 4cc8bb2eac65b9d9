// gzip (RFC 1952) of response bodies. Thread rule: an object belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/http/message.hpp"

namespace boathouse::http {

// Compresses one body in pieces. After finish() the object is spent. Throws std::bad_alloc when memory is short.
class GzipStream {
 public:
  GzipStream();
  ~GzipStream();
  GzipStream(GzipStream&&) noexcept;
  GzipStream& operator=(GzipStream&&) noexcept;

  // Both append what is ready to `out`, which may be nothing: deflate holds data back to compress it better.
  void append(std::string_view data, std::string& out);
  void finish(std::string& out);

 private:
  struct Deflater;
  void run(std::string_view data, int flush, std::string& out);

  std::unique_ptr<Deflater> deflater_;
};

std::string gzip(std::string_view data);

// The same body compressed; errors of `plain` pass through.
BodySource gzip_source(BodySource plain);

}  // namespace boathouse::http
