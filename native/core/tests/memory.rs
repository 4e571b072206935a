//! What a stream takes from the heap while it carries SRTP, and what it leaves when it is closed.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use common::*;
use packet_engine::engine::Engine;
use packet_engine::leg::{Leg, Transform};
use packet_engine::srtp::{Crypto, MAX_TRAILER, Sender, Suite};

/// Octets on the heap, of all threads.
static HEAP: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HEAP.fetch_add(layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HEAP.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_stream_is_small_and_leaves_nothing() {
    let engine = Engine::start(SETTINGS).unwrap();
    let suite = Suite::from_name("AES_CM_128_HMAC_SHA1_80").unwrap();
    let crypto = Crypto::new(suite, &[1; 30], 0).unwrap();
    let mut packet = [rtp(1, b"payload"), vec![0; MAX_TRAILER]].concat();
    let octets = Sender::new(&crypto, 128, 1).protect(&mut packet, 19, false).unwrap();
    let mut streams = Vec::with_capacity(64);
    let stream = || {
        let stream = Stream::new(&engine);
        let (send, receive) = (Some(crypto.clone()), Some(crypto.clone()));
        let access = Leg { transform: Transform::Srtp, send, receive, ..plain(&stream.ue) };
        stream.edit(&engine, access, plain(&stream.far));
        stream.ue_sends(&packet[..octets]);
        received(&stream.far.rtp);
        stream.far_sends(&rtp(1, &[]));
        received(&stream.ue.rtp);
        stream
    };
    drop(stream()); // what the first one needs for all
    let before = HEAP.load(Relaxed);
    streams.resize_with(64, stream);
    let each = (HEAP.load(Relaxed) - before) / 64;
    println!("{each} octets for each stream");
    assert!(each < 4096, "{each}");
    for stream in streams.drain(..) {
        engine.close(stream.access).unwrap();
        engine.close(stream.core).unwrap();
    }
    let left = HEAP.load(Relaxed).saturating_sub(before) / 64;
    assert!(left < 256, "{left}");
}
