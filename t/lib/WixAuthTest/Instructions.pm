package WixAuthTest::Instructions;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Instructions of a request, counted by callgrind in one nginx process: the
# same within some tens, however busy the machine is.  And its system calls,
# which valgrind prints.
#
#     my $gated = counted_site('few', 100, $header);
#     my $free = free_site('free', $header);
#     my $n = instructions($gated, '/plain');
#     my $part = inclusive($gated, 'ngx_...');    # of the last count
#
#     my $gated = counted_site('calls', 100, $header, CALLS);
#     my %n = system_calls($gated, '/plain');
#
# What is counted is a request on a connection that stays open, with its share
# of nginx's event loop; the difference of two counts is what one of them does
# more.  Both nginx have an allocator (t/lib/even-malloc.c) whose calls take
# the same whatever the heap looks like.

use strict;
use warnings;

use Exporter 'import';
use List::Util qw(sum);
use Time::HiRes qw(time);
use WixAuthTest ();
use WixAuthTest::StateFile;

our @EXPORT = qw(counted_site free_site instructions inclusive system_calls
                 CALLS);

use constant {WARM => 200, REQUESTS => 500, TRIES => 40};

use constant CALLS => 'WixAuthTest::Instructions::Calls';

my $common = <<'END';
access_log off;
keepalive_requests 100000;
END


# A process without a master, with n sessions and a gate: /plain, and /used with
# a header in the answer that has the text given; /off has none.
sub counted_site {
    my ($name, $n, $header, $class) = @_;

    my $file = WixAuthTest::temp_dir() . "/state-$name";
    my $key = state_key();

    # the last ten have expired
    state_file($file, $key, $n + 10);

    return start($class, conf => <<"END");
$common
wix_auth_zone zone=members:64m state=$file;
wix_auth_session_key $key;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
server {
    listen 127.0.0.1:%%\U$name\E_PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location /off { wix_auth off; empty_gif; }
    location /plain { empty_gif; }
    location /used { add_header X-Who "$header"; empty_gif; }
}
END
}

# The same without the module, which is not even loaded.
sub free_site {
    my ($name, $header, $class) = @_;

    return start($class, module => 0, conf => <<"END");
$common
server {
    listen 127.0.0.1:%%\U$name\E_PORT%%;
    server_name localhost;
    location ^~ /_wix/ { return 404; }
    location /off { empty_gif; }
    location /plain { empty_gif; }
    location /used { add_header X-Who "$header"; empty_gif; }
}
END
}

sub start {
    my ($class, %opt) = @_;

    return WixAuthTest::start_nginx(debug => 0, master => 0, %opt,
        class => $class // 'WixAuthTest::Instructions::Nginx');
}

# Instructions of one request, whole, by these sessions: the mean.
sub instructions {
    my ($nginx, $path, @sessions) = @_;

    @sessions = (5) if !@sessions;

    return int(0.5 + sum(map { count($nginx, $path, $_) } @sessions)
               / @sessions);
}

sub count {
    my ($nginx, $path, $i) = @_;

    my $sock = WixAuthTest::open_socket(($nginx->ports)[0]);
    my $request = request($path, $i);
    my ($sum, $before);

    ask($sock, $request) for 1 .. WARM;
    $nginx->dump;

    # until nothing else happens in between, such as a save of the state file
    for (1 .. TRIES) {
        $before = $sum;

        ask($sock, $request) for 1 .. REQUESTS;
        $sum = $nginx->dump;
        last if $before && abs($sum - $before) < $sum / 1000;
    }

    close $sock;

    abs($sum - $before) < $sum / 1000
        or die "the counts differ: $before, $sum\n";
    return $sum / REQUESTS;
}

# System calls of one request by session 5, of each name; what a request does
# not make each time, such as those of a save, is rounded away.
sub system_calls {
    my ($nginx, $path) = @_;

    my $sock = WixAuthTest::open_socket(($nginx->ports)[0]);
    my $request = request($path, 5);

    ask($sock, $request) for 1 .. WARM;
    $nginx->calls;

    ask($sock, $request) for 1 .. REQUESTS;
    my %n = $nginx->calls;

    close $sock;

    $_ = int($_ / REQUESTS + 0.5) for values %n;
    return map { $_ => $n{$_} } grep { $n{$_} } keys %n;
}

# as a browser with some cookies of the site
sub request {
    my ($path, $i) = @_;

    return join("\r\n", "GET $path HTTP/1.1", 'Host: localhost',
        'User-Agent: count', 'Accept: */*',
        'Cookie: theme=dark; wix_auth=' . state_cookie($i) . '; lang=en')
        . "\r\n\r\n";
}

# of the last count: instructions of a function and what it calls, for each
# request
sub inclusive {
    my ($nginx, $name) = @_;

    my @out = qx(callgrind_annotate --inclusive=yes --threshold=100 \\
                 $nginx->{last} 2> /dev/null);

    for (@out) {
        my ($n) = /^\s*([\d,]+)\s.*:\Q$name\E\b/ or next;
        return int($n =~ tr/,//dr / REQUESTS + 0.5);
    }
    return;
}

sub ask {
    my ($sock, $request) = @_;

    WixAuthTest::Client::write_all($sock, $request, time + 30);

    my $in = '';

    while ($in !~ /\r\n\r\n/) {
        sysread $sock, $in, 65536, length $in
            or die "the connection was closed: $in\n";
    }

    $in =~ m{^HTTP/1\.1 200 } or die "not 200: $in\n";

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


package WixAuthTest::Instructions::Nginx;

use strict;
use warnings;

our @ISA = ('WixAuthTest::Nginx');

my $malloc;

# the allocator
sub malloc {
    return $malloc if $malloc;

    my $so = WixAuthTest::temp_dir() . '/even-malloc.so';

    system($ENV{CC} || 'gcc', qw(-O2 -Wall -Wextra -Werror -fno-builtin -fPIC
           -shared -o), $so, WixAuthTest::top_dir() . '/t/lib/even-malloc.c')
        == 0 or die "t/lib/even-malloc.c does not compile\n";
    return $malloc = $so;
}

sub command {
    my ($self) = @_;

    return ('env', 'LD_PRELOAD=' . malloc(),
            'valgrind', '-q', '--tool=callgrind', '--dump-instr=no',
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


package WixAuthTest::Instructions::Calls;

use strict;
use warnings;

our @ISA = ('WixAuthTest::Instructions::Nginx');

sub command {
    my ($self) = @_;

    return ('valgrind', '-q', '--tool=none', '--trace-syscalls=yes',
            "--log-file=$self->{dir}/calls", WixAuthTest::Nginx::command($self));
}

# of each name, since the last time
sub calls {
    my ($self) = @_;

    if (!$self->{log}) {
        open $self->{log}, '<', "$self->{dir}/calls"
            or die "$self->{dir}/calls: $!\n";
    }

    my %n;
    my $log = $self->{log};
    seek $log, 0, 1;

    while (my $line = <$log>) {
        $n{$1}++ if $line =~ /^SYSCALL\[\d+,\d+\]\(\s*\d+\) sys_(\w+)/;
    }
    return %n;
}

1;
