/* example.dns-policy: whether the records on the way to a domain's mail exchangers
 * may be kept longer than our rules allow.
 *
 * It asks for the MX records with call(), and for the addresses of all exchanges
 * at once with submit() and next().
 */
#include "emc_check.h"
#include "manifest.h" /* made from manifest.json and findings/ */

#define EXCHANGES 8 /* how many are looked at */

typedef struct {
  uint64_t max_ttl; /* seconds */
} settings;

static int32_t settle(settings *self, emc_bytes json, void *ud, emc_sink error) {
  self->max_ttl = emc_json_number(emc_json_member(json, "max_ttl"), 86400);
  if (self->max_ttl > 0) return EMC_OK;
  emc_refuse(ud, error, "/max_ttl", "it is at least 1");
  return EMC_E_CONFIG;
}

/* Sends a finding when a record of the reply may be kept for too long, and marks
 * that it did. EMC_OK, or why the finding was not taken. */
static int32_t judge(const settings *self, const emc_host *host, uint64_t run, const char *name,
                     const emc_completion *reply, int *found) {
  emc_bytes answers = emc_json_member(reply->head, "answers"), record = {NULL, 0};
  char owner[256] = "", type[32] = "", seen[700], step[700], effect[64];
  emc_finding finding = {.code = "dns-policy-ttl-long", .domain = name, .seen = seen, .step = step, .effect = effect};
  uint64_t ttl = 0, longest = 0;
  while (emc_json_next(answers, &record)) {
    ttl = emc_json_number(emc_json_member(record, "ttl"), 0);
    if (ttl <= longest) continue;
    longest = ttl;
    emc_json_text(emc_json_member(record, "name"), owner, sizeof owner);
    emc_json_text(emc_json_member(record, "rtype"), type, sizeof type);
  }
  if (longest <= self->max_ttl) return EMC_OK;
  snprintf(seen, sizeof seen, "The %s record of %s may be kept for %llu s; our rules allow %llu s.", type, owner,
           (unsigned long long)longest, (unsigned long long)self->max_ttl);
  snprintf(step, sizeof step, "Lower the TTL of the %s record of %s to %llu or less.", type, owner,
           (unsigned long long)self->max_ttl);
  snprintf(effect, sizeof effect, "after the present TTL, %llu s", (unsigned long long)longest);
  finding.evidence = emc_json_member(reply->head, "evidence");
  *found = 1;
  return emc_find(host, run, &finding);
}

static int32_t check(const settings *self, const emc_host *host, uint64_t run, emc_bytes target, emc_bytes message) {
  char domain[256], names[EXCHANGES][256], question[400];
  emc_bytes answers, record = {NULL, 0};
  emc_completion reply;
  size_t asked = 0, done = 0;
  char cause[1300] = "";
  int found = 0;
  int32_t sent;
  (void)message;
  if (emc_json_text(emc_json_member(target, "domain"), domain, sizeof domain) == EMC_JSON_NONE)
    return emc_not_applicable(host, run, "no domain was given");

  if (!emc_dns_ask(host, run, domain, "MX", &reply)) {
    emc_dns_unknown(host, run, domain, "how long its MX records may be kept", &reply);
    return emc_dns_could_not_tell(host, run, &reply);
  }
  sent = judge(self, host, run, domain, &reply, &found);
  if (sent != EMC_OK) return sent;

  /* What the reply holds is gone with the next next() or call(): copy the names first. */
  answers = emc_json_member(reply.head, "answers");
  while (asked < EXCHANGES && emc_json_next(answers, &record)) {
    emc_bytes exchange = emc_json_member(emc_json_member(record, "data"), "exchange");
    size_t len = emc_json_text(exchange, names[asked], sizeof names[asked]);
    if (len != EMC_JSON_NONE && strcmp(names[asked], ".") != 0) asked++; /* "." takes no mail (RFC 7505) */
  }
  for (done = 0; done < asked; done++) {
    if (!emc_dns_question(names[done], "A", question, sizeof question)) break;
    if (host->submit(run, done + 1, emc_text("dns.lookup/1"), emc_text(question), emc_text(NULL)) != EMC_OK) break;
  }
  asked = done;
  while (done > 0) {
    int32_t status = host->next(run, -1, &reply);
    if (status == EMC_NUDGED) continue;
    if (status != EMC_OK) return status; /* cancelled: nothing to clean up here */
    if (reply.tag == 0 || reply.tag > asked) continue;
    done--;
    if (emc_dns_answered(&reply)) {
      sent = judge(self, host, run, names[reply.tag - 1], &reply, &found);
      if (sent != EMC_OK) return sent;
    } else {
      emc_dns_unknown(host, run, names[reply.tag - 1], "how long its address may be kept", &reply);
      if (cause[0] == 0 && emc_dns_cause_json(&reply, cause, sizeof cause) == EMC_JSON_NONE) return EMC_E_LIMIT;
    }
  }
  if (found) return emc_ends(host, run, "findings");
  if (cause[0] != 0) return emc_could_not_tell(host, run, cause);
  return emc_ends(host, run, "clean");
}

EMC_ONE_CHECK(settings, settle, check)
