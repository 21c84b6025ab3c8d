
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_transfer.h"


/* ms, longer than it takes to be handled */
#define NGX_HTTP_WIX_AUTH_FETCH_HOLD  1000


static void ngx_http_wix_auth_fetch_post(void);
static void ngx_http_wix_auth_fetch_run(void);
static ngx_queue_t *ngx_http_wix_auth_fetch_answer(void);
static void ngx_http_wix_auth_fetch_work_handler(ngx_event_t *ev);
static ngx_queue_t *ngx_http_wix_auth_fetch_next(void);
static void ngx_http_wix_auth_fetch_launch(
    ngx_http_wix_auth_fetch_transfer_t *t);
static void ngx_http_wix_auth_fetch_unlink(
    ngx_http_wix_auth_fetch_transfer_t *t);
static void ngx_http_wix_auth_fetch_destroy(
    ngx_http_wix_auth_fetch_transfer_t *t);
static void ngx_http_wix_auth_fetch_deadline_handler(ngx_event_t *ev);


ngx_http_wix_auth_fetch_worker_t  ngx_http_wix_auth_fetch_worker;


ngx_int_t
ngx_http_wix_auth_fetch_init_worker(ngx_cycle_t *cycle)
{
    ngx_http_wix_auth_fetch_worker_t  *w;

    w = &ngx_http_wix_auth_fetch_worker;

    ngx_memzero(w, sizeof(ngx_http_wix_auth_fetch_worker_t));

    ngx_queue_init(&w->urgent);
    ngx_queue_init(&w->waiting);
    ngx_queue_init(&w->active);
    ngx_queue_init(&w->done);
    ngx_queue_init(&w->refused);

    w->log = cycle->log;
    w->dummy.fd = (ngx_socket_t) -1;

    w->work.handler = ngx_http_wix_auth_fetch_work_handler;
    w->work.data = &w->dummy;
    w->work.log = cycle->log;

    /* curl itself waits for the first transfer: most processes need none */

    return NGX_OK;
}


void
ngx_http_wix_auth_fetch_exit_worker(ngx_cycle_t *cycle)
{
    ngx_uint_t                         i;
    ngx_queue_t                       *queues[5], *q;
    ngx_http_wix_auth_fetch_worker_t  *w;

    w = &ngx_http_wix_auth_fetch_worker;

    if (w->log == NULL) {
        return;
    }

    queues[0] = &w->urgent;
    queues[1] = &w->waiting;
    queues[2] = &w->active;
    queues[3] = &w->done;
    queues[4] = &w->refused;

    for (i = 0; i < 5; i++) {
        while (!ngx_queue_empty(queues[i])) {
            q = ngx_queue_head(queues[i]);

            ngx_http_wix_auth_fetch_destroy(
                ngx_queue_data(q, ngx_http_wix_auth_fetch_transfer_t, queue));
        }
    }

    ngx_http_wix_auth_fetch_stop(cycle);

    if (w->work.posted) {
        ngx_delete_posted_event(&w->work);
    }

    ngx_memzero(w, sizeof(ngx_http_wix_auth_fetch_worker_t));
}


ngx_http_wix_auth_fetch_t *
ngx_http_wix_auth_fetch_create(ngx_log_t *log)
{
    ngx_pool_t                          *pool;
    ngx_http_wix_auth_fetch_worker_t    *w;
    ngx_http_wix_auth_fetch_transfer_t  *t;

    w = &ngx_http_wix_auth_fetch_worker;

    if (w->log == NULL) {
        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "wix auth fetch outside of a worker");
        return NULL;
    }

    pool = ngx_create_pool(2048, log);
    if (pool == NULL) {
        return NULL;
    }

    /* the transfer may outlive the client's connection and its log */

    pool->log = w->log;

    t = ngx_pcalloc(pool, sizeof(ngx_http_wix_auth_fetch_transfer_t));
    if (t == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    t->fetch.pool = pool;
    t->fetch.transfer = t;
    t->fetch.retry_after = -1;

    t->deadline.handler = ngx_http_wix_auth_fetch_deadline_handler;
    t->deadline.data = &w->dummy;
    t->deadline.log = w->log;

    return &t->fetch;
}


void
ngx_http_wix_auth_fetch_start(ngx_http_wix_auth_fetch_t *f)
{
    ngx_uint_t                           max;
    ngx_http_wix_auth_fetch_worker_t    *w;
    ngx_http_wix_auth_fetch_transfer_t  *t;

    w = &ngx_http_wix_auth_fetch_worker;
    t = f->transfer;

    if (t->state != NGX_HTTP_WIX_AUTH_FETCH_NEW) {
        ngx_log_error(NGX_LOG_ALERT, w->log, 0,
                      "wix auth fetch %p started twice", f);
        return;
    }

    f->sent = ngx_time();
    f->started = ngx_current_msec;

    /* runs until the end, it keeps a worker that quits from leaving */

    ngx_add_timer(&t->deadline, f->conf->timeout);

    max = NGX_HTTP_WIX_AUTH_FETCH_ACTIVE + NGX_HTTP_WIX_AUTH_FETCH_QUEUED;

    if (f->urgent) {
        max += NGX_HTTP_WIX_AUTH_FETCH_QUEUED;
    }

    if (w->shutdown || w->nactive + w->nwaiting >= max) {
        ngx_http_wix_auth_fetch_end(t, NGX_HTTP_WIX_AUTH_FETCH_BUSY);
        return;
    }

    t->state = NGX_HTTP_WIX_AUTH_FETCH_WAITS;
    ngx_queue_insert_tail(f->urgent ? &w->urgent : &w->waiting, &t->queue);
    w->nwaiting++;

    ngx_http_wix_auth_fetch_post();
}


void
ngx_http_wix_auth_fetch_cancel(ngx_http_wix_auth_fetch_t *f)
{
    ngx_http_wix_auth_fetch_worker_t    *w;
    ngx_http_wix_auth_fetch_transfer_t  *t;

    w = &ngx_http_wix_auth_fetch_worker;
    t = f->transfer;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, w->log, 0,
                   "wix auth fetch %p: cancel", f);

    if (t->state == NGX_HTTP_WIX_AUTH_FETCH_HANDLED) {
        ngx_log_error(NGX_LOG_ALERT, w->log, 0,
                      "wix auth fetch %p cancelled in its handler", f);
        return;
    }

    if (w->inside == 0) {
        ngx_http_wix_auth_fetch_destroy(t);
        return;
    }

    /*
     * ngx_get_connection() in the socket callback may close a lingering
     * request, whose cleanup comes here: curl must not be called now
     */

    f->handler = NULL;
    ngx_http_wix_auth_fetch_end(t, NGX_HTTP_WIX_AUTH_FETCH_INTERNAL);
}


ngx_uint_t
ngx_http_wix_auth_fetch_count(void)
{
    return ngx_http_wix_auth_fetch_worker.nactive
           + ngx_http_wix_auth_fetch_worker.nwaiting;
}


/*
 * ngx_posted_next_events and not ngx_posted_events: the next cycle does not
 * sleep then, wherever in the present one (or before the first) we are.
 */

static void
ngx_http_wix_auth_fetch_post(void)
{
    ngx_http_wix_auth_fetch_worker_t  *w;

    w = &ngx_http_wix_auth_fetch_worker;

    ngx_post_event(&w->work, &ngx_posted_next_events);
}


static void
ngx_http_wix_auth_fetch_work_handler(ngx_event_t *ev)
{
    ngx_http_wix_auth_fetch_run();
}


/*
 * The only place that calls handlers; never entered from curl's callbacks
 * nor from a handler.  What is more than a turn may do is left to the next
 * one, so that a member who needs no call does not wait for all of it.
 */

static void
ngx_http_wix_auth_fetch_run(void)
{
    ngx_uint_t                           n;
    ngx_queue_t                         *q;
    ngx_http_wix_auth_fetch_transfer_t  *t;

    for (n = 0; n < NGX_HTTP_WIX_AUTH_FETCH_TURN; n++) {

        q = ngx_http_wix_auth_fetch_answer();
        if (q == NULL) {
            break;
        }

        t = ngx_queue_data(q, ngx_http_wix_auth_fetch_transfer_t, queue);

        ngx_http_wix_auth_fetch_unlink(t);
        ngx_http_wix_auth_fetch_detach(t);

        t->state = NGX_HTTP_WIX_AUTH_FETCH_HANDLED;

        if (t->fetch.handler) {
            t->fetch.handler(&t->fetch);
        }

        ngx_http_wix_auth_fetch_destroy(t);
    }

    for (n = 0; n < NGX_HTTP_WIX_AUTH_FETCH_TURN; n++) {

        q = ngx_http_wix_auth_fetch_next();
        if (q == NULL) {
            break;
        }

        ngx_http_wix_auth_fetch_launch(
            ngx_queue_data(q, ngx_http_wix_auth_fetch_transfer_t, queue));
    }

    if (ngx_http_wix_auth_fetch_answer() || ngx_http_wix_auth_fetch_next()) {
        ngx_http_wix_auth_fetch_post();
    }
}


/* an answer does not wait behind refusals, of which there may be thousands */

static ngx_queue_t *
ngx_http_wix_auth_fetch_answer(void)
{
    ngx_http_wix_auth_fetch_worker_t  *w;

    w = &ngx_http_wix_auth_fetch_worker;

    if (!ngx_queue_empty(&w->done)) {
        return ngx_queue_head(&w->done);
    }

    return ngx_queue_empty(&w->refused) ? NULL : ngx_queue_head(&w->refused);
}


/* who has a place: members' refreshes do not wait behind strangers' logins */

static ngx_queue_t *
ngx_http_wix_auth_fetch_next(void)
{
    ngx_http_wix_auth_fetch_worker_t  *w;

    w = &ngx_http_wix_auth_fetch_worker;

    if (!ngx_queue_empty(&w->urgent)
        && w->nactive < NGX_HTTP_WIX_AUTH_FETCH_ACTIVE
                        + NGX_HTTP_WIX_AUTH_FETCH_RESERVE)
    {
        return ngx_queue_head(&w->urgent);
    }

    if (!ngx_queue_empty(&w->waiting)
        && w->nactive < NGX_HTTP_WIX_AUTH_FETCH_ACTIVE)
    {
        return ngx_queue_head(&w->waiting);
    }

    return NULL;
}


static void
ngx_http_wix_auth_fetch_launch(ngx_http_wix_auth_fetch_transfer_t *t)
{
    ngx_http_wix_auth_fetch_worker_t  *w;

    w = &ngx_http_wix_auth_fetch_worker;

    ngx_http_wix_auth_fetch_unlink(t);

    t->state = NGX_HTTP_WIX_AUTH_FETCH_RUNS;
    t->fetch.launched = 1;
    t->fetch.launch = ngx_current_msec;
    ngx_queue_insert_tail(&w->active, &t->queue);
    w->nactive++;

    if (ngx_http_wix_auth_fetch_setup(t) != NGX_OK
        || ngx_http_wix_auth_fetch_attach(t) != NGX_OK)
    {
        ngx_http_wix_auth_fetch_end(t, NGX_HTTP_WIX_AUTH_FETCH_INTERNAL);
    }
}


void
ngx_http_wix_auth_fetch_end(ngx_http_wix_auth_fetch_transfer_t *t,
    ngx_uint_t error)
{
    ngx_http_wix_auth_fetch_worker_t  *w;

    if (t->state >= NGX_HTTP_WIX_AUTH_FETCH_ENDED) {
        return;
    }

    w = &ngx_http_wix_auth_fetch_worker;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, w->log, 0,
                   "wix auth fetch %p: end, error:%ui status:%ui",
                   &t->fetch, error, t->fetch.status);

    ngx_http_wix_auth_fetch_unlink(t);

    t->fetch.error = error;
    t->state = NGX_HTTP_WIX_AUTH_FETCH_ENDED;
    ngx_queue_insert_tail(t->fetch.launched ? &w->done : &w->refused,
                          &t->queue);

    ngx_http_wix_auth_fetch_post();
}


static void
ngx_http_wix_auth_fetch_unlink(ngx_http_wix_auth_fetch_transfer_t *t)
{
    ngx_http_wix_auth_fetch_worker_t  *w;

    w = &ngx_http_wix_auth_fetch_worker;

    switch (t->state) {

    case NGX_HTTP_WIX_AUTH_FETCH_WAITS:
        w->nwaiting--;
        break;

    case NGX_HTTP_WIX_AUTH_FETCH_RUNS:
        w->nactive--;
        break;

    case NGX_HTTP_WIX_AUTH_FETCH_ENDED:
        break;

    default: /* in no queue */
        return;
    }

    ngx_queue_remove(&t->queue);

    /* a place may be free now */

    if (w->nwaiting) {
        ngx_http_wix_auth_fetch_post();
    }
}


static void
ngx_http_wix_auth_fetch_destroy(ngx_http_wix_auth_fetch_transfer_t *t)
{
    ngx_http_wix_auth_fetch_t  *f;

    f = &t->fetch;

    ngx_http_wix_auth_fetch_unlink(t);
    ngx_http_wix_auth_fetch_detach(t);

    ngx_http_wix_auth_fetch_cleanup(t);

    if (t->answer.data) {
        ngx_explicit_memzero(t->answer.data, t->size);
        ngx_free(t->answer.data);
    }

    /* the URL of a direct call is a secret, and where it leads too */

    ngx_http_wix_auth_fetch_wipe(&f->url);
    ngx_http_wix_auth_fetch_wipe(&f->body);
    ngx_http_wix_auth_fetch_wipe(&f->authorization);
    ngx_http_wix_auth_fetch_wipe(&f->location);

    if (t->deadline.timer_set) {
        ngx_del_timer(&t->deadline);
    }

    ngx_destroy_pool(f->pool);
}


/* curl's own timeouts do not end transfers that it keeps waiting */

static void
ngx_http_wix_auth_fetch_deadline_handler(ngx_event_t *ev)
{
    ngx_http_wix_auth_fetch_transfer_t  *t;

    t = (ngx_http_wix_auth_fetch_transfer_t *)
            ((u_char *) ev
             - offsetof(ngx_http_wix_auth_fetch_transfer_t, deadline));

    ngx_http_wix_auth_fetch_end(t, NGX_HTTP_WIX_AUTH_FETCH_TIMEOUT);

    /* or curl might still send it */

    ngx_http_wix_auth_fetch_detach(t);

    /* a worker that quits does not leave before it is handled */

    ngx_add_timer(ev, NGX_HTTP_WIX_AUTH_FETCH_HOLD);
}


/* worker_shutdown_timeout: nginx calls all read handlers in a loop */

void
ngx_http_wix_auth_fetch_shutdown(void)
{
    ngx_queue_t                         *q;
    ngx_http_wix_auth_fetch_worker_t    *w;
    ngx_http_wix_auth_fetch_transfer_t  *t;

    w = &ngx_http_wix_auth_fetch_worker;

    w->shutdown = 1;

    while (!ngx_queue_empty(&w->active)) {
        q = ngx_queue_head(&w->active);
        t = ngx_queue_data(q, ngx_http_wix_auth_fetch_transfer_t, queue);

        /* not that time is over: ours is */
        t->fetch.launched = 0;

        ngx_http_wix_auth_fetch_end(t, NGX_HTTP_WIX_AUTH_FETCH_TIMEOUT);
    }

    while (w->nwaiting) {
        q = ngx_queue_empty(&w->urgent) ? ngx_queue_head(&w->waiting)
                                        : ngx_queue_head(&w->urgent);

        ngx_http_wix_auth_fetch_end(
            ngx_queue_data(q, ngx_http_wix_auth_fetch_transfer_t, queue),
            NGX_HTTP_WIX_AUTH_FETCH_BUSY);
    }
}


void
ngx_http_wix_auth_fetch_wipe(ngx_str_t *text)
{
    if (text->len) {
        ngx_explicit_memzero(text->data, text->len);
    }

    ngx_str_null(text);
}


void
ngx_http_wix_auth_fetch_inner_log(void)
{
    ngx_log_error(NGX_LOG_ERR, ngx_http_wix_auth_fetch_worker.log, 0,
                  "wix_auth: a URL that Wix gave leads to a private network, "
                  "it is not connected to");
}
