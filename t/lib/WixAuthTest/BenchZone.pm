package WixAuthTest::BenchZone;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# The zone: how many sessions a megabyte holds, what a hit costs when there are
# very many, and for how long it is locked.

use strict;
use warnings;

use Exporter qw(import);
use List::Util qw(shuffle);
use POSIX ();
use WixAuthTest ();
use WixAuthTest::Bench;
use WixAuthTest::Emulator;
use WixAuthTest::SoakProbe;
use WixAuthTest::StateFile;
use WixAuthTest::Tool;

our @EXPORT = qw(memory scale lock_time);
our @EXPORT_OK = qw(lock_times);

# The zones in megabytes, and the length of either token.  Of 1024 bytes is the
# kilobyte that is promised.
my @megabytes = (1, 10, 100);
my @tokens = (800, 1000, 1024, 1200);

use constant {MB => 1 << 20, KILOBYTE => 1024, MOST => 2560, FEWEST => 400};

# more of the smallest than a megabyte can hold
use constant TOO_MANY => 800;

# visitors minted at a time
use constant VISITORS => 30;

my @sizes = (10_000, 100_000, 1_000_000);

# bytes of the zone for a session, with room to spare; bursts that warm up
use constant {ROOM => 2300, WARM => 60, WARM_FAULTS => 0.002};

# calls of each kind whose time under the lock is taken
use constant CALLS => 200_000;


# memory

sub memory {
    heading('memory',
        'Zones filled from a state file that has more sessions than fit; the'
            . ' log says how many',
        'were taken.  Both tokens have so many bytes, member id and e-mail'
            . ' address about 60.');

    my (%taken, @rows, $worst);

    for my $token (@tokens) {
        for my $mb (@megabytes) {
            my $n = $taken{$token}{$mb} = fill($mb, $token);
            my $bytes = $mb * MB / $n;

            push @rows, [$token, "$mb MB", $n, sprintf('%.0f', $bytes),
                         sprintf('%.0f', $n / $mb)];
            $worst = $bytes
                if $token == KILOBYTE && $bytes > ($worst // 0);
        }
    }

    table(['tokens', 'zone', 'sessions', 'bytes each, all in', 'in a MB'],
          @rows);

    visitors();

    my $of = $taken{&KILOBYTE};

    # in the zone where it is worst
    must('bytes of a session with two tokens of 1 KB, all in', $worst, '<=',
         MOST);
    must("such sessions in a MB, in a zone of $_ MB", int($of->{$_} / $_),
         '>=', FEWEST) for @megabytes;
    return \%taken;
}

# how many sessions a zone takes; the last of them is found, the next is not
sub fill {
    my ($mb, $token) = @_;

    my $file = WixAuthTest::temp_dir() . '/state-memory';
    my $n = $mb * TOO_MANY;

    state_file($file, state_key(), $n + 10, $token, $token);

    my $nginx = loaded_site(file => $file,
        conf => gate_conf('MEMORY', "${mb}m"));
    my $taken = $nginx->{taken};

    $taken < $n or die "$mb MB: all $n sessions fit\n";
    status('MEMORY', $taken - 1) == 200 && status('MEMORY', $taken) == 401
        or die "$mb MB: there are not $taken sessions\n";

    $nginx->stop;
    return $taken;
}

sub status {
    my ($name, $i) = @_;

    return WixAuthTest::raw_response(
        WixAuthTest::port("${name}_PORT"), join "\r\n", 'GET /gif HTTP/1.1',
        'Host: localhost', 'Cookie: wix_auth=' . state_cookie($i),
        'Connection: close', '', '')->status;
}

sub gate_conf {
    my ($name, $size, $common, $locations) = @_;

    my $key = state_key();
    $common //= "access_log off;\n";
    $locations //= '';

    return <<"END";
$common
wix_auth_zone zone=members:$size %%STATE%%;
wix_auth_session_key $key;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
server {
    listen 127.0.0.1:%%$name\_PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location /gif { empty_gif; }
    $locations
}
END
}

# Visitors are minted; what blocks they take tells how many fit.
sub visitors {
    my $emu = WixAuthTest::emulator();

    $emu->configure(accessTokenPad => KILOBYTE
                    - length $emu->mint->{access_token});
    my $pair = $emu->mint;
    my $tokens = length($pair->{access_token})
        + length $pair->{refresh_token};
    my $nginx = WixAuthTest::start_nginx(debug => 0, conf => <<'END');
wix_auth_zone zone=members:1m;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
access_log off;
server {
    listen 127.0.0.1:%%VISITOR_PORT%%;
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth optional;
    wix_auth_visitor on rate=10000r/s;
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / {
        add_header X-Status $wix_auth_status;
        add_header X-Token $wix_auth_access_token;
        empty_gif;
    }
}
END
    my @all = map { visitor() } 1 .. VISITORS;

    $_->status == 200 && $_->header('X-Status') eq 'VISITOR'
        or die 'no visitor: ' . $_->status . "\n"
        for WixAuthTest::concurrent(map { [$_, GET => '/'] } @all);

    my ($used, $blocks) = WixAuthTest::SoakProbe::zone($nginx->pid, MB);
    defined $used or die "the zone is not to be read\n";

    $nginx->stop;
    $emu->configure(accessTokenPad => 0);

    my $each = $used / VISITORS;
    my $n = int($blocks / $each);

    say_line(sprintf '   Visitors, minted by the emulator with tokens of %d'
             . ' and %d bytes, have %.1f blocks:', length
             $pair->{access_token}, length $pair->{refresh_token}, $each);
    say_line(sprintf '   %d fit into a zone of 1 MB, %.0f bytes each, all in.',
             $n, MB / $n);
    say_line();

    must('blocks of a visitor beside those that its tokens need',
         $each - POSIX::ceil($tokens / block_room()), '<=', 1);
    return $n;
}

# bytes of a record's block behind its link
sub block_room {
    my ($size) = WixAuthTest::slurp(WixAuthTest::top_dir()
        . '/ngx_http_wix_auth_module/ngx_http_wix_auth_session.h')
        =~ /_SESSION_BLOCK\s+(\d+)/ or die "no size of a block\n";

    return $size - 8;
}

sub visitor {
    return WixAuthTest::browser(
        base => 'http://localhost:' . WixAuthTest::port('VISITOR_PORT'));
}


# scale

sub scale {
    my $rounds = rounds();

    heading('scale',
        'Processor time of a hit a request, with a cookie drawn at random for'
            . ' each, of bursts',
        "as in throughput; $rounds rounds.");

    my $behind = start_behind();
    my $script = script();
    my (%nginx, %burst);

    for my $n (@sizes) {
        $nginx{$n} = many($n, common_conf($behind));
        warm($nginx{$n}, $n, $script);
    }

    for (1 .. $rounds) {
        for my $one (shuffle(map { my $n = $_; map { [$n, $_] }
                                   qw(gif small) } @sizes))
        {
            my ($n, $path) = @$one;
            push @{$burst{$path}{$n}}, hits($nginx{$n}, $n, $path, $script);
        }
    }

    $_->stop for values %nginx, $behind;

    return compare(\%burst);
}

sub compare {
    my ($burst) = @_;

    my %words = (gif => 'not proxied', small => 'proxied');
    my (@rows, %ratio);

    for my $path (qw(gif small)) {
        my $of = $burst->{$path};

        for my $n (@sizes) {
            my @own = @{$of->{$n}};
            my @r = map { $own[$_]{cpu} / $of->{$sizes[0]}[$_]{cpu} }
                0 .. $#own;

            $ratio{$path}{$n} = \@r;
            push @rows, [$words{$path}, $n,
                us(median(map { $_->{cpu} } @own)),
                $n == $sizes[0] ? '-' : spread('%.3f', @r),
                sprintf('%.0f %%', 100 * median(map { $_->{busy} } @own))];
        }
    }

    table(['hit', 'sessions', 'us a request', "to $sizes[0]", 'busy'], @rows);

    must("$sizes[-1] sessions against $sizes[0], $words{$_}",
         median(@{$ratio{$_}{$sizes[-1]}}), '<=', 1.2) for qw(gif small);

    return \%ratio;
}

sub many {
    my ($n, $common) = @_;

    # a million take a while
    local $WixAuthTest::Nginx::SLOW = 6;

    my $file = WixAuthTest::temp_dir() . "/state-scale-$n";
    my $size = int($n * ROOM / MB) + 2 . 'm';

    state_file($file, state_key(), $n + 10);

    my $nginx = loaded_site(file => $file, conf => gate_conf(
        "SCALE_$n", $size, $common, <<"END"));
proxy_set_header Connection "";
location /small { proxy_pass http://site; }
END
    $nginx->{taken} == $n or die "$nginx->{taken} of $n sessions fit\n";
    pin(-1, $nginx->worker_pids);
    return $nginx;
}

# a request of one of the sessions, whichever
sub script {
    my $file = WixAuthTest::temp_dir() . '/random.lua';
    my $cookie = substr state_cookie(0), 0, -8;

    WixAuthTest::spew($file, <<"END");
local n, head

function init(args)
    n = tonumber(args[1])
    head = "GET " .. wrk.path .. " HTTP/1.1\\r\\nHost: localhost\\r\\n"
           .. "Cookie: theme=dark; wix_auth=$cookie"
    math.randomseed(os.time())
end

function request()
    return head .. string.format("%08d", math.random(0, n - 1))
           .. "; lang=en\\r\\n\\r\\n"
end
END
    return $file;
}

sub hits {
    my ($nginx, $n, $path, $script) = @_;

    return burst(
        url => 'http://127.0.0.1:' . WixAuthTest::port("SCALE_${n}_PORT")
            . "/$path",
        script => $script, args => [$n], pids => [$nginx->worker_pids]);
}

# until the worker has the pages of the zone in its tables: the first access to
# each of them is a fault
sub warm {
    my ($nginx, $n, $script) = @_;

    my ($pid) = $nginx->worker_pids;

    hits($nginx, $n, 'small', $script);

    for (1 .. WARM) {
        my $before = faults($pid);
        my $burst = hits($nginx, $n, 'gif', $script);
        return if faults($pid) - $before < WARM_FAULTS * $burst->{requests};
    }

    say_line("   $n sessions: the worker still has page faults");
    return;
}

sub faults {
    my ($rest) = WixAuthTest::slurp("/proc/$_[0]/stat") =~ /\) (.*)/s;
    return (split ' ', $rest)[7];
}


# lock

sub lock_time {
    heading('lock',
        'For how long the zone is locked, in us: the module\'s own functions'
            . ' in a program of their',
        'own (t/lib/lock-time.c), which draws sessions at random; the tokens'
            . ' have 1,024 bytes.',
        sprintf '%d calls of each kind, and of the clock alone.', CALLS);

    my @rows;

    for my $n (@sizes) {
        for (lock_times($n, CALLS)) {
            my ($name, @ns) = @$_;
            push @rows, [$n, $name, map { sprintf '%.2f', $_ / 1000 } @ns];
        }
    }

    table(['sessions', 'call', 'locked, p50', 'p99', 'p99.9',
           'whole call, p50'], @rows);

    return \@rows;
}

# with n sessions: [kind of call, ns locked (p50, p99, p99.9), ns of the whole
# call (p50)], ...
sub lock_times {
    my ($n, $calls) = @_;

    my $tool = tool('lock-time', qw(session session_cookie zone block crypto
                                    url counter budget));
    my @lines = qx($tool $n $calls);
    $? == 0 && @lines or die "lock-time $n $calls failed\n";

    chomp @lines;
    return map { [split /\t/] } @lines;
}

1;
