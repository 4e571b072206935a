//! When a worker rests between two rounds, as network cards do between two interrupts: to wake up costs more
//! than to relay a packet, and packets that come together share it.

use std::time::Duration;

use crate::world::BATCH;

/// What a packet may have to wait for others: a twentieth of the time between two packets of speech.
pub const REST: Duration = Duration::from_millis(1);

/// Judges by the rounds so far.
#[derive(Default)]
pub struct Pace {
    /// When the last round began, in seconds.
    began: f64,
    rested: bool,
}

impl Pace {
    /// A round that began at `now` has had `ready` events: is a rest before the next one worth its own
    /// wake-up? Never while sockets may still wait.
    pub fn rests(&mut self, now: f64, ready: usize) -> bool {
        let crowded = if self.rested { ready > 1 } else { now - self.began < REST.as_secs_f64() / 2.0 };
        self.began = now;
        self.rested = crowded && ready < BATCH;
        self.rested
    }
}
