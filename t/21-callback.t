#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Endpoint callback: attempts in any order and from any hand, what a code is
# worth, the session that a login begins, cookies, and redirect URIs.

use strict;
use warnings;

use FindBin;
use List::Util qw(shuffle);
use lib "$FindBin::Bin/lib";
use WixAuthTest;
use WixAuthTest::Clock;

my $ann    = 'ann@example.com';
my $bob    = 'bob@example.com';
my $secret = 'secret-of-both-1';

my %callback = (
    PORT       => '/_wix/callback',
    HASTY_PORT => '/_wix/callback',
    HOST_PORT  => '/_wix/callback',
    DOM_PORT   => '/_wix/callback',
    DIR_PORT   => '/app/_wix/callback',
    TEMP_PORT  => '/_wix/callback',
    NAME_PORT  => '/_wix/callback',
    PATH_PORT  => '/_wix/callback',
    ABS_PORT   => '/_wix/callback',
    VAR_PORT   => '/_two/callback',
);

my $base = 'http://front.localhost:' . port('FRONT_PORT');

my $emu = start_emulator(
    member => ["$ann:$secret", "$bob:$secret"],
    redirect_uri => [
        (map { 'http://localhost:' . port($_) . $callback{$_} }
            sort keys %callback),
        (map { 'https://localhost:' . port($_) . '/_wix/callback' }
            qw(TLS_PORT NONE_PORT)),
        "$base/_wix/callback",
    ],
);
start_upstream();

my $clock = WixAuthTest::Clock->missing
    ? undef : WixAuthTest::Clock->new(temp_dir());

# what every server has
my $site = <<'END';
    server_name localhost;
    wix_auth required;
    location / { proxy_pass http://%%UPSTREAM%%; }
END

# HOST: Secure cookies on a loopback listener.  BASE: TLS and another name
# stand in front.  No debug log: the level that is told to be clean is info.
my $conf = <<"END";
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_client_id %%CLIENT%%;
log_format all '\$request|\$request_uri|\$args|\$uri|\$arg_code|\$arg_state';
access_log %%DIR%%/all.log all;
access_log %%DIR%%/access.log;

map \$host \$redirect { default http://localhost:%%VAR_PORT%%/_two/callback; }

server {
    listen 127.0.0.1:%%PORT%%;
    $site
    wix_auth_cookie nosecure;
    location ^~ /_wix/ { wix_auth_endpoints; }
}
server {
    listen 127.0.0.1:%%HASTY_PORT%%;
    $site
    wix_auth_cookie nosecure;
    wix_auth_api_timeout 1s;
    location ^~ /_wix/ { wix_auth_endpoints; }
}
server {
    listen 127.0.0.1:%%HOST_PORT%%;
    $site
    location ^~ /_wix/ { wix_auth_endpoints; }
}
server {
    listen 127.0.0.1:%%TLS_PORT%% ssl http2;
    ssl_certificate %%CERTS%%/server.pem;
    ssl_certificate_key %%CERTS%%/server.key;
    $site
    wix_auth_session_lifetime 2h;
    location ^~ /_wix/ { wix_auth_endpoints; }
}
server {
    listen 127.0.0.1:%%NONE_PORT%% ssl;
    ssl_certificate %%CERTS%%/server.pem;
    ssl_certificate_key %%CERTS%%/server.key;
    $site
    wix_auth_cookie samesite=none partitioned;
    location ^~ /_wix/ { wix_auth_endpoints; }
}
server {
    listen 127.0.0.1:%%DOM_PORT%%;
    $site
    wix_auth_cookie domain=localhost;
    location ^~ /_wix/ { wix_auth_endpoints; }
}
server {
    listen 127.0.0.1:%%DIR_PORT%%;
    server_name localhost;
    wix_auth_cookie path=/app/ nosecure;
    location ^~ /app/_wix/ { wix_auth_endpoints; }
    location /app/ { wix_auth required; proxy_pass http://%%UPSTREAM%%; }
}
server {
    listen 127.0.0.1:%%TEMP_PORT%%;
    $site
    wix_auth_cookie session;
    location ^~ /_wix/ { wix_auth_endpoints; }
}
server {
    listen 127.0.0.1:%%NAME_PORT%%;
    $site
    wix_auth_cookie sid;
    location ^~ /_wix/ { wix_auth_endpoints; }
}
server {
    listen 127.0.0.1:%%PATH_PORT%%;
    $site
    wix_auth_cookie nosecure;
    wix_auth_redirect_uri /_wix/callback;
    location ^~ /_wix/ { wix_auth_endpoints; }
}
server {
    listen 127.0.0.1:%%ABS_PORT%%;
    $site
    wix_auth_cookie nosecure;
    wix_auth_redirect_uri http://localhost:%%ABS_PORT%%/_wix/callback;
    location ^~ /_wix/ { wix_auth_endpoints; }
}
server {
    listen 127.0.0.1:%%VAR_PORT%%;
    $site
    wix_auth_cookie nosecure;
    wix_auth_redirect_uri \$redirect;
    location ^~ /_two/ { wix_auth_endpoints; }
}
server {
    listen 127.0.0.1:%%BASE_PORT%%;
    server_name _;
    wix_auth_cookie nosecure;
    wix_auth required;
    wix_auth_base_url $base;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
}
server {
    listen 127.0.0.1:%%FRONT_PORT%%;
    server_name front.localhost;
    access_log off;
    location / {
        proxy_pass http://127.0.0.1:%%BASE_PORT%%;
        proxy_set_header Host internal.test;
        proxy_set_header X-Forwarded-Host evil.test;
        proxy_set_header X-Forwarded-Proto https;
        proxy_set_header Forwarded host=evil.test;
    }
}
END

my $start = sub { start_nginx(conf => $conf, debug => 0, workers => 2) };
my $nginx = $clock ? $clock->with($start) : $start->();

sub is_error {
    my ($res, $status, $reason, $what) = @_;

    my $got = $res->json // {};
    is($res->status . ' ' . ($got->{error} // 'no JSON'),
       "$status $reason", $what)
        or diag($res->{head}, "\n\n", substr $res->body, 0, 500);
    return;
}

# the way up to the callback's address, which the browser has not opened yet
sub come_back {
    my ($b, %opt) = @_;

    my $prefix = $opt{prefix} // '/_wix/';
    my $page = $b->get("${prefix}login?return="
                       . url_escape($opt{return} // '/'));
    die "no login page: $page->{head}\n" if $page->status != 200;

    my $res = $b->submit($page, {email => $opt{email} // $ann,
                                 password => $secret});
    $res = $b->follow($res, until => qr{/callback\?});
    die "no way back: $res->{head}\n" if $res->status !~ /^30/;

    return $res->location;
}

sub param { return WixAuthTest::Response->query($_[1], $_[0]) }
sub exchanges { return emu_count('token.authorization_code') }

# opened by a browser that comes from Wix
my %from_wix = (headers => {'Sec-Fetch-Site' => 'cross-site'});


subtest 'success' => sub {
    my $b = browser();
    my $before = exchanges();
    my $url = come_back($b, return => '/shop?a=1&b=2');

    like($url, qr{^http://localhost:\d+/_wix/callback\?},
         'the redirect URI, by which the browser came');
    like(param($url, 'state'), qr/^[A-Za-z0-9_-]{51}$/, 'a state');

    my $res = $b->get($url, %from_wix);
    is($res->status, 303, 'to the return URL');
    is($res->location, '/shop?a=1&b=2', 'all of it, as a path');
    is($res->header('Cache-Control'), 'no-store', 'no-store');
    is($res->header('Referrer-Policy'), 'no-referrer', 'no-referrer');
    is(exchanges(), $before + 1, 'one exchange');

    my $page = $b->get('/shop');
    is($page->status, 200, 'logged in');
    is($b->get('/_wix/session', headers => {Accept => 'application/json'})
        ->json->{member}{email}, $ann, 'with the address of the form');
    is(scalar(grep { !/wix_auth/ } keys %{$page->json->{headers}}),
       scalar(keys %{$page->json->{headers}}), 'the cookies stay here');
    is($page->json->{headers}{cookie}, undef, 'all of them');
};


subtest 'what Wix is asked: PKCE and the exact redirect URI' => sub {
    my $b = browser();
    my $res = $b->submit($b->get('/_wix/login'),
                         {email => $ann, password => $secret});
    my $url = $res->location;

    is(param($url, 'clientId'), $emu->client, 'client');
    is(param($url, 'responseType'), 'code', 'responseType');
    is(param($url, 'responseMode'), 'query', 'responseMode');
    is(param($url, 'scope'), 'offline_access', 'scope');
    is(param($url, 'prompt'), 'none', 'prompt');
    is(param($url, 'codeChallengeMethod'), 'S256', 'S256');
    like(param($url, 'codeChallenge'), qr/^[A-Za-z0-9_-]{43}$/, 'challenge');
    is(param($url, 'redirectUri'),
       'http://localhost:' . port('PORT') . '/_wix/callback', 'redirectUri');
    like(param($url, 'sessionToken'), qr/^MST\./, 'sessionToken');
    ok(length $url <= 2048, 'within what Wix allows');

    # every attempt has its own
    my $other = $b->submit($b->get('/_wix/login'),
                           {email => $ann, password => $secret})->location;
    isnt(param($other, $_), param($url, $_), "another $_")
        for qw(state codeChallenge);

    # the code of one attempt with the state of another: the emulator sees a
    # verifier that does not fit, which shows that it looks
    my @back = map { come_back($b) } 1, 2;
    my $code = param($back[1], 'code');
    my $swapped = $back[0] =~ s/\bcode=[^&]+/code=$code/r;
    my $before = exchanges();
    $res = $b->get($swapped, %from_wix);
    is(exchanges(), $before + 1, 'a swapped code is tried');
    is(emu_count('token.authorization_code', error => 'invalid_grant') > 0
       ? 1 : 0, 1, 'and refused by Wix');
    ok(!$res->set_cookie('wix_auth'), 'and begins no session');
};


subtest 'parameters that are missing, wrong, or there twice' => sub {
    my $b = browser();
    my $url = come_back($b);
    my ($code, $state) = map { param($url, $_) } qw(code state);
    my $before = exchanges();

    # Wix encodes no name, so what comes under such a name is no code of Wix;
    # it would not be masked in a log either
    my $fake = 'F' x 32;

    for my $query ("code=$code", "code=&state=$state",
                   "code=$code&state=$state&state=$state",
                   "code=$code&code=$code&state=$state",
                   "error=a&error=b&state=$state", "error=access_denied",
                   "%63ode=$fake&state=$state", "code=$code&%73tate=$fake",
                   "%63ode=$fake&%73tate=$fake",
                   "co%64e=$fake&state=$state&code=$code",
                   "code=$code&state=$state&%65rror=x",
                   "code=$code&state=$state&x=%zz",
                   'code=' . 'x' x 5000 . "&state=$state",
                   "code=$code%00&state=$state")
    {
        my $res = $b->get("/_wix/callback?$query", headers =>
            {Accept => 'application/json'});
        is_error($res, 400, 'invalid_request',
                 ($query =~ s/\Q$code\E/C/gr =~ s/\Q$state\E/S/gr)
                 =~ s/x{20,}/x../r);
        is($res->header('Referrer-Policy'), 'no-referrer', 'no-referrer');
        ok(!$res->set_cookie('wix_auth'), 'no session');
    }

    is($b->get("/_wix/callback?code=$code")->status, 400, 'as a page');

    for my $query ('', '?', '?state=x', '?x=y', "?state=$state") {
        my $res = $b->get("/_wix/callback$query");
        is($res->status, 303, "without code and error ($query)");
        is($res->location, '/_wix/login', 'to login');
    }

    is(exchanges(), $before, 'nothing was exchanged');
    is($b->get($url, %from_wix)->status, 303, 'and the true one works yet');
    ok($b->cookie('wix_auth'), 'it does');
};


subtest 'the state of another browser' => sub {
    # an attacker's address, opened by somebody who is about to log in, by
    # somebody who was never here, and by somebody with a broken cookie
    my $url = come_back(browser(), email => $bob);

    my %victim = (
        'who has a binding' => sub { $_[0]->get('/_wix/login') },
        'who was never here' => sub { },
        'with a tossed binding' => sub {
            $_[0]->set_cookie(host => 'localhost', name => 'wix_auth_b',
                              value => 'tossed; x=y') },
        'with a foreign binding' => sub {
            $_[0]->set_cookie(host => 'localhost', name => 'wix_auth_b',
                              value => 'A' x 22) },
    );

    for my $who (sort keys %victim) {
        my $b = browser();
        $victim{$who}->($b);
        my $before = exchanges();

        my $res = $b->get($url, %from_wix);
        is($res->status, 303, "$who: begins again");
        like($res->location, qr{^/_wix/login(?:\?|$)}, 'at login');
        ok(!$b->cookie('wix_auth'), 'without a session');

        $res = $b->get($url, %from_wix);
        is($res->status, 400, 'but only once');
        like($res->body, qr/state_mismatch/, 'state_mismatch');
        is(exchanges(), $before, 'the code was not exchanged');

        is_error($b->get($url, headers => {Accept => 'application/json'}),
                 400, 'state_mismatch', 'no restart for JSON')
            if $who eq 'who was never here';

        # and a login of one's own is not in the way
        my $end = login($b, email => $ann, password => $secret);
        is($end->status, 200, 'the login of the same browser succeeds');
        is(($b->get('/_wix/session', headers =>
            {Accept => 'application/json'})->json->{member} // {})->{email},
           $ann, 'as who it is');
    }

    # with a session there is nothing to repair
    my $b = browser();
    login($b, email => $ann, password => $secret);
    my $cookie = $b->cookie('wix_auth')->{value};
    my $before = exchanges();
    my $res = $b->get($url, %from_wix);
    is($res->status, 303, 'with a live session');
    is($res->location, '/', 'on to the site');
    is($b->cookie('wix_auth')->{value}, $cookie, 'in the same session');
    is(exchanges(), $before, 'and nothing is exchanged');

    # a state with one letter changed
    $b = browser();
    $url = come_back($b);
    $before = exchanges();

    for my $at (0, 1, 10, 30, 45, 50) {
        my $state = param($url, 'state');
        substr($state, $at, 1) =~ tr/A-Za-z0-9_-/B-ZAb-za1-90\-_/;
        $res = $b->get($url =~ s/state=[^&]+/state=$state/r,
                       headers => {Accept => 'application/json'});
        is_error($res, 400, 'state_mismatch', "state changed at $at");
    }

    is(exchanges(), $before, 'nothing was exchanged');
    is($b->get($url, %from_wix)->location, '/', 'the true one works');
};


subtest 'the mark of a restart does not stay' => sub {
    my $b = browser();
    my $foreign = come_back(browser());

    is($b->get($foreign, %from_wix)->status, 303, 'begins again');
    like($b->cookie('wix_auth_b')->{value}, qr/^!/, 'and remembers it');
    my $binding = $b->cookie('wix_auth_b')->{value} =~ s/^!//r;

    login($b, email => $ann, password => $secret);
    is($b->cookie('wix_auth_b')->{value}, $binding,
       'a login forgets that, and keeps the binding');

    $b->clear_cookies('wix_auth');
    is($b->get($foreign, %from_wix)->status, 303, 'so the next may, too');
};


subtest 'F5, a used code, and the way back' => sub {
    my $b = browser();
    my $url = come_back($b, return => '/deep/page?x=1');
    my $res = $b->get($url, %from_wix);
    is($res->location, '/deep/page?x=1', 'logged in');
    my $cookie = $b->cookie('wix_auth')->{value};

    $res = $b->get($url, %from_wix);
    is($res->status, 303, 'the same address again');
    is($res->location, '/deep/page?x=1', 'leads to the same page');
    is($b->cookie('wix_auth')->{value}, $cookie, 'in the same session');

    # somebody else's, who has all cookies but the session
    my $c = $b->clone;
    $c->clear_cookies('wix_auth');
    $res = $c->get($url, %from_wix);
    is($res->status, 303, 'a used code without a session');
    is($res->location, '/_wix/login?return=%2Fdeep%2Fpage%3Fx%3D1',
       'begins again, with the return URL');
    ok(!$c->cookie('wix_auth'), 'and is worth nothing');
    is($c->get($url, %from_wix)->status, 400, 'but only once');
};


subtest 'ten tabs of one browser, in any order' => sub {
    my $b = browser();

    # all pages are opened first, all forms sent, then all come back
    my @page = map { $b->get("/_wix/login?return=%2Ftab%2F$_") } 0 .. 9;
    is(scalar(grep { $_->set_cookie('wix_auth_b') } @page), 1,
       'one binding for all of them');

    my @sent = map { $b->submit($_, {email => $ann, password => $secret}) }
        shuffle @page;
    my @back = map { $b->follow($_, until => qr{/callback\?})->location }
        shuffle @sent;
    my %seen;

    for my $url (shuffle @back) {
        my $res = $b->get($url, %from_wix);
        is($res->status, 303, 'a tab is through');
        my ($tab) = ($res->location // '') =~ m{^/tab/(\d)$};
        ok(defined $tab, 'to its own page');
        $seen{$tab // '-'}++;
        is($b->get('/')->status, 200, 'and logged in');
    }

    is(join(' ', sort keys %seen), join(' ', 0 .. 9), 'each to another one');
};


subtest 'tabs that come back at the same moment' => sub {
    my $b = browser();
    my @page = map { $b->get("/_wix/login?return=%2Ftab%2F$_") } 0 .. 9;
    my @sent = map { $b->submit($_, {email => $ann, password => $secret}) }
        @page;
    my @back = map { $b->follow($_, until => qr{/callback\?})->location }
        @sent;
    my @res = concurrent(map { [$b, GET => $_, %from_wix] } @back);

    is(join(' ', sort map { $_->location // $_->status } @res),
       join(' ', map { "/tab/$_" } 0 .. 9), 'all succeed');
    is($b->get('/')->status, 200, 'the browser is logged in');
};


subtest 'a new session at every login, and the old one is dead' => sub {
    my $b = browser();
    login($b, email => $ann, password => $secret);
    my $old = $b->clone;
    my $first = $b->cookie('wix_auth')->{value};
    is($old->get('/')->status, 200, 'a session');

    # the address of a new attempt, as the page would not be shown again
    my $c = browser();
    $c->get('/_wix/login');
    $b->set_cookie(%{$c->cookie('wix_auth_b')});
    my $res = $b->post('/_wix/login', form => {email => $bob,
                                               password => $secret});
    $b->follow($res);
    isnt($b->cookie('wix_auth')->{value}, $first, 'another login, another id');
    is($b->get('/')->status, 200, 'which is good');

    $res = $old->get('/', headers => {Accept => 'application/json',
                                      'Sec-Fetch-Mode' => 'cors'});
    is($res->status, 401, 'the old one is not');
    is($res->json->{reason}, 'session_ended', 'it has ended');

    # planted: a session of the attacker's, and one that never was
    my $attacker = browser();
    login($attacker, email => $bob, password => $secret);

    for (['of the attacker', $attacker->cookie('wix_auth')->{value}],
         ['made up', 'A' x 54])
    {
        my ($what, $planted) = @$_;
        my $victim = browser();
        my $url = come_back($victim);
        $victim->set_cookie(host => 'localhost', name => 'wix_auth',
                            value => $planted);
        $victim->get($url, %from_wix);
        my $cookie = $victim->cookie('wix_auth')->{value};
        isnt($cookie, $planted, "a cookie $what is replaced");
        is(length $cookie, 54, 'by one of ours');
        is($victim->get('/')->status, 200, 'that works');

        my $eve = browser();
        $eve->set_cookie(host => 'localhost', name => 'wix_auth',
                         value => $planted);
        is($eve->get('/')->status, 302, 'the planted one does not');
    }
};


subtest 'an exchange is never repeated' => sub {
    my %fault = (
        'invalid_grant' => [{type => 'status', status => 400,
            contentType => 'application/json',
            body => '{"error":"invalid_grant"}'}],
        '500' => [{type => 'status', status => 500}, 502, 'upstream_error'],
        '503' => [{type => 'status', status => 503}, 503,
                  'upstream_unavailable'],
        '429' => [{type => 'status', status => 429}, 429,
                  'upstream_throttled'],
        '401' => [{type => 'status', status => 401}, 502, 'upstream_error'],
        'invalid_grant with 500' => [{type => 'status', status => 500,
            contentType => 'application/json',
            body => '{"error":"invalid_grant"}'}, 502, 'upstream_error'],
        'close' => [{type => 'close'}, 503, 'upstream_unavailable'],
        'reset' => [{type => 'reset'}, 503, 'upstream_unavailable'],
        'truncated' => [{type => 'truncate'}, 503, 'upstream_unavailable'],
        'no JSON' => [{type => 'body', body => '<html>'}, 502,
                      'upstream_error'],
        'no token' => [{type => 'body', body => '{"expires_in":9}'}, 502,
                       'upstream_error'],
        'time' => [{type => 'hang'}, 504, 'upstream_timeout'],
    );

    for my $what (sort keys %fault) {
        my ($fault, $status, $reason) = @{$fault{$what}};
        my $b = browser($what eq 'time'
            ? (base => 'http://localhost:' . port('HASTY_PORT')) : ());
        my $url = come_back($b);
        my $before = exchanges();

        # the connection that the calls before it have left open is in use
        my $id = emu_fault('token.authorization_code', $fault, count => -1);
        my $res = $b->get($url, headers => {Accept => 'application/json',
            'Sec-Fetch-Site' => 'cross-site'});
        $emu->clear_faults($id);
        $emu->release;

        if ($status) {
            is_error($res, $status, $reason, "answer: $what");
        } else {
            is_error($res, 400, 'state_mismatch', "answer: $what");
        }
        is(exchanges(), $before + 1, 'one call');
        ok(!$b->cookie('wix_auth'), 'no session');
        is($res->header('Referrer-Policy'), 'no-referrer', 'no-referrer');
        ok($res->header('Retry-After'), 'Retry-After')
            if ($status // 0) =~ /^(?:429|50[34])$/;
    }

    # to a person it is a login that begins again
    my $b = browser();
    my $url = come_back($b, return => '/mine');
    emu_fault('token.authorization_code', $fault{invalid_grant}[0]);
    my $res = $b->get($url, %from_wix);
    is($res->status, 303, 'invalid_grant: begins again');
    is($res->location, '/_wix/login?return=%2Fmine', 'with the return URL');

    # a lost answer: the code is burnt, and no second call is made
    $b = browser();
    $url = come_back($b);
    my $before = exchanges();
    emu_fault('token.authorization_code', {type => 'reset'},
              when => 'after');
    $res = $b->get($url, %from_wix);
    is($res->status, 503, 'the answer is lost');
    is(exchanges(), $before + 1, 'one call');

    # whose token is it?
    $b = browser();
    $url = come_back($b);
    my $visitor = $emu->mint->{access_token};
    emu_fault('token.authorization_code', {type => 'patch',
              set => {access_token => $visitor}});
    is_error($b->get($url, headers => {Accept => 'application/json'}), 502,
             'upstream_error', 'a token of a visitor is no login');
    ok(!$b->cookie('wix_auth'), 'no session');
};


subtest 'an answer of Wix that is an error' => sub {
    my %error = (
        access_denied => [403, 'access_denied'],
        temporarily_unavailable => [503, 'upstream_unavailable'],
        server_error => [503, 'upstream_unavailable'],
        invalid_request => [502, 'upstream_error'],
        '<script>' => [502, 'upstream_error'],
        '' => [502, 'upstream_error'],
    );

    for my $error (sort keys %error) {
        my $b = browser();
        my $state = param(come_back($b), 'state');
        my $before = exchanges();
        my $url = '/_wix/callback?error=' . url_escape($error)
            . "&error_description=%3Cscript%3Ealert(1)&state=$state";

        is_error($b->get($url, headers => {Accept => 'application/json'}),
                 @{$error{$error}}, "error=$error");
        my $res = $b->get($url);
        is($res->status, $error{$error}[0], 'as a page');
        unlike($res->body, qr/<script>/, 'that repeats nothing');
        is(exchanges(), $before, 'nothing to exchange');
    }

    # an error that is not ours to hear
    my $b = browser();
    is_error($b->get('/_wix/callback?error=access_denied&state=x',
                     headers => {Accept => 'application/json'}),
             400, 'state_mismatch', 'an error without a state of ours');

    # both
    my $url = come_back($b);
    my $before = exchanges();
    my $res = $b->get("$url&error=access_denied",
                      headers => {Accept => 'application/json'});
    is_error($res, 403, 'access_denied', 'a code and an error');
    is(exchanges(), $before, 'the code is left alone');
};


subtest 'POST callback' => sub {
    my $b = browser();
    my $url = come_back($b, return => '/posted');
    my %both = map { ($_ => param($url, $_)) } qw(code state);

    my $before = exchanges();
    is_error($b->post('/_wix/callback', json => \%both,
                      headers => {'Sec-Fetch-Site' => 'cross-site'}),
             403, 'cross_site', 'from another site');
    is_error($b->post('/_wix/callback', json => {code => $both{code}}),
             400, 'invalid_request', 'without a state');
    is_error($b->post('/_wix/callback', json => {state => $both{state}}),
             400, 'invalid_request', 'without a code');
    is_error($b->post('/_wix/callback', json => {}),
             400, 'invalid_request', 'without both');
    is_error($b->post('/_wix/callback', body => 'x', type => 'text/plain',
                      headers => {Accept => 'application/json'}),
             415, 'unsupported_media_type', 'of another type');
    is_error(browser()->post('/_wix/callback', json => \%both),
             400, 'state_mismatch', 'from another browser');
    is(exchanges(), $before, 'nothing was exchanged');

    my $res = $b->post('/_wix/callback', json => \%both);
    is($res->status, 200, 'JSON');
    is_deeply($res->json, {state => 'SUCCESS', redirectUrl => '/posted'},
              'the return URL');
    ok($res->set_cookie('wix_auth'), 'and the cookie');
    is($b->get('/')->status, 200, 'logged in');

    # as the page of fragment mode does it
    $b = browser();
    $url = come_back($b, return => '/form');
    $res = $b->post('/_wix/callback', form => {
        map { ($_ => param($url, $_)) } qw(code state)});
    is($res->status, 303, 'a form');
    is($res->location, '/form', 'the return URL');
    ok($b->cookie('wix_auth'), 'and the cookie');

    # both used now
    $b = browser();
    $url = come_back($b);
    $b->get($url, %from_wix);
    $b->clear_cookies('wix_auth');
    is_error($b->post('/_wix/callback', json => {
        map { ($_ => param($url, $_)) } qw(code state)}),
        400, 'state_mismatch', 'a used code');
};


subtest 'code and state are in no log' => sub {
    my @urls;

    for my $how ('success', 'F5', 'bad state', 'bad parameters') {
        my $b = browser();
        my $url = come_back($b);
        push @urls, $url;

        if ($how eq 'bad state') {
            browser()->get($url, %from_wix);
        } elsif ($how eq 'bad parameters') {
            browser()->get("$url&x=1&x=2", %from_wix);
            browser()->get($url =~ s/code=/CODE=/r, %from_wix);
            browser()->get($url =~ s/\?/?a=b&/r, %from_wix);
            browser()->head($url, %from_wix);
            browser()->request(PUT => $url, %from_wix);
            browser()->get($url =~ s/callback/nothing/r, %from_wix);
            browser()->get($url =~ s/callback/login/r, %from_wix);
            browser()->post($url, body => 'x', type => 'text/plain');
        } else {
            $b->get($url, %from_wix) for 1 .. ($how eq 'F5' ? 2 : 1);
        }
    }

    SKIP: {
        skip 'this nginx has no HTTP/2', 2 if !have_module('http_v2');

        my $b = browser(base => 'https://localhost:' . port('TLS_PORT'));
        my $url = come_back($b);
        push @urls, $url;
        my $res = curl('--http2', '-H', 'Cookie: ' . $b->cookie_header(
            'https', 'localhost', '/_wix/callback'), $url);
        like($res->{raw}, qr{^HTTP/2 303\b.*__Host-wix_auth=}ms,
             'a callback by HTTP/2');
        $res = curl('--http2', $url);
        like($res->{raw}, qr{^HTTP/2 303\b.*/_wix/login}ms,
             'and one that begins again');
    }

    my %log = (
        access => $nginx->access_log,
        all    => slurp($nginx->dir . '/all.log'),
        error  => $nginx->error_log,
    );

    for my $name (sort keys %log) {
        like($log{$name}, qr{/_wix/callback\?code=x+&state=x+},
             "$name log shows the request");
        for my $url (@urls) {
            for my $secret (map { param($url, $_) } qw(code state)) {
                unlike($log{$name}, qr/\Q$secret\E/,
                       "$name log does not show a value");
            }
        }
    }

    like($log{error}, qr/request: "GET \/_wix\/callback\?code=xx/,
         'the error log names requests');
    like($log{access}, qr{callback\?code=x+&state=x+ HTTP/2\.0}, 'of HTTP/2')
        if have_module('http_v2');
};


# cookies, each with its exact attributes

sub attributes {
    my ($line) = @_;

    my ($name, undef, $rest) = ($line // '') =~ /^([^=]*)=([^;]*)(.*)$/
        or return 'none';
    my @rest = sort { lc $a cmp lc $b } grep { length } split /;\s*/, $rest;
    return join '; ', $name, @rest;
}

subtest 'attributes of the cookies' => sub {
    my $age = 86400;

    # server: scheme, prefix, then name and attributes of all three
    my @table = (
        [PORT => 'http', '/_wix/', 'nosecure',
         "wix_auth; HttpOnly; Max-Age=$age; Path=/; SameSite=Lax",
         'wix_auth_b; HttpOnly; Max-Age=900; Path=/; SameSite=Lax',
         'wix_auth_r; HttpOnly; Max-Age=900; Path=/_wix/; SameSite=Lax'],
        [HOST_PORT => 'http', '/_wix/', 'default',
         "__Host-wix_auth; HttpOnly; Max-Age=$age; Path=/; SameSite=Lax; "
         . 'Secure',
         '__Host-wix_auth_b; HttpOnly; Max-Age=900; Path=/; SameSite=Lax; '
         . 'Secure',
         '__Secure-wix_auth_r; HttpOnly; Max-Age=900; Path=/_wix/; '
         . 'SameSite=Lax; Secure'],
        [TLS_PORT => 'https', '/_wix/', 'default with TLS, lifetime 2h',
         '__Host-wix_auth; HttpOnly; Max-Age=7200; Path=/; SameSite=Lax; '
         . 'Secure',
         '__Host-wix_auth_b; HttpOnly; Max-Age=900; Path=/; SameSite=Lax; '
         . 'Secure',
         '__Secure-wix_auth_r; HttpOnly; Max-Age=900; Path=/_wix/; '
         . 'SameSite=Lax; Secure'],
        [DOM_PORT => 'http', '/_wix/', 'domain=',
         "wix_auth; Domain=localhost; HttpOnly; Max-Age=$age; Path=/; "
         . 'SameSite=Lax; Secure',
         'wix_auth_b; HttpOnly; Max-Age=900; Path=/; SameSite=Lax; Secure',
         'wix_auth_r; HttpOnly; Max-Age=900; Path=/_wix/; SameSite=Lax; '
         . 'Secure'],
        [DIR_PORT => 'http', '/app/_wix/', 'path=',
         "wix_auth; HttpOnly; Max-Age=$age; Path=/app/; SameSite=Lax",
         'wix_auth_b; HttpOnly; Max-Age=900; Path=/; SameSite=Lax',
         'wix_auth_r; HttpOnly; Max-Age=900; Path=/app/_wix/; SameSite=Lax'],
        [TEMP_PORT => 'http', '/_wix/', 'session',
         '__Host-wix_auth; HttpOnly; Path=/; SameSite=Lax; Secure',
         '__Host-wix_auth_b; HttpOnly; Max-Age=900; Path=/; SameSite=Lax; '
         . 'Secure',
         '__Secure-wix_auth_r; HttpOnly; Max-Age=900; Path=/_wix/; '
         . 'SameSite=Lax; Secure'],
        [NAME_PORT => 'http', '/_wix/', 'another name',
         "sid; HttpOnly; Max-Age=$age; Path=/; SameSite=Lax; Secure",
         'sid_b; HttpOnly; Max-Age=900; Path=/; SameSite=Lax; Secure',
         'sid_r; HttpOnly; Max-Age=900; Path=/_wix/; SameSite=Lax; Secure'],
        # in a frame of another site Lax cookies would not come back
        [NONE_PORT => 'https', '/_wix/', 'samesite=none partitioned',
         "__Host-wix_auth; HttpOnly; Max-Age=$age; Partitioned; Path=/; "
         . 'SameSite=None; Secure',
         '__Host-wix_auth_b; HttpOnly; Max-Age=900; Partitioned; Path=/; '
         . 'SameSite=None; Secure',
         '__Secure-wix_auth_r; HttpOnly; Max-Age=900; Partitioned; '
         . 'Path=/_wix/; SameSite=None; Secure'],
    );

    for (@table) {
        my ($port, $scheme, $prefix, $what, $session, $binding, $returns)
            = @$_;
        my $b = browser(base => "$scheme://localhost:" . port($port));
        my $name = $session =~ s/;.*//r;
        my $return = $prefix eq '/_wix/' ? '/' : '/app/';

        my $end = login($b, email => $ann, password => $secret,
                        prefix => $prefix, return => $return);
        is($end->status, 200, "$what: logged in");

        my $page = $b->clone(jar => [])->get("${prefix}login");
        my ($posted, undef, $back) = $end->chain;

        is(attributes($page->set_cookie(qr/_b=/)), $binding, 'binding');
        is(attributes($posted->set_cookie(qr/_r=/)), $returns, 'returns');
        is(attributes($back->set_cookie(qr/^\Q$name\E=/)), $session,
           'session');
        like($page->set_cookie(qr/_b=/), qr/^[^=]*=[A-Za-z0-9_-]{22}; /,
             '128 bits');
        is(length(($back->set_cookie($name) // '') =~ s/^[^=]*=([^;]*).*/$1/r),
           54, '54 characters');

        # and the way out, by the same attributes
        my $out = $b->post("${prefix}logout", form => {});
        is(attributes($out->set_cookie($name)),
           attributes("$name=; " . (($session =~ s/^[^;]*; //r)
           =~ s/Max-Age=\d+; //r) . '; Max-Age=0'), 'logout');
        ok(!$b->cookie($name), 'and it is gone');
    }
};


subtest 'the returns cookie' => sub {
    my $b = browser();

    # tampered with, or another browser's: then the way leads home
    my $url = come_back($b, return => '/mine');
    my $c = browser();
    come_back($c, return => '/hers');

    for (['missing', undef], ['tossed', 'nonsense'],
         ['foreign', $c->cookie('wix_auth_r')->{value}])
    {
        my ($what, $value) = @$_;
        my $b = browser();
        my $url = come_back($b, return => '/mine');
        my $old = $b->cookie('wix_auth_r');
        $b->clear_cookies('wix_auth_r');
        $b->set_cookie(host => 'localhost', name => 'wix_auth_r',
                       value => $value, path => '/_wix/') if defined $value;
        my $res = $b->get($url, %from_wix);
        is($res->status, 303, "$what: logged in all the same");
        is($res->location, '/', 'but to the front page');
        ok($b->cookie('wix_auth'), 'with a session');
    }

    # it holds no more than 3.5 KB, and the newest win
    $b = browser();
    my @url = map { come_back($b, return => "/$_/" . 'x' x 800) } 0 .. 7;
    ok(length $b->cookie('wix_auth_r')->{value} <= 3584, 'at most 3.5 KB');
    is($b->get($url[7], %from_wix)->location, '/7/' . 'x' x 800,
       'the newest is there');
    is($b->get($url[0], %from_wix)->location, '/', 'the oldest is not');
};


subtest 'redirect URIs by directive' => sub {
    my %want = (
        PATH_PORT => 'http://localhost:' . port('PATH_PORT')
            . '/_wix/callback',
        ABS_PORT => 'http://localhost:' . port('ABS_PORT') . '/_wix/callback',
        VAR_PORT => 'http://localhost:' . port('VAR_PORT') . '/_two/callback',
    );

    for my $port (sort keys %want) {
        my $prefix = $port eq 'VAR_PORT' ? '/_two/' : '/_wix/';
        my $b = browser(base => 'http://localhost:' . port($port));
        my $end = login($b, email => $ann, password => $secret,
                        prefix => $prefix, return => '/there');
        is($end->status, 200, "$port: logged in");
        is(param(($end->chain)[1]{url}, 'redirectUri'), $want{$port},
           'by this redirect URI');
        like(($end->chain)[2]{url}, qr/^\Q$want{$port}\E\?/, 'and back');
    }

    # TLS and the public name are in front: nothing that is forwarded counts
    my $b = browser(base => $base);
    my $res = $b->get('/', headers => {Accept => 'text/html'});
    like($res->location, qr{^/_wix/login}, 'base_url: a path to login');
    my $end = login($b, email => $ann, password => $secret,
                    return => "$base/here");
    is($end->status, 200, 'base_url: logged in');
    is(param(($end->chain)[1]{url}, 'redirectUri'), "$base/_wix/callback",
       'redirectUri is on it');
    like($end->{url}, qr{^\Q$base\E/here$}, 'and so is the return URL');

    # a host that this server does not have
    $b = browser();
    $res = $b->submit($b->get('/_wix/login'),
        {email => $ann, password => $secret});
    my $other = $b->post('/_wix/login',
        form => {email => $ann, password => $secret},
        headers => {Host => 'evil.test'});
    is(param($other->location, 'redirectUri'),
       param($res->location, 'redirectUri'), 'Host: evil.test is ignored');
};


subtest 'an attempt that has expired' => sub {
    plan(skip_all => scalar WixAuthTest::Clock->missing) if !$clock;

    my $b = browser();
    my $url = come_back($b, return => '/late');
    my $before = exchanges();

    # the cookies would be gone by then: keep them, the state must do
    $clock->advance(899);
    is_error($b->get($url =~ s/code=[^&]*/code=/r,
                     headers => {Accept => 'application/json'}), 400,
             'invalid_request', 'still there after 899 seconds');

    $clock->advance(2);
    my $res = $b->get($url, %from_wix);
    is($res->status, 303, 'after 15 minutes');
    is($res->location, '/_wix/login?return=%2Flate', 'to login, and on');
    is_error($b->get($url, headers => {Accept => 'application/json'}), 400,
             'attempt_expired', 'JSON gets the error');
    is_error($b->post('/_wix/callback', json => {
        map { ($_ => param($url, $_)) } qw(code state)}), 400,
        'attempt_expired', 'so does POST');
    is(exchanges(), $before, 'the code is not exchanged');

    # just in time
    $clock->set(0);
    $b = browser();
    $url = come_back($b, return => '/in-time');
    $clock->advance(890);
    is($b->get($url, %from_wix)->location, '/in-time', 'after 890 seconds');
    $clock->set(0);
};


done_testing();
