
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_login_parts.h"


static void ngx_http_wix_auth_login_cleanup(void *data);
static void ngx_http_wix_auth_login_fields(ngx_http_wix_auth_login_t *l,
    ngx_array_t *fields);
static ngx_int_t ngx_http_wix_auth_login_copy(ngx_pool_t *pool,
    ngx_str_t *dst, ngx_str_t *src);
static void ngx_http_wix_auth_login_posted(ngx_event_t *ev);


ngx_http_wix_auth_login_t *
ngx_http_wix_auth_login_create(ngx_http_request_t *r,
    ngx_http_wix_auth_conf_t *conf)
{
    ngx_pool_cleanup_t             *cln;
    ngx_http_wix_auth_login_t      *l;
    ngx_http_wix_auth_login_own_t  *own;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_wix_auth_login_own_t));
    if (cln == NULL) {
        return NULL;
    }

    own = cln->data;

    ngx_memzero(own, sizeof(ngx_http_wix_auth_login_own_t));

    cln->handler = ngx_http_wix_auth_login_cleanup;

    l = &own->login;

    l->own = own;
    l->request = r;
    l->conf = conf;
    l->retry_after = -1;

    l->rec = ngx_http_wix_auth_record(r);
    if (l->rec == NULL) {
        return NULL;
    }

    ngx_http_wix_auth_record_cookies(l->rec, conf);

    (void) ngx_http_wix_auth_attempt_binding_check(&l->rec->binding,
                                                   &l->binding,
                                                   &l->restarted);

    if (ngx_http_wix_auth_site(r, conf, &l->site) != NGX_OK) {
        return NULL;
    }

    return l;
}


static void
ngx_http_wix_auth_login_cleanup(void *data)
{
    ngx_http_wix_auth_login_own_t  *own = data;

    if (own->call) {
        ngx_http_wix_auth_api_cancel(own->call);
        own->call = NULL;
    }

    if (own->event.posted) {
        ngx_delete_posted_event(&own->event);
    }

    ngx_http_wix_auth_login_drop(&own->login);

    ngx_http_wix_auth_login_wipe(&own->login.attempt.verifier);
    ngx_http_wix_auth_login_wipe(&own->tokens);
    ngx_http_wix_auth_login_wipe(&own->inner);
    ngx_http_wix_auth_login_wipe(&own->kept);
}


void
ngx_http_wix_auth_login_wipe(ngx_str_t *text)
{
    if (text->len) {
        ngx_explicit_memzero(text->data, text->len);
    }
}


ngx_int_t
ngx_http_wix_auth_login_bind(ngx_http_wix_auth_login_t *l)
{
    if (l->binding.len) {
        return NGX_OK;
    }

    if (ngx_http_wix_auth_attempt_binding(l->request->pool, &l->binding)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_wix_auth_login_set_cookie(l, &l->conf->cookies->binding,
                                              &l->binding,
                                              NGX_HTTP_WIX_AUTH_ATTEMPT_TIME);
}


void
ngx_http_wix_auth_login_result(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_api_result_t *result)
{
    l->own->call = NULL;
    l->reason = result->reason;
    l->retry_after = result->retry_after;
    l->fields = NULL;

    if (result->fields && result->fields->nelts) {
        ngx_http_wix_auth_login_fields(l, result->fields);
    }

    ngx_http_wix_auth_login_obey(l, result);
}


/* no memory for them is no reason to hide the error itself */

static void
ngx_http_wix_auth_login_fields(ngx_http_wix_auth_login_t *l,
    ngx_array_t *fields)
{
    ngx_uint_t                 i;
    ngx_pool_t                *pool;
    ngx_array_t               *copies;
    ngx_http_wix_auth_pair_t  *field, *copy;

    pool = l->request->pool;

    copies = ngx_array_create(pool, fields->nelts,
                              sizeof(ngx_http_wix_auth_pair_t));
    if (copies == NULL) {
        return;
    }

    field = fields->elts;

    for (i = 0; i < fields->nelts; i++) {
        copy = ngx_array_push(copies);

        if (copy == NULL
            || ngx_http_wix_auth_login_copy(pool, &copy->name, &field[i].name)
               != NGX_OK
            || ngx_http_wix_auth_login_copy(pool, &copy->value,
                                            &field[i].value)
               != NGX_OK)
        {
            return;
        }
    }

    l->fields = copies;
}


static ngx_int_t
ngx_http_wix_auth_login_copy(ngx_pool_t *pool, ngx_str_t *dst, ngx_str_t *src)
{
    dst->len = src->len;
    dst->data = ngx_pstrdup(pool, src);

    return dst->data ? NGX_OK : NGX_ERROR;
}


void
ngx_http_wix_auth_login_obey(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_api_result_t *result)
{
    if (result->pause) {
        ngx_http_wix_auth_budget_pause(l->conf->zone, l->site.client_id,
                                       result->retry_after);
    }
}


void
ngx_http_wix_auth_login_fail(ngx_http_wix_auth_login_t *l)
{
    ngx_http_wix_auth_throttle_give(l);

    l->reason = NGX_HTTP_WIX_AUTH_INTERNAL_ERROR;
    l->done(l);
}


void
ngx_http_wix_auth_login_post(ngx_http_wix_auth_login_t *l, ngx_uint_t reason)
{
    ngx_event_t  *ev;

    l->reason = reason;

    ev = &l->own->event;

    ev->handler = ngx_http_wix_auth_login_posted;
    ev->data = l;
    ev->log = l->request->connection->log;

    ngx_post_event(ev, &ngx_posted_events);
}


static void
ngx_http_wix_auth_login_posted(ngx_event_t *ev)
{
    ngx_http_wix_auth_login_t  *l = ev->data;

    l->done(l);
}


ngx_int_t
ngx_http_wix_auth_login_away(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_api_result_t *result)
{
    l->leaves = 1;
    l->state = NGX_HTTP_WIX_AUTH_STATE_SUCCESS;

    return ngx_http_wix_auth_login_copy(l->request->pool, &l->redirect_url,
                                        &result->full_url);
}


ngx_int_t
ngx_http_wix_auth_login_context(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_attempt_ctx_t *ctx)
{
    ctx->ring = ngx_http_wix_auth_site_ring(l->conf);
    ctx->binding = l->binding;
    ctx->client = l->site.client;
    ctx->redirect_uri = l->site.redirect_uri;
    ctx->prefix = l->site.prefix;

    return ctx->ring ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_wix_auth_login_mark(ngx_http_wix_auth_login_t *l, ngx_uint_t marker)
{
    u_char     *p;
    ngx_str_t   value;

    if (l->binding.len == 0
        && ngx_http_wix_auth_attempt_binding(l->request->pool, &l->binding)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(l->request->pool, l->binding.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    p = ngx_sprintf(p, "%s%V", marker ? "!" : "", &l->binding);
    value.len = p - value.data;

    return ngx_http_wix_auth_login_set_cookie(l, &l->conf->cookies->binding,
                                              &value,
                                              NGX_HTTP_WIX_AUTH_ATTEMPT_TIME);
}


ngx_int_t
ngx_http_wix_auth_login_set_cookie(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_cookie_t *cookie, ngx_str_t *value, time_t max_age)
{
    ngx_str_t  header;

    if (ngx_http_wix_auth_cookie_set(l->request->pool, cookie, value,
                                     cookie->session && max_age ? -1
                                                                : max_age,
                                     &header)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_wix_auth_answer_header(l->request, "Set-Cookie", &header);
}
