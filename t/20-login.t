#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Endpoint login: methods, input, negotiation, the cross-site check, pages,
# and what becomes of everything that Wix can say to a login.

use strict;
use warnings;

use Digest::SHA qw(sha256_base64);
use File::Find ();
use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;

my $google = '0e6a50f5-b523-4e29-990d-f37fa2ffdd69';
my $ann    = 'ann@example.com';
my $secret = 'secret-of-ann-1';

my $emu = start_emulator(
    member => ["$ann:$secret"],
    redirect_uri => [map { 'http://localhost:' . port($_) . '/_wix/callback' }
                     qw(PORT WIX_PORT SSO_PORT HASTY_PORT BODY_PORT)],
);
start_upstream();

# one server a way to log in; HASTY gives up on Wix after a second; BODY
# would write every request body to a file
my $nginx = start_nginx(conf => <<'END');
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
wix_auth_login_limit off;
wix_auth_client_id %%CLIENT%%;

server {
    listen 127.0.0.1:%%PORT%%;
    server_name localhost;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
}
server {
    listen 127.0.0.1:%%WIX_PORT%%;
    server_name localhost;
    wix_auth required;
    wix_auth_login wix idp=0e6a50f5-b523-4e29-990d-f37fa2ffdd69;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
}
server {
    listen 127.0.0.1:%%SSO_PORT%%;
    server_name localhost;
    wix_auth required;
    wix_auth_login wix sso;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
}
server {
    listen 127.0.0.1:%%HASTY_PORT%%;
    server_name localhost;
    wix_auth required;
    wix_auth_api_timeout 1s;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
}
server {
    listen 127.0.0.1:%%BODY_PORT%%;
    listen 127.0.0.1:%%BODY_TLS_PORT%% ssl http2;
    ssl_certificate %%CERTS%%/server.pem;
    ssl_certificate_key %%CERTS%%/server.key;
    server_name localhost;
    client_body_in_file_only on;
    client_body_buffer_size 1k;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
}
END

sub site { return 'http://localhost:' . port($_[0] // 'PORT') }

# a program that sends JSON
sub api {
    my ($json, %opt) = @_;
    return browser()->post(($opt{site} // '') . '/_wix/login', json => $json);
}

sub is_error {
    my ($res, $status, $reason, $what) = @_;

    my $got = $res->json // {};
    is($res->status . ' ' . ($got->{error} // 'no JSON'),
       "$status $reason", $what)
        or diag($res->{head}, "\n\n", substr $res->body, 0, 500);
    return $got;
}

# the paths and fields of a file tree that a request left behind
sub body_files {
    my @files;
    File::Find::find(sub { push @files, $File::Find::name if -f },
                     $nginx->dir . '/temp_client_body');
    return @files;
}


subtest 'methods, Allow, and what is not there' => sub {
    my %allow = (
        (map { $_ => 'GET, HEAD, POST' }
            qw(login register verify recover callback)),
        logout => 'POST', session => 'GET, HEAD',
    );

    for my $name (sort keys %allow) {
        for my $method (qw(PUT DELETE PATCH OPTIONS)) {
            my $res = browser()->request($method, "/_wix/$name",
                headers => {Accept => 'application/json'});
            is_error($res, 405, 'method_not_allowed', "$method $name");
            is(join(', ', sort split /\s*,\s*/, $res->header('Allow') // ''),
               $allow{$name}, "Allow of $name");
        }
    }

    my $res = browser()->post('/_wix/session', json => {});
    is_error($res, 405, 'method_not_allowed', 'POST session');

    for my $path (qw(/_wix/ /_wix/login/ /_wix/Login /_wix/logi
                     /_wix/loginx /_wix/login.html /_wix//x /_wix/sessions))
    {
        is_error(browser()->get($path,
                                headers => {Accept => 'application/json'}),
                 404, 'not_found', "GET $path");
    }

    is_error(browser()->post('/_wix/nothing', json => {}), 404, 'not_found',
             'POST nothing');

    $res = browser()->get('/_wix/nothing');
    is($res->status, 404, 'as a page');
    like($res->header('Content-Type'), qr{^text/html}, 'of HTML');

    is(browser()->get('/_wix/%6cogin')->status, 200, 'an encoded letter');
    is(browser()->get('/_wix/../_wix/login')->status, 200, 'a dot segment');
};


subtest 'GET and HEAD' => sub {
    my $get = browser()->get('/_wix/login?return=%2Fshop');
    is($get->status, 200, 'GET');
    like($get->header('Content-Type'), qr{^text/html; *charset=utf-8$}i,
         'a page');

    my ($form) = $get->forms;
    is($form->{method}, 'POST', 'its form is posted');
    is($form->{action}, '/_wix/login', 'to login');
    is($form->{fields}{return}, '/shop', 'with the return URL');
    is($form->{fields}{email}, '', 'no e-mail');
    ok(exists $form->{fields}{password}, 'a password');

    my $head = browser()->head('/_wix/login?return=%2Fshop');
    is($head->status, 200, 'HEAD');
    is($head->body, '', 'without a body');
    is($head->header('Content-Length'), length $get->body,
       'the length is that of GET');

    is(browser()->get('/_wix/login',
                      headers => {Accept => 'application/json'})->status,
       200, 'a page for whoever asks, as there is nothing else');
};


subtest 'headers of every page' => sub {
    my $b = browser();
    my %page = (
        login   => $b->get('/_wix/login'),
        failed  => $b->post('/_wix/login',
                            form => {email => $ann, password => 'no-good'}),
        (map { $_ => $b->get("/_wix/$_") } qw(register verify recover)),
        'signed-out' => $b->get('/_wix/logout'),
        error   => $b->get('/_wix/nothing'),
        pending => $b->post('/_wix/login', form => {
            email => 'approval@wix.test', password => 'Emulator-pass-1'}),
        mismatch => $b->get('/_wix/callback?state=x&code='),
    );

    for my $name (sort keys %page) {
        my $res = $page{$name};
        my $policy = $res->header('Content-Security-Policy') // '';
        my %rule = map { /^(\S+) *(.*)$/ ? ($1 => $2) : () }
            split /\s*;\s*/, $policy;

        is(scalar(() = $res->headers('Content-Security-Policy')), 1,
           "$name: one policy");
        is($rule{'default-src'}, "'none'", "$name: default-src");
        is($rule{'frame-ancestors'}, "'none'", "$name: frame-ancestors");
        is($rule{'base-uri'}, "'none'", "$name: base-uri");
        ok(!exists $rule{'form-action'}, "$name: no form-action");
        unlike($policy, qr/unsafe/, "$name: nothing unsafe");

        for (['style', 'style-src'], ['script', 'script-src']) {
            my ($tag, $directive) = @$_;
            my @hash = map { "'sha256-" . sha256_base64($_) . "='" }
                $res->body =~ m{<$tag\b[^>]*>(.*?)</$tag>}gs;
            is($rule{$directive} // '', join(' ', @hash),
               "$name: hash of what $tag holds");
        }

        is($res->header('Cache-Control'), 'no-store', "$name: no-store");
        is($res->header('X-Content-Type-Options'), 'nosniff',
           "$name: nosniff");
        is($res->header('Referrer-Policy'),
           $name eq 'mismatch' ? 'no-referrer' : 'same-origin',
           "$name: Referrer-Policy");
        unlike($res->body, qr{(?:src|href|action)\s*=\s*["']?(?:https?:|//)}i,
               "$name: no address of another site");
        unlike($res->body, qr{\burl\(|\@import|<link|<base|\son\w+=|style="}i,
               "$name: nothing that the policy would stop");
    }

    like($page{login}->body, qr/<style>.*<script>/s,
         'there was something to hash');
    is($page{pending}->status, 200, 'pending is 200');
    is($page{'signed-out'}->status, 405, 'logout is 405');
};


subtest 'a login by form' => sub {
    my $b = browser();
    my $page = $b->get('/_wix/login?return=%2Fshop%3Fa%3D1');
    my $binding = $b->cookie('wix_auth_b');
    ok($binding, 'the page sets the binding cookie');

    my $res = $b->submit($page, {email => $ann, password => $secret});
    is($res->status, 303, 'a redirect');
    like($res->location, qr{^\Q@{[$emu->site]}\E/_api/oauth2/authorize\?},
         'to Wix');
    is($res->header('Referrer-Policy'), 'no-referrer', 'without a referrer');
    is($res->header('Cache-Control'), 'no-store', 'no-store');
    like($res->set_cookie('wix_auth_b'), qr/; Max-Age=900;/,
        'the binding lives as long as the attempt');
    is($b->cookie('wix_auth_b')->{value}, $binding->{value}, 'unchanged');

    my $end = $b->follow($res);
    is($end->status, 200, 'and in the end the site');
    is($end->json->{uri}, '/shop?a=1', 'where it was left');

    my $again = $b->get('/_wix/login?return=%2Fother');
    is($again->status, 303, 'with a session there is nothing to log in');
    is($again->location, '/other', 'but to go on');
};


subtest 'a login by JSON' => sub {
    my $b = browser();
    my $res = $b->post('/_wix/login', json => {
        email => " $ann ", password => $secret, return => '/x?y#z'});

    is($res->status, 200, 'succeeds');
    is($res->header('Content-Type'), 'application/json', 'JSON');
    my $json = $res->json;
    is($json->{state}, 'SUCCESS', 'SUCCESS');
    is(join(' ', sort keys %$json), 'redirectUrl state', 'and nothing more');
    like($json->{redirectUrl}, qr{^\Q@{[$emu->site]}\E/_api/oauth2/},
         'redirectUrl is at Wix');
    is($res->header('Cache-Control'), 'no-store', 'no-store');
    is($res->header('Referrer-Policy'), 'no-referrer', 'no-referrer');

    my $back = $b->follow($b->get($json->{redirectUrl}),
                          until => qr{^/x});
    is($back->status, 303, 'the browser comes back');
    is($back->location, '/x?y#z', 'to the return URL, with its fragment');
    is($b->get('/')->status, 200, 'logged in');

    # a form may ask for JSON, and JSON gets JSON
    $res = browser()->post('/_wix/login',
        form => {email => $ann, password => $secret},
        headers => {Accept => 'application/json'});
    is(($res->json // {})->{state}, 'SUCCESS', 'a form that wants JSON');

    $res = browser()->post('/_wix/login',
        json => {email => $ann, password => $secret},
        headers => {Accept => 'text/html'});
    is(($res->json // {})->{state}, 'SUCCESS', 'JSON whatever Accept says');

    $res = browser()->post('/_wix/login',
        json => {email => $ann, password => $secret, captcha => undef});
    is(($res->json // {})->{state}, 'SUCCESS', 'null is as if absent');
};


subtest 'which language: Accept' => sub {
    my @table = (
        [undef, 'html'],
        ['*/*', 'html'],
        ['text/html', 'html'],
        ['application/json', 'json'],
        ['APPLICATION/JSON', 'json'],
        ['application/json; charset=utf-8', 'json'],
        ['application/json, text/plain, */*', 'json'],
        ['application/json, */*;q=0.5', 'json'],
        ['application/*', 'json'],
        ['text/html, application/json;q=0.9', 'html'],
        ['text/html;q=0.9, application/json', 'json'],
        ['text/html;q=0.4,application/json;q=0.5', 'json'],
        ['text/html;q=0.5,application/json;q=0.4', 'html'],
        ['application/json;q=0', 'html'],
        ['text/html;q=0, */*', 'json'],
        ['application/json;q=0.8, */*;q=0.9', 'html'],
        ['text/*;q=0.9, application/json;q=0.8', 'html'],
        ['application/jsonp', 'html'],
        ['image/png', 'html'],
        ['', 'html'],
        [',;q=,', 'html'],
    );

    for (@table) {
        my ($accept, $want) = @$_;
        my $res = browser()->post('/_wix/login', form => {email => $ann},
            headers => {Accept => $accept, 'Sec-Fetch-Mode' => undef});

        is($res->status, 400, 'Accept: ' . ($accept // '-'));
        like($res->header('Content-Type'), $want eq 'json'
             ? qr{^application/json$} : qr{^text/html;}, "is $want");
    }
};


subtest 'content types' => sub {
    my $b = browser();
    my $form = "email=$ann";

    for my $type ('text/plain', 'multipart/form-data; boundary=x',
                  'application/jsonx', 'application/json-patch+json',
                  'application/x-www-form-urlencodedx', 'text/json',
                  'application/json,text/plain', 'x', '')
    {
        is_error($b->post('/_wix/login', body => $form,
                          headers => {'Content-Type' => $type,
                                      Accept => 'application/json'}),
                 415, 'unsupported_media_type', "type \"$type\"");
    }

    is_error($b->post('/_wix/login', body => $form,
                      headers => {Accept => 'application/json'}),
             415, 'unsupported_media_type', 'no type at all');
    is_error($b->post('/_wix/login',
                      headers => {Accept => 'application/json'}),
             415, 'unsupported_media_type', 'no type, no body');
    is($b->post('/_wix/login', body => 'x', type => 'text/plain')->status,
       415, 'as a page');

    for my $type ('application/x-www-form-urlencoded;charset=UTF-8',
                  'Application/X-WWW-Form-Urlencoded',
                  'application/x-www-form-urlencoded ; x=y')
    {
        my $got = is_error($b->post('/_wix/login', body => $form,
            headers => {'Content-Type' => $type,
                        Accept => 'application/json'}),
            400, 'invalid_request', "type \"$type\"");
        ok($got->{fields}{password}, 'was read');
    }

    for my $type ('application/json; charset=utf-8', 'APPLICATION/JSON') {
        my $got = is_error($b->post('/_wix/login', body => '{"email":"a@b"}',
            headers => {'Content-Type' => $type}),
            400, 'invalid_request', "type \"$type\"");
        ok($got->{fields}{password}, 'was read');
    }
};


subtest 'what is wrong with the input' => sub {
    my $calls = emu_count('*');

    # [body, field that is wrong or nothing]
    my @json = (
        ['{"email":"a@b.test"}', 'password'],
        ['{"email":"a@b.test","password":""}', 'password'],
        ['{"email":"a@b.test","password":null}', 'password'],
        ['{"email":"a@b.test","password":"' . 'x' x 2000 . '"}', 'password'],
        ['{"password":"x"}', 'email'],
        ['{"email":"  ","password":"x"}', 'email'],
        ['{"email":"no address","password":"x"}', 'email'],
        ['{"email":"a@' . 'b' x 300 . '","password":"x"}', 'email'],
        ['{}', 'email password'],
        ['', 'email password'],
        ['{"email":1,"password":"x"}', 'email'],
        ['{"email":["a@b.test"],"password":false}', 'email password'],
        ['{"email":"a@b.test","password":"x","profile":{}}', 'profile'],
        ['{"email":"a@b.test","email":"c@d.test","password":"x"}'],
        ['{"email":"a@b.test\u0000","password":"x"}', 'email'],
        ['{"email":"a@b.test","password":"x"'],
        ['{"email":"a@b.test","password":"x"} x'],
        ['[]'], ['"x"'], ['null'], ['nonsense'], ['{"email":"\xff"}'],
        ['{"a":' x 200 . '1' . '}' x 200],
    );

    for (@json) {
        my ($body, $field) = @$_;
        my $got = is_error(api($body), 400, 'invalid_request',
                           'JSON ' . substr($body, 0, 50)
                           =~ s/[^ -~]/?/gr);
        is(join(' ', sort keys %{$got->{fields} // {}}), $field // '',
           'field ' . ($field // '-'));
        like($got->{requestId} // '', qr/^[0-9a-f]{32}$/, 'with an id');
        like($got->{message}, qr/^[A-Z][^<>]*\.$/, 'and a sentence');
    }

    my @form = (
        ['', 'email password'], ['email=a%40b.test', 'password'],
        ['password=x', 'email'], ['email', 'email password'],
        ['=&=&', undef],
        ['email=a%40b.test&email=c%40d.test&password=x'],
        ['email=a%40b.test&password=x&password=x'],
        ['email=a%40b.test&%65mail=c%40d.test&password=x'],
        ['email=a%40b.test&password=%zz'], ['email=a%40b.test&password=%4'],
        ['email=a%40b.test&password=x%00y'], ['e%6=1'],
        [join '&', map { "x$_=1" } 1 .. 200],
    );

    for (@form) {
        my ($body, $field) = @$_;
        my $got = is_error(browser()->post('/_wix/login', body => $body,
            type => 'application/x-www-form-urlencoded',
            headers => {Accept => 'application/json'}),
            400, 'invalid_request', 'form ' . substr $body, 0, 50);
        is(join(' ', sort keys %{$got->{fields} // {}}), $field // '',
           'field ' . ($field // '-'));
    }

    is(emu_count('*'), $calls, 'Wix has heard of none of it');

    # not UTF-8, so it cannot be said in JSON
    is_error(browser()->post('/_wix/login', body => "email=$ann&password=%ff",
        type => 'application/x-www-form-urlencoded',
        headers => {Accept => 'application/json'}),
        400, 'invalid_request', 'a password that is not UTF-8');
    is(emu_count('login', email => $ann, status => 400), 0,
       'is not sent either');
};


subtest 'at most 16 KB, never in a file' => sub {
    my $url = site('BODY_PORT');
    my $port = port('BODY_PORT');
    my $head = "POST /_wix/login HTTP/1.1\r\nHost: localhost:$port\r\n"
        . "Content-Type: application/x-www-form-urlencoded\r\n"
        . "Accept: application/json\r\nSec-Fetch-Site: same-origin\r\n"
        . "Connection: close\r\n";
    my $form = sub { return 'email=a%40b.test&x=' . 'y' x ($_[0] - 19) };
    my $chunked = sub {
        my ($body, $size) = @_;
        return join('', map { sprintf "%x\r\n%s\r\n", length, $_ }
                    $body =~ /(.{1,$size})/gs) . "0\r\n\r\n";
    };

    # it would be seen if there were one
    browser(base => $url)->post('/plain', body => 'x' x 3000);
    my $files = body_files();
    is($files, 1, 'a body elsewhere becomes a file');

    for my $n (100, 1000, 5000, 16383, 16384) {
        my $res = raw_response($port, $head . "Content-Length: $n\r\n\r\n"
                               . $form->($n));
        my $got = is_error($res, 400, 'invalid_request', "$n bytes");
        ok($got->{fields}{password}, 'were read');

        $res = raw_response($port, $head
            . "Transfer-Encoding: chunked\r\n\r\n"
            . $chunked->($form->($n), 700));
        $got = is_error($res, 400, 'invalid_request', "$n bytes in chunks");
        ok($got->{fields}{password}, 'were read');
    }

    # in pieces as a slow network brings them
    my $n = 9000;
    my $body = $form->($n);
    my $res = raw_response($port, [$head . "Content-Length: $n\r\n\r\n",
        substr($body, 0, 10), substr($body, 10, 3000), substr $body, 3010]);
    ok((is_error($res, 400, 'invalid_request', 'in pieces')
        ->{fields} // {})->{password}, 'were read');

    for my $n (16385, 20000, 300_000) {
        my $res = raw_response($port, $head . "Content-Length: $n\r\n\r\n"
                               . $form->($n));
        is_error($res, 413, 'body_too_large', "$n bytes");
        ok($res->{complete}, 'with the whole answer');

        $res = raw_response($port, $head
            . "Transfer-Encoding: chunked\r\n\r\n"
            . $chunked->($form->($n), 3000));
        is_error($res, 413, 'body_too_large', "$n bytes in chunks");
        ok($res->{complete}, 'with the whole answer');
    }

    $res = raw_response($port, $head . "Expect: 100-continue\r\n"
                        . "Content-Length: 20000\r\n\r\n");
    is_error($res, 413, 'body_too_large', 'announced and not even sent');
    unlike($res->{raw}, qr/100 Continue/, 'nor asked for');

    $res = raw_response($port, $head =~ s/Accept: [^\r]*\r\n//r
                        . "Content-Length: 20000\r\n\r\n" . $form->(20000));
    is($res->status, 413, 'as a page');
    like($res->header('Content-Type'), qr{^text/html}, 'of HTML');

    SKIP: {
        skip 'this nginx has no HTTP/2', 2 if !have_module('http_v2');

        my $tls = 'https://localhost:' . port('BODY_TLS_PORT');

        for (['9000' => 400], ['60000' => 413]) {
            my ($n, $status) = @$_;
            my $file = temp_dir() . "/body-$n";
            spew($file, $form->($n));

            my $res = curl('--http2', '-H', 'Accept: application/json',
                '-H', 'Sec-Fetch-Site: same-origin',
                '--data-binary', "\@$file", "$tls/_wix/login");
            like($res->{raw}, qr{^HTTP/2 $status\b}m, "HTTP/2: $n bytes");
        }
    }

    is(body_files(), $files, 'no body of ours in a file');
    unlike(join("\n", grep { m{/_wix/} } $nginx->log_lines(
               qr/buffered to a temporary file/)), qr/./, 'says the log too');
};


subtest 'from another site' => sub {
    my $own = site();
    my $port = port('PORT');
    my $evil = 'https://evil.test';

    # [headers, JSON passes, form passes]
    my @table = (
        [{'Sec-Fetch-Site' => 'same-origin'}, 1, 1],
        [{'Sec-Fetch-Site' => 'none'}, 1, 1],
        [{'Sec-Fetch-Site' => 'same-site'}, 0, 0],
        [{'Sec-Fetch-Site' => 'cross-site'}, 0, 0],
        [{'Sec-Fetch-Site' => 'cross-site', Origin => $own}, 0, 0],
        [{'Sec-Fetch-Site' => 'same-site', Referer => "$own/"}, 0, 0],
        [{'Sec-Fetch-Site' => ''}, 0, 0],
        [{'Sec-Fetch-Site' => 'nonesuch'}, 0, 0],
        [{Origin => $own}, 1, 1],
        [{Origin => uc $own}, 1, 1],
        [{Origin => 'null'}, 0, 0],
        [{Origin => ''}, 0, 0],
        [{Origin => $evil}, 0, 0],
        [{Origin => "https://localhost:$port"}, 0, 0],
        [{Origin => 'http://localhost'}, 0, 0],
        [{Origin => 'http://localhost:1'}, 0, 0],
        [{Origin => "$own.evil.test"}, 0, 0],
        [{Origin => "http://x.localhost:$port"}, 0, 0],
        [{Origin => "http://localhost\@evil.test:$port"}, 0, 0],
        [{Origin => $evil, Referer => "$own/"}, 0, 0],
        [{Origin => 'null', Referer => "$own/"}, 0, 0],
        [{Referer => "$own/_wix/login?return=/x"}, 1, 1],
        [{Referer => $own}, 1, 1],
        [{Referer => "$evil/$own/"}, 0, 0],
        [{Referer => "http://localhost:$port\@evil.test/"}, 0, 0],
        [{Referer => "https://localhost:$port/"}, 0, 0],
        [{Referer => 'about:blank'}, 0, 0],
        [{Referer => ''}, 0, 0],
        [{}, 1, 0],
    );

    for (@table) {
        my ($headers, @passes) = @$_;
        my $what = join(', ', map { "$_: $headers->{$_}" }
                        sort keys %$headers) || 'none of the three';

        for my $type ('json', 'form') {
            my $res = browser(bare => 1)->post('/_wix/login',
                $type => {email => $ann},
                headers => {Accept => 'application/json', %$headers});

            is_error($res, shift @passes ? (400, 'invalid_request')
                                         : (403, 'cross_site'),
                     "$type, $what");
        }
    }

    # the form is not shown to whom another site has sent here
    my $res = browser()->post('/_wix/login',
        form => {email => $ann, password => $secret},
        headers => {'Sec-Fetch-Site' => 'cross-site', Origin => $evil});
    is($res->status, 403, 'as a page');
    is(scalar($res->forms), 0, 'without a form');
    unlike($res->body, qr/\Q$ann\E/, 'and without what was sent');
    is(scalar(() = $res->headers('Access-Control-Allow-Origin')), 0,
       'and no word of CORS');
};


subtest 'a failed login shows the form again' => sub {
    my $b = browser();
    my $page = $b->get('/_wix/login?return=%2Fa%3Fb%3D%22c');
    my $res = $b->submit($page, {email => $ann, password => 'not-the-one'});

    is($res->status, 401, 'unauthorized');
    my ($form) = $res->forms;
    is($form->{action}, '/_wix/login', 'the form');
    is($form->{fields}{email}, $ann, 'keeps the e-mail');
    is($form->{fields}{password}, '', 'and forgets the password');
    like($res->body, qr/role="alert"[^>]*>[^<]*wrong\.</, 'says what is wrong');
    is(scalar(() = $res->body =~ /wrong\./g), 1, 'in one sentence');
    unlike($res->body, qr/not-the-one/, 'no trace of the password');

    $res = $b->submit($res, {email => $ann, password => $secret});
    is($res->status, 303, 'and the second try succeeds');

    # what was typed comes back as text
    my $xss = q{"><script>alert(1)</script>'&lt;@x.test};

    for my $email ($xss, "$xss\t", q{{{message}}@x.test}) {
        my $res = browser()->post('/_wix/login', form => {
            email => $email, password => 'x',
            return => '/"><script>alert(2)</script>?q="><img onerror=x>'});
        my ($form) = $res->forms;

        is($form->{fields}{email}, $email, 'the e-mail is kept');
        unlike($res->body, qr/<script>alert|<img/, 'as text');
        is(scalar(() = $res->body =~ /<script\b/g), 1,
           'the only script is ours');
    }

    for my $return ('/"><script>alert(2)</script>', q{/'onload='x},
                    '/?x="><script>alert(2)</script>', '/#"><b>')
    {
        my $res = browser()->get('/_wix/login?return='
                                 . url_escape($return));
        my ($form) = $res->forms;
        like($form->{fields}{return}, qr{^(?:\Q$return\E|/)$},
             "return $return is kept or dropped");
        unlike($res->body, qr/<script>alert|"><b>|'onload/, 'and escaped');
    }

    # neither in the page of an error
    $res = browser()->get('/_wix/%3Cscript%3Ealert(1)%3C/script%3E',
        headers => {Host => 'localhost:' . port('PORT')});
    is($res->status, 404, 'not found');
    unlike($res->body, qr/<script>alert/, 'and not repeated');
};


subtest 'no one can tell who is a member' => sub {
    my %body;

    for (['wrong password' => $ann], ['unknown' => 'nobody@example.com']) {
        my ($what, $email) = @$_;
        my $res = api({email => $email, password => 'no-good-either'});
        is_error($res, 401, 'invalid_credentials', $what);
        ok(!$res->header('Retry-After'), 'no Retry-After');
        $body{$what} = $res->body =~ s/"requestId":"\w+"//r;

        $res = browser()->post('/_wix/login', form => {
            email => $email, password => 'no-good-either'});
        is($res->status, 401, 'as a page');
        $body{"page, $what"} = $res->body =~ s/\Q$email\E/E/r;
    }

    is($body{unknown}, $body{'wrong password'}, 'JSON: the same');
    is($body{'page, unknown'}, $body{'page, wrong password'},
       'page: the same');
};


# every row of what Wix can answer

my $n = 0;

sub row {
    my ($answer, $status, $reason, %opt) = @_;

    my $email = 'row-' . $n++ . '@example.com';
    $emu->member(email => $email, password => 'row-password',
                 login => $answer);

    my $res = api({email => $email, password => 'row-password'});
    my $what = join ' ', map {
        my $v = $answer->{$_};
        ref $v ? "$_ {..}" : defined $v ? "$_ $v" : ()
    } sort keys %$answer;

    is_error($res, $status, $reason, $what);

    my $wait = $status == 429 || $status == 503 || $status == 504;
    is(defined $res->header('Retry-After') ? 1 : 0, $wait ? 1 : 0,
       $wait ? 'Retry-After' : 'no Retry-After');
    is(emu_count('login', email => $email), $opt{calls} // 1,
       'calls: ' . ($opt{calls} // 1));
    ok(!$res->set_cookie('wix_auth'), 'no session');
    return $res;
}

subtest 'codes of Wix, each with its own and with odd statuses' => sub {
    my %codes = (
        invalid_credentials     => [401, qw(-19976 -19999)],
        password_reset_required => [403, qw(-19973)],
        captcha_required        => [403, qw(-19971 MISSING_CAPTCHA_TOKEN
                                       CAPTCHA_TOKEN_REQUIRED
                                       RECAPTCHA_REQUIRED)],
        captcha_invalid         => [403, qw(-19970 INVALID_CAPTCHA_TOKEN
                                       RECAPTCHA_FAILED)],
        access_denied           => [403, qw(-19956 -19980 IP_ADDRESS_FILTERED
                                       USER_EMAIL_OFAC_ADDRESS
                                       REENROLLMENT_REQUIRED_BY_ADMIN
                                       TRUSTED_CLIENTS_ONLY
                                       WIX_EMPLOYEE_PASSWORD_LOGIN_NOT_ALLOWED
                                       )],
        upstream_throttled      => [429, qw(-19959 THROTTLED_FEATURE
                                       RESOURCE_EXHAUSTED)],
        invalid_request         => [400, qw(-19988 -18880)],
        unsupported_state       => [501, qw(EMAIL_VERIFICATION_REQUIRED)],
    );

    for my $reason (sort keys %codes) {
        my ($status, @codes) = @{$codes{$reason}};

        for my $code (@codes) {
            my @odd = $code eq $codes[0] ? (400, 401, 403, 404, 409, 428, 500)
                : (400, 428);

            row({status => $_, code => $code, message => '(-19976)'},
                $status, $reason) for @odd;
        }
    }

    row({status => 409, code => '-19995'}, 409, 'email_exists');

    # a number where the contract has a string
    row({status => 401, body => {message => 'x', details =>
        {applicationError => {code => -19976}}}}, 401, 'invalid_credentials');

    # older services
    row({status => 400, body => {details => {errorcode => '-19976'}}},
        401, 'invalid_credentials');
    row({status => 400, body => {details => {errorCode => '-19971'}}},
        403, 'captcha_required');
};


subtest 'answers with a status alone' => sub {
    my %status = (
        400 => [400, 'invalid_request'], 402 => [502, 'client_rejected'],
        403 => [403, 'access_denied'], 404 => [401, 'invalid_credentials'],
        409 => [502, 'upstream_error'], 428 => [502, 'upstream_error'],
        429 => [429, 'upstream_throttled'], 500 => [502, 'upstream_error'],
        502 => [503, 'upstream_unavailable'],
        503 => [503, 'upstream_unavailable'],
        504 => [503, 'upstream_unavailable'],
    );

    allow_log(qr/client_rejected/);

    for (sort keys %status) {
        row({status => $_, body => {message => 'text (-19976)',
                                    details => {}}}, @{$status{$_}});
    }

    # a code that nobody has heard of says nothing, the message never does
    row({status => 500, code => 'NEW_IN_2027', message => '-19976'},
        502, 'upstream_error');

    row({status => 400, violations => [{field => 'loginId.email',
        description => 'no', data => {type => 'EMAIL'}}]},
        400, 'invalid_request');
    row({status => 400, violations => [{field => 'x', ruleName => $_}]},
        502, 'client_rejected')
        for 'PROVIDE_TENANT_ID', 'INVALID_AUTHENTICATOR_ID';
};


subtest 'states of a login' => sub {
    my $state = sub {
        my ($name) = @_;
        return api({email => "$name\@wix.test",
                    password => 'Emulator-pass-1'});
    };

    for my $name ('approval', 'approval-state') {
        my $res = $state->($name);
        is($res->status, 200, "$name: 200");
        is_deeply($res->json, {state => 'REQUIRE_OWNER_APPROVAL'},
                  'and the state');

        $res = browser()->post('/_wix/login', form => {
            email => "$name\@wix.test", password => 'Emulator-pass-1'});
        is($res->status, 200, 'pending page');
        like($res->body, qr/approv/i, 'says so');
        is(scalar($res->forms), 0, 'and has no form');
    }

    my $res = $state->('verify');
    is($res->status, 200, 'verify: 200');
    my $json = $res->json;
    is($json->{state}, 'REQUIRE_EMAIL_VERIFICATION', 'the state');
    is(join(' ', sort keys %$json), 'state stateToken', 'and a token');
    like($json->{stateToken}, qr/^[A-Za-z0-9_-]{60,}$/, 'that is sealed');
    ok($res->set_cookie('wix_auth_b'), 'for this browser');
    ok(!$res->set_cookie('wix_auth'), 'no session');

    my @tokens = grep { $_->{value} =~ /^AST\./ } emu_secrets();
    ok(scalar @tokens, 'Wix has given a token');
    for (@tokens) {
        unlike($res->{raw}, qr/\Q$_->{value}\E/, 'which does not go out');
    }

    for my $name (qw(mfa mfa-challenge first-factor status-check
                     missing-fields unknown-state verify-error))
    {
        is_error($state->($name), 501, 'unsupported_state', $name);
    }

    $res = browser()->post('/_wix/login', form => {email => 'mfa@wix.test',
        password => 'Emulator-pass-1'});
    is($res->status, 501, 'as a page');
    like($res->body, qr{href="/_wix/login\?wix=1"}, 'with the way out');

    $res = browser()->post('/_wix/login', form => {
        email => 'verify@wix.test', password => 'Emulator-pass-1'});
    is($res->status, 200, 'verify: a page');
    is(($res->forms)[0]{action}, '/_wix/verify', 'for the code');

    row({status => 200, body => {state => 'REQUIRE_EMAIL_VERIFICATION'}},
        501, 'unsupported_state');
    row({status => 200, body => {state => 'NEW_STATE', sessionToken => 'MST.x',
                                 stateToken => 'AST.x'}},
        501, 'unsupported_state');

    # a state that is none
    for my $body ({}, {state => ''}, {state => undef}, {state => 1},
                  {state => ['SUCCESS'], sessionToken => 'MST.x'},
                  {state => 'SUCCESS'}, {state => 'SUCCESS',
                   sessionToken => ''}, {state => 'SUCCESS',
                   sessionToken => "MST.x\r\ny"}, [], 'SUCCESS')
    {
        row({status => 200, body => $body}, 502, 'upstream_error');
    }
};


subtest 'the visitor\'s token' => sub {
    # a new one, so that the first login has to fetch it
    $emu->revoke(visitors => \1);
    my $nobody = 'nobody@example.com';
    api({email => $nobody, password => 'warm-it-up'});

    my $count = sub { return (emu_count('token.anonymous'),
                              emu_count('login', email => $nobody)) };
    my ($tokens, $logins) = $count->();

    api({email => $nobody, password => 'warm-it-up'}) for 1 .. 3;
    is_deeply([$count->()], [$tokens, $logins + 3],
              'one token serves several logins');

    $emu->revoke(visitors => \1);
    is_error(api({email => $ann, password => 'xxxxxx'}), 401,
             'invalid_credentials', 'a dead token is replaced');
    is(emu_count('token.anonymous'), $tokens + 1, 'by a new one');
    is(emu_count('login', status => 401, error => 'UNAUTHENTICATED',
                 after => 0) > 0 ? 1 : 0, 1, 'after Wix had refused it');
    is(api({email => $ann, password => $secret})->json->{state}, 'SUCCESS',
       'and the login works');

    # a 401 without a code says the same
    $emu->configure(unauthenticatedCode => '');
    $emu->revoke(visitors => \1);
    is(api({email => $ann, password => $secret})->json->{state}, 'SUCCESS',
       'a 401 without a code');
    $emu->configure(unauthenticatedCode => 'UNAUTHENTICATED');

    # once and not for ever
    my $email = 'always-401@example.com';
    $emu->member(email => $email, password => 'x' x 8, login => {
        status => 401, body => {message => 'no', details => {}}});
    is_error(api({email => $email, password => 'x' x 8}), 502,
             'upstream_error', '401 for ever');
    is(emu_count('login', email => $email), 2, 'is retried once');

    # renewed when it is over
    $emu->revoke(visitors => \1);
    emu_fault('token.anonymous', {type => 'patch',
                                  set => {expires_in => 2}});
    api({email => $nobody, password => 'short-lived'});
    # the same visitor by its refresh token, or another one
    my $before = emu_count('token');
    ok(wait_for {
        api({email => $nobody, password => 'short-lived'});
        return emu_count('token') > $before;
    } 8, 'an expired token is renewed');
    is(emu_count('login', email => $nobody, status => 401,
                 error => 'UNAUTHENTICATED', token => 'expired'), 0,
       'before Wix refuses it');
};


subtest 'no token for a visitor' => sub {
    my $refused = sub {
        my ($fault, $status, $reason, $what) = @_;

        $emu->revoke(visitors => \1);
        my $id = emu_fault('token.anonymous', $fault, count => -1);
        is_error(api({email => $ann, password => $secret}), $status, $reason,
                 $what);
        $emu->clear_faults($id);
    };

    allow_log(qr/client_rejected/);

    for my $error ('invalid_client', 'unauthorized_client') {
        $refused->({type => 'status', status => $_,
                    body => {error => $error}, contentType =>
                    'application/json'}, 502, 'client_rejected',
                   "$error with $_") for 400, 401;
    }

    $refused->({type => 'status', status => 503}, 503,
               'upstream_unavailable', 'Wix is away');
    $refused->({type => 'status', status => 429}, 429,
               'upstream_throttled', 'Wix is busy');
    $refused->({type => 'body', body => '{}'}, 502, 'upstream_error',
               'no token in the answer');

    is(api({email => $ann, password => $secret})->json->{state}, 'SUCCESS',
       'and then it works again');
};


subtest 'answers that are none' => sub {
    my $login = sub {
        my ($op, $fault, $status, $reason, $what, %opt) = @_;

        my $seq = (emu_log())[-1]{seq};
        my $id = emu_fault($op, $fault, count => -1);
        my $res = api({email => $ann, password => $secret}, %opt);
        is_error($res, $status, $reason, "$op: $what");
        $emu->clear_faults($id);
        $emu->release;
        return emu_count($op, after => $seq);
    };

    my @faults = (
        [{type => 'body', body => '<html>', contentType => 'text/html'},
         502, 'upstream_error', 'HTML'],
        [{type => 'body', body => ''}, 502, 'upstream_error', 'nothing'],
        [{type => 'body', body => '{"state":'}, 502, 'upstream_error',
         'half of it'],
        [{type => 'status', status => 403, body => '<html>',
          contentType => 'text/html'}, 502, 'upstream_error',
         '403 of something in between'],
        [{type => 'oversize', bytes => 2_000_000}, 502, 'upstream_error',
         'too large'],
        [{type => 'deep'}, 502, 'upstream_error', 'too deep'],
        [{type => 'truncate'}, 503, 'upstream_unavailable', 'cut off'],
        [{type => 'close'}, 503, 'upstream_unavailable', 'closed'],
        [{type => 'reset'}, 503, 'upstream_unavailable', 'reset'],
    );

    # Login is not retried either: a lost answer may have had an effect
    for (@faults) {
        is($login->('login', @$_), 1, 'one call');
    }

    is($login->('login', {type => 'hang'}, 504, 'upstream_timeout', 'hangs',
                site => site('HASTY_PORT')), 1, 'one call');

    $login->('redirect-session.auth', @$_)
        for @faults[0, 2, 6], [{type => 'status', status => 500}, 502,
                               'upstream_error', '500'];

    # fullUrl is checked before anybody is sent there
    for my $url ('http://evil.test/', 'javascript:alert(1)', '/local',
                 '//evil.test/', 'ftp://evil.test/', '', 'https://',
                 "https://evil.test/\r\nSet-Cookie: x=y",
                 'https://evil.test/ x', 'https://a@evil.test/',
                 'https://evil.test/' . 'x' x 2100, undef, {}, 7)
    {
        my $id = emu_fault('redirect-session.auth', {type => 'patch', set =>
            {'redirectSession.fullUrl' => $url}}, count => -1);

        my $what = substr($url // 'null', 0, 40) =~ s/[^ -~]/?/gr;
        is_error(api({email => $ann, password => $secret}), 502,
                 'upstream_error', "fullUrl $what");

        my $res = browser()->post('/_wix/login', form => {
            email => $ann, password => $secret});
        is($res->status, 502, 'as a page');
        is($res->location, undef, 'goes nowhere');
        $emu->clear_faults($id);
    }

    my $id = emu_fault('login', {type => 'status', status => 429,
                                 headers => {'Retry-After' => '17'}});
    my $res = api({email => $ann, password => $secret});
    is_error($res, 429, 'upstream_throttled', '429 with Retry-After');
    is($res->header('Retry-After'), 17, 'which is passed on');
};


subtest 'wix_auth_login wix' => sub {
    my $b = browser(base => site('WIX_PORT'));
    my $res = $b->get('/_wix/login?return=%2Fshop');

    is($res->status, 302, 'a redirect');
    like($res->location, qr{^\Q@{[$emu->site]}\E/_api/oauth2/authorize\?},
         'to Wix');
    is($res->query('prompt'), 'login', 'to log in');
    is($res->query('sessionToken'), undef, 'without a session token');
    is($res->query('idp'), undef, 'nor a provider');
    is($res->header('Referrer-Policy'), 'no-referrer', 'no-referrer');
    is($res->header('Cache-Control'), 'no-store', 'no-store');
    ok($b->cookie('wix_auth_b'), 'bound to this browser');

    my $page = $b->follow($res);
    is($page->status, 200, 'the page at Wix');
    my $end = $b->follow($b->submit($page, {email => $ann,
        password => $secret, do => 'login'}));
    is($end->status, 200, 'leads back');
    is($end->json->{uri}, '/shop', 'to where it began');
    is($b->get('/_wix/login?return=%2Fx')->location, '/x',
       'and that is that');

    $b = browser(base => site('WIX_PORT'));
    $res = $b->get("/_wix/login?idp=\U$google");
    is($res->status, 302, 'an allowed provider');
    is(lc($res->query('idp') // ''), $google, 'is passed on');
    is_error($b->get("/_wix/login?idp=$_",
                     headers => {Accept => 'application/json'}),
             400, 'invalid_request', "provider $_ is not")
        for 'x', '3ecad13f-52c3-483d-911f-31dbcf2a6d23', "$google%20";

    $page = $b->follow($b->get('/_wix/login'));
    $end = $b->follow($b->submit($page, {do => 'deny'}));
    is($end->status, 403, 'cancelled at Wix: 403');
    like($end->body, qr/access_denied/, 'access_denied');
    ok(!$b->cookie('wix_auth'), 'no session');

    my $head = browser(base => site('WIX_PORT'))->head('/_wix/login');
    is($head->status, 302, 'HEAD');

    emu_fault('redirect-session.auth', {type => 'status', status => 503});
    $res = $b->get('/_wix/login');
    is($res->status, 503, 'Wix is away: 503');
    ok($res->header('Retry-After'), 'for a while');
    is($res->location, undef, 'and no redirect');
};


subtest 'wix_auth_login wix sso' => sub {
    my $b = browser(base => site('SSO_PORT'));
    my $res = $b->get('/_wix/login?return=%2Fquiet');
    is($res->status, 302, 'a redirect');
    is($res->query('prompt'), 'none', 'a silent try');

    # nobody is logged in at Wix: then the page
    my $page = $b->follow($res);
    is($page->status, 200, 'the page at Wix');
    is_deeply([map { $_->query('prompt') // () } $page->chain],
              ['none', 'login'], 'only after the silent try');

    my $end = $b->follow($b->submit($page, {email => $ann,
        password => $secret, do => 'login'}));
    is(($end->json // {})->{uri}, '/quiet', 'and back');

    # now Wix knows the browser, and no page is seen
    $b->clear_cookies(qr/^wix_auth/);
    $end = $b->follow($b->get('/_wix/login?return=%2Fagain'));
    is(($end->json // {})->{uri}, '/again', 'silently');
    is(scalar(grep { ($_->query('prompt') // '') eq 'login' } $end->chain),
       0, 'without a question');
};


done_testing();
