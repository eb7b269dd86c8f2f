//! Where a walk stands between two proposals, so that another process goes on from there to the same result.
//!
//! The network is its gates on their places, since a walk picks places at random; the parities on its wires follow from
//! those of the inputs, which follow from the seed, and of what comes out of the Hadamards.

use super::angle::Angle;
use super::network::Gate;
use super::phases::Label;
use super::settings::Settings;
use super::sum::PathSum;
use super::walk::{SPARE, Walk};
use bqc_circuit::BlockCircuit;
use bqc_linalg::Stream;

/// A gate of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalkGate {
    /// A CX.
    Cx {
        /// Its control.
        control: u16,
        /// Its target.
        target: u16,
    },
    /// A Hadamard.
    Hadamard {
        /// Its wire.
        wire: u16,
        /// Its number in the list of Hadamards.
        number: u32,
        /// The label of the variable that comes out.
        out: u128,
        /// Whether a Z follows.
        is_signed: bool,
    },
}

/// A path sum.
#[derive(Clone, Debug, PartialEq)]
pub struct SumState {
    /// Places for gates.
    pub n_places: u32,
    /// The gates and their places, in order.
    pub gates: Vec<(u32, WalkGate)>,
    /// For each wire, whether a Z stands at the beginning.
    pub input_signs: Vec<bool>,
    /// For each wire, whether an X stands at the end.
    pub output_flips: Vec<bool>,
    /// The rotations by their numbers: label of the parity, eighths of a turn, and the rest in radians.
    pub rotations: Vec<(u128, u8, f64)>,
}

/// All that decides what a walk does next, besides its circuit, settings and seed.
#[derive(Clone, Debug, PartialEq)]
pub struct WalkState {
    /// Where the walk stands.
    pub now: SumState,
    /// The best that has been kept.
    pub best: SumState,
    /// CX of the best so far.
    pub least: u64,
    /// Proposals since the best was kept.
    pub n_since: u64,
    /// The cycle.
    pub cycle: u32,
    /// Most Hadamards of this cycle.
    pub most_hadamards: u64,
    /// Rotations when those that had come and gone were forgotten.
    pub n_rotations: u64,
    /// Whether moves to more CX wait until the best is kept, and whether one of them was refused.
    pub held: [bool; 2],
    /// Position of the random numbers.
    pub stream: u64,
}

impl SumState {
    fn of(sum: &PathSum) -> SumState {
        let network = &sum.network;
        let gate = |gate: &Gate| match gate.is_h() {
            true => {
                WalkGate::Hadamard { wire: gate.t, number: network.number_of(gate), out: gate.lt, is_signed: gate.sign }
            }
            false => WalkGate::Cx { control: gate.c, target: gate.t },
        };
        let rotation = |id: usize| {
            let (eighths, rest) = sum.phases.angle(id as u32).parts();
            (sum.phases.label(id as u32), eighths, rest)
        };
        SumState {
            n_places: network.n_slots() as u32,
            gates: network.gates().map(|(at, g)| (at as u32, gate(g))).collect(),
            input_signs: network.input_signs.clone(),
            output_flips: network.output_flips.clone(),
            rotations: (0..sum.phases.len()).map(rotation).collect(),
        }
    }

    /// Puts the state in the place of a path sum on the same wires. None if it is no state of one, or has more places.
    fn restore(&self, sum: &mut PathSum, most_places: usize) -> Option<()> {
        let n_wires = sum.network.inputs.len();
        if self.input_signs.len() != n_wires || self.output_flips.len() != n_wires {
            return None;
        }
        let n_places = self.n_places as usize;
        if n_places > most_places {
            return None;
        }
        let (gates, numbers) = self.labelled(&sum.network.inputs)?;
        sum.network.set(n_places, &gates, &numbers);
        sum.network.input_signs.clone_from(&self.input_signs);
        sum.network.output_flips.clone_from(&self.output_flips);
        sum.restore_rotations(&self.rotations.iter().map(rotation).collect::<Option<Vec<_>>>()?)
    }

    /// The gates with their parities, and the numbers of the Hadamards.
    fn labelled(&self, inputs: &[Label]) -> Option<(Vec<Placed>, Vec<u32>)> {
        let mut wires = inputs.to_vec();
        let (mut variables, mut numbers, mut gates) = (inputs.to_vec(), Vec::new(), Vec::new());
        let mut free = 0;
        for &(at, gate) in &self.gates {
            if at < free || at >= self.n_places {
                return None;
            }
            free = at + 1;
            let gate = match gate {
                WalkGate::Cx { control, target } => {
                    let [c, t] = [control, target].map(|wire| wires.get(usize::from(wire)).copied());
                    (control != target).then_some(Gate::cx(control, target, c?, t?))?
                }
                WalkGate::Hadamard { wire, number, out, is_signed } => {
                    variables.push(out);
                    numbers.push(number);
                    Gate::h(wire, *wires.get(usize::from(wire))?, out, is_signed)
                }
            };
            wires[usize::from(gate.t)] = gate.out();
            gates.push((at as usize, gate));
        }
        // Each variable has a label of its own, and each Hadamard a number below theirs.
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        variables.sort_unstable();
        let is_sound =
            sorted.into_iter().eq(0..numbers.len() as u32) && variables.windows(2).all(|two| two[0] != two[1]);
        is_sound.then_some((gates, numbers))
    }
}

/// A gate and its place.
type Placed = (usize, Gate);

/// A walk's network has fewer places than two for each of those that its circuit takes, and these: slack and room for
/// splits.
const SPARE_PLACES: usize = 1 << 10;

fn rotation(&(label, eighths, rest): &(u128, u8, f64)) -> Option<(Label, Angle)> {
    Some((label, Angle::of_parts((eighths, rest)).filter(|angle| *angle != Angle::HALF)?))
}

impl Walk {
    /// Where the walk stands.
    pub fn state(&self) -> WalkState {
        WalkState {
            now: SumState::of(&self.now),
            best: SumState::of(&self.best),
            least: self.least as u64,
            n_since: self.n_since as u64,
            cycle: self.number.unwrap_or_default(),
            most_hadamards: self.most_hadamards as u64,
            n_rotations: self.n_rotations as u64,
            held: [self.chance.is_held(), self.chance.was_asked()],
            stream: self.chance.stream.position(),
        }
    }

    /// A walk from this circuit with these settings and seed that goes on from a state. None where there is no walk (see
    /// [`Walk::new`]), or if it is no state of one.
    pub fn resume(circuit: &BlockCircuit, settings: Settings, seed: u64, state: &WalkState) -> Option<Walk> {
        let mut walk = Walk::new(circuit, settings, seed)?;
        let most_places = 2 * walk.best.network.n_slots() + SPARE_PLACES;
        state.now.restore(&mut walk.now, most_places)?;
        state.best.restore(&mut walk.best, most_places)?;
        walk.least = usize::try_from(state.least).ok()?;
        walk.n_since = usize::try_from(state.n_since).ok()?;
        walk.most_hadamards = usize::try_from(state.most_hadamards).ok()?;
        walk.n_rotations = usize::try_from(state.n_rotations).ok()?;
        walk.number = Some(state.cycle);
        walk.cycle = walk.settings.cycles[state.cycle as usize % walk.settings.cycles.len()];
        let [is_held, was_asked] = state.held;
        walk.chance.hold(is_held);
        if was_asked {
            walk.chance.ask();
        }
        walk.chance.stream = Stream::at(state.stream);
        walk.is_sound().then_some(walk)
    }

    /// Whether a walk comes to such a state: the best is kept or here, and the places suffice for all that the caps allow.
    fn is_sound(&self) -> bool {
        let (now, best) = (&self.now.network, &self.best.network);
        let most_cx = self.least.saturating_add(self.cycle.slack);
        let is_best = now.n_cx() >= self.least && best.n_cx() >= self.least;
        let is_somewhere = best.n_cx() == self.least || now.n_cx() == self.least && self.chance.is_held();
        let has_room = most_cx.saturating_add(self.most_hadamards).saturating_add(SPARE) <= now.n_slots();
        let is_within = now.n_cx() <= most_cx && now.n_hadamards() <= self.most_hadamards;
        let is_counted = self.n_rotations <= u32::MAX as usize;
        let is_cycle = self.number.is_some_and(|number| number < self.settings.n_cycles);
        is_best && is_somewhere && has_room && is_within && is_counted && is_cycle
    }
}
