
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_endpoint.h"
#include "ngx_http_wix_auth_json.h"


#define NGX_HTTP_WIX_AUTH_RETRY_AFTER  5    /* seconds, when not told */


static ngx_int_t ngx_http_wix_auth_call_values(ngx_http_wix_auth_call_t *call,
    ngx_uint_t page, ngx_uint_t reason,
    ngx_http_wix_auth_page_values_t *values);
static void ngx_http_wix_auth_call_mode(ngx_http_wix_auth_call_t *call,
    ngx_uint_t page, ngx_uint_t reason,
    ngx_http_wix_auth_page_values_t *values);
static ngx_int_t ngx_http_wix_auth_call_query(ngx_http_wix_auth_call_t *call,
    ngx_str_t *query);
static ngx_int_t ngx_http_wix_auth_call_way_out(
    ngx_http_wix_auth_call_t *call, ngx_str_t *url);
static ngx_array_t *ngx_http_wix_auth_call_fields(
    ngx_http_wix_auth_call_t *call);
static ngx_int_t ngx_http_wix_auth_call_error_html(
    ngx_http_wix_auth_call_t *call, ngx_uint_t reason,
    ngx_http_wix_auth_answer_t *a);
static ngx_int_t ngx_http_wix_auth_call_error_json(
    ngx_http_wix_auth_call_t *call, ngx_uint_t reason,
    ngx_http_wix_auth_answer_t *a);
static ngx_uint_t ngx_http_wix_auth_call_has_form(
    ngx_http_wix_auth_call_t *call, ngx_uint_t reason);
static ngx_uint_t ngx_http_wix_auth_call_has_own(
    ngx_http_wix_auth_call_t *call, ngx_uint_t reason);


/* the endpoint that a page's form posts to, or its link leads to, and what
   its script may do */

static struct {
    ngx_uint_t   endpoint;
    unsigned     captcha:1;
    unsigned     frame:1;
} ngx_http_wix_auth_call_pages[NGX_HTTP_WIX_AUTH_PAGE_MAX] = {
    { NGX_HTTP_WIX_AUTH_EP_LOGIN, 1, 1 },         /* login */
    { NGX_HTTP_WIX_AUTH_EP_REGISTER, 1, 1 },      /* register */
    { NGX_HTTP_WIX_AUTH_EP_VERIFY, 1, 1 },        /* verify */
    { NGX_HTTP_WIX_AUTH_EP_RECOVER, 0, 0 },       /* recover */
    { NGX_HTTP_WIX_AUTH_EP_LOGIN, 0, 0 },         /* pending */
    { NGX_HTTP_WIX_AUTH_EP_LOGIN, 0, 0 },         /* error */
    { NGX_HTTP_WIX_AUTH_EP_LOGIN, 0, 0 },         /* signed out */
    { NGX_HTTP_WIX_AUTH_EP_LOGOUT, 0, 0 },        /* logout */
    { NGX_HTTP_WIX_AUTH_EP_CALLBACK, 0, 0 }       /* callback */
};


void
ngx_http_wix_auth_call_return(ngx_http_wix_auth_call_t *call)
{
    ngx_str_t                  *url;
    ngx_http_wix_auth_login_t  *l;

    l = call->login;
    url = ngx_http_wix_auth_form_get(call->input, "return");

    if (url && url->len
        && ngx_http_wix_auth_url_return(call->request->pool, url,
                                        l->site.origins, l->site.norigins)
           == NGX_OK)
    {
        l->return_url = *url;
        return;
    }

    ngx_str_set(&l->return_url, "/");
}


void
ngx_http_wix_auth_call_wrong(ngx_http_wix_auth_call_t *call,
    const char *name, const char *text)
{
    ngx_http_wix_auth_pair_t  *field;

    /* whether or not it can be told */
    call->wrong = 1;

    if (call->fields == NULL) {
        call->fields = ngx_array_create(call->request->pool, 4,
                                        sizeof(ngx_http_wix_auth_pair_t));

        if (call->fields == NULL) {
            return;
        }
    }

    field = ngx_array_push(call->fields);

    if (field) {
        field->name.data = (u_char *) name;
        field->name.len = ngx_strlen(name);
        field->value.data = (u_char *) text;
        field->value.len = ngx_strlen(text);
    }
}


ngx_int_t
ngx_http_wix_auth_call_page(ngx_http_wix_auth_call_t *call, ngx_uint_t page,
    ngx_uint_t reason, ngx_http_wix_auth_answer_t *a)
{
    ngx_http_wix_auth_page_values_t  values;

    if (ngx_http_wix_auth_call_values(call, page, reason, &values) != NGX_OK
        || ngx_http_wix_auth_reply_page(call->request, page, &values, a)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /*
     * A page with a form must not hide where it comes from: browsers would
     * send "Origin: null" with what it posts.
     */

    if (call->endpoint == NGX_HTTP_WIX_AUTH_EP_CALLBACK
        && page != NGX_HTTP_WIX_AUTH_PAGE_CALLBACK)
    {
        a->no_referrer = 1;
    }

    return ngx_http_wix_auth_call_answer(call, a);
}


static ngx_int_t
ngx_http_wix_auth_call_values(ngx_http_wix_auth_call_t *call,
    ngx_uint_t page, ngx_uint_t reason,
    ngx_http_wix_auth_page_values_t *values)
{
    u_char                     *p;
    ngx_str_t                  *name;
    ngx_http_wix_auth_login_t  *l;
    ngx_http_wix_auth_pair_t   *field;

    l = call->login;

    ngx_memzero(values, sizeof(ngx_http_wix_auth_page_values_t));

    values->site = l->site.host;
    values->prefix = l->site.prefix;
    values->email = call->email.len ? call->email : l->email;
    values->return_url = l->return_url;
    values->state = call->state;
    values->state_token = l->state_token.len ? l->state_token : call->token;

    if (reason != NGX_HTTP_WIX_AUTH_OK) {
        values->error = ngx_http_wix_auth_reason(reason)->code;
        values->message = ngx_http_wix_auth_reason(reason)->message;

        values->fields = ngx_http_wix_auth_call_fields(call);

        if (values->fields) {
            field = values->fields->elts;
            values->message = field->value;
        }
    }

    if (page == NGX_HTTP_WIX_AUTH_PAGE_ERROR) {
        ngx_http_wix_auth_reply_request_id(call->request,
                                           &values->request_id);
    }

    ngx_http_wix_auth_call_mode(call, page, reason, values);

    if (ngx_http_wix_auth_call_query(call, &values->query) != NGX_OK) {
        return NGX_ERROR;
    }

    if (page == NGX_HTTP_WIX_AUTH_PAGE_ERROR) {

        if (reason == NGX_HTTP_WIX_AUTH_UNSUPPORTED_STATE) {
            return ngx_http_wix_auth_call_way_out(call, &values->action);
        }

        return ngx_http_wix_auth_site_login_url(call->request,
                                                &l->site.prefix,
                                                values->query.len
                                                ? &l->return_url
                                                : &values->query,
                                                &values->action);
    }

    name = &ngx_http_wix_auth_endpoint_names[
                                 ngx_http_wix_auth_call_pages[page].endpoint];

    p = ngx_pnalloc(call->request->pool, l->site.prefix.len + name->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    values->action.data = p;
    values->action.len = ngx_sprintf(p, "%V%V", &l->site.prefix, name) - p;

    return NGX_OK;
}


static void
ngx_http_wix_auth_call_mode(ngx_http_wix_auth_call_t *call, ngx_uint_t page,
    ngx_uint_t reason, ngx_http_wix_auth_page_values_t *values)
{
    ngx_http_wix_auth_conf_t  *conf;

    conf = call->conf;

    if (ngx_http_wix_auth_call_pages[page].frame
        && conf->response_mode == NGX_HTTP_WIX_AUTH_RESPONSE_WEB_MESSAGE)
    {
        values->response_mode = NGX_HTTP_WIX_AUTH_RESPONSE_WEB_MESSAGE;
    }

    if (!ngx_http_wix_auth_call_pages[page].captcha) {
        return;
    }

    values->captcha = conf->captcha;

    /* once Wix has asked for it, the form keeps it, whatever is wrong next */

    if (conf->captcha == NGX_HTTP_WIX_AUTH_CAPTCHA_OFF
        && (reason == NGX_HTTP_WIX_AUTH_CAPTCHA_REQUIRED
            || reason == NGX_HTTP_WIX_AUTH_CAPTCHA_INVALID
            || call->login->captcha.len))
    {
        values->captcha = NGX_HTTP_WIX_AUTH_CAPTCHA_VISIBLE;
    }
}


/* "?return=...", or nothing where the return URL would be "/" anyway */

static ngx_int_t
ngx_http_wix_auth_call_query(ngx_http_wix_auth_call_t *call,
    ngx_str_t *query)
{
    u_char     *p;
    ngx_str_t  *url;

    url = &call->login->return_url;

    if (url->len == 0 || (url->len == 1 && url->data[0] == '/')) {
        ngx_str_null(query);
        return NGX_OK;
    }

    p = ngx_pnalloc(call->request->pool, sizeof("?return=")
                    + ngx_http_wix_auth_url_encoded_len(url));
    if (p == NULL) {
        return NGX_ERROR;
    }

    query->data = p;

    p = ngx_cpymem(p, "?return=", sizeof("?return=") - 1);
    p = ngx_http_wix_auth_url_encode(p, url);

    query->len = p - query->data;

    return NGX_OK;
}


/* Wix's own page knows every step of a login */

static ngx_int_t
ngx_http_wix_auth_call_way_out(ngx_http_wix_auth_call_t *call, ngx_str_t *url)
{
    u_char                     *p;
    ngx_str_t                   query;
    ngx_http_wix_auth_login_t  *l;

    l = call->login;

    if (ngx_http_wix_auth_call_query(call, &query) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(call->request->pool, l->site.prefix.len
                    + sizeof("login?wix=1&") + query.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    url->data = p;

    p = ngx_sprintf(p, "%Vlogin?wix=1", &l->site.prefix);

    if (query.len) {
        *p++ = '&';
        p = ngx_cpymem(p, query.data + 1, query.len - 1);
    }

    url->len = p - url->data;

    return NGX_OK;
}


/*
 * What is wrong with the input, as we or as Wix judged it; NULL: nothing.
 * Wix's name of the address is not that of the form's field.
 */

static ngx_array_t *
ngx_http_wix_auth_call_fields(ngx_http_wix_auth_call_t *call)
{
    ngx_uint_t                 i;
    ngx_array_t               *fields;
    ngx_http_wix_auth_pair_t  *field;

    static ngx_str_t  login_id = ngx_string("loginId.");

    if (call->fields && call->fields->nelts) {
        return call->fields;
    }

    fields = call->login ? call->login->fields : NULL;

    if (fields == NULL || fields->nelts == 0) {
        return NULL;
    }

    if (!call->html) {
        return fields;
    }

    field = fields->elts;

    for (i = 0; i < fields->nelts; i++) {
        if (field[i].name.len > login_id.len
            && ngx_strncmp(field[i].name.data, login_id.data, login_id.len)
               == 0)
        {
            field[i].name.data += login_id.len;
            field[i].name.len -= login_id.len;
        }
    }

    return fields;
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
        || (!call->post && ngx_http_wix_auth_handlers[call->endpoint].form))
    {
        ngx_http_wix_auth_reply_redirect(
                                (leaves && !call->post)
                                ? NGX_HTTP_MOVED_TEMPORARILY
                                : NGX_HTTP_SEE_OTHER,
                                url, a);

        return ngx_http_wix_auth_call_answer(call, a);
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

    if (leaves
        && ngx_http_wix_auth_handlers[call->endpoint].form
        && call->login->response_mode
           == NGX_HTTP_WIX_AUTH_RESPONSE_WEB_MESSAGE)
    {
        ngx_http_wix_auth_json_put_c(w, "responseMode", "web_message");
    }

    ngx_http_wix_auth_json_end(w);

    if (ngx_http_wix_auth_json_finish(w, &a->body) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    a->status = NGX_HTTP_OK;
    ngx_str_set(&a->type, "application/json");

    return ngx_http_wix_auth_call_answer(call, a);
}


ngx_int_t
ngx_http_wix_auth_call_own_page(ngx_http_wix_auth_call_t *call,
    ngx_uint_t status, const char *name, ngx_str_t *value,
    ngx_http_wix_auth_answer_t *a)
{
    ngx_str_t                   url;
    ngx_http_wix_auth_login_t  *l;

    l = call->login;

    if (l->return_url.len == 0) {
        ngx_str_set(&l->return_url, "/");
    }

    if (ngx_http_wix_auth_site_page_url(call->request, call->conf->login,
                                        &l->site.base, name, value,
                                        &l->return_url, &url)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_wix_auth_reply_redirect(status, &url, a);

    if (call->endpoint == NGX_HTTP_WIX_AUTH_EP_CALLBACK) {
        a->no_referrer = 1;
    }

    return ngx_http_wix_auth_call_answer(call, a);
}


ngx_int_t
ngx_http_wix_auth_call_state(ngx_http_wix_auth_call_t *call,
    ngx_str_t *state, ngx_uint_t page)
{
    ngx_uint_t                        verify;
    ngx_http_wix_auth_login_t        *l;
    ngx_http_wix_auth_answer_t        a;
    ngx_http_wix_auth_json_writer_t  *w;

    l = call->login;
    verify = (page == NGX_HTTP_WIX_AUTH_PAGE_VERIFY);

    ngx_memzero(&a, sizeof(ngx_http_wix_auth_answer_t));

    a.status = NGX_HTTP_OK;

    if (call->html) {

        if (call->conf->login->kind != NGX_HTTP_WIX_AUTH_LOGIN_URI) {
            return ngx_http_wix_auth_call_page(call, page,
                                               NGX_HTTP_WIX_AUTH_OK, &a);
        }

        if (verify
            && ngx_http_wix_auth_call_token(call, &l->state_token) != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_wix_auth_call_own_page(call, NGX_HTTP_SEE_OTHER,
                                               "state", state, &a);
    }

    w = ngx_http_wix_auth_json_begin(call->request->pool);
    if (w == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_wix_auth_json_object(w, NULL);
    ngx_http_wix_auth_json_put(w, "state", state);

    if (verify) {
        ngx_http_wix_auth_json_put(w, "stateToken", &l->state_token);
    }

    ngx_http_wix_auth_json_end(w);

    if (ngx_http_wix_auth_json_finish(w, &a.body) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&a.type, "application/json");

    return ngx_http_wix_auth_call_answer(call, &a);
}


ngx_int_t
ngx_http_wix_auth_call_error(ngx_http_wix_auth_call_t *call,
    ngx_uint_t reason)
{
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

    a.status = why->status;

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

    return call->html ? ngx_http_wix_auth_call_error_html(call, reason, &a)
                      : ngx_http_wix_auth_call_error_json(call, reason, &a);
}


static ngx_int_t
ngx_http_wix_auth_call_error_html(ngx_http_wix_auth_call_t *call,
    ngx_uint_t reason, ngx_http_wix_auth_answer_t *a)
{
    ngx_str_t                      none;
    ngx_http_wix_auth_handlers_t  *form;

    if (call->login == NULL) {
        ngx_str_null(&none);

        if (ngx_http_wix_auth_reply_error(call->request, reason, 1, NULL,
                                          &none, a)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_wix_auth_call_answer(call, a);
    }

    if (ngx_http_wix_auth_call_has_own(call, reason)) {
        return ngx_http_wix_auth_call_own_page(call, NGX_HTTP_SEE_OTHER,
                                               "error",
                                    &ngx_http_wix_auth_reason(reason)->code,
                                               a);
    }

    if (ngx_http_wix_auth_call_has_form(call, reason)) {
        form = &ngx_http_wix_auth_handlers[call->endpoint];

        if (!form->bind
            || ngx_http_wix_auth_login_bind(call->login) == NGX_OK)
        {
            /* once more, with what can be kept */
            return ngx_http_wix_auth_call_page(call, form->page, reason, a);
        }
    }

    return ngx_http_wix_auth_call_page(call, NGX_HTTP_WIX_AUTH_PAGE_ERROR,
                                       reason, a);
}


static ngx_int_t
ngx_http_wix_auth_call_error_json(ngx_http_wix_auth_call_t *call,
    ngx_uint_t reason, ngx_http_wix_auth_answer_t *a)
{
    ngx_str_t  url;

    ngx_str_null(&url);

    if (call->login
        && reason == NGX_HTTP_WIX_AUTH_UNSUPPORTED_STATE
        && ngx_http_wix_auth_call_way_out(call, &url) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_wix_auth_reply_error(call->request, reason, 0,
                                      ngx_http_wix_auth_call_fields(call),
                                      &url, a)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (call->endpoint == NGX_HTTP_WIX_AUTH_EP_CALLBACK) {
        a->no_referrer = 1;
    }

    return ngx_http_wix_auth_call_answer(call, a);
}


/* whether the form that was posted can be filled in again */

static ngx_uint_t
ngx_http_wix_auth_call_has_form(ngx_http_wix_auth_call_t *call,
    ngx_uint_t reason)
{
    if (!call->post || !ngx_http_wix_auth_handlers[call->endpoint].form) {
        return 0;
    }

    switch (reason) {

    case NGX_HTTP_WIX_AUTH_CROSS_SITE:
    case NGX_HTTP_WIX_AUTH_ATTEMPT_EXPIRED:
    case NGX_HTTP_WIX_AUTH_UNSUPPORTED_STATE:
        return 0;

    default:
        return 1;
    }
}


/* whether the site's own page is to tell it */

static ngx_uint_t
ngx_http_wix_auth_call_has_own(ngx_http_wix_auth_call_t *call,
    ngx_uint_t reason)
{
    return call->conf->login->kind == NGX_HTTP_WIX_AUTH_LOGIN_URI
           && reason != NGX_HTTP_WIX_AUTH_METHOD_NOT_ALLOWED
           && (ngx_http_wix_auth_handlers[call->endpoint].form
               || call->endpoint == NGX_HTTP_WIX_AUTH_EP_CALLBACK);
}


ngx_int_t
ngx_http_wix_auth_call_token(ngx_http_wix_auth_call_t *call,
    ngx_str_t *value)
{
    ngx_str_t                   header;
    ngx_http_wix_auth_cookie_t  cookie;

    cookie = call->conf->cookies->token;
    cookie.path = call->login->site.prefix;

    if (ngx_http_wix_auth_cookie_set(call->request->pool, &cookie, value,
                                     value->len
                                     ? NGX_HTTP_WIX_AUTH_ATTEMPT_TIME : 0,
                                     &header)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_wix_auth_answer_header(call->request, "Set-Cookie",
                                           &header);
}


ngx_int_t
ngx_http_wix_auth_call_answer(ngx_http_wix_auth_call_t *call,
    ngx_http_wix_auth_answer_t *a)
{
    a->origin = call->origin;
    a->vary = (call->conf->origins != NULL);

    return ngx_http_wix_auth_answer(call->request, a);
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
