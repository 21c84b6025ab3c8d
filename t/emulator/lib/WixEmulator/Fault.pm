package WixEmulator::Fault;

# Faults on request. A fault names the requests it hits and what becomes of
# them. "before" (the default) means that the operation never took place;
# "after" that it took effect and only the answer was lost or spoilt.

use Mojo::Base -base, -signatures;

use Mojo::IOLoop;
use WixEmulator::Util qw(answer json_text);

use constant PIECE => 64 * 1024;

has [qw(emulator)];
has list => sub { [] };
has held => sub { {} };
has away => sub { [] };

my %types = (
    delay    => \&_delay,
    hang     => \&_hang,
    reset    => \&_reset,
    close    => \&_close,
    status   => \&_status,
    body     => \&_body,
    truncate => \&_truncate,
    oversize => \&_oversize,
    deep     => \&_deep,
    patch    => \&_patch,
    types    => \&_types,
    drip     => \&_drip,
    refuse   => \&_refuse,
);

# These change a true answer, so there has to be one.
my %needs_answer = (patch => 1, types => 1, drip => 1, refuse => 1);

my $next_id = 0;

# Returns the fault's number, or a text that says what is wrong with it.
sub add ($self, $fault) {
    return (undef, 'not an object') unless ref $fault eq 'HASH';

    my $type = ref $fault->{action} eq 'HASH' ? $fault->{action}{type} : undef;
    my $when = $fault->{when} // 'before';

    return (undef, 'unknown action type')
        unless defined $type && $types{$type};
    return (undef, 'when is before or after')
        if $when !~ /\A(?:before|after)\z/;
    return (undef, 'match is not an object')
        if ref($fault->{match} // {}) ne 'HASH';

    push @{$self->list}, {
        id     => ++$next_id,
        match  => $fault->{match} // {},
        left   => $fault->{count} // 1,
        skip   => $fault->{skip} // 0,
        hits   => 0,
        when   => $when,
        action => $fault->{action},
    };
    return $next_id;
}

sub clear ($self, $id = undef) {
    my @keep = defined $id ? grep { $_->{id} != $id } @{$self->list} : ();
    my $gone = @{$self->list} - @keep;

    $self->list(\@keep);
    return $gone;
}

# The first fault that fits and is not used up.
sub take ($self, $req) {
    for my $fault (@{$self->list}) {
        next unless $fault->{left} && matches($fault->{match}, $req);
        next if $fault->{skip} && $fault->{skip}--;

        $fault->{left}-- if $fault->{left} > 0;
        $fault->{hits}++;
        return $fault;
    }
    return undef;
}

# Also used to filter the log, whose entries have the same fields.
sub matches ($match, $req) {
    for my $name (keys %$match) {
        my $want = $match->{$name} // next;
        my $have = $req->{$name} // '';

        return 0 if $name eq 'op' ? !op_matches($want, $have)
            : lc $want ne lc $have;
    }
    return 1;
}

# "token" and "token.*" both mean every grant; "*" means everything.
sub op_matches ($pattern, $op) {
    return 1 if $pattern eq '*' || $pattern eq $op;
    $pattern =~ s/\.\*\z//;
    return index($op, "$pattern.") == 0;
}


sub apply ($self, $fault, $exchange) {
    my $action = $fault->{action};
    my $type   = $action->{type};

    # With "after" the operation takes effect now, however late it is answered.
    my $answer = $fault->{when} eq 'after' || $needs_answer{$type}
        ? $exchange->perform : undef;
    my $strike = sub { $types{$type}->($self, $action, $exchange, $answer) };

    # Every fault can be made to wait, not just the one that is named so.
    return $strike->() if $type eq 'delay' || !$action->{seconds};
    return $self->_hold($exchange, $strike, $action->{seconds});
}

# Held requests are counted by /inflight. Only those without a timer wait for
# /release.
sub _hold ($self, $exchange, $then, $seconds = undef) {
    my $seq  = $exchange->entry->{seq};
    my $held = $self->held->{$seq} = {
        op       => $exchange->entry->{op},
        exchange => $exchange,
        then     => $then,
    };

    $held->{timer} = Mojo::IOLoop->timer(
        $seconds => sub { $self->_let_go($seq) }) if defined $seconds;
    return;
}

sub _let_go ($self, $seq) {
    my $held = delete $self->held->{$seq} or return;
    $held->{then}->();
    return;
}

# The client has left. A hung request is gone with it; a delayed one is still
# carried out, as a slow server would.
sub abandoned ($self, $seq) {
    my $held = $self->held->{$seq} or return 0;
    delete $self->held->{$seq} unless defined $held->{timer};
    return 1;
}

sub release ($self, $op = '*') {
    my $held = $self->held;
    my @seq  = grep { !defined $held->{$_}{timer}
        && op_matches($op, $held->{$_}{op}) } sort { $a <=> $b } keys %$held;

    $self->_let_go($_) for @seq;
    return @seq + $self->_come_back($op);
}

sub drop_held ($self) {
    my @held = values %{$self->held};

    # Closing a connection looks into the list again.
    $self->held({});
    $self->_come_back('*');

    for my $held (@held) {
        Mojo::IOLoop->remove($held->{timer}) if defined $held->{timer};
        $held->{exchange}->close;
    }
    return;
}


# The faults

sub _delay ($self, $action, $exchange, $answer) {
    return $self->_hold($exchange,
        sub { $exchange->send($answer // $exchange->perform) },
        $action->{seconds} // 1);
}

sub _hang ($self, $action, $exchange, $answer) {
    return $self->_hold($exchange,
        sub { $exchange->send($answer // $exchange->perform) });
}

sub _close ($self, $action, $exchange, $answer) { return $exchange->close }

sub _reset ($self, $action, $exchange, $answer) { return $exchange->rst }

sub _status ($self, $action, $exchange, $answer) {
    my $status = $action->{status} // 503;

    return $exchange->send(_made($action, $status,
        '{"message":"emulated fault","details":{}}'));
}

sub _body ($self, $action, $exchange, $answer) {
    return $exchange->send(_made($action, $action->{status} // 200, ''));
}

sub _made ($action, $status, $default) {
    my $body = $action->{body} // $default;

    return {
        status  => $status,
        headers => {
            'Content-Type' => $action->{contentType} // 'application/json',
            %{$action->{headers} // {}},
        },
        body => ref $body ? json_text($body) : $body,
    };
}

# An announced length that never arrives; or, framed, half of a text that is
# announced as what it is.
sub _truncate ($self, $action, $exchange, $answer) {
    $answer //= answer({
        access_token => 'OauthNG.JWS.' . 'x' x 200,
        message      => 'the rest is missing',
    });
    return _cut($action, $exchange, $answer) if $action->{framed};

    my $full   = $exchange->raw($answer);
    my ($head) = $full =~ /\A(.*?\r\n\r\n)/s;
    my $body   = substr $full, length $head;
    my $bytes  = $action->{bytes} // int(length($body) / 2);

    return $exchange->write_raw($head . substr($body, 0, $bytes),
        sub { $action->{reset} ? $exchange->rst : $exchange->close });
}

sub _cut ($action, $exchange, $answer) {
    my $text  = exists $answer->{json}
        ? json_text($answer->{json}) : $answer->{body};
    my $bytes = $action->{bytes} // int(length($text) / 2);

    return $exchange->send({
        status  => $answer->{status},
        headers => {'Content-Type' => 'application/json'},
        body    => substr($text, 0, $bytes),
    });
}

# Piece by piece, for whoever leaves early costs nothing then.
sub _oversize ($self, $action, $exchange, $answer) {
    my $bytes  = $action->{bytes} // 10 * 1024 * 1024;
    my $pad    = $bytes - length '{"pad":""}';
    my $begin  = '{"pad":"';
    my $length = "Content-Length: $bytes";

    if ($action->{chunked}) {
        $length = 'Transfer-Encoding: chunked';
        $begin  = _chunk($begin);
    }

    my $head = $exchange->raw({
        status  => $action->{status} // 200,
        headers => {'Content-Type' => 'application/json',
            Connection => 'close'},
        body => '',
    });

    $head =~ s/^Content-Length: 0/$length/m;
    return _pour($exchange, $head . $begin, $pad, $action->{chunked});
}

sub _pour ($exchange, $bytes, $pad, $chunked) {
    return $exchange->write_raw($bytes, sub {
        return $exchange->close if $pad < 0;

        my $n    = $pad > PIECE ? PIECE : $pad;
        my $last = $n == $pad;
        my $more = 'x' x $n . ($last ? '"}' : '');

        $more = _chunk($more) . ($last ? _chunk('') : '') if $chunked;
        _pour($exchange, $more, $last ? -1 : $pad - $n, $chunked);
    });
}

sub _chunk ($text) { return sprintf "%x\r\n%s\r\n", length $text, $text }

sub _deep ($self, $action, $exchange, $answer) {
    my $levels = $action->{levels} // 1000;

    return $exchange->send({
        status  => $action->{status} // 200,
        headers => {'Content-Type' => 'application/json'},
        body    => '{"deep":' . '[' x $levels . ']' x $levels . '}',
    });
}

# Changes single fields of the true answer; "a.b" names a nested one.
sub _patch ($self, $action, $exchange, $answer) {
    my $set = $action->{set} // {};

    _set($answer->{json}, [split /\./], $set->{$_})
        for $answer->{json} ? sort keys %$set : ();
    _unset($answer->{json}, [split /\./])
        for $answer->{json} ? @{$action->{remove} // []} : ();

    my $headers = $action->{headers} // {};
    $answer->{headers}{$_} = $headers->{$_} for keys %$headers;
    $answer->{status}  = $action->{status} if defined $action->{status};
    $answer->{chunked} = $action->{chunked};

    return $exchange->send($answer);
}

sub _set ($hash, $path, $value) {
    my ($name, @rest) = @$path;

    return $hash->{$name} = $value unless @rest;
    $hash->{$name} = {} unless ref $hash->{$name} eq 'HASH';
    return _set($hash->{$name}, \@rest, $value);
}

sub _unset ($hash, $path) {
    my ($name, @rest) = @$path;

    return delete $hash->{$name} unless @rest;
    return ref $hash->{$name} eq 'HASH' ? _unset($hash->{$name}, \@rest)
        : undef;
}

# The true answer with the right names, and nothing behind them of the type
# that belongs there.
sub _types ($self, $action, $exchange, $answer) {
    my $json = $answer->{json};

    $answer->{json} = {map { $_ => _other_type($json->{$_}) } keys %$json}
        if ref $json eq 'HASH';
    return $exchange->send($answer);
}

sub _other_type ($value) {
    return [$value]         if ref $value eq 'HASH';
    return {list => $value} if ref $value eq 'ARRAY';
    return $value ? 'true' : 'false' if ref $value;

    # text becomes a number, a number and null become a list
    return json_text($value) =~ /\A"/ ? 1 : [$value];
}

# A true answer in tiny pieces.
sub _drip ($self, $action, $exchange, $answer) {
    my $bytes    = $action->{bytes} || 1;
    my $interval = $action->{interval} // 0.02;
    my $rest     = $exchange->raw($answer);
    my $first    = '';

    # The head comes at once, unless it shall drip as well.
    $first = $1 if !$action->{head} && $rest =~ s/\A(.*?\r\n\r\n)//s;

    return $exchange->write_raw($first . substr($rest, 0, $bytes, ''),
        sub { _drip_on($exchange, $rest, $bytes, $interval) });
}

sub _drip_on ($exchange, $rest, $bytes, $interval) {
    return $exchange->close unless length $rest;

    Mojo::IOLoop->timer($interval => sub {
        $exchange->write_raw(substr($rest, 0, $bytes, ''),
            sub { _drip_on($exchange, $rest, $bytes, $interval) });
    });
    return;
}

# A true answer, the last one: before it leaves nobody listens at this address
# any more, and all other connections to there have ended.
sub _refuse ($self, $action, $exchange, $answer) {
    my $tx     = $exchange->tx;
    my $raw    = $exchange->raw($answer) =~ s/\r\n/\r\nConnection: close\r\n/r;
    my $stream = Mojo::IOLoop->stream($tx->connection) or return;
    my $all    = $self->emulator->daemons;
    my ($daemon) = grep { grep { $_ == $tx->local_port } @{$_->ports} } @$all;

    if ($daemon) {
        push @{$self->away}, {
            op   => $exchange->entry->{op},
            role => $exchange->role->{name},
        };

        Mojo::IOLoop->remove($_) for @{$daemon->acceptors};
        $daemon->acceptors([]);
        @$all = grep { $_ != $daemon } @$all;
    }

    my $handle = $stream->steal_handle;
    $stream->emit('close');

    # Without its last reference the daemon closes what it has accepted; right
    # now it is still at work on this very request.
    Mojo::IOLoop->next_tick(sub {
        undef $daemon;
        $handle->blocking(1);
        print $handle $raw;
        CORE::close($handle);
    });
    return;
}

sub _come_back ($self, $op) {
    my @back = grep { op_matches($op, $_->{op}) } @{$self->away};

    $self->away([grep { !op_matches($op, $_->{op}) } @{$self->away}]);

    for my $role (map { $_->{role} } @back) {
        my $where = $self->emulator->addresses->{$role};
        $self->emulator->listen($role, $where =~ s{\A\w+://}{}r);
    }
    return scalar @back;
}

1;
