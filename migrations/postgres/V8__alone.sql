-- Whether what a laptop wrote before it joined may still come. Of laptops that are known nobody can say it;
-- the next thing that one wrote since says no.
ALTER TABLE centre.device ADD COLUMN alone BOOLEAN NOT NULL DEFAULT true;
