#include "server/control/pepper.hpp"

#include <algorithm>
#include <optional>

#include "core/base/hex.hpp"
#include "server/control/secret_file.hpp"

namespace boathouse::control {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr std::string_view kPepperCheck = "boathouse pepper";  // its hash tells the right pepper from another

// The stored hash of kPepperCheck; nullopt in a new database.
Result<std::optional<base::Digest>> stored_check(sql::Connection& connection) {
  auto select = connection.prepare("SELECT check_hash FROM pepper");
  if (!select) {
    return select.error();
  }
  const auto row = select->step();
  if (!row) {
    return row.error();
  }
  if (!*row) {
    return std::optional<base::Digest>();
  }
  base::Digest check{};
  const base::ByteView blob = select->blob(0);
  std::copy_n(blob.begin(), std::min(blob.size(), check.size()), check.begin());
  return std::optional(check);
}

Error wrong_pepper(const std::string& path, std::string_view why) {
  return Error{ErrorCode::corrupt, path + " " + std::string(why) +
                                       ": without the file that was made with control.db no key can be checked; "
                                       "restore both from the same backup"};
}

Result<Pepper> read_pepper(const std::string& path, const std::string& content) {
  const auto bytes = base::from_hex(content.substr(0, content.find('\n')));
  Pepper pepper{};
  if (!bytes || bytes->size() != pepper.size()) {
    return wrong_pepper(path, "is not 64 hex digits");
  }
  std::copy(bytes->begin(), bytes->end(), pepper.begin());
  return pepper;
}

Result<Pepper> make_pepper(const std::string& path, base::RandomSource& random) {
  Pepper pepper{};
  random.fill(pepper);
  BOATHOUSE_TRY(stage_secret_file(path, base::to_hex(pepper) + "\n"));
  BOATHOUSE_TRY(publish_secret_file(path));
  return pepper;
}

}  // namespace

Result<Pepper> open_pepper(const std::string& path, sql::Connection& connection, base::RandomSource& random) {
  const auto check = stored_check(connection);
  if (!check) {
    return check.error();
  }
  const auto content = read_secret_file(path);
  if (!content) {
    return content.error();
  }
  BOATHOUSE_TRY(discard_staged_file(path));
  if (check->has_value() && !content->has_value()) {
    return wrong_pepper(path, "is missing");
  }
  const auto pepper = content->has_value() ? read_pepper(path, **content) : make_pepper(path, random);
  if (!pepper) {
    return pepper.error();
  }
  const base::Digest hash = keyed_hash(*pepper, kPepperCheck);
  if (check->has_value()) {
    if (!equal_in_constant_time(**check, hash)) {
      return wrong_pepper(path, "is another one");
    }
    return pepper;
  }
  auto insert = connection.prepare("INSERT INTO pepper (id, check_hash) VALUES (1, ?1)");
  if (!insert) {
    return insert.error();
  }
  BOATHOUSE_TRY(insert->bind(1, hash).run());
  return pepper;
}

}  // namespace boathouse::control
