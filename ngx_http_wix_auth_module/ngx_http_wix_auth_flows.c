
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_endpoint.h"
#include "ngx_http_wix_auth_json.h"
#include "ngx_http_wix_auth_refresh.h"


#define NGX_HTTP_WIX_AUTH_CODE_MAX  4096


static ngx_int_t ngx_http_wix_auth_callback_landing(
    ngx_http_wix_auth_call_t *call);
static ngx_int_t ngx_http_wix_auth_callback_declined(
    ngx_http_wix_auth_call_t *call, ngx_int_t verdict);
static ngx_int_t ngx_http_wix_auth_callback_error(
    ngx_http_wix_auth_call_t *call, ngx_str_t *error);
static ngx_int_t ngx_http_wix_auth_callback_restart(
    ngx_http_wix_auth_call_t *call);
static ngx_int_t ngx_http_wix_auth_callback_again_url(
    ngx_http_wix_auth_call_t *call, ngx_str_t *url);
static void ngx_http_wix_auth_callback_finished(ngx_http_wix_auth_login_t *l);
static void ngx_http_wix_auth_logout_finished(ngx_http_wix_auth_login_t *l);
static ngx_int_t ngx_http_wix_auth_session_member(
    ngx_http_wix_auth_call_t *call, ngx_http_wix_auth_json_writer_t *w);
static ngx_int_t ngx_http_wix_auth_session_required(
    ngx_http_wix_auth_call_t *call, ngx_uint_t again);
static ngx_int_t ngx_http_wix_auth_session_stale(
    ngx_http_wix_auth_call_t *call);
static ngx_int_t ngx_http_wix_auth_session_verdict(
    ngx_http_wix_auth_call_t *call, ngx_uint_t status);
static void ngx_http_wix_auth_session_wake(ngx_http_wix_auth_record_t *rec);


ngx_uint_t
ngx_http_wix_auth_call_member(ngx_http_wix_auth_call_t *call)
{
    ngx_http_wix_auth_record_t  *rec;

    rec = call->login->rec;

    return rec->found && rec->session.kind == NGX_HTTP_WIX_AUTH_KIND_MEMBER;
}


ngx_int_t
ngx_http_wix_auth_get_callback(ngx_http_wix_auth_call_t *call)
{
    ngx_int_t                   rc;
    ngx_str_t                  *code, *state, *error;
    ngx_http_wix_auth_login_t  *l;

    l = call->login;

    code = ngx_http_wix_auth_form_get(call->input, "code");
    state = ngx_http_wix_auth_form_get(call->input, "state");
    error = ngx_http_wix_auth_form_get(call->input, "error");

    if (code == NULL && error == NULL && !call->post) {
        return ngx_http_wix_auth_callback_landing(call);
    }

    if (state == NULL
        || (code == NULL && error == NULL)
        || (code && (code->len == 0
                     || code->len > NGX_HTTP_WIX_AUTH_CODE_MAX)))
    {
        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INVALID_REQUEST);
    }

    rc = ngx_http_wix_auth_login_state(l, state);

    if (rc != NGX_OK) {
        return ngx_http_wix_auth_callback_declined(call, rc);
    }

    if (error) {
        return ngx_http_wix_auth_callback_error(call, error);
    }

    l->done = ngx_http_wix_auth_callback_finished;

    if (ngx_http_wix_auth_login_code(l, code) != NGX_OK) {
        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
    }

    return NGX_DONE;
}


/*
 * Neither a code nor an error: the end of a recovery mail's way, on to the
 * login, or a fragment, which only the page's own script can read.
 */

static ngx_int_t
ngx_http_wix_auth_callback_landing(ngx_http_wix_auth_call_t *call)
{
    ngx_str_t                    none, url;
    ngx_http_wix_auth_answer_t   a;

    ngx_memzero(&a, sizeof(ngx_http_wix_auth_answer_t));

    call->html = 1;

    if (call->conf->response_mode == NGX_HTTP_WIX_AUTH_RESPONSE_FRAGMENT) {
        a.status = NGX_HTTP_OK;

        return ngx_http_wix_auth_call_page(call,
                                           NGX_HTTP_WIX_AUTH_PAGE_CALLBACK,
                                           NGX_HTTP_WIX_AUTH_OK, &a);
    }

    ngx_str_null(&none);

    if (ngx_http_wix_auth_site_login_url(call->request,
                                         &call->login->site.prefix, &none,
                                         &url)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_wix_auth_call_redirect(call, &url, 0, &a);
}


/* a state that cannot be taken */

static ngx_int_t
ngx_http_wix_auth_callback_declined(ngx_http_wix_auth_call_t *call,
    ngx_int_t verdict)
{
    ngx_http_wix_auth_login_t  *l;

    l = call->login;

    switch (verdict) {

    case NGX_BUSY:
        l->reason = NGX_HTTP_WIX_AUTH_ATTEMPT_EXPIRED;
        l->restart = 1;
        return ngx_http_wix_auth_callback_restart(call);

    case NGX_DECLINED:
        if (ngx_http_wix_auth_login_again(l) == NGX_OK) {
            return ngx_http_wix_auth_callback_restart(call);
        }

        break;
    }

    return ngx_http_wix_auth_call_error(call,
                                        NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
}


/* RFC 6749, 4.1.2.1, and OpenID Connect's answer to prompt=none */

static ngx_int_t
ngx_http_wix_auth_callback_error(ngx_http_wix_auth_call_t *call,
    ngx_str_t *error)
{
    ngx_uint_t                  reason;
    ngx_http_wix_auth_login_t  *l;

    l = call->login;

    if ((l->attempt.flags & NGX_HTTP_WIX_AUTH_ATTEMPT_SILENT) && call->html)
    {
        /* nobody is logged in at Wix: now show the page */
        return ngx_http_wix_auth_call_at_wix(call, 0);
    }

    reason = ngx_http_wix_auth_login_error(error);

    ngx_log_error(NGX_LOG_INFO, call->request->connection->log, 0,
                  "wix_auth: authorization ended with an error, %V",
                  &ngx_http_wix_auth_reason(reason)->code);

    return ngx_http_wix_auth_call_error(call, reason);
}


/* on to the return URL, to the login once more, or an error */

static ngx_int_t
ngx_http_wix_auth_callback_restart(ngx_http_wix_auth_call_t *call)
{
    ngx_str_t                    url;
    ngx_http_wix_auth_login_t   *l;
    ngx_http_wix_auth_answer_t   a;

    l = call->login;

    ngx_memzero(&a, sizeof(ngx_http_wix_auth_answer_t));

    if (l->reason == NGX_HTTP_WIX_AUTH_OK) {
        return ngx_http_wix_auth_call_redirect(call, &l->return_url, 0, &a);
    }

    if (!l->restart || !call->html) {
        return ngx_http_wix_auth_call_error(call, l->reason);
    }

    if (ngx_http_wix_auth_callback_again_url(call, &url) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_log_error(NGX_LOG_INFO, call->request->connection->log, 0,
                  "wix_auth: login begins again, %V",
                  &ngx_http_wix_auth_reason(l->reason)->code);

    return ngx_http_wix_auth_call_redirect(call, &url, 0, &a);
}


/* "again" ends the circle for who keeps no cookie, and so no marker */

static ngx_int_t
ngx_http_wix_auth_callback_again_url(ngx_http_wix_auth_call_t *call,
    ngx_str_t *url)
{
    u_char                     *p;
    ngx_http_wix_auth_login_t  *l;

    l = call->login;

    if (l->return_url.len == 0) {
        ngx_str_set(&l->return_url, "/");
    }

    if (ngx_http_wix_auth_site_login_url(call->request, &l->site.prefix,
                                         &l->return_url, url)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (l->rec->binding.len) {
        return NGX_OK;
    }

    p = ngx_pnalloc(call->request->pool, url->len + sizeof("&again=1") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    url->len = ngx_sprintf(p, "%V&again=1", url) - p;
    url->data = p;

    return NGX_OK;
}


static void
ngx_http_wix_auth_callback_finished(ngx_http_wix_auth_login_t *l)
{
    ngx_http_wix_auth_call_t  *call = l->data;

    ngx_int_t  rc;

    if (l->reason == NGX_HTTP_WIX_AUTH_OK || l->restart) {
        rc = ngx_http_wix_auth_callback_restart(call);

    } else {
        rc = ngx_http_wix_auth_call_error(call, l->reason);
    }

    ngx_http_wix_auth_call_finish(call, rc);
}


ngx_int_t
ngx_http_wix_auth_get_logout(ngx_http_wix_auth_call_t *call)
{
    ngx_http_wix_auth_answer_t  a;

    if (!call->html) {
        return ngx_http_wix_auth_call_error(call,
                                         NGX_HTTP_WIX_AUTH_METHOD_NOT_ALLOWED);
    }

    if (ngx_http_wix_auth_record_lookup(call->login->rec, call->conf, 0, 0)
        != NGX_OK)
    {
        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
    }

    ngx_memzero(&a, sizeof(ngx_http_wix_auth_answer_t));

    a.status = NGX_HTTP_NOT_ALLOWED;
    a.allow = ngx_http_wix_auth_handlers[call->endpoint].allow;

    return ngx_http_wix_auth_call_page(call,
                                       ngx_http_wix_auth_call_member(call)
                                       ? NGX_HTTP_WIX_AUTH_PAGE_LOGOUT
                                       : NGX_HTTP_WIX_AUTH_PAGE_SIGNED_OUT,
                                       NGX_HTTP_WIX_AUTH_OK, &a);
}


ngx_int_t
ngx_http_wix_auth_post_logout(ngx_http_wix_auth_call_t *call)
{
    ngx_int_t                    rc;
    ngx_http_wix_auth_login_t   *l;
    ngx_http_wix_auth_answer_t   a;

    l = call->login;
    l->done = ngx_http_wix_auth_logout_finished;

    rc = ngx_http_wix_auth_login_leave(l);

    if (rc == NGX_OK) {
        return NGX_DONE;
    }

    /* the local session is gone, whatever Wix would say */

    ngx_memzero(&a, sizeof(ngx_http_wix_auth_answer_t));
    a.clear_cache = 1;

    return ngx_http_wix_auth_call_redirect(call, &call->conf->logout_redirect,
                                           0, &a);
}


static void
ngx_http_wix_auth_logout_finished(ngx_http_wix_auth_login_t *l)
{
    ngx_http_wix_auth_call_t  *call = l->data;

    ngx_int_t                    rc;
    ngx_http_wix_auth_answer_t   a;

    ngx_memzero(&a, sizeof(ngx_http_wix_auth_answer_t));
    a.clear_cache = 1;

    rc = ngx_http_wix_auth_call_redirect(call,
                            l->reason == NGX_HTTP_WIX_AUTH_OK
                            ? &l->redirect_url
                            : &call->conf->logout_redirect,
                            1, &a);

    ngx_http_wix_auth_call_finish(call, rc);
}


ngx_int_t
ngx_http_wix_auth_get_session(ngx_http_wix_auth_call_t *call)
{
    ngx_str_t                        *require;
    ngx_http_wix_auth_answer_t        a;
    ngx_http_wix_auth_json_writer_t  *w;

    call->html = 0;

    require = ngx_http_wix_auth_form_get(call->input, "require");

    /* auth_request takes any 2xx for a yes, so it is never told "no" in JSON */

    if (call->request != call->request->main
        || (require && require->len == 1 && require->data[0] == '1'))
    {
        return ngx_http_wix_auth_session_required(call, 0);
    }

    if (ngx_http_wix_auth_record_lookup(call->login->rec, call->conf, 0, 0)
        != NGX_OK)
    {
        return ngx_http_wix_auth_call_error(call,
                                            NGX_HTTP_WIX_AUTH_INTERNAL_ERROR);
    }

    ngx_memzero(&a, sizeof(ngx_http_wix_auth_answer_t));

    w = ngx_http_wix_auth_json_begin(call->request->pool);
    if (w == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_wix_auth_json_object(w, NULL);

    if (ngx_http_wix_auth_session_member(call, w) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_wix_auth_json_end(w);

    if (ngx_http_wix_auth_json_finish(w, &a.body) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    a.status = NGX_HTTP_OK;
    ngx_str_set(&a.type, "application/json");

    return ngx_http_wix_auth_call_answer(call, &a);
}


/* who it is, or where to log in */

static ngx_int_t
ngx_http_wix_auth_session_member(ngx_http_wix_auth_call_t *call,
    ngx_http_wix_auth_json_writer_t *w)
{
    ngx_str_t                     none, url;
    ngx_uint_t                    member;
    ngx_http_wix_auth_login_t    *l;
    ngx_http_wix_auth_session_t  *s;

    l = call->login;
    member = ngx_http_wix_auth_call_member(call);

    ngx_http_wix_auth_json_put_bool(w, "authenticated", member);

    if (!member) {
        ngx_str_null(&none);

        if (ngx_http_wix_auth_site_login_url(call->request, &l->site.prefix,
                                             &none, &url)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_wix_auth_json_put(w, "loginUrl", &url);

        return NGX_OK;
    }

    s = &l->rec->session;

    ngx_http_wix_auth_json_object(w, "member");
    ngx_http_wix_auth_json_put(w, "id", &s->member_id);

    if (s->email.len) {
        ngx_http_wix_auth_json_put(w, "email", &s->email);
    }

    ngx_http_wix_auth_json_end(w);
    ngx_http_wix_auth_json_put_int(w, "expiresIn", s->expires - ngx_time());

    return NGX_OK;
}


/*
 * The gate's judgement for auth_request: 204, 401, or the status of an
 * outage, all without a body.  Waits for a refresh as the gate does, but is
 * no activity of the member.
 */

static ngx_int_t
ngx_http_wix_auth_session_required(ngx_http_wix_auth_call_t *call,
    ngx_uint_t again)
{
    ngx_int_t                    rc;
    ngx_uint_t                   tries;
    ngx_http_wix_auth_conf_t    *conf;
    ngx_http_wix_auth_record_t  *rec;

    rec = call->login->rec;
    conf = call->conf;

    for (tries = 0; tries < 3; tries++) {

        if (ngx_http_wix_auth_record_lookup(rec, conf, 0, again) != NGX_OK) {
            break;
        }

        if (!ngx_http_wix_auth_call_member(call)) {
            return ngx_http_wix_auth_session_verdict(call,
                                                     NGX_HTTP_UNAUTHORIZED);
        }

        if (ngx_time() < rec->session.token_expires) {
            ngx_http_wix_auth_refresh_due(rec, conf);

            return ngx_http_wix_auth_session_verdict(call,
                                                     NGX_HTTP_NO_CONTENT);
        }

        if (rec->timedout || rec->session.failures) {
            return ngx_http_wix_auth_session_stale(call);
        }

        if (rec->leave) {

            /* the main request's record waits for one subrequest at a time */

            return ngx_http_wix_auth_session_verdict(call,
                                                NGX_HTTP_SERVICE_UNAVAILABLE);
        }

        rec->data = call;

        rc = ngx_http_wix_auth_refresh_wait(rec, conf,
                                            ngx_http_wix_auth_session_wake);

        if (rc == NGX_AGAIN) {
            return NGX_DONE;
        }

        if (rc == NGX_ABORT) {
            return ngx_http_wix_auth_session_stale(call);
        }

        if (rc != NGX_OK) {
            break;
        }

        /* the record has just changed: look again */
        again = 1;
    }

    return ngx_http_wix_auth_session_verdict(call,
                                             NGX_HTTP_INTERNAL_SERVER_ERROR);
}


static ngx_int_t
ngx_http_wix_auth_session_stale(ngx_http_wix_auth_call_t *call)
{
    ngx_uint_t                   cause;
    ngx_http_wix_auth_record_t  *rec;

    rec = call->login->rec;

    if (rec->timedout) {
        cause = NGX_HTTP_WIX_AUTH_CAUSE_TIMEOUT;

    } else {
        cause = rec->session.cause;
        ngx_http_wix_auth_refresh_due(rec, call->conf);
    }

    if (ngx_http_wix_auth_refresh_stale(rec, call->conf, cause)) {
        return ngx_http_wix_auth_session_verdict(call, NGX_HTTP_NO_CONTENT);
    }

    return ngx_http_wix_auth_session_verdict(call,
                                    cause == NGX_HTTP_WIX_AUTH_CAUSE_TIMEOUT
                                    ? NGX_HTTP_GATEWAY_TIME_OUT
                                    : NGX_HTTP_SERVICE_UNAVAILABLE);
}


static ngx_int_t
ngx_http_wix_auth_session_verdict(ngx_http_wix_auth_call_t *call,
    ngx_uint_t status)
{
    ngx_http_wix_auth_answer_t  a;

    ngx_memzero(&a, sizeof(ngx_http_wix_auth_answer_t));

    a.status = status;

    if (status == NGX_HTTP_UNAUTHORIZED) {
        ngx_str_set(&a.challenge, "Bearer realm=\"wix\"");

    } else if (status >= NGX_HTTP_SERVICE_UNAVAILABLE) {
        a.retry_after = ngx_http_wix_auth_refresh_retry(call->login->rec);
    }

    return ngx_http_wix_auth_call_answer(call, &a);
}


static void
ngx_http_wix_auth_session_wake(ngx_http_wix_auth_record_t *rec)
{
    ngx_http_wix_auth_call_t  *call = rec->data;

    ngx_int_t  rc;

    rc = ngx_http_wix_auth_session_required(call, 1);

    if (rc != NGX_DONE) {
        ngx_http_wix_auth_call_finish(call, rc);
    }
}
