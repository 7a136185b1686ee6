/// The program in the image: machine code that needs no libc and nothing of this host's, so that an image of it fits every host.
///
/// It writes `/volume/written`: of `/0-42`, `/999-999` and `/65534-65534`, in this order, the owner and the group that the container sees,
/// each as a 32-bit number in the byte order of the machine. Where a system call fails, its exit status is the number of the error.
enum ProbeProgram {
  static let path = "/probe"
  static let volume = "/volume"
  static let written = "written"
  /// The files that it looks at.
  static let owners: [(name: String, owner: UInt32, group: UInt32)] = [
    ("0-42", 0, 42), ("999-999", 999, 999), ("65534-65534", 65534, 65534),
  ]

  #if arch(x86_64)
    static let elf: [UInt8]? = file(machine: 62, x86)
  #elseif arch(arm64)
    static let elf: [UInt8]? = file(machine: 183, arm)
  #else
    /// Nobody has written it for this machine.
    static let elf: [UInt8]? = nil
  #endif

  /// What it has written; nil if that is not what it writes.
  static func owners(in written: [UInt8]) -> [(owner: UInt32, group: UInt32)]? {
    guard written.count == owners.count * 8 else { return nil }
    func number(at start: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(written[start + $1]) << UInt32(8 * $1) } }
    return owners.indices.map { (number(at: $0 * 8), number(at: $0 * 8 + 4)) }
  }

  /// An executable of one segment (elf(5)): its headers, the code and the paths. What it is linked for begins at 0x400000.
  static func file(machine: UInt64, _ code: [UInt8]) -> [UInt8] {
    func little(_ value: UInt64, _ size: Int) -> [UInt8] { (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) } }
    let headers: UInt64 = 64 + 2 * 56
    let base: UInt64 = 0x400000
    let text = code + paths
    let size = headers + UInt64(text.count)
    var file: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
    // An executable, its machine, the version, the entry, the program headers, no sections.
    file += little(2, 2) + little(machine, 2) + little(1, 4) + little(base + headers, 8) + little(64, 8) + little(0, 8)
    file += little(0, 4) + little(64, 2) + little(56, 2) + little(2, 2) + little(64, 2) + little(0, 2) + little(0, 2)
    // PT_LOAD, read and execute. Pages have up to 64 KiB.
    file +=
      little(1, 4) + little(5, 4) + little(0, 8) + little(base, 8) + little(base, 8) + little(size, 8) + little(size, 8)
      + little(0x10000, 8)
    // PT_GNU_STACK, read and write.
    file += little(0x6474_e551, 4) + little(6, 4) + [UInt8](repeating: 0, count: 40) + little(16, 8)
    return file + text
  }

  /// Directly behind the code, in 16 bytes each.
  private static var paths: [UInt8] {
    (["\(volume)/\(written)"] + owners.map { "/\($0.name)" }).flatMap { path in
      let bytes = Array(path.utf8)
      return bytes + [UInt8](repeating: 0, count: 16 - bytes.count)
    }
  }

  /// openat(AT_FDCWD, "/volume/written", O_WRONLY | O_CREAT | O_EXCL, 0600); three times newfstatat(AT_FDCWD, path, stack,
  /// AT_SYMLINK_NOFOLLOW) and write(file, stack + 28, 8); exit(0). On a negative answer exit(-answer).
  static let x86: [UInt8] = [
    0x48, 0x81, 0xec, 0x00, 0x01, 0x00, 0x00,  // sub rsp, 256
    0xbf, 0x9c, 0xff, 0xff, 0xff,  // mov edi, -100
    0x48, 0x8d, 0x35, 0x7d, 0x00, 0x00, 0x00,  // lea rsi, [rip + first path]
    0xba, 0xc1, 0x00, 0x00, 0x00,  // mov edx, O_WRONLY | O_CREAT | O_EXCL
    0x41, 0xba, 0x80, 0x01, 0x00, 0x00,  // mov r10d, 0600
    0xb8, 0x01, 0x01, 0x00, 0x00,  // mov eax, 257 (openat)
    0x0f, 0x05,  // syscall
    0x85, 0xc0,  // test eax, eax
    0x78, 0x54,  // js fail
    0x41, 0x89, 0xc4,  // mov r12d, eax
    0x4c, 0x8d, 0x2d, 0x6d, 0x00, 0x00, 0x00,  // lea r13, [rip + second path]
    0xbb, 0x03, 0x00, 0x00, 0x00,  // mov ebx, 3
    // next:
    0xbf, 0x9c, 0xff, 0xff, 0xff,  // mov edi, -100
    0x4c, 0x89, 0xee,  // mov rsi, r13
    0x48, 0x89, 0xe2,  // mov rdx, rsp
    0x41, 0xba, 0x00, 0x01, 0x00, 0x00,  // mov r10d, AT_SYMLINK_NOFOLLOW
    0xb8, 0x06, 0x01, 0x00, 0x00,  // mov eax, 262 (newfstatat)
    0x0f, 0x05,  // syscall
    0x85, 0xc0,  // test eax, eax
    0x78, 0x29,  // js fail
    0x44, 0x89, 0xe7,  // mov edi, r12d
    0x48, 0x8d, 0x74, 0x24, 0x1c,  // lea rsi, [rsp + 28] (st_uid, st_gid)
    0xba, 0x08, 0x00, 0x00, 0x00,  // mov edx, 8
    0xb8, 0x01, 0x00, 0x00, 0x00,  // mov eax, 1 (write)
    0x0f, 0x05,  // syscall
    0x85, 0xc0,  // test eax, eax
    0x78, 0x11,  // js fail
    0x49, 0x83, 0xc5, 0x10,  // add r13, 16
    0xff, 0xcb,  // dec ebx
    0x75, 0xc4,  // jnz next
    0x31, 0xff,  // xor edi, edi
    // end:
    0xb8, 0x3c, 0x00, 0x00, 0x00,  // mov eax, 60 (exit)
    0x0f, 0x05,  // syscall
    // fail:
    0xf7, 0xd8,  // neg eax
    0x89, 0xc7,  // mov edi, eax
    0xeb, 0xf3,  // jmp end
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  // to a multiple of 16
  ]

  /// The same for aarch64, where st_uid is at 24.
  static let arm: [UInt8] = [
    0xff, 0x03, 0x04, 0xd1,  // sub sp, sp, #256
    0x60, 0x0c, 0x80, 0x12,  // mov w0, #-100
    0xc1, 0x03, 0x00, 0x10,  // adr x1, first path
    0x22, 0x18, 0x80, 0x52,  // mov w2, #(O_WRONLY | O_CREAT | O_EXCL)
    0x03, 0x30, 0x80, 0x52,  // mov w3, #0600
    0x08, 0x07, 0x80, 0xd2,  // mov x8, #56 (openat)
    0x01, 0x00, 0x00, 0xd4,  // svc #0
    0xe0, 0x02, 0xf8, 0x37,  // tbnz w0, #31, fail
    0xf3, 0x03, 0x00, 0x2a,  // mov w19, w0
    0x74, 0x03, 0x00, 0x10,  // adr x20, second path
    0x75, 0x00, 0x80, 0x52,  // mov w21, #3
    // next:
    0x60, 0x0c, 0x80, 0x12,  // mov w0, #-100
    0xe1, 0x03, 0x14, 0xaa,  // mov x1, x20
    0xe2, 0x03, 0x00, 0x91,  // mov x2, sp
    0x03, 0x20, 0x80, 0x52,  // mov w3, #AT_SYMLINK_NOFOLLOW
    0xe8, 0x09, 0x80, 0xd2,  // mov x8, #79 (newfstatat)
    0x01, 0x00, 0x00, 0xd4,  // svc #0
    0xa0, 0x01, 0xf8, 0x37,  // tbnz w0, #31, fail
    0xe0, 0x03, 0x13, 0x2a,  // mov w0, w19
    0xe1, 0x63, 0x00, 0x91,  // add x1, sp, #24 (st_uid, st_gid)
    0x02, 0x01, 0x80, 0xd2,  // mov x2, #8
    0x08, 0x08, 0x80, 0xd2,  // mov x8, #64 (write)
    0x01, 0x00, 0x00, 0xd4,  // svc #0
    0xe0, 0x00, 0xf8, 0x37,  // tbnz w0, #31, fail
    0x94, 0x42, 0x00, 0x91,  // add x20, x20, #16
    0xb5, 0x06, 0x00, 0x71,  // subs w21, w21, #1
    0x21, 0xfe, 0xff, 0x54,  // b.ne next
    0x00, 0x00, 0x80, 0x52,  // mov w0, #0
    // end:
    0xa8, 0x0b, 0x80, 0xd2,  // mov x8, #93 (exit)
    0x01, 0x00, 0x00, 0xd4,  // svc #0
    // fail:
    0xe0, 0x03, 0x00, 0x4b,  // neg w0, w0
    0xfd, 0xff, 0xff, 0x17,  // b end
  ]
}
