//! The session contracts as test cases, with clocks, faults and real servers.
