
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_VARIABLES_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_VARIABLES_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * Floor 3: the $wix_auth_ variables.  They show the record of the main
 * request; before the gate has decided, a member's values come from a pure
 * lookup.
 */


ngx_int_t ngx_http_wix_auth_add_variables(ngx_conf_t *cf);

/* after the configuration is read: what does it use? */
void ngx_http_wix_auth_used_variables(ngx_conf_t *cf);


#endif /* _NGX_HTTP_WIX_AUTH_VARIABLES_H_INCLUDED_ */
