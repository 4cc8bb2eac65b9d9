#include <fstream>
#include <string>

#include "device/import/import.hpp"

namespace boathouse::import {

base::Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return base::Error{base::ErrorCode::io, "cannot read " + path};
  std::string content;
  std::string piece(std::size_t{1} << 20, '\0');
  while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())) || in.gcount() > 0) {
    content.append(piece, 0, static_cast<std::size_t>(in.gcount()));
    if (content.size() > kMaxFile) {
      return base::Error{base::ErrorCode::too_large,
                         path + " is larger than " + std::to_string(kMaxFile >> 20) + " MiB"};
    }
  }
  if (in.bad()) return base::Error{base::ErrorCode::io, "reading " + path + " failed"};
  return content;
}

}  // namespace boathouse::import
