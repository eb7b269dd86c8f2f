//! How many cores this process may use: one count for every command, so that `compile` and `work` agree inside one
//! job. The system's count respects the affinity mask and the cgroup's quota. Slurm's variables narrow it, because
//! some installations of Slurm do not bind a task to the cores that it was given.

use std::thread::available_parallelism;

/// The cores of this process, at least 1.
pub fn usable() -> usize {
    let n_of_system = available_parallelism().map_or(1, usize::from);
    count(n_of_system, &|name| std::env::var(name).ok())
}

/// The cores of a process that the system lets use `n_of_system`, and whose environment `get` reads.
///
/// `SLURM_CPUS_PER_TASK` decides if it is set. Otherwise the tasks of a step share the node's `SLURM_CPUS_ON_NODE`
/// evenly. A job script is not a task of a step: it has all cores of its node.
fn count(n_of_system: usize, get: &dyn Fn(&str) -> Option<String>) -> usize {
    let number = |name: &str| get(name)?.trim().parse::<usize>().ok().filter(|n| *n > 0);
    let n_of_task = number("SLURM_CPUS_PER_TASK").or_else(|| {
        let node_index = number("SLURM_NODEID").unwrap_or(0);
        let n_tasks = get("SLURM_STEP_TASKS_PER_NODE").and_then(|list| tasks_of_node(&list, node_index));
        Some(number("SLURM_CPUS_ON_NODE")? / n_tasks.unwrap_or(1).max(1))
    });
    n_of_task.unwrap_or(n_of_system).min(n_of_system).max(1)
}

/// Tasks on one node of a list such as `2(x3),1`: two on each of three nodes, one on the next.
fn tasks_of_node(list: &str, node_index: usize) -> Option<usize> {
    let mut left = node_index;
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

    fn cores(n_of_system: usize, variables: &[(&str, &str)]) -> usize {
        count(n_of_system, &|name| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| value.to_string()))
    }

    #[test]
    fn without_slurm_the_system_decides() {
        assert_eq!(cores(6, &[]), 6);
        // Nonsense is not a reason to fail.
        for text in ["", "0", "x", "-3"] {
            let nonsense = ["SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE", "SLURM_NODEID", "SLURM_STEP_TASKS_PER_NODE"];
            assert_eq!(cores(6, &nonsense.map(|name| (name, text))), 6, "{text}");
        }
    }

    #[test]
    fn the_cores_of_a_task_decide_within_those_of_the_system() {
        let task = |n| cores(8, &[("SLURM_CPUS_PER_TASK", n), ("SLURM_CPUS_ON_NODE", "16")]);
        assert_eq!([task("1"), task(" 4 "), task("8"), task("64")], [1, 4, 8, 8]);
    }

    #[test]
    fn a_node_is_divided_among_the_tasks_of_a_step() {
        let node = |index| {
            let step = ("SLURM_STEP_TASKS_PER_NODE", "2(x3),4");
            cores(64, &[("SLURM_CPUS_ON_NODE", "16"), step, ("SLURM_NODEID", index)])
        };
        assert_eq!([node("0"), node("2"), node("3"), node("9")], [8, 8, 4, 16]);
        assert_eq!(cores(64, &[("SLURM_CPUS_ON_NODE", "1"), ("SLURM_STEP_TASKS_PER_NODE", "3")]), 1);
    }

    #[test]
    fn a_job_script_has_its_whole_node() {
        assert_eq!(cores(64, &[("SLURM_CPUS_ON_NODE", "16"), ("SLURM_TASKS_PER_NODE", "16")]), 16);
    }
}
