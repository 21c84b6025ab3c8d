package WixAuthTest::Instructions;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Instructions of a request, counted by callgrind in one nginx process: the
# same each time, however busy the machine is.
#
#     my $nginx = start_counted(conf => ...);     # as start_nginx()
#     my $n = instructions($nginx, $port, $request);
#     my @lines = where($nginx);                  # the last count's functions
#
# What is counted is a request on a connection that stays open, with its share
# of nginx's event loop; the difference of two counts is what one of them does
# more.

use strict;
use warnings;

use Exporter 'import';
use Time::HiRes qw(sleep time);
use WixAuthTest ();

our @EXPORT = qw(start_counted instructions where);

use constant {WARM => 200, REQUESTS => 500, TRIES => 40};


# Like start_nginx(): a process of its own, without a master.
sub start_counted {
    my (%opt) = @_;

    return WixAuthTest::start_nginx(debug => 0, %opt, master => 0,
        class => 'WixAuthTest::Instructions::Nginx');
}

# Instructions of one request, whole.  The request is HTTP/1.1 text, its
# answer must have the status, 200 as a rule.
sub instructions {
    my ($nginx, $port, $request, %opt) = @_;

    my $sock = WixAuthTest::open_socket($port);
    my $status = $opt{status} // 200;

    my ($sum, $before);

    ask($sock, $request, $status) for 1 .. WARM;
    $nginx->dump;

    # until nothing else happens in between, such as a save of the state file
    for (1 .. TRIES) {
        $before = $sum;

        ask($sock, $request, $status) for 1 .. REQUESTS;
        $sum = $nginx->dump;
        last if $before && abs($sum - $before) < $sum / 1000;
    }

    close $sock;

    abs($sum - $before) < $sum / 1000
        or die "the counts differ: $before, $sum\n";
    return int($sum / REQUESTS + 0.5);
}

sub ask {
    my ($sock, $request, $status) = @_;

    WixAuthTest::Client::write_all($sock, $request, time + 30);

    my $in = '';

    while ($in !~ /\r\n\r\n/) {
        sysread $sock, $in, 65536, length $in
            or die "the connection was closed: $in\n";
    }

    $in =~ m{^HTTP/1\.1 \Q$status\E } or die "not $status: $in\n";

    my ($left) = $in =~ /^Content-Length: (\d+)/mi;
    $left //= 0;
    $left -= length($in) - index($in, "\r\n\r\n") - 4;

    while ($left > 0) {
        my $n = sysread $sock, my $more, 65536
            or die "the connection was closed in a body\n";
        $left -= $n;
    }
    return;
}

# "instructions function" of the last count, per request, most first
sub where {
    my ($nginx, %opt) = @_;

    my @annotated = qx(callgrind_annotate --threshold=100 $nginx->{last} 2> /dev/null);
    my @lines;

    for (@annotated) {
        my ($n, $name) = /^\s*([\d,]+)\s+(?:\([\d. ]+%\)\s+)?\S*?:(\S+)/ or next;
        $n =~ tr/,//d;
        push @lines, sprintf '%8.1f %s', $n / REQUESTS, $name;
    }
    return @lines;
}


package WixAuthTest::Instructions::Nginx;

use strict;
use warnings;

our @ISA = ('WixAuthTest::Nginx');

sub command {
    my ($self) = @_;

    return ('valgrind', '-q', '--tool=callgrind', '--dump-instr=no',
            "--callgrind-out-file=$self->{dir}/callgrind.out",
            $self->SUPER::command);
}

# what it listens at, in the order of its configuration
sub ports { return @{$_[0]{wait_ports}} }

# instructions since the last dump
sub dump {
    my ($self) = @_;

    my $n = ++$self->{dumps};
    my $file = "$self->{dir}/callgrind.out.$n";

    system("callgrind_control -d $self->{pid} > /dev/null 2>&1") == 0
        or die "callgrind_control failed\n";

    WixAuthTest::wait_for {
        (WixAuthTest::slurp($file) =~ /^totals: /m)
    } 30, 'the counts';

    $self->{last} = $file;
    return WixAuthTest::slurp($file) =~ /^totals: (\d+)/m ? $1 : die;
}

1;
