package WixAuthTest;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# The harness of the test suite.  A test file reads
#
#     use WixAuthTest;                # Test::More comes with it
#
#     my $emu   = start_emulator(member => ['ann@example.com:secret-1']);
#     my $up    = start_upstream();
#     my $nginx = start_nginx(conf => <<'END');
#     wix_auth_zone zone=members:1m;
#     wix_auth_api %%API%%;
#     server {
#         listen 127.0.0.1:%%PORT%%;
#         server_name localhost;
#         wix_auth_client_id %%CLIENT%%;
#         wix_auth required;
#         location ^~ /_wix/ { wix_auth_endpoints; }
#         location / { proxy_pass http://%%UPSTREAM%%; }
#     }
#     END
#
#     my $b = browser();
#     my $res = login($b, email => 'ann@example.com', password => 'secret-1');
#     is($res->status, 200);
#
#     done_testing();                 # stops all and reads the logs
#
# The environment chooses what is tested: WIX_AUTH_TEST_NGINX,
# WIX_AUTH_TEST_MODULE, WIX_AUTH_TEST_FLAVOUR (packaged, sanitizer, preload),
# WIX_AUTH_TEST_PRELOAD, WIX_AUTH_TEST_VALGRIND; WIX_AUTH_TEST_KEEP=1 keeps
# the directory of a test that passed.

use strict;
use warnings;

use Cwd ();
use Exporter qw(import);
use Fcntl qw(:flock);
use File::Basename ();
use File::Path ();
use File::Temp ();
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Test::More ();
use Time::HiRes qw(sleep time);

use WixAuthTest::Client;
use WixAuthTest::Emulator;
use WixAuthTest::Nginx;

our @EXPORT = (
    (grep { $_ ne 'done_testing' } @Test::More::EXPORT),
    qw(
        done_testing
        start_emulator start_upstream start_nginx start_front nginx_t
        emulator upstream nginx port free_port temp_dir certs top_dir
        browser login raw raw_response open_socket concurrent curl
        emu_fault emu_count emu_log emu_secrets emu_control
        wait_for slow slurp spew allow_log allow_leak note_secret
        url_escape url_unescape flavour have_module
    ),
);

my $main_pid = $$;
my (%ports, @locks, $temp, @nginx, @daemons, $emulator, $upstream, @secrets);
my (@allow, @allow_leak, $finished);
my $top = Cwd::abs_path(File::Basename::dirname(__FILE__) . '/../..');

$WixAuthTest::Nginx::MODULE //= "$top/build/ngx_http_wix_auth_module.so";

$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);
$SIG{PIPE} = 'IGNORE';

# a test that hangs must not hang the run
my $limit = 300 * $WixAuthTest::Nginx::SLOW;
$SIG{ALRM} = sub { die "this file takes too long\n" };
alarm($limit > 1200 ? 1200 : $limit);

# Test::More's functions reach the test file through us
Test::More->import(
    import => [grep { $_ ne 'done_testing' } @Test::More::EXPORT]);

sub top_dir { return $top }
sub flavour { return $WixAuthTest::Nginx::FLAVOUR }
sub emulator { return $emulator }
sub upstream { return $upstream }
sub nginx { return $nginx[0] }

# a time limit that fits sanitizers and valgrind too
sub slow { return $_[0] * $WixAuthTest::Nginx::SLOW }

# is a module part of the nginx under test?  have_module('http_v2')
sub have_module {
    return WixAuthTest::Nginx::version() =~ /--with-$_[0]_module\b(?!=)/;
}

sub slurp { goto &WixAuthTest::Nginx::slurp }
sub spew { goto &WixAuthTest::Nginx::spew }
sub url_escape { goto &WixAuthTest::Client::url_escape }
sub url_unescape { goto &WixAuthTest::Client::url_unescape }


# The directory of this test: kept, and told, when it fails.
sub temp_dir {
    if (!$temp) {
        $temp = File::Temp::tempdir('wix-auth-XXXXXX', TMPDIR => 1);
        chmod 0755, $temp;
    }
    return $temp;
}


# Ports below the range that outgoing connections use, each locked until the
# test ends, so that files can run side by side.
sub free_port {
    my $dir = File::Spec->tmpdir . "/wix-auth-ports-$>";
    mkdir $dir, 0700;

    for (1 .. 500) {
        my $port = 11000 + int rand 20000;
        open my $lock, '>', "$dir/$port" or die "$dir/$port: $!\n";
        next if !flock $lock, LOCK_EX | LOCK_NB;

        my $sock = IO::Socket::INET->new(
            LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 1,
            ReuseAddr => 1);
        next if !$sock;
        close $sock;

        push @locks, $lock;
        return $port;
    }

    die "no free port\n";
}

# the same name is the same port for the whole test: port('PORT') is what
# %%PORT%% stands for, %%TLS_PORT%% is port('TLS_PORT')
sub port {
    my ($name) = @_;
    return $ports{$name // 'PORT'} //= free_port();
}


# True as soon as the code returns true (its value), false after a deadline.
sub wait_for(&;$$) {
    my ($code, $timeout, $what) = @_;

    my $deadline = time + slow($timeout // 10);

    while (1) {
        my $value = $code->();
        return $value if $value;

        if (time >= $deadline) {
            Test::More::diag('timed out waiting for '
                             . ($what // 'something')) if defined $what;
            return;
        }
        sleep 0.02;
    }
}


# Throwaway certificates: a CA, a server certificate for localhost,
# 127.0.0.1 and wixapis.test, the same from a CA that nobody trusts, and one
# for a wrong host.  Made once, used until they are two weeks old.

sub certs {
    my $dir = $ENV{WIX_AUTH_TEST_CERTS} // "$top/build/certs";

    File::Path::make_path($dir);

    open my $lock, '>', "$dir/.lock" or die "$dir/.lock: $!\n";
    flock $lock, LOCK_EX;

    return $dir if -f "$dir/complete" && -M "$dir/complete" < 14;

    my $san = 'DNS:wixapis.test,DNS:localhost,DNS:*.localhost,'
        . 'IP:127.0.0.1';

    for my $ca ('ca', 'rogue-ca') {
        openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
            . "-days 30 -subj /CN=test-$ca -keyout $dir/$ca.key "
            . "-out $dir/$ca.pem "
            . "-addext basicConstraints=critical,CA:TRUE "
            . "-addext keyUsage=critical,keyCertSign,cRLSign");
    }

    for (['server', 'ca', $san], ['rogue', 'rogue-ca', $san],
         ['wronghost', 'ca', 'DNS:wrong.test'])
    {
        my ($name, $ca, $names) = @$_;

        spew("$dir/$name.ext", "subjectAltName=$names\n"
             . "basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n");
        openssl("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
            . "-subj /CN=$name -keyout $dir/$name.key -out $dir/$name.csr");
        openssl("x509 -req -in $dir/$name.csr -CA $dir/$ca.pem "
            . "-CAkey $dir/$ca.key -CAcreateserial -days 30 "
            . "-extfile $dir/$name.ext -out $dir/$name.pem");
    }

    # the emulator's --tls wants this name
    spew("$dir/server.crt", slurp("$dir/server.pem"));

    chmod 0644, glob "$dir/*.key";
    spew("$dir/complete", "1\n");
    return $dir;
}

sub openssl {
    my ($args) = @_;
    my $out = `openssl $args 2>&1`;
    die "openssl $args:\n$out\n" if $?;
    return;
}


# Servers

# start_emulator(member => ['e-mail:password', ...], access_ttl => 60,
#     client => guid, redirect_uri => [...], redirect_domain => [...],
#     rotate => 'grace', tls => dir, args => [...])
# By default the gate's own http callback on %%PORT%% is allowed.

sub start_emulator {
    my (%opt) = @_;

    my $name = 'emulator' . (grep { $_->{kind} eq 'emulator' } @daemons);
    my $emu = WixAuthTest::Emulator->new(
        script        => "$top/t/emulator/wix-emulator",
        log           => temp_dir() . "/$name.log",
        api_port      => $opt{api_port} // free_port(),
        site_port     => $opt{site_port} // free_port(),
        control_port  => $opt{control_port} // free_port(),
        redirect_uri  => ['http://localhost:' . port('PORT')
                          . '/_wix/callback'],
        redirect_domain => ['localhost'],
        %opt,
    );

    push @daemons, $emu;
    $emulator //= $emu;
    $emu->start;

    return $emu;
}


# The site behind the gate: answers every request with what it got, as JSON,
# and remembers it.  See t/lib/canary.pl for what a query can ask for.

sub start_upstream {
    my (%opt) = @_;

    my $port = $opt{port} // free_port();
    my $self = bless {
        kind => 'upstream', port => $port,
        log => temp_dir() . "/upstream-$port.log",
    }, 'WixAuthTest::Upstream';

    $self->{pid} = spawn($self->{log}, $^X, "$top/t/lib/canary.pl", $port);
    push @daemons, $self;
    $upstream //= $self;
    await_port($self, $port, 'upstream');

    return $self;
}


# start_nginx(conf => text, workers => 1, vars => {NAME => value},
#     debug => 1, module => 1, scan => 1, master => 1)
# conf is what stands inside http {}, or a whole file when it has an http
# block of its own.  %%NAME%% is replaced: %%PORT%% and %%ANY_PORT%% by free
# ports, %%DIR%% by the nginx's directory, %%CERTS%%, %%API%%, %%SITE%%,
# %%CLIENT%% (emulator), %%UPSTREAM%% (host:port), %%MODULE%%.

sub start_nginx {
    my (%opt) = @_;

    my $nginx = make_nginx(%opt);

    push @nginx, $nginx;
    $nginx->start;

    return $nginx;
}

# ($ok, $output) of nginx -t with that configuration
sub nginx_t {
    my (%opt) = @_ == 1 ? (conf => @_) : @_;
    return make_nginx(%opt)->test_conf;
}

my $count = 0;

sub make_nginx {
    my (%opt) = @_;

    my $conf = delete $opt{conf} // die "start_nginx needs a conf\n";
    my $vars = delete $opt{vars} // {};

    my $class = delete $opt{class} // 'WixAuthTest::Nginx';
    my $nginx = $class->new(
        top => temp_dir(), name => 'nginx' . $count++, %opt);

    $nginx->{vars} = $vars;
    my $text = expand($nginx, $conf);

    if ($text =~ /^\s*listen\s+(?:[\d.]+:|localhost:|\[[^\]]*\]:|\*:)?(\d+)([^;]*);/m) {
        my ($first, $rest) = ($1, $2);

        $nginx->{base} //= ($rest =~ /\bssl\b/ ? 'https' : 'http')
            . "://localhost:$first";
    }
    $nginx->{wait_ports} = [
        $text =~ /^\s*listen\s+(?:127\.0\.0\.1:|localhost:|\*:)?(\d+)\b/mg ];

    $nginx->write_conf($text);

    return $nginx;
}

# for $nginx->reload(conf => expand($nginx, ...)) as well
sub expand {
    my ($nginx, $text) = @_;

    my $value = sub {
        my ($name) = @_;

        return $nginx->{vars}{$name} if defined $nginx->{vars}{$name};
        return port($name) if $name =~ /PORT/;
        return $nginx->dir if $name eq 'DIR';
        return certs() if $name eq 'CERTS';
        return $top if $name eq 'TOP';
        return $WixAuthTest::Nginx::MODULE if $name eq 'MODULE';

        if ($emulator) {
            return $emulator->api if $name eq 'API';
            return $emulator->site if $name eq 'SITE';
            return $emulator->client if $name eq 'CLIENT';
        }
        if ($upstream) {
            return "127.0.0.1:$upstream->{port}" if $name eq 'UPSTREAM';
        }
        die "the configuration has an unknown %%$name%%\n";
    };

    $text =~ s/%%(\w+)%%/$value->($1)/ge;
    return $text;
}


# An HTTP/2 and TLS front before the emulator, which speaks HTTP/1.1 in the
# clear: start_front(cert => 'server' | 'rogue' | 'wronghost') gives an nginx
# whose url() is the https base of the API.

sub start_front {
    my (%opt) = @_;

    my $cert = $opt{cert} // 'server';
    my $name = $opt{port_name} // 'FRONT_' . $count . '_PORT';
    my $h2 = ($opt{http2} // 1) ? 'http2' : '';
    my $extra = $opt{extra} // '';
    my $api = $opt{api} // $emulator->api;
    my $address = $api =~ s{^https?://}{}r;

    return start_nginx(
        module => 0, scan => 0, debug => 0,
        base => 'https://localhost:' . port($name),
        conf => <<"END",
upstream emulator { server $address; keepalive 16; }
log_format front '\$server_protocol \$connection \$connection_requests '
                 '\$request_method \$uri \$status \$ssl_session_reused';
access_log %%DIR%%/front.log front;
server {
    listen 127.0.0.1:%%$name%% ssl $h2;
    server_name wixapis.test localhost;
    ssl_certificate %%CERTS%%/$cert.pem;
    ssl_certificate_key %%CERTS%%/$cert.key;
    client_max_body_size 10m;
    $extra
    location / {
        proxy_pass http://emulator;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host \$host;
        proxy_buffering off;
        proxy_read_timeout 120s;
    }
}
END
    );
}


sub spawn {
    my ($log, @cmd) = @_;

    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $log;
        open STDERR, '>&', \*STDOUT;
        delete @ENV{grep { /^(?:MOJO_|https?_proxy$|HTTPS?_PROXY$)/ }
                    keys %ENV};
        exec @cmd or POSIX::_exit(127);
    }
    return $pid;
}

sub await_port {
    my ($self, $port, $what) = @_;

    my $deadline = time + 30;

    while (time < $deadline) {
        if (waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid}) {
            delete $self->{pid};
            die "$what did not start:\n" . slurp($self->{log}) . "\n";
        }

        my $sock = IO::Socket::INET->new(
            PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 1);
        if ($sock) {
            close $sock;
            return;
        }
        sleep 0.02;
    }

    die "$what was not ready in time:\n" . slurp($self->{log}) . "\n";
}

sub stop_daemon {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;

    kill TERM => $pid;
    my $deadline = time + 5;

    while (waitpid($pid, POSIX::WNOHANG()) == 0) {
        kill KILL => $pid if time > $deadline;
        sleep 0.02;
    }
    return;
}


# Clients

# browser(base => url): relative URLs go to the first nginx by default
sub browser {
    my (%opt) = @_;

    local $@;
    $WixAuthTest::Client::CA_FILE //= eval { certs() . '/ca.pem' };

    return WixAuthTest::Client->new(
        base => (@nginx ? (grep { $_->{scan} } @nginx)[0]{base} : undef),
        timeout => slow(20),
        %opt,
    );
}

# The whole way: login page, form, Wix, callback, return URL.  Gives the last
# answer; ->chain has all of them.
# login($b, email => ..., password => ..., return => '/', prefix => '/_wix/')

sub login {
    my ($b, %opt) = @_;

    my $prefix = $opt{prefix} // '/_wix/';
    my $return = $opt{return} // '/';

    note_secret(password => $opt{password});

    my $page = $b->get("${prefix}login?return=" . url_escape($return));
    return $page if $page->status != 200;

    my $res = $b->submit($page,
        {email => $opt{email}, password => $opt{password}},
        action => $opt{action} // qr/login/);

    return $b->follow($res, %{$opt{follow} // {}});
}

# bytes in, bytes out: raw($port, "GET / HTTP/1.1\r\n...", timeout => 5,
# until => qr/.../, tls => 1, half_close => 1)
sub raw {
    my ($port, $bytes, %opt) = @_;

    my $sock = open_socket($port, %opt);
    my $deadline = time + slow($opt{timeout} // 10);
    my $in = '';

    for my $part (ref $bytes ? @$bytes : $bytes) {
        WixAuthTest::Client::write_all($sock, $part, $deadline);
        sleep 0.05 if ref $bytes;
    }

    shutdown $sock, 1 if $opt{half_close};

    my $select = IO::Select->new($sock);
    $sock->blocking(0);

    while ((my $left = $deadline - time) > 0) {
        last if $opt{until} && $in =~ $opt{until};
        next if !($sock->can('pending') && $sock->pending)
            && !$select->can_read($left);

        my $n = sysread $sock, $in, 65536, length $in;
        next if !defined $n && ($!{EAGAIN} || $!{EWOULDBLOCK});
        last if !$n;
    }

    close $sock;
    return $in;
}

sub raw_response {
    my ($port, $bytes, %opt) = @_;
    return WixAuthTest::Response->parse(raw($port, $bytes, %opt),
        (ref $bytes ? $bytes->[0] : $bytes) =~ /^(\w+)/ ? $1 : 'GET');
}

# a connected socket (tls => 1 for TLS); the caller writes and closes
sub open_socket {
    my ($port, %opt) = @_;

    certs() && ($WixAuthTest::Client::CA_FILE //= certs() . '/ca.pem')
        if $opt{tls};
    return WixAuthTest::Client::connect_to($port, %opt);
}

# All at the same moment.  Each entry is [$browser, $method, $url, %opt], or
# concurrent($n, $browser, $method, $url, %opt) for n alike.  Answers come in
# order, with ->{start}, ->{end} and ->{time}; cookies go into the jars.
sub concurrent {
    my @list = ref $_[0] ? @_ : do {
        my $n = shift;
        map { [@_] } 1 .. $n;
    };

    my @prepared = map {
        my ($b, $method, $url, %opt) = @$_;
        $b->prepare($method, $url, %opt);
    } @list;

    return WixAuthTest::Client::run_all(\@prepared, slow(30));
}

# For HTTP/2 to the gate: curl with the given arguments, as a response.
sub curl {
    my (@args) = @_;

    my @cmd = ('curl', '-s', '-i', '--max-time', slow(20), '--noproxy', '*',
               '--cacert', certs() . '/ca.pem', @args);
    my $pid = open(my $out, '-|') // die "fork: $!\n";

    if (!$pid) {
        open STDERR, '>', '/dev/null';
        exec @cmd or POSIX::_exit(127);
    }

    my $text = do { local $/; <$out> } // '';
    close $out;

    my $res = WixAuthTest::Response->parse(
        $text, (grep { $_ eq '-I' || $_ eq '--head' } @args) ? 'HEAD' : 'GET');
    $res->{exit} = $? >> 8;

    return $res;
}


# The emulator's switches; each works on the emulator that was started first.

sub emu_control { return $emulator->control(@_) }
sub emu_fault   { return $emulator->fault(@_) }
sub emu_count   { return $emulator->count(@_) }
sub emu_log     { return $emulator->log_entries(@_) }
sub emu_secrets { return $emulator->secrets(@_) }


# Ends and findings

# an [alert] or [emerg] line, or a report, that this test provokes
sub allow_log { push @allow, @_; return }

# a line that may hold a secret (what nginx itself logs, see the docs)
sub allow_leak { push @allow_leak, @_; return }

# one more value that no log may show
sub note_secret {
    my ($kind, $value) = @_;
    push @secrets, {kind => $kind, value => $value} if length($value // '');
    return;
}


# Stops everything and says what the logs hold that they should not.

sub finish {
    return () if $finished++;

    my @bad;

    for my $emu (grep { $_->{kind} eq 'emulator' && $_->{pid} } @daemons) {
        push @secrets, eval { $emu->secrets };
        push @bad, "emulator: the list of secrets is not to be had: $@" if $@;
    }

    push @secrets, map { {kind => 'cookie', value => $_} }
        @WixAuthTest::Client::SECRETS;

    my %seen;
    @secrets = grep { !$seen{$_->{value}}++ } @secrets;

    for my $nginx (reverse @nginx) {
        $nginx->stop;
    }

    stop_daemon($_) for reverse @daemons;

    for my $nginx (@nginx) {
        push @{$nginx->{allow}}, @allow;
        push @{$nginx->{allow_leak}}, @allow_leak;
        push @bad, map { "$nginx->{name}: $_" } $nginx->problems(\@secrets);
    }

    return @bad;
}

sub done_testing {
    if (!$finished) {
        my @bad = finish();

        Test::More::ok(!@bad, 'stopped well, logs are clean')
            or Test::More::diag(join "\n", @bad);
    }

    return Test::More->builder->done_testing(@_);
}

END {
    # a forked child owns nothing
    if ($$ == $main_pid) {
        my $status = $?;
        my @bad = finish();

        if (@bad) {
            Test::More::diag(join "\n", @bad);
            $status ||= 1;
        }

        my $failed = $status || !Test::More->builder->is_passing;

        if ($temp) {
            if ($failed || $ENV{WIX_AUTH_TEST_KEEP}) {
                Test::More::diag("kept: $temp");
            } else {
                File::Path::remove_tree($temp);
            }
        }

        $? = $status;
    }
}


package WixAuthTest::Upstream;

use strict;
use warnings;

sub port { return $_[0]{port} }
sub stop { return WixAuthTest::stop_daemon($_[0]) }

# what it got, oldest first: {method, uri, headers, body, body_md5, ...}
sub requests {
    my ($self) = @_;
    return @{WixAuthTest::Client->new(
        bare => 1, base => "http://127.0.0.1:$self->{port}")
            ->get('/__canary/log')->json // []};
}

sub clear {
    my ($self) = @_;
    WixAuthTest::Client->new(
        bare => 1, base => "http://127.0.0.1:$self->{port}")
            ->post('/__canary/clear');
    return;
}

1;
