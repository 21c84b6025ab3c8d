package WixEmulator::Control;

# What tests use to set the scene and to see what happened. Plain HTTP on a
# port of its own, so that no fault ever affects it.

use Mojo::Base -base, -signatures;

use Mojo::Util        qw(url_unescape);
use WixEmulator::Accounts;
use WixEmulator::Fault;
use WixEmulator::Util qw(answer);

has [qw(store faults emulator)];

my %routes = (
    'GET /'          => \&_overview,
    'GET /config'    => sub ($self, $req) { answer($self->store->config) },
    'POST /config'   => \&_configure,
    'POST /reset'    => \&_reset,
    'POST /clock'    => \&_clock,
    'GET /members'   => \&_members,
    'POST /members'  => \&_put_members,
    'POST /mint'     => \&_mint,
    'POST /revoke'   => \&_revoke,
    'GET /faults'    => sub ($self, $req) { answer($self->faults->list) },
    'POST /faults'   => \&_add_faults,
    'DELETE /faults' => \&_clear_faults,
    'POST /release'  => \&_release,
    'GET /inflight'  => \&_inflight,
    'GET /log'       => sub ($self, $req) { answer([$self->_entries($req)]) },
    'DELETE /log'    => \&_clear_log,
    'GET /count'     => \&_count,
    'GET /secrets'     => \&_secrets,
    'GET /secrets.txt' => \&_secrets_text,
    'DELETE /secrets'  => \&_clear_secrets,
);

sub identify ($self, $req) {
    $req->{op} = 'control';
    return;
}

sub perform ($self, $req) {
    my $path  = $req->{path} =~ s{(?<=.)/+\z}{}r;
    my $route = $routes{"$req->{method} $path"};

    return $self->_failed(400, 'body is not JSON')
        if $req->{method} eq 'POST' && $req->{bad_json};
    return $route->($self, $req) if $route;

    return $self->_one_member($req, url_unescape($1), $2)
        if $path =~ m{\A/members/([^/]+)(/[a-z]+)?\z};
    return answer({removed => $self->faults->clear($1)})
        if $req->{method} eq 'DELETE' && $path =~ m{\A/faults/(\d+)\z};

    return $self->_failed(404, "no such command: $req->{method} $path");
}

sub _failed ($self, $status, $why) { return answer({error => $why}, $status) }

sub _overview ($self, $req) {
    return answer({
        %{$self->emulator->addresses},
        commands => [sort keys %routes],
        states   => [WixEmulator::Accounts::state_names()],
    });
}

sub _configure ($self, $req) {
    my @unknown = $self->store->configure($req->{json} // {});

    return $self->_failed(400, "unknown setting: @unknown") if @unknown;
    return answer($self->store->config);
}

sub _reset ($self, $req) {
    $self->faults->clear;
    $self->faults->drop_held;
    $self->store->reset;
    return answer({});
}

sub _clock ($self, $req) {
    return answer({offset =>
        $self->store->advance($req->{json}{advance} // 0)});
}


# Members

sub _members ($self, $req) {
    my $members = $self->store->{members};
    return answer([map { $members->{$_} } sort keys %$members]);
}

sub _put_members ($self, $req) {
    my $json = $req->{json};
    my @given = ref $json eq 'ARRAY' ? @$json : $json;

    for my $member (@given) {
        return $self->_failed(400, 'email is missing')
            unless ref $member eq 'HASH' && length($member->{email} // '');
        return $self->_failed(400, "unknown state: $member->{state}")
            if defined $member->{state}
            && !WixEmulator::Accounts::is_state($member->{state});
    }

    my @put = map { $self->store->put_member($_) } @given;
    return answer(ref $json eq 'ARRAY' ? \@put : $put[0]);
}

sub _one_member ($self, $req, $email, $what) {
    my $store  = $self->store;
    my $member = $store->member($email)
        // return $self->_failed(404, 'no such member');

    if ($req->{method} eq 'DELETE' && !defined $what) {
        $store->remove_member($email);
        return answer({});
    }

    return $self->_failed(405, 'method not allowed')
        if $req->{method} ne 'GET';
    return answer($member) unless defined $what;
    return answer({code => $member->{mailedCode}}) if $what eq '/code';
    return answer({url => $member->{recoveryUrl}}) if $what eq '/recovery';
    return $self->_failed(404, 'no such property');
}

sub _mint ($self, $req) {
    my $store = $self->store;
    my $email = $req->{json}{email};

    return answer($store->issue($store->visitor_session, refresh => 1))
        unless defined $email;

    my $member = $store->member($email)
        // return $self->_failed(404, 'no such member');
    my $session = $store->member_session($member);

    return answer({
        %{$store->issue($session, refresh => 1)},
        memberId     => $member->{memberId},
        sessionToken => $store->issue_session_token($member),
    });
}

sub _revoke ($self, $req) {
    my $wish = $req->{json} // {};
    my $what = $wish->{what} // 'all';

    return $self->_failed(400, 'what is all, access or refresh')
        if $what !~ /\A(?:all|access|refresh)\z/;

    my $wanted
        = defined $wish->{email}    ? _field_is(email => lc $wish->{email})
        : defined $wish->{memberId} ? _field_is(memberId => $wish->{memberId})
        : $wish->{visitors}         ? _field_is(kind => 'visitor')
        : $wish->{everybody}        ? sub ($session) {1}
        :                             undef;

    return $self->_failed(400, 'email, memberId, visitors or everybody')
        unless $wanted;
    return answer({sessions => $self->store->revoke($wanted, $what)});
}

sub _field_is ($field, $value) {
    return sub ($session) { ($session->{$field} // '') eq $value };
}


# Faults

sub _add_faults ($self, $req) {
    my $json  = $req->{json};
    my @given = ref $json eq 'ARRAY' ? @$json : $json;
    my @ids;

    for my $fault (@given) {
        my ($id, $why) = $self->faults->add($fault);
        return $self->_failed(400, $why) unless $id;
        push @ids, $id;
    }

    return answer({id => $ids[0], ids => \@ids});
}

sub _clear_faults ($self, $req) {
    return answer({removed => $self->faults->clear});
}

sub _release ($self, $req) {
    return answer({released =>
        $self->faults->release($req->{json}{op} // '*')});
}

sub _inflight ($self, $req) {
    my %by_op;
    my $pattern = $req->{query}{op} // '*';
    my @held    = grep { WixEmulator::Fault::op_matches($pattern, $_->{op}) }
        values %{$self->faults->held};

    $by_op{$_->{op}}++ for @held;
    return answer({count => scalar @held, ops => \%by_op});
}


# What was seen

sub _entries ($self, $req) {
    my %match = %{$req->{query}};
    my $after = delete $match{after} // 0;

    return grep { $_->{seq} > $after
        && WixEmulator::Fault::matches(\%match, $_) }
        @{$self->store->log_entries};
}

sub _clear_log ($self, $req) {
    $self->store->clear_log;
    return answer({});
}

sub _count ($self, $req) {
    my @entries = $self->_entries($req);
    return answer({count => scalar @entries});
}

sub _secrets ($self, $req) {
    my $secrets = $self->store->secrets;
    my $kind    = $req->{query}{kind};

    return answer([
        map { {kind => $secrets->{$_}, value => $_} }
            grep { !defined $kind || $secrets->{$_} eq $kind }
            sort keys %$secrets
    ]);
}

# One a line: for grep -F -f.
sub _secrets_text ($self, $req) {
    return {
        status  => 200,
        headers => {'Content-Type' => 'text/plain;charset=utf-8'},
        body    => join '', map {"$_\n"} sort keys %{$self->store->secrets},
    };
}

sub _clear_secrets ($self, $req) {
    $self->store->secrets({});
    return answer({});
}

1;
