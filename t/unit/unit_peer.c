
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "unit.h"
#include "ngx_http_wix_auth_transfer.h"


static ngx_uint_t inner(const char *host);
static ngx_uint_t inner_sockaddr(const char *addr);


static const char  *inside[] = {
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.0",
    "100.127.255.255", "127.0.0.1", "127.255.0.1", "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.168.0.1",
    "198.18.0.1", "198.19.255.255", "224.0.0.1", "239.1.1.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1",
    "::ffff:10.1.2.3", "::ffff:169.254.169.254", "64:ff9b::7f00:1",
    "64:ff9b:1::808:808", "2002:7f00:1::", "2002:a00:1::1", "fc00::1",
    "fd12:3456::1", "fe80::1", "febf::1", "fec0::1", "ff02::1"
};

static const char  *outside[] = {
    "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
    "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0",
    "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255",
    "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
    "2606:4700::1", "2a00:1450:4001::1", "::ffff:8.8.8.8",
    "64:ff9b::808:808", "2002:808:808::1", "fbff::1"
};


void
test_peer(void)
{
    size_t     i;
    ngx_str_t  s;

    for (i = 0; i < nelems(inside); i++) {
        ok(inner(inside[i]) && inner_sockaddr(inside[i]),
           "peer: %s is inside", inside[i]);
    }

    for (i = 0; i < nelems(outside); i++) {
        ok(!inner(outside[i]) && !inner_sockaddr(outside[i]),
           "peer: %s is outside", outside[i]);
    }

    ok(inner("[::1]") && !inner("[2606:4700::1]"), "peer: brackets");
    ok(inner("") && inner("[]"), "peer: nothing is inside");
    ok(inner("localhost") && inner("LOCALHOST") && inner("a.localhost"),
       "peer: this machine by name");
    ok(!inner("www.example.com") && !inner("notlocalhost")
       && !inner("localhost.example.com")
       && !inner("10.0.0.1.a-name-that-is-longer-than-any-address.example"),
       "peer: other names are for the resolver");

    s = text("https://10.0.0.1/_api/oauth2/authorize");
    ok(ngx_http_wix_auth_fetch_inner_url(&s), "peer: an address in a URL");
    s = text("https://[::1]:443/x");
    ok(ngx_http_wix_auth_fetch_inner_url(&s), "peer: brackets in a URL");
    s = text("https://localhost:443?a=b");
    ok(ngx_http_wix_auth_fetch_inner_url(&s), "peer: a name in a URL");
    s = text("https://site.example/x?u=http://127.0.0.1/");
    ok(!ngx_http_wix_auth_fetch_inner_url(&s), "peer: not its query");
    s = text("https:");
    ok(ngx_http_wix_auth_fetch_inner_url(&s), "peer: no URL");
    s = text("https://");
    ok(ngx_http_wix_auth_fetch_inner_url(&s), "peer: no host");
}


static ngx_uint_t
inner(const char *host)
{
    ngx_str_t  s;

    s = text(host);

    return ngx_http_wix_auth_fetch_inner_host(&s);
}


static ngx_uint_t
inner_sockaddr(const char *addr)
{
    struct sockaddr_in   sin;
    struct sockaddr_in6  sin6;

    ngx_memzero(&sin, sizeof(sin));
    ngx_memzero(&sin6, sizeof(sin6));

    if (inet_pton(AF_INET, addr, &sin.sin_addr) == 1) {
        sin.sin_family = AF_INET;
        return ngx_http_wix_auth_fetch_inner((struct sockaddr *) &sin);
    }

    if (inet_pton(AF_INET6, addr, &sin6.sin6_addr) == 1) {
        sin6.sin6_family = AF_INET6;
        return ngx_http_wix_auth_fetch_inner((struct sockaddr *) &sin6);
    }

    return 2;
}
