//! The packet engine for Python.
