package WixEmulator::Store;

# Everything the emulator remembers: configuration, members, sessions, tokens,
# mail, the request log and the list of secrets.

use Mojo::Base -base, -signatures;

use Mojo::JSON        qw(encode_json false true);
use Time::HiRes       ();
use WixEmulator::Util qw(
    code6 guid guid_from hs256_jws random_hex rs256_like_jws
);

# Sized like the tokens seen from the real service.
use constant {
    VISITOR_ACCESS_CHARS  => 800,
    MEMBER_ACCESS_CHARS   => 1000,
    VISITOR_REFRESH_CHARS => 700,
    MEMBER_REFRESH_CHARS  => 950,
    SESSION_TOKEN_CHARS   => 900,
};

use constant {
    SESSION_TOKEN_TTL => 300,
    CODE_TTL          => 60,
    FULL_URL_TTL      => 600,
    RECOVERY_TTL      => 3 * 3600,
    LOG_MAX           => 200_000,
};

use constant FIXTURE_PASSWORD => 'Emulator-pass-1';

# The addresses that exist without being declared: one for each state.
use constant FIXTURE_STATES => qw(
    ACTIVE VERIFY VERIFY_ERROR APPROVAL APPROVAL_STATE BLOCKED DENIED DELETED
    RESET NO_PASSWORD THROTTLED MAIL_LIMIT CAPTCHA FILTERED REENROLL MFA
    MFA_CHALLENGE FIRST_FACTOR STATUS_CHECK MISSING_FIELDS UNKNOWN_STATE
    VERIFY_APPROVAL
);

my %config_defaults = (
    accessTtl           => 14400,
    refreshTtl          => 0,
    sessionTokenTtl     => SESSION_TOKEN_TTL,
    stateTokenTtl       => 900,
    codeTtl             => CODE_TTL,
    fullUrlTtl          => FULL_URL_TTL,
    rotate              => 'off',
    expiresInType       => 'number',
    tokenInfoTypes      => 'number',
    tokenInfoExpired    => 'inactive',
    clientId            => '6f1f2bd4-7a3e-4c0e-9b1d-0c5e2a4f7d10',
    redirectUris        => ['http://localhost:4321/_wix/callback'],
    redirectDomains     => ['localhost'],
    origins             => [],
    siteUrl             => '',
    codes               => 'numeric',
    codeNames           => {},
    statuses            => {},
    captcha             => 'off',
    captchaToken        => 'emulator-captcha-ok',
    captchaKey          => '',
    registerState       => 'ACTIVE',
    passwordMin         => 6,
    passwordMax         => 100,
    verifyAttempts      => 10,
    recoveryUnknown     => 'ok',
    sessionTokenCheck   => 'early',
    deadSessionStatus   => 400,
    unauthenticatedCode => 'UNAUTHENTICATED',
    acceptBearer        => 0,
    accessTokenPad      => 0,
    acceptMemberForLogin => 0,
    keepLog             => 1,
    keepSecrets         => 1,
);

has initial         => sub { {} };
has members_initial => sub { [] };
has secrets         => sub { {} };
has config          => sub { {} };

sub new ($class, %args) {
    my $self = $class->SUPER::new(%args);
    $self->reset;
    return $self;
}

# Back to what the command line said. The secrets stay: a search for leaks
# must find what was issued before a reset as well.
sub reset ($self) {
    $self->config({%config_defaults, %{$self->initial}});

    $self->{$_} = {}
        for qw(members sessions access refresh session_tokens state_tokens
               codes urls logouts recoveries cookies);
    $self->{log}    = [];
    $self->{seq}    = 0;
    $self->{offset} = 0;
    $self->{site_id}     = guid_from('site');
    $self->{instance_id} = guid_from('instance');
    $self->{owner_id}    = guid_from('owner');

    for my $state (FIXTURE_STATES) {
        my $name = lc $state =~ tr/_/-/r;

        $self->put_member({
            email => "$name\@wix.test", state => $state,
            password => FIXTURE_PASSWORD,
        });
        $self->put_member({
            email => "new-$name\@wix.test", state => $state, registered => 0,
        });
    }

    $self->put_member({%$_}) for @{$self->members_initial};
    return $self;
}

# Names of unknown settings come back, so that a misspelt one is noticed.
sub configure ($self, $set) {
    my @unknown = grep { !exists $config_defaults{$_} } sort keys %$set;
    return @unknown if @unknown;

    %{$self->config} = (%{$self->config}, %$set);
    return ();
}

# The clock can be moved forward by a test; real time never needs to pass.
sub now ($self) { return Time::HiRes::time() + $self->{offset} }

sub advance ($self, $seconds) { return $self->{offset} += $seconds }

sub site_url ($self) { return $self->config->{siteUrl} =~ s{/+\z}{}r }

sub is_client ($self, $id) {
    return defined $id && !ref $id && lc $id eq lc $self->config->{clientId};
}

sub redirect_uri_allowed ($self, $uri) {
    return !!grep { $_ eq $uri } @{$self->config->{redirectUris}};
}


# Members

sub put_member ($self, $fixture) {
    my $key = lc $fixture->{email};
    my $old = $self->{members}{$key} // {};
    my $new = {
        registered => 1,
        state      => 'ACTIVE',
        memberId   => guid_from("member:$key"),
        profile    => {},
        createdAt  => $self->now,
        verified   => 1,
        %$old,
        %$fixture,
    };

    return $self->{members}{$key} = $new;
}

sub member ($self, $email) {
    return defined $email ? $self->{members}{lc $email} : undef;
}

sub remove_member ($self, $email) {
    my $member = delete $self->{members}{lc $email} or return undef;

    $_->{gone} = 1
        for grep { ($_->{email} // '') eq lc $email }
        values %{$self->{sessions}};
    return $member;
}

# A new code replaces the old one, as a new mail would.
sub mail_code ($self, $member) {
    return $member->{mailedCode}
        = $self->secret(verification_code => $member->{code} // code6());
}


# Sessions: a token family of one visitor, or one login of a member.

sub visitor_session ($self) {
    return $self->_session({kind => 'visitor', visitorId => guid()});
}

sub member_session ($self, $member) {
    return $self->_session({
        kind      => 'member',
        email     => lc $member->{email},
        memberId  => $member->{memberId},
        visitorId => guid(),
    });
}

sub _session ($self, $session) {
    $session->{id}      = guid();
    $session->{alive}   = 1;
    $session->{created} = $self->now;
    return $self->{sessions}{$session->{id}} = $session;
}

sub kill_session ($self, $session) { return $session->{alive} = 0 }

# May this session still be refreshed? A member who was blocked or removed
# has lost it, even though nobody logged out.
sub session_usable ($self, $session) {
    return 0 unless $session->{alive} && !$session->{gone};
    return 1 if $session->{kind} eq 'visitor';

    my $member = $self->member($session->{email}) or return 0;
    return $member->{state} !~ /\A(?:BLOCKED|DENIED|DELETED)\z/;
}


# Access and refresh tokens

sub issue ($self, $session, %how) {
    my $now    = $self->now;
    my $ttl    = $self->config->{accessTtl};
    my $record = {
        session => $session,
        iat     => int $now,
        exp     => int($now) + $ttl,
        expires => $now + $ttl,
    };
    my $access = $self->secret(access_token => $self->_access_text($record));

    $self->{access}{$access} = $record;

    # In grace mode a first use of these tokens ends this one's life.
    $record->{supersedes} = $how{supersedes} if $how{supersedes};

    my $answer = {
        access_token => $access,
        token_type   => 'Bearer',
        expires_in   => $self->config->{expiresInType} eq 'string'
            ? "$ttl" : 0 + $ttl,
    };
    if ($how{refresh}) {
        $answer->{refresh_token} = $how{keep} // $self->_issue_refresh(
            $session, $how{supersedes});
    }

    return $answer;
}

sub _issue_refresh ($self, $session, $supersedes) {
    my $member = $session->{kind} eq 'member';
    my $token  = $self->secret(refresh_token => 'JWS.' . _padded(
        $member ? MEMBER_REFRESH_CHARS : VISITOR_REFRESH_CHARS,
        sub ($pad) {
            hs256_jws({
                data => encode_json({
                    id  => guid(),
                    pad => $pad,
                    ($member ? (userId => $session->{memberId}) : ()),
                }),
                iat => int $self->now,
            });
        }));

    $self->{refresh}{$token} = {
        session => $session,
        state   => 'live',
        issued  => $self->now,
        ($supersedes ? (supersedes => $supersedes) : ()),
    };
    return $token;
}

sub _access_text ($self, $record) {
    my $session  = $record->{session};
    my $member   = $session->{kind} eq 'member';
    my $instance = {
        instanceId     => $self->{instance_id},
        appDefId       => $self->config->{clientId},
        metaSiteId     => $self->{site_id},
        siteOwnerId    => $self->{owner_id},
        signDate       => _iso($record->{iat}),
        expirationDate => _iso($record->{exp}),
        demoMode       => false,
        permissions    => $member ? 'offline_access' : '',
        aid            => $session->{visitorId},
    };

    if ($member) {
        $instance->{uid} = $instance->{siteMemberId} = $session->{memberId};
        $instance->{sid} = $session->{id};
        $instance->{sct} = _iso($session->{created});
        $instance->{hasUserRole} = false;
        $instance->{aor}         = true;
    }

    my $chars = ($member ? MEMBER_ACCESS_CHARS : VISITOR_ACCESS_CHARS)
        + $self->config->{accessTokenPad};

    return 'OauthNG.JWS.' . _padded($chars, sub ($pad) {
        $instance->{biToken} = $pad;
        hs256_jws({
            data => encode_json({instance => $instance}),
            iat  => $record->{iat},
            exp  => $record->{exp},
        });
    });
}

# Four characters of base64 carry three bytes of padding. The padding is
# random, so that no two tokens are ever equal.
sub _padded ($chars, $make) {
    my $bare = length $make->('');
    my $pad  = $chars > $bare ? int(($chars - $bare) * 3 / 4) : 0;

    return $make->(random_hex($pad > 16 ? $pad : 16));
}

sub _iso ($time) {
    my @t = gmtime $time;
    return sprintf '%04d-%02d-%02dT%02d:%02d:%02d.000Z',
        $t[5] + 1900, $t[4] + 1, @t[3, 2, 1, 0];
}

sub iso ($self, $time) { return _iso($time) }

# One word on an access token: unknown, expired, dead, visitor or member.
sub access_kind ($self, $token) {
    my $record = $self->{access}{$token} or return 'unknown';

    return 'expired' if $record->{expires} <= $self->now;
    return 'dead' unless $record->{session}{alive} && !$record->{dead};
    return $record->{session}{kind};
}

sub access ($self, $token) { return $self->{access}{$token} }

# The new token has arrived at its owner: now the old one may go.
sub used ($self, $record) {
    my $old = delete $record->{supersedes} or return;
    $old->{state}  = 'dead';
    $old->{deadAt} = $self->now;
    return;
}

# The record of a refresh token that may be used now, else undef.
sub live_refresh ($self, $token) {
    my $record = $self->{refresh}{$token} or return undef;
    my $ttl    = $self->config->{refreshTtl};

    return undef if $record->{state} ne 'live';
    return undef if $ttl && $record->{issued} + $ttl <= $self->now;
    return undef unless $self->session_usable($record->{session});
    return $record;
}

sub refresh_record ($self, $token) { return $self->{refresh}{$token} }

sub rotate ($self, $token, $record) {
    my $mode    = $self->config->{rotate};
    my $session = $record->{session};

    $self->used($record);

    return $self->issue($session, refresh => 1, keep => $token)
        if $mode eq 'off';

    return $self->issue($session, refresh => 1, supersedes => $record)
        if $mode eq 'grace';

    $record->{state}  = 'dead';
    $record->{deadAt} = $self->now;
    return $self->issue($session, refresh => 1);
}

# What: access tokens, refresh tokens, or all, which ends the sessions.
sub revoke ($self, $wanted, $what) {
    my @sessions = grep { $wanted->($_) } values %{$self->{sessions}};

    if ($what eq 'all') {
        $self->kill_session($_) for @sessions;
        return scalar @sessions;
    }

    my %hit = map { $_->{id} => 1 } @sessions;

    if ($what eq 'access') {
        $_->{dead} = 1
            for grep { $hit{$_->{session}{id}} } values %{$self->{access}};
    }
    else {
        $_->{state} = 'dead'
            for grep { $hit{$_->{session}{id}} } values %{$self->{refresh}};
    }

    return scalar @sessions;
}

# Long runs would otherwise grow without end. What is dropped was useless
# already, and an unknown token is answered exactly like a dead one.
sub prune ($self) {
    my $old = $self->now - 600;
    my $ttl = $self->config->{refreshTtl};

    my $drop = sub ($table, $dead) {
        delete @$table{grep { $dead->($table->{$_}) } keys %$table};
    };

    $drop->($self->{access}, sub ($r) { $r->{expires} < $old });
    $drop->($self->{refresh},
        sub ($r) {
            return $ttl && $r->{issued} + $ttl < $old if $r->{state} ne 'dead';
            return ($r->{deadAt} //= $self->now) < $old;
        });
    $drop->($self->{$_}, sub ($r) { $r->{expires} < $old })
        for qw(session_tokens state_tokens codes urls logouts recoveries);
    return;
}


# Session tokens, state tokens, codes, one-time URLs

sub issue_session_token ($self, $member) {
    my $token = $self->secret(session_token => 'MST.' . _padded(
        SESSION_TOKEN_CHARS - 4,
        sub ($pad) {
            rs256_like_jws({
                data => encode_json({
                    id => guid(), memberId => $member->{memberId}, pad => $pad,
                }),
                iat => int $self->now,
            });
        }));

    $self->{session_tokens}{$token} = {
        email   => lc $member->{email},
        expires => $self->now + $self->config->{sessionTokenTtl},
    };
    return $token;
}

# The record stays after use, so that the log can still name its member.
sub session_token ($self, $token) {
    my $record = $self->{session_tokens}{$token // ''} or return undef;
    return undef if $record->{used} || $record->{expires} <= $self->now;
    return $record;
}

sub session_token_record ($self, $token) {
    return $self->{session_tokens}{$token};
}

sub issue_state_token ($self, $member, $purpose) {
    my $token = $self->secret(state_token => 'AST.'
        . rs256_like_jws({data => encode_json({id => guid()}),
            iat => int $self->now}));

    $self->{state_tokens}{$token} = {
        email    => lc $member->{email},
        purpose  => $purpose,
        attempts => 0,
        expires  => $self->now + $self->config->{stateTokenTtl},
    };
    return $token;
}

sub state_token ($self, $token) {
    my $record = $self->{state_tokens}{$token} or return undef;
    return undef if $record->{used} || $record->{expires} <= $self->now;
    return $record;
}

sub state_token_record ($self, $token) {
    return $self->{state_tokens}{$token};
}

sub issue_code ($self, $grant) {
    my $code = $self->secret(code => uc random_hex(32));

    $self->{codes}{$code} = {
        %$grant,
        expires => $self->now + $self->config->{codeTtl},
    };
    return $code;
}

# A code is burnt by its first presentation, whatever comes of it.
sub take_code ($self, $code) {
    my $grant = $self->{codes}{$code} or return undef;
    return undef if $grant->{used}++ || $grant->{expires} <= $self->now;
    return $grant;
}

sub code_record ($self, $code) { return $self->{codes}{$code} }

sub remember_url ($self, $table, $key, $data) {
    return $self->{$table}{$key} = {
        %$data, expires => $self->now + $self->config->{fullUrlTtl},
    };
}

sub remembered_url ($self, $table, $key) { return $self->{$table}{$key} }

sub url_spent ($self, $record) {
    return $record->{used} || $record->{expires} <= $self->now;
}

sub issue_recovery ($self, $member, $redirect) {
    my $token = $self->secret(recovery_token => 'ART' . random_hex(60));

    $self->{recoveries}{$token} = {
        email    => lc $member->{email},
        redirect => $redirect,
        expires  => $self->now + RECOVERY_TTL,
    };
    return $token;
}

sub recovery ($self, $token) {
    my $record = $self->{recoveries}{$token} or return undef;
    return undef if $record->{used} || $record->{expires} <= $self->now;
    return $record;
}

# SITE's own cookie session

sub set_cookie ($self, $session) {
    my $value = $self->secret(site_cookie => random_hex(40));
    $self->{cookies}{$value} = $session;
    return $value;
}

sub cookie_session ($self, $value) {
    my $session = $self->{cookies}{$value // ''} or return undef;
    return $self->session_usable($session) ? $session : undef;
}

sub drop_cookie ($self, $value) { return delete $self->{cookies}{$value} }


# Secrets and log

sub secret ($self, $kind, $value) {
    $self->secrets->{$value} //= $kind
        if $self->config->{keepSecrets} && defined $value && !ref $value
        && length $value;
    return $value;
}

sub log_entry ($self, $entry) {
    $entry->{seq}  = ++$self->{seq};
    $entry->{time} = Time::HiRes::time();

    if ($self->config->{keepLog}) {
        push @{$self->{log}}, $entry;
        shift @{$self->{log}} if @{$self->{log}} > LOG_MAX;
    }
    return $entry;
}

sub log_entries ($self) { return $self->{log} }

sub clear_log ($self) { return $self->{log} = [] }

1;
