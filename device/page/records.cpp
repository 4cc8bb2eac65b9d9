#include "device/page/records.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

#include "core/base/json.hpp"
#include "core/rowing/edge.hpp"
#include "device/page/actions.hpp"

namespace boathouse::page {
namespace {

using base::Error;
using base::ErrorCode;
using rowing::EdgeField;

constexpr std::size_t kMaxFields = 20;

base::Result<std::vector<const EdgeField*>> chosen_fields(rowing::Stream stream, std::string_view names) {
  std::vector<const EdgeField*> chosen;
  const auto all = rowing::edge_fields(stream);
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find(','));
    names.remove_prefix(std::min(name.size() + 1, names.size()));
    const auto field = std::ranges::find(all, name, &EdgeField::name);
    if (field == all.end()) {
      return Error{ErrorCode::invalid_input, "\"" + std::string(name) + "\" is no field of that stream"};
    }
    chosen.push_back(&*field);
  }
  if (chosen.empty() || chosen.size() > kMaxFields) {
    return Error{ErrorCode::invalid_input, "name 1 to " + std::to_string(kMaxFields) + " fields"};
  }
  return chosen;
}

base::Result<std::uint64_t> place(std::string_view text) {
  std::uint64_t value = 0;
  if (text.empty()) return value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Error{ErrorCode::invalid_input, "\"from\" must be a whole number"};
  }
  return value;
}

}  // namespace

base::Result<std::string> records_json(const Tools& tools, const RecordQuery& query) {
  const auto id = parse_session(query.session);
  if (!id) return id.error();
  const auto stream = rowing::stream_from_name(query.stream);
  if (!stream) return Error{ErrorCode::invalid_input, "\"" + query.stream + "\" is no stream"};
  const auto fields = chosen_fields(*stream, query.fields);
  if (!fields) return fields.error();
  const auto from = place(query.from);
  if (!from) return from.error();
  const auto records = tools.store.records(*id, *stream, *from, kMaxRows);
  if (!records) return records.error();
  std::string out;
  base::JsonWriter json(out);
  json.begin_object().key("from").value(*from).key("next").value(*from + records->size()).key("rows").begin_array();
  for (const rowing::Record& record : *records) {
    json.begin_array();
    for (const EdgeField* field : *fields) {
      const auto text = field->render(*field, record.values);
      if (!text) {
        json.null();
      } else if (field->type == rowing::EdgeType::text) {
        json.value(*text);
      } else {
        json.number(*text);
      }
    }
    json.end_array();
  }
  json.end_array().end_object();
  return out;
}

}  // namespace boathouse::page
