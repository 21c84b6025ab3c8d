
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include <sys/mman.h>

#include "ngx_http_wix_auth_reason.h"
#include "ngx_http_wix_auth_session.h"


#define NGX_HTTP_WIX_AUTH_STRINGS     4        /* of a record */
#define NGX_HTTP_WIX_AUTH_EVICT_MAX   8        /* evictions for one store */
#define NGX_HTTP_WIX_AUTH_BACKOFF     1000     /* ms, doubling */
#define NGX_HTTP_WIX_AUTH_BACKOFF_MAX 30000


typedef struct ngx_http_wix_auth_block_s  ngx_http_wix_auth_block_t;

struct ngx_http_wix_auth_block_s {
    ngx_http_wix_auth_block_t  *next;
    u_char                      data[];
};


/*
 * The head block of a record.  Member id, e-mail, access token and refresh
 * token follow one another in data[] and in the chained blocks.
 */

typedef struct {
    ngx_rbtree_node_t           node;          /* key: first bytes of id */
    ngx_queue_t                 lru;           /* newest activity first */
    ngx_queue_t                 age;           /* newest creation first */
    ngx_http_wix_auth_block_t  *next;
    u_char                      id[16];
    u_char                      handle[16];
    u_char                      client[16];
    time_t                      created;
    time_t                      seen;
    time_t                      expires;
    time_t                      token_expires;
    ngx_msec_t                  lease_until;
    ngx_msec_t                  retry_at;
    uint32_t                    token_lifetime;
    uint32_t                    generation;
    uint32_t                    lease;         /* 0: none */
    uint16_t                    len[NGX_HTTP_WIX_AUTH_STRINGS];
    u_char                      jitter;
    u_char                      failures;
    u_char                      cause;
    u_char                      reason;        /* not 0: a tombstone */
    u_char                      data[];
} ngx_http_wix_auth_record_node_t;


#define NGX_HTTP_WIX_AUTH_HEAD_ROOM                                           \
    (NGX_HTTP_WIX_AUTH_SESSION_BLOCK                                          \
     - offsetof(ngx_http_wix_auth_record_node_t, data))

#define NGX_HTTP_WIX_AUTH_BLOCK_ROOM                                          \
    (NGX_HTTP_WIX_AUTH_SESSION_BLOCK                                          \
     - offsetof(ngx_http_wix_auth_block_t, data))


typedef struct {
    ngx_rbtree_t                rbtree;
    ngx_rbtree_node_t           sentinel;
    ngx_queue_t                 lru;           /* live records */
    ngx_queue_t                 age;
    ngx_queue_t                 ended;         /* tombstones, by their lru */
    u_char                      hash_key[16];
    u_char                      secret[32];
    uint32_t                    leases;
    ngx_uint_t                  live;
    ngx_uint_t                  tombstones;
    ngx_uint_t                  evicted;       /* live ones, ever */
    time_t                      warned;
} ngx_http_wix_auth_zone_sh_t;


struct ngx_http_wix_auth_zone_s {
    ngx_http_wix_auth_zone_sh_t  *sh;
    ngx_slab_pool_t              *shpool;
    ngx_http_wix_auth_ring_t     *ring;        /* of this process */
    u_char                        hash_key[16];
};


static ngx_int_t ngx_http_wix_auth_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_http_wix_auth_record_node_t *ngx_http_wix_auth_zone_find(
    ngx_http_wix_auth_zone_sh_t *sh, u_char id[16]);
static void ngx_http_wix_auth_zone_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static ngx_int_t ngx_http_wix_auth_zone_compare(
    ngx_http_wix_auth_record_node_t *rn, u_char id[16]);
static ngx_uint_t ngx_http_wix_auth_zone_key(u_char id[16]);

static ngx_uint_t ngx_http_wix_auth_record_leased(
    ngx_http_wix_auth_record_node_t *rn, ngx_msec_t now);
static void ngx_http_wix_auth_record_copy(ngx_http_wix_auth_record_node_t *rn,
    ngx_http_wix_auth_session_t *s);
static void ngx_http_wix_auth_record_read(ngx_http_wix_auth_record_node_t *rn,
    size_t skip, u_char *dst, size_t size);
static void ngx_http_wix_auth_record_strings(
    ngx_http_wix_auth_record_node_t *rn, ngx_http_wix_auth_session_t *s,
    u_char *p, ngx_uint_t n);
static void ngx_http_wix_auth_record_write(
    ngx_http_wix_auth_record_node_t *rn, ngx_str_t *strings);
static void ngx_http_wix_auth_record_token(
    ngx_http_wix_auth_record_node_t *rn, time_t expires, time_t lifetime);

static ngx_int_t ngx_http_wix_auth_blocks_alloc(ngx_http_wix_auth_zone_t *zone,
    size_t size, ngx_http_wix_auth_block_t **chain, time_t now);
static void ngx_http_wix_auth_blocks_free(ngx_http_wix_auth_zone_t *zone,
    ngx_http_wix_auth_block_t *block);
static void *ngx_http_wix_auth_block_alloc(ngx_http_wix_auth_zone_t *zone,
    ngx_uint_t *tries, time_t now);
static ngx_int_t ngx_http_wix_auth_zone_evict(ngx_http_wix_auth_zone_t *zone,
    time_t now);
static void ngx_http_wix_auth_zone_delete(ngx_http_wix_auth_zone_t *zone,
    ngx_http_wix_auth_record_node_t *rn);
static void ngx_http_wix_auth_zone_expire(ngx_http_wix_auth_zone_t *zone,
    time_t now);
static void ngx_http_wix_auth_zone_end(ngx_http_wix_auth_zone_t *zone,
    ngx_http_wix_auth_record_node_t *rn, ngx_uint_t reason, time_t now);
static void ngx_http_wix_auth_zone_warn(ngx_shm_zone_t *shm_zone,
    ngx_uint_t evicted, ngx_log_t *log);


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

    size_t                        len;
    ngx_http_wix_auth_zone_t     *zone;
    ngx_http_wix_auth_zone_sh_t  *sh;

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

    ngx_memcpy(zone->hash_key, sh->hash_key, 16);

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


void
ngx_http_wix_auth_session_id(ngx_shm_zone_t *shm_zone, ngx_str_t *cookie,
    u_char id[16])
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    ngx_http_wix_auth_siphash(zone->hash_key, cookie->data, cookie->len, id);
}


ngx_int_t
ngx_http_wix_auth_session_cookie(ngx_http_wix_auth_ring_t *ring, u_char *dst)
{
    u_char     raw[56];
    ngx_int_t  rc;
    ngx_str_t  part;

    rc = ngx_http_wix_auth_random(raw, 24);

    if (rc == NGX_OK) {
        part.data = raw;
        part.len = 24;

        rc = ngx_http_wix_auth_hmac(
                            ring->keys[0].derived[NGX_HTTP_WIX_AUTH_KEY_COOKIE],
                            &part, 1, raw + 24);
    }

    if (rc == NGX_OK) {
        ngx_http_wix_auth_b64_encode(dst, raw, 40);
    }

    ngx_explicit_memzero(raw, sizeof(raw));

    return rc;
}


ngx_uint_t
ngx_http_wix_auth_session_plausible(ngx_str_t *cookie)
{
    size_t  i;

    /* 1 for A-Z, a-z, 0-9, "-" and "_" */

    static uint32_t  base64url[] = {
        0x00000000, 0x03ff2000, 0x87fffffe, 0x07fffffe,
        0x00000000, 0x00000000, 0x00000000, 0x00000000
    };

    if (cookie->len != NGX_HTTP_WIX_AUTH_SESSION_COOKIE) {
        return 0;
    }

    for (i = 0; i < NGX_HTTP_WIX_AUTH_SESSION_COOKIE; i++) {
        if (!(base64url[cookie->data[i] >> 5]
              & (1U << (cookie->data[i] & 0x1f))))
        {
            return 0;
        }
    }

    return 1;
}


ngx_int_t
ngx_http_wix_auth_session_genuine(ngx_http_wix_auth_ring_t *ring,
    ngx_str_t *cookie)
{
    u_char      raw[48], mac[32];
    size_t      len;
    ngx_str_t   part;
    ngx_uint_t  i;

    if (!ngx_http_wix_auth_session_plausible(cookie)) {
        return NGX_DECLINED;
    }

    if (ngx_http_wix_auth_b64_decode(raw, &len, cookie->data, cookie->len)
        != NGX_OK
        || len != 40)
    {
        return NGX_DECLINED;
    }

    part.data = raw;
    part.len = 24;

    for (i = 0; i < ring->nkeys; i++) {
        if (ngx_http_wix_auth_hmac(
                            ring->keys[i].derived[NGX_HTTP_WIX_AUTH_KEY_COOKIE],
                            &part, 1, mac)
            != NGX_OK)
        {
            return NGX_DECLINED;
        }

        if (ngx_http_wix_auth_equal(mac, raw + 24, 16)) {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_wix_auth_session_find(ngx_shm_zone_t *shm_zone,
    ngx_http_wix_auth_session_query_t *q, ngx_http_wix_auth_session_t *s)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    ngx_int_t                         rc;
    ngx_http_wix_auth_record_node_t  *rn;

    ngx_shmtx_lock(&zone->shpool->mutex);

    rn = ngx_http_wix_auth_zone_find(zone->sh, q->id);

    if (rn == NULL) {
        rc = NGX_DECLINED;
        goto done;
    }

    rc = NGX_ABORT;

    if (q->client && ngx_memcmp(rn->client, q->client, 16) != 0) {
        s->reason = NGX_HTTP_WIX_AUTH_OTHER_CLIENT;
        goto done;
    }

    if (rn->reason) {
        s->reason = rn->reason;
        rc = (q->now < rn->expires) ? NGX_ABORT : NGX_DECLINED;
        goto done;
    }

    if (q->now >= rn->expires) {
        s->reason = NGX_HTTP_WIX_AUTH_SESSION_EXPIRED;
        goto done;
    }

    if (q->idle && q->now - rn->seen > q->idle) {
        s->reason = NGX_HTTP_WIX_AUTH_SESSION_IDLE;
        goto done;
    }

    q->need = rn->len[0] + rn->len[1] + (q->access ? rn->len[2] : 0);

    if (q->need > q->size) {
        rc = NGX_AGAIN;
        goto done;
    }

    ngx_http_wix_auth_record_copy(rn, s);
    ngx_http_wix_auth_record_read(rn, 0, q->buf, q->need);
    ngx_http_wix_auth_record_strings(rn, s, q->buf, q->access ? 3 : 2);

    /* once a second is often enough: most hits only read */

    if (q->touch && rn->seen < q->now) {
        rn->seen = q->now;
        ngx_queue_remove(&rn->lru);
        ngx_queue_insert_head(&zone->sh->lru, &rn->lru);
    }

    rc = NGX_OK;

done:

    ngx_shmtx_unlock(&zone->shpool->mutex);

    return rc;
}


ngx_int_t
ngx_http_wix_auth_session_create(ngx_shm_zone_t *shm_zone,
    ngx_http_wix_auth_session_t *s, ngx_log_t *log)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    size_t                            size;
    ngx_str_t                         strings[NGX_HTTP_WIX_AUTH_STRINGS];
    ngx_uint_t                        evicted, tries;
    ngx_http_wix_auth_block_t        *chain;
    ngx_http_wix_auth_record_node_t  *rn;

    if (s->member_id.len > NGX_HTTP_WIX_AUTH_MEMBER_ID_MAX
        || s->email.len > NGX_HTTP_WIX_AUTH_EMAIL_MAX
        || s->access_token.len > NGX_HTTP_WIX_AUTH_TOKEN_MAX
        || s->refresh_token.len > NGX_HTTP_WIX_AUTH_TOKEN_MAX)
    {
        return NGX_DECLINED;
    }

    strings[0] = s->member_id;
    strings[1] = s->email;
    strings[2] = s->access_token;
    strings[3] = s->refresh_token;

    size = s->member_id.len + s->email.len + s->access_token.len
           + s->refresh_token.len;

    ngx_shmtx_lock(&zone->shpool->mutex);

    evicted = zone->sh->evicted;
    tries = NGX_HTTP_WIX_AUTH_EVICT_MAX;

    ngx_http_wix_auth_zone_expire(zone, s->created);

    rn = ngx_http_wix_auth_zone_find(zone->sh, s->id);
    if (rn) {
        ngx_http_wix_auth_zone_delete(zone, rn);
    }

    rn = ngx_http_wix_auth_block_alloc(zone, &tries, s->created);
    if (rn == NULL) {
        goto failed;
    }

    if (ngx_http_wix_auth_blocks_alloc(zone, size, &chain, s->created)
        != NGX_OK)
    {
        ngx_slab_free_locked(zone->shpool, rn);
        goto failed;
    }

    ngx_memzero(rn, offsetof(ngx_http_wix_auth_record_node_t, data));

    rn->node.key = ngx_http_wix_auth_zone_key(s->id);
    rn->next = chain;
    ngx_memcpy(rn->id, s->id, 16);
    ngx_memcpy(rn->handle, s->handle, 16);
    ngx_memcpy(rn->client, s->client, 16);
    rn->created = s->created;
    rn->seen = s->created;
    rn->expires = s->expires;
    rn->generation = 1;

    ngx_http_wix_auth_record_token(rn, s->token_expires, s->token_lifetime);
    ngx_http_wix_auth_record_write(rn, strings);

    ngx_rbtree_insert(&zone->sh->rbtree, &rn->node);
    ngx_queue_insert_head(&zone->sh->lru, &rn->lru);
    ngx_queue_insert_head(&zone->sh->age, &rn->age);
    zone->sh->live++;

    evicted = zone->sh->evicted - evicted;

    ngx_shmtx_unlock(&zone->shpool->mutex);

    ngx_http_wix_auth_zone_warn(shm_zone, evicted, log);

    return NGX_OK;

failed:

    ngx_shmtx_unlock(&zone->shpool->mutex);

    ngx_log_error(NGX_LOG_ERR, log, 0,
                  "wix_auth: zone \"%V\" of %uz bytes is full, "
                  "a session could not be stored",
                  &shm_zone->shm.name, shm_zone->shm.size);

    return NGX_ERROR;
}


ngx_int_t
ngx_http_wix_auth_session_end(ngx_shm_zone_t *shm_zone, u_char id[16],
    ngx_uint_t reason, time_t now)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    ngx_int_t                         rc;
    ngx_http_wix_auth_record_node_t  *rn;

    rc = NGX_DECLINED;

    ngx_shmtx_lock(&zone->shpool->mutex);

    rn = ngx_http_wix_auth_zone_find(zone->sh, id);

    if (rn && rn->reason == 0) {
        ngx_http_wix_auth_zone_end(zone, rn, reason, now);
        rc = NGX_OK;
    }

    ngx_shmtx_unlock(&zone->shpool->mutex);

    return rc;
}


ngx_int_t
ngx_http_wix_auth_session_lease(ngx_shm_zone_t *shm_zone, u_char id[16],
    ngx_uint_t generation, ngx_msec_t time, ngx_pool_t *pool,
    ngx_http_wix_auth_session_t *s, ngx_uint_t *lease)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    u_char                           *buf;
    size_t                            size, need;
    ngx_int_t                         rc;
    ngx_http_wix_auth_record_node_t  *rn;

    size = 2 * NGX_HTTP_WIX_AUTH_SESSION_BLOCK * 4;

    for ( ;; ) {
        buf = ngx_pnalloc(pool, size);
        if (buf == NULL) {
            return NGX_ERROR;
        }

        need = 0;
        rc = NGX_OK;

        ngx_shmtx_lock(&zone->shpool->mutex);

        rn = ngx_http_wix_auth_zone_find(zone->sh, id);

        if (rn == NULL || rn->reason) {
            rc = NGX_DECLINED;

        } else if (rn->generation != generation) {
            rc = NGX_DONE;

        } else if (ngx_http_wix_auth_record_leased(rn, ngx_current_msec)) {
            rc = NGX_BUSY;

        } else if (rn->failures
                   && (ngx_msec_int_t) (rn->retry_at - ngx_current_msec) > 0)
        {
            rc = NGX_ABORT;

        } else {
            need = rn->len[0] + rn->len[1] + rn->len[2] + rn->len[3];

            if (need <= size) {
                if (++zone->sh->leases == 0) {
                    zone->sh->leases = 1;
                }

                rn->lease = zone->sh->leases;
                rn->lease_until = ngx_current_msec + time;
                *lease = rn->lease;

                ngx_http_wix_auth_record_copy(rn, s);
                ngx_http_wix_auth_record_read(rn, 0, buf, need);
                ngx_http_wix_auth_record_strings(rn, s, buf,
                                                 NGX_HTTP_WIX_AUTH_STRINGS);
            }
        }

        ngx_shmtx_unlock(&zone->shpool->mutex);

        if (need <= size) {
            return rc;
        }

        size = need;
    }
}


ngx_int_t
ngx_http_wix_auth_session_refreshed(ngx_shm_zone_t *shm_zone, u_char id[16],
    ngx_uint_t generation, ngx_str_t *access_token, ngx_str_t *refresh_token,
    time_t expires, time_t lifetime, ngx_log_t *log)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    u_char                            small[NGX_HTTP_WIX_AUTH_SESSION_INLINE];
    u_char                            old[NGX_HTTP_WIX_AUTH_TOKEN_MAX];
    size_t                            size;
    ngx_int_t                         rc;
    ngx_str_t                         strings[NGX_HTTP_WIX_AUTH_STRINGS];
    ngx_uint_t                        evicted;
    ngx_http_wix_auth_block_t        *chain;
    ngx_http_wix_auth_record_node_t  *rn;

    if (access_token->len > NGX_HTTP_WIX_AUTH_TOKEN_MAX
        || refresh_token->len > NGX_HTTP_WIX_AUTH_TOKEN_MAX)
    {
        return NGX_ERROR;
    }

    rc = NGX_DECLINED;

    ngx_shmtx_lock(&zone->shpool->mutex);

    evicted = zone->sh->evicted;

    rn = ngx_http_wix_auth_zone_find(zone->sh, id);

    if (rn == NULL || rn->reason || rn->generation != generation) {
        goto done;
    }

    rc = NGX_ERROR;

    strings[0].data = small;
    strings[0].len = rn->len[0];
    strings[1].data = small + rn->len[0];
    strings[1].len = rn->len[1];
    strings[2] = *access_token;
    strings[3] = *refresh_token;

    ngx_http_wix_auth_record_read(rn, 0, small, rn->len[0] + rn->len[1]);

    if (refresh_token->len == 0) {

        /* Wix did not rotate: carry the old one over */

        strings[3].data = old;
        strings[3].len = rn->len[3];

        ngx_http_wix_auth_record_read(rn,
                                      rn->len[0] + rn->len[1] + rn->len[2],
                                      old, rn->len[3]);
    }

    size = strings[0].len + strings[1].len + strings[2].len + strings[3].len;

    /* a lease protects the record itself from eviction */

    if (rn->lease == 0) {
        rn->lease = 1;
    }

    rn->lease_until = ngx_current_msec + 1000;

    if (ngx_http_wix_auth_blocks_alloc(zone, size, &chain, ngx_time())
        == NGX_OK)
    {
        ngx_http_wix_auth_blocks_free(zone, rn->next);
        rn->next = chain;

        ngx_http_wix_auth_record_token(rn, expires, lifetime);
        ngx_http_wix_auth_record_write(rn, strings);

        rn->generation++;
        rn->failures = 0;
        rn->cause = 0;
        rc = NGX_OK;
    }

    rn->lease = 0;

    ngx_explicit_memzero(old, sizeof(old));

done:

    evicted = zone->sh->evicted - evicted;

    ngx_shmtx_unlock(&zone->shpool->mutex);

    ngx_http_wix_auth_zone_warn(shm_zone, evicted, log);

    return rc;
}


void
ngx_http_wix_auth_session_failed(ngx_shm_zone_t *shm_zone, u_char id[16],
    ngx_uint_t generation, ngx_uint_t lease, ngx_uint_t cause,
    ngx_int_t retry_after)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    ngx_msec_t                        delay;
    ngx_http_wix_auth_record_node_t  *rn;

    ngx_shmtx_lock(&zone->shpool->mutex);

    rn = ngx_http_wix_auth_zone_find(zone->sh, id);

    if (rn && rn->reason == 0 && rn->generation == generation
        && rn->lease == lease)
    {
        delay = NGX_HTTP_WIX_AUTH_BACKOFF << ngx_min(rn->failures, 5);
        delay = ngx_min(delay, NGX_HTTP_WIX_AUTH_BACKOFF_MAX);
        delay -= (ngx_msec_t) ngx_random() % (delay / 5);

        if (retry_after > 0 && (ngx_msec_t) retry_after * 1000 > delay) {
            delay = (ngx_msec_t) retry_after * 1000;
        }

        if (rn->failures < 255) {
            rn->failures++;
        }

        rn->cause = (u_char) cause;
        rn->retry_at = ngx_current_msec + delay;
        rn->lease = 0;
    }

    ngx_shmtx_unlock(&zone->shpool->mutex);
}


ngx_int_t
ngx_http_wix_auth_session_revoke(ngx_shm_zone_t *shm_zone, u_char id[16],
    ngx_uint_t generation, ngx_uint_t lease, time_t now)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    ngx_int_t                         rc;
    ngx_http_wix_auth_record_node_t  *rn;

    rc = NGX_DECLINED;

    ngx_shmtx_lock(&zone->shpool->mutex);

    rn = ngx_http_wix_auth_zone_find(zone->sh, id);

    if (rn && rn->reason == 0 && rn->generation == generation
        && (rn->lease == lease
            || !ngx_http_wix_auth_record_leased(rn, ngx_current_msec)))
    {
        ngx_http_wix_auth_zone_end(zone, rn,
                                   NGX_HTTP_WIX_AUTH_SESSION_REVOKED, now);
        rc = NGX_OK;
    }

    ngx_shmtx_unlock(&zone->shpool->mutex);

    return rc;
}


static ngx_http_wix_auth_record_node_t *
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


static ngx_uint_t
ngx_http_wix_auth_zone_key(u_char id[16])
{
    ngx_uint_t  key;

    ngx_memcpy(&key, id, sizeof(ngx_uint_t));

    return key;
}


static ngx_uint_t
ngx_http_wix_auth_record_leased(ngx_http_wix_auth_record_node_t *rn,
    ngx_msec_t now)
{
    return rn->lease != 0 && (ngx_msec_int_t) (rn->lease_until - now) > 0;
}


static void
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


static void
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

static void
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


static void
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


static void
ngx_http_wix_auth_record_token(ngx_http_wix_auth_record_node_t *rn,
    time_t expires, time_t lifetime)
{
    rn->token_expires = expires;
    rn->token_lifetime = (uint32_t) lifetime;
    rn->jitter = (u_char) ngx_random();
}


/* the blocks behind the head block for size bytes of strings */

static ngx_int_t
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


static void
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


static void *
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

        if (now >= rn->expires) {
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


static void
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

static void
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


static void
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


static void
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
