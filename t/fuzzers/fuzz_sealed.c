
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * Sealed values: they open as they were sealed and in no other way; the
 * cookie of return URLs, and Wix's token in the hands of a browser.
 *
 * Input: two numbers, a place and a change; a line that is to be opened as if
 * it had been sealed; a return URL; an address; what is sealed.
 */


#include "fuzz.h"
#include "rings.h"

#include "ngx_http_wix_auth_attempt.h"


#define FUZZ_MAX_LEN  8192

#define NOW  1800000000


static void sealed(fuzz_t *f, ngx_str_t *plain, ngx_uint_t place,
    ngx_uint_t change);
static void refused(fuzz_t *f, ngx_http_wix_auth_ring_t *keys,
    ngx_uint_t purpose, ngx_str_t *aad, ngx_str_t *text);
static void returns(fuzz_t *f, ngx_str_t *url, ngx_str_t *email,
    ngx_str_t *foreign);
static void inside(fuzz_t *f, ngx_str_t *plain);
static void token(fuzz_t *f, ngx_str_t *plain, ngx_str_t *foreign,
    ngx_uint_t place);


static ngx_http_wix_auth_attempt_ctx_t  ctx;


static void
begin(void)
{
    if (ctx.ring) {
        return;
    }

    rings();

    ctx.ring = &ring;
    ctx.binding = fuzz_str("AAECAwQFBgcICQoLDA0ODw");
    ctx.client = fuzz_str("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9");
    ctx.redirect_uri = fuzz_str("https://shop.example.com/_wix/callback");
    ctx.prefix = fuzz_str("/_wix/");
}


void
fuzz_one(fuzz_t *f)
{
    ngx_str_t   foreign, url, email, plain;
    ngx_uint_t  place, change;

    begin();

    place = fuzz_number(f, 1000000);
    change = fuzz_number(f, 1000000);
    foreign = fuzz_line(f);
    url = fuzz_line(f);
    email = fuzz_line(f);
    plain = fuzz_rest(f);

    refused(f, &ring, change % NGX_HTTP_WIX_AUTH_KEY_MAX, &email, &foreign);

    sealed(f, &plain, place, change);
    returns(f, &url, &email, &foreign);
    inside(f, &plain);
    token(f, &plain, &foreign, place);
}


static void
sealed(fuzz_t *f, ngx_str_t *plain, ngx_uint_t place, ngx_uint_t change)
{
    ngx_int_t   rc;
    ngx_str_t   text, copy, opened, aad, *none;
    ngx_uint_t  purpose, other;

    purpose = change % NGX_HTTP_WIX_AUTH_KEY_MAX;
    aad = fuzz_str("what it is bound to");
    none = NULL;

    rc = ngx_http_wix_auth_seal(&ring, purpose, &aad, plain, f->pool, &text);

    if (rc != NGX_OK) {
        FUZZ_CHECK(f->starved);
        return;
    }

    FUZZ_CHECK(text.len == NGX_HTTP_WIX_AUTH_B64_LEN(29 + plain->len));

    copy = fuzz_copy(f, text.data, text.len);

    rc = ngx_http_wix_auth_open(&rotated, purpose, &aad, &copy, f->pool,
                                &opened);

    if (rc == NGX_OK) {
        FUZZ_CHECK(fuzz_equal(&opened, plain));
        FUZZ_CHECK(opened.data[opened.len] == '\0');

    } else {
        FUZZ_CHECK(f->starved);
    }

    /* for another purpose, bound to something else, under other keys */

    other = (purpose + 1 + place % (NGX_HTTP_WIX_AUTH_KEY_MAX - 1))
            % NGX_HTTP_WIX_AUTH_KEY_MAX;

    refused(f, &ring, other, &aad, &copy);
    refused(f, &ring, purpose, none, &copy);
    refused(f, &stranger, purpose, &aad, &copy);

    aad.len--;
    refused(f, &ring, purpose, &aad, &copy);
    aad.len++;

    /* touched */

    copy.data[place % copy.len] ^= (u_char) (1 + change % 255);
    refused(f, &ring, purpose, &aad, &copy);

    memcpy(copy.data, text.data, copy.len);
    copy.len -= 1 + place % copy.len;
    refused(f, &ring, purpose, &aad, &copy);
}


static void
refused(fuzz_t *f, ngx_http_wix_auth_ring_t *keys, ngx_uint_t purpose,
    ngx_str_t *aad, ngx_str_t *text)
{
    ngx_int_t  rc;
    ngx_str_t  opened;

    rc = ngx_http_wix_auth_open(keys, purpose, aad, text, f->pool, &opened);

    FUZZ_CHECK(rc == NGX_DECLINED || (rc == NGX_ERROR && f->starved));
    FUZZ_CHECK(opened.len == 0);
}


/* a cookie that grows, and forgets the oldest */

static void
returns(fuzz_t *f, ngx_str_t *url, ngx_str_t *email, ngx_str_t *foreign)
{
    u_char      nonce[16];
    ngx_int_t   rc;
    ngx_str_t   cookie, found, address;
    ngx_uint_t  i;

    cookie = *foreign;

    for (i = 0; i < 4; i++) {
        memset(nonce, (int) i, 16);

        rc = ngx_http_wix_auth_attempt_returns_add(f->pool, &ctx, &cookie,
                                                   nonce, url, email, &cookie);
        if (rc != NGX_OK) {
            FUZZ_CHECK(f->starved);
            return;
        }

        FUZZ_CHECK(cookie.len > 0
                   && cookie.len <= NGX_HTTP_WIX_AUTH_RETURNS_MAX);

        rc = ngx_http_wix_auth_attempt_returns_find(f->pool, &ctx, &cookie,
                                                    nonce, &found, &address);
        if (rc != NGX_OK) {
            FUZZ_CHECK(f->starved);
            return;
        }

        if (f->starved) {
            continue;
        }

        FUZZ_CHECK(url->len > 2048 ? fuzz_is(&found, "/")
                                   : fuzz_equal(&found, url));
        FUZZ_CHECK(address.len == 0 || fuzz_equal(&address, email));
        FUZZ_CHECK(address.len == email->len || url->len + email->len > 2000);
    }

    memset(nonce, 0xff, 16);

    rc = ngx_http_wix_auth_attempt_returns_find(f->pool, &ctx, &cookie, nonce,
                                                &found, &address);

    FUZZ_CHECK(f->starved || (rc == NGX_OK && found.len == 0));
}


/* what another version of us may have sealed */

static void
inside(fuzz_t *f, ngx_str_t *plain)
{
    u_char     nonce[16], buf[128], *p;
    ngx_int_t  rc;
    ngx_str_t  aad, cookie, url, email, again;

    p = buf;
    *p++ = 0;
    *p++ = 0;
    *p++ = 0;
    *p++ = (u_char) ctx.binding.len;
    p = ngx_cpymem(p, ctx.binding.data, ctx.binding.len);
    *p++ = 0;
    *p++ = 0;
    *p++ = 0;
    *p++ = (u_char) ctx.client.len;
    p = ngx_cpymem(p, ctx.client.data, ctx.client.len);

    aad.data = buf;
    aad.len = p - buf;

    if (ngx_http_wix_auth_seal(&ring, NGX_HTTP_WIX_AUTH_KEY_RETURNS, &aad,
                               plain, f->pool, &cookie)
        != NGX_OK)
    {
        FUZZ_CHECK(f->starved);
        return;
    }

    memset(nonce, 0, 16);
    memcpy(nonce, plain->data, ngx_min(plain->len, 16));

    rc = ngx_http_wix_auth_attempt_returns_find(f->pool, &ctx, &cookie, nonce,
                                                &url, &email);

    FUZZ_CHECK(rc == NGX_OK || f->starved);

    if (rc != NGX_OK) {
        return;
    }

    FUZZ_CHECK(20 + url.len + email.len <= ngx_max(plain->len, 20));
    FUZZ_CHECK(fuzz_contains(plain, &url) && fuzz_contains(plain, &email));

    rc = ngx_http_wix_auth_attempt_returns_add(f->pool, &ctx, &cookie, nonce,
                                               &fuzz_str("/"), &email, &again);

    FUZZ_CHECK(rc == NGX_OK || f->starved);
    FUZZ_CHECK(again.len <= NGX_HTTP_WIX_AUTH_RETURNS_MAX);
}


static void
token(fuzz_t *f, ngx_str_t *plain, ngx_str_t *foreign, ngx_uint_t place)
{
    ngx_int_t                         rc;
    ngx_str_t                         text, opened;
    ngx_http_wix_auth_attempt_ctx_t   other;

    rc = ngx_http_wix_auth_attempt_open_token(f->pool, &ctx, foreign, NOW,
                                              &opened);

    FUZZ_CHECK(rc == NGX_DECLINED || f->starved);

    rc = ngx_http_wix_auth_attempt_seal_token(f->pool, &ctx, plain, NOW,
                                              &text);

    if (rc != NGX_OK) {
        FUZZ_CHECK(f->starved || plain->len == 0);
        return;
    }

    rc = ngx_http_wix_auth_attempt_open_token(f->pool, &ctx, &text, NOW + 899,
                                              &opened);

    FUZZ_CHECK(f->starved || rc == NGX_OK);

    if (rc == NGX_OK) {
        FUZZ_CHECK(fuzz_equal(&opened, plain));
    }

    rc = ngx_http_wix_auth_attempt_open_token(f->pool, &ctx, &text, NOW + 900,
                                              &opened);

    FUZZ_CHECK(f->starved || rc == NGX_BUSY);
    FUZZ_CHECK(opened.len == 0);

    /* in another browser, or for another client */

    other = ctx;

    if (place % 2) {
        other.binding = fuzz_str("AAECAwQFBgcICQoLDA0OEA");

    } else {
        other.client = fuzz_str("1a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9");
    }

    rc = ngx_http_wix_auth_attempt_open_token(f->pool, &other, &text, NOW,
                                              &opened);

    FUZZ_CHECK(rc == NGX_DECLINED || f->starved);
    FUZZ_CHECK(opened.len == 0);
}
