-- How long laptops of this organization may work without contact. Written by hand; never edited once
-- released.
ALTER TABLE centre_realm ADD COLUMN lease_days INTEGER NOT NULL DEFAULT 7 CHECK (lease_days BETWEEN 1 AND 30);
