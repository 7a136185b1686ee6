/* What programs that are linked with packaging/glibc/stubs have in themselves, because glibc 2.28 does not export it. Each is taken
 * only by a program that calls it. */
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- The start of a program ---------------------------------------------------------------------------------- */

#ifdef __aarch64__
#define FIRST_VERSION "GLIBC_2.17"
#else
#define FIRST_VERSION "GLIBC_2.2.5"
#endif
__asm__(".symver start_of_old_programs, __libc_start_main@" FIRST_VERSION);

typedef int Main(int, char **, char **);
typedef void Constructor(int, char **, char **);

extern int start_of_old_programs(Main *, int, char **, Constructor *, void (*)(void), void (*)(void), void *);
extern void _init(void);
extern Constructor *__preinit_array_start[], *__preinit_array_end[], *__init_array_start[], *__init_array_end[];

/* Since 2.34 libc runs a program's constructors. Before, the program brought a function for that. (The dynamic linker runs what is
 * before them, __preinit_array, and the destructors.) */
static void construct(int count, char **arguments, char **environment) {
  _init();
  for (Constructor **next = __init_array_start; next < __init_array_end; next++) (*next)(count, arguments, environment);
}

/* crt1.o calls it, of 2.34 and later without constructors. */
int __libc_start_main(Main *main, int count, char **arguments, Constructor *init, void (*fini)(void), void (*rtld_fini)(void), void *stack_end) {
  return start_of_old_programs(main, count, arguments, init ? init : construct, fini, rtld_fini, stack_end);
}

/* ---- Functions that became functions of libc later ------------------------------------------------------------- */

/* 2.33; struct stat is the kernel's own on 64-bit systems. */
int stat(const char *path, struct stat *status) { return (int)syscall(SYS_newfstatat, AT_FDCWD, path, status, 0); }
int lstat(const char *path, struct stat *status) { return (int)syscall(SYS_newfstatat, AT_FDCWD, path, status, AT_SYMLINK_NOFOLLOW); }
int fstat(int descriptor, struct stat *status) { return (int)syscall(SYS_fstat, descriptor, status); }
int fstatat(int directory, const char *path, struct stat *status, int flags) { return (int)syscall(SYS_newfstatat, directory, path, status, flags); }
int mknod(const char *path, mode_t mode, dev_t device) { return (int)syscall(SYS_mknodat, AT_FDCWD, path, mode, device); }

/* 2.32: whether locks can be left out. No is always right. */
char __libc_single_threaded = 0;

/* 2.35; the Swift runtime names it. The squares of two floats have room in a double, so it is as exact as libc's. */
float hypotf(float x, float y) {
  if (isinf(x) || isinf(y)) return HUGE_VALF;
  return (float)sqrt((double)x * x + (double)y * y);
}
