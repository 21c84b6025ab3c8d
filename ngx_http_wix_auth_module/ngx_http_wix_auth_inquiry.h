
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_INQUIRY_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_INQUIRY_H_INCLUDED_


#include "ngx_http_wix_auth_bearer.h"


/*
 * Floor 2, between the files of the bearer room and for them alone: the call
 * to Wix, and what all workers know about a token.
 */


#define NGX_HTTP_WIX_AUTH_BEARER_MAX  4096     /* bytes of a token */


/* what all workers know about a token, each a counter of its own */

typedef enum {
    NGX_HTTP_WIX_AUTH_MARK_CLAIM   = 'c',    /* some worker asks Wix */
    NGX_HTTP_WIX_AUTH_MARK_FAILED  = 'f',    /* it got no answer */
    NGX_HTTP_WIX_AUTH_MARK_TIMEOUT = 't',    /* in time */
    NGX_HTTP_WIX_AUTH_MARK_REFUSED = 'r',
    NGX_HTTP_WIX_AUTH_MARK_BLOCKED = 'b'
} ngx_http_wix_auth_mark_e;


typedef struct ngx_http_wix_auth_inquiry_s  ngx_http_wix_auth_inquiry_t;


/* the one about this token that runs in this worker, or NULL */
ngx_http_wix_auth_inquiry_t *ngx_http_wix_auth_inquiry_find(
    ngx_shm_zone_t *zone, u_char id[16]);

/* asks Wix; expires is what the token says.  NGX_OK or NGX_ERROR.  It gives
   the claim back at its end */
ngx_int_t ngx_http_wix_auth_inquiry_begin(ngx_http_wix_auth_conf_t *conf,
    u_char id[16], u_char client[16], time_t expires, ngx_str_t *token,
    ngx_http_wix_auth_inquiry_t **started);

/* rec->queue among its waiters; each is told the end by bearer_told() */
void ngx_http_wix_auth_inquiry_wait(ngx_http_wix_auth_inquiry_t *in,
    ngx_http_wix_auth_record_t *rec);
void ngx_http_wix_auth_bearer_told(ngx_http_wix_auth_record_t *rec,
    ngx_int_t rc, ngx_uint_t reason, ngx_int_t retry_after,
    ngx_http_wix_auth_session_t *session);

/* a verdict, with its strings */
ngx_int_t ngx_http_wix_auth_inquiry_copy(ngx_pool_t *pool,
    ngx_http_wix_auth_session_t *dst, ngx_http_wix_auth_session_t *src);

/* NGX_OK, or NGX_BUSY when the mark is there already */
ngx_int_t ngx_http_wix_auth_inquiry_mark(ngx_shm_zone_t *zone,
    u_char id[16], ngx_uint_t mark, time_t time);
ngx_uint_t ngx_http_wix_auth_inquiry_marked(ngx_shm_zone_t *zone,
    u_char id[16], ngx_uint_t mark);
void ngx_http_wix_auth_inquiry_unmark(ngx_shm_zone_t *zone, u_char id[16],
    ngx_uint_t mark);


#endif /* _NGX_HTTP_WIX_AUTH_INQUIRY_H_INCLUDED_ */
