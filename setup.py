"""What pyproject.toml cannot say: the path of a message is compiled by mypyc where there is a C compiler.

An editable install (``make setup``) runs the sources as they are; so does a wheel with IMS_EDGE_COMPILE=0.
"""

import contextlib
import os
import shutil
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup

sys.path.insert(0, str(Path(__file__).parent))  # a build puts nothing of its own there
import setup_sources

#: What every message of a call passes through: whole packages, and single modules.
PACKAGES = (
    "pcscf/sip", "pcscf/transaction", "pcscf/sdp", "pcscf/alg", "pcscf/registration", "pcscf/proxy",
    "iq/h248", "agw/control",
)  # fmt: skip
MODULES = (
    "pcscf/admin/counters.py", "pcscf/admission.py", "pcscf/edge.py", "pcscf/entropy.py", "pcscf/errors.py",
    "pcscf/flow.py", "pcscf/overload.py", "pcscf/ratelimit.py", "pcscf/transport/udp.py",
    "iq/association.py", "iq/errors.py", "iq/exchange.py", "iq/fingerprint.py", "iq/msrp.py", "iq/peer.py",
    "iq/procedures.py", "iq/suites.py", "iq/times.py", "iq/tpkt.py",
)  # fmt: skip

#: Where the compiler's copy of the sources is made.
SEEN = Path("build/seen").absolute()


def obstacle() -> str:
    """Return what keeps the modules from being compiled, "" for nothing."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    if os.environ.get("IMS_EDGE_COMPILE") == "0":
        return "IMS_EDGE_COMPILE=0"
    if shutil.which(compiler) is None:
        return f"there is no {compiler}"
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        return "there is no Python.h (Debian: python3-dev)"
    return ""


def compiled() -> list[Extension]:
    """Return the modules to compile, as extensions of one shared library."""
    if "bdist_wheel" not in sys.argv:  # an editable install, or nothing is built yet
        return []
    if reason := obstacle():
        sys.stderr.write(f"not compiled, slower: {reason}\n")
        return []
    from mypyc.build import mypycify  # noqa: PLC0415 -- an editable install needs no mypy to build

    files = [str(path) for package in PACKAGES for path in sorted(Path(package).glob("*.py"))]
    files = [path for path in files if not path.endswith("/__init__.py")] + [*MODULES]
    setup_sources.copy(sorted({Path(file).parts[0] for file in files} | {"hosting"}), files, SEEN)
    with contextlib.chdir(SEEN):
        extensions = mypycify(
            [*files, "--ignore-missing-imports"],
            opt_level="2",
            debug_level="0",
            group_name="ims_media_edge",
            target_dir=str(SEEN.parent),
        )
    for extension in extensions:  # setuptools wants relative paths
        extension.sources = [os.path.relpath(path) for path in extension.sources]
        extension.depends = [os.path.relpath(path) for path in extension.depends]
    return extensions


setup(ext_modules=compiled())
