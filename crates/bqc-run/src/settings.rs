//! The settings of a compile: their defaults, what each effort stands for, and their one text form.
//!
//! The text form is the only description of settings outside of [`Settings`]: plans and reports hold it, journals are
//! named by it, and logs print it. It has every setting that decides the output and no other one, so the number of threads is
//! not in it.

use crate::compile::Settings;
use bqc_instantiate::Solver;
use bqc_native::GateSet;
use bqc_optimize::{BlockSettings, Flow, Objective};
use bqc_verify::CompareOptions;
use std::collections::HashMap;
use std::str::FromStr;

/// Widest block and most CX gates in it, for deletion: five wires find most per second, and beyond
/// some dozens of gates a block costs more than two halves of it and finds no more.
const DELETE_BLOCK_SIZE: usize = 5;
const DELETE_BLOCK_CX: usize = 48;
/// Deletion passes: each of the three widths has two chances before a run ends.
const DELETE_PATIENCE: u32 = 6;
const DELETE_PASSES: u32 = 32;

/// Windows of a search, which cuts them into smaller blocks itself.
const SEARCH_WINDOW_SIZE: usize = 12;
const SEARCH_WINDOW_CX: usize = 200;

/// What comparing the whole circuits may cost, in updates of an amplitude: some five seconds of two
/// cores, so that a time limit is overrun by no more. One random state of twenty wires and some
/// thousand gates fits.
pub const MAX_CHECK_UPDATES: f64 = 8e9;

/// The same after the light passes alone, which take some milliseconds themselves.
const LIGHT_CHECK_UPDATES: f64 = 4e6;
/// Random states of that comparison at most, where not all columns are affordable. Any of them contradicts a wrong
/// unitary, and all of them together estimate its distance to a half.
const LIGHT_CHECK_STATES: usize = 4;

/// How long a search goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effort {
    /// The light passes alone.
    E1,
    /// Some passes.
    E2,
    /// Near the point of diminishing returns.
    #[default]
    E3,
    /// Several times as long.
    E4,
    /// Until nothing has been found for a long time.
    E5,
    /// Until it is stopped.
    Forever,
}

impl Effort {
    /// All of them.
    pub const ALL: [Effort; 6] = [Effort::E1, Effort::E2, Effort::E3, Effort::E4, Effort::E5, Effort::Forever];

    /// As it is typed and reported.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// One line of help.
    pub fn help(self) -> &'static str {
        self.row().1
    }

    fn row(self) -> (&'static str, &'static str) {
        match self {
            Effort::E1 => ("1", "Light passes alone, some microseconds a gate"),
            Effort::E2 => ("2", "Some passes"),
            Effort::E3 => ("3", "Near the point of diminishing returns"),
            Effort::E4 => ("4", "Several times as long"),
            Effort::E5 => ("5", "Until nothing has been found for a long time"),
            Effort::Forever => ("forever", "Until it is stopped"),
        }
    }
}

impl Default for Settings {
    /// A search of the default effort, on one thread.
    fn default() -> Settings {
        Settings::effort(Effort::default())
    }
}

impl Settings {
    /// A search of this effort, on one thread.
    pub fn effort(effort: Effort) -> Settings {
        // Rounds of exact passes at the beginning; rounds of cuts in each window of one pass; starts, divided among the
        // windows; passes with little gain before the search ends; the share of the gates that is more than little;
        // most passes; restarts in vain before the run ends.
        let (exact_passes, n_rounds, starts, patience, min_gain, max_passes, restarts) = match effort {
            Effort::E1 => (1, 4, 1, 1, 0.05, 0, 0),
            Effort::E2 => (2, 10, 1, 1, 0.02, u32::MAX, 0),
            Effort::E3 => (5, 20, 4, 5, 0.005, u32::MAX, 6),
            Effort::E4 => (6, 20, 8, 8, 0.001, u32::MAX, 10),
            Effort::E5 => (7, 20, 16, 20, 0.0, u32::MAX, 20),
            Effort::Forever => (7, 20, 16, 40, 0.0, u32::MAX, u32::MAX),
        };
        Settings {
            block_size: SEARCH_WINDOW_SIZE,
            max_block_cx: SEARCH_WINDOW_CX,
            max_passes,
            exact_passes,
            patience,
            min_gain,
            restarts,
            permutes_output: false,
            epsilon_total: 0.0,
            n_threads: 1,
            block: BlockSettings { flow: Flow::Search { n_rounds }, starts, ..BlockSettings::default() },
            gates: GateSet::default(),
            max_check_updates: MAX_CHECK_UPDATES,
            is_recorded: false,
            has_block_records: false,
        }
    }

    /// Deletion alone, on one thread.
    pub fn deletion() -> Settings {
        Settings {
            block_size: DELETE_BLOCK_SIZE,
            max_block_cx: DELETE_BLOCK_CX,
            max_passes: DELETE_PASSES,
            exact_passes: 1,
            patience: DELETE_PATIENCE,
            min_gain: 0.0,
            restarts: 0,
            block: BlockSettings { flow: Flow::Delete, starts: 1, ..BlockSettings::default() },
            ..Settings::default()
        }
    }

    /// Exact passes alone, which keep the input's angles, on one thread.
    pub fn exact(effort: Effort) -> Settings {
        // Starts of each pass, and rounds without a gain before a run ends.
        let (starts, patience, max_passes) = match effort {
            Effort::E1 => (1, 1, 0),
            Effort::E2 => (1, 1, u32::MAX),
            Effort::E3 => (4, 4, u32::MAX),
            Effort::E4 => (4, 6, u32::MAX),
            Effort::E5 => (8, 10, u32::MAX),
            Effort::Forever => (8, u32::MAX, u32::MAX),
        };
        Settings {
            patience,
            max_passes,
            exact_passes: u32::MAX,
            min_gain: 0.0,
            restarts: 0,
            block: BlockSettings { flow: Flow::Exact, starts, ..BlockSettings::default() },
            ..Settings::default()
        }
    }

    /// How the result is compared with the input: what that may cost follows from what the passes take. A bound
    /// contradicts nothing, so none is asked for.
    pub(crate) fn check_options(&self) -> CompareOptions<'static> {
        let options = CompareOptions {
            max_updates: self.max_check_updates,
            seed: self.block.seed,
            with_bounds: false,
            ..CompareOptions::default()
        };
        if self.max_passes > 0 {
            return options;
        }
        CompareOptions {
            max_updates: self.max_check_updates.min(LIGHT_CHECK_UPDATES),
            n_states: LIGHT_CHECK_STATES,
            ..options
        }
    }

    /// What is done in each block, as it is typed and reported.
    pub fn flow_name(&self) -> &'static str {
        match self.block.flow {
            Flow::Delete => DELETE,
            Flow::Search { .. } => SEARCH,
            Flow::Exact => EXACT,
        }
    }

    /// Name and text of every setting that decides the output, in this order. Numbers come back as the same bits.
    pub fn encode(&self) -> Vec<(&'static str, String)> {
        // No `..`: a new setting has to be put into one of the two groups. What is left out here does not decide the
        // output; `sabotage` is for tests of the verifier, which keep no journals.
        let Settings {
            block_size,
            max_block_cx,
            max_passes,
            exact_passes,
            patience,
            min_gain,
            restarts,
            permutes_output,
            epsilon_total,
            n_threads: _,
            ref block,
            ref gates,
            max_check_updates: _,
            is_recorded: _,
            has_block_records: _,
        } = *self;
        let BlockSettings { flow, starts, solver, objective, tolerance, seed, sabotage: _ } = *block;
        let n_rounds = if let Flow::Search { n_rounds } = flow { n_rounds } else { 0 };
        let mut pairs = vec![
            ("flow", self.flow_name().into()),
            ("rounds", n_rounds.to_string()),
            ("solver", solver.name().into()),
            ("objective", objective.name().into()),
            ("block_size", block_size.to_string()),
            ("max_block_cx", max_block_cx.to_string()),
            ("max_passes", max_passes.to_string()),
            ("exact_passes", exact_passes.to_string()),
            ("patience", patience.to_string()),
            ("min_gain", format!("{min_gain:?}")),
            ("restarts", restarts.to_string()),
            ("permute_output", if permutes_output { YES } else { NO }.into()),
            ("starts", starts.to_string()),
            ("epsilon", format!("{tolerance:?}")),
            ("epsilon_total", format!("{epsilon_total:?}")),
            ("seed", seed.to_string()),
        ];
        // Left out where it is the default, so that the names of runs without it stay what they were.
        pairs.extend((!gates.is_default()).then(|| (GATES, gates.name().to_owned())));
        pairs
    }

    /// The same as one line, `name: text, …`.
    pub fn to_line(&self) -> String {
        let pairs = self.encode().into_iter().map(|(name, text)| format!("{name}: {text}"));
        pairs.collect::<Vec<_>>().join(", ")
    }

    /// The settings that [`Settings::to_line`] has written, on one thread.
    pub fn from_line(line: &str) -> Result<Settings, SettingsError> {
        Settings::decode(line.split(", ").map(|pair| pair.split_once(": ").unwrap_or((pair, ""))))
    }

    /// The settings that [`Settings::encode`] has written, on one thread.
    pub fn decode<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Settings, SettingsError> {
        let pairs: Vec<(&str, &str)> = pairs.into_iter().collect();
        let texts: HashMap<&str, &str> = pairs.iter().copied().collect();
        let pick = |name: &'static str| texts.get(name).copied().ok_or(SettingsError::Missing { name });
        let flow = match pick("flow")? {
            DELETE => Flow::Delete,
            EXACT => Flow::Exact,
            SEARCH => Flow::Search { n_rounds: number("rounds", pick("rounds")?)? },
            text => return Err(unusable("flow", text)),
        };
        let (solver, objective) = (pick("solver")?, pick("objective")?);
        let settings = Settings {
            block_size: number("block_size", pick("block_size")?)?,
            max_block_cx: number("max_block_cx", pick("max_block_cx")?)?,
            max_passes: number("max_passes", pick("max_passes")?)?,
            exact_passes: number("exact_passes", pick("exact_passes")?)?,
            patience: number("patience", pick("patience")?)?,
            min_gain: number("min_gain", pick("min_gain")?)?,
            restarts: number("restarts", pick("restarts")?)?,
            permutes_output: match pick("permute_output")? {
                YES => true,
                NO => false,
                text => return Err(unusable("permute_output", text)),
            },
            epsilon_total: number("epsilon_total", pick("epsilon_total")?)?,
            block: BlockSettings {
                flow,
                starts: number("starts", pick("starts")?)?,
                solver: Solver::from_name(solver).ok_or_else(|| unusable("solver", solver))?,
                objective: Objective::from_name(objective).ok_or_else(|| unusable("objective", objective))?,
                tolerance: number("epsilon", pick("epsilon")?)?,
                seed: number("seed", pick("seed")?)?,
                sabotage: None,
            },
            gates: match texts.get(GATES) {
                Some(text) => GateSet::parse(text).map_err(|_| unusable(GATES, text))?,
                None => GateSet::default(),
            },
            ..Settings::default()
        };
        // There is one text for settings: another order or a setting that is not known here means something else.
        let encoded = settings.encode();
        let is_same = encoded.len() == pairs.len() && encoded.iter().zip(&pairs).all(|(a, b)| (a.0, &*a.1) == *b);
        if is_same { Ok(settings) } else { Err(SettingsError::NotCanonical) }
    }
}

const GATES: &str = "gates";
const DELETE: &str = "delete";
const SEARCH: &str = "search";
const EXACT: &str = "exact";
const YES: &str = "yes";
const NO: &str = "no";

/// Why texts are not settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A setting is not there.
    #[error("the setting `{name}` is missing")]
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// The text of a setting has no meaning here.
    #[error("`{text}` has no meaning for the setting `{name}`")]
    Unusable {
        /// Its name.
        name: &'static str,
        /// What stands there.
        text: String,
    },
    /// There are unknown settings, or known ones in another form or order.
    #[error("the settings are not in their canonical form")]
    NotCanonical,
}

fn unusable(name: &'static str, text: &str) -> SettingsError {
    SettingsError::Unusable { name, text: text.into() }
}

fn number<T: FromStr>(name: &'static str, text: &str) -> Result<T, SettingsError> {
    text.parse().map_err(|_| unusable(name, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(pairs: &[(&'static str, String)]) -> Result<Settings, SettingsError> {
        Settings::decode(pairs.iter().map(|(name, text)| (*name, text.as_str())))
    }

    #[test]
    fn settings_come_back_from_their_texts() {
        let odd =
            Settings { min_gain: 0.1 + 0.2, permutes_output: true, epsilon_total: 1e-300, ..Settings::deletion() };
        let all = Effort::ALL.map(Settings::effort).into_iter().chain([
            odd,
            Settings { gates: GateSet::parse("ibm-heron").unwrap(), ..Settings::default() },
            Settings { gates: GateSet::parse("cz,rz,sx").unwrap(), ..Settings::deletion() },
            Settings::deletion(),
            Settings::exact(Effort::E3),
        ]);
        for mut settings in all {
            for (solver, objective) in Solver::ALL.into_iter().zip(Objective::ALL.into_iter().cycle()) {
                settings.block = BlockSettings { solver, objective, seed: u64::MAX, ..settings.block };
                assert_eq!(decode(&settings.encode()), Ok(settings.clone()));
                assert_eq!(Settings::from_line(&settings.to_line()), Ok(settings.clone()));
            }
        }
    }

    #[test]
    fn what_decides_nothing_is_left_out() {
        let one = Settings::default();
        let other = Settings {
            n_threads: 7,
            max_check_updates: 0.0,
            is_recorded: true,
            has_block_records: true,
            ..one.clone()
        };
        assert_eq!(other.encode(), one.encode());
    }

    #[test]
    fn the_line_of_the_default_stays_what_it_is() {
        assert_eq!(
            Settings::default().to_line(),
            "flow: search, rounds: 20, solver: lm, objective: cx, block_size: 12, max_block_cx: 200, \
             max_passes: 4294967295, exact_passes: 5, patience: 5, min_gain: 0.005, restarts: 6, permute_output: no, \
             starts: 4, epsilon: 1e-10, epsilon_total: 0.0, seed: 0"
        );
    }

    #[test]
    fn other_texts_are_refused() {
        let good = Settings::default().encode();
        assert_eq!(decode(&good[1..]), Err(SettingsError::Missing { name: "flow" }));
        for (index, text) in [(0, "dance"), (1, "-1"), (2, "magic"), (3, "cz"), (4, ""), (9, "much"), (10, "perhaps")] {
            let mut bad = good.clone();
            bad[index].1 = text.into();
            assert_eq!(decode(&bad), Err(unusable(good[index].0, text)));
        }
        let (mut longer, mut swapped, mut padded) = (good.clone(), good.clone(), good.clone());
        longer.push(("coupling", "line".into()));
        swapped.swap(0, 1);
        padded[4].1 = "012".into();
        for bad in [longer, swapped, padded] {
            assert_eq!(decode(&bad), Err(SettingsError::NotCanonical));
        }
    }
}
