package WixEmulator::Redirects;

# Redirect sessions: the one-time URLs that send a browser to the site.

use Mojo::Base 'WixEmulator::Operation', -signatures;

use Mojo::Parameters;
use Mojo::URL;
use WixEmulator::Operation qw(text_of unknown_fields);
use WixEmulator::Util      qw(answer guid validation_error violation);

use constant FULL_URL_MAX => 2048;

sub redirect_session ($self, $req) {
    my $body    = $req->{json};
    my @intents = grep { exists $body->{$_} } qw(auth logout login);
    my @bad     = unknown_fields('', $body,
        qw(auth logout login callbacks preferences origin));

    push @bad, violation('intent', 'exactly one of auth, logout, login')
        if @intents != 1;
    push @bad, map { violation($_, 'is not an object', rule => 'FORMAT') }
        grep { exists $body->{$_} && ref $body->{$_} ne 'HASH' }
        qw(auth logout login callbacks preferences);

    my $logout = @intents == 1 && $intents[0] eq 'logout';

    # The token is judged first, as a gateway would.
    my $error = $logout
        ? $self->_refuse_logout($req) : $self->refuse($req, 'visitor');
    return $error if $error;
    return validation_error(@bad) if @bad;

    return $self->_session_logout($req, $body) if $logout;
    return $self->_session_auth($body) if $intents[0] eq 'auth';
    return $self->_redirect_answer($self->store->site_url . '/', []);
}

sub _refuse_logout ($self, $req) {
    my $record = $req->{token_record};

    # Over, though not expired: this is what a second logout runs into.
    if (($req->{token_kind} // '') eq 'dead'
        && ($req->{auth} eq 'raw' || $self->store->config->{acceptBearer}))
    {
        my $answer = $self->fail('FAILED_TO_EXTRACT_SESSION');
        $answer->{status} = $self->store->config->{deadSessionStatus};
        return $answer;
    }

    return $self->refuse($req, 'member');
}

my @auth_request_fields = qw(
    clientId responseType redirectUri scope state responseMode codeChallenge
    codeChallengeMethod sessionToken idp nonce prompt
);

sub _session_auth ($self, $body) {
    my $auth = $body->{auth};
    my $ar   = ref $auth->{authRequest} eq 'HASH' ? $auth->{authRequest} : {};
    my @bad  = (
        unknown_fields('auth.', $auth, qw(authRequest prompt)),
        unknown_fields('auth.authRequest.', $ar, @auth_request_fields),
        (map { violation("auth.authRequest.$_", 'is not a string',
            rule => 'FORMAT') } grep { ref $ar->{$_} } sort keys %$ar),
    );

    push @bad, violation('callbacks', 'does not go with auth')
        if exists $body->{callbacks};
    push @bad, violation('auth.prompt', 'is not a known value')
        if exists $auth->{prompt} && (ref $auth->{prompt} || $auth->{prompt}
            !~ /\A(?:login|none|consent|select_account)\z/);
    push @bad, $self->auth_request_errors($ar, 'auth.authRequest.') unless @bad;
    return validation_error(@bad) if @bad;

    return $self->fail('-19984')
        if defined $ar->{sessionToken}
        && $self->store->config->{sessionTokenCheck} eq 'early'
        && !$self->store->session_token($ar->{sessionToken});

    return $self->_authorize_url($ar, $auth->{prompt}, $body->{preferences});
}

# SITE judges the query of an authorize request by the same rules.
sub auth_request_errors ($self, $ar, $prefix) {
    my $mode = $ar->{responseMode} // 'query';
    my @bad;
    my $bad = sub ($field, $why) {
        push @bad, violation("$prefix$field", $why);
    };

    $bad->(clientId => 'is not a known client')
        unless $self->store->is_client($ar->{clientId});
    $bad->(responseType => 'must be code')
        if ($ar->{responseType} // '') ne 'code';
    $bad->(responseMode => 'is not a known value')
        if $mode !~ /\A(?:query|fragment|web_message)\z/;
    $bad->(redirectUri => 'is required for query and fragment')
        if $mode ne 'web_message' && !length($ar->{redirectUri} // '');
    $bad->(scope => 'can only be offline_access')
        if ($ar->{scope} // 'offline_access') ne 'offline_access';
    $bad->(state => 'is missing') unless length($ar->{state} // '');
    $bad->(codeChallengeMethod => 'must be S256')
        if ($ar->{codeChallengeMethod} // '') ne 'S256';
    $bad->(codeChallenge => 'is not a base64url SHA-256')
        if ($ar->{codeChallenge} // '') !~ /\A[A-Za-z0-9_-]{43}\z/;
    $bad->(sessionToken => 'is not a session token')
        if defined $ar->{sessionToken} && $ar->{sessionToken} !~ /\AMST\./;
    $bad->(prompt => 'can only be none')
        if length $prefix && ($ar->{prompt} // 'none') ne 'none';
    $bad->(nonce => 'is too long') if length($ar->{nonce} // '') > 512;

    return @bad;
}

sub _authorize_url ($self, $ar, $prompt, $preferences) {
    my $store = $self->store;
    my %query = (%$ar, (defined $prompt ? (prompt => $prompt) : ()));
    my @query = map { ($_ => $query{$_}) } grep { defined $query{$_} }
        @auth_request_fields;
    my $more = ref $preferences eq 'HASH'
        ? $preferences->{additionalQueryParameters} : undef;

    if (ref $more eq 'HASH') {
        push @query, map { ($_ => "$more->{$_}") }
            grep { !ref $more->{$_} && !exists $query{$_} } sort keys %$more;
    }

    my $answer = $self->_redirect_answer(
        $store->site_url . '/_api/oauth2/authorize', \@query);

    $store->remember_url(urls => url_key(Mojo::Parameters->new(@query)), {})
        if $answer->{status} == 200;
    return $answer;
}

# One spelling for one query: whatever way it is escaped, in any order.
sub url_key ($parameters) {
    my $hash = $parameters->to_hash;

    return join "\n", map {
        my $name = $_;
        map {"$name=$_"} ref $hash->{$name} ? @{$hash->{$name}}
            : $hash->{$name}
    } sort keys %$hash;
}

sub _redirect_answer ($self, $endpoint, $query) {
    my $url = @$query
        ? $endpoint . '?' . Mojo::Parameters->new(@$query)->to_string
        : $endpoint;

    return validation_error(violation('fullUrl', 'would exceed '
        . FULL_URL_MAX . ' characters (' . length($url) . ')',
        name => 'VALUE_TOO_LONG')) if length $url > FULL_URL_MAX;

    return answer({
        redirectSession => {
            id         => guid(),
            fullUrl    => $url,
            urlDetails => {endpoint => $endpoint, searchParams => {@$query}},
        },
    });
}

sub _session_logout ($self, $req, $body) {
    my $store  = $self->store;
    my $calls  = $body->{callbacks} // {};
    my $target = text_of($calls->{postFlowUrl});
    my @bad    = (
        unknown_fields('logout.', $body->{logout}, qw(clientId)),
        unknown_fields('callbacks.', $calls, qw(postFlowUrl thankYouPageUrl
            loginUrl bookingsServiceListUrl cartPageUrl planListUrl)),
    );

    push @bad, violation('logout.clientId', 'is not a known client')
        unless $store->is_client($body->{logout}{clientId});
    push @bad, violation('callbacks.postFlowUrl',
        'is not on an allowed domain')
        if defined $target && !$self->domain_allowed($target);
    return validation_error(@bad) if @bad;

    my $id    = $store->secret(logout_token => guid());
    my @query = (logoutToken => $id);

    push @query, postFlowUrl => $target if defined $target;
    $store->remember_url(logouts => $id, {
        session => $req->{token_record}{session}, target => $target,
    });

    return $self->_redirect_answer($store->site_url . '/logout', \@query);
}

# An entry is a host, a host with a port, or an origin.
sub domain_allowed ($self, $text) {
    my $url = Mojo::URL->new($text);

    return 0 if length $text > 2048 || ($url->scheme // '') !~ /\Ahttps?\z/;
    return 0 if defined $url->userinfo;

    my $host = lc($url->host // '');
    my $port = $url->host_port // '';

    return !!grep {
        my $entry = lc s{\Ahttps?://}{}ir =~ s{/.*}{}r;
        $entry eq $host || $entry eq lc $port;
    } @{$self->store->config->{redirectDomains}};
}

1;
