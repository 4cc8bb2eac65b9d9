#include "server/ledger/epoch.hpp"

namespace boathouse::ledger {

using base::Error;
using base::ErrorCode;
using base::Status;

Status Epoch::check(std::string_view found) const {
  if (found == text_) {
    return {};
  }
  if (!found.empty()) {
    std::call_once(told_, [this] {
      if (on_other_) {
        on_other_();
      }
    });
  }
  return Error{ErrorCode::unavailable,
               "the ledger was restored under this server; it must be restarted, then send everything again"};
}

Status Epoch::check(sql::Connection& connection) const {
  auto select = connection.prepare("SELECT epoch FROM state");
  if (!select) {
    return select.error();
  }
  const auto row = select->step();
  if (!row) {
    return row.error();
  }
  return check(*row ? select->text(0) : std::string_view());
}

}  // namespace boathouse::ledger
