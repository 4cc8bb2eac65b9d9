// What a person does with sessions on a device, and with the room they take: list, edit, link, answer, fetch, storage.
// JSON answers; any thread.
#pragma once

#include <string>

#include "apps/boathouse/device_folder.hpp"
#include "core/base/result.hpp"

namespace boathouse::app {

std::string session_id(const base::Uuid& id);
// "ses_" + UUID, or the UUID alone.
base::Result<base::Uuid> parse_session(const std::string& text);

// Newest first, those of several recordings once: [{"id", "recordings": [ids], "started_at", "title", "elapsed_s",
// "distance_m" (null = not told), "records": of the primaries, "safety": the least of its recordings', ...}]
base::Result<std::string> sessions_json(Device& device);

// A session that was merged into another answers as that one. Deleting is of all its recordings; each is restored for
// itself, and they are one session again.
// `fields`: JSON object of title, notes (text, null = nothing), add_tags, remove_tags (arrays of text), deleted
// (bool). {"edits": how many, "title", "notes", "tags", "deleted", "other_title", "other_notes"}
base::Result<std::string> edit_session(Device& device, const std::string& session, const std::string& fields);
// {"session", "recordings": [ids]} of the one that stays. Both ids may be of sessions or their recordings.
base::Result<std::string> link_sessions(Device& device, const std::string& session, const std::string& other);
base::Result<std::string> unlink_sessions(Device& device, const std::string& session, const std::string& other);
// {"open": how many, "conflicts": [{"id", "kind", "session", "mine", "theirs", "reason", "since", "answered": null or a
// word}]}, as Store::conflicts(); mine and theirs are {"text"} or {"recording", "started_at", "elapsed_s",
// "distance_m", "device"}.
base::Result<std::string> conflicts_json(Device& device);
// `answer`: mine, theirs or both. {"open"}: how many are left.
base::Result<std::string> answer_conflict(Device& device, const std::string& id, const std::string& answer);
// {"wanted_chunks"}: they come with the next sync.
base::Result<std::string> fetch_session(Device& device, const std::string& session);
// `request`: JSON object of cap_bytes and free_bytes, both optional. {"used", "cap", "freeable", "unsent",
// "unverified", "not_backed_up", "freed"}, bytes.
base::Result<std::string> storage(Device& device, const std::string& request);

}  // namespace boathouse::app
