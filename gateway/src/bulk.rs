//! Bulks: lines in, answers out, in order, without end.
