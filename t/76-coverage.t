#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# What no user should meet: every call of the module that allocates, or that
# fails for want of memory, fails once, one after the other, in each kind of
# request, and at a reload.  The request ends as ever, or with a 5xx; nobody
# gets in for that, no session is lost, and the next request is served.
# t/lib/failing-calls.c makes the calls fail.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use MIME::Base64 qw(encode_base64url);
use Time::HiRes qw(sleep time);
use WixAuthTest;

use constant {MEMORY => 1, LIBRARY => 2, FILES => 4};

# calls of one request, as t/lib/failing-calls.c remembers them
use constant MOST => 4096;

my %ann = (email => 'ann@example.com', password => 'secret-of-ann-1');
my %at = map { $_ => 'http://localhost:' . port("${_}_PORT") }
    qw(DIRECT MESSAGE CUSTOM TOKEN KNOWN);
my $base = 'http://localhost:' . port('PORT');
my $app = 'https://app.example.com';

note_secret(password => $ann{password});


# The module once more, of the objects that were built, with its calls
# wrapped.

my $objs = top_dir() . '/build/' . (flavour() eq 'packaged'
    ? 'objs-packaged-gcc' : flavour() . '/objs');
my $control = temp_dir() . '/control';

link_module();
spew($control, "\0" x (64 + 4 * MOST));
chmod 0666, $control;
$ENV{WIX_AUTH_TEST_FAILING} = $control;

sub link_module {
    my $source = top_dir() . '/t/lib/failing-calls.c';
    my $object = temp_dir() . '/failing-calls.o';
    my $so = temp_dir() . '/failing.so';
    my $real = $WixAuthTest::Nginx::MODULE;

    run('gcc', qw(-g -O1 -Wall -Wextra -Werror -fPIC -c), $source,
        '-o', $object);

    # the make file of nginx knows how
    my $name = 'ngx_http_wix_auth_module.so';
    my ($rule) = slurp("$objs/Makefile")
        =~ m{^\t\$\(LINK\) -o \S*\Q$name\E \\\n(.*?)\n\n}ms
        or die "no rule for $name in $objs/Makefile\n";

    my $wrapped = `nm $object`;
    my @wrap = map { "-Wl,--wrap=$_" } $wrapped =~ /T __wrap_(\w+)$/mg;
    cmp_ok(scalar @wrap, '>', 50, 'functions that can fail');

    run('gcc', '-o', $so, $object, @wrap, split ' ', $rule =~ s/\\\n//gr);
    $WixAuthTest::Nginx::MODULE = $so;
    return;
}

sub run {
    my (@command) = @_;
    my $quoted = join ' ', map { quotemeta } @command;
    my $out = `$quoted 2>&1`;
    die "$command[0] failed:\n$out\n" if $?;
    return;
}


# The control of it: kinds, pid, first and last call that fail, calls, failed,
# where and name of the first that failed.

sub arm {
    my ($pid, $first, $last) = @_;
    poke(pack 'L6Qa32', MEMORY | LIBRARY | FILES, $pid, $first,
         $last // $first, 0, 0, 0, '');
    return;
}

# (calls, failed, name, offset)
sub disarm {
    open my $fh, '<:raw', $control or die "$control: $!\n";
    sysread $fh, my $bytes, 64;
    my (undef, undef, undef, undef, $calls, $failed, $where, $name)
        = unpack 'L6QZ32', $bytes;
    poke(pack 'L6Qa32', (0) x 7, '');
    return ($calls, $failed, $name, $where);
}

# The numbers of those calls of a healthy run that no other run has made from
# the same place, by way of the same callers.

my %tried;

sub fresh_calls {
    my ($calls) = @_;

    open my $fh, '<:raw', $control or die "$control: $!\n";
    seek $fh, 64, 0;
    sysread $fh, my $bytes, 4 * $calls;
    my @stack = unpack 'L*', $bytes;

    return grep { !$tried{$stack[$_ - 1]}++ } 1 .. $calls;
}

sub failed {
    open my $fh, '<:raw', $control or die "$control: $!\n";
    sysread $fh, my $bytes, 24;
    return (unpack 'L6', $bytes)[5];
}

sub poke {
    my ($bytes) = @_;
    open my $fh, '+<:raw', $control or die "$control: $!\n";
    syswrite $fh, $bytes;
    return;
}

# file:line of a call
sub place {
    my ($name, $where) = @_;
    my $at = `addr2line -e $WixAuthTest::Nginx::MODULE @{[sprintf '%x', $where - 1]}`;
    return "$name at " . ($at =~ s{.*/ngx_http_wix_auth_}{}sr =~ s/\s+//gr);
}


my $pages = temp_dir() . '/pages';
mkdir $pages;
spew("$pages/recover.html", "<form method=post action={{action}}>{{error}}"
     . "{{message}}{{email}}{{fields.email}}{{state}}{{style}}{{script}}</form>");
spew(temp_dir() . '/key', join '', map { chr(32 + $_) } 1 .. 48);
spew(temp_dir() . '/old-key', join '', map { chr(33 + $_) } 1 .. 48);
chmod 0600, map { temp_dir() . "/$_" } qw(key old-key);

my $emu = start_emulator(
    member => ["$ann{email}:$ann{password}"],
    redirect_uri => [map { "$_/_wix/callback" } $base, values %at],
);
start_upstream();

my $modes = join '', map { <<"END" }
server {
    listen 127.0.0.1:%%$_->[0]_PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;
    $_->[1]
    location ^~ /_wix/ { wix_auth_endpoints; }
    location /open/ { wix_auth off; limit_except GET { wix_auth required; } }
    location / { try_files /page.txt =404; }
}
END
    ['DIRECT', 'wix_auth_response_mode direct;'],
    ['MESSAGE', 'wix_auth_response_mode web_message; wix_auth_captcha visible;'
        . ' wix_auth_login_limit off;'],
    ['CUSTOM', 'wix_auth_login /open/login; wix_auth_response_mode fragment;'
        . ' wix_auth_cookie __Secure-x domain=localhost path=/ samesite=none'
        . ' partitioned session; wix_auth_redirect_uri /_wix/callback;'
        . " wix_auth_base_url $at{CUSTOM};"
        . ' wix_auth_logout_redirect https://shop.example.com/bye;'
        . ' wix_auth_refresh_use_stale error for=5m; wix_auth_session_idle 1h;'],
    # budgets are those of a zone
    ['TOKEN', 'wix_auth_zone zone=tokens:128k; wix_auth_bearer on;'],
    ['KNOWN', 'wix_auth_zone zone=known:128k; wix_auth_bearer on cache=1m;'
        . ' wix_auth_api_trusted_certificate %%CERTS%%/ca.pem;'
        . ' wix_auth_api_proxy off; wix_auth_login wix sso'
        . ' idp=0b1c7a52-7a0c-4d3f-9b1e-2f6f8d0c4e11;'];

my $conf = <<'END' . $modes;
wix_auth_zone zone=members:1m;
wix_auth_session_key %%TEMP%%/key;
wix_auth_session_key %%TEMP%%/old-key;
wix_auth_api %%API%%;
wix_auth_api_timeout 2s;
wix_auth_refresh_lock_timeout 2s;
wix_auth_api_breaker off;
wix_auth_login_limit off;
wix_auth_cookie nosecure;

log_format all '$wix_auth_status $wix_auth_reason $wix_auth_time '
               '$wix_auth_member_id $wix_auth_session_remain';
access_log %%DIR%%/all.log all;

add_header X-Status $wix_auth_status always;
add_header X-Reason $wix_auth_reason always;

map $http_x_client $client {
    default %%CLIENT%%;
}
map $wix_auth_email $is_ann {
    default             0;
    ann@example.com     1;
}

server {
    listen 127.0.0.1:%%PORT%%;
    server_name localhost app.localhost;
    wix_auth_client_id $client;
    wix_auth_pages %%TEMP%%/pages;
    wix_auth_origins %%APP%%;
    wix_auth_profile on;
    wix_auth required;

    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { try_files /page.txt =404; }
    location /open { wix_auth off; return 204; }

    location /site {
        proxy_set_header X-Wix-Auth-Member-Id $wix_auth_member_id;
        proxy_set_header X-Wix-Auth-Email $wix_auth_email;
        proxy_set_header X-Wix-Auth-Session-Id $wix_auth_session_id;
        proxy_set_header X-Wix-Auth-Nickname $wix_auth_nickname;
        proxy_set_header X-Token $wix_auth_access_token;
        proxy_set_header X-Remain $wix_auth_token_remain;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /staff {
        wix_auth_require $is_ann $wix_auth_member_id;
        try_files /page.txt =404;
    }
    location /nobody {
        wix_auth_require $arg_x error=404;
        try_files /page.txt =404;
    }
    location /optional { wix_auth optional; try_files /page.txt =404; }
    location /audit { wix_auth audit; try_files /page.txt =404; }
    location /shop {
        wix_auth optional;
        wix_auth_visitor on rate=6000r/m;
        proxy_set_header X-Token $wix_auth_access_token;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /asked {
        wix_auth off;
        auth_request /_wix/session;
        try_files /page.txt =404;
    }
    location /early {
        # before the gate has decided
        if ($wix_auth_member_id = '') { return 204; }
        try_files /page.txt =404;
    }
}
END

my $nginx = start_nginx(conf => $conf, debug => 0,
    vars => {TEMP => temp_dir(), APP => $app});
spew($nginx->dir . '/html/page.txt', "the page\n");

my ($worker) = $nginx->worker_pids;
my %fetch = (headers => {'Sec-Fetch-Mode' => 'cors', Accept => 'application/json'});


# each_failure($what, prepare => sub, request => sub, also => statuses,
# after => sub): the request with every one of its calls failing.  prepare
# gives what request and after get; after says what is wrong, if something is.

my %total = (tried => 0, failed => 0);

sub each_failure {
    my ($what, %do) = @_;

    my $prepare = $do{prepare} // sub { };
    my $after = $do{after} // sub { return };
    my %also = map { $_ => 1 } @{$do{also} // []};

    # a text that cannot be written is taken as one that makes no sense
    $also{400} = 1 if $do{writes};
    my (%seen, @silent);

    subtest $what => sub {
        my @with = $prepare->();

        # as it should be, and how many calls that takes
        arm($worker, 0);
        my $res = $do{request}->(@with);
        my ($calls) = disarm();
        my $want = $res->status;

        is($res->{error}, undef, 'answered') or diag $res->{error};
        is($want, $do{status}, "healthy: $do{status}") or diag $res->{head};
        is($after->(@with), undef, 'and all is well');
        cmp_ok($calls, '<=', MOST, "$calls calls");

        my @bad;

        # it fails once, and then it goes on failing
        for my $n (fresh_calls($calls)) {
            for my $last ($n, 0xffffffff) {
                @with = $prepare->();
                arm($worker, $n, $last);
                $res = $do{request}->(@with);
                my ($made, $failed, $name, $where) = disarm();

                # another way than before, a word less to Wix for example
                next if !$failed;

                $total{tried}++;
                $total{failed} += $failed;

                my $got = $res->{error} || !$res->status ? 'no answer'
                    : $res->status;
                $seen{$got}++;
                push @silent, place($name, $where) if $got eq 'no answer';

                my $problem = $got eq $want || $also{$got} || $got =~ /^50[0234]$/
                    || ($got eq 'no answer' && $res->{error} !~ /timed/)
                    ? undef : "$got " . ($res->{error} // '');
                $problem //= $after->(@with);
                $problem //= 'the worker is gone' if !-d "/proc/$worker";

                if ($problem) {
                    push @bad, sprintf '%s %d: %s: %s',
                        $last == $n ? 'call' : 'from', $n,
                        place($name, $where), $problem;
                    ($worker) = wait_for { $nginx->worker_pids } 5,
                        'another worker';
                }
            }
        }

        is("@bad", '', 'with every call failing')
            or diag join "\n", @bad;
        note join ', ', map { "$_: $seen{$_}" } sort keys %seen;
        note "no answer: $_" for @silent;
    };
    return;
}

# a member's session that is used again and again, and must not be lost
my $ann;

sub session {
    return $ann //= do {
        my $b = browser();
        my $res = login($b, %ann);
        die 'no login: ' . $res->status . "\n" if $res->status != 200;
        $b;
    };
}

sub lives {
    my ($b) = @_;

    my $res = $b->get('/', %fetch);
    return if $res->status == 200;
    $ann = undef;
    return 'the session is lost: ' . $res->status . ' '
        . ($res->header('X-Reason') // '');
}

# a redirect to Wix that was not followed yet: the URL of the callback
sub to_callback {
    my ($b, $url) = @_;
    my $res = $b->get($url, headers => {'Sec-Fetch-Site' => 'cross-site'});
    return $res->location // die 'authorize: ' . $res->status . "\n";
}

sub log_in_json {
    my ($b, %opt) = @_;
    return $b->post(($opt{base} // '') . '/_wix/login', json => {
        %ann, return => '/page?x=1', %{$opt{json} // {}}},
        %{$opt{opt} // {}});
}


each_failure('a member' => status => 200,
    prepare => \&session, after => \&lives,
    request => sub { $_[0]->get('/') });

each_failure('a member, to the site' => status => 200,
    prepare => \&session, after => \&lives,
    request => sub { $_[0]->get('/site') });

each_failure('values that are required' => status => 200,
    prepare => \&session, after => \&lives,
    request => sub { $_[0]->get('/staff') });

each_failure('values that fail' => status => 404,
    prepare => \&session, after => \&lives,
    request => sub { $_[0]->get('/nobody') });

each_failure('before the gate' => status => 200,
    prepare => \&session, after => \&lives,
    # no value is no member, as everywhere
    also => [204], request => sub { $_[0]->get('/early') });

each_failure('a stranger' => status => 302,
    prepare => \&browser, request => sub { $_[0]->get('/?a=b') });

each_failure('a stranger\'s script' => status => 401,
    prepare => \&browser, request => sub { $_[0]->get('/', %fetch) });

each_failure('a stranger\'s form' => status => 401,
    prepare => \&browser, request => sub { $_[0]->post('/', form => {a => 1}) });

each_failure('cookies that are not ours' => status => 401,
    prepare => \&browser,
    request => sub {
        $_[0]->get('/', headers => {%{$fetch{headers}},
            'X-Wix-Auth-Member-Id' => 'me', 'X_Wix_Auth_Email' => 'me',
            Cookie => ['a=1; wix_auth=' . 'A' x 54 . '; b=2',
                       'wix_auth=' . 'B' x 54, 'wix_auth=x']});
    });

each_failure('optional' => status => 200,
    prepare => \&session, after => \&lives,
    request => sub { $_[0]->get('/optional') });

each_failure('audit' => status => 200,
    prepare => \&browser, request => sub { $_[0]->get('/audit') });

each_failure('asked by a subrequest' => status => 200,
    prepare => \&session, after => \&lives,
    request => sub { $_[0]->get('/asked') });

each_failure('the session endpoint' => status => 200,
    prepare => \&session, after => \&lives,
    request => sub { $_[0]->get('/_wix/session', %fetch) });

each_failure('the session endpoint, a stranger' => status => 200,
    prepare => \&browser,
    request => sub { $_[0]->get('/_wix/session', %fetch) });

each_failure('the session endpoint, required' => status => 204,
    prepare => \&session, after => \&lives,
    request => sub { $_[0]->get('/_wix/session?require=1', %fetch) });

each_failure('a preflight' => status => 204,
    prepare => \&browser,
    request => sub {
        $_[0]->request(OPTIONS => '/_wix/session', headers => {
            Origin => $app, 'Access-Control-Request-Method' => 'GET'});
    });

for my $page (qw(login?return=%2Fx register verify recover)) {
    each_failure("GET $page" => status => 200,
        prepare => \&browser, request => sub { $_[0]->get("/_wix/$page") });
}

each_failure('to the login of Wix' => writes => 1, status => 302,
    prepare => \&browser, request => sub { $_[0]->get('/_wix/login?wix=1') });

each_failure('a login by JSON' => writes => 1, status => 200,
    prepare => sub { browser() },
    request => sub { log_in_json($_[0]) });

each_failure('a login by form' => writes => 1, status => 303,
    prepare => sub {
        my $b = browser();
        return ($b, $b->get('/_wix/login?return=%2Fx'));
    },
    request => sub { $_[0]->submit($_[1], {%ann}) });

each_failure('a wrong password' => writes => 1, status => 401,
    prepare => sub {
        my $b = browser();
        return ($b, $b->get('/_wix/login?return=%2Fx'));
    },
    request => sub { $_[0]->submit($_[1], {%ann, password => 'wrong-one-1'}) });

each_failure('a wrong password by JSON' => writes => 1, status => 401,
    prepare => \&browser,
    request => sub { log_in_json($_[0], json => {password => 'wrong-one-1'}) });

each_failure('a form with faults' => status => 400,
    prepare => \&browser,
    request => sub {
        $_[0]->post('/_wix/register', form => {email => 'x', password => '',
            return => '/x', 'profile.birthdate' => 'never'});
    });

each_failure('another site' => status => 403,
    prepare => \&browser,
    request => sub {
        log_in_json($_[0], opt => {headers => {
            'Sec-Fetch-Site' => 'cross-site', Origin => 'http://evil.example'}});
    });

each_failure('the callback' => writes => 1, status => 303,
    prepare => sub {
        my $b = browser();
        my $res = log_in_json($b);
        return ($b, to_callback($b, $res->json->{redirectUrl}));
    },
    request => sub {
        $_[0]->get($_[1], headers => {'Sec-Fetch-Site' => 'cross-site'})
    },
    after => sub {
        # whoever has got a cookie has a session
        my ($b) = @_;
        return if !$b->cookie('wix_auth');
        return lives($b);
    });

each_failure('the callback, with an error' => status => 403,
    prepare => sub {
        my $b = browser();
        my $res = log_in_json($b);
        my $url = to_callback($b, $res->json->{redirectUrl});
        return ($b, $url =~ s/\bcode=[^&]*/error=access_denied/r);
    },
    request => sub { $_[0]->get($_[1]) });

each_failure('a callback of nobody' => status => 400, also => [303],
    prepare => \&browser,
    request => sub {
        $_[0]->get('/_wix/callback?code=x&state=' . 'A' x 100, %fetch)
    });

each_failure('a logout' => status => 200,
    prepare => sub {
        my $b = session();
        $ann = undef;
        return $b;
    },
    request => sub { $_[0]->post('/_wix/logout', json => '{}') });

each_failure('a logout by form' => status => 303,
    prepare => sub {
        my $b = session();
        $ann = undef;
        return $b;
    },
    request => sub { $_[0]->post('/_wix/logout', form => {}) });

my $fresh = 0;

each_failure('a registration' => status => 200,
    prepare => sub { (browser(), 'new' . $fresh++ . '@example.com') },
    request => sub {
        $_[0]->post('/_wix/register', json => {email => $_[1],
            password => 'secret-of-new-1', return => '/x', profile => {
                firstName => "Ann \"\x{e9}\"", labels => ['one', 'two'],
                privacyStatus => 'PRIVATE', birthdate => '1990-02-28',
                phonesV2 => [{phone => '5551234', countryCode => 'US'}],
                addresses => [{address => {city => 'Ulm'}, tag => 'HOME'}],
            }});
    },
    # it was taken the first time
    also => [400, 409]);

each_failure('a registration by form' => status => 303,
    prepare => sub { (browser(), 'new' . $fresh++ . '@example.com') },
    request => sub {
        $_[0]->post('/_wix/register', form => {email => $_[1],
            password => 'secret-of-new-1', return => '/x',
            'profile.firstName' => 'Ann', 'profile.labels[0]' => 'one',
            'profile.phonesV2[0].phone' => '5551234'});
    },
    also => [400, 409]);

each_failure('a verification' => writes => 1, status => 200,
    prepare => sub {
        my $b = browser();
        my $email = 'verify' . $fresh++ . '@example.com';
        $emu->member(email => $email, password => 'secret-of-new-1',
                     state => 'VERIFY');
        my $res = $b->post('/_wix/login', json => {email => $email,
            password => 'secret-of-new-1', return => '/x'});
        return ($b, $res->json->{stateToken}, $emu->mailed_code($email));
    },
    request => sub {
        $_[0]->post('/_wix/verify', json => {
            stateToken => $_[1], code => $_[2], return => '/x'});
    });

each_failure('a code that is asked for' => writes => 1, status => 200,
    prepare => sub {
        my $b = browser();
        my $email = 'verify' . $fresh++ . '@example.com';
        $emu->member(email => $email, password => 'secret-of-new-1',
                     state => 'VERIFY');
        return ($b, $b->get('/_wix/login?return=%2Fx'), $email);
    },
    request => sub {
        $_[0]->submit($_[1], {email => $_[2], password => 'secret-of-new-1'})
    });

each_failure('without the browser' => writes => 1, status => 200,
    prepare => sub { browser(base => $at{DIRECT}) },
    request => sub { log_in_json($_[0]) },
    after => sub {
        my ($b) = @_;
        return if !$b->cookie('wix_auth');
        return lives($b);
    });

each_failure('by message' => writes => 1, status => 200,
    prepare => sub { browser(base => $at{MESSAGE}) },
    request => sub { log_in_json($_[0]) });

each_failure('a page with a captcha' => status => 200,
    prepare => sub { browser(base => $at{MESSAGE}) },
    request => sub { $_[0]->get('/_wix/login') });

each_failure('to Wix, to look' => writes => 1, status => 302,
    prepare => sub { browser(base => $at{KNOWN}) },
    request => sub { $_[0]->get('/_wix/login?return=%2Fx') });

each_failure('to Wix, by a provider' => writes => 1, status => 302,
    prepare => sub { browser(base => $at{KNOWN}) },
    request => sub {
        $_[0]->get('/_wix/login?idp=0b1c7a52-7a0c-4d3f-9b1e-2f6f8d0c4e11')
    });

each_failure('a page of the site' => status => 302,
    prepare => sub { browser(base => $at{CUSTOM}) },
    request => sub { $_[0]->get('/_wix/login?return=%2Fx') });

each_failure('an error for the site\'s page' => writes => 1, status => 303,
    prepare => sub { browser(base => $at{CUSTOM}) },
    request => sub {
        $_[0]->post('/_wix/login', form => {%ann, password => 'wrong-one-1'})
    });

each_failure('a state for the site\'s page' => writes => 1, status => 303,
    prepare => sub {
        my $email = 'verify' . $fresh++ . '@example.com';
        $emu->member(email => $email, password => 'secret-of-new-1',
                     state => 'VERIFY');
        return (browser(base => $at{CUSTOM}), $email);
    },
    request => sub {
        $_[0]->post('/_wix/login', form => {
            email => $_[1], password => 'secret-of-new-1', return => '/x'})
    });

each_failure('a fragment' => status => 200,
    prepare => sub { browser(base => $at{CUSTOM}) },
    request => sub { $_[0]->get('/_wix/callback') });

each_failure('an access token' => status => 200, also => [401, 429],
    prepare => sub {
        return (browser(base => $at{TOKEN}),
                $emu->mint(email => $ann{email})->{access_token});
    },
    request => sub {
        $_[0]->get('/', headers => {Authorization => "Bearer $_[1]"})
    });

each_failure('an access token that is known' => status => 200,
    prepare => sub {
        my $b = browser(base => $at{KNOWN});
        our $known //= $emu->mint(email => $ann{email})->{access_token};
        $b->get('/', headers => {Authorization => "Bearer $known"});
        return ($b, $known);
    },
    request => sub {
        $_[0]->get('/', headers => {Authorization => "Bearer $_[1]"})
    });

each_failure('a visitor' => status => 200,
    prepare => \&browser, request => sub { $_[0]->get('/shop') });

# sessions whose token has ended
my @old;

each_failure('a refresh that is waited for' => status => 200,
    prepare => sub {
        @old = expired_sessions(40) if !@old;
        return shift @old;
    },
    request => sub { $_[0]->get('/', %fetch) },
    after => \&lives);

# the profile and the token come with the answer
sub expired_sessions {
    my ($n) = @_;

    my $id = emu_fault('token.authorization_code',
        {type => 'patch', set => {expires_in => 1}}, count => -1);
    my @b = map { browser() } 1 .. $n;

    login($_, %ann) for @b;
    $emu->clear_faults($id);
    my $last = time;

    # the clock is what is waited for
    sleep 0.05 while time < $last + 1.1;
    return @b;
}

each_failure('a recovery' => status => 200, also => [429],
    prepare => \&browser,
    request => sub {
        our $recoveries //= 0;
        $_[0]->post('/_wix/recover', form => {
            email => 'r' . $recoveries++ . '@example.com'});
    });


subtest 'a reload' => sub {
    # in the master, which reads the configuration; another one than that of
    # the workers, so that all of it is new
    my $master = $nginx->pid;
    my $from = -s $nginx->error_file;

    my ($bad, %seen, @still);

    my $logged = sub { substr($nginx->error_log, $from) =~ $_[0] };

    # A reload ends one way or the other, and then the master takes the next
    # signal.
    my $reload = sub {
        $from = -s $nginx->error_file;
        kill HUP => $master;

        wait_for { $logged->(qr/start worker processes/) || failed() } 10;
        kill USR1 => $master;
        wait_for { $nginx->gone || $logged->(qr/ $master#\d+: reopening logs/) }
            10, 'the master';

        return $logged->(qr/start worker processes/);
    };

    arm($master, 0);
    ok($reload->(), 'as it should be');
    my ($calls) = disarm();
    cmp_ok($calls, '<=', MOST, "$calls calls");

    my @calls = fresh_calls($calls);

    for my $n (@calls) {
        arm($master, $n);
        my $ok = $reload->();
        my (undef, $failed, $name, $where) = disarm();

        if ($nginx->gone) {
            $bad = place($name, $where) . ': the master is gone';
            last;
        }
        next if !$failed;
        push @still, place($name, $where) if $ok;
        $seen{$ok ? 'goes on' : 'refused'}++;
    }

    cmp_ok(scalar @calls, '>', 50, @calls . ' of them');
    is($bad, undef, 'each that fails is a reload that is refused');
    note join ', ', map { "$_: $seen{$_}" } sort keys %seen;
    note join "\n", @still;
    return if $bad;

    ok($nginx->reload, 'and then one that is not');
    is(lives(session()), undef, 'a session lives');
};

cmp_ok($total{tried}, '>', 500,
       "$total{tried} requests with $total{failed} calls that failed");

allow_log(qr/\[emerg\]/);
done_testing();
