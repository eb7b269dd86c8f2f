//! Which share of the circuits this process does.

use crate::args::Shard;
use crate::exit::Failure;

/// The share that was asked for; else that of this task of a Slurm array; else all.
pub fn of(asked: Option<Shard>) -> Result<Shard, Failure> {
    match asked {
        Some(shard) => Ok(shard),
        None => of_array(|name| std::env::var(name).ok()).map_err(Failure::Usage),
    }
}

/// The items of a share, in order. Which they are depends on nothing but the list.
pub fn take<T>(shard: Shard, items: Vec<T>) -> Vec<T> {
    let is_in = |i: usize| i as u64 % shard.count == shard.index;
    items.into_iter().enumerate().filter(|(i, _)| is_in(*i)).map(|(_, item)| item).collect()
}

/// The share of a task by the variables that Slurm gives it.
fn of_array(variable: impl Fn(&str) -> Option<String>) -> Result<Shard, String> {
    let Some(id) = variable("SLURM_ARRAY_TASK_ID") else { return Ok(Shard { index: 0, count: 1 }) };
    let number = |name: &str, text: Option<String>| {
        let text = text.ok_or_else(|| format!("{name} is not set, and this is a task of an array; say --shard I/N"))?;
        text.parse::<u64>().map_err(|_| format!("{name} is `{text}`, which is no number; say --shard I/N"))
    };
    let of = |name: &str| number(name, variable(name));
    let id = number("SLURM_ARRAY_TASK_ID", Some(id))?;
    let (count, min, max) = (of("SLURM_ARRAY_TASK_COUNT")?, of("SLURM_ARRAY_TASK_MIN")?, of("SLURM_ARRAY_TASK_MAX")?);
    let step =
        variable("SLURM_ARRAY_TASK_STEP").map_or(Ok(1), |text| number("SLURM_ARRAY_TASK_STEP", Some(text)))?.max(1);
    // Anything else, such as `--array=1,5,6`, does not say which of how many this is.
    let is_regular = min <= id && id <= max && (id - min).is_multiple_of(step) && (max - min) / step + 1 == count;
    match is_regular {
        true => Ok(Shard { index: (id - min) / step, count }),
        false => Err(format!(
            "the array's {count} tasks from {min} to {max} have gaps, so that nobody knows which share task {id} has; \
             say which with --shard, as in --shard $SLURM_ARRAY_TASK_ID/8 for tasks of an array that had eight"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(id: u64, count: u64, min: u64, max: u64, step: Option<u64>) -> Result<Shard, String> {
        of_array(|name| {
            let value = match name {
                "SLURM_ARRAY_TASK_ID" => id,
                "SLURM_ARRAY_TASK_COUNT" => count,
                "SLURM_ARRAY_TASK_MIN" => min,
                "SLURM_ARRAY_TASK_MAX" => max,
                _ => step?,
            };
            Some(value.to_string())
        })
    }

    #[test]
    fn tasks_of_an_array_have_shares_that_make_up_the_whole() {
        assert_eq!(share(0, 8, 0, 7, Some(1)), Ok(Shard { index: 0, count: 8 }));
        assert_eq!(share(8, 8, 1, 8, None), Ok(Shard { index: 7, count: 8 }));
        assert_eq!(share(20, 3, 10, 30, Some(10)), Ok(Shard { index: 1, count: 3 }));
        assert_eq!(share(3, 1, 3, 3, Some(1)), Ok(Shard { index: 0, count: 1 }));
        assert_eq!(of_array(|_| None), Ok(Shard { index: 0, count: 1 }));
    }

    #[test]
    fn shares_cover_everything_once() {
        let mut all: Vec<u32> = (0..3).flat_map(|index| take(Shard { index, count: 3 }, (0..8).collect())).collect();
        all.sort();
        assert_eq!(all, (0..8).collect::<Vec<_>>());
    }

    #[test]
    fn arrays_with_gaps_and_nonsense_are_refused() {
        assert!(share(3, 2, 3, 7, Some(1)).unwrap_err().contains("--shard"));
        assert!(share(9, 2, 3, 4, Some(1)).is_err());
        assert!(of_array(|name| (name == "SLURM_ARRAY_TASK_ID").then(|| "1".into())).is_err());
        assert!(of_array(|_| Some("x".into())).is_err());
    }
}
