/*
 * What Rekindle calls of libnccl and of CUDA's driver, with the same signatures and no device. Calls are written down, results come
 * from a script. All works on host memory. An operation of one rank pretends that the others hold the same values, unless the test says
 * that ranks are together: then it is done when all have called it, and until then the device is busy for those that have.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { char internal[128]; } ncclUniqueId;
typedef struct { size_t size; unsigned int magic; unsigned int version; int blocking; } ncclConfig;
typedef struct ncclCommunicator { int rank; int ranks; int id; long called; } *ncclComm;
typedef struct { char function[64]; int rank; int result; int times; } Scripted;

typedef struct { char function; size_t count; int root; int arrived; void *data[8]; } Operation;
/* the ranks of one id; operations in the order in which each rank calls them, the first `done` of them over */
typedef struct { int aborted; long done; Operation operations[1 << 12]; } Clique;

enum { SCRIPTED = 64, ANY = -1, INVALID_USAGE = 5, NOT_READY = 600, CLIQUES = 8 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Scripted script[SCRIPTED];
static int scripted;
static int reported;
static int ids;
static char calls[1 << 16];
static const char *last_error = "";
static int together;
static Clique cliques[CLIQUES]; /* by id */
static __thread ncclComm current; /* whose operations the device of this thread works at */

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
    together = 0;
    memset(cliques, 0, sizeof cliques);
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

void fakeTogether(void) { together = 1; }

void fakeLastError(void) { last_error = "socket 7:\n  connection reset"; }

const char *fakeCalls(void) { return calls; }

/* ---- ranks that are together ---- */

/* The last rank to call it does the work for all; sums are taken in the order of the ranks. */
static void perform(Operation *it, int ranks) {
    if (it->function == 'b') {
        for (int rank = 0; rank < ranks; rank++) {
            memmove(it->data[rank], it->data[it->root], it->count);
        }
        return;
    }
    for (size_t i = 0; i < it->count; i++) {
        float sum = ((float *) it->data[0])[i];
        for (int rank = 1; rank < ranks; rank++) {
            sum += ((float *) it->data[rank])[i];
        }
        for (int rank = 0; rank < ranks; rank++) {
            if (it->function == 's' || rank == it->root) {
                ((float *) it->data[rank])[i] = sum;
            }
        }
    }
}

static int join(ncclComm comm, char function, void *data, size_t count, int root) {
    int result = 0;
    pthread_mutex_lock(&lock);
    Clique *clique = &cliques[comm->id % CLIQUES];
    Operation *it = &clique->operations[comm->called++ % (1 << 12)];
    if (it->arrived == 0) {
        *it = (Operation) {.function = function, .count = count, .root = root};
    }
    if (it->function != function || it->count != count || it->root != root) {
        result = INVALID_USAGE;
    } else {
        current = comm; /* any thread may call */
        it->data[comm->rank] = data;
        if (++it->arrived == comm->ranks && !clique->aborted) {
            perform(it, comm->ranks);
            it->arrived = 0;
            clique->done++;
        }
    }
    pthread_mutex_unlock(&lock);
    return result;
}

static int busy(void) {
    pthread_mutex_lock(&lock);
    int busy = current != NULL && cliques[current->id % CLIQUES].done < current->called;
    pthread_mutex_unlock(&lock);
    return busy;
}

/* Nobody's memory is touched any more; a rank that waits for the others is told by the ring. */
static void leave(ncclComm comm, int aborted) {
    pthread_mutex_lock(&lock);
    cliques[comm->id % CLIQUES].aborted |= aborted;
    if (current == comm) {
        current = NULL;
    }
    pthread_mutex_unlock(&lock);
}

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
    (*comm)->id = first;
    (*comm)->called = 0;
    current = *comm;
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
    if (together && result == 0) {
        return join(comm, 's', receive, count, ANY);
    }
    for (size_t i = 0; i < count && result == 0; i++) {
        ((float *) receive)[i] *= (float) comm->ranks;
    }
    return result;
}

int ncclReduce(const void *send, void *receive, size_t count, int type, int operation, int root, ncclComm comm,
               void *stream) {
    record("%d reduce %zu type %d operation %d root %d in place %d stream %p\n",
           comm->rank, count, type, operation, root, send == receive, stream);
    if (together) {
        return join(comm, 'r', receive, count, root);
    }
    for (size_t i = 0; i < count && comm->rank == root; i++) {
        ((float *) receive)[i] *= (float) comm->ranks;
    }
    return scripted_result("ncclReduce", comm->rank, 0);
}

int ncclBroadcast(const void *send, void *receive, size_t count, int type, int root, ncclComm comm, void *stream) {
    record("%d broadcast %zu type %d root %d in place %d stream %p\n",
           comm->rank, count, type, root, send == receive, stream);
    if (together) {
        return join(comm, 'b', receive, count, root);
    }
    memset(receive, 'A' + root, count);
    return scripted_result("ncclBroadcast", comm->rank, 0);
}

int ncclCommFinalize(ncclComm comm) {
    record("%d finalize\n", comm->rank);
    return scripted_result("ncclCommFinalize", comm->rank, 0);
}

int ncclCommDestroy(ncclComm comm) {
    record("%d destroy\n", comm->rank);
    leave(comm, 0);
    free(comm);
    return 0;
}

int ncclCommAbort(ncclComm comm) {
    record("%d abort\n", comm->rank);
    leave(comm, 1);
    free(comm);
    return 0;
}

const char *ncclGetErrorString(int result) { return result == 5 ? "invalid usage" : "some other error"; }

const char *ncclGetLastError(ncclComm comm) { return last_error; }

/* ---- libcuda ---- */

int cuInit(unsigned int flags) { return scripted_result("cuInit", ANY, 0); }

int cuDriverGetVersion(int *version) {
    *version = 12080;
    return scripted_result("cuDriverGetVersion", ANY, 0);
}

int cuDeviceGetCount(int *count) {
    *count = 8;
    return scripted_result("cuDeviceGetCount", ANY, 0);
}

/* a GPU has its number in its capability */
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    *value = attribute == 75 ? 12 : attribute == 76 ? device - 100 : -1;
    return scripted_result("cuDeviceGetAttribute", ANY, 0);
}

/* as many MiB as the test has scripted are free */
int cuMemGetInfo_v2(size_t *available, size_t *total) {
    *available = (size_t) scripted_result("free", ANY, 40) << 20;
    *total = (size_t) 80 << 20;
    return scripted_result("cuMemGetInfo", ANY, 0);
}

int cuDeviceGet(int *device, int ordinal) {
    *device = 100 + ordinal;
    return scripted_result("cuDeviceGet", ANY, 0);
}

int cuDevicePrimaryCtxRetain(void **context, int device) {
    record("context of device %d\n", device);
    *context = (void *) (size_t) (1000 + device);
    return 0;
}

int cuCtxSetCurrent(void *context) {
    record("current context %zu\n", (size_t) context);
    return 0;
}

int cuStreamQuery(void *stream) { return scripted_result("cuStreamQuery", ANY, busy() ? NOT_READY : 0); }

int cuGetErrorString(int result, const char **text) {
    *text = result == 700 ? "an illegal memory access was encountered" : NULL;
    return *text == NULL;
}
