//! Dividing the units of a pass into shards: what is claimed at a time.

use std::ops::Range;

/// Divides units, hardest first, into at most `n_shards` runs of about equal work, hardest first.
///
/// * `works`: of each unit, in any measure that adds up; what is no positive number counts as nothing.
/// * Every unit is in one shard, no shard is empty, and the easy ones at the end share theirs.
pub fn divide(works: &[f64], n_shards: usize) -> Vec<Range<usize>> {
    let n_shards = n_shards.clamp(1, works.len().max(1));
    // Units without work still cost a look each.
    let least =
        works.iter().copied().filter(|w| w.is_finite()).sum::<f64>().max(1.0) * 1e-3 / works.len().max(1) as f64;
    let cost = |work: f64| if work.is_finite() { work.max(least) } else { least };
    let mut left: f64 = works.iter().map(|w| cost(*w)).sum();
    let mut shards = Vec::with_capacity(n_shards);
    let (mut start, mut full) = (0, 0.0);
    for (i, work) in works.iter().enumerate() {
        full += cost(*work);
        // What hard units have taken is not missing from the shards of the others.
        let share = left / (n_shards - shards.len()) as f64;
        if full >= share * (1.0 - 1e-9) && shards.len() + 1 < n_shards {
            shards.push(start..i + 1);
            (start, left, full) = (i + 1, left - full, 0.0);
        }
    }
    if start < works.len() {
        shards.push(start..works.len());
    }
    shards
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_in_one_shard() {
        for n_units in 0..40 {
            for n_shards in 0..45 {
                let works: Vec<f64> = (0..n_units).map(|i| ((n_units - i) * (n_units - i)) as f64).collect();
                let shards = divide(&works, n_shards);
                assert!(shards.len() <= n_shards.max(1));
                assert!(shards.iter().all(|shard| !shard.is_empty()));
                let units: Vec<usize> = shards.iter().flat_map(Clone::clone).collect();
                assert_eq!(units, (0..n_units).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn shards_hold_equal_work() {
        let equal = vec![3.0; 1000];
        assert!(divide(&equal, 10).iter().all(|shard| shard.len() == 100));
        // One that is as hard as all others together is alone.
        let mut works = vec![1.0; 101];
        works[0] = 100.0;
        let shards = divide(&works, 11);
        assert_eq!((shards.len(), shards[0].clone(), shards[1].clone()), (11, 0..1, 1..11));
        assert_eq!(divide(&[1.0; 8], 8).len(), 8);
    }

    #[test]
    fn work_that_is_no_number_is_divided_too() {
        assert_eq!(divide(&[f64::NAN, f64::INFINITY, -1.0, 0.0], 4).len(), 4);
        assert_eq!(divide(&[0.0; 6], 3), [0..2, 2..4, 4..6]);
    }
}
