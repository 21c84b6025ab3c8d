
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_CHECK_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_CHECK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_wix_auth_conf.h"


/*
 * Roof: what nginx -t refuses.  Each error names file and line, the fault
 * and one hint.
 */


/* remembers where in the configuration we are */
void ngx_http_wix_auth_place(ngx_conf_t *cf,
    ngx_http_wix_auth_place_t *place);

/* an [emerg] or [warn] line about a place that has been parsed before */
void ngx_cdecl ngx_http_wix_auth_complain(ngx_conf_t *cf, ngx_uint_t level,
    ngx_http_wix_auth_place_t *place, const char *fmt, ...);

/* all servers, after the merge: NGX_OK or NGX_ERROR (logged) */
ngx_int_t ngx_http_wix_auth_check(ngx_conf_t *cf);


/* between the files of this room: how a server is reached, state files */

ngx_int_t ngx_http_wix_auth_check_names(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, ngx_http_wix_auth_srv_conf_t *wscf);
void ngx_http_wix_auth_check_listeners(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, ngx_http_wix_auth_srv_conf_t *wscf);
ngx_int_t ngx_http_wix_auth_check_store(ngx_conf_t *cf,
    ngx_http_wix_auth_conf_t *conf);
ngx_int_t ngx_http_wix_auth_check_notice(ngx_conf_t *cf,
    ngx_http_wix_auth_srv_conf_t *wscf, ngx_http_wix_auth_conf_t *conf);
ngx_int_t ngx_http_wix_auth_check_states(ngx_conf_t *cf);
ngx_uint_t ngx_http_wix_auth_check_equal(ngx_str_t *a, ngx_str_t *b);


#endif /* _NGX_HTTP_WIX_AUTH_CHECK_H_INCLUDED_ */
