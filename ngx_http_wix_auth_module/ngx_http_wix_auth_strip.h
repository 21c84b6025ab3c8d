
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_STRIP_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_STRIP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * Floor 3: phase handlers that take away from the request what nobody behind
 * us may see.  They act on main requests only: subrequests share the lists.
 */


/* post-read: drops client headers that begin with X-Wix-Auth- ("_" read as
   "-") in servers that know a client id */
ngx_int_t ngx_http_wix_auth_drop_handler(ngx_http_request_t *r);

/* rewrite: overwrites code and state of a callback in the request line, URI
   and arguments, after copying them to the record */
ngx_int_t ngx_http_wix_auth_mask_handler(ngx_http_request_t *r);

/* preaccess: removes our cookies, in every location that has a client id */
ngx_int_t ngx_http_wix_auth_cut_handler(ngx_http_request_t *r);


#endif /* _NGX_HTTP_WIX_AUTH_STRIP_H_INCLUDED_ */
