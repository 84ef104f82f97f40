// Vectors of the instruction set's width, with exp, sigmoid and tanh.
//
// Every lane belongs to another element, and sums over elements use SUM_LANES partial sums. Results therefore do not
// depend on the width, and builds for 32 and 64 bytes agree to the last bit.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>

#define INLINE inline __attribute__((always_inline))

template <class T> struct Lanes {
    static constexpr int W = VECTOR_BYTES / sizeof(T);
    typedef T Vector __attribute__((vector_size(VECTOR_BYTES)));
    typedef T Unaligned __attribute__((vector_size(VECTOR_BYTES), aligned(alignof(T))));
};
template <class T> using Vector = typename Lanes<T>::Vector;
typedef Vector<float> Floats;
typedef Vector<double> Doubles;
typedef int32_t Ints __attribute__((vector_size(VECTOR_BYTES)));

template <class T> INLINE Vector<T> load(const T* p) { return *(const typename Lanes<T>::Unaligned*)p; }
template <class T> INLINE void store(T* p, Vector<T> v) { *(typename Lanes<T>::Unaligned*)p = v; }

// The same for the first n elements; the others are 0.
template <class T> INLINE Vector<T> load(const T* p, int64_t n) {
    if (n >= Lanes<T>::W) return load<T>(p);
    Vector<T> v{};
    std::memcpy(&v, p, n * sizeof(T));
    return v;
}
template <class T> INLINE void store(T* p, Vector<T> v, int64_t n) {
    if (n >= Lanes<T>::W) store(p, v);
    else std::memcpy(p, &v, n * sizeof(T));
}

// exp(x), 0 below -87: Cody and Waite's reduction and the polynomial of Cephes' expf (Moshier 1992). x <= 88.
INLINE Floats exp(Floats x) {
    const Floats magic = Floats{} + 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
    const Ints tiny = x < -87.0f;
    Floats n = x * 1.44269504088896341f + magic;
    const Ints k = (Ints)n;
    n -= magic;
    x -= n * 0.693359375f;
    x -= n * -2.12194440e-4f;
    Floats p = x * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * x + 8.3334519073e-3f;
    p = p * x + 4.1665795894e-2f;
    p = p * x + 1.6666665459e-1f;
    p = p * x + 5.0000001201e-1f;
    p = p * (x * x) + x + 1.0f;
    return tiny ? Floats{} : (Floats)((Ints)p + (k << 23));
}

INLINE Floats at_most(Floats x, float bound) { return x > bound ? Floats{} + bound : x; }

INLINE Floats sigmoid(Floats x) { return 1.0f / (1.0f + exp(at_most(-x, 88.0f))); }

// Cephes' tanhf: a polynomial for |x| < 0.625, which keeps the relative precision of small values.
INLINE Floats tanh(Floats x) {
    const Ints sign = (Ints)x & (int32_t)0x80000000;
    const Floats a = (Floats)((Ints)x & 0x7fffffff);
    const Floats large = 1.0f - 2.0f / (exp(at_most(a + a, 40.0f)) + 1.0f);
    const Floats z = x * x;
    Floats p = z * -5.70498872745e-3f + 2.06390887954e-2f;
    p = p * z + -5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z + -3.33332819422e-1f;
    const Floats small = x + x * z * p;
    return a < 0.625f ? small : (Floats)((Ints)large | sign);
}

// Double precision serves tests and references: the C library's functions, lane by lane.
INLINE Doubles exp(Doubles x) {
    for (int j = 0; j < Lanes<double>::W; ++j) x[j] = std::exp(x[j]);
    return x;
}
INLINE Doubles sigmoid(Doubles x) { return 1.0 / (1.0 + exp(-x)); }
INLINE Doubles tanh(Doubles x) {
    for (int j = 0; j < Lanes<double>::W; ++j) x[j] = std::tanh(x[j]);
    return x;
}

// SUM_LANES partial sums, or maxima, of an array's elements.
constexpr int SUM_LANES = 16;
template <class T> struct Partial {
    static constexpr int N = SUM_LANES / Lanes<T>::W;
    Vector<T> v[N];

    INLINE explicit Partial(T start) {
        for (int n = 0; n < N; ++n) v[n] = Vector<T>{} + start;
    }
    INLINE T sum() const {
        T lanes[SUM_LANES];
        std::memcpy(lanes, v, sizeof lanes);
        for (int width = SUM_LANES / 2; width > 0; width /= 2)
            for (int j = 0; j < width; ++j) lanes[j] += lanes[j + width];
        return lanes[0];
    }
    INLINE T max() const {
        T lanes[SUM_LANES];
        std::memcpy(lanes, v, sizeof lanes);
        T most = lanes[0];
        for (int j = 1; j < SUM_LANES; ++j) most = lanes[j] > most ? lanes[j] : most;
        return most;
    }
};

INLINE int64_t round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

// Memory that is aligned to cache lines and freed with its owner.
template <class T> class Buffer {
  public:
    explicit Buffer(int64_t n) : data_((T*)::operator new(sizeof(T) * (n > 0 ? n : 1), std::align_val_t(64))) {}
    ~Buffer() { ::operator delete(data_, std::align_val_t(64)); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    operator T*() const { return data_; }

  private:
    T* data_;
};
