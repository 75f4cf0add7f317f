-- Cards in a range of ids of which a run has planned something that is neither carried out nor
-- skipped. What is decided is taken off set by set: a range costs one look at each table, not one
-- look per card. A function and no view, because PostgreSQL applies no condition below `except`.
create function loyalty.undecided_cards(
    wanted_run_id bigint, wanted_kind text, after_card_id bigint, last_card_id bigint
)
returns table (card_id bigint)
language sql stable
begin atomic
    select members.card_id
    from loyalty.expiration_cohort_members as members
    where
        members.run_id = undecided_cards.wanted_run_id
        and members.kind = undecided_cards.wanted_kind
        and members.card_id > undecided_cards.after_card_id
        and members.card_id <= undecided_cards.last_card_id
    except
    select warnings.card_id
    from loyalty.expiration_warnings as warnings
    where
        warnings.run_id = undecided_cards.wanted_run_id
        and undecided_cards.wanted_kind = 'warning'
        and warnings.card_id > undecided_cards.after_card_id
        and warnings.card_id <= undecided_cards.last_card_id
    except
    select expirations.card_id
    from loyalty.expirations as expirations
    where
        expirations.run_id = undecided_cards.wanted_run_id
        and undecided_cards.wanted_kind = 'expiry'
        and expirations.card_id > undecided_cards.after_card_id
        and expirations.card_id <= undecided_cards.last_card_id
    except
    select skips.card_id
    from loyalty.expiration_skips as skips
    where
        skips.run_id = undecided_cards.wanted_run_id
        and skips.kind = undecided_cards.wanted_kind
        and skips.card_id > undecided_cards.after_card_id
        and skips.card_id <= undecided_cards.last_card_id
    -- A card may get back what several expiries took; while one is undecided, so is the card.
    union
    select undecided.card_id
    from loyalty.undecided_members as undecided
    where
        undecided.run_id = undecided_cards.wanted_run_id
        and undecided.kind = 'reinstatement'
        and undecided_cards.wanted_kind = 'reinstatement'
        and undecided.card_id > undecided_cards.after_card_id
        and undecided.card_id <= undecided_cards.last_card_id;
end;

revoke all on function loyalty.undecided_cards(bigint, text, bigint, bigint) from public;
grant execute on function loyalty.undecided_cards(bigint, text, bigint, bigint)
to loyalty_pipeline;
