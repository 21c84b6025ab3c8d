
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "unit.h"


static ngx_int_t
parse(const char *data, size_t len, ngx_http_wix_auth_json_t **root)
{
    ngx_int_t    rc;
    ngx_str_t    s;
    const char  *err;

    s = bytes(data, len);
    rc = ngx_http_wix_auth_json_parse(pool, &s, root, &err);

    if ((rc == NGX_OK) != (*root != NULL) || (rc == NGX_DECLINED) != !!err) {
        return NGX_ABORT;
    }

    return rc;
}


void
test_json_reader(void)
{
    int64_t                    n;
    ngx_str_t                  s;
    ngx_http_wix_auth_json_t  *root, *node;

    static const char  doc[] =
        " {\"a\": {\"b\": {\"c\": \"x\\u0041\\n\\ud83d\\ude00\"}},\"e\":\"\","
        "\"list\":[1,true,null,\"\xc3\xa9\",{}],\"z\":\"n\\u0000l\","
        "\"f\":false,\"n\":-1.5e3} ";

    ok(parse(doc, sizeof(doc) - 1, &root) == NGX_OK, "json: a document");

    ok(ngx_http_wix_auth_json_string(root, "a.b.c", 7, &s) == NGX_OK
       && same(&s, "xA\n\xf0\x9f\x98\x80") && s.data[s.len] == '\0',
       "json: a string at the end of a path");
    ok(ngx_http_wix_auth_json_string(root, "a.b.c", 6, &s) == NGX_DECLINED
       && s.len == 0, "json: a string longer than allowed");
    ok(ngx_http_wix_auth_json_string(root, "e", 9, &s) == NGX_DECLINED,
       "json: an empty string");
    ok(ngx_http_wix_auth_json_string(root, "z", 9, &s) == NGX_DECLINED,
       "json: a NUL in a string");

    node = ngx_http_wix_auth_json_get(root, "z");
    ok(node && node->text.len == 3 && memcmp(node->text.data, "n\0l", 4) == 0,
       "json: the NUL is in the tree");
    ok(ngx_http_wix_auth_json_string(root, "a", 9, &s) == NGX_DECLINED
       && ngx_http_wix_auth_json_string(root, "n", 9, &s) == NGX_DECLINED,
       "json: an object and a number are no strings");

    node = ngx_http_wix_auth_json_get(root, "n");
    ok(node && node->type == NGX_HTTP_WIX_AUTH_JSON_NUMBER
       && same(&node->text, "-1.5e3"), "json: a number is kept as sent");

    node = ngx_http_wix_auth_json_get(root, "list");
    ok(node && node->type == NGX_HTTP_WIX_AUTH_JSON_ARRAY
       && same(&node->child->text, "1")
       && node->child->next->type == NGX_HTTP_WIX_AUTH_JSON_BOOL
       && node->child->next->value
       && node->child->next->next->type == NGX_HTTP_WIX_AUTH_JSON_NULL
       && same(&node->child->next->next->next->text, "\xc3\xa9")
       && node->child->next->next->next->next->type
          == NGX_HTTP_WIX_AUTH_JSON_OBJECT
       && node->child->next->next->next->next->next == NULL,
       "json: an array in order");

    ok(!ngx_http_wix_auth_json_get(root, "a.b.c.d")
       && !ngx_http_wix_auth_json_get(root, "a.x")
       && !ngx_http_wix_auth_json_get(root, "list.0")
       && !ngx_http_wix_auth_json_get(root, "")
       && !ngx_http_wix_auth_json_get(root, ".")
       && !ngx_http_wix_auth_json_get(root, "a.")
       && !ngx_http_wix_auth_json_get(root, "a..b")
       && !ngx_http_wix_auth_json_get(NULL, "a")
       && ngx_http_wix_auth_json_get(root, "a.b"), "json: paths");
    ok(ngx_http_wix_auth_json_string(NULL, "a", 9, &s) == NGX_DECLINED
       && ngx_http_wix_auth_json_positive(NULL, "a", 9, &n) == NGX_DECLINED,
       "json: no tree");

    node = ngx_http_wix_auth_json_get(root, "a.b.c");
    s = node->text;
    ngx_http_wix_auth_json_wipe(root);
    ngx_http_wix_auth_json_wipe(NULL);
    ok(zeroes(s.data, s.len) && node->text.len == 0, "json: wiped");
}


void
test_json_bad(void)
{
    size_t                     i;
    ngx_http_wix_auth_json_t  *root;

    static const char  *bad[] = {
        "", " ", "{", "}", "[", "{]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
        "[1,]", "{} {}", "{}x", "1 2", "{a:1}", "'a'", "nul", "tru", "NaN",
        "Infinity", "-", "01", "1.", ".5", "1e", "+1", "0x10", "\"a", "\"\t\"",
        "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "/* c */ 1", "// c\n1",
        "{\"a\":1,\"a\":2}", "{\"a\":1,\"b\":2,\"\\u0061\":3}",
        "{\"\":1,\"\":2}", "[{\"x\":[{\"k\":1,\"j\":0,\"k\":null}]}]",
        "\"\xff\"", "\"\xc0\x80\"", "\"\xc3\"", "\"\xe0\x80\xaf\"",
        "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xf8\x88\x80\x80\x80\"",
        "\xef\xbb\xbf{}", "\"\xe2\x82", "\"\\ud800\\u", "\"\\ud800", "\"\\",
        "\\ud800", "{\"a\":1}\xff"
    };

    static const char  *good[] = {
        "{}", "[]", "0", "-0", "1e5", "\"\"", "null", "true", " [ ] ",
        "{\"a\":1,\"A\":2}", "[{\"a\":1},{\"a\":1}]", "{\"a\":{\"a\":1}}",
        "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80\""
    };

    for (i = 0; i < nelems(bad); i++) {
        ok(parse(bad[i], strlen(bad[i]), &root) == NGX_DECLINED,
           "json: not <%s>", bad[i]);
    }

    for (i = 0; i < nelems(good); i++) {
        ok(parse(good[i], strlen(good[i]), &root) == NGX_OK,
           "json: <%s>", good[i]);
    }

    ok(parse("{}\0", 3, &root) == NGX_DECLINED
       && parse("\"\0\"", 3, &root) == NGX_DECLINED, "json: NUL bytes");
}


void
test_json_limits(void)
{
    char                      *deep, *p;
    size_t                     i, n;
    ngx_http_wix_auth_json_t  *root;

    for (i = 31; i <= 1001; i = (i < 33) ? i + 1 : i + 968) {
        deep = malloc(2 * i);
        memset(deep, '[', i);
        memset(deep + i, ']', i);
        ok((parse(deep, 2 * i, &root) == NGX_OK) == (i <= 32),
           "json: depth %lu", (unsigned long) i);
        ok(parse(deep, i, &root) == NGX_DECLINED,
           "json: depth %lu, left open", (unsigned long) i);
        free(deep);
    }

    deep = malloc(65536);

    for (n = 4095; n <= 4096; n++) {
        for (p = deep, i = 0; i < n; i++) {
            p += sprintf(p, "%c%lu", i ? ',' : '[', (unsigned long) i);
        }

        *p++ = ']';
        ok((parse(deep, p - deep, &root) == NGX_OK) == (n == 4095),
           "json: %lu values", (unsigned long) n + 1);
    }

    for (p = deep, i = 0; i < 4000; i++) {
        p += sprintf(p, "%c\"%lu\":1", i ? ',' : '{', (unsigned long) i);
    }

    p[0] = '}';
    ok(parse(deep, p - deep + 1, &root) == NGX_OK, "json: 4000 keys");
    p += sprintf(p, ",\"0\":1}");
    ok(parse(deep, p - deep, &root) == NGX_DECLINED,
       "json: 4000 keys and the first again");

    memset(deep, 'x', 65536);
    deep[0] = '"';
    ok(parse(deep, 65535, &root) == NGX_DECLINED, "json: a long open string");
    memcpy(deep + 65529, "\\u0041\"", 7);
    ok(parse(deep, 65536, &root) == NGX_OK && root->text.len == 65529,
       "json: a long string with an escape");

    free(deep);

    deep = calloc(1, 1024 * 1024 + 1);
    memset(deep, ' ', 1024 * 1024 + 1);
    deep[0] = '1';
    ok(parse(deep, 1024 * 1024, &root) == NGX_OK
       && parse(deep, 1024 * 1024 + 1, &root) == NGX_DECLINED, "json: size");
    free(deep);
}


void
test_json_surrogates(void)
{
    size_t                     i;
    ngx_http_wix_auth_json_t  *root;

    static struct {
        const char  *in;
        const char  *out;
    } t[] = {
        { "\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80" },
        { "\"\\uD83D\\uDE00x\"", "\xf0\x9f\x98\x80x" },
        { "\"a\\ud83d\"", "a\xef\xbf\xbd" },
        { "\"a\\ud83db\"", "a\xef\xbf\xbd" "b" },
        { "\"\\ude00b\"", "\xef\xbf\xbd" "b" },
        { "\"\\ud83d\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80" },
        { "\"\\ud83d\\n\"", "\xef\xbf\xbd\n" },
        { "\"\\ud83d\\u0041\"", "\xef\xbf\xbd" "A" },
        { "\"\\ud800\\\\u12\"", "\xef\xbf\xbd\\u12" },
        { "\"\\\\ud800\"", "\\ud800" },
        { "\"\\\\\\ud800\"", "\\\xef\xbf\xbd" },
        { "\"\\ud800\\\"x\"", "\xef\xbf\xbd\"x" }
    };

    for (i = 0; i < nelems(t); i++) {
        ok(parse(t[i].in, strlen(t[i].in), &root) == NGX_OK
           && same(&root->text, t[i].out), "json: surrogates in %s", t[i].in);
    }
}


void
test_json_numbers(void)
{
    char                       doc[256];
    size_t                     i, quoted;
    int64_t                    n;
    ngx_int_t                  rc;
    ngx_http_wix_auth_json_t  *root;

    static struct {
        const char  *in;
        int64_t      out;           /* 0: declined */
        int64_t      max;
    } t[] = {
        { "3600", 3600, 86400 }, { "1", 1, 1 }, { "2", 0, 1 },
        { "3600.5", 3600, 86400 }, { "0.999", 0, 9 }, { "0", 0, 9 },
        { "-1", 0, 9 }, { "-0", 0, 9 }, { "0.0", 0, 9 }, { "9.99", 9, 9 },
        { "10", 0, 9 }, { "1e300", 0, INT64_MAX }, { "1e1", 10, 10 },
        { "3.6e3", 3600, 3600 }, { "3.6E+3", 3600, 3600 },
        { "36000e-1", 3600, 3600 }, { "1e-1", 0, 9 }, { "0.5e1", 5, 9 },
        { "1.25e1", 12, 99 }, { "0e999", 0, 9 }, { "1e-999999999999", 0, 9 },
        { "1e99999999999999999999999999999", 0, INT64_MAX },
        { "9223372036854775807", INT64_MAX, INT64_MAX },
        { "9223372036854775808", 0, INT64_MAX },
        { "9223372036854775806", 0, INT64_MAX - 2 },
        { "18446744073709551617", 0, INT64_MAX },
        { "4294967297", 4294967297, INT64_MAX },
        { "9.223372036854775807e18", INT64_MAX, INT64_MAX },
        { "7", 0, 3 }, { "5", 0, 0 }, { "5", 0, -1 },
        { "1111111111111111111111111111111111111111"
          "1111111111111111111111111", 0, INT64_MAX }
    };

    static const char  *bad[] = {
        "\"\"", "\" 1\"", "\"1 \"", "\"+1\"", "\"1.\"", "\".5\"", "\"01\"",
        "\"NaN\"", "\"inf\"", "\"0x10\"", "\"1e\"", "\"1e+\"", "\"1,5\"",
        "\"1\\u0000\"", "\"1.2.3\"", "\"-5\"", "\"1e1e1\"", "\"--1\"",
        "\"1_0\"", "true", "null", "[1]", "{}", "\"00\"", "\"1e1.5\""
    };

    for (i = 0; i < nelems(t); i++) {
        for (quoted = 0; quoted < 2; quoted++) {

            snprintf(doc, sizeof(doc), quoted ? "{\"n\":\"%s\"}"
                                              : "{\"n\":%s}", t[i].in);

            rc = parse(doc, strlen(doc), &root);
            if (rc == NGX_OK) {
                rc = ngx_http_wix_auth_json_positive(root, "n", t[i].max, &n);
            }

            ok(t[i].out ? (rc == NGX_OK && n == t[i].out) : rc == NGX_DECLINED,
               "json: %s, at most %lld", doc, (long long) t[i].max);
        }
    }

    for (i = 0; i < nelems(bad); i++) {
        snprintf(doc, sizeof(doc), "{\"n\":%s}", bad[i]);
        ok(parse(doc, strlen(doc), &root) == NGX_OK
           && ngx_http_wix_auth_json_positive(root, "n", 100, &n)
              == NGX_DECLINED && n == 0, "json: no number, %s", doc);
    }
}


void
test_json_writer(void)
{
    char                              all[128];
    size_t                            i;
    ngx_str_t                         s, value;
    const char                       *err;
    ngx_http_wix_auth_json_t         *root;
    ngx_http_wix_auth_json_writer_t  *w;

    for (i = 0; i < 128; i++) {
        all[i] = (char) i;
    }

    value = bytes(all, 128);

    root = NULL;

    w = ngx_http_wix_auth_json_begin(pool);
    ngx_http_wix_auth_json_object(w, NULL);
    ngx_http_wix_auth_json_put(w, "all", &value);
    ngx_http_wix_auth_json_put_c(w, "q\"", "</script>\xe2\x80\xa8");
    ngx_http_wix_auth_json_put_bool(w, "t", 2);
    ngx_http_wix_auth_json_put_bool(w, "f", 0);
    ngx_http_wix_auth_json_put_int(w, "min", INT64_MIN);
    ngx_http_wix_auth_json_array(w, "l");
    ngx_http_wix_auth_json_put_int(w, NULL, 1);
    ngx_http_wix_auth_json_put_c(w, NULL, "");
    ngx_http_wix_auth_json_object(w, NULL);
    ngx_http_wix_auth_json_end(w);
    ngx_http_wix_auth_json_end(w);
    ngx_http_wix_auth_json_end(w);

    ok(ngx_http_wix_auth_json_finish(w, &s) == NGX_OK
       && ngx_http_wix_auth_json_parse(pool, &s, &root, &err) == NGX_OK,
       "json: what is written can be read");
    root = ngx_http_wix_auth_json_get(root, "all");
    ok(root && root->text.len == 128 && memcmp(root->text.data, all, 128) == 0,
       "json: every ASCII character comes back");
    ok(memmem(s.data, s.len, "\"q\\\"\":\"</script>\xe2\x80\xa8\",\"t\":true,"
              "\"f\":false,\"min\":-9223372036854775808,\"l\":[1,\"\",{}]}",
              78) != NULL,
       "json: compact, in order");
    ok(ngx_http_wix_auth_json_finish(w, &s) == NGX_ERROR, "json: done once");
    ngx_http_wix_auth_json_put_c(w, NULL, "x");
    ngx_http_wix_auth_json_end(w);
    ok(ngx_http_wix_auth_json_finish(NULL, &s) == NGX_ERROR,
       "json: no writer");
    ngx_http_wix_auth_json_end(NULL);
    ngx_http_wix_auth_json_object(NULL, NULL);

    w = ngx_http_wix_auth_json_begin(pool);
    ngx_http_wix_auth_json_array(w, NULL);
    for (i = 0; i < 2000; i++) {
        ngx_http_wix_auth_json_put(w, NULL, &value);
    }
    ngx_http_wix_auth_json_end(w);
    ok(ngx_http_wix_auth_json_finish(w, &s) == NGX_OK && s.len > 2000 * 128,
       "json: a long one");
}


void
test_json_writer_misuse(void)
{
    ngx_uint_t                        i, depth;
    ngx_str_t                         s, value;
    ngx_http_wix_auth_json_writer_t  *w;

    for (i = 0; i < 13; i++) {
        w = ngx_http_wix_auth_json_begin(pool);

        if (i != 0 && i != 8) {
            ngx_http_wix_auth_json_object(w, i == 1 ? "k" : NULL);
        }

        value = text(i == 2 ? "\xff" : i == 3 ? "\xed\xa0\x80" : "v");

        switch (i) {
        case 0:                                    /* nothing */
            break;
        case 4:
            ngx_http_wix_auth_json_put(w, NULL, &value);
            break;
        case 5:
            ngx_http_wix_auth_json_end(w);
            break;
        case 6:                                    /* left open */
            ngx_http_wix_auth_json_array(w, "a");
            break;
        case 7:
            ngx_http_wix_auth_json_array(w, "a");
            ngx_http_wix_auth_json_put(w, "k", &value);
            ngx_http_wix_auth_json_end(w);
            break;
        case 8:                                    /* two roots */
            ngx_http_wix_auth_json_put_int(w, NULL, 1);
            ngx_http_wix_auth_json_put_int(w, NULL, 2);
            break;
        case 9:
            ngx_http_wix_auth_json_put(w, "\xc0\x80", &value);
            break;
        case 10:
        case 11:
            for (depth = 1; depth < 22 + i; depth++) {
                ngx_http_wix_auth_json_object(w, "d");
            }
            for (depth = 1; depth < 22 + i; depth++) {
                ngx_http_wix_auth_json_end(w);
            }
            break;
        case 12:
            ngx_str_null(&value);
            /* fall through */
        default:
            ngx_http_wix_auth_json_put(w, "k", &value);
        }

        ngx_http_wix_auth_json_end(w);

        ok(ngx_http_wix_auth_json_finish(w, &s)
           == (i == 10 || i == 12 ? NGX_OK : NGX_ERROR)
           && (i != 12 || same(&s, "{\"k\":\"\"}")),
           "json: writer, case %lu", (unsigned long) i);
    }
}


static ngx_int_t
tree(const char *data, const char *key, ngx_str_t *out)
{
    ngx_http_wix_auth_json_t         *root;
    ngx_http_wix_auth_json_writer_t  *w;

    if (parse(data, strlen(data), &root) != NGX_OK) {
        return NGX_ABORT;
    }

    w = ngx_http_wix_auth_json_begin(pool);

    if (key) {
        ngx_http_wix_auth_json_object(w, NULL);
    }

    ngx_http_wix_auth_json_put_tree(w, key, root);

    if (key) {
        ngx_http_wix_auth_json_put_int(w, "after", 1);
        ngx_http_wix_auth_json_end(w);
    }

    return ngx_http_wix_auth_json_finish(w, out);
}


void
test_json_tree(void)
{
    char                              deep[256];
    size_t                            i;
    ngx_str_t                         s;
    ngx_http_wix_auth_json_t          node, child;
    ngx_http_wix_auth_json_writer_t  *w;

    static const char  *same_again[] = {
        "{}", "[]", "null", "true", "false", "\"\"", "0", "-1.50e+3",
        "123456789012345678901234567890", "\"\xc3\xa9\xf0\x9f\x98\x80\"",
        "{\"\":{\"a\":[1,[],{},null,\"\\n\\\"\\u0000\",true]},\"b\":false}",
        "[[[{\"x\":[{\"y\":0.1}]}]],{}]"
    };

    static const char  *numbers[] = { "", "1,2", "1]", "NaN", "\"x\"", " 1" };

    for (i = 0; i < nelems(same_again); i++) {
        ok(tree(same_again[i], NULL, &s) == NGX_OK && same(&s, same_again[i]),
           "json: tree <%s>", same_again[i]);
    }

    ok(tree("{\"firstName\":\"A\",\"labels\":[\"x\"]}", "profile", &s)
       == NGX_OK
       && same(&s, "{\"profile\":{\"firstName\":\"A\",\"labels\":[\"x\"]},"
                   "\"after\":1}"), "json: a tree within an object");

    for (i = 0; i < 32; i++) {
        deep[i] = '[';
        deep[63 - i] = ']';
    }

    deep[64] = '\0';

    ok(tree(deep, NULL, &s) == NGX_OK && same(&s, deep),
       "json: a tree as deep as the reader takes it");
    ok(tree(deep, "k", &s) == NGX_ERROR, "json: too deep with what is around");

    w = ngx_http_wix_auth_json_begin(pool);
    ngx_http_wix_auth_json_put_tree(w, NULL, NULL);
    ok(ngx_http_wix_auth_json_finish(w, &s) == NGX_ERROR, "json: no tree");

    ngx_http_wix_auth_json_put_tree(NULL, NULL, NULL);

    /* what no reader makes, but a room may */

    ngx_memzero(&node, sizeof(node));
    ngx_memzero(&child, sizeof(child));

    node.type = NGX_HTTP_WIX_AUTH_JSON_OBJECT;
    node.child = &child;
    child.type = NGX_HTTP_WIX_AUTH_JSON_STRING;
    child.name = bytes("name", 4);
    child.text = bytes("value", 5);

    w = ngx_http_wix_auth_json_begin(pool);
    ngx_http_wix_auth_json_put_tree(w, NULL, &node);
    ok(ngx_http_wix_auth_json_finish(w, &s) == NGX_OK
       && same(&s, "{\"name\":\"value\"}"), "json: strings without a NUL");

    child.text = bytes("\xff", 1);
    w = ngx_http_wix_auth_json_begin(pool);
    ngx_http_wix_auth_json_put_tree(w, NULL, &node);
    ok(ngx_http_wix_auth_json_finish(w, &s) == NGX_ERROR,
       "json: a tree that is not UTF-8");

    child.text = bytes("value", 5);
    child.name = bytes("\xc0\x80", 2);
    w = ngx_http_wix_auth_json_begin(pool);
    ngx_http_wix_auth_json_put_tree(w, NULL, &node);
    ok(ngx_http_wix_auth_json_finish(w, &s) == NGX_ERROR,
       "json: nor its keys");

    node.type = NGX_HTTP_WIX_AUTH_JSON_NUMBER;

    for (i = 0; i < nelems(numbers); i++) {
        node.text = text(numbers[i]);
        w = ngx_http_wix_auth_json_begin(pool);
        ngx_http_wix_auth_json_put_tree(w, NULL, &node);
        ok(ngx_http_wix_auth_json_finish(w, &s) == NGX_ERROR,
           "json: <%s> is no number", numbers[i]);
    }
}
