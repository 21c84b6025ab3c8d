
/*
 * Copyright (C) 2026 the ngx_http_wix_auth_module authors
 */


#include "ngx_http_wix_auth_reason.h"


/* in the order of ngx_http_wix_auth_reason_e */

static ngx_http_wix_auth_reason_t  ngx_http_wix_auth_reasons[] = {

    { ngx_string(""), 200, ngx_string("") },

    { ngx_string("no_session"), 401,
      ngx_string("Please log in to continue.") },
    { ngx_string("unknown_session"), 401,
      ngx_string("Your session is no longer known here. Please log in.") },
    { ngx_string("session_expired"), 401,
      ngx_string("Your session has expired. Please log in again.") },
    { ngx_string("session_idle"), 401,
      ngx_string("Your session ended after a time without activity. "
                 "Please log in again.") },
    { ngx_string("session_revoked"), 401,
      ngx_string("Your session was ended by the site. "
                 "Please log in again.") },
    { ngx_string("session_ended"), 401,
      ngx_string("You have been logged out. Please log in again.") },
    { ngx_string("member_blocked"), 403,
      ngx_string("This account may not be used here.") },
    { ngx_string("other_client"), 401,
      ngx_string("This session belongs to another site. Please log in.") },
    { ngx_string("requirement_failed"), 403,
      ngx_string("Your account may not see this page.") },
    { ngx_string("invalid_token"), 401,
      ngx_string("The access token is not valid.") },
    { ngx_string("refresh_failed"), 401,
      ngx_string("Your session could not be renewed. "
                 "Please log in again.") },
    { ngx_string("visitor_budget"), 200, ngx_string("") },
    { ngx_string("zone_full"), 503,
      ngx_string("There is no room for another session just now. "
                 "Please try again in a moment.") },
    { ngx_string("upstream_unavailable"), 503,
      ngx_string("The login service cannot be reached just now. "
                 "Please try again in a moment.") },
    { ngx_string("upstream_timeout"), 504,
      ngx_string("The login service did not answer in time. "
                 "Please try again in a moment.") },
    { ngx_string("internal_error"), 500,
      ngx_string("Something went wrong here. Please try again.") },

    { ngx_string("login_required"), 401,
      ngx_string("Please log in to continue.") },
    { ngx_string("invalid_request"), 400,
      ngx_string("The request is not complete or not well formed.") },
    { ngx_string("invalid_credentials"), 401,
      ngx_string("The e-mail address or the password is wrong.") },
    { ngx_string("email_exists"), 409,
      ngx_string("There is an account with this e-mail address already. "
                 "Please log in.") },
    { ngx_string("captcha_required"), 403,
      ngx_string("Please confirm that you are not a robot.") },
    { ngx_string("captcha_invalid"), 403,
      ngx_string("The robot check did not succeed. Please try again.") },
    { ngx_string("password_reset_required"), 403,
      ngx_string("Please choose a new password before you log in.") },
    { ngx_string("access_denied"), 403,
      ngx_string("This account may not log in here.") },
    { ngx_string("approval_pending"), 403,
      ngx_string("Your membership is waiting for the site owner's "
                 "approval.") },
    { ngx_string("invalid_code"), 400,
      ngx_string("The code is wrong or has expired.") },
    { ngx_string("attempt_expired"), 400,
      ngx_string("This login took too long. Please start again.") },
    { ngx_string("state_mismatch"), 400,
      ngx_string("This login was not started in this browser. "
                 "Please start again.") },
    { ngx_string("cross_site"), 403,
      ngx_string("The request came from another site and was refused.") },
    { ngx_string("not_found"), 404,
      ngx_string("There is nothing at this address.") },
    { ngx_string("method_not_allowed"), 405,
      ngx_string("This address does not take that method.") },
    { ngx_string("body_too_large"), 413,
      ngx_string("The request is too large.") },
    { ngx_string("unsupported_media_type"), 415,
      ngx_string("Send a form or JSON.") },
    { ngx_string("too_many_attempts"), 429,
      ngx_string("Too many attempts. Please wait a little.") },
    { ngx_string("upstream_throttled"), 429,
      ngx_string("The login service is busy. Please wait a little.") },
    { ngx_string("insecure_transport"), 500,
      ngx_string("This site must be opened over https to log in.") },
    { ngx_string("unsupported_state"), 501,
      ngx_string("This account needs a step that only the Wix login page "
                 "offers.") },
    { ngx_string("upstream_error"), 502,
      ngx_string("The login service gave an unexpected answer. "
                 "Please try again.") },
    { ngx_string("client_rejected"), 502,
      ngx_string("The login service does not accept this site's "
                 "settings.") },

    { ngx_string("invalid_grant"), 400,
      ngx_string("This login is no longer valid. Please start again.") }
};


ngx_http_wix_auth_reason_t *
ngx_http_wix_auth_reason(ngx_uint_t reason)
{
    if (reason >= NGX_HTTP_WIX_AUTH_REASON_MAX) {
        reason = NGX_HTTP_WIX_AUTH_INTERNAL_ERROR;
    }

    return &ngx_http_wix_auth_reasons[reason];
}
