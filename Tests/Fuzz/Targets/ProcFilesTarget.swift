import RootlessStorage

/// The mount that is found is the one that a plain reading of the lines finds, however the file comes in pieces.
func fuzzProcFiles(_ input: [UInt8]) {
  let parts = fields(input, 3)
  let device = parts[0].split(separator: 0x3a).map { number($0) ?? UInt32(0) }
  let isDevice = device.count > 1
  let wanted = isDevice ? "\(device[0]):\(device[1])" : "\(device.first ?? 0)"
  func search() -> MountinfoSearch {
    isDevice ? MountinfoSearch(deviceMajor: device[0], minor: device[1]) : MountinfoSearch(mount: UInt64(device.first ?? 0))
  }
  var whole = search()
  let found = whole.consume(parts[2]) ?? whole.finish()
  promise(found == type(ofMount: bytes(wanted), in: isDevice ? 2 : 0, parts[2]), "the type of \(wanted)")

  var pieces = search()
  let size = 1 + (number(parts[1]) ?? 0) % 128
  let cut = stride(from: 0, to: parts[2].count, by: size).lazy.compactMap { pieces.consume(parts[2][$0..<min($0 + size, parts[2].count)]) }
    .first
  promise((cut ?? pieces.finish()) == found, "the same in pieces of \(size)")

  let fields = parts[2].split(separator: 0x29, omittingEmptySubsequences: false).last?.split { $0 == 0x20 || $0 == 0x09 } ?? []
  let start: UInt64? = parts[2].contains(0x29) && fields.count > 19 ? number(fields[19]) : nil
  promise(startTime(inStat: parts[2]) == start, "the start time")
  checkUser(ofMount: UInt64(device.first ?? 0), parts[2])
  if mountNumber(inDescriptorInfo: parts[2]) != nil { promise(parts[2].firstRange(of: bytes("mnt_id:")) != nil, "the number of the mount") }
}

/// The user who has made a mount is in the options of its file system, whatever else is in the line.
private func checkUser(ofMount mount: UInt64, _ mountinfo: [UInt8]) {
  let found = userID(ofMount: mount, inMountinfo: mountinfo)
  if let found {
    promise(mountinfo.firstRange(of: bytes("user_id=")) != nil && mountinfo.count > String(found).count, "the user of the mount")
  }
}

/// The first line whose field is the wanted one, and which has a `-` behind the sixth field, and a type behind that.
private func type(ofMount wanted: [UInt8], in place: Int, _ mountinfo: [UInt8]) -> [UInt8]? {
  for line in mountinfo.split(separator: 0x0a, omittingEmptySubsequences: false) {
    let fields = line.split(separator: 0x20, omittingEmptySubsequences: false)
    guard fields.count > place, fields[place].elementsEqual(wanted), let dash = fields.dropFirst(6).firstIndex(of: [0x2d]) else { continue }
    if let type = fields[(dash + 1)...].first(where: { !$0.isEmpty }) { return Array(type.prefix(128)) }
  }
  return nil
}
