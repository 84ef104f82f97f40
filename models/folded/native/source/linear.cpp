// Dense layers: y = x w^T + b, and their gradients.
#include "matmul.hpp"
#include "parallel.hpp"

namespace {

// The arguments of a call for all folds: base pointers of tensors [G, ...].
template <class T> struct Call {
    int64_t folds, rows, inputs, outputs, threads;
    const T *x, *weight, *bias;  // [M, K], [N, K], [N]
    T* y;                        // [M, N]
    const T* dy;                 // [M, N]
    T *dx, *dweight, *dbias;     // dx may be null
};

template <class T> void forward(const Call<T>& c) {
    parallel(c.folds, c.threads, [&](int64_t k) {
        Buffer<T> packed(packed_size<T>(c.inputs, c.outputs));
        pack_transposed<T>(packed, c.weight + k * c.outputs * c.inputs, c.inputs, c.outputs);
        product<T>({c.y + k * c.rows * c.outputs, c.outputs}, {c.x + k * c.rows * c.inputs, c.inputs}, 1, packed,
                   c.rows, c.inputs, c.outputs, {c.bias + k * c.outputs});
    });
}

// The gradients of a number of rows at a time, from a copy of dy that suits the products and the cache.
template <class T> void backward(const Call<T>& c) {
    parallel(c.folds, c.threads, [&](int64_t k) {
        const int64_t inputs = c.inputs, outputs = c.outputs, stride = odd_lines<T>(outputs);
        const T *weight = c.weight + k * outputs * inputs, *x = c.x + k * c.rows * inputs,
                *dy = c.dy + k * c.rows * outputs;
        T *dweight = c.dweight + k * outputs * inputs, *dbias = c.dbias + k * outputs;
        Buffer<T> packed(packed_size<T>(outputs, inputs)), copy(DEPTH * stride);
        if (c.dx) pack<T>(packed, {weight, inputs}, outputs, inputs);
        std::memset(dbias, 0, sizeof(T) * outputs);
        for (int64_t first = 0; first < c.rows || first == 0; first += DEPTH) {
            const int64_t count = c.rows - first < DEPTH ? c.rows - first : DEPTH;
            for (int64_t r = 0; r < count; ++r)
                std::memcpy(copy + r * stride, dy + (first + r) * outputs, sizeof(T) * outputs);
            outer<T>(dweight, first, copy, stride, {x + first * inputs, inputs}, count, outputs, inputs);
            add_columns<T>(dbias, copy, stride, count, outputs);
            if (c.dx)
                product<T>({c.dx + (k * c.rows + first) * inputs, inputs}, {copy, stride}, 1, packed, count, outputs,
                           inputs);
        }
    });
}

}  // namespace

extern "C" void linear_forward_float32(const Call<float>* call) { forward(*call); }
extern "C" void linear_forward_float64(const Call<double>* call) { forward(*call); }
extern "C" void linear_backward_float32(const Call<float>* call) { backward(*call); }
extern "C" void linear_backward_float64(const Call<double>* call) { backward(*call); }
