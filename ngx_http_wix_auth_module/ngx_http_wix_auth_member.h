
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_MEMBER_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_MEMBER_H_INCLUDED_


#include "ngx_http_wix_auth_refresh.h"


/* Floor 2, between the files of the refresh room and for them alone. */


/*
 * Asks Wix about the member in the background and stores what it tells; a
 * member who is blocked or gone loses the session.  id names the record,
 * handle is for the log; all strings are copied.  Does nothing when the
 * client's budget is empty.
 */
void ngx_http_wix_auth_member_fetch(ngx_shm_zone_t *zone,
    ngx_http_wix_auth_api_conf_t *api, u_char id[16], u_char handle[16],
    u_char client[16], ngx_str_t *access_token);


#endif /* _NGX_HTTP_WIX_AUTH_MEMBER_H_INCLUDED_ */
