#!/bin/bash
# usermod --login leaves the subordinate ids with the old name, and the next account of that name gets them.
#
# Tried: passwd and uidmap 1:4.17.4-2 (trixie); 1:4.13+dfsg1-1+deb12u2 (bookworm) does the same.
#   useradd bob                 /etc/subuid: bob:100000:65536
#   usermod --login robert bob  exit 0; /etc/subuid: bob:100000:65536, and getsubids robert finds nothing
#   useradd bob                 a new account; no new line, because the name "has" a range: getsubids bob: 100000 65536
#   userdel robert              the line stays: it is not his
#
# Why it surprises: the same command takes the new name into passwd, shadow, group and gshadow. A user who was renamed has no ids from
# then on, so rootless containers fail for him with a message about /etc/subuid, in which a line that looks like his stands. His
# containers' files, which have ids of that range, are those of whoever gets the old name. No message at any of the steps.
. "$(dirname "$0")/unpack.bash"

unpack trixie passwd=1:4.17.4-2 uidmap=1:4.17.4-2 libsubid5=1:4.17.4-2 coreutils=9.7-3 libc6=2.41-12+deb13u5 libpam0g=1.7.0-5 \
  libaudit1=1:4.0.2-2+deb13u1 libcap-ng0=0.8.5-4+b1 libcrypt1=1:4.4.38-1 libselinux1=3.8.1-1 libpcre2-8-0=10.46-1~deb13u3 \
  libsemanage2=3.8.1-1 libsepol2=3.8.1-1 libbz2-1.0=1.0.8-6 libacl1=2.3.2-2+b1 libattr1=1:2.5.2-3 libbsd0=0.12.2-2 libmd0=1.1.0-2+b1
etc=$work/trixie/etc
: >"$etc/subuid"
: >"$etc/subgid"
: >"$etc/gshadow"
echo 'SUB_UID_MIN 100000' >"$etc/login.defs"
ids() { inside trixie getsubids "$1" 2>&1 || true; }

inside trixie useradd --groups alice bob
expect 'getsubids bob' "$(ids bob)" '0: bob 100000 65536'

inside trixie usermod --login robert bob
expect 'after usermod --login robert bob: group alice' "$(sed -n 's/^alice://p' "$etc/group")" 'x:1000:robert'
expect '  /etc/subuid' "$(<"$etc/subuid")" 'bob:100000:65536'
expect '  getsubids robert' "$(ids robert)" 'Error fetching ranges'

inside trixie useradd --no-user-group bob
expect 'after useradd bob: /etc/subuid' "$(<"$etc/subuid")" 'bob:100000:65536'
expect '  getsubids bob' "$(ids bob)" '0: bob 100000 65536'

inside trixie userdel robert
expect 'after userdel robert: /etc/subuid' "$(<"$etc/subuid")" 'bob:100000:65536'
finish
