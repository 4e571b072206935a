//! `pcscf.sip._tokenizer`: ordinary SIP messages as tuples and text of Python. Nothing here decides anything.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyList, PyString};
use sip_tokenizer::names::{Key, NAMES};
use sip_tokenizer::{Start, read as read_head};

/// Method or "", Request-URI or reason phrase, status or 0, fields, where the body begins, Content-Length.
type Read<'py> = (Bound<'py, PyString>, Bound<'py, PyString>, u16, Bound<'py, PyList>, usize, u32);

/// What most requests are; "" stands for a response.
const METHODS: [&str; 9] = ["", "INVITE", "ACK", "BYE", "REGISTER", "PRACK", "UPDATE", "CANCEL", "OPTIONS"];

/// Text that is interned, as it is where Python code names it: equal is then identical.
struct Interned {
    keys: [Py<PyString>; NAMES.len()],
    methods: [Py<PyString>; METHODS.len()],
}

static INTERNED: PyOnceLock<Interned> = PyOnceLock::new();

#[pymodule]
mod _tokenizer {
    #[pymodule_export]
    use super::read;
}

/// Read a message that is in order with a body of Content-Length octets; None: let Python look at it.
#[pyfunction]
fn read<'py>(data: &Bound<'py, PyBytes>) -> PyResult<Option<Read<'py>>> {
    let py = data.py();
    let Some(head) = read_head(data.as_bytes()) else { return Ok(None) };
    let interned = INTERNED.get_or_init(py, || Interned {
        keys: NAMES.map(|name| PyString::intern(py, name).unbind()),
        methods: METHODS.map(|name| PyString::intern(py, name).unbind()),
    });
    let (method, text, status) = match head.start {
        Start::Request { method, uri } => {
            let known = METHODS.iter().position(|name| name.as_bytes() == method);
            let method = match known {
                Some(index) => interned.methods[index].bind(py).clone(),
                None => PyString::from_bytes(py, method)?,
            };
            (method, PyString::from_bytes(py, uri)?, 0)
        }
        Start::Response { status, reason } => {
            (interned.methods[0].bind(py).clone(), PyString::from_bytes(py, reason)?, status)
        }
    };
    let mut fields = Vec::with_capacity(head.fields.len());
    for (key, raw) in head.fields {
        let key = match key {
            Key::Known(index) => interned.keys[index].bind(py).clone(),
            Key::Other(name) => PyString::new(py, &name),
        };
        fields.push((key, PyString::from_bytes(py, raw)?));
    }
    let fields = PyList::new(py, fields)?;
    Ok(Some((method, text, status, fields, head.body, head.length)))
}
