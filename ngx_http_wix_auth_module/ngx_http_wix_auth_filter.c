
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_answer.h"
#include "ngx_http_wix_auth_filter.h"
#include "ngx_http_wix_auth_record.h"


static ngx_int_t ngx_http_wix_auth_filter_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_wix_auth_header_filter(ngx_http_request_t *r);
static void ngx_http_wix_auth_filter_no_store(ngx_http_request_t *r);
static ngx_uint_t ngx_http_wix_auth_filter_expires(ngx_http_request_t *r,
    ngx_str_t *value);
static ngx_int_t ngx_http_wix_auth_filter_append(ngx_http_request_t *r,
    ngx_table_elt_t *h);


static ngx_http_module_t  ngx_http_wix_auth_filter_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_wix_auth_filter_init,         /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_wix_auth_filter_module = {
    NGX_MODULE_V1,
    &ngx_http_wix_auth_filter_module_ctx,  /* module context */
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


static ngx_int_t
ngx_http_wix_auth_filter_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_wix_auth_header_filter;

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_header_filter(ngx_http_request_t *r)
{
    ngx_uint_t                   n;
    ngx_table_elt_t             *h;
    ngx_http_wix_auth_record_t  *rec;
#if (nginx_version < 1023000)
    ngx_uint_t                   i;
    ngx_table_elt_t            **ph;
#endif

    static ngx_str_t  private = ngx_string("private");

    if (r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    rec = ngx_http_wix_auth_record_peek(r);

    if (rec && rec->own) {
        ngx_http_wix_auth_filter_no_store(r);
        return ngx_http_next_header_filter(r);
    }

    if (rec && rec->fresh) {
        /* one visitor's cookie must not be stored for all */
        ngx_http_wix_auth_filter_no_store(r);
    }

    if (rec == NULL || !rec->passed) {
        return ngx_http_next_header_filter(r);
    }

    n = 0;

#if (nginx_version >= 1023000)

    for (h = r->headers_out.cache_control; h; h = h->next) {

#else

    ph = r->headers_out.cache_control.elts;

    for (i = 0; ph && i < r->headers_out.cache_control.nelts; i++) {
        h = ph[i];

#endif

        if (h->hash == 0) {
            continue;
        }

        n++;

        if (ngx_http_wix_auth_filter_expires(r, &h->value)
            && ngx_http_wix_auth_filter_append(r, h) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (n == 0 && ngx_http_wix_auth_answer_cache(r, &private) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/* our own answers stay out of caches, whatever "expires" has made of them */

static void
ngx_http_wix_auth_filter_no_store(ngx_http_request_t *r)
{
    ngx_uint_t         n;
    ngx_table_elt_t   *h;
#if (nginx_version < 1023000)
    ngx_uint_t         i;
    ngx_table_elt_t  **ph;
#endif

    n = 0;

#if (nginx_version >= 1023000)

    for (h = r->headers_out.cache_control; h; h = h->next) {

#else

    ph = r->headers_out.cache_control.elts;

    for (i = 0; ph && i < r->headers_out.cache_control.nelts; i++) {
        h = ph[i];

#endif

        if (n++ == 0) {
            h->hash = 1;
            ngx_str_set(&h->value, "no-store");

        } else {
            h->hash = 0;
        }
    }

    if (r->headers_out.expires) {
        r->headers_out.expires->hash = 0;
        r->headers_out.expires = NULL;
    }
}


/*
 * What "expires" writes is "max-age=" and a number, or "no-cache"; the same
 * text from the upstream is the upstream's business.
 */

static ngx_uint_t
ngx_http_wix_auth_filter_expires(ngx_http_request_t *r, ngx_str_t *value)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string("cache-control");
    static ngx_str_t  no_cache = ngx_string("no-cache");

    if (value->len > 8
        && ngx_strncmp(value->data, "max-age=", 8) == 0)
    {
        for (i = 8; i < value->len; i++) {
            if (value->data[i] < '0' || value->data[i] > '9') {
                return 0;
            }
        }

    } else if (value->len != no_cache.len
               || ngx_strncmp(value->data, no_cache.data, no_cache.len) != 0)
    {
        return 0;
    }

    if (r->upstream == NULL) {
        return 1;
    }

    part = &r->upstream->headers_in.headers.part;

    for ( /* void */ ; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == name.len
                && ngx_strncasecmp(h[i].key.data, name.data, name.len) == 0
                && h[i].value.len == value->len
                && ngx_strncmp(h[i].value.data, value->data, value->len)
                   == 0)
            {
                return 0;
            }
        }
    }

    return 1;
}


static ngx_int_t
ngx_http_wix_auth_filter_append(ngx_http_request_t *r, ngx_table_elt_t *h)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, h->value.len + sizeof(", private"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    h->value.len = ngx_sprintf(p, "%V, private", &h->value) - p;
    h->value.data = p;

    return NGX_OK;
}
