
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * The JSON body of an endpoint, with what its headers say about it: pairs of
 * text, a profile that is judged, or faults that can be shown.
 *
 * Input: Content-Type; Accept; the body.
 */


#include "member.h"

#include "ngx_http_wix_auth_input.h"
#include "ngx_http_wix_auth_registration.h"


#define FUZZ_MAX_LEN  16384


static void body(fuzz_t *f, ngx_http_request_t *r, ngx_str_t *text,
    ngx_uint_t with_profile);
static void profiled(fuzz_t *f, ngx_http_wix_auth_json_t *profile);


void
fuzz_one(fuzz_t *f)
{
    ngx_str_t           text;
    ngx_uint_t          type;
    ngx_table_elt_t     headers[2];
    ngx_http_request_t  r;

    memset(&r, 0, sizeof(ngx_http_request_t));
    memset(headers, 0, sizeof(headers));

    r.pool = f->pool;

    headers[0].key = fuzz_str("Content-Type");
    headers[0].value = fuzz_line(f);
    headers[1].key = fuzz_str("ACCEPT");
    headers[1].value = fuzz_line(f);

    r.headers_in.content_type = &headers[0];
    r.headers_in.headers.part.elts = headers;
    r.headers_in.headers.part.nelts = 2;

    type = ngx_http_wix_auth_input_type(&r);

    FUZZ_CHECK(type == NGX_HTTP_WIX_AUTH_TYPE_FORM
               || type == NGX_HTTP_WIX_AUTH_TYPE_JSON
               || type == NGX_HTTP_WIX_AUTH_TYPE_OTHER);
    FUZZ_CHECK(type == NGX_HTTP_WIX_AUTH_TYPE_OTHER
               || headers[0].value.len >= 16);

    /* who does not name it does not want it */

    text = fuzz_copy0(f, headers[1].value.data, headers[1].value.len);

    FUZZ_CHECK(!ngx_http_wix_auth_input_wants_json(&r)
               || strcasestr((char *) text.data, "application/")
               || strstr((char *) text.data, "*/*")
               || memchr(text.data, '\0', text.len));

    text = fuzz_rest(f);

    if (text.len > NGX_HTTP_WIX_AUTH_BODY_MAX) {
        return;
    }

    body(f, &r, &text, 0);
    body(f, &r, &text, 1);
}


static void
body(fuzz_t *f, ngx_http_request_t *r, ngx_str_t *text,
    ngx_uint_t with_profile)
{
    ngx_int_t                  rc;
    ngx_uint_t                 i;
    ngx_array_t               *pairs, *fields;
    ngx_http_wix_auth_json_t  *profile;
    ngx_http_wix_auth_pair_t  *pair;

    profile = NULL;
    fields = NULL;
    pairs = NULL;

    rc = ngx_http_wix_auth_input_parse(r, NGX_HTTP_WIX_AUTH_TYPE_JSON, text,
                                       &pairs, with_profile ? &profile : NULL,
                                       &fields);

    FUZZ_CHECK(rc == NGX_OK || rc == NGX_DECLINED || f->starved);

    FUZZ_CHECK(fields == NULL || rc != NGX_OK);

    if (fields && rc == NGX_DECLINED) {
        member_faults(fields, 16, 64);
    }

    if (rc != NGX_OK) {
        return;
    }

    pair = pairs->elts;

    for (i = 0; i < pairs->nelts; i++) {
        FUZZ_CHECK(memchr(pair[i].value.data, '\0', pair[i].value.len)
                   == NULL);
        FUZZ_CHECK(pair[i].value.data[pair[i].value.len] == '\0');
        FUZZ_CHECK(fuzz_utf8(&pair[i].name) && fuzz_utf8(&pair[i].value));
        FUZZ_CHECK(!(with_profile && fuzz_is(&pair[i].name, "profile")));
    }

    if (profile) {
        profiled(f, profile);
    }
}


static void
profiled(fuzz_t *f, ngx_http_wix_auth_json_t *profile)
{
    ngx_int_t                  rc;
    ngx_array_t               *fields;
    ngx_http_wix_auth_json_t  *tree;

    fields = ngx_array_create(f->pool, 4, sizeof(ngx_http_wix_auth_pair_t));
    if (fields == NULL) {
        return;
    }

    rc = ngx_http_wix_auth_registration_json(f->pool, profile, fields, &tree);

    member_faults(fields, 50, 256);

    if (rc != NGX_OK) {
        FUZZ_CHECK(tree == NULL);
        FUZZ_CHECK(rc == NGX_ERROR ? f->starved : fields->nelts > 0);
        return;
    }

    FUZZ_CHECK(fields->nelts == 0);

    if (tree) {
        member_accepted(f, tree);
    }
}
