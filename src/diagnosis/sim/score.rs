//! How verdicts stand to what was planted.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::draw::Lab;
use crate::model::{Judged, VerdictKind};

/// Verdicts counted over labs.
#[derive(Default)]
pub(in crate::diagnosis) struct Score {
    pub judged: u32,
    pub right: u32,
    /// Of the right kind, culprits left aside.
    pub kinds: u32,
    /// Tests for which an innocent one was named.
    pub blamed: u32,
    pub named: u32,
    /// Tests with culprits, and those that have one of them among the first five suspects.
    pub with_culprits: u32,
    pub listed: u32,
    /// By family: judged, right kind, right, blamed, listed, each kind's count.
    families: BTreeMap<&'static str, ([u32; 5], BTreeMap<&'static str, u32>)>,
}

impl Score {
    pub fn add(&mut self, lab: &Lab, judged: &[Judged]) {
        for it in judged {
            let test = lab.tests.iter().position(|test| test.nodeid == it.nodeid).unwrap();
            let truth = &lab.tests[test].truth;
            let verdict = &it.verdict;
            let place = |id: &crate::model::NodeId| lab.tests.iter().position(|t| t.nodeid == *id);
            let named: Vec<usize> = verdict.culprits.iter().filter_map(place).collect();
            let kind = truth.kind == Some(verdict.kind) || truth.also == Some(verdict.kind);
            let blamed = named.iter().any(|it| !truth.culprits.contains(it));
            let must =
                matches!(verdict.kind, VerdictKind::InterferesWith | VerdictKind::OrderDependent);
            let right = kind && !blamed && (!must || !named.is_empty());
            let first: Vec<usize> =
                it.suspects.iter().take(5).filter_map(|s| place(&s.nodeid)).collect();
            let has_culprits = matches!(
                truth.kind,
                Some(VerdictKind::InterferesWith | VerdictKind::OrderDependent)
            );
            let listed = has_culprits
                && truth.culprits.iter().any(|it| first.contains(it) || named.contains(it));
            self.judged += 1;
            self.kinds += u32::from(kind);
            self.right += u32::from(right);
            self.blamed += u32::from(blamed);
            self.named += u32::from(!named.is_empty());
            self.with_culprits += u32::from(has_culprits);
            self.listed += u32::from(listed);
            let family = self.families.entry(truth.family).or_default();
            for (count, is) in family.0.iter_mut().zip([true, kind, right, blamed, listed]) {
                *count += u32::from(is);
            }
            *family.1.entry(verdict.kind.name()).or_default() += 1;
        }
    }

    pub fn share_right(&self) -> f64 {
        f64::from(self.right) / f64::from(self.judged)
    }

    pub fn share_blamed(&self) -> f64 {
        f64::from(self.blamed) / f64::from(self.judged)
    }

    pub fn table(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "judged {}, right {:.1}%, kind {:.1}%, blamed {} ({:.2}%) of {} named, listed {}/{}",
            self.judged,
            100.0 * self.share_right(),
            100.0 * f64::from(self.kinds) / f64::from(self.judged),
            self.blamed,
            100.0 * self.share_blamed(),
            self.named,
            self.listed,
            self.with_culprits,
        );
        let _ = writeln!(text, "{:<12} judged kind right blamed listed", "family");
        for (family, (counts, kinds)) in &self.families {
            let [judged, kind, right, blamed, listed] = counts;
            let _ = writeln!(
                text,
                "{family:<12} {judged:>6} {kind:>4} {right:>5} {blamed:>6} {listed:>6}  {kinds:?}"
            );
        }
        text
    }
}
