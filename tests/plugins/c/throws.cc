// A plugin that lets a C++ exception out of `run`.
#include "emc_plugin.h"

static int32_t manifest(void *ud, emc_sink sink) {
  sink(ud, emc_text("{\"checks\":[{\"id\":\"throws.cc\",\"version\":\"1.0.0\",\"summary\":\"s\",\"category\":\"dns\","
                    "\"inputs\":[[\"domain\"]],\"side_effect\":\"none\",\"services\":[]}]}"));
  return EMC_OK;
}
static int32_t create(const emc_host *, emc_bytes, emc_bytes, void **out, void *, emc_sink) {
  *out = nullptr;
  return EMC_OK;
}
static int32_t run(void *, uint64_t, emc_bytes, emc_bytes) { throw 42; }
static void destroy(void *) {}

static const emc_plugin TABLE = {EMC_HEADER(0), manifest, create, run, destroy, nullptr};

EMC_EXPORT const emc_header *emc_plugin_entry(uint16_t, uint16_t) { return &TABLE.h; }
