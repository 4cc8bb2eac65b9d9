/* Part of boathouse_device.h: syncing, how things stand, uploads in the background. */
#ifndef BOATHOUSE_DEVICE_SYNC_H
#define BOATHOUSE_DEVICE_SYNC_H

#include "boathouse_device_store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Syncing ----
 *
 * The library decides, the host acts: it sends the requests, sets the timer and tells what happened. No call here waits
 * for a network. One sync for each athlete that is signed in.
 *
 * The host, all in all:
 *   boathouse_sync_new(); tell BOATHOUSE_START; then BOATHOUSE_DATA_ADDED after a recording, import or edit;
 *   BOATHOUSE_NETWORK_UP and _DOWN as the path monitor says (a hint, nothing depends on it); BOATHOUSE_FOREGROUND;
 *   BOATHOUSE_SYNC_NOW when a person asks; BOATHOUSE_TICK when the timer of `wake` has run out.
 * A bounded drain (a background task): tell BOATHOUSE_SYNC_NOW, answer the requests, and when `busy` of the status is 0
 * or the time is up, cancel the request that runs and report it with boathouse_sync_http_failed(). Any moment is a good
 * one to be killed.
 */

typedef struct boathouse_sync boathouse_sync;

typedef struct boathouse_header {
  const char* name;
  const char* value;
} boathouse_header;

/* To be sent to the server's address with `path` behind it; redirects must not be followed. */
typedef struct boathouse_request {
  size_t struct_size;
  uint64_t id;
  const char* method;
  const char* path;
  const boathouse_header* headers;
  size_t header_count;
  const uint8_t* body; /* may be NULL with body_size 0 */
  size_t body_size;
} boathouse_request;

/* Called by whichever thread makes a call on the sync, one at a time and in order, without a lock held: callbacks may
 * call the library, also this sync (the answer is taken when they have returned), but not free it. */
typedef struct boathouse_callbacks {
  size_t struct_size;
  void* context; /* handed to each; must outlive the sync */
  /* Required. Send it, and report with boathouse_sync_http_response() or _http_failed(), once, from any thread. There
   * is one at a time. Everything is to be copied before returning. */
  void (*send)(void* context, const boathouse_request* request);
  /* Required. Tell BOATHOUSE_TICK in so many milliseconds; replaces the timer before; -1 = no timer is needed. */
  void (*wake)(void* context, int64_t in_ms);
  /* May be NULL. The status is another one: once for all that a call brought, and never without a change. During a long
   * upload that is about once a request; a host that draws should still read the status at its own pace. */
  void (*status_changed)(void* context);
} boathouse_callbacks;

/* Signs in: `key` is the API key (it is kept in memory alone; NULL or "" = not signed in yet), `athlete` the label of
 * its recordings in the store, 1 to 200 bytes, the same one each time. */
BOATHOUSE_API boathouse_code boathouse_sync_new(boathouse_store* store, const char* key, const char* athlete,
                                                const boathouse_callbacks* callbacks, boathouse_sync** sync,
                                                boathouse_error* error);
BOATHOUSE_API void boathouse_sync_free(boathouse_sync* sync);

typedef int32_t boathouse_event;
enum {
  BOATHOUSE_START = 1, /* first of all, once */
  BOATHOUSE_TICK = 2,  /* the timer has run out; too early does no harm */
  BOATHOUSE_NETWORK_UP = 3,
  BOATHOUSE_NETWORK_DOWN = 4,
  BOATHOUSE_DATA_ADDED = 5, /* also after background uploads were answered */
  BOATHOUSE_SYNC_NOW = 6,   /* a person asks: ignores the back-off, never the server's Retry-After */
  BOATHOUSE_FOREGROUND = 7, /* the app is looked at, or was resumed: clears the back-off once */
  BOATHOUSE_PAUSE = 8,      /* by a person; a request that runs is still answered */
  BOATHOUSE_RESUME = 9
};
BOATHOUSE_API boathouse_code boathouse_sync_tell(boathouse_sync* sync, boathouse_event event, boathouse_error* error);

/* Another key of the same athlete; NULL or "" = signed out. Nothing on the device is wiped. */
BOATHOUSE_API boathouse_code boathouse_sync_set_key(boathouse_sync* sync, const char* key, boathouse_error* error);

/* Any status of 100 to 599 is an answer. Of an id that nobody waits for (late, repeated): done, and nothing happens.
 * BOATHOUSE_TOO_LARGE above 4 MiB of body: report it with boathouse_sync_http_failed(). */
BOATHOUSE_API boathouse_code boathouse_sync_http_response(boathouse_sync* sync, uint64_t request_id, int32_t status,
                                                          const boathouse_header* headers, size_t header_count,
                                                          const uint8_t* body, size_t body_size,
                                                          boathouse_error* error);
/* No answer: no network, time-out, TLS, cancelled. `reason` is shown to the person; NULL = none. */
BOATHOUSE_API boathouse_code boathouse_sync_http_failed(boathouse_sync* sync, uint64_t request_id, const char* reason,
                                                        boathouse_error* error);

/* ---- How things stand ---- */

enum {
  BOATHOUSE_STATE_OFFLINE = 0,
  BOATHOUSE_STATE_WAITING = 1, /* for the next try, or for a running recording */
  BOATHOUSE_STATE_SYNCING = 2,
  BOATHOUSE_STATE_UP_TO_DATE = 3, /* nothing pending, nothing refused, nothing unsealed */
  BOATHOUSE_STATE_PAUSED = 4,
  BOATHOUSE_STATE_BLOCKED = 5, /* see `reason`: somebody must do something */
  BOATHOUSE_STATE_NEEDS_AUTH = 6
};

/* The one word of the status pill. Of several that hold the first counts. */
enum {
  BOATHOUSE_WORD_STORAGE_LOW = 0,
  BOATHOUSE_WORD_SIGN_IN_NEEDED = 1,
  BOATHOUSE_WORD_PAUSED = 2,
  BOATHOUSE_WORD_OFFLINE = 3,
  BOATHOUSE_WORD_SYNCING = 4,
  BOATHOUSE_WORD_CONFLICT = 5,
  BOATHOUSE_WORD_REJECTED = 6,
  BOATHOUSE_WORD_PARTIAL = 7,
  BOATHOUSE_WORD_LIMITED = 8,
  BOATHOUSE_WORD_SERVER_AWAY = 9,
  BOATHOUSE_WORD_SAVED_LOCALLY = 10,
  BOATHOUSE_WORD_PENDING_ONLINE = 11,
  BOATHOUSE_WORD_SYNCED = 12
};

/* Where the last failure happened. */
enum {
  BOATHOUSE_DOMAIN_NONE = 0,
  BOATHOUSE_DOMAIN_NETWORK = 1,
  BOATHOUSE_DOMAIN_HTTP = 2,     /* error_code: the answer's status */
  BOATHOUSE_DOMAIN_PROTOCOL = 3, /* an answer that is none of a Boathouse server */
  BOATHOUSE_DOMAIN_STORE = 4     /* error_code: a boathouse_code */
};

typedef struct boathouse_device_status {
  size_t struct_size;
  int32_t state; /* BOATHOUSE_STATE_...; without a sync: BOATHOUSE_STATE_NEEDS_AUTH */
  int32_t word;  /* BOATHOUSE_WORD_... */
  int32_t busy;  /* 1: a request runs */
  /* Of the whole store: */
  uint64_t recordings;
  uint64_t open_recordings;
  uint64_t records;
  uint64_t open_rows; /* recorded, not yet sealed, so not yet among the pending */
  uint64_t pending_recordings;
  uint64_t pending_chunks;
  uint64_t pending_items; /* chunks, and births, seals and edits */
  uint64_t pending_bytes;
  int64_t oldest_pending_age_ms; /* -1 = nothing is pending */
  uint64_t refused_items;        /* by the server; kept */
  uint64_t unconfirmed_items;    /* removed here, and the server no longer names them */
  /* Of the sync, since it was made: */
  uint64_t runs;
  uint64_t run_done_bytes;  /* of this run, or the last one; never goes back within a run */
  uint64_t run_total_bytes; /* ends at the same number when nothing is left */
  uint64_t stored_items;
  uint64_t duplicate_items;
  uint64_t received_changes;
  uint64_t fetched_chunks;
  int64_t last_success_utc_ms; /* -1 = none yet, in the log of the store either */
  int64_t last_success_age_ms; /* by the monotonic clock; -1 = none since the sync was made */
  int64_t next_try_in_ms;      /* -1 = none is planned */
  int32_t error_domain;        /* BOATHOUSE_DOMAIN_...: of the last failure since the last success */
  int32_t error_code;
  int32_t error_transient;
  char reason[BOATHOUSE_ERROR_TEXT]; /* for a person; "" = nothing to say */
  uint64_t open_conflicts;           /* of the store: await a person's choice */
} boathouse_device_status;

/* `sync` may be NULL: nobody is signed in. `disk_free_bytes`: of the device, UINT64_MAX = not known. */
BOATHOUSE_API boathouse_code boathouse_store_status(boathouse_store* store, boathouse_sync* sync,
                                                    uint64_t disk_free_bytes, boathouse_device_status* status,
                                                    boathouse_error* error);
/* status->reason. "" for NULL. */
BOATHOUSE_API const char* boathouse_status_reason(const boathouse_device_status* status);

/* The last 50 sync runs, newest first, to be sent to support: no key, name, note or path is in it. */
BOATHOUSE_API boathouse_code boathouse_store_log(boathouse_store* store, char** text, boathouse_error* error);

/* ---- Uploads in the background, from files (URLSession) ----
 *
 * The database is the truth; files and tasks are disposable. A file is the body of one request: a batch
 * (docs/protocol.md section 6.3) in which every recording's birth comes before its other items, even where the server
 * has it already, so that files may be sent in any order and at the same time. What is lost, repeated or unknown loses
 * nothing: an item leaves the outbox by the server's receipt alone, and the same bytes again are a `duplicate`. The
 * foreground's sync may go on beside it.
 *
 *   Going to the background: boathouse_recorder_seal(), boathouse_uploads_write(), make a task for each (key = the
 *     task's description), with "Authorization: Bearer KEY" added to the headers: keys are not written into files.
 *   A task ends, in any order, also after a restart: boathouse_uploads_finish(), then BOATHOUSE_DATA_ADDED.
 *   At launch: boathouse_uploads_reconcile() with the tasks that the system still has; cancel those not in its answer;
 *     then boathouse_uploads_write() for the rest.
 * A server takes a few requests of one device at once (`limits.in_flight` of its hello, 4 by default): let the system
 * open no more connections to it. A 503 only means later.
 * The folder must be the host's own and hold nothing else (not backed up; not one that the system empties under a
 * task).
 */

typedef struct boathouse_upload {
  size_t struct_size;
  const char* key; /* names the task: 64 hex digits */
  const char* method;
  const char* path;
  const boathouse_header* headers; /* without Authorization */
  size_t header_count;
  const char* body_file;
  uint64_t items;
  uint64_t bytes;
} boathouse_upload;

typedef struct boathouse_uploads boathouse_uploads;

/* At most `max_files` (1 to 1000) more of about 256 KiB, with what is pending for `athlete` and in no file of the
 * folder yet. The list has the new ones. */
BOATHOUSE_API boathouse_code boathouse_uploads_write(boathouse_store* store, const char* athlete, const char* folder,
                                                     size_t max_files, boathouse_uploads** uploads,
                                                     boathouse_error* error);
/* `keys`: of the tasks that the system still has. Files of no task, and those of which nothing is pending any more, are
 * removed. The list has the current ones: all others are to be cancelled. */
BOATHOUSE_API boathouse_code boathouse_uploads_reconcile(boathouse_store* store, const char* folder,
                                                         const char* const* keys, size_t key_count,
                                                         boathouse_uploads** uploads, boathouse_error* error);
BOATHOUSE_API size_t boathouse_uploads_count(const boathouse_uploads* uploads);
BOATHOUSE_API boathouse_code boathouse_uploads_get(const boathouse_uploads* uploads, size_t index,
                                                   boathouse_upload* upload, boathouse_error* error);
BOATHOUSE_API void boathouse_uploads_free(boathouse_uploads* uploads);

enum {
  BOATHOUSE_UPLOAD_TAKEN = 0,   /* the answers to its items are stored */
  BOATHOUSE_UPLOAD_UNKNOWN = 1, /* no such file (answered before, or replaced): nothing changed */
  BOATHOUSE_UPLOAD_RETRY = 2,   /* no good answer; write again after retry_after_ms */
  BOATHOUSE_UPLOAD_SIGN_IN = 3, /* the key is not taken; write again with another one */
  BOATHOUSE_UPLOAD_REFUSED = 4  /* the request as such: leave it to the sync in the foreground, which says why */
};

typedef struct boathouse_upload_result {
  size_t struct_size;
  int32_t outcome; /* BOATHOUSE_UPLOAD_... */
  uint64_t stored;
  uint64_t duplicates;
  uint64_t refused;       /* mismatch or rejected: kept and shown */
  uint64_t later;         /* still pending */
  int64_t retry_after_ms; /* the server's wish; 0 = none */
} boathouse_upload_result;

/* A task's end. `status` 0: no answer. The file is gone afterwards whatever came, but not after an error. `result` may
 * be NULL. */
BOATHOUSE_API boathouse_code boathouse_uploads_finish(boathouse_store* store, const char* folder, const char* key,
                                                      int32_t status, const boathouse_header* headers,
                                                      size_t header_count, const uint8_t* body, size_t body_size,
                                                      boathouse_upload_result* result, boathouse_error* error);

#ifdef __cplusplus
}
#endif

#endif
