
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_check.h"


static ngx_uint_t ngx_http_wix_auth_check_host(ngx_str_t *name);
static ngx_uint_t ngx_http_wix_auth_check_loopback(struct sockaddr *sa);


/* nginx frees its own list of names with the configuration's temp pool */

ngx_int_t
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


void
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


/* parses each CA bundle once, in the master; workers share the pages */

ngx_int_t
ngx_http_wix_auth_check_store(ngx_conf_t *cf, ngx_http_wix_auth_conf_t *conf)
{
    ngx_uint_t                      i;
    const char                     *err;
    ngx_http_wix_auth_store_t      *store;
    ngx_http_wix_auth_main_conf_t  *wmcf;

    if (conf->api->fetch.store) {
        return NGX_OK;
    }

    /* response mode direct may need it beside an API on loopback */

    if (conf->api_certificate.len == 0
        && ngx_strncasecmp(conf->api->url.data, (u_char *) "https:", 6) != 0)
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

ngx_int_t
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


ngx_uint_t
ngx_http_wix_auth_check_equal(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len && ngx_memcmp(a->data, b->data, a->len) == 0;
}
