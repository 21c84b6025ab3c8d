
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_RECORD_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_RECORD_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_wix_auth_conf.h"
#include "ngx_http_wix_auth_session.h"


/*
 * Floor 2: the one record of a main request.  It survives internal
 * redirects (which clear contexts) and serves subrequests.  Cookies are read
 * here once, before they are cut from what the upstream sees; the session is
 * looked up here once.
 */


#define NGX_HTTP_WIX_AUTH_COOKIES_MAX  4


typedef enum {
    NGX_HTTP_WIX_AUTH_STATUS_NONE = 0,     /* not decided yet */
    NGX_HTTP_WIX_AUTH_STATUS_HIT,
    NGX_HTTP_WIX_AUTH_STATUS_REFRESHED,
    NGX_HTTP_WIX_AUTH_STATUS_WAITED,
    NGX_HTTP_WIX_AUTH_STATUS_STALE,
    NGX_HTTP_WIX_AUTH_STATUS_BEARER,
    NGX_HTTP_WIX_AUTH_STATUS_VISITOR,
    NGX_HTTP_WIX_AUTH_STATUS_ANONYMOUS,
    NGX_HTTP_WIX_AUTH_STATUS_EXPIRED,
    NGX_HTTP_WIX_AUTH_STATUS_DENIED,
    NGX_HTTP_WIX_AUTH_STATUS_AUDIT,
    NGX_HTTP_WIX_AUTH_STATUS_ERROR,
    NGX_HTTP_WIX_AUTH_STATUS_OFF
} ngx_http_wix_auth_status_e;


typedef struct ngx_http_wix_auth_record_s  ngx_http_wix_auth_record_t;

typedef void (*ngx_http_wix_auth_wake_pt)(ngx_http_wix_auth_record_t *rec);


struct ngx_http_wix_auth_record_s {
    ngx_http_request_t           *request;   /* the main one */

    /* cookies as the client sent them */
    ngx_str_t                     cookies[NGX_HTTP_WIX_AUTH_COOKIES_MAX];
    ngx_uint_t                    ncookies;
    ngx_uint_t                    ours;      /* pairs to be cut */
    ngx_str_t                     part;      /* of a header, which is all that
                                                is to be cut there */
    ngx_str_t                     binding;
    ngx_str_t                     returns;
    ngx_str_t                     token;     /* sealed stateToken */

    /* the access token in Authorization where that decides; points into the
       header */
    ngx_str_t                     bearer;

    /* an endpoint's query, with code and state, which are masked in the
       request since */
    ngx_str_t                     args;

    /* the lookup */
    ngx_http_wix_auth_cookies_t  *read;      /* names that were read */
    ngx_http_wix_auth_conf_t     *looked;    /* for this location */
    ngx_http_wix_auth_session_t   session;
    ngx_uint_t                    reason;
    ngx_int_t                     retry_after;  /* seconds, of a 429 or 503 */

    ngx_uint_t                    minted;    /* why there is no new visitor;
                                                0: not tried */

    /* the decision */
    ngx_http_wix_auth_conf_t     *conf;
    ngx_uint_t                    status;
    ngx_msec_t                    held;      /* time that we held it */

    /* a wait for a refresh, a verdict or a visitor; that room's */
    ngx_http_wix_auth_wake_pt     wake;
    ngx_http_wix_auth_wake_pt     leave;     /* when the request goes */
    void                         *data;      /* of who waits */
    void                         *waiting;   /* for this, or NULL */
    ngx_queue_t                   queue;     /* of its waiters */
    ngx_event_t                   timer;
    ngx_msec_t                    wait_start;
    ngx_msec_t                    wait_until;
    ngx_msec_t                    poll;
    ngx_uint_t                    wait_generation;
    ngx_http_wix_auth_conf_t     *wait_conf;

    u_char                       *buf;       /* takes session's strings */
    size_t                        size;
    u_char                        inline_buf[
                                          NGX_HTTP_WIX_AUTH_SESSION_INLINE];

    unsigned                      found:1;   /* session is filled, of any
                                                kind */
    unsigned                      lost_visitor:1;   /* see lookup */
    unsigned                      touched:1; /* counted as activity */
    unsigned                      fresh:1;   /* its cookie is in this answer */
    unsigned                      passed:1;  /* a session let it through */
    unsigned                      starter:1; /* this one began the refresh */
    unsigned                      waited:1;
    unsigned                      timedout:1;
    unsigned                      resumed:1; /* just woken */
    unsigned                      own:1;     /* the answer is ours */
    unsigned                      answered:1;   /* by an endpoint */
};


/* the record of r's main request, made when there is none; NULL: no memory */
ngx_http_wix_auth_record_t *ngx_http_wix_auth_record(ngx_http_request_t *r);
/* that of a request whose contexts may have been cleared; NULL: none */
ngx_http_wix_auth_record_t *ngx_http_wix_auth_record_again(
    ngx_http_request_t *r);

/* as record(), but never made.  Every hit comes here several times, so the
   usual case is not a call. */

static ngx_inline ngx_http_wix_auth_record_t *
ngx_http_wix_auth_record_peek(ngx_http_request_t *r)
{
    ngx_http_wix_auth_record_t  *rec;

    rec = ngx_http_get_module_ctx(r->main, ngx_http_wix_auth_module);

    return rec ? rec : ngx_http_wix_auth_record_again(r->main);
}


/* copies our cookies' values into the record, once for each set of names */
void ngx_http_wix_auth_record_cookies(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf);

/*
 * Looks the session up for this location: NGX_OK (rec->found tells whether
 * there is one; else rec->reason why not) or NGX_ERROR (logged).  Once per
 * location configuration, unless again is set; touch says that this is the
 * member's activity.
 *
 * What is found may be a visitor's (session.kind), but only when no cookie
 * leads to a member.  A member's dead session gives its reason, whatever else
 * there is; for a visitor that is gone, has expired or was revoked the reason
 * is NO_SESSION and rec->lost_visitor is set: the browser may get another
 * identity.  One that a login has ended is SESSION_ENDED: its browser has, or
 * is about to get, a better cookie.
 */
ngx_int_t ngx_http_wix_auth_record_lookup(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_uint_t touch, ngx_uint_t again);

/*
 * Looks up whether there is a verdict about this access token, which decides
 * in the place of cookies; NGX_OK and rec->found as above, with the reason
 * NO_SESSION when there is none.  Not remembered for the location.
 */
ngx_int_t ngx_http_wix_auth_record_verdict(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_str_t *token, ngx_uint_t touch);


#endif /* _NGX_HTTP_WIX_AUTH_RECORD_H_INCLUDED_ */
