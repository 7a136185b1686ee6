import Foundation
import Glibc
import RootlessStorage
import Testing

@testable import rootless_storage

struct OldKernelTests {
  /// Runs `body` in a thread of its own, whose system call `number` answers ENOSYS (seccomp(2)).
  private static func without(_ number: UInt32, _ body: @escaping @Sendable () -> Void) {
    let done = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      typealias Prctl = @convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32
      let prctl = unsafe unsafeBitCast(dlsym(nil, "prctl")!, to: Prctl.self)
      // struct sock_filter: load the number; if it is not this one, skip one; ENOSYS; allow.
      let filter: [UInt64] = [
        0x20, 0x15 | 1 << 24 | UInt64(number) << 32, 0x06 | (0x0005_0000 | UInt64(ENOSYS)) << 32, 0x06 | 0x7fff_0000 << 32,
      ]
      unsafe filter.withUnsafeBufferPointer { filter in
        let program: [UInt] = [UInt(filter.count), UInt(bitPattern: filter.baseAddress)]
        unsafe program.withUnsafeBufferPointer { program in
          // PR_SET_NO_NEW_PRIVS; PR_SET_SECCOMP with SECCOMP_MODE_FILTER.
          #expect(prctl(38, 1, 0, 0, 0) == 0)
          #expect(prctl(22, 2, UInt(bitPattern: program.baseAddress), 0, 0) == 0)
        }
      }
      body()
      done.signal()
    }
    done.wait()
  }

  @Test func `without pidfds, what a program leaves behind is not waited for`() {
    OldKernelTests.without(434) {
      let ending = try? ChildProcess.run(
        "/bin/sh", ["sh", "-c", "sleep 6 & echo said"].map { Array($0.utf8) }, environment: [Array("PATH=/usr/bin:/bin".utf8)],
        withErrors: false,
        seconds: 3, limit: 100)
      #expect(ending?.output == Array("said\n".utf8) && ending?.status == 0)
    }
  }
}
