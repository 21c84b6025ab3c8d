
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_REPLY_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_REPLY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_wix_auth_answer.h"
#include "ngx_http_wix_auth_conf.h"
#include "ngx_http_wix_auth_reason.h"


/*
 * Floor 3: what a reason looks like to a browser and to a program.  Fills an
 * answer that the caller sends.
 */


/* $request_id, the same that an access log can print; "" on failure */
void ngx_http_wix_auth_reply_request_id(ngx_http_request_t *r,
    ngx_str_t *id);

/*
 * {"error":...,"message":...,"fields":{...},"requestId":...} or the error
 * page; "captcha":{...} where Wix wants one.  fields: pairs of a field's name
 * and a sentence about it, or NULL.  action: where the page's link leads, or
 * "loginUrl" (len 0: none).  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_wix_auth_reply_error(ngx_http_request_t *r,
    ngx_uint_t reason, ngx_uint_t html, ngx_array_t *fields,
    ngx_str_t *action, ngx_http_wix_auth_answer_t *a);

/* the gate's 401: {"error":"login_required","reason":...,"loginUrl":...} or
   the error page with a login link */
ngx_int_t ngx_http_wix_auth_reply_login(ngx_http_request_t *r,
    ngx_uint_t reason, ngx_uint_t html, ngx_str_t *login_url,
    ngx_http_wix_auth_answer_t *a);

/* a redirect with a body that says so */
void ngx_http_wix_auth_reply_redirect(ngx_uint_t status, ngx_str_t *location,
    ngx_http_wix_auth_answer_t *a);

/* renders a page of this location into the answer */
ngx_int_t ngx_http_wix_auth_reply_page(ngx_http_request_t *r, ngx_uint_t page,
    ngx_http_wix_auth_page_values_t *values, ngx_http_wix_auth_answer_t *a);


#endif /* _NGX_HTTP_WIX_AUTH_REPLY_H_INCLUDED_ */
