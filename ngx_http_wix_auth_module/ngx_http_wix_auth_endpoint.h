
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
 * Floor 3, between the three files of the endpoints room and for them alone:
 * dispatch and input (endpoints), one function an endpoint and method
 * (flows), the answers (respond).
 */


/* one request of an endpoint */

typedef struct {
    ngx_http_request_t         *request;
    ngx_http_wix_auth_conf_t   *conf;
    ngx_http_wix_auth_login_t  *login;
    ngx_uint_t                  endpoint;
    ngx_uint_t                  type;       /* of the body */
    ngx_array_t                *input;      /* pairs of query or body */
    ngx_array_t                *fields;     /* what is wrong with them */
    unsigned                    html:1;
    unsigned                    post:1;
} ngx_http_wix_auth_call_t;


typedef ngx_int_t (*ngx_http_wix_auth_endpoint_pt)(
    ngx_http_wix_auth_call_t *call);


typedef struct {
    ngx_http_wix_auth_endpoint_pt   get;
    ngx_http_wix_auth_endpoint_pt   post;
    ngx_str_t                       allow;
} ngx_http_wix_auth_handlers_t;


/* by ..._endpoint_e; allow len 0 where there is no endpoint */
extern ngx_http_wix_auth_handlers_t  ngx_http_wix_auth_handlers[];


/*
 * flows: each returns what to finalize the request with, or NGX_DONE when a
 * call to Wix is under way and answers later.
 */

ngx_int_t ngx_http_wix_auth_get_login(ngx_http_wix_auth_call_t *call);
ngx_int_t ngx_http_wix_auth_post_login(ngx_http_wix_auth_call_t *call);
ngx_int_t ngx_http_wix_auth_get_callback(ngx_http_wix_auth_call_t *call);
ngx_int_t ngx_http_wix_auth_get_logout(ngx_http_wix_auth_call_t *call);
ngx_int_t ngx_http_wix_auth_post_logout(ngx_http_wix_auth_call_t *call);
ngx_int_t ngx_http_wix_auth_get_session(ngx_http_wix_auth_call_t *call);


/* respond: what to finalize the request with */

/* sets the login's return URL: the input's when it is valid, else "/" */
void ngx_http_wix_auth_call_return(ngx_http_wix_auth_call_t *call);
/* the answer is a page; reason: what went wrong before, or OK */
ngx_int_t ngx_http_wix_auth_call_page(ngx_http_wix_auth_call_t *call,
    ngx_uint_t page, ngx_uint_t reason, ngx_http_wix_auth_answer_t *a);
/* 303 for HTML, 302 for GET login's way to Wix, {"redirectUrl":...} else */
ngx_int_t ngx_http_wix_auth_call_redirect(ngx_http_wix_auth_call_t *call,
    ngx_str_t *url, ngx_uint_t leaves, ngx_http_wix_auth_answer_t *a);
/* a login that is not finished yet, in JSON */
ngx_int_t ngx_http_wix_auth_call_state(ngx_http_wix_auth_call_t *call,
    const char *state, ngx_http_wix_auth_answer_t *a);
/* a reason in the language of the request; POST login shows the form again */
ngx_int_t ngx_http_wix_auth_call_error(ngx_http_wix_auth_call_t *call,
    ngx_uint_t reason);
/* finalizes a request from the event loop; it may be gone afterwards */
void ngx_http_wix_auth_call_finish(ngx_http_wix_auth_call_t *call,
    ngx_int_t rc);


#endif /* _NGX_HTTP_WIX_AUTH_ENDPOINT_H_INCLUDED_ */
