#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# What an admin expects of nginx's own features beside the gate, one subtest a
# feature.  11-gate-order.t, 12-gate-headers.t and 13-gate-variables.t try each
# of them in more combinations.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64 qw(encode_base64);
use Time::HiRes qw(time);
use WixAuthTest;

my %ann = (email => 'ann@example.com', password => 'secret-1');

start_emulator(
    member => ["$ann{email}:$ann{password}"],
    redirect_uri => [
        'http://localhost:' . port('PORT') . '/_wix/callback',
        'https://localhost:' . port('TLS_PORT') . '/_wix/callback',
    ],
);
start_upstream();

my $http3 = have_module('http_v3');
my $certs = certs();
my $locations = <<'END';
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;

    location ^~ /_wix/ { wix_auth_endpoints; }

    location / {
        proxy_pass http://%%UPSTREAM%%;
        proxy_set_header X-Member $wix_auth_member_id;
    }

    location /any/ {
        satisfy any;
        auth_basic "site";
        auth_basic_user_file %%DIR%%/users;
        proxy_pass http://%%UPSTREAM%%;
    }

    location /delay/ {
        auth_delay 1s;
        proxy_pass http://%%UPSTREAM%%;
    }

    location /paged/ {
        error_page 401 /denied.html;
        proxy_pass http://%%UPSTREAM%%;
    }
    location = /denied.html {
        wix_auth off;
        root %%DIR%%/html;
    }

    location /read/ {
        wix_auth off;
        limit_except GET { wix_auth required; }
        proxy_pass http://%%UPSTREAM%%;
    }

    location /asking/ {
        auth_request /asked;
        proxy_pass http://%%UPSTREAM%%;
    }
    location = /asked {
        internal;
        proxy_pass http://%%UPSTREAM%%/asked;
        proxy_set_header X-Member $wix_auth_member_id;
    }

    location /mirror/ {
        mirror /mirrored;
        proxy_pass http://%%UPSTREAM%%;
    }
    location = /mirrored {
        internal;
        proxy_pass http://%%UPSTREAM%%/mirrored;
        proxy_set_header X-Member $wix_auth_member_id;
    }

    location /ssi/ {
        ssi on;
        alias %%DIR%%/html/;
    }

    location /try/ {
        alias %%DIR%%/html/;
        try_files $uri @app;
    }
    location @app {
        proxy_pass http://%%UPSTREAM%%;
        proxy_set_header X-Member $wix_auth_member_id;
    }

    location /open-to-named/ {
        wix_auth off;
        try_files /nothing @app;
    }

    location /accel/ { proxy_pass http://%%UPSTREAM%%; }
    location /files/ {
        internal;
        alias %%DIR%%/html/;
        add_header X-Member $wix_auth_member_id;
    }

    location /ws/ {
        proxy_pass http://%%UPSTREAM%%;
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection upgrade;
        proxy_set_header X-Member $wix_auth_member_id;
    }
END

my $quic = $http3 ? 'listen 127.0.0.1:%%TLS_PORT%% quic;' : '';

my $nginx = start_nginx(conf => <<"END");
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;

server {
    listen 127.0.0.1:%%PORT%%;
    listen 127.0.0.1:%%TLS_PORT%% ssl http2;
    $quic
    server_name localhost;
    ssl_certificate $certs/server.pem;
    ssl_certificate_key $certs/server.key;
$locations}
END

mkdir $nginx->dir . '/html';
spew($nginx->dir . '/html/page.html', 'THE FILE');
spew($nginx->dir . '/html/denied.html', 'THE PAGE FOR STRANGERS');
spew($nginx->dir . '/html/parts.html',
     'A<!--#include virtual="/part/1" -->B<!--#include virtual="/part/2" -->');
spew($nginx->dir . '/users', "admin:{PLAIN}admin-1\n");

my $member = browser();

# a program; what browsers get instead of 401 is tried elsewhere
my $stranger = browser(bare => 1);

is(login($member, %ann)->status, 200, 'a member logs in');
my $id = (upstream()->requests)[-1]{headers}{'x-member'}[0];
like($id, qr/\A[\da-f-]{36}\z/, 'and has an id');


subtest 'satisfy any: a password or a session' => sub {
    my ($basic, $wrong) = map {
        {Authorization => 'Basic ' . encode_base64("admin:$_", '')}
    } qw(admin-1 x);

    is($member->get('/any/x')->status, 200, 'a session');
    is($stranger->get('/any/x', headers => $basic)->status, 200,
       'a password');
    is($stranger->get('/any/x', headers => $wrong)->status, 401,
       'a wrong password');
    is($stranger->get('/any/x')->status, 401, 'neither');
};


subtest 'auth_delay holds our 401 back' => sub {
    my $began = time;
    is($stranger->get('/delay/x')->status, 401, 'a stranger');
    cmp_ok(time - $began, '>=', 0.9, 'waits');

    $began = time;
    is($member->get('/delay/x')->status, 200, 'a member');
    cmp_ok(time - $began, '<', slow(0.9), 'does not');
};


subtest 'error_page replaces the body of our 401' => sub {
    my $res = $stranger->get('/paged/x');

    is($res->status, 401, 'the status stays');
    is($res->body, 'THE PAGE FOR STRANGERS', 'the page of the site');
    like($res->header('WWW-Authenticate'), qr/\ABearer/, 'the challenge too');
    is($member->get('/paged/x')->status, 200, 'a member sees none of it');
};


subtest 'limit_except gates some methods' => sub {
    is($stranger->get('/read/x')->status, 200, 'everybody may read');
    is($stranger->post('/read/x', form => {a => 1})->status, 401,
       'a stranger may not write');
    is($member->post('/read/x', form => {a => 1})->status, 200,
       'a member may');
};


subtest 'auth_request beside the gate' => sub {
    upstream()->clear;
    is($stranger->get('/asking/x')->status, 401, 'a stranger');
    ok(!(grep { $_->{uri} eq '/asking/x' } upstream()->requests),
       'does not reach the site');

    upstream()->clear;
    is($member->get('/asking/x')->status, 200, 'a member');
    is(join(' ', map { $_->{uri} } upstream()->requests),
       '/asked /asking/x', 'is asked for once');
    is((upstream()->requests)[0]{headers}{'x-member'}[0], $id,
       'and is known there already');
};


subtest 'mirror copies what members send, and only that' => sub {
    upstream()->clear;
    is($member->get('/mirror/x')->status, 200, 'a member');
    my $copy = wait_for {
        (grep { $_->{uri} eq '/mirrored' } upstream()->requests)[0];
    } 10, 'the copy';
    is($copy->{headers}{'x-member'}[0], $id, 'it names the member');

    upstream()->clear;
    is($stranger->get('/mirror/x')->status, 401, 'a stranger');
    is($member->get('/after')->status, 200, 'the next request');
    is(join(' ', map { $_->{uri} } upstream()->requests), '/after',
       'nothing was copied');
};


subtest 'SSI: a page with parts is gated once' => sub {
    upstream()->clear;
    my $res = $member->get('/ssi/parts.html');
    like($res->body, qr/\AA\{.*\}B\{.*\}\z/s, 'a member gets all parts');
    is(scalar(upstream()->requests), 2, 'from the site');

    upstream()->clear;
    is($stranger->get('/ssi/parts.html')->status, 401, 'a stranger');
    is(scalar(upstream()->requests), 0, 'gets none');
};


subtest 'try_files: files and the fallback are gated' => sub {
    is($member->get('/try/page.html')->body, 'THE FILE', 'the file');
    is($member->get('/try/missing')->status, 200, 'the fallback');
    is((upstream()->requests)[-1]{headers}{'x-member'}[0], $id,
       'knows the member');

    unlike($stranger->get('/try/page.html')->body, qr/THE FILE/,
           'no file for a stranger');
    is($stranger->get('/try/missing')->status, 401, 'and no fallback');
};


subtest 'a named location has a gate of its own' => sub {
    is($stranger->get('/open-to-named/x')->status, 401,
       'from a location without gate');
    is($member->get('/open-to-named/x')->status, 200, 'a member passes');
};


subtest 'X-Accel-Redirect ends in the file, with the member' => sub {
    my $to = '?__header=' . url_escape('X-Accel-Redirect:/files/page.html');
    my $res = $member->get("/accel/x$to");

    is($res->body, 'THE FILE', 'the file');
    is($res->header('X-Member'), $id, 'the member is known');
    is($stranger->get("/accel/x$to")->status, 401, 'a stranger');
    is($stranger->get('/files/page.html')->status, 404, 'nor directly');
    is($member->get('/files/page.html')->status, 404, 'internal is internal');
};


subtest 'WebSocket: a member is connected, a stranger is told 401' => sub {
    my $open = sub {
        my ($b) = @_;
        my $cookie = $b->cookie_header('http', 'localhost', '/ws/x');
        return "GET /ws/x HTTP/1.1\r\nHost: localhost:" . port('PORT') . "\r\n"
            . ($cookie ne '' ? "Cookie: $cookie\r\n" : '')
            . "Connection: Upgrade\r\nUpgrade: websocket\r\n"
            . "Sec-WebSocket-Version: 13\r\n"
            . "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    };

    # a masked text frame with "hi", and its echo
    my $frame = "\x81\x82\0\0\0\0hi";
    my $got = raw(port('PORT'), $open->($member) . $frame,
                  until => qr/\x81\x02hi/);

    like($got, qr{\AHTTP/1\.1 101 }, 'switched');
    like($got, qr/\x81\x02hi/, 'bytes go both ways');
    is((upstream()->requests)[-1]{headers}{'x-member'}[0], $id,
       'the site knows the member');
    unlike($got, qr/Set-Cookie/i, 'no cookie comes with it');

    upstream()->clear;
    my $res = raw_response(port('PORT'), $open->($stranger),
                           until => qr/\}\s*\z/);
    is($res->status, 401, 'a stranger');
    is(scalar(upstream()->requests), 0, 'never reaches the site');
};


subtest 'HTTP/2' => sub {
    plan skip_all => 'this nginx has no HTTP/2' if !have_module('http_v2');
    by_curl('--http2', 'HTTP/2');
};


subtest 'HTTP/3' => sub {
    if (!$http3) {
        diag('HTTP/3 was not tried: this nginx has none');
        plan skip_all => 'this nginx has no HTTP/3';
    }
    if (`curl --version` !~ /\bHTTP3\b/) {
        diag('HTTP/3 was not tried: curl has none');
        plan skip_all => 'curl has no HTTP/3';
    }
    by_curl('--http3', 'HTTP/3');
};

done_testing();


# a member, a page and a fetch of strangers, over TLS
sub by_curl {
    my ($option, $name) = @_;

    my $url = 'https://localhost:' . port('TLS_PORT') . '/x';
    my $cookie = 'wix_auth='
        . $member->cookie('wix_auth')->{value};
    my $res = curl($option, '-H', "Cookie: a=1; $cookie; b=2", $url);

    is($res->status, 200, "$name: a member");
    is($res->json->{headers}{'x-member'}[0], $id, 'is known to the site');
    is($res->json->{headers}{cookie}[0], 'a=1; b=2', 'without our cookie');

    $res = curl($option, '-H', 'Accept: text/html', $url);
    is($res->status, 302, 'a page of a stranger');
    is($res->location, '/_wix/login?return=%2Fx', 'goes to the login');
    is(curl($option, $url)->status, 401, 'anything else does not');
    return;
}
