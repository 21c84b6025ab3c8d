#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# How the code comes back: query, fragment, web_message and direct, by form
# and by JSON; and the site's own login page.

use strict;
use warnings;

use FindBin;
use JSON::PP ();
use lib "$FindBin::Bin/lib";
use WixAuthTest;

my $google = '0e6a50f5-b523-4e29-990d-f37fa2ffdd69';
my $ann    = 'ann@example.com';
my $secret = 'secret-of-ann-1';

my @ports = qw(PORT FRAGMENT_PORT FRAME_PORT DIRECT_PORT WIX_PORT URI_PORT
               HOST_PORT);

my $emu = start_emulator(
    member => ["$ann:$secret"],
    redirect_uri => [map { 'http://localhost:' . port($_) . '/_wix/callback' }
                     @ports],
);
start_upstream();

my $site = <<'END';
    server_name localhost;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
END

start_nginx(conf => <<"END");
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
wix_auth_client_id %%CLIENT%%;

server { listen 127.0.0.1:%%PORT%%; $site }
server {
    listen 127.0.0.1:%%FRAGMENT_PORT%%;
    wix_auth_response_mode fragment;
    $site
}
server {
    listen 127.0.0.1:%%FRAME_PORT%%;
    wix_auth_response_mode web_message;
    $site
}
server {
    listen 127.0.0.1:%%DIRECT_PORT%%;
    wix_auth_response_mode direct;
    $site
}
server {
    listen 127.0.0.1:%%WIX_PORT%%;
    wix_auth_response_mode fragment;
    wix_auth_login wix sso idp=$google;
    $site
}
server {
    listen 127.0.0.1:%%URI_PORT%%;
    wix_auth_login /welcome;
    location = /welcome { wix_auth off; return 200 "welcome\\n"; }
    $site
}
server {
    listen 127.0.0.1:%%HOST_PORT%%;
    wix_auth_login https://id.example.com/login?site=1#top;
    $site
}
END

sub at { return browser(base => 'http://localhost:' . port($_[0])) }

my %login = (email => $ann, password => $secret);

# code and state of an address's fragment
sub fragment {
    my ($url) = @_;
    my ($text) = $url =~ /#(.*)/;
    return map { split /=/, $_, 2 } split /&/, $text // '';
}

# what Wix's page in the frame would post
sub message {
    my ($res) = @_;
    my ($text) = $res->body =~ /var message = (\{.*?\}), target/;
    return JSON::PP::decode_json($text // '{}');
}

sub is_error {
    my ($res, $status, $reason, $what) = @_;

    my $got = $res->json // {};
    is($res->status . ' ' . ($got->{error} // 'no JSON'),
       "$status $reason", $what)
        or diag($res->{head}, "\n\n", substr $res->body, 0, 500);
    return $got;
}


subtest 'fragment' => sub {
    my $b = at('FRAGMENT_PORT');
    my $res = $b->post('/_wix/login', json => {%login, return => '/x'});
    is(join(' ', sort keys %{$res->json // {}}), 'redirectUrl state', 'JSON');
    is($res->query('responseMode', $res->json->{redirectUrl}), 'fragment',
       'asks for a fragment');

    my $back = $b->get($res->json->{redirectUrl});
    my %code = fragment($back->location);
    my ($landing) = $back->location =~ /^([^#]*)/;
    ok($code{code} && $code{state}, 'which comes');

    my $page = $b->get($landing);
    is($page->status, 200, 'a page at the callback');
    my ($form) = $page->forms;
    is($form->{action}, '/_wix/callback', 'that posts to it');
    is($page->header('Referrer-Policy'), 'same-origin',
       'and does not hide from where');
    like($page->header('Content-Security-Policy'), qr/script-src 'sha256-/,
         'by a script of ours');

    $res = $b->submit($page, \%code);
    is($res->status, 303, 'what it posts');
    is($res->location, '/x', 'leads on');
    is($b->get('/')->status, 200, 'logged in');

    # forms have no script
    $b = at('FRAGMENT_PORT');
    $res = $b->submit($b->get('/_wix/login?return=%2Fform'), \%login);
    is($res->query('responseMode'), 'query', 'a form asks for a query');
    is(($b->follow($res)->json // {})->{uri}, '/form', 'and is logged in');

    # without it, a callback is not for scripts
    is(at('PORT')->get('/_wix/callback')->status, 303, 'else no such page');
};


subtest 'fragment, at Wix and silent' => sub {
    my $b = at('WIX_PORT');
    my $res = $b->get('/_wix/login?return=%2Fquiet');
    is($res->query('responseMode'), 'fragment', 'Wix is asked for one');
    is($res->query('prompt'), 'none', 'silently');

    my %error = fragment($b->get($res->location)->location);
    ok($error{error} && $error{state}, 'nobody is known there');
    $res = $b->post('/_wix/callback', form => \%error);
    is($res->status, 303, 'so on');
    is($res->query('prompt'), 'login', 'to the page');

    my $page = $b->follow($res);
    $res = $b->submit($page, {%login, do => 'login'});
    my %code = fragment($res->location);
    is($b->post('/_wix/callback', form => \%code)->location, '/quiet',
       'and in');

    $res = at('WIX_PORT')->get("/_wix/login?idp=$google");
    is($res->query('prompt'), 'login',
       'who names a provider is not asked silently');
    is($res->query('idp'), $google, 'but there');
};


subtest 'web_message' => sub {
    my $b = at('FRAME_PORT');
    my $page = $b->get('/_wix/login?return=%2Fx');
    like($page->header('Content-Security-Policy'), qr/frame-src/,
         'the page may open a frame');
    unlike(at('PORT')->get('/_wix/login')
               ->header('Content-Security-Policy'), qr/frame-src/,
           'and no other page');

    my $res = $b->post('/_wix/login', json => {%login, return => '/x'});
    is($res->json->{responseMode}, 'web_message', 'JSON tells the mode');
    my $url = $res->json->{redirectUrl};
    is($res->query('responseMode', $url), 'web_message', 'as Wix is told');
    is($res->query('redirectUri', $url), undef, 'without a redirect URI');

    my $message = message($b->get($url));
    $res = $b->post('/_wix/callback', json => $message);
    is($res->status, 200, 'what the frame says');
    is_deeply($res->json, {state => 'SUCCESS', redirectUrl => '/x'},
              'leads on');
    is($b->get('/')->status, 200, 'logged in');

    # the state of a frame is bound as any other
    my $other = at('FRAME_PORT');
    $res = $other->post('/_wix/login', json => \%login);
    $message = message($other->get($res->json->{redirectUrl}));
    is_error(at('FRAME_PORT')->post('/_wix/callback', json => $message),
             400, 'state_mismatch', 'in another browser');
    is_error($other->post('/_wix/callback', json => {state =>
        $message->{state}, error => 'redirect_uri_not_allowed'}),
        502, 'client_rejected', 'an error of the frame');

    # after 15 seconds the page's own form, the full-page flow
    $res = $b->post('/_wix/login', form => {%login, return => '/form'});
    is($res->query('responseMode'), 'query', 'a form asks for a query');
    is(($b->follow($res)->json // {})->{uri}, '/form', 'and is logged in');
};


subtest 'direct' => sub {
    my $b = at('DIRECT_PORT');
    my $res = $b->post('/_wix/login', json => {%login, return => '/x'});
    is($res->status, 200, 'JSON');
    is_deeply($res->json, {state => 'SUCCESS', redirectUrl => '/x'},
              'redirectUrl is the return URL');
    ok($res->set_cookie('wix_auth'), 'the cookie comes with it');
    is($b->get('/')->status, 200, 'logged in');
    is($b->get('/_wix/session')->json->{member}{email}, $ann, 'as who it is');

    $b = at('DIRECT_PORT');
    $res = $b->submit($b->get('/_wix/login?return=%2Fform%23here'), \%login);
    is($res->status, 303, 'a form');
    is($res->location, '/form#here', 'is on its way');
    is($b->get('/')->status, 200, 'logged in');

    $b = at('DIRECT_PORT');
    $res = $b->post('/_wix/register', json => {
        email => 'direct@example.com', password => $secret});
    is(($res->json // {})->{redirectUrl}, '/', 'register');
    is($b->get('/_wix/session')->json->{member}{email}, 'direct@example.com',
       'logs in');

    # no answer of the kind that is expected: the browser goes itself
    emu_fault('authorize', {type => 'body', body => 'hello'});
    $b = at('DIRECT_PORT');
    $res = $b->post('/_wix/login', json => {%login, return => '/x'});
    like($res->json->{redirectUrl}, qr{^\Q@{[$emu->site]}\E/},
         'not a redirect: to Wix');
    ok(!$res->set_cookie('wix_auth'), 'without a session');
    is(($b->follow($b->get($res->json->{redirectUrl}))->json // {})->{uri},
       '/x', 'which works');
};


subtest 'the way out: wix=1' => sub {
    my $b = at('PORT');
    my $res = $b->post('/_wix/login', form => {email => 'mfa@wix.test',
        password => 'Emulator-pass-1', return => '/x?y'});
    is($res->status, 501, 'a state that is not ours');
    like($res->body, qr{href="/_wix/login\?wix=1&(?:amp|\#38);return=%2Fx%3Fy"},
         'and a link');

    $res = $b->get('/_wix/login?wix=1&return=%2Fx%3Fy');
    is($res->status, 302, 'which leads to Wix');
    is($res->query('prompt'), 'login', 'to log in there');
    my $end = $b->follow($b->submit($b->follow($res),
                                    {%login, do => 'login'}));
    is(($end->json // {})->{uri}, '/x?y', 'and back');

    is(at('URI_PORT')->get('/_wix/login?wix=1')->query('prompt'), 'login',
       'also from the site\'s own page');
};


subtest 'the site\'s own page' => sub {
    my $b = at('URI_PORT');
    my $res = $b->get('/_wix/login?return=%2Fshop%3Fa%3D1');
    is($res->status, 302, 'GET login');
    is($res->location, '/welcome?return=%2Fshop%3Fa%3D1', 'leads to it');
    is($b->get('/_wix/register?return=%2Fx')->location, '/welcome?return=%2Fx',
       'GET register, too');

    my %error = (
        'invalid_credentials' => {email => $ann, password => 'no-good'},
        'invalid_request' => {email => 'x', password => 'x'},
        'captcha_required' => {email => 'captcha@wix.test',
                               password => 'Emulator-pass-1'},
        'unsupported_state' => {email => 'mfa@wix.test',
                                password => 'Emulator-pass-1'},
    );

    for my $reason (sort keys %error) {
        $res = $b->post('/_wix/login', form => {%{$error{$reason}},
                                                return => '/shop'});
        is($res->status, 303, $reason);
        is($res->location, "/welcome?error=$reason&return=%2Fshop",
           'is told there');
        unlike($res->{head}, qr/\@|%40/, 'without an address');
    }

    $res = $b->post('/_wix/login', form => {email => 'approval@wix.test',
        password => 'Emulator-pass-1'});
    is($res->location, '/welcome?state=REQUIRE_OWNER_APPROVAL&return=%2F',
       'a state');

    is_error($b->post('/_wix/login', json => $error{invalid_credentials}),
             401, 'invalid_credentials', 'JSON as ever');

    $res = $b->post('/_wix/login', form => {%login, return => '/shop'});
    $res = $b->follow($res, until => qr{/_wix/callback});
    my ($state) = $res->location =~ /state=([^&]+)/;
    is($b->get("/_wix/callback?error=access_denied&state=$state")->location,
       '/welcome?error=access_denied&return=%2Fshop', 'an error of Wix');
    is($b->follow($res)->json->{uri}, '/shop', 'and a login');

    is($b->get('/_wix/nothing')->status, 404, 'what is not there is not there');

    # one login host for many sites
    my $base = 'http://localhost:' . port('HOST_PORT');
    $b = at('HOST_PORT');
    $res = $b->get('/_wix/login?return=%2Fshop');
    is($res->location, 'https://id.example.com/login?site=1&return='
        . url_escape("$base/shop") . '#top', 'with an absolute return URL');
    $res = $b->post('/_wix/login', form => {email => 'x'});
    is($res->location, 'https://id.example.com/login?site=1'
        . '&error=invalid_request&return=' . url_escape("$base/") . '#top',
        'and errors');
};


done_testing();
