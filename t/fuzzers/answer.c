
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "answer.h"
#include "fetch.h"

#include "ngx_http_wix_auth_call.h"
#include "ngx_http_wix_auth_json.h"


#define ANSWER_MAX          65536
#define ANSWER_TRANSFERS    8           /* of one operation, at most */
#define ANSWER_RETRY_AFTER  3600


typedef struct {
    fuzz_t        *f;
    answer_op_t   *op;
    ngx_uint_t     done;
    ngx_uint_t     own;            /* this transfer is the operation's */
    ngx_uint_t     taken;          /* Wix may have acted on one */
} answer_t;


static void answer_done(ngx_http_wix_auth_api_result_t *result, void *data);
static void answer_result(ngx_http_wix_auth_api_result_t *result);
static void answer_fields(ngx_array_t *fields);
static void answer_event(void);
static void answer_next(answer_t *a, ngx_http_wix_auth_fetch_t *t);
static void answer_request(answer_t *a, ngx_http_wix_auth_fetch_t *t);
static void answer_status(ngx_http_wix_auth_fetch_t *t, ngx_str_t *word);
static ngx_str_t answer_body(fuzz_t *f);
static void answer_forget(ngx_str_t *url, ngx_str_t *client);


void
answer_run(fuzz_t *f, answer_op_t *op)
{
    answer_t                       a;
    ngx_uint_t                     steps;
    ngx_str_t                      client;
    ngx_http_wix_auth_api_call_t  *call;
    ngx_http_wix_auth_api_conf_t   conf;

    memset(&a, 0, sizeof(answer_t));
    memset(&conf, 0, sizeof(ngx_http_wix_auth_api_conf_t));

    conf.url = fuzz_str("https://www.wixapis.com");
    conf.fetch.timeout = 10000;
    conf.fetch.connect_timeout = 2000;

    client = fuzz_str("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9");

    a.f = f;
    a.op = op;

    fetch_reset();

    call = op->begin(f, &conf, &client, answer_done, &a);

    FUZZ_CHECK(!a.done);

    if (call == NULL) {
        FUZZ_CHECK(f->starved);
        answer_forget(&conf.url, &client);
        return;
    }

    for (steps = 0; !a.done; steps++) {

        FUZZ_CHECK(steps < 2 * ANSWER_TRANSFERS);

        if (fetch_waiting) {
            answer_next(&a, fetch_waiting);
            continue;
        }

        /* else nobody would ever answer */

        FUZZ_CHECK(!ngx_queue_empty(&ngx_posted_next_events));

        answer_event();
    }

    FUZZ_CHECK(fetch_waiting == NULL);
    FUZZ_CHECK(ngx_queue_empty(&ngx_posted_next_events));
    FUZZ_CHECK(fetch_started <= ANSWER_TRANSFERS);

    answer_forget(&conf.url, &client);
}


static void
answer_done(ngx_http_wix_auth_api_result_t *result, void *data)
{
    answer_t  *a = data;

    FUZZ_CHECK(!a->done);
    a->done = 1;

    answer_result(result);

    if (result->reason == NGX_HTTP_WIX_AUTH_OK) {
        a->op->check(a->f, result);
    }
}


static void
answer_result(ngx_http_wix_auth_api_result_t *result)
{
    FUZZ_CHECK(result->reason < NGX_HTTP_WIX_AUTH_REASON_MAX);
    FUZZ_CHECK(result->retry_after >= -1
               && result->retry_after <= ANSWER_RETRY_AFTER);
    FUZZ_CHECK(result->pool != NULL);

    if (result->reason == NGX_HTTP_WIX_AUTH_OK) {
        FUZZ_CHECK(result->fields == NULL);

    } else {
        FUZZ_CHECK(result->cause != 0 && (result->cause & ~0x0fU) == 0);
        FUZZ_CHECK(!result->pause
                   || result->cause == NGX_HTTP_WIX_AUTH_CAUSE_429);
    }

    if (result->fields) {
        FUZZ_CHECK(result->reason == NGX_HTTP_WIX_AUTH_INVALID_REQUEST);
        answer_fields(result->fields);
    }

    /* in a log, every byte is one that can be read */

    FUZZ_CHECK(fuzz_printable(&fuzz_logged, 1));
}


static void
answer_fields(ngx_array_t *fields)
{
    ngx_uint_t                 i, k;
    ngx_http_wix_auth_pair_t  *field;

    FUZZ_CHECK(fields->nelts > 0 && fields->nelts <= 16);

    field = fields->elts;

    for (i = 0; i < fields->nelts; i++) {
        FUZZ_CHECK(field[i].name.len > 0 && field[i].name.len <= 64);
        FUZZ_CHECK(fuzz_printable(&field[i].name, 1));
        FUZZ_CHECK(field[i].value.len > 0 && field[i].value.len <= 200);
        FUZZ_CHECK(fuzz_clean(&field[i].value) && fuzz_utf8(&field[i].value));

        for (k = 0; k < i; k++) {
            FUZZ_CHECK(!fuzz_equal(&field[i].name, &field[k].name));
        }
    }
}


static void
answer_event(void)
{
    ngx_event_t  *ev;
    ngx_queue_t  *q;

    q = ngx_queue_head(&ngx_posted_next_events);
    ev = ngx_queue_data(q, ngx_event_t, queue);

    ngx_delete_posted_event(ev);

    ev->handler(ev);
}


static void
answer_next(answer_t *a, ngx_http_wix_auth_fetch_t *t)
{
    size_t      i;
    ngx_int_t   n;
    ngx_str_t   line, word;

    answer_request(a, t);

    line = fuzz_line(a->f);

    word = fuzz_word(&line);
    answer_status(t, &word);

    word = fuzz_word(&line);

    if (word.len && word.len < 10) {
        n = ngx_atoi(word.data, word.len);
        t->retry_after = (n == NGX_ERROR) ? -1 : ngx_min(n, ANSWER_RETRY_AFTER);
    }

    /* what fetch lets through */

    word = fuzz_word(&line);

    for (i = 0; i < word.len; i++) {
        if (word.data[i] <= 0x20 || word.data[i] == 0x7f) {
            word.len = 0;
        }
    }

    if (word.len) {
        t->location = fuzz_copy0(a->f, word.data, word.len);
    }

    /* only what Wix has refused may be sent again */

    if (a->own) {
        a->taken = (t->error != NGX_HTTP_WIX_AUTH_FETCH_DONE
                    || t->status < 300);
    }

    t->request_id = fuzz_str("1600000000.0123456789");

    if (t->error == NGX_HTTP_WIX_AUTH_FETCH_DONE) {
        t->answer = answer_body(a->f);
    }

    fetch_answer(t);
}


/* what we send */

static void
answer_request(answer_t *a, ngx_http_wix_auth_fetch_t *t)
{
    size_t                     len;
    ngx_int_t                  allocations;
    ngx_str_t                  base;
    ngx_pool_t                *pool;
    const char                *err;
    ngx_http_wix_auth_json_t  *root;

    FUZZ_CHECK(fuzz_printable(&t->url, 0));
    FUZZ_CHECK(fuzz_printable(&t->authorization, 0));

    base = fuzz_str("https://www.wixapis.com");

    if (a->op->path) {
        FUZZ_CHECK(t->url.len > base.len
                   && memcmp(t->url.data, base.data, base.len) == 0);
    }

    if (t->body.data) {
        allocations = fuzz_plenty();
        pool = ngx_create_pool(1024, &fuzz_log);

        FUZZ_CHECK(ngx_http_wix_auth_json_parse(pool, &t->body, &root, &err)
                   == NGX_OK);

        ngx_destroy_pool(pool);
        fuzz_enough(allocations);
    }

    /* the operation itself, and not a visitor's token for it */

    len = a->op->path ? strlen(a->op->path) : 0;

    a->own = (t->url.len == base.len + len
              && (len == 0
                  || memcmp(t->url.data + base.len, a->op->path, len) == 0));

    FUZZ_CHECK(!a->own || !a->taken);
    FUZZ_CHECK(!a->own || !a->op->visitor || t->authorization.len > 0);
}


static void
answer_status(ngx_http_wix_auth_fetch_t *t, ngx_str_t *word)
{
    ngx_int_t   n;
    ngx_uint_t  i;

    static const char  *errors[] = {
        "connect", "tls", "timeout", "broken", "large", "busy", "internal"
    };

    if (word->len == 0) {
        t->error = NGX_HTTP_WIX_AUTH_FETCH_CONNECT;
        return;
    }

    for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        if (fuzz_is(word, errors[i])) {
            t->error = i + 1;
            return;
        }
    }

    n = (word->len == 3) ? ngx_atoi(word->data, 3) : NGX_ERROR;

    t->error = NGX_HTTP_WIX_AUTH_FETCH_DONE;
    t->status = (n >= 200) ? n : 200;
}


/* up to a line "---" */

static ngx_str_t
answer_body(fuzz_t *f)
{
    u_char     *end;
    ngx_str_t   body;

    end = memmem(f->pos, f->last - f->pos, "\n---\n", 5);

    if (end == NULL) {
        body = fuzz_rest(f);

    } else {
        body = fuzz_copy(f, f->pos, end - f->pos);
        f->pos = end + 5;
    }

    body.len = ngx_min(body.len, ANSWER_MAX);

    return body;
}


/* the next input begins with no visitor at all */

static void
answer_forget(ngx_str_t *url, ngx_str_t *client)
{
    ngx_http_wix_auth_visitor_t  *visitor;

    visitor = ngx_http_wix_auth_visitor_find(url, client);

    if (visitor) {
        FUZZ_CHECK(visitor->call == NULL);
        FUZZ_CHECK(ngx_queue_empty(&visitor->waiting));
        ngx_http_wix_auth_visitor_forget(visitor);
    }
}


void
answer_token(ngx_http_wix_auth_api_result_t *result)
{
    size_t     i;
    ngx_str_t  *id;

    FUZZ_CHECK(result->access_token.len > 0
               && result->access_token.len <= 8192);
    FUZZ_CHECK(fuzz_printable(&result->access_token, 0));
    FUZZ_CHECK(result->refresh_token.len <= 8192);
    FUZZ_CHECK(fuzz_printable(&result->refresh_token, 0));

    FUZZ_CHECK(result->lifetime >= 1 && result->lifetime <= 315360000);
    FUZZ_CHECK(result->expires == ngx_time() + result->lifetime);

    id = &result->member_id;

    FUZZ_CHECK(id->len <= 64);

    for (i = 0; i < id->len; i++) {
        FUZZ_CHECK(strchr("0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                          "abcdefghijklmnopqrstuvwxyz", id->data[i])
                   && id->data[i]);
    }
}


void
answer_login(ngx_http_wix_auth_api_result_t *result)
{
    FUZZ_CHECK(result->state >= NGX_HTTP_WIX_AUTH_STATE_SUCCESS
               && result->state <= NGX_HTTP_WIX_AUTH_STATE_UNSUPPORTED);

    /* a session for SUCCESS alone */

    if (result->state == NGX_HTTP_WIX_AUTH_STATE_SUCCESS) {
        FUZZ_CHECK(result->session_token.len > 0);

    } else {
        FUZZ_CHECK(result->session_token.len == 0);
    }

    FUZZ_CHECK(result->session_token.len <= 4096);
    FUZZ_CHECK(fuzz_printable(&result->session_token, 0));

    FUZZ_CHECK(result->state != NGX_HTTP_WIX_AUTH_STATE_VERIFY
               || result->state_token.len > 0);
    FUZZ_CHECK(result->state_token.len <= 2048);
    FUZZ_CHECK(fuzz_printable(&result->state_token, 0));

    answer_address(&result->email);
}


void
answer_address(ngx_str_t *email)
{
    size_t      i;
    ngx_uint_t  n;

    FUZZ_CHECK(email->len <= 254);
    FUZZ_CHECK(fuzz_printable(email, 0));

    for (i = 0, n = 0; i < email->len; i++) {
        n += (email->data[i] == '@');
    }

    FUZZ_CHECK(n == (email->len != 0));
}


void
answer_credentials(fuzz_t *f, ngx_http_wix_auth_api_credentials_t *c)
{
    memset(c, 0, sizeof(ngx_http_wix_auth_api_credentials_t));

    c->email = fuzz_line(f);
    c->password = fuzz_line(f);
    c->visitor = fuzz_line(f);

    /* a session would not keep another one */

    if (!fuzz_printable(&c->visitor, 0)) {
        c->visitor.len = 0;
    }
}
