//! Moves: how a candidate of the search differs from the template it comes from.

use bqc_instantiate::{CxTemplate, Rotation};
use bqc_linalg::{Complex64, Stream, Su2};

/// How often each kind of proposal is made. Probabilities, except where a unit is named.
#[derive(Clone, Debug, PartialEq)]
pub struct MoveMix {
    /// Three CX out, two in.
    pub three_to_two: f64,
    /// Two CX out, one in.
    pub two_to_one: f64,
    /// A CX comes back on the pair it was taken from.
    pub same_pair: f64,
    /// It comes back on a pair that shares one wire with it.
    pub shared_wire: f64,
    /// It comes back within [`MoveMix::reach`] places, otherwise anywhere.
    pub nearby: f64,
    /// Places.
    pub reach: usize,
    /// All slots are turned by a random angle first.
    pub shake: f64,
    /// Standard deviation of that angle's components, radians, while it is small.
    pub shake_radians: f64,
}

impl MoveMix {
    /// The mix for blocks of this width. Moves that lower the count by themselves pay on three wires
    /// only; relocations onto a pair sharing one wire are those that lead to later deletions.
    pub fn for_width(n: usize) -> MoveMix {
        let (three_to_two, two_to_one) = if n <= 3 { (0.03, 0.07) } else { (0.0, 0.0) };
        MoveMix {
            three_to_two,
            two_to_one,
            same_pair: 0.2,
            shared_wire: 0.6,
            nearby: 0.8,
            reach: 4,
            shake: 0.3,
            shake_radians: 0.2,
        }
    }
}

/// What identifies the order of CX gates up to exchanges of independent neighbours: a hash of each
/// wire's sequence of partners and roles.
pub fn word(template: &CxTemplate) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01B3;
    let mut wires = [0xCBF2_9CE4_8422_2325u64; 256];
    for l in template.layers() {
        let (c, t) = (l.control as usize, l.target as usize);
        wires[c] = (wires[c] ^ (2 * t as u64 + 1)).wrapping_mul(PRIME).rotate_left(23);
        wires[t] = (wires[t] ^ (2 * c as u64 + 2)).wrapping_mul(PRIME).rotate_left(23);
    }
    wires[..template.n()].iter().fold(0, |h, w| (h ^ w).wrapping_mul(PRIME).rotate_left(29))
}

/// Tries for a proposal whose word differs from the base's, before one that does not is let through.
const WORD_TRIES: usize = 6;

/// Writes a random neighbour of `base` into `out`: some CX out, as many or one fewer in.
pub fn propose(base: &CxTemplate, base_word: u64, mix: &MoveMix, stream: &mut Stream, out: &mut CxTemplate) {
    for _ in 0..WORD_TRIES {
        out.copy_from(base);
        let kind = stream.uniform();
        let n_out = if kind < mix.three_to_two && base.n_cx() >= 3 {
            3
        } else if kind < mix.three_to_two + mix.two_to_one && base.n_cx() >= 2 {
            2
        } else {
            1
        };
        let (place, pair) = take_out(n_out, mix, stream, out);
        for _ in 0..if n_out == 1 { 1 } else { n_out - 1 } {
            put_in(place, pair, mix, stream, out);
        }
        if n_out > 1 || word(out) != base_word {
            break;
        }
    }
    if stream.chance(mix.shake) {
        shake(mix.shake_radians, stream, out);
    }
}

/// Turns every slot by a small random angle. This is most of what a move costs, so it does without
/// trigonometry: `(1 + i·d·σ)/√(1 + |d|²)` is `exp(i·d·σ)` up to the third order of `d`, and the
/// components of `d` are nearly normal.
fn shake(radians: f64, stream: &mut Stream, out: &mut CxTemplate) {
    for slot in out.slots() {
        let [x, y, z] = [0; 3].map(|_| radians * stream.near_normal());
        let turn = Su2::new(Complex64::new(1.0, z), Complex64::new(-y, x));
        out.set(slot, (out.value(slot) * turn).normalized());
    }
}

/// Deletes `count` CX gates, the later ones usually close to the first; says where the first was.
fn take_out(count: usize, mix: &MoveMix, stream: &mut Stream, out: &mut CxTemplate) -> (usize, (u8, u8)) {
    let place = stream.below(out.n_cx());
    let pair = (out.layers()[place].control, out.layers()[place].target);
    for k in 0..count {
        let at = if k == 0 { place } else { near(place, out.n_cx() - 1, mix, stream) };
        let rotation = [Rotation::Plus, Rotation::Minus, Rotation::None][stream.below(3)];
        out.delete_cx(at, rotation);
    }
    (place, pair)
}

/// Inserts one CX, its place and pair chosen relative to one that was deleted.
fn put_in(place: usize, (control, target): (u8, u8), mix: &MoveMix, stream: &mut Stream, out: &mut CxTemplate) {
    let n = out.n();
    let at = near(place, out.n_cx(), mix, stream);
    let kind = stream.uniform();
    let (a, b) = if kind < mix.same_pair || n == 2 {
        (control, target)
    } else if kind < mix.same_pair + mix.shared_wire {
        let kept = if stream.chance(0.5) { control } else { target };
        let third = (0..n as u8).filter(|w| *w != control && *w != target).nth(stream.below(n - 2));
        (kept, third.unwrap_or(if kept == control { target } else { control }))
    } else {
        let a = stream.below(n) as u8;
        (a, (a + 1 + stream.below(n - 1) as u8) % n as u8)
    };
    let (control, target) = if stream.chance(0.5) { (a, b) } else { (b, a) };
    out.insert_cx(at, control, target, if stream.chance(0.5) { Rotation::Plus } else { Rotation::Minus });
}

/// A place in `0..=last`, usually within reach of `place`.
fn near(place: usize, last: usize, mix: &MoveMix, stream: &mut Stream) -> usize {
    if stream.chance(mix.nearby) {
        (place + stream.below(2 * mix.reach + 1)).saturating_sub(mix.reach).min(last)
    } else {
        stream.below(last + 1)
    }
}
