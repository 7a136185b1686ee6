import Foundation
import TestSupport

// What the tests of `pam` build on.

extension Machine {
  /// A machine whose modules only write down that a session reached them: every name is one, ours included. So whole stacks of other
  /// hosts run under the real libpam, with the controls that they have.
  ///
  /// - Parameter names: of modules, besides `pam_marker.so` and ours.
  static func ofMarkers(_ names: Set<String> = []) throws -> Machine {
    let machine = try Machine()
    try machine.library(
      """
      #define _GNU_SOURCE 1
      #include <dlfcn.h>
      #include <stdio.h>
      #include <stdlib.h>
      #include <string.h>
      #include <security/pam_modules.h>
      /* Answers as the letter in /etc/answers says whose place its argument `id=N` names: success, ignore or failure. */
      int pam_sm_open_session(pam_handle_t *handle, int flags, int argc, const char **argv) {
        Dl_info self;
        char answers[256] = "";
        (void)handle, (void)flags;
        dladdr((void *)pam_sm_open_session, &self);
        FILE *file = fopen("/etc/trace", "ae");
        fprintf(file, "%s", strrchr(self.dli_fname, '/') + 1);
        for (int i = 0; i < argc; i++) fprintf(file, " %s", argv[i]);
        fprintf(file, "\\n");
        fclose(file);
        if (argc < 1 || strncmp(argv[0], "id=", 3) != 0 || (file = fopen("/etc/answers", "re")) == NULL) return PAM_SUCCESS;
        size_t length = fread(answers, 1, sizeof answers - 1, file), id = (size_t)atol(argv[0] + 3);
        fclose(file);
        return id >= length || answers[id] == 's' ? PAM_SUCCESS : answers[id] == 'i' ? PAM_IGNORE : PAM_SESSION_ERR;
      }
      int pam_sm_close_session(pam_handle_t *handle, int flags, int argc, const char **argv) {
        (void)handle, (void)flags, (void)argc, (void)argv;
        return PAM_SUCCESS;
      }
      """, to: "/etc/marker.so")
    // A copy each: libpam would find the same file loaded already.
    try machine.sure(
      """
      directory=$(dirname "$(find /usr/lib*/*/security /usr/lib*/security /lib*/*/security -name pam_permit.so 2>/dev/null | head -n 1)")
      mount -t tmpfs none "$directory"; mount -t tmpfs -o mode=755 none /run; [ ! -d /usr/lib/pam.d ] || mount -t tmpfs none /usr/lib/pam.d
      for name in pam_marker.so pam_rootless_storage.so \(names.sorted().joined(separator: " ")); do cp /etc/marker.so "$directory/$name"; done
      echo "$directory" > /etc/modules; printf 'session required pam_marker.so other\\n' > /etc/pam.d/other
      """)
    return machine
  }

  /// What a session of root's reached, in order, and what libpam answered.
  typealias Trace = (modules: [String], code: Int)

  func trace(_ service: String) throws -> Trace { try traces([nil], [service])[0][0] }

  /// - Parameter answers: of the modules, by their numbers; nil: those that are there.
  /// - Returns: by answers and service.
  func traces(_ answers: [String?], _ services: [String]) throws -> [[Trace]] {
    let script = answers.map { letters in
      let setting = letters.map { "printf %s \($0) > /etc/answers; " } ?? ""
      return setting
        + services.map {
          "rm -f /etc/trace; '\(Machine.host ?? "")' /etc/pam.d '\($0)' root 2>/dev/null; cat /etc/trace 2>/dev/null; echo end"
        }.joined(separator: "; ")
    }.joined(separator: "\n")
    let output = try sh(script)
    let found = try output.text.components(separatedBy: "end\n").dropLast().map { text -> Trace in
      guard let code = text.firstMatch(of: #/open=(\d+)/#).flatMap({ Int($0.output.1) }) else {
        throw CommandFailure(description: "no session: \(output)")
      }
      return (text.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("open=") }, code)
    }
    guard found.count == answers.count * services.count else { throw CommandFailure(description: "no sessions: \(output)") }
    return answers.indices.map { Array(found[($0 * services.count)..<(($0 + 1) * services.count)]) }
  }

  /// What `pam status --json` says of each service that begins sessions for people: yes, no, sometimes, unknown.
  func reach() throws -> [String: String] {
    let output = try rootlessStorage("pam status --json")
    guard let all = try? JSONSerialization.jsonObject(with: Data(output.text.utf8)) as? [String: Any],
      let services = all["services"] as? [[String: Any]]
    else {
      throw CommandFailure(description: "pam status: \(output)")
    }
    let wanted = services.filter { $0["isWanted"] as? Bool == true }
    return Dictionary(uniqueKeysWithValues: wanted.map { ($0["service"] as? String ?? "?", $0["state"] as? String ?? "?") })
  }

  /// The files of /etc/pam.d by name, without backups.
  func stacks() throws -> [String: String] {
    let output = try sure("cd /etc/pam.d; for name in $(ls -A | grep -v '[.]bak$'); do echo \"$name $(base64 -w 0 \"$name\")\"; done")
    return Dictionary(
      uniqueKeysWithValues: output.lines.map { line in
        let words = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(words[0]), String(decoding: Data(base64Encoded: String(words.count > 1 ? words[1] : "")) ?? Data(), as: UTF8.self))
      })
  }
}
