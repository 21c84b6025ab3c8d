#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Templates: what nginx -t refuses, what is warned about, and the policy that
# belongs to a page, hash by hash.

use strict;
use warnings;

use Digest::SHA ();
use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;

my $dir = temp_dir() . '/pages';
mkdir $dir;

start_emulator(member => ['ann@example.com:secret-1']);

my $server = <<'END';
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_client_id %%CLIENT%%;
wix_auth_cookie nosecure;
server {
    listen 127.0.0.1:%%PORT%%;
    server_name localhost;
    wix_auth required;
    wix_auth_pages %%PAGES%%;
    location ^~ /_wix/ { wix_auth_endpoints; }
}
END


# file, its content, what nginx -t says; a plain text where it is accepted

for (['login.html', "a\nb {{emial}}\n",
      qr{"emial" in \S+/login\.html:2; known are action, .* fields\.NAME}],
     ['verify.html', "\n\n{{email\n}", qr{unclosed \S+ in \S+/verify\.html:3}],
     ['error.html', '{{', qr{unclosed placeholder in \S+error\.html:1}],
     ['error.html', '{{}}', qr{unknown placeholder "" in}],
     ['error.html', '{{fields.}}', qr{unknown placeholder "fields\."}],
     ['recover.html', '{{siteKey}}', qr{unknown placeholder "siteKey"}],
     ['logout.html', "a\nb\0c", qr{NUL byte in \S+/logout\.html:2}],
     ['login.html', 'x' x (256 * 1024 + 1),
      qr{has 262145 bytes, at most 262144}],
     ['login.html', 'x' x (256 * 1024), ''],
     ['pending.html', '', ''],
     ['callback.html', '{{unknown}}', ''],
     ['login.html', "\n<p title='a>b' OnClick = x>", qr{"OnClick" in \S+:2}],
     ['login.html', '<p class=a style="b">', qr{"style" in \S+:1}],
     ['login.html', "\n\n<script src='/a.js'></script>", qr{<script> in \S+:3}],
     ['login.html', '<link REL=stylesheet href="/a">', qr{<link> in \S+:1}],
     ['login.html', "<!-- <p onclick='x'> --><script>'<p onclick=1>'</script>",
      ''],
     ['login.html', '<', ''], ['login.html', '<p a="', ''],
     ['login.html', '<script', ''], ['login.html', '<!--', ''])
{
    my ($file, $content, $expected) = @$_;
    my $what = substr $content, 0, 40;
    $what =~ s/[^ -~]/./g;

    unlink glob "$dir/*";
    spew("$dir/$file", $content);
    my ($good, $text) = nginx_t(conf => $server, vars => {PAGES => $dir});
    my @said = grep { /\[(?:emerg|warn)\]/ } split /\n/, $text;

    if (!ref $expected) {
        is("$good @said", '1 ', "$file: $what");
        next;
    }
    is(scalar(@said), 1, "$file: $what: one line") or diag($text);
    like($said[0] // '', $expected, 'names the fault');
    is($good, $said[0] =~ /\[warn\]/ ? 1 : 0, 'and refuses what cannot work');
}

unlink glob "$dir/*";
mkdir "$dir/error.html";
my ($good, $text) = nginx_t(conf => $server, vars => {PAGES => $dir});
like("$good $text", qr{^0.*"\S+/error\.html" is not a file}s, 'a directory');
rmdir "$dir/error.html";

SKIP: {
    skip 'root may read everything', 1 if $> == 0;
    chmod 0, $dir;
    ($good, $text) = nginx_t(conf => $server, vars => {PAGES => $dir});
    chmod 0755, $dir;
    like("$good $text", qr{^0.*\Q$dir\E}s, 'a directory that is closed');
}


# From here on a server runs.

my $script = "\nlet a = '<!-- </p>';\n";
spew("$dir/login.html", join "\r\n", '<!DOCTYPE html><title>{{site}}</title>',
     '<!-- <style>none</style> -->', '<style>', 'b{}</style>',
     "<SCRIPT type=module>", "let a = '<!-- </p>';", '</script >',
     '<b a="{{email}}" b=\'{{ email }}\' c={{mode}}>{{message}}</b>',
     '<i>{{fields.email}}|{{fields.password}}|{{fields.nothing}}</i>',
     '<u>{{captcha}}</u><u>{{captcha}}</u>', '');
spew("$dir/register.html", '<p>{{email}}</p>');

my %port = map { $_ => port("${_}_PORT") } qw(OFF VISIBLE INVISIBLE FRAME BOTH);

start_nginx(vars => {PAGES => $dir}, conf => <<'END' . join '', map { <<"END2" }
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_client_id %%CLIENT%%;
wix_auth_cookie nosecure;
END
server {
    listen 127.0.0.1:%%$_->[0]_PORT%%;
    server_name localhost;
    wix_auth required;
    wix_auth_pages %%PAGES%%;
    $_->[1]
    location ^~ /_wix/ { wix_auth_endpoints; }
}
END2
    ['OFF', ''], ['VISIBLE', 'wix_auth_captcha visible;'],
    ['INVISIBLE', 'wix_auth_captcha invisible;'],
    ['FRAME', 'wix_auth_response_mode web_message;'],
    ['BOTH', 'wix_auth_response_mode web_message; wix_auth_captcha visible;']);

my $google = 'https://www.google.com/recaptcha/';
my $scripts = "$google https://www.gstatic.com/recaptcha/";
my %opened = (
    OFF => ['', ''],
    VISIBLE => [" $scripts", "connect-src $google; frame-src $google "
        . 'https://recaptcha.google.com/recaptcha/; '],
    FRAME => ['', "connect-src 'self'; frame-src https: http://localhost:* "
        . 'http://127.0.0.1:*; '],
    BOTH => [" $scripts", "connect-src 'self' $google; frame-src https: "
        . 'http://localhost:* http://127.0.0.1:*; '],
);
$opened{INVISIBLE} = $opened{VISIBLE};

my %body;

for my $name (sort keys %port) {
    my $res = get($name, 'login');
    $body{$name} = $res->body;

    # as the browser cuts it out: comments are none, and Google's is outside
    (my $plain = $res->body) =~ s/<!-- <style>.*? -->//s;
    my @style = $plain =~ m{<style>(.*?)</style}sig;
    my @script = $plain =~ m{<script(?: type=module)?>(.*?)</script}sig;

    is($res->header('Content-Security-Policy'),
       "default-src 'none'; style-src" . hashes(@style) . '; script-src'
       . hashes(@script) . "$opened{$name}[0]; $opened{$name}[1]"
       . "base-uri 'none'; frame-ancestors 'none'", "$name: the policy");
}

is((() = $body{OFF} =~ /<script/gi), 1, 'no captcha');
unlike($body{OFF}, qr/captcha|\r/, 'not a word of it, nor a CR');
like($body{OFF}, qr{\Q>$script</script\E}, 'what the hash was made of');
is((() = $body{VISIBLE} =~ /class="g-recaptcha"/g), 2, 'two widgets');
is((() = $body{VISIBLE} =~ /enterprise\.js/g), 1, 'one script of Google');
is((() = $body{INVISIBLE} =~ /data-captcha="login"/g), 2, 'two fields');
is((() = $body{INVISIBLE} =~ /enterprise\.js\?render=6LdoPa/g), 1,
   'one script of Google');
like($body{FRAME}, qr/ c=web_message>/, 'the mode');
like($body{OFF}, qr/ c=>/, 'is empty where it is none');

# a page without a form for it opens nothing
for my $name (sort keys %port) {
    is(get($name, 'register')->header('Content-Security-Policy'),
       "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
       "$name: the policy of a page without placeholders");
}

# every page that is built in has the policy's fixed parts
for my $path ('recover', 'verify', 'logout', 'nothing') {
    my $policy = get('BOTH', $path)->header('Content-Security-Policy');

    like($policy, qr/^default-src 'none'; style-src 'sha256-/, "$path: none");
    like($policy, qr/base-uri 'none'; frame-ancestors 'none'$/, 'no frames');
    unlike($policy, qr/form-action|unsafe|report/, 'no more');
}

my $b = browser(base => "http://localhost:$port{OFF}");
my $res = $b->post('/_wix/login', form => {
    email => q{"'><&@x}, password => ''});
my $escaped = '&quot;&#39;&gt;&lt;&amp;@x';
like($res->body, qr{ a="\Q$escaped\E" b='\Q$escaped\E' },
     'a value is escaped for both quotes');
like($res->body, qr{<i>\|Please enter a password\.\|</i>},
     'what is wrong with a field, and nothing for the others')
    or diag($res->body);

done_testing();


sub get {
    my ($name, $path) = @_;
    return browser(base => "http://localhost:$port{$name}")
        ->get("/_wix/$path");
}

sub hashes {
    return join '', map { " 'sha256-" . Digest::SHA::sha256_base64($_) . "='" }
        @_;
}
