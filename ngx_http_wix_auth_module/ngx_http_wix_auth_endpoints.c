
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_endpoint.h"
#include "ngx_http_wix_auth_endpoints.h"


static ngx_http_wix_auth_call_t *ngx_http_wix_auth_endpoint_call(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_wix_auth_endpoint_refuse(
    ngx_http_wix_auth_call_t *call);
static void ngx_http_wix_auth_endpoint_origin(
    ngx_http_wix_auth_call_t *call);
static ngx_uint_t ngx_http_wix_auth_endpoint_asks(
    ngx_http_wix_auth_call_t *call);
static ngx_int_t ngx_http_wix_auth_endpoint_preflight(
    ngx_http_wix_auth_call_t *call);
static void ngx_http_wix_auth_endpoint_cleanup(void *data);
static ngx_int_t ngx_http_wix_auth_endpoint_get(
    ngx_http_wix_auth_call_t *call);
static ngx_uint_t ngx_http_wix_auth_endpoint_readable(
    ngx_http_wix_auth_call_t *call);
static ngx_uint_t ngx_http_wix_auth_endpoint_of(ngx_http_request_t *r,
    ngx_http_wix_auth_conf_t *conf);
static ngx_int_t ngx_http_wix_auth_endpoint_query(
    ngx_http_wix_auth_call_t *call);
static ngx_uint_t ngx_http_wix_auth_endpoint_encoded(ngx_str_t *args);
static void ngx_http_wix_auth_endpoint_body(ngx_http_request_t *r,
    ngx_uint_t reason, ngx_str_t *body, void *data);
static ngx_uint_t ngx_http_wix_auth_endpoint_parse(
    ngx_http_wix_auth_call_t *call, ngx_str_t *body);
static ngx_uint_t ngx_http_wix_auth_endpoint_insecure(
    ngx_http_wix_auth_call_t *call);


/* by ..._endpoint_e */

ngx_http_wix_auth_handlers_t  ngx_http_wix_auth_handlers[] = {

    { NULL, NULL, ngx_null_string, 0, 0, 0, 0, 0 },
    { NULL, NULL, ngx_null_string, 0, 0, 0, 0, 0 },

    { ngx_http_wix_auth_get_form, ngx_http_wix_auth_post_credentials,
      ngx_string("GET, HEAD, POST"),
      NGX_HTTP_WIX_AUTH_PAGE_LOGIN, 1, 1, 1, 1 },

    { ngx_http_wix_auth_get_form, ngx_http_wix_auth_post_credentials,
      ngx_string("GET, HEAD, POST"),
      NGX_HTTP_WIX_AUTH_PAGE_REGISTER, 1, 1, 1, 1 },

    { ngx_http_wix_auth_get_form, ngx_http_wix_auth_post_verify,
      ngx_string("GET, HEAD, POST"),
      NGX_HTTP_WIX_AUTH_PAGE_VERIFY, 1, 0, 0, 1 },

    { ngx_http_wix_auth_get_form, ngx_http_wix_auth_post_recover,
      ngx_string("GET, HEAD, POST"),
      NGX_HTTP_WIX_AUTH_PAGE_RECOVER, 1, 0, 0, 1 },

    { ngx_http_wix_auth_get_callback, ngx_http_wix_auth_get_callback,
      ngx_string("GET, HEAD, POST"), 0, 0, 0, 0, 1 },

    { ngx_http_wix_auth_get_logout, ngx_http_wix_auth_post_logout,
      ngx_string("POST"), 0, 0, 0, 0, 0 },

    { ngx_http_wix_auth_get_session, NULL,
      ngx_string("GET, HEAD"), 0, 0, 0, 0, 0 }
};


ngx_int_t
ngx_http_wix_auth_endpoints_handler(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_http_wix_auth_call_t  *call;

    call = ngx_http_wix_auth_endpoint_call(r);

    if (call == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (call->login == NULL) {
        rc = ngx_http_discard_request_body(r);

        return (rc != NGX_OK) ? rc
               : ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
    }

    if (r != r->main && !(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        /* a subrequest shares the body with whom it belongs to: hands off */
        return ngx_http_wix_auth_call_error(call,
                                         NGX_HTTP_WIX_AUTH_METHOD_NOT_ALLOWED);
    }

    if (call->post && ngx_http_wix_auth_handlers[call->endpoint].post
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

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))
        || ngx_http_wix_auth_handlers[call->endpoint].get == NULL)
    {
        return ngx_http_wix_auth_endpoint_refuse(call);
    }

    return ngx_http_wix_auth_endpoint_get(call);
}


static ngx_http_wix_auth_call_t *
ngx_http_wix_auth_endpoint_call(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t        *cln;
    ngx_http_wix_auth_call_t  *call;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_wix_auth_call_t));
    if (cln == NULL) {
        return NULL;
    }

    call = cln->data;
    ngx_memzero(call, sizeof(ngx_http_wix_auth_call_t));
    cln->handler = ngx_http_wix_auth_endpoint_cleanup;

    call->request = r;
    call->conf = ngx_http_get_module_loc_conf(r, ngx_http_wix_auth_module);
    call->endpoint = ngx_http_wix_auth_endpoint_of(r, call->conf);
    call->type = ngx_http_wix_auth_input_type(r);
    call->post = (r->method == NGX_HTTP_POST);
    call->html = !(ngx_http_wix_auth_input_wants_json(r)
                   || (call->post
                       && call->type == NGX_HTTP_WIX_AUTH_TYPE_JSON));

    ngx_http_wix_auth_endpoint_origin(call);

    call->login = ngx_http_wix_auth_login_create(r, call->conf);

    if (call->login) {
        call->login->data = call;
    }

    return call;
}


/* neither a GET nor a POST with a body that can be read */

static ngx_int_t
ngx_http_wix_auth_endpoint_refuse(ngx_http_wix_auth_call_t *call)
{
    ngx_http_wix_auth_handlers_t  *handlers;

    handlers = &ngx_http_wix_auth_handlers[call->endpoint];

    if (handlers->allow.len == 0) {
        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_NOT_FOUND);
    }

    if (call->post && handlers->post) {
        return ngx_http_wix_auth_call_error(call,
                                    NGX_HTTP_WIX_AUTH_UNSUPPORTED_MEDIA_TYPE);
    }

    if (ngx_http_wix_auth_endpoint_asks(call)) {
        return ngx_http_wix_auth_endpoint_preflight(call);
    }

    return ngx_http_wix_auth_call_error(call,
                                        NGX_HTTP_WIX_AUTH_METHOD_NOT_ALLOWED);
}


/* pages of other origins that may call us (Fetch, 3.2) */

static void
ngx_http_wix_auth_endpoint_origin(ngx_http_wix_auth_call_t *call)
{
    ngx_str_t  *origin;

    if (call->conf->origins == NULL) {
        return;
    }

    origin = ngx_http_wix_auth_input_header(call->request, "origin");

    if (origin && ngx_http_wix_auth_site_allowed(call->conf, origin)) {
        call->origin = *origin;
    }
}


static ngx_uint_t
ngx_http_wix_auth_endpoint_asks(ngx_http_wix_auth_call_t *call)
{
    return call->request->method == NGX_HTTP_OPTIONS
           && call->origin.len
           && ngx_http_wix_auth_input_header(call->request,
                                             "access-control-request-method");
}


static ngx_int_t
ngx_http_wix_auth_endpoint_preflight(ngx_http_wix_auth_call_t *call)
{
    ngx_http_wix_auth_answer_t  a;

    ngx_memzero(&a, sizeof(ngx_http_wix_auth_answer_t));

    a.status = NGX_HTTP_NO_CONTENT;
    a.methods = ngx_http_wix_auth_handlers[call->endpoint].allow;

    return ngx_http_wix_auth_call_answer(call, &a);
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

    if (ngx_http_wix_auth_endpoint_insecure(call)) {
        return ngx_http_wix_auth_call_error(call,
                                         NGX_HTTP_WIX_AUTH_INSECURE_TRANSPORT);
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

    if (reason == NGX_HTTP_WIX_AUTH_OK) {
        reason = ngx_http_wix_auth_endpoint_parse(call, body);
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


static ngx_uint_t
ngx_http_wix_auth_endpoint_parse(ngx_http_wix_auth_call_t *call,
    ngx_str_t *body)
{
    ngx_int_t                   rc;
    ngx_http_request_t         *r;
    ngx_http_wix_auth_json_t  **profile;

    r = call->request;

    if (ngx_http_wix_auth_input_cross_site(r, call->conf,
                                           &call->login->site, call->type))
    {
        return NGX_HTTP_WIX_AUTH_CROSS_SITE;
    }

    profile = (call->endpoint == NGX_HTTP_WIX_AUTH_EP_REGISTER)
              ? &call->profile : NULL;

    rc = ngx_http_wix_auth_input_parse(r, call->type, body, &call->input,
                                       profile, &call->fields);

    if (rc == NGX_DECLINED) {
        return NGX_HTTP_WIX_AUTH_INVALID_REQUEST;
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_WIX_AUTH_INTERNAL_ERROR;
    }

    if (ngx_http_wix_auth_endpoint_insecure(call)) {
        return NGX_HTTP_WIX_AUTH_INSECURE_TRANSPORT;
    }

    return NGX_HTTP_WIX_AUTH_OK;
}


/* a Secure cookie would not come back over plain http */

static ngx_uint_t
ngx_http_wix_auth_endpoint_insecure(ngx_http_wix_auth_call_t *call)
{
    ngx_http_wix_auth_site_t  *site;

    site = &call->login->site;

    return ngx_http_wix_auth_handlers[call->endpoint].cookies
           && call->conf->cookies->session.secure
           && !site->secure && !site->loopback;
}
