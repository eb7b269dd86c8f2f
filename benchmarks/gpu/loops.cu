// The hot loops of kernels-gpu as a CUDA programmer would write them: the yardstick for the code that rustc
// makes of the product's kernels (sass.py compares the two). Nothing of it is part of the product.
//
// Each kernel is one loop on states in shared memory, with the operands, the launch bounds and the
// arithmetic of its counterpart in kernels-gpu/src; `double2` is one complex number.

struct Su2 {
    double2 a, b;  // [[a, -b*], [b, a*]]
};

__device__ __forceinline__ double2 times(double2 x, double2 y) {
    return make_double2(fma(-x.y, y.y, x.x * y.x), fma(x.y, y.x, x.x * y.y));
}

__device__ __forceinline__ double2 add_product(double2 sum, double2 x, double2 y) {
    return make_double2(fma(-x.y, y.y, fma(x.x, y.x, sum.x)), fma(x.y, y.x, fma(x.x, y.y, sum.y)));
}

__device__ __forceinline__ double2 conjugate(double2 x) { return make_double2(x.x, -x.y); }

__device__ __forceinline__ void apply(const Su2 &u, double2 &x0, double2 &x1) {
    double2 y0 = add_product(times(u.a, x0), make_double2(-u.b.x, u.b.y), x1);
    double2 y1 = add_product(times(u.b, x0), conjugate(u.a), x1);
    x0 = y0;
    x1 = y1;
}

struct Quads {
    unsigned low_mask, high_mask, control, target;

    __device__ __forceinline__ Quads(unsigned c, unsigned t)
        : low_mask((1u << min(c, t)) - 1), high_mask((1u << max(c, t)) - 1), control(1u << c), target(1u << t) {}

    __device__ __forceinline__ unsigned base(unsigned i) const {
        unsigned x = (i & ~low_mask) << 1 | (i & low_mask);
        return (x & ~high_mask) << 1 | (x & high_mask);
    }
};

extern __shared__ double2 memory[];

// G += panel^T panel, one 4x4 patch a thread: `accumulate` in lm/linearize.rs.
extern "C" __global__ void __launch_bounds__(128, 4) gram(unsigned quarter, unsigned stride, unsigned n_rows, double *out) {
    for (unsigned patch = threadIdx.x; patch < quarter * (quarter + 1) / 2; patch += blockDim.x) {
        unsigned p = 0;
        while ((p + 1) * (p + 2) / 2 <= patch) p++;
        unsigned q = patch - p * (p + 1) / 2;
        const double2 *left[4], *right[4];
#pragma unroll
        for (int r = 0; r < 4; r++) {
            left[r] = memory + (p + quarter * r) * stride;
            right[r] = memory + (q + quarter * r) * stride;
        }
        double sums[4][4] = {};
#pragma unroll 1
        for (unsigned row = 0; row < n_rows; row++) {
            double2 x[4], y[4];
#pragma unroll
            for (int r = 0; r < 4; r++) {
                x[r] = left[r][row];
                y[r] = right[r][row];
            }
#pragma unroll
            for (int r = 0; r < 4; r++)
#pragma unroll
                for (int s = 0; s < 4; s++) sums[r][s] = fma(x[r].y, y[s].y, fma(x[r].x, y[s].x, sums[r][s]));
        }
#pragma unroll
        for (int r = 0; r < 4; r++)
#pragma unroll
            for (int s = 0; s < 4; s++) out[(patch * 4 + r) * 4 + s] = sums[r][s];
    }
}

// One layer, a CX and two gates, on all quads: `push_layers` in states.rs.
extern "C" __global__ void __launch_bounds__(128, 4)
    layer(unsigned control, unsigned target, unsigned n_quads, unsigned gates_at, unsigned from_at, unsigned to_at) {
    Quads quads(control, target);
    const double2 *from = memory + from_at;
    double2 *to = memory + to_at;
    const Su2 *gates = reinterpret_cast<const Su2 *>(memory + gates_at);
#pragma unroll 1
    for (unsigned i = threadIdx.x; i < n_quads; i += blockDim.x) {
        Su2 on_control = gates[0], on_target = gates[1];
        unsigned base = quads.base(i), c = quads.control, t = quads.target;
        double2 x0 = from[base], x1 = from[base | t], x2 = from[(base | c) ^ t], x3 = from[(base | c | t) ^ t];
        apply(on_target, x0, x1);
        apply(on_target, x2, x3);
        apply(on_control, x0, x2);
        apply(on_control, x1, x3);
        to[base] = x0;
        to[base | t] = x1;
        to[base | c] = x2;
        to[base | c | t] = x3;
    }
}

__device__ __forceinline__ Su2 dagger(const Su2 &u) { return {conjugate(u.a), make_double2(-u.b.x, -u.b.y)}; }

// One amplitude of i*sigma*state.
__device__ __forceinline__ double2 seeded(double2 other, unsigned pauli, bool high) {
    double sign = high ? -1.0 : 1.0;
    if (pauli == 1) return make_double2(other.x * sign, other.y * sign);
    if (pauli == 0) return make_double2(-other.y, other.x);
    return make_double2(-other.y * sign, other.x * sign);
}

// Makes a tangent of a state after the CX of its layer.
__device__ __forceinline__ void seed(unsigned word, unsigned n, double2 (&q)[4]) {
    unsigned slot = word >> 2, pauli = word & 3;
    bool on_target = (slot - n) & 1, is_z = pauli == 2;
    double2 low[2] = {q[0], on_target ? q[2] : q[1]}, high[2] = {on_target ? q[1] : q[2], q[3]};
    double2 new_low[2], new_high[2];
#pragma unroll
    for (int k = 0; k < 2; k++) {
        new_low[k] = seeded(is_z ? low[k] : high[k], pauli, false);
        new_high[k] = seeded(is_z ? high[k] : low[k], pauli, true);
    }
    q[0] = new_low[0];
    q[1] = on_target ? new_high[0] : new_low[1];
    q[2] = on_target ? new_low[1] : new_high[0];
    q[3] = new_high[1];
}

struct Walk {
    unsigned n, k, layer, n_tangents, n_columns, stride;
    unsigned forward_end, n_left, n_moving, backward_start, n_quads, panel_at, gates_at, words_at;
};

// All tangents through one layer, the early ones forward and the late ones backward: `fill` in lm/linearize.rs.
extern "C" __global__ void __launch_bounds__(128, 4) tangents(Walk w) {
    double2 *panel = memory + w.panel_at;
    const Su2 *gates = reinterpret_cast<const Su2 *>(memory + w.gates_at);
    const unsigned *first_column = reinterpret_cast<const unsigned *>(memory + w.words_at);
    const unsigned *of_column = first_column + 512, *cx = first_column + 1024;
    unsigned item = threadIdx.x % w.n_moving, i = threadIdx.x / w.n_moving;
#pragma unroll 1
    while (i < w.n_quads) {
        double2 q[4];
        if (item < w.n_left) {
            unsigned word = cx[w.k], column = item;
            Quads quads(word & 255, word >> 8 & 255);
            Su2 on_control = gates[w.n + 2 * w.k], on_target = gates[w.n + 2 * w.k + 1];
            bool is_state = column == w.forward_end;
            bool is_new = !is_state && column >= first_column[w.n + 2 * w.k];
            double2 *own = panel + column * w.stride;
            const double2 *from = is_state || is_new ? panel + (w.n_columns + (w.k & 1)) * w.stride : own;
            double2 *to = is_state ? panel + (w.n_columns + (w.k + 1 & 1)) * w.stride : own;
            unsigned base = quads.base(i), c = quads.control, t = quads.target;
            q[0] = from[base], q[1] = from[base | t], q[2] = from[(base | c) ^ t], q[3] = from[(base | c | t) ^ t];
            if (is_new) seed(of_column[column], w.n, q);
            apply(on_target, q[0], q[1]);
            apply(on_target, q[2], q[3]);
            apply(on_control, q[0], q[2]);
            apply(on_control, q[1], q[3]);
            to[base] = q[0], to[base | t] = q[1], to[base | c] = q[2], to[base | c | t] = q[3];
        } else {
            unsigned word = cx[w.layer], column = w.backward_start + item - w.n_left;
            Quads quads(word & 255, word >> 8 & 255);
            Su2 on_control = dagger(gates[w.n + 2 * w.layer]), on_target = dagger(gates[w.n + 2 * w.layer + 1]);
            bool is_targets = column == w.n_tangents, is_state = column == w.n_tangents + 1;
            bool is_new = column < first_column[w.n + 2 * w.layer + 2];
            double2 *own = panel + (is_targets ? w.n_tangents + 1 : column) * w.stride;
            const double2 *from = is_state || is_new ? panel + (w.n_columns + 2 + (w.k & 1)) * w.stride : own;
            double2 *to = is_state ? panel + (w.n_columns + 2 + (w.k + 1 & 1)) * w.stride : own;
            unsigned base = quads.base(i), c = quads.control, t = quads.target;
            q[0] = from[base], q[1] = from[base | t], q[2] = from[base | c], q[3] = from[base | c | t];
            apply(on_target, q[0], q[1]);
            apply(on_target, q[2], q[3]);
            apply(on_control, q[0], q[2]);
            apply(on_control, q[1], q[3]);
            if (is_new) seed(of_column[column], w.n, q);
            to[base] = q[0], to[base | t] = q[1], to[(base | c) ^ t] = q[2], to[(base | c | t) ^ t] = q[3];
        }
        item += blockDim.x;
        while (item >= w.n_moving) {
            item -= w.n_moving;
            i++;
        }
    }
}

// Half the environment of a gate a warp: `contract` in sweep/pass.rs.
extern "C" __global__ void __launch_bounds__(128, 4)
    environment(unsigned control, unsigned target, unsigned n_quads, unsigned cx, unsigned bras_at, double *out) {
    Quads quads(control, target);
    const double2 *kets = memory, *bras = memory + bras_at;
    unsigned thread = threadIdx.x, bit = thread / 32 % 2;
    unsigned flip = cx ? quads.target * bit : 0;
    double2 sums[8] = {};
#pragma unroll 1
    for (unsigned i = thread / 64 * 32 + thread % 32; i < n_quads; i += blockDim.x / 2) {
        unsigned base = quads.base(i), c = quads.control, t = quads.target;
        unsigned first = base | c * bit;
        double2 ket[2] = {kets[first ^ flip], kets[(first | t) ^ flip]};
        double2 bra[4] = {bras[base], bras[base | t], bras[base | c], bras[base | c | t]};
#pragma unroll
        for (int row = 0; row < 2; row++)
#pragma unroll
            for (int column = 0; column < 4; column++)
                sums[4 * row + column] = add_product(sums[4 * row + column], conjugate(bra[column]), ket[row]);
    }
#pragma unroll
    for (int k = 0; k < 8; k++) {
        out[(thread * 8 + k) * 2] = sums[k].x;
        out[(thread * 8 + k) * 2 + 1] = sums[k].y;
    }
}

// One 4x4 patch of the trailing matrix of a Cholesky factorisation: `update_patch` in lm/solve.rs.
extern "C" __global__ void __launch_bounds__(128, 4) patch(unsigned n_jobs, unsigned k) {
    double *factor = reinterpret_cast<double *>(memory);
#pragma unroll 1
    for (unsigned job = threadIdx.x; job < n_jobs; job += blockDim.x) {
        unsigned tile_job = job / 4, part = job % 4, i = 0;
        while ((i + 1) * (i + 2) / 2 <= tile_job) i++;
        unsigned j = tile_job - i * (i + 1) / 2;
        unsigned tile_row = k + 1 + i, tile_column = k + 1 + j;
        unsigned row = part / 2 * 4, column = part % 2 * 4;
        auto tile = [](unsigned r, unsigned c) { return (r * (r + 1) / 2 + c) * 64; };
        const double2 *left = reinterpret_cast<const double2 *>(factor + tile(tile_row, k) + row * 8);
        const double2 *right = reinterpret_cast<const double2 *>(factor + tile(tile_column, k) + column * 8);
        double *to = factor + tile(tile_row, tile_column) + row * 8 + column;
        double sums[4][4];
#pragma unroll
        for (int r = 0; r < 4; r++)
#pragma unroll
            for (int s = 0; s < 4; s++) sums[r][s] = to[r * 8 + s];
#pragma unroll
        for (int m = 0; m < 4; m++) {
            double2 x[4], y[4];
#pragma unroll
            for (int r = 0; r < 4; r++) {
                x[r] = left[r * 4 + m];
                y[r] = right[r * 4 + m];
            }
#pragma unroll
            for (int r = 0; r < 4; r++)
#pragma unroll
                for (int s = 0; s < 4; s++) sums[r][s] = fma(-x[r].y, y[s].y, fma(-x[r].x, y[s].x, sums[r][s]));
        }
#pragma unroll
        for (int r = 0; r < 4; r++)
#pragma unroll
            for (int s = 0; s < 4; s++) to[r * 8 + s] = sums[r][s];
    }
}
