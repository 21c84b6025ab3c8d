
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * A zone's state file: what was not saved by us is never read, what was is
 * read as it was saved, and of a genuine file with numbers that make no sense
 * nothing is believed.
 *
 * Input: a line, and what it says about the rest.
 *
 *     slot                          a file
 *     plain CHUNKS RECORDS LENGTH   the records of a genuine one, in bytes,
 *                                   "---" between chunks; the figures are what
 *                                   the header says, "-" is the truth
 *     records PLACE CHANGE          sessions, each a line of words: kind,
 *                                   created, seen, expires, token's end and
 *                                   lifetime, generation, member, address,
 *                                   profile, access and refresh token; where
 *                                   the file is changed, and how
 */


#include "fuzz.h"
#include "rings.h"

#include "ngx_http_wix_auth_state_parts.h"
#include "ngx_http_wix_auth_zone.h"


#define FUZZ_MAX_LEN  16384

#define RECORDS  32
#define FILE_MAX (4 * FUZZ_MAX_LEN)

#define START    NGX_HTTP_WIX_AUTH_STATE_START
#define RECORD   NGX_HTTP_WIX_AUTH_STATE_RECORD


typedef struct {
    ngx_str_t                     file;
    ngx_http_wix_auth_session_t  *expected;
    ngx_uint_t                    n;
    size_t                        size;      /* of all records seen */
} seen_t;


static void slot(ngx_str_t *file);
static void plain(fuzz_t *f, ngx_str_t *words);
static void records(fuzz_t *f, ngx_str_t *words);
static ngx_uint_t session(fuzz_t *f, ngx_str_t *line,
    ngx_http_wix_auth_session_t *s);
static uint64_t figure(ngx_str_t *words, uint64_t truth);
static size_t record(u_char *p, ngx_http_wix_auth_session_t *s);
static void changed(ngx_str_t *file, ngx_uint_t place, ngx_uint_t change);
static ngx_int_t handler(void *ctx, ngx_http_wix_auth_session_t *s);
static ngx_int_t parse(ngx_http_wix_auth_ring_t *keys, ngx_str_t *file,
    seen_t *seen);


void
fuzz_one(fuzz_t *f)
{
    ngx_str_t  line, word, file;

    rings();

    line = fuzz_line(f);
    word = fuzz_word(&line);

    if (fuzz_is(&word, "plain")) {
        plain(f, &line);

    } else if (fuzz_is(&word, "records")) {
        records(f, &line);

    } else {
        file = fuzz_rest(f);
        slot(&file);
    }
}


static void
slot(ngx_str_t *file)
{
    size_t      i;
    seen_t      seen;
    ngx_int_t   rc;
    ngx_str_t   copy;

    for (i = 0; i < file->len && file->data[i] == 0; i++) { /* void */ }

    rc = parse(&ring, file, &seen);

    if (i == file->len) {
        FUZZ_CHECK(rc == (i <= START ? NGX_DONE : NGX_AGAIN));

    } else if (i >= NGX_HTTP_WIX_AUTH_STATE_HEADER) {
        FUZZ_CHECK(rc == NGX_AGAIN || rc == NGX_DONE);

    } else {
        FUZZ_CHECK(rc == NGX_DECLINED);
    }

    FUZZ_CHECK(seen.n == 0);

    copy = *file;
    FUZZ_CHECK(parse(&rotated, &copy, &seen) == rc && seen.n == 0);
}


/* genuine, whatever it holds */

static void
plain(fuzz_t *f, ngx_str_t *words)
{
    u_char                            *p, *end, *buf;
    size_t                             len, all;
    seen_t                             seen;
    ngx_int_t                          rc;
    uint64_t                           chunks, count, length;
    ngx_http_wix_auth_state_header_t   h;

    buf = malloc(FILE_MAX);
    memset(buf, 0, START);

    memset(&h, 0, sizeof(ngx_http_wix_auth_state_header_t));
    memset(&seen, 0, sizeof(seen_t));

    FUZZ_CHECK(ngx_http_wix_auth_state_key(&ring, &h) == NGX_OK);

    p = buf + START;
    chunks = 0;
    all = 0;

    while (f->pos < f->last && p - buf < FILE_MAX / 2) {
        end = memmem(f->pos, f->last - f->pos, "\n---\n", 5);
        len = (end ? end : f->last) - f->pos;

        memcpy(p + NGX_HTTP_WIX_AUTH_STATE_BEFORE, f->pos, len);

        FUZZ_CHECK(ngx_http_wix_auth_state_chunk_seal(&h, chunks, p, len)
                   == NGX_OK);

        p += NGX_HTTP_WIX_AUTH_STATE_BEFORE + len
             + NGX_HTTP_WIX_AUTH_STATE_BEHIND;
        f->pos += len + (end ? 5 : 0);

        chunks++;
        all += len;
    }

    /* how many records there are, only the parser knows */

    count = figure(words, UINT64_MAX);

    seen.file.data = buf;
    seen.file.len = p - buf;

    length = seen.file.len;

    h.chunks = (uint32_t) ((count == UINT64_MAX) ? chunks : count);
    h.records = (uint32_t) figure(words, 1);
    h.length = figure(words, length);
    h.saved = ngx_time();

    FUZZ_CHECK(ngx_http_wix_auth_state_header_write(&h, buf) == NGX_OK);

    rc = parse(&ring, &seen.file, &seen);

    if (rc == NGX_OK) {
        FUZZ_CHECK(h.chunks == chunks && h.length == length);
        FUZZ_CHECK(seen.n == h.records && seen.size == all);

    } else {
        FUZZ_CHECK(rc == NGX_DECLINED);
    }

    free(buf);
}


static uint64_t
figure(ngx_str_t *words, uint64_t truth)
{
    char       text[24];
    ngx_str_t  word;

    word = fuzz_word(words);

    if (word.len == 0 || word.len >= sizeof(text) || fuzz_is(&word, "-")) {
        return truth;
    }

    memcpy(text, word.data, word.len);
    text[word.len] = '\0';

    return strtoull(text, NULL, 10);
}


/* sessions, there and back; and then the file is touched */

static void
records(fuzz_t *f, ngx_str_t *words)
{
    u_char                            *p, *buf;
    size_t                             len;
    seen_t                             seen;
    ngx_str_t                          line, file;
    ngx_uint_t                         place, change, split;
    ngx_http_wix_auth_session_t        all[RECORDS];
    ngx_http_wix_auth_state_header_t   h;

    place = figure(words, 0);
    change = figure(words, 0);
    split = 1 + change % RECORDS;

    buf = malloc(FILE_MAX);
    memset(buf, 0, START);

    memset(&h, 0, sizeof(ngx_http_wix_auth_state_header_t));
    memset(&seen, 0, sizeof(seen_t));

    FUZZ_CHECK(ngx_http_wix_auth_state_key(&ring, &h) == NGX_OK);

    p = buf + START;
    len = 0;

    while (f->pos < f->last && h.records < RECORDS) {
        line = fuzz_line(f);

        if (!session(f, &line, &all[h.records])) {
            continue;
        }

        len += record(p + NGX_HTTP_WIX_AUTH_STATE_BEFORE + len,
                      &all[h.records]);

        if (++h.records % split == 0) {
            FUZZ_CHECK(ngx_http_wix_auth_state_chunk_seal(&h, h.chunks++, p,
                                                          len)
                       == NGX_OK);

            p += NGX_HTTP_WIX_AUTH_STATE_BEFORE + len
                 + NGX_HTTP_WIX_AUTH_STATE_BEHIND;
            len = 0;
        }
    }

    if (len) {
        FUZZ_CHECK(ngx_http_wix_auth_state_chunk_seal(&h, h.chunks++, p, len)
                   == NGX_OK);
        p += NGX_HTTP_WIX_AUTH_STATE_BEFORE + len
             + NGX_HTTP_WIX_AUTH_STATE_BEHIND;
    }

    h.length = p - buf;
    h.generation = change;
    h.saved = ngx_time();
    memset(h.hash_key, 0xaa, 16);
    memset(h.secret, 0xbb, 32);

    FUZZ_CHECK(ngx_http_wix_auth_state_header_write(&h, buf) == NGX_OK);

    file.data = buf;
    file.len = p - buf;

    seen.expected = all;

    FUZZ_CHECK(parse(&ring, &file, &seen) == NGX_OK);
    FUZZ_CHECK(seen.n == h.records);
    FUZZ_CHECK(parse(&rotated, &file, &seen) == NGX_OK);
    FUZZ_CHECK(parse(&stranger, &file, &seen) == NGX_DECLINED);
    FUZZ_CHECK(seen.n == 0);

    seen.expected = NULL;
    changed(&file, place, change);

    free(buf);
}


/* a byte, an end that is missing, one that was not there, and other files'
   chunks; only the claim may be anybody's */

static void
changed(ngx_str_t *file, ngx_uint_t place, ngx_uint_t change)
{
    u_char     c;
    seen_t     seen;
    ngx_str_t  other;

    memset(&seen, 0, sizeof(seen_t));

    place %= file->len;

    c = file->data[place];
    file->data[place] ^= (u_char) (1 + change % 255);

    if (place >= NGX_HTTP_WIX_AUTH_STATE_HEADER && place < START) {
        FUZZ_CHECK(parse(&ring, file, &seen) == NGX_OK);

    } else {
        FUZZ_CHECK(parse(&ring, file, &seen) == NGX_DECLINED);
    }

    file->data[place] = c;

    other.data = file->data;
    other.len = place;

    FUZZ_CHECK(parse(&ring, &other, &seen)
               == (place ? NGX_DECLINED : NGX_DONE));

    other.len = file->len + 1;
    FUZZ_CHECK(parse(&ring, &other, &seen) == NGX_DECLINED);

    /* its header gone, as while a save goes on */

    memset(file->data, 0, NGX_HTTP_WIX_AUTH_STATE_HEADER);
    FUZZ_CHECK(parse(&ring, file, &seen)
               == (file->len > START ? NGX_AGAIN : NGX_DONE));
    FUZZ_CHECK(seen.n == 0);
}


/* 0: a line that no session could be */

static ngx_uint_t
session(fuzz_t *f, ngx_str_t *line, ngx_http_wix_auth_session_t *s)
{
    ngx_str_t  word;

    memset(s, 0, sizeof(ngx_http_wix_auth_session_t));

    word = fuzz_word(line);
    s->kind = fuzz_is(&word, "visitor") ? NGX_HTTP_WIX_AUTH_KIND_VISITOR
                                        : NGX_HTTP_WIX_AUTH_KIND_MEMBER;

    s->created = (time_t) (figure(line, 1800000000) & 0xffffffffff);
    s->seen = (time_t) (figure(line, 1800000000) & 0xffffffffff);
    s->expires = (time_t) (figure(line, 1800086400) & 0xffffffffff);
    s->token_expires = (time_t) (figure(line, 1800014400) & 0xffffffffff);
    s->token_lifetime = (time_t) (figure(line, 14400) & 0xffffffff);
    s->generation = (ngx_uint_t) (figure(line, 1) & 0xffffffff);
    s->jitter = f->hash & 0xff;

    memset(s->id, (int) f->hash, 16);
    memset(s->handle, (int) (f->hash >> 8), 16);
    memset(s->client, (int) (f->hash >> 16), 16);

    s->member_id = fuzz_word(line);
    s->email = fuzz_word(line);
    s->profile = fuzz_word(line);
    s->access_token = fuzz_word(line);
    s->refresh_token = fuzz_word(line);

    return s->member_id.len <= 64 && s->email.len <= 254
           && s->profile.len <= 4096 && s->access_token.len <= 8192
           && s->refresh_token.len <= 8192;
}


static size_t
record(u_char *p, ngx_http_wix_auth_session_t *s)
{
    u_char  *start;

    start = p;

    ngx_http_wix_auth_state_record_write(p, s);
    p += RECORD;

    p = ngx_cpymem(p, s->member_id.data, s->member_id.len);
    p = ngx_cpymem(p, s->email.data, s->email.len);
    p = ngx_cpymem(p, s->profile.data, s->profile.len);
    p = ngx_cpymem(p, s->access_token.data, s->access_token.len);
    p = ngx_cpymem(p, s->refresh_token.data, s->refresh_token.len);

    return p - start;
}


/* of a file's copy: it is opened in place */

static ngx_int_t
parse(ngx_http_wix_auth_ring_t *keys, ngx_str_t *file, seen_t *seen)
{
    ngx_int_t                          rc;
    const char                        *err;
    ngx_http_wix_auth_state_header_t   h;

    seen->file.data = malloc(file->len);
    seen->file.len = file->len;
    seen->n = 0;
    seen->size = 0;

    if (file->len) {
        memcpy(seen->file.data, file->data, file->len);
    }

    err = NULL;

    rc = ngx_http_wix_auth_state_parse(keys, seen->file.data, file->len, &h,
                                       handler, seen, &err);

    FUZZ_CHECK(rc != NGX_DECLINED || err != NULL);
    FUZZ_CHECK(rc != NGX_OK || h.length == file->len);

    free(seen->file.data);

    return rc;
}


static ngx_int_t
handler(void *ctx, ngx_http_wix_auth_session_t *s)
{
    seen_t  *seen = ctx;

    ngx_str_t                    *string;
    ngx_uint_t                    i;
    ngx_http_wix_auth_session_t  *e;

    FUZZ_CHECK(s->kind <= NGX_HTTP_WIX_AUTH_KIND_VISITOR);
    FUZZ_CHECK(s->created >= 0 && s->created >> 40 == 0);
    FUZZ_CHECK(s->seen >= 0 && s->seen >> 40 == 0);
    FUZZ_CHECK(s->expires >= 0 && s->expires >> 40 == 0);
    FUZZ_CHECK(s->token_expires >= 0 && s->token_expires >> 40 == 0);
    FUZZ_CHECK(s->token_lifetime >= 0 && s->token_lifetime >> 32 == 0);

    seen->size += RECORD;

    for (i = 0; i < NGX_HTTP_WIX_AUTH_STRINGS; i++) {
        string = (i == 0) ? &s->member_id : (i == 1) ? &s->email
                 : (i == 2) ? &s->profile : (i == 3) ? &s->access_token
                 : &s->refresh_token;

        FUZZ_CHECK(string->data >= seen->file.data + START
                   && string->data + string->len
                      <= seen->file.data + seen->file.len);

        seen->size += string->len;
    }

    /* what the zone would take */

    if (ngx_http_wix_auth_session_storable(s)) {
        FUZZ_CHECK(s->member_id.len <= 64 && s->email.len <= 254
                   && s->profile.len <= NGX_HTTP_WIX_AUTH_PROFILE_MAX
                   && s->access_token.len <= 8192
                   && s->refresh_token.len <= 8192);
        FUZZ_CHECK(fuzz_clean(&s->member_id) && fuzz_clean(&s->email));
        FUZZ_CHECK((s->member_id.len == 0)
                   == (s->kind == NGX_HTTP_WIX_AUTH_KIND_VISITOR));
    }

    if (seen->expected) {
        e = &seen->expected[seen->n];

        FUZZ_CHECK(s->kind == e->kind && s->jitter == e->jitter
                   && s->created == e->created && s->seen == e->seen
                   && s->expires == e->expires
                   && s->token_expires == e->token_expires
                   && s->token_lifetime == e->token_lifetime
                   && s->generation == e->generation);
        FUZZ_CHECK(memcmp(s->id, e->id, 16) == 0
                   && memcmp(s->handle, e->handle, 16) == 0
                   && memcmp(s->client, e->client, 16) == 0);
        FUZZ_CHECK(fuzz_equal(&s->member_id, &e->member_id)
                   && fuzz_equal(&s->email, &e->email)
                   && fuzz_equal(&s->profile, &e->profile)
                   && fuzz_equal(&s->access_token, &e->access_token)
                   && fuzz_equal(&s->refresh_token, &e->refresh_token));
    }

    seen->n++;

    return NGX_OK;
}
