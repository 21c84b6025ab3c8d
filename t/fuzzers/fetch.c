
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "fetch.h"
#include "ngx_stubs.h"


ngx_http_wix_auth_fetch_t  *fetch_waiting;
ngx_uint_t                  fetch_started;


void
fetch_reset(void)
{
    if (fetch_waiting) {
        ngx_http_wix_auth_fetch_cancel(fetch_waiting);
    }

    fetch_started = 0;
}


ngx_http_wix_auth_fetch_t *
ngx_http_wix_auth_fetch_create(ngx_log_t *log)
{
    ngx_pool_t                 *pool;
    ngx_http_wix_auth_fetch_t  *f;

    pool = ngx_create_pool(1024, log);

    f = ngx_pcalloc(pool, sizeof(ngx_http_wix_auth_fetch_t));
    if (f == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    f->pool = pool;
    f->retry_after = -1;

    return f;
}


void
ngx_http_wix_auth_fetch_start(ngx_http_wix_auth_fetch_t *f)
{
    FUZZ_CHECK(fetch_waiting == NULL);
    FUZZ_CHECK(f->url.len && f->url.data[f->url.len] == '\0');
    FUZZ_CHECK(f->conf && f->handler);

    f->sent = ngx_time();
    f->started = ngx_current_msec;

    fetch_waiting = f;
    fetch_started++;
}


void
ngx_http_wix_auth_fetch_cancel(ngx_http_wix_auth_fetch_t *f)
{
    if (f == fetch_waiting) {
        fetch_waiting = NULL;
    }

    ngx_destroy_pool(f->pool);
}


void
fetch_answer(ngx_http_wix_auth_fetch_t *f)
{
    FUZZ_CHECK(f == fetch_waiting);

    fetch_waiting = NULL;
    f->handler(f);

    ngx_destroy_pool(f->pool);
}
