internal import CLinux

/// What the kernel knows of a terminal.
enum TerminalDevice {
  /// isatty(3).
  static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

  /// There is nobody to tell if that fails.
  static func writeToStandardError(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      // SAFETY: the slice is not empty, so it has a base address.
      let written = unsafe rest.withUnsafeBytes { unsafe write(2, $0.baseAddress!, $0.count) }
      if written < 0 && clinux_errno() != EINTR { return }
      if written > 0 { rest = rest.dropFirst(written) }
    }
  }

  /// Columns of the terminal; 0 if it is none, or does not say.
  static func columns(_ descriptor: Int32) -> Int { Int(clinux_terminal_columns(descriptor)) }
}
