
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_wix_auth_markup.h"
#include "ngx_http_wix_auth_page.h"
#include "ngx_http_wix_auth_url.h"


/* values of ..._captcha_e and ..._response_e that make a difference here */
#define NGX_HTTP_WIX_AUTH_PAGE_INVISIBLE    1
#define NGX_HTTP_WIX_AUTH_PAGE_VISIBLE      2
#define NGX_HTTP_WIX_AUTH_PAGE_CAPTCHAS     3
#define NGX_HTTP_WIX_AUTH_PAGE_WEB_MESSAGE  2

/* what a segment holds instead of the offset of a value */
#define NGX_HTTP_WIX_AUTH_PAGE_TEXT         (-1)
#define NGX_HTTP_WIX_AUTH_PAGE_FIELD        (-2)
#define NGX_HTTP_WIX_AUTH_PAGE_MODE         (-3)

#define NGX_HTTP_WIX_AUTH_PAGE_MAX_NAME     64


/*
 * Global in the assembler, because under LTO the C and the asm may end up in
 * different units; hidden, so that the module exports nothing.
 */

#define ngx_http_wix_auth_embed(name, file)                                   \
    __asm__(".pushsection .rodata\n"                                          \
            ".globl ngx_http_wix_auth_page_" #name "_start\n"                 \
            ".hidden ngx_http_wix_auth_page_" #name "_start\n"                \
            "ngx_http_wix_auth_page_" #name "_start:\n"                       \
            ".incbin \"" NGX_HTTP_WIX_AUTH_PAGES "/" file "\"\n"              \
            ".globl ngx_http_wix_auth_page_" #name "_end\n"                   \
            ".hidden ngx_http_wix_auth_page_" #name "_end\n"                  \
            "ngx_http_wix_auth_page_" #name "_end:\n"                         \
            ".popsection\n");                                                 \
                                                                              \
    extern const u_char  ngx_http_wix_auth_page_##name##_start[]              \
        __attribute__((visibility("hidden")));                                \
    extern const u_char  ngx_http_wix_auth_page_##name##_end[]                \
        __attribute__((visibility("hidden")))

#define ngx_http_wix_auth_embedded(name)                                      \
    ngx_http_wix_auth_page_##name##_start, ngx_http_wix_auth_page_##name##_end


typedef struct {
    const char         *name;
    const u_char       *start;
    const u_char       *end;
} ngx_http_wix_auth_page_file_t;


typedef struct {
    ngx_str_t           text;     /* or the name of a field */
    ngx_int_t           value;    /* offset in page_values_t, if not < 0 */
} ngx_http_wix_auth_page_segment_t;


struct ngx_http_wix_auth_page_s {
    ngx_array_t         segments[NGX_HTTP_WIX_AUTH_PAGE_CAPTCHAS];
    ngx_str_t           policies[NGX_HTTP_WIX_AUTH_PAGE_CAPTCHAS][2];
};


/* a template on its way to segments */

typedef struct {
    ngx_conf_t         *cf;
    ngx_str_t           name;
    ngx_str_t           text;
    ngx_array_t        *segments;
    const char         *form;          /* what a captcha is for */
    ngx_uint_t          captcha;       /* the kind that is compiled for */
    unsigned            has_captcha:1;
    unsigned            has_frame:1;
    unsigned            piece:1;       /* inside of a piece of ours */
} ngx_http_wix_auth_page_source_t;


typedef ngx_int_t (*ngx_http_wix_auth_page_expand_pt)(
    ngx_http_wix_auth_page_source_t *source);


typedef struct {
    ngx_str_t                          name;
    ngx_int_t                          value;
    ngx_http_wix_auth_page_expand_pt   expand;   /* instead of a value */
} ngx_http_wix_auth_page_placeholder_t;


static ngx_int_t ngx_http_wix_auth_page_source(ngx_conf_t *cf, ngx_str_t *dir,
    ngx_uint_t page, ngx_http_wix_auth_page_source_t *source);
static ngx_int_t ngx_http_wix_auth_page_compile(ngx_conf_t *cf,
    ngx_http_wix_auth_page_t *page, ngx_http_wix_auth_page_source_t *source);
static ngx_int_t ngx_http_wix_auth_page_parse(
    ngx_http_wix_auth_page_source_t *source, u_char *p, u_char *end);
static ngx_int_t ngx_http_wix_auth_page_add_value(
    ngx_http_wix_auth_page_source_t *source, u_char *start, u_char *end);
static ngx_int_t ngx_http_wix_auth_page_unknown(
    ngx_http_wix_auth_page_source_t *source, u_char *at, ngx_str_t *name);
static ngx_int_t ngx_http_wix_auth_page_add(ngx_array_t *segments,
    const u_char *start, const u_char *end, ngx_int_t value);
static ngx_int_t ngx_http_wix_auth_page_expand_style(
    ngx_http_wix_auth_page_source_t *source);
static ngx_int_t ngx_http_wix_auth_page_expand_script(
    ngx_http_wix_auth_page_source_t *source);
static ngx_int_t ngx_http_wix_auth_page_expand_captcha(
    ngx_http_wix_auth_page_source_t *source);
static ngx_int_t ngx_http_wix_auth_page_expand_key(
    ngx_http_wix_auth_page_source_t *source);
static ngx_int_t ngx_http_wix_auth_page_expand_form(
    ngx_http_wix_auth_page_source_t *source);
static size_t ngx_http_wix_auth_page_put(u_char *dst,
    ngx_http_wix_auth_page_segment_t *segment,
    ngx_http_wix_auth_page_values_t *values);
static size_t ngx_http_wix_auth_page_escape(u_char *dst, ngx_str_t *value);


ngx_http_wix_auth_embed(login, "login.html");
ngx_http_wix_auth_embed(register, "register.html");
ngx_http_wix_auth_embed(verify, "verify.html");
ngx_http_wix_auth_embed(recover, "recover.html");
ngx_http_wix_auth_embed(pending, "pending.html");
ngx_http_wix_auth_embed(error, "error.html");
ngx_http_wix_auth_embed(signed_out, "signed-out.html");
ngx_http_wix_auth_embed(logout, "logout.html");
ngx_http_wix_auth_embed(callback, "callback.html");

ngx_http_wix_auth_embed(style, "style.css");
ngx_http_wix_auth_embed(script, "script.js");
ngx_http_wix_auth_embed(visible, "captcha-visible.inc");
ngx_http_wix_auth_embed(invisible, "captcha-invisible.inc");
ngx_http_wix_auth_embed(loader_visible, "captcha-visible-script.inc");
ngx_http_wix_auth_embed(loader_invisible, "captcha-invisible-script.inc");


/* in the order of ngx_http_wix_auth_page_e */

static const ngx_http_wix_auth_page_file_t  ngx_http_wix_auth_page_files[] = {
    { "login.html", ngx_http_wix_auth_embedded(login) },
    { "register.html", ngx_http_wix_auth_embedded(register) },
    { "verify.html", ngx_http_wix_auth_embedded(verify) },
    { "recover.html", ngx_http_wix_auth_embedded(recover) },
    { "pending.html", ngx_http_wix_auth_embedded(pending) },
    { "error.html", ngx_http_wix_auth_embedded(error) },
    { "signed-out.html", ngx_http_wix_auth_embedded(signed_out) },
    { "logout.html", ngx_http_wix_auth_embedded(logout) },
    { "callback.html", ngx_http_wix_auth_embedded(callback) }
};


/* by ..._captcha_e; the keys are Wix's own and the same for every site */

static ngx_str_t  ngx_http_wix_auth_page_keys[] = {
    ngx_null_string,
    ngx_string("6LdoPaUfAAAAAJphvHoUoOob7mx0KDlXyXlgrx5v"),
    ngx_string("6Ld0J8IcAAAAANyrnxzrRlX1xrrdXsOmsepUYosy")
};


#define ngx_http_wix_auth_page_member(name)                                   \
    offsetof(ngx_http_wix_auth_page_values_t, name), NULL

static ngx_http_wix_auth_page_placeholder_t
    ngx_http_wix_auth_page_placeholders[] =
{
    { ngx_string("action"), ngx_http_wix_auth_page_member(action) },
    { ngx_string("return"), ngx_http_wix_auth_page_member(return_url) },
    { ngx_string("email"), ngx_http_wix_auth_page_member(email) },
    { ngx_string("error"), ngx_http_wix_auth_page_member(error) },
    { ngx_string("message"), ngx_http_wix_auth_page_member(message) },
    { ngx_string("stateToken"), ngx_http_wix_auth_page_member(state_token) },
    { ngx_string("site"), ngx_http_wix_auth_page_member(site) },
    { ngx_string("requestId"), ngx_http_wix_auth_page_member(request_id) },
    { ngx_string("prefix"), ngx_http_wix_auth_page_member(prefix) },
    { ngx_string("query"), ngx_http_wix_auth_page_member(query) },
    { ngx_string("state"), ngx_http_wix_auth_page_member(state) },
    { ngx_string("mode"), NGX_HTTP_WIX_AUTH_PAGE_MODE, NULL },

    { ngx_string("captcha"), 0, ngx_http_wix_auth_page_expand_captcha },
    { ngx_string("style"), 0, ngx_http_wix_auth_page_expand_style },
    { ngx_string("script"), 0, ngx_http_wix_auth_page_expand_script },

    { ngx_null_string, 0, NULL }
};


/* of the pieces that {{captcha}} stands for, and of nothing else */

static ngx_http_wix_auth_page_placeholder_t
    ngx_http_wix_auth_page_piece_placeholders[] =
{
    { ngx_string("siteKey"), 0, ngx_http_wix_auth_page_expand_key },
    { ngx_string("form"), 0, ngx_http_wix_auth_page_expand_form },

    { ngx_null_string, 0, NULL }
};


ngx_int_t
ngx_http_wix_auth_page_init(ngx_conf_t *cf, ngx_str_t *dir,
    ngx_http_wix_auth_page_t **pages)
{
    ngx_dir_t                        d;
    ngx_uint_t                       i;
    ngx_http_wix_auth_page_t        *page;
    ngx_http_wix_auth_page_source_t  source;

    if (dir) {

        /* what cannot be listed may hide files that were meant */

        if (ngx_open_dir(dir, &d) == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                               ngx_open_dir_n " \"%V\" of pages failed", dir);
            return NGX_ERROR;
        }

        (void) ngx_close_dir(&d);
    }

    page = ngx_pcalloc(cf->pool, NGX_HTTP_WIX_AUTH_PAGE_MAX
                                 * sizeof(ngx_http_wix_auth_page_t));
    if (page == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_WIX_AUTH_PAGE_MAX; i++) {

        if (ngx_http_wix_auth_page_source(cf, dir, i, &source) != NGX_OK
            || ngx_http_wix_auth_page_compile(cf, &page[i], &source)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    *pages = page;

    return NGX_OK;
}


ngx_str_t *
ngx_http_wix_auth_page_policy(ngx_http_wix_auth_page_t *pages,
    ngx_uint_t page, ngx_uint_t captcha, ngx_uint_t response_mode)
{
    if (captcha >= NGX_HTTP_WIX_AUTH_PAGE_CAPTCHAS) {
        captcha = 0;
    }

    return &pages[page].policies[captcha]
                        [response_mode == NGX_HTTP_WIX_AUTH_PAGE_WEB_MESSAGE];
}


ngx_str_t *
ngx_http_wix_auth_page_site_key(ngx_uint_t captcha)
{
    if (captcha >= NGX_HTTP_WIX_AUTH_PAGE_CAPTCHAS) {
        captcha = 0;
    }

    return &ngx_http_wix_auth_page_keys[captcha];
}


ngx_int_t
ngx_http_wix_auth_page_render(ngx_pool_t *pool,
    ngx_http_wix_auth_page_t *pages, ngx_uint_t page,
    ngx_http_wix_auth_page_values_t *values, ngx_str_t *html)
{
    size_t                             len;
    u_char                            *p;
    ngx_uint_t                         i, n, captcha;
    ngx_http_wix_auth_page_segment_t  *segment;

    captcha = values->captcha;

    if (captcha >= NGX_HTTP_WIX_AUTH_PAGE_CAPTCHAS) {
        captcha = 0;
    }

    segment = pages[page].segments[captcha].elts;
    n = pages[page].segments[captcha].nelts;
    len = 0;

    for (i = 0; i < n; i++) {
        len += ngx_http_wix_auth_page_put(NULL, &segment[i], values);
    }

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    html->len = len;
    html->data = p;

    for (i = 0; i < n; i++) {
        p += ngx_http_wix_auth_page_put(p, &segment[i], values);
    }

    return NGX_OK;
}


/* the site's own file, else the one that is built in */

static ngx_int_t
ngx_http_wix_auth_page_source(ngx_conf_t *cf, ngx_str_t *dir, ngx_uint_t page,
    ngx_http_wix_auth_page_source_t *source)
{
    u_char                               *p;
    ngx_int_t                             rc;
    const ngx_http_wix_auth_page_file_t  *file;

    file = &ngx_http_wix_auth_page_files[page];

    ngx_memzero(source, sizeof(ngx_http_wix_auth_page_source_t));

    source->cf = cf;
    source->form = (page == NGX_HTTP_WIX_AUTH_PAGE_REGISTER) ? "register"
                                                             : "login";

    if (dir && page != NGX_HTTP_WIX_AUTH_PAGE_CALLBACK) {

        p = ngx_pnalloc(cf->pool, dir->len + ngx_strlen(file->name) + 2);
        if (p == NULL) {
            return NGX_ERROR;
        }

        source->name.data = p;
        source->name.len = ngx_sprintf(p, "%V/%s%Z", dir, file->name) - p - 1;

        rc = ngx_http_wix_auth_markup_read(cf, &source->name, &source->text);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    source->name.data = (u_char *) file->name;
    source->name.len = ngx_strlen(file->name);
    source->text.data = (u_char *) file->start;
    source->text.len = file->end - file->start;

    return NGX_OK;
}


/* one list of segments for each captcha, two policies for each list */

static ngx_int_t
ngx_http_wix_auth_page_compile(ngx_conf_t *cf, ngx_http_wix_auth_page_t *page,
    ngx_http_wix_auth_page_source_t *source)
{
    ngx_str_t                        html;
    ngx_uint_t                       i, frame, opens;
    ngx_http_wix_auth_page_values_t  values;

    ngx_memzero(&values, sizeof(ngx_http_wix_auth_page_values_t));

    for (i = 0; i < NGX_HTTP_WIX_AUTH_PAGE_CAPTCHAS; i++) {

        source->captcha = i;
        source->segments = &page->segments[i];
        source->has_captcha = 0;
        source->has_frame = 0;

        if (ngx_array_init(source->segments, cf->pool, 32,
                           sizeof(ngx_http_wix_auth_page_segment_t))
            != NGX_OK
            || ngx_http_wix_auth_page_parse(source, source->text.data,
                                            source->text.data
                                            + source->text.len)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        /*
         * The hashes are taken from a rendered page, that is from what a
         * browser sees.  A value inside <style> or <script> would break its
         * hash, and the browser would refuse the element: that fails on the
         * safe side.
         */

        values.captcha = i;

        if (ngx_http_wix_auth_page_render(cf->pool, page, 0, &values, &html)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        for (frame = 0; frame < 2; frame++) {

            opens = 0;

            if (source->has_captcha) {
                opens |= NGX_HTTP_WIX_AUTH_MARKUP_CAPTCHA;
            }

            if (frame && source->has_frame) {
                opens |= NGX_HTTP_WIX_AUTH_MARKUP_FRAME;
            }

            if (ngx_http_wix_auth_markup_policy(cf->pool, &html, opens,
                                                &page->policies[i][frame])
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_page_parse(ngx_http_wix_auth_page_source_t *source,
    u_char *p, u_char *end)
{
    u_char     *open, *close, *limit;
    ngx_int_t   rc;

    for ( ;; ) {

        open = ngx_strlcasestrn(p, end, (u_char *) "{{", 1);

        if (open == NULL) {
            return ngx_http_wix_auth_page_add(source->segments, p, end,
                                              NGX_HTTP_WIX_AUTH_PAGE_TEXT);
        }

        limit = ngx_min(end, open + NGX_HTTP_WIX_AUTH_PAGE_MAX_NAME + 4);
        close = ngx_strlcasestrn(open, limit, (u_char *) "}}", 1);

        if (close == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, source->cf, 0,
                               "unclosed placeholder in %V:%ui",
                               &source->name,
                               ngx_http_wix_auth_markup_line(&source->text,
                                                             open));
            return NGX_ERROR;
        }

        if (ngx_http_wix_auth_page_add(source->segments, p, open,
                                       NGX_HTTP_WIX_AUTH_PAGE_TEXT)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        rc = ngx_http_wix_auth_page_add_value(source, open + 2, close);

        if (rc != NGX_OK) {
            return rc;
        }

        p = close + 2;
    }
}


static ngx_int_t
ngx_http_wix_auth_page_add_value(ngx_http_wix_auth_page_source_t *source,
    u_char *start, u_char *end)
{
    ngx_str_t                              name;
    ngx_http_wix_auth_page_placeholder_t  *ph;

    while (start < end && *start == ' ') {
        start++;
    }

    while (start < end && end[-1] == ' ') {
        end--;
    }

    name.len = end - start;
    name.data = start;

    if (name.len > 7 && ngx_strncmp(start, "fields.", 7) == 0) {
        return ngx_http_wix_auth_page_add(source->segments, start + 7, end,
                                          NGX_HTTP_WIX_AUTH_PAGE_FIELD);
    }

    ph = source->piece ? ngx_http_wix_auth_page_piece_placeholders
                       : ngx_http_wix_auth_page_placeholders;

    for ( /* void */ ; ph->name.len; ph++) {
        if (ph->name.len == name.len
            && ngx_strncmp(ph->name.data, name.data, name.len) == 0)
        {
            break;
        }
    }

    if (ph->name.len == 0) {
        return ngx_http_wix_auth_page_unknown(source, start, &name);
    }

    if (ph->expand) {
        return ph->expand(source);
    }

    if (ph->value == NGX_HTTP_WIX_AUTH_PAGE_MODE) {
        source->has_frame = 1;
    }

    return ngx_http_wix_auth_page_add(source->segments, start, end, ph->value);
}


static ngx_int_t
ngx_http_wix_auth_page_unknown(ngx_http_wix_auth_page_source_t *source,
    u_char *at, ngx_str_t *name)
{
    u_char                                *p, known[512];
    ngx_http_wix_auth_page_placeholder_t  *ph;

    p = known;

    for (ph = ngx_http_wix_auth_page_placeholders; ph->name.len; ph++) {
        p = ngx_slprintf(p, known + sizeof(known), "%V, ", &ph->name);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, source->cf, 0,
                       "unknown placeholder \"%V\" in %V:%ui; known are "
                       "%*sand fields.NAME", name, &source->name,
                       ngx_http_wix_auth_markup_line(&source->text, at),
                       (size_t) (p - known), known);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_wix_auth_page_add(ngx_array_t *segments, const u_char *start,
    const u_char *end, ngx_int_t value)
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
    segment->text.data = (u_char *) start;
    segment->value = value;

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_page_expand_style(ngx_http_wix_auth_page_source_t *source)
{
    return ngx_http_wix_auth_page_add(source->segments,
                                      ngx_http_wix_auth_embedded(style),
                                      NGX_HTTP_WIX_AUTH_PAGE_TEXT);
}


static ngx_int_t
ngx_http_wix_auth_page_expand_script(ngx_http_wix_auth_page_source_t *source)
{
    return ngx_http_wix_auth_page_add(source->segments,
                                      ngx_http_wix_auth_embedded(script),
                                      NGX_HTTP_WIX_AUTH_PAGE_TEXT);
}


/* a page may have several forms, but loads Google's script once */

static ngx_int_t
ngx_http_wix_auth_page_expand_captcha(ngx_http_wix_auth_page_source_t *source)
{
    ngx_int_t                             rc;
    ngx_uint_t                            more;
    const ngx_http_wix_auth_page_file_t  *piece;

    static const ngx_http_wix_auth_page_file_t  pieces[][2] = {
        { { NULL, NULL, NULL }, { NULL, NULL, NULL } },

        { { "captcha-invisible.inc", ngx_http_wix_auth_embedded(invisible) },
          { "captcha-invisible-script.inc",
            ngx_http_wix_auth_embedded(loader_invisible) } },

        { { "captcha-visible.inc", ngx_http_wix_auth_embedded(visible) },
          { "captcha-visible-script.inc",
            ngx_http_wix_auth_embedded(loader_visible) } }
    };

    piece = pieces[source->captcha];

    if (piece[0].name == NULL || source->piece) {
        return NGX_OK;
    }

    more = source->has_captcha;

    source->has_captcha = 1;
    source->piece = 1;

    rc = ngx_http_wix_auth_page_parse(source, (u_char *) piece[0].start,
                                      (u_char *) piece[0].end);

    if (rc == NGX_OK && !more) {
        rc = ngx_http_wix_auth_page_parse(source, (u_char *) piece[1].start,
                                          (u_char *) piece[1].end);
    }

    source->piece = 0;

    return rc;
}


static ngx_int_t
ngx_http_wix_auth_page_expand_key(ngx_http_wix_auth_page_source_t *source)
{
    ngx_str_t  *key;

    key = &ngx_http_wix_auth_page_keys[source->captcha];

    return ngx_http_wix_auth_page_add(source->segments, key->data,
                                      key->data + key->len,
                                      NGX_HTTP_WIX_AUTH_PAGE_TEXT);
}


static ngx_int_t
ngx_http_wix_auth_page_expand_form(ngx_http_wix_auth_page_source_t *source)
{
    const u_char  *form;

    form = (const u_char *) source->form;

    return ngx_http_wix_auth_page_add(source->segments, form,
                                      form + ngx_strlen(form),
                                      NGX_HTTP_WIX_AUTH_PAGE_TEXT);
}


/* writes a segment, or with dst NULL only counts */

static size_t
ngx_http_wix_auth_page_put(u_char *dst,
    ngx_http_wix_auth_page_segment_t *segment,
    ngx_http_wix_auth_page_values_t *values)
{
    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_http_wix_auth_pair_t  *field;

    static ngx_str_t  web_message = ngx_string("web_message");

    switch (segment->value) {

    case NGX_HTTP_WIX_AUTH_PAGE_TEXT:
        if (dst) {
            ngx_memcpy(dst, segment->text.data, segment->text.len);
        }

        return segment->text.len;

    case NGX_HTTP_WIX_AUTH_PAGE_MODE:
        if (values->response_mode != NGX_HTTP_WIX_AUTH_PAGE_WEB_MESSAGE) {
            return 0;
        }

        return ngx_http_wix_auth_page_escape(dst, &web_message);

    case NGX_HTTP_WIX_AUTH_PAGE_FIELD:
        if (values->fields == NULL) {
            return 0;
        }

        field = values->fields->elts;

        for (i = 0; i < values->fields->nelts; i++) {
            if (field[i].name.len == segment->text.len
                && ngx_strncmp(field[i].name.data, segment->text.data,
                               segment->text.len)
                   == 0)
            {
                return ngx_http_wix_auth_page_escape(dst, &field[i].value);
            }
        }

        return 0;

    default:
        value = (ngx_str_t *) ((u_char *) values + segment->value);
        return ngx_http_wix_auth_page_escape(dst, value);
    }
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
