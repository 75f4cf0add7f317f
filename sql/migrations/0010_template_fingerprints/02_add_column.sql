-- The fingerprint of the shipped version last stored; null for what never was a shipped one. A
-- row whose words have another fingerprint was edited since, and is the operator's.
alter table loyalty.email_templates add column if not exists shipped_fingerprint text;
