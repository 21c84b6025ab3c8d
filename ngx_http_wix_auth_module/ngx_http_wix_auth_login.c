
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_answer.h"
#include "ngx_http_wix_auth_login.h"


static void ngx_http_wix_auth_login_cleanup(void *data);
static void ngx_http_wix_auth_login_wipe(ngx_str_t *text);
static void ngx_http_wix_auth_login_context(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_attempt_ctx_t *ctx);
static void ngx_http_wix_auth_login_result(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_api_result_t *result);
static void ngx_http_wix_auth_login_fail(ngx_http_wix_auth_login_t *l);
static void ngx_http_wix_auth_login_answered(
    ngx_http_wix_auth_api_result_t *result, void *data);
static ngx_int_t ngx_http_wix_auth_login_verify(
    ngx_http_wix_auth_login_t *l, ngx_http_wix_auth_api_result_t *result);
static ngx_int_t ngx_http_wix_auth_login_authorize(
    ngx_http_wix_auth_login_t *l, ngx_str_t *session_token, ngx_str_t *idp,
    ngx_uint_t flags);
static void ngx_http_wix_auth_login_redirected(
    ngx_http_wix_auth_api_result_t *result, void *data);
static void ngx_http_wix_auth_login_exchanged(
    ngx_http_wix_auth_api_result_t *result, void *data);
static ngx_int_t ngx_http_wix_auth_login_session(
    ngx_http_wix_auth_login_t *l, ngx_http_wix_auth_api_result_t *result);
static void ngx_http_wix_auth_login_end_all(ngx_http_wix_auth_login_t *l,
    ngx_uint_t reason);
static ngx_int_t ngx_http_wix_auth_login_tokens(
    ngx_http_wix_auth_login_t *l, ngx_http_wix_auth_session_t *s);
static void ngx_http_wix_auth_login_left(
    ngx_http_wix_auth_api_result_t *result, void *data);
static void ngx_http_wix_auth_login_renewed(
    ngx_http_wix_auth_api_result_t *result, void *data);
static ngx_int_t ngx_http_wix_auth_login_goodbye(
    ngx_http_wix_auth_login_t *l, ngx_str_t *access_token);
static ngx_int_t ngx_http_wix_auth_login_home(ngx_http_wix_auth_login_t *l,
    ngx_str_t *url);
static ngx_int_t ngx_http_wix_auth_login_mark(ngx_http_wix_auth_login_t *l,
    ngx_uint_t marker);
static ngx_int_t ngx_http_wix_auth_login_set_cookie(
    ngx_http_wix_auth_login_t *l, ngx_http_wix_auth_cookie_t *cookie,
    ngx_str_t *value, time_t max_age);


ngx_http_wix_auth_login_t *
ngx_http_wix_auth_login_create(ngx_http_request_t *r,
    ngx_http_wix_auth_conf_t *conf)
{
    ngx_pool_cleanup_t         *cln;
    ngx_http_wix_auth_login_t  *l;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_wix_auth_login_t));
    if (cln == NULL) {
        return NULL;
    }

    l = cln->data;

    ngx_memzero(l, sizeof(ngx_http_wix_auth_login_t));

    cln->handler = ngx_http_wix_auth_login_cleanup;

    l->request = r;
    l->conf = conf;
    l->retry_after = -1;

    l->rec = ngx_http_wix_auth_record(r);
    if (l->rec == NULL) {
        return NULL;
    }

    ngx_http_wix_auth_record_cookies(l->rec, conf);

    (void) ngx_http_wix_auth_attempt_binding_check(&l->rec->binding,
                                                   &l->binding,
                                                   &l->restarted);

    if (ngx_http_wix_auth_site(r, conf, &l->site) != NGX_OK) {
        return NULL;
    }

    return l;
}


static void
ngx_http_wix_auth_login_cleanup(void *data)
{
    ngx_http_wix_auth_login_t  *l = data;

    if (l->call) {
        ngx_http_wix_auth_api_cancel(l->call);
        l->call = NULL;
    }

    ngx_http_wix_auth_login_wipe(&l->attempt.verifier);
    ngx_http_wix_auth_login_wipe(&l->tokens);
}


static void
ngx_http_wix_auth_login_wipe(ngx_str_t *text)
{
    if (text->len) {
        ngx_explicit_memzero(text->data, text->len);
    }
}


ngx_int_t
ngx_http_wix_auth_login_bind(ngx_http_wix_auth_login_t *l)
{
    if (l->binding.len) {
        return NGX_OK;
    }

    if (ngx_http_wix_auth_attempt_binding(l->request->pool, &l->binding)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_wix_auth_login_set_cookie(l, &l->conf->cookies->binding,
                                              &l->binding,
                                              NGX_HTTP_WIX_AUTH_ATTEMPT_TIME);
}


ngx_int_t
ngx_http_wix_auth_login_password(ngx_http_wix_auth_login_t *l,
    ngx_str_t *password)
{
    l->call = ngx_http_wix_auth_api_login(l->conf->api, &l->site.client,
                                          &l->email, password,
                                          l->request->connection->log,
                                          ngx_http_wix_auth_login_answered,
                                          l);

    return l->call ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_wix_auth_login_wix(ngx_http_wix_auth_login_t *l, ngx_str_t *idp,
    ngx_uint_t silent)
{
    ngx_str_t  none;

    ngx_str_null(&none);

    return ngx_http_wix_auth_login_authorize(l, &none, idp,
                          NGX_HTTP_WIX_AUTH_ATTEMPT_WIX
                          | (silent ? NGX_HTTP_WIX_AUTH_ATTEMPT_SILENT : 0));
}


static void
ngx_http_wix_auth_login_context(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_attempt_ctx_t *ctx)
{
    ctx->ring = ngx_http_wix_auth_site_ring(l->conf);
    ctx->binding = l->binding;
    ctx->client = l->site.client;
    ctx->redirect_uri = l->site.redirect_uri;
    ctx->prefix = l->site.prefix;
}


static void
ngx_http_wix_auth_login_result(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_api_result_t *result)
{
    l->call = NULL;
    l->reason = result->reason;
    l->retry_after = result->retry_after;
}


static void
ngx_http_wix_auth_login_fail(ngx_http_wix_auth_login_t *l)
{
    l->reason = NGX_HTTP_WIX_AUTH_INTERNAL_ERROR;
    l->done(l);
}


static void
ngx_http_wix_auth_login_answered(ngx_http_wix_auth_api_result_t *result,
    void *data)
{
    ngx_http_wix_auth_login_t  *l = data;

    ngx_int_t  rc;
    ngx_str_t  none;

    ngx_http_wix_auth_login_result(l, result);

    if (l->reason != NGX_HTTP_WIX_AUTH_OK) {
        l->done(l);
        return;
    }

    l->state = result->state;

    switch (l->state) {

    case NGX_HTTP_WIX_AUTH_STATE_SUCCESS:
        ngx_str_null(&none);

        if (result->email.len) {
            l->email.len = result->email.len;
            l->email.data = ngx_pstrdup(l->request->pool, &result->email);

            if (l->email.data == NULL) {
                ngx_http_wix_auth_login_fail(l);
                return;
            }
        }

        rc = ngx_http_wix_auth_login_authorize(l, &result->session_token,
                                               &none, 0);
        if (rc != NGX_OK) {
            ngx_http_wix_auth_login_fail(l);
        }

        return;

    case NGX_HTTP_WIX_AUTH_STATE_VERIFY:
        rc = ngx_http_wix_auth_login_verify(l, result);

        if (rc != NGX_OK) {
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
ngx_http_wix_auth_login_verify(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_api_result_t *result)
{
    ngx_http_wix_auth_attempt_ctx_t  ctx;

    if (ngx_http_wix_auth_login_bind(l) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_wix_auth_login_context(l, &ctx);

    if (ctx.ring == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_wix_auth_attempt_seal_token(l->request->pool, &ctx,
                                                &result->state_token,
                                                ngx_time(), &l->state_token);
}


/* a new attempt, its cookies, and the address at Wix */

static ngx_int_t
ngx_http_wix_auth_login_authorize(ngx_http_wix_auth_login_t *l,
    ngx_str_t *session_token, ngx_str_t *idp, ngx_uint_t flags)
{
    ngx_str_t                           returns, back;
    ngx_pool_t                         *pool;
    ngx_http_wix_auth_cookie_t          cookie;
    ngx_http_wix_auth_attempt_ctx_t     ctx;
    ngx_http_wix_auth_api_authorize_t   request;

    pool = l->request->pool;

    /* the cookie must outlive this attempt, not only the first one */

    if (ngx_http_wix_auth_login_mark(l, l->restarted) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_wix_auth_login_context(l, &ctx);

    if (ctx.ring == NULL
        || ngx_http_wix_auth_attempt_create(pool, &ctx, flags, ngx_time(),
                                            &l->attempt)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    back = l->return_url;

    if (back.len == 0) {
        ngx_str_set(&back, "/");
    }

    if (ngx_http_wix_auth_attempt_returns_add(pool, &ctx, &l->rec->returns,
                                              l->attempt.nonce, &back,
                                              &l->email, &returns)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    cookie = l->conf->cookies->returns;
    cookie.path = l->site.prefix;

    if (ngx_http_wix_auth_login_set_cookie(l, &cookie, &returns,
                                           NGX_HTTP_WIX_AUTH_ATTEMPT_TIME)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memzero(&request, sizeof(ngx_http_wix_auth_api_authorize_t));

    request.redirect_uri = l->site.redirect_uri;
    request.state = l->attempt.state;
    request.challenge = l->attempt.challenge;
    request.session_token = *session_token;
    request.idp = *idp;
    request.silent = (flags & NGX_HTTP_WIX_AUTH_ATTEMPT_SILENT) ? 1 : 0;

    l->call = ngx_http_wix_auth_api_authorize(l->conf->api, &l->site.client,
                                         &request, l->request->connection->log,
                                         ngx_http_wix_auth_login_redirected,
                                         l);

    return l->call ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_wix_auth_login_redirected(ngx_http_wix_auth_api_result_t *result,
    void *data)
{
    ngx_http_wix_auth_login_t  *l = data;

    ngx_http_wix_auth_login_result(l, result);

    if (l->reason == NGX_HTTP_WIX_AUTH_OK) {
        l->leaves = 1;
        l->state = NGX_HTTP_WIX_AUTH_STATE_SUCCESS;
        l->redirect_url.len = result->full_url.len;
        l->redirect_url.data = ngx_pstrdup(l->request->pool,
                                           &result->full_url);

        if (l->redirect_url.data == NULL) {
            ngx_http_wix_auth_login_fail(l);
            return;
        }
    }

    l->done(l);
}


ngx_int_t
ngx_http_wix_auth_login_state(ngx_http_wix_auth_login_t *l, ngx_str_t *state)
{
    ngx_int_t                        rc;
    ngx_http_wix_auth_attempt_ctx_t  ctx;

    if (l->binding.len == 0) {
        return NGX_DECLINED;
    }

    ngx_http_wix_auth_login_context(l, &ctx);

    if (ctx.ring == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_wix_auth_attempt_verify(l->request->pool, &ctx, state,
                                          ngx_time(), &l->attempt);

    if (rc == NGX_DECLINED || rc == NGX_ERROR) {
        return rc;
    }

    if (ngx_http_wix_auth_attempt_returns_find(l->request->pool, &ctx,
                                               &l->rec->returns,
                                               l->attempt.nonce,
                                               &l->return_url, &l->email)
        == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    return rc;
}


ngx_int_t
ngx_http_wix_auth_login_code(ngx_http_wix_auth_login_t *l, ngx_str_t *code)
{
    l->call = ngx_http_wix_auth_api_code(l->conf->api, &l->site.client, code,
                                         &l->attempt.verifier,
                                         &l->site.redirect_uri,
                                         l->request->connection->log,
                                         ngx_http_wix_auth_login_exchanged,
                                         l);

    return l->call ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_wix_auth_login_exchanged(ngx_http_wix_auth_api_result_t *result,
    void *data)
{
    ngx_http_wix_auth_login_t  *l = data;

    ngx_http_wix_auth_login_result(l, result);

    switch (l->reason) {

    case NGX_HTTP_WIX_AUTH_OK:
        if (ngx_http_wix_auth_login_session(l, result) != NGX_OK) {
            ngx_http_wix_auth_login_fail(l);
            return;
        }

        break;

    case NGX_HTTP_WIX_AUTH_INVALID_GRANT:
        if (ngx_http_wix_auth_login_again(l) != NGX_OK) {
            ngx_http_wix_auth_login_fail(l);
            return;
        }

        break;
    }

    l->done(l);
}


/* a new id at every login; sessions that the browser brought end */

static ngx_int_t
ngx_http_wix_auth_login_session(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_api_result_t *result)
{
    u_char                       *p, digest[32];
    ngx_int_t                     rc;
    ngx_str_t                     cookie;
    ngx_http_wix_auth_ring_t     *ring;
    ngx_http_wix_auth_session_t   s;

    if (result->member_id.len == 0) {

        ngx_log_error(NGX_LOG_ERR, l->request->connection->log, 0,
                      "wix_auth: the token of a login is no member's");

        l->reason = NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR;
        return NGX_OK;
    }

    ring = ngx_http_wix_auth_site_ring(l->conf);
    if (ring == NULL) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(l->request->pool, NGX_HTTP_WIX_AUTH_SESSION_COOKIE);
    if (p == NULL) {
        return NGX_ERROR;
    }

    cookie.data = p;
    cookie.len = NGX_HTTP_WIX_AUTH_SESSION_COOKIE;

    if (ngx_http_wix_auth_session_cookie(ring, p) != NGX_OK
        || ngx_http_wix_auth_sha256(cookie.data, cookie.len, digest)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memzero(&s, sizeof(ngx_http_wix_auth_session_t));

    ngx_http_wix_auth_session_id(l->conf->zone, &cookie, s.id);
    ngx_memcpy(s.handle, digest, 16);
    ngx_memcpy(s.client, l->site.client_id, 16);

    s.created = ngx_time();
    s.expires = s.created + l->conf->lifetime;
    s.token_expires = result->expires;
    s.token_lifetime = result->lifetime;
    s.member_id = result->member_id;
    s.email = l->email;
    s.access_token = result->access_token;
    s.refresh_token = result->refresh_token;

    rc = ngx_http_wix_auth_session_create(l->conf->zone, &s,
                                          l->request->connection->log);

    if (rc != NGX_OK) {
        l->reason = (rc == NGX_ERROR) ? NGX_HTTP_WIX_AUTH_ZONE_FULL
                                      : NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR;
        return NGX_OK;
    }

    ngx_http_wix_auth_login_end_all(l, NGX_HTTP_WIX_AUTH_SESSION_ENDED);

    if (ngx_http_wix_auth_login_set_cookie(l, &l->conf->cookies->session,
                                           &cookie, l->conf->lifetime)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (l->restarted && ngx_http_wix_auth_login_mark(l, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_INFO, l->request->connection->log, 0,
                  "wix_auth: session %*xs begins",
                  (size_t) 4, s.handle);

    return NGX_OK;
}


static void
ngx_http_wix_auth_login_end_all(ngx_http_wix_auth_login_t *l,
    ngx_uint_t reason)
{
    u_char                              id[16];
    u_char                              buf[NGX_HTTP_WIX_AUTH_SESSION_INLINE];
    ngx_uint_t                          i;
    ngx_http_wix_auth_session_t         s;
    ngx_http_wix_auth_session_query_t   q;

    for (i = 0; i < l->rec->ncookies; i++) {

        if (!ngx_http_wix_auth_session_plausible(&l->rec->cookies[i])) {
            continue;
        }

        ngx_http_wix_auth_session_id(l->conf->zone, &l->rec->cookies[i], id);

        /* another client's session is not ours to end */

        ngx_memzero(&q, sizeof(ngx_http_wix_auth_session_query_t));
        ngx_memcpy(q.id, id, 16);
        q.client = l->site.client_id;
        q.now = ngx_time();
        q.buf = buf;
        q.size = sizeof(buf);

        if (ngx_http_wix_auth_session_find(l->conf->zone, &q, &s) == NGX_OK) {
            (void) ngx_http_wix_auth_session_end(l->conf->zone, id, reason,
                                                 ngx_time());
        }
    }
}


ngx_int_t
ngx_http_wix_auth_login_again(ngx_http_wix_auth_login_t *l)
{
    if (ngx_http_wix_auth_record_lookup(l->rec, l->conf, 0, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    if (l->rec->found) {
        l->reason = NGX_HTTP_WIX_AUTH_OK;
        return NGX_OK;
    }

    l->reason = NGX_HTTP_WIX_AUTH_STATE_MISMATCH;

    if (l->restarted) {
        /* the next attempt starts with a clean slate */
        return ngx_http_wix_auth_login_mark(l, 0);
    }

    l->restart = 1;

    return ngx_http_wix_auth_login_mark(l, 1);
}


ngx_int_t
ngx_http_wix_auth_login_leave(ngx_http_wix_auth_login_t *l)
{
    ngx_int_t                     rc;
    ngx_str_t                     none;
    ngx_uint_t                    lease;
    ngx_http_wix_auth_session_t   s, fresh;

    ngx_memzero(&s, sizeof(ngx_http_wix_auth_session_t));
    ngx_memzero(&fresh, sizeof(ngx_http_wix_auth_session_t));
    ngx_str_null(&none);

    rc = ngx_http_wix_auth_login_tokens(l, &s);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    /* Wix wants a live token to say goodbye */

    if (rc == NGX_OK
        && ngx_time() >= s.token_expires
        && ngx_http_wix_auth_session_lease(l->conf->zone, s.id, s.generation,
                                           1000, l->request->pool, &fresh,
                                           &lease)
           != NGX_OK)
    {
        fresh.refresh_token.len = 0;
    }

    ngx_http_wix_auth_login_end_all(l, NGX_HTTP_WIX_AUTH_SESSION_ENDED);

    if (ngx_http_wix_auth_login_set_cookie(l, &l->conf->cookies->session,
                                           &none, 0)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (s.access_token.len == 0) {
        l->reason = NGX_HTTP_WIX_AUTH_NO_SESSION;
        return NGX_DECLINED;
    }

    ngx_log_error(NGX_LOG_INFO, l->request->connection->log, 0,
                  "wix_auth: session %*xs ended, logout",
                  (size_t) 4, s.handle);

    if (fresh.refresh_token.len) {
        l->call = ngx_http_wix_auth_api_refresh(l->conf->api,
                                            &l->site.client,
                                            &fresh.refresh_token,
                                            l->request->connection->log,
                                            ngx_http_wix_auth_login_renewed,
                                            l);

        ngx_http_wix_auth_login_wipe(&fresh.access_token);
        ngx_http_wix_auth_login_wipe(&fresh.refresh_token);

        return l->call ? NGX_OK : NGX_ERROR;
    }

    return ngx_http_wix_auth_login_goodbye(l, &s.access_token);
}


/* the session that the browser brought, with its access token */

static ngx_int_t
ngx_http_wix_auth_login_tokens(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_session_t *s)
{
    ngx_uint_t                          i;
    ngx_http_wix_auth_session_query_t   q;

    ngx_memzero(&q, sizeof(ngx_http_wix_auth_session_query_t));

    q.client = l->site.client_id;
    q.now = ngx_time();
    q.access = 1;
    q.size = NGX_HTTP_WIX_AUTH_TOKEN_MAX + NGX_HTTP_WIX_AUTH_SESSION_INLINE;
    q.buf = ngx_pnalloc(l->request->pool, q.size);

    if (q.buf == NULL) {
        return NGX_ERROR;
    }

    l->tokens.data = q.buf;
    l->tokens.len = q.size;

    for (i = 0; i < l->rec->ncookies; i++) {

        if (!ngx_http_wix_auth_session_plausible(&l->rec->cookies[i])) {
            continue;
        }

        ngx_http_wix_auth_session_id(l->conf->zone, &l->rec->cookies[i],
                                     q.id);

        if (ngx_http_wix_auth_session_find(l->conf->zone, &q, s) == NGX_OK) {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static void
ngx_http_wix_auth_login_renewed(ngx_http_wix_auth_api_result_t *result,
    void *data)
{
    ngx_http_wix_auth_login_t  *l = data;

    ngx_http_wix_auth_login_result(l, result);

    if (l->reason != NGX_HTTP_WIX_AUTH_OK) {
        l->done(l);
        return;
    }

    if (ngx_http_wix_auth_login_goodbye(l, &result->access_token) != NGX_OK)
    {
        ngx_http_wix_auth_login_fail(l);
    }
}


static ngx_int_t
ngx_http_wix_auth_login_goodbye(ngx_http_wix_auth_login_t *l,
    ngx_str_t *access_token)
{
    ngx_str_t  url;

    if (ngx_http_wix_auth_login_home(l, &url) != NGX_OK) {
        return NGX_ERROR;
    }

    l->call = ngx_http_wix_auth_api_logout(l->conf->api, &l->site.client,
                                           access_token, &url,
                                           l->request->connection->log,
                                           ngx_http_wix_auth_login_left, l);

    return l->call ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_wix_auth_login_left(ngx_http_wix_auth_api_result_t *result,
    void *data)
{
    ngx_http_wix_auth_login_redirected(result, data);
}


/* postFlowUrl: absolute, on the base URL */

static ngx_int_t
ngx_http_wix_auth_login_home(ngx_http_wix_auth_login_t *l, ngx_str_t *url)
{
    u_char     *p;
    ngx_str_t  *path;

    path = &l->conf->logout_redirect;

    if (path->len && path->data[0] != '/') {
        *url = *path;
        return NGX_OK;
    }

    p = ngx_pnalloc(l->request->pool, l->site.base.len + path->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    url->data = p;
    url->len = ngx_sprintf(p, "%V%V", &l->site.base, path) - p;

    return NGX_OK;
}


/* "!" before the binding remembers that the login has been restarted */

static ngx_int_t
ngx_http_wix_auth_login_mark(ngx_http_wix_auth_login_t *l, ngx_uint_t marker)
{
    u_char     *p;
    ngx_str_t   value;

    if (l->binding.len == 0
        && ngx_http_wix_auth_attempt_binding(l->request->pool, &l->binding)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(l->request->pool, l->binding.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    p = ngx_sprintf(p, "%s%V", marker ? "!" : "", &l->binding);
    value.len = p - value.data;

    return ngx_http_wix_auth_login_set_cookie(l, &l->conf->cookies->binding,
                                              &value,
                                              NGX_HTTP_WIX_AUTH_ATTEMPT_TIME);
}


static ngx_int_t
ngx_http_wix_auth_login_set_cookie(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_cookie_t *cookie, ngx_str_t *value, time_t max_age)
{
    ngx_str_t  header;

    if (ngx_http_wix_auth_cookie_set(l->request->pool, cookie, value,
                                     cookie->session && max_age ? -1
                                                                : max_age,
                                     &header)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_wix_auth_answer_header(l->request, "Set-Cookie", &header);
}
