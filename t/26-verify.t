#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Endpoint verify: the code from the mail, the sealed token, tries, another
# mail, and what a verification can end in.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;

my $secret = 'secret-to-verify-1';

my $emu = start_emulator(
    redirect_uri => [map { 'http://localhost:' . port($_) . '/_wix/callback' }
                     qw(PORT URI_PORT)],
);
start_upstream();

start_nginx(workers => 2, conf => <<'END');
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
wix_auth_client_id %%CLIENT%%;

server {
    listen 127.0.0.1:%%PORT%%;
    server_name localhost;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
}
server {
    listen 127.0.0.1:%%URI_PORT%%;
    server_name localhost;
    wix_auth required;
    wix_auth_login /welcome;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location = /welcome { wix_auth off; proxy_pass http://%%UPSTREAM%%; }
    location / { proxy_pass http://%%UPSTREAM%%; }
}
END

sub is_error {
    my ($res, $status, $reason, $what) = @_;

    my $got = $res->json // {};
    is($res->status . ' ' . ($got->{error} // 'no JSON'),
       "$status $reason", $what)
        or diag($res->{head}, "\n\n", substr $res->body, 0, 500);
    return $got;
}

my $n = 0;

# somebody who has to verify an address: the address and the code
sub someone {
    my ($state) = @_;
    my $email = 'someone-' . $n++ . '@example.com';
    $emu->member(email => $email, password => $secret,
                 state => $state // 'VERIFY', code => 'AB12C3');
    return $email;
}

# ($browser, $token) after a login by JSON
sub waiting {
    my ($email) = @_;
    my $b = browser();
    my $res = $b->post('/_wix/login', json => {
        email => $email, password => $secret});
    die "no token: $res->{head}\n" if !($res->json // {})->{stateToken};
    return ($b, $res->json->{stateToken});
}


subtest 'by form' => sub {
    my ($b, $email) = (browser(), someone());
    my $res = $b->submit($b->get('/_wix/login?return=%2Fshop'),
        {email => $email, password => $secret});

    is($res->status, 200, 'the verify page');
    my ($form) = $res->forms;
    is($form->{action}, '/_wix/verify', 'posts to verify');
    like($form->{fields}{stateToken}, qr/^[A-Za-z0-9_-]{60,}$/,
         'with the sealed token');
    is($form->{fields}{return}, '/shop', 'and the return URL');
    like($res->body, qr/\Q$email\E/, 'the page tells the address');
    like($res->body, qr/autocomplete="one-time-code"/, 'and takes a code');
    ok(!$b->cookie('wix_auth_t'), 'the token is in no cookie');
    unlike($res->{head}, qr/AST\./, 'and Wix\'s own nowhere');
    unlike($res->body, qr/AST\./, 'not in the page');

    my $wrong = $b->submit($res, {code => '000000'});
    is($wrong->status, 400, 'a wrong code');
    like($wrong->body, qr/invalid_code/, 'is told');
    ($form) = $wrong->forms;
    ok(length($form->{fields}{stateToken} // ''), 'with the next try');
    like($wrong->body, qr/\Q$email\E/, 'for the same address');

    $res = $b->submit($wrong, {code => ' AB12C3 '});
    is($res->status, 303, 'the right one');
    my $end = $b->follow($res);
    is(($end->json // {})->{uri}, '/shop', 'leads in');
    is($b->get('/_wix/verify?return=%2Fx')->location, '/x',
       'a member has nothing to verify');
};


subtest 'by JSON' => sub {
    my ($b, $token) = waiting(someone());

    for my $code ('', '12345', '1234567', "12\x{7f}456", '12 456', undef) {
        my $got = is_error($b->post('/_wix/verify', json => {
            code => $code, stateToken => $token}), 400, 'invalid_request',
            'code ' . ($code // '-'));
        is(join(' ', keys %{$got->{fields} // {}}), 'code', 'is named');
    }

    is_error($b->post('/_wix/verify', json => {code => 'AB12C4',
        stateToken => $token}), 400, 'invalid_code', 'a wrong code');

    my $res = $b->post('/_wix/verify', json => {code => 'AB12C3',
        stateToken => $token, return => '/x'});
    is($res->status, 200, 'the right one');
    is(join(' ', sort keys %{$res->json // {}}), 'redirectUrl state',
       'SUCCESS as login has it');
    my $end = $b->follow($b->get($res->json->{redirectUrl}));
    is(($end->json // {})->{uri}, '/x', 'leads in');
};


subtest 'tokens that are none, or somebody else\'s' => sub {
    my ($b, $token) = waiting(someone());
    my $calls = emu_count('verify');

    is_error($b->post('/_wix/verify', json => {code => 'AB12C3',
        %{$_->[0]}}), 400, 'attempt_expired', $_->[1])
        for [{}, 'none'], [{stateToken => ''}, 'an empty one'],
            [{stateToken => 'x' x 80}, 'a made-up one'],
            [{stateToken => scalar reverse $token}, 'a broken one'];

    is_error(browser()->post('/_wix/verify', json => {code => 'AB12C3',
        stateToken => $token}), 400, 'attempt_expired',
        'that of another browser');

    my $res = $b->post('/_wix/verify', form => {code => 'AB12C3',
        return => '/x'});
    is($res->status, 400, 'as a page');
    like($res->body, qr/attempt_expired/, 'with the reason');
    like($res->body, qr{href="/_wix/login\?return=%2Fx"}, 'and a way on');

    is(emu_count('verify'), $calls, 'Wix has not been asked');
};


subtest 'five tries' => sub {
    my ($b, $token) = waiting(someone());

    is_error($b->post('/_wix/verify', json => {code => "00000$_",
        stateToken => $token}), 400, 'invalid_code', "try $_") for 1 .. 5;

    my $calls = emu_count('verify');
    my $res = $b->post('/_wix/verify', json => {code => 'AB12C3',
        stateToken => $token});
    is_error($res, 429, 'too_many_attempts', 'the sixth, though right');
    ok($res->header('Retry-After'), 'with Retry-After');
    is(emu_count('verify'), $calls, 'is not sent');

    is($b->post('/_wix/verify', form => {code => 'AB12C3',
        stateToken => $token})->status, 429, 'nor by form');
};


subtest 'another mail' => sub {
    my $email = someone();
    my ($b, $token) = waiting($email);
    my $calls = emu_count('login');
    my %again = (email => $email, password => $secret,
                 stateToken => $token);

    my $res = $b->post('/_wix/login', json => \%again);
    is_error($res, 429, 'too_many_attempts', 'not within a minute');
    ok($res->header('Retry-After') <= 60, 'which is told');
    is($b->post('/_wix/login', form => \%again)->status, 429, 'by form');
    is(emu_count('login'), $calls, 'Wix has not been asked');

    $res = $b->post('/_wix/login', json => {%again, stateToken => 'x' x 80});
    is(($res->json // {})->{state}, 'REQUIRE_EMAIL_VERIFICATION',
       'a token that is none does not matter');
};


subtest 'what it ends in' => sub {
    my $ends = sub {
        my ($answer) = @_;
        my $email = someone();
        $emu->member(email => $email, verify => $answer) if $answer;
        return waiting($email);
    };

    my ($b, $token) = waiting(someone('VERIFY_APPROVAL'));
    my $res = $b->post('/_wix/verify', json => {code => 'AB12C3',
        stateToken => $token});
    is_deeply($res->json, {state => 'REQUIRE_OWNER_APPROVAL'},
              'the owner has to approve');

    ($b, $token) = waiting(someone('VERIFY_APPROVAL'));
    $res = $b->post('/_wix/verify', form => {code => 'AB12C3',
        stateToken => $token});
    is($res->status, 200, 'as a page');
    like($res->body, qr/approv/i, 'that says so');

    ($b, $token) = $ends->({status => 200, body => {
        state => 'REQUIRE_EMAIL_VERIFICATION', stateToken => 'AST.again'}});
    $res = $b->post('/_wix/verify', json => {code => 'AB12C3',
        stateToken => $token});
    is(($res->json // {})->{state}, 'REQUIRE_EMAIL_VERIFICATION',
       'one more address');
    isnt($res->json->{stateToken}, $token, 'with a token of its own');

    ($b, $token) = $ends->({status => 200, body => {state => 'REQUIRE_MFA',
        stateToken => 'AST.x'}});
    is_error($b->post('/_wix/verify', json => {code => 'AB12C3',
        stateToken => $token}), 501, 'unsupported_state', 'MFA');

    ($b, $token) = $ends->({status => 429, code => 'RESOURCE_EXHAUSTED'});
    is_error($b->post('/_wix/verify', json => {code => 'AB12C3',
        stateToken => $token}), 429, 'upstream_throttled', 'throttled');

    # an answer that is lost is not asked for again
    ($b, $token) = waiting(someone());
    my $calls = emu_count('verify');
    emu_fault('verify', {type => 'reset'}, when => 'after');
    is_error($b->post('/_wix/verify', json => {code => 'AB12C3',
        stateToken => $token}), 503, 'upstream_unavailable', 'a lost answer');
    is(emu_count('verify'), $calls + 1, 'one call');
};


subtest 'the site\'s own page: the token waits in a cookie' => sub {
    my $b = browser(base => 'http://localhost:' . port('URI_PORT'));
    my $res = $b->post('/_wix/login', form => {email => someone(),
        password => $secret, return => '/shop'});
    is($res->status, 303, 'a redirect');
    is($res->location,
       '/welcome?state=REQUIRE_EMAIL_VERIFICATION&return=%2Fshop',
       'to the page, without token and address');

    my $line = $res->set_cookie('wix_auth_t') // '';
    like($line, qr{; Path=/_wix/;}, 'the cookie is for the endpoints');
    like($line, qr/; HttpOnly/, 'not for scripts');
    unlike($line, qr/AST\./, 'and sealed');

    $res = $b->post('/_wix/verify', form => {code => '000000',
        return => '/shop'});
    is($res->location, '/welcome?error=invalid_code&return=%2Fshop',
       'a wrong code');
    ok($b->cookie('wix_auth_t'), 'leaves the token');

    my $other = $b->clone;
    $other->clear_cookies('wix_auth_b');
    is($other->post('/_wix/verify', form => {code => 'AB12C3'})->location,
       '/welcome?error=attempt_expired&return=%2F', 'which is no other\'s');

    is($b->get('/_wix/verify')->status, 200, 'there is a page for who needs');

    $res = $b->post('/_wix/verify', form => {code => 'AB12C3',
        return => '/shop'});
    is($res->status, 303, 'the right code');
    ok(!$b->cookie('wix_auth_t'), 'and the cookie is gone');
    is(($b->follow($res)->json // {})->{uri}, '/shop', 'leads in');
};


done_testing();
