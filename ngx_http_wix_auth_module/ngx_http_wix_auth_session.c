
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_reason.h"
#include "ngx_http_wix_auth_zone.h"


#define NGX_HTTP_WIX_AUTH_BACKOFF      1000     /* ms, doubling */
#define NGX_HTTP_WIX_AUTH_BACKOFF_MAX  30000

/* holds the strings of most sessions */
#define NGX_HTTP_WIX_AUTH_LEASE_BUFFER  4096


static ngx_int_t ngx_http_wix_auth_session_alive(
    ngx_http_wix_auth_record_node_t *rn, ngx_http_wix_auth_session_query_t *q,
    ngx_http_wix_auth_session_t *s);
static ngx_inline void ngx_http_wix_auth_session_fill(
    ngx_http_wix_auth_record_node_t *rn, ngx_uint_t set, u_char *buf,
    ngx_http_wix_auth_session_t *s);
static ngx_uint_t ngx_http_wix_auth_session_text(ngx_str_t *text);
static void ngx_http_wix_auth_session_insert(ngx_http_wix_auth_zone_sh_t *sh,
    ngx_http_wix_auth_record_node_t *rn, ngx_http_wix_auth_session_t *s,
    ngx_str_t *strings);
static void ngx_http_wix_auth_session_token(
    ngx_http_wix_auth_record_node_t *rn, time_t expires, time_t lifetime);
static ngx_uint_t ngx_http_wix_auth_session_same(ngx_str_t *a, ngx_str_t *b);
static ngx_int_t ngx_http_wix_auth_session_replace(
    ngx_http_wix_auth_zone_t *zone, ngx_http_wix_auth_record_node_t *rn,
    ngx_str_t *strings);
static void ngx_http_wix_auth_session_warn(ngx_shm_zone_t *shm_zone,
    ngx_uint_t evicted, ngx_log_t *log);


ngx_int_t
ngx_http_wix_auth_session_find(ngx_shm_zone_t *shm_zone,
    ngx_http_wix_auth_session_query_t *q, ngx_http_wix_auth_session_t *s)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    ngx_int_t                         rc;
    ngx_uint_t                        set;
    ngx_http_wix_auth_record_node_t  *rn;

    set = NGX_HTTP_WIX_AUTH_STRING_BIT(MEMBER_ID)
          | NGX_HTTP_WIX_AUTH_STRING_BIT(EMAIL);

    if (q->profile) {
        set |= NGX_HTTP_WIX_AUTH_STRING_BIT(PROFILE);
    }

    if (q->access) {
        set |= NGX_HTTP_WIX_AUTH_STRING_BIT(ACCESS);
    }

    ngx_shmtx_lock(&zone->shpool->mutex);

    rn = ngx_http_wix_auth_zone_find(zone->sh, q->id);

    if (rn == NULL
        || (rn->kind == NGX_HTTP_WIX_AUTH_KIND_BEARER) != q->bearer)
    {
        rc = NGX_DECLINED;
        goto done;
    }

    rc = ngx_http_wix_auth_session_alive(rn, q, s);
    if (rc != NGX_OK) {
        goto done;
    }

    q->need = rn->len[NGX_HTTP_WIX_AUTH_STRING_MEMBER_ID]
              + rn->len[NGX_HTTP_WIX_AUTH_STRING_EMAIL];

    if (q->profile) {
        q->need += rn->len[NGX_HTTP_WIX_AUTH_STRING_PROFILE];
    }

    if (q->access) {
        q->need += rn->len[NGX_HTTP_WIX_AUTH_STRING_ACCESS];
    }

    if (q->need > q->size) {
        rc = NGX_AGAIN;
        goto done;
    }

    ngx_http_wix_auth_session_fill(rn, set, q->buf, s);

    /* once a second is often enough: most hits only read */

    if (q->touch && rn->seen < q->now) {
        ngx_http_wix_auth_zone_used(zone->sh, rn, q->now);
    }

    rc = NGX_OK;

done:

    ngx_shmtx_unlock(&zone->shpool->mutex);

    return rc;
}


/* NGX_OK, or as session_find() with s->reason set */

static ngx_int_t
ngx_http_wix_auth_session_alive(ngx_http_wix_auth_record_node_t *rn,
    ngx_http_wix_auth_session_query_t *q, ngx_http_wix_auth_session_t *s)
{
    if (q->client && ngx_memcmp(rn->client, q->client, 16) != 0) {
        s->reason = NGX_HTTP_WIX_AUTH_OTHER_CLIENT;
        return NGX_ABORT;
    }

    if (rn->reason) {
        s->reason = rn->reason;
        return (q->now < rn->expires) ? NGX_ABORT : NGX_DECLINED;
    }

    if (q->now >= rn->expires) {
        s->reason = NGX_HTTP_WIX_AUTH_SESSION_EXPIRED;
        return NGX_ABORT;
    }

    if (q->idle && q->now - rn->seen > q->idle
        && rn->kind == NGX_HTTP_WIX_AUTH_KIND_MEMBER)
    {
        s->reason = NGX_HTTP_WIX_AUTH_SESSION_IDLE;
        return NGX_ABORT;
    }

    if (q->now >= rn->token_expires
        && rn->len[NGX_HTTP_WIX_AUTH_STRING_REFRESH] == 0)
    {
        /* Wix has given nothing to go on with */

        s->reason = NGX_HTTP_WIX_AUTH_REFRESH_FAILED;
        return NGX_ABORT;
    }

    return NGX_OK;
}


void
ngx_http_wix_auth_session_copy(ngx_http_wix_auth_record_node_t *rn,
    ngx_uint_t set, u_char *buf, ngx_http_wix_auth_session_t *s)
{
    ngx_http_wix_auth_session_fill(rn, set, buf, s);
}


/* a part of every hit, where it is no call */

static ngx_inline void
ngx_http_wix_auth_session_fill(ngx_http_wix_auth_record_node_t *rn,
    ngx_uint_t set, u_char *buf, ngx_http_wix_auth_session_t *s)
{
    size_t     id, email;
    ngx_str_t  strings[NGX_HTTP_WIX_AUTH_STRINGS];

    if (set == (NGX_HTTP_WIX_AUTH_STRING_BIT(MEMBER_ID)
                | NGX_HTTP_WIX_AUTH_STRING_BIT(EMAIL)))
    {
        /* what most hits want, and the first two */

        id = rn->len[NGX_HTTP_WIX_AUTH_STRING_MEMBER_ID];
        email = rn->len[NGX_HTTP_WIX_AUTH_STRING_EMAIL];

        if (id + email <= NGX_HTTP_WIX_AUTH_HEAD_ROOM) {
            ngx_memcpy(buf, rn->data, id + email);

        } else {
            ngx_http_wix_auth_record_read(rn, 0, buf, id + email);
        }

        s->member_id.data = buf;
        s->member_id.len = id;
        s->email.data = buf + id;
        s->email.len = email;

        s->profile.data = buf + id + email;
        s->profile.len = 0;
        s->access_token = s->profile;
        s->refresh_token = s->profile;

    } else {
        (void) ngx_http_wix_auth_record_strings(rn, set, buf, strings);

        s->member_id = strings[NGX_HTTP_WIX_AUTH_STRING_MEMBER_ID];
        s->email = strings[NGX_HTTP_WIX_AUTH_STRING_EMAIL];
        s->profile = strings[NGX_HTTP_WIX_AUTH_STRING_PROFILE];
        s->access_token = strings[NGX_HTTP_WIX_AUTH_STRING_ACCESS];
        s->refresh_token = strings[NGX_HTTP_WIX_AUTH_STRING_REFRESH];
    }

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
    s->kind = rn->kind;
}


ngx_int_t
ngx_http_wix_auth_session_create(ngx_shm_zone_t *shm_zone,
    ngx_http_wix_auth_session_t *s, ngx_log_t *log)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    ngx_str_t                         strings[NGX_HTTP_WIX_AUTH_STRINGS];
    ngx_uint_t                        n, evicted;
    ngx_http_wix_auth_record_node_t  *rn;

    if (!ngx_http_wix_auth_session_storable(s)) {
        return NGX_DECLINED;
    }

    strings[NGX_HTTP_WIX_AUTH_STRING_MEMBER_ID] = s->member_id;
    strings[NGX_HTTP_WIX_AUTH_STRING_EMAIL] = s->email;
    strings[NGX_HTTP_WIX_AUTH_STRING_PROFILE] = s->profile;
    strings[NGX_HTTP_WIX_AUTH_STRING_ACCESS] = s->access_token;
    strings[NGX_HTTP_WIX_AUTH_STRING_REFRESH] = s->refresh_token;

    if (s->kind == NGX_HTTP_WIX_AUTH_KIND_BEARER) {
        /* its request brings the token along */
        strings[NGX_HTTP_WIX_AUTH_STRING_ACCESS].len = 0;
        strings[NGX_HTTP_WIX_AUTH_STRING_REFRESH].len = 0;
    }

    ngx_shmtx_lock(&zone->shpool->mutex);

    evicted = zone->sh->evicted[NGX_HTTP_WIX_AUTH_KIND_MEMBER];

    ngx_http_wix_auth_zone_expire(zone, s->created);

    rn = ngx_http_wix_auth_zone_find(zone->sh, s->id);
    if (rn) {
        ngx_http_wix_auth_zone_delete(zone, rn);
    }

    n = ngx_http_wix_auth_blocks_for(ngx_http_wix_auth_strings_size(strings));

    if (ngx_http_wix_auth_zone_room(zone, s->kind, n, s->created) != NGX_OK) {
        goto failed;
    }

    rn = ngx_http_wix_auth_record_take(zone->sh, n);
    if (rn == NULL) {
        goto failed;
    }

    ngx_http_wix_auth_session_insert(zone->sh, rn, s, strings);

    evicted = zone->sh->evicted[NGX_HTTP_WIX_AUTH_KIND_MEMBER] - evicted;

    ngx_shmtx_unlock(&zone->shpool->mutex);

    ngx_http_wix_auth_session_warn(shm_zone, evicted, log);

    return NGX_OK;

failed:

    ngx_shmtx_unlock(&zone->shpool->mutex);

    if (s->kind == NGX_HTTP_WIX_AUTH_KIND_MEMBER) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "wix_auth: zone \"%V\" of %uz bytes is full, "
                      "a session could not be stored",
                      &shm_zone->shm.name, shm_zone->shm.size);

    } else {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "wix_auth: zone \"%V\" of %uz bytes is full of "
                      "members, a %s could not be stored",
                      &shm_zone->shm.name, shm_zone->shm.size,
                      (s->kind == NGX_HTTP_WIX_AUTH_KIND_VISITOR)
                      ? "visitor" : "bearer token's verdict");
    }

    return NGX_ERROR;
}


ngx_uint_t
ngx_http_wix_auth_session_storable(ngx_http_wix_auth_session_t *s)
{
    if (s->member_id.len > NGX_HTTP_WIX_AUTH_MEMBER_ID_MAX
        || s->email.len > NGX_HTTP_WIX_AUTH_EMAIL_MAX
        || s->profile.len > NGX_HTTP_WIX_AUTH_PROFILE_MAX
        || s->access_token.len > NGX_HTTP_WIX_AUTH_TOKEN_MAX
        || s->refresh_token.len > NGX_HTTP_WIX_AUTH_TOKEN_MAX)
    {
        return 0;
    }

    if (!ngx_http_wix_auth_session_text(&s->member_id)
        || !ngx_http_wix_auth_session_text(&s->email))
    {
        return 0;
    }

    /* whoever has a member id is a member, and nobody else is */

    return (s->member_id.len == 0)
           == (s->kind == NGX_HTTP_WIX_AUTH_KIND_VISITOR);
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


/* fills a record whose chain is long enough, and links it */

static void
ngx_http_wix_auth_session_insert(ngx_http_wix_auth_zone_sh_t *sh,
    ngx_http_wix_auth_record_node_t *rn, ngx_http_wix_auth_session_t *s,
    ngx_str_t *strings)
{
    ngx_memcpy(rn->id, s->id, 16);
    ngx_memcpy(rn->handle, s->handle, 16);
    ngx_memcpy(rn->client, s->client, 16);
    rn->created = s->created;
    rn->seen = s->created;
    rn->moved = s->created;
    rn->expires = s->expires;
    rn->generation = 1;
    rn->kind = (u_char) s->kind;

    ngx_http_wix_auth_session_token(rn, s->token_expires, s->token_lifetime);
    ngx_http_wix_auth_record_write(rn, strings);

    ngx_http_wix_auth_zone_link(sh, rn);
    ngx_queue_insert_head(ngx_http_wix_auth_zone_lru(sh, s->kind), &rn->lru);
    ngx_queue_insert_head(&sh->age[s->kind], &rn->age);
    sh->live[s->kind]++;

    ngx_http_wix_auth_zone_changed(sh, s->kind);
}


/* expiry, and the jitter of the next refresh */

static void
ngx_http_wix_auth_session_token(ngx_http_wix_auth_record_node_t *rn,
    time_t expires, time_t lifetime)
{
    rn->token_expires = expires;
    rn->token_lifetime = (uint32_t) lifetime;
    rn->jitter = (u_char) ngx_random();
}


ngx_int_t
ngx_http_wix_auth_session_profile(ngx_shm_zone_t *shm_zone, u_char id[16],
    ngx_str_t *member_id, ngx_str_t *profile, ngx_str_t *email,
    ngx_log_t *log)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    u_char                            old[NGX_HTTP_WIX_AUTH_STRING_ROOM], *end;
    ngx_int_t                         rc;
    ngx_str_t                        *mail;
    ngx_str_t                         strings[NGX_HTTP_WIX_AUTH_STRINGS];
    ngx_uint_t                        evicted;
    ngx_http_wix_auth_record_node_t  *rn;

    if (profile->len > NGX_HTTP_WIX_AUTH_PROFILE_MAX) {
        return NGX_ERROR;
    }

    if (email->len == 0 || email->len > NGX_HTTP_WIX_AUTH_EMAIL_MAX
        || !ngx_http_wix_auth_session_text(email))
    {
        email = NULL;
    }

    rc = NGX_DECLINED;
    end = old;

    ngx_shmtx_lock(&zone->shpool->mutex);

    evicted = zone->sh->evicted[NGX_HTTP_WIX_AUTH_KIND_MEMBER];

    rn = ngx_http_wix_auth_zone_find(zone->sh, id);

    if (rn == NULL || rn->reason || ngx_time() >= rn->expires
        || rn->kind == NGX_HTTP_WIX_AUTH_KIND_VISITOR)
    {
        goto done;
    }

    end = ngx_http_wix_auth_record_strings(rn, NGX_HTTP_WIX_AUTH_STRING_ALL,
                                           old, strings);

    if (!ngx_http_wix_auth_session_same(member_id,
                                &strings[NGX_HTTP_WIX_AUTH_STRING_MEMBER_ID]))
    {
        goto done;
    }

    mail = &strings[NGX_HTTP_WIX_AUTH_STRING_EMAIL];
    email = email ? email : mail;

    if (ngx_http_wix_auth_session_same(email, mail)
        && ngx_http_wix_auth_session_same(profile,
                                  &strings[NGX_HTTP_WIX_AUTH_STRING_PROFILE]))
    {
        rc = NGX_OK;
        goto done;
    }

    *mail = *email;
    strings[NGX_HTTP_WIX_AUTH_STRING_PROFILE] = *profile;

    rc = ngx_http_wix_auth_session_replace(zone, rn, strings);

done:

    evicted = zone->sh->evicted[NGX_HTTP_WIX_AUTH_KIND_MEMBER] - evicted;

    ngx_shmtx_unlock(&zone->shpool->mutex);

    ngx_explicit_memzero(old, end - old);

    ngx_http_wix_auth_session_warn(shm_zone, evicted, log);

    return rc;
}


static ngx_uint_t
ngx_http_wix_auth_session_same(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len && ngx_memcmp(a->data, b->data, a->len) == 0;
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

    size = NGX_HTTP_WIX_AUTH_LEASE_BUFFER;

    for ( ;; ) {
        buf = ngx_pnalloc(pool, size);
        if (buf == NULL) {
            return NGX_ERROR;
        }

        need = 0;
        rc = NGX_OK;

        ngx_shmtx_lock(&zone->shpool->mutex);

        rn = ngx_http_wix_auth_zone_find(zone->sh, id);

        if (rn == NULL || rn->reason
            || rn->len[NGX_HTTP_WIX_AUTH_STRING_REFRESH] == 0)
        {
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
            need = ngx_http_wix_auth_record_size(rn,
                                                 NGX_HTTP_WIX_AUTH_STRING_ALL);

            if (need <= size) {
                if (++zone->sh->leases == 0) {
                    zone->sh->leases = 1;
                }

                rn->lease = zone->sh->leases;
                rn->lease_until = ngx_current_msec + time;
                *lease = rn->lease;

                ngx_http_wix_auth_session_copy(rn,
                                               NGX_HTTP_WIX_AUTH_STRING_ALL,
                                               buf, s);
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

    u_char                            old[NGX_HTTP_WIX_AUTH_STRING_ROOM], *end;
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
    end = old;

    ngx_shmtx_lock(&zone->shpool->mutex);

    evicted = zone->sh->evicted[NGX_HTTP_WIX_AUTH_KIND_MEMBER];

    rn = ngx_http_wix_auth_zone_find(zone->sh, id);

    if (rn == NULL || rn->reason || rn->generation != generation
        || ngx_time() >= rn->expires
        || rn->kind == NGX_HTTP_WIX_AUTH_KIND_BEARER)
    {
        goto done;
    }

    end = ngx_http_wix_auth_record_strings(rn, NGX_HTTP_WIX_AUTH_STRING_ALL,
                                           old, strings);

    strings[NGX_HTTP_WIX_AUTH_STRING_ACCESS] = *access_token;

    if (refresh_token->len) {
        /* else Wix did not rotate */
        strings[NGX_HTTP_WIX_AUTH_STRING_REFRESH] = *refresh_token;
    }

    rc = ngx_http_wix_auth_session_replace(zone, rn, strings);

    if (rc == NGX_OK) {
        ngx_http_wix_auth_session_token(rn, expires, lifetime);

        rn->generation++;
        rn->failures = 0;
        rn->cause = 0;
        rn->lease = 0;
    }

done:

    evicted = zone->sh->evicted[NGX_HTTP_WIX_AUTH_KIND_MEMBER] - evicted;

    ngx_shmtx_unlock(&zone->shpool->mutex);

    ngx_explicit_memzero(old, end - old);

    ngx_http_wix_auth_session_warn(shm_zone, evicted, log);

    return rc;
}


/*
 * New strings for a record: all blocks are there before the old ones go.  A
 * worker that is killed in between leaves a record that has expired, with
 * blocks that nobody else has.
 */

static ngx_int_t
ngx_http_wix_auth_session_replace(ngx_http_wix_auth_zone_t *zone,
    ngx_http_wix_auth_record_node_t *rn, ngx_str_t *strings)
{
    time_t                      expires;
    uint32_t                    lease;
    ngx_int_t                   rc;
    ngx_uint_t                  n;
    ngx_msec_t                  until;
    ngx_http_wix_auth_block_t  *chain, *old;

    n = ngx_http_wix_auth_blocks_for(ngx_http_wix_auth_strings_size(strings))
        - 1;

    /* a lease protects the record itself from eviction */

    lease = rn->lease;
    until = rn->lease_until;

    rn->lease = 1;
    rn->lease_until = ngx_current_msec + 1000;

    rc = ngx_http_wix_auth_zone_room(zone, rn->kind, n, ngx_time());

    rn->lease = lease;
    rn->lease_until = until;

    if (rc != NGX_OK
        || ngx_http_wix_auth_chain_take(zone->sh, n, &chain) != NGX_OK)
    {
        return NGX_ERROR;
    }

    old = rn->next;
    expires = rn->expires;

    rn->expires = 0;
    ngx_memory_barrier();

    rn->next = chain;
    ngx_http_wix_auth_record_write(rn, strings);

    ngx_memory_barrier();
    rn->expires = expires;

    ngx_http_wix_auth_chain_give(zone->sh, old);
    ngx_http_wix_auth_zone_changed(zone->sh, rn->kind);

    return NGX_OK;
}


static void
ngx_http_wix_auth_session_warn(ngx_shm_zone_t *shm_zone, ngx_uint_t evicted,
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
                  &shm_zone->shm.name, shm_zone->shm.size,
                  zone->sh->evicted[NGX_HTTP_WIX_AUTH_KIND_MEMBER]);
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


void
ngx_http_wix_auth_session_release(ngx_shm_zone_t *shm_zone, u_char id[16],
    ngx_uint_t generation, ngx_uint_t lease)
{
    ngx_http_wix_auth_zone_t  *zone = shm_zone->data;

    ngx_http_wix_auth_record_node_t  *rn;

    ngx_shmtx_lock(&zone->shpool->mutex);

    rn = ngx_http_wix_auth_zone_find(zone->sh, id);

    if (rn && rn->generation == generation && rn->lease == lease) {
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
