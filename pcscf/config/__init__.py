"""The configuration file of ``pcscf``: one typed, frozen model. ``configs/pcscf.yaml`` explains every key."""

from pcscf.config.access import Access, AccessListener
from pcscf.config.core import Core, CoreListener
from pcscf.config.file import Config, Iq, Node, Timers, listeners
from pcscf.config.limits import Limits
from pcscf.config.media_security import MECHANISMS, Mechanism, MediaSecurity
from pcscf.config.trunks import Trunk

__all__ = [
    "MECHANISMS",
    "Access",
    "AccessListener",
    "Config",
    "Core",
    "CoreListener",
    "Iq",
    "Limits",
    "Mechanism",
    "MediaSecurity",
    "Node",
    "Timers",
    "Trunk",
    "listeners",
]
