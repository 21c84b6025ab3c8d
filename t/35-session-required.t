#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# session?require=1 and auth_request judge as the gate does: they refresh,
# wait, forgive for a while and tell an outage from a stranger.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use WixAuthTest;
use WixAuthTest::Refresh;

start_emulator(member => [MEMBER . ':' . PASSWORD]);

my $nginx = start_nginx(workers => 2, conf => gate(
    more => 'wix_auth_refresh_use_stale off;',
    locations => <<'END'));
    location /asked/ {
        wix_auth off;
        auth_request /asked;
        try_files /page.txt =404;
    }
    location = /asked { internal; wix_auth_endpoints session; }
    location /twice/ {
        wix_auth off;
        ssi on;
        ssi_types *;
        try_files /twice.html =404;
    }
END
page($nginx);
spew($nginx->dir . '/html/twice.html', join '<!--#include '
    . 'virtual="/_wix/session?require=1" -->', qw(A B C));

sub asked { return get($_[0], '/_wix/session?require=1')->status }

sub strict { return $_[0]->get(more('/_wix/session?require=1')) }

subtest 'a stranger' => sub {
    my $b = browser();

    my $res = get($b, '/_wix/session?require=1');
    is($res->status, 401, 'is refused');
    is($res->body, '', 'without a body');
    is($res->header('WWW-Authenticate'), 'Bearer realm="wix"', 'challenged');

    is(get($b, '/asked/page')->status, 401, 'by auth_request too');
};

subtest 'a token past its end is refreshed' => sub {
    short_tokens(1);

    my $b = expired(1);
    my $calls = refreshes();

    is(asked($b), 204, 'and the answer waits for it');
    is(refreshes(), $calls + 1, 'one call');
    is(asked($b), 204, 'once');
    is(refreshes(), $calls + 1, 'is enough');

    $b = expired(1);
    is(get($b, '/asked/page')->status, 200, 'auth_request waits');
    is(refreshes(), $calls + 2, 'for its call');

    my @b = expired(1);
    my $fault = refresh_fault({type => 'delay', seconds => 0.5});
    my @res = concurrent(20, $b[0], GET => '/asked/page');
    clear_fault($fault);

    is((grep { $_->status == 200 } @res), 20, 'and so do twenty');
    is(refreshes(), $calls + 3, 'for one call');
};

subtest 'before its end it is refreshed in the background' => sub {
    short_tokens(4);

    my $b = sessions(1);
    my $calls = refreshes();

    wait_for { asked($b) == 204 && refreshes() == $calls + 1 } 10,
        'a refresh';
    is(asked($b), 204, 'and all is well');
};

subtest 'whom Wix has revoked is out' => sub {
    short_tokens(1);

    my $b = expired(1);
    emulator()->revoke(email => MEMBER);

    is(asked($b), 401, 'at the next refresh');
    is(get($b)->status, 401, 'as at the gate');
};

subtest 'an outage' => sub {
    short_tokens(1);

    my $b = expired(1);
    my $other = expired(1);
    my $fault = refresh_fault({type => 'status', status => 503}, count => -1);

    is(asked($b), 204, 'is forgiven where the gate forgives it');
    like(verdict(get($b)), qr/^200 STALE/, 'and the gate does');

    my $res = strict($other);
    is($res->status, 503, 'else it is told');
    is($res->body, '', 'without a body');
    ok($res->header('Retry-After') >= 1, 'with a time to try again');
    ok(!$res->header('Set-Cookie'), 'and nobody is logged out');

    clear_fault($fault);

    wait_for { strict($other)->status == 204 } 10, 'Wix to be asked again';
    pass('until Wix is back');
};

subtest 'two subrequests of one page that would both wait' => sub {
    short_tokens(1);
    my $b = expired(1);

    my $slow = refresh_fault({type => 'delay', seconds => 0.3});
    my $res = $b->get('/twice/x');
    is($res->status, 200, 'the page comes');
    is($res->body, 'ABC', 'with what is between them');
    clear_fault($slow);

    is(verdict(get($b)), '200 HIT', 'the session was refreshed');
    unlike($nginx->error_log, qr/exited on signal|already sent/,
           'and every worker lives');
};

subtest 'it is no activity of the member' => sub {
    short_tokens(600);

    my $b = sessions(1);
    my $remain = $b->get('/_wix/session')->json->{expiresIn};

    is(asked($b), 204, 'asked');
    ok($b->get('/_wix/session')->json->{expiresIn} <= $remain,
        'the end has not moved');
};

done_testing();
