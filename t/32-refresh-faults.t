#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Past expiry, and Wix does not give a new token: what ends a session (an
# invalid_grant, well formed) and what does not (everything else), the bounded
# grace, what is answered outside it, and how often Wix is asked again.  Each
# case makes its own call fail, so the breaker is off: t/38-outage.t has it.
#
# quiet

use strict;
use warnings;

use lib 't/lib';
use Time::HiRes qw(sleep time);
use WixAuthTest;
use WixAuthTest::Refresh;

use constant BRIEF => 'brief@example.com';
use constant DEAD  => 'http://127.0.0.1:' . port('DEAD_PORT');

# of one call
use constant CALL => 0.7;

start_emulator(member => [map { "$_:" . PASSWORD } MEMBER, BRIEF],
    redirect_uri => [map { 'http://localhost:' . port($_) . '/_wix/callback' }
                     qw(PORT MORE_PORT BRIEF_PORT)]);
login_at(more(''));
start_upstream();

# reuseport, so that requests come to all workers
my $nginx = start_nginx(workers => 3, vars => {DEAD => DEAD}, conf => gate(
    listen    => 'reuseport',
    http      => 'wix_auth_api_breaker off;',
    server    => 'wix_auth_api_timeout ' . slow(1000 * CALL) . 'ms;',
    locations => <<'END',
    location /off { wix_auth_refresh_use_stale off; try_files /page.txt =404; }
    location /error { wix_auth_refresh_use_stale error;
                      try_files /page.txt =404; }
    location /timeout { wix_auth_refresh_use_stale timeout;
                        try_files /page.txt =404; }
    location /5xx { wix_auth_refresh_use_stale http_5xx;
                    try_files /page.txt =404; }
    location /429 { wix_auth_refresh_use_stale http_429;
                    try_files /page.txt =404; }
    location /short { wix_auth_refresh_use_stale error timeout http_5xx
                      http_429 for=1s; try_files /page.txt =404; }
    location /limit { wix_auth_refresh_lock_timeout 300ms;
                      try_files /page.txt =404; }
    location /limit/off { wix_auth_refresh_lock_timeout 300ms;
                          wix_auth_refresh_use_stale off;
                          try_files /page.txt =404; }
    location /limit/error { wix_auth_refresh_lock_timeout 300ms;
                            wix_auth_refresh_use_stale error http_5xx;
                            try_files /page.txt =404; }
    location /optional {
        wix_auth optional;
        wix_auth_refresh_use_stale off;
        proxy_pass http://%%UPSTREAM%%;
        proxy_set_header X-Wix-Auth-Member-Id $wix_auth_member_id;
        proxy_set_header X-Wix-Auth-Email $wix_auth_email;
        proxy_set_header X-Wix-Auth-Session-Id $wix_auth_session_id;
    }
    location /audit { wix_auth audit; try_files /page.txt =404; }
    location /audit/off { wix_auth audit; wix_auth_refresh_use_stale off;
                          try_files /page.txt =404; }
    location /page/off {
        wix_auth_refresh_use_stale off;
        error_page 503 504 /sorry.html;
        try_files /page.txt =404;
    }
    location /named/off {
        wix_auth_refresh_use_stale off;
        error_page 503 504 =200 @sorry;
        try_files /page.txt =404;
    }
    location = /sorry.html { internal; wix_auth off; }
    location @sorry { wix_auth off; try_files /sorry.html =404; }
END
    more => '') . <<'END');
server {
    listen 127.0.0.1:%%BRIEF_PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;
    wix_auth_session_lifetime 3s;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { try_files /page.txt =404; }
}
server {
    listen 127.0.0.1:%%AWAY_PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;
    wix_auth_api %%DEAD%%;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { try_files /page.txt =404; }
}
END
page($nginx);
spew($nginx->dir . '/html/sorry.html', "we are sorry\n");

# invalid_client and its like are the operator's fault, and told so
allow_log(qr/wix_auth: refresh: client_rejected/);

# sessions past expiry, to be used up below
short_tokens(1);
my @old = expired(90);
sub old { return shift @old // expired(1) }


# No failure of Wix sends anybody to log in, or touches a cookie.
sub gentle {
    my ($res, $what) = @_;

    my @bad = grep { $_ } (
        ($res->status =~ /^(?:30\d|401|403)$/ ? 'status ' . $res->status : ''),
        (defined $res->location ? 'a Location' : ''),
        ($res->headers('Set-Cookie') ? 'a Set-Cookie' : ''),
        ($res->headers('WWW-Authenticate') ? 'a challenge' : ''));

    is_deeply(\@bad, [], "$what: nobody is logged out");
    return;
}

sub token_answer { return {access_token => 'OauthNG.JWS.e30.e30.x',
    token_type => 'Bearer', expires_in => 3600, refresh_token => 'JWS.x', @_} }


# Each entry: what, the fault, the reason that is told, and where to ask when
# the emulator needs more time than a call has.
my $unavailable = 'upstream_unavailable';
my $timeout = 'upstream_timeout';
my $grant = {error => 'invalid_grant'};

my @failures = (
    ['401 without error', {type => 'body', status => 401, body => {}}],
    ['401 with an empty body', {type => 'body', status => 401}],
    ['400 of another shape', {type => 'body', status => 400,
        body => {message => 'invalid_grant', details => {}}}],
    ['400 with another error', {type => 'body', status => 400,
        body => {error => 'invalid_request'}}],
    ['400 with an error that is a list', {type => 'body', status => 400,
        body => {error => ['invalid_grant']}}],
    ['400 with an error that is an object', {type => 'body', status => 400,
        body => {error => {code => 'invalid_grant'}}}],
    ['400 with a list', {type => 'body', status => 400, body => [$grant]}],
    ['400 with half of an invalid_grant', {type => 'body', status => 400,
        body => '{"error":"invalid_grant"'}],
    ['400 with more than JSON', {type => 'body', status => 400,
        body => '{"error":"invalid_grant"} <html>'}],
    ['400 HTML that says invalid_grant', {type => 'body', status => 400,
        contentType => 'text/html', body => '<p>invalid_grant</p>'}],
    ['400 invalid_grant nested', {type => 'body', status => 400,
        body => {data => $grant}}],
    ['200 that says invalid_grant', {type => 'body', body => $grant}],
    ['500 that says invalid_grant', {type => 'body', status => 500,
        body => $grant}],
    ['503 that says invalid_grant', {type => 'body', status => 503,
        body => $grant}],
    ['302 that says invalid_grant', {type => 'body', status => 302,
        body => $grant, headers => {Location => DEAD}}],
    ['200 HTML', {type => 'body', contentType => 'text/html',
        body => '<html><body>Hello</body></html>'}],
    ['200 empty', {type => 'body', body => ''}],
    ['200 null', {type => 'body', body => 'null'}],
    ['200 with a BOM and NULs', {type => 'body', body => "\xef\xbb\xbf\0\0"}],
    ['truncated', {type => 'truncate'}],
    ['truncated by a reset', {type => 'truncate', reset => 1}],
    ['reset', {type => 'reset'}],
    ['closed', {type => 'close'}],
    ['hang', {type => 'hang'}, $timeout],
    ['too slow', {type => 'drip', interval => 0.2, head => 1}, $timeout],
    ['429 with Retry-After', {type => 'status', status => 429,
        headers => {'Retry-After' => 2}}],
    ['429 without', {type => 'status', status => 429}],
    ['status 500', {type => 'status', status => 500}],
    ['status 502', {type => 'status', status => 502}],
    ['status 503', {type => 'status', status => 503}],
    ['503 with Retry-After', {type => 'status', status => 503,
        headers => {'Retry-After' => 2}}],
    ['status 504', {type => 'status', status => 504}],
    ['status 404', {type => 'status', status => 404}],
    ['10 MB', {type => 'oversize'}, $unavailable, more()],
    ['10 MB in chunks', {type => 'oversize', chunked => 1}, $unavailable,
        more()],
    ['1000 levels', {type => 'deep'}],
    ['a number for a token', {type => 'body',
        body => token_answer(access_token => 5)}],
    ['an object for a token', {type => 'body',
        body => token_answer(access_token => {})}],
    ['a line break in a token', {type => 'body',
        body => token_answer(access_token => "OauthNG.JWS.a\r\nX: y")}],
    ['a token of 100 KB', {type => 'body',
        body => token_answer(access_token => 'x' x 100_000)}],
    ['a list for a refresh token', {type => 'body',
        body => token_answer(refresh_token => ['a'])}],
    ['no token', {type => 'patch', remove => ['access_token']}],
    ['an empty token', {type => 'patch', set => {access_token => ''}}],
    ['invalid_client', {type => 'body', status => 401,
        body => {error => 'invalid_client'}}],
    ['unauthorized_client', {type => 'body', status => 400,
        body => {error => 'unauthorized_client'}}],
    ['expires_in -1', {type => 'patch', set => {expires_in => -1}}],
    ['expires_in 0', {type => 'patch', set => {expires_in => 0}}],
    ['expires_in 1e300', {type => 'body',
        body => '{"access_token":"OauthNG.JWS.a","expires_in":1e300}'}],
    ['expires_in null', {type => 'patch', set => {expires_in => undef}}],
    ['expires_in missing', {type => 'patch', remove => ['expires_in']}],
    ['expires_in true', {type => 'patch',
        set => {expires_in => JSON::PP::true()}}],
    ['expires_in "soon"', {type => 'patch', set => {expires_in => 'soon'}}],
    ['expires_in 99999999999999999999', {type => 'body', body =>
        '{"access_token":"OauthNG.JWS.a","expires_in":99999999999999999999}'}],
);

my %failed;

subtest 'failures: the session stays, within the grace it passes' => sub {
    for (@failures) {
        my ($what, $action, $reason, $path) = @$_;
        my $b = old();
        my $before = refreshes();

        refresh_fault($action);
        my $res = get($b, $path);

        is(verdict($res), '200 STALE ' . ($reason // $unavailable), $what);
        gentle($res, $what);
        is(refreshes() - $before, 1, "$what: one call");

        # outside the grace: an error of ours, and nobody waits a second time
        my $off = get($b, '/off');
        is(verdict($off), (($reason // '') eq $timeout ? 504 : 503)
            . ' ERROR ' . ($reason // $unavailable), "$what: without grace");
        like($off->header('Retry-After'), qr/^[1-9]\d?$/,
             "$what: Retry-After");
        gentle($off, "$what, without grace");
        cmp_ok($off->{time}, '<', slow(0.5), "$what: at once");

        $failed{$what} = $b;
    }
};

subtest 'then Wix is well again: every session goes on' => sub {
    emulator()->clear_faults;
    emulator()->release;
    short_tokens(1);

    for my $what (map { $_->[0] } @failures) {
        my @seen;
        my $ok = wait_for {
            my $res = get($failed{$what});
            push @seen, verdict($res);
            return $seen[-1] eq '200 HIT' && remain($res) > 3000;
        } 6;
        ok($ok, $what) or diag explain \@seen;
    }
};

subtest 'expires_in as text' => sub {
    my $b = old();
    refresh_fault({type => 'patch', set => {expires_in => '3600'}});

    my $res = get($b);
    is(verdict($res), '200 REFRESHED');
    cmp_ok(abs(remain($res) - 3600), '<=', 2, 'an hour');
};

subtest 'expires_in 3600.5' => sub {
    my $b = old();
    refresh_fault({type => 'patch', set => {expires_in => 3600.5}});

    # a fraction may be cut off, or refused with a reason
    my $res = get($b);
    like(verdict($res), qr/^200 (?:REFRESHED|STALE upstream_unavailable)$/);
    cmp_ok(remain($res), '<=', 3601, 'nothing else comes of it');
    cmp_ok(remain($res), '>=', 3598, 'an hour')
        if verdict($res) =~ /REFRESHED/;
};

subtest 'the reason is in the log, once for each call' => sub {
    my $b = old();
    my $from = length $nginx->error_log;

    refresh_fault({type => 'patch', set => {expires_in => -1}});
    get($b) for 1 .. 3;

    my @lines = grep { /\[error\].*wix_auth: refresh: / }
        split /\n/, substr $nginx->error_log, $from;
    is(scalar @lines, 1, 'one line') or diag explain \@lines;
    like($lines[0], qr/upstream_error.*expires_in/, 'says what was wrong');

    my @alert = $nginx->log_lines(qr/\[alert\].*client_rejected/);
    is(scalar @alert, 2, 'invalid_client and unauthorized_client: an alert');
    like($alert[0], qr/wix_auth_client_id/, 'that says where to look');
};

subtest 'invalid_grant ends the session' => sub {
    my @case = (
        ['status 400', {body => $grant}],
        ['400 with a description', {body => {%$grant,
            error_description => 'revoked'}}],
        ['status 401', {status => 401, body => $grant}],
        ['status 403', {status => 403, body => $grant}],
        ['400, typed text/plain', {body => $grant,
            contentType => 'text/plain'}],
    );

    for (@case) {
        my ($what, $action) = @$_;
        my $b = old();
        my $before = refreshes();

        refresh_fault({type => 'body', status => 400, %$action});
        my $res = get($b);

        is(verdict($res), '401 EXPIRED session_revoked', $what);
        is(($res->json // {})->{reason}, 'session_revoked', "$what: in JSON");
        ok(!$res->headers('Set-Cookie'), "$what: the cookie is left alone");
        is($res->header('X-Member'), undef, "$what: no member");

        # for good, in every worker, and without another call
        is(verdict(get($b)), '401 EXPIRED session_revoked', "$what: $_")
            for 1 .. 4;
        is(verdict(get($b, '/off')), '401 EXPIRED session_revoked',
           "$what: without grace as well");
        is(refreshes() - $before, 1, "$what: one call");

        # a browser goes to the login page
        $res = $b->get('/');
        is($res->status, 302, "$what: a navigation");
        like($res->location // '', qr{^/_wix/login\?return=}, "$what: login");
        is(verdict(get($b, '/optional')), '200 EXPIRED session_revoked',
           "$what: optional");
    }
};

subtest 'all who wait hear of the end' => sub {
    my $b = old();
    my $before = refreshes();

    refresh_fault({type => 'body', status => 400, seconds => 0.4,
                   body => $grant});
    my @res = concurrent(60, $b->clone, GET => '/',
        headers => {'Sec-Fetch-Mode' => 'cors'});

    is((grep { verdict($_) eq '401 EXPIRED session_revoked' } @res), 60,
       'the same answer');
    is(refreshes() - $before, 1, 'one call');
};

subtest 'a member is revoked at Wix' => sub {
    my $b = expired(1, email => BRIEF);

    emulator()->revoke(email => BRIEF);
    is(verdict(get($b)), '401 EXPIRED session_revoked',
       'the next refresh ends the session');
};

subtest 'all who wait pass when the call fails' => sub {
    my $b = old();
    my $before = refreshes();

    refresh_fault({type => 'status', status => 503, seconds => 0.4});
    my @res = concurrent(60, $b->clone, GET => '/',
        headers => {'Sec-Fetch-Mode' => 'cors'});

    is((grep { verdict($_) eq '200 STALE upstream_unavailable' } @res), 60,
       'stale') or diag explain [map { verdict($_) } @res];
    is(refreshes() - $before, 1, 'one call');
};

subtest 'a cause that is listed, and one that is not' => sub {
    my %fault = (
        error   => {type => 'reset'},
        timeout => {type => 'hang'},
        '5xx'   => {type => 'status', status => 500},
        429     => {type => 'status', status => 429},
    );

    for my $cause (sort keys %fault) {
        my $b = old();

        refresh_fault($fault{$cause});
        get($b);

        for my $listed (sort keys %fault) {
            my $res = get($b, "/$listed");
            is($res->status, $listed eq $cause ? 200
                : $cause eq 'timeout' ? 504 : 503,
               "$cause, listed is $listed");
            is($res->header('X-Status'), $listed eq $cause
               ? 'STALE' : 'ERROR', "$cause, listed is $listed: status");
        }

        my $res = get($b, '/short');
        is($res->status, $cause eq 'timeout' ? 504 : 503,
           "$cause: no longer than for=1s");
    }
    emulator()->release;
};

subtest 'no connection' => sub {
    my $b = old();
    my $res = get($b, 'http://localhost:' . port('AWAY_PORT') . '/');

    is(verdict($res), '200 STALE upstream_unavailable', 'the API is away');
    is(verdict(get($b, '/timeout')), '503 ERROR upstream_unavailable',
       'that is no timeout');
    is(verdict(get($b, '/error')), '200 STALE upstream_unavailable',
       'but an error');
};

subtest 'the error answers' => sub {
    my ($b, $late) = (old(), old());

    refresh_fault({type => 'status', status => 503});
    my $res = get($b, '/off');

    is(verdict($res), '503 ERROR upstream_unavailable', 'the first that waits');
    is(($res->json // {})->{error}, 'upstream_unavailable', 'as JSON');
    like(($res->json // {})->{message} // '', qr/\w+ \w+/, 'with a sentence');
    is($res->header('X-Member'), undef, 'no member');
    like($res->header('Cache-Control') // '', qr/no-store/, 'not stored');
    gentle($res, 'first');

    my $html = $b->get('/off');
    is($html->status, 503, 'a navigation');
    like($html->header('Content-Type'), qr{^text/html}, 'as a page');
    like($html->header('Retry-After') // '', qr/^[1-9]\d*$/, 'Retry-After');
    gentle($html, 'navigation');

    my $post = $b->post('/off', form => {a => 1});
    is($post->status, 503, 'a form post');
    gentle($post, 'post');

    is($b->head('/off')->status, 503, 'HEAD');

    refresh_fault({type => 'hang'});
    $res = get($late, '/off');
    is(verdict($res), '504 ERROR upstream_timeout', 'a call that hangs');
    is(($res->json // {})->{error}, 'upstream_timeout', 'as JSON');
    like($res->header('Retry-After') // '', qr/^[1-9]\d*$/, 'Retry-After');
    cmp_ok($res->{time}, '>=', CALL * 0.9, 'after the time of a call');
    emulator()->release;
};

subtest 'error_page' => sub {
    for ([503, {type => 'status', status => 503}], [504, {type => 'hang'}]) {
        my ($status, $action) = @$_;
        my ($b, $other) = (old(), old());

        for my $s ($b, $other) {
            refresh_fault($action);
            my $res = get($s, $s == $b ? '/page/off' : '/off');
            is($res->status, $status, "$status: status");
            like($res->body, qr/we are sorry/, "$status: the page of the site")
                if $s == $b;
            like($res->header('Retry-After') // '', qr/^[1-9]\d*$/,
                 "$status: Retry-After is kept");
            gentle($res, $status);
        }

        # and without a wait
        my $res = get($b, '/page/off');
        is($res->status, $status, "$status: again");
        like($res->body, qr/we are sorry/, "$status: again the page");

        $res = get($other, '/named/off');
        is($res->status, 200, "$status: =200");
        like($res->body, qr/we are sorry/, "$status: a named location");
    }
    emulator()->release;
};

subtest 'the limit of the wait' => sub {
    my @case = (
        ['/limit', '200 STALE upstream_timeout'],
        ['/limit/off', '504 ERROR upstream_timeout'],
        ['/limit/error', '504 ERROR upstream_timeout'],
    );

    for (@case) {
        my ($path, $want) = @$_;
        my $b = old();
        my $before = refreshes();

        refresh_fault({type => 'delay', seconds => slow(0.55)});
        my $res = get($b, $path);

        is(verdict($res), $want, "$path: counts as a timeout");
        cmp_ok($res->{time}, '>=', 0.28, "$path: waited");
        cmp_ok($res->{time}, '<', 0.3 + slow(0.3), "$path: no longer");
        like($res->header('Retry-After') // 1, qr/^[1-9]\d*$/,
             "$path: Retry-After");
        gentle($res, $path);

        # that the call is late does not make it a failure
        ok((wait_for { verdict(get($b, more())) =~ /^200 (?:HIT|WAITED)$/ } 5),
           "$path: it was not in vain");
        is(refreshes() - $before, 1, "$path: one call");
    }
};

subtest 'optional' => sub {
    my $b = old();

    is(verdict(get(old(), '/optional')), '200 REFRESHED', 'all well: waits');

    refresh_fault({type => 'status', status => 503});
    my $res = get($b, '/optional');

    is($res->status, 200, 'passes where required would answer 503');
    is(reason($res), 'upstream_unavailable', 'with the reason');
    is($res->header('X-Member'), undef, 'the variables are empty');
    is($res->header('X-Remain'), undef, 'all of them');

    my $got = ($res->json // {})->{headers} // {};
    is_deeply([grep { /^x-wix-auth/ } keys %$got], [],
              'the site sees nobody');
    gentle($res, 'optional');

    $b = old();
    refresh_fault({type => 'hang'});
    $res = get($b, '/optional');
    is($res->status, 200, 'or 504');
    is(reason($res), 'upstream_timeout', 'with that reason');
    is($res->header('X-Member'), undef, 'and empty variables');
    emulator()->release;
};

subtest 'audit never waits' => sub {
    for my $path ('/audit', '/audit/off') {
        my $b = old();
        my $before = refreshes();

        refresh_fault({type => 'delay', seconds => slow(0.55)});
        my $res = get($b, $path);

        is($res->status, 200, "$path: passes");
        cmp_ok($res->{time}, '<', slow(0.4), "$path: at once");
        isnt($res->header('X-Status'), 'HIT', "$path: and does not hide it");
        gentle($res, $path);

        ok((wait_for { verdict(get($b, $path)) eq '200 HIT' } 5),
           "$path: the refresh ran without it");
        is(refreshes() - $before, 1, "$path: one call");
    }

    my $b = old();
    refresh_fault({type => 'status', status => 503}, count => 2);
    ok((wait_for {
        return reason(get($b, '/audit/off')) eq 'upstream_unavailable';
    } 3), 'a failure is seen at the next request');
};

subtest 'one background retry for each back-off' => sub {
    emulator()->clear_faults;
    short_tokens(1);

    my $b = old();
    my $seq = (emu_log('*'))[-1]{seq};
    my $id = refresh_fault({type => 'status', status => 503}, count => -1);

    my (@slow, %seen);
    is(verdict(get($b)), '200 STALE upstream_unavailable', 'the first waits');

    # many at a time, in all workers
    my $ok = wait_for {
        for my $res (concurrent(12, $b->clone, GET => '/',
            headers => {'Sec-Fetch-Mode' => 'cors'}))
        {
            $seen{verdict($res)}++;
            push @slow, $res->{time} if $res->{time} > slow(0.4);
        }
        return refreshes(after => $seq) >= 3;
    } 6;

    ok($ok, 'three calls in the time of two back-offs');
    is_deeply([keys %seen], ['200 STALE upstream_unavailable'], 'all stale');
    is_deeply(\@slow, [], 'and nobody waits');

    my @at = map { $_->{time} } refresh_log(after => $seq);
    is(scalar @at, 3, 'calls');

    # a jitter of a fifth; a second may be cut short by the clock's steps
    my @gap = map { $at[$_] - $at[$_ - 1] } 1 .. 2;
    my @want = (1, 2);

    for my $i (0 .. 1) {
        cmp_ok($gap[$i], '>=', 0.75 * $want[$i], "back-off $want[$i] s")
            or diag "gaps @gap";
        cmp_ok($gap[$i], '<=', 1.1 * $want[$i] + slow(0.5), 'no longer')
            or diag "gaps @gap";
    }

    clear_fault($id);
};

subtest 'a retry that hangs holds nobody' => sub {
    my $b = old();

    refresh_fault({type => 'hang'}, count => -1);

    my $res = get($b);
    is(verdict($res), '200 STALE upstream_timeout', 'the first');
    cmp_ok($res->{time}, '>=', CALL * 0.9, 'has waited');

    my $before = refreshes();
    my (@slow, %seen);

    ok((wait_for {
        $res = get($b);
        $seen{verdict($res)}++;
        push @slow, $res->{time} if $res->{time} > slow(0.4);
        return refreshes() > $before;
    } 4), 'the retry has begun');

    # it is under way now
    for (1 .. 5) {
        $res = get($b);
        $seen{verdict($res)}++;
        push @slow, $res->{time} if $res->{time} > slow(0.4);
        $res = get($b, '/off');
        is(verdict($res), '504 ERROR upstream_timeout', 'without grace');
        push @slow, $res->{time} if $res->{time} > slow(0.4);
    }

    is_deeply([keys %seen], ['200 STALE upstream_timeout'], 'stale');
    is_deeply(\@slow, [], 'at once');

    emulator()->clear_faults;
    emulator()->release;
    short_tokens(1);
};

subtest 'neither grace nor refresh outlives the session' => sub {
    my ($stale, $fresh) = sessions(2,
        base => 'http://localhost:' . port('BRIEF_PORT'), email => BRIEF);
    my $end = $stale->{logged_in} + 3;

    expire($stale, $fresh);
    refresh_fault({type => 'status', status => 503},
                  match => {email => BRIEF}, count => -1);
    is(verdict(get($stale)), '200 STALE upstream_unavailable', 'grace');

    emulator()->clear_faults;
    is(verdict(get($fresh)), '200 REFRESHED', 'a new token of hours');
    refresh_fault({type => 'status', status => 503},
                  match => {email => BRIEF}, count => -1);

    my %last;
    for my $b ($stale, $fresh) {
        ok((wait_for {
            my $res = get($b);
            $last{$b} = time if $res->status == 200;
            return verdict($res) eq '401 EXPIRED session_expired';
        } 6), 'its life has ended');
    }
    cmp_ok($last{$stale}, '<', $end + 0.5, 'in time');
    cmp_ok(time, '<', $end + slow(1), 'for both');
    cmp_ok($last{$stale}, '>', $end - 1.5, 'but not before');
};

subtest 'Retry-After of a 429' => sub {
    my $b = old();
    my $seq = (emu_log('*'))[-1]{seq};

    refresh_fault({type => 'status', status => 429,
                   headers => {'Retry-After' => 2}});
    my $res = get($b, '/off');

    is(verdict($res), '503 ERROR upstream_unavailable');
    like($res->header('Retry-After') // '', qr/^[12]$/, 'passed on');

    my $ok = wait_for {
        return verdict(get($b, '/off')) eq '200 HIT';
    } 6;
    ok($ok, 'refreshed after all');

    my @at = map { $_->{time} } refresh_log(after => $seq);
    is(scalar @at, 2, 'two calls');
    cmp_ok($at[1] - $at[0], '>=', 1.8, 'not before Wix allows it');
};

done_testing();
