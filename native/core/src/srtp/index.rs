//! Which packet a sequence number means, and which have been seen.

use crate::reason::Reason;

/// Index of the packet `sequence`, from the highest index so far (RFC 3711 3.3.1). There is nothing below
/// rollover counter 0, so far ahead it is then. None: beyond 2^48 packets, where the key must not be used.
#[inline]
pub(super) fn estimate(highest: u64, sequence: u16) -> Option<u64> {
    const MEDIAN: u16 = 0x8000;
    let (roc, last) = ((highest >> 16) as u32, highest as u16);
    let roc = if last < MEDIAN && sequence.saturating_sub(last) > MEDIAN {
        roc.saturating_sub(1)
    } else if last >= MEDIAN && last - MEDIAN > sequence {
        roc.checked_add(1)?
    } else {
        roc
    };
    Some(join(roc, sequence))
}

/// Index of a packet (RFC 3711 3.3.1).
pub(super) fn join(roc: u32, sequence: u16) -> u64 {
    u64::from(roc) << 16 | u64::from(sequence)
}

/// Replay window (RFC 3711 3.3.2): `check` before authentication, `accept` only after it, so that a forged
/// packet never moves it.
pub(super) struct Window {
    /// One above the highest index so far, 0 before the first.
    next: u64,
    /// Packets.
    size: u32,
    /// A bit for each index modulo their number, set for those seen of the last `size`.
    seen: Box<[u64]>,
}

impl Window {
    /// Nothing seen yet. size: packets.
    pub(super) fn new(size: usize) -> Window {
        Window { next: 0, size: size as u32, seen: vec![0; size.div_ceil(64)].into() }
    }

    /// Everything up to `highest` counts as seen: what of it was is not known.
    pub(super) fn after(size: usize, highest: u64) -> Window {
        Window { next: highest + 1, size: size as u32, seen: vec![u64::MAX; size.div_ceil(64)].into() }
    }

    /// None before the first.
    #[inline]
    pub(super) fn highest(&self) -> Option<u64> {
        self.next.checked_sub(1)
    }

    /// May a packet with this index be taken?
    #[inline]
    pub(super) fn check(&self, index: u64) -> Result<(), Reason> {
        if index >= self.next {
            return Ok(());
        }
        if self.next - 1 - index >= u64::from(self.size) {
            return Err(Reason::ReplayOld);
        }
        let (word, bit) = self.place(index);
        if self.seen[word] & bit != 0 { Err(Reason::Replay) } else { Ok(()) }
    }

    /// It was taken. `check` has allowed it.
    #[inline]
    pub(super) fn accept(&mut self, index: u64) {
        if index >= self.next {
            if index - self.next >= self.seen.len() as u64 * 64 {
                self.seen.fill(0);
            } else {
                for skipped in self.next..index {
                    let (word, bit) = self.place(skipped);
                    self.seen[word] &= !bit;
                }
            }
            self.next = index + 1;
        }
        let (word, bit) = self.place(index);
        self.seen[word] |= bit;
    }

    #[inline]
    fn place(&self, index: u64) -> (usize, u64) {
        ((index / 64) as usize % self.seen.len(), 1 << (index % 64))
    }
}
