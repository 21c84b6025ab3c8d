package WixAuthTest::Refresh;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# What the refresh tests share: many sessions at once, tokens that are past
# their expiry, and connections that stay open.  A file reads
#
#     use WixAuthTest;
#     use WixAuthTest::Refresh;
#
#     short_tokens(1);              # of every login; a refresh gives long ones
#     my @b = sessions(3);          # logged-in browsers
#     expire(@b);                   # returns when their tokens have expired
#     is(verdict(get($b[0])), '200 REFRESHED');

use strict;
use warnings;

use Exporter qw(import);
use Time::HiRes qw(sleep time);
use WixAuthTest;

our @EXPORT = qw(
    MEMBER PASSWORD
    gate more page short_tokens login_at sessions renewed expire expired
    get verdict reason remain refreshes refresh_log
    refresh_fault clear_fault conn
);

use constant MEMBER   => 'ann@example.com';
use constant PASSWORD => 'secret-of-ann-1';

my $ttl = 0;


# A configuration: gate(zone => '2m', http => lines, server => lines,
# locations => text, listen => 'reuseport', more => another server's lines, on
# %%MORE_PORT%%).  Every answer tells what the gate has decided and which
# worker it was.  One member logs in many times at once.

sub gate {
    my (%opt) = @_;

    $opt{$_} //= '' for qw(http server locations listen);
    $opt{zone} //= '2m';

    my $more = '';

    # for another gate to the same sessions, with other times or another API
    $more = <<"END" if defined $opt{more};
server {
    listen 127.0.0.1:%%MORE_PORT%% $opt{listen};
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;
    $opt{more}
    location ^~ /_wix/ { wix_auth_endpoints; }
    location / { try_files /page.txt =404; }
}
END

    return <<"END";
wix_auth_zone zone=members:$opt{zone};
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
wix_auth_login_limit off;
add_header X-Status \$wix_auth_status always;
add_header X-Reason \$wix_auth_reason always;
add_header X-Member \$wix_auth_member_id always;
add_header X-Remain \$wix_auth_token_remain always;
add_header X-Time \$wix_auth_time always;
add_header X-Pid \$pid always;
$opt{http}

server {
    listen 127.0.0.1:%%PORT%% $opt{listen};
    server_name localhost;
    wix_auth_client_id %%CLIENT%%;
    wix_auth required;
    $opt{server}
    location ^~ /_wix/ { wix_auth_endpoints; }
    location /open { wix_auth off; try_files /page.txt =404; }
    location / { try_files /page.txt =404; }
    $opt{locations}
}
$more
END
}

# a URL of the other server
sub more { return 'http://localhost:' . port('MORE_PORT') . ($_[0] // '/') }

# the file that all those locations serve
sub page {
    my ($nginx, $text) = @_;
    spew($nginx->dir . '/html/page.txt', $text // "the page\n");
    return;
}


# From now on a login gives a token of so many seconds; a refreshed one lives
# as long as the emulator says.

my $short;

sub short_tokens {
    my ($seconds) = @_;

    clear_fault($short) if $short;
    $ttl = $seconds;
    $short = emu_fault('token.authorization_code',
        {type => 'patch', set => {expires_in => $seconds}}, count => -1);
    return;
}


# n browsers with a session each, logged in side by side through the
# endpoints: sessions($n, base => url, email => whose).  They log in at the
# server that login_at() names, where a gate has too little time for it.

my $login_base;

sub login_at { ($login_base) = @_; return }

sub sessions {
    my ($n, %opt) = @_;

    my @all;

    note_secret(password => PASSWORD);

    while (@all < $n) {
        my $some = $n - @all;
        push @all, log_in($some > 40 ? 40 : $some, %opt);
    }

    return wantarray ? @all : $all[0];
}

sub log_in {
    my ($n, %opt) = @_;

    my $email = delete $opt{email} // MEMBER;
    my $first = browser(%opt);
    my $base = $first->{base};
    $first->{base} = $login_base if $login_base && !$opt{base};

    my @b = ($first, map { $first->clone } 2 .. $n);

    my @res = concurrent(map {
        [$_, POST => '/_wix/login', json => {
            email => $email, password => PASSWORD, return => '/'}]
    } @b);

    my @next = map {
        my $url = ($_->json // {})->{redirectUrl};
        die 'login: ' . $_->status . ' ' . ($_->{error} // $_->body) . "\n"
            if !$url;
        $url;
    } @res;

    # Wix, and back to the callback, which sets the cookie
    for (1 .. 6) {
        my @todo = grep { !$b[$_]->cookie('wix_auth') } 0 .. $#b;
        last if !@todo;

        @res = concurrent(map {
            [$b[$_], GET => $next[$_],
             headers => {'Sec-Fetch-Site' => 'cross-site'}]
        } @todo);

        for my $i (0 .. $#todo) {
            my $location = $res[$i]->location
                // die 'login: ' . $res[$i]->status . ' '
                    . ($res[$i]{error} // $res[$i]->body) . "\n";
            $next[$todo[$i]]
                = WixAuthTest::Client::resolve($res[$i]{url}, $location);
        }
    }

    for (@b) {
        die "a login has not ended with a cookie\n" if !$_->cookie('wix_auth');
        $_->{base} = $base;
        $_->{logged_in} = time;
        renewed($_, $ttl);
    }

    return @b;
}

# its newest token, of this moment, lives so many seconds
sub renewed {
    my ($b, $seconds) = @_;
    $b->{token_end} = time + $seconds;
    return;
}

# returns when the tokens of these sessions have expired
sub expire {
    my $last = 0;

    for (@_) {
        $last = $_->{token_end} if $_->{token_end} > $last;
    }

    # the one thing to wait for here is the clock
    sleep 0.02 while time < $last + 0.1;
    return;
}

# sessions past expiry
sub expired {
    my ($n, %opt) = @_;

    my @b = sessions($n, %opt);
    expire(@b);
    return wantarray ? @b : $b[0];
}


# a program's request: refused with 401 or 503, never a login page
sub get {
    my ($b, $path, %opt) = @_;

    return $b->get($path // '/', %opt, headers => {
        'Sec-Fetch-Mode' => 'cors', Accept => 'application/json',
        %{$opt{headers} // {}}});
}

# "200 HIT", "200 STALE upstream_timeout", "503 ERROR upstream_unavailable"
sub verdict {
    my ($res) = @_;
    return join ' ', grep { length } $res->status,
        $res->header('X-Status') // '', reason($res);
}

sub reason { return $_[0]->header('X-Reason') // '' }
sub remain { return $_[0]->header('X-Remain') // -1 }

# calls and faults of MEMBER's sessions, unless email names another
sub refreshes {
    return emu_count('token.refresh_token', email => MEMBER, @_);
}

sub refresh_log {
    return emu_log('token.refresh_token', email => MEMBER, @_);
}

sub refresh_fault {
    my ($action, %opt) = @_;

    return emu_fault('token.refresh_token', $action, %opt,
        match => {email => MEMBER, %{$opt{match} // {}}});
}

sub clear_fault { emulator()->clear_faults($_) for @_; return }


# A connection that stays open, and so stays with one worker.
# conn(port => n)->get($browser, '/path'), ->send and ->read apart, ->pid

sub conn {
    my (%opt) = @_;

    return bless {
        sock => open_socket($opt{port} // port('PORT')), in => '',
    }, 'WixAuthTest::Refresh::Connection';
}


package WixAuthTest::Refresh::Connection;

use strict;
use warnings;

use IO::Select;
use Time::HiRes qw(time);

sub sock { return $_[0]{sock} }
sub close { my ($self) = @_; return close delete $self->{sock} }

# the bytes of a request as that browser would send it
sub bytes {
    my ($self, $b, $method, $path, %opt) = @_;

    my $p = $b->prepare($method, $path, %opt, headers => {
        'Sec-Fetch-Mode' => 'cors', Connection => 'keep-alive',
        %{$opt{headers} // {}}});

    return $p->{bytes};
}

sub send {
    my ($self, $b, $method, $path, %opt) = @_;

    my $bytes = $self->bytes($b, $method, $path, %opt);
    push @{$self->{asked}}, $method;

    return WixAuthTest::Client::write_all(
        $self->{sock}, $bytes, time + WixAuthTest::slow(10));
}

# bytes as they are; the method is that of the answer to come
sub write {
    my ($self, $bytes, $method) = @_;

    push @{$self->{asked}}, $method if defined $method;

    return WixAuthTest::Client::write_all(
        $self->{sock}, $bytes, time + WixAuthTest::slow(20));
}

# The next answer; undef when the connection was closed before its first
# byte.  ->{error} is set when it was cut short or too late.
sub read {
    my ($self, $timeout) = @_;

    my $deadline = time + WixAuthTest::slow($timeout // 15);
    my $method = shift @{$self->{asked}} // 'GET';
    my ($error, $bytes);

    while (1) {
        $bytes = $self->cut($method);
        last if defined $bytes;

        my $left = $deadline - time;

        if ($left <= 0 || !IO::Select->new($self->{sock})->can_read($left)) {
            $error = 'timed out';
            last;
        }

        my $n = sysread $self->{sock}, $self->{in}, 65536,
            length $self->{in};
        next if $n;

        return undef if !length $self->{in};
        $error = 'cut short';
        last;
    }

    my $res = WixAuthTest::Response->parse(
        $bytes // $self->{in}, $method);
    $res->{error} = $error if $error;

    return $res;
}

# takes the first whole answer out of what has come in
sub cut {
    my ($self, $method) = @_;

    my $at = 0;

    while (substr($self->{in}, $at) =~ m{\AHTTP/1\.1 100 .*?\r\n\r\n}s) {
        $at += $+[0];
    }

    my $end = index $self->{in}, "\r\n\r\n", $at;
    return if $end < 0;

    my $head = substr $self->{in}, $at, $end + 2 - $at;
    my $size = $end + 4;

    if ($method eq 'HEAD' || $head =~ m{\AHTTP/1\.1 (?:204|304)}) {
        # no body
    }
    elsif ($head =~ /^Content-Length: *(\d+)\r$/mi) {
        $size += $1;
    }
    elsif ($head =~ /^Transfer-Encoding: *chunked\r$/mi) {
        my $stop = index $self->{in}, "\r\n0\r\n\r\n", $end + 2;
        return if $stop < 0;
        $size = $stop + 7;
    }

    return if length $self->{in} < $size;
    return substr $self->{in}, 0, $size, '';
}

sub get {
    my ($self, $b, $path, %opt) = @_;

    $self->send($b, GET => $path, %opt) or return undef;
    return $self->read;
}

# the worker that serves this connection, asked where no gate is
sub pid {
    my ($self, $b) = @_;
    return $self->get($b, '/open')->header('X-Pid');
}

1;
