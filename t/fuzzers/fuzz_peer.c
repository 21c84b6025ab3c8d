
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * Addresses that a request of ours must never go to: however one is written,
 * it is known, as a host and in a URL.
 *
 * Input: a host.
 */


#include "whatwg.h"

#include "ngx_http_wix_auth_transfer.h"
#include "ngx_http_wix_auth_url.h"

#include <arpa/inet.h>


#define FUZZ_MAX_LEN  256


static ngx_uint_t inner(const char *host);
static ngx_uint_t inner4(uint32_t a);


void
fuzz_one(fuzz_t *f)
{
    char                      buf[300];
    whatwg_t                  to;
    ngx_str_t                 host, url;
    const char               *err;
    ngx_http_wix_auth_url_t   parsed;

    host = fuzz_line(f);

    if (host.len > 200 || memchr(host.data, '\0', host.len)) {
        return;
    }

    snprintf(buf, sizeof(buf), "%.*s", (int) host.len, host.data);

    if (inner(buf)) {
        FUZZ_CHECK(ngx_http_wix_auth_fetch_inner_host(&host));
    }

    url.data = (u_char *) buf;
    url.len = snprintf(buf, sizeof(buf), "https://%.*s/", (int) host.len,
                       host.data);

    /* what is asked has been parsed before */

    if (ngx_http_wix_auth_url_parse(f->pool, &url, &parsed, &err) != NGX_OK) {
        return;
    }

    whatwg_resolve(&url, "https", &to);

    FUZZ_CHECK(to.kind == WHATWG_THERE && !to.user);

    if (inner(to.host)) {
        url = fuzz_copy0(f, url.data, url.len);
        FUZZ_CHECK(ngx_http_wix_auth_fetch_inner_url(&url));
    }
}


/* by what the resolver of this machine takes for an address */

static ngx_uint_t
inner(const char *host)
{
    char              text[INET6_ADDRSTRLEN];
    size_t            len;
    struct in_addr    a4;
    struct in6_addr   a6;

    len = strlen(host);

    if (len > 2 && host[0] == '[' && host[len - 1] == ']'
        && len - 2 < sizeof(text))
    {
        memcpy(text, host + 1, len - 2);
        text[len - 2] = '\0';
        host = text;
    }

    if (inet_pton(AF_INET, host, &a4) == 1) {
        return inner4(ntohl(a4.s_addr));
    }

    if (inet_pton(AF_INET6, host, &a6) != 1) {
        return strcasecmp(host, "localhost") == 0;
    }

    if (IN6_IS_ADDR_V4MAPPED(&a6)) {
        memcpy(&a4, a6.s6_addr + 12, 4);
        return inner4(ntohl(a4.s_addr));
    }

    return IN6_IS_ADDR_LOOPBACK(&a6) || IN6_IS_ADDR_UNSPECIFIED(&a6)
           || IN6_IS_ADDR_LINKLOCAL(&a6) || IN6_IS_ADDR_MULTICAST(&a6)
           || (a6.s6_addr[0] & 0xfe) == 0xfc;
}


static ngx_uint_t
inner4(uint32_t a)
{
    return (a >> 24) == 0 || (a >> 24) == 10 || (a >> 24) == 127
           || (a >> 16) == 0xa9fe || (a >> 20) == 0xac1
           || (a >> 16) == 0xc0a8 || (a >> 22) == 0x191
           || (a >> 17) == 0x6309 || (a >> 28) >= 14;
}
