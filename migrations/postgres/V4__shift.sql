-- By how much a mutation moved the digest of a unit, on one of its lines about it.
ALTER TABLE centre.log ADD COLUMN shift BYTEA CHECK (length(shift) = 32);
