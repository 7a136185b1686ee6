/* What Swift cannot import from libc and the kernel: macros with a value, functions with a variable number of
 * arguments, system calls without a wrapper, and members of anonymous unions. Nothing here decides anything:
 * every function is one call. */
#ifndef CLINUX_H
#define CLINUX_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/nsfs.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

/* ---- errno ------------------------------------------------------------------------------------------------- */

static inline int clinux_errno(void) { return errno; }
/* strerror_l(3): the sentence for a number, in English whatever the locale. NULL if there is no memory for a number that has none.
 * newlocale(3) allocates nothing for all categories of the locale "C". */
static inline const char *clinux_error_text(int number) {
  return strerror_l(number, newlocale(LC_ALL_MASK, "C", (locale_t)0));
}

/* ---- sqlite3_db_config of sqlite3.h: variable arguments ----------------------------------------------------- */

static inline int clinux_sqlite_configure(void *function, void *connection, int option, int value) {
  return ((int (*)(void *, int, ...))function)(connection, option, value, (int *)0);
}

/* ---- open(2), fcntl(2), prctl(2): variable arguments ------------------------------------------------------- */

static inline int clinux_openat(int directory, const char *path, int flags, mode_t mode) {
  return openat(directory, path, flags, mode);
}
static inline int clinux_set_nonblocking(int descriptor) { return fcntl(descriptor, F_SETFL, O_NONBLOCK); }
/* An open file description lock on the whole file, for writing, without waiting (fcntl(2), F_OFD_SETLK). It keeps lockf(3) and
 * lckpwdf(3) of others out, and goes with the descriptor. */
static inline int clinux_lock_whole(int descriptor) {
  struct flock whole;
  memset(&whole, 0, sizeof whole);
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  return fcntl(descriptor, F_OFD_SETLK, &whole);
}
/* Whether anybody else has a lock for writing, anywhere in the file (fcntl(2), F_GETLK): 1, 0, or -1 with errno. Takes none. */
static inline int clinux_is_locked(int descriptor) {
  struct flock whole;
  memset(&whole, 0, sizeof whole);
  whole.l_type = F_RDLCK;
  whole.l_whence = SEEK_SET;
  if (fcntl(descriptor, F_GETLK, &whole) != 0) return -1;
  return whole.l_type != F_UNLCK;
}
/* flock(2), without waiting: goes with the descriptor. Whoever can open the file can take it, for reading too. */
static inline int clinux_lock_exclusively(int descriptor) { return flock(descriptor, LOCK_EX | LOCK_NB); }
static inline void clinux_sleep_milliseconds(long milliseconds) {
  const struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  (void)nanosleep(&time, NULL);
}
static inline int clinux_prctl(int option, unsigned long argument) { return prctl(option, argument, 0ul, 0ul, 0ul); }

/* ---- Constants that are casts or need _GNU_SOURCE ---------------------------------------------------------- */

static const int clinux_o_path = O_PATH;
static const int clinux_o_directory = O_DIRECTORY;
static const int clinux_o_nofollow = O_NOFOLLOW;
static const int clinux_o_cloexec = O_CLOEXEC;
static const int clinux_at_fdcwd = AT_FDCWD;
static const int clinux_at_symlink_nofollow = AT_SYMLINK_NOFOLLOW;
static const int clinux_at_removedir = AT_REMOVEDIR;
static const int clinux_at_empty_path = AT_EMPTY_PATH;
static const int clinux_at_no_automount = AT_NO_AUTOMOUNT;
static const int clinux_at_statx_dont_sync = AT_STATX_DONT_SYNC;
static const int clinux_at_statx_force_sync = AT_STATX_FORCE_SYNC;
static const int clinux_at_eaccess = AT_EACCESS;
static const unsigned clinux_rename_noreplace = 1u;
static const unsigned clinux_rename_exchange = 2u;
static const uint32_t clinux_invalid_id = UINT32_MAX;
static const int clinux_fnm_path = FNM_PATHNAME | FNM_PERIOD;

/* ---- statx(2): identifiers of mounts are newer than many headers ------------------------------------------- */

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x00001000U
#endif
static const unsigned clinux_statx_basic = STATX_BASIC_STATS;
static const unsigned clinux_statx_btime = STATX_BTIME;
static const unsigned clinux_statx_mnt_id = STATX_MNT_ID;
static const unsigned clinux_statx_mnt_id_unique = 0x00004000U; /* Linux 6.8 */

/* The kernel's struct statx has had stx_mnt_id at this place since Linux 5.8; older headers call it spare. */
static inline uint64_t clinux_statx_mount(const struct statx *status) {
  uint64_t identifier;
  memcpy(&identifier, (const char *)status + 0x90, sizeof identifier);
  return identifier;
}

/* ---- statmount(2), Linux 6.8: has no wrapper, and its structures are newer than many headers ---------------- */

#define CLINUX_STATMOUNT_NUMBER 457
static const uint64_t clinux_statmount_fs_type = 0x20u;     /* Linux 6.8 */
static const uint64_t clinux_statmount_fs_subtype = 0x100u; /* Linux 6.13 */

struct clinux_statmount {
  uint32_t size, mnt_opts;
  uint64_t mask;
  uint32_t sb_dev_major, sb_dev_minor;
  uint64_t sb_magic;
  uint32_t sb_flags, fs_type;
  uint64_t mnt_id, mnt_parent_id;
  uint32_t mnt_id_old, mnt_parent_id_old;
  uint64_t mnt_attr, mnt_propagation, mnt_peer_group, mnt_master, propagate_from;
  uint32_t mnt_root, mnt_point;
  uint64_t mnt_ns_id;
  uint32_t fs_subtype, sb_source;
  uint64_t spare[48];
  char strings[512]; /* starts at offset 512 in the kernel's layout */
};
_Static_assert(offsetof(struct clinux_statmount, strings) == 512, "the layout of struct statmount");

static inline long clinux_statmount_call(uint64_t mount, uint64_t mask, struct clinux_statmount *buffer) {
  struct {
    uint32_t size, spare;
    uint64_t mnt_id, param;
  } request = {24, 0, mount, mask};
  return syscall(CLINUX_STATMOUNT_NUMBER, &request, buffer, sizeof *buffer, 0u);
}
static inline const char *clinux_statmount_string(const struct clinux_statmount *buffer, uint32_t offset) {
  /* The kernel ends every string with NUL inside the buffer; an offset outside it never comes from the kernel. */
  return offset < sizeof buffer->strings ? buffer->strings + offset : "";
}

/* ---- File systems ------------------------------------------------------------------------------------------- */

static const unsigned long clinux_st_readonly = ST_RDONLY;
static const unsigned long clinux_st_nosuid = ST_NOSUID;
static const unsigned long clinux_st_nodev = ST_NODEV;
static const unsigned long clinux_st_noexec = ST_NOEXEC;

/* ioctl_xfs_fsgeometry(2), the first version, which every kernel knows: whether directory entries carry types. -1: no answer. */
static inline int clinux_xfs_has_file_types(int descriptor) {
  struct { uint32_t before[23]; uint32_t flags; uint32_t after[4]; } geometry;
  _Static_assert(sizeof geometry == 112, "the layout of struct xfs_fsop_geom_v1");
  memset(&geometry, 0, sizeof geometry);
  if (ioctl(descriptor, _IOR('X', 100, geometry), &geometry) != 0) return -1;
  return (geometry.flags & 1u << 16) != 0;
}

/* umount2(2), which takes a path only: of a name in the working directory, never through a symbolic link, and without waiting for
 * whoever serves the mount. */
static inline int clinux_detach(const char *name) { return umount2(name, MNT_DETACH | UMOUNT_NOFOLLOW); }

/* ---- Directories ------------------------------------------------------------------------------------------- */

static inline long clinux_getdents(int descriptor, void *buffer, size_t size) {
  return syscall(SYS_getdents64, descriptor, buffer, size);
}
/* openat2(2) has come with Linux 5.6: 437 everywhere, and struct open_how, which newer headers have. 1 is RESOLVE_NO_XDEV. */
static inline int clinux_open_directory_on_mount(int directory, const char *name) {
  const uint64_t how[3] = {O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0, 1};
  return (int)syscall(437, directory, name, how, sizeof how);
}
static inline int clinux_renameat2(int oldDirectory, const char *old, int newDirectory, const char *new, unsigned flags) {
  return (int)syscall(SYS_renameat2, oldDirectory, old, newDirectory, new, flags);
}

/* FS_PROJINHERIT_FL: a directory with it takes nothing of another project id. 0 if it has none, or has lost it; else -1 with errno. */
static inline int clinux_stop_inheriting_project(int descriptor) {
  int flags = 0;
  if (ioctl(descriptor, FS_IOC_GETFLAGS, &flags) != 0) return -1;
  if (!(flags & FS_PROJINHERIT_FL)) return 0;
  flags &= ~FS_PROJINHERIT_FL;
  return ioctl(descriptor, FS_IOC_SETFLAGS, &flags);
}

/* ---- Project quotas (quotactl(2), ioctl_xfs_fssetxattr(2)) --------------------------------------------------- */

/* struct if_dqblk of <linux/quota.h>: limits of space in units of 1024 bytes, use in bytes. */
struct clinux_quota {
  uint64_t hard_blocks, soft_blocks, space, hard_inodes, soft_inodes, inodes, block_time, inode_time;
  uint32_t valid, padding;
};
_Static_assert(sizeof(struct clinux_quota) == 72, "the layout of struct if_dqblk");
/* struct fs_quota_statv of <linux/dqblk_xfs.h>, which not every system has the header of. */
struct clinux_quota_state {
  int8_t version;
  uint8_t padding;
  uint16_t flags;
  uint32_t incore;
  uint64_t rest[30];
};
static const uint32_t clinux_q_getquota = 0x800007u;
static const uint32_t clinux_q_setquota = 0x800008u;
static const uint32_t clinux_q_xgetqstatv = 0x5808u;
static const uint32_t clinux_quota_limits = 1u | 4u; /* QIF_BLIMITS | QIF_ILIMITS */
static const uint16_t clinux_quota_counted = 1u << 4;  /* FS_QUOTA_PDQ_ACCT */
static const uint16_t clinux_quota_enforced = 1u << 5; /* FS_QUOTA_PDQ_ENFD */
/* Of projects (PRJQUOTA is 2). quotactl_fd(2) has been there since Linux 5.14, and has no wrapper. */
#define CLINUX_QUOTACTL_FD_NUMBER 443
static inline long clinux_quotactl_descriptor(int descriptor, uint32_t command, uint32_t project, void *data) {
  return syscall(CLINUX_QUOTACTL_FD_NUMBER, descriptor, command << 8 | 2u, project, data);
}
static inline long clinux_quotactl_device(const char *device, uint32_t command, uint32_t project, void *data) {
  return syscall(SYS_quotactl, command << 8 | 2u, device, project, data);
}
static inline int clinux_is_block_device(int descriptor, unsigned major, unsigned minor) {
  struct stat status;
  if (fstat(descriptor, &status) != 0) return 0;
  return S_ISBLK(status.st_mode) && status.st_rdev == makedev(major, minor);
}
static inline int clinux_get_project(int descriptor, uint32_t *project, int *inherits) {
  struct fsxattr attributes;
  memset(&attributes, 0, sizeof attributes);
  if (ioctl(descriptor, FS_IOC_FSGETXATTR, &attributes) != 0) return -1;
  *project = attributes.fsx_projid;
  *inherits = (attributes.fsx_xflags & FS_XFLAG_PROJINHERIT) != 0;
  return 0;
}
/* With `inherits`, which only a directory may have, what is made in it gets the project too. The other attributes stay. */
static inline int clinux_set_project(int descriptor, uint32_t project, int inherits) {
  struct fsxattr attributes;
  memset(&attributes, 0, sizeof attributes);
  if (ioctl(descriptor, FS_IOC_FSGETXATTR, &attributes) != 0) return -1;
  attributes.fsx_projid = project;
  if (inherits) attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
  return ioctl(descriptor, FS_IOC_FSSETXATTR, &attributes);
}

/* ---- Capabilities ------------------------------------------------------------------------------------------ */

struct clinux_capabilities {
  uint64_t effective, permitted, inheritable;
};
static const unsigned clinux_cap_dac_override = CAP_DAC_OVERRIDE;
static const unsigned clinux_cap_fowner = CAP_FOWNER;
static const unsigned clinux_cap_sys_ptrace = CAP_SYS_PTRACE;

static inline int clinux_capget(struct clinux_capabilities *out) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
  if (syscall(SYS_capget, &header, data) != 0) return -1;
  out->effective = data[0].effective | (uint64_t)data[1].effective << 32;
  out->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
  out->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
  return 0;
}
static inline int clinux_capset(const struct clinux_capabilities *in) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {
      {(uint32_t)in->effective, (uint32_t)in->permitted, (uint32_t)in->inheritable},
      {(uint32_t)(in->effective >> 32), (uint32_t)(in->permitted >> 32), (uint32_t)(in->inheritable >> 32)},
  };
  return (int)syscall(SYS_capset, &header, data);
}

/* ---- Processes --------------------------------------------------------------------------------------------- */

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
/* In the child, closes every descriptor from `first` on; of glibc 2.34. -1 if this system's is older: the module and the programs run
 * with that, too, so the symbol is weak. */
#pragma weak posix_spawn_file_actions_addclosefrom_np
static inline int clinux_spawn_close_from(posix_spawn_file_actions_t *actions, int first) {
  return posix_spawn_file_actions_addclosefrom_np ? posix_spawn_file_actions_addclosefrom_np(actions, first) : -1;
}
static const short clinux_spawn_flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID;
static const int clinux_p_pid = P_PID;
static const int clinux_p_pidfd = 3; /* Linux 5.4 */

/* keyctl(2) KEYCTL_JOIN_SESSION_KEYRING: a new session keyring without a name, and without what was in the one before. */
static inline long clinux_join_session_keyring(void) { return syscall(SYS_keyctl, 1, NULL); }
static inline int clinux_pidfd_open(pid_t process) { return (int)syscall(SYS_pidfd_open, process, 0u); }
static inline int clinux_pidfd_kill(int descriptor) {
  return (int)syscall(SYS_pidfd_send_signal, descriptor, SIGKILL, NULL, 0u);
}
/* waitid(2). `number` is 0 if the child has not ended; `code` is CLD_EXITED or another, `status` what exit(3) or the signal said. */
static inline int clinux_waitid(int kind, int identifier, int options, int *number, int *code, int *status) {
  siginfo_t information;
  memset(&information, 0, sizeof information);
  int result = waitid((idtype_t)kind, (id_t)identifier, &information, options);
  *number = information.si_pid;
  *code = information.si_code;
  *status = information.si_status;
  return result;
}

/* pipe2(2), both ends closed on exec. */
static inline int clinux_pipe(int *reading, int *writing) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  *reading = ends[0];
  *writing = ends[1];
  return 0;
}
/* socketpair(2), both ends closed on exec; what is sent to an end that is gone is an error, and no signal. */
static inline int clinux_socketpair(int *first, int *second) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -1;
  *first = ends[0];
  *second = ends[1];
  return 0;
}
static inline ssize_t clinux_send(int socket, const void *bytes, size_t count) { return send(socket, bytes, count, MSG_NOSIGNAL); }
static inline ssize_t clinux_receive(int socket, void *bytes, size_t count) { return recv(socket, bytes, count, 0); }
/* fork(2): Swift does not offer it, for the sake of processes with several threads. */
static inline pid_t clinux_fork(void) { return fork(); }
/* poll(2) of two descriptors for reading; a negative one is left out. */
static inline int clinux_poll(int first, int second, int milliseconds, int *firstEvents, int *secondEvents) {
  struct pollfd polled[2] = {{first, POLLIN, 0}, {second, POLLIN, 0}};
  int result = poll(polled, 2, milliseconds);
  *firstEvents = polled[0].revents;
  *secondEvents = polled[1].revents;
  return result;
}
/* The same, and whether a third one, of which nothing is read, has nobody at its other end any more. */
static inline int clinux_poll_with(int third, int first, int second, int milliseconds, int *firstEvents, int *secondEvents, int *isGone) {
  struct pollfd polled[3] = {{first, POLLIN, 0}, {second, POLLIN, 0}, {third, 0, 0}};
  int result = poll(polled, 3, milliseconds);
  *firstEvents = polled[0].revents;
  *secondEvents = polled[1].revents;
  *isGone = (polled[2].revents & (POLLHUP | POLLERR)) != 0;
  return result;
}
static inline int64_t clinux_monotonic_milliseconds(void) {
  struct timespec now = {0, 0};
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Seconds since the machine was started, the time that it slept included; negative where nobody tells. */
static inline int64_t clinux_boot_seconds(void) {
  struct timespec now = {0, 0};
  return clock_gettime(CLOCK_BOOTTIME, &now) == 0 ? (int64_t)now.tv_sec : -1;
}
/* CLOCK_BOOTTIME, by which /proc tells when a process started; and the time of day. */
static inline int64_t clinux_milliseconds_since_boot(void) {
  struct timespec now = {0, 0};
  (void)clock_gettime(CLOCK_BOOTTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
static inline int64_t clinux_milliseconds_since_epoch(void) {
  struct timespec now = {0, 0};
  (void)clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline int clinux_ignore_signal(int number) { return signal(number, SIG_IGN) == SIG_ERR ? -1 : 0; }
static inline int clinux_default_signal(int number) { return signal(number, SIG_DFL) == SIG_ERR ? -1 : 0; }
static inline int clinux_no_core(void) {
  const struct rlimit none = {0, 0};
  return setrlimit(RLIMIT_CORE, &none);
}

/* ---- What a process is allowed, and how it is scheduled ----------------------------------------------------- */

static const int clinux_rlimit_as = RLIMIT_AS;
static const int clinux_rlimit_data = RLIMIT_DATA;
static const int clinux_rlimit_stack = RLIMIT_STACK;
static const int clinux_rlimit_cpu = RLIMIT_CPU;
static const int clinux_rlimit_fsize = RLIMIT_FSIZE;
static const int clinux_rlimit_nofile = RLIMIT_NOFILE;
static const int clinux_rlimit_memlock = RLIMIT_MEMLOCK;
static const int clinux_rlimit_rss = RLIMIT_RSS;
static const uint64_t clinux_rlim_infinity = UINT64_MAX;

static inline int clinux_set_limit(int resource, uint64_t limit) {
  const struct rlimit64 both = {limit, limit};
  return setrlimit64((__rlimit_resource_t)resource, &both);
}
static inline int clinux_get_limit(int resource, uint64_t *current, uint64_t *highest) {
  struct rlimit64 both = {0, 0};
  int result = getrlimit64((__rlimit_resource_t)resource, &both);
  *current = both.rlim_cur;
  *highest = both.rlim_max;
  return result;
}

static inline int clinux_set_nice(int nice) { return setpriority(PRIO_PROCESS, 0, nice); }
/* The kernel's own answer: 40 for the nice value -20, to 1 for 19; -1 is an error. */
static inline int clinux_get_priority(void) { return (int)syscall(SYS_getpriority, PRIO_PROCESS, 0); }

static inline int clinux_schedule_as_others(void) {
  const struct sched_param none = {0};
  return sched_setscheduler(0, SCHED_OTHER, &none);
}
static inline int clinux_is_scheduled_as_others(void) { return sched_getscheduler(0) == SCHED_OTHER; }
/* sched_setaffinity(2): wherever the control group allows. */
static inline int clinux_run_anywhere(void) {
  unsigned long all[16];
  memset(all, 0xff, sizeof all);
  return (int)syscall(SYS_sched_setaffinity, 0, sizeof all, all);
}

/* ioprio_set(2) of this process (IOPRIO_WHO_PROCESS is 1) to no class of its own, as after fork from init; and whether its class
 * is the idle one, which is 3. */
static inline int clinux_default_io_priority(void) { return (int)syscall(SYS_ioprio_set, 1, 0, 0); }
static inline int clinux_has_idle_io_priority(void) {
  long priority = syscall(SYS_ioprio_get, 1, 0);
  return priority >= 0 && priority >> 13 == 3;
}

/* ioctl_ns(2) NS_GET_OWNER_UID: the user whom a user namespace belongs to. */
static inline int clinux_namespace_owner(int descriptor, uid_t *owner) { return ioctl(descriptor, NS_GET_OWNER_UID, owner); }

/* ---- The terminal ------------------------------------------------------------------------------------------ */

/* ioctl(2) TIOCGWINSZ; 0 if the descriptor is none. */
static inline int clinux_terminal_columns(int descriptor) {
  struct winsize size = {0, 0, 0, 0};
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

#endif
