#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# wix_auth_visitor: who gets a visitor's identity and who does not, what it
# costs, how it is refreshed, and that it follows its browser into a login.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;

my %ann = (email => 'ann@example.com', password => 'secret-of-ann-1');
my @ports = qw(PORT FEW_PORT SILENT_PORT);

start_emulator(
    member => ["$ann{email}:$ann{password}"],
    redirect_uri => [map { 'http://localhost:' . port($_) . '/_wix/callback' }
                     @ports],
);
start_upstream();

my $nginx = start_nginx(workers => 2, conf => <<'END');
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
wix_auth_refresh_lock_timeout 2s;
add_header X-Status $wix_auth_status always;
add_header X-Reason $wix_auth_reason always;
proxy_set_header X-Token $wix_auth_access_token;
proxy_set_header X-Member $wix_auth_member_id;
proxy_set_header X-Session $wix_auth_session_id;

server {
    listen 127.0.0.1:%%PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;

    location ^~ /_wix/ { wix_auth_endpoints; }

    location / { proxy_pass http://%%UPSTREAM%%; }

    location /shop/ {
        wix_auth optional;
        wix_auth_visitor on rate=600r/m;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /plain/ {
        wix_auth optional;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /indirect/ {
        wix_auth optional;
        wix_auth_visitor on rate=600r/m;
        try_files /none /shop/inside;
    }
    location = /asked {
        wix_auth off;
        auth_request /_wix/session;
        try_files /none @asked;
    }
    location @asked { wix_auth off; proxy_pass http://%%UPSTREAM%%; }
}

server {
    listen 127.0.0.1:%%FEW_PORT%%;
    server_name localhost;
    wix_auth_zone zone=few:1m;
    wix_auth_cookie nosecure session;
    wix_auth_client_id %%CLIENT%%;

    location ^~ /_wix/ { wix_auth_endpoints; }
    location /flood/ {
        wix_auth optional;
        wix_auth_visitor on rate=3r/m lifetime=1h;
        try_files /none =204;
    }
    location / {
        wix_auth optional;
        wix_auth_visitor on rate=3r/m lifetime=1h;
        proxy_pass http://%%UPSTREAM%%;
    }
}
END

my %person = (Accept => 'text/html', 'Sec-Fetch-Mode' => 'navigate',
              'Sec-Fetch-Site' => 'none');
my $minted = sub { emu_count('token.anonymous') };

sub page {
    my ($b, $path, %h) = @_;
    return $b->get($path, headers => {%person, %h});
}

sub seen {
    my ($res) = @_;
    return join ' ', $res->status, grep { length }
        map { $res->header($_) // '' } 'X-Status', 'X-Reason';
}

sub upstream_saw {
    my ($last) = reverse upstream()->requests;
    return $last->{headers};
}

# a header that the upstream saw, by its name in any case
sub saw {
    my ($name) = @_;
    my $h = upstream_saw();
    my ($key) = grep { lc $_ eq lc $name } keys %$h;
    return '' if !defined $key;
    return ref $h->{$key} ? join ', ', @{$h->{$key}} : $h->{$key};
}


subtest 'a first page' => sub {
    my $b = browser();
    my $before = $minted->();

    my $res = page($b, '/shop/x');
    is(seen($res), '200 VISITOR', 'gets an identity');
    is($minted->(), $before + 1, 'by one call');

    my ($set) = grep { /^wix_auth=/ } $res->headers('Set-Cookie');
    like($set, qr/^wix_auth=[\w-]{54}; /, 'and a cookie');
    like($set, qr/Max-Age=2592000\b/, 'for 30 days');
    like($set, qr/; HttpOnly/, 'that no script sees');
    like($set, qr/; SameSite=Lax/, 'SameSite=Lax');
    is($res->header('Cache-Control'), 'private', 'the answer is private');

    my $token = saw('X-Token');
    like($token, qr/\AOauthNG\.JWS\./, 'the upstream has its token');
    is(saw('X-Member'), '', 'and no member id');
    like(saw('X-Session'), qr/\A[0-9a-f]{32}\z/, 'a public handle');
    unlike(saw('Cookie'), qr/wix_auth/, 'but not the cookie');

    $res = page($b, '/shop/y');
    is(seen($res), '200 VISITOR', 'the second page');
    is(saw('X-Token'), $token, 'has the same identity');
    is(scalar(grep { /wix_auth/ } $res->headers('Set-Cookie')), 0, 'and no new cookie');

    $res = $b->get('/shop/data', headers => {
        Accept => 'application/json', 'Sec-Fetch-Mode' => 'cors'});
    is(seen($res), '200 VISITOR', "a script's request uses it too");
    is($minted->(), $before + 1, 'all by the one call');

    my $c = browser();
    page($c, '/shop/x');
    isnt(saw('X-Token'), $token, 'another browser has its own');

    $res = page(browser(), '/indirect/x');
    is(seen($res), '200 VISITOR', 'after an internal redirect');
    is(scalar(grep { /^wix_auth=/ } $res->headers('Set-Cookie')), 1, 'one cookie');
};


subtest 'an answer that sets the cookie is stored by no cache' => sub {
    my $url = '/shop/x?__header=' . url_escape('Cache-Control:public, max-age=9');
    my $b = browser();

    my $res = page($b, $url);
    is($b->cookie('wix_auth') ? 1 : 0, 1, 'a new visitor');
    is($res->header('Cache-Control'), 'no-store', 'whatever the upstream says');
    is(page($b, $url)->header('Cache-Control'), 'public, max-age=9',
       'the next answer is as the upstream made it');
};


subtest 'no visitor in a member\'s place' => sub {
    # a cookie that no key of ours has made, but that is no member's
    my $c = browser();
    page($c, '/shop/x');
    my $value = $c->cookie('wix_auth')->{value};
    my $stale = substr($value, 0, 40)
        . join '', map { $_ eq 'A' ? 'B' : 'A' } split //, substr $value, 40;
    is(seen(page(browser(), '/shop/x', Cookie => "wix_auth=$stale")),
       '200 VISITOR', 'a visitor of a lost key gets another identity');

    # beside a member's dead session a visitor's is not asked
    my $d = browser();
    login($d, %ann);
    my $member = $d->cookie('wix_auth')->{value};
    $d->post('/_wix/logout', form => {});
    is(seen(page(browser(), '/shop/x',
                 Cookie => "wix_auth=$value; wix_auth=$member")),
       '200 EXPIRED session_ended', 'a dead member stays one');
};


subtest 'who gets none' => sub {
    my $before = $minted->();
    my $b = browser();

    my %none = (
        'a program' => [GET => '/shop/x', {
            Accept => 'application/json', 'Sec-Fetch-Mode' => 'cors'}],
        'a prefetch' => [GET => '/shop/x', {
            %person, 'Sec-Purpose' => 'prefetch'}],
        'HEAD' => [HEAD => '/shop/x', {%person}],
        'POST' => [POST => '/shop/x', {%person}],
        'an Authorization' => [GET => '/shop/x', {
            %person, Authorization => 'Basic eDp5'}],
        'wix_auth_visitor off' => [GET => '/plain/x', {%person}],
        'a cookie that is not ours' => [GET => '/shop/x', {
            %person, Cookie => 'wix_auth=' . 'A' x 54}],
    );

    for (sort keys %none) {
        my ($method, $path, $headers) = @{$none{$_}};
        my $res = $b->request($method, $path, headers => $headers);
        is(seen($res), '200 ANONYMOUS no_session', $_);
        is(scalar(grep { /wix_auth/ } $res->headers('Set-Cookie')), 0, "$_: no cookie");
    }

    is(page($b, '/x')->status, 302, 'a required location: to the login');
    is($minted->(), $before, 'no call was made');
};


subtest 'a visitor is no member' => sub {
    my $b = browser();
    page($b, '/shop/x');
    ok($b->cookie('wix_auth'), 'a visitor');

    my $res = page($b, '/x');
    is(seen($res), '302 ANONYMOUS no_session', 'where a member is required');
    is(seen(page($b, '/plain/x')), '200 ANONYMOUS no_session',
       'where visitors are off');
    is(saw('X-Token'), '', 'no token there');

    $res = $b->get('/_wix/session');
    is_deeply($res->json->{authenticated}, JSON::PP::false(),
              'session: not authenticated');
    is($b->get('/_wix/session?require=1')->status, 401, 'require=1: 401');
    is($b->get('/asked')->status, 401, 'auth_request: 401');

    is(page($b, '/_wix/login')->status, 200, 'the login page is shown');
};


subtest 'into a login, and out again' => sub {
    my $b = browser();
    page($b, '/shop/x');
    my $visitor = $b->cookie('wix_auth')->{value};
    my ($seq) = reverse map { $_->{seq} } emu_log();
    my $before = $minted->();

    is(login($b, %ann)->status, 200, 'the visitor logs in');
    is($minted->(), $before, 'with the identity that the browser had');

    my ($login) = emu_log('login', after => $seq);
    is($login->{token}, 'visitor', 'a visitor\'s token');

    my $token = saw('X-Token');
    is(seen(page($b, '/shop/x')), '200 HIT', 'now a member');
    isnt($b->cookie('wix_auth')->{value}, $visitor, 'with a new cookie');

    my $res = page(browser(), '/shop/x', Cookie => "wix_auth=$visitor");
    is(seen($res), '200 EXPIRED session_ended', 'the old one has ended');
    is(scalar(grep { /wix_auth/ } $res->headers('Set-Cookie')), 0,
       'and gets no successor that would replace the member\'s cookie');

    # the member's session dies: never a visitor by itself
    emu_control(POST => '/revoke', {email => $ann{email}});

    my $c = browser();
    is(login($c, %ann)->status, 200, 'another session');
    my $dead = $c->cookie('wix_auth')->{value};
    is($c->post('/_wix/logout', form => {})->status, 303, 'logs out');
    ok(!$c->cookie('wix_auth'), 'without a cookie');
    is(seen(page($c, '/shop/x')), '200 VISITOR',
       'after the logout a new visitor');
    is(seen(page(browser(), '/shop/x', Cookie => "wix_auth=$dead")),
       '200 EXPIRED session_ended', 'a dead member session stays EXPIRED');
};


# The visitor's token has ended meanwhile: the login refreshes it first, and
# when that fails it begins without the visitor.

subtest 'into a login after the end of the token' => sub {
    my $short = emu_fault('token.anonymous',
        {type => 'patch', set => {expires_in => 1}}, count => -1);

    for (['refreshed'], ['Wix ends it', undef, 'revoked'],
         ['Wix is away', {type => 'status', status => 503, body => 'none'}],
         ['too long to be kept',
          {type => 'patch', set => {access_token => 'x' x 20000}}])
    {
        my ($what, $fault, $revoked) = @$_;

        my $b = browser();
        is(seen(page($b, '/shop/x')), '200 VISITOR', "$what: a visitor");
        my $ends = time + 2;
        my $before = emu_count('token.refresh_token');
        my ($seq) = reverse map { $_->{seq} } emu_log();

        emu_control(POST => '/revoke', {visitors => JSON::PP::true()})
            if $revoked;
        my $id = $fault && emu_fault('token.refresh_token', $fault);
        wait_for { time > $ends } 5, "$what: the end of the token";

        is(login($b, %ann)->status, 200, "$what: the login goes on");
        cmp_ok(emu_count('token.refresh_token'), '>', $before,
               "$what: after a refresh");

        my $login = (emu_log('login', after => $seq))[-1];
        is($login->{token}, 'visitor', "$what: as a visitor");
        is(seen(page($b, '/shop/x')), '200 HIT', "$what: now a member");
        emulator()->clear_faults($id) if $id;
    }
    emulator()->clear_faults($short);
};


subtest 'refresh' => sub {
    my $short = emu_fault('token.anonymous',
        {type => 'patch', set => {expires_in => 1}}, count => -1);

    my $b = browser();
    is(seen(page($b, '/shop/x')), '200 VISITOR', 'a token of one second');
    my $token = saw('X-Token');
    my $before = $minted->();

    wait_for { page($b, '/shop/x'); saw('X-Token') ne $token } 10,
        'another token';

    is($minted->(), $before, 'refreshed, not minted');
    is(seen(page($b, '/shop/x')), '200 VISITOR', 'still the visitor');

    # Wix ends it: the browser gets another identity
    $b = browser();
    page($b, '/shop/x');
    emu_control(POST => '/revoke', {visitors => JSON::PP::true()});

    my $cookie = $b->cookie('wix_auth')->{value};
    wait_for { page($b, '/shop/x');
               $b->cookie('wix_auth')->{value} ne $cookie } 10,
        'a new identity';
    is(seen(page($b, '/shop/x')), '200 VISITOR', 'a visitor again');

    # Wix is away
    $b = browser();
    page($b, '/shop/x');
    my $away = emu_fault('token.refresh_token',
        {type => 'status', status => 503}, count => -1);

    my $res = wait_for {
        my $r = page($b, '/shop/x');
        seen($r) ne '200 VISITOR' ? $r : undef;
    } 10, 'the end of the token';
    is(seen($res), '200 ANONYMOUS upstream_unavailable',
       'the page is there all the same');
    is(saw('X-Token'), '', 'without a token');

    emulator()->clear_faults($away);
    emulator()->clear_faults($short);

    wait_for { seen(page($b, '/shop/x')) eq '200 VISITOR' } 15,
        'the visitor again';
};


subtest 'the budget' => sub {
    my $before = $minted->();
    my $base = 'http://localhost:' . port('FEW_PORT');
    my @res = concurrent(map { [browser(base => $base), GET => '/x',
                                headers => {%person}] } 1 .. 40);
    my %n;
    $n{seen($_)}++ for @res;

    is($minted->() - $before, 3, 'three calls for 40 browsers');
    is($n{'200 VISITOR'}, 3, 'three visitors');
    is($n{'200 ANONYMOUS visitor_budget'}, 37, 'the others go on without')
        or diag explain \%n;

    my @set = map { grep { /^wix_auth=/ } $_->headers('Set-Cookie') } @res;
    is(scalar @set, 3, 'three cookies');
    unlike("@set", qr/Max-Age|Expires/i, 'which end with the browser');

    is(login(browser(base => $base), %ann)->status, 200, 'a login goes on');

    # 5,000 requests without a cookie, and then somebody wants to log in
    my $before_flood = $minted->();
    my $get = join "\r\n", 'GET /flood/ HTTP/1.1', 'Host: localhost',
        'Accept: text/html', 'Sec-Fetch-Mode: navigate', '', '';
    my $passed = 0;

    for (1 .. 10) {
        my $answers = raw(port('FEW_PORT'), $get x 499
            . $get =~ s/\r\n\r\n\z/\r\nConnection: close\r\n\r\n/r);
        $passed += () = $answers =~ m{^HTTP/1\.1 204 }mg;
    }
    is($passed, 5000, '5,000 pages without a cookie');
    cmp_ok($minted->() - $before_flood, '<=', 3, 'cost three calls at most');

    my $res = browser(base => $base)->post('/_wix/login', json => {%ann});
    is($res->status, 200, 'a login after them');
    cmp_ok($res->{time}, '<', slow(1), 'does not wait');
};


subtest 'Wix fails' => sub {
    my $away = emu_fault('token.anonymous', {type => 'status', status => 503},
                         count => -1);
    my $before = $minted->();

    my $res = page(browser(), '/shop/x');
    is(seen($res), '200 ANONYMOUS visitor_budget', 'the page is there');
    is(scalar(grep { /wix_auth/ } $res->headers('Set-Cookie')), 0, 'without a cookie');

    my @res = concurrent(map { [browser(), GET => '/shop/x',
                                headers => {%person}] } 1 .. 20);
    is(scalar(grep { seen($_) eq '200 ANONYMOUS visitor_budget' } @res), 20,
       'and the next ones');
    cmp_ok($minted->() - $before, '<=', 2,
           'which do not ask again for a while');

    emulator()->clear_faults($away);
};


subtest 'Wix is silent' => sub {
    # a client of its own, that no failure rests on
    my $two = start_nginx(conf => <<'END');
wix_auth_zone zone=silent:1m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
wix_auth_refresh_lock_timeout 500ms;
add_header X-Status $wix_auth_status always;
add_header X-Reason $wix_auth_reason always;
add_header X-Time $wix_auth_time always;
server {
    listen 127.0.0.1:%%SILENT_PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / {
        wix_auth optional;
        wix_auth_visitor on;
        proxy_set_header X-Token $wix_auth_access_token;
        proxy_pass http://%%UPSTREAM%%;
    }
}
END
    my $base = 'http://localhost:' . port('SILENT_PORT');
    my $hang = emu_fault('token.anonymous', {type => 'hang'}, count => -1);

    # a client that goes away in between takes nothing with it
    my $sock = open_socket(port('SILENT_PORT'));
    print $sock join "\r\n", 'GET / HTTP/1.1', "Host: localhost",
        'Accept: text/html', '', '';
    wait_for { emu_control(GET => '/inflight?op=token.anonymous')->{count} }
        10, 'the call';
    close $sock;
    wait_for { !emu_control(GET => '/inflight?op=token.anonymous')->{count} }
        10, 'its end';

    my $res = page(browser(base => $base), '/');
    is(seen($res), '200 ANONYMOUS visitor_budget', 'the page comes');
    cmp_ok($res->header('X-Time'), '<', slow(2), 'after half a second');
    cmp_ok($res->header('X-Time'), '>=', 0.4, 'and not before');

    is(seen(page(browser(base => $base), '/')),
       '200 ANONYMOUS visitor_budget', 'the next one');
    my $t = page(browser(base => $base), '/')->header('X-Time');
    cmp_ok($t, '<', 0.4, 'at once');

    emulator()->clear_faults($hang);
    emu_control(POST => '/release', {});
};

done_testing();
