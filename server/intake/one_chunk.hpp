// A chunk as PUT and GET name it in their path. Pure functions.
#pragma once

#include <string_view>

#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/stream.hpp"
#include "core/wire/batch.hpp"
#include "server/http/message.hpp"

namespace boathouse::intake {

inline constexpr std::string_view kChunkPattern = "/v1/recordings/{rec_id}/{stream}/{range}";
inline constexpr std::string_view kCatalogueHeader = "Boathouse-Catalogue-Version";

struct ChunkPath {
  base::Uuid rec_id;
  rowing::Stream stream = rowing::Stream::sample;
  wire::Range range;
};

// The error is the whole 400 that names the place of the path.
struct PathResult {
  std::optional<ChunkPath> path;
  http::Response refusal;
};
PathResult chunk_path(const http::RequestHead& head);

}  // namespace boathouse::intake
