
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_answer.h"
#include "ngx_http_wix_auth_endpoints.h"
#include "ngx_http_wix_auth_input.h"
#include "ngx_http_wix_auth_json.h"
#include "ngx_http_wix_auth_login.h"
#include "ngx_http_wix_auth_reply.h"


#define NGX_HTTP_WIX_AUTH_PASSWORD_MAX  1024
#define NGX_HTTP_WIX_AUTH_CODE_MAX      4096
#define NGX_HTTP_WIX_AUTH_RETRY_AFTER   5      /* seconds, when not told */


/* one request of an endpoint */

typedef struct {
    ngx_http_request_t         *request;
    ngx_http_wix_auth_conf_t   *conf;
    ngx_http_wix_auth_login_t  *login;
    ngx_uint_t                  endpoint;
    ngx_uint_t                  type;       /* of the body */
    ngx_array_t                *input;      /* pairs of query or body */
    ngx_array_t                *fields;     /* what is wrong with them */
    unsigned                    html:1;
    unsigned                    post:1;
} ngx_http_wix_auth_call_t;


typedef ngx_int_t (*ngx_http_wix_auth_endpoint_pt)(
    ngx_http_wix_auth_call_t *call);


typedef struct {
    ngx_http_wix_auth_endpoint_pt   get;
    ngx_http_wix_auth_endpoint_pt   post;
    ngx_str_t                       allow;
} ngx_http_wix_auth_handlers_t;


static ngx_uint_t ngx_http_wix_auth_endpoint_of(ngx_http_request_t *r,
    ngx_http_wix_auth_conf_t *conf);
static ngx_int_t ngx_http_wix_auth_endpoint_query(
    ngx_http_wix_auth_call_t *call);
static ngx_uint_t ngx_http_wix_auth_endpoint_encoded(ngx_str_t *args);
static void ngx_http_wix_auth_endpoint_body(ngx_http_request_t *r,
    ngx_uint_t reason, ngx_str_t *body, void *data);
static ngx_uint_t ngx_http_wix_auth_endpoint_insecure(
    ngx_http_wix_auth_call_t *call);

static ngx_int_t ngx_http_wix_auth_get_login(ngx_http_wix_auth_call_t *call);
static ngx_int_t ngx_http_wix_auth_post_login(ngx_http_wix_auth_call_t *call);
static ngx_int_t ngx_http_wix_auth_login_wrong(
    ngx_http_wix_auth_call_t *call, const char *name, const char *text);
static void ngx_http_wix_auth_login_finished(ngx_http_wix_auth_login_t *l);
static ngx_int_t ngx_http_wix_auth_get_callback(
    ngx_http_wix_auth_call_t *call);
static ngx_int_t ngx_http_wix_auth_callback_error(
    ngx_http_wix_auth_call_t *call, ngx_str_t *error);
static ngx_int_t ngx_http_wix_auth_callback_restart(
    ngx_http_wix_auth_call_t *call);
static void ngx_http_wix_auth_callback_finished(
    ngx_http_wix_auth_login_t *l);
static ngx_int_t ngx_http_wix_auth_get_logout(ngx_http_wix_auth_call_t *call);
static ngx_int_t ngx_http_wix_auth_post_logout(
    ngx_http_wix_auth_call_t *call);
static void ngx_http_wix_auth_logout_finished(ngx_http_wix_auth_login_t *l);
static ngx_int_t ngx_http_wix_auth_get_session(
    ngx_http_wix_auth_call_t *call);

static void ngx_http_wix_auth_call_return(ngx_http_wix_auth_call_t *call);
static ngx_int_t ngx_http_wix_auth_call_wix(ngx_http_wix_auth_call_t *call,
    ngx_uint_t silent);
static ngx_int_t ngx_http_wix_auth_call_page(ngx_http_wix_auth_call_t *call,
    ngx_uint_t page, ngx_uint_t reason, ngx_http_wix_auth_answer_t *a);
static ngx_int_t ngx_http_wix_auth_call_redirect(
    ngx_http_wix_auth_call_t *call, ngx_str_t *url, ngx_uint_t leaves,
    ngx_http_wix_auth_answer_t *a);
static ngx_int_t ngx_http_wix_auth_call_state(ngx_http_wix_auth_call_t *call,
    const char *state, ngx_http_wix_auth_answer_t *a);
static ngx_int_t ngx_http_wix_auth_call_error(ngx_http_wix_auth_call_t *call,
    ngx_uint_t reason);
static void ngx_http_wix_auth_call_finish(ngx_http_wix_auth_call_t *call,
    ngx_int_t rc);


static ngx_http_wix_auth_handlers_t  ngx_http_wix_auth_handlers[] = {
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
    ngx_http_wix_auth_call_t        *call;
    ngx_http_wix_auth_conf_t        *conf;
    ngx_http_wix_auth_handlers_t    *handlers;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_wix_auth_module);

    call = ngx_pcalloc(r->pool, sizeof(ngx_http_wix_auth_call_t));
    if (call == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

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

    if (call->post && handlers->post) {

        if (call->type == NGX_HTTP_WIX_AUTH_TYPE_OTHER
            || (call->type == NGX_HTTP_WIX_AUTH_TYPE_NONE
                && (r->headers_in.content_length_n > 0
                    || call->endpoint != NGX_HTTP_WIX_AUTH_EP_LOGOUT)))
        {
            rc = ngx_http_discard_request_body(r);

            return (rc != NGX_OK) ? rc
                   : ngx_http_wix_auth_call_error(call,
                                    NGX_HTTP_WIX_AUTH_UNSUPPORTED_MEDIA_TYPE);
        }

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

    if (handlers->get == NULL
        || !(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)))
    {
        return ngx_http_wix_auth_call_error(call,
                                         NGX_HTTP_WIX_AUTH_METHOD_NOT_ALLOWED);
    }

    rc = ngx_http_wix_auth_endpoint_query(call);

    if (rc == NGX_DECLINED) {
        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INVALID_REQUEST);
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = handlers->get(call);

    if (rc == NGX_DONE) {

        /* a call to Wix is under way and answers later */

        r->main->count++;
        r->read_event_handler = ngx_http_test_reading;
        r->write_event_handler = ngx_http_request_empty_handler;
    }

    return rc;
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


/* a Secure cookie would not come back over plain http */

static ngx_uint_t
ngx_http_wix_auth_endpoint_insecure(ngx_http_wix_auth_call_t *call)
{
    ngx_http_wix_auth_site_t  *site;

    site = &call->login->site;

    return call->conf->cookies->session.secure
           && !site->secure && !site->loopback;
}


static ngx_int_t
ngx_http_wix_auth_get_login(ngx_http_wix_auth_call_t *call)
{
    ngx_http_wix_auth_login_t   *l;
    ngx_http_wix_auth_answer_t   a;

    l = call->login;

    if (ngx_http_wix_auth_endpoint_insecure(call)) {
        return ngx_http_wix_auth_call_error(call,
                                         NGX_HTTP_WIX_AUTH_INSECURE_TRANSPORT);
    }

    ngx_http_wix_auth_call_return(call);

    if (ngx_http_wix_auth_record_lookup(l->rec, call->conf, 0, 0) != NGX_OK) {
        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
    }

    ngx_memzero(&a, sizeof(ngx_http_wix_auth_answer_t));

    if (l->rec->found) {
        call->html = 1;
        return ngx_http_wix_auth_call_redirect(call, &l->return_url, 0, &a);
    }

    if (call->conf->login->kind == NGX_HTTP_WIX_AUTH_LOGIN_WIX) {
        return ngx_http_wix_auth_call_wix(call, call->conf->login->sso);
    }

    if (ngx_http_wix_auth_login_bind(l) != NGX_OK) {
        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
    }

    a.status = NGX_HTTP_OK;

    return ngx_http_wix_auth_call_page(call, NGX_HTTP_WIX_AUTH_PAGE_LOGIN,
                                       NGX_HTTP_WIX_AUTH_OK, &a);
}


static ngx_int_t
ngx_http_wix_auth_post_login(ngx_http_wix_auth_call_t *call)
{
    ngx_str_t                  *email, *password;
    ngx_http_wix_auth_login_t  *l;

    l = call->login;

    if (ngx_http_wix_auth_endpoint_insecure(call)) {
        return ngx_http_wix_auth_call_error(call,
                                         NGX_HTTP_WIX_AUTH_INSECURE_TRANSPORT);
    }

    ngx_http_wix_auth_call_return(call);

    email = ngx_http_wix_auth_form_get(call->input, "email");
    password = ngx_http_wix_auth_form_get(call->input, "password");

    if (email) {
        while (email->len && *email->data == ' ') {
            email->data++;
            email->len--;
        }

        while (email->len && email->data[email->len - 1] == ' ') {
            email->len--;
        }
    }

    if (email == NULL || email->len == 0) {
        return ngx_http_wix_auth_login_wrong(call, "email",
                                           "Please enter an e-mail address.");
    }

    l->email = *email;

    if (email->len > NGX_HTTP_WIX_AUTH_EMAIL_MAX
        || ngx_strlchr(email->data, email->data + email->len, '@') == NULL)
    {
        if (email->len > NGX_HTTP_WIX_AUTH_EMAIL_MAX) {
            ngx_str_null(&l->email);
        }

        return ngx_http_wix_auth_login_wrong(call, "email",
                                          "This is not an e-mail address.");
    }

    if (password == NULL || password->len == 0) {
        return ngx_http_wix_auth_login_wrong(call, "password",
                                             "Please enter a password.");
    }

    if (password->len > NGX_HTTP_WIX_AUTH_PASSWORD_MAX) {
        return ngx_http_wix_auth_login_wrong(call, "password",
                                             "This password is too long.");
    }

    l->done = ngx_http_wix_auth_login_finished;

    if (ngx_http_wix_auth_login_password(l, password) != NGX_OK) {
        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
    }

    return NGX_DONE;
}


static ngx_int_t
ngx_http_wix_auth_login_wrong(ngx_http_wix_auth_call_t *call,
    const char *name, const char *text)
{
    ngx_http_wix_auth_pair_t  *field;

    call->fields = ngx_array_create(call->request->pool, 1,
                                    sizeof(ngx_http_wix_auth_pair_t));

    if (call->fields) {
        field = ngx_array_push(call->fields);

        if (field) {
            field->name.data = (u_char *) name;
            field->name.len = ngx_strlen(name);
            field->value.data = (u_char *) text;
            field->value.len = ngx_strlen(text);
        }
    }

    return ngx_http_wix_auth_call_error(call,
                                        NGX_HTTP_WIX_AUTH_INVALID_REQUEST);
}


static void
ngx_http_wix_auth_login_finished(ngx_http_wix_auth_login_t *l)
{
    ngx_http_wix_auth_call_t  *call = l->data;

    ngx_int_t                    rc;
    ngx_http_wix_auth_answer_t   a;

    ngx_memzero(&a, sizeof(ngx_http_wix_auth_answer_t));

    if (l->reason != NGX_HTTP_WIX_AUTH_OK) {
        rc = ngx_http_wix_auth_call_error(call, l->reason);

    } else if (l->state == NGX_HTTP_WIX_AUTH_STATE_APPROVAL) {

        if (call->html) {
            a.status = NGX_HTTP_OK;
            rc = ngx_http_wix_auth_call_page(call,
                                             NGX_HTTP_WIX_AUTH_PAGE_PENDING,
                                             NGX_HTTP_WIX_AUTH_OK, &a);
        } else {
            rc = ngx_http_wix_auth_call_state(call, "REQUIRE_OWNER_APPROVAL",
                                              &a);
        }

    } else if (l->state == NGX_HTTP_WIX_AUTH_STATE_VERIFY) {

        if (call->html) {
            rc = ngx_http_wix_auth_call_error(call,
                                          NGX_HTTP_WIX_AUTH_UNSUPPORTED_STATE);
        } else {
            rc = ngx_http_wix_auth_call_state(call,
                                              "REQUIRE_EMAIL_VERIFICATION",
                                              &a);
        }

    } else {
        rc = ngx_http_wix_auth_call_redirect(call, &l->redirect_url, 1, &a);
    }

    ngx_http_wix_auth_call_finish(call, rc);
}


static ngx_int_t
ngx_http_wix_auth_get_callback(ngx_http_wix_auth_call_t *call)
{
    ngx_int_t                    rc;
    ngx_str_t                   *code, *state, *error, url;
    ngx_http_wix_auth_login_t   *l;
    ngx_http_wix_auth_answer_t   a;

    l = call->login;

    if (ngx_http_wix_auth_endpoint_insecure(call)) {
        return ngx_http_wix_auth_call_error(call,
                                         NGX_HTTP_WIX_AUTH_INSECURE_TRANSPORT);
    }

    code = ngx_http_wix_auth_form_get(call->input, "code");
    state = ngx_http_wix_auth_form_get(call->input, "state");
    error = ngx_http_wix_auth_form_get(call->input, "error");

    ngx_memzero(&a, sizeof(ngx_http_wix_auth_answer_t));

    if (code == NULL && error == NULL) {

        if (call->post) {
            return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INVALID_REQUEST);
        }

        /* the end of a recovery mail's way */

        ngx_str_null(&url);

        if (ngx_http_wix_auth_site_login_url(call->request, &l->site.prefix,
                                             &url, &url)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        call->html = 1;
        return ngx_http_wix_auth_call_redirect(call, &url, 0, &a);
    }

    if (state == NULL || (code && (code->len == 0
                          || code->len > NGX_HTTP_WIX_AUTH_CODE_MAX)))
    {
        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INVALID_REQUEST);
    }

    rc = ngx_http_wix_auth_login_state(l, state);

    switch (rc) {

    case NGX_OK:
        break;

    case NGX_BUSY:
        l->reason = NGX_HTTP_WIX_AUTH_ATTEMPT_EXPIRED;
        l->restart = 1;
        return ngx_http_wix_auth_callback_restart(call);

    case NGX_DECLINED:
        if (ngx_http_wix_auth_login_again(l) != NGX_OK) {
            return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
        }

        return ngx_http_wix_auth_callback_restart(call);

    default:
        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
    }

    if (error) {
        return ngx_http_wix_auth_callback_error(call, error);
    }

    l->done = ngx_http_wix_auth_callback_finished;

    if (ngx_http_wix_auth_login_code(l, code) != NGX_OK) {
        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
    }

    return NGX_DONE;
}


/* RFC 6749, 4.1.2.1, and OpenID Connect's answer to prompt=none */

static ngx_int_t
ngx_http_wix_auth_callback_error(ngx_http_wix_auth_call_t *call,
    ngx_str_t *error)
{
    ngx_uint_t                 i, reason;
    ngx_http_wix_auth_login_t *l;

    static struct {
        ngx_str_t    name;
        ngx_uint_t   reason;
    } errors[] = {
        { ngx_string("access_denied"), NGX_HTTP_WIX_AUTH_ACCESS_DENIED },
        { ngx_string("temporarily_unavailable"),
          NGX_HTTP_WIX_AUTH_UPSTREAM_UNAVAILABLE },
        { ngx_string("server_error"),
          NGX_HTTP_WIX_AUTH_UPSTREAM_UNAVAILABLE },
        { ngx_null_string, 0 }
    };

    l = call->login;

    if ((l->attempt.flags & NGX_HTTP_WIX_AUTH_ATTEMPT_SILENT) && !call->post)
    {
        /* nobody is logged in at Wix: now show the page */
        return ngx_http_wix_auth_call_wix(call, 0);
    }

    reason = NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR;

    for (i = 0; errors[i].name.len; i++) {
        if (error->len == errors[i].name.len
            && ngx_strncmp(error->data, errors[i].name.data, error->len)
               == 0)
        {
            reason = errors[i].reason;
            break;
        }
    }

    ngx_log_error(NGX_LOG_INFO, call->request->connection->log, 0,
                  "wix_auth: authorization ended with an error, %V",
                  &ngx_http_wix_auth_reason(reason)->code);

    return ngx_http_wix_auth_call_error(call, reason);
}


/* on to the return URL, to the login once more, or an error */

static ngx_int_t
ngx_http_wix_auth_callback_restart(ngx_http_wix_auth_call_t *call)
{
    ngx_str_t                    url;
    ngx_http_wix_auth_login_t   *l;
    ngx_http_wix_auth_answer_t   a;

    l = call->login;

    ngx_memzero(&a, sizeof(ngx_http_wix_auth_answer_t));

    if (l->reason == NGX_HTTP_WIX_AUTH_OK) {
        return ngx_http_wix_auth_call_redirect(call, &l->return_url, 0, &a);
    }

    if (!l->restart || !call->html) {
        return ngx_http_wix_auth_call_error(call, l->reason);
    }

    if (ngx_http_wix_auth_site_login_url(call->request, &l->site.prefix,
                                         &l->return_url, &url)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_log_error(NGX_LOG_INFO, call->request->connection->log, 0,
                  "wix_auth: login begins again, %V",
                  &ngx_http_wix_auth_reason(l->reason)->code);

    return ngx_http_wix_auth_call_redirect(call, &url, 0, &a);
}


static void
ngx_http_wix_auth_callback_finished(ngx_http_wix_auth_login_t *l)
{
    ngx_http_wix_auth_call_t  *call = l->data;

    ngx_int_t  rc;

    if (l->reason == NGX_HTTP_WIX_AUTH_OK || l->restart) {
        rc = ngx_http_wix_auth_callback_restart(call);

    } else {
        rc = ngx_http_wix_auth_call_error(call, l->reason);
    }

    ngx_http_wix_auth_call_finish(call, rc);
}


static ngx_int_t
ngx_http_wix_auth_get_logout(ngx_http_wix_auth_call_t *call)
{
    ngx_http_wix_auth_answer_t  a;

    if (!call->html) {
        return ngx_http_wix_auth_call_error(call,
                                         NGX_HTTP_WIX_AUTH_METHOD_NOT_ALLOWED);
    }

    ngx_memzero(&a, sizeof(ngx_http_wix_auth_answer_t));

    a.status = NGX_HTTP_NOT_ALLOWED;
    a.allow = ngx_http_wix_auth_handlers[call->endpoint].allow;

    return ngx_http_wix_auth_call_page(call, NGX_HTTP_WIX_AUTH_PAGE_LOGOUT,
                                       NGX_HTTP_WIX_AUTH_OK, &a);
}


static ngx_int_t
ngx_http_wix_auth_post_logout(ngx_http_wix_auth_call_t *call)
{
    ngx_int_t                    rc;
    ngx_http_wix_auth_login_t   *l;
    ngx_http_wix_auth_answer_t   a;

    l = call->login;
    l->done = ngx_http_wix_auth_logout_finished;

    rc = ngx_http_wix_auth_login_leave(l);

    if (rc == NGX_OK) {
        return NGX_DONE;
    }

    /* the local session is gone, whatever Wix would say */

    ngx_memzero(&a, sizeof(ngx_http_wix_auth_answer_t));
    a.clear_cache = 1;

    return ngx_http_wix_auth_call_redirect(call, &call->conf->logout_redirect,
                                           0, &a);
}


static void
ngx_http_wix_auth_logout_finished(ngx_http_wix_auth_login_t *l)
{
    ngx_http_wix_auth_call_t  *call = l->data;

    ngx_int_t                    rc;
    ngx_http_wix_auth_answer_t   a;

    ngx_memzero(&a, sizeof(ngx_http_wix_auth_answer_t));
    a.clear_cache = 1;

    rc = ngx_http_wix_auth_call_redirect(call,
                            l->reason == NGX_HTTP_WIX_AUTH_OK
                            ? &l->redirect_url
                            : &call->conf->logout_redirect,
                            1, &a);

    ngx_http_wix_auth_call_finish(call, rc);
}


static ngx_int_t
ngx_http_wix_auth_get_session(ngx_http_wix_auth_call_t *call)
{
    ngx_str_t                         url, *require;
    ngx_http_wix_auth_login_t        *l;
    ngx_http_wix_auth_answer_t        a;
    ngx_http_wix_auth_session_t      *s;
    ngx_http_wix_auth_json_writer_t  *w;

    l = call->login;
    call->html = 0;

    if (ngx_http_wix_auth_record_lookup(l->rec, call->conf, 0, 0) != NGX_OK) {
        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
    }

    ngx_memzero(&a, sizeof(ngx_http_wix_auth_answer_t));

    require = ngx_http_wix_auth_form_get(call->input, "require");

    /* auth_request takes any 2xx for a yes, so it is never told "no" in JSON */

    if (call->request != call->request->main
        || (require && require->len == 1 && require->data[0] == '1'))
    {
        a.status = l->rec->found ? NGX_HTTP_NO_CONTENT
                                 : NGX_HTTP_UNAUTHORIZED;

        if (!l->rec->found) {
            ngx_str_set(&a.challenge, "Bearer realm=\"wix\"");
        }

        return ngx_http_wix_auth_answer(call->request, &a);
    }

    w = ngx_http_wix_auth_json_begin(call->request->pool);
    if (w == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_wix_auth_json_object(w, NULL);
    ngx_http_wix_auth_json_put_bool(w, "authenticated", l->rec->found);

    if (l->rec->found) {
        s = &l->rec->session;

        ngx_http_wix_auth_json_object(w, "member");
        ngx_http_wix_auth_json_put(w, "id", &s->member_id);

        if (s->email.len) {
            ngx_http_wix_auth_json_put(w, "email", &s->email);
        }

        ngx_http_wix_auth_json_end(w);
        ngx_http_wix_auth_json_put_int(w, "expiresIn",
                                       s->expires - ngx_time());

    } else {
        ngx_str_null(&url);

        if (ngx_http_wix_auth_site_login_url(call->request, &l->site.prefix,
                                             &url, &url)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_http_wix_auth_json_put(w, "loginUrl", &url);
    }

    ngx_http_wix_auth_json_end(w);

    if (ngx_http_wix_auth_json_finish(w, &a.body) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    a.status = NGX_HTTP_OK;
    ngx_str_set(&a.type, "application/json");

    return ngx_http_wix_auth_answer(call->request, &a);
}


/* a return URL that is not ours is no return URL */

static void
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


static ngx_int_t
ngx_http_wix_auth_call_wix(ngx_http_wix_auth_call_t *call, ngx_uint_t silent)
{
    ngx_str_t                       *idp, none, *allowed;
    ngx_uint_t                       i;
    ngx_http_wix_auth_login_conf_t  *login;

    ngx_str_null(&none);

    login = call->conf->login;
    idp = ngx_http_wix_auth_form_get(call->input, "idp");

    if (idp == NULL || idp->len == 0) {
        idp = &none;

    } else {
        allowed = login->idps ? login->idps->elts : NULL;

        for (i = 0; login->idps && i < login->idps->nelts; i++) {
            if (allowed[i].len == idp->len
                && ngx_strncasecmp(allowed[i].data, idp->data, idp->len)
                   == 0)
            {
                break;
            }
        }

        if (login->idps == NULL || i == login->idps->nelts) {
            return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INVALID_REQUEST);
        }
    }

    call->login->done = ngx_http_wix_auth_login_finished;

    if (ngx_http_wix_auth_login_wix(call->login, idp, silent) != NGX_OK) {
        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
    }

    return NGX_DONE;
}


static ngx_int_t
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


/* 303 for HTML, 302 for GET login's way to Wix, {"redirectUrl":...} else */

static ngx_int_t
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


/* a login that is not finished yet */

static ngx_int_t
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


static ngx_int_t
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


/* an answer that comes from the event loop */

static void
ngx_http_wix_auth_call_finish(ngx_http_wix_auth_call_t *call, ngx_int_t rc)
{
    ngx_connection_t  *c;

    c = call->request->connection;

    ngx_http_set_log_request(c->log, call->request);

    ngx_http_finalize_request(call->request, rc);
    ngx_http_run_posted_requests(c);
}
