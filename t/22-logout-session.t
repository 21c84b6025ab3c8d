#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Endpoints logout and session.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;
use WixAuthTest::Clock;

my $ann    = 'ann@example.com';
my $secret = 'secret-of-ann-1';

my @ports = qw(PORT HASTY_PORT HOME_PORT ABS_PORT IDLE_PORT);

my $emu = start_emulator(
    member => ["$ann:$secret"],
    redirect_uri => [
        (map { 'http://localhost:' . port($_) . '/_wix/callback' } @ports),
        'https://localhost:' . port('TLS_PORT') . '/_wix/callback',
    ],
    redirect_domain => ['localhost', 'bye.localhost'],
);
start_upstream();

my $clock = WixAuthTest::Clock->missing
    ? undef : WixAuthTest::Clock->new(temp_dir());

my $site = <<'END';
    server_name localhost;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
END

my $bye = 'http://bye.localhost:' . port('PORT') . '/farewell';

my $conf = <<"END";
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_client_id %%CLIENT%%;
wix_auth_cookie nosecure;

server {
    listen 127.0.0.1:%%PORT%%;
    $site

    # ours is the last word here, so auth_request has to ask for it
    location = /check {
        internal;
        set \$args require=1;
        wix_auth_endpoints session;
    }
    location /asked/ungated/ {
        wix_auth off;
        auth_request /check;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /asked/gated/ {
        auth_request /check;
        proxy_pass http://%%UPSTREAM%%;
    }
    location = /asked/page {
        wix_auth off;
        auth_request /check;
        error_page 401 = \@login;
        proxy_pass http://%%UPSTREAM%%;
    }
    location \@login { return 303 /_wix/login?return=\$request_uri; }
}
server {
    listen 127.0.0.1:%%PORT%%;
    server_name bye.localhost;
    location / { return 200 "farewell\\n"; }
}
server {
    listen 127.0.0.1:%%TLS_PORT%% ssl;
    ssl_certificate %%CERTS%%/server.pem;
    ssl_certificate_key %%CERTS%%/server.key;
    server_name localhost;
    wix_auth required;
    wix_auth_cookie session;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
}
server {
    listen 127.0.0.1:%%HASTY_PORT%%;
    $site
    wix_auth_api_timeout 1s;
}
server {
    listen 127.0.0.1:%%HOME_PORT%%;
    $site
    wix_auth_logout_redirect /goodbye?x=1;
    location = /goodbye { wix_auth off; return 200 "goodbye\\n"; }
}
server {
    listen 127.0.0.1:%%ABS_PORT%%;
    $site
    wix_auth_logout_redirect $bye;
}
server {
    listen 127.0.0.1:%%IDLE_PORT%%;
    $site
    wix_auth_session_idle 1h;
}
server {
    # nobody without a session may even try
    listen 127.0.0.1:%%ODD_PORT%%;
    server_name localhost;
    location = /check {
        internal;
        set \$args require=1;
        wix_auth_endpoints session;
    }
    location ^~ /_wix/ { auth_request /check; wix_auth_endpoints; }
}
END

my $start = sub { start_nginx(conf => $conf, workers => 2) };
my $nginx = $clock ? $clock->with($start) : $start->();

sub is_error {
    my ($res, $status, $reason, $what) = @_;

    my $got = $res->json // {};
    is($res->status . ' ' . ($got->{error} // 'no JSON'),
       "$status $reason", $what)
        or diag($res->{head}, "\n\n", substr $res->body, 0, 500);
    return;
}

# a browser that is logged in
sub member {
    my ($port) = @_;

    my $b = browser($port
        ? (base => ($port =~ /TLS/ ? 'https' : 'http') . '://localhost:'
                   . port($port)) : ());
    my $res = login($b, email => $ann, password => $secret);
    die "no login: $res->{head}\n" if $res->status != 200;
    return $b;
}

# what a program that has the browser's cookies sees
sub reason {
    my ($b) = @_;
    my $res = $b->get('/', headers => {Accept => 'application/json',
                                       'Sec-Fetch-Mode' => 'cors'});
    return $res->status . ' ' . (($res->json // {})->{reason} // '');
}

sub session {
    my ($b, $query) = @_;
    return $b->get('/_wix/session' . ($query // ''));
}


subtest 'only a POST from our own pages' => sub {
    my $b = member();
    my $calls = emu_count('redirect-session.logout');

    my $res = $b->get('/_wix/logout');
    is($res->status, 405, 'GET is not allowed');
    is($res->header('Allow'), 'POST', 'Allow');
    my ($form) = $res->forms;
    is($form->{method}, 'POST', 'but a button is shown');
    is($form->{action}, '/_wix/logout', 'to log out with');
    is($b->head('/_wix/logout')->status, 405, 'nor HEAD');
    $res = browser()->get('/_wix/logout');
    is($res->status, 405, 'nor for a stranger');
    is(scalar($res->forms), 0, 'who gets no button');
    like($res->body, qr{href="/_wix/login"}, 'but a way to log in');
    is_error($b->get('/_wix/logout', headers =>
                     {Accept => 'application/json'}),
             405, 'method_not_allowed', 'GET that wants JSON');
    is_error($b->request($_ => '/_wix/logout', headers =>
                         {Accept => 'application/json'}),
             405, 'method_not_allowed', $_) for qw(PUT DELETE);

    my @foreign = (
        {'Sec-Fetch-Site' => 'cross-site'},
        {'Sec-Fetch-Site' => 'same-site'},
        {'Sec-Fetch-Site' => undef, Origin => 'https://evil.test'},
        {'Sec-Fetch-Site' => undef, Origin => 'null'},
        {'Sec-Fetch-Site' => undef, Origin => undef,
         Referer => 'https://evil.test/'},
        {'Sec-Fetch-Site' => undef, Origin => undef},
    );

    for my $headers (@foreign) {
        my %headers = (Accept => 'application/json', %$headers);
        my $what = join ', ', map { "$_: " . ($headers->{$_} // '-') }
            sort keys %$headers;

        my $res = $b->post('/_wix/logout', form => {}, headers => \%headers);
        is_error($res, 403, 'cross_site', $what);
        is($b->post('/_wix/logout', headers => \%headers)->status, 403,
           'without a type, too');
        ok(!$res->set_cookie('wix_auth'), 'the cookie stays');
    }

    is_error($b->post('/_wix/logout', body => 'x', type => 'text/plain',
                      headers => {Accept => 'application/json'}),
             415, 'unsupported_media_type', 'text/plain');
    is(reason($b), '200 ', 'the session lives');
    is(emu_count('redirect-session.logout'), $calls, 'Wix knows nothing');
};


subtest 'a logout by form' => sub {
    my $b = member();
    my $thief = $b->clone;
    my $binding = $b->cookie('wix_auth_b')->{value};

    my $res = $b->submit($b->get('/_wix/logout'), {});
    is($res->status, 303, 'a redirect');
    like($res->location, qr{^\Q@{[$emu->site]}\E/logout\?}, 'to Wix');
    is($res->header('Referrer-Policy'), 'no-referrer', 'no-referrer');
    is($res->header('Cache-Control'), 'no-store', 'no-store');
    is($res->header('Clear-Site-Data'), '"cache"', 'Clear-Site-Data');
    is($res->set_cookie('wix_auth'),
       'wix_auth=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax',
       'the cookie is cleared by the attributes it was set with');
    ok(!$b->cookie('wix_auth'), 'it is gone');

    # before the browser has been at Wix
    is(reason($thief), '401 session_ended', 'the session is over at once');

    my $end = $b->follow($res, until => qr{/_wix/login});
    my @chain = map { $_->{url} } $end->chain;
    is($chain[2], 'http://localhost:' . port('PORT') . '/',
       'from Wix to postFlowUrl');
    is(emu_count('logout') > 0 ? 1 : 0, 1, 'Wix was visited');

    my $again = $b->post('/_wix/logout', form => {});
    is($again->status, 303, 'a second logout');
    is($again->location, '/', 'goes home');
    is($again->header('Clear-Site-Data'), '"cache"', 'Clear-Site-Data');
    is(attributes($again), attributes($res), 'the cookie is cleared again');
};

sub attributes { return ($_[0]->set_cookie('wix_auth') // '') =~ s/^[^;]*//r }


subtest 'a logout by JSON' => sub {
    my $b = member();
    my $res = $b->post('/_wix/logout', json => {});
    is($res->status, 200, 'succeeds');
    is(join(' ', keys %{$res->json // {}}), 'redirectUrl',
       'redirectUrl and nothing more');
    like($res->json->{redirectUrl}, qr{^\Q@{[$emu->site]}\E/logout\?},
         'at Wix');
    is($res->header('Clear-Site-Data'), '"cache"', 'Clear-Site-Data');
    ok(!$b->cookie('wix_auth'), 'the cookie is gone');
    is($b->get('/')->status, 302, 'logged out');

    $res = $b->post('/_wix/logout', json => {});
    is_deeply($res->json, {redirectUrl => '/'}, 'nothing left to end');

    $b = member();
    $res = $b->post('/_wix/logout');
    is($res->status, 303, 'without type and body');
    ok(!$b->cookie('wix_auth'), 'as well');

    $b = member();
    $res = $b->post('/_wix/logout', body => '',
                    type => 'application/json');
    is($res->status, 200, 'JSON type and no body');
    ok(!$b->cookie('wix_auth'), 'as well');

    is_error($b->post('/_wix/logout', body => '{', type =>
             'application/json'), 400, 'invalid_request', 'bad JSON');
};


subtest 'cookies with other attributes' => sub {
    my $b = member('TLS_PORT');
    my $res = $b->post('/_wix/logout', form => {});
    is($res->set_cookie('__Host-wix_auth'), '__Host-wix_auth=; Path=/; '
       . 'Max-Age=0; HttpOnly; Secure; SameSite=Lax', '__Host-');
    ok(!$b->cookie('__Host-wix_auth'), 'is gone');
    is($b->get('/')->status, 302, 'logged out');

    # every session that the browser shows ends, not only the first
    my ($one, $two) = (member(), member());
    my $both = join '; ', map { 'wix_auth=' . $_->cookie('wix_auth')->{value} }
        $one, $two;
    browser()->post('/_wix/logout', form => {}, headers =>
                    {Cookie => $both});
    is(reason($_), '401 session_ended', 'one of two') for $one, $two;
};


subtest 'where the browser ends' => sub {
    my $b = member('HOME_PORT');
    my $end = $b->follow($b->post('/_wix/logout', form => {}));
    is($end->body, "goodbye\n", 'wix_auth_logout_redirect: a path');
    is($end->{url}, 'http://localhost:' . port('HOME_PORT') . '/goodbye?x=1',
       'with its query');

    is($b->post('/_wix/logout', form => {})->location, '/goodbye?x=1',
       'also without Wix');

    $b = member('ABS_PORT');
    $end = $b->follow($b->post('/_wix/logout', form => {}));
    is($end->body, "farewell\n", 'an absolute one');
    is($end->{url}, $bye, 'elsewhere');

    # what the form says does not matter
    $b = member();
    $end = $b->follow($b->post('/_wix/logout', form => {
        return => $bye, postFlowUrl => 'http://evil.test/'}),
        until => qr{/_wix/login});
    is($end->{url}, 'http://localhost:' . port('PORT') . '/',
       'the form cannot choose');
};


subtest 'Wix is away' => sub {
    my @faults = (
        ['503' => {type => 'status', status => 503}],
        ['401' => {type => 'status', status => 401}],
        ['its session is over' => {type => 'status', status => 400,
            contentType => 'application/json', body => '{"details":'
            . '{"applicationError":{"code":"FAILED_TO_EXTRACT_SESSION"}}}'}],
        ['reset' => {type => 'reset'}],
        ['no JSON' => {type => 'body', body => '<html>'}],
        ['an address that is none' => {type => 'patch', set =>
            {'redirectSession.fullUrl' => 'http://evil.test/'}}],
        ['too slow' => {type => 'hang'}],
    );

    for (@faults) {
        my ($what, $fault) = @$_;

        for my $type ('form', 'json') {
            my $b = member($what eq 'too slow' ? 'HASTY_PORT' : ());
            my $thief = $b->clone;
            my $id = emu_fault('redirect-session.logout', $fault,
                               count => -1);
            my $res = $b->post('/_wix/logout', $type => {});
            $emu->clear_faults($id);
            $emu->release;

            if ($type eq 'form') {
                is($res->status, 303, "answer: $what");
                is($res->location, '/', 'home');
            } else {
                is_deeply($res->json, {redirectUrl => '/'}, "JSON: $what");
            }
            is($res->header('Clear-Site-Data'), '"cache"', 'cleared');
            ok(!$b->cookie('wix_auth'), 'no cookie');
            is(reason($thief), '401 session_ended', 'no session');
        }
    }
};


subtest 'the session ends before Wix answers' => sub {
    my $b = member();
    my $thief = $b->clone;
    my $before = $emu->inflight->{count};

    emu_fault('redirect-session.logout', {type => 'hang'});
    my $sock = open_socket(port('PORT'));
    syswrite $sock, $b->prepare(POST => '/_wix/logout', form => {})->{bytes};

    ok(wait_for { $emu->inflight->{count} > $before }, 'Wix is asked');
    is(reason($thief), '401 session_ended', 'the session is over already');

    # the browser does not wait for it
    close $sock;
    $emu->release;
    is(reason($thief), '401 session_ended', 'and stays so');
};


subtest 'an access token that has expired' => sub {
    # for Wix only: its clock is ahead
    my $b = member();
    $emu->advance(20_000);
    my $res = $b->post('/_wix/logout', form => {});
    is($res->status, 303, 'Wix does not take it');
    ok(!$b->cookie('wix_auth'), 'logged out here');
    is($b->get('/')->status, 302, 'really');

    SKIP: {
        skip(scalar WixAuthTest::Clock->missing, 9) if !$clock;

        # for both: a new one is fetched first
        $b = member();
        $clock->advance(20_000);
        $emu->advance(20_000);
        my $before = emu_count('token.refresh_token');
        $res = $b->post('/_wix/logout', form => {});
        is(emu_count('token.refresh_token'), $before + 1, 'one refresh');
        like($res->location, qr{^\Q@{[$emu->site]}\E/logout\?},
             'and so to Wix');
        is($b->get('/')->status, 302, 'logged out');

        # and there is none to be had
        $b = member();
        my $thief = $b->clone;
        $clock->advance(20_000);
        $emu->advance(20_000);
        emu_fault('token.refresh_token', {type => 'status', status => 503});
        $res = $b->post('/_wix/logout', form => {});
        is($res->status, 303, 'no refresh');
        is($res->location, '/', 'home');
        ok(!$b->cookie('wix_auth'), 'no cookie');
        is(reason($thief), '401 session_ended', 'no session');

        # the session itself has expired
        $b = member();
        $clock->advance(86_400);
        $before = emu_count('redirect-session.logout');
        $res = $b->post('/_wix/logout', form => {});
        is($res->location, '/', 'an expired session: home');
        ok(!$b->cookie('wix_auth'), 'without the cookie');
    }

    $emu->clear_faults;
};


subtest 'session: JSON' => sub {
    my $b = browser();
    my $res = session($b);
    is($res->status, 200, 'a stranger is told');
    is($res->header('Content-Type'), 'application/json', 'in JSON');
    is_deeply($res->json, {authenticated => JSON::PP::false,
                           loginUrl => '/_wix/login'}, 'where to log in');
    is($res->header('Cache-Control'), 'no-store', 'no-store');
    is(scalar(() = $res->headers('Set-Cookie')), 0, 'no cookie');

    $b = member();
    my $before = emu_count('*');
    $res = session($b);
    my $json = $res->json;
    is($res->status, 200, 'a member is told');
    is(join(' ', sort keys %$json), 'authenticated expiresIn member',
       'exactly that');
    is($json->{authenticated}, JSON::PP::true, 'authenticated');
    is(join(' ', sort keys %{$json->{member}}), 'email id', 'who');
    is($json->{member}{email}, $ann, 'by e-mail');
    like($json->{member}{id}, qr/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
         'and id');
    ok($json->{expiresIn} > 86_300 && $json->{expiresIn} <= 86_400,
       'for how long');
    is(scalar(() = $res->headers('Set-Cookie')), 0, 'no cookie');
    is(emu_count('*'), $before, 'Wix is not asked');

    for (grep { $_->{kind} =~ /token/ } emu_secrets()) {
        next if index($res->{raw}, $_->{value}) < 0;
        fail("a $_->{kind} in the answer");
    }
    unlike($res->body, qr/OauthNG|JWS/, 'no token');

    is(session($b, '?require=0')->status, 200, 'require=0 is no require');
    my $head = $b->head('/_wix/session');
    is($head->status, 200, 'HEAD');
    is($head->header('Content-Length'), length $res->body, 'as GET');
    is_deeply(session($b, '?x=y&z')->json->{member}, $json->{member},
              'other arguments do not matter');

    # two cookies of the name, the first is none of ours
    $res = browser()->get('/_wix/session', headers => {Cookie =>
        'wix_auth=nonsense; wix_auth=' . $b->cookie('wix_auth')->{value}});
    ok($res->json->{authenticated}, 'the good one of two cookies');

    $res = browser()->get('/_wix/session', headers => {Cookie =>
        'wix_auth=' . 'A' x 54});
    ok(!$res->json->{authenticated}, 'a made-up cookie');
    is(scalar(() = $res->headers('Set-Cookie')), 0, 'is not cleared');
};


subtest 'session: require=1' => sub {
    for my $method (qw(GET HEAD)) {
        my $res = browser()->request($method, '/_wix/session?require=1');
        is($res->status, 401, "$method: a stranger");
        is($res->body, '', 'no body');
        like($res->header('WWW-Authenticate'), qr/^Bearer realm="wix"/,
             'a challenge');
        is($res->location, undef, 'no redirect');
        is($res->header('Cache-Control'), 'no-store', 'no-store');

        $res = member()->request($method, '/_wix/session?require=1');
        is($res->status, 204, "$method: a member");
        is($res->body, '', 'no body');
        is($res->header('Cache-Control'), 'no-store', 'no-store');
    }

    # the connection stays good after an answer without a body
    my $b = member();
    my $head = "Host: localhost:" . port('PORT') . "\r\nCookie: wix_auth="
        . $b->cookie('wix_auth')->{value} . "\r\n";
    my $text = raw(port('PORT'), "GET /_wix/session?require=1 HTTP/1.1\r\n"
        . "$head\r\nGET /_wix/session HTTP/1.1\r\n$head"
        . "Connection: close\r\n\r\n");
    like($text, qr{\AHTTP/1\.1 204.*^HTTP/1\.1 200 .*"authenticated":true}ms,
         '204 and 200 on one connection');
};


subtest 'session: as the target of auth_request' => sub {
    my $b = member();
    my $ended = member();
    my $dead = $ended->clone;
    $ended->post('/_wix/logout', form => {});

    for my $path ('/asked/ungated/x', '/asked/gated/x', '/asked/page') {
        my $res = $b->get("$path?a=b");
        is($res->status, 200, "$path: a member passes");
        is($res->json->{uri}, "$path?a=b", 'to the upstream');

        for my $who (browser(), $dead) {
            $res = $who->get("$path?require=0", headers => {
                Accept => 'application/json', 'Sec-Fetch-Mode' => 'cors'});
            is($res->status, $path =~ /page/ ? 303 : 401,
               'a stranger does not');
        }
    }

    like(browser()->get('/asked/page?x')->location,
         qr{/_wix/login\?return=/asked/page\?x$}, 'error_page works');

    my $res = browser()->post('/asked/ungated/x', body => 'x' x 5000,
        type => 'text/plain', headers => {Accept => 'application/json'});
    is($res->status, 401, 'a POST of a stranger');
    $res = $b->post('/asked/ungated/x', body => 'x' x 5000,
                    type => 'text/plain');
    is($res->status, 200, 'a POST of a member');
    is($res->json->{length}, 5000, 'with its body');
    is($res->json->{headers}{cookie}, undef, 'without our cookies');

    is($b->get('/check')->status, 404, 'the internal location is internal');

    # an endpoint that is asked for itself: each with its own arguments
    for my $path ('/_wix/login', '/_wix/login?return=%2Fx',
                  '/_wix/session?require=0')
    {
        my $res = browser(base => 'http://localhost:' . port('ODD_PORT'))
            ->get($path);
        is($res->status, 401, "a stranger at $path");
    }
};


subtest 'session: does not keep a session alive' => sub {
    plan(skip_all => scalar WixAuthTest::Clock->missing) if !$clock;

    my $b = member('IDLE_PORT');
    my $used = member('IDLE_PORT');
    my $expires = session($b)->json->{expiresIn};

    for (1 .. 3) {
        $clock->advance(1_500);
        is(session($b)->json->{authenticated}
           ? 'authenticated' : 'not authenticated',
           $_ < 3 ? 'authenticated' : 'not authenticated',
           'asked after ' . 25 * $_ . ' minutes');
        is(session($used, '?require=1')->status, 204, 'another asks, too');
        is($used->get('/')->status, 200, 'and looks at pages');
    }

    is(reason($b), '401 session_idle', 'over after an hour');
    is(session($used)->json->{authenticated} ? 1 : 0, 1,
       'what was used is not');
    ok(session($used)->json->{expiresIn} <= $expires - 4_500,
       'though its end comes nearer');

    $clock->advance(1_500);
    $used->get('/') for 1 .. 2;
    $clock->advance(86_400);
    is_deeply(session($used)->json, {authenticated => JSON::PP::false,
        loginUrl => '/_wix/login'}, 'and after its lifetime it is over');
};


done_testing();
