#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# wix_auth_zone ... state=file: sessions outlive a restart, a crash and an
# upgrade; what cannot be used is refused whole and kept aside; nobody waits
# for a save.
#
# quiet

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Time::HiRes qw(sleep time);
use WixAuthTest;
use WixAuthTest::Refresh;
use WixAuthTest::StateFile;
use WixAuthTest::StateServer;

# sessions that t/lib/state-file.c makes; the last ten have expired
use constant {MANY => 20_000, LIVE => 19_990};

# a limit of file sizes must not kill an nginx
$SIG{XFSZ} = 'IGNORE';

# Four, so that they wait for their saves side by side: what is stopped and
# started, what is killed, what is upgraded, and what has many sessions.

state_servers(qw(main crash up many));
many_sessions(file('many'));

server('main', workers => 2);
server('crash', workers => 2, user => 'www-data');
server('up', workers => 2);
server('many', zone => '128m');
detach('up');

my $main = $server{main};

subtest 'a new file' => sub {
    for my $file (slots('main')) {
        is((stat $file)[2] & 07777, 0600, "$file: for its owner alone");
    }

    like($main->error_log,
         qr/\[notice\].* nothing is in state file ".*sessions" yet/,
         'it is no error that there was none');
};

# some with tokens that must be refreshed soon
short_tokens(1);
$b{main} = [sessions(3, base => $main->{base})];
$b{out} = sessions(1, base => $main->{base});
$b{guest} = browser(base => $main->{base});
is(guest()->header('X-Status'), 'VISITOR', 'a visitor');

short_tokens(600);
$b{$_} = [sessions(2, base => $server{$_}{base})] for qw(crash up);


subtest 'QUIT and start: nobody is logged out' => sub {
    my ($b, @rest) = @{$b{main}};
    expire($b);
    is(verdict(get($b)), '200 REFRESHED', 'one has a refreshed token');

    my @shown = qw(X-Member X-Nick X-Mail X-Remain X-Session-Remain);
    my $res = get($b);
    my %was = map { $_ => $res->header($_) // '' } @shown;
    my $guest = guest()->header('X-Token');

    is($was{'X-Nick'}, 'Nick-of-Ann', 'and a profile');
    is($b{out}->post('/_wix/logout', json => {})->status, 200,
       'another one leaves');

    my $log = restart('main');
    like($log, qr/ zone "members" has 4 sessions of state file "\Q@{[file('main')]}\E", saved \d+ s ago; 0 had expired, 0 did not fit/,
         'the log says what was read');

    $res = get($b);
    is(verdict($res), '200 HIT', 'logged in');
    for (@shown) {
        my $now = $res->header($_) // '';
        if (/Remain/) {
            cmp_ok(abs($now - $was{$_}), '<', slow(10), "$_ has gone on");
        }
        else {
            is($now, $was{$_}, "$_ is the same");
        }
    }

    is(guest()->header('X-Token'), $guest, 'the visitor is the same');
    is(get($b{out})->status, 401, 'who has left stays out');

    # the token that Wix gave last is the one that was kept
    my $before = refreshes();
    is(verdict(get($_)), '200 REFRESHED', 'an old token is refreshed')
        for @rest;
    is(refreshes() - $before, 2, 'by one call each');
    all_in('main');
};

subtest 'TERM, and an upgrade of the key' => sub {
    restart('main', signal => 'TERM');
    all_in('main', 'after TERM');

    for my $keys ([qw(older key)], [qw(older)], [qw(key older)], [qw(key)]) {
        restart('main', keys => $keys);
        all_in('main', "keys: @$keys");
    }
};

subtest 'all is in one slot, and nothing in clear' => sub {
    stop('main');
    my ($file, $other) = slots('main');
    my $bytes = bytes($file);

    is(slot($bytes)->{records}, 4, 'three members and a visitor');
    is(-s $other, 0, 'the other slot is empty');

    my @secret = ((map { $_->{value} } emu_secrets()), PASSWORD, MEMBER,
                  'Nick-of-Ann', map { $_->cookie('wix_auth')->{value} }
                  @{$b{main}}, $b{guest});
    cmp_ok(scalar @secret, '>', 20, 'secrets to look for');

    my @seen = grep {
        length >= 6 && (index($bytes, $_) >= 0
                        || index($bytes, substr $_, -20) >= 0)
    } @secret;
    is(scalar @seen, 0, 'none is there') or diag "@seen";

    # what is sealed looks like noise
    my %n;
    $n{$_}++ for unpack 'C*', substr $bytes, START;
    cmp_ok((sort { $b <=> $a } values %n)[0], '<', length($bytes) / 64,
           'no byte stands out');

    $main->start;
};

subtest 'reloads, the zone smaller and larger' => sub {
    for my $zone ('2m', '4m', '1m') {
        configure('main', zone => $zone);
        ok($main->reload, "a reload with $zone");
        all_in('main');
    }

    # a new key: soon nothing is sealed with the old one any more
    my $from = -s $main->error_file;
    configure('main', keys => ['older', 'key']);
    my $id = slot(bytes(file('main'), HEADER))->{key};
    ok($main->reload, 'a reload with a new key');
    ok((wait_for {
        2 == grep { my $slot = slot(bytes($_, HEADER));
                    $slot && $slot->{key} != $id } slots('main')
    } 15), 'it seals both slots');
    configure('main', keys => ['older']);
    ok($main->reload, 'a reload without the old key');
    unlike(substr($main->error_log, $from), qr/\[error\].* state file/,
           'is of no consequence');
    configure('main', keys => ['key', 'older']);
    all_in('main');

    # under load, and with one more session between
    my $stop = folder('main') . '/stop';
    my @load = map { load($stop, @{$b{main}}) } 1 .. 2;

    for (1 .. 5) {
        $main->reload;
        push @{$b{main}}, sessions(1, base => $main->{base});
    }

    spew($stop, "1\n");
    my %seen;
    for my $out (@load) {
        $seen{$_}++ for map { chomp; $_ } <$out>;
        close $out;
    }
    unlink $stop;
    is_deeply([keys %seen], ['200 HIT'], 'all requests were served')
        or diag explain \%seen;
    cmp_ok($seen{'200 HIT'} // 0, '>', 50, 'and there were some');

    # the configuration that is in force saves, no older one
    ok((wait_for { newest('main')->{records} == @{$b{main}} + 1 } 15),
       'the newest configuration saves');
    restart('main', zone => '2m');
    all_in('main');
};

subtest 'nginx -t touches nothing' => sub {
    # no save of the running one comes between
    kill STOP => $main->worker_pids;

    my $dir = folder('main') . '/test';
    mkdir $dir;

    for my $case (['the file of a running nginx', $main->{conf}],
                  ['one that cannot be used', undef, 'rubbish'],
                  ['none'])
    {
        my ($name, $conf, $content) = @$case;
        $conf //= $main->{conf} =~ s{/state-main/}{/state-main/test/}r;
        unlink "$dir/sessions";
        spew("$dir/sessions", $content) if defined $content;
        chmod 0600, "$dir/sessions";

        my @was = everything(folder('main'));
        my ($ok, $out) = nginx_t(conf => $conf);
        ok($ok, "$name: passes") or diag $out;
        is_deeply([everything(folder('main'))], \@was, 'nothing has changed');
    }

    unlink "$dir/sessions";
    rmdir $dir;
    kill CONT => $main->worker_pids;
};


subtest 'saved in an interval, by workers of another user' => sub {
    SKIP: {
        skip 'only root has workers of another user', 1 if $> != 0;
        my ($pid) = $server{crash}->worker_pids;
        is((stat "/proc/$pid")[4], scalar getpwnam('www-data'),
           'the workers are www-data\'s');
    }

    is((stat folder('crash'))[2] & 07777, 0700, 'the directory is closed');
    saved('crash');
};

subtest 'kill -9 of everything' => sub {
    crash('crash');
    $server{crash}->start;
    all_in('crash');

    push @{$b{crash}}, sessions(1, base => $server{crash}{base});
    saved('crash');
    crash('crash');

    is((grep { slot(bytes($_)) } slots('crash')), 2, 'both slots are whole');
};

# from here on these two
my %kept = map { $_ => bytes($_) } slots('crash');
my ($new, $old) = sort {
    slot($kept{$b})->{generation} <=> slot($kept{$a})->{generation}
} keys %kept;

subtest 'kill -9 in the middle of a save' => sub {
    is(slot($kept{$old})->{records}, 2, 'the save before is without the third');

    # the header is wiped first and written last
    put($new, "\0" x HEADER . substr $kept{$new}, HEADER);

    my $log = start('crash');
    like($log, qr/ the last save into state file .* was not finished, the one before it is used/,
         'the log says it');
    unlike($log, qr/\[error\].* state file/, 'nothing is refused');
    is_deeply([map { get($_)->status } @{$b{crash}}], [200, 200, 401],
              'the sessions of the save before');
    crash('crash');

    # the first one of all
    put($new, "\0" x HEADER . substr $kept{$new}, HEADER);
    unlink $old;
    $log = start('crash');
    like($log, qr/was not finished, and there is none before it/,
         'the first save of all');
    unlike($log, qr/\[error\].* state file/, 'nothing is refused');
    crash('crash');
};

subtest 'killed while it writes' => sub {
    my $many = $server{many};

    ok((wait_for { 2 == grep { slot(bytes($_, HEADER)) } slots('many') } 30),
       'both slots are whole');

    # a login is followed by a save, which takes a while for so many
    sessions(1, base => $many->{base});
    ok((wait_for { saving('many') } 30), 'a save is under way');
    kill STOP => $many->worker_pids, $many->pid;
    is(saving('many'), 1, 'it is not finished');
    crash('many');

    my $log = start('many');
    like($log, qr/ was not finished, the one before it is used/, 'noticed');
    my ($n) = $log =~ / has (\d+) sessions of/;
    cmp_ok($n, '>=', LIVE, 'all sessions are back');
    is(verdict(get(one_of_many($_))), '200 HIT', "number $_")
        for 0, 1, LIVE / 2, LIVE - 1;
};

subtest 'the newest one damaged: the older one is not used' => sub {
    put($_, $kept{$_}) for keys %kept;
    put($new, flip($kept{$new}, -1));
    my %was = map { $_ => bytes($_) } keys %kept;

    my $log = start('crash');
    like($log, qr/\[error\].* state file "\Q$new\E" is damaged or has been changed; it was kept as "\Q$new.refused\E" \(the other slot as "\Q$old.refused\E"\), and zone "members" begins empty/,
         'refused');
    is(get($_)->status, 401, 'nobody is logged in') for @{$b{crash}};
    ok(bytes("$_.refused") eq $was{$_}, "$_ is kept") for keys %was;

    # which is how an admin gets the older one back
    stop('crash');
    clean('crash');
    put(file('crash'), $was{$old});
    start('crash');
    is_deeply([map { get($_)->status } @{$b{crash}}], [200, 200, 401],
              'the older one alone is good');
};


subtest 'requests do not wait for a save' => sub {
    my $seven = one_of_many(7);
    my $size = -s file('many');
    my ($c, @idle, @busy);

    # what it is like before a login, which is followed by a save
    ok((wait_for { !saving('many') } 15), 'no save is under way');
    my $end = time + slow(40);

    while (time < $end) {
        # a connection has at most 1,000 requests
        $c = conn(port => $port{many}) if (@idle + @busy) % 500 == 0;
        sessions(1, base => $server{many}{base}) if @idle == 200 && !@busy;

        my $before = saving('many');
        my $began = time;
        my $res = $c->get($seven, '/');
        my $took = time - $began;
        verdict($res) eq '200 HIT' or last;

        push @{$before ? \@busy : \@idle}, $took;
        last if @busy > 100 && !saving('many');
        sleep 0.005 if !$before && @idle > 200;
    }

    cmp_ok(scalar @busy, '>', 100, 'requests during a save');
    my ($idle, $busy) = map { [sort { $a <=> $b } @$_] } \(@idle, @busy);
    my $at = sub { sprintf '%.2f', 1000 * $_[0][$_[1] * $#{$_[0]}] };

    note sprintf '%d sessions, %d bytes; ms a request: idle %s (95 %%: %s), '
        . 'saving %s (95 %%: %s, longest %s)', MANY, $size,
        (map { ($at->($_, 0.5), $at->($_, 0.95)) } $idle, $busy),
        $at->($busy, 1);

    cmp_ok($at->($busy, 0.95), '<', slow(10) + 2 * $at->($idle, 0.95),
           '95 % are as quick as ever');
    cmp_ok($at->($busy, 1), '<', slow(150), 'none waits long');
};

subtest 'no room on the disk' => sub {
    my $many = $server{many};
    my ($pid) = $many->worker_pids;
    my $errors = sub {
        grep { /\[error\].* state file .* cannot be written/ }
            split /\n/, $many->error_log;
    };

    is(system('prlimit', '--pid', $pid, '--fsize=8000000:unlimited'), 0,
       'files may not grow beyond 8 MB');

    my @b = sessions(1, base => $many->{base});
    ok((wait_for { $errors->() == 1 } 15), 'an error');
    like(($errors->())[0], qr/file "\Q@{[file('many')]}\E(?:\.1)?" cannot be written, sessions of zone "members" are not saved \(27: /,
         'that says what and why');
    is(verdict(get($b[0])), '200 HIT', 'sessions live in memory');

    # one line, however often it fails
    my ($torn) = grep { !slot(bytes($_, HEADER)) } slots('many');
    my $tried = (Time::HiRes::stat($torn))[9];
    ok((wait_for { (Time::HiRes::stat($torn))[9] > $tried + 0.5 } 15),
       'it is tried again');
    is(scalar $errors->(), 1, 'without another line');

    system('prlimit', '--pid', $pid, '--fsize=unlimited:unlimited');
    ok((wait_for { $many->error_log =~ /state file .* is written again/ } 15),
       'with room again it is written again');
    ok((wait_for { newest('many')->{records} > LIVE } 5), 'all of it');
};

subtest 'a file that is removed' => sub {
    my $many = $server{many};
    stop('many');
    unlink slots('many');
    configure('many', zone => '2m');
    start('many');
    my @b = sessions(1, base => $many->{base});
    unlink slots('many');

    ok((wait_for { $many->error_log =~ /\[error\].* state file .*sessions" cannot be read, sessions .* are not saved \(2:/ } 15),
       'is missed');

    restart('many');
    is(verdict(get($b[0])), '200 HIT', 'and made anew at the end');
};


subtest 'USR2: the new binary takes over' => sub {
    my $up = $server{up};
    saved('up');

    my $new = upgrade('up');

    # what is done in the old one from now on stays there
    my @heirs = children($new);
    kill STOP => @heirs;
    my $late = sessions(1, base => $up->{base});
    ok((wait_for { $up->error_log =~ /a newer nginx saves into state file/ }
        15), 'the old one has noticed');
    is(verdict(get($late)), '200 HIT', 'it serves');
    is(newest('up')->{records}, 2, 'but does not save');
    kill CONT => @heirs;

    kill WINCH => $up->pid;
    ok((wait_for { !$up->worker_pids(all => 1) } 10), 'old workers go');
    all_in('up', 'in the new ones');

    push @{$b{up}}, sessions(1, base => $up->{base});
    saved('up');

    kill STOP => @heirs;
    my @was = map { bytes($_) } slots('up');
    is($up->stop('QUIT'), 0, 'the old master quits');
    ok((join '', @was) eq (join '', map { bytes($_) } slots('up')),
       'and leaves the file alone');
    kill CONT => @heirs;

    kill QUIT => $new;
    ok((wait_for { !alive($new) } 10), 'the new one quits');
    is(-s file('up') . '.1', 0, 'and saves');
    start('up');
    all_in('up', 'after a restart');
};

subtest 'USR2 that is taken back' => sub {
    my $up = $server{up};
    my $new = upgrade('up');

    kill WINCH => $up->pid;
    ok((wait_for { !$up->worker_pids(all => 1) } 10), 'old workers go');

    # the old master starts workers without reading its configuration
    kill HUP => $up->pid;
    ok((wait_for { $up->worker_pids == 2 } 10), 'and come back');
    kill QUIT => $new;
    ok((wait_for { !alive($new) } 10), 'the new binary goes');

    push @{$b{up}}, sessions(1, base => $up->{base});
    saved('up');
    all_in('up');
    restart('up');
    all_in('up', 'after a restart');
};

subtest 'USR2 whose new binary dies' => sub {
    my $up = $server{up};
    my $new = upgrade('up');
    my @heirs = children($new);

    kill KILL => $new, @heirs;
    ok((wait_for { !grep { alive($_) } $new, @heirs } 10), 'all of it');
    push @{$up->{allow}}, qr/process $new exited on signal 9/;

    push @{$b{up}}, sessions(1, base => $up->{base});
    saved('up');
    all_in('up', 'the old one saves again');
};

subtest 'what a refresh has brought is saved too' => sub {
    my $up = $server{up};

    short_tokens(1);
    my $b = sessions(1, base => $up->{base});
    push @{$b{up}}, $b;
    saved('up');
    expire($b);

    my $saved = newest('up')->{generation};
    emulator()->configure(accessTtl => 1);
    is(verdict(get($b)), '200 REFRESHED', 'Wix has given another token');
    emulator()->configure(accessTtl => 14400);
    renewed($b, 1);
    ok((wait_for { newest('up')->{generation} > $saved } 10),
       'which is a reason to save');

    # a save that has this one has the refresh for certain
    short_tokens(600);
    push @{$b{up}}, sessions(1, base => $up->{base});
    saved('up');

    crash('up');
    start('up');
    expire($b);
    is(verdict(get($b)), '200 REFRESHED', 'Wix takes the token that was kept');
    all_in('up');
};


# What is wrong with a file, made of a good one: it is refused with one line,
# and kept byte for byte.  (That each bit matters is a unit test.)

stop('main');
my $good = bytes(file('main'));
my $last = START;
$last += 4 + unpack 'N', substr $good, $last, 4
    for 2 .. slot($good)->{chunks};

my $damaged = qr/is damaged or has been changed/;
my $sealed = qr/cannot be opened with a key of "wix_auth_session_key"/;

for my $case (
    ['a byte is missing', substr($good, 0, -1), qr/is truncated/],
    ['only the header', substr($good, 0, HEADER), qr/is truncated/],
    ['one byte', substr($good, 0, 1), qr/is truncated/],
    ['a byte too many', "$good\0", qr/has bytes behind its end/],
    ['garbage', join('', map { chr($_ * 7 % 251) } 1 .. 5000),
     qr/is no state file of this module/],
    ['another version', flip($good, 11),
     qr/has a format that this version of the module does not know/],
    ['the time of the save', flip($good, 39), $sealed],
    ['the boot id', flip($good, 50), $sealed],
    ['keys of the zone', flip($good, CLEAR + 20), $sealed],
    ['tag of the header', flip($good, HEADER - 1), $sealed],
    ['length of a chunk', flip($good, $last), $damaged],
    ['a record', flip($good, $last + 100), $damaged],
    ['tag of the last chunk', flip($good, -1), $damaged],
    ['sealed with another key', undef, $sealed],
) {
    my ($what, $bytes, $why) = @$case;

    subtest "refused: $what" => sub {
        my $file = file('main');

        clean('main');
        put($file, $bytes // $good);
        configure('main', keys => [defined $bytes ? 'key' : 'foreign']);

        my @lines = grep { /\[(?:warn|error|crit|alert)\].* state file/ }
            split /\n/, start('main');
        is(scalar @lines, 1, 'one line') or diag "@lines";
        like($lines[0] // '', qr/ \[error\] .* state file "\Q$file\E" $why.*; it was kept as "\Q$file.refused\E", and zone "members" begins empty$/,
             'that says all');
        is(get($b{main}[0])->status, 401, 'nobody is logged in');

        stop('main');
        is(slot(bytes($file))->{records}, 0, 'a new file was begun');
        ok(bytes("$file.refused") eq ($bytes // $good),
           'the old one is kept byte for byte');
    };
}

configure('main');

subtest 'not refused: who writes into it is no part of a save' => sub {
    clean('main');
    put(file('main'), flip($good, HEADER + 3));
    start('main');
    all_in('main');
    stop('main');
};

subtest 'not refused: empty files' => sub {
    clean('main');
    put($_, '') for slots('main');
    my $log = start('main');
    like($log, qr/nothing is in state file/, 'as if there were none');
    unlike($log, qr/\[(?:warn|error)\].*state file/, 'no complaint');
    stop('main');
};

subtest 'what was kept before is not overwritten' => sub {
    my $file = file('main');

    clean('main');
    spew($_, "older\n") for "$file.refused", map { "$file.refused.$_" } 1 .. 8;
    put($file, 'rubbish');
    restart('main', running => 0);
    stop('main');
    is(slurp("$file.refused.9"), 'rubbish', 'the next free name is taken');
    is(slurp($_), "older\n", "$_ is as it was")
        for "$file.refused", "$file.refused.8";

    put($file, 'more rubbish');
    like(start('main'), qr/\[error\].* is no state file of this module, and cannot be kept as "\Q$file\E\.refused\.9"; remove it, sessions of zone "members" are not saved/,
         'none is left: the log says so');
    my $b = sessions(1, base => $main->{base});
    is(verdict(get($b)), '200 HIT', 'sessions live in memory');
    stop('main');
    is(slurp($file), 'more rubbish', 'and the file stays');
};

subtest 'a smaller zone keeps who was there last' => sub {
    clean('main');
    many_sessions(file('main'));
    configure('main', zone => '2m');

    my ($fit, $expired, $left) = start('main') =~ / has (\d+) sessions of state file .*; (\d+) had expired, (\d+) did not fit/;
    is($expired, MANY - LIVE, 'what has expired is left out');
    is($fit + $left, LIVE, 'what does not fit is counted');
    cmp_ok($fit, '>', 500, 'the others are there');
    is(get(one_of_many($_, $main))->status, 200, "number $_")
        for 0, $fit - 1;
    is(get(one_of_many($_, $main))->status, 401, "not number $_")
        for $fit, LIVE - 1;

    # and they go on in their order: the next one costs the oldest
    sessions(1, base => $main->{base});
    is(get(one_of_many(1, $main))->status, 200, 'the newest stay');
    is(get(one_of_many($fit - 2, $main))->status, 401,
       'the oldest make room');
};

subtest 'a save that did not reach the disk' => sub {
    stop('main');
    configure('main', zone => '64m');

    my ($file, $other) = slots('main');
    many_sessions($other);

    # it is newer, of a system that went down before it was written out
    many_sessions($file, 'boot');
    my $newer = bytes($file);

    for my $case (['whole', $newer, $file],
                  ['a page is old', flip($newer, 500_000), $other],
                  ['the size is that of the next', substr($newer, 0, -9),
                   $other])
    {
        my ($what, $bytes, $used) = @$case;
        put($file, $bytes);
        many_sessions($other);

        my $log = start('main');
        like($log, qr/ has @{[LIVE]} sessions of state file "\Q$used\E"/,
             "$what: the right one is used");
        like($log, qr/ was not finished, the one before it is used/, 'and why')
            if $used ne $file;
        unlike($log, qr/\[error\].* state file/, 'nothing is refused');
        crash('main');
    }

    # what is damaged beyond that is refused as ever
    for my $case (['nothing is beside it', flip($newer, 500_000), 0],
                  ['its header is', flip($newer, 50), 1])
    {
        my ($what, $bytes, $beside) = @$case;
        clean('main');
        put($file, $bytes);
        many_sessions($other) if $beside;
        like(start('main'), qr/\[error\].* state file ".*it was kept as/,
             "$what: refused");
        crash('main');
    }

    clean('main');
    many_sessions($file);
    put($file, flip(bytes($file), 500_000));
    many_sessions($other);
    like(start('main'), qr/\[error\].* state file "\Q$file\E" is damaged/,
         'as is one that was synced');
};

# a file that others may read is good, but said
subtest 'modes' => sub {
    stop('main');
    put(file('main'), $good);
    chmod 0644, file('main');
    start('main');
    like(slurp($main->dir . '/stderr'), qr/\[warn\].* state file "\Q@{[file('main')]}\E" is open to other users of this machine; use "chmod 600" in /,
         'nginx warns at the start');
};

done_testing();


sub guest {
    return $b{guest}->get('/guest', headers => {
        Accept => 'text/html', 'Sec-Fetch-Mode' => 'navigate',
        'Sec-Fetch-Site' => 'none'});
}

# asks again and again until told to stop, in a process of its own
sub load {
    my ($stop, @b) = @_;

    my $pid = open(my $out, '-|') // die "fork: $!\n";
    return $out if $pid;

    $| = 1;
    while (!-e $stop) {
        for my $b (@b) {
            my $res = get($b);
            # a connection that no worker has accepted yet
            next if $res->{error};
            print verdict($res), "\n";
        }
        sleep 0.01;
    }
    POSIX::_exit(0);
}

sub many_sessions {
    my ($file, @boot) = @_;
    state_file($file, $key{key}, MANY, @boot);
    return;
}

sub one_of_many {
    my ($i, $nginx) = @_;
    my $b = browser(base => ($nginx // $server{many})->{base});
    $b->set_cookie(host => 'localhost', name => 'wix_auth',
                   value => state_cookie($i));
    return $b;
}
