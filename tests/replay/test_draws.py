from __future__ import annotations

from include.replay.draws import choose, draw


def test_draw_is_the_head_of_a_sha256() -> None:
    # printf '1997:time:1' | sha256sum  ->  df7db645cd5aca3c1811098e...
    assert draw(1997, "time", [1]).tolist() == [0xDF7DB645CD5ACA3C]


def test_draws_differ_by_seed_purpose_and_number() -> None:
    drawn = {
        int(draw(seed, purpose, [number])[0])
        for seed in (1997, 1998)
        for purpose in ("time", "store")
        for number in (1, 2)
    }
    assert len(drawn) == 8


def test_choice_is_the_draw_modulo_the_options() -> None:
    # 0xdf7db645cd5aca3c ends in 0xc = 12; 2^64 and 16 leave the last hex digit modulo 4: 12 % 4.
    assert choose(("a", "b", "c", "d"), seed=1997, purpose="time", numbers=[1]) == ["a"]
    # ... and modulo 8 it is 12 % 8 = 4.
    assert choose(tuple("abcdefgh"), seed=1997, purpose="time", numbers=[1]) == ["e"]


def test_nothing_to_draw_gives_nothing() -> None:
    assert draw(1997, "time", []).tolist() == []
