#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# The whole way once: a stranger, a login, a member's page, a refresh, a
# logout, over an HTTP/2 API with TLS.  Short enough for valgrind.
#
# valgrind

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use WixAuthTest;

my $emu = start_emulator(member => ['ann@example.com:secret-1']);
my $up = start_upstream();
my $front = start_front(cert => 'server');

my $nginx = start_nginx(workers => 1, vars => {FRONT => $front->url},
    conf => <<'END');
wix_auth_zone zone=members:1m;
wix_auth_api %%FRONT%%;
wix_auth_api_trusted_certificate %%CERTS%%/ca.pem;
wix_auth_api_timeout 60s connect=30s;
wix_auth_cookie nosecure;

server {
    listen 127.0.0.1:%%PORT%%;
    server_name localhost;

    wix_auth_client_id %%CLIENT%%;
    wix_auth required;
    wix_auth_refresh_lock_timeout 60s;

    location ^~ /_wix/ { wix_auth_endpoints; }

    location / {
        proxy_pass http://%%UPSTREAM%%;
        add_header X-Status $wix_auth_status always;
        proxy_set_header X-Token $wix_auth_access_token;
    }
}
END

my $b = browser();

my $res = $b->get('/page?a=b', headers => {Accept => 'text/html'});
is($res->status, 302, 'a stranger is sent to the login');
is($res->header('Location'), '/_wix/login?return=%2Fpage%3Fa%3Db',
    'with the way back');

$res = login($b, email => 'ann@example.com', password => 'wrong',
    return => '/page?a=b');
is($res->status, 401, 'a wrong password');
like($res->body, qr/password is wrong/, 'is told so');

$res = login($b, email => 'ann@example.com', password => 'secret-1',
    return => '/page?a=b');
is($res->status, 200, 'the right one leads');
is($res->json->{uri}, '/page?a=b', 'to the page');
is($res->header('X-Status'), 'HIT', 'as a member');

my $first = $res->json->{headers}{'x-token'}[0];
like($first, qr/^OauthNG\.JWS\./, 'with a token for the upstream');

# the token's end comes from the answer, so make the next one short

$emu->configure(accessTtl => 1);
login(my $other = browser(), email => 'ann@example.com',
    password => 'secret-1', return => '/');
$emu->configure(accessTtl => 14400);

wait_for {
    $res = $other->get('/again');
    ($res->header('X-Status') // '') =~ /^(?:REFRESHED|WAITED)$/
        || emu_count('token.refresh_token') > 0;
} 20, 'a refresh';

is($other->get('/again')->status, 200, 'refreshed and still a member');
is(emu_count('token.refresh_token'), 1, 'with one call');

$res = $b->post('/_wix/logout', form => {});
is($res->status, 303, 'logout');
is($b->get('/page', headers => {Accept => 'text/html'})->status, 302,
    'is a stranger again');

done_testing();
