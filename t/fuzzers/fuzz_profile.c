
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * The packed profile: what goes in comes out, what is too much is left out
 * whole, and of arbitrary bytes nothing comes out that is not in them.
 *
 * Input: a line for each field; the rest is taken as a packed profile.
 */


#include "fuzz.h"

#include "ngx_http_wix_auth_profile.h"


#define FUZZ_MAX_LEN  8192

#define FIELDS  NGX_HTTP_WIX_AUTH_PROFILE_FIELDS


static void clean(fuzz_t *f, ngx_str_t *text, size_t max);
static void pack(fuzz_t *f, ngx_str_t *fields);
static void foreign(ngx_str_t *packed);


void
fuzz_one(fuzz_t *f)
{
    ngx_str_t   fields[FIELDS], packed;
    ngx_uint_t  i;

    for (i = 0; i < FIELDS; i++) {
        fields[i] = fuzz_line(f);
        clean(f, &fields[i], 2048);
    }

    pack(f, fields);

    packed = fuzz_rest(f);
    foreign(&packed);
}


static void
clean(fuzz_t *f, ngx_str_t *text, size_t max)
{
    size_t      i;
    ngx_str_t   before, twice;
    ngx_uint_t  utf8;

    before = *text;
    utf8 = fuzz_utf8(text);

    ngx_http_wix_auth_profile_clean(text, max);

    if (text->len == 0) {
        return;
    }

    FUZZ_CHECK(text->len <= max);
    FUZZ_CHECK(text->data >= before.data
               && text->data + text->len <= before.data + before.len);
    FUZZ_CHECK(fuzz_clean(text));
    FUZZ_CHECK(!utf8 || fuzz_utf8(text));
    FUZZ_CHECK(*text->data != ' ' && text->data[text->len - 1] != ' ');

    for (i = 0; utf8 && i + 1 < text->len; i++) {
        FUZZ_CHECK(text->data[i] != 0xc2 || text->data[i + 1] >= 0xa0);
    }

    twice = fuzz_copy(f, text->data, text->len);
    ngx_http_wix_auth_profile_clean(&twice, max);

    FUZZ_CHECK(fuzz_equal(text, &twice));
}


static void
pack(fuzz_t *f, ngx_str_t *fields)
{
    size_t      len;
    ngx_str_t   packed, value;
    ngx_uint_t  i, dropped;

    if (ngx_http_wix_auth_profile_pack(f->pool, fields, &packed) != NGX_OK) {
        FUZZ_CHECK(f->starved);
        return;
    }

    FUZZ_CHECK(packed.len > 0
               && packed.len <= NGX_HTTP_WIX_AUTH_PROFILE_MAX);

    len = 1 + 2 * FIELDS;
    dropped = 0;

    for (i = 0; i < FIELDS; i++) {
        ngx_http_wix_auth_profile_get(&packed, i, &value);

        len += fields[i].len;

        if (value.len == 0 && fields[i].len) {
            dropped = 1;
            continue;
        }

        FUZZ_CHECK(fuzz_equal(&fields[i], &value));
    }

    FUZZ_CHECK(dropped == (len > NGX_HTTP_WIX_AUTH_PROFILE_MAX));

    ngx_http_wix_auth_profile_get(&packed, FIELDS, &value);
    FUZZ_CHECK(value.len == 0);

    /* a byte less or more, and it is no profile */

    packed.len--;

    for (i = 0; i < FIELDS; i++) {
        ngx_http_wix_auth_profile_get(&packed, i, &value);
        FUZZ_CHECK(value.len == 0);
    }
}


static void
foreign(ngx_str_t *packed)
{
    ngx_str_t   value;
    ngx_uint_t  i;

    for (i = 0; i <= FIELDS; i++) {
        ngx_http_wix_auth_profile_get(packed, i, &value);

        FUZZ_CHECK(value.len == 0
                   || (value.data > packed->data
                       && value.data + value.len
                          <= packed->data + packed->len));
    }
}
