-- By how much a mutation moved the digest of a unit, on one of its lines about it. Written by hand; never
-- edited once released.
ALTER TABLE centre_log ADD COLUMN shift BLOB CHECK (length(shift) = 32);
