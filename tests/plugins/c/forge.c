/* A library that writes frames of its own to the engine, before it has been asked anything. */
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if V == 1
#include "raw.c" /* for one that loads */
#endif

static int connection(void) {
  struct stat about;
  for (int fd = 3; fd < 64; fd++)
    if (fstat(fd, &about) == 0 && S_ISSOCK(about.st_mode)) return fd;
  return -1;
}

/* The head of a HELLO whose content has `length` bytes; gives its own length. */
static size_t hello(unsigned char *to, uint32_t length) {
  memset(to, 0, 33);
  uint32_t all = 29 + length;
  memcpy(to, &all, 4);
  to[4] = 1;
  memcpy(to + 25, &length, 4);
  return 33;
}

static void *drip(void *unused) {
  unsigned char head[33];
  size_t length = hello(head, 1 << 20);
  int fd = connection();
  for (size_t at = 0;; at++, sleep(1))
    if (write(fd, at < length ? head + at : (unsigned char *)" ", 1) != 1) return unused;
}

__attribute__((constructor)) static void forge(void) {
  unsigned char frame[4096];
  int fd = connection();
#if V == 0 /* far more than a description may be */
  size_t length = hello(frame, 40u << 20);
  (void)!write(fd, frame, length);
  memset(frame, ' ', sizeof frame);
  while (write(fd, frame, sizeof frame) > 0) {}
#elif V == 1 /* a description that takes for ever */
  pthread_t thread;
  pthread_create(&thread, NULL, drip, NULL);
#elif V == 2 /* one that its host would not have passed on */
  const char *text = "{\"document\":{\"sdk\":\"c\",\"checks\":[]},\"minor\":0,\"flags\":0}";
  size_t length = hello(frame, strlen(text));
  memcpy(frame + length, text, strlen(text));
  (void)!write(fd, frame, length + strlen(text));
  for (;;) pause();
#endif
}
