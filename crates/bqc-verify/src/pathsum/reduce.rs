//! The rules that make a sum over paths shorter.
//!
//! For a path variable `y` that no function has, and that `P` has in `½ yQ` alone or with `±¼ y`:
//!
//! * `Σ_y (−1)^{yQ} = 2` if `Q` is zero on all paths, as its polynomial is zero;
//! * `Σ_y (−1)^{y(z ⊕ Q)} = 2 δ(z = Q)` for another path variable `z`, which is `Q` then everywhere ([HH] of M. Amy,
//!   arXiv:1805.06908, section 3);
//! * `Σ_y i^{±y} (−1)^{yQ} = √2 exp(±iπ/4 (1 − 2Q))` ([ω] there).
//!
//! A condition `z ⊕ Q` puts `Q` in the place of `z`. The cheapest goes first. None of the rules looks at an angle that
//! stands beside `P`, so what they make equal is equal for all values of those.
//!
//! Where every variable is in a function with an angle, there may still be a direction in which none of these functions
//! changes: a set of variables of which each function has an even number. Adding one of the set to the others is
//! another way to count the same paths, in which no function has that one.

use super::polynomial::{Monomial, ONE, Polynomial, Variable, sum};
use super::sum::{HALF, QUARTER, Sum};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// What a rule would do.
enum Rule {
    /// The variable is nowhere.
    Elsewhere,
    /// Puts `by` in the place of `variable`.
    Replace { variable: Variable, by: Polynomial },
    /// The sum over `i^{±y} (−1)^{yQ}`.
    Quarter { coefficient: u32, q: Polynomial },
}

/// A place where a rule may apply.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Condition(usize),
    Variable(Variable),
}

/// A sum that is no multiple of the identity, or costs too much.
pub(super) struct Stop;

type Progress<T> = Result<T, Stop>;

/// Applies rules, the cheapest first, until none applies.
pub(super) fn reduce(total: &mut Sum) -> Progress<()> {
    let mut queue = BinaryHeap::new();
    let paths = (0..total.is_path.len()).filter(|variable| total.is_path[*variable]);
    let mut places: Vec<Place> = paths.map(|variable| Place::Variable(variable as Variable)).collect();
    total.touched.clear();
    loop {
        places.extend(total.new_conditions.drain(..).map(Place::Condition));
        for place in places.drain(..) {
            if let Some((cost, _)) = rule(total, place)? {
                queue.push(Reverse((cost, place)));
            }
        }
        let Some(Reverse((expected, place))) = queue.pop() else { return Ok(()) };
        // The surroundings may have changed.
        let Some((cost, rule)) = rule(total, place)? else { continue };
        if cost > expected {
            queue.push(Reverse((cost, place)));
            continue;
        }
        apply(total, place, rule).ok_or(Stop)?;
        let mut touched = std::mem::take(&mut total.touched);
        touched.sort_unstable();
        touched.dedup();
        touched.retain(|variable| total.is_path[*variable as usize]);
        places.extend(touched.into_iter().map(Place::Variable));
    }
}

/// The rule that applies at a place, and about how many monomials it touches.
fn rule(total: &mut Sum, place: Place) -> Progress<Option<(usize, Rule)>> {
    match place {
        Place::Variable(variable) => rule_of_variable(total, variable),
        Place::Condition(number) => match &total.functions[number] {
            Some(function) => {
                let zero = function.of.clone();
                replacement(total, zero)
            }
            None => Ok(None),
        },
    }
}

fn rule_of_variable(total: &mut Sum, variable: Variable) -> Progress<Option<(usize, Rule)>> {
    if !total.is_path[variable as usize] || !total.functions_with(variable).is_empty() {
        return Ok(None);
    }
    let with = total.monomials.with(variable).to_vec();
    total.spend(with.len()).ok_or(Stop)?;
    let mut quarter = None;
    let mut q = Vec::new();
    for monomial in with {
        match total.coefficient(monomial) {
            0 => {}
            HALF => q.push(total.monomials.without(monomial, variable)),
            coefficient if coefficient % QUARTER == 0 && total.monomials.variables(monomial).len() == 1 => {
                quarter = Some(coefficient);
            }
            _ => return Ok(None),
        }
    }
    q.sort_unstable();
    match quarter {
        Some(coefficient) => Ok(Some((q.len() * q.len(), Rule::Quarter { coefficient, q }))),
        None if q.is_empty() => Ok(Some((0, Rule::Elsewhere))),
        None => replacement(total, q),
    }
}

/// The cheapest replacement that makes a polynomial zero. If none is possible on any path, the sum is zero for some
/// input, and no multiple of the identity.
fn replacement(total: &mut Sum, zero: Polynomial) -> Progress<Option<(usize, Rule)>> {
    let mut alone = Vec::new();
    let mut others = Vec::new();
    for &monomial in &zero {
        match total.monomials.variables(monomial) {
            [variable] if total.is_path[*variable as usize] => alone.push((*variable, monomial)),
            variables => others.extend(variables),
        }
    }
    if alone.is_empty() && !others.iter().any(|variable| total.is_path[*variable as usize]) {
        return if zero.is_empty() { Ok(Some((0, Rule::Elsewhere))) } else { Err(Stop) };
    }
    others.sort_unstable();
    total.spend(zero.len()).ok_or(Stop)?;
    alone.retain(|(variable, _)| others.binary_search(variable).is_err());
    let mut cost = |variable: Variable| {
        let n_terms = total.monomials.with(variable).len() + 4 * total.functions_with(variable).len();
        n_terms * zero.len()
    };
    let cheapest = alone.into_iter().map(|(variable, monomial)| (cost(variable), variable, monomial)).min();
    Ok(cheapest.map(|(cost, variable, monomial)| (cost, Rule::Replace { variable, by: sum(&zero, &[monomial]) })))
}

fn apply(total: &mut Sum, place: Place, rule: Rule) -> Option<()> {
    match place {
        Place::Condition(number) => _ = total.take(number),
        Place::Variable(variable) => {
            total.take_terms(variable)?;
            total.is_path[variable as usize] = false;
            total.n_root_halves -= if matches!(rule, Rule::Quarter { .. }) { 1 } else { 2 };
        }
    }
    match rule {
        Rule::Elsewhere => Some(()),
        Rule::Replace { variable, by } => {
            total.is_path[variable as usize] = false;
            total.substitute(variable, &by)
        }
        Rule::Quarter { coefficient, q } => total.add(coefficient.wrapping_neg(), &q),
    }
}

/// Counts the paths so that some variables are in no function, if that is possible. Gives whether it was.
pub(super) fn free_directions(total: &mut Sum) -> Progress<bool> {
    // Columns over the functions, in echelon form: each with the variables that it is the sum of.
    let mut columns: HashMap<usize, (Vec<usize>, Vec<Variable>)> = HashMap::new();
    let mut added: HashMap<Variable, Vec<Variable>> = HashMap::new();
    for variable in (0..total.is_path.len() as Variable).filter(|v| total.is_path[*v as usize]).collect::<Vec<_>>() {
        let mut column = total.functions_with(variable).to_vec();
        if column.is_empty() || !column.iter().all(|number| is_linear(total, *number)) {
            continue;
        }
        column.sort_unstable();
        let mut set = vec![variable];
        while let Some(known) = column.last().and_then(|last| columns.get(last)) {
            let n_added = known.0.len() + column.len();
            total.spend(n_added).ok_or(Stop)?;
            column = sum(&column, &known.0);
            set = sum(&set, &known.1);
        }
        match column.last() {
            Some(&last) => _ = columns.insert(last, (column, set)),
            None => {
                for other in set.into_iter().filter(|other| *other != variable) {
                    added.entry(other).or_default().push(variable);
                }
            }
        }
    }
    let mut added: Vec<_> = added.into_iter().collect();
    added.sort_unstable();
    for (variable, others) in &added {
        let by = total.polynomial(&[std::slice::from_ref(variable), others].concat());
        total.substitute(*variable, &by).ok_or(Stop)?;
    }
    Ok(!added.is_empty())
}

/// Whether a function is a sum of variables.
fn is_linear(total: &Sum, number: usize) -> bool {
    let is_variable = |monomial: &Monomial| *monomial == ONE || total.monomials.variables(*monomial).len() == 1;
    total.functions[number].as_ref().is_some_and(|function| function.of.iter().all(is_variable))
}
