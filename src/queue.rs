//! A queue between two threads that wakes its reader for many items at once.
//!
//! An ordinary channel wakes a waiting reader for each item. Where items come by the thousand a
//! second and nobody waits for what the reader does with them, those switches between threads cost
//! more than the work: a run of trivial tests spent half of the controller's time in them. Here the
//! reader is woken by the first item, then lets others gather for a while.

use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, bounded, unbounded};

/// The end that items are put in at. Never blocks.
#[derive(Debug)]
pub struct Sender<T> {
    items: crossbeam_channel::Sender<T>,
    bell: crossbeam_channel::Sender<()>,
    most: usize,
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { items: self.items.clone(), bell: self.bell.clone(), most: self.most }
    }
}

/// The end that batches come out of.
#[derive(Debug)]
pub struct Receiver<T> {
    items: crossbeam_channel::Receiver<T>,
    bell: crossbeam_channel::Receiver<()>,
    delay: Duration,
    most: usize,
}

/// Why there is no batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoBatch {
    /// Nothing came in time.
    Timeout,
    /// Nothing will come: all was taken, and the sender is gone.
    Closed,
}

/// A queue whose batches are at most `delay` old when they come out, and have at most `most` items.
#[must_use]
pub fn queue<T>(delay: Duration, most: usize) -> (Sender<T>, Receiver<T>) {
    let (items, out) = unbounded();
    let (bell, heard) = bounded(1);
    (Sender { items, bell, most }, Receiver { items: out, bell: heard, delay, most })
}

impl<T> Sender<T> {
    /// Puts an item in. False when nobody takes items any more.
    pub fn send(&self, item: T) -> bool {
        let is_taken = self.items.send(item).is_ok();
        if self.items.len() >= self.most {
            self.ring();
        }
        is_taken
    }

    /// The same, for an item that is to come out at once, with all before it.
    pub fn send_urgent(&self, item: T) -> bool {
        let is_taken = self.items.send(item).is_ok();
        self.ring();
        is_taken
    }

    fn ring(&self) {
        // A bell that rings already is as good.
        let _ = self.bell.try_send(());
    }
}

impl<T> Receiver<T> {
    /// Waits for the next batch, in order, until `deadline` at most for its first item.
    pub fn next_batch(&self, deadline: Option<Instant>) -> Result<Vec<T>, NoBatch> {
        let first = match deadline {
            Some(deadline) => self.items.recv_deadline(deadline),
            None => self.items.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let first = first.map_err(|error| match error {
            RecvTimeoutError::Timeout => NoBatch::Timeout,
            RecvTimeoutError::Disconnected => NoBatch::Closed,
        })?;
        if self.items.len() + 1 < self.most {
            // Rung, out of time or closed: in any case the batch is due. A bell that was rung for a
            // batch before this one makes this one smaller than it could be, and nothing else.
            let _ = self.bell.recv_timeout(self.delay);
        }
        let mut batch = vec![first];
        batch.extend(self.items.try_iter().take(self.most - 1));
        Ok(batch)
    }

    /// How many items wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn a_batch_comes_out_when_it_is_full_urgent_or_the_last() {
        let (sender, receiver) = queue(LONG, 3);
        for item in 0..7 {
            sender.send(item);
        }
        assert_eq!(receiver.next_batch(None), Ok(vec![0, 1, 2]));
        assert_eq!(receiver.next_batch(None), Ok(vec![3, 4, 5]));
        sender.send_urgent(7);
        assert_eq!(receiver.next_batch(None), Ok(vec![6, 7]));
        sender.send(8);
        drop(sender);
        assert_eq!(receiver.next_batch(None), Ok(vec![8]));
        assert_eq!(receiver.next_batch(None), Err(NoBatch::Closed));
    }

    #[test]
    fn a_batch_comes_out_when_it_is_old() {
        let (sender, receiver) = queue(Duration::from_millis(1), 1000);
        sender.send('a');
        assert_eq!(receiver.next_batch(None), Ok(vec!['a']));
        assert_eq!(receiver.next_batch(Some(Instant::now())), Err(NoBatch::Timeout));
        drop(sender);
    }

    #[test]
    fn a_sender_learns_that_nobody_reads() {
        let (sender, receiver) = queue(LONG, 2);
        assert!(sender.send(1));
        drop(receiver);
        assert!(!sender.send(2));
    }
}
