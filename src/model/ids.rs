//! Identifiers. Each is a type of its own, so that a worker's number is never taken for a slot's.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A run's id: unique across machines and sorted by time, such as `20261123-142501-7f3a09`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RunId(Arc<str>);

impl RunId {
    /// Wraps an id that was made by [`crate::cli`] or read from the history.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The id as written in reports and in the history.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// pytest's node id, exactly as pytest gives it: `tests/test_a.py::TestB::test_c[1-x]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(Arc<str>);

impl NodeId {
    /// Wraps a node id.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The node id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The file's path: everything before the first `::`.
    #[must_use]
    pub fn file(&self) -> &str {
        self.0.split_once("::").map_or(&*self.0, |(file, _)| file)
    }

    /// The function of a parametrized test: everything before its parameters, which begin with the
    /// first bracket after the file (a parameter can hold brackets and colons itself). None if it
    /// has no parameters.
    #[must_use]
    pub fn function(&self) -> Option<&str> {
        let file = self.0.find("::")?;
        let bracket = self.0[file..].find('[')?;
        Some(&self.0[..file + bracket])
    }

    /// The scope that xdist's `loadscope` keeps together: everything before the last `::`
    /// (the module of a function, the class of a method).
    #[must_use]
    pub fn scope(&self) -> &str {
        self.0.rsplit_once("::").map_or(&*self.0, |(scope, _)| scope)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A worker process, in xdist's spelling (`gw0`). A replacement for a worker that died gets a new
/// id, so ids can exceed the number of workers; the [`Slot`] stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u32);

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gw{}", self.0)
    }
}

impl Serialize for WorkerId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A place for a worker, 0 to workers − 1: what the terminal shows as one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Slot(pub usize);

/// One pass of the suite in a loop, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Round(pub u32);

impl Round {
    /// The round that every run has.
    pub const FIRST: Self = Self(1);

    /// The round after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A retry's index, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Attempt(pub u32);

impl Attempt {
    /// The attempt that every execution starts with.
    pub const FIRST: Self = Self(1);

    /// The attempt after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A test's position in the collected list, counted from 0, the same in every round of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TestIndex(pub u32);

impl TestIndex {
    /// As an index into the list of collected tests.
    #[must_use]
    pub fn at(self) -> usize {
        self.0 as usize
    }
}

/// Microseconds since the run began, on the monotonic clock that all processes of a machine share.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Offset(pub u64);

impl Offset {
    /// As seconds.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

/// A collected test: what everybody needs to know of it to name it and to place it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TestInfo {
    /// Position in the collected list.
    pub index: TestIndex,
    /// pytest's node id. Not unique in rare suites; the index is.
    pub nodeid: NodeId,
    /// Line of the test in its file, counted from 1, where pytest knows it.
    pub line: Option<u32>,
    /// The `xdist_group` marks, sorted and joined with `_`, where there are any.
    pub group: Option<Arc<str>>,
}
