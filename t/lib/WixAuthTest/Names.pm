package WixAuthTest::Names;

# Copyright (C) 2026 the ngx_http_wix_auth_module authors
#
# A name server that gets every question and answers none, for one nginx:
#
#     my ($names, $why) = WixAuthTest::Names->silent(temp_dir());
#     plan skip_all => $why if !$names;
#
#     my $nginx = $names->with(sub { start_nginx(...) });
#     $names->know('wixapis.test');      # it is 127.0.0.1 from now on
#     $names->forget;                    # and has to be asked for again
#
# It needs root and a mount namespace: nginx sees other files in the place of
# /etc/resolv.conf and /etc/hosts, and nobody else does.

use strict;
use warnings;

use IO::Socket::INET;
use WixAuthTest::Nginx;

sub silent {
    my ($class, $dir) = @_;

    return (undef, 'only root can give nginx a name server of its own')
        if $> != 0;

    my $self = bless {dir => $dir}, $class;

    # port 53 cannot be chosen, the address can
    for (1 .. 20) {
        my $addr = join '.', 127, map { 1 + int rand 250 } 1 .. 3;

        $self->{server} = IO::Socket::INET->new(
            LocalAddr => $addr, LocalPort => 53, Proto => 'udp',
            Blocking => 0) or next;

        WixAuthTest::Nginx::spew("$dir/resolv.conf",
            "nameserver $addr\noptions timeout:30 attempts:1\n");
        $self->forget;
        chmod 0644, "$dir/resolv.conf", "$dir/hosts";

        return (undef, 'mount namespaces are not to be had here')
            if system($self->command('true') . ' 2>/dev/null');
        return $self;
    }

    return (undef, "no port 53 for a name server: $!");
}

sub command {
    my ($self, $command) = @_;

    my $mounts = join ' && ', map { "mount --bind $self->{dir}/$_ /etc/$_" }
        qw(resolv.conf hosts);

    return "unshare -m sh -c '$mounts && exec $command'";
}

sub with {
    my ($self, $code) = @_;

    my $wrapper = "$self->{dir}/nginx-without-dns";
    my $binary = WixAuthTest::Nginx::binary();

    WixAuthTest::Nginx::spew($wrapper, "#!/bin/sh\nexec "
        . $self->command('"$@"') . " sh $binary \"\$@\"\n");
    chmod 0755, $wrapper;

    local $WixAuthTest::Nginx::BINARY = $wrapper;
    return $code->();
}

# in place, because the file is mounted
sub know {
    my ($self, @names) = @_;

    WixAuthTest::Nginx::spew("$self->{dir}/hosts",
        "127.0.0.1 localhost\n" . join '', map { "127.0.0.1 $_\n" } @names);
    return;
}

sub forget { return $_[0]->know }

# now nobody is there to be asked
sub close { return close delete $_[0]{server} }

# the questions since the last time, as packets
sub asked {
    my ($self) = @_;
    my @packets;

    while (defined $self->{server}->recv(my $packet, 4096)) {
        push @packets, $packet;
    }
    return @packets;
}

1;
