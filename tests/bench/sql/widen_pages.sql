-- Leaves room on the cards' pages, so that a changed card stays on its page.
alter table loyalty.loyalty_cards set (fillfactor = 85);

vacuum (full, analyze) loyalty.loyalty_cards
