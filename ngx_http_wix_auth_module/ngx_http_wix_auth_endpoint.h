
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_ENDPOINT_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_ENDPOINT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_wix_auth_answer.h"
#include "ngx_http_wix_auth_input.h"
#include "ngx_http_wix_auth_login.h"
#include "ngx_http_wix_auth_reply.h"


/*
 * Floor 3, between the files of the endpoints room and for them alone:
 * dispatch and input (endpoints), one function an endpoint and method (forms:
 * login, register, verify, recover; flows: callback, logout, session), the
 * answers (respond).
 */


/* one request of an endpoint */

typedef struct {
    ngx_http_request_t         *request;
    ngx_http_wix_auth_conf_t   *conf;
    ngx_http_wix_auth_login_t  *login;
    ngx_uint_t                  endpoint;
    ngx_uint_t                  type;       /* of the body */
    ngx_array_t                *input;      /* pairs of query or body */
    ngx_http_wix_auth_json_t   *profile;    /* of a JSON body, or NULL */
    ngx_array_t                *fields;     /* what is wrong with them */
    ngx_str_t                   email;      /* only to be shown again */
    ngx_str_t                   token;      /* the body's stateToken */
    ngx_str_t                   state;      /* what a page is to tell */
    ngx_str_t                   origin;     /* a foreign page's that may read
                                               the answer; len 0: none */
    unsigned                    html:1;
    unsigned                    post:1;
    unsigned                    wrong:1;    /* the input is */
} ngx_http_wix_auth_call_t;


typedef ngx_int_t (*ngx_http_wix_auth_endpoint_pt)(
    ngx_http_wix_auth_call_t *call);


typedef struct {
    ngx_http_wix_auth_endpoint_pt   get;
    ngx_http_wix_auth_endpoint_pt   post;
    ngx_str_t                       allow;
    ngx_uint_t                      page;      /* of a form */
    unsigned                        form:1;    /* there is a page */
    unsigned                        own:1;     /* the site may have its own */
    unsigned                        bind:1;    /* its page begins a login */
    unsigned                        cookies:1; /* of no use without them */
} ngx_http_wix_auth_handlers_t;


/* by ..._endpoint_e; allow len 0 where there is no endpoint */
extern ngx_http_wix_auth_handlers_t  ngx_http_wix_auth_handlers[];


/*
 * forms and flows: each returns what to finalize the request with, or
 * NGX_DONE when a call to Wix is under way and answers later.
 */

ngx_int_t ngx_http_wix_auth_get_form(ngx_http_wix_auth_call_t *call);
/* login and register */
ngx_int_t ngx_http_wix_auth_post_credentials(ngx_http_wix_auth_call_t *call);
ngx_int_t ngx_http_wix_auth_post_verify(ngx_http_wix_auth_call_t *call);
ngx_int_t ngx_http_wix_auth_post_recover(ngx_http_wix_auth_call_t *call);
/* on to Wix's own login page */
ngx_int_t ngx_http_wix_auth_call_at_wix(ngx_http_wix_auth_call_t *call,
    ngx_uint_t silent);

/* 1 when the record that was looked up is a member's, not a visitor's */
ngx_uint_t ngx_http_wix_auth_call_member(ngx_http_wix_auth_call_t *call);
ngx_int_t ngx_http_wix_auth_get_callback(ngx_http_wix_auth_call_t *call);
ngx_int_t ngx_http_wix_auth_get_logout(ngx_http_wix_auth_call_t *call);
ngx_int_t ngx_http_wix_auth_post_logout(ngx_http_wix_auth_call_t *call);
ngx_int_t ngx_http_wix_auth_get_session(ngx_http_wix_auth_call_t *call);


/* respond: what to finalize the request with */

/* sets the login's return URL: the input's when it is valid, else "/" */
void ngx_http_wix_auth_call_return(ngx_http_wix_auth_call_t *call);
/* remembers what is wrong with a field, for call_error() */
void ngx_http_wix_auth_call_wrong(ngx_http_wix_auth_call_t *call,
    const char *name, const char *text);
/* the answer is a page; reason: what went wrong before, or OK */
ngx_int_t ngx_http_wix_auth_call_page(ngx_http_wix_auth_call_t *call,
    ngx_uint_t page, ngx_uint_t reason, ngx_http_wix_auth_answer_t *a);
/* 303 for HTML, 302 for a form's way to Wix, {"redirectUrl":...} else */
ngx_int_t ngx_http_wix_auth_call_redirect(ngx_http_wix_auth_call_t *call,
    ngx_str_t *url, ngx_uint_t leaves, ngx_http_wix_auth_answer_t *a);
/* to the page that the site has of its own, with name=value (or NULL) */
ngx_int_t ngx_http_wix_auth_call_own_page(ngx_http_wix_auth_call_t *call,
    ngx_uint_t status, const char *name, ngx_str_t *value,
    ngx_http_wix_auth_answer_t *a);
/* a flow that is not finished, or has nothing more to do: its state */
ngx_int_t ngx_http_wix_auth_call_state(ngx_http_wix_auth_call_t *call,
    ngx_str_t *state, ngx_uint_t page);
/* a reason in the language of the request; a form's POST shows it again */
ngx_int_t ngx_http_wix_auth_call_error(ngx_http_wix_auth_call_t *call,
    ngx_uint_t reason);
/* the cookie in which a stateToken waits for the site's own page; value len
   0: no longer */
ngx_int_t ngx_http_wix_auth_call_token(ngx_http_wix_auth_call_t *call,
    ngx_str_t *value);
/* answers, and lets an allowed origin read it */
ngx_int_t ngx_http_wix_auth_call_answer(ngx_http_wix_auth_call_t *call,
    ngx_http_wix_auth_answer_t *a);
/* finalizes a request from the event loop; it may be gone afterwards */
void ngx_http_wix_auth_call_finish(ngx_http_wix_auth_call_t *call,
    ngx_int_t rc);


#endif /* _NGX_HTTP_WIX_AUTH_ENDPOINT_H_INCLUDED_ */
