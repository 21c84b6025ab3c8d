package WixAuthTest::Matrix;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# What the fault matrix is made of: cells, each an operation that meets a
# fault, on a host of its own, so that neither a zone nor a cookie is shared;
# the steps of many cells side by side; and the sum.
#
#     my $cell = cell(pass => 1, op => 'login', fault => 'reset',
#                     port => port('PORT'));
#     lockstep(passage($cell, email => ..., password => ...), ...);
#     tried($cell, 'the fault', sub { is(...) });
#     my ($ok, $text) = total(20 * 10);

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Exporter qw(import);
use Time::HiRes qw(time);
use WixAuthTest;

our @EXPORT = qw(
    host cell at lockstep passage held kept signed_in
    tried cannot skipped total
);

my %cells;      # "pass fault operation": what became of it


sub host {
    my ($op, $fault) = @_;
    return lc("$op-$fault.localhost") =~ tr/ ,/-/dr;
}

sub cell {
    my (%cell) = @_;

    my $host = host(@cell{qw(op fault)});

    return {
        %cell,
        operation => $cell{operation} // $cell{op},
        host => $host,
        name => "$cell{fault}, $cell{op}",
        b    => browser(base => "http://$host:$cell{port}"),
    };
}


# where this cell asks now: another server may serve the same sessions
sub at {
    my ($cell, $url) = @_;

    my $base = $cell->{at} // $cell->{b}{base};
    return $url =~ s{^(?:http://\Q$cell->{host}\E:\d+)?(?=/)}{$base}r;
}


# Each talk is a list of steps.  A step gets the last answer and gives the next
# request, as concurrent() takes it; a step that gives none is the end.  All
# talks go on together; what comes back is the last answer of each.

sub lockstep {
    my (@talks) = @_;

    my @steps = map { [@$_] } @talks;
    my @last;

    while (1) {
        my (@who, @asks);

        for my $i (0 .. $#steps) {
            my $step = shift @{$steps[$i]} or next;
            my $ask = $step->($last[$i]);

            if (!$ask) {
                $steps[$i] = [];
                next;
            }

            push @who, $i;
            push @asks, $ask;
        }

        return @last if !@asks;

        my @res = concurrent(@asks);
        @last[@who] = @res;
    }
}

# the steps from a login, or whatever else is asked first, through Wix and back
sub passage {
    my ($cell, @first) = @_;

    my $b = $cell->{b};
    my $ask = ref $first[0] ? $first[0]
        : [$b, POST => at($cell, '/_wix/login'),
           json => {@first, return => '/'}];

    return [
        sub { return $ask },
        sub {
            my $url = ($_[0]->json // {})->{redirectUrl} // return;
            return [$b, GET => $url];
        },
        sub {
            my $url = $_[0]->location // return;
            return [$b, GET => at($cell, $url),
                    headers => {'Sec-Fetch-Site' => 'cross-site'}];
        },
    ];
}


# What a browser has: its session cookie, and the public name of the session
# that the cookie stands for.

sub held {
    my ($cell) = @_;

    my $cookie = $cell->{b}->cookie('wix_auth');
    return $cookie ? $cookie->{value} : '';
}

# the session of before, and it still lets this member in
sub kept {
    my ($cell, $res) = @_;

    is(held($cell), $cell->{held}, 'the session cookie is untouched');
    return signed_in($cell, $res, 'the session goes on', $cell->{owner});
}

# an owner without an address is a visitor

sub signed_in {
    my ($cell, $res, $what, $email) = @_;

    return is_deeply(
        [$res->status, map { $res->header($_) // '' } qw(X-Email X-Session)],
        [200, $email, substr sha256_hex(held($cell)), 0, 32],
        $what);
}


# The sum.  A cell has survived when all was right before, after and at the
# next attempt, whenever that is made, and in all its parts.

sub tried {
    my ($cell, $what, $code) = @_;

    my $ok = subtest "$cell->{pass}: $cell->{name}: $what" => $code;
    my $key = "$cell->{pass} $cell->{fault} $cell->{operation}";

    $cells{$key} = $ok && ($cells{$key} // 'survived') eq 'survived'
        ? 'survived' : 'fell';
    return $ok;
}

sub cannot {
    my ($cell, $why) = @_;

    $cells{"$cell->{pass} $cell->{fault} $cell->{operation}"} = 'cannot';
    note("$cell->{name}: cannot happen: $why");
    return;
}

sub skipped {
    my ($cell) = @_;
    $cells{"$cell->{pass} $cell->{fault} $cell->{operation}"} = 'skipped';
    return;
}

# ($ok, "200 cells: 199 tried, 199 survived, 1 cannot happen")
sub total {
    my ($expected) = @_;

    my %n = (survived => 0, fell => 0, cannot => 0, skipped => 0);
    $n{$_}++ for values %cells;

    my $tried = $n{survived} + $n{fell};
    my $text = keys(%cells) . " cells: $tried tried, $n{survived} survived, "
        . "$n{cannot} cannot happen"
        . ($n{skipped} ? ", $n{skipped} skipped" : '');

    return ($tried && !$n{fell} && keys %cells == $expected, $text);
}

1;
