#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Nobody runs in circles: error_page into the gate itself, a browser without
# cookies, "if" inside the endpoints, a location with an idle limit of its
# own; and what a member types does not become a header of its own.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use WixAuthTest;
use WixAuthTest::Refresh;

start_emulator(
    member => [MEMBER . ':' . PASSWORD],
    redirect_uri => [
        map { 'http://localhost:' . port($_) . '/_wix/callback' }
            qw(PORT MORE_PORT)
    ]);
my $up = start_upstream();

my $nginx = start_nginx(workers => 1, conf => gate(
    server => 'wix_auth_refresh_use_stale off;'
        . ' error_page 503 504 = /sorry.txt;',
    more => 'wix_auth_login wix sso; location = /_wix/logout { '
        . 'wix_auth_endpoints logout; if ($http_x_if) { set $x 1; } }',
    locations => <<'END'));
    location /mail {
        proxy_pass http://%%UPSTREAM%%;
        proxy_set_header X-Mail $wix_auth_email;
        proxy_set_header X-Last last;
    }
END
page($nginx);

subtest 'an outage with an error_page inside the gate' => sub {
    short_tokens(1);

    my $b = expired(1);
    my $fault = refresh_fault({type => 'status', status => 503}, count => -1);

    for my $headers ({'Sec-Fetch-Mode' => 'navigate'},
                     {'Sec-Fetch-Mode' => 'cors'})
    {
        my $res = $b->get('/', headers => $headers);

        is($res->status, 503, "$headers->{'Sec-Fetch-Mode'}: still 503");
        ok(!$res->header('Location'), 'not to the login');
        ok(!$res->header('WWW-Authenticate'), 'not challenged');
        unlike($res->body, qr/login_required/, 'not told to log in');
        is(reason($res), 'upstream_unavailable', 'but why');
    }

    clear_fault($fault);
    wait_for { get($b)->status == 200 } 10, 'Wix to be asked again';
    pass('and back when Wix is');
};

subtest 'a client that keeps no cookies' => sub {
    my $url = more('/_wix/login?return=%2F');
    my ($hops, $res) = (0);

    # a new browser each time has no cookies to send
    while ($hops++ < 20) {
        $res = browser()->get($url,
            headers => {Accept => 'text/html', 'Sec-Fetch-Mode' => 'navigate'});
        my $location = $res->location // last;
        $url = WixAuthTest::Client::resolve($url, $location);
    }

    ok($hops < 12, "comes to an end after $hops answers");
    is($res->status, 400, 'with an error');
    like($res->body, qr/state_mismatch/, 'that says why');
};

subtest '"if" inside the endpoints' => sub {
    my $b = browser(base => more(''));

    for my $headers ({}, {'X-If' => 'yes'}) {
        my $res = $b->post('/_wix/logout', form => {}, headers => $headers);

        is($res->status, 303, 'is an endpoint still');
        is($res->location, '/', 'not gated');
    }
};

subtest 'an e-mail address is no place for headers' => sub {
    for my $mail (MEMBER . "\r\nX-Evil: yes", "\r\n" . MEMBER, MEMBER . "\n",
                  "ann\t\@example.com", "ann\@example.com\x7f",
                  "ann \@example.com")
    {
        my $res = browser()->post('/_wix/login',
            json => {email => $mail, password => PASSWORD});

        is($res->status, 400, 'refused');
        is($res->json->{error}, 'invalid_request', 'as what it is');
        ok($res->json->{fields}{email}, 'by name');
    }
};

subtest 'the address is spelled as Wix does' => sub {
    my $b = sessions(1, email => uc MEMBER);
    my $res = $b->get('/mail');

    is($res->status, 200, 'logged in with capitals');
    is($res->json->{headers}{'x-mail'}[0], MEMBER, 'known without');
    is($res->json->{headers}{'x-last'}[0], 'last', 'and nothing is lost');
};

done_testing();
