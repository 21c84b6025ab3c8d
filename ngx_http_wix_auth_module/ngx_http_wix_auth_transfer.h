
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_TRANSFER_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_TRANSFER_H_INCLUDED_


#include "ngx_http_wix_auth_fetch.h"


/*
 * What the parts of the room share: fetch.c has the caller's interface,
 * queues and deadlines; curl_fetch.c tells libcurl what to ask and hears the
 * answer; loop_fetch.c drives libcurl with nginx's events; peer_fetch.c knows
 * which addresses are not outside.  libcurl's handles
 * are "void *" here, as they are in its own headers.
 */


typedef enum {
    NGX_HTTP_WIX_AUTH_FETCH_NEW = 0,
    NGX_HTTP_WIX_AUTH_FETCH_WAITS,     /* in the waiting queue */
    NGX_HTTP_WIX_AUTH_FETCH_RUNS,      /* in the active queue, curl has it */
    NGX_HTTP_WIX_AUTH_FETCH_ENDED,     /* in the done or refused queue */
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
    void                             *curlm;
    void                             *share;
    ngx_event_t                       timer;
    ngx_queue_t                       sockets;   /* of its connections */
};


typedef struct {
    ngx_http_wix_auth_fetch_t         fetch;

    ngx_queue_t                       queue;
    ngx_uint_t                        state;     /* ..._fetch_state_e */
    ngx_event_t                       deadline;

    ngx_http_wix_auth_fetch_multi_t  *multi;     /* while curl has it */
    void                             *easy;
    void                             *headers;   /* a list of curl's */

    size_t                            given;     /* bytes of the request
                                                    body curl has taken */
    ngx_uint_t                        attempts;
    ngx_uint_t                        port;      /* of our end; 0: unknown */

    ngx_str_t                         answer;
    size_t                            size;      /* allocated for it */
    size_t                            received;  /* bytes of headers */

    unsigned                          secure:1;
    unsigned                          again:1;   /* our one retry is used */
    unsigned                          fresh:1;   /* no kept connection */
    unsigned                          dead:1;    /* that of this sending is,
                                                    and nothing was sent */
    unsigned                          resend:1;  /* a second sending was
                                                    forbidden */
    unsigned                          too_large:1;
    unsigned                          inner:1;     /* it led to an address
                                                      that outside forbids */
} ngx_http_wix_auth_fetch_transfer_t;


typedef struct {
    ngx_log_t                        *log;
    ngx_http_wix_auth_fetch_multi_t  *multis;

    ngx_queue_t                       urgent;    /* waiting before others */
    ngx_queue_t                       waiting;
    ngx_queue_t                       active;
    ngx_queue_t                       done;
    ngx_queue_t                       refused;   /* never had a place: after
                                                    those that are done */
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


/* fetch.c */

/* any state to ENDED; calls no handler and not curl, so it is always safe */
void ngx_http_wix_auth_fetch_end(ngx_http_wix_auth_fetch_transfer_t *t,
    ngx_uint_t error);
void ngx_http_wix_auth_fetch_shutdown(void);
void ngx_http_wix_auth_fetch_wipe(ngx_str_t *text);
/* tells once that a transfer may not go where it would */
void ngx_http_wix_auth_fetch_inner_log(void);


/* curl_fetch.c */

ngx_int_t ngx_http_wix_auth_fetch_setup(
    ngx_http_wix_auth_fetch_transfer_t *t);
void ngx_http_wix_auth_fetch_cleanup(ngx_http_wix_auth_fetch_transfer_t *t);
/* forgets an answer */
void ngx_http_wix_auth_fetch_reset(ngx_http_wix_auth_fetch_transfer_t *t);
/* CURLcode to ..._fetch_error_e */
ngx_uint_t ngx_http_wix_auth_fetch_error(
    ngx_http_wix_auth_fetch_transfer_t *t, ngx_uint_t rc);
ngx_uint_t ngx_http_wix_auth_fetch_unsent(
    ngx_http_wix_auth_fetch_transfer_t *t);


/* peer_fetch.c */

/* 1: private, loopback, link-local, multicast, reserved, or unknown */
ngx_uint_t ngx_http_wix_auth_fetch_inner(struct sockaddr *sa);
/* the same of an address in text, without or with brackets; a name is 0,
   unless it is that of this machine */
ngx_uint_t ngx_http_wix_auth_fetch_inner_host(ngx_str_t *host);
ngx_uint_t ngx_http_wix_auth_fetch_inner_url(ngx_str_t *url);
/* whether the peer of a connection is forbidden to this transfer */
ngx_uint_t ngx_http_wix_auth_fetch_inner_peer(
    ngx_http_wix_auth_fetch_transfer_t *t, const char *peer);


/* loop_fetch.c */

/* found or made; NULL: error (logged) */
ngx_http_wix_auth_fetch_multi_t *ngx_http_wix_auth_fetch_multi(void *store);
ngx_int_t ngx_http_wix_auth_fetch_attach(
    ngx_http_wix_auth_fetch_transfer_t *t);
void ngx_http_wix_auth_fetch_detach(ngx_http_wix_auth_fetch_transfer_t *t);
/* whether the connection with this local port will not answer any more */
ngx_uint_t ngx_http_wix_auth_fetch_dead(ngx_http_wix_auth_fetch_transfer_t *t,
    ngx_uint_t port);
void ngx_http_wix_auth_fetch_stop(ngx_cycle_t *cycle);


extern ngx_http_wix_auth_fetch_worker_t  ngx_http_wix_auth_fetch_worker;


#endif /* _NGX_HTTP_WIX_AUTH_TRANSFER_H_INCLUDED_ */
