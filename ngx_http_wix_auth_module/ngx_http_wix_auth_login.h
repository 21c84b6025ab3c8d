
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_LOGIN_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_LOGIN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_wix_auth_api.h"
#include "ngx_http_wix_auth_conf.h"
#include "ngx_http_wix_auth_record.h"
#include "ngx_http_wix_auth_site.h"


/*
 * Floor 2: the way from a password or a code to a session, and out again.
 * Reads no body and shows nothing; cookies are set on the way.
 */


typedef struct ngx_http_wix_auth_login_s  ngx_http_wix_auth_login_t;
typedef struct ngx_http_wix_auth_login_own_s  ngx_http_wix_auth_login_own_t;

typedef void (*ngx_http_wix_auth_login_pt)(ngx_http_wix_auth_login_t *l);

struct ngx_http_wix_auth_login_s {
    ngx_http_request_t            *request;
    ngx_http_wix_auth_conf_t      *conf;
    ngx_http_wix_auth_record_t    *rec;
    ngx_http_wix_auth_site_t       site;

    /* set by the caller */
    ngx_str_t                      return_url;  /* valid, or len 0 */
    ngx_str_t                      email;
    ngx_str_t                      captcha;     /* token, len 0: none */
    ngx_uint_t                     response_mode;   /* ..._response_e, in
                                                   which the code is to come */
    ngx_http_wix_auth_login_pt     done;
    void                          *data;

    /* the result, when done is called */
    ngx_uint_t                     reason;
    ngx_uint_t                     state;       /* ..._state_e */
    ngx_str_t                      redirect_url;
    ngx_str_t                      state_token; /* sealed */
    ngx_array_t                   *fields;      /* ..._pair_t, Wix's names of
                                                   what is wrong, or NULL */
    ngx_int_t                      retry_after; /* seconds, -1: none */
    unsigned                       restart:1;   /* begin the login again */
    unsigned                       leaves:1;    /* redirect_url is Wix's; else
                                                   the session has begun and
                                                   it is the return URL */

    /* the room's own; others may read it */
    ngx_str_t                      binding;
    ngx_uint_t                     restarted;   /* marker in the cookie */
    ngx_http_wix_auth_attempt_t    attempt;
    ngx_http_wix_auth_login_own_t *own;
};


/* of the request, with its site: NGX_OK or NGX_ERROR; NULL: no memory */
ngx_http_wix_auth_login_t *ngx_http_wix_auth_login_create(
    ngx_http_request_t *r, ngx_http_wix_auth_conf_t *conf);

/* sets the binding cookie when the request brought none: NGX_OK, NGX_ERROR */
ngx_int_t ngx_http_wix_auth_login_bind(ngx_http_wix_auth_login_t *l);

/*
 * Each starts one way; l->done is called once from the event loop, unless
 * NGX_ERROR is returned (no memory).
 */

/*
 * Login V2, Register V2, Verify During Authentication.  On SUCCESS it goes on
 * to authorize, and with response mode DIRECT to a session.  The browser's own
 * visitor identity is used where it has one, so that its cart follows.
 * A password may also be NGX_BUSY: too many have failed (wix_auth_login_limit)
 * and l->retry_after is set; done is not called.
 */
ngx_int_t ngx_http_wix_auth_login_password(ngx_http_wix_auth_login_t *l,
    ngx_str_t *password);
/* profile: as the registration room made it, or NULL */
ngx_int_t ngx_http_wix_auth_login_register(ngx_http_wix_auth_login_t *l,
    ngx_str_t *password, ngx_http_wix_auth_json_t *profile);
/*
 * sealed: what state_token was, in memory of the request.  At most five codes
 * are tried for one; then TOO_MANY_ATTEMPTS and l->retry_after.  A wrong code
 * leaves l->state_token as it was, for the next try.  ATTEMPT_EXPIRED when it
 * does not open.  All of these are told by l->done.
 */
ngx_int_t ngx_http_wix_auth_login_verify(ngx_http_wix_auth_login_t *l,
    ngx_str_t *code, ngx_str_t *sealed);

/*
 * A login or registration again, to get another code mailed: NGX_OK, or
 * NGX_BUSY and l->retry_after when the last one went out less than 60
 * seconds ago.  A token that does not open is NGX_OK.
 */
ngx_int_t ngx_http_wix_auth_login_resend(ngx_http_wix_auth_login_t *l,
    ngx_str_t *sealed);

/*
 * Has a recovery mail sent to l->email, later and whatever becomes of this
 * request; done is not called.  NGX_OK, whoever the address belongs to;
 * NGX_BUSY: our own limit (10 in 15 minutes from one peer address, 60 a
 * minute for a client); NGX_DECLINED: Wix is known to be away; of both
 * l->retry_after is set; NGX_ERROR.
 */
ngx_int_t ngx_http_wix_auth_login_recover(ngx_http_wix_auth_login_t *l);

/* Wix's own login page; idp len 0: any */
ngx_int_t ngx_http_wix_auth_login_wix(ngx_http_wix_auth_login_t *l,
    ngx_str_t *idp, ngx_uint_t silent);

/* the member's logout at Wix, the local session gone first */
ngx_int_t ngx_http_wix_auth_login_leave(ngx_http_wix_auth_login_t *l);

/*
 * A callback's state.  NGX_OK: verified; l->attempt and l->return_url are
 * set.  NGX_DECLINED: not ours; NGX_BUSY: expired; NGX_ERROR.
 */
ngx_int_t ngx_http_wix_auth_login_state(ngx_http_wix_auth_login_t *l,
    ngx_str_t *state);

/* what an error in an authorization response means (RFC 6749, 4.1.2.1) */
ngx_uint_t ngx_http_wix_auth_login_error(ngx_str_t *error);

/* the code of a callback whose state has been verified */
ngx_int_t ngx_http_wix_auth_login_code(ngx_http_wix_auth_login_t *l,
    ngx_str_t *code);

/*
 * A callback that cannot be finished: with a live session on to the return
 * URL, else the login once more, the second time an error.  Sets the result
 * as for done: NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_wix_auth_login_again(ngx_http_wix_auth_login_t *l);


#endif /* _NGX_HTTP_WIX_AUTH_LOGIN_H_INCLUDED_ */
