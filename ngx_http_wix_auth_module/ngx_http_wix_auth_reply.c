
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_json.h"
#include "ngx_http_wix_auth_reply.h"


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
    ngx_uint_t                        i;
    ngx_http_wix_auth_pair_t         *field;
    ngx_http_wix_auth_reason_t       *why;
    ngx_http_wix_auth_json_writer_t  *w;
    ngx_http_wix_auth_page_values_t   values;

    why = ngx_http_wix_auth_reason(reason);

    a->status = why->status;

    ngx_http_wix_auth_reply_request_id(r, &id);

    if (html) {
        ngx_memzero(&values, sizeof(ngx_http_wix_auth_page_values_t));

        values.error = why->code;
        values.message = why->message;
        values.action = *action;
        values.request_id = id;
        values.site = r->headers_in.server;

        return ngx_http_wix_auth_reply_page(r, NGX_HTTP_WIX_AUTH_PAGE_ERROR,
                                            &values, a);
    }

    w = ngx_http_wix_auth_json_begin(r->pool);
    if (w == NULL) {
        return NGX_ERROR;
    }

    ngx_http_wix_auth_json_object(w, NULL);
    ngx_http_wix_auth_json_put(w, "error", &why->code);
    ngx_http_wix_auth_json_put(w, "message", &why->message);

    if (fields && fields->nelts) {
        field = fields->elts;

        ngx_http_wix_auth_json_object(w, "fields");

        for (i = 0; i < fields->nelts; i++) {
            ngx_http_wix_auth_json_put(w, (char *) field[i].name.data,
                                       &field[i].value);
        }

        ngx_http_wix_auth_json_end(w);
    }

    ngx_http_wix_auth_json_put(w, "requestId", &id);
    ngx_http_wix_auth_json_end(w);

    ngx_str_set(&a->type, "application/json");

    return ngx_http_wix_auth_json_finish(w, &a->body);
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
    ngx_http_wix_auth_main_conf_t  *wmcf;

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_wix_auth_module);

    ngx_str_set(&a->type, "text/html; charset=utf-8");
    a->policy = *ngx_http_wix_auth_page_policy(wmcf->pages, page);

    return ngx_http_wix_auth_page_render(r->pool, wmcf->pages, page, values,
                                         &a->body);
}
