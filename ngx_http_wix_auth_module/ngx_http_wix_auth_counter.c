
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_budget.h"


#define NGX_HTTP_WIX_AUTH_WAYS         4
#define NGX_HTTP_WIX_AUTH_SETS_MIN     16
#define NGX_HTTP_WIX_AUTH_COUNTER_PART 64      /* of the zone */


struct ngx_http_wix_auth_counter_s {
    uint64_t     key;                          /* 0: free */
    ngx_msec_t   start;
    uint32_t     time;                         /* of the window, s */
    uint32_t     n;
};


static ngx_http_wix_auth_counter_t *ngx_http_wix_auth_counter_set(
    ngx_http_wix_auth_zone_sh_t *sh, uint64_t key);
static ngx_http_wix_auth_counter_t *ngx_http_wix_auth_counter_find(
    ngx_http_wix_auth_zone_sh_t *sh, uint64_t key);
static ngx_http_wix_auth_counter_t *ngx_http_wix_auth_counter_new(
    ngx_http_wix_auth_zone_sh_t *sh, uint64_t key);
static ngx_msec_t ngx_http_wix_auth_counter_left(
    ngx_http_wix_auth_counter_t *c);


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

    if (sh->counters == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_wix_auth_slots_create(zone);
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

        if (c->key == 0 || c->n <= from->n) {
            *c = *from;
        }
    }

    ngx_http_wix_auth_slots_move(sh, old);
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
ngx_http_wix_auth_counter_give(ngx_shm_zone_t *shm_zone, ngx_uint_t kind,
    ngx_str_t *key)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    uint64_t                      hash;
    ngx_http_wix_auth_counter_t  *c;

    hash = ngx_http_wix_auth_counter_key(zone, kind, key);

    ngx_shmtx_lock(&zone->shpool->mutex);

    c = ngx_http_wix_auth_counter_find(zone->sh, hash);

    /* what counts nothing keeps no place */

    if (c && c->n && --c->n == 0) {
        ngx_memzero(c, sizeof(ngx_http_wix_auth_counter_t));
    }

    ngx_shmtx_unlock(&zone->shpool->mutex);
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

uint64_t
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


/*
 * Where a new one goes: its own old place, or one that is free or over, or
 * that of the lowest count, and of several the oldest: what has run into a
 * limit above one is not pushed out by a flood of others.  A key has one place
 * at most.
 */

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
            || set[i].n < place->n
            || (set[i].n == place->n
                && ngx_http_wix_auth_counter_elapsed(set[i].start)
                   > ngx_http_wix_auth_counter_elapsed(place->start)))
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

ngx_msec_t
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


time_t
ngx_http_wix_auth_counter_seconds(ngx_msec_t left)
{
    return (left > 1000) ? (time_t) ((left + 999) / 1000) : 1;
}
