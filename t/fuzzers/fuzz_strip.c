
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * What is taken away from a request: headers that claim to be ours, our
 * cookies, code and state.  All else stays where it is, and nginx's lists stay
 * whole.
 *
 * Input: a request line's target; header lines.
 */


#include "fuzz.h"

#include <ctype.h>

#include <ngx_http.h>

#include "ngx_http_wix_auth_directives.h"
#include "ngx_http_wix_auth_record.h"
#include "ngx_http_wix_auth_strip.h"


#define FUZZ_MAX_LEN  4096

#define HEADERS  24
#define PART     4            /* headers in one part of the list */


typedef struct {
    ngx_http_request_t               r;
    ngx_connection_t                 c;
    ngx_http_wix_auth_main_conf_t    wmcf;
    ngx_http_wix_auth_srv_conf_t     wscf;
    ngx_http_wix_auth_conf_t         conf;
    ngx_http_complex_value_t         client;
    ngx_http_variable_value_t        variable;
    void                            *main[1];
    void                            *srv[1];
    void                            *loc[1];
    void                            *ctx[1];

    ngx_table_elt_t                 *header[HEADERS];
    ngx_str_t                        value[HEADERS];    /* as it was */
    ngx_uint_t                       gone[HEADERS];
    ngx_uint_t                       n;
} request_t;


static ngx_int_t begin(fuzz_t *f, request_t *q);
static void headers(fuzz_t *f, request_t *q);
static ngx_uint_t claims(ngx_str_t *name);
static void list(request_t *q);
static void cookies(request_t *q);
static ngx_uint_t cookie(request_t *q, ngx_uint_t i);
static ngx_uint_t ours(ngx_http_wix_auth_cookies_t *c, ngx_str_t *value);
static void masked(fuzz_t *f, request_t *q);
static void secrets(ngx_str_t *before, ngx_str_t *after);


void
fuzz_one(fuzz_t *f)
{
    ngx_uint_t  i;
    request_t   q;

    if (begin(f, &q) != NGX_OK) {
        return;
    }

    masked(f, &q);
    headers(f, &q);

    /* post-read */

    if (ngx_http_wix_auth_drop_handler(&q.r) != NGX_DECLINED) {
        FUZZ_CHECK(f->starved);
        return;
    }

    for (i = 0; i < q.n; i++) {
        q.gone[i] = claims(&q.header[i]->key);
    }

    list(&q);

    /* preaccess */

    if (ngx_http_wix_auth_cut_handler(&q.r) != NGX_DECLINED) {
        FUZZ_CHECK(f->starved);
        return;
    }

    cookies(&q);
    list(&q);
}


static ngx_int_t
begin(fuzz_t *f, request_t *q)
{
    ngx_conf_t  cf;

    memset(q, 0, sizeof(request_t));
    memset(&cf, 0, sizeof(ngx_conf_t));

    ngx_http_wix_auth_module.ctx_index = 0;

    q->main[0] = &q->wmcf;
    q->srv[0] = &q->wscf;
    q->loc[0] = &q->conf;

    q->r.main = &q->r;
    q->r.pool = f->pool;
    q->r.connection = &q->c;
    q->r.main_conf = q->main;
    q->r.srv_conf = q->srv;
    q->r.loc_conf = q->loc;
    q->r.ctx = q->ctx;
    q->r.variables = &q->variable;
    q->c.log = &fuzz_log;

    q->wscf.clients = 1;
    q->conf.client_id = &q->client;
    q->conf.endpoint = NGX_HTTP_WIX_AUTH_EP_ALL;

    cf.pool = f->pool;

    if (ngx_http_wix_auth_cookie_default(&cf, &q->conf) != NGX_CONF_OK) {
        FUZZ_CHECK(f->starved);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* rewrite: the arguments are a part of the target, as on HTTP/1 */

static void
masked(fuzz_t *f, request_t *q)
{
    u_char                      *p;
    ngx_int_t                    rc;
    ngx_str_t                    before, args;
    ngx_http_wix_auth_record_t  *rec;

    q->r.request_line = fuzz_line(f);
    q->r.unparsed_uri = q->r.request_line;

    before = fuzz_copy(f, q->r.request_line.data, q->r.request_line.len);

    p = memchr(before.data, '?', before.len);
    if (p == NULL) {
        return;
    }

    q->r.args.data = q->r.unparsed_uri.data + (p + 1 - before.data);
    q->r.args.len = before.data + before.len - (p + 1);

    args.data = p + 1;
    args.len = q->r.args.len;

    rc = ngx_http_wix_auth_mask_handler(&q->r);

    FUZZ_CHECK(rc == NGX_DECLINED || f->starved);

    /* whatever happens, the log is still to come */

    secrets(&args, &q->r.args);

    /* and the endpoints have a copy */

    if (rc == NGX_DECLINED && args.len) {
        rec = ngx_http_wix_auth_record_peek(&q->r);

        FUZZ_CHECK(rec && fuzz_equal(&rec->args, &args));
    }

    args.data = before.data;
    args.len = p - before.data;

    FUZZ_CHECK(memcmp(args.data, q->r.unparsed_uri.data, args.len) == 0);
}


/* argument by argument: "code" and "state" are x to their end */

static void
secrets(ngx_str_t *before, ngx_str_t *after)
{
    size_t      i, end, value;
    ngx_uint_t  secret;

    FUZZ_CHECK(before->len == after->len);

    for (i = 0; i < before->len; i = end + 1) {

        for (end = i; end < before->len && before->data[end] != '&'; end++) {
            /* void */
        }

        value = 0;

        if (end - i > 5
            && strncasecmp((char *) &before->data[i], "code=", 5) == 0)
        {
            value = 5;
        }

        if (end - i > 6
            && strncasecmp((char *) &before->data[i], "state=", 6) == 0)
        {
            value = 6;
        }

        secret = (value != 0);
        value = secret ? i + value : i;

        FUZZ_CHECK(memcmp(&before->data[i], &after->data[i], value - i) == 0);

        /* a query ends where the version or a fragment begins */

        for ( /* void */ ; value < end; value++) {

            if (before->data[value] == ' ' || before->data[value] == '#') {
                secret = 0;
            }

            FUZZ_CHECK(after->data[value] == (secret ? 'x'
                                                     : before->data[value]));
        }
    }
}


static void
headers(fuzz_t *f, request_t *q)
{
    u_char            *colon;
    ngx_str_t          line;
    ngx_list_t        *l;
    ngx_int_t          allocations;
    ngx_list_part_t   *part;
    ngx_table_elt_t   *h, **cookie;

#if (nginx_version < 1023000)
    static ngx_table_elt_t  *all[HEADERS];
#endif

    allocations = fuzz_plenty();

    l = &q->r.headers_in.headers;
    l->size = sizeof(ngx_table_elt_t);
    l->nalloc = PART;
    l->pool = f->pool;
    l->part.elts = ngx_palloc(f->pool, PART * l->size);
    l->last = &l->part;

#if (nginx_version >= 1023000)
    cookie = &q->r.headers_in.cookie;
#else
    cookie = all;
    q->r.headers_in.cookies.elts = all;
#endif

    while (f->pos < f->last && q->n < HEADERS) {
        line = fuzz_line(f);

        colon = memchr(line.data, ':', line.len);
        if (colon == NULL || colon == line.data) {
            continue;
        }

        part = l->last;

        if (part->nelts == PART) {
            part->next = ngx_pcalloc(f->pool, sizeof(ngx_list_part_t));
            part = part->next;
            part->elts = ngx_palloc(f->pool, PART * l->size);
            l->last = part;
        }

        h = (ngx_table_elt_t *) part->elts + part->nelts++;
        memset(h, 0, sizeof(ngx_table_elt_t));

        h->hash = 1;
        h->key.data = line.data;
        h->key.len = colon - line.data;
        h->value.data = colon + 1;
        h->value.len = line.data + line.len - h->value.data;

        q->header[q->n] = h;
        q->value[q->n++] = fuzz_copy(f, h->value.data, h->value.len);

        if (h->key.len == 6
            && strncasecmp((char *) h->key.data, "cookie", 6) == 0)
        {
            *cookie = h;
#if (nginx_version >= 1023000)
            cookie = &h->next;
#else
            cookie++;
            q->r.headers_in.cookies.nelts++;
#endif
        }
    }

    fuzz_enough(allocations);
}


/* X-Wix-Auth-, also as CGI would write it */

static ngx_uint_t
claims(ngx_str_t *name)
{
    char    text[12];
    size_t  i;

    if (name->len < 11) {
        return 0;
    }

    for (i = 0; i < 11; i++) {
        text[i] = isalnum(name->data[i]) ? (char) name->data[i] : '-';
    }

    return strncasecmp(text, "x-wix-auth-", 11) == 0;
}


/* as nginx walks through it: what is left, in its order and in its place */

static void
list(request_t *q)
{
    ngx_uint_t        i, k;
    ngx_list_t       *l;
    ngx_table_elt_t  *h;
    ngx_list_part_t  *part;

    l = &q->r.headers_in.headers;
    k = 0;

    for (part = &l->part; part; part = part->next) {

        FUZZ_CHECK(part->nelts > 0 || part == &l->part);
        FUZZ_CHECK(part->next || part == l->last);

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            while (k < q->n && q->gone[k]) {
                k++;
            }

            FUZZ_CHECK(k < q->n && q->header[k] == &h[i]);
            k++;
        }
    }

    while (k < q->n && q->gone[k]) {
        k++;
    }

    FUZZ_CHECK(k == q->n);

    /* a later push must not write over anything */

    FUZZ_CHECK(l->nalloc >= 1 && l->last->nelts <= l->nalloc);
    FUZZ_CHECK(l->last->nelts == l->nalloc || l->nalloc <= PART);
}


static void
cookies(request_t *q)
{
    ngx_str_t                    *value, rest;
    ngx_uint_t                    i, found;
    ngx_table_elt_t              *h;
    ngx_http_wix_auth_cookies_t  *c;

    c = q->conf.cookies;
    found = 0;

    for (i = 0; i < q->n; i++) {
        if (cookie(q, i)) {
            found += ours(c, &q->value[i]);
        }
    }

    for (i = 0; i < q->n; i++) {
        h = q->header[i];
        value = &q->value[i];

        if (!cookie(q, i) || found == 0) {
            FUZZ_CHECK(fuzz_equal(&h->value, value));
            continue;
        }

        /* ours are not there, and whoever has read it before still has it */

        FUZZ_CHECK(ours(c, &h->value) == 0);
        FUZZ_CHECK(memcmp(h->key.data + h->key.len + 1, value->data,
                          value->len)
                   == 0);

        rest.data = malloc(value->len);
        rest.len = ngx_http_wix_auth_cookie_cut(rest.data, value, c->names,
                                                c->nnames);

        if (rest.len != value->len) {
            FUZZ_CHECK(fuzz_equal(&rest, &h->value));
            FUZZ_CHECK(h->value.data[h->value.len] == '\0');
            q->gone[i] = (rest.len == 0);

        } else {
            FUZZ_CHECK(fuzz_equal(&h->value, value));
        }

        free(rest.data);
    }
}


static ngx_uint_t
cookie(request_t *q, ngx_uint_t i)
{
    ngx_str_t  *key;

    key = &q->header[i]->key;

    return !q->gone[i] && key->len == 6
           && strncasecmp((char *) key->data, "cookie", 6) == 0;
}


static ngx_uint_t
ours(ngx_http_wix_auth_cookies_t *c, ngx_str_t *value)
{
    ngx_str_t                       part;
    ngx_uint_t                      n;
    ngx_http_wix_auth_cookie_hit_t  hits[8];

    n = ngx_http_wix_auth_cookie_part(value, c->names, c->nnames,
                         ngx_http_wix_auth_cookie_first(c->names, c->nnames),
                         hits, 8, &part);

    return n ? n : part.data != NULL;
}
