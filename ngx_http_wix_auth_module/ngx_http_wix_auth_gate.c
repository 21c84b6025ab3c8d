
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_answer.h"
#include "ngx_http_wix_auth_bearer.h"
#include "ngx_http_wix_auth_gate.h"
#include "ngx_http_wix_auth_input.h"
#include "ngx_http_wix_auth_mint.h"
#include "ngx_http_wix_auth_record.h"
#include "ngx_http_wix_auth_refresh.h"
#include "ngx_http_wix_auth_reply.h"
#include "ngx_http_wix_auth_site.h"


#define NGX_HTTP_WIX_AUTH_RETURN_MAX  1024     /* encoded, in a redirect */


static ngx_int_t ngx_http_wix_auth_gate_decide(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf,
    ngx_uint_t again);
static void ngx_http_wix_auth_gate_profile(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf);
static ngx_int_t ngx_http_wix_auth_gate_expired(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf);
static ngx_int_t ngx_http_wix_auth_gate_bearer(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf,
    ngx_str_t *token);
static ngx_int_t ngx_http_wix_auth_gate_suspend(
    ngx_http_wix_auth_record_t *rec);
static void ngx_http_wix_auth_gate_wake(ngx_http_wix_auth_record_t *rec);
static ngx_inline ngx_int_t ngx_http_wix_auth_gate_pass(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf,
    ngx_uint_t status, ngx_uint_t reason);
static ngx_int_t ngx_http_wix_auth_gate_require(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf);
static ngx_int_t ngx_http_wix_auth_gate_required(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf);
static ngx_int_t ngx_http_wix_auth_gate_denied(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf);
static ngx_int_t ngx_http_wix_auth_gate_stale(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf,
    ngx_uint_t cause);
static ngx_int_t ngx_http_wix_auth_gate_stranger(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf);
static ngx_uint_t ngx_http_wix_auth_gate_mintable(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf);
static ngx_uint_t ngx_http_wix_auth_gate_keeps(ngx_http_request_t *r,
    ngx_http_wix_auth_cookie_t *cookie);
static ngx_int_t ngx_http_wix_auth_gate_unknown(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf);
static ngx_int_t ngx_http_wix_auth_gate_error(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf,
    ngx_uint_t reason);
static ngx_int_t ngx_http_wix_auth_gate_refuse(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf);
static ngx_int_t ngx_http_wix_auth_gate_login_url(ngx_http_request_t *r,
    ngx_http_wix_auth_conf_t *conf, ngx_str_t *back, ngx_str_t *url);
static ngx_uint_t ngx_http_wix_auth_gate_navigation(ngx_http_request_t *r,
    ngx_uint_t *upgrade);
static void ngx_http_wix_auth_gate_return(ngx_http_request_t *r,
    ngx_str_t *url);


ngx_int_t
ngx_http_wix_auth_gate_handler(ngx_http_request_t *r)
{
    ngx_uint_t                   again;
    ngx_http_wix_auth_conf_t    *conf;
    ngx_http_wix_auth_record_t  *rec;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_wix_auth_module);

    if (!ngx_http_wix_auth_gated(conf) || r != r->main) {
        return NGX_DECLINED;
    }

    rec = ngx_http_wix_auth_record(r);
    if (rec == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rec->leave) {
        /* still waiting: some event has called us */
        return NGX_AGAIN;
    }

    again = rec->resumed;
    rec->resumed = 0;

    return ngx_http_wix_auth_gate_decide(rec, conf, again);
}


static ngx_int_t
ngx_http_wix_auth_gate_decide(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_uint_t again)
{
    ngx_int_t                     rc;
    ngx_str_t                     token;
    ngx_uint_t                    tries;
    ngx_http_wix_auth_session_t  *s;

    if (conf->bearer->on
        && ngx_http_wix_auth_bearer_present(rec->request, &token))
    {
        return ngx_http_wix_auth_gate_bearer(rec, conf, &token);
    }

    /* an internal redirect may have led here from where it decides */
    ngx_str_null(&rec->bearer);

    s = &rec->session;

    for (tries = 0; tries < 3; tries++) {

        if (ngx_http_wix_auth_record_lookup(rec, conf, 1, again) != NGX_OK) {
            break;
        }

        if (rec->found
            && s->kind != NGX_HTTP_WIX_AUTH_KIND_MEMBER
            && (conf->mode != NGX_HTTP_WIX_AUTH_OPTIONAL
                || !conf->visitor->on))
        {
            /* a visitor is a stranger where a member is asked for */

            rec->found = 0;
            rec->reason = NGX_HTTP_WIX_AUTH_NO_SESSION;
        }

        if (!rec->found) {
            return ngx_http_wix_auth_gate_stranger(rec, conf);
        }

        if (ngx_time() < s->token_expires) {

            if (rec->waited && s->generation != rec->wait_generation) {
                return ngx_http_wix_auth_gate_pass(rec, conf,
                                    rec->starter
                                    ? NGX_HTTP_WIX_AUTH_STATUS_REFRESHED
                                    : NGX_HTTP_WIX_AUTH_STATUS_WAITED,
                                    NGX_HTTP_WIX_AUTH_OK);
            }

            ngx_http_wix_auth_refresh_due(rec, conf);

            if (conf->profile && s->profile.len == 0) {
                ngx_http_wix_auth_gate_profile(rec, conf);
            }

            return ngx_http_wix_auth_gate_pass(rec, conf,
                                               NGX_HTTP_WIX_AUTH_STATUS_HIT,
                                               NGX_HTTP_WIX_AUTH_OK);
        }

        rc = ngx_http_wix_auth_gate_expired(rec, conf);

        if (rc != NGX_DECLINED || rec->status) {
            return rc;
        }

        /* the record has just changed: look again */
        again = 1;
    }

    return ngx_http_wix_auth_gate_error(rec, conf,
                                        NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
}


/* a login without a profile, or one from before it was asked for */

static void
ngx_http_wix_auth_gate_profile(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf)
{
    ngx_http_wix_auth_main_conf_t  *wmcf;

    wmcf = ngx_http_get_module_main_conf(rec->request,
                                         ngx_http_wix_auth_module);

    /* what no variable wants has not been copied, and may be there */

    if (wmcf->profile
        && rec->session.kind == NGX_HTTP_WIX_AUTH_KIND_MEMBER)
    {
        ngx_http_wix_auth_refresh_profile(rec, conf);
    }
}


/* NGX_DECLINED without a status: the record has changed, look again */

static ngx_int_t
ngx_http_wix_auth_gate_expired(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf)
{
    rec->status = NGX_HTTP_WIX_AUTH_STATUS_NONE;

    if (rec->timedout) {
        return ngx_http_wix_auth_gate_stale(rec, conf,
                                            NGX_HTTP_WIX_AUTH_CAUSE_TIMEOUT);
    }

    if (rec->session.failures) {

        /* nobody waits for an API that has just failed */

        (void) ngx_http_wix_auth_refresh_start(rec, conf);

        return ngx_http_wix_auth_gate_stale(rec, conf, rec->session.cause);
    }

    if (conf->mode == NGX_HTTP_WIX_AUTH_AUDIT) {
        (void) ngx_http_wix_auth_refresh_start(rec, conf);

        return ngx_http_wix_auth_gate_stale(rec, conf,
                                            NGX_HTTP_WIX_AUTH_CAUSE_TIMEOUT);
    }

    switch (ngx_http_wix_auth_refresh_wait(rec, conf,
                                           ngx_http_wix_auth_gate_wake))
    {

    case NGX_AGAIN:
        return ngx_http_wix_auth_gate_suspend(rec);

    case NGX_OK:
        return NGX_DECLINED;

    case NGX_ABORT:
        return ngx_http_wix_auth_gate_stale(rec, conf, rec->session.cause);

    default:
        return ngx_http_wix_auth_gate_stale(rec, conf,
                                            NGX_HTTP_WIX_AUTH_CAUSE_ERROR);
    }
}


/* the token alone decides: a cookie beside it is not asked */

static ngx_int_t
ngx_http_wix_auth_gate_bearer(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_str_t *token)
{
    ngx_int_t  rc;

    rec->bearer = *token;

    rc = ngx_http_wix_auth_bearer_check(rec, conf, token,
                                        ngx_http_wix_auth_gate_wake);

    switch (rc) {

    case NGX_OK:
        return ngx_http_wix_auth_gate_pass(rec, conf,
                                           NGX_HTTP_WIX_AUTH_STATUS_BEARER,
                                           NGX_HTTP_WIX_AUTH_OK);

    case NGX_AGAIN:

        if (conf->mode == NGX_HTTP_WIX_AUTH_AUDIT) {

            /* never waits: the verdict is there for the next request */

            rec->leave(rec);

            return ngx_http_wix_auth_gate_error(rec, conf,
                                          NGX_HTTP_WIX_AUTH_UPSTREAM_TIMEOUT);
        }

        return ngx_http_wix_auth_gate_suspend(rec);

    case NGX_DECLINED:
        rec->found = 0;
        return ngx_http_wix_auth_gate_stranger(rec, conf);

    case NGX_BUSY:
        rec->found = 0;
        return ngx_http_wix_auth_gate_error(rec, conf, rec->reason);

    default:
        return ngx_http_wix_auth_gate_error(rec, conf,
                                            NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
    }
}


static ngx_int_t
ngx_http_wix_auth_gate_suspend(ngx_http_wix_auth_record_t *rec)
{
    ngx_http_request_t  *r;

    r = rec->request;

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        rec->leave(rec);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_AGAIN;
}


static void
ngx_http_wix_auth_gate_wake(ngx_http_wix_auth_record_t *rec)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = rec->request;
    c = r->connection;

    rec->resumed = 1;

    ngx_http_set_log_request(c->log, r);

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
    ngx_http_run_posted_requests(c);
}


static ngx_inline ngx_int_t
ngx_http_wix_auth_gate_pass(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_uint_t status, ngx_uint_t reason)
{
    rec->conf = conf;
    rec->status = status;
    rec->reason = reason;
    rec->passed = 1;

    if (rec->session.kind == NGX_HTTP_WIX_AUTH_KIND_VISITOR) {
        rec->status = NGX_HTTP_WIX_AUTH_STATUS_VISITOR;
    }

    if (conf->require->values) {
        return ngx_http_wix_auth_gate_require(rec, conf);
    }

    return (conf->mode == NGX_HTTP_WIX_AUTH_REQUIRED) ? NGX_OK
                                                      : NGX_DECLINED;
}


static ngx_int_t
ngx_http_wix_auth_gate_require(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf)
{
    switch (ngx_http_wix_auth_gate_required(rec, conf)) {

    case NGX_OK:
        return (conf->mode == NGX_HTTP_WIX_AUTH_REQUIRED) ? NGX_OK
                                                          : NGX_DECLINED;

    case NGX_DECLINED:
        return ngx_http_wix_auth_gate_denied(rec, conf);

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


/* NGX_DECLINED: a value is empty or "0" */

static ngx_int_t
ngx_http_wix_auth_gate_required(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf)
{
    ngx_str_t                  value;
    ngx_uint_t                 i;
    ngx_http_complex_value_t  *cv;

    if (conf->require->values == NULL) {
        return NGX_OK;
    }

    cv = conf->require->values->elts;

    for (i = 0; i < conf->require->values->nelts; i++) {

        if (ngx_http_complex_value(rec->request, &cv[i], &value) != NGX_OK) {
            return NGX_ERROR;
        }

        if (value.len == 0 || (value.len == 1 && value.data[0] == '0')) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* a member without what the location requires; a visitor may log in */

static ngx_int_t
ngx_http_wix_auth_gate_denied(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf)
{
    ngx_str_t                    action;
    ngx_uint_t                   upgrade;
    ngx_http_request_t          *r;
    ngx_http_wix_auth_answer_t   a;

    r = rec->request;

    if (rec->session.kind == NGX_HTTP_WIX_AUTH_KIND_VISITOR) {
        rec->found = 0;
        rec->passed = 0;
        rec->status = NGX_HTTP_WIX_AUTH_STATUS_ANONYMOUS;
        rec->reason = NGX_HTTP_WIX_AUTH_NO_SESSION;

        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "wix_auth: refused, no_session");

        return ngx_http_wix_auth_gate_refuse(rec, conf);
    }

    rec->reason = NGX_HTTP_WIX_AUTH_REQUIREMENT_FAILED;

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "wix_auth: %s, requirement_failed",
                  conf->mode == NGX_HTTP_WIX_AUTH_AUDIT ? "would be refused"
                                                        : "refused");

    if (conf->mode == NGX_HTTP_WIX_AUTH_AUDIT) {
        rec->status = NGX_HTTP_WIX_AUTH_STATUS_AUDIT;
        return NGX_DECLINED;
    }

    rec->status = NGX_HTTP_WIX_AUTH_STATUS_DENIED;
    rec->passed = 0;

    ngx_memzero(&a, sizeof(ngx_http_wix_auth_answer_t));
    ngx_str_null(&action);

    if (ngx_http_wix_auth_reply_error(r, rec->reason,
                              ngx_http_wix_auth_gate_navigation(r, &upgrade),
                              NULL, &action, &a)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    a.status = conf->require->status;

    return ngx_http_wix_auth_answer_deny(r, &a);
}


/* bounded grace while Wix is away; never beyond the session's own end */

static ngx_int_t
ngx_http_wix_auth_gate_stale(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_uint_t cause)
{
    ngx_uint_t  reason;

    reason = (cause == NGX_HTTP_WIX_AUTH_CAUSE_TIMEOUT)
             ? NGX_HTTP_WIX_AUTH_UPSTREAM_TIMEOUT
             : NGX_HTTP_WIX_AUTH_UPSTREAM_UNAVAILABLE;

    if (rec->session.kind == NGX_HTTP_WIX_AUTH_KIND_MEMBER
        && ngx_http_wix_auth_refresh_stale(rec, conf, cause))
    {
        ngx_log_error(NGX_LOG_INFO, rec->request->connection->log, 0,
                      "wix_auth: stale session passes, %V",
                      &ngx_http_wix_auth_reason(reason)->code);

        return ngx_http_wix_auth_gate_pass(rec, conf,
                                           NGX_HTTP_WIX_AUTH_STATUS_STALE,
                                           reason);
    }

    return ngx_http_wix_auth_gate_error(rec, conf, reason);
}


static ngx_int_t
ngx_http_wix_auth_gate_stranger(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf)
{
    ngx_int_t  rc;

    rec->conf = conf;
    rec->passed = 0;

    switch (rec->reason) {

    case NGX_HTTP_WIX_AUTH_UNKNOWN_SESSION:
    case NGX_HTTP_WIX_AUTH_SESSION_EXPIRED:
    case NGX_HTTP_WIX_AUTH_SESSION_IDLE:
    case NGX_HTTP_WIX_AUTH_SESSION_REVOKED:
    case NGX_HTTP_WIX_AUTH_SESSION_ENDED:
    case NGX_HTTP_WIX_AUTH_REFRESH_FAILED:
        rec->status = NGX_HTTP_WIX_AUTH_STATUS_EXPIRED;
        break;

    case NGX_HTTP_WIX_AUTH_MEMBER_BLOCKED:
        rec->status = rec->bearer.len ? NGX_HTTP_WIX_AUTH_STATUS_ANONYMOUS
                                      : NGX_HTTP_WIX_AUTH_STATUS_EXPIRED;
        break;

    default:
        rec->status = NGX_HTTP_WIX_AUTH_STATUS_ANONYMOUS;
    }

    if (ngx_http_wix_auth_gate_mintable(rec, conf)
        && ngx_http_wix_auth_mint(rec, conf, ngx_http_wix_auth_gate_wake)
           == NGX_AGAIN)
    {
        rec->status = NGX_HTTP_WIX_AUTH_STATUS_NONE;
        return ngx_http_wix_auth_gate_suspend(rec);
    }

    if (conf->mode == NGX_HTTP_WIX_AUTH_OPTIONAL) {

        rc = ngx_http_wix_auth_gate_required(rec, conf);

        if (rc == NGX_OK) {
            return NGX_DECLINED;
        }

        if (rc == NGX_ERROR) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    ngx_log_error(NGX_LOG_INFO, rec->request->connection->log, 0,
                  "wix_auth: %s, %V",
                  conf->mode == NGX_HTTP_WIX_AUTH_AUDIT ? "would be refused"
                                                        : "refused",
                  &ngx_http_wix_auth_reason(rec->reason)->code);

    if (conf->mode == NGX_HTTP_WIX_AUTH_AUDIT) {
        rec->status = NGX_HTTP_WIX_AUTH_STATUS_AUDIT;
        return NGX_DECLINED;
    }

    return ngx_http_wix_auth_gate_refuse(rec, conf);
}


/*
 * A visitor's identity is for a browser that asks for a page and has no
 * cookie of ours, or one of a visitor that is gone, and only where somebody
 * uses the token.
 */

static ngx_uint_t
ngx_http_wix_auth_gate_mintable(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf)
{
    ngx_uint_t                      upgrade;
    ngx_http_request_t             *r;
    ngx_http_wix_auth_main_conf_t  *wmcf;

    if (!conf->visitor->on
        || conf->mode != NGX_HTTP_WIX_AUTH_OPTIONAL
        || rec->bearer.len
        || (rec->ncookies && !rec->lost_visitor))
    {
        return 0;
    }

    r = rec->request;
    wmcf = ngx_http_get_module_main_conf(r, ngx_http_wix_auth_module);

    return wmcf->access_token
           && r->method == NGX_HTTP_GET
           && ngx_http_wix_auth_gate_navigation(r, &upgrade)
           && ngx_http_wix_auth_gate_keeps(r, &conf->cookies->session);
}


/* 1 when the browser would send the cookie to where it is now (RFC 6265,
   5.1.4): else it may have a member's already, and lose that one */

static ngx_uint_t
ngx_http_wix_auth_gate_keeps(ngx_http_request_t *r,
    ngx_http_wix_auth_cookie_t *cookie)
{
    ngx_str_t  *path;

    path = &cookie->path;

    if (r->uri.len < path->len
        || ngx_strncmp(r->uri.data, path->data, path->len) != 0)
    {
        return 0;
    }

    return r->uri.len == path->len
           || path->data[path->len - 1] == '/'
           || r->uri.data[path->len] == '/';
}


/*
 * Who is there cannot be told, because Wix does not answer.  NGX_OK: the
 * request passes all the same, without a session, as optional and audit do;
 * else NGX_DECLINED or NGX_ERROR.
 */

static ngx_int_t
ngx_http_wix_auth_gate_unknown(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf)
{
    switch (conf->mode) {

    case NGX_HTTP_WIX_AUTH_AUDIT:
        rec->status = NGX_HTTP_WIX_AUTH_STATUS_AUDIT;
        return NGX_OK;

    case NGX_HTTP_WIX_AUTH_OPTIONAL:

        if (rec->bearer.len
            || rec->session.kind == NGX_HTTP_WIX_AUTH_KIND_VISITOR)
        {
            rec->status = NGX_HTTP_WIX_AUTH_STATUS_ANONYMOUS;
        }

        return ngx_http_wix_auth_gate_required(rec, conf);

    default:
        return NGX_DECLINED;
    }
}


static ngx_int_t
ngx_http_wix_auth_gate_error(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_uint_t reason)
{
    ngx_int_t                    rc, retry_after;
    ngx_str_t                    action;
    ngx_uint_t                   level, upgrade;
    ngx_http_request_t          *r;
    ngx_http_wix_auth_answer_t   a;

    r = rec->request;

    rec->conf = conf;
    rec->reason = reason;
    rec->passed = 0;
    rec->status = NGX_HTTP_WIX_AUTH_STATUS_ERROR;

    retry_after = rec->found ? ngx_http_wix_auth_refresh_retry(rec)
                             : ngx_max(rec->retry_after, 1);

    /*
     * The variables of who cannot be vouched for are empty, and a second
     * pass, after error_page, must not take that for "no session".
     */

    rec->found = 0;
    rec->looked = NULL;

    rc = ngx_http_wix_auth_gate_unknown(rec, conf);

    /* a flood of tokens is no news */

    level = (reason == NGX_HTTP_WIX_AUTH_TOO_MANY_ATTEMPTS) ? NGX_LOG_INFO
                                                            : NGX_LOG_WARN;

    ngx_log_error(level, r->connection->log, 0,
                  "wix_auth: %s, %V",
                  rc == NGX_OK ? "passes without a session" : "refused",
                  &ngx_http_wix_auth_reason(reason)->code);

    if (rc == NGX_OK) {
        return NGX_DECLINED;
    }

    ngx_memzero(&a, sizeof(ngx_http_wix_auth_answer_t));
    ngx_str_null(&action);

    if (ngx_http_wix_auth_reply_error(r, reason,
                              ngx_http_wix_auth_gate_navigation(r, &upgrade),
                              NULL, &action, &a)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (a.status != NGX_HTTP_INTERNAL_SERVER_ERROR) {
        a.retry_after = retry_after;
    }

    return ngx_http_wix_auth_answer_deny(r, &a);
}


/* the answer to a stranger */

static ngx_int_t
ngx_http_wix_auth_gate_refuse(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf)
{
    ngx_str_t                    url, back;
    ngx_uint_t                   navigation, upgrade, safe, redirect;
    ngx_http_request_t          *r;
    ngx_http_wix_auth_answer_t   a;

    r = rec->request;

    ngx_memzero(&a, sizeof(ngx_http_wix_auth_answer_t));
    ngx_str_null(&back);

    navigation = ngx_http_wix_auth_gate_navigation(r, &upgrade);
    safe = (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) ? 1 : 0;

    switch (conf->unauthorized) {

    case NGX_HTTP_WIX_AUTH_STRANGER_302:
        redirect = safe && !upgrade && rec->bearer.len == 0;
        break;

    case NGX_HTTP_WIX_AUTH_STRANGER_401:
        redirect = 0;
        break;

    default:
        redirect = safe && navigation;
    }

    if (redirect) {
        ngx_http_wix_auth_gate_return(r, &back);
    }

    if (ngx_http_wix_auth_gate_login_url(r, conf, &back, &url) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (redirect && url.len) {
        ngx_http_wix_auth_reply_redirect(NGX_HTTP_MOVED_TEMPORARILY, &url,
                                         &a);

    } else if (ngx_http_wix_auth_reply_login(r, rec->reason, navigation,
                                             &url, &a)
               != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rec->bearer.len) {
        ngx_str_set(&a.challenge,
                    "Bearer realm=\"wix\", error=\"invalid_token\"");
    }

    return ngx_http_wix_auth_answer_deny(r, &a);
}


/* of the endpoints, or of the one login host of many sites; len 0: neither */

static ngx_int_t
ngx_http_wix_auth_gate_login_url(ngx_http_request_t *r,
    ngx_http_wix_auth_conf_t *conf, ngx_str_t *back, ngx_str_t *url)
{
    ngx_str_t                  uri, prefix;
    ngx_http_wix_auth_site_t   site;

    ngx_str_null(&uri);
    ngx_str_null(url);

    if (conf->redirect_uri
        && ngx_http_complex_value(r, conf->redirect_uri, &uri) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_wix_auth_site_prefix(conf, &uri, &prefix);

    if (prefix.len) {
        return ngx_http_wix_auth_site_login_url(r, &prefix, back, url);
    }

    if (!conf->login->absolute) {
        return NGX_OK;
    }

    if (ngx_http_wix_auth_site(r, conf, &site) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_wix_auth_site_page_url(r, conf->login, &site.base, NULL,
                                           NULL, back, url);
}


/*
 * Whether a person's browser wants to show a page (Fetch Metadata); what a
 * program sent is answered in its own language.
 */

static ngx_uint_t
ngx_http_wix_auth_gate_navigation(ngx_http_request_t *r, ngx_uint_t *upgrade)
{
    ngx_str_t  *value;

    *upgrade = 1;

    if (ngx_http_wix_auth_input_header(r, "upgrade")) {
        return 0;
    }

    if (r->method == NGX_HTTP_OPTIONS
        && ngx_http_wix_auth_input_header(r, "origin")
        && ngx_http_wix_auth_input_header(r, "access-control-request-method"))
    {
        return 0;
    }

    *upgrade = 0;

    if (r->headers_in.authorization
        || ngx_http_wix_auth_input_header(r, "sec-purpose"))
    {
        return 0;
    }

    value = ngx_http_wix_auth_input_header(r, "sec-fetch-mode");

    if (value) {
        return value->len == 8
               && ngx_strncasecmp(value->data, (u_char *) "navigate", 8) == 0;
    }

    if (ngx_http_wix_auth_input_header(r, "x-requested-with")) {
        return 0;
    }

    value = ngx_http_wix_auth_input_header(r, "accept");

    return value && ngx_strcasestrn(value->data, "text/html", 9 - 1) != NULL;
}


/* the request URI; its path when that is too long, or else "/" */

static void
ngx_http_wix_auth_gate_return(ngx_http_request_t *r, ngx_str_t *url)
{
    u_char  *p;

    *url = r->unparsed_uri;

    if (ngx_http_wix_auth_url_encoded_len(url) > NGX_HTTP_WIX_AUTH_RETURN_MAX)
    {
        p = ngx_strlchr(url->data, url->data + url->len, '?');

        if (p) {
            url->len = p - url->data;
        }
    }

    if (ngx_http_wix_auth_url_encoded_len(url) > NGX_HTTP_WIX_AUTH_RETURN_MAX
        || ngx_http_wix_auth_url_return(r->pool, url, NULL, 0) != NGX_OK)
    {
        ngx_str_set(url, "/");
    }
}
