
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_CRYPTO_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_CRYPTO_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Floor 0: the only room that knows OpenSSL (apart from the SSL_CTX that
 * the fetch room receives from libcurl and hands to crypto_use_store()).
 *
 * Every function returns NGX_OK, or NGX_ERROR when OpenSSL or memory fails;
 * NGX_DECLINED means that the data is not genuine.  No function logs.
 */


#define NGX_HTTP_WIX_AUTH_RING_MAX    8
#define NGX_HTTP_WIX_AUTH_SECRET_MIN  32
#define NGX_HTTP_WIX_AUTH_ID_LEN      16

#define NGX_HTTP_WIX_AUTH_RAW_NONCE   12
#define NGX_HTTP_WIX_AUTH_RAW_TAG     16
#define NGX_HTTP_WIX_AUTH_RAW_EXTRA                                           \
    (NGX_HTTP_WIX_AUTH_RAW_NONCE + NGX_HTTP_WIX_AUTH_RAW_TAG)


/* one HKDF label a purpose: a value made for one never opens for another */

typedef enum {
    NGX_HTTP_WIX_AUTH_KEY_COOKIE = 0,     /* MAC of the session cookie */
    NGX_HTTP_WIX_AUTH_KEY_STATE,          /* MAC of the OAuth state */
    NGX_HTTP_WIX_AUTH_KEY_PKCE,           /* PKCE verifier */
    NGX_HTTP_WIX_AUTH_KEY_RETURNS,        /* sealed returns cookie */
    NGX_HTTP_WIX_AUTH_KEY_STATE_TOKEN,    /* sealed Wix stateToken */
    NGX_HTTP_WIX_AUTH_KEY_STATE_FILE,     /* sealed sessions in a file */
    NGX_HTTP_WIX_AUTH_KEY_MAX
} ngx_http_wix_auth_purpose_e;


typedef struct {
    u_char      id;                       /* names the key in a value */
    u_char      derived[NGX_HTTP_WIX_AUTH_KEY_MAX][32];
    u_char      digest[32];               /* SHA-256 of the secret */
} ngx_http_wix_auth_key_t;


/* the first key seals, all open (as ssl_session_ticket_key) */

typedef struct {
    ngx_uint_t               nkeys;
    ngx_http_wix_auth_key_t  keys[NGX_HTTP_WIX_AUTH_RING_MAX];
} ngx_http_wix_auth_ring_t;


/*
 * Derives all purposes from a secret of at least 32 bytes and appends the
 * key to the ring.  NGX_BUSY: the ring is full.  NGX_ABORT: the same secret
 * is in it already.  NGX_ERROR also for a shorter one.
 */
ngx_int_t ngx_http_wix_auth_ring_add(ngx_http_wix_auth_ring_t *ring,
    const u_char *secret, size_t len);

ngx_int_t ngx_http_wix_auth_random(u_char *dst, size_t len);

ngx_int_t ngx_http_wix_auth_sha256(const u_char *data, size_t len,
    u_char out[32]);

/*
 * HMAC-SHA-256 over nparts byte strings, each preceded by its length as
 * four bytes big endian, so that no two lists give the same input.
 */
ngx_int_t ngx_http_wix_auth_hmac(const u_char key[32], ngx_str_t *parts,
    ngx_uint_t nparts, u_char out[32]);

/* constant time; 1 when equal */
ngx_uint_t ngx_http_wix_auth_equal(const u_char *a, const u_char *b,
    size_t len);

/*
 * SipHash-1-3 with 128 bits of output (https://github.com/veorq/SipHash): for
 * tables under a key that nobody outside knows, never as a signature.
 */
void ngx_http_wix_auth_siphash(const u_char key[16], const u_char *data,
    size_t len, u_char out[16]);

/*
 * AES-256-GCM with a random 96-bit nonce.  The sealed form is base64url of
 * key id 1, nonce 12, ciphertext, tag 16; both results are allocated from
 * pool.  open() tries every key of that id; NGX_DECLINED when none fits, on
 * bad base64url and on a value that is too short.  plain is NUL-terminated
 * beyond its length.
 */
ngx_int_t ngx_http_wix_auth_seal(ngx_http_wix_auth_ring_t *ring,
    ngx_uint_t purpose, ngx_str_t *aad, ngx_str_t *plain, ngx_pool_t *pool,
    ngx_str_t *sealed);
ngx_int_t ngx_http_wix_auth_open(ngx_http_wix_auth_ring_t *ring,
    ngx_uint_t purpose, ngx_str_t *aad, ngx_str_t *sealed, ngx_pool_t *pool,
    ngx_str_t *plain);

/*
 * The same in binary and with one key: nonce, ciphertext, tag, which are
 * RAW_EXTRA bytes more than plain.  plain may lie at dst + RAW_NONCE, and what
 * open_raw() opens at dst - RAW_NONCE: both work in place.
 */
ngx_int_t ngx_http_wix_auth_seal_raw(const u_char key[32], ngx_str_t *aad,
    ngx_str_t *plain, u_char *dst);
ngx_int_t ngx_http_wix_auth_open_raw(const u_char key[32], ngx_str_t *aad,
    ngx_str_t *raw, u_char *dst);

/*
 * base64url without padding (RFC 4648, 5).  encode() writes
 * NGX_HTTP_WIX_AUTH_B64_LEN(len) bytes and returns the end; decode() is
 * strict: no padding, no foreign character, unused bits zero; it writes at
 * most len * 3 / 4 bytes and sets *outlen.
 */
#define NGX_HTTP_WIX_AUTH_B64_LEN(n)  (((n) * 4 + 2) / 3)

u_char *ngx_http_wix_auth_b64_encode(u_char *dst, const u_char *src,
    size_t len);
ngx_int_t ngx_http_wix_auth_b64_decode(u_char *dst, size_t *outlen,
    const u_char *src, size_t len);

/*
 * Parses a CA bundle (file NULL: the system's) into an X509_STORE; blocks,
 * so for configuration time only.  NULL on failure, with err a static text.
 * The store is freed by a cleanup of pool.
 */
void *ngx_http_wix_auth_crypto_store(ngx_pool_t *pool, ngx_str_t *file,
    const char **err);
ngx_int_t ngx_http_wix_auth_crypto_use_store(void *ssl_ctx, void *store);

/* OpenSSL's error queue is the thread's: leave nothing for nginx to find */
void ngx_http_wix_auth_crypto_clear_errors(void);


#endif /* _NGX_HTTP_WIX_AUTH_CRYPTO_H_INCLUDED_ */
