/*
 * Puts faults into the system calls of a process, by LD_PRELOAD: the n-th write, sync, rename … under a path
 * fails, is cut short, is torn, takes long, or is the last thing that the process does.
 *
 * What is to go wrong stands in a small file that is mapped here (SLUICE_INJECT_CONTROL) and written by the
 * test (injector.ts), before or while the process runs. The calls are counted in it as well, so the counts
 * are there after a SIGKILL. With SLUICE_INJECT_LOG every sync is noted in that file with the identity of
 * what was synced, and every name that goes, because an inode may be used again after that.
 *
 * Node must be told not to go past the C library: UV_USE_IO_URING=0. libuv's threads call at the same time,
 * so the counters are atomic. The real calls are made without the C library's wrappers, which are these here.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

/* The numbers of these, and the layout of the file, stand in injector.ts too. */
enum operation { WRITE, SYNC, RENAME, UNLINK, OPEN, TRUNCATE, MKDIR, READ, STATFS };
enum mode { NONE, FAIL, KILL_BEFORE, KILL_AFTER, TORN, SHORT, DELAY };

struct control {
  _Atomic int64_t is_on;
  _Atomic int64_t operation;
  _Atomic int64_t at;        /* The first call that goes wrong, from 1; 0 only counts. */
  _Atomic int64_t times;     /* How many do; 0: all from then on. */
  _Atomic int64_t mode;
  _Atomic int64_t argument;  /* An errno, a count of bytes, milliseconds, or a mask of eighths. */
  _Atomic int64_t skips_syncs; /* A killed process cannot tell whether a sync was made. */
  _Atomic int64_t hits;
  _Atomic int64_t counts[16];
  char path[512];            /* What a path must hold to be meant. */
};

static struct control *control;
static int log_file = -1;

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("SLUICE_INJECT_CONTROL");
  const char *log_path = getenv("SLUICE_INJECT_LOG");
  if (log_path) {
    log_file = (int)syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  }
  if (!path) return;
  int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void *mapped = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (mapped != MAP_FAILED) control = mapped;
  syscall(SYS_close, file);
}

static void end_process(void) {
  syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
  for (;;) pause();
}

static int is_meant(const char *path) { return control && control->path[0] && strstr(path, control->path) != NULL; }

/* The name that a descriptor's file has by now. */
static const char *path_of(int file, char *into, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, into, size - 1);
  into[length < 0 ? 0 : length] = 0;
  return into;
}

/* Counts a call and says what is to become of it. */
static enum mode meet(enum operation operation, const char *path) {
  if (!is_meant(path)) return NONE;
  int64_t count = atomic_fetch_add(&control->counts[operation], 1) + 1;
  int64_t at = control->at;
  if (!control->is_on || control->operation != operation || at == 0 || count < at) return NONE;
  if (control->times != 0 && count >= at + control->times) return NONE;
  atomic_fetch_add(&control->hits, 1);
  /* What follows on a short write finds the disk full. */
  if (control->mode == SHORT && count > at) return FAIL;
  return (enum mode)control->mode;
}

static enum mode meet_file(enum operation operation, int file) {
  char path[1024];
  return control ? meet(operation, path_of(file, path, sizeof path)) : NONE;
}

static long fail(void) {
  errno = control->mode == SHORT ? ENOSPC : (int)control->argument;
  return -1;
}

static void begin(enum mode mode) {
  if (mode == KILL_BEFORE) end_process();
  if (mode == DELAY) usleep((useconds_t)(control->argument * 1000));
}

#define INJECT(asked, call)                      \
  ({                                             \
    enum mode met = (asked);                     \
    begin(met);                                  \
    long result = met == FAIL ? fail() : (call); \
    if (met == KILL_AFTER) end_process();        \
    result;                                      \
  })

static void note(const char *what, const struct stat *state, const char *path) {
  char line[1200];
  const char *kind = S_ISDIR(state->st_mode) ? "directory" : "file";
  int length = snprintf(line, sizeof line, "%s %s %llu:%llu %s\n", what, kind,
                        (unsigned long long)state->st_dev, (unsigned long long)state->st_ino, path);
  if (length > 0) syscall(SYS_write, log_file, line, length);
}

static void note_sync(int file, int is_good) {
  char path[1024];
  struct stat state;
  if (log_file < 0 || !is_meant(path_of(file, path, sizeof path)) || fstat(file, &state) != 0) return;
  note(is_good ? "synced" : "failed", &state, path);
}

/* After this, another file may have the same identity. */
static void note_gone(const char *path) {
  struct stat state;
  if (log_file >= 0 && is_meant(path) && lstat(path, &state) == 0) note("gone", &state, path);
}

/* Writes */

static ssize_t put(int file, const char *bytes, size_t length, off64_t at) {
  if (length == 0) return 0;
  return at < 0 ? syscall(SYS_write, file, bytes, length) : syscall(SYS_pwrite64, file, bytes, length, at);
}

/* Writes those eighths whose bit is set. Where the file's own position is written to, only the first ones. */
static void tear(int file, const char *bytes, size_t length, off64_t at) {
  for (size_t part = 0; part < 8; part++) {
    size_t from = length * part / 8, to = length * (part + 1) / 8;
    if (control->argument & (1 << part)) put(file, bytes + from, to - from, at < 0 ? at : at + (off64_t)from);
    else if (at < 0) break;
  }
  end_process();
}

static ssize_t write_bytes(enum mode mode, int file, const char *bytes, size_t length, off64_t at) {
  if (mode == TORN) tear(file, bytes, length, at);
  size_t most = mode == SHORT && (size_t)control->argument < length ? (size_t)control->argument : length;
  return INJECT(mode, put(file, bytes, most, at));
}

static ssize_t write_pieces(int file, const struct iovec *pieces, int count, off64_t at) {
  enum mode mode = meet_file(WRITE, file);
  if (mode == NONE) {
    return at < 0 ? syscall(SYS_writev, file, pieces, count) : syscall(SYS_pwritev, file, pieces, count, at, 0);
  }
  size_t length = 0;
  for (int index = 0; index < count; index++) length += pieces[index].iov_len;
  char *bytes = malloc(length + 1), *end = bytes;
  for (int index = 0; index < count; index++) end = mempcpy(end, pieces[index].iov_base, pieces[index].iov_len);
  ssize_t written = write_bytes(mode, file, bytes, length, at);
  int error = errno;
  free(bytes);
  errno = error;
  return written;
}

ssize_t write(int file, const void *bytes, size_t length) {
  return write_bytes(meet_file(WRITE, file), file, bytes, length, -1);
}
ssize_t pwrite(int file, const void *bytes, size_t length, off_t at) {
  return write_bytes(meet_file(WRITE, file), file, bytes, length, at);
}
ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t at) {
  return write_bytes(meet_file(WRITE, file), file, bytes, length, at);
}
ssize_t writev(int file, const struct iovec *pieces, int count) { return write_pieces(file, pieces, count, -1); }
ssize_t pwritev(int file, const struct iovec *pieces, int count, off_t at) {
  return write_pieces(file, pieces, count, at);
}
ssize_t pwritev64(int file, const struct iovec *pieces, int count, off64_t at) {
  return write_pieces(file, pieces, count, at);
}

/* Syncs */

static int sync_file(long number, int file) {
  enum mode mode = meet_file(SYNC, file);
  int result = (int)INJECT(mode, control && control->skips_syncs ? 0 : syscall(number, file));
  int error = errno;
  note_sync(file, result == 0);
  errno = error;
  return result;
}

int fsync(int file) { return sync_file(SYS_fsync, file); }
int fdatasync(int file) { return sync_file(SYS_fdatasync, file); }

/* Names */

int rename(const char *from, const char *to) {
  note_gone(to);
  return (int)INJECT(meet(RENAME, from), syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
int unlink(const char *path) {
  note_gone(path);
  return (int)INJECT(meet(UNLINK, path), syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}
int mkdir(const char *path, mode_t mode) {
  return (int)INJECT(meet(MKDIR, path), syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

#define OPEN_AT(folder, more)                                           \
  va_list rest;                                                         \
  va_start(rest, flags);                                                \
  int rights = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0;   \
  va_end(rest);                                                         \
  return (int)INJECT(meet(OPEN, path), syscall(SYS_openat, folder, path, flags | (more), rights))

int open(const char *path, int flags, ...) { OPEN_AT(AT_FDCWD, 0); }
int open64(const char *path, int flags, ...) { OPEN_AT(AT_FDCWD, O_LARGEFILE); }
int openat(int folder, const char *path, int flags, ...) { OPEN_AT(folder, 0); }
int openat64(int folder, const char *path, int flags, ...) { OPEN_AT(folder, O_LARGEFILE); }

/* The rest */

int ftruncate(int file, off_t length) {
  return (int)INJECT(meet_file(TRUNCATE, file), syscall(SYS_ftruncate, file, length));
}
int ftruncate64(int file, off64_t length) {
  return (int)INJECT(meet_file(TRUNCATE, file), syscall(SYS_ftruncate, file, length));
}
ssize_t read(int file, void *into, size_t length) {
  return INJECT(meet_file(READ, file), syscall(SYS_read, file, into, length));
}
ssize_t pread(int file, void *into, size_t length, off_t at) {
  return INJECT(meet_file(READ, file), syscall(SYS_pread64, file, into, length, at));
}
ssize_t pread64(int file, void *into, size_t length, off64_t at) {
  return INJECT(meet_file(READ, file), syscall(SYS_pread64, file, into, length, at));
}
int statfs(const char *path, struct statfs *into) {
  return (int)INJECT(meet(STATFS, path), syscall(SYS_statfs, path, into));
}
int statfs64(const char *path, struct statfs64 *into) {
  return (int)INJECT(meet(STATFS, path), syscall(SYS_statfs, path, into));
}
