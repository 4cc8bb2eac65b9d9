#include "server/intake/one_chunk.hpp"

#include "core/wire/chunk.hpp"
#include "server/intake/admission.hpp"

namespace boathouse::intake {

PathResult chunk_path(const http::RequestHead& head) {
  ChunkPath path;
  const auto rec_id = base::Uuid::parse(head.path_parameter("rec_id"));
  if (!rec_id) {
    return {std::nullopt, wrong_place(head, "path:rec_id", "the recording: " + rec_id.error().text)};
  }
  path.rec_id = *rec_id;
  const auto stream = rowing::stream_from_name(head.path_parameter("stream"));
  if (!stream) {
    return {std::nullopt, wrong_place(head, "path:stream", "no stream of this name is known here")};
  }
  path.stream = *stream;
  const std::string_view text = head.path_parameter("range");
  const std::size_t dash = text.find('-');
  const auto from = parse_number(text.substr(0, dash), wire::kMaxSequence);
  const auto to =
      dash == std::string_view::npos ? std::nullopt : parse_number(text.substr(dash + 1), wire::kMaxSequence);
  if (!from || !to || *from >= *to) {
    return {std::nullopt, wrong_place(head, "path:range",
                                      "the range must be FROM-TO: its first record and the first " +
                                          std::string("one after it, up to ") + std::to_string(wire::kMaxSequence))};
  }
  path.range = {*from, *to};
  return {path, {}};
}

}  // namespace boathouse::intake
