//! A Redis session store: one hash a session, one command an operation.
