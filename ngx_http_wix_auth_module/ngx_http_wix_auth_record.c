
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_reason.h"
#include "ngx_http_wix_auth_record.h"
#include "ngx_http_wix_auth_site.h"


/* pairs of ours that are looked at in one Cookie header */
#define NGX_HTTP_WIX_AUTH_HITS_MAX  16


static void ngx_http_wix_auth_record_cleanup(void *data);
static ngx_inline void ngx_http_wix_auth_record_scan(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_cookies_t *names,
    ngx_str_t *header);
static ngx_inline ngx_int_t ngx_http_wix_auth_record_query(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf,
    ngx_http_wix_auth_session_query_t *q);
static ngx_int_t ngx_http_wix_auth_record_find(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf,
    ngx_uint_t kind, ngx_http_wix_auth_session_query_t *q);
static ngx_int_t ngx_http_wix_auth_record_failed(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf,
    ngx_uint_t kind, ngx_str_t *cookie, ngx_int_t rc);
static ngx_inline ngx_int_t ngx_http_wix_auth_record_session(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf,
    ngx_http_wix_auth_session_query_t *q);
static ngx_int_t ngx_http_wix_auth_record_grow(
    ngx_http_wix_auth_record_t *rec, size_t size);
static ngx_uint_t ngx_http_wix_auth_record_serves(
    ngx_http_wix_auth_record_t *rec, ngx_http_wix_auth_conf_t *conf,
    u_char client[16]);


/* of a session's strings, with a token or a profile; each worker has its own */
static size_t  ngx_http_wix_auth_record_room = 1024;


ngx_http_wix_auth_record_t *
ngx_http_wix_auth_record_again(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t          *cln;
    ngx_http_wix_auth_record_t  *rec;

    if (!r->internal && !r->filter_finalize) {
        return NULL;
    }

    /* an internal redirect has cleared the contexts */

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_wix_auth_record_cleanup) {
            rec = cln->data;
            ngx_http_set_ctx(r, rec, ngx_http_wix_auth_module);
            return rec;
        }
    }

    return NULL;
}


ngx_http_wix_auth_record_t *
ngx_http_wix_auth_record(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t          *cln;
    ngx_http_wix_auth_record_t  *rec;

    rec = ngx_http_wix_auth_record_peek(r);

    if (rec) {
        return rec;
    }

    r = r->main;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    rec = ngx_pcalloc(r->pool, sizeof(ngx_http_wix_auth_record_t));
    if (rec == NULL) {
        return NULL;
    }

    rec->request = r;
    rec->buf = rec->inline_buf;
    rec->size = NGX_HTTP_WIX_AUTH_SESSION_INLINE;

    cln->handler = ngx_http_wix_auth_record_cleanup;
    cln->data = rec;

    ngx_http_set_ctx(r, rec, ngx_http_wix_auth_module);

    return rec;
}


static void
ngx_http_wix_auth_record_cleanup(void *data)
{
    ngx_http_wix_auth_record_t  *rec = data;

    if (rec->leave) {
        rec->leave(rec);
    }

    if (rec->buf != rec->inline_buf) {
        ngx_explicit_memzero(rec->buf, rec->size);
    }

    if (rec->args.len) {
        ngx_explicit_memzero(rec->args.data, rec->args.len);
    }
}


void
ngx_http_wix_auth_record_cookies(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf)
{
#if (nginx_version >= 1023000)
    ngx_table_elt_t             *h;
#else
    ngx_uint_t                   i;
    ngx_table_elt_t            **h;
#endif
    ngx_http_request_t          *r;

    if (rec->read == conf->cookies) {
        return;
    }

    /* the same names again, after the headers have been cut */

    if (rec->read
        && rec->read->session.name.len == conf->cookies->session.name.len
        && ngx_strncmp(rec->read->session.name.data,
                       conf->cookies->session.name.data,
                       conf->cookies->session.name.len)
           == 0)
    {
        return;
    }

    rec->read = conf->cookies;
    rec->ours = 0;
    rec->part.len = 0;
    rec->ncookies = 0;
    rec->binding.len = 0;
    rec->returns.len = 0;
    rec->token.len = 0;

    r = rec->request;

#if (nginx_version >= 1023000)

    for (h = r->headers_in.cookie; h; h = h->next) {
        ngx_http_wix_auth_record_scan(rec, conf->cookies, &h->value);
    }

#else

    h = r->headers_in.cookies.elts;

    for (i = 0; i < r->headers_in.cookies.nelts; i++) {
        ngx_http_wix_auth_record_scan(rec, conf->cookies, &h[i]->value);
    }

#endif
}


static ngx_inline void
ngx_http_wix_auth_record_scan(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_cookies_t *names, ngx_str_t *header)
{
    ngx_str_t                        part;
    ngx_uint_t                       i, n;
    ngx_http_wix_auth_cookie_hit_t   hits[NGX_HTTP_WIX_AUTH_HITS_MAX];

    n = ngx_http_wix_auth_cookie_part(header, names->names, names->nnames,
                                      names->first, hits,
                                      NGX_HTTP_WIX_AUTH_HITS_MAX, &part);

    rec->ours += n;

    if (part.len) {
        rec->part = part;

    } else if (part.data && n == 0) {
        /* "name =value", which is none of ours, but is cut */
        rec->ours++;
    }

    for (i = 0; i < n; i++) {

        switch (hits[i].name) {

        case NGX_HTTP_WIX_AUTH_COOKIE_SESSION:
            if (rec->ncookies < NGX_HTTP_WIX_AUTH_COOKIES_MAX) {
                rec->cookies[rec->ncookies++] = hits[i].value;
            }

            break;

        case NGX_HTTP_WIX_AUTH_COOKIE_BINDING:
            if (rec->binding.len == 0) {
                rec->binding = hits[i].value;
            }

            break;

        case NGX_HTTP_WIX_AUTH_COOKIE_RETURNS:
            if (rec->returns.len == 0) {
                rec->returns = hits[i].value;
            }

            break;

        default: /* NGX_HTTP_WIX_AUTH_COOKIE_TOKEN */
            if (rec->token.len == 0) {
                rec->token = hits[i].value;
            }
        }
    }
}


ngx_int_t
ngx_http_wix_auth_record_lookup(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_uint_t touch, ngx_uint_t again)
{
    u_char                             *client;
    ngx_int_t                           rc;
    ngx_uint_t                          kind;
    ngx_http_wix_auth_site_t            site;
    ngx_http_wix_auth_session_query_t   q;

    if (rec->looked == conf && conf->client_text.len
        && !again && (!touch || rec->touched))
    {
        return NGX_OK;
    }

    if (rec->read != conf->cookies) {
        ngx_http_wix_auth_record_cookies(rec, conf);
    }

    if (conf->client_text.len) {
        client = conf->client;

    } else {

        if (ngx_http_wix_auth_site_client(rec->request, conf, &site)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        client = site.client_id;
    }

    if (!again && ngx_http_wix_auth_record_serves(rec, conf, client)) {
        return NGX_OK;
    }

    rec->looked = conf;
    rec->found = 0;
    rec->lost_visitor = 0;
    rec->reason = NGX_HTTP_WIX_AUTH_NO_SESSION;

    if (rec->ncookies == 0) {
        return NGX_OK;
    }

    q.client = client;
    q.idle = conf->idle;
    q.touch = touch;
    q.bearer = 0;

    if (ngx_http_wix_auth_record_query(rec, conf, &q) != NGX_OK) {
        return NGX_ERROR;
    }

    /* members first */

    kind = NGX_HTTP_WIX_AUTH_KIND_MEMBER;

    for ( ;; ) {
        rc = ngx_http_wix_auth_record_find(rec, conf, kind, &q);

        if (rc != NGX_OK || rec->found
            || rec->reason != NGX_HTTP_WIX_AUTH_NO_SESSION
            || kind == NGX_HTTP_WIX_AUTH_KIND_VISITOR)
        {
            return rc;
        }

        kind = NGX_HTTP_WIX_AUTH_KIND_VISITOR;
    }
}


ngx_int_t
ngx_http_wix_auth_record_verdict(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_str_t *token, ngx_uint_t touch)
{
    ngx_int_t                           rc;
    ngx_http_wix_auth_site_t            site;
    ngx_http_wix_auth_session_query_t   q;

    if (ngx_http_wix_auth_site_client(rec->request, conf, &site) != NGX_OK) {
        return NGX_ERROR;
    }

    rec->looked = NULL;
    rec->found = 0;
    rec->lost_visitor = 0;
    rec->reason = NGX_HTTP_WIX_AUTH_NO_SESSION;

    q.client = site.client_id;
    q.idle = 0;
    q.touch = touch;
    q.bearer = 1;

    if (ngx_http_wix_auth_record_query(rec, conf, &q) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_wix_auth_session_bearer_id(conf->zone, token, conf->profile == 1,
                                        q.id);

    rc = ngx_http_wix_auth_record_session(rec, conf, &q);

    /* another location may trust it for longer */

    if (rc == NGX_OK
        && ngx_time() - rec->session.created >= conf->bearer->cache)
    {
        rec->found = 0;
        rec->reason = NGX_HTTP_WIX_AUTH_NO_SESSION;
    }

    return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


/*
 * What every lookup of this location asks for, and room for it: as much as the
 * last sessions had, so that it fits into the request's pool as a rule.
 */

static ngx_inline ngx_int_t
ngx_http_wix_auth_record_query(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_session_query_t *q)
{
    ngx_http_wix_auth_main_conf_t  *wmcf;

    wmcf = ngx_http_get_module_main_conf(rec->request,
                                         ngx_http_wix_auth_module);

    q->now = ngx_time();
    q->access = wmcf->access_token;
    q->profile = (wmcf->profile && conf->profile == 1);

    if ((q->access || q->profile) && rec->buf == rec->inline_buf) {
        return ngx_http_wix_auth_record_grow(rec,
                                             ngx_http_wix_auth_record_room);
    }

    return NGX_OK;
}


/*
 * Tries each cookie of our name that is of this kind: a path cookie may hide
 * an older one.
 */

static ngx_int_t
ngx_http_wix_auth_record_find(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_uint_t kind,
    ngx_http_wix_auth_session_query_t *q)
{
    ngx_int_t    rc;
    ngx_str_t   *cookie;
    ngx_uint_t   i;

    for (i = 0; i < rec->ncookies; i++) {
        cookie = &rec->cookies[i];

        if (cookie->len != NGX_HTTP_WIX_AUTH_SESSION_COOKIE
            || ngx_http_wix_auth_session_cookie_kind(cookie) != kind)
        {
            continue;
        }

        ngx_http_wix_auth_session_id(conf->zone, cookie, q->id);

        rc = ngx_http_wix_auth_record_session(rec, conf, q);

        if (rc == NGX_OK || rc == NGX_ERROR) {
            return rc;
        }

        /* the alphabet costs more than the lookup, so it comes after it */

        if (!ngx_http_wix_auth_session_plausible(cookie)) {
            continue;
        }

        if (ngx_http_wix_auth_record_failed(rec, conf, kind, cookie, rc)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* why a cookie leads to no session, unless a better reason is known */

static ngx_int_t
ngx_http_wix_auth_record_failed(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_uint_t kind, ngx_str_t *cookie,
    ngx_int_t rc)
{
    ngx_uint_t                 reason;
    ngx_http_wix_auth_ring_t  *ring;

    if (rec->reason != NGX_HTTP_WIX_AUTH_NO_SESSION
        && (rc == NGX_DECLINED || kind == NGX_HTTP_WIX_AUTH_KIND_VISITOR))
    {
        return NGX_OK;
    }

    if (rc == NGX_ABORT) {
        reason = rec->session.reason;

    } else {
        ring = ngx_http_wix_auth_site_ring(conf);
        if (ring == NULL) {
            return NGX_ERROR;
        }

        if (ngx_http_wix_auth_session_genuine(ring, cookie) != NGX_OK) {

            /* of a key that is gone, perhaps: no member's at any rate */

            if (kind == NGX_HTTP_WIX_AUTH_KIND_VISITOR) {
                rec->lost_visitor = 1;
            }

            return NGX_OK;
        }

        reason = NGX_HTTP_WIX_AUTH_UNKNOWN_SESSION;
    }

    if (kind == NGX_HTTP_WIX_AUTH_KIND_MEMBER
        || reason == NGX_HTTP_WIX_AUTH_SESSION_ENDED
        || reason == NGX_HTTP_WIX_AUTH_OTHER_CLIENT)
    {
        rec->reason = reason;
        rec->lost_visitor = 0;

    } else {
        rec->lost_visitor = 1;
    }

    return NGX_OK;
}


/* one id; NGX_OK, NGX_DECLINED and NGX_ABORT as session_find() */

static ngx_inline ngx_int_t
ngx_http_wix_auth_record_session(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, ngx_http_wix_auth_session_query_t *q)
{
    ngx_int_t  rc;

    for ( ;; ) {
        q->buf = rec->buf;
        q->size = rec->size;

        rc = ngx_http_wix_auth_session_find(conf->zone, q, &rec->session);

        if (rc != NGX_AGAIN) {
            break;
        }

        ngx_http_wix_auth_record_room = ngx_align(q->need, 256);

        if (ngx_http_wix_auth_record_grow(rec, ngx_http_wix_auth_record_room)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (rc == NGX_OK && rec->buf != rec->inline_buf && q->need < q->size / 2) {
        ngx_http_wix_auth_record_room = ngx_align(ngx_max(q->need, 1), 256);
    }

    if (rc == NGX_OK) {
        rec->found = 1;
        rec->touched |= q->touch;
        rec->reason = NGX_HTTP_WIX_AUTH_OK;
    }

    return rc;
}


static ngx_int_t
ngx_http_wix_auth_record_grow(ngx_http_wix_auth_record_t *rec, size_t size)
{
    u_char  *p;

    p = ngx_pnalloc(rec->request->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (rec->buf != rec->inline_buf) {
        ngx_explicit_memzero(rec->buf, rec->size);
    }

    rec->buf = p;
    rec->size = size;

    return NGX_OK;
}


/*
 * An internal redirect has led to another location: what was copied still
 * serves when store and cookie are the same, and only the client may differ.
 */

static ngx_uint_t
ngx_http_wix_auth_record_serves(ngx_http_wix_auth_record_t *rec,
    ngx_http_wix_auth_conf_t *conf, u_char client[16])
{
    ngx_http_wix_auth_main_conf_t  *wmcf;

    if (rec->looked == NULL || !rec->found || !rec->touched
        || rec->looked->zone != conf->zone
        || rec->looked->cookies != conf->cookies)
    {
        return 0;
    }

    if (conf->profile == 1 && rec->looked->profile != 1) {
        wmcf = ngx_http_get_module_main_conf(rec->request,
                                             ngx_http_wix_auth_module);

        if (wmcf->profile) {
            /* it was not copied */
            return 0;
        }
    }

    rec->looked = conf;

    if (ngx_memcmp(rec->session.client, client, 16) != 0) {
        rec->found = 0;
        rec->touched = 0;
        rec->reason = NGX_HTTP_WIX_AUTH_OTHER_CLIENT;
    }

    return 1;
}
