
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_state_parts.h"


#define NGX_HTTP_WIX_AUTH_STATE_MAGIC    "wix_auth"
/* of the format, and of the hash of the cookies that ids are */
#define NGX_HTTP_WIX_AUTH_STATE_VERSION  2

/* offsets in the header */

#define NGX_HTTP_WIX_AUTH_STATE_AT_VERSION     8
#define NGX_HTTP_WIX_AUTH_STATE_AT_KEY         12


/* nothing overflows that is computed with it */
#define ngx_http_wix_auth_state_time(t)  ((uint64_t) (t) >> 40 == 0)


static ngx_int_t ngx_http_wix_auth_state_derive(ngx_http_wix_auth_key_t *key,
    ngx_http_wix_auth_state_header_t *h);
static ngx_int_t ngx_http_wix_auth_state_header_open(
    ngx_http_wix_auth_ring_t *ring, u_char *data,
    ngx_http_wix_auth_state_header_t *h);
static ngx_int_t ngx_http_wix_auth_state_chunk_open(
    ngx_http_wix_auth_state_header_t *h, ngx_uint_t number, ngx_str_t *raw);
static ngx_int_t ngx_http_wix_auth_state_records(u_char *p, u_char *last,
    uint32_t *n, ngx_http_wix_auth_state_handler_pt handler, void *ctx);
static ngx_int_t ngx_http_wix_auth_state_record_read(u_char **pos,
    u_char *last, ngx_http_wix_auth_session_t *s);
static void ngx_http_wix_auth_state_aad(ngx_http_wix_auth_state_header_t *h,
    ngx_uint_t number, u_char buf[20]);
static u_char *ngx_http_wix_auth_state_put(u_char *p, ngx_uint_t size,
    uint64_t n);
static uint64_t ngx_http_wix_auth_state_get(u_char **p, ngx_uint_t size);


static const char  ngx_http_wix_auth_state_damaged[] =
    "is damaged or has been changed";


ngx_int_t
ngx_http_wix_auth_state_key(ngx_http_wix_auth_ring_t *ring,
    ngx_http_wix_auth_state_header_t *h)
{
    if (ring->nkeys == 0
        || ngx_http_wix_auth_random(h->salt, 16) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_wix_auth_state_derive(&ring->keys[0], h);
}


static ngx_int_t
ngx_http_wix_auth_state_derive(ngx_http_wix_auth_key_t *key,
    ngx_http_wix_auth_state_header_t *h)
{
    ngx_str_t  salt;

    salt.data = h->salt;
    salt.len = 16;

    h->key_id = key->id;

    return ngx_http_wix_auth_hmac(
                               key->derived[NGX_HTTP_WIX_AUTH_KEY_STATE_FILE],
                               &salt, 1, h->key);
}


ngx_int_t
ngx_http_wix_auth_state_header_write(ngx_http_wix_auth_state_header_t *h,
    u_char dst[NGX_HTTP_WIX_AUTH_STATE_HEADER])
{
    u_char     *p;
    ngx_str_t   aad, plain;

    p = ngx_cpymem(dst, NGX_HTTP_WIX_AUTH_STATE_MAGIC,
                   NGX_HTTP_WIX_AUTH_STATE_AT_VERSION);
    p = ngx_http_wix_auth_state_put(p, 4, NGX_HTTP_WIX_AUTH_STATE_VERSION);
    p = ngx_http_wix_auth_state_put(p, 4, h->key_id);
    p = ngx_http_wix_auth_state_put(p, 4, h->chunks);
    p = ngx_http_wix_auth_state_put(p, 4, h->records);
    p = ngx_http_wix_auth_state_put(p, 8, h->generation);
    p = ngx_http_wix_auth_state_put(p, 8, (uint64_t) h->saved);
    p = ngx_http_wix_auth_state_put(p, 8, h->length);
    p = ngx_cpymem(p, h->boot, 16);
    p = ngx_cpymem(p, h->salt, 16);

    aad.data = dst;
    aad.len = NGX_HTTP_WIX_AUTH_STATE_CLEAR;

    plain.data = p + NGX_HTTP_WIX_AUTH_RAW_NONCE;
    plain.len = NGX_HTTP_WIX_AUTH_STATE_KEYS;

    ngx_memcpy(plain.data, h->hash_key, 16);
    ngx_memcpy(plain.data + 16, h->secret, 32);

    return ngx_http_wix_auth_seal_raw(h->key, &aad, &plain, p);
}


ngx_int_t
ngx_http_wix_auth_state_header_read(ngx_http_wix_auth_ring_t *ring,
    u_char *data, size_t len, uint64_t size,
    ngx_http_wix_auth_state_header_t *h, const char **err)
{
    u_char     *p;
    size_t      i, n;
    uint64_t    version;
    ngx_int_t   rc;

    ngx_memzero(h, sizeof(ngx_http_wix_auth_state_header_t));

    n = ngx_min(len, NGX_HTTP_WIX_AUTH_STATE_HEADER);

    for (i = 0; i < n && data[i] == 0; i++) { /* void */ }

    if (i == n) {
        return (size <= NGX_HTTP_WIX_AUTH_STATE_START) ? NGX_DONE : NGX_AGAIN;
    }

    if (ngx_memcmp(data, NGX_HTTP_WIX_AUTH_STATE_MAGIC,
                   ngx_min(n, NGX_HTTP_WIX_AUTH_STATE_AT_VERSION))
        != 0)
    {
        *err = "is no state file of this module";
        return NGX_DECLINED;
    }

    if (n < NGX_HTTP_WIX_AUTH_STATE_HEADER) {
        *err = "is truncated";
        return NGX_DECLINED;
    }

    p = data + NGX_HTTP_WIX_AUTH_STATE_AT_VERSION;
    version = ngx_http_wix_auth_state_get(&p, 4);

    if (version != NGX_HTTP_WIX_AUTH_STATE_VERSION) {
        *err = "has a format that this version of the module does not know";
        return NGX_DECLINED;
    }

    rc = ngx_http_wix_auth_state_header_open(ring, data, h);

    if (rc != NGX_OK) {
        *err = "cannot be opened with a key of \"wix_auth_session_key\" "
               "(another one made it, or it has been changed)";
        return rc;
    }

    if (h->length > size) {
        *err = "is truncated";
        return NGX_DECLINED;
    }

    if (h->length < size) {
        *err = "has bytes behind its end";
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* fills h; NGX_DECLINED: no key fits */

static ngx_int_t
ngx_http_wix_auth_state_header_open(ngx_http_wix_auth_ring_t *ring,
    u_char *data, ngx_http_wix_auth_state_header_t *h)
{
    u_char      *p, keys[NGX_HTTP_WIX_AUTH_STATE_KEYS];
    uint64_t     id;
    ngx_int_t    rc;
    ngx_str_t    aad, raw;
    ngx_uint_t   i;

    p = data + NGX_HTTP_WIX_AUTH_STATE_AT_KEY;

    id = ngx_http_wix_auth_state_get(&p, 4);
    h->chunks = (uint32_t) ngx_http_wix_auth_state_get(&p, 4);
    h->records = (uint32_t) ngx_http_wix_auth_state_get(&p, 4);
    h->generation = ngx_http_wix_auth_state_get(&p, 8);
    h->saved = (time_t) ngx_http_wix_auth_state_get(&p, 8);
    h->length = ngx_http_wix_auth_state_get(&p, 8);
    ngx_memcpy(h->boot, p, 16);
    ngx_memcpy(h->salt, p + 16, 16);

    aad.data = data;
    aad.len = NGX_HTTP_WIX_AUTH_STATE_CLEAR;

    raw.data = data + NGX_HTTP_WIX_AUTH_STATE_CLEAR;
    raw.len = NGX_HTTP_WIX_AUTH_STATE_HEADER - NGX_HTTP_WIX_AUTH_STATE_CLEAR;

    rc = NGX_DECLINED;

    for (i = 0; rc == NGX_DECLINED && i < ring->nkeys; i++) {

        if (ring->keys[i].id != id) {
            continue;
        }

        rc = ngx_http_wix_auth_state_derive(&ring->keys[i], h);

        if (rc == NGX_OK) {
            rc = ngx_http_wix_auth_open_raw(h->key, &aad, &raw, keys);
        }
    }

    if (rc == NGX_OK) {
        ngx_memcpy(h->hash_key, keys, 16);
        ngx_memcpy(h->secret, keys + 16, 32);
        ngx_explicit_memzero(keys, sizeof(keys));
        h->genuine = 1;
        h->first = (i == 1);
    }

    return rc;
}


void
ngx_http_wix_auth_state_record_write(u_char *p,
    ngx_http_wix_auth_session_t *s)
{
    p = ngx_http_wix_auth_state_put(p, 1, s->kind);
    p = ngx_http_wix_auth_state_put(p, 1, s->jitter);
    p = ngx_cpymem(p, s->id, 16);
    p = ngx_cpymem(p, s->handle, 16);
    p = ngx_cpymem(p, s->client, 16);
    p = ngx_http_wix_auth_state_put(p, 8, (uint64_t) s->created);
    p = ngx_http_wix_auth_state_put(p, 8, (uint64_t) s->seen);
    p = ngx_http_wix_auth_state_put(p, 8, (uint64_t) s->expires);
    p = ngx_http_wix_auth_state_put(p, 8, (uint64_t) s->token_expires);
    p = ngx_http_wix_auth_state_put(p, 4, (uint64_t) s->token_lifetime);
    p = ngx_http_wix_auth_state_put(p, 4, s->generation);
    p = ngx_http_wix_auth_state_put(p, 2, s->member_id.len);
    p = ngx_http_wix_auth_state_put(p, 2, s->email.len);
    p = ngx_http_wix_auth_state_put(p, 4, s->profile.len);
    p = ngx_http_wix_auth_state_put(p, 4, s->access_token.len);
    (void) ngx_http_wix_auth_state_put(p, 4, s->refresh_token.len);
}


ngx_int_t
ngx_http_wix_auth_state_chunk_seal(ngx_http_wix_auth_state_header_t *h,
    ngx_uint_t number, u_char *buf, size_t len)
{
    u_char     *p, salt[20];
    ngx_str_t   aad, plain;

    ngx_http_wix_auth_state_aad(h, number, salt);

    aad.data = salt;
    aad.len = sizeof(salt);

    p = ngx_http_wix_auth_state_put(buf, 4, NGX_HTTP_WIX_AUTH_RAW_EXTRA + len);

    plain.data = p + NGX_HTTP_WIX_AUTH_RAW_NONCE;
    plain.len = len;

    return ngx_http_wix_auth_seal_raw(h->key, &aad, &plain, p);
}


ngx_int_t
ngx_http_wix_auth_state_parse(ngx_http_wix_auth_ring_t *ring, u_char *data,
    size_t len, ngx_http_wix_auth_state_header_t *h,
    ngx_http_wix_auth_state_handler_pt handler, void *ctx, const char **err)
{
    u_char      *p, *last;
    uint32_t     records, i;
    ngx_int_t    rc;
    ngx_str_t    raw;

    rc = ngx_http_wix_auth_state_header_read(ring, data, len, len, h, err);
    if (rc != NGX_OK) {
        return rc;
    }

    *err = ngx_http_wix_auth_state_damaged;

    if (len < NGX_HTTP_WIX_AUTH_STATE_START) {
        return NGX_DECLINED;
    }

    p = data + NGX_HTTP_WIX_AUTH_STATE_START;
    last = data + len;
    records = 0;

    for (i = 0; i < h->chunks; i++) {

        if (last - p < 4) {
            return NGX_DECLINED;
        }

        raw.len = (size_t) ngx_http_wix_auth_state_get(&p, 4);
        raw.data = p;

        if (raw.len > (size_t) (last - p)) {
            return NGX_DECLINED;
        }

        rc = ngx_http_wix_auth_state_chunk_open(h, i, &raw);
        if (rc != NGX_OK) {
            return rc;
        }

        p += raw.len;

        rc = ngx_http_wix_auth_state_records(
                                  raw.data + NGX_HTTP_WIX_AUTH_RAW_NONCE,
                                  p - NGX_HTTP_WIX_AUTH_RAW_TAG, &records,
                                  handler, ctx);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (p != last || records != h->records) {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_state_chunk_open(ngx_http_wix_auth_state_header_t *h,
    ngx_uint_t number, ngx_str_t *raw)
{
    u_char     salt[20];
    ngx_str_t  aad;

    ngx_http_wix_auth_state_aad(h, number, salt);

    aad.data = salt;
    aad.len = sizeof(salt);

    return ngx_http_wix_auth_open_raw(h->key, &aad, raw,
                                      raw->data + NGX_HTTP_WIX_AUTH_RAW_NONCE);
}


static ngx_int_t
ngx_http_wix_auth_state_records(u_char *p, u_char *last, uint32_t *n,
    ngx_http_wix_auth_state_handler_pt handler, void *ctx)
{
    ngx_int_t                    rc;
    ngx_http_wix_auth_session_t  s;

    while (p < last) {
        rc = ngx_http_wix_auth_state_record_read(&p, last, &s);

        if (rc == NGX_OK) {
            (*n)++;
            rc = handler(ctx, &s);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


/* it is genuine, but that is no reason to believe its numbers */

static ngx_int_t
ngx_http_wix_auth_state_record_read(u_char **pos, u_char *last,
    ngx_http_wix_auth_session_t *s)
{
    u_char      *p;
    ngx_str_t   *string;
    ngx_uint_t   i;

    p = *pos;

    if (last - p < NGX_HTTP_WIX_AUTH_STATE_RECORD) {
        return NGX_DECLINED;
    }

    ngx_memzero(s, sizeof(ngx_http_wix_auth_session_t));

    s->kind = (ngx_uint_t) ngx_http_wix_auth_state_get(&p, 1);
    s->jitter = (ngx_uint_t) ngx_http_wix_auth_state_get(&p, 1);

    ngx_memcpy(s->id, p, 16);
    ngx_memcpy(s->handle, p + 16, 16);
    ngx_memcpy(s->client, p + 32, 16);
    p += 48;

    s->created = (time_t) ngx_http_wix_auth_state_get(&p, 8);
    s->seen = (time_t) ngx_http_wix_auth_state_get(&p, 8);
    s->expires = (time_t) ngx_http_wix_auth_state_get(&p, 8);
    s->token_expires = (time_t) ngx_http_wix_auth_state_get(&p, 8);
    s->token_lifetime = (time_t) ngx_http_wix_auth_state_get(&p, 4);
    s->generation = (ngx_uint_t) ngx_http_wix_auth_state_get(&p, 4);

    if (s->kind > NGX_HTTP_WIX_AUTH_KIND_VISITOR
        || !ngx_http_wix_auth_state_time(s->created)
        || !ngx_http_wix_auth_state_time(s->seen)
        || !ngx_http_wix_auth_state_time(s->expires)
        || !ngx_http_wix_auth_state_time(s->token_expires))
    {
        return NGX_DECLINED;
    }

    s->member_id.len = (size_t) ngx_http_wix_auth_state_get(&p, 2);
    s->email.len = (size_t) ngx_http_wix_auth_state_get(&p, 2);
    s->profile.len = (size_t) ngx_http_wix_auth_state_get(&p, 4);
    s->access_token.len = (size_t) ngx_http_wix_auth_state_get(&p, 4);
    s->refresh_token.len = (size_t) ngx_http_wix_auth_state_get(&p, 4);

    for (i = 0; i < 5; i++) {
        string = (i == 0) ? &s->member_id
                 : (i == 1) ? &s->email
                 : (i == 2) ? &s->profile
                 : (i == 3) ? &s->access_token : &s->refresh_token;

        if (string->len > (size_t) (last - p)) {
            return NGX_DECLINED;
        }

        string->data = p;
        p += string->len;
    }

    *pos = p;

    return NGX_OK;
}


static void
ngx_http_wix_auth_state_aad(ngx_http_wix_auth_state_header_t *h,
    ngx_uint_t number, u_char buf[20])
{
    ngx_memcpy(buf, h->salt, 16);
    (void) ngx_http_wix_auth_state_put(buf + 16, 4, number);
}


static u_char *
ngx_http_wix_auth_state_put(u_char *p, ngx_uint_t size, uint64_t n)
{
    while (size--) {
        *p++ = (u_char) (n >> (8 * size));
    }

    return p;
}


static uint64_t
ngx_http_wix_auth_state_get(u_char **p, ngx_uint_t size)
{
    uint64_t  n;

    for (n = 0; size; size--) {
        n = (n << 8) | *(*p)++;
    }

    return n;
}
