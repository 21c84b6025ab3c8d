
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_zone.h"


static ngx_http_wix_auth_zone_t *ngx_http_wix_auth_zone_previous(
    ngx_shm_zone_t *shm_zone);
static ngx_uint_t ngx_http_wix_auth_zone_move(ngx_http_wix_auth_zone_t *zone,
    ngx_http_wix_auth_zone_t *old);
static ngx_int_t ngx_http_wix_auth_zone_move_queue(
    ngx_http_wix_auth_zone_t *zone, ngx_queue_t *to, ngx_queue_t *from,
    ngx_uint_t *n);
static void ngx_http_wix_auth_zone_move_age(ngx_http_wix_auth_zone_sh_t *sh,
    ngx_queue_t *to, ngx_queue_t *from);
static ngx_http_wix_auth_record_node_t *ngx_http_wix_auth_zone_take(
    ngx_http_wix_auth_zone_t *zone, ngx_http_wix_auth_record_node_t *from);


ngx_int_t
ngx_http_wix_auth_zone_resize(ngx_shm_zone_t *shm_zone)
{
    ngx_uint_t                 n;
    ngx_http_wix_auth_zone_t  *old;

    old = ngx_http_wix_auth_zone_previous(shm_zone);
    if (old == NULL) {
        return NGX_DECLINED;
    }

    n = ngx_http_wix_auth_zone_move(shm_zone->data, old);

    ngx_log_error(NGX_LOG_NOTICE, shm_zone->shm.log, 0,
                  "wix_auth: zone \"%V\" has a new size, "
                  "%ui sessions were kept", &shm_zone->shm.name, n);

    return NGX_OK;
}


/* a zone of this name in the configuration that is being replaced */

static ngx_http_wix_auth_zone_t *
ngx_http_wix_auth_zone_previous(ngx_shm_zone_t *shm_zone)
{
    ngx_uint_t        i;
    ngx_shm_zone_t   *old;
    ngx_list_part_t  *part;

    for (part = (ngx_list_part_t *) &ngx_cycle->shared_memory.part;
         part && part->elts;
         part = part->next)
    {
        old = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (&old[i] != shm_zone
                && old[i].tag == shm_zone->tag
                && old[i].shm.name.len == shm_zone->shm.name.len
                && ngx_strncmp(old[i].shm.name.data,
                               shm_zone->shm.name.data,
                               shm_zone->shm.name.len)
                   == 0
                && old[i].data
                && ((ngx_http_wix_auth_zone_t *) old[i].data)->sh)
            {
                return old[i].data;
            }
        }
    }

    return NULL;
}


/*
 * Copies what there is into a zone of another size: members before guests and
 * these before tombstones, of each the most recently used first, as many as
 * fit.  Nothing is written into the old zone: nginx may still have to go on
 * with it.
 */

static ngx_uint_t
ngx_http_wix_auth_zone_move(ngx_http_wix_auth_zone_t *zone,
    ngx_http_wix_auth_zone_t *old)
{
    ngx_uint_t                    i, n, tombstones;
    ngx_http_wix_auth_zone_sh_t  *sh, *osh;

    n = 0;
    tombstones = 0;

    sh = zone->sh;
    osh = old->sh;

    ngx_shmtx_lock(&old->shpool->mutex);

    ngx_memcpy(sh->hash_key, osh->hash_key, 16);
    ngx_memcpy(sh->secret, osh->secret, 32);
    sh->generation = osh->generation;
    ngx_memcpy(sh->evicted, osh->evicted, sizeof(sh->evicted));

    ngx_http_wix_auth_counter_move(sh, osh);

    if (ngx_http_wix_auth_zone_move_queue(zone, &sh->members, &osh->members,
                                          &n)
        == NGX_OK
        && ngx_http_wix_auth_zone_move_queue(zone, &sh->guests, &osh->guests,
                                             &n)
           == NGX_OK)
    {
        (void) ngx_http_wix_auth_zone_move_queue(zone, &sh->ended, &osh->ended,
                                                 &tombstones);
    }

    for (i = 0; i < NGX_HTTP_WIX_AUTH_KINDS; i++) {
        ngx_http_wix_auth_zone_move_age(sh, &sh->age[i], &osh->age[i]);
    }

    ngx_shmtx_unlock(&old->shpool->mutex);

    return n;
}


static ngx_int_t
ngx_http_wix_auth_zone_move_queue(ngx_http_wix_auth_zone_t *zone,
    ngx_queue_t *to, ngx_queue_t *from, ngx_uint_t *n)
{
    ngx_queue_t                      *q;
    ngx_http_wix_auth_record_node_t  *rn;

    for (q = ngx_queue_head(from);
         q != ngx_queue_sentinel(from);
         q = ngx_queue_next(q))
    {
        rn = ngx_queue_data(q, ngx_http_wix_auth_record_node_t, lru);

        rn = ngx_http_wix_auth_zone_take(zone, rn);
        if (rn == NULL) {
            return NGX_ERROR;
        }

        ngx_queue_insert_tail(to, &rn->lru);
        (*n)++;
    }

    return NGX_OK;
}


/* the order of creation, of those that fitted */

static void
ngx_http_wix_auth_zone_move_age(ngx_http_wix_auth_zone_sh_t *sh,
    ngx_queue_t *to, ngx_queue_t *from)
{
    ngx_queue_t                      *q;
    ngx_http_wix_auth_record_node_t  *rn;

    for (q = ngx_queue_head(from);
         q != ngx_queue_sentinel(from);
         q = ngx_queue_next(q))
    {
        rn = ngx_queue_data(q, ngx_http_wix_auth_record_node_t, age);
        rn = ngx_http_wix_auth_zone_find(sh, rn->id);

        if (rn) {
            ngx_queue_insert_tail(to, &rn->age);
        }
    }
}


/* a copy that is in the table and counted, but in no queue; NULL: no room */

static ngx_http_wix_auth_record_node_t *
ngx_http_wix_auth_zone_take(ngx_http_wix_auth_zone_t *zone,
    ngx_http_wix_auth_record_node_t *from)
{
    size_t                            size;
    ngx_http_wix_auth_block_t        *to, *block, *next;
    ngx_http_wix_auth_record_node_t  *rn;

    size = ngx_http_wix_auth_record_size(from, NGX_HTTP_WIX_AUTH_STRING_ALL);

    rn = ngx_http_wix_auth_record_take(zone->sh,
                                       ngx_http_wix_auth_blocks_for(size));
    if (rn == NULL) {
        return NULL;
    }

    to = rn->next;

    ngx_memcpy(rn, from, NGX_HTTP_WIX_AUTH_SESSION_BLOCK);
    rn->next = to;

    for (block = from->next; to && block; block = block->next) {
        next = to->next;

        ngx_memcpy(to, block, NGX_HTTP_WIX_AUTH_SESSION_BLOCK);
        to->next = next;

        to = next;
    }

    /* a refresh under way ends in the old zone */
    rn->lease = 0;

    ngx_http_wix_auth_zone_link(zone->sh, rn);

    if (rn->reason) {
        zone->sh->tombstones++;

    } else {
        zone->sh->live[rn->kind]++;
    }

    return rn;
}
