// The functions that matmul.hpp declares.
#include "matmul.hpp"

namespace {

// Pack a matrix; write(k, first, columns, out) writes a part of its row k.
template <class T, class Write> void pack_elements(T* to, int64_t depth, int64_t width, const Write& write) {
    for_panels<T>(width, [&](int64_t first, auto vectors) {
        constexpr int64_t wide = decltype(vectors)::value * Lanes<T>::W;
        const int64_t columns = width - first < wide ? width - first : wide;
        for (int64_t k = 0; k < depth; ++k, to += wide) {
            write(k, first, columns, to);
            for (int64_t j = columns; j < wide; ++j) to[j] = T(0);
        }
    });
}

template <class T, class Stride>
void multiply_all(Rows<T> c, Rows<const T> a, Stride stride, const T* b, int64_t rows, int64_t depth, int64_t width,
                  Rows<const T> start) {
    constexpr int W = Lanes<T>::W;
    for (int64_t k = 0; k < depth || k == 0; k += DEPTH) {
        const int64_t part = depth - k < DEPTH ? depth - k : DEPTH;
        for_panels<T>(width, [&](int64_t first, auto vectors) {
            constexpr int N = decltype(vectors)::value;
            const T* panel = b + first * depth + k * N * W;
            const int64_t left = width - first;
            for_rows(0, rows, [&](int64_t r, auto count) {
                constexpr int M = decltype(count)::value;
                Vector<T> sums[M][N] = {};
                const T* from[M];
                for (int m = 0; m < M; ++m) from[m] = a.at(r + m) + k * stride;
                if (k || start.exist())
                    for (int m = 0; m < M; ++m) {
                        const T* before = (k ? c.at(r + m) : start.at(r + m)) + first;
                        for (int n = 0; n < N; ++n) sums[m][n] = load<T>(before + n * W, left - n * W);
                    }
                multiply<T, M, N>(sums, from, stride, panel, part);
                for (int m = 0; m < M; ++m)
                    for (int n = 0; n < N; ++n) store<T>(c.at(r + m) + first + n * W, sums[m][n], left - n * W);
            });
        });
    }
}

}  // namespace

template <class T> void pack(T* to, Rows<const T> from, int64_t depth, int64_t width, const T* scale) {
    pack_elements<T>(to, depth, width, [&](int64_t k, int64_t first, int64_t columns, T* out) {
        const T* row = from.at(k);
        const T factor = scale ? scale[k] : T(1);
        for (int64_t j = 0; j < columns; ++j) out[j] = row ? row[first + j] * factor : T(0);
    });
}

template <class T> void pack_transposed(T* to, const T* from, int64_t depth, int64_t width) {
    for_panels<T>(width, [&](int64_t first, auto vectors) {
        constexpr int64_t wide = decltype(vectors)::value * Lanes<T>::W;
        const int64_t columns = width - first < wide ? width - first : wide;
        transpose<T>(to, wide, from + first * depth, depth, columns, depth);
        for (int64_t k = 0; k < depth; ++k)
            for (int64_t j = columns; j < wide; ++j) to[k * wide + j] = T(0);
        to += depth * wide;
    });
}

template <class T>
void product(Rows<T> c, Rows<const T> a, int64_t stride, const T* b, int64_t rows, int64_t depth, int64_t width,
             Rows<const T> start) {
    if (stride == 1) multiply_all<T>(c, a, Contiguous(), b, rows, depth, width, start);
    else multiply_all<T>(c, a, stride, b, rows, depth, width, start);
}

template <class T>
void outer(T* out, bool add, const T* y, int64_t stride, Rows<const T> x, int64_t rows, int64_t outputs,
           int64_t inputs) {
    Buffer<T> packed(packed_size<T>(rows < DEPTH ? rows : DEPTH, inputs));
    for (int64_t first = 0; first < rows || first == 0; first += DEPTH) {
        const int64_t count = rows - first < DEPTH ? rows - first : DEPTH;
        pack<T>(packed, x.from(first), count, inputs);
        product<T>({out, inputs}, {y + first * stride, 1}, stride, packed, outputs, count, inputs,
                   {first || add ? out : nullptr, inputs});
    }
}

template <class T> void add_columns(T* to, const T* y, int64_t stride, int64_t rows, int64_t width) {
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t j = 0; j < width; ++j) to[j] += y[r * stride + j];
}

#define INSTANTIATE(T)                                                                                          \
    template void pack<T>(T*, Rows<const T>, int64_t, int64_t, const T*);                                       \
    template void pack_transposed<T>(T*, const T*, int64_t, int64_t);                                           \
    template void product<T>(Rows<T>, Rows<const T>, int64_t, const T*, int64_t, int64_t, int64_t, Rows<const T>); \
    template void outer<T>(T*, bool, const T*, int64_t, Rows<const T>, int64_t, int64_t, int64_t);              \
    template void add_columns<T>(T*, const T*, int64_t, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(double)
