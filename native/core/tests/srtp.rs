//! SRTP as a leg uses it: indices, windows, limits, keys that follow each other, refusals.

mod packets;

use packet_engine::reason::Reason;
use packet_engine::srtp::{BadKey, Crypto, MAX_TRAILER, OLD_KEY_SECONDS, Receiver, Rollover, Sender, Suite};
use packets::*;

const SUITE: Suite = Suite::AesCm128Sha1_80;

#[test]
fn suites_are_known_by_their_names_in_sdp() {
    for suite in Suite::ALL {
        assert_eq!(Suite::from_name(suite.name()), Some(suite));
    }
    assert_eq!(Suite::from_name("AES_CM_128_HMAC_SHA1_80"), Some(SUITE));
    assert_eq!(Suite::from_name("F8_128_HMAC_SHA1_80"), None);
}

#[test]
fn a_key_has_its_length_and_its_suite_and_prints_without_itself() {
    for suite in Suite::ALL {
        let octets = suite.key() + suite.salt();
        let key: Vec<u8> = (100..).take(octets).collect();
        let crypto = Crypto::new(suite, &key, 4).unwrap();
        assert_eq!(format!("{crypto:?}"), format!("<key, {octets} bytes>"));
        assert_eq!(crypto, crypto.clone());
        assert_ne!(crypto, Crypto::new(suite, &key, 0).unwrap());
        for place in 0..octets {
            let mut other = key.clone();
            other[place] ^= 1;
            assert_ne!(crypto, Crypto::new(suite, &other, 4).unwrap());
        }
        assert_eq!(Crypto::new(suite, &key[1..], 0), Err(BadKey));
        assert_eq!(Crypto::new(suite, &[&key[..], &[0]].concat(), 0), Err(BadKey));
        assert!(Crypto::new(suite, &key, 128).is_ok());
        assert_eq!(Crypto::new(suite, &key, 129), Err(BadKey));
    }
    assert_ne!(crypto(Suite::AesCm128Sha1_80, 1), crypto(Suite::AesCm128Sha1_32, 1));
}

#[test]
fn the_rollover_counter_goes_on_when_packets_are_reordered_over_the_wrap() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = (sender(suite), receiver(suite));
        let sequences = [65533, 65535, 1, 65534, 0, 3, 2, 65532];
        for round in 0..3 {
            for sequence in sequences {
                let packet = rtp(SSRC, sequence);
                let protected = protect(&mut sender, &packet, false).unwrap();
                assert_eq!(unprotect(&mut receiver, &protected, false), Ok(packet));
                assert_eq!(unprotect(&mut receiver, &protected, false), Err(Reason::Replay));
            }
            for half in [20000, 40000] {
                let protected = protect(&mut sender, &rtp(SSRC, half), false).unwrap();
                unprotect(&mut receiver, &protected, false).unwrap();
            }
            assert_eq!(receiver.rollovers().next().unwrap().roc, round + 1);
        }
        assert!(sender.rollovers().eq(receiver.rollovers()));
    }
}

#[test]
fn a_window_ends_where_it_is_set_to_end() {
    for window in [64, 100, 128, 1024, 0x7FFF] {
        let size = window as u16;
        let crypto = crypto(SUITE, 1);
        let receiver = || Receiver::new(&crypto, window, 1);
        // An index at a time, from a sender of its own: it need not look back.
        let sent = |sequence: u16| {
            protect(&mut Sender::new(&crypto, window, 1), &rtp(SSRC, sequence), false).unwrap()
        };
        let top = 60000;
        let mut known = receiver();
        unprotect(&mut known, &sent(top), false).unwrap();
        assert_eq!(unprotect(&mut known, &sent(top - size), false), Err(Reason::ReplayOld));
        assert_eq!(unprotect(&mut known, &sent(top), false), Err(Reason::Replay));
        unprotect(&mut known, &sent(top - size + 1), false).unwrap();
        assert_eq!(unprotect(&mut known, &sent(top - size + 1), false), Err(Reason::Replay));
        unprotect(&mut known, &sent(top + 1), false).unwrap();
        assert_eq!(unprotect(&mut known, &sent(top - size + 1), false), Err(Reason::ReplayOld));
        assert_eq!(unprotect(&mut known, &sent(top), false), Err(Reason::Replay));

        let mut sender = Sender::new(&crypto, window, 1);
        protect(&mut sender, &rtp(SSRC, top), false).unwrap();
        assert_eq!(protect(&mut sender, &rtp(SSRC, top - size), false), Err(Reason::ReplayOld));
        protect(&mut sender, &rtp(SSRC, top - size + 1), false).unwrap();
        assert_eq!(protect(&mut sender, &rtp(SSRC, top - size + 1), false), Err(Reason::Replay));
        assert_eq!(protect(&mut sender, &rtp(SSRC, top), false), Err(Reason::Replay));
    }
}

#[test]
fn rtcp_has_a_window_of_its_own() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = (sender(suite), receiver(suite));
        let sent: Vec<_> = (0..=WINDOW).map(|_| protect(&mut sender, &rtcp(SSRC), true).unwrap()).collect();
        assert_eq!(unprotect(&mut receiver, &sent[WINDOW], true), Ok(rtcp(SSRC)));
        assert_eq!(unprotect(&mut receiver, &sent[0], true), Err(Reason::ReplayOld));
        assert_eq!(unprotect(&mut receiver, &sent[1], true), Ok(rtcp(SSRC)));
        assert_eq!(unprotect(&mut receiver, &sent[1], true), Err(Reason::Replay));
        let rtp = protect(&mut sender, &rtp(SSRC, 1), false).unwrap();
        assert!(unprotect(&mut receiver, &rtp, false).is_ok());
        let met = Rollover { ssrc: SSRC, roc: 0, sequence: Some(1), srtcp: Some(WINDOW as u32 + 1) };
        assert!(receiver.rollovers().eq([met]));
        assert!(sender.rollovers().eq([met]));
    }
}

#[test]
fn only_packets_that_pass_take_the_place_of_an_ssrc() {
    let crypto = crypto(SUITE, 1);
    let (mut sender, mut receiver) = (Sender::new(&crypto, WINDOW, 2), Receiver::new(&crypto, WINDOW, 2));
    for ssrc in 10..20 {
        let mut malformed = rtp(ssrc, 1);
        malformed[0] |= 0x0F;
        assert_eq!(protect(&mut sender, &malformed, false), Err(Reason::Malformed));
        let forged = [rtp(ssrc, 1), vec![0; 10]].concat();
        assert_eq!(unprotect(&mut receiver, &forged, false), Err(Reason::Auth));
    }
    for packet in [rtp(1, 1), rtp(2, 1), rtp(1, 2)] {
        let protected = protect(&mut sender, &packet, false).unwrap();
        assert_eq!(unprotect(&mut receiver, &protected, false), Ok(packet));
    }
    assert_eq!(protect(&mut sender, &rtp(3, 1), false), Err(Reason::SsrcLimit));
    assert_eq!(protect(&mut sender, &rtcp(3), true), Err(Reason::SsrcLimit));
    let protected = protect(&mut Sender::new(&crypto, WINDOW, 1), &rtp(3, 1), false).unwrap();
    assert_eq!(unprotect(&mut receiver, &protected, false), Err(Reason::SsrcLimit));
    let rollover = Rollover { ssrc: 3, roc: 1, sequence: None, srtcp: None };
    assert_eq!(sender.set_rollover(rollover), Err(Reason::SsrcLimit));
    assert_eq!(receiver.set_rollover(rollover), Err(Reason::SsrcLimit));
    assert!(protect(&mut sender, &rtcp(2), true).is_ok());
}

#[test]
fn the_mki_of_every_suite_is_cut_off() {
    for suite in Suite::ALL {
        for octets in [1, 4, 128] {
            let mut sender = sender(suite);
            let mut receiver = Receiver::new(&with_mki(suite, 1, octets), WINDOW, 1);
            for (packet, is_rtcp) in [(rtp(SSRC, 1), false), (rtcp(SSRC), true)] {
                let protected = protect(&mut sender, &packet, is_rtcp).unwrap();
                let mki = insert_mki(suite, &protected, is_rtcp, octets);
                let header = if is_rtcp { 8 } else { 12 };
                let shortest = header + protected.len() - packet.len() + octets;
                let short = &mki[..shortest - 1];
                assert_eq!(unprotect(&mut receiver, short, is_rtcp), Err(Reason::Short));
                let mut forged = mki.clone();
                forged[header] ^= 1;
                assert_eq!(unprotect(&mut receiver, &forged, is_rtcp), Err(Reason::Auth));
                assert_eq!(unprotect(&mut receiver, &mki, is_rtcp), Ok(packet));
            }
        }
    }
}

#[test]
fn a_header_stays_in_the_clear_with_csrc_and_extension_or_alone() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = (sender(suite), receiver(suite));
        let mut packet = rtp(SSRC, 1);
        packet[0] = 0x92; // two CSRCs, extension
        packet.splice(12..12, [[7; 8].as_slice(), &[0xBE, 0xDE, 0, 1, 1, 2, 3, 4]].concat());
        let protected = protect(&mut sender, &packet, false).unwrap();
        assert_eq!(protected[..28], packet[..28]);
        assert_ne!(protected[28..48], packet[28..48]);
        assert_eq!(unprotect(&mut receiver, &protected, false), Ok(packet));
        let empty = &rtp(SSRC, 2)[..12];
        let protected = protect(&mut sender, empty, false).unwrap();
        assert_eq!(unprotect(&mut receiver, &protected, false), Ok(empty.to_vec()));
    }
}

#[test]
fn a_header_that_contradicts_its_length_is_malformed() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = (sender(suite), receiver(suite));
        let header = rtp(SSRC, 1)[..12].to_vec();
        for (first, rest) in [
            (0x81, &[0; 3][..]),
            (0x90, &[0; 3]),
            (0x90, &[0xBE, 0xDE, 0, 1, 0, 0, 0]),
            (0x90, &[0xBE, 0xDE, 0xFF, 0xFF, 0, 0, 0]),
            (0x9F, &[0; 60]),
        ] {
            let mut packet = [&header, rest].concat();
            packet[0] = first;
            assert_eq!(protect(&mut sender, &packet, false), Err(Reason::Malformed));
            packet.resize(packet.len() + suite.rtp_tag(), 0);
            assert_eq!(unprotect(&mut receiver, &packet, false), Err(Reason::Malformed), "{packet:?}");
        }
        assert_eq!(protect(&mut sender, &header[..11], false), Err(Reason::Malformed));
        assert_eq!(protect(&mut sender, &header[..7], true), Err(Reason::Malformed));
    }
}

#[test]
fn checks_come_in_the_order_of_libsrtp() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = (sender(suite), Receiver::new(&crypto(suite, 1), WINDOW, 1));
        let sent = protect(&mut sender, &rtp(SSRC, 5), false).unwrap();
        unprotect(&mut receiver, &sent, false).unwrap();
        let shaped = |ssrc, sequence, first, octets| {
            let mut packet = rtp(ssrc, sequence);
            packet[0] = first;
            packet.resize(octets, 0);
            packet
        };
        let (csrcs, octets) = (0x85, 32 + suite.rtp_tag()); // five of them reach up to the tag
        for (packet, reason) in [
            (shaped(1, 5, 0x8F, 11 + suite.rtp_tag()), Reason::Short),
            (shaped(1, 5, 0x8F, octets), Reason::SsrcLimit),
            (shaped(SSRC, 5, 0x8F, octets), Reason::Malformed),
            (shaped(SSRC, 5, csrcs, octets - 1), Reason::Replay),
            (shaped(SSRC, 6, csrcs, octets - 1), Reason::Malformed),
            (shaped(SSRC, 6, csrcs, octets), Reason::Auth),
        ] {
            assert_eq!(unprotect(&mut receiver, &packet, false), Err(reason), "{suite:?} {packet:?}");
        }
    }
}

#[test]
fn rtcp_in_the_clear_is_refused() {
    // What a peer with the key would send: E = 0, index 1, the tag fits.
    let clear = [
        0x81, 0xC9, 0x00, 0x01, 0xCA, 0xFE, 0xBA, 0xBE, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB, 0x00,
        0x00, 0x00, 0x01, 0xDE, 0xCC, 0x60, 0xB0, 0xD4, 0xC0, 0x17, 0xEB, 0x74, 0xC0,
    ];
    assert_eq!(unprotect(&mut receiver(SUITE), &clear, true), Err(Reason::Auth));

    for suite in Suite::ALL {
        let (mut sender, mut receiver) = (sender(suite), receiver(suite));
        let sent = protect(&mut sender, &rtcp(SSRC), true).unwrap();
        let aead = matches!(suite, Suite::Gcm128 | Suite::Gcm256);
        let flag = sent.len() - 4 - if aead { 0 } else { suite.rtcp_tag() };
        assert_eq!(sent[flag..flag + 4], [0x80, 0, 0, 1]); // the first index is 1
        let mut forged = sent.clone();
        forged[flag] = 0;
        assert_eq!(unprotect(&mut receiver, &forged, true), Err(Reason::Auth));
        unprotect(&mut receiver, &sent, true).unwrap();
        assert_eq!(unprotect(&mut receiver, &forged, true), Err(Reason::Auth));
    }
}

#[test]
fn the_key_before_serves_what_was_on_its_way() {
    let keys = [crypto(SUITE, 1), crypto(SUITE, 2), crypto(Suite::Gcm256, 3)];
    let mut senders = keys.clone().map(|key| Sender::new(&key, WINDOW, 1));
    let mut sent = |key: usize, sequence| protect(&mut senders[key], &rtp(SSRC, sequence), false).unwrap();
    let mut receiver = Receiver::new(&keys[0], WINDOW, 1);
    unprotect_at(&mut receiver, &sent(0, 1), false, 9.0).unwrap();

    let mut next = Receiver::new(&keys[1], WINDOW, 1);
    next.succeed(receiver, 10.0);
    assert_eq!(next.crypto(), &keys[1]);
    let late = sent(0, 2);
    assert_eq!(unprotect_at(&mut next, &late, false, 11.9), Ok(rtp(SSRC, 2)));
    // What the new key says stands where both refuse.
    assert_eq!(unprotect_at(&mut next, &late, false, 11.9), Err(Reason::Auth));
    assert_eq!(unprotect_at(&mut next, &sent(0, 3), false, 11.9), Ok(rtp(SSRC, 3)));
    assert!(unprotect_at(&mut next, &sent(1, 3), false, 11.9).is_ok()); // windows of their own
    assert_eq!(unprotect_at(&mut next, &sent(0, 4), false, 11.9), Err(Reason::Auth)); // the first new one ends it
    assert!(next.rollovers().eq([Rollover { ssrc: SSRC, roc: 0, sequence: Some(3), srtcp: None }]));

    let mut last = Receiver::new(&keys[2], WINDOW, 1);
    last.succeed(next, 11.0);
    assert_eq!(unprotect_at(&mut last, &sent(0, 5), false, 11.5), Err(Reason::Auth));
    assert!(unprotect_at(&mut last, &sent(1, 5), false, 11.5).is_ok());
    let now = 11.0 + OLD_KEY_SECONDS;
    assert_eq!(unprotect_at(&mut last, &sent(1, 6), false, now), Err(Reason::Auth));
    assert!(unprotect_at(&mut last, &sent(2, 8), false, now).is_ok());
    assert_eq!(unprotect_at(&mut last, &sent(1, 7), false, 11.5), Err(Reason::Auth));
}

#[test]
fn the_key_before_comes_back_as_it_was() {
    let keys = [1, 2].map(|fill| crypto(SUITE, fill));
    let mut senders = keys.clone().map(|key| Sender::new(&key, WINDOW, 1));
    let mut sent = |key: usize, sequence| protect(&mut senders[key], &rtp(SSRC, sequence), false).unwrap();
    let mut first = Receiver::new(&keys[0], WINDOW, 1);
    let seen = sent(0, 65535);
    for packet in [&seen, &sent(0, 0)] {
        unprotect_at(&mut first, packet, false, 9.0).unwrap();
    }
    let mut receiver = Receiver::new(&keys[1], WINDOW, 1);
    assert!(!receiver.go_back(&keys[0], 10.0));
    receiver.succeed(first, 10.0);
    unprotect_at(&mut receiver, &sent(1, 7), false, 10.0).unwrap();
    assert!(!receiver.go_back(&keys[1], 20.0));
    assert!(receiver.go_back(&keys[0], 20.0));
    assert_eq!(receiver.crypto(), &keys[0]);
    assert_eq!(unprotect_at(&mut receiver, &seen, false, 30.0), Err(Reason::Replay));
    assert!(unprotect_at(&mut receiver, &sent(1, 8), false, 21.0).is_ok());
    assert!(unprotect_at(&mut receiver, &sent(0, 1), false, 21.0).is_ok()); // rollover counter 1
    assert_eq!(unprotect_at(&mut receiver, &sent(1, 9), false, 21.0), Err(Reason::Auth));
}

#[test]
fn a_stream_goes_on_from_the_rollover_that_is_set() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = (sender(suite), receiver(suite));
        let only_roc = Rollover { ssrc: SSRC, roc: 7, sequence: None, srtcp: None };
        sender.set_rollover(only_roc).unwrap();
        let sent = protect(&mut sender, &rtp(SSRC, 50000), false).unwrap();
        assert_eq!(unprotect(&mut receiver, &sent, false), Err(Reason::Auth));
        receiver.set_rollover(only_roc).unwrap();
        assert!(receiver.rollovers().eq([only_roc]));
        assert!(unprotect(&mut receiver, &sent, false).is_ok());
        assert!(receiver.rollovers().eq([Rollover { sequence: Some(50000), ..only_roc }]));

        let further = Rollover { ssrc: SSRC, roc: 9, sequence: Some(65535), srtcp: Some(1000) };
        sender.set_rollover(further).unwrap();
        receiver.set_rollover(further).unwrap();
        assert_eq!(protect(&mut sender, &rtp(SSRC, 65535), false), Err(Reason::Replay));
        assert_eq!(protect(&mut sender, &rtp(SSRC, 65534), false), Err(Reason::Replay));
        for (packet, is_rtcp) in [(rtp(SSRC, 1), false), (rtp(SSRC, 0), false), (rtcp(SSRC), true)] {
            let sent = protect(&mut sender, &packet, is_rtcp).unwrap();
            assert_eq!(unprotect(&mut receiver, &sent, is_rtcp), Ok(packet));
        }
        let met = Rollover { ssrc: SSRC, roc: 10, sequence: Some(1), srtcp: Some(1001) };
        assert!(sender.rollovers().eq([met]));
        assert!(receiver.rollovers().eq([met]));
    }
}

#[test]
fn a_key_stops_rather_than_use_an_index_twice() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = (sender(suite), receiver(suite));
        let end = Rollover { ssrc: SSRC, roc: u32::MAX, sequence: Some(65534), srtcp: Some(0x7FFF_FFFE) };
        sender.set_rollover(end).unwrap();
        receiver.set_rollover(end).unwrap();
        for (packet, again, is_rtcp) in
            [(rtp(SSRC, 65535), rtp(SSRC, 0), false), (rtcp(SSRC), rtcp(SSRC), true)]
        {
            let sent = protect(&mut sender, &packet, is_rtcp).unwrap();
            assert_eq!(unprotect(&mut receiver, &sent, is_rtcp), Ok(packet));
            assert_eq!(protect(&mut sender, &again, is_rtcp), Err(Reason::NoKey));
        }
    }
}

#[test]
fn a_packet_without_room_for_its_trailer_is_too_large() {
    let mut buffer = rtp(SSRC, 1);
    let octets = buffer.len();
    buffer.resize(octets + MAX_TRAILER - 1, 0);
    assert_eq!(sender(SUITE).protect(&mut buffer, octets, false), Err(Reason::TooLarge));
}
