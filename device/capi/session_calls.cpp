// The C ABI's calls on sessions: listing, reading, what people write about them.
#include <algorithm>
#include <cstddef>
#include <mutex>
#include <vector>

#include "core/base/json.hpp"
#include "core/rowing/edge.hpp"
#include "core/rowing/edit.hpp"
#include "device/capi/bridge.hpp"
#include "device/sync/word.hpp"

namespace capi = boathouse::capi;
namespace base = boathouse::base;
namespace rowing = boathouse::rowing;
namespace engine = boathouse::sync;  // unistd.h has a sync()
using boathouse::base::Status;
using boathouse::store::RecordingInfo;
using boathouse::store::SessionInfo;
using boathouse::store::Store;

static_assert(static_cast<int>(engine::Safety::on_this_device) == BOATHOUSE_ON_THIS_DEVICE);
static_assert(static_cast<int>(engine::Safety::partly) == BOATHOUSE_PARTLY_SAFE);
static_assert(static_cast<int>(engine::Safety::safe) == BOATHOUSE_SAFE);
static_assert(static_cast<int>(engine::Safety::verified) == BOATHOUSE_VERIFIED);

struct boathouse_sessions {
  struct Entry {
    SessionInfo info;
    std::vector<std::string> ids;
    std::vector<const char*> recordings;  // the ids
  };
  std::vector<Entry> entries;
};

struct boathouse_reader {
  std::shared_ptr<capi::Device> device;
  std::mutex mutex;
  boathouse::store::SessionReader reader;
};

struct boathouse_field_list {
  boathouse::store::SessionFields fields;
  std::vector<const char*> tags;
};

namespace {

constexpr std::uint64_t kMaxRecords = 100'000;

// Of the recording that counts for the stream.
std::uint64_t records_of(const SessionInfo& session, rowing::Stream stream) {
  const auto primary = session.primaries.find(stream);
  if (primary == session.primaries.end()) return 0;
  for (const RecordingInfo& info : session.recordings) {
    const auto found = info.streams.find(stream);
    if (info.birth.rec_id == primary->second && found != info.streams.end()) return found->second.records;
  }
  return 0;
}

base::Result<rowing::Stream> parse_stream(const char* text) {
  BOATHOUSE_TRY(capi::need(text, "stream"));
  const auto stream = rowing::stream_from_name(text);
  if (!stream) return capi::refused("not a stream: " + std::string(text));
  return *stream;
}

void write_record(base::JsonWriter& json, const rowing::Record& record) {
  json.begin_object();
  for (const rowing::EdgeField& field : rowing::edge_fields(record.stream)) {
    json.key(field.name);
    const auto value = field.render(field, record.values);
    if (!value) {
      json.null();
    } else if (field.type == rowing::EdgeType::text) {
      json.value(*value);
    } else {
      json.number(*value);
    }
  }
  if (record.stream == rowing::Stream::force_curve) {
    json.key("points").begin_array();
    for (const std::int64_t point : record.points) json.value(point);
    json.end_array();
  }
  if (record.stream == rowing::Stream::event) json.key("detail").value(record.bytes);
  json.end_object();
}

void write_records(base::JsonWriter& json, const std::vector<rowing::Record>& records) {
  json.begin_array();
  for (const rowing::Record& record : records) write_record(json, record);
  json.end_array();
}

// `make` fills in field and value.
template <typename Make>
boathouse_code edit_session(boathouse_store* store, const char* session, boathouse_error* error, Make make) {
  return capi::on_store(store, error, [&](capi::Device& device, Store& opened) -> Status {
    const auto id = capi::parse_session(session);
    if (!id) return id.error();
    rowing::Edit edit;
    edit.session = *id;
    edit.op_id = device.ids.next();
    BOATHOUSE_TRY(make(edit));
    const auto stored = opened.edit(edit, device.clock.utc_ms());
    return stored ? Status() : Status(stored.error());
  });
}

boathouse_code edit_text(boathouse_store* store, const char* session, rowing::EditField field, const char* text,
                         boathouse_error* error) {
  return edit_session(store, session, error, [&](rowing::Edit& edit) {
    edit.field = field;
    if (!capi::text_of(text).empty()) edit.text = text;
    return Status();
  });
}

const char* text_or_null(const std::optional<std::string>& text) { return text ? text->c_str() : nullptr; }

}  // namespace

boathouse_code boathouse_sessions_list(boathouse_store* store, boathouse_sessions** sessions, boathouse_error* error) {
  capi::put<boathouse_sessions*>(sessions, nullptr);
  return capi::on_store(store, error, [&](capi::Device&, Store& opened) -> Status {
    BOATHOUSE_TRY(capi::need(sessions, "sessions"));
    auto found = opened.sessions();
    if (!found) return found.error();
    auto list = std::make_unique<boathouse_sessions>();
    list->entries.reserve(found->size());
    for (SessionInfo& info : *found) {
      boathouse_sessions::Entry& entry = list->entries.emplace_back();
      entry.info = std::move(info);
      for (const RecordingInfo& one : entry.info.recordings) entry.ids.push_back(capi::session_id(one.birth.rec_id));
      for (const std::string& id : entry.ids) entry.recordings.push_back(id.c_str());
    }
    *sessions = list.release();
    return {};
  });
}

size_t boathouse_sessions_count(const boathouse_sessions* sessions) {
  return sessions == nullptr ? 0 : sessions->entries.size();
}

boathouse_code boathouse_sessions_get(const boathouse_sessions* sessions, size_t index, boathouse_session* session,
                                      boathouse_error* error) {
  return capi::guarded(error, nullptr, [&]() -> Status {
    BOATHOUSE_TRY(capi::need(sessions, "sessions"));
    // As hosts know it that were built before sessions had several recordings.
    BOATHOUSE_TRY(capi::need_struct(session, "session", offsetof(boathouse_session, recordings)));
    if (index >= sessions->entries.size()) return capi::refused("there is no session of this index");
    const auto& [info, ids, recordings] = sessions->entries[index];
    const RecordingInfo& first = info.recordings.front();
    boathouse_session given = BOATHOUSE_INIT(boathouse_session);
    given.id = recordings.front();
    given.athlete = first.athlete.c_str();
    given.source_name = first.birth.source_name.c_str();
    given.problem = first.problem.c_str();
    given.started_utc_ms = first.birth.started_ms;
    given.started_known = first.birth.started_known;
    given.ended = std::ranges::all_of(info.recordings, &RecordingInfo::ended);
    given.safety = BOATHOUSE_VERIFIED;
    for (const RecordingInfo& one : info.recordings) {
      given.safety = std::min(given.safety, static_cast<std::int32_t>(engine::safety_of(one)));
      given.items += one.items;
      given.pending_items += one.pending_items;
      given.refused_items += one.refused_items;
      given.away_items += one.away_items;
    }
    given.samples = records_of(info, rowing::Stream::sample);
    given.strokes = records_of(info, rowing::Stream::stroke);
    given.recordings = recordings.data();
    given.recording_count = recordings.size();
    given.elapsed_cs = info.elapsed_cs.value_or(-1);
    given.distance_dm = info.distance_dm.value_or(-1);
    capi::give_struct(session, given);
    return {};
  });
}

void boathouse_sessions_free(boathouse_sessions* sessions) { delete sessions; }

boathouse_code boathouse_session_records(boathouse_store* store, const char* session, const char* stream, uint64_t from,
                                         uint64_t limit, char** json, boathouse_error* error) {
  capi::put<char*>(json, nullptr);
  return capi::on_store(store, error, [&](capi::Device&, Store& opened) -> Status {
    BOATHOUSE_TRY(capi::need(json, "json"));
    const auto id = capi::parse_session(session);
    if (!id) return id.error();
    const auto wanted = parse_stream(stream);
    if (!wanted) return wanted.error();
    if (*wanted == rowing::Stream::source) return capi::refused("a file's own bytes are no records");
    if (limit < 1 || limit > kMaxRecords) return capi::refused("limit is not 1 to 100,000");
    const auto records = opened.records(*id, *wanted, from, limit);
    if (!records) return records.error();
    std::string text;
    base::JsonWriter writer(text);
    write_records(writer, *records);
    *json = capi::copy_out(text);
    return {};
  });
}

boathouse_code boathouse_session_read(boathouse_store* store, const char* session, const char* stream,
                                      boathouse_reader** reader, boathouse_error* error) {
  capi::put<boathouse_reader*>(reader, nullptr);
  return capi::on_store(store, error, [&](capi::Device&, Store& opened) -> Status {
    BOATHOUSE_TRY(capi::need(reader, "reader"));
    const auto id = capi::parse_session(session);
    if (!id) return id.error();
    const auto wanted = parse_stream(stream);
    if (!wanted) return wanted.error();
    if (*wanted == rowing::Stream::source) return capi::refused("a file's own bytes are no records");
    auto found = opened.read_session(*id, *wanted);
    if (!found) return found.error();
    *reader = new boathouse_reader{store->device, {}, std::move(*found)};
    return {};
  });
}

boathouse_code boathouse_reader_next(boathouse_reader* reader, char** json, boathouse_error* error) {
  capi::put<char*>(json, nullptr);
  return capi::guarded(error, reader == nullptr ? nullptr : reader->device.get(), [&]() -> Status {
    BOATHOUSE_TRY(capi::need(reader, "reader"));
    BOATHOUSE_TRY(capi::need(json, "json"));
    const std::lock_guard guard(reader->mutex);
    const auto page = reader->reader.next();
    if (!page) return page.error();
    std::string text;
    base::JsonWriter writer(text);
    write_records(writer.begin_object().key("records"), page->records);
    writer.key("ranges").begin_array();
    for (const boathouse::store::SessionRange& range : page->ranges) {
      writer.begin_object().key("recording").value(capi::session_id(range.rec_id));
      writer.key("from").value(range.from).key("to").value(range.to).end_object();
    }
    writer.end_array().end_object();
    *json = capi::copy_out(text);
    return {};
  });
}

void boathouse_reader_free(boathouse_reader* reader) { delete reader; }

boathouse_code boathouse_session_verify(boathouse_store* store, const char* session, char** problems,
                                        boathouse_error* error) {
  capi::put<char*>(problems, nullptr);
  return capi::on_store(store, error, [&](capi::Device&, Store& opened) -> Status {
    BOATHOUSE_TRY(capi::need(problems, "problems"));
    const auto id = capi::parse_session(session);
    if (!id) return id.error();
    const auto report = opened.verify(*id);
    if (!report) return report.error();
    std::string text;
    base::JsonWriter writer(text);
    writer.begin_array();
    for (const std::string& problem : report->problems) writer.value(problem);
    writer.end_array();
    *problems = capi::copy_out(text);
    return {};
  });
}

boathouse_code boathouse_session_fetch(boathouse_store* store, const char* session, uint64_t* chunks,
                                       boathouse_error* error) {
  capi::put<uint64_t>(chunks, 0);
  return capi::on_store(store, error, [&](capi::Device&, Store& opened) -> Status {
    const auto id = capi::parse_session(session);
    if (!id) return id.error();
    const auto wanted = opened.fetch(*id);
    if (!wanted) return wanted.error();
    capi::put<uint64_t>(chunks, *wanted);
    return {};
  });
}

boathouse_code boathouse_session_set_title(boathouse_store* store, const char* session, const char* title,
                                           boathouse_error* error) {
  return edit_text(store, session, rowing::EditField::title, title, error);
}

boathouse_code boathouse_session_set_notes(boathouse_store* store, const char* session, const char* notes,
                                           boathouse_error* error) {
  return edit_text(store, session, rowing::EditField::notes, notes, error);
}

boathouse_code boathouse_session_set_tag(boathouse_store* store, const char* session, const char* tag, bool there,
                                         boathouse_error* error) {
  return edit_session(store, session, error, [&](rowing::Edit& edit) -> Status {
    BOATHOUSE_TRY(capi::need(tag, "tag"));
    edit.field = rowing::EditField::tag;
    edit.name = tag;
    edit.flag = there;
    return {};
  });
}

boathouse_code boathouse_session_set_deleted(boathouse_store* store, const char* session, bool deleted,
                                             boathouse_error* error) {
  return capi::on_store(store, error, [&](capi::Device& device, Store& opened) -> Status {
    const auto id = capi::parse_session(session);
    if (!id) return id.error();
    return opened.set_deleted(*id, deleted, device.clock.utc_ms());
  });
}

boathouse_code boathouse_session_set_link(boathouse_store* store, const char* session, const char* other, bool linked,
                                          boathouse_error* error) {
  return capi::on_store(store, error, [&](capi::Device& device, Store& opened) -> Status {
    const auto id = capi::parse_session(session);
    if (!id) return id.error();
    const auto second = capi::parse_session(other);
    if (!second) return second.error();
    const std::int64_t now = device.clock.utc_ms();
    return linked ? opened.link(*id, *second, now) : opened.unlink(*id, *second, now);
  });
}

boathouse_code boathouse_session_set_primary(boathouse_store* store, const char* session, const char* stream,
                                             const char* recording, boathouse_error* error) {
  return edit_session(store, session, error, [&](rowing::Edit& edit) -> Status {
    const auto wanted = parse_stream(stream);
    if (!wanted) return wanted.error();
    edit.field = rowing::EditField::primary;
    edit.stream = *wanted;
    if (recording == nullptr) return {};
    const auto id = capi::parse_session(recording);
    if (!id) return id.error();
    edit.primary = *id;
    return {};
  });
}

boathouse_code boathouse_session_fields(boathouse_store* store, const char* session, boathouse_field_list** list,
                                        boathouse_fields* fields, boathouse_error* error) {
  capi::put<boathouse_field_list*>(list, nullptr);
  return capi::on_store(store, error, [&](capi::Device&, Store& opened) -> Status {
    BOATHOUSE_TRY(capi::need(list, "list"));
    BOATHOUSE_TRY(capi::need_struct(fields, "fields"));
    const auto id = capi::parse_session(session);
    if (!id) return id.error();
    auto found = opened.fields(*id);
    if (!found) return found.error();
    auto owner = std::make_unique<boathouse_field_list>();
    owner->fields = std::move(*found);
    for (const std::string& tag : owner->fields.tags) owner->tags.push_back(tag.c_str());
    boathouse_fields given = BOATHOUSE_INIT(boathouse_fields);
    given.title = text_or_null(owner->fields.title);
    given.notes = text_or_null(owner->fields.notes);
    given.other_title = text_or_null(owner->fields.other_title);
    given.other_notes = text_or_null(owner->fields.other_notes);
    given.tags = owner->tags.data();
    given.tag_count = owner->tags.size();
    given.deleted = owner->fields.deleted;
    given.deleted_utc_ms = owner->fields.deleted_ms;
    capi::give_struct(fields, given);
    *list = owner.release();
    return {};
  });
}

void boathouse_field_list_free(boathouse_field_list* list) { delete list; }
