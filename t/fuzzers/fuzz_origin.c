
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * Where a post comes from: what we take for our own does come from us, or
 * from an origin that is allowed.
 *
 * Input: the values of Sec-Fetch-Site, Origin, Referer and Host, "-" for none;
 * a line that says whether it is TLS, and whether the body is JSON.
 */


#include "whatwg.h"

#include "ngx_http_wix_auth_input.h"


#define FUZZ_MAX_LEN  2048


static ngx_str_t  allowed[] = {
    ngx_string("https://app.example.com:8443"),
    ngx_string("http://localhost:3000")
};

#define ALLOWED  (sizeof(allowed) / sizeof(allowed[0]))


static ngx_table_elt_t *header(fuzz_t *f, ngx_table_elt_t *headers,
    ngx_uint_t *n, const char *name);
static ngx_uint_t listed(ngx_str_t *origin);
static ngx_uint_t own(ngx_str_t *text, ngx_str_t *base, ngx_table_elt_t *host,
    ngx_uint_t tls);
static ngx_uint_t same(whatwg_t *a, whatwg_t *b);


void
fuzz_one(fuzz_t *f)
{
    ngx_str_t                  flags, url;
    ngx_uint_t                 n, tls, type, ours;
    ngx_array_t                origins;
    ngx_connection_t           c;
    ngx_table_elt_t            headers[4], *site, *origin, *referer, *host;
    ngx_http_request_t         r;
    ngx_http_wix_auth_conf_t   conf;
    ngx_http_wix_auth_site_t   s;

    memset(&r, 0, sizeof(ngx_http_request_t));
    memset(&c, 0, sizeof(ngx_connection_t));
    memset(&conf, 0, sizeof(ngx_http_wix_auth_conf_t));
    memset(&s, 0, sizeof(ngx_http_wix_auth_site_t));
    memset(headers, 0, sizeof(headers));

    n = 0;

    site = header(f, headers, &n, "Sec-Fetch-Site");
    origin = header(f, headers, &n, "Origin");
    referer = header(f, headers, &n, "Referer");
    host = header(f, headers, &n, "Host");

    flags = fuzz_line(f);
    tls = fuzz_contains(&flags, &fuzz_str("tls"));
    type = fuzz_contains(&flags, &fuzz_str("json"))
           ? NGX_HTTP_WIX_AUTH_TYPE_JSON : NGX_HTTP_WIX_AUTH_TYPE_FORM;

    r.pool = f->pool;
    r.connection = &c;
    r.headers_in.host = host;
    r.headers_in.headers.part.elts = headers;
    r.headers_in.headers.part.nelts = n;

#if (NGX_HTTP_SSL)
    c.ssl = tls ? (void *) &c : NULL;
#else
    tls = 0;
#endif

    memset(&origins, 0, sizeof(ngx_array_t));
    origins.elts = allowed;
    origins.nelts = ALLOWED;
    conf.origins = &origins;

    s.base = fuzz_str("https://shop.example.com");

    if (ngx_http_wix_auth_input_cross_site(&r, &conf, &s, type)) {

        /* who is listed may always */

        FUZZ_CHECK(origin == NULL || !listed(&origin->value));
        return;
    }

    if (site) {
        ours = fuzz_is(&site->value, "same-origin")
               || fuzz_is(&site->value, "none")
               || (origin && listed(&origin->value));

    } else if (origin) {
        ours = listed(&origin->value)
               || own(&origin->value, &s.base, host, tls);

    } else if (referer) {
        url = referer->value;
        ours = own(&url, &s.base, host, tls);

        for (n = 0; n < ALLOWED && !ours; n++) {
            ours = own(&url, &allowed[n], NULL, 0);
        }

    } else {
        ours = (type == NGX_HTTP_WIX_AUTH_TYPE_JSON);
    }

    FUZZ_CHECK(ours);
}


static ngx_table_elt_t *
header(fuzz_t *f, ngx_table_elt_t *headers, ngx_uint_t *n, const char *name)
{
    ngx_str_t         value;
    ngx_table_elt_t  *h;

    value = fuzz_line(f);

    if (fuzz_is(&value, "-")) {
        return NULL;
    }

    h = &headers[(*n)++];

    h->key.data = (u_char *) name;
    h->key.len = strlen(name);
    h->value = value;

    return h;
}


static ngx_uint_t
listed(ngx_str_t *origin)
{
    ngx_uint_t  i;

    for (i = 0; i < ALLOWED; i++) {
        if (fuzz_equal(origin, &allowed[i])) {
            return 1;
        }
    }

    return 0;
}


/* for a browser, text is at base, or at the host that it asked */

static ngx_uint_t
own(ngx_str_t *text, ngx_str_t *base, ngx_table_elt_t *host, ngx_uint_t tls)
{
    char       buf[4096];
    whatwg_t   to, ours;
    ngx_str_t  url;

    whatwg_resolve(text, "https", &to);

    if (to.kind != WHATWG_THERE || to.user) {
        return 0;
    }

    whatwg_resolve(base, "https", &ours);

    if (same(&to, &ours)) {
        return 1;
    }

    if (host == NULL || host->value.len == 0 || host->value.len > 4000) {
        return 0;
    }

    url.data = (u_char *) buf;
    url.len = snprintf(buf, sizeof(buf), "http%s://", tls ? "s" : "");
    memcpy(buf + url.len, host->value.data, host->value.len);
    url.len += host->value.len;

    whatwg_resolve(&url, "https", &ours);

    return same(&to, &ours);
}


static ngx_uint_t
same(whatwg_t *a, whatwg_t *b)
{
    return a->kind == WHATWG_THERE && b->kind == WHATWG_THERE
           && !a->user && !b->user && a->port == b->port
           && strcmp(a->scheme, b->scheme) == 0
           && strcmp(a->host, b->host) == 0;
}
