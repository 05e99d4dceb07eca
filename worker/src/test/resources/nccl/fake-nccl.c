/*
 * What Rekindle calls of libnccl and of CUDA's driver, with the same signatures and no device. Calls are written down, results come
 * from a script. A sum pretends that all ranks hold the same values; it works on host memory.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { char internal[128]; } ncclUniqueId;
typedef struct { size_t size; unsigned int magic; unsigned int version; int blocking; } ncclConfig;
typedef struct { int rank; int ranks; } *ncclComm;
typedef struct { char function[64]; int rank; int result; int times; } Scripted;

enum { SCRIPTED = 64, ANY = -1 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Scripted script[SCRIPTED];
static int scripted;
static int reported;
static int ids;
static char calls[1 << 16];
static const char *last_error = "";

static void record(const char *format, ...) {
    pthread_mutex_lock(&lock);
    size_t used = strlen(calls);
    va_list values;
    va_start(values, format);
    vsnprintf(calls + used, sizeof calls - used, format, values);
    va_end(values);
    pthread_mutex_unlock(&lock);
}

static int scripted_result(const char *function, int rank, int otherwise) {
    int result = otherwise;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < scripted; i++) {
        Scripted *next = &script[i];
        if (next->times != 0 && strcmp(next->function, function) == 0 && (next->rank == ANY || next->rank == rank)) {
            next->times -= next->times > 0;
            result = next->result;
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    return result;
}

/* ---- what the test says and asks ---- */

void fakeReset(int version) {
    pthread_mutex_lock(&lock);
    scripted = 0;
    ids = 0;
    calls[0] = 0;
    last_error = "";
    reported = version;
    pthread_mutex_unlock(&lock);
}

/* times < 0: for ever */
void fakeResult(const char *function, int rank, int result, int times) {
    pthread_mutex_lock(&lock);
    Scripted *next = &script[scripted++ % SCRIPTED];
    snprintf(next->function, sizeof next->function, "%s", function);
    next->rank = rank;
    next->result = result;
    next->times = times;
    pthread_mutex_unlock(&lock);
}

int fakeLeft(void) {
    int left = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < scripted; i++) {
        left += script[i].times > 0 ? script[i].times : 0;
    }
    pthread_mutex_unlock(&lock);
    return left;
}

void fakeLastError(void) { last_error = "socket 7:\n  connection reset"; }

const char *fakeCalls(void) { return calls; }

/* ---- libnccl ---- */

int ncclGetVersion(int *version) {
    *version = reported;
    return scripted_result("ncclGetVersion", ANY, 0);
}

int ncclGetUniqueId(ncclUniqueId *id) {
    ids++;
    for (int i = 0; i < 128; i++) {
        id->internal[i] = (char) (ids + 37 * i);
    }
    record("id %d\n", ids);
    return scripted_result("ncclGetUniqueId", ANY, 0);
}

int ncclCommInitRankConfig(ncclComm *comm, int ranks, ncclUniqueId id, int rank, ncclConfig *config) {
    int first = id.internal[0];
    for (int i = 0; i < 128; i++) {
        if (id.internal[i] != (char) (first + 37 * i)) {
            first = -1000;
        }
    }
    record("%d init ranks %d id %d size %zu magic %x version %d blocking %d\n",
           rank, ranks, first, config->size, config->magic, config->version, config->blocking);
    *comm = malloc(sizeof **comm);
    (*comm)->rank = rank;
    (*comm)->ranks = ranks;
    return scripted_result("ncclCommInitRankConfig", rank, 0);
}

int ncclCommGetAsyncError(ncclComm comm, int *state) {
    *state = scripted_result("state", comm->rank, 0);
    return scripted_result("ncclCommGetAsyncError", comm->rank, 0);
}

int ncclGroupStart(void) {
    record("group\n");
    return scripted_result("ncclGroupStart", ANY, 0);
}

int ncclGroupEnd(void) {
    record("end\n");
    return scripted_result("ncclGroupEnd", ANY, 0);
}

int ncclAllReduce(const void *send, void *receive, size_t count, int type, int operation, ncclComm comm, void *stream) {
    int result = scripted_result("ncclAllReduce", comm->rank, 0);
    record("%d sum %zu type %d operation %d in place %d stream %p\n",
           comm->rank, count, type, operation, send == receive, stream);
    for (size_t i = 0; i < count && result == 0; i++) {
        ((float *) receive)[i] *= (float) comm->ranks;
    }
    return result;
}

int ncclReduce(const void *send, void *receive, size_t count, int type, int operation, int root, ncclComm comm,
               void *stream) {
    record("%d reduce %zu type %d operation %d root %d in place %d stream %p\n",
           comm->rank, count, type, operation, root, send == receive, stream);
    for (size_t i = 0; i < count && comm->rank == root; i++) {
        ((float *) receive)[i] *= (float) comm->ranks;
    }
    return scripted_result("ncclReduce", comm->rank, 0);
}

int ncclBroadcast(const void *send, void *receive, size_t count, int type, int root, ncclComm comm, void *stream) {
    record("%d broadcast %zu type %d root %d in place %d stream %p\n",
           comm->rank, count, type, root, send == receive, stream);
    memset(receive, 'A' + root, count);
    return scripted_result("ncclBroadcast", comm->rank, 0);
}

int ncclCommFinalize(ncclComm comm) {
    record("%d finalize\n", comm->rank);
    return scripted_result("ncclCommFinalize", comm->rank, 0);
}

int ncclCommDestroy(ncclComm comm) {
    record("%d destroy\n", comm->rank);
    free(comm);
    return 0;
}

int ncclCommAbort(ncclComm comm) {
    record("%d abort\n", comm->rank);
    free(comm);
    return 0;
}

const char *ncclGetErrorString(int result) { return result == 5 ? "invalid usage" : "some other error"; }

const char *ncclGetLastError(ncclComm comm) { return last_error; }

/* ---- libcuda ---- */

int cuStreamQuery(void *stream) { return scripted_result("cuStreamQuery", ANY, 0); }

int cuGetErrorString(int result, const char **text) {
    *text = result == 700 ? "an illegal memory access was encountered" : NULL;
    return *text == NULL;
}
