/* For the tests of the C ABI, in C and C++: a simulated monitor's notifications, and a server that keeps what it is
 * given and answers as docs/protocol.md says. One thread at a time. */
#ifndef BOATHOUSE_TEST_PEER_H
#define BOATHOUSE_TEST_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct test_monitor test_monitor;
typedef struct test_notification {
  int64_t at_ms;
  uint16_t characteristic;
  const uint8_t* bytes; /* until the next one */
  size_t size;
} test_notification;

/* A workout of so many seconds. */
test_monitor* test_monitor_new(int seconds);
bool test_monitor_next(test_monitor* monitor, test_notification* notification);
void test_monitor_free(test_monitor* monitor);

typedef struct test_server test_server;

test_server* test_server_new(void);
/* Answers a call; the status. `answer` (not ending in NUL) until the next one. */
int test_server_answer(test_server* server, const char* path, const char* replica, const uint8_t* body, size_t size,
                       const char** answer, size_t* answer_size);
size_t test_server_items(const test_server* server);    /* stored */
size_t test_server_rejected(const test_server* server); /* answers, not items */
/* From now on it is another ledger, as after a restore from a backup; what it holds stays. */
void test_server_new_epoch(test_server* server);
void test_server_free(test_server* server);

#ifdef __cplusplus
}
#endif

#endif
