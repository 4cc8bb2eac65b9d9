// The key that a new server hands to its operator.
#include <optional>
#include <string>
#include <utility>

#include "server/control/accounts.hpp"
#include "server/control/api_key.hpp"
#include "server/control/secret_file.hpp"

namespace boathouse::control {
namespace {

std::string_view without_line_end(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
    text.remove_suffix(1);
  }
  return text;
}

}  // namespace

base::Result<bool> Accounts::lacks_operator_key() {
  const std::lock_guard lock(mutex_);
  const auto operators = operators_in_force();
  if (!operators) {
    return operators.error();
  }
  return *operators == 0;
}

// Revoked or not, and whatever its secret is now.
base::Result<bool> Accounts::is_of_operator(std::string_view key_text) {
  const auto id = parse_api_key(key_text);
  if (!id) {
    return false;
  }
  auto select = connection_.prepare("SELECT role FROM api_key WHERE id = ?1");
  if (!select) {
    return select.error();
  }
  const auto row = select->bind(1, id->bytes).step();
  if (!row) {
    return row.error();
  }
  return *row && static_cast<Role>(select->integer(0)) == Role::operator_;
}

base::Status Accounts::ensure_operator_key(AuditedAct* act) {
  const std::lock_guard lock(mutex_);
  const std::string path = dir_ + "/operator.key";
  auto file = read_secret_file(path);
  if (!file) {
    return file.error();
  }
  // A start that was cut off after its commit left the key that the database knows under its first name.
  const auto staged = read_secret_file(staged_path(path));
  if (!staged) {
    return staged.error();
  }
  if (!file->has_value() && staged->has_value()) {
    const auto ours = is_of_operator(without_line_end(**staged));
    if (!ours) {
      return ours.error();
    }
    if (*ours) {
      return publish_secret_file(path);
    }
  }
  BOATHOUSE_TRY(discard_staged_file(path));

  if (file->has_value()) {
    const auto ours = is_of_operator(without_line_end(**file));
    if (!ours) {
      return ours.error();
    }
    if (!*ours) {
      return base::Error{base::ErrorCode::corrupt,
                         path +
                             " holds no operator key of this server's control.db: if both were restored, take them "
                             "from the same backup; otherwise move the file away and start again"};
    }
    return {};
  }
  // Of several nodes that start at once one makes it.
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  const auto operators = operators_in_force();
  if (!operators) {
    return operators.error();
  }
  if (*operators > 0) {
    return {};
  }
  const auto key = insert_key(Role::operator_, std::nullopt, {.scopes = kOperatorScopes}, random_);
  if (!key) {
    return key.error();
  }
  BOATHOUSE_TRY(stage_secret_file(path, key->text + "\n"));
  BOATHOUSE_TRY(commit(*transaction, connection_, act));
  BOATHOUSE_TRY(load_key(key->key.id));
  return publish_secret_file(path);
}

}  // namespace boathouse::control
