//! A sum over paths: what it consists of, and substituting in it.
//!
//! The sum is `2^{−h/2} Σ_y exp(2πi P(x, y) + Σ_j i θ_j L_j(x, y))` over the values of the path variables `y` that
//! make every condition `C_k(x, y)` zero, for an input `x`. `P` is a polynomial over the integers whose coefficients
//! are multiples of `2^−32` of a turn, and so modulo `2^32`; `L_j` and `C_k` are Boolean polynomials. The `θ_j` are
//! angles as circuits have them, kept apart from `P` because the rules may not look at them (`reduce`).

use super::polynomial::{Monomial, Monomials, ONE, Polynomial, Variable, sum_of};
use crate::pauli::angle::Angle;
use std::collections::HashMap;

/// Half a turn: the coefficient of a sign.
pub(super) const HALF: u32 = 1 << 31;

/// A quarter of a turn.
pub(super) const QUARTER: u32 = 1 << 30;

/// A Boolean function that is not in `P`.
pub(super) struct Function {
    pub(super) of: Polynomial,
    /// The angle by which paths turn that have it; none for a condition, which only paths meet that have it zero.
    pub(super) angle: Option<Angle>,
}

/// See the head of the file.
pub(super) struct Sum {
    pub(super) monomials: Monomials,
    /// `[monomial]`: its coefficient in `P`. Those beyond the end are zero.
    coefficients: Vec<u32>,
    /// `[variable]`: whether it is a path variable that is still summed over.
    pub(super) is_path: Vec<bool>,
    /// By number; those that are gone are none.
    pub(super) functions: Vec<Option<Function>>,
    /// Numbers of the functions with an angle.
    with_angle: HashMap<Polynomial, usize>,
    /// `[variable]`: the functions that have it, and some that are gone.
    of_variable: Vec<Vec<usize>>,
    /// `h` above.
    pub(super) n_root_halves: i64,
    /// Sum of the phase distances of rotations that are left out.
    pub(super) dropped: f64,
    /// Monomials that may still be touched.
    pub(super) budget: u64,
    /// Variables whose surroundings have changed.
    pub(super) touched: Vec<Variable>,
    /// Numbers of new conditions.
    pub(super) new_conditions: Vec<usize>,
    /// How often angles were added up.
    pub(super) n_additions: usize,
}

/// Monomials that may come up; each takes some hundred bytes, and all of them half a gigabyte.
const MOST_MONOMIALS: usize = 1 << 22;

/// Two angles that add up to a rotation at most this far from the identity, in phase distance, count as nothing.
const NEGLIGIBLE: f64 = 1e-12;

/// But only if this part of one of them is left at most: two small angles are not the rounding of a large one.
const MOST_LEFT_OVER: f64 = 0.1;

impl Sum {
    pub(super) fn new(budget: u64) -> Sum {
        Sum {
            monomials: Monomials::new(),
            coefficients: vec![0],
            is_path: Vec::new(),
            functions: Vec::new(),
            with_angle: HashMap::new(),
            of_variable: Vec::new(),
            n_root_halves: 0,
            dropped: 0.0,
            budget,
            touched: Vec::new(),
            new_conditions: Vec::new(),
            n_additions: 0,
        }
    }

    /// Counts work. None if it is too much, or takes too much memory.
    pub(super) fn spend(&mut self, n_monomials: usize) -> Option<()> {
        self.budget = self.budget.checked_sub(n_monomials as u64)?;
        (self.monomials.len() <= MOST_MONOMIALS).then_some(())
    }

    /// A further variable: of the input, or one that is summed over.
    pub(super) fn add_variable(&mut self, is_path: bool) -> Variable {
        self.is_path.push(is_path);
        self.of_variable.push(Vec::new());
        self.monomials.add_variable()
    }

    /// The coefficient of a monomial in `P`.
    pub(super) fn coefficient(&self, monomial: Monomial) -> u32 {
        self.coefficients.get(monomial as usize).copied().unwrap_or(0)
    }

    fn set(&mut self, monomial: Monomial, coefficient: u32) {
        if self.coefficients.len() <= monomial as usize {
            self.coefficients.resize(self.monomials.len(), 0);
        }
        self.coefficients[monomial as usize] = coefficient;
    }

    /// Whether `P` has nothing but its constant, the global phase.
    pub(super) fn has_no_phase(&self) -> bool {
        self.coefficients.iter().skip(1).all(|coefficient| *coefficient == 0)
    }

    /// Adds a multiple of a Boolean function to `P`. For bits, `⊕ m_i = Σ_S (−2)^{|S|−1} Π_{i∈S} m_i` over all sets
    /// that are not empty; where the coefficient is a multiple of a turn, larger sets add nothing.
    pub(super) fn add(&mut self, coefficient: u32, function: &[Monomial]) -> Option<()> {
        self.add_multiples(coefficient, function, ONE)
    }

    fn add_multiples(&mut self, coefficient: u32, function: &[Monomial], factor: Monomial) -> Option<()> {
        if coefficient == 0 {
            return Some(());
        }
        for (i, &monomial) in function.iter().enumerate() {
            self.spend(1)?;
            let product = self.monomials.product(factor, monomial);
            self.set(product, self.coefficient(product).wrapping_add(coefficient));
            self.add_multiples(coefficient.wrapping_mul(2).wrapping_neg(), &function[i + 1..], product)?;
        }
        Some(())
    }

    /// Adds a rotation of the paths that have a function: its quarter turns to `P`, the rest beside it.
    pub(super) fn turn(&mut self, function: Polynomial, angle: Angle) -> Option<()> {
        // θ(1 ⊕ L) is θ − θL for bits, and θ alone is a global phase.
        let (function, angle) = match function.first() {
            Some(&ONE) => (function[1..].to_vec(), angle.negated()),
            _ => (function, angle),
        };
        if function.is_empty() {
            return Some(());
        }
        self.spend(function.len())?;
        let (angle, known) = match self.with_angle.get(&function).copied() {
            Some(number) => {
                let known = self.take(number)?.angle?;
                self.n_additions += 1;
                (known.plus(angle), Some(angle))
            }
            None => (angle, None),
        };
        self.add(u32::from(angle.quarters).wrapping_mul(QUARTER), &function)?;
        let rest = angle.without_quarters();
        let is_nothing = |part: Angle| {
            rest.distance() <= NEGLIGIBLE && rest.distance() <= MOST_LEFT_OVER * part.without_quarters().distance()
        };
        if rest.rest[0] == 0.0 || known.is_some_and(is_nothing) {
            self.dropped += rest.distance();
            self.touch(&function);
            return Some(());
        }
        self.insert(Function { of: function, angle: Some(rest) });
        Some(())
    }

    /// Adds a condition.
    pub(super) fn require(&mut self, zero: Polynomial) {
        self.insert(Function { of: zero, angle: None });
    }

    fn insert(&mut self, function: Function) {
        let number = self.functions.len();
        if function.angle.is_some() {
            self.with_angle.insert(function.of.clone(), number);
        } else {
            self.new_conditions.push(number);
        }
        for variable in self.monomials.variables_of(&function.of) {
            self.of_variable[variable as usize].push(number);
        }
        self.touch(&function.of);
        self.functions.push(Some(function));
    }

    /// Takes a function out.
    pub(super) fn take(&mut self, number: usize) -> Option<Function> {
        let function = self.functions[number].take()?;
        if function.angle.is_some() {
            self.with_angle.remove(&function.of);
        }
        self.touch(&function.of);
        Some(function)
    }

    fn touch(&mut self, polynomial: &[Monomial]) {
        for monomial in polynomial {
            self.touched.extend(self.monomials.variables(*monomial));
        }
    }

    /// The functions that have a variable.
    pub(super) fn functions_with(&mut self, variable: Variable) -> &[usize] {
        let functions = &self.functions;
        let numbers = &mut self.of_variable[variable as usize];
        numbers.retain(|number| functions[*number].is_some());
        numbers
    }

    /// Takes the terms of `P` with a variable out: what the variable is multiplied with, and the coefficients.
    pub(super) fn take_terms(&mut self, variable: Variable) -> Option<Vec<(Monomial, u32)>> {
        let with = self.monomials.with(variable).to_vec();
        self.spend(with.len())?;
        let mut terms = Vec::new();
        for monomial in with {
            let coefficient = self.coefficient(monomial);
            if coefficient != 0 {
                self.set(monomial, 0);
                self.touch(&[monomial]);
                terms.push((self.monomials.without(monomial, variable), coefficient));
            }
        }
        Some(terms)
    }

    /// Puts a function in the place of a variable, which may have the variable itself.
    pub(super) fn substitute(&mut self, variable: Variable, by: &[Monomial]) -> Option<()> {
        for (rest, coefficient) in self.take_terms(variable)? {
            self.spend(by.len())?;
            let function = self.monomials.times(rest, by);
            self.touch(&function);
            self.add(coefficient, &function)?;
        }
        // All come out before the first goes in: `by` may have the variable.
        let numbers = self.functions_with(variable).to_vec();
        let functions: Vec<Function> = numbers.into_iter().filter_map(|number| self.take(number)).collect();
        for Function { of, angle } in functions {
            self.spend(of.len() + by.len())?;
            let of = self.monomials.replaced(&of, variable, by);
            match angle {
                Some(angle) => self.turn(of, angle)?,
                None => self.require(of),
            }
        }
        self.touch(by);
        Some(())
    }

    /// The sum of monomials as a polynomial.
    pub(super) fn polynomial(&mut self, variables: &[Variable]) -> Polynomial {
        sum_of(variables.iter().map(|variable| self.monomials.of(*variable)).collect())
    }
}
