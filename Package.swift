// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6), .strictMemorySafety(), .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]
let embedded = strict + [
  .enableExperimentalFeature("Embedded"), .unsafeFlags(["-wmo", "-Xfrontend", "-function-sections"]),
]

let package = Package(
  name: "rootless-storage",
  products: [
    .library(name: "pam_rootless_storage", type: .dynamic, targets: ["PAMModule"]),
    .executable(name: "session-helper", targets: ["SessionHelper"]),
  ],
  targets: [
    .target(name: "CLinux"),
    .target(name: "CPAM", dependencies: ["CLinux"]),
    .target(name: "RootlessStorage", dependencies: ["CLinux"], swiftSettings: strict),
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
    .testTarget(name: "UnitTests", dependencies: ["RootlessStorage"], path: "Tests/Unit", swiftSettings: strict),
    .target(name: "TestSupport", path: "Tests/Support"),
    .testTarget(name: "ModuleTests", dependencies: ["TestSupport"], path: "Tests/Module"),
    .testTarget(
      name: "VirtualMachineTests", dependencies: ["TestSupport"], path: "Tests/VirtualMachine", exclude: ["guest", "machine"]),
    .executableTarget(name: "pam-host", path: "Tests/Host", linkerSettings: [.linkedLibrary("pam")]),
  ]
)
