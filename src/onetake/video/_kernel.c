/* The pixel loops of onetake.video, compiled: the same integers as portable.py, the same bytes.
 *
 * Why: swscale's BGRA to NV12 costs 60 % of an ultrafast x264 encode and NumPy's more; this costs
 * the time of reading the pixels once. Invariant: every function has one scalar body; what runs on
 * AVX2 is that body compiled for it, or intrinsics that compute the same integers. Tests compare all
 * of them with portable.py byte by byte.
 *
 * All functions release the GIL while they work and check shapes before they touch memory.
 */
#include "../_kernel_target.h"

#if HAS_AVX2
#include <immintrin.h>
#endif

/* convert.py, Y_WEIGHTS, CB_WEIGHTS, CR_WEIGHTS: 15 fractional bits, order B, G, R. */
enum {
    BITS = 15,
    Y_B = 2032, Y_G = 20127, Y_R = 5983,
    CB_B = 14392, CB_G = -11094, CB_R = -3298,
    CR_B = -1320, CR_G = -13072, CR_R = 14392,
    Y_BIAS = (16 << BITS) + (1 << (BITS - 1)),
    C_BITS = BITS + 2, /* the sum of four pixels carries two more bits */
    C_BIAS = (128 << C_BITS) + (1 << (C_BITS - 1))
};

typedef struct {
    const uint8_t *pixels;
    uint8_t *luma;
    uint8_t *chroma;
    Py_ssize_t width, height; /* even */
    Py_ssize_t pixel_stride, luma_stride, chroma_stride;
} Conversion;

/* ---- BGRA to NV12 ------------------------------------------------------------------------- */

INLINE uint32_t load_pixel(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

INLINE int32_t channel(uint32_t pixel, int index)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return (int32_t)(pixel >> (24 - 8 * index) & 0xFF);
#else
    return (int32_t)(pixel >> 8 * index & 0xFF);
#endif
}

INLINE void convert_luma(const uint8_t *row, uint8_t *luma, Py_ssize_t first, Py_ssize_t width)
{
    for (Py_ssize_t x = first; x < width; x++) {
        uint32_t pixel = load_pixel(row + 4 * x);
        int32_t y = channel(pixel, 0) * Y_B + channel(pixel, 1) * Y_G + channel(pixel, 2) * Y_R;
        luma[x] = (uint8_t)((y + Y_BIAS) >> BITS);
    }
}

INLINE void convert_chroma(const uint8_t *upper, const uint8_t *lower, uint8_t *chroma,
                           Py_ssize_t first, Py_ssize_t width)
{
    for (Py_ssize_t x = first; x < width; x += 2) {
        uint32_t a = load_pixel(upper + 4 * x), b = load_pixel(upper + 4 * x + 4);
        uint32_t c = load_pixel(lower + 4 * x), d = load_pixel(lower + 4 * x + 4);
        int32_t blue = channel(a, 0) + channel(b, 0) + channel(c, 0) + channel(d, 0);
        int32_t green = channel(a, 1) + channel(b, 1) + channel(c, 1) + channel(d, 1);
        int32_t red = channel(a, 2) + channel(b, 2) + channel(c, 2) + channel(d, 2);
        chroma[x] = (uint8_t)((blue * CB_B + green * CB_G + red * CB_R + C_BIAS) >> C_BITS);
        chroma[x + 1] = (uint8_t)((blue * CR_B + green * CR_G + red * CR_R + C_BIAS) >> C_BITS);
    }
}

static void convert_c(const Conversion *it)
{
    for (Py_ssize_t y = 0; y < it->height; y += 2) {
        const uint8_t *upper = it->pixels + y * it->pixel_stride;
        const uint8_t *lower = upper + it->pixel_stride;
        uint8_t *luma = it->luma + y * it->luma_stride;
        convert_luma(upper, luma, 0, it->width);
        convert_luma(lower, luma + it->luma_stride, 0, it->width);
        convert_chroma(upper, lower, it->chroma + y / 2 * it->chroma_stride, 0, it->width);
    }
}

#if HAS_AVX2
/* Eight pixels, widened: two registers of (B, G, R, A) in 16 bits, pixels 0 1 4 5 and 2 3 6 7. */
#define WIDEN(pixels, low, high)                                   \
    __m256i low = _mm256_unpacklo_epi8(pixels, _mm256_setzero_si256()); \
    __m256i high = _mm256_unpackhi_epi8(pixels, _mm256_setzero_si256())

#define WEIGHTS(b, g, r) _mm256_setr_epi16(b, g, r, 0, b, g, r, 0, b, g, r, 0, b, g, r, 0)

FOR_AVX2 INLINE __m256i luma_of_8(__m256i low, __m256i high)
{
    const __m256i weights = WEIGHTS(Y_B, Y_G, Y_R);
    /* hadd undoes the order of WIDEN: the sums come out as pixels 0..7. */
    __m256i sums = _mm256_hadd_epi32(_mm256_madd_epi16(low, weights),
                                     _mm256_madd_epi16(high, weights));
    return _mm256_srai_epi32(_mm256_add_epi32(sums, _mm256_set1_epi32(Y_BIAS)), BITS);
}

/* Returns Cb0 Cb1 Cr0 Cr1 | Cb2 Cb3 Cr2 Cr3, 32 bits each, of 8x2 pixels. */
FOR_AVX2 INLINE __m256i chroma_of_8(__m256i low, __m256i high)
{
    __m256i blocks = _mm256_add_epi16(_mm256_unpacklo_epi64(low, high),
                                      _mm256_unpackhi_epi64(low, high));
    __m256i cb = _mm256_madd_epi16(blocks, WEIGHTS(CB_B, CB_G, CB_R));
    __m256i cr = _mm256_madd_epi16(blocks, WEIGHTS(CR_B, CR_G, CR_R));
    __m256i sums = _mm256_add_epi32(_mm256_hadd_epi32(cb, cr), _mm256_set1_epi32(C_BIAS));
    return _mm256_srai_epi32(sums, C_BITS);
}

FOR_AVX2 INLINE void store_luma(uint8_t *at, __m256i first, __m256i second)
{
    /* packs works in halves: put the quarters back in order, then narrow to bytes. */
    __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(first, second), 0xD8);
    __m256i bytes = _mm256_permute4x64_epi64(_mm256_packus_epi16(words, words), 0x08);
    _mm_storeu_si128((__m128i *)at, _mm256_castsi256_si128(bytes));
}

FOR_AVX2 INLINE void store_chroma(uint8_t *at, __m256i first, __m256i second)
{
    const __m256i interleave = _mm256_setr_epi8(0, 4, 2, 6, 8, 12, 10, 14, -1, -1, -1, -1, -1, -1, -1, -1,
                                                0, 4, 2, 6, 8, 12, 10, 14, -1, -1, -1, -1, -1, -1, -1, -1);
    /* Lane 0: Cb0 Cb1 Cr0 Cr1 Cb4 Cb5 Cr4 Cr5, lane 1: those of 2, 3, 6, 7; words to bytes. */
    __m256i bytes = _mm256_shuffle_epi8(_mm256_packs_epi32(first, second), interleave);
    /* Lane 0: blocks 0 1 4 5, lane 1: blocks 2 3 6 7, four bytes for two blocks. */
    __m128i low = _mm256_castsi256_si128(bytes), high = _mm256_extracti128_si256(bytes, 1);
    _mm_storeu_si128((__m128i *)at, _mm_unpacklo_epi32(low, high));
}

/* Asks for the next two rows while it converts two: what a screen shows lies in no cache, and what
 * processors fetch ahead by themselves ends with each page, which is about a row. Half the time. */
FOR_AVX2 static void convert_avx2(const Conversion *it)
{
    const Py_ssize_t whole = it->width & ~(Py_ssize_t)15;
    for (Py_ssize_t y = 0; y < it->height; y += 2) {
        const uint8_t *upper = it->pixels + y * it->pixel_stride;
        const uint8_t *lower = upper + it->pixel_stride;
        const Py_ssize_t next = y + 2 < it->height ? 2 * it->pixel_stride : 0;
        uint8_t *luma = it->luma + y * it->luma_stride;
        uint8_t *chroma = it->chroma + y / 2 * it->chroma_stride;
        for (Py_ssize_t x = 0; x < whole; x += 16) {
            _mm_prefetch((const char *)(upper + next + 4 * x), _MM_HINT_T0);
            _mm_prefetch((const char *)(lower + next + 4 * x), _MM_HINT_T0);
            __m256i a = _mm256_loadu_si256((const __m256i *)(upper + 4 * x));
            __m256i b = _mm256_loadu_si256((const __m256i *)(upper + 4 * x + 32));
            __m256i c = _mm256_loadu_si256((const __m256i *)(lower + 4 * x));
            __m256i d = _mm256_loadu_si256((const __m256i *)(lower + 4 * x + 32));
            WIDEN(a, a_low, a_high);
            WIDEN(b, b_low, b_high);
            WIDEN(c, c_low, c_high);
            WIDEN(d, d_low, d_high);
            store_luma(luma + x, luma_of_8(a_low, a_high), luma_of_8(b_low, b_high));
            store_luma(luma + it->luma_stride + x, luma_of_8(c_low, c_high),
                       luma_of_8(d_low, d_high));
            store_chroma(chroma + x,
                         chroma_of_8(_mm256_add_epi16(a_low, c_low), _mm256_add_epi16(a_high, c_high)),
                         chroma_of_8(_mm256_add_epi16(b_low, d_low), _mm256_add_epi16(b_high, d_high)));
        }
        convert_luma(upper, luma, whole, it->width);
        convert_luma(lower, luma + it->luma_stride, whole, it->width);
        convert_chroma(upper, lower, chroma, whole, it->width);
    }
}
#endif

/* ---- Overlay ------------------------------------------------------------------------------ */

typedef struct {
    const uint8_t *under;
    const uint8_t *keep, *add; /* uint16, aligned to two bytes */
    uint8_t *out;
    Py_ssize_t width, height;
    Py_ssize_t under_stride, keep_stride, add_stride, out_stride;
} Blend;

INLINE void blend_rows(const Blend *it)
{
    /* A copy: `out` may point anywhere, so the loop could not trust the width behind `it`. */
    const Py_ssize_t width = it->width;
    for (Py_ssize_t y = 0; y < it->height; y++) {
        const uint8_t *under = it->under + y * it->under_stride;
        const uint16_t *keep = (const uint16_t *)(it->keep + y * it->keep_stride);
        const uint16_t *add = (const uint16_t *)(it->add + y * it->add_stride);
        uint8_t *out = it->out + y * it->out_stride;
        for (Py_ssize_t x = 0; x < width; x++)
            out[x] = (uint8_t)((uint16_t)((uint16_t)(under[x] * keep[x]) + add[x]) >> 8);
    }
}

static void blend_c(const Blend *it) { blend_rows(it); }

typedef struct {
    const uint8_t *values;
    const uint8_t *show, *fill; /* uint16 */
    uint8_t *add;               /* uint16 */
    Py_ssize_t width, height;
    Py_ssize_t values_stride, show_stride, fill_stride, add_stride;
    int mirror; /* 0 no, 1 each value, 2 in pairs */
} Weighing;

/* `group` values belong together and stay in order when mirrored: 1 luma, 2 chroma. */
INLINE void weigh_row(const uint8_t *values, const uint16_t *show, const uint16_t *fill,
                      uint16_t *add, Py_ssize_t width)
{
    for (Py_ssize_t x = 0; x < width; x++)
        add[x] = (uint16_t)((uint16_t)(values[x] * show[x]) + fill[x]);
}

INLINE void mirror_row(const uint8_t *values, uint8_t *out, Py_ssize_t width, Py_ssize_t first,
                       Py_ssize_t count, int group)
{
    if (group == 1)
        for (Py_ssize_t x = 0; x < count; x++)
            out[x] = values[width - 1 - (first + x)];
    else
        for (Py_ssize_t x = 0; x < count; x += 2) {
            out[x] = values[width - 2 - (first + x)];
            out[x + 1] = values[width - 1 - (first + x)];
        }
}

enum { CHUNK = 512 }; /* values turned around at once: small enough for the stack, even */

INLINE void weigh_rows(const Weighing *it)
{
    const Py_ssize_t width = it->width;
    uint8_t turned[CHUNK];
    for (Py_ssize_t y = 0; y < it->height; y++) {
        const uint8_t *values = it->values + y * it->values_stride;
        const uint16_t *show = (const uint16_t *)(it->show + y * it->show_stride);
        const uint16_t *fill = (const uint16_t *)(it->fill + y * it->fill_stride);
        uint16_t *add = (uint16_t *)(it->add + y * it->add_stride);
        if (it->mirror == 0) {
            weigh_row(values, show, fill, add, width);
            continue;
        }
        for (Py_ssize_t first = 0; first < width; first += CHUNK) {
            const Py_ssize_t count = width - first < CHUNK ? width - first : CHUNK;
            mirror_row(values, turned, width, first, count, it->mirror);
            weigh_row(turned, show + first, fill + first, add + first, count);
        }
    }
}

static void weigh_c(const Weighing *it) { weigh_rows(it); }

/* ---- Y'CbCr of another matrix or range to BT.709 limited ------------------------------------ */

enum { RECOLOUR_BITS = 14, RECOLOUR_BIAS = (128 << RECOLOUR_BITS) + (1 << (RECOLOUR_BITS - 1)) };

typedef struct {
    uint8_t *luma, *chroma;
    Py_ssize_t width, height, luma_stride, chroma_stride;
    int y_gain, y_bias, y_cb, y_cr, cb_cb, cb_cr, cr_cb, cr_cr;
} Recolouring;

INLINE uint8_t clamped(int32_t value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

INLINE void recolour_luma(uint8_t *luma, const int32_t *offset, int gain, Py_ssize_t count)
{
    for (Py_ssize_t x = 0; x < count; x++)
        luma[x] = clamped((luma[x] * gain + offset[x]) >> RECOLOUR_BITS);
}

INLINE void recolour_rows(const Recolouring *from)
{
    const Recolouring it = *from;
    int32_t offset[CHUNK];
    for (Py_ssize_t y = 0; y < it.height; y += 2) {
        uint8_t *luma = it.luma + y * it.luma_stride;
        uint8_t *chroma = it.chroma + y / 2 * it.chroma_stride;
        for (Py_ssize_t first = 0; first < it.width; first += CHUNK) {
            const Py_ssize_t count = it.width - first < CHUNK ? it.width - first : CHUNK;
            for (Py_ssize_t x = 0; x < count; x += 2) {
                uint8_t *pair = chroma + first + x;
                const int32_t cb = pair[0] - 128, cr = pair[1] - 128;
                offset[x] = offset[x + 1] = cb * it.y_cb + cr * it.y_cr + it.y_bias;
                pair[0] = clamped((cb * it.cb_cb + cr * it.cb_cr + RECOLOUR_BIAS) >> RECOLOUR_BITS);
                pair[1] = clamped((cb * it.cr_cb + cr * it.cr_cr + RECOLOUR_BIAS) >> RECOLOUR_BITS);
            }
            recolour_luma(luma + first, offset, it.y_gain, count);
            recolour_luma(luma + it.luma_stride + first, offset, it.y_gain, count);
        }
    }
}

static void recolour_c(const Recolouring *it) { recolour_rows(it); }

#if HAS_AVX2
#define PAIRS(a, b) _mm256_set1_epi32((int32_t)((uint16_t)(a) | (uint32_t)(b) << 16))

/* Sixteen values of luma; `offset` holds what the eight colours above them add. */
FOR_AVX2 INLINE void recolour_luma_16(uint8_t *luma, __m256i gain, __m256i offset)
{
    const __m256i words = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)luma));
    const __m256i none = _mm256_setzero_si256();
    __m256i low = _mm256_madd_epi16(_mm256_unpacklo_epi16(words, none), gain);
    __m256i high = _mm256_madd_epi16(_mm256_unpackhi_epi16(words, none), gain);
    low = _mm256_add_epi32(low, _mm256_unpacklo_epi32(offset, offset));
    high = _mm256_add_epi32(high, _mm256_unpackhi_epi32(offset, offset));
    const __m256i mixed = _mm256_packs_epi32(_mm256_srai_epi32(low, RECOLOUR_BITS),
                                             _mm256_srai_epi32(high, RECOLOUR_BITS));
    _mm_storeu_si128((__m128i *)luma, _mm_packus_epi16(_mm256_castsi256_si128(mixed),
                                                       _mm256_extracti128_si256(mixed, 1)));
}

/* Whether all numbers fit the signed words of the multipliers. */
INLINE int is_narrow(const Recolouring *it)
{
    const int numbers[7] = {it->y_gain, it->y_cb, it->y_cr, it->cb_cb, it->cb_cr, it->cr_cb, it->cr_cr};
    for (int index = 0; index < 7; index++)
        if (numbers[index] != (int16_t)numbers[index])
            return 0;
    return 1;
}

FOR_AVX2 static void recolour_avx2(const Recolouring *from)
{
    const Recolouring it = *from;
    const Py_ssize_t whole = is_narrow(from) ? it.width & ~(Py_ssize_t)15 : 0;
    const __m256i gain = PAIRS(it.y_gain, 0), to_y = PAIRS(it.y_cb, it.y_cr);
    const __m256i to_cb = PAIRS(it.cb_cb, it.cb_cr), to_cr = PAIRS(it.cr_cb, it.cr_cr);
    const __m256i y_bias = _mm256_set1_epi32(it.y_bias), bias = _mm256_set1_epi32(RECOLOUR_BIAS);
    for (Py_ssize_t y = 0; y < it.height; y += 2)
        for (Py_ssize_t x = 0; x < whole; x += 16) {
            uint8_t *luma = it.luma + y * it.luma_stride + x;
            uint8_t *chroma = it.chroma + y / 2 * it.chroma_stride + x;
            __m256i pairs = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)chroma));
            pairs = _mm256_sub_epi16(pairs, _mm256_set1_epi16(128));
            const __m256i offset = _mm256_add_epi32(_mm256_madd_epi16(pairs, to_y), y_bias);
            recolour_luma_16(luma, gain, offset);
            recolour_luma_16(luma + it.luma_stride, gain, offset);
            __m256i cb = _mm256_add_epi32(_mm256_madd_epi16(pairs, to_cb), bias);
            __m256i cr = _mm256_add_epi32(_mm256_madd_epi16(pairs, to_cr), bias);
            cb = _mm256_and_si256(_mm256_srai_epi32(cb, RECOLOUR_BITS), _mm256_set1_epi32(0xFFFF));
            cr = _mm256_slli_epi32(_mm256_srai_epi32(cr, RECOLOUR_BITS), 16);
            pairs = _mm256_or_si256(cb, cr);
            _mm_storeu_si128((__m128i *)chroma, _mm_packus_epi16(_mm256_castsi256_si128(pairs),
                                                                 _mm256_extracti128_si256(pairs, 1)));
        }
    const Recolouring rest = {it.luma + whole, it.chroma + whole, it.width - whole, it.height,
                              it.luma_stride, it.chroma_stride, it.y_gain, it.y_bias, it.y_cb,
                              it.y_cr, it.cb_cb, it.cb_cr, it.cr_cb, it.cr_cr};
    recolour_rows(&rest);
}
#endif

/* ---- Shrinking ----------------------------------------------------------------------------- */

#include "_shrink.h"

#if HAS_AVX2
FOR_AVX2 static void blend_avx2(const Blend *it) { blend_rows(it); }
FOR_AVX2 static void weigh_avx2(const Weighing *it) { weigh_rows(it); }
#endif

enum { REVISION = 2 }; /* portable.py holds the same number */

/* ---- Python ------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    void (*convert)(const Conversion *);
    void (*blend)(const Blend *);
    void (*weigh)(const Weighing *);
    void (*recolour)(const Recolouring *);
    void (*shrink)(const Shrinking *);
} Variant;

static const Variant variants[] = {
    {"c", convert_c, blend_c, weigh_c, recolour_c, shrink_c},
#if HAS_AVX2
    {"avx2", convert_avx2, blend_avx2, weigh_avx2, recolour_avx2, shrink_avx2},
#endif
};

#include "../_kernel_variants.h"

/* An array of `rank` dimensions whose rows may be strided but whose elements within a row are
 * adjacent. Returns 0, or -1 with an exception set. */
static int get_array(PyObject *object, Py_buffer *view, int rank, Py_ssize_t item, int is_writable)
{
    int flags = PyBUF_STRIDES | (is_writable ? PyBUF_WRITABLE : 0);
    Py_ssize_t step = item;
    if (PyObject_GetBuffer(object, view, flags) != 0)
        return -1;
    int is_right = view->ndim == rank && view->itemsize == item;
    for (int axis = rank - 1; is_right && axis > 0; axis--) {
        is_right = view->shape[axis] <= 1 || view->strides[axis] == step;
        step *= view->shape[axis];
    }
    /* Rows of uint16 are read as such. */
    if (is_right && item > 1)
        is_right = (uintptr_t)view->buf % (size_t)item == 0 && view->strides[0] % item == 0;
    if (is_right)
        return 0;
    PyBuffer_Release(view);
    PyErr_SetString(PyExc_ValueError, "array of another rank, type or memory order than needed");
    return -1;
}

static int fail_shapes(void)
{
    PyErr_SetString(PyExc_ValueError, "the shapes of the arrays do not fit together");
    return -1;
}

static void release_all(Py_buffer *views, int count)
{
    for (int index = 0; index < count; index++)
        PyBuffer_Release(&views[index]);
}

static PyObject *py_convert(PyObject *module, PyObject *args)
{
    PyObject *objects[3];
    Py_buffer views[3];
    (void)module;
    if (!PyArg_ParseTuple(args, "OOO", &objects[0], &objects[1], &objects[2]))
        return NULL;
    for (int index = 0; index < 3; index++) {
        if (get_array(objects[index], &views[index], index == 1 ? 2 : 3, 1, index > 0) != 0) {
            release_all(views, index);
            return NULL;
        }
    }
    Py_ssize_t height = views[1].shape[0], width = views[1].shape[1];
    int fits = height % 2 == 0 && width % 2 == 0 && views[0].shape[0] == height &&
               views[0].shape[1] == width && views[0].shape[2] == 4 &&
               views[2].shape[0] == height / 2 && views[2].shape[1] == width / 2 &&
               views[2].shape[2] == 2;
    if (fits) {
        Conversion it = {views[0].buf, views[1].buf, views[2].buf, width, height,
                         views[0].strides[0], views[1].strides[0], views[2].strides[0]};
        Py_BEGIN_ALLOW_THREADS
        chosen->convert(&it);
        Py_END_ALLOW_THREADS
    }
    release_all(views, 3);
    if (!fits && fail_shapes() != 0)
        return NULL;
    Py_RETURN_NONE;
}

/* Four arrays of one shape, two-dimensional; the items' sizes in bytes; the last is written. */
static int get_planes(PyObject **objects, Py_buffer *views, const Py_ssize_t *items)
{
    for (int index = 0; index < 4; index++) {
        if (get_array(objects[index], &views[index], 2, items[index], index == 3) != 0) {
            release_all(views, index);
            return -1;
        }
    }
    for (int index = 0; index < 3; index++) {
        if (views[index].shape[0] != views[3].shape[0] || views[index].shape[1] != views[3].shape[1]) {
            release_all(views, 4);
            return fail_shapes();
        }
    }
    return 0;
}

static PyObject *py_blend(PyObject *module, PyObject *args)
{
    static const Py_ssize_t items[4] = {1, 2, 2, 1};
    PyObject *given[4];
    Py_buffer views[4];
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOO", &given[0], &given[1], &given[2], &given[3]) ||
        get_planes(given, views, items) != 0)
        return NULL;
    Blend it = {views[0].buf, views[1].buf, views[2].buf, views[3].buf,
                views[3].shape[1], views[3].shape[0], views[0].strides[0],
                views[1].strides[0], views[2].strides[0], views[3].strides[0]};
    Py_BEGIN_ALLOW_THREADS
    chosen->blend(&it);
    Py_END_ALLOW_THREADS
    release_all(views, 4);
    Py_RETURN_NONE;
}

static PyObject *py_weigh(PyObject *module, PyObject *args)
{
    static const Py_ssize_t items[4] = {1, 2, 2, 2};
    PyObject *given[4];
    Py_buffer views[4];
    int mirror;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOOi", &given[0], &given[1], &given[2], &given[3], &mirror) ||
        get_planes(given, views, items) != 0)
        return NULL;
    if (mirror < 0 || mirror > 2 || (mirror == 2 && views[3].shape[1] % 2 != 0)) {
        release_all(views, 4);
        PyErr_SetString(PyExc_ValueError, "mirror is 0, 1, or 2 for rows of whole pairs");
        return NULL;
    }
    Weighing it = {views[0].buf, views[1].buf, views[2].buf, views[3].buf,
                   views[3].shape[1], views[3].shape[0], views[0].strides[0],
                   views[1].strides[0], views[2].strides[0], views[3].strides[0], mirror};
    Py_BEGIN_ALLOW_THREADS
    chosen->weigh(&it);
    Py_END_ALLOW_THREADS
    release_all(views, 4);
    Py_RETURN_NONE;
}

static PyObject *py_recolour(PyObject *module, PyObject *args)
{
    PyObject *luma, *chroma;
    Py_buffer views[2];
    Recolouring it;
    (void)module;
    if (!PyArg_ParseTuple(args, "OO(iiiiiiii)", &luma, &chroma, &it.y_gain, &it.y_bias, &it.y_cb,
                          &it.y_cr, &it.cb_cb, &it.cb_cr, &it.cr_cb, &it.cr_cr))
        return NULL;
    if (get_array(luma, &views[0], 2, 1, 1) != 0)
        return NULL;
    if (get_array(chroma, &views[1], 3, 1, 1) != 0) {
        release_all(views, 1);
        return NULL;
    }
    it.luma = views[0].buf;
    it.chroma = views[1].buf;
    it.height = views[0].shape[0];
    it.width = views[0].shape[1];
    it.luma_stride = views[0].strides[0];
    it.chroma_stride = views[1].strides[0];
    int fits = it.height % 2 == 0 && it.width % 2 == 0 && views[1].shape[0] == it.height / 2 &&
               views[1].shape[1] == it.width / 2 && views[1].shape[2] == 2;
    if (fits) {
        Py_BEGIN_ALLOW_THREADS
        chosen->recolour(&it);
        Py_END_ALLOW_THREADS
    }
    release_all(views, 2);
    if (!fits && fail_shapes() != 0)
        return NULL;
    Py_RETURN_NONE;
}

/* The numbers of one direction: int32 (n,) and int16 (n, taps), each in one piece, and every tap
 * within `limit` source values. Returns 0, or -1 with an exception set and nothing held. */
static int get_taps(PyObject *first, PyObject *weights, Py_buffer *views, Py_ssize_t limit, Taps *taps)
{
    if (get_array(first, &views[0], 1, sizeof(int32_t), 0) != 0)
        return -1;
    if (get_array(weights, &views[1], 2, sizeof(int16_t), 0) != 0) {
        release_all(views, 1);
        return -1;
    }
    const Py_ssize_t length = views[0].shape[0], count = views[1].shape[1];
    *taps = (Taps){views[0].buf, views[1].buf, length, count};
    int fits = length > 0 && count > 0 && views[1].shape[0] == length &&
               (length == 1 || (views[0].strides[0] == (Py_ssize_t)sizeof(int32_t) &&
                                views[1].strides[0] == count * (Py_ssize_t)sizeof(int16_t)));
    for (Py_ssize_t index = 0; fits && index < length; index++)
        fits = taps->first[index] >= 0 && taps->first[index] <= limit - count;
    if (fits)
        return 0;
    release_all(views, 2);
    return fail_shapes();
}

/* Any strides; (height, width, group). Returns 0, or -1 with an exception set. */
static int get_picture(PyObject *object, Py_buffer *view, int is_writable)
{
    if (PyObject_GetBuffer(object, view, PyBUF_STRIDES | (is_writable ? PyBUF_WRITABLE : 0)) != 0)
        return -1;
    if (view->ndim == 3 && view->itemsize == 1 && (view->shape[2] == 1 || view->shape[2] == 2))
        return 0;
    PyBuffer_Release(view);
    PyErr_SetString(PyExc_ValueError, "array of another rank, type or memory order than needed");
    return -1;
}

/* Describes values and out in `it`; whether they fit each other and the taps. */
static int fit_pictures(Shrinking *it, const Py_buffer *values, const Py_buffer *out)
{
    it->group = values->shape[2];
    it->values = values->buf;
    it->stride = values->strides[0];
    it->step = it->group == 2 ? values->strides[2] : values->strides[1];
    it->width = values->shape[1] * it->group;
    it->out = out->buf;
    it->out_stride = out->strides[0];
    it->out_step = out->strides[1];
    it->out_group_step = out->strides[2];
    return (it->group == 1 || values->shape[1] == 1 || values->strides[1] == 2 * it->step) &&
           out->shape[0] == it->rows.length && out->shape[1] == it->columns.length &&
           out->shape[2] == it->group;
}

static PyObject *py_shrink(PyObject *module, PyObject *args)
{
    PyObject *given[6];
    Py_buffer views[6]; /* values, out, rows, columns */
    Shrinking it;
    (void)module;
    if (!PyArg_ParseTuple(args, "O(OO)(OO)O", &given[0], &given[1], &given[2], &given[3], &given[4],
                          &given[5]))
        return NULL;
    int held = 0, done = -1;
    if (get_picture(given[0], &views[0], 0) == 0)
        held = 1;
    if (held == 1 && get_picture(given[5], &views[1], 1) == 0)
        held = 2;
    if (held == 2 && get_taps(given[1], given[2], &views[2], views[0].shape[0], &it.rows) == 0)
        held = 4;
    if (held == 4 && get_taps(given[3], given[4], &views[4], views[0].shape[1], &it.columns) == 0)
        held = 6;
    if (held == 6 && !fit_pictures(&it, &views[0], &views[1])) {
        fail_shapes();
    } else if (held == 6) {
        Py_BEGIN_ALLOW_THREADS
        done = get_work(&it);
        if (done == 0)
            chosen->shrink(&it);
        free_work(&it);
        Py_END_ALLOW_THREADS
        if (done != 0)
            PyErr_NoMemory();
    }
    release_all(views, held);
    if (done != 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"convert", py_convert, METH_VARARGS, "convert(pixels, luma, chroma): BGRA to NV12."},
    {"blend", py_blend, METH_VARARGS, "blend(under, keep, add, out): lay the overlay on."},
    {"weigh", py_weigh, METH_VARARGS, "weigh(values, show, fill, add, mirror): prepare it."},
    {"recolour", py_recolour, METH_VARARGS, "recolour(luma, chroma, numbers): to BT.709."},
    {"shrink", py_shrink, METH_VARARGS, "shrink(values, rows, columns, out): by area."},
    {"variants", py_variants, METH_NOARGS, "variants(): what this machine can run."},
    {"select", py_select, METH_VARARGS, "select(name): run this variant from now on."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_kernel", "The pixel loops of onetake.video, compiled.", -1, methods,
    NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__kernel(void)
{
    return make_kernel(&definition);
}
