/* What most checks in C do in the same way: the table of a plugin with one check,
 * a DNS question, a finding, how a run ends, and what the DNS did not tell. Over
 * emc_plugin.h and emc_json.h; not part of the ABI.
 */
#ifndef EMC_CHECK_H
#define EMC_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emc_json.h"

/* The plugin's table and its one symbol, for a library with one check. Put it once,
 * at the end, without a semicolon. `manifest_json` is that of manifest.h.
 *
 *   config   a type: the settings. There is one for each run, zeroed at first
 *   settle   int32_t settle(config *self, emc_bytes json, void *ud, emc_sink error)
 *            reads the settings; EMC_OK, or EMC_E_CONFIG after emc_refuse()
 *   check    int32_t check(const config *self, const emc_host *host, uint64_t run,
 *                          emc_bytes target, emc_bytes message)
 *            looks at one target; EMC_OK after exactly one outcome
 */
#define EMC_ONE_CHECK(config, settle, check)                                                                   \
  typedef struct {                                                                                             \
    const emc_host *host;                                                                                      \
    config self;                                                                                               \
  } emc_one;                                                                                                   \
  static int32_t emc_one_manifest(void *ud, emc_sink sink) {                                                   \
    size_t i;                                                                                                  \
    for (i = 0; manifest_json[i]; i++) sink(ud, emc_text(manifest_json[i]));                                   \
    return EMC_OK;                                                                                             \
  }                                                                                                            \
  static int32_t emc_one_create(const emc_host *host, emc_bytes id, emc_bytes json, void **out, void *ud,      \
                                emc_sink error) {                                                              \
    emc_one *one = (emc_one *)calloc(1, sizeof *one);                                                          \
    int32_t status;                                                                                            \
    (void)id;                                                                                                  \
    if (one == NULL) return EMC_E_INTERNAL;                                                                    \
    one->host = host;                                                                                          \
    status = settle(&one->self, json, ud, error);                                                              \
    if (status == EMC_OK) *out = one;                                                                          \
    else free(one);                                                                                            \
    return status;                                                                                             \
  }                                                                                                            \
  static int32_t emc_one_run(void *instance, uint64_t run, emc_bytes target, emc_bytes message) {              \
    const emc_one *one = (const emc_one *)instance;                                                            \
    return check(&one->self, one->host, run, target, message);                                                 \
  }                                                                                                            \
  static void emc_one_destroy(void *instance) { free(instance); }                                              \
  static const emc_plugin emc_one_table = {EMC_HEADER(0), emc_one_manifest, emc_one_create,                    \
                                           emc_one_run, emc_one_destroy, NULL};                                \
  const emc_header *emc_plugin_entry(uint16_t host_major, uint16_t host_minor) {                               \
    (void)host_major;                                                                                          \
    (void)host_minor;                                                                                          \
    return &emc_one_table.h;                                                                                   \
  }

/* Sends how the run ends: "findings" or "clean". Return what it returns. */
static inline int32_t emc_ends(const emc_host *host, uint64_t run, const char *state) {
  char json[64];
  snprintf(json, sizeof json, "{\"state\":\"%s\"}", state);
  return host->emit(run, EMC_OUTCOME, emc_text(json), emc_text(NULL));
}

/* Sends that there is nothing to look at, and why: "no domain was given". */
static inline int32_t emc_not_applicable(const emc_host *host, uint64_t run, const char *why) {
  char quoted[512], json[600];
  if (emc_json_quote(why, quoted, sizeof quoted) == EMC_JSON_NONE) return EMC_E_LIMIT;
  snprintf(json, sizeof json, "{\"state\":\"not-applicable\",\"why\":%s}", quoted);
  return host->emit(run, EMC_OUTCOME, emc_text(json), emc_text(NULL));
}

/* Sends that the settings were not taken; return EMC_E_CONFIG after it. pointer
 * names the setting as a JSON pointer: "/max_ttl". */
static inline void emc_refuse(void *ud, emc_sink error, const char *pointer, const char *message) {
  char one[128], two[512], json[700];
  if (emc_json_quote(pointer, one, sizeof one) == EMC_JSON_NONE) return;
  if (emc_json_quote(message, two, sizeof two) == EMC_JSON_NONE) return;
  snprintf(json, sizeof json, "{\"pointer\":%s,\"message\":%s}", one, two);
  error(ud, emc_text(json));
}

/* Reads a setting that is a text into out, `otherwise` where it is not set. EMC_OK,
 * or EMC_E_CONFIG after a refusal when it does not fit. name has no `/` and no `~`. */
static inline int32_t emc_setting(emc_bytes settings, const char *name, const char *otherwise, char *out, size_t size,
                                  void *ud, emc_sink error) {
  emc_bytes value = emc_json_member(settings, name);
  char pointer[64];
  if (value.len == 0) {
    int n = snprintf(out, size, "%s", otherwise);
    return n >= 0 && (size_t)n < size ? EMC_OK : EMC_E_INTERNAL;
  }
  if (emc_json_text(value, out, size) != EMC_JSON_NONE) return EMC_OK;
  snprintf(pointer, sizeof pointer, "/%s", name);
  emc_refuse(ud, error, pointer, "it is no text, or too long");
  return EMC_E_CONFIG;
}

/* What is found: texts without escapes, in UTF-8. Where there is nothing to do, no step. */
typedef struct {
  const char *code;   /* a code of the manifest */
  const char *domain; /* what it is about */
  const char *seen;   /* what was seen, a sentence or two */
  emc_bytes evidence; /* the member `evidence` of the reply that shows it */
  const char *step;   /* what to do, a sentence in the imperative */
  const char *effect; /* when that takes effect: "after the record's TTL, 1 hour" */
  const char *type;   /* a record to publish at the domain: its type, and its data in value */
  const char *value;
} emc_finding;

/* Adds a text to the n bytes of JSON that there are, as it is or as a string. The
 * bytes that there are then; EMC_JSON_NONE when it does not fit, or did not before. */
static inline size_t emc_json_add(char *json, size_t size, size_t n, const char *text) {
  size_t len = emc_text(text).len;
  if (n == EMC_JSON_NONE || n >= size || len >= size - n) return EMC_JSON_NONE;
  memcpy(json + n, text, len + 1);
  return n + len;
}
static inline size_t emc_json_add_quoted(char *json, size_t size, size_t n, const char *text) {
  size_t len = n == EMC_JSON_NONE || n >= size ? EMC_JSON_NONE : emc_json_quote(text ? text : "", json + n, size - n);
  return len == EMC_JSON_NONE ? EMC_JSON_NONE : n + len;
}

/* Sends a finding, for the owner of the domain to act on. Return what it returns
 * when that is not EMC_OK: a finding that was not taken must not end as "clean". */
static inline int32_t emc_find(const emc_host *host, uint64_t run, const emc_finding *found) {
  enum { AS_IT_IS, QUOTED };
  char json[16384], evidence[400] = "";
  size_t i, n = 0;
  const struct {
    const char *text;
    int how, there;
  } parts[] = {
      {"{\"kind\":\"finding\",\"code\":", AS_IT_IS, 1},
      {found->code, QUOTED, 1},
      {",\"subject\":{\"kind\":\"domain\",\"name\":", AS_IT_IS, 1},
      {found->domain, QUOTED, 1},
      {"},\"seen\":", AS_IT_IS, 1},
      {found->seen, QUOTED, 1},
      {",\"evidence\":[{\"id\":", AS_IT_IS, found->evidence.len > 0},
      {evidence, AS_IT_IS, found->evidence.len > 0},
      {"}]", AS_IT_IS, found->evidence.len > 0},
      {",\"remedy\":{\"step\":", AS_IT_IS, found->step != NULL},
      {found->step, QUOTED, found->step != NULL},
      {",\"effect\":", AS_IT_IS, found->step && found->effect},
      {found->effect, QUOTED, found->step && found->effect},
      {",\"publish\":[{\"name\":", AS_IT_IS, found->step && found->type},
      {found->domain, QUOTED, found->step && found->type},
      {",\"type\":", AS_IT_IS, found->step && found->type},
      {found->type, QUOTED, found->step && found->type},
      {",\"value\":", AS_IT_IS, found->step && found->type},
      {found->value, QUOTED, found->step && found->type},
      {"}]", AS_IT_IS, found->step && found->type},
      {"}", AS_IT_IS, found->step != NULL},
      {",\"actor\":", AS_IT_IS, 1},
      {found->step ? "domain-owner" : "nobody", QUOTED, 1},
      {"}", AS_IT_IS, 1}};
  if (found->evidence.len >= sizeof evidence) return EMC_E_LIMIT;
  if (found->evidence.len > 0) memcpy(evidence, found->evidence.ptr, found->evidence.len);
  for (i = 0; i < sizeof parts / sizeof *parts; i++) {
    if (!parts[i].there) continue;
    n = parts[i].how == QUOTED ? emc_json_add_quoted(json, sizeof json, n, parts[i].text)
                               : emc_json_add(json, sizeof json, n, parts[i].text);
  }
  if (n == EMC_JSON_NONE) return EMC_E_LIMIT;
  return host->emit(run, EMC_EMISSION, emc_text(json), emc_text(NULL));
}

/* Writes the request of dns.lookup/1 for one question. 0 when it does not fit. */
static inline int emc_dns_question(const char *name, const char *type, char *json, size_t size) {
  char one[1100], two[64];
  int n;
  if (emc_json_quote(name, one, sizeof one) == EMC_JSON_NONE || emc_json_quote(type, two, sizeof two) == EMC_JSON_NONE)
    return 0;
  n = snprintf(json, size, "{\"name\":%s,\"rtype\":%s}", one, two);
  return n > 0 && (size_t)n < size;
}

/* Whether a reply of dns.lookup/1 is an answer: records, no such records, no such
 * name. Any other says nothing about the domain. */
static inline int emc_dns_answered(const emc_completion *reply) {
  emc_bytes status = emc_json_member(reply->head, "status");
  return reply->status == EMC_OK &&
         (emc_json_is(status, "answer") || emc_json_is(status, "no-data") || emc_json_is(status, "nx-domain"));
}

/* Asks the DNS and waits. Whether the reply is an answer. */
static inline int emc_dns_ask(const emc_host *host, uint64_t run, const char *name, const char *type,
                              emc_completion *reply) {
  char question[1200];
  memset(reply, 0, sizeof *reply);
  reply->status = EMC_E_BAD_ARG;
  if (!emc_dns_question(name, type, question, sizeof question)) return 0;
  /* A call that was not taken fills no reply: its status is all that there is. */
  reply->status = host->call(run, emc_text("dns.lookup/1"), emc_text(question), emc_text(NULL), reply);
  return emc_dns_answered(reply);
}

/* Reads the text of a TXT record, its strings joined, into out: as much of it as
 * fits. 0 when the record is of another type. */
static inline int emc_dns_txt(emc_bytes record, char *out, size_t size) {
  emc_bytes strings = emc_json_member(emc_json_member(record, "data"), "strings"), string = {NULL, 0};
  size_t n = 0, part;
  if (size == 0 || !emc_json_is(emc_json_member(record, "rtype"), "TXT")) return 0;
  out[0] = 0;
  while (emc_json_next(strings, &string)) {
    part = emc_json_text(string, out + n, size - n);
    if (part == EMC_JSON_NONE) break;
    n += part;
  }
  return 1;
}

/* The kind of cause for which a reply of dns.lookup/1 is no answer. */
static inline const char *emc_dns_cause(const emc_completion *reply) {
  static const char *const kinds[][2] = {
      {"serv-fail", "server-failure"}, {"error-code", "server-failure"}, {"bogus", "bogus"},
      {"refused", "refused"},          {"timeout", "timeout"},           {"truncated", "truncated"},
      {"unreachable", "unreachable"},  {"malformed", "malformed"}};
  emc_bytes status = emc_json_member(reply->head, "status");
  size_t i;
  switch (reply->status) {
    case EMC_OK: break;
    case EMC_E_DENIED:
    case EMC_E_LIMIT: return "denied";
    case EMC_E_CANCELLED:
    case EMC_E_ENDED: return "interrupted";
    case EMC_E_FAILED: return "not-recorded";
    default: return "check-failed";
  }
  for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (emc_json_is(status, kinds[i][0])) return kinds[i][1];
  return "other";
}

/* Writes why a reply of dns.lookup/1 is no answer, as JSON. */
static inline size_t emc_dns_cause_json(const emc_completion *reply, char *json, size_t size) {
  char plain[256], detail[600], evidence[400] = "";
  emc_bytes words = emc_json_member(reply->head, reply->status == EMC_OK ? "detail" : "message");
  emc_bytes seen = emc_json_member(reply->head, "evidence");
  int n;
  if (emc_json_text(words, plain, sizeof plain) == EMC_JSON_NONE || plain[0] == 0)
    snprintf(plain, sizeof plain, "no answer came");
  if (emc_json_quote(plain, detail, sizeof detail) == EMC_JSON_NONE) return EMC_JSON_NONE;
  if (reply->status == EMC_OK && seen.len && seen.len < 350)
    snprintf(evidence, sizeof evidence, ",\"evidence\":%.*s", (int)seen.len, (const char *)seen.ptr);
  n = snprintf(json, size, "{\"kind\":\"%s\",\"detail\":%s%s}", emc_dns_cause(reply), detail, evidence);
  return n > 0 && (size_t)n < size ? (size_t)n : EMC_JSON_NONE;
}

/* Sends that the DNS did not tell `what` ("whether a record is there") about a domain. */
static inline int32_t emc_dns_unknown(const emc_host *host, uint64_t run, const char *domain, const char *what,
                                      const emc_completion *reply) {
  char subject[300], text[300], cause[1200], json[2048];
  if (emc_json_quote(domain, subject, sizeof subject) == EMC_JSON_NONE) return EMC_E_LIMIT;
  if (emc_json_quote(what, text, sizeof text) == EMC_JSON_NONE) return EMC_E_LIMIT;
  if (emc_dns_cause_json(reply, cause, sizeof cause) == EMC_JSON_NONE) return EMC_E_LIMIT;
  snprintf(json, sizeof json,
           "{\"kind\":\"unknown\",\"subject\":{\"kind\":\"domain\",\"name\":%s},\"what\":%s,\"cause\":%s}", subject,
           text, cause);
  return host->emit(run, EMC_EMISSION, emc_text(json), emc_text(NULL));
}

/* Sends that the run ends without a result, for a cause as emc_dns_cause_json writes it. */
static inline int32_t emc_could_not_tell(const emc_host *host, uint64_t run, const char *cause) {
  char json[1400];
  int n = snprintf(json, sizeof json, "{\"state\":\"could-not-tell\",\"cause\":%s}", cause);
  if (n < 0 || (size_t)n >= sizeof json) return EMC_E_LIMIT;
  return host->emit(run, EMC_OUTCOME, emc_text(json), emc_text(NULL));
}

/* The same, because the DNS did not answer. */
static inline int32_t emc_dns_could_not_tell(const emc_host *host, uint64_t run, const emc_completion *reply) {
  char cause[1200];
  if (reply->status == EMC_E_CANCELLED) return EMC_E_CANCELLED;
  if (emc_dns_cause_json(reply, cause, sizeof cause) == EMC_JSON_NONE) return EMC_E_LIMIT;
  return emc_could_not_tell(host, run, cause);
}

#endif
