
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_REASON_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_REASON_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Floor 0: the stable codes that variables, logs, JSON and metrics share,
 * each with its HTTP status and the sentence that a person reads.
 */

typedef enum {
    NGX_HTTP_WIX_AUTH_OK = 0,

    /* the gate */
    NGX_HTTP_WIX_AUTH_NO_SESSION,
    NGX_HTTP_WIX_AUTH_UNKNOWN_SESSION,
    NGX_HTTP_WIX_AUTH_SESSION_EXPIRED,
    NGX_HTTP_WIX_AUTH_SESSION_IDLE,
    NGX_HTTP_WIX_AUTH_SESSION_REVOKED,
    NGX_HTTP_WIX_AUTH_SESSION_ENDED,
    NGX_HTTP_WIX_AUTH_MEMBER_BLOCKED,
    NGX_HTTP_WIX_AUTH_OTHER_CLIENT,
    NGX_HTTP_WIX_AUTH_REQUIREMENT_FAILED,
    NGX_HTTP_WIX_AUTH_INVALID_TOKEN,
    NGX_HTTP_WIX_AUTH_REFRESH_FAILED,
    NGX_HTTP_WIX_AUTH_VISITOR_BUDGET,
    NGX_HTTP_WIX_AUTH_ZONE_FULL,
    NGX_HTTP_WIX_AUTH_UPSTREAM_UNAVAILABLE,
    NGX_HTTP_WIX_AUTH_UPSTREAM_TIMEOUT,
    NGX_HTTP_WIX_AUTH_INTERNAL_ERROR,

    /* the endpoints */
    NGX_HTTP_WIX_AUTH_LOGIN_REQUIRED,
    NGX_HTTP_WIX_AUTH_INVALID_REQUEST,
    NGX_HTTP_WIX_AUTH_INVALID_CREDENTIALS,
    NGX_HTTP_WIX_AUTH_EMAIL_EXISTS,
    NGX_HTTP_WIX_AUTH_CAPTCHA_REQUIRED,
    NGX_HTTP_WIX_AUTH_CAPTCHA_INVALID,
    NGX_HTTP_WIX_AUTH_PASSWORD_RESET_REQUIRED,
    NGX_HTTP_WIX_AUTH_ACCESS_DENIED,
    NGX_HTTP_WIX_AUTH_APPROVAL_PENDING,
    NGX_HTTP_WIX_AUTH_INVALID_CODE,
    NGX_HTTP_WIX_AUTH_ATTEMPT_EXPIRED,
    NGX_HTTP_WIX_AUTH_STATE_MISMATCH,
    NGX_HTTP_WIX_AUTH_CROSS_SITE,
    NGX_HTTP_WIX_AUTH_NOT_FOUND,
    NGX_HTTP_WIX_AUTH_METHOD_NOT_ALLOWED,
    NGX_HTTP_WIX_AUTH_BODY_TOO_LARGE,
    NGX_HTTP_WIX_AUTH_UNSUPPORTED_MEDIA_TYPE,
    NGX_HTTP_WIX_AUTH_TOO_MANY_ATTEMPTS,
    NGX_HTTP_WIX_AUTH_UPSTREAM_THROTTLED,
    NGX_HTTP_WIX_AUTH_INSECURE_TRANSPORT,
    NGX_HTTP_WIX_AUTH_UNSUPPORTED_STATE,
    NGX_HTTP_WIX_AUTH_UPSTREAM_ERROR,
    NGX_HTTP_WIX_AUTH_CLIENT_REJECTED,

    /* between rooms only: Wix says that a code or refresh token is dead */
    NGX_HTTP_WIX_AUTH_INVALID_GRANT,

    NGX_HTTP_WIX_AUTH_REASON_MAX
} ngx_http_wix_auth_reason_e;


typedef struct {
    ngx_str_t     code;      /* "no_session" */
    ngx_uint_t    status;    /* HTTP status of an answer that tells it */
    ngx_str_t     message;   /* one plain sentence for a person */
} ngx_http_wix_auth_reason_t;


/* reason is an ngx_http_wix_auth_reason_e; never NULL */
ngx_http_wix_auth_reason_t *ngx_http_wix_auth_reason(ngx_uint_t reason);


#endif /* _NGX_HTTP_WIX_AUTH_REASON_H_INCLUDED_ */
