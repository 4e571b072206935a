//! What waits for Python: datagrams that were handed over, and ports that broke down.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{EventfdFlags, eventfd};

use crate::engine::{Datagram, Failure};

/// `MAX_HANDED_OVER` of the contract, for all ports together.
pub const MAX_HANDED_OVER: usize = 1024;

/// Take a lock; what a panic left behind is used as it is.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A flag that epoll can see.
pub struct Signal(OwnedFd);

impl Signal {
    pub fn new() -> io::Result<Signal> {
        Ok(Signal(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?))
    }

    pub fn raise(&self) {
        // It fails where the counter is full: then it is raised.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    pub fn lower(&self) {
        // It fails where it was not raised.
        let _ = rustix::io::read(&self.0, &mut [0u8; 8]);
    }
}

impl AsFd for Signal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

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
