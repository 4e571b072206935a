//! `agw.engine._native`: the packet engine as one Python class, `Engine`, for the adapter `agw.engine.native`.
//!
//! Values go across as numbers, text, octets and tuples; nothing here decides anything. Workers never call
//! into Python, and a call that may wait for a worker lets other Python threads run meanwhile.

mod convert;

use std::os::fd::AsRawFd;

use packet_engine::engine::{self as core, PortId};
use packet_engine::leg::Leg;
use packet_engine::srtp::Rollover;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use convert::{
    Address, CountersValue, CryptoArgument, RolloverValue, StateValue, address, counters, os_error,
    port_error,
};

#[pymodule]
mod _native {
    use packet_engine::srtp::Suite;
    use pyo3::prelude::*;
    use pyo3::types::PyTuple;

    #[pymodule_export]
    use super::Engine;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("SUITES", PyTuple::new(module.py(), Suite::ALL.map(Suite::name))?)
    }
}

/// Worker threads with the ports that live on them.
#[pyclass(frozen, module = "agw.engine._native")]
struct Engine {
    core: core::Engine,
}

#[pymethods]
impl Engine {
    #[new]
    fn new(py: Python<'_>, workers: usize, replay_window: usize, ssrcs: usize) -> PyResult<Engine> {
        let settings = core::Settings { workers, replay_window, ssrcs };
        let core = py.detach(|| core::Engine::start(settings)).map_err(os_error)?;
        Ok(Engine { core })
    }

    fn open(&self, py: Python<'_>, host: &str, port: u32, dscp: u8) -> PyResult<PortId> {
        let (ip, port) = convert::socket(host, port).map_err(os_error)?;
        py.detach(|| self.core.open(ip, port, dscp)).map_err(os_error)
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "flat is what crosses fastest: one edit a leg, several a call"
    )]
    fn edit(
        &self,
        port: PortId,
        transform: &str,
        send: Option<CryptoArgument<'_>>,
        receive: Option<CryptoArgument<'_>>,
        may_send: bool,
        may_receive: bool,
        remote: Option<(&str, u16)>,
        rtcp_remote: Option<(&str, u16)>,
        latching: bool,
        source: Option<&str>,
        rtcp_mux: bool,
        hand_over: bool,
        rtcp_apart: bool,
        rtcp_send: Option<CryptoArgument<'_>>,
        rtcp_receive: Option<CryptoArgument<'_>>,
    ) -> PyResult<()> {
        let leg = Leg {
            transform: convert::transform(transform)?,
            send: send.map(convert::crypto).transpose()?,
            receive: receive.map(convert::crypto).transpose()?,
            may_send,
            may_receive,
            remote: remote.map(address).transpose()?,
            rtcp_remote: rtcp_remote.map(address).transpose()?,
            latching,
            source: source.map(convert::prefix).transpose()?,
            rtcp_mux,
            hand_over,
            rtcp_apart,
            rtcp_send: rtcp_send.map(convert::crypto).transpose()?,
            rtcp_receive: rtcp_receive.map(convert::crypto).transpose()?,
        };
        self.core.edit(port, leg).map_err(|error| port_error(port, error))
    }

    fn join(&self, one: PortId, other: PortId) -> PyResult<()> {
        self.core.join(one, other).map_err(|error| port_error(one, error))
    }

    fn relatch(&self, port: PortId) -> PyResult<()> {
        self.core.relatch(port).map_err(|error| port_error(port, error))
    }

    fn commit(&self, py: Python<'_>) {
        py.detach(|| self.core.commit());
    }

    fn close(&self, py: Python<'_>, port: PortId) -> PyResult<CountersValue> {
        py.detach(|| self.core.close(port)).map(counters).map_err(|error| port_error(port, error))
    }

    fn state(&self, py: Python<'_>, port: PortId) -> PyResult<StateValue> {
        let state = py.detach(|| self.core.state(port)).map_err(|error| port_error(port, error))?;
        Ok((
            counters(state.counters),
            state.source.map(convert::host_and_port),
            state.rtcp_source.map(convert::host_and_port),
            state.last_activity,
        ))
    }

    fn rollovers(&self, py: Python<'_>, port: PortId) -> PyResult<Vec<RolloverValue>> {
        let met = py.detach(|| self.core.rollovers(port)).map_err(|error| port_error(port, error))?;
        Ok(met.into_iter().map(|(sends, one)| (one.ssrc, sends, one.roc, one.sequence, one.srtcp)).collect())
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of Rollover")]
    fn set_rollover(
        &self,
        py: Python<'_>,
        port: PortId,
        ssrc: u32,
        sends: bool,
        roc: u32,
        sequence: Option<u16>,
        srtcp: Option<u32>,
    ) -> PyResult<()> {
        let rollover = Rollover { ssrc, roc, sequence, srtcp };
        py.detach(|| self.core.set_rollover(port, sends, rollover)).map_err(|error| port_error(port, error))
    }

    /// The descriptor that is readable when `drain` or `failures` have something.
    fn events(&self) -> i32 {
        self.core.events().as_raw_fd()
    }

    fn drain<'py>(&self, py: Python<'py>) -> Vec<(PortId, Address, Bound<'py, PyBytes>, bool)> {
        let waiting = self.core.drain().into_iter();
        waiting
            .map(|one| {
                let data = PyBytes::new(py, &one.data);
                (one.port, convert::host_and_port(one.address), data, one.rtcp)
            })
            .collect()
    }

    fn failures(&self) -> Vec<(PortId, String)> {
        self.core.failures().into_iter().map(|one| (one.port, one.text)).collect()
    }

    fn send(&self, py: Python<'_>, port: PortId, to: (&str, u16), data: &[u8], rtcp: bool) -> PyResult<()> {
        let datagram = core::Datagram { port, address: address(to)?, data: data.to_vec(), rtcp };
        py.detach(|| self.core.send(&datagram));
        Ok(())
    }

    /// Panic at the next packet of this port: for tests of what happens then.
    fn break_at_next_packet(&self, port: PortId) -> PyResult<()> {
        self.core.break_at_next_packet(port).map_err(|error| port_error(port, error))
    }

    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.core.stop());
    }
}
