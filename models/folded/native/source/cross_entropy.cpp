// The cross-entropy of a dense layer's softmax, or of its mixture with a pointer, with all gradients.
//
// A chunk of rows is computed at a time, so that its logits stay in the cache. With m the maximum of a row's logits l,
// p = exp(l - m) and s = sum(p), the slope of the loss is (p / s - onehot(target)) * share: the products use
// q = p - s * onehot(target), and the factor share / s scales their narrower operand.
#include "matmul.hpp"
#include "parallel.hpp"

namespace {

template <class T> struct Softmax {
    int64_t size, tokens, stride, chunk;
    const T *weight, *bias;
    Buffer<T> packed, logits;

    // A chunk has about 512 KB of logits.
    Softmax(int64_t rows, int64_t size, int64_t tokens, const T* weight, const T* bias)
        : size(size), tokens(tokens), stride(odd_lines<T>(tokens)), chunk(chunk_rows(rows)), weight(weight), bias(bias),
          packed(packed_size<T>(size, tokens)),
          logits(chunk * stride) {
        pack_transposed<T>(packed, weight, size, tokens);
    }

    int64_t chunk_rows(int64_t rows) const {
        const int64_t fit = (1 << 19) / int64_t(sizeof(T) * stride) / ROWS * ROWS, least = 4 * ROWS;
        const int64_t most = fit > least ? fit : least;
        return rows < most ? rows : most;
    }

    void compute_logits(const T* hidden, int64_t rows) {
        product<T>({logits, stride}, {hidden, size}, 1, packed, rows, size, tokens, {bias});
    }

    // Return the maximum of a row.
    T maximum(const T* row) const {
        constexpr int W = Lanes<T>::W;
        Partial<T> most(-INFINITY);
        int64_t j = 0;
        for (; j + SUM_LANES <= tokens; j += SUM_LANES)
            for (int n = 0; n < Partial<T>::N; ++n) {
                const Vector<T> x = load(row + j + n * W);
                most.v[n] = x > most.v[n] ? x : most.v[n];
            }
        T result = most.max();
        for (; j < tokens; ++j) result = row[j] > result ? row[j] : result;
        return result;
    }

    // Replace a row by exp(l - most), and return the sum; the row's padding becomes 0.
    T exponentials(T* row, T most) const {
        constexpr int W = Lanes<T>::W;
        Partial<T> sum(0);
        for (int64_t j = 0; j < tokens; j += SUM_LANES)
            for (int n = 0; n < Partial<T>::N; ++n) {
                const int64_t left = tokens - j - n * W;
                if (left <= 0) break;
                Vector<T> x = exp(load(row + j + n * W) - most);
                if (left < W) {
                    Vector<T> kept{};
                    std::memcpy(&kept, &x, left * sizeof(T));
                    x = kept;
                }
                store(row + j + n * W, x);
                sum.v[n] += x;
            }
        return sum.sum();
    }
};

template <class T> T log_add(T a, T b) {
    if (a == -INFINITY && b == -INFINITY) return a;
    const T most = a > b ? a : b;
    return most + std::log1p(std::exp((a > b ? b : a) - most));
}

template <class T> struct Examples {
    const T* hidden;         // [M, H]
    const int64_t* target;   // [M]
    const T* share;          // [M]
    const T* log_weight;     // [M], or null for the softmax alone
    const T* probability;    // [M]
    T own_loss;
};

template <class T> struct Gradients {
    T *hidden, *weight, *bias, *log_weight, *probability;  // [M, H], [V, H], [V], [M], [M]
};

constexpr double LEAST = -80.0;  // log probability below which the gradient is capped, against overflow

// Return the factor of a row's q, and add to the sums of the loss and of the softmax's own cross-entropy.
template <class T>
T factor_of_row(const Examples<T>& rows, const Gradients<T>& d, int64_t row, T log_p, T sum, T& nats, T& own) {
    const T share = rows.share[row];
    if (!rows.log_weight) {
        nats -= log_p * share;
        return share / sum;
    }
    own -= log_p * share;
    const T from_softmax = rows.log_weight[row] + log_p;
    const T mixed = log_add(from_softmax, std::log(rows.probability[row]));
    nats -= mixed * share;
    d.log_weight[row] = -share * std::exp(from_softmax - mixed);
    d.probability[row] = -share * std::exp(-(mixed < T(LEAST) ? T(LEAST) : mixed));
    return (share * rows.own_loss - d.log_weight[row]) / sum;
}

template <class T>
void one_fold(int64_t num_rows, int64_t size, int64_t tokens, const Examples<T>& rows, const T* weight, const T* bias,
              const Gradients<T>& d, T* nats, T* own) {
    Softmax<T> softmax(num_rows, size, tokens, weight, bias);
    const int64_t chunk = softmax.chunk, stride = softmax.stride;
    Buffer<T> by_row(packed_size<T>(tokens, size)), scaled(packed_size<T>(chunk, size)), factor(chunk);
    pack<T>(by_row, {weight, size}, tokens, size);
    std::memset(d.bias, 0, sizeof(T) * tokens);
    *nats = *own = T(0);
    for (int64_t first = 0; first < num_rows; first += chunk) {
        const int64_t count = num_rows - first < chunk ? num_rows - first : chunk;
        const T* hidden = rows.hidden + first * size;
        softmax.compute_logits(hidden, count);
        for (int64_t r = 0; r < count; ++r) {
            T* row = softmax.logits + r * stride;
            const int64_t target = rows.target[first + r];
            const T most = softmax.maximum(row), of_target = row[target] - most, sum = softmax.exponentials(row, most);
            // The fold may not know the token at padding, and 0 times infinity is NaN.
            const T log_p = rows.share[first + r] == T(0) ? T(0) : of_target - std::log(sum);
            row[target] -= sum;
            factor[r] = factor_of_row(rows, d, first + r, log_p, sum, *nats, *own);
            for (int64_t j = 0; j < tokens; ++j) d.bias[j] += factor[r] * row[j];
        }
        T* dhidden = d.hidden + first * size;
        product<T>({dhidden, size}, {softmax.logits, stride}, 1, by_row, count, tokens, size);
        for (int64_t r = 0; r < count; ++r)
            for (int64_t j = 0; j < size; ++j) dhidden[r * size + j] *= factor[r];
        pack<T>(scaled, {hidden, size}, count, size, factor);
        product<T>({d.weight, size}, {softmax.logits, 1}, stride, scaled, tokens, count, size,
                   {first ? d.weight : nullptr, size});
    }
    if (num_rows == 0) std::memset(d.weight, 0, sizeof(T) * tokens * size);
}

// Log probabilities of `asked` tokens [M, K]; negative ones have probability 0.
template <class T>
void log_probabilities(int64_t num_rows, int64_t size, int64_t tokens, int64_t num_asked, const T* hidden,
                       const T* weight, const T* bias, const int64_t* asked, T* out) {
    Softmax<T> softmax(num_rows, size, tokens, weight, bias);
    Buffer<T> values(num_asked);
    for (int64_t first = 0; first < num_rows; first += softmax.chunk) {
        const int64_t count = num_rows - first < softmax.chunk ? num_rows - first : softmax.chunk;
        softmax.compute_logits(hidden + first * size, count);
        for (int64_t r = 0; r < count; ++r) {
            T* row = softmax.logits + r * softmax.stride;
            const int64_t at = (first + r) * num_asked;
            const T most = softmax.maximum(row);
            for (int64_t k = 0; k < num_asked; ++k)
                values[k] = asked[at + k] < 0 ? T(-INFINITY) : row[asked[at + k]] - most;
            const T log_sum = std::log(softmax.exponentials(row, most));
            for (int64_t k = 0; k < num_asked; ++k) out[at + k] = values[k] - log_sum;
        }
    }
}

// The arguments of a call for all folds: base pointers of tensors [G, ...].
template <class T> struct Call {
    int64_t folds, rows, size, tokens, asked, threads;
    const T *hidden, *weight, *bias;
    const int64_t* target;  // [G, M], or [G, M, K] asked tokens
    const T *share, *log_weight, *probability, *own_loss;
    T *dhidden, *dweight, *dbias, *dlog_weight, *dprobability, *nats, *own, *log_p;
};

template <class T> void cross_entropy(const Call<T>& c) {
    parallel(c.folds, c.threads, [&](int64_t k) {
        const int64_t row = k * c.rows, table = k * c.tokens;
        const bool mixed = c.log_weight;
        one_fold<T>(c.rows, c.size, c.tokens,
                    {c.hidden + row * c.size, c.target + row, c.share + row, mixed ? c.log_weight + row : nullptr,
                     mixed ? c.probability + row : nullptr, *c.own_loss},
                    c.weight + table * c.size, c.bias + table,
                    {c.dhidden + row * c.size, c.dweight + table * c.size, c.dbias + table,
                     mixed ? c.dlog_weight + row : nullptr, mixed ? c.dprobability + row : nullptr},
                    c.nats + k, c.own + k);
    });
}

template <class T> void log_probabilities(const Call<T>& c) {
    parallel(c.folds, c.threads, [&](int64_t k) {
        const int64_t row = k * c.rows, table = k * c.tokens;
        log_probabilities<T>(c.rows, c.size, c.tokens, c.asked, c.hidden + row * c.size, c.weight + table * c.size,
                             c.bias + table, c.target + row * c.asked, c.log_p + row * c.asked);
    });
}

}  // namespace

extern "C" void cross_entropy_float32(const Call<float>* call) { cross_entropy(*call); }
extern "C" void cross_entropy_float64(const Call<double>* call) { cross_entropy(*call); }
extern "C" void log_probabilities_float32(const Call<float>* call) { log_probabilities(*call); }
extern "C" void log_probabilities_float64(const Call<double>* call) { log_probabilities(*call); }
