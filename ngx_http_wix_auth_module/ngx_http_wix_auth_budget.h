
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_BUDGET_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_BUDGET_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_wix_auth_breaker.h"
#include "ngx_http_wix_auth_counter.h"
#include "ngx_http_wix_auth_zone.h"


/*
 * Floor 1, between the files of the session room and for them alone: the
 * slots of the clients, and what the files that count have in common
 * (counter, budget, breaker).  All functions want the zone's mutex locked,
 * but for those of keys and times.
 */


#define NGX_HTTP_WIX_AUTH_CLIENTS      32      /* slots, a power of two */
#define NGX_HTTP_WIX_AUTH_MINUTE       60000   /* ms, a budget's window */
#define NGX_HTTP_WIX_AUTH_SLOT_MEMORY  120000  /* ms, of what is over */


typedef enum {
    NGX_HTTP_WIX_AUTH_BREAKER_CLOSED = 0,
    NGX_HTTP_WIX_AUTH_BREAKER_OPEN,
    NGX_HTTP_WIX_AUTH_BREAKER_PROBE       /* half-open, a call is under way */
} ngx_http_wix_auth_breaker_e;


typedef struct {
    ngx_msec_t   until;                        /* OPEN: no call before; PROBE:
                                                  it is given up */
    ngx_msec_t   since;                        /* when it opened */
    uint32_t     ticket;                       /* moves with the state */
    uint16_t     fails;                        /* with no success between */
    u_char       state;
    u_char       cause;                        /* that has opened it */
} ngx_http_wix_auth_breaker_t;


/* a slot; all of them are two pages */

struct ngx_http_wix_auth_client_s {
    uint64_t     key;                          /* 0: free */
    ngx_msec_t   start[NGX_HTTP_WIX_AUTH_BUDGETS];
    uint32_t     n[NGX_HTTP_WIX_AUTH_BUDGETS];
    uint32_t     step;                         /* s, the last pause of ours */
    ngx_msec_t   until;                        /* end of the pause */
    ngx_msec_t   last;                         /* time of the last 429 */

    ngx_http_wix_auth_breaker_t   breakers[NGX_HTTP_WIX_AUTH_CLASSES];
};


/* counter.c */

/* 64 bits of a keyed hash, never 0: nobody can aim at a set, or at a counter;
   kind 0 is that of clients */
uint64_t ngx_http_wix_auth_counter_key(ngx_http_wix_auth_zone_t *zone,
    ngx_uint_t kind, ngx_str_t *key);

/* ms since start */
ngx_msec_t ngx_http_wix_auth_counter_elapsed(ngx_msec_t start);

/* rounded up, at least 1 */
time_t ngx_http_wix_auth_counter_seconds(ngx_msec_t left);


/* budget.c */

ngx_int_t ngx_http_wix_auth_slots_create(ngx_http_wix_auth_zone_t *zone);
void ngx_http_wix_auth_slots_move(ngx_http_wix_auth_zone_sh_t *sh,
    ngx_http_wix_auth_zone_sh_t *old);

uint64_t ngx_http_wix_auth_slot_key(ngx_http_wix_auth_zone_t *zone,
    u_char client[16]);

/*
 * The client's own slot, else one that nothing hangs on any more, else that
 * of another, which they then share: its key is not this one.
 */
ngx_http_wix_auth_client_t *ngx_http_wix_auth_slot(
    ngx_http_wix_auth_zone_t *zone, uint64_t key);


#endif /* _NGX_HTTP_WIX_AUTH_BUDGET_H_INCLUDED_ */
