
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_THROTTLE_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_THROTTLE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_wix_auth_login.h"


/*
 * Floor 2, part of the login room: how many logins may fail, over all
 * workers.  An account is a client and an e-mail address, a pair that and the
 * address of the peer.  Too many of a pair are refused; too many of an
 * account, which somebody else may have caused, only make each pair wait.
 */


#define NGX_HTTP_WIX_AUTH_PEER_LEN  17


/* what a login has taken */

typedef struct {
    ngx_str_t   key;          /* of the pair; the end of it is the account's */
    unsigned    pair:1;
    unsigned    account:1;
} ngx_http_wix_auth_throttle_t;


/*
 * Who the peer is for a limit: an IPv4 address, the /64 of an IPv6 address,
 * or any unix socket.  buf has PEER_LEN bytes, and what is returned is in it.
 */
ngx_str_t ngx_http_wix_auth_throttle_peer(ngx_http_request_t *r, u_char *buf);

/*
 * Before a password is sent to Wix: NGX_OK; NGX_BUSY, and l->retry_after is
 * set; NGX_ERROR.  What is taken stays counted unless it is given back.
 */
ngx_int_t ngx_http_wix_auth_throttle_take(ngx_http_wix_auth_login_t *l);

/* the login has come to l->reason and this result of Wix: keeps what was
   taken for a failed login, gives it back else */
void ngx_http_wix_auth_throttle_settle(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_api_result_t *result);

/* there was no login at all */
void ngx_http_wix_auth_throttle_give(ngx_http_wix_auth_login_t *l);


#endif /* _NGX_HTTP_WIX_AUTH_THROTTLE_H_INCLUDED_ */
