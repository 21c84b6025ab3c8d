
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_login_parts.h"
#include "ngx_http_wix_auth_profile.h"


static void ngx_http_wix_auth_exchange_done(
    ngx_http_wix_auth_api_result_t *result, void *data);
static ngx_int_t ngx_http_wix_auth_exchange_dead(
    ngx_http_wix_auth_login_t *l);
static ngx_int_t ngx_http_wix_auth_exchange_granted(
    ngx_http_wix_auth_login_t *l, ngx_http_wix_auth_api_result_t *result);
static ngx_int_t ngx_http_wix_auth_exchange_profile(
    ngx_http_wix_auth_login_t *l);
static ngx_int_t ngx_http_wix_auth_exchange_keep(
    ngx_http_wix_auth_login_t *l);
static void ngx_http_wix_auth_exchange_profiled(
    ngx_http_wix_auth_api_result_t *result, void *data);
static ngx_int_t ngx_http_wix_auth_exchange_member(
    ngx_http_wix_auth_login_t *l, ngx_http_wix_auth_api_result_t *result);
static ngx_int_t ngx_http_wix_auth_exchange_session(
    ngx_http_wix_auth_login_t *l);
static ngx_int_t ngx_http_wix_auth_exchange_create(
    ngx_http_wix_auth_login_t *l, ngx_str_t *cookie);
static ngx_int_t ngx_http_wix_auth_exchange_begun(
    ngx_http_wix_auth_login_t *l, ngx_str_t *cookie);


ngx_int_t
ngx_http_wix_auth_login_state(ngx_http_wix_auth_login_t *l, ngx_str_t *state)
{
    ngx_int_t                        rc;
    ngx_http_wix_auth_attempt_ctx_t  ctx;

    if (l->binding.len == 0) {
        return NGX_DECLINED;
    }

    if (ngx_http_wix_auth_login_context(l, &ctx) != NGX_OK) {
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


ngx_uint_t
ngx_http_wix_auth_login_error(ngx_str_t *error)
{
    ngx_uint_t  i;

    static struct {
        ngx_str_t    name;
        ngx_uint_t   reason;
    } errors[] = {
        { ngx_string("access_denied"), NGX_HTTP_WIX_AUTH_ACCESS_DENIED },
        { ngx_string("temporarily_unavailable"),
          NGX_HTTP_WIX_AUTH_UPSTREAM_UNAVAILABLE },
        { ngx_string("server_error"),
          NGX_HTTP_WIX_AUTH_UPSTREAM_UNAVAILABLE },
        { ngx_string("redirect_uri_not_allowed"),
          NGX_HTTP_WIX_AUTH_CLIENT_REJECTED },
        { ngx_null_string, NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR }
    };

    for (i = 0; errors[i].name.len; i++) {
        if (error->len == errors[i].name.len
            && ngx_strncmp(error->data, errors[i].name.data, error->len) == 0)
        {
            break;
        }
    }

    return errors[i].reason;
}


ngx_int_t
ngx_http_wix_auth_login_code(ngx_http_wix_auth_login_t *l, ngx_str_t *code)
{
    ngx_str_t                       uri;
    ngx_http_wix_auth_login_own_t  *own;

    own = l->own;

    /* as in the authorization request (RFC 6749, 4.1.3) */

    uri = l->site.redirect_uri;

    if (l->attempt.flags & NGX_HTTP_WIX_AUTH_ATTEMPT_FRAME) {
        ngx_str_null(&uri);
    }

    own->call = ngx_http_wix_auth_api_code(l->conf->api, &l->site.client,
                                           code, &l->attempt.verifier, &uri,
                                           l->request->connection->log,
                                           ngx_http_wix_auth_exchange_done, l);

    return own->call ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_wix_auth_exchange_done(ngx_http_wix_auth_api_result_t *result,
    void *data)
{
    ngx_http_wix_auth_login_t  *l = data;

    ngx_int_t  rc;

    ngx_http_wix_auth_login_result(l, result);

    switch (l->reason) {

    case NGX_HTTP_WIX_AUTH_OK:
        rc = ngx_http_wix_auth_exchange_granted(l, result);
        break;

    case NGX_HTTP_WIX_AUTH_INVALID_GRANT:
        rc = ngx_http_wix_auth_exchange_dead(l);
        break;

    default:
        rc = NGX_OK;
    }

    if (rc == NGX_AGAIN) {
        return;
    }

    if (rc != NGX_OK) {
        ngx_http_wix_auth_login_fail(l);
        return;
    }

    l->done(l);
}


/* a code that came by the browser may be an old one, ours is not */

static ngx_int_t
ngx_http_wix_auth_exchange_dead(ngx_http_wix_auth_login_t *l)
{
    if (!l->own->direct) {
        return ngx_http_wix_auth_login_again(l);
    }

    l->reason = NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR;

    return NGX_OK;
}


/* NGX_OK: done; NGX_AGAIN: later, when the profile is there; NGX_ERROR */

static ngx_int_t
ngx_http_wix_auth_exchange_granted(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_api_result_t *result)
{
    ngx_int_t                   rc;
    ngx_http_wix_auth_grant_t  *grant;

    if (result->member_id.len == 0) {

        ngx_log_error(NGX_LOG_ERR, l->request->connection->log, 0,
                      "wix_auth: the token of a login is no member's");

        l->reason = NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR;
        return NGX_OK;
    }

    grant = &l->own->grant;

    grant->member_id = result->member_id;
    grant->email = l->email;
    grant->access_token = result->access_token;
    grant->refresh_token = result->refresh_token;
    grant->expires = result->expires;
    grant->lifetime = result->lifetime;

    if (l->conf->profile) {
        rc = ngx_http_wix_auth_exchange_profile(l);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    return ngx_http_wix_auth_exchange_session(l);
}


/* NGX_AGAIN: the call is under way; NGX_DECLINED: not now; NGX_ERROR */

static ngx_int_t
ngx_http_wix_auth_exchange_profile(ngx_http_wix_auth_login_t *l)
{
    ngx_int_t                       retry_after;
    ngx_http_wix_auth_login_own_t  *own;

    own = l->own;

    if (ngx_http_wix_auth_budget_take(l->conf->zone, l->site.client_id,
                                      NGX_HTTP_WIX_AUTH_BUDGET_PROFILE,
                                      NGX_HTTP_WIX_AUTH_LOOKUP_RATE,
                                      &retry_after)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_INFO, l->request->connection->log, 0,
                      "wix_auth: a session begins without a profile, "
                      "no call is left for it");
        return NGX_DECLINED;
    }

    if (ngx_http_wix_auth_exchange_keep(l) != NGX_OK) {
        return NGX_ERROR;
    }

    own->call = ngx_http_wix_auth_api_member(l->conf->api, &l->site.client,
                                       &own->grant.access_token,
                                       l->request->connection->log,
                                       ngx_http_wix_auth_exchange_profiled, l);

    return own->call ? NGX_AGAIN : NGX_DECLINED;
}


/* what the answer brought is wiped before the next one comes */

static ngx_int_t
ngx_http_wix_auth_exchange_keep(ngx_http_wix_auth_login_t *l)
{
    u_char                     *p;
    ngx_str_t                  *kept;
    ngx_uint_t                  i;
    ngx_http_wix_auth_grant_t  *grant;

    ngx_str_t  *strings[3];

    kept = &l->own->kept;
    grant = &l->own->grant;

    strings[0] = &grant->member_id;
    strings[1] = &grant->access_token;
    strings[2] = &grant->refresh_token;

    kept->len = grant->member_id.len + grant->access_token.len
                + grant->refresh_token.len;

    kept->data = ngx_pnalloc(l->request->pool, kept->len);

    if (kept->data == NULL) {
        kept->len = 0;
        return NGX_ERROR;
    }

    p = kept->data;

    for (i = 0; i < 3; i++) {
        if (strings[i]->len) {
            ngx_memcpy(p, strings[i]->data, strings[i]->len);
            strings[i]->data = p;
            p += strings[i]->len;
        }
    }

    return NGX_OK;
}


static void
ngx_http_wix_auth_exchange_profiled(ngx_http_wix_auth_api_result_t *result,
    void *data)
{
    ngx_http_wix_auth_login_t  *l = data;

    ngx_int_t  rc;

    ngx_http_wix_auth_login_result(l, result);

    switch (l->reason) {

    case NGX_HTTP_WIX_AUTH_MEMBER_BLOCKED:
        l->reason = NGX_HTTP_WIX_AUTH_ACCESS_DENIED;
        l->done(l);
        return;

    case NGX_HTTP_WIX_AUTH_OK:
        rc = ngx_http_wix_auth_exchange_member(l, result);
        break;

    default:
        ngx_log_error(NGX_LOG_INFO, l->request->connection->log, 0,
                      "wix_auth: a session begins without a profile, %V",
                      &ngx_http_wix_auth_reason(l->reason)->code);

        l->reason = NGX_HTTP_WIX_AUTH_OK;
        l->retry_after = -1;
        rc = NGX_OK;
    }

    if (rc == NGX_OK && l->reason == NGX_HTTP_WIX_AUTH_OK) {
        rc = ngx_http_wix_auth_exchange_session(l);
    }

    ngx_http_wix_auth_login_wipe(&l->own->kept);

    if (rc != NGX_OK) {
        ngx_http_wix_auth_login_fail(l);
        return;
    }

    l->done(l);
}


static ngx_int_t
ngx_http_wix_auth_exchange_member(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_api_result_t *result)
{
    ngx_str_t                  *status;
    ngx_http_wix_auth_grant_t  *grant;

    grant = &l->own->grant;

    if (result->profile == NULL
        || result->member_id.len != grant->member_id.len
        || ngx_strncmp(result->member_id.data, grant->member_id.data,
                       grant->member_id.len)
           != 0)
    {
        ngx_log_error(NGX_LOG_ERR, l->request->connection->log, 0,
                      "wix_auth: a session begins without a profile, "
                      "because Wix gave another member's");
        return NGX_OK;
    }

    status = &result->profile[NGX_HTTP_WIX_AUTH_PROFILE_STATUS];

    if (status->len == 7 && ngx_strncmp(status->data, "PENDING", 7) == 0) {
        l->reason = NGX_HTTP_WIX_AUTH_APPROVAL_PENDING;
        return NGX_OK;
    }

    if (result->email.len
        && result->email.len <= NGX_HTTP_WIX_AUTH_EMAIL_MAX)
    {
        grant->email = result->email;
    }

    return ngx_http_wix_auth_profile_pack(l->request->pool, result->profile,
                                          &grant->profile);
}


/* a new id at every login; sessions that the browser brought end */

static ngx_int_t
ngx_http_wix_auth_exchange_session(ngx_http_wix_auth_login_t *l)
{
    u_char                     value[NGX_HTTP_WIX_AUTH_SESSION_COOKIE];
    ngx_int_t                  rc;
    ngx_str_t                  cookie;
    ngx_http_wix_auth_ring_t  *ring;

    ring = ngx_http_wix_auth_site_ring(l->conf);
    if (ring == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_wix_auth_session_cookie(ring, NGX_HTTP_WIX_AUTH_KIND_MEMBER,
                                         value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    cookie.data = value;
    cookie.len = NGX_HTTP_WIX_AUTH_SESSION_COOKIE;

    rc = ngx_http_wix_auth_exchange_create(l, &cookie);

    if (rc == NGX_OK && l->reason == NGX_HTTP_WIX_AUTH_OK) {
        rc = ngx_http_wix_auth_exchange_begun(l, &cookie);
    }

    ngx_explicit_memzero(value, sizeof(value));

    return rc;
}


/* NGX_OK, whatever l->reason says then, or NGX_ERROR */

static ngx_int_t
ngx_http_wix_auth_exchange_create(ngx_http_wix_auth_login_t *l,
    ngx_str_t *cookie)
{
    u_char                        digest[32];
    ngx_int_t                     rc;
    ngx_http_wix_auth_grant_t    *grant;
    ngx_http_wix_auth_session_t   s;

    if (ngx_http_wix_auth_sha256(cookie->data, cookie->len, digest) != NGX_OK)
    {
        return NGX_ERROR;
    }

    grant = &l->own->grant;

    ngx_memzero(&s, sizeof(ngx_http_wix_auth_session_t));

    ngx_http_wix_auth_session_id(l->conf->zone, cookie, s.id);
    ngx_memcpy(s.handle, digest, 16);
    ngx_memcpy(s.client, l->site.client_id, 16);

    s.kind = NGX_HTTP_WIX_AUTH_KIND_MEMBER;
    s.created = ngx_time();
    s.expires = s.created + l->conf->lifetime;
    s.token_expires = grant->expires;
    s.token_lifetime = grant->lifetime;
    s.member_id = grant->member_id;
    s.email = grant->email;
    s.profile = grant->profile;
    s.access_token = grant->access_token;
    s.refresh_token = grant->refresh_token;

    rc = ngx_http_wix_auth_session_create(l->conf->zone, &s,
                                          l->request->connection->log);

    switch (rc) {

    case NGX_OK:
        ngx_log_error(NGX_LOG_INFO, l->request->connection->log, 0,
                      "wix_auth: session %*xs begins",
                      (size_t) 4, s.handle);
        break;

    case NGX_ERROR:
        l->reason = NGX_HTTP_WIX_AUTH_ZONE_FULL;
        break;

    default: /* NGX_DECLINED */
        l->reason = NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_exchange_begun(ngx_http_wix_auth_login_t *l,
    ngx_str_t *cookie)
{
    l->leaves = 0;
    l->state = NGX_HTTP_WIX_AUTH_STATE_SUCCESS;
    l->redirect_url = l->return_url;

    if (l->redirect_url.len == 0) {
        ngx_str_set(&l->redirect_url, "/");
    }

    ngx_http_wix_auth_login_end_all(l, NGX_HTTP_WIX_AUTH_SESSION_ENDED);

    if (ngx_http_wix_auth_login_set_cookie(l, &l->conf->cookies->session,
                                           cookie, l->conf->lifetime)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return l->restarted ? ngx_http_wix_auth_login_mark(l, 0) : NGX_OK;
}


ngx_int_t
ngx_http_wix_auth_login_again(ngx_http_wix_auth_login_t *l)
{
    if (ngx_http_wix_auth_record_lookup(l->rec, l->conf, 0, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    if (l->rec->found
        && l->rec->session.kind == NGX_HTTP_WIX_AUTH_KIND_MEMBER)
    {
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
