#!/bin/bash
# pam_mkhomedir(8) keeps the modes of files from /etc/skel, and not those of directories.
#
# Tried: libpam-modules 1.5.2-6+deb12u2 (bookworm) beside 1.7.0-5 (trixie), by pamtester 0.1.2-4; pam_mkhomedir without options.
# The skeleton has a directory of mode 0700, one of 2775, and a file of 0600. The new home has:
#                                           private 0700   shared 2775   file 0600   the home
#   UMASK 022 in login.defs, both versions  0755           0755          0600        0755
#   HOME_MODE 0700, 1.5.2                   0755           0755          0600        0700
#   HOME_MODE 0700, 1.7.0                   0700           0700          0600        0700
#
# Why it surprises: of modes, pam_mkhomedir(8) only says what HOME_MODE and UMASK of login.defs do to the new home itself. The
# directories in it get one mode too, whatever they have in the skeleton: a private directory is open to everybody at a site with UMASK
# 022, and a setgid one is not setgid. useradd -m (seen with shadow 4.17.4) keeps both. And what HOME_MODE means for the directories in
# a home has changed between the two versions.
. "$(dirname "$0")/unpack.bash"

unpack bookworm pamtester=0.1.2-4 libpam0g=1.5.2-6+deb12u2 libpam-modules=1.5.2-6+deb12u2 libpam-modules-bin=1.5.2-6+deb12u2 \
  libc6=2.36-9+deb12u14 libaudit1=1:3.0.9-1 libcap-ng0=0.8.3-1+b3 coreutils=9.1-1
unpack trixie pamtester=0.1.2-4 libpam0g=1.7.0-5 libpam-modules=1.7.0-5 libpam-modules-bin=1.7.0-5 libc6=2.41-12+deb13u5 \
  libaudit1=1:4.0.2-2+deb13u1 libcap-ng0=0.8.5-4+b1 coreutils=9.7-3

for suite in bookworm trixie; do
  etc=$work/$suite/etc
  echo 'session required pam_mkhomedir.so silent' | tee "$etc/pam.d/other" >"$etc/pam.d/login"
  rm -rf "${etc:?}/skel"
  mkdir -p "$etc/skel"
  mkdir -m 0700 "$etc/skel/private"
  mkdir -m 2775 "$etc/skel/shared"
  install -m 0600 /dev/null "$etc/skel/file"
done

# home SUITE LINE: the modes in a home that is made with that line in login.defs.
home() {
  printf 'UID_MIN 1000\n%s\n' "$2" >"$work/$1/etc/login.defs"
  inside "$1" pamtester login alice open_session >/dev/null 2>&1
  (cd "$work/$1/home/alice" && stat -c '%n %a' private shared file .)
  rm -rf "${work:?}/$1/home/alice"
}

expect '1.5.2, UMASK 022' "$(home bookworm 'UMASK 022')" $'private 755\nshared 755\nfile 600\n. 755'
expect '1.7.0, UMASK 022' "$(home trixie 'UMASK 022')" $'private 755\nshared 755\nfile 600\n. 755'
expect '1.5.2, HOME_MODE 0700' "$(home bookworm 'HOME_MODE 0700')" $'private 755\nshared 755\nfile 600\n. 700'
expect '1.7.0, HOME_MODE 0700' "$(home trixie 'HOME_MODE 0700')" $'private 700\nshared 700\nfile 600\n. 700'
finish
