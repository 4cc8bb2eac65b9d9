#include "server/ledger/edit_values.hpp"

#include <optional>
#include <utility>

#include "core/wire/edit.hpp"
#include "server/ledger/rows.hpp"

namespace boathouse::ledger {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;
using rowing::EditField;
using rowing::PlacedEdit;
using rowing::Stamp;

const std::string_view kNextFieldQuery =
    "SELECT json, effective_ms, effective_count, field FROM edit "
    "WHERE session = ?1 AND athlete = ?2 AND field_group = ?3 AND field > ?4 "
    "ORDER BY field, placed_ms DESC, placed_count DESC, replica DESC, op_id DESC LIMIT 1";

const std::string_view kNextLinkQuery =
    "SELECT json, effective_ms, effective_count FROM edit "
    "WHERE athlete = ?1 AND field_group = 2 AND field = ?2 AND session > ?3 "
    "ORDER BY session, placed_ms DESC, placed_count DESC, replica DESC, op_id DESC LIMIT 1";

const std::string_view kTagQuery =
    "SELECT tag_ms, tag_count FROM edit WHERE session = ?1 AND athlete = ?2 AND field = ?3 AND adds = ?4 "
    "ORDER BY tag_ms DESC, tag_count DESC LIMIT 1";

const std::string_view kLastDeletionQuery =
    "SELECT placed_ms, placed_count, replica, op_id FROM edit WHERE session = ?1 AND athlete = ?2 AND deletes = 1 "
    "ORDER BY placed_ms DESC, placed_count DESC, replica DESC, op_id DESC LIMIT 1";

const std::string_view kRestoredQuery =
    "SELECT 1 FROM edit WHERE session = ?1 AND athlete = ?2 AND deletes = 0 "
    "AND (placed_ms, placed_count, replica, op_id) > (?3, ?4, ?5, ?6) AND placed_ms <= ?7 LIMIT 1";

namespace {

// corrupt: it is damaged, or a newer program's. `rec_id`: the recording in whose name it was looked for.
Result<PlacedEdit> edit_of(const sql::Statement& row, const base::Uuid& rec_id) {
  auto edit = wire::decode_edit(base::as_text(row.blob(0)));
  if (!edit) {
    return Error{ErrorCode::corrupt, "a stored edit of recording " + rec_id.text() + ": " + edit.error().text};
  }
  Stamp effective = edit->stamp;
  if (!row.is_null(1)) {
    effective = {row.integer(1), static_cast<std::uint32_t>(row.integer(2))};
  }
  return PlacedEdit{std::move(*edit), effective};
}

// The newest edit of each of a session's fields of a group, in order of the fields; at most `limit`. `keys`: those
// fields as the database has them, which an edit of before does not always tell (docs/operations/backup.md, U+0000).
Result<std::vector<PlacedEdit>> newest_of(sql::Connection& connection, const base::Uuid& athlete,
                                          const base::Uuid& session, FieldGroup group, std::size_t limit,
                                          std::vector<std::string>* keys = nullptr) {
  auto select = connection.prepare(kNextFieldQuery);
  if (!select) {
    return select.error();
  }
  select->bind(1, session.bytes).bind(2, athlete.bytes).bind(3, static_cast<int>(group));
  std::vector<PlacedEdit> newest;
  std::string after;
  while (newest.size() < limit) {
    const auto row = select->bind(4, after).step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      break;
    }
    auto edit = edit_of(*select, session);
    if (!edit) {
      return edit.error();
    }
    newest.push_back(std::move(*edit));
    after = select->text(3);
    if (keys != nullptr) {
      keys->push_back(after);
    }
    select->reset();
  }
  return newest;
}

// Of a tag: where the newest edit that puts it there stands, or the newest that one which takes it away had seen.
Result<std::optional<Stamp>> newest_of_tag(sql::Statement& select, bool adds) {
  const auto row = select.bind(4, adds).step();
  if (!row) {
    return row.error();
  }
  std::optional<Stamp> stamp;
  if (*row) {
    stamp = {select.integer(0), static_cast<std::uint32_t>(select.integer(1))};
  }
  select.reset();
  return stamp;
}

// Though the newest edit takes it away: that one and all others like it had not seen one that puts it there.
Result<bool> tag_survives(sql::Connection& connection, const base::Uuid& athlete, const base::Uuid& session,
                          const std::string& key) {
  auto select = connection.prepare(kTagQuery);
  if (!select) {
    return select.error();
  }
  select->bind(1, session.bytes).bind(2, athlete.bytes).bind(3, key);
  const auto added = newest_of_tag(*select, true);
  if (!added) {
    return added.error();
  }
  const auto seen = newest_of_tag(*select, false);
  if (!seen) {
    return seen.error();
  }
  return *added && *added > *seen;
}

}  // namespace

FieldGroup group_of(EditField field) {
  switch (field) {
    case EditField::tag:
      return FieldGroup::tag;
    case EditField::link:
      return FieldGroup::link;
    case EditField::title:
    case EditField::notes:
    case EditField::deleted:
    case EditField::purged:
    case EditField::primary:
      break;
  }
  return FieldGroup::single;
}

Result<WrittenValues> written_values(sql::Connection& connection, const base::Uuid& athlete, const base::Uuid& session,
                                     std::size_t& tags_left) {
  WrittenValues values;
  auto fields = newest_of(connection, athlete, session, FieldGroup::single, SIZE_MAX);
  if (!fields) {
    return fields.error();
  }
  for (PlacedEdit& newest : *fields) {
    rowing::Edit& edit = newest.edit;
    if (edit.field == EditField::title) {
      values.title = edit.text.value_or("");
    } else if (edit.field == EditField::notes) {
      values.notes = edit.text.value_or("");
    } else if (edit.field == EditField::primary && edit.primary) {
      values.primaries.emplace(edit.stream, std::move(newest));
    } else if (edit.field == EditField::deleted) {
      const auto deleted = is_deleted(connection, athlete, session);
      if (!deleted) {
        return deleted.error();
      }
      values.deleted = *deleted;
    }
  }
  std::vector<std::string> keys;
  const auto tags = newest_of(connection, athlete, session, FieldGroup::tag, tags_left, &keys);
  if (!tags) {
    return tags.error();
  }
  tags_left -= tags->size();
  for (std::size_t i = 0; i < tags->size(); ++i) {
    const rowing::Edit& newest = (*tags)[i].edit;
    const auto is_there =
        newest.flag == true ? Result<bool>(true) : tag_survives(connection, athlete, session, keys[i]);
    if (!is_there) {
      return is_there.error();
    }
    if (*is_there) {
      values.tags.push_back(newest.name);
    }
  }
  return values;
}

Result<std::vector<PlacedEdit>> newest_links(sql::Connection& connection, const base::Uuid& athlete,
                                             const base::Uuid& rec_id, std::size_t& links_left) {
  auto links = newest_of(connection, athlete, rec_id, FieldGroup::link, links_left);
  if (!links) {
    return links.error();
  }
  auto select = connection.prepare(kNextLinkQuery);
  if (!select) {
    return select.error();
  }
  select->bind(1, athlete.bytes).bind(2, "link:" + rec_id.text());
  base::Bytes after;
  while (links->size() < links_left) {
    const auto row = select->bind(3, base::ByteView(after)).step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      break;
    }
    auto edit = edit_of(*select, rec_id);
    if (!edit) {
      return edit.error();
    }
    after.assign(edit->edit.session.bytes.begin(), edit->edit.session.bytes.end());
    links->push_back(std::move(*edit));
    select->reset();
  }
  links_left -= links->size();
  return links;
}

// From two rows of the index: a deletion stands whatever was before it, so the last one decides, with what would
// restore it in time.
Result<bool> is_deleted(sql::Connection& connection, const base::Uuid& athlete, const base::Uuid& session) {
  auto last = connection.prepare(kLastDeletionQuery);
  if (!last) {
    return last.error();
  }
  const auto deletion = last->bind(1, session.bytes).bind(2, athlete.bytes).step();
  if (!deletion || !*deletion) {
    return deletion;
  }
  auto restored = connection.prepare(kRestoredQuery);
  if (!restored) {
    return restored.error();
  }
  restored->bind(1, session.bytes).bind(2, athlete.bytes).bind(3, last->integer(0)).bind(4, last->integer(1));
  restored->bind(5, last->blob(2)).bind(6, last->blob(3)).bind(7, last->integer(0) + rowing::kRestoreWindowMs);
  const auto row = restored->step();
  return row ? Result<bool>(!*row) : row;
}

}  // namespace boathouse::ledger
