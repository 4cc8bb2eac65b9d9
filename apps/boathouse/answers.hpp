// How answers of the server are shown by commands.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "apps/boathouse/server_client.hpp"
#include "core/base/json.hpp"

namespace boathouse::app {

// "-" when there is nothing, a list of texts with commas. A key "a.b" reaches into an object.
std::string text_of(const base::JsonValue& value, std::string_view key);

// On stdout, as it is.
void print(const std::string& text);

// All pages of a list; one line of JSON a page with --json, or the fields in columns. `query`: more of the address,
// "athlete=ath_..." or "". Gives the exit code.
int print_list(const ServerOptions& server, const std::string& path, std::initializer_list<std::string_view> fields,
               const std::string& query = {});

}  // namespace boathouse::app
