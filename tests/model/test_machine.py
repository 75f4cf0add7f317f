"""Hypothesis looks for the shortest history of one card that ends otherwise than the model's."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.model import dice
from tests.model.comparing import differences
from tests.model.histories import FIRST, STATEMENTS_MAX
from tests.model.reference import NO_ZONE, Program
from tests.model.shop import Shop

BOUNDED = settings(
    max_examples=25,
    stateful_step_count=14,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
SECOND = timedelta(seconds=1)
DAYS = st.sampled_from((None, 0, 1, 2, 5, 10, 20, 40000))
STAGES = st.lists(st.integers(-1, 30), max_size=3)
ZONES = st.sampled_from(dice.ZONES)
POINTS = st.integers(1, 50)


class CardMachine(RuleBasedStateMachine):
    """One card's life, with every rule of the application and of the people around it."""

    databases = None

    def __init__(self) -> None:
        super().__init__()
        self._database = self.databases.lent()
        self.engine = self._database.__enter__()
        self.shop = Shop(self.engine, FIRST)

    def teardown(self) -> None:
        self._database.__exit__(None, None, None)

    @property
    def member(self):
        return self.shop.members[0]

    @property
    def card(self):
        return next(iter(self.member.cards.items()))

    @initialize(days=DAYS, stages=STAGES, notice=st.integers(0, 3), zone=ZONES, points=POINTS)
    def enrol(self, days, stages, notice, zone, points):
        self.shop.enrol(Program(days, stages, notice, zone), cards=1)
        self.shop.book(*self.card, "points_earned", points, self.shop.now)

    @rule(seconds=st.integers(1, 5 * 86400))
    def let_time_pass(self, seconds):
        self.shop.now += seconds * SECOND

    @rule(which=st.integers(0, 9), offset=st.sampled_from((-1, 0, 1)))
    def jump_to_a_midnight_that_decides(self, which, offset):
        _, card = self.card
        edges = sorted(edge for edge in dice.midnights(card) if edge > self.shop.now + SECOND)
        if edges:
            self.shop.now = edges[min(which, len(edges) - 1)] + offset * SECOND

    @rule(points=POINTS, days_ago=st.sampled_from((0, 0, 1, 5, 15)))
    def earn(self, points, days_ago):
        self.shop.book(*self.card, "points_earned", points, self.shop.now - timedelta(days_ago))

    @precondition(lambda self: self.card[1].balance)
    @rule(share=st.floats(0.01, 1))
    def redeem(self, share):
        points = max(1, int(self.card[1].balance * share))
        self.shop.book(*self.card, "points_redeemed", -points, self.shop.now)

    @rule(points=POINTS)
    def adjust(self, points):
        self.shop.book(*self.card, "points_adjusted", points, self.shop.now)

    @rule(setting=st.one_of(
        st.tuples(st.just("days"), DAYS),
        st.tuples(st.just("warning_days"), STAGES),
        st.tuples(st.just("min_notice"), st.integers(0, 5)),
        st.tuples(st.just("zone"), st.one_of(ZONES, st.just(NO_ZONE))),
        st.tuples(st.just("is_active"), st.booleans()),
    ))  # fmt: skip
    def change_the_settings(self, setting):
        self.shop.set_program(self.member, *setting)

    @rule(is_active=st.booleans())
    def change_the_card(self, is_active):
        self.shop.set_card(*self.card, is_active)

    @rule(is_reachable=st.booleans())
    def change_the_address(self, is_reachable):
        self.shop.set_reachable(*self.card, is_reachable)

    @rule(
        days_late=st.sampled_from((0, 0, 0, 1, 4)),
        dry_run=st.sampled_from((False, False, False, True)),
        crash_at=st.one_of(st.none(), st.integers(1, STATEMENTS_MAX)),
    )
    def run_a_day(self, days_late, dry_run, crash_at):
        as_of = self.shop.now - timedelta(days_late)
        self.shop.run(as_of, dry_run=dry_run, crash_at=crash_at)

    @rule(outcome=st.sampled_from(("sent", *dice.OUTCOMES)))
    def post(self, outcome):
        self.shop.post({self.card[0]: outcome})

    @invariant()
    def equals_the_model(self):
        if self.shop.members:
            assert differences(self.shop) == []
            self.shop.run_id, self.shop.has_just_run = None, False


def test_no_history_of_a_card_ends_otherwise_than_the_models(databases, monkeypatch):
    # The machine sets the clock itself; it is put back with everything else.
    monkeypatch.setenv("LOYALTY_NOW", FIRST.isoformat())
    monkeypatch.setattr(CardMachine, "databases", databases)
    run_state_machine_as_test(CardMachine, settings=BOUNDED)
