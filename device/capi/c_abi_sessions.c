/* The C host looks at sessions of several recordings, and at what awaits a person's choice. */
#define _XOPEN_SOURCE 700
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "device/capi/test_host.h"

static boathouse_conflict conflict_of(const boathouse_conflicts* list, size_t index) {
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  boathouse_conflict conflict = BOATHOUSE_INIT(boathouse_conflict);
  OK(boathouse_conflicts_get(list, index, &conflict, &error));
  return conflict;
}

void one_workout_of_two_recordings(const char* folder) {
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
void holes_are_filled_from_the_other_recording(const char* folder) {
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
void a_suggestion_is_answered(const char* folder) {
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

void two_titles_are_a_choice(const char* folder) {
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
