import Foundation
import Testing

@testable import rootless_storage

struct RemedyTests {
  private func terminal(_ width: Int) -> Terminal { Terminal(isTerminal: true, hasColour: false, width: width) }

  @Test func `its text is for one line, and a note behind a command is a comment for a shell`() {
    #expect(Remedy.root("sudo true").text == "sudo true")
    #expect(Remedy.root("sudo true", note: "why").text == "sudo true    # why")
    #expect(Remedy.root("sudo true", after: "do this, then").text == "do this, then: sudo true")
    #expect(Remedy.user("alice", "true", note: "why", after: "first").text == "first: true    # why")
    #expect(("do \("this")" as Remedy).text == "do this")
    #expect(Remedy("edit it", by: .user("alice")).text == "edit it    # as alice")
    #expect(Remedy("edit it", by: .root, note: "why").text == "edit it    # as root; why")
  }

  @Test func `on a terminal a command that is broken can be pasted, and words are no command`() {
    let long = Remedy.root("sudo rootless-storage prune --until-free 20% --dry-run", note: "what has to be known")
    #expect(
      terminal(40).remedy(long) == "    -> sudo rootless-storage prune \\\n       --until-free 20% --dry-run\n       (what has to be known)"
    )
    #expect(
      terminal(40).remedy("sudo is not needed for what has to be done") == "    -> sudo is not needed for what has\n       to be done")
    #expect(
      terminal(40).remedy(.root("sudo true", after: "do this first, which is a long text, then"))
        == "    -> do this first, which is a long\n       text, then: sudo true")
    // Inside quotes there is no place to break it.
    let quoted = "printf '%s\\n' 'x /var/tmp/*/containers' | sudo tee -a /etc/x"
    #expect(terminal(40).remedy(.root(quoted)) == "    -> " + quoted)
  }

  @Test func `JSON has its parts beside the text, and they come back whole`() throws {
    let finding = Finding(
      .storageMissing, .error, "It is missing.", remedy: .root("sudo true", note: "why", after: "first"), isRepairable: true)
    let data = try JSONEncoder().encode(finding)
    #expect(try JSONDecoder().decode(Finding.self, from: data) == finding)
    struct Printed: Decodable {
      let remedy: String
      let remedyParts: [String: String]
    }
    let printed = try JSONDecoder().decode(Printed.self, from: data)
    #expect(printed.remedy == "first: sudo true    # why")
    #expect(printed.remedyParts == ["instruction": "first", "command": "sudo true", "runBy": "root", "note": "why"])
    let words = try JSONDecoder().decode(
      Printed.self, from: JSONEncoder().encode(Finding(.storageMissing, .note, "It is.", remedy: "wait")))
    #expect(words.remedy == "wait" && words.remedyParts == ["instruction": "wait"])
  }
}
