#!/bin/bash
# systemd-tmpfiles --clean spares what any line of tmpfiles.d names, even a line that only sets a mode, or that removes.
#
# Tried: systemd-standalone-tmpfiles 252.39-1~deb12u2 (bookworm); 257.13-1~deb13u1 (trixie) does the same.
# /srv/t ages by `d /srv/t 1777 root root m:10d`, as /var/tmp does on most systems; all in it is 40 days old. With one more line:
#   (none)                      /srv/t/other and /srv/t/alice/image go
#   z /srv/t/alice 0700         alice/image stays (z: set the mode)
#   R /srv/t/alice              alice/image stays (R: remove, of --remove)
#   r! /srv/t/alice             alice/image goes: a line for the boot does not count
#   z /srv/t/* 0700             all stays: nothing in /srv/t ages any more
#
# Why it surprises: tmpfiles.d(5) has x and X "to exclude paths from clean-up", and of the other types it tells what they do, not that
# each is also an x for its path and all below. A package that corrects a mode in /var/tmp switches off cleaning there, for a glob in
# all of it, without a message; a line that should remove more makes --clean remove less.
. "$(dirname "$0")/unpack.bash"

unpack bookworm systemd-standalone-tmpfiles=252.39-1~deb12u2 libc6=2.36-9+deb12u14 libacl1=2.3.1-3 libcap2=1:2.66-4+deb12u3+b1 \
  libselinux1=3.4-1+b6 libpcre2-8-0=10.42-1 coreutils=9.1-1
root=$work/bookworm

# left LINE: the files that --clean leaves.
left() {
  rm -rf "${root:?}/srv/t"
  mkdir -p "$root/srv/t/alice" "$root/etc/tmpfiles.d"
  touch "$root"/srv/t/{other,alice/image}
  find "$root/srv/t" -mindepth 1 -exec touch -d '40 days ago' {} +
  printf '%s\n' 'd /srv/t 1777 root root m:10d' "$1" >"$root/etc/tmpfiles.d/finding.conf"
  inside bookworm systemd-tmpfiles --clean /etc/tmpfiles.d/finding.conf 2>&1
  (cd "$root/srv/t" && find . -type f | sort)
}

expect 'no other line' "$(left '')" ''
expect 'z /srv/t/alice 0700' "$(left 'z /srv/t/alice 0700')" './alice/image'
expect 'R /srv/t/alice' "$(left 'R /srv/t/alice')" './alice/image'
expect 'r! /srv/t/alice' "$(left 'r! /srv/t/alice')" ''
expect 'z /srv/t/* 0700' "$(left 'z /srv/t/* 0700')" $'./alice/image\n./other'
finish
