
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_login_parts.h"


#define NGX_HTTP_WIX_AUTH_CARRY_MARGIN  1000    /* ms beyond the API timeout */


static ngx_int_t ngx_http_wix_auth_carry_refresh(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_session_t *s);
static void ngx_http_wix_auth_carry_refreshed(
    ngx_http_wix_auth_api_result_t *result, void *data);
static void ngx_http_wix_auth_carry_store(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_api_result_t *result);


ngx_int_t
ngx_http_wix_auth_login_tokens(ngx_http_wix_auth_login_t *l, ngx_uint_t kind,
    ngx_http_wix_auth_session_t *s)
{
    ngx_str_t                          *buf;
    ngx_uint_t                          i;
    ngx_http_wix_auth_session_query_t   q;

    buf = &l->own->tokens;

    ngx_memzero(&q, sizeof(ngx_http_wix_auth_session_query_t));

    q.client = l->site.client_id;
    q.now = ngx_time();
    q.access = 1;

    for (i = 0; i < l->rec->ncookies; i++) {

        if (!ngx_http_wix_auth_session_plausible(&l->rec->cookies[i])) {
            continue;
        }

        if (buf->len == 0) {
            buf->data = ngx_pnalloc(l->request->pool,
                                    NGX_HTTP_WIX_AUTH_TOKEN_MAX
                                    + NGX_HTTP_WIX_AUTH_SESSION_INLINE);
            if (buf->data == NULL) {
                return NGX_ERROR;
            }

            buf->len = NGX_HTTP_WIX_AUTH_TOKEN_MAX
                       + NGX_HTTP_WIX_AUTH_SESSION_INLINE;
        }

        q.buf = buf->data;
        q.size = buf->len;

        ngx_http_wix_auth_session_id(l->conf->zone, &l->rec->cookies[i],
                                     q.id);

        if (ngx_http_wix_auth_session_find(l->conf->zone, &q, s) == NGX_OK
            && s->kind == kind)
        {
            return NGX_OK;
        }
    }

    ngx_memzero(s, sizeof(ngx_http_wix_auth_session_t));

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_wix_auth_login_carry(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_step_pt step)
{
    ngx_int_t                    rc;
    ngx_http_wix_auth_session_t  s;

    ngx_memzero(&s, sizeof(ngx_http_wix_auth_session_t));

    l->own->step = step;

    rc = ngx_http_wix_auth_login_tokens(l, NGX_HTTP_WIX_AUTH_KIND_VISITOR, &s);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK) {

        if (ngx_time() < s.token_expires) {
            l->own->visitor = s.access_token;

        } else if (ngx_http_wix_auth_carry_refresh(l, &s) == NGX_OK) {
            return NGX_OK;
        }
    }

    return step(l);
}


/*
 * NGX_OK: the step is taken when the answer is there.  NGX_DECLINED: it is to
 * be taken without this visitor, whom somebody else refreshes, or nobody can.
 */

static ngx_int_t
ngx_http_wix_auth_carry_refresh(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_session_t *s)
{
    ngx_http_wix_auth_login_own_t  *own;
    ngx_http_wix_auth_session_t     fresh;

    own = l->own;

    ngx_memzero(&fresh, sizeof(ngx_http_wix_auth_session_t));

    if (ngx_http_wix_auth_session_lease(l->conf->zone, s->id, s->generation,
                                        l->conf->api->fetch.timeout
                                        + NGX_HTTP_WIX_AUTH_CARRY_MARGIN,
                                        l->request->pool, &fresh, &own->lease)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    ngx_memcpy(own->id, s->id, 16);
    own->generation = fresh.generation;
    own->leased = 1;

    own->call = ngx_http_wix_auth_api_refresh(l->conf->api, &l->site.client,
                                         &fresh.refresh_token,
                                         NGX_HTTP_WIX_AUTH_CLASS_WAITED,
                                         l->request->connection->log,
                                         ngx_http_wix_auth_carry_refreshed, l);

    ngx_http_wix_auth_login_wipe(&fresh.access_token);
    ngx_http_wix_auth_login_wipe(&fresh.refresh_token);

    if (own->call == NULL) {
        ngx_http_wix_auth_login_drop(l);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static void
ngx_http_wix_auth_carry_refreshed(ngx_http_wix_auth_api_result_t *result,
    void *data)
{
    ngx_http_wix_auth_login_t  *l = data;

    ngx_http_wix_auth_login_own_t  *own;

    own = l->own;

    own->call = NULL;
    own->leased = 0;

    switch (result->reason) {

    case NGX_HTTP_WIX_AUTH_OK:
        ngx_http_wix_auth_carry_store(l, result);
        break;

    case NGX_HTTP_WIX_AUTH_INVALID_GRANT:
        (void) ngx_http_wix_auth_session_revoke(l->conf->zone, own->id,
                                                own->generation, own->lease,
                                                ngx_time());
        break;

    default:
        ngx_http_wix_auth_login_obey(l, result);

        ngx_http_wix_auth_session_failed(l->conf->zone, own->id,
                             own->generation, own->lease, result->cause,
                             result->cause == NGX_HTTP_WIX_AUTH_CAUSE_429
                             ? result->retry_after : -1);
    }

    /* the login does not depend on it */

    if (own->step(l) != NGX_OK) {
        ngx_http_wix_auth_login_fail(l);
    }
}


static void
ngx_http_wix_auth_carry_store(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_api_result_t *result)
{
    ngx_http_wix_auth_login_own_t  *own;

    own = l->own;

    if (ngx_http_wix_auth_session_refreshed(l->conf->zone, own->id,
                                            own->generation,
                                            &result->access_token,
                                            &result->refresh_token,
                                            result->expires, result->lifetime,
                                            l->request->connection->log)
        == NGX_ERROR)
    {
        ngx_http_wix_auth_session_failed(l->conf->zone, own->id,
                                         own->generation, own->lease,
                                         NGX_HTTP_WIX_AUTH_CAUSE_ERROR, -1);
    }

    if (result->access_token.len <= own->tokens.len) {
        ngx_memcpy(own->tokens.data, result->access_token.data,
                   result->access_token.len);

        own->visitor.data = own->tokens.data;
        own->visitor.len = result->access_token.len;
    }
}


void
ngx_http_wix_auth_login_drop(ngx_http_wix_auth_login_t *l)
{
    ngx_http_wix_auth_login_own_t  *own;

    own = l->own;

    /* the browser may have sent its form twice: the second one refreshes */

    if (own->leased) {
        own->leased = 0;

        ngx_http_wix_auth_session_release(l->conf->zone, own->id,
                                          own->generation, own->lease);
    }
}


void
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
