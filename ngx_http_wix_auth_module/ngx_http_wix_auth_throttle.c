
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_login_parts.h"


#define NGX_HTTP_WIX_AUTH_SLOW_WAIT  30     /* s, before each try */
#define NGX_HTTP_WIX_AUTH_SLOW_TIME  600    /* s, in which it has to come */


static ngx_int_t ngx_http_wix_auth_throttle_take_account(
    ngx_http_wix_auth_login_t *l);
static ngx_int_t ngx_http_wix_auth_throttle_slow(
    ngx_http_wix_auth_login_t *l, ngx_str_t *pair);
static ngx_int_t ngx_http_wix_auth_throttle_busy(ngx_http_wix_auth_login_t *l,
    const char *limit, time_t left);
static void ngx_http_wix_auth_throttle_clear(ngx_http_wix_auth_login_t *l,
    ngx_str_t *email);
static ngx_int_t ngx_http_wix_auth_throttle_key(ngx_http_wix_auth_login_t *l,
    ngx_str_t *email, ngx_str_t *key);
static ngx_str_t ngx_http_wix_auth_throttle_account(ngx_str_t *key);


ngx_str_t
ngx_http_wix_auth_throttle_peer(ngx_http_request_t *r, u_char *buf)
{
    ngx_str_t             key;
    struct sockaddr      *sa;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    sa = r->connection->sockaddr;

    ngx_memzero(buf, NGX_HTTP_WIX_AUTH_PEER_LEN);

    key.data = buf;
    key.len = NGX_HTTP_WIX_AUTH_PEER_LEN;

    switch (sa->sa_family) {

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;

        /* the whole of IPv4 is one /64 of mapped addresses */

        if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
            buf[0] = 4;
            ngx_memcpy(buf + 1, &sin6->sin6_addr.s6_addr[12], 4);
            break;
        }

        buf[0] = 6;
        ngx_memcpy(buf + 1, sin6->sin6_addr.s6_addr, 8);
        break;
#endif

    case AF_INET:
        sin = (struct sockaddr_in *) sa;

        buf[0] = 4;
        ngx_memcpy(buf + 1, &sin->sin_addr, 4);
        break;

    default: /* AF_UNIX */
        break;
    }

    return key;
}


ngx_int_t
ngx_http_wix_auth_throttle_take(ngx_http_wix_auth_login_t *l)
{
    time_t                            left;
    ngx_http_wix_auth_throttle_t     *taken;
    ngx_http_wix_auth_login_limit_t  *limit;

    limit = l->conf->login_limit;
    taken = &l->own->throttle;

    if (limit->pair == 0 && limit->account == 0) {
        return NGX_OK;
    }

    if (ngx_http_wix_auth_throttle_key(l, &l->email, &taken->key) != NGX_OK) {
        return NGX_ERROR;
    }

    /* a pair that has none left does not count for the account either */

    if (limit->pair
        && ngx_http_wix_auth_counter_get(l->conf->zone,
                                         NGX_HTTP_WIX_AUTH_COUNT_PAIR,
                                         &taken->key, &left)
           >= limit->pair)
    {
        return ngx_http_wix_auth_throttle_busy(l, "pair", left);
    }

    if (limit->account
        && ngx_http_wix_auth_throttle_take_account(l) != NGX_OK)
    {
        return NGX_BUSY;
    }

    if (limit->pair
        && ngx_http_wix_auth_counter_take(l->conf->zone,
                                          NGX_HTTP_WIX_AUTH_COUNT_PAIR,
                                          &taken->key, limit->pair,
                                          limit->pair_time, &left)
           != NGX_OK)
    {
        /* another one was faster */

        ngx_http_wix_auth_throttle_give(l);

        return ngx_http_wix_auth_throttle_busy(l, "pair", left);
    }

    taken->pair = (limit->pair != 0);

    return NGX_OK;
}


static ngx_int_t
ngx_http_wix_auth_throttle_take_account(ngx_http_wix_auth_login_t *l)
{
    time_t                            left;
    ngx_str_t                         account;
    ngx_http_wix_auth_login_limit_t  *limit;

    limit = l->conf->login_limit;
    account = ngx_http_wix_auth_throttle_account(&l->own->throttle.key);

    if (ngx_http_wix_auth_counter_take(l->conf->zone,
                                       NGX_HTTP_WIX_AUTH_COUNT_ACCOUNT,
                                       &account, limit->account,
                                       limit->account_time, &left)
        == NGX_OK)
    {
        l->own->throttle.account = 1;
        return NGX_OK;
    }

    return ngx_http_wix_auth_throttle_slow(l, &l->own->throttle.key);
}


/*
 * An account under attack.  Each pair waits for itself, so that nobody can
 * take the turn of another: the first try is refused, one that comes after
 * the wait is let through, and the next begins to wait again.
 */

static ngx_int_t
ngx_http_wix_auth_throttle_slow(ngx_http_wix_auth_login_t *l, ngx_str_t *pair)
{
    time_t      left;
    ngx_uint_t  n;

    n = ngx_http_wix_auth_counter_get(l->conf->zone,
                                      NGX_HTTP_WIX_AUTH_COUNT_SLOW, pair,
                                      &left);

    if (n == 1
        && NGX_HTTP_WIX_AUTH_SLOW_TIME - left >= NGX_HTTP_WIX_AUTH_SLOW_WAIT)
    {
        /* of those who come at the same moment the second place is one's */

        if (ngx_http_wix_auth_counter_take(l->conf->zone,
                                           NGX_HTTP_WIX_AUTH_COUNT_SLOW, pair,
                                           2, NGX_HTTP_WIX_AUTH_SLOW_TIME,
                                           &left)
            == NGX_OK)
        {
            return NGX_OK;
        }

        n = 2;
    }

    if (n == 2) {
        ngx_http_wix_auth_counter_clear(l->conf->zone,
                                        NGX_HTTP_WIX_AUTH_COUNT_SLOW, pair);
    }

    (void) ngx_http_wix_auth_counter_take(l->conf->zone,
                                          NGX_HTTP_WIX_AUTH_COUNT_SLOW, pair,
                                          1, NGX_HTTP_WIX_AUTH_SLOW_TIME,
                                          &left);

    left -= NGX_HTTP_WIX_AUTH_SLOW_TIME - NGX_HTTP_WIX_AUTH_SLOW_WAIT;

    return ngx_http_wix_auth_throttle_busy(l, "account", ngx_max(left, 1));
}


static ngx_int_t
ngx_http_wix_auth_throttle_busy(ngx_http_wix_auth_login_t *l,
    const char *limit, time_t left)
{
    ngx_log_error(NGX_LOG_INFO, l->request->connection->log, 0,
                  "wix_auth: too many failed logins, limit \"%s\"", limit);

    l->retry_after = left;

    return NGX_BUSY;
}


void
ngx_http_wix_auth_throttle_settle(ngx_http_wix_auth_login_t *l,
    ngx_http_wix_auth_api_result_t *result)
{
    ngx_http_wix_auth_throttle_t  *taken;

    taken = &l->own->throttle;

    /* each login that waits for a code of a mail brings new tries for it */

    if (l->reason == NGX_HTTP_WIX_AUTH_INVALID_CREDENTIALS
        || (l->reason == NGX_HTTP_WIX_AUTH_OK
            && result->state == NGX_HTTP_WIX_AUTH_STATE_VERIFY))
    {
        taken->pair = 0;
        taken->account = 0;
        return;
    }

    if (l->reason == NGX_HTTP_WIX_AUTH_OK
        && result->state == NGX_HTTP_WIX_AUTH_STATE_SUCCESS)
    {
        ngx_http_wix_auth_throttle_clear(l, &result->email);
    }

    ngx_http_wix_auth_throttle_give(l);
}


static void
ngx_http_wix_auth_throttle_clear(ngx_http_wix_auth_login_t *l,
    ngx_str_t *email)
{
    ngx_str_t                      key;
    ngx_http_wix_auth_throttle_t  *taken;

    taken = &l->own->throttle;
    key = taken->key;

    /* whose login a code of a mail has finished, only Wix knows */

    if (key.len == 0
        && (email->len == 0
            || ngx_http_wix_auth_throttle_key(l, email, &key) != NGX_OK))
    {
        return;
    }

    ngx_http_wix_auth_counter_clear(l->conf->zone,
                                    NGX_HTTP_WIX_AUTH_COUNT_PAIR, &key);

    taken->pair = 0;
}


void
ngx_http_wix_auth_throttle_give(ngx_http_wix_auth_login_t *l)
{
    ngx_str_t                      account;
    ngx_http_wix_auth_throttle_t  *taken;

    taken = &l->own->throttle;

    if (taken->pair) {
        ngx_http_wix_auth_counter_give(l->conf->zone,
                                       NGX_HTTP_WIX_AUTH_COUNT_PAIR,
                                       &taken->key);
        taken->pair = 0;
    }

    if (taken->account) {
        account = ngx_http_wix_auth_throttle_account(&taken->key);

        ngx_http_wix_auth_counter_give(l->conf->zone,
                                       NGX_HTTP_WIX_AUTH_COUNT_ACCOUNT,
                                       &account);
        taken->account = 0;
    }
}


/* peer, client, address; the first two have fixed lengths */

static ngx_int_t
ngx_http_wix_auth_throttle_key(ngx_http_wix_auth_login_t *l,
    ngx_str_t *email, ngx_str_t *key)
{
    u_char     *p;
    ngx_str_t   peer;

    p = ngx_pnalloc(l->request->pool,
                    NGX_HTTP_WIX_AUTH_PEER_LEN + 16 + email->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    peer = ngx_http_wix_auth_throttle_peer(l->request, p);

    key->data = p;

    p += peer.len;
    p = ngx_cpymem(p, l->site.client_id, 16);

    ngx_strlow(p, email->data, email->len);

    key->len = p + email->len - key->data;

    return NGX_OK;
}


static ngx_str_t
ngx_http_wix_auth_throttle_account(ngx_str_t *key)
{
    ngx_str_t  account;

    account.data = key->data + NGX_HTTP_WIX_AUTH_PEER_LEN;
    account.len = key->len - NGX_HTTP_WIX_AUTH_PEER_LEN;

    return account;
}
