//! How two become one: what a laptop does next, decided without sockets or clocks, and how it reaches the centre.
