
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_ATTEMPT_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_ATTEMPT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_wix_auth_crypto.h"


/*
 * Floor 1: what keeps a login safe without memory on the server.  Pure
 * functions on strings; cookies are read and set by the callers.
 */


#define NGX_HTTP_WIX_AUTH_BINDING_LEN   22      /* base64url of 16 bytes */
#define NGX_HTTP_WIX_AUTH_STATE_LEN     51
#define NGX_HTTP_WIX_AUTH_ATTEMPT_TIME  900     /* seconds */
#define NGX_HTTP_WIX_AUTH_RETURNS_MAX   3584    /* bytes of the cookie */

/* flags inside state */
#define NGX_HTTP_WIX_AUTH_ATTEMPT_WIX     0x01  /* Wix's own page */
#define NGX_HTTP_WIX_AUTH_ATTEMPT_SILENT  0x02  /* SSO probe, prompt none */
#define NGX_HTTP_WIX_AUTH_ATTEMPT_FRAME   0x04  /* web_message: the request
                                                   had no redirect URI */


/* what a state is bound to; all of it goes into the MAC */

typedef struct {
    ngx_http_wix_auth_ring_t  *ring;
    ngx_str_t                  binding;       /* value of the cookie */
    ngx_str_t                  client;        /* 36 characters, lower case */
    ngx_str_t                  redirect_uri;
    ngx_str_t                  prefix;
} ngx_http_wix_auth_attempt_ctx_t;


typedef struct {
    ngx_str_t     state;          /* 51 characters, from pool */
    ngx_str_t     verifier;       /* PKCE, 43 characters, from pool */
    ngx_str_t     challenge;      /* base64url(SHA-256(verifier)) */
    u_char        nonce[16];
    ngx_uint_t    flags;
    time_t        expires;
} ngx_http_wix_auth_attempt_t;


/* a fresh binding value of 22 characters from pool */
ngx_int_t ngx_http_wix_auth_attempt_binding(ngx_pool_t *pool,
    ngx_str_t *binding);

/* NGX_OK when value is a well-formed binding ("!" in front of it: the
   restart marker, which is skipped; *restarted tells) */
ngx_int_t ngx_http_wix_auth_attempt_binding_check(ngx_str_t *value,
    ngx_str_t *binding, ngx_uint_t *restarted);

/* a new attempt: NGX_OK or NGX_ERROR */
ngx_int_t ngx_http_wix_auth_attempt_create(ngx_pool_t *pool,
    ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_uint_t flags, time_t now,
    ngx_http_wix_auth_attempt_t *attempt);

/*
 * Verifies a state that came back: NGX_OK, NGX_DECLINED (not ours: wrong
 * MAC, another browser, client, redirect URI or prefix), NGX_BUSY (genuine
 * but expired; nonce and flags are set), NGX_ERROR.
 */
ngx_int_t ngx_http_wix_auth_attempt_verify(ngx_pool_t *pool,
    ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_str_t *state, time_t now,
    ngx_http_wix_auth_attempt_t *attempt);

/*
 * The returns cookie: entries (nonce, return URL, e-mail) of the newest
 * attempts, sealed with binding and client as AAD.  add() makes the new
 * cookie value from the old one (len 0: none; one that does not open is
 * ignored), newest first, at most NGX_HTTP_WIX_AUTH_RETURNS_MAX bytes; an
 * URL that is too long becomes "/".  value may be cookie itself.  find() sets
 * *url and *email (len 0: unknown).  Both return NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_wix_auth_attempt_returns_add(ngx_pool_t *pool,
    ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_str_t *cookie, u_char nonce[16],
    ngx_str_t *url, ngx_str_t *email, ngx_str_t *value);
ngx_int_t ngx_http_wix_auth_attempt_returns_find(ngx_pool_t *pool,
    ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_str_t *cookie, u_char nonce[16],
    ngx_str_t *url, ngx_str_t *email);

/*
 * Wix's stateToken for the browser and back: sealed with the binding as AAD
 * together with expiry and client.  open(): NGX_DECLINED when foreign,
 * NGX_BUSY when expired.
 */
ngx_int_t ngx_http_wix_auth_attempt_seal_token(ngx_pool_t *pool,
    ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_str_t *token, time_t now,
    ngx_str_t *sealed);
ngx_int_t ngx_http_wix_auth_attempt_open_token(ngx_pool_t *pool,
    ngx_http_wix_auth_attempt_ctx_t *ctx, ngx_str_t *sealed, time_t now,
    ngx_str_t *token);


#endif /* _NGX_HTTP_WIX_AUTH_ATTEMPT_H_INCLUDED_ */
