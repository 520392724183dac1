//! Draws a suite: tests with durations and files, and the causes planted in them.

use fastrand::Rng;

use crate::model::{NodeId, VerdictKind};

/// A suite with its causes.
pub(in crate::diagnosis) struct Lab {
    pub tests: Vec<SimTest>,
    pub plants: Vec<Plant>,
    pub workers: usize,
    pub rounds: u32,
    pub seed: u64,
}

pub(in crate::diagnosis) struct SimTest {
    pub nodeid: NodeId,
    pub file: usize,
    /// Seconds, without what the machine adds.
    pub duration: f64,
    pub truth: Truth,
}

#[derive(Clone, Default)]
pub(in crate::diagnosis) struct Truth {
    /// None for a test that never fails.
    pub kind: Option<VerdictKind>,
    /// Another kind that is as right.
    pub also: Option<VerdictKind>,
    pub culprits: Vec<usize>,
    /// The cause's name in the table.
    pub family: &'static str,
}

/// A cause, by the tests' places.
pub(in crate::diagnosis) enum Plant {
    Flaky {
        victim: usize,
        rate: f64,
        slower: f64,
    },
    /// Culprits change a thing at a moment; the victim needs it unchanged from one moment to another
    /// (moments as shares of the duration).
    Struck {
        victim: usize,
        culprits: Vec<(usize, f64)>,
        window: (f64, f64),
        sure: f64,
    },
    /// The culprit holds a thing for a while; the victim looks at a moment.
    Held {
        victim: usize,
        culprit: usize,
        held: (f64, f64),
        look: (f64, f64),
    },
    /// Who comes second, or who ends first, fails.
    Mutual {
        pair: [usize; 2],
        is_second: bool,
    },
    After {
        victim: usize,
        polluters: Vec<usize>,
        cleaners: Vec<usize>,
    },
    Brittle {
        victim: usize,
        setters: Vec<usize>,
    },
    Pool {
        users: Vec<usize>,
        bears: usize,
    },
    Strain {
        victim: usize,
        least: usize,
        step: f64,
        of: Vec<usize>,
    },
    Since {
        victims: Vec<usize>,
        round: u32,
    },
    Away {
        family: Vec<usize>,
        windows: Vec<(f64, f64)>,
    },
    Broken {
        victim: usize,
    },
}

pub(in crate::diagnosis) fn draw(seed: u64) -> Lab {
    let mut drawing = Drawing { rng: Rng::with_seed(seed), tests: Vec::new(), plants: Vec::new() };
    drawing.all();
    drawing.stable();
    let files = (drawing.tests.len() / 7).max(2);
    drawing.place(files);
    let Drawing { tests, plants, .. } = drawing;
    Lab { tests, plants, workers: 4, rounds: 60, seed }
}

struct Drawing {
    rng: Rng,
    tests: Vec<SimTest>,
    plants: Vec<Plant>,
}

impl Drawing {
    fn all(&mut self) {
        for rate in [0.02, 0.05, 0.2, 0.5] {
            self.flaky(rate, 1.0);
        }
        self.flaky(0.1, 6.0);
        for _ in 0..2 {
            self.race();
        }
        let (two, cleaned) = (self.rng.bool(), self.rng.bool());
        self.order(1, usize::from(cleaned));
        self.order(1 + usize::from(two), 0);
        self.brittle();
        self.pool();
        self.strain();
        self.since();
        self.away();
        let victim = self.test(VerdictKind::Broken, "broken");
        self.plants.push(Plant::Broken { victim });
        for _ in 0..self.rng.usize(0..6) {
            match self.rng.usize(0..6) {
                0 | 1 => self.race(),
                2 => self.order(1, 0),
                3 => self.flaky(0.1, 1.0),
                4 => self.pool(),
                _ => self.strain(),
            }
        }
    }

    fn flaky(&mut self, rate: f64, slower: f64) {
        let family = if slower > 1.0 { "timeout" } else { "flaky" };
        let victim = self.test(VerdictKind::FlakyAlone, family);
        self.plants.push(Plant::Flaky { victim, rate, slower });
    }

    fn race(&mut self) {
        match self.rng.usize(0..3) {
            0 => self.struck(),
            1 => self.held(),
            _ => self.mutual(),
        }
    }

    fn struck(&mut self) {
        let victim = self.long(VerdictKind::InterferesWith, "struck");
        let count = if self.rng.f64() < 0.25 { 2 } else { 1 };
        let culprits: Vec<(usize, f64)> =
            (0..count).map(|_| (self.innocent(), self.between(0.2, 0.8))).collect();
        self.tests[victim].truth.culprits = culprits.iter().map(|it| it.0).collect();
        let window = (self.between(0.0, 0.2), self.between(0.75, 1.0));
        let sure = if self.rng.bool() { 1.0 } else { self.between(0.4, 1.0) };
        self.plants.push(Plant::Struck { victim, culprits, window, sure });
    }

    fn held(&mut self) {
        let victim = self.test(VerdictKind::InterferesWith, "held");
        let culprit = self.innocent();
        self.tests[culprit].duration = self.between(0.03, 0.06);
        self.tests[victim].truth.culprits = vec![culprit];
        let at = self.between(0.1, 0.8);
        let look = if self.rng.bool() { (at, at) } else { (0.05, 0.95) };
        self.plants.push(Plant::Held { victim, culprit, held: (0.05, 0.95), look });
    }

    fn mutual(&mut self) {
        let pair = [(); 2].map(|()| self.long(VerdictKind::InterferesWith, "mutual"));
        for side in 0..2 {
            self.tests[pair[side]].truth.culprits = vec![pair[1 - side]];
        }
        let is_second = self.rng.bool();
        self.plants.push(Plant::Mutual { pair, is_second });
    }

    fn order(&mut self, polluters: usize, cleaners: usize) {
        let family = ["after", "cleaned", "after two"][if polluters > 1 { 2 } else { cleaners }];
        let victim = self.test(VerdictKind::OrderDependent, family);
        let polluters: Vec<usize> = (0..polluters).map(|_| self.innocent()).collect();
        let cleaners = (0..cleaners).map(|_| self.innocent()).collect();
        self.tests[victim].truth.culprits.clone_from(&polluters);
        self.plants.push(Plant::After { victim, polluters, cleaners });
    }

    fn brittle(&mut self) {
        let victim = self.test(VerdictKind::OrderDependent, "brittle");
        let setters: Vec<usize> = (0..self.rng.usize(1..=2)).map(|_| self.innocent()).collect();
        self.tests[victim].truth.culprits.clone_from(&setters);
        self.plants.push(Plant::Brittle { victim, setters });
    }

    fn pool(&mut self) {
        let bears = [1, 2, 2, 2, 3, 3][self.rng.usize(0..6)];
        let count = self.rng.usize(4..=5) + bears - 1;
        let family = ["pool 1", "pool 2", "pool 3"][bears - 1];
        let users: Vec<usize> =
            (0..count).map(|_| self.long(VerdictKind::LoadSensitive, family)).collect();
        for &user in &users {
            let truth = &mut self.tests[user].truth;
            truth.culprits = users.iter().copied().filter(|&it| it != user).collect();
            truth.also = (bears == 1).then_some(VerdictKind::InterferesWith);
        }
        self.plants.push(Plant::Pool { users, bears });
    }

    fn strain(&mut self) {
        let victim = self.test(VerdictKind::LoadSensitive, "strain");
        let least = [2, 3, 3, 4][self.rng.usize(0..4)];
        let step = self.between(0.25, 0.5);
        self.plants.push(Plant::Strain { victim, least, step, of: Vec::new() });
    }

    fn since(&mut self) {
        let victim = self.test(VerdictKind::Accumulates, "since 2");
        self.plants.push(Plant::Since { victims: vec![victim], round: 2 });
        let count = self.rng.usize(1..=2);
        let victims = (0..count).map(|_| self.test(VerdictKind::Accumulates, "since")).collect();
        let round = self.rng.u32(8..=30);
        self.plants.push(Plant::Since { victims, round });
    }

    fn away(&mut self) {
        let mut windows = vec![(self.between(2.0, 15.0), self.between(2.5, 3.5))];
        if self.rng.bool() {
            let mut at = 0.0;
            windows.clear();
            for _ in 0..self.rng.usize(2..=3) {
                at += self.between(2.0, 5.0);
                windows.push((at, self.between(0.5, 1.5)));
                at += windows[windows.len() - 1].1;
            }
        }
        let family = if windows.len() > 1 { "away often" } else { "away" };
        let count = self.rng.usize(3..=8);
        let family = (0..count).map(|_| self.test(VerdictKind::Infrastructure, family)).collect();
        self.plants.push(Plant::Away { family, windows });
    }

    fn stable(&mut self) {
        let troubled = self.tests.iter().filter(|test| test.truth.kind.is_some()).count();
        while self.tests.len() < (troubled * 2).max(48) {
            self.innocent();
        }
    }

    fn test(&mut self, kind: VerdictKind, family: &'static str) -> usize {
        let duration = self.between(0.008, 0.06);
        self.add(Truth { kind: Some(kind), family, ..Truth::default() }, duration)
    }

    fn long(&mut self, kind: VerdictKind, family: &'static str) -> usize {
        let duration = self.between(0.025, 0.065);
        self.add(Truth { kind: Some(kind), family, ..Truth::default() }, duration)
    }

    fn innocent(&mut self) -> usize {
        let duration = self.between(0.006, 0.06);
        self.add(Truth::default(), duration)
    }

    fn add(&mut self, truth: Truth, duration: f64) -> usize {
        let at = self.tests.len();
        let nodeid = NodeId::new(&format!("t{at}"));
        self.tests.push(SimTest { nodeid, file: 0, duration, truth });
        at
    }

    /// Files by chance; of a third of the causes all tests lie in one file.
    fn place(&mut self, files: usize) {
        for at in 0..self.tests.len() {
            self.tests[at].file = self.rng.usize(0..files);
            let culprits = self.tests[at].truth.culprits.clone();
            if self.rng.f64() < 0.35 {
                let file = self.tests[at].file;
                for it in culprits {
                    self.tests[it].file = file;
                }
            }
        }
        for (at, test) in self.tests.iter_mut().enumerate() {
            test.nodeid = NodeId::new(&format!("test_f{}.py::test_{at}", test.file));
        }
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.rng.f64()
    }
}
