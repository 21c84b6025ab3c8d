
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_MINT_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_MINT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_wix_auth_record.h"


/*
 * Floor 2: a Wix visitor's identity for a browser that has none, within the
 * budget of wix_auth_visitor.
 */


/*
 * NGX_AGAIN: rec->wake will be called once from the event loop, and then
 * either a lookup finds the visitor, whose cookie is among the answer's
 * headers, or this function declines.  NGX_DECLINED: the request goes on
 * without, rec->reason is VISITOR_BUDGET or ZONE_FULL.  Waits no longer than
 * wix_auth_refresh_lock_timeout; after a failure nothing is tried for 10
 * seconds, by any worker.
 */
ngx_int_t ngx_http_wix_auth_mint(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_wake_pt wake);


#endif /* _NGX_HTTP_WIX_AUTH_MINT_H_INCLUDED_ */
