//! What waits for Python: datagrams that were handed over, and ports that broke down.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Mutex;

use crate::engine::{Datagram, Failure};
use crate::sync::{Signal, lock};

/// `MAX_HANDED_OVER` of the contract, for all ports together.
pub const MAX_HANDED_OVER: usize = 1024;

/// Filled by the workers, emptied by Python. `signal` is raised while anything waits.
pub struct Queue {
    signal: Signal,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    datagrams: VecDeque<Datagram>,
    failures: Vec<Failure>,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.datagrams.is_empty() && self.failures.is_empty()
    }
}

impl Queue {
    pub fn new() -> io::Result<Queue> {
        Ok(Queue { signal: Signal::new()?, waiting: Mutex::default() })
    }

    pub fn events(&self) -> BorrowedFd<'_> {
        self.signal.as_fd()
    }

    /// False: there is no room. What is not taken is not even made.
    pub fn hand_over(&self, make: impl FnOnce() -> Datagram) -> bool {
        let mut waiting = lock(&self.waiting);
        if waiting.datagrams.len() >= MAX_HANDED_OVER {
            return false;
        }
        self.tell(&waiting);
        waiting.datagrams.push_back(make());
        true
    }

    pub fn fail(&self, failure: Failure) {
        let mut waiting = lock(&self.waiting);
        self.tell(&waiting);
        waiting.failures.push(failure);
    }

    pub fn drain(&self) -> Vec<Datagram> {
        self.take(|waiting| std::mem::take(&mut waiting.datagrams)).into()
    }

    pub fn failures(&self) -> Vec<Failure> {
        self.take(|waiting| std::mem::take(&mut waiting.failures))
    }

    /// Before something is put in.
    fn tell(&self, waiting: &Waiting) {
        if waiting.is_empty() {
            self.signal.raise();
        }
    }

    fn take<T>(&self, some: impl FnOnce(&mut Waiting) -> T) -> T {
        let mut waiting = lock(&self.waiting);
        let taken = some(&mut waiting);
        if waiting.is_empty() {
            self.signal.lower();
        }
        taken
    }
}
