
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * The few functions of nginx's core that the pure rooms call.  nginx-dev has
 * no .c files, and here every allocation is a malloc of its own, so that
 * AddressSanitizer sees each overrun.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_stubs.h"


/* allocations that succeed before one fails; -1: all do */

ngx_int_t  stub_allocations = -1;

ngx_uint_t  stub_kill;
jmp_buf     stub_killed;


static ngx_uint_t stub_fails(void);


static ngx_uint_t
stub_fails(void)
{
    if (stub_allocations == -1) {
        return 0;
    }

    if (stub_allocations == 0) {
        return 1;
    }

    stub_allocations--;

    return 0;
}


ngx_pool_t *
ngx_create_pool(size_t size, ngx_log_t *log)
{
    ngx_pool_t  *pool;

    pool = calloc(1, sizeof(ngx_pool_t));
    pool->log = log;

    return pool;
}


void
ngx_destroy_pool(ngx_pool_t *pool)
{
    ngx_pool_large_t    *l;
    ngx_pool_cleanup_t  *c;

    for (c = pool->cleanup; c; c = c->next) {
        if (c->handler) {
            c->handler(c->data);
        }
    }

    while (pool->cleanup) {
        c = pool->cleanup;
        pool->cleanup = c->next;
        free(c);
    }

    while (pool->large) {
        l = pool->large;
        pool->large = l->next;
        free(l->alloc);
        free(l);
    }

    free(pool);
}


void *
ngx_palloc(ngx_pool_t *pool, size_t size)
{
    ngx_pool_large_t  *l;

    if (stub_fails()) {
        return NULL;
    }

    l = malloc(sizeof(ngx_pool_large_t));
    l->alloc = malloc(size);
    l->next = pool->large;
    pool->large = l;

    /* whoever forgets to set a byte shall not find a zero there */

    if (size) {
        memset(l->alloc, 0xa5, size);
    }

    return l->alloc;
}


void *
ngx_pnalloc(ngx_pool_t *pool, size_t size)
{
    return ngx_palloc(pool, size);
}


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    void  *p;

    p = ngx_palloc(pool, size);

    if (p) {
        memset(p, 0, size);
    }

    return p;
}


ngx_int_t
ngx_pfree(ngx_pool_t *pool, void *p)
{
    ngx_pool_large_t  *l;

    for (l = pool->large; l; l = l->next) {
        if (l->alloc == p) {
            free(p);
            l->alloc = NULL;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


ngx_pool_cleanup_t *
ngx_pool_cleanup_add(ngx_pool_t *pool, size_t size)
{
    ngx_pool_cleanup_t  *c;

    if (stub_fails()) {
        return NULL;
    }

    c = calloc(1, sizeof(ngx_pool_cleanup_t));
    c->next = pool->cleanup;
    pool->cleanup = c;

    return c;
}


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return stub_fails() ? NULL : malloc(size);
}


ngx_array_t *
ngx_array_create(ngx_pool_t *pool, ngx_uint_t n, size_t size)
{
    ngx_array_t  *a;

    a = ngx_pcalloc(pool, sizeof(ngx_array_t));
    if (a == NULL) {
        return NULL;
    }

    a->elts = ngx_palloc(pool, n * size);
    a->nalloc = n;
    a->size = size;
    a->pool = pool;

    return a->elts ? a : NULL;
}


void *
ngx_array_push(ngx_array_t *a)
{
    void  *elts;

    if (a->nelts == a->nalloc) {

        elts = ngx_palloc(a->pool, 2 * a->nalloc * a->size);
        if (elts == NULL) {
            return NULL;
        }

        memcpy(elts, a->elts, a->nelts * a->size);
        a->elts = elts;
        a->nalloc *= 2;
    }

    return (u_char *) a->elts + a->size * a->nelts++;
}


void
ngx_explicit_memzero(void *buf, size_t n)
{
    if (stub_kill && --stub_kill == 0) {
        longjmp(stub_killed, 1);
    }

    memset(buf, 0, n);
    ngx_memory_barrier();
}


ngx_int_t
ngx_strncasecmp(u_char *s1, u_char *s2, size_t n)
{
    return strncasecmp((char *) s1, (char *) s2, n);
}


ngx_int_t
ngx_hextoi(u_char *line, size_t n)
{
    char        c;
    ngx_int_t   value;

    for (value = 0; n--; line++) {

        c = (char) *line;

        if (c >= '0' && c <= '9') {
            value = value * 16 + (c - '0');
            continue;
        }

        c |= 0x20;

        if (c < 'a' || c > 'f') {
            return NGX_ERROR;
        }

        value = value * 16 + (c - 'a' + 10);
    }

    return value;
}


/* knows "%T", "%ui", "%V" and "%Z" */

u_char * ngx_cdecl
ngx_sprintf(u_char *buf, const char *fmt, ...)
{
    int         n;
    char        number[32];
    va_list     args;
    ngx_str_t  *text;

    va_start(args, fmt);

    while (*fmt) {

        if (*fmt != '%') {
            *buf++ = (u_char) *fmt++;

            continue;
        }

        if (fmt[1] == 'Z') {
            *buf++ = '\0';
            fmt += 2;

            continue;
        }

        if (fmt[1] == 'V') {
            text = va_arg(args, ngx_str_t *);
            buf = ngx_cpymem(buf, text->data, text->len);
            fmt += 2;

            continue;
        }

        if (fmt[1] == 'T') {
            n = sprintf(number, "%lld", (long long) va_arg(args, time_t));
            fmt += 2;

        } else if (fmt[1] != 'u' || fmt[2] != 'i') {
            abort();

        } else {
            n = sprintf(number, "%llu",
                        (unsigned long long) va_arg(args, ngx_uint_t));
            fmt += 3;
        }

        /* without the NUL */

        memcpy(buf, number, n);
        buf += n;
    }

    va_end(args);

    return buf;
}
