
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * What went wrong in the cryptography of other gates, asked of ours in large
 * numbers.  The rows are those of docs/security.md.
 */


#include "unit.h"


/* a copy of its own: another test may have one too */

#include "ngx_http_wix_auth_attempt.c"


#define TIMES    1000000
#define NONCE    12
#define PURPOSE  NGX_HTTP_WIX_AUTH_KEY_RETURNS


static void begin(ngx_http_wix_auth_attempt_ctx_t *ctx);
static ngx_uint_t split(ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_str_t *all,
    ngx_uint_t n);
static ngx_uint_t confused(ngx_http_wix_auth_attempt_ctx_t *ctx,
    ngx_str_t *all, ngx_uint_t *tried);
static ngx_uint_t returned(ngx_http_wix_auth_attempt_ctx_t *ctx,
    ngx_str_t *all, size_t at);
static int compare(const void *one, const void *two);


static ngx_http_wix_auth_ring_t  ring;


u_char * __attribute__((weak))
ngx_pstrdup(ngx_pool_t *pool, ngx_str_t *src)
{
    u_char  *dst;

    dst = ngx_pnalloc(pool, src->len);

    if (dst) {
        memcpy(dst, src->data, src->len);
    }

    return dst;
}


/*
 * A text is cut into client, redirect URI and prefix, and into return URL and
 * e-mail, at every place: the same bytes in other fields are something else.
 */

void
test_lessons_fields(void)
{
    size_t                            len, at;
    ngx_str_t                         all;
    ngx_uint_t                        same, bad, tried;
    ngx_http_wix_auth_attempt_ctx_t   ctx;

    begin(&ctx);

    bad = tried = 0;

    for (len = 1; len <= 12; len++) {
        for (same = 0; same < 2; same++) {
            all = bytes(same ? "aaaaaaaaaaaa" : "/_wix/call.b", len);
            bad += confused(&ctx, &all, &tried);
        }
    }

    ok(bad == 0 && tried > 50000,
       "row 21: no field of a state can lend bytes to the next: %lu pairs",
       (unsigned long) tried);

    begin(&ctx);
    all = bytes("/a?b=c&d=e@f.example", 20);

    for (bad = 0, at = 1; at <= all.len; at++) {
        bad += !returned(&ctx, &all, at);
    }

    ok(bad == 0, "row 21: nor one of the returns cookie");
}


void
test_lessons_keys(void)
{
    u_char                     *key;
    ngx_str_t                   plain, sealed, out;
    ngx_uint_t                  i, opened, other;
    ngx_pool_t                 *p;
    ngx_http_wix_auth_ring_t    wrong;

    begin(NULL);

    plain = text("/account");
    (void) ngx_http_wix_auth_seal(&ring, PURPOSE, NULL, &plain, pool,
                                  &sealed);

    /* of the same id, so that each is really tried */

    wrong = ring;
    key = wrong.keys[0].derived[PURPOSE];
    p = ngx_create_pool(0, pool->log);

    for (opened = other = 0, i = 0; i < TIMES; i++) {

        if (i % 1000 == 0) {
            ngx_destroy_pool(p);
            p = ngx_create_pool(0, pool->log);
        }

        if (i % 2) {

            /* almost the right one */

            memcpy(key, ring.keys[0].derived[PURPOSE], 32);
            key[i % 32] ^= (u_char) (1 + i / 64 % 255);

        } else {
            memcpy(key, &i, sizeof(i));
        }

        switch (ngx_http_wix_auth_open(&wrong, PURPOSE, NULL, &sealed, p,
                                       &out))
        {
        case NGX_OK:
            opened++;
            break;

        case NGX_DECLINED:
            break;

        default:
            other++;
        }
    }

    ngx_destroy_pool(p);

    ok(opened == 0, "row 22: a million wrong keys open nothing");
    ok(other == 0, "row 22: and each of them is an answer, not an error");

    memcpy(key, ring.keys[0].derived[PURPOSE], 32);
    ok(ngx_http_wix_auth_open(&wrong, PURPOSE, NULL, &sealed, pool, &out)
       == NGX_OK, "row 22: the right one does");
}


void
test_lessons_nonces(void)
{
    u_char       raw[32], *nonces;
    size_t       len;
    ngx_str_t    plain, sealed;
    ngx_uint_t   i, bit, bad, ones, skewed;
    ngx_pool_t  *p;

    begin(NULL);

    plain = text("");
    nonces = malloc(TIMES * NONCE);
    p = ngx_create_pool(0, pool->log);

    for (bad = 0, i = 0; i < TIMES; i++) {

        if (i % 1000 == 0) {
            ngx_destroy_pool(p);
            p = ngx_create_pool(0, pool->log);
        }

        bad += ngx_http_wix_auth_seal(&ring, PURPOSE, NULL, &plain, p,
                                      &sealed) != NGX_OK
               || ngx_http_wix_auth_b64_decode(raw, &len, sealed.data,
                                               sealed.len) != NGX_OK
               || len != 1 + NONCE + 16;

        memcpy(nonces + i * NONCE, raw + 1, NONCE);
    }

    ngx_destroy_pool(p);

    ok(bad == 0, "row 23: a million values are sealed");

    /* each bit is set half of the time: ten sigmas are 5000 */

    for (skewed = 0, bit = 0; bit < 8 * NONCE; bit++) {
        for (ones = 0, i = 0; i < TIMES; i++) {
            ones += nonces[i * NONCE + bit / 8] >> bit % 8 & 1;
        }

        skewed += ones < TIMES / 2 - 5000 || ones > TIMES / 2 + 5000;
    }

    ok(skewed == 0, "row 23: all 96 bits of their nonces are random");

    qsort(nonces, TIMES, NONCE, compare);

    for (bad = 0, i = 1; i < TIMES; i++) {
        bad += compare(nonces + (i - 1) * NONCE, nonces + i * NONCE) == 0;
    }

    ok(bad == 0, "row 23: and no nonce is there twice");

    free(nonces);
}


/* what one purpose has made is nothing to all the others */

void
test_lessons_purposes(void)
{
    u_char                            raw[64], mac[32];
    size_t                            len;
    ngx_str_t                         plain, sealed, out, made[3];
    ngx_uint_t                        i, j, bad, tried;
    ngx_http_wix_auth_attempt_t       a;
    ngx_http_wix_auth_attempt_ctx_t   ctx;

    begin(&ctx);

    plain = text("a token of Wix");
    bad = tried = 0;

    for (i = 0; i < NGX_HTTP_WIX_AUTH_KEY_MAX; i++) {
        (void) ngx_http_wix_auth_seal(&ring, i, NULL, &plain, pool, &sealed);

        for (j = 0; j < NGX_HTTP_WIX_AUTH_KEY_MAX; j++, tried++) {
            bad += (ngx_http_wix_auth_open(&ring, j, NULL, &sealed, pool,
                                           &out) == NGX_OK) != (i == j);
        }
    }

    ok(bad == 0 && tried >= 25, "row 15: what is sealed for one purpose "
       "opens for no other: %lu pairs", (unsigned long) tried);

    /* the real ones: a state, a returns cookie, a stateToken */

    (void) ngx_http_wix_auth_attempt_create(pool, &ctx, 0, 1, &a);
    made[0] = a.state;
    ngx_str_null(&out);
    (void) ngx_http_wix_auth_attempt_returns_add(pool, &ctx, &out, a.nonce,
                                                 &plain, &out, &made[1]);
    (void) ngx_http_wix_auth_attempt_seal_token(pool, &ctx, &plain, 1,
                                                &made[2]);

    for (bad = 0, i = 0; i < 3; i++) {
        bad += (ngx_http_wix_auth_attempt_verify(pool, &ctx, &made[i], 1, &a)
                == NGX_OK) != (i == 0);
        (void) ngx_http_wix_auth_attempt_returns_find(pool, &ctx, &made[i],
                                                      a.nonce, &sealed, &out);
        bad += (i != 1 && sealed.len != 0);
        bad += (ngx_http_wix_auth_attempt_open_token(pool, &ctx, &made[i], 1,
                                                     &out)
                == NGX_OK) != (i == 2);
    }

    ok(bad == 0, "row 15: state, returns cookie and stateToken do not stand "
       "for each other");

    /* a state is as long as its MAC says: that of a cookie is no help */

    (void) ngx_http_wix_auth_b64_decode(raw, &len, made[0].data, made[0].len);
    plain.data = raw;
    plain.len = NGX_HTTP_WIX_AUTH_STATE_MAC;

    for (bad = 0, i = 0; i < NGX_HTTP_WIX_AUTH_KEY_MAX; i++) {
        (void) ngx_http_wix_auth_hmac(ring.keys[0].derived[i], &plain, 1,
                                      mac);
        memcpy(raw + NGX_HTTP_WIX_AUTH_STATE_MAC, mac, 16);
        (void) ngx_http_wix_auth_b64_encode(made[0].data, raw,
                                            NGX_HTTP_WIX_AUTH_STATE_RAW);
        bad += ngx_http_wix_auth_attempt_verify(pool, &ctx, &made[0], 1, &a)
               == NGX_OK;
    }

    ok(bad == 0, "row 15: nor does a MAC of another key");
}


static void
begin(ngx_http_wix_auth_attempt_ctx_t *ctx)
{
    memset(&ring, 0, sizeof(ring));
    (void) ngx_http_wix_auth_ring_add(&ring, (u_char *)
                                      "0123456789abcdef0123456789abcdef", 32);

    if (ctx) {
        memset(ctx, 0, sizeof(ngx_http_wix_auth_attempt_ctx_t));
        ctx->ring = &ring;
        ctx->binding = text("AAAAAAAAAAAAAAAAAAAAAA");
        ctx->client = text("0b1c7a52-7a0c-4d3f-9b1e-2f6f8d0c4e11");
        ctx->redirect_uri = text("https://own.example/_wix/callback");
        ctx->prefix = text("/_wix/");
    }
}


/* the nth way to cut a text into three; 0: there is none */

static ngx_uint_t
split(ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_str_t *all, ngx_uint_t n)
{
    size_t  one, two;

    for (one = 0; one <= all->len; one++) {
        for (two = one; two <= all->len; two++) {

            if (n--) {
                continue;
            }

            ctx->client.data = all->data;
            ctx->client.len = one;
            ctx->redirect_uri.data = all->data + one;
            ctx->redirect_uri.len = two - one;
            ctx->prefix.data = all->data + two;
            ctx->prefix.len = all->len - two;

            return 1;
        }
    }

    return 0;
}


/* how many states are good for another cut, or not for their own */

static ngx_uint_t
confused(ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_str_t *all,
    ngx_uint_t *tried)
{
    ngx_int_t                     rc;
    ngx_uint_t                    i, j, bad;
    ngx_http_wix_auth_attempt_t   a, b;

    bad = 0;

    for (i = 0; split(ctx, all, i); i++) {
        rc = ngx_http_wix_auth_attempt_create(pool, ctx, 0, 1, &a);
        bad += rc != NGX_OK;

        for (j = 0; rc == NGX_OK && split(ctx, all, j); j++) {
            bad += (ngx_http_wix_auth_attempt_verify(pool, ctx, &a.state, 1,
                                                     &b) == NGX_OK)
                   != (i == j);
            (*tried)++;
        }
    }

    return bad;
}


/* both fields come back as they went in */

static ngx_uint_t
returned(ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_str_t *all, size_t at)
{
    u_char     nonce[16];
    ngx_str_t  none, cookie, url, email, first, second;

    memset(nonce, (int) at, 16);
    ngx_str_null(&none);

    url.data = all->data;
    url.len = at;
    email.data = all->data + at;
    email.len = all->len - at;

    return ngx_http_wix_auth_attempt_returns_add(pool, ctx, &none, nonce,
                                                 &url, &email, &cookie)
           == NGX_OK
           && ngx_http_wix_auth_attempt_returns_find(pool, ctx, &cookie,
                                                     nonce, &first, &second)
              == NGX_OK
           && first.len == url.len && second.len == email.len
           && memcmp(first.data, url.data, url.len) == 0
           && memcmp(second.data, email.data, email.len) == 0;
}


static int
compare(const void *one, const void *two)
{
    return memcmp(one, two, NONCE);
}
