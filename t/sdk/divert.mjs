// Copyright (C) 2026 the ngx_http_wix_auth_module authors
//
// The SDK knows no other API than https://*.wixapis.com, and calls fetch() by
// its global name: what goes there is sent to the emulator.  A connection to
// anybody but loopback is an error.

import { webcrypto } from "node:crypto";

// browsers have it, and node from version 19 on
globalThis.crypto ??= webcrypto;

const api = process.env.WIX_EMULATOR_API;
const real = globalThis.fetch;

// which hosts the SDK meant, and with what headers
export const calls = [];

globalThis.fetch = (resource, options) => {
    const request = new Request(resource, options);
    const url = new URL(request.url);

    if (/(^|\.)wixapis\.com$/.test(url.hostname)) {
        calls.push({url, headers: request.headers});
        return real(new Request(new URL(url.pathname + url.search, api),
                                request));
    }

    if (url.hostname !== "127.0.0.1" && url.hostname !== "localhost") {
        throw new Error(`nobody may be asked at ${url.origin}`);
    }

    return real(request);
};
