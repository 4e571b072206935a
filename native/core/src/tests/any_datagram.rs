//! Whatever arrives is counted once, and nothing but media goes on.

use proptest::prelude::*;

use super::*;
use crate::demux::MAX_DATAGRAM;
use crate::reason::Reason;

/// Octets of any kind, more often those at which the decisions are made.
fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![any::<u8>(), Just(0x80), Just(0x7f), Just(0xbf), Just(0xc0), Just(3), Just(20)];
    let second = prop_oneof![any::<u8>(), Just(191), Just(192), Just(223), Just(224)];
    let length = prop_oneof![0..20usize, 0..100usize, MAX_DATAGRAM - 2..MAX_DATAGRAM + 3];
    (first, second, length, any::<u8>()).prop_map(|(first, second, length, filler)| {
        let mut data = vec![filler; length];
        for (place, octet) in data.iter_mut().zip([first, second]) {
            *place = octet;
        }
        data
    })
}

/// RFC 7983 7 and RFC 5761 4, once more: RTP, RTCP or neither.
fn media(data: &[u8], on_rtcp: bool, mux: bool) -> Option<bool> {
    let version_2 = data.first().is_some_and(|first| first >> 6 == 2);
    let like_rtcp = data.get(1).is_some_and(|second| (192..224).contains(second));
    let rtcp = like_rtcp && (on_rtcp || mux);
    let room = if rtcp { 8..=MAX_DATAGRAM } else { 12..=MAX_DATAGRAM };
    (version_2 && room.contains(&data.len()) && (rtcp || !on_rtcp)).then_some(rtcp)
}

proptest! {
    #[test]
    fn counted_once_and_forwarded_only_if_media(
        data in datagram(), on_rtcp: bool, mux: bool, hand_over: bool, latching: bool, stray: bool,
    ) {
        let mut stage = Stage::new();
        let (access, core) = stage.stream();
        let leg = Leg { rtcp_mux: mux, hand_over, latching, ..access.plain() };
        stage.world.apply(access.slot, &leg, 0.0);
        let stranger = bound();
        let from = if stray { &stranger } else { &access.peer };
        from.send_to(&data, if on_rtcp { access.rtcp } else { access.rtp }).unwrap();
        stage.serve(&access, on_rtcp, 0.0);
        let counters = stage.counters(&access);
        let (forwarded, drained) = (core.received(), stage.queue.drain());
        let expected = media(&data, on_rtcp, mux).filter(|_| latching || !stray);
        prop_assert_eq!(counters.packets, u64::from(expected == Some(false)));
        prop_assert_eq!(counters.octets, if expected == Some(false) { data.len() as u64 } else { 0 });
        prop_assert_eq!(counters.rtcp, u64::from(expected == Some(true)));
        prop_assert_eq!(counters.handed_over, drained.len() as u64);
        let all = counters.packets + counters.rtcp + counters.handed_over + counters.drops.iter().sum::<u64>();
        prop_assert_eq!(all, 1);
        prop_assert_eq!(forwarded, Vec::from_iter(expected.map(|_| data.clone())));
        for datagram in drained {
            prop_assert!(hand_over && (latching || !stray) && data.len() <= MAX_DATAGRAM);
            prop_assert!(matches!(data[0], 0..=3 | 20..=63));
            prop_assert_eq!((datagram.data, datagram.rtcp), (data.clone(), on_rtcp));
        }
        prop_assert_eq!(counters.drops[Reason::TooLarge as usize] > 0, data.len() > MAX_DATAGRAM);
        let state = stage.world.port(access.slot).unwrap().state();
        prop_assert_eq!(state.last_activity.is_some(), expected.is_some());
        prop_assert_eq!(state.source.or(state.rtcp_source).is_some(), latching && expected.is_some());
    }
}
