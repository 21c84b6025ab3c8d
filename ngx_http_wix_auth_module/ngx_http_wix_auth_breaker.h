
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_BREAKER_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_BREAKER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Floor 1, part of the session room: a circuit breaker for each client and
 * class of call, shared by all workers.  It opens after max_fails failures
 * with no success between them; for fail_timeout nobody calls then; after
 * that one call at a time is a probe, and its success closes the breaker.
 *
 * Without a zone or with max_fails 0 every call may be made.  So may those of
 * clients beyond the 32 that have a slot of their own: an outage of one must
 * not be that of another.
 */


typedef enum {
    NGX_HTTP_WIX_AUTH_CLASS_WAITED = 0,   /* somebody waits for the answer */
    NGX_HTTP_WIX_AUTH_CLASS_REFRESH,      /* background refreshes */
    NGX_HTTP_WIX_AUTH_CLASS_LOOKUP,       /* visitors, token-info, profiles */
    NGX_HTTP_WIX_AUTH_CLASSES,
    NGX_HTTP_WIX_AUTH_CLASS_NONE          /* not the API: no breaker */
} ngx_http_wix_auth_class_e;


typedef struct {
    ngx_uint_t    max_fails;        /* 0: there is no breaker */
    ngx_msec_t    fail_timeout;
} ngx_http_wix_auth_breaker_conf_t;


/*
 * May a call be made?  NGX_OK: yes, and breaker_result() must follow, with
 * *ticket.  NGX_DONE: the same, and the call is a probe: others wait for what
 * it comes to, so that it is to be made whoever goes away.  NGX_BUSY: no;
 * *retry_after is set to the seconds, at least 1, after which another may.
 * timeout is the longest that the call can take, in ms: a probe that has not
 * been heard of for so long is given up, and the next call is another.
 */
ngx_int_t ngx_http_wix_auth_breaker_ask(ngx_shm_zone_t *shm_zone,
    u_char client[16], ngx_uint_t class,
    ngx_http_wix_auth_breaker_conf_t *conf, ngx_msec_t timeout,
    ngx_uint_t *ticket, ngx_int_t *retry_after);

/*
 * What became of it.  rc is NGX_OK: Wix answered; NGX_ERROR: it is away, for
 * cause, 1 to 255; NGX_DECLINED: the call was given up, which says nothing.
 *
 * NGX_DONE: this has opened the breaker, *time is how long it will stay so, in
 * ms; NGX_AGAIN: this has closed it, *time is how long it was open; both are
 * for the log.  Else NGX_OK.  What was asked for in an earlier state changes
 * nothing.
 */
ngx_int_t ngx_http_wix_auth_breaker_result(ngx_shm_zone_t *shm_zone,
    u_char client[16], ngx_uint_t class,
    ngx_http_wix_auth_breaker_conf_t *conf, ngx_uint_t ticket, ngx_int_t rc,
    ngx_uint_t cause, ngx_msec_t *time);

/* as ask(), but takes nothing: for what would rather not begin at all */
ngx_int_t ngx_http_wix_auth_breaker_open(ngx_shm_zone_t *shm_zone,
    u_char client[16], ngx_uint_t class,
    ngx_http_wix_auth_breaker_conf_t *conf, ngx_int_t *retry_after);

/* the cause of the failure that has opened it, for who has been told NGX_BUSY;
   0: none */
ngx_uint_t ngx_http_wix_auth_breaker_cause(ngx_shm_zone_t *shm_zone,
    u_char client[16], ngx_uint_t class);


#endif /* _NGX_HTTP_WIX_AUTH_BREAKER_H_INCLUDED_ */
