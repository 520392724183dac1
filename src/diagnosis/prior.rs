//! What is thought of causes and of probabilities before anything was seen.
//!
//! The kinds are given about the same chance, since suites differ more than any survey: of flaky
//! Python tests 59% depended on order and 28% on infrastructure (arXiv 2101.09077), elsewhere 46.5% on
//! resources (arXiv 2310.12132). What needs more to be true is given less. A chance is shared among
//! all tests that could be meant: that is the price of having searched many.

use super::likelihood::Prior;

/// It fails nearly always.
pub(super) const ALWAYS: Prior = &[(0.9, 30.0, 0.15), (0.1, 3.0, 0.5)];

/// It fails by itself: rarely, more often than not.
pub(super) const BY_ITSELF: Prior = &[(0.55, 0.6, 8.0), (0.35, 1.0, 1.5), (0.1, 1.0, 0.6)];

/// It fails when a cause is there that strikes by chance: a race.
pub(super) const BY_CHANCE: Prior = &[(0.5, 1.0, 0.8), (0.5, 4.0, 0.6)];

/// It fails when a cause is there that leaves nothing to chance: state in the process.
pub(super) const SURELY: Prior = &[(0.9, 20.0, 0.15), (0.1, 1.0, 0.8)];

/// It fails without the cause: never, but for what else may be.
pub(super) const HARDLY: Prior = &[(0.85, 0.05, 60.0), (0.15, 0.5, 12.0)];

pub(super) const BROKEN: f64 = 0.1;
pub(super) const ALONE: f64 = 0.25;
pub(super) const BESIDE: f64 = 0.14;
pub(super) const MUTUAL: f64 = 0.4;
pub(super) const BESIDE_TWO: f64 = 0.015;
pub(super) const ONE_MORE: f64 = 0.4;
pub(super) const AFTER: f64 = 0.1;
pub(super) const AFTER_TWO: f64 = 0.01;
pub(super) const JUST_AFTER: f64 = 0.005;
pub(super) const AFTER_UNLESS: f64 = 0.02;
pub(super) const WITHOUT: f64 = 0.04;
pub(super) const WITHOUT_TWO: f64 = 0.01;
pub(super) const SINCE: f64 = 0.08;
pub(super) const SINCE_SECOND: f64 = 0.04;
pub(super) const CROWD: f64 = 0.04;
pub(super) const POOL: f64 = 0.08;
pub(super) const POOL_ALIKE: f64 = 0.3;
pub(super) const UNSEEN: f64 = 0.3;
pub(super) const ODDS_UNSEEN: f64 = 3.0;
pub(super) const RAMP: f64 = 0.04;
