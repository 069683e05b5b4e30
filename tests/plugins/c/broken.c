/* Libraries that are no plugin, or a bad one: compiled once with each -DV=n. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emc_plugin.h"

#define CHECK(id, effect, services)                                                                    \
  "{\"checks\":[{\"id\":\"" id "\",\"version\":\"1.0.0\",\"summary\":\"s\",\"category\":\"dns\","      \
  "\"inputs\":[[\"domain\"]],\"side_effect\":\"" effect "\",\"services\":[" services "],\"later\":1}]}"

static int32_t manifest(void *ud, emc_sink sink) {
  (void)ud, (void)sink;
#if V == 6
  sink(ud, emc_text("{\"checks\":[{\"id\":3}]}"));
#elif V == 7
  sink(ud, emc_text("not json"));
#elif V == 8
  for (;;) sleep(1);
#elif V == 14
  sink(ud, emc_text("{\"checks\":[]}"));
#elif V == 15 /* it says less than it does */
  sink(ud, emc_text(CHECK("broken.quiet", "passive-dns", "\"smtp.session/1\"")));
#elif V == 16 /* a level that no host knows */
  sink(ud, emc_text(CHECK("broken.level", "teleports", "")));
#elif V == 17
  return EMC_E_FAILED;
#elif V == 18 /* the id of another's check */
  sink(ud, emc_text(CHECK("evil.good", "none", "")));
#elif V == 19
  sink(ud, emc_text(CHECK("mx", "none", "")));
#else
  sink(ud, emc_text(CHECK("broken.c", "none", "")));
#endif
#if V == 11 /* 64 MiB, the JSON first */
  emc_bytes part = {calloc(1, 1 << 20), 1 << 20};
  for (int i = 0; i < 64; i++) sink(ud, part);
#endif
  return EMC_OK;
}

static int32_t create(const emc_host *host, emc_bytes check, emc_bytes config, void **out, void *ud, emc_sink error) {
  (void)host, (void)check, (void)config, (void)ud, (void)error;
  *out = NULL;
  return EMC_OK;
}
static int32_t run(void *instance, uint64_t number, emc_bytes target, emc_bytes message) {
  (void)instance, (void)number, (void)target, (void)message;
  return EMC_OK;
}
static void destroy(void *instance) { (void)instance; }

#if V == 9
extern void nowhere_defined(void);
__attribute__((constructor)) static void begin(void) {
  if (getpid() == 0) nowhere_defined();
}
#elif V == 10
__attribute__((constructor)) static void begin(void) { abort(); }
#elif V == 20 /* threads, before anybody asks it anything */
static void *wait_long(void *unused) {
  sleep(20);
  return unused;
}
__attribute__((constructor)) static void begin(void) {
  pthread_attr_t small;
  pthread_t thread;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 16 << 10);
  for (int i = 0; i < 1000; i++)
    if (pthread_create(&thread, &small, wait_long, NULL)) break;
  sleep(5);
}
#elif V == 13
__attribute__((constructor)) static void begin(void) {
  for (;;) sleep(1);
}
#endif

static const emc_plugin TABLE = {
    {V == 1 ? 1 : EMC_MAGIC, V == 2 ? 2 : 1, V == 3 ? 9 : 0, V == 3 ? 9 : 0, 0,
     V == 4 ? 32 : (uint32_t)(offsetof(emc_plugin, get_extension) + sizeof(void *)), 0},
    manifest, V == 5 ? NULL : create, run, destroy, NULL};

#if V == 0
EMC_EXPORT int unrelated(void) { return TABLE.h.major; }
#else
EMC_EXPORT const emc_header *emc_plugin_entry(uint16_t major, uint16_t minor) {
  (void)major, (void)minor;
#if V == 12
  return NULL;
#else
  return &TABLE.h;
#endif
}
#endif
