#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# The recipes of docs/cookbook.md and the examples of the other guides pass
# nginx -t as they are printed, their links lead somewhere, and the storefront,
# the login host and the rules for members do what is said of them.

use strict;
use warnings;

use File::Basename qw(dirname);
use FindBin;
use lib "$FindBin::Bin/lib";
use WixAuthTest;

my $top = top_dir();
my @docs = map { "docs/$_.md" } qw(cookbook spa custom-login flows security);
my %text = map { $_ => slurp("$top/$_") } @docs;

# heading => configuration
my %recipe = $text{'docs/cookbook.md'}
    =~ /^## ([^\n]+)\n(?:(?!^## ).)*?^```nginx\n(.*?)^```$/msg;

my %ann = (email => 'ann@shop.example.com', password => 'secret-of-ann-1');
my %bea = (email => 'bea@example.com', password => 'secret-of-bea-1');
my %cat = (email => 'cat@shop.example.com', password => 'secret-of-cat-1');


subtest 'nginx -t' => sub {
    my @headings = $text{'docs/cookbook.md'} =~ /^## (.*)$/mg;
    is("@{[sort keys %recipe]}", "@{[sort @headings]}",
       'a configuration below each heading');

    my ($list) = $text{'docs/cookbook.md'} =~ /\A(.*?)^## /ms;
    is("@{[$list =~ /^- \[(.*?)\]/mg]}", "@headings", 'all are in the list');

    for my $name (sort keys %recipe) {
        my ($ok, $out) = printed($recipe{$name});
        ok($ok, $name) or diag($out);
        unlike($out, qr/\[warn\]/, "$name: no warning");
    }

    # those of the security notes are checked with the README's
    for my $doc (grep { !/cookbook|security/ } @docs) {
        my $n = 0;

        for my $block ($text{$doc} =~ /^```nginx\n(.*?)^```$/msg) {
            my ($ok, $out) = printed(frame($block));
            ok($ok, "$doc, " . ++$n) or diag("$block\n$out");
        }
    }
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
            push @bad, "$doc: $1" if !-f $path
                || defined $anchor && !grep { $_ eq $anchor }
                                       anchors(slurp($path));
        }
    }
    is("@bad", '', 'lead to files and headings that are there');

    my %known = map { $_ => 1 }
        slurp("$top/ngx_http_wix_auth_module/ngx_http_wix_auth_reason.c")
        =~ /ngx_string\("(\w+)"\), \d/g;
    my ($flows) = $text{'docs/flows.md'} =~ s/^```.*?^```$//msgr;
    my @codes = $flows =~ /`([a-z]+_[a-z_]+)`/g;
    my @unknown = grep { !$known{$_} && !/^(?:wix_auth|web_message)/ } @codes;

    cmp_ok(scalar @codes, '>', 20, 'flows have reason codes');
    is("@unknown", '', 'all of which exist');
};


# From here on servers run, over TLS as the recipes have it.

my $base = 'https://localhost:' . port();
my $emu = start_emulator(
    tls => certs(), redirect_uri => ["$base/_wix/callback"],
    member => [map { "$_->{email}:$_->{password}" } \%ann, \%bea, \%cat]);
my $up = start_upstream();

subtest 'the storefront' => sub {
    # the name is not one that the emulator has a certificate for
    my $refused = live($recipe{'Storefront with visitors'},
                       port('REFUSED_PORT'));
    my $nginx = start_nginx(debug => 0, base => $base, conf =>
        live($recipe{'Storefront with visitors'}, port())
            =~ s/proxy_ssl_name \S+;/proxy_ssl_name localhost;/r);

    my $b = browser(base => $base);
    my $mine = '/wix/members/v1/members/my';
    my $ask = sub {
        my ($uri, %opt) = @_;
        return $b->get($uri, headers => {
            'Sec-Fetch-Mode' => 'cors', Accept => 'application/json',
            'Sec-Fetch-Site' => 'same-origin', %{$opt{headers} // {}}});
    };
    my $asked = sub { return ($emu->log_entries('members-my'))[-1] // {} };

    is($ask->($mine)->status, 401, 'a call before any page');
    is($asked->()->{auth}, 'none', 'reaches Wix without a token');

    my $page = $b->get('/');
    is_deeply($page->json->{headers}{'x-wix-auth-status'}, ['VISITOR'],
              'a page makes a visitor');
    ok($page->set_cookie('__Host-wix_auth'), 'with a cookie');

    my $res = $ask->("$mine?fieldsets=FULL", headers => {
        Authorization => 'OauthNG.JWS.not.our.token',
        Cookie => 'shop=1; ' . $b->cookie_header('https', 'localhost', '/')});
    my $entry = $asked->();
    is($res->status, 403, 'a visitor is no member');
    is("$entry->{auth} $entry->{token}", 'raw visitor',
       'but Wix knows it, whatever the browser sends');
    like("@{[names($entry->{query})]}", qr/\bfieldsets\b/,
         'and gets the query');
    unlike(lc "@{[names($entry->{headers})]}", qr/cookie|referer|origin/,
           'no cookie, nor where it comes from');

    my $before = $emu->count('*', role => 'api');
    is($ask->("/wix$_")->status, 404, "not allowed: $_") for
        '/', '/oauth2/token', '/members/v1/members/my/',
        '/members/v1/members/my%2f..%2f..%2f..%2fquery', '//oauth2/token',
        '/stores/v1/products/query';
    is($b->post($mine, json => {})->status, 404, 'nor another method');
    is($ask->('/wix/../wix/./members/v1/members/my')->status, 403,
       'a path is judged as it is meant');
    is($emu->count('*', role => 'api'), $before + 1, 'Wix saw one of them');

    is($b->get('/account/')->status, 302, 'a visitor is no member here');

    is((login($b, %ann, return => '/account/')->json // {})->{uri},
       '/account/', 'a login');
    is($asked->()->{token}, 'visitor', '(the last call was a visitor\'s)');
    $res = $ask->("$mine?fieldsets=FULL");
    is($asked->()->{token}, 'member', 'now a member calls');
    is($res->json->{member}{loginEmail}, $ann{email}, 'and is known');
    unlike($_->{head} . $_->body, qr/OauthNG/, 'no token for JavaScript')
        for $res, $page;
    ok(!$res->header('Access-Control-Allow-Origin'), 'no CORS of Wix\'s');

    $nginx->stop;

    $nginx = start_nginx(debug => 0, base => 'https://localhost:'
                         . port('REFUSED_PORT'), conf => $refused);
    $b = browser(base => $nginx->{base});
    $b->get('/');
    $before = $emu->count('members-my');
    is($ask->($mine)->status, 502, 'another name in the certificate');
    is($emu->count('members-my'), $before, 'and nothing is sent');
    $nginx->stop;
};


subtest 'the login host' => sub {
    my ($id, $shop) = map { "$_->[0]:" . port($_->[1]) }
        ['localhost', 'PORT'], ['shop.localhost', 'SITE_PORT'];
    my ($host, $sites) = split /(?=^server \{\n[^}]*server_name shop)/m,
        $recipe{'One login host for many sites'};

    ok($sites, 'two servers') or return;

    my $conf = live($host, port())
        . local_paths($sites, port('SITE_PORT')) =~ s/\S+:8080/http:\/\/%%UPSTREAM%%/r;

    $conf =~ s/\bserver_name shop\S+ \S+;/server_name shop.localhost;/;
    $conf =~ s/\bdomain=example\.com/domain=localhost/;
    $conf =~ s{https://id\.example\.com}{https://$id};
    $conf =~ s{https://shop\.example\.com}{https://$shop};

    my $nginx = start_nginx(base => $base, conf => $conf);
    # no client takes a wildcard for a whole top-level domain
    my $b = browser(base => "https://$shop", verify => 0);

    my $res = $b->get('/page?x=1');
    is($res->status, 302, 'a stranger at a site');
    is($res->location, "https://$id/_wix/login?return="
       . url_escape("https://$shop/page?x=1"), 'is sent to the login host');

    $res = $b->follow($b->submit($b->get($res->location), {%ann}));
    is($res->{url}, "https://$shop/page?x=1", 'and back to the site');
    is_deeply(($res->json // {})->{headers}{'x-wix-auth-status'}, ['HIT'],
              'with a session there');

    $res = $b->post("https://$id/_wix/logout", form => {}, headers => {
        Origin => "https://$shop", 'Sec-Fetch-Site' => 'same-site'});
    is($res->status, 303, 'a site logs out');
    is($b->get('/page')->status, 302, 'and the session is gone');

    $nginx->stop;
};


subtest 'rules for members' => sub {
    $emu->member(%cat, verified => 0);
    my $admin = '5d2e8b63-8b1d-4e40-8c2f-3a7a9e1d5f22';
    $emu->member(%bea, memberId => $admin);

    my $nginx = start_nginx(base => $base, conf =>
        live($recipe{'Rules for members'}, port()));

    is(browser(base => $base)->get($_)->status, 302, "a stranger: $_")
        for '/', '/staff/', '/admin/';

    my %want = (
        'ann, staff'     => [\%ann, '200 200 404'],
        'bea, admin'     => [\%bea, '200 403 200'],
        'cat, unproven'  => [\%cat, '200 403 404'],
    );

    for my $who (sort keys %want) {
        my ($login, $want) = @{$want{$who}};
        my $b = browser(base => $base);

        login($b, %$login);
        is(join(' ', map { $b->get($_)->status } '/', '/staff/', '/admin/'),
           $want, $who);
    }

    $nginx->stop;
};


subtest 'a limit on logins' => sub {
    my $nginx = start_nginx(debug => 0, base => $base, conf =>
        live($recipe{'A limit on logins'}, port())
            =~ s/(server_name localhost;)/$1 error_page 429 =429 \/busy;
                 location = \/busy { wix_auth off; return 200 "busy\\n"; }/r);
    my $b = browser(base => $base);
    my $try = sub {
        return [$b, POST => "/_wix/$_[0]", json => {
            email => $_[1], password => 'wrong-password-1'}];
    };
    my $told = sub { my ($r) = @_; return ($r->json // {})->{error} // $r->body };

    is($told->((concurrent($try->(login => $bea{email})))[0]),
       'invalid_credentials', "failure $_") for 1 .. 5;
    my ($res) = concurrent($try->(login => $bea{email}));
    is($res->status . ' ' . $told->($res), '429 too_many_attempts',
       'the sixth of one account');
    ok($res->header('Retry-After'), 'tells when to come again');

    # one address, many accounts
    my %seen;
    $seen{$told->($_)}++ for concurrent(map {
        $try->($_ % 2 ? 'login' : 'register', "spray-$_\@example.com") } 1 .. 60);

    cmp_ok($seen{"busy\n"} // 0, '>=', 20, 'limit_req: most of sixty')
        or diag(explain(\%seen));
    cmp_ok(60 - ($seen{"busy\n"} // 0), '>=', 10, 'but not all');

    is($b->get('/_wix/login')->status, 200, 'the page is there all the time');

    $nginx->stop;
};


done_testing();


sub names {
    my ($list) = @_;
    return ref $list eq 'ARRAY' ? @$list : ref $list ? keys %$list
        : $list // '';
}

# as GitHub makes them of headings
sub anchors {
    my ($text) = @_;

    $text =~ s/^```.*?^```$//msg;

    return map { lc s/[^\w\- ]//gr =~ s/ /-/gr } $text =~ /^#+ (.*)$/mg;
}

# what is printed without its surroundings belongs into a gate
sub frame {
    my ($block) = @_;

    return $block =~ /^    listen /m ? "wix_auth_zone zone=members:1m;\n$block"
        : do {
            my ($http, $rest) = $block =~ /\A(.*?)(^(?:server|location) .*)?\z/ms;
            my $inner = ($rest // '') =~ s/\Aserver \{\n(.*)^\}\n\z/$1/msr;

            <<"END";
wix_auth_zone zone=members:1m;
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
END
        };
}

# an example where it can be read: paths and port are ours
sub local_paths {
    my ($conf, $port) = @_;

    my $certs = certs();

    $conf =~ s/\blisten 443 ssl/listen 127.0.0.1:$port ssl/g;
    $conf =~ s{(\bssl_certificate\s+)\S+;}{$1$certs/server.pem;}g;
    $conf =~ s{(\bssl_certificate_key\s+)\S+;}{$1$certs/server.key;}g;
    $conf =~ s{/etc/ssl/certs/ca-certificates\.crt}{$certs/ca.pem}g;
    $conf =~ s{\binclude wix_auth_params;}
              {include $top/ngx_http_wix_auth_module/wix_auth_params;}g;
    $conf =~ s{\broot /\S+;}{}g;

    my $key = temp_dir() . '/wix_auth.key';

    spew($key, 'k' x 48);
    chmod 0600, $key;
    $conf =~ s{\bwix_auth\.key;}{$key;}g;

    return $conf;
}

sub printed {
    my ($conf) = @_;
    return nginx_t(local_paths($conf, free_port()));
}

# the same against the emulator and the test's site
sub live {
    my ($conf, $port) = @_;

    $conf = local_paths($conf, $port);
    $conf =~ s/\b127\.0\.0\.1:8080\b/%%UPSTREAM%%/g;
    $conf =~ s/(set \$wix_host) \S+;/"$1 " . ($emu->api =~ s{^https:\/\/}{}r) . ';'/e;
    $conf =~ s/^    server_name \w+\.example\.com;/    server_name localhost;/mg;

    return "wix_auth_api %%API%%;\n"
        . "wix_auth_api_trusted_certificate %%CERTS%%/ca.pem;\n$conf";
}
