// A recurrent layer of all folds in one call: inputs, recurrence, and all gradients. A cell is a struct that extends
// Layer by:
//
//   GATES, GRADIENTS   widths, in H, of the pre-activations, and of the gradients of a step
//   start(row, u, left, sums)
//       Set the sums of the gates of units u.. before the recurrent product.
//   activate(s, b, row, u, left, sums)
//       Compute and store what follows from the sums.
//   slopes(s, first, last, u, left, dh, out, stride, sums)
//       Write the gradients of a step of sequences first..last-1 to rows of `out`: [GATES, H] of the pre-activations,
//       and from (GRADIENTS - GATES) * H on [GATES, H] of the recurrent products (both may be the same). Replace dh by
//       the part of the gradient of h' that does not pass the recurrent weights. Add to the sums of peepholes.
//
// where s is a step, b a sequence, row the row of [T, B] at that step, and `left` units are left from u on.
//
// Steps are computed in groups of about DEPTH rows: the inputs' products before a group, in the backward pass all
// weights' gradients after it, while the group's pre-activations and gradients are in the cache.
#pragma once

#include "matmul.hpp"
#include "parallel.hpp"

// The arguments of a call: base pointers of tensors [G, ...]; the shapes are those of one fold.
template <class T> struct Layer {
    int64_t folds, steps, batch, size, inputs, backwards, threads;
    const int64_t* lengths;             // [B], or null if all sequences have T steps
    const T *x, *weight, *bias;         // [T, B, K], [n * H, K], [n * H]; no weights if `gates` has pre-activations
    const T *recurrent, *h0;            // [n * H, H]; [B, H] or null
    T *gates, *hidden;                  // [T, B, n * H] activations; [T, B, H]
    const T* dhidden;                   // [T, B, H]
    T *dx, *dweight, *dbias, *dpre;     // dx may be null; dpre [T, B, n * H] if `gates` had pre-activations
    T *drecurrent, *dh0;                // dh0 may be null
    T *cells, *tanh_cells;              // LSTM: [T, B, H]
    const T *c0, *peephole;             //       [B, H] or null; [3, H] or null
    T *dcell, *dpeephole;               //       [B, H] of the last c, replaced by that of c0; [3, H]
    T* products;                        // GRU: [T, B, H] q
    const T* recurrent_bias;            //      [H]
    T* drecurrent_bias;                 //      [H]

    // Return the arguments of one fold, for gates of `gates` * H.
    Layer fold(int64_t k, int64_t gates) const;

    // Return the row of [T, B] at step s of sequence b: backwards, a sequence is read from its end, and padding last.
    INLINE int64_t row(int64_t s, int64_t b) const {
        const int64_t length = lengths ? lengths[b] : steps;
        return (backwards && s < length ? length - 1 - s : s) * batch + b;
    }

    // Return the state [H] of sequence b before step s, from `states` [T, B, H] or `initial` [B, H], null for zeros.
    INLINE const T* before(const T* states, const T* initial, int64_t s, int64_t b) const {
        if (s > 0) return states + row(s - 1, b) * size;
        return initial ? initial + b * size : nullptr;
    }
    INLINE Vector<T> before(const T* states, const T* initial, int64_t s, int64_t b, int64_t u, int64_t left) const {
        const T* state = before(states, initial, s, b);
        return state ? load<T>(state + u, left) : Vector<T>{};
    }
    INLINE Vector<T> from_above(int64_t s, int64_t b, int64_t u, int64_t left) const {
        return s < 0 ? Vector<T>{} : load<T>(dhidden + row(s, b) * size + u, left);
    }
};

template <class T> Layer<T> Layer<T>::fold(int64_t k, int64_t n) const {
    const int64_t state = batch * size, sequence = steps * state, weights = n * size;
    const auto at = [k](auto* base, int64_t elements) { return base ? base + k * elements : nullptr; };
    Layer f = *this;
    f.lengths = at(lengths, batch);
    f.x = at(x, steps * batch * inputs);
    f.weight = at(weight, weights * inputs);
    f.bias = at(bias, weights);
    f.recurrent = at(recurrent, weights * size);
    f.h0 = at(h0, state);
    f.gates = at(gates, n * sequence);
    f.hidden = at(hidden, sequence);
    f.dhidden = at(dhidden, sequence);
    f.dx = at(dx, steps * batch * inputs);
    f.dweight = at(dweight, weights * inputs);
    f.dbias = at(dbias, weights);
    f.dpre = at(dpre, n * sequence);
    f.drecurrent = at(drecurrent, weights * size);
    f.dh0 = at(dh0, state);
    f.cells = at(cells, sequence);
    f.tanh_cells = at(tanh_cells, sequence);
    f.c0 = at(c0, state);
    f.peephole = at(peephole, 3 * size);
    f.dcell = at(dcell, state);
    f.dpeephole = at(dpeephole, 3 * size);
    f.products = at(products, sequence);
    f.recurrent_bias = at(recurrent_bias, size);
    f.drecurrent_bias = at(drecurrent_bias, size);
    return f;
}

// The rows of a group of steps of the sequences first..last-1, one step after another.
template <class T, class Cell> struct Group {
    const Cell& cell;
    int64_t first, last, rows;
    Buffer<T*> gates, dx, dpre;
    Buffer<const T*> x, before;

    Group(const Cell& cell, int64_t first, int64_t last, int64_t steps)
        : cell(cell), first(first), last(last), rows(0), gates(steps * (last - first)), dx(steps * (last - first)),
          dpre(steps * (last - first)), x(steps * (last - first)), before(steps * (last - first)) {}

    void set(int64_t from, int64_t to) {
        const int64_t wide = Cell::GATES * cell.size;
        rows = 0;
        for (int64_t s = from; s < to; ++s)
            for (int64_t b = first; b < last; ++b, ++rows) {
                const int64_t row = cell.row(s, b);
                gates[rows] = cell.gates + row * wide;
                x[rows] = cell.weight ? cell.x + row * cell.inputs : nullptr;
                dx[rows] = cell.dx ? cell.dx + row * cell.inputs : nullptr;
                dpre[rows] = cell.dpre ? cell.dpre + row * wide : nullptr;
                before[rows] = cell.before(cell.hidden, cell.h0, s, b);
            }
    }
};

// Pack recurrent weights [gates * H, H] into panels of one vector of units with all gates: [H / W][H][gates][W].
template <class T> void pack_gates(T* to, const T* recurrent, int64_t size, int gates) {
    constexpr int W = Lanes<T>::W;
    std::memset(to, 0, sizeof(T) * gates * packed_size<T>(size, size));
    for (int64_t u = 0; u < size; u += W, to += size * gates * W)
        for (int g = 0; g < gates; ++g)
            transpose<T>(to + g * W, gates * W, recurrent + (g * size + u) * size, size, size - u < W ? size - u : W,
                         size);
}

INLINE int64_t steps_of_group(int64_t sequences) { return sequences < DEPTH ? DEPTH / sequences : 1; }

// Run a layer forwards over the sequences first..last-1 of one fold.
template <class T, class Cell> void run(const Cell& cell, int64_t first, int64_t last) {
    constexpr int W = Lanes<T>::W, G = Cell::GATES;
    const int64_t size = cell.size, most = steps_of_group(last - first);
    Buffer<T> recurrent(G * packed_size<T>(size, size)), weight(packed_size<T>(cell.inputs, G * size));
    pack_gates<T>(recurrent, cell.recurrent, size, G);
    if (cell.weight) pack_transposed<T>(weight, cell.weight, cell.inputs, G * size);
    Group<T, Cell> group(cell, first, last, most);
    for (int64_t s = 0; s < cell.steps; ++s) {
        if (cell.weight && s % most == 0) {
            group.set(s, s + most < cell.steps ? s + most : cell.steps);
            product<T>({nullptr, 0, group.gates}, {nullptr, 0, group.x}, 1, weight, group.rows, cell.inputs, G * size,
                       {cell.bias});
        }
        for (int64_t u = 0; u < size; u += W)
            for_rows(first, last, [&](int64_t b, auto count) {
                constexpr int M = decltype(count)::value;
                Vector<T> sums[M][G];
                const T* before[M];
                for (int m = 0; m < M; ++m) {
                    before[m] = cell.before(cell.hidden, cell.h0, s, b + m);
                    cell.start(cell.row(s, b + m), u, size - u, sums[m]);
                }
                if (before[0]) multiply<T, M, G>(sums, before, Contiguous(), recurrent + u * size * G, size);
                for (int m = 0; m < M; ++m) cell.activate(s, b + m, cell.row(s, b + m), u, size - u, sums[m]);
            });
    }
}

// The gradients of weights that are summed over the groups of a task.
template <class T> struct Sums {
    T *weight, *bias, *recurrent, *recurrent_bias, *peephole;
    bool begun = false;
};

// Add a group's gradients of the weights, and write those of its inputs.
template <class T, class Cell>
void finish(const Group<T, Cell>& group, const T* gradients, int64_t stride, const T* packed, Sums<T>& sums) {
    const Cell& cell = group.cell;
    const int64_t size = cell.size, wide = Cell::GATES * size;
    const T* of_products = gradients + (Cell::GRADIENTS - Cell::GATES) * size;
    outer<T>(sums.recurrent, sums.begun, of_products, stride, {nullptr, 0, group.before}, group.rows, wide, size);
    if (cell.recurrent_bias) add_columns<T>(sums.recurrent_bias, of_products + 2 * size, stride, group.rows, size);
    if (cell.weight) {
        outer<T>(sums.weight, sums.begun, gradients, stride, {nullptr, 0, group.x}, group.rows, wide, cell.inputs);
        add_columns<T>(sums.bias, gradients, stride, group.rows, wide);
    } else
        for (int64_t r = 0; r < group.rows; ++r) std::memcpy(group.dpre[r], gradients + r * stride, sizeof(T) * wide);
    if (cell.dx)
        product<T>({nullptr, 0, group.dx}, {gradients, stride}, 1, packed, group.rows, wide, cell.inputs);
    sums.begun = true;
}

// Run a layer back through time over the sequences first..last-1 of one fold.
template <class T, class Cell> void run_back(const Cell& cell, int64_t first, int64_t last, Sums<T> sums) {
    constexpr int W = Lanes<T>::W, G = Cell::GATES;
    const int64_t size = cell.size, rows = last - first, most = steps_of_group(rows);
    const int64_t stride = odd_lines<T>(Cell::GRADIENTS * size);
    Buffer<T> recurrent(packed_size<T>(G * size, size)), weight(packed_size<T>(G * size, cell.inputs));
    Buffer<T> dh(rows * size), gradients(most * rows * stride);
    pack<T>(recurrent, {cell.recurrent, size}, G * size, size);
    if (cell.dx) pack<T>(weight, {cell.weight, cell.inputs}, G * size, cell.inputs);
    for (int64_t b = first; b < last; ++b)
        std::memcpy(dh + (b - first) * size, cell.dhidden + cell.row(cell.steps - 1, b) * size, sizeof(T) * size);
    Group<T, Cell> group(cell, first, last, most);
    for (int64_t s = cell.steps - 1; s >= 0; --s) {
        T* step = gradients + s % most * rows * stride;
        for (int64_t u = 0; u < size; u += W) cell.slopes(s, first, last, u, size - u, dh, step, stride, sums);
        if (s > 0 || cell.dh0)
            product<T>({dh, size}, {step + (Cell::GRADIENTS - G) * size, stride}, 1, recurrent, rows, G * size, size,
                       {dh, size});
        if (s % most) continue;
        group.set(s, s + most < cell.steps ? s + most : cell.steps);
        finish<T>(group, gradients, stride, weight, sums);
    }
    if (cell.dh0) std::memcpy(cell.dh0 + first * size, dh, sizeof(T) * rows * size);
}

// Call task(fold, part, first, last) for all sequences: a fold's are one part, or several if there are more threads.
template <class Layer, class Task> void for_parts(const Layer& layer, int64_t parts, const Task& task) {
    parallel(layer.folds * parts, layer.threads, [&](int64_t i) {
        const int64_t part = i % parts;
        task(i / parts, part, layer.batch * part / parts, layer.batch * (part + 1) / parts);
    });
}

template <class Layer> int64_t parts_of(const Layer& layer) {
    const int64_t parts = layer.folds ? layer.threads / layer.folds : 1;
    return parts < 1 || !layer.batch ? 1 : parts < layer.batch ? parts : layer.batch;
}

template <class Cell, class T> void forward(const Layer<T>& layer) {
    for_parts(layer, parts_of(layer), [&](int64_t k, int64_t, int64_t first, int64_t last) {
        if (first < last) run<T>(Cell{layer.fold(k, Cell::GATES)}, first, last);
    });
}

// Every part sums its gradients of the weights; the first part's become the fold's, to which the others are added.
template <class Cell, class T> void backward(const Layer<T>& layer) {
    const int64_t size = layer.size, wide = Cell::GATES * size, parts = parts_of(layer);
    const int64_t sizes[5] = {layer.weight ? wide * layer.inputs : 0, layer.weight ? wide : 0, wide * size,
                              layer.recurrent_bias ? size : 0, layer.peephole ? 3 * size : 0};
    const int64_t all = sizes[0] + sizes[1] + sizes[2] + sizes[3] + sizes[4];
    Buffer<T> others(layer.folds * (parts - 1) * all);
    for_parts(layer, parts, [&](int64_t k, int64_t part, int64_t first, int64_t last) {
        const Layer<T> fold = layer.fold(k, Cell::GATES);
        T* p = others + (k * (parts - 1) + part - 1) * all;
        Sums<T> sums{fold.dweight, fold.dbias, fold.drecurrent, fold.drecurrent_bias, fold.dpeephole};
        T** const each[5] = {&sums.weight, &sums.bias, &sums.recurrent, &sums.recurrent_bias, &sums.peephole};
        for (int n = 0; n < 5; ++n) {
            if (part) *each[n] = p, p += sizes[n];
            std::memset((void*)*each[n], 0, sizeof(T) * sizes[n]);
        }
        if (first < last) run_back<T>(Cell{fold}, first, last, sums);
    });
    for (int64_t k = 0; parts > 1 && k < layer.folds; ++k) {
        const Layer<T> fold = layer.fold(k, Cell::GATES);
        T* const totals[5] = {fold.dweight, fold.dbias, fold.drecurrent, fold.drecurrent_bias, fold.dpeephole};
        const T* p = others + k * (parts - 1) * all;
        for (int64_t part = 1; part < parts; ++part)
            for (int n = 0; n < 5; p += sizes[n++]) add_columns<T>(totals[n], p, 0, 1, sizes[n]);
    }
}
