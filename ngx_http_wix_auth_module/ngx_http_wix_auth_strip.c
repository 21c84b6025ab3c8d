
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_record.h"
#include "ngx_http_wix_auth_strip.h"


static ngx_uint_t ngx_http_wix_auth_strip_ours(ngx_str_t *name);
static ngx_int_t ngx_http_wix_auth_strip_remove(ngx_http_request_t *r,
    ngx_list_part_t *prev, ngx_list_part_t *part, ngx_uint_t i);
static ngx_int_t ngx_http_wix_auth_strip_header(ngx_http_request_t *r,
    ngx_table_elt_t *h);
static ngx_int_t ngx_http_wix_auth_strip_cookies(ngx_http_request_t *r,
    ngx_http_wix_auth_record_t *rec, ngx_uint_t *changed);
static ngx_int_t ngx_http_wix_auth_strip_cookie(ngx_http_request_t *r,
    ngx_http_wix_auth_record_t *rec, ngx_table_elt_t *h,
    ngx_uint_t *changed);
static void ngx_http_wix_auth_strip_query(ngx_str_t *text);
static void ngx_http_wix_auth_strip_mask(u_char *p, u_char *last);
static ngx_uint_t ngx_http_wix_auth_strip_secret(u_char *p, u_char *last);


ngx_int_t
ngx_http_wix_auth_drop_handler(ngx_http_request_t *r)
{
    ngx_uint_t                     i;
    ngx_list_part_t               *part, *prev;
    ngx_table_elt_t               *h;
    ngx_http_wix_auth_srv_conf_t  *wscf;

    wscf = ngx_http_get_module_srv_conf(r, ngx_http_wix_auth_module);

    if (!wscf->clients || r != r->main) {
        return NGX_DECLINED;
    }

again:

    prev = NULL;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (!ngx_http_wix_auth_strip_ours(&h[i].key)) {
                continue;
            }

            if (ngx_http_wix_auth_strip_remove(r, prev, part, i) != NGX_OK) {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }

            /* the parts have changed */
            goto again;
        }

        prev = part;
    }

    return NGX_DECLINED;
}


/*
 * Where an application sees names as variables of CGI, many a character has
 * become "_", so that all that are no letter or digit are one here.
 */

static ngx_uint_t
ngx_http_wix_auth_strip_ours(ngx_str_t *name)
{
    u_char  c;
    size_t  i;

    static u_char  prefix[] = "x-wix-auth-";

    if (name->len < sizeof(prefix) - 1) {
        return 0;
    }

    for (i = 0; i < sizeof(prefix) - 1; i++) {
        c = ngx_tolower(name->data[i]);

        if (c == prefix[i]) {
            continue;
        }

        if (prefix[i] != '-' || (c >= '0' && c <= '9')
            || (c >= 'a' && c <= 'z'))
        {
            return 0;
        }
    }

    return 1;
}


/*
 * Elements of the header list must not move: nginx points at them.  So the
 * list is cut around the element; a part that becomes empty is unlinked,
 * since nginx steps into a following part without looking at its length.
 */

static ngx_int_t
ngx_http_wix_auth_strip_remove(ngx_http_request_t *r, ngx_list_part_t *prev,
    ngx_list_part_t *part, ngx_uint_t i)
{
    ngx_list_t       *list;
    ngx_list_part_t  *rest;
    ngx_table_elt_t  *h;

    list = &r->headers_in.headers;
    h = part->elts;

    if (i == part->nelts - 1) {
        part->nelts--;

    } else if (i == 0) {
        part->elts = &h[1];
        part->nelts--;

    } else {
        rest = ngx_palloc(r->pool, sizeof(ngx_list_part_t));
        if (rest == NULL) {
            return NGX_ERROR;
        }

        rest->elts = &h[i + 1];
        rest->nelts = part->nelts - i - 1;
        rest->next = part->next;

        part->nelts = i;
        part->next = rest;

        if (list->last == part) {
            list->last = rest;
        }
    }

    if (part->nelts == 0 && prev) {
        prev->next = part->next;

        if (list->last == part) {
            list->last = prev;
        }
    }

    /* a later push opens a part of its own; an empty one keeps a place */
    list->nalloc = ngx_max(list->last->nelts, 1);

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_strip_header(ngx_http_request_t *r, ngx_table_elt_t *h)
{
    ngx_list_part_t  *part, *prev;
    ngx_table_elt_t  *elts;

    prev = NULL;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        elts = part->elts;

        if (h >= elts && h < elts + part->nelts) {
            return ngx_http_wix_auth_strip_remove(r, prev, part, h - elts);
        }

        prev = part;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_wix_auth_cut_handler(ngx_http_request_t *r)
{
    ngx_uint_t                      changed;
    ngx_http_wix_auth_conf_t       *conf;
    ngx_http_wix_auth_record_t     *rec;
    ngx_http_wix_auth_main_conf_t  *wmcf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_wix_auth_module);

    if (conf->client_id == NULL || r != r->main) {
        return NGX_DECLINED;
    }

#if (nginx_version >= 1023000)
    if (r->headers_in.cookie == NULL) {
        return NGX_DECLINED;
    }
#else
    if (r->headers_in.cookies.nelts == 0) {
        return NGX_DECLINED;
    }
#endif

    rec = ngx_http_wix_auth_record(r);
    if (rec == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rec->read != conf->cookies) {
        ngx_http_wix_auth_record_cookies(rec, conf);
    }

    if (rec->ours == 0) {
        return NGX_DECLINED;
    }

    changed = 0;

    if (ngx_http_wix_auth_strip_cookies(r, rec, &changed) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!changed) {
        return NGX_DECLINED;
    }

    /* nginx keeps the value of $http_cookie once somebody has read it */

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_wix_auth_module);

    r->variables[wmcf->cookie_index].valid = 0;
    r->variables[wmcf->cookie_index].not_found = 0;

    return NGX_DECLINED;
}


/* all Cookie headers; one that becomes empty is unlinked */

static ngx_int_t
ngx_http_wix_auth_strip_cookies(ngx_http_request_t *r,
    ngx_http_wix_auth_record_t *rec, ngx_uint_t *changed)
{
#if (nginx_version >= 1023000)
    ngx_table_elt_t   *h, **ph;
#else
    ngx_uint_t         i, n;
    ngx_table_elt_t  **h;
#endif

#if (nginx_version >= 1023000)

    for (ph = &r->headers_in.cookie; *ph; /* void */) {
        h = *ph;

        if (ngx_http_wix_auth_strip_cookie(r, rec, h, changed)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (h->value.len == 0) {
            *ph = h->next;

        } else {
            ph = &h->next;
        }
    }

#else

    h = r->headers_in.cookies.elts;
    n = 0;

    for (i = 0; i < r->headers_in.cookies.nelts; i++) {

        if (ngx_http_wix_auth_strip_cookie(r, rec, h[i], changed)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (h[i]->value.len) {
            h[n++] = h[i];
        }
    }

    r->headers_in.cookies.nelts = n;

#endif

    return NGX_OK;
}


/*
 * A new value, never an edit in place: a variable that was read before
 * shares the memory of the old one.
 */

static ngx_int_t
ngx_http_wix_auth_strip_cookie(ngx_http_request_t *r,
    ngx_http_wix_auth_record_t *rec, ngx_table_elt_t *h,
    ngx_uint_t *changed)
{
    u_char     *p, *q, *last;
    size_t      len;
    ngx_str_t  *part;

    p = ngx_pnalloc(r->pool, h->value.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    part = &rec->part;
    last = h->value.data + h->value.len;

    if (part->len && part->data >= h->value.data && part->data < last) {
        q = ngx_cpymem(p, h->value.data, part->data - h->value.data);
        ngx_memcpy(q, part->data + part->len,
                   last - (part->data + part->len));

        len = h->value.len - part->len;

    } else {
        len = ngx_http_wix_auth_cookie_cut(p, &h->value,
                                           rec->read->names,
                                           rec->read->nnames);

        if (len == h->value.len) {
            return NGX_OK;
        }
    }

    p[len] = '\0';

    h->value.data = p;
    h->value.len = len;

    *changed = 1;

    return len ? NGX_OK : ngx_http_wix_auth_strip_header(r, h);
}


ngx_int_t
ngx_http_wix_auth_mask_handler(ngx_http_request_t *r)
{
    u_char                      *copy;
    ngx_http_wix_auth_conf_t    *conf;
    ngx_http_wix_auth_record_t  *rec;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_wix_auth_module);

    if (conf->endpoint == NGX_HTTP_WIX_AUTH_EP_NONE
        || r != r->main || r->args.len == 0)
    {
        return NGX_DECLINED;
    }

    rec = ngx_http_wix_auth_record(r);

    if (rec && rec->args.data) {
        return NGX_DECLINED;
    }

    /* the endpoints read this copy; without one, the log is still to come */

    copy = rec ? ngx_pstrdup(r->pool, &r->args) : NULL;

    /*
     * On HTTP/1 all three may share one buffer; on HTTP/2 the request line
     * is a copy, and after a rewrite the arguments are.
     */

    ngx_http_wix_auth_strip_query(&r->unparsed_uri);
    ngx_http_wix_auth_strip_query(&r->request_line);
    ngx_http_wix_auth_strip_mask(r->args.data, r->args.data + r->args.len);

    if (copy == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rec->args.data = copy;
    rec->args.len = r->args.len;

    return NGX_DECLINED;
}


static void
ngx_http_wix_auth_strip_query(ngx_str_t *text)
{
    u_char  *p, *last;

    last = text->data + text->len;

    p = ngx_strlchr(text->data, last, '?');

    if (p) {
        ngx_http_wix_auth_strip_mask(p + 1, last);
    }
}


/* overwrites the values of code and state; no length changes */

static void
ngx_http_wix_auth_strip_mask(u_char *p, u_char *last)
{
    for ( /* void */ ; p < last; p++) {

        if (ngx_http_wix_auth_strip_secret(p, last)) {
            p = ngx_strlchr(p, last, '=');

            while (++p < last && *p != '&' && *p != ' ' && *p != '#') {
                *p = 'x';
            }
        }

        while (p < last && *p != '&') {
            p++;
        }
    }
}


/* 1 when an argument called code or state begins at p */

static ngx_uint_t
ngx_http_wix_auth_strip_secret(u_char *p, u_char *last)
{
    return (last - p > 5
            && ngx_strncasecmp(p, (u_char *) "code=", 5) == 0)
           || (last - p > 6
               && ngx_strncasecmp(p, (u_char *) "state=", 6) == 0);
}
