
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * The entry for libFuzzer, which mutates inputs by what they cover.
 */


#include "fuzz.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_run(fuzz_one, data, size);

    return 0;
}
