
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_ANSWER_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_ANSWER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * Floor 2: everything that this module answers itself goes out here: the
 * only place that writes a Location, a Set-Cookie or a Cache-Control of
 * ours.  Every answer is no-store.
 */


typedef struct {
    ngx_uint_t    status;
    ngx_str_t     type;            /* content type; len 0 without a body */
    ngx_str_t     body;            /* pool memory or static */
    ngx_str_t     location;        /* a path stays a path, whatever
                                      absolute_redirect says */
    ngx_str_t     policy;          /* Content-Security-Policy */
    ngx_str_t     challenge;       /* WWW-Authenticate */
    ngx_str_t     allow;
    ngx_int_t     retry_after;     /* seconds, 0: none */
    ngx_str_t     origin;          /* whose pages may read it (CORS) */
    ngx_str_t     methods;         /* of a preflight's answer */
    unsigned      no_referrer:1;   /* else same-origin where a body is */
    unsigned      clear_cache:1;   /* Clear-Site-Data: "cache" */
    unsigned      vary:1;          /* another origin gets another answer */
} ngx_http_wix_auth_answer_t;


/* adds a header to the answer; the value is not copied */
ngx_int_t ngx_http_wix_auth_answer_header(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);

/* a Cache-Control where there is none, in both of nginx's lists of headers;
   the value is not copied */
ngx_int_t ngx_http_wix_auth_answer_cache(ngx_http_request_t *r,
    ngx_str_t *value);

/* WWW-Authenticate beside those that other access handlers have set */
ngx_int_t ngx_http_wix_auth_answer_challenge(ngx_http_request_t *r,
    ngx_str_t *value);

/* content phase: sends head and body and returns what nginx is to finalize
   the request with */
ngx_int_t ngx_http_wix_auth_answer(ngx_http_request_t *r,
    ngx_http_wix_auth_answer_t *a);

/*
 * Access phase: answers instead of the protected resource.  Returns the
 * status where nginx is to make the body (error_page, satisfy any,
 * auth_delay are in force for it), else NGX_DONE, and then r may be gone.
 * Never returns the result of an output function.
 */
ngx_int_t ngx_http_wix_auth_answer_deny(ngx_http_request_t *r,
    ngx_http_wix_auth_answer_t *a);


#endif /* _NGX_HTTP_WIX_AUTH_ANSWER_H_INCLUDED_ */
