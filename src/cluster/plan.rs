//! `bqc plan`: reads a circuit, resolves the settings, looks what there is to do, and writes that down once.

use super::{RunDir, parse, read_whole};
use crate::args::PlanArgs;
use crate::build_id::BUILD;
use crate::compile::resolve;
use crate::engine::Chosen;
use crate::exit::{Exit, Failure};
use crate::gates::refuse_registers;
use crate::input::read_circuit;
use crate::progress::say;
use bqc_cluster::{CIRCUIT_NAME, PLAN_NAME, Survey};
use bqc_compiler::{Effort, Session, Settings, to_qasm};
use bqc_store::{Folder, Storage};
use bqc_wire::{Document, Plan, PlanPass, plan::sha256};
use std::io;
use std::path::Path;

/// Runs the command.
pub fn plan(args: &PlanArgs) -> Result<Exit, Failure> {
    refuse(args)?;
    let text = to_qasm(&read_circuit(&args.input, &args.read)?).into_bytes();
    // What all will read decides, not what was read here.
    let circuit = parse(text.clone())?;
    let settings = Settings { max_check_updates: 0.0, ..resolve(&args.settings)? };
    refuse_registers(&args.input, &circuit, &settings.gates)?;
    let survey = Survey::new(args.shards as usize);
    let family = Chosen::family_of(args.settings.engine);
    let session = Session::new(settings.clone()).share(&survey, family);
    session.compile(&circuit).map_err(|e| Failure::Usage(format!("cannot compile `{}`: {e}", args.input.display())))?;
    let plan = Plan {
        schema: Plan::SCHEMA.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        build: BUILD.as_str().into(),
        input: args.input.display().to_string(),
        circuit_sha256: sha256(&text),
        engine: family.into(),
        settings: settings.to_line(),
        effort: args.settings.effort_name().map(str::to_owned),
        shards: args.shards.into(),
        first_pass: survey.first_pass(),
        checksum: String::new(),
    };
    let is_new = write(&args.run_dir, &text, &plan)?;
    if !args.quiet {
        let PlanPass { units, shards, most_cx } = plan.first_pass;
        let folder = args.run_dir.display();
        let what = if is_new { "planned" } else { "planned before" };
        say(&format!("{what}: {units} blocks of at most {most_cx} CX in {shards} shards at first"));
        say(&format!(
            "work on it with `bqc work {folder}`, as often as you like, and join it with `bqc merge {folder} -o OUT`"
        ));
    }
    Ok(Exit::Complete)
}

/// What has no meaning in a plan.
fn refuse(args: &PlanArgs) -> Result<(), Failure> {
    if args.settings.threads.is_some() {
        return Err(Failure::Usage("--threads is for `bqc work`; a plan does not depend on it".into()));
    }
    if args.settings.effort == Effort::Forever && args.settings.passes.is_none() {
        return Err(Failure::Usage("a plan of --effort forever would never be complete; give --passes too".into()));
    }
    Ok(())
}

/// Puts the plan into its folder, the circuit first: whoever finds a plan finds its circuit. Whether it is new
/// there.
fn write(folder: &Path, circuit: &[u8], plan: &Plan) -> Result<bool, Failure> {
    let storage = Folder::new(folder);
    let io = |source: io::Error| Failure::write(folder, source);
    storage.make_folder("").map_err(io)?;
    if is_planned(folder, plan)? {
        return Ok(false);
    }
    storage.replace(CIRCUIT_NAME, circuit).map_err(io)?;
    storage.replace(PLAN_NAME, plan.clone().seal().as_bytes()).map_err(io)?;
    // Of two that plan at the same time one has won, and the other one is told here.
    is_planned(folder, plan)?;
    Ok(true)
}

/// Whether this very plan is there. Another one is refused.
fn is_planned(folder: &Path, plan: &Plan) -> Result<bool, Failure> {
    match read_whole(&Folder::new(folder), PLAN_NAME) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(Failure::Read { path: folder.join(PLAN_NAME), source: e }),
        Ok(_) => {}
    }
    let there = RunDir::open(folder)?.plan;
    // Where the input lay does not matter.
    let same = Plan { input: there.input.clone(), checksum: there.checksum.clone(), ..plan.clone() };
    if there == same {
        return Ok(true);
    }
    let what = if there.circuit_sha256 == same.circuit_sha256 { "other settings" } else { "another circuit" };
    Err(Failure::Usage(format!(
        "`{}` holds the plan of {what}, and a plan is never changed; choose another folder, or remove this one",
        folder.display()
    )))
}
