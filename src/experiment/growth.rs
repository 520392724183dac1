//! State that piles up outside the processes, where what had piled up is not there any more: somebody has
//! emptied the database since. The rest of the suite is run round by round, about as often as it had been
//! when the test began to fail, and then the test alone shows whether that lasts.

use super::arm::Arm;
use super::bench::Stop;
use super::case::Case;
use super::found::Found;
use super::inquiry::Contest;

/// Rounds of the rest where the record does not say how many it takes, and at most.
const FEWEST: u64 = 3;
const MOST: u64 = 90;
/// Trials alone before, and after it has failed.
const ALONE: u64 = 6;
/// An effect of which fewer of the rounds show is not pursued.
const LEAST: f64 = 0.25;

impl Case<'_> {
    /// Tries it after each round of the rest, until it fails or the rest has run half as often again as
    /// in the record.
    pub(super) fn after_rounds(&mut self) -> Result<Option<Found>, Stop> {
        let since = self.inquiry.record.fails_since(self.inquiry.victim).map(|(round, _)| round);
        let recorded = since.map_or(FEWEST, |round| u64::from(round.0));
        let most = (recorded + recorded / 2).clamp(FEWEST, MOST);
        let before = self.inquiry.try_until(&Arm::Alone, ALONE)?;
        let rest = Arm::AfterRest;
        while self.inquiry.tally(&rest).failed == 0 && self.inquiry.tally(&rest).executed < most {
            self.inquiry.try_out(std::slice::from_ref(&rest), 1)?;
        }
        if self.inquiry.tally(&rest).failed == 0 {
            return Ok(None);
        }
        if before.failed == 0 && self.inquiry.try_until(&Arm::Afterwards, ALONE)?.always() {
            return Ok(Some(Found::Accumulates(since)));
        }
        let contest = self.inquiry.contest(&rest, &[Arm::Alone], LEAST)?;
        let found = Found::Open("it fails after all others, and after which stays open");
        Ok((contest == Contest::More).then_some(found))
    }
}
