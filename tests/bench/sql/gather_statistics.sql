-- Puts the tables into the state in which a live platform's autovacuum would keep them.
vacuum (analyze)
