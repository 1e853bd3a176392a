//! Reads over everything; changes nothing of others.
