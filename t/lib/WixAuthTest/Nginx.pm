package WixAuthTest::Nginx;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# One nginx of a test: configuration, start, reload, workers, end, and what
# its logs may not contain.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use POSIX ();
use Time::HiRes qw(sleep time);

our $BINARY   = $ENV{WIX_AUTH_TEST_NGINX};
our $MODULE   = $ENV{WIX_AUTH_TEST_MODULE};
our $FLAVOUR  = $ENV{WIX_AUTH_TEST_FLAVOUR} // 'packaged';
our $VALGRIND = $ENV{WIX_AUTH_TEST_VALGRIND};
our $PRELOAD  = $ENV{WIX_AUTH_TEST_PRELOAD};

# everything takes longer there
our $SLOW = $VALGRIND ? 10 : $FLAVOUR eq 'packaged' ? 1 : 3;

my $version;


sub binary {
    return $BINARY if $BINARY;

    for my $dir (split(/:/, $ENV{PATH}), '/usr/sbin', '/sbin') {
        return $BINARY = "$dir/nginx" if -x "$dir/nginx";
    }
    die "no nginx is installed\n";
}

# what nginx -V prints
sub version {
    return $version //= do { my $b = binary(); scalar `$b -V 2>&1` };
}


# new(top => dir, name => ..., conf => text, workers => n, debug => 1,
#     module => 1, scan => 1, wait_port => n)

sub new {
    my ($class, %opt) = @_;

    my $self = bless {
        workers => 1, debug => 1, module => 1, scan => 1, allow => [],
        allow_leak => [], master => 1, %opt,
    }, $class;

    $self->{dir} = "$opt{top}/$opt{name}";

    for my $dir ($self->{dir}, "$self->{dir}/html", "$self->{dir}/logs") {
        mkdir $dir or -d $dir or die "mkdir $dir: $!\n";
        # workers of a root master may run as someone else
        chmod 0777, $dir;
    }

    return $self;
}

sub dir   { return $_[0]{dir} }
sub pid   { return $_[0]{pid} }
sub conf_file  { return "$_[0]{dir}/nginx.conf" }
sub error_file { return "$_[0]{dir}/error.log" }

sub error_log  { return slurp($_[0]->error_file) }
sub access_log { return slurp("$_[0]{dir}/access.log") }

# the error log's lines of a level or above, from an offset on
sub log_lines {
    my ($self, $wanted) = @_;
    return grep { $_ =~ $wanted } split /\n/, $self->error_log;
}

# http://localhost:PORT/path of the configuration's first port
sub url {
    my ($self, $path) = @_;
    return ($self->{base} // die "no base URL\n") . ($path // '');
}


sub write_conf {
    my ($self, $conf) = @_;

    $self->{conf} = $conf if defined $conf;

    my $dir = $self->{dir};
    my $level = $self->{debug} && version() =~ /--with-debug/
        ? 'debug' : 'info';

    my $main = '';
    $main .= "load_module $MODULE;\n" if $self->{module};
    $main .= "user root;\n" if $> == 0 && $self->{conf} !~ /^\s*user\s/m;
    $main .= "worker_processes $self->{workers};\n";
    $main .= "master_process off;\n" if !$self->{master};
    $main .= "daemon off;\n";
    $main .= "pid $dir/nginx.pid;\nlock_file $dir/nginx.lock;\n";
    $main .= "error_log $dir/error.log $level;\n";

    my $events = "events { worker_connections 1024; }\n";

    # a configuration with its own http block is complete but for the
    # paths and the module
    my $body = $self->{conf};

    if ($body =~ /^\s*http\s*\{/m || $body !~ /\S/) {
        $main .= $events if $body !~ /^\s*events\s*\{/m;
        $body =~ s/^(\s*http\s*\{)/$1\n@{[$self->http_defaults]}/m;

    } else {
        $main .= $events;
        $body = "http {\n" . $self->http_defaults . "\n$body\n}\n";
    }

    spew($self->conf_file, "$main\n$body");
    return;
}

sub http_defaults {
    my ($self) = @_;

    my $dir = $self->{dir};
    my $temp = join '', map { "    ${_}_temp_path $dir/temp_$_;\n" }
        qw(client_body proxy fastcgi uwsgi scgi);

    return $temp . <<"END";
    access_log $dir/access.log;
    root $dir/html;
    default_type application/octet-stream;
    types {
        text/html html; text/plain txt; text/css css;
        application/json json; application/javascript js;
    }
END
}


# ($ok, $output) of nginx -t
sub test_conf {
    my ($self) = @_;

    my @cmd = (binary(), '-t', '-p', $self->{dir}, '-c', $self->conf_file,
               '-e', "$self->{dir}/test.log");
    my $pid = open my $out, '-|';

    defined $pid or die "fork: $!\n";

    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        $self->environment;
        # nginx -t leaves without freeing the configuration
        $ENV{ASAN_OPTIONS} .= ':detect_leaks=0' if $ENV{ASAN_OPTIONS};
        exec @cmd or POSIX::_exit(127);
    }

    my $text = do { local $/; <$out> } // '';
    close $out;

    return ($? == 0 ? 1 : 0, $text);
}


sub environment {
    my ($self) = @_;

    my $dir = $self->{dir};
    my $leaks = $FLAVOUR eq 'sanitizer' ? 1 : 0;

    if ($FLAVOUR ne 'packaged') {
        # nginx and every dynamic module have an ngx_modules of their own
        $ENV{ASAN_OPTIONS} = "detect_leaks=$leaks:detect_odr_violation=0:"
            . "detect_stack_use_after_return=1:log_path=$dir/asan";
        $ENV{UBSAN_OPTIONS} = "print_stacktrace=1:log_path=$dir/ubsan";
        $ENV{LSAN_OPTIONS} = 'report_objects=0:print_suppressions=0'
            . ':suppressions=' . dirname(abs_path(__FILE__)) . '/../lsan.supp';
        $ENV{LD_PRELOAD} = $PRELOAD if $PRELOAD;
    }

    delete @ENV{qw(NGINX http_proxy https_proxy HTTP_PROXY HTTPS_PROXY
                   ALL_PROXY all_proxy)};
    return;
}

sub command {
    my ($self) = @_;

    my @cmd = (binary(), '-p', $self->{dir}, '-c', $self->conf_file, '-e',
               $self->error_file);

    if ($VALGRIND) {
        unshift @cmd, 'valgrind', '-q', '--leak-check=full',
            '--show-leak-kinds=definite,indirect',
            '--errors-for-leak-kinds=definite,indirect',
            "--log-file=$self->{dir}/valgrind.%p";
    }

    return @cmd;
}


# without waiting: the pid
sub launch {
    my ($self) = @_;

    my $pid = fork // die "fork: $!\n";

    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$self->{dir}/stderr";
        open STDERR, '>&', \*STDOUT;
        $self->environment;
        exec $self->command or POSIX::_exit(127);
    }
    return $pid;
}

sub start {
    my ($self) = @_;

    my $pid = $self->launch;

    $self->{pid} = $pid;
    $self->{exit} = undef;

    my $deadline = time + 20 * $SLOW;

    while (time < $deadline) {
        if ($self->gone) {
            my $log = slurp("$self->{dir}/stderr") . join "\n",
                $self->log_lines(qr/\[(?:emerg|alert|crit|error)\]/);
            die "nginx did not start:\n$log\n";
        }

        return $self if -s "$self->{dir}/nginx.pid"
            && $self->worker_pids >= ($self->{master} ? $self->{workers} : 0)
            && $self->listens;

        sleep 0.02;
    }

    die "nginx was not ready in time, see $self->{dir}\n";
}

sub listens {
    my ($self) = @_;

    for my $port (@{$self->{wait_ports} // []}) {
        my $sock = IO::Socket::INET->new(
            PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 1);
        return 0 if !$sock;
        close $sock;
    }
    return 1;
}

sub gone {
    my ($self) = @_;

    return 1 if !$self->{pid} || defined $self->{exit};

    if (waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid}) {
        $self->{exit} = $?;
        return 1;
    }
    return 0;
}


# living worker processes; with all => 1 also those that shut down
sub worker_pids {
    my ($self, %opt) = @_;

    return () if !$self->{pid};
    return ($self->{pid}) if !$self->{master};

    my @pids;

    for my $stat (glob '/proc/[0-9]*/stat') {
        my $text = slurp($stat);
        my ($pid, $state, $parent) = $text =~ /^(\d+) \(.*\) (\S) (\d+)/s
            or next;

        next if $parent != $self->{pid} || $state eq 'Z';

        my $title = slurp("/proc/$pid/cmdline");

        # under valgrind the title does not show
        if (!$VALGRIND) {
            next if $title !~ /^nginx: worker process/;
            next if $title =~ /shutting down/ && !$opt{all};
        }

        push @pids, $pid;
    }

    @pids = sort { $a <=> $b } @pids;
    return @pids;
}


# ->reload(conf => new text) waits until only new workers serve;
# returns false when nginx refused the configuration
sub reload {
    my ($self, %opt) = @_;

    $self->write_conf($opt{conf}) if defined $opt{conf};

    my %old = map { $_ => 1 } $self->worker_pids(all => 1);
    my $from = -s $self->error_file;

    kill HUP => $self->{pid};

    my $deadline = time + 20 * $SLOW;

    while (time < $deadline) {
        my @new = grep { !$old{$_} } $self->worker_pids;
        my @left = grep { $old{$_} } $self->worker_pids;

        return 1 if @new >= $self->{workers} && !@left;

        if (substr($self->error_log, $from) =~ /\[emerg\]/) {
            return 0;
        }
        die "nginx is gone after a reload\n" if $self->gone;

        sleep 0.02;
    }

    die "reload was not done in time, see $self->{dir}\n";
}

# kills one worker (default: the first with SIGKILL) and waits for its heir
sub kill_worker {
    my ($self, $pid, $signal) = @_;

    my @before = $self->worker_pids;
    $pid //= $before[0];
    $signal //= 'KILL';
    kill $signal => $pid;

    push @{$self->{allow}}, qr/worker process $pid exited on signal/;

    my $deadline = time + 20 * $SLOW;

    while (time < $deadline) {
        my @now = $self->worker_pids;
        return $pid if @now >= $self->{workers} && !grep { $_ == $pid } @now;
        sleep 0.02;
    }

    die "no worker came after $pid, see $self->{dir}\n";
}


# QUIT lets requests finish; TERM does not
sub stop {
    my ($self, $signal) = @_;

    return if !$self->{pid};

    $signal //= 'QUIT';
    kill $signal => $self->{pid} if !$self->gone;

    for my $try ([15 * $SLOW, undef], [5 * $SLOW, 'TERM'], [10, 'KILL']) {
        my ($seconds, $next) = @$try;

        if ($next) {
            push @{$self->{problems}},
                "nginx did not stop on $signal, sent $next";
            kill $next => $self->worker_pids(all => 1) if $next eq 'KILL';
            kill $next => $self->{pid};
        }

        my $deadline = time + $seconds;
        while (!$self->gone && time < $deadline) {
            sleep 0.02;
        }
        last if $self->gone;
    }

    my $exit = $self->{exit};
    if ($exit && $signal ne 'KILL') {
        push @{$self->{problems}}, $exit & 127
            ? 'nginx died of signal ' . ($exit & 127)
            : 'nginx exited with code ' . ($exit >> 8);
    }

    delete $self->{pid};
    return $exit;
}


# What went wrong that no assertion saw.  Reads all logs once.

sub problems {
    my ($self, $secrets) = @_;

    my @bad = @{$self->{problems} // []};
    my (@lines, %seen);

    open my $fh, '<', $self->error_file or return @bad;

    while (my $line = <$fh>) {
        chomp $line;

        my ($level) = $line =~ /^\S+ \S+ \[(\w+)\]/;
        $level //= '';

        if ($level =~ /^(?:alert|emerg)$/
            && !grep { $line =~ $_ } @{$self->{allow}})
        {
            my $kind = $line =~ s/^\S+ \S+ //r =~ s/\d+//gr;
            push @bad, "error.log: $line" if !$seen{$kind}++;
        }

        push @lines, $line if $line =~ m{\d+\x23\d+: (?:\*\d+ )?wix_auth: }
            || ($level ne 'debug' && length $level);
    }
    close $fh;

    for my $file (glob("$self->{dir}/asan.* $self->{dir}/ubsan.* "
                       . "$self->{dir}/valgrind.*"), "$self->{dir}/stderr")
    {
        my $text = slurp($file);

        $text = valgrind_errors($text) if $file =~ /valgrind\.\d+$/;

        next if $file =~ /stderr$/
            && $text !~ /Sanitizer|runtime error:|\bASSERT/;
        next if $text !~ /\S/;
        next if grep { $text =~ $_ } @{$self->{allow}};

        push @bad, "$file:\n" . join "\n", (split /\n/, $text)[0 .. 30];
        $#bad = 40 if @bad > 40;
    }

    if ($self->{scan} && @$secrets) {
        my @text = (@lines, split /\n/, $self->access_log);
        push @bad, leaks($secrets, \@text, $self->{allow_leak});
    }

    return grep { defined } @bad;
}


# Memory that nginx itself leaves behind when a worker ends is its own matter;
# what our functions allocated, and every wrong access, is not.
sub valgrind_errors {
    my ($text) = @_;

    $text =~ s/^==\d+== ?//mg;

    return join "\n\n", grep {
        /\S/ && (!/ in loss record /
            || /\bngx_http_wix_auth_|libcurl|libyajl/)
    } split /\n[ ]*\n/, $text;
}


# A log line may be cut short, so pieces of a secret count as well.  Short
# secrets (a code from a mail, a password) must stand alone.

use constant PIECE => 24;

sub leaks {
    my ($secrets, $lines, $allow) = @_;

    my (%piece, %short, @bad);

    for my $secret (@$secrets) {
        for my $s ($secret->{value},
                   WixAuthTest::Client::url_escape($secret->{value}))
        {
            if (length $s < 2 * PIECE) {
                $short{$s} = $secret->{kind} if length $s >= 6;
                next;
            }

            for (my $i = 0; $i + PIECE <= length $s; $i += PIECE) {
                $piece{substr $s, $i, PIECE} //= $secret->{kind};
            }
        }
    }

    my $short = join '|', map { quotemeta } sort keys %short;
    my $re = length $short
        ? qr/(?<![A-Za-z0-9])($short)(?![A-Za-z0-9])/ : undef;

    LINE:
    for my $line (@$lines) {
        next if grep { $line =~ $_ } @$allow;

        my $kind;

        $kind = $short{$1} if $re && $line =~ $re;

        if (!$kind && %piece) {
            # only runs of base64 and the like can hold one
            RUN:
            while ($line =~ /([A-Za-z0-9+\/_.=%~-]{24,})/g) {
                my $run = $1;
                for my $i (0 .. length($run) - PIECE) {
                    $kind = $piece{substr $run, $i, PIECE};
                    last RUN if $kind;
                }
            }
        }

        if ($kind) {
            push @bad, "leak of $kind: $line";
            return @bad if @bad >= 10;
        }
    }

    return @bad;
}


sub slurp {
    my ($file) = @_;

    open my $fh, '<', $file or return '';
    local $/;
    return <$fh> // '';
}

sub spew {
    my ($file, $text) = @_;

    open my $fh, '>', $file or die "$file: $!\n";
    print $fh $text;
    close $fh or die "$file: $!\n";
    return;
}

1;
