/* A plugin that uses the C calls as no SDK would; its setting "mode" says how. */
#include <stdlib.h>
#include <string.h>

#include "emc_plugin.h"

static const emc_host *H;
static char mode[4096];

#define FINDING "{\"kind\":\"finding\",\"code\":\"raw-found\",\"subject\":{\"kind\":\"domain\",\"name\":\"a.example\"},\"actor\":\"nobody\",\"seen\":\""

static int32_t manifest(void *ud, emc_sink sink) {
  sink(ud, emc_text("{\"sdk\":\"c\",\"checks\":[{\"id\":\"raw.c\",\"version\":\"1.0.0\",\"summary\":\"s\",\"category\":\"dns\","
                    "\"inputs\":[[\"domain\"]],\"side_effect\":\"passive-dns\",\"services\":[\"clock.sleep/1\"],"
                    "\"findings\":[{\"code\":\"raw-found\",\"title\":\"T\",\"severity\":\"info\",\"confidence\":\"high\","
                    "\"source\":\"none\",\"since\":\"1.0.0\"}]}]}"));
  return EMC_OK;
}

static int32_t create(const emc_host *host, emc_bytes check, emc_bytes config, void **out, void *ud, emc_sink error) {
  (void)check, (void)ud, (void)error;
  H = host;
  size_t length = config.len < sizeof mode - 1 ? config.len : sizeof mode - 1;
  memcpy(mode, config.ptr, length);
  mode[length] = 0;
  *out = &mode;
  return EMC_OK;
}

static void say(uint64_t run, const char *kind, const char *words) {
  char text[512] = FINDING;
  strcat(strcat(strcat(strcat(text, kind), words), "\"}"), "");
  H->emit(run, EMC_EMISSION, emc_text(text), emc_text(NULL));
}

static int32_t end(uint64_t run, const char *outcome) {
  return H->emit(run, EMC_OUTCOME, emc_text(outcome), emc_text(NULL));
}

static int32_t run(void *instance, uint64_t run, emc_bytes target, emc_bytes message) {
  (void)instance, (void)target, (void)message;
  emc_bytes none = emc_text(NULL), sleep = emc_text("clock.sleep/1"), ms = emc_text("{\"ms\":5}");
  emc_completion c;
  if (strstr(mode, "\"calls\"")) {
    /* One blocking, two at once; a tag may be any number. */
    int32_t blocking = H->call(run, sleep, ms, none, &c);
    int32_t one = H->submit(run, 0, sleep, ms, none), two = H->submit(run, UINT64_MAX, sleep, ms, none);
    uint64_t tags = 0;
    for (int i = 0; i < 2; i++)
      if (H->next(run, -1, &c) == EMC_OK && c.status == EMC_OK) tags += c.tag + 2;
    int32_t empty = H->next(run, 0, &c);
    say(run, blocking == 0 && one == 0 && two == 0 && tags == 3 && empty == EMC_NUDGED ? "calls are right" : "calls are wrong", "");
  } else if (strstr(mode, "\"malformed\"")) {
    H->emit(run, EMC_EMISSION, emc_text("{\"kind\":\"finding\",\"cod\":1}"), none);
    return end(run, "{\"state\":\"clean\"}"); /* which it cannot know */
  } else if (strstr(mode, "\"not-json\"")) {
    say(run, "before", "");
    H->emit(run, EMC_EMISSION, emc_text("{{{"), none);
    H->emit(run, EMC_LOG, emc_text("]"), none);
  } else if (strstr(mode, "\"unknown-kind\"")) {
    say(run, "before", "");
    H->emit(run, 99, emc_text("{}"), none);
  } else if (strstr(mode, "\"no-outcome\"")) {
    say(run, "before", "");
    return EMC_OK;
  } else if (strstr(mode, "\"two-outcomes\"")) {
    say(run, "before", "");
    end(run, "{\"state\":\"findings\"}");
    end(run, "{\"state\":\"clean\"}");
    return EMC_OK;
  } else if (strstr(mode, "\"bad-outcome\"")) {
    say(run, "before", "");
    end(run, "{\"state\":\"fine\"}");
    return EMC_OK;
  } else if (strstr(mode, "\"bad-status\"")) {
    say(run, "before", "");
    return -4711;
  } else if (strstr(mode, "\"bad-arguments\"")) {
    emc_bytes not_utf8 = {"\xff\xfe", 2};
    int32_t r[] = {H->next(run, 0, NULL), H->call(run, sleep, ms, none, NULL), H->submit(run, 1, not_utf8, ms, none),
                   H->call(run, sleep, emc_text("{{"), none, &c), H->submit(run + 1000, 1, sleep, ms, none),
                   H->nudge(0), H->cancel(run, 4711)};
    int right = r[0] == EMC_E_BAD_ARG && r[1] == EMC_E_BAD_ARG && r[2] == EMC_E_BAD_ARG && r[3] == EMC_E_BAD_ARG &&
                r[4] == EMC_E_ENDED && r[5] == EMC_E_ENDED && r[6] == EMC_OK && H->get_extension(sleep) == NULL;
    say(run, right ? "arguments are right" : "arguments are wrong", "");
  } else if (strstr(mode, "\"statuses\"")) {
    /* The same wherever it runs. */
    int right = H->emit(run, EMC_LOG, emc_text("]"), none) == EMC_E_BAD_ARG &&
                H->emit(run, 99, emc_text("{}"), none) == EMC_E_UNSUPPORTED &&
                H->emit(run, EMC_LOG, emc_text("{\"level\":\"info\",\"target\":\"raw\",\"message\":\"m\"}"), none) == EMC_OK;
    say(run, right ? "statuses are right" : "statuses are wrong", "");
  } else if (strstr(mode, "\"clean-after-all\"")) {
    say(run, "before", "");
    return end(run, "{\"state\":\"clean\"}");
  } else if (strstr(mode, "\"nothing-found\"")) {
    /* Nothing is sent. */
  } else if (strstr(mode, "\"escape\"")) {
    say(run, "\\u001b[2J\\u001b]0;owned\\u0007 red", "");
  } else {
    say(run, "nothing to do", "");
  }
  return end(run, "{\"state\":\"findings\"}");
}

static void destroy(void *instance) { (void)instance; }

static const emc_plugin TABLE = {EMC_HEADER(EMC_FLAG_SERIAL), manifest, create, run, destroy, NULL};

EMC_EXPORT const emc_header *emc_plugin_entry(uint16_t major, uint16_t minor) {
  (void)major, (void)minor;
  return &TABLE.h;
}
