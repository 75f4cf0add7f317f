-- Takes the next number for a sender.
-- In: the sequence. Out: one row, a number that comes back after two thousand million senders.
-- A rerun takes another one.
select nextval('loyalty.mail_sender_id_seq')::integer as sender_id
