#include "core/wire/edit.hpp"

#include <array>
#include <utility>

#include "core/base/json.hpp"
#include "core/wire/json_fields.hpp"

namespace boathouse::wire {
namespace {

using base::ErrorCode;
using base::JsonValue;
using base::JsonWriter;
using base::Result;
using base::Status;
using rowing::Edit;
using rowing::EditField;

// With a colon at its end: what follows it is the name, recording or stream.
constexpr std::array kFields{
    std::pair{EditField::title, std::string_view("title")},
    std::pair{EditField::notes, std::string_view("notes")},
    std::pair{EditField::tag, std::string_view("tag:")},
    std::pair{EditField::deleted, std::string_view("deleted")},
    std::pair{EditField::purged, std::string_view("purged")},
    std::pair{EditField::link, std::string_view("link:")},
    std::pair{EditField::primary, std::string_view("primary:")},
};

void read_field(JsonFields& fields, Edit& edit) {
  const std::string text = fields.text("field", kMaxEditBytes, true);
  for (const auto& [field, word] : kFields) {
    const bool is_prefix = word.back() == ':';
    if (is_prefix ? !text.starts_with(word) : text != word) {
      continue;
    }
    const std::string rest = text.substr(word.size());
    edit.field = field;
    if (field == EditField::tag) {
      edit.name = rest;
    } else if (field == EditField::link) {
      const auto other = base::Uuid::parse(rest);
      if (!other.ok()) {
        return fields.fail(ErrorCode::invalid_input, "field", "must name a link by a UUID in lower case");
      }
      edit.other = *other;
    } else if (field == EditField::primary) {
      const auto stream = rowing::stream_from_name(rest);
      if (!stream) {
        return fields.fail(ErrorCode::unsupported, "field", "names a stream that is not known here");
      }
      edit.stream = *stream;
    }
    return;
  }
  fields.fail(ErrorCode::unsupported, "field", "has no name that is known here");
}

// After read_field. `value` may be null, but it must be there: nobody's title goes because a key was forgotten.
void read_value(JsonFields& fields, const JsonValue* value, Edit& edit) {
  if (value == nullptr) {
    return fields.fail(ErrorCode::invalid_input, "value", "is missing");
  }
  if (value->is_null()) {
    return;
  }
  switch (edit.field) {
    case EditField::title:
    case EditField::notes:
      if (value->text() == nullptr) {
        return fields.fail(ErrorCode::invalid_input, "value", "must be text or null");
      }
      edit.text = *value->text();
      return;
    case EditField::tag:
    case EditField::deleted:
    case EditField::purged:
    case EditField::link:
      edit.flag = value->boolean();
      if (!edit.flag) {
        fields.fail(ErrorCode::invalid_input, "value", "must be true, false or null");
      }
      return;
    case EditField::primary: {
      const auto recording = base::Uuid::parse(value->text() != nullptr ? *value->text() : "");
      if (!recording.ok()) {
        return fields.fail(ErrorCode::invalid_input, "value", "must be a UUID in lower case or null");
      }
      edit.primary = *recording;
      return;
    }
  }
}

}  // namespace

std::string encode_edit(const Edit& edit) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.key("op_id").value(edit.op_id.text());
  json.key("replica_id").value(edit.replica_id.text());
  json.key("op_seq").value(edit.op_seq);
  put_stamp(json.key("stamp"), edit.stamp);
  put_stamp(json.key("seen"), edit.seen);
  json.key("session").value(edit.session.text());
  json.key("field").value(rowing::field_key(edit));
  json.key("value");
  if (edit.text) {
    json.value(*edit.text);
  } else if (edit.flag) {
    json.value(*edit.flag);
  } else if (edit.primary) {
    json.value(edit.primary->text());
  } else {
    json.null();
  }
  json.end_object();
  return out;
}

Result<Edit> decode_edit(std::string_view text) {
  const auto parsed = parse_object(text, kMaxEditBytes, "edit");
  if (!parsed.ok()) {
    return parsed.error();
  }
  JsonFields fields(*parsed, "edit");
  Edit edit;
  edit.op_id = fields.uuid("op_id");
  edit.replica_id = fields.uuid("replica_id");
  edit.op_seq = fields.count("op_seq", 1);
  edit.stamp = fields.stamp("stamp", true).value_or(rowing::Stamp());
  edit.seen = fields.stamp("seen", true).value_or(rowing::Stamp());
  edit.session = fields.uuid("session");
  read_field(fields, edit);
  read_value(fields, parsed->find("value"), edit);
  BOATHOUSE_TRY(fields.status());
  if (const Status status = rowing::check_edit(edit); !status.ok()) {
    return status.error().within("edit");
  }
  return edit;
}

}  // namespace boathouse::wire
