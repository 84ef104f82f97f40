// The LSTM, plain or with peepholes; models/folded/reference/lstm.py has the equations.
#include "recurrence.hpp"

namespace {

template <class T> struct Lstm : Layer<T> {
    static constexpr int GATES = 4, GRADIENTS = 4;
    using Layer<T>::size, Layer<T>::gates, Layer<T>::cells, Layer<T>::tanh_cells, Layer<T>::peephole;

    INLINE void start(int64_t row, int64_t u, int64_t left, Vector<T> (&sums)[4]) const {
        for (int g = 0; g < 4; ++g) sums[g] = load<T>(gates + (row * 4 + g) * size + u, left);
    }

    INLINE Vector<T> weight_of(int number, int64_t u, int64_t left) const {
        return load<T>(peephole + number * size + u, left);
    }

    INLINE void activate(int64_t s, int64_t b, int64_t row, int64_t u, int64_t left, Vector<T> (&a)[4]) const {
        const Vector<T> before = this->before(cells, this->c0, s, b, u, left);
        if (peephole) {
            a[0] += weight_of(0, u, left) * before;
            a[1] += weight_of(1, u, left) * before;
        }
        const Vector<T> i = sigmoid(a[0]), f = sigmoid(a[1]), g = tanh(a[2]), c = f * before + i * g;
        if (peephole) a[3] += weight_of(2, u, left) * c;
        const Vector<T> o = sigmoid(a[3]), tanh_c = tanh(c);
        T* out = gates + row * 4 * size + u;
        store<T>(out, i, left);
        store<T>(out + size, f, left);
        store<T>(out + 2 * size, g, left);
        store<T>(out + 3 * size, o, left);
        store<T>(cells + row * size + u, c, left);
        store<T>(tanh_cells + row * size + u, tanh_c, left);
        store<T>(this->hidden + row * size + u, o * tanh_c, left);
    }

    void slopes(int64_t s, int64_t first, int64_t last, int64_t u, int64_t left, T* dh, T* out, int64_t stride,
                const Sums<T>& sums) const {
        Vector<T> p[3] = {}, dp[3] = {};
        if (peephole)
            for (int n = 0; n < 3; ++n) {
                p[n] = weight_of(n, u, left);
                dp[n] = load<T>(sums.peephole + n * size + u, left);
            }
        for (int64_t b = first; b < last; ++b, dh += size, out += stride) {
            const int64_t row = this->row(s, b);
            const T* gate = gates + row * 4 * size + u;
            T *dcell = this->dcell + b * size + u, *to = out + u;
            const Vector<T> i = load<T>(gate, left), f = load<T>(gate + size, left), g = load<T>(gate + 2 * size, left),
                            o = load<T>(gate + 3 * size, left), tanh_c = load<T>(tanh_cells + row * size + u, left),
                            before = this->before(cells, this->c0, s, b, u, left), d = load<T>(dh + u, left),
                            d_o = d * tanh_c * (o * (1 - o));
            Vector<T> dc = load<T>(dcell, left) + d * o * (1 - tanh_c * tanh_c);
            if (peephole) dc += d_o * p[2];
            const Vector<T> d_i = dc * g * (i * (1 - i)), d_f = dc * before * (f * (1 - f)), d_g = dc * i * (1 - g * g);
            dc *= f;
            if (peephole) {
                dc += d_i * p[0];
                dc += d_f * p[1];
                dp[0] += d_i * before;
                dp[1] += d_f * before;
                dp[2] += d_o * load<T>(cells + row * size + u, left);
            }
            store<T>(to, d_i, left);
            store<T>(to + size, d_f, left);
            store<T>(to + 2 * size, d_g, left);
            store<T>(to + 3 * size, d_o, left);
            store<T>(dcell, dc, left);
            store<T>(dh + u, this->from_above(s - 1, b, u, left), left);
        }
        if (peephole)
            for (int n = 0; n < 3; ++n) store<T>(sums.peephole + n * size + u, dp[n], left);
    }
};

}  // namespace

extern "C" void lstm_forward_float32(const Layer<float>* layer) { forward<Lstm<float>>(*layer); }
extern "C" void lstm_forward_float64(const Layer<double>* layer) { forward<Lstm<double>>(*layer); }
extern "C" void lstm_backward_float32(const Layer<float>* layer) { backward<Lstm<float>>(*layer); }
extern "C" void lstm_backward_float64(const Layer<double>* layer) { backward<Lstm<double>>(*layer); }
