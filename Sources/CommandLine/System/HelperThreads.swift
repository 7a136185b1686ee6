internal import CLinux

/// Threads beside the one that starts them. The kernel gives each the credentials that the starting one has (clone(2)), so that they
/// look and act with the same identity; a pool's threads may be older.
struct HelperThreads {
  /// Bytes of each one's stack.
  private static let stack = 512 << 10

  private var threads: [pthread_t] = []

  /// Processors that there are to run on, 1 where nobody knows.
  static var processors: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

  /// - Parameter count: so many, or as many as the kernel has: see `count`.
  init(_ count: Int, _ work: @escaping @Sendable () -> Void) {
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    defer { unsafe pthread_attr_destroy(&attributes) }
    _ = unsafe pthread_attr_setstacksize(&attributes, HelperThreads.stack)
    for _ in 0..<count {
      let box = unsafe Unmanaged.passRetained(Work(work)).toOpaque()
      var thread = pthread_t()
      // SAFETY: the thread takes over the reference that is retained here; without a thread it is given back at once.
      let failure = unsafe pthread_create(
        &thread, &attributes,
        { argument in
          if let argument = unsafe argument { unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().run() }
          return nil
        }, box)
      if failure != 0 {
        unsafe Unmanaged<Work>.fromOpaque(box).release()
        return
      }
      threads.append(thread)
    }
  }

  var count: Int { threads.count }

  /// Waits until each has ended.
  consuming func join() {
    for thread in threads { pthread_join(thread, nil) }
  }

  private final class Work: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }
}
