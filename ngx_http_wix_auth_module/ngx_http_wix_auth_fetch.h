
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_FETCH_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_FETCH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>


/*
 * Floor 0: the only room that knows libcurl.  One multi handle a worker and
 * CA store, driven by nginx's events; nothing here blocks: names are looked
 * up in curl's threads, and the CA store is parsed by the master.
 */


#define NGX_HTTP_WIX_AUTH_FETCH_ACTIVE   256     /* transfers a worker */
#define NGX_HTTP_WIX_AUTH_FETCH_RESERVE  32      /* more for urgent ones */
#define NGX_HTTP_WIX_AUTH_FETCH_QUEUED   1024    /* and waiting for a place */
#define NGX_HTTP_WIX_AUTH_FETCH_TURN     8       /* answered, and begun, in a
                                                    turn of the event loop */
#define NGX_HTTP_WIX_AUTH_FETCH_BODY     65536   /* bytes of an answer */


typedef enum {
    NGX_HTTP_WIX_AUTH_FETCH_DONE = 0,   /* an HTTP answer, any status */
    NGX_HTTP_WIX_AUTH_FETCH_CONNECT,    /* no connection, no such name */
    NGX_HTTP_WIX_AUTH_FETCH_TLS,        /* certificate or handshake */
    NGX_HTTP_WIX_AUTH_FETCH_TIMEOUT,    /* the deadline passed */
    NGX_HTTP_WIX_AUTH_FETCH_BROKEN,     /* reset, truncated, protocol */
    NGX_HTTP_WIX_AUTH_FETCH_TOO_LARGE,  /* body or headers over the bound */
    NGX_HTTP_WIX_AUTH_FETCH_BUSY,       /* no place in the worker's queue */
    NGX_HTTP_WIX_AUTH_FETCH_INTERNAL    /* memory, or curl refused */
} ngx_http_wix_auth_fetch_error_e;


/* of one API; made at configuration time, constant afterwards */

typedef struct {
    void         *store;           /* crypto_store(); NULL: plain http */
    ngx_str_t     proxy;           /* NUL-terminated; "" : none, no env */
    ngx_msec_t    timeout;         /* of the whole transfer, waiting included */
    ngx_msec_t    connect_timeout;
} ngx_http_wix_auth_fetch_conf_t;


typedef struct ngx_http_wix_auth_fetch_s  ngx_http_wix_auth_fetch_t;

typedef void (*ngx_http_wix_auth_fetch_pt)(ngx_http_wix_auth_fetch_t *f);

struct ngx_http_wix_auth_fetch_s {

    /* the caller's part, set before start() */

    ngx_http_wix_auth_fetch_conf_t  *conf;
    ngx_str_t                        url;         /* NUL-terminated */
    ngx_str_t                        body;        /* data NULL: GET */
    ngx_str_t                        authorization;  /* len 0: none */
    ngx_http_wix_auth_fetch_pt       handler;
    void                            *data;
    unsigned                         idempotent:1;  /* may be sent twice */
    unsigned                         urgent:1;  /* before all that are not */
    unsigned                         outside:1; /* never to an address that
                                                   is private, link-local,
                                                   loopback or multicast */
    unsigned                         page:1;    /* not only JSON is accepted */

    /* the answer, valid inside the handler */

    ngx_uint_t                       error;       /* ..._fetch_error_e */
    ngx_uint_t                       status;
    ngx_str_t                        answer;
    ngx_int_t                        retry_after; /* seconds, -1: none */
    ngx_str_t                        request_id;  /* x-wix-request-id, safe
                                                     characters only */
    ngx_str_t                        location;    /* NUL-terminated or len 0 */
    time_t                           sent;        /* wall clock of start() */
    ngx_msec_t                       started;     /* monotonic, of start() */
    ngx_msec_t                       launch;      /* the same, of its turn */
    unsigned                         connected:1; /* there was a connection
                                                     that could take it */
    unsigned                         launched:1;  /* else its time was over
                                                     before its turn came */

    ngx_pool_t                      *pool;        /* lives as long as this */

    void                            *transfer;    /* the room's own */
};


/* check(): what libcurl must be able to do, at configuration time.  init and
   exit: once a worker.  NGX_OK or NGX_ERROR (logged). */
ngx_int_t ngx_http_wix_auth_fetch_check(ngx_log_t *log);
ngx_int_t ngx_http_wix_auth_fetch_init_worker(ngx_cycle_t *cycle);
void ngx_http_wix_auth_fetch_exit_worker(ngx_cycle_t *cycle);

/*
 * A transfer with a pool of its own, from which the caller may allocate url
 * and body.  NULL: no memory.
 */
ngx_http_wix_auth_fetch_t *ngx_http_wix_auth_fetch_create(ngx_log_t *log);

/*
 * Starts it.  The handler is called exactly once, always later from the
 * event loop and never from inside start(), for failures of start() too;
 * after the handler the transfer is destroyed.  Deadline: conf->timeout from
 * this call on.
 */
void ngx_http_wix_auth_fetch_start(ngx_http_wix_auth_fetch_t *f);

/*
 * Destroys a transfer whose handler has not run; the handler will not be
 * called.  body, authorization and answer are wiped.  Must not be called
 * from inside the transfer's own handler.
 */
void ngx_http_wix_auth_fetch_cancel(ngx_http_wix_auth_fetch_t *f);

/* transfers active and waiting in this worker */
ngx_uint_t ngx_http_wix_auth_fetch_count(void);


#endif /* _NGX_HTTP_WIX_AUTH_FETCH_H_INCLUDED_ */
