//! Labs drawn and run in memory: recorded loops whose causes are known, to score verdicts by.

mod draw;
mod effects;
mod play;
mod score;

pub(super) use draw::draw;
pub(super) use play::play;
pub(super) use score::Score;
