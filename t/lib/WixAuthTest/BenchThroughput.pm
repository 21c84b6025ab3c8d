package WixAuthTest::BenchThroughput;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Throughput: servers that differ in one thing, asked in turn.  A figure is a
# ratio of two bursts of one round, so that what the machine does besides hits
# both.  Each server is an nginx of its own; they start anew for each third of
# the rounds, because where a process lies in memory is worth a percent or two.

use strict;
use warnings;

use Exporter qw(import);
use List::Util qw(shuffle);
use WixAuthTest ();
use WixAuthTest::Bench;
use WixAuthTest::StateFile;

our @EXPORT = qw(throughput);

use constant {SESSIONS => 1000, STARTS => 3};

# All send the same: a browser with some cookies, and the name and password
# that only auth_basic asks for.
my @headers = (
    'Cookie: theme=dark; wix_auth=' . state_cookie(5) . '; lang=en',
    'Authorization: Basic YmVuY2g6YmVuY2g=',
);

# server => [nginx, port name, path, what it is compared with, words]
my @servers = (
    [free       => 'free', 'FREE', '/small', undef,
     'ungated'],
    [null       => 'null', 'NULL', '/small', 'free',
     'ungated, a second one'],
    [off        => 'gate', 'OFF', '/small', 'free',
     'wix_auth off'],
    [hit        => 'gate', 'HIT', '/small', 'free',
     'hit'],
    [id         => 'gate', 'ID', '/small', 'free',
     'hit, member id in a header'],
    [token      => 'token', 'TOKEN', '/small', 'free',
     'hit, access token in a header'],
    [request    => 'request', 'REQUEST', '/small', 'free',
     'auth_request, a 204 beside it'],
    [basic      => 'basic', 'BASIC', '/small', 'free',
     'auth_basic, plain text'],
    [free_big   => 'free', 'FREE', '/big', undef,
     'ungated, 16 KB'],
    [hit_big    => 'gate', 'HIT', '/big', 'free_big',
     'hit, 16 KB'],
    [free_gif   => 'free', 'FREE', '/gif', undef,
     'ungated, not proxied'],
    [null_gif   => 'null', 'NULL', '/gif', 'free_gif',
     'ungated, a second one, not proxied'],
    [off_gif    => 'gate', 'OFF', '/gif', 'free_gif',
     'wix_auth off, not proxied'],
    [hit_gif    => 'gate', 'HIT', '/gif', 'free_gif',
     'hit, not proxied'],
    [free_two   => 'free_two', 'FREE_TWO', '/small', undef,
     'ungated, 2 workers'],
    [hit_two    => 'gate_two', 'GATE_TWO', '/small', 'free_two',
     'hit, 2 workers'],
);

my (%burst, %nginx, $behind);


# returns {server => {cpu => [ratios], rate => [ratios], words => text}}, and
# the servers that have a ratio, in order
sub throughput {
    my $rounds = rounds();

    heading('throughput',
        'Processor time of the nginx workers a request, of bursts of 1 s by'
            . ' wrk over',
        '32 connections that stay open; the ratio is what the ungated server'
            . ' of the same',
        "round used, over what this one used.  $rounds rounds; medians, and"
            . ' the range of all',
        'rounds in brackets.');

    $behind = start_behind();

    for my $start (1 .. STARTS) {
        my $n = int($rounds * $start / STARTS)
            - int($rounds * ($start - 1) / STARTS);
        next if !$n;

        start_all();
        one($_) for @servers;       # warms up and is forgotten

        for (1 .. $n) {
            for my $server (shuffle(@servers)) {
                push @{$burst{$server->[0]}}, one($server);
            }
        }

        $_->stop for values %nginx;
        %nginx = ();
    }

    stayed_open();
    $behind->stop;

    return judge(report());
}

# whether site and sidecar were asked on connections that stay open
sub stayed_open {
    my ($accepts, $requests) = behind_counts($behind);

    $requests > 100 * $accepts
        or die "$accepts connections for $requests requests behind\n";
    return;
}

sub one {
    my ($server) = @_;
    my ($name, $who, $port, $path) = @$server;

    my $nginx = $nginx{$who};

    return burst(
        url     => 'http://127.0.0.1:' . WixAuthTest::port("${port}_PORT")
            . $path,
        headers => \@headers, pids => [$nginx->worker_pids],
        spread  => $nginx->{workers} > 1,
    );
}


# Servers

sub start_all {
    $nginx{$_} = plain($_) for qw(free null);
    $nginx{free_two} = plain('free_two', workers => 2);

    $nginx{basic} = plain('basic', server => <<"END");
auth_basic members;
auth_basic_user_file %%DIR%%/users;
END
    WixAuthTest::spew($nginx{basic}->dir . '/users', "bench:{PLAIN}bench\n");

    # on connections that stay open: what a level sets of its own it has alone
    $nginx{request} = plain('request', more => <<"END", server => <<"SERVER");
location = /allowed {
    internal;
    proxy_pass http://auth;
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
    proxy_set_header Connection "";
}
END
auth_request /allowed;
SERVER

    $nginx{gate} = gated(['OFF', 'wix_auth off;'], ['HIT', ''],
                         ['ID', header('Member-Id', 'member_id')]);
    $nginx{token} = gated(['TOKEN',
                           header('Access-Token', 'access_token')]);
    $nginx{gate_two} = gated(['GATE_TWO', ''], 2);

    checked();

    for my $nginx (values %nginx) {
        my @pids = $nginx->worker_pids;

        pin(-1, $pids[0]);
        pin(0, $pids[1]) if @pids > 1;
    }
    return;
}

# those with a gate, and only those, have nothing for a stranger
sub checked {
    for my $server (@servers) {
        my ($name, undef, $port, $path) = @$server;
        my $ask = sub {
            return WixAuthTest::raw_response(
                WixAuthTest::port("${port}_PORT"), join "\r\n",
                "GET $path HTTP/1.1", 'Host: localhost', 'Connection: close',
                @_, '', '')->status;
        };
        my $gate = $name =~ /^(?:hit|id|token|basic)/ ? 401 : 200;

        $ask->() == $gate && $ask->(@headers) == 200
            or die "$name does not do what it should\n";
    }
    return;
}

sub header { return "proxy_set_header X-Wix-Auth-$_[0] \$wix_auth_$_[1];" }

# proxy_set_header is inherited by a level that has none of its own
sub server {
    my ($name, $lines, $more) = @_;

    my @set = grep { /^proxy_set_header/ } split /\n/, $lines;
    my $rest = join "\n", grep { !/^proxy_set_header/ } split /\n/, $lines;

    return <<"END";
server {
    listen 127.0.0.1:%%$name\_PORT%%;
    server_name localhost;
    proxy_set_header Connection "";
    @set
    $rest
    location /small { proxy_pass http://site; }
    location /big { proxy_pass http://site; }
    location /gif { empty_gif; }
    $more
}
END
}

# an nginx that has not even loaded the module
sub plain {
    my ($name, %opt) = @_;

    return WixAuthTest::start_nginx(
        module => 0, scan => 0, debug => 0, workers => $opt{workers} // 1,
        conf => common_conf($behind) . server("\U$name", $opt{server} // '',
                                  $opt{more} // ''));
}

sub gated {
    my (@listed) = @_;

    # it goes as soon as it is loaded
    my $file = WixAuthTest::temp_dir() . '/state-throughput';
    state_file($file, state_key(), SESSIONS + 10);

    my $workers = ref $listed[-1] ? 1 : pop @listed;
    my $key = state_key();
    my $servers = join '', map {
        my $mode = $_->[1] =~ /wix_auth off/ ? '' : 'wix_auth required;';
        server($_->[0], "$mode\nwix_auth_client_id %%CLIENT%%;\n$_->[1]\n",
               'location ^~ /_wix/ { wix_auth_endpoints; }')
    } @listed;

    return loaded_site(workers => $workers, file => $file,
        conf => common_conf($behind) . <<"END");
wix_auth_zone zone=members:16m %%STATE%%;
wix_auth_session_key $key;
wix_auth_api %%API%%;
wix_auth_cookie nosecure;
$servers
END
}


# The figures

sub report {
    my %figure;
    my @rows = (['server', 'us a request', 'ungated / this', 'requests/s',
                 'busy']);

    for my $server (@servers) {
        my ($name, undef, undef, undef, $base, $words) = @$server;
        my @own = @{$burst{$name}};
        my (@cpu, @rate);

        for my $i ($base ? (0 .. $#own) : ()) {
            my $other = $burst{$base}[$i];
            push @cpu, $other->{cpu} / $own[$i]{cpu};
            push @rate, $own[$i]{rate} / $other->{rate};
        }

        $figure{$name} = {cpu => \@cpu, rate => \@rate, words => $words};

        push @rows, [$words, us(median(map { $_->{cpu} } @own)),
            spread('%.3f', @cpu),
            sprintf('%.0f', median(map { $_->{rate} } @own)),
            sprintf('%.0f %%', 100 * median(map { $_->{busy} } @own))];
    }

    $figure{order} = [map { $_->[0] } grep { $_->[4] } @servers];

    # the smaller of the two, so that nothing beside nginx decides it
    my @hit = @{$burst{hit}};
    my @request = @{$burst{request}};

    $figure{against} = {words => 'hit against auth_request',
        rate => [map { $hit[$_]{rate} / $request[$_]{rate} } 0 .. $#hit],
        cpu => [map { $request[$_]{cpu} / $hit[$_]{cpu} } 0 .. $#hit]};

    table(@rows);
    table(['hit over auth_request', ''],
          ['requests/s', spread('%.2f', @{$figure{against}{rate}})],
          ['processor time', spread('%.2f', @{$figure{against}{cpu}})]);

    return \%figure;
}

sub judge {
    my ($figure) = @_;

    my $cpu = sub { return median(@{$figure->{$_[0]}{cpu}}) };

    must('the null pair', $cpu->('null'), 'in', 0.97, 1.03);
    must('the null pair, not proxied', $cpu->('null_gif'), 'in', 0.97, 1.03);
    must('a hit, proxied', $cpu->('hit'), '>=', 0.95);
    must('a hit, not proxied', $cpu->('hit_gif'), '>=', 0.88);
    must('the access token in a header, proxied', $cpu->('token'), '>=', 0.93);
    must('requests of a hit against auth_request',
         median(@{$figure->{against}{rate}}), '>=', 1.4);
    must('processor time of auth_request against a hit',
         $cpu->('against'), '>=', 1.4);

    return $figure;
}

1;
