//! All that lives on one worker: its ports, joined to streams, and the buffer that a packet passes through.

use std::any::Any;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rustix::event::epoll;

use crate::demux::MAX_DATAGRAM;
use crate::engine::Failure;
use crate::leg::Leg;
use crate::port::{Limits, Port};
use crate::queue::Queue;
use crate::relay::Buffer;
use crate::slots::{Slots, Token};
use crate::srtp::MAX_TRAILER;

/// Events taken with one wait.
pub const BATCH: usize = 128;

/// What waited longer than this in a socket, because nobody ran, is of no use to a call.
pub const STALL_SECONDS: f64 = 1.0;

pub struct World {
    pub(crate) slots: Slots,
    limits: Limits,
    pub(crate) queue: Arc<Queue>,
    epoll: Arc<OwnedFd>,
    pub(crate) buffer: Box<Buffer>,
    pub(crate) spare: Box<Buffer>,
    /// When the last round began.
    last: f64,
    /// Counts the times that the process stood still.
    pub(crate) standstill: u32,
    /// Rounds until no socket can have a backlog of the last one.
    pub(crate) rounds_to_recover: usize,
    #[cfg(test)]
    pub(crate) breaks: bool,
}

impl World {
    pub fn new(limits: Limits, queue: Arc<Queue>, epoll: Arc<OwnedFd>) -> World {
        let buffer = || Box::new([0; MAX_DATAGRAM + 1 + MAX_TRAILER]);
        World {
            slots: Slots::default(),
            limits,
            queue,
            epoll,
            buffer: buffer(),
            spare: buffer(),
            last: 0.0,
            standstill: 0,
            rounds_to_recover: 0,
            #[cfg(test)]
            breaks: false,
        }
    }

    pub fn ports(&self) -> usize {
        self.slots.taken()
    }

    /// The control side says where.
    pub fn insert(&mut self, slot: u32, mut port: Box<Port>) {
        port.rtp.standstill = self.standstill;
        port.rtcp.standstill = self.standstill;
        self.slots.put(slot, port);
    }

    /// Take it out, unjoined. Events of it that are on their way name nobody any more.
    pub fn remove(&mut self, slot: u32) -> Option<Box<Port>> {
        self.unjoin(slot);
        self.slots.take(slot)
    }

    #[inline]
    pub fn port(&mut self, slot: u32) -> Option<&mut Port> {
        self.slots.get(slot)
    }

    /// Replace the leg.
    pub fn apply(&mut self, slot: u32, leg: &Leg, now: f64) {
        let limits = self.limits;
        if let Some(port) = self.port(slot) {
            port.apply(leg, limits, now);
            self.regate(slot);
        }
    }

    /// Make both the two sides of a stream.
    pub fn join(&mut self, one: u32, other: u32) {
        self.unjoin(one);
        self.unjoin(other);
        if let Some((a, b)) = self.slots.both(one, other) {
            (a.peer, b.peer) = (Some(other), Some(one));
            self.regate(one);
        }
    }

    /// Let the latch move once more.
    pub fn relatch(&mut self, slot: u32) {
        if let Some(port) = self.port(slot) {
            port.arm();
        }
    }

    fn unjoin(&mut self, slot: u32) {
        let Some(port) = self.port(slot) else { return };
        let peer = port.peer;
        port.unjoin();
        if let Some(peer) = peer.and_then(|peer| self.port(peer)) {
            peer.unjoin();
        }
    }

    /// Work out what may pass between this port and its peer, after either has changed.
    fn regate(&mut self, slot: u32) {
        let Some(peer) = self.port(slot).and_then(|port| port.peer) else { return };
        if let Some((one, other)) = self.slots.both(slot, peer) {
            (one.forwards, one.forwards_rtcp) = one.gates(other);
            (other.forwards, other.forwards_rtcp) = other.gates(one);
        }
    }

    /// A round begins at `now`. `timed`: the wait before it ended in time whether or not anything came, so
    /// that only a process that stood still is late.
    pub fn begin(&mut self, now: f64, timed: bool) {
        if timed && now - self.last > STALL_SECONDS {
            self.standstill = self.standstill.wrapping_add(1);
            // epoll takes turns: after these, each socket that was ready has been served.
            self.rounds_to_recover = 2 * self.slots.taken() / BATCH + 1;
        }
        self.last = now;
        #[cfg(test)]
        assert!(!std::mem::take(&mut self.breaks), "a test broke this round");
    }

    /// A round with so many events is over.
    pub fn end(&mut self, events: usize) {
        self.rounds_to_recover = if events < BATCH { 0 } else { self.rounds_to_recover.saturating_sub(1) };
    }

    /// Take one datagram. A panic costs the stream, and nobody else.
    #[inline]
    pub fn serve(&mut self, token: Token, now: f64) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.readable(token, now))) {
            self.fail(token.slot, &text_of(&*panic));
        }
    }

    /// Nobody knows what state anything here is in.
    pub fn fail_all(&mut self, text: &str) {
        for slot in self.slots.range() {
            self.fail(slot, text);
        }
    }

    /// Take a port and its peer out of service, and report it.
    #[cold]
    pub fn fail(&mut self, slot: u32, text: &str) {
        let Some(port) = self.port(slot).filter(|port| !port.broken) else { return };
        let failure = Failure { port: port.id, text: text.to_owned() };
        let peer = port.peer;
        for broken in [Some(slot), peer].into_iter().flatten() {
            if let Some(port) = self.slots.get(broken) {
                port.broken = true;
                // The sockets stay bound, as the port stays open; their packets are nobody's.
                let _ = epoll::delete(&*self.epoll, &port.rtp.socket);
                let _ = epoll::delete(&*self.epoll, &port.rtcp.socket);
            }
        }
        self.regate(slot);
        self.queue.fail(failure);
    }
}

/// What a panic said.
pub fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".to_owned())
}
