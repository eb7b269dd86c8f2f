//! Boolean polynomials: sums without carry of products of variables.
//!
//! Products are numbered as they come up, so that a polynomial is a sorted list of numbers and adding two is merging
//! two lists. Every Boolean function is one polynomial only (Reed–Muller, or algebraic normal form), so equal functions
//! are equal lists.

use std::collections::HashMap;

/// The number of a variable.
pub(super) type Variable = u32;

/// The number of a product of different variables; [`ONE`] is the product of none.
pub(super) type Monomial = u32;

/// The product of no variables, which is one.
pub(super) const ONE: Monomial = 0;

/// A sum without carry of different monomials, in the order of their numbers.
pub(super) type Polynomial = Vec<Monomial>;

/// All products that have come up.
pub(super) struct Monomials {
    /// `[monomial]`: its variables, in their order.
    variables: Vec<Box<[Variable]>>,
    numbers: HashMap<Box<[Variable]>, Monomial>,
    /// `[variable]`: the monomials that have it.
    with: Vec<Vec<Monomial>>,
}

/// `a + b`.
pub(super) fn sum<T: Ord + Copy>(a: &[T], b: &[T]) -> Vec<T> {
    let mut sum = Vec::with_capacity(a.len() + b.len());
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => {
                sum.push(a[i]);
                i += 1;
            }
            std::cmp::Ordering::Greater => {
                sum.push(b[j]);
                j += 1;
            }
            std::cmp::Ordering::Equal => {
                i += 1;
                j += 1;
            }
        }
    }
    sum.extend(&a[i..]);
    sum.extend(&b[j..]);
    sum
}

/// The sum of monomials in any order, of which equal ones cancel in pairs.
pub(super) fn sum_of(mut monomials: Vec<Monomial>) -> Polynomial {
    monomials.sort_unstable();
    let mut sum: Polynomial = Vec::with_capacity(monomials.len());
    for monomial in monomials {
        if sum.last() == Some(&monomial) {
            sum.pop();
        } else {
            sum.push(monomial);
        }
    }
    sum
}

impl Monomials {
    pub(super) fn new() -> Monomials {
        let nothing: Box<[Variable]> = [].into();
        Monomials { variables: vec![nothing.clone()], numbers: HashMap::from([(nothing, ONE)]), with: Vec::new() }
    }

    /// A further variable.
    pub(super) fn add_variable(&mut self) -> Variable {
        self.with.push(Vec::new());
        self.with.len() as Variable - 1
    }

    /// How many monomials have come up.
    pub(super) fn len(&self) -> usize {
        self.variables.len()
    }

    fn number(&mut self, variables: Vec<Variable>) -> Monomial {
        if let Some(&number) = self.numbers.get(variables.as_slice()) {
            return number;
        }
        let number = self.variables.len() as Monomial;
        let variables: Box<[Variable]> = variables.into();
        variables.iter().for_each(|variable| self.with[*variable as usize].push(number));
        self.variables.push(variables.clone());
        self.numbers.insert(variables, number);
        number
    }

    /// The variable alone.
    pub(super) fn of(&mut self, variable: Variable) -> Monomial {
        self.number(vec![variable])
    }

    /// The variables of a monomial, in their order.
    pub(super) fn variables(&self, monomial: Monomial) -> &[Variable] {
        &self.variables[monomial as usize]
    }

    /// Whether a monomial has this variable.
    pub(super) fn has(&self, monomial: Monomial, variable: Variable) -> bool {
        self.variables(monomial).binary_search(&variable).is_ok()
    }

    /// The monomials that have a variable.
    pub(super) fn with(&self, variable: Variable) -> &[Monomial] {
        &self.with[variable as usize]
    }

    /// `a · b`, where a square is the variable itself.
    pub(super) fn product(&mut self, a: Monomial, b: Monomial) -> Monomial {
        if a == ONE || a == b {
            return b;
        }
        if b == ONE {
            return a;
        }
        let mut variables = [self.variables(a), self.variables(b)].concat();
        variables.sort_unstable();
        variables.dedup();
        self.number(variables)
    }

    /// A monomial divided by a variable that it has.
    pub(super) fn without(&mut self, monomial: Monomial, variable: Variable) -> Monomial {
        let rest = self.variables(monomial).iter().copied().filter(|other| *other != variable).collect();
        self.number(rest)
    }

    /// A monomial times a polynomial.
    pub(super) fn times(&mut self, monomial: Monomial, polynomial: &[Monomial]) -> Polynomial {
        sum_of(polynomial.iter().map(|other| self.product(monomial, *other)).collect())
    }

    /// A polynomial with `by` in the place of a variable.
    pub(super) fn replaced(&mut self, polynomial: &[Monomial], variable: Variable, by: &[Monomial]) -> Polynomial {
        let mut monomials = Vec::with_capacity(polynomial.len() + by.len());
        for &monomial in polynomial {
            if self.has(monomial, variable) {
                let rest = self.without(monomial, variable);
                monomials.extend(by.iter().map(|other| self.product(rest, *other)));
            } else {
                monomials.push(monomial);
            }
        }
        sum_of(monomials)
    }

    /// The variables of a polynomial, in their order.
    pub(super) fn variables_of(&self, polynomial: &[Monomial]) -> Vec<Variable> {
        let mut all: Vec<Variable> =
            polynomial.iter().flat_map(|monomial| self.variables(*monomial)).copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}
