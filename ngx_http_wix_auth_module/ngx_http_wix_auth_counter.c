
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_counter.h"
#include "ngx_http_wix_auth_zone.h"


#define NGX_HTTP_WIX_AUTH_WAYS         4
#define NGX_HTTP_WIX_AUTH_SETS_MIN     16
#define NGX_HTTP_WIX_AUTH_COUNTER_PART 64      /* of the zone */

#define NGX_HTTP_WIX_AUTH_CLIENTS      32      /* slots, a power of two */

#define NGX_HTTP_WIX_AUTH_MINUTE       60000   /* the window of a budget */
#define NGX_HTTP_WIX_AUTH_PAUSE        60      /* s, the longest of our own */
#define NGX_HTTP_WIX_AUTH_PAUSE_MAX    300     /* s, of what Wix asks for */
#define NGX_HTTP_WIX_AUTH_PAUSE_MEMORY 120000  /* doubles within this */


struct ngx_http_wix_auth_counter_s {
    uint64_t     key;                          /* 0: free */
    ngx_msec_t   start;
    uint32_t     time;                         /* of the window, s */
    uint32_t     n;
};


/* a slot; all of them fit into a page */

struct ngx_http_wix_auth_client_s {
    uint64_t     key;                          /* 0: free */
    ngx_msec_t   start[NGX_HTTP_WIX_AUTH_BUDGETS];
    uint32_t     n[NGX_HTTP_WIX_AUTH_BUDGETS];
    uint32_t     step;                         /* s, the last pause of ours */
    ngx_msec_t   until;                        /* end of the pause */
    ngx_msec_t   last;                         /* time of the last 429 */
};


static uint64_t ngx_http_wix_auth_counter_key(ngx_http_wix_auth_zone_t *zone,
    ngx_uint_t kind, ngx_str_t *key);
static ngx_http_wix_auth_counter_t *ngx_http_wix_auth_counter_set(
    ngx_http_wix_auth_zone_sh_t *sh, uint64_t key);
static ngx_http_wix_auth_counter_t *ngx_http_wix_auth_counter_find(
    ngx_http_wix_auth_zone_sh_t *sh, uint64_t key);
static ngx_http_wix_auth_counter_t *ngx_http_wix_auth_counter_new(
    ngx_http_wix_auth_zone_sh_t *sh, uint64_t key);
static ngx_msec_t ngx_http_wix_auth_counter_elapsed(ngx_msec_t start);
static ngx_msec_t ngx_http_wix_auth_counter_left(
    ngx_http_wix_auth_counter_t *c);
static time_t ngx_http_wix_auth_counter_seconds(ngx_msec_t left);
static ngx_http_wix_auth_client_t *ngx_http_wix_auth_client(
    ngx_http_wix_auth_zone_t *zone, uint64_t key);
static ngx_uint_t ngx_http_wix_auth_client_idle(
    ngx_http_wix_auth_client_t *cl);
static ngx_msec_t ngx_http_wix_auth_client_pause(
    ngx_http_wix_auth_client_t *cl);


ngx_int_t
ngx_http_wix_auth_counter_create(ngx_http_wix_auth_zone_t *zone, size_t size)
{
    size_t                        room;
    ngx_uint_t                    sets;
    ngx_http_wix_auth_zone_sh_t  *sh;

    sh = zone->sh;

    room = size / NGX_HTTP_WIX_AUTH_COUNTER_PART;
    sets = NGX_HTTP_WIX_AUTH_SETS_MIN;

    while (sets * 2 * NGX_HTTP_WIX_AUTH_WAYS
           * sizeof(ngx_http_wix_auth_counter_t) <= room)
    {
        sets *= 2;
    }

    sh->sets = sets;

    sh->counters = ngx_slab_calloc(zone->shpool,
                                   sets * NGX_HTTP_WIX_AUTH_WAYS
                                   * sizeof(ngx_http_wix_auth_counter_t));

    sh->clients = ngx_slab_calloc(zone->shpool,
                                  NGX_HTTP_WIX_AUTH_CLIENTS
                                  * sizeof(ngx_http_wix_auth_client_t));

    return (sh->counters && sh->clients) ? NGX_OK : NGX_ERROR;
}


void
ngx_http_wix_auth_counter_move(ngx_http_wix_auth_zone_sh_t *sh,
    ngx_http_wix_auth_zone_sh_t *old)
{
    ngx_uint_t                    i;
    ngx_http_wix_auth_counter_t  *c, *from;

    for (i = 0; i < old->sets * NGX_HTTP_WIX_AUTH_WAYS; i++) {
        from = &old->counters[i];

        if (from->key == 0 || ngx_http_wix_auth_counter_left(from) == 0) {
            continue;
        }

        c = ngx_http_wix_auth_counter_new(sh, from->key);

        if (c->key == 0
            || ngx_http_wix_auth_counter_elapsed(c->start)
               > ngx_http_wix_auth_counter_elapsed(from->start))
        {
            *c = *from;
        }
    }

    ngx_memcpy(sh->clients, old->clients,
               NGX_HTTP_WIX_AUTH_CLIENTS * sizeof(ngx_http_wix_auth_client_t));
}


ngx_int_t
ngx_http_wix_auth_counter_take(ngx_shm_zone_t *shm_zone, ngx_uint_t kind,
    ngx_str_t *key, ngx_uint_t limit, time_t time, time_t *left)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    uint64_t                      hash;
    ngx_int_t                     rc;
    ngx_http_wix_auth_counter_t  *c;

    hash = ngx_http_wix_auth_counter_key(zone, kind, key);

    ngx_shmtx_lock(&zone->shpool->mutex);

    c = ngx_http_wix_auth_counter_find(zone->sh, hash);

    if (c == NULL) {
        c = ngx_http_wix_auth_counter_new(zone->sh, hash);

        c->key = hash;
        c->start = ngx_current_msec;
        c->time = (uint32_t) time;
        c->n = 0;
    }

    if (c->n < limit) {
        c->n++;
        rc = NGX_OK;

    } else {
        rc = NGX_BUSY;
    }

    *left = ngx_http_wix_auth_counter_seconds(
                                          ngx_http_wix_auth_counter_left(c));

    ngx_shmtx_unlock(&zone->shpool->mutex);

    return rc;
}


ngx_uint_t
ngx_http_wix_auth_counter_get(ngx_shm_zone_t *shm_zone, ngx_uint_t kind,
    ngx_str_t *key, time_t *left)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    uint64_t                      hash;
    ngx_uint_t                    n;
    ngx_http_wix_auth_counter_t  *c;

    n = 0;
    *left = 0;

    hash = ngx_http_wix_auth_counter_key(zone, kind, key);

    ngx_shmtx_lock(&zone->shpool->mutex);

    c = ngx_http_wix_auth_counter_find(zone->sh, hash);

    if (c) {
        n = c->n;
        *left = ngx_http_wix_auth_counter_seconds(
                                          ngx_http_wix_auth_counter_left(c));
    }

    ngx_shmtx_unlock(&zone->shpool->mutex);

    return n;
}


void
ngx_http_wix_auth_counter_clear(ngx_shm_zone_t *shm_zone, ngx_uint_t kind,
    ngx_str_t *key)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    uint64_t                      hash;
    ngx_http_wix_auth_counter_t  *c;

    hash = ngx_http_wix_auth_counter_key(zone, kind, key);

    ngx_shmtx_lock(&zone->shpool->mutex);

    c = ngx_http_wix_auth_counter_find(zone->sh, hash);

    if (c) {
        ngx_memzero(c, sizeof(ngx_http_wix_auth_counter_t));
    }

    ngx_shmtx_unlock(&zone->shpool->mutex);
}


/* 64 bits of a keyed hash: nobody can aim at a set, or at a counter */

static uint64_t
ngx_http_wix_auth_counter_key(ngx_http_wix_auth_zone_t *zone, ngx_uint_t kind,
    ngx_str_t *key)
{
    u_char    text[17], hash[16];
    uint64_t  n;

    text[0] = (u_char) kind;

    ngx_http_wix_auth_siphash(zone->hash_key, key->data, key->len, text + 1);
    ngx_http_wix_auth_siphash(zone->hash_key, text, sizeof(text), hash);

    ngx_memcpy(&n, hash, sizeof(uint64_t));

    return n ? n : 1;
}


static ngx_http_wix_auth_counter_t *
ngx_http_wix_auth_counter_set(ngx_http_wix_auth_zone_sh_t *sh, uint64_t key)
{
    return &sh->counters[(key & (sh->sets - 1)) * NGX_HTTP_WIX_AUTH_WAYS];
}


static ngx_http_wix_auth_counter_t *
ngx_http_wix_auth_counter_find(ngx_http_wix_auth_zone_sh_t *sh, uint64_t key)
{
    ngx_uint_t                    i;
    ngx_http_wix_auth_counter_t  *set;

    set = ngx_http_wix_auth_counter_set(sh, key);

    for (i = 0; i < NGX_HTTP_WIX_AUTH_WAYS; i++) {
        if (set[i].key == key && ngx_http_wix_auth_counter_left(&set[i])) {
            return &set[i];
        }
    }

    return NULL;
}


/* where a new one goes: its own old place, or one that is free or over, or
   that of the oldest; a key has one place at most */

static ngx_http_wix_auth_counter_t *
ngx_http_wix_auth_counter_new(ngx_http_wix_auth_zone_sh_t *sh, uint64_t key)
{
    ngx_uint_t                    i;
    ngx_http_wix_auth_counter_t  *set, *place;

    set = ngx_http_wix_auth_counter_set(sh, key);
    place = &set[0];

    for (i = 0; i < NGX_HTTP_WIX_AUTH_WAYS; i++) {

        if (set[i].key == key) {
            return &set[i];
        }

        if (set[i].key && ngx_http_wix_auth_counter_left(&set[i]) == 0) {
            set[i].key = 0;
        }

        if (place->key == 0) {
            continue;
        }

        if (set[i].key == 0
            || ngx_http_wix_auth_counter_elapsed(set[i].start)
               > ngx_http_wix_auth_counter_elapsed(place->start))
        {
            place = &set[i];
        }
    }

    return place;
}


/*
 * Workers read the clock at different moments, so a start may lie a little
 * ahead.  Where it lies far ahead the clock has run over.
 */

static ngx_msec_t
ngx_http_wix_auth_counter_elapsed(ngx_msec_t start)
{
    ngx_msec_int_t  elapsed;

    elapsed = (ngx_msec_int_t) (ngx_current_msec - start);

    return (elapsed >= 0 || elapsed < -NGX_HTTP_WIX_AUTH_MINUTE)
           ? (ngx_msec_t) elapsed : 0;
}


static ngx_msec_t
ngx_http_wix_auth_counter_left(ngx_http_wix_auth_counter_t *c)
{
    ngx_msec_t  elapsed, time;

    elapsed = ngx_http_wix_auth_counter_elapsed(c->start);
    time = (ngx_msec_t) c->time * 1000;

    return (elapsed < time) ? time - elapsed : 0;
}


static time_t
ngx_http_wix_auth_counter_seconds(ngx_msec_t left)
{
    return (left > 1000) ? (time_t) ((left + 999) / 1000) : 1;
}


ngx_int_t
ngx_http_wix_auth_budget_take(ngx_shm_zone_t *shm_zone, u_char client[16],
    ngx_uint_t kind, ngx_uint_t rate, ngx_int_t *retry_after)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    uint64_t                     key;
    ngx_int_t                    rc;
    ngx_str_t                    id;
    ngx_msec_t                   left, elapsed;
    ngx_http_wix_auth_client_t  *cl;

    id.data = client;
    id.len = 16;

    key = ngx_http_wix_auth_counter_key(zone, 0, &id);

    rc = NGX_BUSY;

    ngx_shmtx_lock(&zone->shpool->mutex);

    cl = ngx_http_wix_auth_client(zone, key);

    left = (kind == NGX_HTTP_WIX_AUTH_BUDGET_RECOVER)
           ? 0 : ngx_http_wix_auth_client_pause(cl);

    if (left == 0) {
        elapsed = ngx_http_wix_auth_counter_elapsed(cl->start[kind]);

        if (cl->n[kind] == 0 || elapsed >= NGX_HTTP_WIX_AUTH_MINUTE) {
            cl->start[kind] = ngx_current_msec;
            cl->n[kind] = 0;
            elapsed = 0;
        }

        left = NGX_HTTP_WIX_AUTH_MINUTE - elapsed;

        if (cl->n[kind] < rate) {
            cl->n[kind]++;
            rc = NGX_OK;
        }
    }

    ngx_shmtx_unlock(&zone->shpool->mutex);

    *retry_after = (ngx_int_t) ngx_http_wix_auth_counter_seconds(left);

    return rc;
}


void
ngx_http_wix_auth_budget_pause(ngx_shm_zone_t *shm_zone, u_char client[16],
    ngx_int_t retry_after)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    uint64_t                     key;
    ngx_str_t                    id;
    ngx_msec_t                   time;
    ngx_uint_t                   paused;
    ngx_http_wix_auth_client_t  *cl;

    id.data = client;
    id.len = 16;

    key = ngx_http_wix_auth_counter_key(zone, 0, &id);

    ngx_shmtx_lock(&zone->shpool->mutex);

    cl = ngx_http_wix_auth_client(zone, key);

    paused = (ngx_http_wix_auth_client_pause(cl) != 0);

    if (retry_after > 0) {
        time = ngx_min(retry_after, NGX_HTTP_WIX_AUTH_PAUSE_MAX);

    } else {

        if (cl->step == 0
            || ngx_http_wix_auth_counter_elapsed(cl->last)
               >= NGX_HTTP_WIX_AUTH_PAUSE_MEMORY)
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
    ngx_str_t   id;
    ngx_msec_t  left;

    id.data = client;
    id.len = 16;

    key = ngx_http_wix_auth_counter_key(zone, 0, &id);

    ngx_shmtx_lock(&zone->shpool->mutex);

    left = ngx_http_wix_auth_client_pause(ngx_http_wix_auth_client(zone, key));

    ngx_shmtx_unlock(&zone->shpool->mutex);

    return left ? (ngx_int_t) ngx_http_wix_auth_counter_seconds(left) : 0;
}


/*
 * The client's own slot, else one that nothing hangs on any more, else that
 * of another, which they then share.  Slots never become free again, so that
 * a search may end at the first free one.
 */

static ngx_http_wix_auth_client_t *
ngx_http_wix_auth_client(ngx_http_wix_auth_zone_t *zone, uint64_t key)
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

        if (idle == NULL && ngx_http_wix_auth_client_idle(cl)) {
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
ngx_http_wix_auth_client_idle(ngx_http_wix_auth_client_t *cl)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_WIX_AUTH_BUDGETS; i++) {
        if (cl->n[i]
            && ngx_http_wix_auth_counter_elapsed(cl->start[i])
               < NGX_HTTP_WIX_AUTH_MINUTE)
        {
            return 0;
        }
    }

    if (cl->step && ngx_http_wix_auth_counter_elapsed(cl->last)
                    < NGX_HTTP_WIX_AUTH_PAUSE_MEMORY)
    {
        return 0;
    }

    return ngx_http_wix_auth_client_pause(cl) == 0;
}


/* milliseconds that a pause goes on */

static ngx_msec_t
ngx_http_wix_auth_client_pause(ngx_http_wix_auth_client_t *cl)
{
    ngx_msec_int_t  left;

    left = (ngx_msec_int_t) (cl->until - ngx_current_msec);

    /* until is 0 when there was none, and the clock may run over */

    if (left <= 0 || left / 1000 > NGX_HTTP_WIX_AUTH_PAUSE_MAX) {
        return 0;
    }

    return (ngx_msec_t) left;
}
