
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_wix_auth_url.h"


#define NGX_HTTP_WIX_AUTH_HOST_MAX   253
#define NGX_HTTP_WIX_AUTH_LABEL_MAX  63


static ngx_int_t ngx_http_wix_auth_url_printable(ngx_str_t *text);
static ngx_int_t ngx_http_wix_auth_url_scheme(ngx_str_t *text,
    ngx_http_wix_auth_url_t *url);
static ngx_int_t ngx_http_wix_auth_url_authority(ngx_pool_t *pool,
    u_char *p, u_char *last, ngx_http_wix_auth_url_t *url, const char **err);
static ngx_int_t ngx_http_wix_auth_url_ipv6(u_char *p, u_char *last,
    u_char *dst, size_t *len, ngx_http_wix_auth_url_t *url);
static ngx_int_t ngx_http_wix_auth_url_name(u_char *p, u_char *last,
    u_char *dst, size_t *len, ngx_http_wix_auth_url_t *url);
static ngx_int_t ngx_http_wix_auth_url_ipv4(u_char *p, u_char *last,
    ngx_http_wix_auth_url_t *url);
static ngx_int_t ngx_http_wix_auth_url_port(u_char *p, u_char *last,
    in_port_t *port);
static ngx_int_t ngx_http_wix_auth_url_origin(ngx_pool_t *pool, u_char *host,
    size_t len, ngx_http_wix_auth_url_t *url);

static ngx_int_t ngx_http_wix_auth_url_return_path(ngx_str_t *text);
static ngx_int_t ngx_http_wix_auth_url_return_origin(ngx_pool_t *pool,
    ngx_str_t *text, ngx_str_t *origins, ngx_uint_t norigins);
static ngx_int_t ngx_http_wix_auth_url_leads_home(u_char *p, u_char *last);
static ngx_uint_t ngx_http_wix_auth_url_dots(u_char *p, u_char *last);

static ngx_int_t ngx_http_wix_auth_hex(u_char *p, u_char *last);
static ngx_int_t ngx_http_wix_auth_form_decode(u_char **dst, u_char *p,
    u_char *last, ngx_str_t *text);
static ngx_int_t ngx_http_wix_auth_form_pair(ngx_array_t *pairs,
    ngx_uint_t max, u_char **dst, u_char *p, u_char *last, const char **err);


/* RFC 3986, 2.3: "-" "." "_" "~", digits, letters */

static const uint32_t  ngx_http_wix_auth_unreserved[] = {
    0x00000000, 0x03ff6000, 0x87fffffe, 0x47fffffe,
    0x00000000, 0x00000000, 0x00000000, 0x00000000
};

#define ngx_http_wix_auth_is_unreserved(c)                                   \
    (ngx_http_wix_auth_unreserved[(c) >> 5] & (1U << ((c) & 0x1f)))


ngx_int_t
ngx_http_wix_auth_url_parse(ngx_pool_t *pool, ngx_str_t *text,
    ngx_http_wix_auth_url_t *url, const char **err)
{
    u_char     *p, *last, *end;
    ngx_int_t   rc;

    *err = NULL;
    ngx_memzero(url, sizeof(ngx_http_wix_auth_url_t));

    if (text->len > NGX_HTTP_WIX_AUTH_URL_MAX) {
        *err = "URL too long";
        return NGX_DECLINED;
    }

    if (ngx_http_wix_auth_url_printable(text) != NGX_OK) {
        *err = "forbidden character in URL";
        return NGX_DECLINED;
    }

    if (ngx_http_wix_auth_url_scheme(text, url) != NGX_OK) {
        *err = "URL does not start with http:// or https://";
        return NGX_DECLINED;
    }

    p = text->data + url->scheme.len + sizeof("://") - 1;
    last = text->data + text->len;

    for (end = p; end < last; end++) {
        if (*end == '/' || *end == '?' || *end == '#') {
            break;
        }
    }

    if (ngx_strlchr(end, last, '#') != NULL) {
        *err = "fragment in URL";
        return NGX_DECLINED;
    }

    rc = ngx_http_wix_auth_url_authority(pool, p, end, url, err);
    if (rc != NGX_OK) {

        if (rc == NGX_ERROR) {
            *err = "no memory";
        }

        return rc;
    }

    url->path.data = end;
    url->path.len = last - end;

    return NGX_OK;
}


ngx_int_t
ngx_http_wix_auth_url_return(ngx_pool_t *pool, ngx_str_t *text,
    ngx_str_t *origins, ngx_uint_t norigins)
{
    if (text->len == 0
        || text->len > NGX_HTTP_WIX_AUTH_URL_MAX
        || ngx_http_wix_auth_url_printable(text) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if (text->data[0] == '/') {
        return ngx_http_wix_auth_url_return_path(text);
    }

    return ngx_http_wix_auth_url_return_origin(pool, text, origins, norigins);
}


ngx_int_t
ngx_http_wix_auth_guid_parse(ngx_str_t *text, u_char dst[16])
{
    size_t      i;
    u_char     *p, *last;
    ngx_int_t   n;

    if (text->len != 36) {
        return NGX_DECLINED;
    }

    p = text->data;
    last = p + text->len;

    for (i = 0; i < 16; i++) {

        if (i == 4 || i == 6 || i == 8 || i == 10) {
            if (*p++ != '-') {
                return NGX_DECLINED;
            }
        }

        n = ngx_http_wix_auth_hex(p, last);
        if (n == NGX_ERROR) {
            return NGX_DECLINED;
        }

        dst[i] = (u_char) n;
        p += 2;
    }

    return NGX_OK;
}


u_char *
ngx_http_wix_auth_guid_write(u_char *dst, const u_char id[16])
{
    size_t         i;
    static u_char  hex[] = "0123456789abcdef";

    for (i = 0; i < 16; i++) {

        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *dst++ = '-';
        }

        *dst++ = hex[id[i] >> 4];
        *dst++ = hex[id[i] & 0x0f];
    }

    return dst;
}


size_t
ngx_http_wix_auth_url_encoded_len(ngx_str_t *text)
{
    size_t  i, len;

    len = text->len;

    for (i = 0; i < text->len; i++) {
        if (!ngx_http_wix_auth_is_unreserved(text->data[i])) {
            len += 2;
        }
    }

    return len;
}


u_char *
ngx_http_wix_auth_url_encode(u_char *dst, ngx_str_t *text)
{
    size_t         i;
    u_char         c;
    static u_char  hex[] = "0123456789ABCDEF";

    for (i = 0; i < text->len; i++) {

        c = text->data[i];

        if (ngx_http_wix_auth_is_unreserved(c)) {
            *dst++ = c;
            continue;
        }

        *dst++ = '%';
        *dst++ = hex[c >> 4];
        *dst++ = hex[c & 0x0f];
    }

    return dst;
}


ngx_int_t
ngx_http_wix_auth_form_parse(ngx_pool_t *pool, ngx_str_t *text,
    ngx_uint_t max, ngx_array_t **pairs, const char **err)
{
    u_char     *buf, *dst, *p, *last, *end;
    ngx_int_t   rc;

    *err = NULL;

    *pairs = ngx_array_create(pool, 4, sizeof(ngx_http_wix_auth_pair_t));
    if (*pairs == NULL) {
        return NGX_ERROR;
    }

    if (text->len == 0) {
        return NGX_OK;
    }

    /* "=" and "&" make room for the NULs, the last pair has no "&" */

    buf = ngx_pnalloc(pool, text->len + 1);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    dst = buf;
    rc = NGX_OK;
    p = text->data;
    last = p + text->len;

    while (p < last) {

        end = ngx_strlchr(p, last, '&');
        if (end == NULL) {
            end = last;
        }

        if (end > p) {
            rc = ngx_http_wix_auth_form_pair(*pairs, max, &dst, p, end, err);
            if (rc != NGX_OK) {
                break;
            }
        }

        p = (end == last) ? last : end + 1;
    }

    if (rc != NGX_OK) {

        /* it may hold a password */

        ngx_explicit_memzero(buf, dst - buf);
        *pairs = NULL;
    }

    return rc;
}


ngx_str_t *
ngx_http_wix_auth_form_get(ngx_array_t *pairs, const char *name)
{
    size_t                     len;
    ngx_uint_t                 i;
    ngx_http_wix_auth_pair_t  *pair;

    if (pairs == NULL) {
        return NULL;
    }

    len = ngx_strlen(name);
    pair = pairs->elts;

    for (i = 0; i < pairs->nelts; i++) {

        if (pair[i].name.len == len
            && ngx_memcmp(pair[i].name.data, name, len) == 0)
        {
            return &pair[i].value;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_wix_auth_url_printable(ngx_str_t *text)
{
    size_t  i;

    for (i = 0; i < text->len; i++) {

        if (text->data[i] <= 0x20
            || text->data[i] >= 0x7f
            || text->data[i] == '\\')
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_url_scheme(ngx_str_t *text, ngx_http_wix_auth_url_t *url)
{
    if (text->len >= sizeof("https://") - 1
        && ngx_strncasecmp(text->data, (u_char *) "https://",
                           sizeof("https://") - 1)
           == 0)
    {
        ngx_str_set(&url->scheme, "https");
        url->port = 443;
        return NGX_OK;
    }

    if (text->len >= sizeof("http://") - 1
        && ngx_strncasecmp(text->data, (u_char *) "http://",
                           sizeof("http://") - 1)
           == 0)
    {
        ngx_str_set(&url->scheme, "http");
        url->port = 80;
        return NGX_OK;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_wix_auth_url_authority(ngx_pool_t *pool, u_char *p, u_char *last,
    ngx_http_wix_auth_url_t *url, const char **err)
{
    size_t      len;
    u_char     *end, host[NGX_HTTP_WIX_AUTH_HOST_MAX + 1];
    ngx_int_t   rc;

    if (ngx_strlchr(p, last, '@') != NULL) {
        *err = "user name in URL";
        return NGX_DECLINED;
    }

    if (p < last && *p == '[') {
        end = ngx_strlchr(p, last, ']');

        if (end == NULL) {
            *err = "malformed host in URL";
            return NGX_DECLINED;
        }

        end++;
        rc = ngx_http_wix_auth_url_ipv6(p, end, host, &len, url);

    } else {
        end = ngx_strlchr(p, last, ':');

        if (end == NULL) {
            end = last;
        }

        rc = ngx_http_wix_auth_url_name(p, end, host, &len, url);
    }

    if (rc != NGX_OK) {
        *err = (end == p) ? "no host in URL" : "malformed host in URL";
        return NGX_DECLINED;
    }

    if (end < last
        && ngx_http_wix_auth_url_port(end, last, &url->port) != NGX_OK)
    {
        *err = "bad port in URL";
        return NGX_DECLINED;
    }

    return ngx_http_wix_auth_url_origin(pool, host, len, url);
}


/* the shortest form, or one address would have many origins */

static ngx_int_t
ngx_http_wix_auth_url_ipv6(u_char *p, u_char *last, u_char *dst, size_t *len,
    ngx_http_wix_auth_url_t *url)
{
    char             text[INET6_ADDRSTRLEN];
    size_t           n;
    struct in6_addr  addr;

    /* without the brackets */

    n = last - p - 2;

    if (n == 0 || n >= INET6_ADDRSTRLEN) {
        return NGX_DECLINED;
    }

    ngx_memcpy(text, p + 1, n);
    text[n] = '\0';

    if (inet_pton(AF_INET6, text, &addr) != 1
        || inet_ntop(AF_INET6, &addr, text, sizeof(text)) == NULL)
    {
        return NGX_DECLINED;
    }

    n = ngx_strlen(text);

    dst[0] = '[';
    ngx_memcpy(dst + 1, text, n);
    dst[n + 1] = ']';

    *len = n + 2;

    url->ip = 1;
    url->loopback = IN6_IS_ADDR_LOOPBACK(&addr) ? 1 : 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_url_name(u_char *p, u_char *last, u_char *dst, size_t *len,
    ngx_http_wix_auth_url_t *url)
{
    u_char  c, *d, *label;

    if (p == last || last - p > NGX_HTTP_WIX_AUTH_HOST_MAX) {
        return NGX_DECLINED;
    }

    d = dst;
    label = dst;

    for ( /* void */ ; p < last; p++) {

        c = ngx_tolower(*p);

        if (c == '.') {
            if (d == label || d[-1] == '-') {
                return NGX_DECLINED;
            }

            *d++ = c;
            label = d;
            continue;
        }

        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_'
            && (c != '-' || d == label))
        {
            return NGX_DECLINED;
        }

        if (d - label == NGX_HTTP_WIX_AUTH_LABEL_MAX) {
            return NGX_DECLINED;
        }

        *d++ = c;
    }

    if (d == label || d[-1] == '-') {
        return NGX_DECLINED;
    }

    *len = d - dst;

    if (*len == sizeof("localhost") - 1
        && ngx_memcmp(dst, "localhost", sizeof("localhost") - 1) == 0)
    {
        url->loopback = 1;
    }

    /* browsers and resolvers take what ends in a number for an address */

    if (*label >= '0' && *label <= '9') {
        return ngx_http_wix_auth_url_ipv4(dst, d, url);
    }

    return NGX_OK;
}


/*
 * Exactly four decimal numbers: "127.1", "0177.0.0.1", "2130706433" and
 * "0x7f.1" are addresses to others, but not to all and not the same.
 */

static ngx_int_t
ngx_http_wix_auth_url_ipv4(u_char *p, u_char *last,
    ngx_http_wix_auth_url_t *url)
{
    u_char           text[INET_ADDRSTRLEN], *label;
    size_t           len;
    struct in_addr   addr;

    for (label = last; label > p && label[-1] != '.'; label--) { /* void */ }

    if (last - label < 2 || label[0] != '0' || label[1] != 'x') {

        for ( /* void */ ; label < last; label++) {
            if (*label < '0' || *label > '9') {
                return NGX_OK;
            }
        }
    }

    len = last - p;

    if (len >= INET_ADDRSTRLEN) {
        return NGX_DECLINED;
    }

    ngx_memcpy(text, p, len);
    text[len] = '\0';

    if (inet_pton(AF_INET, (char *) text, &addr) != 1) {
        return NGX_DECLINED;
    }

    url->ip = 1;
    url->loopback = ((ntohl(addr.s_addr) >> 24) == 127);

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_url_port(u_char *p, u_char *last, in_port_t *port)
{
    ngx_uint_t  n;

    if (*p++ != ':') {
        return NGX_DECLINED;
    }

    if (p == last || last - p > 5 || *p == '0') {
        return NGX_DECLINED;
    }

    for (n = 0; p < last; p++) {

        if (*p < '0' || *p > '9') {
            return NGX_DECLINED;
        }

        n = n * 10 + (*p - '0');
    }

    if (n > 65535) {
        return NGX_DECLINED;
    }

    *port = (in_port_t) n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_url_origin(ngx_pool_t *pool, u_char *host, size_t len,
    ngx_http_wix_auth_url_t *url)
{
    u_char      *p;
    ngx_uint_t   port;

    p = ngx_pnalloc(pool, url->scheme.len + sizeof("://:65535") - 1 + len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    /* one copy for all three */

    url->origin.data = p;

    p = ngx_cpymem(p, url->scheme.data, url->scheme.len);
    url->scheme.data = url->origin.data;

    p = ngx_cpymem(p, "://", sizeof("://") - 1);

    url->host.data = p;
    url->host.len = len;

    p = ngx_cpymem(p, host, len);

    port = (url->scheme.len == sizeof("https") - 1) ? 443 : 80;

    if (url->port != port) {
        p = ngx_sprintf(p, ":%ui", (ngx_uint_t) url->port);
    }

    url->origin.len = p - url->origin.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_url_return_path(ngx_str_t *text)
{
    u_char  *p, *last;

    last = text->data + text->len;

    /* the query and the fragment cannot lead anywhere */

    for (p = text->data; p < last && *p != '?' && *p != '#'; p++) {

        if (*p == '%' && ngx_http_wix_auth_hex(p + 1, last) == NGX_ERROR) {
            return NGX_DECLINED;
        }
    }

    return ngx_http_wix_auth_url_leads_home(text->data, p);
}


static ngx_int_t
ngx_http_wix_auth_url_return_origin(ngx_pool_t *pool, ngx_str_t *text,
    ngx_str_t *origins, ngx_uint_t norigins)
{
    u_char                   *p, *last;
    ngx_str_t                 plain;
    ngx_uint_t                i;
    const char               *err;
    ngx_http_wix_auth_url_t   url;

    plain = *text;

    p = ngx_strlchr(text->data, text->data + text->len, '#');
    if (p) {
        plain.len = p - text->data;
    }

    if (ngx_http_wix_auth_url_parse(pool, &plain, &url, &err) != NGX_OK) {
        return NGX_DECLINED;
    }

    /* ours may be sent as a path later, and must not turn into a host then */

    last = url.path.data + url.path.len;

    for (p = url.path.data; p < last && *p != '?'; p++) { /* void */ }

    if (ngx_http_wix_auth_url_leads_home(url.path.data, p) != NGX_OK) {
        return NGX_DECLINED;
    }

    for (i = 0; i < norigins; i++) {

        if (origins[i].len == url.origin.len
            && ngx_memcmp(origins[i].data, url.origin.data, url.origin.len)
               == 0)
        {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/*
 * Judges the path with every encoding undone, however often it was applied:
 * who knows what stands between us and the browser.  After the removal of
 * dot segments a path can begin with "//" only if it had an empty segment;
 * instead of all the ways to remove dots and to decode before or after it,
 * an empty segment and a dot segment in one path are refused.
 */

static ngx_int_t
ngx_http_wix_auth_url_leads_home(u_char *p, u_char *last)
{
    u_char      *d, path[NGX_HTTP_WIX_AUTH_URL_MAX];
    ngx_int_t    c;
    ngx_uint_t   empty;

    for (d = path; p < last; p++) {

        *d++ = *p;

        while (d - path > 2 && d[-3] == '%') {

            c = ngx_http_wix_auth_hex(d - 2, d);
            if (c == NGX_ERROR) {
                break;
            }

            d -= 2;
            d[-1] = (u_char) c;
        }
    }

    last = d;
    empty = 0;

    for (d = path; d < last; d++) {

        if (*d < 0x20 || *d == 0x7f || *d == '\\') {
            return NGX_DECLINED;
        }

        if (*d == '/' && d + 1 < last && d[1] == '/') {

            if (d == path) {
                return NGX_DECLINED;
            }

            empty = 1;
        }
    }

    if (empty && ngx_http_wix_auth_url_dots(path, last)) {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* whether there is a segment "." or ".." */

static ngx_uint_t
ngx_http_wix_auth_url_dots(u_char *p, u_char *last)
{
    u_char  *end;

    for ( /* void */ ; p < last; p = end + 1) {

        for (end = p; end < last && *end != '/'; end++) { /* void */ }

        if (end - p == 1 && p[0] == '.') {
            return 1;
        }

        if (end - p == 2 && p[0] == '.' && p[1] == '.') {
            return 1;
        }

        if (end == last) {
            break;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_wix_auth_hex(u_char *p, u_char *last)
{
    return (last - p < 2) ? NGX_ERROR : ngx_hextoi(p, 2);
}


static ngx_int_t
ngx_http_wix_auth_form_pair(ngx_array_t *pairs, ngx_uint_t max, u_char **dst,
    u_char *p, u_char *last, const char **err)
{
    u_char                    *end;
    ngx_uint_t                 i, n;
    ngx_http_wix_auth_pair_t  *pair, *other;

    n = pairs->nelts;

    if (n >= max) {
        *err = "too many form fields";
        return NGX_DECLINED;
    }

    pair = ngx_array_push(pairs);
    if (pair == NULL) {
        return NGX_ERROR;
    }

    end = ngx_strlchr(p, last, '=');

    if (ngx_http_wix_auth_form_decode(dst, p, end ? end : last, &pair->name)
        != NGX_OK)
    {
        *err = "bad encoding in form";
        return NGX_DECLINED;
    }

    if (end == NULL) {
        pair->value.len = 0;
        pair->value.data = pair->name.data + pair->name.len;

    } else if (ngx_http_wix_auth_form_decode(dst, end + 1, last, &pair->value)
               != NGX_OK)
    {
        *err = "bad encoding in form";
        return NGX_DECLINED;
    }

    other = pairs->elts;

    for (i = 0; i < n; i++) {

        if (other[i].name.len == pair->name.len
            && ngx_memcmp(other[i].name.data, pair->name.data, pair->name.len)
               == 0)
        {
            *err = "form field given twice";
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_form_decode(u_char **dst, u_char *p, u_char *last,
    ngx_str_t *text)
{
    u_char     *d;
    ngx_int_t   c;

    d = *dst;
    text->data = d;

    for ( /* void */ ; p < last; p++) {

        c = *p;

        if (c == '+') {
            c = ' ';

        } else if (c == '%') {
            c = ngx_http_wix_auth_hex(p + 1, last);
            p += 2;
        }

        if (c == 0 || c == NGX_ERROR) {
            *dst = d;
            return NGX_DECLINED;
        }

        *d++ = (u_char) c;
    }

    text->len = d - text->data;
    *d++ = '\0';
    *dst = d;

    return NGX_OK;
}
