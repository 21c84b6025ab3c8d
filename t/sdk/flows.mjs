// Copyright (C) 2026 the ngx_http_wix_auth_module authors
//
// Every flow of a member, with the SDK as it comes from npm.  Prints one JSON
// object a line for t/05-sdk.t: {"flow", "what", "ok", "got", "want"}, and at
// the end {"end": number of checks}.

import { calls } from "./divert.mjs";
import { openPage } from "./page.mjs";
import assert from "node:assert/strict";
import { AppStrategy, createClient, OAuthStrategy } from "@wix/sdk";
import * as members from "@wix/auto_sdk_members_members";

const clientId = process.env.WIX_CLIENT_ID;
const callback = process.env.WIX_REDIRECT_URI;
const control = process.env.WIX_EMULATOR_CONTROL;

const origin = new URL(callback).origin;
const password = "Emulator-pass-1";
const address = name => `${name}@wix.test`;

let flow, checks = 0, accounts = 0;


function report(what, got, want, ok) {
    checks++;
    console.log(JSON.stringify({flow, what, ok, got, want}));
}

function is(got, want, what) {
    let ok = true;

    try {
        assert.deepStrictEqual(got, want);
    } catch {
        ok = false;
    }
    report(what, got, want, ok);
}

function like(got, pattern, what) {
    report(what, got, String(pattern), pattern.test(got ?? ""));
}

// what a promise is rejected with
async function rejects(promise, pattern, what) {
    const error = await promise.then(() => null, e => e);
    report(what, error && `${error.name}: ${error.message}`, String(pattern),
           error !== null && pattern.test(`${error.name}: ${error.message}`));
}

async function emulator(method, path, data) {
    const response = await fetch(control + path, {
        method, body: data && JSON.stringify(data),
    });
    assert.equal(response.status, 200, `${method} ${path}`);
    return response.json();
}

const mailed = email => emulator("GET",
    `/members/${encodeURIComponent(email)}/code`).then(({code}) => code);

// a site, or an app, with no tokens or those of before
function site(tokens) {
    const client = createClient({
        auth: OAuthStrategy({clientId, tokens}), modules: {members},
    });
    return client.auth;
}

const withMembers = auth => createClient({auth, modules: {members}});

const newAddress = () => address(`sdk-${++accounts}`);

// the payload of an access token, as far as it can be read
function instance(token) {
    const payload = token.replace(/^OauthNG\.JWS\./, "").split(".")[1];
    const {data} = JSON.parse(Buffer.from(payload, "base64url"));
    return JSON.parse(data).instance;
}

const tokenInfo = token =>
    AppStrategy({appId: clientId, accessToken: token}).getTokenInfo();

// a GET as a browser makes it, up to the first redirect
const visit = (url, options) => fetch(url, {redirect: "manual", ...options});

// from a sessionToken to a member's tokens, over the authorize page
async function exchange(auth, sessionToken, responseMode) {
    const data = auth.generateOAuthData(callback, `${origin}/page`);
    const {authUrl} = await auth.getAuthUrl(data, {
        prompt: "none", sessionToken, responseMode,
    });

    const response = await visit(authUrl);
    is(response.status >= 300 && response.status < 400, true,
       `${responseMode}: a redirect`);

    const location = response.headers.get("location");
    const mark = responseMode === "query" ? "?" : "#";
    is(location.startsWith(callback + mark), true,
       `${responseMode}: to the redirect URI and "${mark}"`);

    const {code, state, error} = auth.parseFromUrl(location, responseMode);
    is(error, undefined, `${responseMode}: without an error`);
    is(state, data.state, `${responseMode}: with the state`);

    return {data, code, state, authUrl,
            tokens: await auth.getMemberTokens(code, state, data)};
}

async function isMember(tokens, email, what) {
    is(tokens.refreshToken.role, "member", `${what}: a member's tokens`);
    like(tokens.refreshToken.value, /^JWS\./, `${what}: a refresh token`);

    const auth = site(tokens);
    is(auth.loggedIn(), true, `${what}: logged in`);

    const {member} = await withMembers(auth).members.getCurrentMember({
        fieldsets: ["FULL"],
    });
    is(member.loginEmail, email, `${what}: who it is`);
    is(member._id, instance(tokens.accessToken.value).siteMemberId,
       `${what}: the id of the token`);
    return member;
}


const flows = {

    async "visitor tokens"() {
        const auth = site();
        const tokens = await auth.generateVisitorTokens();
        const left = tokens.accessToken.expiresAt - Date.now() / 1000;

        like(tokens.accessToken.value, /^OauthNG\.JWS(\.[\w-]+){3}$/,
             "an access token");
        like(tokens.refreshToken.value, /^JWS(\.[\w-]+){3}$/,
             "a refresh token");
        is(tokens.refreshToken.role, "visitor", "of a visitor");
        is(left > 14390 && left <= 14400, true, "for four hours");

        const {appDefId, aid, uid, siteMemberId} =
            instance(tokens.accessToken.value);
        is(appDefId, clientId, "for this client");
        is([typeof aid, uid, siteMemberId], ["string", undefined, undefined],
           "with a visitor's id and no member's");

        const other = await site().generateVisitorTokens();
        is(instance(other.accessToken.value).aid === aid, false,
           "the next one is another visitor");

        const again = await auth.generateVisitorTokens({
            refreshToken: tokens.refreshToken,
        });
        is(instance(again.accessToken.value).aid, aid,
           "a refresh keeps the visitor");

        const info = await tokenInfo(tokens.accessToken.value);
        is([info.active, info.subjectType, info.subjectId, info.clientId],
           [true, "VISITOR", aid, clientId], "token-info");

        await rejects(withMembers(site(tokens)).members.getCurrentMember(),
                      /missing site member id/, "is no member");
    },

    async "register"() {
        const auth = site();
        const email = newAddress();
        const profile = {
            firstName: "Ann", lastName: "Lee", nickname: "annie",
            picture: "https://static.example/ann.png", labels: ["friends"],
            language: "en", privacyStatus: "PRIVATE", company: "Lee Ltd",
            position: "CEO", birthdate: "1990-12-31", slug: "ann-lee",
            secondaryEmails: [{email: "a@lee.example", tag: "WORK"}],
            phonesV2: [{countryCode: "IL", phone: "555-1", tag: "MOBILE"}],
            addresses: [{address: {country: "IL", city: "Haifa"},
                         tag: "HOME"}],
            customFields: [{name: "shoe", value: {numValue: 42}}],
        };

        const result = await auth.register({email, password, profile});
        is(result.loginState, "SUCCESS", "state");
        like(result.data.sessionToken, /^MST\./, "a session token");

        const {tokens} = await exchange(auth, result.data.sessionToken,
                                        "query");
        const member = await isMember(tokens, email, "member");
        is([member.contact.firstName, member.contact.lastName,
            member.profile.nickname, member.profile.slug,
            member.privacyStatus, member.profile.photo.url],
           ["Ann", "Lee", "annie", "ann-lee", "PRIVATE", profile.picture],
           "the profile");
        is(member._createdDate instanceof Date, true,
           "dates are what the SDK makes Dates of");

        is((await auth.login({email, password})).loginState, "SUCCESS",
           "and a login");
    },

    async "register, refused"() {
        const auth = site();
        const code = async params => {
            const {loginState, errorCode} = await auth.register(
                {email: newAddress(), password, ...params});
            return [loginState, errorCode];
        };

        is(await code({email: address("active")}),
           ["FAILURE", "emailAlreadyExists"], "an address that is taken");
        is(await code({email: "no-address"}), ["FAILURE", "invalidEmail"],
           "no address");
        is(await code({password: "x"}), ["FAILURE", undefined],
           "a short password");
        is(await code({profile: {birthdate: "tomorrow"}}),
           ["FAILURE", undefined], "a wrong field");
        is(await code({email: address("new-blocked")}),
           ["FAILURE", undefined], "denied");
        is(await code({email: address("new-throttled")}),
           ["FAILURE", undefined], "throttled");
        is(await code({email: address("new-captcha")}),
           ["FAILURE", "missingCaptchaToken"], "without a captcha");
        is(await code({email: address("new-captcha"),
                       captchaTokens: {recaptchaToken: "wrong"}}),
           ["FAILURE", "invalidCaptchaToken"], "with a wrong one");
        is(await code({email: address("new-captcha"), captchaTokens:
                       {invisibleRecaptchaToken: "emulator-captcha-ok"}}),
           ["SUCCESS", undefined], "with the right one");

        // what the SDK cannot read is a failure of the emulator
        await emulator("POST", "/config", {codes: "textual"});
        is(await code({email: address("active")}), ["FAILURE", undefined],
           "textual codes are none that the SDK knows");
        await emulator("POST", "/config", {codes: "numeric"});
    },

    async "login"() {
        const auth = site();
        const result = await auth.login({email: address("active"), password});

        is(result.loginState, "SUCCESS", "state");
        like(result.data.sessionToken, /^MST(\.[\w-]+){3}$/,
             "a session token");
        is(auth.loggedIn(), false, "is no login yet");

        const upper = await auth.login({email: "ACTIVE@wix.test", password});
        is(upper.loginState, "SUCCESS", "the case of an address");
    },

    async "login, refused"() {
        const auth = site();
        const code = async (name, params) => {
            const {loginState, errorCode} = await auth.login(
                {email: address(name), password, ...params});
            return [loginState, errorCode];
        };
        const ok = "emulator-captcha-ok";

        for (const [name, want, params] of [
            ["active", "invalidPassword", {password: "wrong"}],
            ["no-password", "invalidPassword"],
            ["nobody", "invalidEmail"],
            ["reset", "resetPassword"],
            ["blocked", "invalidEmail"],
            ["denied", "invalidEmail"],
            ["approval", "invalidEmail"],
            ["throttled", "invalidEmail"],
            ["filtered", "invalidEmail"],
            ["reenroll", "invalidEmail"],
            ["verify-error", "invalidEmail"],
            ["captcha", "missingCaptchaToken"],
            ["captcha", "invalidCaptchaToken",
             {captchaTokens: {recaptchaToken: "wrong"}}],
            ["captcha", "invalidCaptchaToken",
             {captchaTokens: {invisibleRecaptchaToken: "wrong"}}],
        ]) {
            is(await code(name, params), ["FAILURE", want],
               `${name} ${JSON.stringify(params?.captchaTokens ?? "")}`);
        }

        is(await code("captcha", {captchaTokens: {recaptchaToken: ok}}),
           ["SUCCESS", undefined], "a captcha that can be seen");
        is(await code("captcha", {captchaTokens:
                                  {invisibleRecaptchaToken: ok}}),
           ["SUCCESS", undefined], "and one that cannot");

        for (const name of ["mfa", "mfa-challenge", "first-factor",
                            "status-check", "missing-fields",
                            "unknown-state"]) {
            is(await code(name), ["FAILURE", undefined],
               `${name}: a state that the SDK does not know`);
        }

        // the SDK looks for applicationError where there is none
        await rejects(auth.login({email: "no-address", password}),
                      /^TypeError/, "no address");
    },

    async "captcha for everybody"() {
        const auth = site();

        is([auth.captchaVisibleSiteKey, auth.captchaInvisibleSiteKey],
           ["6Ld0J8IcAAAAANyrnxzrRlX1xrrdXsOmsepUYosy",
            "6LdoPaUfAAAAAJphvHoUoOob7mx0KDlXyXlgrx5v"], "site keys");

        await emulator("POST", "/config", {captcha: "on"});
        const login = {email: address("active"), password};
        is((await auth.login(login)).errorCode, "missingCaptchaToken",
           "login without");
        is((await auth.register({email: newAddress(), password})).errorCode,
           "missingCaptchaToken", "registration without");
        is((await auth.login({...login, captchaTokens:
            {recaptchaToken: "emulator-captcha-ok"}})).loginState,
           "SUCCESS", "login with");
        await emulator("POST", "/config", {captcha: "off"});
    },

    async "verification"() {
        const auth = site();
        const email = address("verify");
        const result = await auth.login({email, password});

        is(result.loginState, "EMAIL_VERIFICATION_REQUIRED", "state");
        like(result.data.stateToken, /^AST\..{1,996}$/, "a state token");

        await rejects(auth.processVerification({verificationCode: "000000"}),
                      /VERIFICATION_FAILED|wrong or expired/,
                      "a wrong code");
        await rejects(auth.processVerification({verificationCode: "123"}),
                      /six characters/, "no code");

        const done = await auth.processVerification(
            {verificationCode: await mailed(email)});
        is(done.loginState, "SUCCESS", "the right one, for the same token");

        const {tokens} = await exchange(auth, done.data.sessionToken,
                                        "query");
        const member = await isMember(tokens, email, "member");
        is(member.loginEmailVerified, true, "the address is confirmed");
    },

    async "verification, other ends"() {
        const auth = site();
        const email = address("verify-approval");

        await auth.login({email, password});
        is(await auth.processVerification(
               {verificationCode: await mailed(email)}),
           {loginState: "OWNER_APPROVAL_REQUIRED"}, "owner approval");
        is(await auth.login({email: address("approval-state"), password}),
           {loginState: "OWNER_APPROVAL_REQUIRED"},
           "which a login may say at once");

        const fresh = address("new-verify");
        const state = await auth.register({email: fresh, password});
        is(state.loginState, "EMAIL_VERIFICATION_REQUIRED", "registration");

        // another page has only what it was handed
        const done = await site().processVerification(
            {verificationCode: await mailed(fresh)}, state);
        is(done.loginState, "SUCCESS", "elsewhere, with the state");

        is((await auth.register({email: address("new-approval"), password}))
           .loginState, "OWNER_APPROVAL_REQUIRED",
           "registration, owner approval");
    },

    async "authorize, query and fragment"() {
        const auth = site();
        const login = {email: address("active"), password};

        for (const mode of ["query", "fragment"]) {
            const {data} = await auth.login(login);
            const done = await exchange(auth, data.sessionToken, mode);
            await isMember(done.tokens, login.email, mode);

            await rejects(auth.getMemberTokens(done.code, done.state,
                                               done.data),
                          /invalid_grant/, `${mode}: a code twice`);
            like(await (await visit(done.authUrl)).headers.get("location"),
                 /[?#&]error=invalid_request/, `${mode}: a fullUrl twice`);
        }

        const {data} = await auth.login(login);
        const oauth = auth.generateOAuthData(callback);
        const {authUrl} = await auth.getAuthUrl(oauth, {
            prompt: "none", sessionToken: data.sessionToken,
            responseMode: "query",
        });
        const {code, state} = auth.parseFromUrl(
            (await visit(authUrl)).headers.get("location"), "query");

        await rejects(auth.getMemberTokens(code, "other", oauth),
                      /Invalid _state/, "another state");
        await rejects(auth.getMemberTokens(code, state, {
            ...oauth, codeVerifier: "v".repeat(43)}),
                      /invalid_grant/, "another verifier");
        await rejects(auth.getMemberTokens(code, state, oauth),
                      /invalid_grant/, "which burns the code");

        const wrong = auth.generateOAuthData(`${origin}/other`);
        const second = await auth.login(login);
        const {authUrl: bad} = await auth.getAuthUrl(wrong, {
            prompt: "none", sessionToken: second.data.sessionToken,
            responseMode: "query",
        });
        const page = await visit(bad);
        is(page.status, 400, "a redirect URI that is not allowed");
        like(await page.text(), /Invalid redirect URI/, "is told by a page");
    },

    async "authorize, at Wix"() {
        const auth = site();
        const email = address("active");

        for (const [opts, what, idp = null] of [
            [{}, "plain"],
            [{idp: "google"}, "with an idp",
             "0e6a50f5-b523-4e29-990d-f37fa2ffdd69"],
            [{idp: {connectionId: "some-oidc"}}, "with another idp",
             "some-oidc"],
            [{responseMode: "query"}, "query"],
        ]) {
            const mode = opts.responseMode ?? "fragment";
            const data = auth.generateOAuthData(callback);
            const {authUrl, authorizationEndpoint} =
                await auth.getAuthUrl(data, {prompt: "login", ...opts});

            is(authUrl.startsWith(`${authorizationEndpoint}?`), true,
               `${what}: urlDetails.endpoint`);
            is(new URL(authUrl).searchParams.get("idp"), idp,
               `${what}: idp`);

            const shown = await visit(authUrl);
            is(shown.status, 200, `${what}: a login page`);

            const html = await shown.text();
            const field = pattern => html.match(pattern)[1]
                .replace(/&amp;/g, "&");
            const response = await visit(field(/action="([^"]+)"/), {
                method: "POST",
                body: new URLSearchParams({
                    email, password,
                    authorize: field(/name="authorize" value="([^"]+)"/),
                }),
            });
            const {code, state} = auth.parseFromUrl(
                response.headers.get("location"), mode);
            await isMember(await auth.getMemberTokens(code, state, data),
                           email, what);
        }

        const data = auth.generateOAuthData(callback);
        const {authUrl} = await auth.getAuthUrl(data, {prompt: "none"});
        const {code, error, state} = auth.parseFromUrl(
            (await visit(authUrl)).headers.get("location"));
        is([code, error, state], [null, "login_required", data.state],
           "silently, and nobody is logged in");
    },

    async "authorize, web_message"() {
        const email = address("active");
        const auth = site();
        const {data} = await auth.login({email, password});
        const page = openPage(origin);
        const tokens = await auth.getMemberTokensForDirectLogin(
            data.sessionToken);

        is([page.listeners.size, page.frames.size], [0, 0],
           "the page is as it was");
        page.close();
        await isMember(tokens, email, "frame");

        // a page that is not allowed hears nothing; the SDK waits two minutes
        const stranger = openPage("https://evil.example");
        const again = await auth.login({email, password});
        const never = auth.getMemberTokensForDirectLogin(
            again.data.sessionToken);
        const first = await Promise.race([never.then(() => "tokens"),
            (async () => {
                while (!stranger.frames.size) {
                    await new Promise(done => setTimeout(done, 10));
                }
                await [...stranger.frames][0].loaded;
                return "loaded";
            })()]);

        is(first, "loaded", "a page of another origin gets none");
        is(stranger.dropped.length > 0, true,
           "although Wix has posted a message");

        // a message of the emulator's error page has the same flat shape
        for (const listener of stranger.listeners) {
            const {searchParams} = new URL([...stranger.frames][0].src);
            listener({data: {state: searchParams.get("state"),
                             error: "access_denied"}});
        }
        await rejects(never, /Missing code or _state/, "an error, flat");
        stranger.close();

        const spent = openPage(origin);
        await emulator("POST", "/config", {sessionTokenCheck: "authorize"});
        await rejects(auth.getMemberTokensForDirectLogin(data.sessionToken),
                      /Missing code or _state/, "a session token twice");
        await emulator("POST", "/config", {sessionTokenCheck: "early"});
        await rejects(auth.getMemberTokensForDirectLogin(data.sessionToken),
                      /invalid session|-19984/, "which Wix may notice early");
        spent.close();
    },

    async "refresh"() {
        const auth = site();
        const email = address("active");
        const {data} = await auth.login({email, password});
        const {tokens} = await exchange(auth, data.sessionToken, "query");
        const renewed = await auth.renewToken(tokens.refreshToken);

        is(renewed.accessToken.value === tokens.accessToken.value, false,
           "a new access token");
        is(renewed.accessToken.expiresAt > Date.now() / 1000 + 14000, true,
           "for four hours");
        await isMember(renewed, email, "after it");

        // the SDK renews by itself what has expired, and stays a member
        const stale = site({
            accessToken: {value: tokens.accessToken.value, expiresAt: 1},
            refreshToken: tokens.refreshToken,
        });
        const before = await emulator("GET",
            "/count?op=token.refresh_token");
        const {member} = await withMembers(stale).members.getCurrentMember({
            fieldsets: ["FULL"]});
        const after = await emulator("GET", "/count?op=token.refresh_token");

        is(member.loginEmail, email, "an expired one is renewed");
        is(after.count - before.count, 1, "with one call");

        await emulator("POST", "/config", {expiresInType: "string"});
        const text = await auth.renewToken(tokens.refreshToken);
        is(Number.isInteger(text.accessToken.expiresAt), true,
           "expires_in as a string");
        await emulator("POST", "/config", {expiresInType: "number"});

        await emulator("POST", "/revoke", {email});
        await rejects(auth.renewToken(tokens.refreshToken),
                      /"error":"invalid_grant"/, "a revoked one");
        await rejects(withMembers(site(renewed)).members.getCurrentMember(),
                      /access token is dead/, "and its access token");

        const info = await tokenInfo(renewed.accessToken.value);
        is(info.active, false, "which token-info knows");
        await rejects(auth.renewToken({value: "JWS.a.b.c", role: "member"}),
                      /"error":"invalid_grant"/, "one that never was");
    },

    async "recovery"() {
        const auth = site();
        const email = newAddress();

        await auth.register({email, password});
        is(await auth.sendPasswordResetEmail(email, callback), undefined,
           "a mail");
        is(await auth.sendPasswordResetEmail(address("nobody"), callback),
           undefined, "the same for an unknown address");
        await rejects(auth.sendPasswordResetEmail(email, `${origin}/other`),
                      /not an allowed redirect URI/,
                      "a URL that is not allowed");
        await rejects(
            auth.sendPasswordResetEmail(address("mail-limit"), callback),
            /-19901|too many mails/, "too many mails");

        const {url} = await emulator("GET",
            `/members/${encodeURIComponent(email)}/recovery`);
        const html = await (await visit(url)).text();
        const token = html.match(/name="forgotPasswordToken" value="([^"]+)"/);
        const response = await visit(url, {
            method: "POST",
            body: new URLSearchParams({forgotPasswordToken: token[1],
                                       password: "Another-pass-2"}),
        });
        is(response.headers.get("location"), callback,
           "the page leads back, and adds nothing");

        is((await auth.login({email, password})).errorCode,
           "invalidPassword", "the old password is over");
        is((await auth.login({email, password: "Another-pass-2"}))
           .loginState, "SUCCESS", "the new one serves");
    },

    async "logout"() {
        const email = address("active");
        const visitor = site();
        const {data} = await visitor.login({email, password});
        const {tokens} = await exchange(visitor, data.sessionToken, "query");
        const auth = site(tokens);

        await rejects(site(tokens).logout("https://evil.example/"),
                      /allowed domain/, "to a foreign domain");

        const {logoutUrl} = await auth.logout(`${origin}/bye`);
        is([auth.loggedIn(), auth.getTokens().accessToken.value],
           [false, ""], "the SDK has forgotten its tokens");

        const response = await visit(logoutUrl);
        is([response.status, response.headers.get("location")],
           [302, `${origin}/bye`], "the address leads back");
        await rejects(auth.renewToken(tokens.refreshToken),
                      /"error":"invalid_grant"/, "the session is over");
        is((await visit(logoutUrl)).status, 400, "the address serves once");
        await rejects(site(tokens).logout(`${origin}/bye`),
                      /FAILED_TO_EXTRACT_SESSION|extract session/,
                      "a second logout");

        await rejects(visitor.logout(`${origin}/bye`), /member token/,
                      "a visitor has nothing to log out of");
    },

    async "what the SDK makes of errors"() {
        const auth = site();
        const email = address("active");
        const ask = {
            login: () => auth.login({email, password}),
            register: () => auth.register({email: newAddress(), password}),
        };

        // a fault of the emulator, and what both calls are to say: an error
        // code, or how the error begins that is thrown
        const application = code => ({
            type: "body", status: 400, contentType: "application/json",
            body: JSON.stringify({message: "text", details: {
                applicationError: {code, description: "text", data: {}}}}),
        });
        const violation = data => ({
            type: "body", status: 400, contentType: "application/json",
            body: JSON.stringify({message: "text", details: {
                validationError: {fieldViolations: [{
                    field: "loginId.email", description: "text",
                    violatedRule: "FORMAT", ruleName: "", data}]}}}),
        });
        const unreadable = /^TypeError: Cannot read properties of undefined/;

        await auth.generateVisitorTokens().then(auth.setTokens);

        for (const [what, action, login, register] of [
            ["-19971", application("-19971"), "missingCaptchaToken",
             "missingCaptchaToken"],
            ["-19970", application("-19970"), "invalidCaptchaToken",
             "invalidCaptchaToken"],
            ["-19976", application("-19976"), "invalidPassword", undefined],
            ["-19973", application("-19973"), "resetPassword", undefined],
            ["-19995", application("-19995"), "invalidEmail",
             "emailAlreadyExists"],
            ["-19999", application("-19999"), "invalidEmail", undefined],
            ["a number as a code", application(-19976), "invalidEmail",
             undefined],
            ["a textual code", application("MISSING_CAPTCHA_TOKEN"),
             "invalidEmail", undefined],
            ["an address that is none", violation({type: "EMAIL"}),
             unreadable, "invalidEmail"],
            ["a violation without data", violation(undefined),
             unreadable, unreadable],
            ["429 and {}", {type: "body", status: 429, body: "{}",
                            contentType: "application/json"},
             "invalidEmail", undefined],
            ["500 and nothing", {type: "body", status: 500, body: ""},
             "invalidEmail", undefined],
            ["503", {type: "status", status: 503}, "invalidEmail",
             undefined],
            ["201 with a good body", {type: "patch", status: 201},
             "invalidEmail", undefined],
            ["no answer", {type: "close"}, unreadable, unreadable],
        ]) {
            for (const [op, want] of Object.entries({login, register})) {
                await emulator("POST", "/faults", {match: {op}, action});

                if (want instanceof RegExp) {
                    await rejects(ask[op](), want, `${op}: ${what}`);
                } else {
                    const {loginState, errorCode} = await ask[op]();
                    is([loginState, errorCode], ["FAILURE", want],
                       `${op}: ${what}`);
                }

                const faults = await emulator("GET", "/faults");
                is(faults.map(({hits}) => hits), [1],
                   `${op}: ${what} was met`);
                await emulator("DELETE", "/faults");
            }
        }

        const {data} = await auth.login({email, password});
        const oauth = auth.generateOAuthData(callback);
        const {authUrl} = await auth.getAuthUrl(oauth, {
            prompt: "none", sessionToken: data.sessionToken,
        });
        const {code, state} = auth.parseFromUrl(
            (await visit(authUrl)).headers.get("location"));

        await emulator("POST", "/faults", {
            match: {op: "token.authorization_code"},
            action: {type: "status", status: 503, body: '{"error":"busy"}',
                     contentType: "application/json"},
        });
        await rejects(auth.getMemberTokens(code, state, oauth),
                      /^Error: Failed to fetch tokens from OAuth API: .*busy/s,
                      "an exchange that fails");
    },

    async "clients"() {
        const other = createClient({auth: OAuthStrategy({
            clientId: "99999999-7a0c-4d3f-9b1e-2f6f8d0c4e11"})}).auth;

        await rejects(other.generateVisitorTokens(), /invalid_client/,
                      "an unknown client");
        await rejects(other.login({email: address("active"), password}),
                      /^TypeError/, "cannot begin a login");
    },
};


for (const [name, run] of Object.entries(flows)) {
    flow = name;
    try {
        await run();
    } catch (error) {
        report(`stopped: ${error.stack}`, null, null, false);
    }
}

flow = "where the SDK calls";
is([...new Set(calls.map(({url}) => url.protocol + url.hostname))].sort(),
   ["https:edge.wixapis.com", "https:www.wixapis.com"], "hosts");
is(calls.every(({headers}) =>
       !/^Bearer/i.test(headers.get("authorization") ?? "")), true,
   "tokens are sent raw");

console.log(JSON.stringify({end: checks}));
