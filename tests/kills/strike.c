/* Preloaded into a process, sends it a signal in the middle of its writing.

   Counts the calls that change files below the folder of KILLS_FOLDER, while it
   is armed, and at a chosen one sends the signal; of a write only the first
   half is done before. Each call is a line of the file of KILLS_LOG. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int armed;
static long calls, chosen;
static int number;

/* Counts from now on; the signal comes at call `at`, or never at 0. */
void strike_arm(long at, int with) {
  calls = 0;
  chosen = at;
  number = with;
  __atomic_store_n(&armed, 1, __ATOMIC_SEQ_CST);
}

void strike_disarm(void) { __atomic_store_n(&armed, 0, __ATOMIC_SEQ_CST); }

static void path_at(int folder, const char* path, char* whole) {
  char link[64];
  ssize_t length = 0;
  whole[0] = 0;
  if (path[0] != '/') {
    if (folder == AT_FDCWD) {
      strcpy(link, "/proc/self/cwd");
    } else {
      snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    }
    length = readlink(link, whole, PATH_MAX - 1);
    if (length < 0) length = 0;
    if (path[0]) whole[length++] = '/';
  }
  snprintf(whole + length, PATH_MAX - length, "%s", path);
}

/* Whether the signal is due at this call. */
static int due(const char* call, int folder, const char* path) {
  char whole[PATH_MAX], line[PATH_MAX + 64];
  const char* root = getenv("KILLS_FOLDER");
  const char* log = getenv("KILLS_LOG");
  if (!__atomic_load_n(&armed, __ATOMIC_SEQ_CST) || !root || !path) return 0;
  path_at(folder, path, whole);
  size_t length = strlen(root);
  if (strncmp(whole, root, length)) return 0;
  long place = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
  if (log) {
    int size = snprintf(line, sizeof line, "%ld %s %s%s\n", place, call,
                        whole + length, place == chosen ? " struck" : "");
    int file = syscall(SYS_openat, AT_FDCWD, log,
                       O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (syscall(SYS_write, file, line, size) != size) abort();
    syscall(SYS_close, file);
  }
  return place == chosen;
}

static void strike(void) { kill(getpid(), number); }

static int writes(const char* mode) { return strpbrk(mode, "wa+") != NULL; }

FILE* fopen(const char* path, const char* mode) {
  if (writes(mode) && due("open", AT_FDCWD, path)) strike();
  return REAL(fopen)(path, mode);
}

FILE* fopen64(const char* path, const char* mode) {
  if (writes(mode) && due("open", AT_FDCWD, path)) strike();
  return REAL(fopen64)(path, mode);
}

#define OPEN(name)                                                     \
  int name(const char* path, int flags, ...) {                         \
    va_list rest;                                                      \
    va_start(rest, flags);                                             \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0; \
    va_end(rest);                                                      \
    if (flags & (O_WRONLY | O_RDWR) && due("open", AT_FDCWD, path)) strike(); \
    return REAL(name)(path, flags, mode);                              \
  }
OPEN(open)
OPEN(open64)

size_t fwrite(const void* data, size_t size, size_t count, FILE* file) {
  if (due("write", fileno(file), "")) {
    size_t half = REAL(fwrite)(data, 1, size * count / 2, file);
    REAL(fflush)(file);
    strike();
    size_t rest = size * count - half;
    half += REAL(fwrite)((const char*)data + half, 1, rest, file);
    return size ? half / size : 0;
  }
  return REAL(fwrite)(data, size, count, file);
}

ssize_t write(int file, const void* data, size_t size) {
  if (due("write", file, "")) {
    ssize_t half = REAL(write)(file, data, size / 2);
    strike();
    if (half < 0) return half;
    ssize_t rest = REAL(write)(file, (const char*)data + half, size - half);
    return rest < 0 ? rest : half + rest;
  }
  return REAL(write)(file, data, size);
}

int fflush(FILE* file) {
  if (file && due("flush", fileno(file), "")) strike();
  return REAL(fflush)(file);
}

int fclose(FILE* file) {
  if (due("close", fileno(file), "")) strike();
  return REAL(fclose)(file);
}

#define ON_FILE(name)                      \
  int name(int file) {                     \
    if (due(#name, file, "")) strike();    \
    return REAL(name)(file);               \
  }
ON_FILE(fsync)
ON_FILE(fdatasync)

#define ON_PATH(name)                              \
  int name(const char* path) {                     \
    if (due(#name, AT_FDCWD, path)) strike();      \
    return REAL(name)(path);                       \
  }
ON_PATH(unlink)
ON_PATH(rmdir)

int mkdir(const char* path, mode_t mode) {
  if (due("mkdir", AT_FDCWD, path)) strike();
  return REAL(mkdir)(path, mode);
}

int unlinkat(int folder, const char* path, int flags) {
  if (due("unlink", folder, path)) strike();
  return REAL(unlinkat)(folder, path, flags);
}

int rename(const char* from, const char* to) {
  if (due("rename", AT_FDCWD, from)) strike();
  return REAL(rename)(from, to);
}

int renameat(int from_folder, const char* from, int to_folder,
             const char* to) {
  if (due("rename", from_folder, from)) strike();
  return REAL(renameat)(from_folder, from, to_folder, to);
}
