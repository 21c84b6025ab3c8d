
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_check.h"
#include "ngx_http_wix_auth_directives.h"
#include "ngx_http_wix_auth_endpoints.h"
#include "ngx_http_wix_auth_session.h"


static ngx_uint_t ngx_http_wix_auth_endpoint_here(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf, ngx_str_t *last);
static ngx_uint_t ngx_http_wix_auth_endpoint_find(ngx_str_t *name);
static ngx_int_t ngx_http_wix_auth_zone_size(ngx_conf_t *cf,
    ngx_str_t *value, ngx_str_t *name, ssize_t *size);
static char *ngx_http_wix_auth_zone_state(ngx_conf_t *cf,
    ngx_http_wix_auth_conf_t *wlcf, ngx_str_t *file);
static char *ngx_http_wix_auth_read_key(ngx_conf_t *cf, ngx_str_t *file,
    u_char *buf, size_t size, size_t *len);
static char *ngx_http_wix_auth_complex(ngx_conf_t *cf,
    ngx_http_complex_value_t **slot);


ngx_str_t  ngx_http_wix_auth_endpoint_names[] = {
    ngx_null_string,
    ngx_null_string,
    ngx_string("login"),
    ngx_string("register"),
    ngx_string("verify"),
    ngx_string("recover"),
    ngx_string("callback"),
    ngx_string("logout"),
    ngx_string("session"),
    ngx_null_string
};


char *
ngx_http_wix_auth_mode(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    static ngx_str_t  modes[] = {
        ngx_string("off"),
        ngx_string("optional"),
        ngx_string("required"),
        ngx_string("audit")
    };

    if (wlcf->mode != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {

        if (value[1].len == modes[i].len
            && ngx_strcmp(value[1].data, modes[i].data) == 0)
        {
            wlcf->mode = i;
            wlcf->from_http = (cf->cmd_type == NGX_HTTP_MAIN_CONF);
            ngx_http_wix_auth_place(cf, &wlcf->place);

            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"wix_auth\", it must be "
                       "off, optional, required or audit", &value[1]);

    return NGX_CONF_ERROR;
}


char *
ngx_http_wix_auth_endpoints(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    u_char                        *p;
    ngx_str_t                      last;
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_wix_auth_location_t  *location;
    ngx_http_wix_auth_srv_conf_t  *wscf;

    if (wlcf->endpoint != NGX_HTTP_WIX_AUTH_EP_NONE) {
        return "is duplicate";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->named
#if (NGX_PCRE)
        || clcf->regex
#endif
        || clcf->name.len == 0)
    {
        return "is not allowed in a regex or named location; "
               "use \"location ^~ /_wix/\"";
    }

    for (p = clcf->name.data + clcf->name.len;
         p > clcf->name.data && p[-1] != '/';
         p--)
    {
        /* void */
    }

    last.data = p;
    last.len = clcf->name.data + clcf->name.len - p;

    wlcf->endpoint = ngx_http_wix_auth_endpoint_here(cf, clcf, &last);

    if (wlcf->endpoint == NGX_HTTP_WIX_AUTH_EP_NONE) {
        return NGX_CONF_ERROR;
    }

    wscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_wix_auth_module);

    location = ngx_array_push(wscf->locations);
    if (location == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(location, sizeof(ngx_http_wix_auth_location_t));

    location->location = clcf->name;
    location->endpoint = wlcf->endpoint;
    location->exact = clcf->exact_match;
    location->conf = wlcf;
    ngx_http_wix_auth_place(cf, &location->place);

    if (wlcf->endpoint == NGX_HTTP_WIX_AUTH_EP_ALL
        || ngx_http_wix_auth_endpoint_find(&last) == wlcf->endpoint)
    {
        location->prefix.data = clcf->name.data;
        location->prefix.len = last.data - clcf->name.data;
        wlcf->prefix = location->prefix;
    }

    clcf->handler = ngx_http_wix_auth_endpoints_handler;

    return NGX_CONF_OK;
}


/* by its argument, by the location's last segment, or all of them; none is
   an error that has been logged */

static ngx_uint_t
ngx_http_wix_auth_endpoint_here(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf, ngx_str_t *last)
{
    ngx_str_t   *value;
    ngx_uint_t   endpoint;

    if (cf->args->nelts == 2) {
        value = cf->args->elts;
        endpoint = ngx_http_wix_auth_endpoint_find(&value[1]);

        if (endpoint == NGX_HTTP_WIX_AUTH_EP_NONE) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown endpoint \"%V\", it must be login, "
                               "register, verify, recover, callback, logout "
                               "or session", &value[1]);
        }

        return endpoint;
    }

    if (clcf->exact_match) {
        endpoint = ngx_http_wix_auth_endpoint_find(last);

        if (endpoint == NGX_HTTP_WIX_AUTH_EP_NONE) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"location = %V\" does not end with the name "
                               "of an endpoint; give it as "
                               "\"wix_auth_endpoints login\"", &clcf->name);
        }

        return endpoint;
    }

    if (last->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "location \"%V\" of \"wix_auth_endpoints\" must "
                           "end in \"/\"; use \"location ^~ %V/\"",
                           &clcf->name, &clcf->name);
        return NGX_HTTP_WIX_AUTH_EP_NONE;
    }

    return NGX_HTTP_WIX_AUTH_EP_ALL;
}


static ngx_uint_t
ngx_http_wix_auth_endpoint_find(ngx_str_t *name)
{
    ngx_str_t   *names;
    ngx_uint_t   i;

    names = ngx_http_wix_auth_endpoint_names;

    for (i = NGX_HTTP_WIX_AUTH_EP_LOGIN; i < NGX_HTTP_WIX_AUTH_EP_MAX; i++) {
        if (name->len == names[i].len
            && ngx_strncmp(name->data, names[i].data, name->len) == 0)
        {
            return i;
        }
    }

    return NGX_HTTP_WIX_AUTH_EP_NONE;
}


char *
ngx_http_wix_auth_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    ssize_t     size;
    ngx_str_t  *value, name, state;

    if (wlcf->zone != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    ngx_str_null(&state);

    if (cf->args->nelts == 3) {

        if (ngx_strncmp(value[2].data, "state=", 6) != 0
            || value[2].len == 6)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of "
                               "\"wix_auth_zone\"; \"zone=name:size\" and "
                               "\"state=file\" are known", &value[2]);
            return NGX_CONF_ERROR;
        }

        state.data = value[2].data + 6;
        state.len = value[2].len - 6;
    }

    if (ngx_strncmp(value[1].data, "zone=", 5) != 0) {
        return "needs \"zone=name:size\"";
    }

    if (ngx_http_wix_auth_zone_size(cf, &value[1], &name, &size) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (name.len == 0) {
        return "needs \"zone=name:size\"";
    }

    ngx_http_wix_auth_place(cf, &wlcf->zone_place);

    wlcf->zone = ngx_http_wix_auth_zone_add(cf, &name, size,
                                            &ngx_http_wix_auth_module);
    if (wlcf->zone == NULL) {
        return NGX_CONF_ERROR;
    }

    if (state.len == 0) {
        return NGX_CONF_OK;
    }

    if (size == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"state=\" belongs where zone \"%V\" has its "
                           "size", &name);
        return NGX_CONF_ERROR;
    }

    return ngx_http_wix_auth_zone_state(cf, wlcf, &state);
}


/* "zone=name:size"; without a size it is 0 */

static ngx_int_t
ngx_http_wix_auth_zone_size(ngx_conf_t *cf, ngx_str_t *value, ngx_str_t *name,
    ssize_t *size)
{
    u_char     *p;
    ssize_t     min;
    ngx_str_t   s;

    name->data = value->data + 5;
    *size = 0;

    p = (u_char *) ngx_strchr(name->data, ':');

    if (p == NULL) {
        name->len = value->data + value->len - name->data;
        return NGX_OK;
    }

    name->len = p - name->data;

    s.data = p + 1;
    s.len = value->data + value->len - s.data;

    *size = ngx_parse_size(&s);

    if (*size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size in \"%V\"; "
                           "use for example \"zone=members:16m\"", value);
        return NGX_ERROR;
    }

    /* tables want some pages of their own */

    min = ngx_max(NGX_HTTP_WIX_AUTH_ZONE_MIN, (ssize_t) (8 * ngx_pagesize));

    if (*size < min) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small; give it at least "
                           "%zk, and a megabyte for 400 sessions", name,
                           min / 1024);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* what it needs is known when all has been read */

static char *
ngx_http_wix_auth_zone_state(ngx_conf_t *cf, ngx_http_wix_auth_conf_t *wlcf,
    ngx_str_t *file)
{
    ngx_http_wix_auth_main_conf_t   *wmcf;
    ngx_http_wix_auth_state_conf_t  *state;

    if (ngx_conf_full_name(cf->cycle, file, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wix_auth_module);

    state = ngx_array_push(wmcf->states);
    if (state == NULL) {
        return NGX_CONF_ERROR;
    }

    state->conf = wlcf;
    state->zone = wlcf->zone;
    state->file = *file;
    state->place = wlcf->zone_place;

    return NGX_CONF_OK;
}


char *
ngx_http_wix_auth_session_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    char        *rv;
    u_char       secret[4096];
    size_t       len;
    ngx_int_t    rc;
    ngx_str_t   *value, file;

    value = cf->args->elts;
    file = value[1];

    if (ngx_conf_full_name(cf->cycle, &file, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (wlcf->ring == NULL) {
        wlcf->ring = ngx_pcalloc(cf->pool, sizeof(ngx_http_wix_auth_ring_t));
        if (wlcf->ring == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    rv = ngx_http_wix_auth_read_key(cf, &file, secret, sizeof(secret), &len);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rc = ngx_http_wix_auth_ring_add(wlcf->ring, secret, len);

    ngx_explicit_memzero(secret, sizeof(secret));

    if (rc == NGX_OK) {
        return NGX_CONF_OK;
    }

    if (rc == NGX_ABORT) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key file \"%V\" holds the same key as another "
                           "one; give each key once", &file);

    } else if (rc == NGX_BUSY) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "more than %d session keys; remove the oldest",
                           NGX_HTTP_WIX_AUTH_RING_MAX);

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "keys could not be derived from \"%V\"; "
                           "check the OpenSSL installation", &file);
    }

    return NGX_CONF_ERROR;
}


static char *
ngx_http_wix_auth_read_key(ngx_conf_t *cf, ngx_str_t *file, u_char *buf,
    size_t size, size_t *len)
{
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_file_info_t  fi;

    fd = ngx_open_file(file->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "key file \"%V\" cannot be opened; create it with "
                           "\"openssl rand -out %V 48\"", file, file);
        return NGX_CONF_ERROR;
    }

    if (ngx_fd_info(fd, &fi) != NGX_FILE_ERROR
        && (ngx_file_access(&fi) & 0077))
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "key file \"%V\" is open to others than its "
                           "owner; use \"chmod 600 %V\"", file, file);
    }

    n = ngx_read_fd(fd, buf, size);

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", file);
    }

    if (n == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "key file \"%V\" cannot be read", file);
        return NGX_CONF_ERROR;
    }

    if (n < NGX_HTTP_WIX_AUTH_SECRET_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key file \"%V\" has %z bytes, a key needs at "
                           "least %d; create it with "
                           "\"openssl rand -out %V 48\"",
                           file, n, NGX_HTTP_WIX_AUTH_SECRET_MIN, file);
        return NGX_CONF_ERROR;
    }

    *len = n;

    return NGX_CONF_OK;
}


char *
ngx_http_wix_auth_client(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    char       *rv;
    u_char     *p;
    ngx_str_t  *value;

    rv = ngx_http_wix_auth_complex(cf, &wlcf->client_id);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    ngx_http_wix_auth_place(cf, &wlcf->client_place);

    if (wlcf->client_id->lengths) {
        return NGX_CONF_OK;
    }

    value = cf->args->elts;

    if (ngx_http_wix_auth_guid_parse(&value[1], wlcf->client) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not a client id; copy it from the "
                           "OAuth app in the project's Headless settings at "
                           "Wix", &value[1]);
        return NGX_CONF_ERROR;
    }

    p = ngx_pnalloc(cf->pool, 36);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_http_wix_auth_guid_write(p, wlcf->client);

    wlcf->client_text.data = p;
    wlcf->client_text.len = 36;

    return NGX_CONF_OK;
}


char *
ngx_http_wix_auth_redirect(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    char                     *rv;
    ngx_str_t                *value;
    const char               *err;
    ngx_http_wix_auth_url_t   url;

    rv = ngx_http_wix_auth_complex(cf, &wlcf->redirect_uri);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    ngx_http_wix_auth_place(cf, &wlcf->redirect_place);

    value = cf->args->elts;

    if (wlcf->redirect_uri->lengths || value[1].data[0] == '/') {
        return NGX_CONF_OK;
    }

    if (ngx_http_wix_auth_url_parse(cf->pool, &value[1], &url, &err)
        == NGX_OK)
    {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid redirect URI \"%V\": %s; give a path or an "
                       "absolute URL, exactly as allowed at Wix",
                       &value[1], err);

    return NGX_CONF_ERROR;
}


char *
ngx_http_wix_auth_base(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    char                     *rv;
    ngx_str_t                *value;
    const char               *err;
    ngx_http_wix_auth_url_t   url;

    rv = ngx_http_wix_auth_complex(cf, &wlcf->base_url);

    ngx_http_wix_auth_place(cf, &wlcf->base_place);

    if (rv != NGX_CONF_OK || wlcf->base_url->lengths) {
        return rv;
    }

    value = cf->args->elts;

    if (ngx_http_wix_auth_url_parse(cf->pool, &value[1], &url, &err)
        == NGX_OK)
    {
        if (url.path.len == 0
            || (url.path.len == 1 && url.path.data[0] == '/'))
        {
            wlcf->base_url->value = url.origin;
            return NGX_CONF_OK;
        }

        err = "it has a path";
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid base URL \"%V\": %s; give the public origin, "
                       "for example \"https://shop.example.com\"",
                       &value[1], err);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_wix_auth_complex(ngx_conf_t *cf, ngx_http_complex_value_t **slot)
{
    ngx_str_t                         *value;
    ngx_http_compile_complex_value_t   ccv;

    if (*slot != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "needs a value";
    }

    *slot = ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (*slot == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = *slot;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* one of the names in cmd->post, which is an array of ngx_conf_enum_t */

char *
ngx_http_wix_auth_choice(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    u_char            text[NGX_MAX_CONF_ERRSTR], *q, *last;
    ngx_str_t        *value;
    ngx_uint_t       *slot, i;
    ngx_conf_enum_t  *e;

    slot = (ngx_uint_t *) (p + cmd->offset);

    if (*slot != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;
    e = cmd->post;

    q = text;
    last = text + sizeof(text);

    for (i = 0; e[i].name.len; i++) {

        if (e[i].name.len == value[1].len
            && ngx_strncmp(e[i].name.data, value[1].data, value[1].len) == 0)
        {
            *slot = e[i].value;
            return NGX_CONF_OK;
        }

        if (i > 0) {
            q = ngx_slprintf(q, last, e[i + 1].name.len ? ", " : " or ");
        }

        q = ngx_slprintf(q, last, "%V", &e[i].name);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"%V\", it must be %*s",
                       &value[1], &cmd->name, (size_t) (q - text), text);

    return NGX_CONF_ERROR;
}


/* a time of at least a second; "off" is 0 where cmd->post allows it */

char *
ngx_http_wix_auth_seconds(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    time_t                    *slot;
    ngx_str_t                 *value;
    ngx_http_wix_auth_conf_t  *wlcf;

    slot = (time_t *) (p + cmd->offset);
    wlcf = conf;

    if (*slot != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    ngx_http_wix_auth_place(cf, (slot == &wlcf->idle) ? &wlcf->idle_place
                                                      : &wlcf->lifetime_place);

    value = cf->args->elts;

    if (cmd->post && ngx_strcmp(value[1].data, cmd->post) == 0) {
        *slot = 0;
        return NGX_CONF_OK;
    }

    *slot = ngx_parse_time(&value[1], 1);

    if (*slot == (time_t) NGX_ERROR || *slot < 1) {
        return "needs a time of at least one second, for example \"24h\"";
    }

    return NGX_CONF_OK;
}


/* a path on this host, or an absolute URL */

char *
ngx_http_wix_auth_logout_target(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    ngx_int_t                 rc;
    ngx_str_t                *value;
    const char               *err;
    ngx_http_wix_auth_url_t   url;

    if (wlcf->logout_redirect.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len && value[1].data[0] == '/') {
        err = "it may lead to another host";
        rc = ngx_http_wix_auth_url_return(cf->pool, &value[1], NULL, 0);

    } else {
        rc = ngx_http_wix_auth_url_parse(cf->pool, &value[1], &url, &err);
    }

    if (rc != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid address \"%V\" in "
                           "\"wix_auth_logout_redirect\": %s; give a path or "
                           "an absolute URL whose domain is allowed at Wix",
                           &value[1], err);
        return NGX_CONF_ERROR;
    }

    wlcf->logout_redirect = value[1];

    return NGX_CONF_OK;
}


char *
ngx_http_wix_auth_use_stale(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_wix_auth_conf_t  *wlcf = conf;

    ngx_str_t                       *value, s;
    ngx_uint_t                       i, n;
    ngx_http_wix_auth_stale_conf_t  *stale;

    static ngx_conf_bitmask_t  causes[] = {
        { ngx_string("error"), NGX_HTTP_WIX_AUTH_CAUSE_ERROR },
        { ngx_string("timeout"), NGX_HTTP_WIX_AUTH_CAUSE_TIMEOUT },
        { ngx_string("http_5xx"), NGX_HTTP_WIX_AUTH_CAUSE_5XX },
        { ngx_string("http_429"), NGX_HTTP_WIX_AUTH_CAUSE_429 },
        { ngx_null_string, 0 }
    };

    if (wlcf->stale != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    stale = ngx_pcalloc(cf->pool, sizeof(ngx_http_wix_auth_stale_conf_t));
    if (stale == NULL) {
        return NGX_CONF_ERROR;
    }

    wlcf->stale = stale;
    stale->time = 600;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "for=", 4) == 0) {
            s.data = value[i].data + 4;
            s.len = value[i].len - 4;

            stale->time = ngx_parse_time(&s, 1);

            if (stale->time == (time_t) NGX_ERROR) {
                return "needs a time in \"for=\", for example \"for=10m\"";
            }

            continue;
        }

        for (n = 0; causes[n].name.len; n++) {
            if (ngx_strcmp(value[i].data, causes[n].name.data) == 0) {
                stale->causes |= causes[n].mask;
                break;
            }
        }

        if (causes[n].name.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" in "
                               "\"wix_auth_refresh_use_stale\", it must be "
                               "off, or some of error, timeout, http_5xx, "
                               "http_429 and for=time", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    if (stale->causes == 0) {
        return "names no cause; add for example \"error timeout\", "
               "or use \"off\"";
    }

    return NGX_CONF_OK;
}
