package WixAuthTest::SoakJudge;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# What t/soak knows of faults, kills and reloads, and whether they explain
# what a virtual user did not expect.  Nothing else does.
#
#     my $judge = WixAuthTest::SoakJudge->new(call => 4, lease => 5);
#     $judge->fault_on('token.refresh_token', 'hang');
#     $judge->fault_off;
#     $judge->killed($pid);
#     my $why = $judge->explain($incident) // 'unexplained';

use strict;
use warnings;

use Time::HiRes qw(time);

# which calls to Wix a request may need
my %calls = (
    login     => [qw(token.anonymous login redirect-session.auth)],
    register  => [qw(token.anonymous register redirect-session.auth)],
    verify    => [qw(token.anonymous verify redirect-session.auth)],
    callback  => [qw(token.authorization_code)],
    strict    => [qw(token.refresh_token)],
    program   => [qw(token-info)],
    'visitor changed' => [qw(token.anonymous token.refresh_token)],
);

# a breaker is one of these and of a client; "refresh" is in the background
my %class = (
    waited  => [qw(login register verify redirect-session.auth recover
                   token.authorization_code token.refresh_token)],
    lookup  => [qw(token.anonymous token-info members-my)],
);

# what the module says when Wix is at fault
my $upstream = qr/^(?:upstream_(?:error|unavailable|timeout))$/;
my $throttled = qr/^(?:upstream_throttled|too_many_attempts)$/;

# new(lease => of a refresh, pause => how long after a fault its calls may still
# be under way or held back, backoff => and a refresh that has failed, breaker =>
# and all calls of a class, refusal => how long a refused token is remembered)
sub new {
    my ($class, %opt) = @_;
    return bless {faults => [], kills => [], reloads => [], starved => [],
                  %opt}, $class;
}

sub fault_on {
    my ($self, $op, $what) = @_;
    push @{$self->{faults}}, {op => $op, what => $what, from => time};
    return;
}

sub fault_off {
    my ($self) = @_;
    $_->{to} //= time for @{$self->{faults}};
    return;
}

# the machine has no time for the emulator: that looks like a silent Wix
sub starved {
    my ($self, $from, $to) = @_;
    push @{$self->{starved}}, [$from, $to];
    return;
}

sub killed   { my ($self) = @_; push @{$self->{kills}}, time; return }
sub reloaded { my ($self) = @_; push @{$self->{reloads}}, time; return }

# the newest time of a list that is at most so many seconds before from, and
# not after to
sub within {
    my ($times, $from, $to, $before) = @_;
    return grep { $_ <= $to + 0.2 && $_ >= $from - $before } @$times;
}

sub fault_between {
    my ($self, $from, $to, $after, @calls) = @_;

    for my $fault (reverse @{$self->{faults}}) {
        next if $fault->{from} > $to
            || (defined $fault->{to} && $fault->{to} + $after < $from);
        return $fault if !@calls || grep { hits($fault->{op}, $_) } @calls;
    }
    return;
}

sub refused {
    my ($self, $from, $to, $request, @calls) = @_;

    return 1 if $request =~ /^(?:callback|register|verify|visitor changed)$/;
    return 0 if $request ne 'login';

    my $fault = $self->fault_between($from, $to, 0, @calls);
    return $fault && $fault->{what} =~ /^status 4/;
}

# what a person wants to know of the moment of an incident
sub circumstances {
    my ($self, $from, $to) = @_;

    my @told;
    my $fault = $self->fault_between($from, $to, 60);

    push @told, sprintf '%s of %s from %.1f s before it%s', @$fault{qw(what op)},
        $from - $fault->{from}, defined $fault->{to}
            ? sprintf ' to %.1f s %s', abs($from - $fault->{to}),
                $from > $fault->{to} ? 'before it' : 'after it began' : ''
        if $fault;

    for my $what (qw(kill reload)) {
        my ($last) = within([reverse @{$self->{"${what}s"}}], $from, $to, 20);
        push @told, sprintf '%s %.1f s before it', $what, $from - $last
            if defined $last;
    }
    return join ', ', @told;
}

# as the emulator reads a pattern
sub hits {
    my ($pattern, $op) = @_;
    return $pattern eq '*' || $pattern eq $op || $op =~ /^\Q$pattern\E\./;
}

# Why it happened; undef when there is no reason for it.
sub explain {
    my ($self, $it) = @_;

    my $request = $it->{request} // return;
    my ($from, $to) = @$it{qw(from to)};
    my $reason = $it->{reason} // '';

    # a connection ends with its worker, but with nothing else
    if ($it->{kind} eq 'cut') {
        return 'a killed worker' if within($self->{kills}, $from, $to, 0.2);
        return;
    }

    my @calls = @{$calls{$request} // return};
    my $after = $self->{pause};

    if ($it->{kind} eq '5xx') {
        return if $reason !~ $upstream;
    }
    elsif ($it->{kind} eq 'throttled') {
        return if $reason !~ $throttled;
        # of a budget of a minute
        $after = 60 if $reason eq 'too_many_attempts';
    }

    # Wix has refused a token, which is not asked about again for a while
    if ($request eq 'program' && $reason eq 'invalid_token') {
        my $fault = $self->fault_between($from, $to,
                                         $self->{refusal} + 1, @calls);
        return 'a refusal that is remembered'
            if $fault && $fault->{what} =~ /^status 4/;
    }

    # what Wix itself refuses, or what is not sent twice and cannot be done
    # again
    return if $it->{kind} eq 'answer'
        && !$self->refused($from, $to, $request, @calls);

    # a refresh that failed is held back, for about as long again
    $after += $self->{backoff} if $request eq 'strict'
        || $request eq 'visitor changed';

    my $fault = $self->fault_between($from, $to, $after, @calls);
    return "$fault->{what} of $fault->{op}" if $fault;

    if ($reason eq 'upstream_timeout') {
        for my $slow (@{$self->{starved}}) {
            return 'a slow machine'
                if $slow->[0] <= $to && $slow->[1] + $after >= $from;
        }
    }

    # an answer that ends badly ends its connection, which another call may
    # just have been given; what is not sent twice fails with it
    if ($request =~ /^(?:login|register|verify|callback)$/) {
        $fault = $self->fault_between($from, $to, 1);
        return 'an unlucky connection'
            if $fault && $fault->{what} =~ /^(?:close|reset|truncate|drip)\b/;
    }

    # a client that Wix throttles makes a pause: whom nobody waits for, and
    # what strangers can bring about, is not asked about
    if ($request =~ /^(?:program|strict|visitor changed)$/) {
        $fault = $self->fault_between($from, $to, $after + $self->{backoff});
        return 'a pause' if $fault && $fault->{what} =~ /\b429\b/;
    }

    # while the breaker of a class is open nobody calls
    if ($it->{kind} eq '5xx' && $reason eq 'upstream_unavailable') {
        my @class = map { @{$class{$_}} } grep {
            my $name = $_;
            grep { my $op = $_; grep { $_ eq $op } @{$class{$name}} } @calls
        } sort keys %class;

        $fault = $self->fault_between($from, $to,
                                      $after + $self->{breaker}, @class);
        return 'an open breaker' if $fault;
    }

    # the lease of a refresh outlives its worker
    if ($request eq 'strict' && within($self->{kills}, $from, $to,
                                       $self->{lease} + $self->{backoff}))
    {
        return 'the lease of a killed worker';
    }
    return;
}

# seconds without any fault, kill or margin, of those that have passed
sub healthy {
    my ($self, $begin, $end) = @_;

    my ($at, $sum) = ($begin, 0);

    for my $fault (sort { $a->{from} <=> $b->{from} } @{$self->{faults}}) {
        $sum += $fault->{from} - $at if $fault->{from} > $at;
        my $over = ($fault->{to} // $end) + $self->{pause};
        $at = $over if $over > $at;
    }
    $sum += $end - $at if $end > $at;
    return $sum;
}


# Least squares through [x, y] ...: the slope, and its standard error.
sub slope {
    my (@points) = @_;

    my $n = @points;
    return (0, 0) if $n < 3;

    my ($mx, $my) = (0, 0);
    for (@points) {
        $mx += $_->[0] / $n;
        $my += $_->[1] / $n;
    }

    my ($xx, $xy) = (0, 0);
    for (@points) {
        $xx += ($_->[0] - $mx) ** 2;
        $xy += ($_->[0] - $mx) * ($_->[1] - $my);
    }
    return (0, 0) if $xx == 0;

    my $slope = $xy / $xx;
    my $rest = 0;
    for (@points) {
        $rest += ($_->[1] - $my - $slope * ($_->[0] - $mx)) ** 2;
    }

    return ($slope, sqrt($rest / ($n - 2) / $xx));
}

1;
