#include "device/page/records.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

#include "core/base/json.hpp"
#include "core/rowing/edge.hpp"
#include "core/rowing/formulas.hpp"
#include "core/rowing/record.hpp"
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

// Of the last record that names its machine; 500 when none does.
std::int64_t pace_metres(rowing::Stream stream, const std::vector<rowing::Record>& records) {
  const auto all = rowing::metrics(stream);
  const auto column = std::ranges::find(all, "erg_machine_type", &rowing::Metric::column);
  std::int64_t machine = rowing::kNull;
  if (column != all.end()) {
    for (const rowing::Record& record : records) {
      const std::int64_t value = record.values[static_cast<std::size_t>(column - all.begin())];
      if (value != rowing::kNull) machine = value;
    }
  }
  return rowing::pace_metres(machine == rowing::kNull ? 0 : machine);
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
  json.begin_object().key("from").value(*from).key("next").value(*from + records->size());
  json.key("pace_m").value(pace_metres(*stream, *records)).key("rows").begin_array();
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

base::Result<std::string> records_csv(const Tools& tools, const std::string& session, const std::string& stream_name) {
  const auto id = parse_session(session);
  if (!id) return id.error();
  const auto stream = rowing::stream_from_name(stream_name);
  if (!stream) return Error{ErrorCode::invalid_input, "\"" + stream_name + "\" is no stream"};
  const auto fields = rowing::edge_fields(*stream);
  std::string out = "seq";
  for (const EdgeField& field : fields) out.append(",").append(field.name);
  out += "\r\n";
  for (std::uint64_t seq = 0;;) {
    const auto records = tools.store.records(*id, *stream, seq, kMaxRows);
    if (!records) return records.error();
    if (records->empty()) return out;
    for (const rowing::Record& record : *records) {
      out += std::to_string(seq++);
      // Numbers and names of enumerations: nothing to quote.
      for (const EdgeField& field : fields) out.append(",").append(field.render(field, record.values).value_or(""));
      out += "\r\n";
    }
    if (out.size() > kMaxCopy) return Error{ErrorCode::too_large, "this session is too long for one file"};
  }
}

}  // namespace boathouse::page
