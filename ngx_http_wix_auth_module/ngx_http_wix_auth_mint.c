
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_answer.h"
#include "ngx_http_wix_auth_counter.h"
#include "ngx_http_wix_auth_mint.h"
#include "ngx_http_wix_auth_reason.h"
#include "ngx_http_wix_auth_site.h"


#define NGX_HTTP_WIX_AUTH_MINT_REST  10      /* s, after a failure */


typedef struct {
    ngx_http_wix_auth_record_t     *rec;
    ngx_http_wix_auth_conf_t       *conf;
    ngx_http_wix_auth_api_call_t   *call;
    ngx_http_wix_auth_site_t        site;
} ngx_http_wix_auth_mint_t;


static ngx_int_t ngx_http_wix_auth_mint_start(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_wake_pt wake);
static void ngx_http_wix_auth_mint_done(
    ngx_http_wix_auth_api_result_t *result, void *data);
static void ngx_http_wix_auth_mint_timeout(ngx_event_t *ev);
static void ngx_http_wix_auth_mint_failed(ngx_http_wix_auth_mint_t *m,
    ngx_uint_t reason);
static ngx_int_t ngx_http_wix_auth_mint_session(ngx_http_wix_auth_mint_t *m,
    ngx_http_wix_auth_api_result_t *result);
static ngx_int_t ngx_http_wix_auth_mint_cookie(ngx_http_wix_auth_mint_t *m,
    ngx_str_t *cookie);
static void ngx_http_wix_auth_mint_wake(ngx_http_wix_auth_record_t *rec);
static void ngx_http_wix_auth_mint_leave(ngx_http_wix_auth_record_t *rec);


ngx_int_t
ngx_http_wix_auth_mint(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_wake_pt wake)
{
    /* one try a request, however often it passes the gate */

    if (rec->minted == 0) {
        rec->minted = NGX_HTTP_WIX_AUTH_VISITOR_BUDGET;

        if (ngx_http_wix_auth_mint_start(rec, conf, wake) == NGX_OK) {
            return NGX_AGAIN;
        }
    }

    rec->reason = rec->minted;

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_wix_auth_mint_start(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_wake_pt wake)
{
    time_t                     left;
    ngx_int_t                  retry_after;
    ngx_str_t                  key;
    ngx_http_request_t        *r;
    ngx_http_wix_auth_mint_t  *m;

    r = rec->request;

    m = ngx_pcalloc(r->pool, sizeof(ngx_http_wix_auth_mint_t));

    if (m == NULL || ngx_http_wix_auth_site(r, conf, &m->site) != NGX_OK) {
        return NGX_ERROR;
    }

    if (conf->cookies->session.secure
        && !m->site.secure && !m->site.loopback)
    {
        /* the browser would drop the cookie, and each page cost a call */
        return NGX_DECLINED;
    }

    key.data = m->site.client_id;
    key.len = 16;

    if (ngx_http_wix_auth_counter_get(conf->zone,
                                      NGX_HTTP_WIX_AUTH_COUNT_MINT, &key,
                                      &left)
        || ngx_http_wix_auth_breaker_open(conf->zone, m->site.client_id,
                                          NGX_HTTP_WIX_AUTH_CLASS_LOOKUP,
                                          &conf->api->breaker, &retry_after)
           != NGX_OK
        || ngx_http_wix_auth_budget_take(conf->zone, m->site.client_id,
                                         NGX_HTTP_WIX_AUTH_BUDGET_VISITOR,
                                         conf->visitor->rate, &retry_after)
           != NGX_OK)
    {
        return NGX_BUSY;
    }

    m->rec = rec;
    m->conf = conf;
    m->call = ngx_http_wix_auth_api_anonymous(conf->api, &m->site.client,
                                              r->connection->log,
                                              ngx_http_wix_auth_mint_done, m);
    if (m->call == NULL) {
        return NGX_ERROR;
    }

    rec->wake = wake;
    rec->leave = ngx_http_wix_auth_mint_leave;
    rec->waiting = m;
    rec->wait_start = ngx_current_msec;

    rec->timer.handler = ngx_http_wix_auth_mint_timeout;
    rec->timer.data = rec;
    rec->timer.log = r->connection->log;

    ngx_add_timer(&rec->timer, conf->refresh_lock_timeout);

    return NGX_OK;
}


static void
ngx_http_wix_auth_mint_done(ngx_http_wix_auth_api_result_t *result,
    void *data)
{
    ngx_http_wix_auth_mint_t  *m = data;

    m->call = NULL;

    if (result->reason == NGX_HTTP_WIX_AUTH_UPSTREAM_THROTTLED) {
        ngx_http_wix_auth_budget_pause(m->conf->zone, m->site.client_id,
                                       result->retry_after);
    }

    if (result->reason != NGX_HTTP_WIX_AUTH_OK) {
        ngx_http_wix_auth_mint_failed(m, NGX_HTTP_WIX_AUTH_VISITOR_BUDGET);

    } else if (ngx_http_wix_auth_mint_session(m, result) != NGX_OK) {
        ngx_http_wix_auth_mint_failed(m, NGX_HTTP_WIX_AUTH_ZONE_FULL);
    }

    ngx_http_wix_auth_mint_wake(m->rec);
}


static void
ngx_http_wix_auth_mint_timeout(ngx_event_t *ev)
{
    ngx_http_wix_auth_record_t  *rec = ev->data;

    ngx_http_wix_auth_mint_failed(rec->waiting,
                                  NGX_HTTP_WIX_AUTH_VISITOR_BUDGET);

    ngx_http_wix_auth_mint_wake(rec);
}


/* pages must not wait for what has just failed */

static void
ngx_http_wix_auth_mint_failed(ngx_http_wix_auth_mint_t *m, ngx_uint_t reason)
{
    time_t     left;
    ngx_str_t  key;

    m->rec->minted = reason;

    key.data = m->site.client_id;
    key.len = 16;

    (void) ngx_http_wix_auth_counter_take(m->conf->zone,
                                          NGX_HTTP_WIX_AUTH_COUNT_MINT, &key,
                                          1, NGX_HTTP_WIX_AUTH_MINT_REST,
                                          &left);

    ngx_log_error(NGX_LOG_INFO, m->rec->request->connection->log, 0,
                  "wix_auth: no visitor could be had, %V",
                  &ngx_http_wix_auth_reason(reason)->code);
}


static ngx_int_t
ngx_http_wix_auth_mint_session(ngx_http_wix_auth_mint_t *m,
    ngx_http_wix_auth_api_result_t *result)
{
    u_char                       *p, digest[32];
    ngx_str_t                     cookie;
    ngx_http_wix_auth_ring_t     *ring;
    ngx_http_wix_auth_session_t   s;

    ring = ngx_http_wix_auth_site_ring(m->conf);
    p = ngx_pnalloc(m->rec->request->pool, NGX_HTTP_WIX_AUTH_SESSION_COOKIE);

    if (ring == NULL || p == NULL) {
        return NGX_ERROR;
    }

    cookie.data = p;
    cookie.len = NGX_HTTP_WIX_AUTH_SESSION_COOKIE;

    if (ngx_http_wix_auth_session_cookie(ring,
                                         NGX_HTTP_WIX_AUTH_KIND_VISITOR, p)
        != NGX_OK
        || ngx_http_wix_auth_sha256(cookie.data, cookie.len, digest) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memzero(&s, sizeof(ngx_http_wix_auth_session_t));

    ngx_http_wix_auth_session_id(m->conf->zone, &cookie, s.id);
    ngx_memcpy(s.handle, digest, 16);
    ngx_memcpy(s.client, m->site.client_id, 16);

    s.kind = NGX_HTTP_WIX_AUTH_KIND_VISITOR;
    s.created = ngx_time();
    s.expires = s.created + m->conf->visitor->lifetime;
    s.token_expires = result->expires;
    s.token_lifetime = result->lifetime;
    s.access_token = result->access_token;
    s.refresh_token = result->refresh_token;

    if (ngx_http_wix_auth_session_create(m->conf->zone, &s,
                                         m->rec->request->connection->log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_wix_auth_mint_cookie(m, &cookie);
}


/* for the browser, and for the lookup that follows */

static ngx_int_t
ngx_http_wix_auth_mint_cookie(ngx_http_wix_auth_mint_t *m, ngx_str_t *cookie)
{
    ngx_str_t                    header;
    ngx_http_request_t          *r;
    ngx_http_wix_auth_cookie_t  *c;

    r = m->rec->request;
    c = &m->conf->cookies->session;

    if (ngx_http_wix_auth_cookie_set(r->pool, c, cookie,
                                     c->session ? -1
                                                : m->conf->visitor->lifetime,
                                     &header)
        != NGX_OK
        || ngx_http_wix_auth_answer_header(r, "Set-Cookie", &header) != NGX_OK)
    {
        return NGX_ERROR;
    }

    m->rec->cookies[0] = *cookie;
    m->rec->ncookies = 1;
    m->rec->fresh = 1;

    return NGX_OK;
}


static void
ngx_http_wix_auth_mint_wake(ngx_http_wix_auth_record_t *rec)
{
    ngx_http_wix_auth_mint_leave(rec);

    rec->held += ngx_current_msec - rec->wait_start;

    rec->wake(rec);
}


static void
ngx_http_wix_auth_mint_leave(ngx_http_wix_auth_record_t *rec)
{
    ngx_http_wix_auth_mint_t  *m = rec->waiting;

    if (m->call) {
        ngx_http_wix_auth_api_cancel(m->call);
        m->call = NULL;
    }

    if (rec->timer.timer_set) {
        ngx_del_timer(&rec->timer);
    }

    rec->waiting = NULL;
    rec->leave = NULL;
}
