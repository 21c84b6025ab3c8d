package WixAuthTest::BenchCount;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# Instructions of a request, by callgrind: the same on every machine with the
# same compiler, and what t/47-instructions.t keeps small.  Nothing is
# proxied, so that the gate is as large a part of the request as can be.

use strict;
use warnings;

use Exporter qw(import);
use WixAuthTest::Bench;
use WixAuthTest::Instructions;

our @EXPORT = qw(count_instructions);

use constant {FEW => 100, MANY => 20_000};

# who is looked up: one of the few, and one in the midst of the many
my %who = (FEW, 5, MANY, MANY / 2);

my $gated = '$wix_auth_member_id $wix_auth_email $wix_auth_status';
my $alike = '$host $request_method $uri';


sub count_instructions {
    heading('instructions',
        'Of a request that is answered with a picture of 43 bytes on a'
            . ' connection that stays',
        'open, counted by callgrind.  "used": member id, e-mail and status'
            . ' in a header of the',
        'answer, which has other variables where there is no gate.');

    my %count;

    for my $n (FEW, MANY) {
        my $nginx = counted_site("count_$n", $n, $gated, $alike);
        my $ask = sub { return instructions($nginx, @_, $who{$n}) };

        $count{$n} = {
            (map { $_ => $ask->(GATED, "/$_") } qw(off plain used)),
            (map { ("free_$_" => $ask->(FREE, "/$_")) } qw(plain used)),
        };

        # once more, for what is counted in its functions
        $ask->(GATED, '/plain');
        $count{$n}{find} = inclusive($nginx, 'ngx_http_wix_auth_session_find');

        $nginx->stop;
    }

    return judge(\%count);
}

sub judge {
    my ($count) = @_;

    my ($few, $many) = @$count{FEW, MANY};

    table(['', 'sessions', 'a request', 'more than ungated'],
        (map { my $c = $count->{$_}; my $n = $_; (
            ['ungated', $n, $c->{free_plain}, ''],
            ['ungated, used', $n, $c->{free_used}, ''],
            ['wix_auth off', $n, $c->{off}, $c->{off} - $c->{free_plain}],
            ['hit', $n, $c->{plain}, $c->{plain} - $c->{free_plain}],
            ['hit, used', $n, $c->{used}, $c->{used} - $c->{free_used}],
        ) } FEW, MANY));

    # all of it but a few instructions before the lock is taken
    say_line('   The zone is locked for at most the instructions of the'
             . ' look-up as a whole:');
    say_line(sprintf '   %s with %d sessions, %s with %d.',
             $few->{find} // 'unknown', FEW, $many->{find} // 'unknown', MANY);
    say_line();

    must('instructions that a used hit adds',
         $few->{used} - $few->{free_used}, '<=', 2200);
    must('instructions that ' . MANY . ' sessions add to ' . FEW,
         $many->{used} - $few->{used}, '<=', 300);

    return $count;
}

1;
