#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Members' access tokens in Authorization: what is refused without asking Wix,
# one question for one token over all workers, how long an answer holds, and
# what happens while Wix cannot be asked.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP ();
use MIME::Base64 qw(encode_base64url);
use Time::HiRes qw(sleep time);
use WixAuthTest;

use constant ANN   => 'ann@example.com';
use constant BOB   => 'bob@example.com';
use constant OTHER => '11111111-2222-4333-8444-555555555555';

start_emulator(member => [map { "$_:secret-1" } ANN, BOB]);
start_upstream();

# nginx itself logs what it does not take
allow_leak(qr/ client sent duplicate header line: /);

my $locations = <<'END';
    location ^~ /_wix/ { wix_auth_endpoints; }
    location /open { wix_auth off; return 204; }
    location / { try_files /page.txt =404; }
    location /optional { wix_auth optional; try_files /page.txt =404; }
    location /audit { wix_auth audit; try_files /page.txt =404; }
END

sub server {
    my ($name, $lines) = @_;

    return <<"END";
server {
    listen 127.0.0.1:%%${name}%% reuseport;
    server_name localhost;
    $lines
$locations
}
END
}

my $nginx = start_nginx(workers => 2, vars => {OTHER => OTHER},
                        conf => <<'END'
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_client_id %%CLIENT%%;
wix_auth_cookie nosecure;
wix_auth required;
wix_auth_bearer on;
large_client_header_buffers 4 16k;
add_header X-Status $wix_auth_status always;
add_header X-Reason $wix_auth_reason always;
add_header X-Member $wix_auth_member_id always;
add_header X-Email $wix_auth_email always;
add_header X-Nickname $wix_auth_nickname always;
add_header X-Pid $pid always;
END
    . server('PORT', <<'END')
    location /site {
        proxy_set_header X-Token $wix_auth_access_token;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /short {
        wix_auth_bearer on cache=2s;
        try_files /page.txt =404;
    }
    location /cookies {
        wix_auth_bearer off;
        try_files /page.txt =404;
    }
    location /relay {
        wix_auth optional;
        try_files /none /cookies;
    }
    location /503 {
        error_page 503 = /sorry;
        try_files /page.txt =404;
    }
    location /sorry {
        wix_auth optional;
        try_files /page.txt =404;
    }
END
    . server('OTHER_PORT', 'wix_auth_client_id %%OTHER%%;')
    . server('PROFILE_PORT', "wix_auth_zone zone=profile:1m;\n"
             . '    wix_auth_profile on;')
    . server('BUDGET_PORT', 'wix_auth_zone zone=budget:1m;')
    . server('PAUSE_PORT', 'wix_auth_zone zone=pause:1m;')
    . server('AWAY_PORT', "wix_auth_zone zone=away:1m;\n"
             . '    wix_auth_api_timeout ' . slow(1) . "s;\n"
             . '    location /wait { wix_auth_refresh_lock_timeout 200ms;'
             . ' try_files /page.txt =404; }'));

spew($nginx->dir . '/html/page.txt', "the page\n");

my $program = browser(bare => 1);

sub at { return 'http://localhost:' . port($_[0]) . ($_[1] // '/') }
sub bearer { return {Authorization => "Bearer $_[0]"} }

sub ask {
    my ($token, $url) = @_;
    return $program->get($url // '/', headers => bearer($token));
}

sub verdict {
    my ($res) = @_;
    return join ' ', grep { length } $res->status,
        map { $res->header("X-$_") // '' } qw(Status Reason);
}

# the questions to Wix since the last time
my $seen = 0;

sub calls {
    my $all = emu_count('token-info');
    my $n = $all - $seen;
    $seen = $all;
    return $n;
}

sub token {
    my ($email) = @_;
    return emulator()->mint(email => $email // ANN);
}

# One that Wix has never made: its instance, and what is beside it.
sub forged {
    my (%opt) = @_;

    my $data = $opt{data} // JSON::PP::encode_json({instance => {
        appDefId => emulator()->client, uid => 'a-member',
        siteMemberId => 'a-member', nonce => rand,
        %{$opt{instance} // {}},
    }});
    my $payload = $opt{payload} // JSON::PP::encode_json({
        data => $data, iat => int time, exp => int(time) + 3600,
        %{$opt{claims} // {}},
    });

    my $token = join '.', $opt{prefix} // 'OauthNG.JWS',
        encode_base64url('{"alg":"HS256"}'), encode_base64url($payload),
        encode_base64url('s' x 32);

    $token .= 's' x ($opt{size} - length $token) if $opt{size};

    note_secret(forged => $token);
    return $token;
}


subtest 'a member passes, as Wix\'s own and as RFC 6750 spell it' => sub {
    my $mint = token();
    my $token = $mint->{access_token};

    for my $value ($token, "Bearer $token", "bearer $token",
                   "BEARER   $token")
    {
        my $res = $program->get('/', headers => {Authorization => $value});

        is(verdict($res), '200 BEARER', 'passes');
        is($res->header('X-Member'), $mint->{memberId}, 'with the member id');
        is($res->header('Set-Cookie'), undef, 'and without a cookie');
    }

    is(calls(), 1, 'one question in all');

    my $res = ask($token, '/site');
    is($res->json->{headers}{'x-token'}[0], $token,
       '$wix_auth_access_token is the token');

    is(verdict(ask($token, '/optional')), '200 BEARER', 'optional');
    is(verdict(ask($token, '/audit')), '200 BEARER', 'audit');
    is(calls(), 0, 'no further question');
};

subtest 'a burst over two workers asks once' => sub {
    my $token = token()->{access_token};

    emu_fault('token-info', {type => 'delay', seconds => slow(0.5)});

    my @res = concurrent(20, $program, GET => '/', headers => bearer($token));
    my (%verdict, %pid);

    for (@res) {
        $verdict{verdict($_)}++;
        $pid{$_->header('X-Pid') // ''}++;
    }

    is_deeply(\%verdict, {'200 BEARER' => 20}, 'all pass');
    is(scalar keys %pid, 2, 'in both workers');
    is(calls(), 1, 'one question');
};

subtest 'what claims nothing costs no question' => sub {
    my $good = token()->{access_token};
    my ($head, $payload, $sig) = (split /\./, $good)[2 .. 4];

    my @bad = (
        [empty     => 'Bearer'],
        [blanks    => 'Bearer a b'],
        [tab       => "Bearer\tx"],
        [words     => "Bearer $good $good"],
        [list      => "Bearer $good, Basic eDp5"],
        [garbage   => 'Bearer x'],
        ['raw garbage'  => 'OauthNG.JWS.x.y.z'],
        ['raw with a blank' => "$good x"],
        ['no signature' => "OauthNG.JWS.$head.$payload"],
        ['no base64url' => "Bearer OauthNG.JWS.$head.*$payload.$sig"],
        ['not ASCII'    => "Bearer $good\xc3\xa4"],
        ['4097 bytes'      => forged(size => 4097)],
        ['no JSON'      => forged(payload => 'x')],
        ['no object'    => forged(payload => '[]')],
        ['no data'      => forged(payload => '{"exp":9999999999}')],
        ['data is no JSON'   => forged(data => '{')],
        ['data is an object' => forged(claims => {data => {instance => {}}})],
        ['no exp'       => forged(claims => {exp => undef})],
        [expired        => forged(claims => {exp => int(time) - 1})],
        ['another client' => forged(instance => {appDefId => OTHER})],
        ['no client'    => forged(instance => {appDefId => 'x'})],
        ['no member'    => forged(instance => {uid => undef,
                                               siteMemberId => undef})],
        ['a strange member' => forged(instance => {uid => "a\nb",
                                                   siteMemberId => 'a b'})],
        ['a visitor'    => 'Bearer ' . emulator()->mint->{access_token}],
    );

    calls();

    for (@bad) {
        my ($name, $value) = @$_;
        my $res = $program->get('/', headers => {Authorization => $value});

        is(verdict($res), '401 ANONYMOUS invalid_token', $name);
    }

    is(calls(), 0, 'Wix was not asked');

    my $res = $program->get(at('OTHER_PORT'), headers => bearer($good));
    is(verdict($res), '401 ANONYMOUS invalid_token', 'another client\'s site');

    $res = $program->get('/', headers => {
        Authorization => ["Bearer $good", 'Bearer x']});
    is($res->status, 400, 'two headers');
    is(calls(), 0, 'Wix was not asked');
};

subtest 'the answer to a bad one' => sub {
    my $res = $program->get('/', headers => {
        %{bearer('x')}, 'Sec-Fetch-Mode' => 'navigate',
        Accept => 'text/html'});

    is($res->status, 401, 'never a redirect');
    is_deeply([$res->headers('WWW-Authenticate')],
              ['Bearer realm="wix", error="invalid_token"'], 'challenge');
    is($res->header('Content-Type'), 'application/json', 'JSON');
    is($res->json->{reason}, 'invalid_token', 'reason');
    is($res->header('Cache-Control'), 'no-store', 'no-store');

    $res = ask('x', '/optional');
    is(verdict($res), '200 ANONYMOUS invalid_token', 'optional');
    is($res->header('X-Member'), undef, 'without a member');
    is(verdict(ask('x', '/audit')), '200 AUDIT invalid_token', 'audit');
};

subtest 'a cookie beside it' => sub {
    my $b = browser();
    login($b, email => ANN, password => 'secret-1');

    is(verdict($b->get('/')), '200 HIT', 'the cookie alone');
    is(verdict($b->get('/', headers => bearer('x'))),
       '401 ANONYMOUS invalid_token', 'does not help a bad token');

    my $bob = token(BOB);
    my $res = $b->get('/', headers => bearer($bob->{access_token}));

    is(verdict($res), '200 BEARER', 'a good token');
    is($res->header('X-Member'), $bob->{memberId}, 'decides whom it is');

    is(verdict($b->get('/', headers => {Authorization => 'Basic eDp5'})),
       '200 HIT', 'Basic is not ours');
    is(verdict($b->get('/', headers => {Authorization => 'Bearerx y'})),
       '200 HIT', 'nor is another scheme');
    is(verdict($b->get('/cookies', headers => bearer('x'))), '200 HIT',
       'nor is any where it is off');
    is(verdict($b->get('/relay', headers => bearer('x'))), '200 HIT',
       'nor where an internal redirect leads out');
    is($program->get('/relay', headers => bearer('x'))
           ->header('WWW-Authenticate'),
       'Bearer realm="wix"', 'which says nothing of the token');
};

subtest 'an answer holds until cache= is over' => sub {
    my $mint = token(BOB);
    my $token = $mint->{access_token};

    calls();
    my $start = time;
    is(verdict(ask($token, '/short')), '200 BEARER', 'passes');

    emulator()->revoke(email => BOB);

    my $res = ask($token, '/short');
    my $time = time - $start;

    SKIP: {
        skip 'too slow to see it', 1 if $time >= 1;
        is(verdict($res), '200 BEARER', 'revoked, but still known');
        is(calls(), 1, 'asked once');
    }

    ok((wait_for { ask($token, '/short')->status == 401 } 5),
       'refused when the answer has ended');
    calls();

    is(verdict(ask($token, '/short')), '401 ANONYMOUS invalid_token',
       'and again');
    is(calls(), 0, 'a refusal is kept');
};

subtest 'what Wix says to a well-formed one' => sub {
    my $forged = forged();

    calls();
    is(verdict(ask($forged)), '401 ANONYMOUS invalid_token', 'unknown to Wix');
    is(verdict(ask($forged, '/optional')), '200 ANONYMOUS invalid_token',
       'optional');
    is(calls(), 1, 'asked once');

    is(verdict(ask(forged(size => 4096))), '401 ANONYMOUS invalid_token',
       'the longest one');
    is(calls(), 1, 'is asked about');

    my $forged_all = forged();
    emu_fault('token-info', {type => 'delay', seconds => slow(0.3)});
    my @res = concurrent(20, $program, GET => '/',
                         headers => bearer($forged_all));
    is((grep { verdict($_) eq '401 ANONYMOUS invalid_token' } @res), 20,
       'a burst of an unknown one');
    is(calls(), 1, 'asked once');

    for (
        [clientId    => OTHER],
        [subjectType => 'VISITOR'],
        [exp         => int(time) - 1],
    ) {
        my ($name, $value) = @$_;

        emu_fault('token-info', {type => 'patch', set => {$name => $value}});
        is(verdict(ask(token()->{access_token})),
           '401 ANONYMOUS invalid_token', "with $name $value");
    }

    emu_fault('token-info', {type => 'status', status => 400,
                             body => {error => 'invalid_request'}});
    is(verdict(ask(token()->{access_token})), '401 ANONYMOUS invalid_token',
       'a 400');
    is(calls(), 4, 'one question each');
};

subtest 'a client that goes away' => sub {
    my $token = token()->{access_token};

    calls();
    emu_fault('token-info', {type => 'hang'});

    my @sock = map { open_socket(port('PORT')) } 1 .. 4;
    for (@sock) {
        syswrite $_, "GET / HTTP/1.1\r\nHost: localhost\r\n"
            . "Authorization: Bearer $token\r\n\r\n";
    }

    ok((wait_for { emulator()->inflight->{count} } 5), 'Wix is asked');
    close $_ for @sock;
    ok((wait_for { (() = $nginx->access_log =~ / 499 /g) >= 4 } 5),
       'all have gone');
    emulator()->release;

    is(verdict(ask($token)), '200 BEARER', 'the answer is there for others');
    is(calls(), 1, 'asked once');
};

subtest 'Wix is away' => sub {
    my $away = emu_fault('token-info', {type => 'status', status => 503,
        seconds => slow(0.3), headers => {'Retry-After' => 7}}, count => -1);
    my $token = token()->{access_token};

    calls();

    my @res = concurrent(20, $program, GET => at('AWAY_PORT'),
                         headers => bearer($token));

    is((grep { verdict($_) eq '503 ERROR upstream_unavailable' } @res), 20,
       'a burst fails as one');
    is(calls(), 1, 'asked once');
    is((grep { ($_->header('Retry-After') // 0) >= 1 } @res), 20,
       'Retry-After');
    is((grep { ($_->header('Retry-After') // 0) == 7 } @res) >= 1, 1,
       'that of Wix');

    my $res = ask($token, at('AWAY_PORT', '/optional'));
    is(verdict($res), '200 ANONYMOUS upstream_unavailable', 'optional');
    is($res->header('X-Member'), undef, 'without a member');
    is(calls(), 1, 'a failure is not kept');

    is(verdict(ask($token, '/503')), '200 ANONYMOUS upstream_unavailable',
       'error_page to an optional place');
    is(calls(), 1, 'which asks no second time');

    emulator()->clear_faults($away);
    is(verdict(ask($token, at('AWAY_PORT'))), '200 BEARER', 'Wix is back');
};

subtest 'Wix is slow' => sub {
    my $token = token()->{access_token};

    emu_fault('token-info', {type => 'hang'});
    is(verdict(ask($token, at('AWAY_PORT'))), '504 ERROR upstream_timeout',
       'the time of a call is over');
    emulator()->release;

    $token = token()->{access_token};
    calls();

    emu_fault('token-info', {type => 'hang'});
    my $res = ask($token, at('AWAY_PORT', '/wait'));
    is(verdict($res), '504 ERROR upstream_timeout',
       'the time of a request is over');
    cmp_ok($res->header('Retry-After'), '>=', 1, 'Retry-After');
    ok((wait_for { emulator()->inflight->{count} } 5), 'Wix was asked');
    emulator()->release;

    is(verdict(ask($token, at('AWAY_PORT'))), '200 BEARER', 'known since')
        or diag calls();

    $token = token()->{access_token};
    calls();
    is(verdict(ask($token, at('AWAY_PORT', '/audit'))),
       '200 AUDIT upstream_timeout', 'audit does not wait');
    ok((wait_for { verdict(ask($token, at('AWAY_PORT', '/audit')))
                   eq '200 BEARER' } 5), 'but Wix was asked');
    is(calls(), 1, 'once');
};

subtest 'a 429 is a pause' => sub {
    my $token = token()->{access_token};
    my $known = token()->{access_token};

    is(verdict(ask($known, at('PAUSE_PORT'))), '200 BEARER', 'one is known');
    calls();

    emu_fault('token-info', {type => 'status', status => 429,
                             headers => {'Retry-After' => 200}});

    for my $n (1, 2) {
        my $res = ask($token, at('PAUSE_PORT'));

        is(verdict($res), '503 ERROR upstream_unavailable', "request $n");
        cmp_ok($res->header('Retry-After'), '>', 100, 'the time of the pause');
    }

    is(calls(), 1, 'Wix is left alone');
    is(verdict(ask($token, at('PAUSE_PORT', '/optional'))),
       '200 ANONYMOUS upstream_unavailable', 'optional');
    is(verdict(ask($known, at('PAUSE_PORT'))), '200 BEARER',
       'what is known holds');
    is(calls(), 0, 'no question');
};

subtest 'the budget' => sub {
    my $known = token()->{access_token};

    is(verdict(ask($known, at('BUDGET_PORT'))), '200 BEARER', 'one is known');
    calls();

    my @token = map { forged() } 1 .. 70;
    my @res = concurrent(map {
        [$program, GET => at('BUDGET_PORT'), headers => bearer($_)]
    } @token);

    my %verdict;
    $verdict{verdict($_)}++ for @res;

    is_deeply(\%verdict, {
        '401 ANONYMOUS invalid_token' => 59,
        '429 ERROR too_many_attempts' => 11,
    }, '60 questions a minute');
    is(calls(), 59, 'no more');

    my ($over) = grep { $_->status == 429 } @res;
    my $wait = $over ? $over->header('Retry-After') : 0;
    cmp_ok($wait, '>', 0, 'Retry-After');
    cmp_ok($wait, '<=', 60, 'of a minute at most');

    my $some = forged();
    is(verdict(ask($some, at('BUDGET_PORT', '/optional'))),
       '200 ANONYMOUS too_many_attempts', 'optional');
    is(verdict(ask($known, at('BUDGET_PORT'))), '200 BEARER',
       'what is known holds');
    is(calls(), 0, 'no question');
};

subtest 'with a profile' => sub {
    emulator()->member(email => BOB, password => 'secret-1',
                       profile => {nickname => 'Bobby'});

    my $bob = token(BOB);
    my $before = emu_count('members-my');

    for (1 .. 3) {
        my $res = ask($bob->{access_token}, at('PROFILE_PORT'));

        is(verdict($res), '200 BEARER', 'passes');
        is($res->header('X-Member'), $bob->{memberId}, 'member id');
        is($res->header('X-Email'), BOB, 'e-mail');
        is($res->header('X-Nickname'), 'Bobby', 'nickname');
    }

    is(emu_count('members-my') - $before, 1, 'one call');

    emu_fault('members-my', {type => 'status', status => 503});
    my $res = ask(token(BOB)->{access_token}, at('PROFILE_PORT'));
    is(verdict($res), '200 BEARER', 'passes when there is none to be had');
    is($res->header('X-Nickname'), undef, 'without one');

    my $token = token(BOB)->{access_token};
    emu_fault('members-my', {type => 'patch',
                             set => {'member.status' => 'BLOCKED'}});
    is(verdict(ask($token, at('PROFILE_PORT'))),
       '401 ANONYMOUS member_blocked', 'a blocked member');
    is(verdict(ask($token, at('PROFILE_PORT'))),
       '401 ANONYMOUS member_blocked', 'and again');
    is(emu_count('members-my') - $before, 3, 'a refusal is kept');
};

done_testing();
