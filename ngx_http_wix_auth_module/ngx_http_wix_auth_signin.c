
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_login_parts.h"


#define NGX_HTTP_WIX_AUTH_VERIFY_TRIES  5
#define NGX_HTTP_WIX_AUTH_RESEND_TIME   60    /* seconds between mails */


static void ngx_http_wix_auth_signin_credentials(
    ngx_http_wix_auth_login_t *l, ngx_str_t *password);
static ngx_int_t ngx_http_wix_auth_signin_password(
    ngx_http_wix_auth_login_t *l);
static ngx_int_t ngx_http_wix_auth_signin_register(
    ngx_http_wix_auth_login_t *l);
static ngx_int_t ngx_http_wix_auth_signin_verify(
    ngx_http_wix_auth_login_t *l);
static ngx_int_t ngx_http_wix_auth_signin_wix(ngx_http_wix_auth_login_t *l);
static ngx_int_t ngx_http_wix_auth_signin_open(ngx_http_wix_auth_login_t *l,
    ngx_str_t *sealed);
static void ngx_http_wix_auth_signin_answered(
    ngx_http_wix_auth_api_result_t *result, void *data);
static ngx_int_t ngx_http_wix_auth_signin_success(
    ngx_http_wix_auth_login_t *l, ngx_http_wix_auth_api_result_t *result);
static ngx_int_t ngx_http_wix_auth_signin_seal(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_api_result_t *result);
static ngx_int_t ngx_http_wix_auth_signin_authorize(
    ngx_http_wix_auth_login_t *l, ngx_str_t *session_token);
static ngx_int_t ngx_http_wix_auth_signin_returns(
    ngx_http_wix_auth_login_t *l, ngx_http_wix_auth_attempt_ctx_t *ctx);
static void ngx_http_wix_auth_signin_redirected(
    ngx_http_wix_auth_api_result_t *result, void *data);
static ngx_int_t ngx_http_wix_auth_signin_direct(
    ngx_http_wix_auth_login_t *l);
static void ngx_http_wix_auth_signin_arrived(
    ngx_http_wix_auth_api_result_t *result, void *data);


ngx_int_t
ngx_http_wix_auth_login_password(ngx_http_wix_auth_login_t *l,
    ngx_str_t *password)
{
    ngx_int_t  rc;

    rc = ngx_http_wix_auth_throttle_take(l);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_http_wix_auth_signin_credentials(l, password);

    rc = ngx_http_wix_auth_login_carry(l, ngx_http_wix_auth_signin_password);

    if (rc != NGX_OK) {
        ngx_http_wix_auth_throttle_give(l);
    }

    return rc;
}


ngx_int_t
ngx_http_wix_auth_login_register(ngx_http_wix_auth_login_t *l,
    ngx_str_t *password, ngx_http_wix_auth_json_t *profile)
{
    ngx_http_wix_auth_signin_credentials(l, password);

    l->own->credentials.profile = profile;

    return ngx_http_wix_auth_login_carry(l, ngx_http_wix_auth_signin_register);
}


static void
ngx_http_wix_auth_signin_credentials(ngx_http_wix_auth_login_t *l,
    ngx_str_t *password)
{
    ngx_http_wix_auth_api_credentials_t  *credentials;

    credentials = &l->own->credentials;

    credentials->email = l->email;
    credentials->password = *password;
    credentials->captcha = l->captcha;
    credentials->captcha_kind = l->conf->captcha;
}


ngx_int_t
ngx_http_wix_auth_login_verify(ngx_http_wix_auth_login_t *l, ngx_str_t *code,
    ngx_str_t *sealed)
{
    time_t                          left;
    ngx_int_t                       rc;
    ngx_http_wix_auth_login_own_t  *own;

    own = l->own;

    rc = ngx_http_wix_auth_signin_open(l, sealed);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        ngx_http_wix_auth_login_post(l, NGX_HTTP_WIX_AUTH_ATTEMPT_EXPIRED);
        return NGX_OK;
    }

    /* the sealed form can be presented again and again, so it counts nothing */

    if (ngx_http_wix_auth_counter_take(l->conf->zone,
                                       NGX_HTTP_WIX_AUTH_COUNT_VERIFY,
                                       &own->inner,
                                       NGX_HTTP_WIX_AUTH_VERIFY_TRIES,
                                       NGX_HTTP_WIX_AUTH_ATTEMPT_TIME, &left)
        != NGX_OK)
    {
        l->state_token = *sealed;
        l->retry_after = left;

        ngx_http_wix_auth_login_post(l, NGX_HTTP_WIX_AUTH_TOO_MANY_ATTEMPTS);
        return NGX_OK;
    }

    own->code = *code;
    own->sealed = *sealed;

    return ngx_http_wix_auth_login_carry(l, ngx_http_wix_auth_signin_verify);
}


ngx_int_t
ngx_http_wix_auth_login_resend(ngx_http_wix_auth_login_t *l,
    ngx_str_t *sealed)
{
    time_t     left;
    ngx_int_t  rc;

    rc = ngx_http_wix_auth_signin_open(l, sealed);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    /* counted for this token too, which could be brought again and again */

    if (rc != NGX_OK
        || ngx_http_wix_auth_counter_take(l->conf->zone,
                                          NGX_HTTP_WIX_AUTH_COUNT_RESEND,
                                          &l->own->inner, 1,
                                          NGX_HTTP_WIX_AUTH_RESEND_TIME,
                                          &left)
           == NGX_OK)
    {
        return NGX_OK;
    }

    l->retry_after = left;

    return NGX_BUSY;
}


ngx_int_t
ngx_http_wix_auth_login_wix(ngx_http_wix_auth_login_t *l, ngx_str_t *idp,
    ngx_uint_t silent)
{
    ngx_http_wix_auth_login_own_t  *own;

    own = l->own;

    own->idp = *idp;
    own->flags = NGX_HTTP_WIX_AUTH_ATTEMPT_WIX
                 | (silent ? NGX_HTTP_WIX_AUTH_ATTEMPT_SILENT : 0);

    return ngx_http_wix_auth_login_carry(l, ngx_http_wix_auth_signin_wix);
}


static ngx_int_t
ngx_http_wix_auth_signin_password(ngx_http_wix_auth_login_t *l)
{
    ngx_http_wix_auth_login_own_t  *own;

    own = l->own;

    own->credentials.visitor = own->visitor;

    own->call = ngx_http_wix_auth_api_login(l->conf->api, &l->site.client,
                                         &own->credentials,
                                         l->request->connection->log,
                                         ngx_http_wix_auth_signin_answered, l);

    return own->call ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_wix_auth_signin_register(ngx_http_wix_auth_login_t *l)
{
    ngx_http_wix_auth_login_own_t  *own;

    own = l->own;

    own->credentials.visitor = own->visitor;

    own->call = ngx_http_wix_auth_api_register(l->conf->api, &l->site.client,
                                         &own->credentials,
                                         l->request->connection->log,
                                         ngx_http_wix_auth_signin_answered, l);

    return own->call ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_wix_auth_signin_verify(ngx_http_wix_auth_login_t *l)
{
    ngx_http_wix_auth_login_own_t  *own;

    own = l->own;

    own->call = ngx_http_wix_auth_api_verify(l->conf->api, &l->site.client,
                                         &own->code, &own->inner,
                                         &own->visitor,
                                         l->request->connection->log,
                                         ngx_http_wix_auth_signin_answered, l);

    return own->call ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_wix_auth_signin_wix(ngx_http_wix_auth_login_t *l)
{
    ngx_str_t  none;

    ngx_str_null(&none);

    return ngx_http_wix_auth_signin_authorize(l, &none);
}


/* Wix's stateToken in own->inner: NGX_OK, NGX_DECLINED or NGX_BUSY (foreign
   or expired), NGX_ERROR */

static ngx_int_t
ngx_http_wix_auth_signin_open(ngx_http_wix_auth_login_t *l,
    ngx_str_t *sealed)
{
    ngx_http_wix_auth_attempt_ctx_t  ctx;

    if (ngx_http_wix_auth_login_context(l, &ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_wix_auth_login_wipe(&l->own->inner);

    return ngx_http_wix_auth_attempt_open_token(l->request->pool, &ctx,
                                                sealed, ngx_time(),
                                                &l->own->inner);
}


/* what a password, a registration or a code of a mail has come to */

static void
ngx_http_wix_auth_signin_answered(ngx_http_wix_auth_api_result_t *result,
    void *data)
{
    ngx_http_wix_auth_login_t  *l = data;

    ngx_http_wix_auth_login_result(l, result);
    ngx_http_wix_auth_throttle_settle(l, result);

    if (l->reason != NGX_HTTP_WIX_AUTH_OK) {
        l->state_token = l->own->sealed;
        l->done(l);
        return;
    }

    l->state = result->state;

    switch (l->state) {

    case NGX_HTTP_WIX_AUTH_STATE_SUCCESS:

        if (ngx_http_wix_auth_signin_success(l, result) != NGX_OK) {
            ngx_http_wix_auth_login_fail(l);
        }

        return;

    case NGX_HTTP_WIX_AUTH_STATE_VERIFY:

        if (ngx_http_wix_auth_signin_seal(l, result) != NGX_OK) {
            ngx_http_wix_auth_login_fail(l);
            return;
        }

        break;

    case NGX_HTTP_WIX_AUTH_STATE_APPROVAL:
        break;

    default:
        l->reason = NGX_HTTP_WIX_AUTH_UNSUPPORTED_STATE;
    }

    l->done(l);
}


static ngx_int_t
ngx_http_wix_auth_signin_success(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_api_result_t *result)
{
    if (result->email.len) {
        l->email.data = ngx_pstrdup(l->request->pool, &result->email);

        if (l->email.data == NULL) {
            l->email.len = 0;
            return NGX_ERROR;
        }

        l->email.len = result->email.len;
    }

    return ngx_http_wix_auth_signin_authorize(l, &result->session_token);
}


static ngx_int_t
ngx_http_wix_auth_signin_seal(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_api_result_t *result)
{
    time_t                           left;
    ngx_http_wix_auth_attempt_ctx_t  ctx;

    if (ngx_http_wix_auth_login_bind(l) != NGX_OK
        || ngx_http_wix_auth_login_context(l, &ctx) != NGX_OK
        || ngx_http_wix_auth_attempt_seal_token(l->request->pool, &ctx,
                                                &result->state_token,
                                                ngx_time(), &l->state_token)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* a mail is on its way */

    (void) ngx_http_wix_auth_counter_take(l->conf->zone,
                                          NGX_HTTP_WIX_AUTH_COUNT_RESEND,
                                          &result->state_token, 1,
                                          NGX_HTTP_WIX_AUTH_RESEND_TIME,
                                          &left);
    return NGX_OK;
}


/* a new attempt, its cookies, and the address at Wix */

static ngx_int_t
ngx_http_wix_auth_signin_authorize(ngx_http_wix_auth_login_t *l,
    ngx_str_t *session_token)
{
    ngx_http_wix_auth_login_own_t      *own;
    ngx_http_wix_auth_attempt_ctx_t     ctx;
    ngx_http_wix_auth_api_authorize_t   request;

    own = l->own;

    if (l->response_mode == NGX_HTTP_WIX_AUTH_RESPONSE_WEB_MESSAGE) {
        own->flags |= NGX_HTTP_WIX_AUTH_ATTEMPT_FRAME;
    }

    /* the cookie must outlive this attempt, not only the first one */

    if (ngx_http_wix_auth_login_mark(l, l->restarted) != NGX_OK
        || ngx_http_wix_auth_login_context(l, &ctx) != NGX_OK
        || ngx_http_wix_auth_attempt_create(l->request->pool, &ctx,
                                            own->flags, ngx_time(),
                                            &l->attempt)
           != NGX_OK
        || ngx_http_wix_auth_signin_returns(l, &ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memzero(&request, sizeof(ngx_http_wix_auth_api_authorize_t));

    request.redirect_uri = l->site.redirect_uri;
    request.state = l->attempt.state;
    request.challenge = l->attempt.challenge;
    request.session_token = *session_token;
    request.idp = own->idp;
    request.visitor = own->visitor;
    request.response_mode = l->response_mode;
    request.silent = (own->flags & NGX_HTTP_WIX_AUTH_ATTEMPT_SILENT) ? 1 : 0;

    own->call = ngx_http_wix_auth_api_authorize(l->conf->api,
                                       &l->site.client, &request,
                                       l->request->connection->log,
                                       ngx_http_wix_auth_signin_redirected, l);

    return own->call ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_wix_auth_signin_returns(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_attempt_ctx_t *ctx)
{
    ngx_str_t                   returns, back;
    ngx_http_wix_auth_cookie_t  cookie;

    back = l->return_url;

    if (back.len == 0) {
        ngx_str_set(&back, "/");
    }

    if (ngx_http_wix_auth_attempt_returns_add(l->request->pool, ctx,
                                              &l->rec->returns,
                                              l->attempt.nonce, &back,
                                              &l->email, &returns)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    cookie = l->conf->cookies->returns;
    cookie.path = l->site.prefix;

    return ngx_http_wix_auth_login_set_cookie(l, &cookie, &returns,
                                              NGX_HTTP_WIX_AUTH_ATTEMPT_TIME);
}


static void
ngx_http_wix_auth_signin_redirected(ngx_http_wix_auth_api_result_t *result,
    void *data)
{
    ngx_http_wix_auth_login_t  *l = data;

    ngx_http_wix_auth_login_result(l, result);

    if (l->reason == NGX_HTTP_WIX_AUTH_OK) {

        if (ngx_http_wix_auth_login_away(l, result) != NGX_OK) {
            ngx_http_wix_auth_login_fail(l);
            return;
        }

        if (l->response_mode == NGX_HTTP_WIX_AUTH_RESPONSE_DIRECT
            && !(l->own->flags & NGX_HTTP_WIX_AUTH_ATTEMPT_WIX)
            && ngx_http_wix_auth_signin_direct(l) == NGX_OK)
        {
            return;
        }
    }

    l->done(l);
}


/* we go where the browser would, which needs no more than the attempt has */

static ngx_int_t
ngx_http_wix_auth_signin_direct(ngx_http_wix_auth_login_t *l)
{
    ngx_http_wix_auth_login_own_t  *own;

    own = l->own;

    own->call = ngx_http_wix_auth_api_direct(l->conf->api, &l->site.client,
                                          &l->redirect_url,
                                          &l->site.redirect_uri,
                                          &l->attempt.state,
                                          l->request->connection->log,
                                          ngx_http_wix_auth_signin_arrived, l);

    return own->call ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_wix_auth_signin_arrived(ngx_http_wix_auth_api_result_t *result,
    void *data)
{
    ngx_http_wix_auth_login_t  *l = data;

    ngx_http_wix_auth_login_result(l, result);

    if (l->reason != NGX_HTTP_WIX_AUTH_OK) {

        /* the browser may have more success; its cookies are set */

        l->reason = NGX_HTTP_WIX_AUTH_OK;
        l->retry_after = -1;

        l->done(l);
        return;
    }

    ngx_http_wix_auth_login_wipe(&l->redirect_url);
    ngx_str_null(&l->redirect_url);

    l->leaves = 0;

    if (result->code.len == 0) {
        l->reason = ngx_http_wix_auth_login_error(&result->error);

        ngx_log_error(NGX_LOG_INFO, l->request->connection->log, 0,
                      "wix_auth: authorization ended with an error, %V",
                      &ngx_http_wix_auth_reason(l->reason)->code);

        l->done(l);
        return;
    }

    l->own->direct = 1;

    if (ngx_http_wix_auth_login_code(l, &result->code) != NGX_OK) {
        ngx_http_wix_auth_login_fail(l);
    }
}
