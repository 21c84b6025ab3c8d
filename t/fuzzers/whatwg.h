
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _WHATWG_H_INCLUDED_
#define _WHATWG_H_INCLUDED_


#include "fuzz.h"


/*
 * Where a browser goes (WHATWG URL standard, 4.4), as far as scheme, host and
 * port decide: a second opinion, which shares nothing with the module.
 */

typedef enum {
    WHATWG_HERE = 0,       /* a path, query or fragment of the base */
    WHATWG_THERE,          /* another host, or this one by its name */
    WHATWG_FOREIGN,        /* a scheme that is not http */
    WHATWG_FAILURE         /* no URL */
} whatwg_e;

typedef struct {
    whatwg_e       kind;
    char           scheme[8];
    char           host[2100];     /* lower case, percent-decoded */
    ngx_uint_t     port;
    ngx_uint_t     user;           /* there was a user name */
} whatwg_t;


/* base_scheme: "http" or "https" */
void whatwg_resolve(ngx_str_t *text, const char *base_scheme, whatwg_t *to);

/* 1 when it is exactly this origin, "https://host[:port]" */
ngx_uint_t whatwg_is(whatwg_t *to, ngx_str_t *origin);


#endif /* _WHATWG_H_INCLUDED_ */
