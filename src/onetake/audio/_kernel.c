/* The sample loop of onetake.audio, compiled: what loops.py does in NumPy, at a fifth of the cost.
 *
 * Why: two sources are resampled all day long, also when nothing else happens on the screen.
 * Invariant: one body, eight partial sums in a fixed order; what runs on AVX2 is that body compiled
 * for it, so every machine gives the same bits (no fused multiply-add: it rounds once, not twice).
 *
 * It releases the GIL while it works, and checks shapes and positions before it touches memory.
 */
#include "../_kernel_target.h"

#if defined(__clang__)
#pragma clang fp contract(off)
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

enum { REVISION = 1 }; /* loops.py holds the same number */
enum { LANES = 8 };    /* partial sums; part of what the result is */

typedef struct {
    const float *table, *steps; /* phases x taps */
    const float *left, *right; /* `length` each */
    const int64_t *first;
    const double *fractions; /* 0..1 */
    float *out;              /* count x 2 */
    Py_ssize_t phases, taps, length, count;
} Evaluation;

/* Eight partial sums: as a vector where the compiler has them, it does not find them by itself. */
#if defined(__GNUC__) || defined(__clang__)
typedef float Lanes __attribute__((vector_size(LANES * sizeof(float))));
#define AT(lanes, index) ((lanes)[index])

INLINE void load(Lanes *to, const float *from) { memcpy(to, from, sizeof *to); }
INLINE void multiply(Lanes *to, float by) { *to *= by; }
INLINE void add(Lanes *to, const Lanes *more) { *to += *more; }
INLINE void add_product(Lanes *to, const Lanes *one, const Lanes *other) { *to += *one * *other; }
#else
typedef struct { float at[LANES]; } Lanes;
#define AT(lanes, index) ((lanes).at[index])
#define EACH_LANE for (int lane = 0; lane < LANES; lane++)

INLINE void load(Lanes *to, const float *from) { memcpy(to, from, sizeof *to); }
INLINE void multiply(Lanes *to, float by) { EACH_LANE to->at[lane] *= by; }
INLINE void add(Lanes *to, const Lanes *more) { EACH_LANE to->at[lane] += more->at[lane]; }
INLINE void add_product(Lanes *to, const Lanes *one, const Lanes *other)
{
    EACH_LANE to->at[lane] += one->at[lane] * other->at[lane];
}
#endif

INLINE float folded(const Lanes *sums)
{
    return ((AT(*sums, 0) + AT(*sums, 4)) + (AT(*sums, 2) + AT(*sums, 6))) +
           ((AT(*sums, 1) + AT(*sums, 5)) + (AT(*sums, 3) + AT(*sums, 7)));
}

/* One output of both sides: the kernel between two rows of the table, times the samples. */
INLINE void evaluate_one(const float *row, const float *step, float between, const float *left,
                         const float *right, Py_ssize_t taps, float *out)
{
    Lanes sums_left = {0}, sums_right = {0};
    Py_ssize_t tap = 0;
    for (; tap + LANES <= taps; tap += LANES) {
        Lanes weights, part;
        load(&weights, step + tap);
        multiply(&weights, between);
        load(&part, row + tap);
        add(&weights, &part);
        load(&part, left + tap);
        add_product(&sums_left, &weights, &part);
        load(&part, right + tap);
        add_product(&sums_right, &weights, &part);
    }
    for (int lane = 0; tap < taps; tap++, lane++) {
        float weight = step[tap] * between + row[tap];
        AT(sums_left, lane) += weight * left[tap];
        AT(sums_right, lane) += weight * right[tap];
    }
    out[0] = folded(&sums_left);
    out[1] = folded(&sums_right);
}

/* Returns 0, or -1 when a position lies outside the samples; what came before it is written. */
INLINE int evaluate(const Evaluation *it)
{
    for (Py_ssize_t index = 0; index < it->count; index++) {
        int64_t first = it->first[index];
        double place = it->fractions[index] * (double)it->phases;
        if (first < 0 || first > it->length - it->taps || !(place >= 0) || place > it->phases)
            return -1;
        Py_ssize_t phase = (Py_ssize_t)place;
        if (phase == it->phases)
            phase--;
        evaluate_one(it->table + phase * it->taps, it->steps + phase * it->taps,
                     (float)(place - (double)phase), it->left + first, it->right + first, it->taps,
                     it->out + 2 * index);
    }
    return 0;
}

static int evaluate_c(const Evaluation *it) { return evaluate(it); }

#if HAS_AVX2
FOR_AVX2 static int evaluate_avx2(const Evaluation *it) { return evaluate(it); }
#endif

/* ---- Python ------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    int (*evaluate)(const Evaluation *);
} Variant;

static const Variant variants[] = {
    {"c", evaluate_c},
#if HAS_AVX2
    {"avx2", evaluate_avx2},
#endif
};

#include "../_kernel_variants.h"

/* Returns 0, or -1 with an exception set. Everything here is contiguous. */
static int get_array(PyObject *object, Py_buffer *view, int rank, Py_ssize_t item, int is_writable)
{
    if (PyObject_GetBuffer(object, view, PyBUF_ND | (is_writable ? PyBUF_WRITABLE : 0)) != 0)
        return -1;
    int is_right = view->ndim == rank && view->itemsize == item;
    if (is_right && (uintptr_t)view->buf % (size_t)item == 0)
        return 0;
    PyBuffer_Release(view);
    PyErr_SetString(PyExc_ValueError, "array of another rank, type or memory order than needed");
    return -1;
}

static int get_all(PyObject **objects, Py_buffer *views)
{
    static const int ranks[7] = {2, 2, 1, 1, 1, 1, 2};
    static const Py_ssize_t items[7] = {4, 4, 4, 4, 8, 8, 4};
    for (int index = 0; index < 7; index++) {
        if (get_array(objects[index], &views[index], ranks[index], items[index], index == 6) != 0) {
            while (index-- > 0)
                PyBuffer_Release(&views[index]);
            return -1;
        }
    }
    return 0;
}

static PyObject *py_evaluate(PyObject *module, PyObject *args)
{
    PyObject *objects[7];
    Py_buffer views[7];
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOOOOO", &objects[0], &objects[1], &objects[2], &objects[3],
                          &objects[4], &objects[5], &objects[6]) ||
        get_all(objects, views) != 0)
        return NULL;
    Evaluation it = {views[0].buf, views[1].buf, views[2].buf, views[3].buf, views[4].buf,
                     views[5].buf, views[6].buf, views[0].shape[0], views[0].shape[1],
                     views[2].shape[0], views[4].shape[0]};
    int is_right = views[1].shape[0] == it.phases && views[1].shape[1] == it.taps &&
                   views[3].shape[0] == it.length && views[5].shape[0] == it.count &&
                   views[6].shape[0] == it.count && views[6].shape[1] == 2 && it.phases > 0;
    if (is_right) {
        int status;
        Py_BEGIN_ALLOW_THREADS
        status = chosen->evaluate(&it);
        Py_END_ALLOW_THREADS
        is_right = status == 0;
    }
    for (int index = 0; index < 7; index++)
        PyBuffer_Release(&views[index]);
    if (!is_right) {
        PyErr_SetString(PyExc_ValueError, "the shapes or positions do not fit together");
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"evaluate", py_evaluate, METH_VARARGS,
     "evaluate(table, steps, left, right, first, fractions, out): sound between the samples."},
    {"variants", py_variants, METH_NOARGS, "variants(): what this machine can run."},
    {"select", py_select, METH_VARARGS, "select(name): run this variant from now on."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_kernel", "The sample loop of onetake.audio, compiled.", -1, methods,
    NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__kernel(void)
{
    return make_kernel(&definition);
}
