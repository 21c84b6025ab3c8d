
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_transfer.h"
#include "ngx_http_wix_auth_crypto.h"

#include <curl/curl.h>


#ifdef NGX_HTTP_WIX_AUTH_VERSION
#define NGX_HTTP_WIX_AUTH_FETCH_AGENT                                        \
    "ngx_http_wix_auth_module/" NGX_HTTP_WIX_AUTH_VERSION
#else
#define NGX_HTTP_WIX_AUTH_FETCH_AGENT  "ngx_http_wix_auth_module/0.1"
#endif

#define NGX_HTTP_WIX_AUTH_FETCH_HEADERS      32768
#define NGX_HTTP_WIX_AUTH_FETCH_FIRST        4096
#define NGX_HTTP_WIX_AUTH_FETCH_LOCATION     2048
#define NGX_HTTP_WIX_AUTH_FETCH_ID           128
#define NGX_HTTP_WIX_AUTH_FETCH_RETRY_AFTER  3600

/* for how many seconds an idle connection may be used again */
#define NGX_HTTP_WIX_AUTH_FETCH_IDLE_AGE     50

/* sendings of one request at most, curl's own repetitions included */
#define NGX_HTTP_WIX_AUTH_FETCH_ATTEMPTS     4

/* CURLOPT_QUICK_EXIT */
#define NGX_HTTP_WIX_AUTH_FETCH_CURL         0x075700


static ngx_int_t ngx_http_wix_auth_fetch_setup_connection(
    ngx_http_wix_auth_fetch_transfer_t *t);
static ngx_int_t ngx_http_wix_auth_fetch_setup_tls(
    ngx_http_wix_auth_fetch_transfer_t *t);
static ngx_int_t ngx_http_wix_auth_fetch_setup_request(
    ngx_http_wix_auth_fetch_transfer_t *t);
static ngx_int_t ngx_http_wix_auth_fetch_setup_headers(
    ngx_http_wix_auth_fetch_transfer_t *t);
static ngx_int_t ngx_http_wix_auth_fetch_header(
    ngx_http_wix_auth_fetch_transfer_t *t, const char *line);
static CURLcode ngx_http_wix_auth_fetch_ssl_callback(CURL *easy, void *ctx,
    void *data);
static curl_socket_t ngx_http_wix_auth_fetch_socket_callback(void *data,
    curlsocktype purpose, struct curl_sockaddr *addr);
static int ngx_http_wix_auth_fetch_send_callback(void *data, char *peer,
    char *local, int peer_port, int local_port);
static size_t ngx_http_wix_auth_fetch_read_callback(char *buf, size_t size,
    size_t n, void *data);
static int ngx_http_wix_auth_fetch_seek_callback(void *data,
    curl_off_t offset, int origin);
static size_t ngx_http_wix_auth_fetch_body_callback(char *buf, size_t size,
    size_t n, void *data);
static size_t ngx_http_wix_auth_fetch_header_callback(char *buf, size_t size,
    size_t n, void *data);
static ngx_int_t ngx_http_wix_auth_fetch_grow(
    ngx_http_wix_auth_fetch_transfer_t *t, size_t need);
static ngx_uint_t ngx_http_wix_auth_fetch_match(ngx_str_t *line,
    const char *name, ngx_str_t *value);
static ngx_int_t ngx_http_wix_auth_fetch_parse_id(
    ngx_http_wix_auth_fetch_t *f, ngx_str_t *value);
static void ngx_http_wix_auth_fetch_parse_retry(ngx_http_wix_auth_fetch_t *f,
    ngx_str_t *value);
static ngx_int_t ngx_http_wix_auth_fetch_parse_location(
    ngx_http_wix_auth_fetch_t *f, ngx_str_t *value);


ngx_int_t
ngx_http_wix_auth_fetch_check(ngx_log_t *log)
{
    const char              *ssl, *p;
    curl_version_info_data  *info;

    info = curl_version_info(CURLVERSION_NOW);

    if (info->version_num < NGX_HTTP_WIX_AUTH_FETCH_CURL) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "libcurl 7.87 or newer is required, not %s",
                      info->version);
        return NGX_ERROR;
    }

    if (!(info->features & CURL_VERSION_ASYNCHDNS)) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "libcurl %s resolves names synchronously",
                      info->version);
        return NGX_ERROR;
    }

    ssl = info->ssl_version ? info->ssl_version : "";

    /* backends that are built in but not in use stand in parentheses */

    p = strstr(ssl, "OpenSSL/");

    if (!(info->features & CURL_VERSION_SSL)
        || p == NULL
        || (p != ssl && p[-1] == '('))
    {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "libcurl %s does not use OpenSSL but \"%s\"",
                      info->version, ssl);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_wix_auth_fetch_setup(ngx_http_wix_auth_fetch_transfer_t *t)
{
    u_char     *p;
    ngx_str_t   url;

    url = t->fetch.url;

    p = ngx_strlchr(url.data, url.data + url.len, '?');
    if (p) {
        url.len = p - url.data;
    }

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_http_wix_auth_fetch_worker.log, 0,
                   "wix auth fetch %p: %s \"%V\"", &t->fetch,
                   t->fetch.body.data ? "POST" : "GET", &url);

    if (url.len > 8 && ngx_strncasecmp(url.data, (u_char *) "https://", 8) == 0)
    {
        t->secure = 1;

    } else if (url.len <= 7
               || ngx_strncasecmp(url.data, (u_char *) "http://", 7) != 0)
    {
        return NGX_ERROR;
    }

    /* never without verification */

    if (t->secure && t->fetch.conf->store == NULL) {
        return NGX_ERROR;
    }

    if (t->fetch.outside && ngx_http_wix_auth_fetch_inner_url(&url)) {
        ngx_http_wix_auth_fetch_inner_log();
        return NGX_ERROR;
    }

    /* curl_global_init() comes first */

    if (ngx_http_wix_auth_fetch_multi(t->fetch.conf->store) == NULL) {
        return NGX_ERROR;
    }

    t->easy = curl_easy_init();
    if (t->easy == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_wix_auth_fetch_setup_connection(t) != NGX_OK
        || ngx_http_wix_auth_fetch_setup_tls(t) != NGX_OK
        || ngx_http_wix_auth_fetch_setup_headers(t) != NGX_OK
        || ngx_http_wix_auth_fetch_setup_request(t) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_fetch_setup_connection(
    ngx_http_wix_auth_fetch_transfer_t *t)
{
    long                              version;
    CURL                             *e;
    ngx_uint_t                        rc;
    ngx_http_wix_auth_fetch_conf_t   *conf;

    e = t->easy;
    conf = t->fetch.conf;

    version = CURL_HTTP_VERSION_1_1;

    if (t->secure && ngx_http_wix_auth_fetch_worker.http2) {
        version = CURL_HTTP_VERSION_2TLS;
    }

    rc = curl_easy_setopt(e, CURLOPT_PRIVATE, t);
    rc |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_URL, (char *) t->fetch.url.data);
    rc |= curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR,
                           t->secure ? "https" : "http");
    rc |= curl_easy_setopt(e, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    rc |= curl_easy_setopt(e, CURLOPT_HTTP_VERSION, version);
    rc |= curl_easy_setopt(e, CURLOPT_PIPEWAIT, t->secure ? 1L : 0L);
    rc |= curl_easy_setopt(e, CURLOPT_MAXAGE_CONN,
                           (long) NGX_HTTP_WIX_AUTH_FETCH_IDLE_AGE);

    /* ours come first: the transfer's deadline is a timer of nginx */

    rc |= curl_easy_setopt(e, CURLOPT_TIMEOUT_MS,
                           (long) conf->timeout + 1000L);
    rc |= curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
                           (long) conf->connect_timeout);

    /* not NULL: neither http_proxy nor no_proxy of the environment count */

    rc |= curl_easy_setopt(e, CURLOPT_PROXY,
                           conf->proxy.len ? (char *) conf->proxy.data : "");
    rc |= curl_easy_setopt(e, CURLOPT_NOPROXY, "");
    rc |= curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);

    /*
     * Through a proxy it is the proxy that looks up the name and connects:
     * its own address may well be private, and the host in the URL is all
     * that there is to check (in setup).
     */

    if (t->fetch.outside && conf->proxy.len == 0) {
        rc |= curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION,
                               ngx_http_wix_auth_fetch_socket_callback);
        rc |= curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t);
    }

    return (rc == CURLE_OK) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_wix_auth_fetch_setup_tls(ngx_http_wix_auth_fetch_transfer_t *t)
{
    CURL        *e;
    ngx_uint_t   rc;

    if (!t->secure) {
        return NGX_OK;
    }

    e = t->easy;

    rc = curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
    rc |= curl_easy_setopt(e, CURLOPT_SSLVERSION,
                           (long) CURL_SSLVERSION_TLSv1_2);

    /*
     * The store was parsed by the master.  Before 8.4.0 libcurl replaces it
     * by a store of its cache after the callback, unless there is no cache.
     */

    rc |= curl_easy_setopt(e, CURLOPT_CAINFO, NULL);
    rc |= curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
    rc |= curl_easy_setopt(e, CURLOPT_PROXY_CAINFO, NULL);
    rc |= curl_easy_setopt(e, CURLOPT_PROXY_CAPATH, NULL);
    rc |= curl_easy_setopt(e, CURLOPT_CA_CACHE_TIMEOUT, 0L);
    rc |= curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION,
                           ngx_http_wix_auth_fetch_ssl_callback);
    rc |= curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, t->fetch.conf->store);

    return (rc == CURLE_OK) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_wix_auth_fetch_setup_request(ngx_http_wix_auth_fetch_transfer_t *t)
{
    CURL        *e;
    ngx_uint_t   rc;

    e = t->easy;

    rc = curl_easy_setopt(e, CURLOPT_USERAGENT,
                          NGX_HTTP_WIX_AUTH_FETCH_AGENT);
    rc |= curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->headers);
    rc |= curl_easy_setopt(e, CURLOPT_HEADEROPT, (long) CURLHEADER_SEPARATE);

    rc |= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION,
                           ngx_http_wix_auth_fetch_body_callback);
    rc |= curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
    rc |= curl_easy_setopt(e, CURLOPT_HEADERFUNCTION,
                           ngx_http_wix_auth_fetch_header_callback);
    rc |= curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
    rc |= curl_easy_setopt(e, CURLOPT_PREREQFUNCTION,
                           ngx_http_wix_auth_fetch_send_callback);
    rc |= curl_easy_setopt(e, CURLOPT_PREREQDATA, t);

    if (t->fetch.body.data == NULL) {
        rc |= curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);

        return (rc == CURLE_OK) ? NGX_OK : NGX_ERROR;
    }

    /* not POSTFIELDS: curl would send those again without asking */

    rc |= curl_easy_setopt(e, CURLOPT_POST, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
                           (curl_off_t) t->fetch.body.len);
    rc |= curl_easy_setopt(e, CURLOPT_READFUNCTION,
                           ngx_http_wix_auth_fetch_read_callback);
    rc |= curl_easy_setopt(e, CURLOPT_READDATA, t);
    rc |= curl_easy_setopt(e, CURLOPT_SEEKFUNCTION,
                           ngx_http_wix_auth_fetch_seek_callback);
    rc |= curl_easy_setopt(e, CURLOPT_SEEKDATA, t);

    return (rc == CURLE_OK) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_wix_auth_fetch_setup_headers(ngx_http_wix_auth_fetch_transfer_t *t)
{
    size_t      i, len;
    u_char     *p;
    ngx_int_t   rc;
    ngx_str_t  *auth;

    if (ngx_http_wix_auth_fetch_header(t, t->fetch.page
                                          ? "Accept: */*"
                                          : "Accept: application/json")
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (t->fetch.body.data) {
        if (ngx_http_wix_auth_fetch_header(t, "Content-Type: application/json")
            != NGX_OK
            || ngx_http_wix_auth_fetch_header(t, "Expect:") != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    auth = &t->fetch.authorization;

    if (auth->len == 0) {
        return NGX_OK;
    }

    for (i = 0; i < auth->len; i++) {
        if (auth->data[i] < 0x20 || auth->data[i] == 0x7f) {
            return NGX_ERROR;
        }
    }

    len = sizeof("Authorization: ") + auth->len;

    p = ngx_pnalloc(t->fetch.pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(p, "Authorization: %V%Z", auth);

    rc = ngx_http_wix_auth_fetch_header(t, (char *) p);

    ngx_explicit_memzero(p, len);

    return rc;
}


static ngx_int_t
ngx_http_wix_auth_fetch_header(ngx_http_wix_auth_fetch_transfer_t *t,
    const char *line)
{
    struct curl_slist  *list;

    list = curl_slist_append(t->headers, line);
    if (list == NULL) {
        return NGX_ERROR;
    }

    t->headers = list;

    return NGX_OK;
}


void
ngx_http_wix_auth_fetch_cleanup(ngx_http_wix_auth_fetch_transfer_t *t)
{
    struct curl_slist                 *h;
    ngx_http_wix_auth_fetch_worker_t  *w;

    w = &ngx_http_wix_auth_fetch_worker;

    if (t->easy) {
        w->inside++;
        curl_easy_cleanup(t->easy);
        w->inside--;
    }

    for (h = t->headers; h; h = h->next) {
        ngx_explicit_memzero(h->data, ngx_strlen(h->data));
    }

    curl_slist_free_all(t->headers);
}


void
ngx_http_wix_auth_fetch_reset(ngx_http_wix_auth_fetch_transfer_t *t)
{
    ngx_http_wix_auth_fetch_t  *f;

    f = &t->fetch;

    f->status = 0;
    f->retry_after = -1;
    ngx_str_null(&f->answer);
    ngx_str_null(&f->request_id);
    ngx_http_wix_auth_fetch_wipe(&f->location);

    t->answer.len = 0;
    t->received = 0;
}


ngx_uint_t
ngx_http_wix_auth_fetch_error(ngx_http_wix_auth_fetch_transfer_t *t,
    ngx_uint_t rc)
{
    long  status;

    switch (rc) {

    case CURLE_OK:
        return NGX_HTTP_WIX_AUTH_FETCH_DONE;

    case CURLE_OPERATION_TIMEDOUT:
        return NGX_HTTP_WIX_AUTH_FETCH_TIMEOUT;

    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
        return NGX_HTTP_WIX_AUTH_FETCH_CONNECT;

    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_OBSOLETE51:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
        return NGX_HTTP_WIX_AUTH_FETCH_TLS;

    case CURLE_WRITE_ERROR:
        return t->too_large ? NGX_HTTP_WIX_AUTH_FETCH_TOO_LARGE
                            : NGX_HTTP_WIX_AUTH_FETCH_INTERNAL;

#if (LIBCURL_VERSION_NUM >= 0x080600)
    case CURLE_TOO_LARGE:    /* a header, in curl's own opinion */
        return NGX_HTTP_WIX_AUTH_FETCH_TOO_LARGE;
#endif

    case CURLE_ABORTED_BY_CALLBACK:
        if (t->inner) {
            return NGX_HTTP_WIX_AUTH_FETCH_CONNECT;
        }

        return (t->resend || t->dead) ? NGX_HTTP_WIX_AUTH_FETCH_BROKEN
                                      : NGX_HTTP_WIX_AUTH_FETCH_INTERNAL;

    case CURLE_FAILED_INIT:
    case CURLE_URL_MALFORMAT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_UNKNOWN_OPTION:
        return NGX_HTTP_WIX_AUTH_FETCH_INTERNAL;

    default:
        break;
    }

    /* a proxy that refuses CONNECT is error 56 like a reset */

    status = 0;
    (void) curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &status);

    return (status >= 300) ? NGX_HTTP_WIX_AUTH_FETCH_CONNECT
                           : NGX_HTTP_WIX_AUTH_FETCH_BROKEN;
}


/*
 * Whether no server can have acted on the request: without the whole body
 * there is none, and without a body not a byte may have left.
 */

ngx_uint_t
ngx_http_wix_auth_fetch_unsent(ngx_http_wix_auth_fetch_transfer_t *t)
{
    long  size;

    if (t->fetch.body.len) {
        return t->given == 0;
    }

    size = -1;
    (void) curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &size);

    return size == 0;
}


static CURLcode
ngx_http_wix_auth_fetch_ssl_callback(CURL *easy, void *ctx, void *data)
{
    if (ngx_http_wix_auth_crypto_use_store(ctx, data) != NGX_OK) {
        return CURLE_OUT_OF_MEMORY;
    }

    return CURLE_OK;
}


/* the address is the one that the name has been found to have */

static curl_socket_t
ngx_http_wix_auth_fetch_socket_callback(void *data, curlsocktype purpose,
    struct curl_sockaddr *addr)
{
    if (ngx_http_wix_auth_fetch_inner(&addr->addr)) {
        ngx_http_wix_auth_fetch_inner_log();
        return CURL_SOCKET_BAD;
    }

    return socket(addr->family, addr->socktype, addr->protocol);
}


/*
 * Called before each sending of the request.  curl sends again by itself
 * when a reused connection turns out to be dead; its seek callback is not
 * asked when the loss shows before curl has counted what it sent.  That it
 * is dead should show here, while nobody can have seen the request.
 */

static int
ngx_http_wix_auth_fetch_send_callback(void *data, char *peer, char *local,
    int peer_port, int local_port)
{
    ngx_http_wix_auth_fetch_transfer_t  *t;

    t = data;
    t->fetch.connected = 1;

    if (ngx_http_wix_auth_fetch_inner_peer(t, peer)) {
        ngx_http_wix_auth_fetch_inner_log();
        t->inner = 1;
        return CURL_PREREQFUNC_ABORT;
    }

    if (t->attempts) {

        if (t->attempts >= NGX_HTTP_WIX_AUTH_FETCH_ATTEMPTS
            || (!t->fetch.idempotent && !ngx_http_wix_auth_fetch_unsent(t)))
        {
            t->resend = 1;
            return CURL_PREREQFUNC_ABORT;
        }

        t->given = 0;
        ngx_http_wix_auth_fetch_reset(t);
    }

    if (ngx_http_wix_auth_fetch_dead(t, ngx_max(local_port, 0))) {
        t->dead = 1;

        /* of HTTP/2 curl would keep it */

        (void) curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 1L);

        return CURL_PREREQFUNC_ABORT;
    }

    t->attempts++;

    return CURL_PREREQFUNC_OK;
}


static size_t
ngx_http_wix_auth_fetch_read_callback(char *buf, size_t size, size_t n,
    void *data)
{
    ngx_http_wix_auth_fetch_transfer_t  *t;

    t = data;

    n = ngx_min(n * size, t->fetch.body.len - t->given);

    if (n) {
        ngx_memcpy(buf, t->fetch.body.data + t->given, n);
        t->given += n;
    }

    return n;
}


static int
ngx_http_wix_auth_fetch_seek_callback(void *data, curl_off_t offset,
    int origin)
{
    ngx_http_wix_auth_fetch_transfer_t  *t;

    t = data;

    if (origin != SEEK_SET
        || offset < 0
        || offset > (curl_off_t) t->fetch.body.len)
    {
        return CURL_SEEKFUNC_FAIL;
    }

    if (!t->fetch.idempotent && t->given) {
        t->resend = 1;
        return CURL_SEEKFUNC_FAIL;
    }

    t->given = (size_t) offset;

    return CURL_SEEKFUNC_OK;
}


static size_t
ngx_http_wix_auth_fetch_body_callback(char *buf, size_t size, size_t n,
    void *data)
{
    ngx_http_wix_auth_fetch_transfer_t  *t;

    t = data;
    n *= size;

    if (n == 0) {
        return 0;
    }

    if (n > NGX_HTTP_WIX_AUTH_FETCH_BODY - t->answer.len) {
        t->too_large = 1;
        return 0;
    }

    if (ngx_http_wix_auth_fetch_grow(t, t->answer.len + n) != NGX_OK) {
        return 0;
    }

    ngx_memcpy(t->answer.data + t->answer.len, buf, n);
    t->answer.len += n;

    return n;
}


static size_t
ngx_http_wix_auth_fetch_header_callback(char *buf, size_t size, size_t n,
    void *data)
{
    ngx_int_t                            rc;
    ngx_str_t                            line, value;
    ngx_http_wix_auth_fetch_t           *f;
    ngx_http_wix_auth_fetch_transfer_t  *t;

    t = data;
    f = &t->fetch;
    n *= size;

    t->received += n;

    if (t->received > NGX_HTTP_WIX_AUTH_FETCH_HEADERS) {
        t->too_large = 1;
        return 0;
    }

    line.data = (u_char *) buf;
    line.len = n;

    if (n > 5 && ngx_strncmp(line.data, "HTTP/", 5) == 0) {

        /* what came before was a 1xx answer */

        f->retry_after = -1;
        ngx_str_null(&f->request_id);
        ngx_http_wix_auth_fetch_wipe(&f->location);

        return n;
    }

    rc = NGX_OK;

    if (ngx_http_wix_auth_fetch_match(&line, "x-wix-request-id", &value)) {
        rc = ngx_http_wix_auth_fetch_parse_id(f, &value);

    } else if (ngx_http_wix_auth_fetch_match(&line, "retry-after", &value)) {
        ngx_http_wix_auth_fetch_parse_retry(f, &value);

    } else if (ngx_http_wix_auth_fetch_match(&line, "location", &value)) {
        rc = ngx_http_wix_auth_fetch_parse_location(f, &value);
    }

    return (rc == NGX_OK) ? n : 0;
}


static ngx_int_t
ngx_http_wix_auth_fetch_grow(ngx_http_wix_auth_fetch_transfer_t *t,
    size_t need)
{
    size_t   size;
    u_char  *p;

    if (need <= t->size) {
        return NGX_OK;
    }

    size = t->size ? t->size : NGX_HTTP_WIX_AUTH_FETCH_FIRST;

    while (size < need) {
        size *= 2;
    }

    p = ngx_alloc(size, ngx_http_wix_auth_fetch_worker.log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (t->answer.data) {
        ngx_memcpy(p, t->answer.data, t->answer.len);
        ngx_explicit_memzero(t->answer.data, t->size);
        ngx_free(t->answer.data);
    }

    t->answer.data = p;
    t->size = size;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_wix_auth_fetch_match(ngx_str_t *line, const char *name,
    ngx_str_t *value)
{
    size_t   len;
    u_char  *p, *last;

    len = ngx_strlen(name);

    if (line->len <= len
        || line->data[len] != ':'
        || ngx_strncasecmp(line->data, (u_char *) name, len) != 0)
    {
        return 0;
    }

    p = line->data + len + 1;
    last = line->data + line->len;

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    while (p < last && last[-1] <= ' ') {
        last--;
    }

    value->data = p;
    value->len = last - p;

    return 1;
}


static ngx_int_t
ngx_http_wix_auth_fetch_parse_id(ngx_http_wix_auth_fetch_t *f,
    ngx_str_t *value)
{
    size_t   i;
    u_char   ch, *p;

    p = ngx_pnalloc(f->pool, NGX_HTTP_WIX_AUTH_FETCH_ID);
    if (p == NULL) {
        return NGX_ERROR;
    }

    f->request_id.data = p;
    f->request_id.len = 0;

    for (i = 0; i < value->len; i++) {
        ch = value->data[i];

        if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
            || (ch >= '0' && ch <= '9')
            || ch == '.' || ch == '_' || ch == ':' || ch == '-')
        {
            p[f->request_id.len++] = ch;

            if (f->request_id.len == NGX_HTTP_WIX_AUTH_FETCH_ID) {
                break;
            }
        }
    }

    return NGX_OK;
}


/* seconds only; a date says nothing without the server's clock */

static void
ngx_http_wix_auth_fetch_parse_retry(ngx_http_wix_auth_fetch_t *f,
    ngx_str_t *value)
{
    size_t      i;
    ngx_int_t   n;

    f->retry_after = -1;

    if (value->len == 0) {
        return;
    }

    n = 0;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < '0' || value->data[i] > '9') {
            return;
        }

        n = n * 10 + (value->data[i] - '0');
        n = ngx_min(n, NGX_HTTP_WIX_AUTH_FETCH_RETRY_AFTER);
    }

    f->retry_after = n;
}


static ngx_int_t
ngx_http_wix_auth_fetch_parse_location(ngx_http_wix_auth_fetch_t *f,
    ngx_str_t *value)
{
    size_t   i;
    u_char  *p;

    ngx_http_wix_auth_fetch_wipe(&f->location);

    if (value->len > NGX_HTTP_WIX_AUTH_FETCH_LOCATION) {
        return NGX_OK;
    }

    for (i = 0; i < value->len; i++) {
        if (value->data[i] <= 0x20 || value->data[i] == 0x7f) {
            return NGX_OK;
        }
    }

    p = ngx_pnalloc(f->pool, value->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, value->data, value->len);
    p[value->len] = '\0';

    f->location.data = p;
    f->location.len = value->len;

    return NGX_OK;
}
