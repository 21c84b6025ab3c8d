
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 *
 * base64url: what decodes is the one way to write what it decodes to, and
 * every string of bytes survives the way there and back.
 *
 * Input: bytes, taken as text and as data.
 */


#include "fuzz.h"

#include "ngx_http_wix_auth_crypto.h"


void
fuzz_one(fuzz_t *f)
{
    u_char     *end;
    size_t      len;
    ngx_str_t   input, text, data;

    input = fuzz_rest(f);

    /* decode, then encode */

    data = fuzz_copy(f, input.data, input.len * 3 / 4);

    if (ngx_http_wix_auth_b64_decode(data.data, &len, input.data, input.len)
        == NGX_OK)
    {
        FUZZ_CHECK(len == input.len * 3 / 4);
        FUZZ_CHECK(NGX_HTTP_WIX_AUTH_B64_LEN(len) == input.len);

        text = fuzz_copy(f, input.data, input.len);
        memset(text.data, 0, text.len);

        end = ngx_http_wix_auth_b64_encode(text.data, data.data, len);

        FUZZ_CHECK(end == text.data + text.len);
        FUZZ_CHECK(fuzz_equal(&text, &input));

    } else {
        FUZZ_CHECK(len == 0);
    }

    /* encode, then decode */

    text.len = NGX_HTTP_WIX_AUTH_B64_LEN(input.len);
    text.data = malloc(text.len);

    end = ngx_http_wix_auth_b64_encode(text.data, input.data, input.len);

    FUZZ_CHECK(end == text.data + text.len);

    data = fuzz_copy(f, input.data, input.len);
    memset(data.data, 0, data.len);

    FUZZ_CHECK(ngx_http_wix_auth_b64_decode(data.data, &len, text.data,
                                            text.len)
               == NGX_OK);
    FUZZ_CHECK(len == input.len);
    FUZZ_CHECK(fuzz_equal(&data, &input));

    free(text.data);
}
