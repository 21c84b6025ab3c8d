
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_COOKIE_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_COOKIE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Floor 0: Cookie and Set-Cookie (RFC 6265, 4.1.1 and 5.4).  Pure functions
 * on strings; the request's header lists are the strip room's business.
 */


typedef struct {
    ngx_str_t    name;
    ngx_str_t    domain;            /* "" : host-only */
    ngx_str_t    path;
    unsigned     secure:1;
    unsigned     samesite_none:1;   /* else Lax */
    unsigned     partitioned:1;
    unsigned     session:1;         /* no Max-Age */
} ngx_http_wix_auth_cookie_t;


/*
 * Finds values of the cookie called exactly name in one Cookie header
 * value: pairs are separated by ";", blanks around a pair are skipped, the
 * name is compared with case.  Appends at most max - n values to values[]
 * (they point into header; a pair of surrounding quotes is not removed) and
 * returns the new n.
 */
ngx_uint_t ngx_http_wix_auth_cookie_find(ngx_str_t *header, ngx_str_t *name,
    ngx_str_t *values, ngx_uint_t n, ngx_uint_t max);

/* a pair found by scan(): which of the names, and its value in header */

typedef struct {
    ngx_uint_t   name;
    ngx_str_t    value;
} ngx_http_wix_auth_cookie_hit_t;

/*
 * The same for several names, none of them empty, in one pass: fills hits[]
 * from n on, at most max of them, and returns the new n.
 */
ngx_uint_t ngx_http_wix_auth_cookie_scan(ngx_str_t *header, ngx_str_t *names,
    ngx_uint_t nnames, ngx_http_wix_auth_cookie_hit_t *hits, ngx_uint_t n,
    ngx_uint_t max);

/*
 * scan() from n = 0 on, for who is going to cut: when there is one hit and
 * cut() would do no more than take it out, *part is what goes, with its ";",
 * else part->len is 0, and part->data is NULL but where there is no hit and
 * cut() would find a pair all the same.  first is what cookie_first() has said
 * of the names.
 */
ngx_uint_t ngx_http_wix_auth_cookie_part(ngx_str_t *header, ngx_str_t *names,
    ngx_uint_t nnames, u_char first, ngx_http_wix_auth_cookie_hit_t *hits,
    ngx_uint_t max, ngx_str_t *part);

/* the byte that all names begin with, or 0 */
u_char ngx_http_wix_auth_cookie_first(ngx_str_t *names, ngx_uint_t nnames);

/*
 * Writes to dst (at least header->len bytes) the header value without the
 * pairs whose name is one of names; returns the new length (0: nothing is
 * left).  Pairs that stay keep their bytes and are joined by "; ", or ";"
 * where the header had no blank.  "name =value" is cut too.  dst may be
 * header->data.
 */
size_t ngx_http_wix_auth_cookie_cut(u_char *dst, ngx_str_t *header,
    ngx_str_t *names, ngx_uint_t nnames);

/*
 * The value of a Set-Cookie header; value "" and max_age 0 clear the
 * cookie, with the very attributes that set it (one function for both).
 * Always HttpOnly; max_age -1 leaves Max-Age out.
 */
ngx_int_t ngx_http_wix_auth_cookie_set(ngx_pool_t *pool,
    ngx_http_wix_auth_cookie_t *cookie, ngx_str_t *value, time_t max_age,
    ngx_str_t *header);


#endif /* _NGX_HTTP_WIX_AUTH_COOKIE_H_INCLUDED_ */
