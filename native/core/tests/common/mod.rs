//! An engine with real sockets on both sides of it. Ports are whatever is free.
#![allow(dead_code, reason = "not every test needs all of it")]

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use packet_engine::engine::{Counters, Engine, PortId, Settings};
use packet_engine::leg::{Leg, Transform};
use packet_engine::reason::{REASONS, Reason};

/// Only a test that fails waits so long.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Where peers are.
pub const LOOPBACK: &str = "127.0.0.1";

/// Where streams have their ports: no peer takes one of them once it is free again.
pub const GATEWAY: &str = "127.0.0.2";

/// Settings of tests that do not look at them.
pub const SETTINGS: Settings = Settings { workers: 2, replay_window: 128, ssrcs: 64 };

pub fn rtp(sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 0, 1, 0, 0, 0, 2]);
    packet.extend(payload);
    packet
}

pub fn rtcp() -> Vec<u8> {
    vec![0x80, 201, 0, 1, 0, 0, 0, 2]
}

/// Somebody who sends and receives media.
pub struct Peer {
    pub rtp: UdpSocket,
    pub rtcp: UdpSocket,
}

impl Peer {
    pub fn new(host: &str) -> Peer {
        let bound = || {
            let socket = UdpSocket::bind((host, 0)).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket
        };
        Peer { rtp: bound(), rtcp: bound() }
    }

    pub fn address(&self) -> SocketAddr {
        self.rtp.local_addr().unwrap()
    }
}

/// What arrives next.
pub fn received(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = [0; 4096];
    let (octets, _) = socket.recv_from(&mut buffer).unwrap();
    buffer[..octets].to_vec()
}

/// Has nothing arrived?
pub fn silent(socket: &UdpSocket) -> bool {
    socket.set_nonblocking(true).unwrap();
    let nothing = socket.recv_from(&mut [0; 4096]).is_err();
    socket.set_nonblocking(false).unwrap();
    nothing
}

/// An open port on a number that was free, and that number.
pub fn open(engine: &Engine, host: &str) -> (PortId, SocketAddr) {
    let ip: IpAddr = host.parse().unwrap();
    for _ in 0..1000 {
        let free = UdpSocket::bind((ip, 0)).unwrap().local_addr().unwrap().port() & !1;
        if let Ok(port) = engine.open(ip, free, 0) {
            return (port, SocketAddr::new(ip, free));
        }
    }
    panic!("no free ports");
}

/// The address of RTCP that belongs to one of RTP.
pub fn next(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port() + 1)
}

/// An open leg without protection.
pub fn plain(peer: &Peer) -> Leg {
    Leg {
        transform: Transform::None,
        may_send: true,
        may_receive: true,
        remote: Some(peer.address()),
        rtcp_remote: Some(peer.rtcp.local_addr().unwrap()),
        ..Leg::default()
    }
}

/// A stream between two peers.
pub struct Stream {
    pub access: PortId,
    pub core: PortId,
    pub to_access: SocketAddr,
    pub to_core: SocketAddr,
    pub ue: Peer,
    pub far: Peer,
}

impl Stream {
    /// Open, joined and closed to media.
    pub fn new(engine: &Engine) -> Stream {
        let (access, to_access) = open(engine, GATEWAY);
        let (core, to_core) = open(engine, GATEWAY);
        engine.join(access, core).unwrap();
        Stream { access, core, to_access, to_core, ue: Peer::new(LOOPBACK), far: Peer::new(LOOPBACK) }
    }

    /// Relaying both ways.
    pub fn plain(engine: &Engine) -> Stream {
        let stream = Stream::new(engine);
        stream.edit(engine, plain(&stream.ue), plain(&stream.far));
        stream
    }

    pub fn edit(&self, engine: &Engine, access: Leg, core: Leg) {
        engine.edit(self.access, access).unwrap();
        engine.edit(self.core, core).unwrap();
        engine.commit();
    }

    pub fn ue_sends(&self, packet: &[u8]) {
        self.ue.rtp.send_to(packet, self.to_access).unwrap();
    }

    pub fn far_sends(&self, packet: &[u8]) {
        self.far.rtp.send_to(packet, self.to_core).unwrap();
    }
}

/// Datagrams that were dealt with in some way.
pub fn counted(counters: &Counters) -> u64 {
    counters.packets + counters.rtcp + counters.handed_over + counters.drops.iter().sum::<u64>()
}

/// The counters of a port as soon as it has dealt with `count` datagrams.
pub fn dealt_with(engine: &Engine, port: PortId, count: u64) -> Counters {
    until(|| Some(engine.state(port).unwrap().counters).filter(|counters| counted(counters) >= count))
}

/// What comes to be, at last.
pub fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "it did not come to be");
        thread::yield_now();
    }
}

/// Drops of these reasons alone.
pub fn drops(expected: &[(Reason, u64)]) -> [u64; REASONS] {
    let mut drops = [0; REASONS];
    for &(reason, count) in expected {
        drops[reason as usize] = count;
    }
    drops
}
