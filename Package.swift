// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6), .strictMemorySafety(), .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]
// CLinux.h asks for the GNU extensions of libc; the compiler's own module of libc has to have them too where both are loaded.
let ordinary = strict + [.unsafeFlags(["-Xcc", "-D_GNU_SOURCE"])]
let embedded =
  strict + [
    .enableExperimentalFeature("Embedded"), .unsafeFlags(["-wmo", "-Osize", "-Xfrontend", "-function-sections"]),
  ]

// The command line's parsers, compiled into the fuzz targets from where they are (Tests/Fuzz/CommandLine is a symbolic link): the
// executable has a main of its own, and libFuzzer's must be the only one. As a library, all of the command line would be compiled with
// AddressSanitizer: `Tests/Fuzz/run --build` then takes 366 s of the processor, and 96 s so.
let parsers = [
  "Accounts/NameKey.swift", "ConfigText", "Check/Host/Tmpfiles.swift", "Check/Host/TmpfilesLine.swift", "PAM/PAMFileText.swift",
  "PAM/PAMParser.swift",
  "SubordinateIDs/IDRanges.swift", "SubordinateIDs/OwnerNumbers.swift", "SubordinateIDs/RealID.swift",
  "SubordinateIDs/SubordinateIDTable.swift", "System/HostCalls.swift",
  "System/HostTree.swift", "Text",
]
// Only `Tests/run fuzz` sees it: without libFuzzer it has no main.
let fuzzing: [Target] =
  Context.environment["ROOTLESS_STORAGE_FUZZING"] == nil
  ? []
  : [
    .executableTarget(
      name: "fuzz", dependencies: ["CLinux", "RootlessStorage", .product(name: "TOMLKit", package: "TOMLKit")], path: "Tests/Fuzz",
      exclude: ["corpus", "run"],
      sources: ["Fuzz.swift", "Targets"] + parsers.map { "CommandLine/\($0)" },
      swiftSettings: ordinary + [.unsafeFlags(["-parse-as-library"])])
  ]

let package = Package(
  name: "rootless-storage",
  products: [
    .library(name: "pam_rootless_storage", type: .dynamic, targets: ["PAMModule"]),
    .executable(name: "session-helper", targets: ["SessionHelper"]),
    .executable(name: "rootless-storage", targets: ["rootless-storage"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/LebJe/TOMLKit", exact: "0.6.0"),
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
        "CLinux", "CPAM", "RootlessStorage", .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "TOMLKit", package: "TOMLKit"),
      ],
      path: "Sources/CommandLine", swiftSettings: ordinary),
    .testTarget(name: "UnitTests", dependencies: ["RootlessStorage", "rootless-storage"], path: "Tests/Unit", swiftSettings: ordinary),
    // posix_spawn_file_actions_addclosefrom_np(3) is one of the GNU extensions.
    .target(name: "TestSupport", path: "Tests/Support", swiftSettings: [.unsafeFlags(["-Xcc", "-D_GNU_SOURCE"])]),
    .testTarget(name: "ModuleTests", dependencies: ["TestSupport"], path: "Tests/Module"),
    .testTarget(name: "CommandLineTests", dependencies: ["TestSupport"], path: "Tests/CommandLine", exclude: ["golden", "pam"]),
    .testTarget(name: "FaultTests", dependencies: ["TestSupport"], path: "Tests/Faults"),
    .testTarget(name: "AttackTests", dependencies: ["TestSupport"], path: "Tests/Attacks"),
    .testTarget(
      name: "VirtualMachineTests", dependencies: ["TestSupport"], path: "Tests/VirtualMachine",
      exclude: ["guest", "image", "machine", "Kerberos", "Packages", "SELinux"]),
    .testTarget(
      name: "PackageTests", dependencies: ["TestSupport"], path: "Tests/Packages", exclude: ["enter", "fetch", "root", "unused"]),
    .testTarget(name: "PackageMachineTests", dependencies: ["TestSupport"], path: "Tests/VirtualMachine/Packages"),
    .testTarget(name: "EngineTests", dependencies: ["TestSupport"], path: "Tests/Engines"),
    .testTarget(name: "KerberosTests", dependencies: ["TestSupport"], path: "Tests/VirtualMachine/Kerberos"),
    .testTarget(name: "SELinuxTests", dependencies: ["TestSupport"], path: "Tests/VirtualMachine/SELinux", exclude: ["faults.cil"]),
    .executableTarget(
      name: "pam-host", path: "Tests/Programs/pam-host",
      linkerSettings: [
        .linkedLibrary("pam"), .linkedLibrary("pthread"), .linkedLibrary("dl"), .unsafeFlags(["-enable-experimental-feature", "Embedded"]),
      ]),
    // They run in machines too, where there is no Swift.
    .executableTarget(
      name: "attacker", path: "Tests/Programs/attacker", linkerSettings: [.unsafeFlags(["-enable-experimental-feature", "Embedded"])]),
    .executableTarget(
      name: "pam-faults", path: "Tests/Programs/pam-faults",
      linkerSettings: [.linkedLibrary("pam"), .unsafeFlags(["-enable-experimental-feature", "Embedded"])]),
  ] + fuzzing
)
