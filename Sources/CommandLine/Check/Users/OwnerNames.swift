import RootlessStorage

extension Finding {
  /// With the names of the owners that it tells of by number: the process that has looked asks no name service.
  var namingOwners: Finding {
    let mark = "owned by uid "
    guard var range = sentence.firstRange(of: mark) else { return self }
    var text = ""
    var rest = sentence[...]
    while true {
      text += rest[..<range.lowerBound]
      rest = rest[range.upperBound...]
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest.dropFirst(digits.count)
      let account = try? identifier(Array(digits.utf8)).flatMap { uid throws(NameServiceError) in try NameService.account(uid: uid) }
      text += account.map { "owned by \(shown($0.name)) (uid \(digits))" } ?? mark + digits
      guard let next = rest.firstRange(of: mark) else { break }
      range = next
    }
    return Finding(code, severity, text + rest, remedy: remedy, isRepairable: isRepairable)
  }
}
