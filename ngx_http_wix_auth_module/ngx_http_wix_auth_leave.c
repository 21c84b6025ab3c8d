
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_login_parts.h"


static void ngx_http_wix_auth_leave_renewed(
    ngx_http_wix_auth_api_result_t *result, void *data);
static ngx_int_t ngx_http_wix_auth_leave_goodbye(
    ngx_http_wix_auth_login_t *l, ngx_str_t *access_token);
static void ngx_http_wix_auth_leave_left(
    ngx_http_wix_auth_api_result_t *result, void *data);
static ngx_int_t ngx_http_wix_auth_leave_home(ngx_http_wix_auth_login_t *l,
    ngx_str_t *url);


ngx_int_t
ngx_http_wix_auth_login_leave(ngx_http_wix_auth_login_t *l)
{
    ngx_int_t                       rc;
    ngx_str_t                       none;
    ngx_uint_t                      lease;
    ngx_http_wix_auth_session_t     s, fresh;
    ngx_http_wix_auth_login_own_t  *own;

    own = l->own;

    ngx_memzero(&s, sizeof(ngx_http_wix_auth_session_t));
    ngx_memzero(&fresh, sizeof(ngx_http_wix_auth_session_t));
    ngx_str_null(&none);

    rc = ngx_http_wix_auth_login_tokens(l, NGX_HTTP_WIX_AUTH_KIND_MEMBER, &s);

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
        own->call = ngx_http_wix_auth_api_refresh(l->conf->api,
                                            &l->site.client,
                                            &fresh.refresh_token,
                                            NGX_HTTP_WIX_AUTH_CLASS_WAITED,
                                            l->request->connection->log,
                                            ngx_http_wix_auth_leave_renewed,
                                            l);

        ngx_http_wix_auth_login_wipe(&fresh.access_token);
        ngx_http_wix_auth_login_wipe(&fresh.refresh_token);

        return own->call ? NGX_OK : NGX_ERROR;
    }

    return ngx_http_wix_auth_leave_goodbye(l, &s.access_token);
}


static void
ngx_http_wix_auth_leave_renewed(ngx_http_wix_auth_api_result_t *result,
    void *data)
{
    ngx_http_wix_auth_login_t  *l = data;

    ngx_http_wix_auth_login_result(l, result);

    if (l->reason != NGX_HTTP_WIX_AUTH_OK) {
        l->done(l);
        return;
    }

    if (ngx_http_wix_auth_leave_goodbye(l, &result->access_token) != NGX_OK) {
        ngx_http_wix_auth_login_fail(l);
    }
}


static ngx_int_t
ngx_http_wix_auth_leave_goodbye(ngx_http_wix_auth_login_t *l,
    ngx_str_t *access_token)
{
    ngx_str_t                       url;
    ngx_http_wix_auth_login_own_t  *own;

    own = l->own;

    if (ngx_http_wix_auth_leave_home(l, &url) != NGX_OK) {
        return NGX_ERROR;
    }

    own->call = ngx_http_wix_auth_api_logout(l->conf->api, &l->site.client,
                                             access_token, &url,
                                             l->request->connection->log,
                                             ngx_http_wix_auth_leave_left, l);

    return own->call ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_wix_auth_leave_left(ngx_http_wix_auth_api_result_t *result,
    void *data)
{
    ngx_http_wix_auth_login_t  *l = data;

    ngx_http_wix_auth_login_result(l, result);

    if (l->reason == NGX_HTTP_WIX_AUTH_OK
        && ngx_http_wix_auth_login_away(l, result) != NGX_OK)
    {
        ngx_http_wix_auth_login_fail(l);
        return;
    }

    l->done(l);
}


/* postFlowUrl: absolute, on the base URL */

static ngx_int_t
ngx_http_wix_auth_leave_home(ngx_http_wix_auth_login_t *l, ngx_str_t *url)
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
