
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_profile.h"


/*
 * A mark, the length of each field in two bytes, then the fields one after
 * the other.
 */

#define NGX_HTTP_WIX_AUTH_PROFILE_MARK  0x01
#define NGX_HTTP_WIX_AUTH_PROFILE_HEAD                                        \
    (1 + 2 * NGX_HTTP_WIX_AUTH_PROFILE_FIELDS)


/* what a profile can be without, first to last */

static ngx_uint_t  ngx_http_wix_auth_profile_order[] = {
    NGX_HTTP_WIX_AUTH_PROFILE_PICTURE,
    NGX_HTTP_WIX_AUTH_PROFILE_NICKNAME,
    NGX_HTTP_WIX_AUTH_PROFILE_FIRST_NAME,
    NGX_HTTP_WIX_AUTH_PROFILE_LAST_NAME,
    NGX_HTTP_WIX_AUTH_PROFILE_SLUG,
    NGX_HTTP_WIX_AUTH_PROFILE_STATUS,
    NGX_HTTP_WIX_AUTH_PROFILE_CONTACT_ID,
    NGX_HTTP_WIX_AUTH_PROFILE_EMAIL_VERIFIED
};


void
ngx_http_wix_auth_profile_clean(ngx_str_t *text, size_t max)
{
    u_char  *p, *last;

    if (text->len == 0 || text->len > max) {
        ngx_str_null(text);
        return;
    }

    last = text->data + text->len;

    for (p = text->data; p < last; p++) {

        if (*p < 0x20 || *p == 0x7f) {
            *p = ' ';

        } else if (*p == 0xc2 && last - p > 1 && p[1] >= 0x80 && p[1] < 0xa0) {

            /* U+0080 to U+009F are control characters too */

            *p++ = ' ';
            *p = ' ';
        }
    }

    while (text->len && text->data[text->len - 1] == ' ') {
        text->len--;
    }

    while (text->len && *text->data == ' ') {
        text->data++;
        text->len--;
    }
}


ngx_int_t
ngx_http_wix_auth_profile_pack(ngx_pool_t *pool, ngx_str_t *fields,
    ngx_str_t *packed)
{
    size_t      len, kept[NGX_HTTP_WIX_AUTH_PROFILE_FIELDS];
    u_char     *p;
    ngx_uint_t  i, field;

    ngx_str_null(packed);

    len = NGX_HTTP_WIX_AUTH_PROFILE_HEAD;

    for (i = 0; i < NGX_HTTP_WIX_AUTH_PROFILE_FIELDS; i++) {
        kept[i] = fields[i].len;
        len += kept[i];
    }

    for (i = 0; len > NGX_HTTP_WIX_AUTH_PROFILE_MAX; i++) {
        field = ngx_http_wix_auth_profile_order[i];

        len -= kept[field];
        kept[field] = 0;
    }

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    packed->data = p;
    packed->len = len;

    *p++ = NGX_HTTP_WIX_AUTH_PROFILE_MARK;

    for (i = 0; i < NGX_HTTP_WIX_AUTH_PROFILE_FIELDS; i++) {
        *p++ = (u_char) (kept[i] >> 8);
        *p++ = (u_char) kept[i];
    }

    for (i = 0; i < NGX_HTTP_WIX_AUTH_PROFILE_FIELDS; i++) {
        if (kept[i]) {
            p = ngx_cpymem(p, fields[i].data, kept[i]);
        }
    }

    return NGX_OK;
}


void
ngx_http_wix_auth_profile_get(ngx_str_t *packed, ngx_uint_t field,
    ngx_str_t *value)
{
    size_t      len, pos, own;
    u_char     *p;
    ngx_uint_t  i;

    ngx_str_null(value);

    if (field >= NGX_HTTP_WIX_AUTH_PROFILE_FIELDS
        || packed->len < NGX_HTTP_WIX_AUTH_PROFILE_HEAD
        || packed->data[0] != NGX_HTTP_WIX_AUTH_PROFILE_MARK)
    {
        return;
    }

    p = packed->data + 1;
    len = NGX_HTTP_WIX_AUTH_PROFILE_HEAD;
    pos = 0;
    own = 0;

    for (i = 0; i < NGX_HTTP_WIX_AUTH_PROFILE_FIELDS; i++, p += 2) {

        if (i == field) {
            pos = len;
            own = (size_t) p[0] << 8 | p[1];
        }

        len += (size_t) p[0] << 8 | p[1];
    }

    /* all of it must be there, and nothing else */

    if (len != packed->len || own == 0) {
        return;
    }

    value->data = packed->data + pos;
    value->len = own;
}
