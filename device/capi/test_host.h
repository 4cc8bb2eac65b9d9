/* What the C host's cases share: a host that holds one request and a timer, checks that count, and a piece to record.
 * One thread. */
#ifndef BOATHOUSE_TEST_HOST_H
#define BOATHOUSE_TEST_HOST_H

#include <stdbool.h>

#include "device/capi/boathouse_device.h"
#include "device/capi/test_peer.h"

extern int test_failures;
void expect(bool good, const char* what, int line);
#define EXPECT(condition) expect((condition), #condition, __LINE__)
void expect_ok(boathouse_code code, const boathouse_error* error, int line);
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

boathouse_callbacks callbacks_of(host* self);
/* Answers until the library wants nothing more. */
void serve(host* self, boathouse_sync* sync);
/* `sync` may be NULL. */
boathouse_device_status status_of(boathouse_store* store, boathouse_sync* sync);
/* A piece of so many seconds; its session's name. */
void row(boathouse_store* store, const char* athlete, int seconds, char session[48]);
boathouse_session session_of(const boathouse_sessions* list, size_t index);

/* Cases of c_abi_sessions.c: linked recordings, what awaits a choice. Each gets an empty folder. */
void one_workout_of_two_recordings(const char* folder);
void holes_are_filled_from_the_other_recording(const char* folder);
void a_suggestion_is_answered(const char* folder);
void two_titles_are_a_choice(const char* folder);

#endif
