//! A thread that moves packets, and how the control side gets at what lives on it.

use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::epoll;
use rustix::io::Errno;
use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::pace::{Pace, REST};
use crate::port::{Limits, Port};
use crate::queue::Queue;
use crate::slots::Token;
use crate::sync::{Signal, lock};
use crate::world::{BATCH, World, text_of};

/// How long a worker with ports waits at most: shows a standstill, by far shorter than one.
const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };

/// Between a panic of the loop and its new start.
const RESTART: Duration = Duration::from_millis(100);

/// Seconds of the monotonic clock.
pub fn monotonic() -> f64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as f64 + now.tv_nsec as f64 * 1e-9
}

/// A worker thread, as the control side sees it. Joined when it is dropped.
pub struct Worker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// Slots that ports have left, of so many.
    free: Vec<u32>,
    slots: u32,
}

struct Shared {
    epoll: Arc<OwnedFd>,
    wake: Signal,
    stopping: AtomicBool,
    /// The control side waits for the world.
    wanted: AtomicBool,
    /// Held by the control side for as long as it waits for the world and has it: a mutex alone would let a
    /// worker that never rests take it again before anybody else wakes up.
    turnstile: Mutex<()>,
    world: Mutex<World>,
}

impl Worker {
    pub fn start(limits: Limits, queue: Arc<Queue>) -> io::Result<Worker> {
        let epoll = Arc::new(epoll::create(epoll::CreateFlags::CLOEXEC)?);
        let wake = Signal::new()?;
        epoll::add(&*epoll, &wake, epoll::EventData::new_u64(Token::WAKE), epoll::EventFlags::IN)?;
        let shared = Arc::new(Shared {
            wake,
            stopping: AtomicBool::new(false),
            wanted: AtomicBool::new(false),
            turnstile: Mutex::new(()),
            world: Mutex::new(World::new(limits, queue, epoll.clone())),
            epoll,
        });
        let own = shared.clone();
        let thread = thread::Builder::new().name("packets".to_owned()).spawn(move || own.run())?;
        Ok(Worker { shared, thread: Some(thread), free: Vec::new(), slots: 0 })
    }

    /// Have the world to oneself, between two packets.
    pub fn with<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        let _turn = lock(&self.shared.turnstile);
        self.shared.wanted.store(true, Ordering::Relaxed);
        let mut world = lock(&self.shared.world);
        self.shared.wanted.store(false, Ordering::Relaxed);
        work(&mut world)
    }

    /// Ports with a slot.
    pub fn ports(&self) -> usize {
        self.slots as usize - self.free.len()
    }

    pub fn take_slot(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.slots += 1;
            self.slots - 1
        })
    }

    /// Of a port that the world has given back.
    pub fn leave_slot(&mut self, slot: u32) {
        self.free.push(slot);
    }

    /// Have the events of a port that the world is to get at once.
    pub fn watch(&self, slot: u32, port: &Port) -> io::Result<()> {
        for (half, rtcp) in [(&port.rtp, false), (&port.rtcp, true)] {
            let data = epoll::EventData::new_u64(Token::new(slot, port, rtcp).to_u64());
            epoll::add(&*self.shared.epoll, &half.socket, data, epoll::EventFlags::IN)?;
        }
        Ok(())
    }

    /// Let `port` live here.
    pub fn insert(&self, slot: u32, port: Box<Port>) {
        let first = self.with(|world| {
            world.insert(slot, port);
            world.ports() == 1
        });
        if first {
            self.shared.wake.raise(); // without ports it waits for ever
        }
    }

    /// Have no more events of a port.
    pub fn forget(&self, port: &Port) {
        for half in [&port.rtp, &port.rtcp] {
            // It fails for a port that broke down: there are none already.
            let _ = epoll::delete(&*self.shared.epoll, &half.socket);
        }
    }

    /// The thread ends after the packet that it works on.
    pub fn stop(&self) {
        self.shared.stopping.store(true, Ordering::Release);
        self.shared.wake.raise();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // its panics have been reported
        }
    }
}

impl Shared {
    fn run(&self) {
        while let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.rounds())) {
            let text = text_of(&*panic);
            let _ = catch_unwind(AssertUnwindSafe(|| self.enter().fail_all(&text)));
            thread::sleep(RESTART);
        }
    }

    fn rounds(&self) {
        let none = epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) };
        let mut events = [none; BATCH];
        let mut timed = false;
        let mut pace = Pace::default();
        while !self.stopping.load(Ordering::Acquire) {
            let ready = match epoll::wait(&*self.epoll, &mut events, timed.then_some(&TICK)) {
                Ok(ready) => ready,
                Err(Errno::INTR) => continue,
                Err(error) => panic!("epoll: {error}"),
            };
            let now = monotonic();
            timed = self.round(&events[..ready], now, timed);
            if pace.rests(now, ready) {
                thread::sleep(REST);
            }
        }
    }

    /// Serve what is ready. Are there ports, so that the next wait has to end in time?
    fn round(&self, ready: &[epoll::Event], now: f64, timed: bool) -> bool {
        let mut world = self.enter();
        world.begin(now, timed);
        for event in ready {
            if self.wanted.load(Ordering::Relaxed) {
                drop(world);
                world = self.enter();
            }
            match event.data.u64() {
                Token::WAKE => self.wake.lower(),
                token => world.serve(Token::from_u64(token), now),
            }
        }
        world.end(ready.len());
        world.ports() > 0
    }

    /// Take the world, after the control side.
    fn enter(&self) -> MutexGuard<'_, World> {
        if self.wanted.load(Ordering::Relaxed) {
            drop(lock(&self.turnstile));
        }
        lock(&self.world)
    }
}
