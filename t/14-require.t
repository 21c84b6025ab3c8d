#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# wix_auth_require: what a member, a stranger and a visitor get where values
# must hold after the gate.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;

my %ann = (email => 'ann@example.com', password => 'secret-of-ann-1');
my %bea = (email => 'bea@example.com', password => 'secret-of-bea-1');

start_emulator(
    member => [map { "$_->{email}:$_->{password}" } \%ann, \%bea],
    redirect_uri => ['http://localhost:' . port() . '/_wix/callback'],
);
start_upstream();

my $nginx = start_nginx(conf => <<'END');
map $wix_auth_email $is_staff { default 0; ann@example.com 1; }
map $arg_n $number { default ''; ~^\d+$ $arg_n; }

wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
add_header X-Status $wix_auth_status always;
add_header X-Reason $wix_auth_reason always;

server {
    listen 127.0.0.1:%%PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;

    location ^~ /_wix/ { wix_auth_endpoints; }

    location / { proxy_pass http://%%UPSTREAM%%; }

    location /staff/ {
        wix_auth_require $is_staff;
        proxy_pass http://%%UPSTREAM%%;

        location /staff/open/ {
            wix_auth_require off;
            proxy_pass http://%%UPSTREAM%%;
        }
    }
    location /hidden/ {
        wix_auth_require $is_staff error=404;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /both/ {
        wix_auth_require $is_staff $number;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /status/ {
        wix_auth_require $wix_auth_member_id $wix_auth_status;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /optional/ {
        wix_auth optional;
        wix_auth_require $is_staff;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /open/ {
        wix_auth optional;
        wix_auth_require $number;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /audit/ {
        wix_auth audit;
        wix_auth_require $is_staff;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /page/ {
        wix_auth_require $is_staff;
        error_page 403 /sorry.html;
        proxy_pass http://%%UPSTREAM%%;
    }
    location = /sorry.html {
        wix_auth off;
        internal;
        return 200 "sorry\n";
    }
    location /loop/ {
        wix_auth_require $is_staff;
        error_page 403 /loop/page.html;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /any/ {
        satisfy any;
        allow 127.0.0.2;
        deny all;
        wix_auth_require $is_staff;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /all/ {
        deny all;
        wix_auth_require $is_staff;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /post/ {
        limit_except GET { wix_auth_require $is_staff; }
        proxy_pass http://%%UPSTREAM%%;
    }
}
END

my ($ann, $bea, $stranger) = (browser(), browser(), browser());

is(login($_->[0], %{$_->[1]})->status, 200, 'logged in')
    for [$ann, \%ann], [$bea, \%bea];

my %program = (Accept => 'application/json', 'Sec-Fetch-Mode' => 'cors');
my %person = (Accept => 'text/html', 'Sec-Fetch-Mode' => 'navigate');

sub seen {
    my ($res) = @_;
    return join ' ', $res->status, grep { length }
        map { $res->header($_) // '' } 'X-Status', 'X-Reason';
}

sub ask { my ($b, $path, %h) = @_; return $b->get($path, headers => {%h}) }


subtest 'a member' => sub {
    for (
        [$ann, '/staff/x', '200 HIT', 'who holds it'],
        [$bea, '/staff/x', '403 DENIED requirement_failed', 'who does not'],
        [$bea, '/staff/open/x', '200 HIT', 'where off cancels it'],
        [$bea, '/x', '200 HIT', 'where there is none'],
        [$bea, '/hidden/x', '404 DENIED requirement_failed', 'error=404'],
        [$ann, '/both/x?n=7', '200 HIT', 'two values'],
        [$ann, '/both/x?n=0', '403 DENIED requirement_failed', '"0"'],
        [$ann, '/both/x?n=00', '200 HIT', '"00" is not "0"'],
        [$ann, '/both/x?n=', '403 DENIED requirement_failed', 'empty'],
        [$bea, '/both/x?n=7', '403 DENIED requirement_failed',
         'one of two values'],
        [$bea, '/status/x', '200 HIT', 'variables of the gate'],
        [$bea, '/audit/x', '200 AUDIT requirement_failed', 'audit'],
        [$ann, '/audit/x', '200 HIT', 'audit, who holds it'],
        [$bea, '/optional/x', '403 DENIED requirement_failed', 'optional'],
        [$ann, '/optional/x', '200 HIT', 'optional, who holds it'],
    ) {
        my ($b, $path, $expected, $what) = @$_;
        is(seen(ask($b, $path, %program)), $expected, $what);
    }

    is($bea->post('/post/x', json => {})->status, 403,
       'in limit_except, the other methods');
    is($bea->get('/post/x')->status, 200, 'not what it excepts');
    is($ann->post('/post/x', json => {})->status, 200, 'who holds it');
};


subtest 'the answer' => sub {
    upstream()->clear;

    my $res = ask($bea, '/staff/x', %program);
    is($res->json->{error}, 'requirement_failed', 'JSON for a program');
    like($res->json->{message}, qr/\A[A-Z].*\.\z/, 'with a sentence');
    is($res->header('Cache-Control'), 'no-store', 'is not cached');
    is($res->header('Set-Cookie'), undef, 'the session stays');

    $res = ask($bea, '/staff/x', %person);
    is($res->status, 403, 'a person gets');
    like($res->header('Content-Type'), qr{\Atext/html}, 'a page');
    like($res->body, qr/<(?:p|main)[^>]*\bdata-error="requirement_failed"/, 'that says why');

    $res = ask($bea, '/hidden/x', %program);
    is($res->json->{error}, 'requirement_failed', 'the same with error=');

    is(scalar(my @r = upstream()->requests), 0,
       'nothing has reached the upstream');
};


subtest 'a stranger is asked to log in first' => sub {
    my $res = ask($stranger, '/staff/x', %person);
    is(seen($res), '302 ANONYMOUS no_session', 'required');
    like($res->location, qr{\A/_wix/login\?return=}, 'to the login');
    is(seen(ask($stranger, '/staff/x', %program)),
       '401 ANONYMOUS no_session', 'a program');

    is(seen(ask($stranger, '/optional/x', %person)),
       '302 ANONYMOUS no_session', 'optional, where it fails');
    is(seen(ask($stranger, '/open/x?n=7', %person)),
       '200 ANONYMOUS no_session', 'optional, where it holds');
    is(seen(ask($stranger, '/open/x', %program)),
       '401 ANONYMOUS no_session', 'optional, where it fails, a program');
    is(seen(ask($stranger, '/audit/x', %person)),
       '200 AUDIT no_session', 'audit');
};


subtest 'beside the rest of nginx' => sub {
    my $res = ask($bea, '/page/x', %program);
    is($res->status, 403, 'error_page keeps the status');
    is($res->body, "sorry\n", 'and shows its page');

    is(ask($bea, '/loop/x', %program)->status, 403,
       'a page behind the same requirement does not loop');

    is(seen(ask($bea, '/any/x', %program)), '403 DENIED requirement_failed',
       'satisfy any: it does not count as satisfied');
    is(ask($ann, '/any/x', %program)->status, 200,
       'satisfy any: who holds it passes');
    is(ask($ann, '/all/x', %program)->status, 403,
       'satisfy all: deny wins');
};


subtest 'nginx -t' => sub {
    for (
        ['wix_auth off; wix_auth_require $arg_x;', qr/wix_auth_require/,
         'where the gate is off'],
        ['wix_auth_require error=403;', qr/wix_auth_require/, 'no value'],
        ['wix_auth_require $arg_x error=200;', qr/error=/, 'no error'],
    ) {
        my ($line, $expected, $what) = @$_;
        my $out = nginx_t(conf => <<"END");
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
server {
    listen 127.0.0.1:%%PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { $line }
}
END
        unlike($out, qr/test is successful/, "$what is refused");
        like($out, $expected, "$what is told");
    }
};

done_testing();
