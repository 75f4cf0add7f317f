-- Only the mailer claims mails.
revoke all on function loyalty.lock_mailed_cards(bigint[]) from public;
grant execute on function loyalty.lock_mailed_cards(bigint[]) to loyalty_mailer
