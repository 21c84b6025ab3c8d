
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_call.h"
#include "ngx_http_wix_auth_counter.h"
#include "ngx_http_wix_auth_url.h"


#define NGX_HTTP_WIX_AUTH_PROBE_MARGIN  1000    /* ms beyond the API timeout */


static ngx_int_t ngx_http_wix_auth_api_dispatch(
    ngx_http_wix_auth_api_call_t *call, ngx_str_t *authorization);
static ngx_int_t ngx_http_wix_auth_api_request(
    ngx_http_wix_auth_api_call_t *call, ngx_http_wix_auth_fetch_t *f,
    ngx_str_t *authorization);
static void ngx_http_wix_auth_api_unsent(ngx_event_t *ev);
static void ngx_http_wix_auth_api_done(ngx_http_wix_auth_fetch_t *f);
static void ngx_http_wix_auth_api_judge(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_fetch_t *f, ngx_http_wix_auth_api_result_t *result);
static ngx_int_t ngx_http_wix_auth_api_body(
    ngx_http_wix_auth_api_call_t *call, ngx_http_wix_auth_fetch_t *f,
    ngx_http_wix_auth_api_result_t *result);
static ngx_int_t ngx_http_wix_auth_api_parse(
    ngx_http_wix_auth_api_call_t *call, ngx_str_t *answer);
static ngx_int_t ngx_http_wix_auth_api_again(
    ngx_http_wix_auth_api_call_t *call);
static ngx_int_t ngx_http_wix_auth_api_alive(
    ngx_http_wix_auth_api_call_t *call, ngx_http_wix_auth_fetch_t *f);
static void ngx_http_wix_auth_api_report(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_fetch_t *f, ngx_http_wix_auth_api_result_t *result);
static void ngx_http_wix_auth_api_give_up(ngx_http_wix_auth_api_call_t *call);
static void ngx_http_wix_auth_api_wipe(ngx_str_t *text);
static void ngx_http_wix_auth_api_log(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_fetch_t *f, ngx_http_wix_auth_api_result_t *result);
static ngx_uint_t ngx_http_wix_auth_api_level(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);


/* in the order of ngx_http_wix_auth_fetch_error_e */

static const char  *ngx_http_wix_auth_api_errors[] = {
    "", "no connection", "TLS failed", "no answer in time",
    "connection broken", "answer too large", "too many calls at once",
    "not started"
};


/* in the order of ngx_http_wix_auth_class_e */

static const char  *ngx_http_wix_auth_api_classes[] = {
    "waited (logins, and refreshes that a request waits for)",
    "refresh (in the background)",
    "lookup (visitors, token-info, profiles)"
};


/* probes that nobody waits for any more */
static ngx_queue_t  ngx_http_wix_auth_orphans;


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_create(ngx_http_wix_auth_api_op_t *op,
    ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client, ngx_log_t *log,
    ngx_http_wix_auth_api_pt handler, void *data)
{
    ngx_pool_t                    *pool;
    ngx_http_wix_auth_api_call_t  *call;

    /* freed after the handler, when the caller's log may be gone */

    pool = ngx_create_pool(2048, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    call = ngx_pcalloc(pool, sizeof(ngx_http_wix_auth_api_call_t));

    if (call == NULL
        || ngx_http_wix_auth_guid_parse(client, call->id) != NGX_OK
        || ngx_http_wix_auth_api_copy(pool, &call->client, client) != NGX_OK)
    {
        ngx_destroy_pool(pool);
        return NULL;
    }

    call->pool = pool;
    call->log = log;
    call->op = op;
    call->class = op->class;
    call->retry_after = -1;
    call->conf = conf;
    call->handler = handler;
    call->data = data;

    return call;
}


void
ngx_http_wix_auth_api_cancel(ngx_http_wix_auth_api_call_t *call)
{
    /* its handler runs right now, and it is freed afterwards */

    if (call->done) {
        return;
    }

    if (call->waits) {
        ngx_queue_remove(&call->queue);
    }

    if (call->event.posted) {
        ngx_delete_posted_event(&call->event);
    }

    if (call->fetch && call->probe) {

        /* or who hangs up early would keep the breaker open for all others */

        if (ngx_http_wix_auth_orphans.next == NULL) {
            ngx_queue_init(&ngx_http_wix_auth_orphans);
        }

        ngx_queue_insert_head(&ngx_http_wix_auth_orphans, &call->queue);

        call->orphan = 1;
        call->log = ngx_cycle->log;
        return;
    }

    if (call->fetch) {
        ngx_http_wix_auth_fetch_cancel(call->fetch);
        ngx_http_wix_auth_api_give_up(call);
    }

    ngx_http_wix_auth_api_free(call);
}


void
ngx_http_wix_auth_api_exit_worker(void)
{
    ngx_queue_t                   *q;
    ngx_http_wix_auth_api_call_t  *call;

    if (ngx_http_wix_auth_orphans.next == NULL) {
        return;
    }

    while (!ngx_queue_empty(&ngx_http_wix_auth_orphans)) {
        q = ngx_queue_head(&ngx_http_wix_auth_orphans);
        ngx_queue_remove(q);

        call = ngx_queue_data(q, ngx_http_wix_auth_api_call_t, queue);

        ngx_http_wix_auth_fetch_cancel(call->fetch);
        ngx_http_wix_auth_api_give_up(call);
        ngx_http_wix_auth_api_free(call);
    }
}


ngx_http_wix_auth_json_writer_t *
ngx_http_wix_auth_api_grant(ngx_http_wix_auth_api_call_t *call,
    const char *grant)
{
    ngx_http_wix_auth_json_writer_t  *w;

    w = ngx_http_wix_auth_json_begin(call->pool);

    ngx_http_wix_auth_json_object(w, NULL);
    ngx_http_wix_auth_json_put_c(w, "grantType", grant);
    ngx_http_wix_auth_json_put(w, "clientId", &call->client);

    return w;
}


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_start(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_json_writer_t *w, ngx_str_t *authorization)
{
    if (w == NULL) {
        ngx_http_wix_auth_api_free(call);
        return NULL;
    }

    /* what came from a form is not always UTF-8 */

    if (ngx_http_wix_auth_json_finish(w, &call->body) != NGX_OK) {
        return ngx_http_wix_auth_api_refuse(call,
                                            NGX_HTTP_WIX_AUTH_INVALID_REQUEST,
                                            "a value is not UTF-8");
    }

    return ngx_http_wix_auth_api_get(call, authorization);
}


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_get(ngx_http_wix_auth_api_call_t *call,
    ngx_str_t *authorization)
{
    if (ngx_http_wix_auth_api_dispatch(call, authorization) != NGX_OK) {
        ngx_http_wix_auth_api_free(call);
        return NULL;
    }

    return call;
}


ngx_http_wix_auth_api_call_t *
ngx_http_wix_auth_api_refuse(ngx_http_wix_auth_api_call_t *call,
    ngx_uint_t reason, const char *err)
{
    call->unsent = reason;
    call->err = err;

    call->event.handler = ngx_http_wix_auth_api_unsent;
    call->event.data = call;
    call->event.log = ngx_cycle->log;

    ngx_post_event(&call->event, &ngx_posted_next_events);

    return call;
}


static ngx_int_t
ngx_http_wix_auth_api_dispatch(ngx_http_wix_auth_api_call_t *call,
    ngx_str_t *authorization)
{
    if (!call->op->visitor) {
        return ngx_http_wix_auth_api_send(call, authorization);
    }

    if (call->own.len) {
        return ngx_http_wix_auth_api_send(call, &call->own);
    }

    return ngx_http_wix_auth_visitor_wait(call);
}


ngx_int_t
ngx_http_wix_auth_api_send(ngx_http_wix_auth_api_call_t *call,
    ngx_str_t *authorization)
{
    ngx_int_t                   rc;
    ngx_http_wix_auth_fetch_t  *f;

    rc = ngx_http_wix_auth_breaker_ask(call->conf->zone, call->id,
                                       call->class, &call->conf->breaker,
                                       call->conf->fetch.timeout
                                       + NGX_HTTP_WIX_AUTH_PROBE_MARGIN,
                                       &call->ticket, &call->retry_after);

    if (rc == NGX_BUSY) {
        call->cause = ngx_http_wix_auth_breaker_cause(call->conf->zone,
                                                      call->id, call->class)
                      | NGX_HTTP_WIX_AUTH_CAUSE_UNSENT;

        (void) ngx_http_wix_auth_api_refuse(call,
                                       NGX_HTTP_WIX_AUTH_UPSTREAM_UNAVAILABLE,
                                       "not sent, the breaker is open");
        return NGX_OK;
    }

    call->asked = 1;
    call->probe = (rc == NGX_DONE);

    f = ngx_http_wix_auth_fetch_create(call->log);
    if (f == NULL) {
        ngx_http_wix_auth_api_give_up(call);
        return NGX_ERROR;
    }

    if (ngx_http_wix_auth_api_request(call, f, authorization) != NGX_OK) {
        ngx_http_wix_auth_fetch_cancel(f);
        ngx_http_wix_auth_api_give_up(call);
        return NGX_ERROR;
    }

    f->conf = &call->conf->fetch;
    f->handler = ngx_http_wix_auth_api_done;
    f->data = call;
    f->idempotent = call->op->idempotent;
    f->urgent = call->op->grant;
    f->outside = call->outside;
    f->page = call->op->head;

    call->fetch = f;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, call->log, 0,
                   "wix auth api %s: send", call->op->name);

    ngx_http_wix_auth_fetch_start(f);

    return NGX_OK;
}


/* copies for the transfer, which wipes them: the call may be sent again */

static ngx_int_t
ngx_http_wix_auth_api_request(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_fetch_t *f, ngx_str_t *authorization)
{
    u_char     *p;
    ngx_str_t   base, path;

    base = call->conf->url;
    path.data = (u_char *) call->op->path;
    path.len = ngx_strlen(path.data);

    if (call->url.len) {
        base = call->url;
        path.len = 0;
    }

    p = ngx_pnalloc(f->pool, base.len + path.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    f->url.data = p;
    f->url.len = base.len + path.len;

    p = ngx_cpymem(p, base.data, base.len);
    p = ngx_cpymem(p, path.data, path.len);
    *p = '\0';

    if (call->body.data
        && ngx_http_wix_auth_api_copy(f->pool, &f->body, &call->body)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (authorization == NULL) {
        return NGX_OK;
    }

    return ngx_http_wix_auth_api_copy(f->pool, &f->authorization,
                                      authorization);
}


ngx_int_t
ngx_http_wix_auth_api_copy(ngx_pool_t *pool, ngx_str_t *dst, ngx_str_t *src)
{
    dst->data = ngx_pnalloc(pool, src->len + 1);
    if (dst->data == NULL) {
        return NGX_ERROR;
    }

    dst->len = src->len;
    ngx_memcpy(dst->data, src->data, src->len);

    return NGX_OK;
}


static void
ngx_http_wix_auth_api_unsent(ngx_event_t *ev)
{
    ngx_http_wix_auth_api_call_t    *call;
    ngx_http_wix_auth_api_result_t   result;

    call = ev->data;

    ngx_memzero(&result, sizeof(ngx_http_wix_auth_api_result_t));

    result.retry_after = call->retry_after;
    result.open = (call->retry_after > 0);
    ngx_http_wix_auth_api_fail(&result, call->unsent);

    if (call->cause) {
        result.cause = call->cause;
    }

    ngx_log_error(ngx_http_wix_auth_api_level(call, &result), call->log, 0,
                  "wix_auth: %s: %V, %s", call->op->name,
                  &ngx_http_wix_auth_reason(result.reason)->code, call->err);

    ngx_http_wix_auth_api_finish(call, &result);
}


static void
ngx_http_wix_auth_api_done(ngx_http_wix_auth_fetch_t *f)
{
    ngx_http_wix_auth_api_call_t    *call;
    ngx_http_wix_auth_api_result_t   result;

    call = f->data;
    call->fetch = NULL;

    ngx_memzero(&result, sizeof(ngx_http_wix_auth_api_result_t));

    ngx_http_wix_auth_api_judge(call, f, &result);
    ngx_http_wix_auth_api_report(call, f, &result);

    if (call->orphan) {

        if (result.cause == NGX_HTTP_WIX_AUTH_CAUSE_429
            && !ngx_http_wix_auth_api_account(call))
        {
            ngx_http_wix_auth_budget_pause(call->conf->zone, call->id,
                                           result.retry_after);
        }

        ngx_queue_remove(&call->queue);
        ngx_http_wix_auth_api_free(call);
        return;
    }

    result.pause = (result.cause == NGX_HTTP_WIX_AUTH_CAUSE_429
                    && !ngx_http_wix_auth_api_account(call));

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, call->log, 0,
                   "wix auth api %s: status:%ui reason:%ui",
                   call->op->name, result.status, result.reason);

    if (call->refused && (call->own.len || !call->retried)) {

        if (ngx_http_wix_auth_api_again(call) == NGX_OK) {
            return;
        }

        ngx_http_wix_auth_api_fail(&result, NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
    }

    if (result.reason != NGX_HTTP_WIX_AUTH_OK) {
        ngx_http_wix_auth_api_log(call, f, &result);
    }

    ngx_http_wix_auth_api_finish(call, &result);
}


static void
ngx_http_wix_auth_api_judge(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_fetch_t *f, ngx_http_wix_auth_api_result_t *result)
{
    ngx_int_t  rc;

    result->retry_after = -1;

    switch (f->error) {

    case NGX_HTTP_WIX_AUTH_FETCH_DONE:
        break;

    case NGX_HTTP_WIX_AUTH_FETCH_TIMEOUT:
        ngx_http_wix_auth_api_fail(result, NGX_HTTP_WIX_AUTH_UPSTREAM_TIMEOUT);
        return;

    case NGX_HTTP_WIX_AUTH_FETCH_TOO_LARGE:
        ngx_http_wix_auth_api_fail(result, NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR);
        return;

    default:
        ngx_http_wix_auth_api_fail(result,
                                   NGX_HTTP_WIX_AUTH_UPSTREAM_UNAVAILABLE);
        return;
    }

    result->status = f->status;
    result->retry_after = f->retry_after;
    result->request_id = f->request_id;

    call->sent = f->sent;

    if (call->op->head) {
        call->location = f->location;
        rc = call->op->answer(call, result);

    } else {
        rc = ngx_http_wix_auth_api_body(call, f, result);
    }

    if (rc != NGX_OK) {
        ngx_http_wix_auth_api_fail(result, (rc == NGX_ERROR)
                                           ? NGX_HTTP_WIX_AUTH_INTERNAL_ERROR
                                           : NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR);
    }
}


static ngx_int_t
ngx_http_wix_auth_api_body(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_fetch_t *f, ngx_http_wix_auth_api_result_t *result)
{
    ngx_int_t  rc;

    rc = ngx_http_wix_auth_api_parse(call, &f->answer);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (f->status < 200 || f->status > 299) {
        call->op->refusal(call, result);
        return NGX_OK;
    }

    return (rc == NGX_OK) ? call->op->answer(call, result) : rc;
}


/* NGX_DECLINED: no JSON object, root is NULL then */

static ngx_int_t
ngx_http_wix_auth_api_parse(ngx_http_wix_auth_api_call_t *call,
    ngx_str_t *answer)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    text = *answer;

    if (text.len == 0) {
        ngx_str_set(&text, "{}");
    }

    rc = ngx_http_wix_auth_json_parse(call->pool, &text, &call->root,
                                      &call->err);
    if (rc != NGX_OK) {
        return rc;
    }

    if (call->root->type != NGX_HTTP_WIX_AUTH_JSON_OBJECT) {
        ngx_http_wix_auth_json_wipe(call->root);
        call->root = NULL;
        call->err = "not a JSON object";
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/*
 * Whether Wix is there: NGX_OK, NGX_ERROR, or NGX_DECLINED: the call tells
 * nothing about that, as one that has waited for its turn until there was
 * little time left.  A 502 or so with a code is an answer of Wix itself.
 */

static ngx_int_t
ngx_http_wix_auth_api_alive(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_fetch_t *f)
{
    ngx_msec_t  time;

    switch (f->error) {

    case NGX_HTTP_WIX_AUTH_FETCH_DONE:
        break;

    case NGX_HTTP_WIX_AUTH_FETCH_TOO_LARGE:
        return NGX_OK;

    case NGX_HTTP_WIX_AUTH_FETCH_TIMEOUT:
        time = f->conf->timeout;

        if (!f->connected) {
            time = ngx_min(time, f->conf->connect_timeout);
        }

        return (f->launched && ngx_current_msec - f->launch >= time / 2)
               ? NGX_ERROR : NGX_DECLINED;

    case NGX_HTTP_WIX_AUTH_FETCH_CONNECT:
    case NGX_HTTP_WIX_AUTH_FETCH_TLS:
    case NGX_HTTP_WIX_AUTH_FETCH_BROKEN:
        return NGX_ERROR;

    default:
        return NGX_DECLINED;
    }

    if (f->status < 502 || f->status > 504) {
        return NGX_OK;
    }

    return (call->code.len || ngx_http_wix_auth_json_get(call->root, "error"))
           ? NGX_OK : NGX_ERROR;
}


/* what an operator wants to know at night: since when, what, and for whom */

static void
ngx_http_wix_auth_api_report(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_fetch_t *f, ngx_http_wix_auth_api_result_t *result)
{
    ngx_int_t   rc;
    ngx_msec_t  time;

    call->asked = 0;

    rc = ngx_http_wix_auth_breaker_result(call->conf->zone, call->id,
                                          call->class, &call->conf->breaker,
                                          call->ticket,
                                          ngx_http_wix_auth_api_alive(call, f),
                                          result->cause, &time);

    if (rc == NGX_DONE) {
        ngx_log_error(NGX_LOG_ERR, call->log, 0,
                      "wix_auth: breaker opens: client \"%V\", class %s: "
                      "%ui failures without an answer of Wix between them, "
                      "the last of %s; nothing of this class is sent for "
                      "%T s, then one call at a time until Wix answers",
                      &call->client,
                      ngx_http_wix_auth_api_classes[call->class],
                      call->conf->breaker.max_fails, call->op->name,
                      (time_t) ((time + 999) / 1000));

    } else if (rc == NGX_AGAIN) {
        ngx_log_error(NGX_LOG_NOTICE, call->log, 0,
                      "wix_auth: breaker closes: client \"%V\", class %s: "
                      "Wix answers again, after %T s",
                      &call->client,
                      ngx_http_wix_auth_api_classes[call->class],
                      (time_t) ((time + 999) / 1000));
    }
}


/* the call has not been made, or nobody waits for what it comes to */

static void
ngx_http_wix_auth_api_give_up(ngx_http_wix_auth_api_call_t *call)
{
    ngx_msec_t  time;

    if (!call->asked) {
        return;
    }

    call->asked = 0;

    (void) ngx_http_wix_auth_breaker_result(call->conf->zone, call->id,
                                            call->class, &call->conf->breaker,
                                            call->ticket, NGX_DECLINED,
                                            NGX_HTTP_WIX_AUTH_CAUSE_NONE,
                                            &time);
}


/*
 * Once more, as another visitor.  Wix has not acted: it did not even take the
 * token.  The browser's is replaced by that of the worker, which in turn may
 * have to be replaced by a new one.
 */

static ngx_int_t
ngx_http_wix_auth_api_again(ngx_http_wix_auth_api_call_t *call)
{
    ngx_http_wix_auth_visitor_t  *visitor;

    call->refused = 0;

    ngx_http_wix_auth_json_wipe(call->root);
    call->root = NULL;
    call->err = NULL;
    ngx_str_null(&call->code);

    if (call->own.len) {
        ngx_http_wix_auth_api_wipe(&call->own);
        return ngx_http_wix_auth_visitor_wait(call);
    }

    call->retried = 1;

    visitor = ngx_http_wix_auth_visitor_find(&call->conf->url, &call->client);

    /* unless another call has done so in the meantime */

    if (visitor
        && visitor->call == NULL
        && visitor->generation == call->generation)
    {
        ngx_http_wix_auth_visitor_forget(visitor);
    }

    return ngx_http_wix_auth_visitor_wait(call);
}


void
ngx_http_wix_auth_api_finish(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result)
{
    call->done = 1;
    result->pool = call->pool;

    call->handler(result, call->data);

    ngx_http_wix_auth_api_free(call);
}


void
ngx_http_wix_auth_api_free(ngx_http_wix_auth_api_call_t *call)
{
    ngx_http_wix_auth_json_wipe(call->root);
    ngx_http_wix_auth_api_forget(call);

    ngx_http_wix_auth_api_wipe(&call->body);
    ngx_http_wix_auth_api_wipe(&call->url);
    ngx_http_wix_auth_api_wipe(&call->own);

    ngx_destroy_pool(call->pool);
}


void
ngx_http_wix_auth_api_forget(ngx_http_wix_auth_api_call_t *call)
{
    ngx_uint_t                 i;
    ngx_http_wix_auth_pair_t  *pair;

    if (call->pairs == NULL) {
        return;
    }

    pair = call->pairs->elts;

    for (i = 0; i < call->pairs->nelts; i++) {
        ngx_http_wix_auth_api_wipe(&pair[i].value);
    }

    call->pairs = NULL;
}


static void
ngx_http_wix_auth_api_wipe(ngx_str_t *text)
{
    if (text->len) {
        ngx_explicit_memzero(text->data, text->len);
        text->len = 0;
    }
}


static void
ngx_http_wix_auth_api_log(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_fetch_t *f, ngx_http_wix_auth_api_result_t *result)
{
    u_char  *p, *last, buf[NGX_MAX_ERROR_STR / 2];

    p = buf;
    last = buf + sizeof(buf);

    if (f->error == NGX_HTTP_WIX_AUTH_FETCH_DONE) {
        p = ngx_slprintf(p, last, "status %ui", f->status);

    } else {
        p = ngx_slprintf(p, last, "%s",
                         ngx_http_wix_auth_api_errors[f->error]);
    }

    if (call->code.len) {
        p = ngx_slprintf(p, last, ", code \"%V\"", &call->code);
    }

    if (call->err) {
        p = ngx_slprintf(p, last, ", %s", call->err);
    }

    p = ngx_slprintf(p, last, ", %M ms", ngx_current_msec - f->started);

    if (result->request_id.len) {
        p = ngx_slprintf(p, last, ", request id \"%V\"", &result->request_id);
    }

    if (result->reason == NGX_HTTP_WIX_AUTH_CLIENT_REJECTED) {
        p = ngx_slprintf(p, last, "; Wix refuses client \"%V\": check "
                         "\"wix_auth_client_id\" and the settings of this "
                         "OAuth app and its site at Wix", &call->client);
    }

    ngx_log_error(ngx_http_wix_auth_api_level(call, result), call->log, 0,
                  "wix_auth: %s: %V, %*s", call->op->name,
                  &ngx_http_wix_auth_reason(result->reason)->code,
                  (size_t) (p - buf), buf);
}


static ngx_uint_t
ngx_http_wix_auth_api_level(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result)
{
    if (result->reason == NGX_HTTP_WIX_AUTH_CLIENT_REJECTED) {
        return NGX_LOG_ALERT;
    }

    /* who logs out late has no session at Wix any more, and that the breaker
       is open has been told */

    if (call->op->quiet
        || result->open
        || (call->op->kind == NGX_HTTP_WIX_AUTH_OP_LOGOUT
            && result->status >= 400 && result->status < 500
            && result->cause == NGX_HTTP_WIX_AUTH_CAUSE_ERROR))
    {
        return NGX_LOG_INFO;
    }

    switch (result->reason) {

    case NGX_HTTP_WIX_AUTH_UPSTREAM_UNAVAILABLE:
    case NGX_HTTP_WIX_AUTH_UPSTREAM_TIMEOUT:
    case NGX_HTTP_WIX_AUTH_UPSTREAM_THROTTLED:
    case NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR:
    case NGX_HTTP_WIX_AUTH_INTERNAL_ERROR:
        return NGX_LOG_ERR;

    default:
        return NGX_LOG_INFO;
    }
}
