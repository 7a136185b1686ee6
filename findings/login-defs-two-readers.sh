#!/bin/bash
# useradd(8) and pam_mkhomedir(8) read the same /etc/login.defs differently.
#
# Tried: passwd 1:4.17.4-2 and libpam-modules 1.7.0-5 (trixie); 1:4.13+dfsg1-1+deb12u2 and 1.5.2-6+deb12u2 (bookworm) do the same.
# HOME_MODE is the mode of a new home for both, and login.defs(5) documents it for both. But shadow and Linux-PAM each have a reader
# of their own:
#                                            useradd -m           pam_mkhomedir
#   HOME_MODE twice, first 0750, then 0700   0700: the last       0750: the first
#   HOME_MODE "0750"                         0750: quotes go      no home; opening the session fails
#   HOME_MODE 0750                           0750                 0750
#
# Why it surprises: an administrator who appends the site's value to the shipped file has it in force for local accounts, and not for
# those of a directory, whose homes come from pam_mkhomedir. Neither program, nor login.defs(5), has a word of it. The quotes that
# shadow takes off are no octal number to the other reader, and then nobody without a home can log in.
. "$(dirname "$0")/unpack.bash"

unpack trixie passwd=1:4.17.4-2 libpam-modules=1.7.0-5 libpam-modules-bin=1.7.0-5 libpam0g=1.7.0-5 pamtester=0.1.2-4 coreutils=9.7-3 \
  libc6=2.41-12+deb13u5 libaudit1=1:4.0.2-2+deb13u1 libcap-ng0=0.8.5-4+b1 libcrypt1=1:4.4.38-1 libselinux1=3.8.1-1 \
  libpcre2-8-0=10.46-1~deb13u3 libsemanage2=3.8.1-1 libsepol2=3.8.1-1 libbz2-1.0=1.0.8-6 libacl1=2.3.2-2+b1 libattr1=1:2.5.2-3 \
  libbsd0=0.12.2-2 libmd0=1.1.0-2+b1
root=$work/trixie
echo 'session required pam_mkhomedir.so silent' | tee "$root/etc/pam.d/other" >"$root/etc/pam.d/login"

# homes LINES: the mode of a home by useradd, and of one by pam_mkhomedir.
homes() {
  printf 'UID_MIN 1000\n%s\n' "$1" >"$root/etc/login.defs"
  inside trixie useradd -m -N -g alice bob 2>&1 || true
  inside trixie pamtester login alice open_session >/dev/null 2>&1 || true
  for name in bob alice; do stat -c '%n %a' "$root/home/$name" 2>/dev/null | sed 's,.*/,,' || true; done
  inside trixie userdel bob
  rm -rf "${root:?}"/home/*
}

expect 'HOME_MODE twice' "$(homes $'HOME_MODE 0750\nHOME_MODE 0700')" $'bob 700\nalice 750'
expect 'HOME_MODE "0750"' "$(homes 'HOME_MODE "0750"')" 'bob 750'
expect 'HOME_MODE 0750' "$(homes 'HOME_MODE 0750')" $'bob 750\nalice 750'
finish
