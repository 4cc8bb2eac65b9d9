/* A host in C that uses the library as a phone does: it records, loses the network, syncs and reads how things stand,
 * through boathouse_device.h alone. Prints "ok NAME" or "not ok NAME" for each case. */
#define _XOPEN_SOURCE 700
#include <ftw.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "device/capi/boathouse_device.h"
#include "device/capi/test_peer.h"

static int failures = 0;

static void expect(bool good, const char* what, int line) {
  if (good) return;
  printf("# line %d: %s\n", line, what);
  ++failures;
}
#define EXPECT(condition) expect((condition), #condition, __LINE__)

static void expect_ok(boathouse_code code, const boathouse_error* error, int line) {
  if (code == BOATHOUSE_OK) return;
  printf("# line %d: error %d: %s\n", line, (int)code, boathouse_error_text(error));
  ++failures;
}
#define OK(call) expect_ok((call), &error, __LINE__)

/* The host: holds one request until it is answered, and the timer. */
typedef struct host {
  test_server* server;
  bool online;
  bool has_request;
  uint64_t id;
  char path[256];
  char replica[64];
  char authorization[64];
  uint8_t* body;
  size_t body_size;
  int64_t wake_in_ms;
  int sends;
  int status_changes;
} host;

static void on_send(void* context, const boathouse_request* request) {
  host* self = context;
  size_t i;
  ++self->sends;
  EXPECT(!self->has_request);
  self->has_request = true;
  self->id = request->id;
  snprintf(self->path, sizeof self->path, "%s", request->path);
  for (i = 0; i < request->header_count; ++i) {
    const boathouse_header* header = &request->headers[i];
    if (strcmp(header->name, "Boathouse-Replica") == 0)
      snprintf(self->replica, sizeof self->replica, "%s", header->value);
    if (strcmp(header->name, "Authorization") == 0)
      snprintf(self->authorization, sizeof self->authorization, "%s", header->value);
  }
  self->body = realloc(self->body, request->body_size + 1);
  if (request->body_size > 0) memcpy(self->body, request->body, request->body_size);
  self->body_size = request->body_size;
}

static void on_wake(void* context, int64_t in_ms) { ((host*)context)->wake_in_ms = in_ms; }
static void on_status(void* context) { ++((host*)context)->status_changes; }

static boathouse_callbacks callbacks_of(host* self) {
  boathouse_callbacks callbacks = BOATHOUSE_INIT(boathouse_callbacks);
  callbacks.context = self;
  callbacks.send = on_send;
  callbacks.wake = on_wake;
  callbacks.status_changed = on_status;
  return callbacks;
}

/* Answers until the library wants nothing more. */
static void serve(host* self, boathouse_sync* sync) {
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  while (self->has_request) {
    const char* answer = NULL;
    size_t size = 0;
    int status;
    self->has_request = false;
    if (!self->online) {
      OK(boathouse_sync_http_failed(sync, self->id, "the network is gone", &error));
      continue;
    }
    status = test_server_answer(self->server, self->path, self->replica, self->body, self->body_size, &answer, &size);
    OK(boathouse_sync_http_response(sync, self->id, status, NULL, 0, (const uint8_t*)answer, size, &error));
  }
}

static boathouse_device_status status_of(boathouse_store* store, boathouse_sync* sync) {
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  boathouse_device_status status = BOATHOUSE_INIT(boathouse_device_status);
  OK(boathouse_store_status(store, sync, UINT64_MAX, &status, &error));
  return status;
}

/* A piece of so many seconds; its session's name. */
static void row(boathouse_store* store, const char* athlete, int seconds, char session[48]) {
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  boathouse_recorder_options options = BOATHOUSE_INIT(boathouse_recorder_options);
  boathouse_recorder_status status = BOATHOUSE_INIT(boathouse_recorder_status);
  boathouse_recorder* recorder = NULL;
  test_monitor* monitor = test_monitor_new(seconds);
  test_notification one;
  options.athlete = athlete;
  options.monitor_serial = "430000001";
  options.time_zone = "Europe/Berlin";
  options.offset_minutes = 60;
  options.offset_known = 1;
  OK(boathouse_recorder_new(store, &options, &recorder, &error));
  while (test_monitor_next(monitor, &one))
    OK(boathouse_recorder_feed(recorder, one.characteristic, one.bytes, one.size, one.at_ms, &error));
  OK(boathouse_recorder_seal(recorder, &error));
  OK(boathouse_recorder_stop(recorder, &error));
  OK(boathouse_recorder_get_status(recorder, &status, &error));
  EXPECT(status.unsaved == 0);
  EXPECT(status.sessions == 1);
  EXPECT(status.running == 0);
  snprintf(session, 48, "%s", status.session);
  boathouse_recorder_free(recorder);
  test_monitor_free(monitor);
}

static boathouse_session session_of(const boathouse_sessions* list, size_t index) {
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  boathouse_session session = BOATHOUSE_INIT(boathouse_session);
  OK(boathouse_sessions_get(list, index, &session, &error));
  return session;
}

static void records_and_syncs(const char* folder) {
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  boathouse_store* store = NULL;
  boathouse_sync* sync = NULL;
  boathouse_sessions* list = NULL;
  boathouse_device_status status;
  boathouse_callbacks callbacks;
  boathouse_session session;
  host self = {0};
  char id[48];
  char* text = NULL;
  self.server = test_server_new();
  callbacks = callbacks_of(&self);

  OK(boathouse_store_open(folder, &store, &error));
  row(store, "anna", 60, id);
  status = status_of(store, NULL);
  EXPECT(status.word == BOATHOUSE_WORD_SAVED_LOCALLY);
  EXPECT(status.pending_recordings == 1 && status.pending_chunks > 0 && status.pending_bytes > 0);

  /* No network: everything stays, and the status says so. */
  OK(boathouse_sync_new(store, "key-1", "anna", &callbacks, &sync, &error));
  OK(boathouse_sync_tell(sync, BOATHOUSE_NETWORK_DOWN, &error));
  OK(boathouse_sync_tell(sync, BOATHOUSE_START, &error));
  EXPECT(self.sends == 0);
  status = status_of(store, sync);
  EXPECT(status.state == BOATHOUSE_STATE_OFFLINE && status.word == BOATHOUSE_WORD_OFFLINE);
  OK(boathouse_sync_tell(sync, BOATHOUSE_NETWORK_UP, &error));
  serve(&self, sync);
  status = status_of(store, sync);
  EXPECT(status.state == BOATHOUSE_STATE_WAITING && status.word == BOATHOUSE_WORD_SERVER_AWAY);
  EXPECT(status.error_domain == BOATHOUSE_DOMAIN_NETWORK && status.error_transient == 1);
  EXPECT(strstr(boathouse_status_reason(&status), "the network is gone") != NULL);
  EXPECT(status.next_try_in_ms >= 0 && self.wake_in_ms >= 0);
  EXPECT(status.last_success_utc_ms == -1 && status.busy == 0);
  EXPECT(strcmp(self.authorization, "Bearer key-1") == 0);

  /* It is back. */
  self.online = true;
  OK(boathouse_sync_tell(sync, BOATHOUSE_SYNC_NOW, &error));
  status = status_of(store, sync);
  EXPECT(status.state == BOATHOUSE_STATE_SYNCING && status.busy == 1);
  serve(&self, sync);
  status = status_of(store, sync);
  EXPECT(status.state == BOATHOUSE_STATE_UP_TO_DATE && status.word == BOATHOUSE_WORD_SYNCED);
  EXPECT(status.pending_items == 0 && status.oldest_pending_age_ms == -1);
  EXPECT(status.run_total_bytes > 0 && status.run_done_bytes == status.run_total_bytes);
  EXPECT(status.last_success_utc_ms > 0 && status.last_success_age_ms >= 0);
  EXPECT(status.error_domain == BOATHOUSE_DOMAIN_NONE);
  EXPECT(test_server_items(self.server) == status.stored_items && status.stored_items > 0);
  EXPECT(self.status_changes > 0 && self.status_changes <= self.sends + 4);

  /* The session, its records, what people write. */
  OK(boathouse_sessions_list(store, &list, &error));
  EXPECT(boathouse_sessions_count(list) == 1);
  session = session_of(list, 0);
  EXPECT(strcmp(session.id, id) == 0 && strcmp(session.athlete, "anna") == 0);
  EXPECT(session.safety == BOATHOUSE_VERIFIED && session.ended == 1 && session.pending_items == 0);
  EXPECT(session.samples > 100 && session.strokes > 10);
  OK(boathouse_session_records(store, id, "stroke", 0, 2, &text, &error));
  EXPECT(text != NULL && strncmp(text, "[{\"at_s\":", 9) == 0 && strstr(text, "\"peak_force_n\":") != NULL);
  boathouse_free(text);
  OK(boathouse_session_verify(store, id, &text, &error));
  EXPECT(text != NULL && strcmp(text, "[]") == 0);
  boathouse_free(text);
  boathouse_sessions_free(list);
  OK(boathouse_session_set_title(store, id, "60 s, gr\xc3\xbcn", &error));
  OK(boathouse_session_set_tag(store, id, "test", true, &error));
  {
    boathouse_field_list* fields = NULL;
    boathouse_fields values = BOATHOUSE_INIT(boathouse_fields);
    OK(boathouse_session_fields(store, id, &fields, &values, &error));
    EXPECT(values.title != NULL && strcmp(values.title, "60 s, gr\xc3\xbcn") == 0);
    EXPECT(values.notes == NULL && values.tag_count == 1 && strcmp(values.tags[0], "test") == 0);
    boathouse_field_list_free(fields);
  }
  OK(boathouse_sync_tell(sync, BOATHOUSE_DATA_ADDED, &error));
  serve(&self, sync);
  EXPECT(status_of(store, sync).pending_items == 0);

  /* The log names no key, no text. */
  OK(boathouse_store_log(store, &text, &error));
  EXPECT(text != NULL && strstr(text, "state=up_to_date") != NULL);
  EXPECT(text != NULL && strstr(text, "key-1") == NULL && strstr(text, "anna") == NULL &&
         strstr(text, "gr\xc3") == NULL);
  boathouse_free(text);

  /* Signed out: nothing is wiped. Freed in any order. */
  OK(boathouse_sync_set_key(sync, NULL, &error));
  status = status_of(store, sync);
  EXPECT(status.state == BOATHOUSE_STATE_NEEDS_AUTH && status.word == BOATHOUSE_WORD_SIGN_IN_NEEDED);
  EXPECT(status.recordings == 1);
  boathouse_store_free(store);
  boathouse_sync_free(sync);
  test_server_free(self.server);
  free(self.body);
}

static void several_athletes(const char* folder) {
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  boathouse_store* store = NULL;
  boathouse_sync* sync = NULL;
  boathouse_callbacks callbacks;
  host self = {0};
  char guest[48];
  char bert[48];
  uint64_t claimed = 0;
  size_t items;
  self.server = test_server_new();
  self.online = true;
  callbacks = callbacks_of(&self);
  OK(boathouse_store_open(folder, &store, &error));
  row(store, NULL, 20, guest);
  row(store, "bert", 20, bert);
  OK(boathouse_sync_new(store, "key-of-carla", "carla", &callbacks, &sync, &error));
  OK(boathouse_sync_tell(sync, BOATHOUSE_START, &error));
  serve(&self, sync);
  EXPECT(test_server_items(self.server) == 0);
  OK(boathouse_store_claim_guests(store, "carla", &claimed, &error));
  EXPECT(claimed == 1);
  OK(boathouse_sync_tell(sync, BOATHOUSE_DATA_ADDED, &error));
  serve(&self, sync);
  items = test_server_items(self.server);
  EXPECT(items > 0);
  EXPECT(status_of(store, sync).pending_recordings == 1); /* Bert's waits for his key */
  boathouse_sync_free(sync);
  boathouse_store_free(store);
  test_server_free(self.server);
  free(self.body);
}

static boathouse_conflict conflict_of(const boathouse_conflicts* list, size_t index) {
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  boathouse_conflict conflict = BOATHOUSE_INIT(boathouse_conflict);
  OK(boathouse_conflicts_get(list, index, &conflict, &error));
  return conflict;
}

static void one_workout_of_two_recordings(const char* folder) {
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  boathouse_store* store = NULL;
  boathouse_sessions* list = NULL;
  boathouse_conflicts* conflicts = NULL;
  boathouse_reader* reader = NULL;
  boathouse_session session;
  char first[48];
  char second[48];
  char* text = NULL;
  OK(boathouse_store_open(folder, &store, &error));
  row(store, "anna", 120, first);
  row(store, "anna", 120, second);

  /* Their data agree: linked, shown once, and the person may say otherwise. */
  OK(boathouse_sessions_list(store, &list, &error));
  EXPECT(boathouse_sessions_count(list) == 1);
  session = session_of(list, 0);
  EXPECT(strcmp(session.id, first) == 0 && session.recording_count == 2);
  EXPECT(strcmp(session.recordings[0], first) == 0 &&
         strcmp(session.recordings[session.recording_count - 1], second) == 0);
  EXPECT(session.safety == BOATHOUSE_ON_THIS_DEVICE && session.ended == 1);
  EXPECT(session.samples > 200 && session.samples < 400 && session.elapsed_cs == 12000 && session.distance_dm > 0);
  {
    /* A host of before: it gets what it knows, and nothing behind it. */
    boathouse_session old = BOATHOUSE_INIT(boathouse_session);
    old.struct_size = offsetof(boathouse_session, recordings);
    OK(boathouse_sessions_get(list, 0, &old, &error));
    EXPECT(strcmp(old.id, first) == 0 && old.items == session.items && old.recordings == NULL);
  }
  boathouse_sessions_free(list);
  OK(boathouse_session_read(store, second, "stroke", &reader, &error));
  OK(boathouse_reader_next(reader, &text, &error));
  EXPECT(text != NULL && strncmp(text, "{\"records\":[{\"at_s\":", 20) == 0);
  EXPECT(text != NULL && strstr(text, "\"ranges\":[{\"recording\":\"ses_") != NULL &&
         strstr(text, "\"from\":0,") != NULL);
  boathouse_free(text);
  OK(boathouse_reader_next(reader, &text, &error));
  EXPECT(text != NULL && strcmp(text, "{\"records\":[],\"ranges\":[]}") == 0);
  boathouse_free(text);
  boathouse_reader_free(reader);

  /* The monitor's own log says it: there is nothing to choose. */
  OK(boathouse_conflicts_list(store, &conflicts, &error));
  EXPECT(boathouse_conflicts_count(conflicts) == 0);
  boathouse_conflicts_free(conflicts);

  OK(boathouse_session_set_link(store, first, second, false, &error));
  OK(boathouse_sessions_list(store, &list, &error));
  EXPECT(boathouse_sessions_count(list) == 2 && session_of(list, 0).recording_count == 1);
  boathouse_sessions_free(list);
  EXPECT(boathouse_session_set_link(store, first, second, false, &error) == BOATHOUSE_NOT_FOUND);
  OK(boathouse_session_set_link(store, first, second, true, &error));
  OK(boathouse_sessions_list(store, &list, &error));
  EXPECT(boathouse_sessions_count(list) == 1 && session_of(list, 0).recording_count == 2);
  boathouse_sessions_free(list);
  boathouse_store_free(store);
}

/* A piece of two minutes of which the air lost what came within [lost_from, lost_to) ms, and the monitor's own name for
 * the workout (0x003F). `serial` NULL: an old monitor that does not say. */
static void row_partly(boathouse_store* store, const char* serial, int64_t lost_from, int64_t lost_to,
                       char session[48]) {
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  boathouse_recorder_options options = BOATHOUSE_INIT(boathouse_recorder_options);
  boathouse_recorder_status status = BOATHOUSE_INIT(boathouse_recorder_status);
  boathouse_recorder* recorder = NULL;
  test_monitor* monitor = test_monitor_new(120);
  test_notification one;
  int64_t begun = -1;
  options.athlete = "anna";
  options.monitor_serial = serial;
  OK(boathouse_recorder_new(store, &options, &recorder, &error));
  while (test_monitor_next(monitor, &one)) {
    if (begun < 0) begun = one.at_ms;
    if (one.characteristic == 0x003F) continue;
    if (one.at_ms - begun >= lost_from && one.at_ms - begun < lost_to) continue;
    OK(boathouse_recorder_feed(recorder, one.characteristic, one.bytes, one.size, one.at_ms, &error));
  }
  OK(boathouse_recorder_stop(recorder, &error));
  OK(boathouse_recorder_get_status(recorder, &status, &error));
  snprintf(session, 48, "%s", status.session);
  boathouse_recorder_free(recorder);
  test_monitor_free(monitor);
}

static size_t count_sessions(boathouse_store* store, bool hidden) {
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  boathouse_sessions* list = NULL;
  size_t count = 0;
  size_t i;
  OK(boathouse_sessions_list(store, &list, &error));
  for (i = 0; i < boathouse_sessions_count(list); ++i) {
    boathouse_field_list* fields = NULL;
    boathouse_fields of = BOATHOUSE_INIT(boathouse_fields);
    OK(boathouse_session_fields(store, session_of(list, i).id, &fields, &of, &error));
    count += (of.deleted != 0) == hidden ? 1 : 0;
    boathouse_field_list_free(fields);
  }
  boathouse_sessions_free(list);
  return count;
}

/* Two devices in the same boat, each with a hole: linked because they agree, and together whole. */
static void holes_are_filled_from_the_other_recording(const char* folder) {
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  boathouse_store* store = NULL;
  boathouse_conflicts* conflicts = NULL;
  boathouse_conflict conflict;
  boathouse_reader* reader = NULL;
  char first[48];
  char second[48];
  char* text = NULL;
  bool has_first = false;
  bool has_second = false;
  OK(boathouse_store_open(folder, &store, &error));
  row_partly(store, "430000001", 30000, 38000, first);
  row_partly(store, "430000001", 70000, 82000, second);
  EXPECT(count_sessions(store, false) == 1);
  EXPECT(status_of(store, NULL).open_conflicts == 1);
  OK(boathouse_conflicts_list(store, &conflicts, &error));
  EXPECT(boathouse_conflicts_count(conflicts) == 1);
  conflict = conflict_of(conflicts, 0);
  EXPECT(conflict.kind == BOATHOUSE_OVERLAP && conflict.answered == BOATHOUSE_UNANSWERED && conflict.reason[0] != 0);
  EXPECT(conflict.mine->elapsed_cs == 12000 && strcmp(conflict.theirs->device, "430000001") == 0);

  OK(boathouse_session_read(store, first, "sample", &reader, &error));
  do {
    OK(boathouse_reader_next(reader, &text, &error));
    if (text == NULL) break;
    has_first = has_first || strstr(text, first) != NULL;
    has_second = has_second || strstr(text, second) != NULL;
    if (strncmp(text, "{\"records\":[]", 13) == 0) {
      boathouse_free(text);
      break;
    }
    boathouse_free(text);
  } while (true);
  boathouse_reader_free(reader);
  EXPECT(has_first && has_second);

  /* Hidden together, shown again one by one. */
  OK(boathouse_session_set_deleted(store, first, true, &error));
  EXPECT(count_sessions(store, false) == 0 && count_sessions(store, true) == 2);
  OK(boathouse_session_set_deleted(store, first, false, &error));
  OK(boathouse_session_set_deleted(store, second, false, &error));
  EXPECT(count_sessions(store, false) == 1 && count_sessions(store, true) == 0);

  OK(boathouse_conflict_answer(store, conflict.id, BOATHOUSE_BOTH, &error));
  EXPECT(count_sessions(store, false) == 2);
  EXPECT(status_of(store, NULL).open_conflicts == 0);
  EXPECT(boathouse_conflict_answer(store, conflict.id, BOATHOUSE_MINE, &error) == BOATHOUSE_CONFLICT);
  boathouse_conflicts_free(conflicts);
  boathouse_store_free(store);
}

/* Without a serial number nothing is certain: a person is asked. */
static void a_suggestion_is_answered(const char* folder) {
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  boathouse_store* store = NULL;
  boathouse_conflicts* conflicts = NULL;
  boathouse_conflict conflict;
  char first[48];
  char second[48];
  OK(boathouse_store_open(folder, &store, &error));
  row_partly(store, NULL, 30000, 38000, first);
  row_partly(store, NULL, 70000, 82000, second);
  EXPECT(count_sessions(store, false) == 2);
  OK(boathouse_conflicts_list(store, &conflicts, &error));
  EXPECT(boathouse_conflicts_count(conflicts) == 1);
  conflict = conflict_of(conflicts, 0);
  EXPECT(conflict.kind == BOATHOUSE_SUGGESTION && strcmp(conflict.theirs->device, "") == 0);
  OK(boathouse_conflict_answer(store, conflict.id, BOATHOUSE_THEIRS, &error));
  boathouse_conflicts_free(conflicts);
  EXPECT(count_sessions(store, false) == 1);
  boathouse_store_free(store);
}

/* A device that shares the server with another. */
typedef struct device {
  host self;
  boathouse_store* store;
  boathouse_sync* sync;
} device;

static void begin_device(device* one, const char* folder, const char* name, test_server* server) {
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  boathouse_callbacks callbacks = callbacks_of(&one->self);
  char path[256];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  EXPECT(mkdir(path, 0700) == 0);
  one->self.server = server;
  one->self.online = true;
  OK(boathouse_store_open(path, &one->store, &error));
  OK(boathouse_sync_new(one->store, "key", "anna", &callbacks, &one->sync, &error));
  OK(boathouse_sync_tell(one->sync, BOATHOUSE_START, &error));
  serve(&one->self, one->sync);
}

static void sync_device(device* one) {
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  OK(boathouse_sync_tell(one->sync, BOATHOUSE_SYNC_NOW, &error));
  serve(&one->self, one->sync);
}

static void end_device(device* one) {
  boathouse_sync_free(one->sync);
  boathouse_store_free(one->store);
  free(one->self.body);
}

static void two_titles_are_a_choice(const char* folder) {
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  device phone = {{0}, NULL, NULL};
  device tablet = {{0}, NULL, NULL};
  boathouse_conflicts* conflicts = NULL;
  boathouse_conflict conflict;
  boathouse_field_list* list = NULL;
  boathouse_fields fields = BOATHOUSE_INIT(boathouse_fields);
  test_server* server = test_server_new();
  char session[48];
  begin_device(&phone, folder, "phone", server);
  row(phone.store, "anna", 20, session);
  sync_device(&phone);
  begin_device(&tablet, folder, "tablet", server);
  OK(boathouse_session_set_title(phone.store, session, "Steady", &error));
  OK(boathouse_session_set_title(tablet.store, session, "Race", &error));
  sync_device(&phone);
  sync_device(&tablet);
  sync_device(&phone);
  OK(boathouse_conflicts_list(phone.store, &conflicts, &error));
  EXPECT(boathouse_conflicts_count(conflicts) == 1);
  conflict = conflict_of(conflicts, 0);
  EXPECT(conflict.kind == BOATHOUSE_TWO_TITLES && conflict.answered == BOATHOUSE_UNANSWERED);
  EXPECT(strcmp(conflict.session, session) == 0);
  EXPECT(strcmp(conflict.mine->text, "Steady") == 0 && strcmp(conflict.theirs->text, "Race") == 0);
  EXPECT(conflict.mine->recording[0] == '\0' && conflict.mine->elapsed_cs == -1);
  OK(boathouse_conflict_answer(phone.store, conflict.id, BOATHOUSE_THEIRS, &error));
  OK(boathouse_conflict_answer(phone.store, conflict.id, BOATHOUSE_THEIRS, &error));
  EXPECT(boathouse_conflict_answer(phone.store, conflict.id, BOATHOUSE_MINE, &error) == BOATHOUSE_CONFLICT);
  boathouse_conflicts_free(conflicts);
  sync_device(&phone);
  sync_device(&tablet);
  OK(boathouse_conflicts_list(tablet.store, &conflicts, &error));
  EXPECT(boathouse_conflicts_count(conflicts) == 1 && conflict_of(conflicts, 0).answered == BOATHOUSE_MINE);
  boathouse_conflicts_free(conflicts);
  OK(boathouse_session_fields(tablet.store, session, &list, &fields, &error));
  EXPECT(fields.title != NULL && strcmp(fields.title, "Race") == 0 && fields.other_title == NULL);
  boathouse_field_list_free(list);
  end_device(&phone);
  end_device(&tablet);
  test_server_free(server);
}

static void sleeps_and_wakes(const char* folder) {
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  boathouse_store* store = NULL;
  boathouse_recorder* recorder = NULL;
  boathouse_recorder_status status = BOATHOUSE_INIT(boathouse_recorder_status);
  boathouse_space space = BOATHOUSE_INIT(boathouse_space);
  test_monitor* monitor = test_monitor_new(30);
  test_notification one;
  int refused = 0;
  OK(boathouse_store_open(folder, &store, &error));
  OK(boathouse_recorder_new(store, NULL, &recorder, &error));
  while (test_monitor_next(monitor, &one)) {
    boathouse_code code;
    if (one.at_ms > 10000 && refused == 0) OK(boathouse_store_suspend(store, &error));
    code = boathouse_recorder_feed(recorder, one.characteristic, one.bytes, one.size, one.at_ms, &error);
    if (code == BOATHOUSE_OK) continue;
    ++refused;
    EXPECT(code == BOATHOUSE_SUSPENDED && error.code == code && error.transient == 1);
  }
  EXPECT(refused > 0);
  EXPECT(boathouse_store_space(store, &space, &error) == BOATHOUSE_SUSPENDED);
  OK(boathouse_recorder_get_status(recorder, &status, &error));
  EXPECT(status.unsaved > 0);
  OK(boathouse_store_resume(store, &error));
  OK(boathouse_recorder_stop(recorder, &error));
  OK(boathouse_recorder_get_status(recorder, &status, &error));
  EXPECT(status.unsaved == 0);
  OK(boathouse_store_space(store, &space, &error));
  EXPECT(space.used > 0 && space.cap == 0);
  boathouse_recorder_free(recorder);
  boathouse_store_free(store);
  test_monitor_free(monitor);
}

/* The one session of a store that is opened with this nonce, or of one that has none. */
static void only_session(const char* folder, const char* nonce, char session[48]) {
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  boathouse_store_options options = BOATHOUSE_INIT(boathouse_store_options);
  boathouse_store* store = NULL;
  boathouse_sessions* list = NULL;
  options.nonce = nonce;
  OK(boathouse_store_open_with(folder, &options, &store, &error));
  OK(boathouse_sessions_list(store, &list, &error));
  EXPECT(boathouse_sessions_count(list) == 1);
  snprintf(session, 48, "%s", session_of(list, 0).id);
  boathouse_sessions_free(list);
  boathouse_store_free(store);
}

/* A phone's backup is brought back on another phone while the first one rows. */
static void a_copy_is_a_device_of_its_own(const char* folder) {
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  boathouse_store_options options = BOATHOUSE_INIT(boathouse_store_options);
  boathouse_recorder_status status = BOATHOUSE_INIT(boathouse_recorder_status);
  boathouse_recorder* recorder = NULL;
  boathouse_store* store = NULL;
  test_monitor* monitor = test_monitor_new(30);
  test_notification one;
  char session[48];
  int i;

  options.nonce = "this phone";
  OK(boathouse_store_open_with(folder, &options, &store, &error));
  OK(boathouse_recorder_new(store, NULL, &recorder, &error));
  for (i = 0; i < 100 && test_monitor_next(monitor, &one); ++i)
    OK(boathouse_recorder_feed(recorder, one.characteristic, one.bytes, one.size, one.at_ms, &error));
  OK(boathouse_recorder_seal(recorder, &error));
  OK(boathouse_recorder_get_status(recorder, &status, &error));
  EXPECT(status.running == 1);
  boathouse_recorder_free(recorder);
  test_monitor_free(monitor);
  boathouse_store_free(store);

  only_session(folder, "another phone", session);
  EXPECT(strcmp(session, status.session) != 0);
  snprintf(status.session, sizeof status.session, "%s", session);
  only_session(folder, "another phone", session);
  EXPECT(strcmp(session, status.session) == 0);
  only_session(folder, "a third phone", session);
  EXPECT(strcmp(session, status.session) == 0); /* it has ended: nobody goes on with it */

  options.struct_size = 0;
  EXPECT(boathouse_store_open_with(folder, &options, &store, &error) == BOATHOUSE_INVALID_INPUT && store == NULL);
}

static void wrong_use_is_an_error(const char* folder) {
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  boathouse_store* store = (boathouse_store*)&error;
  boathouse_store* other = NULL;
  boathouse_sync* sync = NULL;
  boathouse_callbacks callbacks = BOATHOUSE_INIT(boathouse_callbacks);
  boathouse_device_status status = {0};
  boathouse_conflict conflict = BOATHOUSE_INIT(boathouse_conflict);
  boathouse_reader* reader = NULL;
  char* text = NULL;
  EXPECT(boathouse_store_open(NULL, &store, &error) == BOATHOUSE_INVALID_INPUT && store == NULL);
  EXPECT(strstr(boathouse_error_text(&error), "folder is NULL") != NULL && error.transient == 0);
  EXPECT(boathouse_store_open(folder, NULL, NULL) == BOATHOUSE_INVALID_INPUT);
  EXPECT(boathouse_store_open("/no/such/folder", &store, &error) == BOATHOUSE_IO && store == NULL);
  OK(boathouse_store_open(folder, &store, &error));
  EXPECT(boathouse_store_open(folder, &other, &error) == BOATHOUSE_UNAVAILABLE && error.transient == 1);
  EXPECT(boathouse_store_status(store, NULL, 0, &status, &error) == BOATHOUSE_INVALID_INPUT); /* no struct_size */
  EXPECT(boathouse_store_status(NULL, NULL, 0, NULL, &error) == BOATHOUSE_INVALID_INPUT);
  EXPECT(boathouse_sync_new(store, "k", "anna", &callbacks, &sync, &error) == BOATHOUSE_INVALID_INPUT);
  EXPECT(boathouse_sync_tell(NULL, BOATHOUSE_START, &error) == BOATHOUSE_INVALID_INPUT);
  EXPECT(boathouse_session_set_title(store, "nonsense", "x", &error) == BOATHOUSE_INVALID_INPUT);
  EXPECT(boathouse_session_set_title(store, "ses_018bcfe5-6800-7abc-8def-0123456789ab", "x", &error) ==
         BOATHOUSE_NOT_FOUND);
  EXPECT(boathouse_session_records(store, "ses_018bcfe5-6800-7abc-8def-0123456789ab", "nothing", 0, 1, &text, &error) ==
         BOATHOUSE_INVALID_INPUT);
  EXPECT(boathouse_session_read(store, "ses_018bcfe5-6800-7abc-8def-0123456789ab", "stroke", &reader, &error) ==
             BOATHOUSE_NOT_FOUND &&
         reader == NULL);
  EXPECT(boathouse_reader_next(NULL, &text, &error) == BOATHOUSE_INVALID_INPUT && text == NULL);
  EXPECT(boathouse_session_set_link(store, "ses_018bcfe5-6800-7abc-8def-0123456789ab", NULL, true, &error) ==
         BOATHOUSE_INVALID_INPUT);
  EXPECT(boathouse_conflict_answer(store, "0123456789abcdef", BOATHOUSE_MINE, &error) == BOATHOUSE_NOT_FOUND);
  EXPECT(boathouse_conflict_answer(store, "0123456789abcdef", BOATHOUSE_OTHERWISE, &error) == BOATHOUSE_INVALID_INPUT);
  EXPECT(boathouse_conflict_answer(store, NULL, BOATHOUSE_MINE, &error) == BOATHOUSE_INVALID_INPUT);
  EXPECT(boathouse_conflicts_list(store, NULL, &error) == BOATHOUSE_INVALID_INPUT);
  EXPECT(boathouse_conflicts_get(NULL, 0, &conflict, &error) == BOATHOUSE_INVALID_INPUT);
  EXPECT(boathouse_conflicts_count(NULL) == 0);
  boathouse_conflicts_free(NULL);
  boathouse_reader_free(NULL);
  EXPECT(boathouse_import(store, "x.csv", NULL, 5, NULL, NULL, NULL, &error) == BOATHOUSE_INVALID_INPUT);
  EXPECT(boathouse_import(store, "x.csv", (const uint8_t*)"a,b\n1,2\n", 8, NULL, NULL, NULL, &error) ==
         BOATHOUSE_INVALID_INPUT);
  EXPECT(boathouse_sessions_count(NULL) == 0 && boathouse_uploads_count(NULL) == 0);
  boathouse_sessions_free(NULL);
  boathouse_sync_free(NULL);
  boathouse_recorder_free(NULL);
  boathouse_store_free(store);
  boathouse_store_free(NULL);
}

static int remove_one(const char* path, const struct stat* info, int flag, struct FTW* place) {
  (void)info, (void)flag, (void)place;
  return remove(path);
}

/* Writes over the file's first page. */
static void damage(const char* folder) {
  char path[300];
  char garbage[4096];
  FILE* file;
  snprintf(path, sizeof path, "%s/device.db", folder);
  memset(garbage, 'x', sizeof garbage);
  file = fopen(path, "r+b");
  EXPECT(file != NULL && fwrite(garbage, 1, sizeof garbage, file) == sizeof garbage);
  if (file != NULL) fclose(file);
}

static void a_damaged_store_is_saved(const char* folder) {
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  boathouse_store* store = NULL;
  boathouse_sessions* list = NULL;
  char session[48];
  char output[300];
  char* report = NULL;
  snprintf(output, sizeof output, "%s/saved", folder);
  OK(boathouse_store_open(folder, &store, &error));
  row(store, "anna", 60, session);
  EXPECT(boathouse_device_salvage(folder, output, &report, &error) == BOATHOUSE_UNAVAILABLE);
  EXPECT(report == NULL);
  boathouse_store_free(store);
  damage(folder);
  EXPECT(boathouse_store_open(folder, &store, &error) == BOATHOUSE_CORRUPT);
  EXPECT(strstr(error.text, "salvage") != NULL);

  OK(boathouse_device_salvage(folder, output, &report, &error));
  EXPECT(report != NULL && strstr(report, "\"ok\":false") != NULL);
  EXPECT(report != NULL && strstr(report, "1 page(s) cannot be read (1)") != NULL);
  boathouse_free(report);
  OK(boathouse_store_open(output, &store, &error));
  OK(boathouse_sessions_list(store, &list, &error));
  EXPECT(boathouse_sessions_count(list) == 1);
  EXPECT(strcmp(session_of(list, 0).id, session) == 0);
  boathouse_sessions_free(list);
  boathouse_store_free(store);
  EXPECT(boathouse_device_salvage(folder, output, &report, &error) == BOATHOUSE_CONFLICT);
  EXPECT(boathouse_device_salvage(folder, NULL, &report, &error) == BOATHOUSE_INVALID_INPUT);
}

static void run(const char* name, void (*test)(const char* folder)) {
  char folder[] = "/tmp/boathouse-c-XXXXXX";
  const int before = failures;
  if (mkdtemp(folder) == NULL) {
    printf("not ok %s\n# no temporary folder\n", name);
    ++failures;
    return;
  }
  test(folder);
  nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  printf("%s %s\n", failures == before ? "ok" : "not ok", name);
}

int main(void) {
  run("a C host records, loses the network and syncs", records_and_syncs);
  run("several athletes and a guest in one store", several_athletes);
  run("one workout of two recordings is shown once, parted and linked", one_workout_of_two_recordings);
  run("holes are filled from the other recording", holes_are_filled_from_the_other_recording);
  run("a suggestion is answered", a_suggestion_is_answered);
  run("two devices' titles are a choice, answered for both", two_titles_are_a_choice);
  run("the store sleeps and loses nothing", sleeps_and_wakes);
  run("a copy of the store is a device of its own", a_copy_is_a_device_of_its_own);
  run("a damaged store is saved into a new one", a_damaged_store_is_saved);
  run("wrong use is an error", wrong_use_is_an_error);
  return failures == 0 ? 0 : 1;
}
