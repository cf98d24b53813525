/*
 * Records what a program does to the files below a directory, in the order in which its calls take effect,
 * for tests that work out what a power cut could have left (crash-states-trace.ts reads it).
 *
 *   LD_PRELOAD=record.so RECORD_BELOW=/dir RECORD_MARKS=/marks RECORD_TO=/trace UV_USE_IO_URING=0 node ...
 *
 * A file is known by its inode, so that a rename does not change it. A call and its entry are made under one
 * lock, so the order of the entries is that of the effects, whichever threads called. Syncs run outside the
 * lock and have two entries: one only covers what had returned before it began. What the program writes to
 * the file RECORD_MARKS becomes a mark at its place among the calls. Failed calls are not recorded. A later
 * run with the same RECORD_TO goes on where an earlier one ended.
 *
 * An entry, little-endian: kind u8, 0 u8, path length u16, second path length u16, 0 u16, inode u64, number
 * u64, data length u32, 0 u32; then the path, the second path, the data. `number` is a position, a size or a
 * flag.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { CREATE = 1, WRITE, TRUNCATE, RENAME, REMOVE, MAKE_DIRECTORY, SYNC_BEGIN, SYNC_END, MARK };

struct entry {
  uint8_t kind, zero8;
  uint16_t path_length, second_length, zero16;
  uint64_t inode, number;
  uint32_t data_length, zero32;
} __attribute__((packed));

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *below, *marks;
static size_t below_length;
static int trace = -1;

#define REAL(name) \
  static __typeof__(&name) real; \
  if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static ssize_t plain_writev(const struct iovec *parts, int count) {
  REAL(writev);
  return real(trace, parts, count);
}

static void start(void) {
  int (*plain_open)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
  const char *to = getenv("RECORD_TO");
  below = getenv("RECORD_BELOW");
  marks = getenv("RECORD_MARKS");
  if (!to || !below || !marks) return;
  below_length = strlen(below);
  trace = plain_open(to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int is_on(void) {
  pthread_once(&once, start);
  return trace >= 0;
}

static int is_below(const char *path) {
  return strncmp(path, below, below_length) == 0 && (path[below_length] == 0 || path[below_length] == '/');
}

/* The file behind a descriptor: 1 below the directory, 2 for the file of marks, 0 for any other. */
static int look(int fd, uint64_t *inode) {
  char link[64], path[PATH_MAX];
  struct stat state;
  if (!is_on()) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0 || fstat(fd, &state) < 0) return 0;
  path[length] = 0;
  *inode = state.st_ino;
  if (strcmp(path, marks) == 0) return 2;
  return is_below(path);
}

/* Called with the lock. A trace that is not whole would be worse than none. */
static void put(int kind, const char *path, const char *second, uint64_t inode, uint64_t number,
                const struct iovec *data, int count, size_t data_length) {
  struct iovec parts[64];
  struct entry entry = {.kind = kind, .inode = inode, .number = number, .data_length = data_length};
  entry.path_length = path ? strlen(path) : 0;
  entry.second_length = second ? strlen(second) : 0;
  size_t length = sizeof entry + entry.path_length + entry.second_length + data_length;
  int used = 0;
  if (count > 60) abort();
  parts[used++] = (struct iovec){&entry, sizeof entry};
  parts[used++] = (struct iovec){(void *)path, entry.path_length};
  parts[used++] = (struct iovec){(void *)second, entry.second_length};
  for (int index = 0; index < count && data_length > 0; index++) {
    size_t part = data[index].iov_len < data_length ? data[index].iov_len : data_length;
    parts[used++] = (struct iovec){data[index].iov_base, part};
    data_length -= part;
  }
  if (plain_writev(parts, used) != (ssize_t)length) abort();
}

static void put_path(int kind, const char *path, const char *second, uint64_t inode) {
  put(kind, path, second, inode, 0, 0, 0, 0);
}

/* Makes a call and its entry one step; errno is the call's. */
#define STEP(call, is_good, ...) \
  pthread_mutex_lock(&lock); \
  __typeof__(call) result = call; \
  int error = errno; \
  if (is_good) { __VA_ARGS__; } \
  pthread_mutex_unlock(&lock); \
  errno = error; \
  return result

static void wrote(int what, uint64_t inode, off64_t position, const struct iovec *parts, int count,
                  ssize_t bytes) {
  put(what == 2 ? MARK : WRITE, 0, 0, inode, position, parts, count, bytes);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t position) {
  REAL(pwrite64);
  uint64_t inode;
  int what = look(fd, &inode);
  if (!what) return real(fd, bytes, length, position);
  struct iovec part = {(void *)bytes, length};
  STEP(real(fd, bytes, length, position), result > 0, wrote(what, inode, position, &part, 1, result));
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t position) {
  return pwrite64(fd, bytes, length, position);
}

ssize_t write(int fd, const void *bytes, size_t length) {
  REAL(write);
  uint64_t inode;
  int what = look(fd, &inode);
  if (!what) return real(fd, bytes, length);
  struct iovec part = {(void *)bytes, length};
  STEP(real(fd, bytes, length), result > 0,
       wrote(what, inode, lseek64(fd, 0, SEEK_CUR) - result, &part, 1, result));
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(writev);
  uint64_t inode;
  int what = look(fd, &inode);
  if (!what) return real(fd, parts, count);
  STEP(real(fd, parts, count), result > 0,
       wrote(what, inode, lseek64(fd, 0, SEEK_CUR) - result, parts, count, result));
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t position) {
  REAL(pwritev64);
  uint64_t inode;
  int what = look(fd, &inode);
  if (!what) return real(fd, parts, count, position);
  STEP(real(fd, parts, count, position), result > 0, wrote(what, inode, position, parts, count, result));
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t position) {
  return pwritev64(fd, parts, count, position);
}

int ftruncate64(int fd, off64_t size) {
  REAL(ftruncate64);
  uint64_t inode;
  if (look(fd, &inode) != 1) return real(fd, size);
  STEP(real(fd, size), result == 0, put(TRUNCATE, 0, 0, inode, size, 0, 0, 0));
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

/* Called with the lock: was the file made by this open, or emptied? */
static void opened(int fd, const char *path, int flags, int was_there) {
  struct stat state;
  if (fstat(fd, &state) < 0) return;
  if (!was_there) put_path(CREATE, path, 0, state.st_ino);
  else if (flags & O_TRUNC) put(TRUNCATE, 0, 0, state.st_ino, 0, 0, 0, 0);
}

static int recorded_open(const char *path, int flags, mode_t mode) {
  static int (*real)(const char *, int, ...);
  struct stat state;
  if (!real) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
  if (!is_on() || !(flags & (O_CREAT | O_TRUNC)) || !is_below(path)) return real(path, flags, mode);
  pthread_mutex_lock(&lock);
  int was_there = lstat(path, &state) == 0;
  int fd = real(path, flags, mode);
  int error = errno;
  if (fd >= 0) opened(fd, path, flags, was_there);
  pthread_mutex_unlock(&lock);
  errno = error;
  return fd;
}

int open64(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
  va_end(more);
  return recorded_open(path, flags, mode);
}

int open(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;
  va_end(more);
  return recorded_open(path, flags, mode);
}

int rename(const char *from, const char *to) {
  REAL(rename);
  struct stat state;
  if (!is_on() || !(is_below(from) || is_below(to))) return real(from, to);
  STEP(real(from, to), result == 0, put_path(RENAME, from, to, lstat(to, &state) == 0 ? state.st_ino : 0));
}

int unlink(const char *path) {
  REAL(unlink);
  if (!is_on() || !is_below(path)) return real(path);
  STEP(real(path), result == 0, put_path(REMOVE, path, 0, 0));
}

/* Of a file; a directory is not removed here. */
int remove(const char *path) { return unlink(path); }

int mkdir(const char *path, mode_t mode) {
  REAL(mkdir);
  struct stat state;
  if (!is_on() || !is_below(path)) return real(path, mode);
  STEP(real(path, mode), result == 0,
       put_path(MAKE_DIRECTORY, path, 0, lstat(path, &state) == 0 ? state.st_ino : 0));
}

static int recorded_sync(int fd, int (*real)(int)) {
  uint64_t inode;
  if (look(fd, &inode) != 1) return real(fd);
  pthread_mutex_lock(&lock);
  put(SYNC_BEGIN, 0, 0, inode, fd, 0, 0, 0);
  pthread_mutex_unlock(&lock);
  STEP(real(fd), result == 0, put(SYNC_END, 0, 0, inode, fd, 0, 0, 0));
}

int fsync(int fd) {
  REAL(fsync);
  return recorded_sync(fd, real);
}

int fdatasync(int fd) {
  REAL(fdatasync);
  return recorded_sync(fd, real);
}

/* Ways to change a file that nothing here uses. If that changes, the recording must not be silently short. */
#define NOT_RECORDED(name, ...) \
  int name(__VA_ARGS__) { abort(); }
NOT_RECORDED(fallocate64, int fd, int mode, off64_t offset, off64_t length)
NOT_RECORDED(truncate, const char *path, off_t size)
NOT_RECORDED(link, const char *from, const char *to)
