"""The four transaction state machines as data: (state, input) -> (next state, actions).

RFC 3261 figures 5 to 8 as changed by RFC 6026. A pair that is not listed changes nothing: late timers and
stray messages are normal on UDP. The actions are constants; ``interpreter.py`` says what each does.
Each transaction has at most two timers: RESEND (A, E, G, and the wait before 100) and END (all others).
Starting one replaces the one in its place.
"""

from enum import StrEnum, auto


class State(StrEnum):
    CALLING = auto()
    TRYING = auto()
    PROCEEDING = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    ACCEPTED = auto()
    TERMINATED = auto()


class Input(StrEnum):
    """What can happen: messages from the wire, TU_* responses and CANCEL of the user, timers, the flow."""

    R1XX = auto()
    R2XX = auto()
    R3XX_6XX = auto()
    REQUEST = auto()
    ACK = auto()
    TU_1XX = auto()
    TU_2XX = auto()
    TU_3XX_6XX = auto()
    CANCEL = auto()
    TIMER_A = auto()
    TIMER_B = auto()
    TIMER_D = auto()
    TIMER_E = auto()
    TIMER_F = auto()
    TIMER_G = auto()
    TIMER_H = auto()
    TIMER_I = auto()
    TIMER_J = auto()
    TIMER_K = auto()
    TIMER_L = auto()
    TIMER_M = auto()
    TIMER_TRYING = auto()  # RFC 3261 17.2.1: 200 ms without a response of the user
    TIMER_CANCELLED = auto()  # RFC 3261 9.1: 64*T1 after CANCEL without a final response
    TIMER_UNANSWERED = auto()  # our limit on a non-INVITE request that the user never answers
    TRANSPORT_ERROR = auto()


class Action(StrEnum):
    SEND = auto()  # the message in hand, and keep its bytes
    RESEND = auto()  # the bytes kept
    ACK = auto()  # build the ACK of a 3xx to 6xx, send and keep it
    PASS_REQUEST = auto()  # to the user
    PASS_ACK = auto()
    PASS_RESPONSE = auto()
    START_A = auto()
    START_B = auto()
    START_D = auto()
    START_E = auto()
    START_F = auto()
    START_G = auto()
    START_H = auto()
    START_I = auto()
    START_J = auto()
    START_K = auto()
    START_L = auto()
    START_M = auto()
    START_TRYING = auto()
    START_CANCELLED = auto()
    START_UNANSWERED = auto()
    DOUBLE_A = auto()
    DOUBLE_E = auto()
    DOUBLE_G = auto()
    E_AT_T2 = auto()
    STOP_RESEND = auto()
    STOP_END = auto()
    SEND_TRYING = auto()
    HOLD_CANCEL = auto()  # 9.1: no CANCEL before a provisional response
    CANCEL_IF_HELD = auto()
    SEND_CANCEL = auto()
    SPEND = auto()  # let go of what is not needed for retransmissions
    END = auto()  # done
    FAIL_TIMEOUT = auto()  # done; the user learns that there is no response
    FAIL_TRANSPORT = auto()


S, In, A = State, Input, Action
Step = tuple[State, tuple[Action, ...]]
Table = dict[tuple[State, Input], Step]

#: Actions that announce the end of a transaction.
ENDINGS = frozenset({A.END, A.FAIL_TIMEOUT, A.FAIL_TRANSPORT})

#: What each start of a transaction does, before any input.
CLIENT_START = (A.START_F, A.START_E, A.SEND)
CLIENT_STARTS = {"INVITE": (A.START_B, A.START_A, A.SEND)}
SERVER_START = (A.START_UNANSWERED, A.PASS_REQUEST)
SERVER_STARTS = {
    "INVITE": (A.START_TRYING, A.PASS_REQUEST),
    "CANCEL": (A.START_UNANSWERED,),  # the layer answers it
}

#: Figure 5, RFC 6026 7.2. Timer B does not run in PROCEEDING: a phone may ring on until the user's Timer C.
INVITE_CLIENT: Table = {
    (S.CALLING, In.R1XX): (S.PROCEEDING, (A.STOP_RESEND, A.STOP_END, A.PASS_RESPONSE, A.CANCEL_IF_HELD)),
    (S.CALLING, In.R2XX): (S.ACCEPTED, (A.STOP_RESEND, A.PASS_RESPONSE, A.SPEND, A.START_M)),
    (S.CALLING, In.R3XX_6XX): (S.COMPLETED, (A.STOP_RESEND, A.ACK, A.PASS_RESPONSE, A.SPEND, A.START_D)),
    (S.CALLING, In.CANCEL): (S.CALLING, (A.HOLD_CANCEL,)),
    (S.CALLING, In.TIMER_A): (S.CALLING, (A.RESEND, A.DOUBLE_A)),
    (S.CALLING, In.TIMER_B): (S.TERMINATED, (A.FAIL_TIMEOUT,)),
    (S.CALLING, In.TRANSPORT_ERROR): (S.TERMINATED, (A.FAIL_TRANSPORT,)),
    (S.PROCEEDING, In.R1XX): (S.PROCEEDING, (A.PASS_RESPONSE,)),
    (S.PROCEEDING, In.R2XX): (S.ACCEPTED, (A.PASS_RESPONSE, A.SPEND, A.START_M)),
    (S.PROCEEDING, In.R3XX_6XX): (S.COMPLETED, (A.ACK, A.PASS_RESPONSE, A.SPEND, A.START_D)),
    (S.PROCEEDING, In.CANCEL): (S.PROCEEDING, (A.SEND_CANCEL, A.START_CANCELLED)),
    (S.PROCEEDING, In.TIMER_CANCELLED): (S.TERMINATED, (A.FAIL_TIMEOUT,)),
    (S.PROCEEDING, In.TRANSPORT_ERROR): (S.TERMINATED, (A.FAIL_TRANSPORT,)),
    (S.COMPLETED, In.R3XX_6XX): (S.COMPLETED, (A.RESEND,)),
    (S.COMPLETED, In.TIMER_D): (S.TERMINATED, (A.END,)),
    (S.COMPLETED, In.TRANSPORT_ERROR): (S.TERMINATED, (A.END,)),
    (S.ACCEPTED, In.R2XX): (S.ACCEPTED, (A.PASS_RESPONSE,)),
    (S.ACCEPTED, In.TIMER_M): (S.TERMINATED, (A.END,)),
}

#: Figure 6.
CLIENT: Table = {
    (S.TRYING, In.R1XX): (S.PROCEEDING, (A.PASS_RESPONSE,)),
    (S.TRYING, In.R2XX): (S.COMPLETED, (A.STOP_RESEND, A.PASS_RESPONSE, A.SPEND, A.START_K)),
    (S.TRYING, In.R3XX_6XX): (S.COMPLETED, (A.STOP_RESEND, A.PASS_RESPONSE, A.SPEND, A.START_K)),
    (S.TRYING, In.TIMER_E): (S.TRYING, (A.RESEND, A.DOUBLE_E)),
    (S.TRYING, In.TIMER_F): (S.TERMINATED, (A.FAIL_TIMEOUT,)),
    (S.TRYING, In.TRANSPORT_ERROR): (S.TERMINATED, (A.FAIL_TRANSPORT,)),
    (S.PROCEEDING, In.R1XX): (S.PROCEEDING, (A.PASS_RESPONSE,)),
    (S.PROCEEDING, In.R2XX): (S.COMPLETED, (A.STOP_RESEND, A.PASS_RESPONSE, A.SPEND, A.START_K)),
    (S.PROCEEDING, In.R3XX_6XX): (S.COMPLETED, (A.STOP_RESEND, A.PASS_RESPONSE, A.SPEND, A.START_K)),
    (S.PROCEEDING, In.TIMER_E): (S.PROCEEDING, (A.RESEND, A.E_AT_T2)),
    (S.PROCEEDING, In.TIMER_F): (S.TERMINATED, (A.FAIL_TIMEOUT,)),
    (S.PROCEEDING, In.TRANSPORT_ERROR): (S.TERMINATED, (A.FAIL_TRANSPORT,)),
    (S.COMPLETED, In.TIMER_K): (S.TERMINATED, (A.END,)),
}

#: Figure 7, RFC 6026 7.1. Transport errors leave the state as it is (RFC 6026 7.1); the transport has tried
#: another connection already. ACCEPTED absorbs the INVITE; 2xx are the user's to repeat.
INVITE_SERVER: Table = {
    (S.PROCEEDING, In.REQUEST): (S.PROCEEDING, (A.RESEND,)),
    (S.PROCEEDING, In.TIMER_TRYING): (S.PROCEEDING, (A.SEND_TRYING,)),
    (S.PROCEEDING, In.TU_1XX): (S.PROCEEDING, (A.STOP_RESEND, A.SEND)),
    (S.PROCEEDING, In.TU_2XX): (S.ACCEPTED, (A.STOP_RESEND, A.SEND, A.SPEND, A.START_L)),
    (S.PROCEEDING, In.TU_3XX_6XX): (S.COMPLETED, (A.STOP_RESEND, A.SEND, A.SPEND, A.START_G, A.START_H)),
    (S.COMPLETED, In.REQUEST): (S.COMPLETED, (A.RESEND,)),
    (S.COMPLETED, In.TIMER_G): (S.COMPLETED, (A.RESEND, A.DOUBLE_G)),
    (S.COMPLETED, In.TIMER_H): (S.TERMINATED, (A.END,)),
    (S.COMPLETED, In.ACK): (S.CONFIRMED, (A.STOP_RESEND, A.START_I)),
    (S.CONFIRMED, In.TIMER_I): (S.TERMINATED, (A.END,)),
    (S.ACCEPTED, In.TU_2XX): (S.ACCEPTED, (A.SEND,)),
    (S.ACCEPTED, In.ACK): (S.ACCEPTED, (A.PASS_ACK,)),
    (S.ACCEPTED, In.TIMER_L): (S.TERMINATED, (A.END,)),
}

#: Figure 8, and TIMER_UNANSWERED: later than every client's Timer F a response is of no use (RFC 4320 4.2).
SERVER: Table = {
    (S.TRYING, In.TU_1XX): (S.PROCEEDING, (A.SEND,)),
    (S.TRYING, In.TU_2XX): (S.COMPLETED, (A.SEND, A.SPEND, A.START_J)),
    (S.TRYING, In.TU_3XX_6XX): (S.COMPLETED, (A.SEND, A.SPEND, A.START_J)),
    (S.TRYING, In.TIMER_UNANSWERED): (S.TERMINATED, (A.END,)),
    (S.PROCEEDING, In.REQUEST): (S.PROCEEDING, (A.RESEND,)),
    (S.PROCEEDING, In.TU_1XX): (S.PROCEEDING, (A.SEND,)),
    (S.PROCEEDING, In.TU_2XX): (S.COMPLETED, (A.SEND, A.SPEND, A.START_J)),
    (S.PROCEEDING, In.TU_3XX_6XX): (S.COMPLETED, (A.SEND, A.SPEND, A.START_J)),
    (S.PROCEEDING, In.TIMER_UNANSWERED): (S.TERMINATED, (A.END,)),
    (S.COMPLETED, In.REQUEST): (S.COMPLETED, (A.RESEND,)),
    (S.COMPLETED, In.TIMER_J): (S.TERMINATED, (A.END,)),
}
