package WixAuthTest::Client;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# A small browser: it keeps cookies by the rules, follows redirects from the
# gate to Wix and back, and sends the headers that browsers send.  Every host
# name is 127.0.0.1.  Core Perl, and IO::Socket::SSL for https.

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Time::HiRes qw(time);

our $TIMEOUT = 20;
our $CA_FILE;
our @SECRETS;       # values of our cookies as browsers received them

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

sub new {
    my ($class, %opt) = @_;

    my $self = bless {
        base             => undef,
        headers          => {},
        bare             => 0,      # no header but Host and Connection
        trust_localhost  => 1,      # Secure cookies over http://localhost,
                                    # as browsers do
        verify           => 1,
        timeout          => $TIMEOUT,
        max_redirects    => 12,
        jar              => [],
        %opt,
    }, $class;

    return $self;
}


# ->get('/path', headers => {...}, follow => 1)
# ->post('/path', form => {...} | [...], json => {...}, body => ..., type => ...)

sub get    { my $self = shift; return $self->request(GET => @_) }
sub head   { my $self = shift; return $self->request(HEAD => @_) }
sub post   { my $self = shift; return $self->request(POST => @_) }

sub request {
    my ($self, $method, $url, %opt) = @_;

    my $prepared = $self->prepare($method, $url, %opt);
    my $res = $self->run($prepared);

    return $opt{follow} ? $self->follow($res, %opt) : $res;
}


sub run {
    my ($self, $prepared) = @_;

    run_all([$prepared], $self->{timeout});

    return $prepared->{response};
}


# everything that is needed to send a request, for concurrent() as well

sub prepare {
    my ($self, $method, $url, %opt) = @_;

    my $u = $self->absolute($url);
    my ($scheme, $host, $port, $path) = split_url($u);
    my $origin = origin($scheme, $host, $port);
    my ($body, %h);

    if (!$self->{bare}) {
        my $api = defined $opt{json};

        %h = (
            'User-Agent'     => 'Mozilla/5.0 (X11; Linux x86_64) WixAuthTest',
            'Accept'         => $api ? 'application/json'
                : 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8',
            'Sec-Fetch-Mode' => $api ? 'cors' : 'navigate',
            'Sec-Fetch-Dest' => $api ? 'empty' : 'document',
            'Sec-Fetch-Site' => $method eq 'GET' && !$api
                ? 'none' : 'same-origin',
        );

        $h{Origin} = $origin if $method !~ /^(?:GET|HEAD)$/;
    }

    if (defined $opt{form}) {
        $body = form_encode($opt{form});
        $h{'Content-Type'} = 'application/x-www-form-urlencoded';
    }
    elsif (defined $opt{json}) {
        $body = ref $opt{json} ? $json->encode($opt{json}) : $opt{json};
        $h{'Content-Type'} = 'application/json';
    }
    elsif (defined $opt{body}) {
        $body = $opt{body};
    }

    $h{'Content-Type'} = $opt{type} if defined $opt{type};

    my $cookie = $self->cookie_header($scheme, $host, $path);
    $h{Cookie} = $cookie if length $cookie;

    merge_headers(\%h, $self->{headers});
    merge_headers(\%h, $opt{headers} // {});

    my $default = $scheme eq 'https' ? 443 : 80;
    my $authority = $host . ($port == $default ? '' : ":$port");
    my $host_header = delete $h{Host} // $authority;

    if (!exists $h{'Content-Length'} && !exists $h{'Transfer-Encoding'}) {
        if (defined $body) {
            $h{'Content-Length'} = length $body;

        } elsif ($method eq 'POST' || $method eq 'PUT') {
            $h{'Content-Length'} = 0;
        }
    }

    my $head = "$method $path HTTP/1.1\r\nHost: $host_header\r\n"
        . ($h{Connection} ? '' : "Connection: close\r\n");

    for my $name (sort keys %h) {
        for my $value (ref $h{$name} ? @{$h{$name}} : $h{$name}) {
            $head .= "$name: $value\r\n" if defined $value;
        }
    }

    return {
        client => $self,
        method => $method,
        url    => $u,
        scheme => $scheme,
        host   => $host,
        port   => $port,
        path   => $path,
        bytes  => "$head\r\n" . ($body // ''),
        verify => $opt{verify} // $self->{verify},
    };
}


# Sends prepared requests at the same moment and reads all the answers; the
# times that are measured start when the bytes are written.

sub run_all {
    my ($list, $timeout) = @_;

    my $deadline = time + ($timeout // $TIMEOUT);

    send_all($list, $deadline);
    return read_all($list, $deadline);
}

# the two halves, for what is to happen in between
sub send_all {
    my ($list, $deadline) = @_;

    for my $p (@$list) {
        $p->{in} = '';
        $p->{sock} = eval { connect_to($p->{port}, tls => $p->{scheme} eq 'https',
                                       host => $p->{host},
                                       verify => $p->{verify}) };
        if (!$p->{sock}) {
            $p->{start} = $p->{end} = time;
            complete($p, $@ || 'cannot connect');
        }
    }

    for my $p (grep { $_->{sock} } @$list) {
        local $SIG{PIPE} = 'IGNORE';
        $p->{start} = time;
        write_all($p->{sock}, $p->{bytes}, $deadline);
    }
    return;
}

sub read_all {
    my ($list, $deadline) = @_;

    my %busy = map { fileno $_->{sock} => $_ } grep { $_->{sock} } @$list;
    my $select = IO::Select->new(map { $_->{sock} } values %busy);

    while (%busy) {
        my $left = $deadline - time;
        last if $left <= 0;

        my @pending = grep { $_->can('pending') && $_->pending }
            map { $_->{sock} } values %busy;
        my @ready = @pending ? @pending : $select->can_read($left);

        for my $sock (@ready) {
            my $p = $busy{fileno $sock} or next;

            $sock->blocking(0);
            my $n = sysread $sock, $p->{in}, 65536, length $p->{in};

            next if !defined $n && ($!{EAGAIN} || $!{EWOULDBLOCK} || $!{EINTR});

            if ($n && !done($p)) {
                next;
            }

            $p->{end} = time;
            delete $busy{fileno $sock};
            $select->remove($sock);
            close $sock;
            complete($p, length $p->{in} ? undef : 'closed without an answer');
        }
    }

    for my $p (values %busy) {
        $p->{end} = time;
        close $p->{sock};
        complete($p, 'timed out');
    }

    return map { $_->{response} } @$list;
}


# a kept-alive or upgraded connection has no end of file

sub done {
    my ($p) = @_;

    return 0 if $p->{bytes} =~ /\r\nConnection: close\r\n/i
        && $p->{in} !~ m{\AHTTP/1\.1 (?:101|204|304)};

    my $end = index $p->{in}, "\r\n\r\n";
    return 0 if $end < 0;

    my $head = substr $p->{in}, 0, $end + 2;
    my $have = length($p->{in}) - $end - 4;

    return 1 if $p->{method} eq 'HEAD' || $head =~ m{\AHTTP/1\.1 (?:101|204|304)};
    return $have >= $1 if $head =~ /^Content-Length: *(\d+)\r$/mi;
    return $p->{in} =~ /\r\n0\r\n\r\n\z/
        if $head =~ /^Transfer-Encoding: *chunked\r$/mi;
    return 0;
}


sub complete {
    my ($p, $error) = @_;

    my $res = WixAuthTest::Response->parse($p->{in} // '', $p->{method});

    $res->{error}  = $error if defined $error;
    $res->{url}    = $p->{url};
    $res->{method} = $p->{method};
    $res->{start}  = $p->{start};
    $res->{end}    = $p->{end};
    $res->{time}   = $p->{end} - $p->{start};

    if ($p->{client} && $res->{status}) {
        $p->{client}->take_cookies($res, $p->{scheme}, $p->{host}, $p->{path});
    }

    delete $p->{sock};
    $p->{response} = $res;

    return;
}


sub follow {
    my ($self, $res, %opt) = @_;

    my @chain = ($res);

    for (1 .. $self->{max_redirects}) {
        last if $res->{status} !~ /^30[12378]$/ || !defined $res->location;
        last if $opt{until} && $res->location =~ $opt{until};

        my $url = resolve($res->{url}, $res->location);

        $res = $self->request(
            GET => $url,
            headers => {'Sec-Fetch-Site' => 'cross-site',
                        %{$opt{follow_headers} // {}}},
        );
        push @chain, $res;
    }

    $res->{chain} = \@chain;

    return $res;
}


# fills in and sends the first form (or the one whose action matches)

sub submit {
    my ($self, $res, $fill, %opt) = @_;

    my ($form) = grep { !$opt{action} || $_->{action} =~ $opt{action} }
        $res->forms;
    die "no form in the answer of $res->{url}\n" if !$form;

    my %field = (%{$form->{fields}}, %$fill);
    my $url = resolve($res->{url}, $form->{action});

    if ($form->{method} eq 'GET') {
        return $self->get($url . '?' . form_encode(\%field), %opt);
    }

    return $self->post($url, form => \%field, %opt);
}


# Cookies (RFC 6265 with the prefixes of 6265bis)

sub take_cookies {
    my ($self, $res, $scheme, $host, $path) = @_;

    for my $line ($res->headers('Set-Cookie')) {
        my ($pair, @attrs) = split /\s*;\s*/, $line;
        my ($name, $value) = split /=/, $pair, 2;
        my %a;

        for (@attrs) {
            my ($k, $v) = split /=/, $_, 2;
            $a{lc $k} = $v // '';
        }

        if ($name =~ /wix_auth/ && length($value // '') >= 16) {
            push @SECRETS, $value;
        }

        my $secure_ok = $scheme eq 'https'
            || ($self->{trust_localhost} && is_loopback($host));

        next if exists $a{secure} && !$secure_ok;
        next if $name =~ /^__(?:Secure|Host)-/i && !exists $a{secure};
        next if $name =~ /^__Host-/i
            && (length($a{domain} // '') || ($a{path} // '') ne '/');

        my $domain = lc(($a{domain} // '') =~ s/^\.//r);
        next if length $domain && $host ne $domain
            && $host !~ /\.\Q$domain\E$/;

        my $cpath = $a{path} // '';
        if ($cpath !~ m{^/}) {
            ($cpath) = $path =~ m{^(/[^?]*)/};
            $cpath = '/' if !length($cpath // '');
        }

        my $expires;
        if (defined $a{'max-age'} && $a{'max-age'} =~ /^-?\d+$/) {
            $expires = time + $a{'max-age'};
        }
        elsif (defined $a{expires} && $a{expires} =~ /\b(?:1970|2000)\b/) {
            $expires = 0;
        }

        my $key = join "\0", $name, $domain || "=$host", $cpath;
        @{$self->{jar}} = grep { $_->{key} ne $key } @{$self->{jar}};

        next if defined $expires && $expires <= time;

        push @{$self->{jar}}, {
            key       => $key,
            name      => $name,
            value     => $value,
            host      => $host,
            domain    => $domain,
            path      => $cpath,
            secure    => exists $a{secure},
            httponly  => exists $a{httponly},
            samesite  => $a{samesite},
            max_age   => $a{'max-age'},
            expires   => $expires,
            line      => $line,
        };
    }

    return;
}

sub cookie_header {
    my ($self, $scheme, $host, $path) = @_;

    my $plain = $path =~ s/\?.*//sr;

    my @fit = grep {
        my $c = $_;

        (length $c->{domain}
            ? $host eq $c->{domain} || $host =~ /\.\Q$c->{domain}\E$/
            : $host eq $c->{host})
        && ($plain eq $c->{path}
            || (index($plain, $c->{path}) == 0
                && ($c->{path} =~ m{/$}
                    || substr($plain, length $c->{path}, 1) eq '/')))
        && (!$c->{secure} || $scheme eq 'https'
            || ($self->{trust_localhost} && is_loopback($host)))
        && (!defined $c->{expires} || $c->{expires} > time)
    } @{$self->{jar}};

    return join '; ', map { "$_->{name}=$_->{value}" }
        sort { length $b->{path} <=> length $a->{path} } @fit;
}

# the newest cookie of that name as a hash: value, path, max_age, line, ...
sub cookie {
    my ($self, $name) = @_;

    my ($found) = grep { ref $name ? $_->{name} =~ $name : $_->{name} eq $name }
        reverse @{$self->{jar}};
    return $found;
}

sub cookies { my ($self) = @_; return @{$self->{jar}} }

sub clear_cookies {
    my ($self, $name) = @_;

    @{$self->{jar}} = defined $name
        ? grep { ref $name ? $_->{name} !~ $name : $_->{name} ne $name }
            @{$self->{jar}}
        : ();
    return;
}

# ->set_cookie(host => 'localhost', name => ..., value => ...)
sub set_cookie {
    my ($self, %c) = @_;

    my $key = join "\0", $c{name}, $c{domain} || "=$c{host}", $c{path} // '/';

    @{$self->{jar}} = grep { $_->{key} ne $key } @{$self->{jar}};
    push @{$self->{jar}}, {domain => '', path => '/', secure => 0, %c,
                           key => $key};
    return;
}

# another browser with the same cookies
sub clone {
    my ($self, %opt) = @_;

    return (ref $self)->new(%$self, jar => [map { {%$_} } @{$self->{jar}}],
                            %opt);
}


# URLs and sockets

sub absolute {
    my ($self, $url) = @_;

    return $url if $url =~ m{^https?://}i;
    die "a relative URL needs a base: $url\n" if !$self->{base};
    return $self->{base} =~ s{/$}{}r . $url if $url =~ m{^/};
    return resolve($self->{base}, $url);
}

sub split_url {
    my ($url) = @_;

    my ($scheme, $host, $port, $path)
        = $url =~ m{^(https?)://([^/:?\#]+)(?::(\d+))?([^\#]*)}i
        or die "not an http URL: $url\n";

    $path = "/$path" if $path !~ m{^/};
    $scheme = lc $scheme;

    return ($scheme, lc $host, $port // ($scheme eq 'https' ? 443 : 80), $path);
}

sub origin {
    my ($scheme, $host, $port) = @_;

    my $default = $scheme eq 'https' ? 443 : 80;
    return "$scheme://$host" . ($port == $default ? '' : ":$port");
}

sub resolve {
    my ($base, $url) = @_;

    return $url if $url =~ m{^[a-z][a-z0-9+.-]*:}i;

    my ($scheme, $host, $port, $path) = split_url($base);
    my $origin = origin($scheme, $host, $port);

    return "$scheme:$url" if $url =~ m{^//};
    return "$origin$url" if $url =~ m{^/};
    return $base if !length $url;

    $path =~ s/[?#].*//s;
    return "$origin$path$url" if $url =~ /^\?/;

    $path =~ s{[^/]*$}{};
    return "$origin$path$url";
}

sub is_loopback { return $_[0] =~ /^(?:localhost|127\.0\.0\.1|.*\.localhost)$/ }

sub form_encode {
    my ($form) = @_;

    my @pairs = ref $form eq 'ARRAY' ? @$form
        : map { ($_ => $form->{$_}) } sort keys %$form;
    my @out;

    while (my ($k, $v) = splice @pairs, 0, 2) {
        push @out, url_escape($k) . '=' . url_escape($v // '');
    }

    return join '&', @out;
}

sub url_escape {
    my ($s) = @_;

    utf8::encode($s) if utf8::is_utf8($s);
    $s =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ge;
    return $s;
}

sub url_unescape {
    my ($s) = @_;

    $s =~ tr/+/ /;
    $s =~ s/%([0-9a-fA-F]{2})/chr hex $1/ge;
    return $s;
}

# names are compared without case; undef takes a header away
sub merge_headers {
    my ($to, $from) = @_;

    for my $name (keys %$from) {
        delete $to->{$_} for grep { lc $_ eq lc $name } keys %$to;
        $to->{$name} = $from->{$name} if defined $from->{$name};
    }
    return;
}

sub connect_to {
    my ($port, %opt) = @_;

    my $sock = IO::Socket::INET->new(
        PeerAddr => $opt{addr} // '127.0.0.1', PeerPort => $port,
        Proto => 'tcp', Timeout => 5,
    ) or die "cannot connect to port $port: $!\n";

    if ($opt{tls}) {
        require IO::Socket::SSL;

        my $verify = $opt{verify} // 1;

        IO::Socket::SSL->start_SSL(
            $sock,
            SSL_verify_mode => $verify ? 1 : 0,
            ($CA_FILE && $verify ? (SSL_ca_file => $CA_FILE) : ()),
            SSL_hostname => $opt{host} // 'localhost',
            SSL_verifycn_name => $opt{host} // 'localhost',
            SSL_verifycn_scheme => $verify ? 'http' : 'none',
            ($opt{alpn} ? (SSL_alpn_protocols => $opt{alpn}) : ()),
            Timeout => 10,
        ) or die "TLS to port $port: " . IO::Socket::SSL::errstr() . "\n";
    }

    $sock->autoflush(1);
    return $sock;
}

sub write_all {
    my ($sock, $bytes, $deadline) = @_;

    my $at = 0;

    while ($at < length $bytes && time < $deadline) {
        my $n = syswrite $sock, $bytes, length($bytes) - $at, $at;
        return 0 if !defined $n && !$!{EAGAIN} && !$!{EINTR};
        $at += $n // 0;
    }
    return $at == length $bytes;
}


package WixAuthTest::Response;

use strict;
use warnings;

# fields: status, reason, head (text), body, error, url, time, start, end,
# chain (after follow)

sub parse {
    my ($class, $bytes, $method) = @_;

    my $self = bless {status => 0, head => '', body => '', headers => [],
                      raw => $bytes}, $class;
    my $rest = $bytes;

    # interim answers are not what anybody waits for
    while ($rest =~ m{\AHTTP/1\.[01] 100[^\n]*\n(?:[^\n]+\n)*?\r?\n}) {
        $rest = substr $rest, $+[0];
    }

    my ($head, $body) = split /\r?\n\r?\n/, $rest, 2;
    return $self if !defined $head
        || $head !~ m{\AHTTP/[0-9.]+ (\d{3})(?: ([^\r\n]*))?};

    $self->{status} = $1;
    $self->{reason} = $2;
    $self->{head}   = $head;

    my (undef, @lines) = split /\r?\n/, $head;
    for (@lines) {
        my ($name, $value) = /^([^:]+):\s*(.*?)\s*$/ or next;
        push @{$self->{headers}}, [$name, $value];
    }

    $body //= '';

    if (lc($self->header('Transfer-Encoding') // '') eq 'chunked') {
        my $out = '';
        $self->{complete} = 0;

        while ($body =~ s/\A([0-9a-fA-F]+)[^\r\n]*\r\n//) {
            my $n = hex $1;
            if ($n == 0) {
                $self->{complete} = 1;
                last;
            }
            $out .= substr $body, 0, $n;
            $body = length $body > $n + 2 ? substr $body, $n + 2 : '';
        }
        $body = $out;
    }
    else {
        my $n = $self->header('Content-Length');
        $self->{complete} = !defined $n || length $body >= $n ? 1 : 0;
    }

    $self->{body} = $body;
    return $self;
}

sub status { return $_[0]{status} }
sub body   { return $_[0]{body} }

sub headers {
    my ($self, $name) = @_;
    return map { $_->[1] } grep { lc $_->[0] eq lc $name } @{$self->{headers}};
}

sub header {
    my ($self, $name) = @_;
    my ($value) = $self->headers($name);
    return $value;
}

sub location { return $_[0]->header('Location') }

# the Set-Cookie line of one cookie
sub set_cookie {
    my ($self, $name) = @_;
    my ($line) = grep { ref $name ? $_ =~ $name : index($_, "$name=") == 0 }
        $self->headers('Set-Cookie');
    return $line;
}

sub json {
    my ($self) = @_;
    my $data = eval { JSON::PP->new->utf8->allow_nonref->decode($self->{body}) };
    return $data;
}

sub chain { return @{$_[0]{chain} // [$_[0]]} }

# one parameter of a URL's query (default: of Location)
sub query {
    my ($self, $name, $url) = @_;

    $url //= $self->location // '';
    my ($query) = $url =~ /\?([^#]*)/ or return undef;

    for (split /&/, $query) {
        my ($k, $v) = split /=/, $_, 2;
        return WixAuthTest::Client::url_unescape($v // '')
            if WixAuthTest::Client::url_unescape($k) eq $name;
    }
    return undef;
}

sub forms {
    my ($self) = @_;

    my @forms;

    while ($self->{body} =~ m{<form\b([^>]*)>(.*?)</form>}gsi) {
        my ($attrs, $inner) = ($1, $2);
        my %a = attributes($attrs);
        my %fields;

        while ($inner =~ m{<(?:input|button|select|textarea)\b([^>]*)>}gsi) {
            my %i = attributes($1);
            next if !length($i{name} // '');
            next if lc($i{type} // '') eq 'checkbox' && !exists $i{checked};
            $fields{$i{name}} = $i{value} // '';
        }

        push @forms, {
            action => $a{action} // '',
            method => uc($a{method} // 'GET'),
            fields => \%fields,
        };
    }

    return @forms;
}

sub attributes {
    my ($text) = @_;

    my %a;

    while ($text =~ /([A-Za-z][\w:-]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+)))?/g) {
        my ($k, $v) = (lc $1, $2 // $3 // $4 // '');
        $a{$k} = html_unescape($v) if !exists $a{$k};
    }
    return %a;
}

sub html_unescape {
    my ($s) = @_;

    $s =~ s/&quot;/"/g;
    $s =~ s/&lt;/</g;
    $s =~ s/&gt;/>/g;
    $s =~ s/&#x([0-9a-f]+);/chr hex $1/gie;
    $s =~ s/&#(\d+);/chr $1/ge;
    $s =~ s/&amp;/&/g;
    return $s;
}

1;
