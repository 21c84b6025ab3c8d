
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_check.h"
#include "ngx_http_wix_auth_directives.h"


char *
ngx_http_wix_auth_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    ngx_str_t                *value;
    const char               *err;
    ngx_http_wix_auth_url_t   url;

    if (wlcf->api_url.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_http_wix_auth_url_parse(cf->pool, &value[1], &url, &err)
        != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid API URL \"%V\": %s; Wix's is "
                           "\"https://www.wixapis.com\"", &value[1], err);
        return NGX_CONF_ERROR;
    }

    if (ngx_strlchr(value[1].data, value[1].data + value[1].len, '?')) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid API URL \"%V\": it has a query; Wix's is "
                           "\"https://www.wixapis.com\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (url.scheme.len == 4 && !url.loopback) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "plain http to \"%V\" would send passwords and "
                           "tokens in the clear; use https (http is for "
                           "loopback only)", &url.host);
        return NGX_CONF_ERROR;
    }

    wlcf->api_url = value[1];

    while (wlcf->api_url.data[wlcf->api_url.len - 1] == '/') {
        wlcf->api_url.len--;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_wix_auth_api_times(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    ngx_str_t  *value, s;

    if (wlcf->api_timeout != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;

    wlcf->api_timeout = ngx_parse_time(&value[1], 0);

    if (wlcf->api_timeout == (ngx_msec_t) NGX_ERROR
        || wlcf->api_timeout == 0)
    {
        return "needs a time above zero, for example \"10s\"";
    }

    if (cf->args->nelts == 2) {
        wlcf->api_connect_timeout = ngx_min(2000, wlcf->api_timeout);
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value[2].data, "connect=", 8) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of "
                           "\"wix_auth_api_timeout\"; only \"connect=time\" "
                           "is known", &value[2]);
        return NGX_CONF_ERROR;
    }

    s.data = value[2].data + 8;
    s.len = value[2].len - 8;

    wlcf->api_connect_timeout = ngx_parse_time(&s, 0);

    if (wlcf->api_connect_timeout == (ngx_msec_t) NGX_ERROR
        || wlcf->api_connect_timeout == 0)
    {
        return "needs a time above zero in \"connect=\"";
    }

    return NGX_CONF_OK;
}


char *
ngx_http_wix_auth_certificate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    ngx_str_t  *value;

    if (wlcf->api_certificate.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_conf_full_name(cf->cycle, &value[1], 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    wlcf->api_certificate = value[1];
    ngx_http_wix_auth_place(cf, &wlcf->certificate_place);

    return NGX_CONF_OK;
}


char *
ngx_http_wix_auth_proxy(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    ngx_str_t                *value;
    const char               *err;
    ngx_http_wix_auth_url_t   url;

    if (wlcf->api_proxy.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        ngx_str_set(&wlcf->api_proxy, "");
        return NGX_CONF_OK;
    }

    if (ngx_http_wix_auth_url_parse(cf->pool, &value[1], &url, &err)
        != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid proxy URL \"%V\": %s; use for example "
                           "\"http://proxy.example.com:3128\"",
                           &value[1], err);
        return NGX_CONF_ERROR;
    }

    wlcf->api_proxy = value[1];

    return NGX_CONF_OK;
}


char *
ngx_http_wix_auth_breaker(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    ngx_int_t                          n;
    ngx_str_t                         *value, s;
    ngx_uint_t                         i;
    ngx_http_wix_auth_breaker_conf_t  *breaker;

    breaker = &wlcf->api_breaker;

    if (breaker->max_fails != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    breaker->max_fails = 5;
    breaker->fail_timeout = 10000;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        breaker->max_fails = 0;
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "max_fails=", 10) == 0) {
            n = ngx_atoi(value[i].data + 10, value[i].len - 10);

            if (n < 1 || n > 1000) {
                return "needs a number from 1 to 1000 in \"max_fails=\", or "
                       "\"off\"";
            }

            breaker->max_fails = n;

        } else if (ngx_strncmp(value[i].data, "fail_timeout=", 13) == 0) {
            s.data = value[i].data + 13;
            s.len = value[i].len - 13;

            breaker->fail_timeout = ngx_parse_time(&s, 0);

            if (breaker->fail_timeout == (ngx_msec_t) NGX_ERROR
                || breaker->fail_timeout == 0)
            {
                return "needs a time above zero in \"fail_timeout=\", for "
                       "example \"fail_timeout=10s\"";
            }

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of "
                               "\"wix_auth_api_breaker\"; "
                               "\"max_fails=5\" and \"fail_timeout=10s\" "
                               "are known, or \"off\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}
