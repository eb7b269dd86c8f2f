//! What Slurm tells a task about its place, in its environment. Its cores are counted in `cores.rs`.

/// This task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The job, if this is part of one.
    pub job: Option<String>,
    /// From 0, below `n_ranks`.
    pub rank: u32,
    /// Tasks of this step, at least 1.
    pub n_ranks: u32,
    /// How often the job was requeued.
    pub n_restarts: u32,
    /// Name of the node.
    pub node: Option<String>,
}

impl Task {
    /// From variables as `get` finds them.
    pub fn from(get: &dyn Fn(&str) -> Option<String>) -> Task {
        let number = |name: &str| get(name)?.trim().parse::<u32>().ok();
        let n_ranks = number("SLURM_STEP_NUM_TASKS").or_else(|| number("SLURM_NTASKS")).unwrap_or(1).max(1);
        Task {
            job: get("SLURM_JOB_ID").filter(|job| !job.is_empty()),
            rank: number("SLURM_PROCID").unwrap_or(0).min(n_ranks - 1),
            n_ranks,
            n_restarts: number("SLURM_RESTART_COUNT").unwrap_or(0),
            node: get("SLURMD_NODENAME").filter(|node| !node.is_empty()),
        }
    }

    /// From this process's environment.
    pub fn here() -> Task {
        Task::from(&|name| std::env::var(name).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(variables: &[(&str, &str)]) -> Task {
        Task::from(&|name| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| value.to_string()))
    }

    #[test]
    fn a_task_of_srun_knows_its_place() {
        let step = [
            ("SLURM_JOB_ID", "17"),
            ("SLURM_PROCID", "3"),
            ("SLURM_STEP_NUM_TASKS", "4"),
            ("SLURM_NTASKS", "1"),
            ("SLURM_RESTART_COUNT", "2"),
            ("SLURMD_NODENAME", "n3"),
        ];
        let (job, node) = (Some("17".into()), Some("n3".into()));
        assert_eq!(task(&step), Task { job, rank: 3, n_ranks: 4, n_restarts: 2, node });
    }

    #[test]
    fn without_slurm_there_is_one_task() {
        let alone = Task { job: None, rank: 0, n_ranks: 1, n_restarts: 0, node: None };
        assert_eq!(task(&[]), alone);
        // Nonsense is no reason to fail.
        assert_eq!(task(&[("SLURM_PROCID", "x"), ("SLURM_NTASKS", "0")]), alone);
        assert_eq!(task(&[("SLURM_PROCID", "7"), ("SLURM_NTASKS", "4")]).rank, 3);
    }
}
