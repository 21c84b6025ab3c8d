
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_counter.h"
#include "ngx_http_wix_auth_member.h"
#include "ngx_http_wix_auth_reason.h"
#include "ngx_http_wix_auth_site.h"


#define NGX_HTTP_WIX_AUTH_LEASE_MARGIN  1000    /* ms beyond the API timeout */
#define NGX_HTTP_WIX_AUTH_PAUSE_MAX     30      /* s, asked for by a 5xx */
#define NGX_HTTP_WIX_AUTH_THROTTLED_MAX 300     /* s, asked for by a 429 */
#define NGX_HTTP_WIX_AUTH_REFRESHES     64      /* queues of those under way */
#define NGX_HTTP_WIX_AUTH_HOLD_MAX      2000    /* ms, of who is over budget */
#define NGX_HTTP_WIX_AUTH_POLL_FIRST    20      /* ms, doubling */
#define NGX_HTTP_WIX_AUTH_POLL_LAST     100


/* a refresh that runs in this worker; it belongs to no request */

typedef struct {
    ngx_queue_t                     queue;
    ngx_queue_t                     waiters;   /* records */
    ngx_shm_zone_t                 *zone;
    u_char                          id[16];
    u_char                          handle[16];
    u_char                          client[16];
    ngx_http_wix_auth_api_conf_t   *api;
    ngx_uint_t                      profile;   /* is to be fetched too */
    ngx_uint_t                      generation;
    ngx_uint_t                      lease;
    ngx_pool_t                     *pool;
    ngx_log_t                      *log;
    ngx_http_wix_auth_api_call_t   *call;
} ngx_http_wix_auth_refresh_t;


static ngx_uint_t ngx_http_wix_auth_refresh_held(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf);
static ngx_int_t ngx_http_wix_auth_refresh_away(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf,
    ngx_int_t retry_after);
static ngx_int_t ngx_http_wix_auth_refresh_begin(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf,
    ngx_uint_t class, ngx_http_wix_auth_refresh_t **started);
static void ngx_http_wix_auth_refresh_call(ngx_http_wix_auth_refresh_t *rf,
    ngx_http_wix_auth_session_t *s, ngx_uint_t class);
static ngx_queue_t *ngx_http_wix_auth_refresh_queue(u_char id[16]);
static ngx_http_wix_auth_refresh_t *ngx_http_wix_auth_refresh_find(
    ngx_shm_zone_t *zone, ngx_http_wix_auth_session_t *s);
static void ngx_http_wix_auth_refresh_done(
    ngx_http_wix_auth_api_result_t *result, void *data);
static ngx_int_t ngx_http_wix_auth_refresh_pause(
    ngx_http_wix_auth_api_result_t *result);
static void ngx_http_wix_auth_refresh_store(ngx_http_wix_auth_refresh_t *rf,
    ngx_http_wix_auth_api_result_t *result);
static void ngx_http_wix_auth_refresh_revoke(ngx_http_wix_auth_refresh_t *rf);
static void ngx_http_wix_auth_refresh_suspend(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf,
    ngx_http_wix_auth_refresh_t *rf);
static void ngx_http_wix_auth_refresh_timer(ngx_event_t *ev);
static void ngx_http_wix_auth_refresh_wake(ngx_http_wix_auth_record_t *rec);


static ngx_queue_t  ngx_http_wix_auth_refreshes[
                                             NGX_HTTP_WIX_AUTH_REFRESHES];


ngx_int_t
ngx_http_wix_auth_refresh_start(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf)
{
    ngx_int_t                     rc;
    ngx_msec_int_t                left;
    ngx_http_wix_auth_refresh_t  *rf;
    ngx_http_wix_auth_session_t  *s;

    s = &rec->session;

    if (s->leased) {
        return NGX_OK;
    }

    left = (ngx_msec_int_t) (s->retry_at - ngx_current_msec);

    if (left > 0 && (s->failures || left <= NGX_HTTP_WIX_AUTH_HOLD_MAX)) {
        return NGX_ABORT;
    }

    /*
     * A pause is for what can wait.  Past its end a session is locked out, and
     * has a back-off of its own: any stranger's 429 must not hold that up.
     */

    if (ngx_time() < s->token_expires
        && ngx_http_wix_auth_budget_paused(conf->zone, s->client))
    {
        return NGX_ABORT;
    }

    if (ngx_http_wix_auth_refresh_held(rec, conf)) {
        return NGX_ABORT;
    }

    rc = ngx_http_wix_auth_refresh_begin(rec, conf,
                                         NGX_HTTP_WIX_AUTH_CLASS_REFRESH,
                                         &rf);

    switch (rc) {

    case NGX_ABORT:
    case NGX_ERROR:
        return rc;

    default: /* NGX_OK, NGX_BUSY, NGX_DONE, NGX_DECLINED */
        return NGX_OK;
    }
}


/*
 * Whoever passes in any case, with a good token or within grace, may have to
 * wait for another second: when Wix comes back, all sessions want it at once.
 */

static ngx_uint_t
ngx_http_wix_auth_refresh_held(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf)
{
    ngx_int_t                     retry_after;
    ngx_http_wix_auth_session_t  *s;

    s = &rec->session;

    if (ngx_time() >= s->token_expires
        && (s->failures == 0
            || !ngx_http_wix_auth_refresh_stale(rec, conf, s->cause)))
    {
        return 0;
    }

    /* what is not sent needs no budget */

    if (ngx_http_wix_auth_breaker_open(conf->zone, s->client,
                                       NGX_HTTP_WIX_AUTH_CLASS_REFRESH,
                                       &conf->api->breaker, &retry_after)
        != NGX_OK)
    {
        return 0;
    }

    return ngx_http_wix_auth_budget_refresh(conf->zone, s->client, s->id)
           != NGX_OK;
}


ngx_int_t
ngx_http_wix_auth_refresh_wait(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_wake_pt wake)
{
    ngx_int_t                     rc, retry_after;
    ngx_http_wix_auth_refresh_t  *rf;

    if (ngx_http_wix_auth_breaker_open(conf->zone, rec->session.client,
                                       NGX_HTTP_WIX_AUTH_CLASS_WAITED,
                                       &conf->api->breaker, &retry_after)
        != NGX_OK)
    {
        return ngx_http_wix_auth_refresh_away(rec, conf, retry_after);
    }

    rf = ngx_http_wix_auth_refresh_find(conf->zone, &rec->session);

    if (rf == NULL) {
        rc = ngx_http_wix_auth_refresh_begin(rec, conf,
                                             NGX_HTTP_WIX_AUTH_CLASS_WAITED,
                                             &rf);

        switch (rc) {

        case NGX_OK:
            rec->starter = 1;
            break;

        case NGX_BUSY:
            /* in another worker: poll the record */
            break;

        case NGX_DONE:
        case NGX_DECLINED:
        case NGX_ABORT:
            return NGX_OK;

        default:
            return NGX_ERROR;
        }
    }

    rec->wake = wake;

    ngx_http_wix_auth_refresh_suspend(rec, conf, rf);

    return NGX_AGAIN;
}


/*
 * An open breaker is a failed call, for the record too, unless somebody is
 * refreshing it just now; lease 0 is nobody's.  It failed for what has opened
 * the breaker: wix_auth_refresh_use_stale asks.
 */

static ngx_int_t
ngx_http_wix_auth_refresh_away(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_int_t retry_after)
{
    ngx_uint_t                    cause;
    ngx_http_wix_auth_session_t  *s;

    s = &rec->session;

    retry_after = ngx_min(retry_after, NGX_HTTP_WIX_AUTH_PAUSE_MAX);

    cause = ngx_http_wix_auth_breaker_cause(conf->zone, s->client,
                                            NGX_HTTP_WIX_AUTH_CLASS_WAITED)
            | NGX_HTTP_WIX_AUTH_CAUSE_UNSENT;

    ngx_http_wix_auth_session_failed(conf->zone, s->id, s->generation, 0,
                                     cause, retry_after);

    s->failures = 1;
    s->cause = cause;
    s->retry_at = ngx_current_msec + (ngx_msec_t) retry_after * 1000;

    return NGX_ABORT;
}


void
ngx_http_wix_auth_refresh_due(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf)
{
    time_t                        before;
    ngx_http_wix_auth_session_t  *s;

    s = &rec->session;

    before = ngx_min(conf->refresh_before, s->token_lifetime / 2);
    before -= before * (time_t) s->jitter / 2560;

    if (ngx_time() < s->token_expires - before) {
        return;
    }

    /* a failure is noted in the record; this request goes on regardless */
    (void) ngx_http_wix_auth_refresh_start(rec, conf);
}


ngx_uint_t
ngx_http_wix_auth_refresh_stale(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_uint_t cause)
{
    return (conf->stale->causes & cause)
           && ngx_time() - rec->session.token_expires < conf->stale->time;
}


ngx_int_t
ngx_http_wix_auth_refresh_retry(ngx_http_wix_auth_record_t *rec)
{
    ngx_msec_int_t  left;

    if (rec->session.failures == 0) {
        return 1;
    }

    left = rec->session.retry_at - ngx_current_msec;

    return (left > 0) ? (left + 999) / 1000 : 1;
}


void
ngx_http_wix_auth_refresh_leave(ngx_http_wix_auth_record_t *rec)
{
    if (rec->waiting) {
        ngx_queue_remove(&rec->queue);
        rec->waiting = NULL;
    }

    if (rec->timer.timer_set) {
        ngx_del_timer(&rec->timer);
    }

    rec->leave = NULL;
}


/*
 * Takes the lease and makes the call.  NGX_OK: *started runs; otherwise as
 * ngx_http_wix_auth_session_lease().
 */

static ngx_int_t
ngx_http_wix_auth_refresh_begin(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_uint_t class,
    ngx_http_wix_auth_refresh_t **started)
{
    ngx_int_t                     rc;
    ngx_pool_t                   *pool;
    ngx_queue_t                  *q;
    ngx_http_wix_auth_refresh_t  *rf;
    ngx_http_wix_auth_session_t   s;

    *started = NULL;

    if (rec->session.leased) {
        return NGX_BUSY;
    }

    /* a stranger's identity: class 3, within its own rate */

    if (rec->session.kind == NGX_HTTP_WIX_AUTH_KIND_VISITOR
        && ngx_http_wix_auth_budget_take(conf->zone, rec->session.client,
                                         NGX_HTTP_WIX_AUTH_BUDGET_RETURN,
                                         conf->visitor->rate, &rc)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    pool = ngx_create_pool(8192, ngx_cycle->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    rf = ngx_pcalloc(pool, sizeof(ngx_http_wix_auth_refresh_t));
    if (rf == NULL) {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    ngx_memzero(&s, sizeof(ngx_http_wix_auth_session_t));

    rc = ngx_http_wix_auth_session_lease(conf->zone, rec->session.id,
                                         rec->session.generation,
                                         conf->api->fetch.timeout
                                         + NGX_HTTP_WIX_AUTH_LEASE_MARGIN,
                                         pool, &s, &rf->lease);
    if (rc != NGX_OK) {
        ngx_destroy_pool(pool);
        return rc;
    }

    rf->pool = pool;
    rf->log = ngx_cycle->log;
    rf->zone = conf->zone;
    rf->api = conf->api;
    rf->profile = (conf->profile
                   && s.kind == NGX_HTTP_WIX_AUTH_KIND_MEMBER);

    ngx_http_wix_auth_refresh_call(rf, &s, class);

    if (rf->call == NULL) {
        ngx_http_wix_auth_session_failed(rf->zone, rf->id, rf->generation,
                                         rf->lease,
                                         NGX_HTTP_WIX_AUTH_CAUSE_ERROR, -1);
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    q = ngx_http_wix_auth_refresh_queue(rf->id);

    if (q->next == NULL) {
        ngx_queue_init(q);
    }

    ngx_queue_insert_head(q, &rf->queue);

    *started = rf;

    return NGX_OK;
}


static void
ngx_http_wix_auth_refresh_call(ngx_http_wix_auth_refresh_t *rf,
    ngx_http_wix_auth_session_t *s, ngx_uint_t class)
{
    u_char     text[36];
    ngx_str_t  client;

    rf->generation = s->generation;
    ngx_memcpy(rf->id, s->id, 16);
    ngx_memcpy(rf->handle, s->handle, 16);
    ngx_memcpy(rf->client, s->client, 16);

    ngx_queue_init(&rf->waiters);

    ngx_http_wix_auth_guid_write(text, s->client);
    client.data = text;
    client.len = 36;

    rf->call = ngx_http_wix_auth_api_refresh(rf->api, &client,
                                             &s->refresh_token, class,
                                             rf->log,
                                             ngx_http_wix_auth_refresh_done,
                                             rf);

    if (s->access_token.len + s->refresh_token.len) {
        ngx_explicit_memzero(s->access_token.data,
                             s->access_token.len + s->refresh_token.len);
    }
}


/* the id is a hash */

static ngx_queue_t *
ngx_http_wix_auth_refresh_queue(u_char id[16])
{
    return &ngx_http_wix_auth_refreshes[id[0] % NGX_HTTP_WIX_AUTH_REFRESHES];
}


static ngx_http_wix_auth_refresh_t *
ngx_http_wix_auth_refresh_find(ngx_shm_zone_t *zone,
    ngx_http_wix_auth_session_t *s)
{
    ngx_queue_t                  *q, *queue;
    ngx_http_wix_auth_refresh_t  *rf;

    queue = ngx_http_wix_auth_refresh_queue(s->id);

    if (queue->next == NULL) {
        return NULL;
    }

    for (q = ngx_queue_head(queue);
         q != ngx_queue_sentinel(queue);
         q = ngx_queue_next(q))
    {
        rf = ngx_queue_data(q, ngx_http_wix_auth_refresh_t, queue);

        if (rf->zone == zone && rf->generation == s->generation
            && ngx_memcmp(rf->id, s->id, 16) == 0)
        {
            return rf;
        }
    }

    return NULL;
}


static void
ngx_http_wix_auth_refresh_done(ngx_http_wix_auth_api_result_t *result,
    void *data)
{
    ngx_http_wix_auth_refresh_t  *rf = data;

    ngx_queue_t                  *q;
    ngx_http_wix_auth_record_t   *rec;

    ngx_queue_remove(&rf->queue);

    switch (result->reason) {

    case NGX_HTTP_WIX_AUTH_OK:
        ngx_http_wix_auth_refresh_store(rf, result);
        break;

    case NGX_HTTP_WIX_AUTH_INVALID_GRANT:
        ngx_http_wix_auth_refresh_revoke(rf);
        break;

    case NGX_HTTP_WIX_AUTH_UPSTREAM_THROTTLED:
        ngx_http_wix_auth_budget_pause(rf->zone, rf->client,
                                       result->retry_after);
        /* fall through */

    default:
        ngx_http_wix_auth_session_failed(rf->zone, rf->id, rf->generation,
                                rf->lease, result->cause,
                                ngx_http_wix_auth_refresh_pause(result));
    }

    /* a woken request may start another refresh, or go away */

    while (!ngx_queue_empty(&rf->waiters)) {
        q = ngx_queue_head(&rf->waiters);
        rec = ngx_queue_data(q, ngx_http_wix_auth_record_t, queue);

        ngx_http_wix_auth_refresh_wake(rec);
    }

    ngx_destroy_pool(rf->pool);
}


/* only a 429 may ask for a longer pause than the back-off's own limit, but for
   none beyond that of its client */

static ngx_int_t
ngx_http_wix_auth_refresh_pause(ngx_http_wix_auth_api_result_t *result)
{
    if (result->cause == NGX_HTTP_WIX_AUTH_CAUSE_429) {
        return ngx_min(result->retry_after, NGX_HTTP_WIX_AUTH_THROTTLED_MAX);
    }

    return ngx_min(result->retry_after, NGX_HTTP_WIX_AUTH_PAUSE_MAX);
}


static void
ngx_http_wix_auth_refresh_store(ngx_http_wix_auth_refresh_t *rf,
    ngx_http_wix_auth_api_result_t *result)
{
    ngx_int_t  rc;

    rc = ngx_http_wix_auth_session_refreshed(rf->zone, rf->id,
                                             rf->generation,
                                             &result->access_token,
                                             &result->refresh_token,
                                             result->expires,
                                             result->lifetime, rf->log);

    if (rc == NGX_ERROR) {
        ngx_log_error(NGX_LOG_ERR, rf->log, 0,
                      "wix_auth: refreshed tokens of session %*xs could not "
                      "be stored, zone \"%V\" is full",
                      (size_t) 4, rf->handle, &rf->zone->shm.name);

        ngx_http_wix_auth_session_failed(rf->zone, rf->id, rf->generation,
                                         rf->lease,
                                         NGX_HTTP_WIX_AUTH_CAUSE_ERROR, -1);
        return;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, rf->log, 0,
                   "wix_auth: session %*xs refreshed: %i",
                   (size_t) 4, rf->handle, rc);

    if (rc == NGX_OK && rf->profile) {
        ngx_http_wix_auth_member_fetch(rf->zone, rf->api, rf->id, rf->handle,
                                       rf->client, &result->access_token);
    }
}


static void
ngx_http_wix_auth_refresh_revoke(ngx_http_wix_auth_refresh_t *rf)
{
    if (ngx_http_wix_auth_session_revoke(rf->zone, rf->id, rf->generation,
                                         rf->lease, ngx_time())
        == NGX_OK)
    {
        ngx_log_error(NGX_LOG_INFO, rf->log, 0,
                      "wix_auth: session %*xs ended, session_revoked: Wix "
                      "does not accept its refresh token any more",
                      (size_t) 4, rf->handle);
        return;
    }

    /* a late answer to a token that somebody has replaced since */

    ngx_log_error(NGX_LOG_INFO, rf->log, 0,
                  "wix_auth: late invalid_grant for session %*xs ignored",
                  (size_t) 4, rf->handle);
}


static void
ngx_http_wix_auth_refresh_suspend(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_refresh_t *rf)
{
    ngx_msec_t  now, left;

    now = ngx_current_msec;

    if (!rec->waited) {
        rec->waited = 1;
        rec->wait_start = now;
        rec->wait_until = now + conf->refresh_lock_timeout;
    }

    rec->wait_generation = rec->session.generation;
    rec->wait_conf = conf;
    rec->leave = ngx_http_wix_auth_refresh_leave;

    left = (ngx_msec_int_t) (rec->wait_until - now) > 0
           ? rec->wait_until - now : 0;

    if (rf) {
        ngx_queue_insert_tail(&rf->waiters, &rec->queue);
        rec->waiting = rf;

    } else {
        rec->poll = rec->poll ? ngx_min(rec->poll * 2,
                                        NGX_HTTP_WIX_AUTH_POLL_LAST)
                              : NGX_HTTP_WIX_AUTH_POLL_FIRST;
        left = ngx_min(left, rec->poll);
    }

    rec->timer.handler = ngx_http_wix_auth_refresh_timer;
    rec->timer.data = rec;
    rec->timer.log = rec->request->connection->log;

    ngx_add_timer(&rec->timer, left);
}


static void
ngx_http_wix_auth_refresh_timer(ngx_event_t *ev)
{
    ngx_http_wix_auth_record_t  *rec = ev->data;

    ngx_int_t                           rc;
    ngx_http_wix_auth_session_t         s;
    ngx_http_wix_auth_session_query_t   q;
    u_char                              buf[NGX_HTTP_WIX_AUTH_SESSION_INLINE];

    if ((ngx_msec_int_t) (rec->wait_until - ngx_current_msec) <= 0) {
        rec->timedout = 1;
        ngx_http_wix_auth_refresh_wake(rec);
        return;
    }

    ngx_memzero(&q, sizeof(ngx_http_wix_auth_session_query_t));

    ngx_memcpy(q.id, rec->session.id, 16);
    q.now = ngx_time();
    q.buf = buf;
    q.size = sizeof(buf);

    rc = ngx_http_wix_auth_session_find(rec->wait_conf->zone, &q, &s);

    if (rc == NGX_OK
        && s.generation == rec->wait_generation
        && s.failures == rec->session.failures
        && s.leased)
    {
        /* still under way in the other worker */

        rec->poll = ngx_min(rec->poll * 2, NGX_HTTP_WIX_AUTH_POLL_LAST);

        ngx_add_timer(ev, ngx_min(rec->poll,
                                  rec->wait_until - ngx_current_msec));
        return;
    }

    /* new tokens, a failure, an end, or a holder that has died */

    ngx_http_wix_auth_refresh_wake(rec);
}


static void
ngx_http_wix_auth_refresh_wake(ngx_http_wix_auth_record_t *rec)
{
    ngx_http_wix_auth_refresh_leave(rec);

    rec->held += ngx_current_msec - rec->wait_start;
    rec->wait_start = ngx_current_msec;

    rec->wake(rec);
}
