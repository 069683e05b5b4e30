/* Plugins whose words are the trouble: compiled once with each -DV=n. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "emc_plugin.h"

/* Clears the screen, sets the title, turns text around, and begins a line. */
#define E "\\u001b[2J\\u001b]0;x\\u0007\\u202e\\u009b31m\\n\\nforged: line"
#if V == 1
#define WORDS E
#define BODY                                                                                        \
  "\"body\":\"## What it means" E "\\n\\n## Why it matters\\n\\n    literal" E "\\n| table" E          \
  "\\n- item" E "\\n```\\nfenced" E "\\n```\\n\","
#else
#define WORDS ""
#define BODY ""
#endif
#if V == 2
#define VERSION "1.0"
#else
#define VERSION "1.0.0"
#endif

static const emc_host *H;

static int32_t manifest(void *ud, emc_sink sink) {
  sink(ud, emc_text(
    "{\"sdk\":\"c" WORDS "\",\"checks\":[{\"id\":\"says.c\",\"version\":\"" VERSION "\",\"summary\":\"s" WORDS "\","
    "\"category\":\"dns" WORDS "\",\"inputs\":[[\"domain\"]],\"side_effect\":\"passive-dns\",\"services\":[],"
    "\"discloses_to\":[\"d" WORDS "\"],\"license\":\"l" WORDS "\","
    "\"config_schema\":{\"type\":\"object\",\"properties\":{\"x" WORDS "\":{\"description\":\"d" WORDS "\"}}},"
    "\"findings\":[{\"code\":\"says-so\",\"title\":\"T" WORDS "\",\"severity\":\"info\",\"confidence\":\"high\"," BODY
    "\"source\":\"none" WORDS "\",\"since\":\"1.0.0" WORDS "\"}]}]}"));
  return EMC_OK;
}

static int32_t create(const emc_host *host, emc_bytes check, emc_bytes config, void **out, void *ud, emc_sink error) {
  (void)check, (void)config, (void)ud, (void)error;
  H = host;
  *out = NULL;
  return EMC_OK;
}

static void find(uint64_t run, const char *code) {
  char text[1024];
  snprintf(text, sizeof text,
           "{\"kind\":\"finding\",\"code\":\"%s\",\"subject\":{\"kind\":\"domain\",\"name\":\"a.example\"},"
           "\"actor\":\"nobody\",\"seen\":\"it says so" WORDS "\"}", code);
  H->emit(run, EMC_EMISSION, emc_text(text), emc_text(NULL));
}

#if V == 4 /* it keeps whoever waits for its end, and prints beside the report */
static void stay(void) {
  for (;;) pause();
}
__attribute__((destructor)) static void stay_too(void) { stay(); }
#endif

static int32_t run(void *instance, uint64_t run, emc_bytes target, emc_bytes message) {
  (void)instance, (void)target, (void)message;
  find(run, "says-so");
#if V == 4
  atexit(stay);
  printf("printed by the plugin\n");
  fflush(stdout);
#endif
#if V == 3
  for (int i = 0; i < 200; i++) {
    char code[32];
    snprintf(code, sizeof code, "not-declared-%d", i);
    find(run, code);
  }
#endif
  return H->emit(run, EMC_OUTCOME, emc_text("{\"state\":\"findings\"}"), emc_text(NULL));
}

static void destroy(void *instance) { (void)instance; }

static const emc_plugin TABLE = {EMC_HEADER(0), manifest, create, run, destroy, NULL};

EMC_EXPORT const emc_header *emc_plugin_entry(uint16_t major, uint16_t minor) {
  (void)major, (void)minor;
  return &TABLE.h;
}
