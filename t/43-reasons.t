#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Every reason code is reached by a test: one request for each here, in JSON
# and in HTML, or the name of the file that reaches it in its own way.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;

use constant PASSWORD => 'Emulator-pass-1';

my @ports = qw(PORT PLAIN_PORT AWAY_PORT REJECT_PORT SHORT_PORT);

start_emulator(redirect_uri => [
    map { 'http://localhost:' . port($_) . '/_wix/callback' } @ports]);

my $common = <<'END';
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
END

my $nginx = start_nginx(vars => {
    OTHER => '33333333-4444-4555-8666-777777777777',
}, conf => <<"END");
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
wix_auth_api_timeout 2s connect=500ms;
add_header X-Status \$wix_auth_status always;
add_header X-Reason \$wix_auth_reason always;

server {
    listen 127.0.0.1:%%PORT%%;
    server_name localhost;
    $common
    wix_auth_bearer on;
    location / { try_files /none =204; }
    location /broken/ {
        wix_auth_client_id \$arg_client;
        try_files /none =204;
    }
    location /never/ { wix_auth_require \$arg_never; try_files /none =204; }
}
server {
    listen 127.0.0.1:%%PLAIN_PORT%%;
    server_name shop.example.com;
    wix_auth_base_url http://shop.example.com;
    wix_auth_cookie strict_one;
    $common
}
server {
    listen 127.0.0.1:%%AWAY_PORT%%;
    server_name localhost;
    wix_auth_api http://127.0.0.1:%%NOBODY_PORT%%;
    $common
}
server {
    listen 127.0.0.1:%%SHORT_PORT%%;
    server_name localhost;
    wix_auth_zone zone=small:128k;
    wix_auth_api_timeout 60s;
    wix_auth_refresh_lock_timeout 50ms;
    wix_auth_response_mode direct;
    wix_auth_profile on;
    $common
    location / { try_files /none =204; }
}
server {
    listen 127.0.0.1:%%REJECT_PORT%%;
    server_name localhost;
    wix_auth_client_id %%OTHER%%;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
}
END

my %seen;       # reason => what has reached it

sub url { return 'http://localhost:' . port($_[0] // 'PORT') . $_[1] }

# the same request as JSON and as a form, and what both must say
sub reaches {
    my ($reason, $status, $path, $data, %opt) = @_;

    my $port = $opt{port} // 'PORT';

    subtest $reason => sub {
        for my $kind (qw(json form)) {
            my $b = $opt{browser} ? $opt{browser}->()
                : browser(base => url($port, ''));
            my $fault = $opt{fault} ? emu_fault(@{$opt{fault}}) : undef;

            my $res = $b->post($path, $kind => $data,
                headers => {Accept => $kind eq 'json' ? 'application/json'
                                                      : 'text/html',
                            %{$opt{headers} // {}}});

            emulator()->clear_faults($fault) if $fault;

            is($res->status, $status, "$kind: status");
            is($res->header('X-Reason'), $reason, "$kind: the variable");

            if ($kind eq 'json') {
                is($res->json->{error}, $reason, 'the code in JSON');
                like($res->json->{message}, qr/\A[A-Z].*\.\z/s,
                     'and a sentence');
                like($res->json->{requestId}, qr/\A[0-9a-f]{32}\z/,
                     'and an id');
            }
            else {
                like($res->header('Content-Type'), qr{\Atext/html},
                     'a page for a person');
                like($res->body, qr/<(?:p|main)[^>]*\bdata-error="\Q$reason\E"/,
                     'which knows the code');
            }
        }
        $seen{$reason}++;
    };
    return;
}

sub member { return {email => "$_[0]\@wix.test", password => PASSWORD} }


reaches(invalid_request => 400, '/_wix/login', {email => 'no address',
                                                password => 'x'});
reaches(invalid_credentials => 401, '/_wix/login',
        {email => 'nobody@wix.test', password => 'x'});
reaches(email_exists => 409, '/_wix/register', member('active'));
reaches(captcha_required => 403, '/_wix/login', member('captcha'));
reaches(captcha_invalid => 403, '/_wix/login',
        {%{member('captcha')}, captcha => 'wrong'});
reaches(password_reset_required => 403, '/_wix/login', member('reset'));
reaches(access_denied => 403, '/_wix/login', member('blocked'));
reaches(upstream_throttled => 429, '/_wix/login', member('throttled'));
reaches(unsupported_state => 501, '/_wix/login', member('mfa'));
reaches(attempt_expired => 400, '/_wix/verify',
        {code => '123456', stateToken => 'not-one-of-ours'});
reaches(cross_site => 403, '/_wix/login', member('active'),
        headers => {'Sec-Fetch-Site' => 'cross-site',
                    Origin => 'https://evil.example'});
reaches(upstream_unavailable => 503, '/_wix/login', member('active'),
        port => 'AWAY_PORT');
reaches(client_rejected => 502, '/_wix/login', member('active'),
        port => 'REJECT_PORT');
reaches(upstream_error => 502, '/_wix/login', member('active'),
        fault => ['login', {type => 'body', body => '{"state":17}'}]);
reaches(upstream_timeout => 504, '/_wix/login', member('active'),
        fault => ['login', {type => 'hang'}]);


# a member who waits for the owner, seen at Get My Member only
reaches(approval_pending => 403, '/_wix/login', member('active'),
        port => 'SHORT_PORT',
        fault => ['members-my', {type => 'patch',
                                 set => {'member.status' => 'PENDING'}}]);

# a Secure cookie would not come back
for my $kind (qw(json form)) {
    my $res = browser(base => url('PLAIN_PORT', ''))->post('/_wix/login',
        $kind => member('active'), headers => {Host => 'shop.example.com'});

    is($res->status, 500, "insecure_transport, $kind");
    $kind eq 'json'
        ? is($res->json->{error}, 'insecure_transport', 'the code')
        : like($res->body, qr/<(?:p|main)[^>]*\bdata-error="insecure_transport"/, 'the code');
    $seen{insecure_transport}++;
}


subtest 'zone_full' => sub {
    my $base = url('SHORT_PORT', '');
    my $program = {Accept => 'application/json', 'Sec-Fetch-Mode' => 'cors'};

    # large records, so that few of them fill the smallest zone
    emulator()->configure(accessTokenPad => 6000, accessTtl => 1);

    my (@b, $evicted);
    my $fill = sub {
        my $b = browser(base => $base);
        my $res = $b->post('/_wix/login', json => member('active'));
        $res->status == 200 and push @b, $b;
        return $res;
    };
    my $alive = sub { emu_count('token.refresh_token') };

    for (1 .. 16) {
        is($fill->()->status, 200, 'a login');
        last if $nginx->error_log =~ /zone "small"/;
    }
    like($nginx->error_log, qr/zone "small"/,
         'full: a session was evicted, and the log says so');
    allow_log(qr/zone "small"/);

    # every session that is left is being refreshed
    my $hang = emu_fault('token.refresh_token', {type => 'hang'}, count => -1);
    wait_for {
        concurrent(map { [$_, GET => '/', headers => $program] } @b);
        my @res = concurrent(map { [$_, GET => '/', headers => $program] } @b);
        !grep { $_->status == 204 && $_->header('X-Status') eq 'HIT' } @res;
    } 10, 'the end of all tokens';

    for my $kind (qw(json form)) {
        my $res = browser(base => $base)->post('/_wix/login',
                                               $kind => member('active'));
        is($res->status, 503, "$kind: status");
        is($res->header('X-Reason'), 'zone_full', "$kind: the variable");
        $kind eq 'json'
            ? is($res->json->{error}, 'zone_full', 'the code')
            : like($res->body, qr/<(?:p|main)[^>]*\bdata-error="zone_full"/, 'the code');
    }
    $seen{zone_full}++;

    emulator()->clear_faults($hang);
    emu_control(POST => '/release', {});
    emulator()->configure(accessTokenPad => 0, accessTtl => 14400);
};


subtest 'invalid_code, too_many_attempts' => sub {
    for my $kind (qw(json form)) {
        my $b = browser();
        my $res = $b->post('/_wix/login', $kind => member('verify'),
                           headers => {Accept => $kind eq 'json'
                               ? 'application/json' : 'text/html'});
        is($res->status, 200, "$kind: must verify");

        my $token = $kind eq 'json' ? $res->json->{stateToken}
            : ($res->body =~ /name="stateToken" value="([^"]+)"/)[0];

        my @got = map {
            $b->post('/_wix/verify', $kind => {code => '000000',
                                               stateToken => $token})
        } 1 .. 6;

        is($got[$_]->header('X-Reason'), 'invalid_code', "$kind: try $_")
            for 0 .. 4;
        is($got[0]->status, 400, 'status');
        is($got[5]->header('X-Reason'), 'too_many_attempts',
           "$kind: the sixth");
        is($got[5]->status, 429, 'status');
        ok($got[5]->header('Retry-After') >= 1, 'with Retry-After');
    }
    $seen{$_}++ for qw(invalid_code too_many_attempts);
};


subtest 'of requests that no endpoint takes' => sub {
    my $b = browser();

    for (
        [not_found => 404, GET => '/_wix/nothing', {}],
        [method_not_allowed => 405, PUT => '/_wix/login', {}],
        [body_too_large => 413, POST => '/_wix/login',
         {form => {email => 'x' x 20000}}],
        [unsupported_media_type => 415, POST => '/_wix/login',
         {body => 'x', headers => {'Content-Type' => 'text/plain'}}],
    ) {
        my ($reason, $status, $method, $path, $opt) = @$_;

        for my $accept ('application/json', 'text/html') {
            my $res = $b->request($method, $path, %$opt,
                headers => {%{$opt->{headers} // {}}, Accept => $accept});
            is($res->status, $status, "$reason, $accept");
            $accept =~ /json/
                ? is($res->json->{error}, $reason, 'the code')
                : like($res->body, qr/<(?:p|main)[^>]*\bdata-error="\Q$reason\E"/, 'the code');
        }
        $seen{$reason}++;
    }
};


allow_log(qr{Wix refuses client "33333333});

subtest 'of the callback' => sub {
    my $b = browser();
    $b->get('/_wix/login');

    my $res = $b->post('/_wix/callback', json => {
        code => 'x', state => 'A' x 51});
    is($res->status, 400, 'another browser\'s state');
    is($res->json->{error}, 'state_mismatch', 'state_mismatch');

    # in HTML the login begins again once, then the error is told
    $b = browser();
    $b->get('/_wix/login');

    for my $expected (303, 400) {
        $res = $b->get('/_wix/callback?code=x&state=' . 'A' x 51);
        is($res->status, $expected, 'in HTML');
    }
    like($res->body, qr/<(?:p|main)[^>]*\bdata-error="state_mismatch"/, 'the code');
    $seen{state_mismatch}++;
};


subtest 'of the gate' => sub {
    my $program = {Accept => 'application/json', 'Sec-Fetch-Mode' => 'cors'};

    my $tell = sub {
        my ($reason, $status, $res) = @_;
        is($res->status, $status, "$reason: status");
        is($res->header('X-Reason'), $reason, "$reason: the variable");
        is($res->json->{reason} // $res->json->{error}, $reason,
           "$reason: in JSON");
        $seen{$reason}++;
    };

    my $b = browser();
    my $res = $b->get('/', headers => $program);
    $tell->(no_session => 401, $res);
    is($res->json->{error}, 'login_required', 'login_required');
    $seen{login_required}++;

    $tell->(invalid_token => 401, $b->get('/', headers => {
        %$program, Authorization => 'Bearer x'}));

    login($b, %{member('active')});
    $tell->(requirement_failed => 403, $b->get('/never/', headers => $program));

    my $cookie = $b->cookie('wix_auth')->{value};
    $b->post('/_wix/logout', form => {});
    $tell->(session_ended => 401, browser()->get('/', headers => {
        %$program, Cookie => "wix_auth=$cookie"}));

    $tell->(internal_error => 500, $b->get('/broken/?client=none',
                                           headers => $program));
    allow_log(qr/gives no client id for this request/);

    # no refresh token came with the login
    my $fault = emu_fault('token.authorization_code',
        {type => 'patch', set => {expires_in => 1},
         remove => ['refresh_token']});
    login($b, %{member('active')});
    is($b->get('/', headers => $program)->header('X-Reason') // '', '',
       'a token alone will do');
    $res = wait_for {
        my $r = $b->get('/', headers => $program);
        $r->status == 401 ? $r : undef;
    } 10, 'its end';
    $tell->(refresh_failed => 401, $res);
    emulator()->clear_faults($fault);
};


# what takes more than a request is another file's
my %elsewhere = (
    unknown_session    => '10-gate.t',
    session_expired    => '10-gate.t',
    session_idle       => '10-gate.t',
    session_revoked    => '32-refresh-faults.t',
    other_client       => '70-attack.t',
    member_blocked     => '36-profile-refresh.t',
    visitor_budget     => '16-visitors.t',
);

subtest 'no code is forgotten' => sub {
    my $c = slurp(top_dir()
        . '/ngx_http_wix_auth_module/ngx_http_wix_auth_reason.c');
    my @codes = grep { length } $c =~ /\{ ngx_string\("(\w*)"\), \d+,/g;

    cmp_ok(scalar @codes, '>=', 40, 'the table of the module');

    for my $code (@codes) {
        next if $code eq 'invalid_grant';       # between rooms only

        if (my $file = $elsewhere{$code}) {
            ok(slurp(top_dir() . "/t/$file") =~ /\b\Q$code\E\b/,
               "$code: $file");
        }
        else {
            ok($seen{$code}, "$code was reached");
        }
    }
};

done_testing();
