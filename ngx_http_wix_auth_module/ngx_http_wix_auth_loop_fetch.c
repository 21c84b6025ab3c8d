
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_transfer.h"
#include "ngx_http_wix_auth_crypto.h"

#include <fcntl.h>
#include <poll.h>
#include <curl/curl.h>


/* idle connections kept */
#define NGX_HTTP_WIX_AUTH_FETCH_IDLE         64

/* from here on curl_multi_cleanup() joins the resolver's threads */
#define NGX_HTTP_WIX_AUTH_FETCH_CURL_JOINS   0x081400


#ifdef POLLRDHUP
#define NGX_HTTP_WIX_AUTH_FETCH_POLL         (POLLIN|POLLRDHUP)
#else
#define NGX_HTTP_WIX_AUTH_FETCH_POLL         POLLIN
#endif


/* a connection's; before it sends on one, curl tells the port but not the fd */

typedef struct {
    ngx_queue_t      queue;
    curl_socket_t    fd;
    ngx_uint_t       port;       /* of our end; 0: not asked yet */
    unsigned         http1:1;    /* HTTP/1.x, as an answer has shown */
} ngx_http_wix_auth_fetch_socket_t;


static ngx_int_t ngx_http_wix_auth_fetch_multi_init(
    ngx_http_wix_auth_fetch_multi_t *m);
static void ngx_http_wix_auth_fetch_multi_free(
    ngx_http_wix_auth_fetch_multi_t *m);
static int ngx_http_wix_auth_fetch_open_callback(void *data,
    curl_socket_t fd, curlsocktype purpose);
static int ngx_http_wix_auth_fetch_close_callback(void *data,
    curl_socket_t fd);
static ngx_uint_t ngx_http_wix_auth_fetch_port(curl_socket_t fd);
static ngx_uint_t ngx_http_wix_auth_fetch_closed(
    ngx_http_wix_auth_fetch_socket_t *s);
static void ngx_http_wix_auth_fetch_learn(
    ngx_http_wix_auth_fetch_transfer_t *t);

static int ngx_http_wix_auth_fetch_socket_callback(CURL *easy,
    curl_socket_t fd, int what, void *data, void *socket);
static ngx_int_t ngx_http_wix_auth_fetch_watch(ngx_connection_t *c, int what);
static void ngx_http_wix_auth_fetch_unwatch(ngx_connection_t *c);
static void ngx_http_wix_auth_fetch_event_handler(ngx_event_t *ev);
static int ngx_http_wix_auth_fetch_timer_callback(CURLM *curlm, long timeout,
    void *data);
static void ngx_http_wix_auth_fetch_timer_handler(ngx_event_t *ev);
static void ngx_http_wix_auth_fetch_action(ngx_http_wix_auth_fetch_multi_t *m,
    curl_socket_t fd, int mask);
static void ngx_http_wix_auth_fetch_drain(ngx_http_wix_auth_fetch_multi_t *m);
static void ngx_http_wix_auth_fetch_result(
    ngx_http_wix_auth_fetch_transfer_t *t, CURLcode rc);
static ngx_int_t ngx_http_wix_auth_fetch_again(
    ngx_http_wix_auth_fetch_transfer_t *t);


ngx_http_wix_auth_fetch_multi_t *
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
    ngx_queue_init(&m->sockets);

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
    ngx_queue_t                       *q;
    ngx_http_wix_auth_fetch_socket_t  *s;
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

    /* those of connections that are left to exit() */

    q = ngx_queue_head(&m->sockets);

    while (q != ngx_queue_sentinel(&m->sockets)) {
        s = ngx_queue_data(q, ngx_http_wix_auth_fetch_socket_t, queue);
        q = ngx_queue_next(q);

        ngx_free(s);
    }

    ngx_free(m);
}


ngx_int_t
ngx_http_wix_auth_fetch_attach(ngx_http_wix_auth_fetch_transfer_t *t)
{
    CURLMcode                          rc;
    ngx_uint_t                         set;
    ngx_http_wix_auth_fetch_multi_t   *m;
    ngx_http_wix_auth_fetch_worker_t  *w;

    w = &ngx_http_wix_auth_fetch_worker;

    m = ngx_http_wix_auth_fetch_multi(t->fetch.conf->store);
    if (m == NULL) {
        return NGX_ERROR;
    }

    set = curl_easy_setopt(t->easy, CURLOPT_SHARE, m->share);

    /* a connection outlives the transfer that opens it */

    set |= curl_easy_setopt(t->easy, CURLOPT_SOCKOPTFUNCTION,
                            ngx_http_wix_auth_fetch_open_callback);
    set |= curl_easy_setopt(t->easy, CURLOPT_SOCKOPTDATA, m);
    set |= curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETFUNCTION,
                            ngx_http_wix_auth_fetch_close_callback);
    set |= curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETDATA, m);

    if (set != CURLE_OK) {
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


void
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


void
ngx_http_wix_auth_fetch_stop(ngx_cycle_t *cycle)
{
    ngx_uint_t                         i;
    ngx_connection_t                  *c;
    ngx_http_wix_auth_fetch_multi_t   *m;
    ngx_http_wix_auth_fetch_worker_t  *w;

    w = &ngx_http_wix_auth_fetch_worker;

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

    if (w->global && !w->resolving) {
        curl_global_cleanup();
    }
}


static int
ngx_http_wix_auth_fetch_open_callback(void *data, curl_socket_t fd,
    curlsocktype purpose)
{
    ngx_http_wix_auth_fetch_multi_t   *m;
    ngx_http_wix_auth_fetch_socket_t  *s;

    m = data;

    s = ngx_calloc(sizeof(ngx_http_wix_auth_fetch_socket_t),
                   ngx_http_wix_auth_fetch_worker.log);

    /* without it the connection works, and its end is seen late */

    if (s) {
        s->fd = fd;
        ngx_queue_insert_head(&m->sockets, &s->queue);
    }

    return CURL_SOCKOPT_OK;
}


static int
ngx_http_wix_auth_fetch_close_callback(void *data, curl_socket_t fd)
{
    ngx_queue_t                       *q;
    ngx_http_wix_auth_fetch_multi_t   *m;
    ngx_http_wix_auth_fetch_socket_t  *s;

    m = data;

    for (q = ngx_queue_head(&m->sockets);
         q != ngx_queue_sentinel(&m->sockets);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_http_wix_auth_fetch_socket_t, queue);

        if (s->fd == fd) {
            ngx_queue_remove(q);
            ngx_free(s);
            break;
        }
    }

    return ngx_close_socket(fd);
}


/*
 * Asked before each sending, since curl's own look at a connection it has
 * kept is not enough: with TLS, 7.88 takes the server's close_notify for a
 * sign of life.  Two connections to different addresses may have the same
 * port; then a living one may be given up, which costs a handshake.
 */

ngx_uint_t
ngx_http_wix_auth_fetch_dead(ngx_http_wix_auth_fetch_transfer_t *t,
    ngx_uint_t port)
{
    ngx_queue_t                       *q;
    ngx_http_wix_auth_fetch_multi_t   *m;
    ngx_http_wix_auth_fetch_socket_t  *s;

    m = t->multi;
    t->port = port;

    if (m == NULL || port == 0) {
        return 0;
    }

    for (q = ngx_queue_head(&m->sockets);
         q != ngx_queue_sentinel(&m->sockets);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_http_wix_auth_fetch_socket_t, queue);

        if (s->port == 0) {
            s->port = ngx_http_wix_auth_fetch_port(s->fd);
        }

        /* of a new connection curl's own error will tell */

        if (s->port == port
            && !t->fresh
            && ngx_http_wix_auth_fetch_closed(s))
        {
            ngx_log_debug2(NGX_LOG_DEBUG_HTTP,
                           ngx_http_wix_auth_fetch_worker.log, 0,
                           "wix auth fetch %p: socket %d is dead",
                           &t->fetch, s->fd);
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_wix_auth_fetch_port(curl_socket_t fd)
{
    socklen_t       len;
    ngx_sockaddr_t  sa;

    len = sizeof(ngx_sockaddr_t);

    if (getsockname(fd, &sa.sockaddr, &len) == -1) {
        return 0;
    }

    return ngx_inet_get_port(&sa.sockaddr);
}


static ngx_uint_t
ngx_http_wix_auth_fetch_closed(ngx_http_wix_auth_fetch_socket_t *s)
{
    struct pollfd  p;

    p.fd = s->fd;
    p.events = NGX_HTTP_WIX_AUTH_FETCH_POLL;
    p.revents = 0;

    if (poll(&p, 1, 0) < 1) {
        return 0;
    }

    /* HTTP/2 may have something to say, HTTP/1 only good-bye */

    return s->http1 || (p.revents & ~POLLIN);
}


static void
ngx_http_wix_auth_fetch_learn(ngx_http_wix_auth_fetch_transfer_t *t)
{
    long                               version;
    ngx_queue_t                       *q;
    ngx_http_wix_auth_fetch_socket_t  *s;

    version = CURL_HTTP_VERSION_NONE;
    (void) curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);

    for (q = ngx_queue_head(&t->multi->sockets);
         q != ngx_queue_sentinel(&t->multi->sockets);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_http_wix_auth_fetch_socket_t, queue);

        if (s->port && s->port == t->port) {
            s->http1 = (version == CURL_HTTP_VERSION_1_0
                        || version == CURL_HTTP_VERSION_1_1);
        }
    }
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
    ngx_uint_t  flags;

    /* curl closes a socket that was still connecting before it tells us */

    flags = (fcntl(c->fd, F_GETFD) == -1) ? NGX_CLOSE_EVENT : 0;

    if (ngx_del_conn) {
        (void) ngx_del_conn(c, flags);

    } else {
        if (c->read->active || c->read->disabled) {
            (void) ngx_del_event(c->read, NGX_READ_EVENT, flags);
        }

        if (c->write->active || c->write->disabled) {
            (void) ngx_del_event(c->write, NGX_WRITE_EVENT, flags);
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

        ngx_http_wix_auth_fetch_learn(t);
    }

    if (error == NGX_HTTP_WIX_AUTH_FETCH_BROKEN
        && ngx_http_wix_auth_fetch_again(t) == NGX_OK)
    {
        return;
    }

    ngx_http_wix_auth_fetch_end(t, error);
}


/* one more try within the same deadline, on a connection of its own */

static ngx_int_t
ngx_http_wix_auth_fetch_again(ngx_http_wix_auth_fetch_transfer_t *t)
{
    ngx_uint_t  rc;

    if (t->dead) {

        /* the sending that was allowed has yet to begin */

        t->dead = 0;

    } else {

        if (t->again || t->resend) {
            return NGX_DECLINED;
        }

        if (!t->fetch.idempotent && !ngx_http_wix_auth_fetch_unsent(t)) {
            return NGX_DECLINED;
        }

        t->again = 1;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_http_wix_auth_fetch_worker.log, 0,
                   "wix auth fetch %p: once more", &t->fetch);

    t->fresh = 1;
    t->given = 0;

    ngx_http_wix_auth_fetch_detach(t);
    ngx_http_wix_auth_fetch_reset(t);

    rc = curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, 1L);
    rc |= curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 0L);

    if (rc != CURLE_OK) {
        return NGX_ERROR;
    }

    return ngx_http_wix_auth_fetch_attach(t);
}
