//! Streams with SRTP on one side: keys, latches by authentication, rollover counters.

mod common;

use common::*;
use packet_engine::engine::{Engine, EngineError, Settings};
use packet_engine::leg::{Leg, Transform};
use packet_engine::reason::Reason;
use packet_engine::srtp::{Crypto, MAX_TRAILER, Receiver, Rollover, Sender, Suite};

fn key(octet: u8) -> Crypto {
    let suite = Suite::from_name("AES_CM_128_HMAC_SHA1_80").unwrap();
    Crypto::new(suite, &[octet; 30], 0).unwrap()
}

fn protect(sender: &mut Sender, packet: &[u8], rtcp: bool) -> Vec<u8> {
    let mut buffer = [packet, &[0; MAX_TRAILER]].concat();
    let octets = sender.protect(&mut buffer, packet.len(), rtcp).unwrap();
    buffer.truncate(octets);
    buffer
}

fn unprotect(receiver: &mut Receiver, mut packet: Vec<u8>, rtcp: bool) -> Vec<u8> {
    let octets = receiver.unprotect(&mut packet, rtcp, 0.0).unwrap();
    packet.truncate(octets);
    packet
}

/// SRTP towards the UE: key 1 leaves, key 2 arrives.
fn protected(stream: &Stream) -> Leg {
    let (send, receive) = (Some(key(1)), Some(key(2)));
    Leg { transform: Transform::Srtp, send, receive, latching: true, ..plain(&stream.ue) }
}

struct Ue {
    sender: Sender,
    receiver: Receiver,
}

impl Ue {
    fn new() -> Ue {
        Ue { sender: Sender::new(&key(2), 128, 8), receiver: Receiver::new(&key(1), 128, 8) }
    }
}

#[test]
fn both_ways() {
    let engine = Engine::start(SETTINGS).unwrap();
    let (stream, mut ue) = (Stream::new(&engine), Ue::new());
    stream.edit(&engine, protected(&stream), plain(&stream.far));
    for sequence in [1, 2, 40_000, 7_000] {
        let packet = rtp(sequence, &[5; 1000]);
        stream.ue_sends(&protect(&mut ue.sender, &packet, false));
        assert_eq!(received(&stream.far.rtp), packet);
        stream.far_sends(&packet);
        assert_eq!(unprotect(&mut ue.receiver, received(&stream.ue.rtp), false), packet);
    }
    stream.ue.rtcp.send_to(&protect(&mut ue.sender, &rtcp(), true), next(stream.to_access)).unwrap();
    assert_eq!(received(&stream.far.rtcp), rtcp());
    stream.far.rtcp.send_to(&rtcp(), next(stream.to_core)).unwrap();
    assert_eq!(unprotect(&mut ue.receiver, received(&stream.ue.rtcp), true), rtcp());
    let met = Rollover { ssrc: 2, roc: 1, sequence: Some(7_000), srtcp: None };
    let all = engine.rollovers(stream.access).unwrap();
    let rtp_alone: Vec<_> =
        all.iter().map(|(sends, one)| (*sends, Rollover { srtcp: None, ..*one })).collect();
    assert_eq!(rtp_alone, [(true, met), (false, met)]);
    let access = engine.state(stream.access).unwrap();
    assert_eq!((access.counters.packets, access.counters.octets), (4, 4 * (1012 + 10)));
    assert_eq!(access.rtcp_source, Some(stream.ue.rtcp.local_addr().unwrap()));
}

#[test]
fn only_what_authenticates_moves_the_latch() {
    let engine = Engine::start(SETTINGS).unwrap();
    let (stream, mut ue, moved) = (Stream::new(&engine), Ue::new(), Peer::new(LOOPBACK));
    stream.edit(&engine, protected(&stream), plain(&stream.far));
    let first = protect(&mut ue.sender, &rtp(1, b""), false);
    stream.ue_sends(&first);
    received(&stream.far.rtp);
    for forged in [&first[..], &rtp(2, &[0; 40]), &first[..21]] {
        moved.rtp.send_to(forged, stream.to_access).unwrap();
    }
    let all = [(Reason::Replay, 1), (Reason::Auth, 1), (Reason::Short, 1)];
    assert_eq!(dealt_with(&engine, stream.access, 4).drops, drops(&all));
    assert_eq!(engine.state(stream.access).unwrap().source, Some(stream.ue.address()));
    moved.rtp.send_to(&protect(&mut ue.sender, &rtp(2, b""), false), stream.to_access).unwrap();
    assert_eq!(received(&stream.far.rtp), rtp(2, b""));
    stream.far_sends(&rtp(1, b""));
    received(&moved.rtp);
    assert!(silent(&stream.ue.rtp));
}

#[test]
fn keys_that_change_stay_and_come_back() {
    let engine = Engine::start(SETTINGS).unwrap();
    let (stream, mut ue) = (Stream::new(&engine), Ue::new());
    let sent = |ue: &mut Ue, sequence| protect(&mut ue.sender, &rtp(sequence, b""), false);
    stream.edit(&engine, protected(&stream), plain(&stream.far));
    stream.ue_sends(&sent(&mut ue, 60_000));
    received(&stream.far.rtp);
    stream.ue_sends(&sent(&mut ue, 10));
    received(&stream.far.rtp);
    // An equal key goes on, over a transport without one too: the rollover counter stays at 1.
    stream.edit(&engine, plain(&stream.ue), plain(&stream.far));
    assert!(engine.rollovers(stream.access).unwrap().is_empty());
    stream.edit(&engine, protected(&stream), plain(&stream.far));
    stream.ue_sends(&sent(&mut ue, 11));
    assert_eq!(received(&stream.far.rtp), rtp(11, b""));
    // A new one: what is on its way under the old one still passes, until the first under the new one.
    let rekeyed = || Leg { send: Some(key(4)), receive: Some(key(3)), ..protected(&stream) };
    stream.edit(&engine, rekeyed(), plain(&stream.far));
    stream.ue_sends(&sent(&mut ue, 12));
    assert_eq!(received(&stream.far.rtp), rtp(12, b""));
    let mut new = Sender::new(&key(3), 128, 8);
    stream.ue_sends(&protect(&mut new, &rtp(1, b""), false));
    assert_eq!(received(&stream.far.rtp), rtp(1, b""));
    let counted = engine.state(stream.access).unwrap().counters;
    let mut expected = counted.drops;
    expected[Reason::Auth as usize] += 1;
    let late = sent(&mut ue, 13);
    stream.ue_sends(&late);
    let all = counted.packets + counted.rtcp + counted.drops.iter().sum::<u64>() + 1;
    assert_eq!(dealt_with(&engine, stream.access, all).drops, expected);
    // The change is taken back: both directions go on where they were, with rollover counter 1.
    stream.far_sends(&rtp(1, b""));
    received(&stream.ue.rtp);
    stream.edit(&engine, protected(&stream), plain(&stream.far));
    stream.ue_sends(&late);
    assert_eq!(received(&stream.far.rtp), rtp(13, b""));
    for (sends, expected) in [(true, None), (false, Some((1, Some(13))))] {
        let met = engine.rollovers(stream.access).unwrap();
        let found = met.iter().find(|one| one.0 == sends).map(|one| (one.1.roc, one.1.sequence));
        assert_eq!(found, expected);
    }
}

#[test]
fn a_missing_key_closes_its_direction() {
    let engine = Engine::start(SETTINGS).unwrap();
    let (stream, mut ue) = (Stream::new(&engine), Ue::new());
    stream.edit(&engine, Leg { receive: None, ..protected(&stream) }, plain(&stream.far));
    stream.ue_sends(&protect(&mut ue.sender, &rtp(1, b""), false));
    assert_eq!(dealt_with(&engine, stream.access, 1).drops, drops(&[(Reason::NoKey, 1)]));
    stream.edit(&engine, Leg { send: None, ..protected(&stream) }, plain(&stream.far));
    stream.far_sends(&rtp(1, b""));
    assert_eq!(dealt_with(&engine, stream.core, 1).drops, drops(&[(Reason::NoKey, 1)]));
    stream.edit(&engine, Leg { transform: Transform::Closed, ..protected(&stream) }, plain(&stream.far));
    stream.far_sends(&rtp(2, b""));
    assert_eq!(dealt_with(&engine, stream.core, 2).drops, drops(&[(Reason::NoKey, 2)]));
    assert!(silent(&stream.ue.rtp) && silent(&stream.far.rtp));
}

#[test]
fn a_stream_that_began_elsewhere() {
    let engine = Engine::start(Settings { ssrcs: 1, ..SETTINGS }).unwrap();
    let (stream, mut ue) = (Stream::new(&engine), Ue::new());
    let rollover = Rollover { ssrc: 2, roc: 7, sequence: Some(100), srtcp: Some(9) };
    ue.sender.set_rollover(rollover).unwrap();
    ue.receiver.set_rollover(rollover).unwrap();
    assert_eq!(engine.set_rollover(stream.access, true, rollover), Err(EngineError::NoKey));
    engine.edit(stream.access, protected(&stream)).unwrap();
    engine.edit(stream.core, plain(&stream.far)).unwrap();
    for sends in [false, true] {
        engine.set_rollover(stream.access, sends, rollover).unwrap();
        let other = Rollover { ssrc: 3, ..rollover };
        assert_eq!(engine.set_rollover(stream.access, sends, other), Err(EngineError::SsrcLimit));
    }
    assert_eq!(engine.rollovers(stream.access).unwrap(), [(true, rollover), (false, rollover)]);
    stream.ue_sends(&protect(&mut ue.sender, &rtp(101, b""), false));
    assert_eq!(received(&stream.far.rtp), rtp(101, b""));
    stream.far_sends(&rtp(101, b""));
    assert_eq!(unprotect(&mut ue.receiver, received(&stream.ue.rtp), false), rtp(101, b""));
}
