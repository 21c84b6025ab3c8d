
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include <sys/mman.h>

#include "ngx_http_wix_auth_reason.h"
#include "ngx_http_wix_auth_zone.h"


static ngx_int_t ngx_http_wix_auth_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_wix_auth_zone_create(ngx_shm_zone_t *shm_zone);
static ngx_http_wix_auth_zone_t *ngx_http_wix_auth_zone_previous(
    ngx_shm_zone_t *shm_zone);
static ngx_uint_t ngx_http_wix_auth_zone_move(ngx_http_wix_auth_zone_t *zone,
    ngx_http_wix_auth_zone_t *old);
static ngx_int_t ngx_http_wix_auth_zone_take(ngx_http_wix_auth_zone_t *zone,
    ngx_http_wix_auth_record_node_t *from);
static void ngx_http_wix_auth_zone_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static ngx_int_t ngx_http_wix_auth_zone_compare(
    ngx_http_wix_auth_record_node_t *rn, u_char id[16]);
static ngx_int_t ngx_http_wix_auth_zone_evict(ngx_http_wix_auth_zone_t *zone,
    time_t now);


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

    ngx_uint_t                 n;
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

    ozone = ngx_test_config ? NULL : ngx_http_wix_auth_zone_previous(shm_zone);

    if (ozone) {
        n = ngx_http_wix_auth_zone_move(zone, ozone);

        ngx_log_error(NGX_LOG_NOTICE, shm_zone->shm.log, 0,
                      "wix_auth: zone \"%V\" has a new size, "
                      "%ui sessions were kept", &shm_zone->shm.name, n);
    }

    ngx_memcpy(zone->hash_key, zone->sh->hash_key, 16);

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_zone_create(ngx_shm_zone_t *shm_zone)
{
    size_t                        len;
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

    ngx_rbtree_init(&sh->rbtree, &sh->sentinel,
                    ngx_http_wix_auth_zone_insert);
    ngx_queue_init(&sh->lru);
    ngx_queue_init(&sh->age);
    ngx_queue_init(&sh->ended);

    if (ngx_http_wix_auth_random(sh->hash_key, 16) != NGX_OK
        || ngx_http_wix_auth_random(sh->secret, 32) != NGX_OK)
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

    /* a full zone is normal: the least recently used makes room */
    zone->shpool->log_nomem = 0;

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
 * Copies the sessions into a zone of another size, the most recently used
 * first, as many as fit.  Nothing is written into the old zone: nginx may
 * still have to go on with it.
 */

static ngx_uint_t
ngx_http_wix_auth_zone_move(ngx_http_wix_auth_zone_t *zone,
    ngx_http_wix_auth_zone_t *old)
{
    ngx_uint_t                        n;
    ngx_queue_t                      *q;
    ngx_http_wix_auth_record_node_t  *rn;

    n = 0;

    ngx_shmtx_lock(&old->shpool->mutex);

    ngx_memcpy(zone->sh->hash_key, old->sh->hash_key, 16);
    ngx_memcpy(zone->sh->secret, old->sh->secret, 32);

    for (q = ngx_queue_head(&old->sh->lru);
         q != ngx_queue_sentinel(&old->sh->lru);
         q = ngx_queue_next(q))
    {
        rn = ngx_queue_data(q, ngx_http_wix_auth_record_node_t, lru);

        if (ngx_http_wix_auth_zone_take(zone, rn) != NGX_OK) {
            break;
        }

        n++;
    }

    ngx_shmtx_unlock(&old->shpool->mutex);

    return n;
}


static ngx_int_t
ngx_http_wix_auth_zone_take(ngx_http_wix_auth_zone_t *zone,
    ngx_http_wix_auth_record_node_t *from)
{
    ngx_http_wix_auth_block_t        *block, *copy, **next;
    ngx_http_wix_auth_record_node_t  *rn;

    rn = ngx_slab_alloc(zone->shpool, NGX_HTTP_WIX_AUTH_SESSION_BLOCK);
    if (rn == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(rn, from, NGX_HTTP_WIX_AUTH_SESSION_BLOCK);
    rn->next = NULL;
    next = &rn->next;

    for (block = from->next; block; block = block->next) {

        copy = ngx_slab_alloc(zone->shpool, NGX_HTTP_WIX_AUTH_SESSION_BLOCK);

        if (copy == NULL) {
            ngx_http_wix_auth_blocks_free(zone, rn->next);
            ngx_slab_free(zone->shpool, rn);
            return NGX_ERROR;
        }

        ngx_memcpy(copy, block, NGX_HTTP_WIX_AUTH_SESSION_BLOCK);
        copy->next = NULL;
        *next = copy;
        next = &copy->next;
    }

    /* a refresh under way ends in the old zone */
    rn->lease = 0;

    ngx_rbtree_insert(&zone->sh->rbtree, &rn->node);
    ngx_queue_insert_tail(&zone->sh->lru, &rn->lru);
    ngx_queue_insert_tail(&zone->sh->age, &rn->age);
    zone->sh->live++;

    return NGX_OK;
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


ngx_http_wix_auth_record_node_t *
ngx_http_wix_auth_zone_find(ngx_http_wix_auth_zone_sh_t *sh, u_char id[16])
{
    ngx_int_t                         rc;
    ngx_uint_t                        key;
    ngx_rbtree_node_t                *node, *sentinel;
    ngx_http_wix_auth_record_node_t  *rn;

    key = ngx_http_wix_auth_zone_key(id);

    node = sh->rbtree.root;
    sentinel = sh->rbtree.sentinel;

    while (node != sentinel) {

        if (key != node->key) {
            node = (key < node->key) ? node->left : node->right;
            continue;
        }

        rn = (ngx_http_wix_auth_record_node_t *) node;

        rc = ngx_http_wix_auth_zone_compare(rn, id);

        if (rc == 0) {
            return rn;
        }

        node = (rc < 0) ? node->left : node->right;
    }

    return NULL;
}


static void
ngx_http_wix_auth_zone_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel)
{
    ngx_rbtree_node_t               **p;
    ngx_http_wix_auth_record_node_t  *rn, *rnt;

    rn = (ngx_http_wix_auth_record_node_t *) node;

    for ( ;; ) {

        if (node->key != temp->key) {
            p = (node->key < temp->key) ? &temp->left : &temp->right;

        } else {
            rnt = (ngx_http_wix_auth_record_node_t *) temp;

            p = (ngx_http_wix_auth_zone_compare(rnt, rn->id) < 0)
                ? &temp->left : &temp->right;
        }

        if (*p == sentinel) {
            break;
        }

        temp = *p;
    }

    *p = node;
    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;
    ngx_rbt_red(node);
}


/* the id is a keyed hash, so the order tells a stranger nothing */

static ngx_int_t
ngx_http_wix_auth_zone_compare(ngx_http_wix_auth_record_node_t *rn,
    u_char id[16])
{
    return ngx_memcmp(id, rn->id, 16);
}


ngx_uint_t
ngx_http_wix_auth_zone_key(u_char id[16])
{
    ngx_uint_t  key;

    ngx_memcpy(&key, id, sizeof(ngx_uint_t));

    return key;
}


ngx_uint_t
ngx_http_wix_auth_record_leased(ngx_http_wix_auth_record_node_t *rn,
    ngx_msec_t now)
{
    return rn->lease != 0 && (ngx_msec_int_t) (rn->lease_until - now) > 0;
}


void
ngx_http_wix_auth_record_copy(ngx_http_wix_auth_record_node_t *rn,
    ngx_http_wix_auth_session_t *s)
{
    ngx_memcpy(s->id, rn->id, 16);
    ngx_memcpy(s->handle, rn->handle, 16);
    ngx_memcpy(s->client, rn->client, 16);

    s->created = rn->created;
    s->seen = rn->seen;
    s->expires = rn->expires;
    s->token_expires = rn->token_expires;
    s->token_lifetime = rn->token_lifetime;
    s->generation = rn->generation;
    s->jitter = rn->jitter;
    s->failures = rn->failures;
    s->cause = rn->cause;
    s->retry_at = rn->retry_at;
    s->leased = ngx_http_wix_auth_record_leased(rn, ngx_current_msec);
    s->reason = 0;
}


void
ngx_http_wix_auth_record_read(ngx_http_wix_auth_record_node_t *rn,
    size_t skip, u_char *dst, size_t size)
{
    u_char                     *src;
    size_t                      n, room;
    ngx_http_wix_auth_block_t  *next;

    src = rn->data;
    room = NGX_HTTP_WIX_AUTH_HEAD_ROOM;
    next = rn->next;

    while (size) {

        if (skip < room) {
            n = ngx_min(size, room - skip);
            dst = ngx_cpymem(dst, src + skip, n);
            size -= n;
            skip = 0;

            if (size == 0) {
                break;
            }

        } else {
            skip -= room;
        }

        src = next->data;
        room = NGX_HTTP_WIX_AUTH_BLOCK_ROOM;
        next = next->next;
    }
}


/* points the first n strings of s into the bytes that read() copied to p */

void
ngx_http_wix_auth_record_strings(ngx_http_wix_auth_record_node_t *rn,
    ngx_http_wix_auth_session_t *s, u_char *p, ngx_uint_t n)
{
    ngx_str_t   *to[NGX_HTTP_WIX_AUTH_STRINGS];
    ngx_uint_t   i;

    to[0] = &s->member_id;
    to[1] = &s->email;
    to[2] = &s->access_token;
    to[3] = &s->refresh_token;

    for (i = 0; i < NGX_HTTP_WIX_AUTH_STRINGS; i++) {
        to[i]->data = p;
        to[i]->len = (i < n) ? rn->len[i] : 0;
        p += to[i]->len;
    }
}


void
ngx_http_wix_auth_record_write(ngx_http_wix_auth_record_node_t *rn,
    ngx_str_t *strings)
{
    u_char                     *dst, *src;
    size_t                      room, n, left;
    ngx_uint_t                  i;
    ngx_http_wix_auth_block_t  *block;

    dst = rn->data;
    room = NGX_HTTP_WIX_AUTH_HEAD_ROOM;
    block = rn->next;

    for (i = 0; i < NGX_HTTP_WIX_AUTH_STRINGS; i++) {
        rn->len[i] = (uint16_t) strings[i].len;
        src = strings[i].data;
        left = strings[i].len;

        while (left) {

            if (room == 0) {
                dst = block->data;
                room = NGX_HTTP_WIX_AUTH_BLOCK_ROOM;
                block = block->next;
            }

            n = ngx_min(left, room);
            dst = ngx_cpymem(dst, src, n);
            src += n;
            left -= n;
            room -= n;
        }
    }
}


void
ngx_http_wix_auth_record_token(ngx_http_wix_auth_record_node_t *rn,
    time_t expires, time_t lifetime)
{
    rn->token_expires = expires;
    rn->token_lifetime = (uint32_t) lifetime;
    rn->jitter = (u_char) ngx_random();
}


/* the blocks behind the head block for size bytes of strings */

ngx_int_t
ngx_http_wix_auth_blocks_alloc(ngx_http_wix_auth_zone_t *zone, size_t size,
    ngx_http_wix_auth_block_t **chain, time_t now)
{
    ngx_uint_t                  tries;
    ngx_http_wix_auth_block_t  *block;

    *chain = NULL;

    size -= ngx_min(size, NGX_HTTP_WIX_AUTH_HEAD_ROOM);

    while (size) {

        /* each block may cost evictions of its own */
        tries = NGX_HTTP_WIX_AUTH_EVICT_MAX;

        block = ngx_http_wix_auth_block_alloc(zone, &tries, now);

        if (block == NULL) {
            ngx_http_wix_auth_blocks_free(zone, *chain);
            *chain = NULL;
            return NGX_ERROR;
        }

        block->next = *chain;
        *chain = block;

        size -= ngx_min(size, NGX_HTTP_WIX_AUTH_BLOCK_ROOM);
    }

    return NGX_OK;
}


void
ngx_http_wix_auth_blocks_free(ngx_http_wix_auth_zone_t *zone,
    ngx_http_wix_auth_block_t *block)
{
    ngx_http_wix_auth_block_t  *next;

    while (block) {
        next = block->next;
        ngx_explicit_memzero(block, NGX_HTTP_WIX_AUTH_SESSION_BLOCK);
        ngx_slab_free_locked(zone->shpool, block);
        block = next;
    }
}


void *
ngx_http_wix_auth_block_alloc(ngx_http_wix_auth_zone_t *zone,
    ngx_uint_t *tries, time_t now)
{
    void  *p;

    for ( ;; ) {
        p = ngx_slab_alloc_locked(zone->shpool,
                                  NGX_HTTP_WIX_AUTH_SESSION_BLOCK);

        if (p || *tries == 0) {
            return p;
        }

        (*tries)--;

        if (ngx_http_wix_auth_zone_evict(zone, now) != NGX_OK) {
            return NULL;
        }
    }
}


/*
 * Makes room: expired sessions first, then tombstones, then the least
 * recently used; never a session whose refresh is in flight.
 */

static ngx_int_t
ngx_http_wix_auth_zone_evict(ngx_http_wix_auth_zone_t *zone, time_t now)
{
    ngx_uint_t                        i;
    ngx_queue_t                      *q;
    ngx_http_wix_auth_zone_sh_t      *sh;
    ngx_http_wix_auth_record_node_t  *rn;

    sh = zone->sh;

    for (q = ngx_queue_last(&sh->age), i = 0;
         q != ngx_queue_sentinel(&sh->age) && i < NGX_HTTP_WIX_AUTH_EVICT_MAX;
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

    if (!ngx_queue_empty(&sh->ended)) {
        q = ngx_queue_last(&sh->ended);
        rn = ngx_queue_data(q, ngx_http_wix_auth_record_node_t, lru);

        ngx_http_wix_auth_zone_delete(zone, rn);
        return NGX_OK;
    }

    for (q = ngx_queue_last(&sh->lru), i = 0;
         q != ngx_queue_sentinel(&sh->lru) && i < NGX_HTTP_WIX_AUTH_EVICT_MAX;
         q = ngx_queue_prev(q), i++)
    {
        rn = ngx_queue_data(q, ngx_http_wix_auth_record_node_t, lru);

        if (!ngx_http_wix_auth_record_leased(rn, ngx_current_msec)) {
            ngx_http_wix_auth_zone_delete(zone, rn);
            sh->evicted++;
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}


void
ngx_http_wix_auth_zone_delete(ngx_http_wix_auth_zone_t *zone,
    ngx_http_wix_auth_record_node_t *rn)
{
    ngx_rbtree_delete(&zone->sh->rbtree, &rn->node);
    ngx_queue_remove(&rn->lru);

    if (rn->reason) {
        zone->sh->tombstones--;

    } else {
        ngx_queue_remove(&rn->age);
        zone->sh->live--;
    }

    ngx_http_wix_auth_blocks_free(zone, rn->next);

    ngx_explicit_memzero(rn, NGX_HTTP_WIX_AUTH_SESSION_BLOCK);
    ngx_slab_free_locked(zone->shpool, rn);
}


/* a little of the housekeeping with each new session, as limit_req does */

void
ngx_http_wix_auth_zone_expire(ngx_http_wix_auth_zone_t *zone, time_t now)
{
    ngx_uint_t                        i;
    ngx_queue_t                      *q;
    ngx_http_wix_auth_record_node_t  *rn;

    for (i = 0; i < 2 && !ngx_queue_empty(&zone->sh->age); i++) {
        q = ngx_queue_last(&zone->sh->age);
        rn = ngx_queue_data(q, ngx_http_wix_auth_record_node_t, age);

        if (now < rn->expires) {
            break;
        }

        ngx_http_wix_auth_zone_delete(zone, rn);
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
    ngx_http_wix_auth_blocks_free(zone, rn->next);

    ngx_explicit_memzero(rn->data, NGX_HTTP_WIX_AUTH_HEAD_ROOM);

    rn->next = NULL;
    rn->reason = (u_char) reason;
    rn->expires = now + NGX_HTTP_WIX_AUTH_TOMBSTONE;
    rn->lease = 0;

    ngx_queue_remove(&rn->age);
    ngx_queue_remove(&rn->lru);
    ngx_queue_insert_head(&zone->sh->ended, &rn->lru);

    zone->sh->live--;
    zone->sh->tombstones++;
}


void
ngx_http_wix_auth_zone_warn(ngx_shm_zone_t *shm_zone, ngx_uint_t evicted,
    ngx_log_t *log)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    if (evicted == 0 || zone->sh->warned == ngx_time()) {
        return;
    }

    /* an unlocked race here costs one line more */
    zone->sh->warned = ngx_time();

    ngx_log_error(NGX_LOG_WARN, log, 0,
                  "wix_auth: zone \"%V\" of %uz bytes is full: %ui live "
                  "sessions have made room for newer ones so far; "
                  "use a larger zone (about 400 sessions per megabyte)",
                  &shm_zone->shm.name, shm_zone->shm.size, zone->sh->evicted);
}
