//! The way of a packet: admit, unprotect, latch, gate, protect, send. In this order, each step with its own
//! reason to drop.

use std::mem;
use std::net::SocketAddr;

use rustix::io::Errno;

use crate::demux::{MAX_DATAGRAM, classify};
use crate::engine::Datagram;
use crate::leg::Transform;
use crate::port::Port;
use crate::queue::Queue;
use crate::reason::Reason;
use crate::slots::Token;
use crate::socket;
use crate::srtp::MAX_TRAILER;
use crate::world::World;

/// Room for the largest datagram, one octet that tells a larger one, and what protection adds.
pub type Buffer = [u8; MAX_DATAGRAM + 1 + MAX_TRAILER];

/// Datagrams that waited in one socket while the process stood still, at most.
const MAX_BACKLOG: u64 = 4096;

impl World {
    /// Take one datagram from the socket of `token`; the poller comes back while there are more, after the
    /// other sockets. Counts one thing for it.
    #[inline]
    pub fn readable(&mut self, token: Token, now: f64) {
        let (buffer, standstill) = (&mut self.buffer[..=MAX_DATAGRAM], self.standstill);
        let Some(port) = self.slots.get(token.slot) else { return };
        if !token.names(port) {
            return; // of a port that was closed, on the same slot
        }
        if port.breaks {
            panic!("a test broke this port");
        }
        let half = port.half(token.rtcp);
        let recovers = self.rounds_to_recover > 0 && half.standstill != standstill;
        let (octets, source) = match socket::receive(&half.socket, buffer) {
            Ok(received) => received,
            Err(Errno::AGAIN | Errno::INTR) => return,
            Err(_) => return port.count(Reason::Socket), // an ICMP error of an earlier send
        };
        let (octets, source) = if recovers { self.newest(token, octets, source) } else { (octets, source) };
        if let Err(reason) = self.relay(token, octets, source, now)
            && let Some(port) = self.port(token.slot)
        {
            port.count(reason);
        }
    }

    fn relay(&mut self, token: Token, octets: usize, source: SocketAddr, now: f64) -> Result<(), Reason> {
        let Some(port) = self.slots.get(token.slot) else { return Ok(()) };
        if octets > MAX_DATAGRAM {
            return Err(Reason::TooLarge);
        }
        let packet = &mut self.buffer[..octets];
        let rtcp = match port.transform {
            Transform::Datagram | Transform::Handed => token.rtcp,
            _ => match classify(packet, token.rtcp, port.mux) {
                Ok(rtcp) => rtcp,
                Err(reason) => return port.foreign(reason, packet, source, token.rtcp, &self.queue),
            },
        };
        let plain = port.admit(packet, source, token.rtcp, rtcp, now)?;
        let peer = port.peer.ok_or(Reason::Unjoined)?;
        if !(if rtcp { port.forwards_rtcp } else { port.forwards }) {
            return Err(Reason::Gate);
        }
        if port.transform == Transform::Handed {
            return port.hand(Reason::Dtls, packet, source, rtcp, &self.queue);
        }
        let out = self.slots.get(peer).ok_or(Reason::Unjoined)?;
        out.emit(&mut self.buffer[..], plain, rtcp)?;
        if let Some(port) = self.port(token.slot) {
            if rtcp {
                port.counters.rtcp += 1;
            } else {
                port.counters.packets += 1;
                port.counters.octets += octets as u64;
            }
        }
        Ok(())
    }

    /// After a standstill: all but the newest datagram of a socket are late, and go.
    #[cold]
    fn newest(&mut self, token: Token, octets: usize, source: SocketAddr) -> (usize, SocketAddr) {
        let mut newest = (octets, source);
        let Some(port) = self.slots.get(token.slot) else { return newest };
        let half = if token.rtcp { &mut port.rtcp } else { &mut port.rtp };
        half.standstill = self.standstill;
        let mut late = 0;
        while late < MAX_BACKLOG {
            let Ok(next) = socket::receive(&half.socket, &mut self.spare[..=MAX_DATAGRAM]) else { break };
            newest = next;
            late += 1;
            mem::swap(&mut self.buffer, &mut self.spare);
        }
        port.counters.drops[Reason::Stale as usize] += late;
        newest
    }
}

impl Port {
    /// May this packet from `source` be used? Its plain length; the latch has moved where it may.
    #[inline]
    fn admit(
        &mut self,
        packet: &mut [u8],
        source: SocketAddr,
        on_rtcp: bool,
        rtcp: bool,
        now: f64,
    ) -> Result<usize, Reason> {
        let moved = self.half(on_rtcp).source != Some(source);
        if moved && !self.admits(source, on_rtcp, rtcp) {
            return Err(Reason::Source);
        }
        let locked = self.locked();
        let plain = match self.receiver(rtcp) {
            Some(receiver) => receiver.unprotect(packet, rtcp, now)?,
            None if locked => return Err(Reason::NoKey),
            None => packet.len(),
        };
        if moved {
            let half = self.half(on_rtcp);
            (half.source, half.destination, half.armed) = (Some(source), Some(source), false);
        }
        self.last_activity = Some(now);
        Ok(plain)
    }

    /// May a packet from a new source go on? On a protected leg its authentication decides.
    #[cold]
    fn admits(&mut self, source: SocketAddr, on_rtcp: bool, rtcp: bool) -> bool {
        if !self.latching {
            return false;
        }
        if self.receiver(rtcp).is_some() {
            return true;
        }
        let half = self.half(on_rtcp);
        (half.source.is_none() || half.armed) && self.within(source)
    }

    /// Does the source filter let `source` pass?
    fn within(&self, source: SocketAddr) -> bool {
        self.filter.is_none_or(|prefix| prefix.contains(source.ip()))
    }

    /// Protect the first `octets` of `buffer` and send them from here.
    #[inline]
    fn emit(&mut self, buffer: &mut [u8], octets: usize, rtcp: bool) -> Result<(), Reason> {
        let on_rtcp = rtcp && !self.mux;
        let to = self.half(on_rtcp).destination.ok_or(Reason::NoRemote)?;
        let locked = self.locked();
        let octets = match self.sender(rtcp) {
            Some(sender) => sender.protect(buffer, octets, rtcp)?,
            None if locked => return Err(Reason::NoKey),
            None => octets,
        };
        socket::send(&self.half(on_rtcp).socket, &buffer[..octets], &to).map_err(|error| match error {
            Errno::MSGSIZE => Reason::TooLarge,
            _ => Reason::Socket,
        })
    }

    /// What is not media is dropped, or waits for Python: it moves no latch, so one that is there does not
    /// keep it out either.
    #[cold]
    fn foreign(
        &mut self,
        reason: Reason,
        packet: &[u8],
        source: SocketAddr,
        rtcp: bool,
        queue: &Queue,
    ) -> Result<(), Reason> {
        if !self.hand_over || !matches!(reason, Reason::Stun | Reason::Dtls) {
            return Err(reason);
        }
        let expected = if self.latching {
            self.transform == Transform::Srtp || self.within(source)
        } else {
            self.half(rtcp).source == Some(source)
        };
        if !expected {
            return Err(Reason::Source);
        }
        self.hand(reason, packet, source, rtcp, queue)
    }

    /// To Python, which takes no more than so much: `reason`.
    #[cold]
    fn hand(
        &mut self,
        reason: Reason,
        packet: &[u8],
        source: SocketAddr,
        rtcp: bool,
        queue: &Queue,
    ) -> Result<(), Reason> {
        let (port, address) = (self.id, source);
        if !queue.hand_over(|| Datagram { port, address, data: packet.to_vec(), rtcp }) {
            return Err(reason);
        }
        self.counters.handed_over += 1;
        Ok(())
    }
}
