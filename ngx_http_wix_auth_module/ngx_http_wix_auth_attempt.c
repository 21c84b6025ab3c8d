
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_attempt.h"


/* state: key id, flags, nonce, expiry, MAC */

#define NGX_HTTP_WIX_AUTH_STATE_NONCE    2
#define NGX_HTTP_WIX_AUTH_STATE_EXPIRES  18
#define NGX_HTTP_WIX_AUTH_STATE_MAC      22
#define NGX_HTTP_WIX_AUTH_STATE_RAW      38

/* an entry of the returns cookie before its strings: nonce, two lengths */

#define NGX_HTTP_WIX_AUTH_RETURN_HEAD    20

/* key id, GCM nonce and tag come on top, then base64url */

#define NGX_HTTP_WIX_AUTH_RETURNS_PLAIN                                       \
    (NGX_HTTP_WIX_AUTH_RETURNS_MAX / 4 * 3 - 29)

#define NGX_HTTP_WIX_AUTH_RETURN_URL     2048
#define NGX_HTTP_WIX_AUTH_CLIENT_LEN     36

/* stateToken: expiry and client before it */

#define NGX_HTTP_WIX_AUTH_TOKEN_CLIENT   8
#define NGX_HTTP_WIX_AUTH_TOKEN_HEAD     (8 + NGX_HTTP_WIX_AUTH_CLIENT_LEN)


typedef struct {
    u_char     *nonce;
    ngx_str_t   url;
    ngx_str_t   email;
    size_t      size;
} ngx_http_wix_auth_return_t;


static ngx_int_t ngx_http_wix_auth_attempt_mac(
    ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_http_wix_auth_key_t *key,
    u_char *raw, u_char mac[32]);
static ngx_http_wix_auth_key_t *ngx_http_wix_auth_attempt_key(
    ngx_http_wix_auth_attempt_ctx_t *ctx, u_char *raw, ngx_int_t *rc);
static ngx_int_t ngx_http_wix_auth_attempt_pkce(ngx_pool_t *pool,
    ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_http_wix_auth_key_t *key,
    ngx_http_wix_auth_attempt_t *attempt);
static ngx_int_t ngx_http_wix_auth_attempt_b64(ngx_pool_t *pool,
    u_char *data, size_t len, ngx_str_t *text);
static ngx_int_t ngx_http_wix_auth_returns_aad(ngx_pool_t *pool,
    ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_str_t *aad);
static ngx_int_t ngx_http_wix_auth_returns_open(ngx_pool_t *pool,
    ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_str_t *aad, ngx_str_t *cookie,
    ngx_str_t *plain);
static ngx_int_t ngx_http_wix_auth_returns_next(ngx_str_t *rest,
    ngx_http_wix_auth_return_t *entry);
static u_char *ngx_http_wix_auth_returns_write(u_char *p, u_char *nonce,
    ngx_str_t *url, ngx_str_t *email);
static u_char *ngx_http_wix_auth_attempt_put(u_char *p, uint64_t value,
    ngx_uint_t bytes);
static uint64_t ngx_http_wix_auth_attempt_get(u_char *p, ngx_uint_t bytes);


static ngx_str_t  ngx_http_wix_auth_return_root = ngx_string("/");


ngx_int_t
ngx_http_wix_auth_attempt_binding(ngx_pool_t *pool, ngx_str_t *binding)
{
    u_char  raw[16];

    if (ngx_http_wix_auth_random(raw, sizeof(raw)) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_wix_auth_attempt_b64(pool, raw, sizeof(raw), binding);
}


ngx_int_t
ngx_http_wix_auth_attempt_binding_check(ngx_str_t *value, ngx_str_t *binding,
    ngx_uint_t *restarted)
{
    size_t     len;
    u_char     raw[NGX_HTTP_WIX_AUTH_BINDING_LEN];
    ngx_str_t  text;

    ngx_str_null(binding);
    *restarted = 0;

    text = *value;

    if (text.len == NGX_HTTP_WIX_AUTH_BINDING_LEN + 1 && text.data[0] == '!') {
        *restarted = 1;
        text.data++;
        text.len--;
    }

    /* decoded, because what is no 16 bytes cannot have come from us */

    if (text.len != NGX_HTTP_WIX_AUTH_BINDING_LEN
        || ngx_http_wix_auth_b64_decode(raw, &len, text.data, text.len)
           != NGX_OK)
    {
        *restarted = 0;
        return NGX_DECLINED;
    }

    *binding = text;

    return NGX_OK;
}


ngx_int_t
ngx_http_wix_auth_attempt_create(ngx_pool_t *pool,
    ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_uint_t flags, time_t now,
    ngx_http_wix_auth_attempt_t *attempt)
{
    u_char                    raw[NGX_HTTP_WIX_AUTH_STATE_RAW], mac[32];
    ngx_http_wix_auth_key_t  *key;

    ngx_memzero(attempt, sizeof(ngx_http_wix_auth_attempt_t));

    if (ctx->ring->nkeys == 0
        || ctx->binding.len != NGX_HTTP_WIX_AUTH_BINDING_LEN
        || ngx_http_wix_auth_random(attempt->nonce, sizeof(attempt->nonce))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    key = &ctx->ring->keys[0];

    attempt->flags = flags & 0xff;
    attempt->expires = now + NGX_HTTP_WIX_AUTH_ATTEMPT_TIME;

    raw[0] = key->id;
    raw[1] = (u_char) flags;
    ngx_memcpy(raw + NGX_HTTP_WIX_AUTH_STATE_NONCE, attempt->nonce,
               sizeof(attempt->nonce));
    ngx_http_wix_auth_attempt_put(raw + NGX_HTTP_WIX_AUTH_STATE_EXPIRES,
                                  attempt->expires, 4);

    if (ngx_http_wix_auth_attempt_mac(ctx, key, raw, mac) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memcpy(raw + NGX_HTTP_WIX_AUTH_STATE_MAC, mac,
               NGX_HTTP_WIX_AUTH_STATE_RAW - NGX_HTTP_WIX_AUTH_STATE_MAC);

    if (ngx_http_wix_auth_attempt_b64(pool, raw, sizeof(raw), &attempt->state)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_wix_auth_attempt_pkce(pool, ctx, key, attempt);
}


ngx_int_t
ngx_http_wix_auth_attempt_verify(ngx_pool_t *pool,
    ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_str_t *state, time_t now,
    ngx_http_wix_auth_attempt_t *attempt)
{
    size_t                    len;
    u_char                    raw[NGX_HTTP_WIX_AUTH_STATE_LEN];
    ngx_int_t                 rc;
    ngx_http_wix_auth_key_t  *key;

    ngx_memzero(attempt, sizeof(ngx_http_wix_auth_attempt_t));

    /* a browser without the cookie has nothing to prove the state with */

    if (ctx->binding.len != NGX_HTTP_WIX_AUTH_BINDING_LEN
        || state->len != NGX_HTTP_WIX_AUTH_STATE_LEN
        || ngx_http_wix_auth_b64_decode(raw, &len, state->data, state->len)
           != NGX_OK
        || len != NGX_HTTP_WIX_AUTH_STATE_RAW)
    {
        return NGX_DECLINED;
    }

    key = ngx_http_wix_auth_attempt_key(ctx, raw, &rc);
    if (key == NULL) {
        return rc;
    }

    attempt->flags = raw[1];
    attempt->expires = (time_t) ngx_http_wix_auth_attempt_get(
                                    raw + NGX_HTTP_WIX_AUTH_STATE_EXPIRES, 4);
    ngx_memcpy(attempt->nonce, raw + NGX_HTTP_WIX_AUTH_STATE_NONCE,
               sizeof(attempt->nonce));

    if (now >= attempt->expires) {
        return NGX_BUSY;
    }

    attempt->state.data = ngx_pstrdup(pool, state);
    if (attempt->state.data == NULL) {
        return NGX_ERROR;
    }

    attempt->state.len = state->len;

    return ngx_http_wix_auth_attempt_pkce(pool, ctx, key, attempt);
}


ngx_int_t
ngx_http_wix_auth_attempt_returns_add(ngx_pool_t *pool,
    ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_str_t *cookie, u_char nonce[16],
    ngx_str_t *url, ngx_str_t *email, ngx_str_t *value)
{
    u_char                      *p, *end;
    ngx_int_t                    rc;
    ngx_str_t                    aad, old, rest, plain, empty;
    ngx_http_wix_auth_return_t   entry;

    ngx_str_null(&empty);

    if (url->len > NGX_HTTP_WIX_AUTH_RETURN_URL) {
        url = &ngx_http_wix_auth_return_root;
    }

    if (NGX_HTTP_WIX_AUTH_RETURN_HEAD + url->len + email->len
        > NGX_HTTP_WIX_AUTH_RETURNS_PLAIN)
    {
        email = &empty;
    }

    if (ngx_http_wix_auth_returns_aad(pool, ctx, &aad) != NGX_OK
        || ngx_http_wix_auth_returns_open(pool, ctx, &aad, cookie, &old)
           == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    plain.data = ngx_pnalloc(pool, NGX_HTTP_WIX_AUTH_RETURNS_PLAIN);
    if (plain.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_http_wix_auth_returns_write(plain.data, nonce, url, email);
    end = plain.data + NGX_HTTP_WIX_AUTH_RETURNS_PLAIN;

    rest = old;

    while (ngx_http_wix_auth_returns_next(&rest, &entry) == NGX_OK
           && entry.size <= (size_t) (end - p))
    {
        p = ngx_http_wix_auth_returns_write(p, entry.nonce, &entry.url,
                                            &entry.email);
    }

    plain.len = p - plain.data;

    /* only now, since value may be cookie */

    ngx_str_null(value);

    rc = ngx_http_wix_auth_seal(ctx->ring, NGX_HTTP_WIX_AUTH_KEY_RETURNS,
                                &aad, &plain, pool, value);

    ngx_explicit_memzero(plain.data, plain.len);

    if (old.len) {
        ngx_explicit_memzero(old.data, old.len);
    }

    return rc;
}


ngx_int_t
ngx_http_wix_auth_attempt_returns_find(ngx_pool_t *pool,
    ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_str_t *cookie, u_char nonce[16],
    ngx_str_t *url, ngx_str_t *email)
{
    ngx_str_t                    aad, rest;
    ngx_http_wix_auth_return_t   entry;

    ngx_str_null(url);
    ngx_str_null(email);

    if (ngx_http_wix_auth_returns_aad(pool, ctx, &aad) != NGX_OK
        || ngx_http_wix_auth_returns_open(pool, ctx, &aad, cookie, &rest)
           == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    while (ngx_http_wix_auth_returns_next(&rest, &entry) == NGX_OK) {

        if (ngx_http_wix_auth_equal(entry.nonce, nonce, 16)) {
            *url = entry.url;
            *email = entry.email;
            break;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_wix_auth_attempt_seal_token(ngx_pool_t *pool,
    ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_str_t *token, time_t now,
    ngx_str_t *sealed)
{
    u_char     *p;
    ngx_int_t   rc;
    ngx_str_t   plain;

    ngx_str_null(sealed);

    if (ctx->client.len != NGX_HTTP_WIX_AUTH_CLIENT_LEN
        || ctx->binding.len != NGX_HTTP_WIX_AUTH_BINDING_LEN
        || token->len == 0)
    {
        return NGX_ERROR;
    }

    plain.len = NGX_HTTP_WIX_AUTH_TOKEN_HEAD + token->len;

    plain.data = ngx_pnalloc(pool, plain.len);
    if (plain.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_http_wix_auth_attempt_put(plain.data,
                                      now + NGX_HTTP_WIX_AUTH_ATTEMPT_TIME, 8);
    p = ngx_cpymem(p, ctx->client.data, ctx->client.len);
    ngx_memcpy(p, token->data, token->len);

    rc = ngx_http_wix_auth_seal(ctx->ring, NGX_HTTP_WIX_AUTH_KEY_STATE_TOKEN,
                                &ctx->binding, &plain, pool, sealed);

    ngx_explicit_memzero(plain.data, plain.len);

    return rc;
}


ngx_int_t
ngx_http_wix_auth_attempt_open_token(ngx_pool_t *pool,
    ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_str_t *sealed, time_t now,
    ngx_str_t *token)
{
    ngx_int_t  rc;
    ngx_str_t  plain;

    ngx_str_null(token);

    if (ctx->client.len != NGX_HTTP_WIX_AUTH_CLIENT_LEN
        || ctx->binding.len != NGX_HTTP_WIX_AUTH_BINDING_LEN)
    {
        return NGX_DECLINED;
    }

    rc = ngx_http_wix_auth_open(ctx->ring, NGX_HTTP_WIX_AUTH_KEY_STATE_TOKEN,
                                &ctx->binding, sealed, pool, &plain);
    if (rc != NGX_OK) {
        return rc;
    }

    if (plain.len <= NGX_HTTP_WIX_AUTH_TOKEN_HEAD
        || !ngx_http_wix_auth_equal(
               plain.data + NGX_HTTP_WIX_AUTH_TOKEN_CLIENT, ctx->client.data,
               NGX_HTTP_WIX_AUTH_CLIENT_LEN))
    {
        rc = NGX_DECLINED;

    } else if (now >= (time_t) ngx_http_wix_auth_attempt_get(plain.data, 8)) {
        rc = NGX_BUSY;
    }

    if (rc != NGX_OK) {
        ngx_explicit_memzero(plain.data, plain.len);
        return rc;
    }

    token->data = plain.data + NGX_HTTP_WIX_AUTH_TOKEN_HEAD;
    token->len = plain.len - NGX_HTTP_WIX_AUTH_TOKEN_HEAD;

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_attempt_mac(ngx_http_wix_auth_attempt_ctx_t *ctx,
    ngx_http_wix_auth_key_t *key, u_char *raw, u_char mac[32])
{
    ngx_str_t  parts[5];

    parts[0].data = raw;
    parts[0].len = NGX_HTTP_WIX_AUTH_STATE_MAC;
    parts[1] = ctx->binding;
    parts[2] = ctx->client;
    parts[3] = ctx->redirect_uri;
    parts[4] = ctx->prefix;

    return ngx_http_wix_auth_hmac(key->derived[NGX_HTTP_WIX_AUTH_KEY_STATE],
                                  parts, 5, mac);
}


/* several keys may share an id: the one that the MAC verifies under */

static ngx_http_wix_auth_key_t *
ngx_http_wix_auth_attempt_key(ngx_http_wix_auth_attempt_ctx_t *ctx,
    u_char *raw, ngx_int_t *rc)
{
    u_char                    mac[32];
    ngx_uint_t                i;
    ngx_http_wix_auth_key_t  *key;

    for (i = 0; i < ctx->ring->nkeys; i++) {

        key = &ctx->ring->keys[i];

        if (key->id != raw[0]) {
            continue;
        }

        if (ngx_http_wix_auth_attempt_mac(ctx, key, raw, mac) != NGX_OK) {
            *rc = NGX_ERROR;
            return NULL;
        }

        if (ngx_http_wix_auth_equal(raw + NGX_HTTP_WIX_AUTH_STATE_MAC, mac,
                                    NGX_HTTP_WIX_AUTH_STATE_RAW
                                    - NGX_HTTP_WIX_AUTH_STATE_MAC))
        {
            *rc = NGX_OK;
            return key;
        }
    }

    *rc = NGX_DECLINED;

    return NULL;
}


/* the verifier is computed anew at the callback: nobody has to keep it */

static ngx_int_t
ngx_http_wix_auth_attempt_pkce(ngx_pool_t *pool,
    ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_http_wix_auth_key_t *key,
    ngx_http_wix_auth_attempt_t *attempt)
{
    u_char     digest[32];
    ngx_int_t  rc;
    ngx_str_t  parts[2];

    parts[0].data = attempt->nonce;
    parts[0].len = sizeof(attempt->nonce);
    parts[1] = ctx->client;

    if (ngx_http_wix_auth_hmac(key->derived[NGX_HTTP_WIX_AUTH_KEY_PKCE],
                               parts, 2, digest)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_http_wix_auth_attempt_b64(pool, digest, sizeof(digest),
                                       &attempt->verifier);

    ngx_explicit_memzero(digest, sizeof(digest));

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    /* RFC 7636, 4.2 */

    if (ngx_http_wix_auth_sha256(attempt->verifier.data,
                                 attempt->verifier.len, digest)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_wix_auth_attempt_b64(pool, digest, sizeof(digest),
                                         &attempt->challenge);
}


static ngx_int_t
ngx_http_wix_auth_attempt_b64(ngx_pool_t *pool, u_char *data, size_t len,
    ngx_str_t *text)
{
    text->data = ngx_pnalloc(pool, NGX_HTTP_WIX_AUTH_B64_LEN(len));
    if (text->data == NULL) {
        text->len = 0;
        return NGX_ERROR;
    }

    text->len = ngx_http_wix_auth_b64_encode(text->data, data, len)
                - text->data;

    return NGX_OK;
}


/* with lengths, so that no two pairs give the same bytes */

static ngx_int_t
ngx_http_wix_auth_returns_aad(ngx_pool_t *pool,
    ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_str_t *aad)
{
    u_char  *p;

    aad->len = 4 + ctx->binding.len + 4 + ctx->client.len;

    aad->data = ngx_pnalloc(pool, aad->len);
    if (aad->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_http_wix_auth_attempt_put(aad->data, ctx->binding.len, 4);
    p = ngx_cpymem(p, ctx->binding.data, ctx->binding.len);
    p = ngx_http_wix_auth_attempt_put(p, ctx->client.len, 4);
    ngx_memcpy(p, ctx->client.data, ctx->client.len);

    return NGX_OK;
}


/* NGX_DECLINED: nothing there that is ours; plain is empty then */

static ngx_int_t
ngx_http_wix_auth_returns_open(ngx_pool_t *pool,
    ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_str_t *aad, ngx_str_t *cookie,
    ngx_str_t *plain)
{
    ngx_str_null(plain);

    if (ctx->binding.len != NGX_HTTP_WIX_AUTH_BINDING_LEN
        || cookie->len == 0
        || cookie->len > NGX_HTTP_WIX_AUTH_RETURNS_MAX)
    {
        return NGX_DECLINED;
    }

    return ngx_http_wix_auth_open(ctx->ring, NGX_HTTP_WIX_AUTH_KEY_RETURNS,
                                  aad, cookie, pool, plain);
}


static ngx_int_t
ngx_http_wix_auth_returns_next(ngx_str_t *rest,
    ngx_http_wix_auth_return_t *entry)
{
    u_char  *p;

    if (rest->len < NGX_HTTP_WIX_AUTH_RETURN_HEAD) {
        return NGX_DONE;
    }

    p = rest->data;

    entry->nonce = p;
    entry->url.len = (size_t) ngx_http_wix_auth_attempt_get(p + 16, 2);
    entry->email.len = (size_t) ngx_http_wix_auth_attempt_get(p + 18, 2);
    entry->size = NGX_HTTP_WIX_AUTH_RETURN_HEAD + entry->url.len
                  + entry->email.len;

    if (rest->len < entry->size) {
        return NGX_DONE;
    }

    entry->url.data = p + NGX_HTTP_WIX_AUTH_RETURN_HEAD;
    entry->email.data = entry->url.data + entry->url.len;

    rest->data += entry->size;
    rest->len -= entry->size;

    return NGX_OK;
}


static u_char *
ngx_http_wix_auth_returns_write(u_char *p, u_char *nonce, ngx_str_t *url,
    ngx_str_t *email)
{
    p = ngx_cpymem(p, nonce, 16);
    p = ngx_http_wix_auth_attempt_put(p, url->len, 2);
    p = ngx_http_wix_auth_attempt_put(p, email->len, 2);

    if (url->len) {
        p = ngx_cpymem(p, url->data, url->len);
    }

    if (email->len) {
        p = ngx_cpymem(p, email->data, email->len);
    }

    return p;
}


/* the low bytes of value, big endian */

static u_char *
ngx_http_wix_auth_attempt_put(u_char *p, uint64_t value, ngx_uint_t bytes)
{
    while (bytes--) {
        *p++ = (u_char) (value >> (8 * bytes));
    }

    return p;
}


static uint64_t
ngx_http_wix_auth_attempt_get(u_char *p, ngx_uint_t bytes)
{
    uint64_t  value;

    value = 0;

    while (bytes--) {
        value = (value << 8) | *p++;
    }

    return value;
}
