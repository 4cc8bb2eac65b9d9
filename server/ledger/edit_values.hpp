// What the edits of a session come to, as rowing::resolve() has it, from rows of indexes: the steps are as many as
// there are fields, however often each was written. An athlete may send as many edits as they like, and everybody waits
// meanwhile. Within a transaction or snapshot() that the caller holds; thread rule: the connection's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/rowing/edit_order.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::ledger {

// Of table edit. The numbers are on disk: never change one. Of `single` there are as many fields as this program knows;
// of the others as many as somebody makes up.
enum class FieldGroup : std::uint8_t { single = 0, tag = 1, link = 2 };

FieldGroup group_of(rowing::EditField field);

// What people wrote for the session that a recording was born with.
struct WrittenValues {
  std::string title;
  std::string notes;
  std::vector<std::string> tags;
  bool deleted = false;
  std::map<rowing::Stream, rowing::PlacedEdit> primaries;  // those that name a recording
};

// At most `tags_left` tags are looked at, also such that were taken away, and taken off it.
base::Result<WrittenValues> written_values(sql::Connection& connection, const base::Uuid& athlete,
                                           const base::Uuid& session, std::size_t& tags_left);

// The newest edit of each link that a recording is an end of; where both its ends wrote one, of each. At most
// `links_left`, which are taken off it.
base::Result<std::vector<rowing::PlacedEdit>> newest_links(sql::Connection& connection, const base::Uuid& athlete,
                                                           const base::Uuid& rec_id, std::size_t& links_left);

base::Result<bool> is_deleted(sql::Connection& connection, const base::Uuid& athlete, const base::Uuid& session);

// What is asked: named here so that a test looks at the plans.
extern const std::string_view kNextFieldQuery;
extern const std::string_view kNextLinkQuery;
extern const std::string_view kTagQuery;
extern const std::string_view kLastDeletionQuery;
extern const std::string_view kRestoredQuery;

}  // namespace boathouse::ledger
