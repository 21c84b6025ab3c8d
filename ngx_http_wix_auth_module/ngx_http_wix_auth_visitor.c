
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_call.h"


/* visitor tokens a worker keeps, and when one is renewed */

#define NGX_HTTP_WIX_AUTH_VISITORS_MAX       64
#define NGX_HTTP_WIX_AUTH_VISITOR_MARGIN     60


static ngx_http_wix_auth_visitor_t *ngx_http_wix_auth_visitor_get(
    ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client);
static void ngx_http_wix_auth_visitor_evict(void);
static ngx_int_t ngx_http_wix_auth_visitor_renew(
    ngx_http_wix_auth_visitor_t *visitor);
static void ngx_http_wix_auth_visitor_done(
    ngx_http_wix_auth_api_result_t *result, void *data);
static void ngx_http_wix_auth_visitor_wake(
    ngx_http_wix_auth_visitor_t *visitor,
    ngx_http_wix_auth_api_result_t *failed);
static ngx_int_t ngx_http_wix_auth_visitor_store(
    ngx_http_wix_auth_visitor_t *visitor,
    ngx_http_wix_auth_api_result_t *result);


static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_visitor = {
    "visitor", NGX_HTTP_WIX_AUTH_PATH_TOKEN,
    NGX_HTTP_WIX_AUTH_OP_OTHER, NGX_HTTP_WIX_AUTH_CLASS_WAITED,
    ngx_http_wix_auth_api_token_answer, ngx_http_wix_auth_api_token_refusal,
    0, 1, 0, 0, 0
};

static ngx_http_wix_auth_api_op_t  ngx_http_wix_auth_op_visitor_refresh = {
    "visitor refresh", NGX_HTTP_WIX_AUTH_PATH_TOKEN,
    NGX_HTTP_WIX_AUTH_OP_OTHER, NGX_HTTP_WIX_AUTH_CLASS_WAITED,
    ngx_http_wix_auth_api_token_answer, ngx_http_wix_auth_api_token_refusal,
    0, 0, 0, 1, 0
};


static ngx_queue_t  ngx_http_wix_auth_visitors;
static ngx_uint_t   ngx_http_wix_auth_nvisitors;
static ngx_uint_t   ngx_http_wix_auth_visitor_generation;


/*
 * Sends the call with the visitor's token, at once or when there is one.
 * While calls wait, a call that gets a token is on its way.
 */

ngx_int_t
ngx_http_wix_auth_visitor_wait(ngx_http_wix_auth_api_call_t *call)
{
    ngx_http_wix_auth_visitor_t  *visitor;

    visitor = ngx_http_wix_auth_visitor_get(call->conf, &call->client);
    if (visitor == NULL) {
        return NGX_ERROR;
    }

    if (visitor->call == NULL) {

        if (visitor->access.len && ngx_time() < visitor->renew) {
            call->generation = visitor->generation;
            return ngx_http_wix_auth_api_send(call, &visitor->access);
        }

        visitor->conf = call->conf;

        if (ngx_http_wix_auth_visitor_renew(visitor) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    call->waits = 1;
    ngx_queue_insert_tail(&visitor->waiting, &call->queue);

    return NGX_OK;
}


static ngx_http_wix_auth_visitor_t *
ngx_http_wix_auth_visitor_get(ngx_http_wix_auth_api_conf_t *conf,
    ngx_str_t *client)
{
    u_char                       *p;
    ngx_http_wix_auth_visitor_t  *visitor;

    visitor = ngx_http_wix_auth_visitor_find(&conf->url, client);

    if (visitor) {
        ngx_queue_remove(&visitor->queue);
        ngx_queue_insert_head(&ngx_http_wix_auth_visitors, &visitor->queue);
        return visitor;
    }

    /* more of them only while all are in use, which the transfers limit */

    if (ngx_http_wix_auth_nvisitors >= NGX_HTTP_WIX_AUTH_VISITORS_MAX) {
        ngx_http_wix_auth_visitor_evict();
    }

    visitor = ngx_alloc(sizeof(ngx_http_wix_auth_visitor_t) + conf->url.len
                        + client->len, ngx_cycle->log);
    if (visitor == NULL) {
        return NULL;
    }

    ngx_memzero(visitor, sizeof(ngx_http_wix_auth_visitor_t));

    /* copies: they outlive the configuration without a master process */

    p = (u_char *) visitor + sizeof(ngx_http_wix_auth_visitor_t);

    visitor->url.data = p;
    visitor->url.len = conf->url.len;
    p = ngx_cpymem(p, conf->url.data, conf->url.len);

    visitor->client.data = p;
    visitor->client.len = client->len;
    ngx_memcpy(p, client->data, client->len);

    ngx_queue_init(&visitor->waiting);
    ngx_queue_insert_head(&ngx_http_wix_auth_visitors, &visitor->queue);
    ngx_http_wix_auth_nvisitors++;

    return visitor;
}


ngx_http_wix_auth_visitor_t *
ngx_http_wix_auth_visitor_find(ngx_str_t *url, ngx_str_t *client)
{
    ngx_queue_t                  *q;
    ngx_http_wix_auth_visitor_t  *visitor;

    if (ngx_http_wix_auth_visitors.next == NULL) {
        ngx_queue_init(&ngx_http_wix_auth_visitors);
    }

    for (q = ngx_queue_head(&ngx_http_wix_auth_visitors);
         q != ngx_queue_sentinel(&ngx_http_wix_auth_visitors);
         q = ngx_queue_next(q))
    {
        visitor = ngx_queue_data(q, ngx_http_wix_auth_visitor_t, queue);

        if (visitor->client.len == client->len
            && visitor->url.len == url->len
            && ngx_strncmp(visitor->client.data, client->data, client->len)
               == 0
            && ngx_strncmp(visitor->url.data, url->data, url->len) == 0)
        {
            return visitor;
        }
    }

    return NULL;
}


static void
ngx_http_wix_auth_visitor_evict(void)
{
    ngx_queue_t                  *q, *prev;
    ngx_http_wix_auth_visitor_t  *visitor;

    for (q = ngx_queue_last(&ngx_http_wix_auth_visitors);
         q != ngx_queue_sentinel(&ngx_http_wix_auth_visitors);
         q = prev)
    {
        prev = ngx_queue_prev(q);
        visitor = ngx_queue_data(q, ngx_http_wix_auth_visitor_t, queue);

        if (visitor->call || visitor->pinned) {
            continue;
        }

        ngx_queue_remove(q);
        ngx_http_wix_auth_nvisitors--;

        ngx_http_wix_auth_visitor_forget(visitor);
        ngx_free(visitor);

        if (ngx_http_wix_auth_nvisitors < NGX_HTTP_WIX_AUTH_VISITORS_MAX) {
            return;
        }
    }
}


/* a refresh keeps the identity; it is tried before a new one is asked for */

static ngx_int_t
ngx_http_wix_auth_visitor_renew(ngx_http_wix_auth_visitor_t *visitor)
{
    ngx_http_wix_auth_api_op_t       *op;
    ngx_http_wix_auth_api_call_t     *call;
    ngx_http_wix_auth_json_writer_t  *w;

    op = visitor->refresh.len ? &ngx_http_wix_auth_op_visitor_refresh
                              : &ngx_http_wix_auth_op_visitor;

    /* for many calls, so in the name of none */

    call = ngx_http_wix_auth_api_create(op, visitor->conf, &visitor->client,
                                        ngx_cycle->log,
                                        ngx_http_wix_auth_visitor_done,
                                        visitor);
    if (call == NULL) {
        return NGX_ERROR;
    }

    if (visitor->refresh.len) {
        w = ngx_http_wix_auth_api_grant(call, "refresh_token");
        ngx_http_wix_auth_json_put(w, "refreshToken", &visitor->refresh);

    } else {
        w = ngx_http_wix_auth_api_grant(call, "anonymous");
    }

    ngx_http_wix_auth_json_end(w);

    visitor->call = ngx_http_wix_auth_api_start(call, w, NULL);

    return visitor->call ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_wix_auth_visitor_done(ngx_http_wix_auth_api_result_t *result,
    void *data)
{
    ngx_http_wix_auth_visitor_t  *visitor = data;

    ngx_http_wix_auth_api_result_t  failed;

    visitor->call = NULL;

    if (result->reason == NGX_HTTP_WIX_AUTH_OK) {

        if (ngx_http_wix_auth_visitor_store(visitor, result) == NGX_OK) {
            ngx_http_wix_auth_visitor_wake(visitor, NULL);
            return;
        }

        ngx_http_wix_auth_api_fail(result, NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);

    } else if (visitor->refresh.len && !result->open) {

        /* nobody misses this identity */

        ngx_http_wix_auth_visitor_forget(visitor);

        if (ngx_http_wix_auth_visitor_renew(visitor) == NGX_OK) {
            return;
        }

        ngx_http_wix_auth_api_fail(result, NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
    }

    ngx_memzero(&failed, sizeof(ngx_http_wix_auth_api_result_t));

    failed.reason = result->reason;
    failed.cause = result->cause;
    failed.status = result->status;
    failed.retry_after = result->retry_after;
    failed.request_id = result->request_id;
    failed.pause = result->pause;
    failed.open = result->open;

    ngx_http_wix_auth_visitor_wake(visitor, &failed);
}


/*
 * Handlers may start and cancel calls: those that start now must not be
 * taken for calls that waited, hence the queue of our own.
 */

static void
ngx_http_wix_auth_visitor_wake(ngx_http_wix_auth_visitor_t *visitor,
    ngx_http_wix_auth_api_result_t *failed)
{
    ngx_queue_t                      waiting, *q;
    ngx_http_wix_auth_api_call_t    *call;
    ngx_http_wix_auth_api_result_t   result;

    if (ngx_queue_empty(&visitor->waiting)) {
        return;
    }

    ngx_queue_init(&waiting);
    ngx_queue_add(&waiting, &visitor->waiting);
    ngx_queue_init(&visitor->waiting);

    visitor->pinned = 1;

    while (!ngx_queue_empty(&waiting)) {
        q = ngx_queue_head(&waiting);
        ngx_queue_remove(q);

        call = ngx_queue_data(q, ngx_http_wix_auth_api_call_t, queue);
        call->waits = 0;

        ngx_memzero(&result, sizeof(ngx_http_wix_auth_api_result_t));
        result.retry_after = -1;

        if (failed) {
            result = *failed;

        } else {
            call->generation = visitor->generation;

            if (ngx_http_wix_auth_api_send(call, &visitor->access) == NGX_OK) {
                continue;
            }

            ngx_http_wix_auth_api_fail(&result,
                                       NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
        }

        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, call->log, 0,
                       "wix auth api %s: no visitor token, reason:%ui",
                       call->op->name, result.reason);

        ngx_http_wix_auth_api_finish(call, &result);
    }

    visitor->pinned = 0;
}


static ngx_int_t
ngx_http_wix_auth_visitor_store(ngx_http_wix_auth_visitor_t *visitor,
    ngx_http_wix_auth_api_result_t *result)
{
    u_char     *p;
    time_t      margin;
    ngx_str_t   access, refresh;

    /* a refresh that brings no new token leaves the old one valid */

    access = result->access_token;
    refresh = result->refresh_token.len ? result->refresh_token
                                        : visitor->refresh;

    p = ngx_alloc(access.len + refresh.len, ngx_cycle->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, access.data, access.len);
    access.data = p;
    p += access.len;

    if (refresh.len) {
        ngx_memcpy(p, refresh.data, refresh.len);
        refresh.data = p;
    }

    ngx_http_wix_auth_visitor_forget(visitor);

    visitor->access = access;
    visitor->refresh = refresh;

    margin = ngx_min(result->lifetime / 10, NGX_HTTP_WIX_AUTH_VISITOR_MARGIN);
    visitor->renew = result->expires - margin;

    return NGX_OK;
}


/* a new generation: what is in flight with the old token knows it is old */

void
ngx_http_wix_auth_visitor_forget(ngx_http_wix_auth_visitor_t *visitor)
{
    visitor->generation = ++ngx_http_wix_auth_visitor_generation;

    if (visitor->access.data == NULL) {
        return;
    }

    ngx_explicit_memzero(visitor->access.data,
                         visitor->access.len + visitor->refresh.len);
    ngx_free(visitor->access.data);

    ngx_str_null(&visitor->access);
    ngx_str_null(&visitor->refresh);
}
