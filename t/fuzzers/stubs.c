
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * The part of nginx's core that the module's parsers call, beyond what the
 * unit tests need.  The behaviour is that of nginx; time stands still.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#include "fuzz.h"

/* here is one that knows more formats, and one that gives memory too */
#define ngx_sprintf  stub_sprintf
#define ngx_pool_cleanup_add  stub_pool_cleanup_add
#include "../unit/ngx_stubs.c"
#undef ngx_sprintf
#undef ngx_pool_cleanup_add


static u_char *stub_number(u_char *buf, u_char *last, uint64_t n,
    ngx_uint_t base, ngx_uint_t width, u_char fill);
static u_char *stub_copy(u_char *buf, u_char *last, const u_char *data,
    size_t len);


static ngx_cycle_t     stub_cycle;
static ngx_time_t      stub_time = { 1800000000, 0, 0 };

volatile ngx_cycle_t  *ngx_cycle = &stub_cycle;
volatile ngx_time_t   *ngx_cached_time = &stub_time;
volatile ngx_msec_t    ngx_current_msec = 5000;
ngx_queue_t            ngx_posted_next_events = {
    &ngx_posted_next_events, &ngx_posted_next_events
};
ngx_uint_t             ngx_test_config;

ngx_log_t   fuzz_log = { NGX_LOG_DEBUG, NULL, 0, 0, NULL, NULL, NULL, NULL,
                         NULL, NULL };
ngx_str_t   fuzz_logged;
ngx_uint_t  fuzz_lines;
ngx_uint_t  fuzz_emergencies;

static u_char  stub_line[NGX_MAX_ERROR_STR];


void
fuzz_log_reset(void)
{
    stub_cycle.log = &fuzz_log;

    ngx_str_null(&fuzz_logged);
    fuzz_lines = 0;
    fuzz_emergencies = 0;
}


static void
stub_log(ngx_uint_t level, const char *fmt, va_list args)
{
    u_char  *p;

    p = ngx_vslprintf(stub_line, stub_line + sizeof(stub_line), fmt, args);

    fuzz_logged.data = stub_line;
    fuzz_logged.len = p - stub_line;
    fuzz_lines++;

    if (level == NGX_LOG_EMERG) {
        fuzz_emergencies++;
    }
}


void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    stub_log(level, fmt, args);
    va_end(args);
}


void ngx_cdecl
ngx_conf_log_error(ngx_uint_t level, ngx_conf_t *cf, ngx_err_t err,
    const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    stub_log(level, fmt, args);
    va_end(args);
}


u_char * ngx_cdecl
ngx_sprintf(u_char *buf, const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf(buf, (u_char *) -1, fmt, args);
    va_end(args);

    return p;
}


u_char * ngx_cdecl
ngx_snprintf(u_char *buf, size_t max, const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf(buf, buf + max, fmt, args);
    va_end(args);

    return p;
}


u_char * ngx_cdecl
ngx_slprintf(u_char *buf, u_char *last, const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf(buf, last, fmt, args);
    va_end(args);

    return p;
}


/* an integer by the letter of its type */

static int64_t
stub_integer(u_char type, ngx_uint_t sign, va_list *args)
{
    switch (type) {

    case 'O':
        return (int64_t) va_arg(*args, off_t);

    case 'P':
        return (int64_t) va_arg(*args, ngx_pid_t);

    case 'T':
        return (int64_t) va_arg(*args, time_t);

    case 'M':
        return (int64_t) va_arg(*args, ngx_msec_t);

    case 'z':
        return sign ? (int64_t) va_arg(*args, ssize_t)
                    : (int64_t) va_arg(*args, size_t);

    case 'i':
        return sign ? (int64_t) va_arg(*args, ngx_int_t)
                    : (int64_t) va_arg(*args, ngx_uint_t);

    case 'd':
    case 'D':
        return sign ? (int64_t) va_arg(*args, int)
                    : (int64_t) va_arg(*args, u_int);

    default: /* 'l', 'L' */
        return va_arg(*args, int64_t);
    }
}


u_char *
ngx_vslprintf(u_char *buf, u_char *last, const char *fmt, va_list params)
{
    u_char      *s, fill;
    size_t       len;
    int64_t      n;
    va_list      args;
    ngx_str_t   *v;
    ngx_uint_t   sign, base, width, bounded;

    va_copy(args, params);

    while (*fmt && buf < last) {

        if (*fmt != '%') {
            *buf++ = (u_char) *fmt++;
            continue;
        }

        fmt++;

        fill = (*fmt == '0') ? '0' : ' ';
        sign = 1;
        base = 10;
        width = 0;
        bounded = 0;
        len = 0;

        while (*fmt >= '0' && *fmt <= '9') {
            width = width * 10 + (*fmt++ - '0');
        }

        for ( ;; ) {

            if (*fmt == 'u') {
                sign = 0;

            } else if (*fmt == 'x' || *fmt == 'X') {
                sign = 0;
                base = 16;

            } else if (*fmt == '*') {
                len = va_arg(args, size_t);
                bounded = 1;

            } else {
                break;
            }

            fmt++;
        }

        switch (*fmt) {

        case 'V':
            v = va_arg(args, ngx_str_t *);
            buf = stub_copy(buf, last, v->data, v->len);
            break;

        case 's':
            s = va_arg(args, u_char *);
            buf = stub_copy(buf, last, s,
                            bounded ? len : strlen((char *) s));
            break;

        case 'c':
            *buf++ = (u_char) va_arg(args, int);
            break;

        case 'Z':
            *buf++ = '\0';
            break;

        case 'N':
            *buf++ = LF;
            break;

        case '%':
            *buf++ = '%';
            break;

        case 'p':
            buf = stub_number(buf, last, (uintptr_t) va_arg(args, void *), 16,
                              0, '0');
            break;

        case 'O':
        case 'P':
        case 'T':
        case 'M':
        case 'z':
        case 'i':
        case 'd':
        case 'D':
        case 'l':
        case 'L':
            n = stub_integer((u_char) *fmt, sign, &args);

            if (sign && n < 0 && *fmt != 'M') {
                *buf++ = '-';
                n = -n;
            }

            buf = stub_number(buf, last, (uint64_t) n, base, width, fill);
            break;

        default:
            fprintf(stderr, "stubs.c: no format %%%c\n", *fmt);
            abort();
        }

        fmt++;
    }

    va_end(args);

    return buf;
}


static u_char *
stub_number(u_char *buf, u_char *last, uint64_t n, ngx_uint_t base,
    ngx_uint_t width, u_char fill)
{
    u_char  text[NGX_INT64_LEN + 1], *p;
    size_t  len;

    p = text + sizeof(text);

    do {
        *--p = (u_char) "0123456789abcdef"[n % base];
        n /= base;
    } while (n);

    len = text + sizeof(text) - p;

    for ( /* void */ ; width > len && buf < last; width--) {
        *buf++ = fill;
    }

    return stub_copy(buf, last, p, len);
}


static u_char *
stub_copy(u_char *buf, u_char *last, const u_char *data, size_t len)
{
    len = ngx_min(len, (size_t) (last - buf));

    if (len) {
        memcpy(buf, data, len);
    }

    return buf + len;
}


ngx_pool_cleanup_t *
ngx_pool_cleanup_add(ngx_pool_t *pool, size_t size)
{
    void                *data;
    ngx_pool_cleanup_t  *c;

    data = size ? ngx_palloc(pool, size) : NULL;

    c = (size && data == NULL) ? NULL : stub_pool_cleanup_add(pool, size);

    if (c) {
        c->data = data;
    }

    return c;
}


u_char *
ngx_pstrdup(ngx_pool_t *pool, ngx_str_t *src)
{
    u_char  *dst;

    dst = ngx_pnalloc(pool, src->len);

    if (dst && src->len) {
        memcpy(dst, src->data, src->len);
    }

    return dst;
}


/* the first n + 1 bytes of s2, whatever their case */

u_char *
ngx_strlcasestrn(u_char *s1, u_char *last, u_char *s2, size_t n)
{
    size_t   i;
    u_char  *p;

    for (p = s1; p < last && (size_t) (last - p) > n; p++) {

        for (i = 0; i <= n && ngx_tolower(p[i]) == ngx_tolower(s2[i]); i++) {
            /* void */
        }

        if (i > n) {
            return p;
        }
    }

    return NULL;
}


void
ngx_strlow(u_char *dst, u_char *src, size_t n)
{
    while (n--) {
        *dst++ = ngx_tolower(*src);
        src++;
    }
}


ngx_int_t
ngx_atoi(u_char *line, size_t n)
{
    return ngx_atofp(line, n, 0);
}


/* digits, and after one point at most so many more, which are filled up */

ngx_int_t
ngx_atofp(u_char *line, size_t n, size_t point)
{
    u_char      *last;
    ngx_int_t    value;
    ngx_uint_t   dot;

    if (n == 0) {
        return NGX_ERROR;
    }

    value = 0;
    dot = 0;

    for (last = line + n; line < last; line++) {

        if (point == 0 && dot) {
            return NGX_ERROR;
        }

        if (*line == '.' && point && !dot) {
            dot = 1;
            continue;
        }

        if (*line < '0' || *line > '9'
            || value > (NGX_MAX_INT_T_VALUE - (*line - '0')) / 10)
        {
            return NGX_ERROR;
        }

        value = value * 10 + (*line - '0');
        point -= dot;
    }

    while (point--) {

        if (value > NGX_MAX_INT_T_VALUE / 10) {
            return NGX_ERROR;
        }

        value *= 10;
    }

    return value;
}


ssize_t
ngx_parse_size(ngx_str_t *line)
{
    size_t      len;
    ssize_t     n;
    ngx_uint_t  shift;

    len = line->len;

    if (len == 0) {
        return NGX_ERROR;
    }

    switch (line->data[len - 1] | 0x20) {

    case 'k':
        len--;
        shift = 10;
        break;

    case 'm':
        len--;
        shift = 20;
        break;

    default:
        shift = 0;
    }

    n = ngx_atoi(line->data, len);

    if (n == NGX_ERROR || n > (NGX_MAX_SIZE_T_VALUE >> shift)) {
        return NGX_ERROR;
    }

    return n << shift;
}


/* "1d 12h": units from large to small, each once; no unit: seconds */

ngx_int_t
ngx_parse_time(ngx_str_t *line, ngx_uint_t is_sec)
{
    u_char      *p, *last;
    int64_t      ms, total;
    ngx_int_t    value;
    ngx_uint_t   i, next;

    static struct {
        const char  *name;
        int64_t      ms;
    }  units[] = {
        { "y", 365LL * 24 * 60 * 60 * 1000 },
        { "M", 30LL * 24 * 60 * 60 * 1000 },
        { "w", 7LL * 24 * 60 * 60 * 1000 },
        { "d", 24LL * 60 * 60 * 1000 },
        { "h", 60LL * 60 * 1000 },
        { "m", 60LL * 1000 },
        { "s", 1000 },
        { "ms", 1 }
    };

    p = line->data;
    last = p + line->len;
    next = 0;
    total = 0;

    if (p == last) {
        return NGX_ERROR;
    }

    while (p < last) {

        for (value = 0, i = 0; p < last && *p >= '0' && *p <= '9'; i++) {

            if (value > (NGX_MAX_INT_T_VALUE - (*p - '0')) / 10) {
                return NGX_ERROR;
            }

            value = value * 10 + (*p++ - '0');
        }

        if (i == 0) {
            return NGX_ERROR;
        }

        ms = 1000;

        if (p < last && *p != ' ') {

            for (i = next; i < 8; i++) {

                if (i == 5 && last - p > 1 && p[1] == 's') {
                    continue;
                }

                if (last - p >= (ssize_t) strlen(units[i].name)
                    && strncmp((char *) p, units[i].name,
                               strlen(units[i].name))
                       == 0)
                {
                    break;
                }
            }

            if (i == 8 || (i == 7 && is_sec)) {
                return NGX_ERROR;
            }

            p += strlen(units[i].name);
            ms = units[i].ms;
            next = i + 1;

        } else {
            next = 8;
        }

        while (p < last && *p == ' ') {
            p++;
        }

        if (value > (NGX_MAX_INT_T_VALUE - total) / ms) {
            return NGX_ERROR;
        }

        total += value * ms;
    }

    return (ngx_int_t) (is_sec ? total / 1000 : total);
}


void
ngx_encode_base64(ngx_str_t *dst, ngx_str_t *src)
{
    u_char    *d;
    size_t     i, n;
    uint32_t   bits;

    static const char  b64[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    d = dst->data;

    for (i = 0; i < src->len; i += 3) {
        n = ngx_min(src->len - i, 3);

        bits = src->data[i] << 16;
        bits |= (n > 1) ? src->data[i + 1] << 8 : 0;
        bits |= (n > 2) ? src->data[i + 2] : 0;

        *d++ = (u_char) b64[bits >> 18];
        *d++ = (u_char) b64[(bits >> 12) & 0x3f];
        *d++ = (u_char) ((n > 1) ? b64[(bits >> 6) & 0x3f] : '=');
        *d++ = (u_char) ((n > 2) ? b64[bits & 0x3f] : '=');
    }

    dst->len = d - dst->data;
}


/* configuration */

ngx_int_t
ngx_conf_full_name(ngx_cycle_t *cycle, ngx_str_t *name, ngx_uint_t prefix)
{
    u_char  *p;

    /* where seeds name files */
    static const char  dir[] = "t/fuzzers/";

    if (name->len && name->data[0] == '/') {
        return NGX_OK;
    }

    p = ngx_pnalloc(cycle->pool, sizeof(dir) + name->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    memcpy(p, dir, sizeof(dir) - 1);
    memcpy(p + sizeof(dir) - 1, name->data, name->len);

    name->data = p;
    name->len += sizeof(dir) - 1;
    p[name->len] = '\0';

    return NGX_OK;
}


/* with a "$" it is not the same for every request */

ngx_int_t
ngx_http_compile_complex_value(ngx_http_compile_complex_value_t *ccv)
{
    static ngx_uint_t  dynamic;

    ccv->complex_value->value = *ccv->value;
    ccv->complex_value->lengths = memchr(ccv->value->data, '$',
                                         ccv->value->len)
                                  ? &dynamic : NULL;

    return NGX_OK;
}


ngx_int_t
ngx_http_complex_value(ngx_http_request_t *r, ngx_http_complex_value_t *val,
    ngx_str_t *value)
{
    *value = val->value;

    return NGX_OK;
}


/* nginx's own setters, as far as the directives use them */

char *
ngx_conf_set_flag_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    ngx_str_t   *value;
    ngx_flag_t  *slot;

    slot = (ngx_flag_t *) (p + cmd->offset);
    value = cf->args->elts;

    if (*slot != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    if (strcasecmp((char *) value[1].data, "on") != 0
        && strcasecmp((char *) value[1].data, "off") != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid value \"%s\"",
                           value[1].data);
        return NGX_CONF_ERROR;
    }

    *slot = (strcasecmp((char *) value[1].data, "on") == 0);

    return NGX_CONF_OK;
}


char *
ngx_conf_set_sec_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    time_t     *slot;
    ngx_str_t  *value;

    slot = (time_t *) (p + cmd->offset);
    value = cf->args->elts;

    if (*slot != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    *slot = ngx_parse_time(&value[1], 1);

    return (*slot == (time_t) NGX_ERROR) ? "invalid value" : NGX_CONF_OK;
}


char *
ngx_conf_set_msec_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    ngx_str_t   *value;
    ngx_msec_t  *slot;

    slot = (ngx_msec_t *) (p + cmd->offset);
    value = cf->args->elts;

    if (*slot != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    *slot = ngx_parse_time(&value[1], 0);

    return (*slot == (ngx_msec_t) NGX_ERROR) ? "invalid value" : NGX_CONF_OK;
}


/* one process, one thread */

void
ngx_shmtx_lock(ngx_shmtx_t *mtx)
{
}


void
ngx_shmtx_unlock(ngx_shmtx_t *mtx)
{
}
