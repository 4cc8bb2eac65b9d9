/* Part of boathouse_device.h: the store, recording into it, files of other tools, room on the device. */
#ifndef BOATHOUSE_DEVICE_STORE_H
#define BOATHOUSE_DEVICE_STORE_H

#include "boathouse_device_base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The store ---- */

typedef struct boathouse_store boathouse_store;

/* `folder` must exist. Recordings that a crash left open are ended and kept. On a phone give a nonce. Errors:
 * BOATHOUSE_UNAVAILABLE (another process has it), BOATHOUSE_UNSUPPORTED (a newer database, untouched),
 * BOATHOUSE_CORRUPT, BOATHOUSE_IO. */
BOATHOUSE_API boathouse_code boathouse_store_open(const char* folder, boathouse_store** store, boathouse_error* error);

typedef struct boathouse_store_options {
  size_t struct_size;
  /* Something that does not travel with the file when it is copied or restored from a backup, like a random text in the
   * Keychain (ThisDeviceOnly). With another nonce than the last time the store is a copy: it becomes a device of its
   * own, and recordings that were running when it was copied go on under new ids, so that two phones never write the
   * same one. NULL = copies are not noticed. */
  const char* nonce;
} boathouse_store_options;
/* boathouse_store_open with options, which may be NULL. */
BOATHOUSE_API boathouse_code boathouse_store_open_with(const char* folder, const boathouse_store_options* options,
                                                       boathouse_store** store, boathouse_error* error);
BOATHOUSE_API void boathouse_store_free(boathouse_store* store);

/* When a store is damaged (BOATHOUSE_CORRUPT): saves what can be read of the one in `folder`, which is only read and
 * which nobody may have open, into a new one in `output`, which is made when it is not there. Everything that was taken
 * over was checked and waits to be sent; the new store has an identity of its own. `report`: a JSON object for a person
 * and for support; "ok" is true when everything could be taken over, else "damages" names what could not, by recording,
 * stream and range where they are known. Errors: BOATHOUSE_UNAVAILABLE (in use), BOATHOUSE_CONFLICT (there is a store
 * in `output`), BOATHOUSE_IO, BOATHOUSE_NO_ROOM. It may take minutes. */
BOATHOUSE_API boathouse_code boathouse_device_salvage(const char* folder, const char* output, char** report,
                                                      boathouse_error* error);

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
  uint64_t running;       /* another reason: it is of a recording that still goes on */
  uint64_t no_backup;     /* of not_backed_up: the server has no verified backup at all */
} boathouse_space;

BOATHOUSE_API boathouse_code boathouse_store_space(boathouse_store* store, boathouse_space* space,
                                                   boathouse_error* error);
/* BOATHOUSE_INVALID_INPUT: less than what always stays; the text names the smallest cap that makes sense. */
BOATHOUSE_API boathouse_code boathouse_store_set_cap(boathouse_store* store, uint64_t bytes, boathouse_error* error);
/* Removes what is safe elsewhere, oldest first, until so many bytes are gone or no more may go. Summaries and splits
 * stay. `freed`, which may be NULL: how many bytes went. */
BOATHOUSE_API boathouse_code boathouse_store_free_space(boathouse_store* store, uint64_t bytes, uint64_t* freed,
                                                        boathouse_error* error);

#ifdef __cplusplus
}
#endif

#endif
