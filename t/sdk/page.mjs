// Copyright (C) 2026 the ngx_http_wix_auth_module authors
//
// As much of a browser as the SDK needs for a login in a frame: a frame that
// is put into the page loads its address, and the script of what comes may
// post messages, which arrive where the target origin is that of the page.

import vm from "node:vm";

export function openPage(origin) {
    const listeners = new Set();
    const frames = new Set();
    const dropped = [];

    const deliver = (data, target, from) => {
        if (target !== "*" && target !== origin) {
            dropped.push(target);
            return;
        }
        // as a browser would copy it
        const copy = structuredClone(JSON.parse(JSON.stringify(data)));
        for (const listener of [...listeners]) {
            listener({data: copy, origin: from});
        }
    };

    const load = async frame => {
        const html = await (await fetch(frame.src)).text();
        const parent = {postMessage: (data, target) =>
            deliver(data, target, new URL(frame.src).origin)};

        for (const [, script] of html.matchAll(/<script>(.*?)<\/script>/gs)) {
            vm.runInNewContext(script, {window: {opener: null, parent}});
        }
    };

    globalThis.window = {
        addEventListener: (type, listener) => listeners.add(listener),
        removeEventListener: (type, listener) => listeners.delete(listener),
    };
    globalThis.document = {
        createElement: () => ({style: {}}),
        body: {
            appendChild(frame) {
                frames.add(frame);
                frame.parentElement = this;
                frame.loaded = load(frame);
                return frame;
            },
            removeChild: frame => frames.delete(frame),
            contains: frame => frames.has(frame),
        },
    };

    return {listeners, frames, dropped, close() {
        delete globalThis.window;
        delete globalThis.document;
    }};
}
