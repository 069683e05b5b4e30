/* What most checks in C say in the same words: how they end, and what the DNS did
 * not tell them. Over emc_plugin.h and emc_json.h; not part of the ABI.
 */
#ifndef EMC_CHECK_H
#define EMC_CHECK_H

#include <stdio.h>

#include "emc_json.h"

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

/* Whether a reply of dns.lookup/1 is an answer: records, no such records, no such
 * name. Any other says nothing about the domain. */
static inline int emc_dns_answered(const emc_completion *reply) {
  emc_bytes status = emc_json_member(reply->head, "status");
  return reply->status == EMC_OK &&
         (emc_json_is(status, "answer") || emc_json_is(status, "no-data") || emc_json_is(status, "nx-domain"));
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
