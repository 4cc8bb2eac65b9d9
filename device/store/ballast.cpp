#include "device/store/ballast.hpp"

#include <algorithm>

namespace boathouse::store {
namespace {

constexpr std::uint64_t kSteps = 16;  // not all at once: others write to a full disk, too

}  // namespace

bool Ballast::fill() {
  if (bytes_ == 0) return true;
  const auto size = file_.size();
  const std::uint64_t missing = size && *size < bytes_ ? bytes_ - *size : 0;
  if (disk_free_() < kLowDiskBytes + missing) return false;
  if (!size || missing == 0) return true;
  const base::Status filled = file_.resize(bytes_);
  if (filled || filled.error().code != base::ErrorCode::no_room) return true;
  // What it got is not its to keep: somebody writes to this disk right now.
  (void)file_.resize(*size);
  return false;
}

bool Ballast::give() {
  if (bytes_ == 0) return false;
  const auto size = file_.size();
  if (!size || *size == 0) return false;
  return file_.resize(*size - std::min(*size, std::max<std::uint64_t>(bytes_ / kSteps, 1))).ok();
}

}  // namespace boathouse::store
