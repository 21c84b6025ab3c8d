#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# The variables: in every phase, in subrequests, after internal redirects.
# And that one request never knows the member of another.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;

my %ann = (email => 'ann@example.com', password => 'secret-1');
my %bea = (email => 'bea@example.com', password => 'secret-2');

start_emulator(
    member => ['ann@example.com:secret-1', 'bea@example.com:secret-2'],
    redirect_uri => [map { 'http://localhost:' . port($_) . '/_wix/callback' }
                     qw(PORT IDLE_PORT PROFILE_PORT)],
);
start_upstream();

# what members call themselves is theirs to choose
my %cleo = (email => 'cleo@example.com', password => 'secret-3');

emulator()->member(%cleo, verified => 1, profile => {
    nickname  => "Cl\x{e9}o \x{2603}\r\nX-Injected: yes\r\n\r\nbody",
    firstName => "\tCl\x{e9}o\x{1}\x{7f} ",
    lastName  => 'O"Hara; a=b',
    slug      => 'cleo',
    picture   => 'https://static.example.com/cleo.png?w=1&h=2',
});

my @all = qw(status reason time member_id email session_id session_remain
             token_remain);

# each variable as a header, the token apart: its value is never shown
my $tell = join '', map { "proxy_set_header V-$_ \$wix_auth_$_;\n" }
    map { $_ } @all;
my @profile = qw(contact_id nickname first_name last_name slug picture
                 member_status email_verified);
my $tell_profile = join '', map {
    "proxy_set_header V-$_ \$wix_auth_$_;\n"
        . "add_header V-$_ \$wix_auth_$_ always;\n"
} @profile, 'email';
my $answer = join '', map { "add_header V-$_ \$wix_auth_$_ always;\n" } @all;

my $nginx = start_nginx(conf => <<"END");
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
wix_auth_client_id %%CLIENT%%;

# the key of a member, nothing for others
limit_req_zone \$wix_auth_member_id zone=each:1m rate=1r/m;
limit_req_status 429;

log_format wa '\$uri \$status S=\$wix_auth_status R=\$wix_auth_reason '
              'M=\$wix_auth_member_id T=\$wix_auth_time';
access_log %%DIR%%/wa.log wa;

map \$wix_auth_access_token \$token_is {
    ""      "none";
    default "some";
}
map \$wix_auth_member_id \$member_is {
    ""      "none";
    default "some";
}

underscores_in_headers on;
merge_slashes on;

server {
    listen 127.0.0.1:%%PORT%%;
    server_name localhost;
    wix_auth required;

    # before any location is known, in the server's mode
    set \$server_phase \$wix_auth_member_id;

    location ^~ /_wix/ { wix_auth_endpoints; }

    location / {
        $tell
        $answer
        add_header V-token \$token_is always;
        proxy_set_header X-Server-Phase \$server_phase;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /optional/ {
        wix_auth optional;
        $tell
        $answer
        add_header V-token \$token_is always;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /no-profile/ {
        $tell_profile
        proxy_pass http://%%UPSTREAM%%;
    }
    location /off/ {
        wix_auth off;
        $tell
        $answer
        add_header V-token \$token_is always;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /audit/ {
        wix_auth audit;
        $tell
        $answer
        proxy_pass http://%%UPSTREAM%%;
    }

    # before the decision

    location /early/ {
        set \$early_member \$wix_auth_member_id;
        set \$early_state "\$wix_auth_status|\$wix_auth_reason|\$wix_auth_time";
        add_header Early-Member \$early_member always;
        add_header Early-State "[\$early_state]" always;
        add_header V-status \$wix_auth_status always;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /if/ {
        wix_auth optional;
        if (\$wix_auth_member_id) { return 200 "MEMBER"; }
        return 200 "STRANGER";
    }
    location /if-required/ {
        if (\$wix_auth_member_id = "") { return 403 "STRANGER"; }
        proxy_pass http://%%UPSTREAM%%;
    }
    location /if-off/ {
        wix_auth off;
        if (\$wix_auth_member_id) { return 200 "MEMBER"; }
        return 200 "STRANGER";
    }
    location /limited/ {
        limit_req zone=each;
        wix_auth optional;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /limited-required/ {
        limit_req zone=each;
        proxy_pass http://%%UPSTREAM%%;
    }

    # satisfy any skips the gate
    location /either/ {
        satisfy any;
        allow all;
        $tell
        $answer
        proxy_pass http://%%UPSTREAM%%;
    }

    # subrequests

    location /ssi/ {
        ssi on;
        ssi_last_modified on;
        add_header Main-Status \$wix_auth_status always;
        alias %%DIR%%/html/;
    }
    location /ssi-open/ {
        wix_auth off;
        ssi on;
        alias %%DIR%%/html/;
    }
    location /fragment/ {
        $tell
        proxy_pass http://%%UPSTREAM%%;
    }
    location /ask/ {
        auth_request /asked;
        auth_request_set \$from_sub \$upstream_http_x_from;
        $tell
        proxy_pass http://%%UPSTREAM%%;
    }
    location = /asked {
        internal;
        $tell
        proxy_pass http://%%UPSTREAM%%/asked;
    }
    location /mirror/ {
        mirror /mirrored;
        proxy_pass http://%%UPSTREAM%%;
    }
    location = /mirrored {
        internal;
        $tell
        proxy_pass http://%%UPSTREAM%%/mirrored;
    }

    # internal redirects

    location /accel/ { proxy_pass http://%%UPSTREAM%%; }
    location /inside/ {
        internal;
        $tell
        $answer
        proxy_pass http://%%UPSTREAM%%;
    }
    location /inside-off/ {
        internal;
        wix_auth off;
        $answer
        proxy_pass http://%%UPSTREAM%%;
    }
    location /try/ { try_files /nothing \@named; }
    location /try-uri/ { try_files /nothing /inside/tried; }
    location \@named {
        $tell
        $answer
        proxy_pass http://%%UPSTREAM%%;
    }
    location /error/ {
        error_page 404 = \@named;
        proxy_intercept_errors on;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /error-uri/ {
        error_page 404 =200 /inside/error;
        proxy_intercept_errors on;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /from-optional/ {
        wix_auth optional;
        try_files /nothing /inside/from-optional;
    }
    location /from-off/ {
        wix_auth off;
        try_files /nothing /inside/from-off;
    }
    location /denied/ {
        error_page 401 \@told;
        proxy_pass http://%%UPSTREAM%%;
    }
    location \@told {
        $answer
        return 401 "TOLD";
    }
    location /denied-off/ {
        error_page 401 \@told-off;
        proxy_pass http://%%UPSTREAM%%;
    }
    location \@told-off {
        wix_auth off;
        $answer
        return 401 "TOLD";
    }
}

server {
    listen 127.0.0.1:%%IDLE_PORT%%;
    server_name localhost;
    wix_auth required;
    wix_auth_session_idle 1s;

    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
    location /either/ {
        satisfy any;
        allow all;
        $answer
        proxy_pass http://%%UPSTREAM%%;
    }
}

server {
    listen 127.0.0.1:%%PROFILE_PORT%%;
    server_name localhost;
    wix_auth required;
    wix_auth_profile on;

    location ^~ /_wix/ { wix_auth_endpoints; }
    location / {
        $tell_profile
        proxy_pass http://%%UPSTREAM%%;
    }
    location /early/ {
        set \$early "\$wix_auth_slug \$wix_auth_member_status";
        add_header Early \$early;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /optional/ {
        wix_auth optional;
        $tell_profile
        proxy_pass http://%%UPSTREAM%%;
    }
    location /off/ {
        wix_auth off;
        $tell_profile
        proxy_pass http://%%UPSTREAM%%;
    }
    location /without/ {
        wix_auth_profile off;
        $tell_profile
        proxy_pass http://%%UPSTREAM%%;
    }
    location /without/then-with/ {
        wix_auth_profile off;
        try_files /nothing /with;
    }
}
END

spew($nginx->dir . '/html/page.html',
     'A<!--#include virtual="/fragment/1" -->'
     . 'B<!--#include virtual="/fragment/2" -->C');

my $ann = browser();
my $bea = browser();
is(login($ann, %ann)->status, 200, 'a member logs in');
is(login($bea, %bea)->status, 200, 'and another one');

my $cookie = $ann->cookie('wix_auth')->{value};
my $mine = "wix_auth=$cookie";
my $stranger = browser(bare => 1);
my $port = port('PORT');

my %id = (ann => $ann->get('/_wix/session')->json->{member}{id},
          bea => $bea->get('/_wix/session')->json->{member}{id});
isnt($id{ann}, $id{bea}, 'two members');

# a member's variables in a list of headers (what the upstream got, or an
# answer)
sub told {
    my ($from) = @_;

    my %t;
    for my $name (@all, 'token') {
        $t{$name} = ref $from eq 'HASH'
            ? join ',', @{$from->{"v-$name"} // $from->{'v-' . $name} // []}
            : join ',', $from->headers("V-$name");
    }
    return \%t;
}

sub ok_member {
    my ($t, $status, $what) = @_;

    is($t->{status}, $status, "$what: status");
    is($t->{reason}, '', "$what: no reason");
    return is($t->{member_id}, $id{ann}, "$what: the member");
}

my @personal = qw(member_id email session_id session_remain token_remain);

sub ok_nobody {
    my ($t, $what) = @_;
    return is(join(',', map { "$_=$t->{$_}" } grep { length $t->{$_} }
                   @personal), '', "$what: nothing personal");
}


subtest 'a member' => sub {
    my $res = $ann->get('/x');
    my $t = told($res);

    ok_member($t, 'HIT', 'the answer');
    is($t->{email}, 'ann@example.com', 'e-mail after a custom login');
    is($t->{session_id}, substr(sha256_hex($cookie), 0, 32), 'session_id');
    like($t->{session_remain}, qr/^(?:863\d\d|86400)$/, 'session_remain');
    like($t->{token_remain}, qr/^\d+$/, 'token_remain is a number');
    cmp_ok($t->{token_remain}, '>', 14000, 'of seconds');
    cmp_ok($t->{token_remain}, '<=', 14400, 'not more than the token has');
    like($t->{time}, qr/^\d+\.\d{3}$/, 'time is seconds.milliseconds');
    is($t->{token}, 'some', 'there is a token');

    ok_member(told($res->json->{headers}), 'HIT', 'the upstream');
    is($res->json->{headers}{'x-server-phase'}[0], $id{ann},
       'the server\'s rewrite phase');

    is(told($ann->get('/optional/x'))->{member_id}, $id{ann}, 'optional');
    is(told($ann->get('/audit/x'))->{member_id}, $id{ann}, 'audit');
    is(told($bea->get('/x'))->{member_id}, $id{bea}, 'the other member');
};


subtest 'the profile' => sub {
    my $b = browser(base => 'http://localhost:' . port('PROFILE_PORT'));
    is(login($b, %cleo)->status, 200, 'a member with a profile logs in');

    my $id = $b->get('/_wix/session')->json->{member}{id};
    my %want = (
        contact_id     => $id,
        nickname       => "Cl\xc3\xa9o \xe2\x98\x83  X-Injected: yes    body",
        first_name     => "Cl\xc3\xa9o",
        last_name      => 'O"Hara; a=b',
        slug           => 'cleo',
        picture        => 'https://static.example.com/cleo.png?w=1&h=2',
        member_status  => 'APPROVED',
        email_verified => 1,
        email          => 'cleo@example.com',
    );
    my $seen = sub {
        my ($res) = @_;
        return {map { my $v = $res->header("V-$_");
                      defined $v ? ($_ => $v) : () } @profile, 'email'};
    };

    upstream()->clear;
    my $res = $b->get('/x');
    is_deeply($seen->($res), \%want, 'the answer has all of it');
    is($res->header('X-Injected'), undef, 'and no header of the member\'s');
    unlike($res->body, qr/\Abody/, 'nor a body');

    my ($got) = upstream()->requests;
    my %sent = map {
        $_ => join ',', @{$got->{headers}{"v-$_"} // []}
    } @profile, 'email';
    is_deeply(\%sent, \%want, 'and so has the upstream');
    ok(!exists $got->{headers}{'x-injected'}, 'which got no other header');

    is($b->get('/early/x')->header('Early'), 'cleo APPROVED',
       'before the decision');
    is_deeply($seen->($b->get('/optional/x')), \%want, 'optional');
    is_deeply($seen->($b->get('/without/then-with/x')), \%want,
              'after a redirect from where there is none');

    is_deeply($seen->($b->get('/without/x')), {email => $want{email}},
              'empty without the directive');
    is_deeply($seen->($b->get('/off/x')), {}, 'empty where the gate is off');
    is_deeply($seen->(browser(bare => 1,
        base => 'http://localhost:' . port('PROFILE_PORT'))
        ->get('/optional/x')), {}, 'empty for a stranger');
    is_deeply($seen->($ann->get('/no-profile/x')),
              {email => 'ann@example.com'}, 'a server that wants none');

    # an account without any
    my $c = browser(base => 'http://localhost:' . port('PROFILE_PORT'));
    login($c, %bea);
    my $t = $seen->($c->get('/x'));
    is($t->{contact_id}, $id{bea}, 'another member\'s');
    ok(!exists $t->{$_}, "no $_ of nobody's") for qw(first_name last_name
                                                      picture);
};


subtest 'nobody' => sub {
    my $res = $stranger->get('/optional/x');
    my $t = told($res);
    is("$t->{status} $t->{reason}", 'ANONYMOUS no_session', 'optional');
    like($t->{time}, qr/^0\.0\d\d$/, 'optional: time');
    is($t->{token}, 'none', 'no token');
    ok_nobody($t, 'optional');
    ok_nobody(told($res->json->{headers}), 'optional, upstream');
    is_deeply([grep { /^v-/ && !/^v-(?:status|reason|time)$/ }
               keys %{$res->json->{headers}}], [],
              'an empty variable is no header');

    $t = told($stranger->get('/x'));
    is("$t->{status} $t->{reason}", 'ANONYMOUS no_session', 'required');
    ok_nobody($t, 'required');

    $t = told($stranger->get('/audit/x'));
    is("$t->{status} $t->{reason}", 'AUDIT no_session', 'audit');
    ok_nobody($t, 'audit');

    # off: no lookup even for a member
    for my $b ($stranger, $ann) {
        $res = $b->get('/off/x');
        $t = told($res);
        is($t->{status}, 'OFF', 'off');
        is($t->{reason} . $t->{time}, '', 'off: no reason, no time');
        is($t->{token}, 'none', 'off: no token');
        ok_nobody($t, 'off');
        ok_nobody(told($res->json->{headers}), 'off, upstream');
    }
};


subtest 'before the decision' => sub {
    my $res = $ann->get('/early/x');
    is($res->header('Early-Member'), $id{ann}, 'set sees the member');
    is($res->header('Early-State'), '[||]', 'but no status, reason or time');
    is($res->header('V-Status'), 'HIT', 'which come later');

    $res = $stranger->get('/early/x');
    is($res->status, 401, 'a stranger');
    is($res->header('Early-Member'), undef, 'set sees nobody');
    is($res->header('Early-State'), '[||]', 'no status, reason or time');

    is($ann->get('/if/')->body, 'MEMBER', 'if: a member');
    is($stranger->get('/if/')->body, 'STRANGER', 'if: a stranger');
    is($stranger->get('/if/', headers => {
        Cookie => 'wix_auth=' . 'A' x 54})->body, 'STRANGER', 'if: forged');
    is($ann->get('/if-off/')->body, 'STRANGER', 'if: off has no lookup');
    is($ann->get('/if-required/x')->status, 200, 'if and gate: a member');
    is($stranger->get('/if-required/x')->status, 403, 'if before the gate');
};


subtest 'limit_req for each member' => sub {
    is($ann->get('/limited/x')->status, 200, 'first');
    is($ann->get('/limited/x')->status, 429, 'second is limited');
    is($bea->get('/limited/x')->status, 200, 'another member is not');
    is($bea->get('/limited-required/x')->status, 429,
       'one account of requests for all locations');

    for (1 .. 3) {
        is($stranger->get('/limited/x')->status, 200,
           'an empty key is not counted');
    }
    is($stranger->get('/limited-required/x')->status, 401, 'nor in the gate');
    is($stranger->get('/limited/x', headers => {
        'X-Wix-Auth-Member-Id' => $id{ann}})->status, 200,
       'nobody can be limited as someone else');
};


subtest 'where satisfy any has skipped the gate' => sub {
    my $res = $ann->get('/either/x');
    my $t = told($res);
    is($res->status, 200, 'passes');
    is($t->{member_id}, $id{ann}, 'the member, by a pure lookup');
    is($t->{status} . $t->{reason} . $t->{time}, '', 'no decision');

    $t = told($stranger->get('/either/x'));
    ok_nobody($t, 'a stranger');
    is($t->{status} . $t->{reason} . $t->{time}, '', 'no decision either');

    # and such a lookup is no activity
    my $b = browser(base => 'http://localhost:' . port('IDLE_PORT'));
    login($b, %ann);
    my $gone = wait_for {
        told($b->get('/either/x'))->{member_id} eq '';
    } 15, 'the session to become idle';
    ok($gone, 'a session ends while it is only looked up');
};


subtest 'subrequests' => sub {
    my $head = {Cookie => $mine};

    upstream()->clear;
    my $res = $stranger->get('/ssi/page.html', headers => $head);
    like($res->body, qr/\AA\{.*\}B\{.*\}C\z/s, 'SSI');
    is($res->header('Main-Status'), 'HIT', 'the page\'s status');
    my @got = upstream()->requests;
    is(scalar @got, 2, 'two fragments');
    ok_member(told($_->{headers}), 'HIT', "SSI $_->{uri}") for @got;

    upstream()->clear;
    $res = $stranger->get('/ssi-open/page.html', headers => $head);
    @got = upstream()->requests;
    is(scalar @got, 2, 'SSI from a page without a gate');
    for (@got) {
        is(told($_->{headers})->{status}, 'OFF', 'the page decides');
        ok_nobody(told($_->{headers}), 'SSI, off');
    }

    upstream()->clear;
    is($stranger->get('/ask/x', headers => $head)->status, 200,
       'auth_request');
    my ($asked, $main) = upstream()->requests;
    is($asked->{uri}, '/asked', 'asked first');
    is(told($asked->{headers})->{member_id}, $id{ann},
       'auth_request, before the decision: the member');
    is(told($asked->{headers})->{status}, '', 'and no status');
    ok_member(told($main->{headers}), 'HIT', 'the request itself');

    upstream()->clear;
    is($stranger->get('/ask/x')->status, 401, 'a stranger is refused');
    @got = upstream()->requests;
    is(join(' ', map { $_->{uri} } @got), '/asked', 'after the question');
    ok_nobody(told($got[0]{headers}), 'auth_request of a stranger');

    upstream()->clear;
    is($stranger->get('/mirror/x', headers => $head)->status, 200, 'mirror');
    my $copy = wait_for {
        (grep { $_->{uri} eq '/mirrored' } upstream()->requests)[0];
    } 10, 'the mirrored request';
    ok_member(told($copy->{headers}), 'HIT', 'mirror');

    # a stranger's request is never mirrored
    upstream()->clear;
    is($stranger->get('/mirror/x')->status, 401, 'mirror of a stranger');
    is($stranger->get('/off/after')->status, 200, 'the next request');
    is(join(' ', map { $_->{uri} } upstream()->requests), '/off/after',
       'nothing was mirrored');
};


subtest 'internal redirects' => sub {
    my $accel = '?__header=' . url_escape('X-Accel-Redirect:/inside/file');

    my %urls = (
        'X-Accel-Redirect' => "/accel/x$accel",
        'try_files, named' => '/try/x',
        'try_files, URI'   => '/try-uri/x',
        'error_page, named' => '/error/x?__status=404',
        'error_page, URI'   => '/error-uri/x?__status=404',
        'from optional'     => '/from-optional/x',
        'from off'          => '/from-off/x',
    );

    for my $what (sort keys %urls) {
        upstream()->clear;
        my $res = $ann->get($urls{$what});
        my ($last) = reverse upstream()->requests;

        ok_member(told($res), 'HIT', $what);
        ok_member(told($last->{headers}), 'HIT', "$what, upstream");

        upstream()->clear;
        $res = $stranger->get($urls{$what});
        is($res->status, 401, "$what: a stranger");
        ok_nobody(told($res), "$what: a stranger");
        is(scalar(my @r = upstream()->requests), 0,
           "$what: nothing reaches the upstream");
    }

    # the record is that of the decision, also where the redirect leads out
    my $res = $ann->get('/accel/x?__header='
                        . url_escape('X-Accel-Redirect:/inside-off/file'));
    my $t = told($res);
    is($res->status, 200, 'out of the gate');
    ok(($t->{status} eq 'HIT' && $t->{member_id} eq $id{ann})
       || ($t->{status} eq 'OFF' && "$t->{reason}$t->{time}" eq ''
           && $t->{member_id} eq ''),
       'all variables tell the same: the decision, or off')
        or diag explain $t;

    $res = $stranger->get('/denied/x');
    $t = told($res);
    is($res->status, 401, 'a denial with a page');
    is("$t->{status} $t->{reason}", 'ANONYMOUS no_session', 'its status');
    ok_nobody($t, 'a denial with a page');

    $res = $stranger->get('/denied-off/x');
    $t = told($res);
    is($res->body, 'TOLD', 'a page outside of the gate');
    ok("$t->{status} $t->{reason}" eq 'ANONYMOUS no_session'
       || "$t->{status} $t->{reason}$t->{time}" eq 'OFF ',
       'all variables tell the same: the decision, or off')
        or diag explain $t;
    ok_nobody($t, 'a page outside of the gate');
};


subtest 'the access log' => sub {
    $ann->get('/logged/member');
    $stranger->get('/logged/stranger');
    $stranger->get('/logged/dead', headers => {Cookie => 'wix_auth=x'});

    my $log = wait_for {
        my $text = slurp($nginx->dir . '/wa.log');
        return $text =~ m{/logged/dead } ? $text : undef;
    };

    like($log, qr{^/logged/member 200 S=HIT R= M=\Q$id{ann}\E T=0\.0\d\d$}m,
         'a member');
    like($log, qr{^/logged/stranger 401 S=ANONYMOUS R=no_session M= T=\d}m,
         'a stranger');
    like($log, qr{^/logged/dead 401 S=ANONYMOUS R=no_session M= T=\d}m,
         'a malformed cookie');
};


# Two requests on one connection share nothing.

sub pipeline {
    my (@requests) = @_;

    my $bytes = join '', map {
        my ($path, @headers) = @$_;
        join "\r\n", "GET $path HTTP/1.1", 'Host: localhost', @headers, '', '';
    } @requests;

    $bytes =~ s/\r\n\r\n\z/\r\nConnection: close\r\n\r\n/;
    my $raw = raw($port, $bytes);

    my @answers = map { WixAuthTest::Response->parse($_, 'GET') }
        split m{(?=HTTP/1\.1 \d{3} [A-Z])}, $raw;
    return @answers;
}

subtest 'a stranger behind a member on one connection' => sub {
    my @member = ('/x', "Cookie: $mine");

    # pipelined: all in one packet
    my @res = pipeline([@member], ['/x'], ['/optional/x'], [@member],
                       ['/x', 'Cookie: wix_auth=' . 'A' x 54]);
    is(join(' ', map { $_->status } @res), '200 401 200 200 401',
       'pipelined') or diag map { $_->head . "\n" } @res;

    is(told($res[0])->{member_id}, $id{ann}, 'the first is a member');
    ok_nobody(told($res[1]), 'the second, refused');
    ok_nobody(told($res[2]), 'the third, optional');
    ok_nobody(told($res[2]->json->{headers}), 'the third at the upstream');
    is(told($res[3])->{member_id}, $id{ann}, 'the fourth is a member again');
    ok_nobody(told($res[4]), 'the fifth, forged');
    unlike($res[$_]{raw}, qr/\Q$id{ann}\E|ann\@/, "answer $_ names nobody")
        for 1, 2, 4;
    unlike($res[$_]{raw}, qr/body_md5/, "answer $_ has nothing of the "
           . 'upstream') for 1, 4;

    # one after the other
    my $sock = open_socket($port);
    my $ask = sub {
        my (@headers) = @_;
        print $sock join "\r\n", 'GET /optional/x HTTP/1.1',
            'Host: localhost', @headers, '', '';
        my $in = '';
        while ($in !~ /\r\n\r\n.*\}\z/s
               && $in !~ /\r\n0\r\n\r\n\z/)
        {
            sysread($sock, $in, 65536, length $in) or last;
        }
        return told(WixAuthTest::Response->parse($in, 'GET'));
    };

    for my $round (1 .. 3) {
        is($ask->("Cookie: $mine")->{member_id}, $id{ann},
           "round $round: a member");
        my $t = $ask->();
        is($t->{status}, 'ANONYMOUS', "round $round: a stranger");
        ok_nobody($t, "round $round: a stranger");
        is($ask->('Cookie: wix_auth='
                  . $bea->cookie('wix_auth')->{value})->{member_id},
           $id{bea}, "round $round: another member");
    }
    close $sock;

    # side by side, on connections of their own
    my @mixed = concurrent(
        (map { ([$ann, GET => '/x'], [$bea, GET => '/x'],
                [$stranger, GET => '/optional/x']) } 1 .. 10));
    my @who = map { told($_)->{member_id} } @mixed;
    is_deeply(\@who, [($id{ann}, $id{bea}, '') x 10],
              'many at once: each gets his own');
};


subtest 'malformed request lines' => sub {
    my @lines = (
        'GET /%zz HTTP/1.1', 'GET /% HTTP/1.1', 'GET /%4 HTTP/1.1',
        'GET /%00 HTTP/1.1', "GET /a\0b HTTP/1.1", "GET /a\tb HTTP/1.1",
        'GET //x HTTP/1.1', 'GET ///off/../x HTTP/1.1',
        'GET /off/../x HTTP/1.1', 'GET /off/..%2fx HTTP/1.1',
        'GET /off/%2e%2e/x HTTP/1.1', 'GET /off/../../x HTTP/1.1',
        'GET /x?/off/ HTTP/1.1', 'GET /x#/off/ HTTP/1.1',
        'GET /x%23/off/ HTTP/1.1', 'GET /x%3f/off/ HTTP/1.1',
        'GET /x;/off/ HTTP/1.1', 'GET /x/..;/off/ HTTP/1.1',
        'GET /x\\..\\off\\ HTTP/1.1', 'GET /OFF/ HTTP/1.1',
        'GET /x/off/ HTTP/1.1', 'GET /off HTTP/1.1',
        'GET http://localhost/x HTTP/1.1',
        'GET http://other.example/x HTTP/1.1',
        'GET http://localhost/../x HTTP/1.1', 'GET http:///x HTTP/1.1',
        'GET http://user:pass@localhost/x HTTP/1.1',
        'GET localhost/x HTTP/1.1', 'GET * HTTP/1.1', 'OPTIONS * HTTP/1.1',
        'CONNECT localhost:443 HTTP/1.1', 'GET  /x HTTP/1.1',
        'GET /x  HTTP/1.1', 'GET /x y HTTP/1.1', ' GET /x HTTP/1.1',
        'GET /x HTTP/1.1 ', 'GET /x HTTP/9.9', 'GET /x HTTP/2.0',
        'GET /x HTTPS/1.1', 'GET /x', 'GET', '', 'get /x HTTP/1.1',
        'G%45T /x HTTP/1.1', "GET /x\x7f HTTP/1.1", "GET /\xff\xfe HTTP/1.1",
        'GET /' . 'x' x 7000 . ' HTTP/1.1', 'GET /' . '../' x 200
            . 'x HTTP/1.1', 'GET /' . '/' x 500 . 'x HTTP/1.1',
        "GET /x\r HTTP/1.1", 'POST /x HTTP/1.1', 'TRACE /x HTTP/1.1',
        'PROPFIND /x HTTP/1.1', 'GET /@named HTTP/1.1', 'GET @named HTTP/1.1',
        'GET /inside/x HTTP/1.1', 'GET /asked HTTP/1.1',
        'GET /_wix/../x HTTP/1.1', 'GET /_wix/..%2fx HTTP/1.1',
        'GET /_wix/login/../../x HTTP/1.1', 'GET /_wix HTTP/1.1',
    );
    my @headers = (
        '', "Host: localhost\r\n", "Host: \r\n", "Host: a/b\r\n",
        "Host: localhost\r\nHost: localhost\r\n",
        "Host: localhost\r\nAccept: text/html\r\n",
        "Host: localhost\r\nX-Original-URL: /off/\r\nX-Rewrite-URL: /off/\r\n"
            . "X-Forwarded-Uri: /off/\r\n",
        "Host: localhost\r\nX-Wix-Auth-Member-Id: $id{ann}\r\n",
        "Host: localhost\r\nContent-Length: 0\r\nTransfer-Encoding: chunked"
            . "\r\n",
        "Host: LOCALHOST\r\n: x\r\n", "Host: localhost\r\n Folded: x\r\n",
    );

    upstream()->clear;

    my ($n, @through) = (0);

    for my $line (@lines) {
        for my $extra ($line =~ m{^GET /(?:x|%00) HTTP/1.1$} ? @headers
                       : @headers[1, 5])
        {
            my $raw = raw($port, "$line\r\n${extra}Connection: close\r\n\r\n",
                          half_close => 1, timeout => 5);
            $n++;
            push @through, "$line [$extra]"
                if $raw =~ /body_md5/ || $raw =~ m{\AHTTP/1\.\d 2};
        }
    }

    cmp_ok($n, '>', 100, "$n requests");
    is_deeply(\@through, [], 'no 2xx, nothing of the upstream');
    is_deeply([map { "$_->{method} $_->{uri}" } upstream()->requests], [],
              'the upstream was never asked');

    # the control: the same bytes with a session do get there
    my $res = raw_response($port, "GET //x HTTP/1.1\r\nHost: localhost\r\n"
        . "Cookie: $mine\r\nConnection: close\r\n\r\n");
    is($res->status, 200, 'a member gets through');
};

done_testing();
