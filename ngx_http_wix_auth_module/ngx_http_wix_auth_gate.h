
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_GATE_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_GATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* Floor 3: the access phase.  Its last word is a denial. */
ngx_int_t ngx_http_wix_auth_gate_handler(ngx_http_request_t *r);


#endif /* _NGX_HTTP_WIX_AUTH_GATE_H_INCLUDED_ */
