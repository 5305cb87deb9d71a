-- How long laptops of an organization may work without contact.
ALTER TABLE centre.realm ADD COLUMN lease_days SMALLINT NOT NULL DEFAULT 7 CHECK (lease_days BETWEEN 1 AND 30);
