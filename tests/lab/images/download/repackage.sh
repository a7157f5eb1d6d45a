#!/bin/sh
# Debian's Docker packages made into Docker's own: same names, relations and repository layout.
#
# Usage: repackage ROOT SUITE VERSION: all of them from the system that this runs on, but for runc,
# whose C library has to be SUITE's.
set -eu
root=$1 suite=$2
suffix="1~debian.$3~$suite"
work=/tmp/work-$suite
arch=$(dpkg --print-architecture)
pool=dists/$suite/pool/stable/$arch
mkdir -p "$work" "$root/$pool"
cd "$work"
# apt downloads as _apt, which cannot write here.
apt-get -o APT::Sandbox::User=root download docker.io docker-cli containerd "runc/$suite" docker-compose docker-buildx tini

upstream() { # the version without epoch and Debian's part: 26.1.5
	dpkg-deb -f "$work/$1"_*.deb Version | sed 's/^[0-9]*://; s/[+~-].*//'
}

unpack() { # unpack FILE PACKAGE: Debian's package into the tree of Docker's
	dpkg-deb -R "$work/$1"_*.deb "$2"
}

control() { # control PACKAGE VERSION, the rest of the fields on standard input
	{
		printf 'Package: %s\nVersion: %s\nArchitecture: %s\n' "$1" "$2" "$arch"
		printf 'Section: admin\nPriority: optional\nMaintainer: Borgstack lab <lab@lab.test>\n'
		cat
		printf 'Description: %s, repackaged from Debian for the Borgstack lab\n' "$1"
	} > "$1/DEBIAN/control"
	rm -f "$1/DEBIAN/md5sums"
	rm -rf "$1/usr/share/doc" "$1/usr/share/lintian"
	dpkg-deb --root-owner-group -Zzstd -z6 -b "$1" "$root/$pool"
}

engine=$(upstream docker.io)

unpack docker.io docker-ce
unpack tini tini
rm -f docker-ce/usr/bin/docker-init
cp tini/usr/bin/tini-static docker-ce/usr/bin/docker-init
control docker-ce "5:$engine-$suffix" << EOF
Depends: containerd.io (>= 1.6.24), docker-ce-cli, iptables, adduser, libc6, libsystemd0
Recommends: apparmor, ca-certificates, docker-ce-rootless-extras, git, libltdl7, pigz, procps, xz-utils
Conflicts: docker (<< 1.5~), docker-engine, docker.io
Replaces: docker-engine, docker.io
EOF

unpack docker-cli docker-ce-cli
control docker-ce-cli "5:$engine-$suffix" << EOF
Depends: libc6
Recommends: docker-buildx-plugin, docker-compose-plugin
Conflicts: docker-cli, docker.io, podman-docker
Replaces: docker-cli
EOF

# Docker ships runc inside containerd.io.
unpack containerd containerd.io
unpack runc runc
cp -a runc/usr/. containerd.io/usr/
control containerd.io "$(upstream containerd)-$suffix" << EOF
Depends: libc6, libseccomp2
Provides: containerd, runc
Conflicts: containerd, runc
Replaces: containerd, runc
EOF

unpack docker-compose docker-compose-plugin
rm -f docker-compose-plugin/usr/bin/docker-compose
control docker-compose-plugin "$(upstream docker-compose)-$suffix" << EOF
Depends: libc6
Enhances: docker-ce-cli
Conflicts: docker-compose
Replaces: docker-compose
EOF

unpack docker-buildx docker-buildx-plugin
control docker-buildx-plugin "$(upstream docker-buildx)-$suffix" << EOF
Depends: libc6
Enhances: docker-ce-cli
Conflicts: docker-buildx
Replaces: docker-buildx
EOF

cd "$root"
index=dists/$suite/stable/binary-$arch
mkdir -p "$index"
apt-ftparchive packages "$pool" > "$index/Packages"
gzip -k "$index/Packages"
cd "dists/$suite"
apt-ftparchive \
	-o APT::FTPArchive::Release::Origin=Docker \
	-o 'APT::FTPArchive::Release::Label=Docker CE' \
	-o "APT::FTPArchive::Release::Suite=$suite" \
	-o "APT::FTPArchive::Release::Codename=$suite" \
	-o APT::FTPArchive::Release::Components=stable \
	-o "APT::FTPArchive::Release::Architectures=$arch" \
	release . > /tmp/Release
mv /tmp/Release Release
