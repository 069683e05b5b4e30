/* The plugin ABI of the e-mail check engine, version 1.0, for C11 and C++.
 *
 * A plugin is a shared library that exports emc_plugin_entry and nothing else.
 * All text is UTF-8, all requests and answers are JSON. Every emc_bytes is lent
 * for one call: whoever receives it copies it. Nothing is freed by the other side.
 * docs/plugins.md of the engine walks through a whole check.
 *
 * The prefix emc_ and the symbol emc_plugin_entry never change. emc_header,
 * emc_bytes and emc_completion never change. Tables only grow at their end.
 */
#ifndef EMC_PLUGIN_H
#define EMC_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define EMC_EXPORT __declspec(dllexport)
#else
#define EMC_EXPORT __attribute__((visibility("default")))
#endif

#define EMC_MAGIC UINT64_C(0x0a1a0d4b48434d45) /* "EMCHK\r\x1a\n", little endian */
#define EMC_MAJOR 1
#define EMC_MINOR 0

/* How a call went: every negative value is a failure, known or not. */
enum {
  EMC_OK = 0,
  EMC_NUDGED = 1,          /* next(): nudged, or the time is over; no completion */
  EMC_E_FAILED = -1,       /* the callee's own failure */
  EMC_E_CANCELLED = -2,    /* the run or the call was cancelled: clean up and return */
  EMC_E_ENDED = -3,        /* the run is over, or never was */
  EMC_E_UNSUPPORTED = -4,  /* the host does not know the service, kind or extension */
  EMC_E_DENIED = -5,       /* not in the manifest, or forbidden by the host's rules */
  EMC_E_LIMIT = -6,        /* too much: bytes, calls, findings */
  EMC_E_BAD_ARG = -7,      /* no JSON, no UTF-8, null, or not what the service reads */
  EMC_E_PANIC = -8,        /* the plugin panicked */
  EMC_E_CONFIG = -9,       /* the settings were not taken */
  EMC_E_INTERNAL = -10,    /* the host's own fault */
  EMC_E_TIMEOUT = -11      /* a time limit of the call passed */
};

/* Kinds of emit(). A run must send exactly one EMC_OUTCOME and return EMC_OK;
 * anything else means that the check failed. Unknown kinds: EMC_E_UNSUPPORTED. */
enum {
  EMC_EMISSION = 1, /* {"kind":"finding",…} {"kind":"unknown",…} {"kind":"progress","text":…} */
  EMC_OUTCOME = 2,  /* {"state":"findings"} {"state":"clean"} {"state":"not-applicable","why":…}
                       {"state":"could-not-tell","cause":{"kind":…,"detail":…}} */
  EMC_LOG = 3,      /* {"level":"error|warn|info|debug|trace","target":…,"message":…} */
  EMC_PANIC = 4     /* {"message":…,"location":…} */
};

/* Flags of emc_plugin.h.flags. */
enum {
  EMC_FLAG_PANIC_ABORT = 1, /* a panic ends the process: never load it in process */
  EMC_FLAG_SERIAL = 2       /* one run at a time in one process */
};

/* Limits: bytes, or a number. */
#define EMC_LIMIT_MANIFEST (1u << 20)  /* the manifest document */
#define EMC_LIMIT_ARGUMENT (16u << 20) /* head or body of one call, settings, target, answer */
#define EMC_LIMIT_MESSAGE (40u << 20)  /* the message of a target */
#define EMC_LIMIT_EMITTED (1u << 20)   /* all that one run emits */
#define EMC_LIMIT_EMISSIONS 1000u      /* findings and unknowns of one run */
#define EMC_LIMIT_CALLS 10000u         /* calls of one run */
#define EMC_LIMIT_IN_FLIGHT 64u        /* calls of one run that are carried out at once */
#define EMC_LIMIT_WAITING 256u         /* calls of one run that wait for their turn */

/* The first 24 bytes of every table, the same for ever. */
typedef struct {
  uint64_t magic;     /* EMC_MAGIC */
  uint16_t major;     /* EMC_MAJOR of whoever made the table */
  uint16_t minor;     /* EMC_MINOR of whoever made the table */
  uint16_t min_minor; /* the oldest minor version of the peer that it can work with */
  uint16_t flags;     /* EMC_FLAG_… */
  uint32_t size;      /* bytes of the whole table */
  uint32_t reserved;  /* 0 */
} emc_header;

/* Bytes that are lent for one call; a null pointer is no bytes. */
typedef struct {
  const void *ptr;
  size_t len;
} emc_bytes;

/* The answer to one call; you own the struct, the host fills it. */
typedef struct {
  uint64_t tag;      /* your tag from submit(); 0 from call() */
  int32_t status;    /* EMC_OK or a failure */
  uint32_t reserved; /* 0 */
  emc_bytes head;    /* JSON, lent until the next next() or call() on this thread */
  emc_bytes body;    /* raw bytes, lent as long */
} emc_completion;

/* Takes bytes during the call that was given it; ud is passed through. */
typedef void (*emc_sink)(void *ud, emc_bytes data);

/* What the host does for you. All functions may be called from any thread. */
typedef struct {
  emc_header h;
  /* Begins a call; its completion comes under tag, possibly before this returns. */
  int32_t (*submit)(uint64_t run, uint64_t tag, emc_bytes method, emc_bytes head, emc_bytes body);
  /* Waits for a completion for at most timeout_ms, without limit when negative. */
  int32_t (*next)(uint64_t run, int64_t timeout_ms, emc_completion *out);
  /* Makes one next() that waits, or else the following one, return EMC_NUDGED. */
  int32_t (*nudge)(uint64_t run);
  /* Gives a call up; its completion may still come and is to be ignored. */
  int32_t (*cancel)(uint64_t run, uint64_t tag);
  /* Sends something, by kind. */
  int32_t (*emit)(uint64_t run, uint32_t kind, emc_bytes head, emc_bytes body);
  /* Makes a call and waits for its answer; returns the answer's status. */
  int32_t (*call)(uint64_t run, emc_bytes method, emc_bytes head, emc_bytes body, emc_completion *out);
  /* Functions beyond this table, by name; null when there are none. */
  const void *(*get_extension)(emc_bytes id);
} emc_host; /* later minor versions append: ask EMC_HAS(host, field) first */

/* What you do for the host. */
typedef struct {
  emc_header h;
  /* Gives {"checks":[manifest…],"sdk":…} to sink. No I/O, no threads. */
  int32_t (*manifest)(void *ud, emc_sink sink);
  /* Makes an instance of check for one run. host lives as long as the process.
   * On failure give {"pointer":…,"message":…} to error. */
  int32_t (*create)(const emc_host *host, emc_bytes check, emc_bytes config, void **out, void *ud, emc_sink error);
  /* Runs an instance, once, on the thread of create and destroy. It may block.
   * target is JSON: {"domain":…,"ip":…,…}; message has the bytes of its message, if any. */
  int32_t (*run)(void *instance, uint64_t run, emc_bytes target, emc_bytes message);
  /* Ends an instance. */
  void (*destroy)(void *instance);
  /* Functions beyond this table, by name; null when there are none. */
  const void *(*get_extension)(emc_bytes id);
} emc_plugin;

/* The header of your table: static const emc_plugin P = {EMC_HEADER(0), manifest, create, run, destroy, NULL}; */
#define EMC_HEADER(flags) \
  {EMC_MAGIC, EMC_MAJOR, EMC_MINOR, 0, (flags), (uint32_t)(offsetof(emc_plugin, get_extension) + sizeof(void *)), 0}

/* The one symbol: gives your table, which lives as long as the process, or null
 * when you cannot serve this host. */
EMC_EXPORT const emc_header *emc_plugin_entry(uint16_t host_major, uint16_t host_minor);

/* Whether a host (of whatever age) has a function. */
#define EMC_HAS(host, field) \
  ((host)->h.size >= offsetof(emc_host, field) + sizeof((host)->field) && (host)->field != NULL)

/* The bytes of a text without its final zero. */
static inline emc_bytes emc_text(const char *text) {
  emc_bytes bytes;
  bytes.ptr = text;
  bytes.len = 0;
  while (text && text[bytes.len]) bytes.len++;
  return bytes;
}

#ifdef __cplusplus
}
#define EMC_ASSERT_LAYOUT(what) static_assert(what, "the ABI's layout")
#else
#define EMC_ASSERT_LAYOUT(what) _Static_assert(what, "the ABI's layout")
#endif

EMC_ASSERT_LAYOUT(sizeof(emc_header) == 24);
EMC_ASSERT_LAYOUT(offsetof(emc_header, flags) == 14 && offsetof(emc_header, size) == 16);
EMC_ASSERT_LAYOUT(sizeof(emc_bytes) == 2 * sizeof(void *));
EMC_ASSERT_LAYOUT(offsetof(emc_completion, head) == 16 && sizeof(emc_completion) == 16 + 4 * sizeof(void *));
EMC_ASSERT_LAYOUT(offsetof(emc_host, submit) == 24 && offsetof(emc_plugin, manifest) == 24);
EMC_ASSERT_LAYOUT(offsetof(emc_host, get_extension) == 24 + 6 * sizeof(void *));
EMC_ASSERT_LAYOUT(offsetof(emc_plugin, get_extension) == 24 + 4 * sizeof(void *));

#endif
