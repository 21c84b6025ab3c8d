
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_budget.h"


#define NGX_HTTP_WIX_AUTH_BREAKER_JITTER  10      /* a part of fail_timeout */
#define NGX_HTTP_WIX_AUTH_BREAKER_DAY     86400000


static ngx_http_wix_auth_breaker_t *ngx_http_wix_auth_breaker_get(
    ngx_http_wix_auth_zone_t *zone, uint64_t key, ngx_uint_t class);
static ngx_msec_t ngx_http_wix_auth_breaker_left(
    ngx_http_wix_auth_breaker_t *b, ngx_http_wix_auth_breaker_conf_t *conf);
static void ngx_http_wix_auth_breaker_set(ngx_http_wix_auth_breaker_t *b,
    ngx_uint_t state, ngx_msec_t time);
static ngx_msec_t ngx_http_wix_auth_breaker_time(
    ngx_http_wix_auth_breaker_conf_t *conf);


ngx_int_t
ngx_http_wix_auth_breaker_ask(ngx_shm_zone_t *shm_zone, u_char client[16],
    ngx_uint_t class, ngx_http_wix_auth_breaker_conf_t *conf,
    ngx_msec_t timeout, ngx_uint_t *ticket, ngx_int_t *retry_after)
{
    uint64_t                      key;
    ngx_msec_t                    left;
    ngx_uint_t                    probe;
    ngx_http_wix_auth_zone_t     *zone;
    ngx_http_wix_auth_breaker_t  *b;

    *ticket = 0;

    if (shm_zone == NULL || conf->max_fails == 0
        || class >= NGX_HTTP_WIX_AUTH_CLASSES)
    {
        return NGX_OK;
    }

    left = 0;
    probe = 0;

    zone = shm_zone->data;
    key = ngx_http_wix_auth_slot_key(zone, client);

    ngx_shmtx_lock(&zone->shpool->mutex);

    b = ngx_http_wix_auth_breaker_get(zone, key, class);

    if (b) {
        left = ngx_http_wix_auth_breaker_left(b, conf);

        if (left == 0 && b->state != NGX_HTTP_WIX_AUTH_BREAKER_CLOSED) {
            ngx_http_wix_auth_breaker_set(b, NGX_HTTP_WIX_AUTH_BREAKER_PROBE,
                                          timeout);
            probe = 1;
        }

        *ticket = b->ticket;
    }

    ngx_shmtx_unlock(&zone->shpool->mutex);

    if (left == 0) {
        return probe ? NGX_DONE : NGX_OK;
    }

    *retry_after = (ngx_int_t) ngx_http_wix_auth_counter_seconds(left);

    return NGX_BUSY;
}


ngx_int_t
ngx_http_wix_auth_breaker_result(ngx_shm_zone_t *shm_zone, u_char client[16],
    ngx_uint_t class, ngx_http_wix_auth_breaker_conf_t *conf,
    ngx_uint_t ticket, ngx_int_t rc, ngx_uint_t cause, ngx_msec_t *time)
{
    uint64_t                      key;
    ngx_int_t                     change;
    ngx_http_wix_auth_zone_t     *zone;
    ngx_http_wix_auth_breaker_t  *b;

    if (shm_zone == NULL || conf->max_fails == 0
        || class >= NGX_HTTP_WIX_AUTH_CLASSES)
    {
        return NGX_OK;
    }

    change = NGX_OK;

    zone = shm_zone->data;
    key = ngx_http_wix_auth_slot_key(zone, client);

    ngx_shmtx_lock(&zone->shpool->mutex);

    b = ngx_http_wix_auth_breaker_get(zone, key, class);

    if (b == NULL || b->ticket != ticket) {
        goto done;
    }

    if (b->state == NGX_HTTP_WIX_AUTH_BREAKER_PROBE) {

        switch (rc) {

        case NGX_OK:
            *time = ngx_current_msec - b->since;
            ngx_http_wix_auth_breaker_set(b, NGX_HTTP_WIX_AUTH_BREAKER_CLOSED,
                                          0);
            b->fails = 0;
            change = NGX_AGAIN;
            break;

        case NGX_ERROR:
            ngx_http_wix_auth_breaker_set(b, NGX_HTTP_WIX_AUTH_BREAKER_OPEN,
                                      ngx_http_wix_auth_breaker_time(conf));
            break;

        default: /* NGX_DECLINED: the next call is another probe */
            ngx_http_wix_auth_breaker_set(b, NGX_HTTP_WIX_AUTH_BREAKER_OPEN,
                                          0);
        }

        goto done;
    }

    /* closed: in no other state is a ticket given away */

    if (rc == NGX_OK) {
        b->fails = 0;

    } else if (rc == NGX_ERROR && ++b->fails >= conf->max_fails) {
        b->cause = (u_char) cause;
        *time = ngx_http_wix_auth_breaker_time(conf);
        ngx_http_wix_auth_breaker_set(b, NGX_HTTP_WIX_AUTH_BREAKER_OPEN,
                                      *time);
        b->since = ngx_current_msec;
        change = NGX_DONE;
    }

done:

    ngx_shmtx_unlock(&zone->shpool->mutex);

    return change;
}


ngx_int_t
ngx_http_wix_auth_breaker_open(ngx_shm_zone_t *shm_zone, u_char client[16],
    ngx_uint_t class, ngx_http_wix_auth_breaker_conf_t *conf,
    ngx_int_t *retry_after)
{
    uint64_t                      key;
    ngx_msec_t                    left;
    ngx_http_wix_auth_zone_t     *zone;
    ngx_http_wix_auth_breaker_t  *b;

    if (shm_zone == NULL || conf->max_fails == 0) {
        return NGX_OK;
    }

    zone = shm_zone->data;
    key = ngx_http_wix_auth_slot_key(zone, client);

    ngx_shmtx_lock(&zone->shpool->mutex);

    b = ngx_http_wix_auth_breaker_get(zone, key, class);
    left = b ? ngx_http_wix_auth_breaker_left(b, conf) : 0;

    ngx_shmtx_unlock(&zone->shpool->mutex);

    if (left == 0) {
        return NGX_OK;
    }

    *retry_after = (ngx_int_t) ngx_http_wix_auth_counter_seconds(left);

    return NGX_BUSY;
}


ngx_uint_t
ngx_http_wix_auth_breaker_cause(ngx_shm_zone_t *shm_zone, u_char client[16],
    ngx_uint_t class)
{
    uint64_t                      key;
    ngx_uint_t                    cause;
    ngx_http_wix_auth_zone_t     *zone;
    ngx_http_wix_auth_breaker_t  *b;

    if (shm_zone == NULL) {
        return 0;
    }

    zone = shm_zone->data;
    key = ngx_http_wix_auth_slot_key(zone, client);

    ngx_shmtx_lock(&zone->shpool->mutex);

    b = ngx_http_wix_auth_breaker_get(zone, key, class);
    cause = b ? b->cause : 0;

    ngx_shmtx_unlock(&zone->shpool->mutex);

    return cause;
}


/* NULL: the client has no slot of its own */

static ngx_http_wix_auth_breaker_t *
ngx_http_wix_auth_breaker_get(ngx_http_wix_auth_zone_t *zone, uint64_t key,
    ngx_uint_t class)
{
    ngx_http_wix_auth_client_t  *cl;

    cl = ngx_http_wix_auth_slot(zone, key);

    return (cl->key == key) ? &cl->breakers[class] : NULL;
}


/* milliseconds until the next call may be made; 0: now */

static ngx_msec_t
ngx_http_wix_auth_breaker_left(ngx_http_wix_auth_breaker_t *b,
    ngx_http_wix_auth_breaker_conf_t *conf)
{
    ngx_msec_int_t  left;

    if (b->state == NGX_HTTP_WIX_AUTH_BREAKER_CLOSED) {
        return 0;
    }

    left = (ngx_msec_int_t) (b->until - ngx_current_msec);

    if (left <= 0) {
        return 0;
    }

    if (b->state == NGX_HTTP_WIX_AUTH_BREAKER_PROBE) {

        /* as a rule the answer is there much sooner; no call takes a day, but
           a clock of 32 bits runs over */

        return (left < NGX_HTTP_WIX_AUTH_BREAKER_DAY) ? ngx_min(left, 1000)
                                                      : 0;
    }

    /* a shorter fail_timeout counts at once, after a reload for example */

    return ((ngx_msec_t) left <= conf->fail_timeout
                        + conf->fail_timeout / NGX_HTTP_WIX_AUTH_BREAKER_JITTER)
           ? (ngx_msec_t) left : 0;
}


/* what has been asked for until now has no say in the new state */

static void
ngx_http_wix_auth_breaker_set(ngx_http_wix_auth_breaker_t *b,
    ngx_uint_t state, ngx_msec_t time)
{
    b->state = (u_char) state;
    b->until = ngx_current_msec + time;
    b->ticket++;
}


/* several servers that have lost Wix at once do not come back in step */

static ngx_msec_t
ngx_http_wix_auth_breaker_time(ngx_http_wix_auth_breaker_conf_t *conf)
{
    return conf->fail_timeout
           + (ngx_msec_t) ngx_random()
             % (conf->fail_timeout / NGX_HTTP_WIX_AUTH_BREAKER_JITTER + 1);
}
