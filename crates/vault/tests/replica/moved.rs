//! What went out and came in stands in the log, one line for a while; and a person holds synchronizing up.

