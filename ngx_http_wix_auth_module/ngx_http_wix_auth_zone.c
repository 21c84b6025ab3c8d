
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include <sys/mman.h>

#include "ngx_http_wix_auth_reason.h"
#include "ngx_http_wix_auth_state.h"
#include "ngx_http_wix_auth_zone.h"


#define NGX_HTTP_WIX_AUTH_BUCKET_PART  2048    /* of the zone, for a bucket */


static ngx_int_t ngx_http_wix_auth_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_wix_auth_zone_create(ngx_shm_zone_t *shm_zone);
static ngx_int_t ngx_http_wix_auth_zone_table(ngx_shm_zone_t *shm_zone);
static ngx_http_wix_auth_record_node_t **ngx_http_wix_auth_zone_bucket(
    ngx_http_wix_auth_zone_sh_t *sh, u_char id[16]);
static void ngx_http_wix_auth_zone_unlink(ngx_http_wix_auth_zone_sh_t *sh,
    ngx_http_wix_auth_record_node_t *rn);
static ngx_int_t ngx_http_wix_auth_zone_evict(ngx_http_wix_auth_zone_t *zone,
    ngx_uint_t kind, time_t now);
static ngx_int_t ngx_http_wix_auth_zone_evict_expired(
    ngx_http_wix_auth_zone_t *zone, ngx_queue_t *age, time_t now);
static ngx_int_t ngx_http_wix_auth_zone_evict_live(
    ngx_http_wix_auth_zone_t *zone, ngx_queue_t *lru);


ngx_shm_zone_t *
ngx_http_wix_auth_zone_add(ngx_conf_t *cf, ngx_str_t *name, size_t size,
    void *tag)
{
    ngx_shm_zone_t            *shm_zone;
    ngx_http_wix_auth_zone_t  *zone;

    shm_zone = ngx_shared_memory_add(cf, name, size, tag);
    if (shm_zone == NULL) {
        return NULL;
    }

    if (shm_zone->data) {
        return shm_zone;
    }

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_http_wix_auth_zone_t));
    if (zone == NULL) {
        return NULL;
    }

    shm_zone->init = ngx_http_wix_auth_zone_init;
    shm_zone->data = zone;

    return shm_zone;
}


static ngx_int_t
ngx_http_wix_auth_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_wix_auth_zone_t  *ozone = data;

    ngx_http_wix_auth_zone_t  *zone;

    zone = shm_zone->data;

    if (ozone) {
        zone->sh = ozone->sh;
        zone->shpool = ozone->shpool;
        ngx_memcpy(zone->hash_key, ozone->hash_key, 16);
        return NGX_OK;
    }

    zone->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (shm_zone->shm.exists) {
        zone->sh = zone->shpool->data;
        ngx_memcpy(zone->hash_key, zone->sh->hash_key, 16);
        return NGX_OK;
    }

    if (ngx_http_wix_auth_zone_create(shm_zone) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!ngx_test_config
        && ngx_http_wix_auth_zone_resize(shm_zone) == NGX_DECLINED)
    {
        ngx_http_wix_auth_state_fresh(shm_zone);
    }

    ngx_memcpy(zone->hash_key, zone->sh->hash_key, 16);

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_zone_create(ngx_shm_zone_t *shm_zone)
{
    size_t                        len;
    ngx_uint_t                    i;
    ngx_http_wix_auth_zone_t     *zone;
    ngx_http_wix_auth_zone_sh_t  *sh;

    zone = shm_zone->data;

    /* tokens do not belong into a core dump; older kernels may refuse */
    (void) madvise(shm_zone->shm.addr, shm_zone->shm.size, MADV_DONTDUMP);

    sh = ngx_slab_calloc(zone->shpool, sizeof(ngx_http_wix_auth_zone_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    zone->sh = sh;
    zone->shpool->data = sh;

    ngx_queue_init(&sh->members);
    ngx_queue_init(&sh->guests);
    ngx_queue_init(&sh->ended);

    for (i = 0; i < NGX_HTTP_WIX_AUTH_KINDS; i++) {
        ngx_queue_init(&sh->age[i]);
    }

    if (ngx_http_wix_auth_random(sh->hash_key, 16) != NGX_OK
        || ngx_http_wix_auth_random(sh->secret, 32) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* while all pages are free: tables want some that follow each other */

    if (ngx_http_wix_auth_zone_table(shm_zone) != NGX_OK
        || ngx_http_wix_auth_counter_create(zone, shm_zone->shm.size)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    len = sizeof(" in wix_auth zone \"\"") + shm_zone->shm.name.len;

    zone->shpool->log_ctx = ngx_slab_alloc(zone->shpool, len);
    if (zone->shpool->log_ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(zone->shpool->log_ctx, " in wix_auth zone \"%V\"%Z",
                &shm_zone->shm.name);

    /* takes all that is left */
    return ngx_http_wix_auth_blocks_create(zone);
}


ngx_http_wix_auth_ring_t *
ngx_http_wix_auth_zone_ring(ngx_shm_zone_t *shm_zone)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    ngx_http_wix_auth_ring_t  *ring;

    if (zone->ring) {
        return zone->ring;
    }

    ring = ngx_pcalloc(ngx_cycle->pool, sizeof(ngx_http_wix_auth_ring_t));
    if (ring == NULL) {
        return NULL;
    }

    /* the secret never changes while the zone lives: no lock */

    if (ngx_http_wix_auth_ring_add(ring, zone->sh->secret, 32) != NGX_OK) {
        return NULL;
    }

    zone->ring = ring;

    return ring;
}


/* a bucket for each record that the zone may hold, more or less */

static ngx_int_t
ngx_http_wix_auth_zone_table(ngx_shm_zone_t *shm_zone)
{
    size_t                        n;
    ngx_uint_t                    bits;
    ngx_http_wix_auth_zone_t     *zone;
    ngx_http_wix_auth_zone_sh_t  *sh;

    zone = shm_zone->data;
    sh = zone->sh;

    n = shm_zone->shm.size / NGX_HTTP_WIX_AUTH_BUCKET_PART;

    for (bits = 1; n > 3 && bits < 8 * sizeof(uint32_t) - 1; bits++) {
        n /= 2;
    }

    sh->nbuckets = (ngx_uint_t) 1 << bits;
    sh->shift = 8 * sizeof(ngx_uint_t) - bits;

    sh->buckets = ngx_slab_calloc(zone->shpool, sh->nbuckets
                                  * sizeof(ngx_http_wix_auth_record_node_t *));

    return sh->buckets ? NGX_OK : NGX_ERROR;
}


ngx_http_wix_auth_record_node_t *
ngx_http_wix_auth_zone_find(ngx_http_wix_auth_zone_sh_t *sh, u_char id[16])
{
    ngx_http_wix_auth_record_node_t  *rn;

    for (rn = *ngx_http_wix_auth_zone_bucket(sh, id); rn; rn = rn->chain) {
        if (ngx_memcmp(rn->id, id, 16) == 0) {
            break;
        }
    }

    return rn;
}


/*
 * Buckets are in the order of the ids' first bytes, and their chains in that
 * of the ids, so that who saves all records can go on where it was.
 */

ngx_http_wix_auth_record_node_t *
ngx_http_wix_auth_zone_next(ngx_http_wix_auth_zone_sh_t *sh, u_char id[16],
    ngx_uint_t *left)
{
    ngx_uint_t                         key, i;
    ngx_http_wix_auth_record_node_t  *rn, **bucket, **last;

    bucket = ngx_http_wix_auth_zone_bucket(sh, id);
    last = sh->buckets + sh->nbuckets;

    for (rn = *bucket; rn; rn = rn->chain) {
        if (ngx_memcmp(rn->id, id, 16) > 0) {
            return rn;
        }
    }

    while (++bucket < last && *bucket == NULL) {

        if (--*left) {
            continue;
        }

        /* the least id of this bucket */

        key = (ngx_uint_t) (bucket - sh->buckets) << sh->shift;

        ngx_memzero(id, 16);

        for (i = 0; i < sizeof(ngx_uint_t); i++) {
            id[i] = (u_char) (key >> (8 * (sizeof(ngx_uint_t) - 1 - i)));
        }

        return NULL;
    }

    return (bucket < last) ? *bucket : NULL;
}


void
ngx_http_wix_auth_zone_link(ngx_http_wix_auth_zone_sh_t *sh,
    ngx_http_wix_auth_record_node_t *rn)
{
    ngx_http_wix_auth_record_node_t  **p;

    p = ngx_http_wix_auth_zone_bucket(sh, rn->id);

    while (*p && ngx_memcmp((*p)->id, rn->id, 16) < 0) {
        p = &(*p)->chain;
    }

    rn->chain = *p;
    *p = rn;
}


static void
ngx_http_wix_auth_zone_unlink(ngx_http_wix_auth_zone_sh_t *sh,
    ngx_http_wix_auth_record_node_t *rn)
{
    ngx_http_wix_auth_record_node_t  **p;

    p = ngx_http_wix_auth_zone_bucket(sh, rn->id);

    while (*p != rn) {
        p = &(*p)->chain;
    }

    *p = rn->chain;
}


/* the id is a keyed hash: nobody can aim at a bucket */

static ngx_http_wix_auth_record_node_t **
ngx_http_wix_auth_zone_bucket(ngx_http_wix_auth_zone_sh_t *sh, u_char id[16])
{
    ngx_uint_t  key;

#if (NGX_PTR_SIZE == 8)
    key = (ngx_uint_t) id[0] << 56 | (ngx_uint_t) id[1] << 48
          | (ngx_uint_t) id[2] << 40 | (ngx_uint_t) id[3] << 32
          | (ngx_uint_t) id[4] << 24 | (ngx_uint_t) id[5] << 16
          | (ngx_uint_t) id[6] << 8 | (ngx_uint_t) id[7];
#else
    key = (ngx_uint_t) id[0] << 24 | (ngx_uint_t) id[1] << 16
          | (ngx_uint_t) id[2] << 8 | (ngx_uint_t) id[3];
#endif

    return &sh->buckets[key >> sh->shift];
}


/*
 * What was moved a short while ago stays where it is, so that most hits write
 * to no record but their own.  The order is that of the last use all the same,
 * but for a 64th of the age of the oldest.
 */

void
ngx_http_wix_auth_zone_used(ngx_http_wix_auth_zone_sh_t *sh,
    ngx_http_wix_auth_record_node_t *rn, time_t now)
{
    ngx_queue_t                      *lru;
    ngx_http_wix_auth_record_node_t  *oldest;

    rn->seen = now;

    /* a state file does not have verdicts */
    sh->touches += (rn->kind != NGX_HTTP_WIX_AUTH_KIND_BEARER);

    lru = ngx_http_wix_auth_zone_lru(sh, rn->kind);
    oldest = ngx_queue_data(ngx_queue_last(lru),
                            ngx_http_wix_auth_record_node_t, lru);

    if (now - rn->moved <= (now - oldest->moved) / 64) {
        return;
    }

    rn->moved = now;

    ngx_queue_remove(&rn->lru);
    ngx_queue_insert_head(lru, &rn->lru);
}


ngx_queue_t *
ngx_http_wix_auth_zone_lru(ngx_http_wix_auth_zone_sh_t *sh, ngx_uint_t kind)
{
    return (kind == NGX_HTTP_WIX_AUTH_KIND_MEMBER) ? &sh->members
                                                   : &sh->guests;
}


ngx_uint_t
ngx_http_wix_auth_record_leased(ngx_http_wix_auth_record_node_t *rn,
    ngx_msec_t now)
{
    return rn->lease != 0 && (ngx_msec_int_t) (rn->lease_until - now) > 0;
}


ngx_int_t
ngx_http_wix_auth_zone_room(ngx_http_wix_auth_zone_t *zone, ngx_uint_t kind,
    ngx_uint_t n, time_t now)
{
    /* each eviction gives one block or more */

    while (ngx_http_wix_auth_blocks_left(zone->sh) < n) {
        if (ngx_http_wix_auth_zone_evict(zone, kind, now) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * Makes room: what has expired goes first, then tombstones, then the least
 * recently used visitor or verdict, and at last, but for a member only, a
 * member; never a session whose refresh is in flight.
 */

static ngx_int_t
ngx_http_wix_auth_zone_evict(ngx_http_wix_auth_zone_t *zone, ngx_uint_t kind,
    time_t now)
{
    ngx_uint_t                        i;
    ngx_queue_t                      *q;
    ngx_http_wix_auth_zone_sh_t      *sh;
    ngx_http_wix_auth_record_node_t  *rn;

    sh = zone->sh;

    for (i = 0; i < NGX_HTTP_WIX_AUTH_KINDS; i++) {
        if (ngx_http_wix_auth_zone_evict_expired(zone, &sh->age[i], now)
            == NGX_OK)
        {
            return NGX_OK;
        }
    }

    if (!ngx_queue_empty(&sh->ended)) {
        q = ngx_queue_last(&sh->ended);
        rn = ngx_queue_data(q, ngx_http_wix_auth_record_node_t, lru);

        ngx_http_wix_auth_zone_delete(zone, rn);
        return NGX_OK;
    }

    if (ngx_http_wix_auth_zone_evict_live(zone, &sh->guests) == NGX_OK) {
        return NGX_OK;
    }

    if (kind != NGX_HTTP_WIX_AUTH_KIND_MEMBER) {
        return NGX_ERROR;
    }

    return ngx_http_wix_auth_zone_evict_live(zone, &sh->members);
}


static ngx_int_t
ngx_http_wix_auth_zone_evict_expired(ngx_http_wix_auth_zone_t *zone,
    ngx_queue_t *age, time_t now)
{
    ngx_uint_t                        i;
    ngx_queue_t                      *q;
    ngx_http_wix_auth_record_node_t  *rn;

    for (q = ngx_queue_last(age), i = 0;
         q != ngx_queue_sentinel(age) && i < NGX_HTTP_WIX_AUTH_EVICT_MAX;
         q = ngx_queue_prev(q), i++)
    {
        rn = ngx_queue_data(q, ngx_http_wix_auth_record_node_t, age);

        if (now >= rn->expires
            && !ngx_http_wix_auth_record_leased(rn, ngx_current_msec))
        {
            ngx_http_wix_auth_zone_delete(zone, rn);
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_wix_auth_zone_evict_live(ngx_http_wix_auth_zone_t *zone,
    ngx_queue_t *lru)
{
    ngx_uint_t                        i;
    ngx_queue_t                      *q;
    ngx_http_wix_auth_record_node_t  *rn;

    for (q = ngx_queue_last(lru), i = 0;
         q != ngx_queue_sentinel(lru) && i < NGX_HTTP_WIX_AUTH_EVICT_MAX;
         q = ngx_queue_prev(q), i++)
    {
        rn = ngx_queue_data(q, ngx_http_wix_auth_record_node_t, lru);

        if (!ngx_http_wix_auth_record_leased(rn, ngx_current_msec)) {
            zone->sh->evicted[rn->kind]++;
            ngx_http_wix_auth_zone_delete(zone, rn);
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}


void
ngx_http_wix_auth_zone_delete(ngx_http_wix_auth_zone_t *zone,
    ngx_http_wix_auth_record_node_t *rn)
{
    ngx_http_wix_auth_zone_changed(zone->sh, rn->kind);

    ngx_http_wix_auth_zone_unlink(zone->sh, rn);
    ngx_queue_remove(&rn->lru);

    if (rn->reason) {
        zone->sh->tombstones--;

    } else {
        ngx_queue_remove(&rn->age);
        zone->sh->live[rn->kind]--;
    }

    ngx_http_wix_auth_record_give(zone->sh, rn);
}


/* a little of the housekeeping with each new session, as limit_req does */

void
ngx_http_wix_auth_zone_expire(ngx_http_wix_auth_zone_t *zone, time_t now)
{
    ngx_uint_t                        i, kind;
    ngx_queue_t                      *q, *age;
    ngx_http_wix_auth_record_node_t  *rn;

    for (kind = 0; kind < NGX_HTTP_WIX_AUTH_KINDS; kind++) {
        age = &zone->sh->age[kind];

        for (i = 0; i < 2 && !ngx_queue_empty(age); i++) {
            q = ngx_queue_last(age);
            rn = ngx_queue_data(q, ngx_http_wix_auth_record_node_t, age);

            if (now < rn->expires) {
                break;
            }

            ngx_http_wix_auth_zone_delete(zone, rn);
        }
    }

    for (i = 0; i < 2 && !ngx_queue_empty(&zone->sh->ended); i++) {
        q = ngx_queue_last(&zone->sh->ended);
        rn = ngx_queue_data(q, ngx_http_wix_auth_record_node_t, lru);

        if (now < rn->expires) {
            break;
        }

        ngx_http_wix_auth_zone_delete(zone, rn);
    }
}


void
ngx_http_wix_auth_zone_end(ngx_http_wix_auth_zone_t *zone,
    ngx_http_wix_auth_record_node_t *rn, ngx_uint_t reason, time_t now)
{
    ngx_http_wix_auth_block_t  *chain;

    if (rn->kind == NGX_HTTP_WIX_AUTH_KIND_BEARER) {
        ngx_http_wix_auth_zone_delete(zone, rn);
        return;
    }

    ngx_http_wix_auth_zone_changed(zone->sh, rn->kind);

    /* a worker that is killed here leaves a record that has expired */

    chain = rn->next;

    rn->expires = 0;
    ngx_memory_barrier();

    rn->next = NULL;
    ngx_memzero(rn->len, sizeof(rn->len));
    ngx_memory_barrier();

    ngx_explicit_memzero(rn->data, NGX_HTTP_WIX_AUTH_HEAD_ROOM);
    ngx_http_wix_auth_chain_give(zone->sh, chain);

    rn->reason = (u_char) reason;
    rn->expires = now + NGX_HTTP_WIX_AUTH_TOMBSTONE;
    rn->lease = 0;

    ngx_queue_remove(&rn->age);
    ngx_queue_remove(&rn->lru);
    ngx_queue_insert_head(&zone->sh->ended, &rn->lru);

    zone->sh->live[rn->kind]--;
    zone->sh->tombstones++;
}
