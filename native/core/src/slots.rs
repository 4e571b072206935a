//! The places of a worker's ports, which the control side hands out, and how epoll names them.

use crate::port::Port;

#[derive(Default)]
pub struct Slots {
    ports: Vec<Option<Box<Port>>>,
    taken: usize,
}

impl Slots {
    #[inline]
    pub fn get(&mut self, slot: u32) -> Option<&mut Port> {
        self.ports.get_mut(slot as usize)?.as_deref_mut()
    }

    /// Two ports that are not the same.
    pub fn both(&mut self, one: u32, other: u32) -> Option<(&mut Port, &mut Port)> {
        match self.ports.get_disjoint_mut([one as usize, other as usize]) {
            Ok([Some(one), Some(other)]) => Some((one, other)),
            _ => None,
        }
    }

    pub fn put(&mut self, slot: u32, port: Box<Port>) {
        let slot = slot as usize;
        if slot >= self.ports.len() {
            self.ports.resize_with(slot + 1, || None);
        }
        self.ports[slot] = Some(port);
        self.taken += 1;
    }

    pub fn take(&mut self, slot: u32) -> Option<Box<Port>> {
        let port = self.ports.get_mut(slot as usize)?.take()?;
        self.taken -= 1;
        Some(port)
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// All, taken or not.
    pub fn range(&self) -> std::ops::Range<u32> {
        0..self.ports.len() as u32
    }
}

/// Names one socket towards epoll. The port's number tells a port from one that had its slot before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub slot: u32,
    pub rtcp: bool,
    number: u32,
}

impl Token {
    /// Belongs to no socket.
    pub const WAKE: u64 = u64::MAX;

    pub fn new(slot: u32, port: &Port, rtcp: bool) -> Token {
        Token { slot, rtcp, number: port.id as u32 }
    }

    pub fn to_u64(self) -> u64 {
        u64::from(self.number) << 32 | u64::from(self.slot) << 1 | u64::from(self.rtcp)
    }

    pub fn from_u64(data: u64) -> Token {
        let slot = (data & u64::from(u32::MAX)) >> 1;
        Token { slot: slot as u32, rtcp: data & 1 != 0, number: (data >> 32) as u32 }
    }

    #[inline]
    pub fn names(self, port: &Port) -> bool {
        self.number == port.id as u32
    }
}
