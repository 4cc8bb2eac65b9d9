/* Boathouse on a device: records rowing, keeps it, syncs it. The only door into the library; plain C11, also for Swift.
 *
 * Conventions
 *   Handles are opaque; every FOO_free(NULL) does nothing. A handle keeps what it was made from alive, so the order of
 *   freeing is free; a store's folder is given back with its last handle.
 *   Calls that can fail answer a boathouse_code (0 = done) and fill `error`, which may be NULL; after a failure nothing
 *   has happened and outputs are NULL or 0. No exception leaves the library; no memory is BOATHOUSE_OUT_OF_MEMORY.
 *   A NULL that is not allowed is BOATHOUSE_INVALID_INPUT. Allowed ones are named.
 *   Structs begin with struct_size: set it to sizeof the struct (BOATHOUSE_INIT does) before the call, in either
 *   direction. Later versions append members, so that a library and a host of different age understand each other.
 *   Text is UTF-8 ending in NUL. Text in: borrowed until the call returns. Text out as `char**`: yours, to be freed
 * with boathouse_free(). Text in a struct or from a list: valid as long as the list; in a callback: until it returns.
 *   Sessions are named "ses_" and a UUID; calls also take the UUID alone.
 *   Times: utc_ms = milliseconds since 1970; `in_ms` and `age_ms` = from now on, back from now.
 * Threads
 *   Any thread may make any call at any time, but for freeing a handle that another call uses. Calls on one store take
 *   turns. Callbacks have a rule of their own, see boathouse_callbacks. Nothing here starts a thread, and nothing but
 *   the calls named so reads or writes files outside of the store's folder.
 */
#ifndef BOATHOUSE_DEVICE_H
#define BOATHOUSE_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define BOATHOUSE_API __attribute__((visibility("default")))
#else
#define BOATHOUSE_API
#endif

/* boathouse_error error = BOATHOUSE_INIT(boathouse_error); */
#ifdef __cplusplus
#define BOATHOUSE_INIT(type)                   \
  [] {                                         \
    type boathouse_made{};                     \
    boathouse_made.struct_size = sizeof(type); \
    return boathouse_made;                     \
  }()
#else
#define BOATHOUSE_INIT(type) \
  { .struct_size = sizeof(type) }
#endif

/* ---- Errors ---- */

/* Numbers are never changed or used again. */
typedef int32_t boathouse_code;
enum {
  BOATHOUSE_OK = 0,
  BOATHOUSE_INVALID_INPUT = 1, /* arguments or bytes from outside are wrong; the same again cannot help */
  BOATHOUSE_NOT_FOUND = 2,
  BOATHOUSE_CONFLICT = 3, /* the same identity with other content, or somebody else's */
  BOATHOUSE_UNAUTHENTICATED = 4,
  BOATHOUSE_FORBIDDEN = 5,
  BOATHOUSE_TOO_LARGE = 6,   /* over a stated limit */
  BOATHOUSE_UNAVAILABLE = 7, /* busy, e.g. another process holds the folder */
  BOATHOUSE_UNSUPPORTED = 8, /* made by a newer version */
  BOATHOUSE_IO = 9,          /* disk or operating system; a phone before its first unlock */
  BOATHOUSE_CORRUPT = 10,    /* stored data that fails its own check */
  BOATHOUSE_INTERNAL = 11,   /* a bug */
  BOATHOUSE_OUT_OF_MEMORY = 12,
  BOATHOUSE_SUSPENDED = 13, /* until boathouse_store_resume() */
  BOATHOUSE_NO_ROOM = 14    /* a full disk, or the cap: a new recording or import is refused, one that runs is not */
};

#define BOATHOUSE_ERROR_TEXT 512

typedef struct boathouse_error {
  size_t struct_size;
  boathouse_code code;
  int32_t transient;               /* 1: the same call may succeed later without anybody's doing */
  char text[BOATHOUSE_ERROR_TEXT]; /* for a person: what is wrong, where, and what mends it */
} boathouse_error;

/* error->text, for languages that do not like arrays in structs. "" for NULL. */
BOATHOUSE_API const char* boathouse_error_text(const boathouse_error* error);

BOATHOUSE_API void boathouse_free(void* memory);

/* ---- The store ---- */

typedef struct boathouse_store boathouse_store;

/* `folder` must exist. Recordings that a crash left open are ended and kept. Errors: BOATHOUSE_UNAVAILABLE (another
 * process has it), BOATHOUSE_UNSUPPORTED (a newer database, untouched), BOATHOUSE_CORRUPT, BOATHOUSE_IO. */
BOATHOUSE_API boathouse_code boathouse_store_open(const char* folder, boathouse_store** store, boathouse_error* error);
BOATHOUSE_API void boathouse_store_free(boathouse_store* store);

/* Before the system suspends the app (0xdead10cc: it must not hold a file's lock then). What another thread does in the
 * store is interrupted and rolled back; on return no lock of the database is held. Until resume every call on the store
 * fails with BOATHOUSE_SUSPENDED (transient), and nothing is lost by it: a recorder keeps in memory what it is fed and
 * commits it afterwards; answers that come meanwhile count as lost and are asked for again. Seconds may pass in a bulk
 * import, else milliseconds. After resume, tell every sync BOATHOUSE_FOREGROUND. */
BOATHOUSE_API boathouse_code boathouse_store_suspend(boathouse_store* store, boathouse_error* error);
BOATHOUSE_API boathouse_code boathouse_store_resume(boathouse_store* store, boathouse_error* error);

/* Recordings without an athlete (guests) become this athlete's: at sign-in, when the person says that they are. Until
 * then nobody's key sends them. `claimed`, which may be NULL: how many. */
BOATHOUSE_API boathouse_code boathouse_store_claim_guests(boathouse_store* store, const char* athlete,
                                                          uint64_t* claimed, boathouse_error* error);

/* ---- Recording ---- */

typedef struct boathouse_recorder boathouse_recorder;

typedef struct boathouse_recorder_options {
  size_t struct_size;
  const char* athlete;          /* label of the key it will be synced with; NULL or "" = a guest's */
  const char* time_zone;        /* IANA name; NULL = not known */
  int32_t offset_minutes;       /* local time minus UTC */
  int32_t offset_known;         /* 0: offset_minutes means nothing */
  const char* monitor_serial;   /* NULL = not known */
  const char* monitor_firmware; /* NULL = not known */
} boathouse_recorder_options;

#define BOATHOUSE_NO_TIME INT64_MIN

/* `options` may be NULL. It decides by itself where recordings begin and end. */
BOATHOUSE_API boathouse_code boathouse_recorder_new(boathouse_store* store, const boathouse_recorder_options* options,
                                                    boathouse_recorder** recorder, boathouse_error* error);
/* Does not stop: what was not committed is lost, as in a crash. */
BOATHOUSE_API void boathouse_recorder_free(boathouse_recorder* recorder);

/* A notification of the monitor: its characteristic's 16-bit short id (0x0031, ...) and its bytes. `at_ms`: of any
 * monotonic clock at receipt; BOATHOUSE_NO_TIME = not known. Committed within 1 s or 10 records. An error is the
 * store's: nothing is dropped, the records stay in memory and later calls try again. Bytes that cannot be read are
 * kept as an event and no error. */
BOATHOUSE_API boathouse_code boathouse_recorder_feed(boathouse_recorder* recorder, uint16_t characteristic,
                                                     const uint8_t* bytes, size_t size, int64_t at_ms,
                                                     boathouse_error* error);
/* Time passes without notifications: call it about once a second, by the clock of feed. */
BOATHOUSE_API boathouse_code boathouse_recorder_tick(boathouse_recorder* recorder, int64_t at_ms,
                                                     boathouse_error* error);
/* Bluetooth lost the monitor and has it again: the same piece goes on with an event. `detail`: a JSON object, or NULL.
 */
BOATHOUSE_API boathouse_code boathouse_recorder_note_reconnect(boathouse_recorder* recorder, const char* detail,
                                                               boathouse_error* error);
/* The app goes to the background: everything that is complete is committed and sealed, so that it can be sent. The
 * piece goes on. */
BOATHOUSE_API boathouse_code boathouse_recorder_seal(boathouse_recorder* recorder, boathouse_error* error);
/* The person's stop: everything is committed and sealed. The recorder may go on afterwards. */
BOATHOUSE_API boathouse_code boathouse_recorder_stop(boathouse_recorder* recorder, boathouse_error* error);

typedef struct boathouse_recorder_status {
  size_t struct_size;
  int32_t running;   /* 1: a piece is being rowed */
  uint64_t unsaved;  /* records in memory that the store has not got yet */
  uint64_t sessions; /* begun by this recorder */
  char session[48];  /* the newest of these; "" = none */
} boathouse_recorder_status;
BOATHOUSE_API boathouse_code boathouse_recorder_get_status(boathouse_recorder* recorder,
                                                           boathouse_recorder_status* status, boathouse_error* error);

/* ---- Files of other tools ---- */

typedef struct boathouse_import_report {
  size_t struct_size;
  int32_t already_imported; /* 1: the same bytes were imported before; nothing changed */
  uint64_t sessions;
  uint64_t rows;
  uint64_t rejected_values; /* became null, each with an event */
  uint64_t rejected_lines;  /* kept in the file's own bytes alone, each with an event */
} boathouse_import_report;

/* `name`: the file's name without folders. `time_zone`: for files with local times, an IANA name or "+hh:mm"; NULL =
 * not known. `athlete` as in boathouse_recorder_options. One transaction. `report` may be NULL. */
BOATHOUSE_API boathouse_code boathouse_import(boathouse_store* store, const char* name, const uint8_t* bytes,
                                              size_t size, const char* time_zone, const char* athlete,
                                              boathouse_import_report* report, boathouse_error* error);

/* ---- Sessions ---- */

/* How safe a session is. */
enum {
  BOATHOUSE_ON_THIS_DEVICE = 0, /* and nowhere else */
  BOATHOUSE_PARTLY_SAFE = 1,
  BOATHOUSE_SAFE = 2,    /* the server holds all of it */
  BOATHOUSE_VERIFIED = 3 /* and was asked to count it: the same */
};

typedef struct boathouse_session {
  size_t struct_size;
  const char* id;
  const char* athlete;     /* "" = a guest's */
  const char* source_name; /* of an imported file; else "" */
  const char* problem;     /* not "": it is damaged, and nothing else here can be relied on */
  int64_t started_utc_ms;
  int32_t started_known; /* 0: the start is the moment of the import */
  int32_t ended;
  int32_t safety; /* BOATHOUSE_ON_THIS_DEVICE, ... */
  uint64_t samples;
  uint64_t strokes;
  uint64_t items;         /* parts that travel */
  uint64_t pending_items; /* of these without a receipt */
  uint64_t refused_items;
  uint64_t away_items; /* not on this device; boathouse_session_fetch() */
  /* From here on since the list shows linked recordings as one. */
  const char* const* recordings; /* of this workout; the first has the session's id */
  size_t recording_count;
  int64_t elapsed_cs; /* of the recording that counts, never a sum; -1 = it does not tell */
  int64_t distance_dm;
} boathouse_session;

typedef struct boathouse_sessions boathouse_sessions;

/* Newest first. A workout of several linked recordings comes once: samples and strokes are those of the recording that
 * counts for the stream, items are added up, the least safe recording says how safe it is, and it has ended when all
 * have. */
BOATHOUSE_API boathouse_code boathouse_sessions_list(boathouse_store* store, boathouse_sessions** sessions,
                                                     boathouse_error* error);
BOATHOUSE_API size_t boathouse_sessions_count(const boathouse_sessions* sessions);
BOATHOUSE_API boathouse_code boathouse_sessions_get(const boathouse_sessions* sessions, size_t index,
                                                    boathouse_session* session, boathouse_error* error);
BOATHOUSE_API void boathouse_sessions_free(boathouse_sessions* sessions);

/* Records [from, from + limit) of a stream ("sample", "stroke", "force_curve", "split", "summary", "event") as a JSON
 * array of objects: decimals with the unit in the name, null = not available; the names are those of docs/metrics.md.
 * force_curve has its points as "points". `limit`: 1 to 100,000. */
BOATHOUSE_API boathouse_code boathouse_session_records(boathouse_store* store, const char* session, const char* stream,
                                                       uint64_t from, uint64_t limit, char** json,
                                                       boathouse_error* error);

typedef struct boathouse_reader boathouse_reader;

/* A workout's records of a stream, page by page: those of the recording that counts, its holes filled from the linked
 * ones. `session`: of any of its recordings. boathouse_session_records() is of one recording alone, by its own seq. */
BOATHOUSE_API boathouse_code boathouse_session_read(boathouse_store* store, const char* session, const char* stream,
                                                    boathouse_reader** reader, boathouse_error* error);
/* A JSON object: `records` as boathouse_session_records() has them, at most 256, none = the end; `ranges` says whose
 * they are, in the same order: {"recording", "from", "to"}, `to` being the first after it. After an error begin with a
 * new reader. */
BOATHOUSE_API boathouse_code boathouse_reader_next(boathouse_reader* reader, char** json, boathouse_error* error);
BOATHOUSE_API void boathouse_reader_free(boathouse_reader* reader);

/* Reads everything of a session back: hashes, ranges, counts, seals. `problems`: JSON array of texts; "[]" = whole. */
BOATHOUSE_API boathouse_code boathouse_session_verify(boathouse_store* store, const char* session, char** problems,
                                                      boathouse_error* error);

/* What of a session is not on this device shall come with the next sync. `chunks`, which may be NULL: how many. */
BOATHOUSE_API boathouse_code boathouse_session_fetch(boathouse_store* store, const char* session, uint64_t* chunks,
                                                     boathouse_error* error);

/* ---- What people write about a session ---- */

/* Each is an edit: committed here, synced later; of two devices' the later one wins. NULL or "" = back to nothing.
 * It is of the named recording alone, also while others are linked to it: who hides a workout hides each of them. */
BOATHOUSE_API boathouse_code boathouse_session_set_title(boathouse_store* store, const char* session, const char* title,
                                                         boathouse_error* error);
BOATHOUSE_API boathouse_code boathouse_session_set_notes(boathouse_store* store, const char* session, const char* notes,
                                                         boathouse_error* error);
BOATHOUSE_API boathouse_code boathouse_session_set_tag(boathouse_store* store, const char* session, const char* tag,
                                                       bool there, boathouse_error* error);
/* Hides it; can be taken back for 30 days. */
BOATHOUSE_API boathouse_code boathouse_session_set_deleted(boathouse_store* store, const char* session, bool deleted,
                                                           boathouse_error* error);
/* The same workout from two recorders. true: they are one session from now on; BOATHOUSE_INVALID_INPUT: of two
 * athletes. false: `other` is apart from all other recordings of the session for good, with all that was written about
 * it; BOATHOUSE_NOT_FOUND: it is not linked to `session`. */
BOATHOUSE_API boathouse_code boathouse_session_set_link(boathouse_store* store, const char* session, const char* other,
                                                        bool linked, boathouse_error* error);
/* Which of the linked recordings counts for a stream. NULL = back to the rule. */
BOATHOUSE_API boathouse_code boathouse_session_set_primary(boathouse_store* store, const char* session,
                                                           const char* stream, const char* recording,
                                                           boathouse_error* error);

typedef struct boathouse_fields {
  size_t struct_size;
  const char* title; /* NULL = nobody wrote one */
  const char* notes;
  const char* other_title; /* written at the same time elsewhere, and not chosen yet; NULL = none. Writing chooses */
  const char* other_notes;
  const char* const* tags;
  size_t tag_count;
  int32_t deleted;
  int64_t deleted_utc_ms;
} boathouse_fields;

typedef struct boathouse_field_list boathouse_field_list;

/* Of the named recording alone, after all edits that are here. `fields` points into `list`. */
BOATHOUSE_API boathouse_code boathouse_session_fields(boathouse_store* store, const char* session,
                                                      boathouse_field_list** list, boathouse_fields* fields,
                                                      boathouse_error* error);
BOATHOUSE_API void boathouse_field_list_free(boathouse_field_list* list);

/* ---- What awaits a person's choice ---- */

/* Kinds. */
enum {
  BOATHOUSE_TWO_TITLES = 1, /* two that wrote the field without knowing of each other */
  BOATHOUSE_TWO_NOTES = 2,
  BOATHOUSE_OVERLAP = 3,   /* two recordings were linked because their data agree */
  BOATHOUSE_SUGGESTION = 4 /* two recordings look like one workout; they are not linked */
};

/* Answers. */
enum {
  BOATHOUSE_UNANSWERED = 0,
  BOATHOUSE_MINE = 1,     /* that text; or linked, and that recording counts */
  BOATHOUSE_THEIRS = 2,   /* the same */
  BOATHOUSE_BOTH = 3,     /* both texts, joined; or two sessions, for good */
  BOATHOUSE_OTHERWISE = 4 /* settled another way: a new text, a link made by hand. No answer to give */
};

typedef struct boathouse_conflict_side {
  size_t struct_size;
  const char* text;      /* titles and notes: "" = taken away; else "" */
  const char* recording; /* overlap and suggestion, as are the following; else "" */
  int64_t started_utc_ms;
  int64_t elapsed_cs;  /* -1 = not known */
  int64_t distance_dm; /* -1 = not known */
  const char* device;  /* its monitor's serial number, or the file it came from; "" = not known */
} boathouse_conflict_side;

typedef struct boathouse_conflict {
  size_t struct_size;
  const char* id;      /* the same on every device */
  int32_t kind;        /* BOATHOUSE_TWO_TITLES, ... */
  int32_t answered;    /* BOATHOUSE_UNANSWERED: it is open */
  const char* session; /* as it is now */
  const char* reason;  /* overlap and suggestion: why; else "" */
  int64_t since_utc_ms;
  int64_t answered_utc_ms; /* if answered */
  /* Written or recorded on this device; if neither or both were: what is shown, the first. */
  const boathouse_conflict_side* mine;
  const boathouse_conflict_side* theirs;
} boathouse_conflict;

typedef struct boathouse_conflicts boathouse_conflicts;

/* The open ones, then the answered (the last 200); each newest first. */
BOATHOUSE_API boathouse_code boathouse_conflicts_list(boathouse_store* store, boathouse_conflicts** conflicts,
                                                      boathouse_error* error);
BOATHOUSE_API size_t boathouse_conflicts_count(const boathouse_conflicts* conflicts);
BOATHOUSE_API boathouse_code boathouse_conflicts_get(const boathouse_conflicts* conflicts, size_t index,
                                                     boathouse_conflict* conflict, boathouse_error* error);
BOATHOUSE_API void boathouse_conflicts_free(boathouse_conflicts* conflicts);
/* Settles it here and, by edits, on all devices. Texts: the field is written again. Overlap and suggestion:
 * BOATHOUSE_MINE and _THEIRS link the two, _BOTH parts them for good. The same answer again: done, and nothing new.
 * BOATHOUSE_NOT_FOUND: no such conflict; BOATHOUSE_CONFLICT: it was answered otherwise; BOATHOUSE_INVALID_INPUT: no
 * answer of these three, or both texts are too long together. */
BOATHOUSE_API boathouse_code boathouse_conflict_answer(boathouse_store* store, const char* conflict, int32_t answer,
                                                       boathouse_error* error);

/* ---- Room on the device ---- */

typedef struct boathouse_space {
  size_t struct_size;
  uint64_t used; /* bytes, by the database */
  uint64_t cap;  /* the person's; 0 = none */
  uint64_t freeable;
  uint64_t unsent;        /* why the rest may not go: the server has no receipt for it, */
  uint64_t unverified;    /* it was not yet compared, */
  uint64_t not_backed_up; /* it is in no verified backup yet */
  int32_t disk_low;       /* 1: the disk is nearly full, and nothing new can begin */
} boathouse_space;

BOATHOUSE_API boathouse_code boathouse_store_space(boathouse_store* store, boathouse_space* space,
                                                   boathouse_error* error);
BOATHOUSE_API boathouse_code boathouse_store_set_cap(boathouse_store* store, uint64_t bytes, boathouse_error* error);
/* Removes what is safe elsewhere, oldest first, until so many bytes are gone or no more may go. Summaries and splits
 * stay. `freed`, which may be NULL: how many bytes went. */
BOATHOUSE_API boathouse_code boathouse_store_free_space(boathouse_store* store, uint64_t bytes, uint64_t* freed,
                                                        boathouse_error* error);

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
