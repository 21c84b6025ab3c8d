
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_call.h"
#include "ngx_http_wix_auth_crypto.h"
#include "ngx_http_wix_auth_url.h"


static void ngx_http_wix_auth_api_malformed(ngx_event_t *ev);
static void ngx_http_wix_auth_api_done(ngx_http_wix_auth_fetch_t *f);
static void ngx_http_wix_auth_api_judge(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_fetch_t *f, ngx_http_wix_auth_api_result_t *result);
static ngx_int_t ngx_http_wix_auth_api_parse(
    ngx_http_wix_auth_api_call_t *call, ngx_str_t *answer);
static ngx_int_t ngx_http_wix_auth_api_again(
    ngx_http_wix_auth_api_call_t *call);
static void ngx_http_wix_auth_api_free(ngx_http_wix_auth_api_call_t *call);
static void ngx_http_wix_auth_api_log(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_fetch_t *f, ngx_http_wix_auth_api_result_t *result);
static ngx_uint_t ngx_http_wix_auth_api_level(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);


#define NGX_HTTP_WIX_AUTH_PATH_LOGIN     "/_api/iam/authentication/v2/login"
#define NGX_HTTP_WIX_AUTH_PATH_REDIRECT                                       \
    "/_api/redirects-api/v1/redirect-session"


/* a code is for one use and a refresh token may be: neither is sent twice */

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_code = {
    "code", NGX_HTTP_WIX_AUTH_PATH_TOKEN,
    ngx_http_wix_auth_api_token_answer, ngx_http_wix_auth_api_token_refusal,
    0, 0, 1, 0
};

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_refresh = {
    "refresh", NGX_HTTP_WIX_AUTH_PATH_TOKEN,
    ngx_http_wix_auth_api_token_answer, ngx_http_wix_auth_api_token_refusal,
    0, 0, 1, 0
};

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_login = {
    "login", NGX_HTTP_WIX_AUTH_PATH_LOGIN,
    ngx_http_wix_auth_api_login_answer, ngx_http_wix_auth_api_login_refusal,
    1, 0, 0, 0
};

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_authorize = {
    "authorize", NGX_HTTP_WIX_AUTH_PATH_REDIRECT,
    ngx_http_wix_auth_api_redirect_answer,
    ngx_http_wix_auth_api_redirect_refusal,
    1, 1, 0, 0
};

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_logout = {
    "logout", NGX_HTTP_WIX_AUTH_PATH_REDIRECT,
    ngx_http_wix_auth_api_redirect_answer,
    ngx_http_wix_auth_api_redirect_refusal,
    0, 1, 0, 0
};


/* in the order of ngx_http_wix_auth_fetch_error_e */

static const char  *ngx_http_wix_auth_api_errors[] = {
    "", "no connection", "TLS failed", "no answer in time",
    "connection broken", "answer too large", "too many calls at once",
    "not started"
};


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_code(ngx_http_wix_auth_api_conf_t *conf,
    ngx_str_t *client, ngx_str_t *code, ngx_str_t *verifier,
    ngx_str_t *redirect_uri, ngx_log_t *log, ngx_http_wix_auth_api_pt handler,
    void *data)
{
    ngx_http_wix_auth_api_call_t     *call;
    ngx_http_wix_auth_json_writer_t  *w;

    call = ngx_http_wix_auth_api_create(&ngx_http_wix_auth_op_code, conf,
                                        client, log, handler, data);
    if (call == NULL) {
        return NULL;
    }

    w = ngx_http_wix_auth_api_grant(call, "authorization_code");

    ngx_http_wix_auth_json_put(w, "code", code);
    ngx_http_wix_auth_json_put(w, "codeVerifier", verifier);

    /* RFC 6749, 4.1.3: if, and only if, the authorization request had one */

    if (redirect_uri->len) {
        ngx_http_wix_auth_json_put(w, "redirectUri", redirect_uri);
    }

    ngx_http_wix_auth_json_end(w);

    return ngx_http_wix_auth_api_start(call, w, NULL);
}


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_refresh(ngx_http_wix_auth_api_conf_t *conf,
    ngx_str_t *client, ngx_str_t *refresh_token, ngx_log_t *log,
    ngx_http_wix_auth_api_pt handler, void *data)
{
    ngx_http_wix_auth_api_call_t     *call;
    ngx_http_wix_auth_json_writer_t  *w;

    call = ngx_http_wix_auth_api_create(&ngx_http_wix_auth_op_refresh, conf,
                                        client, log, handler, data);
    if (call == NULL) {
        return NULL;
    }

    w = ngx_http_wix_auth_api_grant(call, "refresh_token");

    ngx_http_wix_auth_json_put(w, "refreshToken", refresh_token);
    ngx_http_wix_auth_json_end(w);

    return ngx_http_wix_auth_api_start(call, w, NULL);
}


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_login(ngx_http_wix_auth_api_conf_t *conf,
    ngx_str_t *client, ngx_str_t *email, ngx_str_t *password, ngx_log_t *log,
    ngx_http_wix_auth_api_pt handler, void *data)
{
    ngx_http_wix_auth_api_call_t     *call;
    ngx_http_wix_auth_json_writer_t  *w;

    call = ngx_http_wix_auth_api_create(&ngx_http_wix_auth_op_login, conf,
                                        client, log, handler, data);
    if (call == NULL) {
        return NULL;
    }

    w = ngx_http_wix_auth_json_begin(call->pool);

    ngx_http_wix_auth_json_object(w, NULL);
    ngx_http_wix_auth_json_object(w, "loginId");
    ngx_http_wix_auth_json_put(w, "email", email);
    ngx_http_wix_auth_json_end(w);
    ngx_http_wix_auth_json_put(w, "password", password);
    ngx_http_wix_auth_json_end(w);

    return ngx_http_wix_auth_api_start(call, w, NULL);
}


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_authorize(ngx_http_wix_auth_api_conf_t *conf,
    ngx_str_t *client, ngx_http_wix_auth_api_authorize_t *request,
    ngx_log_t *log, ngx_http_wix_auth_api_pt handler, void *data)
{
    ngx_http_wix_auth_api_call_t     *call;
    ngx_http_wix_auth_json_writer_t  *w;

    call = ngx_http_wix_auth_api_create(&ngx_http_wix_auth_op_authorize, conf,
                                        client, log, handler, data);
    if (call == NULL) {
        return NULL;
    }

    w = ngx_http_wix_auth_json_begin(call->pool);

    ngx_http_wix_auth_json_object(w, NULL);
    ngx_http_wix_auth_json_object(w, "auth");
    ngx_http_wix_auth_json_object(w, "authRequest");
    ngx_http_wix_auth_json_put(w, "clientId", &call->client);
    ngx_http_wix_auth_json_put_c(w, "responseType", "code");
    ngx_http_wix_auth_json_put_c(w, "responseMode", "query");
    ngx_http_wix_auth_json_put(w, "redirectUri", &request->redirect_uri);
    /* without it there is no refresh token */
    ngx_http_wix_auth_json_put_c(w, "scope", "offline_access");
    ngx_http_wix_auth_json_put(w, "state", &request->state);
    ngx_http_wix_auth_json_put(w, "codeChallenge", &request->challenge);
    ngx_http_wix_auth_json_put_c(w, "codeChallengeMethod", "S256");

    if (request->session_token.len) {
        ngx_http_wix_auth_json_put(w, "sessionToken",
                                   &request->session_token);
    }

    if (request->idp.len) {
        ngx_http_wix_auth_json_put(w, "idp", &request->idp);
    }

    ngx_http_wix_auth_json_end(w);

    /* beside authRequest, where Wix's own SDK has it */

    ngx_http_wix_auth_json_put_c(w, "prompt",
                                 (request->session_token.len
                                  || request->silent) ? "none" : "login");

    ngx_http_wix_auth_json_end(w);
    ngx_http_wix_auth_json_end(w);

    return ngx_http_wix_auth_api_start(call, w, NULL);
}


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_logout(ngx_http_wix_auth_api_conf_t *conf,
    ngx_str_t *client, ngx_str_t *access_token, ngx_str_t *post_flow_url,
    ngx_log_t *log, ngx_http_wix_auth_api_pt handler, void *data)
{
    ngx_http_wix_auth_api_call_t     *call;
    ngx_http_wix_auth_json_writer_t  *w;

    call = ngx_http_wix_auth_api_create(&ngx_http_wix_auth_op_logout, conf,
                                        client, log, handler, data);
    if (call == NULL) {
        return NULL;
    }

    w = ngx_http_wix_auth_json_begin(call->pool);

    ngx_http_wix_auth_json_object(w, NULL);
    ngx_http_wix_auth_json_object(w, "logout");
    ngx_http_wix_auth_json_put(w, "clientId", &call->client);
    ngx_http_wix_auth_json_end(w);
    ngx_http_wix_auth_json_object(w, "callbacks");
    ngx_http_wix_auth_json_put(w, "postFlowUrl", post_flow_url);
    ngx_http_wix_auth_json_end(w);
    ngx_http_wix_auth_json_end(w);

    return ngx_http_wix_auth_api_start(call, w, access_token);
}


void
ngx_http_wix_auth_api_cancel(ngx_http_wix_auth_api_call_t *call)
{
    /* its handler runs right now, and it is freed afterwards */

    if (call->done) {
        return;
    }

    if (call->waits) {
        ngx_queue_remove(&call->queue);
    }

    if (call->event.posted) {
        ngx_delete_posted_event(&call->event);
    }

    if (call->fetch) {
        ngx_http_wix_auth_fetch_cancel(call->fetch);
    }

    ngx_http_wix_auth_api_free(call);
}


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_create(ngx_http_wix_auth_api_op_t *op,
    ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client, ngx_log_t *log,
    ngx_http_wix_auth_api_pt handler, void *data)
{
    ngx_pool_t                    *pool;
    ngx_http_wix_auth_api_call_t  *call;

    /* freed after the handler, when the caller's log may be gone */

    pool = ngx_create_pool(2048, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    call = ngx_pcalloc(pool, sizeof(ngx_http_wix_auth_api_call_t));

    if (call == NULL
        || ngx_http_wix_auth_api_copy(pool, &call->client, client) != NGX_OK)
    {
        ngx_destroy_pool(pool);
        return NULL;
    }

    call->pool = pool;
    call->log = log;
    call->op = op;
    call->conf = conf;
    call->handler = handler;
    call->data = data;

    return call;
}


ngx_http_wix_auth_json_writer_t *
ngx_http_wix_auth_api_grant(ngx_http_wix_auth_api_call_t *call,
    const char *grant)
{
    ngx_http_wix_auth_json_writer_t  *w;

    w = ngx_http_wix_auth_json_begin(call->pool);

    ngx_http_wix_auth_json_object(w, NULL);
    ngx_http_wix_auth_json_put_c(w, "grantType", grant);
    ngx_http_wix_auth_json_put(w, "clientId", &call->client);

    return w;
}


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_start(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_json_writer_t *w, ngx_str_t *authorization)
{
    ngx_int_t  rc;

    if (w == NULL) {
        ngx_http_wix_auth_api_free(call);
        return NULL;
    }

    if (ngx_http_wix_auth_json_finish(w, &call->body) != NGX_OK) {

        /* what came from a form is not always UTF-8 */

        call->event.handler = ngx_http_wix_auth_api_malformed;
        call->event.data = call;
        call->event.log = ngx_cycle->log;

        ngx_post_event(&call->event, &ngx_posted_next_events);

        return call;
    }

    rc = call->op->visitor ? ngx_http_wix_auth_visitor_wait(call)
                           : ngx_http_wix_auth_api_send(call, authorization);
    if (rc != NGX_OK) {
        ngx_http_wix_auth_api_free(call);
        return NULL;
    }

    return call;
}


/* copies for the transfer, which wipes them: the call may be sent again */

ngx_int_t
ngx_http_wix_auth_api_send(ngx_http_wix_auth_api_call_t *call,
    ngx_str_t *authorization)
{
    u_char                     *p;
    size_t                      len;
    ngx_http_wix_auth_fetch_t  *f;

    f = ngx_http_wix_auth_fetch_create(call->log);
    if (f == NULL) {
        return NGX_ERROR;
    }

    len = ngx_strlen(call->op->path);

    f->url.len = call->conf->url.len + len;
    f->url.data = ngx_pnalloc(f->pool, f->url.len + 1);

    if (f->url.data == NULL
        || ngx_http_wix_auth_api_copy(f->pool, &f->body, &call->body)
           != NGX_OK
        || (authorization
            && ngx_http_wix_auth_api_copy(f->pool, &f->authorization,
                                          authorization)
               != NGX_OK))
    {
        ngx_http_wix_auth_fetch_cancel(f);
        return NGX_ERROR;
    }

    p = ngx_cpymem(f->url.data, call->conf->url.data, call->conf->url.len);
    p = ngx_cpymem(p, call->op->path, len);
    *p = '\0';

    f->conf = &call->conf->fetch;
    f->handler = ngx_http_wix_auth_api_done;
    f->data = call;
    f->idempotent = call->op->idempotent;
    f->urgent = call->op->grant;

    call->fetch = f;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, call->log, 0,
                   "wix auth api %s: send", call->op->name);

    ngx_http_wix_auth_fetch_start(f);

    return NGX_OK;
}


ngx_int_t
ngx_http_wix_auth_api_copy(ngx_pool_t *pool, ngx_str_t *dst, ngx_str_t *src)
{
    dst->data = ngx_pnalloc(pool, src->len + 1);
    if (dst->data == NULL) {
        return NGX_ERROR;
    }

    dst->len = src->len;
    ngx_memcpy(dst->data, src->data, src->len);

    return NGX_OK;
}


static void
ngx_http_wix_auth_api_malformed(ngx_event_t *ev)
{
    ngx_http_wix_auth_api_call_t    *call;
    ngx_http_wix_auth_api_result_t   result;

    call = ev->data;

    ngx_memzero(&result, sizeof(ngx_http_wix_auth_api_result_t));

    result.retry_after = -1;
    ngx_http_wix_auth_api_fail(&result, NGX_HTTP_WIX_AUTH_INVALID_REQUEST);

    ngx_log_error(NGX_LOG_INFO, call->log, 0,
                  "wix_auth: %s: invalid_request, a value is not UTF-8",
                  call->op->name);

    ngx_http_wix_auth_api_finish(call, &result);
}


static void
ngx_http_wix_auth_api_done(ngx_http_wix_auth_fetch_t *f)
{
    ngx_http_wix_auth_api_call_t    *call;
    ngx_http_wix_auth_api_result_t   result;

    call = f->data;
    call->fetch = NULL;

    ngx_memzero(&result, sizeof(ngx_http_wix_auth_api_result_t));

    ngx_http_wix_auth_api_judge(call, f, &result);

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, call->log, 0,
                   "wix auth api %s: status:%ui reason:%ui",
                   call->op->name, result.status, result.reason);

    if (call->refused && !call->retried) {
        if (ngx_http_wix_auth_api_again(call) == NGX_OK) {
            return;
        }

        ngx_http_wix_auth_api_fail(&result, NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
    }

    if (result.reason != NGX_HTTP_WIX_AUTH_OK) {
        ngx_http_wix_auth_api_log(call, f, &result);
    }

    ngx_http_wix_auth_api_finish(call, &result);
}


static void
ngx_http_wix_auth_api_judge(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_fetch_t *f, ngx_http_wix_auth_api_result_t *result)
{
    ngx_int_t  rc;

    result->retry_after = -1;

    switch (f->error) {

    case NGX_HTTP_WIX_AUTH_FETCH_DONE:
        break;

    case NGX_HTTP_WIX_AUTH_FETCH_TIMEOUT:
        ngx_http_wix_auth_api_fail(result, NGX_HTTP_WIX_AUTH_UPSTREAM_TIMEOUT);
        return;

    case NGX_HTTP_WIX_AUTH_FETCH_TOO_LARGE:
        ngx_http_wix_auth_api_fail(result, NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR);
        return;

    default:
        ngx_http_wix_auth_api_fail(result,
                                   NGX_HTTP_WIX_AUTH_UPSTREAM_UNAVAILABLE);
        return;
    }

    result->status = f->status;
    result->retry_after = f->retry_after;
    result->request_id = f->request_id;

    call->sent = f->sent;

    rc = ngx_http_wix_auth_api_parse(call, &f->answer);

    if (rc != NGX_ERROR) {

        if (f->status < 200 || f->status > 299) {
            call->op->refusal(call, result);
            return;
        }

        if (rc == NGX_OK) {
            rc = call->op->answer(call, result);
        }
    }

    if (rc != NGX_OK) {
        ngx_http_wix_auth_api_fail(result, (rc == NGX_ERROR)
                                           ? NGX_HTTP_WIX_AUTH_INTERNAL_ERROR
                                           : NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR);
    }
}


/* NGX_DECLINED: no JSON object, root is NULL then */

static ngx_int_t
ngx_http_wix_auth_api_parse(ngx_http_wix_auth_api_call_t *call,
    ngx_str_t *answer)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    text = *answer;

    if (text.len == 0) {
        ngx_str_set(&text, "{}");
    }

    rc = ngx_http_wix_auth_json_parse(call->pool, &text, &call->root,
                                      &call->err);
    if (rc != NGX_OK) {
        return rc;
    }

    if (call->root->type != NGX_HTTP_WIX_AUTH_JSON_OBJECT) {
        ngx_http_wix_auth_json_wipe(call->root);
        call->root = NULL;
        call->err = "not a JSON object";
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* once more, as another visitor */

static ngx_int_t
ngx_http_wix_auth_api_again(ngx_http_wix_auth_api_call_t *call)
{
    ngx_http_wix_auth_visitor_t  *visitor;

    call->retried = 1;
    call->refused = 0;

    ngx_http_wix_auth_json_wipe(call->root);
    call->root = NULL;
    call->err = NULL;
    ngx_str_null(&call->code);

    visitor = ngx_http_wix_auth_visitor_find(&call->conf->url, &call->client);

    /* unless another call has done so in the meantime */

    if (visitor
        && visitor->call == NULL
        && visitor->generation == call->generation)
    {
        ngx_http_wix_auth_visitor_forget(visitor);
    }

    return ngx_http_wix_auth_visitor_wait(call);
}


void
ngx_http_wix_auth_api_finish(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result)
{
    call->done = 1;
    result->pool = call->pool;

    call->handler(result, call->data);

    ngx_http_wix_auth_api_free(call);
}


static void
ngx_http_wix_auth_api_free(ngx_http_wix_auth_api_call_t *call)
{
    ngx_http_wix_auth_json_wipe(call->root);

    if (call->body.len) {
        ngx_explicit_memzero(call->body.data, call->body.len);
    }

    ngx_destroy_pool(call->pool);
}


static void
ngx_http_wix_auth_api_log(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_fetch_t *f, ngx_http_wix_auth_api_result_t *result)
{
    u_char  *p, *last, buf[NGX_MAX_ERROR_STR / 2];

    p = buf;
    last = buf + sizeof(buf);

    if (f->error == NGX_HTTP_WIX_AUTH_FETCH_DONE) {
        p = ngx_slprintf(p, last, "status %ui", f->status);

    } else {
        p = ngx_slprintf(p, last, "%s",
                         ngx_http_wix_auth_api_errors[f->error]);
    }

    if (call->code.len) {
        p = ngx_slprintf(p, last, ", code \"%V\"", &call->code);
    }

    if (call->err) {
        p = ngx_slprintf(p, last, ", %s", call->err);
    }

    p = ngx_slprintf(p, last, ", %M ms", ngx_current_msec - f->started);

    if (result->request_id.len) {
        p = ngx_slprintf(p, last, ", request id \"%V\"", &result->request_id);
    }

    if (result->reason == NGX_HTTP_WIX_AUTH_CLIENT_REJECTED) {
        p = ngx_slprintf(p, last, "; Wix refuses client \"%V\": check "
                         "\"wix_auth_client_id\" and the settings of this "
                         "OAuth app and its site at Wix", &call->client);
    }

    ngx_log_error(ngx_http_wix_auth_api_level(call, result), call->log, 0,
                  "wix_auth: %s: %V, %*s", call->op->name,
                  &ngx_http_wix_auth_reason(result->reason)->code,
                  (size_t) (p - buf), buf);
}


static ngx_uint_t
ngx_http_wix_auth_api_level(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result)
{
    if (result->reason == NGX_HTTP_WIX_AUTH_CLIENT_REJECTED) {
        return NGX_LOG_ALERT;
    }

    /* who logs out late has no session at Wix any more */

    if (call->op->quiet
        || (call->op == &ngx_http_wix_auth_op_logout
            && result->status >= 400 && result->status < 500
            && result->cause == NGX_HTTP_WIX_AUTH_CAUSE_ERROR))
    {
        return NGX_LOG_INFO;
    }

    switch (result->reason) {

    case NGX_HTTP_WIX_AUTH_UPSTREAM_UNAVAILABLE:
    case NGX_HTTP_WIX_AUTH_UPSTREAM_TIMEOUT:
    case NGX_HTTP_WIX_AUTH_UPSTREAM_THROTTLED:
    case NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR:
    case NGX_HTTP_WIX_AUTH_INTERNAL_ERROR:
        return NGX_LOG_ERR;

    default:
        return NGX_LOG_INFO;
    }
}
