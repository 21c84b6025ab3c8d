
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_budget.h"


#define NGX_HTTP_WIX_AUTH_SECOND       1000
#define NGX_HTTP_WIX_AUTH_PAUSE        60      /* s, the longest of our own */
#define NGX_HTTP_WIX_AUTH_PAUSE_MAX    300     /* s, of what Wix asks for */


static ngx_uint_t ngx_http_wix_auth_budget_spend(
    ngx_http_wix_auth_client_t *cl, ngx_uint_t kind, ngx_uint_t rate,
    ngx_msec_t window, ngx_msec_t *left);
static ngx_uint_t ngx_http_wix_auth_slot_idle(
    ngx_http_wix_auth_client_t *cl);
static ngx_msec_t ngx_http_wix_auth_slot_pause(
    ngx_http_wix_auth_client_t *cl);


ngx_int_t
ngx_http_wix_auth_slots_create(ngx_http_wix_auth_zone_t *zone)
{
    zone->sh->clients = ngx_slab_calloc(zone->shpool,
                                        NGX_HTTP_WIX_AUTH_CLIENTS
                                        * sizeof(ngx_http_wix_auth_client_t));

    return zone->sh->clients ? NGX_OK : NGX_ERROR;
}


void
ngx_http_wix_auth_slots_move(ngx_http_wix_auth_zone_sh_t *sh,
    ngx_http_wix_auth_zone_sh_t *old)
{
    ngx_memcpy(sh->clients, old->clients,
               NGX_HTTP_WIX_AUTH_CLIENTS * sizeof(ngx_http_wix_auth_client_t));
}


uint64_t
ngx_http_wix_auth_slot_key(ngx_http_wix_auth_zone_t *zone,
    u_char client[16])
{
    ngx_str_t  id;

    id.data = client;
    id.len = 16;

    return ngx_http_wix_auth_counter_key(zone, 0, &id);
}


ngx_int_t
ngx_http_wix_auth_budget_take(ngx_shm_zone_t *shm_zone, u_char client[16],
    ngx_uint_t kind, ngx_uint_t rate, ngx_int_t *retry_after)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    uint64_t                     key;
    ngx_int_t                    rc;
    ngx_msec_t                   left;
    ngx_http_wix_auth_client_t  *cl;

    key = ngx_http_wix_auth_slot_key(zone, client);

    rc = NGX_BUSY;

    ngx_shmtx_lock(&zone->shpool->mutex);

    cl = ngx_http_wix_auth_slot(zone, key);

    left = (kind == NGX_HTTP_WIX_AUTH_BUDGET_RECOVER)
           ? 0 : ngx_http_wix_auth_slot_pause(cl);

    if (left == 0
        && ngx_http_wix_auth_budget_spend(cl, kind, rate,
                                          NGX_HTTP_WIX_AUTH_MINUTE, &left))
    {
        rc = NGX_OK;
    }

    ngx_shmtx_unlock(&zone->shpool->mutex);

    *retry_after = (ngx_int_t) ngx_http_wix_auth_counter_seconds(left);

    return rc;
}


/* *left is set to what is left of the window */

static ngx_uint_t
ngx_http_wix_auth_budget_spend(ngx_http_wix_auth_client_t *cl,
    ngx_uint_t kind, ngx_uint_t rate, ngx_msec_t window, ngx_msec_t *left)
{
    ngx_msec_t  elapsed;

    elapsed = ngx_http_wix_auth_counter_elapsed(cl->start[kind]);

    if (cl->n[kind] == 0 || elapsed >= window) {
        cl->start[kind] = ngx_current_msec;
        cl->n[kind] = 0;
        elapsed = 0;
    }

    *left = window - elapsed;

    if (cl->n[kind] >= rate) {
        return 0;
    }

    cl->n[kind]++;

    return 1;
}


/*
 * Those over the budget come back one by one, and not all of them at the
 * beginning of the next window: what the record's own back-off is for.
 */

ngx_int_t
ngx_http_wix_auth_budget_refresh(ngx_shm_zone_t *shm_zone, u_char client[16],
    u_char id[16])
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    uint64_t                          key;
    ngx_int_t                         rc;
    ngx_msec_t                        left;
    ngx_http_wix_auth_record_node_t  *rn;

    key = ngx_http_wix_auth_slot_key(zone, client);

    rc = NGX_OK;

    ngx_shmtx_lock(&zone->shpool->mutex);

    if (!ngx_http_wix_auth_budget_spend(ngx_http_wix_auth_slot(zone, key),
                                        NGX_HTTP_WIX_AUTH_BUDGET_REFRESH,
                                        NGX_HTTP_WIX_AUTH_REFRESH_RATE,
                                        NGX_HTTP_WIX_AUTH_SECOND, &left))
    {
        rc = NGX_BUSY;

        rn = ngx_http_wix_auth_zone_find(zone->sh, id);

        if (rn) {
            rn->retry_at = ngx_current_msec
                           + NGX_HTTP_WIX_AUTH_SECOND * 3 / 4
                           + (ngx_msec_t) ngx_random()
                             % (NGX_HTTP_WIX_AUTH_SECOND / 2);
        }
    }

    ngx_shmtx_unlock(&zone->shpool->mutex);

    return rc;
}


void
ngx_http_wix_auth_budget_pause(ngx_shm_zone_t *shm_zone, u_char client[16],
    ngx_int_t retry_after)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    uint64_t                     key;
    ngx_msec_t                   time;
    ngx_uint_t                   paused;
    ngx_http_wix_auth_client_t  *cl;

    key = ngx_http_wix_auth_slot_key(zone, client);

    ngx_shmtx_lock(&zone->shpool->mutex);

    cl = ngx_http_wix_auth_slot(zone, key);

    paused = (ngx_http_wix_auth_slot_pause(cl) != 0);

    if (retry_after > 0) {
        time = ngx_min(retry_after, NGX_HTTP_WIX_AUTH_PAUSE_MAX);

    } else {

        if (cl->step == 0
            || ngx_http_wix_auth_counter_elapsed(cl->last)
               >= NGX_HTTP_WIX_AUTH_SLOT_MEMORY)
        {
            cl->step = 1;

        } else if (!paused) {
            cl->step = ngx_min(cl->step * 2, NGX_HTTP_WIX_AUTH_PAUSE);
        }

        time = cl->step;
    }

    cl->last = ngx_current_msec;

    /* calls that were under way do not lengthen our own pause, nor double it,
       and none shortens what Wix has asked for */

    if (!paused
        || (retry_after > 0
            && (ngx_msec_int_t) (ngx_current_msec + time * 1000 - cl->until)
               > 0))
    {
        cl->until = ngx_current_msec + time * 1000;
    }

    ngx_shmtx_unlock(&zone->shpool->mutex);
}


ngx_int_t
ngx_http_wix_auth_budget_paused(ngx_shm_zone_t *shm_zone, u_char client[16])
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    uint64_t    key;
    ngx_msec_t  left;

    key = ngx_http_wix_auth_slot_key(zone, client);

    ngx_shmtx_lock(&zone->shpool->mutex);

    left = ngx_http_wix_auth_slot_pause(ngx_http_wix_auth_slot(zone, key));

    ngx_shmtx_unlock(&zone->shpool->mutex);

    return left ? (ngx_int_t) ngx_http_wix_auth_counter_seconds(left) : 0;
}


/* slots never become free again, so that a search may end at the first free
   one */

ngx_http_wix_auth_client_t *
ngx_http_wix_auth_slot(ngx_http_wix_auth_zone_t *zone, uint64_t key)
{
    ngx_uint_t                   i;
    ngx_http_wix_auth_client_t  *clients, *cl, *idle;

    clients = zone->sh->clients;
    idle = NULL;

    for (i = 0; i < NGX_HTTP_WIX_AUTH_CLIENTS; i++) {
        cl = &clients[(key + i) & (NGX_HTTP_WIX_AUTH_CLIENTS - 1)];

        if (cl->key == key) {
            return cl;
        }

        if (cl->key == 0) {
            idle = cl;
            break;
        }

        if (idle == NULL && ngx_http_wix_auth_slot_idle(cl)) {
            idle = cl;
        }
    }

    if (idle == NULL) {
        return &clients[key & (NGX_HTTP_WIX_AUTH_CLIENTS - 1)];
    }

    ngx_memzero(idle, sizeof(ngx_http_wix_auth_client_t));
    idle->key = key;

    return idle;
}


static ngx_uint_t
ngx_http_wix_auth_slot_idle(ngx_http_wix_auth_client_t *cl)
{
    ngx_uint_t                    i;
    ngx_http_wix_auth_breaker_t  *b;

    for (i = 0; i < NGX_HTTP_WIX_AUTH_BUDGETS; i++) {
        if (cl->n[i]
            && ngx_http_wix_auth_counter_elapsed(cl->start[i])
               < NGX_HTTP_WIX_AUTH_MINUTE)
        {
            return 0;
        }
    }

    for (i = 0; i < NGX_HTTP_WIX_AUTH_CLASSES; i++) {
        b = &cl->breakers[i];

        /* that of a client that is gone from the configuration stays open */

        if (b->state != NGX_HTTP_WIX_AUTH_BREAKER_CLOSED
            && (ngx_msec_int_t) (ngx_current_msec - b->until)
               < NGX_HTTP_WIX_AUTH_SLOT_MEMORY)
        {
            return 0;
        }
    }

    if (cl->step && ngx_http_wix_auth_counter_elapsed(cl->last)
                    < NGX_HTTP_WIX_AUTH_SLOT_MEMORY)
    {
        return 0;
    }

    return ngx_http_wix_auth_slot_pause(cl) == 0;
}


/* milliseconds that a pause goes on */

static ngx_msec_t
ngx_http_wix_auth_slot_pause(ngx_http_wix_auth_client_t *cl)
{
    ngx_msec_int_t  left;

    left = (ngx_msec_int_t) (cl->until - ngx_current_msec);

    /* until is 0 when there was none, and the clock may run over */

    if (left <= 0 || left / 1000 > NGX_HTTP_WIX_AUTH_PAUSE_MAX) {
        return 0;
    }

    return (ngx_msec_t) left;
}
