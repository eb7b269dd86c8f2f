//! Attempts of Levenberg–Marquardt between sweeps. Those of all problems share launches: a problem has some dozen
//! starts, where a device works on hundreds at once.

use super::super::CudaEngine;
use super::super::descend::Growth;
use super::Underway;
use bqc_instantiate::cx_form::CxForm;
use bqc_instantiate::qfactor::course::Course;
use rayon::prelude::*;
use std::sync::atomic::AtomicBool;

impl CudaEngine {
    /// Makes the attempts that are due.
    pub(super) fn attempt(&self, underway: &mut [Underway<'_>], stop: &AtomicBool) {
        let forms = underway.par_iter_mut().enumerate().map(|(place, u)| (place, due(&mut u.course)));
        let forms: Vec<(usize, Vec<(usize, CxForm)>)> = forms.filter(|(_, forms)| !forms.is_empty()).collect();
        // Attempts are due only where there are states for them.
        let growths = forms.iter().filter_map(|(place, forms)| growth(&underway[*place].course, forms));
        let mut growths: Vec<Growth<'_>> = growths.collect();
        self.descend_all(&mut growths, stop);
        let grown: Vec<_> = growths.into_iter().map(|growth| (growth.templates, growth.outcomes)).collect();
        for ((place, forms), (templates, outcomes)) in forms.into_iter().zip(grown) {
            for (((start, mut form), cx), outcome) in forms.into_iter().zip(templates).zip(&outcomes) {
                form.cx = cx;
                underway[place].course.attempted(start, &form, outcome);
            }
        }
    }
}

/// The starts of a problem that an attempt is due of, and where each begins.
fn due(course: &mut Course<'_>) -> Vec<(usize, CxForm)> {
    let n_starts = course.problem().starts.len();
    (0..n_starts).filter_map(|start| course.attempt(start).map(|form| (start, form))).collect()
}

fn growth<'a>(course: &'a Course<'_>, forms: &[(usize, CxForm)]) -> Option<Growth<'a>> {
    let settings = &course.problem().settings.finish.as_ref()?.lm;
    let templates = forms.iter().map(|(_, form)| form.cx.clone()).collect();
    Some(Growth { batch: course.finish_states()?, settings, templates, outcomes: Vec::new() })
}
