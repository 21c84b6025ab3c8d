
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_fetch.h"
#include "ngx_http_wix_auth_crypto.h"

#include <curl/curl.h>


#ifdef NGX_HTTP_WIX_AUTH_VERSION
#define NGX_HTTP_WIX_AUTH_FETCH_AGENT                                        \
    "ngx_http_wix_auth_module/" NGX_HTTP_WIX_AUTH_VERSION
#else
#define NGX_HTTP_WIX_AUTH_FETCH_AGENT  "ngx_http_wix_auth_module/0.1"
#endif

#define NGX_HTTP_WIX_AUTH_FETCH_HEADERS      32768
#define NGX_HTTP_WIX_AUTH_FETCH_FIRST        4096
#define NGX_HTTP_WIX_AUTH_FETCH_LOCATION     2048
#define NGX_HTTP_WIX_AUTH_FETCH_ID           128
#define NGX_HTTP_WIX_AUTH_FETCH_RETRY_AFTER  3600

/* idle connections kept, and for how many seconds one may be used again */
#define NGX_HTTP_WIX_AUTH_FETCH_IDLE         64
#define NGX_HTTP_WIX_AUTH_FETCH_IDLE_AGE     50

/* sendings of one request at most, curl's own repetitions included */
#define NGX_HTTP_WIX_AUTH_FETCH_ATTEMPTS     4

/* CURLOPT_QUICK_EXIT */
#define NGX_HTTP_WIX_AUTH_FETCH_CURL         0x075700

/* from here on curl_multi_cleanup() joins the resolver's threads */
#define NGX_HTTP_WIX_AUTH_FETCH_CURL_JOINS   0x081400


typedef enum {
    NGX_HTTP_WIX_AUTH_FETCH_NEW = 0,
    NGX_HTTP_WIX_AUTH_FETCH_WAITS,     /* in the waiting queue */
    NGX_HTTP_WIX_AUTH_FETCH_RUNS,      /* in the active queue, curl has it */
    NGX_HTTP_WIX_AUTH_FETCH_ENDED,     /* in the done queue */
    NGX_HTTP_WIX_AUTH_FETCH_HANDLED    /* its handler runs right now */
} ngx_http_wix_auth_fetch_state_e;


/*
 * libcurl chooses connections and TLS sessions for reuse without a look at
 * our CA store, so a store has a multi handle of its own: what one store
 * has verified is never used for another.
 */

typedef struct ngx_http_wix_auth_fetch_multi_s
    ngx_http_wix_auth_fetch_multi_t;

struct ngx_http_wix_auth_fetch_multi_s {
    ngx_http_wix_auth_fetch_multi_t  *next;
    void                             *store;
    CURLM                            *curlm;
    CURLSH                           *share;
    ngx_event_t                       timer;
};


typedef struct {
    ngx_http_wix_auth_fetch_t         fetch;

    ngx_queue_t                       queue;
    ngx_uint_t                        state;     /* ..._fetch_state_e */
    ngx_event_t                       deadline;

    ngx_http_wix_auth_fetch_multi_t  *multi;     /* while curl has it */
    CURL                             *easy;
    struct curl_slist                *headers;

    size_t                            given;     /* bytes of the request
                                                    body curl has taken */
    ngx_uint_t                        attempts;

    ngx_str_t                         answer;
    size_t                            size;      /* allocated for it */
    size_t                            received;  /* bytes of headers */

    unsigned                          secure:1;
    unsigned                          again:1;   /* our one retry is used */
    unsigned                          resend:1;  /* a second sending was
                                                    forbidden */
    unsigned                          too_large:1;
} ngx_http_wix_auth_fetch_transfer_t;


typedef struct {
    ngx_log_t                        *log;
    ngx_http_wix_auth_fetch_multi_t  *multis;

    ngx_queue_t                       waiting;
    ngx_queue_t                       active;
    ngx_queue_t                       done;
    ngx_uint_t                        nwaiting;
    ngx_uint_t                        nactive;

    ngx_event_t                       work;
    ngx_connection_t                  dummy;     /* ngx_event_ident() */

    ngx_uint_t                        inside;    /* calls into curl */

    unsigned                          global:1;
    unsigned                          http2:1;
    unsigned                          joins:1;
    unsigned                          shutdown:1;
    unsigned                          resolving:1;   /* maybe, somewhere */
} ngx_http_wix_auth_fetch_worker_t;


static void ngx_http_wix_auth_fetch_post(void);
static void ngx_http_wix_auth_fetch_work_handler(ngx_event_t *ev);
static void ngx_http_wix_auth_fetch_run(void);
static void ngx_http_wix_auth_fetch_launch(
    ngx_http_wix_auth_fetch_transfer_t *t);
static ngx_int_t ngx_http_wix_auth_fetch_attach(
    ngx_http_wix_auth_fetch_transfer_t *t);
static void ngx_http_wix_auth_fetch_detach(
    ngx_http_wix_auth_fetch_transfer_t *t);
static void ngx_http_wix_auth_fetch_end(ngx_http_wix_auth_fetch_transfer_t *t,
    ngx_uint_t error);
static void ngx_http_wix_auth_fetch_unlink(
    ngx_http_wix_auth_fetch_transfer_t *t);
static void ngx_http_wix_auth_fetch_destroy(
    ngx_http_wix_auth_fetch_transfer_t *t);
static void ngx_http_wix_auth_fetch_deadline_handler(ngx_event_t *ev);

static ngx_http_wix_auth_fetch_multi_t *ngx_http_wix_auth_fetch_multi(
    void *store);
static ngx_int_t ngx_http_wix_auth_fetch_multi_init(
    ngx_http_wix_auth_fetch_multi_t *m);
static void ngx_http_wix_auth_fetch_multi_free(
    ngx_http_wix_auth_fetch_multi_t *m);

static ngx_int_t ngx_http_wix_auth_fetch_setup(
    ngx_http_wix_auth_fetch_transfer_t *t);
static ngx_int_t ngx_http_wix_auth_fetch_setup_connection(
    ngx_http_wix_auth_fetch_transfer_t *t);
static ngx_int_t ngx_http_wix_auth_fetch_setup_tls(
    ngx_http_wix_auth_fetch_transfer_t *t);
static ngx_int_t ngx_http_wix_auth_fetch_setup_request(
    ngx_http_wix_auth_fetch_transfer_t *t);
static ngx_int_t ngx_http_wix_auth_fetch_setup_headers(
    ngx_http_wix_auth_fetch_transfer_t *t);
static ngx_int_t ngx_http_wix_auth_fetch_header(
    ngx_http_wix_auth_fetch_transfer_t *t, const char *line);

static int ngx_http_wix_auth_fetch_socket_callback(CURL *easy,
    curl_socket_t fd, int what, void *data, void *socket);
static ngx_int_t ngx_http_wix_auth_fetch_watch(ngx_connection_t *c, int what);
static void ngx_http_wix_auth_fetch_unwatch(ngx_connection_t *c);
static void ngx_http_wix_auth_fetch_event_handler(ngx_event_t *ev);
static void ngx_http_wix_auth_fetch_shutdown(void);
static int ngx_http_wix_auth_fetch_timer_callback(CURLM *curlm, long timeout,
    void *data);
static void ngx_http_wix_auth_fetch_timer_handler(ngx_event_t *ev);
static void ngx_http_wix_auth_fetch_action(ngx_http_wix_auth_fetch_multi_t *m,
    curl_socket_t fd, int mask);
static void ngx_http_wix_auth_fetch_drain(ngx_http_wix_auth_fetch_multi_t *m);
static void ngx_http_wix_auth_fetch_result(
    ngx_http_wix_auth_fetch_transfer_t *t, CURLcode rc);
static ngx_uint_t ngx_http_wix_auth_fetch_error(
    ngx_http_wix_auth_fetch_transfer_t *t, CURLcode rc);
static ngx_int_t ngx_http_wix_auth_fetch_again(
    ngx_http_wix_auth_fetch_transfer_t *t);
static ngx_uint_t ngx_http_wix_auth_fetch_unsent(
    ngx_http_wix_auth_fetch_transfer_t *t);

static CURLcode ngx_http_wix_auth_fetch_ssl_callback(CURL *easy, void *ctx,
    void *data);
static int ngx_http_wix_auth_fetch_send_callback(void *data, char *peer,
    char *local, int peer_port, int local_port);
static size_t ngx_http_wix_auth_fetch_read_callback(char *buf, size_t size,
    size_t n, void *data);
static int ngx_http_wix_auth_fetch_seek_callback(void *data,
    curl_off_t offset, int origin);
static size_t ngx_http_wix_auth_fetch_body_callback(char *buf, size_t size,
    size_t n, void *data);
static size_t ngx_http_wix_auth_fetch_header_callback(char *buf, size_t size,
    size_t n, void *data);

static void ngx_http_wix_auth_fetch_reset(
    ngx_http_wix_auth_fetch_transfer_t *t);
static ngx_int_t ngx_http_wix_auth_fetch_grow(
    ngx_http_wix_auth_fetch_transfer_t *t, size_t need);
static ngx_uint_t ngx_http_wix_auth_fetch_match(ngx_str_t *line,
    const char *name, ngx_str_t *value);
static ngx_int_t ngx_http_wix_auth_fetch_parse_id(
    ngx_http_wix_auth_fetch_t *f, ngx_str_t *value);
static void ngx_http_wix_auth_fetch_parse_retry(ngx_http_wix_auth_fetch_t *f,
    ngx_str_t *value);
static ngx_int_t ngx_http_wix_auth_fetch_parse_location(
    ngx_http_wix_auth_fetch_t *f, ngx_str_t *value);


static ngx_http_wix_auth_fetch_worker_t  ngx_http_wix_auth_fetch_worker;


ngx_int_t
ngx_http_wix_auth_fetch_check(ngx_log_t *log)
{
    const char              *ssl, *p;
    curl_version_info_data  *info;

    info = curl_version_info(CURLVERSION_NOW);

    if (info->version_num < NGX_HTTP_WIX_AUTH_FETCH_CURL) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "libcurl 7.87 or newer is required, not %s",
                      info->version);
        return NGX_ERROR;
    }

    if (!(info->features & CURL_VERSION_ASYNCHDNS)) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "libcurl %s resolves names synchronously",
                      info->version);
        return NGX_ERROR;
    }

    ssl = info->ssl_version ? info->ssl_version : "";

    /* backends that are built in but not in use stand in parentheses */

    p = strstr(ssl, "OpenSSL/");

    if (!(info->features & CURL_VERSION_SSL)
        || p == NULL
        || (p != ssl && p[-1] == '('))
    {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "libcurl %s does not use OpenSSL but \"%s\"",
                      info->version, ssl);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_wix_auth_fetch_init_worker(ngx_cycle_t *cycle)
{
    ngx_http_wix_auth_fetch_worker_t  *w;

    w = &ngx_http_wix_auth_fetch_worker;

    ngx_memzero(w, sizeof(ngx_http_wix_auth_fetch_worker_t));

    ngx_queue_init(&w->waiting);
    ngx_queue_init(&w->active);
    ngx_queue_init(&w->done);

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
    ngx_queue_t                       *queues[3], *q;
    ngx_connection_t                  *c;
    ngx_http_wix_auth_fetch_multi_t   *m;
    ngx_http_wix_auth_fetch_worker_t  *w;

    w = &ngx_http_wix_auth_fetch_worker;

    if (w->log == NULL) {
        return;
    }

    queues[0] = &w->waiting;
    queues[1] = &w->active;
    queues[2] = &w->done;

    for (i = 0; i < 3; i++) {
        while (!ngx_queue_empty(queues[i])) {
            q = ngx_queue_head(queues[i]);

            ngx_http_wix_auth_fetch_destroy(
                ngx_queue_data(q, ngx_http_wix_auth_fetch_transfer_t, queue));
        }
    }

    while (w->multis) {
        m = w->multis;
        w->multis = m->next;

        ngx_http_wix_auth_fetch_multi_free(m);
    }

    /* sockets that curl was still closing in the background */

    for (i = 0; i < cycle->connection_n; i++) {
        c = &cycle->connections[i];

        if (c->fd != (ngx_socket_t) -1
            && c->read
            && c->read->handler == ngx_http_wix_auth_fetch_event_handler)
        {
            ngx_http_wix_auth_fetch_unwatch(c);
        }
    }

    if (w->work.posted) {
        ngx_delete_posted_event(&w->work);
    }

    if (w->global && !w->resolving) {
        curl_global_cleanup();
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

    if (w->shutdown
        || w->nactive + w->nwaiting >= NGX_HTTP_WIX_AUTH_FETCH_ACTIVE
                                       + NGX_HTTP_WIX_AUTH_FETCH_QUEUED)
    {
        ngx_http_wix_auth_fetch_end(t, NGX_HTTP_WIX_AUTH_FETCH_BUSY);
        return;
    }

    t->state = NGX_HTTP_WIX_AUTH_FETCH_WAITS;
    ngx_queue_insert_tail(&w->waiting, &t->queue);
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
 * nor from a handler.  What handlers end or start is left to the next round.
 */

static void
ngx_http_wix_auth_fetch_run(void)
{
    ngx_queue_t                          batch, *q;
    ngx_http_wix_auth_fetch_worker_t    *w;
    ngx_http_wix_auth_fetch_transfer_t  *t;

    w = &ngx_http_wix_auth_fetch_worker;

    ngx_queue_init(&batch);

    if (!ngx_queue_empty(&w->done)) {
        ngx_queue_add(&batch, &w->done);
        ngx_queue_init(&w->done);
    }

    while (!ngx_queue_empty(&batch)) {
        q = ngx_queue_head(&batch);
        t = ngx_queue_data(q, ngx_http_wix_auth_fetch_transfer_t, queue);

        ngx_http_wix_auth_fetch_unlink(t);
        ngx_http_wix_auth_fetch_detach(t);

        t->state = NGX_HTTP_WIX_AUTH_FETCH_HANDLED;

        if (t->fetch.handler) {
            t->fetch.handler(&t->fetch);
        }

        ngx_http_wix_auth_fetch_destroy(t);
    }

    while (!ngx_queue_empty(&w->waiting)
           && w->nactive < NGX_HTTP_WIX_AUTH_FETCH_ACTIVE)
    {
        q = ngx_queue_head(&w->waiting);

        ngx_http_wix_auth_fetch_launch(
            ngx_queue_data(q, ngx_http_wix_auth_fetch_transfer_t, queue));
    }
}


static void
ngx_http_wix_auth_fetch_launch(ngx_http_wix_auth_fetch_transfer_t *t)
{
    ngx_http_wix_auth_fetch_worker_t  *w;

    w = &ngx_http_wix_auth_fetch_worker;

    ngx_http_wix_auth_fetch_unlink(t);

    t->state = NGX_HTTP_WIX_AUTH_FETCH_RUNS;
    ngx_queue_insert_tail(&w->active, &t->queue);
    w->nactive++;

    if (ngx_http_wix_auth_fetch_setup(t) != NGX_OK
        || ngx_http_wix_auth_fetch_attach(t) != NGX_OK)
    {
        ngx_http_wix_auth_fetch_end(t, NGX_HTTP_WIX_AUTH_FETCH_INTERNAL);
    }
}


static ngx_int_t
ngx_http_wix_auth_fetch_attach(ngx_http_wix_auth_fetch_transfer_t *t)
{
    CURLMcode                          rc;
    ngx_http_wix_auth_fetch_multi_t   *m;
    ngx_http_wix_auth_fetch_worker_t  *w;

    w = &ngx_http_wix_auth_fetch_worker;

    m = ngx_http_wix_auth_fetch_multi(t->fetch.conf->store);
    if (m == NULL) {
        return NGX_ERROR;
    }

    if (curl_easy_setopt(t->easy, CURLOPT_SHARE, m->share) != CURLE_OK) {
        return NGX_ERROR;
    }

    w->inside++;
    rc = curl_multi_add_handle(m->curlm, t->easy);
    w->inside--;

    if (rc != CURLM_OK) {
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, w->log, 0,
                       "wix auth fetch %p: add: %s", &t->fetch,
                       curl_multi_strerror(rc));
        return NGX_ERROR;
    }

    t->multi = m;

    return NGX_OK;
}


static void
ngx_http_wix_auth_fetch_detach(ngx_http_wix_auth_fetch_transfer_t *t)
{
    CURLMcode                          rc;
    curl_off_t                         resolved;
    ngx_http_wix_auth_fetch_worker_t  *w;

    if (t->multi == NULL) {
        return;
    }

    w = &ngx_http_wix_auth_fetch_worker;

    if (w->joins) {
        resolved = 0;
        (void) curl_easy_getinfo(t->easy, CURLINFO_NAMELOOKUP_TIME_T,
                                 &resolved);

        if (resolved == 0) {
            w->resolving = 1;
        }
    }

    w->inside++;
    rc = curl_multi_remove_handle(t->multi->curlm, t->easy);
    w->inside--;

    ngx_http_wix_auth_crypto_clear_errors();

    if (rc != CURLM_OK) {
        ngx_log_error(NGX_LOG_ALERT, w->log, 0,
                      "curl_multi_remove_handle() failed: %s",
                      curl_multi_strerror(rc));
    }

    t->multi = NULL;
}


/* any state to ENDED; calls no handler and not curl, so it is always safe */

static void
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
    ngx_queue_insert_tail(&w->done, &t->queue);

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

    if (!ngx_queue_empty(&w->waiting)) {
        ngx_http_wix_auth_fetch_post();
    }
}


static void
ngx_http_wix_auth_fetch_destroy(ngx_http_wix_auth_fetch_transfer_t *t)
{
    struct curl_slist                 *h;
    ngx_http_wix_auth_fetch_t         *f;
    ngx_http_wix_auth_fetch_worker_t  *w;

    w = &ngx_http_wix_auth_fetch_worker;
    f = &t->fetch;

    ngx_http_wix_auth_fetch_unlink(t);
    ngx_http_wix_auth_fetch_detach(t);

    if (t->easy) {
        w->inside++;
        curl_easy_cleanup(t->easy);
        w->inside--;
    }

    for (h = t->headers; h; h = h->next) {
        ngx_explicit_memzero(h->data, ngx_strlen(h->data));
    }

    curl_slist_free_all(t->headers);

    if (t->answer.data) {
        ngx_explicit_memzero(t->answer.data, t->size);
        ngx_free(t->answer.data);
    }

    if (f->body.len) {
        ngx_explicit_memzero(f->body.data, f->body.len);
    }

    if (f->authorization.len) {
        ngx_explicit_memzero(f->authorization.data, f->authorization.len);
    }

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

    /* not later: without its timer the transfer holds no exiting worker */

    ngx_http_wix_auth_fetch_run();
}


static ngx_http_wix_auth_fetch_multi_t *
ngx_http_wix_auth_fetch_multi(void *store)
{
    curl_version_info_data            *info;
    ngx_http_wix_auth_fetch_multi_t   *m;
    ngx_http_wix_auth_fetch_worker_t  *w;

    w = &ngx_http_wix_auth_fetch_worker;

    for (m = w->multis; m; m = m->next) {
        if (m->store == store) {
            return m;
        }
    }

    m = ngx_calloc(sizeof(ngx_http_wix_auth_fetch_multi_t), w->log);
    if (m == NULL) {
        return NULL;
    }

    m->store = store;

    if (ngx_http_wix_auth_fetch_multi_init(m) != NGX_OK) {
        ngx_log_error(NGX_LOG_ALERT, w->log, 0,
                      "libcurl could not be initialized");
        ngx_http_wix_auth_fetch_multi_free(m);
        return NULL;
    }

    info = curl_version_info(CURLVERSION_NOW);
    w->http2 = (info->features & CURL_VERSION_HTTP2) ? 1 : 0;
    w->joins = (info->version_num >= NGX_HTTP_WIX_AUTH_FETCH_CURL_JOINS);

    m->next = w->multis;
    w->multis = m;

    return m;
}


static ngx_int_t
ngx_http_wix_auth_fetch_multi_init(ngx_http_wix_auth_fetch_multi_t *m)
{
    CURLSHcode                         sh;
    ngx_uint_t                         rc;
    ngx_http_wix_auth_fetch_worker_t  *w;

    w = &ngx_http_wix_auth_fetch_worker;

    m->timer.handler = ngx_http_wix_auth_fetch_timer_handler;
    m->timer.data = &w->dummy;
    m->timer.log = w->log;
    m->timer.cancelable = 1;    /* a transfer's deadline is not */

    if (!w->global) {
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
            return NGX_ERROR;
        }

        w->global = 1;
    }

    m->curlm = curl_multi_init();
    m->share = curl_share_init();

    if (m->curlm == NULL || m->share == NULL) {
        return NGX_ERROR;
    }

    /* one thread: no locks */

    sh = curl_share_setopt(m->share, CURLSHOPT_SHARE,
                           CURL_LOCK_DATA_SSL_SESSION);
    if (sh != CURLSHE_OK) {
        return NGX_ERROR;
    }

    rc = curl_multi_setopt(m->curlm, CURLMOPT_SOCKETFUNCTION,
                           ngx_http_wix_auth_fetch_socket_callback);
    rc |= curl_multi_setopt(m->curlm, CURLMOPT_SOCKETDATA, m);
    rc |= curl_multi_setopt(m->curlm, CURLMOPT_TIMERFUNCTION,
                            ngx_http_wix_auth_fetch_timer_callback);
    rc |= curl_multi_setopt(m->curlm, CURLMOPT_TIMERDATA, m);
    rc |= curl_multi_setopt(m->curlm, CURLMOPT_PIPELINING,
                            (long) CURLPIPE_MULTIPLEX);
    rc |= curl_multi_setopt(m->curlm, CURLMOPT_MAXCONNECTS,
                            (long) NGX_HTTP_WIX_AUTH_FETCH_IDLE);

    return (rc == CURLM_OK) ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_wix_auth_fetch_multi_free(ngx_http_wix_auth_fetch_multi_t *m)
{
    ngx_http_wix_auth_fetch_worker_t  *w;

    w = &ngx_http_wix_auth_fetch_worker;

    if (m->curlm) {

        /* cleanup might ask to watch a connection that goes away */

        (void) curl_multi_setopt(m->curlm, CURLMOPT_SOCKETFUNCTION, NULL);
        (void) curl_multi_setopt(m->curlm, CURLMOPT_TIMERFUNCTION, NULL);
    }

    if (m->timer.timer_set) {
        ngx_del_timer(&m->timer);
    }

    if (m->timer.posted) {
        ngx_delete_posted_event(&m->timer);
    }

    /*
     * A dead name server holds the resolver's threads for many seconds, so
     * where cleanup would wait for them it is left to exit().
     */

    if (!w->resolving) {
        w->inside++;

        if (m->curlm) {
            (void) curl_multi_cleanup(m->curlm);
        }

        if (m->share) {
            (void) curl_share_cleanup(m->share);
        }

        w->inside--;

        ngx_http_wix_auth_crypto_clear_errors();
    }

    ngx_free(m);
}


static ngx_int_t
ngx_http_wix_auth_fetch_setup(ngx_http_wix_auth_fetch_transfer_t *t)
{
    u_char     *p;
    ngx_str_t   url;

    url = t->fetch.url;

    p = ngx_strlchr(url.data, url.data + url.len, '?');
    if (p) {
        url.len = p - url.data;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_http_wix_auth_fetch_worker.log, 0,
                   "wix auth fetch %p: %s \"%V\"", &t->fetch,
                   t->fetch.body.data ? "POST" : "GET", &url);

    if (url.len > 8 && ngx_strncasecmp(url.data, (u_char *) "https://", 8) == 0)
    {
        t->secure = 1;

    } else if (url.len <= 7
               || ngx_strncasecmp(url.data, (u_char *) "http://", 7) != 0)
    {
        return NGX_ERROR;
    }

    /* never without verification */

    if (t->secure && t->fetch.conf->store == NULL) {
        return NGX_ERROR;
    }

    /* curl_global_init() comes first */

    if (ngx_http_wix_auth_fetch_multi(t->fetch.conf->store) == NULL) {
        return NGX_ERROR;
    }

    t->easy = curl_easy_init();
    if (t->easy == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_wix_auth_fetch_setup_connection(t) != NGX_OK
        || ngx_http_wix_auth_fetch_setup_tls(t) != NGX_OK
        || ngx_http_wix_auth_fetch_setup_headers(t) != NGX_OK
        || ngx_http_wix_auth_fetch_setup_request(t) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_fetch_setup_connection(
    ngx_http_wix_auth_fetch_transfer_t *t)
{
    long                              version;
    CURL                             *e;
    ngx_uint_t                        rc;
    ngx_http_wix_auth_fetch_conf_t   *conf;

    e = t->easy;
    conf = t->fetch.conf;

    version = CURL_HTTP_VERSION_1_1;

    if (t->secure && ngx_http_wix_auth_fetch_worker.http2) {
        version = CURL_HTTP_VERSION_2TLS;
    }

    rc = curl_easy_setopt(e, CURLOPT_PRIVATE, t);
    rc |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_URL, (char *) t->fetch.url.data);
    rc |= curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR,
                           t->secure ? "https" : "http");
    rc |= curl_easy_setopt(e, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    rc |= curl_easy_setopt(e, CURLOPT_HTTP_VERSION, version);
    rc |= curl_easy_setopt(e, CURLOPT_PIPEWAIT, t->secure ? 1L : 0L);
    rc |= curl_easy_setopt(e, CURLOPT_MAXAGE_CONN,
                           (long) NGX_HTTP_WIX_AUTH_FETCH_IDLE_AGE);

    /* ours come first: the transfer's deadline is a timer of nginx */

    rc |= curl_easy_setopt(e, CURLOPT_TIMEOUT_MS,
                           (long) conf->timeout + 1000L);
    rc |= curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
                           (long) conf->connect_timeout);

    /* not NULL: neither http_proxy nor no_proxy of the environment count */

    rc |= curl_easy_setopt(e, CURLOPT_PROXY,
                           conf->proxy.len ? (char *) conf->proxy.data : "");
    rc |= curl_easy_setopt(e, CURLOPT_NOPROXY, "");
    rc |= curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);

    return (rc == CURLE_OK) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_wix_auth_fetch_setup_tls(ngx_http_wix_auth_fetch_transfer_t *t)
{
    CURL        *e;
    ngx_uint_t   rc;

    if (!t->secure) {
        return NGX_OK;
    }

    e = t->easy;

    rc = curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
    rc |= curl_easy_setopt(e, CURLOPT_SSLVERSION,
                           (long) CURL_SSLVERSION_TLSv1_2);

    /*
     * The store was parsed by the master.  Before 8.4.0 libcurl replaces it
     * by a store of its cache after the callback, unless there is no cache.
     */

    rc |= curl_easy_setopt(e, CURLOPT_CAINFO, NULL);
    rc |= curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
    rc |= curl_easy_setopt(e, CURLOPT_PROXY_CAINFO, NULL);
    rc |= curl_easy_setopt(e, CURLOPT_PROXY_CAPATH, NULL);
    rc |= curl_easy_setopt(e, CURLOPT_CA_CACHE_TIMEOUT, 0L);
    rc |= curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION,
                           ngx_http_wix_auth_fetch_ssl_callback);
    rc |= curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, t->fetch.conf->store);

    return (rc == CURLE_OK) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_wix_auth_fetch_setup_request(ngx_http_wix_auth_fetch_transfer_t *t)
{
    CURL        *e;
    ngx_uint_t   rc;

    e = t->easy;

    rc = curl_easy_setopt(e, CURLOPT_USERAGENT,
                          NGX_HTTP_WIX_AUTH_FETCH_AGENT);
    rc |= curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->headers);
    rc |= curl_easy_setopt(e, CURLOPT_HEADEROPT, (long) CURLHEADER_SEPARATE);

    rc |= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION,
                           ngx_http_wix_auth_fetch_body_callback);
    rc |= curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
    rc |= curl_easy_setopt(e, CURLOPT_HEADERFUNCTION,
                           ngx_http_wix_auth_fetch_header_callback);
    rc |= curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
    rc |= curl_easy_setopt(e, CURLOPT_PREREQFUNCTION,
                           ngx_http_wix_auth_fetch_send_callback);
    rc |= curl_easy_setopt(e, CURLOPT_PREREQDATA, t);

    if (t->fetch.body.data == NULL) {
        rc |= curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);

        return (rc == CURLE_OK) ? NGX_OK : NGX_ERROR;
    }

    /* not POSTFIELDS: curl would send those again without asking */

    rc |= curl_easy_setopt(e, CURLOPT_POST, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
                           (curl_off_t) t->fetch.body.len);
    rc |= curl_easy_setopt(e, CURLOPT_READFUNCTION,
                           ngx_http_wix_auth_fetch_read_callback);
    rc |= curl_easy_setopt(e, CURLOPT_READDATA, t);
    rc |= curl_easy_setopt(e, CURLOPT_SEEKFUNCTION,
                           ngx_http_wix_auth_fetch_seek_callback);
    rc |= curl_easy_setopt(e, CURLOPT_SEEKDATA, t);

    return (rc == CURLE_OK) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_wix_auth_fetch_setup_headers(ngx_http_wix_auth_fetch_transfer_t *t)
{
    size_t      i, len;
    u_char     *p;
    ngx_int_t   rc;
    ngx_str_t  *auth;

    if (ngx_http_wix_auth_fetch_header(t, "Accept: application/json")
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (t->fetch.body.data) {
        if (ngx_http_wix_auth_fetch_header(t, "Content-Type: application/json")
            != NGX_OK
            || ngx_http_wix_auth_fetch_header(t, "Expect:") != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    auth = &t->fetch.authorization;

    if (auth->len == 0) {
        return NGX_OK;
    }

    for (i = 0; i < auth->len; i++) {
        if (auth->data[i] < 0x20 || auth->data[i] == 0x7f) {
            return NGX_ERROR;
        }
    }

    len = sizeof("Authorization: ") + auth->len;

    p = ngx_pnalloc(t->fetch.pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(p, "Authorization: %V%Z", auth);

    rc = ngx_http_wix_auth_fetch_header(t, (char *) p);

    ngx_explicit_memzero(p, len);

    return rc;
}


static ngx_int_t
ngx_http_wix_auth_fetch_header(ngx_http_wix_auth_fetch_transfer_t *t,
    const char *line)
{
    struct curl_slist  *list;

    list = curl_slist_append(t->headers, line);
    if (list == NULL) {
        return NGX_ERROR;
    }

    t->headers = list;

    return NGX_OK;
}


/*
 * Never -1: curl would fail all transfers of the handle for good.
 */

static int
ngx_http_wix_auth_fetch_socket_callback(CURL *easy, curl_socket_t fd,
    int what, void *data, void *socket)
{
    ngx_connection_t                    *c;
    ngx_http_wix_auth_fetch_multi_t     *m;
    ngx_http_wix_auth_fetch_worker_t    *w;
    ngx_http_wix_auth_fetch_transfer_t  *t;

    w = &ngx_http_wix_auth_fetch_worker;
    m = data;
    c = socket;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, w->log, 0,
                   "wix auth fetch socket %d: poll %d", fd, what);

    if (what == CURL_POLL_REMOVE) {
        if (c) {
            ngx_http_wix_auth_fetch_unwatch(c);
        }

        return 0;
    }

    if (c == NULL) {
        c = ngx_get_connection(fd, w->log);
        if (c == NULL) {
            goto failed;
        }

        c->data = m;
        c->shared = 1;    /* the socket is curl's to close */
        c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
        c->read->log = w->log;
        c->write->log = w->log;
        c->read->handler = ngx_http_wix_auth_fetch_event_handler;
        c->write->handler = ngx_http_wix_auth_fetch_event_handler;

        (void) curl_multi_assign(m->curlm, fd, c);
    }

    if (ngx_http_wix_auth_fetch_watch(c, what) == NGX_OK) {
        return 0;
    }

    (void) curl_multi_assign(m->curlm, fd, NULL);
    ngx_http_wix_auth_fetch_unwatch(c);

failed:

    t = NULL;

    if (easy) {
        (void) curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &t);
    }

    if (t) {
        ngx_http_wix_auth_fetch_end(t, NGX_HTTP_WIX_AUTH_FETCH_INTERNAL);
    }

    return 0;
}


/* level-triggered: curl does not promise to read until EAGAIN */

static ngx_int_t
ngx_http_wix_auth_fetch_watch(ngx_connection_t *c, int what)
{
    if (what & CURL_POLL_IN) {
        if (!c->read->active
            && ngx_add_event(c->read, NGX_READ_EVENT, NGX_LEVEL_EVENT)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

    } else if (c->read->active
               && ngx_del_event(c->read, NGX_READ_EVENT, 0) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (what & CURL_POLL_OUT) {
        if (!c->write->active
            && ngx_add_event(c->write, NGX_WRITE_EVENT, NGX_LEVEL_EVENT)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

    } else if (c->write->active
               && ngx_del_event(c->write, NGX_WRITE_EVENT, 0) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* the socket stays open and may be seen again: curl keeps it for reuse */

static void
ngx_http_wix_auth_fetch_unwatch(ngx_connection_t *c)
{
    if (ngx_del_conn) {
        (void) ngx_del_conn(c, 0);

    } else {
        if (c->read->active || c->read->disabled) {
            (void) ngx_del_event(c->read, NGX_READ_EVENT, 0);
        }

        if (c->write->active || c->write->disabled) {
            (void) ngx_del_event(c->write, NGX_WRITE_EVENT, 0);
        }
    }

    ngx_close_connection(c);
}


static void
ngx_http_wix_auth_fetch_event_handler(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;

    if (c->close) {
        ngx_http_wix_auth_fetch_shutdown();
        return;
    }

    ngx_http_wix_auth_fetch_action(c->data, c->fd,
                                   ev->write ? CURL_CSELECT_OUT
                                             : CURL_CSELECT_IN);

    /* c and ev may be another's now */
}


/* worker_shutdown_timeout: nginx calls all read handlers in a loop */

static void
ngx_http_wix_auth_fetch_shutdown(void)
{
    ngx_queue_t                       *q;
    ngx_http_wix_auth_fetch_worker_t  *w;

    w = &ngx_http_wix_auth_fetch_worker;

    w->shutdown = 1;

    while (!ngx_queue_empty(&w->active)) {
        q = ngx_queue_head(&w->active);

        ngx_http_wix_auth_fetch_end(
            ngx_queue_data(q, ngx_http_wix_auth_fetch_transfer_t, queue),
            NGX_HTTP_WIX_AUTH_FETCH_TIMEOUT);
    }

    while (!ngx_queue_empty(&w->waiting)) {
        q = ngx_queue_head(&w->waiting);

        ngx_http_wix_auth_fetch_end(
            ngx_queue_data(q, ngx_http_wix_auth_fetch_transfer_t, queue),
            NGX_HTTP_WIX_AUTH_FETCH_BUSY);
    }
}


static int
ngx_http_wix_auth_fetch_timer_callback(CURLM *curlm, long timeout, void *data)
{
    ngx_http_wix_auth_fetch_multi_t  *m;

    m = data;

    /* ngx_add_timer() alone would ignore changes below 300 ms */

    if (m->timer.timer_set) {
        ngx_del_timer(&m->timer);
    }

    if (m->timer.posted) {
        ngx_delete_posted_event(&m->timer);
    }

    if (timeout < 0) {
        return 0;
    }

    if (timeout == 0) {
        ngx_post_event(&m->timer, &ngx_posted_next_events);
        return 0;
    }

    ngx_add_timer(&m->timer, (ngx_msec_t) timeout);

    return 0;
}


static void
ngx_http_wix_auth_fetch_timer_handler(ngx_event_t *ev)
{
    ngx_http_wix_auth_fetch_multi_t  *m;

    m = (ngx_http_wix_auth_fetch_multi_t *)
            ((u_char *) ev - offsetof(ngx_http_wix_auth_fetch_multi_t, timer));

    ngx_http_wix_auth_fetch_action(m, CURL_SOCKET_TIMEOUT, 0);
}


static void
ngx_http_wix_auth_fetch_action(ngx_http_wix_auth_fetch_multi_t *m,
    curl_socket_t fd, int mask)
{
    int                                n;
    CURLMcode                          rc;
    ngx_http_wix_auth_fetch_worker_t  *w;

    w = &ngx_http_wix_auth_fetch_worker;

    w->inside++;
    rc = curl_multi_socket_action(m->curlm, fd, mask, &n);
    w->inside--;

    ngx_http_wix_auth_crypto_clear_errors();

    if (rc != CURLM_OK) {
        ngx_log_error(NGX_LOG_ALERT, w->log, 0,
                      "curl_multi_socket_action() failed: %s",
                      curl_multi_strerror(rc));
    }

    ngx_http_wix_auth_fetch_drain(m);
    ngx_http_wix_auth_fetch_run();
}


static void
ngx_http_wix_auth_fetch_drain(ngx_http_wix_auth_fetch_multi_t *m)
{
    int                                  n;
    CURL                                *easy;
    CURLMsg                             *msg;
    CURLcode                             rc;
    ngx_http_wix_auth_fetch_transfer_t  *t;

    for ( ;; ) {
        msg = curl_multi_info_read(m->curlm, &n);
        if (msg == NULL) {
            return;
        }

        if (msg->msg != CURLMSG_DONE) {
            continue;
        }

        /* the message dies with curl_multi_remove_handle() */

        easy = msg->easy_handle;
        rc = msg->data.result;
        t = NULL;

        (void) curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &t);

        if (t && t->state == NGX_HTTP_WIX_AUTH_FETCH_RUNS) {
            ngx_http_wix_auth_fetch_result(t, rc);
        }
    }
}


static void
ngx_http_wix_auth_fetch_result(ngx_http_wix_auth_fetch_transfer_t *t,
    CURLcode rc)
{
    long                        status;
    ngx_uint_t                  error;
    ngx_http_wix_auth_fetch_t  *f;

    f = &t->fetch;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_http_wix_auth_fetch_worker.log, 0,
                   "wix auth fetch %p: curl %d, %s", f, (int) rc,
                   curl_easy_strerror(rc));

    error = ngx_http_wix_auth_fetch_error(t, rc);

    if (error == NGX_HTTP_WIX_AUTH_FETCH_DONE) {
        status = 0;
        (void) curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);

        if (status >= 200 && status <= 999) {
            f->status = status;
            f->answer.data = t->answer.data ? t->answer.data : (u_char *) "";
            f->answer.len = t->answer.len;

        } else {
            error = NGX_HTTP_WIX_AUTH_FETCH_BROKEN;
        }
    }

    if (error == NGX_HTTP_WIX_AUTH_FETCH_BROKEN
        && ngx_http_wix_auth_fetch_again(t) == NGX_OK)
    {
        return;
    }

    ngx_http_wix_auth_fetch_end(t, error);
}


static ngx_uint_t
ngx_http_wix_auth_fetch_error(ngx_http_wix_auth_fetch_transfer_t *t,
    CURLcode rc)
{
    long  status;

    switch (rc) {

    case CURLE_OK:
        return NGX_HTTP_WIX_AUTH_FETCH_DONE;

    case CURLE_OPERATION_TIMEDOUT:
        return NGX_HTTP_WIX_AUTH_FETCH_TIMEOUT;

    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
        return NGX_HTTP_WIX_AUTH_FETCH_CONNECT;

    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_OBSOLETE51:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
        return NGX_HTTP_WIX_AUTH_FETCH_TLS;

    case CURLE_WRITE_ERROR:
        return t->too_large ? NGX_HTTP_WIX_AUTH_FETCH_TOO_LARGE
                            : NGX_HTTP_WIX_AUTH_FETCH_INTERNAL;

#if (LIBCURL_VERSION_NUM >= 0x080600)
    case CURLE_TOO_LARGE:    /* a header, in curl's own opinion */
        return NGX_HTTP_WIX_AUTH_FETCH_TOO_LARGE;
#endif

    case CURLE_ABORTED_BY_CALLBACK:
        return t->resend ? NGX_HTTP_WIX_AUTH_FETCH_BROKEN
                         : NGX_HTTP_WIX_AUTH_FETCH_INTERNAL;

    case CURLE_FAILED_INIT:
    case CURLE_URL_MALFORMAT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_UNKNOWN_OPTION:
        return NGX_HTTP_WIX_AUTH_FETCH_INTERNAL;

    default:
        break;
    }

    /* a proxy that refuses CONNECT is error 56 like a reset */

    status = 0;
    (void) curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &status);

    return (status >= 300) ? NGX_HTTP_WIX_AUTH_FETCH_CONNECT
                           : NGX_HTTP_WIX_AUTH_FETCH_BROKEN;
}


/* one more try within the same deadline, on a connection of its own */

static ngx_int_t
ngx_http_wix_auth_fetch_again(ngx_http_wix_auth_fetch_transfer_t *t)
{
    CURLcode  rc;

    if (t->again || t->resend) {
        return NGX_DECLINED;
    }

    if (!t->fetch.idempotent && !ngx_http_wix_auth_fetch_unsent(t)) {
        return NGX_DECLINED;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_http_wix_auth_fetch_worker.log, 0,
                   "wix auth fetch %p: once more", &t->fetch);

    t->again = 1;
    t->given = 0;

    ngx_http_wix_auth_fetch_detach(t);
    ngx_http_wix_auth_fetch_reset(t);

    rc = curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, 1L);
    if (rc != CURLE_OK) {
        return NGX_ERROR;
    }

    return ngx_http_wix_auth_fetch_attach(t);
}


/*
 * Whether no server can have acted on the request: without the whole body
 * there is none, and without a body not a byte may have left.
 */

static ngx_uint_t
ngx_http_wix_auth_fetch_unsent(ngx_http_wix_auth_fetch_transfer_t *t)
{
    long  size;

    if (t->fetch.body.len) {
        return t->given == 0;
    }

    size = -1;
    (void) curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &size);

    return size == 0;
}


static CURLcode
ngx_http_wix_auth_fetch_ssl_callback(CURL *easy, void *ctx, void *data)
{
    if (ngx_http_wix_auth_crypto_use_store(ctx, data) != NGX_OK) {
        return CURLE_OUT_OF_MEMORY;
    }

    return CURLE_OK;
}


/*
 * Called before each sending of the request.  curl sends again by itself
 * when a reused connection turns out to be dead; its seek callback is not
 * asked when the loss shows before curl has counted what it sent.
 */

static int
ngx_http_wix_auth_fetch_send_callback(void *data, char *peer, char *local,
    int peer_port, int local_port)
{
    ngx_http_wix_auth_fetch_transfer_t  *t;

    t = data;

    if (t->attempts++ == 0) {
        return CURL_PREREQFUNC_OK;
    }

    if (t->attempts > NGX_HTTP_WIX_AUTH_FETCH_ATTEMPTS
        || (!t->fetch.idempotent && !ngx_http_wix_auth_fetch_unsent(t)))
    {
        t->resend = 1;
        return CURL_PREREQFUNC_ABORT;
    }

    t->given = 0;
    ngx_http_wix_auth_fetch_reset(t);

    return CURL_PREREQFUNC_OK;
}


static size_t
ngx_http_wix_auth_fetch_read_callback(char *buf, size_t size, size_t n,
    void *data)
{
    ngx_http_wix_auth_fetch_transfer_t  *t;

    t = data;

    n = ngx_min(n * size, t->fetch.body.len - t->given);

    if (n) {
        ngx_memcpy(buf, t->fetch.body.data + t->given, n);
        t->given += n;
    }

    return n;
}


static int
ngx_http_wix_auth_fetch_seek_callback(void *data, curl_off_t offset,
    int origin)
{
    ngx_http_wix_auth_fetch_transfer_t  *t;

    t = data;

    if (origin != SEEK_SET
        || offset < 0
        || offset > (curl_off_t) t->fetch.body.len)
    {
        return CURL_SEEKFUNC_FAIL;
    }

    if (!t->fetch.idempotent && t->given) {
        t->resend = 1;
        return CURL_SEEKFUNC_FAIL;
    }

    t->given = (size_t) offset;

    return CURL_SEEKFUNC_OK;
}


static size_t
ngx_http_wix_auth_fetch_body_callback(char *buf, size_t size, size_t n,
    void *data)
{
    ngx_http_wix_auth_fetch_transfer_t  *t;

    t = data;
    n *= size;

    if (n > NGX_HTTP_WIX_AUTH_FETCH_BODY - t->answer.len) {
        t->too_large = 1;
        return 0;
    }

    if (ngx_http_wix_auth_fetch_grow(t, t->answer.len + n) != NGX_OK) {
        return 0;
    }

    ngx_memcpy(t->answer.data + t->answer.len, buf, n);
    t->answer.len += n;

    return n;
}


static size_t
ngx_http_wix_auth_fetch_header_callback(char *buf, size_t size, size_t n,
    void *data)
{
    ngx_int_t                            rc;
    ngx_str_t                            line, value;
    ngx_http_wix_auth_fetch_t           *f;
    ngx_http_wix_auth_fetch_transfer_t  *t;

    t = data;
    f = &t->fetch;
    n *= size;

    t->received += n;

    if (t->received > NGX_HTTP_WIX_AUTH_FETCH_HEADERS) {
        t->too_large = 1;
        return 0;
    }

    line.data = (u_char *) buf;
    line.len = n;

    if (n > 5 && ngx_strncmp(line.data, "HTTP/", 5) == 0) {

        /* what came before was a 1xx answer */

        f->retry_after = -1;
        ngx_str_null(&f->request_id);
        ngx_str_null(&f->location);

        return n;
    }

    rc = NGX_OK;

    if (ngx_http_wix_auth_fetch_match(&line, "x-wix-request-id", &value)) {
        rc = ngx_http_wix_auth_fetch_parse_id(f, &value);

    } else if (ngx_http_wix_auth_fetch_match(&line, "retry-after", &value)) {
        ngx_http_wix_auth_fetch_parse_retry(f, &value);

    } else if (ngx_http_wix_auth_fetch_match(&line, "location", &value)) {
        rc = ngx_http_wix_auth_fetch_parse_location(f, &value);
    }

    return (rc == NGX_OK) ? n : 0;
}


static void
ngx_http_wix_auth_fetch_reset(ngx_http_wix_auth_fetch_transfer_t *t)
{
    ngx_http_wix_auth_fetch_t  *f;

    f = &t->fetch;

    f->status = 0;
    f->retry_after = -1;
    ngx_str_null(&f->answer);
    ngx_str_null(&f->request_id);
    ngx_str_null(&f->location);

    t->answer.len = 0;
    t->received = 0;
}


static ngx_int_t
ngx_http_wix_auth_fetch_grow(ngx_http_wix_auth_fetch_transfer_t *t,
    size_t need)
{
    size_t   size;
    u_char  *p;

    if (need <= t->size) {
        return NGX_OK;
    }

    size = t->size ? t->size : NGX_HTTP_WIX_AUTH_FETCH_FIRST;

    while (size < need) {
        size *= 2;
    }

    p = ngx_alloc(size, ngx_http_wix_auth_fetch_worker.log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (t->answer.data) {
        ngx_memcpy(p, t->answer.data, t->answer.len);
        ngx_explicit_memzero(t->answer.data, t->size);
        ngx_free(t->answer.data);
    }

    t->answer.data = p;
    t->size = size;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_wix_auth_fetch_match(ngx_str_t *line, const char *name,
    ngx_str_t *value)
{
    size_t   len;
    u_char  *p, *last;

    len = ngx_strlen(name);

    if (line->len <= len
        || line->data[len] != ':'
        || ngx_strncasecmp(line->data, (u_char *) name, len) != 0)
    {
        return 0;
    }

    p = line->data + len + 1;
    last = line->data + line->len;

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    while (p < last && last[-1] <= ' ') {
        last--;
    }

    value->data = p;
    value->len = last - p;

    return 1;
}


static ngx_int_t
ngx_http_wix_auth_fetch_parse_id(ngx_http_wix_auth_fetch_t *f,
    ngx_str_t *value)
{
    size_t   i;
    u_char   ch, *p;

    p = ngx_pnalloc(f->pool, NGX_HTTP_WIX_AUTH_FETCH_ID);
    if (p == NULL) {
        return NGX_ERROR;
    }

    f->request_id.data = p;
    f->request_id.len = 0;

    for (i = 0; i < value->len; i++) {
        ch = value->data[i];

        if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
            || (ch >= '0' && ch <= '9')
            || ch == '.' || ch == '_' || ch == ':' || ch == '-')
        {
            p[f->request_id.len++] = ch;

            if (f->request_id.len == NGX_HTTP_WIX_AUTH_FETCH_ID) {
                break;
            }
        }
    }

    return NGX_OK;
}


/* seconds only; a date says nothing without the server's clock */

static void
ngx_http_wix_auth_fetch_parse_retry(ngx_http_wix_auth_fetch_t *f,
    ngx_str_t *value)
{
    size_t      i;
    ngx_int_t   n;

    f->retry_after = -1;

    if (value->len == 0) {
        return;
    }

    n = 0;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < '0' || value->data[i] > '9') {
            return;
        }

        n = n * 10 + (value->data[i] - '0');
        n = ngx_min(n, NGX_HTTP_WIX_AUTH_FETCH_RETRY_AFTER);
    }

    f->retry_after = n;
}


static ngx_int_t
ngx_http_wix_auth_fetch_parse_location(ngx_http_wix_auth_fetch_t *f,
    ngx_str_t *value)
{
    size_t   i;
    u_char  *p;

    ngx_str_null(&f->location);

    if (value->len > NGX_HTTP_WIX_AUTH_FETCH_LOCATION) {
        return NGX_OK;
    }

    for (i = 0; i < value->len; i++) {
        if (value->data[i] <= 0x20 || value->data[i] == 0x7f) {
            return NGX_OK;
        }
    }

    p = ngx_pnalloc(f->pool, value->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, value->data, value->len);
    p[value->len] = '\0';

    f->location.data = p;
    f->location.len = value->len;

    return NGX_OK;
}
