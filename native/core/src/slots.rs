//! The places of a worker's ports. The control side hands them out.

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
