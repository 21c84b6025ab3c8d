#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Whatever the API answers, or does not, to whichever call: a member gets a
# clear reason, the next attempt works, and nothing of the answer gets
# through.  One worker serves the whole file and must live to its end.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;

use constant PATIENCE => 300;    # with what never answers, in milliseconds

my %ann = (email => 'ann@example.com', password => 'secret-1');

my $emu = start_emulator(
    member       => ["$ann{email}:$ann{password}"],
    redirect_uri => [map { 'http://localhost:' . port($_) . '/_wix/callback' }
                     qw(PORT WIX_PORT SHORT_PORT)],
);
my $nginx = start_nginx(conf => <<"END");
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_api_timeout @{[slow(10)]}s;
wix_auth_logout_redirect /bye;
server {
    listen 127.0.0.1:%%PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { }
}
server {
    listen 127.0.0.1:%%SHORT_PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth_api_timeout @{[slow(PATIENCE)]}ms;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { }
}
server {
    listen 127.0.0.1:%%WIX_PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;
    wix_auth_login wix;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { }
}
END
spew("$nginx->{dir}/html/page.txt", "page\n");

my ($worker) = $nginx->worker_pids;
our $port = 'PORT';     # the server that is asked

# the calls of a login, and the step that makes each of them
my %step = (
    'token.anonymous'          => \&step_visitor,
    'login'                    => \&step_login,
    'register'                 => \&step_register,
    'verify'                   => \&step_verify,
    'redirect-session.auth'    => \&step_login,
    'token.authorization_code' => \&step_callback,
);
my @calls = ('token.anonymous', 'login', 'register', 'verify',
             'redirect-session.auth', 'token.authorization_code');

my %unavailable = (status => 503, reason => 'upstream_unavailable');
my %error = (status => 502, reason => 'upstream_error');
my %timeout = (status => 504, reason => 'upstream_timeout');


# Answers that are no answer to anything

for my $call (@calls) {
    subtest "$call: transport" => sub {
        refused($call, 'reset', {type => 'reset'}, %unavailable);
        refused($call, 'closed', {type => 'close'}, %unavailable);
        refused($call, 'truncated', {type => 'truncate'}, %unavailable);
        refused($call, 'truncated, then reset',
                {type => 'truncate', reset => 1}, %unavailable);
        refused($call, 'ten megabytes', {type => 'oversize'}, %error);
        refused($call, 'ten megabytes in chunks',
                {type => 'oversize', chunked => 1}, %error);
        refused($call, 'an endless header', {type => 'body', body => '{}',
                headers => {'X-Pad' => 'x' x 60_000}}, %error);

        local $port = 'SHORT_PORT';
        refused($call, 'no answer', {type => 'hang'}, %timeout);
        refused($call, 'a slow drip', {type => 'drip', head => 1,
                interval => slow(0.05)}, %timeout);
    };

    subtest "$call: statuses" => sub {
        refused($call, '500', {type => 'status', status => 500}, %error);
        refused($call, '502', {type => 'status', status => 502},
                %unavailable);
        refused($call, '503, Retry-After: 7', {type => 'status',
                status => 503, headers => {'Retry-After' => 7}},
                %unavailable, retry_after => 7);
        refused($call, '503 with a page', {type => 'status', status => 503,
                contentType => 'text/html', body => '<h1>Sorry</h1>'},
                %unavailable);
        refused($call, '504', {type => 'status', status => 504},
                %unavailable);
        refused($call, '429, Retry-After: 9', {type => 'status',
                status => 429, headers => {'Retry-After' => 9}},
                status => 429, reason => 'upstream_throttled',
                retry_after => 9);
        refused($call, '429 with nothing', {type => 'status', status => 429,
                body => ''}, status => 429, reason => 'upstream_throttled');
        refused($call, '302', {type => 'status', status => 302, headers =>
                {Location => 'https://evil.example/'}}, %error);
        refused($call, '418', {type => 'status', status => 418, body => ''},
                %error);
    };

    subtest "$call: bodies" => sub {
        refused($call, 'a page', body('<html><body>Hello</body></html>',
                                      contentType => 'text/html'), %error);
        refused($call, 'nothing', body(''), %error);
        refused($call, 'an empty object', body('{}'), %error);
        refused($call, 'an array', body('[]'), %error);
        refused($call, 'a string', body('"SUCCESS"'), %error);
        refused($call, 'null', body('null'), %error);
        refused($call, 'two objects', body('{} {}'), %error);
        refused($call, 'half an object', body('{"state":"SUCC'), %error);
        refused($call, 'no UTF-8', body("{\"a\":\"\xff\xfe\"}"), %error);
        refused($call, 'depth 1000', {type => 'deep'}, %error);
        refused($call, 'depth 1000 of objects',
                body('{"a":' x 1000 . '1' . '}' x 1000), %error);
        refused($call, 'thousands of fields', body('{' . join(',',
                map { "\"k$_\":$_" } 1 .. 5000) . '}'), %error);
    };
}


subtest 'tokens' => sub {
    for my $call ('token.anonymous', 'token.authorization_code') {
        my $patch = sub {
            my ($what, $set, %want) = @_;
            refused($call, "$what", {type => 'patch', %$set}, %want);
        };

        $patch->('no access_token', {remove => ['access_token']}, %error);

        for my $case (['null', undef], ['a number', 12345], ['true', \1],
                      ['an object', {a => 1}], ['empty', ''],
                      ['with a space', 'OauthNG.JWS.a b'],
                      ['with a line end', "OauthNG.JWS.a\r\nX-Evil: 1"],
                      ['with a control character', "OauthNG.JWS.a\x01b"],
                      ['with a NUL', "OauthNG.JWS.a\x00b"],
                      ['not ASCII', "OauthNG.JWS.\x{e9}"],
                      ['of 20,000 characters', 'OauthNG.JWS.' . 'x' x 20_000])
        {
            my ($what, $value) = @$case;
            $patch->("access_token is $what",
                     {set => {access_token => $value}}, %error);
        }

        for my $case (['a number', 1], ['with a space', 'JWS.a b'],
                      ['with a line end', "JWS.a\nb"],
                      ['an array', ['JWS.a']])
        {
            my ($what, $value) = @$case;
            $patch->("refresh_token is $what",
                     {set => {refresh_token => $value}}, %error);
        }

        $patch->('no expires_in', {remove => ['expires_in']}, %error);

        for my $value (-1, 0, '', '-3600', 'soon', '3600s', ' 3600', undef,
                       \1, [3600], '1e300', '99999999999999999999')
        {
            my $shown = !defined $value ? 'null'
                : ref $value eq 'SCALAR' ? 'true'
                : ref $value ? 'an array' : "\"$value\"";
            $patch->("expires_in is $shown",
                     {set => {expires_in => $value}}, %error);
        }
        # JSON::PP would write the number in another way
        refused($call, 'expires_in is the number 1e300', body(
            '{"access_token":"OauthNG.JWS.a","token_type":"Bearer",'
            . '"expires_in":1e300,"refresh_token":"JWS.b"}'), %error);
    }
};


subtest 'tokens that are a little unusual' => sub {
    for my $call ('token.anonymous', 'token.authorization_code') {
        for my $case (['"3600"', {set => {expires_in => '3600'}}],
                      ['unknown fields', {set => {scope => 'x', more => {}}}],
                      ['no token_type', {remove => ['token_type']}],
                      ['no refresh_token', {remove => ['refresh_token']}],
                      ['refresh_token null', {set => {refresh_token => undef}}],
                      ['201', {status => 201}], ['chunks', {chunked => 1}])
        {
            my ($what, $set) = @$case;
            accepted($call, $what, {type => 'patch', %$set});
        }
    }

    # the emulator closes after it, which another call would run into
    accepted('token.authorization_code', 'a quick drip',
             {type => 'drip', bytes => 400, interval => 0.005});
};


# A visitor's token must not make a member of anybody.

subtest 'a token that is no member\'s' => sub {
    my $visitor = $emu->control(POST => '/mint', {});

    refused('token.authorization_code', 'a visitor\'s token',
            {type => 'patch', set => {
                access_token => $visitor->{access_token}}}, %error);
    refused('token.authorization_code', 'a token of another make',
            {type => 'patch', set => {access_token => 'opaque'}}, %error);
    refused('token.authorization_code', 'a member id with markup',
            {type => 'patch', set => {
                access_token => member_token('<b>"\' ; x')}}, %error);
    refused('token.authorization_code', 'a member id that is too long',
            {type => 'patch', set => {
                access_token => member_token('a' x 1000)}}, %error);
    refused('token.authorization_code', 'an empty member id',
            {type => 'patch', set => {access_token => member_token('')}},
            %error);
};


subtest 'answers of the login' => sub {
    for my $case (
        ['no state', {remove => ['state']}],
        ['state is a number', {set => {state => 1}}],
        ['state is null', {set => {state => undef}}],
        ['state with a line end', {set => {state => "SUCCESS\n"}}],
        ['no sessionToken', {remove => ['sessionToken']}],
        ['sessionToken is a number', {set => {sessionToken => 5}}],
        ['sessionToken is empty', {set => {sessionToken => ''}}],
        ['sessionToken with a space', {set => {sessionToken => 'MST.a b'}}],
        ['sessionToken with a control character',
         {set => {sessionToken => "MST.a\x{7}b"}}],
        ['sessionToken with a line end',
         {set => {sessionToken => "MST.a\r\nX: y"}}],
        ['sessionToken of 20,000 characters',
         {set => {sessionToken => 'MST.' . 'x' x 20_000}}],
    ) {
        my ($what, $set) = @$case;
        refused('login', $what, {type => 'patch', %$set}, %error);
    }

    refused($_, 'a state that nobody knows',
            {type => 'patch', set => {state => 'REQUIRE_PIGEON'}},
            status => 501, reason => 'unsupported_state')
        for 'login', 'register', 'verify';
    refused('login', 'lower case',
            {type => 'patch', set => {state => 'success'}},
            status => 501, reason => 'unsupported_state');
    accepted('login', 'more than the login needs',
             {type => 'patch', set => {additionalData => {a => [1, {}]}}});
};


# Where a member is sent to carries a session token.

my @hostile = (
    ['missing', undef, 'remove'],
    ['null', undef],
    ['empty', ''],
    ['a number', 7],
    ['an object', {href => 'https://wix.example/'}],
    ['http off loopback', 'http://wix.example/_api/oauth2/authorize'],
    ['http to a public address', 'http://192.0.2.7/'],
    ['http to what begins like loopback', 'http://127.0.0.1.wix.example/'],
    ['http to what begins like localhost', 'http://localhost.wix.example/'],
    ['http with a user like loopback', 'http://127.0.0.1@wix.example/'],
    ['https with a user', 'https://user:pass@wix.example/'],
    ['javascript', 'javascript:alert(document.cookie)'],
    ['javascript after https', "https:javascript:alert(1)"],
    ['data', 'data:text/html,<script>alert(1)</script>'],
    ['file', 'file:///etc/passwd'],
    ['ftp', 'ftp://wix.example/'],
    ['another scheme', 'httpsx://wix.example/'],
    ['a path', '/elsewhere'],
    ['no scheme', '//wix.example/'],
    ['backslashes', 'https:\\\\wix.example\\'],
    ['a backslash in the host', 'https://wix.example\\@evil.example/'],
    ['no host', 'https:///path'],
    ['only a scheme', 'https://'],
    ['CR LF', "https://wix.example/\r\nSet-Cookie: a=b"],
    ['LF in the host', "https://wix\n.example/"],
    ['a line end at the end', "https://wix.example/\n"],
    ['a NUL', "https://wix.example/\x00.evil.example"],
    ['a tab', "https://wix.example/\tx"],
    ['DEL', "https://wix.example/\x7f"],
    ['a space', 'https://wix.example/a b'],
    ['a space in front', ' https://wix.example/'],
    ['not ASCII', "https://wix.ex\x{e4}mple/"],
    ['port 0', 'https://wix.example:0/'],
    ['port 65536', 'https://wix.example:65536/'],
    ['too long by one', long_url(2049)],
    ['much too long', long_url(30_000)],
);

subtest 'where the login must not lead' => sub {
    for my $case (@hostile) {
        my ($what, $url, $remove) = @$case;
        my $patch = patch_url($url, $remove);

        refused('redirect-session.auth', $what, $patch, %error);

        # nor by a redirect of our own
        my $id = $emu->fault('redirect-session.auth', $patch, count => -1);
        my $res = browser(base => 'http://localhost:' . port('WIX_PORT'))
            ->get('/_wix/login');
        $emu->clear_faults($id);

        is($res->status, 502, "$what: Wix's own page: status");
        is_deeply([$res->headers('Location')], [],
                  "$what: Wix's own page: no redirect");
    }
};


subtest 'where the login may lead' => sub {
    for my $url ('https://wix.example/_api/oauth2/authorize?a=b%20c',
                 'HTTPS://WIX.example/x', 'https://wix.example:8443',
                 'https://192.0.2.7/x', 'https://[2001:db8::1]/x',
                 'http://127.0.0.1:8080/x', 'http://localhost/x',
                 'http://[::1]/x', long_url(2048))
    {
        $emu->fault('redirect-session.auth', patch_url($url));
        my ($res) = step_login();

        is($res->status, 200, 'status');
        is(($res->json // {})->{redirectUrl}, $url, substr $url, 0, 60);

        $emu->fault('redirect-session.auth', patch_url($url));
        ($res) = step_form();
        is($res->status, 303, 'a form: status');
        is($res->location, $url, 'a form: Location');
    }
};


# Whatever Wix says: the session here is gone, and the browser ends where the
# site wants it.

subtest 'logout' => sub {
    my @faults = (
        ['reset', {type => 'reset'}],
        ['closed', {type => 'close'}],
        ['truncated', {type => 'truncate'}],
        ['ten megabytes', {type => 'oversize'}],
        ['depth 1000', {type => 'deep'}],
        (map { [$_, {type => 'status', status => $_}] }
             400, 401, 403, 404, 429, 500, 502, 503),
        ['a page', body('<html></html>', contentType => 'text/html')],
        ['nothing', body('')],
        ['an array', body('[]')],
        map { ["fullUrl: $_->[0]", patch_url(@$_[1, 2])] } @hostile,
    );

    for my $fault (@faults) {
        my ($what, $action) = @$fault;
        my $b = logged_in() or next;

        my $id = $emu->fault('redirect-session.logout', $action, count => -1);
        my $res = $b->post('/_wix/logout', form => {});
        $emu->clear_faults($id);

        is($res->status, 303, "$what: status");
        is($res->location, '/bye', "$what: to the site's own page");
        unlike($res->{head}, qr/evil|Set-Cookie: a=b/i,
               "$what: nothing of the answer in the head");
        ok(!session_cookie($b), "$what: the cookie is gone");
    }

    my $b = logged_in();
    my $id = $emu->fault('redirect-session.logout', {type => 'reset'},
                         count => -1);
    my $res = $b->post('/_wix/logout', json => {});
    $emu->clear_faults($id);

    is($res->status, 200, 'JSON: status');
    is_deeply($res->json, {redirectUrl => '/bye'}, 'JSON: the site\'s page');

    local $port = 'SHORT_PORT';
    $b = logged_in();
    my $cookie = session_cookie($b);
    $emu->fault('redirect-session.logout', {type => 'hang'});
    $b->post('/_wix/logout', form => {});

    my $thief = client();
    $thief->set_cookie(host => 'localhost', name => $cookie->{name},
                       value => $cookie->{value});
    is($thief->get('/page.txt')->status, 302,
       'the old cookie is worth nothing, although Wix never answered');
};


subtest 'what may be sent twice, and what may not' => sub {
    # one lost answer, of a call that changes nothing
    for my $call ('redirect-session.auth', 'token.anonymous') {
        accepted($call, 'one reset', {type => 'reset'});
    }

    for my $call ('login', 'register', 'verify', 'token.authorization_code') {
        for my $type ('reset', 'close') {
            my ($last) = map { $_->{seq} } reverse $emu->log_entries;

            # the server has acted, its answer is lost
            my $id = $emu->fault($call, {type => $type}, when => 'after',
                                 count => -1);
            $step{$call}->();
            $emu->clear_faults($id);

            is($emu->count($call, after => $last), 1, "$call, $type: once")
                or diag(join "\n", map { "$_->{op} $_->{connection}" }
                            $emu->log_entries('*', after => $last));
        }
    }
};


subtest 'a form shows the login page again' => sub {
    local $port = 'SHORT_PORT';

    for my $case ([{type => 'reset'}, 503, 'upstream_unavailable'],
                  [{type => 'hang'}, 504, 'upstream_timeout'],
                  [body('<html></html>'), 502, 'upstream_error'],
                  [{type => 'status', status => 429}, 429,
                   'upstream_throttled'])
    {
        my ($action, $status, $reason) = @$case;

        $emu->fault('login', $action);
        my ($res) = step_form(return => '/page.txt?a=1&b=2');

        is($res->status, $status, "$reason: status");
        like($res->body, qr/data-error="$reason">[A-Z][^<]+\.</,
             "$reason: a sentence");

        my ($form) = $res->forms;
        is($form->{fields}{email}, $ann{email}, "$reason: e-mail is kept");
        is($form->{fields}{password}, '', "$reason: the password is not");
        is($form->{fields}{return}, '/page.txt?a=1&b=2',
           "$reason: return is kept");
    }
};


subtest 'what a person sees at the callback' => sub {
    my $b = browser();
    $emu->fault('token.authorization_code', {type => 'reset'});
    my $res = login($b, %ann, return => '/page.txt');

    is($res->status, 503, 'status');
    like($res->header('Content-Type'), qr{^text/html}, 'a page');
    like($res->body, qr/upstream_unavailable/, 'with the reason');
    unlike($res->body . $res->{head}, qr/[?&](?:code|state)=/,
           'without code and state');
    is($res->header('Referrer-Policy'), 'no-referrer',
       'and the address goes nowhere');

    # Wix has never seen the code, which is still good
    is($b->get($res->{url}, follow => 1)->body, "page\n",
       'F5 completes the login');

    # and here it has, but its answer was lost
    $b = browser();
    $emu->fault('token.authorization_code', {type => 'reset'},
                when => 'after');
    $res = login($b, %ann, return => '/page.txt');
    is($res->status, 503, 'a lost answer: status');

    $res = $b->get($res->{url}, follow => 1);
    is($res->status, 200, 'F5 leads to a page') or diag($res->body);
    my ($form) = $res->forms;
    ok($form && exists $form->{fields}{password}, 'with the login form');
    is($form->{fields}{return}, '/page.txt', 'that still knows the way');
    is(login($b, %ann, return => '/page.txt')->body, "page\n",
       'and a new login succeeds');
};


# What the codes mean to those who register or verify: in both spellings, each
# with a status that may be its own and with one that is not.

my %status_of = (
    invalid_request => 400, invalid_code => 400, attempt_expired => 400,
    invalid_credentials => 401, email_exists => 409, captcha_required => 403,
    captcha_invalid => 403, password_reset_required => 403,
    access_denied => 403, upstream_throttled => 429, upstream_error => 502,
    upstream_unavailable => 503, client_rejected => 502,
    unsupported_state => 501, internal_error => 500,
);

my %codes = (
    captcha_required   => [qw(-19971 MISSING_CAPTCHA_TOKEN
                              CAPTCHA_TOKEN_REQUIRED RECAPTCHA_REQUIRED)],
    captcha_invalid    => [qw(-19970 INVALID_CAPTCHA_TOKEN
                              RECAPTCHA_FAILED)],
    access_denied      => [qw(-19956 -19980 IP_ADDRESS_FILTERED
                              USER_EMAIL_OFAC_ADDRESS PERMISSION_DENIED
                              REENROLLMENT_REQUIRED_BY_ADMIN
                              TRUSTED_CLIENTS_ONLY
                              WIX_EMPLOYEE_PASSWORD_LOGIN_NOT_ALLOWED)],
    password_reset_required => ['-19973'],
    client_rejected    => ['-19974'],
    upstream_error     => [qw(-17005 UNIMPLEMENTED_FEATURE UNSUPPORTED_FIELD
                              ATTRIBUTE_NOT_FOUND CLIENT_METADATA_NOT_FOUND
                              INVALID_USER_TYPE
                              COULD_NOT_CREATE_SET_ACCOUNT_USER
                              REGISTRATION_TO_EDITORX_NOT_ALLOWED)],
);

my %codes_of = (
    register => {
        %codes,
        email_exists    => [qw(-19995 DUPLICATE_EMAIL)],
        invalid_request => [qw(-19988 -18880)],
        invalid_code    => [qw(VERIFICATION_FAILED)],
        attempt_expired => [qw(-19972 EXPIRED_JWT_TOKEN)],
        upstream_error  => [@{$codes{upstream_error}},
                            qw(-19999 -19984 INVALID_LD_SESSION)],
        unsupported_state => ['EMAIL_VERIFICATION_REQUIRED'],
    },
    verify => {
        %codes,
        invalid_code => [qw(VERIFICATION_FAILED EMAIL_VERIFICATION_FAILED
                            EMAIL_VERIFICATION_REQUIRED EXPIRED_JWT_TOKEN
                            RECOVERY_TOKEN_DATA_NOT_FOUND INVALID_LD_SESSION
                            -19972 -19984 -19999)],
    },
);

my %statuses_of = (
    register => {
        400 => 'invalid_request', 402 => 'client_rejected',
        403 => 'access_denied', 404 => 'upstream_error',
        409 => 'email_exists', 428 => 'upstream_error',
        500 => 'upstream_error', 503 => 'upstream_unavailable',
    },
    verify => {
        400 => 'invalid_code', 401 => 'invalid_code', 404 => 'invalid_code',
        402 => 'client_rejected', 403 => 'access_denied',
        409 => 'upstream_error', 428 => 'upstream_error',
        500 => 'upstream_error', 503 => 'upstream_unavailable',
    },
);

my @throttled = qw(-19959 -19901 THROTTLED_FEATURE RESOURCE_EXHAUSTED);

for my $call ('register', 'verify') {
    subtest "$call: what the codes mean" => sub {
        allow_log(qr/client_rejected/);

        for my $reason (sort keys %{$codes_of{$call}}) {
            for my $code (@{$codes_of{$call}{$reason}}) {
                means($call, {status => $_, code => $code,
                              message => '(-19976)'}, $reason)
                    for $code =~ /^-/ ? (400, 409) : (403, 500);
            }
        }

        # a number where the contract has a string; an older service
        means($call, {status => 400, body => {message => 'x', details =>
            {applicationError => {code => -19971}}}}, 'captcha_required');
        means($call, {status => 400, body => {details =>
            {errorCode => '-19970'}}}, 'captcha_invalid');

        is_deeply(special($call, {status => 403, code => '-19958'})->json,
                  {state => 'REQUIRE_OWNER_APPROVAL'}, '-19958 is a state');
    };

    subtest "$call: what a status alone means" => sub {
        allow_log(qr/client_rejected/);

        for my $status (sort keys %{$statuses_of{$call}}) {
            means($call, {status => $status, body => {
                message => 'text (-19976)', details => {}}},
                $statuses_of{$call}{$status});
        }

        # not by Wix: neither the code nor the address is to blame
        means($call, {status => $_, body => {error => 'proxy'}},
              'upstream_error') for $call eq 'verify' ? (400, 404) : 404;
    };
}


subtest 'a visitor\'s token that is refused, whatever the status' => sub {
    for my $call ('login', 'register', 'verify') {
        for my $status (401, 403) {
            my ($last) = map { $_->{seq} } reverse $emu->log_entries;

            $emu->fault($call, body('{"message":"x","details":'
                . '{"applicationError":{"code":"UNAUTHENTICATED"}}}',
                status => $status));
            my ($res) = $step{$call}->();
            $emu->clear_faults;

            is($res->status, 200, "$call, $status: succeeds")
                or diag($res->body);
            is($emu->count($call, after => $last), 2, 'asked twice');
            is($emu->count('token.anonymous', after => $last), 1,
               'the second time as another visitor');
        }
    }
};


subtest 'fields' => sub {
    my %text = (
        "is taken"           => 'is taken',
        "is\r\n\x07 taken\t" => 'is    taken',
        'x' x 300            => 'x' x 200,
        "\x{e9}" x 150       => "\x{e9}" x 100,
        'a' . "\x{e9}" x 150 => 'a' . "\x{e9}" x 99,
        ''                   => 'This value is not accepted.',
        " \n"                => 'This value is not accepted.',
    );

    for my $description (sort keys %text) {
        is_deeply(fields({description => $description}),
                  {'profile.slug' => $text{$description}},
                  'a description is told');
    }

    for my $case (
        ['password', {ruleName => 'VALUE_TOO_SHORT'},
         'This password is too short.'],
        ['password', {ruleName => "\x{200b}VALUE_TOO_\x{feff}LONG\x{a0}"},
         'This password is too long.'],
        ['password', {violatedRule => 'MIN_LENGTH'},
         'This password is too short.'],
        ['profile.slug', {violatedRule => 'MAX_LENGTH'},
         'This value is too long.'],
        ['profile.slug', {ruleName => 'VALUE_TOO_LONG'},
         'This value is too long.'],
        ['loginId.email', {violatedRule => 'FORMAT',
                           data => {type => 'EMAIL'}},
         'This is not an e-mail address.'],
        ['loginId.email', {violatedRule => 'REQUIRED'},
         'This value is missing.'],
        ['profile.slug', {violatedRule => 'FORMAT', data => {type => 'X'}},
         'refused by Wix'],
    ) {
        my ($field, $rule, $text) = @$case;

        is_deeply(fields({field => $field, description => 'refused by Wix',
                          %$rule}), {$field => $text}, "$field: $text");
    }

    is_deeply(fields({field => "a\x{e9}"}, {field => 'a' x 65},
                     {field => "a\nb"}, {field => 'a' x 64}),
              {'a' x 64 => 'is not it'}, 'names that may not be shown');

    is(keys %{fields(map { {field => "f$_"} } 1 .. 40)}, 16,
       'sixteen at most');
    is_deeply(fields({field => 'a', description => 'one'},
                     {field => 'a', description => 'two'}), {a => 'one'},
              'the first of two about the same field');
    is_deeply(fields({field => 'a"b<c', description => '</script>"'}),
              {'a"b<c' => '</script>"'}, 'markup is text');
    is_deeply(fields({field => 7}), undef, 'no field');

    allow_log(qr/client_rejected/);

    for my $rule ('PROVIDE_TENANT_ID', "INVALID_\x{200b}AUTHENTICATOR_ID") {
        for my $call ('register', 'verify') {
            means($call, {status => 400, violations => [
                {field => 'password', ruleName => 'VALUE_TOO_SHORT'},
                {field => 'x', ruleName => $rule}]}, 'client_rejected');
        }
    }

    means('register', {status => 422, violations => [
        {field => 'password', ruleName => 'VALUE_TOO_SHORT'}]},
        'invalid_request');
    means('verify', {status => 400, violations => [{field => 'stateToken'}]},
          'invalid_code');
};


# The person is told nothing about it, so the log has to.

subtest 'recover' => sub {
    allow_log(qr/client_rejected/);

    my $n = 0;
    my $logged = sub {
        my ($what, $want, $special) = @_;
        my $email = 'recover' . $n++ . '@example.com';
        my $from = length $nginx->error_log;

        $emu->member(email => $email, password => 'secret-1',
                     $special ? (recovery => $special) : ());

        my $res = client()->post('/_wix/recover', json => {email => $email});
        is($res->status, 200, "$what: status");
        is_deeply($res->json, {state => 'RECOVERY_EMAIL_SENT'},
                  "$what: the answer is the same");
        ok(wait_for(sub { $emu->count('recovery', email => $email) }),
           "$what: Wix has been asked");

        return if !$want;

        ok(wait_for(sub { substr($nginx->error_log, $from)
                          =~ /wix_auth: recover: $want, / }),
           "$what: the log says $want")
            or diag(substr $nginx->error_log, $from);
        return;
    };

    $logged->('a mail', undef);
    $logged->('another address', 'invalid_credentials',
              {status => 404, code => '-19999'});
    $logged->('a status alone', 'invalid_credentials',
              {status => 404, body => {message => 'x'}});
    $logged->('denied', 'access_denied', {status => 403, code => '-19980'});
    $logged->('not our redirect URI', 'client_rejected', {status => 400,
              violations => [{field => 'redirect.url'}]});
    $logged->('no address', 'invalid_request', {status => 400,
              violations => [{field => 'email', data => {type => 'EMAIL'}}]});
    $logged->('unknown', 'upstream_error', {status => 500, code => 'X'});
    $logged->('too many mails', 'upstream_throttled',
              {status => 429, code => '-19901'});
};


# Last, because Wix is then left alone for a while.

subtest 'too many calls' => sub {
    for my $call ('register', 'verify') {
        means($call, {status => $_ & 1 ? 400 : 429, code => $throttled[$_]},
              'upstream_throttled') for 0 .. $#throttled;
    }
};


subtest 'the worker' => sub {
    is_deeply([$nginx->worker_pids], [$worker], 'is still the same');

    plan skip_all => 'memory is measured without sanitizers and valgrind only'
        if flavour() ne 'packaged' || $WixAuthTest::Nginx::VALGRIND;

    my ($peak) = slurp("/proc/$worker/status") =~ /^VmHWM:\s+(\d+) kB/m;
    my ($lib) = map { slurp("/proc/$_/status") =~ /^VmRSS:\s+(\d+) kB/m }
        $nginx->pid;
    cmp_ok($peak - $lib, '<', 9 * 1024,
           'has never held one of the large answers');
};

done_testing();


# Steps

# ->(): the answer of the step that makes the call, and the browser

sub client { return browser(base => 'http://localhost:' . port($port)) }

sub step_login {
    my $b = client();
    return ($b->post('/_wix/login', json => {%ann, return => '/page.txt'}),
            $b);
}

sub step_form {
    my (%field) = @_;

    my $b = client();
    return ($b->post('/_wix/login', form => {%ann, %field}), $b);
}

# each is somebody new
my $somebody;

sub somebody { return 'somebody' . ++$somebody . '@example.com' }

sub step_register {
    my $b = client();
    return (register($b, somebody()), $b);
}

sub register {
    my ($b, $email) = @_;

    return $b->post('/_wix/register', json => {email => $email,
        password => $ann{password}, return => '/page.txt'});
}

# with the right code, unless Wix has something else in mind
sub step_verify {
    my (%more) = @_;
    my $email = somebody();
    my $b = client();

    $emu->member(email => $email, password => $ann{password},
                 state => 'VERIFY', code => '123456', %more);

    my $res = $b->post('/_wix/login', json => {email => $email,
        password => $ann{password}});
    my $token = ($res->json // {})->{stateToken}
        // die "no stateToken: " . $res->body . "\n";

    return ($b->post('/_wix/verify', json => {code => '123456',
        stateToken => $token, return => '/page.txt'}), $b);
}

# the answer to a call for which Wix has a special one
sub special {
    my ($call, $special) = @_;

    if ($call eq 'verify') {
        my ($res) = step_verify(verify => $special);
        return $res;
    }

    my $email = somebody();

    $emu->member(email => $email, registered => JSON::PP::false(),
                 register => $special);

    return register(client(), $email);
}

sub means {
    my ($call, $special, $reason) = @_;
    my $what = join ' ', $call, grep { defined } @$special{qw(status code)};

    my $res = special($call, $special);
    my $json = $res->json // {};

    is($json->{error}, $reason, "$what: $reason") or diag($res->body);
    is($res->status, $status_of{$reason}, "$what: its status");
    unlike($res->body, qr/-19976/, "$what: the message stays here");

    return;
}

# what is told about violations
sub fields {
    my (@violations) = @_;

    my $res = special('register', {status => 400, violations => [map {
        {field => 'profile.slug', description => 'is not it', %$_}
    } @violations]});

    is(($res->json // {})->{error}, 'invalid_request', 'invalid_request');

    return ($res->json // {})->{fields};
}

# the worker keeps its visitor; a dead one makes it ask for another
sub step_visitor {
    $emu->revoke(visitors => JSON::PP::true());
    return step_login();
}

sub step_callback {
    my ($res, $b) = step_login();

    die 'login: ' . $res->status . "\n" if $res->status != 200;

    my $back = $b->get($res->json->{redirectUrl});
    my $url = $back->location // die "Wix sent nobody back\n";

    return ($b->get($url, headers => {
        Accept => 'application/json', 'Sec-Fetch-Site' => 'cross-site'}), $b);
}

sub logged_in {
    my $b = client();
    my $res = login($b, %ann, return => '/page.txt');

    return $b if $res->body eq "page\n";

    fail('a login succeeds');
    diag("$res->{url}: " . $res->status);
    return;
}

sub session_cookie { return $_[0]->cookie('__Host-wix_auth') }


# A fault of one call gives one reason, and is over with it.

sub refused {
    my ($call, $what, $action, %want) = @_;

    my $id = $emu->fault($call, $action, count => -1);
    my ($res, $b) = $step{$call}->();

    $emu->clear_faults($id);

    my $json = $res->json // {};

    is($res->status, $want{status}, "$what: status");
    is($json->{error}, $want{reason}, "$what: reason") or diag($res->body);
    like($json->{message} // '', qr/^[A-Z].*\.$/, "$what: a sentence");

    my $retry = $res->header('Retry-After');

    if ($want{retry_after}) {
        is($retry, $want{retry_after}, "$what: Retry-After is passed on");

    } elsif ($want{status} =~ /^(?:429|503|504)$/) {
        like($retry // '', qr/^[1-9]\d*$/, "$what: Retry-After");
    }

    is_deeply([$res->headers('Location')], [], "$what: no redirect");
    unlike($res->{head}, qr/evil/i, "$what: nothing of the answer");
    ok(!session_cookie($b), "$what: no session");

    ($res) = $step{$call}->();
    cmp_ok($res->status, '<', 400, "$what: the next attempt succeeds")
        or diag($res->body);

    return;
}

sub accepted {
    my ($call, $what, $action) = @_;

    $emu->fault($call, $action);
    my ($res, $b) = $step{$call}->();

    my ($fault) = @{$emu->control(GET => '/faults')};
    is($fault->{hits}, 1, "$call: $what: has happened");
    $emu->clear_faults;

    cmp_ok($res->status, '<', 400, "$call: $what: the step succeeds")
        or diag($res->body);
    ok(session_cookie($b), "$what: a session")
        if $call eq 'token.authorization_code';

    return;
}


# Actions

sub body {
    my ($text, %more) = @_;
    return {type => 'body', body => $text, %more};
}

sub patch_url {
    my ($url, $remove) = @_;

    return {type => 'patch', remove => ['redirectSession.fullUrl']}
        if $remove;
    return {type => 'patch', set => {'redirectSession.fullUrl' => $url}};
}

sub long_url {
    my ($length) = @_;
    my $url = 'https://wix.example/';
    return $url . 'x' x ($length - length $url);
}

# a token as Wix makes them, whose signature nobody but Wix could check
sub member_token {
    my ($id) = @_;

    require MIME::Base64;

    my $data = JSON::PP->new->encode({instance => {siteMemberId => $id}});
    return 'OauthNG.JWS.' . join '.', map {
        MIME::Base64::encode_base64url($_)
    } '{"alg":"HS256"}', JSON::PP->new->encode({data => $data}), 'signature';
}
