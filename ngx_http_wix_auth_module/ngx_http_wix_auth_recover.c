
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_login_parts.h"


#define NGX_HTTP_WIX_AUTH_RECOVER_TRIES  10     /* from one peer address */
#define NGX_HTTP_WIX_AUTH_RECOVER_TIME   900    /* in so many seconds */


/* one mail; it belongs to no request */

typedef struct {
    ngx_pool_t      *pool;
    ngx_shm_zone_t  *zone;
    u_char           client[16];
} ngx_http_wix_auth_recovery_t;


static ngx_int_t ngx_http_wix_auth_recover_limit(
    ngx_http_wix_auth_login_t *l);
static void ngx_http_wix_auth_recover_done(
    ngx_http_wix_auth_api_result_t *result, void *data);


/*
 * The answer must not tell whose address it is, so it waits for nothing that
 * depends on it, and the mail is sent even to who does not wait for it.
 */

ngx_int_t
ngx_http_wix_auth_login_recover(ngx_http_wix_auth_login_t *l)
{
    ngx_int_t                      rc;
    ngx_pool_t                    *pool;
    ngx_http_wix_auth_recovery_t  *recovery;

    /* no mail is promised that is known not to be sent */

    if (ngx_http_wix_auth_breaker_open(l->conf->zone, l->site.client_id,
                                       NGX_HTTP_WIX_AUTH_CLASS_WAITED,
                                       &l->conf->api->breaker,
                                       &l->retry_after)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    rc = ngx_http_wix_auth_recover_limit(l);

    if (rc != NGX_OK) {
        return rc;
    }

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    recovery = ngx_pcalloc(pool, sizeof(ngx_http_wix_auth_recovery_t));
    if (recovery == NULL) {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    recovery->pool = pool;
    recovery->zone = l->conf->zone;
    ngx_memcpy(recovery->client, l->site.client_id, 16);

    if (ngx_http_wix_auth_api_recover(l->conf->api, &l->site.client,
                                      &l->email, &l->site.redirect_uri,
                                      ngx_cycle->log,
                                      ngx_http_wix_auth_recover_done,
                                      recovery)
        == NULL)
    {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_recover_limit(ngx_http_wix_auth_login_t *l)
{
    time_t     left;
    u_char     buf[NGX_HTTP_WIX_AUTH_PEER_LEN];
    ngx_str_t  peer;

    peer = ngx_http_wix_auth_throttle_peer(l->request, buf);

    if (ngx_http_wix_auth_counter_take(l->conf->zone,
                                       NGX_HTTP_WIX_AUTH_COUNT_RECOVER, &peer,
                                       NGX_HTTP_WIX_AUTH_RECOVER_TRIES,
                                       NGX_HTTP_WIX_AUTH_RECOVER_TIME, &left)
        != NGX_OK)
    {
        l->retry_after = left;
        return NGX_BUSY;
    }

    return ngx_http_wix_auth_budget_take(l->conf->zone, l->site.client_id,
                                         NGX_HTTP_WIX_AUTH_BUDGET_RECOVER,
                                         NGX_HTTP_WIX_AUTH_RECOVER_RATE,
                                         &l->retry_after);
}


static void
ngx_http_wix_auth_recover_done(ngx_http_wix_auth_api_result_t *result,
    void *data)
{
    ngx_http_wix_auth_recovery_t  *recovery = data;

    ngx_str_t  sent = ngx_string("sent");

    ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                  "wix_auth: recovery mail: %V",
                  result->reason == NGX_HTTP_WIX_AUTH_OK
                  ? &sent : &ngx_http_wix_auth_reason(result->reason)->code);

    if (result->pause) {
        ngx_http_wix_auth_budget_pause(recovery->zone, recovery->client,
                                       result->retry_after);
    }

    ngx_destroy_pool(recovery->pool);
}
