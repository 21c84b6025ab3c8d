#!/usr/bin/perl

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Who may write a state file, and when: an old nginx that lingers, a new one
# that starts at once, a file that is set aside while old workers have it open,
# one that lies in the way.
#
# quiet

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";
use Time::HiRes qw(sleep time);
use WixAuthTest;
use WixAuthTest::Refresh;
use WixAuthTest::StateServer;

state_servers(qw(main new up twin single));

# one worker each: the one that saves
server($_, workers => 1) for qw(main new up);
detach($_) for qw(new up);

# nginx -s quit; nginx
for my $signal (qw(QUIT TERM)) {
    subtest "$signal and a start at once" => sub {
        my $main = $server{main};
        my ($stay, $leave) = sessions(2, base => $main->{base});
        ok((wait_for { newest('main')->{records} >= 2 } 15), 'saved');

        my $cookie = $leave->cookie('wix_auth')->{value};
        is($leave->post('/_wix/logout', json => {})->status, 200,
           'one has left');
        push @{$b{main}}, $stay, sessions(1, base => $main->{base});

        overlap('main', $signal);
        all_in('main');
        $leave->set_cookie(host => 'localhost', name => 'wix_auth',
                           value => $cookie);
        is(get($leave)->status, 401, 'who has left stays out');
    };
}

# An nginx that lingers: its workers have requests that do not end.  Each time
# it has changed something that it has not saved when the next one takes over.

for my $case (['a plain start', 'new'], ['USR2', 'up']) {
    my ($what, $name) = @$case;

    subtest "$what: an old nginx leaves a newer save alone" => sub {
        my $nginx = $server{$name};
        my $old = $nginx->pid;
        my ($stay, $leave) = sessions(2, base => $nginx->{base});
        $b{$name} = [$stay, $leave];
        saved($name);

        my @held = hold($name);
        my @lingering = children($old);
        my ($new, @late) = $name eq 'up' ? upgraded($name, $old)
            : replaced($name, $old);
        ok(scalar(grep { alive($_) } @lingering), 'old workers linger');

        # a login and a logout that only the new one knows
        $b{$name} = [$stay, @late, sessions(3, base => $nginx->{base})];
        my $cookie = $leave->cookie('wix_auth')->{value};
        is($leave->post('/_wix/logout', json => {})->status, 200,
           'one has left');
        saved($name);

        kill QUIT => $new;
        ok((wait_for { !alive($new) } 20), 'the new one ends');
        my $saved = newest($name)->{generation};
        is(newest($name)->{records}, scalar @{$b{$name}},
           'with all its sessions saved');
        ok(scalar(grep { alive($_) } @lingering), 'old workers linger');

        # their timer comes once a second
        my $claimed = bytes(file($name));
        ok(!(wait_for { newest($name)->{generation} != $saved } 3),
           'and do not save');
        ok(bytes(file($name)) eq $claimed, 'nor claim the file');

        close $_ for @held;
        ok((wait_for { !grep { alive($_) } $old, @lingering } 20),
           'until they end');
        is(newest($name)->{generation}, $saved, 'nor does their master');
        unlike($nginx->error_log, qr/is ours again/, 'and nobody says so');

        $nginx->{pid} = undef;
        start($name);
        all_in($name);
        $leave->set_cookie(host => 'localhost', name => 'wix_auth',
                           value => $cookie);
        is(get($leave)->status, 401, 'who has left stays out');
    };
}

# A reload that sets the file aside while workers of the old configuration go
# on, with descriptors on what lies under other names now.

subtest 'set aside with an empty second slot: old workers write nowhere' => sub {
    restart('main');
    is(-s file('main') . '.1', 0, 'the second slot is empty');

    my ($old, @held) = aside('main');

    # their first save was due two seconds after they had begun
    fill('main');
    ok(!(wait_for { grep { $_->{key} == $old } whole('main') } 4),
       'and they alone');

    crash('main');
    close $_ for @held;
    unlike(start('main'), qr/\[error\].* state file/, 'nothing is refused');
    all_in('main');
};

subtest 'set aside: what is kept does not change' => sub {
    stop('main');
    clean('main');
    configure('main');
    start('main');
    $b{main} = [];
    fill('main');

    my ($old, @held) = aside('main');
    my @kept = grep { -e } map { "$_.refused" } slots('main');
    is(scalar @kept, 2, 'both are kept');
    my @was = map { without_claim($_) } @kept;

    push @{$b{main}}, sessions(3, base => $server{main}{base});
    saved('main');
    ok(!(wait_for { join('', map { without_claim($_) } @kept)
                    ne join('', @was) } 4), 'nobody writes there');
    close $_ for @held;
};

# At the end the file may not be there any more, or something else may.

subtest 'a newest slot that was removed' => sub {
    restart('main', keys => ['foreign']);
    $b{main} = [];
    stop('main');
    clean('main');
    restart('main', running => 0);
    fill('main');

    my ($newest) = grep {
        slot(bytes($_, HEADER))->{generation} == newest('main')->{generation}
    } slots('main');
    unlink $newest;
    restart('main');
    all_in('main', 'all the same');
};

for my $i (0, 1) {
    subtest "slot $i: somebody else's file is not written over" => sub {
        my $file = (slots('main'))[$i];
        unlink slots('main');
        put($file, 'precious');

        my $from = -s $server{main}->error_file;
        stop('main');
        is(slurp("$file.refused"), 'precious', 'it is kept');
        like(substr($server{main}->error_log, $from), qr/\[error\].* state file "\Q$file\E" is no state file of this module; it was kept as "\Q$file.refused\E", and zone "members" is saved into a new one/,
             'and the log says so');
        start('main');
        all_in('main');
        unlink "$file.refused";
    };
}

subtest 'a hard link is not written to' => sub {
    stop('main');
    my $other = folder('main') . '/backup';
    link file('main'), $other or die "link: $!\n";
    my $was = bytes($other);

    like(start('main'), qr/\[error\].* state file ".*sessions" has another name \(a hard link\), sessions of zone "members" are not saved/,
         'an error');
    stop('main');
    ok(bytes($other) eq $was, 'nothing has changed');
    unlink $other;
    start('main');
    all_in('main', 'without it');
};

# by mistake; a symbolic link to the directory makes it the same file
subtest 'two servers with one file' => sub {
    rmdir folder('twin');
    symlink folder('main'), folder('twin') or die "symlink: $!\n";

    fill('main');
    server('twin', workers => 1);
    like($server{twin}->error_log,
         qr/\[warn\].* another nginx still writes state file/, 'a warning');
    $b{twin} = [sessions(1, base => $server{twin}{base})];
    ok((wait_for { newest('twin')->{records} == @{$b{main}} + 1 } 15),
       'but it has the file');

    push @{$b{main}}, sessions(1, base => $server{main}{base});
    ok((wait_for { $server{main}->error_log =~ /\[warn\].* a newer nginx saves into state file/ } 10),
       'the first one notices');
    stop('main');
    like($server{main}->error_log, qr/\[warn\].* has been taken over by another nginx, sessions of zone "members" are not saved/,
         'also at its end');

    restart('twin');
    all_in('twin');
    stop('twin');
};

subtest 'a single process: a zone of another size' => sub {
    server('single', master => 0);
    $b{single} = [];
    fill('single');
    configure('single', zone => '3m');
    my $nginx = $server{single};
    my $saved = newest('single')->{generation};
    kill HUP => $nginx->pid;
    ok((wait_for { $nginx->error_log =~ /has a new size, 2 sessions/ } 10),
       'after a reload');

    # Not asked for anything: nginx goes on to serve with the configuration
    # before, whose zones have gone.  The timer of such a zone would have come
    # before the first save of the new one.
    ok((wait_for { newest('single')->{generation} > $saved } 10),
       'the new zone is saved');
    ok(!$nginx->gone, 'nginx lives');
    crash('single');
    start('single');
    all_in('single');
};

done_testing();


# requests that a worker waits for
sub hold {
    my ($name) = @_;

    my @held = map {
        my $socket = IO::Socket::INET->new(
            PeerAddr => '127.0.0.1', PeerPort => $port{$name})
            or die "connect: $!\n";
        $socket->autoflush(1);
        print {$socket} join "\r\n", 'POST /_wix/login HTTP/1.1',
            'Host: localhost', 'Content-Type: application/json',
            'Content-Length: 100', '', '{';
        $socket;
    } 1 .. 3;

    # it takes one connection after the other: it has these
    is(get($b{$name}[0])->status, 200, 'a worker is at work');
    return @held;
}

# a reload with a key that opens nothing; gives the old one's id, and requests
# that hold workers
sub aside {
    my ($name) = @_;

    my @held = hold($name);
    my @lingering = $server{$name}->worker_pids;
    my ($slot) = whole($name);
    configure($name, keys => ['foreign']);
    ok($server{$name}->reload, 'a reload with another key');
    ok(scalar(grep { alive($_) } @lingering), 'old workers linger');
    return ($slot->{key}, @held);
}

# headers of whole saves
sub whole {
    my ($name) = @_;
    return grep { $_ } map { slot(bytes($_, HEADER)) } slots($name);
}

# logins until both slots have been written
sub fill {
    my ($name) = @_;
    for (1 .. 2) {
        push @{$b{$name}}, sessions(1, base => $server{$name}{base});
        saved($name);
    }
    is(scalar(my @whole = whole($name)), 2, 'both slots are in use');
    return;
}

sub without_claim {
    my ($file) = @_;
    my $bytes = bytes($file);
    substr $bytes, HEADER, START - HEADER, '';
    return $bytes;
}

# returns when its ports are free
sub quits {
    my ($name, $old) = @_;

    my $nginx = $server{$name};
    my $from = -s $nginx->error_file;
    kill QUIT => $old;
    ok((wait_for { 1 == (() = substr($nginx->error_log, $from) =~
        /gracefully shutting down/g) } 10), 'the old one serves no more');
    return;
}

# starts another one while the old one is still about to end
sub overlap {
    my ($name, $signal) = @_;

    my $nginx = $server{$name};
    my $old = $nginx->pid;
    # the port is taken at first, and each ends the pid file of the other
    push @{$nginx->{allow}}, qr/bind\(\) to .* failed \(98:/,
        qr/unlink\(\) ".*nginx\.pid" failed \(2:/;

    # its end takes a moment: a request goes on, or workers are slow to go
    my @workers = $nginx->worker_pids;
    my @held = $signal eq 'QUIT' ? hold($name) : ();
    my $from = -s $nginx->error_file;

    if ($signal eq 'QUIT') {
        quits($name, $old);
    }
    else {
        kill STOP => @workers;
        kill TERM => $old;
    }

    my $pid = $nginx->launch;

    # which the new one notices, whatever it does then
    my $noticed = $signal eq 'QUIT'
        ? qr/another nginx still writes|has \d+ sessions of state file/
        : qr/bind\(\) to/;
    ok((wait_for { substr($nginx->error_log, $from) =~ $noticed } 10),
       'the new one comes before it has ended');
    kill CONT => @workers if $signal eq 'TERM';
    close $_ for @held;

    waitpid $old, 0;
    is($?, 0, 'the old one ends well');
    $nginx->{pid} = $pid;
    $nginx->{exit} = undef;
    ok((wait_for { $nginx->worker_pids && $nginx->listens } 20),
       'the new one serves')
        or die "nginx does not serve, see $nginx->{dir}\n";
    return;
}

# the old one quits while its last change is not saved; gives the new master
sub replaced {
    my ($name, $old) = @_;

    my $nginx = $server{$name};
    my $late = sessions(1, base => $nginx->{base});
    kill QUIT => $old;

    # both take the name of the new one's file away at their end
    push @{$nginx->{allow}}, qr/unlink\(\) ".*nginx\.pid" failed \(2:/;

    $nginx->{pid} = undef;
    like(start($name), qr/\[warn\].* another nginx still writes state file ".*sessions", what happens there from now on is not saved/,
         'the new one has waited for it, in vain');
    return ($nginx->pid, $late);
}

# the same with a new binary
sub upgraded {
    my ($name, $old) = @_;

    my $new = upgrade($name);
    my @heirs = children($new);

    kill STOP => @heirs;
    sessions(1, base => $server{$name}{base});
    kill CONT => @heirs;
    ok((wait_for {
        $server{$name}->error_log =~ /a newer nginx saves into state file/
    } 15), 'the old one has noticed');

    quits($name, $old);
    return $new;
}
