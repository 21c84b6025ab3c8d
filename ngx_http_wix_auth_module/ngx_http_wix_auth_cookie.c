
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_wix_auth_cookie.h"


/* of one call of find() */
#define NGX_HTTP_WIX_AUTH_COOKIE_HITS  16

#define ngx_http_wix_auth_blank(c)  ((c) == ' ' || (c) == '\t')


static ngx_inline ngx_uint_t ngx_http_wix_auth_cookie_pair(u_char *p,
    u_char *end, ngx_str_t *names, ngx_uint_t nnames,
    ngx_http_wix_auth_cookie_hit_t *hit);
static ngx_uint_t ngx_http_wix_auth_cookie_claims(ngx_str_t *header,
    ngx_str_t *names, ngx_uint_t nnames);
static ngx_inline void ngx_http_wix_auth_cookie_join(ngx_str_t *header,
    ngx_str_t *part);
static ngx_uint_t ngx_http_wix_auth_cookie_named(u_char *p, u_char *end,
    ngx_str_t *names, ngx_uint_t nnames);
static ngx_int_t ngx_http_wix_auth_cookie_check(ngx_str_t *text);


ngx_uint_t
ngx_http_wix_auth_cookie_find(ngx_str_t *header, ngx_str_t *name,
    ngx_str_t *values, ngx_uint_t n, ngx_uint_t max)
{
    ngx_uint_t                       i, found;
    ngx_http_wix_auth_cookie_hit_t   hits[NGX_HTTP_WIX_AUTH_COOKIE_HITS];

    max = ngx_min(max - n, NGX_HTTP_WIX_AUTH_COOKIE_HITS);

    found = ngx_http_wix_auth_cookie_scan(header, name, 1, hits, 0, max);

    for (i = 0; i < found; i++) {
        values[n++] = hits[i].value;
    }

    return n;
}


ngx_uint_t
ngx_http_wix_auth_cookie_scan(ngx_str_t *header, ngx_str_t *names,
    ngx_uint_t nnames, ngx_http_wix_auth_cookie_hit_t *hits, ngx_uint_t n,
    ngx_uint_t max)
{
    u_char  *p, *last, *end;

    if (header->len == 0) {
        return n;
    }

    p = header->data;
    last = p + header->len;

    while (n < max) {

        while (p < last && ngx_http_wix_auth_blank(*p)) {
            p++;
        }

        end = memchr(p, ';', last - p);
        if (end == NULL) {
            end = last;
        }

        n += ngx_http_wix_auth_cookie_pair(p, end, names, nnames, &hits[n]);

        if (end == last) {
            break;
        }

        p = end + 1;
    }

    return n;
}


/*
 * Most headers are as browsers write them, "a=b; c=d", and hold one pair of
 * ours: then the way is short.
 */

ngx_uint_t
ngx_http_wix_auth_cookie_part(ngx_str_t *header, ngx_str_t *names,
    ngx_uint_t nnames, u_char first, ngx_http_wix_auth_cookie_hit_t *hits,
    ngx_uint_t max, ngx_str_t *part)
{
    u_char      *p, *last, *end;
    ngx_uint_t   n;

    ngx_str_null(part);

    if (header->len == 0) {
        return 0;
    }

    if (first == 0) {
        goto other;
    }

    n = 0;
    p = header->data;
    last = p + header->len;

    for ( ;; ) {

        end = memchr(p, ';', last - p);
        if (end == NULL) {
            end = last;
        }

        /* blanks are told from other controls there */

        if (p == end || *p <= ' ' || end[-1] <= ' ') {
            goto other;
        }

        if (*p == first) {

            if (ngx_http_wix_auth_cookie_pair(p, end, names, nnames,
                                              &hits[0]))
            {
                if (n++) {
                    goto other;
                }

                part->data = p;
                part->len = end - p;

            } else if (ngx_http_wix_auth_cookie_named(p, end, names, nnames)) {
                goto other;
            }
        }

        if (end == last) {
            break;
        }

        p = end + 1;

        if (p < last && *p == ' ') {
            p++;
        }
    }

    if (n == 0) {
        return 0;
    }

    ngx_http_wix_auth_cookie_join(header, part);

    return 1;

other:

    ngx_str_null(part);

    n = ngx_http_wix_auth_cookie_scan(header, names, nnames, hits, 0, max);

    if (n == 0 && ngx_http_wix_auth_cookie_claims(header, names, nnames)) {
        part->data = header->data;
    }

    return n;
}


/* whether cut() would find a pair */

static ngx_uint_t
ngx_http_wix_auth_cookie_claims(ngx_str_t *header, ngx_str_t *names,
    ngx_uint_t nnames)
{
    u_char  *p, *last, *end;

    p = header->data;
    last = p + header->len;

    for ( ;; ) {

        while (p < last && ngx_http_wix_auth_blank(*p)) {
            p++;
        }

        end = memchr(p, ';', last - p);
        if (end == NULL) {
            end = last;
        }

        if (p < end && ngx_http_wix_auth_cookie_named(p, end, names, nnames)) {
            return 1;
        }

        if (end == last) {
            return 0;
        }

        p = end + 1;
    }
}


/* with the separator before it, or behind it where it is the first */

static ngx_inline void
ngx_http_wix_auth_cookie_join(ngx_str_t *header, ngx_str_t *part)
{
    u_char  *p, *end, *last;

    p = part->data;
    end = p + part->len;
    last = header->data + header->len;

    if (p != header->data) {
        part->data -= (p[-1] == ' ') ? 2 : 1;

    } else if (end < last) {
        end += (end + 1 < last && end[1] == ' ') ? 2 : 1;
    }

    part->len = end - part->data;
}


u_char
ngx_http_wix_auth_cookie_first(ngx_str_t *names, ngx_uint_t nnames)
{
    ngx_uint_t  i;

    for (i = 1; i < nnames; i++) {
        if (names[i].data[0] != names[0].data[0]) {
            return 0;
        }
    }

    return names[0].data[0];
}


static ngx_inline ngx_uint_t
ngx_http_wix_auth_cookie_pair(u_char *p, u_char *end, ngx_str_t *names,
    ngx_uint_t nnames, ngx_http_wix_auth_cookie_hit_t *hit)
{
    size_t       len;
    u_char      *value;
    ngx_uint_t   i;

    for (i = 0; i < nnames; i++) {
        len = names[i].len;

        if ((size_t) (end - p) <= len
            || p[len] != '='
            || ngx_memcmp(p, names[i].data, len) != 0)
        {
            continue;
        }

        value = p + len + 1;

        while (value < end && ngx_http_wix_auth_blank(*value)) {
            value++;
        }

        while (end > value && ngx_http_wix_auth_blank(end[-1])) {
            end--;
        }

        hit->name = i;
        hit->value.data = value;
        hit->value.len = end - value;

        return 1;
    }

    return 0;
}


size_t
ngx_http_wix_auth_cookie_cut(u_char *dst, ngx_str_t *header, ngx_str_t *names,
    ngx_uint_t nnames)
{
    size_t   len;
    u_char  *p, *d, *pair, *end, *next, *last;

    if (header->len == 0) {
        return 0;
    }

    d = dst;
    p = header->data;
    last = p + header->len;

    for ( /* void */ ; p < last; p = next) {

        end = memchr(p, ';', last - p);
        if (end == NULL) {
            end = last;
        }

        next = (end == last) ? last : end + 1;

        for (pair = p; pair < end && ngx_http_wix_auth_blank(*pair); pair++) {
            /* void */
        }

        while (end > pair && ngx_http_wix_auth_blank(end[-1])) {
            end--;
        }

        if (pair == end
            || ngx_http_wix_auth_cookie_named(pair, end, names, nnames))
        {
            continue;
        }

        /* no blank that the header did not have: dst could overflow */

        if (d != dst) {
            *d++ = ';';

            if (pair != p) {
                *d++ = ' ';
            }
        }

        len = end - pair;
        ngx_memmove(d, pair, len);
        d += len;
    }

    return d - dst;
}


ngx_int_t
ngx_http_wix_auth_cookie_set(ngx_pool_t *pool,
    ngx_http_wix_auth_cookie_t *cookie, ngx_str_t *value, time_t max_age,
    ngx_str_t *header)
{
    size_t   len;
    u_char  *p;

    ngx_str_null(header);

    if (ngx_http_wix_auth_cookie_check(&cookie->name) != NGX_OK
        || ngx_http_wix_auth_cookie_check(&cookie->domain) != NGX_OK
        || ngx_http_wix_auth_cookie_check(&cookie->path) != NGX_OK
        || ngx_http_wix_auth_cookie_check(value) != NGX_OK)
    {
        return NGX_ERROR;
    }

    len = cookie->name.len + 1 + value->len
          + sizeof("; Domain=") - 1 + cookie->domain.len
          + sizeof("; Path=") - 1 + cookie->path.len
          + sizeof("; Max-Age=") - 1 + NGX_TIME_T_LEN
          + sizeof("; HttpOnly; Secure; SameSite=None; Partitioned") - 1;

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    header->data = p;

    p = ngx_cpymem(p, cookie->name.data, cookie->name.len);
    *p++ = '=';

    if (value->len) {
        p = ngx_cpymem(p, value->data, value->len);
    }

    if (cookie->domain.len) {
        p = ngx_cpymem(p, "; Domain=", sizeof("; Domain=") - 1);
        p = ngx_cpymem(p, cookie->domain.data, cookie->domain.len);
    }

    if (cookie->path.len) {
        p = ngx_cpymem(p, "; Path=", sizeof("; Path=") - 1);
        p = ngx_cpymem(p, cookie->path.data, cookie->path.len);
    }

    /* a session cookie is cleared with Max-Age=0 like any other */

    if (max_age == 0 || (max_age > 0 && !cookie->session)) {
        p = ngx_sprintf(p, "; Max-Age=%T", max_age);
    }

    p = ngx_cpymem(p, "; HttpOnly", sizeof("; HttpOnly") - 1);

    if (cookie->secure) {
        p = ngx_cpymem(p, "; Secure", sizeof("; Secure") - 1);
    }

    if (cookie->samesite_none) {
        p = ngx_cpymem(p, "; SameSite=None", sizeof("; SameSite=None") - 1);

    } else {
        p = ngx_cpymem(p, "; SameSite=Lax", sizeof("; SameSite=Lax") - 1);
    }

    if (cookie->partitioned) {
        p = ngx_cpymem(p, "; Partitioned", sizeof("; Partitioned") - 1);
    }

    header->len = p - header->data;

    return NGX_OK;
}


/*
 * More generous than find(): what some application might take for our cookie
 * ("name = value") does not go upstream either.
 */

static ngx_uint_t
ngx_http_wix_auth_cookie_named(u_char *p, u_char *end, ngx_str_t *names,
    ngx_uint_t nnames)
{
    u_char      *q;
    ngx_uint_t   i;

    for (i = 0; i < nnames; i++) {
        if (*p != names[i].data[0]
            || (size_t) (end - p) <= names[i].len
            || ngx_memcmp(p, names[i].data, names[i].len) != 0)
        {
            continue;
        }

        q = p + names[i].len;

        while (q < end && ngx_http_wix_auth_blank(*q)) {
            q++;
        }

        if (q < end && *q == '=') {
            return 1;
        }
    }

    return 0;
}


/* nothing may end the attribute or the header line */

static ngx_int_t
ngx_http_wix_auth_cookie_check(ngx_str_t *text)
{
    size_t  i;

    for (i = 0; i < text->len; i++) {

        if (text->data[i] < 0x20
            || text->data[i] == 0x7f
            || text->data[i] == ';')
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
