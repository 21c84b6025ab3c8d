
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_endpoint.h"
#include "ngx_http_wix_auth_json.h"


#define NGX_HTTP_WIX_AUTH_RETRY_AFTER  5    /* seconds, when not told */


void
ngx_http_wix_auth_call_return(ngx_http_wix_auth_call_t *call)
{
    ngx_str_t                  *url;
    ngx_http_wix_auth_login_t  *l;

    l = call->login;
    url = ngx_http_wix_auth_form_get(call->input, "return");

    if (url && url->len
        && ngx_http_wix_auth_url_return(call->request->pool, url,
                                        &l->site.base, 1)
           == NGX_OK)
    {
        l->return_url = *url;
        return;
    }

    ngx_str_set(&l->return_url, "/");
}


ngx_int_t
ngx_http_wix_auth_call_page(ngx_http_wix_auth_call_t *call, ngx_uint_t page,
    ngx_uint_t reason, ngx_http_wix_auth_answer_t *a)
{
    u_char                           *p;
    ngx_str_t                        *name;
    ngx_http_wix_auth_login_t        *l;
    ngx_http_wix_auth_pair_t         *field;
    ngx_http_wix_auth_page_values_t   values;

    l = call->login;

    ngx_memzero(&values, sizeof(ngx_http_wix_auth_page_values_t));

    values.site = l->site.host;
    values.email = l->email;
    values.return_url = l->return_url;

    if (reason != NGX_HTTP_WIX_AUTH_OK) {
        values.error = ngx_http_wix_auth_reason(reason)->code;
        values.message = ngx_http_wix_auth_reason(reason)->message;
    }

    if (call->fields && call->fields->nelts) {
        field = call->fields->elts;
        values.message = field->value;
    }

    name = &ngx_http_wix_auth_endpoint_names[
                                page == NGX_HTTP_WIX_AUTH_PAGE_LOGOUT
                                ? NGX_HTTP_WIX_AUTH_EP_LOGOUT
                                : NGX_HTTP_WIX_AUTH_EP_LOGIN];

    p = ngx_pnalloc(call->request->pool, l->site.prefix.len + name->len);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    values.action.data = p;
    values.action.len = ngx_sprintf(p, "%V%V", &l->site.prefix, name) - p;

    if (ngx_http_wix_auth_reply_page(call->request, page, &values, a)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (call->endpoint == NGX_HTTP_WIX_AUTH_EP_CALLBACK) {
        a->no_referrer = 1;
    }

    return ngx_http_wix_auth_answer(call->request, a);
}


ngx_int_t
ngx_http_wix_auth_call_redirect(ngx_http_wix_auth_call_t *call,
    ngx_str_t *url, ngx_uint_t leaves, ngx_http_wix_auth_answer_t *a)
{
    ngx_str_t                         home;
    ngx_http_wix_auth_json_writer_t  *w;

    if (url->len == 0) {
        ngx_str_set(&home, "/");
        url = &home;
    }

    a->no_referrer = (leaves
                      || call->endpoint == NGX_HTTP_WIX_AUTH_EP_CALLBACK);

    if (call->html
        || (!call->post && call->endpoint == NGX_HTTP_WIX_AUTH_EP_LOGIN))
    {
        ngx_http_wix_auth_reply_redirect(
                                (leaves && !call->post)
                                ? NGX_HTTP_MOVED_TEMPORARILY
                                : NGX_HTTP_SEE_OTHER,
                                url, a);

        return ngx_http_wix_auth_answer(call->request, a);
    }

    w = ngx_http_wix_auth_json_begin(call->request->pool);
    if (w == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_wix_auth_json_object(w, NULL);

    if (call->endpoint != NGX_HTTP_WIX_AUTH_EP_LOGOUT) {
        ngx_http_wix_auth_json_put_c(w, "state", "SUCCESS");
    }

    ngx_http_wix_auth_json_put(w, "redirectUrl", url);
    ngx_http_wix_auth_json_end(w);

    if (ngx_http_wix_auth_json_finish(w, &a->body) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    a->status = NGX_HTTP_OK;
    ngx_str_set(&a->type, "application/json");

    return ngx_http_wix_auth_answer(call->request, a);
}


ngx_int_t
ngx_http_wix_auth_call_state(ngx_http_wix_auth_call_t *call,
    const char *state, ngx_http_wix_auth_answer_t *a)
{
    ngx_http_wix_auth_json_writer_t  *w;

    w = ngx_http_wix_auth_json_begin(call->request->pool);
    if (w == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_wix_auth_json_object(w, NULL);
    ngx_http_wix_auth_json_put_c(w, "state", state);

    if (call->login->state_token.len) {
        ngx_http_wix_auth_json_put(w, "stateToken",
                                   &call->login->state_token);
    }

    ngx_http_wix_auth_json_end(w);

    if (ngx_http_wix_auth_json_finish(w, &a->body) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    a->status = NGX_HTTP_OK;
    ngx_str_set(&a->type, "application/json");

    return ngx_http_wix_auth_answer(call->request, a);
}


ngx_int_t
ngx_http_wix_auth_call_error(ngx_http_wix_auth_call_t *call,
    ngx_uint_t reason)
{
    ngx_str_t                    url, none;
    ngx_http_request_t          *r;
    ngx_http_wix_auth_login_t   *l;
    ngx_http_wix_auth_answer_t   a;
    ngx_http_wix_auth_reason_t  *why;

    r = call->request;
    l = call->login;
    why = ngx_http_wix_auth_reason(reason);

    ngx_memzero(&a, sizeof(ngx_http_wix_auth_answer_t));

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "wix_auth: endpoint refused, %V", &why->code);

    if (l) {
        l->rec->reason = reason;
        l->rec->answered = 1;
    }

    switch (why->status) {

    case NGX_HTTP_NOT_ALLOWED:
        a.allow = ngx_http_wix_auth_handlers[call->endpoint].allow;
        break;

    case NGX_HTTP_TOO_MANY_REQUESTS:
    case NGX_HTTP_SERVICE_UNAVAILABLE:
    case NGX_HTTP_GATEWAY_TIME_OUT:
        a.retry_after = (l && l->retry_after > 0)
                        ? l->retry_after : NGX_HTTP_WIX_AUTH_RETRY_AFTER;
        break;
    }

    if (call->html && l && call->post
        && call->endpoint == NGX_HTTP_WIX_AUTH_EP_LOGIN
        && reason != NGX_HTTP_WIX_AUTH_CROSS_SITE
        && ngx_http_wix_auth_login_bind(l) == NGX_OK)
    {
        /* the form again, with what can be kept */

        a.status = why->status;
        return ngx_http_wix_auth_call_page(call, NGX_HTTP_WIX_AUTH_PAGE_LOGIN,
                                           reason, &a);
    }

    ngx_str_null(&url);
    ngx_str_null(&none);

    if (l && call->html
        && ngx_http_wix_auth_site_login_url(r, &l->site.prefix, &none, &url)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_wix_auth_reply_error(r, reason, call->html, call->fields,
                                      &url, &a)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (call->endpoint == NGX_HTTP_WIX_AUTH_EP_CALLBACK) {
        a.no_referrer = 1;
    }

    return ngx_http_wix_auth_answer(r, &a);
}


void
ngx_http_wix_auth_call_finish(ngx_http_wix_auth_call_t *call, ngx_int_t rc)
{
    ngx_connection_t  *c;

    c = call->request->connection;

    ngx_http_set_log_request(c->log, call->request);

    ngx_http_finalize_request(call->request, rc);
    ngx_http_run_posted_requests(c);
}
