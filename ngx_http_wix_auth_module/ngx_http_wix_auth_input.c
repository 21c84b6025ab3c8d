
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_input.h"
#include "ngx_http_wix_auth_reason.h"


#define NGX_HTTP_WIX_AUTH_WRONG_MAX   16    /* members that are told */
#define NGX_HTTP_WIX_AUTH_WRONG_NAME  64    /* bytes of their names */


typedef struct {
    ngx_http_wix_auth_input_pt   handler;
    void                        *data;
    ngx_str_t                    body;
    ngx_uint_t                   reason;
} ngx_http_wix_auth_input_t;


static void ngx_http_wix_auth_input_body(ngx_http_request_t *r);
static void ngx_http_wix_auth_input_more(ngx_http_request_t *r);
static ngx_int_t ngx_http_wix_auth_input_take(ngx_http_request_t *r,
    ngx_http_wix_auth_input_t *in);
static void ngx_http_wix_auth_input_cleanup(void *data);
static ngx_http_wix_auth_input_t *ngx_http_wix_auth_input_find(
    ngx_http_request_t *r);
static ngx_uint_t ngx_http_wix_auth_input_is(ngx_str_t *value,
    const char *type);
static ngx_uint_t ngx_http_wix_auth_input_rank(ngx_str_t *accept,
    const char *type, const char *main);
static ngx_uint_t ngx_http_wix_auth_input_quality(u_char *p, u_char *last);
static ngx_int_t ngx_http_wix_auth_input_object(ngx_http_request_t *r,
    ngx_str_t *body, ngx_array_t **pairs,
    ngx_http_wix_auth_json_t **profile, ngx_array_t **fields);
static ngx_uint_t ngx_http_wix_auth_input_text(
    ngx_http_wix_auth_json_t *member);
static ngx_int_t ngx_http_wix_auth_input_wrong(ngx_http_request_t *r,
    ngx_http_wix_auth_json_t *member, ngx_array_t **fields);
static ngx_uint_t ngx_http_wix_auth_input_welcome(ngx_http_request_t *r,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_site_t *site,
    ngx_str_t *origin);
static ngx_uint_t ngx_http_wix_auth_input_referer(ngx_http_request_t *r,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_site_t *site,
    ngx_str_t *referer);


ngx_int_t
ngx_http_wix_auth_input_read(ngx_http_request_t *r,
    ngx_http_wix_auth_input_pt handler, void *data)
{
    ngx_int_t                   rc;
    ngx_pool_cleanup_t         *cln;
    ngx_http_wix_auth_input_t  *in;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_wix_auth_input_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    in = cln->data;
    ngx_memzero(in, sizeof(ngx_http_wix_auth_input_t));
    cln->handler = ngx_http_wix_auth_input_cleanup;

    in->handler = handler;
    in->data = data;

    in->body.data = ngx_pnalloc(r->pool, NGX_HTTP_WIX_AUTH_BODY_MAX + 1);
    if (in->body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->headers_in.content_length_n > NGX_HTTP_WIX_AUTH_BODY_MAX) {
        in->reason = NGX_HTTP_WIX_AUTH_BODY_TOO_LARGE;

        r->expect_tested = 1;

        rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK) {
            return rc;
        }

        r->main->count++;
        handler(r, in->reason, &in->body, data);

        return NGX_DONE;
    }

    if (r->request_body && r->request_body->temp_file) {

        /* somebody has read it before us, and not into memory */

        in->reason = NGX_HTTP_WIX_AUTH_BODY_TOO_LARGE;

        r->main->count++;
        handler(r, in->reason, &in->body, data);

        return NGX_DONE;
    }

    /* pieces come to us and not into a temporary file */

    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_wix_auth_input_body);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


static void
ngx_http_wix_auth_input_body(ngx_http_request_t *r)
{
    r->read_event_handler = ngx_http_wix_auth_input_more;
    r->write_event_handler = ngx_http_request_empty_handler;

    ngx_http_wix_auth_input_more(r);
}


static void
ngx_http_wix_auth_input_more(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_str_t                   none;
    ngx_http_wix_auth_input_t  *in;

    in = ngx_http_wix_auth_input_find(r);

    for ( ;; ) {

        if (ngx_http_wix_auth_input_take(r, in) != NGX_OK) {
            in->reason = NGX_HTTP_WIX_AUTH_BODY_TOO_LARGE;

            /* the connection cannot be used again: do not read the rest */
            r->keepalive = 0;
            r->lingering_close = 1;
            break;
        }

        if (!r->reading_body) {
            break;
        }

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            ngx_http_finalize_request(r, rc);
            return;
        }

        if (rc == NGX_AGAIN
            && (r->request_body == NULL || r->request_body->bufs == NULL))
        {
            return;
        }
    }

    r->read_event_handler = ngx_http_test_reading;

    if (in->reason != NGX_HTTP_WIX_AUTH_OK) {
        ngx_str_null(&none);
        in->handler(r, in->reason, &none, in->data);
        return;
    }

    in->body.data[in->body.len] = '\0';
    in->handler(r, in->reason, &in->body, in->data);
}


static ngx_int_t
ngx_http_wix_auth_input_take(ngx_http_request_t *r,
    ngx_http_wix_auth_input_t *in)
{
    size_t        n;
    ngx_buf_t    *b;
    ngx_int_t     rc;
    ngx_chain_t  *cl;

    if (r->request_body == NULL) {
        return NGX_OK;
    }

    rc = NGX_OK;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;
        n = b->last - b->pos;

        if (!ngx_buf_in_memory(b) || n == 0) {
            b->pos = b->last;
            continue;
        }

        if (in->body.len + n > NGX_HTTP_WIX_AUTH_BODY_MAX) {
            rc = NGX_DECLINED;

        } else {
            ngx_memcpy(in->body.data + in->body.len, b->pos, n);
            in->body.len += n;
        }

        /* it may hold a password */
        ngx_explicit_memzero(b->pos, n);
        b->pos = b->last;
    }

    r->request_body->bufs = NULL;

    return rc;
}


static void
ngx_http_wix_auth_input_cleanup(void *data)
{
    ngx_http_wix_auth_input_t  *in = data;

    if (in->body.data) {
        ngx_explicit_memzero(in->body.data, NGX_HTTP_WIX_AUTH_BODY_MAX);
    }
}


static ngx_http_wix_auth_input_t *
ngx_http_wix_auth_input_find(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    /* it is there: set before the body is asked for */

    cln = r->pool->cleanup;

    while (cln->handler != ngx_http_wix_auth_input_cleanup) {
        cln = cln->next;
    }

    return cln->data;
}


ngx_uint_t
ngx_http_wix_auth_input_type(ngx_http_request_t *r)
{
    ngx_str_t  *value;

    if (r->headers_in.content_type == NULL) {
        return NGX_HTTP_WIX_AUTH_TYPE_NONE;
    }

    value = &r->headers_in.content_type->value;

    if (ngx_http_wix_auth_input_is(value, "application/json")) {
        return NGX_HTTP_WIX_AUTH_TYPE_JSON;
    }

    if (ngx_http_wix_auth_input_is(value,
                                   "application/x-www-form-urlencoded"))
    {
        return NGX_HTTP_WIX_AUTH_TYPE_FORM;
    }

    return NGX_HTTP_WIX_AUTH_TYPE_OTHER;
}


static ngx_uint_t
ngx_http_wix_auth_input_is(ngx_str_t *value, const char *type)
{
    size_t  len;

    len = ngx_strlen(type);

    return value->len >= len
           && ngx_strncasecmp(value->data, (u_char *) type, len) == 0
           && (value->len == len
               || value->data[len] == ';'
               || value->data[len] == ' '
               || value->data[len] == '\t');
}


ngx_uint_t
ngx_http_wix_auth_input_wants_json(ngx_http_request_t *r)
{
    ngx_str_t  *accept;

    accept = ngx_http_wix_auth_input_header(r, "accept");

    if (accept == NULL) {
        return 0;
    }

    return ngx_http_wix_auth_input_rank(accept, "application/json",
                                        "application/*")
           > ngx_http_wix_auth_input_rank(accept, "text/html", "text/*");
}


/* quality in thousandths, times four, plus how exactly it was named */

static ngx_uint_t
ngx_http_wix_auth_input_rank(ngx_str_t *accept, const char *type,
    const char *main)
{
    u_char      *p, *last, *end;
    ngx_str_t    range;
    ngx_uint_t   exact, best, quality;

    p = accept->data;
    last = p + accept->len;
    best = 0;
    quality = 0;

    while (p < last) {

        while (p < last && (*p == ' ' || *p == '\t' || *p == ',')) {
            p++;
        }

        end = ngx_strlchr(p, last, ',');

        if (end == NULL) {
            end = last;
        }

        range.data = p;
        range.len = end - p;

        exact = ngx_http_wix_auth_input_is(&range, type) ? 3
                : ngx_http_wix_auth_input_is(&range, main) ? 2
                : ngx_http_wix_auth_input_is(&range, "*/*") ? 1 : 0;

        /* the most specific range decides */

        if (exact > best) {
            best = exact;
            quality = ngx_http_wix_auth_input_quality(p, end);
        }

        p = end;
    }

    return quality ? quality * 4 + best : 0;
}


static ngx_uint_t
ngx_http_wix_auth_input_quality(u_char *p, u_char *last)
{
    ngx_int_t  n;

    for ( /* void */ ; p + 2 < last; p++) {

        if (*p != ';') {
            continue;
        }

        for (p++; p < last && *p == ' '; p++) { /* void */ }

        if (last - p < 3 || (*p | 0x20) != 'q' || p[1] != '=') {
            p--;
            continue;
        }

        p += 2;

        for (n = 0; p + n < last && p[n] != ';' && p[n] != ' '; n++) {
            /* void */
        }

        n = ngx_atofp(p, n, 3);

        return (n == NGX_ERROR) ? 0 : (ngx_uint_t) ngx_min(n, 1000);
    }

    return 1000;
}


ngx_int_t
ngx_http_wix_auth_input_parse(ngx_http_request_t *r, ngx_uint_t type,
    ngx_str_t *body, ngx_array_t **pairs,
    ngx_http_wix_auth_json_t **profile, ngx_array_t **fields)
{
    const char  *err;

    if (type == NGX_HTTP_WIX_AUTH_TYPE_JSON && body->len) {
        return ngx_http_wix_auth_input_object(r, body, pairs, profile,
                                              fields);
    }

    return ngx_http_wix_auth_form_parse(r->pool, body,
                                        NGX_HTTP_WIX_AUTH_FIELDS_MAX, pairs,
                                        &err);
}


static ngx_int_t
ngx_http_wix_auth_input_object(ngx_http_request_t *r, ngx_str_t *body,
    ngx_array_t **pairs, ngx_http_wix_auth_json_t **profile,
    ngx_array_t **fields)
{
    ngx_int_t                  rc;
    const char                *err;
    ngx_http_wix_auth_json_t  *root, *member;
    ngx_http_wix_auth_pair_t  *pair;

    rc = ngx_http_wix_auth_json_parse(r->pool, body, &root, &err);

    if (rc != NGX_OK) {
        return rc;
    }

    if (root->type != NGX_HTTP_WIX_AUTH_JSON_OBJECT) {
        return NGX_DECLINED;
    }

    *pairs = ngx_array_create(r->pool, 8, sizeof(ngx_http_wix_auth_pair_t));
    if (*pairs == NULL) {
        return NGX_ERROR;
    }

    for (member = root->child; member; member = member->next) {

        if (member->type == NGX_HTTP_WIX_AUTH_JSON_NULL) {
            continue;
        }

        if (profile
            && member->name.len == sizeof("profile") - 1
            && ngx_strncmp(member->name.data, "profile",
                           sizeof("profile") - 1)
               == 0)
        {
            *profile = member;
            continue;
        }

        if (!ngx_http_wix_auth_input_text(member)) {

            if (ngx_http_wix_auth_input_wrong(r, member, fields) != NGX_OK) {
                return NGX_ERROR;
            }

            rc = NGX_DECLINED;
            continue;
        }

        pair = ngx_array_push(*pairs);
        if (pair == NULL) {
            return NGX_ERROR;
        }

        pair->name = member->name;
        pair->value = member->text;
    }

    return rc;
}


static ngx_uint_t
ngx_http_wix_auth_input_text(ngx_http_wix_auth_json_t *member)
{
    return member->type == NGX_HTTP_WIX_AUTH_JSON_STRING
           && ngx_strlchr(member->text.data,
                          member->text.data + member->text.len, '\0')
              == NULL;
}


static ngx_int_t
ngx_http_wix_auth_input_wrong(ngx_http_request_t *r,
    ngx_http_wix_auth_json_t *member, ngx_array_t **fields)
{
    size_t                     i;
    u_char                    *p;
    ngx_http_wix_auth_pair_t  *field;

    if (*fields == NULL) {
        *fields = ngx_array_create(r->pool, 4,
                                   sizeof(ngx_http_wix_auth_pair_t));

        if (*fields == NULL) {
            return NGX_ERROR;
        }
    }

    if ((*fields)->nelts == NGX_HTTP_WIX_AUTH_WRONG_MAX) {
        return NGX_OK;
    }

    field = ngx_array_push(*fields);
    p = ngx_pstrdup(r->pool, &member->name);

    if (field == NULL || p == NULL) {
        return NGX_ERROR;
    }

    /* told in an answer, whatever it was */

    field->name.data = p;
    field->name.len = ngx_min(member->name.len, NGX_HTTP_WIX_AUTH_WRONG_NAME);

    for (i = 0; i < field->name.len; i++) {
        if (p[i] < 0x20 || p[i] > 0x7e) {
            p[i] = '?';
        }
    }

    if (member->type == NGX_HTTP_WIX_AUTH_JSON_STRING) {
        ngx_str_set(&field->value, "This text holds a NUL character.");

    } else {
        ngx_str_set(&field->value, "This must be a string.");
    }

    return NGX_OK;
}


ngx_uint_t
ngx_http_wix_auth_input_cross_site(ngx_http_request_t *r,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_site_t *site,
    ngx_uint_t type)
{
    ngx_str_t  *value, *origin;

    value = ngx_http_wix_auth_input_header(r, "sec-fetch-site");
    origin = ngx_http_wix_auth_input_header(r, "origin");

    if (value) {

        if ((value->len == 11
             && ngx_strncmp(value->data, "same-origin", 11) == 0)
            || (value->len == 4
                && ngx_strncmp(value->data, "none", 4) == 0))
        {
            return 0;
        }

        return !(origin && ngx_http_wix_auth_site_allowed(conf, origin));
    }

    if (origin) {
        return !ngx_http_wix_auth_input_welcome(r, conf, site, origin);
    }

    value = ngx_http_wix_auth_input_header(r, "referer");

    if (value) {
        return !ngx_http_wix_auth_input_referer(r, conf, site, value);
    }

    /* no browser sends JSON across sites without one of the three */

    return type != NGX_HTTP_WIX_AUTH_TYPE_JSON;
}


static ngx_uint_t
ngx_http_wix_auth_input_welcome(ngx_http_request_t *r,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_site_t *site,
    ngx_str_t *origin)
{
    return ngx_http_wix_auth_site_own(r, site, origin)
           || ngx_http_wix_auth_site_allowed(conf, origin);
}


static ngx_uint_t
ngx_http_wix_auth_input_referer(ngx_http_request_t *r,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_site_t *site,
    ngx_str_t *referer)
{
    const char               *err;
    ngx_http_wix_auth_url_t   url;

    if (ngx_http_wix_auth_url_parse(r->pool, referer, &url, &err) != NGX_OK)
    {
        return 0;
    }

    return ngx_http_wix_auth_input_welcome(r, conf, site, &url.origin);
}


ngx_str_t *
ngx_http_wix_auth_input_header(ngx_http_request_t *r, const char *name)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == len
                && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0)
            {
                return &h[i].value;
            }
        }
    }

    return NULL;
}
