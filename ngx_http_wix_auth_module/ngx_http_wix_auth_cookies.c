
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_check.h"
#include "ngx_http_wix_auth_directives.h"


static char *ngx_http_wix_auth_cookie_family(ngx_conf_t *cf,
    ngx_http_wix_auth_cookies_t *c);
static char *ngx_http_wix_auth_cookie_relatives(ngx_conf_t *cf,
    ngx_http_wix_auth_cookies_t *c, ngx_uint_t host);
static ngx_uint_t ngx_http_wix_auth_cookie_text(ngx_str_t *text);
static ngx_uint_t ngx_http_wix_auth_cookie_token(ngx_str_t *name);


char *
ngx_http_wix_auth_cookie(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    ngx_str_t                    *value;
    ngx_uint_t                    i;
    ngx_http_wix_auth_cookie_t   *c;
    ngx_http_wix_auth_cookies_t  *cookies;

    if (wlcf->cookies != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    cookies = ngx_pcalloc(cf->pool, sizeof(ngx_http_wix_auth_cookies_t));
    if (cookies == NULL) {
        return NGX_CONF_ERROR;
    }

    wlcf->cookies = cookies;
    ngx_http_wix_auth_place(cf, &wlcf->cookie_place);

    c = &cookies->session;
    c->secure = 1;
    ngx_str_set(&c->path, "/");

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "domain=", 7) == 0) {
            c->domain.data = value[i].data + 7;
            c->domain.len = value[i].len - 7;

            if (!ngx_http_wix_auth_cookie_text(&c->domain)) {
                return "has no usable name in \"domain=\"";
            }

        } else if (ngx_strncmp(value[i].data, "path=", 5) == 0) {
            c->path.data = value[i].data + 5;
            c->path.len = value[i].len - 5;

            if (!ngx_http_wix_auth_cookie_text(&c->path)
                || c->path.data[0] != '/')
            {
                return "needs a path that begins with \"/\" and has no "
                       "\";\" in \"path=\"";
            }

        } else if (ngx_strcmp(value[i].data, "samesite=lax") == 0) {
            c->samesite_none = 0;

        } else if (ngx_strcmp(value[i].data, "samesite=none") == 0) {
            c->samesite_none = 1;

        } else if (ngx_strcmp(value[i].data, "samesite=strict") == 0) {
            return "cannot be samesite=strict: a browser would not send the "
                   "cookie on the return from Wix; use samesite=lax";

        } else if (ngx_strcmp(value[i].data, "partitioned") == 0) {
            c->partitioned = 1;

        } else if (ngx_strcmp(value[i].data, "nosecure") == 0) {
            c->secure = 0;

        } else if (ngx_strcmp(value[i].data, "session") == 0) {
            c->session = 1;

        } else if (i == 1 && ngx_http_wix_auth_cookie_token(&value[i])) {
            c->name = value[i];

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of "
                               "\"wix_auth_cookie\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_wix_auth_cookie_family(cf, cookies);
}


char *
ngx_http_wix_auth_cookie_default(ngx_conf_t *cf,
    ngx_http_wix_auth_conf_t *conf)
{
    conf->cookies = ngx_pcalloc(cf->pool,
                                sizeof(ngx_http_wix_auth_cookies_t));
    if (conf->cookies == NULL) {
        return NGX_CONF_ERROR;
    }

    conf->cookies->session.secure = 1;
    ngx_str_set(&conf->cookies->session.path, "/");

    return ngx_http_wix_auth_cookie_family(cf, conf->cookies);
}


/* completes the session cookie, and makes the others of it (RFC 6265bis,
   4.1.3: what the __Host- and __Secure- prefixes promise) */

static char *
ngx_http_wix_auth_cookie_family(ngx_conf_t *cf,
    ngx_http_wix_auth_cookies_t *c)
{
    ngx_uint_t  host;

    static ngx_str_t  host_name = ngx_string("__Host-wix_auth");
    static ngx_str_t  plain_name = ngx_string("wix_auth");

    if (c->session.name.len == 0) {
        c->session.name = (c->session.domain.len || !c->session.secure
                           || c->session.path.len != 1)
                          ? plain_name : host_name;
    }

    host = (c->session.name.len > 7
            && ngx_strncasecmp(c->session.name.data, (u_char *) "__Host-", 7)
               == 0);

    if (host && (c->session.domain.len || !c->session.secure
                 || c->session.path.len != 1
                 || c->session.path.data[0] != '/'))
    {
        return "has a name that begins with __Host-, which excludes domain=, "
               "path= and nosecure; choose another name";
    }

    if (c->session.name.len > 9 && !c->session.secure
        && ngx_strncasecmp(c->session.name.data, (u_char *) "__Secure-", 9)
           == 0)
    {
        return "has a name that begins with __Secure-, which excludes "
               "nosecure; choose another name";
    }

    if (!c->session.secure
        && (c->session.samesite_none || c->session.partitioned))
    {
        return "cannot have samesite=none or partitioned without Secure; "
               "remove nosecure";
    }

    return ngx_http_wix_auth_cookie_relatives(cf, c, host);
}


/* binding, returns and token */

static char *
ngx_http_wix_auth_cookie_relatives(ngx_conf_t *cf,
    ngx_http_wix_auth_cookies_t *c, ngx_uint_t host)
{
    u_char     *p;
    size_t      skip;
    ngx_str_t   base, prefix;

    skip = host ? 7 : 0;

    base.data = c->session.name.data + skip;
    base.len = c->session.name.len - skip;

    ngx_str_null(&prefix);

    if (host) {
        ngx_str_set(&prefix, "__Secure-");
    }

    c->binding = c->session;
    c->binding.session = 0;
    ngx_str_null(&c->binding.domain);
    ngx_str_set(&c->binding.path, "/");

    c->returns = c->binding;
    ngx_str_null(&c->returns.path);

    c->token = c->returns;

    c->binding.name.len = c->session.name.len + 2;
    c->returns.name.len = prefix.len + base.len + 2;
    c->token.name.len = c->returns.name.len;

    p = ngx_pnalloc(cf->pool,
                    c->binding.name.len + 2 * c->returns.name.len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    c->binding.name.data = p;
    p = ngx_sprintf(p, "%V_b", &c->session.name);

    c->returns.name.data = p;
    p = ngx_sprintf(p, "%V%V_r", &prefix, &base);

    c->token.name.data = p;
    ngx_sprintf(p, "%V%V_t", &prefix, &base);

    c->names[NGX_HTTP_WIX_AUTH_COOKIE_SESSION] = c->session.name;
    c->names[NGX_HTTP_WIX_AUTH_COOKIE_BINDING] = c->binding.name;
    c->names[NGX_HTTP_WIX_AUTH_COOKIE_RETURNS] = c->returns.name;
    c->names[NGX_HTTP_WIX_AUTH_COOKIE_TOKEN] = c->token.name;
    c->nnames = 4;
    c->first = ngx_http_wix_auth_cookie_first(c->names, 4);

    return NGX_CONF_OK;
}


/* what may stand in an attribute (RFC 6265, 4.1.1) */

static ngx_uint_t
ngx_http_wix_auth_cookie_text(ngx_str_t *text)
{
    ngx_uint_t  i;

    for (i = 0; i < text->len; i++) {
        if (text->data[i] <= ' ' || text->data[i] >= 0x7f
            || text->data[i] == ';' || text->data[i] == ',')
        {
            return 0;
        }
    }

    return text->len > 0;
}


/* a token of RFC 9110, 5.6.2 */

static ngx_uint_t
ngx_http_wix_auth_cookie_token(ngx_str_t *name)
{
    u_char      c;
    ngx_uint_t  i;

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9'))
        {
            continue;
        }

        if (c == 0 || ngx_strchr("!#$%&'*+-.^_`|~", c) == NULL) {
            return 0;
        }
    }

    return name->len > 0 && name->len <= 64;
}
