/* Part of boathouse_device.h, whose first page has the conventions: what every part needs. */
#ifndef BOATHOUSE_DEVICE_BASE_H
#define BOATHOUSE_DEVICE_BASE_H

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
  BOATHOUSE_CORRUPT = 10,    /* stored data that fails its own check; see boathouse_device_salvage() */
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

#ifdef __cplusplus
}
#endif

#endif
