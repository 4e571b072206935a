//! What SRTP takes from the heap: a bounded amount for each key and SSRC, nothing for a packet.

mod packets;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use packet_engine::srtp::{Receiver, Sender, Suite};
use packets::*;

thread_local! {
    /// Octets that this thread took from the heap, less those that it gave back.
    static HELD: Cell<isize> = const { Cell::new(0) };
    /// How often this thread has asked for some.
    static ASKED: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.set(HELD.get() + layout.size() as isize);
        ASKED.set(ASKED.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.set(HELD.get() - layout.size() as isize);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Send and receive packet after packet in one buffer, RTP and RTCP.
fn exchange(
    sender: &mut Sender,
    receiver: &mut Receiver,
    buffer: &mut [u8],
    sequences: std::ops::Range<u16>,
) {
    for sequence in sequences {
        for (head, rtcp) in [([0x80, 0], false), ([0x80, 201], true)] {
            buffer[..2].copy_from_slice(&head);
            buffer[2..4].copy_from_slice(&sequence.to_be_bytes());
            let octets = sender.protect(buffer, 172, rtcp).unwrap();
            assert_eq!(receiver.unprotect(&mut buffer[..octets], rtcp, 0.0), Ok(172));
        }
    }
}

#[test]
fn a_leg_takes_little_and_its_packets_nothing() {
    for suite in Suite::ALL {
        let before = HELD.get();
        let crypto = crypto(suite, 1);
        let mut sender = Sender::new(&crypto, WINDOW, SSRCS);
        let mut receiver = Receiver::new(&crypto, WINDOW, SSRCS);
        let mut buffer = [0; 192];
        exchange(&mut sender, &mut receiver, &mut buffer, 1..2);
        let inline = size_of::<Sender>() + size_of::<Receiver>();
        let octets = inline + (HELD.get() - before) as usize;
        let most = if suite == Suite::AesCm128Sha1_80 { 1640 } else { 2400 };
        assert!(octets <= most, "{}: {octets}", suite.name());

        let asked = ASKED.get();
        exchange(&mut sender, &mut receiver, &mut buffer, 2..200);
        assert_eq!(ASKED.get(), asked);
        drop((sender, receiver, crypto));
        assert_eq!(HELD.get(), before);
    }
}

#[test]
fn forged_packets_take_nothing() {
    for suite in Suite::ALL {
        let mut receiver = receiver(suite);
        let mut forged = [rtp(SSRC, 1), vec![0; 40]].concat();
        let asked = ASKED.get();
        for ssrc in 0..1000u32 {
            for (at, rtcp) in [(8, false), (4, true)] {
                forged[at..at + 4].copy_from_slice(&ssrc.to_be_bytes());
                assert!(receiver.unprotect(&mut forged, rtcp, 0.0).is_err());
            }
        }
        assert_eq!(ASKED.get(), asked);
    }
}
