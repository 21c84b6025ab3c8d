package WixAuthTest::Bench;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# What the sections of t/bench/run share: the report, figures over rounds,
# bursts of load, and processor time.
#
#     say_line("...");                       # screen and report
#     table([qw(server us)], ['gate', 1.2]); # columns as wide as need be
#     must('what', $value, '<=', $limit);    # fails the run, at its end
#     pin(0, $pid);
#     my $burst = burst(url => ..., pids => [...]);
#     # {requests, rate, cpu}: cpu is microseconds of these pids a request

use strict;
use warnings;

use Exporter qw(import);
use IO::Socket::UNIX;
use IO::Handle;
use POSIX ();
use WixAuthTest ();

our @EXPORT = qw(
    say_line heading table must failures musts open_report rounds stall
    median low high quantile spread us
    cpus pin cpu_ns burst wait_a_moment
    loaded_site start_behind behind_counts common_conf
);

# connections of wrk, one thread; seconds of a burst, which wrk counts whole
use constant {CONNECTIONS => 32, SECONDS => 1};

my ($report, @musts);


# The report

sub open_report {
    my ($file) = @_;

    open $report, '>', $file or die "$file: $!\n";
    $report->autoflush(1);
    STDOUT->autoflush(1);
    return;
}

sub say_line {
    my ($text) = @_;

    $text //= '';
    print "$text\n";
    print {$report} "$text\n" if $report;
    return;
}

sub heading {
    my ($name, @text) = @_;

    say_line();
    say_line("== $name");
    say_line("   $_") for @text;
    say_line();
    return;
}

# the first column to the left, figures to the right
sub table {
    my (@rows) = @_;

    my @width;

    for my $row (@rows) {
        for my $i (0 .. $#$row) {
            my $n = length $row->[$i];
            $width[$i] = $n if $n > ($width[$i] // 0);
        }
    }

    for my $row (@rows) {
        my $line = join '  ', map {
            sprintf($_ ? '%*s' : '%-*s', $width[$_], $row->[$_])
        } 0 .. $#$row;

        say_line('   ' . $line =~ s/\s+\z//r);
    }

    say_line();
    return;
}

# what has no value was not measured, and so does not hold
sub must {
    my ($what, $value, $op, @limit) = @_;

    my $ok = defined $value
        && ($op eq '<=' ? $value <= $limit[0]
            : $op eq '>=' ? $value >= $limit[0]
            : $op eq 'in' ? $value >= $limit[0] && $value <= $limit[1]
            : die "must: $op\n");

    my $shown = !defined $value ? 'not measured'
        : $value =~ /^-?\d+\z/ ? $value : sprintf('%.3f', $value);
    my $line = sprintf '%-4s  %s: %s (%s)', $ok ? 'ok' : 'FAIL', $what,
        $shown, $op eq 'in' ? "$limit[0] .. $limit[1]" : "$op $limit[0]";

    push @musts, {ok => $ok, line => $line};
    say_line("   must hold: $line");
    return $ok;
}

sub musts { return map { $_->{line} } @musts }
sub failures { return map { $_->{line} } grep { !$_->{ok} } @musts }

# a number of the environment, where make passes on what is empty, too
sub number {
    my ($name, $default) = @_;

    my $n = length($ENV{$name} // '') ? $ENV{$name} : $default;

    $n =~ /^[1-9]\d{0,3}\z/ or die "$name is a number from 1 to 9999\n";
    return $n;
}

sub rounds { return number('BENCH_ROUNDS', 15) }

# nginx between gate and emulator waits for no longer than two minutes
sub stall {
    my $n = number('BENCH_STALL', 30);
    $n <= 100 or die "BENCH_STALL is at most 100\n";
    return $n;
}


# Figures over rounds

sub quantile {
    my ($q, @values) = @_;

    return if !@values;

    my @sorted = sort { $a <=> $b } @values;
    my $at = $q * $#sorted;
    my $i = POSIX::floor($at);
    my $next = $i < $#sorted ? $i + 1 : $i;

    return $sorted[$i] + ($at - $i) * ($sorted[$next] - $sorted[$i]);
}

sub median { return quantile(0.5, @_) }
sub low { return quantile(0, @_) }
sub high { return quantile(1, @_) }

# "0.953 (0.931 .. 0.970)": the median and the range of all rounds
sub spread {
    my ($format, @values) = @_;

    return '-' if !@values;
    return sprintf "$format ($format .. $format)", median(@values),
        low(@values), high(@values);
}

sub us { return sprintf '%.2f', $_[0] }


# Processors.  Of two and more, the first is for the load and what is behind
# the server, the last for the server under test.

sub cpus {
    my ($list) = WixAuthTest::slurp('/proc/self/status')
        =~ /^Cpus_allowed_list:\s*(\S+)/m;

    return map { /^(\d+)-(\d+)$/ ? $1 .. $2 : $_ } split /,/, $list // '0';
}

my @cpus;

# pin(0, ...) to the first, pin(-1, ...) to the last, pin('all', ...) back
sub pin {
    my ($which, @pids) = @_;

    @cpus = cpus() if !@cpus;
    return if @cpus < 2;

    my $list = $which eq 'all' ? join ',', @cpus : $cpus[$which];

    for my $pid (@pids) {
        system("taskset -a -cp $list $pid > /dev/null 2>&1");
    }
    return;
}

# Nanoseconds that these processes have run.  The kernel's own count; that of
# /proc/PID/stat is the same one in ticks of 10 ms.
sub cpu_ns {
    my (@pids) = @_;

    my $sum = 0;

    for my $pid (@pids) {
        if (WixAuthTest::slurp("/proc/$pid/schedstat") =~ /^(\d+) /) {
            $sum += $1;
            next;
        }

        my ($rest) = WixAuthTest::slurp("/proc/$pid/stat") =~ /\) (.*)/s
            or die "process $pid is gone\n";
        my @field = split ' ', $rest;

        $sum += ($field[11] + $field[12]) * 1e9
            / POSIX::sysconf(POSIX::_SC_CLK_TCK());
    }

    return $sum;
}

# until the processes rest, so that a burst does not pay for the one before
sub wait_a_moment {
    my (@pids) = @_;

    for (1 .. 50) {
        my $before = cpu_ns(@pids);
        select undef, undef, undef, 0.01;
        return if cpu_ns(@pids) == $before;
    }
    return;
}


# One burst of load by wrk: burst(url => ..., headers => [...], pids => [...],
# script => file, args => [...], seconds => n, spread => 1).  Dies when an
# answer was anything but a 2xx, or was missing.

sub burst {
    my (%opt) = @_;

    @cpus = cpus() if !@cpus;

    my $seconds = $opt{seconds} // SECONDS;
    my @cmd = ('wrk', '-t', 1, '-c', $opt{connections} // CONNECTIONS,
        '-d', "${seconds}s", '--timeout', '10s',
        (map { ('-H', $_) } @{$opt{headers} // []}),
        ($opt{script} ? ('-s', $opt{script}) : ()), $opt{url},
        ($opt{args} ? ('--', @{$opt{args}}) : ()));

    unshift @cmd, 'taskset', '-c', $cpus[0] if @cpus > 1 && !$opt{spread};

    wait_a_moment(@{$opt{pids}});

    my $before = cpu_ns(@{$opt{pids}});

    open my $out, '-|', @cmd or die "wrk: $!\n";
    my $text = do { local $/; <$out> } // '';
    close $out or die "wrk failed\n$text\n";

    wait_a_moment(@{$opt{pids}});

    my $ns = cpu_ns(@{$opt{pids}}) - $before;
    my ($n, $wall) = $text =~ /(\d+) requests in ([\d.]+)s/;
    my ($rate) = $text =~ /^Requests\/sec:\s*([\d.]+)/m;

    die "no requests: $opt{url}\n$text\n" if !$n;
    die "wrong answers: $opt{url}\n$text\n"
        if $text =~ /Non-2xx|Socket errors/;

    return {
        requests => $n, rate => $rate, cpu => $ns / $n / 1000,
        busy => $ns / 1e9 / $wall / @{$opt{pids}},
    };
}


# The site behind those under test, and what auth_request asks: an nginx of its
# own on unix sockets.

use constant BIG => 16384;

sub start_behind {
    my $nginx = WixAuthTest::start_nginx(
        module => 0, scan => 0, debug => 0, conf => <<"END");
access_log off;
keepalive_requests 100000000;
client_header_buffer_size 8k;
open_file_cache max=10;
server {
    listen unix:%%DIR%%/site.sock;
    location /small { return 200 "ok"; }
    location /big { try_files /big.txt =404; }
}
server {
    listen unix:%%DIR%%/auth.sock;
    location / { return 204; }
}
server {
    listen unix:%%DIR%%/status.sock;
    location / { stub_status; }
}
END
    WixAuthTest::spew($nginx->dir . '/html/big.txt', 'x' x BIG);
    pin(0, $nginx->worker_pids);
    return $nginx;
}

# (connections, requests) that it has had
sub behind_counts {
    my ($behind) = @_;

    my $sock = IO::Socket::UNIX->new(Peer => $behind->dir . '/status.sock')
        or die "status.sock: $!\n";

    syswrite $sock, "GET / HTTP/1.0\r\n\r\n";

    my $in = '';
    1 while sysread $sock, $in, 65536, length $in;

    return $in =~ /^ (\d+) \d+ (\d+)/m;
}

# what all servers have that are compared, before that nginx
sub common_conf {
    my ($behind) = @_;

    my $dir = $behind->dir;

    return <<"END";
access_log off;
keepalive_requests 100000000;
upstream site { server unix:$dir/site.sock; keepalive 64; }
upstream auth { server unix:$dir/auth.sock; keepalive 64; }
proxy_http_version 1.1;
END
}


# Sites with sessions.  They are loaded from a state file; then a reload takes
# the file away, so that no save falls into a measurement.

# loaded_site(file => state file, conf => a text with %%STATE%%, ...): as
# start_nginx(); ->{taken} is how many sessions the zone has
sub loaded_site {
    my (%opt) = @_;

    my $file = delete $opt{file};
    my $conf = delete $opt{conf};

    my $nginx = WixAuthTest::start_nginx(debug => 0, %opt,
        conf => $conf =~ s/%%STATE%%/state=$file/r);

    my ($taken) = $nginx->error_log =~ /has (\d+) sessions of state file/
        or die "the sessions were not loaded:\n" . $nginx->error_log . "\n";

    $nginx->reload(conf => WixAuthTest::expand($nginx, $conf =~ s/%%STATE%%//r))
        or die "reload:\n" . $nginx->error_log . "\n";

    unlink $file, "$file.1";

    $nginx->{taken} = $taken;
    return $nginx;
}

1;
