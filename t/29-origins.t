#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# wix_auth_origins: front ends of other origins, whom the cross-site check
# and CORS let in, and nobody else.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;

my $ann    = 'ann@example.com';
my $secret = 'secret-of-ann-1';
my $app    = 'https://app.example.com';

my $emu = start_emulator(
    member => ["$ann:$secret"],
    redirect_uri => [map { 'http://localhost:' . port($_) . '/_wix/callback' }
                     qw(PORT NONE_PORT)],
);
start_upstream();

start_nginx(conf => <<"END");
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
wix_auth_client_id %%CLIENT%%;

server {
    listen 127.0.0.1:%%PORT%%;
    server_name localhost;
    wix_auth required;
    wix_auth_origins $app https://b.example.com:8443;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
}
server {
    listen 127.0.0.1:%%NONE_PORT%%;
    server_name localhost;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
}
server {
    listen 127.0.0.1:%%NAMED_PORT%% default_server;
    server_name first.test .shop.test *.club.test www.brand.*
                ~^re[0-9]+\\.test\$;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
}
END

my @foreign = ('https://evil.test', 'null', "$app.evil.test", "$app:444",
               'http://app.example.com', "$app/", 'https://b.example.com',
               'https://x.app.example.com', '');

my %login = (email => $ann, password => $secret);

# a request as a page of that origin sends it
sub from {
    my ($origin, $method, $path, %opt) = @_;
    my $b = delete $opt{browser} // browser();
    my $headers = delete $opt{headers} // {};

    return $b->request($method, $path, %opt, headers => {
        Origin => $origin, 'Sec-Fetch-Site' => 'cross-site',
        'Sec-Fetch-Mode' => 'cors', %$headers});
}

sub allowed {
    my ($res, $origin, $what) = @_;

    is_deeply([$res->headers('Access-Control-Allow-Origin')],
              [$origin // ()], "$what: Allow-Origin");
    is_deeply([$res->headers('Access-Control-Allow-Credentials')],
              [defined $origin ? 'true' : ()], "$what: Allow-Credentials");
    ok(scalar(grep { /\bOrigin\b/ } $res->headers('Vary')),
       "$what: Vary");
    return;
}


# The site is the host of the request where that is a name of the server, and
# else the server's first name: a host that anybody may claim says nothing.

subtest 'which names are the site' => sub {
    my $port = port('NAMED_PORT');

    my $of = sub {
        my ($host, $origin) = @_;
        return raw_response($port, "POST /_wix/logout HTTP/1.1\r\n"
            . "Host: $host:$port\r\nOrigin: http://$origin:$port\r\n"
            . "Accept: application/json\r\nContent-Length: 0\r\n"
            . "Connection: close\r\n\r\n");
    };

    for my $host (qw(first.test shop.test a.shop.test a.b.shop.test a.club.test
                     www.brand.test www.brand.co.uk re12.test))
    {
        is($of->($host, $host)->status, 200, "$host is");
        is($of->($host, 'first.test')->status, $host eq 'first.test' ? 200 : 403,
           'and is not the first');
    }

    for my $host (qw(club.test xshop.test www.brand brand.test re.test
                     xre1.test re1.testx evil.test))
    {
        is($of->($host, 'first.test')->status, 200,
           "$host is not, and counts as the first");
    }
};


subtest 'the cross-site check' => sub {
    for my $origin ($app, 'https://b.example.com:8443') {
        for my $site ('cross-site', 'same-site', undef) {
            for my $type ('json', 'form') {
                my $res = from($origin, POST => '/_wix/login',
                    $type => {email => $ann},
                    headers => {'Sec-Fetch-Site' => $site,
                                Accept => 'application/json'});
                is($res->status, 400, "$origin, $type, " . ($site // '-'));
                allowed($res, $origin, 'an error');
                is($res->header('Access-Control-Expose-Headers'),
                   'Retry-After', 'which shows Retry-After');
            }
        }
    }

    for my $origin (@foreign) {
        for my $site ('cross-site', undef) {
            my $res = from($origin, POST => '/_wix/login', json => \%login,
                           headers => {'Sec-Fetch-Site' => $site});
            is($res->status . ' ' . (($res->json // {})->{error} // ''),
               '403 cross_site', "\"$origin\", " . ($site // '-'));
            allowed($res, undef, 'refused');
        }
    }

    my $b = browser(bare => 1);
    is($b->post('/_wix/login', form => {email => $ann},
                headers => {Referer => "$app/page"})->status, 400,
       'by its Referer');
    is($b->post('/_wix/login', form => {email => $ann},
                headers => {'Sec-Fetch-Site' => 'cross-site',
                            Referer => "$app/page"})->status, 403,
       'which is not enough beside Sec-Fetch-Site');

    is(browser()->post('/_wix/login', json => {email => $ann})->status, 400,
       'our own pages as ever');
};


subtest 'preflight' => sub {
    my %ask = ('Access-Control-Request-Method' => 'POST',
               'Access-Control-Request-Headers' => 'content-type');

    for my $name (qw(login register verify recover callback logout session)) {
        my $res = from($app, OPTIONS => "/_wix/$name", headers => \%ask);
        is($res->status, 204, "$name: 204");
        is($res->body, '', 'without a body');
        allowed($res, $app, $name);
        is($res->header('Access-Control-Allow-Methods'),
           $name eq 'logout' ? 'POST' : $name eq 'session' ? 'GET, HEAD'
           : 'GET, HEAD, POST', 'methods');
        is(lc $res->header('Access-Control-Allow-Headers'), 'content-type',
           'headers');
        is($res->header('Access-Control-Max-Age'), 600, 'for ten minutes');
    }

    for my $origin (@foreign) {
        my $res = from($origin, OPTIONS => '/_wix/login', headers => \%ask);
        is($res->status, 405, "\"$origin\" is refused");
        is(scalar(() = $res->{head} =~ /Access-Control/g), 0,
           'without a word of CORS');
    }

    is(from($app, OPTIONS => '/_wix/login')->status, 405,
       'OPTIONS that asks for nothing');
    is(from($app, OPTIONS => '/_wix/nothing', headers => \%ask)->status, 404,
       'nor for what is not there');
    is(browser(base => 'http://localhost:' . port('NONE_PORT'))
        ->request(OPTIONS => '/_wix/login', headers => {Origin => $app,
                                                        %ask})->status,
       405, 'where nobody is allowed');
};


subtest 'a whole login from there' => sub {
    my $b = browser();
    my $res = from($app, POST => '/_wix/login', browser => $b,
                   json => {%login, return => "$app/cart#top"});
    is($res->status, 200, 'login');
    allowed($res, $app, 'login');

    my $back = $b->follow($b->get($res->json->{redirectUrl}),
                          until => qr/^\Q$app\E/);
    is($back->location, "$app/cart#top", 'ends at the front end');

    $res = from($app, GET => '/_wix/session', browser => $b);
    ok($res->json->{authenticated}, 'which may ask');
    allowed($res, $app, 'session');
    $res = from('https://evil.test', GET => '/_wix/session', browser => $b);
    allowed($res, undef, 'nobody else\'s script sees it');

    $res = $b->get("/_wix/login?return=" . url_escape("$app/x"),
                   headers => {Origin => $app});
    is($res->status, 303, 'a redirect');
    is($res->location, "$app/x", 'to an allowed origin');
    allowed($res, $app, 'a redirect');

    for my $url ('https://evil.test/', "$app.evil.test/", "$app:444/",
                 'http://app.example.com/', "$app\@evil.test/")
    {
        is($b->get('/_wix/login?return=' . url_escape($url))->location, '/',
           "not to $url");
    }

    $res = from($app, POST => '/_wix/logout', browser => $b, json => {});
    is($res->status, 200, 'logout');
    allowed($res, $app, 'logout');
};


subtest 'every answer depends on who asks' => sub {
    allowed(browser()->get("/_wix/$_"), undef, $_)
        for qw(login register session nothing logout callback
               session?require=1);

    my $res = browser(base => 'http://localhost:' . port('NONE_PORT'))
        ->get('/_wix/login', headers => {Origin => $app});
    is(scalar(grep { /Origin/ } $res->headers('Vary')), 0,
       'but not where nobody is allowed');
    is(scalar(() = $res->{head} =~ /Access-Control/g), 0, 'nor CORS');
};


done_testing();
