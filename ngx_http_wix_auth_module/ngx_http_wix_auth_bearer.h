
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_BEARER_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_BEARER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_wix_auth_record.h"


/*
 * Floor 2: a member's access token in Authorization (RFC 6750), checked by
 * Wix's token-info.  Verdicts are kept in the zone, refusals in the counter
 * table; one call at a time for one token over all workers.
 */


/* 1 when the header decides here: "Bearer x", or a raw value that begins as
   Wix's tokens do; *token points into it */
ngx_uint_t ngx_http_wix_auth_bearer_present(ngx_http_request_t *r,
    ngx_str_t *token);

/*
 * NGX_OK: rec->found and rec->session are set.  NGX_DECLINED: it is refused,
 * rec->reason is INVALID_TOKEN or MEMBER_BLOCKED.  NGX_BUSY: no verdict can
 * be had, rec->reason is UPSTREAM_UNAVAILABLE, UPSTREAM_TIMEOUT or
 * TOO_MANY_ATTEMPTS (the budget), rec->retry_after is set.  NGX_AGAIN:
 * rec->wake will be called once from the event loop, then ask again.
 * NGX_ERROR.
 */
ngx_int_t ngx_http_wix_auth_bearer_check(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_str_t *token,
    ngx_http_wix_auth_wake_pt wake);


#endif /* _NGX_HTTP_WIX_AUTH_BEARER_H_INCLUDED_ */
