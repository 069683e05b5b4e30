/* A check as of several versions of the ABI: with the frozen header of 1.0, and
 * as one of a version 1.7 that is made up here.
 *
 * -DMINOR=7   tables of 1.7: one function more on either side
 * -DNEEDS=7   works with no host before 1.7 */
#include <stdio.h>
#include <string.h>

#include "emc_plugin.h"

#ifndef MINOR
#define MINOR 0
#endif
#ifndef NEEDS
#define NEEDS 0
#endif

/* What 1.7 would append. */
typedef struct {
  emc_host now;
  int32_t (*later)(uint64_t run);
} later_host;
typedef struct {
  emc_plugin now;
  int32_t (*later)(void *instance);
} later_plugin;

static const emc_host *H;

static int32_t manifest(void *ud, emc_sink sink) {
  const char *text =
      "{\"sdk\":\"c\",\"from-the-future\":[1],\"checks\":[{\"id\":\"aged.c\",\"version\":\"1.0.0\",\"summary\":\"s\","
      "\"category\":\"dns\",\"inputs\":[[\"domain\"]],\"side_effect\":\"passive-dns\",\"services\":[\"dns.lookup/1\"],"
      "\"a-later-member\":{},\"findings\":[{\"code\":\"aged-mx\",\"title\":\"T\",\"severity\":\"info\","
      "\"confidence\":\"high\",\"source\":\"none\",\"since\":\"1.0.0\",\"a-later-member\":1}]}]}";
  emc_bytes bytes = {text, strlen(text)};
  sink(ud, bytes);
  return EMC_OK;
}

static int32_t create(const emc_host *host, emc_bytes check, emc_bytes config, void **out, void *ud, emc_sink error) {
  (void)check, (void)config, (void)ud, (void)error;
  H = host;
  *out = &H;
  return EMC_OK;
}

/* Whether the host has what 1.7 would append, and what it answers then. */
static int32_t asked_later(uint64_t run) {
  const later_host *later = (const later_host *)(const void *)H;
  if (H->h.size < offsetof(later_host, later) + sizeof later->later || !later->later) return 0;
  return later->later(run);
}

/* Words that a later version may bring, and their forerunners. */
#define ACTOR (MINOR ? "registrar" : "nobody")
#define KIND (MINOR ? "tenant" : "domain")
#define SURE (MINOR ? "certain" : "high")

static int32_t run(void *instance, uint64_t number, emc_bytes target, emc_bytes message) {
  static const char QUESTION[] = "{\"name\":\"a.example\",\"rtype\":\"MX\",\"a-later-member\":true}";
  static const char OUTCOME[] = "{\"state\":\"findings\",\"a-later-member\":0}";
  (void)instance, (void)target, (void)message;
  emc_bytes method = {"dns.lookup/1", 12}, head = {QUESTION, sizeof QUESTION - 1}, none = {NULL, 0};
  emc_completion c;
  int32_t status = H->call(number, method, head, none, &c);
  char text[512];
  int length = snprintf(text, sizeof text,
                        "{\"kind\":\"finding\",\"code\":\"aged-mx\",\"actor\":\"%s\",\"a-later-member\":[],"
                        "\"subject\":{\"kind\":\"%s\",\"name\":\"a.example\"},\"confidence\":\"%s\","
                        "\"seen\":\"status %d, an answer: %s, later: %d\"}",
                        ACTOR, KIND, SURE, (int)status, c.head.len > 2 ? "yes" : "no", (int)asked_later(number));
  emc_bytes finding = {text, (size_t)length}, outcome = {OUTCOME, sizeof OUTCOME - 1};
  H->emit(number, EMC_EMISSION, finding, none);
  return H->emit(number, EMC_OUTCOME, outcome, none);
}

static void destroy(void *instance) { (void)instance; }
static int32_t later(void *instance) { return instance ? EMC_OK : EMC_E_BAD_ARG; }

static const later_plugin TABLE = {
    {{EMC_MAGIC, EMC_MAJOR, MINOR, NEEDS, 0,
      (uint32_t)(MINOR ? offsetof(later_plugin, later) + sizeof(void *)
                       : offsetof(emc_plugin, get_extension) + sizeof(void *)),
      0},
     manifest, create, run, destroy, NULL},
    later};

EMC_EXPORT const emc_header *emc_plugin_entry(uint16_t major, uint16_t minor) {
  (void)major, (void)minor;
  return &TABLE.now.h;
}
