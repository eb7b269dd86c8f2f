//! What Slurm tells a task about itself, in its environment.

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
    /// CPUs of this task, if Slurm says so.
    pub n_cpus: Option<usize>,
    /// Name of the node.
    pub node: Option<String>,
}

impl Task {
    /// From variables as `get` finds them.
    pub fn from(get: &dyn Fn(&str) -> Option<String>) -> Task {
        let number = |name: &str| get(name)?.trim().parse::<u32>().ok();
        let n_ranks = number("SLURM_STEP_NUM_TASKS").or_else(|| number("SLURM_NTASKS")).unwrap_or(1).max(1);
        let n_cpus = number("SLURM_CPUS_PER_TASK").or_else(|| {
            let tasks = get("SLURM_STEP_TASKS_PER_NODE").or_else(|| get("SLURM_TASKS_PER_NODE"));
            let node = number("SLURM_NODEID").unwrap_or(0) as usize;
            let here = tasks.and_then(|tasks| tasks_of_node(&tasks, node)).unwrap_or(1).max(1);
            Some((number("SLURM_CPUS_ON_NODE")? / here).max(1))
        });
        Task {
            job: get("SLURM_JOB_ID").filter(|job| !job.is_empty()),
            rank: number("SLURM_PROCID").unwrap_or(0).min(n_ranks - 1),
            n_ranks,
            n_restarts: number("SLURM_RESTART_COUNT").unwrap_or(0),
            n_cpus: n_cpus.filter(|n| *n > 0).map(|n| n as usize),
            node: get("SLURMD_NODENAME").filter(|node| !node.is_empty()),
        }
    }

    /// From this process's environment.
    pub fn here() -> Task {
        Task::from(&|name| std::env::var(name).ok())
    }
}

/// Tasks on one node of a list such as `2(x3),1`: two on each of three nodes, one on the next.
fn tasks_of_node(list: &str, node: usize) -> Option<u32> {
    let mut left = node;
    for part in list.split(',') {
        let (n_tasks, n_nodes) = match part.trim().split_once("(x") {
            Some((n_tasks, n_nodes)) => (n_tasks, n_nodes.strip_suffix(')')?.parse().ok()?),
            None => (part.trim(), 1),
        };
        if left < n_nodes {
            return n_tasks.parse().ok();
        }
        left -= n_nodes;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(variables: &[(&str, &str)]) -> Task {
        Task::from(&|name| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| value.to_string()))
    }

    #[test]
    fn a_task_of_srun_knows_its_place_and_its_cores() {
        let step = [
            ("SLURM_JOB_ID", "17"),
            ("SLURM_PROCID", "3"),
            ("SLURM_STEP_NUM_TASKS", "4"),
            ("SLURM_NTASKS", "1"),
            ("SLURM_RESTART_COUNT", "2"),
            ("SLURM_CPUS_PER_TASK", "8"),
            ("SLURM_CPUS_ON_NODE", "16"),
            ("SLURMD_NODENAME", "n3"),
        ];
        let (job, node) = (Some("17".into()), Some("n3".into()));
        assert_eq!(task(&step), Task { job, rank: 3, n_ranks: 4, n_restarts: 2, n_cpus: Some(8), node });
    }

    #[test]
    fn a_node_is_divided_among_its_tasks() {
        let node = |id| {
            task(&[("SLURM_CPUS_ON_NODE", "16"), ("SLURM_STEP_TASKS_PER_NODE", "2(x3),4"), ("SLURM_NODEID", id)]).n_cpus
        };
        assert_eq!([node("0"), node("2"), node("3"), node("9")], [Some(8), Some(8), Some(4), Some(16)]);
        assert_eq!(task(&[("SLURM_CPUS_ON_NODE", "1"), ("SLURM_TASKS_PER_NODE", "3")]).n_cpus, Some(1));
    }

    #[test]
    fn without_slurm_there_is_one_task() {
        let alone = Task { job: None, rank: 0, n_ranks: 1, n_restarts: 0, n_cpus: None, node: None };
        assert_eq!(task(&[]), alone);
        // Nonsense is no reason to fail.
        assert_eq!(task(&[("SLURM_PROCID", "x"), ("SLURM_NTASKS", "0"), ("SLURM_CPUS_PER_TASK", "")]), alone);
        assert_eq!(task(&[("SLURM_PROCID", "7"), ("SLURM_NTASKS", "4")]).rank, 3);
    }
}
