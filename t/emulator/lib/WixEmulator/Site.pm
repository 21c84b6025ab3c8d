package WixEmulator::Site;

# The role of the published Wix site: what a browser sees. Authorization, the
# Wix-managed login page, logout, and the page that sets a new password.

use Mojo::Base -base, -signatures;

use Mojo::Parameters;
use Mojo::URL;
use Mojo::Util        qw(xml_escape);
use WixEmulator::Redirects;
use WixEmulator::Util qw(answer html json_text redirect);

use constant COOKIE => 'wixEmulatorSession';

has [qw(store api)];
has tls => 0;

my %routes = (
    '/_api/oauth2/authorize'    => ['authorize',      \&_authorize],
    '/_emulator/login'          => ['site-login',     \&_login],
    '/logout'                   => ['logout',         \&_logout],
    '/_emulator/reset-password' => ['reset-password', \&_reset_password],
    '/'                         => ['site-home',      \&_home],
);

# Standard OAuth spelling is understood as well as Wix's own.
my %spelling = (
    client_id             => 'clientId',
    response_type         => 'responseType',
    redirect_uri          => 'redirectUri',
    response_mode         => 'responseMode',
    code_challenge        => 'codeChallenge',
    code_challenge_method => 'codeChallengeMethod',
    session_token         => 'sessionToken',
);

sub identify ($self, $req) {
    my $path  = $req->{path};
    my $base  = Mojo::URL->new($self->store->site_url)->path->to_string;

    # A free site lives below a path of a shared host.
    $path =~ s{\A\Q$base\E(?=/|\z)}{} if length $base && $base ne '/';
    my $route = $routes{length $path ? $path : '/'};

    $req->{route} = $route;
    $req->{op}    = $route ? $route->[0] : 'site-unknown';
    $req->{auth}  = 'none';
    $self->_note_secrets($req);
    return;
}

sub _note_secrets ($self, $req) {
    my $store = $self->store;
    my $query = $req->{wish} = $self->_wish($req->{query});
    my $form  = $req->{form} // {};

    $store->secret(session_token => $query->{sessionToken});
    $store->secret(logout_token => $query->{logoutToken});
    $store->secret(password => $form->{password});

    $req->{client} = $query->{clientId};
    $req->{cookie} = _cookie($req->{headers});
    $req->{email}  = $form->{email};

    my $token = $store->session_token_record($query->{sessionToken} // '');
    $req->{email} //= $token->{email} if $token;

    my $session = $store->cookie_session($req->{cookie});
    $req->{email} //= $session->{email} if $session;
    return;
}

# The authorization request as one flat hash in Wix's spelling.
sub _wish ($self, $query) {
    return {
        map { ($spelling{$_} // $_) =>
                ref $query->{$_} ? $query->{$_}[0] : $query->{$_} }
            keys %$query
    };
}

sub _cookie ($headers) {
    my $name = COOKIE;
    return ($headers->cookie // '') =~ /(?:\A|;\s*)$name=([0-9a-f]+)/
        ? $1 : undef;
}

sub perform ($self, $req) {
    return answer({}, 200) if $req->{method} eq 'OPTIONS';
    return html(_page('Not found', '<p>No such page.</p>'), 404)
        unless $req->{route};
    return html(_page('Method not allowed', ''), 405)
        if $req->{method} !~ /\A(?:GET|HEAD|POST)\z/;
    return $req->{route}[1]->($self, $req);
}


# Authorization

sub _authorize ($self, $req) {
    my $wish  = $req->{wish};
    my $store = $self->store;
    my $key   = WixEmulator::Redirects::url_key(
        Mojo::Parameters->new(%{$req->{query}}));

    return html(_page('Invalid redirect URI',
        '<p>Invalid redirect URI</p>'), 400)
        if length($wish->{redirectUri} // '')
        && !$store->redirect_uri_allowed($wish->{redirectUri});

    my @bad = $self->api->redirects->auth_request_errors($wish, '');
    return $self->_bad_request($wish, @bad) if @bad;

    # A fullUrl works once. A login page may be reloaded until it is filled in.
    my $record = $store->remembered_url(urls => $key);
    return $self->_refused($wish, 'invalid_request',
        'this URL has expired or was used')
        if $record && $store->url_spent($record);

    my $session = $self->_session_of($req);
    my $prompt  = $wish->{prompt} // 'login';

    return $self->_grant($wish, $session, $record) if $session;

    if ($prompt eq 'none' || defined $wish->{sessionToken}) {
        $record->{used} = 1 if $record;
        return $self->_refused($wish, 'login_required', 'no session');
    }

    return $self->_login_page($req->{query_string});
}

# The session token wins over the cookie; "login" asks for a new login even
# when there is a session.
sub _session_of ($self, $req) {
    my $store = $self->store;
    my $wish  = $req->{wish};

    if (defined $wish->{sessionToken}) {
        my $token  = $store->session_token($wish->{sessionToken}) or return;
        my $member = $store->member($token->{email}) or return;

        $token->{used} = 1;
        return $store->member_session($member);
    }

    return undef if ($wish->{prompt} // '') eq 'login';
    return $store->cookie_session($req->{cookie});
}

sub _grant ($self, $wish, $session, $record) {
    my $store = $self->store;
    my $code  = $store->issue_code({
        session      => $session,
        client       => $wish->{clientId},
        challenge    => $wish->{codeChallenge},
        redirect_uri => $wish->{redirectUri},
        offline      => defined $wish->{scope},
    });

    $record->{used} = 1 if $record;

    my $answer = $self->_respond($wish, code => $code);
    $self->_set_cookie($answer, $store->set_cookie($session));
    return $answer;
}

sub _set_cookie ($self, $answer, $value) {
    # SameSite=None needs Secure, and only so the cookie works in an iframe.
    my $attributes = 'Path=/; HttpOnly; '
        . ($self->tls ? 'Secure; SameSite=None' : 'SameSite=Lax');

    $attributes .= '; Max-Age=0' unless length $value;
    $answer->{headers}{'Set-Cookie'} = COOKIE . "=$value; $attributes";
    return;
}

sub _refused ($self, $wish, $error, $description) {
    return $self->_respond($wish, error => $error,
        error_description => $description);
}

sub _bad_request ($self, $wish, @bad) {
    my $text = join '; ', map {"$_->{field} $_->{description}"} @bad;

    # Without a redirect URI there is nowhere to report to.
    return html(_page('Invalid request', '<p>' . xml_escape($text) . '</p>'),
        400) unless length($wish->{redirectUri} // '')
            && $self->store->is_client($wish->{clientId});

    return $self->_refused($wish, 'invalid_request', $text);
}

# To the redirect URI, or to the parent frame: code or error, and the state.
sub _respond ($self, $wish, @result) {
    my $mode = $wish->{responseMode} // 'query';

    push @result, state => $wish->{state} if length($wish->{state} // '');
    return $self->_web_message({@result}) if $mode eq 'web_message';

    my $target = $wish->{redirectUri};
    my $result = Mojo::Parameters->new(@result)->to_string;

    return redirect("$target#$result") if $mode eq 'fragment';
    return redirect($target . ($target =~ /\?/ ? '&' : '?') . $result);
}

sub _web_message ($self, $message) {
    # "<" must not end the script element.
    my $data    = json_text($message) =~ s/</\\u003c/gr;
    my $origins = json_text($self->origins) =~ s/</\\u003c/gr;

    return html(_page('Signing in', <<"END"));
<script>
var message = $data, target = window.opener || window.parent;
$origins.forEach(function (origin) { target.postMessage(message, origin); });
</script>
END
}

# Whom the page may talk to: what was configured, else the origins of the
# redirect URIs and of the redirect domains. A browser drops the rest.
sub origins ($self) {
    my $config = $self->store->config;
    return $config->{origins} if @{$config->{origins}};

    my %origins;

    for my $uri (@{$config->{redirectUris}}) {
        my $url = Mojo::URL->new($uri);
        $origins{$url->scheme . '://' . $url->host_port} = 1
            if $url->scheme && $url->host;
    }
    for my $domain (@{$config->{redirectDomains}}) {
        $origins{$_} = 1 for $domain =~ m{\Ahttps?://}
            ? $domain =~ s{\A(https?://[^/]+).*}{$1}r
            : ("http://$domain", "https://$domain");
    }

    return [sort keys %origins];
}


# The Wix-managed login page

sub _login_page ($self, $query_string, $complaint = '', $status = 200) {
    my $query  = xml_escape($query_string);
    my $action = xml_escape($self->store->site_url . '/_emulator/login');

    return html(_page('Log in', <<"END"), $status);
<p id="complaint">$complaint</p>
<form method="post" action="$action">
<input type="hidden" name="authorize" value="$query">
<p><label>Email <input name="email" type="email" autofocus></label></p>
<p><label>Password <input name="password" type="password"></label></p>
<p><button type="submit" name="do" value="login">Log in</button>
<button type="submit" name="do" value="deny">Cancel</button></p>
</form>
END
}

sub _login ($self, $req) {
    my $form  = $req->{form} // {};
    my $asked = $form->{authorize} // '';
    my $store = $self->store;
    my $query = Mojo::Parameters->new($asked);
    my $wish  = $self->_wish($query->to_hash);

    # What arrives here is as little trusted as the query it came from.
    return html(_page('Invalid redirect URI',
        '<p>Invalid redirect URI</p>'), 400)
        if length($wish->{redirectUri} // '')
        && !$store->redirect_uri_allowed($wish->{redirectUri});
    my @bad = $self->api->redirects->auth_request_errors($wish, '');
    return $self->_bad_request($wish, @bad) if @bad;

    my $key    = WixEmulator::Redirects::url_key($query);
    my $record = $store->remembered_url(urls => $key);

    return $self->_refused($wish, 'invalid_request',
        'this URL has expired or was used')
        if $record && $store->url_spent($record);

    if (($form->{do} // 'login') eq 'deny') {
        $record->{used} = 1 if $record;
        return $self->_refused($wish, 'access_denied', 'cancelled');
    }

    my $member = $store->member($form->{email});
    return $self->_login_page($asked, 'Wrong email or password.', 401)
        unless $member && $member->{registered}
        && ($form->{password} // '') eq ($member->{password} // "\0");

    # Pending or barred members come back with an error; the rest of Wix's
    # own screens (a code, a second factor) are taken as passed.
    return $self->_refused($wish, 'access_denied', 'not allowed to log in')
        if $member->{state} =~ /\A(?:APPROVAL|BLOCKED|DENIED|DELETED)/;

    return $self->_grant($wish, $store->member_session($member), $record);
}


# Logout

sub _logout ($self, $req) {
    my $store  = $self->store;
    my $record = $store->remembered_url(
        logouts => $req->{wish}{logoutToken} // '');

    return html(_page('Log out', '<p>This link is no longer valid.</p>'), 400)
        if !$record || $store->url_spent($record);

    $record->{used} = 1;
    $store->kill_session($record->{session});

    # The browser may be logged in under another session than the token.
    my $own = $store->drop_cookie($req->{cookie} // '');
    $store->kill_session($own) if $own;

    my $answer = defined $record->{target}
        ? redirect($record->{target})
        : html(_page('Log out', '<p>Logged out.</p>'));

    $self->_set_cookie($answer, '');
    return $answer;
}


# The page a recovery mail leads to

sub _reset_password ($self, $req) {
    my $form = $req->{form} // {};

    if ($req->{method} eq 'POST') {
        my ($member, $target) = $self->api->accounts->set_password(
            $form->{forgotPasswordToken} // '', $form->{password} // '');

        return html(_page('Set password',
            '<p>This link was used or has expired.</p>'), 404) unless $member;
        return length $target
            ? redirect($target)
            : html(_page('Set password', '<p>Password changed.</p>'));
    }

    my $token = xml_escape($req->{wish}{forgotPasswordToken} // '');

    return html(_page('Set password', <<"END"));
<form method="post">
<input type="hidden" name="forgotPasswordToken" value="$token">
<p><label>New password <input name="password" type="password"></label></p>
<p><button type="submit">Set password</button></p>
</form>
END
}

sub _home ($self, $req) {
    return html(_page('Emulated Wix site', '<p>Nothing to see here.</p>'));
}

sub _page ($title, $body) {
    return <<"END";
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>$title</title></head>
<body><h1>$title</h1>
$body</body></html>
END
}

1;
