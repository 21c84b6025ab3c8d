package WixAuthTest::SoakProbe;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# What an nginx uses while it runs: memory and descriptors of each process,
# and blocks of the zone.  Linux only, as the harness is.

use strict;
use warnings;
no warnings 'portable';     # addresses have more than 32 bits

use POSIX ();
use WixAuthTest;

my $ticks = POSIX::sysconf(POSIX::_SC_CLK_TCK());

# All processes of a master: {pid, master, leaving, age, kb, shared, fds}.
# kb is memory of its own; what came from the master by fork and was not
# touched counts there as well, and it is the same for all.
sub processes {
    my ($master) = @_;

    my ($up) = slurp('/proc/uptime') =~ /^([\d.]+)/;
    my @all;

    for my $file (glob '/proc/[0-9]*/stat') {
        my ($pid, $state, $parent, $rest)
            = slurp($file) =~ /^(\d+) \(.*\) (\S) (\d+) (.*)/s or next;

        next if $state eq 'Z' || ($pid != $master && $parent != $master);

        my $title = slurp("/proc/$pid/cmdline");
        my $status = slurp("/proc/$pid/status");
        my @fds = glob "/proc/$pid/fd/*";
        my $started = (split ' ', $rest)[17] / $ticks;

        my ($kb) = $status =~ /^RssAnon:\s+(\d+)/m or next;
        my ($shared) = $status =~ /^RssShmem:\s+(\d+)/m;

        push @all, {
            pid     => $pid,
            master  => $pid == $master ? 1 : 0,
            leaving => $title =~ /shutting down/ ? 1 : 0,
            age     => $up - $started,
            kb      => $kb,
            shared  => $shared,
            fds     => scalar @fds,
        };
    }

    return @all;
}

# Blocks of a zone that are in use: (used, all), from the head of its slab pool
# (ngx_slab_pool_t) and what its data points to (ngx_http_wix_auth_zone_sh_t) in
# the master's memory.  () when that is not to be read.
sub zone {
    my ($master, $size) = @_;

    my ($from) = map { hex }
        grep { defined }
        map { /^([0-9a-f]+)-([0-9a-f]+) rw-s .*zero/
              && hex($2) - hex($1) == $size ? $1 : undef }
        split /\n/, slurp("/proc/$master/maps");

    return () if !defined $from;

    open my $mem, '<:raw', "/proc/$master/mem" or return ();

    # lock and wait, min_size, min_shift, pages, last, free[3], stats, pfree,
    # start, end, mutex[8], log_ctx, zero and log_nomem, data, addr
    my @pool = words($mem, $from, 25);

    return () if @pool != 25 || $pool[24] != $from;

    my ($all, $used) = words($mem, $pool[23], 2);

    return ($used, $all);
}

sub words {
    my ($mem, $at, $n) = @_;

    sysseek $mem, $at, 0 or return ();
    sysread($mem, my $bytes, 8 * $n) == 8 * $n or return ();
    return unpack 'J*', $bytes;
}

1;
