
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_wix_auth_crypto.h"
#include "ngx_http_wix_auth_markup.h"


#define NGX_HTTP_WIX_AUTH_MARKUP_MAX_SIZE  (256 * 1024)

#define NGX_HTTP_WIX_AUTH_MARKUP_HASH_LEN                                     \
    (sizeof(" 'sha256-'") - 1 + ngx_base64_encoded_length(32))

#define NGX_HTTP_WIX_AUTH_MARKUP_GOOGLE                                       \
    " https://www.google.com/recaptcha/"

/* a site of Wix is https; an emulator on this machine need not be */
#define NGX_HTTP_WIX_AUTH_MARKUP_SITES                                        \
    " https: http://localhost:* http://127.0.0.1:*"


typedef enum {
    NGX_HTTP_WIX_AUTH_MARKUP_TAG = 0,
    NGX_HTTP_WIX_AUTH_MARKUP_STYLE,       /* with its content */
    NGX_HTTP_WIX_AUTH_MARKUP_SCRIPT,
    NGX_HTTP_WIX_AUTH_MARKUP_OUTSIDE      /* a script or style sheet of
                                             another address */
} ngx_http_wix_auth_markup_e;


typedef struct {
    ngx_uint_t    kind;
    u_char       *start;
    ngx_str_t     name;
    ngx_str_t     refused;      /* an attribute with script or style */
    ngx_str_t     content;      /* of STYLE and SCRIPT */
    unsigned      src:1;
    unsigned      sheet:1;
} ngx_http_wix_auth_markup_t;


static ngx_int_t ngx_http_wix_auth_markup_load(ngx_conf_t *cf, ngx_fd_t fd,
    ngx_str_t *name, ngx_str_t *text);
static ngx_int_t ngx_http_wix_auth_markup_clean(ngx_conf_t *cf,
    ngx_str_t *name, ngx_str_t *text);
static void ngx_http_wix_auth_markup_warn(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *text);
static u_char *ngx_http_wix_auth_markup_next(u_char *p, u_char *end,
    ngx_http_wix_auth_markup_t *tag);
static u_char *ngx_http_wix_auth_markup_attributes(u_char *p, u_char *end,
    ngx_http_wix_auth_markup_t *tag);
static u_char *ngx_http_wix_auth_markup_value(u_char *p, u_char *end,
    ngx_str_t *value);
static void ngx_http_wix_auth_markup_attribute(
    ngx_http_wix_auth_markup_t *tag, ngx_str_t *name, ngx_str_t *value);
static ngx_uint_t ngx_http_wix_auth_markup_is(ngx_str_t *text,
    const char *name);
static u_char *ngx_http_wix_auth_markup_content(u_char *p, u_char *end,
    ngx_http_wix_auth_markup_t *tag);
static ngx_int_t ngx_http_wix_auth_markup_hashes(ngx_pool_t *pool,
    ngx_str_t *html, ngx_uint_t kind, ngx_str_t *hashes);


ngx_int_t
ngx_http_wix_auth_markup_read(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *text)
{
    ngx_fd_t   fd;
    ngx_int_t  rc;

    /* a pipe must not hold nginx up */

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {

        if (ngx_errno == NGX_ENOENT) {
            return NGX_DECLINED;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", name);
        return NGX_ERROR;
    }

    rc = ngx_http_wix_auth_markup_load(cf, fd, name, text);

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", name);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_wix_auth_markup_clean(cf, name, text) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_wix_auth_markup_warn(cf, name, text);

    return NGX_OK;
}


ngx_uint_t
ngx_http_wix_auth_markup_line(ngx_str_t *text, u_char *at)
{
    u_char      *p;
    ngx_uint_t   line;

    line = 1;

    for (p = text->data; p < at; p++) {
        if (*p == LF) {
            line++;
        }
    }

    return line;
}


ngx_int_t
ngx_http_wix_auth_markup_policy(ngx_pool_t *pool, ngx_str_t *html,
    ngx_uint_t opens, ngx_str_t *policy)
{
    u_char      *p, *last;
    size_t       len;
    ngx_str_t    styles, scripts, google;
    ngx_uint_t   captcha, frame;

    if (ngx_http_wix_auth_markup_hashes(pool, html,
                                        NGX_HTTP_WIX_AUTH_MARKUP_STYLE,
                                        &styles)
        != NGX_OK
        || ngx_http_wix_auth_markup_hashes(pool, html,
                                           NGX_HTTP_WIX_AUTH_MARKUP_SCRIPT,
                                           &scripts)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    captcha = opens & NGX_HTTP_WIX_AUTH_MARKUP_CAPTCHA;
    frame = opens & NGX_HTTP_WIX_AUTH_MARKUP_FRAME;

    ngx_str_null(&google);

    if (captcha) {
        ngx_str_set(&google, NGX_HTTP_WIX_AUTH_MARKUP_GOOGLE);
    }

    /* room for all that is written besides the hashes */
    len = styles.len + scripts.len + 1024;

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    policy->data = p;
    last = p + len;

    p = ngx_slprintf(p, last, "default-src 'none'; ");

    if (styles.len) {
        p = ngx_slprintf(p, last, "style-src%V; ", &styles);
    }

    if (scripts.len || captcha) {
        p = ngx_slprintf(p, last, "script-src%V%V%s; ", &scripts, &google,
                         captcha ? " https://www.gstatic.com/recaptcha/" : "");
    }

    if (frame) {
        p = ngx_slprintf(p, last, "connect-src 'self'%V; frame-src"
                         NGX_HTTP_WIX_AUTH_MARKUP_SITES "; ", &google);

    } else if (captcha) {
        p = ngx_slprintf(p, last, "connect-src%V; frame-src%V "
                         "https://recaptcha.google.com/recaptcha/; ",
                         &google, &google);
    }

    p = ngx_slprintf(p, last, "base-uri 'none'; frame-ancestors 'none'");

    policy->len = p - policy->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_markup_load(ngx_conf_t *cf, ngx_fd_t fd, ngx_str_t *name,
    ngx_str_t *text)
{
    off_t            size;
    ssize_t          n;
    ngx_file_info_t  fi;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", name);
        return NGX_ERROR;
    }

    if (!ngx_is_file(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "page \"%V\" is not a file", name);
        return NGX_ERROR;
    }

    size = ngx_file_size(&fi);

    if (size > NGX_HTTP_WIX_AUTH_MARKUP_MAX_SIZE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "page \"%V\" has %O bytes, at most %d are allowed",
                           name, size, NGX_HTTP_WIX_AUTH_MARKUP_MAX_SIZE);
        return NGX_ERROR;
    }

    text->data = ngx_pnalloc(cf->pool, size + 1);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    n = ngx_read_fd(fd, text->data, size);

    if (n == -1 || n != size) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, (n == -1) ? ngx_errno : 0,
                           "page \"%V\" could not be read", name);
        return NGX_ERROR;
    }

    text->len = size;

    return NGX_OK;
}


/* a browser hashes a script after it has turned every line end into LF */

static ngx_int_t
ngx_http_wix_auth_markup_clean(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *text)
{
    u_char  *p, *q, *end;

    q = text->data;
    end = text->data + text->len;

    for (p = text->data; p < end; p++) {

        if (*p == '\0') {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "a NUL byte in %V:%ui, a page is UTF-8 text",
                               name, ngx_http_wix_auth_markup_line(text, p));
            return NGX_ERROR;
        }

        if (*p != CR) {
            *q++ = *p;

        } else if (p + 1 == end || p[1] != LF) {
            *q++ = LF;
        }
    }

    text->len = q - text->data;

    return NGX_OK;
}


static void
ngx_http_wix_auth_markup_warn(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *text)
{
    u_char                      *p, *end;
    ngx_http_wix_auth_markup_t   tag;

    p = text->data;
    end = p + text->len;

    while ((p = ngx_http_wix_auth_markup_next(p, end, &tag)) != NULL) {

        if (tag.refused.len) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "browsers will ignore attribute \"%V\" in "
                               "%V:%ui, use <style> or <script>",
                               &tag.refused, name,
                               ngx_http_wix_auth_markup_line(text,
                                                         tag.refused.data));
        }

        if (tag.kind == NGX_HTTP_WIX_AUTH_MARKUP_OUTSIDE) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "browsers will not load the <%V> in %V:%ui, "
                               "write its content into the page",
                               &tag.name, name,
                               ngx_http_wix_auth_markup_line(text, tag.start));
        }
    }
}


/* the next tag at or after p, and where to go on; NULL: there is none */

static u_char *
ngx_http_wix_auth_markup_next(u_char *p, u_char *end,
    ngx_http_wix_auth_markup_t *tag)
{
    u_char  *last;

    for ( /* void */ ; p < end; p++) {

        if (*p != '<') {
            continue;
        }

        if (end - p >= 4 && ngx_strncmp(p, "<!--", 4) == 0) {

            last = ngx_strlcasestrn(p + 4, end, (u_char *) "-->", 2);
            if (last == NULL) {
                return NULL;
            }

            p = last + 2;
            continue;
        }

        if (end - p < 2 || (p[1] | 0x20) < 'a' || (p[1] | 0x20) > 'z') {
            continue;
        }

        ngx_memzero(tag, sizeof(ngx_http_wix_auth_markup_t));

        tag->start = p;
        tag->name.data = ++p;

        while (p < end && *p > ' ' && *p != '>' && *p != '/') {
            p++;
        }

        tag->name.len = p - tag->name.data;

        p = ngx_http_wix_auth_markup_attributes(p, end, tag);

        return ngx_http_wix_auth_markup_content(p, end, tag);
    }

    return NULL;
}


/* p is after the tag's name; returns what is after the tag */

static u_char *
ngx_http_wix_auth_markup_attributes(u_char *p, u_char *end,
    ngx_http_wix_auth_markup_t *tag)
{
    ngx_str_t  name, value;

    for ( ;; ) {

        while (p < end && (*p <= ' ' || *p == '/')) {
            p++;
        }

        if (p == end) {
            return end;
        }

        if (*p == '>') {
            return p + 1;
        }

        name.data = p++;

        while (p < end && *p > ' ' && *p != '=' && *p != '>' && *p != '/') {
            p++;
        }

        name.len = p - name.data;

        p = ngx_http_wix_auth_markup_value(p, end, &value);

        ngx_http_wix_auth_markup_attribute(tag, &name, &value);
    }
}


/* p is after an attribute's name; returns what is after its value, if any */

static u_char *
ngx_http_wix_auth_markup_value(u_char *p, u_char *end, ngx_str_t *value)
{
    u_char  quote;

    ngx_str_null(value);

    while (p < end && *p <= ' ') {
        p++;
    }

    if (p == end || *p != '=') {
        return p;
    }

    p++;

    while (p < end && *p <= ' ') {
        p++;
    }

    if (p < end && (*p == '"' || *p == '\'')) {

        quote = *p++;
        value->data = p;

        while (p < end && *p != quote) {
            p++;
        }

        value->len = p - value->data;

        return (p < end) ? p + 1 : end;
    }

    value->data = p;

    while (p < end && *p > ' ' && *p != '>') {
        p++;
    }

    value->len = p - value->data;

    return p;
}


static void
ngx_http_wix_auth_markup_attribute(ngx_http_wix_auth_markup_t *tag,
    ngx_str_t *name, ngx_str_t *value)
{
    if (ngx_http_wix_auth_markup_is(name, "style")
        || (name->len > 2 && ngx_strncasecmp(name->data, (u_char *) "on", 2)
                             == 0))
    {
        tag->refused = *name;
        return;
    }

    if (ngx_http_wix_auth_markup_is(name, "src")) {
        tag->src = 1;
        return;
    }

    if (ngx_http_wix_auth_markup_is(name, "rel")
        && ngx_http_wix_auth_markup_is(value, "stylesheet"))
    {
        tag->sheet = 1;
    }
}


static ngx_uint_t
ngx_http_wix_auth_markup_is(ngx_str_t *text, const char *name)
{
    return text->len == ngx_strlen(name)
           && ngx_strncasecmp(text->data, (u_char *) name, text->len) == 0;
}


/* p is after the tag; returns what is after the element's end, if it can hold
   no tags */

static u_char *
ngx_http_wix_auth_markup_content(u_char *p, u_char *end,
    ngx_http_wix_auth_markup_t *tag)
{
    u_char  *last;

    if (ngx_http_wix_auth_markup_is(&tag->name, "style")) {
        tag->kind = NGX_HTTP_WIX_AUTH_MARKUP_STYLE;
        last = ngx_strlcasestrn(p, end, (u_char *) "</style", 6);

    } else if (ngx_http_wix_auth_markup_is(&tag->name, "script")) {
        tag->kind = tag->src ? NGX_HTTP_WIX_AUTH_MARKUP_OUTSIDE
                             : NGX_HTTP_WIX_AUTH_MARKUP_SCRIPT;
        last = ngx_strlcasestrn(p, end, (u_char *) "</script", 7);

    } else {

        if (tag->sheet) {
            tag->kind = NGX_HTTP_WIX_AUTH_MARKUP_OUTSIDE;
        }

        return p;
    }

    if (last == NULL) {
        last = end;
    }

    tag->content.data = p;
    tag->content.len = last - p;

    return last;
}


/* " 'sha256-...'" for each element of the kind */

static ngx_int_t
ngx_http_wix_auth_markup_hashes(ngx_pool_t *pool, ngx_str_t *html,
    ngx_uint_t kind, ngx_str_t *hashes)
{
    u_char                      *p, *end, digest[32];
    ngx_str_t                    src, dst;
    ngx_uint_t                   n;
    ngx_http_wix_auth_markup_t   tag;

    end = html->data + html->len;
    n = 0;

    for (p = html->data;
         (p = ngx_http_wix_auth_markup_next(p, end, &tag)) != NULL;
         /* void */ )
    {
        n += (tag.kind == kind);
    }

    hashes->len = 0;
    hashes->data = ngx_pnalloc(pool, n * NGX_HTTP_WIX_AUTH_MARKUP_HASH_LEN
                                     + 1);
    if (hashes->data == NULL) {
        return NGX_ERROR;
    }

    src.len = 32;
    src.data = digest;
    dst.data = hashes->data;

    for (p = html->data;
         (p = ngx_http_wix_auth_markup_next(p, end, &tag)) != NULL;
         /* void */ )
    {
        if (tag.kind != kind) {
            continue;
        }

        if (ngx_http_wix_auth_sha256(tag.content.data, tag.content.len, digest)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        dst.data = ngx_cpymem(dst.data, " 'sha256-", sizeof(" 'sha256-") - 1);
        ngx_encode_base64(&dst, &src);
        dst.data += dst.len;
        *dst.data++ = '\'';
    }

    hashes->len = dst.data - hashes->data;

    return NGX_OK;
}
