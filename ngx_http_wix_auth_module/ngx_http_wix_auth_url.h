
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_URL_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_URL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Floor 0: strict parsers and writers of URLs, GUIDs and forms.  Nothing
 * here logs or knows a request.
 */


#define NGX_HTTP_WIX_AUTH_URL_MAX  2048


typedef struct {
    ngx_str_t    scheme;      /* "http" or "https", lower case */
    ngx_str_t    host;        /* lower case; a literal IPv6 with brackets */
    in_port_t    port;        /* the scheme's default when none is named */
    ngx_str_t    path;        /* what follows the authority, from "/" or
                                 "?" on, with the query; "" */
    ngx_str_t    origin;      /* "https://host" or "https://host:port" */
    unsigned     loopback:1;  /* localhost, 127.0.0.0/8, [::1] */
    unsigned     ip:1;        /* the host is a literal address */
} ngx_http_wix_auth_url_t;


/*
 * Parses an absolute http or https URL of at most 2048 printable ASCII
 * bytes.  User info, backslash, space, control and non-ASCII characters, an
 * empty or malformed host, a bad port, a fragment: NGX_DECLINED with *err a
 * static text.  scheme, host and origin are copies from pool (default ports
 * are left out of origin); path points into text.  NGX_ERROR: no memory, and
 * *err says so.
 */
ngx_int_t ngx_http_wix_auth_url_parse(ngx_pool_t *pool, ngx_str_t *text,
    ngx_http_wix_auth_url_t *url, const char **err);

/*
 * The one judge of return URLs.  Accepts (NGX_OK)
 *   - a path on our own host: "/" and printable ASCII, no space and no
 *     backslash.  Before "?" and "#" every "%" is followed by two hex
 *     digits; decoded until nothing is left to decode, that part holds no
 *     control character and no backslash, does not begin with "//", and
 *     has no dot segment beside an empty one ("//"), because together they
 *     may lead to "//".  Encoded spaces and non-ASCII bytes are fine;
 *   - an absolute URL whose origin equals, byte for byte after
 *     normalisation, one of norigins origins, with such a path or none.
 * At most 2048 bytes.  Everything else: NGX_DECLINED.  A "#fragment" is
 * allowed and kept.  pool is scratch memory.
 */
ngx_int_t ngx_http_wix_auth_url_return(ngx_pool_t *pool, ngx_str_t *text,
    ngx_str_t *origins, ngx_uint_t norigins);

/* 8-4-4-4-12 hex digits, any case; dst gets 16 bytes: NGX_OK, NGX_DECLINED */
ngx_int_t ngx_http_wix_auth_guid_parse(ngx_str_t *text, u_char dst[16]);
/* writes 36 characters in lower case and returns the end */
u_char *ngx_http_wix_auth_guid_write(u_char *dst, const u_char id[16]);

/* percent-encodes all but unreserved characters (RFC 3986, 2.3) and returns
   the end; dst takes ngx_http_wix_auth_url_encoded_len() bytes */
size_t ngx_http_wix_auth_url_encoded_len(ngx_str_t *text);
u_char *ngx_http_wix_auth_url_encode(u_char *dst, ngx_str_t *text);


typedef struct {
    ngx_str_t    name;
    ngx_str_t    value;
} ngx_http_wix_auth_pair_t;

/*
 * application/x-www-form-urlencoded (WHATWG): a body, or a query string.
 * Pairs are decoded copies from pool, NUL-terminated beyond their length,
 * at most max of them.  An encoded NUL, a "%" without two hex digits, more
 * than max pairs, or a name that is there twice: NGX_DECLINED with *err a
 * static text.  Empty pairs ("&&") are skipped.  pairs is an ngx_array_t of
 * ngx_http_wix_auth_pair_t made by the function.
 */
ngx_int_t ngx_http_wix_auth_form_parse(ngx_pool_t *pool, ngx_str_t *text,
    ngx_uint_t max, ngx_array_t **pairs, const char **err);

/* NULL when absent */
ngx_str_t *ngx_http_wix_auth_form_get(ngx_array_t *pairs, const char *name);


#endif /* _NGX_HTTP_WIX_AUTH_URL_H_INCLUDED_ */
