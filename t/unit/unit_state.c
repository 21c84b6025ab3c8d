
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_state_parts.h"
#include "unit.h"


#define RECORDS  5
#define START    NGX_HTTP_WIX_AUTH_STATE_START
#define HEADER   NGX_HTTP_WIX_AUTH_STATE_HEADER
#define RECORD   NGX_HTTP_WIX_AUTH_STATE_RECORD


/* what is wrong with a slot although its author knows the key */

typedef struct {
    ngx_uint_t   at;            /* of a record */
    ngx_uint_t   size;
    uint64_t     value;
    ngx_uint_t   cut;           /* bytes missing at the end of a chunk */
    ngx_int_t    chunks;        /* more or less in the header */
    ngx_int_t    records;
    const char  *what;
} lie_t;


typedef struct {
    ngx_uint_t   n;
    ngx_uint_t   bad;
    ngx_int_t    rc;
} seen_t;


static ngx_http_wix_auth_ring_t  ring, other;


static void
make_keys(void)
{
    memset(&ring, 0, sizeof(ring));
    memset(&other, 0, sizeof(other));

    ngx_http_wix_auth_ring_add(&ring, (u_char *)
                               "0123456789abcdef0123456789abcdef", 32);
    ngx_http_wix_auth_ring_add(&other, (u_char *)
                               "fedcba9876543210fedcba9876543210", 32);
}


/* session i, in all details */

static void
make_session(ngx_http_wix_auth_session_t *s, ngx_uint_t i)
{
    static ngx_str_t  access = ngx_string("OAUTH2.access-of-");
    static ngx_str_t  refresh = ngx_string("JWS.refresh-of-");

    memset(s, 0, sizeof(*s));
    memset(s->id, 'i' + (int) i, 16);
    memset(s->handle, 'h' + (int) i, 16);
    memset(s->client, 'c', 16);

    s->kind = i % 2 ? NGX_HTTP_WIX_AUTH_KIND_VISITOR
                    : NGX_HTTP_WIX_AUTH_KIND_MEMBER;
    s->created = 1700000000 + i;
    s->seen = 1700000100 + i;
    s->expires = 1700086400 + i;
    s->token_expires = 1700014400 + i;
    s->token_lifetime = 14400 + i;
    s->generation = 70000 + i;
    s->jitter = 250 + i;

    s->member_id = text(i % 2 ? "" : "10000000-2000-4000-8000-300000000000");
    s->email = text(i % 2 ? "" : "ann@example.com");
    s->profile = text(i == 2 ? "a packed one" : "");
    s->access_token = access;
    s->refresh_token = refresh;
}


static u_char *
put_session(u_char *p, ngx_uint_t i)
{
    ngx_http_wix_auth_session_t  s;

    make_session(&s, i);

    ngx_http_wix_auth_state_record_write(p, &s);
    p += RECORD;

    p = ngx_cpymem(p, s.member_id.data, s.member_id.len);
    p = ngx_cpymem(p, s.email.data, s.email.len);
    p = ngx_cpymem(p, s.profile.data, s.profile.len);
    p = ngx_cpymem(p, s.access_token.data, s.access_token.len);

    return ngx_cpymem(p, s.refresh_token.data, s.refresh_token.len);
}


/* a slot of so many sessions, two in a chunk; on the heap in its exact size */

static ngx_str_t
make_slot(ngx_uint_t n, lie_t *lie)
{
    u_char                            *p, *chunk, *record, buf[8192];
    ngx_uint_t                         i, j;
    ngx_http_wix_auth_state_header_t   h;

    memset(&h, 0, sizeof(h));
    memset(buf, 0, sizeof(buf));
    memset(h.hash_key, 'z', 16);
    memset(h.secret, 's', 32);

    ngx_http_wix_auth_state_key(&ring, &h);

    p = buf + START;

    for (i = 0; i < n; /* void */ ) {
        chunk = p;
        record = p + NGX_HTTP_WIX_AUTH_STATE_BEFORE;
        p = record;

        do {
            p = put_session(p, i++);
        } while (i < n && i % 2);

        if (lie && lie->size) {
            for (j = 0; j < lie->size; j++) {
                record[lie->at + j] = (u_char)
                                  (lie->value >> (8 * (lie->size - 1 - j)));
            }
        }

        p -= lie ? lie->cut : 0;

        ngx_http_wix_auth_state_chunk_seal(&h, h.chunks++, chunk, p - record);

        p += NGX_HTTP_WIX_AUTH_STATE_BEHIND;
    }

    h.records = (uint32_t) (n + (lie ? lie->records : 0));
    h.chunks += lie ? lie->chunks : 0;
    h.generation = 77;
    h.saved = 1700000200;
    h.length = p - buf;

    ngx_http_wix_auth_state_header_write(&h, buf);

    return bytes((char *) buf, p - buf);
}


static ngx_uint_t
same_string(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}


static ngx_int_t
seen(void *ctx, ngx_http_wix_auth_session_t *s)
{
    seen_t  *got = ctx;

    ngx_http_wix_auth_session_t  e;

    make_session(&e, got->n++);

    got->bad += !(memcmp(s->id, e.id, 16) == 0
                  && memcmp(s->handle, e.handle, 16) == 0
                  && memcmp(s->client, e.client, 16) == 0
                  && s->kind == e.kind
                  && s->created == e.created
                  && s->seen == e.seen
                  && s->expires == e.expires
                  && s->token_expires == e.token_expires
                  && s->token_lifetime == e.token_lifetime
                  && s->generation == e.generation
                  && s->jitter == e.jitter
                  && same_string(&s->member_id, &e.member_id)
                  && same_string(&s->email, &e.email)
                  && same_string(&s->profile, &e.profile)
                  && same_string(&s->access_token, &e.access_token)
                  && same_string(&s->refresh_token, &e.refresh_token));

    return got->rc;
}


/* touches all that it is given, so that a string too long is noticed */

static ngx_int_t
touch(void *ctx, ngx_http_wix_auth_session_t *s)
{
    size_t       i;
    ngx_uint_t  *sum = ctx;

    for (i = 0; i < s->member_id.len; i++) { *sum += s->member_id.data[i]; }
    for (i = 0; i < s->email.len; i++) { *sum += s->email.data[i]; }
    for (i = 0; i < s->profile.len; i++) { *sum += s->profile.data[i]; }
    for (i = 0; i < s->access_token.len; i++) {
        *sum += s->access_token.data[i];
    }
    for (i = 0; i < s->refresh_token.len; i++) {
        *sum += s->refresh_token.data[i];
    }

    return NGX_OK;
}


/* of a copy, since parsing opens in place */

static ngx_int_t
parse(ngx_http_wix_auth_ring_t *keys, ngx_str_t *slot, size_t len,
    const char **err)
{
    ngx_str_t                         copy;
    ngx_uint_t                        sum;
    ngx_http_wix_auth_state_header_t  h;

    sum = 0;
    *err = "nothing";
    copy = bytes((char *) slot->data, len);

    return ngx_http_wix_auth_state_parse(keys, copy.data, len, &h, touch,
                                         &sum, err);
}


void
test_state(void)
{
    seen_t                             got;
    ngx_int_t                          rc;
    ngx_str_t                          slot, copy;
    ngx_uint_t                         n;
    const char                        *err;
    ngx_http_wix_auth_ring_t           both;
    ngx_http_wix_auth_state_header_t   h;

    make_keys();

    for (n = 0; n <= RECORDS; n++) {
        memset(&got, 0, sizeof(got));

        slot = make_slot(n, NULL);
        rc = ngx_http_wix_auth_state_parse(&ring, slot.data, slot.len, &h,
                                           seen, &got, &err);

        ok(rc == NGX_OK && got.n == n && got.bad == 0,
           "state: %lu sessions there and back", (unsigned long) n);
    }

    ok(h.records == RECORDS && h.chunks == 3 && h.generation == 77
       && h.saved == 1700000200 && h.length == slot.len
       && memcmp(h.hash_key, "zzzzzzzzzzzzzzzz", 16) == 0
       && memcmp(h.secret, "ssssssssssssssssssssssssssssssss", 32) == 0,
       "state: the header");

    both = other;
    both.keys[both.nkeys++] = ring.keys[0];

    slot = make_slot(RECORDS, NULL);

    ok(parse(&both, &slot, slot.len, &err) == NGX_OK,
       "state: the second key opens");
    ok(parse(&other, &slot, slot.len, &err) == NGX_DECLINED
       && strstr(err, "wix_auth_session_key"), "state: another key");

    both.keys[0].id = both.keys[1].id;
    ok(parse(&both, &slot, slot.len, &err) == NGX_OK,
       "state: two keys of one id");

    /* what a handler says ends it */

    memset(&got, 0, sizeof(got));
    got.rc = NGX_ABORT;
    copy = bytes((char *) slot.data, slot.len);

    ok(ngx_http_wix_auth_state_parse(&ring, copy.data, copy.len, &h, seen,
                                     &got, &err) == NGX_ABORT
       && got.n == 1, "state: a handler that has enough");
}


void
test_state_bits(void)
{
    size_t       i;
    ngx_int_t    rc;
    ngx_str_t    slot;
    ngx_uint_t   bad, claim;
    const char  *err;

    make_keys();

    slot = make_slot(RECORDS, NULL);

    for (bad = 0, claim = 0, i = 0; i < slot.len * 8; i++) {
        slot.data[i / 8] ^= (u_char) (1 << (i % 8));
        rc = parse(&ring, &slot, slot.len, &err);
        slot.data[i / 8] ^= (u_char) (1 << (i % 8));

        if (i / 8 >= HEADER && i / 8 < START) {
            claim += (rc == NGX_OK);
            continue;
        }

        bad += (rc != NGX_DECLINED);
    }

    ok(bad == 0, "state: each of %lu bits matters",
       (unsigned long) (slot.len - START + HEADER) * 8);
    ok(claim == (START - HEADER) * 8, "state: but those of the claim");

    for (bad = 0, i = 1; i < slot.len; i++) {
        bad += (parse(&ring, &slot, i, &err) != NGX_DECLINED
                || strcmp(err, "is truncated") != 0);
    }

    ok(bad == 0, "state: every shorter file is truncated");

    slot = bytes((char *) slot.data, slot.len);
    memset(slot.data, 0, HEADER);

    ok(parse(&ring, &slot, slot.len, &err) == NGX_AGAIN,
       "state: an unfinished save");
    ok(parse(&ring, &slot, START, &err) == NGX_DONE
       && parse(&ring, &slot, 1, &err) == NGX_DONE
       && parse(&ring, &slot, 0, &err) == NGX_DONE,
       "state: nothing has been saved");
}


/* chunks in another order, of another save, or one twice */

void
test_state_mixed(void)
{
    size_t       first, second;
    u_char      *p;
    ngx_str_t    one, two, mixed;
    const char  *err;

    make_keys();

    /* the third and fourth session are as long as the first two */

    one = make_slot(4, NULL);
    two = make_slot(4, NULL);

    p = one.data + START;
    first = 4 + ((size_t) p[2] << 8) + p[3];
    second = one.len - START - first;

    mixed = bytes((char *) one.data, one.len);
    memcpy(mixed.data + START, two.data + START, first);
    ok(parse(&ring, &mixed, mixed.len, &err) == NGX_DECLINED,
       "state: a chunk of another save");

    memcpy(mixed.data + START, one.data + START + first, second);
    memcpy(mixed.data + START + second, one.data + START, first);
    ok(parse(&ring, &mixed, mixed.len, &err) == NGX_DECLINED,
       "state: chunks in another order");

    mixed = bytes((char *) one.data, one.len);
    memcpy(mixed.data, two.data, HEADER);
    ok(parse(&ring, &mixed, mixed.len, &err) == NGX_DECLINED,
       "state: the header of another save");
}


void
test_state_hostile(void)
{
    ngx_int_t    rc;
    ngx_str_t    slot;
    ngx_uint_t   i;
    const char  *err;

    /* offsets in a record */

    static lie_t  lies[] = {
        { 0, 1, 2, 0, 0, 0, "a verdict" },
        { 0, 1, 255, 0, 0, 0, "a kind that there is not" },
        { 50, 8, 0xffffffffffffffff, 0, 0, 0, "created in -1" },
        { 58, 8, 0x8000000000000000, 0, 0, 0, "seen at the least time" },
        { 66, 8, 0x7fffffffffffffff, 0, 0, 0, "expires at the greatest" },
        { 74, 8, (uint64_t) 1 << 40, 0, 0, 0, "a token for ever" },
        { 90, 2, 0xffff, 0, 0, 0, "a member id longer than all" },
        { 92, 2, 0xffff, 0, 0, 0, "an e-mail longer than all" },
        { 94, 4, 0xffffffff, 0, 0, 0, "a profile of 4 GB" },
        { 98, 4, 0xffffffff, 0, 0, 0, "an access token of 4 GB" },
        { 102, 4, 0xffffffff, 0, 0, 0, "a refresh token of 4 GB" },
        { 102, 4, 0x7fffffff, 0, 0, 0, "one of 2 GB" },
        { 102, 4, 0, 0, 0, 0, "one that is shorter than it is" },
        { 0, 0, 0, 1, 0, 0, "the last byte of a record is missing" },
        { 0, 0, 0, RECORD, 0, 0, "a part of a record" },
        { 0, 0, 0, 0, 1, 0, "a chunk more than there are" },
        { 0, 0, 0, 0, -1, 0, "a chunk less" },
        { 0, 0, 0, 0, 0x7fffffff, 0, "2 G chunks" },
        { 0, 0, 0, 0, 0, 1, "a record more than there are" },
        { 0, 0, 0, 0, 0, -1, "a record less" },
        { 0, 0, 0, 0, 0, 0x7fffffff, "2 G records" }
    };

    make_keys();

    for (i = 0; i < nelems(lies); i++) {
        slot = make_slot(2, &lies[i]);
        rc = parse(&ring, &slot, slot.len, &err);

        ok(rc == NGX_DECLINED, "state: %s", lies[i].what);
    }

    slot = text("server { listen 80; }");
    ok(parse(&ring, &slot, slot.len, &err) == NGX_DECLINED
       && strcmp(err, "is no state file of this module") == 0,
       "state: a text");

    slot = make_slot(1, NULL);
    slot.data[11] = 1;
    ok(parse(&ring, &slot, slot.len, &err) == NGX_DECLINED
       && strstr(err, "format"), "state: another version");

    ring.nkeys = 0;
    slot.data[11] = 1;
    ok(parse(&ring, &slot, slot.len, &err) == NGX_DECLINED,
       "state: no key at all");
}
