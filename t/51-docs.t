#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# The documentation and the code say the same: every directive, variable and
# reason is there and nothing that does not exist, examples pass nginx -t as
# they are printed, links lead somewhere, and what the security notes say of
# nginx is so.

use strict;
use warnings;

use File::Basename qw(dirname);
use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;

my $top = top_dir();
my $src = "$top/ngx_http_wix_auth_module";
my @docs = ('README.md', map { "docs/$_.md" }
    qw(architecture directives security));
my %text = map { $_ => slurp("$top/$_") } @docs;

# all of the module's code, for the tables wherever they are
my $code = join "\n", map { slurp($_) } glob "$src/*.c";

my %directive = directives();
my @entries = $text{'docs/directives.md'} =~ /^(### .*?)(?=^##|\z)/msg;
my %entry = map { /^### (\S+)\n/ ? ($1 => $_) : () } @entries;


subtest 'directives' => sub {
    cmp_ok(scalar keys %directive, '>=', 20, 'the command table was found');

    my @have = sort grep { !/^\$/ } keys %entry;
    is("@have", "@{[sort keys %directive]}",
       'one entry for each, and for nothing else');

    my (@syntax, @context, @default);

    for my $name (sort keys %directive) {
        my $entry = $entry{$name} // next;
        my ($block) = $entry =~ /\A### \S+\n\n```\n(.*?)^```$/ms;
        my ($syntax, $default, $context) = ($block // '')
            =~ /^Syntax:   (.*;)\nDefault:  (.*)\nContext:  (.*)\n\z/s;

        push @syntax, $name if ($syntax // '') !~ /^\Q$name\E[ ;]/;
        push @context, "$name: $directive{$name}"
            if ($context // '') ne $directive{$name};
        push @default, $default
            if ($default // '') ne "\x{e2}\x{80}\x{94}";
    }

    is("@syntax", '', 'in the form of nginx.org');
    is(join("\n", @context), '', 'contexts are those of the command table');

    my @bad = grep { !/^wix_auth\w*(?: [^;]+)?;$/ } @default;
    is("@bad", '', 'defaults are whole directives, or a dash');

    my ($ok, $out) = nginx_t(join "\n", @default);
    ok($ok, 'and nginx takes them') or diag($out);

    # the list at the top leads to each
    my ($list) = $text{'docs/directives.md'} =~ /\A(.*?)^## /ms;
    my @missing = grep { $list !~ /\[\Q$_\E\]\(#\Q$_\E\)/ } keys %directive;
    is("@missing", '', 'all are in the list');
};


subtest 'variables' => sub {
    my ($table) = $code =~ /^static ngx_http_variable_t .*?\{\n(.*?)^\};/ms;
    my @want = map { "\$$_" } ($table // '') =~ /ngx_string\("(wix_auth_\w+)"\)/g;

    cmp_ok(scalar @want, '>=', 9, 'the table was found');

    my @have = sort grep { /^\$/ } keys %entry;
    is("@have", "@{[sort @want]}",
       'one entry for each, and for nothing else');

    # statuses that exist but that nothing gives yet are not promised
    my %given;
    my $gate = $code =~ s/^static ngx_str_t  ngx_http_wix_auth_statuses.*?^\};//msr;
    $given{$_} = 1 for $gate =~ /NGX_HTTP_WIX_AUTH_STATUS_(\w+)/g;
    delete $given{NONE};

    my @said = $entry{'$wix_auth_status'} =~ /^\| `([A-Z]+)` \|/mg;
    is("@{[sort @said]}", "@{[sort keys %given]}", 'values of $wix_auth_status');
};


subtest 'reasons' => sub {
    my ($table) = $code =~ /^static ngx_http_wix_auth_reason_t .*?\{\n(.*?)^\};/ms;
    my %status = ($table // '') =~ /\{ ngx_string\("(\w+)"\), (\d+),/g;

    # between rooms only
    delete $status{invalid_grant};
    cmp_ok(scalar keys %status, '>=', 30, 'the table was found');

    my ($gate, $endpoints) = $text{'README.md'}
        =~ /^Reasons of the gate(.*?)^Reasons of the endpoints(.*?)^Some symptoms/ms;
    my ($reserved) = $endpoints =~ /reserved and never occur.*?:\s+(.*?)\.\n/s;
    $reserved //= '';
    my %known = map { $_ => 1 } $reserved =~ /`(\w+)`/g;
    my %row = ($endpoints =~ /^\| `(\w+)` \| (\d+) \|/mg);

    is(join(' ', grep { $row{$_} != ($status{$_} // 0) } sort keys %row), '',
       'statuses of the endpoints\' table');

    $known{$_} = 1 for keys %row, $gate =~ /^\| `(\w+)` \|/mg,
        'login_required';

    is("@{[sort keys %known]}", "@{[sort keys %status]}",
       'README has each code, and no other');

    # an enum member that no file but the table's own names is never given
    my @never;
    for my $name (sort keys %status) {
        my $uses = () = join("\n", map { slurp($_) }
            grep { !/_reason\.c$/ } glob "$src/*.c")
            =~ /\bNGX_HTTP_WIX_AUTH_\U$name\E\b/g;
        push @never, $name if !$uses;
    }
    my @missing = grep { $reserved !~ /`$_`/ } @never;
    is("@missing", '', 'what nothing gives is called reserved');
};


subtest 'links' => sub {
    my @bad;

    for my $doc (@docs) {
        my $prose = $text{$doc} =~ s/^```.*?^```$//msgr;

        while ($prose =~ /\]\(([^)\s]+)\)/g) {
            my ($file, $anchor) = split /#/, $1, 2;
            next if $file =~ /^https?:/;

            my $path = length $file ? dirname("$top/$doc") . "/$file"
                : "$top/$doc";
            if (!-f $path) {
                push @bad, "$doc: $file";
                next;
            }
            push @bad, "$doc: $file#$anchor" if defined $anchor
                && !grep { $_ eq $anchor } anchors(slurp($path));
        }
    }

    is("@bad", '', 'lead to files and headings that are there');

    for my $doc (@docs) {
        my @paths = $text{$doc} =~ m{`((?:t|docs|pages|ngx_http_wix_auth_module)/[\w./-]*)`}g;
        my @gone = grep { !-e "$top/$_" && !-e "$src/$_" } @paths;
        is("@gone", '', "paths in $doc");
    }
};


subtest 'commands' => sub {
    my $make = slurp("$top/Makefile");
    my @targets = map { split } $make =~ /^([a-z][a-z ]*):/mg;
    my %known = map { $_ => 1 } @targets;
    my @bad;

    for my $doc (@docs) {
        push @bad, grep { !$known{$_} } $text{$doc} =~ /\bmake ([a-z]+)`/g;
    }
    is("@bad", '', 'make has every target that is named');

    # "not there yet" must not go stale
    my ($missing) = $text{'README.md'}
        =~ /^- ((?:`make \w+`,?\s*(?:and\s+)?)+)say\s+"not available yet"/m;
    my %missing = map { $_ => 1 } ($missing // '') =~ /\bmake (\w+)`/g;
    my @wrong = grep { !$missing{$_} != (-x "$top/t/$_" ? 1 : 0) }
        qw(bench fuzz soak matrix deb);
    is("@wrong", '', 'targets that are called missing are missing, all of them');

    my @endpoints = $code =~ /ngx_http_wix_auth_endpoint_names\[\] = \{(.*?)\};/s
        ? $1 =~ /ngx_string\("(\w+)"\)/g : ();
    my %said = map { $_ => 1 } $text{'docs/directives.md'}
        =~ m{^\| `(?:GET|POST) /_wix/(\w+)` \|}mg;
    is("@{[sort keys %said]}", "@{[sort @endpoints]}",
       'the endpoints that exist are in the table');
};


subtest 'templates' => sub {
    my ($table) = $code =~ /ngx_http_wix_auth_page_placeholders\[\] =\s*\{\n(.*?)^\};/ms;
    my %known = map { $_ => 1 } ($table // '') =~ /ngx_string\("(\w+)"\)/g;
    my %said = map { $_ => 1 }
        $entry{wix_auth_pages} =~ /\{\{(\w+)\}\}/g;

    cmp_ok(scalar keys %known, '>=', 10, 'the table was found');
    is("@{[sort keys %said]}", "@{[sort keys %known]}",
       'each placeholder is told, and no other');

    # that of the fragment is no template
    my %files = map { $_ => 1 } grep { $_ ne 'callback.html' }
        $code =~ /"([a-z-]+\.html)"/g;
    %said = map { $_ => 1 } $entry{wix_auth_pages} =~ /`([a-z-]+\.html)`/g;
    is("@{[sort keys %said]}", "@{[sort keys %files]}", 'and each file');
};


subtest 'rooms' => sub {
    my ($rooms) = slurp("$top/config") =~ /wix_auth_rooms="(.*?)"/s;
    my @rooms = grep { $_ ne '\\' } split ' ', $rooms;
    my ($floors) = $text{'docs/architecture.md'}
        =~ /^\| floor \| room .*?\n(.*?)\n\n/ms;
    my %said = map { $_ => 1 }
        map { /`(\w+)`/g } map { (split /\|/)[2] } split /\n/, $floors;

    delete $said{'---'};
    is("@{[sort keys %said]}", "@{[sort @rooms]}",
       'docs/architecture.md has every room');
};


subtest 'the configuration of the README' => sub {
    my ($conf) = grep { /load_module/ } blocks($text{'README.md'});

    ok($conf, 'is there') or return;
    is(() = $conf =~ /^\s*wix_auth(?:_zone|_client_id|_endpoints|)\b/mg, 4,
       'four directives make a gate');

    my ($ok, $out) = printed($conf);
    ok($ok, 'passes nginx -t') or diag($out);
    unlike($out, qr/\[warn\]/, 'without a warning');
};


subtest 'other examples' => sub {
    for my $doc (@docs) {
        my $n = 0;

        for my $block (grep { !/load_module/ } blocks($text{$doc})) {
            my ($ok, $out) = printed(frame($block));
            ok($ok, "$doc, " . ++$n) or diag("$block\n$out");
        }
    }
};


# From here on servers run.

my $emu = start_emulator(member => ['ann@example.com:secret-1']);
my $up = start_upstream();

subtest 'wix_auth_params' => sub {
    my %sent = slurp("$src/wix_auth_params")
        =~ /^proxy_set_header\s+(\S+)\s+\$(\w+);$/mg;
    my %want = (
        'X-Wix-Auth-Member-Id'  => 'wix_auth_member_id',
        'X-Wix-Auth-Email'      => 'wix_auth_email',
        'X-Wix-Auth-Session-Id' => 'wix_auth_session_id',
        'X-Wix-Auth-Status'     => 'wix_auth_status',
    );

    is_deeply(\%sent, \%want, 'the four headers');

    my $nginx = start_nginx(conf => <<"END");
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
server {
    listen 127.0.0.1:%%PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth optional;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / {
        proxy_pass http://%%UPSTREAM%%;
        include $src/wix_auth_params;
    }
}
END
    my $b = browser();
    my $lie = {'X-Wix-Auth-Member-Id' => 'mallory', 'X_Wix_Auth_Email' => 'x'};

    my $got = $b->get('/', headers => $lie)->json->{headers};
    is_deeply([map { "$_ @{$got->{$_}}" } sort grep { /wix.auth/ } keys %$got],
              ['x-wix-auth-status ANONYMOUS'],
              'a stranger: only the status, whatever the client says');

    login($b, email => 'ann@example.com', password => 'secret-1');

    my $member = $b->get('/_wix/session')->json->{member}{id};
    ok($member, 'login') or return;

    $got = $b->get('/', headers => $lie)->json->{headers};

    is_deeply($got->{'x-wix-auth-member-id'}, [$member], 'member id');
    is_deeply($got->{'x-wix-auth-email'}, ['ann@example.com'], 'e-mail');
    is_deeply($got->{'x-wix-auth-status'}, ['HIT'], 'status');
    is(scalar @{$got->{'x-wix-auth-session-id'}}, 1, 'one session id');
    like($got->{'x-wix-auth-session-id'}[0], qr/^[0-9a-f]{32}$/,
         'of 32 hex digits');

    $nginx->stop;
};


subtest 'what the security notes say of nginx' => sub {
    my $nginx = start_nginx(conf => <<"END");
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
proxy_cache_path %%DIR%%/cache keys_zone=pages:1m;
server {
    listen 127.0.0.1:%%NOTES_PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth_redirect_uri http://localhost:%%NOTES_PORT%%/_wix/callback;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { proxy_pass http://%%UPSTREAM%%; }
    location /returned { return 200 "secret\\n"; }
    location /page { error_page 401 /gated.html; }
    location /found { error_page 302 /gated.html; }
    location /open { error_page 401 /open.html; }
    location = /open.html { wix_auth off; }
    location /any { satisfy any; allow 127.0.0.1; deny all; }
    location /none { satisfy any; deny all; wix_auth optional; }
    location /audit { satisfy any; deny all; wix_auth audit; }
    location /accel {
        wix_auth off;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /cached/ {
        proxy_pass http://%%UPSTREAM%%;
        proxy_cache pages;
        proxy_cache_valid 1m;
        proxy_set_header X-Id \$wix_auth_member_id;
    }
}
END
    spew($nginx->dir . "/html/$_", "$_\n") for qw(gated.html open.html any none audit);

    my $at = sub {
        my ($uri, @headers) = @_;
        return raw_response(port('NOTES_PORT'), join "\r\n",
            "GET $uri HTTP/1.1", 'Host: localhost', 'Connection: close',
            @headers, '', '');
    };

    is($at->('/other')->status, 401, 'strangers are refused');
    like($at->('/returned')->body, qr/secret/, 'but "return" runs before');

    my $res = $at->('/page');
    is($res->status, 401, 'an error page inside the gate');
    unlike($res->body, qr/gated/, 'is not shown');
    like($res->body, qr/"login_required"/, 'but the answer of the gate');
    is(twice($res), '', 'each header once');
    is(twice($at->('/found', 'Accept: text/html')), '',
       'the same of error_page 302');
    like($at->('/open')->body, qr/^open\.html/, 'one outside is');

    is($at->('/any')->status, 200, 'satisfy any: allow lets in');
    is($at->('/none')->status, 403, 'satisfy any: optional does not');
    is($at->('/audit')->status, 403, 'satisfy any: audit does not');

    is($at->('/accel?__header=X-Accel-Redirect:/gated.html')->status, 401,
       'X-Accel-Redirect leads through the gate');
    is($at->('/accel?__header=X-Accel-Redirect:/open.html')->status, 200,
       'to where it is off');

    is($at->('/cached/a')->status, 401, 'a cache in the gate');

    $nginx->stop;
};


done_testing();


# name => "http, server, location": flags of nginx's command table
sub directives {
    my ($table) = $code =~ /^static ngx_command_t .*?\{\n(.*?)^\};/ms;
    my %macro = $code =~ /^#define (NGX_HTTP_WIX_AUTH_\w+)\s+\\?\s*(\([^)]*\))/mg;
    my @names = (
        NGX_HTTP_MAIN_CONF => 'http', NGX_HTTP_SRV_CONF => 'server',
        NGX_HTTP_LOC_CONF => 'location', NGX_HTTP_LIF_CONF => 'if in location',
        NGX_HTTP_LMT_CONF => 'limit_except',
    );
    my %found;

    while (($table // '') =~ /ngx_string\("(wix_auth\w*)"\),\s*([\w|\s]+),/g) {
        my ($name, $flags) = ($1, $2);
        my @contexts;

        $flags =~ s/(NGX_HTTP_WIX_AUTH_\w+)/$macro{$1} \/\/ $1/ge;

        for (my $i = 0; $i < @names; $i += 2) {
            push @contexts, $names[$i + 1] if $flags =~ /\b$names[$i]\b/;
        }
        $found{$name} = join ', ', @contexts;
    }
    return %found;
}

# names of headers that are there more than once
sub twice {
    my ($res) = @_;
    my %n;
    $n{lc $1}++ while $res->{head} =~ /^([\w-]+):/mg;
    return join ' ', grep { $n{$_} > 1 } sort keys %n;
}

# as GitHub makes them of headings
sub anchors {
    my ($text) = @_;

    $text =~ s/^```.*?^```$//msg;

    return map { lc s/[^\w\- ]//gr =~ s/ /-/gr } $text =~ /^#+ (.*)$/mg;
}

sub blocks {
    my ($text) = @_;
    return $text =~ /^```nginx\n(.*?)^```$/msg;
}

# what is printed without its surroundings: directives of http, then servers
# or locations, which belong into a gate
sub frame {
    my ($block) = @_;

    my ($http, $rest) = $block =~ /\A(.*?)(^(?:server|location) .*)?\z/ms;
    my $zone = $http =~ /^wix_auth_zone /m
        ? '' : 'wix_auth_zone zone=members:1m;';
    my $inner = ($rest // '') =~ s/\Aserver \{\n(.*)^\}\n\z/$1/msr;

    return <<"END";
http {
    $zone
    $http
    server {
        listen 443 ssl;
        server_name shop.example.com;
        ssl_certificate a;
        ssl_certificate_key a;
        wix_auth_client_id 0b1c7a52-7a0c-4d3f-9b1e-2f6f8d0c4e11;
        wix_auth required;
        location ^~ /_wix/ { wix_auth_endpoints; }
        $inner
    }
}
END
}

# nginx -t of an example; only paths, port and the module's place are ours
sub printed {
    my ($conf) = @_;

    my ($certs, $port) = (certs(), free_port());

    $conf =~ s/^load_module .*;\n//m;
    $conf =~ s/\blisten 443 ssl/listen 127.0.0.1:$port ssl/;
    $conf =~ s{(\bssl_certificate\s+)\S+;}{$1$certs/server.pem;};
    $conf =~ s{(\bssl_certificate_key\s+)\S+;}{$1$certs/server.key;};

    my $nginx = WixAuthTest::make_nginx(conf => $conf);
    my $dir = $nginx->dir;

    # where the comments of the example put them
    spew("$dir/wix_auth.key", 'k' x 48);
    chmod 0600, "$dir/wix_auth.key";
    spew("$dir/wix_auth_params", slurp("$src/wix_auth_params"));

    my $text = slurp($nginx->conf_file);
    $text =~ s{/var/(?:log|cache|lib)/nginx/}{$dir/}g;
    spew($nginx->conf_file, $text);

    return $nginx->test_conf;
}
