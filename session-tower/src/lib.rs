//! A tower layer that gives each request its session.
