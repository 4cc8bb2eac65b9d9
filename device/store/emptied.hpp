// Tells a store whose file has lost its bytes from one that was never begun: SQLite takes either for new, and would
// remove the log that may still hold what was in it.
#pragma once

#include <string>

#include "core/base/result.hpp"

namespace boathouse::store {

// Before the store in `folder` is opened. corrupt: its file is there and has no bytes, though it had been a store; it
// is left as it is. Marks a folder without the file as one in which a store is being made.
base::Status look_for_emptied(const std::string& folder);

// The store is open: a file without bytes is a loss from here on.
void note_made(const std::string& folder);

}  // namespace boathouse::store
