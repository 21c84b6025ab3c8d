
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _MEMBER_H_INCLUDED_
#define _MEMBER_H_INCLUDED_


#include "fuzz.h"

#include "ngx_http_wix_auth_json.h"


/* what the targets body and registration check alike */


/* faults that a person is told about: printable names and sentences */
void member_faults(ngx_array_t *fields, ngx_uint_t max, size_t name);

/* a profile that was accepted: Wix gets JSON, and we accept it again */
void member_accepted(fuzz_t *f, ngx_http_wix_auth_json_t *tree);


#endif /* _MEMBER_H_INCLUDED_ */
