
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_counter.h"
#include "ngx_http_wix_auth_inquiry.h"
#include "ngx_http_wix_auth_profile.h"
#include "ngx_http_wix_auth_reason.h"
#include "ngx_http_wix_auth_site.h"


#define NGX_HTTP_WIX_AUTH_BEARER_REFUSED    30     /* s, life of a refusal */
#define NGX_HTTP_WIX_AUTH_BEARER_FAILED     2      /* s, for other workers */
#define NGX_HTTP_WIX_AUTH_BEARER_PLAIN      60     /* s, without a profile */
#define NGX_HTTP_WIX_AUTH_BEARER_RETRY_MAX  300    /* s, that we pass on */


/* a question that runs in this worker; it belongs to no request */

struct ngx_http_wix_auth_inquiry_s {
    ngx_queue_t                     queue;
    ngx_queue_t                     waiters;   /* records */
    ngx_pool_t                     *pool;
    ngx_log_t                      *log;
    ngx_shm_zone_t                 *zone;
    ngx_http_wix_auth_api_conf_t   *api;
    ngx_str_t                       token;     /* to ask for the profile;
                                                  len 0: nobody wants it */
    time_t                          cache;
    ngx_http_wix_auth_session_t     session;   /* the verdict; expires is the
                                                  token's end at first */
};


static void ngx_http_wix_auth_inquiry_info_done(
    ngx_http_wix_auth_api_result_t *result, void *data);
static void ngx_http_wix_auth_inquiry_plain(
    ngx_http_wix_auth_inquiry_t *in);
static ngx_int_t ngx_http_wix_auth_inquiry_accept(
    ngx_http_wix_auth_inquiry_t *in, ngx_http_wix_auth_api_result_t *result);
static ngx_int_t ngx_http_wix_auth_inquiry_profile(
    ngx_http_wix_auth_inquiry_t *in);
static void ngx_http_wix_auth_inquiry_member_done(
    ngx_http_wix_auth_api_result_t *result, void *data);
static void ngx_http_wix_auth_inquiry_store(ngx_http_wix_auth_inquiry_t *in);
static void ngx_http_wix_auth_inquiry_refuse(ngx_http_wix_auth_inquiry_t *in,
    ngx_uint_t reason);
static void ngx_http_wix_auth_inquiry_fail(ngx_http_wix_auth_inquiry_t *in,
    ngx_http_wix_auth_api_result_t *result);
static void ngx_http_wix_auth_inquiry_finish(ngx_http_wix_auth_inquiry_t *in,
    ngx_int_t rc, ngx_uint_t reason, ngx_int_t retry_after);
static void ngx_http_wix_auth_inquiry_free(ngx_http_wix_auth_inquiry_t *in);
static ngx_int_t ngx_http_wix_auth_inquiry_string(ngx_pool_t *pool,
    ngx_str_t *dst, ngx_str_t *src);
static ngx_uint_t ngx_http_wix_auth_inquiry_key(u_char id[16],
    ngx_uint_t mark, u_char buf[17], ngx_str_t *key);


static ngx_queue_t  ngx_http_wix_auth_inquiries;


ngx_http_wix_auth_inquiry_t *
ngx_http_wix_auth_inquiry_find(ngx_shm_zone_t *zone, u_char id[16])
{
    ngx_queue_t                  *q;
    ngx_http_wix_auth_inquiry_t  *in;

    if (ngx_http_wix_auth_inquiries.next == NULL) {
        return NULL;
    }

    for (q = ngx_queue_head(&ngx_http_wix_auth_inquiries);
         q != ngx_queue_sentinel(&ngx_http_wix_auth_inquiries);
         q = ngx_queue_next(q))
    {
        in = ngx_queue_data(q, ngx_http_wix_auth_inquiry_t, queue);

        if (in->zone == zone && ngx_memcmp(in->session.id, id, 16) == 0) {
            return in;
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_wix_auth_inquiry_begin(ngx_http_wix_auth_conf_t *conf,
    u_char id[16], u_char client[16], time_t expires, ngx_str_t *token,
    ngx_http_wix_auth_inquiry_t **started)
{
    u_char                        digest[32], text[36];
    ngx_str_t                     name;
    ngx_pool_t                   *pool;
    ngx_http_wix_auth_inquiry_t  *in;

    if (ngx_http_wix_auth_sha256(token->data, token->len, digest) != NGX_OK) {
        return NGX_ERROR;
    }

    pool = ngx_create_pool(2048, ngx_cycle->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    in = ngx_pcalloc(pool, sizeof(ngx_http_wix_auth_inquiry_t));

    if (in == NULL) {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    in->pool = pool;
    in->log = ngx_cycle->log;
    in->zone = conf->zone;
    in->api = conf->api;
    in->cache = conf->bearer->cache;

    in->session.kind = NGX_HTTP_WIX_AUTH_KIND_BEARER;
    in->session.expires = expires;
    ngx_memcpy(in->session.id, id, 16);
    ngx_memcpy(in->session.handle, digest, 16);
    ngx_memcpy(in->session.client, client, 16);

    ngx_queue_init(&in->waiters);

    if (conf->profile
        && ngx_http_wix_auth_inquiry_string(pool, &in->token, token) != NGX_OK)
    {
        ngx_http_wix_auth_inquiry_free(in);
        return NGX_ERROR;
    }

    ngx_http_wix_auth_guid_write(text, client);
    name.data = text;
    name.len = 36;

    if (ngx_http_wix_auth_api_token_info(in->api, &name, token, in->log,
                                         ngx_http_wix_auth_inquiry_info_done,
                                         in)
        == NULL)
    {
        ngx_http_wix_auth_inquiry_free(in);
        return NGX_ERROR;
    }

    if (ngx_http_wix_auth_inquiries.next == NULL) {
        ngx_queue_init(&ngx_http_wix_auth_inquiries);
    }

    ngx_queue_insert_head(&ngx_http_wix_auth_inquiries, &in->queue);

    *started = in;

    return NGX_OK;
}


void
ngx_http_wix_auth_inquiry_wait(ngx_http_wix_auth_inquiry_t *in,
    ngx_http_wix_auth_record_t *rec)
{
    ngx_queue_insert_tail(&in->waiters, &rec->queue);
    rec->waiting = in;
}


static void
ngx_http_wix_auth_inquiry_info_done(ngx_http_wix_auth_api_result_t *result,
    void *data)
{
    ngx_http_wix_auth_inquiry_t  *in = data;

    if (result->reason != NGX_HTTP_WIX_AUTH_OK) {
        ngx_http_wix_auth_inquiry_fail(in, result);
        return;
    }

    switch (ngx_http_wix_auth_inquiry_accept(in, result)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        ngx_http_wix_auth_inquiry_refuse(in, NGX_HTTP_WIX_AUTH_INVALID_TOKEN);
        return;

    default:
        ngx_http_wix_auth_inquiry_finish(in, NGX_ERROR,
                                         NGX_HTTP_WIX_AUTH_INTERNAL_ERROR, 1);
        return;
    }

    if (in->token.len == 0) {
        ngx_http_wix_auth_inquiry_store(in);
        return;
    }

    switch (ngx_http_wix_auth_inquiry_profile(in)) {

    case NGX_OK:
        return;

    case NGX_BUSY:
        /* nobody knows whether the member is blocked */

        ngx_http_wix_auth_inquiry_finish(in, NGX_BUSY,
                                         NGX_HTTP_WIX_AUTH_TOO_MANY_ATTEMPTS,
                                         1);
        return;

    default:
        ngx_http_wix_auth_inquiry_plain(in);
        ngx_http_wix_auth_inquiry_store(in);
    }
}


/* the token is good without a profile too, but nobody knows whether the member
   is blocked: soon to be asked again */

static void
ngx_http_wix_auth_inquiry_plain(ngx_http_wix_auth_inquiry_t *in)
{
    ngx_http_wix_auth_session_t  *s;

    s = &in->session;

    s->expires = ngx_min(s->expires,
                         s->created + NGX_HTTP_WIX_AUTH_BEARER_PLAIN);
    s->token_expires = s->expires;
    s->token_lifetime = s->expires - s->created;
}


static ngx_int_t
ngx_http_wix_auth_inquiry_accept(ngx_http_wix_auth_inquiry_t *in,
    ngx_http_wix_auth_api_result_t *result)
{
    time_t                        now;
    ngx_http_wix_auth_session_t  *s;

    s = &in->session;
    now = ngx_time();

    s->expires = ngx_min(s->expires, result->expires);

    if (!result->active
        || result->member_id.len == 0
        || ngx_memcmp(result->client_id, s->client, 16) != 0
        || s->expires <= now)
    {
        return NGX_DECLINED;
    }

    s->created = now;
    s->seen = now;
    s->expires = ngx_min(s->expires, now + in->cache);
    s->token_expires = s->expires;
    s->token_lifetime = s->expires - now;

    return ngx_http_wix_auth_inquiry_string(in->pool, &s->member_id,
                                            &result->member_id);
}


/* NGX_OK: a call is under way; else there is no profile to be had */

static ngx_int_t
ngx_http_wix_auth_inquiry_profile(ngx_http_wix_auth_inquiry_t *in)
{
    u_char     text[36];
    ngx_int_t  retry_after;
    ngx_str_t  client;

    if (ngx_http_wix_auth_budget_take(in->zone, in->session.client,
                                      NGX_HTTP_WIX_AUTH_BUDGET_PROFILE,
                                      NGX_HTTP_WIX_AUTH_LOOKUP_RATE,
                                      &retry_after)
        != NGX_OK)
    {
        return NGX_BUSY;
    }

    ngx_http_wix_auth_guid_write(text, in->session.client);
    client.data = text;
    client.len = 36;

    if (ngx_http_wix_auth_api_member(in->api, &client, &in->token, in->log,
                                     ngx_http_wix_auth_inquiry_member_done, in)
        == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_wix_auth_inquiry_member_done(ngx_http_wix_auth_api_result_t *result,
    void *data)
{
    ngx_http_wix_auth_inquiry_t  *in = data;

    ngx_str_t                    *id;
    ngx_http_wix_auth_session_t  *s;

    s = &in->session;

    switch (result->reason) {

    case NGX_HTTP_WIX_AUTH_OK:
        id = &result->member_id;

        if (id->len != s->member_id.len
            || ngx_memcmp(id->data, s->member_id.data, id->len) != 0)
        {
            ngx_log_error(NGX_LOG_ERR, in->log, 0,
                          "wix_auth: the profile for bearer token %*xs is "
                          "another member's, ignored",
                          (size_t) 4, s->handle);
            ngx_http_wix_auth_inquiry_plain(in);
            break;
        }

        if (result->profile == NULL
            || ngx_http_wix_auth_profile_pack(in->pool, result->profile,
                                              &s->profile)
               != NGX_OK
            || ngx_http_wix_auth_inquiry_string(in->pool, &s->email,
                                                &result->email)
               != NGX_OK)
        {
            ngx_str_null(&s->profile);
            ngx_str_null(&s->email);
            ngx_http_wix_auth_inquiry_plain(in);
        }

        break;

    case NGX_HTTP_WIX_AUTH_MEMBER_BLOCKED:
        ngx_http_wix_auth_inquiry_refuse(in, NGX_HTTP_WIX_AUTH_MEMBER_BLOCKED);
        return;

    case NGX_HTTP_WIX_AUTH_UPSTREAM_THROTTLED:

        /* which whoever has the token can bring about */

        ngx_http_wix_auth_inquiry_fail(in, result);
        return;

    default:

        /* logged already */
        ngx_http_wix_auth_inquiry_plain(in);
    }

    ngx_http_wix_auth_inquiry_store(in);
}


static void
ngx_http_wix_auth_inquiry_store(ngx_http_wix_auth_inquiry_t *in)
{
    ngx_int_t  rc;

    rc = ngx_http_wix_auth_session_create(in->zone, &in->session, in->log);

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_ERR, in->log, 0,
                      "wix_auth: member id or e-mail of bearer token %*xs "
                      "is not usable",
                      (size_t) 4, in->session.handle);

        ngx_http_wix_auth_inquiry_finish(in, NGX_ERROR,
                                         NGX_HTTP_WIX_AUTH_INTERNAL_ERROR, 1);
        return;
    }

    /* in a full zone, which is logged, the verdict is for who waits here */

    ngx_http_wix_auth_inquiry_finish(in, NGX_OK, NGX_HTTP_WIX_AUTH_OK, -1);
}


static void
ngx_http_wix_auth_inquiry_refuse(ngx_http_wix_auth_inquiry_t *in,
    ngx_uint_t reason)
{
    ngx_log_error(NGX_LOG_INFO, in->log, 0,
                  "wix_auth: bearer token %*xs is refused, %V",
                  (size_t) 4, in->session.handle,
                  &ngx_http_wix_auth_reason(reason)->code);

    (void) ngx_http_wix_auth_inquiry_mark(in->zone, in->session.id,
                                (reason == NGX_HTTP_WIX_AUTH_MEMBER_BLOCKED)
                                ? NGX_HTTP_WIX_AUTH_MARK_BLOCKED
                                : NGX_HTTP_WIX_AUTH_MARK_REFUSED,
                                NGX_HTTP_WIX_AUTH_BEARER_REFUSED);

    ngx_http_wix_auth_inquiry_finish(in, NGX_DECLINED, reason, -1);
}


static void
ngx_http_wix_auth_inquiry_fail(ngx_http_wix_auth_inquiry_t *in,
    ngx_http_wix_auth_api_result_t *result)
{
    u_char      *id, *client;
    ngx_int_t    retry_after;
    ngx_uint_t   reason, mark, other;

    id = in->session.id;
    client = in->session.client;

    retry_after = ngx_min(result->retry_after,
                          NGX_HTTP_WIX_AUTH_BEARER_RETRY_MAX);

    if (result->reason == NGX_HTTP_WIX_AUTH_UPSTREAM_THROTTLED) {
        ngx_http_wix_auth_budget_pause(in->zone, client, result->retry_after);
        retry_after = ngx_http_wix_auth_budget_paused(in->zone, client);
    }

    if (result->cause == NGX_HTTP_WIX_AUTH_CAUSE_TIMEOUT) {
        reason = NGX_HTTP_WIX_AUTH_UPSTREAM_TIMEOUT;
        mark = NGX_HTTP_WIX_AUTH_MARK_TIMEOUT;
        other = NGX_HTTP_WIX_AUTH_MARK_FAILED;

    } else {
        reason = NGX_HTTP_WIX_AUTH_UPSTREAM_UNAVAILABLE;
        mark = NGX_HTTP_WIX_AUTH_MARK_FAILED;
        other = NGX_HTTP_WIX_AUTH_MARK_TIMEOUT;
    }

    /* those who wait elsewhere are to give up, not to ask one by one */

    ngx_http_wix_auth_inquiry_unmark(in->zone, id, other);
    ngx_http_wix_auth_inquiry_unmark(in->zone, id, mark);
    (void) ngx_http_wix_auth_inquiry_mark(in->zone, id, mark,
                                          NGX_HTTP_WIX_AUTH_BEARER_FAILED);

    ngx_http_wix_auth_inquiry_finish(in, NGX_BUSY, reason, retry_after);
}


/* what other workers are to know must be there: this gives the claim back */

static void
ngx_http_wix_auth_inquiry_finish(ngx_http_wix_auth_inquiry_t *in,
    ngx_int_t rc, ngx_uint_t reason, ngx_int_t retry_after)
{
    ngx_queue_t                 *q;
    ngx_http_wix_auth_record_t  *rec;

    ngx_queue_remove(&in->queue);

    ngx_http_wix_auth_inquiry_unmark(in->zone, in->session.id,
                                     NGX_HTTP_WIX_AUTH_MARK_CLAIM);

    while (!ngx_queue_empty(&in->waiters)) {
        q = ngx_queue_head(&in->waiters);
        rec = ngx_queue_data(q, ngx_http_wix_auth_record_t, queue);

        ngx_http_wix_auth_bearer_told(rec, rc, reason, retry_after,
                                      &in->session);
    }

    ngx_http_wix_auth_inquiry_free(in);
}


static void
ngx_http_wix_auth_inquiry_free(ngx_http_wix_auth_inquiry_t *in)
{
    if (in->token.len) {
        ngx_explicit_memzero(in->token.data, in->token.len);
    }

    ngx_destroy_pool(in->pool);
}


ngx_int_t
ngx_http_wix_auth_inquiry_copy(ngx_pool_t *pool,
    ngx_http_wix_auth_session_t *dst, ngx_http_wix_auth_session_t *src)
{
    *dst = *src;

    if (ngx_http_wix_auth_inquiry_string(pool, &dst->member_id,
                                         &src->member_id)
        != NGX_OK
        || ngx_http_wix_auth_inquiry_string(pool, &dst->email, &src->email)
           != NGX_OK
        || ngx_http_wix_auth_inquiry_string(pool, &dst->profile, &src->profile)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_inquiry_string(ngx_pool_t *pool, ngx_str_t *dst,
    ngx_str_t *src)
{
    ngx_str_t  copy;

    ngx_str_null(&copy);

    if (src->len) {
        copy.data = ngx_pstrdup(pool, src);
        if (copy.data == NULL) {
            return NGX_ERROR;
        }

        copy.len = src->len;
    }

    *dst = copy;

    return NGX_OK;
}


ngx_int_t
ngx_http_wix_auth_inquiry_mark(ngx_shm_zone_t *zone, u_char id[16],
    ngx_uint_t mark, time_t time)
{
    u_char      buf[17];
    time_t      left;
    ngx_str_t   key;
    ngx_uint_t  kind;

    kind = ngx_http_wix_auth_inquiry_key(id, mark, buf, &key);

    return ngx_http_wix_auth_counter_take(zone, kind, &key, 1, time, &left);
}


ngx_uint_t
ngx_http_wix_auth_inquiry_marked(ngx_shm_zone_t *zone, u_char id[16],
    ngx_uint_t mark)
{
    u_char      buf[17];
    time_t      left;
    ngx_str_t   key;
    ngx_uint_t  kind;

    kind = ngx_http_wix_auth_inquiry_key(id, mark, buf, &key);

    return ngx_http_wix_auth_counter_get(zone, kind, &key, &left);
}


void
ngx_http_wix_auth_inquiry_unmark(ngx_shm_zone_t *zone, u_char id[16],
    ngx_uint_t mark)
{
    u_char      buf[17];
    ngx_str_t   key;
    ngx_uint_t  kind;

    kind = ngx_http_wix_auth_inquiry_key(id, mark, buf, &key);

    ngx_http_wix_auth_counter_clear(zone, kind, &key);
}


/* the id, a keyed hash, stands for the token */

static ngx_uint_t
ngx_http_wix_auth_inquiry_key(u_char id[16], ngx_uint_t mark, u_char buf[17],
    ngx_str_t *key)
{
    ngx_memcpy(buf, id, 16);
    buf[16] = (u_char) mark;

    key->data = buf;
    key->len = 17;

    return (mark == NGX_HTTP_WIX_AUTH_MARK_REFUSED
            || mark == NGX_HTTP_WIX_AUTH_MARK_BLOCKED)
           ? NGX_HTTP_WIX_AUTH_COUNT_REFUSED
           : NGX_HTTP_WIX_AUTH_COUNT_CHECKED;
}
