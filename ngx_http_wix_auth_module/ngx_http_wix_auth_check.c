
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_check.h"
#include "ngx_http_wix_auth_site.h"


static ngx_int_t ngx_http_wix_auth_check_server(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, ngx_http_wix_auth_srv_conf_t *wscf);
static ngx_int_t ngx_http_wix_auth_check_names(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, ngx_http_wix_auth_srv_conf_t *wscf);
static ngx_uint_t ngx_http_wix_auth_check_host(ngx_str_t *name);
static void ngx_http_wix_auth_check_listeners(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, ngx_http_wix_auth_srv_conf_t *wscf);
static ngx_uint_t ngx_http_wix_auth_check_loopback(struct sockaddr *sa);
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
static ngx_uint_t ngx_http_wix_auth_check_equal(ngx_str_t *a, ngx_str_t *b);
static ngx_uint_t ngx_http_wix_auth_check_constant(
    ngx_http_complex_value_t *a, ngx_http_complex_value_t *b);
static ngx_int_t ngx_http_wix_auth_check_store(ngx_conf_t *cf,
    ngx_http_wix_auth_conf_t *conf);
static ngx_int_t ngx_http_wix_auth_check_notice(ngx_conf_t *cf,
    ngx_http_wix_auth_srv_conf_t *wscf, ngx_http_wix_auth_conf_t *conf);


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
    ngx_uint_t                      s;
    ngx_http_core_srv_conf_t      **cscfp;
    ngx_http_core_main_conf_t      *cmcf;
    ngx_http_wix_auth_srv_conf_t   *wscf;

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


/* nginx frees its own list of names with the configuration's temp pool */

static ngx_int_t
ngx_http_wix_auth_check_names(ngx_conf_t *cf, ngx_http_core_srv_conf_t *cscf,
    ngx_http_wix_auth_srv_conf_t *wscf)
{
    ngx_uint_t                 i;
    ngx_http_server_name_t    *sn;
    ngx_http_wix_auth_name_t  *name;

    sn = cscf->server_names.elts;

    for (i = 0; i < cscf->server_names.nelts; i++) {

        name = ngx_array_push(wscf->names);
        if (name == NULL) {
            return NGX_ERROR;
        }

        name->name = sn[i].name;

#if (NGX_PCRE)
        name->regex = sn[i].regex;
#endif

        if (i > 0) {
            continue;
        }

        wscf->name = sn[i].name;
        wscf->plain = ngx_http_wix_auth_check_host(&sn[i].name);

#if (NGX_PCRE)
        if (sn[i].regex) {
            wscf->plain = 0;
        }
#endif
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_wix_auth_check_host(ngx_str_t *name)
{
    u_char      c;
    ngx_uint_t  i;

    if (name->len == 0 || name->data[0] == '.') {
        return 0;
    }

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')
              || c == '-' || c == '.'))
        {
            return 0;
        }
    }

    return 1;
}


static void
ngx_http_wix_auth_check_listeners(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, ngx_http_wix_auth_srv_conf_t *wscf)
{
    ngx_uint_t                   p, a, s;
    ngx_http_conf_port_t        *port;
    ngx_http_conf_addr_t        *addr;
    ngx_http_core_srv_conf_t   **server;
    ngx_http_core_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    wscf->loopback = 1;

    if (cmcf->ports == NULL) {
        return;
    }

    port = cmcf->ports->elts;

    for (p = 0; p < cmcf->ports->nelts; p++) {
        addr = port[p].addrs.elts;

        for (a = 0; a < port[p].addrs.nelts; a++) {
            server = addr[a].servers.elts;

            for (s = 0; s < addr[a].servers.nelts; s++) {

                if (server[s] != cscf) {
                    continue;
                }

                if (wscf->port == 0) {
                    wscf->port = ngx_inet_get_port(addr[a].opt.sockaddr);
                }

#if (NGX_HTTP_SSL)
                if (addr[a].opt.ssl) {
                    /* the one that members use */
                    if (!wscf->tls) {
                        wscf->port = ngx_inet_get_port(addr[a].opt.sockaddr);
                    }

                    wscf->tls = 1;
                    continue;
                }
#endif

                if (!ngx_http_wix_auth_check_loopback(addr[a].opt.sockaddr)) {
                    wscf->loopback = 0;
                }
            }
        }
    }
}


static ngx_uint_t
ngx_http_wix_auth_check_loopback(struct sockaddr *sa)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    switch (sa->sa_family) {

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;
        return IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr);
#endif

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        return (ntohl(sin->sin_addr.s_addr) >> 24) == 127;

    default: /* AF_UNIX */
        return 1;
    }
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

        if (conf->unauthorized == NGX_HTTP_WIX_AUTH_STRANGER_401) {
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


static ngx_uint_t
ngx_http_wix_auth_check_equal(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len && ngx_memcmp(a->data, b->data, a->len) == 0;
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


/* parses each CA bundle once, in the master; workers share the pages */

static ngx_int_t
ngx_http_wix_auth_check_store(ngx_conf_t *cf, ngx_http_wix_auth_conf_t *conf)
{
    ngx_uint_t                      i;
    const char                     *err;
    ngx_http_wix_auth_store_t      *store;
    ngx_http_wix_auth_main_conf_t  *wmcf;

    if (conf->api->fetch.store
        || ngx_strncasecmp(conf->api->url.data, (u_char *) "https:", 6) != 0)
    {
        return NGX_OK;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wix_auth_module);
    store = wmcf->stores->elts;

    for (i = 0; i < wmcf->stores->nelts; i++) {
        if (ngx_http_wix_auth_check_equal(&store[i].file,
                                          &conf->api_certificate))
        {
            conf->api->fetch.store = store[i].store;
            return NGX_OK;
        }
    }

    store = ngx_array_push(wmcf->stores);
    if (store == NULL) {
        return NGX_ERROR;
    }

    store->file = conf->api_certificate;
    store->store = ngx_http_wix_auth_crypto_store(cf->pool,
                               store->file.len ? &store->file : NULL, &err);

    if (store->store == NULL) {
        ngx_http_wix_auth_complain(cf, NGX_LOG_EMERG,
                            &conf->certificate_place,
                            "CA certificates for the Wix API cannot be read "
                            "from \"%V\": %s; install ca-certificates or set "
                            "\"wix_auth_api_trusted_certificate\"",
                            &store->file, err);
        return NGX_ERROR;
    }

    conf->api->fetch.store = store->store;

    return NGX_OK;
}


/* what the operator must allow at Wix, told at start and reload */

static ngx_int_t
ngx_http_wix_auth_check_notice(ngx_conf_t *cf,
    ngx_http_wix_auth_srv_conf_t *wscf, ngx_http_wix_auth_conf_t *conf)
{
    u_char                         *p;
    ngx_str_t                       base, uri, prefix, *notice, *old;
    ngx_uint_t                      i;
    ngx_http_wix_auth_main_conf_t  *wmcf;

    if (conf->client_text.len == 0
        || (conf->base_url && conf->base_url->lengths)
        || (conf->redirect_uri && conf->redirect_uri->lengths))
    {
        return NGX_OK;
    }

    ngx_str_null(&base);
    ngx_str_null(&uri);

    prefix = conf->prefix.len ? conf->prefix : wscf->prefix;

    if (conf->redirect_uri) {
        uri = conf->redirect_uri->value;
    }

    if (conf->base_url) {
        base = conf->base_url->value;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wix_auth_module);

    p = ngx_pnalloc(cf->pool,
                    sizeof("client : allow https://:65535 at Wix callback")
                    + conf->client_text.len + base.len + wscf->name.len
                    + prefix.len + uri.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    notice = ngx_array_push(wmcf->notices);
    if (notice == NULL) {
        return NGX_ERROR;
    }

    notice->data = p;

    p = ngx_sprintf(p, "client %V: allow ", &conf->client_text);

    if (uri.len == 0 || uri.data[0] == '/') {

        if (base.len) {
            p = ngx_cpymem(p, base.data, base.len);

        } else {
            p = ngx_sprintf(p, "http%s://%V", wscf->tls ? "s" : "",
                            &wscf->name);

            if (wscf->port && wscf->port != (wscf->tls ? 443 : 80)) {
                p = ngx_sprintf(p, ":%ui", (ngx_uint_t) wscf->port);
            }
        }
    }

    p = uri.len ? ngx_cpymem(p, uri.data, uri.len)
                : ngx_sprintf(p, "%Vcallback", &prefix);

    p = ngx_cpymem(p, " at Wix", sizeof(" at Wix") - 1);

    notice->len = p - notice->data;

    old = wmcf->notices->elts;

    for (i = 0; i + 1 < wmcf->notices->nelts; i++) {
        if (ngx_http_wix_auth_check_equal(&old[i], notice)) {
            wmcf->notices->nelts--;
            break;
        }
    }

    return NGX_OK;
}
