// Matrix products of blocks of rows with panels: columns in groups of a few vectors, packed one row after another.
#pragma once

#include "vector.hpp"

constexpr int ROWS = VECTOR_BYTES == 32 ? 3 : 6;  // rows of a block: sums of 4 vectors each fit into the registers
constexpr int PANEL = 4;                          // vectors of a panel; the last panels of a matrix have 2 or 1
constexpr int64_t DEPTH = 256;                    // rows of a panel multiplied at a time: they fit into a cache

// A stride of 1 that is known to the compiler, for shorter addresses.
typedef std::integral_constant<int64_t, 1> Contiguous;

// Call f(first, count) for blocks of rows; count is a compile-time constant: ROWS, 4, 2 or 1.
template <class F> INLINE void for_rows(int64_t first, int64_t last, const F& f) {
    for (; first + ROWS <= last; first += ROWS) f(first, std::integral_constant<int, ROWS>());
    if constexpr (ROWS > 4)
        for (; first + 4 <= last; first += 4) f(first, std::integral_constant<int, 4>());
    for (; first + 2 <= last; first += 2) f(first, std::integral_constant<int, 2>());
    for (; first < last; ++first) f(first, std::integral_constant<int, 1>());
}

// Call f(first, vectors) for the panels of `width` columns; vectors is a compile-time constant.
template <class T, class F> INLINE void for_panels(int64_t width, const F& f) {
    constexpr int W = Lanes<T>::W;
    int64_t first = 0;
    for (; first + (PANEL - 1) * W < width; first += PANEL * W) f(first, std::integral_constant<int, PANEL>());
    for (; first + W < width; first += 2 * W) f(first, std::integral_constant<int, 2>());
    for (; first < width; first += W) f(first, std::integral_constant<int, 1>());
}

// c[m] += sum over k of a[m][k * stride] * panel[k], in the order of k.
template <class T, int M, int N, class Stride>
INLINE void multiply(Vector<T> (&c)[M][N], const T* const (&a)[M], Stride stride, const T* panel, int64_t depth) {
    constexpr int W = Lanes<T>::W;
    for (int64_t k = 0; k < depth; ++k, panel += N * W) {
        Vector<T> b[N];
        for (int n = 0; n < N; ++n) b[n] = *(const Vector<T>*)(panel + n * W);
        for (int m = 0; m < M; ++m)
            for (int n = 0; n < N; ++n) c[m][n] += a[m][k * stride] * b[n];
    }
}

// to[k * ldt + j] = from[j * ldf + k] for j < rows, k < columns, in blocks that fit into the cache.
template <class T>
INLINE void transpose(T* to, int64_t ldt, const T* from, int64_t ldf, int64_t rows, int64_t columns) {
    constexpr int64_t BLOCK = 64 / sizeof(T);
    for (int64_t first = 0; first < columns; first += BLOCK) {
        const int64_t last = first + BLOCK < columns ? first + BLOCK : columns;
        for (int64_t j = 0; j < rows; ++j)
            for (int64_t k = first; k < last; ++k) to[k * ldt + j] = from[j * ldf + k];
    }
}

// The number of elements of a packed matrix [depth][width].
template <class T> INLINE int64_t packed_size(int64_t depth, int64_t width) {
    return depth * round_up(width, Lanes<T>::W);
}

// The least distance of rows of `width` elements that is an odd number of cache lines: columns are then spread over the
// whole cache, while powers of two compete for few lines of it.
template <class T> INLINE int64_t odd_lines(int64_t width) {
    constexpr int64_t LINE = 64 / sizeof(T);
    return ((width + LINE - 1) / LINE | 1) * LINE;
}

// Rows of a matrix of const or mutable elements E: `step` elements apart from `first` on, or anywhere.
template <class E> struct Rows {
    E* first;
    int64_t step = 0;
    E* const* list = nullptr;

    INLINE E* at(int64_t r) const { return list ? list[r] : first + r * step; }
    INLINE Rows from(int64_t r) const { return list ? Rows{nullptr, 0, list + r} : Rows{first + r * step, step}; }
    INLINE bool exist() const { return list || first; }
};

// Pack a matrix [depth][width], its row k multiplied by scale[k] if there is a scale; null rows of a list become 0. The
// second function packs the transpose of a matrix [width][depth].
template <class T> void pack(T* to, Rows<const T> from, int64_t depth, int64_t width, const T* scale = nullptr);
template <class T> void pack_transposed(T* to, const T* from, int64_t depth, int64_t width);

// c [rows, width] = start + a b for a packed b [depth][width]. Elements of a row of a are `stride` apart. Without start
// (null) the sums begin with 0; a step of 0 adds one row to all.
template <class T>
void product(Rows<T> c, Rows<const T> a, int64_t stride, const T* b, int64_t rows, int64_t depth, int64_t width,
             Rows<const T> start = {nullptr});

// out [outputs, inputs] = y^T x, added to `out` if `add`, for y [rows, outputs], its rows `stride` apart, and x
// [rows, inputs]; null rows of x are 0.
template <class T>
void outer(T* out, bool add, const T* y, int64_t stride, Rows<const T> x, int64_t rows, int64_t outputs,
           int64_t inputs);

// Add the sums of the columns of y [rows, width], its rows `stride` apart.
template <class T> void add_columns(T* to, const T* y, int64_t stride, int64_t rows, int64_t width);
