enum PaddedSide { case left, right }

/// A longer text stays as it is.
///
/// - Parameter width: in characters.
func padded(_ text: String, to width: Int, _ side: PaddedSide = .right, with filling: String = " ") -> String {
  let padding = String(repeating: filling, count: max(0, width - text.count))
  return side == .left ? padding + text : text + padding
}
