
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_counter.h"
#include "ngx_http_wix_auth_inquiry.h"
#include "ngx_http_wix_auth_reason.h"
#include "ngx_http_wix_auth_site.h"


#define NGX_HTTP_WIX_AUTH_BEARER_EXP_MAX    253402300799LL   /* year 9999 */
#define NGX_HTTP_WIX_AUTH_BEARER_POLL_FIRST 20     /* ms, doubling */
#define NGX_HTTP_WIX_AUTH_BEARER_POLL_LAST  100


/* what a request waits for and what came of it, which is final */

typedef struct {
    ngx_http_wix_auth_record_t     *rec;
    ngx_shm_zone_t                 *zone;
    u_char                          id[16];
    u_char                          client[16];
    time_t                          expires;   /* says the token */
    ngx_int_t                       rc;        /* NGX_AGAIN: not yet */
    ngx_uint_t                      reason;
    ngx_int_t                       retry_after;
    ngx_http_wix_auth_session_t     session;
    ngx_msec_t                      start;
    ngx_msec_t                      until;
    ngx_msec_t                      poll;
    unsigned                        waited:1;
} ngx_http_wix_auth_bearer_wait_t;


static ngx_uint_t ngx_http_wix_auth_bearer_plausible(ngx_str_t *token);
static ngx_int_t ngx_http_wix_auth_bearer_known(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf,
    ngx_str_t *token, u_char id[16]);
static ngx_int_t ngx_http_wix_auth_bearer_decode(ngx_log_t *log,
    ngx_str_t *token, u_char client[16], time_t *expires);
static ngx_int_t ngx_http_wix_auth_bearer_payload(ngx_pool_t *pool,
    ngx_str_t *token, ngx_str_t *text);
static ngx_int_t ngx_http_wix_auth_bearer_claims(ngx_pool_t *pool,
    ngx_str_t *text, u_char client[16], time_t *expires);
static ngx_int_t ngx_http_wix_auth_bearer_data(ngx_pool_t *pool,
    ngx_str_t *text, u_char client[16]);
static ngx_uint_t ngx_http_wix_auth_bearer_member(
    ngx_http_wix_auth_json_t *root, const char *path);
static ngx_http_wix_auth_bearer_wait_t *ngx_http_wix_auth_bearer_wait(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf,
    u_char id[16], u_char client[16]);
static ngx_http_wix_auth_bearer_wait_t *ngx_http_wix_auth_bearer_new(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf,
    u_char id[16], u_char client[16]);
static void ngx_http_wix_auth_bearer_cleanup(void *data);
static ngx_int_t ngx_http_wix_auth_bearer_outcome(
    ngx_http_wix_auth_bearer_wait_t *w, ngx_http_wix_auth_conf_t *conf);
static ngx_uint_t ngx_http_wix_auth_bearer_failed(
    ngx_http_wix_auth_bearer_wait_t *w);
static ngx_int_t ngx_http_wix_auth_bearer_ask(
    ngx_http_wix_auth_bearer_wait_t *w, ngx_http_wix_auth_conf_t *conf,
    ngx_str_t *token, ngx_http_wix_auth_inquiry_t **started);
static void ngx_http_wix_auth_bearer_suspend(
    ngx_http_wix_auth_bearer_wait_t *w, ngx_http_wix_auth_conf_t *conf,
    ngx_http_wix_auth_inquiry_t *in);
static void ngx_http_wix_auth_bearer_timer(ngx_event_t *ev);
static void ngx_http_wix_auth_bearer_wake(ngx_http_wix_auth_record_t *rec);
static void ngx_http_wix_auth_bearer_leave(ngx_http_wix_auth_record_t *rec);
static void ngx_http_wix_auth_bearer_unlink(ngx_http_wix_auth_record_t *rec);
static void ngx_http_wix_auth_bearer_busy(ngx_http_wix_auth_bearer_wait_t *w,
    ngx_uint_t reason, ngx_int_t retry_after);


ngx_uint_t
ngx_http_wix_auth_bearer_present(ngx_http_request_t *r, ngx_str_t *token)
{
    u_char     *p, *last;
    ngx_str_t  *value;

    if (r->headers_in.authorization == NULL) {
        return 0;
    }

    value = &r->headers_in.authorization->value;

    if (value->len >= 8 && ngx_strncmp(value->data, "OauthNG.", 8) == 0) {
        *token = *value;
        return 1;
    }

    if (value->len < 6
        || ngx_strncasecmp(value->data, (u_char *) "bearer", 6) != 0)
    {
        return 0;
    }

    p = value->data + 6;
    last = value->data + value->len;

    if (p < last && *p != ' ' && *p != '\t') {
        return 0;
    }

    while (p < last && *p == ' ') {
        p++;
    }

    if (p == last) {
        /* the scheme alone is no token either, but it is there */
        *token = *value;
        return 1;
    }

    token->data = p;
    token->len = last - p;

    return 1;
}


ngx_int_t
ngx_http_wix_auth_bearer_check(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_str_t *token,
    ngx_http_wix_auth_wake_pt wake)
{
    u_char                            id[16];
    time_t                            expires;
    ngx_int_t                         rc;
    ngx_http_wix_auth_site_t          site;
    ngx_http_wix_auth_inquiry_t  *in;
    ngx_http_wix_auth_bearer_wait_t  *w;

    rec->found = 0;
    rec->reason = NGX_HTTP_WIX_AUTH_INVALID_TOKEN;

    if (!ngx_http_wix_auth_bearer_plausible(token)) {
        return NGX_DECLINED;
    }

    if (ngx_http_wix_auth_site_client(rec->request, conf, &site) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_wix_auth_session_bearer_id(conf->zone, token, conf->profile == 1,
                                        id);

    w = ngx_http_wix_auth_bearer_wait(rec, conf, id, site.client_id);

    if (w && w->rc != NGX_AGAIN) {
        return ngx_http_wix_auth_bearer_outcome(w, conf);
    }

    /* whoever made an entry has decoded the token */

    rc = ngx_http_wix_auth_bearer_known(rec, conf, token, id);
    if (rc != NGX_AGAIN) {
        return rc;
    }

    if (w == NULL) {
        rec->reason = NGX_HTTP_WIX_AUTH_INVALID_TOKEN;

        rc = ngx_http_wix_auth_bearer_decode(rec->request->connection->log,
                                             token, site.client_id, &expires);
        if (rc != NGX_OK) {
            return rc;
        }

        w = ngx_http_wix_auth_bearer_new(rec, conf, id, site.client_id);
        if (w == NULL) {
            return NGX_ERROR;
        }

        w->expires = expires;

    } else if (ngx_http_wix_auth_bearer_failed(w)) {
        return ngx_http_wix_auth_bearer_outcome(w, conf);
    }

    in = ngx_http_wix_auth_inquiry_find(w->zone, w->id);

    if (in == NULL) {
        rc = ngx_http_wix_auth_bearer_ask(w, conf, token, &in);
        if (rc != NGX_AGAIN) {
            return rc;
        }
    }

    rec->wake = wake;

    ngx_http_wix_auth_bearer_suspend(w, conf, in);

    return NGX_AGAIN;
}


void
ngx_http_wix_auth_bearer_told(ngx_http_wix_auth_record_t *rec, ngx_int_t rc,
    ngx_uint_t reason, ngx_int_t retry_after,
    ngx_http_wix_auth_session_t *session)
{
    ngx_http_wix_auth_bearer_wait_t  *w = rec->data;

    w->rc = rc;
    w->reason = reason;
    w->retry_after = ngx_max(retry_after, 1);

    if (rc == NGX_OK
        && ngx_http_wix_auth_inquiry_copy(rec->request->pool, &w->session,
                                          session)
           != NGX_OK)
    {
        w->rc = NGX_ERROR;
        w->reason = NGX_HTTP_WIX_AUTH_INTERNAL_ERROR;
    }

    ngx_http_wix_auth_bearer_wake(rec);
}


static ngx_uint_t
ngx_http_wix_auth_bearer_plausible(ngx_str_t *token)
{
    size_t  i;

    if (token->len == 0 || token->len > NGX_HTTP_WIX_AUTH_BEARER_MAX) {
        return 0;
    }

    for (i = 0; i < token->len; i++) {
        if (token->data[i] <= 0x20 || token->data[i] >= 0x7f) {
            return 0;
        }
    }

    return 1;
}


/* NGX_OK: a verdict; NGX_DECLINED: a refusal; NGX_AGAIN: neither */

static ngx_int_t
ngx_http_wix_auth_bearer_known(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_str_t *token, u_char id[16])
{
    if (ngx_http_wix_auth_record_verdict(rec, conf, token, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    if (rec->found) {
        return NGX_OK;
    }

    if (ngx_http_wix_auth_inquiry_marked(conf->zone, id,
                                         NGX_HTTP_WIX_AUTH_MARK_REFUSED))
    {
        rec->reason = NGX_HTTP_WIX_AUTH_INVALID_TOKEN;
        return NGX_DECLINED;
    }

    if (ngx_http_wix_auth_inquiry_marked(conf->zone, id,
                                         NGX_HTTP_WIX_AUTH_MARK_BLOCKED))
    {
        rec->reason = NGX_HTTP_WIX_AUTH_MEMBER_BLOCKED;
        return NGX_DECLINED;
    }

    return NGX_AGAIN;
}


/*
 * What a token says of itself is no proof, but whatever does not even claim
 * to be a member's of this client costs no call.
 */

static ngx_int_t
ngx_http_wix_auth_bearer_decode(ngx_log_t *log, ngx_str_t *token,
    u_char client[16], time_t *expires)
{
    ngx_int_t    rc;
    ngx_str_t    text;
    ngx_pool_t  *pool;

    pool = ngx_create_pool(4096, log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_wix_auth_bearer_payload(pool, token, &text);

    if (rc == NGX_OK) {
        rc = ngx_http_wix_auth_bearer_claims(pool, &text, client, expires);
    }

    if (text.len) {
        ngx_explicit_memzero(text.data, text.len);
    }

    ngx_destroy_pool(pool);

    return rc;
}


/* the part between the dots (RFC 7515, 3.1) */

static ngx_int_t
ngx_http_wix_auth_bearer_payload(ngx_pool_t *pool, ngx_str_t *token,
    ngx_str_t *text)
{
    u_char  *p, *dot, *last;

    ngx_str_null(text);

    p = token->data;
    last = p + token->len;

    if (token->len > 12 && ngx_strncmp(p, "OauthNG.JWS.", 12) == 0) {
        p += 12;
    }

    p = ngx_strlchr(p, last, '.');
    if (p == NULL) {
        return NGX_DECLINED;
    }

    p++;

    dot = ngx_strlchr(p, last, '.');
    if (dot == NULL) {
        return NGX_DECLINED;
    }

    text->data = ngx_pnalloc(pool, dot - p + 1);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_wix_auth_b64_decode(text->data, &text->len, p, dot - p)
        != NGX_OK)
    {
        text->len = 0;
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_bearer_claims(ngx_pool_t *pool, ngx_str_t *text,
    u_char client[16], time_t *expires)
{
    int64_t                    exp;
    ngx_int_t                  rc;
    ngx_str_t                  data;
    const char                *err;
    ngx_http_wix_auth_json_t  *root;

    rc = ngx_http_wix_auth_json_parse(pool, text, &root, &err);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = NGX_DECLINED;

    if (ngx_http_wix_auth_json_positive(root, "exp",
                                        NGX_HTTP_WIX_AUTH_BEARER_EXP_MAX,
                                        &exp)
        == NGX_OK
        && exp > ngx_time()
        && ngx_http_wix_auth_json_string(root, "data",
                                         NGX_HTTP_WIX_AUTH_BEARER_MAX, &data)
           == NGX_OK)
    {
        *expires = (time_t) exp;
        rc = ngx_http_wix_auth_bearer_data(pool, &data, client);
    }

    ngx_http_wix_auth_json_wipe(root);

    return rc;
}


static ngx_int_t
ngx_http_wix_auth_bearer_data(ngx_pool_t *pool, ngx_str_t *text,
    u_char client[16])
{
    u_char                     id[16];
    ngx_int_t                  rc;
    ngx_str_t                  value;
    const char                *err;
    ngx_http_wix_auth_json_t  *root;

    rc = ngx_http_wix_auth_json_parse(pool, text, &root, &err);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = NGX_DECLINED;

    if (ngx_http_wix_auth_json_string(root, "instance.appDefId", 36, &value)
        == NGX_OK
        && ngx_http_wix_auth_guid_parse(&value, id) == NGX_OK
        && ngx_memcmp(id, client, 16) == 0
        && (ngx_http_wix_auth_bearer_member(root, "instance.siteMemberId")
            || ngx_http_wix_auth_bearer_member(root, "instance.uid")))
    {
        rc = NGX_OK;
    }

    ngx_http_wix_auth_json_wipe(root);

    return rc;
}


static ngx_uint_t
ngx_http_wix_auth_bearer_member(ngx_http_wix_auth_json_t *root,
    const char *path)
{
    size_t     i;
    u_char     ch;
    ngx_str_t  value;

    if (ngx_http_wix_auth_json_string(root, path,
                                      NGX_HTTP_WIX_AUTH_MEMBER_ID_MAX, &value)
        != NGX_OK)
    {
        return 0;
    }

    for (i = 0; i < value.len; i++) {
        ch = value.data[i];

        if ((ch < 'A' || ch > 'Z') && (ch < 'a' || ch > 'z')
            && (ch < '0' || ch > '9') && ch != '-')
        {
            return 0;
        }
    }

    return 1;
}


/* of this request, which an internal redirect may have led to another zone or
   client; NULL: none yet */

static ngx_http_wix_auth_bearer_wait_t *
ngx_http_wix_auth_bearer_wait(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, u_char id[16], u_char client[16])
{
    ngx_pool_cleanup_t               *cln;
    ngx_http_wix_auth_bearer_wait_t  *w;

    for (cln = rec->request->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler != ngx_http_wix_auth_bearer_cleanup) {
            continue;
        }

        w = cln->data;

        if (w->zone == conf->zone
            && ngx_memcmp(w->id, id, 16) == 0
            && ngx_memcmp(w->client, client, 16) == 0)
        {
            return w;
        }
    }

    return NULL;
}


static ngx_http_wix_auth_bearer_wait_t *
ngx_http_wix_auth_bearer_new(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, u_char id[16], u_char client[16])
{
    ngx_pool_cleanup_t               *cln;
    ngx_http_wix_auth_bearer_wait_t  *w;

    cln = ngx_pool_cleanup_add(rec->request->pool,
                               sizeof(ngx_http_wix_auth_bearer_wait_t));
    if (cln == NULL) {
        return NULL;
    }

    w = cln->data;

    ngx_memzero(w, sizeof(ngx_http_wix_auth_bearer_wait_t));

    w->rec = rec;
    w->zone = conf->zone;
    w->rc = NGX_AGAIN;
    ngx_memcpy(w->id, id, 16);
    ngx_memcpy(w->client, client, 16);

    cln->handler = ngx_http_wix_auth_bearer_cleanup;

    return w;
}


static void
ngx_http_wix_auth_bearer_cleanup(void *data)
{
    ngx_http_wix_auth_bearer_wait_t  *w = data;

    if (w->rec->leave == ngx_http_wix_auth_bearer_leave) {
        ngx_http_wix_auth_bearer_leave(w->rec);
    }
}


static ngx_int_t
ngx_http_wix_auth_bearer_outcome(ngx_http_wix_auth_bearer_wait_t *w,
    ngx_http_wix_auth_conf_t *conf)
{
    ngx_http_wix_auth_record_t  *rec;

    rec = w->rec;

    rec->looked = NULL;
    rec->reason = w->reason;
    rec->retry_after = w->retry_after;

    if (w->rc == NGX_OK) {
        rec->found = 1;
        rec->touched = 1;
        rec->lost_visitor = 0;
        rec->session = w->session;

        if (!conf->profile) {
            ngx_str_null(&rec->session.profile);
        }
    }

    return w->rc;
}


/* has the other worker, that we have waited for, got no answer? */

static ngx_uint_t
ngx_http_wix_auth_bearer_failed(ngx_http_wix_auth_bearer_wait_t *w)
{
    ngx_uint_t  reason;

    if (ngx_http_wix_auth_inquiry_marked(w->zone, w->id,
                                         NGX_HTTP_WIX_AUTH_MARK_FAILED))
    {
        reason = NGX_HTTP_WIX_AUTH_UPSTREAM_UNAVAILABLE;

    } else if (ngx_http_wix_auth_inquiry_marked(w->zone, w->id,
                                             NGX_HTTP_WIX_AUTH_MARK_TIMEOUT))
    {
        reason = NGX_HTTP_WIX_AUTH_UPSTREAM_TIMEOUT;

    } else {
        return 0;
    }

    ngx_http_wix_auth_bearer_busy(w, reason,
                       ngx_http_wix_auth_budget_paused(w->zone, w->client));

    return 1;
}


/*
 * NGX_AGAIN: *started runs here, or it is NULL and another worker asks.
 * Otherwise that is the outcome.
 */

static ngx_int_t
ngx_http_wix_auth_bearer_ask(ngx_http_wix_auth_bearer_wait_t *w,
    ngx_http_wix_auth_conf_t *conf, ngx_str_t *token,
    ngx_http_wix_auth_inquiry_t **started)
{
    time_t                       time;
    ngx_int_t                    rc, retry_after;
    ngx_http_wix_auth_record_t  *rec;

    rec = w->rec;

    time = (time_t) ((conf->api->fetch.timeout + 999) / 1000);

    if (conf->profile) {
        time *= 2;
    }

    if (ngx_http_wix_auth_inquiry_mark(w->zone, w->id,
                                       NGX_HTTP_WIX_AUTH_MARK_CLAIM, time + 1)
        != NGX_OK)
    {
        return NGX_AGAIN;
    }

    /* another worker may have come to an end since we looked */

    rc = ngx_http_wix_auth_bearer_known(rec, conf, token, w->id);
    if (rc != NGX_AGAIN) {
        goto done;
    }

    if (ngx_http_wix_auth_breaker_open(w->zone, w->client,
                                       NGX_HTTP_WIX_AUTH_CLASS_LOOKUP,
                                       &conf->api->breaker, &retry_after)
        != NGX_OK)
    {
        ngx_http_wix_auth_bearer_busy(w,
                                      NGX_HTTP_WIX_AUTH_UPSTREAM_UNAVAILABLE,
                                      retry_after);

        rc = ngx_http_wix_auth_bearer_outcome(w, conf);
        goto done;
    }

    if (ngx_http_wix_auth_budget_take(w->zone, w->client,
                                      NGX_HTTP_WIX_AUTH_BUDGET_LOOKUP,
                                      NGX_HTTP_WIX_AUTH_LOOKUP_RATE,
                                      &retry_after)
        != NGX_OK)
    {
        ngx_http_wix_auth_bearer_busy(w,
                         ngx_http_wix_auth_budget_paused(w->zone, w->client)
                         ? NGX_HTTP_WIX_AUTH_UPSTREAM_UNAVAILABLE
                         : NGX_HTTP_WIX_AUTH_TOO_MANY_ATTEMPTS,
                         retry_after);

        rc = ngx_http_wix_auth_bearer_outcome(w, conf);
        goto done;
    }

    if (ngx_http_wix_auth_inquiry_begin(conf, w->id, w->client, w->expires,
                                        token, started)
        == NGX_OK)
    {
        return NGX_AGAIN;
    }

    rc = NGX_ERROR;

done:

    ngx_http_wix_auth_inquiry_unmark(w->zone, w->id,
                                     NGX_HTTP_WIX_AUTH_MARK_CLAIM);

    return rc;
}


static void
ngx_http_wix_auth_bearer_suspend(ngx_http_wix_auth_bearer_wait_t *w,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_inquiry_t *in)
{
    ngx_msec_t                   left;
    ngx_http_wix_auth_record_t  *rec;

    rec = w->rec;

    w->start = ngx_current_msec;

    if (!w->waited) {
        w->waited = 1;
        w->until = w->start + conf->refresh_lock_timeout;
        w->poll = NGX_HTTP_WIX_AUTH_BEARER_POLL_FIRST;
    }

    left = (ngx_msec_int_t) (w->until - w->start) > 0 ? w->until - w->start
                                                      : 0;

    rec->data = w;
    rec->leave = ngx_http_wix_auth_bearer_leave;

    if (in) {
        ngx_http_wix_auth_inquiry_wait(in, rec);

    } else {
        left = ngx_min(left, w->poll);
    }

    rec->timer.handler = ngx_http_wix_auth_bearer_timer;
    rec->timer.data = w;
    rec->timer.log = rec->request->connection->log;

    ngx_add_timer(&rec->timer, left);
}


static void
ngx_http_wix_auth_bearer_timer(ngx_event_t *ev)
{
    ngx_http_wix_auth_bearer_wait_t  *w = ev->data;

    ngx_msec_int_t  left;

    left = (ngx_msec_int_t) (w->until - ngx_current_msec);

    if (left <= 0) {
        ngx_http_wix_auth_bearer_busy(w, NGX_HTTP_WIX_AUTH_UPSTREAM_TIMEOUT,
                                      1);

    } else if (ngx_http_wix_auth_inquiry_marked(w->zone, w->id,
                                                NGX_HTTP_WIX_AUTH_MARK_CLAIM))
    {
        /* still under way in the other worker */

        w->poll = ngx_min(w->poll * 2, NGX_HTTP_WIX_AUTH_BEARER_POLL_LAST);

        ngx_add_timer(ev, ngx_min(w->poll, (ngx_msec_t) left));
        return;
    }

    ngx_http_wix_auth_bearer_wake(w->rec);
}


static void
ngx_http_wix_auth_bearer_wake(ngx_http_wix_auth_record_t *rec)
{
    ngx_http_wix_auth_bearer_wait_t  *w = rec->data;

    ngx_http_wix_auth_bearer_unlink(rec);

    rec->held += ngx_current_msec - w->start;

    rec->wake(rec);
}


/* the request goes, or does not want to wait; the call goes on */

static void
ngx_http_wix_auth_bearer_leave(ngx_http_wix_auth_record_t *rec)
{
    ngx_http_wix_auth_bearer_busy(rec->data,
                                  NGX_HTTP_WIX_AUTH_UPSTREAM_TIMEOUT, 1);

    ngx_http_wix_auth_bearer_unlink(rec);
}


static void
ngx_http_wix_auth_bearer_unlink(ngx_http_wix_auth_record_t *rec)
{
    if (rec->waiting) {
        ngx_queue_remove(&rec->queue);
        rec->waiting = NULL;
    }

    if (rec->timer.timer_set) {
        ngx_del_timer(&rec->timer);
    }

    rec->data = NULL;
    rec->leave = NULL;
}


static void
ngx_http_wix_auth_bearer_busy(ngx_http_wix_auth_bearer_wait_t *w,
    ngx_uint_t reason, ngx_int_t retry_after)
{
    w->rc = NGX_BUSY;
    w->reason = reason;
    w->retry_after = ngx_max(retry_after, 1);
}
