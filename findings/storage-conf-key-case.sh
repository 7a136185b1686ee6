#!/bin/bash
# Two keys of storage.conf that differ in case only: which one counts changes from run to run.
#
# Tried: containers-storage 1.57.2+ds1-1+b2 (trixie), whose library Podman 5.4.2 has; 1.43.0+ds1-8+b2 (bookworm) does the same.
#   [Storage] with graphroot = "/srv/a"                                    Root: /srv/a
#   [storage] with graphroot = "/srv/a", [Storage] with "/srv/b"           /srv/b in 16 of 20 runs, /srv/a in 4
#   graphroot = "/srv/a" and GraphRoot = "/srv/b" in one table             /srv/b in 26 of 30 runs, /srv/a in 4
#   GraphRoot = "/srv/b" and graphroot = "/srv/a", the other order         /srv/a in 30 of 30 (bookworm: 27)
#
# Why it surprises: keys of TOML are case-sensitive, so these are valid files with two keys, and every other reader of TOML sees one
# `graphroot`. This one takes any case of a key that it knows, walks the tables in Go's random order of maps, and the last one it meets
# stays. There is no warning, although an unknown key gets one. Images are there, are gone, and are there again, on an idle host.
. "$(dirname "$0")/unpack.bash"

unpack trixie containers-storage=1.57.2+ds1-1+b2 libc6=2.41-12+deb13u5 coreutils=9.7-3
conf=$work/trixie/etc/containers/storage.conf
mkdir -p "${conf%/*}"
# table NAME GRAPHROOT
table() { printf '[%s]\ndriver = "vfs"\nrunroot = "/run/containers"\ngraphroot = "%s"\n' "$1" "$2"; }
root() { inside trixie containers-storage status 2>&1 | grep -E '^Root: |level=|rror'; }

table Storage /srv/a >"$conf"
expect 'the table in another case' "$(root)" 'Root: /srv/a'

{ table storage /srv/a && table Storage /srv/b; } >"$conf"
seen=
for run in {1..100}; do
  seen=$(printf '%s\n' $seen "$(root)" | sed 's/^Root: //' | sort -u)
  [[ $seen == *$'\n'* ]] && break
done
echo "(after $run runs)"
expect 'two tables' "$seen" $'/srv/a\n/srv/b'
finish
