
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_PROFILE_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_PROFILE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Floor 0: what "Get My Member" told about a member, as one string that a
 * session keeps.
 */


#define NGX_HTTP_WIX_AUTH_PROFILE_MAX  4096    /* bytes of a packed one */


typedef enum {
    NGX_HTTP_WIX_AUTH_PROFILE_CONTACT_ID = 0,
    NGX_HTTP_WIX_AUTH_PROFILE_NICKNAME,
    NGX_HTTP_WIX_AUTH_PROFILE_FIRST_NAME,
    NGX_HTTP_WIX_AUTH_PROFILE_LAST_NAME,
    NGX_HTTP_WIX_AUTH_PROFILE_SLUG,
    NGX_HTTP_WIX_AUTH_PROFILE_PICTURE,         /* an address */
    NGX_HTTP_WIX_AUTH_PROFILE_STATUS,          /* "APPROVED" */
    NGX_HTTP_WIX_AUTH_PROFILE_EMAIL_VERIFIED,  /* "1" or "0" */
    NGX_HTTP_WIX_AUTH_PROFILE_FIELDS
} ngx_http_wix_auth_profile_field_e;


/*
 * Makes the text fit for a header, in place: UTF-8 stays, a control
 * character becomes a space, spaces at the ends go.  What is longer than max
 * bytes becomes empty.
 */
void ngx_http_wix_auth_profile_clean(ngx_str_t *text, size_t max);

/* packs ..._PROFILE_FIELDS strings (cleaned; len 0: unknown) into pool; when
   all of them are too long together the picture goes first, then names.
   Never len 0: an empty profile is one.  NGX_OK or NGX_ERROR (no memory) */
ngx_int_t ngx_http_wix_auth_profile_pack(ngx_pool_t *pool, ngx_str_t *fields,
    ngx_str_t *packed);

/* one field, pointing into packed; len 0: unknown, or packed is no profile */
void ngx_http_wix_auth_profile_get(ngx_str_t *packed, ngx_uint_t field,
    ngx_str_t *value);


#endif /* _NGX_HTTP_WIX_AUTH_PROFILE_H_INCLUDED_ */
