
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "unit.h"


void
test_cookie_find(void)
{
    char        got[128], *p;
    size_t      i;
    ngx_str_t   h, name, v[3];
    ngx_uint_t  n, j;

    static struct {
        const char  *in;
        const char  *out;
    } t[] = {
        { "", "" }, { "s", "" }, { "s=", "|" }, { "s=1", "1|" },
        { "a=b; s=1; c=d", "1|" }, { "a=b;s=1;c=d", "1|" },
        { "s=1;", "1|" }, { ";s=1", "1|" }, { ";;;", "" },
        { "; ; s=1 ; ", "1|" },
        { "\t s=1\t;x", "1|" }, { "s=1; s=2", "1|2|" },
        { "s=1; s=2; s=3; s=4", "1|2|3|" }, { "S=1", "" }, { "ss=1", "" },
        { "as=1", "" }, { "s1=1", "" }, { "s =1", "" }, { "s= 1", "1|" },
        { "s==1", "=1|" }, { "s=a=b", "a=b|" }, { "s=\"1\"", "\"1\"|" },
        { "a=\"x; s=1\"", "1\"|" }, { "a=s=1", "" }, { "=s=1", "" },
        { "a=b, s=1", "" }, { "s;s=1", "1|" }, { "s; =1", "" },
        { "s=;s=", "||" },
        { "$s=1", "" }, { "s\t=1", "" }, { "a=1;  s", "" }
    };

    for (i = 0; i < nelems(t); i++) {
        h = text(t[i].in);
        name = text("s");
        n = ngx_http_wix_auth_cookie_find(&h, &name, v, 0, 3);

        for (p = got, got[0] = '\0', j = 0; j < n; j++) {
            p += sprintf(p, "%.*s|", (int) v[j].len, v[j].data);
        }

        ok(strcmp(got, t[i].out) == 0, "cookie: find in <%s>", t[i].in);
    }

    h = text("__Host-wix_auth=x; __HOST-wix_auth=y; __Host-wix_auth_b=z");
    name = text("__Host-wix_auth");
    n = ngx_http_wix_auth_cookie_find(&h, &name, v, 1, 3);
    ok(n == 2 && same(&v[1], "x"), "cookie: appended, name with case");
    ok(ngx_http_wix_auth_cookie_find(&h, &name, v, 3, 3) == 3,
       "cookie: no place left");

    ngx_str_null(&name);
    ok(ngx_http_wix_auth_cookie_find(&h, &name, v, 0, 3) == 0,
       "cookie: no name");
}


void
test_cookie_cut(void)
{
    size_t     i, len;
    ngx_str_t  h, out, names[2];

    static struct {
        const char  *in;
        const char  *out;
    } t[] = {
        { "", "" }, { "a=b", "a=b" }, { "s=1", "" }, { "s=1; r=2", "" },
        { "a=b; s=1", "a=b" }, { "s=1; a=b", "a=b" },
        { "a=b; s=1; c=d", "a=b; c=d" }, { "a=b;s=1;c=d", "a=b;c=d" },
        { "w=1;a;b;c;d;e;f;g", "w=1;a;b;c;d;e;f;g" },
        { "s=1;a;b;c; d;e", "a;b;c; d;e" }, { ";; a ;; ", "a" }, { " ; ", "" },
        { "s =1; a", "a" }, { "s\t= 1; a", "a" }, { "S=1; ss=2", "S=1; ss=2" },
        { "s", "s" }, { "s=1; s=2; x=3; r=; y", "x=3; y" },
        { "x=s=1", "x=s=1" }, { "a=\"q; s=1\"; b", "a=\"q; b" },
        { "a=1;\ts=2;\tb=3", "a=1; b=3" }, { "a =  b ; s=1", "a =  b" }
    };

    for (i = 0; i < nelems(t); i++) {
        h = text(t[i].in);
        names[0] = text("s");
        names[1] = text("r");
        out.data = ngx_palloc(pool, h.len);
        out.len = ngx_http_wix_auth_cookie_cut(out.data, &h, names, 2);
        len = ngx_http_wix_auth_cookie_cut(h.data, &h, names, 2);
        ok(same(&out, t[i].out) && len == out.len
           && memcmp(h.data, out.data, len) == 0,
           "cookie: cut from <%s>, also in place", t[i].in);
    }

    h = text(" a=b ;c");
    out.data = ngx_palloc(pool, h.len);
    out.len = ngx_http_wix_auth_cookie_cut(out.data, &h, NULL, 0);
    ok(same(&out, "a=b;c"), "cookie: cut nothing");
}


void
test_cookie_set(void)
{
    size_t                       i;
    ngx_int_t                    rc;
    ngx_str_t                    header, value;
    ngx_http_wix_auth_cookie_t   c;

    static const char  *bad[] = { "a;b", "a\r\nb", "a\n", "\x7f", "\t" };

    memset(&c, 0, sizeof(c));
    c.name = text("__Host-wix_auth");
    c.path = text("/");
    c.secure = 1;
    value = text("abc");

    ok(ngx_http_wix_auth_cookie_set(pool, &c, &value, 86400, &header) == NGX_OK
       && same(&header, "__Host-wix_auth=abc; Path=/; Max-Age=86400; "
                        "HttpOnly; Secure; SameSite=Lax"), "cookie: set");
    ok(ngx_http_wix_auth_cookie_set(pool, &c, &value, -1, &header) == NGX_OK
       && same(&header, "__Host-wix_auth=abc; Path=/; HttpOnly; Secure; "
                        "SameSite=Lax"), "cookie: set without Max-Age");

    c.session = 1;
    ok(ngx_http_wix_auth_cookie_set(pool, &c, &value, 9, &header) == NGX_OK
       && same(&header, "__Host-wix_auth=abc; Path=/; HttpOnly; Secure; "
                        "SameSite=Lax"), "cookie: set for the session");

    ngx_str_null(&value);
    ok(ngx_http_wix_auth_cookie_set(pool, &c, &value, 0, &header) == NGX_OK
       && same(&header, "__Host-wix_auth=; Path=/; Max-Age=0; HttpOnly; "
                        "Secure; SameSite=Lax"),
       "cookie: clear, also such a one");

    c.name = text("w");
    c.domain = text("example.com");
    c.path = text("/_wix/");
    c.secure = 0;
    c.session = 0;
    c.samesite_none = 1;
    c.partitioned = 1;
    value = text("v");
    ok(ngx_http_wix_auth_cookie_set(pool, &c, &value, INT64_MAX, &header)
       == NGX_OK
       && same(&header, "w=v; Domain=example.com; Path=/_wix/; "
                        "Max-Age=9223372036854775807; HttpOnly; "
                        "SameSite=None; Partitioned"),
       "cookie: all attributes");

    for (i = 0; i < nelems(bad); i++) {
        value = text(bad[i]);
        rc = ngx_http_wix_auth_cookie_set(pool, &c, &value, 1, &header);
        ok(rc == NGX_ERROR && header.len == 0, "cookie: not <%s>", bad[i]);
    }
}
