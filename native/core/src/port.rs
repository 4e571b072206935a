//! Both sockets of one leg and what is done with their packets.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use crate::engine::{Counters, PortId, PortState};
use crate::leg::{Leg, Prefix, Transform};
use crate::reason::Reason;
use crate::srtp::{Crypto, Receiver, Sender};

/// What every new key gets.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Packets (RFC 3711 3.3.2).
    pub replay_window: usize,
    /// SSRCs of one key and direction.
    pub ssrcs: usize,
}

/// One socket: RTP (and RTCP under mux), or RTCP.
#[repr(C)]
pub struct Half {
    pub socket: OwnedFd,
    /// The standstill whose backlog is gone (`World::begin`).
    pub standstill: u32,
    /// Where packets are taken from. With latching: the latch, None before the first packet.
    pub source: Option<SocketAddr>,
    /// Where packets are sent to.
    pub destination: Option<SocketAddr>,
    /// RELATCH was commanded.
    pub armed: bool,
}

impl Half {
    fn new(socket: OwnedFd) -> Half {
        Half { socket, standstill: 0, source: None, destination: None, armed: false }
    }
}

/// The keys of RTP and RTCP, or of one of them.
///
/// They outlive a leg without them: a key that comes back goes on. A new one would start over with its
/// rollover counter and encrypt twice under one index.
#[derive(Default)]
struct Keys {
    sender: Option<Box<Sender>>,
    receiver: Option<Box<Receiver>>,
    /// The sender before, should its key come back.
    former: Option<Box<Sender>>,
    /// The kept key is that of the present leg.
    sends: bool,
    receives: bool,
}

impl Keys {
    fn apply(&mut self, send: Option<&Crypto>, receive: Option<&Crypto>, limits: Limits, now: f64) {
        (self.sends, self.receives) = (send.is_some(), receive.is_some());
        if let Some(key) = send
            && self.sender.as_ref().is_none_or(|kept| kept.crypto() != key)
        {
            let made = self.former.take().filter(|kept| kept.crypto() == key);
            self.former = self.sender.take();
            self.sender =
                made.or_else(|| Some(Box::new(Sender::new(key, limits.replay_window, limits.ssrcs))));
        }
        if let Some(key) = receive
            && self.receiver.as_ref().is_none_or(|kept| kept.crypto() != key)
            && !self.receiver.as_mut().is_some_and(|kept| kept.go_back(key, now))
        {
            let mut made = Box::new(Receiver::new(key, limits.replay_window, limits.ssrcs));
            if let Some(old) = self.receiver.take() {
                made.succeed(*old, now);
            }
            self.receiver = Some(made);
        }
    }
}

/// One side of a stream. In this order a packet touches two or three lines of the cache at each of both.
#[repr(C, align(64))]
pub struct Port {
    pub id: PortId,
    keys: Keys,
    /// SRTCP has `rtcp_keys`, and without them none.
    apart: bool,
    /// Seconds of the monotonic clock.
    pub last_activity: Option<f64>,
    /// Slot of the other side.
    pub peer: Option<u32>,
    pub transform: Transform,
    pub latching: bool,
    pub mux: bool,
    pub hand_over: bool,
    /// What may pass from here to the peer.
    pub forwards: bool,
    pub forwards_rtcp: bool,
    may_send: bool,
    may_receive: bool,
    /// A test wants to see what a panic does.
    pub breaks: bool,
    /// It broke down: nothing passes any more.
    pub broken: bool,
    pub rtp: Half,
    pub counters: Counters,
    pub rtcp: Half,
    rtcp_keys: Option<Box<Keys>>,
    pub filter: Option<Prefix>,
}

impl Port {
    /// Unjoined and closed.
    pub fn new(id: PortId, (rtp, rtcp): (OwnedFd, OwnedFd)) -> Port {
        Port {
            id,
            keys: Keys::default(),
            apart: false,
            last_activity: None,
            peer: None,
            transform: Transform::Closed,
            latching: false,
            mux: false,
            hand_over: false,
            forwards: false,
            forwards_rtcp: false,
            may_send: false,
            may_receive: false,
            breaks: false,
            broken: false,
            rtp: Half::new(rtp),
            counters: Counters::default(),
            rtcp: Half::new(rtcp),
            rtcp_keys: None,
            filter: None,
        }
    }

    /// Take over `leg`; the gates are worked out afterwards.
    pub fn apply(&mut self, leg: &Leg, limits: Limits, now: f64) {
        self.apply_keys(leg, limits, now);
        let latched = self.latching && leg.latching;
        self.transform = leg.transform;
        self.filter = leg.source;
        self.latching = leg.latching;
        self.mux = leg.rtcp_mux;
        self.hand_over = leg.hand_over;
        (self.may_send, self.may_receive) = (leg.may_send, leg.may_receive);
        // Nobody gets plain media sent to an address that it could not send from.
        let confined = if self.keys.receives { None } else { self.filter };
        for (half, remote) in [(&mut self.rtp, leg.remote), (&mut self.rtcp, leg.rtcp_remote)] {
            if !leg.latching {
                (half.source, half.destination, half.armed) = (remote, remote, false);
            } else if !latched || half.source.is_none() {
                half.source = None;
                half.destination = remote.filter(|to| confined.is_none_or(|prefix| prefix.contains(to.ip())));
            }
        }
    }

    fn apply_keys<'a>(&mut self, leg: &'a Leg, limits: Limits, now: f64) {
        let protected = leg.transform == Transform::Srtp;
        let used = |key: Option<&'a Crypto>| key.filter(|_| protected);
        self.keys.apply(used(leg.send.as_ref()), used(leg.receive.as_ref()), limits, now);
        self.apart = leg.rtcp_apart;
        if leg.rtcp_apart {
            let apart = self.rtcp_keys.get_or_insert_default();
            apart.apply(used(leg.rtcp_send.as_ref()), used(leg.rtcp_receive.as_ref()), limits, now);
        }
    }

    #[inline]
    fn keys(&mut self, rtcp: bool) -> &mut Keys {
        // RTP must not touch the line that those of SRTCP alone are on.
        if rtcp
            && self.apart
            && let Some(keys) = &mut self.rtcp_keys
        {
            return keys;
        }
        &mut self.keys
    }

    /// The key of what leaves; None: the leg has none.
    #[inline]
    pub fn sender(&mut self, rtcp: bool) -> Option<&mut Sender> {
        let keys = self.keys(rtcp);
        if keys.sends { keys.sender.as_deref_mut() } else { None }
    }

    /// The key of what arrives; None: the leg has none.
    #[inline]
    pub fn receiver(&mut self, rtcp: bool) -> Option<&mut Receiver> {
        let keys = self.keys(rtcp);
        if keys.receives { keys.receiver.as_deref_mut() } else { None }
    }

    /// Does nothing pass without a key?
    #[inline]
    pub fn locked(&self) -> bool {
        matches!(self.transform, Transform::Closed | Transform::Srtp)
    }

    #[inline]
    pub fn half(&mut self, rtcp: bool) -> &mut Half {
        if rtcp { &mut self.rtcp } else { &mut self.rtp }
    }

    #[inline]
    pub fn count(&mut self, reason: Reason) {
        self.counters.drops[reason as usize] += 1;
    }

    /// What may pass from here to the peer. A gate that is open one way keeps RTCP going both ways
    /// (RFC 3264 5.1); a closed one stops all.
    pub fn gates(&self, peer: &Port) -> (bool, bool) {
        if self.broken || peer.broken {
            return (false, false);
        }
        let both = (self.may_send || self.may_receive) && (peer.may_send || peer.may_receive);
        (self.may_receive && peer.may_send, both)
    }

    /// Let the next packet from elsewhere move the latch.
    pub fn arm(&mut self) {
        self.rtp.armed = true;
        self.rtcp.armed = true;
    }

    /// Nothing of the other side is left.
    pub fn unjoin(&mut self) {
        self.peer = None;
        (self.forwards, self.forwards_rtcp) = (false, false);
    }

    pub fn state(&self) -> PortState {
        let latched = |half: &Half| half.source.filter(|_| self.latching);
        PortState {
            counters: self.counters.clone(),
            source: latched(&self.rtp),
            rtcp_source: latched(&self.rtcp),
            last_activity: self.last_activity,
        }
    }
}
