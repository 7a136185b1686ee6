/* What each system call can answer: its manual page, and for files in the home also what NFS and another host can do. */
#define _GNU_SOURCE 1
#include "faults.h"

#include <errno.h>
#include <sys/syscall.h>

#define CHANGES EIO, ENOSPC, EDQUOT, EROFS, ENOMEM, EACCES, EPERM, EINTR

static const struct call calls[] = {
    /* Files. ENOENT of the settings, which are there, would mean the defaults, and is no fault: so only under `nfs`. */
    {SYS_openat, "openat", {EINTR, EIO, ENOMEM, EMFILE, ENFILE, EACCES, EPERM, ELOOP, ENOTDIR, EINVAL, ENODEV},
     {ENOENT, ESTALE, ETIMEDOUT, EKEYEXPIRED, EREMOTEIO, ENXIO}, {ENOSPC, EDQUOT, EROFS, EEXIST}, {EIO, EEXIST, ETIMEDOUT, EINTR}, false},
    {SYS_statx, "statx", {EIO, ENOMEM, EACCES, EINTR, EPERM}, {ENOENT, ESTALE, ETIMEDOUT, ENOTDIR, ELOOP, EKEYEXPIRED}, {0}, {0}, false},
    {SYS_newfstatat, "newfstatat", {EIO, ENOMEM, EACCES}, {0}, {0}, {0}, false},
#ifdef SYS_fstat
    {SYS_fstat, "fstat", {EIO, ENOMEM}, {0}, {0}, {0}, false},
#endif
    {457, "statmount", {ENOSYS, EPERM, EINVAL, ENOENT, EOVERFLOW, ENOMEM}, {0}, {0}, {0}, false},
    {SYS_getdents64, "getdents64", {EIO, ENOMEM, EINTR}, {ENOENT, ESTALE, ETIMEDOUT, EACCES}, {0}, {0}, false},
    {SYS_read, "read", {EINTR, EIO, EAGAIN, ENOMEM}, {ESTALE, ETIMEDOUT}, {0}, {0}, true},
    {SYS_pread64, "pread64", {EINTR, EIO, ENOMEM}, {0}, {0}, {0}, false},
    {SYS_write, "write", {EINTR, EIO, ENOMEM, EPIPE}, {ENOSPC, EDQUOT, EFBIG, EROFS, ESTALE, ETIMEDOUT, EACCES}, {0}, {EIO}, true},
    {SYS_pwrite64, "pwrite64", {EINTR, EIO, ENOMEM, ENOSPC, EFBIG, EPERM}, {0}, {0}, {EIO}, false},
    {SYS_lseek, "lseek", {EINVAL, EOVERFLOW}, {0}, {0}, {0}, false},
    /* Linux closes, whatever it answers. */
    {SYS_close, "close", {0}, {0}, {0}, {EIO, EINTR, ENOSPC, EDQUOT, ESTALE}, false},
    {SYS_fsync, "fsync", {EIO, ENOSPC, EDQUOT, EROFS, EINTR, EINVAL}, {ESTALE, ETIMEDOUT}, {0}, {EIO, ETIMEDOUT}, false},
    {SYS_fchmod, "fchmod", {CHANGES, ENOSYS, EOPNOTSUPP}, {ESTALE, ETIMEDOUT}, {0}, {EIO, ETIMEDOUT, EINTR}, false},
    {SYS_mkdirat, "mkdirat", {CHANGES, EMLINK, EEXIST}, {ENOENT, ESTALE, ETIMEDOUT, ELOOP}, {0}, {EIO, EEXIST, ETIMEDOUT, EINTR, ESTALE}, false},
    /* EEXIST where the name is free would be a lie, and the answer to it, to leave what is there alone, silent. */
    {SYS_linkat, "linkat", {CHANGES, EMLINK, EOPNOTSUPP, ENOSYS, EXDEV, ENOENT}, {ESTALE, ETIMEDOUT, ELOOP}, {0}, {EIO, EEXIST, ETIMEDOUT, EINTR, ESTALE, ENOENT}, false},
    {SYS_renameat2, "renameat2", {CHANGES, EINVAL, ENOSYS, ENOENT}, {ESTALE, ETIMEDOUT}, {0}, {EIO, ETIMEDOUT, ENOENT, EEXIST}, false},
    {SYS_renameat, "renameat", {CHANGES, ENOENT, EXDEV, EBUSY}, {0}, {0}, {EIO, ETIMEDOUT, ENOENT, EINTR, ESTALE}, false},
    /* ENODATA and EOPNOTSUPP where there is an attribute would be a lie. */
    {SYS_fgetxattr, "fgetxattr", {EIO, ENOMEM, EPERM, EACCES, ERANGE, EINTR}, {0}, {0}, {0}, false},
    {SYS_fsetxattr, "fsetxattr", {CHANGES, EINVAL, EOPNOTSUPP, ERANGE}, {0}, {0}, {EIO, EINTR}, false},
    {SYS_fremovexattr, "fremovexattr", {CHANGES, EINVAL, ERANGE}, {0}, {0}, {EIO, EINTR}, false},
    /* Of projects: not where the calls do work, since nothing else would then say that there is no limit. */
    {SYS_ioctl, "ioctl", {EPERM, EACCES, EIO, ENOMEM, EINVAL, ENOTTY, EOPNOTSUPP, EINTR}, {0}, {0}, {EIO, EINTR}, false},
    {443, "quotactl_fd", {EPERM, ESRCH, ENOSYS, EOPNOTSUPP, EINVAL, EIO, ENOMEM, EINTR}, {0}, {0}, {EIO}, false},
    {SYS_quotactl, "quotactl", {EPERM, ESRCH, ENOSYS, ENOTBLK, ENODEV, EINVAL, EIO, EINTR}, {0}, {0}, {EIO}, false},
    {SYS_fchown, "fchown", {CHANGES, EINVAL}, {0}, {0}, {EIO, EINTR}, false},
    /* The same with ENOENT where the name is there. */
    {SYS_unlinkat, "unlinkat", {EIO, EROFS, ENOMEM, EACCES, EPERM, EINTR, EBUSY}, {ESTALE, ETIMEDOUT}, {0}, {EIO, ENOENT, ETIMEDOUT, EINTR}, false},
    {SYS_chdir, "chdir", {EACCES, EIO, ENOMEM, EPERM}, {0}, {0}, {0}, false},

    /* The identity and the process. A sandbox (seccomp(2)) answers EPERM or ENOSYS to anything. */
    {SYS_setresuid, "setresuid", {EPERM, EAGAIN, EINVAL}, {0}, {0}, {0}, false},
    {SYS_setresgid, "setresgid", {EPERM, EINVAL}, {0}, {0}, {0}, false},
    {SYS_setgroups, "setgroups", {EPERM, ENOMEM, EINVAL}, {0}, {0}, {0}, false},
    {SYS_getgroups, "getgroups", {EPERM, EINVAL}, {0}, {0}, {0}, false},
    {SYS_getresuid, "getresuid", {EPERM, EFAULT}, {0}, {0}, {0}, false},
    {SYS_getresgid, "getresgid", {EPERM, EFAULT}, {0}, {0}, {0}, false},
    {SYS_capget, "capget", {EPERM, EINVAL}, {0}, {0}, {0}, false},
    {SYS_capset, "capset", {EPERM, EINVAL}, {0}, {0}, {0}, false},
    {SYS_prctl, "prctl", {EPERM, EINVAL}, {0}, {0}, {0}, false},
    {SYS_prlimit64, "prlimit64", {EPERM, EINVAL}, {0}, {0}, {0}, false},
    {SYS_setpriority, "setpriority", {EPERM, EACCES, ENOSYS}, {0}, {0}, {0}, false},
    {SYS_getpriority, "getpriority", {EPERM, EINVAL}, {0}, {0}, {0}, false},
    {SYS_sched_setscheduler, "sched_setscheduler", {EPERM, EINVAL}, {0}, {0}, {0}, false},
    {SYS_sched_getscheduler, "sched_getscheduler", {EPERM, EINVAL}, {0}, {0}, {0}, false},
    {SYS_sched_setaffinity, "sched_setaffinity", {EPERM, EINVAL}, {0}, {0}, {0}, false},
    {SYS_ioprio_set, "ioprio_set", {EPERM, EINVAL, ENOSYS}, {0}, {0}, {0}, false},
    {SYS_ioprio_get, "ioprio_get", {EPERM, ENOSYS}, {0}, {0}, {0}, false},
    {SYS_rt_sigaction, "rt_sigaction", {EPERM, EINVAL}, {0}, {0}, {0}, false},
    {SYS_rt_sigprocmask, "rt_sigprocmask", {EPERM, EINVAL}, {0}, {0}, {0}, false},

    /* Memory. brk(2) has no error: it answers the end of the data as it is. */
    {SYS_brk, "brk", {ENOMEM}, {0}, {0}, {0}, false},
    {SYS_mmap, "mmap", {ENOMEM, EPERM}, {0}, {0}, {0}, false},
    {SYS_mremap, "mremap", {ENOMEM}, {0}, {0}, {0}, false},
    {SYS_munmap, "munmap", {ENOMEM}, {0}, {0}, {0}, false},
    {SYS_mprotect, "mprotect", {ENOMEM, EACCES}, {0}, {0}, {0}, false},
    {SYS_madvise, "madvise", {ENOMEM}, {0}, {0}, {0}, false},
    {SYS_getrandom, "getrandom", {EAGAIN, ENOSYS, EINTR}, {0}, {0}, {0}, false},

    /* What the module does in the host. */
    {SYS_pipe2, "pipe2", {EMFILE, ENFILE, ENOMEM, EPERM}, {0}, {0}, {0}, false},
    {SYS_fcntl, "fcntl", {EINVAL, EPERM, ENOMEM, EINTR, EAGAIN, EACCES, ENOLCK, EDEADLK}, {0}, {0}, {0}, false},
    {SYS_clone3, "clone3", {EAGAIN, ENOMEM, ENOSYS, EPERM}, {0}, {0}, {0}, false},
    {SYS_clone, "clone", {EAGAIN, ENOMEM, EPERM}, {0}, {0}, {0}, false},
    {SYS_pidfd_open, "pidfd_open", {EMFILE, ENFILE, ENOMEM, ENOSYS, EPERM, EINVAL, ENODEV}, {0}, {0}, {0}, false},
    {SYS_waitid, "waitid", {EINTR, EINVAL}, {0}, {0}, {0}, false},
    {SYS_pidfd_send_signal, "pidfd_send_signal", {ENOSYS, EPERM, EINVAL}, {0}, {0}, {0}, false},
#ifdef SYS_poll
    {SYS_poll, "poll", {EINTR, ENOMEM, EINVAL}, {0}, {0}, {0}, false},
#endif
    {SYS_ppoll, "ppoll", {EINTR, ENOMEM, EINVAL}, {0}, {0}, {0}, false},
    {SYS_socket, "socket", {EMFILE, ENFILE, EACCES, ENOMEM, EAFNOSUPPORT}, {0}, {0}, {0}, false},
    {SYS_connect, "connect", {ECONNREFUSED, ENOENT, EACCES, EAGAIN, EINTR}, {0}, {0}, {0}, false},
    {SYS_sendto, "sendto", {ECONNREFUSED, ENOBUFS, EAGAIN, ENOTCONN, EPIPE, ENOMEM}, {0}, {0}, {0}, false},

    /* What its child does before it has become the helper. */
#ifdef SYS_dup2
    {SYS_dup2, "dup2", {EMFILE, EBUSY, EINTR, EBADF}, {0}, {0}, {0}, false},
#endif
    {SYS_dup3, "dup3", {EMFILE, EBUSY, EINTR, EBADF}, {0}, {0}, {0}, false},
    {SYS_setsid, "setsid", {EPERM}, {0}, {0}, {0}, false},
    {SYS_close_range, "close_range", {ENOSYS, EPERM, EMFILE, ENOMEM}, {0}, {0}, {0}, false},
    {SYS_execve, "execve", {ENOENT, EACCES, EPERM, ENOMEM, EMFILE, ENFILE, E2BIG, EIO, ETXTBSY, ENOEXEC, EAGAIN, ELOOP, ESTALE, ELIBBAD}, {0}, {0}, {0}, false},
};

/* `kill` asks whether a process is there, and the kernel answers that truly. `uname` fails for a bad address alone.
 * `restart_syscall` is the kernel's own, when a poll goes on after a stop. */
static const long always[] = {
    SYS_getpid, SYS_gettid, SYS_geteuid, SYS_getegid, SYS_getuid, SYS_getgid, SYS_umask, SYS_kill, SYS_uname, SYS_exit_group, SYS_exit, SYS_futex, SYS_restart_syscall,
#ifdef SYS_alarm
    SYS_alarm,
#endif
#ifdef SYS_time
    SYS_time,
#endif
    SYS_setitimer, SYS_clock_gettime, SYS_gettimeofday, SYS_getsid,
};

const struct call *call_numbered(long number) {
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
    if (calls[i].number == number) return &calls[i];
  return NULL;
}

bool cannot_fail(long number) {
  for (size_t i = 0; i < sizeof always / sizeof *always; i++)
    if (always[i] == number) return true;
  return false;
}
