
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_zone.h"


/* the first byte of what a bearer record's id is the hash of */
#define NGX_HTTP_WIX_AUTH_BEARER_ID    'B'


void
ngx_http_wix_auth_session_id(ngx_shm_zone_t *shm_zone, ngx_str_t *cookie,
    u_char id[16])
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    ngx_http_wix_auth_siphash(zone->hash_key, cookie->data, cookie->len, id);
}


/*
 * A byte and a hash are shorter than any cookie, so the two kinds of ids are
 * hashes of different texts.
 */

void
ngx_http_wix_auth_session_bearer_id(ngx_shm_zone_t *shm_zone,
    ngx_str_t *token, ngx_uint_t profile, u_char id[16])
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    u_char  text[17];

    text[0] = NGX_HTTP_WIX_AUTH_BEARER_ID + (profile ? 1 : 0);

    ngx_http_wix_auth_siphash(zone->hash_key, token->data, token->len,
                              text + 1);
    ngx_http_wix_auth_siphash(zone->hash_key, text, sizeof(text), id);
}


ngx_int_t
ngx_http_wix_auth_session_cookie(ngx_http_wix_auth_ring_t *ring,
    ngx_uint_t kind, u_char *dst)
{
    u_char     raw[56];
    ngx_int_t  rc;
    ngx_str_t  part;

    rc = ngx_http_wix_auth_random(raw, 24);

    if (rc == NGX_OK) {

        if (kind == NGX_HTTP_WIX_AUTH_KIND_VISITOR) {
            raw[0] |= 0x80;

        } else {
            raw[0] &= 0x7f;
        }

        part.data = raw;
        part.len = 24;

        rc = ngx_http_wix_auth_hmac(
                            ring->keys[0].derived[NGX_HTTP_WIX_AUTH_KEY_COOKIE],
                            &part, 1, raw + 24);
    }

    if (rc == NGX_OK) {
        ngx_http_wix_auth_b64_encode(dst, raw, 40);
    }

    ngx_explicit_memzero(raw, sizeof(raw));

    return rc;
}


/* the upper half of the alphabet: the first bit is set (RFC 4648, 5) */

ngx_uint_t
ngx_http_wix_auth_session_cookie_kind(ngx_str_t *cookie)
{
    u_char  c;

    c = cookie->len ? cookie->data[0] : 'A';

    return ((c >= 'g' && c <= 'z') || (c >= '0' && c <= '9')
            || c == '-' || c == '_')
           ? NGX_HTTP_WIX_AUTH_KIND_VISITOR : NGX_HTTP_WIX_AUTH_KIND_MEMBER;
}


ngx_uint_t
ngx_http_wix_auth_session_plausible(ngx_str_t *cookie)
{
    u_char  *p, *last, foreign;

    /* 0 for base64url (RFC 4648, 5); a byte each, for the hot path */

    static u_char  alphabet[256] = {
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1,
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0,
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
    };

    if (cookie->len != NGX_HTTP_WIX_AUTH_SESSION_COOKIE) {
        return 0;
    }

    foreign = 0;

    for (p = cookie->data, last = p + NGX_HTTP_WIX_AUTH_SESSION_COOKIE;
         p < last;
         p++)
    {
        foreign |= alphabet[*p];
    }

    return !foreign;
}


ngx_int_t
ngx_http_wix_auth_session_genuine(ngx_http_wix_auth_ring_t *ring,
    ngx_str_t *cookie)
{
    u_char      raw[48], mac[32];
    size_t      len;
    ngx_str_t   part;
    ngx_uint_t  i;

    if (!ngx_http_wix_auth_session_plausible(cookie)) {
        return NGX_DECLINED;
    }

    if (ngx_http_wix_auth_b64_decode(raw, &len, cookie->data, cookie->len)
        != NGX_OK
        || len != 40)
    {
        return NGX_DECLINED;
    }

    part.data = raw;
    part.len = 24;

    for (i = 0; i < ring->nkeys; i++) {
        if (ngx_http_wix_auth_hmac(
                            ring->keys[i].derived[NGX_HTTP_WIX_AUTH_KEY_COOKIE],
                            &part, 1, mac)
            != NGX_OK)
        {
            return NGX_DECLINED;
        }

        if (ngx_http_wix_auth_equal(mac, raw + 24, 16)) {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}
