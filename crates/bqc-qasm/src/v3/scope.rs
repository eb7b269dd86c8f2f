//! What names mean: wires, bits of the circuit, and known values, in nested scopes.
//!
//! A block sees what is around it; a gate or subroutine sees its own names and the global constants. A name is found in the time of a search tree however many there are.

use crate::names::nearest;
use crate::v3::domain::Domain;
use crate::v3::value::{Kind, Value};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Wires, or classical bits, in order.
#[derive(Clone, Debug)]
pub(crate) struct Wires {
    order: Order,
    /// One wire and not a register of one: it pairs with registers of every size.
    pub is_single: bool,
}

#[derive(Clone, Debug)]
enum Order {
    Range { first: u32, size: u32 },
    List(Rc<[u32]>),
}

impl Wires {
    /// `size` wires from `first` on.
    pub fn range(first: u32, size: u32) -> Wires {
        Wires { order: Order::Range { first, size }, is_single: false }
    }

    /// One wire.
    pub fn single(wire: u32) -> Wires {
        Wires { order: Order::Range { first: wire, size: 1 }, is_single: true }
    }

    /// These wires.
    pub fn list(wires: Vec<u32>) -> Wires {
        Wires { order: Order::List(wires.into()), is_single: false }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match &self.order {
            Order::Range { size, .. } => *size as usize,
            Order::List(list) => list.len(),
        }
    }

    /// The wire at a position below [`Wires::len`].
    pub fn at(&self, position: usize) -> u32 {
        match &self.order {
            Order::Range { first, .. } => first + position as u32,
            Order::List(list) => list[position],
        }
    }

    /// The wire that repetition `position` of a statement acts on.
    pub fn repeated(&self, position: usize) -> u32 {
        if self.is_single { self.at(0) } else { self.at(position) }
    }

    /// The same as a register, also if it is one wire.
    pub fn as_register(&self) -> Wires {
        Wires { order: self.order.clone(), is_single: false }
    }

    /// The first one.
    pub fn first(&self) -> Option<u32> {
        (self.len() > 0).then(|| self.at(0))
    }

    /// Whether they were declared together.
    pub fn is_range(&self) -> bool {
        matches!(self.order, Order::Range { .. })
    }

    /// All of them in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.len()).map(|position| self.at(position))
    }
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub(crate) enum Entity {
    Qubits(Wires),
    /// Bits of the circuit: what measurements write. A parameter cannot be written.
    Bits {
        wires: Wires,
        is_parameter: bool,
    },
    /// A value that was computed from measured bits: known where they are.
    Copy(Copied),
    /// A value that is known; none until the first assignment.
    Value {
        value: Option<Value>,
        kind: Kind,
        is_const: bool,
    },
}

/// What a variable is for each value of measured bits.
#[derive(Clone, Debug)]
pub(crate) struct Copied {
    pub domain: Domain,
    /// How often the register of the bits had been measured into.
    pub n_writes: u64,
    /// In the order of the bits' values.
    pub values: Rc<[Value]>,
    pub kind: Kind,
}

/// How much of the global scope is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    All,
    /// Constants: inside a gate or a subroutine.
    Constants,
}

/// Where to go back to when a gate or subroutine ends.
pub(crate) struct Outside {
    base: usize,
    view: View,
    runtime: Option<usize>,
}

/// All scopes open at one point.
pub(crate) struct Scopes<'a> {
    globals: BTreeMap<&'a str, Entity>,
    locals: Vec<(&'a str, Entity)>,
    /// Positions in `locals` by name, the innermost last.
    by_name: BTreeMap<&'a str, Vec<usize>>,
    /// Where each open block begins in `locals`.
    blocks: Vec<usize>,
    /// Where the locals that are seen begin.
    base: usize,
    view: View,
    /// While something holds only at run time: locals before this one, and globals, must keep their values.
    runtime: Option<usize>,
}

impl<'a> Scopes<'a> {
    pub fn new() -> Scopes<'a> {
        Scopes {
            globals: BTreeMap::new(),
            locals: Vec::new(),
            by_name: BTreeMap::new(),
            blocks: Vec::new(),
            base: 0,
            view: View::All,
            runtime: None,
        }
    }

    /// Whether no block is open.
    pub fn is_global(&self) -> bool {
        self.blocks.is_empty()
    }

    /// How many blocks are open.
    pub fn n_open(&self) -> usize {
        self.blocks.len()
    }

    /// Opens a block.
    pub fn open(&mut self) {
        self.blocks.push(self.locals.len());
    }

    /// Closes the innermost block.
    pub fn close(&mut self) {
        let start = self.blocks.pop().unwrap_or(0);
        for (name, _) in self.locals.drain(start..) {
            if let Some(positions) = self.by_name.get_mut(name) {
                positions.pop();
                if positions.is_empty() {
                    self.by_name.remove(name);
                }
            }
        }
    }

    /// Opens the scope of a gate or a subroutine, from which nothing local outside is seen.
    pub fn enter(&mut self) -> Outside {
        let outside = Outside { base: self.base, view: self.view, runtime: self.runtime };
        self.open();
        self.base = self.locals.len();
        self.view = View::Constants;
        outside
    }

    /// Closes it.
    pub fn leave(&mut self, outside: Outside) {
        self.close();
        (self.base, self.view, self.runtime) = (outside.base, outside.view, outside.runtime);
    }

    /// Opens a block that is carried out only if something holds at run time.
    pub fn open_at_run_time(&mut self) -> Option<usize> {
        self.open();
        self.runtime.replace(self.locals.len())
    }

    /// Closes it; `outer` is what opening it gave.
    pub fn close_at_run_time(&mut self, outer: Option<usize>) {
        self.close();
        self.runtime = outer;
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).and_then(|positions| positions.last()).copied().filter(|&p| p >= self.base)
    }

    fn is_seen(&self, entity: &Entity) -> bool {
        match self.view {
            View::All => true,
            View::Constants => matches!(entity, Entity::Value { is_const: true, .. }),
        }
    }

    /// What `name` means here.
    pub fn find(&self, name: &str) -> Option<&Entity> {
        match self.position(name) {
            Some(position) => Some(&self.locals[position].1),
            None => self.globals.get(name).filter(|entity| self.is_seen(entity)),
        }
    }

    /// Whether `name` means something outside of the body being carried out alone.
    pub fn is_outside(&self, name: &str) -> bool {
        self.find(name).is_none() && self.globals.contains_key(name)
    }

    /// The same to be changed, and whether that is allowed where a condition holds only at run time.
    pub fn find_mut(&mut self, name: &str) -> Option<(&mut Entity, bool)> {
        match self.position(name) {
            Some(position) => {
                let is_free = self.runtime.is_none_or(|start| position >= start);
                Some((&mut self.locals[position].1, is_free))
            }
            None => {
                let is_free = self.runtime.is_none();
                if !self.globals.get(name).is_some_and(|entity| self.is_seen(entity)) {
                    return None;
                }
                self.globals.get_mut(name).map(|entity| (entity, is_free))
            }
        }
    }

    /// Gives `name` a meaning in the innermost block; false if it has one there.
    pub fn declare(&mut self, name: &'a str, entity: Entity) -> bool {
        let Some(&start) = self.blocks.last() else {
            let is_fresh = !self.globals.contains_key(name);
            if is_fresh {
                self.globals.insert(name, entity);
            }
            return is_fresh;
        };
        if self.position(name).is_some_and(|position| position >= start) {
            return false;
        }
        self.by_name.entry(name).or_default().push(self.locals.len());
        self.locals.push((name, entity));
        true
    }

    /// A known name that `name` may have meant.
    pub fn near(&self, name: &str) -> Option<String> {
        let locals = self.locals[self.base..].iter().rev().map(|(name, _)| *name);
        let globals = self.globals.iter().filter(|(_, entity)| self.is_seen(entity)).map(|(name, _)| *name);
        nearest(name, locals.chain(globals))
    }
}
