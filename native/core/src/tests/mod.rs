//! A world without threads, under a clock of the test's own.

mod any_datagram;
mod pace;
mod panics;
mod standstill;

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::epoll;

use crate::engine::Counters;
use crate::leg::{Leg, Transform};
use crate::port::{Limits, Port};
use crate::queue::Queue;
use crate::slots::Token;
use crate::world::World;

const LIMITS: Limits = Limits { replay_window: 128, ssrcs: 64 };

/// A world of one worker. The first port is on slot 0.
struct Stage {
    world: World,
    queue: Arc<Queue>,
    ports: u32,
}

/// A port with somebody who sends to it. Loopback delivers before `send` returns.
struct Side {
    slot: u32,
    peer: UdpSocket,
    rtp: SocketAddr,
    rtcp: SocketAddr,
}

fn bound() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

impl Stage {
    fn new() -> Stage {
        let queue = Arc::new(Queue::new().unwrap());
        let epoll = Arc::new(epoll::create(epoll::CreateFlags::CLOEXEC).unwrap());
        Stage { world: World::new(LIMITS, queue.clone(), epoll), queue, ports: 0 }
    }

    /// A port with an open leg without protection.
    fn open(&mut self) -> Side {
        let (rtp, rtcp, peer) = (bound(), bound(), bound());
        let side =
            Side { slot: self.ports, rtp: rtp.local_addr().unwrap(), rtcp: rtcp.local_addr().unwrap(), peer };
        self.ports += 1;
        let port = Port::new(self.ports.into(), (OwnedFd::from(rtp), OwnedFd::from(rtcp)));
        self.world.insert(side.slot, Box::new(port));
        self.world.apply(side.slot, &side.plain(), 0.0);
        side
    }

    fn stream(&mut self) -> (Side, Side) {
        let (access, core) = (self.open(), self.open());
        self.world.join(access.slot, core.slot);
        (access, core)
    }

    /// As epoll would, for each datagram that is ready.
    fn serve(&mut self, side: &Side, rtcp: bool, now: f64) {
        let port = self.world.port(side.slot).unwrap();
        let token = Token::new(side.slot, port, rtcp);
        self.world.serve(Token::from_u64(token.to_u64()), now);
    }

    fn counters(&mut self, side: &Side) -> Counters {
        self.world.port(side.slot).unwrap().counters.clone()
    }
}

impl Side {
    fn plain(&self) -> Leg {
        let remote = Some(self.peer.local_addr().unwrap());
        Leg {
            transform: Transform::None,
            may_send: true,
            may_receive: true,
            remote,
            rtcp_remote: remote,
            ..Leg::default()
        }
    }

    fn sends(&self, packet: &[u8]) {
        self.peer.send_to(packet, self.rtp).unwrap();
    }

    /// What has arrived.
    fn received(&self) -> Vec<Vec<u8>> {
        let mut buffer = [0; 4096];
        std::iter::from_fn(|| self.peer.recv(&mut buffer).ok().map(|octets| buffer[..octets].to_vec()))
            .collect()
    }
}

fn rtp(sequence: u8) -> Vec<u8> {
    vec![0x80, 0, 0, sequence, 0, 0, 0, 0, 0, 0, 0, 1]
}

/// Is something to be read there?
fn readable(queue: &Queue) -> bool {
    use rustix::event::{PollFd, PollFlags, poll};
    let events = queue.events();
    let none = rustix::time::Timespec::try_from(Duration::ZERO).unwrap();
    poll(&mut [PollFd::new(&events, PollFlags::IN)], Some(&none)).unwrap() == 1
}

#[test]
fn tokens_go_through_epoll_unchanged() {
    let mut stage = Stage::new();
    let side = stage.open();
    let port = stage.world.port(side.slot).unwrap();
    for slot in [0, 1, 77_777, (1 << 31) - 2] {
        for rtcp in [false, true] {
            let token = Token::new(slot, port, rtcp);
            assert_eq!(Token::from_u64(token.to_u64()), token);
            assert_ne!(token.to_u64(), Token::WAKE);
        }
    }
}

#[test]
fn events_of_a_port_that_was_closed_name_nobody() {
    let mut stage = Stage::new();
    let side = stage.open();
    let token = Token::new(side.slot, stage.world.port(side.slot).unwrap(), false);
    stage.world.remove(side.slot).unwrap();
    stage.world.serve(token, 0.0);
    assert!(stage.world.remove(side.slot).is_none());
    let heir = Side { slot: 0, ..stage.open() };
    let port = stage.world.remove(1).unwrap();
    stage.world.insert(0, port);
    heir.sends(&rtp(1));
    stage.world.serve(token, 0.0);
    assert_eq!(stage.counters(&heir), Counters::default());
    stage.serve(&heir, false, 0.0);
    assert_ne!(stage.counters(&heir), Counters::default());
}
