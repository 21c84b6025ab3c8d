
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * Templates of a site: read from a file, compiled, rendered.  No value gets
 * into a page as markup, whatever the template and the value are, and no
 * template gets anything but hashes into a policy.
 *
 * Input: a value; the name of a field; two digits, captcha and response mode;
 * the template.
 */


/* to compile one page alone, and not all nine with each input */
#include "ngx_http_wix_auth_page.c"

#include "fuzz.h"

#include <sys/mman.h>


#define FUZZ_MAX_LEN  8192

#define MARK  16


static ngx_int_t load(fuzz_t *f, ngx_conf_t *cf, ngx_str_t *text,
    ngx_str_t *page);
static void fill(fuzz_t *f, ngx_http_wix_auth_page_values_t *values,
    ngx_str_t *value, ngx_str_t *field);
static void pages(fuzz_t *f, ngx_http_wix_auth_page_t *page,
    ngx_http_wix_auth_page_values_t *values, ngx_str_t *text);
static void marked(fuzz_t *f, ngx_http_wix_auth_page_t *page,
    ngx_http_wix_auth_page_values_t *values, ngx_str_t *text,
    ngx_str_t *field);
static void policy(ngx_str_t *text);


void
fuzz_one(fuzz_t *f)
{
    ngx_int_t                        rc;
    ngx_str_t                        value, field, text, source_text;
    ngx_uint_t                       digits;
    ngx_conf_t                       cf;
    ngx_http_wix_auth_page_t         page;
    ngx_http_wix_auth_page_source_t  source;
    ngx_http_wix_auth_page_values_t  values;

    value = fuzz_line(f);
    field = fuzz_line(f);
    digits = fuzz_number(f, 99);
    text = fuzz_rest(f);

    memset(&cf, 0, sizeof(ngx_conf_t));
    cf.pool = f->pool;
    cf.log = &fuzz_log;

    memset(&page, 0, sizeof(ngx_http_wix_auth_page_t));
    memset(&source, 0, sizeof(ngx_http_wix_auth_page_source_t));

    if (load(f, &cf, &text, &source_text) != NGX_OK) {
        return;
    }

    source.cf = &cf;
    source.name = fuzz_str("login.html");
    source.text = source_text;
    source.form = "login";

    rc = ngx_http_wix_auth_page_compile(&cf, &page, &source);

    if (rc != NGX_OK) {
        FUZZ_CHECK(f->starved || fuzz_emergencies > 0);
        FUZZ_CHECK(f->starved
                   || memmem(source_text.data, source_text.len, "{{", 2));
        return;
    }

    FUZZ_CHECK(fuzz_emergencies == 0);

    memset(&values, 0, sizeof(ngx_http_wix_auth_page_values_t));

    values.captcha = digits / 10 % 4;
    values.response_mode = digits % 5;

    fill(f, &values, &value, &field);

    pages(f, &page, &values, &source_text);
    marked(f, &page, &values, &source_text, &field);
}


/* through a file, as nginx finds it */

static ngx_int_t
load(fuzz_t *f, ngx_conf_t *cf, ngx_str_t *text, ngx_str_t *page)
{
    size_t     i;
    ngx_int_t  rc;
    ngx_str_t  name;

    static int   fd = -1;
    static char  path[64];

    if (fd == -1) {
        fd = memfd_create("template", 0);
        FUZZ_CHECK(fd != -1);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }

    FUZZ_CHECK(ftruncate(fd, 0) == 0);
    FUZZ_CHECK(pwrite(fd, text->data, text->len, 0) == (ssize_t) text->len);

    name.data = (u_char *) path;
    name.len = strlen(path);

    rc = ngx_http_wix_auth_markup_read(cf, &name, page);

    if (rc != NGX_OK) {
        FUZZ_CHECK(f->starved || memchr(text->data, '\0', text->len));
        return rc;
    }

    FUZZ_CHECK(page->len <= text->len);
    FUZZ_CHECK(memchr(page->data, '\r', page->len) == NULL);
    FUZZ_CHECK(fuzz_emergencies == 0);

    /* lines stay lines */

    for (i = 0; i < page->len; i++) {
        if (page->data[i] == '\n') {
            FUZZ_CHECK(ngx_http_wix_auth_markup_line(page, &page->data[i + 1])
                       == ngx_http_wix_auth_markup_line(page, &page->data[i])
                          + 1);
            break;
        }
    }

    return NGX_OK;
}


static void
fill(fuzz_t *f, ngx_http_wix_auth_page_values_t *values, ngx_str_t *value,
    ngx_str_t *field)
{
    ngx_http_wix_auth_pair_t  *pair;

    values->action = *value;
    values->return_url = *value;
    values->email = *value;
    values->error = *value;
    values->message = *value;
    values->state_token = *value;
    values->site = *value;
    values->request_id = *value;
    values->prefix = *value;
    values->query = *value;
    values->state = *value;

    values->fields = ngx_array_create(f->pool, 1,
                                      sizeof(ngx_http_wix_auth_pair_t));
    if (values->fields) {
        pair = ngx_array_push(values->fields);

        if (pair == NULL) {
            values->fields = NULL;
            return;
        }

        pair->name = *field;
        pair->value = *value;
    }
}


static void
pages(fuzz_t *f, ngx_http_wix_auth_page_t *page,
    ngx_http_wix_auth_page_values_t *values, ngx_str_t *text)
{
    ngx_str_t   html, *own;
    ngx_uint_t  captcha;

    if (ngx_http_wix_auth_page_render(f->pool, page, 0, values, &html)
        != NGX_OK)
    {
        FUZZ_CHECK(f->starved);
        return;
    }

    /* without placeholders it is the template */

    if (memmem(text->data, text->len, "{{", 2) == NULL) {
        FUZZ_CHECK(fuzz_equal(&html, text));
    }

    for (captcha = 0; captcha < 4; captcha++) {
        own = ngx_http_wix_auth_page_policy(page, 0, captcha, 0);
        policy(own);
        own = ngx_http_wix_auth_page_policy(page, 0, captcha, 2);
        policy(own);
    }
}


/*
 * Each value is a mark between all that has a meaning in HTML; where a mark
 * is in the page, there must be all of the value, and escaped.
 */

static void
marked(fuzz_t *f, ngx_http_wix_auth_page_t *page,
    ngx_http_wix_auth_page_values_t *values, ngx_str_t *text,
    ngx_str_t *field)
{
    char        mark[MARK + 1], value[128], escaped[256];
    u_char     *p, *last;
    size_t      len;
    ngx_str_t   html, v;
    ngx_uint_t  n;

    snprintf(mark, sizeof(mark), "%016llx", (unsigned long long) f->hash);

    v.data = (u_char *) value;
    v.len = snprintf(value, sizeof(value), "%s&<>\"'%s", mark, mark);
    len = snprintf(escaped, sizeof(escaped), "%s&amp;&lt;&gt;&quot;&#39;%s",
                   mark, mark);

    if (memmem(text->data, text->len, mark, MARK)) {
        return;
    }

    fill(f, values, &v, field);

    if (ngx_http_wix_auth_page_render(f->pool, page, 0, values, &html)
        != NGX_OK)
    {
        FUZZ_CHECK(f->starved);
        return;
    }

    n = 0;
    p = html.data;
    last = p + html.len;

    while ((p = memmem(p, last - p, mark, MARK)) != NULL) {
        FUZZ_CHECK((size_t) (last - p) >= len && memcmp(p, escaped, len) == 0);
        p += len;
        n++;
    }

    FUZZ_CHECK(n <= text->len / 4);
}


/* nothing that a template could have put there */

static void
policy(ngx_str_t *text)
{
    size_t      i;
    ngx_str_t   start;

    FUZZ_CHECK(fuzz_printable(text, 1));

    start = fuzz_str("default-src 'none'; ");

    FUZZ_CHECK(text->len > start.len
               && memcmp(text->data, start.data, start.len) == 0);
    FUZZ_CHECK(fuzz_contains(text, &fuzz_str("; base-uri 'none'; "
                                             "frame-ancestors 'none'")));
    FUZZ_CHECK(!fuzz_contains(text, &fuzz_str("unsafe")));

    for (i = 0; i < text->len; i++) {
        FUZZ_CHECK(text->data[i] != '"' && text->data[i] != ','
                   && text->data[i] != '<');
    }
}
