
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "unit.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <openssl/ssl.h>


void
test_siphash(void)
{
    u_char        key[16], data[64], out[16], other[16], *copy;
    size_t        i, n, size;
    EVP_MAC      *mac;
    ngx_uint_t    bad;
    OSSL_PARAM    params[4];
    unsigned int  c = 1, d = 3;
    EVP_MAC_CTX  *ctx;

    for (i = 0; i < 64; i++) {
        data[i] = (u_char) i;
    }

    memcpy(key, data, 16);

    mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    ctx = EVP_MAC_CTX_new(mac);
    size = 16;
    params[0] = OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size);
    params[1] = OSSL_PARAM_construct_uint(OSSL_MAC_PARAM_C_ROUNDS, &c);
    params[2] = OSSL_PARAM_construct_uint(OSSL_MAC_PARAM_D_ROUNDS, &d);
    params[3] = OSSL_PARAM_construct_end();

    for (bad = 0, i = 0; i <= 64; i++) {
        copy = bytes((char *) data, i).data;
        ngx_http_wix_auth_siphash(key, copy, i, out);

        bad += EVP_MAC_init(ctx, key, 16, params) != 1
               || EVP_MAC_update(ctx, data, i) != 1
               || EVP_MAC_final(ctx, other, &n, 16) != 1
               || memcmp(out, other, 16) != 0;
    }

    ok(bad == 0, "SipHash-1-3 is OpenSSL's, 0 to 64 bytes");

    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
}


void
test_digests(void)
{
    u_char      key[32], out[32], other[32], a[32], b[32], input[64];
    ngx_str_t   parts[3];
    unsigned    n;

    ok(ngx_http_wix_auth_sha256((u_char *) "abc", 3, out) == NGX_OK
       && hex_is(out, 32, "ba7816bf8f01cfea414140de5dae2223"
                          "b00361a396177a9cb410ff61f20015ad"),
       "sha256 of abc");

    ok(ngx_http_wix_auth_sha256(NULL, 0, out) == NGX_OK
       && hex_is(out, 32, "e3b0c44298fc1c149afbf4c8996fb924"
                          "27ae41e4649b934ca495991b7852b855"),
       "sha256 of nothing");

    memset(key, 7, 32);
    parts[0] = text("ab");
    parts[1] = text("");
    parts[2] = text("cde");

    memcpy(input, "\0\0\0\2ab\0\0\0\0\0\0\0\3cde", 17);
    HMAC(EVP_sha256(), key, 32, input, 17, other, &n);

    ok(ngx_http_wix_auth_hmac(key, parts, 3, out) == NGX_OK
       && memcmp(out, other, 32) == 0,
       "hmac is HMAC-SHA-256 over length and bytes of each part");

    parts[0] = text("a");
    parts[1] = text("b");
    ngx_http_wix_auth_hmac(key, parts, 3, a);
    parts[0] = text("abc");
    parts[2] = text("de");
    parts[1] = text("");
    ngx_http_wix_auth_hmac(key, parts, 3, b);
    ok(memcmp(a, out, 32) != 0 && memcmp(b, out, 32) != 0
       && memcmp(a, b, 32) != 0,
       "hmac tells apart lists of which only the boundaries differ");

    ngx_str_null(&parts[2]);
    ngx_http_wix_auth_hmac(key, parts, 2, a);
    ngx_http_wix_auth_hmac(key, parts, 3, b);
    ok(memcmp(a, b, 32) != 0, "hmac: an empty part counts");
    ok(ngx_http_wix_auth_hmac(key, NULL, 0, a) == NGX_OK, "hmac of no parts");

    ok(ngx_http_wix_auth_equal(a, a, 32) && !ngx_http_wix_auth_equal(a, b, 32)
       && ngx_http_wix_auth_equal(a, b, 0), "equal");

    memset(a, 0, 32);
    ok(ngx_http_wix_auth_random(a, 32) == NGX_OK && !zeroes(a, 32)
       && ngx_http_wix_auth_random(b, 32) == NGX_OK && memcmp(a, b, 32) != 0,
       "random");
}


/* RFC 5869 by hand: extract with a salt of zeros, one block of expand */

static void
hkdf(const char *secret, const char *label, u_char out[32])
{
    u_char    salt[32], prk[32], info[64];
    size_t    len;
    unsigned  n;

    memset(salt, 0, 32);
    HMAC(EVP_sha256(), salt, 32, (u_char *) secret, strlen(secret), prk, &n);

    len = strlen(label);
    memcpy(info, label, len);
    info[len] = 1;
    HMAC(EVP_sha256(), prk, 32, info, len + 1, out, &n);
}


void
test_ring(void)
{
    u_char                     out[32];
    char                       secret[64];
    ngx_uint_t                 i, j, bad;
    ngx_http_wix_auth_ring_t   ring, again;

    static const char  *labels[] = {
        "wix_auth session cookie", "wix_auth oauth state",
        "wix_auth pkce verifier", "wix_auth returns cookie",
        "wix_auth state token", "wix_auth state file"
    };

    memset(&ring, 0, sizeof(ring));
    memset(&again, 0, sizeof(again));
    strcpy(secret, "0123456789abcdef0123456789abcdef");

    ok(ngx_http_wix_auth_ring_add(&ring, (u_char *) secret, 31) == NGX_ERROR
       && ring.nkeys == 0, "ring: 31 bytes are too few");
    ok(ngx_http_wix_auth_ring_add(&ring, (u_char *) secret, 32) == NGX_OK
       && ring.nkeys == 1, "ring: 32 bytes");
    ok(ngx_http_wix_auth_ring_add(&ring, (u_char *) secret, 32) == NGX_ABORT
       && ring.nkeys == 1, "ring: the same secret again");

    for (bad = 0, i = 0; i < NGX_HTTP_WIX_AUTH_KEY_MAX; i++) {
        hkdf(secret, labels[i], out);
        bad += memcmp(out, ring.keys[0].derived[i], 32) != 0;

        for (j = 0; j < i; j++) {
            bad += memcmp(ring.keys[0].derived[i], ring.keys[0].derived[j],
                          32) == 0;
        }
    }

    ok(bad == 0, "ring: HKDF-SHA-256, another key for each purpose");

    hkdf(secret, "wix_auth key id", out);
    ok(ring.keys[0].id == out[0], "ring: the id is derived");

    ngx_http_wix_auth_ring_add(&again, (u_char *) secret, 32);
    ok(memcmp(&again.keys[0], &ring.keys[0], sizeof(ring.keys[0])) == 0,
       "ring: the same on every node");

    for (i = 1; i < NGX_HTTP_WIX_AUTH_RING_MAX; i++) {
        secret[0] = (char) ('a' + i);
        ngx_http_wix_auth_ring_add(&ring, (u_char *) secret, 32);
    }

    ok(ring.nkeys == NGX_HTTP_WIX_AUTH_RING_MAX, "ring: eight keys");

    secret[0] = 'Z';
    ok(ngx_http_wix_auth_ring_add(&ring, (u_char *) secret, 32) == NGX_BUSY
       && ring.nkeys == NGX_HTTP_WIX_AUTH_RING_MAX, "ring: full");
}


void
test_seal(void)
{
    size_t                     i, j;
    ngx_int_t                  rc;
    ngx_str_t                  aad, other, plain, sealed, second, out;
    ngx_uint_t                 bad;
    ngx_http_wix_auth_ring_t   one, two, both;

    memset(&one, 0, sizeof(one));
    memset(&two, 0, sizeof(two));
    memset(&both, 0, sizeof(both));

    ngx_http_wix_auth_ring_add(&one, (u_char *)
                               "0123456789abcdef0123456789abcdef", 32);
    ngx_http_wix_auth_ring_add(&two, (u_char *)
                               "x123456789abcdef0123456789abcdef", 32);
    both.nkeys = 2;
    both.keys[0] = two.keys[0];
    both.keys[1] = one.keys[0];

    aad = text("binding");
    other = text("bindinG");
    plain = text("/account?tab=orders");

    ok(ngx_http_wix_auth_seal(&one, NGX_HTTP_WIX_AUTH_KEY_RETURNS, &aad,
                              &plain, pool, &sealed) == NGX_OK
       && ngx_http_wix_auth_open(&one, NGX_HTTP_WIX_AUTH_KEY_RETURNS, &aad,
                                 &sealed, pool, &out) == NGX_OK
       && same(&out, "/account?tab=orders") && out.data[out.len] == '\0',
       "seal and open");

    ngx_http_wix_auth_seal(&one, NGX_HTTP_WIX_AUTH_KEY_RETURNS, &aad, &plain,
                           pool, &second);
    ok(second.len == sealed.len
       && memcmp(second.data, sealed.data, sealed.len) != 0,
       "seal: another nonce each time");

    ok(ngx_http_wix_auth_open(&both, NGX_HTTP_WIX_AUTH_KEY_RETURNS, &aad,
                              &sealed, pool, &out) == NGX_OK,
       "open: an older key of the ring");
    ok(ngx_http_wix_auth_open(&two, NGX_HTTP_WIX_AUTH_KEY_RETURNS, &aad,
                              &sealed, pool, &out) == NGX_DECLINED
       && out.len == 0, "open: another key");

    both.keys[0].id = both.keys[1].id;
    ok(ngx_http_wix_auth_open(&both, NGX_HTTP_WIX_AUTH_KEY_RETURNS, &aad,
                              &sealed, pool, &out) == NGX_OK,
       "open: two keys of one id");

    both.nkeys = 1;
    ok(ngx_http_wix_auth_open(&both, NGX_HTTP_WIX_AUTH_KEY_RETURNS, &aad,
                              &sealed, pool, &out) == NGX_DECLINED,
       "open: the id alone is not enough");

    for (bad = 0, i = 0; i < NGX_HTTP_WIX_AUTH_KEY_MAX; i++) {
        ngx_http_wix_auth_seal(&one, i, &aad, &plain, pool, &second);

        for (j = 0; j < NGX_HTTP_WIX_AUTH_KEY_MAX; j++) {
            rc = ngx_http_wix_auth_open(&one, j, &aad, &second, pool, &out);
            bad += rc != ((i == j) ? NGX_OK : NGX_DECLINED);
        }
    }

    ok(bad == 0, "open: what was sealed for one purpose, for no other");
    ok(ngx_http_wix_auth_open(&one, NGX_HTTP_WIX_AUTH_KEY_RETURNS, &other,
                              &sealed, pool, &out) == NGX_DECLINED
       && ngx_http_wix_auth_open(&one, NGX_HTTP_WIX_AUTH_KEY_RETURNS, NULL,
                                 &sealed, pool, &out) == NGX_DECLINED,
       "open: other AAD, or none");
}


void
test_seal_bits(void)
{
    u_char                     raw[256];
    size_t                     i, len;
    ngx_str_t                  aad, plain, sealed, bent, out;
    ngx_uint_t                 bad;
    ngx_http_wix_auth_ring_t   one;

    memset(&one, 0, sizeof(one));
    ngx_http_wix_auth_ring_add(&one, (u_char *)
                               "0123456789abcdef0123456789abcdef", 32);

    aad = text("binding");
    plain = text("/account?tab=orders");
    ngx_http_wix_auth_seal(&one, NGX_HTTP_WIX_AUTH_KEY_RETURNS, &aad, &plain,
                           pool, &sealed);

    ngx_http_wix_auth_b64_decode(raw, &len, sealed.data, sealed.len);
    bent = bytes((char *) sealed.data, sealed.len);

    for (bad = 0, i = 0; i < len * 8; i++) {
        raw[i / 8] ^= (u_char) (1 << (i % 8));
        ngx_http_wix_auth_b64_encode(bent.data, raw, len);
        raw[i / 8] ^= (u_char) (1 << (i % 8));

        bad += ngx_http_wix_auth_open(&one, NGX_HTTP_WIX_AUTH_KEY_RETURNS,
                                      &aad, &bent, pool, &out) != NGX_DECLINED;
    }

    ok(bad == 0, "open: each of %lu bits matters", (unsigned long) len * 8);

    for (bad = 0, i = 0; i < sealed.len; i++) {
        bent = bytes((char *) sealed.data, i);
        bad += ngx_http_wix_auth_open(&one, NGX_HTTP_WIX_AUTH_KEY_RETURNS,
                                      &aad, &bent, pool, &out) != NGX_DECLINED;
    }

    ok(bad == 0, "open: every shorter value is refused");

    plain = text("");
    ok(ngx_http_wix_auth_seal(&one, NGX_HTTP_WIX_AUTH_KEY_STATE_TOKEN, NULL,
                              &plain, pool, &sealed) == NGX_OK
       && sealed.len == NGX_HTTP_WIX_AUTH_B64_LEN(29)
       && ngx_http_wix_auth_open(&one, NGX_HTTP_WIX_AUTH_KEY_STATE_TOKEN, NULL,
                                 &sealed, pool, &out) == NGX_OK
       && out.len == 0 && out.data[0] == '\0', "seal and open nothing");

    one.nkeys = 0;
    ok(ngx_http_wix_auth_seal(&one, 0, NULL, &plain, pool, &sealed)
       == NGX_ERROR
       && ngx_http_wix_auth_open(&one, 0, NULL, &bent, pool, &out)
          == NGX_DECLINED
       && ngx_http_wix_auth_seal(&one, NGX_HTTP_WIX_AUTH_KEY_MAX, NULL,
                                 &plain, pool, &sealed) == NGX_ERROR,
       "seal: no key, no such purpose");
    ok(ERR_peek_error() == 0, "OpenSSL's error queue is empty");
}


void
test_base64(void)
{
    u_char      raw[64], out[64], enc[96], *end;
    size_t      i, len;
    ngx_str_t   s;
    ngx_uint_t  bad, c;

    static const char  *wrong[] = {
        "A", "AA=", "AA==", "AAA=", "AB", "AAB", "AA+A", "AA/A", "AA A",
        "AAAA\n", "\nAAAA", "AA.A", "AAAA=", "A-_B=", "AAAAA", "Zh", "Zm9"
    };

    for (bad = 0, i = 0; i < 48; i++) {
        ngx_http_wix_auth_random(raw, i);
        end = ngx_http_wix_auth_b64_encode(enc, raw, i);
        bad += (size_t) (end - enc) != NGX_HTTP_WIX_AUTH_B64_LEN(i);

        s = bytes((char *) enc, end - enc);
        bad += ngx_http_wix_auth_b64_decode(out, &len, s.data, s.len) != NGX_OK
               || len != i || memcmp(raw, out, i) != 0;
    }

    ok(bad == 0, "base64url: round trip of 0 to 47 bytes");

    end = ngx_http_wix_auth_b64_encode(enc, (u_char *) "\xfb\xff\xfe", 3);
    ok(end - enc == 4 && memcmp(enc, "-__-", 4) == 0, "base64url: - and _");

    for (i = 0; i < nelems(wrong); i++) {
        ok(ngx_http_wix_auth_b64_decode(out, &len, (u_char *) wrong[i],
                                        strlen(wrong[i])) == NGX_DECLINED,
           "base64url: not \"%s\"", wrong[i]);
    }

    for (bad = 0, c = 0; c < 256; c++) {
        memset(enc, (int) c, 4);
        bad += (ngx_http_wix_auth_b64_decode(out, &len, enc, 4) == NGX_OK)
               != (c < 128 && (isalnum((int) c) || c == '-' || c == '_'));
    }

    ok(bad == 0, "base64url: no foreign byte");
}


void
test_store(void)
{
    FILE        *file;
    SSL_CTX     *ctx;
    ngx_str_t    name;
    ngx_pool_t  *p;
    const char  *err;

    p = ngx_create_pool(0, pool->log);
    name = text("/nonexistent/ca.pem");

    ok(ngx_http_wix_auth_crypto_store(p, &name, &err) == NULL
       && strstr(err, "cannot be opened"), "store: no file");

    file = fopen("build/unit/empty.pem", "w");
    if (file) {
        fputs("nothing\n", file);
        fclose(file);
    }

    name = text("build/unit/empty.pem");
    ok(ngx_http_wix_auth_crypto_store(p, &name, &err) == NULL
       && strstr(err, "empty or damaged"), "store: no certificate");
    ok(ERR_peek_error() == 0, "store: the error queue is empty");

    /* the bundles that we know, not the one that this shell prefers */

    unsetenv("SSL_CERT_FILE");

    if (access("/etc/ssl/certs/ca-certificates.crt", R_OK) == 0) {
        ctx = SSL_CTX_new(TLS_method());
        ok(ngx_http_wix_auth_crypto_use_store(ctx,
               ngx_http_wix_auth_crypto_store(p, NULL, &err)) == NGX_OK
           && err == NULL, "store: the system's");
        SSL_CTX_free(ctx);
    }

    ok(ngx_http_wix_auth_crypto_use_store(NULL, NULL) == NGX_ERROR,
       "store: none");

    ngx_destroy_pool(p);

    ERR_raise(ERR_LIB_USER, 1);
    ngx_http_wix_auth_crypto_clear_errors();
    ok(ERR_peek_error() == 0, "store: errors can be cleared");
}
