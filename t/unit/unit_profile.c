
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "unit.h"


static ngx_uint_t cleans(const char *data, size_t len, size_t max,
    const char *expected);
static ngx_uint_t holds(ngx_str_t *packed, ngx_str_t *fields);
static ngx_str_t filled(size_t len, int ch);


void
test_profile_clean(void)
{
    ok(cleans("Ann", 3, 3, "Ann"), "profile: as it is");
    ok(cleans("", 0, 0, "") && cleans("   ", 3, 9, ""), "profile: nothing");
    ok(cleans("abcd", 4, 3, ""), "profile: too long becomes empty");
    ok(cleans("  Ann Lee \t", 11, 64, "Ann Lee"), "profile: ends are trimmed");
    ok(cleans("a\r\nX-Evil: 1", 12, 64, "a  X-Evil: 1"),
       "profile: line ends become spaces");
    ok(cleans("a\0b\x7f" "c\x1f", 6, 64, "a b c"),
       "profile: control characters become spaces");
    ok(cleans("J\xc3\xbcrgen \xf0\x9f\x98\x80", 12, 64,
              "J\xc3\xbcrgen \xf0\x9f\x98\x80"), "profile: UTF-8 stays");
    ok(cleans("a\xc2\x85" "b\xc2\xa0" "c", 7, 64, "a  b\xc2\xa0" "c"),
       "profile: U+0085 goes, U+00A0 stays");
    ok(cleans("a\xc2", 2, 64, "a\xc2"), "profile: half a character at the end");
}


void
test_profile_pack(void)
{
    size_t      i;
    ngx_str_t   packed, value, fields[NGX_HTTP_WIX_AUTH_PROFILE_FIELDS];

    ngx_memzero(fields, sizeof(fields));

    ok(ngx_http_wix_auth_profile_pack(pool, fields, &packed) == NGX_OK
       && packed.len > 0 && holds(&packed, fields), "profile: an empty one");

    for (i = 0; i < NGX_HTTP_WIX_AUTH_PROFILE_FIELDS; i++) {
        fields[i] = filled(i * 37, 'a' + i);
    }

    ok(ngx_http_wix_auth_profile_pack(pool, fields, &packed) == NGX_OK
       && holds(&packed, fields), "profile: fields come back");

    ngx_http_wix_auth_profile_get(&packed, NGX_HTTP_WIX_AUTH_PROFILE_FIELDS,
                                  &value);
    ok(value.len == 0, "profile: no such field");

    fields[NGX_HTTP_WIX_AUTH_PROFILE_PICTURE]
        = filled(NGX_HTTP_WIX_AUTH_PROFILE_MAX, 'p');

    ok(ngx_http_wix_auth_profile_pack(pool, fields, &packed) == NGX_OK
       && packed.len <= NGX_HTTP_WIX_AUTH_PROFILE_MAX, "profile: too long");
    ngx_str_null(&fields[NGX_HTTP_WIX_AUTH_PROFILE_PICTURE]);
    ok(holds(&packed, fields), "profile: the picture goes first");

    fields[NGX_HTTP_WIX_AUTH_PROFILE_NICKNAME] = filled(2000, 'n');
    fields[NGX_HTTP_WIX_AUTH_PROFILE_FIRST_NAME] = filled(2000, 'f');
    fields[NGX_HTTP_WIX_AUTH_PROFILE_PICTURE] = filled(2000, 'p');

    ok(ngx_http_wix_auth_profile_pack(pool, fields, &packed) == NGX_OK,
       "profile: names are too long as well");
    ngx_str_null(&fields[NGX_HTTP_WIX_AUTH_PROFILE_PICTURE]);
    ngx_str_null(&fields[NGX_HTTP_WIX_AUTH_PROFILE_NICKNAME]);
    ok(holds(&packed, fields), "profile: then a name, and no more than that");

    for (i = 0; i < NGX_HTTP_WIX_AUTH_PROFILE_FIELDS; i++) {
        fields[i] = filled(70000, 'x');
    }

    ok(ngx_http_wix_auth_profile_pack(pool, fields, &packed) == NGX_OK
       && packed.len <= NGX_HTTP_WIX_AUTH_PROFILE_MAX,
       "profile: every field is too long");
    ngx_memzero(fields, sizeof(fields));
    ok(holds(&packed, fields), "profile: then there are none");

    stub_allocations = 0;
    ok(ngx_http_wix_auth_profile_pack(pool, fields, &packed) == NGX_ERROR
       && packed.len == 0, "profile: no memory");
    stub_allocations = -1;
}


/* whatever is there instead of a profile: no byte beyond it is read */

void
test_profile_hostile(void)
{
    size_t       i, j, bad;
    ngx_str_t    packed, cut, value, fields[NGX_HTTP_WIX_AUTH_PROFILE_FIELDS];
    ngx_uint_t   field;

    for (i = 0; i < NGX_HTTP_WIX_AUTH_PROFILE_FIELDS; i++) {
        fields[i] = filled(5, 'a' + i);
    }

    if (ngx_http_wix_auth_profile_pack(pool, fields, &packed) != NGX_OK) {
        ok(0, "profile: packed");
        return;
    }

    bad = 0;

    for (i = 0; i < packed.len; i++) {
        cut = bytes((char *) packed.data, i);

        for (field = 0; field < NGX_HTTP_WIX_AUTH_PROFILE_FIELDS; field++) {
            ngx_http_wix_auth_profile_get(&cut, field, &value);
            bad += (value.len != 0);
        }
    }

    ok(bad == 0, "profile: every truncated one is none");

    cut = filled(packed.len + 1, 0);
    ngx_memcpy(cut.data, packed.data, packed.len);
    ngx_http_wix_auth_profile_get(&cut, 0, &value);
    ok(value.len == 0, "profile: one byte more is none");

    bad = 0;

    for (i = 0; i < packed.len; i++) {
        for (j = 0; j < 256; j++) {
            cut = bytes((char *) packed.data, packed.len);
            cut.data[i] = (u_char) j;

            for (field = 0; field < NGX_HTTP_WIX_AUTH_PROFILE_FIELDS; field++)
            {
                ngx_http_wix_auth_profile_get(&cut, field, &value);

                bad += (value.len
                        && (value.data < cut.data
                            || value.data + value.len
                               > cut.data + cut.len));
            }
        }
    }

    ok(bad == 0, "profile: no value outside of a spoilt one");

    for (j = 0; j < 256; j++) {
        cut = filled(64, (int) j);
        ngx_http_wix_auth_profile_get(&cut, 0, &value);
        bad += (value.len != 0);
    }

    ok(bad == 0, "profile: 64 equal bytes are none");
}


static ngx_uint_t
cleans(const char *data, size_t len, size_t max, const char *expected)
{
    ngx_str_t  s;

    s = bytes(data, len);
    ngx_http_wix_auth_profile_clean(&s, max);

    return same(&s, expected);
}


static ngx_uint_t
holds(ngx_str_t *packed, ngx_str_t *fields)
{
    ngx_str_t   value;
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_WIX_AUTH_PROFILE_FIELDS; i++) {
        ngx_http_wix_auth_profile_get(packed, i, &value);

        if (value.len != fields[i].len
            || (value.len && memcmp(value.data, fields[i].data, value.len)))
        {
            return 0;
        }
    }

    return 1;
}


static ngx_str_t
filled(size_t len, int ch)
{
    ngx_str_t  s;

    s.len = len;
    s.data = ngx_palloc(pool, len);

    if (len) {
        memset(s.data, ch, len);
    }

    return s;
}
