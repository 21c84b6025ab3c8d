
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_json.h"
#include "ngx_http_wix_auth_reply.h"
#include "ngx_http_wix_auth_site.h"


static ngx_int_t ngx_http_wix_auth_reply_error_page(ngx_http_request_t *r,
    ngx_http_wix_auth_reason_t *why, ngx_str_t *action, ngx_str_t *id,
    ngx_http_wix_auth_answer_t *a);
static ngx_int_t ngx_http_wix_auth_reply_fields(ngx_http_request_t *r,
    ngx_http_wix_auth_json_writer_t *w, ngx_array_t *fields);
static void ngx_http_wix_auth_reply_captcha(ngx_http_request_t *r,
    ngx_http_wix_auth_json_writer_t *w);


void
ngx_http_wix_auth_reply_request_id(ngx_http_request_t *r, ngx_str_t *id)
{
    ngx_uint_t                  key;
    ngx_http_variable_value_t  *vv;

    static ngx_str_t  name = ngx_string("request_id");

    ngx_str_null(id);

    key = ngx_hash_key(name.data, name.len);

    vv = ngx_http_get_variable(r, &name, key);

    if (vv == NULL || vv->not_found) {
        return;
    }

    id->data = vv->data;
    id->len = vv->len;
}


ngx_int_t
ngx_http_wix_auth_reply_error(ngx_http_request_t *r, ngx_uint_t reason,
    ngx_uint_t html, ngx_array_t *fields, ngx_str_t *action,
    ngx_http_wix_auth_answer_t *a)
{
    ngx_str_t                         id;
    ngx_http_wix_auth_reason_t       *why;
    ngx_http_wix_auth_json_writer_t  *w;

    why = ngx_http_wix_auth_reason(reason);

    a->status = why->status;

    ngx_http_wix_auth_reply_request_id(r, &id);

    if (html) {
        return ngx_http_wix_auth_reply_error_page(r, why, action, &id, a);
    }

    w = ngx_http_wix_auth_json_begin(r->pool);
    if (w == NULL) {
        return NGX_ERROR;
    }

    ngx_http_wix_auth_json_object(w, NULL);
    ngx_http_wix_auth_json_put(w, "error", &why->code);
    ngx_http_wix_auth_json_put(w, "message", &why->message);

    if (fields && fields->nelts
        && ngx_http_wix_auth_reply_fields(r, w, fields) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (reason == NGX_HTTP_WIX_AUTH_CAPTCHA_REQUIRED
        || reason == NGX_HTTP_WIX_AUTH_CAPTCHA_INVALID)
    {
        ngx_http_wix_auth_reply_captcha(r, w);
    }

    if (action->len) {
        ngx_http_wix_auth_json_put(w, "loginUrl", action);
    }

    ngx_http_wix_auth_json_put(w, "requestId", &id);
    ngx_http_wix_auth_json_end(w);

    ngx_str_set(&a->type, "application/json");

    return ngx_http_wix_auth_json_finish(w, &a->body);
}


static ngx_int_t
ngx_http_wix_auth_reply_error_page(ngx_http_request_t *r,
    ngx_http_wix_auth_reason_t *why, ngx_str_t *action, ngx_str_t *id,
    ngx_http_wix_auth_answer_t *a)
{
    ngx_str_t                         none;
    ngx_http_wix_auth_conf_t         *conf;
    ngx_http_wix_auth_page_values_t   values;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_wix_auth_module);

    ngx_memzero(&values, sizeof(ngx_http_wix_auth_page_values_t));
    ngx_str_null(&none);

    values.error = why->code;
    values.message = why->message;
    values.action = *action;
    values.request_id = *id;
    values.site = r->headers_in.server;

    ngx_http_wix_auth_site_prefix(conf, &none, &values.prefix);

    return ngx_http_wix_auth_reply_page(r, NGX_HTTP_WIX_AUTH_PAGE_ERROR,
                                        &values, a);
}


/* the writer's keys are C strings, and some of these names were sent to us */

static ngx_int_t
ngx_http_wix_auth_reply_fields(ngx_http_request_t *r,
    ngx_http_wix_auth_json_writer_t *w, ngx_array_t *fields)
{
    u_char                    *name;
    ngx_uint_t                 i;
    ngx_http_wix_auth_pair_t  *field;

    field = fields->elts;

    ngx_http_wix_auth_json_object(w, "fields");

    for (i = 0; i < fields->nelts; i++) {

        name = ngx_pnalloc(r->pool, field[i].name.len + 1);
        if (name == NULL) {
            return NGX_ERROR;
        }

        ngx_cpystrn(name, field[i].name.data, field[i].name.len + 1);

        ngx_http_wix_auth_json_put(w, (char *) name, &field[i].value);
    }

    ngx_http_wix_auth_json_end(w);

    return NGX_OK;
}


/* what a page needs to show the check that Wix asks for */

static void
ngx_http_wix_auth_reply_captcha(ngx_http_request_t *r,
    ngx_http_wix_auth_json_writer_t *w)
{
    ngx_uint_t                 kind;
    ngx_http_wix_auth_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_wix_auth_module);

    kind = (conf->captcha == NGX_HTTP_WIX_AUTH_CAPTCHA_INVISIBLE)
           ? NGX_HTTP_WIX_AUTH_CAPTCHA_INVISIBLE
           : NGX_HTTP_WIX_AUTH_CAPTCHA_VISIBLE;

    ngx_http_wix_auth_json_object(w, "captcha");
    ngx_http_wix_auth_json_put_c(w, "mode",
                                 kind == NGX_HTTP_WIX_AUTH_CAPTCHA_INVISIBLE
                                 ? "invisible" : "visible");
    ngx_http_wix_auth_json_put(w, "siteKey",
                               ngx_http_wix_auth_page_site_key(kind));
    ngx_http_wix_auth_json_end(w);
}


ngx_int_t
ngx_http_wix_auth_reply_login(ngx_http_request_t *r, ngx_uint_t reason,
    ngx_uint_t html, ngx_str_t *login_url, ngx_http_wix_auth_answer_t *a)
{
    ngx_http_wix_auth_reason_t       *why;
    ngx_http_wix_auth_json_writer_t  *w;

    if (html) {
        if (ngx_http_wix_auth_reply_error(r, reason, 1, NULL, login_url, a)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

    } else {
        why = ngx_http_wix_auth_reason(NGX_HTTP_WIX_AUTH_LOGIN_REQUIRED);

        w = ngx_http_wix_auth_json_begin(r->pool);
        if (w == NULL) {
            return NGX_ERROR;
        }

        ngx_http_wix_auth_json_object(w, NULL);
        ngx_http_wix_auth_json_put(w, "error", &why->code);

        why = ngx_http_wix_auth_reason(reason);
        ngx_http_wix_auth_json_put(w, "reason", &why->code);

        if (login_url->len) {
            ngx_http_wix_auth_json_put(w, "loginUrl", login_url);
        }

        ngx_http_wix_auth_json_end(w);

        ngx_str_set(&a->type, "application/json");

        if (ngx_http_wix_auth_json_finish(w, &a->body) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    a->status = NGX_HTTP_UNAUTHORIZED;
    ngx_str_set(&a->challenge, "Bearer realm=\"wix\"");

    return NGX_OK;
}


void
ngx_http_wix_auth_reply_redirect(ngx_uint_t status, ngx_str_t *location,
    ngx_http_wix_auth_answer_t *a)
{
    a->status = status;
    a->location = *location;

    ngx_str_set(&a->type, "text/plain");
    ngx_str_set(&a->body, "You are being redirected.\n");
}


ngx_int_t
ngx_http_wix_auth_reply_page(ngx_http_request_t *r, ngx_uint_t page,
    ngx_http_wix_auth_page_values_t *values, ngx_http_wix_auth_answer_t *a)
{
    ngx_http_wix_auth_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_wix_auth_module);

    ngx_str_set(&a->type, "text/html; charset=utf-8");
    a->policy = *ngx_http_wix_auth_page_policy(conf->pages, page,
                                               values->captcha,
                                               values->response_mode);

    return ngx_http_wix_auth_page_render(r->pool, conf->pages, page, values,
                                         &a->body);
}
