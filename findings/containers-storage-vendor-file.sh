#!/bin/bash
# containers-storage(1) of bookworm lets the vendor's storage.conf win over the administrator's; podman of the same release does not.
#
# Tried: containers-storage 1.43.0+ds1-8+b2 and podman 4.3.1+ds1-8+deb12u1+b3 (both bookworm, both with containers/storage 1.43), and
# containers-storage 1.57.2+ds1-1+b2 (trixie).
# /usr/share/containers/storage.conf has graphroot = "/srv/vendor", /etc/containers/storage.conf has "/srv/site". As root:
#   containers-storage 1.43.0 status     Root: /srv/vendor
#   podman 4.3.1 images                  makes its storage in /srv/site
#   containers-storage 1.57.2 status     Root: /srv/site
#   containers-storage 1.43.0 status without a file in /usr/share: /srv/site
# 1.43.0 opens both files, the one in /etc first; so a mistake in that is an error, while its keys have no effect.
#
# Why it surprises: containers-storage.conf(5) has administrators override the file in /usr/share by making the one in /etc, and
# golang-github-containers-common of Debian always installs the former. So the low-level tool, which people use to look into Podman's
# storage and to clean it, lists and deletes in another storage than podman, on every bookworm host whose administrator moved it.
. "$(dirname "$0")/unpack.bash"

unpack bookworm containers-storage=1.43.0+ds1-8+b2 podman=4.3.1+ds1-8+deb12u1+b3 crun=1.8.1-1+deb12u1 conmon=2.1.6+ds1-1 coreutils=9.1-1 \
  libc6=2.36-9+deb12u14 libdevmapper1.02.1=2:1.02.185-2 libpcre2-8-0=10.42-1 libselinux1=3.4-1+b6 libudev1=252.39-1~deb12u2 \
  libassuan0=2.5.5-5 libaudit1=1:3.0.9-1 libbz2-1.0=1.0.8-5+b1 libcap-ng0=0.8.3-1+b3 libcrypt1=1:4.4.33-2 libgpg-error0=1.46-1 \
  libgpgme11=1.18.0-3+b1 libpam0g=1.5.2-6+deb12u2 libseccomp2=2.5.4-1+deb12u1 libsemanage2=3.4-1+b5 libsepol2=3.4-2.1 \
  libsubid4=1:4.13+dfsg1-1+deb12u2 libcap2=1:2.66-4+deb12u3+b1 libgcrypt20=1.10.1-3+deb12u1 liblz4-1=1.9.4-1 liblzma5=5.4.1-1+deb12u1 \
  libsystemd0=252.39-1~deb12u2 libyajl2=2.1.0-3+deb12u2 libzstd1=1.5.4+dfsg2-5 libglib2.0-0=2.74.6-2+deb12u9
unpack trixie containers-storage=1.57.2+ds1-1+b2 libc6=2.41-12+deb13u5 coreutils=9.7-3

for suite in bookworm trixie; do
  for place in usr/share=vendor etc=site; do
    mkdir -p "$work/$suite/${place%=*}/containers"
    printf '[storage]\ndriver = "vfs"\nrunroot = "/run/%s"\ngraphroot = "/srv/%s"\n' "${place#*=}" "${place#*=}" \
      >"$work/$suite/${place%=*}/containers/storage.conf"
  done
  # Podman wants a policy for images, and its own settings.
  echo '{ "default": [ { "type": "reject" } ] }' >"$work/$suite/etc/containers/policy.json"
done
root() { inside "$1" containers-storage status 2>&1 | sed -n 's/^Root: //p'; }

expect 'containers-storage 1.43.0' "$(root bookworm)" /srv/vendor
rm -rf "${work:?}"/bookworm/srv/*
inside bookworm podman --cgroup-manager=cgroupfs images >"$work/out" 2>&1 || cat "$work/out"
expect 'podman 4.3.1 makes' "$(ls "$work/bookworm/srv")" site
expect 'containers-storage 1.57.2' "$(root trixie)" /srv/site
rm "$work/bookworm/usr/share/containers/storage.conf"
expect 'containers-storage 1.43.0 without the vendor'"'"'s file' "$(root bookworm)" /srv/site
finish
