
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_LOGIN_PARTS_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_LOGIN_PARTS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_wix_auth_answer.h"
#include "ngx_http_wix_auth_counter.h"
#include "ngx_http_wix_auth_login.h"
#include "ngx_http_wix_auth_throttle.h"


/*
 * Floor 2, between the files of the login room and for them alone: one login
 * (login), from a password, an address or a code of a mail to Wix's authorize
 * page (signin), what the browser has brought (carry), from an authorization
 * code to a session (exchange), out again (leave), and recovery mails
 * (recover).  What limits failed logins has a header of its own (throttle).
 */


/* what a token of a login gives */

typedef struct {
    ngx_str_t                              member_id;
    ngx_str_t                              email;       /* len 0: not told */
    ngx_str_t                              profile;     /* packed, or len 0 */
    ngx_str_t                              access_token;
    ngx_str_t                              refresh_token;
    time_t                                 expires;
    time_t                                 lifetime;
} ngx_http_wix_auth_grant_t;


typedef ngx_int_t (*ngx_http_wix_auth_step_pt)(ngx_http_wix_auth_login_t *l);


struct ngx_http_wix_auth_login_own_s {
    ngx_http_wix_auth_login_t              login;
    ngx_http_wix_auth_api_call_t          *call;
    ngx_event_t                            event;       /* calls done */

    /* memory to be wiped */
    ngx_str_t                              tokens;      /* of cookies */
    ngx_str_t                              inner;       /* stateToken */
    ngx_str_t                              kept;        /* a grant's */

    /* what is to be sent, once the visitor's token is known */
    ngx_http_wix_auth_step_pt              step;
    ngx_http_wix_auth_api_credentials_t    credentials;
    ngx_str_t                              code;
    ngx_str_t                              sealed;
    ngx_str_t                              idp;
    ngx_uint_t                             flags;       /* ..._ATTEMPT_* */
    ngx_str_t                              visitor;     /* access token */

    /* the visitor's session while its token is being refreshed */
    u_char                                 id[16];
    ngx_uint_t                             generation;
    ngx_uint_t                             lease;

    ngx_http_wix_auth_throttle_t           throttle;

    ngx_http_wix_auth_grant_t              grant;

    unsigned                               leased:1;
    unsigned                               direct:1;    /* no browser between
                                                           us and the code */
};


/* login */

/* notes what a call has come to; the call is over */
void ngx_http_wix_auth_login_result(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_api_result_t *result);
/* Wix asked this client to slow down, if it did */
void ngx_http_wix_auth_login_obey(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_api_result_t *result);
/* done, with INTERNAL_ERROR */
void ngx_http_wix_auth_login_fail(ngx_http_wix_auth_login_t *l);
/* done with this reason, but from the event loop */
void ngx_http_wix_auth_login_post(ngx_http_wix_auth_login_t *l,
    ngx_uint_t reason);
/* l->redirect_url is the full URL, where the browser is to go */
ngx_int_t ngx_http_wix_auth_login_away(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_api_result_t *result);
void ngx_http_wix_auth_login_wipe(ngx_str_t *text);
/* NGX_OK, or NGX_ERROR without keys */
ngx_int_t ngx_http_wix_auth_login_context(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_attempt_ctx_t *ctx);
/* "!" before the binding remembers that the login has been restarted */
ngx_int_t ngx_http_wix_auth_login_mark(ngx_http_wix_auth_login_t *l,
    ngx_uint_t marker);
ngx_int_t ngx_http_wix_auth_login_set_cookie(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_cookie_t *cookie, ngx_str_t *value, time_t max_age);

/* carry */

/* the session of this kind that the browser brought, with its access token
   in own->tokens: NGX_OK, NGX_DECLINED (none, s is empty), NGX_ERROR */
ngx_int_t ngx_http_wix_auth_login_tokens(ngx_http_wix_auth_login_t *l,
    ngx_uint_t kind, ngx_http_wix_auth_session_t *s);
/* takes step, now or later, with own->visitor set when there is a visitor */
ngx_int_t ngx_http_wix_auth_login_carry(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_step_pt step);
/* gives the right to refresh back when the answer will never come */
void ngx_http_wix_auth_login_drop(ngx_http_wix_auth_login_t *l);
/* ends all sessions of this client that the browser brought */
void ngx_http_wix_auth_login_end_all(ngx_http_wix_auth_login_t *l,
    ngx_uint_t reason);


#endif /* _NGX_HTTP_WIX_AUTH_LOGIN_PARTS_H_INCLUDED_ */
