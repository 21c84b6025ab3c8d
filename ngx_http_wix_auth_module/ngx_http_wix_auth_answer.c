
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_answer.h"
#include "ngx_http_wix_auth_record.h"


static ngx_int_t ngx_http_wix_auth_answer_head(ngx_http_request_t *r,
    ngx_http_wix_auth_answer_t *a);
static ngx_int_t ngx_http_wix_auth_answer_cors(ngx_http_request_t *r,
    ngx_http_wix_auth_answer_t *a);
static void ngx_http_wix_auth_answer_forget(ngx_http_request_t *r);
static ngx_int_t ngx_http_wix_auth_answer_number(ngx_http_request_t *r,
    const char *name, ngx_int_t number);
static ngx_uint_t ngx_http_wix_auth_answer_handed(ngx_http_request_t *r,
    ngx_uint_t status);
static void ngx_http_wix_auth_answer_drop_challenges(ngx_http_request_t *r);
static ngx_int_t ngx_http_wix_auth_answer_body(ngx_http_request_t *r,
    ngx_http_wix_auth_answer_t *a, ngx_chain_t *out);


ngx_int_t
ngx_http_wix_auth_answer_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = *value;

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_answer_number(ngx_http_request_t *r, const char *name,
    ngx_int_t number)
{
    ngx_str_t  value;

    value.data = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data, "%i", number) - value.data;

    return ngx_http_wix_auth_answer_header(r, name, &value);
}


ngx_int_t
ngx_http_wix_auth_answer_challenge(ngx_http_request_t *r, ngx_str_t *value)
{
    ngx_table_elt_t  *h;
#if (nginx_version >= 1023000)
    ngx_table_elt_t  **ph;
#endif

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    ngx_str_set(&h->key, "WWW-Authenticate");
    h->value = *value;

#if (nginx_version >= 1023000)

    h->next = NULL;

    for (ph = &r->headers_out.www_authenticate; *ph; ph = &(*ph)->next) {
        /* void */
    }

    *ph = h;

#else

    /* one pointer only: leave it to the handler that came first */

    if (r->headers_out.www_authenticate == NULL) {
        r->headers_out.www_authenticate = h;
    }

#endif

    return NGX_OK;
}


ngx_int_t
ngx_http_wix_auth_answer(ngx_http_request_t *r,
    ngx_http_wix_auth_answer_t *a)
{
    ngx_int_t    rc;
    ngx_chain_t  out;

    if (ngx_http_wix_auth_answer_head(r, a) != NGX_OK
        || ngx_http_wix_auth_answer_body(r, a, &out) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_http_wix_auth_answer_deny(ngx_http_request_t *r,
    ngx_http_wix_auth_answer_t *a)
{
    ngx_int_t    rc;
    ngx_chain_t  out;

    if (a->status != NGX_HTTP_UNAUTHORIZED
        && a->status != NGX_HTTP_FORBIDDEN)
    {
        /* a redirect must not carry the challenge of auth_basic */
        ngx_http_wix_auth_answer_drop_challenges(r);
    }

    if (ngx_http_wix_auth_answer_head(r, a) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_wix_auth_answer_handed(r, a->status)) {
        ngx_str_null(&r->headers_out.content_type);
        r->headers_out.content_type_len = 0;
        return a->status;
    }

    r->expect_tested = 1;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_wix_auth_answer_body(r, a, &out) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        ngx_http_finalize_request(r, rc);
        return NGX_DONE;
    }

    ngx_http_finalize_request(r, ngx_http_output_filter(r, &out));

    return NGX_DONE;
}


static ngx_int_t
ngx_http_wix_auth_answer_head(ngx_http_request_t *r,
    ngx_http_wix_auth_answer_t *a)
{
    ngx_table_elt_t             *h;
    ngx_http_wix_auth_record_t  *rec;

    static ngx_str_t  nosniff = ngx_string("nosniff");
    static ngx_str_t  cache = ngx_string("\"cache\"");
    static ngx_str_t  no_referrer = ngx_string("no-referrer");
    static ngx_str_t  same_origin = ngx_string("same-origin");
    static ngx_str_t  no_store = ngx_string("no-store");

    rec = ngx_http_wix_auth_record_peek(r);

    if (rec && r == r->main) {

        if (rec->own) {
            ngx_http_wix_auth_answer_forget(r);
        }

        rec->own = 1;
    }

    if (ngx_http_wix_auth_answer_cache(r, &no_store) != NGX_OK) {
        return NGX_ERROR;
    }

    if (a->location.len) {

        /*
         * A path stays a path when headers_out.location is left alone; but
         * nginx itself needs the field where it makes the body.
         */

        if (ngx_http_wix_auth_answer_header(r, "Location", &a->location)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (ngx_http_wix_auth_answer_handed(r, a->status)) {
            h = r->headers_out.headers.last->elts;
            r->headers_out.location =
                                &h[r->headers_out.headers.last->nelts - 1];
        }
    }

    if (a->challenge.len
        && ngx_http_wix_auth_answer_challenge(r, &a->challenge) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if ((a->policy.len
         && ngx_http_wix_auth_answer_header(r, "Content-Security-Policy",
                                            &a->policy)
            != NGX_OK)
        || (a->allow.len
            && ngx_http_wix_auth_answer_header(r, "Allow", &a->allow)
               != NGX_OK)
        || (a->retry_after > 0
            && ngx_http_wix_auth_answer_number(r, "Retry-After",
                                               a->retry_after)
               != NGX_OK)
        || (a->clear_cache
            && ngx_http_wix_auth_answer_header(r, "Clear-Site-Data", &cache)
               != NGX_OK))
    {
        return NGX_ERROR;
    }

    if (ngx_http_wix_auth_answer_cors(r, a) != NGX_OK
        || ngx_http_wix_auth_answer_header(r, "Referrer-Policy",
                                           a->no_referrer ? &no_referrer
                                                          : &same_origin)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_wix_auth_answer_header(r, "X-Content-Type-Options",
                                           &nosniff);
}


/* Fetch, 3.2: a page of another origin sends cookies and reads the answer */

static ngx_int_t
ngx_http_wix_auth_answer_cors(ngx_http_request_t *r,
    ngx_http_wix_auth_answer_t *a)
{
    static ngx_str_t  origin = ngx_string("Origin");
    static ngx_str_t  yes = ngx_string("true");
    static ngx_str_t  exposed = ngx_string("Retry-After");
    static ngx_str_t  headers = ngx_string("content-type");
    static ngx_str_t  age = ngx_string("600");

    if (a->vary
        && ngx_http_wix_auth_answer_header(r, "Vary", &origin) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (a->origin.len == 0) {
        return NGX_OK;
    }

    if (ngx_http_wix_auth_answer_header(r, "Access-Control-Allow-Origin",
                                        &a->origin)
        != NGX_OK
        || ngx_http_wix_auth_answer_header(r,
                                           "Access-Control-Allow-Credentials",
                                           &yes)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (a->methods.len == 0) {
        return ngx_http_wix_auth_answer_header(r,
                                              "Access-Control-Expose-Headers",
                                               &exposed);
    }

    if (ngx_http_wix_auth_answer_header(r, "Access-Control-Allow-Methods",
                                        &a->methods)
        != NGX_OK
        || ngx_http_wix_auth_answer_header(r, "Access-Control-Allow-Headers",
                                           &headers)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_wix_auth_answer_header(r, "Access-Control-Max-Age", &age);
}


/*
 * error_page has led from one answer of ours to another: what the first has
 * set must not go out twice.
 */

static void
ngx_http_wix_auth_answer_forget(ngx_http_request_t *r)
{
    ngx_uint_t        i, n;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static ngx_str_t  names[] = {
        ngx_string("Cache-Control"),
        ngx_string("Location"),
        ngx_string("WWW-Authenticate"),
        ngx_string("Content-Security-Policy"),
        ngx_string("Retry-After"),
        ngx_string("Allow"),
        ngx_string("Clear-Site-Data"),
        ngx_string("Referrer-Policy"),
        ngx_string("X-Content-Type-Options"),
        ngx_string("Vary"),
        ngx_string("Access-Control-Allow-Origin"),
        ngx_string("Access-Control-Allow-Credentials"),
        ngx_string("Access-Control-Expose-Headers"),
        ngx_null_string
    };

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            for (n = 0; names[n].len; n++) {
                if (h[i].key.len == names[n].len
                    && ngx_strncmp(h[i].key.data, names[n].data,
                                   names[n].len)
                       == 0)
                {
                    h[i].hash = 0;
                    break;
                }
            }
        }
    }

    r->headers_out.location = NULL;
    r->headers_out.www_authenticate = NULL;

#if (nginx_version >= 1023000)
    r->headers_out.cache_control = NULL;
#else
    r->headers_out.cache_control.nelts = 0;
#endif
}


/* were it in one list alone, "expires" would add a second header */

ngx_int_t
ngx_http_wix_auth_answer_cache(ngx_http_request_t *r, ngx_str_t *value)
{
    ngx_table_elt_t  *h;
#if (nginx_version < 1023000)
    ngx_table_elt_t  **ph;
#endif

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    ngx_str_set(&h->key, "Cache-Control");
    h->value = *value;

#if (nginx_version >= 1023000)

    h->next = NULL;
    r->headers_out.cache_control = h;

#else

    if (r->headers_out.cache_control.elts == NULL
        && ngx_array_init(&r->headers_out.cache_control, r->pool, 1,
                          sizeof(ngx_table_elt_t *))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ph = ngx_array_push(&r->headers_out.cache_control);
    if (ph == NULL) {
        return NGX_ERROR;
    }

    *ph = h;

#endif

    return NGX_OK;
}


/* the conditions of ngx_http_special_response_handler() and its callers */

static ngx_uint_t
ngx_http_wix_auth_answer_handed(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_uint_t                 i;
    ngx_http_err_page_t       *page;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->satisfy == NGX_HTTP_SATISFY_ANY
        && (status == NGX_HTTP_UNAUTHORIZED || status == NGX_HTTP_FORBIDDEN))
    {
        return 1;
    }

    if (status == NGX_HTTP_UNAUTHORIZED && clcf->auth_delay) {
        return 1;
    }

    if (clcf->error_pages == NULL || r->error_page || r->uri_changes == 0) {
        return 0;
    }

    page = clcf->error_pages->elts;

    for (i = 0; i < clcf->error_pages->nelts; i++) {
        if ((ngx_uint_t) page[i].status == status) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_wix_auth_answer_drop_challenges(ngx_http_request_t *r)
{
    /* nginx keeps the 401 of "satisfy any" over an error_page otherwise */
    r->access_code = 0;

#if (nginx_version >= 1023000)

    ngx_table_elt_t  *h;

    for (h = r->headers_out.www_authenticate; h; h = h->next) {
        h->hash = 0;
    }

#else

    if (r->headers_out.www_authenticate) {
        r->headers_out.www_authenticate->hash = 0;
    }

#endif
}


static ngx_int_t
ngx_http_wix_auth_answer_body(ngx_http_request_t *r,
    ngx_http_wix_auth_answer_t *a, ngx_chain_t *out)
{
    ngx_buf_t  *b;

    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);
    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_content_length(r);

    r->headers_out.status = a->status;
    r->headers_out.status_line.len = 0;
    r->headers_out.content_length_n = a->body.len;
    r->headers_out.content_type = a->type;
    r->headers_out.content_type_len = a->type.len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_str_null(&r->headers_out.charset);

    if (a->body.len == 0) {
        r->header_only = 1;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = a->body.data;
    b->last = a->body.data + a->body.len;
    b->memory = a->body.len ? 1 : 0;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out->buf = b;
    out->next = NULL;

    return NGX_OK;
}
