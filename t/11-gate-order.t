#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# The gate among nginx's own access handlers: who comes first, satisfy any,
# error_page, auth_delay, limit_except.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64 qw(encode_base64);
use Time::HiRes qw(time);
use WixAuthTest;

my %login = (email => 'ann@example.com', password => 'secret-1');

start_emulator(
    member => ['ann@example.com:secret-1'],
    redirect_uri => [map { 'http://localhost:' . port($_) . '/_wix/callback' }
                     qw(PORT SHORT_PORT)],
);
start_upstream();

my @modes = qw(off optional required audit);

# other access methods, as configuration
my %other = (
    none    => '',
    allow   => 'allow all;',
    deny    => 'deny all;',
    basic   => 'auth_basic "site"; auth_basic_user_file %%DIR%%/users;',
    sub204  => 'auth_request /sub/204;',
    sub401  => 'auth_request /sub/401;',
    sub403  => 'auth_request /sub/403;',
);

my $locations = '';

for my $satisfy ('all', 'any') {
    for my $mode (@modes) {
        for my $other (sort keys %other) {
            $locations .= <<"END";
    location /$satisfy/$mode/$other {
        satisfy $satisfy;
        wix_auth $mode;
        $other{$other}
        proxy_pass http://%%UPSTREAM%%;
    }
END
        }
    }
}

my $head = <<'END';
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
add_header X-Status $wix_auth_status always;
add_header X-Reason $wix_auth_reason always;
END

my $nginx = start_nginx(conf => $head . <<"END");
msie_refresh on;

server {
    listen 127.0.0.1:%%PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;

    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }

    location /sub/204 { internal; return 204; }
    location /sub/401 { internal; return 401; }
    location /sub/403 { internal; return 403; }

$locations

    # auth_request itself takes no arguments
    location = /check { internal; rewrite ^ /_wix/session?require=1 last; }

    location /own-endpoint/ {
        wix_auth off;
        auth_request /check;
        proxy_pass http://%%UPSTREAM%%;
    }

    # error_page

    location /open/ { wix_auth off; alias %%DIR%%/html/; }

    location /e401/ {
        error_page 401 /open/page.html;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /e401-named/ {
        error_page 401 \@named;
        proxy_pass http://%%UPSTREAM%%;
    }
    location \@named { wix_auth off; return 401 "PAGE named"; }

    location /e401-200/ {
        error_page 401 =200 /open/page.html;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /e401-login/ {
        error_page 401 =302 /_wix/login;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /e401-gated/ {
        error_page 401 /gated.html;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /e401-recursive/ {
        recursive_error_pages on;
        error_page 401 /e401-recursive2/;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /e401-recursive2/ {
        recursive_error_pages on;
        error_page 401 /open/page.html;
        proxy_pass http://%%UPSTREAM%%;
    }
    location = /gated.html { root %%DIR%%/html; }

    location /e302/ {
        error_page 302 /open/page.html;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /e302-gated/ {
        error_page 302 /gated.html;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /e302-any/ {
        satisfy any;
        deny all;
        auth_basic "site";
        auth_basic_user_file %%DIR%%/users;
        error_page 302 /open/page.html;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /e403/ {
        deny all;
        error_page 403 /open/page.html;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /eother/ {
        error_page 403 404 500 502 503 504 /open/page.html;
        proxy_pass http://%%UPSTREAM%%;
    }

    # auth_delay

    location /delay/ {
        auth_delay 1s;
        proxy_pass http://%%UPSTREAM%%;
    }

    # limit_except

    location /writes/ {
        wix_auth off;
        limit_except GET { wix_auth required; }
        proxy_pass http://%%UPSTREAM%%;
    }
    location /reads/ {
        limit_except GET { deny all; }
        proxy_pass http://%%UPSTREAM%%;
    }
    location /hooks/ {
        limit_except GET { wix_auth off; }
        proxy_pass http://%%UPSTREAM%%;
    }
    location /softer/ {
        limit_except GET { wix_auth optional; deny all; }
        proxy_pass http://%%UPSTREAM%%;
    }
}

server {
    listen 127.0.0.1:%%SHORT_PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;
    wix_auth_refresh_use_stale off;

    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }

    location /e503/ {
        error_page 503 /open/page.html;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /any/ {
        satisfy any;
        auth_basic "site";
        auth_basic_user_file %%DIR%%/users;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /optional/ {
        wix_auth optional;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /open/ { wix_auth off; alias %%DIR%%/html/; }
}
END

spew($nginx->dir . '/users', "bob:{PLAIN}bob-pass\n");
spew($nginx->dir . '/html/page.html', "PAGE static\n");
spew($nginx->dir . '/html/gated.html', "CANARY\n");

my @nav = ('Sec-Fetch-Mode' => 'navigate', Accept => 'text/html');
my @basic = (Authorization => 'Basic ' . encode_base64('bob:bob-pass', ''));
my @wrong = (Authorization => 'Basic ' . encode_base64('bob:wrong', ''));

my $stranger = browser(bare => 1);
my $ann = browser();
is(login($ann, %login)->status, 200, 'a member logs in');

my $member = browser(bare => 1, headers => {
    Cookie => 'wix_auth=' . $ann->cookie('wix_auth')->{value}});

# status, the challenges, and the target of a redirect
sub outcome {
    my ($res) = @_;

    my @schemes = sort map { (split ' ')[0] } $res->headers('WWW-Authenticate');
    my $out = join ' ', $res->status, @schemes;

    if ($res->status != 200 && $res->{raw} =~ /body_md5|CANARY/) {
        $out .= ' LEAK';
    }
    if (defined $res->location) {
        $out .= $res->location =~ m{^/_wix/login\?return=} ? ' login'
            : ' to ' . $res->location;
    }
    # auth_basic and others may not be told apart by a second header
    for my $name ('Location', 'Cache-Control') {
        $out .= " twice $name" if $res->headers($name) > 1;
    }
    return $out;
}


subtest 'nginx\'s own access handlers come first' => sub {
    my @cases = (
        # other, headers, stranger's page, stranger's call, member
        [none   => [],      '302 login', '401 Bearer', '200'],
        [allow  => [],      '302 login', '401 Bearer', '200'],
        [deny   => [],      '403', '403', '403'],
        [basic  => [],      '401 Basic', '401 Basic', '401 Basic'],
        [basic  => \@wrong, '401 Basic', '401 Basic', '401 Basic'],
        # who sends Authorization is no navigation
        [basic  => \@basic, '401 Bearer', '401 Bearer', '200'],
        [sub204 => [],      '302 login', '401 Bearer', '200'],
        [sub401 => [],      '401', '401', '401'],
        [sub403 => [],      '403', '403', '403'],
    );

    for my $case (@cases) {
        my ($other, $headers, $page, $call, $in) = @$case;
        my $name = "$other" . (@$headers ? ' with ' . $headers->[1] : '');

        for my $mode (@modes) {
            my $url = "/all/$mode/$other";
            my $open = $mode ne 'required';

            # what is not a gate leaves the decision to the others
            my $as = sub { $open && $_[0] =~ /Bearer|login/ ? '200' : $_[0] };

            is(outcome($stranger->get($url, headers => {@nav, @$headers})),
               $as->($page), "$mode, $name: a stranger's page");
            is(outcome($stranger->get($url, headers => {@$headers})),
               $as->($call), "$mode, $name: a stranger's call");
            is(outcome($member->get($url, headers => {@nav, @$headers})),
               $in, "$mode, $name: a member");
        }
    }

    my $res = $stranger->get('/all/required/deny', headers => {@nav});
    is($res->header('X-Status'), undef, 'what is refused before us has no '
       . 'status');
};


subtest 'satisfy any' => sub {
    # other, headers, then for required: page, call, member; and for the
    # modes that never open it: stranger, member
    my @cases = (
        [none   => [],      '302 login', '401 Bearer', '200', '200', '200'],
        [allow  => [],      '200', '200', '200', '200', '200'],
        [deny   => [],      '302 login', '401 Bearer', '200', '403', '403'],
        [basic  => [],      '302 login', '401 Basic Bearer', '200',
                            '401 Basic', '401 Basic'],
        [basic  => \@wrong, '401 Basic Bearer', '401 Basic Bearer', '200',
                            '401 Basic', '401 Basic'],
        [basic  => \@basic, '200', '200', '200', '200', '200'],
        [sub204 => [],      '200', '200', '200', '200', '200'],
        [sub401 => [],      '302 login', '401 Bearer', '200', '401', '401'],
        [sub403 => [],      '302 login', '401 Bearer', '200', '403', '403'],
    );

    for my $case (@cases) {
        my ($other, $headers, $page, $call, $in, $never, $still) = @$case;
        my $name = "$other" . (@$headers ? ' with ' . $headers->[1] : '');

        my $url = "/any/required/$other";
        is(outcome($stranger->get($url, headers => {@nav, @$headers})), $page,
           "required, $name: a stranger's page");
        is(outcome($stranger->get($url, headers => {@$headers})), $call,
           "required, $name: a stranger's call");
        is(outcome($member->get($url, headers => {@nav, @$headers})), $in,
           "required, $name: a member");

        for my $mode (qw(off optional audit)) {
            my $url = "/any/$mode/$other";
            is(outcome($stranger->get($url, headers => {@nav, @$headers})),
               $never, "$mode, $name: a stranger's page");
            is(outcome($stranger->get($url, headers => {@$headers})),
               $never, "$mode, $name: a stranger's call");
            is(outcome($member->get($url, headers => {@nav, @$headers})),
               $still, "$mode, $name: a member opens nothing");
        }
    }

    # a redirect with msie_refresh, where nginx could have made the body
    is(outcome($stranger->get('/any/required/basic', headers => {
        @nav, 'User-Agent' => 'MSIE'})), '302 login', 'MSIE');

    my $res = $stranger->get('/any/required/none');
    is($res->header('Cache-Control'), 'no-store',
       'a 401 that nginx makes is not cacheable either');
};


subtest 'auth_request to our own session endpoint' => sub {
    is(outcome($stranger->get('/own-endpoint/x', headers => {@nav})),
       '401 Bearer', 'a stranger');
    is(outcome($member->get('/own-endpoint/x')), '200', 'a member');
};


subtest 'error_page' => sub {
    my $page = sub {
        my ($url, $want, $like, %h) = @_;
        my $res = $stranger->get($url, headers => {%h});

        is(outcome($res), $want, $url);
        like($res->body, $like, "$url: the body");
        return $res;
    };

    my $res = $page->('/e401/x', '401 Bearer', qr/\APAGE static$/);
    is($res->header('Cache-Control'), 'no-store', 'still not cacheable');
    is($res->header('Content-Type'), 'text/html', 'the page\'s own type');
    $page->('/e401/x', '302 login', qr/./, @nav);

    $page->('/e401-named/x', '401 Bearer', qr/\APAGE named\z/);
    $page->('/e401-200/x', '200 Bearer', qr/\APAGE static$/);

    # the page is gated like all else: as with auth_basic, no page then
    $res = $page->('/e401-gated/x', '401 Bearer', qr/./);
    is(scalar(my @v = $res->headers('Referrer-Policy')), 1,
       'gated page: no header twice');

    $page->('/e401-recursive/x', '401 Bearer', qr/\APAGE static$/);

    $page->('/eother/x', '401 Bearer', qr/login_required/);
    $page->('/eother/x', '302 login', qr/./, @nav);
    $page->('/e403/x', '403', qr/\APAGE static$/);
    $page->('/e403/x', '403', qr/\APAGE static$/, @nav);

    is(outcome($ann->get('/e401/x')), '200', 'a member gets the answer');

    # the login page in the place of the 401
    $res = $stranger->get('/e401-login/x');
    unlike($res->{raw}, qr/body_md5/, 'the login page: no leak');
    is($res->status, 302, 'the status that was asked for');

    # error_page 302: nginx makes the answer, with the page as its body
    for my $url ('/e302/x', '/e302-any/x', '/e302-gated/x') {
        for my $agent ('Mozilla/5.0', 'MSIE 6.0') {
            my $res = $stranger->get($url, headers => {
                @nav, 'User-Agent' => $agent, Host => 'localhost'});

            is($res->status, 302, "$url, $agent: 302");
            unlike($res->{raw}, qr/body_md5|CANARY/, "$url, $agent: no leak");
            is(scalar(my @v = $res->headers('Location')), 1,
               "$url, $agent: one Location");
            like($res->location // '', qr{/_wix/login\?return=},
                 "$url, $agent: it leads to the login");
            is(scalar(my @w = $res->headers('WWW-Authenticate')), 0,
               "$url, $agent: no challenge");
            is(join(',', $res->headers('Cache-Control')), 'no-store',
               "$url, $agent: no-store");
        }
    }
    is(outcome($stranger->get('/e302/x')), '401 Bearer',
       'error_page 302 has nothing to do with the 401');
};


subtest 'auth_delay' => sub {
    my $res = $stranger->get('/delay/x');
    is(outcome($res), '401 Bearer', 'a 401');
    cmp_ok($res->{time}, '>=', 0.9, 'is held back');
    is($res->header('Cache-Control'), 'no-store', 'and not cacheable');

    $res = $stranger->get('/delay/x', headers => {@nav});
    is(outcome($res), '302 login', 'a 302');
    cmp_ok($res->{time}, '<', 0.9, 'is not');

    is(outcome($member->get('/delay/x')), '200', 'a member');

    # the connection goes on after the delay
    my $raw = raw(port('PORT'), "GET /delay/x HTTP/1.1\r\nHost: localhost\r\n"
        . "\r\nGET /any/off/none HTTP/1.1\r\nHost: localhost\r\n"
        . "Connection: close\r\n\r\n");
    like($raw, qr{\AHTTP/1\.1 401 .*HTTP/1\.1 200 }s, 'pipelined');
    is(scalar(my @answers = $raw =~ /body_md5/g), 1,
       'one answer of the upstream');
};


subtest 'limit_except' => sub {
    my $ask = sub {
        my ($client, $method, $url) = @_;
        return outcome($client->request($method, $url));
    };

    is($ask->($stranger, GET => '/writes/x'), '200', 'reads are open');
    is($ask->($stranger, HEAD => '/writes/x'), '200', 'HEAD is a GET');
    is($ask->($stranger, POST => '/writes/x'), '401 Bearer', 'writes are not');
    is($ask->($stranger, DELETE => '/writes/x'), '401 Bearer', 'nor DELETE');
    is($ask->($member, POST => '/writes/x'), '200', 'a member writes');

    is($ask->($stranger, GET => '/reads/x'), '401 Bearer', 'inherited gate');
    is($ask->($member, GET => '/reads/x'), '200', 'and a member');
    is($ask->($stranger, POST => '/reads/x'), '403', 'deny comes first');
    is($ask->($member, POST => '/reads/x'), '403', 'for a member too');

    is($ask->($stranger, GET => '/hooks/x'), '401 Bearer', 'gated');
    is($ask->($stranger, POST => '/hooks/x'), '200', 'off for all but GET');

    is($ask->($stranger, POST => '/softer/x'), '403',
       'optional opens nothing');
};


subtest 'endpoints inside a gate' => sub {
    my $res = $stranger->get('/_wix/login', headers => {@nav});
    is($res->status, 200, 'the login page');
    is(scalar $res->forms, 1, 'with its form');

    $res = $stranger->get('/_wix/session');
    is($res->status, 200, 'session');
    ok(!$res->json->{authenticated}, 'says that there is none');

    $res = $stranger->get('/_wix/callback', headers => {@nav});
    is($res->status, 303, 'callback');
    is($stranger->get('/_wix/logout', headers => {@nav})->status, 405,
       'logout');
    is($stranger->get('/_wix/nothing', headers => {@nav})->status, 404,
       'anything else is 404, not a login');
    is($stranger->get('/_wix/', headers => {@nav})->status, 404,
       'the prefix itself');
};


subtest 'an error of ours through error_page' => sub {
    emulator()->configure(accessTtl => 1);

    my $base = 'http://localhost:' . port('SHORT_PORT');
    my $bob = browser(base => $base);
    emu_fault('token.refresh_token', {type => 'status', status => 503},
              count => -1);
    login($bob, %login);
    ok($bob->cookie('wix_auth'), 'a session whose token ends at once');

    my $res = wait_for {
        my $res = $bob->get('/x');
        return $res->status >= 500 ? $res : undef;
    } 20, 'the token to expire';
    ok($res, 'a 503') or return;

    is(outcome($res), '503', 'neither 302 nor 401');
    is($res->header('X-Status'), 'ERROR', 'its status');
    is($res->header('X-Reason'), 'upstream_unavailable', 'the reason');
    like($res->header('Retry-After') // '', qr/^[1-9]\d?$/, 'Retry-After');
    is($res->header('Cache-Control'), 'no-store', 'no-store');
    is($res->header('Set-Cookie'), undef, 'the cookie stays');

    my $json = $bob->get('/x', json => undef, headers => {
        'Sec-Fetch-Mode' => 'cors', Accept => 'application/json'});
    is(($json->json // {})->{error}, 'upstream_unavailable', 'as JSON');

    $res = $bob->get('/e503/x');
    is(outcome($res), '503', 'with error_page');
    is($res->body, "PAGE static\n", 'the page of the site');
    like($res->header('Retry-After') // '', qr/^[1-9]\d?$/,
         'keeps Retry-After');
    is(join(',', $res->headers('Cache-Control')), 'no-store', 'no-store');

    is(outcome($bob->get('/any/x')), '503',
       'satisfy any: no challenge of auth_basic');
    is(outcome($bob->get('/any/x', headers => {@basic})), '200',
       'satisfy any: who satisfies auth_basic is not asked');

    $res = $bob->get('/optional/x');
    is($res->status, 200, 'optional passes');
    is($res->header('X-Reason'), 'upstream_unavailable', 'with the reason');
};

done_testing();
