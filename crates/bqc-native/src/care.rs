//! How exactly a run is written, from the fewest gates to the nearest ones.

/// The largest phase distance that rounding may leave between a piece and what it is written as, beside the tolerance: two
/// hundred times what tests find. Whoever measures a piece allows the tolerance and this.
pub const ROUNDING: f64 = 1e-13;

/// Angles and coordinates are taken for the special values that they are so near to, in radians: a hundred times what
/// rounding makes of the product of a few dozen gates, so that a quarter turn is one pulse and not two.
pub(crate) const SNAP: f64 = 1e-12;

/// A piece has some dozen angles, and each may be moved: a share of what the whole piece is allowed.
const SNAP_SHARE: f64 = 0.1;

/// How a run is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Care {
    /// How far the run may be from what it was where that takes fewer gates: a phase distance.
    pub tolerance: f64,
    /// How near to a special value an angle is taken for it, in radians.
    pub snap: f64,
    /// Whether each CX is written by itself.
    pub is_plain: bool,
}

impl Care {
    /// For this tolerance.
    pub fn within(tolerance: f64) -> Care {
        let snap = SNAP.min(SNAP_SHARE * tolerance.max(ROUNDING));
        Care { tolerance, snap, is_plain: false }
    }

    /// One way after another, for a run of which the way before is refused: within the tolerance, without one, and CX by
    /// CX.
    pub fn ways(tolerance: f64) -> [Care; 3] {
        let exact = Care::within(0.0);
        [Care::within(tolerance), exact, Care { is_plain: true, ..exact }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_move_by_less_than_the_tolerance() {
        assert_eq!(Care::within(1e-8).snap, SNAP);
        for tolerance in [0.0, 1e-13, 1e-12, 1e-11] {
            let snap = Care::within(tolerance).snap;
            assert!(snap <= SNAP && snap <= tolerance.max(ROUNDING) / 5.0 && snap > 1e-15, "{tolerance:e}: {snap:e}");
        }
    }
}
