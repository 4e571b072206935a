"""Keywords of the text encoding (H.248.1 B.2), long and short, by the place where each may stand.

Every table maps the lower-case spelling, long or short, to the canonical long name: names of packages and
parameters that happen to spell a keyword of another place stay what they are.
"""

_PAIRS = """
Add A, Modify MF, Subtract S, Move MV, Notify N, AuditValue AV, AuditCapability AC, ServiceChange SC,
Transaction T, Reply P, Pending PN, TransactionResponseAck K, Context C, Error ER, ImmAckRequired IA,
Authentication AU, Media M, Stream ST, LocalControl O, Local L, Remote R, TerminationState TS, Mode MO,
ServiceStates SI, SendReceive SR, SendOnly SO, ReceiveOnly RC, Inactive IN, Loopback LB, InService IV,
OutOfService OS, Test TE, ReservedValue RV, ReservedGroup RG, Buffer BF, EventBuffer EB, Events E,
ObservedEvents OE, Signals SG, SignalList SL, SignalType SY, OnOff OO, TimeOut TO, Brief BR, Duration DR,
NotifyCompletion NC, KeepActive KA, DigitMap DM, Audit AT, Packages PG, Statistics SA, Topology TP,
Isolate IS, Oneway OW, Bothway BW, Delay DL, Services SV, Method MT, Reason RE, Profile PF, Version V,
ServiceChangeAddress AD, MgcIdToTry MG, Restart RS, Forced FO, Graceful GR, Disconnected DC, Handoff HO,
Failover FL, Priority PR, Emergency EG, EmergencyOff EGO, IEPSCall IEPS, ContextAudit CA, ContextAttr CT,
ContextList CLT, Embed EM, Modem MD, Mux MX, LockStep SP, Segment SM
"""

#: long name -> short token, as we write it. MEGACO, ON and OFF stand for themselves.
SHORT: dict[str, str] = {pair.split()[0]: pair.split()[1] for pair in _PAIRS.replace("\n", " ").split(",")}


def _table(names: str) -> dict[str, str]:
    table = {}
    for name in names.split():
        table[name.lower()] = table[SHORT.get(name, name).lower()] = name
    return table


BODY = _table("Transaction Reply Pending TransactionResponseAck Error Segment")
VERBS = _table("Add Modify Subtract Move Notify AuditValue AuditCapability ServiceChange")
CONTEXT = _table("Context")
CONTEXT_PROPERTIES = _table(
    "Priority Emergency EmergencyOff IEPSCall Topology ContextAudit ContextAttr ContextList"
)
DESCRIPTORS = _table(
    "Media Events ObservedEvents EventBuffer Signals Audit Services DigitMap Error Modem Mux Packages "
    "Statistics"
)
MEDIA = _table("Stream TerminationState LocalControl Local Remote Statistics")
CONTROL = _table("Mode ReservedValue ReservedGroup")
STATE = _table("ServiceStates Buffer EventBuffer")
EVENT = _table("Stream KeepActive Embed DigitMap Events Signals NotifyCompletion")
SIGNAL = _table("SignalList SignalType Duration NotifyCompletion KeepActive Stream")
SERVICES = _table("Method Version Reason Delay Profile ServiceChangeAddress MgcIdToTry")
AUDIT = _table(
    "Media Events ObservedEvents EventBuffer Signals DigitMap Modem Mux Packages Statistics Stream "
    "TerminationState LocalControl Local Remote Mode"
)
TOPOLOGY = _table("Isolate Oneway Bothway Topology Emergency Priority")
IMM_ACK = _table("ImmAckRequired")

#: keyword property -> its keyword values.
VALUES = {
    "Mode": _table("SendReceive SendOnly ReceiveOnly Inactive Loopback"),
    "ServiceStates": _table("InService OutOfService Test"),
    "SignalType": _table("OnOff TimeOut Brief"),
    "Method": _table("Restart Forced Graceful Disconnected Handoff Failover"),
    "Buffer": _table("LockStep"),
}
