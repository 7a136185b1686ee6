/// The word that somebody may have meant, of those there are; nil if none is near.
func nearest(_ word: String, among words: [String]) -> String? {
  let distances = words.map { ($0, distance(word, $0)) }
  guard let best = distances.min(by: { $0.1 < $1.1 }), best.1 <= 2, best.1 < word.count else { return nil }
  return best.0
}

/// How many characters have to be put in, left out or exchanged, or neighbours swapped.
private func distance(_ first: String, _ second: String) -> Int {
  let (left, right) = (Array(first), Array(second))
  // Nobody types so much for a command.
  guard left.count <= 32 else { return Int.max }
  var earlier: [Int] = []
  var row = Array(0...right.count)
  for (i, character) in left.enumerated() {
    var next = [i + 1]
    for (j, other) in right.enumerated() {
      var least = min(row[j + 1] + 1, next[j] + 1, row[j] + (character == other ? 0 : 1))
      if i > 0, j > 0, character == right[j - 1], left[i - 1] == other { least = min(least, earlier[j - 1] + 1) }
      next.append(least)
    }
    earlier = row
    row = next
  }
  return row[right.count]
}
