
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * URLs: what is accepted has one origin, however it was spelled, and nothing
 * in it that others read in another way.  GUIDs and percent-encoding: there
 * and back.
 *
 * Input: a URL; a line that may be a GUID; bytes to be encoded.
 */


#include "whatwg.h"

#include <arpa/inet.h>

#include "ngx_http_wix_auth_url.h"


static void url(fuzz_t *f, ngx_str_t *text);
static void parts(fuzz_t *f, ngx_str_t *text, ngx_http_wix_auth_url_t *u);
static void again(fuzz_t *f, ngx_http_wix_auth_url_t *u);
static void guid(ngx_str_t *text);
static void encode(fuzz_t *f, ngx_str_t *text);


void
fuzz_one(fuzz_t *f)
{
    ngx_str_t  text;

    text = fuzz_line(f);
    url(f, &text);

    text = fuzz_line(f);
    guid(&text);

    text = fuzz_rest(f);
    encode(f, &text);
}


static void
url(fuzz_t *f, ngx_str_t *text)
{
    ngx_int_t                 rc;
    const char               *err;
    ngx_http_wix_auth_url_t   u;

    rc = ngx_http_wix_auth_url_parse(f->pool, text, &u, &err);

    if (rc != NGX_OK) {
        FUZZ_CHECK(rc == NGX_DECLINED || f->starved);
        FUZZ_CHECK(err != NULL);
        return;
    }

    parts(f, text, &u);

    if (!f->starved) {
        again(f, &u);
    }
}


static void
parts(fuzz_t *f, ngx_str_t *text, ngx_http_wix_auth_url_t *u)
{
    char            host[256];
    size_t          i;
    whatwg_t        to;
    ngx_uint_t      literal;
    struct in_addr  addr;

    FUZZ_CHECK(text->len <= NGX_HTTP_WIX_AUTH_URL_MAX);
    FUZZ_CHECK(fuzz_printable(text, 0));
    FUZZ_CHECK(memchr(text->data, '\\', text->len) == NULL);
    FUZZ_CHECK(memchr(text->data, '#', text->len) == NULL);

    FUZZ_CHECK(fuzz_is(&u->scheme, "http") || fuzz_is(&u->scheme, "https"));
    FUZZ_CHECK(u->port != 0);

    /* a browser reads it alike */

    whatwg_resolve(text, "https", &to);

    FUZZ_CHECK(to.kind == WHATWG_THERE && !to.user && to.port == u->port);
    FUZZ_CHECK(fuzz_is(&u->scheme, to.scheme) && fuzz_is(&u->host, to.host));

    /* the path is the end of the text, and there is nobody before the host */

    FUZZ_CHECK(u->path.data + u->path.len == text->data + text->len);
    FUZZ_CHECK(u->path.len == 0 || *u->path.data == '/'
               || *u->path.data == '?');
    FUZZ_CHECK(memchr(text->data, '@', u->path.data - text->data) == NULL);

    literal = (u->host.len && *u->host.data == '[');

    FUZZ_CHECK(u->host.len >= (literal ? 4 : 1) && u->host.len <= 253);
    FUZZ_CHECK(!literal || (u->ip && u->host.data[u->host.len - 1] == ']'));

    for (i = literal; i < u->host.len - literal; i++) {
        FUZZ_CHECK(strchr(literal ? "0123456789abcdef:."
                          : "0123456789abcdefghijklmnopqrstuvwxyz._-",
                          u->host.data[i])
                   != NULL);
    }

    /* what a resolver would take for an address is one to us, and in the one
       form that all read alike */

    memcpy(host, u->host.data, u->host.len);
    host[u->host.len] = '\0';

    if (inet_aton(host, &addr)) {
        FUZZ_CHECK(u->ip && strcmp(inet_ntoa(addr), host) == 0);
    }

    if (u->loopback) {
        FUZZ_CHECK(fuzz_is(&u->host, "localhost")
                   || fuzz_is(&u->host, "[::1]")
                   || (u->ip && memcmp(u->host.data, "127.", 4) == 0));
    }
}


/* written from its parts, it is the same again; and so is its origin */

static void
again(fuzz_t *f, ngx_http_wix_auth_url_t *u)
{
    char                      buf[4096];
    size_t                    i;
    ngx_str_t                 text;
    const char               *err;
    ngx_http_wix_auth_url_t   v;

    text.data = (u_char *) buf;
    text.len = snprintf(buf, sizeof(buf), "%.*s://%.*s:%u%.*s",
                        (int) u->scheme.len, u->scheme.data,
                        (int) u->host.len, u->host.data, (unsigned) u->port,
                        (int) u->path.len, u->path.data);

    if (text.len <= NGX_HTTP_WIX_AUTH_URL_MAX) {

        /* scheme and host in other letters */

        for (i = 0; i < text.len - u->path.len; i++) {
            if (f->hash >> (i % 64) & 1) {
                buf[i] = (char) ngx_toupper(buf[i]);
            }
        }

        FUZZ_CHECK(ngx_http_wix_auth_url_parse(f->pool, &text, &v, &err)
                   == NGX_OK);
        FUZZ_CHECK(fuzz_equal(&u->scheme, &v.scheme));
        FUZZ_CHECK(fuzz_equal(&u->host, &v.host));
        FUZZ_CHECK(fuzz_equal(&u->path, &v.path));
        FUZZ_CHECK(fuzz_equal(&u->origin, &v.origin));
        FUZZ_CHECK(u->port == v.port && u->ip == v.ip
                   && u->loopback == v.loopback);
    }

    FUZZ_CHECK(ngx_http_wix_auth_url_parse(f->pool, &u->origin, &v, &err)
               == NGX_OK);
    FUZZ_CHECK(fuzz_equal(&u->origin, &v.origin) && v.path.len == 0);
    FUZZ_CHECK(fuzz_equal(&u->host, &v.host) && u->port == v.port);

    text.len = snprintf(buf, sizeof(buf), "%.*s://%.*s:%u",
                        (int) u->scheme.len, u->scheme.data,
                        (int) u->host.len, u->host.data, (unsigned) u->port);

    if (u->port == (u->scheme.len == 5 ? 443 : 80)) {
        text.len = memrchr(buf, ':', text.len) - (void *) buf;
    }

    FUZZ_CHECK(fuzz_equal(&u->origin, &text));
}


static void
guid(ngx_str_t *text)
{
    u_char  id[16], out[36];

    if (ngx_http_wix_auth_guid_parse(text, id) != NGX_OK) {
        return;
    }

    FUZZ_CHECK(text->len == 36);
    FUZZ_CHECK(ngx_http_wix_auth_guid_write(out, id) == out + 36);
    FUZZ_CHECK(strncasecmp((char *) out, (char *) text->data, 36) == 0);
}


static void
encode(fuzz_t *f, ngx_str_t *text)
{
    size_t       len;
    u_char      *end;
    ngx_int_t    rc;
    ngx_str_t    encoded, *value;
    const char  *err;
    ngx_array_t  *pairs;

    len = ngx_http_wix_auth_url_encoded_len(text);

    FUZZ_CHECK(len >= text->len && len <= 3 * text->len);

    encoded.data = malloc(len + 2);
    encoded.len = len + 2;
    memcpy(encoded.data, "x=", 2);

    end = ngx_http_wix_auth_url_encode(encoded.data + 2, text);

    FUZZ_CHECK(end == encoded.data + encoded.len);
    FUZZ_CHECK(fuzz_printable(&encoded, 0));

    rc = ngx_http_wix_auth_form_parse(f->pool, &encoded, 1, &pairs, &err);

    if (rc == NGX_OK) {
        value = ngx_http_wix_auth_form_get(pairs, "x");

        FUZZ_CHECK(value && fuzz_equal(value, text));

    } else {
        FUZZ_CHECK(f->starved || memchr(text->data, '\0', text->len));
    }

    free(encoded.data);
}
