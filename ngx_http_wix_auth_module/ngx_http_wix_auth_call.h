
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_CALL_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_CALL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_wix_auth_api.h"
#include "ngx_http_wix_auth_json.h"


/*
 * Floor 1, between the files of the api room and for them alone: the
 * operations (api), one call of them (call), what is taken from an answer
 * (verdict), what an error means (refusal), and the visitor token that a call
 * may need (visitor).
 */


#define NGX_HTTP_WIX_AUTH_PATH_TOKEN  "/oauth2/token"

/* the longest stateToken and error code that are taken from an answer */

#define NGX_HTTP_WIX_AUTH_STATE_TOKEN_MAX  2048
#define NGX_HTTP_WIX_AUTH_ERROR_CODE_MAX   64


/* operations whose errors mean something of their own */

typedef enum {
    NGX_HTTP_WIX_AUTH_OP_OTHER = 0,
    NGX_HTTP_WIX_AUTH_OP_LOGIN,
    NGX_HTTP_WIX_AUTH_OP_REGISTER,
    NGX_HTTP_WIX_AUTH_OP_VERIFY,
    NGX_HTTP_WIX_AUTH_OP_RECOVER,
    NGX_HTTP_WIX_AUTH_OP_LOGOUT
} ngx_http_wix_auth_api_op_e;


typedef struct {
    const char                     *name;          /* in the log */
    const char                     *path;

    ngx_uint_t                      kind;          /* ..._api_op_e */
    ngx_uint_t                      class;         /* ..._class_e */

    /* of a 2xx: NGX_OK, NGX_DECLINED (it makes no sense) or NGX_ERROR */
    ngx_int_t                     (*answer)(
                                        ngx_http_wix_auth_api_call_t *call,
                                        ngx_http_wix_auth_api_result_t *result);
    /* of every other status */
    void                          (*refusal)(
                                        ngx_http_wix_auth_api_call_t *call,
                                        ngx_http_wix_auth_api_result_t *result);

    unsigned                        visitor:1;     /* as a visitor */
    unsigned                        idempotent:1;
    unsigned                        grant:1;       /* invalid_grant counts, and
                                                      a member waits */
    unsigned                        quiet:1;       /* its failure is no news */
    unsigned                        head:1;        /* answer() gets whatever
                                                      status, and no body */
} ngx_http_wix_auth_api_op_t;


/* a visitor's identity at one API for one client, of this worker */

typedef struct {
    ngx_queue_t                     queue;         /* last used first */
    ngx_queue_t                     waiting;       /* calls */
    ngx_http_wix_auth_api_call_t   *call;          /* that gets a token */
    ngx_http_wix_auth_api_conf_t   *conf;          /* of that call */
    ngx_str_t                       url;
    ngx_str_t                       client;
    ngx_str_t                       access;        /* one block of memory */
    ngx_str_t                       refresh;       /* with this */
    time_t                          renew;
    ngx_uint_t                      generation;
    unsigned                        pinned:1;      /* never evicted now */
} ngx_http_wix_auth_visitor_t;


struct ngx_http_wix_auth_api_call_s {
    ngx_pool_t                     *pool;
    ngx_log_t                      *log;           /* dead after handler() */
    ngx_http_wix_auth_api_op_t     *op;
    ngx_http_wix_auth_api_conf_t   *conf;
    ngx_str_t                       client;
    u_char                          id[16];        /* of the client */
    ngx_str_t                       url;           /* len 0: op->path's */
    ngx_str_t                       body;          /* data NULL: GET */
    ngx_str_t                       own;           /* the browser's visitor
                                                      token, until refused */
    ngx_str_t                       redirect_uri;  /* of a direct call */
    ngx_str_t                       state;
    ngx_http_wix_auth_api_pt        handler;
    void                           *data;

    ngx_http_wix_auth_fetch_t      *fetch;
    ngx_queue_t                     queue;         /* of waiting calls */
    ngx_event_t                     event;
    ngx_uint_t                      generation;    /* of the token sent */

    time_t                          sent;
    ngx_http_wix_auth_json_t       *root;          /* the answer */
    ngx_str_t                       location;      /* of a direct call */
    ngx_array_t                    *pairs;         /* its query, wiped */
    ngx_str_t                       code;          /* Wix's, safe to log */
    const char                     *err;

    ngx_uint_t                      class;         /* of the breaker */
    ngx_uint_t                      ticket;
    ngx_int_t                       retry_after;   /* of an open one, or -1 */
    ngx_uint_t                      cause;         /* of an open one, or 0 */

    ngx_uint_t                      unsent;        /* reason, when the call
                                                      is not to be made */

    unsigned                        waits:1;
    unsigned                        retried:1;     /* this token is new */
    unsigned                        outside:1;
    unsigned                        refused:1;     /* the visitor's token */
    unsigned                        asked:1;       /* the breaker is to be
                                                      told what it came to */
    unsigned                        probe:1;       /* of the breaker */
    unsigned                        orphan:1;      /* a probe that nobody
                                                      waits for any more */
    unsigned                        done:1;
};


/* call: start() sends w and frees it; get() has no body; refuse() reports
   later that the call was not made, err is for the log */

ngx_http_wix_auth_api_call_t *ngx_http_wix_auth_api_create(
    ngx_http_wix_auth_api_op_t *op, ngx_http_wix_auth_api_conf_t *conf,
    ngx_str_t *client, ngx_log_t *log, ngx_http_wix_auth_api_pt handler,
    void *data);
ngx_http_wix_auth_json_writer_t *ngx_http_wix_auth_api_grant(
    ngx_http_wix_auth_api_call_t *call, const char *grant);
ngx_http_wix_auth_api_call_t *ngx_http_wix_auth_api_start(
    ngx_http_wix_auth_api_call_t *call, ngx_http_wix_auth_json_writer_t *w,
    ngx_str_t *authorization);
ngx_http_wix_auth_api_call_t *ngx_http_wix_auth_api_get(
    ngx_http_wix_auth_api_call_t *call, ngx_str_t *authorization);
ngx_http_wix_auth_api_call_t *ngx_http_wix_auth_api_refuse(
    ngx_http_wix_auth_api_call_t *call, ngx_uint_t reason, const char *err);
void ngx_http_wix_auth_api_free(ngx_http_wix_auth_api_call_t *call);
/* wipes call->pairs */
void ngx_http_wix_auth_api_forget(ngx_http_wix_auth_api_call_t *call);
ngx_int_t ngx_http_wix_auth_api_send(ngx_http_wix_auth_api_call_t *call,
    ngx_str_t *authorization);
void ngx_http_wix_auth_api_finish(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
ngx_int_t ngx_http_wix_auth_api_copy(ngx_pool_t *pool, ngx_str_t *dst,
    ngx_str_t *src);

/* verdict: NGX_OK, NGX_DECLINED (it makes no sense), NGX_ERROR (no memory) */

ngx_int_t ngx_http_wix_auth_api_token_answer(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
ngx_int_t ngx_http_wix_auth_api_login_answer(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
ngx_int_t ngx_http_wix_auth_api_recover_answer(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
ngx_int_t ngx_http_wix_auth_api_info_answer(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
ngx_int_t ngx_http_wix_auth_api_member_answer(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
ngx_int_t ngx_http_wix_auth_api_redirect_answer(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
ngx_int_t ngx_http_wix_auth_api_direct_answer(
    ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
/* text that may go into a header.  NGX_DONE: there is none; NGX_DECLINED:
   there is something else */
ngx_int_t ngx_http_wix_auth_api_text(ngx_http_wix_auth_json_t *root,
    const char *path, size_t max, ngx_str_t *value);

/* refusal: sets result->reason and, when it was about the visitor's token,
   call->refused */

void ngx_http_wix_auth_api_fail(ngx_http_wix_auth_api_result_t *result,
    ngx_uint_t reason);
/* 1 when Wix's code is about one account: a stranger can provoke it, and must
   not slow down everybody */
ngx_uint_t ngx_http_wix_auth_api_account(ngx_http_wix_auth_api_call_t *call);
void ngx_http_wix_auth_api_token_refusal(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
void ngx_http_wix_auth_api_login_refusal(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
void ngx_http_wix_auth_api_info_refusal(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
void ngx_http_wix_auth_api_member_refusal(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);
void ngx_http_wix_auth_api_redirect_refusal(ngx_http_wix_auth_api_call_t *call,
    ngx_http_wix_auth_api_result_t *result);

/* visitor: wait() sends the call once there is a token */

ngx_int_t ngx_http_wix_auth_visitor_wait(ngx_http_wix_auth_api_call_t *call);
ngx_http_wix_auth_visitor_t *ngx_http_wix_auth_visitor_find(ngx_str_t *url,
    ngx_str_t *client);
void ngx_http_wix_auth_visitor_forget(ngx_http_wix_auth_visitor_t *visitor);


#endif /* _NGX_HTTP_WIX_AUTH_CALL_H_INCLUDED_ */
