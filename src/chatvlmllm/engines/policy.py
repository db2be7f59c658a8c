"""What must stop so that a model can run, and whose turn is next. Pure: every decision is made from its arguments.

Each plan carries its reason as a stable word, spoken by `messages` under `reasons`.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

#: The previous model stops first; or several stay while memory allows.
SINGLE, BUDGET = "single", "budget"


@dataclass(frozen=True, slots=True)
class Resident:
    """A model that holds memory: how much (bytes), when it was last used, and what may be done with it."""

    model: str
    bytes: int
    used_at: float
    busy: bool = False
    pinned: bool = False
    asleep: bool = False
    can_sleep: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do before the target starts: `stop` and `sleep` others in this order; `possible` may be False."""

    stop: tuple[str, ...] = ()
    sleep: tuple[str, ...] = ()
    reason: str = "fits"
    possible: bool = True

    @property
    def victims(self) -> tuple[str, ...]:
        return (*self.stop, *self.sleep)


@dataclass(frozen=True, slots=True)
class Rules:
    """The policy in force. `budget` bounds the bytes of all residents together; 0 means what the device has."""

    policy: str = SINGLE
    budget: int = 0
    sleep: bool = True


def plan(target: str, needed: int, residents: Sequence[Resident], free: int | None, rules: Rules) -> Plan:
    """How to make room for `target`; `free` is the device's free memory now, None where nobody can measure it."""
    if any(resident.model == target and not resident.asleep for resident in residents):
        return Plan(reason="already_running")
    others = [resident for resident in residents if resident.model != target]
    if rules.policy == SINGLE:
        return _single(others, rules)
    return _budget(needed, others, free, rules)


def _single(others: Sequence[Resident], rules: Rules) -> Plan:
    pinned = [resident.model for resident in others if resident.pinned and not resident.asleep]
    if pinned:
        return Plan(reason="pinned_in_the_way", possible=False)
    awake = [resident for resident in others if not resident.asleep]
    if not awake:
        return Plan(reason="nothing_runs")
    return _retire(awake, rules, "single")


def _budget(needed: int, others: Sequence[Resident], free: int | None, rules: Rules) -> Plan:
    """Least recently used goes first, idle ones before busy ones, and no more of them than necessary."""
    room = _room(others, free, rules)
    if room is None or room >= needed:
        return Plan(reason="fits")
    order = sorted((r for r in others if not r.pinned), key=lambda r: (r.busy, r.used_at))
    gone: list[Resident] = []
    for resident in order:
        gone.append(resident)
        room += resident.bytes
        if room >= needed:
            return _retire(gone, rules, "least_recently_used")
    return Plan(reason="does_not_fit", possible=False)


def _room(others: Iterable[Resident], free: int | None, rules: Rules) -> int | None:
    """Bytes that the target may take now; both the budget and the device bound them."""
    bounds = []
    if free is not None:
        bounds.append(free)
    if rules.budget:
        bounds.append(rules.budget - sum(resident.bytes for resident in others))
    return min(bounds) if bounds else None


def _retire(residents: Sequence[Resident], rules: Rules, reason: str) -> Plan:
    sleep = tuple(r.model for r in residents if rules.sleep and r.can_sleep and not r.asleep)
    return Plan(tuple(r.model for r in residents if r.model not in sleep), sleep, reason)


@dataclass(frozen=True, slots=True)
class Ticket:
    """One request that waits for `model`; numbers grow with arrival."""

    number: int
    model: str


@dataclass(frozen=True, slots=True)
class Turn:
    """Who goes on (`ticket`), or which model is to be brought in (`swap`); neither when nobody waits."""

    ticket: Ticket | None = None
    swap: str | None = None


def next_turn(waiting: Iterable[Ticket], running: Collection[str], served: int, fairness: int) -> Turn:
    """Group by model, within bounds.

    Requests for running models go on, the oldest first, until `fairness` of them (`served`) were served before an older
    one whose model does not run; then the oldest of those has its way. So a batch swaps about once per `fairness`
    pages, and of each other model at most `fairness` later requests overtake one that waits.
    """
    tickets = sorted(waiting, key=lambda ticket: ticket.number)
    blocked = next((ticket for ticket in tickets if ticket.model not in running), None)
    ready = next((ticket for ticket in tickets if ticket.model in running), None)
    if ready is not None and (blocked is None or served < fairness):
        return Turn(ticket=ready)
    return Turn(swap=blocked.model) if blocked is not None else Turn()


def overtakes(ticket: Ticket, waiting: Iterable[Ticket], running: Collection[str]) -> bool:
    """Whether serving `ticket` lets an older request wait whose model does not run."""
    return any(other.number < ticket.number and other.model not in running for other in waiting)


def utilization(total: int, free: int, wanted: int, weights: int) -> float | None:
    """The share of the GPU's memory that vLLM is to take, from what is free now; None when it cannot work.

    vLLM counts its share of the whole card and refuses to start when less than that is free (`Free memory … less than
    desired`), so the share follows what is free, less one sixteenth for what other programs take meanwhile.
    """
    usable = free - total // 16
    # Below its weights and an eighth more for activations and cache, a server starts only to fail.
    if usable < weights + weights // 8:
        return None
    return max(0.01, int(min(wanted, usable) / total * 100) / 100)


@dataclass(frozen=True, slots=True)
class Breaker:
    """How often a model failed in a row and when; after `limit` failures it rests, longer each time."""

    failures: int = 0
    failed_at: float = 0.0
    limit: int = 4
    rest: float = 60.0

    def failed(self, now: float) -> "Breaker":
        return Breaker(self.failures + 1, now, self.limit, self.rest)

    def worked(self) -> "Breaker":
        return Breaker(limit=self.limit, rest=self.rest)

    def resting(self, now: float) -> float:
        """Seconds until the next try; 0 when it may be tried now."""
        if self.failures < self.limit:
            return 0.0
        return max(0.0, self.failed_at + self.rest * 2.0 ** min(4, self.failures - self.limit) - now)
