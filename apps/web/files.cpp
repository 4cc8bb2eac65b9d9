#include "apps/web/files.hpp"

namespace boathouse::web {

// Made by build.mjs.
extern const std::span<const File> kDeviceFiles;

std::span<const File> device_files() { return kDeviceFiles; }

}  // namespace boathouse::web
