//! `bqc slurm-script`: job scripts that survive what jobs go through.
//!
//! What they have in common: Slurm sends USR1 before the time is up, bqc then writes down what it has, and the
//! job is queued again; it is also queued again when a node has died. Whether anything is left to do is
//! decided by what lies in the folder, never by how `srun` ended, which says 0 for a node that failed and 137
//! for one rank of many. GPUs are shared through MPS by bqc itself, so no daemon is started here.

use crate::args::{ArrayScriptArgs, JobArgs, MultiNodeScriptArgs, SlurmScriptArgs, SlurmScriptKind};
use crate::exit::{Exit, Failure};
use crate::output::print;
use std::fmt::Write as _;
use std::path::Path;

/// Prints the script.
pub fn slurm_script(args: &SlurmScriptArgs) -> Result<Exit, Failure> {
    let script = match &args.kind {
        SlurmScriptKind::MultiNode(args) => multi_node(args)?,
        SlurmScriptKind::Array(args) => array(args)?,
    };
    print(&script)?;
    Ok(Exit::Complete)
}

/// One circuit, a supervisor on each node.
fn multi_node(args: &MultiNodeScriptArgs) -> Result<String, Failure> {
    let job = &args.job;
    let mut script = Script::new(job);
    script.sbatch("nodes", &args.nodes.to_string());
    script.sbatch("ntasks-per-node", "1");
    let cores = match job.cpus {
        Some(n) => {
            script.sbatch("cpus-per-task", &n.to_string());
            format!("--cpus-per-task={n}")
        }
        None => {
            script.flag("exclusive", "the whole node, for its one supervisor");
            "--cpu-bind=none".to_owned()
        }
    };
    script.flag("no-kill", "when a node dies, the others go on");
    script.common(job, "%x-%j.log")?;
    script.begin(job)?;
    script.text.push_str(&format!(
        "run_dir={}\nout={}\n{OPTIONS}\n",
        path(&args.run_dir)?,
        path(&args.output)?,
        OPTIONS = options(&args.options),
    ));
    script.text.push_str(&format!(
        "\n# One supervisor on each node; it starts the workers. USR1 to srun goes to all of them.\n\
         srun --kill-on-bad-exit=0 --wait=0 --no-kill {cores} \"$bqc\" work \"$run_dir\" ${{options[@]+\"${{options[@]}}\"}} &\n"
    ));
    script.text.push_str(AWAIT);
    script.text.push_str(
        "\n# 75: something is missing. The folder knows; how srun ended says little.\n\
         \"$bqc\" merge \"$run_dir\" -o \"$out\"\n\
         status=$?\n\
         echo \"srun ended with $ended, merge with $status, restarts so far: $restarts\"\n\
         if [ \"$status\" = 75 ]; then again \"$SLURM_JOB_ID\"; fi\n\
         exit \"$status\"\n",
    );
    Ok(script.text)
}

/// Many circuits, each task of an array a share of them.
fn array(args: &ArrayScriptArgs) -> Result<String, Failure> {
    let job = &args.job;
    let mut script = Script::new(job);
    let at_once = args.at_once.map_or(String::new(), |n| format!("%{n}"));
    script.sbatch("array", &format!("0-{}{at_once}", args.tasks - 1));
    script.sbatch("nodes", "1");
    script.sbatch("ntasks", "1");
    script.sbatch("cpus-per-task", &job.cpus.unwrap_or(1).to_string());
    script.common(job, "%x-%A_%a.log")?;
    script.begin(job)?;
    script.text.push_str(&format!(
        "list={}\nout_dir={}\n# The number of shares stays, whichever tasks are submitted again.\n\
         share=$SLURM_ARRAY_TASK_ID/{}\n{}\n",
        path(&args.list)?,
        path(&args.out_dir)?,
        args.tasks,
        options(&args.options),
    ));
    script.text.push_str(
        "\n\"$bqc\" batch --list \"$list\" --out-dir \"$out_dir\" --shard \"$share\" ${options[@]+\"${options[@]}\"} &\n",
    );
    script.text.push_str(AWAIT);
    script.text.push_str(
        "\n# What is there counts: 75 means that something is missing, for whatever reason.\n\
         \"$bqc\" batch --quiet --summary \"$out_dir\" --list \"$list\" --shard \"$share\" > /dev/null\n\
         status=$?\n\
         # A batch that was killed, or is not through with other settings than those of what is there.\n\
         if [ \"$ended\" -gt 3 ]; then status=75; fi\n\
         echo \"batch ended with $ended, share $share with $status, restarts so far: $restarts\"\n\
         if [ \"$status\" = 75 ]; then again \"${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID\"; fi\n\
         exit \"$status\"\n",
    );
    Ok(script.text)
}

/// Waits for the process in the background. A signal ends `wait`, but not what is waited for.
const AWAIT: &str = "work=$!
# What bash starts does not hear signals at once.
if [ -n \"$told\" ]; then sleep 1; kill -USR1 \"$work\" 2> /dev/null; fi
while :; do
    wait \"$work\"
    ended=$?
    kill -0 \"$work\" 2> /dev/null || break
done
";

/// A script that comes into being.
struct Script {
    text: String,
}

impl Script {
    fn new(job: &JobArgs) -> Script {
        // A login shell knows `module`.
        let shell = if job.module.is_empty() { "#!/bin/bash" } else { "#!/bin/bash -l" };
        let mut script =
            Script { text: format!("{shell}\n# Made by bqc slurm-script {}.\n", env!("CARGO_PKG_VERSION")) };
        script.sbatch("job-name", &job.name);
        script
    }

    /// A request with a value, which was checked when it was read.
    fn sbatch(&mut self, option: &str, value: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "#SBATCH --{option}={value}");
    }

    fn flag(&mut self, option: &str, why: &str) {
        let _ = writeln!(self.text, "# {why}:\n#SBATCH --{option}");
    }

    /// The requests that both kinds have.
    fn common(&mut self, job: &JobArgs, log: &str) -> Result<(), Failure> {
        let gres = job.gpus_per_node.as_ref().map(|gpus| format!("gpu:{gpus}"));
        let optional = [
            ("gres", &gres),
            ("mem", &job.memory),
            ("partition", &job.partition),
            ("account", &job.account),
            ("qos", &job.qos),
            ("constraint", &job.constraint),
        ];
        for (option, value) in optional {
            if let Some(value) = value {
                self.sbatch(option, value);
            }
        }
        self.sbatch("time", &job.time.text);
        self.sbatch("output", log);
        self.flag(
            "requeue",
            "queued again by the script while something is left to do, and by Slurm when the node dies",
        );
        self.sbatch("open-mode", "append");
        let _ = writeln!(self.text, "# Slurm may send it up to a minute early.");
        self.sbatch("signal", &format!("B:USR1@{}", signal_before(job)?));
        Ok(())
    }

    /// What comes before the work: modules, the program, the way back into the queue, the signal.
    fn begin(&mut self, job: &JobArgs) -> Result<(), Failure> {
        // A signal that comes before the program is there is kept for it.
        self.text.push_str(
            "\nset -u\nwork=\ntold=\n\
             # bqc writes down what it has and ends.\n\
             trap 'if [ -n \"$work\" ]; then kill -USR1 \"$work\" 2> /dev/null; else told=1; fi' USR1\n\n",
        );
        for module in &job.module {
            let _ = writeln!(self.text, "module load {} || exit 2", quoted(module));
        }
        let _ = write!(
            self.text,
            "bqc={}\ncommand -v \"$bqc\" > /dev/null || {{ echo \"$bqc: not found on this node\" >&2; exit 2; }}\n\
             restarts=${{SLURM_RESTART_COUNT:-0}}\n\
             again() {{\n\
             \x20   # Slurm may have done so itself, when it lost this node and this script did not notice.\n\
             \x20   if ! scontrol --oneliner show job \"$1\" | grep -q \" Restarts=$restarts \"; then exit 75; fi\n\
             \x20   if [ \"$restarts\" -lt {} ]; then exec scontrol requeue \"$1\"; fi\n\
             \x20   echo \"queued again {} times already: giving up; submit it again to go on\" >&2\n}}\n\n",
            path(&job.program)?,
            job.max_requeues,
            job.max_requeues,
        );
        Ok(())
    }
}

/// Slurm looks at its clock so seldom that a signal may come this much too early, in seconds.
const EARLY: u64 = 60;
/// Work of less than so many seconds, from the start of the job to the signal, is not worth a place in the queue.
const LEAST_WORK: u64 = 60;
/// Writing down what there is takes no longer, in seconds.
const MAX_SIGNAL_BEFORE: u64 = 300;

/// How many seconds before its end a job is told.
fn signal_before(job: &JobArgs) -> Result<u64, Failure> {
    let of_time = job.time.seconds.map_or(MAX_SIGNAL_BEFORE, |seconds| (seconds / 5).min(MAX_SIGNAL_BEFORE));
    let before = job.signal_before.map_or(of_time, u64::from);
    match job.time.seconds {
        Some(seconds) if seconds <= before + EARLY + LEAST_WORK => {
            let (time, at_most) = (&job.time.text, seconds.saturating_sub(EARLY + LEAST_WORK + 1));
            let advice = match at_most {
                10.. if job.signal_before.is_some() => format!("--signal-before {at_most} or less, or "),
                _ => String::new(),
            };
            let minutes = (before + EARLY + LEAST_WORK) / 60 + 1;
            Err(Failure::Usage(format!(
                "--time {time} leaves no time to work: bqc is told to end {before} s before, and Slurm may be {EARLY} s \
                 early; give {advice}--time {minutes} or more"
            )))
        }
        _ => Ok(before),
    }
}

/// An array of words for bash.
fn options(options: &[String]) -> String {
    format!("options=({})", options.iter().map(|option| quoted(option)).collect::<Vec<_>>().join(" "))
}

/// One word for bash, whatever is in it.
fn quoted(text: &str) -> String {
    let mut word = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '$' | '`' | '\\') {
            word.push('\\');
        }
        word.push(c);
    }
    word + "\""
}

fn path(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().filter(|text| !text.is_empty() && !text.contains('\0'));
    let text =
        text.ok_or_else(|| Failure::Usage(format!("`{}` cannot stand in a script: it is not UTF-8", path.display())))?;
    // `-` at the front would be taken for an option.
    Ok(if text.starts_with('-') { quoted(&format!("./{text}")) } else { quoted(text) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use clap::Parser;

    fn script(arguments: &[&str]) -> String {
        let cli =
            Cli::try_parse_from(["bqc", "slurm-script"].iter().chain(arguments)).unwrap_or_else(|e| panic!("{e}"));
        let Command::SlurmScript(args) = cli.command else { panic!("another command") };
        match &args.kind {
            SlurmScriptKind::MultiNode(args) => multi_node(args).unwrap(),
            SlurmScriptKind::Array(args) => array(args).unwrap(),
        }
    }

    #[test]
    fn requests_stand_where_they_were_asked_for() {
        let text = script(&[
            "multi-node",
            "--run-dir",
            "run",
            "-o",
            "out.qasm",
            "--nodes",
            "4",
            "--gpus-per-node",
            "a100:4",
            "--time",
            "12:00:00",
            "--partition",
            "gpu",
            "--account",
            "q",
            "--constraint",
            "a&b",
            "--module",
            "cuda/12",
            "--",
            "-v",
        ]);
        for line in [
            "#SBATCH --nodes=4",
            "#SBATCH --ntasks-per-node=1",
            "#SBATCH --gres=gpu:a100:4",
            "#SBATCH --time=12:00:00",
            "#SBATCH --partition=gpu",
            "#SBATCH --account=q",
            "#SBATCH --constraint=a&b",
            "#SBATCH --requeue",
            "#SBATCH --no-kill",
            "#SBATCH --signal=B:USR1@300",
            "module load \"cuda/12\" || exit 2",
            "options=(\"-v\")",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        // Slurm reads no further than the first command.
        let (last, first) = (text.rfind("#SBATCH").unwrap(), text.find("\nset -u").unwrap());
        assert!(last < first);
        let text = script(&["array", "--list", "l", "--out-dir", "d", "--tasks", "8", "--at-once", "3", "--time", "5"]);
        assert!(
            text.contains("#SBATCH --array=0-7%3\n") && text.contains("/8\n") && !text.contains("--gres"),
            "{text}"
        );
    }

    #[test]
    fn a_job_is_told_in_time_and_works_before() {
        let told = |options: &[&str]| {
            let fixed = ["bqc", "slurm-script", "array", "--list", "l", "--out-dir", "d", "--tasks", "2", "--time"];
            let cli = Cli::try_parse_from(fixed.iter().chain(options)).unwrap_or_else(|e| panic!("{e}"));
            let Command::SlurmScript(args) = cli.command else { panic!("another command") };
            let SlurmScriptKind::Array(args) = &args.kind else { panic!("another kind") };
            signal_before(&args.job).map_err(|e| e.to_string())
        };
        for (time, seconds) in [("1:00:00", 300), ("2-0", 300), ("0", 300), ("5", 60), ("3", 36), ("2:31", 30)] {
            assert_eq!(told(&[time]), Ok(seconds), "{time}");
        }
        assert_eq!(told(&["7:01", "--signal-before", "300"]), Ok(300));
        for (options, advice) in [
            (&["1"][..], "give --time 3 or more"),
            (&["2:30"], "give --time 3 or more"),
            (&["4", "--signal-before", "300"], "give --signal-before 119 or less, or --time 8 or more"),
            (&["2", "--signal-before", "10"], "give --time 3 or more"),
        ] {
            let why = told(options).unwrap_err();
            assert!(why.contains(advice), "{why}");
        }
        assert_eq!(told(&["4", "--signal-before", "119"]), Ok(119));
    }

    #[test]
    fn bash_sees_one_word_whatever_is_in_it() {
        assert_eq!(quoted("a'b $(c) \"`d`\"\\\n"), "\"a'b \\$(c) \\\"\\`d\\`\\\"\\\\\n\"");
        assert_eq!(path(Path::new("-x")).unwrap(), "\"./-x\"");
        assert!(path(Path::new("")).is_err());
    }
}
