//! What the threads have between them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{EventfdFlags, eventfd};

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
