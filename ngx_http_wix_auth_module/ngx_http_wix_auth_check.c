
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_check.h"
#include "ngx_http_wix_auth_site.h"


static ngx_int_t ngx_http_wix_auth_check_server(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, ngx_http_wix_auth_srv_conf_t *wscf);
static ngx_int_t ngx_http_wix_auth_check_prefix(ngx_conf_t *cf,
    ngx_http_wix_auth_srv_conf_t *wscf);
static ngx_int_t ngx_http_wix_auth_check_conf(ngx_conf_t *cf,
    ngx_http_wix_auth_srv_conf_t *wscf, ngx_http_wix_auth_conf_t *conf,
    ngx_http_wix_auth_place_t *place, const char *what);
static ngx_int_t ngx_http_wix_auth_check_gate(ngx_conf_t *cf,
    ngx_http_wix_auth_srv_conf_t *wscf, ngx_http_wix_auth_conf_t *conf);
static ngx_int_t ngx_http_wix_auth_check_callback(ngx_conf_t *cf,
    ngx_http_wix_auth_srv_conf_t *wscf, ngx_http_wix_auth_conf_t *conf,
    ngx_http_wix_auth_place_t *place);
static ngx_int_t ngx_http_wix_auth_check_pair(ngx_conf_t *cf,
    ngx_http_wix_auth_conf_t *gate, ngx_http_wix_auth_location_t *location);
static ngx_http_wix_auth_place_t *ngx_http_wix_auth_check_place(
    ngx_http_wix_auth_place_t *a, ngx_http_wix_auth_place_t *b,
    ngx_http_wix_auth_place_t *otherwise);
static ngx_uint_t ngx_http_wix_auth_check_cookie(
    ngx_http_wix_auth_cookie_t *a, ngx_http_wix_auth_cookie_t *b);
static ngx_int_t ngx_http_wix_auth_check_clients(ngx_conf_t *cf,
    ngx_http_wix_auth_srv_conf_t *wscf);
static ngx_uint_t ngx_http_wix_auth_check_constant(
    ngx_http_complex_value_t *a, ngx_http_complex_value_t *b);
static ngx_int_t ngx_http_wix_auth_check_login(ngx_conf_t *cf,
    ngx_http_wix_auth_srv_conf_t *wscf, ngx_http_wix_auth_conf_t *conf);
static ngx_int_t ngx_http_wix_auth_check_require(ngx_conf_t *cf,
    ngx_http_wix_auth_wish_t *wish);
static void ngx_http_wix_auth_check_visitor(ngx_conf_t *cf,
    ngx_http_wix_auth_wish_t *wish);


void
ngx_http_wix_auth_place(ngx_conf_t *cf, ngx_http_wix_auth_place_t *place)
{
    place->file = cf->conf_file->file.name;
    place->line = cf->conf_file->line;
}


void ngx_cdecl
ngx_http_wix_auth_complain(ngx_conf_t *cf, ngx_uint_t level,
    ngx_http_wix_auth_place_t *place, const char *fmt, ...)
{
    u_char   text[NGX_MAX_CONF_ERRSTR], *p;
    va_list  args;

    va_start(args, fmt);
    p = ngx_vslprintf(text, text + sizeof(text), fmt, args);
    va_end(args);

    if (place->file.len == 0) {
        ngx_log_error(level, cf->log, 0, "%*s", (size_t) (p - text), text);
        return;
    }

    ngx_log_error(level, cf->log, 0, "%*s in %V:%ui",
                  (size_t) (p - text), text, &place->file, place->line);
}


ngx_int_t
ngx_http_wix_auth_check(ngx_conf_t *cf)
{
    ngx_uint_t                      s, i;
    ngx_http_core_srv_conf_t      **cscfp;
    ngx_http_wix_auth_wish_t       *wish;
    ngx_http_core_main_conf_t      *cmcf;
    ngx_http_wix_auth_srv_conf_t   *wscf;
    ngx_http_wix_auth_main_conf_t  *wmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscfp = cmcf->servers.elts;

    for (s = 0; s < cmcf->servers.nelts; s++) {

        wscf = cscfp[s]->ctx->srv_conf[ngx_http_wix_auth_module.ctx_index];

        if (wscf->gates->nelts == 0 && wscf->locations->nelts == 0) {
            continue;
        }

        if (ngx_http_wix_auth_check_server(cf, cscfp[s], wscf) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ngx_http_wix_auth_check_states(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wix_auth_module);
    wish = wmcf->wishes->elts;

    for (i = 0; i < wmcf->wishes->nelts; i++) {

        if (wish[i].visitor) {
            ngx_http_wix_auth_check_visitor(cf, &wish[i]);
            continue;
        }

        if (ngx_http_wix_auth_check_require(cf, &wish[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_check_server(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, ngx_http_wix_auth_srv_conf_t *wscf)
{
    ngx_uint_t                      i;
    ngx_http_wix_auth_conf_t      **gate;
    ngx_http_wix_auth_location_t   *location;

    if (ngx_http_wix_auth_check_names(cf, cscf, wscf) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_wix_auth_check_listeners(cf, cscf, wscf);

    if (ngx_http_wix_auth_check_prefix(cf, wscf) != NGX_OK) {
        return NGX_ERROR;
    }

    location = wscf->locations->elts;

    for (i = 0; i < wscf->locations->nelts; i++) {
        if (ngx_http_wix_auth_check_conf(cf, wscf, location[i].conf,
                                         &location[i].place,
                                         "\"wix_auth_endpoints\"")
            != NGX_OK
            || ngx_http_wix_auth_check_callback(cf, wscf, location[i].conf,
                                                &location[i].place)
               != NGX_OK
            || ngx_http_wix_auth_check_notice(cf, wscf, location[i].conf)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    gate = wscf->gates->elts;

    for (i = 0; i < wscf->gates->nelts; i++) {
        if (ngx_http_wix_auth_check_conf(cf, wscf, gate[i], &gate[i]->place,
                                         "\"wix_auth\"")
            != NGX_OK
            || ngx_http_wix_auth_check_gate(cf, wscf, gate[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_http_wix_auth_check_clients(cf, wscf);
}


static ngx_int_t
ngx_http_wix_auth_check_prefix(ngx_conf_t *cf,
    ngx_http_wix_auth_srv_conf_t *wscf)
{
    ngx_uint_t                      i, g, several;
    ngx_http_wix_auth_conf_t      **gate;
    ngx_http_wix_auth_location_t   *location;

    location = wscf->locations->elts;
    several = 0;

    for (i = 0; i < wscf->locations->nelts; i++) {

        if (location[i].prefix.len == 0) {
            continue;
        }

        if (wscf->prefix.len == 0) {
            wscf->prefix = location[i].prefix;
            continue;
        }

        if (!ngx_http_wix_auth_check_equal(&wscf->prefix,
                                           &location[i].prefix))
        {
            several = i;
        }
    }

    if (wscf->locations->nelts && wscf->prefix.len == 0) {
        ngx_http_wix_auth_complain(cf, NGX_LOG_EMERG, &location[0].place,
                            "no location of this server tells the prefix of "
                            "the endpoints; add "
                            "\"location ^~ /_wix/ { wix_auth_endpoints; }\"");
        return NGX_ERROR;
    }

    if (!several) {
        return NGX_OK;
    }

    gate = wscf->gates->elts;

    for (g = 0; g < wscf->gates->nelts; g++) {
        if (gate[g]->redirect_uri == NULL) {
            ngx_http_wix_auth_complain(cf, NGX_LOG_EMERG,
                            &location[several].place,
                            "endpoints below \"%V\" and \"%V\" in one "
                            "server; name \"wix_auth_redirect_uri\" for each "
                            "gate, or keep one prefix",
                            &wscf->prefix, &location[several].prefix);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* what a gate and endpoints need alike */

static ngx_int_t
ngx_http_wix_auth_check_conf(ngx_conf_t *cf,
    ngx_http_wix_auth_srv_conf_t *wscf, ngx_http_wix_auth_conf_t *conf,
    ngx_http_wix_auth_place_t *place, const char *what)
{
    ngx_http_wix_auth_place_t  *where;

    if (conf->zone == NULL) {
        ngx_http_wix_auth_complain(cf, NGX_LOG_EMERG, place,
                            "%s needs a zone for its sessions; add "
                            "\"wix_auth_zone zone=members:16m;\"", what);
        return NGX_ERROR;
    }

    if (conf->zone->shm.size == 0) {
        ngx_http_wix_auth_complain(cf, NGX_LOG_EMERG, &conf->zone_place,
                            "zone \"%V\" has no size anywhere; add "
                            "\"wix_auth_zone zone=%V:16m;\"",
                            &conf->zone->shm.name, &conf->zone->shm.name);
        return NGX_ERROR;
    }

    if (conf->client_id == NULL) {
        ngx_http_wix_auth_complain(cf, NGX_LOG_EMERG, place,
                            "%s needs a client id; add "
                            "\"wix_auth_client_id\" with the OAuth app's id "
                            "from Wix", what);
        return NGX_ERROR;
    }

    if (conf->base_url == NULL && !wscf->plain) {
        ngx_http_wix_auth_complain(cf, NGX_LOG_EMERG, place,
                            "%s in a server whose first name \"%V\" is no "
                            "plain host name; add \"wix_auth_base_url "
                            "https://shop.example.com;\"", what, &wscf->name);
        return NGX_ERROR;
    }

    if (conf->base_url == NULL && conf->cookies->session.secure
        && !wscf->tls && !wscf->loopback)
    {
        where = conf->cookie_place.file.len ? &conf->cookie_place : place;

        ngx_http_wix_auth_complain(cf, NGX_LOG_EMERG, where,
                            "the session cookie is Secure but the server "
                            "has no TLS listener; where TLS ends in front of "
                            "nginx, add \"wix_auth_base_url https://...;\"");
        return NGX_ERROR;
    }

    if (conf->idle > conf->lifetime) {
        where = ngx_http_wix_auth_check_place(&conf->idle_place,
                                              &conf->lifetime_place, place);

        ngx_http_wix_auth_complain(cf, NGX_LOG_EMERG, where,
                            "\"wix_auth_session_idle\" is longer than "
                            "\"wix_auth_session_lifetime\"; shorten it or "
                            "use \"off\"");
        return NGX_ERROR;
    }

    if (ngx_http_wix_auth_check_login(cf, wscf, conf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_wix_auth_check_store(cf, conf);
}


static ngx_int_t
ngx_http_wix_auth_check_gate(ngx_conf_t *cf,
    ngx_http_wix_auth_srv_conf_t *wscf, ngx_http_wix_auth_conf_t *conf)
{
    ngx_str_t                      none, prefix;
    ngx_uint_t                     i;
    ngx_http_wix_auth_location_t  *location;

    ngx_str_null(&none);

    if (wscf->locations->nelts == 0) {

        if (conf->unauthorized == NGX_HTTP_WIX_AUTH_STRANGER_401
            || conf->login->absolute)
        {
            return NGX_OK;
        }

        if (conf->from_http) {

            if (wscf->warned) {
                return NGX_OK;
            }

            wscf->warned = 1;

            ngx_http_wix_auth_complain(cf, NGX_LOG_WARN, &conf->place,
                            "\"wix_auth\" of the http block reaches server "
                            "\"%V\", which has no endpoints: strangers get "
                            "401 there; add \"location ^~ /_wix/ { "
                            "wix_auth_endpoints; }\" or \"wix_auth off\"",
                            &wscf->name);

            return NGX_OK;
        }

        ngx_http_wix_auth_complain(cf, NGX_LOG_EMERG, &conf->place,
                            "\"wix_auth\" in a server without endpoints: "
                            "nobody could log in; add \"location ^~ /_wix/ { "
                            "wix_auth_endpoints; }\", or "
                            "\"wix_auth_unauthorized 401\"");
        return NGX_ERROR;
    }

    if (ngx_http_wix_auth_check_callback(cf, wscf, conf, &conf->place)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (conf->redirect_uri && conf->redirect_uri->lengths) {
        return NGX_OK;
    }

    ngx_http_wix_auth_site_prefix(conf,
                                  conf->redirect_uri
                                  ? &conf->redirect_uri->value : &none,
                                  &prefix);

    location = wscf->locations->elts;

    for (i = 0; i < wscf->locations->nelts; i++) {

        /* endpoints below another prefix serve other gates */

        if (location[i].prefix.len
            && !ngx_http_wix_auth_check_equal(&location[i].prefix, &prefix))
        {
            continue;
        }

        if (ngx_http_wix_auth_check_pair(cf, conf, &location[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* a constant redirect URI must lead to a callback of this very server */

static ngx_int_t
ngx_http_wix_auth_check_callback(ngx_conf_t *cf,
    ngx_http_wix_auth_srv_conf_t *wscf, ngx_http_wix_auth_conf_t *conf,
    ngx_http_wix_auth_place_t *place)
{
    ngx_str_t                      path, uri, prefix;
    ngx_uint_t                     i;
    const char                    *err;
    ngx_http_wix_auth_url_t        url;
    ngx_http_wix_auth_location_t  *location;

    if (conf->redirect_uri && conf->redirect_uri->lengths) {
        return NGX_OK;
    }

    prefix = conf->prefix.len ? conf->prefix : wscf->prefix;

    if (conf->redirect_uri == NULL) {
        path.len = prefix.len + sizeof("callback") - 1;
        path.data = ngx_pnalloc(cf->pool, path.len);

        if (path.data == NULL) {
            return NGX_ERROR;
        }

        ngx_sprintf(path.data, "%Vcallback", &prefix);

    } else {
        uri = conf->redirect_uri->value;
        path = uri;

        if (uri.data[0] != '/') {
            if (ngx_http_wix_auth_url_parse(cf->pool, &uri, &url, &err)
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            path = url.path;
        }
    }

    for (i = 0; i < path.len; i++) {
        if (path.data[i] == '?') {
            path.len = i;
            break;
        }
    }

    location = wscf->locations->elts;

    for (i = 0; i < wscf->locations->nelts; i++) {

        if (location[i].endpoint == NGX_HTTP_WIX_AUTH_EP_CALLBACK
            && ngx_http_wix_auth_check_equal(&location[i].location, &path))
        {
            return NGX_OK;
        }

        if (location[i].endpoint == NGX_HTTP_WIX_AUTH_EP_ALL
            && path.len == location[i].prefix.len + sizeof("callback") - 1
            && ngx_strncmp(path.data, location[i].prefix.data,
                           location[i].prefix.len) == 0
            && ngx_strncmp(path.data + location[i].prefix.len, "callback",
                           sizeof("callback") - 1) == 0)
        {
            return NGX_OK;
        }
    }

    ngx_http_wix_auth_complain(cf, NGX_LOG_EMERG,
                            conf->redirect_uri ? &conf->redirect_place
                                               : place,
                            "redirect URI path \"%V\" is not an endpoint "
                            "\"callback\" of this server; use "
                            "\"%Vcallback\" or add "
                            "\"wix_auth_endpoints callback\" there",
                            &path, &prefix);

    return NGX_ERROR;
}


/* a session made by these endpoints must be one that this gate accepts */

static ngx_int_t
ngx_http_wix_auth_check_pair(ngx_conf_t *cf, ngx_http_wix_auth_conf_t *gate,
    ngx_http_wix_auth_location_t *location)
{
    const char                 *what;
    ngx_http_wix_auth_conf_t   *conf;
    ngx_http_wix_auth_place_t  *place;

    conf = location->conf;
    what = NULL;
    place = &gate->place;

    if (gate->zone != conf->zone) {
        what = "wix_auth_zone";

    } else if (gate->ring != conf->ring) {
        what = "wix_auth_session_key";

    } else if (!ngx_http_wix_auth_check_cookie(&gate->cookies->session,
                                               &conf->cookies->session))
    {
        what = "wix_auth_cookie";
        place = ngx_http_wix_auth_check_place(&gate->cookie_place,
                                              &conf->cookie_place, place);

    } else if (gate->client_text.len && conf->client_text.len
               && ngx_memcmp(gate->client, conf->client, 16) != 0)
    {
        what = "wix_auth_client_id";
        place = ngx_http_wix_auth_check_place(&gate->client_place,
                                              &conf->client_place, place);

    } else if (!ngx_http_wix_auth_check_equal(&gate->api->url,
                                              &conf->api->url))
    {
        what = "wix_auth_api";

    } else if (!ngx_http_wix_auth_check_constant(gate->base_url,
                                                 conf->base_url))
    {
        what = "wix_auth_base_url";
        place = ngx_http_wix_auth_check_place(&gate->base_place,
                                              &conf->base_place, place);
    }

    if (what == NULL
        && gate->idle && (conf->idle == 0 || conf->idle > gate->idle))
    {
        /* the login would find the session alive and send it back for ever */
        what = "wix_auth_session_idle";
        place = ngx_http_wix_auth_check_place(&gate->idle_place,
                                              &conf->idle_place, place);
    }

    if (what == NULL) {
        return NGX_OK;
    }

    ngx_http_wix_auth_complain(cf, NGX_LOG_EMERG, place,
                            "this gate and the endpoints at \"%V\" differ in "
                            "\"%s\": who logs in there could not pass here; "
                            "set it in the server block",
                            &location->location, what);

    return NGX_ERROR;
}


/* the later of two places in one file, which is the one that deviates */

static ngx_http_wix_auth_place_t *
ngx_http_wix_auth_check_place(ngx_http_wix_auth_place_t *a,
    ngx_http_wix_auth_place_t *b, ngx_http_wix_auth_place_t *otherwise)
{
    if (a->file.len == 0 && b->file.len == 0) {
        return otherwise;
    }

    if (b->file.len == 0) {
        return a;
    }

    return (a->file.len && a->line > b->line) ? a : b;
}


static ngx_uint_t
ngx_http_wix_auth_check_cookie(ngx_http_wix_auth_cookie_t *a,
    ngx_http_wix_auth_cookie_t *b)
{
    return ngx_http_wix_auth_check_equal(&a->name, &b->name)
           && ngx_http_wix_auth_check_equal(&a->domain, &b->domain)
           && ngx_http_wix_auth_check_equal(&a->path, &b->path)
           && a->secure == b->secure
           && a->samesite_none == b->samesite_none
           && a->partitioned == b->partitioned
           && a->session == b->session;
}


/* two clients behind one cookie would log each other's members out */

static ngx_int_t
ngx_http_wix_auth_check_clients(ngx_conf_t *cf,
    ngx_http_wix_auth_srv_conf_t *wscf)
{
    ngx_uint_t                  i, j;
    ngx_http_wix_auth_conf_t  **gate;

    gate = wscf->gates->elts;

    for (i = 0; i < wscf->gates->nelts; i++) {
        for (j = 0; j < i; j++) {

            if (gate[i]->client_text.len && gate[j]->client_text.len
                && ngx_memcmp(gate[i]->client, gate[j]->client, 16) != 0
                && ngx_http_wix_auth_check_equal(
                                       &gate[i]->cookies->session.name,
                                       &gate[j]->cookies->session.name))
            {
                ngx_http_wix_auth_complain(cf, NGX_LOG_EMERG,
                            &gate[i]->client_place,
                            "two client ids in one server with one cookie "
                            "name \"%V\"; give each its own "
                            "\"wix_auth_cookie\"",
                            &gate[i]->cookies->session.name);
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* values with variables are compared by the request, not here */

static ngx_uint_t
ngx_http_wix_auth_check_constant(ngx_http_complex_value_t *a,
    ngx_http_complex_value_t *b)
{
    if (a == b) {
        return 1;
    }

    if (a == NULL || b == NULL) {
        return 0;
    }

    if (a->lengths || b->lengths) {
        return 1;
    }

    return ngx_http_wix_auth_check_equal(&a->value, &b->value);
}


/* endpoints that send the browser to a login page must not be that page */

static ngx_int_t
ngx_http_wix_auth_check_login(ngx_conf_t *cf,
    ngx_http_wix_auth_srv_conf_t *wscf, ngx_http_wix_auth_conf_t *conf)
{
    u_char                        *p, *src;
    ngx_str_t                      path, *name;
    ngx_uint_t                     i;
    ngx_http_wix_auth_location_t  *location;

    if (conf->login->kind != NGX_HTTP_WIX_AUTH_LOGIN_URI
        || conf->login->absolute)
    {
        return NGX_OK;
    }

    path.data = ngx_pnalloc(cf->pool, conf->login->uri.len);
    if (path.data == NULL) {
        return NGX_ERROR;
    }

    p = path.data;
    src = conf->login->uri.data;

    ngx_unescape_uri(&p, &src, conf->login->uri.len, 0);

    path.len = p - path.data;

    for (i = 0; i < path.len; i++) {
        if (path.data[i] == '?' || path.data[i] == '#') {
            path.len = i;
        }
    }

    location = wscf->locations->elts;

    for (i = 0; i < wscf->locations->nelts; i++) {
        name = &location[i].location;

        if (location[i].endpoint == NGX_HTTP_WIX_AUTH_EP_ALL
            ? (path.len < name->len
               || ngx_memcmp(path.data, name->data, name->len) != 0)
            : !ngx_http_wix_auth_check_equal(&path, name))
        {
            continue;
        }

        ngx_http_wix_auth_complain(cf, NGX_LOG_EMERG, &conf->login_place,
                            "the page \"%V\" of \"wix_auth_login\" is an "
                            "endpoint itself, which would send to it for "
                            "ever; give the site's own page, or use "
                            "\"builtin\"", &conf->login->uri);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* in http and server it may be meant for the gates inside */

static ngx_int_t
ngx_http_wix_auth_check_require(ngx_conf_t *cf,
    ngx_http_wix_auth_wish_t *wish)
{
    ngx_http_wix_auth_conf_t  *conf;

    conf = wish->conf;

    if (wish->location ? ngx_http_wix_auth_gated(conf)
                       : conf->require->used)
    {
        return NGX_OK;
    }

    ngx_http_wix_auth_complain(cf, NGX_LOG_EMERG, &conf->require_place,
                            "\"wix_auth_require\" where the gate is off: "
                            "nothing would be required; add "
                            "\"wix_auth required\"");

    return NGX_ERROR;
}


static void
ngx_http_wix_auth_check_visitor(ngx_conf_t *cf,
    ngx_http_wix_auth_wish_t *wish)
{
    ngx_http_wix_auth_conf_t       *conf;
    ngx_http_wix_auth_main_conf_t  *wmcf;

    conf = wish->conf;

    if (wish->location
        ? (!ngx_http_wix_auth_gated(conf)
           || conf->mode != NGX_HTTP_WIX_AUTH_OPTIONAL)
        : !conf->visitor->used)
    {
        ngx_http_wix_auth_complain(cf, NGX_LOG_WARN, &conf->visitor_place,
                            "\"wix_auth_visitor\" has no effect here: "
                            "visitors are minted by an optional gate only; "
                            "use \"wix_auth optional\"");
        return;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wix_auth_module);

    if (!wmcf->access_token) {
        ngx_http_wix_auth_complain(cf, NGX_LOG_WARN, &conf->visitor_place,
                            "\"wix_auth_visitor\" has no effect: "
                            "$wix_auth_access_token is used nowhere; send it "
                            "to Wix with \"proxy_set_header\"");
    }
}
