//! A whole circuit as Pauli rotations in layers and a Clifford, with all rotations merged that meet through rotations
//! that they commute with.
//!
//! Strings are rows of bits here: circuits have any number of rotations, and each is met once. A rotation falls through
//! the layers until one holds a rotation that anticommutes with it; an equal one that lies no deeper meets it. Sums that
//! are Clifford go into everything after them, and merging begins again until nothing changes. Time is linear in the
//! gates as long as a rotation falls through few layers. (The picture is that of arXiv:2103.08602.)

use super::angle::{quarter_turns, settle};
use super::axis::{Axis, X, Z};
use super::op::{Op, PauliCircuit};
use std::collections::HashMap;

/// A Hermitian Pauli string on up to `64·W` wires.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Row<const W: usize> {
    /// X components.
    x: [u64; W],
    /// Z components.
    z: [u64; W],
    /// Whether it has a minus sign.
    pub negative: bool,
}

fn count<const W: usize>(bits: impl Fn(usize) -> u64) -> u32 {
    (0..W).map(|w| bits(w).count_ones()).sum()
}

impl<const W: usize> Row<W> {
    fn identity() -> Row<W> {
        Row { x: [0; W], z: [0; W], negative: false }
    }

    fn single(wire: usize, axis: Axis) -> Row<W> {
        let mut row = Row::identity();
        row.x[wire / 64] = u64::from(axis & X) << (wire % 64);
        row.z[wire / 64] = u64::from(axis >> 1) << (wire % 64);
        row
    }

    /// The Pauli on a wire.
    fn axis(&self, wire: usize) -> Axis {
        let (w, bit) = (wire / 64, wire % 64);
        (self.x[w] >> bit & 1) as Axis | ((self.z[w] >> bit & 1) as Axis) << 1
    }

    /// Its wires, each with the Pauli there.
    pub fn paulis(&self) -> impl Iterator<Item = (usize, Axis)> + Clone + use<W> {
        let row = *self;
        (0..W).flat_map(move |w| {
            let mut bits = row.x[w] | row.z[w];
            std::iter::from_fn(move || {
                let wire = (bits != 0).then(|| 64 * w + bits.trailing_zeros() as usize)?;
                bits &= bits - 1;
                Some((wire, row.axis(wire)))
            })
        })
    }

    fn anticommutes(&self, other: &Row<W>) -> bool {
        let differs: u64 = (0..W).fold(0, |all, w| all ^ (self.x[w] & other.z[w]) ^ (self.z[w] & other.x[w]));
        differs.count_ones() % 2 == 1
    }

    /// `i^power · self · other`, which must be Hermitian.
    fn times(&self, other: &Row<W>, power: u32) -> Row<W> {
        let x = std::array::from_fn(|w| self.x[w] ^ other.x[w]);
        let z: [u64; W] = std::array::from_fn(|w| self.z[w] ^ other.z[w]);
        let product = Row { x, z, negative: false };
        let n_y = |row: &Row<W>| count::<W>(|w| row.x[w] & row.z[w]);
        // A string is i^(number of Y) times X components, then Z components; exchanging Z and X gives a sign.
        let power = power
            + n_y(self)
            + n_y(other)
            + 2 * count::<W>(|w| self.z[w] & other.x[w])
            + 3 * n_y(&product)
            + 2 * u32::from(self.negative ^ other.negative);
        debug_assert_eq!(power % 2, 0);
        Row { negative: power % 4 == 2, ..product }
    }
}

/// A Clifford C, as `C†XC` and `C†ZC` of each output.
#[derive(Clone)]
struct Tableau<const W: usize> {
    rows: Vec<[Row<W>; 2]>,
}

impl<const W: usize> Tableau<W> {
    fn identity(n: usize) -> Tableau<W> {
        Tableau { rows: (0..n).map(|wire| [Row::single(wire, X), Row::single(wire, Z)]).collect() }
    }

    /// `C†PC` for a Pauli of one wire.
    fn row(&self, wire: usize, axis: Axis) -> Row<W> {
        let [x, z] = &self.rows[wire];
        match axis {
            X => *x,
            Z => *z,
            _ => x.times(z, 1),
        }
    }

    /// C becomes `gate · C`.
    fn append(&mut self, [a, b]: [usize; 2], [p, q]: [Axis; 2]) {
        let (first, second) = (self.row(a, p), self.row(b, q));
        for (k, axis) in [X, Z].into_iter().enumerate() {
            if axis != p {
                self.rows[a][k] = self.rows[a][k].times(&second, 0);
            }
            if axis != q {
                self.rows[b][k] = first.times(&self.rows[b][k], 0);
            }
        }
    }

    /// `C†PC` of a string.
    fn map(&self, string: &Row<W>) -> Row<W> {
        let start = Row { negative: string.negative, ..Row::identity() };
        string.paulis().fold(start, |product, (wire, axis)| product.times(&self.row(wire, axis), 0))
    }

    /// C becomes `C · exp(−ikπP/4)`.
    fn absorb(&mut self, string: &Row<W>, quarters: u8) {
        for row in self.rows.iter_mut().flatten().filter(|row| row.anticommutes(string)) {
            match quarters {
                1 => *row = row.times(string, 3),
                2 => row.negative ^= true,
                3 => *row = row.times(string, 1),
                _ => {}
            }
        }
    }
}

/// `exp(−iθP/2)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rotation<const W: usize> {
    /// P; its sign is in the angle once rotations are merged.
    pub string: Row<W>,
    /// θ in radians, settled.
    pub angle: f64,
}

/// See the module. The frames of the circuit are not part of it.
pub(crate) struct Form<const W: usize> {
    /// The rotations, the first layer first.
    pub rotations: Vec<Rotation<W>>,
    /// The Clifford after them.
    tableau: Tableau<W>,
}

impl<const W: usize> Form<W> {
    /// Of the gates of a circuit on up to `64·W` wires.
    pub fn new(circuit: &PauliCircuit) -> Form<W> {
        let mut tableau = Tableau::identity(circuit.n_wires());
        let mut rotations = Vec::new();
        for op in &circuit.ops {
            match *op {
                Op::Pair { wires, axes } => tableau.append(wires.map(|wire| wire as usize), axes),
                Op::Turn { wire, axis, angle } => {
                    rotations.push(Rotation { string: tableau.row(wire as usize, axis), angle });
                }
            }
        }
        let mut form = Form { rotations, tableau };
        while form.merge_once() {}
        form
    }

    /// The images of X and of Z of an output.
    pub fn rows(&self, output: usize) -> &[Row<W>; 2] {
        &self.tableau.rows[output]
    }

    /// One pass over all rotations. True if another may find more.
    fn merge_once(&mut self) -> bool {
        let mut layers = Layers::default();
        let mut turned: Option<Tableau<W>> = None;
        for rotation in &self.rotations {
            let string = turned.as_ref().map_or(rotation.string, |turned| turned.map(&rotation.string));
            let angle = settle(if string.negative { -rotation.angle } else { rotation.angle });
            let string = Row { negative: false, ..string };
            match quarter_turns(angle) {
                None => layers.add(Rotation { string, angle }),
                Some(0) => {}
                Some(quarters) => {
                    let identity = || Tableau::identity(self.tableau.rows.len());
                    turned.get_or_insert_with(identity).absorb(&string, quarters);
                }
            }
        }
        if let Some(turned) = turned {
            self.tableau.rows.iter_mut().flatten().for_each(|row| *row = turned.map(row));
        }
        self.rotations = layers.in_order();
        layers.has_new
    }
}

/// Rotations in layers: in a layer all commute.
struct Layers<const W: usize> {
    rotations: Vec<Rotation<W>>,
    /// By rotation: its layer. Rotations that have gone have an angle of zero.
    layer_of: Vec<usize>,
    layers: Vec<Layer<W>>,
    /// The last rotation of each string.
    latest: HashMap<([u64; W], [u64; W]), usize>,
    /// Whether a rotation has gone or has become Clifford.
    has_new: bool,
}

/// The rotations of a layer, and on which wires any of them has which axis.
struct Layer<const W: usize> {
    members: Vec<usize>,
    has: [[u64; W]; 3],
}

impl<const W: usize> Default for Layers<W> {
    fn default() -> Layers<W> {
        let (rotations, layer_of, layers) = (Vec::new(), Vec::new(), Vec::new());
        Layers { rotations, layer_of, layers, latest: HashMap::new(), has_new: false }
    }
}

/// By axis X, Y, Z: the wires where the string has it.
fn by_axis<const W: usize>(string: &Row<W>) -> [[u64; W]; 3] {
    [
        std::array::from_fn(|w| string.x[w] & !string.z[w]),
        std::array::from_fn(|w| string.x[w] & string.z[w]),
        std::array::from_fn(|w| string.z[w] & !string.x[w]),
    ]
}

impl<const W: usize> Layers<W> {
    fn add(&mut self, rotation: Rotation<W>) {
        let axes = by_axis(&rotation.string);
        let mut at = self.layers.len();
        while at > 0 && self.commutes(at - 1, &rotation.string, &axes) {
            at -= 1;
        }
        let key = (rotation.string.x, rotation.string.z);
        if let Some(&equal) = self.latest.get(&key)
            && self.layer_of[equal] >= at
            && self.rotations[equal].angle != 0.0
        {
            let angle = settle(self.rotations[equal].angle + rotation.angle);
            self.has_new |= quarter_turns(angle).is_some();
            self.rotations[equal].angle = angle;
            return;
        }
        if at == self.layers.len() {
            self.layers.push(Layer { members: Vec::new(), has: [[0; W]; 3] });
        }
        let layer = &mut self.layers[at];
        layer.members.push(self.rotations.len());
        for (has, axis) in layer.has.iter_mut().zip(&axes) {
            (0..W).for_each(|w| has[w] |= axis[w]);
        }
        self.latest.insert(key, self.rotations.len());
        self.rotations.push(rotation);
        self.layer_of.push(at);
    }

    /// Whether a string commutes with all of a layer.
    fn commutes(&mut self, layer: usize, string: &Row<W>, [x, y, z]: &[[u64; W]; 3]) -> bool {
        let Layer { members, has: [has_x, has_y, has_z] } = &mut self.layers[layer];
        let differs =
            |w: usize| x[w] & (has_y[w] | has_z[w]) | y[w] & (has_x[w] | has_z[w]) | z[w] & (has_x[w] | has_y[w]);
        // Most layers of most circuits have nothing else on these wires.
        if (0..W).all(|w| differs(w) == 0) {
            return true;
        }
        members.retain(|&member| self.rotations[member].angle != 0.0);
        !members.iter().any(|&member| self.rotations[member].string.anticommutes(string))
    }

    /// What is left, the first layer first.
    fn in_order(&self) -> Vec<Rotation<W>> {
        let members = self.layers.iter().flat_map(|layer| &layer.members);
        members.map(|&member| self.rotations[member]).filter(|rotation| rotation.angle != 0.0).collect()
    }
}
