from tests.mail.killing import kill_senders


def test_killed_senders_lose_nothing_and_double_only_what_is_marked(engine):
    figures, faults = kill_senders(engine, kills=10, seed=4)
    assert faults == []
    assert figures.kills_under_way > 0
    assert figures.sent > 0
