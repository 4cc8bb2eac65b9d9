// Commands that leave files in a server's folder or in one of its backups run as the user whose folder it is: what
// another one leaves there (root's have mode 0600) the server cannot read, and its ClickHouse then does not start, or a
// backup counts as not verified. Any thread.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <initializer_list>
#include <optional>

#include "core/base/result.hpp"

namespace boathouse::app {

// invalid_input, with the command that does it right: the folder is there and is another user's than `user`.
base::Status check_owner(const std::filesystem::path& folder, uid_t user);

// The same of each for the user of this process, said as wrong use: the exit code. nullopt: go on. An empty path is no
// folder.
std::optional<int> refuse_other_user(std::initializer_list<std::filesystem::path> folders);

}  // namespace boathouse::app
