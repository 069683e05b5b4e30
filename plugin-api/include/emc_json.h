/* The little JSON that a check in C needs: find a value, read a string, write one.
 *
 * A value is the part of the text that it stands in, as emc_bytes; no value has
 * length 0. Nothing is allocated, nothing recurses, nothing reads outside of what
 * it is given: damaged JSON gives no value, never a fault. Not part of the ABI.
 */
#ifndef EMC_JSON_H
#define EMC_JSON_H

#include "emc_plugin.h"

/* Returned where a text does not fit, or is none. */
#define EMC_JSON_NONE ((size_t)-1)

static inline size_t emc_json_space(const char *p, size_t at, size_t len) {
  while (at < len && (p[at] == ' ' || p[at] == '\t' || p[at] == '\n' || p[at] == '\r')) at++;
  return at;
}

/* One past the string that begins at `at`, or 0. */
static inline size_t emc_json_string_end(const char *p, size_t at, size_t len) {
  if (at >= len || p[at] != '"') return 0;
  for (at++; at < len; at++) {
    if (p[at] == '\\') at++;
    else if (p[at] == '"') return at + 1;
  }
  return 0;
}

/* One past the value that begins at `at`, or 0. */
static inline size_t emc_json_end(const char *p, size_t at, size_t len) {
  size_t depth = 0, start = at;
  if (at >= len) return 0;
  if (p[at] == '"') return emc_json_string_end(p, at, len);
  if (p[at] != '{' && p[at] != '[') {
    while (at < len && p[at] != ',' && p[at] != '}' && p[at] != ']' && p[at] != ':' && (unsigned char)p[at] > ' ') at++;
    return at > start ? at : 0;
  }
  while (at < len) {
    if (p[at] == '"') {
      at = emc_json_string_end(p, at, len);
      if (at == 0) return 0;
      continue;
    }
    if (p[at] == '{' || p[at] == '[') depth++;
    if ((p[at] == '}' || p[at] == ']') && --depth == 0) return at + 1;
    at++;
  }
  return 0;
}

static inline emc_bytes emc_json_part(const char *p, size_t from, size_t to) {
  emc_bytes part;
  part.ptr = to > from ? p + from : NULL;
  part.len = to > from ? to - from : 0;
  return part;
}

/* The next item of an array; begin with an item of zeroes. 0 when there are no more. */
static inline int emc_json_next(emc_bytes array, emc_bytes *item) {
  const char *p = (const char *)array.ptr;
  size_t at = 0, end;
  if (item->ptr == NULL) {
    at = emc_json_space(p, 0, array.len);
    if (at >= array.len || p[at] != '[') return 0;
    at++;
  } else {
    at = (size_t)((const char *)item->ptr - p) + item->len;
    at = emc_json_space(p, at, array.len);
    if (at >= array.len || p[at] != ',') return 0;
    at++;
  }
  at = emc_json_space(p, at, array.len);
  if (at >= array.len || p[at] == ']') return 0;
  end = emc_json_end(p, at, array.len);
  if (end == 0) return 0;
  *item = emc_json_part(p, at, end);
  return 1;
}

/* The value of a member of an object; no value where there is none. */
static inline emc_bytes emc_json_member(emc_bytes object, const char *name) {
  const char *p = (const char *)object.ptr;
  size_t len = object.len, wanted = emc_text(name).len, at = emc_json_space(p, 0, len);
  if (at >= len || p[at] != '{') return emc_json_part(p, 0, 0);
  at++;
  for (;;) {
    size_t key, end, i, same;
    key = at = emc_json_space(p, at, len);
    end = emc_json_string_end(p, at, len);
    if (end == 0) break;
    same = end - key - 2 == wanted;
    for (i = 0; same && i < wanted; i++) same = p[key + 1 + i] == name[i];
    at = emc_json_space(p, end, len);
    if (at >= len || p[at] != ':') break;
    at = emc_json_space(p, at + 1, len);
    end = emc_json_end(p, at, len);
    if (end == 0) break;
    if (same) return emc_json_part(p, at, end);
    at = emc_json_space(p, end, len);
    if (at >= len || p[at] != ',') break;
    at++;
  }
  return emc_json_part(p, 0, 0);
}

/* Whether a value is this string, which has no escapes. */
static inline int emc_json_is(emc_bytes value, const char *text) {
  const char *p = (const char *)value.ptr;
  size_t i, len = emc_text(text).len;
  if (value.len != len + 2 || p[0] != '"') return 0;
  for (i = 0; i < len; i++)
    if (p[i + 1] != text[i]) return 0;
  return 1;
}

/* A whole number that is not negative; `otherwise` where the value is none or too large. */
static inline uint64_t emc_json_number(emc_bytes value, uint64_t otherwise) {
  const char *p = (const char *)value.ptr;
  uint64_t number = 0;
  size_t i;
  if (value.len == 0 || value.len > 19) return otherwise;
  for (i = 0; i < value.len; i++) {
    if (p[i] < '0' || p[i] > '9') return otherwise;
    number = number * 10 + (uint64_t)(p[i] - '0');
  }
  return number;
}

static inline long emc_json_hex4(const char *p) {
  long value = 0;
  int i;
  for (i = 0; i < 4; i++) {
    char c = p[i];
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/* Reads a string into out, UTF-8 with a final zero. Its length, or EMC_JSON_NONE
 * when the value is no string, does not fit, or has a zero in it. */
static inline size_t emc_json_text(emc_bytes value, char *out, size_t size) {
  const char *p = (const char *)value.ptr;
  size_t i, n = 0;
  if (size > 0) out[0] = 0;
  if (value.len < 2 || p[0] != '"' || p[value.len - 1] != '"') return EMC_JSON_NONE;
  for (i = 1; i + 1 < value.len; i++) {
    char utf8[4];
    size_t k, bytes = 1;
    utf8[0] = p[i];
    if (p[i] == '\\') {
      long code;
      if (++i + 1 >= value.len) return EMC_JSON_NONE;
      switch (p[i]) {
        case 'n': utf8[0] = '\n'; break;
        case 't': utf8[0] = '\t'; break;
        case 'r': utf8[0] = '\r'; break;
        case 'b': utf8[0] = '\b'; break;
        case 'f': utf8[0] = '\f'; break;
        case 'u':
          if (i + 5 >= value.len) return EMC_JSON_NONE;
          code = emc_json_hex4(p + i + 1);
          if (code < 0) return EMC_JSON_NONE;
          i += 4;
          if (code >= 0xd800 && code < 0xdc00) { /* the first half of a pair */
            long low = i + 7 < value.len && p[i + 1] == '\\' && p[i + 2] == 'u' ? emc_json_hex4(p + i + 3) : -1;
            if (low < 0xdc00 || low > 0xdfff) return EMC_JSON_NONE;
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            i += 6;
          } else if (code >= 0xdc00 && code < 0xe000) {
            return EMC_JSON_NONE;
          }
          bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
          if (bytes == 1) utf8[0] = (char)code;
          for (k = bytes; bytes > 1 && k-- > 1; code >>= 6) utf8[k] = (char)(0x80 | (code & 0x3f));
          if (bytes == 2) utf8[0] = (char)(0xc0 | code);
          if (bytes == 3) utf8[0] = (char)(0xe0 | code);
          if (bytes == 4) utf8[0] = (char)(0xf0 | code);
          break;
        default: utf8[0] = p[i]; /* \" \\ \/ */
      }
    }
    for (k = 0; k < bytes; k++) {
      if (utf8[k] == 0 || n + 1 >= size) {
        if (size > 0) out[0] = 0;
        return EMC_JSON_NONE;
      }
      out[n++] = utf8[k];
    }
  }
  if (n >= size) return EMC_JSON_NONE;
  out[n] = 0;
  return n;
}

/* Writes UTF-8 text as a string with its quotation marks and a final zero. Its
 * length, or EMC_JSON_NONE when it does not fit. */
static inline size_t emc_json_quote(const char *text, char *out, size_t size) {
  static const char digits[] = "0123456789abcdef";
  size_t n = 0;
  if (size < 3) return EMC_JSON_NONE;
  out[n++] = '"';
  for (; *text; text++) {
    unsigned char c = (unsigned char)*text;
    if (n + 8 > size) { /* an escape, the quotation mark and the zero */
      out[0] = 0;
      return EMC_JSON_NONE;
    }
    if (c == '"' || c == '\\') {
      out[n++] = '\\';
      out[n++] = (char)c;
    } else if (c < 0x20 || c == 0x7f) {
      out[n++] = '\\'; out[n++] = 'u'; out[n++] = '0'; out[n++] = '0';
      out[n++] = digits[c >> 4]; out[n++] = digits[c & 15];
    } else {
      out[n++] = (char)c;
    }
  }
  out[n++] = '"';
  out[n] = 0;
  return n;
}

#endif
