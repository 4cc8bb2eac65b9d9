// Small files that only their owner may read (mode 0600) and that are whole or not there, also after a power cut.
// Errors: io, naming the file. Any thread, but one at a time for one path.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace boathouse::control {

// nullopt: there is no such file. too_large: over 4 KiB.
base::Result<std::optional<std::string>> read_secret_file(const std::string& path);

// In two steps, so that something else can be made durable between them: `path` + ".new" is written and synced, then it
// becomes `path`. publish: conflict if `path` is there; it is left alone.
base::Status stage_secret_file(const std::string& path, std::string_view content);
base::Status publish_secret_file(const std::string& path);
// Removes what was staged and not published, if anything.
base::Status discard_staged_file(const std::string& path);
std::string staged_path(const std::string& path);

}  // namespace boathouse::control
