/* What emc_json.h makes of good and of damaged JSON. Reads a seed, prints nothing but faults. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emc_json.h"

static int faults;
static void must(int ok, const char *what, int line) {
  if (!ok) {
    faults++;
    printf("line %d: %s\n", line, what);
  }
}
#define MUST(what) must((what), #what, __LINE__)

/* A copy without a byte to spare, so that a sanitizer sees every step outside. */
static emc_bytes exact(const char *text, size_t len) {
  char *copy = malloc(len ? len : 1);
  emc_bytes bytes = {copy, len};
  if (!copy) abort();
  memcpy(copy, text, len);
  return bytes;
}

static void walk(emc_bytes value, int depth) {
  emc_bytes item = {NULL, 0};
  char out[32];
  size_t n = emc_json_text(value, out, sizeof out);
  MUST(n == EMC_JSON_NONE || (n < sizeof out && strlen(out) == n));
  (void)emc_json_number(value, 0);
  (void)emc_json_is(value, "a");
  if (depth > 20) return;
  while (emc_json_next(value, &item)) walk(item, depth + 1);
  item = emc_json_member(value, "a");
  if (item.len) walk(item, depth + 1);
}

int main(void) {
  char out[64], small[4];
  emc_bytes item = {NULL, 0};
  emc_bytes value = emc_text(" {\"b\" : [1, {\"x\":\"]}\"} ,\"two\"], \"a\\\"\":7, \"a\":\"G\\u00fc\\u00dfe \\ud83d\\ude00\\n\\/\",\"n\":42 }");
  int count = 0;
  MUST(emc_json_text(emc_json_member(value, "a"), out, sizeof out) == 13);
  MUST(strcmp(out, "G\xc3\xbc\xc3\x9f" "e \xf0\x9f\x98\x80\n/") == 0);
  MUST(emc_json_number(emc_json_member(value, "n"), 1) == 42);
  MUST(emc_json_number(emc_json_member(value, "none"), 1) == 1);
  MUST(emc_json_number(emc_text("-1"), 3) == 3 && emc_json_number(emc_text("99999999999999999999"), 3) == 3);
  while (emc_json_next(emc_json_member(value, "b"), &item)) {
    count++;
    if (count == 2) MUST(emc_json_is(emc_json_member(item, "x"), "]}"));
    if (count == 3) MUST(emc_json_is(item, "two") && !emc_json_is(item, "tw"));
  }
  MUST(count == 3);
  MUST(emc_json_member(emc_text("[]"), "a").len == 0);
  MUST(emc_json_text(emc_text("\"abcd\""), small, sizeof small) == EMC_JSON_NONE && small[0] == 0);
  MUST(emc_json_text(emc_text("\"abc\""), small, sizeof small) == 3);
  MUST(emc_json_text(emc_text("\"\\u0000\""), out, sizeof out) == EMC_JSON_NONE);
  MUST(emc_json_text(emc_text("\"\\ud800\""), out, sizeof out) == EMC_JSON_NONE);
  MUST(emc_json_text(emc_text("7"), out, sizeof out) == EMC_JSON_NONE);
  MUST(emc_json_quote("a\"\\\n\x7f", out, sizeof out) == 19);
  MUST(strcmp(out, "\"a\\\"\\\\\\u000a\\u007f\"") == 0);
  MUST(emc_json_quote("", small, 3) == 2 && emc_json_quote("a", small, sizeof small) == EMC_JSON_NONE);

  /* Every prefix, and every byte replaced: nothing is read outside. */
  {
    const char *good = "{\"a\":[{\"a\":\"\\u00fc\\ud83d\\ude00\"},[1,2,[\"x\\\\\"]],true,null,-1.5e3],\"b\":{}}";
    static const char damage[] = "\"\\{}[],:u0d \n\x00\xff";
    size_t len = strlen(good), i, k;
    for (i = 0; i <= len; i++) {
      emc_bytes cut = exact(good, i);
      walk(cut, 0);
      free((void *)cut.ptr);
      cut = exact(good + i, len - i);
      walk(cut, 0);
      free((void *)cut.ptr);
      for (k = 0; i < len && k < sizeof damage - 1; k++) {
        emc_bytes bad = exact(good, len);
        ((char *)bad.ptr)[i] = damage[k];
        walk(bad, 0);
        free((void *)bad.ptr);
      }
    }
  }
  return faults != 0;
}
