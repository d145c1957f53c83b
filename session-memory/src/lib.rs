//! An in-memory session store, bounded and on one clock.
