//! What makes one circuit better than another: the one place where that is decided, for blocks,
//! windows and whole circuits alike.

use bqc_circuit::{BlockCircuit, Stats};

/// What a run is to make small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Objective {
    /// Two-qubit gates; of equally many one-qubit gates, then the depth.
    #[default]
    Cx,
    /// Two-qubit depth; of equal depth two-qubit gates, then one-qubit gates.
    Depth,
    /// `10·(two-qubit gates) + 5·(two-qubit depth) + (one-qubit gates)`. A one-qubit gate errs about a
    /// tenth as often as a two-qubit gate on the devices of today, and a layer of two-qubit gates
    /// in which the other wires idle is taken for half a gate.
    Weighted,
    /// Rotations that are not Clifford, which are the T gates of a circuit over Clifford and T; of equally many
    /// two-qubit gates, then one-qubit gates. For exact rewritings alone: a numerical search keeps no T gates.
    T,
}

/// Weights of [`Objective::Weighted`], in one-qubit gates.
const TWO_QUBIT_WEIGHT: usize = 10;
/// See [`TWO_QUBIT_WEIGHT`].
const LAYER_WEIGHT: usize = 5;

/// The sizes that objectives look at, of a circuit over {CX, U3}.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// CX gates.
    pub n_two_qubit: usize,
    /// U3 gates.
    pub n_one_qubit: usize,
    /// Longest chain of gates that depend on one another.
    pub depth: usize,
    /// The same with only CX gates as steps.
    pub two_qubit_depth: usize,
    /// Rotations by angles that are no multiples of π/2.
    pub n_rotations: usize,
}

/// Where a circuit stands in the order of preference: smaller is better. Ranks of different
/// objectives have nothing to do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank([usize; 3]);

impl Rank {
    /// The figure that decides first.
    pub fn leading(&self) -> usize {
        self.0[0]
    }
}

impl Objective {
    /// All of them.
    pub const ALL: [Objective; 4] = [Objective::Cx, Objective::Depth, Objective::Weighted, Objective::T];

    /// Those of a numerical search.
    pub const NUMERICAL: [Objective; 3] = [Objective::Cx, Objective::Depth, Objective::Weighted];
    /// Those of exact rewritings that keep the angles. They do not look at depth.
    pub const EXACT: [Objective; 3] = [Objective::Cx, Objective::T, Objective::Weighted];

    /// As it is typed and reported.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// One line of help.
    pub fn help(self) -> &'static str {
        self.row().1
    }

    fn row(self) -> (&'static str, &'static str) {
        match self {
            Objective::Cx => ("cx", "Two-qubit gates, then one-qubit gates, then the depth"),
            Objective::Depth => ("depth", "Two-qubit depth, then two-qubit gates, then one-qubit gates"),
            Objective::Weighted => {
                ("weighted", "10 for each two-qubit gate, 5 for each layer of them, 1 for each one-qubit gate")
            }
            Objective::T => ("t", "With --exact: T gates and other rotations than Clifford, then two-qubit gates"),
        }
    }

    /// The objective of that name.
    pub fn from_name(name: &str) -> Option<Objective> {
        Objective::ALL.into_iter().find(|objective| objective.name() == name)
    }

    /// Its place in [`Objective::ALL`], which names it in the bytes of a unit and never changes: a new one goes last.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The objective of that code.
    pub fn from_code(code: u8) -> Option<Objective> {
        Objective::ALL.get(usize::from(code)).copied()
    }

    /// Ranks a circuit by its figures.
    pub fn rank(self, of: &Figures) -> Rank {
        Rank(match self {
            Objective::Cx => [of.n_two_qubit, of.n_one_qubit, of.depth],
            Objective::Depth => [of.two_qubit_depth, of.n_two_qubit, of.n_one_qubit],
            Objective::Weighted => {
                let sum = TWO_QUBIT_WEIGHT * of.n_two_qubit + LAYER_WEIGHT * of.two_qubit_depth + of.n_one_qubit;
                [sum, of.n_two_qubit, of.depth]
            }
            Objective::T => [of.n_rotations, of.n_two_qubit, of.n_one_qubit],
        })
    }

    /// Ranks a block.
    pub fn rank_block(self, block: &BlockCircuit) -> Rank {
        // Only one objective looks at rotations, which take longest to count.
        let n_rotations = if self == Objective::T { block.n_rotations() } else { 0 };
        self.rank(&Figures { n_rotations, ..Figures::without_rotations(block) })
    }

    /// Whether a search may go on from `next` where it could stay at `present`, which has at least as
    /// many CX: if it has fewer, since that is where later gains come from, or is no worse. Without
    /// this, moves that keep the count would drift to the many circuits that are deep.
    pub fn goes_on_from(self, next: &Figures, present: &Figures) -> bool {
        next.n_two_qubit < present.n_two_qubit
            || match self {
                Objective::Cx => next.n_two_qubit == present.n_two_qubit,
                Objective::Depth | Objective::Weighted | Objective::T => self.rank(next) <= self.rank(present),
            }
    }
}

impl Figures {
    /// Of a block.
    pub fn of_block(block: &BlockCircuit) -> Figures {
        Figures { n_rotations: block.n_rotations(), ..Figures::without_rotations(block) }
    }

    /// The same with no rotations counted.
    fn without_rotations(block: &BlockCircuit) -> Figures {
        Figures {
            n_two_qubit: block.n_cx(),
            n_one_qubit: block.n_one_qubit(),
            depth: block.depth(),
            two_qubit_depth: block.cx_depth(),
            n_rotations: 0,
        }
    }

    /// Of a whole circuit.
    pub fn of_stats(stats: &Stats) -> Figures {
        let Stats { n_two_qubit, n_one_qubit, depth, two_qubit_depth, n_rotations, .. } = *stats;
        Figures { n_two_qubit, n_one_qubit, depth, two_qubit_depth, n_rotations }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objectives_order_circuits_differently() {
        let figures = |n_two_qubit, n_one_qubit, depth, two_qubit_depth| Figures {
            n_two_qubit,
            n_one_qubit,
            depth,
            two_qubit_depth,
            n_rotations: 0,
        };
        // Few gates in a row, more of them side by side, and as many but with fewer one-qubit gates.
        let (narrow, flat, lean) = (figures(10, 30, 20, 10), figures(11, 20, 18, 5), figures(11, 19, 30, 9));
        let best = |objective: Objective| [narrow, flat, lean].into_iter().min_by_key(|f| objective.rank(f)).unwrap();
        assert_eq!((best(Objective::Cx), best(Objective::Depth)), (narrow, flat));
        // 180, 155 and 174.
        assert_eq!(best(Objective::Weighted), flat);
        assert_eq!(Objective::Weighted.rank(&lean).leading(), 174);
        assert!(Objective::Cx.rank(&lean) < Objective::Cx.rank(&flat));
        assert!(Objective::Weighted.rank(&lean) < Objective::Weighted.rank(&narrow));
        let go_on = |o: Objective| (o.goes_on_from(&lean, &flat), o.goes_on_from(&flat, &lean));
        assert_eq!([Objective::Cx, Objective::Depth].map(go_on), [(true, true), (false, true)]);
        assert!(Objective::Depth.goes_on_from(&narrow, &flat) && !Objective::Cx.goes_on_from(&flat, &narrow));
    }
}
