-- Reads the tables that every way of expiring reads, then writes everything to the disk.
select count(*) from loyalty.loyalty_cards;

select count(*) from loyalty.customers;

checkpoint
