
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_counter.h"
#include "ngx_http_wix_auth_member.h"
#include "ngx_http_wix_auth_profile.h"
#include "ngx_http_wix_auth_reason.h"


#define NGX_HTTP_WIX_AUTH_MEMBER_REST  60     /* s, between two tries */


/* a call that runs in this worker; it belongs to no request */

typedef struct {
    ngx_pool_t                     *pool;
    ngx_log_t                      *log;
    ngx_shm_zone_t                 *zone;
    u_char                          id[16];
    u_char                          handle[16];
    u_char                          client[16];
} ngx_http_wix_auth_member_t;


static void ngx_http_wix_auth_member_done(
    ngx_http_wix_auth_api_result_t *result, void *data);
static void ngx_http_wix_auth_member_store(ngx_http_wix_auth_member_t *m,
    ngx_http_wix_auth_api_result_t *result);


void
ngx_http_wix_auth_refresh_profile(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf)
{
    time_t                              left;
    ngx_str_t                           key;
    ngx_http_wix_auth_session_t         s;
    ngx_http_wix_auth_session_query_t   q;

    key.data = rec->session.id;
    key.len = 16;

    if (ngx_http_wix_auth_counter_take(conf->zone,
                                       NGX_HTTP_WIX_AUTH_COUNT_PROFILE, &key,
                                       1, NGX_HTTP_WIX_AUTH_MEMBER_REST,
                                       &left)
        != NGX_OK)
    {
        return;
    }

    ngx_memzero(&q, sizeof(ngx_http_wix_auth_session_query_t));

    ngx_memcpy(q.id, rec->session.id, 16);
    q.client = rec->session.client;
    q.now = ngx_time();
    q.access = 1;
    q.size = NGX_HTTP_WIX_AUTH_TOKEN_MAX + NGX_HTTP_WIX_AUTH_SESSION_INLINE;
    q.buf = ngx_alloc(q.size, ngx_cycle->log);

    if (q.buf == NULL) {
        return;
    }

    if (ngx_http_wix_auth_session_find(conf->zone, &q, &s) == NGX_OK) {
        ngx_http_wix_auth_member_fetch(conf->zone, conf->api, s.id, s.handle,
                                       s.client, &s.access_token);
    }

    ngx_explicit_memzero(q.buf, q.size);
    ngx_free(q.buf);
}


void
ngx_http_wix_auth_member_fetch(ngx_shm_zone_t *zone,
    ngx_http_wix_auth_api_conf_t *api, u_char id[16], u_char handle[16],
    u_char client[16], ngx_str_t *access_token)
{
    u_char                       text[36];
    ngx_int_t                    retry_after;
    ngx_str_t                    name;
    ngx_pool_t                  *pool;
    ngx_http_wix_auth_member_t  *m;

    if (ngx_http_wix_auth_breaker_open(zone, client,
                                       NGX_HTTP_WIX_AUTH_CLASS_LOOKUP,
                                       &api->breaker, &retry_after)
        != NGX_OK
        || ngx_http_wix_auth_budget_take(zone, client,
                                         NGX_HTTP_WIX_AUTH_BUDGET_PROFILE,
                                         NGX_HTTP_WIX_AUTH_LOOKUP_RATE,
                                         &retry_after)
           != NGX_OK)
    {
        return;
    }

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return;
    }

    m = ngx_pcalloc(pool, sizeof(ngx_http_wix_auth_member_t));
    if (m == NULL) {
        ngx_destroy_pool(pool);
        return;
    }

    m->pool = pool;
    m->log = ngx_cycle->log;
    m->zone = zone;
    ngx_memcpy(m->id, id, 16);
    ngx_memcpy(m->handle, handle, 16);
    ngx_memcpy(m->client, client, 16);

    ngx_http_wix_auth_guid_write(text, client);
    name.data = text;
    name.len = 36;

    if (ngx_http_wix_auth_api_member(api, &name, access_token, m->log,
                                     ngx_http_wix_auth_member_done, m)
        == NULL)
    {
        ngx_destroy_pool(pool);
    }
}


static void
ngx_http_wix_auth_member_done(ngx_http_wix_auth_api_result_t *result,
    void *data)
{
    ngx_http_wix_auth_member_t  *m = data;

    switch (result->reason) {

    case NGX_HTTP_WIX_AUTH_OK:
        ngx_http_wix_auth_member_store(m, result);
        break;

    case NGX_HTTP_WIX_AUTH_MEMBER_BLOCKED:

        if (ngx_http_wix_auth_session_end(m->zone, m->id,
                                          NGX_HTTP_WIX_AUTH_MEMBER_BLOCKED,
                                          ngx_time())
            == NGX_OK)
        {
            ngx_log_error(NGX_LOG_INFO, m->log, 0,
                          "wix_auth: session %*xs ended, member_blocked",
                          (size_t) 4, m->handle);
        }

        break;

    case NGX_HTTP_WIX_AUTH_UPSTREAM_THROTTLED:
        ngx_http_wix_auth_budget_pause(m->zone, m->client,
                                       result->retry_after);
        break;

    default:
        /* logged already; what was known before stays */
        break;
    }

    ngx_destroy_pool(m->pool);
}


static void
ngx_http_wix_auth_member_store(ngx_http_wix_auth_member_t *m,
    ngx_http_wix_auth_api_result_t *result)
{
    ngx_int_t  rc;
    ngx_str_t  packed;

    if (result->profile == NULL
        || ngx_http_wix_auth_profile_pack(m->pool, result->profile, &packed)
           != NGX_OK)
    {
        return;
    }

    rc = ngx_http_wix_auth_session_profile(m->zone, m->id, &result->member_id,
                                           &packed, &result->email, m->log);

    if (rc == NGX_ERROR) {
        ngx_log_error(NGX_LOG_ERR, m->log, 0,
                      "wix_auth: the profile of session %*xs could not be "
                      "stored, zone \"%V\" is full",
                      (size_t) 4, m->handle, &m->zone->shm.name);
        return;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, m->log, 0,
                   "wix_auth: profile of session %*xs stored: %i",
                   (size_t) 4, m->handle, rc);
}
