package WixAuthTest::StateServer;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# What the tests of the state file share: servers by name, each with a file of
# its own, the sessions they should know, and what lies on the disk.
#
#     state_servers('main', 'up');        # once, starts the emulator too
#     server('main', workers => 2);       # zone => '2m', keys => ['key']
#     $b{main} = [sessions(2, base => $server{main}{base})];
#     saved('main');                      # waits for the file
#     crash('main');
#     my $log = start('main');
#     all_in('main');

use strict;
use warnings;

use Exporter qw(import);
use POSIX ();
use Time::HiRes qw(sleep time);
use WixAuthTest;
use WixAuthTest::Refresh;

our @EXPORT = qw(
    %server %b %key %port
    CLEAR HEADER START
    state_servers folder file slots
    server detach configure stop start restart crash upgrade children alive
    all_in saved
    bytes put flip clean slot newest saving everything
);

# the format of a slot: what is clear in its header, the header, the claim
use constant {CLEAR => 80, HEADER => 156, START => 172};

our (%server, %b, %key, %port);


sub state_servers {
    my (@names) = @_;

    %key = map { $_ => key($_) } qw(key older foreign);
    %port = map { $_ => port(uc "${_}_port") } @names;

    start_emulator(
        member => [MEMBER . ':' . PASSWORD],
        rotate => 'strict',
        redirect_uri => [map { "http://localhost:$_/_wix/callback" }
                         values %port]);
    emulator()->member(email => MEMBER,
                       profile => {nickname => 'Nick-of-Ann'});

    for (@names) {
        mkdir folder($_), 0700 or die folder($_) . ": $!\n";
    }
    return;
}

sub key {
    my ($name) = @_;
    my $file = temp_dir() . "/key-$name";
    spew($file, substr($name x 48, 0, 48));
    chmod 0600, $file;
    return $file;
}

sub folder { return temp_dir() . "/state-$_[0]" }
sub file   { return folder($_[0]) . '/sessions' }
sub slots  { return (file($_[0]), file($_[0]) . '.1') }


# Servers by name

sub conf {
    my ($name) = @_;

    my $opt = $server{$name}{state} // die "no server $name\n";
    my $text = gate(
        zone => "$opt->{zone} state=" . file($name),
        http => join("\n", (map { "wix_auth_session_key $key{$_};" }
                            @{$opt->{keys}}), <<'END'),
    add_header X-Nick $wix_auth_nickname always;
    add_header X-Mail $wix_auth_email always;
    add_header X-Session-Remain $wix_auth_session_remain always;
END
        server => 'wix_auth_profile on;',
        locations => <<'END');
    location = /guest {
        wix_auth optional;
        wix_auth_visitor on;
        add_header X-Token $wix_auth_access_token;
        add_header X-Status $wix_auth_status;
        alias %%DIR%%/html/page.txt;
    }
END

    $text = "user $opt->{user};\nhttp {\n$text\n}\n"
        if $opt->{user} && $> == 0;

    return $text;
}

sub server {
    my ($name, %opt) = @_;

    my %state = (zone => '2m', keys => ['key'],
                 map { $_ => delete $opt{$_} } grep { exists $opt{$_} }
                 qw(zone keys user));
    $server{$name}{state} = \%state;

    my $nginx = start_nginx(conf => conf($name), debug => 0, %opt,
                            vars => {PORT => $port{$name}});
    $nginx->{state} = \%state;
    $server{$name} = $nginx;
    page($nginx);
    return;
}

# a master takes USR2 and WINCH only as a daemon
sub detach {
    my ($name) = @_;
    stop($name);
    bless $server{$name}, 'WixAuthTest::StateServer::Daemon';
    configure($name);
    start($name);
    return;
}

# for the next start or reload: zone => size, keys => [names]
sub configure {
    my ($name, %opt) = @_;

    my $nginx = $server{$name};
    $nginx->{state} = {%{$nginx->{state}}, keys => ['key'], %opt};
    $nginx->write_conf(WixAuthTest::expand($nginx, conf($name)));
    return;
}

sub stop {
    my ($name, $signal) = @_;
    is($server{$name}->stop($signal // 'QUIT'), 0, "$name ends well");
    return;
}

# gives what it logs
sub start {
    my ($name) = @_;
    my $from = -s $server{$name}->error_file;
    $server{$name}->start;
    return substr $server{$name}->error_log, $from;
}

sub restart {
    my ($name, %opt) = @_;

    my $signal = delete $opt{signal};
    my $running = delete $opt{running} // 1;
    stop($name, $signal) if $running;
    configure($name, %opt);
    return start($name);
}

# the master first, so that it notices nothing
sub crash {
    my ($name) = @_;

    my $nginx = $server{$name};
    my @workers = $nginx->worker_pids(all => 1);

    $nginx->stop('KILL');
    kill KILL => @workers;
    wait_for { !grep { alive($_) } @workers } 10, 'workers to die';
    return;
}

# gives the pid of the new master, whose workers serve beside the old ones
sub upgrade {
    my ($name) = @_;

    my $nginx = $server{$name};
    my $file = $nginx->dir . '/nginx.pid';
    my $old = $nginx->pid;

    kill USR2 => $old;
    ok((wait_for {
        my $pid = slurp($file) =~ s/\s//gr;
        return length $pid && $pid != $old
            && (grep { slurp("/proc/$_/cmdline") =~ /^nginx: worker/ }
                children($pid)) == $nginx->{workers};
    } 15), 'a new binary runs beside the old one')
        or die "no new binary, see $nginx->{dir}\n";

    return slurp($file) =~ s/\s//gr;
}

sub children {
    my ($parent) = @_;
    return grep { length } map {
        slurp($_) =~ /^(\d+) \(.*\) [^Z] (\d+)/s && $2 == $parent ? $1 : ''
    } glob '/proc/[0-9]*/stat';
}

sub alive {
    my ($pid) = @_;
    return slurp("/proc/$pid/stat") =~ /^\d+ \(.*\) [^ZX] /s;
}


# Sessions

sub all_in {
    my ($name, $what) = @_;
    my %seen;
    $seen{verdict(get($_))}++ for @{$b{$name}};
    is_deeply([keys %seen], ['200 HIT'],
              'all are logged in' . ($what ? ": $what" : ''))
        or diag explain \%seen;
    return;
}


# Files

sub bytes {
    my ($file, $size) = @_;
    open my $fh, '<:raw', $file or return '';
    read $fh, my $bytes, $size // -s $file;
    return $bytes;
}

sub put {
    my ($file, $bytes) = @_;
    open my $fh, '>:raw', $file or die "$file: $!\n";
    print $fh $bytes;
    close $fh or die "$file: $!\n";
    chmod 0600, $file;
    return;
}

# one bit of one byte
sub flip {
    my ($bytes, $at) = @_;
    substr($bytes, $at, 1) = chr(1 ^ ord substr $bytes, $at, 1);
    return $bytes;
}

sub clean {
    my ($name) = @_;
    unlink glob folder($name) . '/*';
    return;
}

# what the header of a whole save says in clear
sub slot {
    my ($bytes) = @_;

    return if length($bytes) < HEADER || substr($bytes, 0, 8) ne 'wix_auth';

    my %slot;
    @slot{qw(version key chunks records generation saved size)}
        = unpack 'x8 N4 Q>3', $bytes;
    return \%slot;
}

sub newest {
    my ($name) = @_;
    my ($slot) = sort { $b->{generation} <=> $a->{generation} }
        grep { $_ } map { slot(bytes($_, HEADER)) } slots($name);
    return $slot // {records => -1, generation => 0};
}

# true while a save is under way
sub saving {
    my ($name) = @_;
    return scalar grep { (-s $_ // 0) > START && !slot(bytes($_, HEADER)) }
        slots($name);
}

# waits until all sessions of a server are in the file
sub saved {
    my ($name) = @_;
    my $n = @{$b{$name}};
    ok((wait_for { newest($name)->{records} == $n } 15),
       "$n sessions have been saved")
        or diag explain newest($name);
    return;
}

# names, times and bytes of a directory
sub everything {
    my ($dir) = @_;
    return map {
        my @stat = Time::HiRes::stat($_);
        join ' ', $_, @stat[0 .. 5, 7, 9, 10],
            -f $_ ? unpack '%32C*', bytes($_) : ();
    } $dir, sort glob "$dir/* $dir/*/*";
}


package WixAuthTest::StateServer::Daemon;

use strict;
use warnings;

use POSIX ();

BEGIN { our @ISA = ('WixAuthTest::Nginx') }

sub write_conf {
    my ($self, $conf) = @_;

    $self->SUPER::write_conf($conf);
    my $text = WixAuthTest::slurp($self->conf_file);
    $text =~ s/^daemon off;$/daemon on;/m or die "no daemon off\n";

    # nginx gives a new binary nothing else of its environment
    $text = join '', (map { "env $_;\n" } qw(ASAN_OPTIONS UBSAN_OPTIONS
                      LSAN_OPTIONS LD_PRELOAD)), $text;
    WixAuthTest::spew($self->conf_file, $text);
    return;
}

sub start {
    my ($self) = @_;

    waitpid $self->launch, 0;
    die "nginx did not start, see $self->{dir}\n" if $?;

    $self->{pid} = WixAuthTest::slurp("$self->{dir}/nginx.pid") =~ s/\s//gr;
    $self->{exit} = undef;

    WixAuthTest::wait_for {
        $self->worker_pids >= $self->{workers} && $self->listens
    } 20 or die "nginx was not ready in time, see $self->{dir}\n";

    return $self;
}

# nobody tells its exit code
sub gone {
    my ($self) = @_;
    $self->{exit} //= 0 if !$self->{pid} || !WixAuthTest::StateServer::alive($self->{pid});
    return defined $self->{exit};
}

1;
