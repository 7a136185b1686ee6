#!/bin/bash
# Podman that is pointed to a copy of its storage goes on in the old one, silently in 4.3.1; 5.4.2 does not start.
#
# Tried: podman 4.3.1+ds1-8+deb12u1+b3 (bookworm) beside 5.4.2+ds1-2+b2 (trixie), as root, driver vfs.
# A new disk: podman makes a volume in graphroot /srv/old; `cp -a /srv/old /srv/new`; graphroot = "/srv/new" in storage.conf.
#   4.3.1   podman volume create after    exit 0; the volume is in /srv/old/volumes, /srv/new has none of it
#           /srv/old is removed, again    exit 0; /srv/old is made anew
#   5.4.2   podman volume create after    exit 125: database static dir "/srv/old/libpod" does not match our static dir
#                                         "/srv/new/libpod": database configuration mismatch
#
# Why it surprises: containers-storage.conf(5) has graphroot as the place of the storage. But the copy has libpod's database in it, and
# the paths in the database win over the configuration: the copy sends Podman back to where it came from. The older version has only a
# debug message for it, so the old disk, or the NFS home that was to be left, stays in use. Each of them works with an empty directory.
. "$(dirname "$0")/unpack.bash"

unpack bookworm podman=4.3.1+ds1-8+deb12u1+b3 crun=1.8.1-1+deb12u1 conmon=2.1.6+ds1-1 coreutils=9.1-1 \
  libc6=2.36-9+deb12u14 libdevmapper1.02.1=2:1.02.185-2 libpcre2-8-0=10.42-1 libselinux1=3.4-1+b6 libudev1=252.39-1~deb12u2 \
  libassuan0=2.5.5-5 libaudit1=1:3.0.9-1 libbz2-1.0=1.0.8-5+b1 libcap-ng0=0.8.3-1+b3 libcrypt1=1:4.4.33-2 libgpg-error0=1.46-1 \
  libgpgme11=1.18.0-3+b1 libpam0g=1.5.2-6+deb12u2 libseccomp2=2.5.4-1+deb12u1 libsemanage2=3.4-1+b5 libsepol2=3.4-2.1 \
  libsubid4=1:4.13+dfsg1-1+deb12u2 libcap2=1:2.66-4+deb12u3+b1 libgcrypt20=1.10.1-3+deb12u1 liblz4-1=1.9.4-1 liblzma5=5.4.1-1+deb12u1 \
  libsystemd0=252.39-1~deb12u2 libyajl2=2.1.0-3+deb12u2 libzstd1=1.5.4+dfsg2-5 libglib2.0-0=2.74.6-2+deb12u9
unpack trixie podman=5.4.2+ds1-2+b2 crun=1.21-1 conmon=2.1.12-4 netavark=1.14.0-2 libgcc-s1=14.2.0-19 coreutils=9.7-3 \
  libc6=2.41-12+deb13u5 libacl1=2.3.2-2+b1 libassuan9=3.0.2-2 libattr1=1:2.5.2-3 libaudit1=1:4.0.2-2+deb13u1 libbsd0=0.12.2-2 \
  libbz2-1.0=1.0.8-6 libcap-ng0=0.8.5-4+b1 libcrypt1=1:4.4.38-1 libgpg-error0=1.51-4 libgpgme11t64=1.24.2-3 libmd0=1.1.0-2+b1 \
  libpam0g=1.7.0-5 libpcre2-8-0=10.46-1~deb13u3 libseccomp2=2.6.0-2 libselinux1=3.8.1-1 libsemanage2=3.8.1-1 libsepol2=3.8.1-1 \
  libsqlite3-0=3.46.1-7+deb13u2 libsubid5=1:4.17.4-2 libcap2=1:2.75-10+deb13u1+b3 libsystemd0=257.13-1~deb13u1 libyajl2=2.1.0-5+b2 \
  libatomic1=14.2.0-19 libglib2.0-0t64=2.84.4-3~deb13u5

# storage SUITE DIRECTORY: what the administrator writes.
storage() {
  mkdir -p "$work/$1/etc/containers"
  printf '[storage]\ndriver = "vfs"\nrunroot = "/run/containers"\ngraphroot = "%s"\n' "$2" >"$work/$1/etc/containers/storage.conf"
  echo '{ "default": [ { "type": "reject" } ] }' >"$work/$1/etc/containers/policy.json"
}
# volume SUITE NAME: what `podman volume create` says without its name for the volume, and where the volume is then.
volume() {
  inside "$1" env PODMAN_IGNORE_CGROUPSV1_WARNING=1 podman --cgroup-manager=cgroupfs volume create "$2" 2>&1 || echo "exit $?"
  (cd "$work/$1/srv" && ls -d ./*/volumes/"$2" 2>/dev/null) || true
}

for suite in bookworm trixie; do
  storage $suite /srv/old
  expect "$suite, at first" "$(volume $suite first)" $'first\n./old/volumes/first'
  cp -a "$work/$suite/srv/old" "$work/$suite/srv/new"
  storage $suite /srv/new
done
expect 'podman 4.3.1, pointed to a copy' "$(volume bookworm second)" $'second\n./old/volumes/second'
rm -rf "${work:?}/bookworm/srv/old"
expect 'podman 4.3.1, the old one removed' "$(volume bookworm third)" $'third\n./old/volumes/third'
expect 'podman 5.4.2, pointed to a copy' "$(volume trixie second)" \
  $'Error: database static dir "/srv/old/libpod" does not match our static dir "/srv/new/libpod": database configuration mismatch\nexit 125'
for suite in bookworm trixie; do
  storage $suite /srv/empty
  expect "$suite, pointed to an empty directory" "$(volume $suite second)" $'second\n./empty/volumes/second'
done
finish
