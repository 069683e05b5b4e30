/* A host of a version 1.7 that is made up here: one function more at the end of
 * its table. It loads a plugin, runs one check, answers every DNS question with
 * words and members of its time and any other call with "refused", and prints
 * what it is sent: host PLUGIN CHECK TARGET-JSON */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "emc_plugin.h"

typedef struct {
  emc_host now;
  int32_t (*later)(uint64_t run);
} later_host;

static struct {
  uint64_t tag;
  bool dns;
} waiting[512];
static size_t waits;
static atomic_bool nudged;
static const char REFUSED[] = "{\"kind\":\"denied\",\"message\":\"not here\"}";
static const char ANSWER[] =
    "{\"evidence\":\"e\",\"question\":{\"name\":\"a.example\",\"rtype\":\"MX\",\"from-1.7\":1},\"status\":\"answer\","
    "\"channel\":\"quantum\",\"attempts\":[{\"server\":\"s\",\"transport\":\"quic\",\"status\":\"late\",\"took_us\":1}],"
    "\"answers\":[{\"name\":\"a.example\",\"rtype\":\"NEW\",\"ttl\":1,\"data\":{\"type\":\"NEW\",\"address\":{}}},"
    "{\"name\":\"a.example\",\"rtype\":\"MX\",\"ttl\":1,\"data\":{\"type\":\"MX\",\"preference\":1,"
    "\"exchange\":\"m.example\",\"from-1.7\":[]}}]}";

static int32_t submit(uint64_t run, uint64_t tag, emc_bytes method, emc_bytes head, emc_bytes body) {
  static const char DNS[] = "dns.lookup/1";
  (void)run, (void)head, (void)body;
  printf("call %.*s\n", (int)method.len, (const char *)method.ptr);
  if (waits == sizeof waiting / sizeof *waiting) return EMC_E_LIMIT;
  waiting[waits].dns = method.len == sizeof DNS - 1 && memcmp(method.ptr, DNS, method.len) == 0;
  waiting[waits++].tag = tag;
  return EMC_OK;
}

static int32_t next(uint64_t run, int64_t timeout_ms, emc_completion *out) {
  (void)run;
  /* Nothing is under way: another thread of the plugin may nudge, within a minute. */
  for (int looks = 0; !waits; looks++) {
    struct timespec moment = {0, 1000000};
    if (atomic_exchange(&nudged, false) || timeout_ms >= 0) return EMC_NUDGED;
    if (looks == 60000) return EMC_E_CANCELLED;
    nanosleep(&moment, NULL);
  }
  emc_completion refused = {0, EMC_E_DENIED, 0, {REFUSED, sizeof REFUSED - 1}, {NULL, 0}};
  emc_completion answer = {0, EMC_OK, 0, {ANSWER, sizeof ANSWER - 1}, {NULL, 0}};
  waits--;
  *out = waiting[waits].dns ? answer : refused;
  out->tag = waiting[waits].tag;
  return EMC_OK;
}

static int32_t nudge(uint64_t run) {
  (void)run;
  atomic_store(&nudged, true);
  return EMC_OK;
}

static int32_t cancel(uint64_t run, uint64_t tag) {
  (void)run, (void)tag;
  return EMC_OK;
}

static int32_t emit(uint64_t run, uint32_t kind, emc_bytes head, emc_bytes body) {
  (void)run, (void)body;
  printf("emit %u %.*s\n", (unsigned)kind, (int)head.len, (const char *)head.ptr);
  return EMC_OK;
}

static int32_t call(uint64_t run, emc_bytes method, emc_bytes head, emc_bytes body, emc_completion *out) {
  int32_t status = submit(run, 0, method, head, body);
  return status ? status : (next(run, -1, out), out->status);
}

static int32_t later(uint64_t run) { return run == 77 ? 42 : -1; }

static const later_host HOST = {{{EMC_MAGIC, EMC_MAJOR, 7, 0, 0x40, sizeof(later_host), 0},
                                 submit, next, nudge, cancel, emit, call, NULL},
                                later};

static void print(void *ud, emc_bytes data) { printf("%s %.*s\n", (const char *)ud, (int)data.len, (const char *)data.ptr); }

static emc_bytes text(const char *words) {
  emc_bytes bytes = {words, strlen(words)};
  return bytes;
}

int main(int count, char **words) {
  if (count != 4) return 2;
  void *library = dlopen(words[1], RTLD_NOW | RTLD_LOCAL);
  if (!library) return puts(dlerror()), 1;
  const emc_header *(*entry)(uint16_t, uint16_t);
  *(void **)&entry = dlsym(library, "emc_plugin_entry");
  if (!entry) return puts("no entry"), 1;
  const emc_plugin *plugin = (const emc_plugin *)(const void *)entry(EMC_MAJOR, 7);
  if (!plugin || plugin->h.magic != EMC_MAGIC || plugin->h.major != EMC_MAJOR || plugin->h.min_minor > 7)
    return puts("refused"), 1;
  printf("minor %u size %u\n", (unsigned)plugin->h.minor, (unsigned)plugin->h.size);
  void *instance = NULL;
  int32_t status = plugin->create(&HOST.now, text(words[2]), text(""), &instance, "error", print);
  if (status) return printf("create %d\n", (int)status), 1;
  printf("run %d\n", (int)plugin->run(instance, 77, text(words[3]), text("")));
  plugin->destroy(instance);
  return 0;
}
