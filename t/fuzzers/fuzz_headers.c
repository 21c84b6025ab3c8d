
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * An answer of Wix as libcurl hands it over: header lines, and a body in
 * pieces.  What is kept of it is bounded and safe to log.
 *
 * Input: header lines, an empty line, and the body, whose lines are pieces.
 */


/* the callbacks are the room's own */
#include "ngx_http_wix_auth_curl_fetch.c"

#include "fuzz.h"


#define FUZZ_MAX_LEN  32768


static void kept(ngx_http_wix_auth_fetch_t *f);


void
ngx_http_wix_auth_fetch_wipe(ngx_str_t *text)
{
    if (text->len) {
        memset(text->data, 0, text->len);
        text->len = 0;
    }
}


void
fuzz_one(fuzz_t *f)
{
    size_t                               n, total;
    ngx_str_t                            line, all;
    ngx_http_wix_auth_fetch_transfer_t   t;

    memset(&t, 0, sizeof(ngx_http_wix_auth_fetch_transfer_t));

    t.fetch.pool = f->pool;
    t.fetch.retry_after = -1;

    total = 0;

    while (f->pos < f->last) {
        line = fuzz_line(f);

        if (line.len == 0) {
            break;
        }

        n = ngx_http_wix_auth_fetch_header_callback((char *) line.data, 1,
                                                    line.len, &t);
        total += line.len;

        FUZZ_CHECK(n == line.len || (n == 0 && (t.too_large || f->starved)));
        FUZZ_CHECK(t.received == total);

        kept(&t.fetch);

        if (n == 0) {
            FUZZ_CHECK(f->starved || total > 32768);
            break;
        }
    }

    /* the pieces of a body are joined */

    all = fuzz_copy(f, f->pos, f->last - f->pos);
    total = 0;

    while (f->pos < f->last) {
        line = fuzz_line(f);

        n = ngx_http_wix_auth_fetch_body_callback((char *) line.data, 1,
                                                  line.len, &t);

        FUZZ_CHECK(n == line.len || (n == 0 && f->starved));

        if (n == 0 && line.len) {
            break;
        }

        memmove(all.data + total, line.data, line.len);
        total += line.len;

        FUZZ_CHECK(t.answer.len == total && total <= t.size);
    }

    FUZZ_CHECK(t.answer.len <= NGX_HTTP_WIX_AUTH_FETCH_BODY);
    FUZZ_CHECK(t.answer.len == 0
               || memcmp(t.answer.data, all.data, t.answer.len) == 0);

    free(t.answer.data);
}


static void
kept(ngx_http_wix_auth_fetch_t *f)
{
    size_t  i;

    FUZZ_CHECK(f->retry_after >= -1 && f->retry_after <= 3600);

    FUZZ_CHECK(f->request_id.len <= 128);

    for (i = 0; i < f->request_id.len; i++) {
        FUZZ_CHECK(isalnum(f->request_id.data[i])
                   || strchr("._:-", f->request_id.data[i]));
    }

    FUZZ_CHECK(f->location.len <= 2048);

    if (f->location.len) {
        FUZZ_CHECK(f->location.data[f->location.len] == '\0');

        for (i = 0; i < f->location.len; i++) {
            FUZZ_CHECK(f->location.data[i] > 0x20
                       && f->location.data[i] != 0x7f);
        }
    }
}
