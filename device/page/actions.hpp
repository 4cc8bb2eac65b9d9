// What a person does with a session on a device, and with the room it takes: edit, fetch, storage. JSON answers; any
// thread.
#pragma once

#include <string>

#include "apps/boathouse/device_folder.hpp"
#include "core/base/result.hpp"

namespace boathouse::app {

// "ses_" + UUID, or the UUID alone.
base::Result<base::Uuid> parse_session(const std::string& text);

// `fields`: JSON object of title, notes (text, null = nothing), add_tags, remove_tags (arrays of text), deleted
// (bool). {"edits": how many, "title", "notes", "tags", "deleted", "other_title", "other_notes"}
base::Result<std::string> edit_session(Device& device, const std::string& session, const std::string& fields);
// {"wanted_chunks"}: they come with the next sync.
base::Result<std::string> fetch_session(Device& device, const std::string& session);
// `request`: JSON object of cap_bytes and free_bytes, both optional. {"used", "cap", "freeable", "unsent",
// "unverified", "not_backed_up", "freed"}, bytes.
base::Result<std::string> storage(Device& device, const std::string& request);

}  // namespace boathouse::app
