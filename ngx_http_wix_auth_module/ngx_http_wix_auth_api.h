
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_API_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_API_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_wix_auth_breaker.h"
#include "ngx_http_wix_auth_fetch.h"
#include "ngx_http_wix_auth_json.h"
#include "ngx_http_wix_auth_reason.h"


/*
 * Floor 1: the operations of the Wix REST API as functions.  Bodies out,
 * answers in, every error to a reason.  Knows no request, no session and no
 * configuration but this.
 */


/* of one API and client; constant afterwards */

typedef struct {
    ngx_str_t                           url;   /* base, no final "/" */
    ngx_http_wix_auth_fetch_conf_t      fetch;
    ngx_shm_zone_t                     *zone;  /* of the breaker's state */
    ngx_http_wix_auth_breaker_conf_t    breaker;
} ngx_http_wix_auth_api_conf_t;


/* what kind of failure it was, for wix_auth_refresh_use_stale; UNSENT beside
   another: an earlier call failed so, and the breaker is open since */

typedef enum {
    NGX_HTTP_WIX_AUTH_CAUSE_NONE    = 0,
    NGX_HTTP_WIX_AUTH_CAUSE_ERROR   = 0x01,   /* connection, TLS, an answer
                                                 that makes no sense, 4xx */
    NGX_HTTP_WIX_AUTH_CAUSE_TIMEOUT = 0x02,
    NGX_HTTP_WIX_AUTH_CAUSE_5XX     = 0x04,
    NGX_HTTP_WIX_AUTH_CAUSE_429     = 0x08,
    NGX_HTTP_WIX_AUTH_CAUSE_UNSENT  = 0x10
} ngx_http_wix_auth_cause_e;


typedef enum {
    NGX_HTTP_WIX_AUTH_STATE_NONE = 0,
    NGX_HTTP_WIX_AUTH_STATE_SUCCESS,
    NGX_HTTP_WIX_AUTH_STATE_VERIFY,       /* REQUIRE_EMAIL_VERIFICATION */
    NGX_HTTP_WIX_AUTH_STATE_APPROVAL,     /* REQUIRE_OWNER_APPROVAL */
    NGX_HTTP_WIX_AUTH_STATE_UNSUPPORTED   /* MFA, missing fields, unknown */
} ngx_http_wix_auth_state_e;


typedef enum {
    NGX_HTTP_WIX_AUTH_CAPTCHA_OFF = 0,
    NGX_HTTP_WIX_AUTH_CAPTCHA_INVISIBLE,
    NGX_HTTP_WIX_AUTH_CAPTCHA_VISIBLE
} ngx_http_wix_auth_captcha_e;


typedef enum {
    NGX_HTTP_WIX_AUTH_RESPONSE_QUERY = 0,
    NGX_HTTP_WIX_AUTH_RESPONSE_FRAGMENT,
    NGX_HTTP_WIX_AUTH_RESPONSE_WEB_MESSAGE,
    NGX_HTTP_WIX_AUTH_RESPONSE_DIRECT       /* asks Wix for query */
} ngx_http_wix_auth_response_e;


/* strings live until the handler returns and are wiped afterwards */

typedef struct {
    ngx_uint_t    reason;         /* NGX_HTTP_WIX_AUTH_OK: success */
    ngx_uint_t    cause;          /* ..._cause_e, of a failure */
    ngx_uint_t    status;         /* HTTP, 0: there was none */
    ngx_int_t     retry_after;    /* seconds, -1: not told */
    ngx_str_t     request_id;     /* Wix's, for the log */
    unsigned      pause:1;        /* throttled as a client, not one account's
                                     logins: for budget_pause() */
    unsigned      open:1;         /* not sent: the breaker is open */

    /* token */
    ngx_str_t     access_token;
    ngx_str_t     refresh_token;  /* len 0: none came, keep the old one */
    time_t        expires;        /* wall clock: when sent + expires_in */
    time_t        lifetime;       /* expires_in, seconds, at least 1 */
    ngx_str_t     member_id;      /* decoded from the token; len 0: a
                                     visitor, or a token of another make */

    /* login */
    ngx_uint_t    state;          /* ..._state_e */
    ngx_str_t     session_token;
    ngx_str_t     state_token;
    ngx_str_t     email;          /* as Wix spells it; len 0: not told */

    /* of INVALID_REQUEST: ..._pair_t, Wix's name of a field ("loginId.email")
       and a sentence about it, made of printable text; NULL: none */
    ngx_array_t  *fields;

    /* token-info */
    unsigned      active:1;       /* and a MEMBER's; expires, member_id and
                                     client_id are set */
    u_char        client_id[16];

    /* member: member_id, email, and ..._PROFILE_FIELDS cleaned strings */
    ngx_str_t    *profile;

    /* direct: code, or error as in an authorization response */
    ngx_str_t     code;
    ngx_str_t     error;

    /* redirect session: https (or loopback), printable ASCII, no fragment,
       at most 2048 bytes */
    ngx_str_t     full_url;

    ngx_pool_t   *pool;           /* lives until the handler returns */
} ngx_http_wix_auth_api_result_t;


typedef struct ngx_http_wix_auth_api_call_s  ngx_http_wix_auth_api_call_t;

typedef void (*ngx_http_wix_auth_api_pt)(
    ngx_http_wix_auth_api_result_t *result, void *data);


/*
 * All calls: client is the client id as 36 characters; strings are copied.
 * The handler is called exactly once and never from inside the function;
 * NULL is returned (and no handler called) when memory is short.  The
 * returned call may be cancelled until the handler runs; log must live as
 * long.  A string that is not UTF-8 ends in INVALID_REQUEST.  A failure has
 * been logged, once, before the handler runs.  While the breaker of a call's
 * class is open it is not made and ends in UPSTREAM_UNAVAILABLE, with
 * retry_after; only direct calls have none.
 */

/* an access token for code and verifier; redirect_uri as in the
   authorization request, len 0: it had none */
ngx_http_wix_auth_api_call_t *ngx_http_wix_auth_api_code(
    ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client, ngx_str_t *code,
    ngx_str_t *verifier, ngx_str_t *redirect_uri, ngx_log_t *log,
    ngx_http_wix_auth_api_pt handler, void *data);

/* a refreshed token; class is WAITED, or REFRESH in the background */
ngx_http_wix_auth_api_call_t *ngx_http_wix_auth_api_refresh(
    ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client,
    ngx_str_t *refresh_token, ngx_uint_t class, ngx_log_t *log,
    ngx_http_wix_auth_api_pt handler, void *data);

/*
 * Login V2, Register V2 and Verify During Authentication, with the browser's
 * own visitor token or, without one or when Wix does not take it, with the
 * worker's.  Reason OK means that it came to one of the states: a member who
 * waits for approval is STATE_APPROVAL however Wix says it.  VERIFY has a
 * state_token; without one it would be UNSUPPORTED.
 */

typedef struct {
    ngx_str_t                    email;
    ngx_str_t                    password;
    ngx_str_t                    captcha;       /* len 0: none */
    ngx_uint_t                   captcha_kind;  /* ..._captcha_e, the key that
                                                   it is sent under; OFF is
                                                   VISIBLE */
    ngx_http_wix_auth_json_t    *profile;       /* of register; NULL: none */
    ngx_str_t                    visitor;       /* access token; len 0: the
                                                   worker's */
} ngx_http_wix_auth_api_credentials_t;

ngx_http_wix_auth_api_call_t *ngx_http_wix_auth_api_login(
    ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client,
    ngx_http_wix_auth_api_credentials_t *credentials, ngx_log_t *log,
    ngx_http_wix_auth_api_pt handler, void *data);
ngx_http_wix_auth_api_call_t *ngx_http_wix_auth_api_register(
    ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client,
    ngx_http_wix_auth_api_credentials_t *credentials, ngx_log_t *log,
    ngx_http_wix_auth_api_pt handler, void *data);
/* a wrong code is INVALID_CODE, and so is a dead state_token */
ngx_http_wix_auth_api_call_t *ngx_http_wix_auth_api_verify(
    ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client, ngx_str_t *code,
    ngx_str_t *state_token, ngx_str_t *visitor, ngx_log_t *log,
    ngx_http_wix_auth_api_pt handler, void *data);

/* Send Recovery Email; redirect_uri is one that Wix allows */
ngx_http_wix_auth_api_call_t *ngx_http_wix_auth_api_recover(
    ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client, ngx_str_t *email,
    ngx_str_t *redirect_uri, ngx_log_t *log,
    ngx_http_wix_auth_api_pt handler, void *data);

/* a new visitor's tokens */
ngx_http_wix_auth_api_call_t *ngx_http_wix_auth_api_anonymous(
    ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client, ngx_log_t *log,
    ngx_http_wix_auth_api_pt handler, void *data);

/*
 * What an access token is worth.  OK with active unset: Wix knows that it is
 * none, or not a member's; a 4xx other than 429 says so too.
 */
ngx_http_wix_auth_api_call_t *ngx_http_wix_auth_api_token_info(
    ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client, ngx_str_t *token,
    ngx_log_t *log, ngx_http_wix_auth_api_pt handler, void *data);

/* Get My Member; MEMBER_BLOCKED when Wix says 403 or 404 with a body of its
   own, or that the member is BLOCKED; a 401 is an UPSTREAM_ERROR */
ngx_http_wix_auth_api_call_t *ngx_http_wix_auth_api_member(
    ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client,
    ngx_str_t *access_token, ngx_log_t *log,
    ngx_http_wix_auth_api_pt handler, void *data);

/* redirect session to log in; session_token len 0: Wix's own page */

typedef struct {
    ngx_str_t    redirect_uri;    /* not sent for WEB_MESSAGE */
    ngx_str_t    state;
    ngx_str_t    challenge;
    ngx_str_t    session_token;
    ngx_str_t    idp;             /* len 0: none */
    ngx_str_t    visitor;         /* access token; len 0: the worker's */
    ngx_uint_t   response_mode;   /* ..._response_e */
    unsigned     silent:1;        /* prompt none without a session token */
} ngx_http_wix_auth_api_authorize_t;

ngx_http_wix_auth_api_call_t *ngx_http_wix_auth_api_authorize(
    ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client,
    ngx_http_wix_auth_api_authorize_t *request, ngx_log_t *log,
    ngx_http_wix_auth_api_pt handler, void *data);

/* redirect session to log out, with the member's token */
ngx_http_wix_auth_api_call_t *ngx_http_wix_auth_api_logout(
    ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client,
    ngx_str_t *access_token, ngx_str_t *post_flow_url, ngx_log_t *log,
    ngx_http_wix_auth_api_pt handler, void *data);

/*
 * The authorization request made by us instead of by the browser: a GET of
 * full_url, which must be https on port 443 (on loopback when the API is),
 * end its path in "/_api/oauth2/authorize", and ask for exactly this
 * redirect_uri and state.  The peer's address must not be private.  OK: the
 * answer led to exactly redirect_uri, and code or error is set, with our
 * state.  Any other outcome is a failure, after which the browser may go
 * there itself.
 */
ngx_http_wix_auth_api_call_t *ngx_http_wix_auth_api_direct(
    ngx_http_wix_auth_api_conf_t *conf, ngx_str_t *client,
    ngx_str_t *full_url, ngx_str_t *redirect_uri, ngx_str_t *state,
    ngx_log_t *log, ngx_http_wix_auth_api_pt handler, void *data);

/* the handler will not be called */
void ngx_http_wix_auth_api_cancel(ngx_http_wix_auth_api_call_t *call);

/* at a worker's end, before that of the transfers: of calls that have outlived
   who made them */
void ngx_http_wix_auth_api_exit_worker(void);


#endif /* _NGX_HTTP_WIX_AUTH_API_H_INCLUDED_ */
