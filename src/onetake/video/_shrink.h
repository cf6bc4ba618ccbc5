/* Shrinking by area, part of `_kernel.c`: every output value is the mean of the source it covers.
 *
 * Rows first: source rows are weighted and summed, sixteen output rows at a time, along the row as it
 * lies in memory. Then columns, for which those sixteen are turned so that values of one column are
 * neighbours: both passes are plain loops over neighbours, which compilers vectorise. Weights of an
 * output sum to 256, so the first pass fills 16 bits and the second 24; it is rounded once, at the end.
 */
#ifndef ONETAKE_SHRINK_H
#define ONETAKE_SHRINK_H

#include <stdlib.h>

enum { LINES = 16, SHRINK_BIAS = 0x8000, AHEAD = 2, CACHE_LINE = 64 };

/* Output `i` is the sum of `count` source values from first[i] on, times weights[i * count...]. */
typedef struct {
    const int32_t *first;
    const int16_t *weights;
    Py_ssize_t length, count;
} Taps;

typedef struct {
    const uint8_t *values;
    Py_ssize_t stride, step; /* bytes from row to row and from value to value */
    Py_ssize_t width;        /* values in a row */
    Py_ssize_t group;        /* values that belong to one column: 1, or 2 for Cb and Cr */
    Taps rows, columns;
    uint8_t *out;
    Py_ssize_t out_stride, out_step, out_group_step;
    /* Work areas. Sums are kept less 0x8000, so that they are signed words for the multipliers. */
    int16_t *lines; /* [LINES][room] */
    int16_t *tall;  /* [room][LINES] */
    uint8_t *tile;  /* [outputs in a row][LINES] */
    Py_ssize_t room; /* width, up to whole sixteens */
} Shrinking;

/* Four source rows and what they weigh. */
typedef struct {
    const uint8_t *row[4];
    uint16_t weight[4];
} Four;

/* `as_words` for every second value of a packed picture: reads two bytes at once, the second in vain,
 * as compilers make better loops of whole words. */
INLINE uint16_t value_at(const uint8_t *row, Py_ssize_t x, Py_ssize_t step, int as_words)
{
    if (!as_words)
        return row[x * step];
    uint16_t word;
    memcpy(&word, row + 2 * x, sizeof word);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return word >> 8;
#else
    return word & 0xFF;
#endif
}

INLINE void add_four(uint16_t *sum, Four it, int is_first, Py_ssize_t begin, Py_ssize_t end,
                     Py_ssize_t step, int as_words)
{
    for (Py_ssize_t x = begin; x < end; x++)
        sum[x] = (uint16_t)((is_first ? SHRINK_BIAS : sum[x]) +
                            value_at(it.row[0], x, step, as_words) * it.weight[0] +
                            value_at(it.row[1], x, step, as_words) * it.weight[1] +
                            value_at(it.row[2], x, step, as_words) * it.weight[2] +
                            value_at(it.row[3], x, step, as_words) * it.weight[3]);
}

INLINE void add_rows(uint16_t *sum, const uint8_t *row, Py_ssize_t stride, Py_ssize_t step,
                     const int16_t *weights, Py_ssize_t count, Py_ssize_t width)
{
    /* The byte behind the last value may not be ours to read. */
    const Py_ssize_t words = step == 2 ? width - 1 : 0;
    for (Py_ssize_t tap = 0; tap < count; tap += 4) {
        Four four;
        for (int index = 0; index < 4; index++) { /* beyond the last tap: the first, weighing nothing */
            const int is_there = tap + index < count;
            four.row[index] = row + (is_there ? tap + index : 0) * stride;
            four.weight[index] = (uint16_t)(is_there ? weights[tap + index] : 0);
        }
        if (tap == 0) {
            add_four(sum, four, 1, 0, words, step, 1);
            add_four(sum, four, 1, words, width, step, 0);
        } else {
            add_four(sum, four, 0, 0, words, step, 1);
            add_four(sum, four, 0, words, width, step, 0);
        }
    }
}

/* Asks for the rows that the line AHEAD of `y` needs beyond those of the line before it: a picture
 * fresh from a device lies in no cache, and the few bytes of a row are over before a processor has
 * noticed that they come in order. */
INLINE void ask_for_rows(const Shrinking *it, Py_ssize_t y)
{
#if defined(__GNUC__) || defined(__clang__)
    if (y + AHEAD >= it->rows.length)
        return;
    const Py_ssize_t count = it->rows.count, bytes = it->width * it->step;
    for (Py_ssize_t row = it->rows.first[y + AHEAD - 1] + count; row < it->rows.first[y + AHEAD] + count; row++)
        for (Py_ssize_t at = 0; at < bytes; at += CACHE_LINE)
            __builtin_prefetch(it->values + row * it->stride + at);
#else
    (void)it;
    (void)y;
#endif
}

INLINE void sum_rows(const Shrinking *it, Py_ssize_t top, Py_ssize_t lines)
{
    for (Py_ssize_t line = 0; line < lines; line++) {
        const Py_ssize_t y = top + line, count = it->rows.count;
        const uint8_t *row = it->values + it->rows.first[y] * it->stride;
        const int16_t *weights = it->rows.weights + y * count;
        ask_for_rows(it, y);
        uint16_t *sums = (uint16_t *)it->lines + line * it->room;
        if (it->step == 1)
            add_rows(sums, row, it->stride, 1, weights, count, it->width);
        else if (it->step == 2)
            add_rows(sums, row, it->stride, 2, weights, count, it->width);
        else
            add_rows(sums, row, it->stride, it->step, weights, count, it->width);
    }
}

INLINE void sum_columns(const Shrinking *it)
{
    const Py_ssize_t group = it->group, count = it->columns.count;
    uint8_t *tile = it->tile;
    for (Py_ssize_t x = 0; x < it->columns.length; x++) {
        const int16_t *weights = it->columns.weights + x * count;
        for (Py_ssize_t part = 0; part < group; part++, tile += LINES) {
            const int16_t *values = it->tall + (it->columns.first[x] * group + part) * LINES;
            int32_t sums[LINES];
            for (int line = 0; line < LINES; line++)
                sums[line] = 256 * SHRINK_BIAS + 0x8000;
            Py_ssize_t tap = 0;
            for (; tap + 1 < count; tap += 2, values += 2 * group * LINES)
                for (int line = 0; line < LINES; line++)
                    sums[line] += values[line] * weights[tap] +
                                  values[group * LINES + line] * weights[tap + 1];
            if (tap < count)
                for (int line = 0; line < LINES; line++)
                    sums[line] += values[line] * weights[tap];
            for (int line = 0; line < LINES; line++)
                tile[line] = (uint8_t)(sums[line] >> 16);
        }
    }
}

INLINE int is_whole(const Shrinking *it) /* whether a row of the output lies in one piece */
{
    return it->out_step == it->group && (it->group == 1 || it->out_group_step == 1);
}

/* The outputs from `begin` on, turned back into rows. */
INLINE void write_tile(const Shrinking *it, Py_ssize_t top, Py_ssize_t lines, Py_ssize_t begin)
{
    const Py_ssize_t group = it->group, outputs = it->columns.length * group;
    for (Py_ssize_t line = 0; line < lines; line++) {
        uint8_t *out = it->out + (top + line) * it->out_stride;
        const uint8_t *tile = it->tile + line;
        if (is_whole(it))
            for (Py_ssize_t x = begin; x < outputs; x++)
                out[x] = tile[x * LINES];
        else if (group == 1)
            for (Py_ssize_t x = begin; x < outputs; x++)
                out[x * it->out_step] = tile[x * LINES];
        else
            for (Py_ssize_t x = begin; x < outputs; x++)
                out[x / 2 * it->out_step + x % 2 * it->out_group_step] = tile[x * LINES];
    }
}

static void shrink_c(const Shrinking *it)
{
    for (Py_ssize_t top = 0; top < it->rows.length; top += LINES) {
        const Py_ssize_t rest = it->rows.length - top, lines = rest < LINES ? rest : LINES;
        sum_rows(it, top, lines);
        for (Py_ssize_t x = 0; x < it->width; x++)
            for (Py_ssize_t line = 0; line < LINES; line++)
                it->tall[x * LINES + line] = it->lines[line * it->room + x];
        sum_columns(it);
        write_tile(it, top, lines, 0);
    }
}

#if HAS_AVX2
/* Eight rows of sixteen words, `room` apart, to sixteen columns of eight, LINES apart. */
FOR_AVX2 INLINE void turn_8x16(const int16_t *lines, Py_ssize_t room, int16_t *tall)
{
    __m256i row[8], pair[8], four[8];
    for (int line = 0; line < 8; line++)
        row[line] = _mm256_loadu_si256((const __m256i *)(lines + line * room));
    for (int line = 0; line < 4; line++) {
        pair[line] = _mm256_unpacklo_epi16(row[2 * line], row[2 * line + 1]);
        pair[line + 4] = _mm256_unpackhi_epi16(row[2 * line], row[2 * line + 1]);
    }
    for (int half = 0; half < 8; half += 4) /* columns 0..3, then 4..7, of each lane */
        for (int line = 0; line < 2; line++) {
            four[half + line] = _mm256_unpacklo_epi32(pair[half + 2 * line], pair[half + 2 * line + 1]);
            four[half + line + 2] = _mm256_unpackhi_epi32(pair[half + 2 * line], pair[half + 2 * line + 1]);
        }
    for (int column = 0; column < 8; column++) {
        const __m256i upper = four[column / 2 * 2], lower = four[column / 2 * 2 + 1];
        const __m256i both = column % 2 ? _mm256_unpackhi_epi64(upper, lower)
                                        : _mm256_unpacklo_epi64(upper, lower);
        _mm_storeu_si128((__m128i *)(tall + column * LINES), _mm256_castsi256_si128(both));
        _mm_storeu_si128((__m128i *)(tall + (column + 8) * LINES), _mm256_extracti128_si256(both, 1));
    }
}

/* `sum_columns`, two taps a multiplication: bytes of sixteen lines for each output. */
FOR_AVX2 INLINE void sum_columns_avx2(const Shrinking *it)
{
    const Py_ssize_t group = it->group, count = it->columns.count, step = group * LINES;
    const __m256i start = _mm256_set1_epi32(256 * SHRINK_BIAS + 0x8000);
    uint8_t *tile = it->tile;
    for (Py_ssize_t x = 0; x < it->columns.length; x++) {
        const int16_t *weights = it->columns.weights + x * count;
        for (Py_ssize_t part = 0; part < group; part++, tile += LINES) {
            const int16_t *values = it->tall + (it->columns.first[x] * group + part) * LINES;
            __m256i low = start, high = start;
            for (Py_ssize_t tap = 0; tap < count; tap += 2, values += 2 * step) {
                const int is_pair = tap + 1 < count;
                const uint32_t pair = (uint16_t)weights[tap] |
                                      (uint32_t)(is_pair ? weights[tap + 1] : 0) << 16;
                const __m256i both = _mm256_set1_epi32((int32_t)pair);
                const __m256i a = _mm256_loadu_si256((const __m256i *)values);
                const __m256i b = _mm256_loadu_si256((const __m256i *)(values + (is_pair ? step : 0)));
                low = _mm256_add_epi32(low, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), both));
                high = _mm256_add_epi32(high, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), both));
            }
            /* Unpacking and packing both work in halves: the lines stay in order. */
            const __m256i words = _mm256_packus_epi32(_mm256_srli_epi32(low, 16),
                                                      _mm256_srli_epi32(high, 16));
            _mm_storeu_si128((__m128i *)tile, _mm_packus_epi16(_mm256_castsi256_si128(words),
                                                               _mm256_extracti128_si256(words, 1)));
        }
    }
}

/* Sixteen outputs of sixteen lines, turned: shuffling two halves into each other four times. */
FOR_AVX2 INLINE void turn_16x16(const uint8_t *tile, uint8_t *out, Py_ssize_t stride, Py_ssize_t lines)
{
    __m128i now[LINES], next[LINES];
    for (int index = 0; index < LINES; index++)
        now[index] = _mm_loadu_si128((const __m128i *)(tile + index * LINES));
    for (int round = 0; round < 4; round++) {
        for (int index = 0; index < LINES / 2; index++) {
            next[2 * index] = _mm_unpacklo_epi8(now[index], now[index + LINES / 2]);
            next[2 * index + 1] = _mm_unpackhi_epi8(now[index], now[index + LINES / 2]);
        }
        memcpy(now, next, sizeof now);
    }
    for (int line = 0; line < lines; line++)
        _mm_storeu_si128((__m128i *)(out + line * stride), now[line]);
}

FOR_AVX2 INLINE void write_tile_avx2(const Shrinking *it, Py_ssize_t top, Py_ssize_t lines)
{
    const Py_ssize_t outputs = it->columns.length * it->group;
    const Py_ssize_t turned = is_whole(it) ? outputs & ~(Py_ssize_t)15 : 0;
    for (Py_ssize_t x = 0; x < turned; x += 16)
        turn_16x16(it->tile + x * LINES, it->out + top * it->out_stride + x, it->out_stride, lines);
    write_tile(it, top, lines, turned);
}

FOR_AVX2 static void shrink_avx2(const Shrinking *it)
{
    for (Py_ssize_t top = 0; top < it->rows.length; top += LINES) {
        const Py_ssize_t rest = it->rows.length - top, lines = rest < LINES ? rest : LINES;
        sum_rows(it, top, lines);
        for (Py_ssize_t x = 0; x < it->room; x += 16)
            for (Py_ssize_t line = 0; line < LINES; line += 8)
                turn_8x16(it->lines + line * it->room + x, it->room, it->tall + x * LINES + line);
        sum_columns_avx2(it);
        write_tile_avx2(it, top, lines);
    }
}
#endif

/* Returns 0, or -1 without memory; to be undone by `free_work`. */
static int get_work(Shrinking *it)
{
    const Py_ssize_t outputs = it->columns.length * it->group;
    it->room = (it->width + 15) / 16 * 16;
    it->lines = calloc((size_t)it->room * LINES, sizeof *it->lines);
    it->tall = calloc((size_t)it->room * LINES, sizeof *it->tall);
    it->tile = malloc((size_t)outputs * LINES);
    return it->lines != NULL && it->tall != NULL && it->tile != NULL ? 0 : -1;
}

static void free_work(Shrinking *it)
{
    free(it->lines);
    free(it->tall);
    free(it->tile);
}

#endif
