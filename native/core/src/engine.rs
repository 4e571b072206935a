//! What the process calls: ports, edits in batches, counters, what was handed over.

use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex};

use crate::control::{Control, Edit};
use crate::leg::Leg;
use crate::port::Limits;
use crate::queue::Queue;
use crate::reason::REASONS;
use crate::socket;
use crate::srtp::Rollover;
use crate::sync::lock;
use crate::worker::Worker;

/// An open port; never used again for another one.
pub type PortId = u64;

/// How the engine is made.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Threads that move packets.
    pub workers: usize,
    /// Packets (RFC 3711 3.3.2).
    pub replay_window: usize,
    /// SSRCs of one key and direction.
    pub ssrcs: usize,
}

/// `Counters` of the contract.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// RTP packets forwarded.
    pub packets: u64,
    /// Their octets as they came.
    pub octets: u64,
    /// RTCP packets forwarded.
    pub rtcp: u64,
    /// Datagrams handed over to Python.
    pub handed_over: u64,
    /// By reason.
    pub drops: [u64; REASONS],
}

/// `PortState` of the contract.
#[derive(Clone, Debug)]
pub struct PortState {
    /// Counted so far.
    pub counters: Counters,
    /// Latched address of RTP.
    pub source: Option<SocketAddr>,
    /// Latched address of RTCP.
    pub rtcp_source: Option<SocketAddr>,
    /// Seconds of the monotonic clock.
    pub last_activity: Option<f64>,
}

/// `Datagram` of the contract.
#[derive(Clone, Debug)]
pub struct Datagram {
    /// Where it arrived, or leaves.
    pub port: PortId,
    /// Where it came from, or goes to.
    pub address: SocketAddr,
    /// Its octets.
    pub data: Vec<u8>,
    /// Of the socket on the odd number.
    pub rtcp: bool,
}

/// `Failure` of the contract.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The port over which it broke down.
    pub port: PortId,
    /// What the panic said.
    pub text: String,
}

/// Why a call on a port could not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineError {
    /// No port of this number is open.
    NoPort,
    /// No key for this direction.
    NoKey,
    /// One key has met as many SSRCs as it may.
    SsrcLimit,
}

/// Worker threads with the ports that live on them. All calls come from one thread at a time.
pub struct Engine {
    queue: Arc<Queue>,
    control: Mutex<Control>,
}

impl Engine {
    /// Start the worker threads.
    pub fn start(settings: Settings) -> io::Result<Engine> {
        let queue = Arc::new(Queue::new()?);
        let limits = Limits { replay_window: settings.replay_window, ssrcs: settings.ssrcs };
        let workers = (0..settings.workers.max(1)).map(|_| Worker::start(limits, queue.clone()));
        let control = Control::new(workers.collect::<io::Result<_>>()?);
        Ok(Engine { queue, control: Mutex::new(control) })
    }

    /// Bind `port` and the next one.
    pub fn open(&self, address: IpAddr, port: u16, dscp: u8) -> io::Result<PortId> {
        let pair = socket::open_pair(address, port, dscp)?;
        lock(&self.control).open(pair)
    }

    /// Replace the leg with the next `commit`.
    pub fn edit(&self, port: PortId, leg: Leg) -> Result<(), EngineError> {
        lock(&self.control).queue(port, Edit::Leg(Box::new(leg)))
    }

    /// Make both ports the two sides of a stream with the next `commit`.
    pub fn join(&self, one: PortId, other: PortId) -> Result<(), EngineError> {
        lock(&self.control).queue(one, Edit::Join(other))
    }

    /// Let the next packet from elsewhere move the latch once more, with the next `commit`.
    pub fn relatch(&self, port: PortId) -> Result<(), EngineError> {
        lock(&self.control).queue(port, Edit::Relatch)
    }

    /// Put all edits so far into force, those of one worker between two packets.
    pub fn commit(&self) {
        lock(&self.control).commit();
    }

    /// Close both sockets; the last count.
    pub fn close(&self, port: PortId) -> Result<Counters, EngineError> {
        lock(&self.control).close(port)
    }

    /// What is known of a port, while packets go on.
    pub fn state(&self, port: PortId) -> Result<PortState, EngineError> {
        lock(&self.control).on(port, |port| port.state())
    }

    /// Every SSRC of the port's present keys; true: of the direction that leaves.
    pub fn rollovers(&self, port: PortId) -> Result<Vec<(bool, Rollover)>, EngineError> {
        lock(&self.control).on(port, |port| {
            let mut met = Vec::new();
            if let Some(sender) = port.sender(false) {
                met.extend(sender.rollovers().map(|one| (true, one)));
            }
            if let Some(receiver) = port.receiver(false) {
                met.extend(receiver.rollovers().map(|one| (false, one)));
            }
            met
        })
    }

    /// Go on from there; `sends`: the direction that leaves.
    pub fn set_rollover(&self, port: PortId, sends: bool, rollover: Rollover) -> Result<(), EngineError> {
        lock(&self.control).on(port, |port| {
            let set = if sends {
                port.sender(false).map(|sender| sender.set_rollover(rollover))
            } else {
                port.receiver(false).map(|receiver| receiver.set_rollover(rollover))
            };
            set.ok_or(EngineError::NoKey)?.map_err(|_| EngineError::SsrcLimit)
        })?
    }

    /// Readable when `drain` or `failures` have something; reading them takes the readiness away.
    pub fn events(&self) -> BorrowedFd<'_> {
        self.queue.events()
    }

    /// Datagrams handed over since the last call, the oldest first.
    pub fn drain(&self) -> Vec<Datagram> {
        self.queue.drain()
    }

    /// Ports that broke down since the last call.
    pub fn failures(&self) -> Vec<Failure> {
        self.queue.failures()
    }

    /// Send from the port's own socket. What cannot be sent is lost.
    pub fn send(&self, datagram: &Datagram) {
        let _ = lock(&self.control).on(datagram.port, |port| {
            let socket = &port.half(datagram.rtcp).socket;
            let _ = socket::send(socket, &datagram.data, &datagram.address);
        });
    }

    /// Panic at the next packet of this port: proves, in tests, what happens then.
    pub fn break_at_next_packet(&self, port: PortId) -> Result<(), EngineError> {
        lock(&self.control).on(port, |port| port.breaks = true)
    }

    /// Close every port and end the threads.
    pub fn stop(&self) {
        drop(mem::take(&mut *lock(&self.control)));
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}
