
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_reason.h"
#include "ngx_http_wix_auth_zone.h"


#define NGX_HTTP_WIX_AUTH_BACKOFF      1000     /* ms, doubling */
#define NGX_HTTP_WIX_AUTH_BACKOFF_MAX  30000


static ngx_uint_t ngx_http_wix_auth_session_text(ngx_str_t *text);
static void ngx_http_wix_auth_session_insert(ngx_http_wix_auth_zone_sh_t *sh,
    ngx_http_wix_auth_record_node_t *rn, ngx_http_wix_auth_session_t *s,
    ngx_str_t *strings);
static ngx_int_t ngx_http_wix_auth_session_replace(
    ngx_http_wix_auth_zone_t *zone, ngx_http_wix_auth_record_node_t *rn,
    ngx_str_t *strings);



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
    u_char  *p, *last, foreign;

    /* 0 for base64url (RFC 4648, 5); a byte each, for the hot path */

    static u_char  alphabet[256] = {
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1,
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0,
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
    };

    if (cookie->len != NGX_HTTP_WIX_AUTH_SESSION_COOKIE) {
        return 0;
    }

    foreign = 0;

    for (p = cookie->data, last = p + NGX_HTTP_WIX_AUTH_SESSION_COOKIE;
         p < last;
         p++)
    {
        foreign |= alphabet[*p];
    }

    return !foreign;
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
        || !ngx_http_wix_auth_session_text(&s->member_id)
        || !ngx_http_wix_auth_session_text(&s->email)
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

    rn->next = chain;
    ngx_http_wix_auth_session_insert(zone->sh, rn, s, strings);

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


/* the values become header text: no control character, no blank */

static ngx_uint_t
ngx_http_wix_auth_session_text(ngx_str_t *text)
{
    size_t  i;

    for (i = 0; i < text->len; i++) {
        if (text->data[i] <= ' ' || text->data[i] == 0x7f) {
            return 0;
        }
    }

    return 1;
}


/* fills a head block whose chain is set, and links it */

static void
ngx_http_wix_auth_session_insert(ngx_http_wix_auth_zone_sh_t *sh,
    ngx_http_wix_auth_record_node_t *rn, ngx_http_wix_auth_session_t *s,
    ngx_str_t *strings)
{
    ngx_http_wix_auth_block_t  *chain;

    chain = rn->next;
    ngx_memzero(rn, offsetof(ngx_http_wix_auth_record_node_t, data));
    rn->next = chain;

    rn->node.key = ngx_http_wix_auth_zone_key(s->id);
    ngx_memcpy(rn->id, s->id, 16);
    ngx_memcpy(rn->handle, s->handle, 16);
    ngx_memcpy(rn->client, s->client, 16);
    rn->created = s->created;
    rn->seen = s->created;
    rn->expires = s->expires;
    rn->generation = 1;

    ngx_http_wix_auth_record_token(rn, s->token_expires, s->token_lifetime);
    ngx_http_wix_auth_record_write(rn, strings);

    ngx_rbtree_insert(&sh->rbtree, &rn->node);
    ngx_queue_insert_head(&sh->lru, &rn->lru);
    ngx_queue_insert_head(&sh->age, &rn->age);
    sh->live++;
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
    ngx_int_t                         rc;
    ngx_str_t                         strings[NGX_HTTP_WIX_AUTH_STRINGS];
    ngx_uint_t                        evicted;
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

    if (rn == NULL || rn->reason || rn->generation != generation
        || ngx_time() >= rn->expires)
    {
        goto done;
    }

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

    rc = ngx_http_wix_auth_session_replace(zone, rn, strings);

    if (rc == NGX_OK) {
        ngx_http_wix_auth_record_token(rn, expires, lifetime);

        rn->generation++;
        rn->failures = 0;
        rn->cause = 0;
        rn->lease = 0;
    }

    ngx_explicit_memzero(old, sizeof(old));

done:

    evicted = zone->sh->evicted - evicted;

    ngx_shmtx_unlock(&zone->shpool->mutex);

    ngx_http_wix_auth_zone_warn(shm_zone, evicted, log);

    return rc;
}


/* new strings for a record: all blocks are there before the old ones go */

static ngx_int_t
ngx_http_wix_auth_session_replace(ngx_http_wix_auth_zone_t *zone,
    ngx_http_wix_auth_record_node_t *rn, ngx_str_t *strings)
{
    size_t                      size;
    ngx_http_wix_auth_block_t  *chain;

    size = strings[0].len + strings[1].len + strings[2].len + strings[3].len;

    /* a lease protects the record itself from eviction */

    if (rn->lease == 0) {
        rn->lease = 1;
    }

    rn->lease_until = ngx_current_msec + 1000;

    if (ngx_http_wix_auth_blocks_alloc(zone, size, &chain, ngx_time())
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_wix_auth_blocks_free(zone, rn->next);
    rn->next = chain;

    ngx_http_wix_auth_record_write(rn, strings);

    return NGX_OK;
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
