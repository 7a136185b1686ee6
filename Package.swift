// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6), .strictMemorySafety(), .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]
// CLinux.h asks for the GNU extensions of libc; the compiler's own module of libc has to have them too where both are loaded.
let ordinary = strict + [.unsafeFlags(["-Xcc", "-D_GNU_SOURCE"])]
let embedded = strict + [
  .enableExperimentalFeature("Embedded"), .unsafeFlags(["-wmo", "-Xfrontend", "-function-sections"]),
]

let package = Package(
  name: "rootless-storage",
  products: [
    .library(name: "pam_rootless_storage", type: .dynamic, targets: ["PAMModule"]),
    .executable(name: "session-helper", targets: ["SessionHelper"]),
    .executable(name: "rootless-storage", targets: ["rootless-storage"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
  ],
  targets: [
    .target(name: "CLinux"),
    .target(name: "CPAM", dependencies: ["CLinux"]),
    .target(name: "RootlessStorage", dependencies: ["CLinux"], swiftSettings: ordinary),
    .target(name: "RootlessStorageEmbedded", dependencies: ["CLinux"], swiftSettings: embedded),
    .target(
      name: "PAMModule", dependencies: ["CPAM", "CLinux", "RootlessStorageEmbedded"],
      exclude: ["exports.map", "discard.ld"],
      swiftSettings: embedded,
      linkerSettings: [
        .unsafeFlags([
          "-use-ld=lld", "-Xlinker", "--version-script=Sources/PAMModule/exports.map", "-Xlinker", "--gc-sections",
          "-Xlinker", "-z", "-Xlinker", "now", "-Xlinker", "-T", "-Xlinker", "Sources/PAMModule/discard.ld", "-Xlinker", "-s",
        ]), .linkedLibrary("pam"),
      ]),
    .executableTarget(
      name: "SessionHelper", dependencies: ["CLinux", "RootlessStorageEmbedded"],
      swiftSettings: embedded + [.unsafeFlags(["-parse-as-library"])],
      linkerSettings: [.unsafeFlags(["-use-ld=lld", "-Xlinker", "--gc-sections", "-Xlinker", "-z", "-Xlinker", "now", "-Xlinker", "-s"])]),
    .executableTarget(
      name: "rootless-storage",
      dependencies: [
        "CLinux", "RootlessStorage", .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "TOMLKit", package: "TOMLKit"),
      ],
      path: "Sources/CommandLine", swiftSettings: ordinary),
    .testTarget(name: "UnitTests", dependencies: ["RootlessStorage", "rootless-storage"], path: "Tests/Unit", swiftSettings: ordinary),
    .target(name: "TestSupport", path: "Tests/Support"),
    .testTarget(name: "ModuleTests", dependencies: ["TestSupport"], path: "Tests/Module"),
    .testTarget(name: "CommandLineTests", dependencies: ["TestSupport"], path: "Tests/CommandLine", exclude: ["golden"]),
    .testTarget(
      name: "VirtualMachineTests", dependencies: ["TestSupport"], path: "Tests/VirtualMachine", exclude: ["guest", "machine"]),
    .executableTarget(name: "pam-host", path: "Tests/Host", linkerSettings: [.linkedLibrary("pam"), .unsafeFlags(["-enable-experimental-feature", "Embedded"])]),
  ]
)
