
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_WRITE_JSON_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_WRITE_JSON_H_INCLUDED_


#include "ngx_http_wix_auth_json.h"


/* what reader and writer have in common, for the two of them only */


#define NGX_HTTP_WIX_AUTH_JSON_TEXT  1048576


/*
 * yajl does not check what malloc returns and frees its buffers as they
 * are, tokens included.  So it gets memory from one block that is taken, and
 * where it held anything wiped, as a whole.
 */

typedef struct {
    u_char  *start;
    u_char  *pos;
    u_char  *end;
} ngx_http_wix_auth_json_arena_t;


/* as yajl wants them, data is the arena */

void *ngx_http_wix_auth_json_malloc(void *data, size_t size);
void *ngx_http_wix_auth_json_realloc(void *data, void *p, size_t size);
void ngx_http_wix_auth_json_free(void *data, void *p);

ngx_uint_t ngx_http_wix_auth_json_utf8(const u_char *p, size_t len);


#endif /* _NGX_HTTP_WIX_AUTH_WRITE_JSON_H_INCLUDED_ */
