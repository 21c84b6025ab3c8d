#!/usr/bin/env perl

# The emulator itself, end to end: everything else is tested against it, so
# it has to be right, and strict, before anything else is believed.

use Mojo::Base -strict, -signatures;

use Digest::SHA  qw(sha256);
use File::Basename qw(dirname);
use File::Temp   qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use MIME::Base64 qw(decode_base64url encode_base64url);
use Mojo::IOLoop;
use Mojo::JSON   qw(decode_json encode_json false true);
use Mojo::Promise;
use Mojo::URL;
use Mojo::UserAgent;
use Test::More;
use Time::HiRes  qw(sleep time);

use constant {
    CLIENT   => '0a3f0a52-6c0e-4f0b-8a52-3f1f7c1d9e01',
    CB       => 'http://localhost:4321/_wix/callback',
    EMAIL    => 'ann@shop.example',
    PASSWORD => 'correct horse',
    DEADLINE => 15,
};

use constant {
    LOGIN    => '/_api/iam/authentication/v2/login',
    REGISTER => '/_api/iam/authentication/v2/register',
    VERIFY   => '/_api/iam/verification/v1/auth/verify',
    RECOVERY => '/_api/iam/recovery/v1/send-email',
    SESSION  => '/_api/redirects-api/v1/redirect-session',
    MY       => '/members/v1/members/my?fieldsets=FULL',
};

my $program = dirname(__FILE__) . '/emulator/wix-emulator';
my (%running, %url);
my $ua = new_agent();

END {
    my $status = $?;
    stop($_) for keys %running;
    $? = $status;
}

$SIG{INT} = $SIG{TERM} = sub { exit 1 };


# Processes

sub start (@more) {
    my $pid = open my $out, '-|', $^X, $program,
        '--client' => CLIENT, '--redirect-uri' => CB,
        '--member' => EMAIL . ':' . PASSWORD, @more;

    $running{$pid} = $out;
    my $line = IO::Select->new($out)->can_read(DEADLINE) ? <$out> : undef;

    defined $line or BAIL_OUT('the emulator did not start');
    %url = %{decode_json($line)};
    return $pid;
}

# Reports how the process ended; it gets killed when it does not end in time.
sub stop ($pid, $signal = 'TERM') {
    my $out = delete $running{$pid} or return;

    kill $signal => $pid;
    my $ended = IO::Select->new($out)->can_read(DEADLINE);
    kill KILL => $pid unless $ended;
    close $out;
    return $ended ? $? : -1;
}

sub new_agent () {
    return Mojo::UserAgent->new(max_redirects => 0, max_connections => 1000,
        inactivity_timeout => DEADLINE, connect_timeout => DEADLINE,
        max_response_size => 64 * 1024 * 1024);
}

sub eventually ($what, $check) {
    my $end = time + DEADLINE;

    until ($check->()) {
        return fail($what) if time > $end;
        sleep 0.01;
    }
    return pass($what);
}


# Requests

sub control ($method, $path, $json = undef) {
    my $tx = $ua->build_tx($method => $url{control} . $path
        => ($json ? (json => $json) : ()));
    my $res = $ua->start($tx)->res;

    BAIL_OUT("control $path: " . ($res->code // 'no answer') . ' '
        . $res->body) if ($res->code // 0) != 200;
    return $res->json;
}

sub fault (%fault) { return control(POST => '/faults', \%fault) }

sub count ($op) { return control(GET => "/count?op=$op")->{count} }

sub post ($path, $json, $token = undef) {
    my %headers = defined $token ? (Authorization => $token) : ();
    return $ua->post($url{api} . $path => \%headers => json => $json)->res;
}

sub get ($path, $token = undef) {
    my %headers = defined $token ? (Authorization => $token) : ();
    return $ua->get($url{api} . $path => \%headers)->res;
}

# SITE as a browser without cookies would see it, unless it brings some.
sub visit ($where, $cookie = undef) {
    $ua->cookie_jar->empty;
    my %headers = defined $cookie ? (Cookie => $cookie) : ();
    return $ua->get($where => \%headers)->res;
}

sub cookie_of ($res) {
    return ($res->headers->set_cookie // '') =~ /\A([^;]+)/ ? $1 : undef;
}

sub token (%fields) { return post('/oauth2/token', \%fields) }

sub anonymous () {
    return token(grantType => 'anonymous', clientId => CLIENT)->json;
}

sub visitor () { return anonymous()->{access_token} }

sub refresh ($token) {
    return token(grantType => 'refresh_token', clientId => CLIENT,
        refreshToken => $token);
}

sub credentials ($email, $password = PASSWORD, %more) {
    return {loginId => {email => $email}, password => $password, %more};
}

sub session_token ($vt, $email = EMAIL) {
    return post(LOGIN, credentials($email), $vt)->json->{sessionToken};
}

sub challenge ($verifier) { return encode_base64url(sha256($verifier)) }

my $verifier = 'v' x 43;

sub auth_request (%changes) {
    return {
        clientId => CLIENT, responseType => 'code', responseMode => 'query',
        redirectUri => CB, scope => 'offline_access', state => 'st+/= x',
        codeChallenge => challenge($verifier), codeChallengeMethod => 'S256',
        %changes,
    };
}

sub redirect_session ($vt, $request, $prompt = 'none') {
    delete $request->{$_} for grep { !defined $request->{$_} } keys %$request;
    return post(SESSION,
        {auth => {authRequest => $request, prompt => $prompt}}, $vt);
}

sub full_url ($res) { return $res->json->{redirectSession}{fullUrl} }

sub location ($res) { return Mojo::URL->new($res->headers->location // '') }

# A code for a fresh login.
sub new_code (%changes) {
    my $vt  = visitor();
    my $url = full_url(redirect_session($vt,
        auth_request(sessionToken => session_token($vt), %changes)));

    return location(visit($url))->query->param('code');
}

sub exchange ($code, %changes) {
    my %fields = (grantType => 'authorization_code', clientId => CLIENT,
        code => $code, codeVerifier => $verifier, redirectUri => CB, %changes);

    delete $fields{$_} for grep { !defined $fields{$_} } keys %fields;
    return token(%fields);
}

sub member_tokens () { return exchange(new_code())->json }

sub payload ($token) {
    my $part = (split /\./, $token =~ s/\AOauthNG\.JWS\.//r)[1];
    my $data = decode_json(decode_base64url($part));
    return {%$data, %{decode_json($data->{data})->{instance}}};
}

sub app_code ($res) {
    return $res->json('/details/applicationError/code');
}

sub is_error ($res, $status, $error, $what) {
    is $res->code . ' ' . ($res->json->{error} // app_code($res)
        // ($res->json('/details/validationError') ? 'validation' : '-')),
        "$status $error", $what;
    return;
}


my $pid = start();

subtest 'starts' => sub {
    like $url{$_}, qr{\Ahttp://127\.0\.0\.1:[1-9]\d*\z}, $_
        for qw(api site control);
    like `$^X $program --help`, qr/\Ausage:/, '--help';

    my $res = get('/nothing');
    is $res->code, 404, 'unknown path';
    ok $res->headers->header('x-wix-request-id'), 'request id';

    my $tx = $ua->build_tx(OPTIONS => $url{api} . LOGIN()
        => {Origin => 'http://x.example'});
    my $headers = $ua->start($tx)->res->headers;
    is $headers->access_control_allow_origin, 'http://x.example', 'preflight';
};

subtest 'visitor tokens' => sub {
    my $res = token(grantType => 'anonymous', clientId => CLIENT);
    is $res->code, 200, 'anonymous';
    is $res->json->{expires_in}, 14400, 'expires_in';
    is $res->json->{token_type}, 'Bearer', 'token_type';
    like $res->json->{access_token},
        qr/\AOauthNG\.JWS\.[\w-]+\.[\w-]+\.[\w-]+\z/, 'access token';
    like $res->json->{refresh_token}, qr/\AJWS\.[\w-]+\.[\w-]+\.[\w-]+\z/,
        'refresh token';
    cmp_ok abs(length($res->json->{access_token}) - 800), '<', 50, 'length';

    my $data = payload($res->json->{access_token});
    is $data->{exp} - $data->{iat}, 14400, 'exp - iat';
    is $data->{appDefId}, CLIENT, 'appDefId';
    ok !exists $data->{uid}, 'no member';

    my $form = $ua->post("$url{api}/oauth2/token" => form
        => {grant_type => 'anonymous', client_id => CLIENT})->res;
    is $form->code, 200, 'form, snake_case';
    isnt payload($form->json->{access_token})->{aid}, $data->{aid},
        'a new visitor each time';

    is_error token(grantType => 'anonymous', clientId => '1-2'), 401,
        'invalid_client', 'unknown client';
    is_error token(grantType => 'anonymous'), 400, 'invalid_request',
        'no client';
    is_error token(grantType => 'password', clientId => CLIENT), 400,
        'unsupported_grant_type', 'unknown grant';
    is_error post('/oauth2/token', {grantType => 'anonymous',
        clientId => CLIENT}, visitor()), 400, 'invalid_request',
        'Authorization is not sent to token';
    is_error $ua->post("$url{api}/oauth2/token" => 'grant_type=anonymous')
        ->res, 400, 'invalid_request', 'no content type';
};

subtest 'login' => sub {
    my $vt  = visitor();
    my $res = post(LOGIN, credentials(uc EMAIL), $vt);

    is $res->code, 200, 'ok';
    is $res->json->{state}, 'SUCCESS', 'state';
    like $res->json->{sessionToken}, qr/\AMST\./, 'session token';
    is $res->json->{identity}{status}{name}, 'ACTIVE', 'identity';
    is post(LOGIN =~ s{/_api}{}r, credentials(EMAIL), $vt)->code, 200,
        'alias';

    is_error post(LOGIN, credentials(EMAIL, 'wrong'), $vt), 401, '-19976',
        'wrong password';
    is_error post(LOGIN, credentials('no@shop.example'), $vt), 404, '-19999',
        'unknown email';
    is_error post(LOGIN, credentials(EMAIL)), 401, 'UNAUTHENTICATED',
        'no token';
    is_error post(LOGIN, credentials(EMAIL), "Bearer $vt"), 401,
        'UNAUTHENTICATED', 'Bearer';
    is_error post(LOGIN, credentials(EMAIL), 'x' . $vt), 401,
        'UNAUTHENTICATED', 'garbled token';
    is_error post(LOGIN, credentials(EMAIL), member_tokens()->{access_token}),
        403, 'PERMISSION_DENIED', 'member token';
    is_error post(LOGIN, {loginId => {email => EMAIL, password => 'x'}}, $vt),
        400, 'validation', 'password in the wrong place';

    my $bad = post(LOGIN, credentials('not-an-email'), $vt);
    is_error $bad, 400, 'validation', 'bad email';
    is $bad->json('/details/validationError/fieldViolations/0/data/type'),
        'EMAIL', 'marked as such';

    control(POST => '/config', {acceptBearer => 1});
    is post(LOGIN, credentials(EMAIL), "Bearer $vt")->code, 200,
        'Bearer, if allowed';
    control(POST => '/reset');

    is_error post(LOGIN, credentials(EMAIL), $vt), 401, 'UNAUTHENTICATED',
        'reset forgets tokens';
};

subtest 'fixtures' => sub {
    my $vt   = visitor();
    my %want = (
        approval => '403 -19958', blocked => '403 -19956',
        denied   => '403 -19980', deleted => '403 -19956',
        reset    => '403 -19973', captcha => '400 -19971',
        throttled => '429 -19959', 'no-password' => '401 -19976',
        'verify-error' => '403 EMAIL_VERIFICATION_REQUIRED',
        verify => 'REQUIRE_EMAIL_VERIFICATION', mfa => 'REQUIRE_MFA',
        'approval-state' => 'REQUIRE_OWNER_APPROVAL',
        'missing-fields' => 'REQUIRE_MISSING_FIELDS',
    );

    for my $name (sort keys %want) {
        my $res = post(LOGIN,
            credentials("$name\@wix.test", 'Emulator-pass-1'), $vt);
        is $res->json->{state} // $res->code . ' ' . app_code($res),
            $want{$name}, $name;
    }

    my @captcha = ('captcha@wix.test', 'Emulator-pass-1');
    is_error post(LOGIN, credentials(@captcha,
        captchaTokens => [{Recaptcha => 'bad'}]), $vt), 400, '-19970',
        'wrong captcha';
    is post(LOGIN, credentials(@captcha, captchaTokens =>
        [{Recaptcha => 'emulator-captcha-ok'}]), $vt)->code, 200,
        'right captcha';

    control(POST => '/config', {codes => 'textual',
        statuses => {-19970 => 428}});
    is_error post(LOGIN, credentials(@captcha,
        captchaTokens => [{InvisibleRecaptcha => 'bad'}]), $vt), 428,
        'INVALID_CAPTCHA_TOKEN', 'textual code, other status';
    control(POST => '/reset');
    $vt = visitor();

    control(POST => '/members', {email => 'odd@shop.example',
        password => PASSWORD, login => {status => 403, code => 'ODD'}});
    is_error post(LOGIN, credentials('odd@shop.example'), $vt), 403, 'ODD',
        'any error';

    my $agent = $ua->post("$url{control}/members" => json
        => {email => 'x@y.example', state => 'NONSENSE'})->res;
    is $agent->code, 400, 'unknown state';
    $agent = $ua->post("$url{control}/config" => json => {nonsense => 1})->res;
    is $agent->code, 400, 'unknown setting';
};

subtest 'register and verify' => sub {
    my $vt  = visitor();
    my $res = post(REGISTER, credentials('new@shop.example', PASSWORD,
        profile => {firstName => 'N', customFields =>
            [{name => 'a', value => {strValue => 'b'}}]}), $vt);

    is $res->json->{state}, 'SUCCESS', 'registered';
    is post(LOGIN, credentials('new@shop.example'), $vt)->code, 200,
        'can log in';
    is_error post(REGISTER, credentials('NEW@shop.example'), $vt), 409,
        '-19995', 'again';

    my $short = post(REGISTER, credentials('b@shop.example', 'abc'), $vt);
    is $short->json('/details/validationError/fieldViolations/0/ruleName'),
        'VALUE_TOO_SHORT', 'short password';
    is_error post(REGISTER, credentials('b@shop.example', PASSWORD,
        profile => {nonsense => 1}), $vt), 400, 'validation',
        'unknown profile field';
    is_error post(REGISTER, credentials('new-filtered@wix.test'), $vt), 403,
        'IP_ADDRESS_FILTERED', 'refused';
    is post(REGISTER, credentials('new-approval@wix.test'), $vt)
        ->json->{state}, 'REQUIRE_OWNER_APPROVAL', 'approval';

    my $email = 'new-verify@wix.test';
    $res = post(REGISTER, credentials($email), $vt);
    is $res->json->{state}, 'REQUIRE_EMAIL_VERIFICATION', 'verification';
    like $res->json->{stateToken}, qr/\AAST\..{1,996}\z/, 'state token';

    my $state = $res->json->{stateToken};
    my $code  = control(GET => "/members/$email/code")->{code};
    my $other = sprintf '%06d', ($code + 1) % 1_000_000;

    is_error post(VERIFY, {code => $other, stateToken => $state}, $vt), 400,
        'VERIFICATION_FAILED', 'wrong code';
    is_error post(VERIFY, {code => '12345', stateToken => $state}, $vt), 400,
        'validation', 'short code';
    $res = post(VERIFY, {code => $code, stateToken => $state}, $vt);
    is $res->json->{state}, 'SUCCESS', 'right code, same state token';
    like $res->json->{sessionToken}, qr/\AMST\./, 'session token';
    is_error post(VERIFY, {code => $code, stateToken => $state}, $vt), 400,
        'VERIFICATION_FAILED', 'once only';

    $res = post(LOGIN, credentials('verify-approval@wix.test',
        'Emulator-pass-1'), $vt);
    $code = control(GET => '/members/verify-approval@wix.test/code')->{code};
    is post(VERIFY, {code => $code, stateToken => $res->json->{stateToken}},
        $vt)->json->{state}, 'REQUIRE_OWNER_APPROVAL', 'then approval';
};

subtest 'recovery' => sub {
    my $vt   = visitor();
    my $body = {email => EMAIL, redirect => {url => CB, clientId => CLIENT}};
    my $res  = post(RECOVERY, $body, $vt);

    is $res->code . $res->body, '200{}', 'sent';
    is post(RECOVERY, {%$body, email => 'no@shop.example'}, $vt)->body, '{}',
        'unknown address';
    is_error post(RECOVERY, {%$body, redirect => {url => CB . '/',
        clientId => CLIENT}}, $vt), 400, 'validation', 'URL not allowed';
    is_error post(RECOVERY, {%$body, email => 'mail-limit@wix.test'}, $vt),
        429, '-19901', 'too many mails';

    my $url = control(GET => '/members/' . EMAIL . '/recovery')->{url};
    like visit($url)->body, qr/name="password"/, 'reset page';

    $res = $ua->post($url => form => {password => 'brand new pass',
        forgotPasswordToken => Mojo::URL->new($url)->query
            ->param('forgotPasswordToken')})->res;
    is $res->headers->location, CB, 'back to the application';
    is post(LOGIN, credentials(EMAIL, 'brand new pass'), $vt)->code, 200,
        'new password works';
    control(POST => '/reset');
};

subtest 'redirect session is strict' => sub {
    my $vt  = visitor();
    my $st  = session_token($vt);
    my $res = redirect_session($vt, auth_request(sessionToken => $st));

    is $res->code, 200, 'ok';
    my $session = $res->json->{redirectSession};
    is $session->{urlDetails}{endpoint}, "$url{site}/_api/oauth2/authorize",
        'endpoint';
    is $session->{urlDetails}{searchParams}{state}, 'st+/= x', 'parameters';
    cmp_ok length $session->{fullUrl}, '<=', 2048, 'length';
    like $session->{fullUrl}, qr/[?&]prompt=none(?:&|\z)/, 'prompt';

    my %bad = (
        'no redirectUri' => {redirectUri => undef},
        'no state'       => {state => undef},
        'unknown field'  => {hint => 'x'},
        'unknown client' => {clientId => '1'},
        'token response' => {responseType => 'token'},
        'plain PKCE'     => {codeChallengeMethod => 'plain'},
        'no PKCE'        => {codeChallenge => undef},
        'unknown mode'   => {responseMode => 'form_post'},
        'other scope'    => {scope => 'openid'},
        'too long'       => {state => 's' x 2000},
    );
    is_error redirect_session($vt, auth_request(sessionToken => $st,
        %{$bad{$_}})), 400, 'validation', $_ for sort keys %bad;

    is_error post(SESSION, auth_request(), $vt), 400, 'validation',
        'flattened';
    is_error post(SESSION, {auth => {authRequest => auth_request()},
        logout => {clientId => CLIENT}}, $vt), 400, 'validation',
        'two intents';
    is_error post(SESSION, {auth => auth_request()}, $vt), 400, 'validation',
        'no authRequest';
    is_error redirect_session(undef, auth_request(sessionToken => $st)), 401,
        'UNAUTHENTICATED', 'no token';
    is_error redirect_session($vt, auth_request(sessionToken => 'MST.x.y.z')),
        400, '-19984', 'unknown session token';

    control(POST => '/clock', {advance => 301});
    is_error redirect_session($vt, auth_request(sessionToken => $st)), 400,
        '-19984', 'expired session token';
};

subtest 'authorize' => sub {
    my $vt  = visitor();
    my $url = full_url(redirect_session($vt,
        auth_request(sessionToken => session_token($vt))));
    my $res = visit($url);

    is $res->code, 302, 'redirects';
    like $res->headers->location, qr/\A\Q@{[CB]}\E\?code=/, 'to redirectUri';
    is location($res)->query->param('state'), 'st+/= x', 'state';
    is location(visit($url))->query->param('error'), 'invalid_request',
        'URL works once';

    my $cookie = cookie_of($res);
    my $silent = sub {
        full_url(redirect_session($vt, auth_request()));
    };
    ok location(visit($silent->(), $cookie))->query->param('code'),
        'prompt=none with a session';
    is location(visit($silent->()))->query->param('error'), 'login_required',
        'prompt=none without';

    # Two redirect sessions may share one session token, but not the login.
    my $st = session_token($vt);
    my ($first, $second) = map { full_url(redirect_session($vt,
        auth_request(sessionToken => $st, state => $_))) } 1, 2;
    ok location(visit($first))->query->param('code'), 'session token';
    is location(visit($second))->query->param('error'), 'login_required',
        'is consumed';

    $url = full_url(redirect_session($vt, auth_request(redirectUri =>
        CB . '/x', sessionToken => session_token($vt))));
    $res = visit($url);
    is $res->code, 400, 'redirectUri not allowed';
    like $res->body, qr/Invalid redirect URI/, 'says so';

    $url = full_url(redirect_session($vt, auth_request(
        responseMode => 'fragment', sessionToken => session_token($vt))));
    like visit($url)->headers->location, qr/\A\Q@{[CB]}\E#code=\w+&state=/,
        'fragment';

    $url = full_url(redirect_session($vt, auth_request(
        responseMode => 'web_message', redirectUri => undef,
        sessionToken => session_token($vt))));
    $res = visit($url);
    is $res->code, 200, 'web_message';
    my ($message) = $res->body =~ /message = (\{.*?\}),/;
    $message = decode_json($message);
    is $message->{state}, 'st+/= x', 'flat message';
    like $res->body, qr{"http://localhost:4321"}, 'origin';
    is exchange($message->{code}, redirectUri => undef)->code, 200,
        'code without redirectUri';
};

subtest 'Wix login page' => sub {
    my $url = full_url(redirect_session(visitor(), auth_request(), 'login'));
    my $page = visit($url);
    my $dom  = $page->dom;

    is $page->code, 200, 'a page';
    is visit($url)->code, 200, 'can be reloaded';

    my $submit = sub (%fields) {
        $ua->post($dom->at('form')->attr('action') => form => {
            authorize => $dom->at('input[name=authorize]')->attr('value'),
            %fields,
        })->res;
    };

    my $res = $submit->(email => EMAIL, password => 'wrong');
    is $res->code, 401, 'wrong password';
    $res = $submit->(email => EMAIL, password => PASSWORD);
    my $code = location($res)->query->param('code');
    ok cookie_of($res), 'cookie';
    is exchange($code)->code, 200, 'code';

    $dom = visit(full_url(redirect_session(visitor(), auth_request(),
        'login')))->dom;
    is location($submit->(do => 'deny'))->query->param('error'),
        'access_denied', 'cancelled';
};

subtest 'code exchange is strict' => sub {
    my $code = new_code();
    my $res  = exchange($code);

    is $res->code, 200, 'ok';
    cmp_ok length $res->json->{access_token}, '>', 950, 'length';
    my $data = payload($res->json->{access_token});
    like $data->{siteMemberId}, qr/\A[0-9a-f-]{36}\z/, 'member id';
    is $data->{uid}, $data->{siteMemberId}, 'uid';
    is $data->{permissions}, 'offline_access', 'permissions';

    is_error exchange($code), 400, 'invalid_grant', 'reused';

    $code = new_code();
    is_error exchange($code, codeVerifier => 'w' x 43), 400, 'invalid_grant',
        'wrong verifier';
    is_error exchange($code), 400, 'invalid_grant', 'burnt by it';

    is_error exchange(new_code(), redirectUri => CB . '/'), 400,
        'invalid_grant', 'other redirectUri';
    is_error exchange(new_code(), redirectUri => undef), 400, 'invalid_grant',
        'no redirectUri';
    is_error exchange(new_code(), clientId => '1'), 401, 'invalid_client',
        'other client';
    is_error exchange('NOTACODE'), 400, 'invalid_grant', 'unknown code';
    is_error exchange(new_code(), codeVerifier => undef), 400,
        'invalid_request', 'no verifier';

    $code = new_code();
    control(POST => '/clock', {advance => 61});
    is_error exchange($code), 400, 'invalid_grant', 'expired';

    ok !exists exchange(new_code(scope => undef))->json->{refresh_token},
        'no refresh token without offline_access';
};

subtest 'token-info and the current member' => sub {
    my $member = member_tokens();
    my $info   = sub ($token) {
        post('/oauth2/token-info', {token => $token})->json;
    };
    my $reply = $info->($member->{access_token});

    is $reply->{subjectType}, 'MEMBER', 'type';
    is $reply->{subjectId}, payload($member->{access_token})->{uid}, 'id';
    is $reply->{clientId}, CLIENT, 'client';
    is $info->(visitor())->{subjectType}, 'VISITOR', 'visitor';
    ok !$info->($member->{refresh_token})->{active}, 'refresh token';

    my $res = get(MY, $member->{access_token});
    is $res->json->{member}{loginEmail}, EMAIL, 'loginEmail';
    ok !exists get(MY =~ s/\?.*//r, $member->{access_token})
        ->json->{member}{loginEmail}, 'public fields only';
    is_error get(MY, visitor()), 403, 'PERMISSION_DENIED', 'visitor';

    control(POST => '/clock', {advance => 14401});
    is_error get(MY, $member->{access_token}), 401, 'UNAUTHENTICATED',
        'expired';
    ok !$info->($member->{access_token})->{active}, 'not active';

    my $minted = control(POST => '/mint', {email => EMAIL});
    is get(MY, $minted->{access_token})->json->{member}{id},
        $minted->{memberId}, 'minted';
    control(DELETE => '/members/' . EMAIL);
    is_error get(MY, $minted->{access_token}), 404, 'NOT_FOUND', 'gone';
    is_error refresh($minted->{refresh_token}), 400, 'invalid_grant',
        'and its session';
    control(POST => '/reset');
};

subtest 'rotation' => sub {
    my $tokens = member_tokens();
    my $res    = refresh($tokens->{refresh_token});

    is $res->json->{refresh_token}, $tokens->{refresh_token}, 'off: the same';
    isnt $res->json->{access_token}, $tokens->{access_token}, 'access is new';
    is payload($res->json->{access_token})->{uid},
        payload($tokens->{access_token})->{uid}, 'still the member';
    is get(MY, $tokens->{access_token})->code, 200, 'old access still valid';

    my $visitor = anonymous();
    is payload(refresh($visitor->{refresh_token})->json->{access_token})
        ->{aid}, payload($visitor->{access_token})->{aid}, 'same visitor';

    control(POST => '/config', {rotate => 'grace'});
    for my $use (qw(refresh access)) {
        my $old = member_tokens()->{refresh_token};
        my $new = refresh($old)->json;

        isnt $new->{refresh_token}, $old, "grace, $use: a new one";
        $new = refresh($old)->json;
        ok $new->{access_token}, 'the old one again';

        $use eq 'refresh' ? refresh($new->{refresh_token})
            : get(MY, $new->{access_token});
        is_error refresh($old), 400, 'invalid_grant', 'until the new is used';
    }

    control(POST => '/config', {rotate => 'strict'});
    my $old = member_tokens()->{refresh_token};
    my $new = refresh($old)->json->{refresh_token};
    is_error refresh($old), 400, 'invalid_grant', 'strict: dies at once';
    is refresh($new)->code, 200, 'the new one lives';

    control(POST => '/config', {rotate => 'off', accessTtl => 7,
        expiresInType => 'string'});
    like token(grantType => 'anonymous', clientId => CLIENT)->body,
        qr/"expires_in":"7"/, 'lifetime as a string';
    control(POST => '/reset');
};

subtest 'revocation and logout' => sub {
    my $tokens = member_tokens();

    control(POST => '/revoke', {email => EMAIL});
    is_error refresh($tokens->{refresh_token}), 400, 'invalid_grant',
        'revoked';
    is_error get(MY, $tokens->{access_token}), 401, 'UNAUTHENTICATED', 'dead';

    $tokens = member_tokens();
    my $body = {logout => {clientId => CLIENT},
        callbacks => {postFlowUrl => 'http://localhost:4321/bye'}};

    is_error post(SESSION, $body, visitor()), 403, 'PERMISSION_DENIED',
        'logout wants a member';
    is_error post(SESSION, {%$body, callbacks =>
        {postFlowUrl => 'http://evil.example/'}}, $tokens->{access_token}),
        400, 'validation', 'domain not allowed';

    my $url = full_url(post(SESSION, $body, $tokens->{access_token}));
    my $res = visit($url);
    is $res->headers->location, 'http://localhost:4321/bye', 'postFlowUrl';
    like $res->headers->set_cookie, qr/Max-Age=0/, 'cookie cleared';
    is_error refresh($tokens->{refresh_token}), 400, 'invalid_grant',
        'session over';
    is_error post(SESSION, $body, $tokens->{access_token}), 400,
        'FAILED_TO_EXTRACT_SESSION', 'second logout';
    is visit($url)->code, 400, 'URL works once';

    my $blocked = control(POST => '/mint', {email => EMAIL});
    control(POST => '/members', {email => EMAIL, state => 'BLOCKED'});
    is_error refresh($blocked->{refresh_token}), 400, 'invalid_grant',
        'a blocked member';
    control(POST => '/reset');
};

# What a fault does to one anonymous token request.
sub struck ($action, %more) {
    fault(match => {op => 'token.anonymous'}, action => $action, %more);
    return $ua->post("$url{api}/oauth2/token" => json
        => {grantType => 'anonymous', clientId => CLIENT});
}

sub is_truncated ($tx, $what) {
    cmp_ok $tx->res->headers->content_length, '>', 100, "truncate $what";
    is length $tx->res->body, 10, 'arrived';
    return;
}

subtest 'faults' => sub {
    my $res = struck({type => 'status', status => 503, body => 'busy',
        headers => {'Retry-After' => 2}})->res;
    is $res->code . $res->headers->header('Retry-After') . $res->body,
        '5032busy', 'status';

    is struck({type => 'body', body => '<html>', contentType => 'text/html'})
        ->res->body, '<html>', 'body';
    is length struck({type => 'oversize', bytes => 3_000_000})->res->body,
        3_000_000, 'oversize';
    is length struck({type => 'oversize', bytes => 200_000, chunked => true})
        ->res->json->{pad}, 199_990, 'chunked';
    like struck({type => 'deep', levels => 500})->res->body, qr/\[{500}\]{500}/,
        'deep';

    $res = struck({type => 'patch', set => {expires_in => '3600', 'a.b' => 1},
        remove => ['refresh_token'], headers => {'X-Odd' => 'y'}})->res;
    is $res->json->{expires_in}, '3600', 'patch sets';
    is $res->json('/a/b'), 1, 'deeply';
    ok !exists $res->json->{refresh_token}, 'and removes';
    is $res->headers->header('X-Odd'), 'y', 'headers too';
    ok struck({type => 'patch', chunked => true})->res->json->{access_token},
        'chunked';

    ok struck({type => $_})->error, $_ for qw(close reset);
    is_truncated(struck({type => 'truncate', bytes => 10}, when => $_), $_)
        for qw(before after);
    for my $when (qw(before after)) {
        $res = struck({type => 'truncate', framed => true, bytes => 20},
            when => $when)->res;
        is length($res->body), 20, "framed $when";
        is $res->headers->content_length, 20, 'as it says';
        is $res->json, undef, 'which is no JSON';
    }
    ok struck({type => 'drip', bytes => 200, interval => 0.001})
        ->res->json->{access_token}, 'drip';

    $res = struck({type => 'types'})->res->json;
    is_deeply [$res->{access_token}, $res->{expires_in}], [1, [14400]],
        'types';

    my $begin = time;
    ok struck({type => 'delay', seconds => 0.3})->res->json, 'delay';
    cmp_ok time - $begin, '>=', 0.29, 'took its time';

    is control(GET => '/faults')->[0]{left}, 0, 'used up';
    ok visitor(), 'then nothing';

    fault(match => {op => '*'}, count => -1, action => {type => 'close'});
    ok $ua->get("$url{api}/$_")->error, "everywhere: $_" for 1, 2;
    ok $ua->get("$url{site}/")->error, 'SITE as well';
    control(DELETE => '/faults');

    fault(match => {op => 'login', email => EMAIL}, skip => 1,
        action => {type => 'status', status => 500});
    my $vt = visitor();
    is post(LOGIN, credentials('no@shop.example'), $vt)->code, 404,
        'somebody else';
    is post(LOGIN, credentials(EMAIL), $vt)->code, 200, 'skipped';
    is post(LOGIN, credentials(EMAIL), $vt)->code, 500, 'by address';

    is $ua->post("$url{control}/faults" => json
        => {action => {type => 'nonsense'}})->res->code, 400, 'unknown type';
};

subtest 'a reset is a reset' => sub {
    fault(match => {op => 'unknown'}, action => {type => 'reset'});
    my ($port) = $url{api} =~ /(\d+)\z/;
    my $socket = IO::Socket::INET->new("127.0.0.1:$port") or die $!;

    print $socket "GET /x HTTP/1.1\r\nHost: x\r\n\r\n";
    ok !defined sysread($socket, my $buffer, 100), 'no orderly end';
    ok $!{ECONNRESET}, 'RST';
};

subtest 'nobody listens' => sub {
    my ($port) = $url{api} =~ /(\d+)\z/;
    my $idle = IO::Socket::INET->new("127.0.0.1:$port") or die $!;

    my $tx = struck({type => 'refuse'});
    ok $tx->res->json->{access_token}, 'the last answer is a true one';
    is $tx->res->headers->connection, 'close', 'and says so';

    ok !IO::Socket::INET->new("127.0.0.1:$port"), 'a new connection';
    ok $!{ECONNREFUSED}, 'is refused';
    my $ended = IO::Select->new($idle)->can_read(0);
    ok $ended, 'an old one';
    ok $ended && !sysread($idle, my $buffer, 100), 'has ended before that';
    is control(GET => '/count?op=token.anonymous&fault=refuse')->{count}, 1,
        'the control port is there';

    is control(POST => '/release', {op => 'login'})->{released}, 0,
        'not what was asked for';
    is control(POST => '/release')->{released}, 1, 'released';
    ok visitor(), 'as before';

    struck({type => 'refuse'});
    control(POST => '/reset');
    ok visitor(), 'after a reset too';
};

subtest 'a lost answer' => sub {
    control(POST => '/config', {rotate => 'strict'});

    for my $when (qw(before after)) {
        my $old = member_tokens()->{refresh_token};
        fault(match => {op => 'token.refresh_token'}, when => $when,
            action => {type => 'close'});
        $ua->post("$url{api}/oauth2/token" => json => {clientId => CLIENT,
            grantType => 'refresh_token', refreshToken => $old});
        is refresh($old)->code, $when eq 'before' ? 200 : 400, $when;
    }
    control(POST => '/reset');
};

subtest 'hundreds of held requests' => sub {
    my $many   = 600;
    my $answers = 0;
    my $crowd  = new_agent();

    control(DELETE => '/log');
    fault(match => {op => 'token'}, count => -1, action => {type => 'hang'});

    my @promises = map {
        $crowd->post_p("$url{api}/oauth2/token" => json
            => {grantType => 'anonymous', clientId => CLIENT})
            ->then(sub ($tx) { $answers++ if $tx->res->code == 200 })
    } 1 .. $many;

    eventually "$many held" => sub {
        Mojo::IOLoop->timer(0.05 => sub ($loop) { $loop->stop });
        Mojo::IOLoop->start;
        control(GET => '/inflight?op=token')->{count} == $many;
    };
    is $answers, 0, 'none answered';
    is count('token.anonymous'), $many, 'all counted';

    control(DELETE => '/faults');
    is control(POST => '/release')->{released}, $many, 'released';
    Mojo::Promise->all(@promises)->wait;
    is $answers, $many, 'all answered';
    is control(GET => '/inflight')->{count}, 0, 'none left';
};

subtest 'a client that leaves' => sub {
    my $refresh = member_tokens()->{refresh_token};
    my ($port)  = $url{api} =~ /(\d+)\z/;

    control(DELETE => '/log');
    fault(match => {op => 'token.refresh_token'}, action => {type => 'hang'});

    my $socket = IO::Socket::INET->new("127.0.0.1:$port") or die $!;
    my $body   = encode_json({grantType => 'refresh_token',
        refreshToken => $refresh, clientId => CLIENT});
    print $socket "POST /oauth2/token HTTP/1.1\r\nHost: x\r\n",
        "Content-Type: application/json\r\nContent-Length: ", length $body,
        "\r\n\r\n$body";

    eventually 'held' => sub { control(GET => '/inflight')->{count} == 1 };
    close $socket;
    eventually 'gone' => sub { control(GET => '/inflight')->{count} == 0 };
    ok control(GET => '/log')->[0]{aborted}, 'and logged so';
};

subtest 'log and secrets' => sub {
    control(DELETE => '/log');
    my $tokens = member_tokens();
    my $log    = control(GET => '/log');

    is_deeply [map { $_->{op} } @$log], [qw(token.anonymous login
        redirect-session.auth authorize token.authorization_code)],
        'operations';
    is_deeply [map { $_->{status} } @$log], [200, 200, 200, 302, 200],
        'statuses';
    is $log->[1]{auth} . ' ' . $log->[1]{token}, 'raw visitor', 'token kind';
    is_deeply [map { $_->{email} } @$log[1 .. 4]], [(EMAIL) x 4], 'email';
    is $log->[0]{client}, CLIENT, 'client';
    is count('token'), 2, 'count';
    is count('*'), 5, 'count of all';

    my $secrets = control(GET => '/secrets');
    my %kind    = map { $_->{value} => $_->{kind} } @$secrets;
    is $kind{$tokens->{access_token}}, 'access_token', 'access token';
    is $kind{$tokens->{refresh_token}}, 'refresh_token', 'refresh token';
    is $kind{PASSWORD()}, 'password', 'password';
    is $kind{$verifier}, 'verifier', 'verifier';

    my $text = encode_json($log);
    is_deeply [grep { index($text, $_) >= 0 } keys %kind], [],
        'the log contains none';
    like $ua->get("$url{control}/secrets.txt")->res->body,
        qr/^\Q$tokens->{access_token}\E$/m, 'as lines';
};

is stop($pid), 0, 'ends on TERM';

subtest 'TLS' => sub {
    my $dir = tempdir(CLEANUP => 1);
    my @command = (qw(openssl req -x509 -newkey rsa:2048 -nodes -days 2
        -subj /CN=localhost -addext),
        'subjectAltName=DNS:localhost,IP:127.0.0.1',
        '-keyout' => "$dir/server.key", '-out' => "$dir/server.crt");

    open my $saved, '>&', \*STDERR or die $!;
    open STDERR, '>', '/dev/null' or die $!;
    my $failed = system @command;
    open STDERR, '>&', $saved or die $!;
    return fail('openssl') if $failed;

    $pid = start('--tls' => $dir, '--site-url' => 'https://localhost:0',
        '--rotate' => 'strict', '--access-ttl' => 60);
    like $url{api}, qr/\Ahttps:/, 'API';
    like $url{control}, qr/\Ahttp:/, 'control';

    $ua = new_agent();
    $ua->ca("$dir/server.crt");

    my $vt  = visitor();
    my $res = redirect_session($vt,
        auth_request(sessionToken => session_token($vt)));
    like full_url($res), qr{\Ahttps://localhost:[1-9]\d*/}, 'site URL';
    $res = visit(full_url($res));
    like $res->headers->set_cookie, qr/Secure/, 'cookie';

    my $tokens = exchange(location($res)->query->param('code'))->json;
    is $tokens->{expires_in}, 60, '--access-ttl';
    isnt refresh($tokens->{refresh_token})->json->{refresh_token},
        $tokens->{refresh_token}, '--rotate';

    ok struck({type => $_})->error, $_ for qw(close reset);
    is_truncated(struck({type => 'truncate', bytes => 10}, when => $_), $_)
        for qw(before after);
    ok struck({type => 'drip', bytes => 200, interval => 0.001})
        ->res->json->{access_token}, 'drip';
    is length struck({type => 'oversize', bytes => 3_000_000})->res->body,
        3_000_000, 'oversize';
    ok struck({type => 'refuse'})->res->json->{access_token}, 'refuse';
    ok $ua->get("$url{api}/")->error, 'nobody is there';
    is control(POST => '/release')->{released}, 1, 'released';
    ok visitor(), 'as before';

    ok new_agent()->get("$url{api}/")->error, 'a stranger to the certificate';
    is stop($pid, 'INT'), 0, 'ends on INT';
};

done_testing();
