#include "core/rowing/stream.hpp"

namespace boathouse::rowing {

std::string_view name(Stream stream) {
  switch (stream) {
    case Stream::sample:
      return "sample";
    case Stream::stroke:
      return "stroke";
    case Stream::force_curve:
      return "force_curve";
    case Stream::split:
      return "split";
    case Stream::summary:
      return "summary";
    case Stream::event:
      return "event";
    case Stream::source:
      return "source";
  }
  return "unknown";
}

std::optional<Stream> stream_from_name(std::string_view text) {
  for (const Stream stream : kStreams) {
    if (name(stream) == text) return stream;
  }
  return std::nullopt;
}

std::optional<Stream> stream_from_number(std::uint64_t number) {
  for (const Stream stream : kStreams) {
    if (static_cast<std::uint64_t>(stream) == number) return stream;
  }
  return std::nullopt;
}

}  // namespace boathouse::rowing
