
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_INPUT_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_INPUT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_wix_auth_json.h"
#include "ngx_http_wix_auth_site.h"


/*
 * Floor 3: what an endpoint is given: the body, its type, the language of
 * the answer, and where the request came from.
 */


#define NGX_HTTP_WIX_AUTH_BODY_MAX    16384
#define NGX_HTTP_WIX_AUTH_FIELDS_MAX  128


typedef void (*ngx_http_wix_auth_input_pt)(ngx_http_request_t *r,
    ngx_uint_t reason, ngx_str_t *body, void *data);


typedef enum {
    NGX_HTTP_WIX_AUTH_TYPE_NONE = 0,     /* no Content-Type */
    NGX_HTTP_WIX_AUTH_TYPE_FORM,
    NGX_HTTP_WIX_AUTH_TYPE_JSON,
    NGX_HTTP_WIX_AUTH_TYPE_OTHER
} ngx_http_wix_auth_type_e;


/*
 * Reads the body into pool memory, never into a file, and wipes nginx's own
 * buffers.  The handler is called once with NGX_HTTP_WIX_AUTH_OK, or with
 * NGX_HTTP_WIX_AUTH_BODY_TOO_LARGE and no body.  Returns what the content
 * handler is to return.
 */
ngx_int_t ngx_http_wix_auth_input_read(ngx_http_request_t *r,
    ngx_http_wix_auth_input_pt handler, void *data);

/* parameters after the type are ignored (RFC 9110, 8.3.1) */
ngx_uint_t ngx_http_wix_auth_input_type(ngx_http_request_t *r);

/* 1 when Accept ranks application/json above text/html (RFC 9110, 12.5.1) */
ngx_uint_t ngx_http_wix_auth_input_wants_json(ngx_http_request_t *r);

/*
 * The members of a JSON object, or of a form, as pairs.  JSON members that
 * are no strings are NGX_DECLINED, and pairs of a name and a sentence about
 * it are in *fields; but "profile" may be anything where profile is not NULL,
 * and is left out of the pairs then.  Anything malformed is NGX_DECLINED too.
 */
ngx_int_t ngx_http_wix_auth_input_parse(ngx_http_request_t *r,
    ngx_uint_t type, ngx_str_t *body, ngx_array_t **pairs,
    ngx_http_wix_auth_json_t **profile, ngx_array_t **fields);

/* 1 when the request came neither from a page of ours nor from one of
   wix_auth_origins (Fetch Metadata, then Origin, then Referer) */
ngx_uint_t ngx_http_wix_auth_input_cross_site(ngx_http_request_t *r,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_site_t *site,
    ngx_uint_t type);

/* a request header by its lower-case name; NULL: absent */
ngx_str_t *ngx_http_wix_auth_input_header(ngx_http_request_t *r,
    const char *name);


#endif /* _NGX_HTTP_WIX_AUTH_INPUT_H_INCLUDED_ */
