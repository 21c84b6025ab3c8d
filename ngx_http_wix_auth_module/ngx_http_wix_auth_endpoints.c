
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_endpoint.h"
#include "ngx_http_wix_auth_endpoints.h"


static ngx_uint_t ngx_http_wix_auth_endpoint_of(ngx_http_request_t *r,
    ngx_http_wix_auth_conf_t *conf);
static ngx_uint_t ngx_http_wix_auth_endpoint_readable(
    ngx_http_wix_auth_call_t *call);
static void ngx_http_wix_auth_endpoint_cleanup(void *data);
static ngx_int_t ngx_http_wix_auth_endpoint_get(
    ngx_http_wix_auth_call_t *call);
static ngx_int_t ngx_http_wix_auth_endpoint_query(
    ngx_http_wix_auth_call_t *call);
static ngx_uint_t ngx_http_wix_auth_endpoint_encoded(ngx_str_t *args);
static void ngx_http_wix_auth_endpoint_body(ngx_http_request_t *r,
    ngx_uint_t reason, ngx_str_t *body, void *data);


ngx_http_wix_auth_handlers_t  ngx_http_wix_auth_handlers[] = {
    { NULL, NULL, ngx_null_string },
    { NULL, NULL, ngx_null_string },
    { ngx_http_wix_auth_get_login, ngx_http_wix_auth_post_login,
      ngx_string("GET, HEAD, POST") },
    { ngx_http_wix_auth_get_callback, ngx_http_wix_auth_get_callback,
      ngx_string("GET, HEAD, POST") },
    { ngx_http_wix_auth_get_logout, ngx_http_wix_auth_post_logout,
      ngx_string("POST") },
    { ngx_http_wix_auth_get_session, NULL,
      ngx_string("GET, HEAD") }
};


ngx_int_t
ngx_http_wix_auth_endpoints_handler(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    ngx_pool_cleanup_t              *cln;
    ngx_http_wix_auth_call_t        *call;
    ngx_http_wix_auth_conf_t        *conf;
    ngx_http_wix_auth_handlers_t    *handlers;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_wix_auth_module);

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_wix_auth_call_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    call = cln->data;
    ngx_memzero(call, sizeof(ngx_http_wix_auth_call_t));
    cln->handler = ngx_http_wix_auth_endpoint_cleanup;

    call->request = r;
    call->conf = conf;
    call->endpoint = ngx_http_wix_auth_endpoint_of(r, conf);
    call->type = ngx_http_wix_auth_input_type(r);
    call->post = (r->method == NGX_HTTP_POST);
    call->html = !(ngx_http_wix_auth_input_wants_json(r)
                   || (call->post
                       && call->type == NGX_HTTP_WIX_AUTH_TYPE_JSON));

    call->login = ngx_http_wix_auth_login_create(r, conf);

    if (call->login == NULL) {
        rc = ngx_http_discard_request_body(r);

        return (rc != NGX_OK) ? rc
               : ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
    }

    call->login->data = call;

    handlers = &ngx_http_wix_auth_handlers[call->endpoint];

    if (r != r->main && !(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        /* a subrequest shares the body with whom it belongs to: hands off */
        return ngx_http_wix_auth_call_error(call,
                                         NGX_HTTP_WIX_AUTH_METHOD_NOT_ALLOWED);
    }

    if (call->post && handlers->post
        && ngx_http_wix_auth_endpoint_readable(call))
    {
        return ngx_http_wix_auth_input_read(r,
                                            ngx_http_wix_auth_endpoint_body,
                                            call);
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (handlers->allow.len == 0) {
        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_NOT_FOUND);
    }

    if (call->post && handlers->post) {
        return ngx_http_wix_auth_call_error(call,
                                    NGX_HTTP_WIX_AUTH_UNSUPPORTED_MEDIA_TYPE);
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_http_wix_auth_call_error(call,
                                         NGX_HTTP_WIX_AUTH_METHOD_NOT_ALLOWED);
    }

    return ngx_http_wix_auth_endpoint_get(call);
}


/* passwords and codes are among the values */

static void
ngx_http_wix_auth_endpoint_cleanup(void *data)
{
    ngx_http_wix_auth_call_t  *call = data;

    ngx_uint_t                 i;
    ngx_http_wix_auth_pair_t  *pair;

    if (call->input == NULL) {
        return;
    }

    pair = call->input->elts;

    for (i = 0; i < call->input->nelts; i++) {
        if (pair[i].value.len) {
            ngx_explicit_memzero(pair[i].value.data, pair[i].value.len);
        }
    }
}


static ngx_int_t
ngx_http_wix_auth_endpoint_get(ngx_http_wix_auth_call_t *call)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = call->request;

    rc = ngx_http_wix_auth_endpoint_query(call);

    if (rc == NGX_DECLINED) {
        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INVALID_REQUEST);
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_wix_auth_handlers[call->endpoint].get(call);

    if (rc == NGX_DONE) {

        /* a call to Wix is under way and answers later */

        r->main->count++;
        r->write_event_handler = ngx_http_request_empty_handler;

        if (!r->discard_body) {
            r->read_event_handler = ngx_http_test_reading;
        }
    }

    return rc;
}


/* a form or JSON; logout needs no body and then no type */

static ngx_uint_t
ngx_http_wix_auth_endpoint_readable(ngx_http_wix_auth_call_t *call)
{
    switch (call->type) {

    case NGX_HTTP_WIX_AUTH_TYPE_FORM:
    case NGX_HTTP_WIX_AUTH_TYPE_JSON:
        return 1;

    case NGX_HTTP_WIX_AUTH_TYPE_NONE:
        return call->endpoint == NGX_HTTP_WIX_AUTH_EP_LOGOUT
               && call->request->headers_in.content_length_n <= 0
               && !call->request->headers_in.chunked;

    default:
        return 0;
    }
}


static ngx_uint_t
ngx_http_wix_auth_endpoint_of(ngx_http_request_t *r,
    ngx_http_wix_auth_conf_t *conf)
{
    ngx_str_t                  name;
    ngx_uint_t                 i;
    ngx_http_core_loc_conf_t  *clcf;

    if (conf->endpoint != NGX_HTTP_WIX_AUTH_EP_ALL) {
        return conf->endpoint;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (r->uri.len < clcf->name.len) {
        return NGX_HTTP_WIX_AUTH_EP_NONE;
    }

    name.data = r->uri.data + clcf->name.len;
    name.len = r->uri.len - clcf->name.len;

    for (i = NGX_HTTP_WIX_AUTH_EP_LOGIN; i < NGX_HTTP_WIX_AUTH_EP_MAX; i++) {
        if (name.len == ngx_http_wix_auth_endpoint_names[i].len
            && ngx_strncmp(name.data,
                           ngx_http_wix_auth_endpoint_names[i].data,
                           name.len)
               == 0)
        {
            return i;
        }
    }

    return NGX_HTTP_WIX_AUTH_EP_NONE;
}


/* NGX_OK; NGX_DECLINED: it is malformed; NGX_ERROR */

static ngx_int_t
ngx_http_wix_auth_endpoint_query(ngx_http_wix_auth_call_t *call)
{
    ngx_int_t            rc;
    ngx_str_t           *args;
    const char          *err;
    ngx_http_request_t  *r;

    r = call->request;

    /* the copy that was made before code and state were masked */

    args = (r == r->main && call->login->rec->args.data)
           ? &call->login->rec->args : &r->args;

    rc = ngx_http_wix_auth_form_parse(r->pool, args,
                                      NGX_HTTP_WIX_AUTH_FIELDS_MAX,
                                      &call->input, &err);

    if (rc == NGX_OK
        && call->endpoint == NGX_HTTP_WIX_AUTH_EP_CALLBACK
        && ngx_http_wix_auth_endpoint_encoded(args))
    {
        /* an encoded name escapes the mask, so it is no name of ours */
        return NGX_DECLINED;
    }

    return rc;
}


static ngx_uint_t
ngx_http_wix_auth_endpoint_encoded(ngx_str_t *args)
{
    u_char  *p, *last;

    p = args->data;
    last = p + args->len;

    while (p < last) {

        while (p < last && *p != '=' && *p != '&') {
            if (*p++ == '%') {
                return 1;
            }
        }

        while (p < last && *p++ != '&') { /* void */ }
    }

    return 0;
}


static void
ngx_http_wix_auth_endpoint_body(ngx_http_request_t *r, ngx_uint_t reason,
    ngx_str_t *body, void *data)
{
    ngx_http_wix_auth_call_t  *call = data;

    ngx_int_t  rc;

    if (reason == NGX_HTTP_WIX_AUTH_OK
        && ngx_http_wix_auth_input_cross_site(r, &call->login->site,
                                              call->type))
    {
        reason = NGX_HTTP_WIX_AUTH_CROSS_SITE;
    }

    if (reason == NGX_HTTP_WIX_AUTH_OK) {

        rc = ngx_http_wix_auth_input_parse(r, call->type, body,
                                           &call->input);

        if (rc == NGX_DECLINED) {
            reason = NGX_HTTP_WIX_AUTH_INVALID_REQUEST;

        } else if (rc != NGX_OK) {
            reason = NGX_HTTP_WIX_AUTH_INTERNAL_ERROR;
        }
    }

    if (reason != NGX_HTTP_WIX_AUTH_OK) {
        rc = ngx_http_wix_auth_call_error(call, reason);

    } else {
        rc = ngx_http_wix_auth_handlers[call->endpoint].post(call);
    }

    if (rc == NGX_DONE) {
        r->read_event_handler = ngx_http_test_reading;
        r->write_event_handler = ngx_http_request_empty_handler;
        return;
    }

    ngx_http_finalize_request(r, rc);
}
