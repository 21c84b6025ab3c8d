#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# What nginx -t says: each bad configuration is refused with file and line of
# the culprit, the fault and a hint; good ones pass without a word; warnings,
# notices at the start, contexts, and how levels inherit.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;

my $A = '0b1c7a52-7a0c-4d3f-9b1e-2f6f8d0c4e11';
my $B = '1d2e8b63-8b1d-4e40-8c2f-3a7a9e1d5f22';

my $keys = temp_dir() . '/keys';
mkdir $keys or die "$keys: $!\n";

key('one', 'a' x 48);
key('two', 'b' x 48);
key('least', 'c' x 32);
key('short', 'd' x 31);
key('same-as-one', 'a' x 48);
key('open', 'e' x 48, 0644);
spew("$keys/empty.pem", "");
mkdir "$keys/pages" or die "$keys/pages: $!\n";

# nginx's own API would make it read the CA bundle each time
my $http = "wix_auth_zone zone=members:1m;\nwix_auth_api http://127.0.0.1:1;\n";
my $endpoints = 'location ^~ /_wix/ { wix_auth_endpoints; }';


subtest 'a bad value is refused where it stands' => sub {

    my $time = qr/at least one second, for example "24h"/;
    my $above = qr/a time above zero/;

    # directives as they would stand in a server; the fault; the hint
    for my $row (
        ['wix_auth on', 'invalid value "on"',
         'off, optional, required or audit'],
        ['wix_auth Required', 'invalid value "Required"', 'required'],

        ['wix_auth_client_id nonsense', '"nonsense" is not a client id',
         'copy it from the OAuth app'],
        ["wix_auth_client_id '{$A}'", 'is not a client id', 'OAuth app'],
        ['wix_auth_client_id ' . substr($A, 1), 'is not a client id',
         'OAuth app'],
        ['wix_auth_client_id ' . $A =~ s/a/g/r, 'is not a client id',
         'OAuth app'],
        ['wix_auth_client_id ""', 'wix_auth_client_id', 'needs a value'],

        ['wix_auth_zone members:1m', 'wix_auth_zone', 'zone=name:size'],
        ['wix_auth_zone zone=:1m', 'wix_auth_zone', 'zone=name:size'],
        ['wix_auth_zone zone=m2:16x', 'invalid size in "zone=m2:16x"',
         'zone=members:16m'],
        ['wix_auth_zone zone=m2:', 'invalid size', 'zone=members:16m'],
        ['wix_auth_zone zone=m2:-1m', 'invalid size', 'zone=members:16m'],
        ['wix_auth_zone zone=m2:99999999999999999999m', 'invalid size',
         'zone=members:16m'],
        ['wix_auth_zone zone=m2:127k', '"m2" is too small', 'at least 128k'],
        ['wix_auth_zone zone=m2:1m nonsense=1', 'parameter "nonsense=1"',
         '"zone=name:size" and "state=file" are known'],
        ['wix_auth_zone zone=members:2m', 'conflicts with already declared',
         'members'],

        ["wix_auth_session_key $keys/none", 'cannot be opened',
         'openssl rand -out'],
        ["wix_auth_session_key $keys", 'cannot be read', 'key file'],
        ["wix_auth_session_key $keys/short", 'has 31 bytes',
         'at least 32; create it with "openssl rand -out'],
        ["wix_auth_session_key $keys/one; "
         . "wix_auth_session_key $keys/same-as-one",
         'holds the same key as another', 'give each key once'],

        ['wix_auth_redirect_uri callback', 'invalid redirect URI "callback"',
         'a path or an absolute URL'],
        ['wix_auth_redirect_uri ftp://a.example.com/cb',
         'invalid redirect URI', 'a path or an absolute URL'],
        ['wix_auth_redirect_uri https://u@a.example.com/_wix/callback',
         'invalid redirect URI', 'exactly as allowed at Wix'],

        ['wix_auth_base_url shop.example.com', 'invalid base URL',
         'give the public origin'],
        ['wix_auth_base_url https://shop.example.com/shop', 'it has a path',
         'give the public origin'],
        ['wix_auth_base_url https://shop.example.com?a=b', 'it has a path',
         'give the public origin'],
        ['wix_auth_base_url "https://shop.example .com"', 'invalid base URL',
         'give the public origin'],
        ['wix_auth_base_url https://shop.example.com:65536',
         'invalid base URL', 'give the public origin'],
        ['wix_auth_base_url https://shop.example.com:443x',
         'invalid base URL', 'give the public origin'],

        ['wix_auth_login google', 'invalid value "google"',
         'builtin or wix'],
        ['wix_auth_login builtin sso', 'invalid parameter "sso"',
         'wix_auth_login'],
        ['wix_auth_login wix idp=google', '"google" is not a connection id',
         'GUID'],
        ['wix_auth_login wix silent', 'invalid parameter "silent"',
         '"sso" and "idp=id"'],
        ['wix_auth_login /signin sso', 'invalid parameter "sso"',
         'only "wix" has parameters'],
        ['wix_auth_login //login.example.com/', 'may lead to another host',
         'a path or an https URL'],
        ['wix_auth_login /a/..//b', 'may lead to another host',
         'a path or an https URL'],
        ['wix_auth_login ""', 'invalid value ""', 'a path or an https URL'],
        ['wix_auth_login http://login.example.com/', 'in the clear',
         'a path or an https URL'],
        ['wix_auth_login https://u:p@login.example.com/', 'invalid value',
         'a path or an https URL'],
        ['wix_auth_login https://login.example.com//x/../..//e.example.com',
         'may lead to another host', 'a path or an https URL'],
        ['wix_auth_login https:/login.example.com/', 'invalid value',
         'a path or an https URL'],
        ['wix_auth_login /' . 'l' x 1024, 'longer than 1024 bytes',
         'a shorter one'],

        ['wix_auth_unauthorized 403', 'invalid value "403"',
         'in "wix_auth_unauthorized", it must be auto, 302 or 401'],
        ['wix_auth_unauthorized ""', 'invalid value ""',
         'it must be auto, 302 or 401'],
        ['wix_auth_response_mode form_post', 'invalid value "form_post"',
         'it must be query, fragment, web_message or direct'],
        ['wix_auth_response_mode Query', 'invalid value "Query"', 'query'],
        ['wix_auth_captcha on', 'invalid value "on"',
         'in "wix_auth_captcha", it must be off, invisible or visible'],
        ['wix_auth_profile full', 'invalid value "full"',
         'it must be "on" or "off"'],

        ['wix_auth_require error=404', 'names no value', 'add a variable'],
        ['wix_auth_require off error=404', 'beside "off"',
         'values or "off"'],
        ['wix_auth_require $host off', 'beside "off"', 'values or "off"'],
        ['wix_auth_require $host error=403 error=404', '"error=" twice', ''],
        map({ ["wix_auth_require \$host error=$_",
               qq(invalid code in "error=$_"), 'example "error=404"'] }
            '', '401', '444', '494', '499', '302', '503', '40', '4o4',
            '4030', '-403', '+403'),

        ['wix_auth_origins *', 'invalid origin "*"',
         'https://app.example.com'],
        ['wix_auth_origins null', 'invalid origin "null"',
         'https://app.example.com'],
        ['wix_auth_origins app.example.com', 'invalid origin',
         'https://app.example.com'],
        ['wix_auth_origins https://*.example.com', 'invalid origin',
         'https://app.example.com'],
        ['wix_auth_origins https://app.example.com/', 'it has a path',
         'scheme, host and port'],
        ['wix_auth_origins https://app.example.com/a', 'it has a path',
         'scheme, host and port'],
        ['wix_auth_origins https://app.example.com?a', 'it has a path',
         'scheme, host and port'],
        ['wix_auth_origins http://app.example.com', 'is plain http',
         'for loopback only'],
        ['wix_auth_origins https://a.example.com HTTPS://A.example.com:443',
         'invalid origin "HTTPS://A.example.com:443"', 'it is there twice'],
        ['wix_auth_origins https://a.example.com off', 'invalid origin "off"',
         'https://app.example.com'],
        ['wix_auth_origins off https://a.example.com', 'invalid origin "off"',
         'https://app.example.com'],

        ['wix_auth_visitor yes', 'invalid value "yes"', 'on or off'],
        ['wix_auth_visitor rate=1r/m', 'invalid value "rate=1r/m"',
         'on or off'],
        ['wix_auth_visitor off rate=1r/m', 'invalid parameter "rate=1r/m"',
         'only "on" has parameters'],
        ['wix_auth_visitor on burst=1', 'invalid parameter "burst=1"',
         '"rate=60r/m" and "lifetime=30d"'],
        map({ ["wix_auth_visitor on rate=$_", qq(invalid rate "$_"),
               'rate=60r/m'] }
            '', '60', '0r/m', '-1r/m', '1r/h', 'r/m', '1.5r/m',
            '1000001r/m', '99999999999999999999r/s'),
        map({ ["wix_auth_visitor on lifetime=$_", 'in "lifetime="',
               'lifetime=30d'] } '', '0', 'off', '30x'),
        ['wix_auth_bearer yes', 'invalid value "yes"', 'on or off'],
        ['wix_auth_bearer off cache=1m', 'invalid parameter "cache=1m"',
         'only "on" has parameters'],
        ['wix_auth_bearer on 5m', 'invalid parameter "5m"',
         'only "cache=time"'],
        map({ ["wix_auth_bearer on cache=$_", 'in "cache="', 'cache=5m'] }
            '', '0', 'off', '5x'),

        ["wix_auth_pages $keys/none", 'cannot be read',
         'create it, or use "off"'],
        ["wix_auth_pages $keys/one", 'is no directory', 'login.html'],
        ['wix_auth_pages ""', 'needs a directory', '"off"'],

        ['wix_auth_session_lifetime 300x', 'wix_auth_session_lifetime',
         $time],
        ['wix_auth_session_lifetime 0', 'wix_auth_session_lifetime', $time],
        ['wix_auth_session_lifetime off', 'wix_auth_session_lifetime', $time],
        ['wix_auth_session_lifetime -1h', 'wix_auth_session_lifetime', $time],
        ['wix_auth_session_lifetime ""', 'wix_auth_session_lifetime', $time],
        ['wix_auth_session_lifetime 1h1h', 'wix_auth_session_lifetime',
         $time],
        ['wix_auth_session_lifetime 999999999999999999999d',
         'wix_auth_session_lifetime', $time],
        ['wix_auth_session_idle 300x', 'wix_auth_session_idle', $time],
        ['wix_auth_session_idle 500ms', 'wix_auth_session_idle', $time],
        ['wix_auth_session_idle 0', 'wix_auth_session_idle', $time],

        ['wix_auth_cookie samesite=strict', 'cannot be samesite=strict',
         'use samesite=lax'],
        ['wix_auth_cookie samesite=Lax', 'invalid parameter "samesite=Lax"',
         'wix_auth_cookie'],
        ['wix_auth_cookie a b', 'invalid parameter "b"', 'wix_auth_cookie'],
        ['wix_auth_cookie "a b"', 'invalid parameter "a b"',
         'wix_auth_cookie'],
        ['wix_auth_cookie ' . 'n' x 65, 'invalid parameter',
         'wix_auth_cookie'],
        ['wix_auth_cookie __Host-a domain=example.com', '__Host-',
         'choose another name'],
        ['wix_auth_cookie __Host-a path=/shop', '__Host-',
         'choose another name'],
        ['wix_auth_cookie __Host-a nosecure', '__Host-',
         'choose another name'],
        ['wix_auth_cookie __host-a nosecure', '__Host-',
         'choose another name'],
        ['wix_auth_cookie __Secure-a nosecure', '__Secure-',
         'choose another name'],
        ['wix_auth_cookie nosecure samesite=none', 'without Secure',
         'remove nosecure'],
        ['wix_auth_cookie nosecure partitioned', 'without Secure',
         'remove nosecure'],
        ['wix_auth_cookie a path=shop', 'path', 'begins with "/"'],
        ['wix_auth_cookie a path=', 'path', 'begins with "/"'],
        ['wix_auth_cookie path=x', 'path', 'begins with "/"'],
        ['wix_auth_cookie a "domain=example.com; Secure"', 'domain', ''],
        ['wix_auth_cookie a "path=/a;b"', 'path', ''],
        ['wix_auth_cookie a domain=', 'domain', ''],

        ['wix_auth_refresh_before 300x', 'wix_auth_refresh_before',
         'invalid value'],
        ['wix_auth_refresh_before -1', 'wix_auth_refresh_before',
         'invalid value'],
        ['wix_auth_refresh_lock_timeout 5x', 'wix_auth_refresh_lock_timeout',
         'invalid value'],
        ['wix_auth_refresh_use_stale on', 'invalid value "on"',
         'off, or some of error, timeout'],
        ['wix_auth_refresh_use_stale off error', 'invalid value "off"',
         'some of error'],
        ['wix_auth_refresh_use_stale http_500', 'invalid value "http_500"',
         'http_5xx'],
        ['wix_auth_refresh_use_stale error for=300x', '"for="', 'for=10m'],
        ['wix_auth_refresh_use_stale error for=', '"for="', 'for=10m'],
        ['wix_auth_refresh_use_stale for=10m', 'names no cause',
         'add for example "error timeout"'],

        map({ ["wix_auth_login_limit $_->[0]",
               qq(invalid parameter "$_->[1]"),
               'for example "pair=10/15m account=100/1h"'] }
            (map { ["pair=$_", "pair=$_"] } '', '10', '10/', '/15m', '0/15m',
             '-1/15m', '10/0', '10/15x', '10/15m/1h', '10/-1', '1e3/15m',
             '1000001/15m', '10/25h', '10/1441m', '10/500ms', '10r/m'),
            ['account=0/1h', 'account=0/1h'], ['account=', 'account='],
            ['pair=1/1s account=1/1x', 'account=1/1x'],
            ['Pair=1/1s', 'Pair=1/1s'], ['10/15m', '10/15m'],
            ['on', 'on'], ['off pair=1/1s', 'off'], ['pair=1/1s off', 'off'],
            ['burst=5', 'burst=5'], ['""', '']),

        ['wix_auth_logout_redirect nonsense', 'wix_auth_logout_redirect', ''],
        ['wix_auth_logout_redirect //example.com/',
         'wix_auth_logout_redirect', ''],
        ['wix_auth_logout_redirect javascript:alert(1)',
         'wix_auth_logout_redirect', ''],
        ['wix_auth_logout_redirect ""', 'wix_auth_logout_redirect', ''],

        ['wix_auth_api www.wixapis.com', 'invalid API URL',
         'https://www.wixapis.com'],
        ['wix_auth_api http://www.wixapis.com', 'plain http', 'use https'],
        ['wix_auth_api http://127.0.0.1.example.com', 'plain http',
         'use https'],
        ['wix_auth_api http://localhost.example.com', 'plain http',
         'use https'],
        ['wix_auth_api https://u:p@www.wixapis.com', 'invalid API URL', ''],
        ['wix_auth_api https://www.wixapis.com/?a=b', 'invalid API URL', ''],
        ['wix_auth_api ""', 'invalid API URL', ''],
        ['wix_auth_api_timeout 10x', 'wix_auth_api_timeout', $above],
        ['wix_auth_api_timeout 0', 'wix_auth_api_timeout', $above],
        ['wix_auth_api_timeout 10s connect=2x', 'wix_auth_api_timeout',
         $above],
        ['wix_auth_api_timeout 10s connect=0', 'wix_auth_api_timeout',
         $above],
        ['wix_auth_api_timeout 10s read=2s', 'invalid parameter "read=2s"',
         'only "connect=time"'],
        ['wix_auth_api_proxy proxy:3128', 'invalid proxy URL',
         'http://proxy.example.com:3128'],
        ['wix_auth_api_proxy socks5://proxy.example.com',
         'invalid proxy URL', 'http://proxy.example.com:3128'],
        ['wix_auth_api_breaker on', 'invalid parameter "on"',
         '"max_fails=5" and "fail_timeout=10s" are known, or "off"'],
        ['wix_auth_api_breaker off max_fails=5', 'invalid parameter "off"',
         'or "off"'],
        ['wix_auth_api_breaker max_fails=5 off', 'invalid parameter "off"',
         'or "off"'],
        ['wix_auth_api_breaker timeout=10s', 'invalid parameter',
         'fail_timeout=10s'],
        ['wix_auth_api_breaker max_fails=0', '"max_fails="',
         'a number from 1 to 1000'],
        ['wix_auth_api_breaker max_fails=1001', '"max_fails="',
         'a number from 1 to 1000'],
        ['wix_auth_api_breaker max_fails=5x', '"max_fails="',
         'a number from 1 to 1000'],
        ['wix_auth_api_breaker max_fails=', '"max_fails="',
         'a number from 1 to 1000'],
        ['wix_auth_api_breaker fail_timeout=0', '"fail_timeout="',
         'fail_timeout=10s'],
        ['wix_auth_api_breaker max_fails=5 fail_timeout=10x',
         '"fail_timeout="', 'fail_timeout=10s'],
        ['wix_auth_api_breaker fail_timeout=', '"fail_timeout="',
         'fail_timeout=10s'],
    ) {
        my ($line, @want) = @$row;

        refused($line, $http . "server { listen 127.0.0.1:8080;\n"
            . "$line; #@\n}", @want);
    }
};


subtest 'a value is given once' => sub {
    my %twice = (
        wix_auth                         => 'off',
        wix_auth_zone                    => 'zone=members:1m',
        wix_auth_client_id               => $A,
        wix_auth_redirect_uri            => '/_wix/callback',
        wix_auth_base_url                => 'https://a.example.com',
        wix_auth_login                   => 'builtin',
        wix_auth_response_mode           => 'query',
        wix_auth_unauthorized            => 'auto',
        wix_auth_require                 => 'off',
        wix_auth_origins                 => 'off',
        wix_auth_profile                 => 'off',
        wix_auth_visitor                 => 'off',
        wix_auth_bearer                  => 'off',
        wix_auth_captcha                 => 'off',
        wix_auth_pages                   => 'off',
        wix_auth_session_lifetime        => '1h',
        wix_auth_session_idle            => 'off',
        wix_auth_cookie                  => 'a',
        wix_auth_refresh_before          => '1m',
        wix_auth_refresh_lock_timeout    => '1s',
        wix_auth_refresh_use_stale       => 'off',
        wix_auth_login_limit             => 'off',
        wix_auth_logout_redirect         => '/',
        wix_auth_api                     => 'http://127.0.0.1:1',
        wix_auth_api_timeout             => '1s',
        wix_auth_api_trusted_certificate => 'a.pem',
        wix_auth_api_proxy               => 'off',
        wix_auth_api_breaker             => 'off',
    );

    for my $name (sort keys %twice) {
        refused("$name twice", "server {\n$name $twice{$name};\n"
            . "$name $twice{$name}; #@\n}", $name, 'is duplicate');
    }
};


subtest 'a state file' => sub {
    my $dir = temp_dir() . '/state';
    my $key = "wix_auth_session_key $keys/one;\n";
    my $rest = server("wix_auth required; $endpoints");

    mkdir $_ or die "$_: $!\n" for $dir, "$dir/folder", "$dir/other";
    spew("$dir/plain", '');
    symlink "$dir/plain", "$dir/link" or die "$dir/link: $!\n";
    symlink $dir, "$dir/same" or die "$dir/same: $!\n";

    my $zone = sub { "wix_auth_zone zone=$_[0]:1m state=$_[1];" };
    my $said = sub {
        my ($what, $zones, @want) = @_;
        refused($what, "wix_auth_api http://127.0.0.1:1;\n$key$zones\n$rest",
                @want);
    };

    refused('no key', "wix_auth_api http://127.0.0.1:1;\n"
        . $zone->('m', "$dir/file") . " #@\n$rest",
        '"state=" of zone "m" needs a key', 'add "wix_auth_session_key');

    for (['a directory', "$dir/folder/", 'is a directory',
          'name of a file in it'],
         ['an existing one', "$dir/folder", 'is a directory', 'a plain file'],
         ['a link', "$dir/link", 'is a symbolic link', 'a plain file'],
         ['no directory', "$dir/none/file", 'in a directory that cannot be '
          . 'found (2: No such file or directory)', qq(create "$dir/none/")],
         ['in a file', "$dir/plain/file", '(20: Not a directory)', 'create'],
         ['a device', '/dev/null', 'is no plain file', 'a plain file'])
    {
        my ($what, $file, @want) = @$_;
        $said->($what, $zone->('m', $file) . ' #@', @want);
    }

    mkdir "$dir/second.1" or die "$dir/second.1: $!\n";
    $said->('the second slot', $zone->('m', "$dir/second") . ' #@',
            "second.1\" is a directory", 'a plain file');

    for (['the same', "$dir/file", "$dir/file"],
         ['by another way', "$dir/file", "$dir/same/file"],
         ['the second slot of the other', "$dir/file.1", "$dir/file"],
         ['the other way round', "$dir/file", "$dir/file.1"])
    {
        my ($what, $one, $two) = @$_;
        $said->("two zones, one file: $what",
                $zone->('a', $one) . "\nserver { listen 127.0.0.1:8081;\n"
                . $zone->('b', $two) . " #@\n}",
                'is that of zone "a" too', 'give each zone its own');
    }

    quiet('the same name in two directories', "wix_auth_api "
        . "http://127.0.0.1:1;\n$key" . $zone->('a', "$dir/file")
        . 'server { listen 127.0.0.1:8081; ' . $zone->('b', "$dir/other/file")
        . "}\n$rest");

    chmod 0640, "$dir/plain" or die "$dir/plain: $!\n";
    my ($ok, $out) = test("wix_auth_api http://127.0.0.1:1;\n$key"
        . $zone->('m', "$dir/plain") . $rest);
    ok($ok, 'one that others may read') or diag($out);
    like($out, qr/\[warn\].*"\Q$dir\E\/plain" is open to other users of this machine; use "chmod 600"/,
         'is warned of');
    is(-s "$dir/plain", 0, 'and nginx -t leaves it alone');
};


subtest 'endpoints stand where a prefix can be told' => sub {
    for my $row (
        ['location ~ ^/_wix/', '', 'regex or named location',
         'location ^~ /_wix/'],
        ['location ~* /_WIX/', '', 'regex or named location',
         'location ^~ /_wix/'],
        ['location @wix', '', 'regex or named location',
         'location ^~ /_wix/'],
        ['location ^~ /_wix', '', 'must end in "/"', 'location ^~ /_wix/'],
        ['location /_wix', '', 'must end in "/"', 'location ^~ /_wix/'],
        ['location = /_wix/', '', 'name of an endpoint', 'give it as'],
        ['location = /_wix/signin', '', 'name of an endpoint', 'give it as'],
        ['location = /_wix/signin', ' signin', 'unknown endpoint "signin"',
         'login, register, verify, recover, callback, logout or session'],
        ['location ^~ /_wix/', ' ""', 'unknown endpoint', 'login, register'],
        ['location = /_wix/Login', '', 'name of an endpoint', 'give it as'],
    ) {
        my ($location, $name, @want) = @$row;

        refused("$location {$name}", $http . "server { $location {\n"
            . "wix_auth_endpoints$name; #@\n} }", @want);
    }

    refused('twice in a location', $http . "server { location ^~ /_wix/ {\n"
        . "wix_auth_endpoints;\nwix_auth_endpoints; #@\n} }",
        'wix_auth_endpoints', 'is duplicate');

    # the location of this name stands elsewhere
    refused('no prefix', $http . server("location = /signin {\n"
        . "wix_auth_endpoints login; #@\n}"),
        'tells the prefix', 'add "location \^~ /_wix/');

    refused('a second prefix', $http . server("wix_auth required;\n"
        . "$endpoints\nlocation ^~ /_auth/ {\nwix_auth_endpoints; #@\n}"),
        'below "/_wix/" and "/_auth/"', 'wix_auth_redirect_uri');

    # no gate is concerned, but who logs in must come back somewhere
    refused('no callback', $http . server("location = /_wix/login {\n"
        . "wix_auth_endpoints; #@\n}"),
        '"/_wix/callback" is not an endpoint',
        'add "wix_auth_endpoints callback"');
};


subtest 'a gate needs a way in' => sub {

    # where endpoints lack the same, either line would be the right one

    refused('no zone', server("wix_auth required; #@"),
        'needs a zone', 'add "wix_auth_zone zone=members:16m;"');

    refused('no zone for endpoints', server("location ^~ /_wix/ {\n"
        . "wix_auth_endpoints; #@\n}"),
        'needs a zone', 'add "wix_auth_zone zone=members:16m;"');

    refused('a zone without a size', "wix_auth_zone zone=members; #@\n"
        . server("wix_auth required; $endpoints"), 'members', '');

    refused('no client id', $http . server("wix_auth required; #@",
                                           client => ''),
        'needs a client id', 'add "wix_auth_client_id"');

    refused('no client id for endpoints', $http . server("location ^~ /_wix/ {\n"
        . "wix_auth_endpoints; #@\n}", client => ''),
        'needs a client id', 'add "wix_auth_client_id"');

    refused('no client id, the gate of a location',
        $http . server("location / {\nwix_auth optional; #@\n}", client => ''),
        'needs a client id', 'add "wix_auth_client_id"');

    for my $mode (qw(required optional audit)) {
        refused("no endpoints, $mode", $http . server("wix_auth $mode; #@"),
            'without endpoints', 'add "location \^~ /_wix/');
    }

    for my $name ('_', '""', '*.example.com', '.example.com', 'www.example.*',
                  '~^www\.', '_ shop.example.com', 'shop_1.example.com')
    {
        refused("server_name $name", $http
            . server("wix_auth required; #@\n", name => $name),
            'no plain host name', 'add "wix_auth_base_url');
    }

    refused('no server_name', $http
        . "server { listen 127.0.0.1:8080; wix_auth_client_id $A;\n"
        . "wix_auth required; #@\n}",
        'no plain host name', 'add "wix_auth_base_url');

    # never bound: it is refused before
    refused('no TLS, Secure by default', $http
        . server("wix_auth required; #@", listen => '8080'),
        'no TLS listener', 'add "wix_auth_base_url');

    refused('no TLS, a cookie of its own', $http
        . server("wix_auth required;\nwix_auth_cookie a; #@\n$endpoints",
                 listen => '8080'),
        'no TLS listener', 'add "wix_auth_base_url');

    refused('one listener is not loopback', $http
        . server("listen 8081; wix_auth required; #@"),
        'no TLS listener', 'add "wix_auth_base_url');

    refused('idle longer than lifetime', $http
        . server("wix_auth required; wix_auth_session_lifetime 1h;\n"
                 . "wix_auth_session_idle 61m; #@\n$endpoints"),
        'is longer than "wix_auth_session_lifetime"', 'use "off"');

    refused('default lifetime', $http
        . server("wix_auth required;\nwix_auth_session_idle 2d; #@\n"
                 . $endpoints),
        'is longer than "wix_auth_session_lifetime"', 'use "off"');

    refused('a gate with a shorter idle limit than its endpoints', $http
        . server("wix_auth required;\n$endpoints\n"
                 . "location /admin {\nwix_auth_session_idle 5m; #@\n}"),
        'differ in "wix_auth_session_idle"', 'set it in the server block');

    for my $uri ('/_wix/cb', '/_wix/callback/', '/callback',
                 'https://shop.example.com/_wix/login', '/_wix/callback#a')
    {
        refused("redirect URI $uri", $http
            . server("wix_auth required;\nwix_auth_redirect_uri '$uri'; #@\n"
                     . $endpoints),
            'is not an endpoint "callback"', 'use "/_wix/callback"');
    }
};


subtest 'the login page of the site is no endpoint' => sub {
    for my $uri ('/_wix/', '/_wix/login', '/_wix/signin?a=b', '/_wix/#a',
                 '/%5fwix/login', '/signin', '/signin?a#b')
    {
        refused($uri, $http
            . server("wix_auth required;\nwix_auth_login '$uri'; #@\n"
                     . "$endpoints location = /signin { "
                     . 'wix_auth_endpoints login; }'),
            'is an endpoint itself', q(give the site's own page));
    }

    refused('no endpoints for a page of our own', $http
        . server("wix_auth_login /signin;\nwix_auth required; #@"),
        'without endpoints', 'add "location \^~ /_wix/');
};


subtest 'requirements stand where a gate is' => sub {
    my @want = ('where the gate is off', 'add "wix_auth required"');

    refused('in a server without gates', $http
        . server("wix_auth_require \$host; #@\nlocation / { }"), @want);
    refused('in a server whose gate is off', $http
        . server("wix_auth off;\nwix_auth_require \$host; #@\n$endpoints"),
        @want);
    refused('in http without gates',
        $http . "wix_auth_require \$host; #@\n" . server($endpoints), @want);
    refused('in a location whose gate is off', $http
        . server("wix_auth required; $endpoints location /b/ {\n"
                 . "wix_auth off;\nwix_auth_require \$host; #@\n}"), @want);
    refused('in a location without one', $http
        . server("$endpoints location /b/ {\nwix_auth_require \$host; #@\n"
                 . 'location /b/c/ { wix_auth required; } }'), @want);
    refused('at the endpoints', $http
        . server("wix_auth required; location ^~ /_wix/ {\n"
                 . "wix_auth_endpoints;\nwix_auth_require \$host; #@\n}"),
        @want);
    refused('in limit_except', $http
        . server("$endpoints location /b/ { limit_except GET {\n"
                 . "wix_auth_require \$host; #@\n} }"), @want);

    quiet('of the server, for its locations', $http
        . server("wix_auth_require \$host; $endpoints "
                 . 'location / { wix_auth optional; } '
                 . 'location /open/ { wix_auth off; }'));
    quiet('of http, for one server of two', $http
        . "wix_auth_require \$host;\n"
        . server("wix_auth audit; $endpoints") . "\n"
        . server('location / { }', name => 'b.example.com'));
    quiet('in limit_except', $http
        . server("wix_auth required; $endpoints location / { "
                 . 'limit_except GET { wix_auth_require $host; } }'));
    quiet('off needs no gate', $http . server('wix_auth_require off;'));
};


subtest 'who logs in must pass at the gate' => sub {

    refused('client of a location', $http
        . server("wix_auth required; $endpoints location /b {\n"
                 . "wix_auth_client_id $B; #@\n}"),
        'differ in "wix_auth_client_id"', 'set it in the server block');

    refused('client of the endpoints', $http
        . server("wix_auth required;\nlocation ^~ /_wix/ {\n"
                 . "wix_auth_client_id $B; #@\nwix_auth_endpoints;\n}"),
        'differ in "wix_auth_client_id"', 'set it in the server block');

    refused('cookie of a location', $http
        . server("wix_auth required; $endpoints location /b {\n"
                 . "wix_auth_cookie b; #@\n}"),
        'differ in "wix_auth_cookie"', 'set it in the server block');

    refused('attributes of the cookie', $http
        . server("wix_auth required; wix_auth_cookie a;\n"
                 . "$endpoints location /b {\n"
                 . "wix_auth_cookie a samesite=none; #@\n}"),
        'differ in "wix_auth_cookie"', 'set it in the server block');

    refused('base URL of a location', $http
        . server("wix_auth required; $endpoints location /b {\n"
                 . "wix_auth_base_url https://b.example.com; #@\n}"),
        'differ in "wix_auth_base_url"', 'set it in the server block');

    refused('two clients with one cookie', $http
        . server("wix_auth_unauthorized 401; location /a/ {\n"
                 . "wix_auth required; }\nlocation /b/ {\n"
                 . "wix_auth required;\nwix_auth_client_id $B; #@\n}"),
        'two client ids in one server', 'own "wix_auth_cookie"');
};


subtest 'the place is told in an included file too' => sub {
    spew(temp_dir() . '/part.conf', "\n\nwix_auth required;\n");

    my ($ok, $out) = nginx_t($http
        . server('include ' . temp_dir() . '/part.conf;'));

    ok(!$ok, 'refused');
    like($out, qr{without endpoints.* in \S+/part\.conf:3$}m, 'line 3 of it');
};


subtest 'the CA bundle is read by nginx -t' => sub {
    for my $row (["$keys/none.pem", 'cannot be opened'],
                 ["$keys/empty.pem", 'empty or damaged'],
                 [certs() . '/ca.key', 'empty or damaged'])
    {
        my ($file, $fault) = @$row;

        refused($file, "wix_auth_zone zone=members:1m;\n"
            . "wix_auth_api https://127.0.0.1:1;\n"
            . server("wix_auth required; $endpoints\n"
                     . "wix_auth_api_trusted_certificate $file; #@"),
            $fault, 'wix_auth_api_trusted_certificate');
    }

    my ($ok, $out) = nginx_t("wix_auth_zone zone=members:1m;\n"
        . server("wix_auth required; $endpoints wix_auth_api_trusted_certificate "
                 . certs() . '/ca.pem;'));
    ok($ok, 'a good one passes') or diag($out);
};


subtest 'good values pass' => sub {
    my @server = (
        map({ "wix_auth $_" } qw(off optional required audit)),
        'wix_auth_client_id ' . uc $A,
        'wix_auth_client_id $host',
        map({ "wix_auth_session_lifetime $_" }
            '1', '30s', '24h', '30d', '1h30m', '"1h 30m"', '1M'),
        map({ "wix_auth_session_idle $_" } 'off', '1s', '24h'),
        map({ "wix_auth_unauthorized $_" } 'auto', '302', '401'),
        map({ "wix_auth_login $_" } 'builtin', 'wix', 'wix sso',
            "wix idp=$B", "wix sso idp=$B idp=" . uc $A,
            '/signin', '/_wixen/login', "'/app#/login'", '/signin?a=b',
            'https://login.example.com', "'https://login.example.com/#/in'",
            'http://127.0.0.1:8080/signin', '/' . 'l' x 1023),
        map({ "wix_auth_response_mode $_" } qw(query fragment web_message
            direct)),
        map({ "wix_auth_captcha $_" } qw(off invisible visible)),
        map({ "wix_auth_profile $_" } qw(on off)),
        map({ "wix_auth_require $_" } 'off', '$host', '$host $arg_a',
            '$host$arg_a error=400', 'error=404 $host', '$host error=493'),
        map({ "wix_auth_origins $_" } 'off', 'https://app.example.com',
            'https://app.example.com:8443 HTTPS://App.Example.com',
            'http://localhost:3000 http://[::1]:3000'),
        map({ "wix_auth_visitor $_" } 'off'),
        map({ "wix_auth_bearer $_" } 'off', 'on', 'on cache=1s'),
        map({ "wix_auth_pages $_" } 'off', "$keys/pages", "$keys/pages//",
            'html'),
        map({ "wix_auth_cookie $_" } 'a', 'session', 'nosecure',
            'a session nosecure', '__Host-a', '__Secure-a path=/shop',
            'samesite=none partitioned', 'samesite=lax', 'path=/shop',
            'domain=example.com', '__Host-a path=/', 'n' x 64,
            '__Secure-a domain=example.com'),
        map({ "wix_auth_refresh_before $_" } '0', '5m'),
        map({ "wix_auth_refresh_lock_timeout $_" } '0', '500ms', '5s'),
        map({ "wix_auth_refresh_use_stale $_" } 'off', 'error',
            'error timeout http_5xx http_429 for=10m', 'for=0 timeout'),
        map({ "wix_auth_login_limit $_" } 'off', 'pair=1/1s',
            'account=1000000/24h', 'account=1/1d pair=1000000/1440m'),
        map({ "wix_auth_logout_redirect $_" } '/', '/bye?a=b',
            'https://shop.example.com/bye'),
        map({ "wix_auth_redirect_uri $_" } '/_wix/callback',
            'https://shop.example.com/_wix/callback',
            'https://other.example.com:8443/_wix/callback?site=1',
            '$scheme://$host/_wix/callback'),
        map({ "wix_auth_base_url $_" } 'https://shop.example.com',
            'https://shop.example.com/', 'HTTPS://Shop.Example.com:443',
            'http://127.0.0.1:8080', '$scheme://$host'),
        map({ "wix_auth_api $_" } 'http://localhost:1', 'http://127.9.9.9',
            'http://[::1]:1/', 'http://127.0.0.1:1/base//'),
        map({ "wix_auth_api_timeout $_" } '1ms', '10s connect=2s',
            '500ms connect=100ms'),
        map({ "wix_auth_api_proxy $_" } 'off', 'http://proxy.example.com:3128',
            'https://proxy.example.com'),
        map({ "wix_auth_api_breaker $_" } 'off', 'max_fails=1',
            'fail_timeout=500ms', 'fail_timeout=1d max_fails=1000'),
        "wix_auth_session_key $keys/least",
        "wix_auth_session_key $keys/one; wix_auth_session_key $keys/two",
        'wix_auth_zone zone=least:128k',
        'wix_auth_zone zone=members',
        'wix_auth_zone zone=members:1024k',
    );
    my $n = 0;

    my $conf = $http . join "\n", map {
        my $value = $_;
        server("$value; $endpoints"
               . ($value =~ /^wix_auth / ? '' : ' wix_auth required;'),
               name => 's' . $n++ . '.example.com',
               client => $value =~ /wix_auth_client_id/ ? '' : $A);
    } @server;

    quiet('one of each', $conf);
};


subtest 'good configurations pass' => sub {
    my %listen = (tls => "192.0.2.1:443 ssl; ssl_certificate "
        . certs() . '/server.pem; ssl_certificate_key '
        . certs() . '/server.key');

    quiet('gate in a location, endpoints beside it', $http
        . server("$endpoints location / { wix_auth required; }"));
    quiet('endpoints alone', $http . server($endpoints));
    quiet('401 without endpoints', $http
        . server('wix_auth required; wix_auth_unauthorized 401;'));
    quiet('one login host for many sites', $http
        . server('wix_auth required; '
                 . 'wix_auth_login https://login.example.com/;'));
    quiet('visitors', "$http proxy_set_header X-T \$wix_auth_access_token;\n"
        . join "\n", map {
            server("wix_auth_visitor $_->[1]; wix_auth optional; $endpoints",
                   name => "$_->[0].example.com")
        } ['a', 'on'], ['b', 'on rate=1r/m'], ['c', 'on rate=16666r/s'],
          ['d', 'on lifetime=1s rate=1000000r/m']);
    quiet('visitors of some locations',
        "$http proxy_set_header X-T \$wix_auth_access_token;\n"
        . server("wix_auth required; wix_auth_visitor on; $endpoints "
                 . 'location /shop/ { wix_auth optional; }'));
    quiet('a gate that is off needs nothing',
        'server { wix_auth off; location / { wix_auth off; } }');
    quiet('no plain name, but a base URL', $http
        . server("wix_auth required; $endpoints "
                 . 'wix_auth_base_url https://shop.example.com;',
                 name => '_'));
    quiet('endpoints one by one', $http . server('wix_auth required;'
        . join ' ', map { "location = /_wix/$_ { wix_auth_endpoints; }" }
            qw(login register verify recover callback logout session)));
    quiet('one endpoint of its own beside the prefix', $http
        . server("wix_auth required; $endpoints "
                 . 'location = /_wix/login { wix_auth_endpoints; }'));
    quiet('an endpoint by another name', $http
        . server("wix_auth required; $endpoints wix_auth_redirect_uri /back; "
                 . 'location = /back { wix_auth_endpoints callback; }'));
    quiet('a plain prefix location', $http
        . server('wix_auth required; location /_wix/ { wix_auth_endpoints; }'));
    quiet('limit_except', $http
        . server("$endpoints location / { wix_auth optional; "
                 . 'limit_except GET { wix_auth required; } }'));
    quiet('plain http, nosecure', $http
        . server("wix_auth required; $endpoints wix_auth_cookie nosecure;",
                 listen => '192.0.2.1:80'));
    quiet('plain http behind TLS', $http
        . server("wix_auth required; $endpoints "
                 . 'wix_auth_base_url https://shop.example.com;',
                 listen => '192.0.2.1:80'));
    quiet('TLS beside plain http', $http
        . server("wix_auth required; $endpoints listen 192.0.2.1:80;",
                 listen => $listen{tls}));
    quiet('a unix socket is loopback', $http
        . server("wix_auth required; $endpoints",
                 listen => 'unix:' . temp_dir() . '/sock'));
    quiet('one zone, one client, two servers', $http
        . server("wix_auth required; $endpoints") . "\n"
        . server("wix_auth required; $endpoints", name => 'b.example.com'));
    quiet('two zones', $http
        . server("wix_auth required; $endpoints") . "\n"
        . server("wix_auth_zone zone=b:1m; wix_auth required; $endpoints",
                 name => 'b.example.com'));
    quiet('one client a server', $http
        . server("wix_auth required; $endpoints") . "\n"
        . server("wix_auth required; $endpoints", name => 'b.example.com',
                 client => $B));

    # each gate has the endpoints that its redirect URI leads to
    quiet('two clients, two cookies, two prefixes', $http
        . server(join "\n", map {
            my ($p, $client) = @$_;
            my $of = "wix_auth_client_id $client; wix_auth_cookie $p; "
                . "wix_auth_redirect_uri /$p/_wix/callback;";
            "location /$p/ { $of wix_auth required; }\n"
            . "location ^~ /$p/_wix/ { $of wix_auth_endpoints; }"
        } ['a', $A], ['b', $B]));
};


subtest 'warnings' => sub {
    my $conf = "$http\nwix_auth_client_id $A;\n"
        . "wix_auth required; #@\n"
        . server("$endpoints location / { }", client => '') . "\n"
        . server('location / { } location /b/ { location /b/c/ { } }',
                 name => 'b.example.com', client => '') . "\n"
        . server('location / { wix_auth off; } wix_auth off;',
                 name => 'c.example.com', client => '');
    my ($ok, $out, $place) = test($conf);

    ok($ok, 'a gate of http reaches a server without endpoints') or diag($out);

    my @warn = grep { /\[warn\]/ } split /\n/, $out;
    is(@warn, 1, 'warned about once for the server') or diag($out);
    like($warn[0] // '', qr/server "b\.example\.com", which has no endpoints/,
         'it is named');
    like($warn[0] // '', qr/add "location \^~ \/_wix\/.*"wix_auth off"/,
         'hint');
    like($warn[0] // '', qr/in \Q$place\E$/, 'the line of "wix_auth"');

    ($ok, $out, $place) = test($http . server("wix_auth required; $endpoints\n"
        . "wix_auth_session_key $keys/open; #@"));

    ok($ok, 'a key file that others can read') or diag($out);
    like($out, qr/\[warn\] key file \S+ is open to others than its owner; use "chmod 600 \S+" in \Q$place\E$/m,
         'warned about, with hint and line');

    ($ok, $out) = test($http . server("wix_auth required; $endpoints "
        . "wix_auth_session_key $keys/one;"));
    unlike($out, qr/\[warn\]/, 'mode 0600 is fine');

    # what has no effect; directives of a server
    my $token = 'proxy_set_header X-T $wix_auth_access_token';

    for my $row (
        ["$token; wix_auth required;\nwix_auth_visitor on; #@",
         'minted by an optional gate only', 'use "wix_auth optional"'],
        ["$token; wix_auth optional; location /b/ { wix_auth required;\n"
         . 'wix_auth_visitor on; #@' . "\n}",
         'minted by an optional gate only', 'use "wix_auth optional"'],
        ["wix_auth optional;\nwix_auth_visitor on; #@",
         '$wix_auth_access_token is used nowhere', '"proxy_set_header"'],
        ["wix_auth required;\nwix_auth_require premium; #@",
         '"premium" in "wix_auth_require" is the same for every request',
         'is a "$" missing?'],
    ) {
        my ($line, $fault, $hint) = @$row;

        ($ok, $out, $place) = test($http . server("$endpoints $line\n"));

        ok($ok, $line) or diag($out);
        @warn = grep { /\[warn\]/ } split /\n/, $out;
        is(@warn, 1, 'one warning') or diag($out);
        like($warn[0] // '', qr/\Q$fault\E.*\Q$hint\E.* in \Q$place\E$/,
             'fault, hint and line');
    }
};


# The interface: where each directive may stand.  h http, s server,
# l location, e limit_except; the last column is what it is tried with.

my %contexts = (
    wix_auth                         => ['hsle', 'off'],
    wix_auth_endpoints               => ['l', ''],
    wix_auth_zone                    => ['hs', 'zone=members:1m'],
    wix_auth_session_key             => ['hs', "$keys/one"],
    wix_auth_client_id               => ['hsl', $A],
    wix_auth_redirect_uri            => ['hsl', '/_wix/callback'],
    wix_auth_base_url                => ['hsl', 'https://a.example.com'],
    wix_auth_login_limit             => ['hsl', 'off'],
    wix_auth_login                   => ['hsl', 'builtin'],
    wix_auth_response_mode           => ['hsl', 'query'],
    wix_auth_unauthorized            => ['hsl', 'auto'],
    wix_auth_require                 => ['hsle', 'off'],
    wix_auth_origins                 => ['hsl', 'off'],
    wix_auth_profile                 => ['hsl', 'off'],
    wix_auth_visitor                 => ['hsl', 'off'],
    wix_auth_bearer                  => ['hsl', 'off'],
    wix_auth_captcha                 => ['hsl', 'off'],
    wix_auth_pages                   => ['hsl', 'off'],
    wix_auth_session_lifetime        => ['hsl', '24h'],
    wix_auth_session_idle            => ['hsl', 'off'],
    wix_auth_cookie                  => ['hsl', 'nosecure'],
    wix_auth_refresh_before          => ['hsl', '5m'],
    wix_auth_refresh_lock_timeout    => ['hsl', '5s'],
    wix_auth_refresh_use_stale       => ['hsl', 'off'],
    wix_auth_logout_redirect         => ['hsl', '/'],
    wix_auth_api                     => ['hs', 'http://127.0.0.1:1'],
    wix_auth_api_timeout             => ['hs', '10s'],
    wix_auth_api_trusted_certificate => ['hs', certs() . '/ca.pem'],
    wix_auth_api_proxy               => ['hs', 'off'],
    wix_auth_api_breaker             => ['hs', 'off'],
);

my %wrap = (
    main => "%s;\nhttp { }",
    h    => "http { %s; }",
    s    => "http { server { %s; } }",
    l    => "http { server { location /_wix/ { %s; } } }",
    e    => "http { server { location /_wix/ { limit_except GET { %s; } } } }",
    if   => "http { server { location /_wix/ { if (\$a) { %s; } } } }",
);

subtest 'contexts' => sub {
    my $code = join "\n", map { slurp($_) }
        glob top_dir() . '/ngx_http_wix_auth_module/*.c';
    my ($table) = $code =~ /^static ngx_command_t .*?\{\n(.*?)^\};/ms;
    my @known = ($table // '') =~ /ngx_string\("(wix_auth\w*)"\)/g;

    is("@{[sort @known]}", "@{[sort keys %contexts]}",
       'this table knows every directive') or return;

    my $bad = 0;

    for my $name (sort keys %contexts) {
        my ($where, $value) = @{$contexts{$name}};

        for my $context (sort keys %wrap) {
            my $conf = sprintf $wrap{$context}, "$name $value";

            # what may stand there is tried all at once below
            next if index($where, $context) >= 0;

            my ($ok, $out) = nginx_t($conf);
            next if !$ok
                && $out =~ /\[emerg\] "\Q$name\E" directive is not allowed here/;

            $bad++;
            fail("$name in $context is refused");
            diag($out);
        }
    }
    is($bad, 0, 'each is refused where it may not stand');

    for my $context (qw(h s l e)) {
        my @all = map { "$_ $contexts{$_}[1]" }
            grep { index($contexts{$_}[0], $context) >= 0 }
            sort keys %contexts;
        my $conf = sprintf $wrap{$context}, join ";\n", @all;

        # what the endpoints need
        $conf =~ s/http \{/http { $http/ if $context eq 'l';
        $conf =~ s/server \{/server { listen 127.0.0.1:8080; server_name a.example.com;/;

        my ($ok, $out) = nginx_t($conf);
        ok($ok, "all that may stand there pass: $context") or diag($out);
    }
};


subtest 'arguments are counted' => sub {
    for my $line ('wix_auth', 'wix_auth required off',
                  'wix_auth_client_id', "wix_auth_client_id $A $B",
                  'wix_auth_zone', 'wix_auth_zone zone=a:1m b c',
                  'wix_auth_cookie', 'wix_auth_login',
                  'wix_auth_api_timeout 1s connect=1s 1s',
                  'wix_auth_session_key a b', 'wix_auth_require',
                  'wix_auth_origins', 'wix_auth_visitor',
                  'wix_auth_visitor on rate=1r/m lifetime=1d x',
                  'wix_auth_bearer', 'wix_auth_bearer on cache=1m x',
                  'wix_auth_pages a b', 'wix_auth_captcha',
                  'wix_auth_login_limit',
                  'wix_auth_login_limit pair=1/1s account=1/1s off')
    {
        my ($name) = $line =~ /^(\w+)/;
        refused($line, "server {\n$line; #@\n}",
                qr/invalid number of arguments in "$name" directive/, '');
    }
};


# From here on servers run.

start_emulator();
my $dead = free_port();


subtest 'levels inherit, and the inner one wins' => sub {
    my $servers = '';

    # the redirect URI is the one that the emulator allows
    my %servers = (
        'a.test' => '',
        'b.test' => 'wix_auth_cookie b nosecure; wix_auth_login builtin; '
            . 'wix_auth_unauthorized 401; wix_auth_logout_redirect /b; '
            . "location /l/ { wix_auth_unauthorized 302; }\n"
            . 'location /n/ { wix_auth off; location /n/m/ { wix_auth required; } }',
        'c.test' => 'wix_auth_api_proxy off; wix_auth optional;',
    );

    for my $name (sort keys %servers) {
        $servers .= "server { listen 127.0.0.1:%%PORT%%; server_name $name; "
            . "location ^~ /_wix/ { wix_auth_endpoints;\n"
            . "location /_wix/nested/ { } }\n"
            . "location / { } $servers{$name} }\n";
    }

    my $nginx = start_nginx(conf => <<"END");
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_api_proxy http://127.0.0.1:$dead;
wix_auth_client_id %%CLIENT%%;
wix_auth_redirect_uri http://localhost:%%PORT%%/_wix/callback;
wix_auth_cookie top nosecure;
wix_auth_login wix;
wix_auth_logout_redirect /top;
wix_auth required;
add_header X-Status "\$wix_auth_status" always;
$servers
END
    spew($nginx->dir . '/html/index.html', "index\n");
    mkdir $nginx->dir . "/html/$_" for qw(n n/m);
    spew($nginx->dir . "/html/$_/index.html", "index\n") for qw(n n/m);

    is(ask('a.test', '/')->status, 302, 'gate of http');
    is(ask('b.test', '/')->status, 401, 'unauthorized of the server');
    is(ask('b.test', '/l/')->status, 302, 'unauthorized of the location');

    my $res = ask('c.test', '/');
    is($res->status, 200, 'gate of the server');
    is($res->header('X-Status'), 'ANONYMOUS', 'it is optional');

    $res = ask('b.test', '/n/');
    is($res->status, 200, 'off cancels the gate of http');
    is($res->header('X-Status'), 'OFF', 'and says so');
    is(ask('b.test', '/n/m/')->status, 401, 'on again below');

    # the gate is taken away from the endpoints alone
    is(ask('a.test', '/_wix/nested/')->status, 302,
       'a location inside that of the endpoints is gated');

    like(ask('b.test', '/_wix/login')->header('Set-Cookie') // '',
         qr/^b_b=/, 'cookie and login page of the server');

    # through a proxy that is not there, and without it
    is(ask('a.test', '/_wix/login')->status, 503, 'proxy of http');
    is(ask('c.test', '/_wix/login')->status, 302, 'off cancels the proxy');

    is(post('a.test', '/_wix/logout')->header('Location'), '/top',
       'logout redirect of http');
    is(post('b.test', '/_wix/logout')->header('Location'), '/b',
       'logout redirect of the server');

    $nginx->stop;
};


subtest 'each prefix is complete in itself' => sub {
    my $nginx = start_nginx(conf => <<'END');
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
wix_auth_client_id %%CLIENT%%;
server {
    listen 127.0.0.1:%%PREFIX_PORT%%;
    server_name localhost;
    location ^~ /a/_wix/ { wix_auth_endpoints; }
    location ^~ /b/_wix/ { wix_auth_endpoints; }
    location /a/ { wix_auth required; wix_auth_redirect_uri /a/_wix/callback; }
    location /b/ { wix_auth required; wix_auth_redirect_uri /b/_wix/callback; }
}
END
    for my $p ('a', 'b') {
        my $at = sub {
            return raw_response(port('PREFIX_PORT'), "GET $_[0] HTTP/1.1\r\n"
                . "Host: localhost\r\nAccept: text/html\r\n"
                . "Connection: close\r\n\r\n");
        };

        like($at->("/$p/x")->header('Location'), qr{^/$p/_wix/login\?},
             "the gate of /$p/ sends to its login");
        like($at->("/$p/_wix/login")->body, qr{action="/$p/_wix/login"},
             "and the form stays below /$p/");
    }

    $nginx->stop;
};


subtest 'a server has its own list of keys' => sub {
    quiet('the same key on two levels is no duplicate', $http
        . "wix_auth_session_key $keys/one;\nwix_auth_session_key $keys/two;\n"
        . server("wix_auth_session_key $keys/two; "
                 . "wix_auth_session_key $keys/one; "
                 . "wix_auth required; $endpoints"));

    quiet('idle off cancels what is too long for the lifetime', $http
        . "wix_auth_session_idle 2h;\n"
        . server("wix_auth_session_lifetime 1h; wix_auth_session_idle off; "
                 . "wix_auth required; $endpoints"));

    refused('which is refused without', $http
        . "wix_auth_session_idle 2h;\n"
        . server("wix_auth_session_lifetime 1h; #@\n"
                 . "wix_auth required; $endpoints"),
        'is longer than', 'use "off"');
};


subtest 'the notice at start and reload' => sub {
    my $other = '1d2e8b63-8b1d-4e40-8c2f-3a7a9e1d5f22';

    my $conf = <<"END";
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
map \$host \$id { default $A; }
server {
    listen 127.0.0.1:%%NOTICE_PORT%%;
    server_name shop.example.com www.example.com;
    wix_auth_client_id $A;
    wix_auth_base_url https://shop.example.com;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location = /_wix/login { wix_auth_endpoints; }
    location / { }
}
server {
    listen 127.0.0.1:%%NOTICE_PORT%%;
    server_name club.example.com;
    wix_auth_client_id $other;
    wix_auth_base_url https://club.example.com:8443;
    wix_auth_redirect_uri /back;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location = /back { wix_auth_endpoints callback; }
}
server {
    listen 127.0.0.1:%%NOTICE_PORT%%;
    server_name map.example.com;
    wix_auth_client_id \$id;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
}
END
    my $plain = <<"END";
server {
    listen 127.0.0.1:%%NOTICE_PORT%%;
    server_name plain.example.com;
    wix_auth_client_id $A;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
}
END
    my @want = (
        "client $A: allow https://shop.example.com/_wix/callback at Wix",
        "client $other: allow https://club.example.com:8443/back at Wix");

    my ($ok, $out) = nginx_t($conf);
    ok($ok, 'nginx -t') or diag($out);
    unlike($out, qr/allow http/, 'says nothing of it');

    my $nginx = start_nginx(conf => $conf, debug => 0);
    is_deeply([sort(notices($nginx))], [sort @want],
              'one notice for each client at the start');

    like($nginx->error_log, qr/\[notice\] \S+ wix_auth: client/,
         'at level notice');

    # the port is part of what Wix compares
    my $port = port('NOTICE_PORT');
    push @want, @want,
        "client $A: allow http://plain.example.com:$port/_wix/callback at Wix";

    ok($nginx->reload(conf => WixAuthTest::expand($nginx, $conf . $plain)),
       'reload');
    is_deeply([sort(notices($nginx))], [sort @want],
              'the same after a reload, and the new one');

    $nginx->stop;
};


done_testing();


sub notices {
    my ($nginx) = @_;
    return $nginx->error_log =~ /wix_auth: (client \S+: allow .*)$/mg;
}

sub key {
    my ($name, $bytes, $mode) = @_;
    spew("$keys/$name", $bytes);
    chmod $mode // 0600, "$keys/$name" or die "$keys/$name: $!\n";
    return;
}

# server('directives', name => ..., listen => ..., client => ...)
sub server {
    my ($text, %opt) = @_;

    my $listen = $opt{listen} // '127.0.0.1:8080';
    my $name = $opt{name} // 'shop.example.com';
    my $client = $opt{client} // $A;

    return "server { listen $listen; server_name $name; "
        . (length $client ? "wix_auth_client_id $client; " : '')
        . "$text\n}";
}

# nginx -t: whether it passed, what it said, and file:line of the mark "#@"
sub test {
    my ($conf) = @_;

    my $nginx = WixAuthTest::make_nginx(conf => $conf);
    my ($ok, $out) = $nginx->test_conf;
    my ($line) = grep { (split /\n/, slurp($nginx->conf_file))[$_ - 1] =~ /#\@/ }
        1 .. slurp($nginx->conf_file) =~ tr/\n//;

    return ($ok, $out, $nginx->conf_file . ':' . ($line // 'no mark'));
}

# one [emerg] line with fault, hint and the marked place
sub refused {
    my ($what, $conf, $fault, $hint) = @_;

    my ($ok, $out, $place) = test($conf);
    my @emerg = grep { /\[emerg\]/ } split /\n/, $out;
    my @bad;

    $fault = qr/\Q$fault\E/ if !ref $fault;
    $hint = $hint =~ /\\/ ? qr/$hint/ : qr/\Q$hint\E/ if !ref $hint;

    push @bad, 'it passed' if $ok;
    push @bad, @emerg . ' lines of [emerg]' if @emerg != 1;
    push @bad, "fault: no $fault" if ($emerg[0] // '') !~ $fault;
    push @bad, "hint: no $hint" if ($emerg[0] // '') !~ $hint;
    push @bad, "place: not $place" if ($emerg[0] // '') !~ / in \Q$place\E$/;

    return ok(!@bad, $what) || diag(join "\n", @bad, $out);
}

# passes without a warning; 192.0.2.1 is nobody's, so that binding it fails
# after all checks have passed
sub quiet {
    my ($what, $conf) = @_;

    my ($ok, $out) = test($conf);

    if ($conf =~ /192\.0\.2\.1/) {
        $ok ||= $out =~ s/^.*\[emerg\] bind\(\) to 192\.0\.2\.1:.*\n//mg;
    }

    return ok($ok && $out !~ /\[(?:emerg|alert|crit|error|warn)\]/, $what)
        || diag($out);
}

sub ask {
    my ($host, $uri) = @_;
    return raw_response(port(), "GET $uri HTTP/1.1\r\nHost: $host:" . port()
        . "\r\nAccept: text/html\r\nConnection: close\r\n\r\n");
}

sub post {
    my ($host, $uri) = @_;
    return raw_response(port(), "POST $uri HTTP/1.1\r\nHost: $host:" . port()
        . "\r\nAccept: text/html\r\nOrigin: http://$host:" . port()
        . "\r\nContent-Type: application/x-www-form-urlencoded"
        . "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}
