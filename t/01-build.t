#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# The shared object loads and keeps its names to itself.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;

my $so = $WixAuthTest::Nginx::MODULE;

ok(-f $so, "$so is there") or BAIL_OUT('nothing was built');

my ($ok, $out) = nginx_t(conf => "events {}\nhttp {}\n");
ok($ok, 'nginx -t with the module and nothing else') or diag($out);

my %defined = map { $_ => 1 }
    map { /\s[BDRTVW]\s+(\w+)$/ ? $1 : () } `nm -D --defined-only $so`;

for my $name (qw(ngx_http_wix_auth_module ngx_http_wix_auth_filter_module
                 ngx_modules ngx_module_names ngx_module_order))
{
    ok($defined{$name}, "$name is exported");
}

# the sanitizer build counts its lines
my @gcov = flavour() eq 'sanitizer' ? qw(mangle_path) : ();
my %gcov = map { $_ => 1 } @gcov;

my @foreign = grep { !$gcov{$_} && !/^ngx_http_wix_auth_/ && !/^_/
    && !/^ngx_module(?:s|_names|_order)$/ && !/^(?:asan|ubsan)/ }
    sort keys %defined;
is("@foreign", '', 'every other name has our prefix');

my $undefined = `nm -D --undefined-only $so`;
for my $name (qw(curl_easy_perform getaddrinfo gethostbyname system popen
                 strcpy), @gcov ? () : 'sprintf')
{
    unlike($undefined, qr/\s\Q$name\E(?:@|\s|$)/m, "$name is not called");
}

my $order = `readelf -d $so`;
unlike($order, qr/TEXTREL/, 'no text relocations');

my $nginx = start_nginx(conf => <<'END', workers => 2);
server {
    listen 127.0.0.1:%%PORT%%;
    server_name localhost;
    location / { return 204; }
}
END

is(browser()->get('/')->status, 204, 'nginx serves beside the module');
ok($nginx->reload, 'a reload with the module');
is(browser()->get('/')->status, 204, 'and serves on');

done_testing();
