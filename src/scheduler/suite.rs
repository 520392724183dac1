//! Suites for this module's tests.

use std::sync::Arc;

use crate::model::{NodeId, TestIndex, TestInfo};

/// Tests of these node ids, each with its group after an `@`.
pub(super) fn suite(ids: &[&str]) -> Vec<Arc<TestInfo>> {
    let test = |(index, id): (usize, &&str)| {
        let (id, group) = id.split_once('@').map_or((*id, None), |(id, g)| (id, Some(g)));
        let (index, nodeid) = (TestIndex(index as u32), NodeId::new(id));
        Arc::new(TestInfo { index, nodeid, line: None, group: group.map(Arc::from) })
    };
    ids.iter().enumerate().map(test).collect()
}
