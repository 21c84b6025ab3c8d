#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# What went wrong at other gates, second part: headers, caches and logs,
# refresh, and what makes a C module fall.  The rows are those of the table in
# docs/security.md; t/74-lessons.t has the first part.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::MD5 ();
use JSON::PP ();
use POSIX ();
use Time::HiRes qw(sleep time);
use WixAuthTest;
use WixAuthTest::Clock;
use WixAuthTest::Refresh;

use constant BOB => 'bob@example.com';

# a size that no other mapping of a worker has
use constant ZONE => 3 * 1024 * 1024;

# of one token, in seconds; the clock is moved, so nothing waits for them
use constant LIFE => 60;

use constant ROUNDS => 150;
use constant FETCHES => 40;

my $emu = start_emulator(
    member => [map { "$_:" . PASSWORD } MEMBER, BOB], rotate => 'grace',
    redirect_uri => [map { 'http://localhost:' . port($_) . '/_wix/callback' }
                     qw(PORT MORE_PORT CACHE_PORT LEAK_PORT)]);
my $up = start_upstream();

my $clock = WixAuthTest::Clock->missing
    ? undef : WixAuthTest::Clock->new(temp_dir());

my @profile = qw(contact_id nickname first_name last_name slug picture
                 member_status email_verified email);
my $told = join "\n", map {
    "add_header V-$_ \$wix_auth_$_; proxy_set_header V-$_ \$wix_auth_$_;"
} @profile;

my $conf = gate(
    zone   => ZONE / 1024 . 'k',
    listen => 'reuseport',
    http   => 'client_max_body_size 200m; large_client_header_buffers 4 32k;',
    server => <<'END',
    wix_auth_session_lifetime 3650d;
    wix_auth_refresh_lock_timeout 10s;
    location /site { proxy_pass http://%%UPSTREAM%%; }
    location /stub { wix_auth off; stub_status; }
    location /short {
        wix_auth_refresh_lock_timeout 300ms;
        try_files /page.txt =404;
    }
    location /late {
        wix_auth_refresh_use_stale off;
        try_files /page.txt =404;
    }
    location /shop/ {
        wix_auth optional;
        wix_auth_visitor on rate=6000r/m;
        add_header X-More more always;
        proxy_set_header X-Token $wix_auth_access_token;
        proxy_pass http://%%UPSTREAM%%;
    }
    location /file/ {
        wix_auth optional;
        wix_auth_visitor on rate=6000r/m;
        alias %%DIR%%/html/;
    }
    location /need { wix_auth_require $arg_nothing; try_files /page.txt =404; }
END
    more   => <<"END",
    wix_auth_profile on;
    location /told {
        $told
        proxy_pass http://%%UPSTREAM%%;
    }
END
) . <<'END';

# a cache that knows nothing of sessions stands in front
proxy_cache_path %%DIR%%/front keys_zone=front:1m;
proxy_cache_path %%DIR%%/pages keys_zone=pages:1m;
server {
    listen 127.0.0.1:%%FRONT_PORT%%;
    server_name localhost;
    access_log off;
    proxy_cache front;
    proxy_cache_valid any 1h;
    proxy_cache_key $request_method$request_uri;
    add_header X-Cache $upstream_cache_status always;
    location / {
        proxy_pass http://127.0.0.1:%%PORT%%;
        proxy_set_header Host $http_host;
    }
}
server {
    listen 127.0.0.1:%%CACHE_PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;
    add_header X-Cache $upstream_cache_status always;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / {
        proxy_pass http://%%UPSTREAM%%;
        proxy_set_header X-Id $wix_auth_member_id;
        proxy_cache pages;
        proxy_cache_valid 1h;
        proxy_ignore_headers Cache-Control;
        %%KEY%%
    }
}
END

# the recipe of the documentation, as it is printed there
my ($key) = slurp(top_dir() . '/docs/security.md')
    =~ /^ *(proxy_cache_key \$wix_auth_member_id\S*;)$/m;

my $start = sub {
    start_nginx(workers => 3, conf => $conf, vars => {KEY => $key // ''});
};
my $nginx = $clock ? $clock->with($start) : $start->();

page($nginx);
spew($nginx->dir . '/html/some.html', 'x' x 1000);

my $stranger = browser(bare => 1);
my @nav = ('Sec-Fetch-Mode' => 'navigate', Accept => 'text/html');

# all tokens of all workers have ended, now
sub all_expired {
    my ($seconds) = @_;

    $clock->advance($seconds);
    wait_for { $nginx->worker_pids && fresh_clock() } 5, 'the new time'
        or die "no new time\n";
    return;
}

# every worker has looked at the clock since it was moved: each of a number of
# connections says so by the Date of its answer
sub fresh_clock {
    my $now = time + $clock->{seconds};

    for my $res (concurrent(12, $stranger, GET => '/stub')) {
        my $date = $res->header('Date') // '';
        my ($h, $m, $s) = $date =~ / (\d\d):(\d\d):(\d\d) GMT/ or return 0;
        my $diff = abs($h * 3600 + $m * 60 + $s - $now % 86400);
        return 0 if $diff > 3 && $diff < 86397;
    }
    return 1;
}


subtest 'row 30: numbers of Wix end where they may, not later' => sub {
    # what is taken for a lifetime is one: the largest is bounded
    for my $value (1, '3600', 3600.5, 2_147_483_647, 2_147_483_648,
                   4_294_967_296, 10_000_000_000)
    {
        emu_fault('token.authorization_code', {type => 'patch',
            set => {expires_in => $value}});
        my $res = login(my $b = browser(), email => MEMBER,
                        password => PASSWORD);
        my $cookie = $b->cookie('wix_auth');

        if (!$cookie) {
            is($res->status, 502, "expires_in $value: refused");
            next;
        }
        my $remain = remain(get($b));
        cmp_ok($remain, '>=', $value == 1 ? -1 : 3590, "expires_in $value");
        cmp_ok($remain, '<=', $value, 'is no more than that');
        cmp_ok($remain, '<=', 366 * 86400, 'nor than a year');
    }
    emulator()->clear_faults;
};


subtest 'row 32: what a member calls himself is no header' => sub {
    my %evil = (
        'CR LF'       => "a\r\nX-Injected: 1",
        'lone CR'     => "a\rX-Injected: 1",
        'lone LF'     => "a\nX-Injected: 1",
        'folded'      => "a\r\n X-Injected: 1",
        'end of head' => "a\r\n\r\n<b>body</b>",
        'NUL'         => "a\x00X-Injected: 1",
        'U+0085'      => "a\x{85}X-Injected: 1",
        'U+2028'      => "a\x{2028}X-Injected: 1",
        'encoded'     => 'a%0d%0aX-Injected: 1',
        'escape'      => "a\x1b[31mX",
        'delimiters'  => 'a, X-Injected=1; b|c&d=e',
        'markup'      => '"><script>alert(1)</script>',
        'long'        => 'a' x 5000,
    );
    my %clean;

    for my $what (sort keys %evil) {
        my $text = $evil{$what};
        my %set = map { ("member.$_" => $text) } qw(contactId status
            profile.nickname profile.slug profile.photo.url
            contact.firstName contact.lastName loginEmail
            loginEmailVerified);
        my $id = emu_fault('members-my', {type => 'patch', set => \%set},
                           count => -1);
        my $b = browser(base => more(''));

        login($b, email => BOB, password => PASSWORD);
        $emu->clear_faults($id);
        ok($b->cookie('wix_auth'), "$what: a member all the same") or next;

        $up->clear;
        my $res = $b->get('/told/x');
        my ($seen) = $up->requests;

        is($res->status, 200, "$what: served");
        unlike($res->{head} . "\n", qr/^\s*X-Injected|[^\t\r\n -~\x80-\xff]/m,
               "$what: the answer's head");
        unlike($res->{head}, qr/\xc2[\x80-\x9f]|\r(?!\n)/,
               "$what: no control character in it");
        like($res->body, qr/\A\{"body/, "$what: the site's body");

        my @names = grep { !/^v-/ } keys %{$seen->{headers}};
        my @odd = grep { !$clean{$_} } @names;
        if (!%clean) { $clean{$_} = 1 for @names; @odd = () }
        is_deeply(\@odd, [], "$what: no header more for the site");

        for my $value (map { @$_ } @{$seen->{headers}}{
            grep { /^v-/ } keys %{$seen->{headers}}})
        {
            utf8::downgrade($value);
            fail("$what: a control character for the site")
                if $value =~ /[\x00-\x1f\x7f]|\xc2[\x80-\x9f]/;
        }

        my $json = $b->get('/_wix/session')->json // {};
        is(join(' ', sort keys %$json), 'authenticated expiresIn member',
           "$what: the session's JSON");
    }
};


subtest 'row 34: no cache keeps an answer of ours' => sub {
    my ($bob) = sessions(1, email => BOB);
    my $front = 'http://localhost:' . port('FRONT_PORT');
    my $cookie = {Cookie => $bob->cookie_header('http', 'localhost', '/')};
    my @asked;

    for my $path (qw(/ /need /need?x /site /_wix/ /_wix/nothing),
                  map { "/_wix/$_" } qw(login register verify recover
                  callback logout session session?require=1 login?wix=1
                  callback?code=a&state=b callback?error=access_denied
                  login?return=%2Fx))
    {
        for my $who ({@nav}, {Accept => 'application/json'},
                     {@nav, %$cookie},
                     {Accept => 'application/json', %$cookie},
                     {Authorization => 'Bearer x'})
        {
            for my $method (qw(GET HEAD)) {
                push @asked, map {
                    [$method, $path, $stranger->request($method,
                        "$front$path", headers => $who)]
                } 1, 2;
            }
        }
    }

    my (@kept, @permanent, @header, %seen);
    for (@asked) {
        my ($method, $path, $res) = @$_;
        my $control = join ',', $res->headers('Cache-Control');

        $seen{$res->status}++;
        push @kept, "$method $path: " . $res->header('X-Cache')
            if ($res->header('X-Cache') // '') !~ /^(?:MISS|BYPASS)?$/;
        push @permanent, "$method $path: " . $res->status
            if $res->status =~ /^(?:301|308)$/;
        push @header, "$method $path, " . $res->status . ": $control"
            if $control !~ /^(?:no-store|private)$/;
        push @header, "$method $path is private, " . $res->status
            if $control eq 'private' && $res->status != 200;
    }

    is_deeply(\@kept, [], 'all come from the gate');
    is_deeply(\@permanent, [], 'no redirect is for ever');
    is_deeply(\@header, [], 'ours are no-store, the site\'s private');
    is_deeply([sort keys %seen], [qw(200 204 302 303 400 401 403 404 405)],
              'of many kinds') or diag explain \%seen;

    my @files = grep { -f } split /\n/,
        `find $nginx->{dir}/front -type f`;
    is_deeply(\@files, [], 'and the cache is empty');
};


subtest 'row 35: a cache behind the gate, with the documented key' => sub {
    ok($key, 'the documentation has a key') or return;

    my $base = 'http://localhost:' . port('CACHE_PORT');
    my %id;

    for my $round (1 .. 3) {
        for my $email (MEMBER, BOB) {
            my $b = $id{$email}{browser} //= sessions(1, email => $email);
            my $res = $b->get("$base/page");
            my $id = ($res->json // {})->{headers}{'x-id'}[0] // '';

            is($res->status, 200, "$email: served");
            is($res->header('X-Cache'), $round == 1 ? 'MISS' : 'HIT',
               "$email: " . ($round == 1 ? 'from the site' : 'cached'));
            is($id, $id{$email}{id} //= $id, "$email: his own page");
        }
    }
    isnt($id{+MEMBER}{id}, $id{+BOB}{id}, 'which are two');
    is($stranger->get("$base/page", headers => {@nav})->status, 302,
       'a stranger gets none of them');
};


subtest 'row 36: what Wix says in confidence is in no log' => sub {
    my $mark = 'confidential-7f3a9c';
    my $from = length $nginx->error_log;
    my %body = (
        message => $mark, error => 'invalid_request',
        error_description => $mark, access_token => $mark,
        details => {applicationError => {code => '-19999',
            description => $mark, data => {mail => $mark}}},
    );
    my @ops = qw(login register verify recovery redirect-session.auth
                 redirect-session.logout token.anonymous token-info
                 token.authorization_code token.refresh_token members-my);

    for my $status (400, 403, 500) {
        for my $op (@ops) {
            emu_fault($op, {type => 'status', status => $status,
                contentType => 'application/json', body => \%body},
                count => $op eq 'token.anonymous' ? 1 : -1);
        }

        my $b = browser();
        $b->post('/_wix/login', json => {email => MEMBER,
                                         password => PASSWORD});
        $b->post('/_wix/login', json => {email => MEMBER,
                                         password => PASSWORD});
        $b->post('/_wix/register', json => {email => 'new@example.com',
                                            password => 'secret-of-new'});
        $b->post('/_wix/recover', json => {email => MEMBER});
        wait_for { emu_count('recovery') } 3;
        emulator()->clear_faults;

        # later steps, each of which fails in its turn
        for my $op (qw(redirect-session.auth token.authorization_code
                       members-my redirect-session.logout))
        {
            my $id = emu_fault($op, {type => 'status', status => $status,
                contentType => 'application/json', body => \%body},
                count => -1);
            my $c = browser(base => more(''));
            login($c, email => BOB, password => PASSWORD);
            $c->post('/_wix/logout', form => {});
            emulator()->clear_faults($id);
        }
    }

    my @lines = grep { /wix_auth: / } split /\n/,
        substr $nginx->error_log, $from;
    cmp_ok(scalar @lines, '>', 10, 'failures are logged');
    is_deeply([grep { /\Q$mark\E/ } @lines], [],
              'by status and code, not by what else there is');
    like(substr($nginx->error_log, $from), qr/ \[debug\] /,
         'at level debug as well')
        if WixAuthTest::Nginx::version() =~ /--with-debug/;
};


# The harness reads all logs of every test file for every secret of its run.
# Does it see one?
subtest 'row 36: a secret in a log is found' => sub {
    my $leaky = start_nginx(scan => 0, conf => <<'END');
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
log_format leaky '$request $sent_http_set_cookie';
access_log %%DIR%%/access.log leaky;
server {
    listen 127.0.0.1:%%LEAK_PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { return 204; }
}
END
    my $b = browser(base => 'http://localhost:' . port('LEAK_PORT'));
    login($b, email => MEMBER, password => PASSWORD);
    my $cookie = $b->cookie('wix_auth')->{value};
    $leaky->stop;

    my @lines = split /\n/, $leaky->access_log;
    my @found = WixAuthTest::Nginx::leaks(
        [{kind => 'cookie', value => $cookie}], \@lines, []);

    is(scalar(grep { /\Q$cookie\E/ } @lines), 1, 'it is there');
    is(scalar @found, 1, 'and is found');
    like($found[0] // '', qr/^leak of cookie: /, 'as what it is');

    my @half = map { s/\Q$cookie\E/substr $cookie, 0, 30/er } @lines;
    is(scalar(WixAuthTest::Nginx::leaks(
        [{kind => 'cookie', value => $cookie}], \@half, [])), 1,
       'half of it as well');
};


subtest 'row 38: Wix takes longer than anybody waits' => sub {
    short_tokens(1);
    my $b = expired(1);
    my $before = refreshes();
    my $id = refresh_fault({type => 'delay', seconds => slow(1)});

    my @res = concurrent(200, $b->clone, GET => '/short', headers => {@nav});
    my %seen;
    $seen{verdict($_)}++ for @res;

    is_deeply(\%seen, {'200 STALE upstream_timeout' => 200},
              '200 requests pass with the old token');
    is(refreshes() - $before, 1, 'one call');

    ok((wait_for { remain(get($b)) > 1000 } 8), 'its answer is kept');
    is(refreshes() - $before, 1, 'and was the only one');
    like(verdict(get($b)), qr/^200 HIT/, 'nobody is logged out');
};


# One connection for each fetch; all of them ask, and only then is read.
sub volley {
    my ($conns, $b) = @_;
    my %seen;

    $_->send($b, GET => '/', headers => {@nav}) for @$conns;

    for my $c (@$conns) {
        my $res = $c->read;
        $seen{!$res ? 'no answer' : $res->{error} // $res->status}++;
    }
    return \%seen;
}

subtest 'row 41: forty fetches at the instant of the expiry' => sub {
    my $rounds = $clock ? ROUNDS : 4;

    emulator()->configure(accessTtl => $clock ? LIFE : 1);
    short_tokens($clock ? LIFE : 1);

    my $b = sessions(1);
    my @conns = map { conn() } 1 .. FETCHES;
    my $before = refreshes();
    my (%seen, %pid);

    for my $round (1 .. $rounds) {
        if ($clock) {
            $clock->advance(LIFE + 1);
        } else {
            sleep 1.1;
        }

        my $got = volley(\@conns, $b);
        $seen{$_} += $got->{$_} for keys %$got;
    }

    is_deeply(\%seen, {200 => $rounds * FETCHES}, $rounds . ' times '
              . FETCHES . ' requests, all served');

    my $calls = refreshes() - $before;
    cmp_ok($calls, '<=', $rounds + 3, "$calls refreshes of $rounds");
    cmp_ok($calls, '>=', $rounds * 0.9, 'each time the token had ended');
    is((grep { ($_->{status} // 0) != 200 } refresh_log()), 0,
       'none of which Wix has refused');

    $_->close for @conns;
    emulator()->configure(accessTtl => 14400);
};


subtest 'row 44: a token of a second is refreshed once a second' => sub {
    for my $value (1, '1') {
        my $id = refresh_fault({type => 'patch', set => {
            expires_in => $value}}, count => -1);
        short_tokens(1);
        my $b = expired(1);
        my $before = refreshes();
        my $end = time + 2.5;
        my $n = 0;

        while (time < $end) {
            is(get($b)->status, 200, 'served') or last;
            $n++;
        }
        my $calls = refreshes() - $before;

        cmp_ok($n, '>', 3 * $calls, "$n requests, $calls calls");
        cmp_ok($calls, '<=', 4, 'at most one a second');
        clear_fault($id);
    }
};


# A worker that dies with the lock of the zone in its hands.  That moment is
# too short to hit, so it is made: its number is written into the lock.
subtest 'row 50: the zone outlives whoever holds its lock' => sub {
    short_tokens(14400);
    my ($b) = sessions(1);
    my ($holder, $other) = (conn());
    my $pid = $holder->pid($b);

    for (1 .. 200) {
        $other = conn();
        last if $other->pid($b) != $pid;
        $other = undef;
    }
    ok($other, 'two workers') or return;

    no warnings 'portable';
    my ($at) = grep { defined } map {
        /^([0-9a-f]+)-([0-9a-f]+) rw-s / && hex($2) - hex($1) == ZONE
            ? hex $1 : undef
    } split /\n/, slurp("/proc/$pid/maps");
    ok($at, 'the zone in the worker\'s memory') or return;

    open my $mem, '+<', "/proc/$pid/mem"
        or plan skip_all => "no writing into another process: $!";
    sysseek $mem, $at, 0;
    sysread $mem, my $lock, 8;
    is(unpack('Q<', $lock), 0, 'the lock is free');

    sysseek $mem, $at, 0;
    is(syswrite($mem, pack 'Q<', $pid), 8, 'now it is held');
    close $mem;

    # a request of a member needs the zone
    $other->send($b, GET => '/');
    my $waits = !IO::Select->new($other->sock)->can_read(slow(0.3));
    ok($waits, 'others wait for it');

    allow_log(qr/shared memory zone "members" was locked by $pid/);
    my $start = time;
    $nginx->kill_worker($pid);

    my $res = $other->read;
    is($res && verdict($res), '200 HIT', 'until the holder is dead');
    cmp_ok(time - $start, '<', slow(3), 'and not for long');
    is(scalar(my @l = $nginx->log_lines(qr/was locked by $pid/)), 1,
       'the master has freed it');
    is(verdict(get($b)), '200 HIT', 'all go on');
    is(login(browser(), email => BOB, password => PASSWORD)->status, 200,
       'writing as well');
};


subtest 'row 52: 100 MB while the token is refreshed' => sub {
    short_tokens(1);
    my $b = expired(1);
    my $size = 100 * 1024 * 1024;
    my $part = join '', map { chr } 0 .. 255;
    my $body = $part x ($size / length $part);
    my $before = refreshes();

    refresh_fault({type => 'delay', seconds => 0.3});
    my $res = $b->post('/site/large', body => $body, headers => {
        'Sec-Fetch-Mode' => 'cors', 'Content-Type' => 'application/x'});
    my $got = $res->json // {};

    is(verdict($res), '200 REFRESHED', 'after a refresh');
    is($got->{length}, $size, 'all of it has arrived');
    is($got->{body_md5}, Digest::MD5::md5_hex($body), 'as it was sent');
    is(refreshes() - $before, 1, 'one call');
};


subtest 'row 54: each cookie once, whatever the answer is' => sub {
    my $once = sub {
        my ($res, $what, %want) = @_;
        my %seen;

        $seen{/^([^=]+)=/ ? $1 : $_}++ for $res->headers('Set-Cookie');
        is_deeply(\%seen, \%want, $what) or diag $res->{head};
    };
    my $two = join '&', map { '__header=' . url_escape("Set-Cookie:$_") }
        'a=1; Path=/', 'b=2; Path=/';

    # the first page of a visitor, with two cookies of the site's own
    for my $status (200, 201, 204, 206, 301, 302, 303, 304, 307, 308, 400,
                    404, 410, 500, 503)
    {
        my $res = browser()->get("/shop/x?__status=$status&$two");
        is($res->status, $status, "$status of the site");
        $once->($res, "$status: ours and both of the site's",
                wix_auth => 1, a => 1, b => 1);
        is($res->header('X-More'), 'more', "$status: beside add_header");
    }

    # files: a part, and one that has not changed
    my $b = browser();
    my $res = $b->get('/file/some.html', headers => {Range => 'bytes=0-9'});
    is($res->status, 206, '206 of a file');
    $once->($res, '206: ours', wix_auth => 1);

    my $etag = $res->header('ETag');
    $res = browser()->get('/file/some.html',
                          headers => {'If-None-Match' => $etag});
    is($res->status, 304, '304 of a file');
    $once->($res, '304: ours', wix_auth => 1);

    # who has one already gets no other; a program and a socket get none
    $res = $b->get("/shop/x?$two");
    $once->($res, 'the second page', a => 1, b => 1);
    $res = browser()->head("/shop/x?$two");
    $once->($res, 'HEAD', a => 1, b => 1);
    $res = raw_response(port('PORT'), "GET /shop/socket HTTP/1.1\r\n"
        . "Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        . "Sec-Fetch-Mode: navigate\r\n\r\n",
        until => qr/\r\n\r\n/);
    $once->($res, 'an upgrade');

    # a login: all that it sets, each once
    my @chain = login(browser(), email => MEMBER, password => PASSWORD)
        ->chain;
    $once->($chain[0], 'the form', wix_auth_b => 1, wix_auth_r => 1);
    my ($back) = grep { $_->set_cookie('wix_auth') } @chain;
    is(scalar(grep { /^wix_auth=/ } $back->headers('Set-Cookie')), 1,
       'the session');
    is($back->status, 303, 'with a 303');
};


# moves the clock for good, so it comes last
subtest 'row 30: after January 2038' => sub {
    plan skip_all => scalar WixAuthTest::Clock->missing if !$clock;

    my $target = POSIX::mktime(0, 0, 0, 1, 0, 140);
    all_expired(int($target - time - $clock->{seconds}));
    $emu->advance(int($target - time));
    short_tokens(14400);

    my $b = browser();
    my $res = login($b, email => MEMBER, password => PASSWORD);
    my $cookie = $b->cookie('wix_auth');

    is($res->status, 200, 'a login in 2040');
    is($cookie->{max_age}, 3650 * 86400, 'a cookie of ten years')
        if $cookie;
    is(verdict(get($b)), '200 HIT', 'a session');
    cmp_ok(abs(remain(get($b)) - 14400), '<', 60, 'a token of four hours');
    my $json = $b->get('/_wix/session')->json // {};
    cmp_ok($json->{expiresIn} // 0, '>', 3649 * 86400, 'ten years to go');

    all_expired(14401);
    is(verdict(get($b)), '200 REFRESHED', 'a refresh');
    is($b->post('/_wix/logout', form => {})->status, 303, 'a logout');
    is(get($b)->status, 401, 'which ends it');
};

done_testing();
