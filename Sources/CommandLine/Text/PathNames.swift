import RootlessStorage

/// The directory that a path lies in; empty for the root.
func parent(_ path: [UInt8]) -> [UInt8] { Array(path[..<(path.lastIndex(of: .slash) ?? path.startIndex)]) }

/// The last component.
func baseName(_ path: [UInt8]) -> [UInt8] { Array(path[(path.lastIndex(of: .slash).map { $0 + 1 } ?? path.startIndex)...]) }
