internal import CLinux
internal import RootlessStorageEmbedded

/// The memory of one session: the groups, the session helper's arguments, and the buffers for its report. One block from calloc(3),
/// checked once and given back at the end. Everything written into it is bounded by the sizes here.
@safe struct Launch: ~Copyable {
  private static let mostGroups: Int32 = 4096
  // Where the parts of the block begin, in bytes.
  private static let arguments = 0  // 17 pointers
  private static let numbers = 144  // 3 texts of 16 bytes
  private static let line = 256  // one line of the report
  private static let told = 1280  // a line for the user
  private static let longestTold = 511
  private static let input = 2048  // what is read at once
  private static let inputSize = 4096
  private static let groups = 8192  // 4 bytes for each
  private static let groupText = 32768  // "4294967295," for each
  private static let size = 81920

  private let block: UnsafeMutableRawPointer

  /// - Returns: nil if there is no memory.
  init?() {
    guard let block = unsafe calloc(1, Launch.size) else { return nil }
    unsafe self.block = block
  }

  deinit { unsafe free(block) }

  /// Puts the arguments of the session helper together, as its `HelperArguments` takes them.
  ///
  /// Looks the user's groups up (getgrouplist(3)): here, where the modules of the name service are loaded already. All texts must
  /// live as long as this value.
  ///
  /// - Returns: whether the groups could be looked up.
  func prepare(
    helper: UnsafePointer<CChar>, _ options: ModuleOptions, uid: UInt32, gid: UInt32, home: UnsafePointer<CChar>, name: UnsafePointer<CChar>
  ) -> Bool {
    let list = unsafe (block + Launch.groups).assumingMemoryBound(to: gid_t.self)
    var count = Launch.mostGroups
    var isLeftOut = false
    if unsafe getgrouplist(name, gid, list, &count) < 0 {
      // With more groups than there is room for, glibc says how many, and has written what fits. A number that fits means that it
      // had no memory and has written nothing: the zeros there would be the group root.
      if count <= Launch.mostGroups { return false }
      count = Launch.mostGroups
      isLeftOut = true
    }
    var text = unsafe TextWriter(at: block + Launch.groupText)
    var index = 0
    var isFirst = true
    while index < Int(count) {
      // The number that means "leave it" is no group.
      if unsafe list[index] != clinux_invalid_id {
        if !isFirst { text.put(.comma) }
        unsafe text.putNumber(list[index])
        isFirst = false
      }
      index &+= 1
    }
    text.put(0)

    var next = 0
    func add(_ argument: UnsafePointer<CChar>) {
      // SAFETY: 16 arguments at most are added below, and the last of 17 places stays nil.
      unsafe (block + Launch.arguments).assumingMemoryBound(to: UnsafePointer<CChar>?.self)[next] = argument
      next &+= 1
    }
    unsafe add(helper)
    if let conf = unsafe options.conf {
      unsafe add(literal("--conf"))
      unsafe add(conf)
    }
    unsafe add(literal("--timeout"))
    unsafe add(number(options.timeout, 0))
    unsafe add(literal("--uid"))
    unsafe add(number(uid, 1))
    unsafe add(literal("--gid"))
    unsafe add(number(gid, 2))
    unsafe add(literal("--groups"))
    unsafe add(UnsafeRawPointer(block + Launch.groupText).assumingMemoryBound(to: CChar.self))
    if isLeftOut { unsafe add(literal("--groups-left-out")) }
    unsafe add(literal("--home"))
    unsafe add(home)
    unsafe add(literal("--"))
    unsafe add(name)
    return true
  }

  /// Starts the session helper.
  func start(_ helper: UnsafePointer<CChar>) throws(HelperProcess.StartError) -> HelperProcess {
    try unsafe HelperProcess(
      path: helper, arguments: (block + Launch.arguments).assumingMemoryBound(to: UnsafeMutablePointer<CChar>?.self))
  }

  /// Keeps a line for the user until the helper has ended; cut where it is too long.
  func keep(_ text: UnsafePointer<CChar>) {
    let room = unsafe (block + Launch.told).assumingMemoryBound(to: CChar.self)
    var position = 0
    while position < Launch.longestTold, unsafe text[position] != 0 {
      unsafe room[position] = text[position]
      position &+= 1
    }
    unsafe room[position] = 0
  }

  /// The line that was kept, or nil.
  var told: UnsafePointer<CChar>? {
    let text = unsafe UnsafeRawPointer(block + Launch.told).assumingMemoryBound(to: CChar.self)
    return unsafe text.pointee == 0 ? nil : text
  }

  /// A reader whose line is in this block.
  func reader() -> ReportReader { unsafe ReportReader(line: (block + Launch.line).assumingMemoryBound(to: UInt8.self)) }

  /// Listens to the helper to its end, or to the deadline.
  func follow(
    _ helper: borrowing HelperProcess, _ reader: inout ReportReader, seconds: UInt32, _ deliver: (Int32, UnsafePointer<CChar>) -> Void
  ) -> HelperProcess.Ending {
    unsafe helper.follow(
      &reader, seconds: seconds, (block + Launch.input).assumingMemoryBound(to: UInt8.self), size: Launch.inputSize, deliver)
  }

  private func number(_ value: UInt32, _ place: Int) -> UnsafePointer<CChar> {
    let start = unsafe block + (Launch.numbers &+ place &* 16)
    var text = unsafe TextWriter(at: start)
    text.putNumber(value)
    text.put(0)
    return unsafe UnsafeRawPointer(start).assumingMemoryBound(to: CChar.self)
  }
}

/// A text that is part of the program. Inlined, so that the compiler sees the literal where StaticString would check, and trap.
@inline(__always) func literal(_ text: StaticString) -> UnsafePointer<CChar> {
  // SAFETY: a StaticString ends in NUL, and UInt8 and CChar share a layout.
  unsafe UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}

/// Writes one after another; whoever makes it answers for the room.
@safe private struct TextWriter {
  private var next: UnsafeMutablePointer<UInt8>

  init(at start: UnsafeMutableRawPointer) { unsafe next = start.assumingMemoryBound(to: UInt8.self) }

  mutating func put(_ byte: UInt8) {
    unsafe next.pointee = byte
    unsafe next += 1
  }

  /// At most ten digits.
  mutating func putNumber(_ number: UInt32) {
    var divisor: UInt32 = 1_000_000_000
    while divisor > 1 && number / divisor == 0 { divisor /= 10 }
    while divisor > 0 {
      put(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number / divisor % 10))
      divisor /= 10
    }
  }
}
