
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_check.h"
#include "ngx_http_wix_auth_directives.h"


#define NGX_HTTP_WIX_AUTH_PAGE_URL_MAX  1024
#define NGX_HTTP_WIX_AUTH_RATE_MAX      1000000    /* a minute */


static char *ngx_http_wix_auth_login_wix_parameter(ngx_conf_t *cf,
    ngx_http_wix_auth_login_conf_t *login, ngx_str_t *value);
static char *ngx_http_wix_auth_login_uri(ngx_conf_t *cf,
    ngx_http_wix_auth_login_conf_t *login, ngx_str_t *value);
static ngx_int_t ngx_http_wix_auth_login_absolute(ngx_conf_t *cf,
    ngx_str_t *value, const char **err);
static char *ngx_http_wix_auth_require_value(ngx_conf_t *cf,
    ngx_http_wix_auth_require_conf_t *require, ngx_str_t *value);
static char *ngx_http_wix_auth_require_status(ngx_conf_t *cf,
    ngx_http_wix_auth_require_conf_t *require, ngx_str_t *value);
static ngx_int_t ngx_http_wix_auth_wish(ngx_conf_t *cf,
    ngx_http_wix_auth_conf_t *conf, ngx_uint_t visitor);
static char *ngx_http_wix_auth_switch(ngx_conf_t *cf, const char *name,
    ngx_uint_t *on);
static ngx_int_t ngx_http_wix_auth_visitor_rate(ngx_str_t *text,
    ngx_uint_t *rate);
static char *ngx_http_wix_auth_login_count(ngx_str_t *value, size_t skip,
    ngx_uint_t *limit, time_t *time);
static char *ngx_http_wix_auth_pages_compile(ngx_conf_t *cf, ngx_str_t *dir,
    ngx_http_wix_auth_page_t **pages);


char *
ngx_http_wix_auth_login_method(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    char                            *rv;
    ngx_str_t                       *value;
    ngx_uint_t                       i;
    ngx_http_wix_auth_login_conf_t  *login;

    if (wlcf->login != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    login = ngx_pcalloc(cf->pool, sizeof(ngx_http_wix_auth_login_conf_t));
    if (login == NULL) {
        return NGX_CONF_ERROR;
    }

    wlcf->login = login;
    ngx_http_wix_auth_place(cf, &wlcf->login_place);

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "builtin") == 0) {
        login->kind = NGX_HTTP_WIX_AUTH_LOGIN_BUILTIN;

    } else if (ngx_strcmp(value[1].data, "wix") == 0) {
        login->kind = NGX_HTTP_WIX_AUTH_LOGIN_WIX;

    } else {
        login->kind = NGX_HTTP_WIX_AUTH_LOGIN_URI;

        rv = ngx_http_wix_auth_login_uri(cf, login, &value[1]);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (login->kind != NGX_HTTP_WIX_AUTH_LOGIN_WIX) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of "
                               "\"wix_auth_login\"; only \"wix\" has "
                               "parameters", &value[i]);
            return NGX_CONF_ERROR;
        }

        rv = ngx_http_wix_auth_login_wix_parameter(cf, login, &value[i]);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_wix_auth_login_wix_parameter(ngx_conf_t *cf,
    ngx_http_wix_auth_login_conf_t *login, ngx_str_t *value)
{
    u_char      guid[16];
    ngx_str_t  *idp, s;

    if (ngx_strcmp(value->data, "sso") == 0) {
        login->sso = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "idp=", 4) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of \"wix_auth_login\"; "
                           "\"sso\" and \"idp=id\" are known", value);
        return NGX_CONF_ERROR;
    }

    s.data = value->data + 4;
    s.len = value->len - 4;

    if (ngx_http_wix_auth_guid_parse(&s, guid) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not a connection id; Wix "
                           "names identity providers by GUIDs", &s);
        return NGX_CONF_ERROR;
    }

    if (login->idps == NULL) {
        login->idps = ngx_array_create(cf->pool, 2, sizeof(ngx_str_t));
        if (login->idps == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    idp = ngx_array_push(login->idps);
    if (idp == NULL) {
        return NGX_CONF_ERROR;
    }

    *idp = s;

    return NGX_CONF_OK;
}


/* the site's own page: a path on this host, or an absolute URL */

static char *
ngx_http_wix_auth_login_uri(ngx_conf_t *cf,
    ngx_http_wix_auth_login_conf_t *login, ngx_str_t *value)
{
    ngx_int_t    rc;
    const char  *err;

    if (value->len > NGX_HTTP_WIX_AUTH_PAGE_URL_MAX) {
        return "has a page whose address is longer than 1024 bytes; "
               "give it a shorter one";
    }

    if (value->len && value->data[0] == '/') {
        err = "it may lead to another host";
        rc = ngx_http_wix_auth_url_return(cf->pool, value, NULL, 0);

    } else {
        login->absolute = 1;
        rc = ngx_http_wix_auth_login_absolute(cf, value, &err);
    }

    if (rc == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    if (rc != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"wix_auth_login\": %s; "
                           "it must be builtin or wix, or a page of the "
                           "site: a path or an https URL", value, err);
        return NGX_CONF_ERROR;
    }

    login->uri = *value;

    return NGX_CONF_OK;
}


/* a fragment is fine here: a page may route by it */

static ngx_int_t
ngx_http_wix_auth_login_absolute(ngx_conf_t *cf, ngx_str_t *value,
    const char **err)
{
    u_char                   *p;
    ngx_int_t                 rc;
    ngx_str_t                 text;
    ngx_http_wix_auth_url_t   url;

    text = *value;

    p = ngx_strlchr(text.data, text.data + text.len, '#');

    if (p) {
        text.len = p - text.data;
    }

    rc = ngx_http_wix_auth_url_parse(cf->pool, &text, &url, err);

    if (rc != NGX_OK) {
        return rc;
    }

    if (url.scheme.len == 4 && !url.loopback) {
        *err = "passwords would go there in the clear";
        return NGX_DECLINED;
    }

    *err = "its path may lead to another host";

    return ngx_http_wix_auth_url_return(cf->pool, value, &url.origin, 1);
}


char *
ngx_http_wix_auth_require(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    char                              *rv;
    ngx_str_t                         *value;
    ngx_uint_t                         i;
    ngx_http_wix_auth_require_conf_t  *require;

    if (wlcf->require != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    require = ngx_pcalloc(cf->pool, sizeof(ngx_http_wix_auth_require_conf_t));
    if (require == NULL) {
        return NGX_CONF_ERROR;
    }

    wlcf->require = require;
    ngx_http_wix_auth_place(cf, &wlcf->require_place);

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    require->values = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                       sizeof(ngx_http_complex_value_t));
    if (require->values == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "error=", 6) == 0) {
            rv = ngx_http_wix_auth_require_status(cf, require, &value[i]);

        } else {
            rv = ngx_http_wix_auth_require_value(cf, require, &value[i]);
        }

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (require->values->nelts == 0) {
        return "names no value; add a variable, for example one of a \"map\"";
    }

    if (require->status == 0) {
        require->status = NGX_HTTP_FORBIDDEN;
    }

    if (ngx_http_wix_auth_wish(cf, wlcf, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_wix_auth_require_value(ngx_conf_t *cf,
    ngx_http_wix_auth_require_conf_t *require, ngx_str_t *value)
{
    ngx_http_complex_value_t          *cv;
    ngx_http_compile_complex_value_t   ccv;

    if (ngx_strcmp(value->data, "off") == 0) {
        return "has values beside \"off\"; give values or \"off\"";
    }

    cv = ngx_array_push(require->values);
    if (cv == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(cv, sizeof(ngx_http_complex_value_t));
    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = value;
    ccv.complex_value = cv;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (cv->lengths == NULL) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" in \"wix_auth_require\" is the same for "
                           "every request; is a \"$\" missing?", value);
    }

    return NGX_CONF_OK;
}


/*
 * 401 is the stranger's answer, 444 is none at all, and the codes from 494 on
 * are nginx's own.
 */

static char *
ngx_http_wix_auth_require_status(ngx_conf_t *cf,
    ngx_http_wix_auth_require_conf_t *require, ngx_str_t *value)
{
    ngx_int_t  status;

    if (require->status) {
        return "has \"error=\" twice";
    }

    status = ngx_atoi(value->data + 6, value->len - 6);

    if (value->len != 9 || status < 400 || status > 493
        || status == NGX_HTTP_UNAUTHORIZED || status == NGX_HTTP_CLOSE)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid code in \"%V\" of \"wix_auth_require\"; "
                           "use one from 400 to 493 but 401 and 444, for "
                           "example \"error=404\"", value);
        return NGX_CONF_ERROR;
    }

    require->status = status;

    return NGX_CONF_OK;
}


/* to be looked at when the gates are known */

static ngx_int_t
ngx_http_wix_auth_wish(ngx_conf_t *cf, ngx_http_wix_auth_conf_t *conf,
    ngx_uint_t visitor)
{
    ngx_http_wix_auth_wish_t       *wish;
    ngx_http_wix_auth_main_conf_t  *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wix_auth_module);

    wish = ngx_array_push(wmcf->wishes);
    if (wish == NULL) {
        return NGX_ERROR;
    }

    wish->conf = conf;
    wish->visitor = visitor;
    wish->location = (cf->cmd_type != NGX_HTTP_MAIN_CONF
                      && cf->cmd_type != NGX_HTTP_SRV_CONF);

    return NGX_OK;
}


char *
ngx_http_wix_auth_origins(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    ngx_str_t                *value, *origin, *old;
    ngx_uint_t                i, n;
    const char               *err;
    ngx_http_wix_auth_url_t   url;

    if (wlcf->origins != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;
    wlcf->origins = NULL;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    wlcf->origins = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                     sizeof(ngx_str_t));
    if (wlcf->origins == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_http_wix_auth_url_parse(cf->pool, &value[i], &url, &err)
            == NGX_OK)
        {
            if (url.path.len) {
                err = "it has a path";

            } else if (url.scheme.len == 4 && !url.loopback) {
                err = "it is plain http, which is for loopback only";
            }
        }

        old = wlcf->origins->elts;

        for (n = 0; err == NULL && n < wlcf->origins->nelts; n++) {
            if (old[n].len == url.origin.len
                && ngx_memcmp(old[n].data, url.origin.data, old[n].len) == 0)
            {
                err = "it is there twice";
            }
        }

        if (err) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid origin \"%V\" in "
                               "\"wix_auth_origins\": %s; give scheme, host "
                               "and port, for example "
                               "\"https://app.example.com\"", &value[i], err);
            return NGX_CONF_ERROR;
        }

        origin = ngx_array_push(wlcf->origins);
        if (origin == NULL) {
            return NGX_CONF_ERROR;
        }

        *origin = url.origin;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_wix_auth_visitor(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    char                              *rv;
    ngx_str_t                         *value, s;
    ngx_uint_t                         i, on;
    ngx_http_wix_auth_visitor_conf_t  *visitor;

    if (wlcf->visitor != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    visitor = ngx_pcalloc(cf->pool, sizeof(ngx_http_wix_auth_visitor_conf_t));
    if (visitor == NULL) {
        return NGX_CONF_ERROR;
    }

    wlcf->visitor = visitor;
    visitor->rate = 60;
    visitor->lifetime = 30 * 24 * 60 * 60;

    ngx_http_wix_auth_place(cf, &wlcf->visitor_place);

    rv = ngx_http_wix_auth_switch(cf, "wix_auth_visitor", &on);

    if (rv != NGX_CONF_OK || !on) {
        return rv;
    }

    visitor->on = 1;
    value = cf->args->elts;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "rate=", 5) == 0) {
            s.data = value[i].data + 5;
            s.len = value[i].len - 5;

            if (ngx_http_wix_auth_visitor_rate(&s, &visitor->rate)
                != NGX_OK)
            {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid rate \"%V\" in "
                                   "\"wix_auth_visitor\"; use for example "
                                   "\"rate=60r/m\" or \"rate=2r/s\"", &s);
                return NGX_CONF_ERROR;
            }

        } else if (ngx_strncmp(value[i].data, "lifetime=", 9) == 0) {
            s.data = value[i].data + 9;
            s.len = value[i].len - 9;

            visitor->lifetime = ngx_parse_time(&s, 1);

            if (visitor->lifetime == (time_t) NGX_ERROR
                || visitor->lifetime < 1)
            {
                return "needs a time of at least one second in "
                       "\"lifetime=\", for example \"lifetime=30d\"";
            }

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of "
                               "\"wix_auth_visitor\"; \"rate=60r/m\" and "
                               "\"lifetime=30d\" are known", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_wix_auth_wish(cf, wlcf, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* the first argument; only "on" has parameters */

static char *
ngx_http_wix_auth_switch(ngx_conf_t *cf, const char *name, ngx_uint_t *on)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "on") == 0) {
        *on = 1;
        return NGX_CONF_OK;
    }

    *on = 0;

    if (ngx_strcmp(value[1].data, "off") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%s\", it must be "
                           "on or off", &value[1], name);
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts > 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of \"%s off\"; only "
                           "\"on\" has parameters", &value[2], name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* as limit_req has it; a minute's worth */

static ngx_int_t
ngx_http_wix_auth_visitor_rate(ngx_str_t *text, ngx_uint_t *rate)
{
    ngx_int_t   n;
    ngx_uint_t  scale;

    if (text->len < 4) {
        return NGX_ERROR;
    }

    if (ngx_strcmp(text->data + text->len - 3, "r/s") == 0) {
        scale = 60;

    } else if (ngx_strcmp(text->data + text->len - 3, "r/m") == 0) {
        scale = 1;

    } else {
        return NGX_ERROR;
    }

    n = ngx_atoi(text->data, text->len - 3);

    if (n < 1 || n > (ngx_int_t) (NGX_HTTP_WIX_AUTH_RATE_MAX / scale)) {
        return NGX_ERROR;
    }

    *rate = n * scale;

    return NGX_OK;
}


char *
ngx_http_wix_auth_bearer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    char                             *rv;
    ngx_str_t                        *value, s;
    ngx_uint_t                        on;
    ngx_http_wix_auth_bearer_conf_t  *bearer;

    if (wlcf->bearer != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    bearer = ngx_pcalloc(cf->pool, sizeof(ngx_http_wix_auth_bearer_conf_t));
    if (bearer == NULL) {
        return NGX_CONF_ERROR;
    }

    wlcf->bearer = bearer;
    bearer->cache = 300;

    rv = ngx_http_wix_auth_switch(cf, "wix_auth_bearer", &on);

    if (rv != NGX_CONF_OK || !on) {
        return rv;
    }

    bearer->on = 1;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    value = cf->args->elts;

    if (ngx_strncmp(value[2].data, "cache=", 6) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of \"wix_auth_bearer\"; "
                           "only \"cache=time\" is known", &value[2]);
        return NGX_CONF_ERROR;
    }

    s.data = value[2].data + 6;
    s.len = value[2].len - 6;

    bearer->cache = ngx_parse_time(&s, 1);

    if (bearer->cache == (time_t) NGX_ERROR || bearer->cache < 1) {
        return "needs a time of at least one second in \"cache=\", "
               "for example \"cache=5m\"";
    }

    return NGX_CONF_OK;
}


char *
ngx_http_wix_auth_pages(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    ngx_str_t        *value, dir;
    ngx_file_info_t   fi;

    if (wlcf->pages != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        wlcf->pages = NULL;
        return NGX_CONF_OK;
    }

    dir = value[1];

    if (dir.len == 0) {
        return "needs a directory, or \"off\"";
    }

    if (ngx_conf_full_name(cf->cycle, &dir, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    while (dir.len > 1 && dir.data[dir.len - 1] == '/') {
        dir.data[--dir.len] = '\0';
    }

    if (ngx_file_info(dir.data, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "directory \"%V\" of \"wix_auth_pages\" cannot be "
                           "read; create it, or use \"off\"", &dir);
        return NGX_CONF_ERROR;
    }

    if (!ngx_is_dir(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is no directory; give \"wix_auth_pages\" "
                           "the one that holds login.html", &dir);
        return NGX_CONF_ERROR;
    }

    return ngx_http_wix_auth_pages_compile(cf, &dir, &wlcf->pages);
}


char *
ngx_http_wix_auth_pages_default(ngx_conf_t *cf,
    ngx_http_wix_auth_conf_t *conf)
{
    ngx_str_t  none;

    ngx_str_set(&none, "");

    return ngx_http_wix_auth_pages_compile(cf, &none, &conf->pages);
}


/* once for each directory */

static char *
ngx_http_wix_auth_pages_compile(ngx_conf_t *cf, ngx_str_t *dir,
    ngx_http_wix_auth_page_t **pages)
{
    ngx_uint_t                      i;
    ngx_http_wix_auth_pages_t      *set;
    ngx_http_wix_auth_main_conf_t  *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wix_auth_module);
    set = wmcf->pages->elts;

    for (i = 0; i < wmcf->pages->nelts; i++) {
        if (set[i].dir.len == dir->len
            && ngx_strncmp(set[i].dir.data, dir->data, dir->len) == 0)
        {
            *pages = set[i].pages;
            return NGX_CONF_OK;
        }
    }

    set = ngx_array_push(wmcf->pages);
    if (set == NULL) {
        return NGX_CONF_ERROR;
    }

    set->dir = *dir;

    if (ngx_http_wix_auth_page_init(cf, dir->len ? dir : NULL, &set->pages)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    *pages = set->pages;

    return NGX_CONF_OK;
}


char *
ngx_http_wix_auth_login_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    char                             *rv;
    ngx_str_t                        *value;
    ngx_uint_t                        i;
    ngx_http_wix_auth_login_limit_t  *limit;

    if (wlcf->login_limit != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    limit = ngx_pcalloc(cf->pool, sizeof(ngx_http_wix_auth_login_limit_t));
    if (limit == NULL) {
        return NGX_CONF_ERROR;
    }

    wlcf->login_limit = limit;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    limit->pair = 10;
    limit->pair_time = 15 * 60;
    limit->account = 100;
    limit->account_time = 60 * 60;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "pair=", 5) == 0) {
            rv = ngx_http_wix_auth_login_count(&value[i], 5, &limit->pair,
                                               &limit->pair_time);

        } else if (ngx_strncmp(value[i].data, "account=", 8) == 0) {
            rv = ngx_http_wix_auth_login_count(&value[i], 8, &limit->account,
                                               &limit->account_time);

        } else {
            rv = NGX_CONF_ERROR;
        }

        if (rv != NGX_CONF_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of "
                               "\"wix_auth_login_limit\"; use for example "
                               "\"pair=10/15m account=100/1h\", or \"off\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* "10/15m": at most 10 in a window of 15 minutes */

static char *
ngx_http_wix_auth_login_count(ngx_str_t *value, size_t skip,
    ngx_uint_t *limit, time_t *time)
{
    u_char     *p, *last;
    ngx_int_t   n;
    ngx_str_t   s;

    last = value->data + value->len;

    p = ngx_strlchr(value->data + skip, last, '/');
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    n = ngx_atoi(value->data + skip, p - value->data - skip);

    if (n < 1 || n > 1000000) {
        return NGX_CONF_ERROR;
    }

    s.data = p + 1;
    s.len = last - s.data;

    *time = ngx_parse_time(&s, 1);

    if (*time == (time_t) NGX_ERROR || *time < 1 || *time > 24 * 60 * 60) {
        return NGX_CONF_ERROR;
    }

    *limit = n;

    return NGX_CONF_OK;
}
