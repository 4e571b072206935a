//! How far each SSRC has come under one key and in one direction.

use super::Rollover;
use super::index::{Window, estimate, join};
use crate::reason::Reason;

/// Of one SSRC.
pub(super) struct Context {
    ssrc: u32,
    /// Rollover counter before the first packet; then the window knows it.
    roc: u32,
    pub(super) rtp: Window,
    pub(super) srtcp: Window,
}

impl Context {
    /// Index of the RTP packet `sequence`, or why it must not be taken.
    #[inline]
    pub(super) fn rtp_index(&self, sequence: u16) -> Result<u64, Reason> {
        let Some(highest) = self.rtp.highest() else { return Ok(join(self.roc, sequence)) };
        let index = estimate(highest, sequence).ok_or(Reason::NoKey)?;
        self.rtp.check(index)?;
        Ok(index)
    }

    fn rollover(&self) -> Rollover {
        let highest = self.rtp.highest();
        Rollover {
            ssrc: self.ssrc,
            roc: highest.map_or(self.roc, |index| (index >> 16) as u32),
            sequence: highest.map(|index| index as u16),
            srtcp: self.srtcp.highest().map(|index| index as u32),
        }
    }
}

/// The contexts of one key and direction: mostly one, never more than `most`.
pub(super) struct Contexts {
    known: Vec<Context>,
    most: usize,
    /// Packets in the windows of RTP and of RTCP.
    windows: (usize, usize),
}

impl Contexts {
    pub(super) fn new(most: usize, windows: (usize, usize)) -> Contexts {
        Contexts { known: Vec::new(), most, windows }
    }

    /// The context of an SSRC, None: it would be new. `Reason::SsrcLimit` where there is no room for that.
    #[inline]
    pub(super) fn find(&self, ssrc: u32) -> Result<Option<usize>, Reason> {
        match self.known.iter().position(|context| context.ssrc == ssrc) {
            None if self.known.len() >= self.most => Err(Reason::SsrcLimit),
            place => Ok(place),
        }
    }

    #[inline]
    pub(super) fn get(&self, place: Option<usize>) -> Option<&Context> {
        place.map(|place| &self.known[place])
    }

    /// What `find` found, or a new context: only for a packet that may be taken.
    #[inline]
    pub(super) fn open(&mut self, place: Option<usize>, ssrc: u32) -> &mut Context {
        let place = place.unwrap_or_else(|| {
            self.known.reserve_exact(1);
            let (rtp, srtcp) = (Window::new(self.windows.0), Window::new(self.windows.1));
            self.known.push(Context { ssrc, roc: 0, rtp, srtcp });
            self.known.len() - 1
        });
        &mut self.known[place]
    }

    pub(super) fn rollovers(&self) -> impl Iterator<Item = Rollover> + '_ {
        self.known.iter().map(Context::rollover)
    }

    /// What was known of this SSRC is forgotten.
    pub(super) fn set(&mut self, rollover: Rollover) -> Result<(), Reason> {
        let Rollover { ssrc, roc, sequence, srtcp } = rollover;
        let (rtp_window, srtcp_window) = self.windows;
        let place = self.find(ssrc)?;
        let context = self.open(place, ssrc);
        context.roc = roc;
        context.rtp = match sequence {
            Some(sequence) => Window::after(rtp_window, join(roc, sequence)),
            None => Window::new(rtp_window),
        };
        context.srtcp = match srtcp {
            Some(index) => Window::after(srtcp_window, index.into()),
            None => Window::new(srtcp_window),
        };
        Ok(())
    }
}
