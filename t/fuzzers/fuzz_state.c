
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * The OAuth state: only what we made verifies, for the browser, client,
 * address and prefix that it was made for, and as long as it lives.
 *
 * Input: a state and a binding that came from somewhere; client; redirect URI;
 * prefix; flags; which character of a genuine state is changed.
 */


#include "fuzz.h"
#include "rings.h"

#include "ngx_http_wix_auth_attempt.h"


#define NOW  1800000000


static void foreign(fuzz_t *f, ngx_http_wix_auth_attempt_ctx_t *ctx,
    ngx_str_t *state, ngx_str_t *binding);
static void genuine(fuzz_t *f, ngx_http_wix_auth_attempt_ctx_t *ctx,
    ngx_uint_t flags, ngx_uint_t place);
static void others(fuzz_t *f, ngx_http_wix_auth_attempt_ctx_t *ctx,
    ngx_str_t *state);
static void refused(fuzz_t *f, ngx_http_wix_auth_attempt_ctx_t *ctx,
    ngx_str_t *state);


void
fuzz_one(fuzz_t *f)
{
    ngx_str_t                         state, binding;
    ngx_uint_t                        flags, place;
    ngx_http_wix_auth_attempt_ctx_t   ctx;

    rings();

    memset(&ctx, 0, sizeof(ngx_http_wix_auth_attempt_ctx_t));

    state = fuzz_line(f);
    binding = fuzz_line(f);

    ctx.ring = &ring;
    ctx.client = fuzz_line(f);
    ctx.redirect_uri = fuzz_line(f);
    ctx.prefix = fuzz_line(f);

    flags = fuzz_number(f, 1000);
    place = fuzz_number(f, 1000000);

    foreign(f, &ctx, &state, &binding);
    genuine(f, &ctx, flags, place);
}


static void
foreign(fuzz_t *f, ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_str_t *state,
    ngx_str_t *binding)
{
    ngx_int_t   rc;
    ngx_str_t   value;
    ngx_uint_t  restarted;

    rc = ngx_http_wix_auth_attempt_binding_check(binding, &value, &restarted);

    if (rc == NGX_OK) {
        FUZZ_CHECK(value.len == NGX_HTTP_WIX_AUTH_BINDING_LEN);
        FUZZ_CHECK(binding->len == value.len + restarted);
        FUZZ_CHECK(value.data == binding->data + restarted);
        FUZZ_CHECK(!restarted || binding->data[0] == '!');

    } else {
        FUZZ_CHECK(rc == NGX_DECLINED && value.len == 0 && !restarted);
    }

    ctx->binding = *binding;
    refused(f, ctx, state);

    ctx->binding = value;
    refused(f, ctx, state);
}


static void
genuine(fuzz_t *f, ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_uint_t flags,
    ngx_uint_t place)
{
    ngx_int_t                     rc;
    ngx_str_t                     state;
    ngx_http_wix_auth_attempt_t   made, seen;

    if (ngx_http_wix_auth_attempt_binding(f->pool, &ctx->binding) != NGX_OK
        || ngx_http_wix_auth_attempt_create(f->pool, ctx, flags, NOW, &made)
           != NGX_OK)
    {
        FUZZ_CHECK(f->starved);
        return;
    }

    FUZZ_CHECK(made.state.len == NGX_HTTP_WIX_AUTH_STATE_LEN);
    FUZZ_CHECK(made.verifier.len == 43 && made.challenge.len == 43);
    FUZZ_CHECK(!fuzz_equal(&made.verifier, &made.challenge));
    FUZZ_CHECK(made.expires == NOW + NGX_HTTP_WIX_AUTH_ATTEMPT_TIME);

    state = fuzz_copy(f, made.state.data, made.state.len);

    rc = ngx_http_wix_auth_attempt_verify(f->pool, ctx, &state,
                                          made.expires - 1, &seen);

    if (rc == NGX_OK) {
        FUZZ_CHECK(seen.flags == made.flags && seen.flags == (flags & 0xff));
        FUZZ_CHECK(seen.expires == made.expires);
        FUZZ_CHECK(memcmp(seen.nonce, made.nonce, 16) == 0);
        FUZZ_CHECK(fuzz_equal(&seen.verifier, &made.verifier));
        FUZZ_CHECK(fuzz_equal(&seen.challenge, &made.challenge));

    } else {
        FUZZ_CHECK(f->starved && rc == NGX_ERROR);
    }

    rc = ngx_http_wix_auth_attempt_verify(f->pool, ctx, &state, made.expires,
                                          &seen);

    FUZZ_CHECK(rc == NGX_BUSY && memcmp(seen.nonce, made.nonce, 16) == 0);

    /* one character is another one, or there is one less */

    state.data[place % state.len] ^= (u_char) (1 + place / state.len % 255);
    refused(f, ctx, &state);

    memcpy(state.data, made.state.data, state.len);
    state.len--;
    refused(f, ctx, &state);
    state.len++;

    others(f, ctx, &state);

    /* keys may have moved on */

    ctx->ring = &rotated;
    rc = ngx_http_wix_auth_attempt_verify(f->pool, ctx, &state, NOW, &seen);
    FUZZ_CHECK(rc == NGX_OK || f->starved);

    ctx->ring = &stranger;
    refused(f, ctx, &state);
}


/* each part of what a state is bound to counts, and so does its length */

static void
others(fuzz_t *f, ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_str_t *state)
{
    u_char                            c;
    ngx_str_t                         saved, *part[4];
    ngx_uint_t                        i;
    ngx_http_wix_auth_attempt_ctx_t   other;

    other = *ctx;

    part[0] = &other.binding;
    part[1] = &other.client;
    part[2] = &other.redirect_uri;
    part[3] = &other.prefix;

    for (i = 0; i < 4; i++) {

        if (part[i]->len == 0) {
            continue;
        }

        saved = *part[i];
        c = saved.data[f->hash % saved.len];

        saved.data[f->hash % saved.len] = (u_char) (c + 1);
        refused(f, &other, state);
        saved.data[f->hash % saved.len] = c;

        part[i]->len--;
        refused(f, &other, state);

        /* the byte that one has lost is the first of the next */

        if (i > 0 && i < 3) {
            ngx_str_t  next = *part[i + 1];

            part[i + 1]->data = malloc(next.len + 1);
            part[i + 1]->len = next.len + 1;
            part[i + 1]->data[0] = saved.data[saved.len - 1];
            memcpy(part[i + 1]->data + 1, next.data, next.len);

            refused(f, &other, state);

            free(part[i + 1]->data);
            *part[i + 1] = next;
        }

        *part[i] = saved;
    }
}


static void
refused(fuzz_t *f, ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_str_t *state)
{
    ngx_http_wix_auth_attempt_t  attempt;

    FUZZ_CHECK(ngx_http_wix_auth_attempt_verify(f->pool, ctx, state, NOW,
                                                &attempt)
               == NGX_DECLINED);
    FUZZ_CHECK(attempt.state.len == 0 && attempt.verifier.len == 0);
}
