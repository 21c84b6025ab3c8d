
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "fuzz.h"
#include "ngx_stubs.h"


/* one of so many inputs is run again with too little memory */
#define FUZZ_STARVE  8

/* allocations that nobody needs */
#define FUZZ_PLENTY  1000000000

/* of all numbers of allocations, so many are tried */
#define FUZZ_STEPS  500


static uint64_t
fuzz_hash(const uint8_t *data, size_t size)
{
    size_t    i;
    uint64_t  hash;

    /* FNV-1a */

    hash = 0xcbf29ce484222325ULL;

    for (i = 0; i < size; i++) {
        hash = (hash ^ data[i]) * 0x100000001b3ULL;
    }

    return hash ^ (hash >> 29);
}


static ngx_int_t
fuzz_once(fuzz_target_pt target, const uint8_t *data, size_t size,
    uint64_t hash, ngx_int_t allocations)
{
    fuzz_t     f;
    ngx_int_t  left;

    memset(&f, 0, sizeof(fuzz_t));

    f.pool = ngx_create_pool(4096, &fuzz_log);
    f.pos = (u_char *) data;
    f.last = f.pos + size;
    f.hash = hash;
    f.starved = (allocations < FUZZ_PLENTY);

    fuzz_log_reset();

    stub_allocations = allocations;

    target(&f);

    left = stub_allocations;
    stub_allocations = -1;

    ngx_destroy_pool(f.pool);

    return allocations - left;
}


void
fuzz_run(fuzz_target_pt target, const uint8_t *data, size_t size)
{
    uint64_t   hash;
    ngx_int_t  needed;

    hash = fuzz_hash(data, size);

    needed = fuzz_once(target, data, size, hash, FUZZ_PLENTY);

    if (hash % FUZZ_STARVE == 0 && needed > 0) {
        (void) fuzz_once(target, data, size, hash,
                         (ngx_int_t) (hash / FUZZ_STARVE % needed));
    }
}


void
fuzz_starve(fuzz_target_pt target, const uint8_t *data, size_t size)
{
    uint64_t   hash;
    ngx_int_t  i, needed;

    hash = fuzz_hash(data, size);

    needed = fuzz_once(target, data, size, hash, FUZZ_PLENTY);

    for (i = 0; i < ngx_min(needed, FUZZ_STEPS); i++) {
        (void) fuzz_once(target, data, size, hash, i);
    }
}


void
fuzz_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, what);

    if (fuzz_logged.len) {
        fprintf(stderr, "the last line that was logged: %.*s\n",
                (int) fuzz_logged.len, fuzz_logged.data);
    }

    fflush(stderr);
    abort();
}


ngx_int_t
fuzz_plenty(void)
{
    ngx_int_t  allocations;

    allocations = stub_allocations;
    stub_allocations = -1;

    return allocations;
}


void
fuzz_enough(ngx_int_t allocations)
{
    stub_allocations = allocations;
}


static void
fuzz_free(void *data)
{
    free(data);
}


ngx_str_t
fuzz_copy(fuzz_t *f, const void *data, size_t len)
{
    u_char              *p;
    ngx_int_t            allocations;
    ngx_str_t            copy;
    ngx_pool_cleanup_t  *cln;

    allocations = fuzz_plenty();

    p = malloc(len);
    cln = ngx_pool_cleanup_add(f->pool, 0);

    fuzz_enough(allocations);

    cln->handler = fuzz_free;
    cln->data = p;

    if (len) {
        memcpy(p, data, len);
    }

    copy.data = p;
    copy.len = len;

    return copy;
}


ngx_str_t
fuzz_copy0(fuzz_t *f, const void *data, size_t len)
{
    ngx_str_t  copy, text;

    text.data = malloc(len + 1);
    text.len = len;

    if (len) {
        memcpy(text.data, data, len);
    }

    text.data[len] = '\0';

    copy = fuzz_copy(f, text.data, len + 1);
    copy.len = len;

    free(text.data);

    return copy;
}


ngx_str_t
fuzz_line(fuzz_t *f)
{
    u_char     *end;
    ngx_str_t   line;

    if (f->pos == f->last) {
        return fuzz_copy(f, "", 0);
    }

    end = memchr(f->pos, '\n', f->last - f->pos);
    if (end == NULL) {
        return fuzz_rest(f);
    }

    line = fuzz_copy(f, f->pos, end - f->pos);
    f->pos = end + 1;

    return line;
}


ngx_str_t
fuzz_rest(fuzz_t *f)
{
    ngx_str_t  rest;

    rest = fuzz_copy(f, f->pos, f->last - f->pos);
    f->pos = f->last;

    return rest;
}


ngx_uint_t
fuzz_number(fuzz_t *f, ngx_uint_t max)
{
    size_t      i;
    ngx_str_t   line;
    ngx_uint_t  n;

    line = fuzz_line(f);
    n = 0;

    for (i = 0; i < line.len; i++) {

        if (line.data[i] < '0' || line.data[i] > '9' || n > max) {
            return 0;
        }

        n = n * 10 + (line.data[i] - '0');
    }

    return ngx_min(n, max);
}


ngx_str_t
fuzz_word(ngx_str_t *line)
{
    ngx_str_t  word;

    while (line->len && *line->data == ' ') {
        line->data++;
        line->len--;
    }

    word.data = line->data;

    while (line->len && *line->data != ' ') {
        line->data++;
        line->len--;
    }

    word.len = line->data - word.data;

    return word;
}


ngx_uint_t
fuzz_is(ngx_str_t *text, const char *expected)
{
    size_t  len;

    len = strlen(expected);

    return text->len == len && memcmp(text->data, expected, len) == 0;
}


ngx_uint_t
fuzz_equal(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}


ngx_uint_t
fuzz_contains(ngx_str_t *text, ngx_str_t *part)
{
    if (part->len == 0 || text->len < part->len) {
        return part->len == 0;
    }

    return memmem(text->data, text->len, part->data, part->len) != NULL;
}


ngx_uint_t
fuzz_printable(ngx_str_t *text, ngx_uint_t blanks)
{
    size_t  i;

    for (i = 0; i < text->len; i++) {

        if (text->data[i] < (blanks ? 0x20 : 0x21) || text->data[i] > 0x7e) {
            return 0;
        }
    }

    return 1;
}


ngx_uint_t
fuzz_clean(ngx_str_t *text)
{
    size_t  i;

    for (i = 0; i < text->len; i++) {

        if (text->data[i] < 0x20 || text->data[i] == 0x7f) {
            return 0;
        }
    }

    return 1;
}


/* by what a character's bytes add up to, not by a table of bytes */

ngx_uint_t
fuzz_utf8(ngx_str_t *text)
{
    size_t    i, k, n;
    uint32_t  c, least;

    for (i = 0; i < text->len; i += n) {
        c = text->data[i];

        n = (c < 0x80) ? 1 : (c >> 5 == 6) ? 2 : (c >> 4 == 14) ? 3
            : (c >> 3 == 30) ? 4 : 0;

        if (n == 0 || n > text->len - i) {
            return 0;
        }

        least = (n == 1) ? 0 : (n == 2) ? 0x80 : (n == 3) ? 0x800 : 0x10000;
        c &= (n == 1) ? 0x7f : 0x7f >> n;

        for (k = 1; k < n; k++) {
            if (text->data[i + k] >> 6 != 2) {
                return 0;
            }

            c = (c << 6) | (text->data[i + k] & 0x3f);
        }

        if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
            return 0;
        }
    }

    return 1;
}
