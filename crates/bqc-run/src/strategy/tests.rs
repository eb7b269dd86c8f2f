//! The rules, with histories as literals: at least one row a rule, in the order of the table.

use super::*;
use bqc_optimize::{BlockSettings, Flow, Objective};

/// Number of the rule that decides; none applies where the run is done.
const DONE: usize = RULES.len();

fn settings() -> Settings {
    Settings {
        block_size: 12,
        max_block_cx: 200,
        max_passes: 100,
        patience: 5,
        min_gain: 0.01,
        permutes_output: false,
        epsilon_total: 0.0,
        n_threads: 1,
        gates: Default::default(),
        block: BlockSettings { flow: Flow::Search { n_rounds: 20 }, starts: 4, ..BlockSettings::default() },
        max_check_updates: 0.0,
        is_recorded: false,
        exact_passes: 1,
        restarts: 0,
        has_block_records: true,
    }
}

/// The same with walks.
fn walking() -> Settings {
    Settings { exact_passes: 5, ..settings() }
}

/// The same with deletion alone.
fn deleting() -> Settings {
    let block = BlockSettings { flow: Flow::Delete, starts: 1, ..BlockSettings::default() };
    Settings { block_size: 5, max_block_cx: 48, block, ..settings() }
}

/// The same with a distance to spend.
fn approximating() -> Settings {
    Settings { epsilon_total: 1e-3, ..settings() }
}

fn figures(n_two_qubit: usize) -> Figures {
    Figures { n_two_qubit, n_one_qubit: 0, depth: 0, two_qubit_depth: 0, n_rotations: 0 }
}

/// A step from `before` to `after` CX that leaves `best` CX in the best circuit.
fn record(step: Step, before: usize, after: usize, best: usize) -> Record {
    Record {
        step,
        n_passes: u32::from(step != Step::Rewrite),
        before: figures(before),
        after: figures(after),
        bound: 0.0,
        best: figures(best),
        is_better: after == best && after < before,
        is_one_window: false,
        is_clifford_t: true,
        end: None,
    }
}

fn rewrite(n: usize) -> Record {
    record(Step::Rewrite, n, n, n)
}

fn search(before: usize, after: usize) -> Record {
    record(searching(Origin::Last, 2, true), before, after, after)
}

fn delete(before: usize, after: usize) -> Record {
    record(Step::Delete { from: Origin::Last, cuts: cuts(3, 48, Some(16)) }, before, after, after)
}

fn approximate(width: usize, before: usize, after: usize) -> Record {
    record(approximation(width), before, after, after.min(before))
}

fn cuts(width: usize, max_cx: usize, max_shift: Option<usize>) -> Cuts {
    Cuts { width, max_cx, max_shift }
}

fn searching(from: Origin, n_rounds: usize, is_shifted: bool) -> Step {
    Step::Search { from, cuts: cuts(12, 200, is_shifted.then_some(200)), n_rounds }
}

fn approximation(width: usize) -> Step {
    Step::Approximate { cuts: cuts(width, 24, Some(24)) }
}

fn race(patience: u32, max_passes: u32, follower_every: usize) -> Step {
    Step::Race(Terms { patience, max_passes, follower_every })
}

/// `first`, and then `n` times `record`.
fn then(first: &[Record], n: usize, record: Record) -> Vec<Record> {
    first.iter().cloned().chain(vec![record; n]).collect()
}

fn exact(exact: Exact, size: u32, before: usize, after: usize) -> Record {
    record(Step::Exact { exact, size }, before, after, after)
}

/// A history in which the exact passes at the beginning are done and have found nothing.
fn after_exact(settings: &Settings, history: &[Record]) -> Vec<Record> {
    let Some(first) = history.first() else { return Vec::new() };
    let n = first.before.n_two_qubit;
    let has_walks = matches!(settings.block.flow, Flow::Search { .. }) && settings.max_passes > 0;
    let n_exact = if has_walks && settings.exact_passes > 1 { 3 } else { 1 };
    let exact = [Exact::Light, Exact::Paulis, Exact::PathSums].map(|kind| exact(kind, 1, n, n));
    exact.into_iter().take(n_exact).chain(history.iter().cloned()).collect()
}

/// What comes after a history in which the exact passes have found nothing.
#[track_caller]
fn check(settings: &Settings, history: &[Record], rule: usize, step: Step) {
    check_whole(settings, &after_exact(settings, history), rule, step);
}

/// What comes after a history, by which rule.
#[track_caller]
fn check_whole(settings: &Settings, history: &[Record], rule: usize, step: Step) {
    let view = View::of(history, settings);
    let decides = RULES.iter().position(|rule| rule(&view).is_some()).unwrap_or(DONE);
    assert_eq!((decides, next(history, settings)), (rule, step));
}

#[test]
fn a_run_that_is_stopped_ends() {
    let stopped = |record| Record { end: Some(Why::Stopped), ..record };
    check(&settings(), &[stopped(rewrite(500))], 2, Step::Done(Why::Stopped));
    check(&settings(), &[rewrite(2000), stopped(delete(2000, 500))], 2, Step::Done(Why::Stopped));
    check(&approximating(), &[rewrite(90), stopped(approximate(5, 90, 90))], 2, Step::Done(Why::Stopped));
    let refused = |record| Record { end: Some(Why::Refused), ..record };
    check(&settings(), &[refused(rewrite(500))], 2, Step::Done(Why::Refused));
    check(&settings(), &[rewrite(2000), refused(delete(2000, 2000))], 2, Step::Done(Why::Refused));
}

#[test]
fn every_width_is_tried_before_approximating_ends() {
    let history = [rewrite(90), search(90, 90), approximate(5, 90, 90), approximate(4, 90, 95), approximate(3, 90, 90)];
    check(&approximating(), &history[..3], 3, approximation(4));
    check(&approximating(), &history[..4], 3, approximation(3));
    // Then one search of full patience follows.
    check(&approximating(), &history, 9, searching(Origin::Best, 20, true));
    // The narrowest first where the circuit is large, and each width once where blocks may be no wider.
    let large = [rewrite(1000), search(1000, 1000), approximate(3, 1000, 1000)];
    check(&approximating(), &large, 3, approximation(4));
    let narrow = Settings { block_size: 3, patience: 3, ..approximating() };
    check(&narrow, &[rewrite(90), search(90, 90), approximate(3, 90, 90)], DONE, Step::Done(Why::LittleGain));
}

#[test]
fn exact_passes_come_first_and_go_on_while_they_gain() {
    use Exact::{Light, PathSums, Paulis};
    let step = |exact, size| Step::Exact { exact, size };
    let light = [exact(Light, 1, 500, 480)];
    check_whole(&walking(), &[], 0, step(Light, 1));
    check_whole(&walking(), &light, 0, step(Paulis, 1));
    check_whole(&walking(), &then(&light, 1, exact(Paulis, 1, 480, 400)), 0, step(PathSums, 1));
    // Each turn is twice as long as the one before. A walk that has gained one per cent or less sits out, and both do at
    // the end.
    let turns = |history: &[Record], size, paulis, path_sums| {
        then(&then(history, 1, exact(Paulis, size, 400, paulis)), 1, exact(PathSums, size, paulis, path_sums))
    };
    check_whole(&walking(), &turns(&light, 1, 395, 390), 0, step(Paulis, 2));
    check_whole(&walking(), &turns(&light, 1, 396, 391), 0, step(PathSums, 2));
    check_whole(&walking(), &turns(&light, 1, 396, 393), 1, Step::Rewrite);
    check_whole(&walking(), &then(&turns(&light, 1, 390, 389), 1, exact(Paulis, 2, 389, 380)), 0, step(Paulis, 4));
    let many = (0..4).fold(light.to_vec(), |history, turn| turns(&history, 1 << turn, 390, 380));
    check_whole(&walking(), &many[..7], 0, step(Paulis, 8));
    check_whole(&walking(), &many, 1, Step::Rewrite);
    // In a small circuit walks cost next to nothing: both go on until both have gained nothing.
    let small = |paulis, path_sums| {
        let begin = [exact(Light, 1, 101, 100), exact(Paulis, 1, 100, paulis)];
        then(&begin, 1, exact(PathSums, 1, paulis, path_sums))
    };
    check_whole(&walking(), &small(100, 99), 0, step(Paulis, 2));
    check_whole(&walking(), &small(99, 99), 0, step(Paulis, 2));
    check_whole(&walking(), &small(100, 100), 1, Step::Rewrite);
    // With deletion alone, and where no pass is allowed, the light passes are all.
    let no_passes = Settings { max_passes: 0, ..walking() };
    check_whole(&no_passes, &light, 1, Step::Rewrite);
    check_whole(&no_passes, &then(&light, 1, rewrite(480)), 10, Step::Pairs);
    let pairs = then(&then(&light, 1, rewrite(480)), 1, record(Step::Pairs, 480, 470, 470));
    check_whole(&no_passes, &pairs, DONE, Step::Done(Why::OutOfPasses));
    check_whole(&deleting(), &[], 0, step(Light, 1));
    check_whole(&deleting(), &light, 1, Step::Rewrite);
    let [none, some] = [0, 2].map(|exact_passes| Settings { exact_passes, ..walking() });
    check_whole(&none, &[], 1, Step::Rewrite);
    check_whole(&some, &turns(&light, 1, 390, 380), 1, Step::Rewrite);
    // A run that is stopped writes a merged circuit too.
    let stopped = Record { end: Some(Why::Stopped), ..exact(Light, 1, 500, 480) };
    check_whole(&walking(), &[stopped], 1, Step::Rewrite);
    check_whole(&walking(), &then(&turns(&light, 1, 400, 400), 1, rewrite(400)), 9, searching(Origin::Best, 2, false));
}

#[test]
fn a_large_circuit_gets_a_chance_as_it_was_written() {
    let delete = |from, width, shift| Step::Delete { from, cuts: cuts(width, 48, shift) };
    let begin = |after| vec![exact(Exact::Light, 1, 9000, 8000), exact(Exact::Paulis, 1, 8000, after), rewrite(after)];
    check_whole(&settings(), &begin(5000), 6, delete(Origin::Written, 3, None));
    let of = |step, before, after| record(step, before, after, 5000);
    let one = then(&begin(5000), 1, of(delete(Origin::Written, 3, None), 8000, 7000));
    check_whole(&settings(), &one, 6, delete(Origin::Last, 3, Some(16)));
    let two = then(&one, 1, of(delete(Origin::Last, 3, Some(16)), 7000, 6000));
    check_whole(&settings(), &two, 6, delete(Origin::Last, 3, Some(16)));
    // Whichever has fewer gates then goes on.
    let behind = then(&two, 1, of(delete(Origin::Last, 3, Some(16)), 6000, 5500));
    check_whole(&settings(), &behind, 7, delete(Origin::Best, 3, Some(16)));
    let ahead = then(&two, 1, record(delete(Origin::Last, 3, Some(16)), 6000, 4500, 4500));
    check_whole(&settings(), &ahead, 7, delete(Origin::Last, 3, Some(16)));
    // Not where exact passes have left little of it, or nothing was found by them.
    check_whole(&settings(), &begin(3999), 7, delete(Origin::Best, 3, None));
    check_whole(&settings(), &begin(8000), 7, delete(Origin::Best, 3, None));
}

#[test]
fn one_window_is_a_race_from_the_beginning() {
    let one = |record| Record { is_one_window: true, ..record };
    check(&settings(), &[one(rewrite(90))], 4, race(5, 100, 4));
    // Once a search, then the run ends, or some distance is spent and the next race begins.
    let raced = record(race(5, 100, 4), 90, 60, 60);
    let raced = Record { n_passes: 30, ..raced };
    check(&settings(), &[one(rewrite(90)), raced.clone()], DONE, Step::Done(Why::LittleGain));
    check(&approximating(), &[one(rewrite(90)), raced.clone()], 11, approximation(5));
    let gained = [one(rewrite(90)), raced, one(approximate(5, 60, 50))];
    check(&approximating(), &gained, 4, race(3, 70, 4));
    // No race without passes, and none of one walker or with deletion alone.
    let no_passes = Settings { max_passes: 0, ..settings() };
    check(&no_passes, &[one(rewrite(90))], 10, Step::Pairs);
    let alone = Settings { block: BlockSettings { starts: 1, ..settings().block }, ..settings() };
    check(&alone, &[one(rewrite(90))], 9, searching(Origin::Best, 2, false));
    let step = Step::Delete { from: Origin::Best, cuts: cuts(5, 48, None) };
    check(&deleting(), &[one(rewrite(90))], 9, step);
}

#[test]
fn a_large_circuit_begins_with_deletion_until_it_gains_little() {
    let step = |from, width, max_shift| Step::Delete { from, cuts: cuts(width, 48, max_shift) };
    let begin = [rewrite(1000)];
    check(&settings(), &begin, 7, step(Origin::Best, 3, None));
    check(&settings(), &then(&begin, 1, delete(1000, 900)), 7, step(Origin::Last, 3, Some(16)));
    check(&settings(), &then(&begin, 2, delete(1000, 900)), 7, step(Origin::Last, 3, Some(16)));
    check(&settings(), &then(&begin, 3, delete(1000, 900)), 7, step(Origin::Last, 3, Some(16)));
    // It goes on below 1000 CX, and one per cent is little, three times in a row.
    check(&settings(), &then(&begin, 2, delete(1000, 990)), 7, step(Origin::Last, 3, Some(16)));
    check(&settings(), &then(&begin, 3, delete(1000, 989)), 7, step(Origin::Last, 3, Some(16)));
    let little = then(&begin, 3, delete(1000, 990));
    check(&settings(), &little, 9, searching(Origin::Last, 2, true));
    // The patience of the settings does not count here, and afterwards counts from the beginning.
    let hasty = Settings { patience: 1, ..settings() };
    check(&hasty, &then(&begin, 2, delete(1000, 990)), 7, step(Origin::Last, 3, Some(16)));
    check(&hasty, &little, 9, searching(Origin::Last, 2, true));
    check(&hasty, &then(&little, 1, search(990, 990)), DONE, Step::Done(Why::LittleGain));
    check(&settings(), &[rewrite(999)], 9, searching(Origin::Best, 2, false));
    // Passes and distance end it.
    let few = Settings { max_passes: 2, ..settings() };
    check(&few, &then(&begin, 2, delete(1000, 900)), DONE, Step::Done(Why::OutOfPasses));
}

#[test]
fn a_small_circuit_that_has_stalled_goes_on_with_walkers() {
    let patient = Settings { patience: 20, ..settings() };
    let begin = [rewrite(200)];
    check(&patient, &then(&begin, 4, search(200, 200)), 9, searching(Origin::Last, 20, true));
    check(&patient, &then(&begin, 5, search(200, 200)), 8, race(15, 95, 4));
    // Every other walker follows where the search had gained something before.
    let gained = then(&[rewrite(210), search(210, 200)], 5, search(200, 200));
    check(&patient, &gained, 8, race(15, 94, 2));
    // A better circuit in between starts the count again; so do deleting passes.
    let better = then(&[rewrite(200), search(200, 200), search(200, 199)], 4, search(199, 199));
    check(&patient, &better, 9, searching(Origin::Last, 20, true));
    let deleted = then(&[rewrite(1000), delete(1000, 200)], 3, delete(200, 200));
    check(&patient, &then(&deleted, 4, search(200, 200)), 9, searching(Origin::Last, 20, true));
    // More gates than a window holds, or fewer walkers than one that follows takes, are no case for it.
    check(&patient, &then(&[rewrite(201)], 5, search(201, 201)), 9, searching(Origin::Last, 20, true));
    let three = Settings { block: BlockSettings { starts: 3, ..settings().block }, ..patient };
    check(&three, &then(&begin, 5, search(200, 200)), 9, searching(Origin::Last, 20, true));
}

#[test]
fn passes_go_on_until_they_gain_little() {
    let begin = [rewrite(500)];
    check(&settings(), &begin, 9, searching(Origin::Best, 2, false));
    // Twice as many rounds after each pass that has gained ten per cent or less, up to the setting.
    let rounds = [4, 8, 16, 20, 20];
    for (i, n_rounds) in rounds.into_iter().enumerate() {
        check(&settings(), &then(&begin, i + 1, search(500, 450)), 9, searching(Origin::Last, n_rounds, true));
    }
    check(&settings(), &then(&begin, 5, search(500, 449)), 9, searching(Origin::Last, 2, true));
    check(&settings(), &then(&begin, 4, search(500, 495)), 9, searching(Origin::Last, 20, true));
    check(&settings(), &then(&begin, 5, search(500, 495)), DONE, Step::Done(Why::LittleGain));
    let gained = then(&then(&begin, 4, search(500, 500)), 1, search(500, 494));
    check(&settings(), &gained, 9, searching(Origin::Last, 20, true));
    let few = Settings { max_passes: 3, ..settings() };
    check(&few, &then(&begin, 3, search(500, 400)), DONE, Step::Done(Why::OutOfPasses));
    // Deletion alone takes its widths in turn, and what is little comes from the settings.
    let step = |width| Step::Delete { from: Origin::Last, cuts: cuts(width, 48, Some(16)) };
    for (i, width) in [3, 4, 5, 3].into_iter().enumerate() {
        check(&deleting(), &then(&begin, i + 1, delete(500, 490)), 9, step(width));
    }
    check(&deleting(), &then(&[rewrite(1000)], 1, delete(1000, 900)), 9, step(4));
    check(&deleting(), &then(&[rewrite(1000)], 6, delete(1000, 990)), DONE, Step::Done(Why::LittleGain));
}

#[test]
fn a_search_wanders_unless_the_best_has_fewer_gates() {
    let origin = |after, objective| {
        let block = BlockSettings { objective, ..settings().block };
        let last = Record { best: figures(300), is_better: false, ..search(310, after) };
        let history = after_exact(&settings(), &[rewrite(310), last]);
        match next(&history, &Settings { block, ..settings() }) {
            Step::Search { from, .. } => from,
            step => panic!("{step:?}"),
        }
    };
    assert_eq!((origin(300, Objective::Cx), origin(301, Objective::Cx)), (Origin::Last, Origin::Best));
    assert_eq!(origin(301, Objective::Weighted), Origin::Best);
    // A circuit that is too far from the input is left alone, and so is its search.
    let far = Record { bound: 2e-3, ..search(310, 300) };
    check(&approximating(), &[rewrite(310), far.clone()], 11, approximation(5));
    check(&approximating(), &[rewrite(310), Record { best: figures(299), ..far }], 9, searching(Origin::Best, 4, true));
}

#[test]
fn distance_is_spent_where_identities_gain_little() {
    let idle = |n| then(&[rewrite(500)], n, search(500, 500));
    check(&approximating(), &idle(2), 9, searching(Origin::Last, 8, true));
    check(&approximating(), &idle(3), 11, approximation(5));
    // A gain is followed by a search from the best, and that by the widest blocks again.
    let gained = then(&idle(3), 1, approximate(5, 500, 480));
    check(&approximating(), &gained, 9, searching(Origin::Best, 20, true));
    check(&approximating(), &then(&gained, 3, search(480, 480)), 11, approximation(5));
    // Passes that approximate need no leave of those that search.
    let few = Settings { max_passes: 3, ..approximating() };
    check(&few, &gained, 11, approximation(5));
    // The last search has all the patience there is, and the run ends with it.
    let vain = [5, 4, 3].map(|width| approximate(width, 500, 500));
    let last: Vec<Record> = idle(3).into_iter().chain(vain).collect();
    check(&approximating(), &then(&last, 4, search(500, 500)), 9, searching(Origin::Last, 20, true));
    check(&approximating(), &then(&last, 5, search(500, 500)), DONE, Step::Done(Why::LittleGain));
    let far = Record { bound: 2e-3, ..search(500, 500) };
    check(&approximating(), &then(&last, 1, far), DONE, Step::Done(Why::OutOfDistance));
    // Where the searches before were as patient it is left out.
    let hasty = Settings { patience: 3, ..approximating() };
    check(&hasty, &last, DONE, Step::Done(Why::LittleGain));
}

#[test]
fn what_is_better_and_near_enough_is_kept() {
    let is_kept = |step, n, bound| is_kept(&step, &figures(n), bound, &figures(90), &approximating());
    let pass = searching(Origin::Best, 2, false);
    assert_eq!([89, 90, 91].map(|n| is_kept(pass, n, 1e-3)), [true, false, false]);
    assert_eq!([89, 90, 91].map(|n| is_kept(Step::Rewrite, n, 1e-3)), [true, true, true]);
    assert!(!is_kept(pass, 89, 2e-3) && !is_kept(Step::Rewrite, 89, 2e-3) && !is_kept(pass, 89, f64::NAN));
    assert_eq!((limit(&settings()), limit(&approximating())), (f64::INFINITY, 1e-3));
}

#[test]
fn windows_matter_where_a_search_may_begin() {
    let alone = Settings { block: BlockSettings { starts: 1, ..settings().block }, ..settings() };
    let asks = |step, settings: &Settings| asks_for_windows(&step, false, settings);
    assert!(asks(Step::Rewrite, &settings()) && asks(approximation(5), &settings()));
    assert!(!asks(searching(Origin::Best, 2, false), &settings()) && !asks(race(5, 9, 4), &settings()));
    assert!(!asks(Step::Rewrite, &alone) && !asks(Step::Rewrite, &deleting()));
    let walk = Step::Walk { exact: Exact::Paulis };
    assert!(asks_for_windows(&walk, true, &settings()) && !asks(walk, &settings()));
}

#[test]
fn cuts_depend_on_the_seed_and_the_pass_alone() {
    let shifted = cuts(5, 48, Some(16));
    assert_eq!(shifted.options(1, 2), shifted.options(1, 2));
    assert!(shifted.options(1, 2) != shifted.options(1, 3) && shifted.options(1, 2) != shifted.options(2, 2));
    assert!((0..200).all(|pass| (1..=16).contains(&shifted.options(0, pass).shift)));
    let fixed = cuts(5, 48, None).options(1, 2);
    assert_eq!((fixed.block_size, fixed.max_cx, fixed.shift, fixed.random_cuts), (5, 48, 0, None));
    // Walkers differ from one another; where one window has all wires only their seeds do.
    let (wide, narrow) = (|walker| walk(&settings(), 3, walker, 13), |walker| walk(&settings(), 3, walker, 12));
    assert!(wide(0).0 != wide(1).0 && wide(0).1 != wide(1).1 && wide(2) == wide(2));
    assert!(narrow(0).0 != narrow(1).0 && narrow(0).1 == narrow(1).1 && narrow(0).1.random_cuts.is_none());
}

#[test]
fn a_search_begins_again_until_that_leads_to_nothing_better() {
    let twice = Settings { restarts: 2, ..walking() };
    let ended = |n| then(&[rewrite(500)], 5, search(n, n));
    let restart = |beginning| Step::Restart(beginning);
    let restarted = |beginning, n| record(restart(beginning), n, 600, 600);
    check(&twice, &ended(500), 12, restart(Beginning::Written));
    check(&walking(), &ended(500), DONE, Step::Done(Why::LittleGain));
    // The first restart searches the circuit as written, the second begins with walks, the third with the best circuit.
    let again = |history: &[Record], beginning, n| [history, &[restarted(beginning, n)], &ended(n)].concat();
    let first = after_exact(&twice, &ended(500));
    let written = again(&first, Beginning::Written, 500);
    check_whole(&twice, &written[..first.len() + 1], 1, Step::Rewrite);
    check_whole(&twice, &written[..first.len() + 2], 9, searching(Origin::Best, 2, false));
    check_whole(&twice, &written, 12, restart(Beginning::Walked));
    let walked = [&written[..], &[restarted(Beginning::Walked, 500)]].concat();
    check_whole(&twice, &walked, 0, Step::Exact { exact: Exact::Paulis, size: 1 });
    let walks = [Exact::Paulis, Exact::PathSums].map(|kind| exact(kind, 1, 600, 600));
    check_whole(&twice, &[&walked[..], &walks].concat(), 1, Step::Rewrite);
    let walked = again(&written, Beginning::Walked, 499);
    check_whole(&twice, &walked, 12, restart(Beginning::Walked));
    let best = [&walked[..], &[restarted(Beginning::Best, 499)]].concat();
    check_whole(&twice, &best, 1, Step::Rewrite);
    // Two in a row in vain are the last; a better circuit starts the count again.
    check_whole(&twice, &again(&written, Beginning::Walked, 500), DONE, Step::Done(Why::LittleGain));
    check_whole(&twice, &again(&walked, Beginning::Walked, 499), 12, restart(Beginning::Best));
    // All passes count, and a stopped run does not begin again.
    let few = Settings { max_passes: 10, ..twice.clone() };
    check_whole(&few, &written, DONE, Step::Done(Why::OutOfPasses));
    let stopped = Record { end: Some(Why::Stopped), ..search(500, 500) };
    check(&twice, &then(&[rewrite(500)], 1, stopped), 2, Step::Done(Why::Stopped));
    // Distance is spent before.
    let near = Settings { epsilon_total: 1e-3, ..twice };
    check(&near, &ended(500), 11, approximation(5));
    let vain = [5, 4, 3].map(|width| approximate(width, 500, 500));
    let last = [ended(500), vain.to_vec(), then(&[], 5, search(500, 500))].concat();
    check(&near, &last, 12, restart(Beginning::Written));
}

#[test]
fn walks_come_again_after_a_search_that_has_gained() {
    use Exact::{PathSums, Paulis};
    let clifford_t = Step::CliffordT { cuts: [(3, 24), (4, 40), (5, 60)].map(|(w, cx)| cuts(w, cx, Some(cx))) };
    let walk = |exact| Step::Walk { exact };
    let turn = |n, paulis, path_sums| {
        [
            record(clifford_t, n, n, n),
            record(walk(Paulis), n, paulis, paulis),
            record(walk(PathSums), paulis, path_sums, path_sums),
        ]
    };
    // Ten per cent since the search began, once a pass gains no more than that.
    check(&walking(), &[rewrite(500), search(500, 440)], 9, searching(Origin::Last, 2, true));
    check(&walking(), &[rewrite(500), search(500, 451)], 9, searching(Origin::Last, 4, true));
    let due = [rewrite(500), search(500, 475), search(475, 450)];
    check(&walking(), &due, 5, clifford_t);
    check(&settings(), &due, 9, searching(Origin::Last, 8, true));
    let other = due.clone().map(|record| Record { is_clifford_t: false, ..record });
    check(&walking(), &other, 9, searching(Origin::Last, 8, true));
    check(&Settings { epsilon_total: 1e-3, ..walking() }, &due, 9, searching(Origin::Last, 8, true));
    let vain = [&due[..], &turn(450, 450, 450)].concat();
    check(&walking(), &vain[..4], 5, walk(Paulis));
    check(&walking(), &vain[..5], 5, walk(PathSums));
    check(&walking(), &vain, 9, searching(Origin::Last, 8, true));
    // After a turn in vain it takes twenty per cent.
    let more = [&vain[..], &[search(450, 410), search(410, 370)]].concat();
    check(&walking(), &more, 9, searching(Origin::Last, 20, true));
    check(&walking(), &[&more[..], &[search(370, 360)]].concat(), 5, clifford_t);
    // A walk that gains begins another search, with all its patience.
    let gained = [&due[..], &turn(450, 445, 445)].concat();
    check(&walking(), &gained, 9, searching(Origin::Last, 8, true));
    check(&walking(), &then(&gained, 4, search(445, 445)), 9, searching(Origin::Last, 20, true));
    check(&walking(), &then(&gained, 5, search(445, 445)), DONE, Step::Done(Why::LittleGain));
    // At its end any gain is enough, and a turn in vain changes nothing of its end.
    let ended = then(&[rewrite(500), search(500, 499)], 5, search(499, 499));
    check(&walking(), &ended, 5, clifford_t);
    check(&walking(), &[&ended[..], &turn(499, 499, 499)].concat(), DONE, Step::Done(Why::LittleGain));
    let raced = Record { n_passes: 30, ..record(race(5, 100, 4), 90, 60, 60) };
    let one = Record { is_one_window: true, ..rewrite(90) };
    check(&walking(), &[one.clone(), raced.clone()], 5, clifford_t);
    let again = [&[one, raced][..], &turn(60, 60, 60)].concat();
    check(&walking(), &again, DONE, Step::Done(Why::LittleGain));
}
