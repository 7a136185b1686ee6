// Names and contents of files are bytes until they are shown. What the login path needs for them, without Unicode tables.

/// A number in decimal digits.
package func decimal(_ number: UInt64) -> [UInt8] {
  var digits: [UInt8] = []
  var rest = number
  repeat {
    digits.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
    rest /= 10
  } while rest > 0
  digits.reverse()
  return digits
}

/// A mode in octal digits, at least four.
package func octal(_ mode: UInt32) -> [UInt8] {
  var digits: [UInt8] = []
  var rest = mode
  while rest > 0 || digits.count < 4 {
    digits.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest & 7))
    rest >>= 3
  }
  digits.reverse()
  return digits
}

/// The number that decimal digits write, and nothing but digits; nil also when it does not fit.
package func decimalValue(_ digits: some Collection<UInt8>) -> UInt64? {
  if digits.isEmpty { return nil }
  var value: UInt64 = 0
  for digit in digits {
    guard isDigit(digit) else { return nil }
    let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
    let (sum, carry) = shifted.addingReportingOverflow(UInt64(digit - UInt8(ascii: "0")))
    if overflow || carry { return nil }
    value = sum
  }
  return value
}

/// The same for a user or group id, which has 32 bits.
package func identifier(_ digits: some Collection<UInt8>) -> UInt32? {
  guard let value = decimalValue(digits) else { return nil }
  return UInt32(exactly: value)
}

package func isBlank(_ byte: UInt8) -> Bool { byte == .space || byte == .tab }

/// The parts between separators, empty ones included.
package func parts(_ bytes: some Collection<UInt8>, separator: (UInt8) -> Bool) -> [[UInt8]] {
  var found: [[UInt8]] = []
  var start = bytes.startIndex
  while let end = bytes[start...].firstIndex(where: separator) {
    found.append(Array(bytes[start..<end]))
    start = bytes.index(after: end)
  }
  found.append(Array(bytes[start...]))
  return found
}

/// The words between blanks.
package func words(_ bytes: some Collection<UInt8>) -> [[UInt8]] {
  parts(bytes, separator: isBlank).filter { !$0.isEmpty }
}

/// Whether the word is one of a list's, which single blanks separate. Costs no memory: a login asks it often.
package func isWord(_ word: [UInt8], of list: String) -> Bool {
  var matched = 0
  var isSame = true
  for byte in list.utf8 {
    if byte == .space {
      if isSame && matched == word.count { return true }
      matched = 0
      isSame = true
    } else if isSame && matched < word.count && word[matched] == byte {
      matched += 1
    } else {
      isSame = false
    }
  }
  return isSame && matched == word.count
}

/// Whether the bytes begin so.
package func begins(_ bytes: [UInt8], with prefix: [UInt8]) -> Bool {
  bytes.count >= prefix.count && bytes.prefix(prefix.count).elementsEqual(prefix)
}

/// Byte order, which is the same on every host.
package func isOrderedBefore(_ left: [UInt8], _ right: [UInt8]) -> Bool { left.lexicographicallyPrecedes(right) }

/// Hands over every line, without its newline.
package func forEachLine(_ content: [UInt8], _ body: (ArraySlice<UInt8>) -> Void) {
  var rest = content[...]
  while !rest.isEmpty {
    let line = rest.prefix { $0 != .newline }
    body(line)
    rest = rest[line.endIndex...].dropFirst()
  }
}
