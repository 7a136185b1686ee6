import RootlessStorage

/// Whatever the setting and the account's name are, the component that is made is one component, and says whose it is.
func fuzzNames(_ input: [UInt8]) {
  let parts = fields(input, 4)
  let user = account(parts[1], uid: parts[2])
  let isFit =
    (1...255).contains(user.name.count) && letters.union("._@-".utf8).isSuperset(of: user.name) && !".-".utf8.contains(user.name[0])
  promise(user.pathName == (isFit ? user.name : nil), "the name is fit for a path")

  let template = try? StorageTemplate(parts[0])
  promise((template != nil) == isTemplate(parts[0]), "the template is valid")
  if let template, let leaf = template.leaf(for: user) {
    promise(isPlainPath([0x2f] + leaf) && !leaf.contains(0x2f), "one harmless component")
    let path = (template.parent / leaf).bytes
    promise(path.starts(with: template.parent.bytes) && path.suffix(leaf.count + 1).elementsEqual([0x2f] + leaf), "below the parent")
    let hasName = parts[0].firstRange(of: bytes("$USER")) != nil
    let hasID = parts[0].firstRange(of: bytes("$UID")) != nil
    promise(!hasName || isFit, "a name that is not fit is in no path")
    let owners = template.users(inLeaf: leaf)
    promise(
      owners.contains { $0.name == (hasName ? user.name : nil) && $0.uid == (hasID ? user.uid : nil) }, "the component says whose it is")
    for owner in owners {
      let other = account(owner.name ?? user.name, uid: decimal(UInt64(owner.uid ?? user.uid)))
      promise(template.leaf(for: other) == leaf, "of whom it says so, it is")
    }
  }
  for owner in template?.users(inLeaf: parts[3]) ?? [] {
    let other = account(owner.name ?? user.name, uid: decimal(UInt64(owner.uid ?? user.uid)))
    promise(template?.leaf(for: other) == parts[3] || owner.name == nil, "of whom it says so, it is")
  }

  let temporary = TemporaryName(process: ProcessStamp(number: user.uid, started: number(parts[2]) ?? 7), index: 3, host: parts[1])
  promise(TemporaryName(temporary.bytes) == temporary, "a temporary file is recognised")
  promise(temporary.bytes.count <= 255 && isPlainPath([0x2f] + temporary.bytes) && !temporary.bytes.contains(0x2f), "a harmless name")
  if let read = TemporaryName(parts[3]) { promise(read.bytes == parts[3], "no other form of the name is recognised") }

  if !parts[1].isEmpty {
    let aside = AsideName(parts[1].count % 2 == 0 ? .new : .replaced, of: parts[1], time: Int64(user.uid) * 1000, random: UInt64(user.uid))
    promise(aside.bytes.count <= 255 && AsideName(aside.bytes) == aside && aside.isOf(parts[1]), "a name beside the place is recognised")
  }
  if let read = AsideName(parts[3]) { promise(read.bytes == parts[3], "no other form of a name beside the place is recognised") }
}
