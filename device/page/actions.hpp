// What a person does with a session on a device, and with the room it takes: edit, fetch, storage. Questions and
// answers are JSON objects; invalid_input names a key that is unknown or of the wrong type. Any thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/json.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "device/page/tools.hpp"

namespace boathouse::page {

// "ses_" + UUID.
std::string session_id(const base::Uuid& id);
// That, or the UUID alone.
base::Result<base::Uuid> parse_session(const std::string& text);
// `key` with the text, or null.
void write_text(base::JsonWriter& json, std::string_view key, const std::optional<std::string>& text);
// "elapsed_s" and "distance_m", null = not told.
void write_totals(base::JsonWriter& json, const std::optional<std::int64_t>& elapsed_cs,
                  const std::optional<std::int64_t>& distance_dm);
// "recordings": [ids].
void write_recordings(base::JsonWriter& json, const store::SessionInfo& session);
// An object with none but these keys.
base::Result<base::JsonValue> parse_object(const std::string& text, std::initializer_list<std::string_view> keys);

// A session that was merged into another answers as that one. Deleting is of all its recordings; each is restored for
// itself, and they are one session again.
// `fields`: title, notes (text, null = nothing), add_tags, remove_tags (arrays of text), deleted (bool), all optional.
// {"edits": how many, "title", "notes", "tags", "deleted", "other_title", "other_notes"}. A session that was merged
// into another answers as that one. Deleting is of all its recordings; each is restored for itself, and they are one
// session again.
base::Result<std::string> edit_session(const Tools& tools, const std::string& session, const std::string& fields);
// {"session", "recordings": [ids]} of the one that stays. Both ids may be of sessions or their recordings.
base::Result<std::string> link_sessions(const Tools& tools, const std::string& session, const std::string& other);
base::Result<std::string> unlink_sessions(const Tools& tools, const std::string& session, const std::string& other);
// {"wanted_chunks"}: they come with the next sync.
base::Result<std::string> fetch_session(const Tools& tools, const std::string& session);
// "used", "cap", "freeable", "running", "unsent", "unverified", "not_backed_up", "no_backup" (a part of that) of the
// open object, bytes; "disk_low"; "stays": what of `used` is not freeable, each byte under the first reason that keeps
// it:
// {"reason", "bytes", "text"}.
void write_space(base::JsonWriter& json, const store::Space& space);
// `request`: cap_bytes and free_bytes, both optional. Those of write_space() and
// "freed", bytes.
base::Result<std::string> storage(const Tools& tools, const std::string& request);

}  // namespace boathouse::page
