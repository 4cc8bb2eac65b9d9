#include "device/capi/test_host.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int test_failures = 0;

void expect(bool good, const char* what, int line) {
  if (good) return;
  printf("# line %d: %s\n", line, what);
  ++test_failures;
}

void expect_ok(boathouse_code code, const boathouse_error* error, int line) {
  if (code == BOATHOUSE_OK) return;
  printf("# line %d: error %d: %s\n", line, (int)code, boathouse_error_text(error));
  ++test_failures;
}

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

boathouse_callbacks callbacks_of(host* self) {
  boathouse_callbacks callbacks = BOATHOUSE_INIT(boathouse_callbacks);
  callbacks.context = self;
  callbacks.send = on_send;
  callbacks.wake = on_wake;
  callbacks.status_changed = on_status;
  return callbacks;
}

/* Answers until the library wants nothing more. */
void serve(host* self, boathouse_sync* sync) {
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

boathouse_device_status status_of(boathouse_store* store, boathouse_sync* sync) {
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  boathouse_device_status status = BOATHOUSE_INIT(boathouse_device_status);
  OK(boathouse_store_status(store, sync, UINT64_MAX, &status, &error));
  return status;
}

/* A piece of so many seconds; its session's name. */
void row(boathouse_store* store, const char* athlete, int seconds, char session[48]) {
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

boathouse_session session_of(const boathouse_sessions* list, size_t index) {
  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  boathouse_session session = BOATHOUSE_INIT(boathouse_session);
  OK(boathouse_sessions_get(list, index, &session, &error));
  return session;
}
