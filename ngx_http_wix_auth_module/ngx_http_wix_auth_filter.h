
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_FILTER_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_FILTER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * Floor 3: a header filter that says "private" of what a session let
 * through, so that no shared cache keeps a member's page.
 */


#endif /* _NGX_HTTP_WIX_AUTH_FILTER_H_INCLUDED_ */
