
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * The Authorization header of a stranger: whatever gets as far as a call to
 * Wix is printable, and claims to be a living token of a member of ours.
 *
 * Input: the header.  A line that begins with "{" is made into the payload of
 * a token first.
 */


/* to look into a token without a zone and a call */
#include "ngx_http_wix_auth_bearer.c"

#include "fuzz.h"


#define FUZZ_MAX_LEN  12288


static ngx_str_t dressed(fuzz_t *f, ngx_str_t *payload);
static void claims(fuzz_t *f, ngx_str_t *token, time_t expires);


void
fuzz_one(fuzz_t *f)
{
    u_char              client[16];
    time_t              expires;
    ngx_int_t           rc;
    ngx_str_t           token, value;
    ngx_table_elt_t     h;
    ngx_http_request_t  r;

    memset(&r, 0, sizeof(ngx_http_request_t));
    memset(&h, 0, sizeof(ngx_table_elt_t));

    value = fuzz_rest(f);

    if (value.len && value.data[0] == '{') {
        value = dressed(f, &value);
    }

    h.value = value;
    r.headers_in.authorization = &h;
    r.pool = f->pool;

    if (!ngx_http_wix_auth_bearer_present(&r, &token)) {
        FUZZ_CHECK(value.len < 8 || memcmp(value.data, "OauthNG.", 8) != 0);
        FUZZ_CHECK(value.len < 7
                   || strncasecmp((char *) value.data, "bearer ", 7) != 0);
        return;
    }

    FUZZ_CHECK(token.len > 0 && token.data >= value.data);
    FUZZ_CHECK(token.data + token.len == value.data + value.len);

    if (!ngx_http_wix_auth_bearer_plausible(&token)) {
        FUZZ_CHECK(token.len > NGX_HTTP_WIX_AUTH_BEARER_MAX
                   || !fuzz_printable(&token, 0));
        return;
    }

    memset(client, 0xab, 16);
    expires = 0;

    rc = ngx_http_wix_auth_bearer_decode(&fuzz_log, &token, client, &expires);

    FUZZ_CHECK(rc == NGX_OK || rc == NGX_DECLINED || f->starved);

    if (rc == NGX_OK) {
        FUZZ_CHECK(token.len <= NGX_HTTP_WIX_AUTH_BEARER_MAX
                   && fuzz_printable(&token, 0));
        FUZZ_CHECK(expires > ngx_time() && expires <= 253402300799);
        claims(f, &token, expires);
    }
}


static ngx_str_t
dressed(fuzz_t *f, ngx_str_t *payload)
{
    u_char     *p;
    size_t      len;
    ngx_str_t   value;

    len = sizeof("OauthNG.JWS.e30..c2ln") - 1
          + NGX_HTTP_WIX_AUTH_B64_LEN(payload->len);

    p = malloc(len);

    value.data = p;
    p = ngx_cpymem(p, "OauthNG.JWS.e30.", 16);
    p = ngx_http_wix_auth_b64_encode(p, payload->data, payload->len);
    memcpy(p, ".c2ln", 5);

    value = fuzz_copy(f, value.data, len);
    free(p + 5 - len);

    return value;
}


/* the payload, decoded once more, has all of it */

static void
claims(fuzz_t *f, ngx_str_t *token, time_t expires)
{
    u_char     *dot;
    size_t      len;
    ngx_str_t   part, text;

    part = *token;

    if (part.len > 12 && memcmp(part.data, "OauthNG.JWS.", 12) == 0) {
        part.data += 12;
        part.len -= 12;
    }

    dot = memchr(part.data, '.', part.len);
    FUZZ_CHECK(dot != NULL);

    part.len -= dot + 1 - part.data;
    part.data = dot + 1;

    dot = memchr(part.data, '.', part.len);
    FUZZ_CHECK(dot != NULL);

    part.len = dot - part.data;

    text = fuzz_copy(f, part.data, part.len);

    FUZZ_CHECK(ngx_http_wix_auth_b64_decode(text.data, &len, part.data,
                                            part.len)
               == NGX_OK);
    text.len = len;

    FUZZ_CHECK(fuzz_utf8(&text));
    FUZZ_CHECK(fuzz_contains(&text, &fuzz_str("exp"))
               || fuzz_contains(&text, &fuzz_str("\\u")));
}
