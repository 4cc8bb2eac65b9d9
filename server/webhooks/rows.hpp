// Rows of the two tables as values. Pure functions.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "server/sql/sql.hpp"
#include "server/webhooks/store.hpp"

namespace boathouse::webhooks {

inline base::Uuid uuid_of(base::ByteView blob) {
  base::Uuid uuid;
  std::copy_n(blob.begin(), std::min(blob.size(), uuid.bytes.size()), uuid.bytes.begin());
  return uuid;
}

inline Secret secret_of(base::ByteView blob) {
  Secret secret{};
  std::copy_n(blob.begin(), std::min(blob.size(), secret.size()), secret.begin());
  return secret;
}

inline std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    names.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return names;
}

inline constexpr std::string_view kEndpoints =
    "SELECT id, athlete, url, events, secret, previous_secret, previous_until_ms, enabled, disabled_why, created_ms, "
    "failing_since_ms, version FROM endpoint ";

inline Endpoint endpoint_of(const sql::Statement& row) {
  Endpoint endpoint;
  endpoint.id = uuid_of(row.blob(0));
  endpoint.athlete = uuid_of(row.blob(1));
  endpoint.url = row.text(2);
  endpoint.events = split(row.text(3));
  endpoint.secret = secret_of(row.blob(4));
  if (!row.is_null(5)) {
    endpoint.previous_secret = secret_of(row.blob(5));
  }
  endpoint.previous_until_ms = row.optional_integer(6);
  endpoint.enabled = row.integer(7) != 0;
  endpoint.disabled_why = row.text(8);
  endpoint.created_ms = row.integer(9);
  endpoint.failing_since_ms = row.optional_integer(10);
  endpoint.version = row.integer(11);
  return endpoint;
}

inline constexpr std::string_view kDeliveries =
    "SELECT id, endpoint, event_id, type, body, state, attempts, created_ms, next_ms, last_ms, status, error, "
    "duration_ms FROM delivery ";

inline Delivery delivery_of(const sql::Statement& row) {
  Delivery delivery;
  delivery.id = uuid_of(row.blob(0));
  delivery.endpoint = uuid_of(row.blob(1));
  delivery.event_id = row.text(2);
  delivery.type = row.text(3);
  delivery.body = row.text(4);
  delivery.state = static_cast<DeliveryState>(row.integer(5));
  delivery.attempts = static_cast<int>(row.integer(6));
  delivery.created_ms = row.integer(7);
  delivery.next_ms = row.optional_integer(8);
  delivery.last_ms = row.optional_integer(9);
  if (!row.is_null(10)) {
    delivery.status = static_cast<int>(row.integer(10));
  }
  delivery.error = row.text(11);
  delivery.duration_ms = row.optional_integer(12);
  return delivery;
}

template <typename Make>
auto rows_of(sql::Statement& select, Make make) -> base::Result<std::vector<decltype(make(select))>> {
  std::vector<decltype(make(select))> rows;
  while (true) {
    const auto row = select.step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return rows;
    }
    rows.push_back(make(select));
  }
}

template <typename T>
base::Result<std::optional<T>> first_of(base::Result<std::vector<T>> rows) {
  if (!rows) {
    return rows.error();
  }
  return rows->empty() ? std::optional<T>() : std::optional<T>(std::move(rows->front()));
}

inline base::Error not_there(std::string_view what) {
  return {base::ErrorCode::not_found, "there is no such " + std::string(what)};
}

}  // namespace boathouse::webhooks
