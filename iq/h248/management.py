"""ServiceChange, Notify and AuditValue as procedures (TS 23.334 8, H.248.1 7.2)."""

import re

from iq.errors import IqError
from iq.h248.errors import (
    ILLEGAL_ACTION,
    MISSING_INFORMATION,
    NO_SUCH_EVENT,
    NOT_IMPLEMENTED,
    UNSUPPORTED_VALUE,
    plain,
)
from iq.h248.model import Audit, Command, Node, Observed, ObservedEvents, Services
from iq.h248.packages import (
    AUTHENTICATION,
    AUTHENTICATION_COUNT,
    CAUSE,
    CONNECTION,
    CONNECTION_CAUSE,
    CONNECTION_CHANGE,
    FAILURE_CAUSE,
    GENERAL_CAUSE,
    HEARTBEAT,
    INACTIVITY,
    REQUEST_ID,
    ROOT,
    SECURITY,
    STREAM,
    X_AWARE,
    X_EPOCH,
    X_MECHANISMS,
    X_SUITES,
    quote,
    termination_id,
    unquote,
)
from iq.procedures import (
    AuditRoot,
    AuditTerminations,
    AuthenticationFailures,
    BearerChange,
    BearerReleased,
    Change,
    Heartbeat,
    MediaInactivity,
    OutOfService,
    Procedure,
    Reason,
    Register,
    Registered,
    SecurityCause,
    SecurityChange,
    ServiceChangeMethod,
)

_REASONS = {
    Reason.SERVICE_RESTORED: "Service Restored",
    Reason.COLD_BOOT: "Cold Boot",
    Reason.WARM_BOOT: "Warm Boot",
    Reason.MALFUNCTIONING: "Termination Malfunctioning",
    Reason.OUT_OF_SERVICE: "Termination Taken Out Of Service",
}
#: What takes a single termination out of service.
_OUT_OF_SERVICE = frozenset({Reason.MALFUNCTIONING, Reason.OUT_OF_SERVICE})
_REASON = re.compile(r'"?([0-9]{3})\b.*')
_NUMBER = re.compile(r"[0-9]{1,9}")
MAX_NAMES = 32
_CAUSES = {cause.value: cause for cause in SecurityCause}
#: Values of g/cause Generalcause (H.248.1 E.1.2); others go out as UN.
GENERAL_CAUSES = frozenset({"NR", "UR", "FT", "FP", "IW", "UN"})


def register_to_command(register: Register) -> Command:
    """Return the ServiceChange on ROOT; epoch and abilities go into extension parameters."""
    parameters = [
        Node("Method", register.method.value, operator="="),
        Node("Version", str(register.version), operator="="),
        _reason(register.reason),
        Node("Delay", "0", operator="="),
        Node("Profile", register.profile, operator="="),
    ]
    if register.epoch:
        parameters.append(Node(X_EPOCH, quote(register.epoch), operator="="))
    if register.suites:
        parameters.append(Node(X_SUITES, quote(" ".join(register.suites)), operator="="))
    if register.mechanisms:
        parameters.append(Node(X_MECHANISMS, quote(" ".join(register.mechanisms)), operator="="))
    if register.aware:
        parameters.append(Node(X_AWARE, quote(" ".join(register.aware)), operator="="))
    return Command("ServiceChange", ROOT, [Services(parameters)])


def out_of_service_to_command(procedure: OutOfService) -> Command:
    """Return the ServiceChange on a termination."""
    method = Node("Method", ServiceChangeMethod.FORCED.value, operator="=")
    parameters = [method, _reason(procedure.reason)]
    return Command("ServiceChange", termination_id(procedure.termination), [Services(parameters)])


def _reason(reason: Reason) -> Node:
    return Node("Reason", quote(f"{reason.value} {_REASONS[reason]}"), operator="=")


def _services(command: Command) -> dict[str, Node]:
    for descriptor in command.descriptors:
        if isinstance(descriptor, Services):
            return {node.name: node for node in descriptor.parameters}
    return {}


def _version(nodes: dict[str, Node], default: int) -> int:
    if (node := nodes.get("Version")) is None:
        return default
    if not _NUMBER.fullmatch(node.value):
        raise IqError(UNSUPPORTED_VALUE, "value of Version")
    return int(node.value)


def service_change_from_command(command: Command) -> Register | OutOfService:
    """Return what a ServiceChange on ROOT, or on a termination, says. Raises IqError 449 or 472."""
    nodes = _services(command)
    if "Method" not in nodes or "Reason" not in nodes:
        raise IqError(MISSING_INFORMATION, "ServiceChange without Method and Reason")
    try:
        method = ServiceChangeMethod(nodes["Method"].value)
        match = _REASON.fullmatch(nodes["Reason"].value)
        reason = Reason(int(match[1])) if match else None
    except ValueError:
        reason = None
    if reason is None:
        raise IqError(UNSUPPORTED_VALUE, "value of Method or Reason")
    if command.termination.upper() != ROOT:
        if method is not ServiceChangeMethod.FORCED or reason not in _OUT_OF_SERVICE:
            raise IqError(UNSUPPORTED_VALUE, "value of Method or Reason for a termination")
        return OutOfService(command.termination, reason)
    empty = Node("")
    suites, mechanisms = _names(nodes, X_SUITES), _names(nodes, X_MECHANISMS)
    profile = nodes.get("Profile", empty).value
    epoch = unquote(nodes.get(X_EPOCH, empty).value)
    version, aware = _version(nodes, 1), _names(nodes, X_AWARE)
    return Register(method, reason, version, profile, epoch, suites, mechanisms, aware)


def _names(nodes: dict[str, Node], parameter: str) -> tuple[str, ...]:
    node = nodes.get(parameter)
    names = unquote(node.value).split() if node is not None else []
    if len(names) > MAX_NAMES:
        raise IqError(UNSUPPORTED_VALUE, f"more than {MAX_NAMES} names in {parameter}")
    return tuple(names)


def registered_to_command(registered: Registered) -> Command:
    """Return the reply to a ServiceChange on ROOT."""
    parameters = [Node("Version", str(registered.version), operator="=")]
    if registered.profile is not None:
        parameters.append(Node("Profile", registered.profile, operator="="))
    return Command("ServiceChange", ROOT, [Services(parameters)])


def registered_from_command(command: Command) -> Registered:
    """Return what the reply to a ServiceChange says."""
    nodes = _services(command)
    profile = nodes.get("Profile")
    return Registered(_version(nodes, 1), profile.value if profile else None)


def notify_to_command(
    procedure: Heartbeat
    | BearerReleased
    | MediaInactivity
    | BearerChange
    | SecurityChange
    | AuthenticationFailures,
) -> Command:
    """Return the Notify of one observed event."""
    match procedure:
        case Heartbeat():
            event = Node(HEARTBEAT)
        case MediaInactivity():
            event = Node(INACTIVITY)
        case BearerReleased(_, general, failure):
            event = Node(CAUSE, body=[Node(GENERAL_CAUSE, _cause(general), operator="=")])
            if failure and event.body is not None:
                event.body.append(Node(FAILURE_CAUSE, quote(plain(failure)), operator="="))
        case BearerChange(_, stream, change, cause):
            event = _of_stream(CONNECTION, stream, CONNECTION_CHANGE, change.value)
            if cause and event.body is not None:
                event.body.append(Node(CONNECTION_CAUSE, quote(plain(cause)), operator="="))
        case SecurityChange(_, stream, change, why):
            event = _of_stream(SECURITY, stream, CONNECTION_CHANGE, change.value)
            if event.body is not None:
                event.body.append(Node(CONNECTION_CAUSE, quote(why.value), operator="="))
        case AuthenticationFailures(_, stream, count):
            event = _of_stream(AUTHENTICATION, stream, AUTHENTICATION_COUNT, str(count))
    return Command(
        "Notify", termination_id(procedure.termination), [ObservedEvents(REQUEST_ID, [Observed(event)])]
    )


def _of_stream(event: str, stream: int, parameter: str, value: str) -> Node:
    return Node(event, body=[Node(STREAM, str(stream), operator="="), Node(parameter, value, operator="=")])


def _cause(general: str) -> str:
    return general if general in GENERAL_CAUSES else "UN"


def observed_from_command(command: Command) -> list[Procedure]:
    """Return one procedure for each event of a Notify. Raises IqError 449, 451 or 472."""
    procedures: list[Procedure] = []
    for descriptor in command.descriptors:
        if not isinstance(descriptor, ObservedEvents):
            continue
        for observed in descriptor.events:
            event = observed.event
            values = {node.name: unquote(node.value) for node in event.body or []}
            if event.name == HEARTBEAT:
                procedures.append(Heartbeat(command.termination))
            elif event.name == INACTIVITY:
                procedures.append(MediaInactivity(command.termination))
            elif event.name == CAUSE:
                general = values.get(GENERAL_CAUSE, "UN").upper()
                procedures.append(BearerReleased(command.termination, general, values.get(FAILURE_CAUSE, "")))
            elif event.name == CONNECTION:
                procedures.append(_bearer_change(command.termination, values))
            elif event.name == SECURITY:
                procedures.append(_security_change(command.termination, values))
            elif event.name == AUTHENTICATION:
                count = _count(values, AUTHENTICATION_COUNT, 0)
                procedures.append(
                    AuthenticationFailures(command.termination, _count(values, STREAM, 1), count)
                )
            else:
                raise IqError(NO_SUCH_EVENT, f"unexpected event {plain(event.name)}")
    if not procedures:
        raise IqError(MISSING_INFORMATION, "Notify without ObservedEvents")
    return procedures


def _bearer_change(termination: str, values: dict[str, str]) -> BearerChange:
    change = _change(CONNECTION, values)
    return BearerChange(termination, _count(values, STREAM, 1), change, values.get(CONNECTION_CAUSE, ""))


def _security_change(termination: str, values: dict[str, str]) -> SecurityChange:
    """A cause in other words, or none, is a protocol error: what follows from any of them is the same."""
    change = _change(SECURITY, values)
    cause = _CAUSES.get(values.get(CONNECTION_CAUSE, "").lower(), SecurityCause.PROTOCOL)
    return SecurityChange(termination, _count(values, STREAM, 1), change, cause)


def _change(event: str, values: dict[str, str]) -> Change:
    try:
        return Change(values.get(CONNECTION_CHANGE, "").upper())
    except ValueError:
        raise IqError(UNSUPPORTED_VALUE, f"value of {event} {CONNECTION_CHANGE}") from None


def _count(values: dict[str, str], name: str, default: int) -> int:
    if (text := values.get(name)) is None:
        return default
    if not _NUMBER.fullmatch(text):
        raise IqError(UNSUPPORTED_VALUE, f"value of {name}")
    return int(text)


def audit_from_command(command: Command, context: int | None) -> AuditRoot | AuditTerminations:
    """Return the audit that an AuditValue asks for. Raises IqError 421 or 501."""
    if any(not isinstance(d, Audit) or d.items for d in command.descriptors):
        raise IqError(NOT_IMPLEMENTED, "only an empty Audit is implemented")
    if command.termination.upper() == ROOT:
        if context != 0:
            raise IqError(ILLEGAL_ACTION, "ROOT is in the null context")
        return AuditRoot()
    if context is None:
        raise IqError(ILLEGAL_ACTION, "audit of a context to be chosen")
    return AuditTerminations(command.termination)
