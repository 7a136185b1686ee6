# Sourced by the scripts beside it. Gives them a temporary folder, `unpack`, `inside`, `expect` and `finish`.
set -euo pipefail
[[ $EUID == 0 ]] || { echo "$0 has to be run by root: it uses chroot and a mount namespace of its own." >&2; exit 2; }
work=$(mktemp -d -t finding.XXXXXX)
trap 'rm -rf --one-file-system "$work"' EXIT
changed=0

# unpack SUITE NAME=VERSION...: these packages of Debian, and no others, become the root directory $work/SUITE. Nothing is installed.
unpack() {
  local suite=$1 apt=$work/apt-$1 root=$work/$1 name
  shift
  mkdir -p "$apt"/{lists/partial,archives/partial,none} "$root"/{dev,etc,home,proc,root,run,srv,tmp}
  : >"$apt/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main" >"$apt/sources.list"
  printf '%s;\n' "Dir::State \"$apt\"" "Dir::State::Lists \"$apt/lists\"" "Dir::State::status \"$apt/status\"" "Dir::Cache \"$apt\"" \
    "Dir::Etc::SourceList \"$apt/sources.list\"" "Dir::Etc::SourceParts \"$apt/none\"" "Dir::Etc::PreferencesParts \"$apt/none\"" \
    'APT::Architecture "amd64"' 'APT::Sandbox::User "root"' 'Acquire::Languages "none"' >"$apt/apt.conf"
  (
    cd "$apt/archives"
    export APT_CONFIG=$apt/apt.conf
    { apt-get -qq update && apt-get -qq download "$@"; } >"$apt/log" 2>&1
  ) || { cat "$apt/log" >&2; echo "These versions could not be had from Debian: nothing is known." >&2; exit 2; }
  for name in "$apt"/archives/*.deb; do dpkg-deb -x "$name" "$root"; done
  # Newer packages expect these links of the base system.
  for name in bin sbin lib lib64; do [[ -e $root/$name ]] || ln -s "usr/$name" "$root/$name"; done
  mkdir -p "$root/dev/shm" "$root/etc/pam.d"
  : >"$root/dev/null"
  printf '%s\n' 'root:x:0:0::/root:/bin/sh' 'alice:x:1000:1000::/home/alice:/bin/sh' >"$root/etc/passwd"
  printf '%s\n' 'root:x:0:' 'alice:x:1000:' >"$root/etc/group"
  printf '%s\n' 'root:*:::::::' 'alice:*:::::::' >"$root/etc/shadow"
}

# inside SUITE COMMAND...: runs it there, with an empty environment.
inside() {
  local root=$work/$1
  shift
  unshare --mount bash -c 'mount --rbind /proc "$0/proc" && exec chroot "$0" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"' "$root" "$@"
}

# expect WHAT OUTPUT OUTPUT-SEEN-BEFORE
expect() {
  printf '%s\n' "$1:" "${2:-(nothing)}" | sed '2,$s/^/    /'
  [[ $2 == "$3" ]] && return
  printf '%s\n' "  this has CHANGED; it was:" "${3:-(nothing)}" | sed '2,$s/^/    /'
  changed=1
}

finish() {
  if ((changed)); then echo "The behaviour has changed."; else echo "It behaves as described."; fi
  exit $changed
}

# unpack_docker: the Docker of trixie.
unpack_docker() {
  unpack trixie docker.io=26.1.5+dfsg1-9+deb13u1+b1 docker-cli=26.1.5+dfsg1-9+deb13u1+b1 containerd=1.7.24~ds1-6+deb13u1 \
    coreutils=9.7-3 libacl1=2.3.2-2+b1 libattr1=1:2.5.2-3 libc6=2.41-12+deb13u5 libcap2=1:2.75-10+deb13u1+b3 \
    libpcre2-8-0=10.46-1~deb13u3 runc=1.1.15+ds1-2+b4 libseccomp2=2.6.0-2 libselinux1=3.8.1-1 libsystemd0=257.13-1~deb13u1
}

# dockerd DATA-ROOT FORMAT SCRIPT: what a dockerd with it answers to `docker info --format`, and what SCRIPT prints then, for which "$root"
# is the folder of its system. Its log is there in run/log, and the parent of DATA-ROOT is empty before.
dockerd() {
  timeout 120 unshare --mount --net --pid --fork --kill-child bash -c '
    root=$1 within=(chroot "$1" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin)
    mkdir -p "$root/sys" "$root/var"
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    for name in srv run var; do mount -t tmpfs none "$root/$name"; done
    "${within[@]}" dockerd --bridge=none --iptables=false --ip6tables=false --data-root "$2" >"$root/run/log" 2>&1 &
    answer=
    while [[ ! $answer ]] && kill -0 $!; do
      sleep 0.5
      answer=$("${within[@]}" docker info --format "$3" || true)
    done 2>/dev/null
    echo "${answer:-no answer}"
    eval "$4"
  ' bash "$work/trixie" "$1" "$2" "$3" || true
}
