
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#ifndef _UNIT_H_INCLUDED_
#define _UNIT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_wix_auth_cookie.h"
#include "ngx_http_wix_auth_crypto.h"
#include "ngx_http_wix_auth_json.h"
#include "ngx_http_wix_auth_profile.h"
#include "ngx_http_wix_auth_url.h"
#include "ngx_stubs.h"


#define nelems(a)  (sizeof(a) / sizeof((a)[0]))


/* prints one line of TAP; the name is a printf format */
void ok(ngx_uint_t good, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* heap copies of the exact size, so that a byte too far is seen */
ngx_str_t bytes(const char *data, size_t len);
ngx_str_t text(const char *data);

ngx_uint_t same(ngx_str_t *s, const char *expected);
ngx_uint_t zeroes(const u_char *p, size_t len);
ngx_uint_t hex_is(const u_char *p, size_t len, const char *expected);

void test_siphash(void);
void test_digests(void);
void test_ring(void);
void test_seal(void);
void test_seal_bits(void);
void test_base64(void);
void test_store(void);
void test_json_reader(void);
void test_json_bad(void);
void test_json_limits(void);
void test_json_surrogates(void);
void test_json_numbers(void);
void test_json_writer(void);
void test_json_writer_misuse(void);
void test_json_tree(void);
void test_url(void);
void test_url_bad(void);
void test_url_limits(void);
void test_return_good(void);
void test_return_leads(void);
void test_return_bytes(void);
void test_return_encoded(void);
void test_return_all(void);
void test_guid(void);
void test_encode(void);
void test_form(void);
void test_cookie_find(void);
void test_cookie_cut(void);
void test_cookie_set(void);
void test_profile_clean(void);
void test_profile_pack(void);
void test_profile_hostile(void);
void test_peer(void);
void test_counter(void);
void test_counter_ways(void);
void test_counter_move(void);
void test_budget(void);
void test_budget_pause(void);
void test_budget_clients(void);
void test_blocks(void);
void test_block_create(void);
void test_block_strings(void);
void test_fetch_turns(void);
void test_fetch_order(void);
void test_fetch_deadline(void);
void test_fetch_refused(void);
void test_fetch_first(void);
void test_lease(void);
void test_lease_killed(void);
void test_lease_room(void);
void test_lessons_fields(void);
void test_lessons_keys(void);
void test_lessons_nonces(void);
void test_lessons_purposes(void);
void test_breaker(void);
void test_breaker_probe(void);
void test_breaker_late(void);
void test_breaker_apart(void);
void test_breaker_slots(void);
void test_breaker_none(void);
void test_budget_refresh(void);
void test_registration_json(void);
void test_registration_form(void);
void test_registration_refused(void);
void test_registration_form_refused(void);
void test_registration_hostile(void);
void test_registration_limits(void);
void test_registration_memory(void);
void test_state(void);
void test_state_bits(void);
void test_state_mixed(void);
void test_state_hostile(void);
void test_memory(void);


/* a new one for each test */
extern ngx_pool_t  *pool;

#define NOWN  4

extern ngx_str_t  own[NOWN];


#endif /* _UNIT_H_INCLUDED_ */
