
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "unit.h"


void
test_url(void)
{
    size_t                    i;
    ngx_int_t                 rc;
    ngx_str_t                 s;
    const char               *err;
    ngx_http_wix_auth_url_t   url;

    static struct {
        const char  *in;
        const char  *host;
        in_port_t    port;
        const char  *path;
        const char  *origin;
        unsigned     loopback;
        unsigned     ip;
    } t[] = {
        { "https://a", "a", 443, "", "https://a", 0, 0 },
        { "HTTPS://A.Example.COM/P?q=1", "a.example.com", 443, "/P?q=1",
          "https://a.example.com", 0, 0 },
        { "http://a:80/", "a", 80, "/", "http://a", 0, 0 },
        { "http://a:443", "a", 443, "", "http://a:443", 0, 0 },
        { "https://a:443", "a", 443, "", "https://a", 0, 0 },
        { "https://a:80/x//y@z", "a", 80, "/x//y@z", "https://a:80", 0, 0 },
        { "https://a?x=1", "a", 443, "?x=1", "https://a", 0, 0 },
        { "http://localhost:4321/", "localhost", 4321, "/",
          "http://localhost:4321", 1, 0 },
        { "http://127.0.0.1", "127.0.0.1", 80, "", "http://127.0.0.1", 1, 1 },
        { "http://127.9.8.7:65535", "127.9.8.7", 65535, "",
          "http://127.9.8.7:65535", 1, 1 },
        { "http://128.0.0.1", "128.0.0.1", 80, "", "http://128.0.0.1", 0, 1 },
        { "http://[::1]:8/", "[::1]", 8, "/", "http://[::1]:8", 1, 1 },
        { "http://[0:0:0:0:0:0:0:1]", "[::1]", 80, "", "http://[::1]", 1, 1 },
        { "http://[2001:DB8::A]/", "[2001:db8::a]", 80, "/",
          "http://[2001:db8::a]", 0, 1 },
        { "http://xn--bcher-kva.example", "xn--bcher-kva.example", 80, "",
          "http://xn--bcher-kva.example", 0, 0 },
        { "http://wix_emulator:1", "wix_emulator", 1, "",
          "http://wix_emulator:1", 0, 0 },
        { "http://1a.3com", "1a.3com", 80, "", "http://1a.3com", 0, 0 },
        { "http://localhost.evil", "localhost.evil", 80, "",
          "http://localhost.evil", 0, 0 },
        { "http://127.0.0.1.nip.io", "127.0.0.1.nip.io", 80, "",
          "http://127.0.0.1.nip.io", 0, 0 }
    };

    for (i = 0; i < nelems(t); i++) {
        s = text(t[i].in);
        rc = ngx_http_wix_auth_url_parse(pool, &s, &url, &err);
        ok(rc == NGX_OK && same(&url.host, t[i].host) && url.port == t[i].port
           && same(&url.path, t[i].path) && same(&url.origin, t[i].origin)
           && url.loopback == t[i].loopback && url.ip == t[i].ip
           && memcmp(t[i].origin, url.scheme.data, url.scheme.len) == 0,
           "url: %s", t[i].in);
    }
}


void
test_url_bad(void)
{
    size_t                    i;
    ngx_str_t                 s;
    const char               *err;
    ngx_http_wix_auth_url_t   url;

    static const char  *bad[] = {
        "", "a", "/", "//a", "http", "http:", "http:/", "http://", "https://",
        "http:///", "http:///a", "http:a", "http:/a", "ftp://a", "httpss://a",
        "https//a", " https://a", "https://a ", "https://a/ b", "https://?",
        "https://a/\\b", "https://a\\b", "https://a\tb", "https://a\n",
        "https://u@a", "https://u:p@a", "https://@a", "https://:@a",
        "https://a#", "https://a/#f", "https://#", "https://a:", "https://a:/",
        "https://a:0", "https://a:00443", "https://a:0443", "https://a:65536",
        "https://a:99999", "https://a:443x", "https://a:-1", "https://a:4:4",
        "https://a:+1", "https://:443", "https://a.", "https://.a",
        "https://a..b", "https://.", "https://-a", "https://a-",
        "https://a-.b", "https://a.-b", "https://a%2eb", "https://a,b",
        "https://a;b", "https://a'b", "https://a*", "https://a|b",
        "https://[::1", "https://[]", "https://[::1]x", "https://[::1]:",
        "https://[::1%25lo]", "https://[v1.x]", "https://[1.2.3.4]",
        "https://::1", "https://[[::1]]", "https://[::1]]", "https://a[::1]",
        "https://1", "https://127.1", "https://127.0.0.1.", "https://0x7f.1",
        "https://0177.0.0.1", "https://2130706433", "https://256.1.1.1",
        "https://1.2.3.4.5", "https://a.1", "https://0x7f000001",
        "https://a.0x1", "https://\xc3\xa9", "https://a/\xc3\xa9",
        "https://a/\x7f"
    };

    for (i = 0; i < nelems(bad); i++) {
        s = text(bad[i]);
        ok(ngx_http_wix_auth_url_parse(pool, &s, &url, &err) == NGX_DECLINED
           && err, "url: not <%s>", bad[i]);
    }
}


void
test_url_limits(void)
{
    char                      big[2100];
    size_t                    i;
    ngx_str_t                 s;
    ngx_uint_t                bad;
    const char               *err;
    ngx_http_wix_auth_url_t   url;

    memset(big, 'x', sizeof(big));
    memcpy(big, "https://a/", 10);

    s = bytes(big, 2048);
    ok(ngx_http_wix_auth_url_parse(pool, &s, &url, &err) == NGX_OK,
       "url: 2048 bytes");
    s = bytes(big, 2049);
    ok(ngx_http_wix_auth_url_parse(pool, &s, &url, &err) == NGX_DECLINED,
       "url: 2049 bytes");

    for (i = 62; i < 65; i++) {
        memset(big, 'x', sizeof(big));
        memcpy(big, "https://", 8);
        s = bytes(big, 8 + i);
        ok((ngx_http_wix_auth_url_parse(pool, &s, &url, &err) == NGX_OK)
           == (i <= 63), "url: a label of %lu", (unsigned long) i);
    }

    for (i = 252; i < 256; i++) {
        memset(big, 'x', sizeof(big));
        memcpy(big, "https://", 8);
        big[8 + 60] = big[8 + 120] = big[8 + 180] = big[8 + 240] = '.';
        s = bytes(big, 8 + i);
        ok((ngx_http_wix_auth_url_parse(pool, &s, &url, &err) == NGX_OK)
           == (i <= 253), "url: a host of %lu", (unsigned long) i);
    }

    for (bad = 0, i = 0; i < 256; i++) {
        memcpy(big, "https://a/x", 11);
        big[10] = (char) i;
        s = bytes(big, 11);
        bad += (ngx_http_wix_auth_url_parse(pool, &s, &url, &err) == NGX_OK)
               != (i > 0x20 && i < 0x7f && i != '\\' && i != '#');
    }

    ok(bad == 0, "url: every byte in a path");
}


static ngx_int_t
returns(const char *data, size_t len)
{
    ngx_str_t  s;

    s = bytes(data, len);

    return ngx_http_wix_auth_url_return(pool, &s, own, NOWN);
}


void
test_return_good(void)
{
    char    big[2100];
    size_t  i;

    static const char  *good[] = {
        "/", "/a", "/a/b", "/a/", "/a//b", "/a?b=c", "/?", "/#", "/#//evil",
        "/a#f", "/a?b#c", "/?u=//evil.com", "/?u=https://evil.com/",
        "/?u=https%3A%2F%2Fevil.com%0d%0a", "/?%0a%09%00%5c%ff", "/a%2fb",
        "/a%2f%2fb", "/a@b", "/@evil.com", "/evil.com", "/a:b", "/:80",
        "/a/../b", "/./a", "/..", "/.", "/...//a", "/.a//b", "/a.//b",
        "/a;b=c", "/a,b", "/~u", "/%41", "/a%25", "/a%25b", "/http://evil",
        "/a\"b<c>", "/a|b", "/-_.!~*'()", "/[::1]",
        "https://own.example", "https://own.example/", "HTTPS://OWN.EXAMPLE/",
        "https://own.example:443/a?b#c", "https://own.example?x",
        "https://own.example#f", "https://own.example/#//evil@evil",
        "https://app.own.example:8443/x", "http://localhost:4321/",
        "https://[::1]/", "https://[0:0::1]:443/",
        "https://own.example/a%20b/%d7%a9", "https://own.example/?%0a",
        "https://own.example/x@evil.com", "https://own.example/https://evil"
    };

    for (i = 0; i < nelems(good); i++) {
        ok(returns(good[i], strlen(good[i])) == NGX_OK, "return: %s", good[i]);
    }

    memset(big, 'x', sizeof(big));
    big[0] = '/';
    ok(returns(big, 2048) == NGX_OK, "return: 2048 bytes");
    ok(returns(big, 2049) == NGX_DECLINED, "return: not 2049 bytes");

    for (i = 1; i + 2 < 2048; i += 3) {
        memcpy(big + i, "%41", 3);
    }

    ok(returns(big, 2048) == NGX_OK, "return: all encoded");

    for (i = 1; i < 2048; i++) {
        big[i] = "%25"[i % 3 == 1 ? 0 : i % 3 == 2 ? 1 : 2];
    }

    ok(returns(big, 2046) == NGX_DECLINED, "return: cut in an encoding");

    big[1] = '%';
    for (i = 2; i < 2046; i++) {
        big[i] = i % 2 ? '5' : '2';
    }
    memcpy(big + 2046, "2f", 2);

    ok(returns(big, 2048) == NGX_DECLINED, "return: %% encoded 1022 times");
    ok(returns("", 0) == NGX_DECLINED, "return: nothing");
    ok(ngx_http_wix_auth_url_return(pool, &own[0], NULL, 0) == NGX_DECLINED,
       "return: no origin is allowed");
}


void
test_return_leads(void)
{
    char    url[512];
    size_t  i, j, k, n, passed;

    static const char  *leads[] = {
        "//", "///", "////", "/\\", "\\/", "\\\\", "\\", "/\\/", "/%2f",
        "/%2F", "/%5c", "/%5C", "/%2f/", "/%5c/", "/%2f%2f", "/%5c%5c",
        "/%2f%5c", "%2f%2f", "%2f", "%5c%5c", "/%252f", "/%255c",
        "/%25252f", "/%25%32%66", "/%2%66", "/%%32f", "/.//", "/..//", "/./\\",
        "/.\\", "/..\\", "/./%2f", "/../%2f", "/.%2f/", "/.%2f%2f",
        "/%2e//", "/%2e%2e//", "/%2E/%2F", "/.%2e//", "/%252e//", "/././/",
        "/../..//", "/a/..//", "/a/../%2f", "/a/../%5c", "/a/%2e%2e//",
        "/a/.%2E//", "/a/b/../..//", "/a%2fb/..//", "/a%2f..//", "/a//../..//",
        "/a/..%2f/", "/a/..%2f%2f", "/a/./..//", "/a/..\\", "/x/..//..//",
        "/%09/", "/%0a/", "/%0d/", "/%0d%0a/", "/%00/", "/%0b/",
        "/%7f/",
        "/%2509/", "/%250a/", "/\t/", "/\n/", "/\r/", "/\r\n/", "/ /", "/\v/",
        "/\f/", "/\x7f/", "/\xe3\x80\x80/", "/\xef\xbc\x8f", "\t//", "\n//",
        " //", " /", "\t/", "/%", "/%2x", "/%zz", "/%u002f/", "/a%0d%0aSet:",
        "http:", "https:", "http:/", "https:/", "http:///", "https:///",
        "https:\\\\", "https:/\\", "https:\\/", "http://", "https://",
        "HTTPS://", "hTTp://", "ftp://", "file:///", "ws://", "wss://",
        "javascript://", "javascript:", "JavaScript:", "java\tscript:",
        "data:text/html,", "vbscript:", "mailto:", "blob:https://", "about:",
        "view-source:https://", "\x01javascript:", "", ".", "..", "./", "../",
        "?", "#", "@", ":", ":/", "://", "://x/", ";//", "&//", "own.example/",
        "https://own.example@", "https://own.example:443@",
        "https://own.example:x@", "https://own.example.",
        "https://own.example-",
        "https://own.example%2f@", "https://own.example%40", "https://a@",
        "https://own.example\\@", "https://own.example\t@", "https://own",
        "https://own.example%00", "https://own.example;@",
        "https://own.example&@",
        "https://own.example,", "https://own.example'",
        "https://x.own.example.",
        "https://own.example//", "https://own.example/\\",
        "https://own.example/%2f", "https://own.example/%5c",
        "https://own.example/..//", "https://own.example/a/..//"
    };

    static const char  *hosts[] = {
        "evil.com", "evil.com/", "evil.com/own.example",
        "own.example@evil.com",
        "evil.com:80/x", "evil.com%2f", "[::2]/x", "0x7f.1/", "evil.com."
    };

    static const char  *ends[] = { "", "?a=b", "#f" };

    for (i = 0; i < nelems(leads); i++) {
        passed = 0;

        for (n = 0, j = 0; j < nelems(hosts); j++) {
            for (k = 0; k < nelems(ends); k++) {
                snprintf(url, sizeof(url), "%s%s%s", leads[i], hosts[j],
                         ends[k]);
                n++;

                if (returns(url, strlen(url)) != NGX_DECLINED) {
                    printf("# %s\n", url);
                    passed++;
                }
            }
        }

        ok(passed == 0, "return: %lu of \"%s\"", (unsigned long) n, leads[i]);
    }
}


void
test_return_bytes(void)
{
    char         url[64];
    size_t       i, pos, len, n;
    ngx_uint_t   c, bad;

    static const char  *base[] = {
        "/a/b?c=d#e", "https://own.example/a?b#c", "/", "http://localhost:4321"
    };

    for (i = 0; i < nelems(base); i++) {
        len = strlen(base[i]);
        n = 0;
        bad = 0;

        for (pos = 0; pos <= len; pos++) {
            for (c = 0; c < 256; c++) {

                if (c > 0x20 && c < 0x7f && c != '\\') {
                    continue;
                }

                memcpy(url, base[i], pos);
                url[pos] = (char) c;
                memcpy(url + pos + 1, base[i] + pos, len - pos);
                n++;
                bad += returns(url, len + 1) != NGX_DECLINED;
            }
        }

        ok(bad == 0, "return: %lu times a forbidden byte in %s",
           (unsigned long) n, base[i]);
    }
}


void
test_return_encoded(void)
{
    char         url[64], *p;
    size_t       i, pos, n;
    ngx_uint_t   c, bad;

    n = 0;
    bad = 0;

    for (pos = 1; pos <= 4; pos++) {
        for (c = 0; c < 256; c++) {

            if ((c >= 0x20 && c < 0x7f && c != '\\') || c >= 0x80) {
                continue;
            }

            for (i = 0; i < 2; i++) {
                memcpy(url, "/a/b", pos);
                p = url + pos;
                p += sprintf(p, i ? "%%%02X" : "%%%02x", (unsigned) c);
                memcpy(p, &"/a/b"[pos], 4 - pos);
                n++;
                bad += returns(url, 7) != NGX_DECLINED;
            }
        }
    }

    ok(bad == 0, "return: %lu times one encoded in a path", (unsigned long) n);

    bad = 0;

    for (i = 0; i < NOWN; i++) {
        for (pos = 0; pos < own[i].len; pos++) {
            for (c = 0x21; c < 0x7f; c++) {

                if (c == (ngx_uint_t) ngx_tolower(own[i].data[pos])
                    || c == (ngx_uint_t) ngx_toupper(own[i].data[pos]))
                {
                    continue;
                }

                memcpy(url, own[i].data, own[i].len);
                url[own[i].len] = '/';
                url[pos] = (char) c;

                if (returns(url, own[i].len + 1) == NGX_OK
                    && url[pos] != '/' && url[pos] != '?' && url[pos] != '#')
                {
                    bad++;
                }
            }
        }
    }

    ok(bad == 0, "return: origins of which one byte differs");
}


/*
 * What a browser makes of a path: "\" is "/", dots may be encoded.  With
 * decode, all the rest is undone first as well, as some proxy might.
 */

static ngx_uint_t
leaves(const char *path, ngx_uint_t decode)
{
    char         s[64], *seg[64], *p, *q;
    ngx_uint_t   n, dots, end;

    for (p = s; *path; path++) {
        if (*path == '\\') {
            *p++ = '/';
        } else if (strncasecmp(path, "%2e", 3) == 0) {
            *p++ = '.';
            path += 2;
        } else if (decode && (strncasecmp(path, "%2f", 3) == 0
                              || strncasecmp(path, "%5c", 3) == 0))
        {
            *p++ = '/';
            path += 2;
        } else {
            *p++ = *path;
        }
    }

    *p = '\0';

    /* a browser looks for an authority before it removes dots */

    if (s[1] == '/') {
        return 1;
    }

    for (n = 0, p = s + 1, end = 0; !end; p = q + 1) {
        q = strchr(p, '/');
        if (q == NULL) {
            q = p + strlen(p);
            end = 1;
        }

        dots = (q - p == 1 && p[0] == '.') ? 1
               : (q - p == 2 && p[0] == '.' && p[1] == '.') ? 2 : 0;

        if (dots == 2 && n) {
            n--;
        }

        if (dots == 0) {
            *q = '\0';
            seg[n++] = p;
        } else if (end) {
            seg[n++] = q;
        }
    }

    return n > 1 && *seg[0] == '\0';
}


void
test_return_all(void)
{
    char        path[64];
    size_t      len, n, i, total, accepted;
    ngx_str_t   s;
    ngx_uint_t  bad;

    static const char  *parts[] = {
        "/", ".", "..", "%2f", "%2E", "%5c", "\\", "a"
    };

    total = 0;
    accepted = 0;
    bad = 0;

    for (len = 1; len <= 6; len++) {
        for (n = 0; n < (size_t) 1 << (3 * len); n++) {

            strcpy(path, "/");

            for (i = 0; i < len; i++) {
                strcat(path, parts[(n >> (3 * i)) & 7]);
            }

            s.data = (u_char *) path;
            s.len = strlen(path);
            total++;

            if (ngx_http_wix_auth_url_return(pool, &s, own, NOWN)
                != NGX_OK)
            {
                continue;
            }

            accepted++;

            if (leaves(path, 0) || leaves(path, 1)) {
                printf("# %s\n", path);
                bad++;
            }
        }
    }

    ok(leaves("//a", 0) && leaves("/..//a", 0) && leaves("/a/../%2fb", 1)
       && !leaves("/a//b", 1) && !leaves("/a/..", 1),
       "return: the browser of the next test");
    ok(bad == 0 && accepted > 1000, "return: %lu paths, %lu pass, none leaves",
       (unsigned long) total, (unsigned long) accepted);
}


void
test_guid(void)
{
    u_char     id[16], out[36];
    size_t     i;
    ngx_str_t  s;

    static const char  *bad[] = {
        "", "0b1c7a52-7a0c-4d3f-9b1e-2f6f8d0c4e1",
        "0b1c7a52-7a0c-4d3f-9b1e-2f6f8d0c4e111",
        "0b1c7a527a0c-4d3f-9b1e-2f6f8d0c4e11-",
        "0b1c7a52-7a0c-4d3f-9b1e-2f6f8d0c4e1g",
        "0b1c7a52_7a0c-4d3f-9b1e-2f6f8d0c4e11",
        "{b1c7a52-7a0c-4d3f-9b1e-2f6f8d0c4e1}",
        "0b1c7a5-27a0c-4d3f-9b1e-2f6f8d0c4e11",
        "0b1c7a52-7a0c-4d3f-9b1e-2f6f8d0c4e\xb1\xb1"
    };

    s = text("0B1c7a52-7A0C-4d3f-9b1e-2f6f8d0c4e1F");
    ok(ngx_http_wix_auth_guid_parse(&s, id) == NGX_OK
       && hex_is(id, 16, "0b1c7a527a0c4d3f9b1e2f6f8d0c4e1f"), "guid: parsed");
    ok(ngx_http_wix_auth_guid_write(out, id) == out + 36
       && memcmp(out, "0b1c7a52-7a0c-4d3f-9b1e-2f6f8d0c4e1f", 36) == 0,
       "guid: written");

    for (i = 0; i < nelems(bad); i++) {
        s = text(bad[i]);
        ok(ngx_http_wix_auth_guid_parse(&s, id) == NGX_DECLINED,
           "guid: not <%s>", bad[i]);
    }
}


void
test_encode(void)
{
    u_char       all[256], *out, *end;
    size_t       i;
    ngx_str_t    s;
    ngx_uint_t   bad;
    ngx_array_t *pairs;
    const char  *err;

    s = text("aZ09-_.~ /?&=+%\xff" "#");
    out = ngx_palloc(pool, ngx_http_wix_auth_url_encoded_len(&s));
    end = ngx_http_wix_auth_url_encode(out, &s);
    s.data = out;
    s.len = end - out;
    ok(same(&s, "aZ09-_.~%20%2F%3F%26%3D%2B%25%FF%23"), "url: encoded");

    for (i = 0; i < 255; i++) {
        all[i] = (u_char) (i + 1);
    }

    for (bad = 0, i = 0; i < 255; i++) {
        s.data = &all[i];
        s.len = 1;
        bad += ngx_http_wix_auth_url_encoded_len(&s)
               != (size_t) ((all[i] < 128 && (isalnum(all[i])
                                              || strchr("-_.~", all[i])))
                            ? 1 : 3);
    }

    s.data = all;
    s.len = 255;
    out = ngx_palloc(pool, ngx_http_wix_auth_url_encoded_len(&s));
    end = ngx_http_wix_auth_url_encode(out, &s);
    s.data = out;
    s.len = end - out;
    ok(bad == 0
       && ngx_http_wix_auth_form_parse(pool, &s, 1, &pairs, &err) == NGX_OK
       && ((ngx_http_wix_auth_pair_t *) pairs->elts)->name.len == 255
       && memcmp(((ngx_http_wix_auth_pair_t *) pairs->elts)->name.data, all,
                 255) == 0,
       "url: every byte is encoded and comes back");
}


void
test_form(void)
{
    char                       got[256], *p;
    size_t                     i;
    ngx_int_t                  rc;
    ngx_str_t                  s, *v;
    ngx_uint_t                 j, ends;
    ngx_array_t               *pairs;
    const char                *err;
    ngx_http_wix_auth_pair_t  *pair;

    static struct {
        const char  *in;
        const char  *out;                    /* NULL: declined */
    } t[] = {
        { "", "" }, { "&", "" }, { "&&&", "" }, { "a=b", "a=b;" },
        { "a", "a=;" }, { "a=", "a=;" }, { "=b", "=b;" }, { "=", "=;" },
        { "a=b&c=d", "a=b;c=d;" }, { "&a=b&&c=d&", "a=b;c=d;" },
        { "a=b=c", "a=b=c;" }, { "a+b=c+d", "a b=c d;" },
        { "%61=%62%3D%26", "a=b=&;" }, { "a=%2B", "a=+;" },
        { "email=a%40b.c&password=p%20w", "email=a@b.c;password=p w;" },
        { "profile.phonesV2%5B0%5D.phone=1", "profile.phonesV2[0].phone=1;" },
        { "a=\xc3\xa9&b=%C3%a9", "a=\xc3\xa9;b=\xc3\xa9;" },
        { "a=%0d%0a", "a=\r\n;" }, { "a;b=c", "a;b=c;" },
        { "A=1&a=2", "A=1;a=2;" }, { "a=1&b=2&c=3&d=4&e=5", NULL },
        { "a=%", NULL }, { "a=%4", NULL }, { "a=%zz", NULL }, { "%=a", NULL },
        { "a=%4&b", NULL }, { "a=%%41", NULL }, { "a=%00", NULL },
        { "%00=a", NULL }, { "a=b%00c", NULL }, { "a=1&a=2", NULL },
        { "a=1&b=2&a=1", NULL }, { "a&a", NULL }, { "a=1&%61=2", NULL },
        { "=1&=2", NULL }, { "code=x&state=y&code=", NULL },
        { "a=%-1", NULL }, { "a=% 1", NULL }
    };

    for (i = 0; i < nelems(t); i++) {
        s = text(t[i].in);
        rc = ngx_http_wix_auth_form_parse(pool, &s, 4, &pairs, &err);

        got[0] = '\0';
        ends = 0;

        if (rc == NGX_OK) {
            pair = pairs->elts;

            for (p = got, j = 0; j < pairs->nelts; j++) {
                p += sprintf(p, "%.*s=%.*s;",
                             (int) pair[j].name.len, pair[j].name.data,
                             (int) pair[j].value.len, pair[j].value.data);
                ends += pair[j].name.data[pair[j].name.len]
                        + pair[j].value.data[pair[j].value.len];
            }
        }

        ok(t[i].out ? (rc == NGX_OK && strcmp(got, t[i].out) == 0 && ends == 0)
                    : (rc == NGX_DECLINED && err != NULL && pairs == NULL),
           "form: <%s>", t[i].in);
    }

    s = bytes("a=\0", 3);
    ok(ngx_http_wix_auth_form_parse(pool, &s, 4, &pairs, &err)
       == NGX_DECLINED, "form: a plain NUL");

    s = text("a=b");
    ok(ngx_http_wix_auth_form_parse(pool, &s, 0, &pairs, &err)
       == NGX_DECLINED, "form: none allowed");

    s = text("a=1&ab=2&b=");
    ngx_http_wix_auth_form_parse(pool, &s, 9, &pairs, &err);
    v = ngx_http_wix_auth_form_get(pairs, "ab");
    ok(v && same(v, "2") && !ngx_http_wix_auth_form_get(pairs, "abc")
       && !ngx_http_wix_auth_form_get(pairs, "")
       && !ngx_http_wix_auth_form_get(NULL, "a")
       && ngx_http_wix_auth_form_get(pairs, "b")->len == 0, "form: get");
}
