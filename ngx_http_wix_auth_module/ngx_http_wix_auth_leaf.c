
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_shape.h"


static ngx_uint_t ngx_http_wix_auth_shape_is_date(u_char *p);
static ngx_uint_t ngx_http_wix_auth_shape_is_number(ngx_str_t *text);
static u_char *ngx_http_wix_auth_shape_digits(u_char *p, u_char *last);
static uint32_t ngx_http_wix_auth_shape_character(u_char **p, u_char *last);
static ngx_uint_t ngx_http_wix_auth_shape_is(ngx_str_t *text, const char *word);


void
ngx_http_wix_auth_shape_text(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *node, ngx_http_wix_auth_shape_t *shape)
{
    u_char  limit[NGX_INT_T_LEN + sizeof(" bytes")];

    if (node->type != NGX_HTTP_WIX_AUTH_JSON_STRING) {
        ngx_http_wix_auth_shape_fault(reg, "This must be a text.", NULL);
        return;
    }

    if (node->text.len > shape->max) {
        *ngx_sprintf(limit, "%ui bytes", (ngx_uint_t) shape->max) = '\0';

        ngx_http_wix_auth_shape_fault(reg, "This must be no longer than ",
                                      (const char *) limit);
        return;
    }

    switch (ngx_http_wix_auth_shape_readable(&node->text)) {

    case NGX_OK:
        return;

    case NGX_DECLINED:
        ngx_http_wix_auth_shape_fault(reg,
                                      "This must not hold control characters.",
                                      NULL);
        return;

    default: /* NGX_ERROR */
        ngx_http_wix_auth_shape_fault(reg, "This must be UTF-8.", NULL);
    }
}


void
ngx_http_wix_auth_shape_choice(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *node, ngx_http_wix_auth_shape_t *shape)
{
    size_t       len;
    const char  *p, *end;

    if (node->type == NGX_HTTP_WIX_AUTH_JSON_STRING) {

        for (p = shape->values; p; p = *end ? end + 2 : NULL) {

            for (end = p; *end && *end != ','; end++) { /* void */ }

            len = end - p;

            if (node->text.len == len
                && ngx_strncmp(node->text.data, p, len) == 0)
            {
                return;
            }
        }
    }

    ngx_http_wix_auth_shape_fault(reg, "This must be one of ", shape->values);
}


void
ngx_http_wix_auth_shape_date(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *node, ngx_http_wix_auth_shape_t *shape)
{
    if (node->type != NGX_HTTP_WIX_AUTH_JSON_STRING
        || node->text.len != sizeof("1990-02-28") - 1
        || !ngx_http_wix_auth_shape_is_date(node->text.data))
    {
        ngx_http_wix_auth_shape_fault(reg,
                                      "This must be a date, as 1990-02-28.",
                                      NULL);
    }
}


/* a date, and perhaps a time after it (RFC 3339, 5.6) */

void
ngx_http_wix_auth_shape_moment(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *node, ngx_http_wix_auth_shape_t *shape)
{
    size_t   i;
    u_char  *p;

    if (node->type == NGX_HTTP_WIX_AUTH_JSON_STRING
        && node->text.len >= sizeof("1990-02-28") - 1
        && node->text.len <= shape->max
        && ngx_http_wix_auth_shape_is_date(node->text.data))
    {
        i = sizeof("1990-02-28") - 1;
        p = node->text.data;

        if (i == node->text.len) {
            return;
        }

        if (p[i] == 'T') {

            for (i++; i < node->text.len; i++) {
                if ((p[i] < '0' || p[i] > '9') && p[i] != ':' && p[i] != '.'
                    && p[i] != '+' && p[i] != '-' && p[i] != 'Z')
                {
                    break;
                }
            }

            if (i == node->text.len) {
                return;
            }
        }
    }

    ngx_http_wix_auth_shape_fault(reg,
                  "This must be a date, as 1990-02-28 or 1990-02-28T12:00:00Z.",
                  NULL);
}


void
ngx_http_wix_auth_shape_number(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *node, ngx_http_wix_auth_shape_t *shape)
{
    if (reg->form && node->type == NGX_HTTP_WIX_AUTH_JSON_STRING) {
        node->type = NGX_HTTP_WIX_AUTH_JSON_NUMBER;
    }

    if (node->type != NGX_HTTP_WIX_AUTH_JSON_NUMBER
        || !ngx_http_wix_auth_shape_is_number(&node->text))
    {
        ngx_http_wix_auth_shape_fault(reg, "This must be a number.", NULL);
    }
}


void
ngx_http_wix_auth_shape_bool(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *node, ngx_http_wix_auth_shape_t *shape)
{
    if (reg->form && node->type == NGX_HTTP_WIX_AUTH_JSON_STRING) {

        node->value = ngx_http_wix_auth_shape_is(&node->text, "true");

        if (node->value
            || ngx_http_wix_auth_shape_is(&node->text, "false"))
        {
            node->type = NGX_HTTP_WIX_AUTH_JSON_BOOL;
        }
    }

    if (node->type != NGX_HTTP_WIX_AUTH_JSON_BOOL) {
        ngx_http_wix_auth_shape_fault(reg, "This must be true or false.", NULL);
    }
}


/* ten bytes, YYYY-MM-DD: a day that was or will be */

static ngx_uint_t
ngx_http_wix_auth_shape_is_date(u_char *p)
{
    ngx_uint_t  i, year, month, day, days;

    for (i = 0; i < sizeof("1990-02-28") - 1; i++) {

        if (i == 4 || i == 7) {
            if (p[i] != '-') {
                return 0;
            }

        } else if (p[i] < '0' || p[i] > '9') {
            return 0;
        }
    }

    year = (p[0] - '0') * 1000 + (p[1] - '0') * 100 + (p[2] - '0') * 10
           + (p[3] - '0');
    month = (p[5] - '0') * 10 + (p[6] - '0');
    day = (p[8] - '0') * 10 + (p[9] - '0');

    switch (month) {

    case 2:
        days = (year % 4 == 0 && (year % 100 || year % 400 == 0)) ? 29 : 28;
        break;

    case 4:
    case 6:
    case 9:
    case 11:
        days = 30;
        break;

    default:
        days = 31;
    }

    return year && month && month <= 12 && day && day <= days;
}


/* as JSON writes it (RFC 8259, 6) */

static ngx_uint_t
ngx_http_wix_auth_shape_is_number(ngx_str_t *text)
{
    u_char  *p, *last, *start;

    if (text->len == 0 || text->len > NGX_HTTP_WIX_AUTH_REG_NUMBER) {
        return 0;
    }

    p = text->data;
    last = p + text->len;

    if (*p == '-') {
        p++;
    }

    start = p;
    p = ngx_http_wix_auth_shape_digits(p, last);

    if (p == NULL || (*start == '0' && p - start > 1)) {
        return 0;
    }

    if (p < last && *p == '.') {
        p = ngx_http_wix_auth_shape_digits(p + 1, last);

        if (p == NULL) {
            return 0;
        }
    }

    if (p < last && (*p | 0x20) == 'e') {
        p++;

        if (p < last && (*p == '+' || *p == '-')) {
            p++;
        }

        p = ngx_http_wix_auth_shape_digits(p, last);

        if (p == NULL) {
            return 0;
        }
    }

    return p == last;
}


/* the end of at least one digit, or NULL */

static u_char *
ngx_http_wix_auth_shape_digits(u_char *p, u_char *last)
{
    u_char  *start;

    for (start = p; p < last && *p >= '0' && *p <= '9'; p++) { /* void */ }

    return (p == start) ? NULL : p;
}


ngx_int_t
ngx_http_wix_auth_shape_readable(ngx_str_t *text)
{
    u_char    *p, *last;
    uint32_t   c;

    p = text->data;
    last = p + text->len;

    while (p < last) {
        c = ngx_http_wix_auth_shape_character(&p, last);

        if (c == 0xffffffff) {
            return NGX_ERROR;
        }

        if (c < 0x20 || (c >= 0x7f && c < 0xa0)) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* RFC 3629, 3: the shortest form and no half of a surrogate pair, of which
   ngx_utf8_decode() is not that sure */

static uint32_t
ngx_http_wix_auth_shape_character(u_char **p, u_char *last)
{
    u_char      c;
    uint32_t    value, least;
    ngx_uint_t  more;

    c = *(*p)++;

    if (c < 0x80) {
        return c;
    }

    if (c >= 0xc0 && c < 0xe0) {
        more = 1;
        value = c & 0x1f;
        least = 0x80;

    } else if (c >= 0xe0 && c < 0xf0) {
        more = 2;
        value = c & 0x0f;
        least = 0x800;

    } else if (c >= 0xf0 && c < 0xf8) {
        more = 3;
        value = c & 0x07;
        least = 0x10000;

    } else {
        return 0xffffffff;
    }

    while (more--) {
        if (*p == last || (**p & 0xc0) != 0x80) {
            return 0xffffffff;
        }

        value = (value << 6) | (*(*p)++ & 0x3f);
    }

    if (value < least || value > 0x10ffff
        || (value >= 0xd800 && value < 0xe000))
    {
        return 0xffffffff;
    }

    return value;
}


static ngx_uint_t
ngx_http_wix_auth_shape_is(ngx_str_t *text, const char *word)
{
    return text->len == ngx_strlen(word)
           && ngx_strncmp(text->data, word, text->len) == 0;
}
