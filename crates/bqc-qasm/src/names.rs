//! Names: short lists of them, and which known name an unknown one probably meant.

use std::collections::BTreeMap;

/// Names with positions, such as the parameters of a gate. Almost always two or three, but a source
/// may list a hundred thousand, and then looking one up must not read them all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names<'a> {
    list: Vec<&'a str>,
    index: BTreeMap<&'a str, u32>,
}

impl<'a> Names<'a> {
    /// Up to this many names are searched in order, which is faster than the index.
    const FEW: usize = 8;

    /// Appends a name; false if it is in the list already.
    pub fn insert(&mut self, name: &'a str) -> bool {
        let fresh = self.find(name).is_none();
        if fresh {
            self.index.insert(name, self.list.len() as u32);
            self.list.push(name);
        }
        fresh
    }

    /// The position of a name.
    pub fn find(&self, name: &str) -> Option<u32> {
        if self.list.len() <= Self::FEW {
            return self.list.iter().position(|&n| n == name).map(|position| position as u32);
        }
        self.index.get(name).copied()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// All of them in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> {
        self.list.iter().copied()
    }
}

/// Names longer than this are neither compared nor suggested: the distance costs the product of the
/// lengths, and a source may hold names of a megabyte.
const MAX_CHARS: usize = 32;
/// The most names compared, for the same reason.
const MAX_CANDIDATES: usize = 10_000;

/// The candidate with the smallest edit distance to `name`, if a third of the letters or fewer differ.
/// The earlier candidate wins a tie.
pub(crate) fn nearest<'n>(name: &str, candidates: impl Iterator<Item = &'n str>) -> Option<String> {
    if name.len() > MAX_CHARS {
        return None;
    }
    let allowed = name.len().div_ceil(3);
    candidates
        .take(MAX_CANDIDATES)
        .filter(|candidate| candidate.len() <= MAX_CHARS)
        .map(|candidate| (distance(name.as_bytes(), candidate.as_bytes()), candidate))
        .filter(|&(d, candidate)| d <= allowed && d < name.len().max(candidate.len()))
        .min_by_key(|&(d, _)| d)
        .map(|(_, candidate)| candidate.to_owned())
}

/// Insertions, deletions and replacements that turn `a` into `b`; a change of case counts nothing if
/// the names differ in nothing else, since `CCX` surely means `ccx`.
fn distance(a: &[u8], b: &[u8]) -> usize {
    if a.eq_ignore_ascii_case(b) {
        return 0;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["cx", "ccx", "swap", "measure_all", "h"];
        let near = |name| nearest(name, known.iter().copied());
        assert_eq!(near("CCX").as_deref(), Some("ccx"));
        assert_eq!(near("swp").as_deref(), Some("swap"));
        assert_eq!(near("mesure_all").as_deref(), Some("measure_all"));
        assert_eq!(near("H").as_deref(), Some("h"));
        assert_eq!(near("foo"), None);
        assert_eq!(near("w"), None, "a single other letter is no hint");
        assert_eq!(near(&"x".repeat(1_000_000)), None);
    }
}
