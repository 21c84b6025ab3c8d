
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_REFRESH_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_REFRESH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_wix_auth_record.h"


/*
 * Floor 2: one refresh per session and generation at a time over all
 * workers.  The lease in the record decides; in the worker that holds it
 * waiters hang on the refresh itself, in others they poll the record.
 */


/*
 * Starts a refresh of rec's session in the background.  NGX_OK: it runs (or
 * ran already, here or elsewhere); NGX_ABORT: the back-off is not over, or
 * Wix has asked for a pause and the token is still good, or more sessions
 * than the client's budget allows want one just now; NGX_ERROR: it could not
 * be started.
 */
ngx_int_t ngx_http_wix_auth_refresh_start(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf);

/*
 * Waits for the refresh of rec's session and starts it when nobody has.
 * NGX_AGAIN: rec->wake will be called, once, from the event loop: when the
 * generation has moved, the refresh has failed, the record has ended, or
 * the time is over (rec->timedout).  NGX_OK: no need to wait, look again.
 * NGX_ABORT: the breaker is open, which counts as a failed call: rec->session
 * says so.  NGX_ERROR: none of them.
 */
ngx_int_t ngx_http_wix_auth_refresh_wait(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_wake_pt wake);

/*
 * Starts a background refresh when it is due: within refresh_before of the
 * token's end, but never earlier than half of its life, and up to 10 % later,
 * so that sessions spread; not before a back-off is over.
 */
void ngx_http_wix_auth_refresh_due(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf);

/* 1 when the session may pass although its token has ended: the cause is
   listed, and the grace is not over */
ngx_uint_t ngx_http_wix_auth_refresh_stale(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_uint_t cause);

/* seconds until the next try, at least 1 */
ngx_int_t ngx_http_wix_auth_refresh_retry(ngx_http_wix_auth_record_t *rec);

/*
 * Fetches the profile of rec's member in the background, when it has none
 * although wix_auth_profile is on: one try a minute over all workers, within
 * the client's budget.
 */
void ngx_http_wix_auth_refresh_profile(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf);

/* leaves the wait; for a request that goes away */
void ngx_http_wix_auth_refresh_leave(ngx_http_wix_auth_record_t *rec);


#endif /* _NGX_HTTP_WIX_AUTH_REFRESH_H_INCLUDED_ */
