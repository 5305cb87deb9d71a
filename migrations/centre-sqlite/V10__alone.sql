-- Whether what a laptop wrote before it joined may still come. Written by hand; never edited once released.
-- Of laptops that are known nobody can say it; the next thing that one wrote since says no.
ALTER TABLE centre_device ADD COLUMN alone INTEGER NOT NULL DEFAULT 1 CHECK (alone IN (0, 1));
