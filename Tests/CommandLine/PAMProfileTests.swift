import Foundation
import TestSupport
import Testing

/// `pam enable` and `disable` where others write the stacks: Debian's pam-auth-update itself, on copies of this machine's files, and a
/// stand-in of authselect's that does what authselect(8) says of the commands that are used.
@Suite(.enabled(if: Machine.isPossible, Comment(rawValue: Machine.need)))
struct PAMProfileTests {
  // MARK: pam-auth-update

  static let hasAuthUpdate =
    FileManager.default.fileExists(atPath: "/usr/sbin/pam-auth-update")
    && FileManager.default.fileExists(atPath: "/usr/share/pam/common-session")

  /// Debian's files as pam-auth-update makes them, with the profile that the package ships.
  private func debian() throws -> Machine {
    let machine = try Machine.ofMarkers()
    try machine.sure(
      """
      for directory in /var/lib/pam /usr/share/pam-configs /var/cache/debconf; do
        mount -t tmpfs none /mnt; cp -a $directory/. /mnt/; mount --move /mnt $directory
      done
      rm -f /var/lib/pam/* /usr/share/pam-configs/*; cp '\(projectDirectory)/pam/pam-configs/rootless-storage' /usr/share/pam-configs/
      printf 'Name: Unix\\nDefault: yes\\nPriority: 256\\nSession-Type: Additional\\nSession:\\n\\trequired pam_marker.so unix\\n' > /usr/share/pam-configs/unix
      printf 'Name: Home\\nDefault: yes\\nPriority: 0\\nSession-Type: Additional\\nSession-Interactive-Only: yes\\nSession:\\n\\toptional pam_marker.so home\\n' > /usr/share/pam-configs/home
      directory=$(cat /etc/modules); for name in permit deny; do cp $directory/pam_marker.so $directory/pam_$name.so; done
      cd /etc/pam.d; cp /usr/share/pam/common-* .; sed -i 's/^\\(auth\\|account\\|password\\).*//' common-*
      cp -r /etc/pam.d /etc/shipped; cp -a /usr/share/pam-configs/rootless-storage /etc/profile-file; rm /usr/share/pam-configs/rootless-storage
      printf '@include common-session\\n' > login; printf '@include common-session-noninteractive\\n' > cron
      DEBIAN_FRONTEND=noninteractive /usr/sbin/pam-auth-update --package --force
      cp /etc/profile-file /usr/share/pam-configs/rootless-storage
      """)
    return machine
  }

  @Test(.enabled(if: hasAuthUpdate, "needs Debian's libpam-runtime"))
  func `Debian's pam-auth-update: the profile is switched on behind all others, and stays off when it was switched off`() throws {
    let machine = try debian()
    let before = try machine.stacks()
    let database = try machine.sure("cksum /var/cache/debconf/*.dat").text
    let dry = try machine.rootlessStorage("pam enable --dry-run")
    #expect(dry.status == 0 && dry.text.contains("would run: pam-auth-update --package --enable rootless-storage"), "\(dry)")
    #expect(dry.lines.filter { $0.hasPrefix("+session\toptional\tpam_rootless_storage.so") }.count == 2, "\(dry)")
    #expect(
      try machine.stacks() == before && machine.sure("cksum /var/cache/debconf/*.dat").text == database,
      "a dry run changes nothing, in debconf's databases either")
    let enabled = try machine.rootlessStorage("pam enable")
    #expect(enabled.status == 0 && enabled.text.contains("ran: pam-auth-update --package --enable rootless-storage"), "\(enabled)")
    #expect(try machine.reach() == ["cron": "yes", "login": "yes"])
    #expect(try machine.trace("login").modules.suffix(2) == ["pam_marker.so home", "pam_rootless_storage.so"])
    #expect(try machine.trace("cron").modules.suffix(2) == ["pam_marker.so unix", "pam_rootless_storage.so"])
    #expect(try machine.rootlessStorage("pam enable").text.hasSuffix("nothing to do.\n"))
    #expect(try machine.rootlessStorage("pam disable").status == 0)
    #expect(try machine.stacks() == before)
    // An upgrade of any package with a profile does this.
    try machine.sure("DEBIAN_FRONTEND=noninteractive /usr/sbin/pam-auth-update --package")
    #expect(try machine.stacks() == before)
  }

  @Test(.enabled(if: hasAuthUpdate, "needs Debian's libpam-runtime"))
  func `where its files were changed by hand, the line is put behind its last marker, and it keeps it`() throws {
    let machine = try debian()
    try machine.sure(
      "sed -i 's/^# end of pam-auth-update/session optional pam_marker.so mine\\n&/' /etc/pam.d/common-session; echo 'session optional pam_marker.so after' >> /etc/pam.d/common-session"
    )
    let before = try machine.stacks()
    let enabled = try machine.rootlessStorage("pam enable")
    #expect(enabled.status == 0 && enabled.text.contains("pam-auth-update leaves its files alone"), "\(enabled)")
    var wanted = before
    for name in ["common-session", "common-session-noninteractive"] { wanted[name] = before[name]! + PAMTests.line + "\n" }
    #expect(try machine.stacks() == wanted)
    try machine.sure("sed -i '/mine/d' /etc/pam.d/common-session; DEBIAN_FRONTEND=noninteractive /usr/sbin/pam-auth-update --package")
    #expect(try machine.stacks()["common-session"]?.hasSuffix("after\n\(PAMTests.line)\n") == true)
    // Somebody switches the profile on besides.
    try machine.sure("DEBIAN_FRONTEND=noninteractive /usr/sbin/pam-auth-update --package --enable rootless-storage")
    let twice = try machine.rootlessStorage("pam status")
    let words = twice.text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(
      twice.status == 0
        && words.contains(
          #/login: pam_rootless_storage.so is called more than once; .* /etc/pam.d/common-session:\d+ and /etc/pam.d/common-session:\d+\./#),
      "\(twice)")
    // What it says helps.
    #expect(
      words.replacing("\\ ", with: "").contains("sudo rootless-storage pam disable --all && sudo rootless-storage pam enable"), "\(twice)")
    #expect(try machine.rootlessStorage("pam disable --all").status == 0 && machine.rootlessStorage("pam enable").status == 0)
    let once = try machine.rootlessStorage("pam status")
    #expect(once.status == 0 && !once.text.contains("more than once"), "\(once)")
    #expect(try machine.rootlessStorage("pam disable").status == 0)
    #expect(try machine.stacks().values.allSatisfy { !$0.contains("rootless") })
  }

  @Test(.enabled(if: hasAuthUpdate, "needs Debian's libpam-runtime"))
  func `what it would change besides, in stacks of any type, is not asked for`() throws {
    let machine = try debian()
    try machine.sure(
      "printf 'Name: Locked\\nDefault: yes\\nPriority: 0\\nAuth-Type: Primary\\nAuth:\\n\\trequisite pam_deny.so\\n' > /usr/share/pam-configs/locked"
    )
    let before = try machine.stacks()
    let enabled = try machine.rootlessStorage("pam enable")
    #expect(enabled.status == 0 && enabled.text.contains("pam-auth-update would change more than this line"), "\(enabled)")
    #expect(try machine.stacks()["common-auth"] == before["common-auth"])
    #expect(try machine.reach() == ["cron": "yes", "login": "yes"])
    #expect(try machine.rootlessStorage("pam disable").status == 0 && machine.stacks() == before)
  }

  @Test(.enabled(if: hasAuthUpdate, "needs Debian's libpam-runtime"))
  func `what a service's own jump leads to stays, where its stack includes what pam-auth-update writes`() throws {
    let machine = try debian()
    // Over all that comes from the file, and one more.
    let isFound = try (1..<20).contains { count in
      try machine.write(
        "session [success=\(count) default=ignore] pam_marker.so own\n@include common-session\nsession requisite pam_marker.so skipped\nsession required pam_marker.so last\n",
        to: "/etc/pam.d/login")
      return try machine.trace("login").modules == ["pam_marker.so own", "pam_marker.so last"]
    }
    #expect(isFound)
    try machine.rootlessStorage("pam enable")
    #expect(try machine.trace("login").modules.filter { $0 != "pam_rootless_storage.so" } == ["pam_marker.so own", "pam_marker.so last"])
  }

  @Test(
    .enabled(if: hasAuthUpdate, "needs Debian's libpam-runtime"),
    arguments: [
      "mv /etc/pam.d/common-session /etc/mine; ln -s /etc/mine /etc/pam.d/common-session", "chmod 640 /etc/pam.d/common-account",
    ]) func `files that pam-auth-update would write anew as others are left to their administrator`(change: String) throws
  {
    let machine = try debian()
    try machine.sure(change)
    let before = try machine.sure("stat -c '%N %a' /etc/pam.d/common-*").text
    let enabled = try machine.rootlessStorage("pam enable")
    #expect(enabled.text.contains("so it is not asked to"), "\(enabled)")
    #expect(try machine.sure("stat -c '%N %a' /etc/pam.d/common-* | grep -v '[.]bak'").text == before)
  }

  @Test(.enabled(if: hasAuthUpdate, "needs Debian's libpam-runtime")) func `a profile that was never on stays off too`() throws {
    let machine = try debian()
    let before = try machine.stacks()
    #expect(try machine.rootlessStorage("pam disable").status == 0)
    try machine.sure("DEBIAN_FRONTEND=noninteractive /usr/sbin/pam-auth-update --package")
    #expect(try machine.stacks() == before)
    #expect(try machine.rootlessStorage("pam disable").text.hasSuffix("nothing to do.\n"))
  }

  // MARK: authselect

  /// Stock profiles with lines for sessions as authselect's have them, and a program that makes files of them.
  private func redHat() throws -> Machine {
    let machine = try Machine.ofMarkers([
      "pam_keyinit.so", "pam_unix.so", "pam_sss.so", "pam_systemd.so", "pam_oddjob_mkhomedir.so", "pam_succeed_if.so",
    ])
    try machine.write(
      #"""
      #!/bin/bash
      # Stands for authselect(8): current, check, create-profile, test, select and apply-changes, as the manual says of them.
      set -e
      etc=/etc/authselect
      place() { case $1 in custom/*) echo "$etc/$1" ;; *) echo "/usr/share/authselect/default/$1" ;; esac; }
      generate() { # PROFILE FILE FEATURE…
        local file=$2 line feature; local -a features=("${@:3}")
        has() { for feature in "${features[@]}"; do [ "$feature" = "$1" ] && return 0; done; return 1; }
        while IFS= read -r line; do
          case $line in
            *'{include if "'*) feature=${line##*'{include if "'}; has "${feature%\"*}" || continue; line=${line%%'{'*} ;;
            *'{exclude if "'*) feature=${line##*'{exclude if "'}; ! has "${feature%\"*}" || continue; line=${line%%'{'*} ;;
          esac
          printf '%s\n' "$line"
        done < "$(place "$1")/$file"
      }
      write() { # PROFILE FEATURE…
        local file
        [ -d "$(place "$1")" ] || { echo "[error] Profile [$1] was not found" >&2; exit 4; }
        for file in system-auth password-auth; do
          { echo '# Generated by authselect'; echo; generate "$1" $file "${@:2}"; } > $etc/$file.new; mv $etc/$file.new $etc/$file
          ln -sfn $etc/$file /etc/pam.d/$file
        done
        printf '%s\n' "$@" > $etc/authselect.conf; cksum $etc/*-auth > /etc/authselect.sums
      }
      # Since 1.4 it looks at kind and mode only.
      check() { [ -e /etc/newer ] || cksum $etc/*-auth | cmp -s - /etc/authselect.sums; }
      mapfile -t conf < $etc/authselect.conf
      echo "authselect $*" >> /etc/commands
      case $1 in
        current) echo "${conf[*]}" ;;
        check) check || { echo "[error] [$etc/system-auth] has unexpected content!" >&2; exit 2; } ;;
        create-profile)
          [ "$3 $5 $6 $7" = '--base-on --symlink-meta --symlink-nsswitch --symlink-dconf' ]
          mkdir $etc/custom/$2; cp "$(place "$4")"/*-auth $etc/custom/$2/; ln -s "$(place "$4")/README" $etc/custom/$2/README ;;
        test) file=${!#}; echo "File $etc/${file#--}:"; generate "$2" "${file#--}" "${@:3:$#-3}"; echo; ! [ -e /etc/odd ] || [ "$2" != custom/rootless-storage ] || echo 'session optional pam_marker.so odd' ;;
        select) check || exit 3; ! [ -e /etc/fails ] || { rm /etc/fails; echo '[error] Unable to activate profile' >&2; exit 1; }; write "${@:2}" ;;
        apply-changes) check || exit 3; write "${conf[@]}" ;;
        *) exit 22 ;;
      esac
      """#, to: "/etc/authselect-program")
    try machine.write(
      """
      auth        required                                     pam_unix.so
      session     optional                                     pam_keyinit.so revoke
      -session    optional                                     pam_systemd.so
      session     optional                                     pam_oddjob_mkhomedir.so                                {include if "with-mkhomedir"}
      session     [success=1 default=ignore]                   pam_succeed_if.so service in crond quiet use_uid
      session     required                                     pam_unix.so
      session     optional                                     pam_sss.so

      """, to: "/etc/template")
    try machine.sure(
      """
      mount -t tmpfs none /mnt
      for directory in bin share; do
        mkdir -p /mnt/$directory/upper /mnt/$directory/work; chmod 755 /mnt/$directory/upper
        mount -t overlay -o lowerdir=/usr/$directory,upperdir=/mnt/$directory/upper,workdir=/mnt/$directory/work none /usr/$directory
      done
      umount --lazy /mnt; install -m 755 /etc/authselect-program /usr/bin/authselect; mkdir -p /usr/share/authselect/default/sssd /usr/share/authselect/default/local
      for profile in sssd local; do
        for file in system-auth password-auth; do cp /etc/template /usr/share/authselect/default/$profile/$file; done; echo $profile > /usr/share/authselect/default/$profile/README
      done
      sed -i '/pam_sss/d' /usr/share/authselect/default/local/*
      mkdir -p /etc/authselect/custom; cd /etc/pam.d
      printf 'session include system-auth\\n' | tee login > su; printf 'session include password-auth\\n' | tee sshd > crond
      echo sssd > /etc/authselect/authselect.conf; touch /etc/authselect.sums
      touch /etc/authselect/none-auth; cksum /etc/authselect/*-auth > /etc/authselect.sums; authselect select sssd with-mkhomedir; rm /etc/authselect/none-auth; cksum /etc/authselect/*-auth > /etc/authselect.sums
      """)
    return machine
  }

  private func current(_ machine: Machine) throws -> String { try machine.sure("authselect current --raw").text }

  @Test func `authselect: a copy of the stock profile with the line is selected, with the same features, and the stock one again`() throws {
    let machine = try redHat()
    let before = try machine.stacks()
    let dry = try machine.rootlessStorage("pam enable --dry-run")
    #expect(dry.status == 0 && dry.text.contains("would run: authselect create-profile rootless-storage --base-on sssd "), "\(dry)")
    #expect(try machine.stacks() == before && machine.sure("ls /etc/authselect/custom").text == "")
    let enabled = try machine.rootlessStorage("pam enable")
    #expect(enabled.status == 0, "\(enabled)")
    #expect(try current(machine) == "custom/rootless-storage with-mkhomedir\n")
    var wanted = before
    for name in ["system-auth", "password-auth"] { wanted[name] = before[name]! + PAMTests.line + "\n" }
    #expect(try machine.stacks() == wanted)
    #expect(try machine.reach().values.allSatisfy { $0 == "yes" } && machine.trace("crond").modules.last == "pam_rootless_storage.so")
    #expect(try machine.rootlessStorage("pam enable").text.hasSuffix("nothing to do.\n"))
    // Features that were changed since then stay.
    try machine.sure("authselect select custom/rootless-storage")
    #expect(try machine.rootlessStorage("pam disable").status == 0)
    #expect(try current(machine) == "sssd\n" && machine.sure("ls /etc/authselect/custom").text == "")
    #expect(try machine.stacks()["system-auth"] == before["system-auth"]?.replacing(#/.*mkhomedir.*\n/#, with: ""))
  }

  @Test func `authselect: a profile of the administrator's gets the line itself, and others' changes of ours are kept`() throws {
    let machine = try redHat()
    try machine.sure("cp -r /usr/share/authselect/default/sssd /etc/authselect/custom/site; authselect select custom/site")
    let before = try machine.stacks()
    #expect(try machine.rootlessStorage("pam enable").status == 0)
    #expect(try current(machine) == "custom/site\n")
    #expect(try machine.stacks()["system-auth"] == before["system-auth"]! + PAMTests.line + "\n")
    #expect(try machine.sure("ls /etc/authselect/custom/site").lines.filter { $0.hasSuffix(".bak") }.count == 2)
    #expect(try machine.rootlessStorage("pam disable").status == 0 && machine.stacks() == before)
    try machine.sure("cmp /etc/authselect/custom/site/system-auth /usr/share/authselect/default/sssd/system-auth")

    try machine.sure("authselect select sssd")
    try machine.rootlessStorage("pam enable")
    try machine.sure("echo '# mine' >> /etc/authselect/custom/rootless-storage/system-auth")
    let kept = try machine.rootlessStorage("pam disable")
    #expect(kept.status == 0 && kept.text.replacing("\n", with: " ").contains("custom/rootless-storage stays selected"), "\(kept)")
    #expect(try current(machine) == "custom/rootless-storage\n" && machine.stacks()["system-auth"] == before["system-auth"]! + "# mine\n")
  }

  /// What authselect before 1.4 finds itself.
  @Test(arguments: [
    "echo 'auth optional pam_marker.so mine' >> /etc/authselect/system-auth", "sed -i 1d /usr/share/authselect/default/sssd/password-auth",
  ])
  func `authselect: what it would write over is the administrator's to decide`(change: String) throws {
    let machine = try redHat()
    try machine.sure("touch /etc/newer; \(change)")
    let before = try machine.stacks()
    for command in ["enable --dry-run", "enable"] {
      let output = try machine.rootlessStorage("pam \(command)")
      #expect(
        output.status == 1 && output.text.replacing(#/\s+/#, with: " ").contains("is not what authselect makes of the profile sssd"),
        "\(output)")
    }
    #expect(try machine.stacks() == before && current(machine) == "sssd with-mkhomedir\n")
  }

  @Test func `authselect: what a jump out of its files leads to stays`() throws {
    let machine = try redHat()
    try machine.sure(
      """
      cp -r /usr/share/authselect/default/sssd /etc/authselect/custom/site; echo 'session [success=1 default=ignore] pam_marker.so jumps' >> /etc/authselect/custom/site/system-auth
      authselect select custom/site; printf 'session include system-auth\\nsession requisite pam_marker.so skipped\\nsession required pam_marker.so last\\n' > /etc/pam.d/login
      """)
    let (before, modules) = (try machine.stacks(), try machine.trace("login").modules)
    #expect(modules.last == "pam_marker.so last" && !modules.contains("pam_marker.so skipped"))
    let output = try machine.rootlessStorage("pam enable")
    #expect(output.status == 1, "\(output)")
    #expect(try machine.trace("login").modules.filter { $0 != "pam_rootless_storage.so" } == modules)
    #expect(try machine.stacks()["system-auth"] == before["system-auth"])
  }

  @Test(arguments: [
    ("echo '# x' >> /etc/authselect/system-auth", "authselect does not find its files as it made them"),
    ("touch /etc/fails", "authselect select custom/rootless-storage with-mkhomedir failed"),
    ("touch /etc/odd", "authselect would generate more than that line"),
    ("rm /usr/bin/authselect", "there is no authselect"),
    ("mkdir /etc/authselect/custom/rootless-storage", "there is a profile custom/rootless-storage already"),
    (
      "cp -r /usr/share/authselect/default/sssd /etc/authselect/custom/site; ln -sf /usr/share/authselect/default/sssd/system-auth /etc/authselect/custom/site/; authselect select custom/site",
      "is a symbolic link to"
    ),
  ]) func `authselect: what it finds wrong, or fails at, changes nothing`(change: String, reason: String) throws {
    let machine = try redHat()
    try machine.sure(change)
    let before = try machine.stacks()
    let profiles = try machine.sure("cat /etc/authselect/authselect.conf; find /etc/authselect/custom").text
    let output = try machine.rootlessStorage("pam enable")
    #expect(output.status == 1 && output.text.replacing(#/\s+/#, with: " ").contains(reason), "\(output)")
    #expect(
      try machine.stacks() == before && machine.sure("cat /etc/authselect/authselect.conf; find /etc/authselect/custom").text == profiles,
      "\(output)")
  }
}
