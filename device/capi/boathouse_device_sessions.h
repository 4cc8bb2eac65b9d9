/* Part of boathouse_device.h: sessions, what people write about them, choices between two versions. */
#ifndef BOATHOUSE_DEVICE_SESSIONS_H
#define BOATHOUSE_DEVICE_SESSIONS_H

#include "boathouse_device_store.h"

#ifdef __cplusplus
extern "C" {
#endif

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
 * It is of the named recording alone, also while others are linked to it; but hiding is of the whole session. */
BOATHOUSE_API boathouse_code boathouse_session_set_title(boathouse_store* store, const char* session, const char* title,
                                                         boathouse_error* error);
BOATHOUSE_API boathouse_code boathouse_session_set_notes(boathouse_store* store, const char* session, const char* notes,
                                                         boathouse_error* error);
BOATHOUSE_API boathouse_code boathouse_session_set_tag(boathouse_store* store, const char* session, const char* tag,
                                                       bool there, boathouse_error* error);
/* Hides the session with all its recordings. Can be taken back for 30 days, for each recording, since a hidden one is
 * alone; later: BOATHOUSE_CONFLICT. */
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

#ifdef __cplusplus
}
#endif

#endif
