//! The control side: where each port lives, and what is to come into force.

use std::collections::HashMap;
use std::io;
use std::mem;
use std::os::fd::OwnedFd;

use crate::engine::{Counters, EngineError, PortId};
use crate::leg::Leg;
use crate::port::Port;
use crate::worker::{Worker, monotonic};
use crate::world::World;

/// A change that waits for `commit`.
pub enum Edit {
    Leg(Box<Leg>),
    Join(PortId),
    Relatch,
}

/// Where a port lives.
#[derive(Clone, Copy)]
struct Place {
    worker: usize,
    slot: u32,
}

/// What only the control side knows. Empty after `stop`.
#[derive(Default)]
pub struct Control {
    workers: Vec<Worker>,
    places: HashMap<PortId, Place>,
    edits: Vec<(PortId, Edit)>,
    opened: PortId,
}

impl Control {
    pub fn new(workers: Vec<Worker>) -> Control {
        Control { workers, places: HashMap::new(), edits: Vec::new(), opened: 0 }
    }

    pub fn open(&mut self, pair: (OwnedFd, OwnedFd)) -> io::Result<PortId> {
        // By pairs: the two ports of a stream are opened one after the other, and need not move.
        let fewest = (0..self.workers.len()).min_by_key(|&worker| self.workers[worker].ports() / 2);
        let number = fewest.ok_or_else(|| io::Error::other("the engine was stopped"))?;
        let worker = &mut self.workers[number];
        let id = self.opened + 1;
        let port = Box::new(Port::new(id, pair));
        let slot = worker.take_slot();
        if let Err(error) = worker.watch(slot, &port) {
            worker.leave_slot(slot);
            return Err(error);
        }
        worker.insert(slot, port);
        self.opened = id;
        self.places.insert(id, Place { worker: number, slot });
        Ok(id)
    }

    pub fn close(&mut self, port: PortId) -> Result<Counters, EngineError> {
        self.commit();
        let place = self.place(port)?;
        self.places.remove(&port);
        let closed = self.take(place).ok_or(EngineError::NoPort)?;
        Ok(closed.counters)
    }

    pub fn queue(&mut self, port: PortId, edit: Edit) -> Result<(), EngineError> {
        self.place(port)?;
        if let Edit::Join(other) = edit {
            self.place(other)?;
        }
        self.edits.push((port, edit));
        Ok(())
    }

    /// Put all edits into force, those of one worker between two packets.
    pub fn commit(&mut self) {
        let edits = mem::take(&mut self.edits);
        for (one, edit) in &edits {
            if let Edit::Join(other) = edit {
                self.bring_together(*one, *other);
            }
        }
        for (number, worker) in self.workers.iter().enumerate() {
            let here = |port| self.places.get(port).filter(|place| place.worker == number);
            let mut own = edits.iter().filter_map(|(port, edit)| Some((here(port)?.slot, edit))).peekable();
            if own.peek().is_none() {
                continue;
            }
            let now = monotonic();
            worker.with(|world| {
                for (slot, edit) in own {
                    match edit {
                        Edit::Leg(leg) => world.apply(slot, leg, now),
                        Edit::Relatch => world.relatch(slot),
                        Edit::Join(other) => {
                            if let Some(other) = here(other) {
                                world.join(slot, other.slot);
                            }
                        }
                    }
                }
            });
        }
    }

    /// With everything so far in force.
    pub fn on<T>(&mut self, port: PortId, work: impl FnOnce(&mut Port) -> T) -> Result<T, EngineError> {
        self.commit();
        let place = self.place(port)?;
        let work = |world: &mut World| world.port(place.slot).map(work);
        self.workers[place.worker].with(work).ok_or(EngineError::NoPort)
    }

    fn place(&self, port: PortId) -> Result<Place, EngineError> {
        self.places.get(&port).copied().ok_or(EngineError::NoPort)
    }

    /// A stream lives on one worker: `other` moves to that of `one`. What arrives meanwhile waits.
    fn bring_together(&mut self, one: PortId, other: PortId) {
        let (Ok(to), Ok(from)) = (self.place(one), self.place(other)) else { return };
        if to.worker == from.worker {
            return;
        }
        let Some(port) = self.take(from) else { return };
        let worker = &mut self.workers[to.worker];
        let slot = worker.take_slot();
        let watched = worker.watch(slot, &port);
        worker.insert(slot, port);
        if let Err(error) = watched {
            worker.with(|world| world.fail(slot, &error.to_string()));
        }
        self.places.insert(other, Place { worker: to.worker, slot });
    }

    /// Take a port out of its worker.
    fn take(&mut self, place: Place) -> Option<Box<Port>> {
        let worker = &mut self.workers[place.worker];
        let port = worker.with(|world| world.remove(place.slot))?;
        worker.forget(&port);
        worker.leave_slot(place.slot);
        Some(port)
    }
}

impl Drop for Control {
    /// All threads end side by side.
    fn drop(&mut self) {
        self.workers.iter().for_each(Worker::stop);
    }
}
