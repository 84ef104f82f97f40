// The GRU and Elman's layer; models/folded/reference/gru.py and rnn.py have the equations.
#include "recurrence.hpp"

namespace {

template <class T> struct Gru : Layer<T> {
    static constexpr int GATES = 3, GRADIENTS = 6;
    using Layer<T>::size, Layer<T>::gates, Layer<T>::products;

    INLINE void start(int64_t row, int64_t u, int64_t left, Vector<T> (&sums)[3]) const {
        for (int g = 0; g < 2; ++g) sums[g] = load<T>(gates + (row * 3 + g) * size + u, left);
        sums[2] = load<T>(this->recurrent_bias + u, left);
    }

    INLINE Vector<T> state(int64_t s, int64_t b, int64_t u, int64_t left) const {
        return this->before(this->hidden, this->h0, s, b, u, left);
    }

    INLINE void activate(int64_t s, int64_t b, int64_t row, int64_t u, int64_t left, Vector<T> (&a)[3]) const {
        T* out = gates + row * 3 * size + u;
        const Vector<T> r = sigmoid(a[0]), z = sigmoid(a[1]), n = tanh(load<T>(out + 2 * size, left) + r * a[2]);
        store<T>(out, r, left);
        store<T>(out + size, z, left);
        store<T>(out + 2 * size, n, left);
        store<T>(products + row * size + u, a[2], left);
        store<T>(this->hidden + row * size + u, n + z * (state(s, b, u, left) - n), left);
    }

    void slopes(int64_t s, int64_t first, int64_t last, int64_t u, int64_t left, T* dh, T* out, int64_t stride,
                const Sums<T>&) const {
        for (int64_t b = first; b < last; ++b, dh += size, out += stride) {
            const int64_t row = this->row(s, b);
            const T* gate = gates + row * 3 * size + u;
            const Vector<T> r = load<T>(gate, left), z = load<T>(gate + size, left), n = load<T>(gate + 2 * size, left),
                            q = load<T>(products + row * size + u, left), d = load<T>(dh + u, left),
                            d_n = d * (1 - z) * (1 - n * n), d_r = d_n * q * (r * (1 - r)),
                            d_z = d * (state(s, b, u, left) - n) * (z * (1 - z));
            for (T* to : {out + u, out + 3 * size + u}) {
                store<T>(to, d_r, left);
                store<T>(to + size, d_z, left);
            }
            store<T>(out + 2 * size + u, d_n, left);
            store<T>(out + 5 * size + u, d_n * r, left);
            store<T>(dh + u, this->from_above(s - 1, b, u, left) + d * z, left);
        }
    }
};

template <class T> struct Rnn : Layer<T> {
    static constexpr int GATES = 1, GRADIENTS = 1;
    using Layer<T>::size;

    INLINE void start(int64_t row, int64_t u, int64_t left, Vector<T> (&sums)[1]) const {
        sums[0] = load<T>(this->gates + row * size + u, left);
    }

    INLINE void activate(int64_t, int64_t, int64_t row, int64_t u, int64_t left, Vector<T> (&a)[1]) const {
        store<T>(this->hidden + row * size + u, tanh(a[0]), left);
    }

    void slopes(int64_t s, int64_t first, int64_t last, int64_t u, int64_t left, T* dh, T* out, int64_t stride,
                const Sums<T>&) const {
        for (int64_t b = first; b < last; ++b, dh += size, out += stride) {
            const Vector<T> h = load<T>(this->hidden + this->row(s, b) * size + u, left);
            store<T>(out + u, load<T>(dh + u, left) * (1 - h * h), left);
            store<T>(dh + u, this->from_above(s - 1, b, u, left), left);
        }
    }
};

}  // namespace

extern "C" void gru_forward_float32(const Layer<float>* layer) { forward<Gru<float>>(*layer); }
extern "C" void gru_forward_float64(const Layer<double>* layer) { forward<Gru<double>>(*layer); }
extern "C" void gru_backward_float32(const Layer<float>* layer) { backward<Gru<float>>(*layer); }
extern "C" void gru_backward_float64(const Layer<double>* layer) { backward<Gru<double>>(*layer); }
extern "C" void rnn_forward_float32(const Layer<float>* layer) { forward<Rnn<float>>(*layer); }
extern "C" void rnn_forward_float64(const Layer<double>* layer) { forward<Rnn<double>>(*layer); }
extern "C" void rnn_backward_float32(const Layer<float>* layer) { backward<Rnn<float>>(*layer); }
extern "C" void rnn_backward_float64(const Layer<double>* layer) { backward<Rnn<double>>(*layer); }
