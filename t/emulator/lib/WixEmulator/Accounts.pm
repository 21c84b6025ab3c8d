package WixEmulator::Accounts;

# Login, registration, verification, recovery, and the current member.

use Mojo::Base 'WixEmulator::Operation', -signatures;

use Mojo::JSON             qw(false true);
use Mojo::URL;
use WixEmulator::Operation qw(is_email text_of unknown_fields);
use WixEmulator::Util      qw(answer api_error validation_error violation);

# What each state of a member makes of a login: an error code, or a state of
# the 200 answer. A registration passes through the same table.
my %outcomes = (
    ACTIVE           => {state => 'SUCCESS'},
    NO_PASSWORD      => {code  => '-19976'},
    VERIFY           => {state => 'REQUIRE_EMAIL_VERIFICATION', mail => 1},
    VERIFY_APPROVAL  => {state => 'REQUIRE_EMAIL_VERIFICATION', mail => 1},
    VERIFY_ERROR     => {code  => 'EMAIL_VERIFICATION_REQUIRED'},
    APPROVAL         => {code  => '-19958'},
    APPROVAL_STATE   => {state => 'REQUIRE_OWNER_APPROVAL'},
    BLOCKED          => {code  => '-19956'},
    DENIED           => {code  => '-19980'},
    DELETED          => {code  => '-19956'},
    FILTERED         => {code  => 'IP_ADDRESS_FILTERED'},
    REENROLL         => {code  => 'REENROLLMENT_REQUIRED_BY_ADMIN'},
    RESET            => {code  => '-19973'},
    THROTTLED        => {code  => '-19959'},
    MAIL_LIMIT       => {state => 'SUCCESS'},
    CAPTCHA          => {state => 'SUCCESS'},
    MFA              => {state => 'REQUIRE_MFA', token => 1},
    MFA_CHALLENGE    => {state => 'MFA_CHALLENGE', token => 1},
    FIRST_FACTOR     => {state => 'REQUIRE_FIRST_FACTOR', token => 1},
    STATUS_CHECK     => {state => 'STATUS_CHECK', token => 1},
    MISSING_FIELDS   => {state => 'REQUIRE_MISSING_FIELDS', token => 1},
    UNKNOWN_STATE    => {state => 'UNKNOWN_STATE'},
);

sub is_state ($state) { return exists $outcomes{$state} }

sub state_names () { return sort keys %outcomes }

sub login ($self, $req) {
    my $body  = $req->{json};
    my $error = $self->refuse($req, 'visitor')
        // _check_credentials($body, qw(stateToken));
    return $error if $error;

    my $member = $self->store->member($body->{loginId}{email});

    return $self->_captcha_or('-19999', $body)
        unless $member && $member->{registered};

    my $captcha = $self->_check_captcha($body, $member);
    return $captcha if $captcha;

    return $self->_special($member->{login}) if $member->{login};
    return $self->fail('-19959', $member) if $member->{state} eq 'THROTTLED';
    return $self->fail($member->{noPasswordCode} // '-19976', $member)
        if $member->{state} eq 'NO_PASSWORD';
    return $self->fail('-19976')
        if $body->{password} ne ($member->{password} // '');

    return $self->_outcome($member, 'login');
}

sub _captcha_or ($self, $code, $body) {
    return $self->_check_captcha($body, {}) // $self->fail($code);
}

# "login": {...} or "register": {...} of a fixture: any error at all.
sub _special ($self, $want) {
    my $status = $want->{status} // 400;

    return {%{answer($want->{body}, $status)}} if exists $want->{body};
    return {%{validation_error(map { violation($_->{field} // '',
        $_->{description} // 'refused',
        rule => $_->{violatedRule}, name => $_->{ruleName},
        data => $_->{data}) } @{$want->{violations}})}, status => $status}
        if $want->{violations};
    return api_error($status, $want->{code} // 'INTERNAL',
        $want->{message} // 'refused');
}

sub _outcome ($self, $member, $purpose) {
    my $outcome = $outcomes{$member->{state}};
    my $store   = $self->store;

    return $self->fail($member->{code_value} // $outcome->{code}, $member)
        if $outcome->{code};

    my $reply = {
        state    => $outcome->{state},
        identity => $self->_identity($member),
    };

    $store->mail_code($member) if $outcome->{mail};

    if ($outcome->{state} eq 'SUCCESS') {
        $reply->{sessionToken} = $store->issue_session_token($member);
        $member->{lastLogin} = $store->now;
    }
    elsif ($outcome->{mail} || $outcome->{token}) {
        $reply->{stateToken} = $store->issue_state_token($member, $purpose);
    }

    return answer($reply);
}

sub _identity ($self, $member) {
    my $store = $self->store;
    my @reasons
        = $member->{state} =~ /\AVERIFY/
            ? 'PENDING_EMAIL_VERIFICATION_REQUIRED'
        : $member->{state} =~ /\AAPPROVAL/
            ? 'PENDING_ADMIN_APPROVAL_REQUIRED'
        : ();

    return {
        id          => $member->{memberId},
        identifiers => [{email => $member->{email}}],
        revision    => '1',
        createdDate => $store->iso($member->{createdAt}),
        updatedDate => $store->iso($member->{createdAt}),
        connections => [{
            authenticatorConnection => {
                authenticatorConnectionId =>
                    '31fff8fc-ea95-43ac-95c5-902497125b90',
                reEnrollmentRequired => false,
            },
        }],
        identityProfile => $member->{profile},
        metadata        => {tags => []},
        email           => {
            address    => $member->{email},
            isVerified => $member->{verified} ? true : false,
        },
        status => {name => @reasons ? 'PENDING' : 'ACTIVE',
            reasons => \@reasons},
    };
}

my @credential_fields = qw(
    loginId password captchaTokens captcha_tokens clientMetaData
);

sub _check_credentials ($body, @more) {
    my @bad = unknown_fields('', $body, @credential_fields, @more);
    my $id  = ref $body->{loginId} eq 'HASH' ? $body->{loginId} : {};

    push @bad, unknown_fields('loginId.', $id, 'email');
    push @bad, violation('loginId.email', 'is not an email address',
        rule => 'FORMAT', data => {type => 'EMAIL'})
        unless is_email($id->{email});
    push @bad, violation('password', 'is missing', rule => 'REQUIRED')
        unless defined text_of($body->{password});

    return @bad ? validation_error(@bad) : undef;
}

sub _check_captcha ($self, $body, $member) {
    my $config = $self->store->config;
    my $list   = $body->{captchaTokens} // $body->{captcha_tokens};

    return undef if $config->{captcha} eq 'off'
        && ($member->{state} // '') ne 'CAPTCHA';

    return $self->fail('-19971', $member)
        unless ref $list eq 'ARRAY' && @$list;

    for my $element (@$list) {
        return $self->fail('-19970', $member) unless ref $element eq 'HASH';

        # a token of one widget is nothing to the other's secret
        my @keys = length $config->{captchaKey} ? $config->{captchaKey}
            : qw(Recaptcha InvisibleRecaptcha);
        my @values = grep {defined} @$element{@keys};

        return $self->fail('-19971', $member) unless @values;
        return undef if grep {
            !ref && length() <= 5000 && $_ eq $config->{captchaToken}
        } @values;
    }

    return $self->fail('-19970', $member);
}

my %profile_shapes = (
    (map { $_ => '' } qw(firstName lastName nickname picture language company
        position slug vatId privacyStatus birthdate)),
    (map { $_ => 'ARRAY' } qw(labels secondaryEmails phonesV2 addresses
        customFields emails phones)),
    subscription => 'HASH',
);

sub _check_profile ($profile) {
    return violation('profile', 'is not an object')
        if ref $profile ne 'HASH';

    my @bad = unknown_fields('profile.', $profile, keys %profile_shapes);

    for my $name (sort keys %$profile) {
        my $shape = $profile_shapes{$name} // next;
        push @bad, violation("profile.$name", 'has the wrong type',
            rule => 'FORMAT') if ref $profile->{$name} ne $shape;
    }

    push @bad, violation('profile.birthdate', 'is not YYYY-MM-DD',
        rule => 'FORMAT')
        if ($profile->{birthdate} // '2000-01-01') !~ /\A\d{4}-\d\d-\d\d\z/;
    push @bad, violation('profile.privacyStatus', 'is not a known value',
        rule => 'FORMAT')
        if ($profile->{privacyStatus} // 'PUBLIC')
            !~ /\A(?:UNDEFINED|PUBLIC|PRIVATE)\z/;

    return @bad;
}

sub _check_password ($self, $password) {
    my $config = $self->store->config;
    my $length = length $password;

    return violation('password', 'is too short', rule => 'OTHER',
        name => 'VALUE_TOO_SHORT') if $length < $config->{passwordMin};
    return violation('password', 'is too long', rule => 'OTHER',
        name => 'VALUE_TOO_LONG') if $length > $config->{passwordMax};
    return;
}

sub register ($self, $req) {
    my $body  = $req->{json};
    my $store = $self->store;
    my $error = $self->refuse($req, 'visitor')
        // _check_credentials($body, qw(profile));
    return $error if $error;

    my @bad = $self->_check_password($body->{password});
    push @bad, _check_profile($body->{profile}) if exists $body->{profile};
    return validation_error(@bad) if @bad;

    my $email  = $body->{loginId}{email};
    my $member = $store->member($email);
    my $captcha = $self->_check_captcha($body, $member // {});

    return $captcha if $captcha;
    return $self->_special($member->{register})
        if $member && $member->{register};
    return $self->fail('-19995', $member)
        if $member && $member->{registered};

    return $self->_new_member($email, $member, $body);
}

sub _new_member ($self, $email, $declared, $body) {
    my $store = $self->store;
    my $state = $declared->{state} // $store->config->{registerState};

    # A refusal leaves no member behind; waiting for approval does, and so
    # does everything that answers with a state.
    my $code = $outcomes{$state}{code};
    return $self->fail($code, $declared)
        if $code && $code ne '-19958' && $state ne 'VERIFY_ERROR';

    my $member = $store->put_member({
        email      => $email,
        password   => $body->{password},
        profile    => $body->{profile} // {},
        state      => $state eq 'CAPTCHA' ? 'ACTIVE' : $state,
        registered => 1,
        verified   => 0,
        createdAt  => $store->now,
    });

    # Registration always reports approval as a state.
    return answer({state => 'REQUIRE_OWNER_APPROVAL',
        identity => $self->_identity($member)}) if $state eq 'APPROVAL';

    return $self->_outcome($member, 'register');
}

sub verify ($self, $req) {
    my $body  = $req->{json};
    my $store = $self->store;
    my $error = $self->refuse($req, 'visitor');
    return $error if $error;

    my @bad = unknown_fields('', $body, qw(code stateToken));
    push @bad, violation('code', 'is not of six characters', rule => 'FORMAT')
        if length(text_of($body->{code}) // '') != 6;
    push @bad, violation('stateToken', 'is missing', rule => 'REQUIRED')
        if !defined text_of($body->{stateToken})
        || length $body->{stateToken} > 1000;
    return validation_error(@bad) if @bad;

    my $record = $store->state_token($body->{stateToken})
        // return $self->fail('VERIFICATION_FAILED');
    my $member = $store->member($record->{email})
        // return $self->fail('VERIFICATION_FAILED');

    return $self->fail('RESOURCE_EXHAUSTED')
        if ++$record->{attempts} > $store->config->{verifyAttempts};
    return $self->_special($member->{verify}) if $member->{verify};
    return $self->fail('VERIFICATION_FAILED', $member)
        if $member->{state} !~ /\AVERIFY/
        || $body->{code} ne ($member->{mailedCode} // '');

    $record->{used}       = 1;
    $member->{verified}   = 1;
    $member->{mailedCode} = undef;
    $member->{state}
        = $member->{state} eq 'VERIFY_APPROVAL' ? 'APPROVAL_STATE' : 'ACTIVE';

    return $self->_outcome($member, 'verify');
}


# Recovery

sub recovery ($self, $req) {
    my $body  = $req->{json};
    my $store = $self->store;
    my $error = $self->refuse($req, 'any') // $self->_check_recovery($body);
    return $error if $error;

    my $member = $store->member($body->{email});

    if (!$member || !$member->{registered}) {
        return answer({}) if $store->config->{recoveryUnknown} eq 'ok';
        return $self->fail('-19999');
    }

    return $self->_special($member->{recovery}) if $member->{recovery};
    return $self->fail('-19901', $member) if $member->{state} eq 'MAIL_LIMIT';

    my $redirect = $body->{redirect}{url} // '';
    my $token    = $store->issue_recovery($member, $redirect);
    my $url = Mojo::URL->new($store->site_url . '/_emulator/reset-password');

    $url->query(forgotPasswordToken => $token, redirectUrl => $redirect);
    $member->{recoveryUrl} = "$url";
    return answer({});
}

sub _check_recovery ($self, $body) {
    my @bad = unknown_fields('', $body, qw(email language redirect));

    push @bad, violation('email', 'is not an email address',
        rule => 'FORMAT', data => {type => 'EMAIL'})
        unless is_email($body->{email});

    if (exists $body->{redirect}) {
        my $redirect = ref $body->{redirect} eq 'HASH' ? $body->{redirect} : {};
        my $url      = text_of($redirect->{url}) // '';

        push @bad, unknown_fields('redirect.', $redirect, qw(url clientId));
        push @bad, violation('redirect.url', 'is not an allowed redirect URI')
            unless length $url <= 1000
            && $self->store->redirect_uri_allowed($url);
        push @bad, violation('redirect.clientId', 'is not a known client')
            unless $self->store->is_client($redirect->{clientId});
    }

    return @bad ? validation_error(@bad) : undef;
}

sub recover ($self, $req) {
    my $body  = $req->{json};
    my $error = $self->refuse($req, 'any');
    return $error if $error;

    my $token = text_of($body->{recoveryToken})
        // text_of($body->{recovery_token});
    my $password = text_of($body->{password}) // '';
    my @bad      = $self->_check_password($password);
    return validation_error(@bad) if @bad;

    my ($member) = $self->set_password($token // '', $password);
    return $self->fail('RECOVERY_TOKEN_DATA_NOT_FOUND') unless $member;
    return $self->_outcome($member, 'recover');
}

# Also used by SITE's reset page. Returns the member and where to go next.
sub set_password ($self, $token, $password) {
    my $store  = $self->store;
    my $record = $store->recovery($token) or return;
    my $member = $store->member($record->{email}) or return;

    $store->secret(password => $password);
    $record->{used}     = 1;
    $member->{password} = $password;
    $member->{state}    = 'ACTIVE'
        if $member->{state} =~ /\A(?:RESET|NO_PASSWORD)\z/;

    return ($member, $record->{redirect});
}


# The current member

sub members_my ($self, $req) {
    my $error = $self->refuse($req, 'any');
    return $error if $error;

    my $session = $req->{token_record}{session};
    return api_error(403, 'PERMISSION_DENIED', 'missing site member id')
        if $session->{kind} eq 'visitor';

    my $member = $self->store->member($session->{email});
    return api_error(404, 'NOT_FOUND', 'member not found')
        if $session->{gone} || !$member || $member->{state} eq 'DELETED';

    my $sets = $req->{query}{fieldsets} // 'PUBLIC';
    $sets = join ',', @$sets if ref $sets;

    return answer({member => $self->_member_view($member,
        scalar $sets =~ /FULL|EXTENDED/)});
}

sub _member_view ($self, $member, $full) {
    my $store   = $self->store;
    my $profile = $member->{profile};
    my $name    = join ' ', grep {defined} @$profile{qw(firstName lastName)};
    my $slug    = lc($member->{email} =~ s/\@.*//r) =~ s/[^a-z0-9]+/-/gr;
    my $view    = {
        id      => $member->{memberId},
        profile => {
            nickname => $profile->{nickname} // (length $name ? $name : $slug),
            slug     => $profile->{slug} // $slug,
            photo    => {id => '', url => $profile->{picture} // '',
                height => 0, width => 0},
        },
    };

    return $view unless $full;

    my %status = (BLOCKED => 'BLOCKED', DENIED => 'BLOCKED',
        APPROVAL => 'PENDING', APPROVAL_STATE => 'PENDING');

    return {
        %$view,
        loginEmail         => $member->{email},
        loginEmailVerified => $member->{verified} ? true : false,
        status             => $status{$member->{state}} // 'APPROVED',
        contactId          => $member->{memberId},
        contact            => {
            firstName => $profile->{firstName} // '',
            lastName  => $profile->{lastName} // '',
            phones => [], emails => [], addresses => [], customFields => {},
        },
        privacyStatus  => $profile->{privacyStatus} // 'PUBLIC',
        activityStatus => 'ACTIVE',
        createdDate    => $store->iso($member->{createdAt}),
        updatedDate    => $store->iso($member->{createdAt}),
        lastLoginDate  => $store->iso(
            $member->{lastLogin} // $member->{createdAt}),
    };
}

1;
