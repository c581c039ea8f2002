"""Faults on demand: which call meets which one."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

# What each kind does to a call. Those that end in _after happen when the change has taken effect.
KINDS = frozenset(
    {"error", "throttle", "delay", "drop_before", "drop_after", "page", "page_after", "hold", "hold_after"}
)
ANY = "*"


@dataclass(frozen=True)
class Fault:
    """Meets the `nth` call of `action` from now, and the following ones until it met `times` (None: all).

    With `after`, counting begins anew whenever a call of that action has succeeded, and ends `within` seconds later.
    `code`, `status` and `message` are of an error; `seconds` is a delay's. A page is what somebody between here and
    AWS answers: HTML with `status`.
    """

    kind: str
    action: str = ANY
    nth: int = 1
    times: int | None = 1
    code: str = "InternalFailure"
    status: int = 400
    message: str = "The sandbox was told to answer so."
    seconds: float = 0.0
    after: str | None = None
    within: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"There is no fault {self.kind!r}; there are {', '.join(sorted(KINDS))}.")


@dataclass
class _Rule:
    fault: Fault
    armed: bool
    armed_at: float = 0.0
    seen: int = 0

    def meets(self, action: str, now: float) -> bool:
        fault = self.fault
        if not self.armed or fault.action not in (ANY, action):
            return False
        if fault.within is not None and now > self.armed_at + fault.within:
            return False
        self.seen += 1
        last = None if fault.times is None else fault.nth + fault.times - 1
        return self.seen >= fault.nth and (last is None or self.seen <= last)

    def arm(self, now: float) -> None:
        self.armed, self.armed_at, self.seen = True, now, 0


@dataclass
class FaultBook:
    clock: Callable[[], float] = time.monotonic
    _rules: list[_Rule] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._rules.append(_Rule(fault, armed=fault.after is None, armed_at=self.clock()))

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def meeting(self, action: str) -> list[Fault]:
        """The faults that this call meets; it counts for every rule that is about its action."""
        with self._lock:
            now = self.clock()
            return [rule.fault for rule in self._rules if rule.meets(action, now)]

    def succeeded(self, action: str) -> None:
        with self._lock:
            for rule in self._rules:
                if rule.fault.after == action:
                    rule.arm(self.clock())


class Holds:
    """Calls that stand still until they are released."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: list[int] = []
        # Released and not yet ended: whether they are to be dropped.
        self._released: dict[int, bool] = {}

    def hold(self, number: int) -> bool:
        """Returns when the call is released: whether it shall be dropped."""
        with self._changed:
            self._released.pop(number, None)
            self._held.append(number)
            self._changed.notify_all()
            self._changed.wait_for(lambda: number in self._released)
            return self._released[number]

    def ended(self, number: int) -> None:
        """To be told of every call."""
        with self._changed:
            if self._released.pop(number, None) is not None:
                self._changed.notify_all()

    def release(self, drop: bool) -> None:
        """Returns when the calls that were held have had their effect, or are lost."""
        with self._changed:
            numbers = self._held[:]
            self._held.clear()
            self._released |= dict.fromkeys(numbers, drop)
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._released.keys() & numbers)

    def wait(self, count: int, timeout: float) -> list[int]:
        """The numbers of the calls that are held, once there are `count` of them or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._held) >= count, timeout)
            return list(self._held)
