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
 * Parts
 *   boathouse_device_base.h (errors), _store.h (the store, recording, imports, room), _sessions.h (sessions, edits,
 *   choices), _sync.h (syncing, status, uploads). Include this file; they lie in the same folder.
 */
#ifndef BOATHOUSE_DEVICE_H
#define BOATHOUSE_DEVICE_H

#include "boathouse_device_base.h"
#include "boathouse_device_sessions.h"
#include "boathouse_device_store.h"
#include "boathouse_device_sync.h"

#endif
