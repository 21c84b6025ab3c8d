
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_SHAPE_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_SHAPE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_wix_auth_registration.h"


/*
 * Floor 1, between the files of the registration room and for them alone:
 * where input becomes a tree and which fields there are (registration), what
 * holds other values (shape), and what holds none (leaf).
 */


#define NGX_HTTP_WIX_AUTH_REG_LIST    50     /* entries of a list */
#define NGX_HTTP_WIX_AUTH_REG_FAULTS  50     /* that are told at once */
#define NGX_HTTP_WIX_AUTH_REG_PATH    256    /* bytes of a name in a fault */
#define NGX_HTTP_WIX_AUTH_REG_NAME    64     /* bytes of one key */
#define NGX_HTTP_WIX_AUTH_REG_DEPTH   4      /* custom values in others */
#define NGX_HTTP_WIX_AUTH_REG_NUMBER  32     /* bytes of a number */
#define NGX_HTTP_WIX_AUTH_REG_TEXT    512


/* a profile on its way to be judged, and where in it we are */

typedef struct {
    ngx_pool_t                  *pool;
    ngx_array_t                 *fields;
    ngx_uint_t                   faults;
    ngx_uint_t                   depth;
    size_t                       len;          /* of path */
    unsigned                     form:1;       /* all values are text */
    unsigned                     failed:1;     /* no memory */
    u_char                       path[NGX_HTTP_WIX_AUTH_REG_PATH];
} ngx_http_wix_auth_reg_t;


typedef struct ngx_http_wix_auth_shape_s  ngx_http_wix_auth_shape_t;

typedef void (*ngx_http_wix_auth_shape_pt)(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *node, ngx_http_wix_auth_shape_t *shape);

struct ngx_http_wix_auth_shape_s {
    ngx_str_t                    name;
    ngx_http_wix_auth_shape_pt   check;
    size_t                       max;          /* bytes of a text */
    const char                  *values;       /* ", " between them */
    ngx_http_wix_auth_shape_t   *members;      /* of an object, the last of
                                                  no name: of every other
                                                  name, or with no check of
                                                  none; else what a list or
                                                  map holds */
    unsigned                     needed:1;
    unsigned                     idle:1;       /* a form's list may send it
                                                  with nothing else */
};


/*
 * Each judges a node and says what is wrong.  In a form's tree numbers and
 * booleans become what they are, and what nobody has filled in goes.
 */

void ngx_http_wix_auth_shape_object(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *node, ngx_http_wix_auth_shape_t *shape);
void ngx_http_wix_auth_shape_list(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *node, ngx_http_wix_auth_shape_t *shape);
void ngx_http_wix_auth_shape_map(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *node, ngx_http_wix_auth_shape_t *shape);
void ngx_http_wix_auth_shape_value(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *node, ngx_http_wix_auth_shape_t *shape);

void ngx_http_wix_auth_shape_text(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *node, ngx_http_wix_auth_shape_t *shape);
void ngx_http_wix_auth_shape_choice(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *node, ngx_http_wix_auth_shape_t *shape);
void ngx_http_wix_auth_shape_date(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *node, ngx_http_wix_auth_shape_t *shape);
void ngx_http_wix_auth_shape_moment(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *node, ngx_http_wix_auth_shape_t *shape);
void ngx_http_wix_auth_shape_number(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *node, ngx_http_wix_auth_shape_t *shape);
void ngx_http_wix_auth_shape_bool(ngx_http_wix_auth_reg_t *reg,
    ngx_http_wix_auth_json_t *node, ngx_http_wix_auth_shape_t *shape);

/* a plain identifier at p: its end, or NULL */
u_char *ngx_http_wix_auth_shape_key(u_char *p, u_char *last, ngx_str_t *name);

/* NGX_OK; NGX_DECLINED: a control character; NGX_ERROR: no UTF-8 */
ngx_int_t ngx_http_wix_auth_shape_readable(ngx_str_t *text);

/* one step deeper: both return what reg->len is to be again afterwards */
size_t ngx_http_wix_auth_shape_enter(ngx_http_wix_auth_reg_t *reg,
    ngx_str_t *name);
size_t ngx_http_wix_auth_shape_enter_index(ngx_http_wix_auth_reg_t *reg,
    ngx_uint_t index);
/* what a person or a script can read: names may be anything */
void ngx_http_wix_auth_shape_append(ngx_http_wix_auth_reg_t *reg, u_char *data,
    size_t len);
/* about the field that we are at; a detail ends the sentence */
void ngx_http_wix_auth_shape_fault(ngx_http_wix_auth_reg_t *reg,
    const char *text, const char *detail);


#endif /* _NGX_HTTP_WIX_AUTH_SHAPE_H_INCLUDED_ */
