
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_COUNTER_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_COUNTER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Floor 1, part of the session room: what is counted over all workers.
 *
 * The counter table is the only shared memory that strangers can write.  It
 * has a fixed size, reserved with the zone (1/64 of it), 4 ways; a full set
 * loses its lowest count, and of equal ones the oldest.  Keys are kept as
 * keyed hashes only.
 */


typedef enum {
    NGX_HTTP_WIX_AUTH_COUNT_VERIFY = 1,   /* codes tried for a stateToken */
    NGX_HTTP_WIX_AUTH_COUNT_RESEND,       /* a code was mailed */
    NGX_HTTP_WIX_AUTH_COUNT_RECOVER,      /* recoveries from an address */
    NGX_HTTP_WIX_AUTH_COUNT_REFUSED,      /* a bearer token was refused */
    NGX_HTTP_WIX_AUTH_COUNT_CHECKED,      /* a bearer token is being checked */
    NGX_HTTP_WIX_AUTH_COUNT_PROFILE,      /* a session's profile was asked */
    NGX_HTTP_WIX_AUTH_COUNT_MINT,         /* no visitor could be had */
    NGX_HTTP_WIX_AUTH_COUNT_PAIR,         /* failed logins for an account from
                                             an address */
    NGX_HTTP_WIX_AUTH_COUNT_ACCOUNT,      /* failed logins for an account */
    NGX_HTTP_WIX_AUTH_COUNT_SLOW          /* a login for an account under
                                             attack that has to wait */
} ngx_http_wix_auth_count_e;


/*
 * Counts one more for key, unless limit are there already, in a window of
 * time seconds that began with the first of them.  NGX_OK: counted;
 * NGX_BUSY: the limit was reached before.  *left is set to the seconds until
 * the window ends, at least 1.  Times are monotonic.
 */
ngx_int_t ngx_http_wix_auth_counter_take(ngx_shm_zone_t *shm_zone,
    ngx_uint_t kind, ngx_str_t *key, ngx_uint_t limit, time_t time,
    time_t *left);

/* how many there are, and the seconds left; 0: none */
ngx_uint_t ngx_http_wix_auth_counter_get(ngx_shm_zone_t *shm_zone,
    ngx_uint_t kind, ngx_str_t *key, time_t *left);

/* takes one back that was counted in vain; the last one takes the window
   along */
void ngx_http_wix_auth_counter_give(ngx_shm_zone_t *shm_zone,
    ngx_uint_t kind, ngx_str_t *key);

/* forgets the key */
void ngx_http_wix_auth_counter_clear(ngx_shm_zone_t *shm_zone,
    ngx_uint_t kind, ngx_str_t *key);


/*
 * What a client may ask of Wix: a slot for each client id (clients share one
 * when there are more than 32), which strangers cannot push out.
 */

typedef enum {
    NGX_HTTP_WIX_AUTH_BUDGET_LOOKUP = 0,  /* token-info: anybody can spend it */
    NGX_HTTP_WIX_AUTH_BUDGET_PROFILE,     /* of members only */
    NGX_HTTP_WIX_AUTH_BUDGET_VISITOR,     /* new visitors */
    NGX_HTTP_WIX_AUTH_BUDGET_RETURN,      /* refreshes of visitors' tokens */
    NGX_HTTP_WIX_AUTH_BUDGET_RECOVER,     /* mails */
    NGX_HTTP_WIX_AUTH_BUDGET_REFRESH,     /* a second, in the background */
    NGX_HTTP_WIX_AUTH_BUDGETS
} ngx_http_wix_auth_budget_e;

#define NGX_HTTP_WIX_AUTH_LOOKUP_RATE   60    /* a minute */
#define NGX_HTTP_WIX_AUTH_RECOVER_RATE  60
#define NGX_HTTP_WIX_AUTH_REFRESH_RATE  20    /* a second */

/*
 * Takes one call from the budget of rate a minute: at most rate in each
 * window of a minute, which begins with the first call.  NGX_OK, or NGX_BUSY
 * and *retry_after in seconds, at least 1.  A paused client's budgets are
 * empty, all but RECOVER.
 */
ngx_int_t ngx_http_wix_auth_budget_take(ngx_shm_zone_t *shm_zone,
    u_char client[16], ngx_uint_t kind, ngx_uint_t rate,
    ngx_int_t *retry_after);

/*
 * Takes one background refresh of the session of this id: at most
 * REFRESH_RATE are started in a second, so that a Wix which has just come
 * back is not asked for everything at once.  NGX_OK; or NGX_BUSY: the
 * session's back-off is set to about a second.
 */
ngx_int_t ngx_http_wix_auth_budget_refresh(ngx_shm_zone_t *shm_zone,
    u_char client[16], u_char id[16]);

/*
 * Wix answered 429: background calls of this client stop in all workers for
 * retry_after seconds (at most 300), or without one (-1) for 1 s, doubling
 * up to 60 s with each 429 that follows within two minutes of the last; those
 * of calls that were under way when a pause began are no reason to double.
 */
void ngx_http_wix_auth_budget_pause(ngx_shm_zone_t *shm_zone,
    u_char client[16], ngx_int_t retry_after);

/* seconds that the pause goes on, rounded up; 0: there is none */
ngx_int_t ngx_http_wix_auth_budget_paused(ngx_shm_zone_t *shm_zone,
    u_char client[16]);


#endif /* _NGX_HTTP_WIX_AUTH_COUNTER_H_INCLUDED_ */
