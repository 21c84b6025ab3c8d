
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * Of unit_lease.c: what there is at one moment, and what may happen next.
 */


#ifndef _UNIT_LEASE_H_INCLUDED_
#define _UNIT_LEASE_H_INCLUDED_


#define WORKERS    3
#define TOKENS     8
#define BLOCKS     6           /* a head, a chain, and the chain to come */
#define PAD        200         /* so that the tokens need a chain */
#define LONG       400         /* and more than one block of it */
#define LEASE      11000       /* ms */
#define SEEN       (1 << 20)


/* what Wix does with a refresh token that has been used */

typedef enum {
    ROTATE_OFF = 0,            /* the same one comes back */
    ROTATE_GRACE,              /* it lives until the new one is used */
    ROTATE_STRICT              /* it is dead */
} rotate_e;


/* a worker does these one after the other, and then begins anew */

typedef enum {
    STEP_LOOK = 0,
    STEP_LEASE,
    STEP_CALL,
    STEP_ANSWER,
    STEP_DEAD
} step_e;


typedef enum {
    ANSWER_TOKENS = 0,
    ANSWER_LOST,               /* Wix has rotated, and nobody hears of it */
    ANSWER_ERROR,              /* Wix has done nothing */
    ANSWER_GRANT               /* invalid_grant */
} answer_e;


/* what came of trying the nth thing that could happen */

typedef enum {
    MOVE_NONE = 0,             /* there is no nth */
    MOVE_SKIPPED,
    MOVE_DONE
} move_e;


typedef struct {
    u_char      step;
    u_char      answer;
    u_char      sent;          /* the refresh token, by number */
    u_char      got;
    u_char      holds;         /* a lease, which may have ended */
    uint32_t    generation;
    uint32_t    lease;
    ngx_msec_t  until;
} worker_t;


/* which troubles there may be, how often each */

typedef struct {
    const char  *name;
    u_char       rotate;
    u_char       looks;        /* at the session, of all workers */
    u_char       ticks;        /* the back-off ends, the lease does not */
    u_char       leaps;        /* everything has ended */
    u_char       kills;
    u_char       ends;         /* a logout */
    u_char       bans;         /* Wix revokes the member */
    u_char       losses;
    u_char       errors;
} trouble_t;


typedef struct {
    worker_t    worker[WORKERS];
    trouble_t   left;
    u_char      valid[TOKENS];
    u_char      parent[TOKENS];
    u_char      issued;        /* the newest token */
    u_char      banned;
    u_char      ended;         /* by a logout */
} model_t;


typedef struct {
    ngx_http_wix_auth_zone_sh_t  sh;
    ngx_http_wix_auth_record_node_t  *bucket[2];
    u_char                       block[BLOCKS]
                                     [NGX_HTTP_WIX_AUTH_SESSION_BLOCK]
                                     __attribute__((aligned(16)));
} memory_t;


/* what tells one moment from another */

typedef struct {
    trouble_t    left;
    u_char       valid[TOKENS];
    u_char       parent[TOKENS];
    u_char       banned, ended, failures, reason;
    uint32_t     token, retry, until;

    struct {
        u_char    step, answer, sent, got, holds, newest, own;
        uint32_t  until;
    } worker[WORKERS];
} picture_t;


/* all that there is at one moment */

typedef struct {
    memory_t    memory;
    model_t     model;
    ngx_msec_t  now;
} world_t;


#endif /* _UNIT_LEASE_H_INCLUDED_ */
