//! What a stream takes from the heap while it carries SRTP, and what it leaves when it is closed.

mod common;
mod heap;

use common::*;
use packet_engine::engine::Engine;
use packet_engine::leg::{Leg, Transform};
use packet_engine::srtp::{Crypto, MAX_TRAILER, Sender, Suite};

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
    let before = heap::held();
    streams.resize_with(64, stream);
    let each = (heap::held() - before) / 64;
    println!("{each} octets for each stream");
    assert!(each < 4096, "{each}");
    for stream in streams.drain(..) {
        engine.close(stream.access).unwrap();
        engine.close(stream.core).unwrap();
    }
    let left = heap::held().saturating_sub(before) / 64;
    assert!(left < 256, "{left}");
}
