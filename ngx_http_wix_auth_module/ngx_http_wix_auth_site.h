
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_SITE_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_SITE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_wix_auth_attempt.h"
#include "ngx_http_wix_auth_conf.h"


/*
 * Floor 2: what a request's site is called: client, public origin, prefix of
 * the endpoints, redirect URI.  Reads the Host header and the connection,
 * never a forwarded header.
 */


typedef struct {
    ngx_str_t                   client;        /* 36 characters, lower case */
    u_char                      client_id[16];
    ngx_str_t                   base;          /* "https://host[:port]" */
    ngx_str_t                   host;          /* for a person to read */
    ngx_str_t                   prefix;        /* "/_wix/" */
    ngx_str_t                   redirect_uri;  /* absolute */
    ngx_str_t                  *origins;       /* base, then allowed ones */
    ngx_uint_t                  norigins;
    unsigned                    secure:1;      /* base is https */
    unsigned                    loopback:1;
} ngx_http_wix_auth_site_t;


/* the client alone (the gate's part): NGX_OK, or NGX_ERROR (logged) when it
   is no GUID; site->client and site->client_id are set */
ngx_int_t ngx_http_wix_auth_site_client(ngx_http_request_t *r,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_site_t *site);

/* all of it, from r->pool: NGX_OK or NGX_ERROR (logged) */
ngx_int_t ngx_http_wix_auth_site(ngx_http_request_t *r,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_site_t *site);

/* the prefix alone: of these endpoints, of the redirect URI, or else of the
   server; len 0 when it has no endpoints */
void ngx_http_wix_auth_site_prefix(ngx_http_wix_auth_conf_t *conf,
    ngx_str_t *redirect_uri, ngx_str_t *prefix);

/* the key ring in force: the files', else the zone's; NULL: no memory */
ngx_http_wix_auth_ring_t *ngx_http_wix_auth_site_ring(
    ngx_http_wix_auth_conf_t *conf);

/* 1 when text (of a header) is exactly an origin that may post to us: the
   base URL's or the request's own */
ngx_uint_t ngx_http_wix_auth_site_own(ngx_http_request_t *r,
    ngx_http_wix_auth_site_t *site, ngx_str_t *origin);

/* 1 when text (of a header) is exactly one of wix_auth_origins */
ngx_uint_t ngx_http_wix_auth_site_allowed(ngx_http_wix_auth_conf_t *conf,
    ngx_str_t *origin);

/*
 * The site's own login page (wix_auth_login uri) with name=value (name NULL:
 * neither) and "return" in its query, before a fragment of its own; the
 * return URL is made absolute on base when the page is (base len 0: as it
 * is).  From r->pool: NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_wix_auth_site_page_url(ngx_http_request_t *r,
    ngx_http_wix_auth_login_conf_t *login, ngx_str_t *base, const char *name,
    ngx_str_t *value, ngx_str_t *return_url, ngx_str_t *url);

/* prefix + "login?return=" + the encoded URL, or without one when return_url
   is empty; from r->pool */
ngx_int_t ngx_http_wix_auth_site_login_url(ngx_http_request_t *r,
    ngx_str_t *prefix, ngx_str_t *return_url, ngx_str_t *url);


#endif /* _NGX_HTTP_WIX_AUTH_SITE_H_INCLUDED_ */
