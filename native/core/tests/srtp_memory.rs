//! What SRTP takes from the heap: a bounded amount for each key and SSRC, nothing for a packet.

mod heap;
mod packets;

use packet_engine::srtp::{Receiver, Sender, Suite};
use packets::*;

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
        let before = heap::held_by_this_thread();
        let crypto = crypto(suite, 1);
        let mut sender = Sender::new(&crypto, WINDOW, SSRCS);
        let mut receiver = Receiver::new(&crypto, WINDOW, SSRCS);
        let mut buffer = [0; 192];
        exchange(&mut sender, &mut receiver, &mut buffer, 1..2);
        let inline = size_of::<Sender>() + size_of::<Receiver>();
        let octets = inline + (heap::held_by_this_thread() - before) as usize;
        let most = if suite == Suite::AesCm128Sha1_80 { 1640 } else { 2400 };
        assert!(octets <= most, "{}: {octets}", suite.name());

        let asked = heap::asked();
        exchange(&mut sender, &mut receiver, &mut buffer, 2..200);
        assert_eq!(heap::asked(), asked);
        drop((sender, receiver, crypto));
        assert_eq!(heap::held_by_this_thread(), before);
    }
}

#[test]
fn forged_packets_take_nothing() {
    for suite in Suite::ALL {
        let mut receiver = receiver(suite);
        let mut forged = [rtp(SSRC, 1), vec![0; 40]].concat();
        let asked = heap::asked();
        for ssrc in 0..1000u32 {
            for (at, rtcp) in [(8, false), (4, true)] {
                forged[at..at + 4].copy_from_slice(&ssrc.to_be_bytes());
                assert!(receiver.unprotect(&mut forged, rtcp, 0.0).is_err());
            }
        }
        assert_eq!(heap::asked(), asked);
    }
}
