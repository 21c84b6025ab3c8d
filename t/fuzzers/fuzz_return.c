
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * Return URLs: what is accepted stays on our host or leads to an allowed
 * origin, for a browser and for whatever decodes it or removes its dots in
 * between, in any order.  And it arrives unchanged in the addresses that
 * carry it.
 *
 * Input: the URL; an address of a login page.
 */


#include "whatwg.h"

#include "ngx_http_wix_auth_site.h"
#include "ngx_http_wix_auth_url.h"


#define STEPS  5


static ngx_str_t  origins[] = {
    ngx_string("https://shop.example.com"),
    ngx_string("https://app.example.com:8443"),
    ngx_string("http://localhost:3000"),
    ngx_string("https://[2001:db8::1]")
};

#define ORIGINS  (sizeof(origins) / sizeof(origins[0]))


static void leads(ngx_str_t *text, ngx_uint_t allowed);
static void path(fuzz_t *f, ngx_str_t *text);
static void derive(fuzz_t *f, ngx_str_t *text, ngx_uint_t steps);
static ngx_str_t decoded(fuzz_t *f, ngx_str_t *text);
static ngx_str_t dotless(fuzz_t *f, ngx_str_t *text);
static ngx_uint_t dots(u_char *p, u_char *end);
static ngx_uint_t plain(ngx_str_t *text);
static void carried(fuzz_t *f, ngx_str_t *text);
static void carries(fuzz_t *f, ngx_str_t *url, ngx_str_t *origin,
    ngx_str_t *text);


void
fuzz_one(fuzz_t *f)
{
    ngx_int_t  rc, own;
    ngx_str_t  text;

    text = fuzz_line(f);

    rc = ngx_http_wix_auth_url_return(f->pool, &text, origins, ORIGINS);
    own = ngx_http_wix_auth_url_return(f->pool, &text, NULL, 0);

    FUZZ_CHECK(rc == NGX_OK || rc == NGX_DECLINED);
    FUZZ_CHECK(own == NGX_DECLINED || rc == NGX_OK || f->starved);

    if (own == NGX_OK) {
        FUZZ_CHECK(text.data[0] == '/');
        leads(&text, 0);
    }

    if (rc != NGX_OK) {
        FUZZ_CHECK(!plain(&text));
        return;
    }

    FUZZ_CHECK(text.len > 0 && text.len <= NGX_HTTP_WIX_AUTH_URL_MAX);
    FUZZ_CHECK(fuzz_printable(&text, 0));

    leads(&text, 1);
    path(f, &text);
    carried(f, &text);
}


/* to our own host; or to one of the origins */

static void
leads(ngx_str_t *text, ngx_uint_t allowed)
{
    whatwg_t    to;
    ngx_uint_t  i, k;

    static const char  *schemes[] = { "https", "http" };

    for (i = 0; i < 2; i++) {
        whatwg_resolve(text, schemes[i], &to);

        if (text->data[0] == '/') {
            FUZZ_CHECK(to.kind == WHATWG_HERE);
            continue;
        }

        for (k = 0; k < ORIGINS && !whatwg_is(&to, &origins[k]); k++) {
            /* void */
        }

        FUZZ_CHECK(allowed && k < ORIGINS);
    }
}


static void
path(fuzz_t *f, ngx_str_t *text)
{
    size_t     i;
    ngx_str_t  part;

    part = *text;

    if (part.data[0] != '/') {

        /* what follows scheme and authority */

        i = (u_char *) memchr(part.data, ':', part.len) + 3 - part.data;

        while (i < part.len && part.data[i] != '/') {
            if (part.data[i] == '?' || part.data[i] == '#') {
                return;
            }

            i++;
        }

        part.data += i;
        part.len -= i;
    }

    for (i = 0; i < part.len; i++) {
        if (part.data[i] == '?' || part.data[i] == '#') {
            part.len = i;
        }
    }

    derive(f, &part, STEPS);
}


/* as it is, decoded, and without dots, again and again */

static void
derive(fuzz_t *f, ngx_str_t *text, ngx_uint_t steps)
{
    size_t     i;
    whatwg_t   to;
    ngx_str_t  next;

    if (text->len == 0) {
        return;
    }

    for (i = 0; i < text->len; i++) {
        FUZZ_CHECK(text->data[i] >= 0x20 && text->data[i] != 0x7f
                   && text->data[i] != '\\');
    }

    FUZZ_CHECK(text->data[0] == '/');
    FUZZ_CHECK(text->len == 1 || text->data[1] != '/');

    whatwg_resolve(text, "https", &to);
    FUZZ_CHECK(to.kind == WHATWG_HERE);

    if (steps == 0) {
        return;
    }

    next = decoded(f, text);

    if (!fuzz_equal(&next, text)) {
        derive(f, &next, steps - 1);
    }

    next = dotless(f, text);

    if (!fuzz_equal(&next, text)) {
        derive(f, &next, steps - 1);
    }
}


static ngx_str_t
decoded(fuzz_t *f, ngx_str_t *text)
{
    int        n;
    size_t     i, k;
    unsigned   c;
    ngx_str_t  to;
    char       hex[3];

    to = fuzz_copy(f, text->data, text->len);

    for (i = 0, k = 0; i < text->len; i++) {

        to.data[k] = text->data[i];

        if (text->data[i] == '%' && text->len - i > 2) {
            memcpy(hex, &text->data[i + 1], 2);
            hex[2] = '\0';
            n = 0;

            if (strspn(hex, "0123456789abcdefABCDEF") == 2
                && sscanf(hex, "%x%n", &c, &n) == 1 && n == 2)
            {
                to.data[k] = (u_char) c;
                i += 2;
            }
        }

        k++;
    }

    to.len = k;

    return to;
}


/* RFC 3986, 5.2.4, and WHATWG's opinion of what a dot is */

static ngx_str_t
dotless(fuzz_t *f, ngx_str_t *text)
{
    u_char      *p, *end, *last, *d;
    ngx_str_t    to;
    ngx_uint_t   n;

    to = fuzz_copy(f, text->data, text->len);
    d = to.data;
    last = text->data + text->len;

    for (p = text->data; p < last; p = end) {

        for (end = p + 1; end < last && *end != '/'; end++) { /* void */ }

        n = dots(p + 1, end);

        if (n == 0) {
            memmove(d, p, end - p);
            d += end - p;
            continue;
        }

        if (n == 2) {
            while (d > to.data && *--d != '/') { /* void */ }
        }

        if (end == last) {
            *d++ = '/';
        }
    }

    to.len = d - to.data;

    return to;
}


/* 1 for ".", 2 for "..", encoded or not; else 0 */

static ngx_uint_t
dots(u_char *p, u_char *end)
{
    ngx_uint_t  n;

    for (n = 0; p < end; n++) {

        if (*p == '.') {
            p++;

        } else if (end - p >= 3
                   && strncasecmp((char *) p, "%2e", 3) == 0)
        {
            p += 3;

        } else {
            return 0;
        }
    }

    return (n <= 2) ? n : 0;
}


/* what must be accepted: "/", letters and digits */

static ngx_uint_t
plain(ngx_str_t *text)
{
    size_t  i;

    if (text->len == 0 || text->len > NGX_HTTP_WIX_AUTH_URL_MAX
        || text->data[0] != '/')
    {
        return 0;
    }

    for (i = 1; i < text->len; i++) {

        if (text->data[i] == '/' && text->data[i - 1] == '/') {
            return 0;
        }

        if (text->data[i] == '\0'
            || strchr("/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                      "0123456789-_~!$&'()*+,;=:@?#",
                      text->data[i])
               == NULL)
        {
            return 0;
        }
    }

    return 1;
}


/* "?return=" of the addresses that carry it */

static void
carried(fuzz_t *f, ngx_str_t *text)
{
    ngx_str_t                        url, base, prefix, error, page;
    ngx_http_request_t               r;
    ngx_http_wix_auth_url_t          parsed;
    const char                      *err;
    ngx_http_wix_auth_login_conf_t   login;

    memset(&r, 0, sizeof(ngx_http_request_t));
    r.pool = f->pool;

    prefix = fuzz_str("/_wix/");

    if (ngx_http_wix_auth_site_login_url(&r, &prefix, text, &url) != NGX_OK) {
        FUZZ_CHECK(f->starved);
        return;
    }

    carries(f, &url, &fuzz_str(""), text);

    /* a page of the site, if this line is the address of one */

    page = fuzz_line(f);

    memset(&login, 0, sizeof(ngx_http_wix_auth_login_conf_t));

    if (ngx_http_wix_auth_url_return(f->pool, &page, origins, ORIGINS)
        != NGX_OK)
    {
        return;
    }

    login.uri = page;
    login.absolute = (page.data[0] != '/');

    base = origins[0];
    error = fuzz_str("invalid_credentials");

    if (ngx_http_wix_auth_site_page_url(&r, &login, &base, "error", &error,
                                        text, &url)
        != NGX_OK)
    {
        FUZZ_CHECK(f->starved);
        return;
    }

    FUZZ_CHECK(fuzz_printable(&url, 0));
    FUZZ_CHECK(login.absolute || url.data[0] == '/');

    if (!login.absolute) {
        FUZZ_CHECK(url.len > NGX_HTTP_WIX_AUTH_URL_MAX
                   || ngx_http_wix_auth_url_return(f->pool, &url, NULL, 0)
                      == NGX_OK);

    } else if (url.len < NGX_HTTP_WIX_AUTH_URL_MAX
               && memchr(url.data, '#', url.len) == NULL)
    {
        FUZZ_CHECK(ngx_http_wix_auth_url_parse(f->pool, &url, &parsed, &err)
                   == NGX_OK || f->starved);
    }

    if (memchr(page.data, '?', page.len) == NULL) {
        carries(f, &url, login.absolute && text->data[0] == '/'
                         ? &base : &fuzz_str(""), text);
    }
}


static void
carries(fuzz_t *f, ngx_str_t *url, ngx_str_t *origin, ngx_str_t *text)
{
    u_char       *p;
    ngx_int_t     rc;
    ngx_str_t     query, *value, rest;
    const char   *err;
    ngx_array_t  *pairs;

    p = memchr(url->data, '?', url->len);

    FUZZ_CHECK(p != NULL);

    query.data = p + 1;
    query.len = url->data + url->len - query.data;

    p = memchr(query.data, '#', query.len);

    if (p) {
        query.len = p - query.data;
    }

    rc = ngx_http_wix_auth_form_parse(f->pool, &query, 8, &pairs, &err);

    if (f->starved) {
        return;
    }

    FUZZ_CHECK(rc == NGX_OK);

    value = ngx_http_wix_auth_form_get(pairs, "return");

    FUZZ_CHECK(value != NULL && value->len == origin->len + text->len);
    FUZZ_CHECK(memcmp(value->data, origin->data, origin->len) == 0);

    rest.data = value->data + origin->len;
    rest.len = value->len - origin->len;

    FUZZ_CHECK(fuzz_equal(&rest, text));
}
