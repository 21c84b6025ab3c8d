
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_HTTP_WIX_AUTH_REGISTRATION_H_INCLUDED_
#define _NGX_HTTP_WIX_AUTH_REGISTRATION_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_wix_auth_json.h"
#include "ngx_http_wix_auth_url.h"


/*
 * Floor 1: the profile of a new member, before Wix sees it: which fields
 * there are, their shapes, values and limits (Register V2).
 */


/*
 * Both make *tree, an object for the "profile" of Register V2, or NULL when
 * the input has none.  NGX_OK; NGX_DECLINED: pairs of the field's name
 * ("profile.phonesV2[0].tag") and a sentence about it have been pushed to
 * fields; NGX_ERROR: no memory.
 */

/* from the "profile" member of a JSON body; profile may be NULL */
ngx_int_t ngx_http_wix_auth_registration_json(ngx_pool_t *pool,
    ngx_http_wix_auth_json_t *profile, ngx_array_t *fields,
    ngx_http_wix_auth_json_t **tree);

/* from a form's pairs "profile.firstName", "profile.phonesV2[0].phone"; other
   pairs are not looked at, and empty values count as absent */
ngx_int_t ngx_http_wix_auth_registration_form(ngx_pool_t *pool,
    ngx_array_t *pairs, ngx_array_t *fields,
    ngx_http_wix_auth_json_t **tree);


#endif /* _NGX_HTTP_WIX_AUTH_REGISTRATION_H_INCLUDED_ */
