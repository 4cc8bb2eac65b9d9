/* A host in C that uses the library as a phone does: it records, loses the network, syncs and reads how things stand,
 * through boathouse_device.h alone. Prints "ok NAME" or "not ok NAME" for each case. */
#define _XOPEN_SOURCE 700
#include <ftw.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "device/capi/test_host.h"

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
  const int before = test_failures;
  if (mkdtemp(folder) == NULL) {
    printf("not ok %s\n# no temporary folder\n", name);
    ++test_failures;
    return;
  }
  test(folder);
  nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  printf("%s %s\n", test_failures == before ? "ok" : "not ok", name);
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
  return test_failures == 0 ? 0 : 1;
}
