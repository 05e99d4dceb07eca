/*
 * Preloaded: memory that is not cleared is full of NaN, in fp32 and in bf16, as old pointers and whole numbers make it be at times.
 * libtorch and oneDNN allocate all of theirs by posix_memalign.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

int posix_memalign(void **memory, size_t alignment, size_t size) {
    static int (*allocate)(void **, size_t, size_t);
    if (allocate == NULL) {
        allocate = (int (*)(void **, size_t, size_t)) dlsym(RTLD_NEXT, "posix_memalign");
    }
    int result = allocate(memory, alignment, size);
    if (result == 0) {
        memset(*memory, 0xff, size);
    }
    return result;
}
