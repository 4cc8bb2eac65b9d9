#include "engine/http/query_request.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/base64.hpp"
#include "core/base/bytes.hpp"
#include "engine/http/exception.hpp"

namespace boathouse::engine_http {
namespace {

constexpr std::size_t kMaxNameLength = 128;

bool is_setting_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameLength && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// Format and query id go back out in headers.
bool is_format_name(std::string_view name) {
  return name.size() <= kMaxNameLength && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
         });
}

bool is_query_id(std::string_view id) {
  return id.size() <= kMaxNameLength && std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

std::string quote(std::string_view text, char mark) {
  std::string out(1, mark);
  for (const char c : text) {
    if (c == mark || c == '\\') {
      out.push_back('\\');
    }
    out.push_back(c);
  }
  out.push_back(mark);
  return out;
}

bool same_secret(std::string_view given, std::string_view wanted) {
  unsigned difference = given.size() == wanted.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    difference |= static_cast<unsigned>(static_cast<unsigned char>(given[i]) ^
                                        static_cast<unsigned char>(wanted[i % wanted.size()]));
  }
  return difference == 0;
}

struct Credentials {
  std::string user;
  std::string password;
};

std::optional<Credentials> find_credentials(const HttpRequest& request) {
  const auto text = [](const std::string* value) { return value == nullptr ? std::string() : *value; };
  if (const std::string* key = request.header("x-clickhouse-key")) {
    return Credentials{text(request.header("x-clickhouse-user")), *key};
  }
  if (const std::string* authorization = request.header("authorization")) {
    const std::string_view value = *authorization;
    constexpr std::size_t kScheme = 6;
    if (!same_word(value.substr(0, kScheme), "Basic ")) {
      return std::nullopt;
    }
    const auto decoded = base::from_base64(value.substr(kScheme));
    if (!decoded) {
      return std::nullopt;
    }
    const std::string_view pair = base::as_text(*decoded);
    const std::size_t colon = pair.find(':');
    if (colon == std::string_view::npos) {
      return std::nullopt;
    }
    return Credentials{std::string(pair.substr(0, colon)), std::string(pair.substr(colon + 1))};
  }
  if (const std::string* password = request.parameter("password")) {
    return Credentials{text(request.parameter("user")), *password};
  }
  return std::nullopt;
}

}  // namespace

base::Result<QueryRequest> read_query_request(const HttpRequest& request) {
  QueryRequest out;
  if (const std::string* format = request.header("x-clickhouse-format")) {
    out.format = *format;
  }
  if (const std::string* database = request.header("x-clickhouse-database")) {
    out.database = *database;
  }
  for (const Field& parameter : request.parameters) {
    constexpr std::string_view kPrefix = "param_";
    if (parameter.name == "query") {
      out.query = parameter.value;
    } else if (parameter.name == "database") {
      out.database = parameter.value;
    } else if (parameter.name == "default_format") {
      out.format = parameter.value;
    } else if (parameter.name == "query_id") {
      out.query_id = parameter.value;
    } else if (parameter.name == "wait_end_of_query") {
      out.wait_end_of_query = parameter.value != "0";
    } else if (parameter.name.starts_with(kPrefix)) {
      out.parameters.push_back({parameter.name.substr(kPrefix.size()), parameter.value});
    } else if (parameter.name != "user" && parameter.name != "password") {
      if (!is_setting_name(parameter.name)) {
        return exception(kBadRequestParameter, "the name of a setting has only a-z, 0-9 and _ in it");
      }
      out.settings.push_back(parameter);
    }
  }
  if (!is_query_id(out.query_id)) {
    return exception(kBadRequestParameter, "query_id has at most 128 visible ASCII characters");
  }
  if (!is_format_name(out.format)) {
    return exception(kUnknownFormat, "the name of a format has only letters, digits and _ in it");
  }
  return out;
}

base::Status check_password(const HttpRequest& request, std::string_view password) {
  const auto given = find_credentials(request);
  if (!given) {
    return exception(kAuthenticationFailed,
                     "a password is needed: X-ClickHouse-User and X-ClickHouse-Key, or "
                     "Authorization: Basic, or the parameters user and password");
  }
  const bool right_user = given->user.empty() || given->user == "default";
  if (!same_secret(given->password, password) || !right_user) {
    return exception(kAuthenticationFailed, "the password is wrong, or the user is not `default`");
  }
  return base::Done{};
}

bool may_be_compressed(const QueryRequest& request) {
  return std::none_of(request.settings.begin(), request.settings.end(), [](const Field& setting) {
    return setting.name == "enable_http_compression" && (setting.value == "0" || setting.value == "false");
  });
}

std::string set_statement(const std::vector<Field>& settings) {
  std::string out;
  for (const Field& setting : settings) {
    out += (out.empty() ? "SET " : ", ") + setting.name + " = " + quote(setting.value, '\'');
  }
  return out;
}

std::string quote_identifier(std::string_view name) { return quote(name, '`'); }

std::string_view content_type(std::string_view format) {
  if (format.starts_with("JSON")) {
    return "application/json; charset=UTF-8";
  }
  if (format.starts_with("CSV")) {
    return "text/csv; charset=UTF-8";
  }
  if (format.starts_with("TabSeparated") || format.starts_with("TSV")) {
    return "text/tab-separated-values; charset=UTF-8";
  }
  if (format == "Prometheus") {
    return "text/plain; version=0.0.4; charset=UTF-8";
  }
  if (format.starts_with("Pretty") || format == "Vertical" || format == "Values") {
    return "text/plain; charset=UTF-8";
  }
  return "application/octet-stream";
}

bool is_streamable(std::string_view format) {
  constexpr std::array<std::string_view, 4> kFormats = {"Native", "RowBinary", "JSONEachRow", "JSONCompactEachRow"};
  return std::find(kFormats.begin(), kFormats.end(), format) != kFormats.end();
}

}  // namespace boathouse::engine_http
