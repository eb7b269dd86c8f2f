//! Registers by name, and operands: a register or one of its elements.
//!
//! Quantum and classical registers share one set of names. Gates have another: `qreg x[3]; x x;`
//! has one reading only, and files that do so exist.

use crate::problem::RegisterKind;
use crate::token::Span;
use std::collections::BTreeMap;

/// A declared register.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declared {
    pub kind: RegisterKind,
    /// Position among the registers of its kind.
    pub index: usize,
    /// Its first wire or bit.
    pub first: u32,
    pub size: u32,
}

/// What a statement acts on: `size` wires or bits from `first`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operand {
    pub first: u32,
    /// 1 for an element.
    pub size: u32,
    /// A register without index: the statement repeats over it.
    pub whole: bool,
    pub span: Span,
}

impl Operand {
    /// The wire or bit of repetition `i`.
    #[inline]
    pub fn at(&self, i: u32) -> u32 {
        if self.whole { self.first + i } else { self.first }
    }

    fn overlaps(&self, other: &Operand) -> bool {
        self.first < other.first + other.size && other.first < self.first + self.size
    }
}

/// Two operands that share a wire, if any do, in source order.
pub(crate) fn overlap(operands: &[Operand]) -> Option<(Operand, Operand)> {
    /// Up to this many operands, comparing all pairs is faster than sorting.
    const FEW: usize = 8;
    if operands.len() <= FEW {
        for (i, second) in operands.iter().enumerate() {
            if let Some(first) = operands[..i].iter().find(|first| first.overlaps(second)) {
                return Some((*first, *second));
            }
        }
        return None;
    }
    // Empty registers overlap nothing and would hide neighbours that do.
    let mut sorted: Vec<Operand> = operands.iter().copied().filter(|o| o.size > 0).collect();
    sorted.sort_by_key(|o| (o.first, o.span.start));
    let pair = sorted.windows(2).find(|w| w[0].overlaps(&w[1]))?;
    let (a, b) = (pair[0], pair[1]);
    Some(if a.span.start < b.span.start { (a, b) } else { (b, a) })
}

/// All registers declared so far.
#[derive(Default)]
pub(crate) struct Registers<'a> {
    by_name: BTreeMap<&'a str, Declared>,
    /// The latest one found. Most statements name the same register as the one before.
    recent: Option<(&'a str, Declared)>,
}

impl<'a> Registers<'a> {
    /// The register of this name.
    #[inline]
    pub fn find(&mut self, name: &'a str) -> Option<Declared> {
        if let Some((recent, declared)) = self.recent
            && recent == name
        {
            return Some(declared);
        }
        let declared = *self.by_name.get(name)?;
        self.recent = Some((name, declared));
        Some(declared)
    }

    /// Adds a register; false if the name is taken.
    pub fn insert(&mut self, name: &'a str, declared: Declared) -> bool {
        let fresh = !self.by_name.contains_key(name);
        if fresh {
            self.by_name.insert(name, declared);
        }
        fresh
    }

    /// The registers' names of one kind.
    pub fn names(&self, kind: RegisterKind) -> impl Iterator<Item = &'a str> {
        self.by_name.iter().filter(move |(_, declared)| declared.kind == kind).map(|(&name, _)| name)
    }
}
