
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "ngx_http_wix_auth_crypto.h"


#define NGX_HTTP_WIX_AUTH_SEAL_EXTRA  (1 + NGX_HTTP_WIX_AUTH_RAW_EXTRA)

/* OpenSSL counts in int, and base64url needs a third more */
#define NGX_HTTP_WIX_AUTH_SEAL_MAX    (NGX_MAX_INT32_VALUE / 2)


#if (NGX_HAVE_LITTLE_ENDIAN)
#define ngx_http_wix_auth_le64(x)     (x)
#else
#define ngx_http_wix_auth_le64(x)     __builtin_bswap64(x)
#endif

#define ngx_http_wix_auth_rotl(x, n)  (((x) << (n)) | ((x) >> (64 - (n))))

#define ngx_http_wix_auth_sip_round(v0, v1, v2, v3)                          \
    v0 += v1; v1 = ngx_http_wix_auth_rotl(v1, 13); v1 ^= v0;                 \
    v0 = ngx_http_wix_auth_rotl(v0, 32);                                     \
    v2 += v3; v3 = ngx_http_wix_auth_rotl(v3, 16); v3 ^= v2;                 \
    v0 += v3; v3 = ngx_http_wix_auth_rotl(v3, 21); v3 ^= v0;                 \
    v2 += v1; v1 = ngx_http_wix_auth_rotl(v1, 17); v1 ^= v2;                 \
    v2 = ngx_http_wix_auth_rotl(v2, 32)


static ngx_int_t ngx_http_wix_auth_crypto_fetch(void);
static ngx_int_t ngx_http_wix_auth_derive(const u_char *secret, size_t len,
    const char *label, u_char *out, size_t outlen);
static ngx_int_t ngx_http_wix_auth_gcm_aad(EVP_CIPHER_CTX *ctx,
    ngx_str_t *aad);
static ngx_int_t ngx_http_wix_auth_store_load(X509_STORE *store,
    ngx_pool_t *pool, ngx_str_t *file, const char **err);
static ngx_uint_t ngx_http_wix_auth_store_has_cert(X509_STORE *store);
static const char *ngx_http_wix_auth_store_system(void);
static void ngx_http_wix_auth_store_cleanup(void *data);


/*
 * Fetched once a process and never freed: OpenSSL 3 searches its providers
 * at every implicit fetch, which costs more than the digest itself.
 */

static EVP_MD      *ngx_http_wix_auth_md;
static EVP_MAC     *ngx_http_wix_auth_mac;
static EVP_KDF     *ngx_http_wix_auth_kdf;
static EVP_CIPHER  *ngx_http_wix_auth_cipher;


static const char  *ngx_http_wix_auth_labels[NGX_HTTP_WIX_AUTH_KEY_MAX] = {
    "wix_auth session cookie",
    "wix_auth oauth state",
    "wix_auth pkce verifier",
    "wix_auth returns cookie",
    "wix_auth state token",
    "wix_auth state file"
};


/* where systems keep their bundle, if not where OpenSSL was built for */

static const char  *ngx_http_wix_auth_bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    NULL
};


static const u_char  ngx_http_wix_auth_b64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


/* 64: not of the alphabet */

static const u_char  ngx_http_wix_auth_b64_values[128] = {
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 62, 64, 64,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 64, 64, 64,
    64,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 63,
    64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64
};


ngx_int_t
ngx_http_wix_auth_ring_add(ngx_http_wix_auth_ring_t *ring,
    const u_char *secret, size_t len)
{
    u_char                    digest[32];
    ngx_uint_t                i;
    ngx_http_wix_auth_key_t  *key;

    if (len < NGX_HTTP_WIX_AUTH_SECRET_MIN) {
        return NGX_ERROR;
    }

    if (ngx_http_wix_auth_sha256(secret, len, digest) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < ring->nkeys; i++) {
        if (ngx_http_wix_auth_equal(ring->keys[i].digest, digest, 32)) {
            return NGX_ABORT;
        }
    }

    if (ring->nkeys >= NGX_HTTP_WIX_AUTH_RING_MAX) {
        return NGX_BUSY;
    }

    key = &ring->keys[ring->nkeys];

    /* derived as well: the id travels in clear and must tell nothing */

    if (ngx_http_wix_auth_derive(secret, len, "wix_auth key id", &key->id, 1)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_WIX_AUTH_KEY_MAX; i++) {
        if (ngx_http_wix_auth_derive(secret, len, ngx_http_wix_auth_labels[i],
                                     key->derived[i], 32)
            != NGX_OK)
        {
            ngx_explicit_memzero(key, sizeof(ngx_http_wix_auth_key_t));
            return NGX_ERROR;
        }
    }

    ngx_memcpy(key->digest, digest, 32);
    ring->nkeys++;

    return NGX_OK;
}


ngx_int_t
ngx_http_wix_auth_random(u_char *dst, size_t len)
{
    if (len > NGX_MAX_INT32_VALUE) {
        return NGX_ERROR;
    }

    if (RAND_bytes(dst, (int) len) != 1) {
        ERR_clear_error();
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_wix_auth_sha256(const u_char *data, size_t len, u_char out[32])
{
    if (ngx_http_wix_auth_crypto_fetch() != NGX_OK) {
        return NGX_ERROR;
    }

    if (EVP_Digest(data, len, out, NULL, ngx_http_wix_auth_md, NULL) != 1) {
        ERR_clear_error();
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_wix_auth_hmac(const u_char key[32], ngx_str_t *parts,
    ngx_uint_t nparts, u_char out[32])
{
    size_t        len;
    u_char        n[4];
    ngx_int_t     rc;
    ngx_uint_t    i;
    OSSL_PARAM    params[2];
    EVP_MAC_CTX  *ctx;

    if (ngx_http_wix_auth_crypto_fetch() != NGX_OK) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    ctx = EVP_MAC_CTX_new(ngx_http_wix_auth_mac);
    if (ctx == NULL) {
        goto failed;
    }

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                                 (char *) "SHA256", 0);
    params[1] = OSSL_PARAM_construct_end();

    if (EVP_MAC_init(ctx, key, 32, params) != 1) {
        goto failed;
    }

    for (i = 0; i < nparts; i++) {
        len = parts[i].len;

        if ((uint64_t) len > 0xffffffff) {
            goto failed;
        }

        n[0] = (u_char) (len >> 24);
        n[1] = (u_char) (len >> 16);
        n[2] = (u_char) (len >> 8);
        n[3] = (u_char) len;

        if (EVP_MAC_update(ctx, n, 4) != 1
            || (len && EVP_MAC_update(ctx, parts[i].data, len) != 1))
        {
            goto failed;
        }
    }

    if (EVP_MAC_final(ctx, out, &len, 32) == 1 && len == 32) {
        rc = NGX_OK;
    }

failed:

    if (rc != NGX_OK) {
        ERR_clear_error();
    }

    EVP_MAC_CTX_free(ctx);

    return rc;
}


ngx_uint_t
ngx_http_wix_auth_equal(const u_char *a, const u_char *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}


void
ngx_http_wix_auth_siphash(const u_char key[16], const u_char *data,
    size_t len, u_char out[16])
{
    size_t         n;
    uint64_t       k0, k1, m, v0, v1, v2, v3;
    const u_char  *last;

    ngx_memcpy(&k0, key, 8);
    ngx_memcpy(&k1, key + 8, 8);

    k0 = ngx_http_wix_auth_le64(k0);
    k1 = ngx_http_wix_auth_le64(k1);

    v0 = k0 ^ 0x736f6d6570736575ULL;
    v1 = k1 ^ 0x646f72616e646f6dULL ^ 0xee;
    v2 = k0 ^ 0x6c7967656e657261ULL;
    v3 = k1 ^ 0x7465646279746573ULL;

    for (last = data + (len & ~(size_t) 7); data != last; data += 8) {
        ngx_memcpy(&m, data, 8);
        m = ngx_http_wix_auth_le64(m);

        v3 ^= m;
        ngx_http_wix_auth_sip_round(v0, v1, v2, v3);
        v0 ^= m;
    }

    n = len & 7;
    m = 0;

    if (len >= 8 && n) {

        /* the last eight bytes, without those that have been taken */

        ngx_memcpy(&m, data + n - 8, 8);
        m = ngx_http_wix_auth_le64(m) >> (8 * (8 - n));

    } else {
        while (n > 0) {
            n--;
            m = m << 8 | data[n];
        }
    }

    m |= (uint64_t) len << 56;

    v3 ^= m;
    ngx_http_wix_auth_sip_round(v0, v1, v2, v3);
    v0 ^= m;

    v2 ^= 0xee;
    ngx_http_wix_auth_sip_round(v0, v1, v2, v3);
    ngx_http_wix_auth_sip_round(v0, v1, v2, v3);
    ngx_http_wix_auth_sip_round(v0, v1, v2, v3);

    m = ngx_http_wix_auth_le64(v0 ^ v1 ^ v2 ^ v3);
    ngx_memcpy(out, &m, 8);

    v1 ^= 0xdd;
    ngx_http_wix_auth_sip_round(v0, v1, v2, v3);
    ngx_http_wix_auth_sip_round(v0, v1, v2, v3);
    ngx_http_wix_auth_sip_round(v0, v1, v2, v3);

    m = ngx_http_wix_auth_le64(v0 ^ v1 ^ v2 ^ v3);
    ngx_memcpy(out + 8, &m, 8);
}


ngx_int_t
ngx_http_wix_auth_seal(ngx_http_wix_auth_ring_t *ring, ngx_uint_t purpose,
    ngx_str_t *aad, ngx_str_t *plain, ngx_pool_t *pool, ngx_str_t *sealed)
{
    size_t   len;
    u_char  *raw;

    ngx_str_null(sealed);

    if (ring->nkeys == 0
        || purpose >= NGX_HTTP_WIX_AUTH_KEY_MAX
        || plain->len > NGX_HTTP_WIX_AUTH_SEAL_MAX)
    {
        return NGX_ERROR;
    }

    len = NGX_HTTP_WIX_AUTH_SEAL_EXTRA + plain->len;

    raw = ngx_pnalloc(pool, len);
    if (raw == NULL) {
        return NGX_ERROR;
    }

    raw[0] = ring->keys[0].id;

    if (ngx_http_wix_auth_seal_raw(ring->keys[0].derived[purpose], aad, plain,
                                   raw + 1)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    sealed->data = ngx_pnalloc(pool, NGX_HTTP_WIX_AUTH_B64_LEN(len));
    if (sealed->data == NULL) {
        return NGX_ERROR;
    }

    sealed->len = ngx_http_wix_auth_b64_encode(sealed->data, raw, len)
                  - sealed->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_wix_auth_open(ngx_http_wix_auth_ring_t *ring, ngx_uint_t purpose,
    ngx_str_t *aad, ngx_str_t *sealed, ngx_pool_t *pool, ngx_str_t *plain)
{
    size_t       len;
    u_char      *raw, *dst;
    ngx_int_t    rc;
    ngx_str_t    text;
    ngx_uint_t   i;

    ngx_str_null(plain);

    if (purpose >= NGX_HTTP_WIX_AUTH_KEY_MAX) {
        return NGX_ERROR;
    }

    if (sealed->len < NGX_HTTP_WIX_AUTH_B64_LEN(NGX_HTTP_WIX_AUTH_SEAL_EXTRA)
        || sealed->len > NGX_HTTP_WIX_AUTH_SEAL_MAX)
    {
        return NGX_DECLINED;
    }

    raw = ngx_pnalloc(pool, sealed->len);
    if (raw == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_wix_auth_b64_decode(raw, &len, sealed->data, sealed->len)
        != NGX_OK
        || len < NGX_HTTP_WIX_AUTH_SEAL_EXTRA)
    {
        return NGX_DECLINED;
    }

    text.data = raw + 1;
    text.len = len - 1;

    len -= NGX_HTTP_WIX_AUTH_SEAL_EXTRA;

    dst = ngx_pnalloc(pool, len + 1);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_DECLINED;

    for (i = 0; rc == NGX_DECLINED && i < ring->nkeys; i++) {

        if (ring->keys[i].id != raw[0]) {
            continue;
        }

        rc = ngx_http_wix_auth_open_raw(ring->keys[i].derived[purpose], aad,
                                        &text, dst);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    dst[len] = '\0';

    plain->data = dst;
    plain->len = len;

    return NGX_OK;
}


ngx_int_t
ngx_http_wix_auth_seal_raw(const u_char key[32], ngx_str_t *aad,
    ngx_str_t *plain, u_char *dst)
{
    int              n;
    u_char          *text, *tag;
    ngx_int_t        rc;
    EVP_CIPHER_CTX  *ctx;

    if (plain->len > NGX_HTTP_WIX_AUTH_SEAL_MAX
        || ngx_http_wix_auth_crypto_fetch() != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;
    text = dst + NGX_HTTP_WIX_AUTH_RAW_NONCE;
    tag = text + plain->len;

    ctx = EVP_CIPHER_CTX_new();

    if (ctx == NULL
        || ngx_http_wix_auth_random(dst, NGX_HTTP_WIX_AUTH_RAW_NONCE) != NGX_OK
        || EVP_EncryptInit_ex(ctx, ngx_http_wix_auth_cipher, NULL, key, dst)
           != 1
        || ngx_http_wix_auth_gcm_aad(ctx, aad) != NGX_OK)
    {
        goto done;
    }

    if (plain->len
        && EVP_EncryptUpdate(ctx, text, &n, plain->data, (int) plain->len)
           != 1)
    {
        goto done;
    }

    /* GCM has nothing left to write here, but wants a place for it */

    if (EVP_EncryptFinal_ex(ctx, tag, &n) == 1
        && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG,
                               NGX_HTTP_WIX_AUTH_RAW_TAG, tag)
           == 1)
    {
        rc = NGX_OK;
    }

done:

    if (rc != NGX_OK) {
        ERR_clear_error();
    }

    EVP_CIPHER_CTX_free(ctx);

    return rc;
}


ngx_int_t
ngx_http_wix_auth_open_raw(const u_char key[32], ngx_str_t *aad,
    ngx_str_t *raw, u_char *dst)
{
    int              n;
    size_t           len;
    u_char          *text;
    ngx_int_t        rc;
    EVP_CIPHER_CTX  *ctx;

    if (ngx_http_wix_auth_crypto_fetch() != NGX_OK) {
        return NGX_ERROR;
    }

    if (raw->len < NGX_HTTP_WIX_AUTH_RAW_EXTRA
        || raw->len > NGX_HTTP_WIX_AUTH_SEAL_MAX)
    {
        return NGX_DECLINED;
    }

    rc = NGX_ERROR;
    text = raw->data + NGX_HTTP_WIX_AUTH_RAW_NONCE;
    len = raw->len - NGX_HTTP_WIX_AUTH_RAW_EXTRA;

    ctx = EVP_CIPHER_CTX_new();

    if (ctx
        && EVP_DecryptInit_ex(ctx, ngx_http_wix_auth_cipher, NULL, key,
                              raw->data)
           == 1
        && ngx_http_wix_auth_gcm_aad(ctx, aad) == NGX_OK
        && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG,
                               NGX_HTTP_WIX_AUTH_RAW_TAG, text + len)
           == 1
        && (len == 0
            || EVP_DecryptUpdate(ctx, dst, &n, text, (int) len) == 1))
    {
        rc = EVP_DecryptFinal_ex(ctx, dst + len, &n) == 1 ? NGX_OK
                                                          : NGX_DECLINED;
    }

    if (rc != NGX_OK) {
        ERR_clear_error();
        ngx_explicit_memzero(dst, len);
    }

    EVP_CIPHER_CTX_free(ctx);

    return rc;
}


u_char *
ngx_http_wix_auth_b64_encode(u_char *dst, const u_char *src, size_t len)
{
    const u_char  *b64;

    b64 = ngx_http_wix_auth_b64;

    for ( /* void */ ; len > 2; len -= 3, src += 3) {
        *dst++ = b64[src[0] >> 2];
        *dst++ = b64[((src[0] & 0x03) << 4) | (src[1] >> 4)];
        *dst++ = b64[((src[1] & 0x0f) << 2) | (src[2] >> 6)];
        *dst++ = b64[src[2] & 0x3f];
    }

    if (len == 1) {
        *dst++ = b64[src[0] >> 2];
        *dst++ = b64[(src[0] & 0x03) << 4];

    } else if (len == 2) {
        *dst++ = b64[src[0] >> 2];
        *dst++ = b64[((src[0] & 0x03) << 4) | (src[1] >> 4)];
        *dst++ = b64[(src[1] & 0x0f) << 2];
    }

    return dst;
}


ngx_int_t
ngx_http_wix_auth_b64_decode(u_char *dst, size_t *outlen, const u_char *src,
    size_t len)
{
    u_char     *start;
    size_t      i;
    uint32_t    bits;
    ngx_uint_t  n, value;

    *outlen = 0;

    if (len % 4 == 1) {
        return NGX_DECLINED;
    }

    start = dst;
    bits = 0;
    n = 0;

    for (i = 0; i < len; i++) {

        if (src[i] > 127) {
            return NGX_DECLINED;
        }

        value = ngx_http_wix_auth_b64_values[src[i]];

        if (value == 64) {
            return NGX_DECLINED;
        }

        bits = (bits << 6) | (uint32_t) value;
        n += 6;

        if (n >= 8) {
            n -= 8;
            *dst++ = (u_char) (bits >> n);
            bits &= (1U << n) - 1;
        }
    }

    /* else one value would have several forms */

    if (bits) {
        return NGX_DECLINED;
    }

    *outlen = dst - start;

    return NGX_OK;
}


void *
ngx_http_wix_auth_crypto_store(ngx_pool_t *pool, ngx_str_t *file,
    const char **err)
{
    X509_STORE          *store;
    ngx_pool_cleanup_t  *cln;

    *err = "no memory";

    cln = ngx_pool_cleanup_add(pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    ERR_clear_error();

    store = X509_STORE_new();
    if (store == NULL) {
        ERR_clear_error();
        return NULL;
    }

    cln->handler = ngx_http_wix_auth_store_cleanup;
    cln->data = store;

    if (ngx_http_wix_auth_store_load(store, pool, file, err) != NGX_OK) {
        store = NULL;
    }

    /* reading a bundle to its end leaves "no start line" behind */

    ERR_clear_error();

    return store;
}


ngx_int_t
ngx_http_wix_auth_crypto_use_store(void *ssl_ctx, void *store)
{
    if (ssl_ctx == NULL || store == NULL) {
        return NGX_ERROR;
    }

    SSL_CTX_set1_cert_store(ssl_ctx, store);

    return NGX_OK;
}


void
ngx_http_wix_auth_crypto_clear_errors(void)
{
    ERR_clear_error();
}


static ngx_int_t
ngx_http_wix_auth_crypto_fetch(void)
{
    if (ngx_http_wix_auth_cipher) {
        return NGX_OK;
    }

    if (ngx_http_wix_auth_md == NULL) {
        ngx_http_wix_auth_md = EVP_MD_fetch(NULL, "SHA256", NULL);
    }

    if (ngx_http_wix_auth_mac == NULL) {
        ngx_http_wix_auth_mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    }

    if (ngx_http_wix_auth_kdf == NULL) {
        ngx_http_wix_auth_kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    }

    if (ngx_http_wix_auth_md && ngx_http_wix_auth_mac
        && ngx_http_wix_auth_kdf)
    {
        ngx_http_wix_auth_cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    }

    ERR_clear_error();

    return ngx_http_wix_auth_cipher ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_wix_auth_derive(const u_char *secret, size_t len, const char *label,
    u_char *out, size_t outlen)
{
    ngx_int_t     rc;
    OSSL_PARAM    params[4];
    EVP_KDF_CTX  *ctx;

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                                 (char *) "SHA256", 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
                                                  (void *) secret, len);
    params[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
                                                  (void *) label,
                                                  ngx_strlen(label));
    params[3] = OSSL_PARAM_construct_end();

    rc = NGX_ERROR;

    ctx = EVP_KDF_CTX_new(ngx_http_wix_auth_kdf);

    if (ctx && EVP_KDF_derive(ctx, out, outlen, params) == 1) {
        rc = NGX_OK;

    } else {
        ERR_clear_error();
    }

    EVP_KDF_CTX_free(ctx);

    return rc;
}


static ngx_int_t
ngx_http_wix_auth_gcm_aad(EVP_CIPHER_CTX *ctx, ngx_str_t *aad)
{
    int  n;

    if (aad == NULL || aad->len == 0) {
        return NGX_OK;
    }

    if (aad->len > NGX_HTTP_WIX_AUTH_SEAL_MAX) {
        return NGX_ERROR;
    }

    if (EVP_CipherUpdate(ctx, NULL, &n, aad->data, (int) aad->len) != 1) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_store_load(X509_STORE *store, ngx_pool_t *pool,
    ngx_str_t *file, const char **err)
{
    u_char         *copy;
    const char     *path;
    unsigned long   code;

    if (file == NULL || file->len == 0) {
        path = ngx_http_wix_auth_store_system();

        if (path == NULL) {
            *err = "the system has no CA bundle";
            return NGX_ERROR;
        }

    } else {
        copy = ngx_pnalloc(pool, file->len + 1);
        if (copy == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(copy, file->data, file->len);
        copy[file->len] = '\0';

        path = (char *) copy;
    }

    if (X509_STORE_load_file(store, path) != 1) {
        code = ERR_peek_error();

        *err = (code && ERR_GET_LIB(code) == ERR_LIB_SYS)
                   ? "the CA bundle cannot be opened"
                   : "the CA bundle is empty or damaged";

        return NGX_ERROR;
    }

    /* a file of revocation lists loads as well */

    if (!ngx_http_wix_auth_store_has_cert(store)) {
        *err = "the CA bundle holds no certificate";
        return NGX_ERROR;
    }

    *err = NULL;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_wix_auth_store_has_cert(X509_STORE *store)
{
    int                     i;
    STACK_OF(X509_OBJECT)  *objects;

    objects = X509_STORE_get0_objects(store);

    for (i = 0; i < sk_X509_OBJECT_num(objects); i++) {

        if (X509_OBJECT_get_type(sk_X509_OBJECT_value(objects, i))
            == X509_LU_X509)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * X509_STORE_set_default_paths() would add a directory too, which is read
 * during a handshake and so would block the worker.
 */

static const char *
ngx_http_wix_auth_store_system(void)
{
    ngx_uint_t    i;
    const char   *path;

    path = getenv(X509_get_default_cert_file_env());

    if (path && *path) {
        return path;
    }

    path = X509_get_default_cert_file();

    for (i = 0; path; path = ngx_http_wix_auth_bundles[i++]) {

        if (access(path, R_OK) == 0) {
            return path;
        }
    }

    return NULL;
}


static void
ngx_http_wix_auth_store_cleanup(void *data)
{
    X509_STORE_free(data);
}
