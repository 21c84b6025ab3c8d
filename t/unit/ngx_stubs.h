
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _NGX_STUBS_H_INCLUDED_
#define _NGX_STUBS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#include <setjmp.h>


extern ngx_int_t  stub_allocations;

/* where the n-th wipe of memory leads to, as if the process had been killed;
   0: nowhere */
extern ngx_uint_t  stub_kill;
extern jmp_buf     stub_killed;


#endif /* _NGX_STUBS_H_INCLUDED_ */
