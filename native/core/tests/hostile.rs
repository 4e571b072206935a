//! SRTP under whatever the network sends: nothing panics, nothing that is not authentic passes.

mod packets;

use packet_engine::reason::Reason;
use packet_engine::srtp::{Receiver, Sender, Suite};
use packets::*;
use proptest::prelude::*;

fn suites() -> impl Strategy<Value = Suite> {
    prop::sample::select(&Suite::ALL)
}

fn mki() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(0), 1 => 1..=128usize]
}

/// RTP with any number of CSRCs, any extension and any payload.
fn any_rtp() -> impl Strategy<Value = Vec<u8>> {
    let extension = prop::option::of(prop::collection::vec(any::<u32>(), 0..40));
    let csrcs = prop::collection::vec(any::<u32>(), 0..16);
    let payload = prop::collection::vec(any::<u8>(), 0..1500);
    (any::<[u8; 12]>(), csrcs, extension, payload).prop_map(|(mut fixed, csrcs, extension, payload)| {
        fixed[0] = 0x80 | (fixed[0] & 0x20) | csrcs.len() as u8;
        let mut rest: Vec<u8> = csrcs.into_iter().flat_map(u32::to_be_bytes).collect();
        if let Some(words) = extension {
            fixed[0] |= 0x10;
            rest.extend([0xBE, 0xDE, 0, words.len() as u8]);
            rest.extend(words.into_iter().flat_map(u32::to_be_bytes));
        }
        [&fixed[..], &rest, &payload].concat()
    })
}

/// True: RTCP.
fn any_packet() -> impl Strategy<Value = (bool, Vec<u8>)> {
    let rtcp = prop::collection::vec(any::<u8>(), 8..1500);
    prop_oneof![any_rtp().prop_map(|packet| (false, packet)), rtcp.prop_map(|packet| (true, packet))]
}

/// What may happen to a packet on its way.
#[derive(Clone, Debug)]
enum Mutation {
    Flip(prop::sample::Index, u8),
    Truncate(prop::sample::Index),
    Append(Vec<u8>),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    First(u8),
    OtherKind,
}

impl Mutation {
    /// Of a packet that is not empty.
    fn apply(&self, packet: &mut Vec<u8>, rtcp: &mut bool) {
        let octets = packet.len();
        match self {
            Mutation::Flip(place, bit) => packet[place.index(octets)] ^= 1 << bit,
            Mutation::Truncate(length) => packet.truncate(length.index(octets)),
            Mutation::Append(more) => packet.extend(more),
            Mutation::Insert(place, octet) => packet.insert(place.index(octets), *octet),
            Mutation::Remove(place) => drop(packet.remove(place.index(octets))),
            Mutation::First(octet) => packet[0] = *octet,
            Mutation::OtherKind => *rtcp = !*rtcp,
        }
    }
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let place = any::<prop::sample::Index>;
    let mutation = prop_oneof![
        4 => (place(), 0..8u8).prop_map(|(place, bit)| Mutation::Flip(place, bit)),
        1 => place().prop_map(Mutation::Truncate),
        1 => prop::collection::vec(any::<u8>(), 1..200).prop_map(Mutation::Append),
        1 => (place(), any::<u8>()).prop_map(|(place, octet)| Mutation::Insert(place, octet)),
        1 => place().prop_map(Mutation::Remove),
        1 => any::<u8>().prop_map(Mutation::First),
        1 => Just(Mutation::OtherKind),
    ];
    prop::collection::vec(mutation, 1..4)
}

proptest! {
    #[test]
    fn what_is_protected_comes_back(
        suite in suites(),
        mki in mki(),
        packets in prop::collection::vec(any_packet(), 1..6),
    ) {
        let mut sender = sender(suite);
        let mut receiver = Receiver::new(&with_mki(suite, 1, mki), WINDOW, SSRCS);
        for (rtcp, packet) in packets {
            let protected = protect(&mut sender, &packet, rtcp).unwrap();
            let tag = if rtcp { suite.rtcp_tag() + 4 } else { suite.rtp_tag() };
            prop_assert_eq!(protected.len(), packet.len() + tag);
            let protected = insert_mki(suite, &protected, rtcp, mki);
            prop_assert_eq!(unprotect(&mut receiver, &protected, rtcp), Ok(packet));
        }
    }

    #[test]
    fn what_nobody_protected_is_refused(
        suite in suites(),
        mki in mki(),
        rtcp in any::<bool>(),
        packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..6),
    ) {
        let mut receiver = Receiver::new(&with_mki(suite, 1, mki), WINDOW, SSRCS);
        for packet in packets {
            let reason = unprotect(&mut receiver, &packet, rtcp).unwrap_err();
            prop_assert!(matches!(reason, Reason::Short | Reason::Malformed | Reason::Auth), "{:?}", reason);
        }
        prop_assert_eq!(receiver.rollovers().count(), 0);
    }

    #[test]
    fn what_was_changed_on_its_way_is_refused(
        suite in suites(),
        mki in mki(),
        (rtcp, packet) in any_packet(),
        all_mutations in prop::collection::vec(mutations(), 1..6),
    ) {
        // Without the packet before, this would be the first of its SSRC.
        for known in [false, true] {
            let mut sender = sender(suite);
            let mut receiver = Receiver::new(&with_mki(suite, 1, mki), WINDOW, SSRCS);
            let first = protect(&mut sender, &packet, rtcp).unwrap();
            if known {
                unprotect(&mut receiver, &insert_mki(suite, &first, rtcp, mki), rtcp).unwrap();
            }
            let mut next = packet.clone();
            next[3] ^= 1; // of RTP the sequence number
            let sent = insert_mki(suite, &protect(&mut sender, &next, rtcp).unwrap(), rtcp, mki);
            for mutations in &all_mutations {
                let (mut changed, mut kind) = (sent.clone(), rtcp);
                for mutation in mutations {
                    if !changed.is_empty() {
                        mutation.apply(&mut changed, &mut kind);
                    }
                }
                // The MKI is not signed: a packet of which only that differs is the same packet.
                if let Ok(plain) = unprotect(&mut receiver, &changed, kind) {
                    prop_assert_eq!(&plain, &next);
                    prop_assert_eq!(changed.len(), sent.len());
                    prop_assert!(changed == sent || mki > 0);
                }
            }
        }
    }

    #[test]
    fn a_sender_takes_any_packet_or_says_why_not(
        suite in suites(),
        rtcp in any::<bool>(),
        packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..6),
    ) {
        let mut sender = Sender::new(&crypto(suite, 1), WINDOW, 2);
        let mut receiver = receiver(suite);
        for packet in packets {
            match protect(&mut sender, &packet, rtcp) {
                Ok(protected) => prop_assert_eq!(unprotect(&mut receiver, &protected, rtcp), Ok(packet)),
                Err(reason) => prop_assert!(matches!(reason, Reason::Malformed | Reason::SsrcLimit)),
            }
        }
    }
}
