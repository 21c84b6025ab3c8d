package WixEmulator::Tokens;

# The three grants a site's login needs, and token-info.

use Mojo::Base 'WixEmulator::Operation', -signatures;

use Mojo::JSON             qw(false true);
use WixEmulator::Operation qw(text_of);
use WixEmulator::Util      qw(answer challenge_of oauth_error);

sub token ($self, $req) {
    my $p = $req->{params};

    return oauth_error('invalid_request', 'no Authorization expected here')
        if $req->{auth} ne 'none';
    return oauth_error('invalid_request', 'body is neither JSON nor a form')
        unless %$p;
    return oauth_error('invalid_request', 'every field is a string')
        if grep {ref} values %$p;

    my $grant = $p->{grant_type}
        // return oauth_error('invalid_request', 'grant type is missing');

    return $self->_grant_anonymous($p) if $grant eq 'anonymous';
    return $self->_grant_code($p) if $grant eq 'authorization_code';
    return $self->_grant_refresh($p) if $grant eq 'refresh_token';
    return oauth_error('unsupported_grant_type', 'unknown grant type');
}

sub _check_client ($self, $id) {
    return oauth_error('invalid_request', 'client id is missing')
        unless defined $id && length $id;
    return oauth_error('invalid_client', 'unknown client', 401)
        unless $self->store->is_client($id);
    return undef;
}

sub _grant_anonymous ($self, $p) {
    my $error = $self->_check_client($p->{client_id});
    return $error if $error;

    my $store = $self->store;
    return answer($store->issue($store->visitor_session, refresh => 1));
}

sub _grant_code ($self, $p) {
    for my $field (qw(client_id code code_verifier)) {
        return oauth_error('invalid_request', "$field is missing")
            unless length($p->{$field} // '');
    }

    # Burnt before anything else is looked at: a code has one chance.
    my $store = $self->store;
    my $grant = $store->take_code($p->{code});
    my $error = $self->_check_client($p->{client_id});

    return $error if $error;
    return oauth_error('invalid_grant', 'code is unknown, expired or used')
        unless $grant;
    return oauth_error('invalid_request', 'malformed code verifier')
        if $p->{code_verifier} !~ /\A[A-Za-z0-9._~-]{43,128}\z/;

    my $why = $self->_grant_mismatch($grant, $p);
    return oauth_error('invalid_grant', $why) if $why;

    return answer($store->issue($grant->{session},
        refresh => $grant->{offline}));
}

sub _grant_mismatch ($self, $grant, $p) {
    return 'code was issued to another client'
        if lc $grant->{client} ne lc $p->{client_id};
    return 'code verifier does not match'
        if challenge_of($p->{code_verifier}) ne $grant->{challenge};
    return 'redirectUri differs from the one of the authorization request'
        if ($grant->{redirect_uri} // '') ne ($p->{redirect_uri} // '');
    return 'session is over'
        unless $self->store->session_usable($grant->{session});
    return undef;
}

sub _grant_refresh ($self, $p) {
    my $token = $p->{refresh_token};

    return oauth_error('invalid_request', 'refresh token is missing')
        unless length($token // '');

    # Older clients left the client id out, and were served.
    if (defined $p->{client_id}) {
        my $error = $self->_check_client($p->{client_id});
        return $error if $error;
    }

    my $record = $self->store->live_refresh($token)
        or return oauth_error('invalid_grant', 'refresh token is not valid');

    return answer($self->store->rotate($token, $record));
}

sub token_info ($self, $req) {
    my $store = $self->store;

    return oauth_error('invalid_request', 'no Authorization expected here')
        if $req->{auth} ne 'none';

    my $token = text_of($req->{json}{token})
        // return oauth_error('invalid_request', 'token is missing');
    my $kind = $store->access_kind($token);

    return oauth_error('invalid_request', 'token has expired')
        if $kind eq 'expired' && $store->config->{tokenInfoExpired} eq 'error';
    return answer({active => false}) if $kind !~ /\A(?:visitor|member)\z/;

    my $record  = $store->access($token);
    my $session = $record->{session};
    my $string  = $store->config->{tokenInfoTypes} eq 'string';

    $store->used($record);

    return answer({
        active      => true,
        subjectType => uc $kind,
        subjectId   => $session->{$kind . 'Id'},
        exp         => $string ? "$record->{exp}" : 0 + $record->{exp},
        iat         => $string ? "$record->{iat}" : 0 + $record->{iat},
        clientId    => $store->config->{clientId},
        siteId      => $store->{site_id},
        instanceId  => $store->{instance_id},
    });
}

1;
