
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_wix_auth_crypto.h"
#include "ngx_http_wix_auth_page.h"


/* what a segment holds instead of the offset of a value */
#define NGX_HTTP_WIX_AUTH_PAGE_TEXT   (-1)
#define NGX_HTTP_WIX_AUTH_PAGE_STYLE  (-2)
#define NGX_HTTP_WIX_AUTH_PAGE_EMPTY  (-3)

#define NGX_HTTP_WIX_AUTH_PAGE_HASH_LEN                                       \
    (sizeof(" 'sha256-'") - 1 + ngx_base64_encoded_length(32))


/*
 * Global in the assembler, because under LTO the C and the asm may end up in
 * different units; hidden, so that the module exports nothing.
 */

#define ngx_http_wix_auth_embed(name, file)                                   \
    __asm__(".pushsection .rodata\n"                                          \
            ".globl " #name "_start\n"                                        \
            ".hidden " #name "_start\n"                                       \
            #name "_start:\n"                                                 \
            ".incbin \"" NGX_HTTP_WIX_AUTH_PAGES "/" file "\"\n"              \
            ".globl " #name "_end\n"                                          \
            ".hidden " #name "_end\n"                                         \
            #name "_end:\n"                                                   \
            ".popsection\n");                                                 \
                                                                              \
    extern const u_char  name##_start[]                                       \
        __attribute__((visibility("hidden")));                                \
    extern const u_char  name##_end[] __attribute__((visibility("hidden")))


typedef struct {
    const char      *name;
    const u_char    *start;
    const u_char    *end;
} ngx_http_wix_auth_page_file_t;


typedef struct {
    ngx_str_t        name;
    ngx_int_t        value;
} ngx_http_wix_auth_page_placeholder_t;


typedef struct {
    ngx_str_t        text;
    ngx_int_t        value;           /* offset in page_values_t, if not < 0 */
} ngx_http_wix_auth_page_segment_t;


struct ngx_http_wix_auth_page_s {
    ngx_array_t      segments;        /* ngx_http_wix_auth_page_segment_t */
    ngx_str_t        policy;
};


static ngx_int_t ngx_http_wix_auth_page_compile(ngx_conf_t *cf,
    ngx_http_wix_auth_page_t *page, const ngx_http_wix_auth_page_file_t *file);
static ngx_int_t ngx_http_wix_auth_page_add_text(ngx_array_t *segments,
    u_char *start, u_char *end);
static ngx_int_t ngx_http_wix_auth_page_add_value(ngx_array_t *segments,
    u_char *start, u_char *end);
static ngx_int_t ngx_http_wix_auth_page_set_policy(ngx_conf_t *cf,
    ngx_http_wix_auth_page_t *page);
static ngx_int_t ngx_http_wix_auth_page_hashes(ngx_pool_t *pool,
    ngx_str_t *html, char *open, char *close, ngx_str_t *hashes);
static u_char *ngx_http_wix_auth_page_find(u_char *start, u_char *end,
    char *what);
static size_t ngx_http_wix_auth_page_escape(u_char *dst, ngx_str_t *value);


ngx_http_wix_auth_embed(ngx_http_wix_auth_page_login, "login.html");
ngx_http_wix_auth_embed(ngx_http_wix_auth_page_logout, "logout.html");
ngx_http_wix_auth_embed(ngx_http_wix_auth_page_pending, "pending.html");
ngx_http_wix_auth_embed(ngx_http_wix_auth_page_error, "error.html");
ngx_http_wix_auth_embed(ngx_http_wix_auth_page_style, "style.css");


/* in the order of ngx_http_wix_auth_page_e */

static const ngx_http_wix_auth_page_file_t  ngx_http_wix_auth_page_files[] = {

    { "login.html",
      ngx_http_wix_auth_page_login_start,
      ngx_http_wix_auth_page_login_end },

    { "logout.html",
      ngx_http_wix_auth_page_logout_start,
      ngx_http_wix_auth_page_logout_end },

    { "pending.html",
      ngx_http_wix_auth_page_pending_start,
      ngx_http_wix_auth_page_pending_end },

    { "error.html",
      ngx_http_wix_auth_page_error_start,
      ngx_http_wix_auth_page_error_end }
};


static ngx_http_wix_auth_page_placeholder_t
    ngx_http_wix_auth_page_placeholders[] =
{
    { ngx_string("action"),
      offsetof(ngx_http_wix_auth_page_values_t, action) },

    { ngx_string("return"),
      offsetof(ngx_http_wix_auth_page_values_t, return_url) },

    { ngx_string("email"),
      offsetof(ngx_http_wix_auth_page_values_t, email) },

    { ngx_string("error"),
      offsetof(ngx_http_wix_auth_page_values_t, error) },

    { ngx_string("message"),
      offsetof(ngx_http_wix_auth_page_values_t, message) },

    { ngx_string("stateToken"),
      offsetof(ngx_http_wix_auth_page_values_t, state_token) },

    { ngx_string("site"),
      offsetof(ngx_http_wix_auth_page_values_t, site) },

    { ngx_string("requestId"),
      offsetof(ngx_http_wix_auth_page_values_t, request_id) },

    { ngx_string("style"), NGX_HTTP_WIX_AUTH_PAGE_STYLE },

    { ngx_string("captcha"), NGX_HTTP_WIX_AUTH_PAGE_EMPTY },

    { ngx_null_string, 0 }
};


ngx_int_t
ngx_http_wix_auth_page_init(ngx_conf_t *cf, ngx_http_wix_auth_page_t **pages)
{
    ngx_uint_t                 i;
    ngx_http_wix_auth_page_t  *page;

    page = ngx_pcalloc(cf->pool, NGX_HTTP_WIX_AUTH_PAGE_MAX
                                 * sizeof(ngx_http_wix_auth_page_t));
    if (page == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_WIX_AUTH_PAGE_MAX; i++) {

        if (ngx_http_wix_auth_page_compile(cf, &page[i],
                                           &ngx_http_wix_auth_page_files[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (ngx_http_wix_auth_page_set_policy(cf, &page[i]) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "could not compute the policy of page \"%s\"",
                               ngx_http_wix_auth_page_files[i].name);
            return NGX_ERROR;
        }
    }

    *pages = page;

    return NGX_OK;
}


ngx_str_t *
ngx_http_wix_auth_page_policy(ngx_http_wix_auth_page_t *pages, ngx_uint_t page)
{
    return &pages[page].policy;
}


ngx_int_t
ngx_http_wix_auth_page_render(ngx_pool_t *pool,
    ngx_http_wix_auth_page_t *pages, ngx_uint_t page,
    ngx_http_wix_auth_page_values_t *values, ngx_str_t *html)
{
    size_t                             len;
    u_char                            *p;
    ngx_str_t                         *value;
    ngx_uint_t                         i, n;
    ngx_http_wix_auth_page_segment_t  *segment;

    segment = pages[page].segments.elts;
    n = pages[page].segments.nelts;
    len = 0;

    for (i = 0; i < n; i++) {

        if (segment[i].value < 0) {
            len += segment[i].text.len;
            continue;
        }

        value = (ngx_str_t *) ((u_char *) values + segment[i].value);
        len += ngx_http_wix_auth_page_escape(NULL, value);
    }

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    html->len = len;
    html->data = p;

    for (i = 0; i < n; i++) {

        if (segment[i].value < 0) {
            p = ngx_cpymem(p, segment[i].text.data, segment[i].text.len);
            continue;
        }

        value = (ngx_str_t *) ((u_char *) values + segment[i].value);
        p += ngx_http_wix_auth_page_escape(p, value);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_page_compile(ngx_conf_t *cf, ngx_http_wix_auth_page_t *page,
    const ngx_http_wix_auth_page_file_t *file)
{
    u_char     *p, *open, *close, *end;
    ngx_int_t   rc;

    if (ngx_array_init(&page->segments, cf->pool, 16,
                       sizeof(ngx_http_wix_auth_page_segment_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = (u_char *) file->start;
    end = (u_char *) file->end;

    for ( ;; ) {

        open = ngx_http_wix_auth_page_find(p, end, "{{");
        if (open == NULL) {
            return ngx_http_wix_auth_page_add_text(&page->segments, p, end);
        }

        close = ngx_http_wix_auth_page_find(open, end, "}}");
        if (close == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unclosed placeholder in page \"%s\"",
                               file->name);
            return NGX_ERROR;
        }

        if (ngx_http_wix_auth_page_add_text(&page->segments, p, open)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        p = open + 2;
        rc = ngx_http_wix_auth_page_add_value(&page->segments, p, close);

        if (rc == NGX_DECLINED) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown placeholder \"%*s\" in page \"%s\"",
                               (size_t) (close - p), p, file->name);
            return NGX_ERROR;
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }

        p = close + 2;
    }
}


static ngx_int_t
ngx_http_wix_auth_page_add_text(ngx_array_t *segments, u_char *start,
    u_char *end)
{
    ngx_http_wix_auth_page_segment_t  *segment;

    if (start == end) {
        return NGX_OK;
    }

    segment = ngx_array_push(segments);
    if (segment == NULL) {
        return NGX_ERROR;
    }

    segment->text.len = end - start;
    segment->text.data = start;
    segment->value = NGX_HTTP_WIX_AUTH_PAGE_TEXT;

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_page_add_value(ngx_array_t *segments, u_char *start,
    u_char *end)
{
    ngx_http_wix_auth_page_segment_t      *segment;
    ngx_http_wix_auth_page_placeholder_t  *ph;

    for (ph = ngx_http_wix_auth_page_placeholders; ph->name.len; ph++) {
        if (ph->name.len == (size_t) (end - start)
            && ngx_strncmp(ph->name.data, start, ph->name.len) == 0)
        {
            break;
        }
    }

    if (ph->name.len == 0) {
        return NGX_DECLINED;
    }

    if (ph->value == NGX_HTTP_WIX_AUTH_PAGE_EMPTY) {
        return NGX_OK;
    }

    if (ph->value == NGX_HTTP_WIX_AUTH_PAGE_STYLE) {
        return ngx_http_wix_auth_page_add_text(segments,
                                 (u_char *) ngx_http_wix_auth_page_style_start,
                                 (u_char *) ngx_http_wix_auth_page_style_end);
    }

    segment = ngx_array_push(segments);
    if (segment == NULL) {
        return NGX_ERROR;
    }

    ngx_str_null(&segment->text);
    segment->value = ph->value;

    return NGX_OK;
}


/*
 * The hashes are taken from a rendered page, that is from what a browser
 * sees.  A value inside <style> or <script> would break its hash, and the
 * browser would refuse the element: that fails on the safe side.
 */

static ngx_int_t
ngx_http_wix_auth_page_set_policy(ngx_conf_t *cf,
    ngx_http_wix_auth_page_t *page)
{
    size_t                           len;
    u_char                          *p;
    ngx_str_t                        html, styles, scripts;
    ngx_http_wix_auth_page_values_t  values;

    ngx_memzero(&values, sizeof(ngx_http_wix_auth_page_values_t));

    if (ngx_http_wix_auth_page_render(cf->pool, page, 0, &values, &html)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_wix_auth_page_hashes(cf->pool, &html, "<style>", "</style>",
                                      &styles)
        != NGX_OK
        || ngx_http_wix_auth_page_hashes(cf->pool, &html, "<script>",
                                         "</script>", &scripts)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    len = sizeof("default-src 'none'; style-src; script-src; "
                 "base-uri 'none'; frame-ancestors 'none'")
          + styles.len + scripts.len;

    page->policy.data = ngx_pnalloc(cf->pool, len);
    if (page->policy.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(page->policy.data, "default-src 'none'; ",
                   sizeof("default-src 'none'; ") - 1);

    if (styles.len) {
        p = ngx_sprintf(p, "style-src%V; ", &styles);
    }

    if (scripts.len) {
        p = ngx_sprintf(p, "script-src%V; ", &scripts);
    }

    p = ngx_cpymem(p, "base-uri 'none'; frame-ancestors 'none'",
                   sizeof("base-uri 'none'; frame-ancestors 'none'") - 1);

    page->policy.len = p - page->policy.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_page_hashes(ngx_pool_t *pool, ngx_str_t *html, char *open,
    char *close, ngx_str_t *hashes)
{
    u_char      *p, *end, *last, digest[32];
    ngx_str_t    src, dst;
    ngx_uint_t   n;

    end = html->data + html->len;
    n = 0;

    for (p = html->data;
         (p = ngx_http_wix_auth_page_find(p, end, open)) != NULL;
         p += ngx_strlen(open))
    {
        n++;
    }

    hashes->len = 0;
    hashes->data = ngx_pnalloc(pool, n * NGX_HTTP_WIX_AUTH_PAGE_HASH_LEN + 1);
    if (hashes->data == NULL) {
        return NGX_ERROR;
    }

    src.len = 32;
    src.data = digest;
    dst.data = hashes->data;

    for (p = html->data;
         (p = ngx_http_wix_auth_page_find(p, end, open)) != NULL;
         p = last)
    {
        p += ngx_strlen(open);

        last = ngx_http_wix_auth_page_find(p, end, close);
        if (last == NULL) {
            return NGX_ERROR;
        }

        if (ngx_http_wix_auth_sha256(p, last - p, digest) != NGX_OK) {
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


static u_char *
ngx_http_wix_auth_page_find(u_char *start, u_char *end, char *what)
{
    return ngx_strlcasestrn(start, end, (u_char *) what, ngx_strlen(what) - 1);
}


/* ngx_escape_html() leaves the single quote alone */

static size_t
ngx_http_wix_auth_page_escape(u_char *dst, ngx_str_t *value)
{
    size_t       i, len;
    ngx_str_t    out;

    len = 0;

    for (i = 0; i < value->len; i++) {

        switch (value->data[i]) {

        case '&':
            ngx_str_set(&out, "&amp;");
            break;

        case '<':
            ngx_str_set(&out, "&lt;");
            break;

        case '>':
            ngx_str_set(&out, "&gt;");
            break;

        case '"':
            ngx_str_set(&out, "&quot;");
            break;

        case '\'':
            ngx_str_set(&out, "&#39;");
            break;

        default:
            out.len = 1;
            out.data = &value->data[i];
        }

        if (dst) {
            dst = ngx_cpymem(dst, out.data, out.len);
        }

        len += out.len;
    }

    return len;
}
