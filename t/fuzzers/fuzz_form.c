
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * A form: decoded as WHATWG's URL standard has it (5.1), or refused.
 *
 * Input: the body.
 */


#include "fuzz.h"

#include "ngx_http_wix_auth_input.h"


static void compare(fuzz_t *f, ngx_str_t *body, ngx_array_t *pairs);
static size_t decode(fuzz_t *f, const u_char *p, const u_char *last,
    ngx_str_t *text);
static void again(fuzz_t *f, ngx_array_t *pairs);


void
fuzz_one(fuzz_t *f)
{
    ngx_int_t                   rc;
    ngx_str_t                   body;
    ngx_array_t                *pairs, *fields;
    ngx_http_request_t          r;
    ngx_http_wix_auth_json_t   *profile;

    body = fuzz_rest(f);

    memset(&r, 0, sizeof(ngx_http_request_t));
    r.pool = f->pool;

    profile = NULL;
    fields = NULL;

    rc = ngx_http_wix_auth_input_parse(&r, NGX_HTTP_WIX_AUTH_TYPE_FORM, &body,
                                       &pairs, &profile, &fields);

    if (rc != NGX_OK) {
        FUZZ_CHECK(rc == NGX_DECLINED || f->starved);
        FUZZ_CHECK(rc == NGX_ERROR || pairs == NULL);
        return;
    }

    FUZZ_CHECK(profile == NULL && fields == NULL);

    compare(f, &body, pairs);

    if (!f->starved) {
        again(f, pairs);
    }
}


/* with a decoder that is slow and simple */

static void
compare(fuzz_t *f, ngx_str_t *body, ngx_array_t *pairs)
{
    char                       name[64];
    ngx_str_t                  expected, *value;
    ngx_uint_t                 n, k;
    const u_char              *p, *end, *last, *equal;
    ngx_http_wix_auth_pair_t  *pair;

    FUZZ_CHECK(pairs->nelts <= NGX_HTTP_WIX_AUTH_FIELDS_MAX);

    pair = pairs->elts;
    n = 0;
    last = body->data + body->len;

    for (p = body->data; p < last; p = end + 1) {

        for (end = p; end < last && *end != '&'; end++) { /* void */ }

        if (end == p) {
            continue;
        }

        FUZZ_CHECK(n < pairs->nelts);

        for (equal = p; equal < end && *equal != '='; equal++) { /* void */ }

        FUZZ_CHECK(decode(f, p, equal, &expected) == 0);
        FUZZ_CHECK(fuzz_equal(&expected, &pair[n].name));
        FUZZ_CHECK(pair[n].name.data[pair[n].name.len] == '\0');

        FUZZ_CHECK(decode(f, equal + (equal < end), end, &expected) == 0);
        FUZZ_CHECK(fuzz_equal(&expected, &pair[n].value));
        FUZZ_CHECK(pair[n].value.data[pair[n].value.len] == '\0');

        for (k = 0; k < n; k++) {
            FUZZ_CHECK(!fuzz_equal(&pair[k].name, &pair[n].name));
        }

        if (pair[n].name.len < sizeof(name)) {
            memcpy(name, pair[n].name.data, pair[n].name.len + 1);

            value = ngx_http_wix_auth_form_get(pairs, name);
            FUZZ_CHECK(value == &pair[n].value);
        }

        n++;

        if (end == last) {
            break;
        }
    }

    FUZZ_CHECK(n == pairs->nelts);
}


/* the number of faults */

static size_t
decode(fuzz_t *f, const u_char *p, const u_char *last, ngx_str_t *text)
{
    size_t       faults;
    u_char      *d;
    const char  *hex, *high, *low;

    hex = "0123456789abcdefABCDEF";
    faults = 0;

    *text = fuzz_copy(f, p, last - p);
    d = text->data;

    for ( /* void */ ; p < last; p++) {
        *d = (*p == '+') ? ' ' : *p;

        if (*p == '%') {
            high = (last - p > 2 && p[1]) ? strchr(hex, p[1]) : NULL;
            low = (last - p > 2 && p[2]) ? strchr(hex, p[2]) : NULL;

            if (high == NULL || low == NULL) {
                faults++;

            } else {
                *d = (u_char) ((high - hex - (high - hex > 15 ? 6 : 0)) * 16
                               + (low - hex - (low - hex > 15 ? 6 : 0)));
                p += 2;
            }
        }

        faults += (*d++ == 0);
    }

    text->len = d - text->data;

    return faults;
}


/* written and read again it is the same */

static void
again(fuzz_t *f, ngx_array_t *pairs)
{
    u_char                    *p;
    ngx_str_t                  body;
    ngx_uint_t                 i;
    const char                *err;
    ngx_array_t               *others;
    ngx_http_wix_auth_pair_t  *pair, *other;

    pair = pairs->elts;
    body.len = 1;

    for (i = 0; i < pairs->nelts; i++) {
        body.len += ngx_http_wix_auth_url_encoded_len(&pair[i].name)
                    + ngx_http_wix_auth_url_encoded_len(&pair[i].value) + 2;
    }

    body.data = malloc(body.len);
    p = body.data;

    for (i = 0; i < pairs->nelts; i++) {
        p = ngx_http_wix_auth_url_encode(p, &pair[i].name);
        *p++ = '=';
        p = ngx_http_wix_auth_url_encode(p, &pair[i].value);
        *p++ = '&';
    }

    body.len = p - body.data;

    FUZZ_CHECK(ngx_http_wix_auth_form_parse(f->pool, &body,
                                            NGX_HTTP_WIX_AUTH_FIELDS_MAX,
                                            &others, &err)
               == NGX_OK);
    FUZZ_CHECK(others->nelts == pairs->nelts);

    other = others->elts;

    for (i = 0; i < pairs->nelts; i++) {
        FUZZ_CHECK(fuzz_equal(&pair[i].name, &other[i].name));
        FUZZ_CHECK(fuzz_equal(&pair[i].value, &other[i].value));
    }

    free(body.data);
}
