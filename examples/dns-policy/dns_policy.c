/* example.dns-policy: whether the records on the way to a domain's mail exchangers
 * may be kept longer than our rules allow.
 *
 * It asks for the MX records with call(), and for the addresses of all exchanges
 * at once with submit() and next().
 */
#include <stdlib.h>
#include <string.h>

#include "emc_check.h"
#include "manifest.h" /* made from manifest.json and findings/ */

#define EXCHANGES 8 /* how many are looked at */

static const emc_host *host;

typedef struct {
  uint64_t max_ttl; /* seconds */
} settings;

static int32_t manifest(void *ud, emc_sink sink) {
  size_t i;
  for (i = 0; manifest_json[i]; i++) sink(ud, emc_text(manifest_json[i]));
  return EMC_OK;
}

static int32_t create(const emc_host *given, emc_bytes check, emc_bytes config, void **out, void *ud, emc_sink error) {
  settings *self = calloc(1, sizeof *self);
  (void)check;
  if (self == NULL) return EMC_E_INTERNAL;
  host = given;
  self->max_ttl = emc_json_number(emc_json_member(config, "max_ttl"), 86400);
  if (self->max_ttl == 0) {
    free(self);
    emc_refuse(ud, error, "/max_ttl", "it is at least 1");
    return EMC_E_CONFIG;
  }
  *out = self;
  return EMC_OK;
}

/* Sends a finding when a record of the reply may be kept for too long. Whether it did. */
static int judge(const settings *self, uint64_t id, const char *name, const emc_completion *reply) {
  emc_bytes answers = emc_json_member(reply->head, "answers"), record = {NULL, 0};
  emc_bytes evidence = emc_json_member(reply->head, "evidence"), owner = {NULL, 0}, type = {NULL, 0};
  uint64_t ttl = 0, longest = 0;
  char json[2048];
  while (emc_json_next(answers, &record)) {
    ttl = emc_json_number(emc_json_member(record, "ttl"), 0);
    if (ttl <= longest) continue;
    longest = ttl;
    owner = emc_json_member(record, "name");
    type = emc_json_member(record, "rtype");
  }
  if (longest <= self->max_ttl || owner.len < 2 || owner.len > 300 || type.len < 2 || evidence.len > 350) return 0;
  snprintf(json, sizeof json,
           "{\"kind\":\"finding\",\"code\":\"dns-policy-ttl-long\",\"subject\":{\"kind\":\"domain\",\"name\":\"%s\"},"
           "\"seen\":\"The %.*s record of %.*s may be kept for %llu s; our rules allow %llu s.\","
           "\"evidence\":[{\"id\":%.*s}],\"actor\":\"domain-owner\","
           "\"remedy\":{\"step\":\"Lower the TTL of the %.*s record of %.*s to %llu or less.\","
           "\"effect\":\"after the present TTL, %llu s\"}}",
           name, (int)type.len - 2, (const char *)type.ptr + 1, (int)owner.len - 2, (const char *)owner.ptr + 1,
           (unsigned long long)longest, (unsigned long long)self->max_ttl, (int)evidence.len,
           (const char *)evidence.ptr, (int)type.len - 2, (const char *)type.ptr + 1, (int)owner.len - 2,
           (const char *)owner.ptr + 1, (unsigned long long)self->max_ttl, (unsigned long long)longest);
  host->emit(id, EMC_EMISSION, emc_text(json), emc_text(NULL));
  return 1;
}

static void question(char *json, size_t size, const char *name, const char *type) {
  snprintf(json, size, "{\"name\":\"%s\",\"rtype\":\"%s\"}", name, type);
}

static int32_t run(void *instance, uint64_t id, emc_bytes target, emc_bytes message) {
  const settings *self = instance;
  char domain[256], names[EXCHANGES][256], json[320];
  emc_bytes answers, record = {NULL, 0};
  emc_completion reply;
  size_t asked = 0, done = 0;
  char cause[1300] = "";
  int found;
  (void)message;
  if (emc_json_text(emc_json_member(target, "domain"), domain, sizeof domain) == EMC_JSON_NONE)
    return emc_not_applicable(host, id, "no domain was given");

  question(json, sizeof json, domain, "MX");
  host->call(id, emc_text("dns.lookup/1"), emc_text(json), emc_text(NULL), &reply);
  if (!emc_dns_answered(&reply)) {
    emc_dns_unknown(host, id, domain, "how long its MX records may be kept", &reply);
    return emc_dns_could_not_tell(host, id, &reply);
  }
  found = judge(self, id, domain, &reply);

  /* What the reply holds is gone with the next next() or call(): copy the names first. */
  answers = emc_json_member(reply.head, "answers");
  while (asked < EXCHANGES && emc_json_next(answers, &record)) {
    emc_bytes exchange = emc_json_member(emc_json_member(record, "data"), "exchange");
    size_t len = emc_json_text(exchange, names[asked], sizeof names[asked]);
    if (len != EMC_JSON_NONE && strcmp(names[asked], ".") != 0) asked++; /* "." takes no mail (RFC 7505) */
  }
  for (done = 0; done < asked; done++) {
    question(json, sizeof json, names[done], "A");
    if (host->submit(id, done + 1, emc_text("dns.lookup/1"), emc_text(json), emc_text(NULL)) != EMC_OK) break;
  }
  asked = done;
  while (done > 0) {
    int32_t status = host->next(id, -1, &reply);
    if (status == EMC_NUDGED) continue;
    if (status != EMC_OK) return status; /* cancelled: nothing to clean up here */
    if (reply.tag == 0 || reply.tag > asked) continue;
    done--;
    if (emc_dns_answered(&reply)) {
      found |= judge(self, id, names[reply.tag - 1], &reply);
    } else {
      emc_dns_unknown(host, id, names[reply.tag - 1], "how long its address may be kept", &reply);
      if (cause[0] == 0 && emc_dns_cause_json(&reply, cause, sizeof cause) == EMC_JSON_NONE) return EMC_E_LIMIT;
    }
  }
  if (found) return emc_ends(host, id, "findings");
  if (cause[0] != 0) return emc_could_not_tell(host, id, cause);
  return emc_ends(host, id, "clean");
}

static void destroy(void *instance) { free(instance); }

static const emc_plugin plugin = {EMC_HEADER(0), manifest, create, run, destroy, NULL};

const emc_header *emc_plugin_entry(uint16_t host_major, uint16_t host_minor) {
  (void)host_major;
  (void)host_minor;
  return &plugin.h;
}
