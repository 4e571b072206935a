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
        let size = size.max(1);
        Window { next: 0, size: size as u32, seen: vec![0; size.div_ceil(64)].into() }
    }

    /// Everything up to `highest` counts as seen: what of it was is not known.
    pub(super) fn after(size: usize, highest: u64) -> Window {
        let mut window = Window::new(size);
        window.next = highest + 1;
        window.seen.fill(u64::MAX);
        window
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// The largest window of the configuration.
    const LARGEST: usize = 0x7FFF;

    #[test]
    fn below_rollover_counter_0_there_is_nothing() {
        assert_eq!(estimate(100, 65535), Some(65535));
        assert_eq!(estimate(32767, 65535), Some(65535));
        assert_eq!(estimate(1 << 16 | 100, 65535), Some(65535));
    }

    #[test]
    fn half_way_round_goes_as_rfc3711_appendix_a_has_it() {
        assert_eq!(estimate(5 << 16 | 100, 32868), Some(5 << 16 | 32868));
        assert_eq!(estimate(5 << 16 | 100, 32869), Some(4 << 16 | 32869));
        assert_eq!(estimate(5 << 16 | 40000, 7232), Some(5 << 16 | 7232));
        assert_eq!(estimate(5 << 16 | 40000, 7231), Some(6 << 16 | 7231));
    }

    #[test]
    fn a_key_ends_with_its_last_index() {
        let last = (1 << 48) - 1;
        assert_eq!(estimate(last, 65535), Some(last));
        assert_eq!(estimate(last, 0), None);
    }

    #[test]
    fn what_is_not_known_counts_as_seen() {
        let mut window = Window::after(128, 1000);
        assert_eq!(window.highest(), Some(1000));
        assert_eq!(window.check(1000), Err(Reason::Replay));
        assert_eq!(window.check(873), Err(Reason::Replay));
        assert_eq!(window.check(872), Err(Reason::ReplayOld));
        window.accept(1002);
        assert_eq!(window.check(1001), Ok(()));
        assert_eq!(window.check(1000), Err(Reason::Replay));
    }

    /// The window as a set.
    #[derive(Default)]
    struct Model {
        seen: BTreeSet<u64>,
        size: u64,
    }

    impl Model {
        fn check(&self, index: u64) -> Result<(), Reason> {
            match self.seen.last() {
                Some(highest) if index + self.size <= *highest => Err(Reason::ReplayOld),
                _ if self.seen.contains(&index) => Err(Reason::Replay),
                _ => Ok(()),
            }
        }
    }

    fn steps(size: usize) -> impl Strategy<Value = Vec<i64>> {
        let size = size as i64;
        let step = prop_oneof![
            5 => -3..=3i64,
            3 => -size - 2..=size + 2,
            1 => (0..=3i64).prop_map(move |more| size - 1 + more),
            1 => (0..=3i64).prop_map(move |more| 1 - size - more),
            1 => 0..=1i64 << 40,
        ];
        prop::collection::vec(step, 1..400)
    }

    proptest! {
        #[test]
        fn an_index_within_half_a_round_is_found(highest in 0..1u64 << 48, ahead in -32767..=32767i64) {
            let index = highest.saturating_add_signed(ahead).min((1 << 48) - 1);
            prop_assert_eq!(estimate(highest, index as u16), Some(index));
        }

        #[test]
        fn the_window_is_a_set(
            (size, steps) in prop_oneof![Just(1), Just(64), Just(128), 1..300usize, Just(LARGEST)]
                .prop_flat_map(|size| (Just(size), steps(size)))
        ) {
            let mut model = Model { size: size as u64, ..Model::default() };
            let mut window = Window::new(size);
            let mut index = 1u64 << 20;
            for step in steps {
                index = index.saturating_add_signed(step);
                let expected = model.check(index);
                prop_assert_eq!(window.check(index), expected);
                if expected.is_ok() {
                    model.seen.insert(index);
                    window.accept(index);
                }
                prop_assert_eq!(window.highest(), model.seen.last().copied());
            }
        }
    }
}
