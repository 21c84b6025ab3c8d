
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "unit.h"


/* fails the first allocation, then the second and so on, until all is well */

static ngx_uint_t
without_memory(ngx_int_t (*call)(void), ngx_int_t *steps)
{
    ngx_int_t  i, rc;

    for (i = 0; i < 1000; i++) {
        stub_allocations = i;
        rc = call();
        stub_allocations = -1;

        if (rc == NGX_OK) {
            *steps = i;
            return 1;
        }

        if (rc != NGX_ERROR) {
            return 0;
        }
    }

    return 0;
}


static ngx_int_t
memory_json(void)
{
    const char                *err;
    ngx_http_wix_auth_json_t  *root;

    static ngx_str_t  s = ngx_string("{\"a\":[1,\"x\\n\",{\"b\":null}],"
                                     "\"c\":2}");

    return ngx_http_wix_auth_json_parse(pool, &s, &root, &err);
}


static ngx_int_t
memory_writer(void)
{
    ngx_str_t                         s;
    ngx_uint_t                        i;
    ngx_http_wix_auth_json_writer_t  *w;

    w = ngx_http_wix_auth_json_begin(pool);
    ngx_http_wix_auth_json_array(w, NULL);

    for (i = 0; i < 1000; i++) {
        ngx_http_wix_auth_json_put_int(w, NULL, (int64_t) i);
    }

    ngx_http_wix_auth_json_end(w);

    return ngx_http_wix_auth_json_finish(w, &s);
}


static ngx_int_t
memory_form(void)
{
    ngx_array_t  *pairs;
    const char   *err;

    static ngx_str_t  s = ngx_string("a=1&b=2&c=3&d=4&e=5");

    return ngx_http_wix_auth_form_parse(pool, &s, 9, &pairs, &err);
}


static ngx_int_t
memory_url(void)
{
    const char               *err;
    ngx_http_wix_auth_url_t   url;

    return ngx_http_wix_auth_url_parse(pool, &own[1], &url, &err);
}


static ngx_int_t
memory_cookie(void)
{
    ngx_str_t                    header;
    ngx_http_wix_auth_cookie_t   c;

    memset(&c, 0, sizeof(c));
    c.name = own[0];

    return ngx_http_wix_auth_cookie_set(pool, &c, &own[0], 1, &header);
}


static ngx_int_t
memory_seal(void)
{
    ngx_int_t                         rc;
    ngx_str_t                         sealed, plain;
    static ngx_http_wix_auth_ring_t   ring;

    if (ring.nkeys == 0) {
        ngx_http_wix_auth_ring_add(&ring, (u_char *)
                                   "0123456789abcdef0123456789abcdef", 32);
    }

    rc = ngx_http_wix_auth_seal(&ring, 0, NULL, &own[0], pool, &sealed);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_wix_auth_open(&ring, 0, NULL, &sealed, pool, &plain);
}


void
test_memory(void)
{
    size_t     i;
    ngx_int_t  steps;

    static struct {
        const char  *name;
        ngx_int_t  (*call)(void);
    } t[] = {
        { "json reader", memory_json }, { "json writer", memory_writer },
        { "form", memory_form }, { "url", memory_url },
        { "cookie", memory_cookie }, { "seal", memory_seal }
    };

    for (i = 0; i < nelems(t); i++) {
        steps = 0;
        ok(without_memory(t[i].call, &steps) && steps > 0,
           "no memory: %s fails cleanly at each of its allocations",
           t[i].name);
    }
}
